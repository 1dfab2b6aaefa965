//! `siglist`: certificates and digests as `EFI_SIGNATURE_LIST`s (UEFI specification, section 32.4.1), for the
//! variables `db`, `dbx` and those of shim.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use pilotlight::trust::Algorithm;

use crate::certificates;
use crate::error::SignError;
use crate::replace;
use crate::table::Target;

/// `EFI_CERT_X509_GUID` and `EFI_CERT_SHA256_GUID`, as they are written down.
const X509: &str = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";
const SHA256: &str = "c1c41626-504c-4092-aca9-41f936934328";
/// `SignatureType`, `SignatureListSize`, `SignatureHeaderSize` and `SignatureSize`.
const HEADER: usize = 16 + 3 * 4;
/// `SignatureOwner`, in front of each entry.
const OWNER: usize = 16;

/// A GUID in the bytes of EFI.
pub(crate) type Guid = [u8; 16];

/// What to list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Certificates, and programs, of which the digests are listed.
    pub(crate) files: Vec<PathBuf>,
    /// Who put it there: any number that says something to people.
    pub(crate) owner: Guid,
    /// Where the lists go.
    pub(crate) output: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; nothing is written then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    let mut lists = Vec::new();
    for path in &options.files {
        if is_program(path)? {
            let target = Target::read(path)?;
            let mut digests = target.program.digests().iter();
            let digest = digests.find(|digest| digest.algorithm() == Algorithm::Sha256);
            lists.extend(digest.and_then(|digest| list(SHA256, &options.owner, digest.bytes())));
        } else {
            for certificate in certificates::read(path)? {
                lists.extend(list(X509, &options.owner, certificate.der()));
            }
        }
    }
    replace::write(&options.output, &lists.concat())?;
    writeln!(
        output,
        "{}: {} signature lists",
        options.output.display(),
        lists.len()
    )?;
    Ok(())
}

fn is_program(path: &Path) -> Result<bool, SignError> {
    let read = |error| SignError::Read(path.to_owned(), error);
    let mut head = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(2).read_to_end(&mut head).map_err(read)?;
    Ok(head == b"MZ")
}

/// A list of one entry: certificates are of different lengths, and those in one list may not be. Nothing when it
/// is longer than a list can be.
fn list(kind: &str, owner: &Guid, entry: &[u8]) -> Option<Vec<u8>> {
    let size = entry.len().checked_add(OWNER)?;
    let whole = size.checked_add(HEADER)?;
    let number = |number: usize| u32::try_from(number).ok().map(u32::to_le_bytes);
    let sizes = [number(whole)?, number(0)?, number(size)?].concat();
    Some([&guid(kind)?[..], &sizes, owner, entry].concat())
}

/// Reads a GUID as people write it. Its first three numbers are in the order of the processor.
pub(crate) fn guid(text: &str) -> Option<Guid> {
    let dashes = text.match_indices('-').map(|(at, _)| at);
    let mut letters = text.chars();
    let is_plain = letters.all(|c| c == '-' || c.is_ascii_hexdigit());
    if !is_plain || text.len() != 36 || !dashes.eq([8, 13, 18, 23]) {
        return None;
    }
    let digits = text.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok()?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = number.to_be_bytes();
    let [i, j, k, l, m, n, o, p] = rest;
    Some([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids() {
        let bytes = guid("c1c41626-504c-4092-aca9-41f936934328").unwrap();
        assert_eq!(bytes[..8], [0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40]);
        assert_eq!(bytes[8..], [0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28]);
        for bad in [
            "",
            "c1c41626504c4092aca941f936934328",
            "+1c41626-504c-4092-aca9-41f936934328",
        ] {
            assert_eq!(guid(bad), None, "{bad}");
        }
    }
}
