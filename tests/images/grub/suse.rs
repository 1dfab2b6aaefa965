//! openSUSE on its own filesystem: a Btrfs whose default subvolume is a snapshot.

use pilotlight::disk::ReadAt;

use super::machine::Machine;
use super::systems::list;
use crate::kit::{MIB, sparse};

/// It is the same list as that of the same files on ext4: those of the system, and those of the other
/// snapshots, which are in a subvolume beside it.
#[test]
fn subvolumes_make_no_difference() {
    let (_dir, disk) = Machine::parse(include_str!("shapes/suse.machine")).build();
    let btrfs = sparse("btrfs_suse");
    let mut content = vec![0; btrfs.size() as usize];
    btrfs.read_at(0, &mut content).unwrap();
    disk.write(17 * MIB, &content);
    assert_eq!(list(&disk), include_str!("shapes/suse.entries"));
}
