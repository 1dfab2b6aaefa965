//! Read-only mounts by the kernel, for what the readers in user space refuse.

use std::cell::RefCell;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use super::directory::Directory;
use super::{FsError, ext};
use crate::child::{ChildError, in_child};
use crate::disk::{Device, Format, Source, Volume, set_read_only};
use crate::seconds;

/// How long the kernel may take for a mount. A healthy one takes milliseconds; one with a log to look
/// through, on a slow disk, a few seconds.
const DEADLINE: Duration = Duration::from_secs(15);

/// How long it may take for all mounts of one disk: a disk that hangs has 256 partitions if it wants to.
const BUDGET: Duration = Duration::from_secs(30);

/// How long the release of one may take. Nobody waits for a disk that holds it up: process 1 tries again later.
const RELEASE: Duration = Duration::from_secs(3);

/// After which time a mount is shown that has not ended, and how often from then on.
const SHOW: Duration = Duration::from_secs(2);

/// The permission to ask the kernel for mounts, which only process 1 and its loader have, and the
/// directory below which they are made.
#[derive(Clone)]
pub struct KernelMount {
    below: PathBuf,
    /// How long a mount may take besides, or that there is no time left.
    allowed: Rc<dyn Fn() -> io::Result<Duration>>,
    /// What the mounts of each disk have taken. Clones share it.
    spent: Rc<RefCell<Vec<(PathBuf, Duration)>>>,
}

/// What is to be mounted.
pub(super) struct Target {
    device: Device,
    format: Format,
    source: Source,
}

impl Target {
    /// `None` for a volume of an image file, or nothing to mount.
    pub(super) fn of(volume: &Volume) -> Option<Target> {
        Some(Target {
            device: volume.device.clone()?,
            format: volume.content.format?,
            source: volume.source.clone(),
        })
    }

    /// The device, for messages; its disk where there is none yet.
    pub(super) fn name(&self) -> String {
        let node = self.device.node();
        let node = node.as_deref().unwrap_or(self.device.disk());
        node.display().to_string()
    }
}

impl KernelMount {
    /// Mounts will be made in directories below `below`, which are created when they are needed.
    pub fn new(below: impl Into<PathBuf>) -> KernelMount {
        KernelMount {
            below: below.into(),
            allowed: Rc::new(|| Ok(Duration::MAX)),
            spent: Rc::default(),
        }
    }

    /// The same, where no mount may take longer than `allowed` says by then.
    #[must_use]
    pub fn limited(self, allowed: impl Fn() -> io::Result<Duration> + 'static) -> KernelMount {
        KernelMount {
            allowed: Rc::new(allowed),
            ..self
        }
    }

    /// Mounts the target read-only. Nothing is written to the disk, not even by the recovery of a
    /// journal, which the kernel would do on a read-only mount too: it is told not to. So a journal
    /// with transactions in it shows the state before them, and that is logged.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where the kernel can't, or where it takes longer than a mount may. [`FsError::Io`]
    /// where the time is over that is allowed besides: another time it may succeed.
    pub(super) fn mount(&self, target: &Target) -> Result<Mounted, FsError> {
        let format = target.format;
        let (filesystem, options) = mount_options(format).ok_or_else(|| {
            FsError::Unsupported(format!("{format} is nothing that the kernel mounts"))
        })?;
        let node = target.device.node().ok_or_else(|| {
            FsError::Unsupported("the kernel has no device for this volume".to_owned())
        })?;
        let allowed = (self.allowed)().map_err(FsError::Io)?;
        let limit = self.left(target.device.disk())?.min(allowed);
        let name = node.file_name().unwrap_or(node.as_os_str());
        let point = self.below.join(name);
        std::fs::create_dir_all(&point).map_err(FsError::Io)?;
        let job = Job::new(&node, &point, filesystem, options)?;
        let start = Instant::now();
        let result = job.run(limit, format, &mut Shown::new(&node, limit));
        self.spend(target.device.disk(), start.elapsed());
        if let Err(reason) = result {
            (self.allowed)().map_err(FsError::Io)?;
            return Err(FsError::Unsupported(reason));
        }
        // Made before anything can fail, so that the mount is released in every case.
        let point = MountPoint(point);
        if ext::is_ext(format) && ext::needs_recovery(&target.source) {
            log::warn!(
                "{}: its journal was not replayed, files may be as they were before the last changes",
                node.display()
            );
        }
        let directory = Directory::open(&point.0)?;
        Ok(Mounted {
            directory,
            _point: point,
        })
    }

    /// How long the next mount of this disk may take.
    fn left(&self, disk: &Path) -> Result<Duration, FsError> {
        let all = self.spent.borrow();
        let known = all.iter().find(|(known, _)| known == disk);
        let spent = known.map_or(Duration::ZERO, |(_, spent)| *spent);
        let left = BUDGET.saturating_sub(spent).min(DEADLINE);
        if left.is_zero() {
            return Err(FsError::Unsupported(format!(
                "the kernel is not asked any more, its mounts of {} took {} s",
                disk.display(),
                spent.as_secs()
            )));
        }
        Ok(left)
    }

    fn spend(&self, disk: &Path, time: Duration) {
        let mut all = self.spent.borrow_mut();
        match all.iter_mut().find(|(known, _)| known == disk) {
            Some((_, spent)) => *spent = spent.saturating_add(time),
            None => all.push((disk.to_owned(), time)),
        }
    }
}

/// Says every few seconds that a mount is being waited for.
struct Shown<'a> {
    node: &'a Path,
    limit: Duration,
    next: Duration,
}

impl Shown<'_> {
    fn new(node: &Path, limit: Duration) -> Shown<'_> {
        let next = SHOW;
        Shown { node, limit, next }
    }

    fn waiting(&mut self, start: Instant) {
        let time = start.elapsed();
        if time < self.next {
            return;
        }
        self.next = time.saturating_add(SHOW);
        log::info!(
            "waiting for the kernel's mount of {}, {} s left",
            self.node.display(),
            seconds::left(self.limit.saturating_sub(time))
        );
    }
}

/// The kernel's name of a filesystem, and what keeps it from writing to the disk. Where a superblock may
/// ask for a panic at the first error (`tune2fs -e panic`), it is overruled.
fn mount_options(format: Format) -> Option<(&'static str, &'static str)> {
    Some(match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => ("ext4", "noload,errors=continue"),
        Format::Xfs => ("xfs", "norecovery"),
        Format::Btrfs => ("btrfs", "rescue=nologreplay"),
        Format::Fat => ("vfat", "utf8,errors=continue"),
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
        let Ok(point) = CString::new(self.0.as_os_str().as_bytes()) else {
            return;
        };
        let release = || rustix::mount::unmount(point.as_c_str(), UnmountFlags::DETACH);
        if let Err(error) = in_child(RELEASE, &mut |_| (), release) {
            log::warn!("can't release {}: {error}", self.0.display());
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

    /// Does it in two steps, each in a child that may hang; both together take at most `limit`.
    fn run(&self, limit: Duration, format: Format, shown: &mut Shown<'_>) -> Result<(), String> {
        let start = Instant::now();
        let mut waiting = |_| shown.waiting(start);
        let too_long = || {
            let seconds = limit.as_secs();
            format!("the kernel's mount did not end within {seconds} s and is left behind")
        };
        match in_child(limit, &mut waiting, || self.protect()) {
            Ok(()) => {}
            Err(ChildError::Timeout) => return Err(too_long()),
            Err(error) => return Err(format!("its device can't be made read-only: {error}")),
        }
        let left = limit.saturating_sub(start.elapsed());
        match in_child(left, &mut waiting, || self.mount()) {
            Ok(()) => Ok(()),
            Err(ChildError::Timeout) => Err(too_long()),
            Err(ChildError::Errno(Errno::NODEV)) => {
                Err(format!("the running kernel has no driver for {format}"))
            }
            Err(error) => Err(format!("the kernel does not mount it: {error}")),
        }
    }

    /// Makes the kernel refuse every write to the device. A read-only mount alone does not: ext4 clears
    /// its list of orphans and notes errors in the superblock, unless the device itself is read-only
    /// (`ext4_orphan_cleanup`, `ext4_handle_error`). It stays so until somebody undoes it.
    fn protect(&self) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let device = rustix::fs::open(self.device.as_c_str(), flags, Mode::empty())?;
        set_read_only(&device, true)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_mounted_in_a_way_that_writes_or_panics() {
        for format in [Format::Ext2, Format::Ext3, Format::Ext4] {
            let (filesystem, options) = mount_options(format).unwrap();
            assert_eq!(filesystem, "ext4");
            assert_eq!(options, "noload,errors=continue");
        }
        assert_eq!(
            mount_options(Format::Fat),
            Some(("vfat", "utf8,errors=continue"))
        );
        assert_eq!(mount_options(Format::Xfs), Some(("xfs", "norecovery")));
        assert_eq!(mount_options(Format::Luks), None);
    }

    #[test]
    fn one_disk_can_not_take_all_the_time() {
        let kernel = KernelMount::new("/nowhere");
        let (slow, other) = (Path::new("/dev/sda"), Path::new("/dev/sdb"));
        assert_eq!(kernel.left(slow).unwrap(), DEADLINE);
        kernel.clone().spend(slow, Duration::from_secs(20));
        assert_eq!(kernel.left(slow).unwrap(), Duration::from_secs(10));
        kernel.spend(slow, Duration::from_secs(11));
        let refusal = kernel.left(slow).unwrap_err().to_string();
        assert!(refusal.contains("/dev/sda took 31 s"), "{refusal}");
        assert_eq!(kernel.left(other).unwrap(), DEADLINE);
    }

    #[test]
    fn what_ends_with_an_attempt_is_no_word_on_the_filesystem() {
        let Some(device) = Loop::new("limit", with_orphan) else {
            eprintln!("not tested: only root has loop devices");
            return;
        };
        let disk = crate::disk::Disk::open(&device.device).unwrap();
        let layout = disk.scan();
        let target = Target::of(&layout.volumes[0]).unwrap();
        let kernel = KernelMount::new(device.directory.join("volumes"));
        let over = || Err(io::ErrorKind::TimedOut.into());
        for allowed in [Ok(Duration::ZERO), over()] {
            // It was over, or it is when the mount was given up.
            let first = std::cell::Cell::new(Some(allowed));
            let limited = kernel
                .clone()
                .limited(move || first.take().unwrap_or_else(over));
            let error = limited.mount(&target).err().unwrap();
            assert!(matches!(error, FsError::Io(_)), "{error}");
        }
        assert!(kernel.mount(&target).is_ok());
    }

    /// An image in a loop device, which may be written to, for as long as this lives.
    struct Loop {
        directory: PathBuf,
        device: PathBuf,
    }

    impl Loop {
        /// `None` for whoever may not have one.
        fn new(name: &str, image: impl Fn(&Path)) -> Option<Loop> {
            if !rustix::process::geteuid().is_root() {
                return None;
            }
            let name = format!("pilotlight-{name}-{}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&directory).unwrap();
            image(&directory.join("image"));
            let image = directory.join("image");
            let losetup = ["losetup", "--find", "--show", image.to_str()?];
            let device = run(&losetup);
            if device.is_none() {
                let _ = std::fs::remove_dir_all(&directory);
            }
            let device = PathBuf::from(device?.trim());
            Some(Loop { directory, device })
        }

        fn image(&self) -> Vec<u8> {
            std::fs::read(self.directory.join("image")).unwrap()
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            let device = self.device.to_str().unwrap();
            let _ = run(&["blockdev", "--setrw", device]);
            let _ = run(&["losetup", "--detach", device]);
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }

    /// What a command printed, if it ended well.
    fn run(command: &[&str]) -> Option<String> {
        let output = std::process::Command::new(command[0])
            .args(&command[1..])
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }

    /// ext4 with an inode on the list of orphans that nothing refers to any more, and a superblock that
    /// asks for a panic at the first error: the kernel would clear the list on a read-only mount.
    fn with_orphan(image: &Path) {
        let path = image.to_str().unwrap();
        let size = 16 << 20;
        std::fs::File::create(image).unwrap().set_len(size).unwrap();
        run(&[
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-O",
            "inline_data",
            "-e",
            "panic",
            path,
        ])
        .unwrap();
        let content = image.with_extension("content");
        std::fs::write(&content, vec![b'x'; 100_000]).unwrap();
        let content = content.to_str().unwrap();
        for command in [
            &format!("write {content} /file"),
            &format!("write {content} /orphan"),
            "sif /orphan links_count 0",
            "unlink /orphan",
            "ssv last_orphan 13",
        ] {
            run(&["debugfs", "-w", "-R", command, path]).unwrap();
        }
    }

    #[test]
    fn a_mount_leaves_every_byte_of_the_disk_as_it_was() {
        let Some(device) = Loop::new("mount", with_orphan) else {
            eprintln!("not tested: only root has loop devices");
            return;
        };
        let before = device.image();
        let disk = crate::disk::Disk::open(&device.device).unwrap();
        let layout = disk.scan();
        let target = Target::of(&layout.volumes[0]).unwrap();
        let kernel = KernelMount::new(device.directory.join("volumes"));
        let mounted = kernel.mount(&target).unwrap();
        let file = super::super::FsPath::new("/file").unwrap();
        let content = super::super::Filesystem::read(&mounted.directory, &file, 1 << 20).unwrap();
        assert_eq!(content.len(), 100_000);
        drop(mounted);
        run(&["sync", device.device.to_str().unwrap()]).unwrap();
        assert!(device.image() == before, "something was written");
    }
}
