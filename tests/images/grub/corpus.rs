//! Written scripts: `corpus/*.txt` holds many, each behind a line that begins with `=== `.

use std::path::Path;

use super::oracle::{grub, ours};

/// Where we differ from GRUB on purpose: `name: reason`, and behind it what we print, each line with a tab
/// in front.
const WANTED: &str = include_str!("wanted-differences.txt");

fn scripts() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/grub/corpus");
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut scripts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let named = split(&text).into_iter();
        scripts.extend(named.map(|(name, script)| (format!("{stem}/{name}"), script)));
    }
    scripts
}

/// The scripts in a text, by their names.
pub fn split(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n=== ").skip(1);
    let parts = parts.map(|part| part.split_once('\n').unwrap());
    parts
        .map(|(name, script)| (name.to_owned(), format!("{script}\n")))
        .collect()
}

#[test]
fn written_scripts_print_the_same() {
    let scripts = scripts();
    assert!(scripts.len() >= 300, "{} scripts", scripts.len());
    let halves: Vec<&[(String, String)]> = scripts.chunks(scripts.len().div_ceil(2)).collect();
    let mut different = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .into_iter()
            .map(|half| scope.spawn(move || half.iter().filter_map(difference).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            different.extend(thread.join().unwrap());
        }
    });
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What differs, in words.
fn difference((name, script): &(String, String)) -> Option<String> {
    let texts = [script.clone()];
    let (theirs, ours) = (grub(&texts).remove(0), ours(&texts).remove(0));
    let (theirs, ours) = (theirs.trim_end(), ours.trim_end());
    match (theirs == ours, wanted(name)) {
        (true, None) => None,
        (true, Some(_)) => Some(format!("{name}: is no longer different")),
        (false, None) => Some(format!(
            "--- {name}\n{script}>>> GRUB\n{theirs}\n>>> we\n{ours}"
        )),
        (false, Some(wanted)) if wanted == ours => None,
        (false, Some(wanted)) => Some(format!(
            "--- {name}\n{script}>>> we should print\n{wanted}\n>>> we print\n{ours}"
        )),
    }
}

/// What we print where that is another thing than GRUB prints.
fn wanted(name: &str) -> Option<String> {
    let mut lines = WANTED.lines();
    lines.find(|line| {
        let named = line.split_once(": ");
        named.is_some_and(|(named, _)| named == name)
    })?;
    let ours = lines.map_while(|line| line.strip_prefix('\t'));
    Some(ours.collect::<Vec<_>>().join("\n"))
}

/// A reason for a script that is not there would never be looked at.
#[test]
fn wanted_differences_are_of_scripts() {
    let scripts = scripts();
    for line in WANTED.lines().filter(|line| !line.starts_with(['#', '\t'])) {
        let (name, _) = line.split_once(": ").expect(line);
        assert!(scripts.iter().any(|(known, _)| known == name), "{line}");
    }
}
