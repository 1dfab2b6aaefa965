//! [`Listing`]: a file and its signatures, in words.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pilotlight::trust::inspect::{self, Claim, Signature};
use pilotlight::trust::manifest::Manifest;
use pilotlight::trust::{Beside, Format, Problem, Refusal, Trusted, sbat};
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
    /// As in a policy.
    pub(super) format: &'static str,
    /// Is it over this very file, and by the certificates or the key that are with it?
    pub(super) intact: bool,
    /// Is there a certificate or a key with it, so that this can be known?
    pub(super) checked: bool,
    /// Why not.
    pub(super) problem: Option<String>,
    pub(super) signers: Vec<SignerListing>,
    pub(super) certificates: Vec<CertificateListing>,
}

/// Who signed.
#[derive(Debug, Serialize)]
pub(super) struct SignerListing {
    /// Of the certificate, or the key as the tools of the format print it; nothing where neither is there.
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
        let behind = inspect::behind(&bytes).transpose();
        let behind = behind.map(|claim| SignatureListing::behind(&bytes, claim));
        let mut listing = match bytes.starts_with(b"MZ") {
            true => Listing::program(path, &Target::new(path, bytes)?),
            false if bytes.starts_with(b"pilotlight-manifest") => Listing::manifest(path, &bytes)?,
            false if behind.is_some() => Listing::of(path),
            false => Listing {
                signatures: signatures(path, &bytes)?,
                ..Listing::of(path)
            },
        };
        listing.signatures.extend(behind);
        Ok(listing)
    }

    fn of(path: &Path) -> Listing {
        Listing {
            file: path.display().to_string(),
            program: None,
            manifest: None,
            signatures: Vec::new(),
            problem: None,
        }
    }

    fn program(path: &Path, target: &Target) -> Listing {
        let program = &target.program;
        let entries = program.signatures();
        let problem = entries.as_ref().err().map(ToString::to_string);
        let entries = entries.unwrap_or_default();
        let read = entries
            .into_iter()
            .map(|entry| entry.and_then(|entry| Signature::read(&entry)));
        let read: Vec<Result<Signature, Problem>> = read.collect();
        let trusted = trust(read.iter().flatten());
        let mut refusals = program.verify(&trusted).refusals;
        let signatures = (1_usize..).zip(read).map(|(number, signature)| {
            let at = refusals
                .iter()
                .position(|refusal| refusal.signature == Some(number));
            let refusal = at.map(|at| refusals.remove(at));
            let problem = refusal.map(|refusal| refusal.problem);
            SignatureListing::of(Format::Authenticode, signature, problem)
        });
        Listing {
            signatures: signatures.collect(),
            problem,
            program: Some(ProgramListing::of(target)),
            ..Listing::of(path)
        }
    }

    /// A manifest, with the signatures beside it.
    fn manifest(path: &Path, text: &[u8]) -> Result<Listing, SignError> {
        let wrong = |error| SignError::Manifest(path.to_owned(), error);
        let manifest = Manifest::parse(text).map_err(wrong)?;
        let mut found = Vec::new();
        for suffix in Beside::SIGNATURES {
            let mut beside = path.as_os_str().to_owned();
            beside.push(suffix.suffix());
            let beside = PathBuf::from(beside);
            match fs::read(&beside) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => {
                    let bytes = result.map_err(|error| SignError::Read(beside.clone(), error))?;
                    found.extend(signatures(&beside, &bytes)?);
                }
            }
        }
        Ok(Listing {
            manifest: Some(ManifestListing::of(&manifest)),
            signatures: found,
            ..Listing::of(path)
        })
    }
}

/// The signatures in a file beside another one.
fn signatures(path: &Path, bytes: &[u8]) -> Result<Vec<SignatureListing>, SignError> {
    let claims = match inspect::beside(bytes) {
        Ok(claims) => claims,
        Err(problem) => {
            // One that holds what it signs is shown, and is none of a file.
            let unknown = |_| SignError::Unknown(path.to_owned(), problem);
            let signature = Signature::read(bytes).map_err(unknown)?;
            let problem = Problem::Kind("no signature of a file beside it".to_owned());
            let listing = SignatureListing::of(Format::Cms, Ok(signature), Some(problem));
            return Ok(vec![listing]);
        }
    };
    let trusted = Trusted {
        anchors: claims.iter().flatten().flat_map(Claim::anchors).collect(),
        ..Trusted::default()
    };
    let beside = path.with_extension("");
    let mut results = match File::open(&beside) {
        Err(_) => Err("the file that it is the signature of is not beside it".to_owned()),
        Ok(file) => {
            let results = check::each_beside(bytes, file, &trusted);
            let results = results.map_err(|error| SignError::Read(beside, error))?;
            let results = results.map_err(|refusal| refusal.problem.to_string());
            results.map(Vec::into_iter)
        }
    };
    let listings = claims.into_iter().map(|claim| {
        let signers = claim.as_ref().map_or(1, Claim::signers);
        let problem = match &mut results {
            Err(why) => Some(why.clone()),
            Ok(results) => {
                let own: Vec<Result<(), Refusal>> = results.by_ref().take(signers).collect();
                let refusal = own.into_iter().find_map(Result::err);
                refusal.map(|refusal| refusal.problem.to_string())
            }
        };
        SignatureListing::of_claim(claim, problem)
    });
    Ok(listings.collect())
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
    fn of(
        format: Format,
        signature: Result<Signature, Problem>,
        problem: Option<Problem>,
    ) -> SignatureListing {
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
        let certificates: Vec<CertificateListing> =
            certificates.map(CertificateListing::of).collect();
        SignatureListing {
            format: format.name(),
            intact: problem.is_none(),
            checked: !certificates.is_empty(),
            problem: problem.map(|problem| problem.to_string()),
            signers: signers.collect(),
            certificates,
        }
    }

    /// Of what a signature says of itself, and why it does not hold.
    fn of_claim(claim: Result<Claim, Problem>, problem: Option<String>) -> SignatureListing {
        let claim = match claim {
            Ok(claim) => claim,
            Err(problem) => return SignatureListing::of(Format::Cms, Err(problem), None),
        };
        let checked = !claim.anchors().is_empty();
        let problem = match checked {
            true => problem,
            false => Some(match &claim.key {
                Some(key) => format!("only the key {key} could tell, which is not with it"),
                None => "only the key of its signer could tell, which is not with it".to_owned(),
            }),
        };
        let keys = claim.key.map(|key| SignerListing {
            name: Some(key),
            digest: claim.digest.map(|digest| digest.to_string()),
        });
        let cms = claim
            .cms
            .map(|cms| SignatureListing::of(claim.format, Ok(cms), None));
        let mut listing = cms.unwrap_or_else(|| SignatureListing {
            format: claim.format.name(),
            intact: false,
            checked,
            problem: None,
            signers: keys.into_iter().collect(),
            certificates: Vec::new(),
        });
        listing.intact = problem.is_none();
        listing.checked = checked;
        listing.problem = problem;
        listing
    }

    /// The signature at the end of a file.
    fn behind(file: &[u8], claim: Result<Claim, Problem>) -> SignatureListing {
        let trusted = Trusted {
            anchors: claim.iter().flat_map(Claim::anchors).collect(),
            ..Trusted::default()
        };
        let result = check::behind(file, &trusted);
        let result = result.and_then(|signers| signers.into_iter().collect::<Result<(), _>>());
        let problem = result.err().map(|refusal| refusal.problem.to_string());
        SignatureListing::of_claim(claim, problem)
    }
}
