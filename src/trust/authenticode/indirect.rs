//! `SpcIndirectDataContent`: the digest of the program, which is what Authenticode signs.

use der::asn1::ObjectIdentifier as Oid;
use der::{Decode, Tag};

use crate::trust::algorithm::read_digest;
use crate::trust::digest::Algorithm;
use crate::trust::error::Problem;
use crate::trust::key::identifier;
use crate::trust::{asn1, oids};

/// The digest that is signed: its algorithm and its bytes.
pub(super) fn read(content: &[u8]) -> Result<(Algorithm, Vec<u8>), Problem> {
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
