//! [`Hardware`]: the device behind a disk.

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
