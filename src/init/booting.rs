//! [`Booting`]: what is reported of an entry that is started.

use crate::boot::{Part, Timeline};
use crate::entry::{BootEntry, FileRef};
use crate::inventory::Inventory;
use crate::report::{Event, Text};
use crate::trust::Mode;
use crate::trust::coverage::Verdict;

/// An entry, and where it and its files are.
pub(super) struct Booting<'a> {
    pub(super) entry: &'a BootEntry,
    pub(super) origin: &'a str,
    pub(super) inventory: &'a Inventory,
}

impl Booting<'_> {
    /// Tells of the files that were read, and of the start.
    pub(super) fn tell(
        &self,
        files: &[(FileRef, Part)],
        verdict: &Verdict,
        timeline: &Timeline,
        tell: &mut dyn FnMut(&Event<'_>),
    ) {
        for (file, part) in files {
            tell(&Event::File {
                file: Text::name(&self.inventory.describe(file).to_string()),
                size: part.size,
                sha256: &part.hex(),
            });
        }
        let entry = self.entry;
        let kernel = entry.kernel.as_ref().unwrap_or(&entry.origin.file);
        tell(&Event::Booting {
            entry: Text::name(&entry.id),
            title: Text::name(&entry.title),
            origin: Text::name(self.origin),
            kernel: Text::name(&self.inventory.describe(kernel).to_string()),
            verdict: match verdict.mode {
                Mode::Off => "off",
                _ if verdict.is_clear() => "covered",
                _ => "open",
            },
            times: timeline.into(),
        });
    }
}
