//! Menus of SYSLINUX in GRUB's.

use super::{listed, problems, summary};
use crate::config::grub::Evaluated;

const ISOLINUX: &str = "DEFAULT live\nTIMEOUT 50\nPROMPT 1\n\
                        LABEL install\n MENU LABEL ^Install\n KERNEL install/vmlinuz\n \
                        APPEND initrd=install/initrd a=\"b c\" x$unset\n\
                        LABEL live\n KERNEL /live/vmlinuz\n INITRD /live/a,/live/b\n\
                        LABEL gone\n KERNEL /gone\n\
                        LABEL disk\n LOCALBOOT 0x80\n";

fn medium(config: &str) -> Evaluated {
    listed(
        config,
        &[
            ("/isolinux/isolinux.cfg", ISOLINUX),
            ("/isolinux/install/vmlinuz", ""),
            ("/isolinux/install/initrd", ""),
            ("/live/vmlinuz", ""),
            ("/live/a", ""),
            ("/live/b", ""),
        ],
    )
}

#[test]
fn an_entry_leads_to_the_menu_of_a_medium() {
    let found = medium("menuentry medium { syslinux_configfile -i /isolinux/isolinux.cfg; }\n");
    assert_eq!(found.problems, [""; 0]);
    let device = "(hd0,gpt2)";
    assert_eq!(
        summary(&found),
        [
            format!(
                "medium>install [medium] BOOT_IMAGE={device}/isolinux/install/vmlinuz \
                 initrd=install/initrd \"a=b c\" x"
            ),
            format!(
                "*medium>live [medium] BOOT_IMAGE={device}/live/vmlinuz initrd=/live/a,/live/b"
            ),
            format!("medium>gone [medium] BOOT_IMAGE={device}/gone"),
            "medium>disk [medium] ".to_owned(),
        ]
    );
    let [install, live, gone, disk] = &found.entries[..] else {
        panic!("{} entries", found.entries.len());
    };
    assert_eq!(install.title, "Install");
    assert!(install.bootable());
    let initrds = live.initrd.iter().map(|initrd| initrd.file.path.as_str());
    assert_eq!(initrds.collect::<Vec<_>>(), ["/live/a", "/live/b"]);
    assert_eq!(live.origin.file.path.as_str(), "/isolinux/isolinux.cfg");
    assert!(!gone.bootable() && problems(gone)[0] == "file `/gone' not found");
    assert_eq!(problems(disk).len(), 2);
    assert!(!disk.bootable());
}

#[test]
fn entries_beside_others() {
    for command in ["syslinux_source", "extract_syslinux_entries_source"] {
        let config = format!(
            "menuentry first {{ linux /live/vmlinuz; }}\n\
             {command} /isolinux/isolinux.cfg --cwd (hd0,gpt2)/isolinux -r /\n"
        );
        let found = medium(&config);
        let ids: Vec<&str> = found
            .entries
            .iter()
            .map(|entry| entry.id.as_str())
            .collect();
        assert_eq!(
            ids,
            ["first", "install", "live", "gone", "disk"],
            "{command}"
        );
        let default = found.entries.iter().position(|entry| entry.default);
        let expected = if command.starts_with("extract") { 0 } else { 2 };
        assert_eq!(default, Some(expected), "{command}");
    }
}

#[test]
fn mistakes() {
    for (arguments, problem) in [
        ("", "filename expected"),
        ("/gone", "file `/gone' not found"),
        (
            "/isolinux/isolinux.cfg -r /isolinux",
            "--root is not the root of a volume",
        ),
        ("/isolinux/isolinux.cfg -x", "unknown argument `-x'"),
        ("/isolinux/isolinux.cfg -c (hd7)/", "disk `hd7' not found"),
    ] {
        let found = medium(&format!(
            "menuentry a {{ syslinux_configfile {arguments}; }}\n"
        ));
        let text = problems(&found.entries[0]).join("; ");
        assert!(text.contains(problem), "{text}");
    }
}

/// It sets variables, which may decide what follows.
#[test]
fn what_follows_is_made_by_it_as_well() {
    for (command, files) in [
        ("syslinux_source -i /isolinux/isolinux.cfg", 2),
        ("true", 1),
    ] {
        let script = format!("{command}\nmenuentry \"own $default\" {{ linux /live/vmlinuz; }}\n");
        let found = medium(&script);
        let own = found.entries.iter();
        let mut own = own.filter(|entry| entry.title.starts_with("own"));
        let written = own.next().unwrap().written.files().len();
        assert_eq!(written, files, "{command}");
    }
}
