//! `file`: what a file is (`grub-core/commands/file.c`), as far as it could be started here or by firmware.

use super::{Call, Table};
use crate::config::grub::failure::{
    BAD_ARGUMENT, FILE_NOT_FOUND, FILE_READ_ERROR, Failure, NOT_IMPLEMENTED, Outcome, fail,
};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};

pub(super) const TABLE: Table = &[("file", file)];

/// So much of a file is looked at: the header of Multiboot2 is in the first 32 KiB.
const HEAD: usize = 32 * 1024;

/// Does a file of this length, which begins with these bytes, belong to the type?
type Check = fn(u64, &[u8]) -> bool;

const TYPES: [(&str, Check); 14] = [
    ("is-x86-linux", |_, head| is_linux(head, 0x200)),
    ("is-x86-linux32", |_, head| {
        is_linux(head, 0x203) && head.get(0x211).is_some_and(|flags| flags & 1 != 0)
    }),
    ("is-arm-linux", |_, head| {
        let is_arm = u32_at(head, 0) == Some(0xea00_0006) || u32_at(head, 36) == Some(0x016f_2818);
        is_arm && head.len() >= 64
    }),
    ("is-arm64-linux", |_, head| {
        head.get(56..60) == Some(b"ARM\x64")
    }),
    ("is-x86-multiboot", |_, head| {
        is_multiboot(head.get(..8192).unwrap_or(head), 0x1bad_b002, 1, 3)
    }),
    ("is-x86-multiboot2", |_, head| {
        is_multiboot(head, 0xe852_50d6, 2, 4)
    }),
    ("is-i386-efi", |_, head| is_efi(head, 0x14c, 0x10b)),
    ("is-x86_64-efi", |_, head| is_efi(head, 0x8664, 0x20b)),
    ("is-ia64-efi", |_, head| is_efi(head, 0x200, 0x20b)),
    ("is-arm-efi", |_, head| is_efi(head, 0x1c2, 0x10b)),
    ("is-arm64-efi", |_, head| is_efi(head, 0xaa64, 0x20b)),
    ("is-riscv64-efi", |_, head| is_efi(head, 0x5064, 0x20b)),
    ("is-hibernated-hiberfil", |_, head| {
        head.starts_with(b"hibr") || head.starts_with(b"HIBR")
    }),
    ("is-x86-bios-bootsector", |size, head| {
        size == 512 && head.ends_with(&[0x55, 0xaa])
    }),
];

/// Systems that nothing is known of here.
const OTHER_TYPES: [&str; 18] = [
    "is-i386-xen-pae-domu",
    "is-x86_64-xen-domu",
    "is-x86-xen-dom0",
    "is-ia64-linux",
    "is-mips-linux",
    "is-mipsel-linux",
    "is-sparc64-linux",
    "is-powerpc-linux",
    "is-x86-kfreebsd",
    "is-i386-kfreebsd",
    "is-x86_64-kfreebsd",
    "is-x86-knetbsd",
    "is-i386-knetbsd",
    "is-x86_64-knetbsd",
    "is-riscv32-efi",
    "is-x86_64-xnu",
    "is-i386-xnu",
    "is-xnu-hibr",
];

/// `file --is-… FILE`
fn file(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let names = TYPES.iter().map(|(name, _)| *name).chain(OTHER_TYPES);
    let (short, value) = ('\0', Value::None);
    let options: Vec<Spec> = names.map(|long| Spec { short, long, value }).collect();
    let given = options::parse(&options, Style::Strict, call.arguments)?;
    let Some(name) = given.arguments.first() else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    let mut wanted = options.iter().filter(|option| given.has(option.long));
    let wanted = match (wanted.next(), wanted.next()) {
        (None, _) => return fail(BAD_ARGUMENT, "no type specified"),
        (Some(wanted), None) => wanted.long,
        _ => return fail(BAD_ARGUMENT, "multiple types specified"),
    };
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let file = state.devices.locate(name, state.variables.get("root"))?;
    state.devices.check(&file)?;
    let failed = |error: crate::fs::FsError| Failure::new(FILE_READ_ERROR, error.to_string());
    let filesystem = state.devices.filesystem(file.volume)?;
    let mut opened = filesystem.open(&file.path).map_err(failed)?;
    let mut head = vec![0; HEAD];
    let length = opened.read_at(0, &mut head).map_err(failed)?;
    head.truncate(length);
    state.budget.work(length);
    match TYPES.iter().find(|(name, _)| *name == wanted) {
        Some((_, check)) if check(opened.size(), &head) => Ok(()),
        Some(_) => Err(Failure::falsehood()),
        None => fail(
            NOT_IMPLEMENTED,
            format!("`file --{wanted}' is not supported"),
        ),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A setup header of at least this version of the boot protocol.
fn is_linux(head: &[u8], version: u16) -> bool {
    /// `GRUB_LINUX_MAX_SETUP_SECTS`
    const MAX_SETUP: u8 = 64;

    u16_at(head, 0x1fe) == Some(0xaa55)
        && head.get(0x1f1).is_some_and(|sectors| *sectors <= MAX_SETUP)
        && head.get(0x202..0x206) == Some(b"HdrS")
        && u16_at(head, 0x206).is_some_and(|own| own >= version)
        // GRUB reads the header of the newest protocol it knows.
        && head.len() >= 0x268
}

/// A header of so many words, which are 0 together, at a multiple of `step` words.
fn is_multiboot(head: &[u8], magic: u32, step: usize, words: usize) -> bool {
    let all: Vec<u32> = head
        .as_chunks()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word))
        .collect();
    let mut headers = all.windows(words).step_by(step);
    head.len() >= 32
        && headers.any(|header| {
            let sum = header
                .iter()
                .fold(0, |sum: u32, word| sum.wrapping_add(*word));
            header.first() == Some(&magic) && sum == 0
        })
}

/// An EFI application for a machine, with headers of the kind that `magic` tells.
fn is_efi(head: &[u8], machine: u16, magic: u16) -> bool {
    let check = || {
        let start = usize::try_from(u32_at(head, 0x3c)?).ok()?;
        let headers = head.get(start..)?;
        let is_program = head.starts_with(b"MZ") && headers.starts_with(b"PE\0\0");
        Some(
            is_program
                && u16_at(headers, 4) == Some(machine)
                && u16_at(headers, 24) == Some(magic)
                && u16_at(headers, 92) == Some(10),
        )
    };
    check().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(size: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; size];
        for (at, field) in fields {
            bytes[*at..at + field.len()].copy_from_slice(field);
        }
        bytes
    }

    #[test]
    fn every_type_and_no_other() {
        let efi = |machine: [u8; 2], magic: [u8; 2]| {
            let (machine, magic) = (machine.to_vec(), magic.to_vec());
            bytes(
                512,
                &[
                    (0, b"MZ"),
                    (0x3c, &[0x80]),
                    (0x80, b"PE\0\0"),
                    (0x84, &machine),
                    (0x98, &magic),
                    (0x80 + 92, &[10]),
                ],
            )
        };
        let linux = |version: u8| {
            let fields: [(usize, &[u8]); 4] = [
                (0x1fe, &[0x55, 0xaa]),
                (0x202, b"HdrS"),
                (0x206, &[version, 2]),
                (0x211, &[1]),
            ];
            bytes(1024, &fields)
        };
        let multiboot = |magic: u32, words: u32, at: usize| {
            let check = 0_u32.wrapping_sub(magic).wrapping_sub(7);
            let fields = [magic, 7, if words == 3 { check } else { 0 }, check];
            let fields = fields.map(u32::to_le_bytes).concat();
            bytes(at + 64, &[(at, &fields[..words as usize * 4])])
        };
        for (file, expected) in [
            (linux(15), &["is-x86-linux", "is-x86-linux32"][..]),
            (linux(2), &["is-x86-linux"]),
            (linux(15)[..0x230].to_vec(), &[]),
            (bytes(64, &[(0, &[6, 0, 0, 0xea])]), &["is-arm-linux"]),
            (bytes(64, &[(56, b"ARM\x64")]), &["is-arm64-linux"]),
            (multiboot(0x1bad_b002, 3, 4), &["is-x86-multiboot"]),
            (multiboot(0x1bad_b002, 3, 8190 & !3), &[]),
            (multiboot(0xe852_50d6, 4, 8192), &["is-x86-multiboot2"]),
            (multiboot(0xe852_50d6, 4, 4), &[]),
            (efi([0x64, 0x86], [0x0b, 2]), &["is-x86_64-efi"]),
            (efi([0x4c, 0x01], [0x0b, 1]), &["is-i386-efi"]),
            (efi([0x64, 0xaa], [0x0b, 2]), &["is-arm64-efi"]),
            (efi([0x64, 0xaa], [0x0b, 1]), &[]),
            (bytes(20, &[(0, b"MZ")]), &[]),
            (b"hibr".to_vec(), &["is-hibernated-hiberfil"]),
            (
                bytes(512, &[(510, &[0x55, 0xaa])]),
                &["is-x86-bios-bootsector"],
            ),
            (bytes(513, &[(511, &[0x55, 0xaa])]), &[]),
            (Vec::new(), &[]),
        ] {
            let found = TYPES
                .iter()
                .filter(|(_, check)| check(file.len() as u64, &file));
            let found: Vec<&str> = found.map(|(name, _)| *name).collect();
            assert_eq!(found, expected);
        }
    }
}
