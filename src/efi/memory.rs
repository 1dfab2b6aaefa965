//! Variables in memory: for tests, and for whoever wants to see what would be written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use super::variables::{VariableError, Variables};

/// A store that ends with the process.
#[derive(Default)]
pub struct MemoryVariables {
    values: RefCell<BTreeMap<(String, String), Vec<u8>>>,
    read_only: bool,
}

impl MemoryVariables {
    /// An empty store.
    pub fn new() -> MemoryVariables {
        MemoryVariables::default()
    }

    /// The same, for reading only.
    #[must_use]
    pub fn read_only(self) -> MemoryVariables {
        MemoryVariables {
            read_only: true,
            ..self
        }
    }

    /// The names of all variables, sorted.
    pub fn names(&self) -> Vec<String> {
        let values = self.values.borrow();
        values.keys().map(|(_, name)| name.clone()).collect()
    }

    fn check(&self, name: &str, action: &'static str) -> Result<(), VariableError> {
        if !self.read_only {
            return Ok(());
        }
        Err(VariableError {
            name: name.to_owned(),
            action,
            error: io::ErrorKind::ReadOnlyFilesystem.into(),
        })
    }
}

impl Variables for MemoryVariables {
    fn read(&self, vendor: &str, name: &str) -> Result<Option<Vec<u8>>, VariableError> {
        let key = (vendor.to_owned(), name.to_owned());
        Ok(self.values.borrow().get(&key).cloned())
    }

    fn write(&self, vendor: &str, name: &str, value: &[u8]) -> Result<(), VariableError> {
        self.check(name, "write")?;
        let key = (vendor.to_owned(), name.to_owned());
        self.values.borrow_mut().insert(key, value.to_vec());
        Ok(())
    }

    fn remove(&self, vendor: &str, name: &str) -> Result<(), VariableError> {
        self.check(name, "remove")?;
        let key = (vendor.to_owned(), name.to_owned());
        self.values.borrow_mut().remove(&key);
        Ok(())
    }

    fn writable(&self) -> bool {
        !self.read_only
    }
}
