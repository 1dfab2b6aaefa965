//! From the lines of a configuration and its includes to a [`Tree`].

use super::files::Files;
use super::line::{MAX_LENGTH, is_space, mask, number, split};
use super::tree::{Item, Kind, Label, Menu, Tree};
use crate::entry::Written;
use crate::fs::FsPath;

/// A larger file is no configuration.
const MAX_FILE: usize = 1 << 20;

/// More bytes of one configuration are not read.
const MAX_BYTES: usize = 4 << 20;

/// More files of one configuration are not read.
const MAX_FILES: usize = 256;

/// Files that include each other beyond this are not read.
const MAX_INCLUDES: usize = 16;

/// Labels of one configuration.
const MAX_LABELS: usize = 1024;

/// Menus of one configuration.
const MAX_MENUS: usize = 256;

/// Menus in each other.
const MAX_LEVELS: usize = 8;

/// Further problems are left out.
const MAX_PROBLEMS: usize = 16;

/// Keywords that concern the screen, the keyboard, the network of SYSLINUX or the editing of its command
/// line, and those of gfxboot: nothing of that is ours.
const OTHERS: [&str; 18] = [
    "allowoptions",
    "console",
    "display",
    "font",
    "framebuffer",
    "gfxboot",
    "kbdmap",
    "nocomplete",
    "noescape",
    "nohalt",
    "notice",
    "onerror",
    "path",
    "pxeretry",
    "readinfo",
    "say",
    "sendcookies",
    "serial",
];

/// Reads configurations, one after the other, as if they were one file. What can't be read is among the
/// problems.
pub(super) fn read(files: &Files<'_>, names: &[FsPath]) -> Tree {
    let mut reader = Reader {
        files,
        tree: Tree {
            menus: vec![Menu::default()],
            labels: Vec::new(),
            start: 0,
            default: None,
            ui: None,
            ontimeout: None,
            timeout: None,
            total_timeout: 0,
            hidden: false,
            shift_key: false,
            prompt: false,
            implicit: true,
            append: None,
            master_password: false,
            written: Written::default(),
            problems: Vec::new(),
        },
        menu: 0,
        unopened: 0,
        label: None,
        sysappend: 0,
        open: Vec::new(),
        missing: Vec::new(),
        files_read: 0,
        bytes_read: 0,
    };
    for name in names {
        reader.file(name, "");
    }
    reader.end_label();
    reader.tree.lock();
    if !reader.missing.is_empty() {
        reader.missing.dedup();
        let missing = reader.missing.join(", ");
        reader.problem(format!("included and not there: {missing}"));
    }
    reader.tree
}

struct Reader<'a> {
    files: &'a Files<'a>,
    tree: Tree,
    /// The menu that is being read.
    menu: usize,
    /// Menus that were begun beyond the limits: their entries are in the menu around them.
    unopened: usize,
    /// The label that is being read.
    label: Option<Label>,
    /// `sysappend` outside of labels.
    sysappend: u32,
    /// Files that are being read, from the outside in.
    open: Vec<FsPath>,
    /// Includes that are not there.
    missing: Vec<String>,
    files_read: usize,
    bytes_read: usize,
}

/// A line and where it is.
struct Line<'a> {
    file: &'a FsPath,
    number: u32,
    /// The first word in lower case.
    keyword: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    /// Reads a file. `asked` says who wants it.
    fn file(&mut self, path: &FsPath, asked: &str) {
        let refused = if self.open.contains(path) {
            Some("it includes itself")
        } else if self.open.len() >= MAX_INCLUDES || self.files_read >= MAX_FILES {
            Some("too many includes")
        } else if self.bytes_read >= MAX_BYTES {
            Some("the configuration is too large")
        } else {
            None
        };
        if let Some(reason) = refused {
            self.problem(format!("{asked}{path} is not read: {reason}"));
            return;
        }
        let bytes = match self.files.read(path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problem(format!("{asked}{error}"));
                return;
            }
        };
        self.files_read = self.files_read.saturating_add(1);
        self.bytes_read = self.bytes_read.saturating_add(bytes.len());
        let kept = self.files.keep(path, &bytes);
        self.tree.written.add(kept.as_ref());
        self.open.push(path.clone());
        self.text(path, &String::from_utf8_lossy(&bytes));
        self.open.pop();
    }

    fn text(&mut self, file: &FsPath, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut in_text = false;
        for (line, number) in text.split('\n').zip(1..) {
            // What follows a carriage return is no part of the line.
            let line = line.split('\r').next().unwrap_or_default();
            let (keyword, rest) = split(line);
            let keyword = keyword.to_ascii_lowercase();
            if in_text {
                in_text = keyword != "endtext";
                continue;
            }
            if line.len() >= MAX_LENGTH {
                self.foreign(format!(
                    "{file}, line {number} is passed over: it has {MAX_LENGTH} bytes or more"
                ));
                continue;
            }
            in_text = keyword == "text";
            self.line(&Line {
                file,
                number,
                keyword: &keyword,
                rest,
            });
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let value = || Some(line.rest.trim_end_matches(is_space).to_owned());
        let Line { keyword, rest, .. } = *line;
        match keyword {
            "" | "text" => {}
            "menu" => self.menu(line),
            "include" => self.include(line, rest),
            "label" => {
                self.end_label();
                let mut label = Label::new(rest, line.file, line.number);
                label.sysappend = self.sysappend;
                self.label = Some(label);
            }
            "append" => match &mut self.label {
                Some(label) => label.append = value(),
                None => self.tree.append = value(),
            },
            "ipappend" | "sysappend" => match &mut self.label {
                Some(label) => label.sysappend = mask(rest),
                None => self.sysappend = mask(rest),
            },
            "default" => self.tree.default = value(),
            "ui" => self.tree.ui = value(),
            "ontimeout" => self.tree.ontimeout = value(),
            "timeout" => {
                let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
                self.tree.timeout = is_number.then(|| number(rest));
            }
            "totaltimeout" => self.tree.total_timeout = number(rest),
            "prompt" => self.tree.prompt = number(rest) > 0,
            "implicit" => self.tree.implicit = number(rest) > 0,
            _ if self.of_label(line) => {}
            _ if is_known(keyword) => {}
            _ => self.foreign(format!(
                "{}, line {}: `{keyword}` is not known: passed over",
                line.file, line.number
            )),
        }
    }

    /// Keywords that mean something in a label, and nothing elsewhere.
    fn of_label(&mut self, line: &Line<'_>) -> bool {
        let Line { keyword, rest, .. } = *line;
        let kind = match keyword {
            "initrd" | "fdt" | "devicetree" | "fdtdir" | "devicetreedir" | "fdtoverlays"
            | "devicetree-overlay" | "none" => None,
            "kernel" => Some(Kind::Kernel),
            "linux" => Some(Kind::Linux),
            "boot" | "bss" | "pxe" | "fdimage" | "comboot" => Some(Kind::Bios),
            "com32" => Some(Kind::Module),
            "config" => Some(Kind::Configuration),
            "localboot" => Some(Kind::LocalBoot),
            _ => return false,
        };
        let Some(label) = &mut self.label else {
            return true;
        };
        let value = rest.trim_end_matches(is_space).to_owned();
        match (kind, keyword) {
            (Some(kind), _) => label.command = Some((kind, value)),
            (None, "initrd") => {
                if label.initrd.replace(value).is_some() {
                    label.remark(format!(
                        "`initrd` in line {} takes the place of an earlier one",
                        line.number
                    ));
                }
            }
            (None, "fdt" | "devicetree") => label.devicetree = Some(value),
            (None, "none") => {}
            (None, "fdtdir" | "devicetreedir") => label.remark(format!(
                "`{keyword} {value}`: U-Boot picks a device tree there by the name of its board, and this machine has \
                 none: not passed on"
            )),
            (None, _) => label.remark(format!(
                "`{keyword} {value}`: kexec lays no device tree over another: not passed on"
            )),
        }
        true
    }

    /// What follows `menu`.
    fn menu(&mut self, line: &Line<'_>) {
        let (keyword, rest) = split(line.rest);
        let keyword = keyword.to_ascii_lowercase();
        let text = rest.trim_end_matches(is_space).to_owned();
        match keyword.as_str() {
            "begin" => self.begin_menu(&text),
            "end" => self.end_menu(),
            "separator" => self.end_label(),
            "include" => self.include(line, rest),
            "start" => self.tree.start = self.menu,
            "hidden" => self.tree.hidden = true,
            "shiftkey" => self.tree.shift_key = true,
            "default" => match &mut self.label {
                Some(label) => label.default = true,
                None => self.choose_menu(),
            },
            keyword => self.menu_property(keyword, text),
        }
    }

    /// Properties of the label that is being read, or else of the menu.
    fn menu_property(&mut self, keyword: &str, text: String) {
        let Some(menu) = self.tree.menus.get_mut(self.menu) else {
            return;
        };
        match (keyword, &mut self.label) {
            ("title", _) => menu.title = Some(text),
            ("master", _) => {
                let is_password = split(&text).0.eq_ignore_ascii_case("passwd");
                self.tree.master_password |= is_password;
            }
            ("label", Some(label)) => label.title = Some(text),
            ("label", None) => menu.label = Some(text),
            ("passwd", Some(label)) => label.password = true,
            // In the menu that holds the others it means nothing.
            ("passwd", None) => menu.password = menu.parent.is_some(),
            ("hide", Some(label)) => label.hidden = true,
            ("disable" | "disabled", Some(label)) => label.disabled = true,
            ("goto" | "exit" | "quit" | "help", Some(label)) => label.navigates = true,
            // Colours, places on the screen, and what is remembered between boots.
            _ => {}
        }
    }

    /// Another file, which is a menu of its own where it is given a name (`doc/menu.txt`).
    fn include(&mut self, line: &Line<'_>, rest: &str) {
        let (name, tag) = split(rest);
        if tag.is_empty() {
            self.insert(line, name);
        } else {
            self.begin_menu(tag.trim_end_matches(is_space));
            self.insert(line, name);
            self.end_menu();
        }
    }

    fn insert(&mut self, line: &Line<'_>, name: &str) {
        let asked = format!("{}, line {}: ", line.file, line.number);
        let path = match self.files.locate(name) {
            Ok(path) => path,
            Err(error) => {
                self.problem(format!("{asked}{name}: {error}"));
                return;
            }
        };
        match self.files.is_there(&path) {
            Ok(true) => self.file(&path, &asked),
            // Installers include what only some of their variants have.
            Ok(false) if self.missing.len() < MAX_PROBLEMS => self.missing.push(path.to_string()),
            Ok(false) => {}
            Err(limit) => self.problem(format!("includes are left out: {limit}")),
        }
    }

    fn begin_menu(&mut self, tag: &str) {
        self.end_label();
        let menus = self.tree.menus.len();
        if self.unopened > 0 || menus >= MAX_MENUS || self.level() >= MAX_LEVELS {
            self.unopened = self.unopened.saturating_add(1);
            self.problem(format!(
                "the menu `{tag}` is one too many: it is not opened"
            ));
            return;
        }
        let Some(around) = self.tree.menus.get_mut(self.menu) else {
            return;
        };
        let item = around.items.len();
        around.items.push(Item::Menu(menus));
        let menu = Menu {
            parent: Some((self.menu, item)),
            tag: tag.to_owned(),
            ..Menu::default()
        };
        self.tree.menus.push(menu);
        self.menu = menus;
    }

    fn end_menu(&mut self) {
        self.end_label();
        if self.unopened > 0 {
            self.unopened = self.unopened.saturating_sub(1);
        } else if let Some((around, _)) = self.parent() {
            self.menu = around;
        }
    }

    fn parent(&self) -> Option<(usize, usize)> {
        self.tree.menus.get(self.menu)?.parent
    }

    /// How many menus are around the one that is being read.
    fn level(&self) -> usize {
        let around = |menu: &usize| Some(self.tree.menus.get(*menu)?.parent?.0);
        std::iter::successors(Some(self.menu), around).count()
    }

    /// The menu that is being read is chosen beforehand in the one around it.
    fn choose_menu(&mut self) {
        if let Some((around, item)) = self.parent()
            && let Some(around) = self.tree.menus.get_mut(around)
        {
            around.default = Some(item);
        }
    }

    /// Puts the label that is being read into its menu.
    fn end_label(&mut self) {
        let Some(mut label) = self.label.take() else {
            return;
        };
        if self.tree.labels.len() >= MAX_LABELS {
            self.problem(format!(
                "there are over {MAX_LABELS} labels: the rest is left out"
            ));
            return;
        }
        let append = label.append.take().or_else(|| self.tree.append.clone());
        label.append = append.filter(|append| append != "-");
        let number = self.tree.labels.len();
        if let Some(menu) = self.tree.menus.get_mut(self.menu)
            && !label.hidden
        {
            if label.default {
                menu.default = Some(menu.items.len());
            }
            menu.items.push(Item::Label(number));
        }
        self.tree.labels.push(label);
    }

    /// A line that is none of a configuration: the file may be one of another language, and whoever signed it meant
    /// something else than what is read here.
    fn foreign(&mut self, text: String) {
        self.tree.written.add(None);
        self.problem(text);
    }

    fn problem(&mut self, text: String) {
        let problems = &mut self.tree.problems;
        if problems.len() < MAX_PROBLEMS && !problems.contains(&text) {
            problems.push(text);
        }
    }
}

/// Comments, and what has no effect here.
fn is_known(keyword: &str) -> bool {
    let is_key = keyword
        .strip_prefix('f')
        .and_then(|number| number.parse::<u8>().ok())
        .is_some_and(|number| number <= 12);
    keyword.starts_with('#') || is_key || OTHERS.contains(&keyword)
}
