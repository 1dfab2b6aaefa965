//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.

pub mod corpus;
mod menus;
mod oracle;
mod random;
pub mod shapes;
