//! Unified kernel images (UAPI.5) and other EFI programs: what starting one comes to.
//!
//! systemd-stub never runs when a kernel is started by kexec, so its work is done here and in
//! [`boot`](crate::boot): the choice of the profile, the command line with its add-ons, and what is
//! handed to the initrd.

mod addon;
mod command_line;
mod companions;
mod fallback;
mod name;
mod os_release;
mod pinned;
mod profile;
mod program;
mod start;
mod volume;

pub use command_line::{MAX_COMMAND_LINE, TextError, TooLong, command_line, text};
pub(in crate::config) use companions::kind_of;
pub(in crate::config) use fallback::fallback;
pub use os_release::system;
pub use pinned::{PIN_SECTIONS, Pinned, PinnedError, PinnedFile, starts_something};
pub use profile::Profile;
pub(in crate::config) use start::{Asked, start};
pub(in crate::config) use volume::read;
