//! Ends that hang: of a jump, of a reset and of a power-off, each in what the policy wants.
//!
//! All devices are stopped before, and a disk that never ends its last flush holds that up. QEMU itself waits for it,
//! too, before it resets anything: what the machine has asked for is seen in its events.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::BOOT;
use super::faults::{PATIENT, Small};
use super::machine::Machine;

/// A machine with a disk that never ends its next flush.
struct Stuck {
    name: &'static str,
    machine: Machine,
    events: UnixStream,
    _disk: Small,
}

impl Stuck {
    /// It begins when the console shows `word`.
    fn start(name: &'static str, policy: &str, word: &str) -> Stuck {
        let disk = Small::new(name, name);
        let socket = std::env::temp_dir().join(format!("pl-qmp-{name}-{}", std::process::id()));
        let events = format!("unix:{},server=on,wait=off", socket.display());
        let device = format!("scsi-hd,drive={name}");
        let mut machine = Machine::set_up(name)
            .policy(policy)
            .arguments(&["-qmp", &events, "-drive", &disk.stoppable()])
            .arguments(&["-device", "virtio-scsi-pci", "-device", &device])
            .start();
        machine.expect(word, BOOT);
        // What a disk that was not written to still comes to.
        machine.monitor(&format!("qemu-io {name} \"break flush_to_os stuck\""));
        let mut events = UnixStream::connect(&socket).unwrap();
        std::fs::remove_file(&socket).unwrap();
        events.set_read_timeout(Some(BOOT)).unwrap();
        events
            .write_all(b"{\"execute\":\"qmp_capabilities\"}\n")
            .unwrap();
        Stuck {
            name,
            machine,
            events,
            _disk: disk,
        }
    }

    /// Waits until the machine has asked to be reset.
    fn is_reset(&self) {
        let lines = BufReader::new(&self.events).lines();
        let mut lines = lines.map(|line| line.expect("there is an event within the time"));
        assert!(lines.any(|line| line.contains("\"guest-reset\"")));
    }
}

#[test]
fn a_disk_that_never_stops_keeps_no_end_from_coming() {
    const NOTHING: &str = "[wait]\ndisks = 0\n[[boot.refuse]]\nid = \"*\"\n";
    let ends = |how: &str| format!("{NOTHING}[failure]\nthen = \"{how}\"\npause = 9\n");
    // They wait at the same time.
    let mut reboot = Stuck::start("stuck-reboot", &ends("reboot"), "reboot in 9 s");
    let mut off = Stuck::start("stuck-off", &ends("poweroff"), "power off in 9 s");
    let mut jump = Stuck::start("stuck-jump", PATIENT, "pilotlight 0.1.0");
    jump.machine.expect("jumping", BOOT);
    for stuck in [&mut reboot, &mut jump] {
        let waiting = "waiting for the devices to stop, ";
        stuck.machine.expect(waiting, BOOT);
        stuck.machine.expect("a device does not stop: reset", BOOT);
        stuck.is_reset();
    }
    let still = "a device does not stop: the machine stands still until it does";
    off.machine.expect(still, BOOT);
    std::thread::sleep(Duration::from_secs(3));
    let status = off.machine.monitor("info status");
    assert!(status.contains("running"), "{status}");
    off.machine
        .monitor(&format!("qemu-io {} \"resume stuck\"", off.name));
    off.machine.expect("Power down", BOOT);
    off.machine.expect_end(BOOT);
}

#[test]
fn a_machine_that_can_not_switch_itself_off_is_halted() {
    let policy = "[wait]\ndisks = 0\n[failure]\nthen = \"poweroff\"\npause = 0\n";
    let mut machine = Machine::set_up("no-acpi")
        .policy(policy)
        .arguments(&["-append", "acpi=off"])
        .start();
    machine.expect("power off in 0 s", BOOT);
    machine.expect("System halted", BOOT);
    std::thread::sleep(Duration::from_secs(3));
    let log = machine.transcript();
    assert_eq!(log.matches("pilotlight 0.1.0").count(), 1, "{log}");
    machine.finish();
}
