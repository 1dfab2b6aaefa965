//! [`HotKey`]: a key that a configuration gives an entry of its menu, or a menu in it.

use std::fmt;

/// A key by which something is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotKey {
    /// A letter, digit or sign of ASCII.
    Char(char),
    /// F1 and so on.
    Function(u8),
    /// One of the keys with a name.
    Backspace,
    /// See [`Backspace`](HotKey::Backspace).
    Tab,
    /// See [`Backspace`](HotKey::Backspace).
    Delete,
    /// See [`Backspace`](HotKey::Backspace).
    Insert,
}

/// The most function keys.
const FUNCTIONS: u8 = 12;

impl HotKey {
    /// The one that GRUB means by a name (`hotkey_aliases` in `grub-core/commands/menuentry.c`): what is no name of a
    /// key stands for its first letter.
    pub fn of_grub(name: &str) -> Option<HotKey> {
        let number = name.strip_prefix('f').filter(|n| !n.starts_with('0'));
        let number = number.and_then(|number| number.parse().ok());
        Some(match (name, number) {
            ("backspace", _) => HotKey::Backspace,
            ("tab", _) => HotKey::Tab,
            ("delete", _) => HotKey::Delete,
            ("insert", _) => HotKey::Insert,
            (_, Some(number @ 1..=FUNCTIONS)) => HotKey::Function(number),
            _ => {
                let first = name.chars().next();
                HotKey::Char(first.filter(char::is_ascii_graphic)?)
            }
        })
    }
}

impl fmt::Display for HotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HotKey::Char(c) => write!(f, "{c}"),
            HotKey::Function(number) => write!(f, "F{number}"),
            HotKey::Backspace => f.write_str("Backspace"),
            HotKey::Tab => f.write_str("Tab"),
            HotKey::Delete => f.write_str("Delete"),
            HotKey::Insert => f.write_str("Insert"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_grub() {
        for (name, key) in [
            ("a", Some("a")),
            ("A", Some("A")),
            ("f", Some("f")),
            ("f1", Some("F1")),
            ("f12", Some("F12")),
            ("f13", Some("f")),
            ("f01", Some("f")),
            ("delete", Some("Delete")),
            ("backspace", Some("Backspace")),
            ("home", Some("h")),
            ("", None),
            (" ", None),
            ("\u{e9}", None),
        ] {
            let known = HotKey::of_grub(name).map(|key| key.to_string());
            assert_eq!(known.as_deref(), key, "{name:?}");
        }
    }
}
