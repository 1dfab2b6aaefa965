//! [`StandIn`]: a file that holds what a boot loader and a system tell each other where there are no UEFI
//! variables.
//!
//! It is an environment block of GRUB, so that `grub-editenv` makes and changes it, and so that it is written
//! as such blocks are: in place, by one request to the disk. It is never made here.

use std::cell::RefCell;

use crate::boot::{open_disk, save};
use crate::config::grub::EnvironmentBlock;
use crate::disk::Disk;
use crate::efi::{VariableError, Variables, decode, encode};
use crate::entry::{FileRef, SavePlace, SavedVariables, VolumeId};
use crate::fs::FsPath;
use crate::inventory::Inventory;
use crate::text::Printable;

/// Where it is on an EFI system partition.
const FILE: &str = "/loader/pilotlight.env";

/// Variables in such a file. What is written is kept until it is [stored](StandIn::store).
pub(super) struct StandIn {
    values: Vec<(String, String)>,
    changes: RefCell<SavedVariables>,
}

impl StandIn {
    /// The first one on an EFI system partition.
    pub(super) fn find(inventory: &Inventory) -> Option<StandIn> {
        let is_esp = |id: &VolumeId| {
            let volume = inventory.volume(*id);
            let partition = volume.and_then(|volume| volume.partition.as_ref());
            partition.is_some_and(|partition| partition.is_esp())
        };
        let volumes = inventory.volumes().map(|(id, _)| id);
        let mut esps = volumes.filter(is_esp);
        esps.find_map(|id| StandIn::on(inventory, id))
    }

    fn on(inventory: &Inventory, volume: VolumeId) -> Option<StandIn> {
        let path = FsPath::new(FILE).ok()?;
        let filesystem = inventory.filesystem(volume).ok()?;
        let bytes = filesystem.read(&path, EnvironmentBlock::MAX_SIZE).ok()?;
        let place = SavePlace::File(FileRef { volume, path });
        let Some(block) = EnvironmentBlock::parse(&bytes) else {
            let file = inventory.describe_saved(&place).to_string();
            log::warn!("{}: it is no environment block of GRUB", Printable(&file));
            return None;
        };
        Some(StandIn {
            values: block.iter().collect(),
            changes: RefCell::new(SavedVariables::new(place)),
        })
    }

    /// Writes to the disk what was changed. The disk is opened anew: readers remember what was there before an
    /// earlier write, and nothing is written over what they do not know.
    pub(super) fn store(&self, inventory: &Inventory) {
        let changes = self.changes.borrow();
        let SavePlace::File(FileRef { volume, path }) = &changes.place else {
            return;
        };
        let Some(scanned) = inventory.disk(*volume) else {
            return;
        };
        let disk = match Disk::open(&scanned.disk.path) {
            Ok(disk) => disk,
            Err(error) => return log::warn!("{FILE} is not written: {error}"),
        };
        let mut inventory = Inventory::new();
        let volume = VolumeId {
            disk: inventory.add(disk),
            ..*volume
        };
        let path = path.clone();
        let saved = SavedVariables {
            place: SavePlace::File(FileRef { volume, path }),
            variables: changes.variables.clone(),
        };
        if let Err(error) = save(&inventory, &saved, &open_disk) {
            log::warn!("{}", Printable(&error.to_string()));
        }
    }
}

impl Variables for StandIn {
    fn read(&self, _vendor: &str, name: &str) -> Result<Option<Vec<u8>>, VariableError> {
        let changes = self.changes.borrow();
        let changed = changes.variables.iter().find(|(known, _)| known == name);
        let value = match changed {
            Some((_, value)) => value.as_deref(),
            None => {
                let known = self.values.iter().find(|(known, _)| known == name);
                known.map(|(_, value)| value.as_str())
            }
        };
        Ok(value.map(encode))
    }

    fn write(&self, _vendor: &str, name: &str, value: &[u8]) -> Result<(), VariableError> {
        let value = decode(value);
        self.changes.borrow_mut().set(name, value.as_deref());
        Ok(())
    }

    fn remove(&self, _vendor: &str, name: &str) -> Result<(), VariableError> {
        self.changes.borrow_mut().set(name, None);
        Ok(())
    }

    fn writable(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use crate::efi::{LOADER, Wishes};

    /// A FAT image in a file, removed at the end.
    struct Image(std::path::PathBuf);

    impl Image {
        fn new(content: &[u8]) -> Image {
            let name = format!(
                "pilotlight-stand-in-{}-{}",
                content.len(),
                std::process::id()
            );
            let path = std::env::temp_dir().join(name);
            let mut file = std::fs::File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
                .unwrap();
            file.set_len(1 << 20).unwrap();
            fatfs::format_volume(&mut file, fatfs::FormatVolumeOptions::new()).unwrap();
            let filesystem = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).unwrap();
            let directory = filesystem.root_dir().create_dir("loader").unwrap();
            let mut file = directory.create_file("pilotlight.env").unwrap();
            file.write_all(content).unwrap();
            Image(path)
        }

        fn inventory(&self) -> (Inventory, VolumeId) {
            let mut inventory = Inventory::new();
            let disk = inventory.add(Disk::open(&self.0).unwrap());
            (inventory, VolumeId { disk, volume: 0 })
        }

        fn stand_in(&self) -> Option<StandIn> {
            let (inventory, id) = self.inventory();
            StandIn::on(&inventory, id)
        }
    }

    impl Drop for Image {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn wishes_are_read_and_what_is_done_is_kept() {
        let text =
            "# GRUB Environment Block\nLoaderEntryOneShot=b.conf\nLoaderEntryDefault=@saved\n";
        let image = Image::new(format!("{text:#<1024}").as_bytes());
        let stand_in = image.stand_in().unwrap();
        let (wishes, problems) = Wishes::read(&stand_in);
        assert_eq!(problems, [""; 0]);
        assert_eq!(wishes.one_shot.as_deref(), Some("b.conf"));
        assert_eq!(wishes.consume(&stand_in), [""; 0]);
        let (inventory, id) = image.inventory();
        let _ = StandIn::on(&inventory, id);
        stand_in.store(&inventory);
        assert_eq!(Wishes::read(&image.stand_in().unwrap()).0.one_shot, None);
        let saved = encode("b.conf");
        stand_in
            .write(LOADER, "LoaderEntryLastBooted", &saved)
            .unwrap();
        assert_eq!(stand_in.read(LOADER, "LoaderEntryOneShot").unwrap(), None);
        // Before it is stored the disk has the old ones.
        let (wishes, _) = Wishes::read(&image.stand_in().unwrap());
        assert_eq!(wishes.last_booted, None);
        stand_in.store(&inventory);
        let (wishes, _) = Wishes::read(&image.stand_in().unwrap());
        let expected = Wishes {
            default: Some("@saved".to_owned()),
            last_booted: Some("b.conf".to_owned()),
            ..Wishes::default()
        };
        assert_eq!(wishes, expected);
    }

    #[test]
    fn another_file_is_none() {
        assert!(Image::new(b"LoaderEntryDefault=x\n").stand_in().is_none());
        assert!(Image::new(b"").stand_in().is_none());
        let image = Image::new(b"# GRUB Environment Block\n");
        let (inventory, id) = image.inventory();
        assert!(StandIn::on(&inventory, id).is_some());
        // Only an EFI system partition is looked at.
        assert!(StandIn::find(&inventory).is_none());
    }
}
