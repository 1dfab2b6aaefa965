//! Disks: where bytes come from, how they are divided, and what is in each part.
//!
//! A [`Disk`] is a block device or an image file; nothing here cares which. [`Disk::scan`] reads its
//! partition table and identifies what each part carries: the result is a [`Layout`] of [`Volume`]s,
//! with a reason in words for everything that could not be read.

mod device;
mod gpt;
mod identify;
mod mbr;
mod scan;
mod source;
mod sysfs;
mod uevent;
mod window;

pub use device::OpenError;
pub use source::{FileSource, MemorySource, ReadAt, Section, Source};
pub use sysfs::{Found, Sysfs};
pub use uevent::{Action, Uevent, Uevents};
pub use window::{WINDOW, Window};

use std::fmt;
use std::path::PathBuf;

/// A whole disk: a block device, or an image file that stands for one.
pub struct Disk {
    /// The path as it was given or found (`/dev/sda`, `image.raw`).
    pub path: PathBuf,
    /// Its bytes.
    pub source: Source,
    /// What the kernel says of the hardware; empty for an image file.
    pub hardware: Hardware,
}

/// What is known of the device behind a disk, from sysfs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// How the disk is attached.
    pub transport: Option<Transport>,
    /// Model name, without padding.
    pub model: Option<String>,
    /// Serial number, without padding.
    pub serial: Option<String>,
    /// The medium can be taken out.
    pub removable: bool,
    /// The kernel refuses writes.
    pub read_only: bool,
    /// Logical sector size in bytes that the device reports; an image file has none.
    pub sector_size: Option<u32>,
}

/// How a disk is attached to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// NVM Express.
    Nvme,
    /// ATA, by AHCI or older controllers.
    Ata,
    /// SCSI or SAS without ATA or USB in between.
    Scsi,
    /// USB mass storage or UAS.
    Usb,
    /// virtio-blk or virtio-scsi.
    Virtio,
    /// MMC, eMMC and SD cards.
    Mmc,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Nvme => "NVMe",
            Transport::Ata => "ATA",
            Transport::Scsi => "SCSI",
            Transport::Usb => "USB",
            Transport::Virtio => "virtio",
            Transport::Mmc => "MMC",
        })
    }
}

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
    /// The partition, `None` for a whole disk.
    pub partition: Option<Partition>,
    /// Where the volume begins on the disk, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
    /// What was recognised in it.
    pub content: Content,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
    /// Its bytes.
    pub source: Source,
    /// The kernel's device for it (`/dev/sda1`), where there is one: a kernel mount needs it.
    pub device: Option<PathBuf>,
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

/// What a volume carries, told from its bytes alone. UUID and label are spelled as `blkid` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The format, `None` when nothing was recognised.
    pub format: Option<Format>,
    /// Filesystem UUID or serial (`ABCD-12EF` for FAT, in upper case).
    pub uuid: Option<String>,
    /// Filesystem label.
    pub label: Option<String>,
}

/// Formats that are recognised by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// ext2.
    Ext2,
    /// ext3.
    Ext3,
    /// ext4.
    Ext4,
    /// ISO 9660.
    Iso9660,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// LUKS 1 or 2.
    Luks,
    /// LVM physical volume.
    Lvm,
    /// Linux software RAID member.
    MdRaid,
    /// Swap space.
    Swap,
}

impl Format {
    /// The name that `blkid` prints as `TYPE`, which the JSON view uses.
    pub fn name(self) -> &'static str {
        match self {
            Format::Fat => "vfat",
            Format::Ext2 => "ext2",
            Format::Ext3 => "ext3",
            Format::Ext4 => "ext4",
            Format::Iso9660 => "iso9660",
            Format::Xfs => "xfs",
            Format::Btrfs => "btrfs",
            Format::Luks => "crypto_LUKS",
            Format::Lvm => "LVM2_member",
            Format::MdRaid => "linux_raid_member",
            Format::Swap => "swap",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
