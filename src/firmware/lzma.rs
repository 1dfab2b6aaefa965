//! LZMA as EDK II's `LzmaCustomDecompressLib` reads it: the header of `.lzma` files with its size, and no end marker.

use std::io::{self, Read, Write};

use lzma_rust2::filter::bcj::{BcjReader, BcjWriter};
use lzma_rust2::{EncodeMode, LzmaOptions, LzmaReader, LzmaWriter, MfType};

use super::FirmwareError;
use super::span::Span;

/// Properties, size of the dictionary, size of the content.
const HEADER: usize = 13;
/// What the dictionary of a new stream may have: more would take the packer ten times as much memory.
const DICTIONARY: std::ops::RangeInclusive<u32> = 1 << 16..=1 << 26;

/// How many earlier places a match is looked for at: as `xz -9e` does.
const DEPTH: i32 = 512;

/// The fields of a header.
#[derive(Clone, Copy)]
struct Header {
    properties: u8,
    dictionary: u32,
    size: u64,
}

impl Header {
    fn read(packed: &[u8]) -> Option<Header> {
        let span = Span::new(packed.get(..HEADER)?.to_vec());
        Some(Header {
            properties: span.u8(0)?,
            dictionary: span.u32(1)?,
            size: span.u64(5)?,
        })
    }

    /// The numbers of bits that the properties are made of: context, position of literals, position.
    fn bits(self) -> (u32, u32, u32) {
        let properties = u32::from(self.properties);
        (properties % 9, properties / 9 % 5, properties / 45)
    }
}

const DAMAGED: &str = "a section's LZMA stream is damaged";

/// How many bytes `packed` says that it holds, before any of them is unpacked.
pub(super) fn size(packed: &[u8]) -> Result<usize, &'static str> {
    // The longest match has 273 bytes and is said by 14 decisions. The likeliest decision costs no less than 0.022
    // bits, for a probability goes to 2017 of 2048 at most: that makes 7089 bytes of one.
    const MOST: usize = 8192;
    let header = Header::read(packed).ok_or(DAMAGED)?;
    let size = usize::try_from(header.size).map_err(|_| DAMAGED)?;
    let is_possible = size <= packed.len().saturating_mul(MOST);
    is_possible.then_some(size).ok_or(DAMAGED)
}

/// What `packed` holds: as much as it says.
pub(super) fn unpack(packed: &[u8], filtered: bool) -> Result<Vec<u8>, &'static str> {
    let header = Header::read(packed).ok_or(DAMAGED)?;
    let size = usize::try_from(header.size).map_err(|_| DAMAGED)?;
    let stream = packed.get(HEADER..).unwrap_or_default();
    // What is larger than the content is never used, and EDK II takes any.
    let dictionary = header
        .dictionary
        .min(u32::try_from(size).map_err(|_| DAMAGED)?);
    let properties = header.properties;
    let reader = LzmaReader::new_with_props(stream, header.size, properties, dictionary, None);
    let reader = reader.map_err(|_| DAMAGED)?;
    let mut content = Vec::new();
    let result = if filtered {
        BcjReader::new_x86(reader, 0)
            .take(header.size)
            .read_to_end(&mut content)
    } else {
        reader.take(header.size).read_to_end(&mut content)
    };
    match result {
        Ok(length) if length == size => Ok(content),
        _ => Err(DAMAGED),
    }
}

/// Packs `content` with the properties and the dictionary of what was there `before`, as well as it goes.
pub(super) fn pack(
    before: &[u8],
    filtered: bool,
    content: &[u8],
) -> Result<Vec<u8>, FirmwareError> {
    let failed = |error: io::Error| FirmwareError::Packing(error.to_string());
    let header = Header::read(before);
    let header = header.ok_or_else(|| FirmwareError::Packing("there is no header".to_owned()))?;
    let (lc, lp, pb) = header.bits();
    let dictionary = header
        .dictionary
        .clamp(*DICTIONARY.start(), *DICTIONARY.end());
    let options = LzmaOptions::new(
        dictionary,
        lc,
        lp,
        pb,
        EncodeMode::Normal,
        LzmaOptions::NICE_LEN_MAX,
        MfType::Bt4,
        DEPTH,
    );
    let size = u64::try_from(content.len()).ok();
    let writer = LzmaWriter::new_use_header(Vec::new(), &options, size).map_err(failed)?;
    let packed = if filtered {
        let mut filter = BcjWriter::new_x86(writer, 0);
        filter.write_all(content).map_err(failed)?;
        filter.finish().map_err(failed)?.finish()
    } else {
        let mut writer = writer;
        writer.write_all(content).map_err(failed)?;
        writer.finish()
    };
    let packed = packed.map_err(failed)?;
    // The firmware can't be asked afterwards.
    match unpack(&packed, filtered) {
        Ok(again) if again == content => Ok(packed),
        Ok(_) => Err(FirmwareError::Packing("other bytes come out".to_owned())),
        Err(why) => Err(FirmwareError::Packing(why.to_owned())),
    }
}
