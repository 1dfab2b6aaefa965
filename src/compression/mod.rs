//! What was packed in one piece: zlib, gzip, Zstandard, unpacked in memory.
//!
//! Whoever asks says how long it may become. Memory grows with what comes out, whatever the bytes promise.
//! Every error is the same: they were not packed so, are damaged, or become longer.

mod gzip;
mod zstd;

pub(crate) use gzip::gzip;
pub(crate) use zstd::unpack as zstd;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::disk::bytes::set_length;

/// How much memory is taken at first, in bytes; it is doubled as often as needed.
const FIRST: usize = 128 * 1024;

/// Unpacks zlib (RFC 1950), of which up to `limit` bytes are wanted: there may be more.
pub(crate) fn zlib(packed: &[u8], limit: usize) -> Result<Vec<u8>, ()> {
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
    match inflate(packed, flags, limit)? {
        (bytes, _) if bytes.len() <= limit => Ok(bytes),
        (mut bytes, _) => {
            bytes.truncate(limit);
            Ok(bytes)
        }
    }
}

/// Unpacks up to `limit` bytes, and says how many packed ones that took; `None` if there is more.
fn inflate(packed: &[u8], flags: u32, limit: usize) -> Result<(Vec<u8>, Option<usize>), ()> {
    let flags = flags | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut bytes = vec![0; limit.min(FIRST)];
    // Ten kilobytes of tables.
    let mut state = Box::new(DecompressorOxide::new());
    let (mut taken, mut done) = (0_usize, 0_usize);
    loop {
        let rest = packed.get(taken..).unwrap_or_default();
        let (status, read, written) = decompress(&mut state, rest, &mut bytes, done, flags);
        taken = taken.saturating_add(read);
        done = done.saturating_add(written);
        let ends = match status {
            TINFLStatus::Done => Some(taken),
            TINFLStatus::HasMoreOutput if bytes.len() < limit => {
                let longer = limit.min(bytes.len().saturating_mul(2));
                set_length(&mut bytes, longer);
                continue;
            }
            TINFLStatus::HasMoreOutput => None,
            _ => return Err(()),
        };
        bytes.truncate(done);
        return Ok((bytes, ends));
    }
}
