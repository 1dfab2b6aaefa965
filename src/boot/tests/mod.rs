//! Policies in situations.

mod document;
mod machine;
mod policies;
