//! Disks as installed systems leave them, built from descriptions.
//!
//! A description is a text. Lines that begin with `=== ` tell what is on the disk, from the outside in:
//!
//! | line | what follows it is in |
//! |---|---|
//! | `disk gpt`, `disk dos`, `disk none` | the disk; with `none` its first volume fills it |
//! | `partition NUMBER TYPE [UUID [NAME [BITS]]]` | a partition, with a type as sfdisk names it, and bits of its attributes |
//! | `volume KIND UUID [LABEL]` | a filesystem: `vfat`, `ext4`, `btrfs`, `xfs` |
//! | `volume luks1 UUID`, `volume luks2 UUID` | nothing: it stays locked |
//! | `opened volume` | an encrypted volume: what is there is not put on the disk |
//! | `volume lvm UUID` | a physical volume; its metadata are the lines after this one |
//! | `logical volume NAME` | a logical volume of it |
//! | `volume md UUID NAME ROLE OFFSET` | a member of an array, which begins at sector OFFSET of it |
//! | `array` | the array: the same on all of its members |
//!
//! `--- PATH` is a file of the volume, and the lines after it are what it contains. One without lines contains
//! its name, or the least that counts as a kernel if it is named like one. `--- PATH -> TARGET` is a symbolic link. An
//! environment block is filled up with `#`.

use std::path::Path;

use crate::kit::{Image, MIB, TempDir, run, run_line, run_with_input, superblock, temp_dir};
use crate::uki::kernel;

const SECTOR: u64 = 512;
/// Where the first partition begins, and what they are aligned to.
const ALIGNMENT: u64 = MIB;

/// A line that begins with `=== `, with what follows it.
struct Section {
    words: Vec<String>,
    /// Lines before the first file.
    text: String,
    files: Vec<(String, String)>,
}

/// A disk of a system.
pub struct Machine {
    sections: Vec<Section>,
}

impl Machine {
    /// The one that is described in a file.
    pub fn read(description: &Path) -> Machine {
        Machine::parse(&std::fs::read_to_string(description).unwrap())
    }

    pub fn parse(text: &str) -> Machine {
        let parts = format!("\n{text}");
        let parts = parts.split("\n=== ").skip(1);
        Machine {
            sections: parts.map(Section::parse).collect(),
        }
    }

    /// Builds the disk in a directory that is removed with the first of what is returned.
    pub fn build(&self) -> (TempDir, Image) {
        let dir = temp_dir();
        let disk = self.partitioned(&dir);
        // Where the next volume goes: one place, or several that get the same.
        let mut places: Vec<u64> = vec![0];
        let mut metadata = "";
        let mut members = Vec::new();
        let mut partitions = self.partitions().into_iter();
        for section in &self.sections {
            let words: Vec<&str> = section.words.iter().map(String::as_str).collect();
            match words[..] {
                ["disk", _] => {}
                ["partition", ..] => {
                    places = vec![partitions.next().unwrap().start];
                }
                ["volume", "lvm", uuid] => {
                    metadata = &section.text;
                    let volume = dir.image("volume", size_of(section));
                    superblock::lvm_volume(&volume, uuid, metadata);
                    // The rest is empty.
                    volume.resize(MIB);
                    disk.insert(places[0], &volume);
                    members = vec![places[0]];
                }
                ["volume", "md", uuid, name, role, offset] => {
                    let (role, offset) = (role.parse().unwrap(), offset.parse().unwrap());
                    let volume = dir.image("volume", size_of(section));
                    superblock::md_mirror(&volume, uuid, name, role, offset);
                    disk.insert(places[0], &volume);
                    members.push(places[0] + offset * SECTOR);
                }
                ["logical", "volume", name] => {
                    places = vec![members[0] + superblock::lvm_start(metadata, name)];
                }
                ["array"] => places.clone_from(&members),
                ["opened", "volume"] => places.clear(),
                ["volume", kind, uuid, ref label @ ..] => {
                    let label = label.first().copied().unwrap_or_default();
                    if !places.is_empty() {
                        let volume = section.volume(&dir, kind, uuid, label);
                        for place in &places {
                            disk.insert(*place, &volume);
                        }
                    }
                }
                _ => panic!("what is `{}'?", words.join(" ")),
            }
        }
        (dir, disk)
    }

    fn partitioned(&self, dir: &TempDir) -> Image {
        let table = &self.sections[0].words[1];
        let partitions = self.partitions();
        let size = match partitions.iter().map(|p| p.start + p.size).max() {
            Some(end) => end + ALIGNMENT,
            None => size_of(&self.sections[1]),
        };
        let disk = dir.image("disk.raw", size);
        if table != "none" {
            let mut script = format!("label: {table}\n");
            for partition in partitions {
                let (start, size) = (partition.start / SECTOR, partition.size / SECTOR);
                let line = format!("start={start}, size={size}, type={}", partition.kind);
                script += &format!("{}{} : {line}", disk.path(), partition.number);
                if table == "gpt"
                    && let Some(uuid) = partition.uuid
                {
                    script += &format!(", uuid={uuid}");
                }
                if let Some(name) = partition.name {
                    script += &format!(", name={name}");
                }
                if let Some(bits) = partition.attributes {
                    script += &format!(", attrs=\"{bits}\"");
                }
                script.push('\n');
            }
            run_with_input("sfdisk", ["--quiet", disk.path()], &script);
        }
        disk
    }

    fn partitions(&self) -> Vec<Partition<'_>> {
        let mut partitions = Vec::new();
        let mut start = ALIGNMENT;
        for (i, section) in self.sections.iter().enumerate() {
            let [what, number, kind, uuid @ ..] = &section.words[..] else {
                continue;
            };
            if what != "partition" {
                continue;
            }
            // Of what is in it, the array or the volume itself is the largest.
            let inside = self.sections[i + 1..].iter();
            let inside = inside.take_while(|section| section.words[0] != "partition");
            let size = inside.map(size_of).max().unwrap_or(ALIGNMENT);
            partitions.push(Partition {
                number,
                kind,
                uuid: uuid.first(),
                name: uuid.get(1),
                attributes: uuid.get(2),
                start,
                size,
            });
            start += size;
        }
        partitions
    }

    /// The paths of the files that have lines, with GRUB's names of the devices that they are on.
    pub fn places(&self) -> Vec<(String, &str)> {
        let mut texts = Vec::new();
        let mut device = "hd0".to_owned();
        let mut group = "";
        for section in &self.sections {
            let words: Vec<&str> = section.words.iter().map(String::as_str).collect();
            match words[..] {
                ["partition", number, ..] => {
                    let table = self.sections[0].words[1].replace("dos", "msdos");
                    device = format!("hd0,{table}{number}");
                }
                ["volume", "lvm", ..] => group = section.text.split(' ').next().unwrap(),
                ["logical", "volume", name] => device = format!("lvm/{group}-{name}"),
                ["volume", "md", uuid, ..] => group = uuid,
                ["array"] => device = format!("mduuid/{group}"),
                _ => {}
            }
            let with_lines = section.files.iter().filter(|(_, text)| !text.is_empty());
            texts.extend(with_lines.map(|(path, _)| (device.clone(), path.as_str())));
        }
        texts
    }

    /// Is it started by EFI?
    pub fn is_efi(&self) -> bool {
        self.partitions()
            .iter()
            .any(|partition| partition.kind == "uefi")
    }

    /// The files that have lines, with them.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.sections.iter().flat_map(|section| &section.files);
        let with_lines = files.filter(|(_, text)| !text.is_empty());
        with_lines.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All files of the filesystem on the first partition of this type, with what is in them.
    pub fn files_on(&self, kind: &str) -> impl Iterator<Item = (&str, &str)> {
        let at = self.sections.iter().position(|section| {
            section.words[0] == "partition" && section.words[2].eq_ignore_ascii_case(kind)
        });
        let volume = at.and_then(|at| self.sections.get(at + 1));
        let files = volume.into_iter().flat_map(|volume| &volume.files);
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Changes the content of files that have lines.
    pub fn edit(&mut self, edit: impl Fn(&str, &str) -> String) {
        let files = self
            .sections
            .iter_mut()
            .flat_map(|section| &mut section.files);
        for (path, content) in files.filter(|(_, content)| !content.is_empty()) {
            *content = edit(path, content);
        }
    }
}

/// Is a file named like a kernel?
fn is_kernel(path: &str) -> bool {
    let (_, name) = path.rsplit_once('/').unwrap();
    let begins = ["vmlinuz", "linux-"].map(|begin| name.starts_with(begin));
    begins.contains(&true) || name == "linux" || name.contains("bzImage")
}

struct Partition<'a> {
    number: &'a str,
    kind: &'a str,
    uuid: Option<&'a String>,
    name: Option<&'a String>,
    attributes: Option<&'a String>,
    start: u64,
    size: u64,
}

/// How much room a volume gets, with what its superblocks take.
fn size_of(section: &Section) -> u64 {
    let words: Vec<&str> = section.words.iter().map(String::as_str).collect();
    match words[..] {
        ["volume", "vfat", ..] => 16 * MIB,
        ["volume", "ext4", ..] => 16 * MIB,
        ["volume", "btrfs", ..] => 128 * MIB,
        // The least that mkfs.xfs makes.
        ["volume", "xfs", ..] => 320 * MIB,
        ["volume", "luks1" | "luks2", ..] => 24 * MIB,
        ["volume", "lvm", ..] => superblock::lvm_size(&section.text),
        ["volume", "md", _, _, _, offset] => offset.parse::<u64>().unwrap() * SECTOR + 16 * MIB,
        _ => ALIGNMENT,
    }
}

impl Section {
    fn parse(part: &str) -> Section {
        let (head, rest) = part.split_once('\n').unwrap_or((part, ""));
        let rest = format!("\n{rest}");
        let mut parts = rest.split("\n--- ");
        let text = parts.next().unwrap_or_default().trim_start().to_owned();
        let files = parts.map(|file| {
            let (path, content) = file.split_once('\n').unwrap_or((file, ""));
            let content = match content {
                "" => String::new(),
                content => format!("{}\n", content.trim_end_matches('\n')),
            };
            (path.to_owned(), content)
        });
        Section {
            words: head.split(' ').map(str::to_owned).collect(),
            text,
            files: files.collect(),
        }
    }

    /// The files in a directory of the host.
    fn tree(&self, dir: &TempDir, name: &str) {
        std::fs::create_dir_all(dir.path().join(name)).unwrap();
        for (path, content) in &self.files {
            if let Some((path, target)) = path.split_once(" -> ") {
                let path = dir.path().join(format!("{name}{path}"));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(target, path).unwrap();
                continue;
            }
            let mut bytes = match content.is_empty() {
                true if is_kernel(path) => kernel(),
                true => path.clone().into_bytes(),
                false => content.clone().into_bytes(),
            };
            if path.ends_with("/grubenv") {
                bytes.resize(1024, b'#');
            }
            dir.file(&format!("{name}{path}"), &bytes);
        }
    }

    fn volume(&self, dir: &TempDir, kind: &str, uuid: &str, label: &str) -> Image {
        let volume = dir.image("volume", size_of(self));
        let name = format!("tree-{uuid}");
        self.tree(dir, &name);
        let tree = dir.path().join(name);
        match kind {
            "vfat" => fat(&volume, &tree, uuid, label),
            "ext4" => {
                let label = if label.is_empty() { "" } else { "-L" }.to_owned() + label;
                let tree = tree.display();
                run_line(
                    &format!("mke2fs -q -t ext4 -U {uuid} {label} -d {tree} {{}}"),
                    &volume,
                );
            }
            "btrfs" => {
                let tree = tree.display();
                run_line(
                    &format!("mkfs.btrfs -q -U {uuid} --rootdir {tree} {{}}"),
                    &volume,
                );
            }
            "xfs" => {
                let files = format!("none\n0 0\nd--755 0 0\n{}$\n", prototype(&tree));
                let files = dir.file("prototype", files.as_bytes());
                let files = files.display();
                run_line(
                    &format!("mkfs.xfs -q -m uuid={uuid} -p {files} {{}}"),
                    &volume,
                );
            }
            "luks1" | "luks2" => {
                run_line(
                    &format!(
                        "cryptsetup -q luksFormat --type {kind} --uuid {uuid} --pbkdf pbkdf2 \
                         --pbkdf-force-iterations 1000 --key-file Cargo.toml {{}}"
                    ),
                    &volume,
                );
            }
            other => panic!("there is no filesystem {other}"),
        }
        volume
    }
}

fn fat(volume: &Image, tree: &Path, uuid: &str, label: &str) {
    let id = uuid.replace('-', "");
    run_line(&format!("mkfs.vfat -i {id} {{}}"), volume);
    if !label.is_empty() {
        run_line(&format!("mlabel -i {{}} ::{label}"), volume);
    }
    let entries = std::fs::read_dir(tree).unwrap();
    for entry in entries.map(|entry| entry.unwrap().path()) {
        run(
            "mcopy",
            [
                "-s",
                "-Q",
                "-i",
                volume.path(),
                entry.to_str().unwrap(),
                "::",
            ],
        );
    }
}

/// What is in a directory, as mkfs.xfs wants it told.
fn prototype(directory: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        text += &match path.is_dir() {
            true => format!("{name} d--755 0 0\n{}$\n", prototype(&path)),
            false => format!("{name} ---644 0 0 {}\n", path.display()),
        };
    }
    text
}
