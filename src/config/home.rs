//! What an administrator keeps is no configuration.

use crate::fs::{Filesystem, FsPath};

/// A subvolume of Fedora, or the home directory of the administrator.
const HOME: &str = "/root/";

/// Is this place in the administrator's home? Beside another `/boot`, `/root` is no root filesystem.
pub(super) fn is_in_home(filesystem: &dyn Filesystem, place: &str) -> bool {
    let has_boot = || FsPath::new("/boot").is_ok_and(|boot| filesystem.metadata(&boot).is_ok());
    place.starts_with(HOME) && has_boot()
}
