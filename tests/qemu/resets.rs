//! Kernels that never get up, loaders that hang, and a process 1 that hangs itself: the machine always ends in
//! the state that policy names.

use super::disk::{Files, Image, Variables};
use super::machine::{Machine, RESETS, Setup};
use super::{BOOT, ROOT};

pub const DISK: [&str; 2] = ["-device", "virtio-blk-pci,drive=disk"];

const WATCHDOG: [&str; 2] = ["-device", "i6300esb"];

/// What the kernel says that finds no root filesystem. With nothing else said, it stands there for ever.
pub const PANIC: &str = "Kernel panic - not syncing: VFS";

/// The demo system, and before it an entry whose kernel never gets up.
pub fn image(name: &str, options: &str) -> Image {
    let image = Image::copy(name, "esp");
    let newer = std::env::var("PILOTLIGHT_NEWER_KERNEL").expect("run this by `make qemu-test`");
    let newer = std::fs::read(&newer).unwrap_or_else(|error| panic!("{newer}: {error}"));
    // Without an initrd of its own a kernel takes what UEFI gave the flash kernel (`efi_config_parse_tables` in
    // `drivers/firmware/efi/efi.c`), whose memory is used for other things by then.
    image.put_on_esp(&Files::from([
        ("/bad/linux".to_owned(), newer),
        ("/bad/initrd".to_owned(), vec![0; 512]),
    ]));
    let text = format!(
        "title bad\nsort-key a\nlinux /bad/linux\ninitrd /bad/initrd\noptions {ROOT} console=ttyS0 {options}\n"
    );
    image.add_entries(vec![("bad.conf".to_owned(), text)]);
    image
}

fn set_up(name: &str, image: &Image) -> Setup {
    Machine::set_up(name)
        .drive(image)
        .arguments(&DISK)
        .arguments(&WATCHDOG)
        .arguments(&RESETS)
}

/// No firmware keeps variables here, and the memory of the clock has the count.
#[test]
fn a_kernel_that_stands_still_is_reset_and_makes_way() {
    const POLICY: &str = "[failure]\nresets = 1\ncmos = 96\n\
                          [watchdog]\nkernel = \"armed\"\nboot = 45\n";
    let image = image("stands-still", "");
    let mut machine = set_up("stands-still", &image).policy(POLICY).start();
    machine.expect("/dev/watchdog0: resets the machine after 120 s", BOOT);
    machine.expect("booting bad", BOOT);
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    machine.expect("/dev/watchdog0: the next kernel has 45 s", BOOT);
    machine.expect("jumping", BOOT);
    machine.expect(PANIC, BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.expect(
        "bad: started 1 times and not confirmed, others come first",
        BOOT,
    );
    machine.expect("booting Debian", BOOT);
    machine.expect("start 1 of 1 without being confirmed", BOOT);
    machine.expect("jumping", BOOT);
    machine.finish();
}

/// Watchdogs are stopped before the jump: a system that knows of none runs on, and confirms.
#[test]
fn what_is_confirmed_comes_first_from_then_on() {
    const POLICY: &str = "[failure]\nresets = 1\n";
    let image = image("confirmed", "panic=-1");
    let program = std::fs::read(env!("CARGO_BIN_EXE_pilotlight")).unwrap();
    image.put_on_esp(&Files::from([("/pilotlight".to_owned(), program)]));
    let variables = Variables::new("confirmed");
    let mut machine = set_up("confirmed", &image)
        .firmware(&variables)
        .policy(POLICY)
        .without_services()
        .start();
    machine.expect("no start was counted yet", BOOT);
    machine.expect("booting bad", BOOT);
    machine.expect(PANIC, BOOT);
    machine.expect(
        "bad: started 1 times and not confirmed, others come first",
        BOOT,
    );
    machine.expect("booting Debian", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    // The watchdog does not run: a register of it (`ESB_LOCK_REG` in `drivers/watchdog/i6300esb.c`).
    let register = "cd /sys/bus/pci/devices; od -An -tx1 -j 104 -N 1 $(grep -l 0x25ab */device | cut -d / -f 1)/config";
    let register = machine.shell(&format!("{register}; cd"));
    assert_eq!(register.split_whitespace().last(), Some("00"), "{register}");
    machine.shell("mount /dev/vda1 /boot/efi");
    let said = machine.shell("/boot/efi/pilotlight confirm");
    assert!(!said.contains("no start"), "{said}");
    machine.type_line("reboot -f");
    // Both were started once: without being confirmed, the first one would have its turn.
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.expect("booting Debian", BOOT);
    machine.finish();
}

/// A script that makes all code of process 1 one slide into a jump to itself.
pub const LOOP: &str = r#"
code=$(grep -m 1 'r-xp .*/init' /proc/1/maps)
start=$((0x${code%%-*}))
end=${code%% *}
size=$((0x${end#*-} - start))
(head -c $((size - 2)) /dev/zero | tr '\0' '\220'; printf '\353\376') >/loop
dd if=/loop of=/proc/1/mem bs=$size count=1 oflag=seek_bytes seek=$start conv=notrunc && echo process 1 loops
"#;

/// Who has the watchdog when process 1 comes: a process that hangs.
const HOLDER: &str = "/bin/mknod /watchdog c 10 130\nexec 9>/watchdog";

/// It is ended, and its watchdog is free. Then a loader is stopped, which is ended, and then process 1 loops, which
/// nothing on this machine could end but its watchdog.
const HANGING: &str = "sleep 1000 &\nkill -STOP $!\nexec 9>&-\nsleep 3\nkill -KILL $!\nsleep 3\n\
                       kill -STOP $(pidof pilotlight-loader)\nsleep 12\n";

#[test]
fn a_loader_that_hangs_is_ended_and_a_process_1_that_hangs_is_reset() {
    const POLICY: &str = "[wait]\ndisks = 3600\n[watchdog]\ntimeout = 10\n";
    let mut machine = Machine::set_up("hangs")
        .arguments(&WATCHDOG)
        .arguments(&RESETS)
        .policy_and_scripts(POLICY, HOLDER, &format!("{HANGING}{LOOP}"))
        .start();
    machine.expect("/dev/watchdog0: no watchdog: ", BOOT);
    machine.expect(", tried again", BOOT);
    machine.expect("/dev/watchdog0: resets the machine after 10 s", BOOT);
    // It had begun when there was no watchdog, and time for it.
    machine.expect("the loader gave no sign of life for 5 s", BOOT);
    machine.expect("the loader died: signal 9", BOOT);
    machine.expect("process 1 loops", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.finish();
}
