//! [`AfterEntry`]: what follows an entry that has failed.

use super::Ending;
use crate::config::OnError;

/// `entry` of `[failure]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterEntry {
    /// The next entry.
    #[default]
    Next,
    /// This, and no other entry.
    End(Ending),
    /// What the configuration of the entry wants.
    Configuration,
}

impl AfterEntry {
    /// Is no other entry tried? `on_error` is what the configuration wants of the entry that has failed, and counts
    /// where it `may_succeed` another time: what is refused has no say. `count` counts this boot of it, if it can:
    /// without that every boot would come to the same.
    pub fn ends(self, on_error: OnError, may_succeed: bool, count: impl FnOnce() -> bool) -> bool {
        match (self, on_error) {
            (AfterEntry::Next, _) | (AfterEntry::Configuration, OnError::Continue) => false,
            (AfterEntry::End(_), _) => true,
            (AfterEntry::Configuration, _) if !may_succeed => false,
            (AfterEntry::Configuration, OnError::RebootIfCounted) => count(),
            (AfterEntry::Configuration, OnError::Reboot) => {
                count();
                true
            }
        }
    }

    /// What follows where no other entry is tried. No configuration gives a shell, or switches a machine off.
    pub fn ending(self) -> Option<Ending> {
        match self {
            AfterEntry::Next => None,
            AfterEntry::End(ending) => Some(ending),
            AfterEntry::Configuration => Some(Ending::Reboot),
        }
    }
}
