//! Where starts are counted besides UEFI variables: a TPM, memory that a reset leaves as it is, and that of the clock.

use std::process::Command;

use super::disk::{Files, Image, directory, run};
use super::machine::{Machine, RESETS, Setup, generic};
use super::resets::{DISK, PANIC, image};
use super::tpm::Tpm;
use super::watchdogs::{IPMI, ITCO};
use super::{BOOT, ROOT};

/// An entry whose kernel never gets up is started so often, which a reset ends each time.
fn count(machine: &mut Machine, limit: u32) {
    machine.expect("no start was counted yet", BOOT);
    for count in 1..=limit {
        machine.expect("booting bad", BOOT);
        machine.expect(
            &format!("start {count} of {limit} without being confirmed"),
            BOOT,
        );
        machine.expect(PANIC, BOOT);
    }
    machine.expect(
        &format!("bad: started {limit} times and not confirmed, others come first"),
        BOOT,
    );
}

fn set_up(name: &str, image: &Image) -> Setup {
    Machine::set_up_with(name, &generic())
        .drive(image)
        .arguments(&DISK)
        .arguments(&RESETS)
}

fn with_program(image: &Image) {
    let program = std::fs::read(env!("CARGO_BIN_EXE_pilotlight")).unwrap();
    image.put_on_esp(&Files::from([("/pilotlight".to_owned(), program)]));
}

/// The machine has the watchdog of its chip set besides, which is stopped before each jump: Debian knows of none.
#[test]
fn a_tpm_counts_three_starts_and_one_that_is_confirmed() {
    const POLICY: &str = "[failure]\nresets = 3\nstore = \"tpm\"\n[watchdog]\ntimeout = 60\n";
    let image = image("store-tpm", "panic=-1");
    with_program(&image);
    let tpm = Tpm::new("counts");
    let mut machine = tpm
        .attach(set_up("store-tpm", &image), "tpm-tis")
        .arguments(&ITCO)
        .policy(POLICY)
        .without_services()
        .start();
    count(&mut machine, 3);
    machine.expect("booting Debian", BOOT);
    machine.expect("start 1 of 3 without being confirmed", BOOT);
    machine.log_in();
    machine.shell("mount /dev/vda1 /boot/efi");
    let said = machine.shell("/boot/efi/pilotlight confirm --store tpm");
    assert!(!said.contains("no start"), "{said}");
    machine.type_line("reboot -f");
    machine.expect("bad: started 3 times and not confirmed", BOOT);
    machine.expect("booting Debian", BOOT);
    // Without being confirmed this would be the second one.
    machine.expect("start 1 of 3 without being confirmed", BOOT);
    let log = machine.transcript();
    assert!(log.contains("/dev/watchdog0: resets the machine"), "{log}");
    assert!(!log.contains("can't be stopped"), "{log}");
    machine.finish();
}

/// A piece of memory that each kernel is told to leave alone.
const RESERVED: &str = "memmap=1M$0x20000000";
/// Nothing is left over: kernels share that out in different ways.
const RAMOOPS: [&str; 6] = [
    "mem_address=0x20000000",
    "mem_size=0x100000",
    "record_size=0x10000",
    "console_size=0",
    "ftrace_size=0",
    "pmsg_size=0x20000",
];

/// Debian's kernel reads what is there as soon as its driver is loaded, and can't write it. The watchdog of a
/// management controller is stopped before each jump.
#[test]
fn memory_that_outlives_a_reset_has_the_count_and_the_report() {
    const POLICY: &str = "[failure]\nresets = 1\nstore = \"pstore\"\n[watchdog]\ntimeout = 60\n";
    let image = image("pstore", &format!("panic=-1 {RESERVED}"));
    with_program(&image);
    let system = "/70696c6f746c696768740000000000d0/@VERSION@";
    let entry = format!(
        "title Debian, which leaves it alone\nsort-key b\nlinux {system}/linux\n\
         initrd {system}/initrd.img-@VERSION@\noptions {ROOT} console=ttyS0 {RESERVED}\n"
    );
    image.add_entries(vec![("leaves.conf".to_owned(), entry)]);
    let ramoops = RAMOOPS.map(|option| format!(" ramoops.{option}")).concat();
    let mut machine = set_up("pstore", &image)
        .arguments(&["-append", &format!("{RESERVED}{ramoops}")])
        .arguments(&IPMI)
        .policy(POLICY)
        .without_services()
        .start();
    count(&mut machine, 1);
    machine.expect("booting Debian, which leaves it alone", BOOT);
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    machine.log_in();
    let ramoops = RAMOOPS.join(" ");
    machine.shell(&format!("dmesg -D; modprobe ramoops {ramoops}"));
    let report = machine.shell("cat /sys/fs/pstore/pmsg-ramoops-0");
    for event in ["started", "disk-found", "trying", "booting"] {
        let event = format!("\"event\":\"{event}\"");
        assert!(report.contains(&event), "{event} is not in\n{report}");
    }
    assert!(report.contains("\"entry\":\"leaves.conf\""), "{report}");
    // What was kept is written again when it is read, with the report of process 1 or a loader, and when it changes.
    let kept = report.matches("pilotlight: starts ").count();
    assert!(kept >= 3, "the count stands {kept} times in\n{report}");
    machine.shell("mount /dev/vda1 /boot/efi");
    let said = machine.shell("/boot/efi/pilotlight confirm --store pstore");
    assert!(said.contains("of all entries is forgotten"), "{said}");
    machine.type_line("reboot -f");
    machine.expect("no start was counted yet", BOOT);
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    let log = machine.transcript();
    assert!(log.contains("/dev/watchdog: resets the machine"), "{log}");
    assert!(!log.contains("can't be stopped"), "{log}");
    machine.finish();
}

/// Puts onto the root filesystem of a copy what `make install-confirm` installs, as `systemctl enable` leaves it.
fn install_confirm(image: &Image, store: &str) {
    let tree = directory().join("confirm.tree");
    let _ = std::fs::remove_dir_all(&tree);
    let binary = env!("CARGO_BIN_EXE_pilotlight");
    run(Command::new("make")
        .args(["-s", "install-confirm", &format!("BINARY={binary}")])
        .arg(format!("DESTDIR={}", tree.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    std::fs::write(tree.join("store"), format!("STORE={store}\n")).unwrap();
    let unit = "etc/systemd/system/pilotlight-confirm.service";
    let program = "usr/local/bin/pilotlight";
    let file = |name: &str| tree.join(name).display().to_string();
    image.edit_root(&[
        format!("write {} {program}", file(program)),
        format!("write {} {unit}", file(unit)),
        format!("write {} etc/default/pilotlight-confirm", file("store")),
        format!(
            "symlink etc/systemd/system/multi-user.target.wants/pilotlight-confirm.service /{unit}"
        ),
    ]);
    std::fs::remove_dir_all(&tree).unwrap();
}

/// Nobody logs in before.
#[test]
fn systemd_confirms_to_the_memory_of_the_clock() {
    const POLICY: &str = "[failure]\nresets = 1\ncmos = 96\n";
    let image = Image::copy("confirm-unit", "esp");
    install_confirm(&image, "--cmos 96");
    let mut machine = Machine::set_up("confirm-unit")
        .drive(&image)
        .arguments(&DISK)
        .arguments(&RESETS)
        .policy(POLICY)
        .start();
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    machine.log_in();
    let state = "systemctl show -P ActiveState -P Result pilotlight-confirm";
    let state = machine.shell(&format!(
        "systemctl is-system-running --wait >/dev/null; {state}"
    ));
    assert!(
        state.contains("active") && state.contains("success"),
        "{state}"
    );
    machine.type_line("reboot -f");
    // Without being confirmed this would be the second one.
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    let log = machine.transcript();
    assert!(!log.contains("others come first"), "{log}");
    machine.finish();
}
