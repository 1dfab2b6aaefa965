//! [`Kernel`]: whether a file can be started, and how.

use std::fmt;

use super::{BzImage, CommandLine, CommandLineError, NotBzImage, Zboot, ZbootError};

/// A kernel that can be started, as far as its first bytes and its length tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// As it is.
    Plain(BzImage),
    /// After it was unpacked: what is in it is not known before.
    Packed(Zboot),
}

impl Kernel {
    /// How many bytes from the start of the file decide; less is enough if the file ends there.
    pub const HEAD: usize = 4096;

    /// Looks at the first bytes of a file of so many bytes. Listing and booting both ask here, so that what is
    /// listed as bootable is not refused afterwards.
    ///
    /// # Errors
    /// [`NotStartable`].
    pub fn examine(head: &[u8], length: u64) -> Result<Kernel, NotStartable> {
        match Zboot::parse(head, length) {
            Some(Ok(zboot)) => Ok(Kernel::Packed(zboot)),
            Some(Err(reason)) => Err(NotStartable::Packed(reason)),
            None => match BzImage::parse(head, length) {
                Ok(image) => Ok(Kernel::Plain(image)),
                Err(reason) => Err(NotStartable::Plain(reason)),
            },
        }
    }

    /// Would it take this command line? Of a packed one that is not known yet.
    ///
    /// # Errors
    /// As [`CommandLine::new`].
    pub fn takes(&self, cmdline: &str) -> Result<(), CommandLineError> {
        match self {
            Kernel::Plain(image) => CommandLine::new(cmdline, image.cmdline_size).map(|_| ()),
            Kernel::Packed(_) => Ok(()),
        }
    }
}

/// Why a file can't be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStartable {
    /// It is no kernel, or one that is not started here.
    Plain(NotBzImage),
    /// It would unpack itself, and can't be unpacked.
    Packed(ZbootError),
}

impl fmt::Display for NotStartable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStartable::Plain(reason) => reason.fmt(f),
            NotStartable::Packed(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for NotStartable {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kexec::{least_kernel, zboot};

    #[test]
    fn how_files_are_started() {
        let kernel = least_kernel();
        let length = kernel.len() as u64;
        let plain = Kernel::examine(&kernel, length).unwrap();
        assert_eq!(plain.takes(&"a".repeat(2016)), Ok(()));
        let too_long = CommandLineError::TooLong {
            length: 2017,
            limit: 2016,
        };
        assert_eq!(plain.takes(&"a".repeat(2017)), Err(too_long));

        let packed = zboot("gzip", b"packed");
        let found = Kernel::examine(&packed, packed.len() as u64).unwrap();
        assert!(matches!(found, Kernel::Packed(_)));
        assert_eq!(found.takes(&"a".repeat(2017)), Ok(()));
        let cut = Kernel::examine(&packed, packed.len() as u64 - 1).unwrap_err();
        let (length, least) = (0x85, 0x86);
        let reason = ZbootError::Cut { length, least };
        assert_eq!(cut, NotStartable::Packed(reason));

        for other in [&b""[..], b"hello\n"] {
            let reason = Kernel::examine(other, other.len() as u64).unwrap_err();
            assert_eq!(reason, NotStartable::Plain(NotBzImage::NoHeader));
        }
    }

    /// Where the rest of the head lies makes no difference to what decides.
    #[test]
    fn the_head_is_enough() {
        let mut kernel = least_kernel();
        kernel.resize(Kernel::HEAD * 3, 0);
        let length = kernel.len() as u64;
        let whole = Kernel::examine(&kernel, length);
        assert_eq!(Kernel::examine(&kernel[..Kernel::HEAD], length), whole);
        assert!(whole.is_ok());
        // The header of an EFI program beyond it is not looked for.
        let mut packed = zboot("gzip", b"");
        let header = packed.split_off(0x40);
        packed[0x3c..0x40].copy_from_slice(&(Kernel::HEAD as u32).to_le_bytes());
        packed.resize(Kernel::HEAD, 0);
        packed.extend(header);
        let length = packed.len() as u64;
        let whole = Kernel::examine(&packed, length);
        assert_eq!(whole, Err(NotStartable::Packed(ZbootError::Header)));
    }
}
