//! A directory of the running system as a filesystem: what lies at a kernel mount.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{
    DirEntry, FileKind, Filesystem, FsError, FsPath, MAX_DIRECTORY_ENTRIES, Metadata, ReadFile,
};
use crate::disk::{FileSource, ReadAt, Source};

/// A directory that is the root of everything below it: no path and no link leads out of it.
pub(super) struct Directory(OwnedFd);

impl Directory {
    /// Opens `path` as a root.
    ///
    /// # Errors
    /// It is no directory, or may not be opened.
    pub(super) fn open(path: &Path) -> Result<Directory, FsError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(error)?;
        Ok(Directory(root))
    }

    /// Opens what `path` leads to. Absolute links begin at this root; devices of other filesystems
    /// and the links of `/proc` are refused.
    fn find(&self, path: &FsPath, flags: OFlags) -> Result<OwnedFd, FsError> {
        let relative = path.as_str().trim_start_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = flags | OFlags::CLOEXEC;
        let found = rustix::fs::openat2(&self.0, relative, flags, Mode::empty(), resolve);
        found.map_err(error)
    }

    /// Opens a regular file.
    fn content(&self, path: &FsPath) -> Result<FileSource, FsError> {
        // Looked at before it is opened: opening a device would do something to it.
        if self.metadata(path)?.kind != FileKind::File {
            return Err(FsError::NotAFile);
        }
        // Should it have become a pipe meanwhile, opening does not wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.find(path, flags)?);
        let metadata = file.metadata().map_err(FsError::Io)?;
        match metadata.is_file() {
            true => FileSource::new(file).map_err(FsError::Io),
            false => Err(FsError::NotAFile),
        }
    }
}

impl Filesystem for Directory {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let found = self.find(path, OFlags::PATH)?;
        let stat = rustix::fs::statat(&found, "", AtFlags::EMPTY_PATH).map_err(error)?;
        let kind = kind(FileType::from_raw_mode(stat.st_mode));
        Ok(Metadata {
            kind,
            size: match kind {
                FileKind::File => u64::try_from(stat.st_size).unwrap_or_default(),
                _ => 0,
            },
            modified: Some(stat.st_mtime),
        })
    }

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        let found = self.find(path, OFlags::PATH).ok()?;
        let stat = rustix::fs::statat(&found, "", AtFlags::EMPTY_PATH).ok()?;
        Some([stat.st_dev, stat.st_ino])
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let found = self.find(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut list = Vec::new();
        for entry in rustix::fs::Dir::new(found).map_err(error)? {
            let entry = entry.map_err(error)?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if matches!(name, "." | "..") {
                continue;
            }
            if list.len() >= MAX_DIRECTORY_ENTRIES {
                return Err(FsError::TooLarge(format!(
                    "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
                )));
            }
            list.push(DirEntry {
                name: name.to_owned(),
                kind: kind(entry.file_type()),
            });
        }
        list.sort_unstable();
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        Ok(Box::new(OpenFile(self.content(path)?)))
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        // The open file keeps the mount alive, wherever that is released.
        Ok(Arc::new(self.content(path)?))
    }
}

struct OpenFile(FileSource);

impl ReadFile for OpenFile {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        self.0.read_at(offset, buf).map_err(FsError::Io)
    }
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

fn error(errno: Errno) -> FsError {
    match errno {
        Errno::NOENT => FsError::NotFound,
        Errno::NOTDIR => FsError::NotADirectory,
        Errno::ISDIR | Errno::NXIO => FsError::NotAFile,
        Errno::LOOP => FsError::Corrupt("a symbolic link that leads to itself".to_owned()),
        // `EUCLEAN`, which filesystems return for damage.
        Errno::UCLEAN => FsError::Corrupt("the kernel finds it damaged".to_owned()),
        errno => FsError::Io(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    struct Tree(PathBuf);

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn tree(name: &str) -> (Tree, Directory) {
        let name = format!("pilotlight-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("boot/grub")).unwrap();
        fs::write(root.join("boot/vmlinuz"), b"kernel").unwrap();
        fs::write(root.join("passwd"), b"inside").unwrap();
        symlink("vmlinuz", root.join("boot/link")).unwrap();
        symlink("/passwd", root.join("boot/absolute")).unwrap();
        symlink("../../../../etc/passwd", root.join("boot/escape")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink(".", root.join("here")).unwrap();
        symlink("/proc/self/root/etc/passwd", root.join("magic")).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            root.join("pipe"),
            Mode::from_raw_mode(0o600),
        )
        .unwrap();
        let directory = Directory::open(&root).unwrap();
        (Tree(root), directory)
    }

    fn path(text: &str) -> FsPath {
        FsPath::new(text).unwrap()
    }

    #[test]
    fn reads_below_its_root_and_never_leaves_it() {
        let (_tree, directory) = tree("read");
        let read = |name: &str| directory.read(&path(name), 100);
        assert_eq!(read("/boot/vmlinuz").unwrap(), b"kernel");
        assert_eq!(read("/boot/link").unwrap(), b"kernel");
        assert_eq!(read("/boot/absolute").unwrap(), b"inside");
        assert!(matches!(read("/boot/escape"), Err(FsError::NotFound)));
        assert!(read("/magic").is_err());
        assert!(matches!(read("/loop"), Err(FsError::Corrupt(_))));
        assert!(matches!(read("/pipe"), Err(FsError::NotAFile)));
        assert!(matches!(read("/boot"), Err(FsError::NotAFile)));
        assert!(matches!(
            read("/boot/vmlinuz/x"),
            Err(FsError::NotADirectory)
        ));
        let identity = |name: &str| directory.identify(&path(name));
        assert_eq!(identity("/here/here/boot"), identity("/boot"));
        assert_ne!(identity("/boot"), identity("/"));
        assert_eq!(identity("/gone"), None);
        let long = directory.read(&path("/boot/vmlinuz"), 3);
        assert!(matches!(long, Err(FsError::TooLarge(_))));
    }

    #[test]
    fn lists_in_order() {
        let (_tree, directory) = tree("list");
        let list = directory.read_dir(&path("/boot")).unwrap();
        let names: Vec<&str> = list.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["absolute", "escape", "grub", "link", "vmlinuz"]);
        assert_eq!(list[2].kind, FileKind::Directory);
        assert_eq!(list[3].kind, FileKind::Symlink);
        let error = directory.read_dir(&path("/passwd"));
        assert!(matches!(error, Err(FsError::NotADirectory)));
    }
}
