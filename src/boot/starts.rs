//! [`Starts`]: how often entries were started in a row without the system in them having confirmed that it runs.
//!
//! It only gives an order. Whoever can write where it is kept chooses what is tried first, as whoever writes the disk
//! does; what may be started is decided elsewhere.

use sha2::{Digest, Sha256};

use crate::entry::BootEntry;

/// So many entries are remembered: those that were started last.
const ENTRIES: usize = 10;

/// Of each entry the first bytes of a hash, and a byte.
const ENTRY: usize = 3;

/// At the beginning: the first bytes of a hash of the rest, by which what something else wrote there is known.
const CHECK: usize = 2;

/// In the byte of an entry: it was the one that was confirmed last.
const GOOD: u8 = 0x80;

/// The most that is counted. All are halved then, so that the order stays, and no entry is the last for ever.
const MOST: u8 = 0x7f;

/// A short name of an entry: one that is changed is another one, which nobody has tried.
type Name = [u8; 2];

/// What was started, from the last one on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starts(Vec<Start>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    name: Name,
    /// How often since it was confirmed.
    unconfirmed: u8,
    /// Was it confirmed, and nothing else since?
    good: bool,
}

impl Starts {
    /// Bytes that it takes.
    pub const SIZE: usize = CHECK + ENTRIES * ENTRY;

    /// What [`to_bytes`](Starts::to_bytes) has made; `None` if it was something else.
    pub fn parse(bytes: &[u8; Starts::SIZE]) -> Option<Starts> {
        let (check, rest) = bytes.split_at_checked(CHECK)?;
        if hash(&[rest]) != check {
            return None;
        }
        let starts = rest.chunks_exact(ENTRY).map_while(|start| match *start {
            [0, 0, _] => None,
            [a, b, count] => Some(Start {
                name: [a, b],
                unconfirmed: count & MOST,
                good: count & GOOD != 0,
            }),
            _ => None,
        });
        Some(Starts(starts.collect()))
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> [u8; Starts::SIZE] {
        let mut bytes = [0; Starts::SIZE];
        if let Some((check, rest)) = bytes.split_at_mut_checked(CHECK) {
            for (start, place) in self.0.iter().zip(rest.chunks_exact_mut(ENTRY)) {
                let good = if start.good { GOOD } else { 0 };
                let [a, b] = start.name;
                place.copy_from_slice(&[a, b, start.unconfirmed | good]);
            }
            check.copy_from_slice(&hash(&[rest]));
        }
        bytes
    }

    /// How often an entry was started since its system has confirmed that it runs, at most 127.
    pub fn unconfirmed(&self, entry: &BootEntry) -> u32 {
        let start = self.find(entry);
        start.map_or(0, |start| start.unconfirmed.into())
    }

    /// Puts what was started `limit` times without being confirmed behind the others, what was started least first.
    /// Where that was the first one, what was confirmed last takes its place. 0 is no limit. What is asked for is
    /// started whatever was counted.
    pub fn order(
        &self,
        plan: &mut [&BootEntry],
        limit: u32,
        is_asked_for: impl Fn(&BootEntry) -> bool,
    ) {
        if limit == 0 || self.0.is_empty() {
            return;
        }
        let spent = |entry: &BootEntry| match self.unconfirmed(entry) {
            count if count >= limit && !is_asked_for(entry) => count,
            _ => 0,
        };
        let steps_in = plan.first().is_some_and(|first| spent(first) != 0);
        // The sort is stable, and has each key made once: names are hashes.
        plan.sort_by_cached_key(|entry| {
            let good = steps_in && self.find(entry).is_some_and(|start| start.good);
            (spent(entry), !good)
        });
    }

    /// An entry is started now. One that is not `counted` keeps its count, and is the one that may be confirmed.
    pub fn start(&mut self, entry: &BootEntry, counted: bool) {
        let name = name(entry);
        let known = self.0.iter().position(|start| start.name == name);
        let mut start = match known {
            Some(place) => self.0.remove(place),
            None => Start {
                name,
                unconfirmed: 0,
                good: false,
            },
        };
        if counted && start.unconfirmed == MOST {
            for other in &mut self.0 {
                other.unconfirmed /= 2;
            }
            start.unconfirmed /= 2;
        }
        start.unconfirmed = start.unconfirmed.saturating_add(counted.into());
        self.0.insert(0, start);
        self.0.truncate(ENTRIES);
    }

    /// The system that was started last runs: its count is gone, and it is the one that is known to be good. Those of
    /// others stay. Is there anything to confirm?
    pub fn confirm(&mut self) -> bool {
        for (i, start) in self.0.iter_mut().enumerate() {
            start.good = i == 0;
        }
        let last = self.0.first_mut();
        last.map(|start| start.unconfirmed = 0).is_some()
    }

    fn find(&self, entry: &BootEntry) -> Option<&Start> {
        // Mostly nothing is counted, and a name is a hash.
        let name = (!self.0.is_empty()).then(|| name(entry))?;
        self.0.iter().find(|start| start.name == name)
    }
}

/// By id, files and command line.
fn name(entry: &BootEntry) -> Name {
    let kernel = entry.kernel.iter().map(|file| &file.path);
    let initrds = entry.initrd.iter().map(|initrd| &initrd.file.path);
    let mut parts = vec![entry.id.as_bytes(), entry.cmdline.as_bytes()];
    parts.extend(kernel.chain(initrds).map(|path| path.as_str().as_bytes()));
    match hash(&parts) {
        // That is no entry at all.
        [0, 0] => [0, 1],
        name => name,
    }
}

/// The first two bytes of SHA-256 of these parts, each with a byte behind it that is in no text.
fn hash(parts: &[&[u8]]) -> [u8; 2] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    let [a, b, ..]: [u8; 32] = hasher.finalize().into();
    [a, b]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(id: &str) -> BootEntry {
        BootEntry::on_disk(0, id)
    }

    #[test]
    fn counts_until_it_is_confirmed() {
        let (a, b) = (entry("a"), entry("b"));
        let mut starts = Starts::default();
        assert!(!starts.confirm());
        for count in 1..=3 {
            starts.start(&a, true);
            assert_eq!(starts.unconfirmed(&a), count);
            starts = Starts::parse(&starts.to_bytes()).unwrap();
        }
        starts.start(&b, true);
        assert!(starts.confirm());
        assert_eq!((starts.unconfirmed(&a), starts.unconfirmed(&b)), (3, 0));
        // Who is not counted is confirmed all the same.
        starts.start(&a, false);
        assert_eq!(starts.unconfirmed(&a), 3);
        assert!(starts.confirm());
        assert_eq!(starts.unconfirmed(&a), 0);
        // Another kernel under the same name was never tried.
        starts.start(&a, true);
        let changed = BootEntry {
            cmdline: "quiet".to_owned(),
            ..a.clone()
        };
        assert_eq!(
            (starts.unconfirmed(&a), starts.unconfirmed(&changed)),
            (1, 0)
        );
    }

    #[test]
    fn the_order_of_those_that_are_used_up_turns() {
        let entries = ["a", "b", "c"].map(entry);
        let mut starts = Starts::default();
        let mut order = String::new();
        for _ in 0..12 {
            let mut plan: Vec<&BootEntry> = entries.iter().collect();
            starts.order(&mut plan, 2, |_| false);
            order.push_str(&plan[0].id);
            starts.start(plan[0], true);
        }
        assert_eq!(order, "aabbccabcabc");
        // For ever.
        for _ in 0..1000 {
            starts.start(&entries[0], true);
        }
        let mut plan: Vec<&BootEntry> = entries.iter().collect();
        starts.order(&mut plan, 2, |_| false);
        assert_eq!(plan[2].id, "a");
        assert!((64..=127).contains(&starts.unconfirmed(&entries[0])));
    }

    #[test]
    fn each_entry_is_looked_at_once() {
        let entries: Vec<BootEntry> = (0..ENTRIES).map(|i| entry(&i.to_string())).collect();
        let mut starts = Starts::default();
        for entry in &entries {
            starts.start(entry, true);
            starts.start(entry, true);
        }
        let asked = std::cell::Cell::new(0);
        let mut plan: Vec<&BootEntry> = entries.iter().rev().collect();
        starts.order(&mut plan, 1, |_| {
            asked.set(asked.get() + 1);
            false
        });
        // The first one once more, for what may take its place.
        assert_eq!(asked.get(), ENTRIES + 1);
    }

    #[test]
    fn the_eleventh_entry_takes_the_place_of_the_first() {
        let entries: Vec<BootEntry> = (0..11).map(|i| entry(&i.to_string())).collect();
        let mut starts = Starts::default();
        for entry in &entries {
            starts.start(entry, true);
        }
        let starts = Starts::parse(&starts.to_bytes()).unwrap();
        let counts: u32 = entries.iter().map(|entry| starts.unconfirmed(entry)).sum();
        assert_eq!((counts, starts.unconfirmed(&entries[0])), (10, 0));
    }

    #[test]
    fn memory_that_nobody_has_written_is_none() {
        for byte in [0, 0xff] {
            assert_eq!(Starts::parse(&[byte; Starts::SIZE]), None);
        }
        let nothing = Starts::default();
        assert_eq!(Starts::parse(&nothing.to_bytes()), Some(nothing));
    }

    proptest! {
        #[test]
        fn any_bytes_are_starts_or_none(bytes in any::<[u8; Starts::SIZE]>(), checked in any::<bool>()) {
            let mut bytes = bytes;
            if checked {
                let check = hash(&[&bytes[CHECK..]]);
                bytes[..CHECK].copy_from_slice(&check);
            }
            let starts = Starts::parse(&bytes);
            prop_assert!(starts.is_some() || !checked);
            if let Some(mut starts) = starts {
                prop_assert_eq!(Starts::parse(&starts.to_bytes()), Some(starts.clone()));
                starts.start(&entry("a"), true);
                starts.confirm();
                prop_assert_eq!(starts.unconfirmed(&entry("a")), 0);
            }
        }
    }
}
