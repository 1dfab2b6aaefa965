//! [`Reading`]: the files of an entry, each read once.

use super::attempt::{Attempt, AttemptError};
use super::evidence::Evidence;
use super::payload::{Draft, Part, Payload, PayloadError};
use super::step::Step;
use super::stream::{Route, Stream};
use super::witness::Witness;
use crate::entry::FileRef;
use crate::kexec::{BzImage, HEADER_LENGTH, Kernel, NotStartable, Zboot, ZbootError};
use crate::pe::{FIRST_READ, Image, MAX_HEADERS, PeError};
use crate::trust::Role;
use crate::trust::appended::MAX_TAIL;
use crate::trust::coverage::Piece;

/// No kernel is longer when it is unpacked, in bytes.
const MAX_KERNEL: usize = 512 << 20;

/// What was opened and read for one attempt.
pub(super) struct Reading<'a> {
    attempt: &'a Attempt<'a>,
    /// Told each step; says whether to read on.
    watch: &'a mut dyn FnMut(Step) -> bool,
    /// Bytes of all files that were opened.
    total: u64,
    /// Bytes of all files that were read.
    done: u64,
    /// The files that were read.
    pub(super) files: Vec<(FileRef, Part)>,
    /// What is known of them.
    pub(super) evidence: Evidence<'a>,
}

/// A file that was opened.
pub(super) struct Source<'a> {
    pub(super) file: FileRef,
    pub(super) stream: Stream<'a>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        attempt: &'a Attempt<'a>,
        watch: &'a mut dyn FnMut(Step) -> bool,
    ) -> Reading<'a> {
        Reading {
            attempt,
            watch,
            total: 0,
            done: 0,
            files: Vec::new(),
            evidence: Evidence::new(attempt.inventory, attempt.authority),
        }
    }

    /// Opens a file. All of an entry are opened before the first is read: what is missing, or does not fit
    /// into memory, is known at once.
    pub(super) fn open(&mut self, file: &FileRef) -> Result<Source<'a>, AttemptError> {
        let attempt = self.attempt;
        let filesystem = attempt.inventory.filesystem(file.volume);
        let filesystem = filesystem.map_err(|error| AttemptError::Filesystem {
            file: attempt.describe(file),
            error: error.to_string(),
        })?;
        let open = filesystem.open(&file.path);
        let stream = open.map(Stream::new).map_err(|error| AttemptError::Open {
            file: attempt.describe(file),
            error,
        })?;
        self.total = self.total.saturating_add(stream.size());
        if self.total > attempt.memory {
            return Err(AttemptError::TooLarge {
                file: attempt.describe(file),
                size: self.total,
                limit: attempt.memory,
            });
        }
        let file = file.clone();
        Ok(Source { file, stream })
    }

    /// Opens several.
    pub(super) fn open_all<'f>(
        &mut self,
        files: impl IntoIterator<Item = &'f FileRef>,
    ) -> Result<Vec<Source<'a>>, AttemptError> {
        files.into_iter().map(|file| self.open(file)).collect()
    }

    /// The headers of an EFI program, from the bytes that will be hashed with the rest of it.
    pub(super) fn image(&self, source: &mut Source<'_>) -> Result<Image, AttemptError> {
        let size = source.stream.size();
        let mut wanted = FIRST_READ;
        loop {
            let head = source.stream.head(wanted);
            let head = head.map_err(|error| self.error(&source.file, error))?;
            match Image::parse(head, size) {
                Err(PeError::Longer(end)) if end > wanted && end <= MAX_HEADERS => wanted = end,
                Err(error) => {
                    let file = self.attempt.describe(&source.file);
                    return Err(AttemptError::NotAnImage { file, error });
                }
                Ok(image) => return Ok(image),
            }
        }
    }

    /// A new draft, for what is read of `file`.
    pub(super) fn draft(&self, file: &FileRef) -> Result<Draft, AttemptError> {
        Draft::new().map_err(|error| self.error(file, error))
    }

    /// Reads a file, sends its bytes where they go, and returns the SHA-256 of all of them. `piece` says what it
    /// is for.
    pub(super) fn read(
        &mut self,
        mut source: Source<'_>,
        routes: &mut [Route<'_>],
        piece: Piece,
    ) -> Result<[u8; 32], AttemptError> {
        let mut witness = match self.evidence.is_wanted() {
            true => Some(self.witness(&mut source, &piece)?),
            false => None,
        };
        let Source { file, stream } = source;
        let size = stream.size();
        let (before, total) = (self.done, self.total);
        let watch = &mut self.watch;
        let part = stream.run(routes, witness.as_mut(), &mut |done| {
            watch(Step::Read(before.saturating_add(done), total))
        });
        let part = part.map_err(|error| self.error(&file, error))?;
        self.done = self.done.saturating_add(size);
        let sha256 = part.sha256;
        if let Some(witness) = witness {
            self.evidence.add(&file, piece, sha256, witness);
        }
        self.files.push((file, part));
        Ok(sha256)
    }

    /// Who looks at a file while it is read.
    fn witness(&self, source: &mut Source<'_>, piece: &Piece) -> Result<Witness<'a>, AttemptError> {
        let image = self.image(source).ok();
        let tail = match piece.roles.contains(&Role::Kernel) {
            true => Some(source.stream.tail(MAX_TAIL)),
            false => None,
        };
        let tail = tail
            .transpose()
            .map_err(|error| self.error(&source.file, error))?;
        let size = source.stream.size();
        Ok(self
            .evidence
            .witness(&source.file, size, image.as_ref(), tail.as_deref()))
    }

    /// What can be known of a kernel before the system call. One that would unpack itself is unpacked.
    pub(super) fn kernel(
        &mut self,
        file: &FileRef,
        kernel: Draft,
    ) -> Result<(Payload, BzImage), AttemptError> {
        let mut kernel = kernel.seal().map_err(|error| self.error(file, error))?;
        let mut head = self.head(file, &kernel)?;
        let found = match Kernel::examine(&head, kernel.size()) {
            Ok(Kernel::Packed(zboot)) => {
                self.tell(Step::Unpack);
                kernel = self.unpack(file, &kernel, &zboot)?;
                head = self.head(file, &kernel)?;
                BzImage::parse(&head, kernel.size())
            }
            Ok(Kernel::Plain(image)) => Ok(image),
            Err(NotStartable::Plain(reason)) => Err(reason),
            Err(NotStartable::Packed(reason)) => return Err(self.packed(file, reason)),
        };
        let image = found.map_err(|reason| {
            let file = self.attempt.describe(file);
            AttemptError::NotAKernel { file, reason }
        })?;
        Ok((kernel, image))
    }

    /// Tells a step that nobody stops.
    pub(super) fn tell(&mut self, step: Step) {
        (self.watch)(step);
    }

    /// The first bytes of what was read.
    fn head(&self, file: &FileRef, payload: &Payload) -> Result<Vec<u8>, AttemptError> {
        let mut head = vec![0; HEADER_LENGTH];
        let n = payload.head(&mut head).map_err(PayloadError::Memory);
        head.truncate(n.map_err(|error| self.error(file, error))?);
        Ok(head)
    }

    /// The kernel that is packed in another one, sealed as that is.
    fn unpack(
        &self,
        file: &FileRef,
        kernel: &Payload,
        zboot: &Zboot,
    ) -> Result<Payload, AttemptError> {
        let packed = kernel.part(&zboot.payload);
        let packed = packed.map_err(|error| self.error(file, error))?;
        // The packed bytes, those that come out, and their copy are in memory at a time.
        let free = self.attempt.memory.saturating_sub(self.total);
        let limit = usize::try_from(free / 3).unwrap_or(usize::MAX);
        let unpacked = zboot.unpack(&packed, limit.min(MAX_KERNEL));
        let unpacked = unpacked.map_err(|reason| self.packed(file, reason))?;
        let draft = self.draft(file)?;
        let at = draft.reserve(unpacked.len() as u64);
        let written = draft.write_at(at, &unpacked).and_then(|()| draft.seal());
        written.map_err(|error| self.error(file, error))
    }

    fn packed(&self, file: &FileRef, reason: ZbootError) -> AttemptError {
        let file = self.attempt.describe(file);
        AttemptError::Packed { file, reason }
    }

    /// Something in a unified kernel image is not as it has to be.
    pub(super) fn bad(&self, file: &FileRef, reason: String) -> AttemptError {
        let file = self.attempt.describe(file);
        AttemptError::Image { file, reason }
    }

    /// A file is not the one that `stub` names.
    pub(super) fn other_than_pinned(&self, file: &FileRef, stub: &FileRef) -> AttemptError {
        AttemptError::Pinned {
            file: self.attempt.describe(file),
            stub: self.attempt.describe(stub),
        }
    }

    /// Names the file that an error is about.
    pub(super) fn error(&self, file: &FileRef, error: PayloadError) -> AttemptError {
        let file = self.attempt.describe(file);
        AttemptError::Read { file, error }
    }
}
