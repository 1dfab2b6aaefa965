//! From a configuration, and those that it leads to, to entries.

use super::choice::{Choice, choose};
use super::command::{Context, Lead, Program};
use super::entry::{entry, protect};
use super::files::Files;
use super::line::{split, words};
use super::reader::read;
use super::sysappend::Known;
use super::tree::{Item, Label};
use crate::config::budget::{Budget, Limit};
use crate::config::configuration::MenuWait;
use crate::entry::{BootEntry, FileRef, HotKey, Origin, Password, VolumeId, Written};
use crate::fs::{Filesystem, FsPath};

/// More configurations that lead to each other are not read.
const MAX_CONFIGURATIONS: usize = 16;

/// More entries of one volume are left out.
const MAX_ENTRIES: usize = 4096;

/// Menus in each other, those of other configurations included.
const MAX_LEVELS: usize = 16;

/// What SYSLINUX was started from: `whichsys.c32` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A disk: SYSLINUX itself, or EXTLINUX.
    Disk,
    /// An optical medium: ISOLINUX.
    Optical,
    /// The network: PXELINUX.
    Network,
}

impl Medium {
    /// The command for this medium among the arguments of `whichsys.c32`.
    pub(super) fn choose(self, arguments: &str) -> Option<String> {
        let mark = match self {
            Medium::Disk => "-sys-",
            Medium::Optical => "-iso-",
            Medium::Network => "-pxe-",
        };
        let mut words = words(arguments).skip_while(|word| *word != mark);
        words.next()?;
        let command = words.take_while(|word| !matches!(*word, "-sys-" | "-iso-" | "-pxe-"));
        Some(command.collect::<Vec<_>>().join(" "))
    }
}

/// What a configuration offers.
#[derive(Debug, Default)]
pub struct Listed {
    /// Its entries in the order of the menu, those of other configurations behind them.
    pub entries: Vec<BootEntry>,
    /// How long the menu or the prompt is shown.
    pub wait: MenuWait,
    /// Is there a password for any of it, or for changing it?
    pub has_password: bool,
    /// The files that say what is chosen, and how long is waited.
    pub written: Written,
    /// What was not understood, in words.
    pub problems: Vec<String>,
}

/// Lists what the configuration `path` of a volume offers when SYSLINUX works in `directory`. `known` is what
/// `sysappend` asks for. What the budget has no room for is left out, and a problem says so.
pub fn list<'a>(
    filesystem: &'a dyn Filesystem,
    volume: VolumeId,
    path: &FsPath,
    directory: &FsPath,
    medium: Medium,
    known: Known<'a>,
    budget: &'a Budget,
) -> Listed {
    let mut listing = Listing {
        medium,
        known,
        found: Listed::default(),
        queue: Vec::new(),
        done: 0,
        budget,
        is_full: false,
    };
    let files = Files {
        filesystem,
        volume,
        directory: directory.clone(),
        budget,
    };
    listing.lead(Next {
        files,
        names: vec![path.clone()],
        around: Vec::new(),
        is_default: true,
        in_menu: false,
        password: Password::None,
        written: Written::default(),
    });
    while let Some(mut next) = listing.next() {
        listing.configuration(&mut next);
    }
    listing.found
}

/// A menu around an entry, as the menu around that shows it.
#[derive(Clone)]
struct Submenu {
    title: String,
    hot_key: Option<HotKey>,
}

/// A configuration that is to be read.
#[derive(Clone)]
struct Next<'a> {
    files: Files<'a>,
    names: Vec<FsPath>,
    /// The menus around it, the outermost first.
    around: Vec<Submenu>,
    /// Does it decide what is started when nobody chooses?
    is_default: bool,
    /// Does a menu show it, whatever it says itself?
    in_menu: bool,
    /// What is a password asked for on the way to it?
    password: Password,
    /// The files of those that lead to it, and then its own.
    written: Written,
}

struct Listing<'a> {
    medium: Medium,
    known: Known<'a>,
    found: Listed,
    /// Configurations that were read or will be.
    queue: Vec<Next<'a>>,
    /// How many of them were read.
    done: usize,
    /// What is left for them.
    budget: &'a Budget,
    /// The last entries were left out, and it was said why.
    is_full: bool,
}

impl<'a> Listing<'a> {
    /// Remembers to read configurations as one, unless they are known.
    fn lead(&mut self, next: Next<'a>) {
        let is_same = |other: &Next<'_>| {
            other.names == next.names && other.files.directory == next.files.directory
        };
        if self.queue.iter().any(is_same) {
            return;
        }
        if self.queue.len() >= MAX_CONFIGURATIONS || next.around.len() > MAX_LEVELS {
            self.problem("configurations lead to too many others: the rest is left out".to_owned());
            return;
        }
        self.queue.push(next);
    }

    /// The same for names as a configuration writes them.
    fn lead_to(&mut self, from: &Next<'a>, lead: &Lead, around: Vec<Submenu>, is_default: bool) {
        let files = &from.files;
        let paths = lead.files.iter().map(|name| {
            let path = files.locate(name);
            path.map_err(|error| format!("{name}: {error}"))
        });
        let paths: Result<Vec<FsPath>, String> = paths.collect();
        let directory = lead.directory.as_deref();
        let directory = directory.map(|name| files.locate(name));
        match (paths, directory.transpose()) {
            (Ok(paths), Ok(directory)) => {
                let mut files = files.clone();
                let password = match lead.password {
                    true => Password::Start,
                    false => from.password,
                };
                files.directory = directory.unwrap_or(files.directory);
                self.lead(Next {
                    files,
                    names: paths,
                    around,
                    is_default,
                    in_menu: lead.in_menu,
                    password,
                    written: from.written.clone(),
                });
            }
            (Err(problem), _) => self.problem(problem),
            (_, Err(error)) => self.problem(format!("{}: {error}", lead.files.join(" "))),
        }
    }

    /// The next one that is to be read.
    fn next(&mut self) -> Option<Next<'a>> {
        let next = self.queue.get(self.done).filter(|_| !self.is_full);
        let next = next.cloned();
        self.done = self.done.saturating_add(1);
        next
    }

    fn configuration(&mut self, next: &mut Next<'a>) {
        let tree = read(&next.files, &next.names);
        self.found.has_password |= tree.has_password();
        next.written.extend(&tree.written);
        if tree.master_password {
            next.password = next.password.max(Password::Change);
        }
        let next = &*next;
        for problem in &tree.problems {
            self.problem(problem.clone());
        }
        let context = Context {
            tree: &tree,
            files: &next.files,
            medium: self.medium,
        };
        let (choice, wait) = choose(&context, next.in_menu);
        if next.is_default {
            self.found.wait = wait;
            self.found.written.extend(&next.written);
        }
        let default = match &choice {
            Choice::Lead(lead) => {
                self.lead_to(next, lead, next.around.clone(), next.is_default);
                // What else is in it is in no menu.
                return;
            }
            Choice::Command(command) => {
                if next.is_default {
                    self.command(&context, next, command);
                }
                None
            }
            Choice::Label(label) => Some(*label).filter(|_| next.is_default),
            Choice::Nothing => None,
        };
        let menu = Menu {
            context: &context,
            next,
            default,
        };
        // A hidden label is in no menu, and may be the default all the same.
        if let Some(label) = default.filter(|label| label.hidden) {
            self.label(&menu, label, &next.around);
        }
        self.menu(&menu, 0, &next.around);
    }

    /// A command that is no label, as an entry of its own.
    fn command(&mut self, context: &Context<'_>, next: &Next<'_>, command: &str) {
        let Some(path) = next.names.first() else {
            return;
        };
        let file = FileRef {
            volume: next.files.volume,
            path: path.clone(),
        };
        let origin = Origin { file, line: None };
        let label = context.tree.find(command).map(|(label, _)| label);
        let program = context.command(command);
        let mut found = entry(&next.files, self.known, command, origin, label, program);
        if label.is_none() {
            found.title = command.to_owned();
        }
        put_into(&mut found, &next.around);
        found.default = true;
        found.written.clone_from(&next.written);
        protect(&mut found, next.password);
        self.offer(found);
    }

    fn menu(&mut self, menu: &Menu<'_, 'a>, index: usize, around: &[Submenu]) {
        let tree = menu.context.tree;
        let Some(found) = tree.menus.get(index) else {
            return;
        };
        for item in &found.items {
            if self.is_full {
                return;
            }
            if self.found.entries.len() >= MAX_ENTRIES {
                self.problem(format!(
                    "there are over {MAX_ENTRIES} entries: the rest is left out"
                ));
                return;
            }
            match item {
                Item::Menu(inner) => {
                    let submenu = tree.menus.get(*inner).map(|inner| Submenu {
                        title: inner.title(),
                        hot_key: inner.hot_key(),
                    });
                    let around: Vec<Submenu> = around.iter().cloned().chain(submenu).collect();
                    self.menu(menu, *inner, &around);
                }
                Item::Label(label) => {
                    if let Some(label) = tree.labels.get(*label) {
                        self.label(menu, label, around);
                    }
                }
            }
        }
    }

    fn label(&mut self, menu: &Menu<'_, 'a>, label: &Label, around: &[Submenu]) {
        // A heading: it is there to be read.
        let is_heading = label.disabled && label.command.is_none();
        if label.navigates || is_heading {
            return;
        }
        let files = &menu.next.files;
        let program = menu.context.label(label, "");
        if let Program::Menu(lead) = &program {
            let submenu = Submenu {
                title: label.title(),
                hot_key: label.hot_key(),
            };
            let around = around.iter().cloned().chain([submenu]).collect();
            if !lead.files.is_empty() && !label.disabled {
                self.lead_to(menu.next, lead, around, false);
            }
            return;
        }
        let file = FileRef {
            volume: files.volume,
            path: label.file.clone(),
        };
        let line = Some(label.line);
        let origin = Origin { file, line };
        let id = split(&label.name).0;
        let mut found = entry(files, self.known, id, origin, Some(label), program);
        put_into(&mut found, around);
        found.written.clone_from(&menu.next.written);
        protect(&mut found, menu.next.password);
        found.default = menu
            .default
            .is_some_and(|default| std::ptr::eq(default, label));
        self.offer(found);
    }

    /// Adds an entry, unless it is listed: other configurations may include it, too.
    fn offer(&mut self, entry: BootEntry) {
        let mut others = self.found.entries.iter();
        // Lines are the quickest to tell apart.
        let is_same = |other: &BootEntry| {
            other.origin.line == entry.origin.line
                && other.cmdline == entry.cmdline
                && other.origin.file == entry.origin.file
        };
        if others.any(is_same) || self.is_full {
            return;
        }
        match self.keep(&entry) {
            Ok(()) => self.found.entries.push(entry),
            Err(limit) => {
                self.is_full = true;
                // This one has to be said, however many others there are.
                self.found
                    .problems
                    .truncate(MAX_CONFIGURATIONS.saturating_sub(1));
                let Origin { file, line } = &entry.origin;
                let line = line.map(|line| format!(", line {line}"));
                self.problem(format!(
                    "{}{}: {limit}: it and what follows is left out",
                    file.path,
                    line.unwrap_or_default()
                ));
            }
        }
    }

    /// Is there room for an entry, and was there the time to read it?
    fn keep(&self, entry: &BootEntry) -> Result<(), Limit> {
        let size = entry.size();
        self.budget.read(size)?;
        self.budget.exceeded().map_or(Ok(()), Err)?;
        self.budget.keep(size)
    }

    fn problem(&mut self, text: String) {
        if self.found.problems.len() < MAX_CONFIGURATIONS && !self.found.problems.contains(&text) {
            self.found.problems.push(text);
        }
    }
}

/// What the entries of one configuration are made with.
struct Menu<'t, 'a> {
    context: &'t Context<'t>,
    next: &'t Next<'a>,
    default: Option<&'t Label>,
}

/// Says that an entry is in these menus.
fn put_into(entry: &mut BootEntry, around: &[Submenu]) {
    entry.submenu = around.iter().map(|menu| menu.title.clone()).collect();
    entry.submenu_keys = around.iter().map(|menu| menu.hot_key).collect();
}
