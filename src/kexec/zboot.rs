//! Kernels that unpack themselves under EFI (`CONFIG_EFI_ZBOOT`,
//! `drivers/firmware/efi/libstub/zboot-header.S` of Linux): an EFI program around a packed kernel.

use std::fmt;
use std::ops::Range;

use super::{Kernel, NotBzImage};
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

/// `Machine` of the programs whose kernels are started: what is inside has to be a [`BzImage`](super::BzImage).
const STARTED: Machine = Machine(0x8664);

/// A kernel is packed to a fourth or a fifth. What becomes more than so many times as long is none.
const MAX_RATIO: usize = 64;

/// Offsets in the file.
const PAYLOAD: usize = 8;
const SIZE: usize = 12;
const METHOD: Range<usize> = 24..56;
const PE_HEADER: usize = 0x3c;

/// `Machine` behind the signature of the PE header.
const MACHINE: usize = 4;

impl Zboot {
    /// Reads the first bytes of a file of `length` bytes; `None` if it is no such kernel.
    ///
    /// # Errors
    /// [`ZbootError`]: it is for another processor, packed in another way, or cut off.
    pub fn parse(file: &[u8], length: u64) -> Option<Result<Zboot, ZbootError>> {
        if !file.starts_with(b"MZ\0\0zimg") {
            return None;
        }
        let head = file.get(..Kernel::HEAD).unwrap_or(file);
        let found = Zboot::read(head).unwrap_or(Err(ZbootError::Header));
        Some(found.and_then(|zboot| match zboot.payload.end {
            least if length < least => Err(ZbootError::Cut { length, least }),
            _ => Ok(zboot),
        }))
    }

    fn read(file: &[u8]) -> Option<Result<Zboot, ZbootError>> {
        let header = usize::try_from(le32(file, PE_HEADER)?).ok()?;
        let machine = Machine(le16(file, header.checked_add(MACHINE)?)?);
        if machine != STARTED {
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

    /// Unpacks what is in [`Zboot::payload`], up to `limit` bytes, and never more than 64 times its own length.
    ///
    /// # Errors
    /// [`ZbootError::Payload`], also where it becomes longer.
    pub fn unpack(&self, packed: &[u8], limit: usize) -> Result<Vec<u8>, ZbootError> {
        let limit = limit.min(packed.len().saturating_mul(MAX_RATIO));
        let kernel = match self.method {
            Method::Gzip => gzip(packed, limit),
            Method::Zstd => zstd(packed, limit),
        };
        kernel.map_err(|()| ZbootError::Payload { limit })
    }
}

/// Why the kernel in such a file can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZbootError {
    /// It is for a processor whose kernels are not started.
    Foreign(Machine),
    /// It is packed in a way that is not unpacked here.
    Method(String),
    /// The file ends in its header.
    Header,
    /// The file ends before the packed kernel does, both in bytes.
    Cut {
        /// How long the file is.
        length: u64,
        /// How long it has to be at least.
        least: u64,
    },
    /// What is packed is changed, or becomes too long.
    Payload {
        /// How long it may become, in bytes.
        limit: usize,
    },
}

impl fmt::Display for ZbootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ZbootError::Foreign(machine) => {
                write!(
                    f,
                    "it is for {machine}, and only kernels for {STARTED} are started"
                )
            }
            ZbootError::Method(name) => write!(
                f,
                "the kernel in it is packed with {name}, and only gzip and zstd are unpacked here"
            ),
            ZbootError::Header => f.write_str("its header is cut off"),
            ZbootError::Cut { length, least } => {
                let (length, least) = (*length, *least);
                NotBzImage::Cut { length, least }.fmt(f)
            }
            ZbootError::Payload { limit } => write!(
                f,
                "the kernel in it can't be unpacked: it is damaged, or becomes longer than {limit} bytes"
            ),
        }
    }
}

impl std::error::Error for ZbootError {}

/// A file with `packed` in it.
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
    file.extend(STARTED.0.to_le_bytes());
    file.resize(0x80, 0);
    file.extend(packed);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn parse(file: &[u8]) -> Option<Result<Zboot, ZbootError>> {
        Zboot::parse(file, file.len() as u64)
    }

    /// What a program of the system makes of `content`.
    fn packed_by(program: &str, content: &[u8]) -> Vec<u8> {
        let mut child = Command::new(program)
            .args(["-c", "-9"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} (Debian's package {program}): {error}"));
        let mut input = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || input.write_all(content).unwrap());
            child.wait_with_output().unwrap().stdout
        })
    }

    #[test]
    fn what_is_in_it() {
        let file = zboot("gzip", b"packed");
        let found = parse(&file).unwrap().unwrap();
        assert_eq!(found.payload, 0x80..0x86);
        let damaged = ZbootError::Payload { limit: 100 };
        assert_eq!(found.unpack(b"packed", 100), Err(damaged.clone()));
        assert_eq!(
            damaged.to_string(),
            "the kernel in it can't be unpacked: it is damaged, or becomes longer than 100 bytes"
        );
        // Bytes as they are, in the last block of a frame.
        let frame = b"\x28\xb5\x2f\xfd\x00\x38\x19\0\0abc";
        let found = parse(&zboot("zstd", frame)).unwrap().unwrap();
        assert_eq!(found.unpack(frame, 3).unwrap(), b"abc");
        let longer = ZbootError::Payload { limit: 2 };
        assert_eq!(found.unpack(frame, 2), Err(longer));
    }

    #[test]
    fn all_of_it_has_to_be_there() {
        let file = zboot("gzip", b"packed");
        let cut = Zboot::parse(&file, 0x85).unwrap().unwrap_err();
        let (length, least) = (0x85, 0x86);
        assert_eq!(cut, ZbootError::Cut { length, least });
        // What decides is in the head.
        assert!(Zboot::parse(&file[..0x80], 0x86).unwrap().is_ok());
    }

    /// With the programs that pack kernels, both in many blocks.
    #[test]
    fn what_the_system_packs() {
        let lines = (0..60_000_u64).map(|i| format!("{} {}\n", i, i.pow(3) % 1009));
        let content = lines.collect::<String>().into_bytes();
        for (program, method) in [("gzip", "gzip"), ("zstd", "zstd22")] {
            let packed = packed_by(program, &content);
            let file = zboot(method, &packed);
            let found = parse(&file).unwrap().unwrap();
            assert!(found.unpack(&packed, content.len()).unwrap() == content);
            assert!(found.unpack(&packed, content.len() - 1).is_err());
            assert!(
                found
                    .unpack(&packed[..packed.len() - 100], 1 << 30)
                    .is_err()
            );
        }
    }

    /// However much memory there is.
    #[test]
    fn no_kernel_is_packed_so_well() {
        let content = vec![0; 4 << 20];
        for (program, method) in [("gzip", "gzip"), ("zstd", "zstd")] {
            let packed = packed_by(program, &content);
            let found = parse(&zboot(method, &packed)).unwrap().unwrap();
            let limit = 64 * packed.len();
            assert!(limit < content.len());
            assert_eq!(
                found.unpack(&packed, usize::MAX),
                Err(ZbootError::Payload { limit })
            );
        }
    }

    #[test]
    fn what_is_not_unpacked_says_why() {
        let reason = |file: &[u8]| parse(file).unwrap().unwrap_err().to_string();
        for method in ["lz4", "lzma", "lzo", "xzkern"] {
            assert_eq!(
                reason(&zboot(method, b"")),
                format!(
                    "the kernel in it is packed with {method}, and only gzip and zstd are unpacked here"
                )
            );
        }
        assert!(reason(&zboot("xz\x1b[31m", b"")).contains("packed with xz[31m,"));
        let mut foreign = zboot("gzip", b"");
        for (machine, name) in [
            (0xaa64_u16, "aa64"),
            (0x5064, "riscv64"),
            (0x6264, "machine type 0x6264"),
        ] {
            foreign[0x44..0x46].copy_from_slice(&machine.to_le_bytes());
            assert_eq!(
                reason(&foreign),
                format!("it is for {name}, and only kernels for x64 are started")
            );
        }
        let file = zboot("gzip", b"");
        for end in 8..0x46 {
            let cut = parse(&file[..end]);
            assert_eq!(cut, Some(Err(ZbootError::Header)), "{end}");
        }
        assert_eq!(parse(&file[..7]), None);
        assert_eq!(parse(b"MZ"), None);
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
            let _ = parse(&file[..end]);
            if let Some(Ok(found)) = parse(&file) {
                let _ = found.unpack(&file[0x80..], 1000);
            }
        }

        /// Whatever is packed comes out, in as much memory as it needs, and damage is noticed by gzip.
        #[test]
        fn gzip_is_whole_or_nothing(content: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32) {
            let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
            // One block of bytes as they are (RFC 1951, section 3.2.4).
            let length = content.len() as u16;
            packed.extend(length.to_le_bytes());
            packed.extend((!length).to_le_bytes());
            packed.extend(&content);
            packed.extend(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&content).to_le_bytes());
            packed.extend((content.len() as u32).to_le_bytes());
            prop_assert_eq!(gzip(&packed, content.len()), Ok(content.clone()));
            let at = 10 + at.index(packed.len() - 10);
            packed[at] ^= 1_u8 << bit;
            let damaged = gzip(&packed, content.len());
            prop_assert!(damaged.is_err() || damaged == Ok(content));
        }
    }
}
