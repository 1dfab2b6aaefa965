//! All disks that are there, what is on them, and their filesystems, opened when first asked for.

mod assembler;

use std::cell::OnceCell;
use std::fmt;

use crate::disk::{Disk, Layout, Volume};
use crate::entry::{FileRef, VolumeId};
use crate::fs::{self, Filesystem, FsError, KernelMount};
use assembler::Assembler;

/// The disks of one machine or one command line. Disks are only ever added: a [`VolumeId`] stays
/// valid, and the volumes of a disk that was pulled out answer with read errors.
#[derive(Default)]
pub struct Inventory {
    disks: Vec<ScannedDisk>,
    assembler: Assembler,
    kernel_mount: Option<KernelMount>,
    guard: Option<Box<dyn Guard>>,
}

/// Somebody who wants to know which volume is read, before it is.
pub trait Guard {
    /// A file of this volume is about to be asked for.
    ///
    /// # Errors
    /// Why it must not be read, in words. Only what is said at the first time counts.
    fn enter(&self, disk: &Disk, volume: &Volume) -> Result<(), String>;
}

/// A disk with the result of its scan.
pub struct ScannedDisk {
    /// The disk.
    pub disk: Disk,
    /// What is on it.
    pub layout: Layout,
    filesystems: Vec<OnceCell<Result<Box<dyn Filesystem>, FsError>>>,
}

impl ScannedDisk {
    /// How people find one of its volumes.
    fn place<'a>(&'a self, volume: &'a Volume) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            match &volume.assembled {
                Some(assembled) => f.write_str(&assembled.name)?,
                None => write!(f, "{}", self.disk.path.display())?,
            }
            match &volume.partition {
                Some(partition) => write!(f, " partition {}", partition.number),
                None => Ok(()),
            }
        })
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

    /// Scans `disk` and adds it; its index is returned. What can be put together with it is added to the
    /// volumes of the disk that has the first piece.
    pub fn add(&mut self, disk: Disk) -> usize {
        let layout = disk.scan();
        let filesystems = layout.volumes.iter().map(|_| OnceCell::new()).collect();
        self.disks.push(ScannedDisk {
            disk,
            layout,
            filesystems,
        });
        let index = self.disks.len().saturating_sub(1);
        self.assembler.add(&mut self.disks, index);
        index
    }

    /// Adds a disk with one partition, number 2 of a GPT, that holds `filesystem`.
    #[cfg(test)]
    pub(crate) fn add_filesystem(
        &mut self,
        uuid: &str,
        filesystem: Box<dyn Filesystem>,
    ) -> VolumeId {
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
            filesystems: vec![OnceCell::from(Ok(filesystem))],
        });
        VolumeId {
            disk: self.disks.len().saturating_sub(1),
            volume: 0,
        }
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

    /// The disk that holds a volume.
    pub fn disk(&self, id: VolumeId) -> Option<&ScannedDisk> {
        self.disks.get(id.disk)
    }

    /// A volume.
    pub fn volume(&self, id: VolumeId) -> Option<&Volume> {
        self.disk(id)?.layout.volumes.get(id.volume)
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
        let (scanned, volume) = self.disk(id).zip(self.volume(id)).ok_or(GONE)?;
        let cell = scanned.filesystems.get(id.volume).ok_or(GONE)?;
        let guard = self.guard.as_ref();
        let entered = guard.map_or(Ok(()), |guard| guard.enter(&scanned.disk, volume));
        cell.get_or_init(|| {
            entered.map_err(FsError::LeftOut)?;
            fs::open(volume, self.kernel_mount.as_ref())
        })
        .as_deref()
    }

    /// How people find a volume: `/dev/sda partition 2`, or `lvm/vg-root`.
    pub fn place(&self, id: VolumeId) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| match self.disk(id).zip(self.volume(id)) {
            Some((scanned, volume)) => write!(f, "{}", scanned.place(volume)),
            None => Ok(()),
        })
    }

    /// How people find a file: `/dev/sda partition 2: /boot/vmlinuz`.
    pub fn describe<'a>(&'a self, file: &'a FileRef) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| write!(f, "{}: {}", self.place(file.volume), file.path))
    }
}
