//! Files for a disk, signed as owners do it, by `pilotlight-sign`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::entry::FileRef;
use pilotlight::inventory::Inventory;
use pilotlight::trust::Algorithm;
use pilotlight::trust::manifest::{Group, Listed, Manifest};

use super::disk::{Files, Image, directory, run};

/// systemd's stub, the beginning of a unified kernel image.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// systemd's stub with these sections, of which the working files lie in a directory.
pub fn program(directory: &Path, sections: &[(&str, &[u8])]) -> Vec<u8> {
    let file = directory.join("image.efi");
    std::fs::copy(STUB, &file).unwrap_or_else(|error| {
        panic!("{STUB} (Debian's package systemd-boot-efi): {error}");
    });
    let mut objcopy = Command::new("objcopy");
    // Behind those of the stub, one after the other.
    let mut address = 0x100_0000;
    for (name, content) in sections {
        if *name == ".sbat" {
            objcopy.args(["--remove-section", name]);
        }
        let section = directory.join(&name[1..]);
        std::fs::write(&section, content).unwrap();
        objcopy.args(["--add-section", &format!("{name}={}", section.display())]);
        objcopy.args(["--change-section-address", &format!("{name}={address:#x}")]);
        address += content.len().next_multiple_of(0x1000);
    }
    run(objcopy.arg(&file));
    std::fs::read(&file).unwrap()
}

/// What an entry starts.
pub struct System {
    pub kernel: Vec<u8>,
    pub initrd: Vec<u8>,
    pub cmdline: String,
}

impl System {
    /// The demo system, as the first entry on its disk starts it.
    pub fn of(image: &Image) -> System {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&image.path).unwrap());
        let entry = &discover(&inventory).entries[0];
        let read = |file: &FileRef| {
            let filesystem = inventory.filesystem(file.volume).unwrap();
            filesystem.read(&file.path, 256 << 20).unwrap()
        };
        System {
            kernel: read(entry.kernel.as_ref().unwrap()),
            initrd: read(&entry.initrd[0].file),
            cmdline: entry.cmdline.clone(),
        }
    }
}

/// Files on their way to a disk, and the keys that sign them. Every kernel is the flash kernel, which would
/// really start.
pub struct Signed {
    directory: PathBuf,
    kernel: Vec<u8>,
    pub files: Files,
}

impl Signed {
    /// No files, and a key for each name.
    pub fn new(name: &str, keys: &[&str]) -> Signed {
        let directory = directory().join(format!("{name}.keys"));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
        let signed = Signed {
            directory,
            kernel: std::fs::read(kernel).unwrap(),
            files: Files::new(),
        };
        for key in keys {
            let place = signed.directory.join(key);
            sign(|tool| tool.args(["keys", "--name", key]).arg(&place));
        }
        signed
    }

    /// Lets all kernels to come say that they need so much memory: `init_size` in Linux's
    /// `Documentation/arch/x86/boot.rst`.
    pub fn want_memory(&mut self, bytes: u32) {
        self.kernel[0x260..0x264].copy_from_slice(&bytes.to_le_bytes());
    }

    /// The certificate by which what this key signs is checked.
    pub fn anchor(&self, key: &str) -> PathBuf {
        self.directory.join(key).join("signing.der")
    }

    /// Another key, by the files of its private key and its certificate.
    pub fn adopt(&self, name: &str, key: &Path, certificate: &Path) {
        let place = self.directory.join(name);
        std::fs::create_dir_all(&place).unwrap();
        for (from, to) in [(key, "signing.key"), (certificate, "signing.pem")] {
            std::fs::copy(from, place.join(to)).unwrap();
        }
    }

    /// A system that does not really start: the flash kernel, and an initrd and a command line of its own.
    pub fn system(&self, title: &str, place: usize) -> System {
        System {
            kernel: self.kernel.clone(),
            initrd: title.as_bytes().to_vec(),
            cmdline: format!("console=ttyS0 place={place}"),
        }
    }

    /// An entry with this title and place in the menu, for a system of its own.
    pub fn entry(&mut self, title: &str, place: usize) {
        self.entry_of(title, place, &self.system(title, place));
    }

    /// An entry for a system.
    pub fn entry_of(&mut self, title: &str, place: usize, system: &System) {
        let at = directory_of(place);
        let entry = format!(
            "title {title}\nsort-key a{place:03}\nlinux {at}/linux\ninitrd {at}/initrd\noptions {}\n",
            system.cmdline
        );
        self.file(&format!("/loader/entries/{place}.conf"), entry.as_bytes());
        self.file(&format!("{at}/linux"), &system.kernel);
        self.file(&format!("{at}/initrd"), &system.initrd);
    }

    /// What belongs together in an entry, as it is now.
    pub fn group(&self, place: usize) -> Group {
        let entry = &self.files[&format!("/loader/entries/{place}.conf")];
        let entry = String::from_utf8(entry.clone()).unwrap();
        let (_, cmdline) = entry.trim_end().split_once("\noptions ").unwrap();
        let listed = |name: &str| {
            let path = format!("{}/{name}", directory_of(place));
            let sha256 = Algorithm::Sha256.digest(&self.files[&path]);
            let sha256 = sha256.bytes().try_into().unwrap();
            Listed { path, sha256 }
        };
        Group {
            kernel: listed("linux"),
            initrds: vec![listed("initrd")],
            files: Vec::new(),
            devicetree: None,
            configurations: Vec::new(),
            cmdline: Some(cmdline.to_owned()),
        }
    }

    /// Puts a manifest beside the kernel of an entry, signed with this key.
    pub fn manifest(
        &mut self,
        place: usize,
        name: &str,
        version: u64,
        groups: &[Group],
        key: &str,
    ) {
        let manifest = Manifest {
            name: name.to_owned(),
            version,
            expires: None,
            groups: groups.to_vec(),
        };
        let text = manifest.to_string();
        let file = self.directory.join("manifest");
        std::fs::write(&file, &text).unwrap();
        sign(|tool| self.with(key, tool.arg("file")).arg(&file));
        let signature = std::fs::read(self.directory.join("manifest.p7s")).unwrap();
        let path = format!("{}/linux.manifest", directory_of(place));
        self.file(&path, text.as_bytes());
        self.file(&format!("{path}.p7s"), &signature);
    }

    /// A unified kernel image with this title and place in the menu, for a system of its own, signed with this key.
    pub fn image(&mut self, title: &str, place: usize, key: &str) {
        self.image_of(title, place, &self.system(title, place), None);
        self.sign_program(&format!("/EFI/Linux/{place}.efi"), key);
    }

    /// A unified kernel image for a system, with other rows of SBAT than those of the stub if there are some.
    pub fn image_of(&mut self, title: &str, place: usize, system: &System, sbat: Option<&str>) {
        let release = format!("ID=a{place:03}\nPRETTY_NAME=\"{title}\"\n");
        let mut sections = vec![
            (".osrel", release.as_bytes()),
            (".cmdline", system.cmdline.as_bytes()),
            (".initrd", &system.initrd),
            (".linux", &system.kernel),
        ];
        sections.extend(sbat.map(|sbat| (".sbat", sbat.as_bytes())));
        let image = program(&self.directory, &sections);
        self.file(&format!("/EFI/Linux/{place}.efi"), &image);
    }

    /// Puts the signature of this key into a program, in the place of others.
    pub fn sign_program(&mut self, path: &str, key: &str) {
        let file = self.directory.join("program.efi");
        std::fs::write(&file, &self.files[path]).unwrap();
        sign(|tool| tool.args(["image", "--remove"]).arg(&file));
        sign(|tool| self.with(key, tool.arg("image")).arg(&file));
        let program = std::fs::read(&file).unwrap();
        self.file(path, &program);
    }

    /// The certificates of keys, and programs by their digests, as the variables of UEFI list them.
    pub fn lists(&self, keys: &[&str], programs: &[&str]) -> Vec<u8> {
        let mut files: Vec<PathBuf> = keys.iter().map(|key| self.anchor(key)).collect();
        for (number, program) in programs.iter().enumerate() {
            let file = self.directory.join(format!("{number}.efi"));
            std::fs::write(&file, &self.files[*program]).unwrap();
            files.push(file);
        }
        let lists = self.directory.join("lists");
        sign(|tool| {
            tool.args(["siglist", "--owner", "70696c6f-7469-4967-8874-000000000001"]);
            tool.arg("-o").arg(&lists).args(files)
        });
        std::fs::read(lists).unwrap()
    }

    /// Signs a manifest of all that can be booted from a disk, and puts it there.
    pub fn manifest_of(&self, image: &Image, number: u64, key: &str) {
        let file = self.directory.join("manifest");
        let number = number.to_string();
        let _ = std::fs::remove_file(&file);
        sign(|tool| {
            let tool = self.with(key, tool.arg("manifest"));
            tool.args(["--name", "demo", "--number", &number, "-o"])
                .args([&file, &image.path])
        });
        let read = |name: &str| std::fs::read(self.directory.join(name)).unwrap();
        let files = ["manifest", "manifest.p7s"];
        let files = files.map(|name| (format!("/pilotlight/{name}"), read(name)));
        image.put_on_esp(&files.into());
    }

    /// Adds a file, or puts another one in its place.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.files.insert(path.to_owned(), content.to_vec());
    }

    /// Changes one bit in the middle of a file.
    pub fn change(&mut self, path: &str) {
        let content = self.files.get_mut(path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
    }

    fn with<'a>(&self, key: &str, tool: &'a mut Command) -> &'a mut Command {
        let key = self.directory.join(key);
        tool.arg("--key").arg(key.join("signing.key"));
        tool.arg("--cert").arg(key.join("signing.pem"))
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Where the files of an entry are.
pub fn directory_of(place: usize) -> String {
    format!("/trust/{place}")
}

/// Runs `pilotlight-sign`.
fn sign(arguments: impl FnOnce(&mut Command) -> &mut Command) {
    let mut tool = Command::new(Path::new(env!("CARGO_BIN_EXE_pilotlight-sign")));
    run(arguments(tool.stdout(Stdio::null())));
}
