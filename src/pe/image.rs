//! [`Image`]: what the headers of an EFI program say.

use std::ops::Range;

use goblin::pe::header::{CoffHeader, DosHeader, SIZEOF_COFF_HEADER, SIZEOF_PE_MAGIC};
use goblin::pe::optional_header::OptionalHeader;
use goblin::pe::section_table::{SIZEOF_SECTION_TABLE, SectionTable};
use scroll::Pread;

use super::error::PeError;
use super::layout;
use super::machine::Machine;
use crate::disk::bytes::set_length;
use crate::fs::ReadFile;

/// How many bytes of a file are read at first; they hold the headers of every usual program.
pub const FIRST_READ: usize = 64 * 1024;

/// Headers that end behind this many bytes are not read: there is room for thousands of sections.
pub const MAX_HEADERS: usize = 256 * 1024;

/// The headers of an EFI program, checked against the length of its file: sections follow each other
/// without a gap, and a table of signatures is the end of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What processor it is for.
    pub machine: Machine,
    /// The sections in the order of the section table, with those that hold nothing.
    pub sections: Vec<Section>,
    /// Where the table of signatures (`WIN_CERTIFICATE`) is.
    pub certificates: Option<Range<u64>>,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name of at most 8 bytes; a longer one is somewhere else in the file, and this is `/` with a number.
    pub name: String,
    /// Where its content is in the file: as much as would be loaded, without what only fills up the file.
    pub content: Range<u64>,
}

impl Image {
    /// Reads the headers of a file.
    ///
    /// # Errors
    /// [`PeError`].
    pub fn read(file: &mut dyn ReadFile) -> Result<Image, PeError> {
        let size = file.size();
        let mut head = Vec::new();
        let mut wanted = FIRST_READ;
        loop {
            set_length(&mut head, wanted);
            let n = file.read_at(0, &mut head).map_err(PeError::Read)?;
            head.truncate(n);
            match Image::parse(&head, size) {
                Err(PeError::Longer(end)) if end > wanted && end <= MAX_HEADERS => wanted = end,
                result => return result,
            }
        }
    }

    /// Reads the headers from the first bytes of a file of `size` bytes.
    ///
    /// # Errors
    /// [`PeError::Longer`] says how many bytes are needed when `head` does not hold all headers and the
    /// file goes on, and the others.
    pub fn parse(head: &[u8], size: u64) -> Result<Image, PeError> {
        // Where something ends that is not in `head`.
        let up_to = |end: usize| match u64::try_from(end) {
            Ok(at) if at <= size => match end > head.len() {
                true => Err(PeError::Longer(end)),
                false => Ok(()),
            },
            _ => Err(PeError::Headers("they do not end before the file does")),
        };
        if !head.starts_with(b"MZ") {
            return Err(PeError::NoHeaders);
        }
        up_to(DOS_HEADER)?;
        let pointer = head.pread_with::<u32>(PE_POINTER, scroll::LE).unwrap_or(0);
        let after = |offset: usize, length: usize| {
            let end = offset.checked_add(length);
            end.ok_or(PeError::Headers("they do not end before the file does"))
        };
        let coff = after(
            usize::try_from(pointer).unwrap_or(usize::MAX),
            SIZEOF_PE_MAGIC,
        )?;
        let optional = after(coff, SIZEOF_COFF_HEADER)?;
        up_to(optional)?;
        DosHeader::parse(head).map_err(|_| PeError::NoHeaders)?;
        let mut offset = coff;
        let header = CoffHeader::parse(head, &mut offset)
            .map_err(|_| PeError::Headers("the file header is cut off"))?;
        let table = after(optional, header.size_of_optional_header.into())?;
        let count = usize::from(header.number_of_sections);
        let length = count.saturating_mul(SIZEOF_SECTION_TABLE);
        let table_end = after(table, length)?;
        up_to(table_end)?;
        // Nothing of what follows is part of this header.
        let header_bytes = head.get(..table).unwrap_or_default();
        let optional: OptionalHeader = header_bytes
            .pread(optional)
            .map_err(|_| PeError::Headers("the optional header can't be read"))?;
        let mut offset = table;
        // Long names are not looked for, since they are behind the sections.
        let tables = (0..count)
            .map(|_| SectionTable::parse(head, &mut offset, usize::MAX / 2))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| PeError::Headers("the section table can't be read"))?;
        let directories = &optional.data_directories;
        let certificates = directories.get_certificate_table();
        let certificates = certificates.filter(|directory| directory.size != 0);
        // Unlike those of the other directories, this address is an offset in the file.
        let certificates = certificates.map(|directory| {
            let start = u64::from(directory.virtual_address);
            start..start.saturating_add(directory.size.into())
        });
        layout::check(
            table_end,
            optional.windows_fields.size_of_headers,
            &tables,
            certificates.as_ref(),
            size,
        )?;
        Ok(Image {
            machine: Machine(header.machine),
            sections: tables.iter().map(Section::of).collect(),
            certificates,
        })
    }

    /// The first section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// Length of the header in front of everything, which is that of a DOS program.
const DOS_HEADER: usize = 0x40;
/// Where in it the offset of the PE headers is.
const PE_POINTER: usize = 0x3c;

impl Section {
    fn of(table: &SectionTable) -> Section {
        let start = u64::from(table.pointer_to_raw_data);
        let length = table.virtual_size.min(table.size_of_raw_data);
        Section {
            name: layout::name(table),
            content: start..start.saturating_add(length.into()),
        }
    }

    /// Length of its content in bytes.
    pub fn size(&self) -> u64 {
        self.content.end.saturating_sub(self.content.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::program;
    use proptest::prelude::*;

    const SECTIONS: [(&str, &[u8]); 3] = [
        (".osrel", b"ID=x\n"),
        (".none", b""),
        (".cmdline", b"root=/dev/sda1"),
    ];

    /// The section table of a program of the tests.
    const TABLE: usize = 0x40 + 4 + 20 + 240;

    fn parse(file: &[u8]) -> Result<Image, PeError> {
        Image::parse(file, file.len() as u64)
    }

    fn damaged(at: usize, value: u32) -> String {
        let mut file = program(&SECTIONS);
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        parse(&file).unwrap_err().to_string()
    }

    #[test]
    fn sections_and_machine() {
        let file = program(&SECTIONS);
        let image = parse(&file).unwrap();
        assert!(image.machine.is_own() || cfg!(not(target_arch = "x86_64")));
        assert_eq!(image.machine.to_string(), "x64");
        assert_eq!(image.certificates, None);
        let names: Vec<&str> = image.sections.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, [".osrel", ".none", ".cmdline"]);
        let section = image.section(".cmdline").unwrap();
        let range = section.content.start as usize..section.content.end as usize;
        assert_eq!(file[range], *SECTIONS[2].1);
        assert_eq!(image.section(".none").unwrap().size(), 0);
        // The rest of the file is not needed.
        assert_eq!(
            Image::parse(&file[..0x200], file.len() as u64).unwrap(),
            image
        );
    }

    #[test]
    fn a_table_of_signatures_is_the_end() {
        let mut file = program(&SECTIONS);
        let directory = 0x58 + 112 + 4 * 8;
        let end = file.len() as u32;
        file.extend_from_slice(&[0; 0x18]);
        file[directory..directory + 4].copy_from_slice(&end.to_le_bytes());
        file[directory + 4] = 0x18;
        let certificates = parse(&file).unwrap().certificates;
        assert_eq!(certificates, Some(u64::from(end)..u64::from(end) + 0x18));
        file.push(0);
        let error = parse(&file).unwrap_err();
        assert!(matches!(error, PeError::Certificates { .. }), "{error}");
        file.pop();
        file[directory] ^= 8;
        assert!(matches!(parse(&file), Err(PeError::Certificates { .. })));
    }

    #[test]
    fn each_mistake_has_its_reason() {
        for (at, value, reason) in [
            (0, 0x5a00, "it is no EFI program: no PE headers"),
            (0x40, 0, "it is no EFI program: no PE headers"),
            (
                0x3c,
                0x7fff_ffff,
                "its PE headers are damaged: they do not end before the file does",
            ),
            (
                0x58,
                0x10c,
                "its PE headers are damaged: the optional header can't be read",
            ),
            (
                0x58 + 60,
                0x100,
                "its PE headers are damaged: `SizeOfHeaders` is too small",
            ),
            (
                TABLE + 20,
                0x100,
                "its section .osrel begins at 256, before what is in front of it ends at 512: it is damaged",
            ),
            (
                TABLE + 100,
                0x600,
                "the bytes 1024 to 1536 before its section .cmdline belong to no section: it is damaged",
            ),
            (
                TABLE + 96,
                0x400,
                "its section .cmdline ends at 2048, and the file at 1536: it is cut off",
            ),
        ] {
            assert_eq!(damaged(at, value), reason, "{at:#x}");
        }
    }

    #[test]
    fn long_headers_ask_for_more() {
        let sections: Vec<(&str, &[u8])> = vec![(".dtbauto", b"x"); 3000];
        let file = program(&sections);
        let size = file.len() as u64;
        let end = TABLE + 3000 * 40;
        assert!(matches!(
            Image::parse(&file[..FIRST_READ], size),
            Err(PeError::Longer(wanted)) if wanted == end
        ));
        assert_eq!(
            Image::parse(&file[..end], size).unwrap().sections.len(),
            3000
        );
        let filesystem = crate::fs::MemoryFilesystem::new().file("/a", file);
        let path = crate::fs::FsPath::new("/a").unwrap();
        let mut file = crate::fs::Filesystem::open(&filesystem, &path).unwrap();
        assert_eq!(Image::read(file.as_mut()).unwrap().sections.len(), 3000);
    }

    #[test]
    fn every_bit_of_the_headers_may_be_wrong() {
        let file = program(&SECTIONS);
        for at in 0..TABLE + 120 {
            for bit in 0..8 {
                let mut file = file.clone();
                file[at] ^= 1 << bit;
                let Ok(image) = parse(&file) else { continue };
                for section in &image.sections {
                    let is_inside = section.content.end <= file.len() as u64;
                    assert!(is_inside || section.size() == 0, "{at:#x} bit {bit}");
                }
            }
        }
        for end in 0..file.len() {
            assert!(parse(&file[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(
            changes in prop::collection::vec((0_usize..TABLE + 120, any::<u8>()), 0..12),
            end in 0_usize..1537,
        ) {
            let mut file = program(&SECTIONS);
            for (at, byte) in changes {
                file[at] = byte;
            }
            let _ = Image::parse(&file[..end], file.len() as u64);
            let _ = parse(&file);
        }
    }
}
