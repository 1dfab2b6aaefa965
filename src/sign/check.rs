//! Whether a signature counts, asked of the library as a boot asks it.

use std::fs::File;
use std::io::{self, Read};

use pilotlight::trust::authenticode::Program;
use pilotlight::trust::{Anchor, Certificate, Problem, Refusal, Trusted, appended, detached};

/// Trust in these certificates, and in nothing else. Those whose keys never count are left out.
pub(crate) fn trust<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Trusted {
    let anchors = certificates.into_iter();
    let anchors = anchors.filter_map(|one| Anchor::certificate("signer", one.der()).ok());
    Trusted {
        anchors: anchors.collect(),
        ..Trusted::default()
    }
}

/// Is one of the signatures of a program by this certificate?
///
/// # Errors
/// Why the last one that does not count does not, when none is.
pub(crate) fn program(program: &Program, certificate: &Certificate) -> Result<(), Refusal> {
    let mut verdict = program.verify(&trust([certificate]));
    let mut chains = verdict.proofs.iter().filter_map(|proof| proof.chain());
    match chains.any(|chain| chain.certificates().first() == Some(certificate)) {
        true => Ok(()),
        false => Err(verdict.refusals.pop().unwrap_or_else(unsigned)),
    }
}

/// Do all signers of a file count? Otherwise why the first one that does not count does not.
///
/// # Errors
/// The file can't be read.
pub(crate) fn beside(
    signature: &[u8],
    content: File,
    trusted: &Trusted,
) -> io::Result<Result<(), Refusal>> {
    let signers = each_beside(signature, content, trusted)?;
    Ok(signers.and_then(|signers| signers.into_iter().collect()))
}

/// Does each signature of a file count, each signer of CMS by himself?
///
/// # Errors
/// The file can't be read.
pub(crate) fn each_beside(
    signature: &[u8],
    mut content: File,
    trusted: &Trusted,
) -> io::Result<Result<Vec<Result<(), Refusal>>, Refusal>> {
    let mut check = match detached::Check::new(signature, trusted) {
        Ok(check) => check,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = content.read(&mut buffer)?;
        match buffer.get(..length) {
            Some(bytes) if !bytes.is_empty() => check.update(bytes),
            _ => break,
        }
    }
    let signers = check.finish().into_iter();
    Ok(Ok(signers.map(|signer| signer.map(drop)).collect()))
}

/// Does each signer count who has signed at the end of a file?
///
/// # Errors
/// No signature at the end could count.
pub(crate) fn behind(file: &[u8], trusted: &Trusted) -> Result<Vec<Result<(), Refusal>>, Refusal> {
    let tail = file.len().saturating_sub(appended::MAX_TAIL);
    let tail = file.get(tail..).unwrap_or_default();
    let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let mut check = appended::Check::new(tail, size, trusted)?.ok_or_else(unsigned)?;
    check.update(file);
    let signers = check.finish()?.into_iter();
    Ok(signers.map(|signer| signer.map(drop)).collect())
}

fn unsigned() -> Refusal {
    Refusal {
        signature: None,
        certificate: None,
        key: None,
        problem: Problem::Unsigned,
    }
}
