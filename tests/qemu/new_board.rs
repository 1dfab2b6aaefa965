//! A new board, made by the very commands of `docs/new-board.md`: its kernel is compiled, and boots.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::BOOT;
use super::disk::{Image, directory, run};
use super::machine::Machine;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A kernel that nothing of is in the cache may take as long as this where other tests run beside.
const COMPILING: Duration = Duration::from_secs(3600);

/// What a reader of the document has, with a disk. What `make qemu-test` has done already is not done again: installing
/// what is needed, and building the binary.
fn desk(disk: &Image) -> PathBuf {
    let desk = directory().join("new-board");
    let _ = std::fs::remove_dir_all(&desk);
    for inside in ["bin", "initramfs", "target/debug"] {
        std::fs::create_dir_all(desk.join(inside)).unwrap();
    }
    let copied = ["boards", "qemu"].map(|name| Path::new(ROOT).join(name));
    run(Command::new("cp").arg("-r").args(copied).arg(&desk));
    for name in ["Makefile", "initramfs/list", "tests"] {
        symlink(Path::new(ROOT).join(name), desk.join(name)).unwrap();
    }
    symlink(&disk.path, desk.join("disk.raw")).unwrap();
    let program = env!("CARGO_BIN_EXE_pilotlight");
    symlink(program, desk.join("target/debug/pilotlight")).unwrap();
    for (name, script) in [
        ("bin/cargo", ""),
        ("qemu/setup", ""),
        (
            "initramfs/build-binary",
            &format!("cp '{ROOT}/target/pilotlight' \"$2\""),
        ),
    ] {
        let path = desk.join(name);
        std::fs::write(&path, format!("#!/bin/sh -e\n{script}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    desk
}

#[test]
fn a_new_board_as_its_document_says() {
    let disk = Image::overlay("new-board", "esp");
    let desk = desk(&disk);
    let document = std::fs::read_to_string(Path::new(ROOT).join("docs/new-board.md")).unwrap();
    let commands = document.split("```sh\n").skip(1);
    let commands: String = commands
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert!(commands.contains("make run BOARD=rack"), "{commands}");
    let words = format!("PATH=$PWD/bin:$PATH\n{commands}");
    std::fs::write(desk.join("commands"), words).unwrap();
    let command = format!("cd '{}' && exec sh -e commands", desk.display());
    let mut machine = Machine::on_terminal("new-board", &command).start();
    machine.expect("Leave with Ctrl-A X.", COMPILING);
    machine.expect("booting Debian", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    machine.press("\u{1}x");
    machine.expect_end(BOOT);
    std::fs::remove_dir_all(desk).unwrap();
}
