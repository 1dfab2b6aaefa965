//! [`SignatureLists`]: `EFI_SIGNATURE_LIST`s, one behind the other.

use crate::trust::anchor::{Anchor, Trusted};
use crate::trust::certificate::Certificate;
use crate::trust::digest::{Algorithm, Digest};
use crate::trust::error::Problem;
use crate::trust::revocation::Revocations;

/// The longest variable that is read, in bytes. `dbx` has 24 KB on machines of 2025.
pub const MAX_VARIABLE: usize = 1024 * 1024;

/// In front of the content of a variable in efivarfs stand its attributes.
const ATTRIBUTES: usize = 4;
/// `SignatureType`, `SignatureListSize`, `SignatureHeaderSize` and `SignatureSize`.
const HEADER: usize = 16 + 3 * 4;
/// `SignatureOwner`, in front of each entry.
const OWNER: usize = 16;
/// The time of revocation (`EFI_TIME`), behind the digest of a certificate.
const TIME: usize = 16;

type Guid = [u8; 16];

const fn guid(a: u32, b: u16, c: u16, d: [u8; 8]) -> Guid {
    let ([a0, a1, a2, a3], [b0, b1], [c0, c1]) =
        (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    let [d0, d1, d2, d3, d4, d5, d6, d7] = d;
    [
        a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7,
    ]
}

const X509: Guid = guid(
    0xa5c0_59a1,
    0x94e4,
    0x4aa7,
    [0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72],
);
/// Digests of programs.
const PROGRAMS: [(Guid, Algorithm); 3] = [
    (
        guid(
            0xc1c4_1626,
            0x504c,
            0x4092,
            [0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28],
        ),
        Algorithm::Sha256,
    ),
    (
        guid(
            0xff3e_5307,
            0x9fd0,
            0x48c9,
            [0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01],
        ),
        Algorithm::Sha384,
    ),
    (
        guid(
            0x093e_0fae,
            0xa6c4,
            0x4f50,
            [0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a],
        ),
        Algorithm::Sha512,
    ),
];
/// Digests of certificates, each with a time.
const CERTIFICATES: [(Guid, Algorithm); 3] = [
    (
        guid(
            0x3bd2_a492,
            0x96c0,
            0x4079,
            [0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed],
        ),
        Algorithm::Sha256,
    ),
    (
        guid(
            0x7076_876e,
            0x80c2,
            0x4ee6,
            [0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b],
        ),
        Algorithm::Sha384,
    ),
    (
        guid(
            0x446d_bf63,
            0x2502,
            0x4cda,
            [0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d],
        ),
        Algorithm::Sha512,
    ),
];

/// What a variable of the firmware lists. Whether it is trusted or revoked depends on the variable.
#[derive(Clone, Debug, Default)]
pub struct SignatureLists {
    /// Authenticode digests of programs.
    pub programs: Vec<Digest>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Digests of what the issuers of certificates signed.
    pub certificate_digests: Vec<Digest>,
    /// Entries of kinds that are not known here, and certificates that can't be read. In a list of what is
    /// revoked, they are something to tell people.
    pub unknown: usize,
}

impl SignatureLists {
    /// Reads a file of efivarfs: the attributes, then the lists.
    ///
    /// # Errors
    /// As [`SignatureLists::read`].
    pub fn from_efivarfs(file: &[u8]) -> Result<SignatureLists, Problem> {
        SignatureLists::read(file.get(ATTRIBUTES..).ok_or(DAMAGED)?)
    }

    /// Reads lists to their end.
    ///
    /// # Errors
    /// [`Problem::Damaged`]: sizes that do not fit each other. Nothing of the variable counts then, and a list
    /// of what is revoked that can't be read is no empty one.
    pub fn read(mut bytes: &[u8]) -> Result<SignatureLists, Problem> {
        if bytes.len() > MAX_VARIABLE {
            return Err(Problem::TooMany("bytes"));
        }
        let mut lists = SignatureLists::default();
        while !bytes.is_empty() {
            let (kind, rest) = bytes.split_first_chunk::<16>().ok_or(DAMAGED)?;
            let (list_size, rest) = size(rest)?;
            let (header_size, rest) = size(rest)?;
            let (entry_size, _) = size(rest)?;
            let start = HEADER.checked_add(header_size).ok_or(DAMAGED)?;
            let entries = bytes.get(start..list_size).ok_or(DAMAGED)?;
            if entry_size <= OWNER || entries.len().checked_rem(entry_size) != Some(0) {
                return Err(DAMAGED);
            }
            for entry in entries.chunks_exact(entry_size) {
                lists.add(kind, entry.get(OWNER..).unwrap_or_default())?;
            }
            bytes = bytes.get(list_size..).unwrap_or_default();
        }
        Ok(lists)
    }

    fn add(&mut self, kind: &Guid, entry: &[u8]) -> Result<(), Problem> {
        let known = |kinds: &[(Guid, Algorithm)]| {
            let kind = kinds.iter().find(|(known, _)| known == kind);
            kind.map(|(_, algorithm)| *algorithm)
        };
        if *kind == X509 {
            match Certificate::read(entry) {
                Ok(certificate) => self.certificates.push(certificate),
                Err(_) => self.unknown = self.unknown.saturating_add(1),
            }
        } else if let Some(algorithm) = known(&PROGRAMS) {
            self.programs
                .push(Digest::from_bytes(algorithm, entry).ok_or(DAMAGED)?);
        } else if let Some(algorithm) = known(&CERTIFICATES) {
            // The time says since when. Nothing proves when a program was signed, so it is revoked always.
            let (digest, _) = entry
                .split_at_checked(entry.len().saturating_sub(TIME))
                .ok_or(DAMAGED)?;
            let digest = Digest::from_bytes(algorithm, digest).ok_or(DAMAGED)?;
            self.certificate_digests.push(digest);
        } else {
            self.unknown = self.unknown.saturating_add(1);
        }
        Ok(())
    }

    /// Trusts what is listed, as `db` and `MokListRT` say: anchors of this name. Certificates whose key does
    /// not count are left out; digests of certificates trust nothing.
    pub fn trust(self, name: &str, trusted: &mut Trusted) {
        let anchors = self.certificates.iter();
        trusted.anchors.extend(
            anchors.filter_map(|certificate| Anchor::certificate(name, certificate.der()).ok()),
        );
        trusted.programs.extend(self.programs);
    }

    /// Revokes what is listed, as `dbx` and `MokListXRT` say.
    pub fn revoke(self, revoked: &mut Revocations) {
        revoked.programs.extend(self.programs);
        revoked.certificates.extend(self.certificates);
        revoked.certificate_digests.extend(self.certificate_digests);
    }
}

const DAMAGED: Problem = Problem::Damaged("the list of signatures is damaged");

fn size(bytes: &[u8]) -> Result<(usize, &[u8]), Problem> {
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or(DAMAGED)?;
    let size = usize::try_from(u32::from_le_bytes(*size)).map_err(|_| DAMAGED)?;
    Ok((size, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(kind: Guid, entry_size: usize, entries: &[&[u8]]) -> Vec<u8> {
        let mut list = kind.to_vec();
        for size in [HEADER + entry_size * entries.len(), 0, entry_size] {
            list.extend((size as u32).to_le_bytes());
        }
        for entry in entries {
            list.extend([0x77; OWNER]);
            list.extend(*entry);
        }
        list
    }

    #[test]
    fn digests_of_programs_and_certificates() {
        let mut variable = vec![7, 0, 0, 0];
        variable.extend(list(PROGRAMS[0].0, 48, &[&[1; 32], &[2; 32]]));
        variable.extend(list(CERTIFICATES[0].0, 64, &[&[3; 48]]));
        variable.extend(list([9; 16], 20, &[&[4; 4]]));
        variable.extend(list(X509, 20, &[b"none"]));
        let lists = SignatureLists::from_efivarfs(&variable).unwrap();
        let bytes: Vec<&[u8]> = lists.programs.iter().map(Digest::bytes).collect();
        assert_eq!(bytes, [[1; 32], [2; 32]]);
        assert_eq!(lists.certificate_digests[0].bytes(), [3; 32]);
        assert_eq!((lists.certificate_digests.len(), lists.unknown), (1, 2));
    }

    #[test]
    fn sizes_have_to_agree() {
        let good = list(PROGRAMS[0].0, 48, &[&[1; 32], &[2; 32]]);
        assert!(SignatureLists::read(&good).is_ok());
        // List, header and entry size.
        for (at, value) in [
            (16, 1),
            (16, 200),
            (16, 28),
            (20, 8),
            (20, 0xff),
            (24, 0),
            (24, 16),
            (24, 47),
        ] {
            let mut bad = good.clone();
            bad[at] = value;
            let empty = SignatureLists::read(&bad).is_ok_and(|lists| lists.programs.is_empty());
            assert!(
                empty == ((at, value) == (16, 28)) || SignatureLists::read(&bad).is_err(),
                "{at} {value}"
            );
        }
        assert!(SignatureLists::read(&good[..good.len() - 1]).is_err());
        assert!(SignatureLists::read(&list(PROGRAMS[1].0, 48, &[&[1; 32]])).is_err());
        assert!(SignatureLists::from_efivarfs(&[7, 0]).is_err());
        assert!(SignatureLists::from_efivarfs(&[7, 0, 0, 0]).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_panics(kind in 0_usize..7, sizes in any::<[u8; 3]>(), rest in any::<Vec<u8>>()) {
            let kinds = [X509, PROGRAMS[0].0, PROGRAMS[1].0, PROGRAMS[2].0, CERTIFICATES[0].0, CERTIFICATES[1].0, [0; 16]];
            let mut bytes = kinds[kind].to_vec();
            for size in sizes {
                bytes.extend(u32::from(size).to_le_bytes());
            }
            bytes.extend(rest);
            let _ = SignatureLists::read(&bytes);
        }
    }
}
