//! Whole systems: the list that we make of each disk, and the same menu walked through in GRUB.
//!
//! `real/` has what GRUB's own programs wrote in a Debian, `shapes/` what other distributions write. Beside each
//! description (see [`super::machine`]) stands the whole list that comes of it, in `NAME.entries`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pilotlight::config::discover;
use pilotlight::config::grub::Configurations;
use pilotlight::disk::Disk;
use pilotlight::entry::{BootEntry, FileRef, SavePlace};
use pilotlight::inventory::Inventory;

use super::machine::Machine;
use super::walk::{self, Walk};
use super::wanted::compare;
use crate::kit::Image;

#[test]
fn each_list_is_the_known_one() {
    let wrong = for_each_system(|system| difference(&system.description));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What to do if the list of the disk in a description is not the one beside it.
pub fn difference(description: &Path) -> Option<String> {
    let (_dir, disk) = Machine::read(description).build();
    let list = list(&disk);
    let known = description.with_extension("entries");
    (std::fs::read_to_string(&known).ok().as_ref() != Some(&list)).then(|| {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("entries");
        std::fs::create_dir_all(&made).unwrap();
        let made = made.join(known.file_name().unwrap());
        std::fs::write(&made, list).unwrap();
        let (made, known) = (made.display(), known.display());
        format!("the list has changed: compare, and copy it if it is right:\ncp {made} {known}")
    })
}

#[test]
fn grub_shows_the_same_menus() {
    let wrong = for_each_system(|system| {
        let mut machine = Machine::read(&system.description);
        let walk = Walk::new(&mut machine);
        let (_dir, disk) = machine.build();
        let different = differences(&disk, &walk);
        compare(&system.name, "", "", &different.join("\n"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct System {
    /// `real/saved`
    name: String,
    description: PathBuf,
}

/// What they are called.
pub fn names() -> impl Iterator<Item = String> {
    systems().into_iter().map(|system| system.name)
}

fn systems() -> Vec<System> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/grub");
    let mut systems = Vec::new();
    for kind in ["real", "shapes"] {
        for entry in std::fs::read_dir(directory.join(kind)).unwrap() {
            let description = entry.unwrap().path();
            if description.extension().is_some_and(|e| e == "machine") {
                let stem = description.file_stem().unwrap().to_str().unwrap();
                systems.push(System {
                    name: format!("{kind}/{stem}"),
                    description,
                });
            }
        }
    }
    assert!(systems.len() >= 37, "{} systems", systems.len());
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    systems
}

/// What is wrong with each system, on two threads.
fn for_each_system(test: impl Fn(&System) -> Option<String> + Sync) -> Vec<String> {
    let systems = systems();
    let (one, other): (Vec<_>, Vec<_>) = systems.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let run = |part: Vec<(usize, &System)>| -> Vec<String> {
        part.into_iter()
            .filter_map(|(_, system)| test(system))
            .collect()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(other));
        let mut wrong = run(one);
        wrong.extend(other.join().unwrap());
        wrong
    })
}

fn inventory(disk: &Image) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    inventory
}

/// Everything that we say of a disk.
pub fn list(disk: &Image) -> String {
    let inventory = inventory(disk);
    let found = discover(&inventory);
    let place_of = |file: &FileRef| match inventory.volume(file.volume) {
        Some(volume) => match &volume.partition {
            Some(partition) => format!("{}:{}", partition.number, file.path),
            None => file.path.to_string(),
        },
        None => format!("?:{}", file.path),
    };
    let saved = |place: &SavePlace| match place {
        SavePlace::File(file) => place_of(file),
        SavePlace::Parts(..) => inventory.describe_saved(place).to_string(),
    };
    let mut text = String::new();
    for entry in &found.entries {
        let star = if entry.default { '*' } else { ' ' };
        text += &format!("{star} {}\n", entry.title);
        let mut line = |key: &str, value: &str| {
            if !value.is_empty() {
                text += &format!("    {key:<8} {value}\n");
            }
        };
        let bootable = if entry.bootable() {
            ""
        } else {
            ", not bootable"
        };
        line("id", &entry.id);
        line("menu", &entry.submenu.join(" > "));
        line("kind", &format!("{}{bootable}", entry.kind.name()));
        let places = std::iter::once(("from", &entry.origin));
        for (key, origin) in places.chain(entry.also_at.iter().map(|origin| ("also", origin))) {
            let number = origin.line.map(|line| format!(", line {line}"));
            let number = number.unwrap_or_default();
            line(key, &format!("{}{number}", place_of(&origin.file)));
        }
        line(
            "kernel",
            &entry.kernel.as_ref().map_or(String::new(), place_of),
        );
        for initrd in &entry.initrd {
            line("initrd", &place_of(&initrd.file));
        }
        for module in &entry.modules {
            line(
                "module",
                &format!("{} {}", place_of(&module.file), module.cmdline),
            );
        }
        line("options", &entry.cmdline);
        if let Some(left) = entry.tries_left {
            let done = entry.tries_done.unwrap_or_default();
            line("tries", &format!("{left} left, {done} done"));
        }
        for saves in &entry.saves {
            for (name, value) in &saves.variables {
                let value = value.as_deref().unwrap_or("(nothing)");
                line(
                    "saves",
                    &format!("{name}={value} in {}", saved(&saves.place)),
                );
            }
        }
        for problem in &entry.problems {
            let key = if problem.blocks { "blocks" } else { "note" };
            line(key, &problem.text);
        }
    }
    for problem in &found.problems {
        text += &format!("{}: {}\n", inventory.place(problem.volume), problem.text);
    }
    text.replace(disk.path(), "disk")
}

/// Walks through the menus: where GRUB starts another thing than we, a line each.
fn differences(disk: &Image, walk: &Walk) -> Vec<String> {
    let inventory = inventory(disk);
    let volumes: Vec<_> = inventory.volumes().map(|(id, _)| id).collect();
    let found = Configurations::default().read(&inventory, volumes);
    // The first one is what GRUB begins with, and what it leads to.
    let (_, evaluated) = found.into_iter().next().expect("there is a configuration");
    let choices = choices(&evaluated.entries).into_iter();
    let differences = choices.filter_map(|(choice, expected)| {
        let (mut theirs, ours) = (walk.grub(disk, choice.as_deref()), walk::started(expected));
        if !expected.bootable() && expected.initrd.is_empty() {
            // On a device that is not there we don't know them.
            let before_initrds = theirs.find("[initrd").unwrap_or(theirs.len());
            theirs.truncate(before_initrds);
        }
        let choice = choice.as_deref().unwrap_or("by default");
        (theirs != ours).then(|| format!("{choice}: {}", what_differs(&theirs, &ours)))
    });
    let mut differences: Vec<String> = differences.collect();
    if !evaluated.entries.iter().any(|entry| entry.default) {
        differences.push("there is no default".to_owned());
    }
    differences
}

/// What GRUB starts and what we do, from where they differ. Of an entry that GRUB does not start at all the title
/// is enough: the list of the system has the whole.
fn what_differs(theirs: &str, ours: &str) -> String {
    let same = theirs.chars().zip(ours.chars());
    let same = same
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    match same {
        0 => format!("GRUB {theirs:?}, we {:?}", ours.split('[').next().unwrap()),
        same => format!("GRUB …{:?}, we …{:?}", &theirs[same..], &ours[same..]),
    }
}

/// The default, and each entry by the numbers that lead to it.
pub fn choices(entries: &[BootEntry]) -> Vec<(Option<String>, &BootEntry)> {
    let default = entries.iter().find(|entry| entry.default);
    let mut choices = Vec::from_iter(default.map(|entry| (None, entry)));
    // How many there are in each menu, by the numbers that lead to it.
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    let mut firsts: BTreeMap<String, &BootEntry> = BTreeMap::new();
    let mut before: Vec<(String, usize)> = Vec::new();
    for entry in entries {
        // Entries in the same menus as the one before are counted on.
        let same = before.iter().zip(&entry.submenu);
        let same = same.take_while(|((title, _), menu)| title == *menu).count();
        before.truncate(same);
        let number = |sizes: &mut BTreeMap<String, usize>, path: &str| {
            let size = sizes.entry(path.to_owned()).or_default();
            *size += 1;
            *size - 1
        };
        for menu in entry.submenu.iter().skip(same) {
            let outer = path(&before);
            let number = number(&mut sizes, &outer);
            before.push((menu.clone(), number));
        }
        let outer = path(&before);
        for depth in 0..=before.len() {
            firsts.entry(path(&before[..depth])).or_insert(entry);
        }
        let number = number(&mut sizes, &outer);
        choices.push((Some(format!("{outer}{number}")), entry));
    }
    // Beyond the last entry GRUB takes the first: there are no more.
    let beyond = sizes
        .into_iter()
        .map(|(outer, size)| (Some(format!("{outer}{size}")), firsts[&outer]));
    choices.extend(beyond);
    choices
}

fn path(menus: &[(String, usize)]) -> String {
    let numbers = menus.iter().map(|(_, number)| format!("{number}>"));
    numbers.collect()
}
