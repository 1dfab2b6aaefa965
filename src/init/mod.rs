//! Process 1 of the flash kernel.
//!
//! A small parent, [`main`], sets the machine up, keeps the log, writes to the consoles and never ends.
//! Its child, [`loader`], finds disks, decides, reads and loads. It says what it is at work on before it
//! begins, and gives signs of life while it gets on; one that dies, or gives none for a minute, is a line
//! in the log and a disk, a volume or an entry that the next loader of this round leaves out. The jump is
//! the parent's: by then the child has ended, and with it every descriptor that it held.
//!
//! The child has two threads that share nothing but a [`desk`]: the work, which has the disks, and the menu in
//! [`front`], which has the terminals. A disk that hangs freezes no key, a terminal that is stuck holds up no disk, and
//! if one of them dies so does the other.

mod about;
mod books;
mod booting;
mod console;
mod desk;
mod ending;
mod finding;
mod firmware;
mod front;
mod journal;
mod loader;
mod log;
mod lost;
mod message;
mod mounts;
mod place;
mod proving;
mod pulse;
mod report;
mod resets;
mod running;
mod serving;
mod settings;
mod shell;
mod stand_in;
mod supervisor;
mod told;
mod trying;
mod wait;
mod watchdogs;

pub use loader::{LOADER, main as loader};
pub use supervisor::main;

/// Directory below which the loader lets the kernel mount volumes.
const VOLUMES: &str = "/run/pilotlight/volumes";

#[cfg(test)]
mod tests {
    /// Before `main`, Rust opens `/dev/null` for descriptors 0 to 2 that are missing, and aborts where it
    /// can't: as process 1, that is a panic of the kernel.
    #[test]
    fn the_image_has_the_devices_that_process_1_starts_with() {
        let list = include_str!("../../initramfs/list");
        for node in ["/dev/console 0600 0 0 c 5 1", "/dev/null 0666 0 0 c 1 3"] {
            assert!(list.lines().any(|line| line == format!("nod {node}")));
        }
    }
}
