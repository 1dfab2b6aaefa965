//! `sysappend`: what SYSLINUX knows of machine and volume, and adds to the command line of a Linux kernel
//! (`doc/syslinux.cfg.txt` and `core/sysappend.c` of SYSLINUX 6).

use crate::disk::{Content, Format};
use crate::smbios::{Smbios, Structure};

/// The types of structures of SMBIOS, and fields in them (DSP0134, section 7).
const FIRMWARE: u8 = 0;
const SYSTEM: u8 = 1;
const BOARD: u8 = 2;
const CHASSIS: u8 = 3;
const SYSTEM_UUID: usize = 8;
const CHASSIS_TYPE: usize = 5;

/// What the bits add, from the lowest on: the name, and for a text of SMBIOS the type of its structure and the field
/// that has its number.
const ADDED: [(&str, Option<(u8, usize)>); 19] = [
    ("ip", None),
    ("BOOTIF", None),
    ("SYSUUID", None),
    ("CPU", None),
    ("SYSVENDOR", Some((SYSTEM, 4))),
    ("SYSPRODUCT", Some((SYSTEM, 5))),
    ("SYSVERSION", Some((SYSTEM, 6))),
    ("SYSSERIAL", Some((SYSTEM, 7))),
    ("SYSSKU", Some((SYSTEM, 0x19))),
    ("SYSFAMILY", Some((SYSTEM, 0x1a))),
    ("MBVENDOR", Some((BOARD, 4))),
    ("MBPRODUCT", Some((BOARD, 5))),
    ("MBVERSION", Some((BOARD, 6))),
    ("MBSERIAL", Some((BOARD, 7))),
    ("MBASSET", Some((BOARD, 8))),
    ("BIOSVENDOR", Some((FIRMWARE, 4))),
    ("BIOSVERSION", Some((FIRMWARE, 5))),
    ("SYSFF", None),
    ("FSUUID", None),
];

/// Longer texts of a firmware are cut off, in bytes.
const MAX_TEXT: usize = 255;

/// What is known of the machine and of the volume.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// What the firmware says of this machine; `None` where the disk belongs to another one.
    pub smbios: Option<&'a Smbios>,
    /// What was recognised in the volume.
    pub content: Option<&'a Content>,
}

/// What is not known here.
struct Unknown;

impl Known<'_> {
    /// What the bits of `mask` add, each behind a space, and the names of what is not known here. What SYSLINUX
    /// would find empty adds nothing.
    pub(super) fn texts(self, mask: u32) -> (String, Vec<&'static str>) {
        let mut texts = String::new();
        let mut unknown = Vec::new();
        for (bit, (name, text)) in (0_u32..).zip(ADDED) {
            if mask.checked_shr(bit).unwrap_or_default() & 1 == 0 {
                continue;
            }
            match self.value(name, text) {
                Ok(None) => {}
                Ok(Some(value)) => texts.extend([" ", name, "=", &value]),
                Err(Unknown) => unknown.push(name),
            }
        }
        (texts, unknown)
    }

    fn value(self, name: &str, text: Option<(u8, usize)>) -> Result<Option<String>, Unknown> {
        match name {
            "ip" | "BOOTIF" => Err(Unknown),
            "FSUUID" => {
                let content = self.content.ok_or(Unknown)?;
                let formats = [Format::Fat, Format::Ext2, Format::Ext3, Format::Ext4];
                let has_it = content.format.is_some_and(|f| formats.contains(&f));
                Ok(content.uuid.clone().filter(|_| has_it))
            }
            _ => {
                let smbios = self.smbios.ok_or(Unknown)?;
                Ok(match (name, text) {
                    (_, Some((kind, field))) => text_of(smbios, kind, field),
                    ("SYSUUID", _) => uuid(smbios),
                    ("CPU", _) => processor(),
                    _ => form_factor(smbios),
                })
            }
        }
    }
}

fn text_of(smbios: &Smbios, kind: u8, field: usize) -> Option<String> {
    let structure = of_kind(smbios, kind)?;
    joined(structure.string(*structure.fields.get(field)?)?)
}

fn of_kind(smbios: &Smbios, kind: u8) -> Option<Structure<'_>> {
    let mut structures = smbios.structures();
    structures.find(|structure| structure.kind == kind)
}

/// A text with each white space, of which it has none at its ends, as one `_`. One that is not UTF-8 can't be in a
/// command line here, and is none.
fn joined(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text.get(..MAX_TEXT).unwrap_or(text)).ok()?;
    let words = text.split(|c: char| c.is_ascii_control() || c == ' ');
    let mut joined = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !joined.is_empty() {
            joined.push('_');
        }
        joined += word;
    }
    (!joined.is_empty()).then_some(joined)
}

/// The UUID with its bytes in the order in which they are: SYSLINUX knows nothing of numbers in it.
fn uuid(smbios: &Smbios) -> Option<String> {
    let fields = of_kind(smbios, SYSTEM)?.fields.get(SYSTEM_UUID..)?;
    let bytes: &[u8; 16] = fields.first_chunk()?;
    // Not present, or not set.
    if bytes.iter().all(|byte| *byte == 0) || bytes.iter().all(|byte| *byte == 0xff) {
        return None;
    }
    let mut text = crate::text::hex(bytes);
    for dash in [8, 13, 18, 23] {
        text.insert(dash, '-');
    }
    Some(text)
}

/// The number that says whether it is a desktop or a laptop; its highest bit is about a lock.
fn form_factor(smbios: &Smbios) -> Option<String> {
    let kind = of_kind(smbios, CHASSIS)?.fields.get(CHASSIS_TYPE)? & 0x7f;
    Some(kind.to_string())
}

/// The family, which is 6 for all with 64 bits, and what the processor can do.
#[cfg(target_arch = "x86_64")]
fn processor() -> Option<String> {
    use std::arch::x86_64::__cpuid;

    let (basic, extended) = (__cpuid(1), __cpuid(0x8000_0001));
    let features = [
        ('P', basic.edx, 6),
        ('V', basic.ecx, 5),
        ('T', basic.ecx, 6),
        ('X', extended.edx, 20),
        ('L', extended.edx, 29),
        ('S', extended.ecx, 2),
    ];
    let has = features
        .iter()
        .filter(|(_, word, bit)| word >> bit & 1 != 0);
    Some(
        std::iter::once('6')
            .chain(has.map(|(letter, ..)| *letter))
            .collect(),
    )
}

/// SYSLINUX runs on PCs only.
#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Structures as SMBIOS 3 has them: the type, the fields behind the first four bytes, and the texts.
    fn smbios(structures: &[(u8, &[u8], &[u8])]) -> Smbios {
        let mut table = Vec::new();
        for (kind, fields, texts) in structures {
            table.extend([*kind, fields.len() as u8 + 4, 0, 0]);
            table.extend(*fields);
            table.extend(*texts);
            table.extend(if texts.is_empty() { &[0, 0][..] } else { &[0] });
        }
        let mut point = b"_SM3_".to_vec();
        point.resize(0x0c, 0);
        point.extend((table.len() as u32).to_le_bytes());
        point.resize(24, 0);
        Smbios::parse(&point, table).unwrap()
    }

    const MACHINE: [(u8, &[u8], &[u8]); 4] = [
        (0, &[1, 2], b"BV\0B V\0"),
        (
            1,
            b"\x01\x02\x03\x00\x67\x45\x23\x01\xab\x89\xef\xcd\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x04\x05",
            b"  Acme  Inc. \0a\t \tb\0 \0Sku;\"x\"\0F\xc3\xa4mily\0",
        ),
        (2, &[1, 2, 3, 4, 5], b"MB\0P\x01P\0V\x7fW\0S\0A\0"),
        (3, &[0, 0x81], b""),
    ];

    fn content(format: Format, uuid: &str) -> Content {
        Content {
            format: Some(format),
            uuid: Some(uuid.to_owned()),
            label: None,
        }
    }

    /// What SYSLINUX 6.04 added in QEMU, but for the processor.
    #[test]
    fn what_syslinux_adds() {
        let smbios = smbios(&MACHINE);
        let content = content(Format::Fat, "1234-ABCD");
        let known = Known {
            smbios: Some(&smbios),
            content: Some(&content),
        };
        let (texts, unknown) = known.texts(0xffff_fff7);
        assert_eq!(
            texts,
            " SYSUUID=67452301-ab89-efcd-0123-456789abcdef SYSVENDOR=Acme_Inc. SYSPRODUCT=a_b SYSSKU=Sku;\"x\" \
             SYSFAMILY=Fämily MBVENDOR=MB MBPRODUCT=P_P MBVERSION=V_W MBSERIAL=S MBASSET=A BIOSVENDOR=BV \
             BIOSVERSION=B_V SYSFF=1 FSUUID=1234-ABCD"
        );
        assert_eq!(unknown, ["ip", "BOOTIF"]);
        assert_eq!(known.texts(0x20).0, " SYSPRODUCT=a_b");
        assert_eq!(known.texts(0), (String::new(), Vec::new()));
    }

    #[test]
    fn the_processor() {
        let smbios = smbios(&[]);
        let known = Known {
            smbios: Some(&smbios),
            content: None,
        };
        let (texts, _) = known.texts(8);
        let features = texts.strip_prefix(" CPU=6P").unwrap();
        let rest = features
            .chars()
            .try_fold("VTXLS", |rest, letter| Some(rest.split_once(letter)?.1));
        assert!(rest.is_some() && features.contains('L'), "{texts}");
    }

    #[test]
    fn what_is_not_there_adds_nothing() {
        // An image of another machine.
        let content_of = content(Format::Xfs, "1");
        let known = Known {
            smbios: None,
            content: Some(&content_of),
        };
        assert_eq!(
            known.texts(0x4_000c),
            (String::new(), vec!["SYSUUID", "CPU"])
        );
        assert_eq!(Known::default().texts(0x4_0000).1, ["FSUUID"]);
        // Fields that are cut off, numbers of texts that are not there, and what is not text.
        for structures in [
            &[(1, &[1, 2][..], &b"\xff\0"[..]), (3, &[0], b"")][..],
            &[(1, &[0; 23], b"")],
            &[(1, &[0xff; 23], b"x\0")],
            &[],
        ] {
            let smbios = smbios(structures);
            let known = Known {
                smbios: Some(&smbios),
                content: None,
            };
            assert_eq!(known.texts(0x3_fff4), (String::new(), Vec::new()));
        }
    }
}
