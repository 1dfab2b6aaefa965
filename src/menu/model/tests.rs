//! Tests of the model: what keys and time bring about.

use super::*;
use crate::boot::Step;
use crate::config::Found;
use crate::entry::{BootEntry, Change, FileRef, Password, PayloadKind, Problem};
use crate::fs::FsPath;
use crate::inventory::Inventory;
use crate::menu::tests::{Machine, any_key};
use crate::menu::{Access, Choice};
use proptest::prelude::*;

const S: Duration = Duration::from_secs(1);

fn started(wishes: &[Wish]) -> Vec<&str> {
    let ids = wishes.iter().filter_map(|wish| match wish {
        Wish::Start(choice) => Some(choice.id.as_str()),
        _ => None,
    });
    ids.collect()
}

/// What is chosen, by title.
fn chosen(machine: &Machine) -> String {
    let model = &machine.model;
    match model.rows().get(model.level().chosen) {
        None => String::new(),
        Some(Row::Menu(title, _)) => format!("{title} >"),
        Some(Row::Item(i)) => model.listing.items[*i].title.clone(),
    }
}

#[test]
fn submenus_open_and_close() {
    let mut machine = Machine::new(
        &["a", "More/b", "More/Old/c", "d", "More/e"],
        Timeout::default(),
    );
    assert_eq!(machine.model.rows().len(), 3);
    machine.press(&[Key::Down, Key::Enter]);
    assert_eq!(machine.model.rows().len(), 3);
    assert_eq!(chosen(&machine), "b");
    machine.press(&[Key::Down, Key::Right]);
    assert_eq!(
        (chosen(&machine).as_str(), machine.model.rows().len()),
        ("c", 1)
    );
    machine.press(&[Key::Escape]);
    assert_eq!(chosen(&machine), "Old >");
    machine.press(&[Key::Left, Key::Left, Key::Left]);
    assert_eq!(chosen(&machine), "More >");
    let wishes = machine.press(&[Key::Char('3'), Key::Enter]);
    assert_eq!(started(&wishes), ["d"]);
}

#[test]
fn numbers_choose_as_they_are_typed() {
    let titles: Vec<String> = (1..=120).map(|i| format!("e{i}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mut machine = Machine::new(&titles, Timeout::default());
    let mut seen = Vec::new();
    for digit in "1209034".chars() {
        machine.press(&[Key::Char(digit)]);
        seen.push(chosen(&machine));
    }
    assert_eq!(seen, ["e1", "e12", "e120", "e9", "e90", "e3", "e34"]);
    machine.press(&[Key::Down, Key::Char('5')]);
    assert_eq!(chosen(&machine), "e5");
    machine.press(&[Key::PageDown]);
    assert_eq!(chosen(&machine), "e23");
    machine.press(&[Key::End]);
    assert_eq!(chosen(&machine), "e120");
}

#[test]
fn a_search_finds_in_all_menus_while_it_is_typed() {
    let mut machine = Machine::new(&["Debian", "More/Debian old", "Fedora"], Timeout::default());
    machine.press(&[Key::Down, Key::Char('/')]);
    machine.type_in("OLD debi");
    assert_eq!(
        (chosen(&machine).as_str(), machine.model.rows().len()),
        ("Debian old", 1)
    );
    // Letters are no commands here, nor are digits numbers.
    machine.type_in("e1");
    assert_eq!(machine.model.rows().len(), 0);
    assert_eq!(machine.press(&[Key::Enter, Key::Enter]), []);
    machine.press(&[Key::Char('/'), Key::Backspace, Key::Backspace, Key::Enter]);
    let wishes = machine.press(&[Key::Enter]);
    assert_eq!(started(&wishes), ["Debian old"]);
    let mut machine = Machine::new(&["Debian", "More/Debian old", "Fedora"], Timeout::default());
    machine.press(&[
        Key::Down,
        Key::Down,
        Key::Char('/'),
        Key::Char('x'),
        Key::Escape,
    ]);
    assert_eq!(chosen(&machine), "Fedora");
}

#[test]
fn what_is_found_is_chosen_from_while_something_is_searched_for() {
    let titles: Vec<String> = (0..50).map(|number| format!("e{number}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mut machine = Machine::new(&titles, Timeout::default());
    machine.press(&[Key::Char('/'), Key::Char('e')]);
    for (key, title) in [
        (Key::Down, "e1"),
        (Key::Ctrl('n'), "e2"),
        (Key::PageDown, "e20"),
        (Key::End, "e49"),
        // Nobody sees a place between the letters that was gone to: there is none.
        (Key::Left, "e49"),
        (Key::Home, "e0"),
    ] {
        machine.press(&[key]);
        assert_eq!(chosen(&machine), title, "{key:?}");
    }
    let query = |machine: &Machine| machine.model.level().query().unwrap();
    machine.press(&[Key::WordLeft, Key::Char('1')]);
    assert_eq!(query(&machine), "e1");
    machine.press(&[Key::Down, Key::Ctrl('w')]);
    assert_eq!(
        (query(&machine), chosen(&machine)),
        (String::new(), "e0".to_owned())
    );
    // A text that is pasted is not looked for as a whole.
    machine.type_in(&"e ".repeat(2000));
    assert_eq!(query(&machine), "e ".repeat(32));
    // Nor is half of a letter: 64 bytes are the longest.
    machine.press(&[Key::Backspace]);
    machine.type_in("木é");
    assert_eq!(query(&machine).len(), 63);
    machine.type_in("e");
    assert_eq!(query(&machine).len(), 64);
    machine.press(&[Key::Ctrl('u')]);
    machine.type_in("e49");
    assert_eq!(chosen(&machine), "e49");
}

#[test]
fn what_is_chosen_stays_when_disks_come() {
    let mut machine = Machine::new(&["a", "b", "More/c"], Timeout::default());
    machine.press(&[Key::Char('2')]);
    machine.find(&["x", "y", "a", "b", "More/c"]);
    assert_eq!(chosen(&machine), "b");
    machine.press(&[Key::End, Key::Enter]);
    machine.find(&["More/z", "More/c"]);
    assert_eq!(chosen(&machine), "c");
    // The submenu has gone, and then everything.
    machine.find(&["a"]);
    assert_eq!(chosen(&machine), "a");
    machine.find(&[]);
    assert_eq!(chosen(&machine), "");
    assert_eq!(machine.press(&[Key::Enter, Key::Down, Key::Char('1')]), []);
}

#[test]
fn the_countdown_ends_with_a_start_or_a_key() {
    let wait = |seconds| Timeout {
        wait: Some(S * seconds),
        ..Timeout::default()
    };
    let mut machine = Machine::new(&["a", "*b"], wait(5));
    assert_eq!(chosen(&machine), "b");
    assert_eq!(machine.tick(4), []);
    let wishes = machine.tick(5);
    assert_eq!(started(&wishes), ["b"]);
    assert!(matches!(&wishes[0], Wish::Start(choice) if !choice.by_person));
    assert_eq!(machine.tick(100), []);

    // A key stops it, and does what it does.
    let mut machine = Machine::new(&["a", "*b"], wait(5));
    machine.press(&[Key::Up]);
    assert_eq!(
        (chosen(&machine).as_str(), machine.tick(100).len()),
        ("a", 0)
    );
    // Space and Escape only stop it.
    let mut machine = Machine::new(&["a", "*b"], wait(5));
    machine.press(&[Key::Escape]);
    assert_eq!(machine.tick(100), []);
    let mut machine = Machine::new(&["a", "*b"], wait(5));
    assert_eq!(started(&machine.press(&[Key::Enter])), ["b"]);

    // Nothing is there yet: what comes is started at once.
    let mut machine = Machine::new(&[], wait(5));
    assert_eq!(machine.tick(9), []);
    machine.find(&["*c"]);
    assert_eq!(started(&machine.tick(9)), ["c"]);
}

#[test]
fn none_means_none_unless_a_key_was_pressed_before() {
    let none = Timeout {
        wait: Some(Duration::ZERO),
        ..Timeout::default()
    };
    let mut machine = Machine::new(&["*a"], none);
    assert!(machine.model.is_hidden());
    assert_eq!(started(&machine.tick(0)), ["a"]);
    for key in [Key::Char(' '), Key::Escape] {
        let mut machine = Machine::new(&["*a"], none);
        machine.press(&[key]);
        assert!(!machine.model.is_hidden());
        assert_eq!(machine.tick(100), []);
    }
    // What else lies in a line, such as noise, does not count.
    let mut machine = Machine::new(&["*a"], none);
    machine.press(&[Key::Enter, Key::Char('x'), Key::Up]);
    assert_eq!(started(&machine.tick(0)), ["a"]);
    let hidden = Timeout {
        wait: Some(S * 3),
        hidden: true,
        ..Timeout::default()
    };
    let mut machine = Machine::new(&["*a"], hidden);
    machine.press(&[Key::Enter]);
    assert!(machine.model.is_hidden());
    assert_eq!(started(&machine.tick(3)), ["a"]);
}

#[test]
fn who_comes_while_something_is_started_unseen_sees_it() {
    let none = Timeout {
        wait: Some(Duration::ZERO),
        ..Timeout::default()
    };
    let mut machine = Machine::new(&["*a", "b"], none);
    assert_eq!(started(&machine.tick(0)), ["a"]);
    let attempt = || Event::Attempt("a".to_owned(), "disk".to_owned());
    machine.model.handle(attempt());
    assert!(machine.model.is_hidden() && !machine.model.holds());
    machine.press(&[Key::Char('x')]);
    assert!(machine.model.is_hidden());
    // Unseen it goes on to the next one, and waits for one that comes later.
    machine.find(&["a"]);
    let failed = || Event::Failed("unreadable".to_owned(), Some(Duration::ZERO));
    machine.model.handle(failed());
    assert!(machine.model.is_hidden() && machine.tick(1).is_empty());
    assert_eq!(machine.model.next(), None);
    machine.find(&["a", "*c"]);
    assert_eq!(started(&machine.tick(2)), ["c"]);
    machine.press(&[Key::Escape]);
    assert!(!machine.model.is_hidden() && machine.model.page.is_some());
    machine.model.handle(failed());
    assert!(machine.model.holds() && machine.tick(3).is_empty());
}

#[test]
fn somebody_who_has_gone_does_not_keep_the_machine_from_booting() {
    let timeout = Timeout {
        wait: Some(S * 5),
        hidden: false,
        idle: Some(S * 60),
        stay: None,
    };
    let mut machine = Machine::new(&["*a", "b"], timeout);
    machine.press(&[Key::Down, Key::Char('e'), Key::Char('x')]);
    assert_eq!(machine.tick(59), []);
    assert!(machine.model.page.is_some());
    assert_eq!(machine.tick(60), []);
    assert!(machine.model.page.is_none());
    let wishes = machine.tick(70);
    assert!(matches!(&wishes[..], [Wish::Start(Choice { id, cmdline: None, .. })] if id == "a"));
}

#[test]
fn a_password_is_forgotten_with_whoever_has_gone_also_where_somebody_has_to_come() {
    let timeout = Timeout {
        wait: None,
        hidden: false,
        idle: Some(S * 60),
        stay: None,
    };
    let mut machine = Machine::new(&["*a", "b"], timeout);
    machine.model.permissions.edit = Access::Password;
    machine.model.permissions.password = true;
    machine.model.permissions.attempts = 3;
    machine.press(&[Key::Char('e'), Key::Char('x'), Key::Enter]);
    machine.model.handle(Event::Checked(true));
    assert!(machine.model.guard.is_open() && machine.model.page.is_some());
    assert_eq!(machine.model.next(), Some(S * 60));
    assert_eq!(machine.tick(60), []);
    assert!(!machine.model.guard.is_open() && machine.model.page.is_none());
    // It still waits, and nobody is told to have gone again.
    assert!(machine.model.holds() && machine.model.message.take().is_some());
    assert_eq!(machine.tick(6000), []);
    assert_eq!(
        (machine.model.message.take(), machine.model.next()),
        (None, None)
    );
    machine.press(&[Key::Char('e')]);
    assert!(matches!(machine.model.page, Some(Page::Password(_))));
}

/// No time is told while a shell has the terminal. What was typed at another one meanwhile comes first, once the shell
/// was ended.
#[test]
fn a_key_after_somebody_has_gone_is_somebody_elses() {
    for wait in [None, Some(S * 5)] {
        let timeout = Timeout {
            wait,
            idle: Some(S * 60),
            ..Timeout::default()
        };
        let mut machine = Machine::new(&["*a", "b"], timeout);
        machine.model.permissions.shell = Access::Password;
        machine.model.permissions.password = true;
        machine.model.permissions.attempts = 3;
        machine.press(&[Key::Char('c'), Key::Char('x'), Key::Enter]);
        assert_eq!(machine.model.handle(Event::Checked(true)), [Wish::Shell]);
        machine.model.clock(S * 60);
        assert_eq!(machine.press(&[Key::Char('c')]), []);
        assert!(
            matches!(machine.model.page, Some(Page::Password(_))),
            "{wait:?}"
        );
    }
}

#[test]
fn a_failure_comes_back_to_the_menu_and_goes_on() {
    let timeout = Timeout {
        wait: Some(S),
        ..Timeout::default()
    };
    let mut machine = Machine::new(&["*a", "b"], timeout);
    assert_eq!(started(&machine.tick(1)), ["a"]);
    machine
        .model
        .handle(Event::Failed("unreadable".to_owned(), Some(S * 3)));
    machine.find(&["a", "*b"]);
    assert_eq!(machine.tick(3), []);
    assert_eq!(started(&machine.tick(4)), ["b"]);
    assert!(!machine.model.holds());
    // Keys do not tear apart what is being done, but somebody is here then.
    assert_eq!(machine.press(&[Key::Enter, Key::Escape]), []);
    machine
        .model
        .handle(Event::Failed("unreadable".to_owned(), Some(S)));
    assert!(machine.model.holds());
    assert_eq!(machine.model.message.as_deref(), Some("unreadable"));
    assert_eq!(machine.tick(1000), []);
}

#[test]
fn an_edited_line_is_started_and_remembered() {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    machine.press(&[Key::Char('e'), Key::Ctrl('w')]);
    machine.type_in("single");
    let wishes = machine.press(&[Key::Ctrl('x')]);
    assert!(
        matches!(&wishes[..], [Wish::Start(Choice { id, cmdline: Some(text), by_person: true, .. })]
            if id == "a" && text == "root=a single"),
        "{wishes:?}"
    );
    machine.model.handle(Event::Failed(String::new(), None));
    // The history has it, for another entry, too; and what was there before is not lost.
    machine.press(&[Key::Down, Key::Char('e'), Key::Char('x'), Key::Up]);
    let text = |machine: &Machine| match &machine.model.page {
        Some(Page::Edit(editing)) => editing.line.text(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(&machine), "root=a single");
    machine.press(&[Key::Up, Key::Down]);
    assert_eq!(text(&machine), "root=b quietx");
    machine.press(&[Key::Ctrl('r')]);
    assert_eq!(text(&machine), "root=b quiet");
    // Not changed: nothing is asked for.
    let wishes = machine.press(&[Key::Enter]);
    assert!(matches!(
        &wishes[..],
        [Wish::Start(Choice { cmdline: None, .. })]
    ));
}

#[test]
fn other_initrds_are_for_one_start() {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    machine.press(&[Key::Char('i')]);
    // Its own, then that of the other one.
    machine.press(&[Key::Char(' '), Key::Char('2'), Key::Char(' '), Key::Enter]);
    let wishes = machine.press(&[Key::Char('e'), Key::Char('x'), Key::Enter]);
    let [Wish::Start(choice)] = &wishes[..] else {
        panic!("{wishes:?}");
    };
    let paths: Vec<&str> = choice
        .initrd
        .iter()
        .flatten()
        .map(|i| i.file.path.as_str())
        .collect();
    assert_eq!(
        (paths, choice.cmdline.as_deref()),
        (vec!["/b.img"], Some("root=a quietx"))
    );
    let entry = choice.apply(&BootEntry::on_disk(0, "a"));
    assert_eq!(
        (entry.initrd.len(), entry.cmdline.as_str()),
        (1, "root=a quietx")
    );
    machine.model.handle(Event::Failed(String::new(), None));
    let wishes = machine.press(&[Key::Enter]);
    assert!(matches!(
        &wishes[..],
        [Wish::Start(Choice {
            initrd: None,
            cmdline: None,
            ..
        })]
    ));
}

/// Only what policy allows is done.
#[test]
fn what_the_policy_does_not_allow_is_refused() {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    machine.model.permissions = Permissions::default();
    let all: Vec<Key> = "eiocqs".chars().map(Key::Char).collect();
    for key in all.iter().chain(&[Key::Ctrl('c')]) {
        assert_eq!(machine.press(&[*key]), []);
        assert!(machine.model.page.is_none());
    }
    assert_eq!(machine.press(&[Key::Down, Key::Enter]), []);
    assert_eq!(
        machine.model.message.as_deref(),
        Some("the policy does not allow this")
    );
    // A password that is not there opens nothing.
    machine.model.permissions.choose = Access::Password;
    assert_eq!(machine.press(&[Key::Enter]), []);
    assert!(machine.model.page.is_none());
    assert_eq!(started(&machine.press(&[Key::Up, Key::Enter])), ["a"]);
}

/// Whoever may change what is started without a person may start nothing else by it.
#[test]
fn who_may_not_choose_starts_no_other_entry_by_changing_it() {
    for choose in [Access::No, Access::Password] {
        let mut machine = Machine::new(&["*a", "b"], Timeout::default());
        machine.model.permissions.choose = choose;
        machine.press(&[Key::Down]);
        for keys in ["e", "i", "o", "s"] {
            for key in [Key::Char(keys.chars().next().unwrap()), Key::Enter] {
                assert_eq!(machine.press(&[key]), [], "{choose:?} {keys}");
            }
            assert!(machine.model.page.is_none(), "{choose:?} {keys}");
            assert_eq!(
                machine.model.message.as_deref(),
                Some("the policy does not allow this")
            );
        }
        machine.press(&[Key::Up]);
        let wishes = machine.press(&[Key::Char('e'), Key::Char('x'), Key::Enter]);
        assert_eq!(started(&wishes), ["a"], "{choose:?}");
    }
}

#[test]
fn what_is_no_longer_started_by_itself_is_not_started_by_who_was_editing_it() {
    for (choose, starts) in [(Access::No, false), (Access::Yes, true)] {
        let mut machine = Machine::new(&["*a", "b"], Timeout::default());
        machine.model.permissions.choose = choose;
        for (draft, key) in [(true, 'i'), (false, 'e')] {
            machine.find(&["*a", "b"]);
            machine.press(&[Key::Char(key), Key::Char(' ')]);
            if draft {
                machine.press(&[Key::Enter]);
            }
            machine.find(&["a", "*b"]);
            assert_eq!(
                !started(&machine.press(&[Key::Enter])).is_empty(),
                starts,
                "{key}"
            );
            machine.model.handle(Event::Failed(String::new(), None));
        }
    }
    // Nor is it as it was changed, where the policy allows no change any more.
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    machine.press(&[Key::Char('e'), Key::Char('x')]);
    let permissions = Permissions {
        edit: Access::No,
        ..machine.model.permissions.clone()
    };
    machine.model.handle(Event::Allow(permissions));
    assert_eq!(machine.press(&[Key::Enter]), []);
    assert_eq!(started(&machine.press(&[Key::Enter])), ["a"]);
}

#[test]
fn a_password_opens_what_it_guards() {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    machine.model.permissions = Permissions {
        choose: Access::Password,
        edit: Access::Password,
        password: true,
        attempts: 3,
        ..Permissions::default()
    };
    machine.press(&[Key::Down, Key::Enter]);
    machine.type_in("xyz");
    assert_eq!(
        machine.press(&[Key::Enter]),
        [Wish::Check("xyz".to_owned())]
    );
    // Nothing is taken while it is checked, and not right after it.
    assert_eq!(machine.press(&[Key::Enter, Key::Escape]), []);
    assert_eq!(machine.model.handle(Event::Checked(false)), []);
    machine.type_in("abc");
    assert_eq!(machine.press(&[Key::Enter]), []);
    machine.tick(1);
    machine.type_in("secret");
    assert_eq!(
        machine.press(&[Key::Enter]),
        [Wish::Check("secret".to_owned())]
    );
    let wishes = machine.model.handle(Event::Checked(true));
    assert_eq!(started(&wishes), ["b"]);
    machine.model.handle(Event::Failed(String::new(), None));
    machine.press(&[Key::Char('e')]);
    assert!(matches!(machine.model.page, Some(Page::Edit(_))));
    // An answer that nobody waits for opens nothing.
    machine.model.guard.close();
    machine.model.handle(Event::Checked(true));
    assert!(!machine.model.guard.is_open());
}

#[test]
fn passwords_can_not_be_tried_for_ever() {
    let mut machine = Machine::new(&["*a"], Timeout::default());
    machine.model.permissions.edit = Access::Password;
    machine.model.permissions.password = true;
    machine.model.permissions.attempts = 3;
    machine.press(&[Key::Char('e')]);
    for second in [0, 1, 3] {
        machine.tick(second);
        machine.press(&[Key::Char('x'), Key::Enter]);
        machine.model.handle(Event::Checked(false));
    }
    assert!(machine.model.page.is_none());
    machine.tick(1000);
    machine.press(&[Key::Char('e')]);
    assert!(machine.model.page.is_none());
    let text = machine.model.message.as_deref().unwrap();
    assert!(text.contains("no more passwords are taken"), "{text}");
}

#[test]
fn an_entry_with_its_own_password_is_changed_by_the_owner_alone() {
    let mut machine = Machine::new(&["*a"], Timeout::default());
    machine.model.listing.items[0].password = Password::Change;
    machine.press(&[Key::Char('e')]);
    assert!(machine.model.page.is_none());
    machine.model.permissions.password = true;
    machine.model.permissions.attempts = 1;
    machine.press(&[Key::Char('e')]);
    assert!(matches!(machine.model.page, Some(Page::Password(_))));
    machine.model.listing.items[0].fixed = Some("it is so");
    machine.press(&[Key::Escape, Key::Char('i')]);
    assert!(machine.model.page.is_none());
    let text = machine.model.message.as_deref().unwrap();
    assert_eq!(text, "it is so: nothing of it can be changed");
}

#[test]
fn what_is_blocked_says_why_and_is_not_started() {
    let mut machine = Machine::new(&["*a", "!b"], Timeout::default());
    assert_eq!(machine.press(&[Key::Down, Key::Enter]), []);
    let text = machine.model.message.as_deref().unwrap();
    assert_eq!(text, "it can't be booted: its kernel is not there");
    assert_eq!(machine.press(&[Key::Char('e'), Key::Enter]), []);
    assert_eq!(
        machine.press(&[Key::Char('d')]),
        [Wish::Describe("b".to_owned())]
    );
    let word = "id";
    let text = "b".to_owned();
    machine
        .model
        .handle(Event::Described(vec![crate::menu::Field { word, text }]));
    assert!(matches!(&machine.model.page, Some(Page::Details(d)) if d.lines == ["id  b"]));
    machine.find(&["a"]);
    assert!(machine.model.page.is_none());
}

/// One whose command line is too long, and that lacks its initrd.
fn mendable() -> Machine {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    let problem = |change, text| Problem {
        mended_by: Some(change),
        ..Problem::new(true, text)
    };
    machine.model.listing.items[1].blocking = vec![
        problem(Change::CommandLine, "it is too long"),
        problem(Change::Initrds, "/b.img is not there"),
    ];
    machine.press(&[Key::Down]);
    machine
}

#[test]
fn what_blocks_an_entry_can_be_changed() {
    let mut machine = mendable();
    let said = |machine: &Machine| machine.model.message.clone().unwrap_or_default();
    for (keys, reason) in [
        (&[Key::Enter][..], "it is too long"),
        (&[Key::Char('e'), Key::Enter], "it is too long"),
        (
            &[Key::Char('e'), Key::Char('x'), Key::Enter],
            "/b.img is not there",
        ),
    ] {
        assert_eq!(machine.press(keys), []);
        assert_eq!(said(&machine), format!("it can't be booted: {reason}"));
    }
    // Its own initrd is left out, and stays so while the rest still blocks it.
    machine.press(&[Key::Char('i'), Key::Char(' '), Key::Enter]);
    assert_eq!(machine.press(&[Key::Enter]), []);
    assert_eq!(said(&machine), "it can't be booted: it is too long");
    let wishes = machine.press(&[Key::Char('e'), Key::Char('x'), Key::Enter]);
    let [Wish::Start(choice)] = &wishes[..] else {
        panic!("{wishes:?}");
    };
    assert_eq!(choice.cmdline.as_deref(), Some("root=b quietx"));
    assert_eq!(choice.initrd, Some(Vec::new()));
    // What was changed is no problem any more, what stayed is.
    let mut entry = BootEntry::on_disk(0, "b");
    entry.problems = machine.model.listing.items[1].blocking.clone();
    assert!(choice.apply(&entry).bootable());
    entry.block("the policy refuses it");
    assert!(!choice.apply(&entry).bootable());
    let unchanged = Choice {
        cmdline: None,
        ..choice.clone()
    };
    assert_eq!(unchanged.apply(&entry).problems.len(), 2);
}

#[test]
fn initrds_that_are_not_there_are_no_choice_for_others_but_may_be_there_by_now() {
    let mut machine = mendable();
    machine.model.listing.items[1].blocking.remove(0);
    machine.press(&[Key::Up, Key::Char('i')]);
    let paths = |machine: &Machine| match &machine.model.page {
        Some(Page::Initrds(initrds)) => {
            let paths = initrds.choices.iter();
            paths
                .map(|(initrd, _)| initrd.file.path.to_string())
                .collect()
        }
        _ => Vec::new(),
    };
    assert_eq!(paths(&machine), ["/a.img"]);
    machine.press(&[Key::Escape, Key::Down, Key::Char('i')]);
    assert_eq!(paths(&machine), ["/b.img", "/a.img"]);
    let wishes = machine.press(&[Key::Enter, Key::Enter]);
    assert!(
        matches!(&wishes[..], [Wish::Start(Choice { initrd: Some(own), .. })] if own.len() == 1)
    );
}

/// Otherwise it could not be started without those that it lacks.
#[test]
fn where_there_is_no_initrd_at_all_none_is_chosen() {
    let mut machine = mendable();
    for item in &mut machine.model.listing.items {
        item.initrd.clear();
    }
    machine.press(&[Key::Up, Key::Char('i')]);
    assert!(machine.model.page.is_none());
    machine.model.listing.items[1].blocking.remove(0);
    machine.press(&[Key::Down, Key::Char('i')]);
    assert!(
        matches!(&machine.model.page, Some(Page::Initrds(initrds)) if initrds.choices.is_empty())
    );
    let keys = [' ', '1'].map(Key::Char);
    machine.press(&keys);
    let wishes = machine.press(&[Key::Down, Key::Up, Key::Enter, Key::Enter]);
    assert!(
        matches!(&wishes[..], [Wish::Start(Choice { initrd: Some(none), .. })] if none.is_empty())
    );
}

#[test]
fn a_log_that_grows_stays_where_it_is_read() {
    let mut machine = Machine::new(&["*a"], Timeout::default());
    for i in 0..LOG {
        machine.model.handle(Event::Log(i.to_string()));
    }
    machine.press(&[Key::Char('l'), Key::Down, Key::Down]);
    machine.model.handle(Event::Log("new".to_owned()));
    assert_eq!(machine.model.log.len(), LOG);
    let Some(Page::Text(reading)) = &machine.model.page else {
        panic!("{:?}", machine.model.page);
    };
    let page = crate::menu::view::page(Size::VT100, Charset::Ascii);
    assert_eq!(reading.at.rows(&machine.model.log, page)[0], "2");
    machine.press(&[Key::Escape]);
    assert!(machine.model.page.is_none());
}

/// Does nobody have this wish who may do no more than this, and knows no password? `automatic` is what is started
/// without a person.
fn is_guarded(wish: &Wish, permissions: &Permissions, automatic: Option<&str>) -> bool {
    let may_not = |access| access != Access::Yes;
    let choose = |id: &str| automatic != Some(id) && may_not(permissions.choose);
    match wish {
        Wish::Start(choice) => {
            let is_changed = choice.cmdline.is_some() || choice.initrd.is_some();
            choose(&choice.id) || is_changed && may_not(permissions.edit)
        }
        Wish::Once(id) => choose(id) || may_not(permissions.once),
        Wish::SetDefault(id) => choose(id) || may_not(permissions.default),
        Wish::Shell => may_not(permissions.shell),
        Wish::Quit => true,
        Wish::Describe(_)
        | Wish::Prove(_)
        | Wish::Leave
        | Wish::Check(_)
        | Wish::Rescan
        | Wish::Report(_) => false,
    }
}

fn any_access() -> impl Strategy<Value = Access> {
    prop::sample::select(vec![Access::No, Access::Password, Access::Yes])
}

/// What a policy may say: nobody leaves the menu, and there is a password.
fn any_permissions() -> impl Strategy<Value = Permissions> {
    let words = (
        any_access(),
        any_access(),
        any_access(),
        any_access(),
        any_access(),
    );
    words.prop_map(|(choose, edit, once, default, shell)| Permissions {
        choose,
        edit,
        once,
        default,
        shell,
        quit: false,
        password: true,
        attempts: 4,
    })
}

proptest! {
    #[test]
    fn whatever_happens_the_model_is_sound(
        permissions in any_permissions(),
        steps in prop::collection::vec((any_key(), 0_u8..24), 0..120),
    ) {
        let mut machine = Machine::new(&["*a", "More/b", "More/c", "!d"], Timeout {
            wait: Some(S * 3),
            hidden: false,
            idle: Some(S * 9),
            stay: Some(S * 20),
        });
        machine.model.permissions = permissions.clone();
        let mut second = 0;
        for (key, other) in steps {
            let automatic = machine.model.automatic().map(|item| item.id.clone());
            let mut wishes = machine.press(&[key]);
            match other {
                0 => {
                    second += 2;
                    wishes.extend(machine.tick(second));
                }
                1 => machine.find(&["More/c", "*a", "x"]),
                8 => machine.find(&["a", "*x", "More/b"]),
                2 => machine.find(&["*a", "More/b", "More/c", "!d"]),
                3 => machine.find(&[]),
                4 => wishes.extend(machine.model.handle(Event::Checked(false))),
                5 => wishes.extend(machine.model.handle(Event::Failed("x".to_owned(), Some(S)))),
                6 => wishes.extend(machine.model.handle(Event::Described(Vec::new()))),
                7 => wishes.extend(machine.model.handle(Event::Progress(Step::Read(second, 7)))),
                _ => {}
            }
            let guarded = |wish: &Wish| is_guarded(wish, &permissions, automatic.as_deref());
            prop_assert!(!wishes.iter().any(guarded), "{:?}", wishes);
            let count = machine.model.rows().len();
            prop_assert!(machine.model.level().chosen < count.max(1));
            for (rows, columns) in [(24, 80), (5, 20), (2, 1), (0, 0)] {
                let size = Size { rows, columns };
                let screen = crate::menu::view::screen(&machine.model, size, Charset::Utf8);
                let (row, column) = screen.cursor;
                prop_assert!(rows < 3 || row < rows && column < columns);
                crate::menu::view::typed(&machine.model, size, Charset::Ascii);
            }
        }
    }
}

#[test]
fn items_of_one_file_and_those_that_loader_conf_fixes_are_not_changed() {
    let mut entries = ["a", "b", "c"].map(|id| BootEntry::on_disk(0, id)).to_vec();
    entries[2].fixed = true;
    entries[0].kind = PayloadKind::Uki;
    entries[1].kernel = Some(FileRef {
        volume: entries[1].origin.file.volume,
        path: FsPath::root(),
    });
    let found = Found {
        entries,
        ..Found::default()
    };
    let listing = Listing::new(&Inventory::new(), &found, None);
    let fixed: Vec<_> = listing.items.iter().map(|item| item.fixed).collect();
    let expected = [
        Some("it is one file with its command line"),
        None,
        Some("its loader.conf says `editor no`"),
    ];
    assert_eq!(fixed, expected);
}
