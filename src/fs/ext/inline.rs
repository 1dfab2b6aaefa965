//! Data in an inode behind its fields: `Documentation/filesystems/ext4/attributes.rst` and
//! `inlinedata.rst` of Linux. What does not fit `i_block` is the extended attribute `system.data`.

use crate::disk::bytes::{le16, le32};

const MAGIC: u32 = 0xea02_0000;

/// Length of an entry without its name.
const ENTRY: usize = 16;

/// `e_name_index` and name of `system.data`.
const SYSTEM: u8 = 7;
const NAME: &[u8] = b"data";

/// The value of `system.data` in the bytes of an inode behind its fields.
///
/// # Errors
/// What is wrong, in words that follow "inode N".
pub(super) fn value(extra: &[u8]) -> Result<&[u8], &'static str> {
    let attributes = match le32(extra, 0) {
        Some(MAGIC) => extra.get(4..).unwrap_or_default(),
        _ => return Err("has inline data and no attribute for it"),
    };
    // Each entry is a part of what is left, so this ends.
    let mut rest = attributes;
    while let Some((entry, after)) = rest.split_at_checked(ENTRY) {
        // Four zeros end the list.
        if le32(entry, 0) == Some(0) {
            break;
        }
        let &[length, index, ..] = entry else { break };
        let length = usize::from(length);
        let name = after
            .get(..length)
            .ok_or("has an attribute without an end")?;
        if index == SYSTEM && name == NAME {
            let field = |at| le32(entry, at).unwrap_or(u32::MAX);
            if field(4) != 0 {
                return Err("has its inline data in another inode");
            }
            let offset = usize::from(le16(entry, 2).unwrap_or(u16::MAX));
            let size = usize::try_from(field(8)).unwrap_or(usize::MAX);
            let value = match size {
                0 => Some(&[][..]),
                size => attributes.get(offset..).and_then(|value| value.get(..size)),
            };
            return value.ok_or("has inline data that leaves it");
        }
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Err("has inline data and no attribute for it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of an inode of 256 bytes: one before, then the one that is meant.
    fn attributes(offset: u16, size: u32, inode: u32) -> Vec<u8> {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend([7, 6, 60, 0]);
        bytes.extend([0; 12]);
        bytes.extend(b"selinux\0");
        bytes.extend([4, SYSTEM]);
        bytes.extend(offset.to_le_bytes());
        bytes.extend(inode.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(NAME);
        bytes.resize(96, 0);
        bytes[4 + 80..4 + 85].copy_from_slice(b"value");
        bytes
    }

    #[test]
    fn finds_its_value_behind_others() {
        assert_eq!(value(&attributes(80, 5, 0)), Ok(&b"value"[..]));
        assert_eq!(value(&attributes(0, 0, 0)), Ok(&b""[..]));
    }

    #[test]
    fn lies_are_found() {
        assert!(value(&attributes(90, 5, 0)).is_err());
        assert!(value(&attributes(80, u32::MAX, 0)).is_err());
        assert!(value(&attributes(u16::MAX, 1, 0)).is_err());
        assert!(value(&attributes(80, 5, 3)).is_err());
        assert!(value(&[]).is_err());
        let whole = attributes(80, 5, 0);
        for end in 0..whole.len() {
            let _ = value(&whole[..end]);
        }
        let mut endless = MAGIC.to_le_bytes().to_vec();
        endless.extend([1; 1000]);
        assert!(value(&endless).is_err());
    }
}
