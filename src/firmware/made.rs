//! What was made is read again, as firmware will read it.

use super::find::all_volumes;
use super::{Content, Damage, File, FirmwareError, Guid, Image, Inside, Section, Volume};

impl Image {
    /// The image with what was changed in it, read anew. It is an error if something can't be read of it that could be
    /// read before, or if a file has moved that has to stay: a person would find out when nothing starts.
    pub fn made(&self) -> Result<Image, FirmwareError> {
        let worse = |why: &dyn ToString| FirmwareError::Worse(why.to_string());
        let again = Image::read(self.encode()?).map_err(|error| worse(&error))?;
        let mut known = self.known.clone();
        for damage in again.damage() {
            // It may have moved.
            let old = known.iter().position(|what| *what == damage.what);
            known.swap_remove(old.ok_or_else(|| worse(damage))?);
        }
        match moved(self, &again) {
            Some(file) => Err(worse(&format!(
                "file {file} would not be where it has to be"
            ))),
            None => Ok(again),
        }
    }

    /// All that can't be read of it.
    pub fn damage(&self) -> Vec<&Damage> {
        let mut found = Vec::new();
        for volume in all_volumes(self) {
            if let Content::Damaged(_, damage) = &volume.content {
                found.push(damage);
            }
            for file in volume.files() {
                found.extend(file.body.damage());
                in_sections(file.sections(), &mut found);
            }
        }
        found
    }
}

/// A file that has to stay where it is, and is elsewhere in what was made of the image.
pub(super) fn moved(before: &Image, after: &Image) -> Option<Guid> {
    fn live(volume: &Volume) -> impl Iterator<Item = &File> {
        let files = volume.files().iter();
        files.filter(|file| !file.is_deleted() && !file.is_empty_pad())
    }
    let volumes = all_volumes(before).into_iter().zip(all_volumes(after));
    let mut files =
        volumes.flat_map(|(old, new)| live(old).zip(live(new).map(|file| (new.header.size, file))));
    let moved = files.find(|(old, (size, new))| match old.is_top() {
        true => new.end() != *size,
        // A new file has no place yet.
        false => old.offset != 0 && old.stays() && old.offset != new.offset,
    });
    moved.map(|(old, _)| old.guid)
}

/// The damage of sections; that of volumes in them is told there.
fn in_sections<'a>(sections: &'a [Section], found: &mut Vec<&'a Damage>) {
    for section in sections {
        if let Inside::Damaged(damage) = &section.inside {
            found.push(damage);
        }
        in_sections(section.sections(), found);
    }
}
