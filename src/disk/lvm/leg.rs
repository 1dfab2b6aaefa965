//! [`Leg`]: an image of a mirror with what the driver says of it (`drivers/md/dm-raid.c` of Linux).

use crate::disk::bytes::{le32, le64};
use crate::disk::{ReadAt, Source};

const MAGIC: &[u8] = b"DmRd";
/// What an offset of progress says when everything is done.
const DONE: u64 = u64::MAX;
/// Devices that the first field of failures can name.
const FIELD: u32 = 64;

/// One image of a mirror.
pub(super) struct Leg {
    position: u32,
    /// How often the state was written.
    events: u64,
    /// Each bit is an image that has failed.
    failed: u64,
    /// It has all that the others have.
    recovered: bool,
    /// All images have the same.
    resynced: bool,
    content: Source,
}

impl Leg {
    /// Reads the state of the image that is number `position`.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn read(position: u32, state: &dyn ReadAt, content: Source) -> Result<Leg, String> {
        let mut block = [0; 512];
        let read = state.read_exact_at(0, &mut block);
        read.map_err(|error| format!("the state of an image can't be read: {error}"))?;
        let field = |at| le64(&block, at);
        let leg = || {
            Some(Leg {
                position,
                events: field(16)?,
                failed: field(24)?,
                recovered: field(32)? == DONE,
                resynced: field(40)? == DONE,
                content,
            })
        };
        let is_known = block.starts_with(MAGIC) && le32(&block, 12) == Some(position);
        is_known
            .then(leg)
            .flatten()
            .ok_or_else(|| "the state of an image is not known".to_owned())
    }
}

/// The images that hold what was written last, the first one first, and whether all hold the same. `None`
/// where there is none.
pub(super) fn in_step(legs: Vec<Leg>) -> Option<(Vec<Source>, bool)> {
    let newest = legs.iter().map(|leg| leg.events).max()?;
    let of_newest = |leg: &&Leg| leg.events == newest;
    let failed = legs
        .iter()
        .filter(of_newest)
        .fold(0, |all, leg| all | leg.failed);
    let resynced = legs.iter().filter(of_newest).all(|leg| leg.resynced);
    let is_good = |leg: &Leg| {
        let is_failed =
            leg.position >= FIELD || failed.checked_shr(leg.position).unwrap_or(1) & 1 == 1;
        leg.events == newest && leg.recovered && !is_failed
    };
    let good: Vec<Source> = legs
        .into_iter()
        .filter(is_good)
        .map(|leg| leg.content)
        .collect();
    (!good.is_empty()).then_some((good, resynced))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::MemorySource;

    fn leg(position: u32, events: u64, failed: u64, recovery: u64, resync: u64) -> Leg {
        let mut state = vec![0; 512];
        state[..4].copy_from_slice(MAGIC);
        state[12..16].copy_from_slice(&position.to_le_bytes());
        for (at, value) in [(16, events), (24, failed), (32, recovery), (40, resync)] {
            state[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let content = vec![0; position as usize];
        let state = MemorySource::new(state);
        Leg::read(position, &state, Arc::new(MemorySource::new(content))).unwrap()
    }

    /// The positions of those that are read.
    fn good(legs: Vec<Leg>) -> Option<(Vec<u64>, bool)> {
        let (sources, resynced) = in_step(legs)?;
        Some((
            sources.iter().map(|source| source.size()).collect(),
            resynced,
        ))
    }

    #[test]
    fn only_what_is_in_step_is_read() {
        let fine = |position| leg(position, 7, 0, DONE, DONE);
        assert_eq!(good(vec![fine(0), fine(1)]), Some((vec![0, 1], true)));
        // Missed a write; said to have failed; still being filled; not synchronised yet.
        let old = leg(0, 6, 0, DONE, DONE);
        assert_eq!(good(vec![old, fine(1)]), Some((vec![1], true)));
        let blamed = leg(1, 7, 1, DONE, DONE);
        assert_eq!(good(vec![fine(0), blamed]), Some((vec![1], true)));
        let filling = leg(0, 7, 0, 4096, DONE);
        assert_eq!(good(vec![filling, fine(1)]), Some((vec![1], true)));
        let young = || leg(0, 7, 0, DONE, 4096);
        assert_eq!(good(vec![young(), fine(1)]), Some((vec![0, 1], false)));
        assert_eq!(good(vec![leg(0, 7, 1, DONE, DONE)]), None);
        assert_eq!(good(Vec::new()), None);
    }

    #[test]
    fn a_state_that_is_none_is_refused() {
        let content: Source = Arc::new(MemorySource::new(Vec::new()));
        for state in [vec![0; 512], b"DmRd".to_vec()] {
            assert!(Leg::read(0, &MemorySource::new(state), content.clone()).is_err());
        }
    }
}
