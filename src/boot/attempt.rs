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
    /// The initrds, joined; `None` for an entry without.
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
        let initrd = match initrd_files.is_empty() {
            true => None,
            false => {
                let left = self.memory.saturating_sub(done_before);
                let payload = self.read(&mut initrd_files, &entry.initrd, left, &mut |done| {
                    progress(done_before.saturating_add(done), total);
                })?;
                Some(payload)
            }
        };
        let loaded = Loaded {
            kernel: kernel_payload,
            image,
            initrd,
        };
        Ok((loaded, cmdline))
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
        let about: Vec<String> = match error.index().and_then(|index| files.get(index)) {
            Some(file) => vec![self.describe(file)],
            None => files.iter().map(|file| self.describe(file)).collect(),
        };
        let files = about.join(" and ");
        AttemptError::Read { files, error }
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
