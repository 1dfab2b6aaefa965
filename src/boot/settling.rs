//! [`settle`]: whether what boots is started now, or further disks are waited for.

use std::time::Duration;

use super::rules::missing;
use crate::inventory::Inventory;
use crate::policy::{DiskRule, Wait};

/// What follows where there is something that boots.
#[derive(Debug)]
pub enum Settled<'a> {
    /// Nobody waits any more, though these disks are not there.
    Over(Vec<&'a DiskRule>),
    /// It is waited for this.
    Waits(&'static str),
}

/// Waits for the disks that the policy wants, or if it names none for those that are on their way, of which there are
/// some or none. `waited` is the time that all such waits have taken.
pub fn settle<'a>(
    inventory: &Inventory,
    policy: &'a Wait,
    on_their_way: bool,
    waited: Duration,
) -> Settled<'a> {
    let missing = missing(inventory, &policy.wanted);
    let (is_complete, what) = match policy.wanted.is_empty() {
        true => (!on_their_way, "what is still being brought up"),
        false => (missing.is_empty(), "the disks that the policy wants"),
    };
    match is_complete || waited >= policy.settle {
        true => Settled::Over(missing),
        false => Settled::Waits(what),
    }
}
