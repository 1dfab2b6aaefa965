//! [`Store`]: a few bytes that last over a reset and are on no disk.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::boot::Starts;
use crate::efi::{VariableError, Variables};
use crate::policy::overrides::VENDOR;

/// A place for [`Starts`].
pub trait Store {
    /// What is kept there; nothing yet, or what something else wrote there, are none.
    ///
    /// # Errors
    /// [`StoreError`]: it can't be read.
    fn read(&self) -> Result<Option<Starts>, StoreError>;

    /// Keeps this from now on.
    ///
    /// # Errors
    /// [`StoreError`]: it can't be written.
    fn write(&self, starts: &Starts) -> Result<(), StoreError>;
}

/// A UEFI variable of our own. Firmware writes it as a whole or not at all.
pub struct Variable<'a>(pub &'a dyn Variables);

impl Variable<'_> {
    /// Its name; the vendor is that of the values of a policy.
    pub const NAME: &'static str = "UnconfirmedStarts";
}

impl Store for Variable<'_> {
    fn read(&self) -> Result<Option<Starts>, StoreError> {
        let value = self.0.read(VENDOR, Variable::NAME)?;
        let bytes = value.and_then(|value| value.try_into().ok());
        Ok(bytes.as_ref().and_then(Starts::parse))
    }

    fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        Ok(self.0.write(VENDOR, Variable::NAME, &starts.to_bytes())?)
    }
}

/// Memory of the clock, which its battery keeps. Where the power goes in the middle of writing, nothing is kept.
pub struct Cmos {
    file: PathBuf,
    /// The first byte, as the clock counts them.
    byte: u32,
}

impl Cmos {
    /// The kernel's file of all bytes behind those of the time (`drivers/rtc/rtc-cmos.c`).
    const FILE: &'static str = "/sys/bus/nvmem/devices/cmos_nvram0/nvmem";

    /// Bytes of the time, which are not in the file.
    pub const FIRST: u32 = 14;

    /// The last byte that it may begin at, where the clock has a second bank.
    pub const LAST: u32 = 224;

    /// From this byte on, which is counted from the first one of the time.
    pub fn new(byte: u32) -> Cmos {
        let file = PathBuf::from(Cmos::FILE);
        Cmos { file, byte }
    }

    fn offset(&self) -> u64 {
        self.byte.saturating_sub(Cmos::FIRST).into()
    }

    fn wrong(&self, action: &'static str) -> impl FnOnce(io::Error) -> StoreError {
        let byte = self.byte;
        move |error| StoreError::Cmos {
            byte,
            action,
            error,
        }
    }
}

impl Store for Cmos {
    fn read(&self) -> Result<Option<Starts>, StoreError> {
        let mut bytes = [0; Starts::SIZE];
        let file = File::open(&self.file);
        let read = file.and_then(|file| file.read_exact_at(&mut bytes, self.offset()));
        read.map_err(self.wrong("read"))?;
        Ok(Starts::parse(&bytes))
    }

    fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        let file = File::options().write(true).open(&self.file);
        let written = file.and_then(|file| file.write_all_at(&starts.to_bytes(), self.offset()));
        written.map_err(self.wrong("write"))
    }
}

/// Why nothing could be read or kept.
#[derive(Debug)]
pub enum StoreError {
    /// By the firmware.
    Variable(VariableError),
    /// In the memory of the clock.
    Cmos {
        /// The first byte.
        byte: u32,
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl From<VariableError> for StoreError {
    fn from(error: VariableError) -> StoreError {
        StoreError::Variable(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Variable(error) => error.fmt(f),
            StoreError::Cmos {
                byte,
                action,
                error,
            } => write!(
                f,
                "can't {action} byte {byte} of the clock's memory: {error}"
            ),
        }
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::MemoryVariables;
    use crate::entry::BootEntry;

    fn starts() -> Starts {
        let mut starts = Starts::default();
        starts.start(&BootEntry::on_disk(0, "a"), true);
        starts
    }

    #[test]
    fn a_variable_keeps_them() {
        let variables = MemoryVariables::new();
        let store = Variable(&variables);
        assert_eq!(store.read().unwrap(), None);
        store.write(&starts()).unwrap();
        assert_eq!(store.read().unwrap(), Some(starts()));
        variables.write(VENDOR, Variable::NAME, b"odd").unwrap();
        assert_eq!(store.read().unwrap(), None);
        let closed = MemoryVariables::new().read_only();
        let error = Variable(&closed).write(&starts()).unwrap_err().to_string();
        assert!(error.contains("UnconfirmedStarts"), "{error}");
    }

    #[test]
    fn the_memory_of_the_clock_keeps_them_where_the_policy_says() {
        let name = format!("pilotlight-cmos-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, [0xee; 114]).unwrap();
        let store = |byte| Cmos {
            file: file.clone(),
            byte,
        };
        assert_eq!(Cmos::LAST as usize + Starts::SIZE, 256);
        assert_eq!(store(96).read().unwrap(), None);
        store(96).write(&starts()).unwrap();
        assert_eq!(store(96).read().unwrap(), Some(starts()));
        let bytes = std::fs::read(&file).unwrap();
        // To the last of the 128 bytes, of which 14 are not in the file, and no byte beside it.
        assert_eq!((bytes.len(), &bytes[..82]), (114, &[0xee; 82][..]));
        assert_ne!(bytes[82..84], [0xee; 2]);
        assert!(store(97).read().is_err());
        std::fs::remove_file(&file).unwrap();
        let error = store(96).write(&starts()).unwrap_err().to_string();
        assert!(error.starts_with("can't write byte 96 of"), "{error}");
    }
}
