//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.

mod corpus;
mod menus;
pub mod oracle;
mod random;
mod shapes;
