//! [`Listing`]: a file and its signatures, in words.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pilotlight::trust::inspect::{Content, Signature};
use pilotlight::trust::manifest::Manifest;
use pilotlight::trust::{Problem, Trusted, sbat};
use serde::Serialize;

use super::certificate::CertificateListing;
use super::manifest::ManifestListing;
use crate::check;
use crate::error::SignError;
use crate::table::Target;

/// A file.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    pub(super) file: String,
    /// Only of a program.
    pub(super) program: Option<ProgramListing>,
    /// Only of a manifest.
    pub(super) manifest: Option<ManifestListing>,
    pub(super) signatures: Vec<SignatureListing>,
    /// Why there may be no signatures.
    pub(super) problem: Option<String>,
}

/// An EFI program.
#[derive(Debug, Serialize)]
pub(super) struct ProgramListing {
    /// What processor it is for.
    pub(super) machine: String,
    /// Names, in the order of the file.
    pub(super) sections: Vec<String>,
    /// Authenticode digests.
    pub(super) digests: Vec<DigestListing>,
    pub(super) sbat: Vec<SbatListing>,
}

/// A digest.
#[derive(Debug, Serialize)]
pub(super) struct DigestListing {
    pub(super) algorithm: String,
    pub(super) value: String,
}

/// A row of SBAT.
#[derive(Debug, Serialize)]
pub(super) struct SbatListing {
    pub(super) component: String,
    pub(super) generation: String,
    /// Vendor, package, version and URL.
    pub(super) about: String,
}

/// A signature.
#[derive(Debug, Serialize)]
pub(super) struct SignatureListing {
    /// Is it over this very file, and by the certificates that are with it?
    pub(super) intact: bool,
    /// Why not.
    pub(super) problem: Option<String>,
    pub(super) signers: Vec<SignerListing>,
    pub(super) certificates: Vec<CertificateListing>,
}

/// Who signed.
#[derive(Debug, Serialize)]
pub(super) struct SignerListing {
    /// Nothing where his certificate is not there.
    pub(super) name: Option<String>,
    /// Nothing where it is SHA-1 or unknown.
    pub(super) digest: Option<String>,
}

impl Listing {
    /// Looks at a file.
    ///
    /// # Errors
    /// [`SignError`].
    pub(super) fn read(path: &Path) -> Result<Listing, SignError> {
        let bytes = fs::read(path).map_err(|error| SignError::Read(path.to_owned(), error))?;
        match bytes.starts_with(b"MZ") {
            true => Ok(Listing::program(path, &Target::new(path, bytes)?)),
            false if bytes.starts_with(b"pilotlight-manifest") => Listing::manifest(path, &bytes),
            false => Listing::signature(path, &bytes),
        }
    }

    fn program(path: &Path, target: &Target) -> Listing {
        let program = &target.program;
        let entries = program.signatures();
        let problem = entries.as_ref().err().map(ToString::to_string);
        let entries = entries.unwrap_or_default();
        let read = entries
            .into_iter()
            .map(|entry| entry.and_then(Signature::read));
        let read: Vec<Result<Signature, Problem>> = read.collect();
        let trusted = trust(read.iter().flatten());
        let mut refusals = program.verify(&trusted).refusals;
        let signatures = (1_usize..).zip(read).map(|(number, signature)| {
            let at = refusals
                .iter()
                .position(|refusal| refusal.signature == Some(number));
            let refusal = at.map(|at| refusals.remove(at));
            SignatureListing::of(signature, refusal.map(|refusal| refusal.problem))
        });
        Listing {
            file: path.display().to_string(),
            signatures: signatures.collect(),
            problem,
            program: Some(ProgramListing::of(target)),
            manifest: None,
        }
    }

    /// A manifest, with the CMS signature beside it, if there is one.
    fn manifest(path: &Path, text: &[u8]) -> Result<Listing, SignError> {
        let wrong = |error| SignError::Manifest(path.to_owned(), error);
        let manifest = Manifest::parse(text).map_err(wrong)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".p7s");
        let beside = PathBuf::from(beside);
        let signatures = match fs::read(&beside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            result => {
                let bytes = result.map_err(|error| SignError::Read(beside.clone(), error))?;
                Listing::signature(&beside, &bytes)?.signatures
            }
        };
        Ok(Listing {
            file: path.display().to_string(),
            program: None,
            manifest: Some(ManifestListing::of(&manifest)),
            signatures,
            problem: None,
        })
    }

    fn signature(path: &Path, bytes: &[u8]) -> Result<Listing, SignError> {
        let unknown = |problem| SignError::Unknown(path.to_owned(), problem);
        let signature = Signature::read(bytes).map_err(unknown)?;
        let beside = path.with_extension("");
        let problem = match (&signature.content, File::open(&beside)) {
            (Content::Detached, Ok(file)) => {
                let counts = check::beside(bytes, file, &trust([&signature]));
                let counts = counts.map_err(|error| SignError::Read(beside, error))?;
                counts.err().map(|refusal| refusal.problem)
            }
            (Content::Detached, Err(_)) => Some(Problem::Damaged(
                "the file that it is the signature of is not beside it",
            )),
            _ => Some(Problem::Kind("no signature of a file beside it".to_owned())),
        };
        Ok(Listing {
            file: path.display().to_string(),
            program: None,
            manifest: None,
            signatures: vec![SignatureListing::of(Ok(signature), problem)],
            problem: None,
        })
    }
}

/// Trust in everyone who signed: then a signature that does not count is a broken one.
fn trust<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> Trusted {
    let signatures = signatures.into_iter();
    check::trust(signatures.flat_map(|signature| &signature.certificates))
}

impl ProgramListing {
    fn of(target: &Target) -> ProgramListing {
        let image = target.program.image();
        let digests = target.program.digests().iter().map(|digest| DigestListing {
            algorithm: digest.algorithm().to_string(),
            value: digest.to_string(),
        });
        let sbat = image.section(".sbat").and_then(|section| {
            let Range { start, end } = section.content.clone();
            target
                .bytes
                .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        });
        ProgramListing {
            machine: image.machine.to_string(),
            sections: image
                .sections
                .iter()
                .map(|section| section.name.clone())
                .collect(),
            digests: digests.collect(),
            sbat: sbat.map(rows).unwrap_or_default(),
        }
    }
}

/// The rows of a section `.sbat`. Those of a section that would not count are shown all the same.
fn rows(section: &[u8]) -> Vec<SbatListing> {
    let text = section
        .get(..sbat::MAX_LENGTH.min(section.len()))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let lines = text
        .trim_end_matches('\0')
        .lines()
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut fields = line.splitn(3, ',');
            let mut next = || fields.next().unwrap_or_default().to_owned();
            SbatListing {
                component: next(),
                generation: next(),
                about: next(),
            }
        })
        .collect()
}

impl SignatureListing {
    fn of(signature: Result<Signature, Problem>, problem: Option<Problem>) -> SignatureListing {
        let (signature, problem) = match signature {
            Ok(signature) => (Some(signature), problem),
            Err(problem) => (None, Some(problem)),
        };
        let signers = signature.iter().flat_map(|signature| {
            signature.signers.iter().map(|signer| {
                let certificate = signer
                    .certificate
                    .and_then(|at| signature.certificates.get(at));
                SignerListing {
                    name: certificate.map(|certificate| certificate.name()),
                    digest: signer.digest.map(|digest| digest.to_string()),
                }
            })
        });
        let certificates = signature
            .iter()
            .flat_map(|signature| &signature.certificates);
        SignatureListing {
            intact: problem.is_none(),
            problem: problem.map(|problem| problem.to_string()),
            signers: signers.collect(),
            certificates: certificates.map(CertificateListing::of).collect(),
        }
    }
}
