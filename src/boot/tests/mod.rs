//! Policies in situations.

mod document;
mod failures;
mod machine;
mod policies;
