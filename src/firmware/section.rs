//! A section of a file (PI 1.8, volume 3, section 3.2.5).

use super::header::{VolumeHeader, may_hold_volume};
use super::reader::Reader;
use super::span::Span;
use super::{Codec, Damage, FirmwareError, Guid, Volume};

/// `EFI_COMMON_SECTION_HEADER`, and `EFI_COMMON_SECTION_HEADER2` with its size of four bytes more.
const HEADER: usize = 4;
const LONG_HEADER: usize = 8;
/// The size that says that the header is the long one.
const LONG: usize = 0xff_ffff;
/// A GUID-defined section's GUID, the offset of its data, and its attributes.
const GUIDED: usize = 20;
/// `EFI_GUIDED_SECTION_PROCESSING_REQUIRED`
const NEEDS_PROCESSING: u16 = 0x01;
/// A compression section's size before compression, and its kind of compression.
const COMPRESSION: usize = 5;

/// What a section is: `EFI_SECTION_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionKind(pub u8);

impl SectionKind {
    const COMPRESSION: SectionKind = SectionKind(0x01);
    const GUIDED: SectionKind = SectionKind(0x02);
    const DISPOSABLE: SectionKind = SectionKind(0x03);
    /// An EFI program.
    pub const PE32: SectionKind = SectionKind(0x10);
    pub(super) const TE: SectionKind = SectionKind(0x12);
    pub(super) const UI: SectionKind = SectionKind(0x15);
    pub(super) const VOLUME: SectionKind = SectionKind(0x17);
    pub(super) const RAW: SectionKind = SectionKind(0x19);

    const NAMES: [(u8, &'static str); 19] = [
        (0x01, "compression"),
        (0x02, "guided"),
        (0x03, "disposable"),
        (0x10, "pe32"),
        (0x11, "pic"),
        (0x12, "te"),
        (0x13, "dxe-depex"),
        (0x14, "version"),
        (0x15, "ui"),
        (0x16, "compatibility16"),
        (0x17, "volume"),
        (0x18, "freeform"),
        (0x19, "raw"),
        (0x1b, "pei-depex"),
        (0x1c, "mm-depex"),
        (0x1d, "pe32-table"),
        (0xf0, "postcode"),
        (0x20, "postcode"),
        (0x00, "all"),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        let known = SectionKind::NAMES.iter().find(|(kind, _)| *kind == self.0);
        known.map_or("unknown", |(_, name)| name)
    }

    /// The kind that is called so.
    pub fn named(name: &str) -> Option<SectionKind> {
        let known = SectionKind::NAMES.iter().find(|(_, known)| *known == name);
        known.map(|(kind, _)| SectionKind(*kind))
    }
}

/// A section.
pub struct Section {
    /// Where it begins, in bytes of what it is in.
    pub offset: usize,
    /// What it is.
    pub kind: SectionKind,
    /// What is in it.
    pub inside: Inside,
    pub(super) changed: bool,
    original: Span,
    /// Where the content begins.
    content: usize,
}

/// What is in a section.
pub enum Inside {
    /// Bytes.
    Bytes,
    /// Sections, packed in a way that is known.
    Sections(Codec, Vec<Section>),
    /// Bytes that are packed in a way that is not known.
    Packed(Option<Guid>),
    /// A volume.
    Volume(Box<Volume>),
    /// Sections or a volume that can't be read; they are kept.
    Damaged(Damage),
}

/// Reads sections that follow each other, each at a multiple of four bytes.
pub(super) fn read(span: &Span, reader: &mut Reader) -> Result<Vec<Section>, Damage> {
    let mut sections = Vec::new();
    let mut at = 0;
    // Less than a header at the end is what fills up to a multiple.
    while let Some(rest) = span.tail(at).filter(|rest| rest.len() >= HEADER) {
        if !sections.is_empty() && is_padding(rest.bytes()) {
            break;
        }
        reader.count(at)?;
        let section = Section::read(&rest, at, reader)?;
        at = at.saturating_add(section.size()).next_multiple_of(4);
        sections.push(section);
    }
    Ok(sections)
}

/// Is this nothing but what some tools fill up with behind the last section?
fn is_padding(bytes: &[u8]) -> bool {
    [0, 0xff]
        .iter()
        .any(|fill| bytes.iter().all(|byte| byte == fill))
}

/// The bytes of sections that follow each other.
pub(super) fn encode(sections: &[Section]) -> Result<Vec<u8>, FirmwareError> {
    let mut bytes: Vec<u8> = Vec::new();
    for section in sections {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let moves = bytes.len().abs_diff(section.offset);
        if section.stays() && moves != 0 || !moves.is_multiple_of(section.alignment()) {
            return Err(FirmwareError::SectionMustStay(section.offset, bytes.len()));
        }
        bytes.extend(section.encode()?);
    }
    Ok(bytes)
}

/// The first section of a kind, also in packed ones, on the way to which everything counts as changed.
pub(super) fn find_mut(sections: &mut [Section], kind: SectionKind) -> Option<&mut Section> {
    for section in sections {
        if section.kind == kind {
            return Some(section);
        }
        if let Inside::Sections(_, inner) = &mut section.inside
            && let Some(found) = find_mut(inner, kind)
        {
            section.changed = true;
            return Some(found);
        }
    }
    None
}

impl Section {
    /// The section that `span` begins with; `offset` is where that is.
    fn read(span: &Span, offset: usize, reader: &mut Reader) -> Result<Section, Damage> {
        let short = || Damage::new(offset, "a section is cut off");
        let size = span.u24(0).ok_or_else(short)?;
        let (header, size) = match size {
            LONG => {
                let size = span.u32(HEADER).ok_or_else(short)?;
                (LONG_HEADER, usize::try_from(size).unwrap_or(usize::MAX))
            }
            size => (HEADER, size),
        };
        if size < header {
            return Err(Damage::new(offset, "a section is smaller than its header"));
        }
        let longer = || Damage::new(offset, "a section is longer than what it is in");
        let original = span.cut(0, size).ok_or_else(longer)?;
        let kind = SectionKind(span.u8(3).ok_or_else(short)?);
        let mut section = Section {
            offset,
            kind,
            inside: Inside::Bytes,
            changed: false,
            original,
            content: header,
        };
        let read = reader.deeper(|reader| section.look_inside(reader));
        section.inside = read.unwrap_or_else(Inside::Damaged);
        Ok(section)
    }

    fn look_inside(&mut self, reader: &mut Reader) -> Result<Inside, Damage> {
        let header = self.content;
        let at = self.offset;
        let short = || Damage::new(at, "a section's header is cut off");
        match self.kind {
            SectionKind::VOLUME => {
                let content = self.content();
                let none = || Damage::new(at, "there is no volume in a volume's section");
                let found = VolumeHeader::read(&content, 0)?.ok_or_else(none)?;
                let volume = Volume::read(&content, 0, found, reader)?;
                Ok(Inside::Volume(Box::new(volume)))
            }
            SectionKind::GUIDED => {
                let guid = self.original.guid(header).ok_or_else(short)?;
                let fields = header.saturating_add(16);
                let data = self.original.u16(fields).ok_or_else(short)?;
                let flags = fields.saturating_add(2);
                let flags = self.original.u16(flags).ok_or_else(short)?;
                let least = header.saturating_add(GUIDED);
                let data = usize::from(data);
                if data < least || data > self.size() {
                    return Err(Damage::new(at, "a section's data are not inside of it"));
                }
                self.content = data;
                let Some(codec) = Codec::of(guid, flags & NEEDS_PROCESSING != 0) else {
                    return Ok(Inside::Packed(Some(guid)));
                };
                let extra = self.original.bytes().get(least..data).unwrap_or_default();
                self.unpack(codec, extra, reader)
            }
            SectionKind::COMPRESSION => {
                let kind = self
                    .original
                    .u8(header.saturating_add(4))
                    .ok_or_else(short)?;
                self.content = header.saturating_add(COMPRESSION);
                match kind {
                    0 => self.unpack(Codec::Plain, &[], reader),
                    _ => Ok(Inside::Packed(None)),
                }
            }
            SectionKind::DISPOSABLE => self.unpack(Codec::Plain, &[], reader),
            _ => Ok(Inside::Bytes),
        }
    }

    fn unpack(&self, codec: Codec, extra: &[u8], reader: &mut Reader) -> Result<Inside, Damage> {
        let damaged = |what| Damage::new(self.offset, what);
        let content = codec
            .unpack(extra, &self.content(), reader)
            .map_err(damaged)?;
        // What is sealed may hold anything.
        match read(&content, reader) {
            Err(_) if matches!(codec, Codec::Sealed(_)) => Ok(Inside::Bytes),
            sections => Ok(Inside::Sections(codec, sections?)),
        }
    }

    /// A new section.
    pub(super) fn new(kind: SectionKind, content: &[u8]) -> Result<Section, FirmwareError> {
        let mut bytes = header(kind, content.len())?;
        let start = bytes.len();
        bytes.extend(content);
        Ok(Section {
            offset: 0,
            kind,
            inside: Inside::Bytes,
            changed: false,
            original: Span::new(bytes),
            content: start,
        })
    }

    /// A section with the name of a file.
    pub(super) fn user_interface(name: &str) -> Result<Section, FirmwareError> {
        Section::new(SectionKind::UI, &crate::efi::encode(name))
    }

    /// Bytes of the section, with its header.
    pub fn size(&self) -> usize {
        self.original.len()
    }

    /// The bytes behind the header, as they were read.
    pub fn bytes(&self) -> &[u8] {
        self.original
            .bytes()
            .get(self.content..)
            .unwrap_or_default()
    }

    /// The sections in it.
    pub fn sections(&self) -> &[Section] {
        match &self.inside {
            Inside::Sections(_, sections) => sections,
            _ => &[],
        }
    }

    /// The GUID of a GUID-defined section.
    pub fn guid(&self) -> Option<Guid> {
        let header = match self.original.u24(0) {
            Some(LONG) => LONG_HEADER,
            _ => HEADER,
        };
        let guided = self.kind == SectionKind::GUIDED;
        guided.then(|| self.original.guid(header)).flatten()
    }

    /// The text of a user interface section.
    pub(super) fn text(&self) -> Option<String> {
        if self.kind != SectionKind::UI {
            return None;
        }
        let (pairs, _) = self.bytes().as_chunks();
        let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
        let text: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        Some(String::from_utf16_lossy(&text))
    }

    /// Does a file stay where it is that lies in it as it is in the flash, in a volume that is not compressed? So does
    /// what can't be read where such a volume may be in it.
    pub(super) fn stays(&self) -> bool {
        match &self.inside {
            Inside::Volume(volume) => volume.stays(),
            Inside::Sections(codec, sections) => {
                codec.keeps_bytes() && sections.iter().any(Section::stays)
            }
            Inside::Damaged(_) => self.kind == SectionKind::VOLUME || may_hold_volume(self.bytes()),
            Inside::Bytes | Inside::Packed(_) => false,
        }
    }

    /// What the volumes that lie in it as they are have to begin at multiples of, in bytes.
    fn alignment(&self) -> usize {
        match &self.inside {
            Inside::Volume(volume) => volume.header.alignment,
            Inside::Sections(codec, sections) if codec.keeps_bytes() => {
                sections.iter().map(Section::alignment).max().unwrap_or(1)
            }
            _ => 1,
        }
    }

    fn content(&self) -> Span {
        let content = self.original.tail(self.content);
        content.unwrap_or_else(|| Span::new(Vec::new()))
    }

    /// The section's bytes, with what was changed in it.
    fn encode(&self) -> Result<Vec<u8>, FirmwareError> {
        if !self.changed {
            return Ok(self.original.bytes().to_vec());
        }
        let own = self
            .original
            .bytes()
            .get(..self.content)
            .unwrap_or_default();
        let long = self.original.u24(0) == Some(LONG);
        let own = own
            .get(if long { LONG_HEADER } else { HEADER }..)
            .unwrap_or_default();
        let mut own = own.to_vec();
        let content = match &self.inside {
            Inside::Volume(volume) => {
                let behind = self.bytes().get(volume.header.size..).unwrap_or_default();
                [&volume.encode()?, behind].concat()
            }
            Inside::Sections(codec, sections) => {
                let content = encode(sections)?;
                if self.kind == SectionKind::COMPRESSION
                    && let Some(size) = own.first_chunk_mut()
                {
                    *size = u32::try_from(content.len())
                        .unwrap_or(u32::MAX)
                        .to_le_bytes();
                }
                let extra = own.get_mut(GUIDED..).unwrap_or_default();
                codec.pack(extra, self.bytes(), content)?
            }
            Inside::Bytes | Inside::Packed(_) | Inside::Damaged(_) => {
                return Ok(self.original.bytes().to_vec());
            }
        };
        let mut bytes = header(self.kind, own.len().saturating_add(content.len()))?;
        if self.kind == SectionKind::GUIDED {
            // Where the data begin depends on how long the header is.
            let data = bytes.len().saturating_add(own.len());
            let data = u16::try_from(data).unwrap_or(u16::MAX).to_le_bytes();
            if let Some(field) = own.get_mut(16..18) {
                field.copy_from_slice(&data);
            }
        }
        bytes.extend(own);
        bytes.extend(content);
        Ok(bytes)
    }
}

/// The header of a section with `length` bytes behind it.
fn header(kind: SectionKind, length: usize) -> Result<Vec<u8>, FirmwareError> {
    let size = length.saturating_add(HEADER);
    if size < LONG {
        let [a, b, c, ..] = u64::try_from(size).unwrap_or(u64::MAX).to_le_bytes();
        return Ok(vec![a, b, c, kind.0]);
    }
    let size = length.saturating_add(LONG_HEADER);
    let long = u32::try_from(size).map_err(|_| FirmwareError::TooLargeForHeader(size))?;
    let mut bytes = vec![0xff, 0xff, 0xff, kind.0];
    bytes.extend(long.to_le_bytes());
    Ok(bytes)
}
