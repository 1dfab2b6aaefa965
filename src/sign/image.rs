//! `image`: signs an EFI program, or takes its signatures away.

use std::io::Write;
use std::path::{Path, PathBuf};

use pilotlight::text::Printable;
use pilotlight::trust::Algorithm;

use crate::arguments::Signing;
use crate::check;
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
    pub(crate) signing: Option<Signing>,
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; the file is as it was then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    let target = Target::read(&options.input)?;
    let length = target.bytes.len();
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
    // What was there already needs no write.
    if options.output.is_some() || target.bytes.len() != length {
        replace::write(path, &target.bytes)?;
    }
    writeln!(output, "{}: {what}", path.display())?;
    Ok(())
}

/// Signs a program, and says what was done.
fn sign(target: Target, signer: &Signer, path: &Path) -> Result<(Target, String), SignError> {
    let name = signer.certificate.name();
    let name = Printable(&name);
    if check::program(&target.program, &signer.certificate).is_ok() {
        return Ok((target, format!("signed by \"{name}\" already")));
    }
    let before = target.signatures()?;
    let target = target.aligned()?;
    let digests = target.program.digests();
    let digest = digests
        .iter()
        .find(|digest| digest.algorithm() == Algorithm::Sha256);
    let digest = digest.ok_or_else(|| target.layout("its digest was not computed"))?;
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
    // As a boot will see it, or it is not written.
    let useless = |refusal| SignError::Useless(path.to_owned(), Box::new(refusal));
    check::program(&target.program, &signer.certificate).map_err(useless)?;
    if before.checked_add(1) != Some(target.signatures()?) {
        return Err(
            target.layout("its table of signatures can be read in two ways: use --remove first")
        );
    }
    Ok((target, what))
}
