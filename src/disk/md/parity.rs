//! [`Parity`]: RAID4, RAID5 and RAID6 (`raid5_compute_sector` in `drivers/md/raid5.c` of Linux).

use std::io;

use crate::disk::striped::read_by_chunks;
use crate::disk::{ReadAt, Source};

/// Chunks in rows, each row with one chunk of parity or two.
pub(super) struct Parity {
    /// Members by role; at most one is missing.
    parts: Vec<Option<Source>>,
    chunk: u64,
    level: i32,
    layout: u32,
    size: u64,
}

/// Where a chunk is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    row: u64,
    /// The member that has it.
    data: u64,
    /// The member that has the second parity of its row, which is no XOR.
    second: Option<u64>,
}

impl Parity {
    /// Reads the first `each` bytes of members. `None` where the layout is not known, the numbers make no
    /// sense, or more than one member is missing.
    pub(super) fn new(
        parts: Vec<Option<Source>>,
        level: i32,
        layout: u32,
        chunk: u64,
        each: u64,
    ) -> Option<Parity> {
        let parities = if level == 6 { 2 } else { 1 };
        let missing = parts.iter().filter(|part| part.is_none()).count();
        let data = (parts.len() as u64).checked_sub(parities)?;
        let rows = each.checked_div(chunk)?;
        let size = rows.checked_mul(chunk)?.checked_mul(data)?;
        let parity = Parity {
            parts,
            chunk,
            level,
            layout,
            size,
        };
        (data > 0 && missing <= 1 && parity.place(0).is_some()).then_some(parity)
    }

    fn place(&self, chunk: u64) -> Option<Place> {
        let members = self.parts.len() as u64;
        let last = members.checked_sub(1)?;
        match (self.level, self.layout) {
            (4, _) => Place::single(chunk, members, 5),
            (5, 0..=5) => Place::single(chunk, members, self.layout),
            // As a RAID5, with the second parity behind.
            (6, 16..=20) => Some(Place {
                second: Some(last),
                ..Place::single(chunk, last, self.layout.checked_sub(16)?)?
            }),
            (6, _) => Place::double(chunk, members, self.layout),
            _ => None,
        }
    }

    fn part(&self, role: u64) -> Option<&Source> {
        self.parts.get(usize::try_from(role).ok()?)?.as_ref()
    }

    /// What a missing member had: all others of the row together, as far as they are XORed.
    fn rebuild(&self, place: &Place, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(0);
        let mut other = vec![0; buf.len()];
        for role in (0..).take(self.parts.len()) {
            if role == place.data || Some(role) == place.second {
                continue;
            }
            let part = self.part(role).ok_or(io::ErrorKind::InvalidInput)?;
            part.read_exact_at(at, &mut other)?;
            for (byte, other) in buf.iter_mut().zip(&other) {
                *byte ^= other;
            }
        }
        Ok(buf.len())
    }
}

impl Place {
    /// One parity in each row of `members`.
    fn single(chunk: u64, members: u64, layout: u32) -> Option<Place> {
        let data = members.checked_sub(1)?;
        let row = chunk.checked_div(data)?;
        let nth = chunk.checked_rem(data)?;
        let turn = row.checked_rem(members)?;
        let parity = match layout {
            0 | 2 => data.checked_sub(turn)?,
            1 | 3 => turn,
            4 => 0,
            5 => data,
            _ => return None,
        };
        let data = match layout {
            2 | 3 => parity
                .checked_add(1)?
                .checked_add(nth)?
                .checked_rem(members)?,
            _ if nth >= parity => nth.checked_add(1)?,
            _ => nth,
        };
        let second = None;
        Some(Place { row, data, second })
    }

    /// Two parities beside each other in each row of `members`.
    fn double(chunk: u64, members: u64, layout: u32) -> Option<Place> {
        let last = members.checked_sub(1)?;
        let data = members.checked_sub(2)?;
        let row = chunk.checked_div(data)?;
        let nth = chunk.checked_rem(data)?;
        let turn = row.checked_rem(members)?;
        let parity = match layout {
            0 | 2 => last.checked_sub(turn)?,
            1 | 3 | 8 => turn,
            4 => 0,
            5 => data,
            _ => return None,
        };
        let second = parity.checked_add(1)?.checked_rem(members)?;
        let data = match layout {
            2 | 3 => parity
                .checked_add(2)?
                .checked_add(nth)?
                .checked_rem(members)?,
            // The second one went round to the beginning.
            _ if parity == last => nth.checked_add(1)?,
            _ if nth >= parity => nth.checked_add(2)?,
            _ => nth,
        };
        let second = Some(second);
        Some(Place { row, data, second })
    }
}

impl ReadAt for Parity {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        read_by_chunks(self.size, self.chunk, offset, buf, |chunk, inside, buf| {
            let place = self.place(chunk).ok_or(io::ErrorKind::InvalidInput)?;
            let at = place.row.saturating_mul(self.chunk).saturating_add(inside);
            match self.part(place.data) {
                Some(part) => part.read_at(at, buf),
                None => self.rebuild(&place, at, buf),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_has_a_place_of_its_own_beside_the_parity() {
        for (level, layouts) in [(4, 0..1), (5, 0..6), (6, 0..6), (6, 8..9), (6, 16..21)] {
            for layout in layouts {
                for members in 4..7_u64 {
                    let parts = (0..members).map(|_| None).collect();
                    let parity = Parity {
                        parts,
                        chunk: 1,
                        level,
                        layout,
                        size: 0,
                    };
                    let data = members - if level == 6 { 2 } else { 1 };
                    let mut seen = std::collections::BTreeSet::new();
                    for chunk in 0..data * members * 2 {
                        let place = parity.place(chunk).unwrap();
                        assert_eq!(place.row, chunk / data);
                        assert!(place.data < members && place.second != Some(place.data));
                        assert!(seen.insert((place.row, place.data)), "{level} {layout}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let new = |level, layout, members: usize, chunk| {
            let part = || -> Option<Source> { Some(crate::disk::Joined::zeros(64)) };
            Parity::new(
                (0..members).map(|_| part()).collect(),
                level,
                layout,
                chunk,
                64,
            )
        };
        assert_eq!(new(5, 2, 3, 8).unwrap().size(), 128);
        assert_eq!(new(6, 2, 4, 8).unwrap().size(), 128);
        assert!(new(5, 6, 3, 8).is_none() && new(6, 9, 4, 8).is_none());
        assert!(new(5, 2, 1, 8).is_none() && new(6, 2, 2, 8).is_none());
        assert!(new(5, 2, 3, 0).is_none() && new(5, 2, 0, 8).is_none());
        assert!(Parity::new(vec![None, None, None], 5, 2, 8, 64).is_none());
    }
}
