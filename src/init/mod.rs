//! Process 1 of the flash kernel.
//!
//! A small parent, [`main`], sets the machine up, keeps the log, writes to the consoles and never ends.
//! Its child, [`loader`], finds disks, decides, reads and loads; when it dies, that is a line in the log
//! and one entry that is not tried again in this round. The jump is the parent's: by then the child has
//! ended, and with it every descriptor that it held.

mod console;
mod ending;
mod loader;
mod log;
mod mounts;
mod supervisor;

pub use loader::{LOADER, main as loader};
pub use supervisor::main;

/// Directory below which the loader lets the kernel mount volumes.
const VOLUMES: &str = "/run/pilotlight/volumes";
