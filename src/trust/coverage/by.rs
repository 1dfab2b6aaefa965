//! [`By`]: who vouches for a part, and what says so.

use std::fmt;

use super::voucher::Who;
use crate::text::Printable;

/// Who vouches for a part, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub who: Who,
    /// The file that was signed, when it is another one: a stub, or a manifest.
    pub through: Option<String>,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.who.fmt(f)?;
        match &self.through {
            None => Ok(()),
            Some(file) => write!(f, " through {}", Printable(file)),
        }
    }
}
