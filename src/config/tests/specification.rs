//! Entries of the Boot Loader Specification: how much of a machine they may take, and that each has a name of its own.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fs::{DirEntry, Filesystem, FsError, FsPath, Metadata, ReadFile};
use crate::kexec::least_kernel;
use crate::pe::program;

/// Everything that was found, as bytes of text.
fn bytes(found: &Found) -> usize {
    let entries = found.entries.iter().map(|entry| format!("{entry:?}").len());
    let problems = found.problems.iter().map(|problem| problem.text.len());
    entries.chain(problems).sum()
}

fn discovered(filesystem: impl Filesystem + 'static) -> Found {
    let mut inventory = Inventory::new();
    inventory.add_filesystem("a", Box::new(filesystem));
    discover(&inventory)
}

fn texts(found: &Found) -> Vec<&str> {
    found.problems.iter().map(|p| p.text.as_str()).collect()
}

const MIB: usize = 1 << 20;

#[test]
fn large_entries_take_no_more_than_their_share() {
    for (key, length) in [("title", 60_000), ("options", 4_000)] {
        let count = 20 * MIB / length;
        let value = "x".repeat(length);
        let all = (0..count.min(2048)).fold(MemoryFilesystem::new(), |all, number| {
            let path = format!("/loader/entries/{number:04}.conf");
            all.file(&path, format!("linux /l\n{key} {value}\n"))
        });
        let found = discovered(all.file("/l", least_kernel()));
        assert!(bytes(&found) < 10 * MIB, "{key}: {}", bytes(&found));
        let [problem] = texts(&found)[..] else {
            panic!("{key}: {:?}", found.problems);
        };
        let first = format!("/loader/entries/{:04}.conf: ", found.entries.len());
        let limit = "entries take more than 8192 KiB of memory: it and what follows is left out";
        assert_eq!(problem, first + limit);
    }
}

/// An image with so many profiles.
fn image(profiles: usize) -> Vec<u8> {
    let kernel = least_kernel();
    let mut sections = vec![(".linux", &kernel[..])];
    sections.extend(vec![(".profile", &b""[..]); profiles]);
    program(&sections)
}

/// An add-on with so many sections that mean nothing.
fn addon(cmdline: &[u8], sections: usize) -> Vec<u8> {
    let mut all = vec![(".cmdline", cmdline)];
    all.extend(vec![(".none", &b""[..]); sections]);
    program(&all)
}

fn with_add_ons(count: usize, all: MemoryFilesystem, addon: &[u8]) -> MemoryFilesystem {
    (0..count).fold(all, |all, number| {
        all.file(&format!("/loader/addons/{number}.addon.efi"), addon)
    })
}

#[test]
fn profiles_and_add_ons_do_not_multiply() {
    let one = MemoryFilesystem::new().file("/EFI/Linux/a.efi", image(256));
    let found = discovered(with_add_ons(60, one, &addon(&[b'x'; 60_000], 0)));
    assert_eq!(found.entries.len(), 256);
    assert!(
        found
            .entries
            .iter()
            .all(|entry| !entry.bootable() && entry.cmdline.is_empty())
    );
    assert!(bytes(&found) < MIB, "{}", bytes(&found));
    // Small ones, in many images.
    let many = (0..20).fold(MemoryFilesystem::new(), |all, number| {
        all.file(&format!("/EFI/Linux/{number:02}.efi"), image(256))
    });
    let found = discovered(with_add_ons(60, many, &addon(&[b'x'; 60], 0)));
    assert!(bytes(&found) < 16 * MIB, "{}", bytes(&found));
    let [problem] = texts(&found)[..] else {
        panic!("{:?}", found.problems);
    };
    let limit = ": entries take more than 8192 KiB of memory: what follows is left out";
    assert!(problem.ends_with(limit), "{problem}");
}

/// Counts what is opened.
struct Counted {
    all: MemoryFilesystem,
    opened: Cell<usize>,
}

impl Filesystem for Counted {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        self.all.metadata(path)
    }
    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        self.all.read_dir(path)
    }
    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        self.opened.set(self.opened.get() + 1);
        assert!(self.opened.get() < 400, "it goes on and on");
        self.all.open(path)
    }
}

#[test]
fn images_with_many_sections_have_an_end() {
    let all = (0..50).fold(MemoryFilesystem::new(), |all, number| {
        all.file(&format!("/EFI/Linux/{number:02}.efi"), image(1))
    });
    let found = discovered(Counted {
        all: with_add_ons(60, all, &addon(b"x", 5_000)),
        opened: Cell::new(0),
    });
    let last = found
        .entries
        .iter()
        .map(|entry| entry.origin.file.path.as_str());
    let last = last.max().unwrap();
    let [problem] = texts(&found)[..] else {
        panic!("{:?}", found.problems);
    };
    assert!(
        problem.starts_with(&format!("{last}: reading entries takes more than ")),
        "{problem}"
    );
    // What was not looked at whole is not started.
    let entry = found
        .entries
        .iter()
        .find(|entry| entry.origin.file.path.as_str() == last);
    assert!(!entry.unwrap().bootable());
}

#[test]
fn what_is_usual_is_far_from_the_limits() {
    let sections = vec![(".sbat", &b"sbat,1,x"[..]); 40];
    let kernel = least_kernel();
    let image = program(
        &[
            &[(".linux", &kernel[..]), (".cmdline", b"ro")],
            &sections[..],
        ]
        .concat(),
    );
    let all = (0..100).fold(MemoryFilesystem::new(), |all, number| {
        let entry = format!(
            "linux /l\ninitrd /l\ninitrd /l\noptions {}\n",
            "quiet ".repeat(50)
        );
        all.file(&format!("/EFI/Linux/{number}.efi"), image.clone())
            .file(&format!("/loader/entries/{number}.conf"), entry)
    });
    let found = discovered(with_add_ons(8, all, &addon(b"x", 20)).file("/l", least_kernel()));
    assert_eq!(texts(&found), [""; 0]);
    assert_eq!(found.entries.len(), 200);
    assert!(found.entries.iter().all(BootEntry::bootable));
}

proptest! {
    #[test]
    fn every_entry_has_a_name_of_its_own(
        files in prop::collection::vec(
            ("a|b|a@a|a@a#2", "|\\+1|\\+2-1|\\+0", "x|x \\(1\\)|x \\(1\\) \\(a.conf\\)|a.conf", "1|2", "m|n", 0..3_usize),
            0..12,
        ),
        profiles in prop::collection::vec("ID=a|ID=b|TITLE=x|", 0..4),
    ) {
        let kernel = least_kernel();
        let mut sections = vec![(".linux", &kernel[..]), (".osrel", b"NAME=x")];
        sections.extend(profiles.iter().map(|text| (".profile", text.as_bytes())));
        let image = program(&sections);
        let mut volumes = [(); 3].map(|()| MemoryFilesystem::new().file("/l", least_kernel()));
        for (name, counter, title, version, machine, volume) in files {
            let text = format!("title {title}\nversion {version}\nmachine-id {machine}\nlinux /l\n");
            // An `@` is no part of a name; the ids that are made are.
            let name = name.replace(['@', '#'], "_");
            let path = format!("/loader/entries/{name}{counter}.conf");
            let old = std::mem::take(&mut volumes[volume]);
            volumes[volume] = old
                .file(&path, text)
                .file(&format!("/EFI/Linux/{name}{counter}.efi"), image.clone());
        }
        let mut inventory = Inventory::new();
        for (filesystem, name) in volumes.into_iter().zip('a'..) {
            inventory.add_filesystem(&name.to_string(), Box::new(filesystem));
        }
        let found = discover(&inventory);
        let ids: BTreeSet<&str> = found.entries.iter().map(|entry| entry.id.as_str()).collect();
        let titles: BTreeSet<&str> = found.entries.iter().map(|entry| entry.title.as_str()).collect();
        prop_assert_eq!(ids.len(), found.entries.len());
        prop_assert_eq!(titles.len(), found.entries.len());
    }
}
