//! `docs/policy.md`: every key is in it, and what comes of every example stands here.

use std::collections::BTreeSet;
use std::time::Duration;

use super::failures::story;
use super::machine::Machine;
use crate::menu::{Access, Charset, Event, Key, Model, Size, Wish};
use crate::policy::asked;
use crate::policy::examples::{DOCUMENT, examples};
use crate::policy::overrides::{Setting, Source, Told, VENDOR};
use crate::policy::{Action, Ending, Policy};
use crate::store::Choice;
use crate::trust::Mode;

/// An example by what its first line says, and what comes of it.
type Outcome = (&'static str, fn(&'static str));

const OUTCOMES: [Outcome; 12] = [
    ("Two disks of a mirror", mirror),
    ("nothing from sticks", fixed_disks),
    ("A disk of an older machine", older_machine),
    ("nothing is written to them", variables),
    ("A disk that is slow to wake", slow_disk),
    ("A machine without UEFI", without_uefi),
    ("not up after five minutes", armed_watchdog),
    ("Ten seconds for who looks after", menu),
    ("is read by a machine", report),
    ("Who starts the virtual machine", overrides),
    ("The owner signs manifests", trust),
    ("A test machine", test_machine),
];

#[test]
fn examples_do_what_they_say() {
    let mut left: Vec<&str> = examples().collect();
    for (begins, outcome) in OUTCOMES {
        let is_meant = |example: &&str| example.lines().next().unwrap().contains(begins);
        let place = left.iter().position(is_meant);
        let example = left.remove(place.unwrap_or_else(|| panic!("no example {begins:?}")));
        outcome(example);
    }
    assert_eq!(left, [""; 0], "nobody says what comes of these");
}

fn parse(example: &str) -> Policy {
    Policy::parse(example).unwrap_or_else(|error| panic!("{example}\n{error}"))
}

/// What is tried in these machines.
fn plans(example: &str, rows: &[(&str, &str)]) {
    for (situation, expected) in rows {
        let plan = Machine::new(situation).plan(example);
        assert_eq!(plan, *expected, "{situation}\n{example}");
    }
}

/// What follows failures.
fn stories(example: &str, rows: &[(&str, &str)]) {
    for (situation, expected) in rows {
        assert_eq!(
            story(situation, example),
            *expected,
            "{situation}\n{example}"
        );
    }
}

fn mirror(example: &'static str) {
    plans(example, &[("n:a,*b s:c", "b a c")]);
    for (situation, missing) in [
        ("n: o:", &[][..]),
        ("n:", &[9]),
        ("o: s:", &[6]),
        ("", &[6, 9]),
    ] {
        assert_eq!(
            Machine::new(situation).missing(example),
            missing,
            "{situation}"
        );
    }
    // Who has both starts at once, also while another one comes.
    for (situation, seconds, outcome) in [
        ("n: o:", 0, ""),
        ("n: s:", 0, "the disks that the policy wants"),
        ("n: s:", 3, "the disks that the policy wants"),
        ("n: s:", 4, "9"),
    ] {
        let settled = Machine::new(situation).settled(example, true, seconds);
        assert_eq!(settled, outcome, "{situation} after {seconds} s");
    }
}

fn fixed_disks(example: &'static str) {
    plans(
        example,
        &[
            (
                "s:a.grub,b v:c@debian n:d,e@debian,memtest86 u:f,rescue-1 o:rescue-2",
                "rescue-2 e a b c d [memtest86 19] [f 16] [rescue-1 16]",
            ),
            ("u:a c:b", "[a 16] [b 16]"),
            ("n:a,*b,c.guess", "b a"),
        ],
    );
}

fn older_machine(example: &'static str) {
    plans(
        example,
        &[
            (
                "v:a n:b@debian s:c u:d.grub,e o:f@debian,g",
                "c b g a e [d 11] [f 15]",
            ),
            ("u:a c:b", "a b"),
        ],
    );
}

/// What is for one boot is passed over, as the tests of the firmware show.
fn variables(example: &'static str) {
    plans(
        example,
        &[("n:a,b,c always=c", "c a b"), ("n:a,*b,c", "b a c")],
    );
    assert!(!parse(example).efi.stand_in);
}

fn slow_disk(example: &'static str) {
    stories(
        example,
        &[
            ("a--+ b+", "a 2 a 2 a"),
            ("a- b-+", "a 2 a 2 a b 2 b"),
            ("a!", "a 10 | a 10 | a 10 |"),
        ],
    );
    plans(
        example,
        &[
            ("n:a,b started=aa", "a b"),
            ("n:a,b started=aaa", "b a"),
            ("n:a,b,c started=aaa good=c", "c b a"),
        ],
    );
    let failure = parse(example).failure;
    let after: Vec<Action> = (4..=5).map(|round| failure.after(round)).collect();
    assert_eq!(after, [Action::Retry, Action::End(Ending::Reboot)]);
    assert_eq!(failure.limit.as_secs(), 300);
    assert_eq!(failure.store, Choice::Cmos(96));
}

fn without_uefi(example: &'static str) {
    plans(
        example,
        &[("n:a,b started=aa", "a b"), ("n:a,b started=aaa", "b a")],
    );
    assert_eq!(parse(example).failure.store, Choice::Tpm(Choice::INDEX));
}

fn armed_watchdog(example: &'static str) {
    plans(
        example,
        &[("n:a,b started=aa", "a b"), ("n:a,b started=aaa", "b a")],
    );
    let watchdog = parse(example).watchdog;
    assert!(watchdog.armed);
    assert_eq!((watchdog.timeout, watchdog.boot), (60, 300));
}

fn menu(example: &'static str) {
    let policy = parse(example).menu;
    assert!(policy.is_password("correct horse"));
    assert!(!policy.is_password("battery staple"));
    let may = &policy.permissions;
    let who = [may.choose, may.edit, may.once, may.default, may.shell];
    let (yes, password, no) = (Access::Yes, Access::Password, Access::No);
    assert_eq!(who, [yes, password, password, no, no]);
    assert_eq!(may.attempts, 3);
    // Nobody comes, and what is first is started after ten seconds.
    let seconds = Duration::from_secs;
    let model = || {
        let (inventory, found) = Machine::new("n:a,b").into_found();
        let listing = crate::menu::Listing::new(&inventory, &found, Some("a"));
        let (permissions, timeout) = (policy.permissions.clone(), Some(policy.timeout));
        let mut model = Model::new(String::new(), Vec::new(), permissions, timeout, seconds(0));
        model.handle(Event::Found(listing));
        model
    };
    let starts = |wishes: &[Wish]| matches!(wishes, [Wish::Start(choice)] if choice.id == "a");
    let mut alone = model();
    assert_eq!(alone.handle(Event::Tick(seconds(9))), []);
    assert!(starts(&alone.handle(Event::Tick(seconds(10)))));
    // Who came and went has two minutes.
    let mut left = model();
    left.handle(Event::Tick(seconds(1)));
    left.handle(Event::Key(Key::Down, Size::VT100, Charset::Ascii));
    assert_eq!(left.handle(Event::Tick(seconds(100))), []);
    left.handle(Event::Tick(seconds(121)));
    assert!(starts(&left.handle(Event::Tick(seconds(131)))));
}

fn report(example: &'static str) {
    let report = parse(example).report;
    assert_eq!(report.console.as_deref(), Some("ttyS1"));
    assert_eq!(
        [report.kmsg, report.sel, report.summary],
        [true, false, true]
    );
}

fn overrides(example: &'static str) {
    let policy = parse(example);
    let told = [
        (Source::FwCfg, "boot.prefer", "usb"),
        (Source::FwCfg, "boot.default", "a"),
        (Source::File, "boot.default", "b"),
        (Source::CommandLine, "wait.disks", "1"),
    ];
    let told = told.map(|(source, key, value)| Told {
        source,
        key: key.to_owned(),
        value: Ok(value.to_owned()),
    });
    let result = policy.overridden(&told);
    // The file is named first: what starts the machine says it last. Nobody asked the command line.
    let set = [
        ("boot.prefer", Source::FwCfg),
        ("boot.default", Source::FwCfg),
    ];
    assert_eq!(result.set, set);
    let plan = Machine::new("n:x,b u:y,a").plan_of(&result.policy);
    assert_eq!(plan, "a y x b");
    let (volume, path) = policy.overrides.file.unwrap();
    assert_eq!(
        (volume.as_str(), path.as_str()),
        ("DATA", "/pilotlight.conf")
    );
}

/// What is decided of signatures is in the tests of the verdict.
fn trust(example: &'static str) {
    plans(example, &[("n:a,*b", "b a")]);
    assert_eq!(parse(example).trust.mode, Mode::Enforce);
}

fn test_machine(example: &'static str) {
    stories(
        example,
        &[("a- b-", "a b 3 | a b 3 power off"), ("a-+", "a 3 | a")],
    );
    plans(example, &[("n:a,*b", "b a")]);
    assert_eq!(parse(example).wait.disks.as_secs(), 20);
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

/// Keys of rules on disks and entries, which two tables have, are in the example of one of them.
fn family(table: &str) -> &str {
    match table {
        "refuse" => "prefer",
        other => other,
    }
}

/// The last name of a header: `anchor` of `[[trust.anchor]]`.
fn header(line: &str) -> Option<&str> {
    let names = line.strip_prefix('[')?.trim_matches(['[', ']']);
    names.rsplit('.').next()
}

/// The keys of an example with their tables.
fn keys(example: &str) -> Vec<(String, String)> {
    let mut table = "the file";
    let mut keys = Vec::new();
    for line in example.lines() {
        if let Some(name) = header(line) {
            table = name;
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push((family(table).to_owned(), key.to_owned()));
        }
    }
    keys
}

/// The section of the document on a table.
fn section(table: &str) -> &'static str {
    let is_of = |section: &&str| {
        let heading = section.lines().next().unwrap_or_default();
        let mut headers = heading.split('`').filter_map(header);
        headers.any(|name| name == table)
    };
    let mut sections = DOCUMENT
        .split("\n## ")
        .flat_map(|section| section.split("\n### "));
    let found = sections.find(is_of);
    found.unwrap_or_else(|| panic!("no section on [{table}]"))
}

/// Every key that is asked for when a policy is read is in the table of its section, and in an example.
#[test]
fn every_key_is_described() {
    let used: BTreeSet<(String, String)> = examples().flat_map(keys).collect();
    asked::take();
    examples().for_each(|example| drop(parse(example)));
    let asked = asked::take();
    let tables: BTreeSet<&str> = asked.iter().map(|(table, _)| *table).collect();
    let mut of_tables = 0;
    for (table, key) in &asked {
        let row = |line: &str| {
            let names = line
                .strip_prefix("| ")
                .and_then(|line| line.split(" | ").next());
            names.is_some_and(|names| names.split(", ").any(|name| name == format!("`{key}`")))
        };
        if *table != "the file" && section(table).lines().any(row) {
            let use_of_it = (family(table).to_owned(), key.clone());
            assert!(
                used.contains(&use_of_it),
                "no example of `{key}` of [{table}]"
            );
            continue;
        }
        // Otherwise it is a table of its own, which an example has: its keys were asked for.
        assert!(
            tables.contains(key.as_str()),
            "`{key}` of [{table}] is not described"
        );
        section(key);
        of_tables += 1;
    }
    assert_eq!(of_tables, 15, "{tables:?}");
}
