//! From the flash part and a disk alone.

use super::disk::{Image, Variables};
use super::machine::Machine;
use super::{BOOT, boots};

/// The disk has systemd-boot where firmware looks first, and QEMU asks for that disk. The screen shows what the serial
/// line does: first what firmware starts, then our lines.
#[test]
fn firmware_starts_the_kernel_in_the_flash_and_nothing_else() {
    let image = Image::copy("flash", "esp");
    let variables = Variables::new("flash");
    let mut machine = Machine::with_flash("flash", &variables)
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"])
        .start();
    machine.expect("starting Boot0000 \"EFI Internal Shell\" from Fv(", BOOT);
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
