//! [`Step`]: how far an attempt is.

/// What an attempt is at. Reading is told again and again, the others once, before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of so many are read, and hashed.
    Read(u64, u64),
    /// The kernel, which would unpack itself, is unpacked.
    Unpack,
    /// Signatures of all that was read are judged.
    Prove,
    /// The running kernel copies and takes it.
    Load,
}
