//! Files for a disk, signed as owners do it, by `pilotlight-sign`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pilotlight::trust::Algorithm;
use pilotlight::trust::manifest::{Group, Listed, Manifest};

use super::disk::{Files, Image, directory, run};

/// systemd's stub, the beginning of a unified kernel image.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

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

    /// The certificate by which what this key signs is checked.
    pub fn anchor(&self, key: &str) -> PathBuf {
        self.directory.join(key).join("signing.der")
    }

    /// An entry with this title and place in the menu: a kernel, an initrd and a command line of its own.
    pub fn entry(&mut self, title: &str, place: usize) {
        let name = place.to_string();
        let at = directory_of(place);
        let entry = format!(
            "title {title}\nsort-key a{place:03}\nlinux {at}/linux\ninitrd {at}/initrd\noptions {}\n",
            cmdline(place)
        );
        self.file(&format!("/loader/entries/{name}.conf"), entry.as_bytes());
        let kernel = self.kernel.clone();
        self.file(&format!("{at}/linux"), &kernel);
        self.file(&format!("{at}/initrd"), title.as_bytes());
    }

    /// What belongs together in an entry, as it is now.
    pub fn group(&self, place: usize) -> Group {
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
            cmdline: Some(cmdline(place)),
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

    /// A unified kernel image with this title and place in the menu, signed with this key.
    pub fn image(&mut self, title: &str, place: usize, key: &str) {
        let file = self.directory.join("image.efi");
        std::fs::copy(STUB, &file).unwrap_or_else(|error| {
            panic!("{STUB} (Debian's package systemd-boot-efi): {error}");
        });
        let cmdline = cmdline(place);
        let release = format!("ID=a{place:03}\nPRETTY_NAME=\"{title}\"\n");
        let sections = [
            (".osrel", release.as_bytes()),
            (".cmdline", cmdline.as_bytes()),
            (".initrd", title.as_bytes()),
            (".linux", &self.kernel),
        ];
        let mut objcopy = Command::new("objcopy");
        for (number, (name, content)) in sections.into_iter().enumerate() {
            let section = self.directory.join(&name[1..]);
            std::fs::write(&section, content).unwrap();
            let address = 0x100_0000 * (number + 1);
            objcopy.args(["--add-section", &format!("{name}={}", section.display())]);
            objcopy.args(["--change-section-address", &format!("{name}={address:#x}")]);
        }
        run(objcopy.arg(&file));
        sign(|tool| self.with(key, tool.arg("image")).arg(&file));
        let image = std::fs::read(&file).unwrap();
        self.file(&format!("/EFI/Linux/{place}.efi"), &image);
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

fn cmdline(place: usize) -> String {
    format!("console=ttyS0 place={place}")
}

/// Runs `pilotlight-sign`.
fn sign(arguments: impl FnOnce(&mut Command) -> &mut Command) {
    let mut tool = Command::new(Path::new(env!("CARGO_BIN_EXE_pilotlight-sign")));
    run(arguments(tool.stdout(Stdio::null())));
}
