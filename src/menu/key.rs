//! [`Key`]: what a person pressed, whatever bytes a terminal sends for it.

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// A letter with the control key, in lower case; `_` for the code 31.
    Ctrl(char),
    /// A letter with the alt or meta key, in lower case.
    Alt(char),
    /// Return or line feed.
    Enter,
    /// Escape alone.
    Escape,
    /// Tabulator.
    Tab,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
    /// Insert, which nothing here does.
    Insert,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Cursor left with the control or alt key.
    WordLeft,
    /// Cursor right with the control or alt key.
    WordRight,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// A function key, from 1.
    Function(u8),
}

/// What comes from a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// The answer to the question where the cursor is: row and column, from 1 (ECMA-48, CPR).
    Position(u16, u16),
}
