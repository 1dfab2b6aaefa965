//! A file in a volume (PI 1.8, volume 3, section 3.2.3).

use super::checksum::sum8;
use super::header::{Format, VolumeHeader, may_hold_volume};
use super::reader::Reader;
use super::section::{self, Section, SectionKind};
use super::span::Span;
use super::{Damage, FileKind, FirmwareError, Guid};

/// `EFI_FFS_VOLUME_TOP_FILE_GUID`: its last byte is the volume's, where a processor starts after a reset.
const TOP: Guid = Guid::new(
    0x1ba0_062e,
    0xc779,
    0x4582,
    [0x85, 0x66, 0x33, 0x6a, 0xe8, 0xf7, 0x8f, 0x09],
);

/// `EFI_FFS_FILE_HEADER`, and `EFI_FFS_FILE_HEADER2` with its size of eight bytes.
const HEADER: usize = 24;
const LARGE_HEADER: usize = 32;
/// Where fields stand in it.
const HEADER_SUM: usize = 16;
const DATA_SUM: usize = 17;
const KIND: usize = 18;
const ATTRIBUTES: usize = 19;
const SIZE: usize = 20;
const STATE: usize = 23;

/// Bits of the attributes.
const LARGE_FILE: u8 = 0x01;
const ALIGNMENT_2: u8 = 0x02;
const FIXED: u8 = 0x04;
const CHECKSUM: u8 = 0x40;

/// Bits of the state, as they are when erased bits are zero.
const HEADER_VALID: u8 = 0x02;
const DATA_VALID: u8 = 0x04;
const BEING_UPDATED: u8 = 0x08;
const DELETED: u8 = 0x10;
const HEADER_INVALID: u8 = 0x20;
/// All of them.
const STATES: u8 = 0x3f;
/// The state of a file that is whole: header constructed, header valid, data valid.
const WHOLE: u8 = 0x07;

/// What is said where a file does not end where what it is in does.
const LONGER: &str = "a file is longer than its volume";
/// What is said where a file's content is not what was written.
const WRONG_SUM: &str = "the checksum of a file's content is wrong";

/// A file.
pub struct File {
    /// Where it begins, in bytes of its volume.
    pub offset: usize,
    /// Its name.
    pub guid: Guid,
    /// What it is for.
    pub kind: FileKind,
    /// What is in it.
    pub body: Body,
    pub(super) changed: bool,
    pub(super) original: Span,
    attributes: u8,
    header: usize,
    is_deleted: bool,
    erased: u8,
    /// As if erased bits were zero.
    state: u8,
    is_sum_right: bool,
}

/// What is in a file.
pub enum Body {
    /// Bytes of any kind.
    Raw,
    /// Sections, one behind the other.
    Sections(Vec<Section>),
    /// Sections that can't be read; they are kept.
    Damaged(Damage),
}

impl Body {
    /// What can't be read of it.
    pub fn damage(&self) -> Option<&Damage> {
        match self {
            Body::Damaged(damage) => Some(damage),
            Body::Raw | Body::Sections(_) => None,
        }
    }
}

impl File {
    /// Reads the file `at` an offset of a volume. `None`: behind the last file.
    pub(super) fn read(
        volume: &Span,
        at: usize,
        header: &VolumeHeader,
        reader: &mut Reader,
    ) -> Result<Option<File>, Damage> {
        let Some(start) = volume.cut(at, HEADER) else {
            return match volume.tail(at) {
                Some(rest) => check_free(&rest, at, header.erased).map(|()| None),
                None => Ok(None),
            };
        };
        if start.bytes().iter().all(|byte| *byte == header.erased) {
            let rest = volume.tail(at).unwrap_or(start);
            return check_free(&rest, at, header.erased).map(|()| None);
        }
        reader.count(at)?;
        let rest = volume.tail(at).unwrap_or(start);
        let parsed = File::parse(&rest, header.format().large, header.erased);
        let mut file = parsed.map_err(|what| Damage::new(at, what))?;
        file.offset = at;
        file.look_inside(reader);
        Ok(Some(file))
    }

    fn look_inside(&mut self, reader: &mut Reader) {
        if !self.is_sum_right {
            self.body = Body::Damaged(Damage::new(self.offset, WRONG_SUM));
        } else if self.kind.has_sections() && !self.is_deleted {
            let content = self.content();
            self.body = match reader.deeper(|reader| section::read(&content, reader)) {
                Ok(sections) => Body::Sections(sections),
                Err(damage) => Body::Damaged(damage),
            };
        }
    }

    /// The file that these bytes begin with. Its sections are not looked at.
    fn parse(span: &Span, large: bool, erased: u8) -> Result<File, &'static str> {
        const SHORT: &str = "a file's header is cut off";
        let attributes = span.u8(ATTRIBUTES).ok_or(SHORT)?;
        let state = span.u8(STATE).ok_or(SHORT)? ^ erased;
        let (header, size) = if large && attributes & LARGE_FILE != 0 {
            let size = span.u64(HEADER).ok_or(SHORT)?;
            (LARGE_HEADER, usize::try_from(size).unwrap_or(usize::MAX))
        } else {
            (HEADER, span.u24(SIZE).ok_or(SHORT)?)
        };
        let is_written = state & HEADER_VALID != 0 && state & HEADER_INVALID == 0;
        // Behind a header that was never completed comes the next one. What has states that there are not is no header.
        if !is_written && !matches!(state, 1..=STATES) {
            return Err("a file's header was never completed");
        }
        let size = if is_written { size } else { header };
        let bytes = span.bytes().get(..header).ok_or(SHORT)?;
        if is_written && header_sum(bytes) != 0 {
            return Err("the checksum of a file's header is wrong");
        }
        if size < header {
            return Err("a file is smaller than its header");
        }
        let original = span.cut(0, size).ok_or(LONGER)?;
        let is_deleted = !is_written || state & DELETED != 0 || state & DATA_VALID == 0;
        let mut file = File {
            offset: 0,
            guid: span.guid(0).ok_or(SHORT)?,
            kind: FileKind(span.u8(KIND).ok_or(SHORT)?),
            body: Body::Raw,
            changed: false,
            original,
            attributes,
            header,
            is_deleted,
            erased,
            state,
            is_sum_right: true,
        };
        let expected = span.u8(DATA_SUM).ok_or(SHORT)?;
        let is_right = match attributes & CHECKSUM {
            0 => Format::NO_SUM.contains(&expected),
            _ => sum8(file.content().bytes().iter().copied()) == expected,
        };
        file.is_sum_right = is_right || is_deleted;
        Ok(file)
    }

    /// A file in bytes that are nothing else, as `extract` writes it. An error says why they are no whole file, where
    /// they begin with the header of one: nobody wants that to be content.
    pub(super) fn standalone(bytes: &[u8]) -> Result<Option<File>, &'static str> {
        let span = Span::new(bytes.to_vec());
        for erased in [0xff, 0] {
            let state = bytes.get(STATE).map(|state| state ^ erased);
            // Other states may come about by accident.
            let is_header = state.is_some_and(|state| state & !BEING_UPDATED == WHOLE);
            let why = match File::parse(&span, true, erased) {
                Ok(file) if file.size() != bytes.len() => "there is more behind the file in it",
                Ok(file) if !file.is_sum_right => WRONG_SUM,
                Ok(file) if file.is_deleted => continue,
                Ok(mut file) => {
                    file.look_inside(&mut Reader::new());
                    return Ok(Some(file));
                }
                Err(LONGER) => "the file in it is cut off",
                Err(_) => continue,
            };
            if is_header {
                return Err(why);
            }
        }
        Ok(None)
    }

    /// Makes the sum over the content right of a file that these bytes begin with, if it has one.
    pub(super) fn sum_anew(bytes: &mut [u8], format: Format) {
        let file = File::parse(&Span::new(bytes.to_vec()), format.large, format.erased);
        let file = file.ok().filter(|file| file.attributes & CHECKSUM != 0);
        if let (Some(file), Some(sum)) = (file, bytes.get_mut(DATA_SUM)) {
            *sum = sum8(file.content().bytes().iter().copied());
        }
    }

    /// A new file.
    pub(super) fn new(guid: Guid, kind: FileKind, sections: Vec<Section>) -> File {
        let mut header = vec![0; HEADER];
        header.splice(..16, guid.bytes());
        File {
            offset: 0,
            guid,
            kind,
            body: Body::Sections(sections),
            changed: true,
            original: Span::new(header),
            attributes: 0,
            header: HEADER,
            is_deleted: false,
            erased: 0xff,
            state: WHOLE,
            is_sum_right: true,
        }
    }

    /// A file that only takes room: as many bytes as `size`, which is at least that of a header.
    pub(super) fn pad(size: usize, format: Format) -> Result<Vec<u8>, FirmwareError> {
        let header = header_for(size, format.large)?;
        let content = vec![format.erased; size.saturating_sub(header)];
        let guid = Guid::from_bytes([0xff; 16]);
        let pad = FileKind::PAD;
        Ok(with_header(header, guid, pad, 0, WHOLE, &content, format))
    }

    /// Bytes of the file, with its header.
    pub fn size(&self) -> usize {
        self.original.len()
    }

    /// The file's bytes as they were read, with its header.
    pub fn bytes(&self) -> &[u8] {
        self.original.bytes()
    }

    /// Its sections; none where it has none or they can't be read.
    pub fn sections(&self) -> &[Section] {
        match &self.body {
            Body::Sections(sections) => sections,
            Body::Raw | Body::Damaged(_) => &[],
        }
    }

    /// The name in its user interface section.
    pub fn name(&self) -> Option<String> {
        let find = |sections: &[Section]| sections.iter().find_map(Section::text);
        let packed = || {
            self.sections()
                .iter()
                .find_map(|section| find(section.sections()))
        };
        find(self.sections()).or_else(packed)
    }

    /// Was it deleted, or never written to its end?
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// Was a newer one being written behind it that should take its place?
    pub(super) fn is_being_updated(&self) -> bool {
        self.state & BEING_UPDATED != 0 && !self.is_deleted && self.kind != FileKind::PAD
    }

    /// The newer one is whole: this one does not count any longer.
    pub(super) fn make_void(&mut self) {
        self.is_deleted = true;
    }

    /// What forbids to make a volume anew that it is in: nobody knows what it should be.
    pub(super) fn refuses(&self) -> Option<&'static str> {
        (!self.is_sum_right).then_some(WRONG_SUM)
    }

    /// Is it there for nothing but the room that it takes?
    pub fn is_empty_pad(&self) -> bool {
        let erased = |byte: &u8| *byte == self.erased;
        self.kind == FileKind::PAD && self.content().bytes().iter().all(erased)
    }

    /// Where it ends in its volume.
    pub(super) fn end(&self) -> usize {
        self.offset.saturating_add(self.size())
    }

    /// What its content has to begin at a multiple of, in bytes of the volume.
    pub(super) fn alignment(&self) -> usize {
        const SMALL: [usize; 8] = [1, 16, 128, 512, 1 << 10, 1 << 12, 1 << 15, 1 << 16];
        const LARGE: [usize; 8] = [
            1 << 17,
            1 << 18,
            1 << 19,
            1 << 20,
            1 << 21,
            1 << 22,
            1 << 23,
            1 << 24,
        ];
        let index = usize::from(self.attributes >> 3 & 7);
        let table = match self.attributes & ALIGNMENT_2 {
            0 => SMALL,
            _ => LARGE,
        };
        table.get(index).copied().unwrap_or(1)
    }

    /// Does it have to stay where it is? A pad file with content has no name to be found by, only an address: tables
    /// for the processor (FIT), and what they name.
    pub(super) fn stays(&self) -> bool {
        let is_found = self.kind == FileKind::PAD && !self.is_empty_pad();
        let stays = self.attributes & FIXED != 0 || self.kind.stays() || is_found;
        stays
            || match &self.body {
                Body::Raw => false,
                Body::Sections(sections) => sections.iter().any(Section::stays),
                Body::Damaged(_) => may_hold_volume(self.content().bytes()),
            }
    }

    /// Does its end have to be the volume's?
    pub(super) fn is_top(&self) -> bool {
        self.guid == TOP
    }

    /// What is behind the header.
    fn content(&self) -> Span {
        let content = self.original.tail(self.header);
        content.unwrap_or_else(|| Span::new(Vec::new()))
    }

    /// Its content, if that is raw bytes.
    pub(super) fn is_raw(&self) -> bool {
        self.kind == FileKind::RAW
    }

    /// Gives a raw file another content.
    pub(super) fn set_content(&mut self, content: &[u8]) {
        let header = self.bytes().get(..self.header).unwrap_or_default();
        self.original = Span::new([header, content].concat());
        self.state = WHOLE;
        self.is_sum_right = true;
        self.body = Body::Raw;
        self.changed = true;
    }

    /// The same file, whole, at a place in a volume of this format.
    pub(super) fn placed(mut self, offset: usize, format: Format) -> File {
        self.offset = offset;
        self.erased = format.erased;
        self.state = WHOLE;
        self
    }

    /// Bytes of the file in a volume of this format, with what was changed in it, also where they are too many for it.
    pub(super) fn size_now(&self, format: Format) -> Result<usize, FirmwareError> {
        match self.encode(format) {
            Err(FirmwareError::TooLargeForHeader(size)) => Ok(size),
            encoded => encoded.map(|bytes| bytes.len()),
        }
    }

    /// How long the header is of a file with these bytes, in a volume of this format.
    pub(super) fn header_length(bytes: &[u8], format: Format) -> usize {
        let attributes = bytes.get(ATTRIBUTES).copied().unwrap_or_default();
        if is_large(attributes, format) {
            LARGE_HEADER
        } else {
            HEADER
        }
    }

    /// The file's bytes in a volume of this format, with what was changed in it.
    pub(super) fn encode(&self, format: Format) -> Result<Vec<u8>, FirmwareError> {
        if let Body::Sections(sections) = &self.body
            && self.changed
        {
            return self.anew(&section::encode(sections)?, format);
        }
        // It may come from a volume of another format.
        if self.changed || (self.header == LARGE_HEADER) != is_large(self.attributes, format) {
            return self.anew(self.content().bytes(), format);
        }
        let mut bytes = self.bytes().to_vec();
        if let Some(state) = bytes.get_mut(STATE) {
            *state = self.state ^ format.erased;
        }
        let sum = bytes.get_mut(DATA_SUM);
        if let Some(sum) = sum.filter(|sum| Format::NO_SUM.contains(sum))
            && self.attributes & CHECKSUM == 0
        {
            *sum = format.no_sum;
        }
        Ok(bytes)
    }

    /// The file's bytes with another content and a new header.
    fn anew(&self, content: &[u8], format: Format) -> Result<Vec<u8>, FirmwareError> {
        let size = content.len().saturating_add(HEADER);
        Ok(with_header(
            header_for(size, format.large)?,
            self.guid,
            self.kind,
            self.attributes,
            self.state,
            content,
            format,
        ))
    }

    /// Its first section of a kind, also in packed ones, on the way to which everything counts as changed.
    pub(super) fn section_mut(&mut self, kind: SectionKind) -> Option<&mut Section> {
        match &mut self.body {
            Body::Sections(sections) => section::find_mut(sections, kind),
            Body::Raw | Body::Damaged(_) => None,
        }
    }
}

/// The sum over a header, in which the state and the sum over the data count as zero.
fn header_sum(header: &[u8]) -> u8 {
    let counted = header.iter().enumerate();
    sum8(
        counted
            .filter(|(at, _)| !matches!(*at, STATE | DATA_SUM))
            .map(|(_, byte)| *byte),
    )
}

/// Has a file with these attributes the header for sizes of eight bytes?
fn is_large(attributes: u8, format: Format) -> bool {
    format.large && attributes & LARGE_FILE != 0
}

/// How long the header is of a file with this size.
fn header_for(size: usize, large: bool) -> Result<usize, FirmwareError> {
    match size {
        ..0x100_0000 => Ok(HEADER),
        _ if large => Ok(LARGE_HEADER),
        _ => Err(FirmwareError::TooLargeForHeader(size)),
    }
}

/// A file with a header of one of both lengths.
fn with_header(
    header: usize,
    guid: Guid,
    kind: FileKind,
    attributes: u8,
    state: u8,
    content: &[u8],
    format: Format,
) -> Vec<u8> {
    let size = content.len().saturating_add(header);
    let is_large = header == LARGE_HEADER;
    let attributes = attributes & !LARGE_FILE | if is_large { LARGE_FILE } else { 0 };
    let data_sum = match attributes & CHECKSUM {
        0 => format.no_sum,
        _ => sum8(content.iter().copied()),
    };
    let wide = u64::try_from(size).unwrap_or(u64::MAX).to_le_bytes();
    let [a, b, c, ..] = if is_large { [0; 8] } else { wide };
    let mut file = guid.bytes().to_vec();
    let state = state ^ format.erased;
    file.extend([0, data_sum, kind.0, attributes, a, b, c, state]);
    if is_large {
        file.extend(wide);
    }
    let sum = header_sum(&file);
    if let Some(byte) = file.get_mut(HEADER_SUM) {
        *byte = sum;
    }
    file.extend(content);
    file
}

/// Behind the last file everything has to be erased: other bytes would be lost with the next change.
fn check_free(rest: &Span, at: usize, erased: u8) -> Result<(), Damage> {
    match rest.bytes().iter().position(|byte| *byte != erased) {
        None => Ok(()),
        Some(_) => Err(Damage::new(at, "there are bytes behind the last file")),
    }
}
