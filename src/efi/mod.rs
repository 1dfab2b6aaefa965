//! UEFI as the running system sees it: variables, and what a boot loader and a system tell each other with
//! them.
//!
//! [`Variables`] is a store of variables: that of the firmware ([`Efivarfs`]) or one in memory
//! ([`MemoryVariables`]). [`Wishes`] is what the system that ran before, or its administrator, wants to be
//! booted; [`Account`] is what the system that is started next is told.

mod account;
mod efivarfs;
mod memory;
mod strings;
mod variables;
mod wishes;

pub use account::{Account, Memory};
pub use efivarfs::Efivarfs;
pub use memory::MemoryVariables;
pub(crate) use strings::{decode, encode};
pub use variables::{LOADER, VariableError, Variables};
pub use wishes::{SAVED, Timeout, Wish, Wishes};
