//! Disks for one machine each: the images that were made once stay as they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

/// What goes onto a disk: by its path, the content of each file.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A disk that a machine may write to; it is deleted at the end.
pub struct Image {
    pub path: PathBuf,
    pub format: &'static str,
}

impl Image {
    /// What is written goes into a file of its own.
    pub fn overlay(name: &str, layout: &str) -> Image {
        overlay_of(name, &base(layout))
    }

    /// The same over a live medium.
    pub fn live(name: &str) -> Image {
        let medium = std::env::var("PILOTLIGHT_LIVE").expect("run this by `make qemu-test`");
        overlay_of(name, Path::new(&medium))
    }

    /// A whole copy: what the guest has flushed is in it whatever happens to QEMU.
    pub fn copy(name: &str, layout: &str) -> Image {
        copy(name, &base(layout))
    }

    /// A whole copy of another one.
    pub fn copy_of(name: &str, other: &Image) -> Image {
        copy(name, &other.path)
    }

    /// What is on one partition of a copy, which begins and is as long as this says.
    pub fn partition(&self, name: &str, start: u64, length: u64) -> Image {
        const BLOCK: u64 = 1 << 20;
        let path = directory().join(format!("{name}.raw"));
        let (skip, count) = (start / BLOCK, length / BLOCK);
        run(Command::new("dd")
            .args(["bs=1M", "conv=sparse", "status=none"])
            .args([format!("skip={skip}"), format!("count={count}")])
            .arg(format!("if={}", self.path.display()))
            .arg(format!("of={}", path.display())));
        let format = "raw";
        Image { path, format }
    }
}

fn overlay_of(name: &str, base: &Path) -> Image {
    let path = directory().join(format!("{name}.qcow2"));
    run(Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .args([base, &path]));
    let format = "qcow2";
    Image { path, format }
}

fn copy(name: &str, from: &Path) -> Image {
    let path = directory().join(format!("{name}.raw"));
    run(Command::new("cp")
        .args(["--sparse=always", "--reflink=auto"])
        .args([from, &path]));
    let format = "raw";
    Image { path, format }
}

impl Image {
    /// Writes files into a directory of the EFI system partition of a copy.
    pub fn add_to_esp(&self, directory: &str, files: &[(String, impl AsRef<[u8]>)]) {
        // The partition begins at 1 MiB, as make-disk says.
        self.add("@@1M", directory, files);
    }

    /// The same for a filesystem with nothing around it. The directory gets them in this order.
    pub fn add_to_stick(&self, directory: &str, files: &[(String, impl AsRef<[u8]>)]) {
        self.add("", directory, files);
    }

    /// Deletes a file there, and leaves what was in it where it is.
    pub fn delete_on_stick(&self, file: &str) {
        let name = format!("::{file}");
        run(Command::new("mdel").arg("-i").arg(&self.path).arg(name));
    }

    fn add(&self, partition: &str, directory: &str, files: &[(String, impl AsRef<[u8]>)]) {
        let source = self.path.with_extension("files");
        let _ = std::fs::remove_dir_all(&source);
        std::fs::create_dir_all(&source).unwrap();
        for (name, content) in files {
            std::fs::write(source.join(name), content).unwrap();
        }
        let mut mcopy = Command::new("mcopy");
        mcopy
            .args(["-o", "-i"])
            .arg(format!("{}{partition}", self.path.display()));
        mcopy.args(files.iter().map(|(name, _)| source.join(name)));
        run(mcopy.arg(format!("::{directory}")));
        std::fs::remove_dir_all(&source).unwrap();
    }
}

impl Image {
    /// A FAT filesystem with these files and nothing around it, as on a stick.
    pub fn of_files(name: &str, files: &Files) -> Image {
        let path = directory().join(format!("{name}.raw"));
        let _ = std::fs::remove_file(&path);
        run(Command::new("mkfs.fat")
            .arg("-C")
            .arg(&path)
            .arg("65536")
            .stdout(Stdio::null()));
        let format = "raw";
        let image = Image { path, format };
        image.copy_in("", files);
        image
    }

    /// A disk with these bytes.
    pub fn of_bytes(name: &str, content: &[u8]) -> Image {
        let path = directory().join(format!("{name}.raw"));
        std::fs::write(&path, content).unwrap();
        let format = "raw";
        Image { path, format }
    }

    /// Gives the filesystem of [`of_files`](Image::of_files) this label.
    pub fn label(&self, label: &str) {
        let mut mlabel = Command::new("mlabel");
        run(mlabel.arg("-i").arg(&self.path).arg(format!("::{label}")));
    }

    /// Writes files, with the directories that they are in, to the EFI system partition of a copy.
    pub fn put_on_esp(&self, files: &Files) {
        self.copy_in("@@1M", files);
    }

    fn copy_in(&self, partition: &str, files: &Files) {
        let tree = self.path.with_extension("tree");
        let _ = std::fs::remove_dir_all(&tree);
        for (name, content) in files {
            let file = tree.join(name.trim_start_matches('/'));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let mut mcopy = Command::new("mcopy");
        mcopy
            .args(["-s", "-o", "-i"])
            .arg(format!("{}{partition}", self.path.display()));
        let tops = std::fs::read_dir(&tree).unwrap();
        mcopy.args(tops.map(|top| top.unwrap().path()));
        run(mcopy.arg("::/"));
        std::fs::remove_dir_all(&tree).unwrap();
    }
}

impl Image {
    /// An ext4 filesystem that holds a medium in a file, and a GRUB configuration that starts what is on it.
    pub fn with_medium(name: &str, layout: &str) -> Image {
        let medium = base(layout);
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&medium).unwrap());
        let entry = &discover(&inventory).entries[0];
        let (kernel, initrd) = (
            &entry.kernel.as_ref().unwrap().path,
            &entry.initrd[0].file.path,
        );
        let config = format!(
            "menuentry 'From a file' {{\n\tloopback loop /images/medium.iso\n\
             \tlinux (loop){kernel} {}\n\tinitrd (loop){initrd}\n}}\n",
            entry.cmdline
        );
        let tree = directory().join(format!("{name}.tree"));
        let _ = std::fs::remove_dir_all(&tree);
        std::fs::create_dir_all(tree.join("boot/grub")).unwrap();
        std::fs::create_dir_all(tree.join("images")).unwrap();
        std::fs::write(tree.join("boot/grub/grub.cfg"), config).unwrap();
        std::fs::copy(&medium, tree.join("images/medium.iso")).unwrap();
        let size = std::fs::metadata(&medium).unwrap().len() + (64 << 20);
        Image::of_tree(name, &tree, size)
    }
}

impl Image {
    /// An ext4 filesystem of `size` bytes with what is in a directory, which is removed.
    fn of_tree(name: &str, tree: &Path, size: u64) -> Image {
        let path = directory().join(format!("{name}.raw"));
        File::create(&path).unwrap().set_len(size).unwrap();
        let mut mke2fs = Command::new("mke2fs");
        mke2fs.args(["-q", "-F", "-t", "ext4", "-d"]);
        run(mke2fs.args([tree, &path]));
        std::fs::remove_dir_all(tree).unwrap();
        let format = "raw";
        Image { path, format }
    }

    /// The tree that Debian's installer gives to machines that start from the network, on ext4. It talks to
    /// the serial console; nothing else is changed.
    pub fn with_installer(name: &str) -> Image {
        let tree = directory().join(format!("{name}.tree"));
        let _ = std::fs::remove_dir_all(&tree);
        let package = "/usr/lib/debian-installer/images/12/amd64/text";
        run(Command::new("cp").args(["-a", package]).arg(&tree));
        let menu = tree.join("debian-installer/amd64/boot-screens/txt.cfg");
        let text = std::fs::read_to_string(&menu).unwrap();
        std::fs::write(&menu, text.replace(" --- ", " console=ttyS0 --- ")).unwrap();
        Image::of_tree(name, &tree, 256 << 20)
    }
}

impl Image {
    /// Writes entries beside that of the demo system, whose kernel they start: `@VERSION@` is its version.
    pub fn add_entries(&self, entries: Vec<(String, String)>) {
        let names = self.entries();
        let own = names.iter().find(|name| name.starts_with("70696c6f"));
        let version = own.unwrap().split_once('-').unwrap().1;
        let version = version.strip_suffix(".conf").unwrap();
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, text)| (name, text.replace("@VERSION@", version)))
            .collect();
        self.add_to_esp("/loader/entries", &entries);
    }

    /// The names of the entries on its EFI system partition, those that begin with letters first.
    pub fn entries(&self) -> Vec<String> {
        self.names(0, "/loader/entries")
    }

    /// The names in a directory of its volume with this number, from 0, those that begin with letters first.
    pub fn names(&self, volume: usize, directory: &str) -> Vec<String> {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&self.path).unwrap());
        let (volume, _) = inventory.volumes().nth(volume).unwrap();
        let directory = FsPath::new(directory).unwrap();
        let list = inventory.filesystem(volume).unwrap().read_dir(&directory);
        let mut names: Vec<String> = list.unwrap().into_iter().map(|item| item.name).collect();
        names.sort_by_key(|name| (name.starts_with(|c: char| c.is_ascii_digit()), name.clone()));
        names
    }

    /// The content of a file on its volume with this number, from 0.
    pub fn read(&self, volume: usize, path: &str) -> Vec<u8> {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&self.path).unwrap());
        let (volume, _) = inventory.volumes().nth(volume).unwrap();
        let filesystem = inventory.filesystem(volume).unwrap();
        filesystem
            .read(&FsPath::new(path).unwrap(), 256 << 20)
            .unwrap()
    }

    /// Every byte of the EFI system partition of a copy.
    pub fn esp(&self) -> Vec<u8> {
        // From 1 to 301 MiB, as make-disk says.
        let mut bytes = vec![0; 300 << 20];
        let disk = File::open(&self.path).unwrap();
        disk.read_exact_at(&mut bytes, 1 << 20).unwrap();
        bytes
    }

    /// Makes an ext4 of the extended boot loader partition, with the same files and this entry.
    pub fn with_ext4_xbootldr(&self, (name, text): (&str, &str)) {
        // Place and size are those of make-disk.
        let tree = self.path.with_extension("files");
        let _ = std::fs::remove_dir_all(&tree);
        std::fs::create_dir_all(&tree).unwrap();
        let partition = format!("{}@@301M", self.path.display());
        let mut mcopy = Command::new("mcopy");
        run(mcopy.args(["-s", "-i", &partition, "::/"]).arg(&tree));
        std::fs::write(tree.join("loader/entries").join(name), text).unwrap();
        let mut mke2fs = Command::new("mke2fs");
        mke2fs.args(["-q", "-F", "-t", "ext4", "-E", "offset=315621376", "-d"]);
        run(mke2fs.arg(&tree).arg(&self.path).arg("300M"));
        std::fs::remove_dir_all(&tree).unwrap();
    }

    /// Makes a directory at the root of the system on a copy.
    pub fn add_directory(&self, name: &str) {
        self.edit_root(&[format!("mkdir {name}")]);
        // debugfs ends well whatever happened.
        let names = self.names(1, "/");
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }

    /// Gives commands to debugfs, for the root filesystem of the system on a copy.
    pub fn edit_root(&self, commands: &[String]) {
        // It begins at 601 MiB, as make-disk says.
        let root = format!("{}?offset={}", self.path.display(), 601 << 20);
        for command in commands {
            run(Command::new("debugfs")
                .args(["-w", "-R", command, &root])
                .stdout(Stdio::null())
                .stderr(Stdio::null()));
        }
    }

    /// The ids of what can be booted from it.
    pub fn bootable_entries(&self) -> Vec<String> {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&self.path).unwrap());
        let found = discover(&inventory).entries.into_iter();
        found
            .filter(|entry| entry.bootable())
            .map(|entry| entry.id)
            .collect()
    }
}

/// The variables of UEFI firmware; deleted at the end.
pub struct Variables {
    pub path: PathBuf,
}

impl Variables {
    /// As the firmware leaves the factory.
    pub fn new(name: &str) -> Variables {
        let path = directory().join(format!("{name}.variables"));
        let factory = "/usr/share/OVMF/OVMF_VARS_4M.fd";
        let copied = std::fs::copy(factory, &path);
        copied.unwrap_or_else(|error| panic!("{factory} (Debian's package ovmf): {error}"));
        Variables { path }
    }
}

impl Variables {
    /// With these in them, by vendor and name, as if the firmware had taken them with a signature
    /// (`MdeModulePkg/Include/Guid/VariableFormat.h` of EDK II).
    pub fn with(name: &str, variables: &[(&str, &str, &[u8])]) -> Variables {
        /// Behind the headers of the volume and of the store in it.
        const FIRST: u64 = 0x48 + 28;
        /// `AUTHENTICATED_VARIABLE_HEADER` up to the time: `StartId`, `State` (added), `Attributes` (lasting, for boot
        /// and runtime, authenticated by time), and `MonotonicCount`.
        const HEAD: [u8; 16] = [0xaa, 0x55, 0x3f, 0, 0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        /// The first of January 2026, as `EFI_TIME`, and `PubKeyIndex`.
        const TIME: [u8; 20] = [
            0xea, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let file = Variables::new(name);
        let mut store = Vec::new();
        for (vendor, name, content) in variables {
            let name = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
            let name: Vec<u8> = name.collect();
            let lengths = [name.len(), content.len()].map(|length| u32::try_from(length).unwrap());
            store.extend([&HEAD[..], &TIME].concat());
            store.extend(lengths.into_iter().flat_map(u32::to_le_bytes));
            store.extend(guid(vendor));
            store.extend([&name, *content].concat());
            store.resize(store.len().next_multiple_of(4), 0xff);
        }
        let disk = File::options().write(true).open(&file.path).unwrap();
        disk.write_all_at(&store, FIRST).unwrap();
        file
    }
}

/// A GUID in the bytes of EFI, of which the first three numbers are little-endian.
fn guid(text: &str) -> Vec<u8> {
    let parts = text.split('-').enumerate();
    let bytes = parts.flat_map(|(number, digits)| {
        let digits = digits.as_bytes().chunks(2);
        let mut bytes: Vec<u8> = digits
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect();
        if number < 3 {
            bytes.reverse();
        }
        bytes
    });
    bytes.collect()
}

impl Drop for Variables {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn base(layout: &str) -> PathBuf {
    let disks = std::env::var("PILOTLIGHT_DISKS").expect("run this by `make qemu-test`");
    Path::new(&disks).join(format!("{layout}.raw"))
}

/// Where the files of these tests are.
pub fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("qemu");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a tool, which has to succeed.
pub fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// An archive that a kernel unpacks, of everything in a directory, which is removed.
pub fn pack(tree: &Path) -> Vec<u8> {
    let archive = tree.with_extension("archive");
    let pack = format!(
        "find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0 >'{}'",
        archive.display()
    );
    run(Command::new("sh").args(["-c", &pack]).current_dir(tree));
    std::fs::remove_dir_all(tree).unwrap();
    let bytes = std::fs::read(&archive).unwrap();
    std::fs::remove_file(archive).unwrap();
    bytes
}
