//! How a section packs the sections in it (PI 1.8, volume 3, sections 3.2.5.2 and 3.2.5.7).

use super::checksum::crc32;
use super::reader::Reader;
use super::span::Span;
use super::{FirmwareError, Guid, lzma};

/// EDK II's `gLzmaCustomDecompressGuid`
const LZMA: Guid = Guid::new(
    0xee4e_5898,
    0x3914,
    0x4259,
    [0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf],
);
/// EDK II's `gLzmaF86CustomDecompressGuid`
const LZMA_F86: Guid = Guid::new(
    0xd42a_e6bd,
    0x1352,
    0x4bfb,
    [0x90, 0x9a, 0xca, 0x72, 0xa6, 0xea, 0xe8, 0x89],
);
/// EDK II's `gEfiCrc32GuidedSectionExtractionGuid`
const CRC32: Guid = Guid::new(
    0xfc1b_cdb0,
    0x7d31,
    0x49aa,
    [0x93, 0x6a, 0xa4, 0x60, 0x0d, 0x9d, 0xd0, 0x83],
);

/// How sections are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// LZMA.
    Lzma,
    /// LZMA, of bytes in which the targets of x86 calls and jumps were made absolute.
    LzmaF86,
    /// Behind a CRC-32.
    Crc32,
    /// In a way that is not known, but readable: signed, for example. It can't be made anew.
    Sealed(Guid),
}

impl Codec {
    /// The codec of a GUID-defined section. `None`: its content can't be read.
    pub(super) fn of(guid: Guid, needs_processing: bool) -> Option<Codec> {
        match guid {
            LZMA => Some(Codec::Lzma),
            LZMA_F86 => Some(Codec::LzmaF86),
            CRC32 => Some(Codec::Crc32),
            other if !needs_processing => Some(Codec::Sealed(other)),
            _ => None,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Plain => "not compressed",
            Codec::Lzma => "LZMA",
            Codec::LzmaF86 => "LZMA with x86 filter",
            Codec::Crc32 => "CRC-32",
            Codec::Sealed(_) => "sealed",
        }
    }

    /// Does what is packed stand there as it is?
    pub(super) fn keeps_bytes(self) -> bool {
        !matches!(self, Codec::Lzma | Codec::LzmaF86)
    }

    /// What `packed` holds; `extra` is what the section's header has behind its fixed fields.
    pub(super) fn unpack(
        self,
        extra: &[u8],
        packed: &Span,
        reader: &mut Reader,
    ) -> Result<Span, &'static str> {
        match self {
            Codec::Plain | Codec::Sealed(_) => Ok(packed.clone()),
            Codec::Crc32 => {
                let sum = crc32(packed.bytes()).to_le_bytes();
                let is_right = extra.get(..4) == Some(&sum[..]);
                let wrong = "the CRC-32 of a section is wrong";
                is_right.then(|| packed.clone()).ok_or(wrong)
            }
            Codec::Lzma | Codec::LzmaF86 => {
                let filtered = self == Codec::LzmaF86;
                reader.unpack(lzma::size(packed.bytes())?)?;
                lzma::unpack(packed.bytes(), filtered).map(Span::new)
            }
        }
    }

    /// Packs `content` in the way that `before` was packed, and makes `extra` right.
    pub(super) fn pack(
        self,
        extra: &mut [u8],
        before: &[u8],
        content: Vec<u8>,
    ) -> Result<Vec<u8>, FirmwareError> {
        match self {
            Codec::Plain => Ok(content),
            Codec::Sealed(guid) => Err(FirmwareError::Sealed(guid)),
            Codec::Crc32 => {
                if let Some(sum) = extra.first_chunk_mut() {
                    *sum = crc32(&content).to_le_bytes();
                }
                Ok(content)
            }
            Codec::Lzma | Codec::LzmaF86 => lzma::pack(before, self == Codec::LzmaF86, &content),
        }
    }
}
