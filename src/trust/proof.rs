//! [`Proof`]: why something counts, the same for every format.

use std::fmt;

use super::certificate::Validity;
use super::chain::Chain;
use super::digest::{Algorithm, Digest};

/// How something was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A signature in an EFI program, or its listed digest.
    Authenticode,
    /// CMS beside the file.
    Cms,
    /// CMS behind a kernel, as behind kernel modules.
    Appended,
    /// The bare number that a key makes.
    Raw,
    /// OpenPGP.
    OpenPgp,
    /// Minisign.
    Minisign,
    /// OpenSSH.
    Ssh,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 7] = [
        Format::Authenticode,
        Format::Cms,
        Format::Appended,
        Format::Raw,
        Format::OpenPgp,
        Format::Minisign,
        Format::Ssh,
    ];

    /// The word in a policy and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Format::Authenticode => "authenticode",
            Format::Cms => "cms",
            Format::Appended => "appended",
            Format::Raw => "raw",
            Format::OpenPgp => "openpgp",
            Format::Minisign => "minisign",
            Format::Ssh => "ssh",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Authenticode => "Authenticode",
            Format::Cms => "CMS",
            Format::Appended => "appended CMS",
            Format::Raw => "raw",
            Format::OpenPgp => "OpenPGP",
            Format::Minisign => "minisign",
            Format::Ssh => "SSH",
        })
    }
}

/// Why something counts. It is made where a signature was checked, and nowhere else.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(super) format: Format,
    pub(super) anchor: String,
    pub(super) signer: Signer,
    pub(super) digest: Algorithm,
    pub(super) dates: Vec<Dated>,
    pub(super) comment: Option<String>,
}

/// Who signed.
#[derive(Clone, Debug)]
pub enum Signer {
    /// A certificate that leads to the anchor.
    Chain(Chain),
    /// The key of the anchor: its fingerprint as the tools of the format print it. That of a bare key is the
    /// SHA-256 of its DER.
    Key(String),
    /// Nobody: the digest of the program is itself trusted.
    Digest(Digest),
}

/// A date of something that led to a proof. Nothing enforces it: firmware has no clock that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// What has it: the name of a certificate, as it says itself, or `key` or `signature`.
    pub what: String,
    /// The date.
    pub validity: Validity,
}

impl Proof {
    /// A proof without dates or comment.
    pub(super) fn new(format: Format, anchor: &str, signer: Signer, digest: Algorithm) -> Proof {
        Proof {
            format,
            anchor: anchor.to_owned(),
            signer,
            digest,
            dates: Vec::new(),
            comment: None,
        }
    }

    /// By a certificate.
    pub(super) fn by(chain: Chain, format: Format, digest: Algorithm) -> Proof {
        let dates = chain.certificates().iter();
        let dates = dates.map(|certificate| Dated {
            what: certificate.name(),
            validity: certificate.validity,
        });
        Proof {
            format,
            anchor: chain.anchor().to_owned(),
            dates: dates.collect(),
            signer: Signer::Chain(chain),
            digest,
            comment: None,
        }
    }

    /// How it was signed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The name of the anchor that it leads to. The anchors of one file have one name.
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// Who signed.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The certificates that lead to the anchor, where there are any.
    pub fn chain(&self) -> Option<&Chain> {
        match &self.signer {
            Signer::Chain(chain) => Some(chain),
            Signer::Key(_) | Signer::Digest(_) => None,
        }
    }

    /// By which algorithm the content was hashed.
    pub fn digest(&self) -> Algorithm {
        self.digest
    }

    /// The dates of everything between the content and the anchor.
    pub fn dates(&self) -> &[Dated] {
        &self.dates
    }

    /// What is not valid at this time, in seconds since 1970, for people to know.
    pub fn out_of_date(&self, now: u64) -> impl Iterator<Item = &Dated> {
        let dates = self.dates.iter();
        dates.filter(move |dated| {
            let Validity {
                not_before,
                not_after,
            } = dated.validity;
            !(not_before..=not_after).contains(&now)
        })
    }

    /// What the signer said besides, and signed: minisign's trusted comment. It is not made safe to print.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }
}
