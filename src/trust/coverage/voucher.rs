//! [`Voucher`]: someone who vouches for some bytes.

use std::fmt;

use crate::text::Printable;
use crate::trust::digest::Digest;
use crate::trust::proof::{Format, Proof, Signer};

/// Someone who vouches for some bytes. It exists only where a signature holds, or where the owner has listed the
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    who: Who,
}

/// Who vouches, and how that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// An anchor, by a signature.
    Anchor {
        /// Its name.
        name: String,
        /// The format of the signature.
        format: Format,
    },
    /// The owner, who lists the digest in the policy.
    Owner,
    /// The firmware, which lists the digest.
    Firmware,
}

impl Voucher {
    /// Who a proof is by. A digest of a program that the owner has not listed is the firmware's.
    pub(in crate::trust) fn of(proof: &Proof, listed: &[Digest]) -> Voucher {
        let who = match proof.signer() {
            Signer::Digest(digest) if listed.contains(digest) => Who::Owner,
            Signer::Digest(_) => Who::Firmware,
            Signer::Chain(_) | Signer::Key(_) => Who::Anchor {
                name: proof.anchor().to_owned(),
                format: proof.format(),
            },
        };
        Voucher { who }
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The owner.
    pub(super) fn owner() -> Voucher {
        Voucher { who: Who::Owner }
    }

    /// An anchor, out of nowhere.
    #[cfg(test)]
    pub(super) fn pretended(name: &str, format: Format) -> Voucher {
        let name = name.to_owned();
        Voucher {
            who: Who::Anchor { name, format },
        }
    }
}

impl Who {
    /// What makes it different from others, when anchors are counted.
    pub(super) fn name(&self) -> &str {
        match self {
            Who::Anchor { name, .. } => name,
            Who::Owner => "the policy",
            Who::Firmware => "the firmware",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Anchor { name, format } => write!(f, "\"{}\" ({format})", Printable(name)),
            Who::Owner => f.write_str("the list of the policy"),
            Who::Firmware => f.write_str("the list of the firmware"),
        }
    }
}
