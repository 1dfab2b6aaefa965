//! A machine in QEMU, with its serial console in our hands.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::BOOT;
use super::disk::{Image, Variables, directory, run};
use super::recording::Recording;

/// UEFI firmware as QEMU has it.
pub const STOCK: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";

/// A machine that starts anew where others of these tests end.
pub const RESETS: [&str; 4] = ["-action", "reboot=reset", "-action", "watchdog=reset"];

/// The flash kernel of `boards/generic-uefi`, which has the drivers of real machines.
pub fn generic() -> PathBuf {
    let kernel = std::env::var("PILOTLIGHT_UEFI_KERNEL").expect("run this by `make qemu-test`");
    PathBuf::from(kernel)
}

/// A machine that is being put together.
pub struct Setup {
    name: String,
    command: Command,
    monitor: PathBuf,
    has_services: bool,
}

/// A machine that runs. Its console is written to `target/tmp/qemu/NAME.log`.
pub struct Machine {
    child: Child,
    keyboard: ChildStdin,
    monitor: PathBuf,
    has_services: bool,
    console: Arc<Console>,
    /// How much of the console was looked at.
    seen: usize,
    log: PathBuf,
}

#[derive(Default)]
struct Console {
    text: Mutex<(String, bool)>,
    changed: Condvar,
}

impl Machine {
    /// A machine with the flash kernel, handed over by QEMU, and no disk.
    pub fn set_up(name: &str) -> Setup {
        let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
        Machine::set_up_with(name, Path::new(&kernel))
    }

    /// The same with another flash kernel.
    pub fn set_up_with(name: &str, kernel: &Path) -> Setup {
        Machine::empty(name).kernel(kernel)
    }

    /// As [`set_up`](Machine::set_up), with this in the place of the serial console, of which nothing is seen then.
    pub fn without_console(name: &str, serial: &str) -> Setup {
        let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
        Machine::with_serial(name, serial).kernel(Path::new(&kernel))
    }

    /// A machine that starts from its flash part, with these variables, and no disk.
    pub fn with_flash(name: &str, variables: &Variables) -> Setup {
        let image = std::env::var("PILOTLIGHT_FLASH").expect("run this by `make qemu-test`");
        Machine::with_image(name, Path::new(&image), variables)
    }

    /// The same with another image in its flash part.
    pub fn with_image(name: &str, image: &Path, variables: &Variables) -> Setup {
        Machine::empty(name).flash(&image.display().to_string(), variables)
    }

    /// A machine that starts from its disk, by UEFI firmware as QEMU has it.
    pub fn with_firmware(name: &str, variables: &Variables) -> Setup {
        Machine::empty(name).firmware(variables)
    }

    /// A machine whose firmware is this image, and nothing else.
    pub fn with_bios(name: &str, image: &Path) -> Setup {
        let mut setup = Machine::empty(name);
        setup.command.arg("-bios").arg(image);
        setup
    }

    /// What this command starts in the directory of the sources, on a terminal of its own.
    pub fn on_terminal(name: &str, command: &str) -> Setup {
        let mut terminal = Command::new("script");
        terminal.args([
            "--quiet",
            "--flush",
            "--return",
            "--command",
            command,
            "/dev/null",
        ]);
        terminal.current_dir(env!("CARGO_MANIFEST_DIR"));
        Setup {
            name: name.to_owned(),
            command: terminal,
            // There is none: QEMU's is on the terminal.
            monitor: PathBuf::new(),
            has_services: true,
        }
    }

    /// A machine that starts nothing.
    fn empty(name: &str) -> Setup {
        Machine::with_serial(name, "stdio")
    }

    fn with_serial(name: &str, serial: &str) -> Setup {
        // Sockets have short names, whatever the directory of the tests is called.
        let monitor = std::env::temp_dir().join(format!("pl-{name}-{}", std::process::id()));
        let accelerator = std::env::var("QEMU_ACCEL").unwrap_or_else(|_| "tcg".to_owned());
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args([
                "-accel",
                &accelerator,
                "-machine",
                "q35",
                "-cpu",
                "max",
                "-m",
                "1536",
            ])
            .args([
                "-display",
                "none",
                "-serial",
                serial,
                "-no-reboot",
                "-nic",
                "none",
            ])
            .arg("-monitor")
            .arg(format!("unix:{},server=on,wait=off", monitor.display()));
        Setup {
            name: name.to_owned(),
            command,
            monitor,
            has_services: true,
        }
    }

    /// Waits until the console shows `text`, behind what was waited for before.
    pub fn expect(&mut self, text: &str, limit: Duration) {
        let end = Instant::now() + limit;
        let mut console = self.console.text.lock().unwrap();
        loop {
            let rest = &console.0[self.seen..];
            if let Some(at) = rest.find(text) {
                self.seen += at + text.len();
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || console.1 {
                let log = self.log.display();
                let tail: String = rest.chars().rev().take(2000).collect();
                let tail: String = tail.chars().rev().collect();
                panic!("the console ({log}) does not show {text:?}; it ends with\n{tail}");
            }
            console = self.console.changed.wait_timeout(console, left).unwrap().0;
        }
    }

    /// Waits for the demo system, and for a shell in it.
    pub fn log_in(&mut self) {
        const PASSWORD: &str = "pilotlight";
        if self.has_services {
            self.expect("login:", BOOT);
            self.type_line("root");
            self.expect("Password:", BOOT);
            self.type_line(PASSWORD);
            self.expect("# ", BOOT);
            return;
        }
        self.expect("to continue): ", BOOT);
        // What is typed before it listens is forgotten.
        let mut patience = 0;
        self.until("# ", BOOT, |machine| {
            if patience % 100 == 0 {
                machine.type_line(PASSWORD);
            }
            patience += 1;
        });
    }

    /// Waits until the machine has switched itself off.
    pub fn expect_end(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the machine runs on");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Types a line at the console.
    pub fn type_line(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Presses keys at the serial console.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Does something again and again until the console shows `text`.
    pub fn until(&mut self, text: &str, limit: Duration, mut action: impl FnMut(&mut Machine)) {
        let end = Instant::now() + limit;
        while !self.transcript()[self.seen..].contains(text) && Instant::now() < end {
            action(self);
            std::thread::sleep(Duration::from_millis(100));
        }
        self.expect(text, Duration::ZERO);
    }

    /// The characters in the memory of the screen: the rows that are seen, and those that were pushed out.
    pub fn screen_text(&mut self) -> String {
        // A VGA's text memory: a character in each lower byte, and its colours above.
        let dump = self.monitor("xp /16384hx 0xb8000");
        let cells = dump.lines().filter_map(|line| line.split_once(": "));
        let cells = cells.flat_map(|(_, cells)| cells.split_whitespace());
        let cells = cells.filter_map(|cell| cell.strip_prefix("0x"));
        let byte = |cell: &str| u16::from_str_radix(cell, 16).unwrap().to_le_bytes()[0];
        cells.map(|cell| char::from(byte(cell))).collect()
    }

    /// What the screen shows, as a portable pixmap.
    pub fn picture(&mut self) -> Vec<u8> {
        let picture = self.log.with_extension("ppm");
        let _ = std::fs::remove_file(&picture);
        self.monitor(&format!("screendump {}", picture.display()));
        std::fs::read(&picture).unwrap()
    }

    /// How many pixels of the screen are not black.
    pub fn bright_pixels(&mut self) -> usize {
        bright(&self.picture())
    }

    /// Waits until the number of its pixels that are not black is one of those.
    pub fn until_screen(&mut self, limit: Duration, is_wanted: impl Fn(usize) -> bool) {
        let end = Instant::now() + limit;
        loop {
            let pixels = self.bright_pixels();
            if is_wanted(pixels) {
                return;
            }
            assert!(Instant::now() < end, "the screen shows {pixels} pixels");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Runs a command in the shell that waits at the console, and returns what it printed.
    pub fn shell(&mut self, command: &str) -> String {
        let start = self.seen;
        // The marker is not in the line that is typed.
        self.type_line(&format!("{command}; echo done''-$?"));
        self.expect("done-", Duration::from_secs(300));
        self.expect("# ", Duration::from_secs(60));
        let console = self.console.text.lock().unwrap();
        let text = &console.0[start..self.seen];
        let (output, rest) = text.rsplit_once("done-").unwrap();
        assert!(rest.starts_with('0'), "{command} failed:\n{text}");
        output
            .split_once("$?")
            .map_or(output, |(_, output)| output)
            .to_owned()
    }

    /// Everything that the console has shown.
    pub fn transcript(&self) -> String {
        self.console.text.lock().unwrap().0.clone()
    }

    /// Gives a command to QEMU's monitor, and returns what it says.
    pub fn monitor(&mut self, command: &str) -> String {
        let mut monitor = UnixStream::connect(&self.monitor).unwrap();
        let limit = Some(Duration::from_secs(60));
        monitor.set_read_timeout(limit).unwrap();
        read_prompt(&mut monitor);
        writeln!(monitor, "{command}").unwrap();
        let answer = read_prompt(&mut monitor);
        assert!(!answer.contains("Error"), "{command}: {answer}");
        answer
    }

    /// Ends the machine at once, without a word to it.
    pub fn cut_power(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The test has seen what it wanted.
    pub fn finish(self) {}
}

/// How many pixels of a picture are not black.
pub fn bright(picture: &[u8]) -> usize {
    // A header of 15 or 16 bytes, which is none of the picture.
    let pixels = picture[16..].chunks(3);
    pixels
        .filter(|pixel| pixel.iter().any(|c| *c > 0x40))
        .count()
}

impl Setup {
    fn kernel(mut self, kernel: &Path) -> Setup {
        self.command.arg("-kernel").arg(kernel);
        self
    }

    /// Gives it a disk named `disk`, to be attached by a `-device` argument.
    pub fn drive(mut self, image: &Image) -> Setup {
        let (format, path) = (image.format, image.path.display());
        let drive = format!("if=none,id=disk,format={format},file={path},cache=unsafe");
        // What the guest flushes matters where its power is cut.
        let drive = match image.format {
            "raw" => drive.replace("cache=unsafe", "cache=writeback"),
            _ => drive,
        };
        self.command.arg("-drive").arg(drive);
        self
    }

    /// As [`drive`](Setup::drive), and everything that is written to the disk is recorded.
    pub fn recorded_drive(mut self, image: &Image, recording: &Recording) -> Setup {
        let (disk, log) = (image.path.display(), recording.path.display());
        let drive = format!(
            "if=none,id=disk,driver=blklogwrites,file.driver={},file.file.driver=file,\
             file.file.filename={disk},log.driver=raw,log.file.driver=file,log.file.filename={log}",
            image.format
        );
        self.command.args(["-drive", &drive]);
        self
    }

    /// Gives it UEFI firmware with these variables. It starts the flash kernel as an EFI program, where there is one.
    pub fn firmware(self, variables: &Variables) -> Setup {
        assert!(
            Path::new(STOCK).exists(),
            "no {STOCK}: it is in Debian's package ovmf"
        );
        self.flash(STOCK, variables)
    }

    /// A flash part with this image, and one with these variables.
    fn flash(mut self, code: &str, variables: &Variables) -> Setup {
        let flash = "if=pflash,format=raw,unit=";
        let variables = format!("{flash}1,file={}", variables.path.display());
        let code = format!("{flash}0,readonly=on,file={code}");
        self.command.args(["-drive", &code, "-drive", &variables]);
        self
    }

    /// Gives it another policy than that of the board: an archive that the kernel unpacks over its own.
    pub fn policy(self, text: &str) -> Setup {
        self.policy_with(text, &[])
    }

    /// Another policy, and the files of its anchors beside it.
    pub fn policy_with(self, text: &str, anchors: &[(&str, &Path)]) -> Setup {
        self.archive(text, anchors, None, None)
    }

    /// Another policy, and a shell in the image.
    pub fn policy_and_shell(self, text: &str) -> Setup {
        self.archive(text, &[], Some(busybox()), None)
    }

    /// Another policy, and a script that runs beside process 1, from its start on.
    pub fn policy_and_script(self, text: &str, script: &str) -> Setup {
        self.policy_and_scripts(text, "", script)
    }

    /// The same, with another script `before` process 1: its programs are the shell and `/bin/mknod`. What it opens as
    /// file 9 is open in the script beside process 1, and not in that.
    pub fn policy_and_scripts(self, text: &str, before: &str, script: &str) -> Setup {
        // The name of the shell is that of its program, which finds all others in itself once there is a `/proc`.
        let beside = format!("(while [ ! -e /proc/1 ]; do :; done\n{script}) &");
        let script = format!("{before}\n{beside}\nexec /init 9>&-\n");
        let setup = self.archive(text, &[], Some(busybox()), Some(&script));
        setup.arguments(&["-append", "rdinit=/bin/sh -- /bin/first"])
    }

    fn archive(
        mut self,
        text: &str,
        anchors: &[(&str, &Path)],
        shell: Option<&Path>,
        script: Option<&str>,
    ) -> Setup {
        const DIRECTORY: &str = "etc/pilotlight";
        let root = directory().join(format!("{}.root", self.name));
        let _ = std::fs::remove_dir_all(&root);
        let inside = root.join(DIRECTORY);
        std::fs::create_dir_all(inside.join("anchors")).unwrap();
        std::fs::write(inside.join("policy.toml"), text).unwrap();
        for (name, file) in anchors {
            std::fs::copy(file, inside.join("anchors").join(name)).unwrap();
        }
        std::fs::create_dir_all(root.join("bin")).unwrap();
        if let Some(shell) = shell {
            std::fs::copy(shell, root.join("bin/sh")).unwrap();
            std::os::unix::fs::symlink("sh", root.join("bin/mknod")).unwrap();
        }
        if let Some(script) = script {
            let first = root.join("bin/first");
            std::fs::write(first, script).unwrap();
        }
        let archive = directory().join(format!("{}.cpio", self.name));
        let pack = format!(
            "find bin etc | cpio --quiet -o -H newc >'{}'",
            archive.display()
        );
        run(Command::new("sh").args(["-c", &pack]).current_dir(&root));
        std::fs::remove_dir_all(&root).unwrap();
        self.command.arg("-initrd").arg(archive);
        self
    }

    /// The demo system gives a shell there, as soon as it has its root filesystem, and starts none of its services:
    /// for what is over then, in half of the time.
    pub fn without_services(mut self) -> Setup {
        self.command.args(["-smbios", "type=3,asset=emergency"]);
        self.has_services = false;
        self
    }

    /// More arguments for QEMU.
    pub fn arguments(mut self, arguments: &[&str]) -> Setup {
        self.command.args(arguments);
        self
    }

    /// Switches it on.
    pub fn start(mut self) -> Machine {
        let log = directory().join(format!("{}.log", self.name));
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-system-x86_64 (Debian's package qemu-system-x86) starts");
        let keyboard = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let console = Arc::new(Console::default());
        let writer = console.clone();
        let mut file = std::fs::File::create(&log).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                let _ = file.write_all(&buffer[..n]);
                let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                writer.text.lock().unwrap().0.push_str(&text);
                writer.changed.notify_all();
            }
            writer.text.lock().unwrap().1 = true;
            writer.changed.notify_all();
        });
        Machine {
            child,
            keyboard,
            monitor: self.monitor,
            has_services: self.has_services,
            console,
            seen: 0,
            log,
        }
    }
}

/// A shell and all its tools in one static program.
pub fn busybox() -> &'static Path {
    let shell = Path::new("/bin/busybox");
    assert!(
        shell.exists(),
        "no {}: it is in Debian's package busybox-static",
        shell.display()
    );
    shell
}

/// What the monitor says before it asks for the next command.
fn read_prompt(monitor: &mut UnixStream) -> String {
    let mut said = Vec::new();
    while !said.ends_with(b"(qemu) ") {
        let mut byte = [0];
        monitor.read_exact(&mut byte).expect("the monitor answers");
        said.push(byte[0]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.monitor);
    }
}
