//! [`Variable`]: a UEFI variable that keeps starts.

use super::{Store, StoreError};
use crate::boot::Starts;
use crate::efi::Variables;
use crate::policy::overrides::VENDOR;

/// A UEFI variable of our own. Firmware writes it as a whole or not at all.
pub struct Variable<'a>(pub &'a dyn Variables);

impl Variable<'_> {
    /// Its name; the vendor is that of the values of a policy.
    pub const NAME: &'static str = "UnconfirmedStarts";
}

impl Store for Variable<'_> {
    fn read(&self) -> Result<Option<Starts>, StoreError> {
        let value = self.0.read(VENDOR, Variable::NAME)?;
        let bytes = value.and_then(|value| value.try_into().ok());
        Ok(bytes.as_ref().and_then(Starts::parse))
    }

    fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        Ok(self.0.write(VENDOR, Variable::NAME, &starts.to_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::MemoryVariables;
    use crate::store::tests::starts;

    #[test]
    fn a_variable_keeps_them() {
        let variables = MemoryVariables::new();
        let store = Variable(&variables);
        assert_eq!(store.read().unwrap(), None);
        store.write(&starts()).unwrap();
        assert_eq!(store.read().unwrap(), Some(starts()));
        variables.write(VENDOR, Variable::NAME, b"odd").unwrap();
        assert_eq!(store.read().unwrap(), None);
        let closed = MemoryVariables::new().read_only();
        let error = Variable(&closed).write(&starts()).unwrap_err().to_string();
        assert!(error.contains("UnconfirmedStarts"), "{error}");
    }
}
