//! Menus: which kernel GRUB starts in the end, with what, and what it asks for before. And what it has saved.

use std::cell::RefCell;

use pilotlight::boot::{Attempt, Timeline, open_disk, save};
use pilotlight::config::grub::Platform;
use pilotlight::config::{WaitStyle, discover};
use pilotlight::disk::Disk;
use pilotlight::entry::Password;
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{Handover, Kexec, LoadError};
use pilotlight::trust::Authority;
use pilotlight::trust::coverage::Cleared;

use super::machine::{Machine, medium};
use crate::grub::corpus::split;
use crate::grub::wanted::compare;
use crate::grub::{menus, state};
use crate::kit::{Image, temp_dir};

/// GRUB begins with the configuration of the disk.
const START: &str = "set root=hd0,gpt1\nexport root\nset prefix=(hd0,gpt1)/boot/grub\nexport prefix\n\
                     normal (hd0,gpt1)/boot/grub/grub.cfg\n";

pub(super) const MENUS: &str = include_str!("menus.txt");

/// What is in the environment block before.
const SAVED: &[u8] = b"saved_entry=two\nnext_entry=sub>in2\n";

#[test]
fn the_kernel_that_is_started_is_the_same() {
    different("booted", MENUS, 45);
}

/// Those that the program for workstations is asked for, too: it does not start anything.
#[test]
fn other_menus_start_the_same() {
    different("menus", menus::MENUS, 25);
}

fn different(kind: &str, texts: &str, least: usize) {
    let configurations = split(texts);
    assert!(configurations.len() >= least, "{}", configurations.len());
    let dir = temp_dir();
    let medium = medium(&dir, Platform::Pc, START, &[]);
    let different = configurations.iter().filter_map(|(name, text)| {
        // Seen where the machine itself fails.
        println!("{kind}/{name}");
        let dir = temp_dir();
        let theirs = menus::make_disk(&dir, text, SAVED);
        let theirs = grub(&medium, &theirs, name.starts_with("waits")) + &block(&theirs);
        let dir = temp_dir();
        let disk = menus::make_disk(&dir, text, SAVED);
        let ours = ours(&disk) + &block(&disk);
        compare(&format!("{kind}/{name}"), text, &theirs, &ours)
    });
    let different: Vec<String> = different.collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The variables in the environment block.
fn block(disk: &Image) -> String {
    let variables = state::block(disk).into_iter();
    variables
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

/// What the kernel prints first, and what GRUB does when there is none.
const KERNEL: &str = "@@{";
const MENU: &str = "Use the ";
const WAITS: &str = "Press any key to continue...";
const USER: &str = "Enter username: ";
const PROMPT: &str = "grub> ";
const FAILED: &str = "Failed to boot both default and fallback entries";

/// What happens in GRUB when nobody touches a key, or only return where it waits for that.
fn grub(medium: &Image, disk: &Image, waits: bool) -> String {
    let mut machine = Machine::start(Platform::Pc, medium, disk);
    let mut shown = "";
    loop {
        match machine.wait_for(&[KERNEL, MENU, WAITS, USER, PROMPT, FAILED]) {
            MENU => {
                shown = "menu\n";
                if waits {
                    machine.type_text("\r");
                }
            }
            WAITS => machine.type_text("x"),
            USER => return format!("{shown}password\n"),
            PROMPT | FAILED => return format!("{shown}nothing\n"),
            _ => break,
        }
    }
    machine.wait_for(&["}@@"]);
    let printed = machine.printed();
    let (_, kernel) = printed.rsplit_once(KERNEL).unwrap();
    assert!(
        !waits || !printed.contains("executed automatically"),
        "{printed}"
    );
    format!("{shown}{{{}\n", kernel.trim_end_matches("@@"))
}

/// Takes what was handed over, as the kernel would print it.
#[derive(Default)]
struct Printed(RefCell<String>);

impl Kexec for Printed {
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        let Handover {
            initrd, cmdline, ..
        } = what.payload();
        let mut bytes = vec![0; 1 << 16];
        let n = initrd.map_or(0, |initrd| {
            rustix::io::pread(initrd, &mut bytes, 0).unwrap()
        });
        let initrd = String::from_utf8_lossy(&bytes[..n]).replace('\0', "~");
        let cmdline = cmdline.as_c_str().to_str().unwrap();
        *self.0.borrow_mut() = format!("{{{cmdline}|{initrd}}}\n");
        Ok(())
    }
}

/// What we start when nobody is there, and what is saved then.
fn ours(disk: &Image) -> String {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    let found = discover(&inventory);
    let printed = Printed::default();
    let attempt = Attempt {
        inventory: &inventory,
        kexec: &printed,
        memory: 64 << 20,
        authority: &Authority::off(),
        summary: None,
    };
    let Some(configuration) = found.configurations.first() else {
        return "nothing\n".to_owned();
    };
    let wait = configuration.wait;
    let is_shown = wait.style == WaitStyle::Menu && wait.seconds != Some(0);
    let shown = if is_shown { "menu\n" } else { "" };
    for entry in configuration.choices(&found.entries) {
        if entry.password == Password::Start {
            return format!("{shown}password\n");
        }
        let run = || attempt.run(entry, &mut Timeline::start(), &mut |_, _| ());
        if entry.bootable() && run().is_ok() {
            for saved in &entry.saves {
                save(&inventory, saved, &open_disk).unwrap();
            }
            return format!("{shown}{}", printed.0.take());
        }
    }
    format!("{shown}nothing\n")
}
