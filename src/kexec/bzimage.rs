//! The setup header of an x86 kernel (`Documentation/arch/x86/boot.rst`).

use std::fmt;

use crate::disk::bytes::{le16, le32};

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
const SETUP_SECTS: usize = 0x1f1;
const SYSSIZE: usize = 0x1f4;
const BOOT_FLAG: usize = 0x1fe;
const HEADER: usize = 0x202;
const VERSION: usize = 0x206;
const KERNEL_VERSION: usize = 0x20e;
const LOADFLAGS: usize = 0x211;
const XLOADFLAGS: usize = 0x236;
const CMDLINE_SIZE: usize = 0x238;

/// Units of `setup_sects` and of `syssize`, in bytes, and the `setup_sects` that 0 stands for.
const SECTOR: u64 = 512;
const PARAGRAPH: u64 = 16;
const OLD_SETUP_SECTS: u8 = 4;

/// `LOADED_HIGH` in `loadflags`: a bzImage and not the older zImage.
const LOADED_HIGH: u8 = 1;
/// `XLF_KERNEL_64` in `xloadflags`: there is a 64-bit entry point.
const KERNEL_64: u16 = 1;
/// `XLF_CAN_BE_LOADED_ABOVE_4G` in `xloadflags`.
const ABOVE_4G: u16 = 2;

impl BzImage {
    /// Reads the header from the first bytes of a kernel file of `length` bytes. The conditions are those of
    /// `bzImage64_probe()` in `arch/x86/kernel/kexec-bzimage64.c`, so that a refusal has a reason, and one that the
    /// kernel does not ask for: all of the file has to be there. A part of one would be loaded, and jumped into.
    ///
    /// # Errors
    /// [`NotBzImage`] says which condition failed.
    pub fn parse(file: &[u8], length: u64) -> Result<BzImage, NotBzImage> {
        if file.get(HEADER..).and_then(|h| h.first_chunk()) != Some(b"HdrS")
            || le16(file, BOOT_FLAG) != Some(0xaa55)
        {
            return Err(NotBzImage::NoHeader);
        }
        let protocol = le16(file, VERSION).ok_or(NotBzImage::NoHeader)?;
        let [minor, major] = protocol.to_le_bytes();
        // 2.12 brought `xloadflags`, without which nobody knows of a 64-bit entry point.
        if (major, minor) < (2, 12) {
            return Err(NotBzImage::TooOld { major, minor });
        }
        let loadflags = *file.get(LOADFLAGS).ok_or(NotBzImage::NoHeader)?;
        if loadflags & LOADED_HIGH == 0 {
            return Err(NotBzImage::ZImage);
        }
        let xloadflags = le16(file, XLOADFLAGS).ok_or(NotBzImage::NoHeader)?;
        if xloadflags & (KERNEL_64 | ABOVE_4G) != KERNEL_64 | ABOVE_4G {
            return Err(NotBzImage::Not64Bit);
        }
        let cmdline_size = le32(file, CMDLINE_SIZE).ok_or(NotBzImage::NoHeader)?;
        // A signature comes behind that.
        let least = least_length(file).ok_or(NotBzImage::NoHeader)?;
        if length < least {
            return Err(NotBzImage::Cut { length, least });
        }
        Ok(BzImage {
            protocol: (major, minor),
            cmdline_size,
            version: version(file),
        })
    }

    /// Is it a kernel with this loader inside? The boards' `CONFIG_LOCALVERSION` says so.
    pub fn is_loader(&self) -> bool {
        let release = self
            .version
            .as_deref()
            .and_then(|text| text.split(' ').next());
        release.is_some_and(|release| release.ends_with("-pilotlight"))
    }
}

/// How many bytes the boot sector, the setup code and the protected-mode code have together.
fn least_length(file: &[u8]) -> Option<u64> {
    let sectors = match *file.get(SETUP_SECTS)? {
        0 => OLD_SETUP_SECTS,
        sectors => sectors,
    };
    let setup = u64::from(sectors).checked_add(1)?.checked_mul(SECTOR)?;
    let system = u64::from(le32(file, SYSSIZE)?).checked_mul(PARAGRAPH)?;
    setup.checked_add(system)
}

/// The version text: `kernel_version` counts from 0x200, 0 means none.
fn version(file: &[u8]) -> Option<String> {
    let pointer = le16(file, KERNEL_VERSION).filter(|pointer| *pointer != 0)?;
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
    /// The file ends before the kernel does, both in bytes.
    Cut {
        /// How long the file is.
        length: u64,
        /// How long it has to be at least.
        least: u64,
    },
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
            NotBzImage::Cut { length, least } => write!(
                f,
                "it is cut off: it has {length} bytes of a kernel of {least}; copy it again"
            ),
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

    /// Two sectors, and 0x102 times 16 bytes.
    const LENGTH: usize = 0x400 + 0x1020;

    fn parse(file: &[u8]) -> Result<BzImage, NotBzImage> {
        BzImage::parse(file, file.len() as u64)
    }

    /// A header as a 64-bit kernel has it, with nothing behind.
    fn header() -> Vec<u8> {
        let mut file = vec![0; LENGTH];
        file[0x1f1] = 1;
        file[0x1f4..0x1f8].copy_from_slice(&[2, 1, 0, 0]);
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
        let image = parse(&header()).unwrap();
        assert_eq!(image.protocol, (2, 15));
        assert_eq!(image.cmdline_size, 2047);
        assert_eq!(image.version.as_deref(), Some("6.1.0-1-amd64 "));
    }

    #[test]
    fn each_condition_has_its_reason() {
        let with = |offset: usize, byte: u8| {
            let mut file = header();
            file[offset] = byte;
            parse(&file).unwrap_err()
        };
        assert_eq!(with(0x202, b'X'), NotBzImage::NoHeader);
        assert_eq!(with(0x1ff, 0), NotBzImage::NoHeader);
        let (major, minor) = (2, 11);
        assert_eq!(with(0x206, 11), NotBzImage::TooOld { major, minor });
        assert_eq!(with(0x211, 0), NotBzImage::ZImage);
        assert_eq!(with(0x236, 2), NotBzImage::Not64Bit);
        let cut = header();
        assert_eq!(parse(&cut[..0x23b]), Err(NotBzImage::NoHeader));
        assert_eq!(parse(b"MZ"), Err(NotBzImage::NoHeader));
    }

    #[test]
    fn all_of_it_has_to_be_there() {
        let head = &header()[..0x400];
        let least = LENGTH as u64;
        assert!(BzImage::parse(head, least).is_ok());
        // A signature behind it.
        assert!(BzImage::parse(head, least + 1480).is_ok());
        for length in [least - 1, 0x400] {
            let cut = BzImage::parse(head, length).unwrap_err();
            assert_eq!(cut, NotBzImage::Cut { length, least });
        }
        let cut = BzImage::parse(head, 0x400).unwrap_err();
        assert_eq!(
            cut.to_string(),
            "it is cut off: it has 1024 bytes of a kernel of 5152; copy it again"
        );
        // No number of sectors is four of them, and the longest size is no overflow.
        let mut file = header();
        file[0x1f1] = 0;
        let least = least + 3 * 512;
        assert!(BzImage::parse(&file, least).is_ok());
        assert!(BzImage::parse(&file, least - 1).is_err());
        file[0x1f1] = 0xff;
        file[0x1f4..0x1f8].fill(0xff);
        let least = 0x100 * 512 + u64::from(u32::MAX) * 16;
        assert!(BzImage::parse(&file, least).is_ok());
        assert!(BzImage::parse(&file, least - 1).is_err());
    }

    #[test]
    fn a_kernel_with_this_loader_says_so() {
        let mut file = header();
        assert!(!parse(&file).unwrap().is_loader());
        for (text, own) in [
            (&b"6.12.1-pilotlight (me@there) #1\0"[..], true),
            (b"6.12.1-pilotlight\0", true),
            (b"6.12.1-pilotlights\0", false),
            (b"6.12.1 (me@x-pilotlight)\0", false),
        ] {
            file[0x300..0x300 + text.len()].copy_from_slice(text);
            assert_eq!(parse(&file).unwrap().is_loader(), own);
        }
    }

    #[test]
    fn a_version_with_escapes_is_none() {
        let mut file = header();
        file[0x301] = 0x1b;
        assert_eq!(parse(&file).unwrap().version, None);
    }

    proptest! {
        #[test]
        fn damage_never_panics(flips in prop::collection::vec((0_usize..0x400, any::<u8>()), 0..40), end in 0_usize..0x400) {
            let mut file = header();
            for (at, byte) in flips {
                file[at] = byte;
            }
            let _ = parse(&file[..end]);
            let _ = parse(&file);
        }
    }
}
