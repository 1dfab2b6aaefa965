//! The reader in user space first; where it gives up, the kernel.

use std::cell::OnceCell;
use std::ops::Range;

use super::btrfs::Btrfs;
use super::ext::Ext;
use super::fat::Fat;
use super::iso9660::Iso9660;
use super::kernel_mount::{KernelMount, Mounted, Target};
use super::xfs::Xfs;
use super::{DirEntry, Filesystem, FsError, FsPath, Metadata, ReadFile, ext};
use crate::disk::{Format, Source, Volume};

/// See [`super::open`].
pub(super) fn open(
    volume: &Volume,
    kernel_mount: Option<&KernelMount>,
) -> Result<Box<dyn Filesystem>, FsError> {
    let source = volume.source.clone();
    let reader: Result<Box<dyn Filesystem>, FsError> = match volume.content.format {
        Some(Format::Fat) => Fat::open(source).map(|fat| Box::new(fat) as Box<dyn Filesystem>),
        Some(format) if ext::is_ext(format) => {
            Ext::open(source).map(|ext| Box::new(ext) as Box<dyn Filesystem>)
        }
        Some(Format::Iso9660) => {
            Iso9660::open(source).map(|iso| Box::new(iso) as Box<dyn Filesystem>)
        }
        Some(Format::Btrfs) => {
            Btrfs::open(source).map(|btrfs| Box::new(btrfs) as Box<dyn Filesystem>)
        }
        Some(Format::Xfs) => Xfs::open(source).map(|xfs| Box::new(xfs) as Box<dyn Filesystem>),
        Some(format) => Err(FsError::Unsupported(format!("no reader for {format}"))),
        None => Err(FsError::Unsupported(
            "no filesystem that is known".to_owned(),
        )),
    };
    let mount = kernel_mount
        .zip(Target::of(volume))
        .map(|(kernel, target)| Mount {
            kernel: kernel.clone(),
            target,
            mounted: OnceCell::new(),
        });
    match (reader, mount) {
        (Ok(reader), Some(mount)) => Ok(Box::new(Fallback { reader, mount })),
        (Err(FsError::Unsupported(reason)), Some(mount)) => {
            log::info!("{}: asking the kernel, {reason}", mount.target.name());
            match mount.now() {
                Ok(_) => Ok(Box::new(mount)),
                Err(refusal) => Err(both(&reason, refusal)),
            }
        }
        (Err(FsError::Unsupported(reason)), None) if volume.assembled.is_some() => {
            Err(FsError::Unsupported(format!(
                "{reason} (the kernel has no device for what is put together here)"
            )))
        }
        (Err(FsError::Unsupported(reason)), None) => Err(FsError::Unsupported(format!(
            "{reason} (only the boot loader itself can ask its kernel to read it)"
        ))),
        (reader, _) => reader,
    }
}

/// A mount that is made when it is first needed.
struct Mount {
    kernel: KernelMount,
    target: Target,
    mounted: OnceCell<Result<Mounted, String>>,
}

impl Mount {
    fn now(&self) -> Result<&dyn Filesystem, FsError> {
        if self.mounted.get().is_none() {
            let mounted = match self.kernel.mount(&self.target) {
                // That it took too long this time says nothing of the next.
                Err(FsError::Io(error)) => return Err(FsError::Io(error)),
                mounted => mounted.map_err(|error| error.to_string()),
            };
            let _ = self.mounted.set(mounted);
        }
        match self.mounted.get() {
            Some(Ok(mounted)) => Ok(&mounted.directory),
            Some(Err(reason)) => Err(FsError::Unsupported(reason.clone())),
            None => Err(FsError::NotFound),
        }
    }
}

impl Filesystem for Mount {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        self.now()?.metadata(path)
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        self.now()?.read_dir(path)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        self.now()?.open(path)
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        self.now()?.image(path)
    }

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        self.now().ok()?.identify(path)
    }
}

/// A reader, and the kernel for what it does not read.
struct Fallback {
    reader: Box<dyn Filesystem>,
    mount: Mount,
}

impl Fallback {
    /// What the reader says, unless it gives up and the kernel does not.
    fn ask<'a, T>(
        &'a self,
        question: impl Fn(&'a dyn Filesystem) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        match question(self.reader.as_ref()) {
            Err(FsError::Unsupported(reason)) => {
                log::info!("{}: asking the kernel, {reason}", self.mount.target.name());
                question(&self.mount).map_err(|refusal| both(&reason, refusal))
            }
            answer => answer,
        }
    }
}

/// What both have said, where both refuse.
fn both(reader: &str, kernel: FsError) -> FsError {
    match kernel {
        FsError::Unsupported(kernel) => FsError::Unsupported(format!("{reader}; {kernel}")),
        other => other,
    }
}

impl Filesystem for Fallback {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        self.ask(|filesystem| filesystem.metadata(path))
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        self.ask(|filesystem| filesystem.read_dir(path))
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        Ok(Box::new(OpenFile {
            file: self.ask(|filesystem| filesystem.open(path))?,
            path: path.clone(),
            mount: &self.mount,
        }))
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        self.ask(|filesystem| filesystem.image(path))
    }

    fn locate(&self, path: &FsPath, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        // A mount does not tell.
        self.reader.locate(path, limit)
    }

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        // A mount has other numbers.
        self.reader.identify(path)
    }

    fn problem(&self) -> Option<&str> {
        self.reader.problem()
    }
}

/// A file whose reader may give up in the middle.
struct OpenFile<'a> {
    file: Box<dyn ReadFile + 'a>,
    path: FsPath,
    mount: &'a Mount,
}

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        match self.file.read_at(offset, buf) {
            Err(FsError::Unsupported(reason)) => {
                log::info!("{}: asking the kernel, {reason}", self.mount.target.name());
                let file = self.mount.open(&self.path);
                let file = file.map_err(|refusal| both(&reason, refusal))?;
                if file.size() != self.file.size() {
                    let text = "the kernel sees another length of the file";
                    return Err(FsError::Corrupt(text.to_owned()));
                }
                self.file = file;
                self.file.read_at(offset, buf)
            }
            answer => answer,
        }
    }
}
