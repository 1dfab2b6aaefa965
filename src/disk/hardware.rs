//! [`Hardware`]: the device behind a disk.

use std::fmt;
use std::fs;
use std::path::{Component, Path};

use super::attributes::{attribute, clean, number};

/// What is known of the device behind a disk, from sysfs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// How the disk is attached.
    pub transport: Option<Transport>,
    /// Model name, without padding.
    pub model: Option<String>,
    /// Serial number, without padding.
    pub serial: Option<String>,
    /// World-wide name (`wwid`): `naa.…`, `eui.…`, `t10.…`.
    pub wwid: Option<String>,
    /// The medium can be taken out.
    pub removable: bool,
    /// The kernel refuses writes.
    pub read_only: bool,
    /// Logical sector size in bytes that the device reports; an image file has none.
    pub sector_size: Option<u32>,
    /// Number that no other medium gets until the machine is reset (`diskseq`), where the kernel counts:
    /// another stick in the same socket has another one.
    pub sequence: Option<u64>,
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

impl Hardware {
    /// The names that the device has by itself: its model, its serial number, both with `_` between them and in the
    /// place of spaces, as udev makes links of them, and its world-wide name.
    pub fn names(&self) -> Vec<String> {
        let model = self.model.as_deref().map(|model| model.replace(' ', "_"));
        let both = model.zip(self.serial.as_deref());
        let both = both.map(|(model, serial)| format!("{model}_{serial}"));
        let own = [&self.model, &self.serial, &self.wwid, &both];
        own.into_iter().flatten().cloned().collect()
    }

    /// Reads what the directory of a whole disk in sysfs, and that of the device behind it, say.
    pub(super) fn read(directory: &Path) -> Hardware {
        // The way through the buses; for a multipath NVMe disk it goes by its subsystem.
        let way = directory
            .canonicalize()
            .unwrap_or_else(|_| directory.to_owned());
        let device = directory.join("device");
        let sector_size = number(directory, "queue/logical_block_size");
        Hardware {
            transport: transport(&way),
            model: attribute(&device, "model").or_else(|| attribute(&device, "name")),
            serial: serial(directory, &device, &way),
            wwid: attribute(directory, "wwid").or_else(|| attribute(&device, "wwid")),
            removable: number(directory, "removable") == Some(1),
            read_only: number(directory, "ro") == Some(1),
            sector_size: sector_size.and_then(|size| u32::try_from(size).ok()),
            sequence: number(directory, "diskseq"),
        }
    }
}

/// The bus that a disk hangs on. The first match on the way from the root counts, since a USB disk is
/// a SCSI disk, too, and so is an ATA disk.
fn transport(way: &Path) -> Option<Transport> {
    way.components().find_map(|component| {
        let Component::Normal(name) = component else {
            return None;
        };
        let name = name.to_str()?;
        let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = family.len() < name.len();
        match family {
            "usb" if numbered => Some(Transport::Usb),
            "virtio" if numbered => Some(Transport::Virtio),
            "ata" if numbered => Some(Transport::Ata),
            "host" if numbered => Some(Transport::Scsi),
            "nvme" | "nvme-subsystem" => Some(Transport::Nvme),
            "mmc_host" => Some(Transport::Mmc),
            _ => None,
        }
    })
}

/// The serial number, wherever this kind of disk keeps it.
fn serial(directory: &Path, device: &Path, way: &Path) -> Option<String> {
    // SCSI Primary Commands, Unit Serial Number VPD page: four bytes of header before the text.
    let page_80 = || {
        let page = fs::read(device.join("vpd_pg80")).ok()?;
        clean(page.get(4..)?)
    };
    let usb = || {
        let device = way
            .ancestors()
            .find(|above| above.join("idVendor").exists())?;
        attribute(device, "serial")
    };
    attribute(directory, "serial")
        .or_else(|| attribute(device, "serial"))
        .or_else(page_80)
        .or_else(usb)
}
