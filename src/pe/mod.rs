//! EFI programs: the headers and the section table of a PE file (Microsoft's PE format specification).
//!
//! An [`Image`] is read from the beginning of a file; what the sections hold is read by whoever wants it,
//! at ranges that were checked here.

#[cfg(test)]
mod builder;
mod error;
mod image;
mod layout;
mod machine;

#[cfg(test)]
pub(crate) use builder::program;
pub use error::PeError;
pub use image::{FIRST_READ, Image, MAX_HEADERS, Section};
pub use machine::Machine;
