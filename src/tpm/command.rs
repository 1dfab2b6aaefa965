//! [`Command`]: the bytes of a command, and [`Response`]: those of what comes back (part 1, 18; part 3, 5).
//!
//! All numbers are big-endian.

use super::error::Code;
use super::{Tpm, TpmError};

/// `TPM_ST_RSP_COMMAND`: the tag of every response of version 1.2 to a command that it does not know.
const OLD: u16 = 0x00c4;
/// `TPM_ST_NO_SESSIONS` and `TPM_ST_SESSIONS`.
const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;
/// Tag, length and code.
const HEADER: u32 = 10;

/// The authorisation of one handle by an empty password: the handle `TPM_RS_PW`, no nonce, no attributes and no
/// password, behind the length of these (part 1, 19.4).
const EMPTY_PASSWORD: [u8; 13] = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];

/// A command that is put together: first its handles, and then its parameters.
pub(super) struct Command {
    tag: u16,
    code: u32,
    body: Vec<u8>,
}

impl Command {
    /// One that nobody has to authorise.
    pub(super) fn open(code: u32, handles: &[u32]) -> Command {
        let body = handles.iter().flat_map(|handle| handle.to_be_bytes());
        Command {
            tag: NO_SESSIONS,
            code,
            body: body.collect(),
        }
    }

    /// One that is authorised by the empty password of its first handle.
    pub(super) fn authorised(code: u32, handles: &[u32]) -> Command {
        let mut command = Command::open(code, handles);
        command.tag = SESSIONS;
        command.body.extend(EMPTY_PASSWORD);
        command
    }

    /// Adds a number of 16 bits.
    pub(super) fn half(mut self, number: u16) -> Command {
        self.body.extend(number.to_be_bytes());
        self
    }

    /// Adds bytes, with their length in front of them.
    pub(super) fn sized(mut self, bytes: &[u8]) -> Command {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.body.extend(length.to_be_bytes());
        self.body.extend(bytes.iter().take(length.into()));
        self
    }

    /// Sends it, and gives the parameters of the response.
    ///
    /// # Errors
    /// [`TpmError`].
    pub(super) fn send(self, tpm: &dyn Tpm) -> Result<Response, TpmError> {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = self.tag.to_be_bytes().to_vec();
        bytes.extend(length.saturating_add(HEADER).to_be_bytes());
        bytes.extend(self.code.to_be_bytes());
        bytes.extend(self.body);
        let mut response = Response(tpm.ask(&bytes)?);
        let (tag, length, code) = (response.half()?, response.word()?, response.word()?);
        if tag == OLD {
            return Err(TpmError::Old);
        }
        if code != 0 {
            return Err(TpmError::Refused(Code::of(code)));
        }
        if tag != self.tag || usize::try_from(length).ok() != response.whole() {
            return Err(TpmError::Odd);
        }
        if tag == SESSIONS {
            // How long the parameters are, without what is said of the sessions behind them.
            response.word()?;
        }
        Ok(response)
    }
}

/// What lies ahead in a response.
pub(super) struct Response(Vec<u8>);

impl Response {
    /// The length of all of it, once the header was taken.
    fn whole(&self) -> Option<usize> {
        let header = usize::try_from(HEADER).ok()?;
        self.0.len().checked_add(header)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, TpmError> {
        if length > self.0.len() {
            return Err(TpmError::Odd);
        }
        let rest = self.0.split_off(length);
        Ok(std::mem::replace(&mut self.0, rest))
    }

    /// A number of 16 bits.
    pub(super) fn half(&mut self) -> Result<u16, TpmError> {
        let bytes = self.take(2)?.try_into();
        bytes.map(u16::from_be_bytes).map_err(|_| TpmError::Odd)
    }

    /// A number of 32 bits.
    pub(super) fn word(&mut self) -> Result<u32, TpmError> {
        let bytes = self.take(4)?.try_into();
        bytes.map(u32::from_be_bytes).map_err(|_| TpmError::Odd)
    }

    /// Bytes with their length in front of them.
    pub(super) fn sized(&mut self) -> Result<Vec<u8>, TpmError> {
        let length = self.half()?;
        self.take(length.into())
    }
}
