//! [`Configuration`]: a configuration as a whole, besides its entries.

use std::ops::Range;

use crate::entry::{BootEntry, EntrySource, FileRef};

/// A configuration that was read: what it wants of a menu, and which entries it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its language.
    pub source: EntrySource,
    /// Where reading it began: the script, the `loader.conf`, or the directory of entries where there is
    /// none.
    pub file: FileRef,
    /// How long a menu is shown.
    pub wait: Wait,
    /// The default as it is written: GRUB's variable, or the pattern in a `loader.conf`.
    pub wanted: Option<String>,
    /// Its entries, as indexes into those that were found.
    pub entries: Range<usize>,
}

/// More entries are not tried instead of the default.
pub(super) const MAX_FALLBACKS: usize = 32;

impl Configuration {
    /// What it starts when nobody chooses, of those that were found: its default, then what it falls back
    /// to, in order. Other entries are left to people.
    pub fn choices<'a>(&self, found: &'a [BootEntry]) -> Vec<&'a BootEntry> {
        let own = found.get(self.entries.clone()).unwrap_or_default();
        let default = own.iter().filter(|entry| entry.default);
        let nth = |nth| own.iter().find(|entry| entry.fallback == Some(nth));
        default.chain((0..MAX_FALLBACKS).filter_map(nth)).collect()
    }
}

/// How long somebody may choose before the default is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Seconds; `None` waits until somebody chooses.
    pub seconds: Option<u32>,
    /// What is seen meanwhile.
    pub style: WaitStyle,
}

/// What is seen while the default waits (GRUB's `timeout_style`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitStyle {
    /// The menu. Without any time to wait there is none, and no key is asked for.
    #[default]
    Menu,
    /// The seconds; a key brings the menu.
    Countdown,
    /// Nothing; a key brings the menu.
    Hidden,
}

impl WaitStyle {
    /// GRUB's word.
    pub fn name(self) -> &'static str {
        match self {
            WaitStyle::Menu => "menu",
            WaitStyle::Countdown => "countdown",
            WaitStyle::Hidden => "hidden",
        }
    }
}
