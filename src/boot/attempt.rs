//! One attempt to boot one entry.

use std::fmt;
use std::os::fd::AsFd;

use super::payload::{Payload, PayloadError};
use super::timeline::{Stage, Timeline};
use crate::entry::{BootEntry, FileRef, PayloadKind};
use crate::fs::{Filesystem, FsError, ReadFile};
use crate::inventory::Inventory;
use crate::kexec::{
    BzImage, CommandLine, CommandLineError, HEADER_LENGTH, Kexec, LoadError, NotBzImage,
};
use crate::text::Printable;

/// Everything that an attempt needs besides the entry.
pub struct Attempt<'a> {
    /// Where the files are.
    pub inventory: &'a Inventory,
    /// Who takes the kernel.
    pub kexec: &'a dyn Kexec,
    /// Bytes of memory that the payload may take; the kernel makes a second copy of it while loading.
    pub memory: u64,
}

/// What was handed over.
#[derive(Debug)]
pub struct Loaded {
    /// The kernel, one part.
    pub kernel: Payload,
    /// What its header says.
    pub image: BzImage,
    /// The initrds, joined; `None` for an entry without, or with nothing in them.
    pub initrd: Option<Payload>,
}

impl Attempt<'_> {
    /// Opens, reads and loads what `entry` names, and notes the time of each stage. `progress` is told
    /// how many bytes of how many are read.
    ///
    /// # Errors
    /// [`AttemptError`]; nothing was loaded.
    pub fn run(
        &self,
        entry: &BootEntry,
        timeline: &mut Timeline,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Loaded, AttemptError> {
        let kernel = match (&entry.kernel, entry.kind) {
            (Some(kernel), PayloadKind::Linux) => kernel,
            _ => return Err(AttemptError::Kind(entry.kind)),
        };
        let (loaded, cmdline) =
            timeline.run(Stage::Read, || self.read_all(entry, kernel, progress))?;
        timeline.run(Stage::Load, || {
            let initrd = loaded.initrd.as_ref().map(AsFd::as_fd);
            self.kexec.load(loaded.kernel.as_fd(), initrd, &cmdline)
        })?;
        Ok(loaded)
    }

    /// Opens all files before it reads the first: what is missing is known at once.
    fn read_all(
        &self,
        entry: &BootEntry,
        kernel: &FileRef,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Loaded, CommandLine), AttemptError> {
        let mut kernel_file = [self.open(kernel)?];
        let initrd_files = entry.initrd.iter().map(|file| self.open(file));
        let mut initrd_files = initrd_files.collect::<Result<Vec<_>, _>>()?;
        let total = kernel_file
            .iter()
            .chain(&initrd_files)
            .fold(0_u64, |sum, file| sum.saturating_add(file.size()));

        let names = std::slice::from_ref(kernel);
        let kernel_payload = self.read(&mut kernel_file, names, self.memory, &mut |done| {
            progress(done, total);
        })?;
        let (image, cmdline) = self.check(entry, kernel, &kernel_payload)?;
        let done_before = kernel_payload.size();
        let left = self.memory.saturating_sub(done_before);
        let initrd = self.read(&mut initrd_files, &entry.initrd, left, &mut |done| {
            progress(done_before.saturating_add(done), total);
        })?;
        let initrd = self.unless_empty(entry, initrd);
        let loaded = Loaded {
            kernel: kernel_payload,
            image,
            initrd,
        };
        Ok((loaded, cmdline))
    }

    /// The kernel refuses initrds of 0 bytes (`EINVAL`): it is started without, as GRUB would.
    fn unless_empty(&self, entry: &BootEntry, initrd: Payload) -> Option<Payload> {
        if initrd.size() == 0 && !entry.initrd.is_empty() {
            let files = self.describe_all(&entry.initrd);
            log::warn!("{}: empty, started without an initrd", Printable(&files));
        }
        (initrd.size() != 0).then_some(initrd)
    }

    /// What can be known of a kernel before the system call.
    fn check(
        &self,
        entry: &BootEntry,
        file: &FileRef,
        kernel: &Payload,
    ) -> Result<(BzImage, CommandLine), AttemptError> {
        let mut head = vec![0; HEADER_LENGTH];
        let n = kernel.head(&mut head).map_err(PayloadError::Memory);
        let n = n.map_err(|error| self.payload_error(std::slice::from_ref(file), error))?;
        let image = BzImage::parse(head.get(..n).unwrap_or_default()).map_err(|reason| {
            let file = self.describe(file);
            AttemptError::NotAKernel { file, reason }
        })?;
        let cmdline = CommandLine::new(&entry.cmdline, image.cmdline_size)?;
        Ok((image, cmdline))
    }

    fn open(&self, file: &FileRef) -> Result<Box<dyn ReadFile + '_>, AttemptError> {
        let filesystem: &dyn Filesystem =
            self.inventory
                .filesystem(file.volume)
                .map_err(|error| AttemptError::Filesystem {
                    file: self.describe(file),
                    error: error.to_string(),
                })?;
        filesystem.open(&file.path).map_err(|error| {
            let file = self.describe(file);
            AttemptError::Open { file, error }
        })
    }

    fn read(
        &self,
        open: &mut [Box<dyn ReadFile + '_>],
        files: &[FileRef],
        limit: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Payload, AttemptError> {
        Payload::read(open, limit, progress).map_err(|error| self.payload_error(files, error))
    }

    /// Names the file that an error is about, or all of them.
    fn payload_error(&self, files: &[FileRef], error: PayloadError) -> AttemptError {
        let files = match error.index().and_then(|index| files.get(index)) {
            Some(file) => self.describe(file),
            None => self.describe_all(files),
        };
        AttemptError::Read { files, error }
    }

    fn describe_all(&self, files: &[FileRef]) -> String {
        let about: Vec<String> = files.iter().map(|file| self.describe(file)).collect();
        about.join(" and ")
    }

    fn describe(&self, file: &FileRef) -> String {
        self.inventory.describe(file).to_string()
    }
}

/// Why an attempt failed. Files are named with disk and partition.
#[derive(Debug)]
pub enum AttemptError {
    /// Entries of this kind can't be booted.
    Kind(PayloadKind),
    /// The filesystem that holds a file could not be opened.
    Filesystem {
        /// The file.
        file: String,
        /// What opening it said.
        error: String,
    },
    /// A file could not be opened.
    Open {
        /// The file.
        file: String,
        /// Why.
        error: FsError,
    },
    /// Files could not be read.
    Read {
        /// Which.
        files: String,
        /// Why.
        error: PayloadError,
    },
    /// The kernel file is none that can be started.
    NotAKernel {
        /// The file.
        file: String,
        /// Why.
        reason: NotBzImage,
    },
    /// The command line can't be handed over.
    CommandLine(CommandLineError),
    /// The running kernel did not take it.
    Load(LoadError),
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttemptError::Kind(kind) => {
                write!(f, "an entry of kind {} can't be booted", kind.name())
            }
            AttemptError::Filesystem { file, error } => {
                write!(f, "the filesystem of {file} can't be read: {error}")
            }
            AttemptError::Open { file, error } => write!(f, "{file} can't be opened: {error}"),
            AttemptError::Read { files, error } => write!(f, "{files} can't be read: {error}"),
            AttemptError::NotAKernel { file, reason } => {
                write!(f, "{file} can't be started: {reason}")
            }
            AttemptError::CommandLine(error) => write!(f, "{error}"),
            AttemptError::Load(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AttemptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AttemptError::Kind(_) | AttemptError::Filesystem { .. } => None,
            AttemptError::Open { error, .. } => Some(error),
            AttemptError::Read { error, .. } => Some(error),
            AttemptError::NotAKernel { reason, .. } => Some(reason),
            AttemptError::CommandLine(error) => Some(error),
            AttemptError::Load(error) => Some(error),
        }
    }
}

impl From<CommandLineError> for AttemptError {
    fn from(error: CommandLineError) -> AttemptError {
        AttemptError::CommandLine(error)
    }
}

impl From<LoadError> for AttemptError {
    fn from(error: LoadError) -> AttemptError {
        AttemptError::Load(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io::{Cursor, Write};
    use std::os::fd::BorrowedFd;
    use std::path::PathBuf;
    use std::sync::Arc;

    use crate::disk::{Disk, Hardware, MemorySource};
    use crate::entry::{EntrySource, Origin, VolumeId};
    use crate::fs::FsPath;

    /// The least that counts as a kernel.
    fn kernel() -> Vec<u8> {
        let mut file = vec![0; 4096];
        for (at, bytes) in [
            (0x1fe, &b"\x55\xaa"[..]),
            (0x202, b"HdrS"),
            (0x206, b"\x0f\x02"),
            (0x211, b"\x01"),
            (0x236, b"\x03\0"),
            (0x238, b"\xff\x07\0\0"),
        ] {
            file[at..at + bytes.len()].copy_from_slice(bytes);
        }
        file
    }

    fn disk(files: &[(&str, &[u8])]) -> Disk {
        let mut image = Cursor::new(vec![0; 1 << 20]);
        fatfs::format_volume(&mut image, fatfs::FormatVolumeOptions::new()).unwrap();
        {
            let options = fatfs::FsOptions::new();
            let filesystem = fatfs::FileSystem::new(&mut image, options).unwrap();
            for (name, content) in files {
                let mut file = filesystem.root_dir().create_file(name).unwrap();
                file.write_all(content).unwrap();
            }
        }
        Disk {
            path: PathBuf::from("disk"),
            source: Arc::new(MemorySource::new(image.into_inner())),
            hardware: Hardware::default(),
        }
    }

    fn file(name: &str) -> FileRef {
        let volume = VolumeId { disk: 0, volume: 0 };
        let path = FsPath::new(name).unwrap();
        FileRef { volume, path }
    }

    /// Remembers whether there was an initrd.
    #[derive(Default)]
    struct Recorder(Cell<Option<bool>>);

    impl Kexec for Recorder {
        fn load(
            &self,
            _kernel: BorrowedFd<'_>,
            initrd: Option<BorrowedFd<'_>>,
            _cmdline: &CommandLine,
        ) -> Result<(), LoadError> {
            self.0.set(Some(initrd.is_some()));
            Ok(())
        }
    }

    #[test]
    fn initrds_that_are_empty_together_are_not_passed() {
        let files = [
            ("kernel", &kernel()[..]),
            ("empty", b""),
            ("initrd", b"cpio"),
        ];
        let mut inventory = Inventory::new();
        inventory.add(disk(&files));
        for (initrds, passed) in [
            (&["initrd"][..], true),
            (&["empty", "initrd"], true),
            (&["empty"], false),
            (&["empty", "empty"], false),
            (&[], false),
        ] {
            let recorder = Recorder::default();
            let attempt = Attempt {
                inventory: &inventory,
                kexec: &recorder,
                memory: 1 << 20,
            };
            let (file_of_entry, line) = (file("entry"), None);
            let origin = Origin {
                file: file_of_entry,
                line,
            };
            let kind = PayloadKind::Linux;
            let mut entry = BootEntry::new("id".to_owned(), EntrySource::Bls, kind, origin);
            entry.kernel = Some(file("kernel"));
            entry.initrd = initrds.iter().map(|name| file(name)).collect();
            let loaded = attempt.run(&entry, &mut Timeline::start(), &mut |_, _| ());
            assert_eq!(loaded.unwrap().initrd.is_some(), passed, "{initrds:?}");
            assert_eq!(recorder.0.get(), Some(passed), "{initrds:?}");
        }
    }
}
