//! Disks with entries: a FAT filesystem, one kernel, and boot configurations that name it.

use std::fmt::Write;
use std::io::{Cursor, Write as _};

/// In what language entries are written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Language {
    /// A file of the Boot Loader Specification for each.
    Bls,
    /// One script of GRUB, as grub-mkconfig writes it.
    Grub,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Bls => "BLS",
            Language::Grub => "GRUB",
        }
    }
}

/// What the entries of a script of GRUB need before them.
pub(crate) const FUNCTIONS: &str = "function load_video { insmod all_video; }\n";

/// A filesystem of so many bytes, with so many entries for one kernel and one initrd.
pub(crate) fn fat(
    size: usize,
    (kernel, initrd): (&[u8], &[u8]),
    language: Language,
    entries: usize,
) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![0; size]);
    let options = fatfs::FormatVolumeOptions::new().volume_id(0x1234_5678);
    fatfs::format_volume(&mut bytes, options).unwrap();
    let filesystem = fatfs::FileSystem::new(&mut bytes, fatfs::FsOptions::new()).unwrap();
    let root = filesystem.root_dir();
    let write = |path: &str, content: &[u8]| {
        let mut file = root.create_file(path).unwrap();
        file.write_all(content).unwrap();
    };
    write("linux", kernel);
    write("initrd", initrd);
    let numbers = 0..entries;
    match language {
        Language::Bls => {
            root.create_dir("loader").unwrap();
            root.create_dir("loader/entries").unwrap();
            for number in numbers {
                let path = format!("loader/entries/entry-{number}.conf");
                write(&path, bls(number).as_bytes());
            }
        }
        Language::Grub => {
            root.create_dir("boot").unwrap();
            root.create_dir("boot/grub").unwrap();
            let entries: String = numbers.map(|n| grub(n, "1234-5678")).collect();
            let script = FUNCTIONS.to_owned() + &entries;
            write("boot/grub/grub.cfg", script.as_bytes());
        }
    }
    drop(root);
    drop(filesystem);
    bytes.into_inner()
}

fn bls(number: usize) -> String {
    format!(
        "title Number {number}\nversion {number}\nlinux /linux\ninitrd /initrd\n\
         options root=LABEL=root quiet\n"
    )
}

/// An entry as grub-mkconfig writes it, for a kernel in the root directory of this volume.
pub(crate) fn grub(number: usize, uuid: &str) -> String {
    let mut text = String::new();
    writeln!(
        text,
        "menuentry 'Linux {number}' --class debian --id 'linux-{number}' {{\n\
         \tload_video\n\tinsmod gzio\n\
         \tif [ x$feature_platform_search_hint = xy ]; then\n\
         \t  search --no-floppy --fs-uuid --set=root {uuid}\n\tfi\n\
         \techo 'Loading Linux {number} ...'\n\tlinux /linux root=/dev/sda2 ro n={number}\n\
         \tinitrd /initrd\n}}"
    )
    .unwrap();
    text
}
