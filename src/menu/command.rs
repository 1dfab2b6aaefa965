//! [`Command`]: what the keys of the menu do. Help and hints are made from the same table.

use super::permissions::{Access, Permissions};

/// What a person may ask for with one key in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Search,
    Edit,
    Initrds,
    Details,
    Once,
    Default,
    Notes,
    Log,
    Disks,
    About,
    Rescan,
    Shell,
    Help,
    Quit,
}

/// The key, the word for the hints, and what it does.
type Description = (char, Command, &'static str, &'static str);

/// All of them, the most useful first: narrow terminals show fewer hints.
const COMMANDS: [Description; 14] = [
    ('h', Command::Help, "help", "show this help"),
    (
        '/',
        Command::Search,
        "search",
        "search in all menus while you type",
    ),
    (
        'd',
        Command::Details,
        "details",
        "show all that is known of an entry",
    ),
    (
        'e',
        Command::Edit,
        "edit",
        "change the command line for one boot",
    ),
    (
        'n',
        Command::Notes,
        "notes",
        "show what was found and can't be booted, and why",
    ),
    ('l', Command::Log, "log", "show the log"),
    (
        'i',
        Command::Initrds,
        "initrds",
        "choose other initrds for one boot",
    ),
    (
        'o',
        Command::Once,
        "once",
        "choose the entry for the next boot, once",
    ),
    (
        's',
        Command::Default,
        "set default",
        "choose the entry for all further boots",
    ),
    ('v', Command::Disks, "volumes", "show disks and volumes"),
    ('r', Command::Rescan, "rescan", "look at all disks again"),
    (
        'a',
        Command::About,
        "about",
        "show versions and measurements",
    ),
    ('c', Command::Shell, "shell", "get a shell"),
    ('q', Command::Quit, "quit", "leave the menu"),
];

impl Command {
    /// What a letter in the menu means.
    pub(super) fn of(letter: char) -> Option<Command> {
        let letter = if letter == '?' { 'h' } else { letter };
        let mut all = COMMANDS.iter();
        all.find(|(key, ..)| *key == letter)
            .map(|(_, command, ..)| *command)
    }

    /// Who may ask for it.
    pub(super) fn access(self, permissions: &Permissions) -> Access {
        let access = match self {
            Command::Edit | Command::Initrds => permissions.edit,
            Command::Once => permissions.once,
            Command::Default => permissions.default,
            Command::Shell => permissions.shell,
            Command::Quit if !permissions.quit => Access::No,
            _ => Access::Yes,
        };
        permissions.effective(access)
    }
}

fn offered(permissions: &Permissions) -> impl Iterator<Item = &'static Description> {
    let is_offered = |(_, command, ..): &&Description| command.access(permissions) != Access::No;
    COMMANDS.iter().filter(is_offered)
}

/// The keys in a line.
pub(super) fn hints(permissions: &Permissions) -> String {
    let mut hints = "Enter start".to_owned();
    for (key, _, word, _) in offered(permissions) {
        hints.push_str("  ");
        hints.push(*key);
        hints.push(' ');
        hints.push_str(word);
    }
    hints
}

/// Keys that every menu has.
const ALWAYS: [&str; 5] = [
    "Up, Down or k, j, PageUp, PageDown, Home, End: choose",
    "digits: choose by number; a key in brackets: choose that entry",
    "Enter: start the entry, or open its menu",
    "Escape, Left: go back",
    "Ctrl-L: draw the screen anew, and ask for its size",
];

/// Keys that are not in the menu.
const EDITING: [&str; 6] = [
    "",
    "When a command line is edited:",
    "Enter, Ctrl-X, F10: start with it; Escape: leave it as it was",
    "Up, Down: what was edited before; Ctrl-R: as it was written",
    "Ctrl-A, Ctrl-E, Alt-B, Alt-F: begin, end, word back, word on",
    "Ctrl-W, Ctrl-U, Ctrl-K, Ctrl-Y: cut word, cut to begin, to end, paste; Ctrl-Z, Alt-Z: undo, redo",
];

/// The help, line by line.
pub(super) fn help(permissions: &Permissions) -> Vec<String> {
    let mut lines: Vec<String> = ALWAYS.map(str::to_owned).to_vec();
    for (key, command, _, text) in offered(permissions) {
        let guarded = command.access(permissions) == Access::Password;
        let guarded = if guarded { " (password)" } else { "" };
        lines.push(format!("{key}: {text}{guarded}"));
    }
    if Command::Edit.access(permissions) != Access::No {
        lines.extend(EDITING.map(str::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_means_one_thing() {
        for (key, command, ..) in COMMANDS {
            assert_eq!(Command::of(key), Some(command));
            assert!(!key.is_ascii_digit());
        }
        assert_eq!(Command::of('?'), Some(Command::Help));
        assert_eq!(Command::of('x'), None);
    }

    #[test]
    fn what_nobody_may_is_not_offered() {
        let none = Permissions::default();
        assert!(!hints(&none).contains("edit") && !help(&none).join("").contains("shell"));
        let guarded = Permissions {
            edit: Access::Password,
            ..none
        };
        assert!(!hints(&guarded).contains("edit"));
        let guarded = Permissions {
            password: true,
            ..guarded
        };
        let line = "e: change the command line for one boot (password)";
        assert!(help(&guarded).iter().any(|l| l == line));
    }
}
