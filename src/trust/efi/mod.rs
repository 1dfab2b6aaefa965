//! What the firmware trusts: the variables `db`, `dbx`, `MokListRT` and `MokListXRT` (UEFI specification,
//! section 32.4.1).

mod platform;
mod signature_list;

pub use platform::PlatformError;
pub(super) use platform::platform;
pub use signature_list::{MAX_VARIABLE, SignatureLists};
