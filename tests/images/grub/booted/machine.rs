//! GRUB in a machine of QEMU, whose serial console is read and typed at.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pilotlight::config::grub::Platform;

use super::super::oracle::plain;
use crate::kit::{Image, MIB, TempDir, copy_in, run, run_line, tool};

/// No machine needs so long for its next word, even among many other tests.
const LIMIT: Duration = Duration::from_secs(120);

/// What GRUB has inside: nothing is loaded later.
const MODULES: &str = "boot cat chain cmp configfile cpuid echo eval ext2 fat gcry_sha256 gcry_sha512 halt hashsum \
                       iso9660 linux loadenv loopback ls memdisk minicmd multiboot multiboot2 newc normal part_gpt \
                       part_msdos password probe read reboot regexp search search_fs_file search_fs_uuid \
                       search_label serial sleep smbios tar terminal terminfo test true";

/// The console is the serial port, wide enough that no line is broken.
const CONSOLE: &str = "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\n\
                       terminfo -g 2000x200 serial dumb\nset medium=$root\n";

/// What GRUB says when it finds itself broken.
const CRASH: &str = "Aborted. Press any key";

const FLASH: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";

/// A machine that runs.
pub struct Machine {
    child: Child,
    keyboard: ChildStdin,
    console: Arc<Console>,
    /// How much of the console was looked at.
    seen: usize,
}

#[derive(Default)]
struct Console {
    /// What was printed, and whether nothing can come any more.
    text: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

/// What a firmware starts GRUB from, with the script `config`; `$medium` in it is its device. There are `scripts` on
/// it as `0.cfg` and so on.
pub fn medium(dir: &TempDir, platform: Platform, config: &str, scripts: &[String]) -> Image {
    let config = format!("{CONSOLE}{config}");
    dir.file("medium/boot/grub/grub.cfg", config.as_bytes());
    for (i, script) in scripts.iter().enumerate() {
        dir.file(&format!("medium/{i}.cfg"), script.as_bytes());
    }
    match platform {
        Platform::Pc => optical(dir),
        _ => system_partition(dir),
    }
}

impl Machine {
    /// Starts GRUB from the medium, with the disk `hd0`.
    pub fn start(platform: Platform, medium: &Image, disk: &Image) -> Machine {
        let (kind, attached) = match platform {
            Platform::Pc => ("pc", "if=ide,index=2,media=cdrom"),
            _ => ("q35", "if=virtio,format=raw"),
        };
        let medium = format!("{attached},file={}", medium.path());
        let mut command = tool("qemu-system-x86_64");
        command
            .args(["-accel", "tcg", "-cpu", "max", "-m", "256", "-nodefaults"])
            .args(["-display", "none", "-serial", "stdio", "-no-reboot"])
            .args(["-boot", "d", "-machine", kind, "-drive", &medium, "-drive"])
            .arg(format!(
                "if=ide,index=0,media=disk,format=raw,file={}",
                disk.path()
            ));
        if platform == Platform::Efi {
            assert!(
                Path::new(FLASH).is_file(),
                "this test needs Debian's package `ovmf`"
            );
            command.arg("-drive");
            command.arg(format!("if=pflash,format=raw,readonly=on,file={FLASH}"));
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("QEMU starts");
        let keyboard = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let console = Arc::new(Console::default());
        let writer = console.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                writer.text.lock().unwrap().0.extend(&buffer[..n]);
                writer.changed.notify_all();
            }
            writer.text.lock().unwrap().1 = true;
            writer.changed.notify_all();
        });
        Machine {
            child,
            keyboard,
            console,
            seen: 0,
        }
    }

    /// Waits for the first of these texts behind what was waited for before, and says which one it is.
    pub fn wait_for<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        let end = Instant::now() + LIMIT;
        let mut console = self.console.text.lock().unwrap();
        loop {
            let text = plain(&console.0);
            let rest = &text[self.seen..];
            let found = texts.iter().filter_map(|t| Some((rest.find(t)?, *t))).min();
            if let Some((at, found)) = found {
                self.seen += at + found.len();
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || console.1 || rest.contains(CRASH) {
                drop(console);
                panic!("GRUB prints none of {texts:?}, but\n{text}");
            }
            console = self.console.changed.wait_timeout(console, left).unwrap().0;
        }
    }

    /// Types at the console.
    pub fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// What was printed up to the text that was waited for.
    pub fn printed(&self) -> String {
        let console = self.console.text.lock().unwrap();
        plain(&console.0)[..self.seen].to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tree `medium` as an optical medium for a BIOS.
fn optical(dir: &TempDir) -> Image {
    let image = dir.path().join("medium/boot/grub/eltorito.img");
    make_image(
        "i386-pc-eltorito",
        &format!("{MODULES} biosdisk linux16"),
        &image,
    );
    let medium = dir.image("medium.iso", 0);
    let tree = dir.path().join("medium");
    run_line(
        &format!(
            "genisoimage -quiet -R -b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table \
             -o {{}} {}",
            tree.display()
        ),
        &medium,
    );
    medium
}

/// The tree `medium` on a FAT for an EFI firmware.
fn system_partition(dir: &TempDir) -> Image {
    let program = dir.file("medium/EFI/BOOT/BOOTX64.EFI", b"");
    make_image("x86_64-efi", &format!("{MODULES} linuxefi"), &program);
    let medium = dir.image("medium.img", 16 * MIB);
    run_line("mkfs.vfat {}", &medium);
    for entry in std::fs::read_dir(dir.path().join("medium")).unwrap() {
        copy_in(&medium, &entry.unwrap().path(), "");
    }
    medium
}

fn make_image(format: &str, modules: &str, to: &Path) {
    let (directory, package) = match format {
        "x86_64-efi" => (format, "grub-efi-amd64-bin"),
        _ => ("i386-pc", "grub-pc-bin"),
    };
    assert!(
        Path::new("/usr/lib/grub").join(directory).is_dir(),
        "this test needs Debian's package `{package}`"
    );
    let options = ["-p", "/boot/grub", "-O", format, "-o", to.to_str().unwrap()];
    run(
        "grub-mkimage",
        options.into_iter().chain(modules.split_whitespace()),
    );
}
