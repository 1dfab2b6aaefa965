//! `image`: signs an EFI program, or takes its signatures away.

use std::io::Write;
use std::path::{Path, PathBuf};

use pilotlight::text::Printable;
use pilotlight::trust::authenticode::Verdict;
use pilotlight::trust::{Algorithm, Certificate, Problem, Refusal, Trusted};

use crate::cms::{self, Content};
use crate::encode;
use crate::error::SignError;
use crate::indirect;
use crate::replace;
use crate::signer::Signer;
use crate::table::Target;

/// What to do with which program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The program.
    pub(crate) input: PathBuf,
    /// Where the result goes; otherwise it takes the place of the program.
    pub(crate) output: Option<PathBuf>,
    /// By whom; nothing takes all signatures away.
    pub(crate) signing: Option<crate::arguments::Signing>,
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; the file is as it was then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    let target = Target::read(&options.input)?;
    let path = options.output.as_ref().unwrap_or(&options.input);
    let (target, what) = match &options.signing {
        None => {
            let count = target.signatures().unwrap_or_default();
            let plural = if count == 1 { "" } else { "s" };
            (
                target.without()?,
                format!("{count} signature{plural} removed"),
            )
        }
        Some(signing) => sign(target, &signing.signer()?, path)?,
    };
    replace::write(path, &target.bytes)?;
    writeln!(output, "{}: {what}", path.display())?;
    Ok(())
}

/// Signs a program, and says what was done.
fn sign(target: Target, signer: &Signer, path: &Path) -> Result<(Target, String), SignError> {
    let trusted = signer.trusted()?;
    let name = signer.certificate.name();
    let name = Printable(&name);
    if is_by(&signer.certificate, &target.program.verify(&trusted)) {
        return Ok((target, format!("signed by \"{name}\" already")));
    }
    let before = target.signatures()?;
    let target = target.aligned()?;
    let digests = target.program.digests();
    let digest = digests
        .iter()
        .find(|digest| digest.algorithm() == Algorithm::Sha256);
    let unread = || {
        SignError::Program(
            path.to_owned(),
            refusal(Problem::NotComputed(Algorithm::Sha256)),
        )
    };
    let digest = digest.ok_or_else(unread)?;
    let what = format!("signed by \"{name}\", SHA-256 {digest}");
    let content = indirect::content(digest)?;
    let signature = cms::sign(
        signer,
        &Content {
            kind: indirect::CONTENT_TYPE,
            inside: Some(&encode::sequence(&[&content])?),
            digest: Algorithm::Sha256.digest(&content),
        },
    )?;
    let target = target.with(&signature)?;
    prove(&target, before, signer, &trusted, path)?;
    Ok((target, what))
}

/// What was made counts as a boot sees it, or it is not written.
fn prove(
    target: &Target,
    before: usize,
    signer: &Signer,
    trusted: &Trusted,
    path: &Path,
) -> Result<(), SignError> {
    let mut verdict = target.program.verify(trusted);
    let is_added = before.checked_add(1) == Some(target.signatures()?);
    match is_added && is_by(&signer.certificate, &verdict) {
        true => Ok(()),
        false => {
            let last = verdict.refusals.pop();
            let last = last.unwrap_or_else(|| refusal(Problem::Signature));
            Err(SignError::Useless(path.to_owned(), last))
        }
    }
}

/// Is one of the signatures by this certificate?
fn is_by(certificate: &Certificate, verdict: &Verdict) -> bool {
    let mut chains = verdict.proofs.iter().filter_map(|proof| proof.chain());
    chains.any(|chain| chain.certificates().first() == Some(certificate))
}

fn refusal(problem: Problem) -> Refusal {
    Refusal {
        signature: None,
        certificate: None,
        problem,
    }
}
