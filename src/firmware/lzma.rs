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

/// What `packed` holds, of which there may be no more than `room` bytes.
pub(super) fn unpack(packed: &[u8], filtered: bool, room: usize) -> Result<Vec<u8>, &'static str> {
    const DAMAGED: &str = "a section's LZMA stream is damaged";
    let header = Header::read(packed).ok_or(DAMAGED)?;
    let size = usize::try_from(header.size).map_err(|_| DAMAGED)?;
    // 273 bytes for each bit is the most that LZMA makes of anything.
    let most = packed.len().saturating_mul(8 * 273);
    if size > room || size > most {
        return Err("a section's LZMA stream is too large");
    }
    let stream = packed.get(HEADER..).unwrap_or_default();
    let Header {
        properties,
        dictionary,
        ..
    } = header;
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
    match unpack(&packed, filtered, content.len()) {
        Ok(again) if again == content => Ok(packed),
        Ok(_) => Err(FirmwareError::Packing("other bytes come out".to_owned())),
        Err(why) => Err(FirmwareError::Packing(why.to_owned())),
    }
}
