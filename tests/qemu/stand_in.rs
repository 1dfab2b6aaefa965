//! The file that stands in for UEFI variables, on a machine whose firmware is a BIOS.

use std::process::Command;

use super::disk::{self, Image};
use super::machine::Machine;
use super::{BOOT, environment, interface};

/// Where it is on the EFI system partition.
const DIRECTORY: &str = "/loader";
const NAME: &str = "pilotlight.env";

/// The title of the entry that is the default.
const DEBIAN: &str = "Debian GNU/Linux 12 (bookworm)";

/// Asks by GRUB's own tool for an entry, once, and then for the one that was booted last.
fn ask_for(image: &Image, entry: &str) {
    let path = image.path.with_extension("env");
    let once = format!("LoaderEntryOneShot={entry}");
    for arguments in [
        &["create"][..],
        &["set", &once, "LoaderEntryDefault=@saved"],
    ] {
        disk::run(Command::new("grub-editenv").arg(&path).args(arguments));
    }
    let block = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    image.add_to_esp(DIRECTORY, &[(NAME.to_owned(), block)]);
}

/// What the file says.
fn variables(image: &Image) -> Vec<(String, String)> {
    let block = environment::read_file(image, &format!("{DIRECTORY}/{NAME}"));
    block.iter().collect()
}

/// From power on to the jump into the entry with this title.
fn boots(name: &str, image: &Image, policy: Option<&str>, title: &str) {
    let setup = Machine::set_up(name)
        .drive(image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"]);
    let setup = match policy {
        Some(policy) => setup.policy(policy),
        None => setup,
    };
    let mut machine = setup.start();
    machine.expect(&format!("booting {title} from"), BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
}

#[test]
fn a_wish_in_the_file_is_for_one_boot() {
    const ALLOWED: &str = "[efi]\nstand_in = true\n";
    let image = Image::copy("stand-in", "esp");
    image.add_entries(interface::entries_of(&[("other.conf", "sort-key z")]));
    ask_for(&image, "other.conf");

    // The policy of the board does not allow it: the file is not followed, and nothing is written.
    let before = image.esp();
    boots("stand-in-off", &image, None, DEBIAN);
    assert!(image.esp() == before, "something was written");

    // What is for one boot is not remembered.
    boots("stand-in-once", &image, Some(ALLOWED), "other");
    let saved = ("LoaderEntryDefault".to_owned(), "@saved".to_owned());
    assert_eq!(variables(&image), std::slice::from_ref(&saved));

    boots("stand-in-then", &image, Some(ALLOWED), DEBIAN);
    let [default, (name, entry)] = variables(&image).try_into().unwrap();
    assert_eq!(
        (default, name.as_str()),
        (saved, "LoaderEntryLastBooted"),
        "{entry}"
    );
    assert!(entry.starts_with("70696c6f"), "{entry}");
}
