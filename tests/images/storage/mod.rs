//! Arrays and volume groups that the kernel's own drivers have made, read in user space. `make` makes the
//! disks; they lie here, compressed.

mod arrays;
mod conflicts;
mod groups;
mod grub;
mod kit;
