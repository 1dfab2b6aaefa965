//! [`Authority`]: the rules of a policy with the anchors that it names.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::anchor::{Anchor, Trusted};
use super::authenticode::Program;
use super::coverage::{Vouched, Voucher};
use super::detached;
use super::digest::Algorithm;
use super::efi::{self, PlatformError};
use super::error::{Problem, Refusal};
use super::proof::Proof;
use super::rules::{Mode, Rules};
use super::strength::Strength;

/// The longest file of an anchor, in bytes.
const MAX_ANCHOR: u64 = 1024 * 1024;

/// Who decides what may be booted: the rules of a policy, with the anchors that it names.
#[derive(Debug)]
pub struct Authority {
    rules: Rules,
    trusted: Trusted,
}

impl Authority {
    /// One that looks at nothing.
    pub fn off() -> Authority {
        Authority {
            rules: Rules::default(),
            trusted: Trusted::default(),
        }
    }

    /// One under which everything is looked at and nothing is booted.
    pub fn closed() -> Authority {
        Authority {
            rules: Rules::closed(),
            trusted: Trusted::default(),
        }
    }

    /// Reads the anchors in a directory, and the machine's own keys in another, if rules want them.
    ///
    /// # Errors
    /// [`AuthorityError`]: something can't be read. Then nothing may be booted by these rules.
    pub fn load(
        mut rules: Rules,
        anchors: &Path,
        variables: Option<&Path>,
    ) -> Result<Authority, AuthorityError> {
        let mut trusted = Trusted {
            programs: rules.listed.clone(),
            strength: Strength {
                rsa_bits: rules.rsa_bits,
                digest: rules
                    .digests
                    .iter()
                    .copied()
                    .min()
                    .unwrap_or(Algorithm::Sha256),
            },
            ..Trusted::default()
        };
        for rule in &rules.anchors {
            let file = rule.file.clone();
            let bytes = read(&anchors.join(&file));
            let bytes = bytes.map_err(|error| AuthorityError::Read(file.clone(), error))?;
            let read = || {
                let anchors = Anchor::read(&rule.name, &bytes)?;
                let mut strong = anchors.iter().map(|anchor| anchor.check(trusted.strength));
                strong.try_for_each(|result| result).map(|()| anchors)
            };
            let anchors = read().map_err(|problem| AuthorityError::Anchor(file, problem))?;
            trusted.anchors.extend(anchors);
        }
        if let Some(directory) = variables.filter(|_| rules.platform) {
            let sbat = efi::platform(directory, &mut trusted);
            rules
                .floor
                .sbat
                .extend(sbat.map_err(AuthorityError::Platform)?);
        }
        rules
            .revoked
            .extend(trusted.revoked.programs.iter().cloned());
        trusted.revoked.programs.clone_from(&rules.revoked);
        Ok(Authority { rules, trusted })
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Is anything looked at?
    pub fn is_on(&self) -> bool {
        self.rules.mode != Mode::Off
    }

    /// What is trusted, for who checks signatures while files are read.
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// What the signatures in a program come to.
    pub fn program(&self, program: &Program) -> Vouched {
        let verdict = program.verify(&self.trusted);
        let proofs = verdict.proofs.into_iter().map(Ok);
        self.vouched(proofs.chain(verdict.refusals.into_iter().map(Err)))
    }

    /// What the signatures come to that stand beside something small.
    pub fn detached(&self, signature: &[u8], content: &[u8]) -> Vouched {
        let results = detached::verify(signature, content, &self.trusted);
        self.vouched(results.unwrap_or_else(|refusal| vec![Err(refusal)]))
    }

    /// Who vouches by these proofs.
    pub fn vouched(&self, results: impl IntoIterator<Item = Result<Proof, Refusal>>) -> Vouched {
        let mut vouched = Vouched::default();
        for result in results {
            let result =
                result.and_then(|proof| match self.rules.digests.contains(&proof.digest()) {
                    true => Ok(proof),
                    false => Err(Refusal::of(Problem::NotCounted(proof.digest()))),
                });
            match result {
                Ok(proof) => vouched
                    .vouchers
                    .push(Voucher::of(&proof, &self.rules.listed)),
                Err(refusal) => vouched.refusals.push(refusal.to_string()),
            }
        }
        vouched
    }
}

/// A file that is not longer than an anchor can be.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_ANCHOR.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_ANCHOR) {
        true => Ok(bytes),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Why an authority can't be had.
#[derive(Debug)]
pub enum AuthorityError {
    /// The file of an anchor can't be read.
    Read(String, io::Error),
    /// The file holds no anchor that counts.
    Anchor(String, Problem),
    /// The machine's own keys can't be read.
    Platform(PlatformError),
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthorityError::Read(file, error) => {
                write!(f, "the anchor {file} can't be read: {error}")
            }
            AuthorityError::Anchor(file, problem) => {
                write!(f, "the anchor {file} can't be used: {problem}")
            }
            AuthorityError::Platform(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AuthorityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AuthorityError::Read(_, error) => Some(error),
            AuthorityError::Anchor(..) => None,
            AuthorityError::Platform(error) => Some(error),
        }
    }
}
