//! Tests of the menu as a whole, and what the tests of its parts share.

mod machine;
mod screens;
mod terminals;
pub(in crate::menu) mod vt100;

pub(in crate::menu) use machine::Machine;

use proptest::prelude::*;

use super::key::Key;
use super::permissions::Timeout;

/// One with more entries than a terminal has rows.
fn many() -> Machine {
    let titles: Vec<String> = (0..40)
        .map(|i| format!("Debian GNU/Linux, with Linux 6.1.0-{i}").replace('/', "-"))
        .collect();
    Machine::new(
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
        Timeout::default(),
    )
}

/// Any key.
pub(in crate::menu) fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => "[a-z0-9 /?=ß木]".prop_map(|text| Key::Char(text.chars().next().unwrap())),
        2 => "[a-z_]".prop_map(|text| Key::Ctrl(text.chars().next().unwrap())),
        1 => "[bdfz]".prop_map(|text| Key::Alt(text.chars().next().unwrap())),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Escape, Key::Tab, Key::Backspace, Key::Delete, Key::Up, Key::Down,
            Key::Left, Key::Right, Key::WordLeft, Key::WordRight, Key::Home, Key::End,
            Key::PageUp, Key::PageDown, Key::Function(1), Key::Function(10),
        ]),
    ]
}
