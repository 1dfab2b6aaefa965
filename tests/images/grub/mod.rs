//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.

mod corpus;
mod menus;
mod oracle;
mod places;
mod random;
mod shapes;
mod state;
