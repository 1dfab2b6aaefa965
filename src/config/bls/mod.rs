//! The Boot Loader Specification (UAPI.1), type 1: one small file for each entry.
//!
//! A [`Group`] reads the volumes that belong together and puts their entries in the order of the
//! specification.

mod counter;
mod entry;
mod file;
mod group;
mod lines;
mod loader_conf;
mod order;
mod pattern;
mod variables;
mod version;
mod volume;

pub use counter::Counter;
pub use file::{Program, Type1};
pub use group::{Group, Offered, Place};
pub(in crate::config) use lines::{Line, lines};
pub use loader_conf::{LoaderConf, Wanted};
pub use pattern::{Nearness, Pattern};
pub use version::compare;
pub(in crate::config) use volume::{Sorted, remark_on_name};
