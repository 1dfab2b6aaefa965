//! Which keys are asked for when policies are read, for the test that all of them are documented.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// A key with the name of its table.
pub(crate) type Asked = BTreeSet<(&'static str, String)>;

thread_local! {
    static ASKED: RefCell<Asked> = const { RefCell::new(BTreeSet::new()) };
}

/// This key was asked for.
pub(super) fn note(table: &'static str, key: &str) {
    ASKED.with_borrow_mut(|asked| asked.insert((table, key.to_owned())));
}

/// What was asked for on this thread since the last time.
pub(crate) fn take() -> Asked {
    ASKED.take()
}
