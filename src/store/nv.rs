//! [`Nv`]: memory of a TPM that keeps starts.

use super::{Store, StoreError};
use crate::boot::Starts;
use crate::tpm::{Content, Index, Tpm, TpmError};

/// In front of the starts: what has something else there is not ours, and is never written.
const MARK: &[u8; 4] = b"PLS1";

/// Bytes of an index.
const SIZE: u16 = 36;

/// An index of a TPM, which is defined when it is first written. It keeps what it has over a power cut in the middle of
/// writing.
pub struct Nv<'a> {
    tpm: &'a dyn Tpm,
    index: Index,
}

impl Nv<'_> {
    /// The one with this number.
    pub fn new(tpm: &dyn Tpm, number: u32) -> Nv<'_> {
        let index = Index { number, size: SIZE };
        Nv { tpm, index }
    }

    fn wrong(&self, action: &'static str) -> impl Fn(TpmError) -> StoreError {
        let index = self.index.number;
        move |error| StoreError::Tpm {
            index,
            action,
            error,
        }
    }

    fn content(&self) -> Result<Content, StoreError> {
        match self.index.read(self.tpm).map_err(self.wrong("read"))? {
            Content::Other => Err(StoreError::Taken(self.index.number)),
            Content::Bytes(bytes) if !bytes.starts_with(MARK) => {
                Err(StoreError::Taken(self.index.number))
            }
            content => Ok(content),
        }
    }
}

impl Store for Nv<'_> {
    fn read(&self) -> Result<Option<Starts>, StoreError> {
        let Content::Bytes(bytes) = self.content()? else {
            return Ok(None);
        };
        let starts = bytes.strip_prefix(MARK);
        let starts = starts.and_then(|starts| starts.try_into().ok());
        Ok(starts.and_then(Starts::parse))
    }

    fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        let bytes = [&MARK[..], &starts.to_bytes()].concat();
        let wrong = self.wrong("write");
        match self.content()? {
            // Each writing wears the memory out.
            Content::Bytes(known) if known == bytes => return Ok(()),
            Content::None => self.index.define(self.tpm).map_err(&wrong)?,
            _ => {}
        }
        self.index.write(self.tpm, &bytes).map_err(&wrong)?;
        match self.content()? {
            Content::Bytes(kept) if kept == bytes => Ok(()),
            _ => Err(StoreError::NotKept(self.index.number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::starts;
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::io;

    /// Says what it was told to say, whatever it is asked.
    struct Parrot(RefCell<Vec<Vec<u8>>>);

    impl Tpm for Parrot {
        fn ask(&self, command: &[u8]) -> io::Result<Vec<u8>> {
            let length = u32::from_be_bytes(command[2..6].try_into().unwrap());
            assert_eq!(usize::try_from(length).unwrap(), command.len());
            let said = self.0.borrow_mut().pop();
            said.ok_or_else(|| io::ErrorKind::TimedOut.into())
        }
    }

    const NUMBER: u32 = 0x0180_504c;

    fn store_on(said: &[Vec<u8>]) -> Parrot {
        Parrot(RefCell::new(said.iter().rev().cloned().collect()))
    }

    fn response(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 10).unwrap();
        [
            &tag.to_be_bytes()[..],
            &length.to_be_bytes(),
            &code.to_be_bytes(),
            body,
        ]
        .concat()
    }

    /// What an index is, with these attributes.
    fn public(attributes: u32) -> Vec<u8> {
        let mut body = vec![0, 14];
        body.extend(NUMBER.to_be_bytes());
        body.extend([0, 0x0b]);
        body.extend(attributes.to_be_bytes());
        body.extend([0, 0, 0, 36, 0, 0]);
        response(0x8001, 0, &body)
    }

    #[test]
    fn what_a_tpm_says_is_told() {
        for (said, words) in [
            (vec![], "it does not answer: timed out"),
            (vec![response(0x00c4, 0x1e, &[])], "of version 1.2"),
            (vec![vec![0x80, 1, 0]], "makes no sense"),
            (vec![response(0x8001, 0x921, &[])], "locked out"),
            (vec![response(0x8001, 0x101, &[])], "response code 0x101"),
            (vec![response(0x8001, 0, &[])], "makes no sense"),
            // A counter, and an index with a password that counts guesses.
            (vec![public(0x2206_0016)], "is something else"),
            (vec![public(0x2006_0006)], "is something else"),
            (
                vec![public(0x2206_0006), response(0x8002, 0, &[0; 42])],
                "makes no sense",
            ),
        ] {
            let tpm = store_on(&said);
            let error = Nv::new(&tpm, NUMBER).read().unwrap_err().to_string();
            assert!(error.contains("index 0x0180504c of the TPM"), "{error}");
            assert!(error.contains(words), "{error}");
        }
        // Defined, and the power was cut before it was written.
        let tpm = store_on(&[public(0x0206_0006)]);
        assert_eq!(Nv::new(&tpm, NUMBER).read().unwrap(), None);
        assert_eq!(usize::from(SIZE), MARK.len() + Starts::SIZE);
    }

    proptest! {
        #[test]
        fn whatever_a_tpm_says_is_an_answer_or_an_error(
            said in proptest::collection::vec(any::<Vec<u8>>(), 0..6),
            attributes in any::<u32>(),
            body in any::<Vec<u8>>(),
        ) {
            let said = [&[public(attributes), response(0x8002, 0, &body)], &said[..]].concat();
            let _ = Nv::new(&store_on(&said), NUMBER).read();
            let _ = Nv::new(&store_on(&said[2..]), NUMBER).read();
            prop_assert!(Nv::new(&store_on(&said), NUMBER).write(&starts()).is_err());
        }
    }
}
