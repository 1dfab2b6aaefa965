//! Directories: `fs/xfs/libxfs/xfs_da_format.h` of Linux.
//!
//! They are read from begin to end: the index by hashes, which lies behind the entries, is not needed.

use std::ops::ControlFlow;

use super::content::Content;
use super::inode::{Format, Inode};
use super::medium::{Medium, Seal};
use crate::disk::bytes::{array, be16, be32, be64, set_length};
use crate::fs::{FileKind, FsError, MAX_DIRECTORY_ENTRIES};

/// Entries end here, in bytes; behind it is the index (`XFS_DIR2_LEAF_OFFSET`).
const SPACE: u64 = 1 << 35;

/// What is before the entries of a block, by version.
const HEAD_V4: usize = 16;
const HEAD_V5: usize = 64;

/// What a block ends with that has its index in itself: entries of the index, and how many.
const TAIL: usize = 8;
const INDEX_ENTRY: usize = 8;

/// The number where an entry would have that of its inode: nobody is here (`XFS_DIR2_DATA_FREE_TAG`).
const FREE: u16 = 0xffff;

/// Blocks in sequence are read together up to this many bytes.
const PIECE: u64 = 64 * 1024;

const SEAL: Seal = Seal {
    checksum: 4,
    uuid: 24,
    owner: 40,
};

/// One name.
pub(super) struct Entry<'a> {
    pub(super) inode: u64,
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
) -> Result<Option<u64>, FsError> {
    let folds_case = medium.superblock.folds_case;
    let (mut exact, mut similar) = (None, None);
    scan(medium, directory, &mut |entry| {
        if entry.name == name {
            exact = Some(entry.inode);
            return ControlFlow::Break(());
        }
        if folds_case && similar.is_none() && entry.name.eq_ignore_ascii_case(name) {
            similar = Some(entry.inode);
        }
        ControlFlow::Continue(())
    })?;
    Ok(exact.or(similar))
}

/// Shows all entries but `.` and `..` to `visit`, until it has seen enough.
///
/// # Errors
/// [`FsError::Corrupt`] for entries that don't fit their place and for wrong checksums,
/// [`FsError::TooLarge`] above [`MAX_DIRECTORY_ENTRIES`].
pub(super) fn scan(
    medium: &Medium,
    directory: &Inode,
    visit: &mut Visit<'_>,
) -> Result<(), FsError> {
    let mut scan = Scan {
        directory,
        has_kinds: medium.superblock.has_kinds,
        left: MAX_DIRECTORY_ENTRIES,
        visit,
    };
    if directory.format == Format::Local {
        return scan.short(directory.fork()).map(drop);
    }
    let block_size = medium.superblock.block_size;
    let directory_block = medium.superblock.directory_block;
    // A power of two times a block: both were checked.
    let step = directory_block.checked_div(block_size).unwrap_or(1);
    let blocks = directory.size.min(SPACE).div_ceil(block_size);
    let length = usize::try_from(directory_block).unwrap_or_default();
    let mut content = Content::new(medium, directory.clone())?;
    let mut piece = Vec::new();
    let mut logical = 0_u64;
    // Each turn goes forward and costs a read or is one of the runs of a leaf, which did.
    while logical < blocks {
        let found = content.find(logical)?;
        if found.physical.is_none() {
            let next = logical.saturating_add(found.length);
            logical = next.checked_next_multiple_of(step).unwrap_or(blocks);
            continue;
        }
        // A block of the directory may be in several places; then it is read by itself.
        let most = PIECE.checked_div(block_size).unwrap_or(1);
        let left = blocks.saturating_sub(logical);
        let count = found.length.min(left).min(most).max(step);
        let count = count.checked_div(step).unwrap_or(1).saturating_mul(step);
        let bytes = count.saturating_mul(block_size);
        set_length(&mut piece, usize::try_from(bytes).unwrap_or_default());
        content.metadata(logical.saturating_mul(block_size), &mut piece)?;
        for block in piece.chunks_exact(length) {
            let entries = scan.entries(medium, block)?;
            if scan.block(entries)?.is_break() {
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
    /// The part of a block where entries are.
    fn entries<'b>(&self, medium: &Medium, block: &'b [u8]) -> Result<&'b [u8], FsError> {
        let (head, alone, several) = match medium.superblock.is_v5 {
            true => (HEAD_V5, b"XDB3", b"XDD3"),
            false => (HEAD_V4, b"XD2B", b"XD2D"),
        };
        let with_index = match array(block, 0) {
            Some(magic) if magic == *alone => true,
            Some(magic) if magic == *several => false,
            _ => {
                return Err(self
                    .directory
                    .damaged("has a block that is none of entries"));
            }
        };
        if !medium.is_whole(block, &SEAL, self.directory.number) {
            let text = "has a block with a wrong checksum or owner";
            return Err(self.directory.damaged(text));
        }
        let tail = match with_index {
            true => {
                let count = block.len().checked_sub(TAIL).and_then(|at| be32(block, at));
                let count = usize::try_from(count.unwrap_or_default()).unwrap_or(usize::MAX);
                count.saturating_mul(INDEX_ENTRY).saturating_add(TAIL)
            }
            false => 0,
        };
        let end = block.len().checked_sub(tail);
        let entries = end.and_then(|end| block.get(head..end));
        entries.ok_or_else(|| self.does_not_fit())
    }

    /// The entries of a block, each as long as a multiple of 8 bytes.
    fn block(&mut self, entries: &[u8]) -> Result<ControlFlow<()>, FsError> {
        let kind = usize::from(self.has_kinds);
        let mut rest = entries;
        while !rest.is_empty() {
            if be16(rest, 0) == Some(FREE) {
                let length = usize::from(be16(rest, 2).unwrap_or_default());
                let after = rest.get(length..).filter(|_| length >= 8);
                rest = after.ok_or_else(|| self.does_not_fit())?;
                continue;
            }
            let name_length = usize::from(rest.get(8).copied().unwrap_or_default());
            // The number of the inode, the length of the name, the name, its kind, and where it is.
            let name_end = name_length.saturating_add(9);
            let length = name_end.saturating_add(kind).saturating_add(2);
            let length = length.next_multiple_of(8);
            let entry = rest.split_at_checked(length).filter(|_| name_length > 0);
            let (entry, after) = entry.ok_or_else(|| self.does_not_fit())?;
            rest = after;
            let flow = self.show(Entry {
                inode: be64(entry, 0).unwrap_or_default(),
                kind: self.kind(entry.get(name_end)),
                name: entry.get(9..name_end).unwrap_or_default(),
            })?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The entries of a directory that is in its inode (`struct xfs_dir2_sf_hdr`).
    fn short(&mut self, fork: &[u8]) -> Result<ControlFlow<()>, FsError> {
        let count = fork.first().copied().unwrap_or_default();
        // Where one number needs 8 bytes, all have them.
        let number = match fork.get(1).copied().unwrap_or_default() {
            0 => 4_usize,
            _ => 8,
        };
        let kind = usize::from(self.has_kinds);
        let mut rest = fork.get(number.saturating_add(2)..).unwrap_or_default();
        for _ in 0..count {
            // The length of the name, where the entry would be in a block, the name, kind and inode.
            let name_length = usize::from(rest.first().copied().unwrap_or_default());
            let name_end = name_length.saturating_add(3);
            let number_at = name_end.saturating_add(kind);
            let length = number_at.saturating_add(number);
            let entry = rest.split_at_checked(length).filter(|_| name_length > 0);
            let (entry, after) = entry.ok_or_else(|| self.does_not_fit())?;
            rest = after;
            let inode = match number {
                4 => be32(entry, number_at).map(u64::from),
                _ => be64(entry, number_at),
            };
            let flow = self.show(Entry {
                inode: inode.unwrap_or_default(),
                kind: self.kind(entry.get(name_end)),
                name: entry.get(3..name_end).unwrap_or_default(),
            })?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn show(&mut self, entry: Entry<'_>) -> Result<ControlFlow<()>, FsError> {
        if matches!(entry.name, b"." | b"..") {
            return Ok(ControlFlow::Continue(()));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            FsError::TooLarge(format!(
                "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
            ))
        })?;
        Ok((self.visit)(entry))
    }

    /// What the byte behind a name says (`XFS_DIR3_FT_REG_FILE` and so on).
    fn kind(&self, ftype: Option<&u8>) -> Option<FileKind> {
        match ftype.filter(|_| self.has_kinds)? {
            0 => None,
            1 => Some(FileKind::File),
            2 => Some(FileKind::Directory),
            7 => Some(FileKind::Symlink),
            _ => Some(FileKind::Other),
        }
    }

    fn does_not_fit(&self) -> FsError {
        self.directory
            .damaged("has entries that do not fit their place")
    }
}

#[cfg(test)]
mod tests {
    use super::super::inode::tests::directory;
    use super::*;

    /// An entry of a block, with its kind.
    fn entry(inode: u8, name: &[u8], kind: u8) -> Vec<u8> {
        let mut entry = vec![0; 7];
        entry.extend([inode, name.len() as u8]);
        entry.extend(name);
        entry.push(kind);
        entry.resize((entry.len() + 2).next_multiple_of(8), 0);
        entry
    }

    fn names(bytes: &[u8], short: bool) -> Result<Vec<(u64, String)>, FsError> {
        let mut names = Vec::new();
        let mut scan = Scan {
            directory: &directory(),
            has_kinds: true,
            left: 3,
            visit: &mut |entry: Entry<'_>| {
                let name = String::from_utf8_lossy(entry.name).into_owned();
                names.push((entry.inode, name));
                ControlFlow::Continue(())
            },
        };
        let _ = match short {
            true => scan.short(bytes)?,
            false => scan.block(bytes)?,
        };
        Ok(names)
    }

    fn pairs(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(inode, name)| (*inode, (*name).to_owned()))
            .collect()
    }

    #[test]
    fn entries_of_a_block() {
        let free = [0xff, 0xff, 0, 16, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9];
        let block = [
            entry(1, b".", 2),
            entry(1, b"..", 2),
            entry(7, b"vmlinuz", 1),
            free.to_vec(),
            entry(8, b"boot", 2),
        ];
        let found = names(&block.concat(), false).unwrap();
        assert_eq!(found, pairs(&[(7, "vmlinuz"), (8, "boot")]));
        assert!(names(&[], false).unwrap().is_empty());
    }

    #[test]
    fn entries_of_an_inode() {
        let mut fork = vec![2, 0, 0, 0, 0, 1];
        fork.extend(b"\x04\0\x60boot\x02\0\0\0\x07");
        fork.extend(b"\x01\0\x70a\x01\0\0\x01\0");
        assert_eq!(
            names(&fork, true).unwrap(),
            pairs(&[(7, "boot"), (256, "a")])
        );
        for end in 1..fork.len() {
            assert!(names(&fork[..end], true).is_err(), "{end}");
        }
        let mut fork = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        fork.extend(b"\x01\0\x60a\x01\0\0\0\x01\0\0\0\0");
        assert_eq!(names(&fork, true).unwrap(), pairs(&[(1 << 32, "a")]));
    }

    #[test]
    fn entries_that_do_not_fit() {
        for block in [
            entry(1, b"", 1),
            entry(1, b"boot", 1)[..8].to_vec(),
            [entry(1, b"boot", 1), vec![0; 3]].concat(),
            vec![0xff, 0xff, 0, 0, 0, 0, 0, 0],
            vec![0xff, 0xff, 0, 16, 0, 0, 0, 0],
            vec![0xff, 0xff],
        ] {
            assert!(
                matches!(names(&block, false), Err(FsError::Corrupt(_))),
                "{block:?}"
            );
        }
        let four = entry(1, b"\xff", 1).repeat(4);
        assert!(matches!(names(&four, false), Err(FsError::TooLarge(_))));
    }
}
