//! What `make run` ends with, as a person has it: `qemu/run` on a terminal.

use super::BOOT;
use super::disk::Image;
use super::machine::Machine;
use super::uefi::partition;

/// The kernel alone, the flash part, and a partition: each with the demo disk, on which nothing is written. The machine's
/// network card could start something, too, and UEFI does not let it.
#[test]
fn every_kind_of_board_runs_on_a_terminal() {
    let image = Image::overlay("terminal", "esp");
    let before = std::fs::read(&image.path).unwrap();
    let stick = partition("terminal", "");
    let variable = |name: &str| std::env::var(name).expect("run this by `make qemu-test`");
    let partition = stick.path.display().to_string();
    for start in [
        variable("PILOTLIGHT_KERNEL"),
        variable("PILOTLIGHT_FLASH"),
        partition,
    ] {
        let disk = image.path.display();
        let command = format!("exec qemu/run '{start}' '{disk}'");
        let mut machine = Machine::on_terminal("terminal", &command).start();
        machine.expect("Leave with Ctrl-A X.", BOOT);
        machine.expect(&format!("Nothing is written to {disk}."), BOOT);
        machine.expect("trying Debian", BOOT);
        let has_firmware = machine.transcript().contains("BdsDxe");
        assert!(!has_firmware || !machine.transcript().contains("iPXE"));
        machine.press("\u{1}x");
        machine.expect_end(BOOT);
    }
    assert!(std::fs::read(&image.path).unwrap() == before);
}
