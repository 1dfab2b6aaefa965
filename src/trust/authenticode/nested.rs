//! Signatures in signatures, as `osslsigncode sign -nest` and Microsoft's tools put them there.

use super::table::MAX_ENTRIES;
use crate::trust::cms::SignedData;
use crate::trust::error::Problem;

/// Signatures in each other beyond this are not looked at. Tools put all of them into the first.
const MAX_DEPTH: usize = 4;

/// Adds a signature to those that were found, and behind it those that are nested in it. One that can't be read is
/// added all the same: whoever checks it says so.
///
/// # Errors
/// [`Problem::TooMany`].
pub(super) fn unfold(
    signature: Result<Vec<u8>, Problem>,
    depth: usize,
    found: &mut Vec<Result<Vec<u8>, Problem>>,
) -> Result<(), Problem> {
    if found.len() >= MAX_ENTRIES || depth > MAX_DEPTH {
        return Err(Problem::TooMany("signatures"));
    }
    let data = signature
        .as_deref()
        .ok()
        .and_then(|der| SignedData::read(der).ok());
    found.push(signature);
    let Some(data) = data else {
        return Ok(());
    };
    let depth = depth.saturating_add(1);
    for signer in &data.signers {
        match signer.nested() {
            Ok(nested) => {
                for inner in nested {
                    unfold(Ok(inner.to_vec()), depth, found)?;
                }
            }
            Err(problem) => found.push(Err(problem)),
        }
    }
    Ok(())
}
