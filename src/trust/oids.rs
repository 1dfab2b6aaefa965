//! Object identifiers, named as the standards name them.

use der::asn1::ObjectIdentifier as Oid;

const fn oid(text: &str) -> Oid {
    Oid::new_unwrap(text)
}

/// RFC 5652: kinds of content, and the attributes that are signed.
pub(super) const DATA: Oid = oid("1.2.840.113549.1.7.1");
pub(super) const SIGNED_DATA: Oid = oid("1.2.840.113549.1.7.2");
pub(super) const CONTENT_TYPE: Oid = oid("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: Oid = oid("1.2.840.113549.1.9.4");
/// Authenticode.
pub(super) const SPC_INDIRECT_DATA: Oid = oid("1.3.6.1.4.1.311.2.1.4");
pub(super) const SPC_PE_IMAGE_DATA: Oid = oid("1.3.6.1.4.1.311.2.1.15");
/// Another signature of the same program, as an attribute that is not signed (`szOID_NESTED_SIGNATURE`).
pub(super) const SPC_NESTED_SIGNATURE: Oid = oid("1.3.6.1.4.1.311.2.4.1");

/// `SPC_INDIVIDUAL_SP_KEY_PURPOSE`, which pesign writes where [`SPC_PE_IMAGE_DATA`] belongs: Debian's fwupd.
pub(super) const SPC_INDIVIDUAL: Oid = oid("1.3.6.1.4.1.311.2.1.21");

/// RFC 8017.
pub(super) const RSA: Oid = oid("1.2.840.113549.1.1.1");
pub(super) const RSA_MD5: Oid = oid("1.2.840.113549.1.1.4");
pub(super) const RSA_SHA1: Oid = oid("1.2.840.113549.1.1.5");
pub(super) const MGF1: Oid = oid("1.2.840.113549.1.1.8");
pub(super) const RSA_PSS: Oid = oid("1.2.840.113549.1.1.10");
pub(super) const RSA_SHA256: Oid = oid("1.2.840.113549.1.1.11");
pub(super) const RSA_SHA384: Oid = oid("1.2.840.113549.1.1.12");
pub(super) const RSA_SHA512: Oid = oid("1.2.840.113549.1.1.13");

/// RFC 5480, RFC 5758.
pub(super) const EC: Oid = oid("1.2.840.10045.2.1");
pub(super) const P256: Oid = oid("1.2.840.10045.3.1.7");
/// RFC 8410.
pub(super) const ED25519: Oid = oid("1.3.101.112");
pub(super) const ECDSA_SHA256: Oid = oid("1.2.840.10045.4.3.2");
pub(super) const ECDSA_SHA384: Oid = oid("1.2.840.10045.4.3.3");
pub(super) const ECDSA_SHA512: Oid = oid("1.2.840.10045.4.3.4");

/// Digests (NIST, RFC 3279).
pub(super) const SHA1: Oid = oid("1.3.14.3.2.26");
pub(super) const SHA256: Oid = oid("2.16.840.1.101.3.4.2.1");
pub(super) const SHA384: Oid = oid("2.16.840.1.101.3.4.2.2");
pub(super) const SHA512: Oid = oid("2.16.840.1.101.3.4.2.3");

/// RFC 5280: extensions of certificates, and part of a name.
pub(super) const SUBJECT_KEY_ID: Oid = oid("2.5.29.14");
pub(super) const KEY_USAGE: Oid = oid("2.5.29.15");
pub(super) const BASIC_CONSTRAINTS: Oid = oid("2.5.29.19");
pub(super) const EXTENDED_KEY_USAGE: Oid = oid("2.5.29.37");
pub(super) const ANY_EXTENDED_KEY_USAGE: Oid = oid("2.5.29.37.0");
pub(super) const CODE_SIGNING: Oid = oid("1.3.6.1.5.5.7.3.3");
/// What distributions put into keys that may sign kernel modules and nothing else.
pub(super) const MODULE_SIGNING_ONLY: Oid = oid("1.3.6.1.4.1.2312.16.1.2");
/// Netscape's certificate type, which is critical in the certificate of Debian's issuer.
pub(super) const NETSCAPE_TYPE: Oid = oid("2.16.840.1.113730.1.1");
pub(super) const COMMON_NAME: Oid = oid("2.5.4.3");
pub(super) const ORGANISATION: Oid = oid("2.5.4.10");
