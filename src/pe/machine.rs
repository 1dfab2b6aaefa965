//! Processor architectures.

use std::fmt;

use goblin::pe::header::{
    COFF_MACHINE_ARM, COFF_MACHINE_ARM64, COFF_MACHINE_ARMNT, COFF_MACHINE_RISCV64,
    COFF_MACHINE_THUMB, COFF_MACHINE_X86, COFF_MACHINE_X86_64,
};

/// `Machine` of the file header: what a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine(pub u16);

impl Machine {
    /// The architecture of the running program as EFI names it.
    pub const OWN: &str = if cfg!(target_arch = "x86_64") {
        "x64"
    } else if cfg!(target_arch = "aarch64") {
        "aa64"
    } else {
        ""
    };

    /// Its name in EFI's spelling, where it has one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            COFF_MACHINE_X86_64 => "x64",
            COFF_MACHINE_X86 => "ia32",
            COFF_MACHINE_ARM64 => "aa64",
            COFF_MACHINE_ARM | COFF_MACHINE_ARMNT | COFF_MACHINE_THUMB => "arm",
            COFF_MACHINE_RISCV64 => "riscv64",
            _ => return None,
        })
    }

    /// Is it the one of the running program?
    pub fn is_own(self) -> bool {
        self.name() == Some(Machine::OWN)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "machine type {:#06x}", self.0),
        }
    }
}
