//! What GRUB remembers from one boot to the next: the environment block that it leaves behind, and ours.

use pilotlight::boot::{open_disk, save};
use pilotlight::config::discover;
use pilotlight::config::grub::EnvironmentBlock;
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;

use super::menus::{grub, loaded, make_disk};
use crate::kit::{Image, MIB, path, run_line, run_with_input, scan, temp_dir};

/// What grub-mkconfig writes with `GRUB_DEFAULT=saved` and `GRUB_SAVEDEFAULT=true`.
const DEBIAN: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
if [ "${prev_saved_entry}" ]; then
  set saved_entry="${prev_saved_entry}"
  save_env saved_entry
  set prev_saved_entry=
  save_env prev_saved_entry
  set boot_once=true
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function recordfail {
  set recordfail=1
  if [ -n "${have_grubenv}" ]; then if [ -z "${boot_once}" ]; then save_env recordfail; fi; fi
}
if [ "${recordfail}" = 1 ] ; then
  set timeout=30
else
  if [ x$feature_timeout_style = xy ] ; then
    set timeout_style=hidden
    set timeout=0
  fi
fi
menuentry A --id a { recordfail; savedefault; linux /k1 a; initrd /i; }
menuentry B --id b { savedefault; linux /k1 b; initrd /i; }
submenu S --id sub {
  menuentry C --id c { savedefault; linux /k1 c; initrd /i; }
  menuentry D --id d { recordfail; savedefault; linux /k1 d "$chosen"; initrd /i; }
}
"#;

/// What Fedora's scripts 10_reset_boot_success, 12_menu_auto_hide and 14_menu_show_once write.
const FEDORA: &str = r#"
if [ -f ${config_directory}/grubenv ]; then
  load_env -f ${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
set timeout_style=menu
set timeout=5
if [ "${boot_success}" = "1" -o "${boot_indeterminate}" = "1" ]; then
  set menu_hide_ok=1
else
  set menu_hide_ok=0
fi
if [ "${boot_success}" = "1" ] ; then
  set boot_indeterminate=0
elif [ "${boot_indeterminate}" = "1" ]; then
  set boot_indeterminate=2
fi
set boot_success=0
save_env boot_success boot_indeterminate
if [ x$feature_timeout_style = xy ] ; then
  if [ "${menu_show_once}" ]; then
    unset menu_show_once
    save_env menu_show_once
    set timeout_style=menu
    set timeout=60
  elif [ "${menu_auto_hide}" -a "${menu_hide_ok}" = "1" ]; then
    set orig_timeout_style=${timeout_style}
    set orig_timeout=${timeout}
    if [ "${fastboot}" = "1" ]; then
      set timeout_style=menu
      set timeout=0
    else
      set timeout_style=hidden
      set timeout=1
    fi
  fi
fi
menuentry A --id a { linux /k1 a $menu_hide_ok; initrd /i; }
menuentry B --id b { linux /k1 b; initrd /i; }
if [ x$feature_timeout_style = xy ]; then
  if [ "${menu_show_once_timeout}" ]; then
    set timeout_style=menu
    set timeout="${menu_show_once_timeout}"
    unset menu_show_once_timeout
    save_env menu_show_once_timeout
  fi
fi
"#;

/// One block under several names.
const NAMES: &str = r#"
timeout=0
timeout_style=menu
one=1
two=1
save_env one two
one=2
save_env -f /boot/grub/link one
unset one
load_env
save_env -f (hd0,gpt1)/boot/../boot/grub/grubenv one
three=$one
two=2
save_env -f /boot/grub/link two three
unset two
load_env -f $prefix/grubenv two
four=$two
save_env four
menuentry A { set one=3; save_env -f /boot/grub/link one; linux /k1 $one $two; initrd /i; }
"#;

/// GRUB says how long it would wait, and does not.
const AT_ONCE: &str =
    "echo\necho \"LINUX waits $timeout $timeout_style\"\nset timeout=0\nunset timeout_style\n";

#[test]
fn the_block_is_left_as_grub_leaves_it() {
    let debian = [
        "",
        "saved_entry=b\n",
        "saved_entry=b\nnext_entry=a\n",
        "next_entry=sub>d\nsaved_entry=b\n",
        "saved_entry=sub>c\n",
        "saved_entry=2>1\nrecordfail=1\n",
        "prev_saved_entry=b\nsaved_entry=a\n",
        "prev_saved_entry=a\nsaved_entry=sub>d\nnext_entry=b\n",
        "saved_entry=gone\nnext_entry=\n",
        "boot_once=true\nsaved_entry=b\n",
        "other=x\\\\y\nsaved_entry=B\nlast=\n",
    ];
    let fedora = [
        "",
        "saved_entry=b\nboot_success=1\n",
        "boot_success=0\nboot_indeterminate=1\n",
        "boot_success=0\nboot_indeterminate=2\nmenu_auto_hide=1\n",
        "menu_auto_hide=1\nboot_success=1\nboot_indeterminate=1\n",
        "menu_auto_hide=1\nboot_success=1\nfastboot=1\n",
        "menu_auto_hide=2\nmenu_show_once=1\nboot_success=1\nkept=1\n",
        "menu_show_once_timeout=20\nboot_success=1\nmenu_auto_hide=1\n",
        "next_entry=1\nboot_success=1\nsaved_entry=a\n",
    ];
    let debian = debian.map(|variables| (DEBIAN, variables));
    let fedora = fedora.map(|variables| (FEDORA, variables));
    let names = [(NAMES, "one=0\n")];
    let mut different = Vec::new();
    for (config, variables) in debian.into_iter().chain(fedora).chain(names) {
        let dir = temp_dir();
        let at_once = format!("{config}{AT_ONCE}");
        let theirs = make_disk(&dir, &at_once, variables.as_bytes());
        let theirs = (grub(&dir, &theirs), block(&theirs));
        let dir = temp_dir();
        let ours = make_disk(&dir, config, variables.as_bytes());
        let ours = (boot(&ours), block(&ours));
        if theirs != ours {
            different.push(format!(
                "--- {variables}>>> GRUB\n{theirs:#?}\n>>> we\n{ours:#?}"
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The variables in the block.
pub fn block(disk: &Image) -> Vec<(String, String)> {
    let volume = &scan(disk).volumes[0];
    let filesystem = pilotlight::fs::open(volume, None).unwrap();
    let bytes = filesystem.read(&path("/boot/grub/grubenv"), 4096).unwrap();
    assert_eq!(bytes.len(), 1024);
    EnvironmentBlock::parse(&bytes).unwrap().iter().collect()
}

/// openSUSE keeps a block where btrfs leaves room, since GRUB can't write to its files.
#[test]
fn the_block_of_opensuse_beside_its_btrfs() {
    const CONFIG: &str = r#"
set root=hd0,gpt2
set env_block="512+1"
if [ "${env_block}" ] ; then
  set env_block="(${root})${env_block}"
  export env_block
  load_env -f "${env_block}"
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   if [ "${env_block}" ] ; then
     save_env -f "${env_block}" next_entry
   fi
   set boot_once=true
fi
set root=hd0,gpt1
menuentry A --id a { linux /k1 a; initrd /i; }
menuentry B --id b { linux /k1 b; initrd /i; }
"#;
    let dir = temp_dir();
    let disk = make_disk(&dir, CONFIG, b"");
    let btrfs = dir.image("btrfs.img", 128 * MIB);
    run_line("mkfs.btrfs -q {}", &btrfs);
    let block = |variables: &str| {
        let block = format!("# GRUB Environment Block\n{variables}");
        [block.as_bytes(), &vec![b'#'; 512 - block.len()]].concat()
    };
    btrfs.write(512 * 512, &block("next_entry=b\nkept=1\n"));
    disk.resize(160 * MIB);
    let table = "label: gpt\nstart=2048, size=16384\nstart=32768, size=262144\n";
    run_with_input("sfdisk", ["--quiet", disk.path()], table);
    disk.insert(16 * MIB, &btrfs);
    assert!(boot(&disk).contains("LINUX /k1 b\n"));
    let left = disk.read(16 * MIB + 512 * 512, 512);
    assert!(
        left == block("next_entry=\nkept=1\n"),
        "{}",
        String::from_utf8_lossy(&left)
    );
    assert!(boot(&disk).contains("LINUX /k1 a\n"));
}

/// Boots the default entry up to the jump, and says what GRUB would print.
fn boot(disk: &Image) -> String {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    let found = discover(&inventory);
    let default = found.entries.iter().find(|entry| entry.default).unwrap();
    assert!(default.saves.len() <= 1, "{:?}", default.saves);
    for saved in &default.saves {
        save(&inventory, saved, &open_disk).unwrap();
    }
    let wait = found.configurations[0].wait;
    let seconds = wait.seconds.map_or(String::new(), |s| s.to_string());
    // Without a word in the variable it is the menu that is seen.
    let style = match wait.style.name() {
        "menu" if seconds == "30" => "",
        style => style,
    };
    format!("LINUX waits {seconds} {style}\n{}", loaded(&found))
}

/// What Fedora's script 08_fallback_counting writes: after so many boots that nobody found good it starts
/// the older of two systems. GRUB 2.06 itself can't count.
#[test]
fn boots_that_nobody_found_good_are_counted() {
    const CONFIG: &str = r#"
load_env
set default="${saved_entry}"
insmod increment
if [ -n "${boot_counter}" -a "${boot_success}" = "0" ]; then
  if  [ "${boot_counter}" = "0" -o "${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
set boot_success=0
save_env boot_success
menuentry New --id new { linux /k1 new; initrd /i; }
menuentry Old --id old { linux /k2 old; initrd /i; }
"#;
    for (variables, default, counter) in [
        ("", "new", None),
        ("boot_counter=2\nboot_success=1\n", "new", Some("2")),
        ("boot_counter=2\nboot_success=0\n", "new", Some("1")),
        ("boot_counter=1\nboot_success=0\n", "new", Some("0")),
        ("boot_counter=0\nboot_success=0\n", "old", Some("-1")),
        ("boot_counter=-1\nboot_success=0\n", "old", Some("-1")),
    ] {
        let dir = temp_dir();
        let disk = make_disk(&dir, CONFIG, variables.as_bytes());
        let loaded = boot(&disk);
        assert!(
            loaded.contains(&format!("{default}\n")),
            "{variables}{loaded}"
        );
        let left = block(&disk);
        let value = |name: &str| {
            let pair = left.iter().find(|(known, _)| known == name);
            pair.map(|(_, value)| value.as_str())
        };
        assert_eq!(value("boot_counter"), counter, "{variables}");
        assert_eq!(value("boot_success"), Some("0"), "{variables}");
    }
}
