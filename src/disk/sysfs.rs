//! [`Sysfs`]: the disks that the kernel knows (`Documentation/ABI/stable/sysfs-block` of Linux).

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::Hardware;
use super::attributes::{children, name, number};

/// The unit of sizes and offsets in sysfs, whatever the sectors of a disk are.
pub(super) const SECTOR: u64 = 512;

/// Names of devices that are no disks of the machine: memory, what would answer after seconds
/// (floppies), the firmware itself (flash), and what is made of other disks.
const NOT_DISKS: [&str; 6] = ["ram", "zram", "fd", "mtdblock", "dm-", "md"];

/// A mounted sysfs.
pub struct Sysfs(PathBuf);

/// A whole disk in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The kernel's name (`sda`).
    pub name: String,
    /// Its node (`/dev/sda`).
    pub node: PathBuf,
    /// Its length in bytes; never 0.
    pub size: u64,
    /// Its number, as in [`Hardware::sequence`]. What else the device says of itself is read when the disk is opened:
    /// some of it the device has to be asked for, and disks are looked for again and again.
    pub sequence: Option<u64>,
}

impl Sysfs {
    /// The one of this machine.
    pub fn system() -> Sysfs {
        Sysfs::at("/sys")
    }

    /// A tree that looks like one.
    pub fn at(root: impl Into<PathBuf>) -> Sysfs {
        Sysfs(root.into())
    }

    /// A place in it.
    pub(super) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The disks, sda before sdb before sdaa.
    ///
    /// Left out are RAM disks, flash, floppies, what is made of other disks, paths below a multipath
    /// NVMe disk, and what has no size: drives without a medium and loop devices without a file.
    pub fn disks(&self) -> Vec<Found> {
        let directories = children(&self.join("block"));
        let mut disks: Vec<Found> = directories
            .iter()
            .filter_map(|at| Found::read(at))
            .collect();
        disks.sort_unstable_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        disks
    }
}

impl Found {
    fn read(directory: &Path) -> Option<Found> {
        let name = name(directory).to_owned();
        let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let hidden = number(directory, "hidden") == Some(1);
        if NOT_DISKS.contains(&family) || hidden {
            return None;
        }
        let size = number(directory, "size")?.checked_mul(SECTOR)?;
        (size != 0).then(|| Found {
            node: node(&name),
            size,
            sequence: number(directory, "diskseq"),
            name,
        })
    }
}

/// The node of a device; `!` in a name stands for a `/`.
pub(super) fn node(name: &str) -> PathBuf {
    Path::new("/dev").join(name.replace('!', "/"))
}

/// Where sysfs describes the block device `path`; `None` for an image file.
pub(super) fn directory_of(path: &Path) -> Option<PathBuf> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.file_type().is_block_device() {
        return None;
    }
    let device = metadata.rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Some(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")))
}

/// The hardware behind the node `path`; that of its disk when it is a partition, and nothing for an
/// image file.
pub(super) fn hardware_of(path: &Path) -> Hardware {
    let directory = directory_of(path).and_then(|directory| directory.canonicalize().ok());
    let Some(directory) = directory else {
        return Hardware::default();
    };
    match directory.parent() {
        Some(disk) if directory.join("partition").exists() => Hardware::read(disk),
        _ => Hardware::read(&directory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Transport;
    use crate::disk::test_tree::Tree;

    fn hardware(tree: &Tree, found: &Found) -> Hardware {
        Hardware::read(&tree.path().join("block").join(&found.name))
    }

    #[test]
    fn tells_disks_by_their_bus() {
        let tree = Tree::new();
        let sata = "devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
        tree.file(&format!("{sata}/model"), "Samsung SSD 870 \n");
        tree.file(&format!("{sata}/vpd_pg80"), "\0\u{80}\0\u{8}S5Y1NG0N");
        tree.file(&format!("{sata}/wwid"), "naa.5002538f41a\n");
        tree.disk(
            &format!("{sata}/block/sda"),
            2048,
            &[("queue/logical_block_size", "512\n")],
        );

        let stick = "devices/pci0000:00/0000:00:14.0/usb2/2-1";
        let unit = format!("{stick}/2-1:1.0/host6/target6:0:0/6:0:0:0");
        tree.file(&format!("{stick}/idVendor"), "0781\n");
        tree.file(&format!("{stick}/serial"), "4C53\u{1b}[31m\n");
        tree.file(&format!("{unit}/model"), "Ultra Fit       \n");
        tree.disk(
            &format!("{unit}/block/sdaa"),
            8,
            &[("removable", "1\n"), ("ro", "1\n")],
        );

        let nvme = "devices/pci0000:00/0000:01:00.0/nvme/nvme0";
        tree.file(&format!("{nvme}/model"), "WD Black\n");
        tree.file(&format!("{nvme}/serial"), "  2145\n");
        tree.disk(
            &format!("{nvme}/nvme0n1"),
            8,
            &[
                ("queue/logical_block_size", "4096\n"),
                ("wwid", "eui.0025\n"),
            ],
        );

        let virtio = "devices/pci0000:00/0000:00:02.0/virtio1/block/vda";
        tree.disk(virtio, 8, &[("serial", "disk-1\n"), ("diskseq", "9\n")]);
        let card = "devices/platform/fe320000.mmc/mmc_host/mmc1/mmc1:aaaa";
        tree.file(&format!("{card}/name"), "SC16G\n");
        tree.file(&format!("{card}/serial"), "0x1234\n");
        tree.disk(&format!("{card}/block/mmcblk1"), 8, &[]);
        tree.disk(
            "devices/virtual/block/loop0",
            8,
            &[("loop/backing_file", "/a\n")],
        );

        let found = Sysfs::at(tree.path()).disks();
        let hardware: Vec<Hardware> = found.iter().map(|found| hardware(&tree, found)).collect();
        let summary: Vec<String> = found
            .iter()
            .zip(&hardware)
            .map(|(device, hardware)| {
                let Hardware {
                    transport,
                    model,
                    serial,
                    sector_size,
                    ..
                } = hardware;
                format!(
                    "{} {transport:?} {model:?} {serial:?} {sector_size:?}",
                    device.name
                )
            })
            .collect();
        assert_eq!(
            summary,
            [
                r#"sda Some(Ata) Some("Samsung SSD 870") Some("S5Y1NG0N") Some(512)"#,
                r#"vda Some(Virtio) None Some("disk-1") None"#,
                r#"sdaa Some(Usb) Some("Ultra Fit") Some("4C53�[31m") None"#,
                r#"loop0 None None None None"#,
                r#"mmcblk1 Some(Mmc) Some("SC16G") Some("0x1234") None"#,
                r#"nvme0n1 Some(Nvme) Some("WD Black") Some("2145") Some(4096)"#,
            ]
        );
        assert_eq!(found[0].size, 1 << 20);
        assert_eq!(
            hardware[0].names(),
            [
                "Samsung SSD 870",
                "S5Y1NG0N",
                "naa.5002538f41a",
                "Samsung_SSD_870_S5Y1NG0N"
            ]
        );
        assert_eq!(hardware[1].names(), ["disk-1"]);
        assert_eq!(hardware[5].wwid.as_deref(), Some("eui.0025"));
        let sequences = (hardware[0].sequence, hardware[1].sequence);
        assert_eq!(sequences, (None, Some(9)));
        assert_eq!((found[0].sequence, found[1].sequence), sequences);
        assert!(hardware[2].removable && hardware[2].read_only);
        assert!(!hardware[0].removable && !hardware[0].read_only);
    }

    #[test]
    fn leaves_out_what_is_no_disk() {
        let tree = Tree::new();
        tree.disk("devices/virtual/block/ram0", 8, &[]);
        tree.disk("devices/virtual/block/zram0", 8, &[]);
        tree.disk("devices/virtual/block/mtdblock0", 8, &[]);
        tree.disk("devices/virtual/block/dm-0", 8, &[]);
        tree.disk("devices/virtual/block/md127", 8, &[]);
        tree.disk("devices/virtual/block/loop0", 0, &[]);
        tree.disk(
            "devices/pci0000:00/nvme/nvme0/nvme0c0n1",
            8,
            &[("hidden", "1\n")],
        );
        tree.disk(
            "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1",
            8,
            &[("hidden", "0\n")],
        );
        tree.disk("devices/pci0000:00/ata2/host1/block/sr0", 0, &[]);
        tree.disk(
            "devices/pci0000:00/ata2/host1/block/sr1",
            4,
            &[("removable", "1\n")],
        );
        tree.disk("devices/pci0000:00/cciss0/block/cciss!c0d0", 4, &[]);
        tree.file("devices/pci0000:00/host9/block/sdz/size", "not a number\n");
        tree.link("block/sdz", "devices/pci0000:00/host9/block/sdz");

        let found = Sysfs::at(tree.path()).disks();
        let nodes: Vec<&Path> = found.iter().map(|device| device.node.as_path()).collect();
        let expected = ["/dev/sr1", "/dev/nvme0n1", "/dev/cciss/c0d0"].map(Path::new);
        assert_eq!(nodes, expected);
        let transport = hardware(&tree, &found[1]).transport;
        assert_eq!(transport, Some(Transport::Nvme));
        assert_eq!(Sysfs::at("/nothing").disks(), []);
    }
}
