//! The journal of ext3 and ext4 (`Documentation/filesystems/ext4/journal.rst` and `fs/jbd2/recovery.c`
//! of Linux), replayed in memory: the result tells for each block where its newest content is.

mod head;
mod log;
mod records;
mod replay;

pub(super) use replay::Replay;

use self::head::{Head, LENGTH};
use self::log::Log;
use super::content::Content;
use super::inode::Inode;
use super::medium::Medium;
use crate::fs::budget::{BUDGET, LEAST_COST};
use crate::fs::{FileKind, FsError};

/// The magic number of every block of the log that is not the content of another one.
const MAGIC: u32 = 0xc03b_3998;

/// What reading a log may cost: a million blocks of 4 KiB, four times what `mke2fs` makes at most.
const MAX_COST: u64 = 1_000_000 * LEAST_COST;

/// Looks at the journal; what has to be written back is in the result.
///
/// # Errors
/// [`FsError::Unsupported`] for features that nobody but the kernel knows, [`FsError::Corrupt`] for a
/// journal that can't be.
pub(super) fn recover(medium: &Medium) -> Result<Replay, FsError> {
    let superblock = &medium.superblock;
    let number = superblock.journal_inode.ok_or_else(|| {
        FsError::Unsupported("a journal on another disk that has to be replayed".to_owned())
    })?;
    medium.budget.allow(BUDGET);
    let inode = Inode::read(medium, number)?;
    if inode.kind != FileKind::File {
        return Err(damaged("is no file"));
    }
    let mut content = Content::new(medium, inode)?;
    let mut head = [0; LENGTH];
    if content.read_at(0, &mut head)? < LENGTH {
        return Err(damaged("has no superblock"));
    }
    let blocks = content.size().checked_div(superblock.block_size);
    let blocks = blocks.unwrap_or_default().min(superblock.blocks);
    let Some(head) = Head::parse(&head, superblock.block_size, blocks)? else {
        return Ok(Replay::default());
    };
    medium.budget.allow(MAX_COST);
    Log::new(medium, content, head)
        .replay()
        .map_err(|error| match error {
            FsError::TooLarge(_) => too_long(),
            error => error,
        })
}

fn damaged(text: &str) -> FsError {
    FsError::Corrupt(format!("the journal {text}"))
}

fn too_long() -> FsError {
    FsError::Unsupported("a dirty journal of such a length".to_owned())
}

/// The big-endian number at `at`; 0 behind the end.
fn be32(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.copied().map(u32::from_be_bytes).unwrap_or_default()
}
