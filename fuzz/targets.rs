//! The functions that are fuzzed. Each takes any bytes, and panics when what it calls breaks a promise.

#[path = "sparse.rs"]
pub mod sparse;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pilotlight::config::Budget;
use pilotlight::config::bls::{self, LoaderConf, Pattern, Type1, Wanted};
use pilotlight::config::grub::source::Source;
use pilotlight::config::grub::syntax::{Command, List, Script, Unit};
use pilotlight::config::grub::{EnvironmentBlock, Platform, evaluate, execute_scripts};
use pilotlight::config::guess::{Settings, mounts};
use pilotlight::config::syslinux::{Known, Medium, list};
use pilotlight::disk::{Disk, Hardware, ReadAt, Section, Uevent, identify};
use pilotlight::efi::{Account, LOADER, Memory, MemoryVariables, Variables, Wishes};
use pilotlight::entry::{FileRef, VolumeId};
use pilotlight::firmware;
use pilotlight::fs::{FileKind, Filesystem, FsPath, MemoryFilesystem};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{BzImage, CommandLine, Zboot};
use pilotlight::menu::{Input, Key, Keys};
use pilotlight::pe::Image;
use pilotlight::policy::Policy;
use pilotlight::policy::overrides::{self, Machine, Told, VENDOR, lines};
use pilotlight::smbios::Smbios;
use pilotlight::store::{Store, Variable};
use pilotlight::trust::coverage::{Facts, Piece};
use pilotlight::trust::manifest::Manifest;
use pilotlight::trust::{
    Anchor, Mode, Proof, Refusal, Role, Trusted, appended, authenticode, detached, efi,
};
use sparse::SparseDisk;

/// A target: its name, which is that of its corpus, the function, and how many mutations of each input
/// the replay on stable tries.
pub type Target = (&'static str, fn(&[u8]), usize);

/// Every target.
pub const ALL: [Target; 29] = [
    ("partition_table", partition_table, 300),
    ("identify", identify_volume, 300),
    ("uevent", uevent, 300),
    ("filesystem", filesystem, 300),
    ("md", md, 300),
    ("lvm", lvm, 300),
    ("bls_entry", bls_entry, 300),
    ("loader_conf", loader_conf, 300),
    ("version", version, 300),
    ("kernel_header", kernel_header, 300),
    ("zboot", zboot, 300),
    ("policy", policy, 300),
    ("grub_syntax", grub_syntax, 300),
    ("grub_script", grub_script, 30),
    ("environment_block", environment_block, 300),
    ("smbios", smbios, 300),
    ("syslinux", syslinux, 300),
    ("guess", guess, 300),
    ("pe", pe, 300),
    ("authenticode", authenticode, 300),
    ("cms", cms, 300),
    ("detached", detached_signature, 300),
    ("anchors", anchors, 300),
    ("appended", appended_signature, 300),
    ("signature_lists", signature_lists, 300),
    ("uefi_variables", uefi_variables, 300),
    ("manifest", manifest, 300),
    ("keys", keys, 300),
    ("firmware_volume", firmware_volume, 300),
];

/// Scanning a disk: GPT, MBR and what is in the volumes. With flag 1 the checksums of the GPT are made
/// right first, so that the fuzzer reaches what is behind them.
pub fn partition_table(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    if image.flags & 1 != 0 {
        seal_gpt(&mut image);
    }
    let sector_size = match image.flags & 6 {
        0 => None,
        2 => Some(512),
        _ => Some(4096),
    };
    let image = Arc::new(image);
    let disk = Disk {
        path: PathBuf::from("fuzz"),
        source: image.clone(),
        hardware: Hardware {
            sector_size,
            ..Hardware::default()
        },
    };
    let layout = disk.scan();
    assert!(
        layout.volumes.len() <= 257,
        "{} volumes",
        layout.volumes.len()
    );
    for volume in &layout.volumes {
        assert!(
            volume.offset + volume.size <= image.size(),
            "a volume leaves the disk"
        );
        assert_eq!(volume.source.size(), volume.size);
    }
    let limit = 10_000 + 2_000 * layout.volumes.len() as u64;
    assert!(image.reads() < limit, "{} reads", image.reads());
}

/// Recognising a volume.
pub fn identify_volume(data: &[u8]) {
    let image = SparseDisk::decode(data);
    let mut problems = Vec::new();
    let content = identify(&image, &mut problems);
    assert!(content.format.is_some() || content.uuid.is_none() && content.label.is_none());
    assert!(image.reads() < 2_000, "{} reads", image.reads());
}

/// Reading a message of the kernel.
pub fn uevent(data: &[u8]) {
    if let Some(event) = Uevent::parse(data) {
        assert!(!event.subsystem.is_empty());
        assert!(event.subsystem.len() < data.len());
    }
}

/// Reading everything in a filesystem. With flag 1 the checksums of XFS and Btrfs are made right
/// first.
pub fn filesystem(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    if image.flags & 1 != 0 {
        seal_xfs(&mut image);
        seal_btrfs(&mut image);
    }
    let image = Arc::new(image);
    let disk = Disk {
        path: PathBuf::from("fuzz"),
        source: image.clone(),
        hardware: Hardware::default(),
    };
    for volume in &disk.scan().volumes {
        if let Ok(filesystem) = pilotlight::fs::open(volume, None) {
            walk(filesystem.as_ref());
        }
    }
    assert!(image.reads() < 1_000_000, "{} reads", image.reads());
}

/// Reads what can be read, within limits: damage may make a small tree endless.
pub fn walk(filesystem: &dyn Filesystem) {
    let mut directories = vec![FsPath::root()];
    let mut left = 200;
    while let Some(directory) = directories.pop() {
        let Ok(list) = filesystem.read_dir(&directory) else {
            continue;
        };
        for entry in list {
            left -= 1;
            if left == 0 {
                return;
            }
            let Ok(path) = directory.join(&entry.name) else {
                continue;
            };
            let _ = filesystem.metadata(&path);
            match entry.kind {
                FileKind::Directory => directories.push(path),
                _ => {
                    let _ = filesystem.read(&path, 1 << 20);
                    if let Ok(ranges) = filesystem.locate(&path, 1 << 20) {
                        let length: u64 = ranges.iter().map(|range| range.end - range.start).sum();
                        let metadata = filesystem.metadata(&path);
                        assert!(metadata.is_ok_and(|metadata| metadata.size == length));
                    }
                    if let Ok(image) = filesystem.image(&path) {
                        let _ = image.read_at(0, &mut [0; 512]);
                        let _ = image.read_at(image.size() / 2, &mut [0; 512]);
                    }
                }
            }
        }
    }
}

/// Putting an array together: as many disks of equal size as flags 1 and 2 say, less one. With flag 4 the
/// checksums of superblocks of version 1.2 are made right first.
pub fn md(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    for start in starts(&image) {
        if image.flags & 4 != 0 {
            seal_md(&mut image, start + 4096);
        }
    }
    read_assembled(image);
}

/// Putting a volume group together, from disks as in [`md`]. With flag 4 the checksums of labels in the second
/// sector, and of metadata in the second page, are made right first.
pub fn lvm(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    for start in starts(&image) {
        if image.flags & 4 != 0 {
            seal_lvm(&mut image, start);
        }
    }
    read_assembled(image);
}

/// Where the disks begin that an image is divided into.
fn starts(image: &SparseDisk) -> Vec<u64> {
    let count = u64::from(image.flags & 3) + 1;
    let size = image.size() / count / 512 * 512;
    (0..count).map(|number| number * size).collect()
}

fn read_assembled(image: SparseDisk) {
    let starts = starts(&image);
    let size = image.size() / starts.len() as u64 / 512 * 512;
    let image = Arc::new(image);
    let mut inventory = Inventory::new();
    for start in starts {
        inventory.add(Disk {
            path: PathBuf::from(format!("fuzz{start}")),
            source: Arc::new(Section::new(image.clone(), start, size)),
            hardware: Hardware::default(),
        });
    }
    assert!(inventory.volumes().count() <= 8192);
    for (id, volume) in inventory.volumes() {
        let mut buffer = [0; 8192];
        for offset in [0, volume.source.size() / 2, volume.source.size(), u64::MAX] {
            if let Ok(n) = volume.source.read_at(offset, &mut buffer) {
                assert!(n as u64 <= volume.source.size().saturating_sub(offset));
            }
        }
        assert!(inventory.assembly_problems(id).all(|text| !text.is_empty()));
    }
    assert!(image.reads() < 1_000_000, "{} reads", image.reads());
}

/// Makes the checksum of a superblock right (`calc_sb_1_csum` in `drivers/md/md.c` of Linux).
fn seal_md(image: &mut SparseDisk, at: u64) {
    let mut sb = [0; 4096];
    let _ = image.read_at(at, &mut sb);
    let devices = usize::from(u16::from_le_bytes([sb[220], sb[221]]));
    let Some(checked) = sb.get(..256 + devices * 2) else {
        return;
    };
    let words = checked
        .chunks(2)
        .enumerate()
        .filter(|(i, _)| !matches!(i, 108 | 109));
    let sum: u64 = words
        .map(|(i, half)| u64::from(u16::from_le_bytes([half[0], half[1]])) << (16 * (i % 2)))
        .sum();
    let sum = ((sum & 0xffff_ffff) + (sum >> 32)) as u32;
    image.sector(at / 512)[216..220].copy_from_slice(&sum.to_le_bytes());
}

/// Makes the checksums of a physical volume right (`lib/format_text/layout.h` of LVM2).
fn seal_lvm(image: &mut SparseDisk, start: u64) {
    let label = image.sector(start / 512 + 1);
    let sum = crc32_lvm(&label[20..]);
    label[16..20].copy_from_slice(&sum.to_le_bytes());
    let area = start + 4096;
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let (offset, size) = {
        let header = image.sector(area / 512);
        (number(&header[40..48]), number(&header[48..56]))
    };
    if offset < 1 << 20 && size < 1 << 16 {
        let mut text = vec![0; size as usize];
        let _ = image.read_at(area + offset, &mut text);
        let sum = crc32_lvm(&text);
        image.sector(area / 512)[56..60].copy_from_slice(&sum.to_le_bytes());
    }
    let header = image.sector(area / 512);
    let sum = crc32_lvm(&header[4..]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
}

/// Reading an entry file, with variables from a block of the same text.
pub fn bls_entry(data: &[u8]) {
    let entry = Type1::parse(data);
    assert!(entry.options.len() <= data.len() * 3);
    assert!(entry.initrd.len() <= 64 && entry.problems.len() <= 17);
    assert!(entry.others.len() <= 16);
    let block = [b"# GRUB Environment Block\n", data].concat();
    let filesystem = MemoryFilesystem::new()
        .file("/loader/entries/a+1.conf", data)
        .file("/grub2/grubenv", block)
        .file("/l", "");
    let mut group = bls::Group::default();
    let volume = VolumeId { disk: 0, volume: 0 };
    group.read(
        &filesystem,
        volume,
        bls::Place::Elsewhere,
        &Budget::of_disk(1),
    );
    for entry in group.finish(&Wishes::default()).entries {
        assert!(entry.cmdline.len() <= 1 << 18 && entry.initrd.len() <= 64);
    }
}

/// Reading a `loader.conf`, and matching its pattern.
pub fn loader_conf(data: &[u8]) {
    let conf = LoaderConf::parse(data);
    assert!(conf.problems.len() <= 16);
    for choice in conf.default.iter().chain(&conf.preferred) {
        if let Wanted::Pattern(pattern) = choice {
            pattern.means("debian-6.12.conf");
        }
    }
    let (pattern, text) = halves(data);
    if let Some(pattern) = Pattern::new(&pattern) {
        pattern.matches(&text);
    }
}

/// Comparing two versions: the other way round it is the reverse.
pub fn version(data: &[u8]) {
    let (a, b) = halves(data);
    assert_eq!(bls::compare(&a, &b), bls::compare(&b, &a).reverse());
    assert!(bls::compare(&a, &a).is_eq());
}

/// Reading the head of a kernel file.
pub fn kernel_header(data: &[u8]) {
    if let Ok(header) = BzImage::parse(data, data.len() as u64) {
        assert!(header.version.is_none_or(|text| !text.is_empty()));
        let _ = CommandLine::new(&String::from_utf8_lossy(data), header.cmdline_size);
    }
}

/// A kernel that unpacks itself: its header, and what is packed in it, from gzip or zstd.
pub fn zboot(data: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let Some(Ok(zboot)) = Zboot::parse(data, u64::MAX) else {
        return;
    };
    let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let packed = data.get(range(zboot.payload.start)..range(zboot.payload.end));
    // Damaged numbers make the whole rest of the file packed bytes.
    let packed = packed.or_else(|| data.get(0x80..)).unwrap_or_default();
    if let Ok(kernel) = zboot.unpack(packed, LIMIT) {
        assert!(kernel.len() <= LIMIT && kernel.len() <= 64 * packed.len());
    }
}

/// Reading a policy, what may be set of it from outside, and what it lets boot of what nobody signed.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let policy = match Policy::parse(&text) {
        Ok(policy) => {
            set_from_outside(&policy, &text);
            policy
        }
        Err(error) => {
            assert!(error.line > 0 && !error.text.is_empty());
            return;
        }
    };
    let mut rules = policy.trust;
    assert!(rules.unusable().is_none());
    rules.listed.clear();
    let cmdline = rules.parameters.extend("quiet -- x");
    assert!(
        rules
            .parameters
            .add
            .iter()
            .all(|added| cmdline.contains(added.as_str()))
    );
    let mut facts = Facts::default();
    facts.pieces.push(Piece::of(Role::Kernel));
    let may_boot = rules.mode != Mode::Enforce
        // Neither of them is there.
        || rules.cover.iter().all(|role| matches!(role, Role::Initrd | Role::DeviceTree));
    assert!(may_boot || rules.clear((), &facts).is_err());
}

/// Whoever says what: nothing that is refused becomes allowed.
fn set_from_outside(policy: &Policy, text: &str) {
    for source in overrides::Source::ALL {
        let told = lines(text).into_iter().map(|told| Told { source, ..told });
        let after = told_by(policy, &told.collect::<Vec<Told>>());
        assert!(policy.overrides.allow.contains(&source) || after == *policy);
    }
    let lines = Policy::lines(text).unwrap();
    assert!(lines.iter().all(|(_, line)| *line > 0));
    assert!(policy.values().len() > lines.len().min(1));
}

/// The policy that comes of what is told: what guards the machine stays.
fn told_by(policy: &Policy, told: &[Told]) -> Policy {
    let result = policy.overridden(told);
    assert!(result.problems.iter().all(|(_, text)| !text.is_empty()));
    let after = result.policy;
    assert_eq!(after.trust, policy.trust);
    assert_eq!(after.boot.refuse, policy.boot.refuse);
    assert_eq!(after.boot.guess, policy.boot.guess);
    assert_eq!(after.menu.permissions, policy.menu.permissions);
    assert_eq!(after.menu.password, policy.menu.password);
    assert_eq!(after.efi, policy.efi);
    assert_eq!(after.overrides, policy.overrides);
    after
}

/// The variables that are read in [`uefi_variables`], by vendor and name.
const VARIABLES: [(&str, &str); 11] = [
    (LOADER, "LoaderEntryOneShot"),
    (LOADER, "LoaderEntryPreferred"),
    (LOADER, "LoaderEntryDefault"),
    (LOADER, "LoaderEntryLastBooted"),
    (LOADER, "LoaderConfigTimeout"),
    (LOADER, "LoaderConfigTimeoutOneShot"),
    (VENDOR, Variable::NAME),
    (VENDOR, "menu.timeout"),
    (VENDOR, "boot.default"),
    (VENDOR, "boot.prefer"),
    (VENDOR, "failure.then"),
];

/// Reading the UEFI variables of the Boot Loader Interface and our own, and writing them. Each value stands behind a
/// byte for its name and two for its length, which the end of the input may cut.
pub fn uefi_variables(data: &[u8]) {
    let variables = MemoryVariables::new();
    let mut rest = data;
    while let Some(([name, low, high], more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (value, behind) = more.split_at(length.min(more.len()));
        let (vendor, name) = VARIABLES[usize::from(*name) % VARIABLES.len()];
        variables.write(vendor, name, value).expect("a store");
        rest = behind;
    }

    let policy = Policy::parse("[override]\nallow = [\"efi\"]\n").expect("a policy");
    let told = Machine::new("/nothing".as_ref(), Some(&variables)).ask(&policy.overrides);
    assert!(told.len() <= VARIABLES.len() - 7);
    told_by(&policy, &told);

    let store = Variable(&variables);
    if let Some(starts) = store.read().expect("a store") {
        store.write(&starts).expect("a store");
        assert_eq!(store.read().expect("a store"), Some(starts));
    }

    let (wishes, problems) = Wishes::read(&variables);
    assert!(problems.len() <= 6 && problems.iter().all(|text| !text.is_empty()));
    let patterns: Vec<&str> = wishes.entries().map(|wish| wish.pattern).collect();
    assert!(patterns.len() <= 3);
    for pattern in &patterns {
        assert!(!pattern.is_empty() && !pattern.contains('\0'));
        let _ = Pattern::new(pattern).map(|pattern| pattern.means("debian-6.12.conf"));
    }
    // What was for one boot is gone, and nothing else.
    assert!(wishes.consume(&variables).is_empty());
    let left = Wishes {
        one_shot: None,
        timeout_once: None,
        ..wishes.clone()
    };
    assert_eq!(Wishes::read(&variables).0, left);

    // What is told next of an entry with such a name is read as it was written.
    let selected = patterns.first().copied().unwrap_or("a");
    let account = Account {
        entries: patterns.clone(),
        selected,
        memory: Memory::Remember,
        ..Account::default()
    };
    assert!(account.write(&variables).is_empty());
    let known = Wishes {
        last_booted: Some(selected.to_owned()),
        ..left
    };
    assert_eq!(Wishes::read(&variables).0, known);
    let list = variables
        .read(LOADER, "LoaderEntries")
        .expect("a store")
        .expect("a list");
    // Ids that systemd takes alone, each with its NUL.
    let units: Vec<[u8; 2]> = list.chunks(2).map(|unit| [unit[0], unit[1]]).collect();
    assert!(units.iter().all(|unit| unit[1] == 0 && unit[0].is_ascii()));
    assert!(units.last().is_none_or(|unit| *unit == [0, 0]) && list.len() <= 8 * 1024);
}

/// Reading a manifest, and writing it again.
pub fn manifest(data: &[u8]) {
    let manifest = match Manifest::parse(data) {
        Ok(manifest) => manifest,
        Err(error) => {
            assert!(error.line > 0 && !error.text.is_empty());
            return;
        }
    };
    assert!((1..=256).contains(&manifest.groups.len()) && manifest.counts_at(manifest.version));
    let written = manifest.to_string();
    assert_eq!(Manifest::parse(written.as_bytes()), Ok(manifest));
}

/// Reading a GRUB script into its tree.
pub fn grub_syntax(data: &[u8]) {
    let source = Rc::new(Source::of_file("fuzz", None, data));
    for room in [usize::MAX, data.len() * 8] {
        let script = Script::parse(&source, room);
        // A word more than there is room for, and a unit on each level.
        let most = room.saturating_add(data.len() * 32 + 16 * 1024);
        assert!(script.size <= most, "{} bytes, {room} allowed", script.size);
        look_at(&source, &script.units);
    }
}

/// Looks at every place and block of a script.
fn look_at(source: &Source, units: &[Unit]) {
    let last = source.position(source.text().len());
    for unit in units {
        match &unit.commands {
            Ok(commands) => look_at_list(source, commands),
            Err(error) => assert!(error.position <= last && !error.text.is_empty()),
        }
        for function in &unit.functions {
            look_at_list(source, &function.body);
        }
    }
}

fn look_at_list(source: &Source, list: &List) {
    for command in list.iter() {
        match command {
            Command::Simple(simple) => {
                assert!(!simple.words.is_empty());
                assert!(simple.position <= source.position(source.text().len()));
                if let Some(block) = &simple.block {
                    assert!(!block.text().is_empty() && !block.units.is_empty());
                    look_at(source, &block.units);
                }
            }
            Command::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    look_at_list(source, condition);
                    look_at_list(source, body);
                }
                otherwise.iter().for_each(|body| look_at_list(source, body));
            }
            Command::For { body, .. } => look_at_list(source, body),
            Command::While {
                condition, body, ..
            } => {
                look_at_list(source, condition);
                look_at_list(source, body);
            }
        }
    }
}

/// Evaluating a configuration on a disk with its entries. Behind lines `--- /path` stand further files.
pub fn grub_script(data: &[u8]) {
    const CONFIG: &str = "/boot/grub/grub.cfg";
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split("\n--- ");
    let config = parts.next().unwrap_or_default();
    let mut block = b"# GRUB Environment Block\nsaved_entry=b>c\nnext_entry=\n".to_vec();
    block.resize(1024, b'#');
    let filesystem = MemoryFilesystem::new()
        .file("/vmlinuz", "kernel")
        .file("/initrd", "initrd")
        .file("/boot/grub/grubenv", block)
        .file(
            "/boot/grub/custom.cfg",
            "menuentry custom { linux /vmlinuz $1; }\n",
        )
        .file(
            "/loader/entries/b-1.conf",
            "title B\nlinux /vmlinuz\noptions ro $x\n",
        )
        .file(
            "/loader/entries/b-2.conf",
            "linux /vmlinuz\ninitrd /initrd $tuned_initrd\n",
        )
        .file(CONFIG, config);
    let filesystem = parts.fold(filesystem, |all, part| {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        all.file(path, content)
    });
    let tables = Smbios::parse(
        b"_SM3_\x01\x18\x03\0\0\x01\0\x40\0\0\0",
        b"\x01\x06\0\0\x01\x02a:b\0c\0\0\x7f\x04\x01\0\0\0".to_vec(),
    );
    let mut inventory = Inventory::new().described(tables);
    let volume = inventory.add_filesystem("ab-cd", Box::new(filesystem));
    let path = FsPath::new(CONFIG).expect("a path");
    let found = evaluate(&inventory, &FileRef { volume, path }, Platform::Efi);
    assert!(found.entries.len() <= 20_001);
    for entry in &found.entries {
        assert!(entry.kernel.is_some() || !entry.bootable());
        assert!(entry.submenu.len() <= 8 && !entry.id.contains('\0'));
        assert!(
            entry
                .problems
                .iter()
                .all(|problem| !problem.text.is_empty())
        );
    }
    let printed = execute_scripts(&inventory, Platform::Pc, &[config.to_owned()]);
    assert!(printed.iter().all(|text| text.len() <= 64 * 1024));
}

/// Reading an environment block and setting a variable in it.
pub fn environment_block(data: &[u8]) {
    let Some(mut block) = EnvironmentBlock::parse(data) else {
        return;
    };
    let before: Vec<_> = block.iter().filter(|(name, _)| name != "own").collect();
    if block.set("own", Some("a\nb")).is_ok() {
        assert_eq!(block.as_bytes().len(), data.len());
        let own = ("own".to_owned(), "a\nb".to_owned());
        assert!(block.iter().any(|pair| pair == own));
        let others: Vec<_> = block.iter().filter(|(name, _)| name != "own").collect();
        assert_eq!(others, before);
    }
}

/// Reading the tables of the firmware: an entry point of 31 bytes, and the structures.
pub fn smbios(data: &[u8]) {
    let (point, table) = data.split_at(data.len().min(0x1f));
    let Some(smbios) = Smbios::parse(point, table.to_vec()) else {
        return;
    };
    assert!(smbios.size() <= table.len());
    for structure in smbios.structures() {
        assert!(structure.fields.len() >= 4);
        for number in [0, 1, 2, 255] {
            let text = structure.string(number).unwrap_or(b"-");
            assert!(!text.is_empty() && !text.contains(&0));
        }
    }
}

/// Reading a configuration of SYSLINUX, which may include itself, or a second one behind a line `===`.
pub fn syslinux(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once("\n===\n").unwrap_or((&text, ""));
    let filesystem = MemoryFilesystem::new()
        .file("/s/syslinux.cfg", first)
        .file("/s/b", second)
        .file("/s/k", "")
        .file("/s/i", "");
    let volume = VolumeId { disk: 0, volume: 0 };
    let (Ok(path), Ok(directory)) = (FsPath::new("/s/syslinux.cfg"), FsPath::new("/s")) else {
        return;
    };
    // The texts of the system are those that the input begins with.
    let mut tables = b"\x01\x1b\0\0\x01\x02\x03\x04".to_vec();
    tables.extend([0x5a; 16]);
    tables.extend(*b"\0\x05\x06");
    let texts = data.split(|byte| matches!(byte, 0 | b'\n'));
    tables.extend(*b"V\0");
    for text in texts.filter(|text| !text.is_empty()).take(5) {
        tables.extend(text);
        tables.push(0);
    }
    tables.extend(*b"\0\x7f\x04\x01\0\0\0");
    let smbios = Smbios::parse(b"_SM3_\x01\x18\x03\0\0\x01\0\xff\xff\0\0", tables);
    let known = Known {
        smbios: smbios.as_ref(),
        content: None,
    };
    let budget = Budget::of_disk(1);
    let medium = Medium::Disk;
    let found = list(
        &filesystem,
        volume,
        &path,
        &directory,
        medium,
        known,
        &budget,
    );
    assert!(found.entries.len() <= 4096 && found.problems.len() <= 16);
    let defaults = found.entries.iter().filter(|entry| entry.default).count();
    assert!(defaults <= 1, "{defaults} defaults");
    for entry in &found.entries {
        assert!(entry.submenu.len() <= 24 && entry.initrd.len() <= 64);
        assert!(entry.problems.len() <= 19);
        assert!(entry.kernel.is_some() || !entry.bootable());
    }
}

/// Reading files of assignments for a shell, and a `fstab`.
pub fn guess(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut settings = Settings::default();
    settings.read(&text);
    settings.read(&text);
    for name in [
        "GRUB_CMDLINE_LINUX",
        "GRUB_CMDLINE_LINUX_DEFAULT",
        "PRETTY_NAME",
        "A",
    ] {
        assert!(settings.get(name).map_or(0, str::len) <= 4096);
    }
    for mount in mounts(&text) {
        assert!(!mount.target.is_empty());
        let _ = mount.option("subvol");
    }
}

/// Reading the headers of an EFI program, and what it is as an image in `EFI/Linux`.
pub fn pe(data: &[u8]) {
    let size = data.len() as u64;
    if let Ok(image) = Image::parse(data, size) {
        for section in &image.sections {
            assert!(section.content.end <= size || section.size() == 0);
        }
        assert!(image.certificates.is_none_or(|table| table.end == size));
    }
    let path = "/EFI/Linux/a.efi";
    let filesystem = MemoryFilesystem::new().file(path, data);
    let mut group = bls::Group::default();
    let volume = VolumeId { disk: 0, volume: 0 };
    group.read(&filesystem, volume, bls::Place::Esp, &Budget::of_disk(1));
    let bls::Offered {
        entries, problems, ..
    } = group.finish(&Wishes::default());
    assert!(!entries.is_empty() && entries.len() <= 256 && problems.is_empty());
}

/// A signed program, given in pieces, with and without anything that is trusted.
pub fn authenticode(data: &[u8]) {
    let read = |piece: usize| {
        let mut reader = authenticode::Reader::new(data.len() as u64, &[]);
        data.chunks(piece)
            .try_for_each(|bytes| reader.update(bytes))
            .and_then(|()| reader.finish())
    };
    let (Ok(program), Ok(same)) = (read(4096), read(61)) else {
        assert!(read(4096).is_err() && read(61).is_err());
        return;
    };
    assert_eq!(program.digests(), same.digests());
    let signatures = program.signatures().unwrap_or_default();
    for signature in signatures.into_iter().flatten() {
        let _ = pilotlight::trust::inspect::Signature::read(&signature);
    }
    let verdict = program.verify(&Trusted::default());
    assert!(verdict.proofs.is_empty() && !verdict.refusals.is_empty());
    assert!(
        verdict
            .refusals
            .iter()
            .all(|refusal| !refusal.to_string().is_empty())
    );
    let mut trusted = Trusted::default();
    trusted.programs.extend_from_slice(program.digests());
    assert!(!program.verify(&trusted).proofs.is_empty());
    trusted
        .revoked
        .programs
        .extend_from_slice(program.digests());
    assert!(program.verify(&trusted).proofs.is_empty());
}

/// A detached signature of the line `pilotlight`: two bytes of length, a certificate that is the anchor, the
/// signature.
pub fn cms(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (anchor, signature) =
        rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let mut trusted = Trusted::default();
    trusted
        .anchors
        .extend(Anchor::certificate("anchor", anchor).ok());
    check_detached(signature, &trusted);
}

/// What a detached signature of the line `pilotlight` proves, which has to be the same in pieces.
fn check_detached(signature: &[u8], trusted: &Trusted) {
    let proven = |content: &[u8]| {
        let mut check = detached::Check::new(signature, trusted).ok()?;
        content.chunks(3).for_each(|bytes| check.update(bytes));
        Some(check.finish())
    };
    let Some(found) = proven(b"pilotlight\n") else {
        assert!(detached::verify(signature, b"pilotlight\n", trusted).is_err());
        return;
    };
    assert!(found.len() <= 16);
    let at_once = detached::verify(signature, b"pilotlight\n", trusted).unwrap_or_default();
    let is_ok = |results: &[Result<Proof, Refusal>]| -> Vec<bool> {
        results.iter().map(Result::is_ok).collect()
    };
    assert_eq!(is_ok(&found), is_ok(&at_once));
    for proof in found.iter().flatten() {
        assert!(!trusted.anchors.is_empty() && !proof.anchor().is_empty());
        assert!(
            proof
                .chain()
                .is_none_or(|chain| chain.certificates().len() <= 9)
        );
    }
    for refusal in found.iter().filter_map(|result| result.as_ref().err()) {
        assert!(!refusal.to_string().is_empty());
    }
    // Over anything else, nothing counts.
    let others = proven(b"other").unwrap_or_default();
    assert!(others.iter().all(Result::is_err));
}

/// A detached signature of the line `pilotlight`: two bytes of length, a file of anchors, the signature.
pub fn detached_signature(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (anchors, signature) =
        rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let trusted = Trusted {
        anchors: Anchor::read("anchor", anchors).unwrap_or_default(),
        ..Trusted::default()
    };
    check_detached(signature, &trusted);
}

/// A file of anchors.
pub fn anchors(data: &[u8]) {
    match Anchor::read("name", data) {
        Ok(anchors) => assert!(anchors.iter().all(|anchor| anchor.name == "name")),
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }
}

/// A kernel with a signature behind it: two bytes of length, a file of anchors, the kernel.
pub fn appended_signature(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (anchors, file) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let trusted = Trusted {
        anchors: Anchor::read("anchor", anchors).unwrap_or_default(),
        ..Trusted::default()
    };
    let size = file.len() as u64;
    let Ok(Some(mut check)) = appended::Check::new(file, size, &trusted) else {
        return;
    };
    assert!(check.content_size() < size);
    file.chunks(7).for_each(|bytes| check.update(bytes));
    let found = check.finish().expect("the file is the same");
    assert!(
        found
            .iter()
            .all(|result| result.is_err() || !trusted.anchors.is_empty())
    );
}

/// A variable of the firmware that lists what is trusted or revoked.
pub fn signature_lists(data: &[u8]) {
    let Ok(lists) = efi::SignatureLists::from_efivarfs(data) else {
        return;
    };
    let mut trusted = Trusted::default();
    let (certificates, programs) = (lists.certificates.len(), lists.programs.len());
    lists.clone().trust("db", &mut trusted);
    lists.revoke(&mut trusted.revoked);
    assert!(trusted.anchors.len() <= certificates && trusted.programs.len() == programs);
    assert_eq!(trusted.revoked.certificates.len(), certificates);
    assert_eq!(trusted.revoked.programs, trusted.programs);
}

/// Two texts, parted by a line end.
fn halves(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once('\n').unwrap_or((&text, ""));
    (a.to_owned(), b.to_owned())
}

/// Makes the checksums right of tables with up to 4 entries, which are one sector.
fn seal_gpt(image: &mut SparseDisk) {
    let last = (image.size() / 512).saturating_sub(1);
    for lba in [1, last] {
        let entries = u64::from_le_bytes(image.sector(lba)[72..80].try_into().unwrap_or_default());
        let count = image.sector(lba)[80];
        if count <= 4 && entries < 1 << 32 {
            let checksum = crc32(&image.sector(entries)[..usize::from(count) * 128]);
            image.sector(lba)[88..92].copy_from_slice(&checksum.to_le_bytes());
        }
        let header = image.sector(lba);
        header[16..20].fill(0);
        let checksum = crc32(&header[..92]);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Makes the checksums right of everything on an XFS that says what it is.
fn seal_xfs(image: &mut SparseDisk) {
    let head = *image.sector(0);
    let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap_or_default());
    let block = number(4).clamp(512, 65_536);
    let directory = (u64::from(block) << (head[192] & 7)).min(65_536);
    let inode = u64::from(number(104) >> 16).clamp(256, 2048);
    for sector in image.used() {
        for inside in [0, 256] {
            let bytes = *image.sector(sector);
            let (length, checksum) = match &bytes[inside..inside + 4] {
                b"XFSB" if sector == 0 => (u64::from(number(100) & 0xffff).min(4096), 224),
                [b'I', b'N', ..] => (inode, 100),
                b"BMA3" => (u64::from(block), 64),
                b"XDB3" | b"XDD3" => (directory, 4),
                b"XSLM" => (u64::from(block), 12),
                _ => continue,
            };
            seal(image, sector * 512 + inside as u64, length, checksum, 4);
        }
    }
}

/// Makes the checksums right of the superblock and all nodes of a Btrfs, which have its UUID.
fn seal_btrfs(image: &mut SparseDisk) {
    const SUPERBLOCK: u64 = 128;
    let head = *image.sector(SUPERBLOCK);
    let size = u32::from_le_bytes(head[148..152].try_into().unwrap_or_default());
    for sector in image.used() {
        let length = match sector {
            SUPERBLOCK => 4096,
            _ if image.sector(sector)[32..48] == head[32..48] => size.clamp(512, 65_536),
            _ => continue,
        };
        seal(image, sector * 512, length.into(), 0, 32);
    }
}

/// Makes a CRC-32C right: of `length` bytes at `at`, in which it has `room` bytes at `checksum`.
fn seal(image: &mut SparseDisk, at: u64, length: u64, checksum: usize, room: usize) {
    let mut bytes = vec![0; length as usize];
    let _ = image.read_at(at, &mut bytes);
    let Some(own) = bytes.get_mut(checksum..checksum + room) else {
        return;
    };
    own.fill(0);
    // Where there is room for longer ones, only what is behind counts.
    let covered = if room > 4 {
        &bytes[checksum + room..]
    } else {
        &bytes
    };
    let sum = crc32c(covered).to_le_bytes();
    for (place, byte) in (at + checksum as u64..).zip(sum) {
        image.sector(place / 512)[(place % 512) as usize] = byte;
    }
}

/// The CRC-32C of ext4, XFS and Btrfs.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 2048 {
            let entry = if i % 8 == 0 {
                i as u32 / 8
            } else {
                table[i / 8]
            };
            table[i / 8] = (entry >> 1) ^ if entry & 1 == 1 { 0x82f6_3b78 } else { 0 };
            i += 1;
        }
        table
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}

/// The CRC-32 of Ethernet and GPT, bit by bit.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32_from(0, bytes)
}

/// The checksum of LVM: the same with another beginning, and not turned round at the end.
pub fn crc32_lvm(bytes: &[u8]) -> u32 {
    !crc32_from(!0xf597_a6cf, bytes)
}

/// Goes on from the checksum of what stands before.
fn crc32_from(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// Keys that a terminal sends, with pauses where bytes are 0. No byte leads to more than one key, and whatever
/// came before, the next key is heard.
pub fn keys(data: &[u8]) {
    let mut keys = Keys::default();
    let mut now = Duration::ZERO;
    for byte in data {
        keys.feed(*byte, now);
        if *byte == 0 {
            now += Duration::from_secs(1);
            keys.expire(now);
            assert_eq!(keys.deadline(), None);
        }
    }
    keys.flush();
    let key = keys.feed(b'x', now);
    assert_eq!(key, Some(Input::Key(Key::Char('x'))));
}

/// Reading an image of firmware: unchanged it is what it was, and made anew it is as long, has no damage that it did
/// not have, and stays as it is then.
/// The checksum of the first volume's header is made right first.
pub fn firmware_volume(data: &[u8]) {
    let mut data = data.to_vec();
    seal_volume(&mut data);
    let Ok(mut image) = firmware::Image::read(data.clone()) else {
        return;
    };
    assert!(image.encode().is_ok_and(|same| same == data));
    let [volume, file] = [1, 2].map(|byte| firmware::Guid::from_bytes([byte; 16]));
    let payload = firmware::FvFile { volume, file };
    if let Ok(first) = firmware::start_first(&data, payload) {
        assert_eq!(firmware::start_first(&first.0, payload), Ok(first));
    }
    image.touch();
    let mut again = match image.made() {
        Ok(again) => again,
        Err(error @ firmware::FirmwareError::Worse(_)) => panic!("{error}"),
        Err(_) => return,
    };
    let made = again.bytes().to_vec();
    assert_eq!(made.len(), data.len());
    again.touch();
    assert!(again.encode().is_ok_and(|same| same == made));
}

/// Makes the checksum of a volume's header right (PI 1.8, volume 3, section 3.2.1).
fn seal_volume(data: &mut [u8]) {
    let Some(length) = data.get(48..50) else {
        return;
    };
    let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
    let Some(header) = data.get_mut(..length).filter(|header| header.len() >= 56) else {
        return;
    };
    header[50..52].fill(0);
    let words = header.chunks_exact(2);
    let sum = words.fold(0_u16, |sum, word| {
        sum.wrapping_add(u16::from_le_bytes([word[0], word[1]]))
    });
    header[50..52].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
}
