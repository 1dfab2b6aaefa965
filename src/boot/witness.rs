//! [`Witness`]: sees the bytes of a file while they are hashed, for everyone who has signed it.

use std::ops::Range;

use crate::pe::Image;
use crate::trust::authenticode::{Program, Reader};
use crate::trust::coverage::Vouched;
use crate::trust::{Algorithm, Authority, Refusal, appended, detached, sbat};

/// Sections of programs that are kept, up to this many bytes of each.
const KEPT: [&str; 2] = [".sbat", ".osrel"];
const MAX_KEPT: u64 = sbat::MAX_LENGTH as u64;

/// Sees every byte of a file once, in order.
#[derive(Default)]
pub(super) struct Witness<'a> {
    program: Option<Seeing>,
    /// The signatures beside the file, with the names of their files.
    detached: Vec<(String, detached::Check<'a>)>,
    appended: Option<appended::Check<'a>>,
    /// Why other signatures can't count, in words.
    refusals: Vec<String>,
}

/// A program that is being seen.
struct Seeing {
    reader: Reader,
    /// What [`KEPT`] names, as far as it is there.
    kept: [Option<Section>; 2],
    /// How many bytes were seen.
    position: u64,
}

struct Section {
    range: Range<u64>,
    bytes: Vec<u8>,
}

/// What was seen of a program.
pub(super) struct Seen {
    /// The program, with its digests and signatures.
    pub(super) program: Result<Program, Refusal>,
    /// What its section `.sbat` holds.
    pub(super) sbat: Option<Vec<u8>>,
    /// What its section `.osrel` holds.
    pub(super) os_release: Option<Vec<u8>>,
}

impl<'a> Witness<'a> {
    /// Looks at a program of `size` bytes, for which digests by these algorithms count.
    pub(super) fn program(&mut self, image: &Image, size: u64, digests: &[Algorithm]) {
        let section = |name: &str| {
            let Range { start, end } = image.section(name)?.content;
            Some(Section {
                range: start..end.min(start.saturating_add(MAX_KEPT)),
                bytes: Vec::new(),
            })
        };
        self.program = Some(Seeing {
            reader: Reader::new(size, digests),
            kept: KEPT.map(section),
            position: 0,
        });
    }

    /// Looks for what is signed by the file of signatures with this name, or remembers why it can't be read.
    pub(super) fn beside(
        &mut self,
        name: &str,
        signature: Result<Vec<u8>, String>,
        authority: &'a Authority,
    ) {
        let check = signature.and_then(|bytes| {
            let check = detached::Check::new(&bytes, authority.trusted());
            check.map_err(|refusal| refusal.to_string())
        });
        match check {
            Ok(check) => self.detached.push((name.to_owned(), check)),
            Err(why) => self.refusals.push(format!("{name}: {why}")),
        }
    }

    /// Looks for a signature at the end of a kernel of `size` bytes.
    pub(super) fn appended(&mut self, tail: &[u8], size: u64, authority: &'a Authority) {
        match appended::Check::new(tail, size, authority.trusted()) {
            Ok(check) => self.appended = check,
            Err(refusal) => self.refusals.push(refusal.to_string()),
        }
    }

    /// Sees the bytes that come next.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(program) = &mut self.program {
            program.update(bytes);
        }
        if let Some(check) = &mut self.appended {
            check.update(bytes);
        }
        for (_, check) in &mut self.detached {
            check.update(bytes);
        }
    }

    /// What the signatures came to, and what was seen of a program, at the end of the file.
    pub(super) fn finish(self, authority: &Authority) -> (Vouched, Option<Seen>) {
        let mut all = Vouched {
            refusals: self.refusals,
            ..Vouched::default()
        };
        let seen = self.program.map(Seeing::finish);
        if let Some(seen) = &seen {
            match &seen.program {
                Ok(program) => all.extend(authority.program(program)),
                Err(refusal) => all.refusals.push(refusal.to_string()),
            }
        }
        if let Some(check) = self.appended {
            let results = check.finish();
            all.extend(authority.vouched(results.unwrap_or_else(|refusal| vec![Err(refusal)])));
        }
        for (name, check) in self.detached {
            all.extend(authority.vouched(check.finish()).from_file(&name));
        }
        (all, seen)
    }
}

impl Seeing {
    fn update(&mut self, bytes: &[u8]) {
        // It remembers by itself what it refuses.
        let _ = self.reader.update(bytes);
        let start = self.position;
        let end = start.saturating_add(bytes.len() as u64);
        for section in self.kept.iter_mut().flatten() {
            let (from, to) = (section.range.start.max(start), section.range.end.min(end));
            let index = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
            let part = bytes.get(index(from)..index(to)).filter(|_| from < to);
            section.bytes.extend_from_slice(part.unwrap_or_default());
        }
        self.position = end;
    }

    fn finish(self) -> Seen {
        let [sbat, os_release] = self.kept;
        Seen {
            program: self.reader.finish(),
            sbat: sbat.map(|section| section.bytes),
            os_release: os_release.map(|section| section.bytes),
        }
    }
}
