//! Detached signatures: CMS in DER beside the file, as `openssl cms -sign -binary -outform DER` writes it.

use super::anchor::Trusted;
use super::chain::Chain;
use super::cms::SignedData;
use super::digest::Digest;
use super::error::{Problem, Refusal};
use super::oids;
use super::signer;

/// The longest signature, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;

/// What the signers of a file are: for each, in their order, a chain or why not.
///
/// `digests` are those of the file, by every algorithm that counts. A signature without signed attributes is
/// over the file itself. Such a file might be the attributes of another signature, which never are a
/// kernel or a command line: their first bytes are 0x31 and a length.
///
/// # Errors
/// [`Refusal`]: it is no detached signature at all.
pub fn verify(
    signature: &[u8],
    digests: &[Digest],
    trusted: &Trusted,
) -> Result<Vec<Result<Chain, Refusal>>, Refusal> {
    if signature.len() > MAX_LENGTH {
        return Err(Refusal::of(Problem::TooMany("bytes")));
    }
    let data = SignedData::read(signature).map_err(Refusal::of)?;
    if data.content_type != oids::DATA || data.content.is_some() {
        let problem = Problem::Kind("a signature that is not detached".to_owned());
        return Err(Refusal::of(problem));
    }
    if data.signers.is_empty() {
        return Err(Refusal::of(Problem::Unsigned));
    }
    let verdicts = (1_usize..).zip(&data.signers).map(|(number, info)| {
        let content = |algorithm| {
            let mut digests = digests.iter();
            digests
                .find(|digest| digest.algorithm() == algorithm)
                .cloned()
        };
        signer::verify(&data, info, content, trusted).map_err(|error| error.numbered(number))
    });
    Ok(verdicts.collect())
}
