//! Signatures by the tools that people have: which count, which do not, what the tools say of the same
//! files, and what a policy lets boot by them.

mod anchors;
mod appended;
mod authenticode;
mod boot;
mod cms;
mod configuration;
mod distributions;
mod guide;
mod keys;
mod lists;
mod minisign;
mod openpgp;
mod openpgp6;
mod raw;
mod sign;
mod ssh;
mod verdict;
