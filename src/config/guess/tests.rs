//! Systems in memory.

use super::*;
use crate::fs::MemoryFilesystem;

const UUID: &str = "0123-4567";

/// A kernel as far as its header is looked at.
pub(in crate::config) fn kernel(version: &str) -> Vec<u8> {
    let mut file = vec![0; 4096];
    file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    file[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    file[0x20e..0x210].copy_from_slice(&0x300_u16.to_le_bytes());
    file[0x211] = 1;
    file[0x236] = 3;
    file[0x239] = 8;
    let text = format!("{version} (root@host) #1");
    file[0x500..0x500 + text.len()].copy_from_slice(text.as_bytes());
    file
}

fn guessed_on(filesystem: MemoryFilesystem, known: &[BootEntry]) -> Guessed {
    let mut inventory = Inventory::new();
    let volume = inventory.add_filesystem(UUID, Box::new(filesystem));
    guess(&inventory, &[volume], known)
}

/// Of each entry: title, command line, initrds.
fn summary(guessed: &Guessed) -> Vec<String> {
    let line = |entry: &BootEntry| {
        let initrds: Vec<&str> = entry.initrd.iter().map(|f| f.file.path.as_str()).collect();
        format!("{}: {} | {}", entry.title, entry.cmdline, initrds.join(" "))
    };
    guessed.entries.iter().map(line).collect()
}

fn debian() -> MemoryFilesystem {
    MemoryFilesystem::new()
        .file("/etc/os-release", "PRETTY_NAME=\"Debian 12\"\nID=debian\n")
        .file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        .file("/boot/vmlinuz-6.1.0-9-amd64", kernel("6.1.0-9-amd64"))
        .file("/boot/vmlinuz-6.1.0-10-amd64", kernel("6.1.0-10-amd64"))
        .file("/boot/initrd.img-6.1.0-10-amd64", "")
        .file("/boot/initrd.img-6.1.0-9-amd64", "")
        .file("/boot/config-6.1.0-10-amd64", "")
}

#[test]
fn a_debian_without_a_boot_loader() {
    let filesystem = debian()
        .file("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\nGRUB_CMDLINE_LINUX=console=ttyS0\n")
        .file("/etc/fstab", "UUID=0123-4567 / ext4 errors=remount-ro 0 1\n");
    let guessed = guessed_on(filesystem, &[]);
    let line = "root=UUID=0123-4567 ro console=ttyS0 quiet splash";
    assert_eq!(
        summary(&guessed),
        [
            format!(
                "Debian 12, Linux 6.1.0-10-amd64 (guessed): {line} | /boot/initrd.img-6.1.0-10-amd64"
            ),
            format!(
                "Debian 12, Linux 6.1.0-9-amd64 (guessed): {line} | /boot/initrd.img-6.1.0-9-amd64"
            ),
        ]
    );
    let entry = &guessed.entries[0];
    assert_eq!(entry.source.name(), "guess");
    assert_eq!(entry.id, "guess-vmlinuz-6.1.0-10-amd64");
    assert_eq!(entry.version.as_deref(), Some("6.1.0-10-amd64"));
    assert_eq!(
        entry.machine_id.as_deref(),
        Some("0123456789abcdef0123456789abcdef")
    );
    assert!(entry.bootable() && !entry.default);
    // What its system is set to does not name a kernel: signed or not, it covers nothing.
    assert_eq!(entry.written.files(), []);
    let said = &entry.problems[0].text;
    assert!(
        said.contains("/etc/default/grub, /etc/fstab of disk-0123-4567 partition 2"),
        "{said}"
    );
    assert_eq!(guessed.problems, []);
}

#[test]
fn an_arch_with_a_fallback_and_microcode() {
    let filesystem = MemoryFilesystem::new()
        .file("/usr/lib/os-release", "NAME='Arch Linux'\n")
        .file(
            "/etc/kernel/cmdline",
            "# mine\nroot=LABEL=arch rw\nquiet initrd=\\x\n",
        )
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX=no")
        .file("/boot/vmlinuz-linux", kernel("6.6.1-arch1-1"))
        .file("/boot/initramfs-linux.img", "")
        .file("/boot/initramfs-linux-fallback.img", "")
        .file("/boot/intel-ucode.img", "")
        .file("/boot/vmlinuz-0-rescue-abc", kernel("6.5"))
        .file("/boot/vmlinuz-6.6.1-kdump", kernel("6.6.1"))
        .file("/boot/vmlinuz-text", "no kernel");
    let guessed = guessed_on(filesystem, &[]);
    let line = "root=LABEL=arch rw quiet";
    assert_eq!(
        summary(&guessed),
        [
            format!(
                "Arch Linux, Linux 6.6.1-arch1-1 (guessed): {line} | /boot/intel-ucode.img /boot/initramfs-linux.img"
            ),
            format!(
                "Arch Linux, Linux 6.6.1-arch1-1, fallback (guessed): {line} | /boot/intel-ucode.img /boot/initramfs-linux-fallback.img"
            ),
            format!("Arch Linux, Linux 6.5, rescue (guessed): {line} | "),
        ]
    );
    let problems: Vec<&str> = guessed
        .problems
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(
        problems,
        [
            "/boot/vmlinuz-6.6.1-kdump is left out: it is for dumps after a crash",
            "/boot/vmlinuz-text is left out: it is no x86 Linux kernel: no setup header",
        ]
    );
}

#[test]
fn a_kernel_takes_no_initrd_of_another_one() {
    const VERSIONS: [&str; 2] = ["6.2", "6.1"];
    // What is in a directory, and which initrd the first kernel there takes, whose header says 6.1.
    for (files, initrd) in [
        // `make install` keeps what it writes over; 6.2 is the other kernel.
        ("vmlinuz.old vmlinuz initrd.img", ""),
        (
            "vmlinuz.old vmlinuz initrd.img initrd.img.old",
            "initrd.img.old",
        ),
        ("bzImage.old initrd.gz.old", "initrd.gz.old"),
        ("kernel.old initramfs.img.old", "initramfs.img.old"),
        ("vmlinuz.old initrd.img-6.1 initrd.img", "initrd.img-6.1"),
        ("vmlinuz.old initrd.img-6.2", ""),
        ("vmlinuz-old initrd-old initrd.old", "initrd-old"),
        // As with a version in the name.
        ("vmlinuz-6.1.old initrd.img-6.1", "initrd.img-6.1"),
        (
            "vmlinuz-6.1.old initrd.img-6.1 initrd.img-6.1.old",
            "initrd.img-6.1.old",
        ),
        (
            "kernel-6.1.old initramfs-6.1.img.old initramfs-6.1.img",
            "initramfs-6.1.img.old",
        ),
        (
            "kernel-6.1.old initramfs-6.1.old.img initramfs-6.1.img.old",
            "initramfs-6.1.old.img",
        ),
        // It was 6.1 that was installed as 6.2 before.
        ("vmlinuz-6.2.old initrd.img-6.2", ""),
        (
            "vmlinuz-6.2.old initrd.img-6.2 initrd.img-6.2.old",
            "initrd.img-6.2.old",
        ),
        // Nothing but the end of a name.
        ("vmlinuz-bold initrd.img-b.old initrd.img.old", ""),
        ("vmlinuz-bold initrd-bold.img.old", ""),
        // Without an initrd of its name it takes that of its version.
        ("vmlinuz initrd.img-6.1", "initrd.img-6.1"),
        ("vmlinuz-linux initramfs-6.1.img", "initramfs-6.1.img"),
        ("vmlinuz-linux initramfs-6.2.img initramfs.img", ""),
        ("vmlinuz-6.1 initrd.img", ""),
        ("vmlinuz-0-rescue-x initramfs-6.1.img", ""),
    ] {
        let root = MemoryFilesystem::new().file("/etc/os-release", "ID=x");
        let names = files.split(' ').enumerate();
        let filesystem = names.fold(root, |filesystem, (number, name)| {
            let is_kernel = ["vmlinuz", "bzImage", "kernel"]
                .iter()
                .any(|begin| name.starts_with(begin));
            let content = match is_kernel {
                true => kernel(VERSIONS[usize::from(number == 0)]),
                false => Vec::new(),
            };
            filesystem.file(&format!("/boot/{name}"), content)
        });
        let guessed = guessed_on(filesystem, &[]);
        let first = files.split(' ').next().unwrap();
        let mut entries = guessed.entries.iter();
        let entry = entries.find(|entry| entry.origin.file.path.file_name() == first);
        let initrds = entry.unwrap().initrd.iter();
        let initrds: Vec<&str> = initrds.map(|file| file.file.path.file_name()).collect();
        assert_eq!(initrds.join(" "), initrd, "{files}");
    }
}

#[test]
fn what_tells_where_the_root_is() {
    for (fstab, grub, line) in [
        ("", "", "root=UUID=0123-4567 ro"),
        (
            "/dev/sda2 / ext4 defaults 0 1",
            "",
            "root=UUID=0123-4567 ro",
        ),
        (
            "UUID=other / ext4 defaults 0 1",
            "",
            "root=UUID=0123-4567 ro",
        ),
        (
            "PARTUUID=PART-0123-4567 / ext4",
            "",
            "root=PARTUUID=PART-0123-4567 ro",
        ),
        (
            "UUID=0123-4567 / btrfs subvol=/@,ssd",
            "",
            "root=UUID=0123-4567 ro rootflags=subvol=@",
        ),
        (
            "UUID=0123-4567 / btrfs subvol=@",
            "rootflags=x rw",
            "root=UUID=0123-4567 rootflags=x rw",
        ),
        ("", "root=/dev/sda2 a", "root=UUID=0123-4567 ro a"),
        (
            "",
            "root=/dev/mapper/vg-root a",
            "ro root=/dev/mapper/vg-root a",
        ),
        ("", "$(reboot)", "root=UUID=0123-4567 ro"),
    ] {
        let filesystem = debian().file("/etc/fstab", fstab).file(
            "/etc/default/grub",
            format!("GRUB_CMDLINE_LINUX=\"{grub}\"\n"),
        );
        let guessed = guessed_on(filesystem, &[]);
        assert_eq!(guessed.entries[0].cmdline, line, "{fstab} {grub}");
    }
    // What a shell would compute is said to be missing.
    let filesystem = debian().file("/etc/default/grub", "GRUB_CMDLINE_LINUX=`x`\nif y; then\n");
    let guessed = guessed_on(filesystem, &[]);
    let problems: Vec<&str> = guessed.entries[0]
        .problems
        .iter()
        .map(|p| p.text.as_str())
        .collect();
    assert_eq!(
        problems[1..],
        [
            "/etc/default/grub holds commands, which are not executed",
            "GRUB_CMDLINE_LINUX is left out: only a shell could tell its value",
        ]
    );
    let filesystem = debian().file("/etc/kernel/cmdline", b"a\xff".to_vec());
    assert!(!guessed_on(filesystem, &[]).entries[0].bootable());
}

#[test]
fn later_files_change_what_earlier_ones_said() {
    let filesystem = debian()
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX=a\n")
        .file(
            "/etc/default/grub.d/50-cloud.cfg",
            "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX b\"\n",
        )
        .file("/etc/default/grub.d/off.txt", "GRUB_CMDLINE_LINUX=no\n");
    let guessed = guessed_on(filesystem, &[]);
    assert_eq!(guessed.entries[0].cmdline, "root=UUID=0123-4567 ro a b");
}

#[test]
fn a_subvolume_may_be_the_root() {
    let filesystem = MemoryFilesystem::new()
        .file("/@/etc/os-release", "ID=x")
        .file("/@/etc/fstab", "UUID=0123-4567 / btrfs subvol=@ 0 0")
        .file("/@/boot/vmlinuz-6", kernel("6.0"))
        .file("/@/boot/initrd-6", "");
    assert_eq!(
        summary(&guessed_on(filesystem, &[])),
        ["x, Linux 6.0 (guessed): root=UUID=0123-4567 ro rootflags=subvol=@ | /@/boot/initrd-6"]
    );
}

/// Fedora's; where there is another `/boot`, it is the home of the administrator.
#[test]
fn root_may_be_a_subvolume() {
    let subvolume = MemoryFilesystem::new()
        .file("/root/etc/os-release", "ID=x")
        .file("/root/etc/fstab", "UUID=0123-4567 / btrfs subvol=root 0 0")
        .file("/root/boot/vmlinuz-6", kernel("6.0"));
    assert_eq!(
        summary(&guessed_on(subvolume, &[])),
        ["x, Linux 6.0 (guessed): root=UUID=0123-4567 ro rootflags=subvol=root | "]
    );
    let kept = debian().file("/root/boot/vmlinuz-6", kernel("6.0"));
    assert_eq!(guessed_on(kept, &[]).entries.len(), 2);
}

#[test]
fn what_is_offered_is_not_guessed() {
    let known = |cmdline: &str, kernel_disk: Option<usize>| {
        let mut entry = BootEntry::on_disk(0, "known");
        entry.cmdline = cmdline.to_owned();
        entry.kernel = kernel_disk.map(|disk| FileRef {
            volume: VolumeId { disk, volume: 0 },
            path: crate::fs::FsPath::root(),
        });
        entry
    };
    let count = |entry: BootEntry| guessed_on(debian(), &[entry]).entries.len();
    assert_eq!(count(known("root=UUID=other", Some(0))), 0, "its volume");
    assert_eq!(
        count(known("root=UUID=0123-4567", Some(1))),
        0,
        "its system"
    );
    assert_eq!(
        count(known("root=/dev/sda1", Some(1))),
        0,
        "perhaps its system"
    );
    assert_eq!(count(known("quiet", None)), 0, "perhaps its system");
    assert_eq!(
        count(known("root=UUID=other", Some(1))),
        2,
        "another system"
    );
    let mut broken = known("root=UUID=0123-4567", Some(0));
    broken.block("it is not there");
    assert_eq!(count(broken.clone()), 2, "its kernel is not there");
    broken.kernel.as_mut().unwrap().path =
        crate::fs::FsPath::new("/boot/vmlinuz-6.1.0-9-amd64").unwrap();
    assert_eq!(
        count(broken.clone()),
        0,
        "its kernel is there: perhaps it wants a password"
    );
    broken.kind = PayloadKind::Efi;
    assert_eq!(count(broken), 2, "a program that is no system");
}

#[test]
fn kernels_without_a_system_are_said() {
    let filesystem = MemoryFilesystem::new().file("/vmlinuz", kernel("6.1"));
    let guessed = guessed_on(filesystem, &[]);
    assert_eq!(guessed.entries, []);
    assert_eq!(
        guessed.problems[0].1,
        "/vmlinuz is not offered: there is no root filesystem on its disk that it could belong to"
    );
}

/// What is made of a kernel on a volume `a` for systems on others, each with a line of its `fstab` for that volume and
/// the modules of one version. One of them may have an entry.
fn shared(systems: &[(&str, &str)], offered: Option<&str>) -> String {
    let mut inventory = Inventory::new();
    let boot = MemoryFilesystem::new().file("/vmlinuz-6.1", kernel("6.1"));
    let mut volumes = vec![inventory.add_filesystem("a", Box::new(boot))];
    for ((target, modules), name) in systems.iter().zip(["b", "c", "d"]) {
        let root = MemoryFilesystem::new()
            .file("/etc/os-release", format!("ID={name}"))
            .file("/etc/fstab", format!("UUID=a {target} auto"))
            .file(&format!("/lib/modules/{modules}/modules.dep"), "");
        volumes.push(inventory.add_volume(name, Box::new(root)));
    }
    let mut known = BootEntry::on_disk(0, "known");
    known.cmdline = format!("root=UUID={}", offered.unwrap_or("other"));
    let guessed = guess(&inventory, &volumes, &[known]);
    let said = guessed.problems.iter().map(|(_, text)| text.as_str());
    let lines = guessed.entries.iter().map(|entry| entry.cmdline.as_str());
    lines.chain(said).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_kernel_that_several_systems_may_have_is_that_of_its_modules() {
    const UNCLEAR: &str =
        "/vmlinuz-6.1 is not offered: it could belong to several systems of its disk";
    let system = |name: &str| format!("root=UUID={name} ro");
    for (systems, expected) in [
        (&[("/boot", "6.12"), ("/boot", "6.1")][..], system("c")),
        (&[("/boot", "6.1"), ("/boot", "6.12")], system("b")),
        (&[("/boot", "6.1"), ("/boot", "6.1")], UNCLEAR.to_owned()),
        (&[("/boot", "6.12"), ("/boot", "6.12")], UNCLEAR.to_owned()),
        // An EFI system partition is there for all of them.
        (&[("/boot/efi", "6.12"), ("/boot", "6.12")], system("c")),
        (&[("/boot/efi", "6.1"), ("/boot", "6.1")], system("c")),
        (&[("/boot/efi", "6.1"), ("/boot", "6.12")], system("b")),
        (
            &[("/efi", "6.12"), ("/boot/efi", "6.12")],
            UNCLEAR.to_owned(),
        ),
        (&[("/boot/efi", "6.12"), ("/srv", "6.1")], system("c")),
        (&[("/boot/efi/", "6.12"), ("/srv", "6.12")], system("b")),
        (&[("/boot", "6.12"), ("/srv", "6.1")], system("b")),
        (
            &[("/srv", "6.12"), ("/srv", "6.1"), ("/srv", "6.1")],
            UNCLEAR.to_owned(),
        ),
        (&[("/srv", "6.12"), ("/srv", "6.12")], UNCLEAR.to_owned()),
        (&[("/srv", "6.12")], system("b")),
    ] {
        assert_eq!(shared(systems, None), expected, "{systems:?}");
    }
    // That of a system with a configuration is not given to another one.
    let systems = [("/boot", "6.1"), ("/boot", "6.12")];
    assert_eq!(shared(&systems, Some("b")), "");
    assert_eq!(shared(&systems, Some("c")), system("b"));
    let systems = [("/srv", "6.12"), ("/srv", "6.12")];
    assert_eq!(shared(&systems, Some("b")), system("c"));
}
