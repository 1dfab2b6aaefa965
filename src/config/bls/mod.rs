//! The Boot Loader Specification (UAPI.1), type 1: one small file for each entry.
//!
//! [`read`] gives the entries of one volume; [`order`](order::order) puts those of the volumes that
//! belong together in the order of the specification.

mod counter;
mod file;
mod lines;
mod loader_conf;
mod order;
mod pattern;
mod titles;
mod version;
mod volume;

pub use counter::Counter;
pub use file::Type1;
pub(in crate::config) use lines::lines;
pub use loader_conf::{Choice, LoaderConf, Timeout};
pub use order::order;
pub use pattern::Pattern;
pub use titles::make_unique;
pub use version::compare;
pub use volume::{Read, Sorted, read};
