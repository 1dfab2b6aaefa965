//! [`Watchdog`]: how long this boot loader, and the kernel that it starts, may get on with nothing.

use super::document::Wrong;
use super::keys::Keys;

/// Table `[watchdog]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// `timeout`: seconds without progress after which the machine is reset; 0 lets watchdogs be as they are.
    pub timeout: u32,
    /// `kernel`: is the kernel that is started reset as well, unless it takes the watchdog over?
    pub armed: bool,
    /// `boot`: seconds that it has for that.
    pub boot: u32,
}

impl Default for Watchdog {
    /// A loader that hangs is ended after 60 seconds, so that this is for what can't be ended. A system that knows of
    /// no watchdog runs on.
    fn default() -> Watchdog {
        Watchdog {
            timeout: 120,
            armed: false,
            boot: 300,
        }
    }
}

/// What is shorter would reset a machine whose disk is slow.
const LEAST: u32 = 10;
const MOST: u32 = 3600;

impl Watchdog {
    /// Reads the table.
    pub(super) fn read(&mut self, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        self.timeout = keys.limited("timeout", 0, MOST, self.timeout)?;
        keys.word("kernel", &mut self.armed, &KERNEL)?;
        self.boot = keys.limited("boot", LEAST, MOST, self.boot)?;
        match self.timeout {
            1..LEAST => Err(keys.wrong(format!(
                "`timeout` of watchdog is 0, or at least {LEAST} seconds"
            ))),
            0 if self.armed => Err(keys.wrong(
                "`kernel = \"armed\"` needs a `timeout`: no watchdog is opened without one",
            )),
            _ => Ok(()),
        }
    }
}

pub(super) const KERNEL: [(&str, bool); 2] = [("armed", true), ("disarmed", false)];
