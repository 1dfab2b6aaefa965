//! `file`: signatures that stand beside files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use pilotlight::trust::{Algorithm, Digest, Hasher};

use crate::arguments::Signing;
use crate::check;
use crate::cms::{self, Content};
use crate::error::SignError;
use crate::key::Key;
use crate::replace;
use crate::signer::Signer;

/// What to sign.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The files; there is one at least.
    pub(crate) files: Vec<PathBuf>,
    /// By whom.
    pub(crate) by: By,
}

/// By whom, which decides the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// With a certificate: CMS in DER, `.p7s`.
    Signer(Signing),
    /// With the key alone: the bare value, `.sig`.
    Key(Key),
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; the files before the one at fault are signed then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    for path in &options.files {
        let read = |error| SignError::Read(path.clone(), error);
        let file = File::open(path).map_err(read)?;
        let (suffix, signature) = match &options.by {
            By::Key(key) => (".sig", key.sign(file, None)?),
            By::Signer(signing) => (".p7s", sign(&signing.signer()?, file, path)?),
        };
        let mut beside = OsString::from(path);
        beside.push(suffix);
        let beside = PathBuf::from(beside);
        replace::write(&beside, &signature)?;
        writeln!(
            output,
            "{}: the signature of {}",
            beside.display(),
            path.display()
        )?;
    }
    Ok(())
}

/// A CMS signature, which counts.
fn sign(signer: &Signer, file: File, path: &Path) -> Result<Vec<u8>, SignError> {
    let read = |error| SignError::Read(path.to_owned(), error);
    let content = Content {
        kind: cms::DATA,
        inside: None,
        digest: digest(file).map_err(read)?,
    };
    let signature = cms::sign(signer, &content)?;
    let trusted = check::trust([&signer.certificate]);
    let file = File::open(path).map_err(read)?;
    let counts = check::beside(&signature, file, &trusted).map_err(read)?;
    counts.map_err(|refusal| SignError::Useless(path.to_owned(), Box::new(refusal)))?;
    Ok(signature)
}

/// The SHA-256 of what is in a file.
pub(crate) fn digest(mut file: File) -> io::Result<Digest> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = file.read(&mut buffer)?;
        match buffer.get(..length) {
            Some(bytes) if !bytes.is_empty() => hasher.update(bytes),
            _ => return Ok(hasher.finish()),
        }
    }
}
