//! The menu on terminals that are made of memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use super::vt100::Vt100;
use super::{Machine, many};
use crate::boot::Step;
use crate::menu::view;
use crate::menu::{
    Charset, Choice, Event, Key, Kind, Menu, Model, Port, Size, Terminal, Timeout, Wish,
};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

/// A line between a terminal and the menu.
#[derive(Default)]
struct Wire {
    /// What was typed.
    typed: VecDeque<u8>,
    /// What the menu has sent.
    sent: Vec<u8>,
    /// How many bytes it may still send.
    room: usize,
    size: Option<Size>,
    is_gone: bool,
}

#[derive(Clone, Default)]
struct Line(Rc<RefCell<Wire>>);

impl Line {
    fn new(size: Option<Size>) -> Line {
        let line = Line::default();
        line.0.borrow_mut().room = usize::MAX;
        line.0.borrow_mut().size = size;
        line
    }

    fn press(&self, bytes: &[u8]) {
        self.0.borrow_mut().typed.extend(bytes);
    }

    fn room(&self, room: usize) {
        self.0.borrow_mut().room = room;
    }

    fn sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    fn terminal(&self, kind: Kind) -> Terminal {
        Terminal::new(Box::new(self.clone()), kind, Charset::Ascii)
    }
}

impl Port for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.is_gone {
            return Err(io::Error::other("it was unplugged"));
        }
        let count = wire.typed.len().min(buffer.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (byte, typed) in buffer.iter_mut().zip(wire.typed.drain(..count)) {
            *byte = typed;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let count = bytes.len().min(wire.room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.room -= count;
        wire.sent.extend(&bytes[..count]);
        Ok(count)
    }

    fn is_writable(&self) -> bool {
        self.0.borrow().room > 0
    }

    fn size(&self) -> Option<Size> {
        self.0.borrow().size
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn set_raw(&mut self, _: bool) {}
}

fn menu(model: Model, lines: &[(&Line, Kind)]) -> Menu {
    let mut menu = Menu::new(model, Box::new(|text| text == "secret"));
    for (line, kind) in lines {
        menu.add(line.terminal(*kind));
    }
    menu
}

/// What a terminal of this size shows by itself.
fn expected(model: &Model, size: Size) -> String {
    view::screen(model, size, Charset::Ascii).text()
}

#[test]
fn all_terminals_show_the_same_and_each_has_keys() {
    let small = Size {
        rows: 5,
        columns: 20,
    };
    let (screen, serial, paper) = (
        Line::new(Some(Size::VT100)),
        Line::new(Some(small)),
        Line::new(None),
    );
    let lines = [
        (&screen, Kind::Vt100),
        (&serial, Kind::Vt100),
        (&paper, Kind::Lines),
    ];
    let mut menu = menu(
        Machine::new(&["a", "b", "c"], Timeout::default()).model,
        &lines,
    );
    let (mut first, mut second) = (Vt100::new(Size::VT100), Vt100::new(small));
    let mut same = Machine::new(&["a", "b", "c"], Timeout::default());
    let mut check = |same: &Machine| {
        first.take(&screen.sent());
        second.take(&serial.sent());
        assert_eq!(first.cells(), expected(&same.model, Size::VT100));
        assert_eq!(second.cells(), expected(&same.model, small));
    };
    assert_eq!(menu.turn(MS), []);
    check(&same);
    serial.press(b"\x1b[B");
    menu.turn(MS * 2);
    same.press(&[crate::menu::Key::Down]);
    check(&same);
    paper.press(b"3");
    menu.turn(MS * 3);
    same.press(&[crate::menu::Key::Char('3')]);
    check(&same);
    let typed = String::from_utf8(paper.sent()).unwrap();
    assert!(
        typed.starts_with("Pilotlight\r\n  1   a\r\n  2   b\r\n"),
        "{typed}"
    );
    assert!(
        typed.ends_with("> 3 c (disk-uuid partition 2: /loader/c.conf)\r\n"),
        "{typed}"
    );
    screen.press(b"\r");
    let wishes = menu.turn(MS * 4);
    assert!(matches!(&wishes[..], [Wish::Start(Choice { id, .. })] if id == "c"));
}

/// 9,600 baud are 960 bytes in a second.
#[test]
fn keys_and_seconds_cost_few_bytes() {
    let line = Line::new(Some(Size::VT100));
    let mut menu = menu(many().model, &[(&line, Kind::Vt100)]);
    menu.turn(MS);
    assert!(line.sent().len() < 1400);
    let mut cost = |keys: &[u8]| {
        line.press(keys);
        menu.turn(MS);
        line.sent().len()
    };
    assert_eq!(cost(b""), 0);
    for key in [&b"\x1b[B"[..], b"\x1b[B", b"\x1b[A", b"9"] {
        let bytes = cost(key);
        assert!(bytes <= 48, "{key:?}: {bytes}");
    }
    cost(b"/");
    // What fits no more goes away, and with it what was chosen of it.
    assert!(cost(b"6") < 64);
    cost(b"\x1b[D\x1b");
    menu.turn(MS * 1000);
    line.sent();
    let mut cost = |keys: &[u8]| {
        line.press(keys);
        menu.turn(MS * 1000);
        line.sent().len()
    };
    cost(b"e");
    for key in [&b"x"[..], b"y", b"\x7f", b"\x02", b"\x05"] {
        let bytes = cost(key);
        assert!(bytes <= 48, "{key:?}: {bytes}");
    }

    let timeout = Timeout {
        wait: Some(MS * 20_000),
        ..Timeout::default()
    };
    let line = Line::new(Some(Size::VT100));
    let mut menu = self::menu(
        Machine::new(&["*a"], timeout).model,
        &[(&line, Kind::Vt100)],
    );
    menu.turn(MS);
    line.sent();
    for second in 1..20 {
        menu.turn(MS * 1000 * second + MS);
        let bytes = line.sent().len();
        assert!(bytes <= 16, "{second}: {bytes}");
    }
}

#[test]
fn a_stuck_line_holds_up_nobody_and_loses_nothing() {
    let (dead, alive) = (Line::new(Some(Size::VT100)), Line::new(Some(Size::VT100)));
    dead.room(100);
    let machine = many();
    let mut menu = menu(
        machine.model,
        &[(&dead, Kind::Vt100), (&alive, Kind::Vt100)],
    );
    let mut terminal = Vt100::new(Size::VT100);
    let mut same = many();
    for i in 0..500 {
        alive.press(b"\x1b[B");
        menu.turn(MS * i);
        same.press(&[crate::menu::Key::Down]);
        terminal.take(&alive.sent());
    }
    assert_eq!(terminal.cells(), expected(&same.model, Size::VT100));
    assert_eq!(dead.0.borrow().sent.len(), 100);
    // It shows what is there by now, and what was between is left out.
    dead.room(usize::MAX);
    menu.turn(MS * 1000);
    let bytes = dead.sent();
    assert!(bytes.len() < 3000, "{}", bytes.len());
    let mut terminal = Vt100::new(Size::VT100);
    terminal.take(&bytes);
    assert_eq!(terminal.cells(), expected(&same.model, Size::VT100));
}

#[test]
fn a_size_is_asked_for_where_nobody_tells_it() {
    let line = Line::new(None);
    let mut menu = menu(many().model, &[(&line, Kind::Vt100)]);
    let mut same = many();
    menu.turn(MS);
    assert_eq!(line.sent(), b"\x1b7\x1b[999;999H\x1b[6n\x1b8");
    assert_eq!(menu.timeout(MS), Some(MS * 500));
    menu.turn(MS * 2);
    assert_eq!(line.sent(), b"");
    line.press(b"\x1b[5;20R");
    menu.turn(MS * 3);
    let small = Size {
        rows: 5,
        columns: 20,
    };
    let mut terminal = Vt100::new(small);
    terminal.take(&line.sent());
    assert_eq!(terminal.cells(), expected(&same.model, small));
    // Nobody has asked for this one.
    line.press(b"\x1b[24;80R");
    menu.turn(MS * 4);
    assert_eq!(line.sent(), b"");
    // Ctrl-L asks again; without an answer it is a VT100 as before.
    line.press(b"\x0c");
    menu.turn(MS * 5);
    assert!(line.sent().starts_with(b"\x1b7"));
    menu.turn(MS * 600);
    terminal.take(&line.sent());
    assert_eq!(terminal.cells(), expected(&same.model, small));
    // A driver that knows the size is believed, and asked each time.
    let wide = Size {
        rows: 30,
        columns: 100,
    };
    line.0.borrow_mut().size = Some(wide);
    line.press(b"\x1b[B");
    menu.turn(MS * 601);
    same.press(&[crate::menu::Key::Down]);
    let mut terminal = Vt100::new(wide);
    terminal.take(&line.sent());
    assert_eq!(terminal.cells(), expected(&same.model, wide));
}

#[test]
fn one_that_is_unplugged_is_left_alone() {
    let (gone, alive) = (Line::new(Some(Size::VT100)), Line::new(Some(Size::VT100)));
    let lines = [(&gone, Kind::Vt100), (&alive, Kind::Vt100)];
    let mut menu = menu(many().model, &lines);
    menu.turn(MS);
    gone.0.borrow_mut().is_gone = true;
    gone.sent();
    alive.press(b"\x1b[B");
    menu.turn(MS);
    menu.turn(MS);
    assert_eq!(gone.sent(), b"");
    assert!(!alive.sent().is_empty() && menu.has_terminals());
    alive.0.borrow_mut().is_gone = true;
    menu.turn(MS);
    assert!(!menu.has_terminals());
}

#[test]
fn a_key_that_was_pressed_before_brings_a_menu_that_is_not_shown() {
    let none = Timeout {
        wait: Some(Duration::ZERO),
        ..Timeout::default()
    };
    for (keys, shown) in [
        (&b""[..], false),
        (b" ", true),
        (b"\x1b", true),
        (b"\xff\0", false),
    ] {
        let line = Line::new(Some(Size::VT100));
        line.press(keys);
        let mut menu = menu(Machine::new(&["*a"], none).model, &[(&line, Kind::Vt100)]);
        let wishes = menu.turn(Duration::ZERO);
        assert_eq!(wishes.is_empty(), shown, "{keys:?}");
    }
    // Nothing is written before something is shown: not even a question.
    let hidden = Timeout {
        wait: Some(MS * 1000),
        hidden: true,
        idle: None,
        stay: None,
    };
    let line = Line::new(None);
    let mut menu = menu(Machine::new(&["*a"], hidden).model, &[(&line, Kind::Vt100)]);
    assert_eq!(menu.turn(Duration::ZERO), []);
    assert_eq!(line.sent(), b"");
    assert_eq!(menu.timeout(Duration::ZERO), Some(MS * 1000));
    assert_eq!(menu.turn(MS * 1000).len(), 1);
}

/// One whose command lines are changed by who knows a password.
fn guarded() -> Machine {
    let mut machine = Machine::new(&["*a", "b"], Timeout::default());
    let permissions = &mut machine.model.permissions;
    permissions.edit = crate::menu::Access::Password;
    permissions.password = true;
    permissions.attempts = 9;
    machine
}

#[test]
fn a_password_is_checked_and_never_shown() {
    let machine = guarded();
    let (screen, paper) = (Line::new(Some(Size::VT100)), Line::new(None));
    let mut menu = menu(
        machine.model,
        &[(&screen, Kind::Vt100), (&paper, Kind::Lines)],
    );
    let mut sent = Vec::new();
    for byte in *b"esecret\r" {
        screen.press(&[byte]);
        menu.turn(MS);
        sent.extend(screen.sent());
        sent.extend(paper.sent());
    }
    let sent = String::from_utf8(sent).unwrap();
    assert!(
        sent.contains("Password: ") && sent.contains("Edit: a"),
        "{sent}"
    );
    assert_eq!(sent.matches("Checking").count(), 2, "{sent}");
    assert!(!sent.contains("secret") && !sent.contains("se*"), "{sent}");
}

/// A list is typed line by line: a second is none.
#[test]
fn the_pause_before_the_next_password_is_typed_in_few_lines() {
    let mut machine = guarded();
    for _ in 0..5 {
        machine.model.guard.judge(false, Duration::ZERO);
    }
    machine.press(&[Key::Escape, Key::Char('e')]);
    let paper = Line::new(None);
    let mut menu = menu(machine.model, &[(&paper, Kind::Lines)]);
    for second in 0..=16 {
        menu.turn(MS * 1000 * second);
    }
    let sent = String::from_utf8(paper.sent()).unwrap();
    let lines: Vec<&str> = sent.lines().skip(1).collect();
    let pause = |left: &str| format!("The next password is taken within {left} s");
    assert_eq!(
        lines,
        [
            pause("20"),
            pause("10"),
            pause("5"),
            "Password: ".to_owned()
        ],
        "{sent}"
    );
}

#[test]
fn progress_is_seen_while_something_is_read() {
    let line = Line::new(Some(Size::VT100));
    let paper = Line::new(None);
    let lines = [(&line, Kind::Vt100), (&paper, Kind::Lines)];
    let mut menu = menu(Machine::new(&["*a"], Timeout::default()).model, &lines);
    line.press(b"\r");
    assert_eq!(menu.turn(MS).len(), 1);
    for (done, time) in [(0, 1000), (10, 2000), (20, 3000)] {
        line.sent();
        for more in [0, 1] {
            menu.clock(MS * time);
            menu.tell(Event::Progress(Step::Read((done << 20) + more, 40 << 20)));
            menu.show(MS * time);
        }
        assert!(line.sent().len() < 160);
    }
    let typed = String::from_utf8(paper.sent()).unwrap();
    let rows = [
        "0 B of 40.0 MiB",
        "10.0 MiB of 40.0 MiB, 10.0 MiB/s, 3 s left",
        "20.0 MiB of 40.0 MiB, 10.0 MiB/s, 2 s left",
    ];
    assert!(typed.ends_with(&(rows.join("\r\n") + "\r\n")), "{typed}");
}

proptest! {
    #[test]
    fn however_slow_a_line_is_it_shows_the_end(
        steps in prop::collection::vec((prop::sample::select(vec![
            &b"\x1b[B"[..], b"\x1b[6~", b"d", b"\x1b[D", b"/", b"6", b"e", b"x", b"h", b"\x1b[H",
        ]), 0_usize..300), 0..40),
    ) {
        let slow = Line::new(Some(Size::VT100));
        slow.room(0);
        let mut menu = menu(many().model, &[(&slow, Kind::Vt100)]);
        let mut terminal = Vt100::new(Size::VT100);
        let mut same = many();
        let mut keys = crate::menu::Keys::default();
        for (bytes, room) in steps {
            slow.press(bytes);
            for byte in bytes {
                if let Some(crate::menu::Input::Key(key)) = keys.feed(*byte, MS) {
                    same.press(&[key]);
                }
            }
            slow.room(room);
            menu.turn(MS);
        }
        slow.room(usize::MAX);
        menu.turn(MS);
        let bytes = slow.sent();
        terminal.take(&bytes);
        prop_assert_eq!(terminal.cells(), expected(&same.model, Size::VT100));
    }
}
