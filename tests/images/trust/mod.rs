//! Signatures by the tools that people have: which count, which do not, and what the tools say of the same files.

mod anchors;
mod appended;
mod authenticode;
mod cms;
mod keys;
mod lists;
mod minisign;
mod openpgp;
mod openpgp6;
mod raw;
mod ssh;
mod verdict;
