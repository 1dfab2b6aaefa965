//! GRUB scripts, run by GRUB itself (`grub-emu`) and by us: both must print the same.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test fails by panicking, and the kit has more than is used here"
)]

mod corpus;
#[path = "../images/kit/mod.rs"]
mod kit;
mod oracle;
mod random;
