//! Signatures that are appended to a kernel, as they are to modules: CMS over everything before it, then the
//! kernel's `struct module_signature` (include/linux/module_signature.h) and a line. Kernels for ppc64 and s390,
//! and compressed ones for arm64, are signed like that.

use super::anchor::Trusted;
use super::detached::{self, cms};
use super::error::{Problem, Refusal};
use super::inspect::Claim;
use super::proof::{Format, Proof};

/// So many bytes from the end of a file hold its signature, or it is too long.
pub const MAX_TAIL: usize = 64 * 1024;

/// The end of a signed file.
const MAGIC: &[u8] = b"~Module signature appended~\n";

/// What stands before that: `algo`, `hash`, `id_type`, `signer_len`, `key_id_len`, three zeros, and the
/// length of the signature. All but the last two are fixed (kernel/module_signature.c, `mod_check_sig`).
const HEAD: [u8; 8] = [0, 0, PKCS7, 0, 0, 0, 0, 0];
const PKCS7: u8 = 2;
const LENGTH: usize = 4;

/// What the signature at the end of a file says of itself, if there is one.
///
/// # Errors
/// [`Problem`]: there is one, and it can't be read.
pub(super) fn claim(file: &[u8]) -> Result<Option<Claim>, Problem> {
    let start = file.len().saturating_sub(MAX_TAIL);
    let tail = file.get(start..).unwrap_or_default();
    let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let trusted = Trusted::default();
    let check = Check::new(tail, size, &trusted).map_err(|refusal| refusal.problem)?;
    let claim = check.map(|check| check.signature.claim(Format::Appended));
    claim.transpose()
}

/// The signature behind a kernel, while the kernel is read.
pub struct Check<'a> {
    trusted: &'a Trusted,
    signature: cms::Detached,
    streams: detached::Streams,
    /// How many bytes are signed.
    content: u64,
    size: u64,
    /// How many bytes were given.
    position: u64,
    /// What stands behind the content, as it was given first.
    tail: Vec<u8>,
    /// It was the same when it came by.
    is_same: bool,
}

impl<'a> Check<'a> {
    /// Looks for a signature at the end of a file of `size` bytes; nothing when there is none. `tail` is the end
    /// of the file: its last [`MAX_TAIL`] bytes, or all of it. When the file is read, the tail comes by again, and
    /// has to be the same.
    ///
    /// # Errors
    /// [`Refusal`]: there is one, and it can't count.
    pub fn new(tail: &[u8], size: u64, trusted: &'a Trusted) -> Result<Option<Check<'a>>, Refusal> {
        let Some(before) = tail.strip_suffix(MAGIC) else {
            return Ok(None);
        };
        let check = Check::find(before, tail, size, trusted);
        check.map(Some).map_err(Refusal::of)
    }

    fn find(
        before: &[u8],
        tail: &[u8],
        size: u64,
        trusted: &'a Trusted,
    ) -> Result<Check<'a>, Problem> {
        const DAMAGED: Problem = Problem::Damaged("the appended signature is damaged");
        let (before, length) = before.split_last_chunk::<LENGTH>().ok_or(DAMAGED)?;
        let before = before.strip_suffix(&HEAD).ok_or(DAMAGED)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| DAMAGED)?;
        if length > MAX_TAIL {
            return Err(Problem::TooMany("bytes of signature"));
        }
        let start = before.len().checked_sub(length).ok_or(DAMAGED)?;
        let signature = cms::Detached::read(before.get(start..).unwrap_or_default())?;
        let tail = tail.get(start..).unwrap_or_default().to_vec();
        let behind = u64::try_from(tail.len()).map_err(|_| DAMAGED)?;
        let mut streams = detached::Streams::default();
        signature.want(&mut streams)?;
        Ok(Check {
            trusted,
            signature,
            streams,
            content: size.checked_sub(behind).ok_or(DAMAGED)?,
            size,
            position: 0,
            tail,
            is_same: true,
        })
    }

    /// How many bytes, from the beginning of the file, are signed.
    pub fn content_size(&self) -> u64 {
        self.content
    }

    /// Takes the bytes of the file that come next, those of the signature included.
    pub fn update(&mut self, bytes: &[u8]) {
        let left = self.content.saturating_sub(self.position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let (content, behind) = bytes.split_at(left.min(bytes.len()));
        self.streams.update(content);
        let start = self.position.saturating_sub(self.content);
        let tail = usize::try_from(start)
            .ok()
            .and_then(|start| self.tail.get(start..));
        self.is_same &= tail.is_some_and(|tail| tail.starts_with(behind));
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(length);
    }

    /// What each signer proves, now that the file was read to its end.
    ///
    /// # Errors
    /// [`Refusal`]: the file is not as long as was said, or its end is not as it was.
    pub fn finish(self) -> Result<Vec<Result<Proof, Refusal>>, Refusal> {
        if self.position != self.size || !self.is_same {
            let what = "the file changed while it was read";
            return Err(Refusal::of(Problem::Damaged(what)));
        }
        let told = self.streams.finish();
        let signers = self.signature.finish(&told, self.trusted, Format::Appended);
        let numbered = (1_usize..).zip(signers);
        let numbered =
            numbered.map(|(number, result)| result.map_err(|error| error.numbered(number)));
        Ok(numbered.collect())
    }
}
