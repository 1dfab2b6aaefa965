//! Renaming one file through the kernel's driver of its filesystem: the way by which a boot is counted.
//!
//! A power cut has to leave the old name or the new one. On ext4 the journal does that. FAT has none, and its driver
//! (`vfat_rename` in `fs/fat/namei_vfat.c`) puts the file behind the new name and takes the old one away without
//! flushing the disk in between: one that keeps writes in a cache and changes their order could lose both, where they
//! are in different sectors of the directory. So it is done in steps there, each of which is flushed before the next
//! one; see [`Renaming::rename_on_fat`].

use std::ffi::{CStr, CString};
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::child::{ChildError, in_child};
use crate::disk::{Format, is_read_only, set_read_only};
use crate::seconds;

/// How long all of it may take. A healthy disk takes milliseconds, a journal that has to be replayed on a slow
/// one some seconds.
const LIMIT: Duration = Duration::from_secs(15);

/// After which time a step is shown that has not ended.
const SHOW: Duration = Duration::from_secs(2);

/// A file that gets another name.
pub(super) struct Renaming {
    device: CString,
    is_fat: bool,
    /// Where the filesystem is mounted meanwhile.
    point: CString,
    directory: CString,
    old: CString,
    new: CString,
    /// Other names with nothing behind them, which are taken away.
    left: Vec<CString>,
}

/// Why a file was not renamed.
#[derive(Debug)]
pub(super) struct RenameError {
    /// What was being done.
    step: &'static str,
    error: ChildError,
}

impl fmt::Display for RenameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.error)
    }
}

impl Renaming {
    /// Gives the file `old` in `directory` the name `new`, on the filesystem of this format in `device`, which
    /// is mounted at `point` for that. `None` for formats that are not written to.
    ///
    /// On FAT there may be an empty file of the new name already, and the empty files `left` there are taken away.
    /// Where both names are the same, that is all.
    pub(super) fn new(
        device: &Path,
        format: Format,
        point: &Path,
        directory: &str,
        (old, new): (&str, &str),
        left: &[String],
    ) -> Option<Renaming> {
        let is_fat = match format {
            Format::Ext2 | Format::Ext3 | Format::Ext4 => false,
            Format::Fat => true,
            _ => return None,
        };
        Some(Renaming {
            device: CString::new(device.as_os_str().as_bytes()).ok()?,
            is_fat,
            point: CString::new(point.as_os_str().as_bytes()).ok()?,
            directory: CString::new(directory).ok()?,
            old: CString::new(old).ok()?,
            new: CString::new(new).ok()?,
            left: left
                .iter()
                .map(|name| CString::new(name.as_str()))
                .collect::<Result<_, _>>()
                .ok()?,
        })
    }

    /// Does it, and waits until the medium holds the new name.
    ///
    /// # Errors
    /// The step that failed. The file has its old name then, or the new one if it was the last step; on FAT it may have
    /// both, or its old one with an empty file behind the new one.
    pub(super) fn run(&self) -> Result<(), RenameError> {
        let start = Instant::now();
        let step = |step, work: &dyn Fn() -> Result<(), Errno>| {
            let mut shown = false;
            let mut waiting = |_| {
                if start.elapsed() >= SHOW && !shown {
                    shown = true;
                    let left = LIMIT.saturating_sub(start.elapsed());
                    log::info!("{step}, {} s left", seconds::left(left));
                }
            };
            let left = LIMIT.saturating_sub(start.elapsed());
            in_child(left, &mut waiting, work).map_err(|error| RenameError { step, error })
        };
        step("mounting it for writing", &|| self.mount())?;
        let renamed = step("renaming the file", &|| self.rename());
        // Whatever became of it, nothing stays mounted for writing.
        let released = step("releasing the mount", &|| {
            rustix::mount::unmount(self.point.as_c_str(), UnmountFlags::empty())
        });
        renamed.and(released)
    }

    /// Only system calls.
    fn mount(&self) -> Result<(), Errno> {
        let device = open(&self.device)?;
        // A mount for reading only may have made it so that the kernel refuses every write.
        if is_read_only(&device)? {
            set_read_only(&device, false)?;
        }
        let safe = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        let at_once = MountFlags::SYNCHRONOUS | MountFlags::DIRSYNC;
        // An error that the superblock would answer with a panic leaves the file as it is.
        let (filesystem, flags, options) = match self.is_fat {
            true => (c"vfat", safe, c"utf8,errors=remount-ro"),
            false => (c"ext4", safe | at_once, c"errors=remount-ro"),
        };
        let (device, point) = (self.device.as_c_str(), self.point.as_c_str());
        rustix::mount::mount(device, point, filesystem, flags, options)
    }

    /// Only system calls. Symbolic links lead to no other filesystem.
    fn rename(&self) -> Result<(), Errno> {
        let root = open(&self.point)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_XDEV;
        let path = self.directory.as_c_str();
        let directory = rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve)?;
        if self.is_fat {
            return self.rename_on_fat(&directory);
        }
        let (old, new) = (self.old.as_c_str(), self.new.as_c_str());
        let flags = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(&directory, old, &directory, new, flags)?;
        rustix::fs::fsync(&directory)?;
        rustix::fs::syncfs(&directory)
    }

    /// Only system calls. The mount is not synchronous: the driver keeps what a call changes in memory, and `fsync`
    /// writes what belongs to one file or to the directory, and flushes the disk (`fat_file_fsync` in `fs/fat/file.c`).
    /// The kernel by itself writes nothing so soon: what was changed has to be 30 s old, and [`LIMIT`] is shorter.
    fn rename_on_fat(&self, directory: &OwnedFd) -> Result<(), Errno> {
        if self.old == self.new {
            return self.tidy(directory);
        }
        let (old, new) = (self.old.as_c_str(), self.new.as_c_str());
        let file = open_in(directory, old, OFlags::empty())?;
        // A file without content takes the new name: all parts of that are on the disk before any of them counts.
        let empty = match open_in(directory, new, OFlags::CREATE | OFlags::EXCL) {
            Err(Errno::EXIST) => open_empty(directory, new)?,
            made => made?,
        };
        // This changes no more than which of both slots of the directory is whose (`vfat_rename_exchange`).
        let exchange = || {
            let flags = RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(directory, old, directory, new, flags)
        };
        if let Err(error) = rustix::fs::fsync(directory).and_then(|()| exchange()) {
            let _ = rustix::fs::unlinkat(directory, new, AtFlags::empty());
            return Err(error);
        }
        // The content is behind both names, then behind the new one alone.
        rustix::fs::fsync(&file)?;
        rustix::fs::fsync(&empty)?;
        // Whatever part of the old name a power cut leaves now, there is nothing behind it.
        rustix::fs::unlinkat(directory, old, AtFlags::empty())?;
        rustix::fs::fsync(directory)?;
        // That much is counted. What else is left there costs nothing, and is taken away another time.
        let _ = self.tidy(directory);
        Ok(())
    }

    /// Only system calls. Takes away the names that are left, if there is nothing behind them.
    fn tidy(&self, directory: &OwnedFd) -> Result<(), Errno> {
        for name in &self.left {
            open_empty(directory, name)?;
            rustix::fs::unlinkat(directory, name.as_c_str(), AtFlags::empty())?;
        }
        rustix::fs::fsync(directory)
    }
}

/// Only system calls. Symbolic links are not followed.
fn open_in(directory: &OwnedFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | flags;
    rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR)
}

/// Only system calls. [`Errno::EXIST`] for all but an empty file.
fn open_empty(directory: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let file = open_in(directory, name, OFlags::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    match is_file && stat.st_size == 0 {
        true => Ok(file),
        false => Err(Errno::EXIST),
    }
}

fn open(path: &CString) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path.as_c_str(), flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::process::Command;

    /// A filesystem in a loop device, for as long as this lives.
    struct Loop {
        directory: PathBuf,
        device: PathBuf,
    }

    /// What a command printed, if it ended well.
    fn run(program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program).args(arguments).output().ok()?;
        let succeeded = output.status.success();
        succeeded.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    impl Loop {
        /// An ext4 with two entries, one of them behind a symbolic link that leads up and out.
        fn ext4() -> Option<Loop> {
            let directory = format!("pilotlight-renaming-{}", std::process::id());
            let directory = std::env::temp_dir().join(directory);
            let tree = directory.join("tree");
            std::fs::create_dir_all(tree.join("loader.0/entries")).unwrap();
            std::os::unix::fs::symlink("../../loader.0", tree.join("loader")).unwrap();
            for name in ["a+3.conf", "b.conf"] {
                std::fs::write(tree.join("loader.0/entries").join(name), name).unwrap();
            }
            let image = directory.join("image");
            let (tree, image) = (tree.to_str()?, image.to_str()?);
            let made = run(
                "mke2fs",
                &["-q", "-t", "ext4", "-e", "panic", "-d", tree, image, "16M"],
            );
            let device = made.and_then(|_| run("losetup", &["--find", "--show", image]));
            let Some(device) = device else {
                let _ = std::fs::remove_dir_all(&directory);
                return None;
            };
            std::fs::create_dir_all(directory.join("point")).unwrap();
            let device = PathBuf::from(device.trim());
            Some(Loop { directory, device })
        }

        fn rename(&self, names: (&str, &str)) -> Result<(), RenameError> {
            let point = self.directory.join("point");
            let renaming = Renaming::new(
                &self.device,
                Format::Ext4,
                &point,
                "/loader/entries",
                names,
                &[],
            );
            let result = renaming.unwrap().run();
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
            assert!(!mounts.contains(point.to_str().unwrap()), "it is mounted");
            result
        }

        /// The names of the entries, as somebody else reads them from the image.
        fn names(&self) -> Vec<String> {
            let image = self.directory.join("image");
            let listed = run(
                "debugfs",
                &["-R", "ls -p /loader.0/entries", image.to_str().unwrap()],
            );
            let listed = listed.unwrap();
            let names = listed.lines().filter_map(|line| line.split('/').nth(5));
            let names = names.filter(|name| name.ends_with(".conf"));
            names.map(str::to_owned).collect()
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            let _ = run("losetup", &["--detach", self.device.to_str().unwrap()]);
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }

    #[test]
    fn a_file_gets_its_name_and_nobody_loses_one() {
        let is_root = rustix::process::geteuid().is_root();
        let Some(disk) = is_root.then(Loop::ext4).flatten() else {
            eprintln!("not tested: only root has loop devices");
            return;
        };
        disk.rename(("a+3.conf", "a+2-1.conf")).unwrap();
        assert_eq!(disk.names(), ["b.conf", "a+2-1.conf"]);
        let taken = disk.rename(("a+2-1.conf", "b.conf")).unwrap_err();
        assert_eq!(taken.step, "renaming the file");
        assert_eq!(taken.error, ChildError::Errno(Errno::EXIST));
        let gone = disk.rename(("a+3.conf", "c.conf")).unwrap_err();
        assert_eq!(gone.error, ChildError::Errno(Errno::NOENT));
        assert_eq!(disk.names(), ["b.conf", "a+2-1.conf"]);
        // As a mount for reading only leaves it.
        let device = std::fs::File::open(&disk.device).unwrap();
        set_read_only(&device, true).unwrap();
        disk.rename(("a+2-1.conf", "a+1-2.conf")).unwrap();
        assert_eq!(disk.names(), ["b.conf", "a+1-2.conf"]);
        let image = disk.directory.join("image");
        assert!(run("e2fsck", &["-fn", image.to_str().unwrap()]).is_some());
    }

    #[test]
    fn only_what_survives_a_power_cut_is_written_to() {
        let new = |format| {
            let (device, point) = ("/dev/x".as_ref(), "/x".as_ref());
            Renaming::new(device, format, point, "/", ("a", "b"), &[])
        };
        assert!(new(Format::Fat).is_some() && new(Format::Ext4).is_some());
        assert!(new(Format::Xfs).is_none() && new(Format::Iso9660).is_none());
    }
}
