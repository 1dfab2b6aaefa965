//! `SpcIndirectDataContent`: the digest of the program, which is what Authenticode signs.

use der::asn1::ObjectIdentifier as Oid;
use der::{Decode, Tag};

use crate::trust::algorithm::read_digest;
use crate::trust::digest::Algorithm;
use crate::trust::error::Problem;
use crate::trust::key::identifier;
use crate::trust::{asn1, oids};

/// The digest that is signed: its algorithm and its bytes.
pub(in crate::trust) fn read(content: &[u8]) -> Result<(Algorithm, Vec<u8>), Problem> {
    let (kind, algorithm, digest) = asn1::whole(content, |reader| {
        asn1::sequence(reader, |reader| {
            let kind = Oid::decode(&mut der::SliceReader::new(asn1::content(
                reader,
                Tag::Sequence,
            )?)?)?;
            asn1::sequence(reader, |reader| {
                let algorithm = identifier(reader)?;
                Ok((kind, algorithm, asn1::content(reader, Tag::OctetString)?))
            })
        })
    })
    .map_err(|_| Problem::Damaged("the signed digest can't be read"))?;
    if ![oids::SPC_PE_IMAGE_DATA, oids::SPC_INDIVIDUAL].contains(&kind) {
        return Err(Problem::Kind(
            "a signature of something else than a program".to_owned(),
        ));
    }
    Ok((read_digest(algorithm)?, digest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As osslsigncode, as pesign writes it, and as for a script: object identifiers that end in these bytes.
    #[test]
    fn kinds_of_content() {
        let content = |kind: u8| {
            let mut bytes = vec![
                0x30, 63, 0x30, 12, 6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, kind,
            ];
            bytes.extend([
                0x30, 47, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 32,
            ]);
            bytes.extend([7; 32]);
            bytes
        };
        for kind in [15, 21] {
            assert_eq!(
                read(&content(kind)).unwrap(),
                (Algorithm::Sha256, vec![7; 32])
            );
        }
        assert!(matches!(read(&content(30)), Err(Problem::Kind(_))));
        for cut in 0..65 {
            assert!(read(&content(15)[..cut]).is_err(), "{cut}");
        }
    }
}
