//! Configurations of SYSLINUX and its relatives on disks.

mod netboot;
mod shapes;
