//! Pilotlight: the small flame that always burns in the flash and lights the operating system.
//!
//! Data moves one way, and each room needs only those before it:
//!
//! [`disk`] → [`fs`] → [`config`] → [`entry::BootEntry`] → [`boot`] → [`kexec`]
//!
//! [`trust`] says who signed a payload, and whether that counts.
//! [`measure`] tells a TPM what secrets have to know.
//! [`menu`] shows what there is and asks a person.
//! [`report`] writes down what has happened, for machines.
//! [`init`] is process 1 around that, [`cli`] is the same on a workstation.

// Tests may be short: what they count is their own.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

pub mod boot;
mod child;
pub mod cli;
mod compression;
pub mod config;
pub mod disk;
pub mod efi;
pub mod entry;
#[cfg(feature = "host")]
pub mod firmware;
pub mod fs;
pub mod init;
pub mod inventory;
pub mod ipmi;
pub mod kexec;
pub mod measure;
pub mod menu;
pub mod pe;
pub mod policy;
pub mod report;
mod seconds;
mod size;
pub mod smbios;
pub mod store;
pub mod text;
pub mod tpm;
pub mod trust;
