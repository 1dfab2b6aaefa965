//! [`Permissions`]: what a person at the menu may do, and [`Timeout`]: what happens when nobody is there.

use std::time::Duration;

/// Who may do something. The lesser is the stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nobody.
    #[default]
    No,
    /// Who knows the password.
    Password,
    /// Everybody.
    Yes,
}

/// What a person may do. By default that is to start what is started anyway, and to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Start an entry that is not the one that is started without a person.
    pub choose: Access,
    /// Change a command line, and choose other initrds, for one boot.
    pub edit: Access,
    /// Choose the entry for the next boot, once.
    pub once: Access,
    /// Choose the default for all further boots.
    pub default: Access,
    /// Get a shell. The image has one.
    pub shell: Access,
    /// Leave the menu, on a workstation.
    pub quit: bool,
    /// There is a password. Without one, what is only for those who know it is for nobody.
    pub password: bool,
    /// How many passwords may be wrong before no more are taken.
    pub attempts: u32,
}

impl Permissions {
    /// Who may do what this access is for, with what there is.
    pub(super) fn effective(&self, access: Access) -> Access {
        match access {
            Access::Password if !self.password => Access::No,
            access => access,
        }
    }
}

/// What happens when nobody presses a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeout {
    /// How long somebody may choose. `None` waits for somebody; zero starts at once, and a key that was pressed
    /// before still brings the menu.
    pub wait: Option<Duration>,
    /// Nothing is shown meanwhile: Space or Escape bring the menu.
    pub hidden: bool,
    /// Somebody who pressed a key and then none for so long is gone: the wait begins anew. Noise on a serial line
    /// looks like somebody, too. `None` waits for ever.
    pub idle: Option<Duration>,
    /// Whoever has been here for so long has to type what stands on the screen, which noise does not: otherwise the
    /// wait begins anew, and no key stops it. `None` never asks.
    pub stay: Option<Duration>,
}
