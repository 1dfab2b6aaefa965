//! Read-only mounts by the kernel, for what the readers in user space refuse.
#![allow(unsafe_code)] // fork, so that a mount that hangs can be left behind

use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::directory::Directory;
use super::{FsError, ext};
use crate::disk::{Format, Source, Volume};

/// How long the kernel may take for a mount. A healthy one takes milliseconds; one with a log to look
/// through, on a slow disk, a few seconds.
const DEADLINE: Duration = Duration::from_secs(15);

/// The permission to ask the kernel for mounts, which only process 1 and its loader have, and the
/// directory below which they are made.
#[derive(Clone, Debug)]
pub struct KernelMount {
    below: PathBuf,
}

/// What is to be mounted.
pub(super) struct Target {
    device: PathBuf,
    format: Format,
    source: Source,
}

impl Target {
    /// `None` for a volume that the kernel has no device for, or nothing to mount.
    pub(super) fn of(volume: &Volume) -> Option<Target> {
        Some(Target {
            device: volume.device.clone()?,
            format: volume.content.format?,
            source: volume.source.clone(),
        })
    }

    /// The device, for messages.
    pub(super) fn name(&self) -> std::path::Display<'_> {
        self.device.display()
    }
}

impl KernelMount {
    /// Mounts will be made in directories below `below`, which are created when they are needed.
    pub fn new(below: impl Into<PathBuf>) -> KernelMount {
        let below = below.into();
        KernelMount { below }
    }

    /// Mounts the target read-only. Nothing is written to the disk, not even by the recovery of a
    /// journal, which the kernel would do on a read-only mount too: it is told not to. So a journal
    /// with transactions in it shows the state before them, and that is logged.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where the kernel can't, or where it takes longer than it may.
    pub(super) fn mount(&self, target: &Target) -> Result<Mounted, FsError> {
        let (device, format) = (&target.device, target.format);
        let (filesystem, options) = mount_options(format).ok_or_else(|| {
            FsError::Unsupported(format!("{format} is nothing that the kernel mounts"))
        })?;
        let name = device.file_name().unwrap_or(device.as_os_str());
        let point = self.below.join(name);
        std::fs::create_dir_all(&point).map_err(FsError::Io)?;
        let job = Job::new(device, &point, filesystem, options)?;
        let refusal = match in_child(DEADLINE, || job.mount()) {
            Ok(()) => {
                if ext::is_ext(format) && ext::needs_recovery(&target.source) {
                    log::warn!(
                        "{}: its journal was not replayed, files may be as they were before the last \
                         changes",
                        target.name()
                    );
                }
                // Made before anything can fail, so that the mount is released in every case.
                let point = MountPoint(point);
                let directory = Directory::open(&point.0)?;
                return Ok(Mounted {
                    directory,
                    _point: point,
                });
            }
            Err(ChildError::Errno(Errno::NODEV)) => {
                format!("the running kernel has no driver for {format}")
            }
            Err(ChildError::Errno(errno)) => format!("the kernel does not mount it: {errno}"),
            Err(ChildError::Timeout) => format!(
                "the kernel's mount did not end within {} s and is left behind",
                DEADLINE.as_secs()
            ),
        };
        Err(FsError::Unsupported(refusal))
    }
}

/// The kernel's name of a filesystem, and what keeps it from writing to the disk.
fn mount_options(format: Format) -> Option<(&'static str, &'static str)> {
    Some(match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => ("ext4", "noload"),
        Format::Xfs => ("xfs", "norecovery"),
        Format::Btrfs => ("btrfs", "rescue=nologreplay"),
        Format::Fat => ("vfat", "utf8"),
        Format::Iso9660 => ("iso9660", ""),
        Format::Luks | Format::Lvm | Format::MdRaid | Format::Swap => return None,
    })
}

/// A filesystem that the kernel has mounted for as long as this lives.
pub(super) struct Mounted {
    /// Its files. Dropped first: an open descriptor would keep the mount busy.
    pub(super) directory: Directory,
    _point: MountPoint,
}

/// A directory on which something is mounted.
struct MountPoint(PathBuf);

impl Drop for MountPoint {
    fn drop(&mut self) {
        if let Err(errno) = rustix::mount::unmount(&self.0, UnmountFlags::DETACH) {
            log::warn!("can't release {}: {errno}", self.0.display());
        }
    }
}

/// A mount with all its words made beforehand: between fork and exit nothing may be allocated.
struct Job {
    device: CString,
    point: CString,
    filesystem: CString,
    options: CString,
}

impl Job {
    fn new(device: &Path, point: &Path, filesystem: &str, options: &str) -> Result<Job, FsError> {
        let text = |bytes: &[u8]| {
            CString::new(bytes).map_err(|_| FsError::Unsupported("a NUL in a path".to_owned()))
        };
        Ok(Job {
            device: text(device.as_os_str().as_bytes())?,
            point: text(point.as_os_str().as_bytes())?,
            filesystem: text(filesystem.as_bytes())?,
            options: text(options.as_bytes())?,
        })
    }

    fn mount(&self) -> Result<(), Errno> {
        let flags =
            MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        rustix::mount::mount(
            self.device.as_c_str(),
            self.point.as_c_str(),
            self.filesystem.as_c_str(),
            flags,
            self.options.as_c_str(),
        )
    }
}

/// Why work in a child did not succeed.
#[derive(Debug, PartialEq, Eq)]
enum ChildError {
    Errno(Errno),
    Timeout,
}

/// Does `work` in a child process, for at most `limit`. A child that hangs in the kernel can't be
/// killed; it is left behind, and process 1 collects it one day.
///
/// `work` may make system calls and nothing else: no allocation, no lock.
fn in_child(limit: Duration, work: impl Fn() -> Result<(), Errno>) -> Result<(), ChildError> {
    // SAFETY: the child only makes the system calls of `work` and `_exit`: it touches no lock and no
    // heap that another thread could have held at this moment.
    let pid = match unsafe { libc::fork() } {
        0 => {
            let code: c_int = match work() {
                Ok(()) => 0,
                Err(errno) => errno.raw_os_error(),
            };
            // SAFETY: it ends the child at once, without handlers of the parent's program.
            unsafe { libc::_exit(code) }
        }
        pid => Pid::from_raw(pid).ok_or(ChildError::Errno(Errno::AGAIN))?,
    };
    if !ended_within(pid, limit) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        // A child that can still be killed is gone in a moment.
        if !ended_within(pid, Duration::from_millis(100)) {
            return Err(ChildError::Timeout);
        }
    }
    let status = rustix::process::waitpid(Some(pid), WaitOptions::empty());
    let status = status.map_err(ChildError::Errno)?;
    match status.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(code) => Err(ChildError::Errno(Errno::from_raw_os_error(code))),
        None => Err(ChildError::Timeout),
    }
}

/// Waits for the end of a child without collecting it.
fn ended_within(pid: Pid, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return true;
    };
    let now = Instant::now();
    let end = now.checked_add(limit).unwrap_or(now);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Err(Errno::INTR) => {}
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_tells_how_it_ended() {
        let limit = Duration::from_secs(60);
        assert_eq!(in_child(limit, || Ok(())), Ok(()));
        let refused = in_child(limit, || Err(Errno::NODEV));
        assert_eq!(refused, Err(ChildError::Errno(Errno::NODEV)));
    }

    #[test]
    fn a_child_that_hangs_is_given_up() {
        let hang = || -> Result<(), Errno> {
            loop {
                let _ = rustix::thread::nanosleep(&rustix::time::Timespec {
                    tv_sec: 3600,
                    tv_nsec: 0,
                });
            }
        };
        let result = in_child(Duration::from_millis(50), hang);
        assert_eq!(result, Err(ChildError::Timeout));
    }

    #[test]
    fn nothing_is_mounted_in_a_way_that_writes() {
        for format in [Format::Ext3, Format::Ext4] {
            assert_eq!(mount_options(format), Some(("ext4", "noload")));
        }
        assert_eq!(mount_options(Format::Xfs), Some(("xfs", "norecovery")));
        assert_eq!(mount_options(Format::Luks), None);
    }
}
