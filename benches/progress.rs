//! What it costs to show how far the reading is, on the serial line and on the screen of a machine whose clock counts
//! instructions: next to nothing. `make bench` names the kernel in `PILOTLIGHT_KERNEL`.

use std::path::Path;

use crate::boot::{Boot, READ, SIZE};
use crate::directory::Directory;
use crate::medium::{self, Language};

/// Reading and hashing may take so many times as long while it is shown.
const TARGET: f64 = 1.05;

/// A policy under which the menu shows everything on both consoles, the serial line and the screen, and one under which
/// nothing is shown.
const SHOWN: [&str; 2] = ["[menu]\ntimeout = 0.5\n", "[menu]\ntimeout = 0\n"];

/// Bytes of the initrd.
const INITRD: usize = 20 << 20;

pub(crate) fn measure(is_measured: bool) -> bool {
    // Among the tests there is no kernel.
    if !is_measured {
        return true;
    }
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make bench`");
    let bytes = std::fs::read(&kernel).expect("the kernel can be read");
    let directory = Directory::new("progress");
    let write = |name: &str, content: &[u8]| {
        let path = directory.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let initrd = vec![0; INITRD];
    let image = medium::fat(SIZE, (&bytes, &initrd), Language::Bls, 1);
    let image = write("disk.raw", &image);
    let [shown, unseen] = SHOWN.map(|policy| {
        let archive = write(
            "policy.cpio",
            &archive("etc/pilotlight/policy.toml", policy),
        );
        let boot = Boot::of(
            Path::new(&kernel),
            std::slice::from_ref(&image),
            Some(&archive),
        );
        let read = boot.stages.iter().find(|(name, _)| name == READ);
        read.expect("it was read").1
    });
    let ratio = shown / unseen;
    println!(
        "read and hash 20 MiB under emulation: {unseen:.0} ms, and {shown:.0} ms while it is shown; \
         ratio {ratio:.3} (target: at most {TARGET})"
    );
    ratio <= TARGET
}

/// An archive with one file, in a directory that is there
/// (`Documentation/driver-api/early-userspace/buffer-format.rst`).
fn archive(path: &str, content: &str) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, mode, content) in [(path, 0o100_644, content), ("TRAILER!!!", 0, "")] {
        let (size, length) = (content.len(), path.len() + 1);
        let fields = [0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
        let fields: String = fields.map(|field| format!("{field:08x}")).concat();
        for part in [format!("070701{fields}{path}\0"), content.to_owned()] {
            archive.extend(part.bytes());
            archive.resize(archive.len().next_multiple_of(4), 0);
        }
    }
    archive
}
