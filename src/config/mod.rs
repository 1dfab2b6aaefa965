//! Boot configurations: what installed systems left for whoever starts them.
//!
//! One file or folder for each language; [`discover`] asks them all and gives the entries in the order
//! of the menu.

pub mod bls;
mod discover;
pub mod grub;
mod names;
pub mod uki;

pub use discover::{Found, VolumeProblem, discover};
