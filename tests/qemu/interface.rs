//! The Boot Loader Interface and boot counting, with the variables of a UEFI firmware and Debian's own tools on
//! the other side.

use super::disk::{Files, Image, Variables};
use super::machine::Machine;
use super::{BOOT, ROOT, damaged_kernel};

/// Entries of the demo system on the EFI system partition, which its own entry is the example of: for each its
/// file, and what it has besides.
pub fn entries_of(names: &[(&str, &str)]) -> Vec<(String, String)> {
    let directory = "/70696c6f746c696768740000000000d0";
    let names = names.iter();
    let entry = |(name, more): &(&str, &str)| {
        let stem = name.split(['+', '.']).next().unwrap();
        let text = format!(
            "title {stem}\nlinux {directory}/@VERSION@/linux\n\
             initrd {directory}/@VERSION@/initrd.img-@VERSION@\n\
             options {ROOT} console=ttyS0 entry={stem}\n{more}\n"
        );
        ((*name).to_owned(), text)
    };
    names.map(entry).collect()
}

fn start(name: &str, image: &Image, variables: &Variables) -> Machine {
    Machine::set_up(name)
        .firmware(variables)
        .drive(image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start()
}

/// `bootctl` names us, and of the entries the one that was started, by its title or, where only we know it, its id. Its
/// list is returned.
pub fn bootctl_shows(machine: &mut Machine, started: &str) -> String {
    let status = machine.shell("export SYSTEMD_COLORS=0; bootctl status --no-pager");
    assert!(status.contains("Product: pilotlight 0.1.0"), "{status}");
    let list = machine.shell("bootctl list --no-pager");
    let selected = list.lines().find(|line| line.contains("(selected)"));
    assert!(selected.unwrap().contains(started), "{list}");
    list
}

/// Debian itself finds the boot good: nobody says so here.
pub fn is_blessed(machine: &mut Machine) {
    // Until all is started: what else may fail is no matter.
    machine.shell("systemctl is-system-running --wait || true");
    machine.shell("systemctl is-active systemd-bless-boot.service boot-complete.target");
    let status = machine.shell("/lib/systemd/systemd-bless-boot status");
    assert!(status.contains("good"), "{status}");
}

/// The number that a shell has shown, on a line with what the terminal is told.
fn number(shown: &str) -> u64 {
    let mut parts = shown.split(['\r', '\n']);
    let number = parts.find_map(|part| part.parse().ok());
    number.unwrap_or_else(|| panic!("no number in {shown:?}"))
}

/// A number of microseconds that the system has in a variable of the loader.
fn time_in(machine: &mut Machine, name: &str) -> u64 {
    let vendor = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
    let file = format!("/sys/firmware/efi/efivars/{name}-{vendor}");
    // Attributes come first. The digits are UTF-16.
    let text = machine.shell(&format!("cat {file} | tail -c +5 | tr -d '\\0'; echo"));
    number(&text)
}

/// A moment of the start as systemd knows it: so many microseconds before the kernel began, or after that.
fn moment(machine: &mut Machine, name: &str) -> u64 {
    let text = machine.shell(&format!(
        "systemctl show --value -p {name}TimestampMonotonic"
    ));
    number(&text)
}

#[test]
fn what_bootctl_wants_is_booted_and_told() {
    let image = Image::copy("interface", "esp");
    image.add_entries(entries_of(&[("other.conf", "sort-key z")]));
    let variables = Variables::new("interface");
    let start = |name: &str| {
        Machine::set_up(name)
            .firmware(&variables)
            .policy("[menu]\ntimeout = \"configuration\"\n")
            .drive(&image)
            .arguments(&["-device", "virtio-blk-pci,drive=disk"])
            .start()
    };

    let mut machine = start("interface-1");
    machine.expect("booting Debian GNU/Linux 12 (bookworm) from", BOOT);
    machine.log_in();
    machine.shell("mount /dev/vda1 /boot/efi");
    let list = bootctl_shows(&mut machine, "Debian GNU/Linux 12");
    assert!(!list.contains("reported/absent"), "{list}");
    // It tells nothing before all is started: what else may fail is no matter here.
    machine.shell("systemctl is-system-running --wait || true");
    let time = machine.shell("systemd-analyze time");
    let places =
        ["(firmware)", "(loader)", "(kernel)", "(userspace)"].map(|stage| time.find(stage));
    assert!(places.is_sorted() && places[0].is_some(), "{time}");
    // The flash kernel began, then its loader, then the kernel of the system.
    let [began, ended] =
        ["Init", "Exec"].map(|name| time_in(&mut machine, &format!("LoaderTime{name}USec")));
    assert!(0 < began && began < ended, "{began} {ended}");
    let names = ["Firmware", "Loader", "Kernel"];
    let moments = names.map(|name| moment(&mut machine, name));
    assert_eq!(moments, [ended, ended - began, 0]);
    machine.shell("bootctl set-oneshot other.conf");
    machine.shell("bootctl set-timeout menu-force");
    machine.shell("bootctl set-timeout-oneshot 2");
    machine.type_line("poweroff");
    machine.expect_end(BOOT);

    let mut machine = start("interface-2");
    machine.expect("Starting in  2 s: other", BOOT);
    machine.expect("booting other from", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("entry=other"), "{cmdline}");
    machine.shell("mount /dev/vda1 /boot/efi");
    // Who asks knows where this system came from, and that the next boot is as usual.
    bootctl_shows(&mut machine, "other");
    machine.shell("! ls /sys/firmware/efi/efivars | grep OneShot");
    machine.shell("bootctl set-default '@saved'");
    machine.type_line("systemctl reboot --boot-loader-entry=other.conf --boot-loader-menu=3s");
    machine.expect_end(BOOT);

    // Asked for once, it is not remembered, and neither is how long the menu waits.
    let mut machine = start("interface-3");
    machine.expect("Starting in  3 s: other", BOOT);
    machine.expect("booting other from", BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
    let mut machine = start("interface-4");
    machine.expect("Enter start", BOOT);
    machine.press("\r");
    machine.expect("booting Debian GNU/Linux 12 (bookworm) from", BOOT);
    machine.expect("jumping", BOOT);
    machine.finish();
}

/// The newer kernel of both can't start, as it has no initrd: it panics, and the machine starts again. The older one
/// starts, and is blessed. A power cut has left the first name of the newer one, behind which there is nothing: it was
/// counted, and did not begin.
#[test]
fn three_bad_boots_and_then_the_older_kernel() {
    let image = Image::copy("counting", "esp");
    let newer = std::env::var("PILOTLIGHT_NEWER_KERNEL").expect("run this by `make qemu-test`");
    let newer = std::fs::read(&newer).unwrap_or_else(|error| panic!("{newer}: {error}"));
    image.put_on_esp(&Files::from([("/newer/linux".to_owned(), newer)]));
    let mut entries = entries_of(&[("old+3.conf", "version 1\nsort-key a")]);
    let text = format!(
        "title new\nversion 2\nsort-key a\nlinux /newer/linux\noptions {ROOT} console=ttyS0 panic=-1\n"
    );
    entries.push(("new+2-1.conf".to_owned(), text));
    entries.push(("new+3.conf".to_owned(), String::new()));
    image.add_entries(entries);
    // There systemd-gpt-auto-generator mounts the partition that LoaderDevicePartUUID names.
    image.add_directory("efi");
    let variables = Variables::new("counting");
    let names = ["new+2-1.conf", "new+1-2.conf", "new+0-3.conf"];
    let becomes = [
        "is that already, by a count that was cut short:",
        "becomes",
        "becomes",
    ];
    for (number, (name, becomes)) in names.iter().zip(becomes).enumerate() {
        let mut machine = start(&format!("counting-{number}"), &image, &variables);
        machine.expect("booting new from", BOOT);
        machine.expect(&format!("{becomes} {name}"), BOOT);
        machine.expect("jumping", BOOT);
        machine.expect("Linux version 6.12.", BOOT);
        machine.expect("Kernel panic - not syncing: VFS", BOOT);
        machine.expect_end(BOOT);
        assert_eq!(image.entries()[..2], [name, "old+3.conf"]);
    }
    let mut machine = start("counting-old", &image, &variables);
    machine.expect("booting old from", BOOT);
    machine.expect("old+3.conf becomes old+2-1.conf", BOOT);
    machine.expect("Linux version 6.1.", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("entry=old"), "{cmdline}");
    is_blessed(&mut machine);
    machine.type_line("poweroff");
    machine.expect_end(BOOT);
    assert_eq!(image.entries()[..2], ["new+0-3.conf", "old.conf"]);

    // What is good is counted no more.
    let mut machine = start("counting-good", &image, &variables);
    machine.expect("booting old from", BOOT);
    machine.expect("jumping", BOOT);
    assert!(!machine.transcript().contains("becomes"));
    machine.finish();
}

/// Where the policy follows what systemd-boot does by default: each boot that fails uses up one of its tries.
#[test]
fn a_counted_entry_that_can_not_be_loaded_makes_way() {
    let image = Image::copy("counting-error", "esp");
    let broken = Files::from([("/broken/linux".to_owned(), damaged_kernel())]);
    image.put_on_esp(&broken);
    let text = "title bad\nsort-key a\nlinux /broken/linux\n";
    image.add_entries(vec![("bad+2.conf".to_owned(), text.to_owned())]);
    let variables = Variables::new("counting-error");
    let policy = "[failure]\nentry = \"configuration\"\npause = 1\n";
    let start = |name: &str| {
        Machine::set_up(name)
            .firmware(&variables)
            .policy(policy)
            .drive(&image)
            .arguments(&["-device", "virtio-blk-pci,drive=disk"])
            .start()
    };
    for (number, name) in ["bad+1-1.conf", "bad+0-2.conf"].iter().enumerate() {
        let mut machine = start(&format!("counting-error-{number}"));
        machine.expect("trying bad from", BOOT);
        machine.expect(&format!("becomes {name}"), BOOT);
        machine.expect("its configuration wants no other entry", BOOT);
        machine.expect("reboot in 1 s", BOOT);
        machine.expect_end(BOOT);
        assert_eq!(image.entries()[0], *name);
    }
    let mut machine = start("counting-error-good");
    machine.expect("booting Debian", BOOT);
    machine.expect("jumping", BOOT);
    assert!(!machine.transcript().contains("trying bad"));
    machine.finish();
}

#[test]
fn an_entry_on_ext4_is_counted() {
    let image = Image::copy("counting-ext4", "xbootldr");
    let entries = image.names(2, "/loader/entries");
    let version = entries[0].strip_suffix(".conf").unwrap().split_once('-');
    let version = version.unwrap().1;
    let (name, text) = entries_of(&[("new+1.conf", "sort-key a")]).remove(0);
    image.with_ext4_xbootldr((&name, &text.replace("@VERSION@", version)));
    let variables = Variables::new("counting-ext4");
    let mut machine = start("counting-ext4", &image, &variables);
    machine.expect("booting new from /dev/vda partition 3", BOOT);
    machine.expect("new+1.conf becomes new+0-1.conf", BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
    assert_eq!(image.names(2, "/loader/entries")[0], "new+0-1.conf");
}

#[test]
fn nothing_is_counted_where_nobody_can_confirm() {
    let image = Image::copy("not-counted", "esp");
    image.add_entries(entries_of(&[("new+3.conf", "sort-key a")]));
    let mut machine = Machine::set_up("not-counted")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect("booting new from", BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
    assert_eq!(image.entries()[0], "new+3.conf");
}
