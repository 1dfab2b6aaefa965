//! `docs/policy.md`: every example in it is run.

use super::machine::Machine;
use crate::policy::Policy;
use crate::policy::overrides::{Setting, Source, VENDOR};

const DOCUMENT: &str = include_str!("../../../docs/policy.md");

fn examples() -> impl Iterator<Item = &'static str> {
    let rest = DOCUMENT.split("```toml\n").skip(1);
    rest.filter_map(|rest| rest.split("```").next())
}

fn example(begins: &str) -> &'static str {
    let mut examples = examples().filter(|example| example.contains(begins));
    examples
        .next()
        .unwrap_or_else(|| panic!("no example {begins:?}"))
}

#[test]
fn every_example_is_a_policy() {
    assert!(examples().count() >= 7);
    for example in examples() {
        let policy = Policy::parse(example).unwrap_or_else(|error| panic!("{example}\n{error}"));
        assert_ne!(policy, Policy::default(), "{example}");
    }
}

#[test]
fn examples_do_what_they_say() {
    for (begins, situation, expected) in [
        (
            "nothing from sticks",
            "s:a.grub,b v:c@debian n:d,e@debian,memtest86 u:f,rescue-1 o:rescue-2",
            "rescue-2 e a b c d [memtest86 19] [f 16] [rescue-1 16]",
        ),
        ("nothing from sticks", "u:a c:b", "[a 16] [b 16]"),
        ("Two disks of a mirror", "n:a,*b s:c", "b a c"),
    ] {
        let plan = Machine::new(situation).plan(example(begins));
        assert_eq!(plan, expected, "{begins}: {situation}");
    }
    let mirror = example("Two disks of a mirror");
    for (situation, missing) in [
        ("n: o:", &[][..]),
        ("n:", &[9]),
        ("o: s:", &[6]),
        ("", &[6, 9]),
    ] {
        assert_eq!(
            Machine::new(situation).missing(mirror),
            missing,
            "{situation}"
        );
    }
}

#[test]
fn all_that_can_be_set_from_outside_is_described() {
    for setting in Setting::all() {
        assert!(
            DOCUMENT.contains(&format!("`{}`", setting.key)),
            "{}",
            setting.key
        );
    }
    for source in Source::ALL {
        assert!(DOCUMENT.contains(&format!("| `\"{}\"` |", source.name())));
    }
    assert!(DOCUMENT.contains(VENDOR));
}

/// Every key is in a table of the document, and in an example.
#[test]
fn every_key_is_described() {
    for (table, keys) in [
        ("[wait]", &["disks", "settle"][..]),
        (
            "[[wait.wanted]]",
            &["transport", "removable", "disk", "volume", "partition"],
        ),
        ("[boot]", &["default", "follow", "guess", "count"]),
        ("[[boot.refuse]]", &["source", "id", "title", "system"]),
        ("[efi]", &["variables", "stand_in"]),
        (
            "[failure]",
            &[
                "attempts", "limit", "between", "entry", "then", "pause", "rounds", "finally",
                "resets", "cmos", "store", "tpm",
            ],
        ),
        ("[watchdog]", &["timeout", "kernel", "boot"]),
        (
            "[menu]",
            &[
                "timeout", "hidden", "idle", "stay", "plain", "choose", "edit", "once", "default",
                "shell", "password", "attempts",
            ],
        ),
        ("[report]", &["console", "kmsg", "sel", "summary"]),
        ("[override]", &["allow", "volume", "path"]),
    ] {
        assert!(DOCUMENT.contains(table), "{table}");
        for key in keys {
            assert!(DOCUMENT.contains(&format!("| `{key}` |")), "{key}");
            let is_used = |example: &str| example.contains(&format!("\n{key} = "));
            assert!(examples().any(is_used), "{key}");
        }
    }
}
