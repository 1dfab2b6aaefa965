//! [`Layout`]: how a disk is divided into [`Volume`]s.

use std::fmt;

use super::{Content, Device, Source};

/// What a scan of one disk found.
#[derive(Default)]
pub struct Layout {
    /// The partition table that was used; `None` where the filesystem is on the whole disk or
    /// nothing was recognised.
    pub table: Option<TableKind>,
    /// Logical sector size in bytes that the table was read with.
    pub sector_size: u32,
    /// Every partition (or the whole disk), in the order of partition numbers.
    pub volumes: Vec<Volume>,
    /// What was found and not used, or used in spite of damage, in words.
    pub problems: Vec<String>,
}

/// Kinds of partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
    /// Master boot record, with logical partitions.
    Mbr,
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TableKind::Gpt => "gpt",
            TableKind::Mbr => "mbr",
        })
    }
}

/// Something that may carry a filesystem: a partition, or a disk without partitions.
pub struct Volume {
    /// The partition, `None` for a whole disk. Of an array the partition in it.
    pub partition: Option<Partition>,
    /// What it is called, where it was put together from pieces of volumes: a logical volume, an array, or a
    /// partition of one.
    pub assembled: Option<Assembled>,
    /// Where the volume begins on the disk, in bytes; where it was put together, in that.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
    /// What was recognised in it.
    pub content: Content,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
    /// Its bytes.
    pub source: Source,
    /// Where the kernel may have a device for it, which a kernel mount needs; `None` in an image file.
    pub device: Option<Device>,
}

impl Volume {
    /// The partition that says what the volume is for: its own, or that of the halves of a mirror.
    pub fn purpose(&self) -> Option<&Partition> {
        let assembled = self.assembled.as_ref();
        let purpose = assembled.and_then(|assembled| assembled.purpose.as_ref());
        self.partition.as_ref().or(purpose)
    }
}

/// What is put together from pieces on several volumes, and what GRUB calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// `lvm/GROUP-VOLUME`, in which dashes of names are doubled, or `md/NAME`.
    pub name: String,
    /// `lvmid/UUID/UUID` or `mduuid/UUID`: no other one on the same disks has it.
    pub id: String,
    /// Its place among the volumes of its group, as GRUB has them.
    pub place: usize,
    /// The partition table in it.
    pub table: Option<TableKind>,
    /// It is on disks that anybody can plug in.
    pub removable: bool,
    /// The partition that its first piece is, where it is a mirror.
    pub purpose: Option<Partition>,
}

impl Assembled {
    /// Is it a logical volume, and no array?
    pub fn is_logical_volume(&self) -> bool {
        self.id.starts_with("lvmid/")
    }

    /// What the ids of all volumes of its group begin with; of an array the whole id.
    pub fn group(&self) -> &str {
        let group = self.id.rsplit_once('/').map(|(group, _)| group);
        group
            .filter(|_| self.is_logical_volume())
            .unwrap_or(&self.id)
    }
}

/// One entry of a partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The number as the kernel counts it, from 1; logical partitions from 5.
    pub number: u32,
    /// What it is meant for.
    pub kind: PartitionKind,
    /// The unique GUID (GPT, lower case), or `SIGNATURE-NN` as the kernel's `PARTUUID=` (MBR).
    pub uuid: Option<String>,
    /// The name in a GPT.
    pub name: Option<String>,
    /// The attribute bits of a GPT entry; 0 in an MBR.
    pub attributes: u64,
}

/// The type field of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionKind {
    /// Type GUID, lower case.
    Gpt(String),
    /// Type byte.
    Mbr(u8),
}

impl Partition {
    /// Is it an EFI system partition?
    pub fn is_esp(&self) -> bool {
        match &self.kind {
            PartitionKind::Gpt(guid) => guid == "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
            PartitionKind::Mbr(byte) => *byte == 0xef,
        }
    }

    /// Is it an extended boot loader partition (XBOOTLDR, Boot Loader Specification)?
    pub fn is_xbootldr(&self) -> bool {
        match &self.kind {
            PartitionKind::Gpt(guid) => guid == "bc13c2ff-59e6-4262-a352-b275fd6f7172",
            PartitionKind::Mbr(byte) => *byte == 0xea,
        }
    }
}
