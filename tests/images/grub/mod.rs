//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same. And what upstream's GRUB
//! does not have.

mod booted;
pub mod corpus;
mod gptprio;
mod initrd;
pub mod machine;
mod menus;
pub mod oracle;
mod places;
pub mod random;
mod random_menus;
mod state;
mod subvolumes;
pub mod systems;
mod walk;
pub mod wanted;
