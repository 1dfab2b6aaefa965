//! The pseudo filesystems that process 1 needs.

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

/// What is mounted where: filesystem, directory, flags, options.
const MOUNTS: [(&str, &str, MountFlags, &core::ffi::CStr); 4] = [
    ("proc", "/proc", HARDENED, c""),
    ("sysfs", "/sys", HARDENED, c""),
    ("devtmpfs", "/dev", DEVICES, c"mode=0755"),
    ("tmpfs", "/run", HARDENED, c"mode=0755,size=16m"),
];

const DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC);
const HARDENED: MountFlags = DEVICES.union(MountFlags::NODEV);

/// Mounts all of them. Each failure is returned in words, and the others are still mounted: a boot
/// loader without `/run` is better than none.
pub(super) fn mount_all() -> Vec<String> {
    let mut failures = Vec::new();
    for (filesystem, directory, flags, options) in MOUNTS {
        let made = match rustix::fs::mkdir(directory, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        };
        let mounted = made.and_then(|()| {
            match rustix::mount::mount(filesystem, directory, filesystem, flags, options) {
                // The kernel mounts devtmpfs by itself where it is configured so.
                Err(Errno::BUSY) => Ok(()),
                result => result,
            }
        });
        if let Err(errno) = mounted {
            failures.push(format!(
                "can't mount {filesystem} at {directory}: {errno} (is it in the flash kernel?)"
            ));
        }
    }
    failures
}

/// Detaches every mount below `directory`: nothing of a disk is in use when the next kernel starts.
pub(super) fn detach_below(directory: &str) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for point in points_below(&mounts, directory) {
        if let Err(errno) = rustix::mount::unmount(&point, UnmountFlags::DETACH) {
            log::warn!("can't release {point}: {errno}");
        }
    }
}

/// The mount points below `directory`, the last mounted first (`/proc/self/mounts`, fstab(5)).
fn points_below(mounts: &str, directory: &str) -> Vec<String> {
    let points = mounts
        .lines()
        .rev()
        .filter_map(|line| line.split(' ').nth(1));
    points
        .filter(|point| {
            let rest = point.strip_prefix(directory);
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_below_and_nothing_else() {
        let mounts = "proc /proc proc rw 0 0\n\
                      /dev/sda1 /run/pilotlight/volumes/sda1 xfs ro 0 0\n\
                      tmpfs /run/pilotlight tmpfs rw 0 0\n\
                      /dev/sda2 /run/pilotlight/volumes/sda2 xfs ro 0 0\n";
        assert_eq!(
            points_below(mounts, "/run/pilotlight/volumes"),
            [
                "/run/pilotlight/volumes/sda2",
                "/run/pilotlight/volumes/sda1"
            ]
        );
        assert!(points_below(mounts, "/run/pilot").is_empty());
    }
}
