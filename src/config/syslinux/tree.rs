//! [`Tree`]: what a configuration says, with what it includes put in its place.

use super::line::split;
use crate::entry::{HotKey, Problem, Written};
use crate::fs::FsPath;

/// Further remarks on a label are counted.
const MAX_REMARKS: usize = 16;

/// A configuration.
#[derive(Debug)]
pub(super) struct Tree {
    /// The menus; the first is the one that holds the others.
    pub(super) menus: Vec<Menu>,
    /// The labels in the order in which they are written.
    pub(super) labels: Vec<Label>,
    /// The menu that is shown first (`menu start`).
    pub(super) start: usize,
    /// The last `default`.
    pub(super) default: Option<String>,
    /// The last `ui`, which takes precedence over `default`.
    pub(super) ui: Option<String>,
    /// `ontimeout`: what is started when nobody chooses.
    pub(super) ontimeout: Option<String>,
    /// `timeout`: how long no key may be pressed, in tenths of a second; 0 is for ever, and so is none.
    pub(super) timeout: Option<u32>,
    /// `totaltimeout`: the same whatever keys are pressed.
    pub(super) total_timeout: u32,
    /// `menu hidden`: the seconds are shown, and a key brings the menu.
    pub(super) hidden: bool,
    /// `menu shiftkey`: there is a menu only for who holds a key.
    pub(super) shift_key: bool,
    /// `prompt`: is there a prompt where no menu is shown?
    pub(super) prompt: bool,
    /// `implicit`: may files be started that have no label?
    pub(super) implicit: bool,
    /// `append` outside of labels.
    pub(super) append: Option<String>,
    /// `menu master passwd`: is a password asked for by who wants to change a command line?
    pub(super) master_password: bool,
    /// The files that say so.
    pub(super) written: Written,
    /// What was not understood, in words.
    pub(super) problems: Vec<String>,
}

/// A menu.
#[derive(Debug, Default)]
pub(super) struct Menu {
    /// The menu around it, and which of its items this is.
    pub(super) parent: Option<(usize, usize)>,
    /// The name behind `menu begin`.
    pub(super) tag: String,
    /// Its `menu label` in the menu around it.
    pub(super) label: Option<String>,
    /// Its `menu title`.
    pub(super) title: Option<String>,
    /// Does it, or one around it, ask for a password?
    pub(super) password: bool,
    /// What it shows.
    pub(super) items: Vec<Item>,
    /// Which of the items is chosen beforehand.
    pub(super) default: Option<usize>,
}

/// One line of a menu, as an index.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Label(usize),
    Menu(usize),
}

/// What a label starts, by the keyword that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `kernel`: the name of the file tells.
    Kernel,
    /// `linux`
    Linux,
    /// `boot`, `bss`, `pxe`, `fdimage`, `comboot`: code for a BIOS.
    Bios,
    /// `com32`: a module of SYSLINUX.
    Module,
    /// `config`: another configuration.
    Configuration,
    /// `localboot`: the next disk of the BIOS.
    LocalBoot,
}

/// A label, which is an entry of a menu unless it is hidden.
#[derive(Debug)]
pub(super) struct Label {
    /// All that stands behind `label`; commands call it by the first word.
    pub(super) name: String,
    /// `menu label`
    pub(super) title: Option<String>,
    /// What is started; a label without it is the name of a kernel.
    pub(super) command: Option<(Kind, String)>,
    /// `append`, or what stood there outside of labels.
    pub(super) append: Option<String>,
    /// `initrd`
    pub(super) initrd: Option<String>,
    /// `fdt`
    pub(super) devicetree: Option<String>,
    /// `ipappend`, `sysappend`: which texts about machine and network follow the command line.
    pub(super) sysappend: u32,
    /// `menu hide`
    pub(super) hidden: bool,
    /// `menu disable`
    pub(super) disabled: bool,
    /// `menu passwd`
    pub(super) password: bool,
    /// `menu default`
    pub(super) default: bool,
    /// Does it lead to a menu or to a text, and start nothing?
    pub(super) navigates: bool,
    /// What was odd in its lines.
    pub(super) problems: Vec<Problem>,
    /// How much more was.
    pub(super) unsaid: usize,
    /// The file that it is in.
    pub(super) file: FsPath,
    /// The line in that file.
    pub(super) line: u32,
}

impl Label {
    pub(super) fn new(name: &str, file: &FsPath, line: u32) -> Label {
        Label {
            name: name.trim_end().to_owned(),
            title: None,
            command: None,
            append: None,
            initrd: None,
            devicetree: None,
            sysappend: 0,
            hidden: false,
            disabled: false,
            password: false,
            default: false,
            navigates: false,
            problems: Vec::new(),
            unsaid: 0,
            file: file.clone(),
            line,
        }
    }

    /// What a menu shows.
    pub(super) fn title(&self) -> String {
        shown(self.title.as_deref(), &self.name)
    }

    /// The letter or digit that chooses it.
    pub(super) fn hot_key(&self) -> Option<HotKey> {
        marked_key(self.title.as_deref()?)
    }

    pub(super) fn remark(&mut self, text: String) {
        if self.problems.len() >= MAX_REMARKS {
            self.unsaid = self.unsaid.saturating_add(1);
            return;
        }
        self.problems.push(Problem::new(false, text));
    }
}

impl Menu {
    /// What the menu around it shows.
    pub(super) fn title(&self) -> String {
        shown(self.label.as_deref().or(self.title.as_deref()), &self.tag)
    }

    /// The letter or digit that leads into it: that of what is shown.
    pub(super) fn hot_key(&self) -> Option<HotKey> {
        marked_key(self.label.as_deref().or(self.title.as_deref())?)
    }
}

impl Tree {
    /// When the waiting for a key ends, in tenths of a second.
    pub(super) fn limit(&self) -> Option<u32> {
        let limits = [self.timeout.unwrap_or(0), self.total_timeout].into_iter();
        limits.filter(|limit| *limit > 0).min()
    }

    /// Is there a password for anything?
    pub(super) fn has_password(&self) -> bool {
        self.master_password
            || self.menus.iter().any(|menu| menu.password)
            || self.labels.iter().any(|label| label.password)
    }

    /// Gives everything in a menu with a password that password: it may be written behind what it is for.
    pub(super) fn lock(&mut self) {
        // Menus in each other have rising numbers.
        for number in 0..self.menus.len() {
            let Some(menu) = self.menus.get(number) else {
                continue;
            };
            let around = menu.parent.and_then(|(around, _)| self.menus.get(around));
            if !menu.password && !around.is_some_and(|around| around.password) {
                continue;
            }
            if let Some(menu) = self.menus.get_mut(number) {
                menu.password = true;
                for item in &menu.items {
                    if let Item::Label(label) = item
                        && let Some(label) = self.labels.get_mut(*label)
                    {
                        label.password = true;
                    }
                }
            }
        }
    }

    /// The label that a command means: one with exactly that name, which U-Boot knows, or one that is
    /// called by the first word; then the rest are arguments.
    pub(super) fn find<'a>(&self, command: &'a str) -> Option<(&Label, &'a str)> {
        let command = command.trim_end();
        if let Some(label) = self.labels.iter().find(|label| label.name == command) {
            return Some((label, ""));
        }
        let (word, arguments) = split(command);
        let called = |label: &&Label| split(&label.name).0 == word;
        let label = self.labels.iter().find(called)?;
        Some((label, arguments))
    }
}

/// The letter or digit behind the first mark of a hot key.
fn marked_key(text: &str) -> Option<HotKey> {
    let (_, behind) = text.split_once('^')?;
    let key = behind.chars().next()?;
    key.is_ascii_alphanumeric()
        .then(|| HotKey::Char(key.to_ascii_lowercase()))
}

/// What a line of a menu shows: its title, or its name where that is empty. SYSLINUX takes marks of hot keys for such
/// in both, as it draws them (`display_entry` in `menumain.c`).
fn shown(title: Option<&str>, name: &str) -> String {
    let texts = title.into_iter().chain([name]).map(without_hot_key);
    let mut texts = texts.filter(|text| !text.is_empty());
    texts.next().unwrap_or_else(|| name.to_owned())
}

/// A title without the marks of hot keys, and bytes that have a meaning for the terminal of SYSLINUX.
fn without_hot_key(text: &str) -> String {
    let kept = text.chars().filter(|c| *c != '^' && !c.is_ascii_control());
    kept.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_have_no_hot_keys() {
        assert_eq!(without_hot_key("E^xpert install"), "Expert install");
        assert_eq!(without_hot_key(" \x07Debian "), "Debian");
        assert_eq!(without_hot_key("^"), "");
    }

    #[test]
    fn names_take_the_place_of_titles_and_have_no_hot_keys_either() {
        for (title, name, text) in [
            (Some("^A"), "^b", "A"),
            (Some(" ^ "), "More ^b", "More b"),
            (None, "^b", "b"),
            (None, "^", "^"),
        ] {
            assert_eq!(shown(title, name), text);
        }
    }

    #[test]
    fn keys_are_the_letters_behind_their_mark() {
        let file = FsPath::new("/syslinux.cfg").unwrap();
        for (title, key) in [
            ("E^Xpert install", Some('x')),
            ("^1 Linux", Some('1')),
            ("Linux^", None),
            ("^ Linux", None),
            ("Linux", None),
        ] {
            let mut label = Label::new("a", &file, 1);
            label.title = Some(title.to_owned());
            assert_eq!(label.hot_key(), key.map(HotKey::Char), "{title}");
        }
    }
}
