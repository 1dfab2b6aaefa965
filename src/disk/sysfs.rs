//! What the kernel knows of its block devices (`Documentation/ABI/stable/sysfs-block`).

use std::fs;
use std::path::{Path, PathBuf};

use super::{Hardware, Transport};

/// Sizes and starts in sysfs count sectors of this many bytes, whatever the device has.
const SECTOR: u64 = 512;

/// Devices whose names begin so are made of memory or of other devices and hold nothing to boot.
const NOT_DISKS: [&str; 5] = ["ram", "zram", "loop", "dm-", "nbd"];

/// A mounted sysfs.
pub struct Sysfs(PathBuf);

/// A whole disk in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The kernel's name, `sda`.
    pub name: String,
    /// Its node, `/dev/sda`.
    pub node: PathBuf,
    /// Number that no other device gets until the machine is reset (`diskseq`), where the kernel
    /// counts: another stick in the same socket has another one.
    pub sequence: Option<u64>,
}

impl Sysfs {
    /// The one of this machine.
    pub fn system() -> Sysfs {
        Sysfs(PathBuf::from("/sys"))
    }

    /// A tree that looks like one.
    pub fn at(root: impl Into<PathBuf>) -> Sysfs {
        Sysfs(root.into())
    }

    /// The whole disks that have a medium, sorted by name.
    pub fn disks(&self) -> Vec<Found> {
        let mut disks: Vec<Found> = names(&self.0.join("block"))
            .into_iter()
            .filter(|name| !NOT_DISKS.iter().any(|other| is_numbered(name, other)))
            .filter(|name| number(&self.block(name).join("size")).is_some_and(|size| size > 0))
            // A path of several that multipath joins, or a part of an NVMe that is joined already.
            .filter(|name| number(&self.block(name).join("hidden")) != Some(1))
            .map(|name| Found {
                node: Path::new("/dev").join(name.replace('!', "/")),
                sequence: number(&self.block(&name).join("diskseq")),
                name,
            })
            .collect();
        disks.sort_by(|a, b| a.name.cmp(&b.name));
        disks
    }

    /// What is known of the disk, or of the disk that a partition belongs to.
    pub fn hardware(&self, name: &str) -> Hardware {
        let block = self.block(name);
        let real = fs::canonicalize(&block).unwrap_or_else(|_| block.clone());
        // The directory of a partition lies in that of its disk.
        let disk = match real.join("partition").exists() {
            true => real.parent().map(Path::to_owned).unwrap_or(real),
            false => real,
        };
        let flag = |file: &str| number(&disk.join(file)) == Some(1);
        Hardware {
            transport: transport(&disk),
            model: text(&disk.join("device/model")),
            serial: text(&disk.join("serial"))
                .or_else(|| text(&disk.join("device/serial")))
                .or_else(|| unit_serial(&disk.join("device/vpd_pg80"))),
            removable: flag("removable"),
            read_only: flag("ro"),
            sector_size: number(&disk.join("queue/logical_block_size"))
                .and_then(|size| u32::try_from(size).ok()),
        }
    }

    /// The name of the partition of `disk` that begins at byte `offset`.
    pub(super) fn partition_at(&self, disk: &str, offset: u64) -> Option<String> {
        let directory = self.block(disk);
        names(&directory).into_iter().find(|name| {
            let start = number(&directory.join(name).join("start"));
            start.and_then(|start| start.checked_mul(SECTOR)) == Some(offset)
        })
    }

    /// What the kernel is still bringing up, in words; empty when every disk that it knows of is
    /// there. Whoever waits for disks waits for exactly this.
    pub fn probing(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        let nvme = self.0.join("class/nvme");
        for controller in names(&nvme) {
            // `live`, or given up; everything else is on its way (drivers/nvme/host/sysfs.c).
            let state = text(&nvme.join(&controller).join("state")).unwrap_or_default();
            if matches!(state.as_str(), "new" | "connecting" | "resetting") {
                waiting.push(format!("NVMe controller {controller} ({state})"));
            }
        }
        let usb = self.0.join("bus/usb/devices");
        for interface in names(&usb) {
            // Class 8 is mass storage: once its driver has it, a disk will follow.
            let directory = usb.join(&interface);
            let is_storage = text(&directory.join("bInterfaceClass")).as_deref() == Some("08");
            if is_storage && directory.join("driver").exists() && !has_scsi_device(&directory) {
                waiting.push(format!("USB storage {interface}"));
            }
        }
        let scsi = self.0.join("bus/scsi/devices");
        for device in names(&scsi) {
            // Type 0 is a disk, which becomes a block device when it was asked for its size.
            let directory = scsi.join(&device);
            let is_disk = number(&directory.join("type")) == Some(0);
            if is_disk && !directory.join("block").exists() {
                waiting.push(format!("SCSI disk {device}"));
            }
        }
        waiting.sort();
        waiting
    }

    fn block(&self, name: &str) -> PathBuf {
        // A partition is found here too, but not in `block`.
        let class = self.0.join("class/block").join(name);
        match class.exists() {
            true => class,
            false => self.0.join("block").join(name),
        }
    }
}

/// `loop0` for `loop`, but not `loopy`.
fn is_numbered(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.bytes().next().is_none_or(|byte| byte.is_ascii_digit()))
}

/// Below the interface: `host0/target0:0:0/0:0:0:0`, the last named when the disk has answered.
fn has_scsi_device(interface: &Path) -> bool {
    let under = |directory: &Path, prefix: &str| -> Vec<PathBuf> {
        let found = names(directory)
            .into_iter()
            .filter(|name| name.starts_with(prefix));
        found.map(|name| directory.join(name)).collect()
    };
    let hosts = under(interface, "host");
    let mut targets = hosts.iter().flat_map(|host| under(host, "target"));
    targets.any(|target| names(&target).iter().any(|name| name.contains(':')))
}

fn transport(disk: &Path) -> Option<Transport> {
    // The real path goes through every bus from the root to the disk; the nearest one counts.
    let mut parts = disk
        .components()
        .rev()
        .filter_map(|part| part.as_os_str().to_str());
    parts
        .find_map(|part| {
            let numbered = |prefix| is_numbered(part, prefix);
            match () {
                () if numbered("nvme") => Some(Transport::Nvme),
                () if numbered("virtio") => Some(Transport::Virtio),
                () if numbered("usb") => Some(Transport::Usb),
                () if numbered("ata") => Some(Transport::Ata),
                () if numbered("mmc") => Some(Transport::Mmc),
                () => None,
            }
        })
        .or_else(|| {
            let in_path = |part: &str| disk.iter().any(|p| p.to_string_lossy().starts_with(part));
            in_path("target").then_some(Transport::Scsi)
        })
}

/// The serial number that a SCSI disk tells in page 0x80 of its vital product data (SPC-4, 7.8.15).
fn unit_serial(page: &Path) -> Option<String> {
    let page = fs::read(page).ok()?;
    let length = usize::from(u16::from_be_bytes(*page.get(2..)?.first_chunk()?));
    let serial = page.get(4..)?.get(..length)?;
    let serial = String::from_utf8_lossy(serial).trim().to_owned();
    Some(serial).filter(|serial| !serial.is_empty())
}

/// The names in a directory, sorted; none if it can't be read.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn text(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number(file: &Path) -> Option<u64> {
    text(file)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A tree as sysfs has it: devices below `devices`, links to them from `block` and `class`.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Tree {
            let root = std::env::temp_dir().join(format!("sysfs-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&root);
            fs::create_dir_all(&root).unwrap();
            Tree(root)
        }

        fn file(&self, path: &str, content: &str) -> &Tree {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{content}\n")).unwrap();
            self
        }

        fn disk(&self, device: &str, name: &str) -> &Tree {
            let directory = format!("devices/{device}/block/{name}");
            self.file(&format!("{directory}/size"), "2048");
            self.file(&format!("{directory}/queue/logical_block_size"), "512");
            for class in ["block", "class/block"] {
                fs::create_dir_all(self.0.join(class)).unwrap();
                let link = self.0.join(class).join(name);
                symlink(self.0.join(&directory), link).unwrap();
            }
            self
        }

        fn sysfs(&self) -> Sysfs {
            Sysfs::at(&self.0)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn disks_are_what_could_hold_a_system() {
        let tree = Tree::new("disks");
        tree.disk("pci/nvme/nvme0", "nvme0n1")
            .disk("virtual", "loop0")
            .disk("virtual", "ram3")
            .disk("virtual", "zram0")
            .disk("virtual", "dm-0")
            .disk("pci/ata1/host0/target0:0:0/0:0:0:0", "sda")
            .disk("pci/ata2/host1/target1:0:0/1:0:0:0", "sr0");
        tree.file("block/sr0/size", "0")
            .file("block/sda/diskseq", "9");
        let disks = tree.sysfs().disks();
        let names: Vec<&str> = disks.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["nvme0n1", "sda"]);
        assert_eq!(disks[1].node, Path::new("/dev/sda"));
        assert_eq!((disks[0].sequence, disks[1].sequence), (None, Some(9)));
    }

    #[test]
    fn transport_is_the_nearest_bus() {
        for (device, name, transport) in [
            (
                "pci0000:00/0000:00:04.0/nvme/nvme0",
                "nvme0n1",
                Some(Transport::Nvme),
            ),
            (
                "pci0000:00/0000:00:03.0/virtio1",
                "vda",
                Some(Transport::Virtio),
            ),
            (
                "pci/ata1/host0/target0:0:0/0:0:0:0",
                "sda",
                Some(Transport::Ata),
            ),
            (
                "pci/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0",
                "sdb",
                Some(Transport::Usb),
            ),
            (
                "pci/virtio2/host1/target1:0:0/1:0:0:0",
                "sdc",
                Some(Transport::Virtio),
            ),
            (
                "pci/host0/target0:0:0/0:0:0:0",
                "sdd",
                Some(Transport::Scsi),
            ),
            (
                "pci/mmc_host/mmc0/mmc0:0001",
                "mmcblk0",
                Some(Transport::Mmc),
            ),
            ("platform/floppy.0", "fd0", None),
        ] {
            let tree = Tree::new(name);
            tree.disk(device, name);
            let hardware = tree.sysfs().hardware(name);
            assert_eq!(hardware.transport, transport, "{device}");
            assert_eq!(hardware.sector_size, Some(512));
        }
    }

    #[test]
    fn hardware_and_partitions() {
        let tree = Tree::new("hardware");
        tree.disk("pci/ata1/host0/target0:0:0/0:0:0:0", "sda")
            .file("block/sda/device/model", "QEMU HARDDISK   ")
            .file("block/sda/removable", "1")
            .file("block/sda/ro", "0")
            .file("block/sda/sda1/start", "2048")
            .file("block/sda/sda1/partition", "1")
            .file("block/sda/sda2/start", "4096");
        fs::write(
            tree.0.join("block/sda/device/vpd_pg80"),
            b"\0\x80\0\x08  QM0001",
        )
        .unwrap();
        let hardware = tree.sysfs().hardware("sda");
        assert_eq!(hardware.model.as_deref(), Some("QEMU HARDDISK"));
        assert_eq!(hardware.serial.as_deref(), Some("QM0001"));
        assert!(hardware.removable && !hardware.read_only);
        let at = |offset| tree.sysfs().partition_at("sda", offset);
        assert_eq!(at(2048 * 512).as_deref(), Some("sda1"));
        assert_eq!(at(4096 * 512).as_deref(), Some("sda2"));
        assert_eq!(at(512), None);
    }

    #[test]
    fn says_what_is_still_on_its_way() {
        let tree = Tree::new("probing");
        assert_eq!(tree.sysfs().probing(), Vec::<String>::new());
        tree.file("class/nvme/nvme0/state", "live")
            .file("class/nvme/nvme1/state", "connecting")
            .file("bus/usb/devices/2-1:1.0/bInterfaceClass", "08")
            .file("bus/usb/devices/2-1:1.0/driver/x", "")
            .file("bus/usb/devices/2-2:1.0/bInterfaceClass", "03")
            .file("bus/scsi/devices/0:0:0:0/type", "0")
            .file("bus/scsi/devices/1:0:0:0/type", "5");
        assert_eq!(
            tree.sysfs().probing(),
            [
                "NVMe controller nvme1 (connecting)",
                "SCSI disk 0:0:0:0",
                "USB storage 2-1:1.0"
            ]
        );
        tree.file("class/nvme/nvme1/state", "live")
            .file(
                "bus/usb/devices/2-1:1.0/host6/target6:0:0/6:0:0:0/type",
                "0",
            )
            .file("bus/scsi/devices/0:0:0:0/block/sda/size", "1");
        assert_eq!(tree.sysfs().probing(), Vec::<String>::new());
    }
}
