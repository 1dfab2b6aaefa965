//! A TPM of version 2.0, and what firmware has measured into it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::BOOT;
use super::machine::{Machine, Setup, generic};

/// `TPM_ALG_SHA256` of the TCG's registry of algorithms.
const SHA256: u16 = 0x000b;
/// Events that are in the log and not in the TPM.
const EV_NO_ACTION: u32 = 3;
/// PCRs of firmware, and what boot loaders measure.
const PCRS: usize = 16;
/// The one of IMA: Linux itself measures into it.
const IMA: usize = 10;

/// A TPM that a machine is given; it ends with this value.
pub struct Tpm {
    child: Child,
    state: PathBuf,
}

impl Tpm {
    /// A new one, as it leaves the factory.
    pub fn new(name: &str) -> Tpm {
        // Sockets have short names, whatever the directory of the tests is called.
        let state = std::env::temp_dir().join(format!("pl-tpm-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&state);
        std::fs::create_dir(&state).unwrap();
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--tpmstate"])
            .arg(format!("dir={}", state.display()))
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}", socket(&state).display()))
            .spawn()
            .expect("swtpm (Debian's package swtpm) starts");
        let tpm = Tpm { child, state };
        let end = Instant::now() + Duration::from_secs(60);
        while !socket(&tpm.state).exists() {
            assert!(Instant::now() < end, "swtpm opens no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        tpm
    }

    /// Puts it into a machine, behind an interface that is a device of QEMU: `tpm-tis` or `tpm-crb`.
    pub fn attach(&self, setup: Setup, interface: &str) -> Setup {
        let socket = format!("socket,id=tpm,path={}", socket(&self.state).display());
        let device = format!("{interface},tpmdev=tpm");
        setup
            .arguments(&["-chardev", &socket, "-device", &device])
            .arguments(&["-tpmdev", "emulator,id=tpm,chardev=tpm"])
    }
}

impl Tpm {
    /// Answers nothing any more.
    fn hang(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    }
}

fn socket(state: &Path) -> PathBuf {
    state.join("socket")
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

/// What was measured: into which PCR, and an event of which type.
pub type Measured = (u32, u32);

/// The log of the firmware, as the booted system has it, which has to say all that the TPM holds.
pub fn measured(machine: &mut Machine) -> Vec<Measured> {
    machine.shell("dmesg -D; modprobe -a tpm_tis tpm_crb; udevadm settle; stty cols 1000");
    let log = machine.shell("base64 -w 0 /sys/kernel/security/tpm0/binary_bios_measurements");
    let log = decode(&log);
    let (events, replayed) = replay(&log);
    let held = machine.shell("cd /sys/class/tpm/tpm0/pcr-sha256; echo; grep . [0-9] 1[0-5]; cd");
    for (number, value) in replayed
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != IMA)
    {
        let digits: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        let line = format!("{number}:{digits}");
        let mut lines = held.lines().map(str::trim);
        assert!(
            lines.any(|held| held == line),
            "the log says {line}, the TPM holds\n{held}"
        );
    }
    events
}

/// The longest word that the shell has printed, which is base64.
fn decode(said: &str) -> Vec<u8> {
    let digit = |c: char| match c {
        'A'..='Z' => Some(u32::from(c) - 65),
        'a'..='z' => Some(u32::from(c) - 71),
        '0'..='9' => Some(u32::from(c) + 4),
        '+' => Some(62),
        '/' => Some(63),
        _ => None,
    };
    let words = said.split(|c: char| digit(c).is_none());
    let word = words.max_by_key(|word| word.len()).unwrap();
    let digits: Vec<u32> = word.chars().filter_map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let number = (0..4).fold(0, |sum, at| (sum << 6) | four.get(at).unwrap_or(&0));
        number.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

/// Takes what lies ahead in a log.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn half(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.word()).unwrap()
    }
}

/// The events of a log, and the PCRs that come of them (TCG PC Client Platform Firmware Profile 1.05, chapter 10).
fn replay(log: &[u8]) -> (Vec<Measured>, [[u8; 32]; PCRS]) {
    let mut log = Reader(log);
    // The first event is one of version 1.2, and says how long digests are.
    assert_eq!((log.word(), log.word()), (0, EV_NO_ACTION));
    log.take(20);
    let length = log.length();
    let mut header = Reader(log.take(length));
    assert_eq!(header.take(16), b"Spec ID Event03\0");
    header.take(8);
    let sizes: Vec<(u16, usize)> = (0..header.word())
        .map(|_| (header.half(), usize::from(header.half())))
        .collect();
    let mut events = Vec::new();
    let mut pcrs = [[0; 32]; PCRS];
    while !log.0.is_empty() {
        let (pcr, kind) = (log.word(), log.word());
        for _ in 0..log.word() {
            let algorithm = log.half();
            let known = sizes.iter().find(|(one, _)| *one == algorithm);
            let digest = log.take(known.unwrap().1);
            if algorithm == SHA256 && kind != EV_NO_ACTION {
                let value = &mut pcrs[usize::try_from(pcr).unwrap()];
                *value = Sha256::digest([&value[..], digest].concat()).into();
            }
        }
        let length = log.length();
        log.take(length);
        events.push((pcr, kind));
    }
    (events, pcrs)
}

/// What PCRs 4 and 7 hold in a bank, as the shell of the flash kernel tells it.
fn held(machine: &mut Machine, bank: &str) -> Vec<Vec<u8>> {
    let said = machine.shell(&format!("cat /sys/class/tpm/tpm0/pcr-{bank}/[47]"));
    let lines = said.lines().map(str::trim);
    let values = lines.filter(|line| line.len() >= 40 && !line.contains(' '));
    let byte = |line: &str, at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    let bytes = |line: &str| {
        (0..line.len())
            .step_by(2)
            .map(|at| byte(line, at))
            .collect()
    };
    values.map(bytes).collect()
}

/// What a register holds after one more shell.
fn after_a_shell<D: Digest>(held: &[u8]) -> Vec<u8> {
    D::digest([held, &D::digest("pilotlight: shell")].concat()).to_vec()
}

/// The policy gives a shell after each round, and the TPM hangs from the second one on.
#[test]
fn a_shell_is_measured_and_without_that_there_is_none() {
    const POLICY: &str = "[wait]\ndisks = 1\n[failure]\nthen = \"shell\"\npause = 1\n\
                          [menu]\nshell = \"yes\"\n[report]\nkmsg = false\n";
    let tpm = Tpm::new("shell");
    let setup = Machine::set_up_with("measured", &generic())
        .arguments(&["-append", "console=ttyS0"])
        .policy_and_shell(POLICY);
    let mut machine = tpm.attach(setup, "tpm-tis").start();
    let mut banks = Vec::new();
    for round in 0..2 {
        machine.expect(
            "shell: measured as \"pilotlight: shell\" into PCRs 4 and 7",
            BOOT,
        );
        machine.expect("# ", BOOT);
        let now = ["sha1", "sha256", "sha384", "sha512"].map(|bank| held(&mut machine, bank));
        assert!(now.iter().all(|values| values.len() == 2), "{now:?}");
        if round == 0 {
            // The firmware has measured nothing but that it has ended, as SeaBIOS says that.
            let separated = Sha256::digest([[0; 32], Sha256::digest([0xff; 4]).into()].concat());
            assert_eq!(now[1][1], after_a_shell::<Sha256>(&separated));
            banks = now.to_vec();
            // The report goes elsewhere.
            machine.shell("! dmesg | grep -F '\"event\":'");
            machine.type_line("exit");
            continue;
        }
        for at in 0..2 {
            let before = banks.iter().map(|values| &values[at]);
            let [sha1, sha256, sha384, sha512] = before.collect::<Vec<_>>()[..] else {
                panic!("four banks");
            };
            assert_eq!(now[0][at], after_a_shell::<Sha1>(sha1));
            assert_eq!(now[1][at], after_a_shell::<Sha256>(sha256));
            assert_eq!(now[2][at], after_a_shell::<Sha384>(sha384));
            assert_eq!(now[3][at], after_a_shell::<Sha512>(sha512));
        }
    }
    tpm.hang();
    machine.type_line("exit");
    machine.expect("shell in 1 s", BOOT);
    machine.expect("no shell: the TPM can't be told: it does not answer", BOOT);
    machine.until("nothing here", BOOT, |machine| machine.press(" "));
    machine.press("c");
    machine.expect("no shell: the TPM can't be told: it does not answer", BOOT);
    // The menu is still there.
    machine.press("a");
    machine.expect("TPM: what is in it is from the firmware", BOOT);
    // QEMU takes leave of it.
    drop(tpm);
    machine.finish();
}

/// ACPI tells of it.
#[test]
fn beside_a_tpm_that_has_no_driver_there_is_no_shell() {
    const POLICY: &str = "[wait]\ndisks = 1\n[failure]\nthen = \"shell\"\npause = 1\n";
    let tpm = Tpm::new("driver");
    let setup = Machine::set_up("no-driver").policy_and_shell(POLICY);
    let mut machine = tpm.attach(setup, "tpm-tis").start();
    machine.expect(
        "no shell: the TPM can't be told: the kernel has no driver for it",
        BOOT,
    );
    machine.expect("nothing could be booted", BOOT);
    machine.finish();
}
