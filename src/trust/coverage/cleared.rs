//! [`Cleared`]: what may be loaded.

use super::facts::Facts;
use super::verdict::Verdict;
use crate::trust::rules::Rules;

/// A payload that the rules let boot. Only [`Rules::clear`] makes one, so that what takes it can't be given
/// anything else.
#[derive(Debug)]
pub struct Cleared<T> {
    payload: T,
    verdict: Verdict,
}

impl Rules {
    /// Lets a payload pass, or not. `facts` are those of this payload: whoever reads it collects both.
    ///
    /// # Errors
    /// The verdict, when it does not let the payload boot.
    pub fn clear<T>(&self, payload: T, facts: &Facts) -> Result<Cleared<T>, Box<Verdict>> {
        let verdict = self.judge(facts);
        match verdict.allows() {
            true => Ok(Cleared { payload, verdict }),
            false => Err(Box::new(verdict)),
        }
    }
}

impl<T> Cleared<T> {
    /// The payload, to look at.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Why it passed.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}
