//! Configurations of SYSLINUX and its relatives on disks.

mod disk;
mod media;
mod netboot;
mod shapes;
