//! Where we differ from GRUB on purpose: `differences.txt`, one file for everything that is compared. A line is
//! `NAME: REASON`; behind it stands what is seen here, each line of it with a tab in front.

use std::collections::BTreeSet;

use super::{booted, corpus, systems};

const WANTED: &str = include_str!("differences.txt");

/// What is wrong with `ours`, which should be `theirs` or what the file says of `name`. `text` shows what it comes
/// from.
pub fn compare(name: &str, text: &str, theirs: &str, ours: &str) -> Option<String> {
    let (theirs, ours) = (theirs.trim_end(), ours.trim_end());
    match (theirs == ours, wanted(name)) {
        (true, None) => None,
        (true, Some(_)) => Some(format!("{name}: is no longer different")),
        (false, None) => Some(format!(
            "--- {name}\n{text}>>> GRUB\n{theirs}\n>>> we\n{ours}"
        )),
        (false, Some(wanted)) if wanted == ours => None,
        (false, Some(wanted)) => Some(format!(
            "--- {name}\n{text}>>> this is wanted\n{wanted}\n>>> GRUB\n{theirs}\n>>> we\n{ours}"
        )),
    }
}

fn wanted(name: &str) -> Option<String> {
    let mut lines = WANTED.lines();
    lines.find(|line| {
        line.split_once(": ")
            .is_some_and(|(named, _)| named == name)
    })?;
    let ours = lines.map_while(|line| line.strip_prefix('\t'));
    Some(ours.collect::<Vec<_>>().join("\n"))
}

/// A reason for something that is not there would never be looked at.
#[test]
fn each_difference_is_of_something_that_is_compared() {
    let scripts = corpus::scripts().into_iter().map(|(name, _)| name);
    let known = scripts.chain(booted::names()).chain(systems::names());
    let known: BTreeSet<String> = known.collect();
    let mut seen = BTreeSet::new();
    for line in WANTED.lines().filter(|line| !line.starts_with(['#', '\t'])) {
        let (name, reason) = line.split_once(": ").expect(line);
        assert!(known.contains(name) && !reason.is_empty(), "{line}");
        assert!(seen.insert(name), "{name} is there twice");
    }
}
