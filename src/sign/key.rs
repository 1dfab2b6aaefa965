//! [`Key`]: where a private key is, and how `openssl` is told so.

use std::ffi::{OsStr, OsString};
use std::fs::File;

use pilotlight::text::Printable;

use crate::error::SignError;
use crate::openssl;

/// What a URI of a key in a token begins with (RFC 7512).
const TOKEN: &str = "pkcs11:";

/// A private key: a file in PEM, or a URI of a token. It is never read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The file or the URI.
    pub(crate) place: OsString,
    /// Where the pass phrase comes from, as `openssl` writes it (openssl-passphrase-options(1)).
    pub(crate) pass: Option<OsString>,
}

impl Key {
    /// Signs what is in a file: RSA with PKCS #1 v1.5, ECDSA or Ed25519, as the key is. `digest` is for the first
    /// two; otherwise it is SHA-256.
    ///
    /// # Errors
    /// [`SignError`], when `openssl` does not.
    pub(crate) fn sign(&self, input: File, digest: Option<&str>) -> Result<Vec<u8>, SignError> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        add(&["pkeyutl", "-sign", "-rawin", "-in", openssl::INPUT]);
        if let Some(digest) = digest {
            add(&["-digest", digest]);
        }
        if self.is_token() {
            match has_provider() {
                true => add(&["-provider", "pkcs11", "-provider", "default"]),
                false => add(&["-engine", "pkcs11", "-keyform", "engine"]),
            }
        }
        arguments.extend([OsString::from("-inkey"), self.place.clone()]);
        if let Some(pass) = &self.pass {
            arguments.extend([OsString::from("-passin"), pass.clone()]);
        }
        let name = self.name();
        let signed = openssl::run(&format!("sign with the key {name}"), arguments, Some(input));
        // It repeats the URI, which may have the PIN in it.
        signed.map_err(|error| match error {
            SignError::Openssl(doing, said) => {
                SignError::Openssl(doing, said.replace(&*self.place.to_string_lossy(), &name))
            }
            error => error,
        })
    }

    fn is_token(&self) -> bool {
        self.place.as_encoded_bytes().starts_with(TOKEN.as_bytes())
    }

    /// What to call it in messages: without what follows a `?` in a URI, which may be the PIN.
    fn name(&self) -> String {
        let text = self.place.to_string_lossy();
        let shown = match self.is_token() {
            true => text.split('?').next().unwrap_or_default(),
            false => &text,
        };
        Printable(shown).to_string()
    }
}

/// OpenSSL reads tokens through a provider or, up to version 3, through an engine: whichever is installed.
fn has_provider() -> bool {
    let arguments = ["list", "-providers", "-provider", "pkcs11"];
    openssl::run("list its providers", arguments, None).is_ok()
}

/// A source of a pass phrase. It may not stand in the command line, where everyone on the machine sees it.
///
/// # Errors
/// [`SignError::Usage`].
pub(crate) fn pass(source: &OsStr) -> Result<OsString, SignError> {
    let text = source.to_string_lossy();
    let mut hidden = ["env:", "file:", "fd:"].iter();
    match hidden.any(|kind| text.starts_with(kind)) {
        true => Ok(source.to_owned()),
        false => Err(SignError::Usage(
            "--pass takes env:NAME, file:PATH or fd:NUMBER; without it openssl asks on the terminal".to_owned(),
        )),
    }
}
