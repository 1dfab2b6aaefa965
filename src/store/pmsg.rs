//! [`Pmsg`]: memory that a reset leaves as it is keeps starts, as lines in it (`Documentation/admin-guide/ramoops.rst`).
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
        let device = File::options().write(true).open(&self.device);
        // One record is one call.
        let written = device.and_then(|mut device| device.write_all(line.as_bytes()));
        written.map_err(StoreError::Pmsg)?;
        let directory = self.kept.parent().map_or(Ok(()), fs::create_dir_all);
        let kept = directory.and_then(|()| fs::write(&self.kept, line));
        kept.map_err(StoreError::Pmsg)
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
        let store = Pmsg {
            directory,
            device: root.join("pmsg0"),
            kept: root.join("run/starts"),
        };
        (root, store)
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
