//! Disk images made by the real tools, and what we read of them compared with what the tools and the
//! kernel say.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod bls;
mod boards;
mod btrfs;
mod cli;
mod damage;
mod environment;
mod ext;
mod ext_attacks;
mod ext_journal;
mod fat;
mod grub;
mod guess;
mod identify;
mod installed;
mod iso9660;
mod kernel_install;
mod kit;
mod loopback;
mod memory;
mod menu;
mod partitions;
mod same;
mod scripts;
mod storage;
mod syslinux;
mod table_damage;
#[allow(dead_code, reason = "the corpus has its own test")]
#[path = "../../fuzz/targets.rs"]
mod targets;
mod trust;
mod uki;
mod xfs;
mod xfs_places;
