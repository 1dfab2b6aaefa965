//! Registers that can only be extended until the machine is reset, to which secrets are sealed (part 1, 17).

use super::command::Command;
use super::{Tpm, TpmError};

/// `TPM_CC_PCR_Event` (part 3, 22.3).
const PCR_EVENT: u32 = 0x13c;

/// Extends a register with an event, in all banks that are active: the TPM makes the digest for each by itself.
///
/// # Errors
/// [`TpmError`]; an event has at most 1,024 bytes.
pub fn extend(tpm: &dyn Tpm, pcr: u32, event: &[u8]) -> Result<(), TpmError> {
    let command = Command::authorised(PCR_EVENT, &[pcr]);
    command.sized(event).send(tpm).map(drop)
}
