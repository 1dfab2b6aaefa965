//! The hooks, run by what runs them on Debian: `kernel-install` and `run-parts`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::{SIGN, make_executable};
use crate::kit::{TempDir, copy_in, tool};
use crate::trust::authenticode::{chain, small, verdict};
use crate::trust::keys::Keys;
use crate::uki::{kernel, volume};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A machine with the hooks installed below `root`, and a key.
struct Machine(Keys);

impl Machine {
    fn new(settings: &str) -> Machine {
        let keys = Keys::three();
        let machine = Machine(keys);
        let output = tool("make")
            .args([
                "-C",
                ROOT,
                "--no-print-directory",
                "install-sign",
                "PREFIX=/usr",
            ])
            .arg(format!("SIGN_TOOL={SIGN}"))
            .arg(format!("DESTDIR={}", machine.path("root").display()))
            .env_remove("MAKEFLAGS")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let keys = [("KEY", "signer.key"), ("CERTIFICATE", "signer.pem")];
        let keys = keys.map(|(name, file)| format!("{name}={}\n", machine.path(file).display()));
        let path = "root/etc/pilotlight/sign.conf";
        let example = String::from_utf8(machine.0.read(path)).unwrap();
        // What stands last, counts.
        machine.directory().file(
            path,
            [example, keys.concat(), settings.to_owned()]
                .concat()
                .as_bytes(),
        );
        machine
    }

    fn directory(&self) -> &TempDir {
        &self.0.0
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn run(&self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let bin = format!(
            "{0}/usr/bin:{0}/usr/sbin:/usr/bin:/bin",
            self.path("root").display()
        );
        let mut command = tool(program);
        command.args(arguments).env("PATH", bin);
        command.env(
            "PILOTLIGHT_SIGN_CONF",
            self.path("root/etc/pilotlight/sign.conf"),
        );
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// As the scripts of Debian's packages call their hooks.
    fn run_parts(&self, hooks: &str, arguments: &[&str]) -> Output {
        let hooks = self.path(&format!("root/etc/{hooks}"));
        let mut all = vec!["--report".to_owned(), "--exit-on-error".to_owned()];
        all.extend(arguments.iter().map(|argument| format!("--arg={argument}")));
        all.push(hooks.to_str().unwrap().to_owned());
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.run("run-parts", &all, &[("DEB_MAINT_PARAMS", "'configure' ''")])
    }

    /// `kernel-install` with the hooks before ours that are named.
    fn kernel_install(&self, layout: &str, before: &Path, arguments: &[&str]) -> Output {
        self.directory()
            .file("conf/install.conf", format!("layout={layout}\n").as_bytes());
        self.directory().file("conf/entry-token", b"token\n");
        self.directory()
            .file("conf/cmdline", b"root=/dev/vda2 ro\n");
        let ours = self.path("root/etc/kernel/install.d/95-pilotlight-sign.install");
        let boot = self.path("boot");
        fs::create_dir_all(&boot).unwrap();
        self.run(
            "kernel-install",
            arguments,
            &[
                (
                    "KERNEL_INSTALL_CONF_ROOT",
                    self.path("conf").to_str().unwrap(),
                ),
                (
                    "KERNEL_INSTALL_PLUGINS",
                    &format!("{} {}", before.display(), ours.display()),
                ),
                ("BOOT_ROOT", boot.to_str().unwrap()),
                ("MACHINE_ID", "0123456789abcdef0123456789abcdef"),
            ],
        )
    }

    /// By whom a program is signed.
    fn signers(&self, program: &str) -> Vec<String> {
        chain(&verdict(&self.0.read(program), &self.0.trust(&["signer"])))
    }
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn fails(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains(why),
        "{why}: {output:?}"
    );
}

#[test]
fn kernel_install_signs_entries() {
    let machine = Machine::new("FILES=yes\n");
    let loaderentry = Path::new("/usr/lib/kernel/install.d/90-loaderentry.install");
    let kernel = machine.directory().file("vmlinuz", &small("pinned"));
    let initrd = machine.directory().file("initrd.img-6", b"initrd");
    let add = [
        "add",
        "6.1.0",
        kernel.to_str().unwrap(),
        initrd.to_str().unwrap(),
    ];
    // Twice: an initrd that is made anew calls it again.
    for _ in 0..2 {
        succeeds(&machine.kernel_install("bls", loaderentry, &add));
    }
    assert_eq!(machine.signers("boot/token/6.1.0/linux"), ["signer"]);
    assert_eq!(fs::read(&kernel).unwrap(), small("pinned"));
    let mut names: Vec<_> = fs::read_dir(machine.path("boot/token/6.1.0"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["initrd.img-6", "initrd.img-6.p7s", "linux", "linux.p7s"]
    );
    for name in ["initrd.img-6", "linux"] {
        machine.0.run(&format!(
            "openssl cms -verify -binary -inform DER -in {{}}/boot/token/6.1.0/{name}.p7s \
             -content {{}}/boot/token/6.1.0/{name} -partial_chain -CAfile {{}}/middle.pem -purpose any -out /dev/null"
        ));
    }
    succeeds(&machine.kernel_install("bls", loaderentry, &["remove", "6.1.0"]));
    assert!(!machine.path("boot/token/6.1.0").exists());
}

#[test]
fn kernel_install_signs_unified_kernel_images() {
    let machine = Machine::new("");
    let maker = machine.directory().file(
        "90-uki.install",
        b"#!/bin/sh\n[ \"$1\" = add ] || exit 0\nmkdir -p \"$KERNEL_INSTALL_BOOT_ROOT/EFI/Linux\"\n\
          cp \"$4\" \"$KERNEL_INSTALL_BOOT_ROOT/EFI/Linux/$KERNEL_INSTALL_ENTRY_TOKEN-$2+3.efi\"\n",
    );
    make_executable(&maker);
    let kernel = machine.directory().file("vmlinuz", &small("pinned"));
    let kernel = kernel.to_str().unwrap();
    succeeds(&machine.kernel_install("uki", &maker, &["add", "6.1.0", kernel]));
    assert_eq!(
        machine.signers("boot/EFI/Linux/token-6.1.0+3.efi"),
        ["signer"]
    );
    let nothing = machine.directory().file("90-none.install", b"#!/bin/sh\n");
    make_executable(&nothing);
    fails(
        &machine.kernel_install("uki", &nothing, &["add", "6.2.0", kernel]),
        "token-6.2.0.efi is not there: is a hook missing that makes it?",
    );
    // Debian's kernels lie in /boot, and have hooks of their own.
    succeeds(&machine.kernel_install("other", &nothing, &["add", "6.2.0", kernel]));
}

#[test]
fn debian_s_packages_call_hooks() {
    let machine = Machine::new("FILES=yes\n");
    let kernel = machine
        .directory()
        .file("boot/vmlinuz-6.1.0", &small("pinned"));
    let initrd = machine.directory().file("boot/initrd.img-6.1.0", b"initrd");
    symlink("vmlinuz-6.1.0", machine.path("boot/vmlinuz")).unwrap();
    let (kernel, initrd) = (kernel.to_str().unwrap(), initrd.to_str().unwrap());
    succeeds(&machine.run_parts("initramfs/post-update.d", &["6.1.0", initrd]));
    let first = machine.0.read("boot/initrd.img-6.1.0.p7s");
    succeeds(&machine.run_parts("kernel/postinst.d", &["6.1.0", kernel]));
    assert_eq!(machine.signers("boot/vmlinuz"), ["signer"]);
    assert!(machine.path("boot/vmlinuz-6.1.0.p7s").exists());

    machine.directory().file("boot/initrd.img-6.1.0", b"newer");
    succeeds(&machine.run_parts("initramfs/post-update.d", &["6.1.0", initrd]));
    assert_ne!(machine.0.read("boot/initrd.img-6.1.0.p7s"), first);

    fs::remove_file(kernel).unwrap();
    fs::remove_file(initrd).unwrap();
    succeeds(&machine.run_parts("kernel/postrm.d", &["6.1.0", kernel]));
    assert!(!machine.path("boot/vmlinuz-6.1.0.p7s").exists());
    assert!(!machine.path("boot/initrd.img-6.1.0.p7s").exists());
}

/// The manifest follows every change, and lists the kernel as it was signed.
#[test]
fn manifests_follow() {
    let machine = Machine::new("");
    let kernel = kernel();
    let files = [
        (
            "/grub/grub.cfg",
            b"menuentry x { linux /vmlinuz-6.1.0 ro\ninitrd /initrd.img-6.1.0 }\n".to_vec(),
        ),
        ("/vmlinuz-6.1.0", kernel),
        ("/initrd.img-6.1.0", b"initrd".to_vec()),
    ];
    let disk = volume(machine.directory(), &files);
    let manifest = machine.path("boot/pilotlight/manifest");
    let settings = format!("MANIFEST={}\nDISKS={}\n", manifest.display(), disk.path());
    let path = "root/etc/pilotlight/sign.conf";
    let before = String::from_utf8(machine.0.read(path)).unwrap();
    machine
        .directory()
        .file(path, [before, settings].concat().as_bytes());
    let initrd = machine.directory().file("boot/initrd.img-6.1.0", b"initrd");
    succeeds(&machine.run_parts(
        "initramfs/post-update.d",
        &["6.1.0", initrd.to_str().unwrap()],
    ));
    let first = fs::read_to_string(&manifest).unwrap();
    assert!(
        first.contains("version 1\n") && first.contains(" /initrd.img-6.1.0\n"),
        "{first}"
    );
    assert!(machine.path("boot/pilotlight/manifest.p7s").exists());
    machine.directory().file("newer", b"newer");
    copy_in(&disk, &machine.path("newer"), "/initrd.img-6.1.0");
    let kernel = machine
        .directory()
        .file("boot/vmlinuz-6.1.0", &small("pinned"));
    succeeds(&machine.run_parts("kernel/postinst.d", &["6.1.0", kernel.to_str().unwrap()]));
    let second = fs::read_to_string(&manifest).unwrap();
    assert!(second.contains("version 2\n"), "{second}");
    fs::remove_file(disk.path()).unwrap();
    fails(
        &machine.run_parts("kernel/postrm.d", &["6.1.0"]),
        "manifest is not signed: a board",
    );
}

#[test]
fn they_fail_loudly() {
    for (settings, why) in [
        (
            "KEY=/none\n",
            "vmlinuz-6.1.0 is not signed: a board that asks for signatures will not boot it.",
        ),
        (
            "KEY=/none\n",
            "pilotlight-sign: openssl can't sign with the key /none. It says: ",
        ),
        ("KEY=\n", "sign.conf: KEY is missing"),
        ("CERTIFICATE=\n", "sign.conf: CERTIFICATE is missing"),
        (
            "PROGRAMS=true\n",
            "sign.conf: PROGRAMS is yes or no, not \"true\"",
        ),
        (
            "FILES=maybe\n",
            "sign.conf: FILES is yes or no, not \"maybe\"",
        ),
    ] {
        let machine = Machine::new(settings);
        let kernel = machine
            .directory()
            .file("boot/vmlinuz-6.1.0", &small("pinned"));
        fails(
            &machine.run_parts("kernel/postinst.d", &["6.1.0", kernel.to_str().unwrap()]),
            why,
        );
        assert_eq!(fs::read(&kernel).unwrap(), small("pinned"));
    }
    let machine = Machine::new("");
    fs::remove_file(machine.path("root/etc/pilotlight/sign.conf")).unwrap();
    fails(
        &machine.run_parts("kernel/postinst.d", &["6.1.0"]),
        "sign.conf is missing: write it as docs/signing.md says",
    );
}

/// An administrator's settings stay when the hooks are installed anew.
#[test]
fn settings_are_kept() {
    let machine = Machine::new("FILES=yes\n");
    let before = machine.0.read("root/etc/pilotlight/sign.conf");
    let output = tool("make")
        .args(["-C", ROOT, "install-sign", "PREFIX=/usr"])
        .arg(format!("SIGN_TOOL={SIGN}"))
        .arg(format!("DESTDIR={}", machine.path("root").display()))
        .output()
        .unwrap();
    succeeds(&output);
    assert_eq!(machine.0.read("root/etc/pilotlight/sign.conf"), before);
}
