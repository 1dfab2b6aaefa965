//! [`Index`]: a piece of the memory of a TPM, which keeps its content over resets and power cuts (part 1, 37).

use super::command::Command;
use super::error::Code;
use super::{Tpm, TpmError};

// Commands of part 3, 31.
const NV_DEFINE_SPACE: u32 = 0x12a;
const NV_WRITE: u32 = 0x137;
const NV_READ: u32 = 0x14e;
const NV_READ_PUBLIC: u32 = 0x169;

/// `TPM_RH_OWNER`: who may define an index that firmware has no part in.
const OWNER: u32 = 0x4000_0001;
/// `TPM_ALG_SHA256`, for the name of an index.
const SHA256: u16 = 0x000b;

// Attributes (`TPMA_NV`, part 2, 13.4).
const OWNER_WRITE: u32 = 1 << 1;
const AUTH_WRITE: u32 = 1 << 2;
const OWNER_READ: u32 = 1 << 17;
const AUTH_READ: u32 = 1 << 18;
/// Wrong passwords don't lock it, and it can be used while others are locked.
const NO_DA: u32 = 1 << 25;
/// It was written since it is there.
const WRITTEN: u32 = 1 << 29;

/// What is defined: bytes that whoever has the TPM may read and write, by the empty password of the index, so that a
/// password that the owner sets later keeps nobody from it.
const ATTRIBUTES: u32 = OWNER_WRITE | AUTH_WRITE | OWNER_READ | AUTH_READ | NO_DA;
/// What an index that somebody else has defined needs, and all that it may have besides. Any other would be a counter,
/// or locked, or empty after each reset, or a guess at its password would count.
const NEEDED: u32 = AUTH_WRITE | AUTH_READ | NO_DA;
const ALLOWED: u32 = ATTRIBUTES | WRITTEN;

/// An index by its number, with the length of what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    /// Its number.
    pub number: u32,
    /// Bytes in it.
    pub size: u16,
}

/// What is under its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing is defined.
    None,
    /// It is defined, and nothing was written yet.
    Empty,
    /// What was written last.
    Bytes(Vec<u8>),
    /// Something of another kind, which is left alone.
    Other,
}

impl Index {
    /// The numbers that are the owner's to give (TCG, Registry of Reserved TPM 2.0 Handles and Localities, 2.2.2).
    pub const FIRST: u32 = 0x0180_0000;
    /// The last one of them.
    pub const LAST: u32 = 0x01bf_ffff;

    /// Reads it.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn read(self, tpm: &dyn Tpm) -> Result<Content, TpmError> {
        let public = Command::open(NV_READ_PUBLIC, &[self.number]).send(tpm);
        let mut response = match public {
            Err(TpmError::Refused(Code::HANDLE)) => return Ok(Content::None),
            other => other?,
        };
        // `TPM2B_NV_PUBLIC`: its length, number, algorithm of its name, attributes, policy and size.
        response.half()?;
        let number = response.word()?;
        response.half()?;
        let attributes = response.word()?;
        let policy = response.sized()?;
        let size = response.half()?;
        if number != self.number {
            return Err(TpmError::Odd);
        }
        let is_ours = attributes & NEEDED == NEEDED && attributes & !ALLOWED == 0;
        if !is_ours || !policy.is_empty() || size != self.size {
            return Ok(Content::Other);
        }
        if attributes & WRITTEN == 0 {
            return Ok(Content::Empty);
        }
        let read = Command::authorised(NV_READ, &[self.number, self.number]);
        let bytes = read.half(self.size).half(0).send(tpm)?.sized()?;
        match bytes.len() == usize::from(self.size) {
            true => Ok(Content::Bytes(bytes)),
            false => Err(TpmError::Odd),
        }
    }

    /// Defines it, where nothing is under its number.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn define(self, tpm: &dyn Tpm) -> Result<(), TpmError> {
        let mut public = self.number.to_be_bytes().to_vec();
        public.extend(SHA256.to_be_bytes());
        public.extend(ATTRIBUTES.to_be_bytes());
        // No policy.
        public.extend([0, 0]);
        public.extend(self.size.to_be_bytes());
        let define = Command::authorised(NV_DEFINE_SPACE, &[OWNER]);
        // Its password is empty.
        define.sized(&[]).sized(&public).send(tpm).map(drop)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn write(self, tpm: &dyn Tpm, bytes: &[u8]) -> Result<(), TpmError> {
        let write = Command::authorised(NV_WRITE, &[self.number, self.number]);
        write.sized(bytes).half(0).send(tpm).map(drop)
    }
}
