//! Booting: which entry, its bytes, and the hand-over.
//!
//! [`find`] looks for entries and blocks those that the policy refuses; [`plan`] puts the others into the order of
//! attempts, and [`unmet`] tells which wishes it can't follow;
//! [`Starts`] puts what resets the machine again and again behind the others.
//! [`Attempt`] takes one entry through its stages: open, read once into sealed memory while hashing, let the policy
//! decide, load.
//! [`save`] writes what the configuration wants to be remembered of a boot, and [`count`] counts it. The jump
//! itself is left to the caller, who first lets go of everything that the next kernel should not inherit.

mod attempt;
mod belt;
mod counting;
mod cpio;
mod environment;
mod evidence;
mod initrd;
mod memory;
mod payload;
mod plan;
mod reading;
mod renaming;
mod rules;
mod settling;
mod starts;
mod step;
mod stream;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;
mod unified;
mod wished;
mod witness;

pub use attempt::{Attempt, AttemptError, Loaded};
pub use counting::{CountError, count, counted_name, is_counted};
pub use environment::{Open, SaveError, open_disk, save};
pub use memory::for_payload as payload_memory;
pub use payload::{Part, Payload, PayloadError};
pub use plan::plan;
pub use rules::find;
pub use settling::{Settled, settle};
pub use starts::Starts;
pub use step::Step;
pub use summary::Summary;
pub use timeline::{Stage, Timeline};
pub use wished::{is_one_shot, unmet, wished};
