//! Images of UEFI firmware: what stands in a flash part, read into a tree, changed, and put together again.
//!
//! The structures are those of the UEFI Platform Initialization Specification (PI 1.8), volume 3: an [`Image`]
//! holds [`Volume`]s, a volume holds [`File`]s, a file holds [`Section`]s, and a section holds bytes, further
//! sections (compressed or not) or a volume. What is not understood is kept byte by byte, and what was not changed
//! comes out as it came in: only what lies on the way to a change is made anew.
//!
//! This is for workstations: the flash binary is built without it (feature `host`).

#[cfg(test)]
mod builder;
mod change;
mod checksum;
mod codec;
mod error;
mod file;
mod file_kind;
mod find;
mod guid;
mod header;
mod image;
mod layout;
mod lzma;
mod made;
mod reader;
mod section;
mod span;
#[cfg(test)]
mod tests;
mod variables;
mod volume;

pub use change::{Change, Done};
pub use codec::Codec;
pub use error::{Damage, FirmwareError};
pub use file::{Body, File};
pub use file_kind::FileKind;
pub use find::{Name, ParseNameError, ParsePlaceError, Place, Target};
pub use guid::{Guid, ParseGuidError};
pub use header::{Blocks, FileSystem, VolumeHeader};
pub use image::{Image, MAX_IMAGE, Piece};
pub use section::{Inside, Section, SectionKind};
pub use variables::{FvFile, start_first};
pub use volume::{Content, Volume};
