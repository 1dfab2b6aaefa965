//! What Btrfs compresses: parts of files of up to 128 KiB, each by itself.

use super::lzo;
use crate::compression::{zlib, zstd};
use crate::fs::FsError;

/// How something is compressed (`BTRFS_COMPRESS_ZLIB` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Zlib,
    Lzo,
    Zstd,
}

impl Method {
    /// What the number on the disk stands for; `None` for 0, which is none.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] for what is not unpacked here.
    pub(super) fn new(compression: u8) -> Result<Option<Method>, FsError> {
        match compression {
            0 => Ok(None),
            1 => Ok(Some(Method::Zlib)),
            2 => Ok(Some(Method::Lzo)),
            3 => Ok(Some(Method::Zstd)),
            other => {
                let text = format!("compression of kind {other} in Btrfs");
                Err(FsError::Unsupported(text))
            }
        }
    }
}

/// Unpacks what became of `length` bytes. Zeros may follow the packed bytes; fewer bytes may come out.
///
/// # Errors
/// What is wrong, in words that follow "inode N".
pub(super) fn unpack(
    method: Method,
    packed: &[u8],
    length: usize,
    sector: usize,
) -> Result<Vec<u8>, &'static str> {
    // Whole sectors were packed, also where the last one is not full.
    let limit = length.checked_next_multiple_of(sector).unwrap_or(length);
    let result = match method {
        Method::Zlib => zlib(packed, limit),
        Method::Lzo => lzo::unpack(packed, limit, sector),
        Method::Zstd => zstd(packed, limit),
    };
    let mut bytes = result.map_err(|()| "has a part that can't be unpacked")?;
    bytes.truncate(length);
    Ok(bytes)
}
