//! What the kernel is still bringing up: the reasons to wait for a disk, instead of a fixed time.

use std::path::{Path, PathBuf};

use super::Sysfs;
use super::attributes::{attribute, children, name, number};

/// Interface class of USB mass storage, with UAS (USB Mass Storage Class overview 1.4, section 2).
const USB_MASS_STORAGE: &str = "08";

/// SCSI peripheral device types (SCSI Primary Commands) that become block devices: disks, CD drives,
/// optical memory, reduced block commands, zoned disks.
const SCSI_BLOCK_TYPES: [u64; 5] = [0x00, 0x05, 0x07, 0x0e, 0x14];

/// States of a USB port between the connection of a device and its configuration
/// (`Documentation/ABI/testing/sysfs-bus-usb` of Linux).
const USB_PORT_BUSY: [&str; 6] = [
    "attached",
    "powered",
    "reconnecting",
    "unauthenticated",
    "default",
    "addressed",
];

impl Sysfs {
    /// Says in words what may still become a disk, one text for each device; nothing when no disk can
    /// appear any more unless somebody plugs it in.
    ///
    /// A driver that is missing, and a device that hangs, stay in the list: whoever waits needs a limit.
    pub fn probing(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        for device in children(&self.join("bus/usb/devices")) {
            usb(&device, &mut waiting);
        }
        for controller in children(&self.join("class/nvme")) {
            nvme(&controller, &mut waiting);
        }
        for unit in children(&self.join("bus/scsi/devices")) {
            scsi(&unit, &mut waiting);
        }
        for card in children(&self.join("bus/mmc/devices")) {
            mmc(&card, &mut waiting);
        }
        waiting
    }
}

/// Devices (`1-1`), interfaces (`1-1:1.0`), and ports, which are below the interface of their hub.
fn usb(device: &Path, waiting: &mut Vec<String>) {
    for port in children(device)
        .iter()
        .filter(|child| name(child).contains("-port"))
    {
        let state = attribute(port, "state").unwrap_or_default();
        if USB_PORT_BUSY.contains(&state.as_str()) {
            waiting.push(format!(
                "USB port {}: a device is connecting ({state})",
                name(port)
            ));
        }
    }
    let is_device = device.join("idVendor").exists();
    // A device that was not authorized is never configured.
    let refused = number(device, "authorized") == Some(0);
    if is_device && !refused && attribute(device, "bConfigurationValue").is_none() {
        waiting.push(format!("USB device {} is being configured", name(device)));
    }
    let class = attribute(device, "bInterfaceClass");
    if class.as_deref() == Some(USB_MASS_STORAGE) && !has_scsi_unit(device) {
        waiting.push(format!("USB storage {} is being scanned", name(device)));
    }
}

/// Is there a SCSI unit below an interface (`hostN/targetN:0:0/N:0:0:0`)?
fn has_scsi_unit(interface: &Path) -> bool {
    let numbered = |path: &Path, prefix: &str| name(path).starts_with(prefix);
    let hosts = children(interface)
        .into_iter()
        .filter(|path| numbered(path, "host"));
    let targets = hosts
        .flat_map(|host| children(&host))
        .filter(|path| numbered(path, "target"));
    targets
        .flat_map(|target| children(&target))
        .any(|unit| unit.join("type").exists())
}

fn scsi(unit: &Path, waiting: &mut Vec<String>) {
    let block = number(unit, "type").is_some_and(|kind| SCSI_BLOCK_TYPES.contains(&kind));
    let running = attribute(unit, "state").is_none_or(|state| state == "running");
    if block && running && children(&unit.join("block")).is_empty() {
        waiting.push(format!("SCSI device {} is starting", name(unit)));
    }
}

/// A controller is reset, then its namespaces are scanned; each becomes a disk below it.
fn nvme(controller: &Path, waiting: &mut Vec<String>) {
    let name_of_controller = name(controller);
    match attribute(controller, "state").as_deref() {
        Some(state @ ("new" | "resetting" | "connecting")) => {
            waiting.push(format!(
                "NVMe controller {name_of_controller} is starting ({state})"
            ));
        }
        Some("live") => {
            let is_namespace = |path: &PathBuf| name(path).starts_with("nvme");
            if !children(controller).iter().any(is_namespace) {
                waiting.push(format!(
                    "NVMe controller {name_of_controller} is being scanned"
                ));
            }
        }
        _ => {}
    }
}

fn mmc(card: &Path, waiting: &mut Vec<String>) {
    let kind = attribute(card, "type").unwrap_or_default();
    let storage = matches!(kind.as_str(), "MMC" | "SD");
    if storage && children(&card.join("block")).is_empty() {
        waiting.push(format!("{kind} card {} is starting", name(card)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::test_tree::Tree;

    const HUB: &str = "bus/usb/devices/1-0:1.0";
    const STICK: &str = "bus/usb/devices/1-1";
    const STORAGE: &str = "bus/usb/devices/1-1:1.0";

    #[test]
    fn an_idle_machine_waits_for_nothing() {
        let tree = Tree::new();
        assert_eq!(Sysfs::at(tree.path()).probing(), Vec::<String>::new());
        tree.file(&format!("{HUB}/bInterfaceClass"), "09\n");
        tree.file(&format!("{HUB}/usb1-port1/state"), "not attached\n");
        tree.file(&format!("{HUB}/usb1-port2/state"), "configured\n");
        tree.file("bus/usb/devices/1-2/idVendor", "046d\n");
        tree.file("bus/usb/devices/1-2/bConfigurationValue", "1\n");
        tree.file("bus/usb/devices/1-3/idVendor", "046d\n");
        tree.file("bus/usb/devices/1-3/authorized", "0\n");
        tree.file("bus/usb/devices/1-2:1.0/bInterfaceClass", "03\n");
        tree.file("class/nvme/nvme0/state", "live\n");
        tree.file("class/nvme/nvme0/nvme0n1/size", "8\n");
        tree.file("class/nvme/nvme1/state", "dead\n");
        tree.file("bus/scsi/devices/0:0:0:0/type", "0\n");
        tree.file("bus/scsi/devices/0:0:0:0/block/sda/size", "8\n");
        tree.file("bus/scsi/devices/0:0:1:0/type", "13\n");
        tree.file("bus/scsi/devices/0:0:2:0/type", "0\n");
        tree.file("bus/scsi/devices/0:0:2:0/state", "offline\n");
        tree.file("bus/mmc/devices/mmc0:0001/type", "SD\n");
        tree.file("bus/mmc/devices/mmc0:0001/block/mmcblk0/size", "8\n");
        tree.file("bus/mmc/devices/mmc1:0001/type", "SDIO\n");
        assert_eq!(Sysfs::at(tree.path()).probing(), Vec::<String>::new());
    }

    #[test]
    fn a_stick_is_waited_for_step_by_step() {
        let tree = Tree::new();
        let waiting = || Sysfs::at(tree.path()).probing();
        tree.file(&format!("{HUB}/usb1-port1/state"), "addressed\n");
        assert_eq!(
            waiting(),
            ["USB port usb1-port1: a device is connecting (addressed)"]
        );
        tree.file(&format!("{HUB}/usb1-port1/state"), "configured\n");
        tree.file(&format!("{STICK}/idVendor"), "0781\n");
        tree.file(&format!("{STICK}/bConfigurationValue"), "\n");
        assert_eq!(waiting(), ["USB device 1-1 is being configured"]);
        tree.file(&format!("{STICK}/bConfigurationValue"), "1\n");
        tree.file(&format!("{STORAGE}/bInterfaceClass"), "08\n");
        tree.file(&format!("{STORAGE}/host6/target6:0:0/uevent"), "");
        assert_eq!(waiting(), ["USB storage 1-1:1.0 is being scanned"]);
        let unit = format!("{STORAGE}/host6/target6:0:0/6:0:0:0");
        tree.file(&format!("{unit}/type"), "0\n");
        tree.link("bus/scsi/devices/6:0:0:0", &unit);
        assert_eq!(waiting(), ["SCSI device 6:0:0:0 is starting"]);
        tree.file(&format!("{unit}/block/sdb/size"), "0\n");
        assert_eq!(waiting(), Vec::<String>::new());
    }

    #[test]
    fn nvme_and_cards_are_waited_for() {
        let tree = Tree::new();
        tree.file("class/nvme/nvme0/state", "connecting\n");
        tree.file("class/nvme/nvme1/state", "live\n");
        tree.file("bus/mmc/devices/mmc0:0001/type", "MMC\n");
        assert_eq!(
            Sysfs::at(tree.path()).probing(),
            [
                "NVMe controller nvme0 is starting (connecting)",
                "NVMe controller nvme1 is being scanned",
                "MMC card mmc0:0001 is starting",
            ]
        );
    }
}
