//! GRUB images for a BIOS and for EFI, booted in QEMU: what its program for workstations (`grub-emu`) can't do, which
//! is loading and starting kernels, asking for passwords, and waiting.

mod machine;
mod menus;
mod scripts;

use std::sync::OnceLock;

use super::corpus::split;
use crate::kit::{run, temp_dir};

/// What differences are said to be of.
pub fn names() -> impl Iterator<Item = String> {
    let texts = [
        ("bios", scripts::BIOS),
        ("efi", scripts::EFI),
        ("booted", menus::MENUS),
        ("menus", super::menus::MENUS),
    ];
    texts.into_iter().flat_map(|(kind, text)| {
        let scripts = split(text).into_iter();
        scripts.map(move |(name, _)| format!("{kind}/{name}"))
    })
}

/// A file that boot loaders take for a Linux kernel: it prints `@@{COMMAND LINE|INITRD}@@`, with `~`
/// for zero bytes.
pub fn kernel() -> &'static [u8] {
    static KERNEL: OnceLock<Vec<u8>> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let dir = temp_dir();
        let source = dir.file("kernel.s", include_bytes!("kernel.s"));
        let [object, kernel] = ["kernel.o", "kernel"].map(|name| dir.path().join(name));
        let [source, object] = [&source, &object].map(|path| path.to_str().unwrap());
        run("as", ["--32", "-o", object, source]);
        let layout = "-m elf_i386 -Ttext 0 -e 0 --oformat binary -o";
        let to = [kernel.to_str().unwrap(), object];
        run("ld", layout.split_whitespace().chain(to));
        std::fs::read(kernel).unwrap()
    })
}
