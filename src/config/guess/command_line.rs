//! [`CommandLine`]: what the tools of a system would give to its kernels.

use super::offered::names;
use super::settings::Settings;
use super::system::{System, read};
use crate::disk::Format;
use crate::fs::{FileKind, Filesystem};
use crate::inventory::Inventory;

/// More files of `/etc/default/grub.d` are not read.
const MAX_FILES: usize = 32;

/// A command line with where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// For every day.
    pub(super) normal: String,
    /// To repair the system.
    pub(super) rescue: String,
    /// The files that it was made from.
    pub(super) sources: Vec<String>,
    /// What a person should know of it.
    pub(super) remarks: Vec<String>,
    /// Why it can't be used.
    pub(super) problem: Option<String>,
}

impl CommandLine {
    /// That of a system.
    pub(super) fn of(
        inventory: &Inventory,
        filesystem: &dyn Filesystem,
        system: &System,
    ) -> CommandLine {
        let mut line = CommandLine::default();
        let stated = ["etc/kernel/cmdline", "usr/lib/kernel/cmdline"].iter();
        let stated = stated
            .filter_map(|name| Some((name, read(filesystem, &system.root, name)?)))
            .next();
        let (normal, rescue) = match stated {
            Some((name, text)) => {
                line.sources.push(format!("/{name}"));
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                let text: String = lines.flat_map(|line| [line, " "]).collect();
                (text.clone(), text)
            }
            None => line.of_grub(filesystem, system),
        };
        let root = line.root(inventory, system);
        line.normal = line.complete(&normal, &root);
        line.rescue = line.complete(&rescue, &root);
        let wrong = ['\0', char::REPLACEMENT_CHARACTER];
        if line.normal.contains(wrong) || line.rescue.contains(wrong) {
            line.problem = Some("its command line is not UTF-8 text".to_owned());
        }
        line
    }

    /// What `update-grub` would take from `/etc/default/grub`: for every day, and to repair the system.
    fn of_grub(&mut self, filesystem: &dyn Filesystem, system: &System) -> (String, String) {
        let mut settings = Settings::default();
        let mut names = vec!["etc/default/grub".to_owned()];
        let directory = system.root.join("etc/default/grub.d");
        let list = directory
            .ok()
            .and_then(|path| filesystem.read_dir(&path).ok());
        let more = list.into_iter().flatten();
        let more =
            more.filter(|file| file.kind != FileKind::Directory && file.name.ends_with(".cfg"));
        names.extend(
            more.take(MAX_FILES)
                .map(|file| format!("etc/default/grub.d/{}", file.name)),
        );
        for name in names {
            if let Some(text) = read(filesystem, &system.root, &name) {
                settings.read(&text);
                self.sources.push(format!("/{name}"));
            }
        }
        if settings.has_commands {
            self.remarks
                .push("/etc/default/grub holds commands, which are not executed".to_owned());
        }
        let mut value = |name: &str| match settings.get(name) {
            Ok(value) => value.to_owned(),
            Err(_) => {
                self.remarks.push(format!(
                    "{name} is left out: only a shell could tell its value"
                ));
                String::new()
            }
        };
        let all = value("GRUB_CMDLINE_LINUX");
        (
            format!("{all} {}", value("GRUB_CMDLINE_LINUX_DEFAULT")),
            all,
        )
    }

    /// What tells the kernel where the root directory is: the name that the system itself uses, if it means
    /// the volume, otherwise the UUID of the volume. Names of devices change from boot to boot.
    fn root(&mut self, inventory: &Inventory, system: &System) -> Root {
        let volume = inventory.volume(system.volume);
        let mount = system.mounts.iter().find(|mount| mount.target == "/");
        if mount.is_some() {
            self.sources.push("/etc/fstab".to_owned());
        }
        let stated = mount.map(|mount| mount.source.as_str());
        let stated = stated.filter(|source| {
            let spaces = source.contains(|c: char| c.is_whitespace());
            !spaces && names(inventory, source, system.volume) == Some(true)
        });
        let uuid = volume.and_then(|volume| volume.content.uuid.as_ref());
        let partition = volume.and_then(|volume| volume.partition.as_ref());
        let partition = partition.and_then(|partition| partition.uuid.as_ref());
        let name = stated
            .map(str::to_owned)
            .or_else(|| uuid.map(|uuid| format!("UUID={uuid}")))
            .or_else(|| partition.map(|uuid| format!("PARTUUID={uuid}")));
        if stated.is_none() && name.is_some() {
            self.sources.push("the UUID".to_owned());
        }
        if name.is_none() {
            self.problem = Some(
                "the root filesystem has no name that could be given to the kernel".to_owned(),
            );
        }
        let is_btrfs = volume.is_some_and(|volume| volume.content.format == Some(Format::Btrfs))
            || mount.is_some_and(|mount| mount.kind == "btrfs");
        let subvolume = mount.and_then(|mount| mount.option("subvol"));
        let found = Some(system.root.as_str()).filter(|root| *root != "/");
        let subvolume = subvolume.or(found).map(|name| name.trim_start_matches('/'));
        let subvolume =
            subvolume.filter(|name| is_btrfs && !name.is_empty() && !name.contains(' '));
        Root {
            name: name.unwrap_or_default(),
            flags: subvolume.map(|name| format!("rootflags=subvol={name}")),
        }
    }

    /// The stated options with what a kernel needs besides.
    fn complete(&mut self, stated: &str, root: &Root) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut keeps_root = false;
        for word in stated.split_ascii_whitespace() {
            let value = word.strip_prefix("root=");
            if word.starts_with("BOOT_IMAGE=") || word.starts_with("initrd=") {
                continue;
            }
            if value.is_some_and(is_device) {
                let text = format!("{word} is replaced: names of devices change from boot to boot");
                if !self.remarks.contains(&text) {
                    self.remarks.push(text);
                }
                continue;
            }
            keeps_root |= value.is_some();
            words.push(word.to_owned());
        }
        let has = |name: &str| words.iter().any(|word| word.starts_with(name));
        let is_stated = words.iter().any(|word| word == "ro" || word == "rw");
        let mut line = Vec::new();
        if !keeps_root {
            line.push(format!("root={}", root.name));
        }
        if !is_stated {
            line.push("ro".to_owned());
        }
        if !has("rootflags=") {
            line.extend(root.flags.clone());
        }
        line.extend(words);
        line.join(" ")
    }
}

/// Where the root directory is.
struct Root {
    /// As a value of `root=`.
    name: String,
    /// `rootflags=…`, where it is a subvolume.
    flags: Option<String>,
}

/// `/dev/sda2` and the like, but not the names that stay (`/dev/mapper/…`, `/dev/disk/…`).
fn is_device(root: &str) -> bool {
    let name = root.strip_prefix("/dev/");
    name.is_some_and(|name| {
        ["sd", "hd", "vd", "xvd", "nvme", "mmcblk"]
            .iter()
            .any(|begin| name.starts_with(begin))
    })
}
