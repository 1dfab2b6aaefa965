//! Certificates in files: PEM with one or several, or one in DER.

use std::fs;
use std::path::Path;

use pilotlight::trust::Certificate;

use crate::error::SignError;
use crate::pem;

/// Reads all certificates of a file; there is at least one.
///
/// # Errors
/// [`SignError::Read`], [`SignError::Certificates`].
pub(crate) fn read(path: &Path) -> Result<Vec<Certificate>, SignError> {
    let bytes = fs::read(path).map_err(|error| SignError::Read(path.to_owned(), error))?;
    let wrong = |what: &str| SignError::Certificates(path.to_owned(), what.to_owned());
    let found = match bytes.first() {
        // A SEQUENCE.
        Some(0x30) => vec![bytes],
        _ => pem::certificates(&bytes).ok_or_else(|| wrong("its PEM is damaged"))?,
    };
    if found.is_empty() {
        return Err(wrong("there is no certificate in it"));
    }
    let found = found.iter().map(|der| Certificate::read(der));
    let found = found.collect::<Result<Vec<_>, _>>();
    found.map_err(|problem| wrong(&problem.to_string()))
}

/// Reads a file that holds one certificate.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_one(path: &Path) -> Result<Certificate, SignError> {
    match <[Certificate; 1]>::try_from(read(path)?) {
        Ok([certificate]) => Ok(certificate),
        Err(_) => Err(SignError::Certificates(
            path.to_owned(),
            "there are several certificates in it; issuers belong into --chain".to_owned(),
        )),
    }
}
