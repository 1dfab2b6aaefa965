//! From a configuration to its entries.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::commands::run_script;
use super::devices::Devices;
use super::interpreter::{End, Interpreter, Message};
use super::load::{Loaded, Program};
use super::menu::{Body, Menu, MenuEntry, escaped, inner_default};
use super::platform::Platform;
use super::source::{Position, Source};
use crate::entry::{BootEntry, EntrySource, FileRef, Origin, PayloadKind, Problem};
use crate::inventory::Inventory;

/// Menus in each other beyond this are not opened.
const MAX_LEVELS: usize = 8;

/// Entries of one configuration beyond this are left out.
const MAX_ENTRIES: usize = 20_000;

/// Remarks on one entry.
const MAX_REMARKS: usize = 16;

/// What a configuration offers.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// Its entries in the order of the menu, those of a submenu in the place of the submenu.
    pub entries: Vec<BootEntry>,
    /// What went wrong outside of entries, in words.
    pub problems: Vec<String>,
    /// Files that were read as scripts or entries: nobody else has to look at them.
    pub reached: BTreeSet<FileRef>,
}

/// Evaluates the configuration `file` as if GRUB had been started from its disk.
pub fn evaluate(inventory: &Inventory, file: &FileRef, platform: Platform) -> Evaluated {
    let devices = Rc::new(Devices::new(inventory, file.volume.disk));
    let Some(device) = devices.name_of(file.volume) else {
        return Evaluated::default();
    };
    let directory = file.path.parent().unwrap_or_else(crate::fs::FsPath::root);
    let mut state = Interpreter::new(devices, platform);
    for (name, value) in [
        ("root", device.clone()),
        ("prefix", format!("({device}){directory}")),
        ("cmdpath", format!("({device}){directory}")),
    ] {
        state.variables.set(name, value);
        state.variables.export(name);
    }
    if let Err(failure) = run_script(&mut state, &format!("({device}){}", file.path)) {
        state.message(&failure.text);
    }
    let mut listing = Listing {
        file,
        found: Evaluated::default(),
    };
    listing.found.problems = state.messages.iter().map(describe).collect();
    if let Some(End::Limit(limit)) = state.ended {
        let text = format!("the evaluation was ended: {limit}");
        listing.found.problems.push(text);
    }
    // Every entry gets a copy of the state: what no entry needs is not copied.
    state.messages.clear();
    state.output.clear();
    listing.menu(&state, &Path::default(), true);
    listing.found.reached = state.reached.take();
    listing.found
}

/// Executes scripts one after the other in one context, and says what each of them printed, errors
/// included: how the evaluation is compared with GRUB.
pub fn execute_scripts(
    inventory: &Inventory,
    platform: Platform,
    scripts: &[String],
) -> Vec<String> {
    let devices = Rc::new(Devices::new(inventory, 0));
    let mut state = Interpreter::new(devices, platform);
    let run = |script: &String| {
        let source = Rc::new(Source::of_file("script", None, script.as_bytes()));
        state.run_file(&source);
        std::mem::take(&mut state.output)
    };
    scripts.iter().map(run).collect()
}

/// Names of the menus around an entry.
#[derive(Clone, Default)]
struct Path {
    titles: Vec<String>,
    ids: Vec<String>,
    /// Where the menus on the way begin.
    menus: Vec<Start>,
    /// Who may open a menu on the way, or start the entry, where that is not everybody.
    users: Option<String>,
}

/// The script, and the place in it, of the first entry of a menu.
type Start = Option<(String, Position)>;

fn start_of(menu: &Menu) -> Start {
    let (source, position) = menu.entries.first()?.place.as_ref()?;
    Some((source.name().to_owned(), *position))
}

impl Path {
    /// Is this menu one of those on the way?
    fn is_above(&self, menu: &Menu) -> bool {
        self.menus.contains(&start_of(menu))
    }

    fn join(&self, state: &Interpreter<'_>, menu: &Menu, entry: &MenuEntry) -> Path {
        let mut path = self.clone();
        path.menus.push(start_of(menu));
        // What the entry itself does to the variables comes too late.
        path.users = path.users.or_else(|| password(state, entry));
        path.titles.push(entry.title.clone());
        path.ids.push(escaped(&entry.id));
        path
    }
}

struct Listing<'a> {
    file: &'a FileRef,
    found: Evaluated,
}

impl Listing<'_> {
    /// Adds the entries of the menu that `state` would show. `is_default` says that the menu is on the way
    /// to the default.
    fn menu(&mut self, state: &Interpreter<'_>, path: &Path, is_default: bool) {
        let menu = state.menu();
        let default = menu.choose(state.variables.get("default"));
        for (i, entry) in menu.entries.iter().enumerate() {
            if self.found.entries.len() >= MAX_ENTRIES {
                let text = format!("there are over {MAX_ENTRIES} entries: the rest is left out");
                if !self.found.problems.contains(&text) {
                    self.found.problems.push(text);
                }
                return;
            }
            if entry.hidden {
                continue;
            }
            let path = path.join(state, &menu, entry);
            let state = execute(state, entry);
            let is_default = is_default && i == default;
            let opens = entry.submenu || state.ended == Some(End::OtherMenu);
            let inner = state.menu();
            let leads_back = state.ended == Some(End::OtherMenu) && path.is_above(&inner);
            let too_deep = path.titles.len() >= MAX_LEVELS;
            if opens && !inner.entries.is_empty() && !leads_back && !too_deep {
                self.report(&state);
                self.menu(&state, &path, is_default);
            } else {
                let mut found = self.entry(&state, entry, &path, is_default);
                if leads_back {
                    found.problems.clear();
                    found.block("it leads back to a menu that it is in");
                } else if opens && too_deep {
                    found.problems.clear();
                    found.block(format!(
                        "menus in each other beyond {MAX_LEVELS} are not opened"
                    ));
                }
                self.found.entries.push(found);
            }
        }
    }

    /// What went wrong in the body of a menu, which is no entry that could say it.
    fn report(&mut self, state: &Interpreter<'_>) {
        self.found
            .problems
            .extend(state.messages.iter().map(describe));
        if let Some(End::Limit(limit)) = state.ended {
            let text = format!("the evaluation of a menu was ended: {limit}");
            self.found.problems.push(text);
        }
    }

    fn entry(
        &self,
        state: &Interpreter<'_>,
        entry: &MenuEntry,
        path: &Path,
        is_default: bool,
    ) -> BootEntry {
        let place = entry.place.as_ref();
        let script = place.and_then(|(source, _)| source.file());
        let origin = match &entry.file {
            Some(file) => Origin {
                file: file.clone(),
                line: None,
            },
            None => Origin {
                file: script.unwrap_or(self.file).clone(),
                line: place.map(|(_, position)| position.line),
            },
        };
        let Loaded { program, problems } = state.loaded.clone();
        let nothing = program.is_none();
        let program = program.unwrap_or_else(|| Program::new(PayloadKind::Linux));
        let mut found = BootEntry::new(path.ids.join(">"), EntrySource::Grub, program.kind, origin);
        found.title.clone_from(&entry.title);
        found.kernel = program.kernel;
        found.initrd = program.initrd;
        found.devicetree = program.devicetree;
        found.modules = program.modules;
        found.cmdline = program.cmdline;
        found.unified = program.unified;
        found.default = is_default;
        found.saves = state.saves().to_vec();
        let outer = path.titles.split_last().map(|(_, outer)| outer);
        found.submenu = outer.unwrap_or_default().to_vec();
        let known: Vec<String> = problems.iter().map(|p| p.text.clone()).collect();
        found.problems = problems;
        match &state.ended {
            Some(End::Leave(command)) => {
                found.block(format!("it starts no system: `{command}'"));
            }
            Some(End::Limit(limit)) => found.block(format!("its evaluation was ended: {limit}")),
            _ if nothing && entry.submenu => found.block("this menu has no entries"),
            _ if nothing => found.block("it starts nothing"),
            _ => {}
        }
        if let Some(users) = &path.users {
            found.block(format!("GRUB starts it only for {users}, with a password"));
        }
        let new = state.messages.iter().filter(|m| !known.contains(&m.text));
        found
            .problems
            .extend(new.take(MAX_REMARKS).map(|message| Problem {
                blocks: false,
                text: describe(message),
            }));
        found
    }
}

/// Executes the body of an entry in a copy of the state (`grub_menu_execute_entry` in
/// `grub-core/normal/menu.c`).
fn execute<'a>(before: &Interpreter<'a>, entry: &MenuEntry) -> Interpreter<'a> {
    let mut state = before.clone();
    state.budget.begin();
    state.messages.clear();
    state.output.clear();
    state.ended = None;
    let chosen = state.variables.get("chosen").map(str::to_owned);
    let default = state.variables.get("default").map(str::to_owned);
    if entry.submenu {
        state.open_context(false);
        state.variables.set("timeout", "0");
    }
    let own = escaped(&entry.id);
    let chosen = chosen.map_or_else(|| own.clone(), |outer| format!("{outer}>{own}"));
    state.variables.set("chosen", chosen);
    state.variables.export("chosen");
    match default.as_deref().and_then(inner_default) {
        Some(inner) => state.variables.set("default", inner),
        None => state.variables.unset("default"),
    }
    match &entry.body {
        Body::Block(block) => {
            state.run_block(block, entry.parameters.clone());
        }
        Body::Text(text) => {
            state.parameters = Some(entry.parameters.clone());
            state.run_text(text);
        }
    }
    state
}

/// Who may start an entry, where that is not everybody.
fn password(state: &Interpreter<'_>, entry: &MenuEntry) -> Option<String> {
    // Set to nothing it is set all the same: then nobody may.
    let superusers = state.variables.get("superusers")?;
    let users = entry.users.as_deref()?;
    Some(format!("{superusers} {users}").trim().to_owned())
}

fn describe(message: &Message) -> String {
    match &message.place {
        Some((source, position)) => format!("{}, {position}: {}", source.name(), message.text),
        None => message.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SavedVariables;
    use crate::fs::{FsPath, MemoryFilesystem};

    /// Evaluates `/boot/grub/grub.cfg` of a disk that has these files.
    fn listed(config: &str, files: &[(&str, &str)]) -> Evaluated {
        let filesystem = files
            .iter()
            .fold(MemoryFilesystem::new(), |all, (path, text)| {
                all.file(path, *text)
            });
        let filesystem = filesystem.file("/boot/grub/grub.cfg", config);
        let mut inventory = Inventory::new();
        let volume = inventory.add_filesystem("abc-def", Box::new(filesystem));
        let path = FsPath::new("/boot/grub/grub.cfg").unwrap();
        evaluate(&inventory, &FileRef { volume, path }, Platform::Efi)
    }

    /// Of each entry: its id, its submenus, whether it is the default, and its command line.
    fn summary(found: &Evaluated) -> Vec<String> {
        let entries = found.entries.iter();
        entries
            .map(|entry| {
                let star = if entry.default { "*" } else { "" };
                let menus = entry.submenu.join("/");
                format!("{star}{} [{menus}] {}", entry.id, entry.cmdline)
            })
            .collect()
    }

    fn problems(entry: &BootEntry) -> Vec<&str> {
        entry.problems.iter().map(|p| p.text.as_str()).collect()
    }

    const KERNELS: [(&str, &str); 3] = [("/k1", ""), ("/k2", ""), ("/i", "")];

    #[test]
    fn an_entry_with_all_its_files() {
        let config = "search --set=root --fs-uuid ABC-DEF\n\
                      menuentry 'Debian' --class debian --id deb {\n\
                      \techo 'Loading Linux ...'\n\
                      \tlinux /k1 root=UUID=x ro  quiet \"a b\"\n\
                      \tinitrd /i /k2\n}\n";
        let found = listed(config, &KERNELS);
        assert_eq!(found.problems, [""; 0]);
        let entry = &found.entries[0];
        assert_eq!((entry.id.as_str(), entry.title.as_str()), ("deb", "Debian"));
        assert_eq!(entry.cmdline, "BOOT_IMAGE=/k1 root=UUID=x ro quiet \"a b\"");
        assert_eq!(entry.kernel.as_ref().unwrap().path.as_str(), "/k1");
        let initrds: Vec<&str> = entry.initrd.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(initrds, ["/i", "/k2"]);
        assert_eq!(entry.origin.line, Some(2));
        assert!(entry.default && entry.bootable());
    }

    #[test]
    fn submenus_and_the_way_to_the_default() {
        let config = "set default='adv>b'\nlocal=1\nexport shared\nshared=2\n\
                      menuentry A --id a { linux /k1 $local $shared $1; }\n\
                      submenu 'Advanced' --id adv {\n\
                      menuentry 'Old>er' { linux /k1 x; }\n\
                      menuentry B --id b { linux /k2 $local $shared $1 $chosen; }\n}\n";
        let found = listed(config, &KERNELS);
        assert_eq!(
            summary(&found),
            [
                "a [] BOOT_IMAGE=/k1 1 2 A",
                "adv>Old>>er [Advanced] BOOT_IMAGE=/k1 x",
                "*adv>b [Advanced] BOOT_IMAGE=/k2 2 B adv>b",
            ]
        );
    }

    #[test]
    fn bodies_are_lazy_and_change_nothing() {
        let config = "n=1\nmenuentry A { linux /k1 $n; n=2; export n; }\n\
                      menuentry B { linux /k1 $n; }\nn=3\n\
                      function f { linux /k2 in $1; }\nmenuentry C { f x; }\n";
        let found = listed(config, &KERNELS);
        assert_eq!(
            summary(&found),
            [
                "*A [] BOOT_IMAGE=/k1 3",
                "B [] BOOT_IMAGE=/k1 3",
                "C [] BOOT_IMAGE=/k2 in x",
            ]
        );
    }

    #[test]
    fn what_can_not_be_started_says_why() {
        let config = "menuentry gone { linux /gone; initrd /i; }\n\
                      menuentry device { linux (hd7,gpt1)/k1; }\n\
                      menuentry firmware { fwsetup; }\n\
                      menuentry nothing { true; }\n\
                      submenu empty { true; }\n\
                      menuentry windows { chainloader /i; }\n\
                      menuentry bios { chainloader (hd0)+1; }\n\
                      menuentry xen { multiboot2 /k1 a; module2 /k2 b; }\n\
                      menuentry odd { linux /k1; frobnicate; }\n\
                      menuentry endless { while true; do true; done; }\n";
        let found = listed(config, &KERNELS);
        let all: Vec<(bool, Vec<&str>)> = found
            .entries
            .iter()
            .map(|entry| (entry.bootable(), problems(entry)))
            .collect();
        let name = "(hd0,gpt2)/boot/grub/grub.cfg";
        assert_eq!(
            all,
            [
                (false, vec!["file `/gone' not found"]),
                (false, vec!["(hd7,gpt1)/k1: disk `hd7' not found"]),
                (false, vec!["it starts no system: `fwsetup'"]),
                (false, vec!["it starts nothing"]),
                (false, vec!["this menu has no entries"]),
                (false, vec!["it is no EFI program: no PE headers"]),
                (
                    false,
                    vec!["(hd0)+1 is the boot sector of another system: only a BIOS starts that"]
                ),
                (
                    false,
                    vec!["Multiboot kernels can't be started yet: kexec starts Linux kernels only"]
                ),
                (
                    true,
                    vec![
                        format!("{name}, line 9, column 13: can't find command `frobnicate'")
                            .as_str()
                    ]
                ),
                (
                    false,
                    vec!["its evaluation was ended: it takes more than 100000 steps"]
                ),
            ]
        );
        let xen = &found.entries[7];
        assert_eq!(xen.kind, PayloadKind::Multiboot2);
        assert_eq!(xen.modules[0].file.path.as_str(), "/k2");
        assert_eq!(
            (xen.cmdline.as_str(), xen.modules[0].cmdline.as_str()),
            ("a", "b")
        );
    }

    #[test]
    fn what_is_missing_keeps_an_entry_from_being_started() {
        for body in [
            "linux /k1; initrd $nothing",
            "initrd /i; linux /k1",
            "linux /k1; initrd /i /gone",
            "linux /k1; halt",
            "linux /k1; initrd /i; exit",
        ] {
            let found = listed(&format!("menuentry A {{ {body}; }}\n"), &KERNELS);
            assert!(!found.entries[0].bootable(), "{body}");
        }
    }

    #[test]
    fn commands_that_are_not_done_say_so() {
        let config = "menuentry A { if keystatus --shift; then linux /k2; else linux /k1; fi; }\n\
                      menuentry B { acpi /x; linux /k1; }\n\
                      menuentry C { if verify_detached /k1 /x; then linux /k1; fi; }\n";
        let found = listed(config, &KERNELS);
        let notes: Vec<(&str, bool, usize)> = found
            .entries
            .iter()
            .map(|e| (e.cmdline.as_str(), e.bootable(), e.problems.len()))
            .collect();
        assert_eq!(
            notes,
            [
                ("BOOT_IMAGE=/k1", true, 1),
                ("BOOT_IMAGE=/k1", true, 1),
                ("", false, 2),
            ]
        );
    }

    #[test]
    fn menus_say_what_went_wrong_in_them() {
        let config = "submenu S { frobnicate; menuentry A { linux /k1; }; }\n\
                      submenu T { menuentry B { linux /k1; }; while true; do true; done; }\n";
        let found = listed(config, &KERNELS);
        assert_eq!(found.entries.len(), 2);
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
        assert!(found.problems[0].ends_with("can't find command `frobnicate'"));
        assert!(found.problems[1].starts_with("the evaluation of a menu was ended"));
    }

    #[test]
    fn attacks_on_memory_end() {
        for config in [
            "a=x\nwhile true; do a=$a$a; done\n",
            "function f { while true; do setparams \"$@\" \"$@\"; done; }\nf ''\n",
            "a=xxxxxxxxxxxxxxxx\nfor i in 1 2 3 4 5 6 7 8 9 10; do a=$a$a$a$a; done\n\
             echo $a $a $a $a $a $a $a $a $a $a\n",
            "while true; do source /boot/grub/grub.cfg; done\n",
            "while true; do save_env a b c; load_env; done\n",
        ] {
            let found = listed(config, &KERNELS);
            assert_eq!(found.entries.len(), 0);
            assert!(!found.problems.is_empty(), "{config}");
        }
    }

    #[test]
    fn other_configurations() {
        let files = [
            ("/k1", ""),
            ("/a.cfg", "menuentry fromA { linux /k1 $own $shared; }\n"),
            ("/empty.cfg", "x=1\n"),
        ];
        let stub = "own=1; shared=2; export shared\nconfigfile /empty.cfg\nconfigfile /a.cfg\n\
                    menuentry never { true; }\n";
        let found = listed(stub, &files);
        assert_eq!(summary(&found), ["*fromA [] BOOT_IMAGE=/k1 2"]);
        assert_eq!(found.reached.len(), 3);
        let inside = "menuentry M { configfile /a.cfg; }\nsource /a.cfg\n";
        assert_eq!(
            summary(&listed(inside, &files)),
            ["*M>fromA [M] BOOT_IMAGE=/k1", "fromA [] BOOT_IMAGE=/k1"]
        );
        let gone = listed("configfile /gone\nmenuentry A { linux /k1; }\n", &files);
        assert_eq!(gone.entries.len(), 1);
        assert_eq!(
            gone.problems,
            ["(hd0,gpt2)/boot/grub/grub.cfg, line 1, column 1: file `/gone' not found"]
        );
    }

    #[test]
    fn menus_that_lead_back_are_listed_once() {
        let config = "menuentry A { linux /k1; }\nmenuentry Again { configfile /boot/grub/grub.cfg; }\n\
                      menuentry Here { normal; }\nmenuentry Tools { configfile /tools.cfg; }\n";
        let tools =
            "menuentry T { linux /k1; }\nmenuentry Back { configfile /boot/grub/grub.cfg; }\n";
        let found = listed(config, &[("/k1", ""), ("/tools.cfg", tools)]);
        let ids: Vec<&str> = found.entries.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["A", "Again", "Here", "Tools>T", "Tools>Back"]);
        for entry in [1, 2, 4] {
            assert_eq!(
                problems(&found.entries[entry]),
                ["it leads back to a menu that it is in"]
            );
        }
    }

    #[test]
    fn state_of_the_environment_block() {
        let mut block = "# GRUB Environment Block\nsaved_entry=B\nnext_entry=C\n".to_owned();
        block.push_str(&"#".repeat(1024 - block.len()));
        let config = "load_env\n\
                      if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                      save_env next_entry; else set default=\"${saved_entry}\"; fi\n\
                      for x in A B C; do menuentry $x { linux /k1 $1; savedefault; }; done\n";
        let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
        let found = listed(config, &files);
        let defaults: Vec<&str> = found
            .entries
            .iter()
            .filter(|entry| entry.default)
            .map(|entry| entry.id.as_str())
            .collect();
        assert_eq!(defaults, ["C"]);
    }

    /// Of each entry: what it saves in which file.
    fn saves(found: &Evaluated) -> Vec<Vec<String>> {
        let text = |saved: &SavedVariables| {
            let path = &saved.file.path;
            let variables = saved.variables.iter();
            let variables: Vec<String> = variables
                .map(|(name, value)| match value {
                    Some(value) => format!("{name}={value}"),
                    None => format!("-{name}"),
                })
                .collect();
            format!("{path}: {}", variables.join(" "))
        };
        let entries = found.entries.iter();
        entries
            .map(|entry| entry.saves.iter().map(text).collect())
            .collect()
    }

    fn environment(lines: &str) -> String {
        let mut block = format!("# GRUB Environment Block\n{lines}");
        block.push_str(&"#".repeat(1024 - block.len()));
        block
    }

    #[test]
    fn an_entry_carries_what_is_saved_before_it_is_started() {
        let block = environment("saved_entry=B\nnext_entry=C\n");
        let config = "load_env\n\
                      if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                      save_env next_entry; fi\n\
                      function savedefault { saved_entry=\"${chosen}\"; save_env saved_entry; }\n\
                      menuentry A { savedefault; linux /k1; }\n\
                      submenu S { recordfail=1; save_env recordfail\n\
                      menuentry C { savedefault; unset recordfail; save_env recordfail other; linux /k1; }\n}\n\
                      menuentry D { linux /k1; }\n\
                      menuentry E { next_entry=x; save_env next_entry; next_entry=y; save_env next_entry; \
                      save_env -f /other next_entry; linux /k1; }\n";
        let other = environment("");
        let files = [
            ("/k1", ""),
            ("/boot/grub/grubenv", block.as_str()),
            ("/other", other.as_str()),
        ];
        let found = listed(config, &files);
        let own = |text: &str| format!("/boot/grub/grubenv: {text}");
        assert_eq!(
            saves(&found),
            [
                vec![own("next_entry= saved_entry=A")],
                vec![own("next_entry= -recordfail saved_entry=S>C -other")],
                vec![own("next_entry=")],
                vec![own("next_entry=y"), "/other: next_entry=y".to_owned()],
            ]
        );
    }

    #[test]
    fn what_was_saved_is_loaded_again_and_has_to_fit() {
        let block = environment("");
        let config = "a=1; b=x; save_env a b; unset b; save_env b; a=2; b=y; load_env\n\
                      long=0123456789012345678901234567890123456789\n\
                      for i in 1 2 3 4 5; do long=$long$long; done\n\
                      save_env long\n\
                      menuentry A { linux /k1 $a $b; }\n";
        let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
        let found = listed(config, &files);
        assert_eq!(summary(&found), ["*A [] BOOT_IMAGE=/k1 1 y"]);
        assert_eq!(saves(&found), [["/boot/grub/grubenv: a=1 -b"]]);
        assert_eq!(
            found.problems,
            ["(hd0,gpt2)/boot/grub/grub.cfg, line 4, column 1: environment block too small"]
        );
    }

    #[test]
    fn a_configuration_without_a_block_saves_nothing() {
        let found = listed("menuentry A { save_env a; linux /k1; }\n", &KERNELS);
        assert_eq!(saves(&found), [[""; 0]]);
        assert_eq!(problems(&found.entries[0]).len(), 1);
    }

    #[test]
    fn passwords_keep_entries_from_being_started() {
        let config = "set superusers=root\npassword_pbkdf2 root x\n\
                      menuentry A { linux /k1; }\nmenuentry B --unrestricted { linux /k1; }\n\
                      menuentry C --users anna { linux /k1; }\n";
        let found = listed(config, &KERNELS);
        let bootable: Vec<bool> = found.entries.iter().map(BootEntry::bootable).collect();
        assert_eq!(bootable, [false, true, false]);
        assert_eq!(
            problems(&found.entries[2]),
            ["GRUB starts it only for root anna, with a password"]
        );
        for config in [
            "set superusers=root\nmenuentry A { set superusers=; unset superusers; linux /k1; }\n",
            "set superusers=\nmenuentry A { linux /k1; }\n",
            "set superusers=root\nexport superusers\n\
             submenu S { menuentry A --unrestricted { linux /k1; }; }\n",
        ] {
            let found = listed(config, &KERNELS);
            assert!(!found.entries[0].bootable(), "{config}");
        }
    }

    #[test]
    fn fedora() {
        let entry = |version: &str| {
            format!(
                "title Fedora {version}\nversion {version}\nlinux /vmlinuz-{version}\n\
                 initrd /initramfs-{version}.img $tuned_initrd\n\
                 options root=/dev/x ro $kernelopts \\$literal\noptions never\n\
                 grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
            )
        };
        let (old, new) = (entry("6.9.12-200.fc40"), entry("6.11.4-301.fc41"));
        let files = [
            ("/loader/entries/abc-6.9.12-200.fc40.conf", old.as_str()),
            ("/loader/entries/abc-6.11.4-301.fc41.conf", new.as_str()),
            ("/vmlinuz-6.9.12-200.fc40", ""),
            ("/vmlinuz-6.11.4-301.fc41", ""),
            ("/initramfs-6.11.4-301.fc41.img", ""),
        ];
        let config =
            "set kernelopts='a b'\nsearch --fs-uuid --set=boot abc-def\ninsmod blscfg\nblscfg\n";
        let found = listed(config, &files);
        assert_eq!(found.problems, [""; 0]);
        assert_eq!(
            summary(&found),
            [
                "*abc-6.11.4-301.fc41 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.11.4-301.fc41 root=/dev/x ro a b $literal",
                "abc-6.9.12-200.fc40 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.9.12-200.fc40 root=/dev/x ro a b $literal",
            ]
        );
        assert_eq!(
            found.entries[0].origin.file.path.as_str(),
            "/loader/entries/abc-6.11.4-301.fc41.conf"
        );
        assert_eq!(problems(&found.entries[0]), [""; 0]);
        assert_eq!(
            problems(&found.entries[1]),
            ["file `/initramfs-6.9.12-200.fc40.img' not found"]
        );
        assert_eq!(found.reached.len(), 3);
    }
}
