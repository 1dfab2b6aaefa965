//! Signatures by `sbsign`, `osslsigncode`, `pesign` and `openssl cms`: which count, which do not, and what the
//! tools say of the same files.

mod authenticode;
mod detached;
mod keys;
mod lists;
