//! What a certificate may be used for (RFC 5280, section 4.2.1).

use der::asn1::{BitStringRef, ObjectIdentifier as Oid};
use der::{Decode, Reader, SliceReader, Tag};

use super::asn1;
use super::error::Problem;
use super::oids;

/// No certificate has more extensions.
const MAX: usize = 64;

/// The extensions of a certificate that decide something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// It may issue certificates (`basicConstraints`).
    is_issuer: bool,
    /// How many issuers may stand between it and a signer.
    path_length: Option<u8>,
    /// The bits of `keyUsage` that decide here.
    key_usage: Option<u8>,
    extended_key_usage: Option<Vec<Oid>>,
    /// The bits of `netscape-cert-type`.
    netscape_type: Option<u8>,
    pub(super) key_id: Option<Vec<u8>>,
    /// The first one that is critical and not understood.
    unknown: Option<Oid>,
}

/// Bits of `keyUsage`, the first of which is the highest.
const DIGITAL_SIGNATURE: u8 = 0x80;
const CONTENT_COMMITMENT: u8 = 0x40;
const KEY_CERT_SIGN: u8 = 0x04;
/// Bits of `netscape-cert-type`.
const OBJECT_SIGNING: u8 = 0x10;
const OBJECT_SIGNING_ISSUER: u8 = 0x01;

impl Extensions {
    /// Reads the list.
    pub(super) fn read(reader: &mut SliceReader<'_>) -> der::Result<Extensions> {
        let list = asn1::each(asn1::content(reader, Tag::Sequence)?, MAX)?;
        let mut extensions = Extensions::default();
        let mut seen: Vec<Oid> = Vec::new();
        for extension in list {
            let (oid, is_critical, value) = asn1::whole(extension, |reader| {
                asn1::sequence(reader, |reader| {
                    let oid = Oid::decode(reader)?;
                    let is_critical = match reader.peek_tag()? {
                        Tag::Boolean => bool::decode(reader)?,
                        _ => false,
                    };
                    Ok((oid, is_critical, asn1::content(reader, Tag::OctetString)?))
                })
            })?;
            // "A certificate MUST NOT include more than one instance of a particular extension."
            if seen.contains(&oid) {
                return Err(reader.error(der::ErrorKind::Failed));
            }
            seen.push(oid);
            match oid {
                oids::BASIC_CONSTRAINTS => asn1::whole(value, |r| extensions.basic_constraints(r))?,
                oids::KEY_USAGE => extensions.key_usage = Some(bits(value)?),
                oids::NETSCAPE_TYPE => extensions.netscape_type = Some(bits(value)?),
                oids::EXTENDED_KEY_USAGE => {
                    let usages = asn1::each(asn1::value(value)?, MAX)?;
                    let usages = usages.into_iter().map(Oid::from_der);
                    extensions.extended_key_usage = Some(usages.collect::<der::Result<_>>()?);
                }
                oids::SUBJECT_KEY_ID => {
                    extensions.key_id = Some(asn1::value(value)?.to_vec());
                }
                _ if is_critical => {
                    extensions.unknown.get_or_insert(oid);
                }
                _ => {}
            }
        }
        Ok(extensions)
    }

    fn basic_constraints(&mut self, reader: &mut SliceReader<'_>) -> der::Result<()> {
        asn1::sequence(reader, |reader| {
            if !reader.is_finished() && reader.peek_tag()? == Tag::Boolean {
                self.is_issuer = bool::decode(reader)?;
            }
            if !reader.is_finished() {
                self.path_length = Some(asn1::number(reader)?);
            }
            Ok(())
        })
    }

    /// May the certificate sign what is booted?
    pub(super) fn may_sign(&self) -> Result<(), Problem> {
        self.are_understood()?;
        let signs = DIGITAL_SIGNATURE | CONTENT_COMMITMENT;
        if self.key_usage.is_some_and(|usage| usage & signs == 0) {
            return Err(Problem::Usage("its key usage is not to sign"));
        }
        if self
            .netscape_type
            .is_some_and(|kind| kind & OBJECT_SIGNING == 0)
        {
            return Err(Problem::Usage("its Netscape type is not to sign code"));
        }
        let Some(usages) = &self.extended_key_usage else {
            return Ok(());
        };
        if usages.contains(&oids::MODULE_SIGNING_ONLY) {
            return Err(Problem::Usage("it is for kernel modules and nothing else"));
        }
        match usages.contains(&oids::CODE_SIGNING) || usages.contains(&oids::ANY_EXTENDED_KEY_USAGE)
        {
            true => Ok(()),
            false => Err(Problem::Usage("its extended key usage is not to sign code")),
        }
    }

    /// May the certificate issue others, with this many issuers between it and the signer?
    pub(super) fn may_issue(&self, between: usize) -> Result<(), Problem> {
        self.are_understood()?;
        if !self.is_issuer {
            return Err(Problem::Usage("it may not issue certificates"));
        }
        if self
            .key_usage
            .is_some_and(|usage| usage & KEY_CERT_SIGN == 0)
        {
            return Err(Problem::Usage("its key usage is not to sign certificates"));
        }
        if self
            .netscape_type
            .is_some_and(|kind| kind & OBJECT_SIGNING_ISSUER == 0)
        {
            return Err(Problem::Usage(
                "its Netscape type is not to issue certificates to sign code",
            ));
        }
        match self
            .path_length
            .is_some_and(|length| between > usize::from(length))
        {
            true => Err(Problem::Usage(
                "there are more issuers below it than it allows",
            )),
            false => Ok(()),
        }
    }

    fn are_understood(&self) -> Result<(), Problem> {
        self.unknown
            .map_or(Ok(()), |oid| Err(Problem::Extension(oid)))
    }
}

/// The first eight bits of a BIT STRING.
fn bits(value: &[u8]) -> der::Result<u8> {
    let bits = BitStringRef::from_der(value)?;
    Ok(bits.raw_bytes().first().copied().unwrap_or(0))
}
