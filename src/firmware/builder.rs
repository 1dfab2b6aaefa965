//! Volumes made by hand, from the specification alone, for tests.

use std::io::Write;

use lzma_rust2::{LzmaOptions, LzmaWriter};

/// `EFI_FIRMWARE_FILE_SYSTEM2_GUID` and `…3_GUID`.
pub(super) const FFS2: &str = "8c8ce578-8a3d-4f1c-9935-896185c32dd3";
pub(super) const FFS3: &str = "5473c07a-3dcb-4dca-bd6f-1e9689e7349a";
pub(super) const LZMA: &str = "ee4e5898-3914-4259-9d6e-dc7bd79403cf";
pub(super) const LZMA_F86: &str = "d42ae6bd-1352-4bfb-909a-ca72a6eae889";
pub(super) const CRC32: &str = "fc1bcdb0-7d31-49aa-936a-a4600d9dd083";

pub(super) const DRIVER: u8 = 0x07;
pub(super) const PEIM: u8 = 0x06;

/// A GUID of one byte, sixteen times.
pub(super) fn guid(byte: u8) -> super::Guid {
    super::Guid::from_bytes([byte; 16])
}

pub(super) fn bytes(guid: &str) -> [u8; 16] {
    guid.parse::<super::Guid>().unwrap().bytes()
}

/// A volume of one erase polarity, with an extended header that names it.
pub(super) struct Builder {
    pub size: usize,
    pub filesystem: &'static str,
    pub erased: u8,
    pub name: u8,
    pub revision: u8,
    /// Entries of the extended header.
    pub entries: Vec<u8>,
    pub files: Vec<Vec<u8>>,
}

impl Builder {
    pub(super) fn new(size: usize, files: Vec<Vec<u8>>) -> Builder {
        Builder {
            size,
            filesystem: FFS2,
            erased: 0xff,
            name: 0x77,
            revision: 2,
            entries: Vec::new(),
            files,
        }
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let attributes: u32 = if self.erased == 0xff {
            0x4_feff
        } else {
            0x4_f6ff
        };
        let mut volume = vec![0; 16];
        volume.extend(bytes(self.filesystem));
        volume.extend((self.size as u64).to_le_bytes());
        volume.extend(b"_FVH");
        volume.extend(attributes.to_le_bytes());
        volume.extend(72_u16.to_le_bytes());
        volume.extend([0, 0]);
        // The extended header comes right behind, in a pad file as EDK II does it.
        volume.extend(96_u16.to_le_bytes());
        volume.extend([0, self.revision]);
        volume.extend((self.size as u32 / 256).to_le_bytes());
        volume.extend(256_u32.to_le_bytes());
        volume.extend([0; 8]);
        let sum = volume.chunks(2).fold(0_u16, |sum, pair| {
            sum.wrapping_add(u16::from_le_bytes([pair[0], pair[1]]))
        });
        volume[50..52].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
        let mut extended = [self.name; 16].to_vec();
        extended.extend((20 + self.entries.len() as u32).to_le_bytes());
        extended.extend(&self.entries);
        volume.extend(file([0xff; 16], 0xf0, 0, &extended, self.erased));
        for file in &self.files {
            let end = volume.len().next_multiple_of(8);
            volume.resize(end, self.erased);
            volume.extend(file);
        }
        assert!(volume.len() <= self.size, "{} bytes", volume.len());
        volume.resize(self.size, self.erased);
        volume
    }
}

/// A file of a volume.
pub(super) fn file(guid: [u8; 16], kind: u8, attributes: u8, body: &[u8], erased: u8) -> Vec<u8> {
    let mut header = guid.to_vec();
    let size = body.len() + 24;
    let data = match attributes & 0x40 {
        0 => 0xaa,
        _ => body.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte)),
    };
    header.extend([0, 0, kind, attributes]);
    if attributes & 1 == 0 {
        header.extend(&(size as u32).to_le_bytes()[..3]);
        header.push(0);
    } else {
        header.extend([0; 4]);
        header.extend((size as u64 + 8).to_le_bytes());
    }
    header[16] = header
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_sub(*byte));
    header[17] = data;
    header[23] = 0x07 ^ erased;
    [&header, body].concat()
}

/// A driver with a program and a name.
pub(super) fn driver(byte: u8, name: &str, program: &[u8]) -> Vec<u8> {
    file([byte; 16], DRIVER, 0, &module(name, program), 0xff)
}

/// The sections of a module.
pub(super) fn module(name: &str, program: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = name
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    join(&[section(0x10, program), section(0x15, &text)])
}

pub(super) fn section(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut section = ((body.len() + 4) as u32).to_le_bytes()[..3].to_vec();
    section.push(kind);
    section.extend(body);
    section
}

/// Sections, each at a multiple of four bytes.
pub(super) fn join(sections: &[Vec<u8>]) -> Vec<u8> {
    sections.iter().fold(Vec::new(), |mut all, one| {
        all.resize(all.len().next_multiple_of(4), 0);
        all.extend(one);
        all
    })
}

/// A GUID-defined section.
pub(super) fn guided(guid: &str, attributes: u16, extra: &[u8], body: &[u8]) -> Vec<u8> {
    let mut content = bytes(guid).to_vec();
    content.extend((24 + extra.len() as u16).to_le_bytes());
    content.extend(attributes.to_le_bytes());
    content.extend(extra);
    content.extend(body);
    section(0x02, &content)
}

/// Sections packed by LZMA.
pub(super) fn lzma(content: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::with_preset(6);
    let size = Some(content.len() as u64);
    let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, size).unwrap();
    writer.write_all(content).unwrap();
    guided(LZMA, 1, &[], &writer.finish().unwrap())
}

/// An image as OVMF's: a volume with a packed volume in it, and another volume behind it.
pub(super) fn nested() -> Vec<u8> {
    let inner = Builder {
        name: 0x11,
        ..Builder::new(
            0x1000,
            vec![
                driver(1, "Shell", b"MZ the shell"),
                driver(2, "Network", b"MZ the network"),
                file([3; 16], 0x02, 0, &section(0x19, b"data"), 0xff),
            ],
        )
    };
    let sections = join(&[section(0x19, &[0; 12]), section(0x17, &inner.build())]);
    let packed = file([9; 16], 0x0b, 0, &lzma(&sections), 0xff);
    let outer = Builder::new(0x800, vec![packed]);
    let last = Builder {
        name: 0x22,
        ..Builder::new(0x400, vec![driver(4, "Other", b"MZ other")])
    };
    [outer.build(), vec![0xa5; 64], last.build()].concat()
}
