//! What the firmware trusts: the variables `db`, `dbx`, `MokListRT` and `MokListXRT` (UEFI specification,
//! section 32.4.1).

mod signature_list;

pub use signature_list::{MAX_VARIABLE, SignatureLists};
