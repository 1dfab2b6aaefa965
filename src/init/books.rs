//! What is written down of an entry that is about to be started, in an order in which no start is counted twice.

use crate::fs::FsPath;

/// Where it is written down.
pub(super) trait Books {
    /// Tells the system through the firmware, which may hang: `counted` is how the file of the entry will be named.
    fn tell(&mut self, counted: Option<&FsPath>);

    /// Notes the start in the store of the policy, and counts it there if it is to be: the store may hang as well.
    fn start(&mut self, counts: bool);

    /// Counts it on the disk, by this name. Did that work?
    fn rename(&mut self, name: &FsPath) -> bool;
}

/// Writes down a start that is counted on the disk by this name, if there is one, and otherwise in the store, unless
/// it was asked for.
///
/// Who hangs is ended, and the next loader starts the same entry without firmware and TPM. So the disk comes last.
pub(super) fn write(books: &mut impl Books, counted: Option<&FsPath>, asked_for: bool) {
    note(books, counted, asked_for);
    if counted.is_some_and(|name| !books.rename(name)) {
        note(books, None, asked_for);
    }
}

fn note(books: &mut impl Books, counted: Option<&FsPath>, asked_for: bool) {
    books.tell(counted);
    books.start(counted.is_none() && !asked_for);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    #[derive(Default)]
    struct Fake {
        /// This call and no other one hangs.
        hangs: Option<&'static str>,
        /// It has done so, and is left out, with the store if that is a TPM or a variable.
        is_lost: bool,
        store_is_lost: bool,
        is_readonly: bool,
        /// How often the start was counted.
        on_disk: u32,
        in_store: u32,
        /// What the system was told last.
        told: Option<bool>,
    }

    /// A loader that hangs, and is ended.
    struct Hung;

    impl Fake {
        fn hang_at(&mut self, call: &'static str) {
            if self.hangs == Some(call) {
                self.hangs = None;
                self.is_lost = true;
                resume_unwind(Box::new(Hung));
            }
        }

        /// Loaders start the entry until one of them does not hang.
        fn starts(&mut self, name: Option<&FsPath>, asked_for: bool) -> (u32, u32) {
            let mut run = || catch_unwind(AssertUnwindSafe(|| write(self, name, asked_for)));
            while let Err(hung) = run() {
                assert!(hung.is::<Hung>());
            }
            (self.on_disk, self.in_store)
        }
    }

    impl Books for Fake {
        fn tell(&mut self, counted: Option<&FsPath>) {
            self.hang_at("tell");
            if !self.is_lost {
                self.told = Some(counted.is_some());
            }
        }

        fn start(&mut self, counts: bool) {
            self.hang_at("before");
            if !(self.is_lost && self.store_is_lost) {
                self.in_store += u32::from(counts);
            }
            self.hang_at("after");
        }

        fn rename(&mut self, _: &FsPath) -> bool {
            self.on_disk += u32::from(!self.is_readonly);
            !self.is_readonly
        }
    }

    #[test]
    fn a_start_is_counted_once_wherever_firmware_or_tpm_hang() {
        let name = FsPath::new("/loader/entries/a+2-1.conf").unwrap();
        for hangs in [None, Some("tell"), Some("before"), Some("after")] {
            let fake = |store_is_lost| Fake {
                hangs,
                store_is_lost,
                ..Fake::default()
            };
            assert_eq!(fake(true).starts(Some(&name), false), (1, 0), "{hangs:?}");
            // In the TPM: what it has taken before it hangs stays, and it is not asked again.
            let counted = u32::from(matches!(hangs, None | Some("after")));
            assert_eq!(fake(true).starts(None, false), (0, counted), "{hangs:?}");
            assert_eq!(fake(true).starts(None, true), (0, 0), "{hangs:?}");
        }
        // In the memory of the clock, which does not hang.
        for hangs in [None, Some("tell")] {
            let mut fake = Fake {
                hangs,
                ..Fake::default()
            };
            assert_eq!(fake.starts(None, false), (0, 1), "{hangs:?}");
        }
    }

    #[test]
    fn what_the_disk_does_not_take_the_store_does_and_the_system_is_not_told() {
        let name = FsPath::new("/loader/entries/a+2-1.conf").unwrap();
        let fake = || Fake {
            is_readonly: true,
            ..Fake::default()
        };
        let mut one = fake();
        assert_eq!(one.starts(Some(&name), false), (0, 1));
        assert_eq!(one.told, Some(false));
        assert_eq!(fake().starts(Some(&name), true), (0, 0));
        let mut counted = Fake::default();
        counted.starts(Some(&name), false);
        assert_eq!(counted.told, Some(true));
    }
}
