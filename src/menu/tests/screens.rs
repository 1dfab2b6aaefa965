//! What terminals show, as texts in `screens/`: `WRITE_SCREENS=1 cargo test --lib menu::` writes them anew.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::{Machine, many};
use crate::boot::Step;
use crate::entry::{Change, Problem};
use crate::menu::typewriter::Typewriter;
use crate::menu::view;
use crate::menu::{Charset, Event, Field, Key, Size, Timeout};

/// Terminals of every kind that is told apart.
const TERMINALS: [(&str, usize, usize, Charset); 5] = [
    ("80 × 24", 24, 80, Charset::Ascii),
    ("40 × 10", 10, 40, Charset::Ascii),
    ("50 × 12, UTF-8", 12, 50, Charset::Utf8),
    ("20 × 5", 5, 20, Charset::Ascii),
    ("10 × 2", 2, 10, Charset::Ascii),
];

fn check(name: &str, machine: &Machine) {
    let mut shown = String::new();
    for (title, rows, columns, charset) in TERMINALS {
        let size = Size { rows, columns };
        let screen = view::screen(&machine.model, size, charset);
        let (row, column) = screen.cursor;
        writeln!(shown, "=== {title}, cursor at {row}, {column}").unwrap();
        shown.push_str(&screen.text());
    }
    let typed = view::typed(&machine.model, Size::VT100, Charset::Ascii);
    let typed = Typewriter::default().show(typed, 80, Charset::Ascii);
    let typed = String::from_utf8(typed).unwrap().replace('\r', "");
    writeln!(shown, "=== typed\n{}", typed.trim_end()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/menu/tests/screens");
    let path = path.join(name).with_extension("txt");
    if std::env::var_os("WRITE_SCREENS").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{name} is another one:\n{shown}");
}

fn machine() -> Machine {
    let timeout = Timeout {
        wait: Some(Duration::from_secs(10)),
        ..Timeout::default()
    };
    let titles = [
        "*Debian GNU-Linux 12 (bookworm)",
        "Advanced options/Debian GNU-Linux, with Linux 6.1.0-40-amd64",
        "Advanced options/Debian GNU-Linux, with Linux 6.1.0-39-amd64",
        "!Fedora",
        "größer 木 שלום \u{202e}evil\x1b[2J",
    ];
    Machine::new(&titles, timeout)
}

#[test]
fn menus() {
    let mut machine = machine();
    check("countdown", &machine);
    machine.press(&[Key::Down]);
    check("chosen", &machine);
    machine.press(&[Key::Enter]);
    check("submenu", &machine);
    machine.press(&[Key::Escape, Key::Down, Key::Enter]);
    check("blocked", &machine);
    machine.press(&[Key::Char('/')]);
    machine.type_in("linux 39");
    check("search", &machine);
    machine.find(&[]);
    machine.press(&[Key::Escape]);
    check("nothing", &machine);
}

#[test]
fn keys_of_entries_and_what_follows_a_failed_one() {
    let mut machine = machine();
    machine.model.listing.items[0].hot_key = Some(crate::entry::HotKey::Char('d'));
    machine.model.listing.automatic = None;
    machine.model.listing.ending = Some("reboot".to_owned());
    check("ending", &machine);
}

#[test]
fn what_is_blocked_is_changed() {
    let mut machine = machine();
    let mut problem = Problem::new(true, "the command line has 2017 bytes");
    problem.mended_by = Some(Change::CommandLine);
    machine.model.listing.items[0].blocking = vec![problem];
    machine.press(&[Key::Char('e'), Key::Ctrl('w'), Key::Left]);
    check("mended", &machine);
}

#[test]
fn a_list_tells_which_part_of_it_is_seen() {
    let mut machine = many();
    machine.press(&[Key::PageDown, Key::Down]);
    check("long", &machine);
}

#[test]
fn pages() {
    let mut machine = machine();
    machine.press(&[Key::Escape, Key::Char('d')]);
    let field = |word, text: &str| Field {
        word,
        text: text.to_owned(),
    };
    machine.model.handle(Event::Described(vec![
        field("title", "Debian GNU/Linux 12 (bookworm)"),
        field(
            "kernel",
            "disk.raw partition 1: /debian/6.1.0-40-amd64/linux (8.1 MiB)",
        ),
        field(
            "options",
            "root=UUID=7069f1e0-0000-4000-8000-000000000001 ro console=tty0 console=ttyS0,115200",
        ),
    ]));
    check("details", &machine);
    machine.press(&[Key::Char('v')]);
    machine
        .model
        .handle(Event::Progress(Step::Read(10 << 20, 40 << 20)));
    check("proving", &machine);
    machine.model.handle(Event::Described(vec![
        field("title", "Debian GNU/Linux 12 (bookworm)"),
        field("verdict", "kernel: covered by owner"),
        field("verdict", "nothing speaks against booting it"),
    ]));
    check("proven", &machine);
    machine.press(&[Key::Escape, Key::Char('e')]);
    machine.type_in(" single init=/bin/sh");
    machine.press(&[Key::Home, Key::WordRight, Key::WordRight, Key::Ctrl('w')]);
    check("edit", &machine);
    machine.press(&[Key::Escape, Key::Char('i'), Key::Down, Key::Char(' ')]);
    check("initrds", &machine);
    machine.press(&[Key::Escape, Key::Char('n')]);
    check("notes", &machine);
    machine.press(&[Key::Escape, Key::Char('h')]);
    check("help", &machine);
    machine.press(&[Key::Escape, Key::Enter]);
    machine.tick(1);
    machine
        .model
        .handle(Event::Progress(Step::Read(0, 40 << 20)));
    machine.tick(3);
    machine.model.clock(Duration::from_secs(3));
    machine
        .model
        .handle(Event::Progress(Step::Read(10 << 20, 40 << 20)));
    check("progress", &machine);
    machine
        .model
        .handle(Event::Progress(Step::Read(40 << 20, 40 << 20)));
    machine.model.handle(Event::Progress(Step::Prove));
    check("judging", &machine);
}
