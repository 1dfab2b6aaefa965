//! Files that go with an image: add-ons, credentials and extensions.

use super::addon::Extra;
use crate::config::bls::Counter;
use crate::config::budget::Budget;
use crate::entry::{Companion, CompanionKind, FileRef, Unified};
use crate::fs::{FileKind, Filesystem, FsError, FsPath};

/// More files than this do not go with one image.
const MAX_COMPANIONS: usize = 64;

/// What a file beside an image is, by its name.
pub(in crate::config) fn kind_of(name: &str) -> Option<CompanionKind> {
    let name = name.to_ascii_lowercase();
    let kinds = [
        (".addon.efi", CompanionKind::Addon),
        (".cred", CompanionKind::Credential),
        (".confext.raw", CompanionKind::Confext),
        // Before there were others, `.raw` alone was a system extension, and it still counts as one.
        (".raw", CompanionKind::Sysext),
    ];
    let found = kinds.iter().find(|(suffix, _)| name.ends_with(suffix));
    found.map(|(_, kind)| *kind)
}

/// What a file in `/loader/extensions` is, by its name: of system extensions only those that say so.
fn global_extension(name: &str) -> Option<CompanionKind> {
    match kind_of(name)? {
        CompanionKind::Confext => Some(CompanionKind::GlobalConfext),
        CompanionKind::Sysext if name.to_ascii_lowercase().ends_with(".sysext.raw") => {
            Some(CompanionKind::GlobalSysext)
        }
        _ => None,
    }
}

/// The files that go with the image `file`, as systemd-stub would take them in: those for all images on its
/// volume, then its own, each directory in the order of the names; and behind them those that an entry names.
///
/// # Errors
/// What can't be read, in words.
pub(super) fn companions(
    filesystem: &dyn Filesystem,
    file: &FileRef,
    named: &[Companion],
    budget: &Budget,
) -> Result<Vec<Extra>, String> {
    let mut found: Vec<Companion> = Vec::new();
    let mut add = |directory: &str, kind: &dyn Fn(&str) -> Option<CompanionKind>| {
        budget.file()?;
        let list = match FsPath::new(directory).map(|path| (filesystem.read_dir(&path), path)) {
            Ok((Ok(list), path)) => list
                .into_iter()
                .map(move |item| (path.join(&item.name), item)),
            Ok((Err(FsError::NotFound | FsError::NotADirectory), _)) | Err(_) => return Ok(()),
            Ok((Err(error), _)) => return Err(format!("{directory} can't be read: {error}")),
        };
        budget.work(list.len())?;
        for (path, item) in list {
            // Others are passed over by systemd-stub, too (`pack_cpio` in systemd's `src/boot/cpio.c`).
            let is_named = item.name.is_ascii() && !item.name.starts_with('.');
            let usable = item.kind != FileKind::Directory && is_named;
            let kind = kind(&item.name).filter(|_| usable);
            if let (Some(kind), Ok(path)) = (kind, path) {
                let volume = file.volume;
                let file = FileRef { volume, path };
                found.push(Companion { kind, file });
            }
            if found.len() > MAX_COMPANIONS {
                return Err(format!("over {MAX_COMPANIONS} files go with it"));
            }
        }
        Ok(())
    };
    let only = |wanted| move |name: &str| kind_of(name).filter(|kind| *kind == wanted);
    add("/loader/addons", &only(CompanionKind::Addon))?;
    let (own, _) = Counter::split(file.path.as_str(), ".efi");
    add(&format!("{own}.extra.d"), &kind_of)?;
    add("/loader/credentials", &|name| {
        only(CompanionKind::Credential)(name).map(|_| CompanionKind::GlobalCredential)
    })?;
    add("/loader/extensions", &global_extension)?;
    for companion in named {
        // What goes with it anyway is not handed over twice.
        if !found.iter().any(|known| known.file == companion.file) {
            found.push(companion.clone());
        }
    }
    let mut looked = Vec::with_capacity(found.len());
    for companion in found {
        looked.push(Extra::look(filesystem, companion, budget)?);
    }
    Ok(looked)
}

impl Unified {
    /// The files of one kind, in order.
    pub fn companions(&self, kind: CompanionKind) -> impl Iterator<Item = &FileRef> {
        let companions = self.companions.iter();
        let wanted = companions.filter(move |companion| companion.kind == kind);
        wanted.map(|companion| &companion.file)
    }
}
