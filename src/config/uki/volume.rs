//! The images in `EFI/Linux` of a volume: type 2 of the Boot Loader Specification.

use std::ops::ControlFlow;

use super::start::start_all;
use crate::config::bls::{Counter, Sorted, remark_on_name};
use crate::config::budget::{Budget, Limit};
use crate::entry::{BootEntry, EntrySource, FileRef, Origin, PayloadKind, VolumeId};
use crate::fs::{FileKind, Filesystem, FsError, FsPath};

/// Where images lie.
const DIRECTORY: &str = "/EFI/Linux";

/// More images than this are not read.
const MAX_IMAGES: usize = 512;

/// Neither are further ones when there are this many entries: an image may have many profiles.
const MAX_ENTRIES: usize = 2048;

/// Reads the images of `filesystem`, which is volume `volume`: their entries in no particular order, and
/// what could not be read, in words.
pub(in crate::config) fn read(
    filesystem: &dyn Filesystem,
    volume: VolumeId,
    budget: &Budget,
) -> (Vec<Sorted>, Vec<String>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let Ok(directory) = FsPath::new(DIRECTORY) else {
        return (found, problems);
    };
    let list = match filesystem.read_dir(&directory) {
        Ok(list) => list,
        Err(FsError::NotFound | FsError::NotADirectory) => return (found, problems),
        Err(error) => {
            problems.push(format!("{directory} can't be read: {error}"));
            return (found, problems);
        }
    };
    let names = list.into_iter();
    let images = names.filter(|item| item.kind != FileKind::Directory && is_image(&item.name));
    for (number, item) in images.enumerate() {
        if number >= MAX_IMAGES || found.len() >= MAX_ENTRIES {
            let text = format!("{directory} has more than {number} images: the rest is left out");
            problems.push(text);
            break;
        }
        let Ok(path) = directory.join(&item.name) else {
            continue;
        };
        let file = FileRef { volume, path };
        let first = found.len();
        let limit = entries(filesystem, &file, &item.name, budget, &mut found).err();
        for Sorted { entry, .. } in found.iter_mut().skip(first) {
            if entry.kind == PayloadKind::Linux {
                entry.block("it is a kernel alone, and no unified kernel image");
            }
            remark_on_name(entry, &item.name);
        }
        if let Some(limit) = limit {
            problems.push(format!("{}: {limit}: what follows is left out", file.path));
            break;
        }
    }
    (found, problems)
}

/// Adds the entries of one image: one for each of its profiles.
///
/// # Errors
/// [`Limit`]: the rest of them is left out.
pub(super) fn entries(
    filesystem: &dyn Filesystem,
    file: &FileRef,
    name: &str,
    budget: &Budget,
    found: &mut Vec<Sorted>,
) -> Result<(), Limit> {
    let (id, counter) = Counter::split(name, ".efi");
    let mut result = Ok(());
    let mut number = 0_usize;
    start_all(filesystem, file, budget, &mut |start| {
        let origin = Origin {
            file: file.clone(),
            line: None,
        };
        let full = match &start.name.profile {
            Some(profile) => format!("{id}@{profile}"),
            None => id.clone(),
        };
        let mut entry = BootEntry::new(full, EntrySource::Uki, PayloadKind::Uki, origin);
        entry.kernel = Some(file.clone());
        entry.tries_left = counter.map(|counter| counter.left);
        entry.tries_done = counter.map(|counter| counter.done);
        if let Some(title) = &start.name.title {
            entry.title.clone_from(title);
        }
        entry.version.clone_from(&start.name.version);
        let sort_key = start.name.sort_key.clone();
        start.fill(&mut entry);
        let sorted = Sorted {
            entry,
            sort_key,
            profile_of: Some((id.clone(), number)),
        };
        number = number.saturating_add(1);
        result = budget.keep(sorted.size());
        if result.is_err() {
            return ControlFlow::Break(());
        }
        found.push(sorted);
        result = budget.exceeded().map_or(Ok(()), Err);
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    result
}

/// Neither hidden nor made up by a loader for itself.
fn is_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".efi") && !name.starts_with('.') && !name.starts_with("auto-")
}
