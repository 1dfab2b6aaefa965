//! [`Configuration`]: a configuration as a whole, besides its entries.

use std::ops::Range;

use crate::efi::Timeout;
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
    pub wait: MenuWait,
    /// Does the machine start anew when an entry of it can't be loaded? It counts where the policy says so.
    pub on_error: OnError,
    /// The default as it is written: GRUB's variable, or the pattern in a `loader.conf`.
    pub wanted: Option<String>,
    /// Its entries, as indexes into those that were found.
    pub entries: Range<usize>,
    /// The one that it starts when nobody chooses, as such an index. Here and in `fallback` there may be an entry
    /// of another configuration, which offers the same.
    pub default: Option<usize>,
    /// Those that it falls back to where its choice can't be started, in order.
    pub fallback: Vec<usize>,
}

/// More entries are not tried instead of the default.
pub(super) const MAX_FALLBACKS: usize = 32;

impl Configuration {
    /// The configuration in `file` that has offered these of all entries, and says nothing of waiting.
    pub fn new(
        source: EntrySource,
        file: FileRef,
        entries: Range<usize>,
        all: &[BootEntry],
    ) -> Configuration {
        let own = || {
            let offered = all.get(entries.clone()).unwrap_or_default();
            entries.clone().zip(offered)
        };
        let default = own().find(|(_, entry)| entry.default);
        let numbered = own().filter_map(|(i, entry)| Some((entry.fallback?, i)));
        let mut numbered: Vec<(usize, usize)> = numbered.collect();
        numbered.sort_unstable();
        let fallback = numbered.into_iter().map(|(_, i)| i);
        Configuration {
            source,
            file,
            wait: MenuWait::default(),
            on_error: OnError::default(),
            wanted: None,
            default: default.map(|(i, _)| i),
            fallback: fallback.take(MAX_FALLBACKS).collect(),
            entries,
        }
    }

    /// What it starts when nobody chooses, of those that were found: its default, then what it falls back
    /// to, in order. Other entries are left to people.
    pub fn choices<'a>(&self, found: &'a [BootEntry]) -> impl Iterator<Item = &'a BootEntry> {
        let choices = self.default.iter().chain(&self.fallback);
        choices.filter_map(|i| found.get(*i))
    }

    /// Has it nothing to offer?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.default.is_none() && self.fallback.is_empty()
    }

    /// Does it go on to the next disk when nobody chooses? Then all else of it is left to people.
    pub fn goes_on(&self, found: &[BootEntry]) -> bool {
        let default = self.default.and_then(|i| found.get(i));
        default.is_some_and(|default| default.goes_on)
    }

    /// What it falls back to alone.
    pub fn fallback<'a>(&self, found: &'a [BootEntry]) -> impl Iterator<Item = &'a BootEntry> {
        self.fallback.iter().filter_map(|i| found.get(*i))
    }
}

/// How long somebody may choose before the default is started. By default nothing is said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MenuWait {
    /// Does the configuration say so? Otherwise the rest is what its own boot loader would do, and that may be to wait
    /// for ever.
    pub stated: bool,
    /// Seconds; `None` waits until somebody chooses.
    pub seconds: Option<u32>,
    /// What is seen meanwhile.
    pub style: WaitStyle,
}

/// The words of systemd-boot in GRUB's terms: without a time a key brings the menu, unless that is forbidden.
impl From<Timeout> for MenuWait {
    fn from(timeout: Timeout) -> MenuWait {
        let (seconds, style) = match timeout {
            Timeout::MenuForce => (None, WaitStyle::Menu),
            Timeout::MenuHidden | Timeout::Seconds(0) => (Some(0), WaitStyle::Hidden),
            Timeout::MenuDisabled => (Some(0), WaitStyle::Menu),
            Timeout::Seconds(seconds) => (Some(seconds), WaitStyle::Menu),
        };
        MenuWait {
            stated: true,
            seconds,
            style,
        }
    }
}

/// What a configuration wants when an entry of it can't be loaded (`reboot-on-error` of loader.conf(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Another entry.
    #[default]
    Continue,
    /// That the machine starts anew where the boot was counted: after so many the entry comes last.
    RebootIfCounted,
    /// That the machine starts anew.
    Reboot,
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
