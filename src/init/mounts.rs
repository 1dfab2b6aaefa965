//! The pseudo filesystems that process 1 needs, and the release of what loaders have mounted.

use std::ffi::CString;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::child::{ChildError, in_child};
use crate::efi::Efivarfs;
use crate::seconds;
use crate::store::Pmsg;

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

/// How long the firmware may take to name its variables: it is asked for them while they are mounted.
const EFIVARS: Duration = Duration::from_secs(10);

/// Mounts the UEFI variables, where the machine has any. Firmware that hangs is left behind.
pub(super) fn mount_efivars() -> Result<(), String> {
    let directory = Efivarfs::DIRECTORY;
    // The kernel makes the directory where the firmware has variables.
    let Ok(point) = CString::new(directory) else {
        return Ok(());
    };
    let result = in_child(EFIVARS, &mut |_| (), || {
        rustix::mount::mount(c"efivarfs", point.as_c_str(), c"efivarfs", HARDENED, c"")
    });
    match result {
        // A loader before this one has mounted them.
        Ok(()) | Err(ChildError::Errno(Errno::NOENT | Errno::BUSY)) => Ok(()),
        Err(error) => Err(format!(
            "UEFI variables can't be mounted at {directory}: {error}"
        )),
    }
}

/// Mounts what a kernel before this one has left in memory.
pub(super) fn mount_pstore() -> Result<(), String> {
    let directory = Pmsg::DIRECTORY;
    match rustix::mount::mount("pstore", directory, "pstore", HARDENED, c"") {
        // A loader before this one has mounted it.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(format!(
            "can't mount pstore at {directory}: {errno} (is it in the flash kernel?)"
        )),
    }
}

/// How long the release of one mount, and of all together, may take.
const RELEASE: Duration = Duration::from_secs(3);
const RELEASE_ALL: Duration = Duration::from_secs(10);

/// After which time the wait for one is shown.
const SHOW: Duration = Duration::from_millis(500);

/// Detaches every mount below `directory`: what a loader left there is not in the way of the next one,
/// and nothing of a disk is in use when the next kernel starts. Each failure, and each wait, is given to
/// `say`.
///
/// A disk that hangs may hold up even this, so it is done where process 1 need not wait for it.
pub(super) fn detach_below(directory: &str, say: &mut dyn FnMut(&str)) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let start = Instant::now();
    for point in points_below(&mounts, directory) {
        let limit = RELEASE_ALL.saturating_sub(start.elapsed()).min(RELEASE);
        if let Err(error) = detach(&point, limit, say) {
            say(&format!("can't release {point}: {error}"));
        }
    }
}

fn detach(point: &str, limit: Duration, say: &mut dyn FnMut(&str)) -> Result<(), ChildError> {
    let path = CString::new(point).map_err(|_| ChildError::Errno(Errno::INVAL))?;
    let mut said = false;
    let mut waiting = |time: Duration| {
        if time >= SHOW && !said {
            said = true;
            let left = seconds::left(limit.saturating_sub(time));
            say(&format!(
                "waiting for the release of {point}, {left} s left"
            ));
        }
    };
    in_child(limit, &mut waiting, || {
        rustix::mount::unmount(path.as_c_str(), UnmountFlags::DETACH)
    })
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

    #[test]
    fn mounts_are_released_and_failures_are_said() {
        let directory = format!("pilotlight-detach-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        let points = ["one", "two"].map(|name| directory.join(name));
        for point in &points {
            std::fs::create_dir_all(point).unwrap();
            if rustix::mount::mount("tmpfs", point, "tmpfs", HARDENED, c"size=64k").is_err() {
                eprintln!("not tested: only root may mount");
                return;
            }
        }
        let text = directory.to_str().unwrap();
        let mut said = Vec::new();
        detach_below(text, &mut |line| said.push(line.to_owned()));
        assert_eq!(said, Vec::<String>::new());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        assert_eq!(points_below(&mounts, text), Vec::<String>::new());
        let gone = detach(points[0].to_str().unwrap(), RELEASE, &mut |_| ());
        assert_eq!(gone, Err(ChildError::Errno(Errno::INVAL)));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
