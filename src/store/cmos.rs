//! [`Cmos`]: memory of the clock that keeps starts.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{Store, StoreError};
use crate::boot::Starts;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::starts;

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
