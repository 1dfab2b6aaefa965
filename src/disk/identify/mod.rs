//! What a volume carries, told from its bytes as `blkid` tells it.
//!
//! Each format is a function from a [`Probe`] to a [`Content`], or nothing. They are asked in the order
//! of libblkid: containers first, since a filesystem may show through them.

mod btrfs;
mod ext;
mod fat;
mod iso9660;
mod luks;
mod lvm;
mod md;
mod swap;
mod xfs;

use std::io;

use super::{Content, Format, Source};

/// Looks at a volume; the empty [`Content`] means that nothing was recognised.
///
/// # Errors
/// The medium could not be read where a structure should be.
pub(super) fn identify(source: &Source) -> io::Result<Content> {
    let probe = Probe(source);
    let formats = [
        md::probe,
        lvm::probe,
        luks::probe,
        swap::probe,
        xfs::probe,
        ext::probe,
        iso9660::probe,
        btrfs::probe,
        fat::probe,
    ];
    for format in formats {
        if let Some(content) = format(&probe)? {
            return Ok(content);
        }
    }
    Ok(Content::default())
}

/// A volume that is looked at in small pieces.
struct Probe<'a>(&'a Source);

/// What a format's function says.
type Probed = io::Result<Option<Content>>;

impl Probe<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    /// `N` bytes from `offset`, or `None` where the volume ends before.
    fn bytes<const N: usize>(&self, offset: u64) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        match self.0.read_exact_at(offset, &mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Numbers in a structure, by offset; 0 behind its end.
trait Fields {
    fn u8(&self, offset: usize) -> u8;
    fn u16(&self, offset: usize) -> u16;
    fn u32(&self, offset: usize) -> u32;
    fn u64(&self, offset: usize) -> u64;
    /// Some bytes; none behind its end.
    fn range(&self, offset: usize, length: usize) -> &[u8];
}

impl<const N: usize> Fields for [u8; N] {
    fn u8(&self, offset: usize) -> u8 {
        self.get(offset).copied().unwrap_or_default()
    }

    fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes(array(self.range(offset, 2)))
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(array(self.range(offset, 4)))
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(array(self.range(offset, 8)))
    }

    fn range(&self, offset: usize, length: usize) -> &[u8] {
        let end = offset.saturating_add(length);
        self.get(offset..end).unwrap_or_default()
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// A UUID in the usual spelling; none if all bytes are zero.
fn uuid(bytes: &[u8]) -> Option<String> {
    if bytes.len() != 16 || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

/// A text that ends at its first NUL, without white space at its end; none if nothing is left.
fn text(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    Some(
        text.trim_end_matches(|c: char| c.is_ascii_whitespace())
            .to_owned(),
    )
    .filter(|text| !text.is_empty())
}

fn content(format: Format, uuid: Option<String>, label: Option<String>) -> Content {
    Content {
        format: Some(format),
        uuid,
        label,
    }
}
