//! What a TPM is told of what happens here, so that secrets that are sealed to its registers stay sealed, and what a
//! person can read of that.
//!
//! [`Measured`] is the proof that it was told, without which nothing of that kind happens.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use crate::tpm::{Device, Tpm, TpmError, extend};

/// The event of a shell. These bytes, without an end of line, are what is hashed.
pub const SHELL: &str = "pilotlight: shell";

/// The registers that are extended: that of boot loaders and of what is done instead of a boot, and that of Secure
/// Boot's policy, to which most secrets are sealed (TCG, PC Client Platform Firmware Profile, 3.3.4).
pub const PCRS: [u32; 2] = [4, 7];

/// Everything that was measured since the flash kernel has started, on a line each.
pub const LOG: &str = "/run/pilotlight/measured";

/// Why there is none, before the reason.
pub const UNTOLD: &str = "no shell: the TPM can't be told";

const DONE: &str = "shell: measured as \"pilotlight: shell\" into PCRs 4 and 7";
const NO_TPM: &str = "shell: not measured: no TPM (neither a driver nor ACPI knows one)";

/// The TPM was told, or there is none. In words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured(&'static str);

impl Measured {
    /// A shell is about to be started on this machine. `waiting` is told every now and then that the TPM is being
    /// waited for.
    ///
    /// # Errors
    /// There is a TPM, and it can't be told: no secret may be opened in that shell, so that there must be none.
    pub fn shell(waiting: &dyn Fn()) -> Result<Measured, TpmError> {
        let measured = match Device::open(waiting) {
            Err(TpmError::None) => Measured(NO_TPM),
            tpm => Measured::shell_by(&tpm?)?,
        };
        let log = File::options().append(true).create(true).open(LOG);
        // The log of the boot and its report have it as well.
        let _: io::Result<()> = log.and_then(|mut log| writeln!(log, "{measured}"));
        Ok(measured)
    }

    /// The same, by this TPM.
    ///
    /// # Errors
    /// It can't be told.
    pub fn shell_by(tpm: &dyn Tpm) -> Result<Measured, TpmError> {
        for pcr in PCRS {
            extend(tpm, pcr, SHELL.as_bytes())?;
        }
        Ok(Measured(DONE))
    }

    /// What was done, in words.
    pub fn words(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_name_the_event_and_the_registers() {
        let [first, second] = PCRS;
        let words = format!("shell: measured as {SHELL:?} into PCRs {first} and {second}");
        assert_eq!(words, DONE);
    }
}
