//! [`Chain`]: the way from a signer to an anchor (RFC 5280, section 6, without dates and policies).

use super::anchor::{Anchor, Kind, Trusted};
use super::certificate::Certificate;
use super::error::{Problem, Refusal};

/// No chain is longer, in certificates with the anchor.
pub(super) const MAX_LENGTH: usize = 8;

/// So many signatures of certificates are checked for one chain; a real one needs three.
const MAX_CHECKS: usize = 64;

/// Certificates of which each issued the one before it, up to an anchor. That it exists is the proof.
#[derive(Clone, Debug)]
pub struct Chain {
    certificates: Vec<Certificate>,
    anchor: String,
}

impl Chain {
    /// From the signer towards the anchor. The last one is the anchor, unless that is a key alone.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The name of the anchor.
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// Finds a chain for a signer, with issuers out of `others` where anchors did not issue it themselves.
    ///
    /// # Errors
    /// [`Refusal`]: why the way that led furthest ends.
    pub(super) fn find(
        signer: &Certificate,
        others: &[Certificate],
        trusted: &Trusted,
    ) -> Result<Chain, Refusal> {
        signer
            .extensions
            .may_sign()
            .map_err(|problem| Refusal::by(problem, &signer.name()))?;
        let mut search = Search {
            others,
            trusted,
            path: Vec::new(),
            checks: 0,
            refusal: None,
        };
        if let Some(anchor) = search.from(signer) {
            let last = anchor.as_certificate();
            let mut certificates: Vec<Certificate> = search.path.into_iter().cloned().collect();
            if let Some(last) = last.filter(|last| certificates.last() != Some(last)) {
                certificates.push(last.clone());
            }
            let anchor = anchor.name.clone();
            return Ok(Chain {
                certificates,
                anchor,
            });
        }
        Err(search.refusal.unwrap_or_else(|| {
            let (name, issuer) = (signer.name(), signer.issuer_name());
            let problem = match issuer == name {
                true => Problem::NoIssuer,
                false => Problem::NoAnchor(issuer),
            };
            Refusal::by(problem, &name)
        }))
    }
}

struct Search<'a> {
    others: &'a [Certificate],
    trusted: &'a Trusted,
    /// The certificates from the signer to where the search is.
    path: Vec<&'a Certificate>,
    checks: usize,
    /// The first reason that is more than a missing issuer.
    refusal: Option<Refusal>,
}

impl<'a> Search<'a> {
    /// The anchor that this certificate leads to; the path then leads there.
    fn from<'b: 'a>(&mut self, certificate: &'b Certificate) -> Option<&'a Anchor> {
        if self.path.len() == MAX_LENGTH || self.path.contains(&certificate) {
            return None;
        }
        let trusted = self.trusted;
        self.note(trusted.revoked.check(certificate), certificate)?;
        self.path.push(certificate);
        let key = certificate.public_key().ok();
        for anchor in &trusted.anchors {
            let is_held = match &anchor.kind {
                Kind::Certificate(own) if **own == *certificate => true,
                Kind::Certificate(issuer) => self.is_issued(certificate, issuer).is_some(),
                Kind::Key(own) if key.as_ref() == Some(&own.key) => true,
                Kind::Key(own) => {
                    self.check().is_some() && certificate.verify(&own.key, trusted.strength).is_ok()
                }
                Kind::OpenPgp(_) | Kind::Minisign(_) | Kind::Ssh(_) => false,
            };
            if is_held {
                return Some(anchor);
            }
        }
        for issuer in self.others {
            if self.is_issued(certificate, issuer).is_some()
                && let Some(anchor) = self.from(issuer)
            {
                return Some(anchor);
            }
        }
        self.path.pop();
        None
    }

    /// Did the one issue the other, and might it?
    fn is_issued(&mut self, certificate: &Certificate, issuer: &Certificate) -> Option<()> {
        if certificate.issuer != issuer.subject || certificate == issuer {
            return None;
        }
        self.check()?;
        // All of the path but the signer stand between.
        let between = self.path.len().saturating_sub(1);
        self.note(issuer.extensions.may_issue(between), issuer)?;
        self.note(self.trusted.revoked.check(issuer), issuer)?;
        let key = self.note(issuer.public_key(), issuer)?;
        self.note(certificate.verify(&key, self.trusted.strength), certificate)
    }

    /// Counts the check of a signature.
    fn check(&mut self) -> Option<()> {
        self.checks = self.checks.saturating_add(1);
        (self.checks <= MAX_CHECKS).then_some(())
    }

    /// Remembers the first problem.
    fn note<T>(&mut self, result: Result<T, Problem>, certificate: &Certificate) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refusal
                    .get_or_insert_with(|| Refusal::by(problem, &certificate.name()));
                None
            }
        }
    }
}
