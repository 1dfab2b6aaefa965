//! How much of an image is read: limits that no real image comes near.

use super::Damage;

/// Volumes in sections in files in volumes, and so on.
const MAX_DEPTH: usize = 32;
/// Files and sections.
const MAX_NODES: usize = 100_000;
/// Bytes that packed sections say they hold, in all.
const MAX_UNPACKED: usize = 256 << 20;

/// What may still be read.
pub(super) struct Reader {
    depth: usize,
    nodes: usize,
    unpacked: usize,
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader {
            depth: MAX_DEPTH,
            nodes: MAX_NODES,
            unpacked: MAX_UNPACKED,
        }
    }

    /// Counts a file or a section, at this offset.
    pub(super) fn count(&mut self, offset: usize) -> Result<(), Damage> {
        let many = || Damage::new(offset, "there are too many files and sections");
        self.nodes = self.nodes.checked_sub(1).ok_or_else(many)?;
        Ok(())
    }

    /// Counts bytes before they are unpacked: a stream that is damaged at its end has cost as much as one that is not.
    pub(super) fn unpack(&mut self, length: usize) -> Result<(), &'static str> {
        let room = self.unpacked.checked_sub(length);
        self.unpacked = room.ok_or("there is too much in packed sections")?;
        Ok(())
    }

    /// Reads what is one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Reader) -> Result<T, Damage>,
    ) -> Result<T, Damage> {
        let deep = Damage::new(0, "it is nested too deeply");
        self.depth = self.depth.checked_sub(1).ok_or(deep)?;
        let result = read(self);
        self.depth = self.depth.saturating_add(1);
        result
    }
}
