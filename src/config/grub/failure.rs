//! [`Failure`]: why a command failed, by GRUB's numbers (`include/grub/err.h`).

/// The number that `$?` shows, and the message that GRUB would print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: i32,
    pub(super) text: String,
}

/// What a command says about itself.
pub(super) type Outcome<T = ()> = Result<T, Failure>;

/// `test` and `false`: not an error, and nothing is printed.
pub(super) const FALSE: i32 = 1;
pub(super) const BAD_FILE_TYPE: i32 = 4;
pub(super) const FILE_NOT_FOUND: i32 = 5;
pub(super) const FILE_READ_ERROR: i32 = 6;
pub(super) const BAD_FILENAME: i32 = 7;
pub(super) const UNKNOWN_FS: i32 = 8;
pub(super) const BAD_NUMBER: i32 = 10;
pub(super) const OUT_OF_RANGE: i32 = 11;
pub(super) const UNKNOWN_DEVICE: i32 = 12;
pub(super) const BAD_DEVICE: i32 = 13;
pub(super) const UNKNOWN_COMMAND: i32 = 16;
pub(super) const INVALID_COMMAND: i32 = 17;
pub(super) const BAD_ARGUMENT: i32 = 18;
pub(super) const NO_KERNEL: i32 = 22;
pub(super) const NOT_IMPLEMENTED: i32 = 24;
pub(super) const MENU: i32 = 27;
pub(super) const IO: i32 = 29;
pub(super) const ACCESS_DENIED: i32 = 30;
pub(super) const NET_NO_CARD: i32 = 36;

impl Failure {
    pub(super) fn new(code: i32, text: impl Into<String>) -> Failure {
        let text = text.into();
        Failure { code, text }
    }

    /// What `false` and `test` say.
    pub(super) fn falsehood() -> Failure {
        Failure::new(FALSE, "false")
    }
}

pub(super) fn fail<T>(code: i32, text: impl Into<String>) -> Outcome<T> {
    Err(Failure::new(code, text))
}
