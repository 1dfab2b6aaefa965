//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.

mod corpus;
mod machine;
mod menus;
mod oracle;
mod random;
mod systems;
mod walk;
