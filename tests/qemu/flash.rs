//! From the flash part and a disk alone.

use super::disk::{Image, Variables};
use super::machine::Machine;
use super::{BOOT, boots};

/// The disk has systemd-boot where firmware looks first, QEMU asks for that disk, and the variables are those of the
/// firmware that was in the flash before, which started it. The screen shows what the serial line does: first what
/// firmware starts, then our lines.
#[test]
fn firmware_starts_the_kernel_in_the_flash_and_nothing_else() {
    let image = Image::copy("flash", "esp");
    let variables = Variables::new("flash");
    let attach = ["-device", "virtio-blk-pci,drive=disk,bootindex=0"];
    let before = Machine::with_firmware("flash-before", &variables);
    let mut before = before.drive(&image).arguments(&attach).start();
    before.expect("starting Boot0001 \"UEFI Misc Device\" from PciRoot(", BOOT);
    before.cut_power();
    let mut machine = Machine::with_flash("flash", &variables)
        .drive(&image)
        .arguments(&attach)
        .start();
    let starting = "BdsDxe: starting Boot";
    machine.expect(starting, BOOT);
    machine.expect(" \"EFI Internal Shell\" from Fv(", BOOT);
    assert_eq!(machine.transcript().matches(starting).count(), 1);
    let of_firmware = machine.bright_pixels();
    assert!(of_firmware > 100, "firmware shows nothing");
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.until_screen(BOOT, |pixels| pixels > 100 && pixels != of_firmware);
    boots(&mut machine);
    let firmware = machine.shell("ls /sys/firmware/efi /sys/firmware/efi/efivars");
    for file in [
        "systab",
        "runtime-map",
        "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c",
    ] {
        assert!(firmware.contains(file), "{file} is not among\n{firmware}");
    }
    machine.finish();
}
