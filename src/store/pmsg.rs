//! [`Pmsg`]: memory that a reset leaves as it is keeps starts, as lines in it
//! (`Documentation/admin-guide/ramoops.rst`).
//!
//! The kernel takes what is there as soon as it knows of the memory, shows it in a file, and empties the memory: what
//! is not written again is gone with the next reset. What was written can't be read back before.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::{Store, StoreError};
use crate::boot::Starts;
use crate::text::{hex, unhex};

/// In front of the digits of starts.
const MARK: &str = "pilotlight: starts ";

/// The files of the pstore filesystem with what was written the last time, by their beginning.
const FILES: &str = "pmsg-";

/// Bytes of a file that are looked at; kernels are given some KiB.
const LONGEST: u64 = 1 << 20;

/// After so many bytes of other messages the starts are written again. The memory is a ring, of 4 KiB where nobody says
/// otherwise (`ramoops_pmsg_size` in `fs/pstore/ram.c`), which process 1 and a loader write to: what both have written
/// since leaves room for the starts, each with a last message that is as long as messages get.
const AGAIN: usize = 1024;

/// The kernel's memory for messages of programs.
pub struct Pmsg {
    directory: PathBuf,
    device: PathBuf,
    kept: PathBuf,
}

impl Pmsg {
    /// Where the pstore filesystem is mounted.
    pub const DIRECTORY: &'static str = "/sys/fs/pstore";

    /// Where it is written, by kernels with `CONFIG_PSTORE_PMSG`.
    const DEVICE: &'static str = "/dev/pmsg0";

    /// What was written since this kernel runs.
    const KEPT: &'static str = "/run/pilotlight/starts";

    /// That of the running kernel.
    pub fn new() -> Pmsg {
        Pmsg {
            directory: PathBuf::from(Pmsg::DIRECTORY),
            device: PathBuf::from(Pmsg::DEVICE),
            kept: PathBuf::from(Pmsg::KEPT),
        }
    }

    /// What there is from the time before this kernel.
    fn before(&self) -> io::Result<Option<Starts>> {
        let mut newest = None;
        for file in fs::read_dir(&self.directory)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with(FILES) {
                let mut text = Vec::new();
                File::open(file.path())?
                    .take(LONGEST)
                    .read_to_end(&mut text)?;
                newest = last(&text).or(newest);
            }
        }
        Ok(newest)
    }

    /// One record is one call.
    fn put(&self, line: &[u8]) -> io::Result<()> {
        let mut device = File::options().write(true).open(&self.device)?;
        device.write_all(line)
    }
}

impl Default for Pmsg {
    fn default() -> Pmsg {
        Pmsg::new()
    }
}

impl Store for Pmsg {
    fn read(&self) -> Result<Option<Starts>, StoreError> {
        if let Ok(text) = fs::read(&self.kept) {
            return Ok(last(&text));
        }
        let before = self.before().map_err(StoreError::Pstore)?;
        // Should the machine be reset before anything is counted. Where nothing can be written, writing tells.
        if let Some(starts) = &before {
            let _ = self.write(starts);
        }
        Ok(before)
    }

    fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        let line = format!("{MARK}{}\n", hex(&starts.to_bytes()));
        self.put(line.as_bytes()).map_err(StoreError::Pmsg)?;
        let directory = self.kept.parent().map_or(Ok(()), fs::create_dir_all);
        let kept = directory.and_then(|()| fs::write(&self.kept, line));
        kept.map_err(StoreError::Pmsg)
    }
}

/// Keeps the starts in the memory that somebody writes other messages to.
pub struct Reminder {
    pmsg: Pmsg,
    /// Bytes that were written behind them.
    since: usize,
}

impl Reminder {
    /// For who begins to write now. Others have written before.
    pub fn new() -> Reminder {
        Reminder {
            pmsg: Pmsg::new(),
            since: AGAIN,
        }
    }

    /// A message of so many bytes was written. Where there are no starts, or where they can't be written, nothing is.
    pub fn wrote(&mut self, bytes: usize) {
        self.since = self.since.saturating_add(bytes);
        if self.since >= AGAIN {
            self.since = 0;
            if let Ok(line) = fs::read(&self.pmsg.kept) {
                let _ = self.pmsg.put(&line);
            }
        }
    }
}

impl Default for Reminder {
    fn default() -> Reminder {
        Reminder::new()
    }
}

/// The last starts in a text, which may begin in the middle of a line.
fn last(text: &[u8]) -> Option<Starts> {
    let lines = text.rsplit(|byte| *byte == b'\n');
    let mut digits = lines.filter_map(|line| line.strip_prefix(MARK.as_bytes()));
    digits.find_map(|digits| Starts::parse(unhex(digits)?.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::starts;
    use proptest::prelude::*;
    use std::path::Path;

    /// A kernel that has just started, with this of the time before.
    fn started(name: &str, before: Option<&[u8]>) -> (PathBuf, Pmsg) {
        let name = format!("pilotlight-pmsg-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&root);
        let directory = root.join("pstore");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("dmesg-ramoops-0"), "Panic#1\n").unwrap();
        if let Some(before) = before {
            fs::write(directory.join("pmsg-ramoops-0"), before).unwrap();
        }
        let store = started_again(&root);
        (root, store)
    }

    /// The same once more.
    fn started_again(root: &Path) -> Pmsg {
        Pmsg {
            directory: root.join("pstore"),
            device: root.join("pmsg0"),
            kept: root.join("run/starts"),
        }
    }

    fn written(root: &Path) -> Vec<u8> {
        fs::read(root.join("pmsg0")).unwrap()
    }

    #[test]
    fn what_was_kept_is_written_again_at_once() {
        let (root, store) = started("again", None);
        fs::write(root.join("pmsg0"), "").unwrap();
        assert_eq!(store.read().unwrap(), None);
        assert_eq!(written(&root), b"");
        store.write(&starts()).unwrap();
        assert_eq!(store.read().unwrap(), Some(starts()));
        // The next kernel has it between other lines, the first of which was cut.
        let line = String::from_utf8(written(&root)).unwrap();
        let old = format!("{MARK}{}\n", hex(&Starts::default().to_bytes()));
        let before = format!("\u{9b}ss\":1}}\n{old}{line}<6>pilotlight: {{}}\n\0\0");
        fs::remove_dir_all(&root).unwrap();
        let (root, store) = started("next", Some(before.as_bytes()));
        fs::write(root.join("pmsg0"), "").unwrap();
        assert_eq!(store.read().unwrap(), Some(starts()));
        assert_eq!(written(&root), line.as_bytes());
        fs::remove_dir_all(&root).unwrap();
    }

    /// What a memory of 4 KiB has in it (`struct persistent_ram_buffer` in `fs/pstore/ram_core.c` is its header).
    const RING: usize = 4096 - 12;

    /// The memory takes what was written to the device since.
    fn flow(root: &Path, ring: &mut Vec<u8>) {
        ring.extend(written(root));
        ring.drain(..ring.len().saturating_sub(RING));
        fs::write(root.join("pmsg0"), "").unwrap();
    }

    #[test]
    fn no_number_of_messages_pushes_starts_out_of_the_memory() {
        let (root, store) = started("ring", None);
        fs::write(root.join("pmsg0"), "").unwrap();
        let reminder = || Reminder {
            pmsg: started_again(&root),
            since: AGAIN,
        };
        store.write(&starts()).unwrap();
        let mut ring = Vec::new();
        flow(&root, &mut ring);
        let mut say = |reminder: &mut Reminder, bytes: usize| {
            ring.extend(vec![b'x'; bytes]);
            ring.push(b'\n');
            reminder.wrote(bytes + 1);
            flow(&root, &mut ring);
            assert_eq!(last(&ring), Some(starts()));
        };
        // Loaders that die one after the other, each with some attempts of which the last one is the longest.
        let mut of_process_1 = reminder();
        for loader in 0..300 {
            let mut of_loader = reminder();
            for _ in 0..loader % 8 {
                say(&mut of_loader, 250);
            }
            say(&mut of_loader, crate::report::LONGEST + 16);
            say(&mut of_process_1, 10 * (loader % 97));
        }
        let mut of_loader = reminder();
        for _ in 0..1000 {
            say(&mut of_loader, 300);
        }
        // Without starts nothing is written.
        fs::remove_file(&store.kept).unwrap();
        of_loader.wrote(2 * AGAIN);
        assert_eq!(written(&root), b"");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_kernel_without_it_says_so() {
        let (root, store) = started("none", None);
        let error = store.write(&starts()).unwrap_err().to_string();
        assert!(error.starts_with("can't write /dev/pmsg0"), "{error}");
        fs::remove_dir_all(&root).unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(error.starts_with("can't read /sys/fs/pstore"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_starts_or_none(
            text in any::<Vec<u8>>(),
            digits in "[0-9a-f+é]{60,68}",
            cut in 0_usize..80,
        ) {
            let line = format!("{MARK}{}", hex(&starts().to_bytes()));
            prop_assert_eq!(last(format!("{line}\n{MARK}{digits}\n").as_bytes()), Some(starts()));
            let cut = &line.as_bytes()[..cut];
            prop_assert_eq!(last(cut), None);
            let _ = last(&[MARK.as_bytes(), &text].concat());
        }
    }
}
