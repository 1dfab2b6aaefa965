//! Disks of a few files, and the whole list that comes of them: a star for the default, the title, the menus
//! around it, the command line, and what is loaded besides. `!` begins a problem that keeps it from being booted,
//! or one of the volume, and `~` a remark. Files are written down as
//! `--- path` and their content; without one they are kernels. In it `UUID` stands for that of the filesystem.

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;

use crate::cli::kernel;
use crate::kit::{Image, MIB, run_line, temp_dir};

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// Makes a disk of the files and lists it.
pub fn list(files: &str) -> String {
    let dir = temp_dir();
    for file in format!("\n{files}").split("\n--- ").skip(1) {
        let (path, content) = file.split_once('\n').unwrap_or((file, ""));
        let mut content = content
            .replace("UUID=", "\0")
            .replace("UUID", UUID)
            .replace('\0', "UUID=");
        if path.ends_with("grubenv") {
            content = format!("{content}\n{}", "#".repeat(1023 - content.len()));
        }
        match content.trim() {
            "" => dir.file(&format!("tree{path}"), &kernel(1)),
            _ => dir.file(&format!("tree{path}"), content.as_bytes()),
        };
    }
    let image = dir.image("image", 16 * MIB);
    let tree = dir.path().join("tree");
    run_line(
        &format!("mke2fs -q -t ext4 -U {UUID} -d {} {{}}", tree.display()),
        &image,
    );
    list_image(&image)
}

/// Everything that is offered on an image, as text.
pub fn list_image(image: &Image) -> String {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&image.0).unwrap());
    let found = discover(&inventory);
    let mut text = String::new();
    for entry in &found.entries {
        let star = if entry.default { '*' } else { ' ' };
        let menus = entry.submenu.join(" > ");
        text += &format!("{star} {} [{menus}] {}", entry.title, entry.cmdline);
        let initrds = entry.initrd.iter().map(|file| file.file.path.to_string());
        let modules = entry.modules.iter();
        let modules = modules.map(|module| format!("{} {}", module.file.path, module.cmdline));
        let loaded: Vec<String> = initrds.chain(modules).collect();
        if !loaded.is_empty() {
            text += &format!(" | {}", loaded.join(" "));
        }
        text.push('\n');
        for also in &entry.also_at {
            let line = also.line.map(|line| format!(", line {line}"));
            text += &format!("  = {}{}\n", also.file.path, line.unwrap_or_default());
        }
        for problem in &entry.problems {
            let sign = if problem.blocks { '!' } else { '~' };
            text += &format!("  {sign} {}\n", problem.text);
        }
    }
    for problem in &found.problems {
        text += &format!("! {}\n", problem.text);
    }
    text
}
