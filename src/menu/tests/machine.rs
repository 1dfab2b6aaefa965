//! [`Machine`]: a model with entries, and short ways to tell it things.

use std::time::Duration;

use crate::config::Found;
use crate::entry::{BootEntry, FileRef};
use crate::fs::{FsPath, MemoryFilesystem};
use crate::inventory::Inventory;
use crate::menu::{Access, Charset, Event, Key, Listing, Model, Permissions, Size, Timeout, Wish};

/// A machine with one disk.
pub(in crate::menu) struct Machine {
    pub(in crate::menu) model: Model,
    inventory: Inventory,
}

impl Machine {
    /// One that lists these titles, each behind those of its menus with `/` between them. `*` marks what is
    /// started without a person, and `!` what can't be. Everything is allowed.
    pub(in crate::menu) fn new(titles: &[&str], timeout: Timeout) -> Machine {
        let permissions = Permissions {
            choose: Access::Yes,
            edit: Access::Yes,
            once: Access::Yes,
            default: Access::Yes,
            shell: Access::Yes,
            quit: true,
            ..Permissions::default()
        };
        let about = vec!["version 1".to_owned()];
        let mut inventory = Inventory::new();
        inventory.add_filesystem("uuid", Box::new(MemoryFilesystem::new()));
        let title = "Pilotlight".to_owned();
        let mut machine = Machine {
            model: Model::new(title, about, permissions, Some(timeout), Duration::ZERO),
            inventory,
        };
        machine.find(titles);
        machine
    }

    /// The disks were looked at again.
    pub(in crate::menu) fn find(&mut self, titles: &[&str]) {
        let mut automatic = None;
        let entries = titles.iter().map(|word| {
            let name = word.trim_start_matches(['*', '!']);
            let (menus, title) = name.rsplit_once('/').unwrap_or(("", name));
            let mut entry = BootEntry::on_disk(0, title);
            let file = |path: String| FileRef {
                volume: entry.origin.file.volume,
                path: FsPath::new(&path).unwrap(),
            };
            let (kernel, initrd) = (file(title.to_owned()), file(format!("{title}.img")));
            entry.origin.file = file(format!("/loader/{title}.conf"));
            entry.kernel = Some(kernel);
            entry.initrd = vec![initrd.into()];
            entry.cmdline = format!("root={title} quiet");
            let menus = menus.split('/').filter(|menu| !menu.is_empty());
            entry.submenu = menus.map(str::to_owned).collect();
            if word.starts_with('!') {
                entry.block("its kernel is not there");
            }
            if word.starts_with('*') {
                entry.default = true;
                automatic = Some(title);
            }
            entry
        });
        let found = Found {
            entries: entries.collect(),
            ..Found::default()
        };
        let listing = Listing::new(&self.inventory, &found, automatic);
        self.model.handle(Event::Found(listing));
    }

    /// Presses keys at a VT100.
    pub(in crate::menu) fn press(&mut self, keys: &[Key]) -> Vec<Wish> {
        let press = |key: &Key| {
            let event = Event::Key(*key, Size::VT100, Charset::Ascii);
            self.model.handle(event)
        };
        keys.iter().flat_map(press).collect()
    }

    /// Types a text.
    pub(in crate::menu) fn type_in(&mut self, text: &str) {
        let keys: Vec<Key> = text.chars().map(Key::Char).collect();
        assert_eq!(self.press(&keys), []);
    }

    /// So many seconds have passed since the start.
    pub(in crate::menu) fn tick(&mut self, seconds: u64) -> Vec<Wish> {
        self.model.handle(Event::Tick(Duration::from_secs(seconds)))
    }
}
