//! `docs/signing.md`: every command in it is run, in its order.

use std::fs;
use std::path::Path;

use super::{SIGN, make_executable};
use crate::kit::{temp_dir, tool};
use crate::trust::authenticode::small;
use crate::uki::{kernel, volume};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The commands: indented lines that begin with `$ `, with the lines that they go on with.
fn commands(document: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in document.lines() {
        match (line.strip_prefix("    $ "), commands.last_mut()) {
            (Some(command), _) => commands.push(command.to_owned()),
            (None, Some(command)) if goes_on => command.push_str(&format!("\n{}", line.trim())),
            _ => {}
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

#[test]
fn every_command_of_the_document_runs() {
    let document = fs::read_to_string(Path::new(ROOT).join("docs/signing.md")).unwrap();
    let commands = commands(&document);
    assert!(commands.len() > 15, "{commands:?}");
    let dir = temp_dir();
    // What the reader has: the sources, a kernel, an initrd, a unified kernel image, and somewhere to install.
    for name in ["Makefile", "hooks", "qemu", "tests"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(name), dir.path().join(name)).unwrap();
    }
    for program in ["vmlinuz", "linux.efi"] {
        dir.file(program, &small("pinned"));
    }
    dir.file("initrd.img", b"initrd");
    let entry = b"title site\nlinux /vmlinuz\noptions root=/dev/vda2 ro\n".to_vec();
    let disk = volume(
        &dir,
        &[("/vmlinuz", kernel()), ("/loader/entries/site.conf", entry)],
    );
    fs::rename(disk.path(), dir.path().join("disk.raw")).unwrap();
    make_executable(&dir.file("bin/sudo", b"#!/bin/sh\nexec \"$@\"\n"));
    std::os::unix::fs::symlink(SIGN, dir.path().join("bin/pilotlight-sign")).unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let tokens = format!("directories.tokendir = {}\n", home.display());
    let tokens = dir.file("softhsm.conf", tokens.as_bytes());
    for needed in [
        "gpg",
        "make",
        "mcopy",
        "minisign",
        "pkcs11-tool",
        "softhsm2-util",
        "ssh-keygen",
    ] {
        tool(needed);
    }
    for command in commands {
        let path = format!(
            "{}:{}",
            dir.path().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let output = tool("sh")
            .args(["-e", "-c", &command])
            .current_dir(dir.path())
            .env("PATH", path)
            .env("HOME", &home)
            .env("GNUPGHOME", &home)
            .env("SOFTHSM2_CONF", &tokens)
            .env("MAKEFLAGS", format!("SIGN_TOOL={SIGN}"))
            .env("DESTDIR", dir.path().join("installed"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "$ {command}\n{said}");
    }
    assert!(
        dir.path()
            .join("installed/etc/kernel/postinst.d/zzz-pilotlight-sign")
            .exists()
    );
}
