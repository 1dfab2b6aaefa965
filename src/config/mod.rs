//! Boot configurations: what installed systems left for whoever starts them.
//!
//! One file or folder for each language; [`discover`] asks them all and gives the entries in the order
//! of the menu.

pub mod bls;
mod budget;
mod configuration;
mod discover;
pub mod grub;
pub mod guess;
mod home;
mod identity;
mod names;
mod password;
mod same;
mod startable;
pub mod syslinux;
#[cfg(test)]
mod tests;
pub mod uki;

pub use budget::Budget;
pub use configuration::{Configuration, MenuWait, OnError, WaitStyle};
pub use discover::{Found, VolumeProblem, discover};
