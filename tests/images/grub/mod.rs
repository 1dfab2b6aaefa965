//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.

mod corpus;
mod oracle;
mod random;
