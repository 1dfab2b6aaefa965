//! Directories: `Documentation/filesystems/ext4/directory.rst` of Linux.
//!
//! They are read from begin to end. To such a reader the blocks of an index look like unused entries.

use std::ops::ControlFlow;

use super::content::Content;
use super::features::{DIR_INDEX, FILETYPE};
use super::inode::{I_BLOCK_LENGTH, Inode};
use super::medium::Medium;
use crate::disk::bytes::{le16, le32, set_length};
use crate::fs::{FileKind, FsError, MAX_DIRECTORY_ENTRIES};

/// Length of an entry without its name, and of the shortest with one.
const HEAD: usize = 8;
const SHORTEST: usize = 12;

/// No name is longer (`EXT4_NAME_LEN`).
const MAX_NAME: usize = 255;

/// Blocks in sequence are read together up to this many bytes.
const PIECE: u64 = 64 * 1024;

/// The largest block; a length of 16 bits is written in another way there.
const LARGEST_BLOCK: usize = 65_536;

/// Length of the entry that holds the checksum of a block, and its `det_reserved_ft`.
const TAIL: usize = 12;
const TAIL_KIND: u8 = 0xde;

/// One name.
pub(super) struct Entry<'a> {
    pub(super) inode: u32,
    /// `None` where only the inode knows.
    pub(super) kind: Option<FileKind>,
    pub(super) name: &'a [u8],
}

type Visit<'v> = dyn FnMut(Entry<'_>) -> ControlFlow<()> + 'v;

/// The inode that `name` stands for.
///
/// # Errors
/// What [`scan`] says.
pub(super) fn find(
    medium: &Medium,
    directory: &Inode,
    name: &[u8],
) -> Result<Option<u32>, FsError> {
    if name.len() > MAX_NAME {
        return Ok(None);
    }
    let folded = folded(name).filter(|_| directory.folds_case());
    let (mut exact, mut similar) = (None, None);
    scan(medium, directory, &mut |entry| {
        if entry.name == name {
            exact = Some(entry.inode);
            return ControlFlow::Break(());
        }
        if folded.is_some() && similar.is_none() && self::folded(entry.name) == folded {
            similar = Some(entry.inode);
        }
        ControlFlow::Continue(())
    })?;
    Ok(exact.or(similar))
}

/// A name as it is compared without case. The kernel also normalises what can be written in several
/// ways, which names of boot files can't.
fn folded(name: &[u8]) -> Option<String> {
    std::str::from_utf8(name).ok().map(str::to_lowercase)
}

/// Shows all entries but `.` and `..` to `visit`, until it has seen enough.
///
/// # Errors
/// [`FsError::Corrupt`] for entries that don't fit their block and for wrong checksums,
/// [`FsError::TooLarge`] above [`MAX_DIRECTORY_ENTRIES`], [`FsError::Unsupported`] when the names are
/// encrypted.
pub(super) fn scan(
    medium: &Medium,
    directory: &Inode,
    visit: &mut Visit<'_>,
) -> Result<(), FsError> {
    let mut scan = Scan {
        directory,
        has_kinds: medium.superblock.has(FILETYPE),
        left: MAX_DIRECTORY_ENTRIES,
        visit,
    };
    let mut content = Content::new(medium, directory.clone())?;
    if let Some(inline) = content.inline() {
        // The number of the directory above, entries, and behind `i_block` more entries.
        let (first, second) = inline.split_at_checked(I_BLOCK_LENGTH).unwrap_or_default();
        if scan
            .block(first.get(4..).unwrap_or_default())?
            .is_continue()
        {
            let _ = scan.block(second)?;
        }
        return Ok(());
    }
    let block_size = medium.superblock.block_size;
    let in_piece = PIECE.checked_div(block_size).unwrap_or(1).max(1);
    let blocks = content.size().div_ceil(block_size);
    let length = usize::try_from(block_size).unwrap_or_default();
    let mut piece = Vec::new();
    let mut logical = 0_u64;
    // Each turn goes forward and costs a read or is one of the runs of a leaf, which did.
    while logical < blocks {
        let found = content.find(logical)?;
        let Some(physical) = found.physical else {
            logical = logical.saturating_add(found.length);
            continue;
        };
        let left = blocks.saturating_sub(logical);
        let count = found.length.min(left).min(in_piece);
        let bytes = usize::try_from(count)
            .unwrap_or_default()
            .saturating_mul(length);
        set_length(&mut piece, bytes);
        medium.metadata(medium.place(physical, count)?, &mut piece)?;
        for (number, block) in (logical..).zip(piece.chunks_exact(length)) {
            if medium.superblock.has_checksums() {
                let indexed = medium.superblock.compat & DIR_INDEX != 0 && directory.has_index();
                check(directory, number, indexed, block)?;
            }
            if scan.block(block)?.is_break() {
                return Ok(());
            }
        }
        logical = logical.saturating_add(count);
    }
    Ok(())
}

struct Scan<'s, 'v> {
    directory: &'s Inode,
    has_kinds: bool,
    /// How many entries there may be from here on.
    left: usize,
    visit: &'s mut Visit<'v>,
}

impl Scan<'_, '_> {
    /// The entries of a block, or of a part of an inode.
    fn block(&mut self, block: &[u8]) -> Result<ControlFlow<()>, FsError> {
        let mut rest = block;
        while let Some(head) = rest.first_chunk::<HEAD>() {
            let &[.., name_length, kind] = head;
            let length = record_length(head, block.len());
            let name = rest.get(HEAD..HEAD.saturating_add(name_length.into()));
            let record = rest.split_at_checked(length).filter(|(record, _)| {
                let used = HEAD.saturating_add(name_length.into());
                record.len() >= SHORTEST.max(used) && record.len().is_multiple_of(4)
            });
            let (Some((_, after)), Some(name)) = (record, name) else {
                return Err(self
                    .directory
                    .damaged("has entries that do not fit their block"));
            };
            rest = after;
            let inode = le32(head, 0).unwrap_or_default();
            if inode == 0 || matches!(name, b"." | b"..") {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or_else(|| {
                FsError::TooLarge(format!(
                    "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
                ))
            })?;
            let kind = if self.has_kinds {
                self::kind(kind)
            } else {
                None
            };
            let flow = (self.visit)(Entry { inode, kind, name });
            if flow.is_break() {
                return Ok(flow);
            }
        }
        match rest {
            [] => Ok(ControlFlow::Continue(())),
            _ => Err(self
                .directory
                .damaged("has entries that do not fit their block")),
        }
    }
}

/// `rec_len` in a block of `block` bytes: with blocks of 64 KiB the lowest two bits, which are never
/// needed, stand for the highest.
fn record_length(head: &[u8; HEAD], block: usize) -> usize {
    let stored = usize::from(le16(head, 4).unwrap_or_default());
    match (block, stored) {
        (LARGEST_BLOCK, 0 | 0xffff) => LARGEST_BLOCK,
        (LARGEST_BLOCK, stored) => stored & !3 | (stored & 3) << 16,
        (_, stored) => stored,
    }
}

fn kind(file_type: u8) -> Option<FileKind> {
    match file_type {
        0 => None,
        1 => Some(FileKind::File),
        2 => Some(FileKind::Directory),
        7 => Some(FileKind::Symlink),
        _ => Some(FileKind::Other),
    }
}

/// Compares the checksum of a block with what it holds.
fn check(directory: &Inode, number: u64, indexed: bool, block: &[u8]) -> Result<(), FsError> {
    let head = block.first_chunk().unwrap_or(&[0; HEAD]);
    // The first block of an index, and others that look like one unused entry.
    let of_index = number == 0 || record_length(head, block.len()) == block.len();
    let right = match indexed && of_index {
        true => is_whole_index(directory, block),
        false => is_whole_leaf(directory, block),
    };
    match right {
        Some(true) => Ok(()),
        _ => Err(directory.damaged(&format!("has a wrong checksum in directory block {number}"))),
    }
}

/// The checksum of entries is at the end, in what looks like an unused entry.
fn is_whole_leaf(directory: &Inode, block: &[u8]) -> Option<bool> {
    let (covered, tail) = block.split_at_checked(block.len().checked_sub(TAIL)?)?;
    let mark = [0, 0, 0, 0, 12, 0, 0, TAIL_KIND];
    Some(tail.starts_with(&mark) && le32(tail, HEAD)? == directory.seed.and(covered).0)
}

/// The checksum of an index is behind the last place that it has for a hash.
fn is_whole_index(directory: &Inode, block: &[u8]) -> Option<bool> {
    // Behind an unused entry, or behind `.`, `..` and what describes the index.
    let at: usize = if le16(block, 4)? == 12 { 32 } else { 8 };
    let (limit, count) = (le16(block, at)?, le16(block, at.checked_add(2)?)?);
    let behind = |entries: u16| at.checked_add(usize::from(entries).checked_mul(8)?);
    let tail = block.get(behind(limit)?..)?;
    let sum = directory.seed.and(block.get(..behind(count)?)?);
    let sum = sum.and_around::<4>(tail.get(..8)?, 4);
    Some(le32(tail, 4)? == sum.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(inode: u32, length: u16, name: &[u8]) -> Vec<u8> {
        let mut entry = inode.to_le_bytes().to_vec();
        entry.extend(length.to_le_bytes());
        entry.extend([u8::try_from(name.len()).unwrap(), 1]);
        entry.extend(name);
        entry.resize(entry.len().max(length.into()), 0);
        entry
    }

    fn names(block: &[u8]) -> Result<Vec<String>, FsError> {
        let mut names = Vec::new();
        let mut scan = Scan {
            directory: &Inode::of_bytes(vec![0; 128]),
            has_kinds: true,
            left: 3,
            visit: &mut |entry: Entry<'_>| {
                names.push(String::from_utf8_lossy(entry.name).into_owned());
                ControlFlow::Continue(())
            },
        };
        let _ = scan.block(block)?;
        Ok(names)
    }

    #[test]
    fn entries_in_use() {
        let block = [
            entry(2, 12, b"."),
            entry(2, 12, b".."),
            entry(12, 16, b"vmlinuz"),
            entry(0, 12, b"gone"),
            entry(13, 40, b"boot"),
        ];
        assert_eq!(names(&block.concat()).unwrap(), ["vmlinuz", "boot"]);
        assert!(names(&[]).unwrap().is_empty());
    }

    #[test]
    fn entries_that_do_not_fit() {
        for block in [
            entry(12, 0, b"boot"),
            entry(12, 8, b""),
            entry(12, 16, b"longer than its entry"),
            entry(12, 13, b"boot"),
            entry(12, 12, b"boot")[..11].to_vec(),
            [entry(12, 12, b"boot"), vec![0; 3]].concat(),
        ] {
            assert!(
                matches!(names(&block), Err(FsError::Corrupt(_))),
                "{block:?}"
            );
        }
        let four = entry(12, 12, b"\xff").repeat(4);
        assert!(matches!(names(&four), Err(FsError::TooLarge(_))));
    }

    #[test]
    fn lengths_in_blocks_of_64_kibibytes() {
        let head = |stored: u16| *entry(1, stored, b"").first_chunk().unwrap();
        for (stored, length) in [(0, 65_536), (0xffff, 65_536), (12, 12), (0xfff5, 0x1_fff4)] {
            assert_eq!(record_length(&head(stored), LARGEST_BLOCK), length);
        }
        assert_eq!(record_length(&head(0), 4096), 0);
    }
}
