//! Starts in the memory of a TPM, and what is measured into its registers: that of libtpms, behind swtpm.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pilotlight::boot::Starts;
use pilotlight::entry::{BootEntry, EntrySource, FileRef, Origin, PayloadKind, VolumeId};
use pilotlight::fs::FsPath;
use pilotlight::measure::{Measured, PCRS};
use pilotlight::store::{Choice, Nv, Store};
use pilotlight::tpm::{Index, Tpm};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A TPM as it leaves the factory, which ends with this value.
struct Swtpm {
    child: Child,
    state: PathBuf,
    stream: RefCell<UnixStream>,
}

impl Swtpm {
    fn new(name: &str) -> Swtpm {
        Swtpm::with_flags(name, "not-need-init,startup-clear")
    }

    fn with_flags(name: &str, flags: &str) -> Swtpm {
        let state = std::env::temp_dir().join(format!("pl-nv-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&state);
        std::fs::create_dir(&state).unwrap();
        let socket = state.join("socket");
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", flags])
            .arg("--tpmstate")
            .arg(format!("dir={}", state.display()))
            .arg("--server")
            .arg(format!("type=unixio,path={}", socket.display()))
            .spawn()
            .expect("swtpm (Debian's package swtpm) starts");
        let end = Instant::now() + Duration::from_secs(60);
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "swtpm opens no socket: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Swtpm {
            child,
            state,
            stream: RefCell::new(stream),
        }
    }

    /// The response code to a command in hexadecimal digits, whose length is filled in.
    fn code(&self, digits: &str) -> u32 {
        let response = self.response(digits);
        u32::from_be_bytes(response[6..10].try_into().unwrap())
    }

    fn response(&self, digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bytes = digits.chunks(2).map(|two| {
            let two = std::str::from_utf8(two).unwrap();
            u8::from_str_radix(two, 16).unwrap()
        });
        let mut command: Vec<u8> = bytes.collect();
        let length = u32::try_from(command.len()).unwrap();
        command[2..6].copy_from_slice(&length.to_be_bytes());
        self.ask(&command).unwrap()
    }

    /// What a register holds in the bank of an algorithm (`TPM2_PCR_Read`): that is the end of the response.
    fn pcr(&self, number: u32, algorithm: u16, length: usize) -> Vec<u8> {
        let bits = (1_u32 << number).to_le_bytes();
        let [a, b, c, _] = bits;
        let response = self.response(&format!(
            "8001 00000000 0000017e 00000001 {algorithm:04x} 03 {a:02x}{b:02x}{c:02x}"
        ));
        response[response.len() - length..].to_vec()
    }

    /// Defines an index (`TPM2_NV_DefineSpace`): with these passwords of the owner and of its own, in digits.
    fn define(&self, number: u32, attributes: u32, size: u16, owner: &str, own: &str) -> u32 {
        let [owner, own] = [owner, own].map(|digits| (digits.len() / 2, digits));
        self.code(&format!(
            "8002 00000000 0000012a 40000001 {:08x} 40000009 0000 00 {:04x} {} {:04x} {} \
             000e {number:08x} 000b {attributes:08x} 0000 {size:04x}",
            owner.0 + 9,
            owner.0,
            owner.1,
            own.0,
            own.1
        ))
    }

    /// Writes into an index (`TPM2_NV_Write`), whose password this is.
    fn write(&self, number: u32, password: &str, content: &str) -> u32 {
        let [password, content] = [password, content].map(|digits| (digits.len() / 2, digits));
        self.code(&format!(
            "8002 00000000 00000137 {number:08x} {number:08x} {:08x} 40000009 0000 00 {:04x} {} \
             {:04x} {} 0000",
            password.0 + 9,
            password.0,
            password.1,
            content.0,
            content.1
        ))
    }

    /// The owner's password is `x` from now on (`TPM2_HierarchyChangeAuth`).
    fn own(&self) {
        let command = "8002 00000000 00000129 40000001 00000009 40000009 0000 00 0000 0001 78";
        assert_eq!(self.code(command), 0);
    }

    fn store(&self) -> Nv<'_> {
        Nv::new(self, Choice::INDEX)
    }

    fn refuses(&self, words: &str) {
        let error = self.store().write(&starts(1)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

impl Tpm for Swtpm {
    fn ask(&self, command: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = self.stream.borrow_mut();
        loop {
            stream.write_all(command)?;
            let mut response = vec![0; 10];
            stream.read_exact(&mut response)?;
            let length = u32::from_be_bytes(response[2..6].try_into().unwrap());
            response.resize(usize::try_from(length).unwrap(), 0);
            stream.read_exact(&mut response[10..])?;
            // TPM_RC_RETRY: the kernel asks again, too.
            if response[6..10] != [0, 0, 9, 0x22] {
                return Ok(response);
            }
        }
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

fn starts(count: usize) -> Starts {
    let file = FileRef {
        volume: VolumeId { disk: 0, volume: 0 },
        path: FsPath::root(),
    };
    let origin = Origin { file, line: None };
    let id = "a".to_owned();
    let entry = BootEntry::new(id, EntrySource::Bls, PayloadKind::Linux, origin);
    let mut starts = Starts::default();
    for _ in 0..count {
        starts.start(&entry, true);
    }
    starts
}

/// `ownerwrite`, `authwrite`, `ownerread`, `authread` and `no_da`, as docs/policy.md tells an owner to define it.
const ATTRIBUTES: u32 = 0x0206_0006;

#[test]
fn a_tpm_keeps_what_was_written_last() {
    let tpm = Swtpm::new("keeps");
    assert_eq!(tpm.store().read().unwrap(), None);
    for count in 1..=3 {
        tpm.store().write(&starts(count)).unwrap();
        assert_eq!(tpm.store().read().unwrap(), Some(starts(count)));
    }
    // The owner takes the machine over later.
    tpm.own();
    tpm.store().write(&starts(4)).unwrap();
    assert_eq!(tpm.store().read().unwrap(), Some(starts(4)));
    // Another number is another place.
    assert_eq!(Nv::new(&tpm, Index::LAST).read().unwrap(), None);
}

#[test]
fn with_a_password_the_owner_defines_it() {
    let tpm = Swtpm::new("owner");
    tpm.own();
    tpm.refuses("its owner has set a password, and has to define the index");
    assert_eq!(tpm.store().read().unwrap(), None);
    let code = tpm.define(Choice::INDEX, ATTRIBUTES, 36, "78", "");
    assert_eq!(code, 0);
    assert_eq!(tpm.store().read().unwrap(), None);
    tpm.store().write(&starts(2)).unwrap();
    assert_eq!(tpm.store().read().unwrap(), Some(starts(2)));
}

#[test]
fn what_is_something_else_is_left_alone() {
    // A counter, another length, a password that guesses count for, one for the owner alone, and one that resets empty.
    for (attributes, size) in [
        (ATTRIBUTES | 0x10, 8),
        (ATTRIBUTES, 32),
        (ATTRIBUTES & !(1 << 25), 36),
        (0x0202_0002, 36),
        (ATTRIBUTES | 0x0c00_0000, 36),
    ] {
        let tpm = Swtpm::new("other");
        assert_eq!(tpm.define(Choice::INDEX, attributes, size, "", ""), 0);
        tpm.refuses("is something else, and left alone");
        assert!(tpm.store().read().is_err());
    }
    // The same kind, with what somebody else has written into it.
    let tpm = Swtpm::new("content");
    assert_eq!(tpm.define(Choice::INDEX, ATTRIBUTES, 36, "", ""), 0);
    assert_eq!(tpm.write(Choice::INDEX, "", &"ab".repeat(36)), 0);
    tpm.refuses("is something else, and left alone");
    // And one with a password, which is asked for once.
    let tpm = Swtpm::new("password");
    assert_eq!(tpm.define(Choice::INDEX, ATTRIBUTES, 36, "", "78"), 0);
    assert_eq!(tpm.write(Choice::INDEX, "78", &"ab".repeat(36)), 0);
    tpm.refuses("its owner has set a password");
}

#[test]
fn a_tpm_without_space_says_so_and_one_that_is_locked_out_counts() {
    let tpm = Swtpm::new("space");
    // With less and less in each, until nothing of ours has room.
    let mut numbers = Index::FIRST..;
    for size in [2048, 256, 36] {
        let code = numbers.find_map(|number| {
            let code = tpm.define(number, ATTRIBUTES, size, "", "");
            (code != 0).then_some(code)
        });
        // TPM_RC_NV_SPACE.
        assert_eq!(code, Some(0x14b));
    }
    tpm.refuses("it has no space left");

    let tpm = Swtpm::new("locked");
    tpm.store().write(&starts(1)).unwrap();
    // An index with a password, at which is guessed until nothing more of that kind may be asked: TPM_RC_LOCKOUT.
    let number = Index::FIRST;
    assert_eq!(tpm.define(number, ATTRIBUTES & !(1 << 25), 8, "", "78"), 0);
    assert_eq!(tpm.write(number, "78", "00"), 0);
    assert!((0..100).any(|_| tpm.write(number, "79", "00") == 0x921));
    tpm.store().write(&starts(2)).unwrap();
    assert_eq!(tpm.store().read().unwrap(), Some(starts(2)));
}

/// What a register that holds nothing holds after the events in these words.
fn extended<D: Digest>(events: &[&str]) -> Vec<u8> {
    let zeros = vec![0; <D as Digest>::output_size()];
    events.iter().fold(zeros, |held, event| {
        D::digest([held, D::digest(event).to_vec()].concat()).to_vec()
    })
}

#[test]
fn a_shell_is_measured_into_each_bank() {
    let tpm = Swtpm::new("shell");
    for shells in 1..=2 {
        Measured::shell_by(&tpm).unwrap();
        let events = vec!["pilotlight: shell"; shells];
        for pcr in PCRS {
            assert_eq!(tpm.pcr(pcr, 0x0004, 20), extended::<Sha1>(&events));
            assert_eq!(tpm.pcr(pcr, 0x000b, 32), extended::<Sha256>(&events));
            assert_eq!(tpm.pcr(pcr, 0x000c, 48), extended::<Sha384>(&events));
            assert_eq!(tpm.pcr(pcr, 0x000d, 64), extended::<Sha512>(&events));
        }
    }
    for pcr in (0..16).filter(|pcr| !PCRS.contains(pcr)) {
        assert_eq!(tpm.pcr(pcr, 0x000b, 32), [0; 32], "{pcr}");
    }
}

#[test]
fn a_tpm_that_takes_no_event_allows_no_shell() {
    let tpm = Swtpm::with_flags("unstarted", "not-need-init");
    let error = Measured::shell_by(&tpm).unwrap_err();
    assert_eq!(error.to_string(), "the firmware has not started it");
}
