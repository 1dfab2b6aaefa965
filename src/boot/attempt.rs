//! One attempt to boot one entry.

use std::fmt;
use std::os::fd::AsFd;

use super::initrd;
use super::payload::{Draft, Part, Payload, PayloadError};
use super::reading::Reading;
use super::step::Step;
use super::summary::{self, Summary};
use super::timeline::{Stage, Timeline};
use super::unified;
use crate::entry::{BootEntry, FileRef, PayloadKind};
use crate::fs::FsError;
use crate::inventory::Inventory;
use crate::kexec::{
    BzImage, CommandLine, CommandLineError, Handover, Kexec, LoadError, NotBzImage, ZbootError,
};
use crate::pe::PeError;
use crate::text::Printable;
use crate::trust::coverage::{Facts, Piece, Verdict};
use crate::trust::{Authority, Role, Rules};

/// Everything that an attempt needs besides the entry.
pub struct Attempt<'a> {
    /// Where the files are.
    pub inventory: &'a Inventory,
    /// Who takes the kernel.
    pub kexec: &'a dyn Kexec,
    /// Bytes of memory that the payload may take; the kernel makes a second copy of it while loading.
    pub memory: u64,
    /// Who decides whether it may be loaded.
    pub authority: &'a Authority,
    /// Who writes the report that the system gets behind its initrds, if it gets one.
    pub summary: Option<&'a Summary<'a>>,
}

/// What was handed over.
#[derive(Debug)]
pub struct Loaded {
    /// The kernel.
    pub kernel: Payload,
    /// What its header says.
    pub image: BzImage,
    /// The initrds, joined; `None` for an entry without, or with nothing in them.
    pub initrd: Option<Payload>,
    /// Every file that was read, in the order of reading.
    pub files: Vec<(FileRef, Part)>,
    /// The command line, with what the policy adds.
    pub cmdline: String,
    /// What is covered by whose signature.
    pub verdict: Verdict,
}

/// What was read, before it is loaded.
pub(super) struct Parts {
    pub(super) kernel: Payload,
    pub(super) image: BzImage,
    pub(super) initrd: Draft,
    /// Of what was read.
    pub(super) cmdline: String,
}

/// All that was read, with what is known of it.
struct Complete {
    kernel: Payload,
    image: BzImage,
    initrd: Draft,
    files: Vec<(FileRef, Part)>,
    own: Way,
    /// Those of its twins.
    twins: Vec<Way>,
}

/// What the entry, or one of its twins, makes of what was read.
struct Way {
    cmdline: CommandLine,
    facts: Facts,
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
        let mut watch = |step| {
            if let Step::Read(done, all) = step {
                progress(done, all);
            }
            true
        };
        self.run_watched(entry, timeline, &mut watch)
    }

    /// As [`run`](Attempt::run), and `watch` is told each step. Reading ends when it says `false`.
    ///
    /// # Errors
    /// [`AttemptError`]; nothing was loaded.
    pub fn run_watched(
        &self,
        entry: &BootEntry,
        timeline: &mut Timeline,
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Loaded, AttemptError> {
        let Complete {
            kernel,
            image,
            initrd,
            files,
            own,
            twins,
        } = timeline.run(Stage::Read, || self.read(entry, watch))?;
        let rules = self.authority.rules();
        let way = choose(rules, &own, &twins);
        if way.facts.entry != own.facts.entry {
            log::info!("vouched for as {}", Printable(&way.facts.entry));
        }
        let initrd = self
            .complete(initrd, |summary| {
                summary(&files, &rules.judge(&way.facts), timeline)
            })
            .map_err(|error| AttemptError::Read {
                file: self.describe(&entry.origin.file),
                error,
            })?;
        let initrd = self.unless_empty(entry, initrd);
        let what = Handover {
            kernel: kernel.as_fd(),
            initrd: initrd.as_ref().map(AsFd::as_fd),
            cmdline: &way.cmdline,
        };
        // Between what was read and what is loaded stands this alone.
        let cleared = timeline.run(Stage::Verify, || rules.clear(what, &way.facts));
        let cleared = cleared.map_err(AttemptError::Refused)?;
        watch(Step::Load);
        let loaded = timeline.run(Stage::Load, || self.kexec.load(&cleared));
        let verdict = cleared.verdict().clone();
        if let Err(error) = loaded {
            let file = entry.kernel.as_ref().unwrap_or(&entry.origin.file);
            return Err(AttemptError::Load {
                file: self.describe(file),
                error,
                verdict: Box::new(verdict),
            });
        }
        Ok(Loaded {
            kernel,
            image,
            initrd,
            files,
            cmdline: way.cmdline.as_c_str().to_string_lossy().into_owned(),
            verdict,
        })
    }

    /// What would be decided of an entry whose files were read now. Nothing is loaded. Each piece is named by its path.
    /// The authority has to look at something. `watch` is told each step; reading ends when it says `false`.
    ///
    /// # Errors
    /// [`AttemptError`].
    pub fn prove(
        &self,
        entry: &BootEntry,
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Verdict, AttemptError> {
        let read = self.read(entry, watch)?;
        let rules = self.authority.rules();
        let mut facts = choose(rules, &read.own, &read.twins).facts.clone();
        name(&mut facts, &read.files);
        Ok(rules.judge(&facts))
    }

    /// What is known of an entry: its files are read and hashed, and nothing is decided and nothing loaded. Each
    /// piece is named by its path. The authority has to look at something. `watch` is told each step; reading ends
    /// when it says `false`.
    ///
    /// # Errors
    /// [`AttemptError`].
    pub fn look(
        &self,
        entry: &BootEntry,
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Facts, AttemptError> {
        let read = self.read(entry, watch)?;
        let mut facts = read.own.facts;
        name(&mut facts, &read.files);
        Ok(facts)
    }

    fn read(
        &self,
        entry: &BootEntry,
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Complete, AttemptError> {
        let mut reading = Reading::new(self, watch);
        let parts = match (&entry.kernel, entry.kind, &entry.unified) {
            (Some(kernel), PayloadKind::Linux, _) => linux(entry, kernel, &mut reading),
            (Some(image), PayloadKind::Uki, Some(unified)) => {
                unified::read(image, unified, &mut reading)
            }
            _ => Err(AttemptError::Kind(entry.kind)),
        }?;
        if parts.cmdline != entry.cmdline {
            let entry = self.describe(&entry.origin.file);
            return Err(AttemptError::Changed { entry });
        }
        let parameters = &self.authority.rules().parameters;
        let limit = parts.image.cmdline_size;
        let cmdline = |text: &str| CommandLine::new(&parameters.extend(text), limit);
        if reading.evidence.is_wanted() {
            reading.tell(Step::Prove);
        }
        let files = reading.files;
        let (facts, twins) = reading.evidence.finish(entry, &parts);
        let own = Way {
            cmdline: cmdline(&parts.cmdline)?,
            facts,
        };
        let twins = twins.into_iter().filter_map(|facts| {
            let cmdline = cmdline(&facts.cmdline.text).ok()?;
            Some(Way { cmdline, facts })
        });
        let twins = twins.collect();
        Ok(Complete {
            kernel: parts.kernel,
            image: parts.image,
            initrd: parts.initrd,
            files,
            own,
            twins,
        })
    }

    /// The initrds as they are handed over: with the report behind them, if there is one. A system without an initrd
    /// gets none for that.
    fn complete(
        &self,
        initrd: Draft,
        write: impl FnOnce(&Summary<'_>) -> String,
    ) -> Result<Payload, PayloadError> {
        if let (Some(summary), false) = (self.summary, initrd.is_empty()) {
            summary::append(&initrd, &write(summary))?;
        }
        initrd.seal()
    }

    /// The kernel refuses initrds of 0 bytes (`EINVAL`): it is started without, as GRUB would.
    fn unless_empty(&self, entry: &BootEntry, initrd: Payload) -> Option<Payload> {
        if initrd.size() == 0 && !entry.initrd.is_empty() {
            let files = entry.initrd.iter().map(|f| self.describe(&f.file));
            let files: Vec<String> = files.collect();
            let files = files.join(" and ");
            log::warn!("{}: empty, started without an initrd", Printable(&files));
        }
        (initrd.size() != 0).then_some(initrd)
    }

    pub(super) fn describe(&self, file: &FileRef) -> String {
        self.inventory.describe(file).to_string()
    }
}

/// The way to the entry that the rules clear: where nobody vouches for its own, somebody may do so for that of one that
/// starts the same. Its own where they clear none.
fn choose<'a>(rules: &Rules, own: &'a Way, twins: &'a [Way]) -> &'a Way {
    let mut ways = std::iter::once(own).chain(twins);
    let clear = ways.find(|way| rules.judge(&way.facts).is_clear());
    clear.unwrap_or(own)
}

/// Names each piece by its path.
fn name(facts: &mut Facts, files: &[(FileRef, Part)]) {
    for (piece, (file, _)) in facts.pieces.iter_mut().zip(files) {
        piece.file = file.path.to_string();
    }
}

/// Reads a kernel and its initrds.
fn linux(
    entry: &BootEntry,
    kernel: &FileRef,
    reading: &mut Reading<'_>,
) -> Result<Parts, AttemptError> {
    let source = reading.open(kernel)?;
    let initrds = entry.initrd.iter().map(|initrd| &initrd.file);
    let initrds = reading.open_all(initrds)?;
    let extras = match &entry.unified {
        Some(unified) => unified::open_extras(unified, reading)?,
        None => Vec::new(),
    };
    let bytes = reading.draft(kernel)?;
    let whole = bytes.whole(&source.stream);
    reading.read(source, &mut [whole], Piece::of(Role::Kernel))?;
    let (payload, image) = reading.kernel(kernel, bytes)?;
    // What can't be handed over is known before the initrds are read.
    CommandLine::new(&entry.cmdline, image.cmdline_size)?;
    let initrd = reading.draft(kernel)?;
    initrd::read(&entry.initrd, initrds, &initrd, reading)?;
    unified::read_extras(kernel, extras, &initrd, reading)?;
    Ok(Parts {
        kernel: payload,
        image,
        initrd,
        cmdline: entry.cmdline.clone(),
    })
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
    /// The files are longer than what is free for them.
    TooLarge {
        /// The file with which they are.
        file: String,
        /// How many bytes they have together.
        size: u64,
        /// How many bytes of memory are free for them.
        limit: u64,
    },
    /// A file could not be read.
    Read {
        /// Which.
        file: String,
        /// Why.
        error: PayloadError,
    },
    /// A file is no EFI program any more.
    NotAnImage {
        /// The file.
        file: String,
        /// Why.
        error: PeError,
    },
    /// The kernel that a file holds can't be unpacked.
    Packed {
        /// The file.
        file: String,
        /// Why.
        reason: ZbootError,
    },
    /// Something in a unified kernel image is not as it has to be.
    Image {
        /// The file.
        file: String,
        /// What.
        reason: String,
    },
    /// A file is not the one that a stub names with its hash.
    Pinned {
        /// The file.
        file: String,
        /// The stub.
        stub: String,
    },
    /// What was read leads to another command line than what was listed.
    Changed {
        /// Where the entry is from.
        entry: String,
    },
    /// The kernel file is none that can be started.
    NotAKernel {
        /// The file.
        file: String,
        /// Why.
        reason: NotBzImage,
    },
    /// The policy does not let it boot.
    Refused(Box<Verdict>),
    /// The command line can't be handed over.
    CommandLine(CommandLineError),
    /// The running kernel did not take it.
    Load {
        /// The file with the kernel.
        file: String,
        /// Why.
        error: LoadError,
        /// Why the policy let it pass.
        verdict: Box<Verdict>,
    },
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
            AttemptError::TooLarge { file, size, limit } => write!(
                f,
                "with {file} the files have {size} bytes, and {limit} bytes of memory are free for them"
            ),
            AttemptError::Read { file, error } => write!(f, "{file} can't be read: {error}"),
            AttemptError::NotAnImage { file, error } => {
                write!(f, "{file} can't be started: {error}")
            }
            AttemptError::Image { file, reason } => {
                write!(f, "{file} can't be started: {reason}")
            }
            AttemptError::Pinned { file, stub } => write!(
                f,
                "{file} does not have the SHA-256 that {stub} names: it was changed or is damaged"
            ),
            AttemptError::Changed { entry } => write!(
                f,
                "{entry}: the command line in it is not the one that was listed: it changed meanwhile"
            ),
            AttemptError::NotAKernel { file, reason } => {
                write!(f, "{file} can't be started: {reason}")
            }
            AttemptError::Packed { file, reason } => {
                write!(f, "{file} can't be started: {reason}")
            }
            AttemptError::Refused(verdict) => write!(f, "{verdict}"),
            AttemptError::CommandLine(error) => write!(f, "{error}"),
            AttemptError::Load { file, error, .. } => write!(f, "{file}: {error}"),
        }
    }
}

impl std::error::Error for AttemptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AttemptError::Kind(_)
            | AttemptError::Filesystem { .. }
            | AttemptError::TooLarge { .. }
            | AttemptError::Image { .. }
            | AttemptError::Pinned { .. }
            | AttemptError::Refused(_)
            | AttemptError::Changed { .. } => None,
            AttemptError::NotAnImage { error, .. } => Some(error),
            AttemptError::Open { error, .. } => Some(error),
            AttemptError::Read { error, .. } => Some(error),
            AttemptError::NotAKernel { reason, .. } => Some(reason),
            AttemptError::Packed { reason, .. } => Some(reason),
            AttemptError::CommandLine(error) => Some(error),
            AttemptError::Load { error, .. } => Some(error),
        }
    }
}

impl From<CommandLineError> for AttemptError {
    fn from(error: CommandLineError) -> AttemptError {
        AttemptError::CommandLine(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io::{Cursor, Write};
    use std::path::PathBuf;
    use std::sync::Arc;

    use crate::disk::{Disk, Hardware, MemorySource};
    use crate::entry::{EntrySource, Origin, VolumeId};
    use crate::fs::FsPath;
    use crate::kexec::{least_kernel, zboot};
    use crate::trust::coverage::Cleared;

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
        fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
            self.0.set(Some(what.payload().initrd.is_some()));
            Ok(())
        }
    }

    /// Remembers the beginning of the kernel.
    #[derive(Default)]
    struct Beginning(Cell<[u8; 4]>);

    impl Kexec for Beginning {
        fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
            let mut bytes = [0; 4];
            rustix::io::pread(what.payload().kernel, &mut bytes, 0x202).unwrap();
            self.0.set(bytes);
            Ok(())
        }
    }

    /// A frame of Zstandard with the bytes as they are.
    fn zstd(content: &[u8]) -> Vec<u8> {
        let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
        let head = (content.len() as u32) << 3 | 1;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.extend(content);
        frame
    }

    #[test]
    fn a_kernel_that_would_unpack_itself_is_unpacked() {
        let packed = zboot("zstd", &zstd(&least_kernel()));
        let nothing = zboot("zstd", &zstd(b"no kernel"));
        let mut cut = packed.clone();
        cut.pop();
        let other = zboot("lzma", b"");
        let files = [
            ("packed", &packed[..]),
            ("nothing", &nothing),
            ("cut", &cut),
            ("other", &other),
        ];
        let mut inventory = Inventory::new();
        inventory.add(disk(&files));
        let start = |name: &str, memory| {
            let kexec = Beginning::default();
            let attempt = Attempt {
                inventory: &inventory,
                kexec: &kexec,
                memory,
                authority: &Authority::off(),
                summary: None,
            };
            let origin = Origin {
                file: file(name),
                line: None,
            };
            let kind = PayloadKind::Linux;
            let mut entry = BootEntry::new("id".to_owned(), EntrySource::Bls, kind, origin);
            entry.kernel = Some(file(name));
            let loaded = attempt.run(&entry, &mut Timeline::start(), &mut |_, _| ());
            let loaded = loaded.map_err(|error| error.to_string())?;
            // What is hashed is the file.
            assert_eq!(loaded.files[0].1.size, packed.len() as u64);
            assert_eq!(&kexec.0.get(), b"HdrS");
            Ok::<u64, String>(loaded.kernel.size())
        };
        assert_eq!(start("packed", 1 << 20), Ok(4096));
        let damaged = "can't be started: the kernel in it can't be unpacked: it is damaged, or becomes longer than 255 bytes";
        for (name, memory, reason) in [
            ("packed", 5000, damaged),
            (
                "nothing",
                1 << 20,
                "can't be started: it is no x86 Linux kernel: no setup header",
            ),
            (
                "cut",
                1 << 20,
                "can't be started: it is cut off: it has 4232 bytes of a kernel of 4233; copy it again",
            ),
            (
                "other",
                1 << 20,
                "can't be started: the kernel in it is packed with lzma, and only gzip and zstd are unpacked here",
            ),
        ] {
            let error = start(name, memory).unwrap_err();
            assert!(error.ends_with(reason), "{error}");
        }
    }

    /// An entry with this kernel and these initrds.
    fn entry(initrds: &[&str]) -> BootEntry {
        let (file_of_entry, line) = (file("entry"), None);
        let origin = Origin {
            file: file_of_entry,
            line,
        };
        let kind = PayloadKind::Linux;
        let mut entry = BootEntry::new("id".to_owned(), EntrySource::Bls, kind, origin);
        entry.kernel = Some(file("kernel"));
        entry.initrd = initrds.iter().map(|name| file(name).into()).collect();
        entry
    }

    #[test]
    fn initrds_that_are_empty_together_are_not_passed() {
        let files = [
            ("kernel", &least_kernel()[..]),
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
                authority: &Authority::off(),
                summary: None,
            };
            let loaded = attempt.run(&entry(initrds), &mut Timeline::start(), &mut |_, _| ());
            assert_eq!(loaded.unwrap().initrd.is_some(), passed, "{initrds:?}");
            assert_eq!(recorder.0.get(), Some(passed), "{initrds:?}");
        }
    }

    #[test]
    fn the_report_stands_behind_what_was_read() {
        let files = [
            ("kernel", &least_kernel()[..]),
            ("empty", b""),
            ("initrd", b"cpio!"),
        ];
        let mut inventory = Inventory::new();
        inventory.add(disk(&files));
        let summary = |files: &[(FileRef, Part)], verdict: &Verdict, timeline: &Timeline| {
            assert!(!timeline.spent(Stage::Read).is_zero());
            format!("{} files, {}", files.len(), verdict.mode.name())
        };
        for (initrds, expected) in [
            (&["initrd"][..], Some("2 files, off")),
            (&["initrd", "empty", "initrd"], Some("4 files, off")),
            (&["empty"], None),
            (&[], None),
        ] {
            let attempt = Attempt {
                inventory: &inventory,
                kexec: &Recorder::default(),
                memory: 1 << 20,
                authority: &Authority::off(),
                summary: Some(&summary),
            };
            let loaded = attempt.run(&entry(initrds), &mut Timeline::start(), &mut |_, _| ());
            let loaded = loaded.unwrap();
            assert_eq!(loaded.files.len(), initrds.len() + 1);
            let archive = loaded.initrd.map(|initrd| {
                let bytes = initrd.part(&(0..initrd.size())).unwrap();
                assert!(bytes.starts_with(b"cpio!\0\0\0"));
                let text = String::from_utf8(bytes).unwrap();
                text.get(text.find("070701").unwrap()..).unwrap().to_owned()
            });
            let names = [
                ".extra\0",
                ".extra/pilotlight\0",
                ".extra/pilotlight/boot.json\0",
            ];
            match (archive, expected) {
                (Some(archive), Some(expected)) => {
                    assert!(
                        names.iter().all(|name| archive.contains(name)),
                        "{archive:?}"
                    );
                    assert!(archive.contains(expected) && archive.contains("TRAILER!!!\0"));
                }
                (archive, expected) => assert_eq!(archive.as_deref(), expected),
            }
        }
    }
}
