//! [`Subpackets`]: what a signature says of itself (RFC 9580, section 5.2.3.7).

use super::key::{Key, hexadecimal};
use super::packet::subpacket_length;
use crate::trust::cursor::Cursor;

/// No signature has more.
const MAX: usize = 128;

/// Those that may be critical: what they say is looked at here, or says nothing about whether the signature counts.
/// A critical notation (20) is not among them, since none is known.
const KNOWN: [u8; 21] = [
    CREATED,
    EXPIRES,
    4, // Exportable
    7, // Revocable
    KEY_EXPIRES,
    11, // preferred ciphers
    ISSUER,
    21, // preferred digests
    22, // preferred compression
    23, // preferences for key servers
    24, // preferred key server
    25, // primary user ID
    26, // where the policy is
    FLAGS,
    28, // user ID of the signer
    29, // reason of a revocation
    30, // features
    EMBEDDED,
    ISSUER_FINGERPRINT,
    34, // preferred AEAD
    39, // preferred AEAD, with its cipher
];
const CREATED: u8 = 2;
const EXPIRES: u8 = 3;
const KEY_EXPIRES: u8 = 9;
const ISSUER: u8 = 16;
const FLAGS: u8 = 27;
const EMBEDDED: u8 = 32;
const ISSUER_FINGERPRINT: u8 = 33;

/// The bit of the key flags that lets a key sign content (RFC 9580, section 5.2.3.29).
const MAY_SIGN: u8 = 0x02;

/// What is said in one of the two areas of a signature.
#[derive(Debug, Default)]
pub(super) struct Subpackets {
    /// In seconds since 1970.
    pub(super) created: Option<u32>,
    /// In seconds after `created`; nothing means never.
    pub(super) expires: Option<u32>,
    /// In seconds after the key was created.
    pub(super) key_expires: Option<u32>,
    flags: Option<u8>,
    pub(super) issuers: Vec<Issuer>,
    /// Signatures in the signature.
    pub(super) embedded: Vec<Vec<u8>>,
    /// The first kind that is critical and not known.
    pub(super) unknown: Option<u8>,
}

/// How a signature names its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Issuer {
    Fingerprint { version: u8, fingerprint: Vec<u8> },
    Id([u8; 8]),
}

impl Subpackets {
    /// Reads an area to its end. What decides something is there once, or the area is damaged.
    pub(super) fn read(area: &[u8]) -> Option<Subpackets> {
        let mut cursor = Cursor(area);
        let mut read = Subpackets::default();
        let mut count = 0_usize;
        while !cursor.is_empty() {
            count = count.checked_add(1).filter(|count| *count <= MAX)?;
            let length = subpacket_length(&mut cursor)?;
            let mut body = Cursor(cursor.take(usize::try_from(length).ok()?)?);
            let first = body.byte()?;
            let (kind, is_critical) = (first & 0x7f, first & 0x80 != 0);
            match kind {
                CREATED => once(&mut read.created, whole(body)?)?,
                EXPIRES => once(&mut read.expires, whole(body)?)?,
                KEY_EXPIRES => once(&mut read.key_expires, whole(body)?)?,
                // The first of the bytes has all flags that decide here; none is as good as a zero.
                FLAGS => once(&mut read.flags, body.byte().unwrap_or(0))?,
                ISSUER => read.issuers.push(Issuer::Id(body.0.try_into().ok()?)),
                ISSUER_FINGERPRINT => read.issuers.push(Issuer::Fingerprint {
                    version: body.byte()?,
                    fingerprint: body.0.to_vec(),
                }),
                EMBEDDED => read.embedded.push(body.0.to_vec()),
                _ if is_critical && !KNOWN.contains(&kind) => {
                    read.unknown.get_or_insert(kind);
                }
                _ => {}
            }
        }
        // A zero says the same as nothing (RFC 9580, sections 5.2.3.13 and 5.2.3.18).
        read.expires = read.expires.filter(|seconds| *seconds != 0);
        read.key_expires = read.key_expires.filter(|seconds| *seconds != 0);
        Some(read)
    }

    /// Do the key flags let the key sign? Where there are none, nothing does.
    pub(super) fn may_sign(&self) -> Option<bool> {
        self.flags.map(|flags| flags & MAY_SIGN != 0)
    }
}

impl Issuer {
    /// Is it this key?
    pub(super) fn is(&self, key: &Key) -> bool {
        match self {
            Issuer::Fingerprint {
                version,
                fingerprint,
            } => *version == key.version && *fingerprint == key.fingerprint,
            Issuer::Id(id) => id == key.id(),
        }
    }

    /// Digits, as GnuPG prints them.
    pub(super) fn name(&self) -> String {
        match self {
            Issuer::Fingerprint { fingerprint, .. } => hexadecimal(fingerprint),
            Issuer::Id(id) => hexadecimal(id),
        }
    }
}

fn whole(body: Cursor<'_>) -> Option<u32> {
    body.0.try_into().ok().map(u32::from_be_bytes)
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    match place.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_decides_is_there_once() {
        let created = [5, CREATED, 0, 0, 1, 0];
        let read = Subpackets::read(&created).unwrap();
        assert_eq!((read.created, read.expires), (Some(256), None));
        assert!(Subpackets::read(&created.repeat(2)).is_none());
        assert!(Subpackets::read(&created[..5]).is_none());
        assert!(Subpackets::read(&[4, CREATED, 0, 0, 1]).is_none());
        assert!(Subpackets::read(&[0]).is_none());
        let read = Subpackets::read(&[5, EXPIRES, 0, 0, 0, 0]).unwrap();
        assert_eq!(read.expires, None);
    }

    #[test]
    fn critical_ones_have_to_be_known() {
        for (first, unknown) in [
            (20, None),
            (0x80 | 20, Some(20)),
            (0x80 | 26, None),
            (0x80 | 100, Some(100)),
        ] {
            let read = Subpackets::read(&[2, first, 0]).unwrap();
            assert_eq!(read.unknown, unknown, "{first}");
        }
    }

    #[test]
    fn flags() {
        for (flags, expected) in [
            (&[1][..], false),
            (&[2], true),
            (&[3, 0xff], true),
            (&[], false),
        ] {
            let area = [&[flags.len() as u8 + 1, FLAGS], flags].concat();
            assert_eq!(Subpackets::read(&area).unwrap().may_sign(), Some(expected));
        }
        assert_eq!(Subpackets::read(&[]).unwrap().may_sign(), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(area in proptest::collection::vec(0_u8..40, 0..60)) {
            let _ = Subpackets::read(&area);
        }
    }
}
