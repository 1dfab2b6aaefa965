//! `keys`: makes a key for a test or for a small site.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::certificates;
use crate::error::SignError;
use crate::openssl;
use crate::replace;

/// How long a certificate says that it is valid, in days. Firmware has no clock that counts.
const DAYS: &str = "7300";

/// Which key to make.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Where it goes. The directory is made when it is not there.
    pub(crate) directory: PathBuf,
    /// What the certificate says whose it is.
    pub(crate) name: String,
    /// Ed25519 instead of RSA.
    pub(crate) is_ed25519: bool,
    /// With a pass phrase,
    pub(crate) is_encrypted: bool,
    /// which comes from here, or `openssl` asks for it.
    pub(crate) pass: Option<OsString>,
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; no half of a pair stays then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    let directory = &options.directory;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| SignError::Write(directory.clone(), error))?;
    let (key, public) = match options.is_ed25519 {
        true => ("ed25519.key", "ed25519.pub"),
        false => ("signing.key", "signing.pem"),
    };
    let (key, public) = (directory.join(key), directory.join(public));
    let der = (!options.is_ed25519).then(|| directory.join("signing.der"));
    if let Some(path) = [Some(&public), der.as_ref()]
        .into_iter()
        .flatten()
        .find(|path| path.exists())
    {
        return Err(SignError::Exists(path.clone()));
    }
    create(&key)?;
    let made = make(options, &key, &public);
    if made.is_err() {
        // Half a pair is no use, and would stand in the way of the next attempt.
        let _ = fs::remove_file(&key);
    }
    made?;
    let (key, shown) = (key.display(), public.display());
    writeln!(
        output,
        "{key}: the private key; keep it where only the signer reads it"
    )?;
    match der {
        None => writeln!(output, "{shown}: the public key: the anchor for a board")?,
        Some(der) => {
            replace::write(&der, certificates::read_one(&public)?.der())?;
            writeln!(output, "{shown}: its certificate")?;
            writeln!(
                output,
                "{}: the same in DER: the anchor for a board",
                der.display()
            )?;
        }
    }
    Ok(())
}

/// Makes the file that the private key goes into, which nobody else can read from the start.
fn create(key: &Path) -> Result<(), SignError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(key);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SignError::Exists(key.to_owned()))
        }
        Err(error) => Err(SignError::Write(key.to_owned(), error)),
    }
}

fn make(options: &Options, key: &Path, public: &Path) -> Result<(), SignError> {
    let mut arguments = vec!["genpkey"];
    match options.is_ed25519 {
        true => arguments.extend(["-algorithm", "ED25519"]),
        false => arguments.extend(["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    }
    if options.is_encrypted {
        arguments.push("-aes-256-cbc");
    }
    arguments.push("-out");
    let pass = |option| -> Vec<&OsStr> {
        let source = options.pass.as_deref();
        source.map_or_else(Vec::new, |source| vec![OsStr::new(option), source])
    };
    let arguments = arguments.into_iter().map(OsStr::new);
    let arguments = arguments.chain([key.as_os_str()]).chain(pass("-pass"));
    openssl::run("make a key", arguments, None)?;
    let (doing, arguments, input) = match options.is_ed25519 {
        true => ("write the public key", vec!["pkey", "-pubout", "-in"], None),
        false => (
            "write the certificate",
            vec![
                "req",
                "-x509",
                "-new",
                "-days",
                DAYS,
                "-config",
                openssl::INPUT,
                "-key",
            ],
            Some(openssl::input(configuration(&options.name).as_bytes())?),
        ),
    };
    let arguments = arguments.into_iter().map(OsStr::new);
    let arguments = arguments.chain([key.as_os_str()]).chain(pass("-passin"));
    let bytes = openssl::run(doing, arguments, input)?;
    replace::write(public, &bytes)
}

/// What `openssl req` reads: a certificate that signs code and issues nothing.
fn configuration(name: &str) -> String {
    format!(
        "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = signer\nutf8 = yes\n\
         default_md = sha256\n\
         [name]\nCN = {name}\n\
         [signer]\nbasicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n\
         extendedKeyUsage = codeSigning\nsubjectKeyIdentifier = hash\n"
    )
}

/// Is this a name that can stand in that file as it is?
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || " .,:_-@()".contains(c);
    !name.is_empty() && name.len() <= 64 && name.trim() == name && name.chars().all(is_plain)
}
