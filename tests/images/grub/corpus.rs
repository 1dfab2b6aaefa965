//! Written scripts: `corpus/*.txt` holds many, each behind a line that begins with `=== `.

use std::path::Path;

use super::oracle::{grub, ours};
use super::wanted::compare;

/// All of them.
pub fn scripts() -> Vec<(String, String)> {
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
    compare(name, script, &grub(&texts)[0], &ours(&texts)[0])
}
