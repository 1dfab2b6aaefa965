//! openSUSE and Fedora on their own filesystem: a Btrfs whose default subvolume is a snapshot, and one whose system is
//! in a subvolume that is not the default; and Fedora on XFS, as it is on servers.

use pilotlight::disk::ReadAt;

use super::machine::Machine;
use super::systems::list;
use crate::kit::{MIB, sparse};

/// It is the same list as that of the same files in directories, or on ext4: those of the system, and those of the
/// other snapshots, which are in a subvolume beside it.
#[test]
fn subvolumes_make_no_difference() {
    for (description, known, filesystem) in [
        (
            include_str!("shapes/suse.machine"),
            include_str!("shapes/suse.entries"),
            "btrfs_suse",
        ),
        (
            include_str!("../installed/fedora-btrfs.machine"),
            include_str!("../installed/fedora-btrfs.entries"),
            "btrfs_fedora",
        ),
    ] {
        let (_dir, disk) = Machine::parse(description).build();
        let btrfs = sparse(filesystem);
        let mut content = vec![0; btrfs.size() as usize];
        btrfs.read_at(0, &mut content).unwrap();
        // It is on the second partition.
        disk.write(17 * MIB, &content);
        assert_eq!(list(&disk), known, "{filesystem}");
    }
}

/// Some images give the partition of `/boot` the type that systemd-boot looks for, and its entries have variables of
/// GRUB all the same.
#[test]
fn xfs_and_the_type_of_a_partition_make_no_difference() {
    let fedora = include_str!("shapes/fedora.machine");
    let xbootldr = "=== partition 2 bc13c2ff-59e6-4262-a352-b275fd6f7172 ";
    let server = fedora
        .replace("=== volume ext4 ", "=== volume xfs ")
        .replace("=== volume btrfs ", "=== volume xfs ")
        .replace("=== partition 2 linux ", xbootldr);
    let (_dir, disk) = Machine::parse(&server).build();
    let volumes = server.matches("=== volume xfs ").count();
    assert!(volumes == 2 && server.contains(xbootldr), "{server}");
    assert_eq!(list(&disk), include_str!("shapes/fedora.entries"));
}
