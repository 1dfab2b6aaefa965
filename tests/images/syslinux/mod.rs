//! Configurations of SYSLINUX and its relatives on disks.

mod disk;
mod netboot;
mod shapes;
