//! Trees as Debian's own tools leave them: `bootctl` lists what it and `kernel-install` wrote, and so do we.

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::entry::{BootEntry, EntrySource};
use pilotlight::inventory::Inventory;

use crate::kit::bootctl::{self, Listed};
use crate::kit::{Image, MIB, TempDir, copy_in, run, temp_dir};
use crate::uki::{kernel, uki};

/// Machine IDs of three systems, which differ in their first eight digits.
const MACHINES: [&str; 3] = [
    "1a2b3c4d11111111aaaaaaaaaaaaaaaa",
    "2b3c4d5e22222222bbbbbbbbbbbbbbbb",
    "3c4d5e6f33333333cccccccccccccccc",
];

/// What an installer, three systems, some updates and a bad boot leave behind each other.
const SCRIPT: &str = r#"
    bootctl --esp-path=$PWD/esp --no-variables install
    export KERNEL_INSTALL_CONF_ROOT=$PWD/conf BOOT_ROOT=$PWD/esp MACHINE_ID
    mkdir conf
    echo layout=bls >conf/install.conf
    echo initrd >initrd.img
    system() { # system OS_RELEASE OPTIONS: which one calls kernel-install from now on
        printf "$1" >os-release
        # Debian has a link there.
        mount --bind os-release "$(realpath /etc/os-release)"
        echo "$2" >conf/cmdline
    }
    add() {
        for version; do kernel-install add "$version" kernel initrd.img; done
    }

    MACHINE_ID=1a2b3c4d11111111aaaaaaaaaaaaaaaa
    system 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n' 'root=UUID=1 ro  quiet'
    add 6.1.0-9-amd64 6.1.0-10-amd64 6.1.0-10-cloud-amd64 6.12~rc3-amd64 6.12.9+deb12-amd64
    kernel-install remove 6.1.0-9-amd64

    # The same version of the same system, on another root.
    MACHINE_ID=2b3c4d5e22222222bbbbbbbbbbbbbbbb
    system 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n' 'root=UUID=2 ro'
    add 6.1.0-10-amd64

    MACHINE_ID=3c4d5e6f33333333cccccccccccccccc
    system 'PRETTY_NAME="Fedora Linux 40 (Forty)"\nID=fedora\n' 'root=UUID=3 ro rhgb quiet'
    echo 3 >conf/tries
    add 6.8.5-301.fc40.x86_64 6.9.4-200.fc40.x86_64 6.10.0-0.rc5.fc40.x86_64
    mv esp/loader/entries/$MACHINE_ID-6.9.4-200.fc40.x86_64+3.conf \
        esp/loader/entries/$MACHINE_ID-6.9.4-200.fc40.x86_64+0-3.conf

    echo appliance >conf/entry-token
    system 'NAME="An appliance"\nIMAGE_ID=appliance\nIMAGE_VERSION=7\n' quiet
    add 5.14.0-427.13.1.el9_4.x86_64

    cp image.efi esp/EFI/Linux/debian-13.efi
    cp image.efi esp/EFI/Linux/debian-14+3.efi
    cp image.efi esp/EFI/Linux/debian-15~rc1.efi
    umount -R "$(realpath /etc/os-release)" 2>/dev/null || true
"#;

#[test]
fn bootctl_lists_what_the_tools_wrote() {
    let directory = temp_dir();
    directory.file("kernel", &kernel());
    let sections: [(&str, &[u8]); 3] = [
        (
            ".osrel",
            b"PRETTY_NAME=\"Debian GNU/Linux 13\"\nID=debian\n",
        ),
        (".cmdline", b"root=/dev/sda2 ro"),
        (".linux", &kernel()),
    ];
    let image = uki(&directory, &sections);
    directory.file("image.efi", &image);
    let tree = bootctl::installed(&directory, SCRIPT);
    for default in [
        "",
        "default 3c4d5e6f*\n",
        "default debian-13.efi\n",
        "default *6.9.4*\n",
    ] {
        let conf = format!("timeout 3\n{default}");
        std::fs::write(tree.join("loader/loader.conf"), conf).unwrap();
        let image = on_fat(&directory, &tree);
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&image.0).unwrap());
        let found = discover(&inventory);
        assert_eq!(found.problems, [], "{default}");

        let mut ours = found.entries;
        // What bootctl leaves out: names with other signs than the specification has. systemd-boot starts them.
        let is_odd = |entry: &BootEntry| entry.id.contains('~');
        let odd: Vec<BootEntry> = ours.extract_if(.., |entry| is_odd(entry)).collect();
        assert_eq!(odd.len(), 2);
        for entry in odd {
            let said = "`bootctl` passes it over: '~' is in the name of its file";
            assert_eq!(problems(&entry), [said]);
            assert!(entry.bootable());
        }

        let mut theirs = bootctl::list(&tree);
        for entry in &mut theirs {
            // The specification and systemd-boot add the beginning of it, bootctl all.
            for machine in MACHINES {
                let whole = format!("({machine})");
                entry.title = entry.title.replace(&whole, &format!("({})", &machine[..8]));
            }
            // A counter without it says the same.
            entry.tries.1 = entry.tries.1.or(entry.tries.0.map(|_| 0));
        }
        for entry in &ours {
            assert_eq!(problems(entry), [""; 0], "{}", entry.id);
        }
        let listed: Vec<Listed> = ours.iter().map(listed).collect();
        assert_eq!(listed, theirs, "{default}");
        assert_eq!(theirs.len(), 10);
        let chosen = ours.iter().find(|entry| entry.default);
        let chosen = chosen.map(|entry| entry.id.clone());
        assert_eq!(chosen, bootctl::default(&tree, None), "{default}");
    }
}

pub fn listed(entry: &BootEntry) -> Listed {
    assert!(matches!(entry.source, EntrySource::Bls | EntrySource::Uki));
    Listed {
        id: entry.id.clone(),
        title: entry.title.clone(),
        version: entry.version.clone().unwrap_or_default(),
        options: entry.cmdline.clone(),
        tries: (
            entry.tries_left.map(u64::from),
            entry.tries_done.map(u64::from),
        ),
    }
}

fn problems(entry: &BootEntry) -> Vec<&str> {
    entry.problems.iter().map(|p| p.text.as_str()).collect()
}

fn on_fat(directory: &TempDir, tree: &std::path::Path) -> Image {
    let image = directory.image("esp.img", 64 * MIB);
    run("mkfs.vfat", ["-n", "ESP", image.path()]);
    for entry in std::fs::read_dir(tree).unwrap() {
        copy_in(&image, &entry.unwrap().path(), "/");
    }
    image
}
