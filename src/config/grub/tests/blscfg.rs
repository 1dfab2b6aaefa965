//! Entries of the Boot Loader Specification in a menu.

use super::{listed, problems, summary};

#[test]
fn fedora() {
    let entry = |version: &str| {
        format!(
            "title Fedora {version}\nversion {version}\nlinux /vmlinuz-{version}\n\
             initrd /initramfs-{version}.img $tuned_initrd\n\
             options root=/dev/x ro $kernelopts \\$literal\noptions never\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
        )
    };
    let (old, new) = (entry("6.9.12-200.fc40"), entry("6.11.4-301.fc41"));
    let files = [
        ("/loader/entries/abc-6.9.12-200.fc40.conf", old.as_str()),
        ("/loader/entries/abc-6.11.4-301.fc41.conf", new.as_str()),
        ("/vmlinuz-6.9.12-200.fc40", ""),
        ("/vmlinuz-6.11.4-301.fc41", ""),
        ("/initramfs-6.11.4-301.fc41.img", ""),
    ];
    let config =
        "set kernelopts='a b'\nsearch --fs-uuid --set=boot abc-def\ninsmod blscfg\nblscfg\n";
    let found = listed(config, &files);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(
        summary(&found),
        [
            "*abc-6.11.4-301.fc41 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.11.4-301.fc41 root=/dev/x ro a b $literal",
            "abc-6.9.12-200.fc40 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.9.12-200.fc40 root=/dev/x ro a b $literal",
        ]
    );
    assert_eq!(
        found.entries[0].origin.file.path.as_str(),
        "/loader/entries/abc-6.11.4-301.fc41.conf"
    );
    assert_eq!(found.entries[0].also_called, ["abc-6.11.4-301.fc41.conf"]);
    assert_eq!(problems(&found.entries[0]), [""; 0]);
    assert_eq!(
        problems(&found.entries[1]),
        ["file `/initramfs-6.9.12-200.fc40.img' not found"]
    );
    assert_eq!(found.reached.len(), 3);
}

#[test]
fn variables_that_are_not_set_are_told_of_entries_of_the_specification() {
    let conf = "title F\nlinux /k1\n# x\noptions ro $kernelopts $tuned_params $a $kernelopts\n\
                grub_users $grub_users\n";
    let files = [("/k1", ""), ("/loader/entries/f.conf", conf)];
    let found = listed("a=1\nblscfg\n", &files);
    assert_eq!(summary(&found), ["*f [] BOOT_IMAGE=(hd0,gpt2)/k1 ro 1"]);
    assert_eq!(
        problems(&found.entries[0]),
        ["/loader/entries/f.conf, line 4: the variable `kernelopts' is not set, and vanishes"]
    );
}

#[test]
fn an_entry_of_another_language_covers_nothing() {
    let script = "set timeout=5\nmenuentry a {\nlinux /k ro\n}\nmenuentry b {\nlinux /k1\n}\n";
    for (conf, is_complete) in [
        (
            "title F\nlinux /k1\ngrub_users $grub_users\ngrub_arg --unrestricted\nid f\n",
            true,
        ),
        (script, false),
    ] {
        let files = [("/k1", ""), ("/k", ""), ("/loader/entries/f.conf", conf)];
        let found = listed("blscfg\n", &files);
        let written = found.entries[0].written.is_complete();
        assert_eq!(written, is_complete, "{conf}");
    }
}

#[test]
fn only_entries_that_are_offered_count_as_read() {
    let files = [
        ("/k1", ""),
        ("/loader/entries/a.conf", "linux /k1\n"),
        ("/loader/entries/b.conf", "linux /k1\n"),
        ("/loader/entries/c.conf", "title without a kernel\n"),
    ];
    let read = |config: &str| {
        let found = listed(config, &files);
        let reached = found.reached.iter();
        let names = reached.filter_map(|file| file.path.as_str().strip_prefix("/loader/entries/"));
        let names: Vec<String> = names.map(str::to_owned).collect();
        (found.entries.len(), names.join(" "), found.problems)
    };
    let (entries, names, problems) = read("blscfg\n");
    assert_eq!((entries, names.as_str()), (2, "a.conf b.conf"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (entries, names, problems) = read("default=b\nblscfg default\n");
    assert_eq!((entries, names.as_str()), (1, "a.conf b.conf c.conf"));
    assert_eq!(
        problems,
        [
            "/loader/entries/c.conf: `blscfg default' leaves it out",
            "/loader/entries/a.conf: `blscfg default' leaves it out",
        ]
    );
    let (entries, names, problems) = read("default=b\nblscfg default\nblscfg non-default\n");
    assert_eq!((entries, names.as_str()), (2, "a.conf b.conf"));
    assert_eq!(problems.len(), 1, "{problems:?}");
}

/// One file may have thousands of names, and a variable may be long.
#[test]
fn memory_and_time_for_entries_are_bounded() {
    let long = format!("linux /k\noptions {}\n", "x".repeat(60_000));
    let short = "linux /k\noptions $long\n".to_owned();
    let variable = format!("long={}\nblscfg\n", "x".repeat(900_000));
    let (memory, time) = (
        "no memory is left for it",
        "it takes more than 100000 steps",
    );
    for (count, text, config, limit) in [
        (1000, long, "blscfg\n", memory),
        (200, short, &variable, time),
    ] {
        let names = (0..count).map(|i| format!("/loader/entries/{i:04}.conf"));
        let names: Vec<String> = names.collect();
        let files = names.iter().map(|name| (name.as_str(), text.as_str()));
        let files: Vec<_> = files.chain([("/k", "")]).collect();
        let found = listed(config, &files);
        let entries = found.entries.len();
        assert!((10..count / 2).contains(&entries), "{entries}");
        let says_so = |text: &String| text.ends_with(limit);
        assert!(found.problems.iter().any(says_so), "{:?}", found.problems);
    }
}
