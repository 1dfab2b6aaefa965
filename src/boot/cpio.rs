//! Archives that the kernel unpacks into its initial file system: `newc` of cpio
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use super::payload::{Draft, PayloadError};

/// An archive that is being written to the end of a draft. Everything in it belongs to root and has no date,
/// so that the same files make the same bytes.
pub(super) struct Archive<'a> {
    draft: &'a Draft,
    /// Number of the last file.
    inode: u32,
    /// What is added to it for the next.
    step: u32,
}

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

impl<'a> Archive<'a> {
    /// Begins an archive, in which each file has a number of its own.
    pub(super) fn new(draft: &'a Draft) -> Archive<'a> {
        let (inode, step) = (0, 1);
        Archive { draft, inode, step }
    }

    /// Begins an archive as GRUB makes them: the number of every file is 0. With one link each they are
    /// different files all the same.
    pub(super) fn without_numbers(draft: &'a Draft) -> Archive<'a> {
        let (inode, step) = (0, 0);
        Archive { draft, inode, step }
    }

    /// Adds the directory `path`, which has no `/` in front. `mode` is that of `chmod`.
    pub(super) fn directory(&mut self, path: &str, mode: u32) -> Result<(), PayloadError> {
        self.header(path, DIRECTORY | mode, 0)
    }

    /// Adds a file with a content of `size` bytes, and says where in the draft that is to be put.
    pub(super) fn file(&mut self, path: &str, mode: u32, size: u64) -> Result<u64, PayloadError> {
        let limit = u32::MAX.into();
        let short = u32::try_from(size).map_err(|_| PayloadError::TooLarge { size, limit })?;
        self.header(path, REGULAR | mode, short)?;
        Ok(self.draft.reserve(size))
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> Result<(), PayloadError> {
        self.inode = 0;
        self.entry("TRAILER!!!", 0, 0, 0)
    }

    fn header(&mut self, path: &str, mode: u32, size: u32) -> Result<(), PayloadError> {
        self.inode = self.inode.saturating_add(self.step);
        self.entry(path, self.inode, mode, size)
    }

    fn entry(&self, path: &str, inode: u32, mode: u32, size: u32) -> Result<(), PayloadError> {
        let name_size = u32::try_from(path.len().saturating_add(1)).unwrap_or(u32::MAX);
        // Number, mode, user, group, links, time, size, device of the file and in it, length of the name,
        // checksum.
        let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut header = b"070701".to_vec();
        for field in fields {
            header.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        header.extend_from_slice(path.as_bytes());
        // The name ends with a zero, and with more of them what is in front of the content.
        header.push(0);
        header.resize(header.len().next_multiple_of(4), 0);
        let at = self.draft.reserve(header.len() as u64);
        self.draft.write_at(at, &header)
    }
}
