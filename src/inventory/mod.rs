//! All disks that are there, what is on them, and their filesystems, opened when first asked for.

mod assembler;
mod image;

use assembler::Assembler;
use image::Images;
pub use image::{Image, ImageError};

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use crate::disk::bytes::set_length;
use crate::disk::{Disk, Layout, Volume};
use crate::efi::Wishes;
use crate::entry::{FileRef, SavePlace, VolumeId};
use crate::fs::{self, Filesystem, FsError, KernelMount};
use crate::smbios::Smbios;

/// The disks of one machine or one command line. Disks are only ever added: a [`VolumeId`] stays
/// valid, and the volumes of a disk that was pulled out answer with read errors.
#[derive(Default)]
pub struct Inventory {
    disks: Vec<ScannedDisk>,
    assembler: Assembler,
    kernel_mount: Option<KernelMount>,
    guard: Option<Box<dyn Guard>>,
    smbios: Option<Smbios>,
    wishes: Wishes,
}

/// Somebody who wants to know which volume is read, before it is.
pub trait Guard {
    /// A file of this volume, which may be in an image, is about to be asked for.
    ///
    /// # Errors
    /// Why it must not be read, in words. Only what is said at the first time counts.
    fn enter(&self, inventory: &Inventory, volume: VolumeId) -> Result<(), String>;
}

/// A disk with the result of its scan.
pub struct ScannedDisk {
    /// The disk.
    pub disk: Disk,
    /// What is on it.
    pub layout: Layout,
    filesystems: Filesystems,
    images: Images,
}

impl ScannedDisk {
    /// How people find one of its volumes.
    fn place<'a>(&'a self, volume: &'a Volume) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| place(f, volume, &self.disk.path.display()))
    }
}

/// Writes how people find a volume that is on `around`.
fn place(f: &mut fmt::Formatter<'_>, volume: &Volume, around: &dyn fmt::Display) -> fmt::Result {
    match &volume.assembled {
        Some(assembled) => f.write_str(&assembled.name)?,
        None => write!(f, "{around}")?,
    }
    match &volume.partition {
        Some(partition) => write!(f, " partition {}", partition.number),
        None => Ok(()),
    }
}

/// The filesystems of the volumes of a layout, in their order.
struct Filesystems(Vec<OnceCell<Result<Box<dyn Filesystem>, FsError>>>);

impl Filesystems {
    /// None is opened yet.
    fn new(layout: &Layout) -> Filesystems {
        Filesystems(layout.volumes.iter().map(|_| OnceCell::new()).collect())
    }

    /// Forgets those that could not be read.
    fn forget_unreadable(&mut self) {
        for cell in &mut self.0 {
            if let Some(Err(FsError::Io(_))) = cell.get() {
                cell.take();
            }
        }
    }
}

impl Inventory {
    /// An empty inventory that reads in user space only.
    pub fn new() -> Inventory {
        Inventory::default()
    }

    /// An empty inventory that asks the kernel to mount what the readers in user space refuse.
    pub fn with_kernel_mount(kernel_mount: KernelMount) -> Inventory {
        Inventory {
            kernel_mount: Some(kernel_mount),
            ..Inventory::default()
        }
    }

    /// The same, with somebody who is told of every volume before it is read.
    #[must_use]
    pub fn guarded(self, guard: Box<dyn Guard>) -> Inventory {
        Inventory {
            guard: Some(guard),
            ..self
        }
    }

    /// The same, with what the firmware says of the machine that the disks are in.
    #[must_use]
    pub fn described(self, smbios: Option<Smbios>) -> Inventory {
        Inventory { smbios, ..self }
    }

    /// What the firmware says of the machine; nothing of the machine of an image.
    pub fn smbios(&self) -> Option<&Smbios> {
        self.smbios.as_ref()
    }

    /// Takes down what the machine's UEFI variables want.
    pub fn wish(&mut self, wishes: Wishes) {
        self.wishes = wishes;
    }

    /// What the machine's UEFI variables want; nothing for an image.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Scans `disk` and adds it; its index is returned. What can be put together with it is added to the
    /// volumes of the disk that has the first piece.
    pub fn add(&mut self, disk: Disk) -> usize {
        let layout = disk.scan();
        self.disks.push(ScannedDisk {
            disk,
            filesystems: Filesystems::new(&layout),
            layout,
            images: Images::default(),
        });
        let index = self.disks.len().saturating_sub(1);
        self.assembler.add(&mut self.disks, index);
        index
    }

    /// Adds a disk with one partition, number 2 of a GPT, that holds `filesystem`: for tests of what is read
    /// from filesystems.
    pub fn add_filesystem(&mut self, uuid: &str, filesystem: Box<dyn Filesystem>) -> VolumeId {
        use crate::disk::{
            Content, Format, Hardware, MemorySource, Partition, PartitionKind, TableKind,
        };
        let source = || std::sync::Arc::new(MemorySource::new(Vec::new()));
        let volume = Volume {
            assembled: None,
            partition: Some(Partition {
                number: 2,
                kind: PartitionKind::Gpt(String::new()),
                uuid: Some(format!("part-{uuid}")),
                name: None,
                attributes: 0,
            }),
            offset: 0,
            size: 0,
            content: Content {
                format: Some(Format::Ext4),
                uuid: Some(uuid.to_owned()),
                label: None,
            },
            problems: Vec::new(),
            source: source(),
            device: None,
        };
        self.disks.push(ScannedDisk {
            disk: Disk {
                path: format!("disk-{uuid}").into(),
                source: source(),
                hardware: Hardware::default(),
            },
            layout: Layout {
                table: Some(TableKind::Gpt),
                volumes: vec![volume],
                ..Layout::default()
            },
            filesystems: Filesystems(vec![OnceCell::from(Ok(filesystem))]),
            images: Images::default(),
        });
        VolumeId {
            disk: self.disks.len().saturating_sub(1),
            volume: 0,
        }
    }

    /// Adds one more partition with a filesystem to the last disk, for tests.
    #[cfg(test)]
    pub(crate) fn add_volume(&mut self, uuid: &str, filesystem: Box<dyn Filesystem>) -> VolumeId {
        let alone = self.add_filesystem(uuid, filesystem);
        let added = self.disks.swap_remove(alone.disk);
        let disk = alone.disk.saturating_sub(1);
        let last = &mut self.disks[disk];
        let volume = last.layout.volumes.len();
        last.layout.volumes.extend(added.layout.volumes);
        last.filesystems.0.extend(added.filesystems.0);
        VolumeId { disk, volume }
    }

    /// Says what the device behind a disk is, for tests.
    #[cfg(test)]
    pub(crate) fn set_hardware(&mut self, disk: usize, hardware: crate::disk::Hardware) {
        self.disks[disk].disk.hardware = hardware;
    }

    /// Says what a volume is, for tests.
    #[cfg(test)]
    pub(crate) fn change_volume(&mut self, id: VolumeId, change: impl FnOnce(&mut Volume)) {
        change(&mut self.disks[id.disk].layout.volumes[id.volume]);
    }

    /// The disks in the order in which they were added.
    pub fn disks(&self) -> &[ScannedDisk] {
        &self.disks
    }

    /// Every volume of every disk.
    pub fn volumes(&self) -> impl Iterator<Item = (VolumeId, &Volume)> {
        (0..self.disks.len()).flat_map(|disk| self.volumes_of(disk))
    }

    /// The volumes of the disk with this index, in the order of its layout.
    pub fn volumes_of(&self, disk: usize) -> impl Iterator<Item = (VolumeId, &Volume)> {
        let scanned = self.disks.get(disk);
        let volumes = scanned.into_iter().flat_map(|s| s.layout.volumes.iter());
        let numbered = volumes.enumerate();
        numbered.map(move |(volume, found)| (VolumeId { disk, volume }, found))
    }

    /// The disk that holds a volume, in a file or not.
    pub fn disk(&self, id: VolumeId) -> Option<&ScannedDisk> {
        self.disks.get(id.disk)
    }

    /// The layout that a volume is in: that of its disk, or of the image in a file there.
    pub fn layout(&self, id: VolumeId) -> Option<&Layout> {
        match self.image(id) {
            Some(image) => Some(&image.layout),
            None => Some(&self.disk(id)?.layout),
        }
    }

    /// A volume.
    pub fn volume(&self, id: VolumeId) -> Option<&Volume> {
        let index = self.image(id).map_or(Some(id.volume), |i| i.index(id))?;
        self.layout(id)?.volumes.get(index)
    }

    /// The volume whose files those of this one are. A hybrid medium as a whole has a partition that shows the same
    /// once more, by a second tree: that one. Any other volume is itself, and so are all in images, where nothing
    /// but scripts of GRUB leads.
    pub fn canonical(&self, id: VolumeId) -> VolumeId {
        let scanned = self.disk(id);
        let volumes = scanned.map_or(&[][..], |scanned| &scanned.layout.volumes);
        let is_whole = |volume: &&Volume| volume.partition.is_none() && volume.assembled.is_none();
        let Some(whole) = volumes.get(id.volume).filter(is_whole) else {
            return id;
        };
        let mut volumes = volumes.iter();
        let shown = volumes
            .position(|volume| volume.partition.is_some() && volume.content == whole.content);
        shown.map_or(id, |volume| VolumeId { volume, ..id })
    }

    /// Why a member of an array or a group is not used, or what is missing of what was put together, in
    /// words.
    pub fn assembly_problems(&self, id: VolumeId) -> impl Iterator<Item = &str> {
        self.assembler.problems(id)
    }

    /// The filesystem of a volume, opened at the first call; a failure is kept as well. Ask again for
    /// each file rather than keep it: then whoever guards the volumes knows which one is read.
    ///
    /// # Errors
    /// What opening it said.
    pub fn filesystem(&self, id: VolumeId) -> Result<&dyn Filesystem, &FsError> {
        const GONE: &FsError = &FsError::NotFound;
        let volume = self.volume(id).ok_or(GONE)?;
        let (filesystems, index) = match self.image(id) {
            Some(image) => (image.filesystems(), image.index(id)),
            None => (&self.disk(id).ok_or(GONE)?.filesystems, Some(id.volume)),
        };
        let cell = index.and_then(|index| filesystems.0.get(index));
        let cell = cell.ok_or(GONE)?;
        let guard = self.guard.as_ref();
        let entered = guard.map_or(Ok(()), |guard| guard.enter(self, id));
        cell.get_or_init(|| {
            entered.map_err(FsError::LeftOut)?;
            fs::open(volume, self.kernel_mount.as_ref())
        })
        .as_deref()
    }

    /// Forgets which filesystems could not be opened since their medium could not be read, or not in time: they are
    /// opened anew when they are asked for.
    pub fn forget_unreadable(&mut self) {
        for disk in &mut self.disks {
            disk.filesystems.forget_unreadable();
            disk.images.forget_unreadable();
        }
    }

    /// How people find a volume: `/dev/sda partition 2` or `lvm/vg-root`, and in an image
    /// `/dev/sda partition 2: /images/debian.iso`.
    pub fn place(&self, id: VolumeId) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| {
            let Some((scanned, volume)) = self.disk(id).zip(self.volume(id)) else {
                return Ok(());
            };
            match self.image(id) {
                // No longer than the files in each other.
                Some(image) => place(f, volume, &self.describe(&image.file)),
                None => write!(f, "{}", scanned.place(volume)),
            }
        })
    }

    /// How people find a file: `/dev/sda partition 2: /boot/vmlinuz`.
    pub fn describe<'a>(&'a self, file: &'a FileRef) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| write!(f, "{}: {}", self.place(file.volume), file.path))
    }

    /// How people find what is saved.
    pub fn describe_saved<'a>(&'a self, place: &'a SavePlace) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match place {
            SavePlace::File(file) => write!(f, "{}", self.describe(file)),
            SavePlace::Parts(volume, ranges) => {
                write!(f, "{}: ", self.place(*volume))?;
                let start = ranges.first().map_or(0, |range| range.start);
                write!(f, "block list from byte {start} on")
            }
        })
    }

    /// The content of what is saved, of at most `limit` bytes.
    ///
    /// # Errors
    /// What reading says, and [`FsError::TooLarge`].
    pub fn read_saved(&self, place: &SavePlace, limit: usize) -> Result<Vec<u8>, FsError> {
        let (id, ranges) = match place {
            SavePlace::Parts(id, ranges) => (*id, ranges),
            SavePlace::File(file) => {
                let filesystem = self.filesystem(file.volume);
                return filesystem.map_err(unreadable)?.read(&file.path, limit);
            }
        };
        let volume = self.volume(id).ok_or(FsError::NotFound)?;
        if let Some(guard) = &self.guard {
            guard.enter(self, id).map_err(FsError::LeftOut)?;
        }
        let mut bytes = Vec::new();
        for range in ranges {
            let length = usize::try_from(range.end.saturating_sub(range.start)).ok();
            let end = length.and_then(|length| bytes.len().checked_add(length));
            let end = end.filter(|end| *end <= limit).ok_or_else(|| {
                FsError::TooLarge(format!("more than the {limit} bytes that are read"))
            })?;
            let start = bytes.len();
            set_length(&mut bytes, end);
            let part = bytes.get_mut(start..).unwrap_or_default();
            let exact = volume.source.read_exact_at(range.start, part);
            exact.map_err(FsError::Io)?;
        }
        Ok(bytes)
    }

    /// Where on its volume lies what is saved: see [`Filesystem::locate`].
    ///
    /// # Errors
    /// It has no such place.
    pub fn locate_saved(&self, place: &SavePlace, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        match place {
            SavePlace::Parts(_, ranges) => Ok(ranges.clone()),
            SavePlace::File(file) => {
                let filesystem = self.filesystem(file.volume).map_err(unreadable)?;
                filesystem.locate(&file.path, limit)
            }
        }
    }

    /// Is it the same place, whatever it is called?
    pub fn is_same_place(&self, a: &SavePlace, b: &SavePlace, limit: u64) -> bool {
        let ranges = |place| self.locate_saved(place, limit).ok();
        a == b || a.volume() == b.volume() && ranges(a).is_some_and(|own| ranges(b) == Some(own))
    }
}

/// The filesystem of a volume has been given up already.
fn unreadable(error: &FsError) -> FsError {
    FsError::Unsupported(format!("the filesystem can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Hardware, MemorySource, ReadAt};
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// One that can't be read for a while.
    struct Flaky {
        source: MemorySource,
        fails: Arc<AtomicBool>,
    }

    impl ReadAt for Flaky {
        fn size(&self) -> u64 {
            self.source.size()
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            match self.fails.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::TimedOut.into()),
                false => self.source.read_at(offset, buf),
            }
        }
    }

    #[test]
    fn a_volume_that_could_not_be_read_in_time_may_be_read_another_time() {
        let mut image = io::Cursor::new(vec![0; 1 << 20]);
        fatfs::format_volume(&mut image, fatfs::FormatVolumeOptions::new()).unwrap();
        let fails = Arc::new(AtomicBool::new(false));
        let source = Flaky {
            source: MemorySource::new(image.into_inner()),
            fails: fails.clone(),
        };
        let mut inventory = Inventory::new();
        inventory.add(Disk {
            path: "disk".into(),
            source: Arc::new(source),
            hardware: Hardware::default(),
        });
        let (id, _) = inventory.volumes().next().unwrap();
        fails.store(true, Ordering::Relaxed);
        assert!(matches!(inventory.filesystem(id), Err(FsError::Io(_))));
        fails.store(false, Ordering::Relaxed);
        // Whoever reads configurations asks again and again, and is not to wait each time.
        assert!(inventory.filesystem(id).is_err());
        inventory.forget_unreadable();
        assert!(inventory.filesystem(id).is_ok());
    }
}
