//! Kernels that unpack themselves under EFI (`CONFIG_EFI_ZBOOT`,
//! `drivers/firmware/efi/libstub/zboot-header.S` of Linux): an EFI program around a packed kernel.

use std::fmt;
use std::ops::Range;

use crate::compression::{gzip, zstd};
use crate::disk::bytes::{le16, le32};
use crate::pe::Machine;

/// What such a file says of the kernel in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zboot {
    /// Where the packed kernel is in the file, in bytes.
    pub payload: Range<u64>,
    method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Gzip,
    Zstd,
}

/// Offsets in the file.
const PAYLOAD: usize = 8;
const SIZE: usize = 12;
const METHOD: Range<usize> = 24..56;
const PE_HEADER: usize = 0x3c;

/// `Machine` behind the signature of the PE header.
const MACHINE: usize = 4;

impl Zboot {
    /// Reads the first bytes of a file; `None` if it is no such kernel.
    ///
    /// # Errors
    /// [`ZbootError`]: it is for another machine, or packed in another way.
    pub fn parse(file: &[u8]) -> Option<Result<Zboot, ZbootError>> {
        if !file.starts_with(b"MZ\0\0zimg") {
            return None;
        }
        Some(Zboot::read(file).unwrap_or(Err(ZbootError::Damaged)))
    }

    fn read(file: &[u8]) -> Option<Result<Zboot, ZbootError>> {
        let header = usize::try_from(le32(file, PE_HEADER)?).ok()?;
        let machine = Machine(le16(file, header.checked_add(MACHINE)?)?);
        if !machine.is_own() {
            return Some(Err(ZbootError::Foreign(machine)));
        }
        let start = u64::from(le32(file, PAYLOAD)?);
        let payload = start..start.checked_add(le32(file, SIZE)?.into())?;
        let name = file.get(METHOD)?;
        let name = name.split(|byte| *byte == 0).next()?;
        let method = match name {
            b"gzip" => Method::Gzip,
            b"zstd" | b"zstd22" => Method::Zstd,
            other => {
                let kept = other.iter().filter(|byte| byte.is_ascii_graphic());
                let name = kept.map(|byte| char::from(*byte)).collect();
                return Some(Err(ZbootError::Method(name)));
            }
        };
        Some(Ok(Zboot { payload, method }))
    }

    /// Unpacks what is in [`Zboot::payload`], up to `limit` bytes.
    ///
    /// # Errors
    /// [`ZbootError::Damaged`], also where it becomes longer.
    pub fn unpack(&self, packed: &[u8], limit: usize) -> Result<Vec<u8>, ZbootError> {
        let kernel = match self.method {
            Method::Gzip => gzip(packed, limit),
            Method::Zstd => zstd(packed, limit),
        };
        kernel.map_err(|()| ZbootError::Damaged)
    }
}

/// Why the kernel in such a file can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZbootError {
    /// It is for another machine.
    Foreign(Machine),
    /// It is packed in a way that is not unpacked here.
    Method(String),
    /// It is cut off, changed, or too long when it is unpacked.
    Damaged,
}

impl fmt::Display for ZbootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ZbootError::Foreign(machine) => {
                write!(
                    f,
                    "it is for {machine}, and this machine is {}",
                    Machine::OWN
                )
            }
            ZbootError::Method(name) => write!(
                f,
                "the kernel in it is packed with {name}, and only gzip and zstd are unpacked here"
            ),
            ZbootError::Damaged => {
                f.write_str("the kernel in it can't be unpacked: it is damaged, or too long")
            }
        }
    }
}

impl std::error::Error for ZbootError {}

/// A file with `packed` in it, for this machine.
#[cfg(test)]
pub(crate) fn zboot(method: &str, packed: &[u8]) -> Vec<u8> {
    let mut file = b"MZ\0\0zimg".to_vec();
    file.extend(0x80_u32.to_le_bytes());
    file.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
    file.resize(METHOD.start, 0);
    file.extend(method.as_bytes());
    file.resize(PE_HEADER, 0);
    file.extend(0x40_u32.to_le_bytes());
    file.extend(b"PE\0\0");
    let machine: u16 = if cfg!(target_arch = "x86_64") {
        0x8664
    } else {
        0xaa64
    };
    file.extend(machine.to_le_bytes());
    file.resize(0x80, 0);
    file.extend(packed);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_in_it() {
        let file = zboot("gzip", b"packed");
        let found = Zboot::parse(&file).unwrap().unwrap();
        assert_eq!(found.payload, 0x80..0x86);
        assert_eq!(found.unpack(b"packed", 100), Err(ZbootError::Damaged));
        // Bytes as they are, in the last block of a frame.
        let frame = b"\x28\xb5\x2f\xfd\x00\x38\x19\0\0abc";
        let found = Zboot::parse(&zboot("zstd", frame)).unwrap().unwrap();
        assert_eq!(found.unpack(frame, 3).unwrap(), b"abc");
        assert_eq!(found.unpack(frame, 2), Err(ZbootError::Damaged));
    }

    #[test]
    fn what_is_not_unpacked_says_why() {
        let reason = |file: &[u8]| Zboot::parse(file).unwrap().unwrap_err().to_string();
        assert_eq!(
            reason(&zboot("xzkern\x1b[", b"")),
            "the kernel in it is packed with xzkern[, and only gzip and zstd are unpacked here"
        );
        let mut foreign = zboot("gzip", b"");
        foreign[0x44..0x46].copy_from_slice(&0x5064_u16.to_le_bytes());
        let own = Machine::OWN;
        assert_eq!(
            reason(&foreign),
            format!("it is for riscv64, and this machine is {own}")
        );
        let file = zboot("gzip", b"");
        for end in 8..0x46 {
            assert_eq!(
                Zboot::parse(&file[..end]),
                Some(Err(ZbootError::Damaged)),
                "{end}"
            );
        }
        assert_eq!(Zboot::parse(&file[..7]), None);
        assert_eq!(Zboot::parse(b"MZ"), None);
    }

    proptest! {
        #[test]
        fn damage_never_panics(
            flips in prop::collection::vec((8_usize..0x90, any::<u8>()), 0..40),
            end in 8_usize..0x90,
        ) {
            let mut file = zboot("gzip", &[0; 16]);
            for (at, byte) in flips {
                file[at] = byte;
            }
            let _ = Zboot::parse(&file[..end]);
            if let Some(Ok(found)) = Zboot::parse(&file) {
                let _ = found.unpack(&file[0x80..], 1000);
            }
        }
    }
}
