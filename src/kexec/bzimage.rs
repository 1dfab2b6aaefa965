//! The setup header of an x86 kernel (`Documentation/arch/x86/boot.rst`).

use std::fmt;

/// How many bytes from the start of the file [`BzImage::parse`] wants to see; less is enough if the
/// file ends there.
pub const HEADER_LENGTH: usize = 64 * 1024;

/// What the setup header of a bzImage says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BzImage {
    /// Boot protocol version, major and minor.
    pub protocol: (u8, u8),
    /// Longest command line in bytes, without the final NUL.
    pub cmdline_size: u32,
    /// `uname -r` and who built it, where the image says so.
    pub version: Option<String>,
}

/// Offsets in the file, by their names in the boot protocol.
const BOOT_FLAG: usize = 0x1fe;
const HEADER: usize = 0x202;
const VERSION: usize = 0x206;
const KERNEL_VERSION: usize = 0x20e;
const LOADFLAGS: usize = 0x211;
const XLOADFLAGS: usize = 0x236;
const CMDLINE_SIZE: usize = 0x238;

/// `LOADED_HIGH` in `loadflags`: a bzImage and not the older zImage.
const LOADED_HIGH: u8 = 1;
/// `XLF_KERNEL_64` in `xloadflags`: there is a 64-bit entry point.
const KERNEL_64: u16 = 1;
/// `XLF_CAN_BE_LOADED_ABOVE_4G` in `xloadflags`.
const ABOVE_4G: u16 = 2;

impl BzImage {
    /// Reads the header from the first bytes of a kernel file. The conditions are those of
    /// `bzImage64_probe()` in `arch/x86/kernel/kexec-bzimage64.c`, so that a refusal has a reason.
    ///
    /// # Errors
    /// [`NotBzImage`] says which condition failed.
    pub fn parse(file: &[u8]) -> Result<BzImage, NotBzImage> {
        if file.get(HEADER..).and_then(|h| h.first_chunk()) != Some(b"HdrS")
            || u16_at(file, BOOT_FLAG) != Some(0xaa55)
        {
            return Err(NotBzImage::NoHeader);
        }
        let protocol = u16_at(file, VERSION).ok_or(NotBzImage::NoHeader)?;
        let [minor, major] = protocol.to_le_bytes();
        // 2.12 brought `xloadflags`, without which nobody knows of a 64-bit entry point.
        if (major, minor) < (2, 12) {
            return Err(NotBzImage::TooOld { major, minor });
        }
        let loadflags = *file.get(LOADFLAGS).ok_or(NotBzImage::NoHeader)?;
        if loadflags & LOADED_HIGH == 0 {
            return Err(NotBzImage::ZImage);
        }
        let xloadflags = u16_at(file, XLOADFLAGS).ok_or(NotBzImage::NoHeader)?;
        if xloadflags & (KERNEL_64 | ABOVE_4G) != KERNEL_64 | ABOVE_4G {
            return Err(NotBzImage::Not64Bit);
        }
        let cmdline_size = file
            .get(CMDLINE_SIZE..)
            .and_then(|field| field.first_chunk())
            .ok_or(NotBzImage::NoHeader)?;
        Ok(BzImage {
            protocol: (major, minor),
            cmdline_size: u32::from_le_bytes(*cmdline_size),
            version: version(file),
        })
    }
}

/// The version text: `kernel_version` counts from 0x200, 0 means none.
fn version(file: &[u8]) -> Option<String> {
    let pointer = u16_at(file, KERNEL_VERSION).filter(|pointer| *pointer != 0)?;
    let start = usize::from(pointer).checked_add(0x200)?;
    let text: Vec<u8> = file
        .get(start..)?
        .iter()
        .copied()
        .take(256)
        .take_while(|byte| *byte != 0)
        .collect();
    let text = String::from_utf8(text).ok()?;
    let printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    printable.then_some(text).filter(|text| !text.is_empty())
}

fn u16_at(file: &[u8], offset: usize) -> Option<u16> {
    let field = file.get(offset..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

/// Why a file is no kernel that can be started on x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBzImage {
    /// There is no setup header.
    NoHeader,
    /// The boot protocol is older than 2.12 (Linux 3.8).
    TooOld {
        /// Major version of the protocol.
        major: u8,
        /// Minor version of the protocol.
        minor: u8,
    },
    /// A zImage, which loads below 1 MiB.
    ZImage,
    /// A kernel without 64-bit entry point.
    Not64Bit,
}

impl fmt::Display for NotBzImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotBzImage::NoHeader => f.write_str("it is no x86 Linux kernel: no setup header"),
            NotBzImage::TooOld { major, minor } => write!(
                f,
                "its boot protocol {major}.{minor:02} is older than 2.12 (Linux 3.8)"
            ),
            NotBzImage::ZImage => f.write_str("it is a zImage, and only a bzImage can be started"),
            NotBzImage::Not64Bit => f.write_str("it is no 64-bit kernel"),
        }
    }
}

impl std::error::Error for NotBzImage {}

/// The least that counts as a kernel.
#[cfg(test)]
pub(crate) fn least_kernel() -> Vec<u8> {
    let mut file = vec![0; 4096];
    for (at, bytes) in [
        (BOOT_FLAG, &b"\x55\xaa"[..]),
        (HEADER, b"HdrS"),
        (VERSION, b"\x0f\x02"),
        (LOADFLAGS, b"\x01"),
        (XLOADFLAGS, b"\x03\0"),
        (CMDLINE_SIZE, b"\xff\x07\0\0"),
    ] {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header as a 64-bit kernel has it.
    fn header() -> Vec<u8> {
        let mut file = vec![0; 0x400];
        file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x206..0x208].copy_from_slice(&[15, 2]);
        file[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        file[0x211] = 1;
        file[0x236] = 3;
        file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
        file[0x300..0x310].copy_from_slice(b"6.1.0-1-amd64 \x001");
        file
    }

    #[test]
    fn reads_what_the_kernel_reads() {
        let image = BzImage::parse(&header()).unwrap();
        assert_eq!(image.protocol, (2, 15));
        assert_eq!(image.cmdline_size, 2047);
        assert_eq!(image.version.as_deref(), Some("6.1.0-1-amd64 "));
    }

    #[test]
    fn each_condition_has_its_reason() {
        let with = |offset: usize, byte: u8| {
            let mut file = header();
            file[offset] = byte;
            BzImage::parse(&file).unwrap_err()
        };
        assert_eq!(with(0x202, b'X'), NotBzImage::NoHeader);
        assert_eq!(with(0x1ff, 0), NotBzImage::NoHeader);
        let (major, minor) = (2, 11);
        assert_eq!(with(0x206, 11), NotBzImage::TooOld { major, minor });
        assert_eq!(with(0x211, 0), NotBzImage::ZImage);
        assert_eq!(with(0x236, 2), NotBzImage::Not64Bit);
        let cut = header();
        assert_eq!(BzImage::parse(&cut[..0x239]), Err(NotBzImage::NoHeader));
        assert_eq!(BzImage::parse(b"MZ"), Err(NotBzImage::NoHeader));
    }

    #[test]
    fn a_version_with_escapes_is_none() {
        let mut file = header();
        file[0x301] = 0x1b;
        assert_eq!(BzImage::parse(&file).unwrap().version, None);
    }

    proptest! {
        #[test]
        fn damage_never_panics(flips in prop::collection::vec((0_usize..0x400, any::<u8>()), 0..40), end in 0_usize..0x400) {
            let mut file = header();
            for (at, byte) in flips {
                file[at] = byte;
            }
            let _ = BzImage::parse(&file[..end]);
            let _ = BzImage::parse(&file);
        }
    }
}
