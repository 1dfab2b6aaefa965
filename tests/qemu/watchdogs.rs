//! Watchdogs of other kinds than that of the tests of starts: Intel's chip set, a management controller, and one that
//! can't be stopped. AMD's (`sp5100_tco`) has no model in QEMU.

use super::BOOT;
use super::machine::{Machine, RESETS, generic};
use super::resets::{DISK, LOOP, PANIC, image};

/// That of the chip set, which the strap of the board lets reset the machine.
pub const ITCO: [&str; 2] = ["-global", "ICH9-LPC.noreboot=off"];

/// That of the controller that QEMU has itself.
pub const IPMI: [&str; 4] = [
    "-device",
    "ipmi-bmc-sim,id=controller",
    "-device",
    "isa-ipmi-kcs,bmc=controller",
];

/// What comes before process 1 is made to loop: it was petted for longer than it takes to be reset. The console of this
/// kernel is the screen.
const BEFORE: &str = r#"
sleep 12
exec >/dev/ttyS0 2>&1
dmesg | grep -E 'iTCO_wdt .*initialized|IPMI Watchdog: driver initialized'
kill -STOP $(pidof pilotlight-loader)
"#;

fn resets_what_hangs(name: &str, device: &[&str], node: &str, driver: &str) {
    const POLICY: &str = "[wait]\ndisks = 3600\n[watchdog]\ntimeout = 10\n";
    let mut machine = Machine::set_up_with(name, &generic())
        .arguments(device)
        .arguments(&RESETS)
        .policy_and_script(POLICY, &format!("{BEFORE}{LOOP}"))
        .start();
    machine.expect(&format!("{node}: resets the machine after 10 s"), BOOT);
    machine.expect(driver, BOOT);
    machine.expect("process 1 loops", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.finish();
}

#[test]
fn that_of_the_chip_set_resets_what_hangs() {
    resets_what_hangs("itco", &ITCO, "/dev/watchdog0", "iTCO_wdt");
}

#[test]
fn that_of_a_management_controller_resets_what_hangs() {
    resets_what_hangs("ipmi", &IPMI, "/dev/watchdog", "IPMI Watchdog");
}

/// The policy wants it stopped. Its driver does not.
#[test]
fn one_that_can_not_be_stopped_waits_for_the_next_kernel() {
    const POLICY: &str = "[failure]\nresets = 1\ncmos = 96\n[watchdog]\nboot = 45\n";
    let image = image("nowayout", "");
    let mut machine = Machine::set_up("nowayout")
        .drive(&image)
        .arguments(&DISK)
        .arguments(&RESETS)
        .arguments(&["-device", "i6300esb", "-append", "i6300esb.nowayout=1"])
        .policy(POLICY)
        .start();
    machine.expect("/dev/watchdog0: resets the machine after 120 s", BOOT);
    machine.expect("booting bad", BOOT);
    machine.expect("/dev/watchdog0: can't be stopped (", BOOT);
    machine.expect("/dev/watchdog0: the next kernel has 45 s", BOOT);
    machine.expect("jumping", BOOT);
    machine.expect(PANIC, BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.expect("others come first", BOOT);
    // Nobody has closed it.
    let log = machine.transcript();
    assert!(!log.contains("did not stop"), "{log}");
    machine.finish();
}
