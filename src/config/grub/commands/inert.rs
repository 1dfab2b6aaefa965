//! Commands for the screen, the keyboard, modules and hardware: they succeed, and nothing of what they
//! do outlives GRUB.

use super::Call;
use crate::config::grub::failure::Outcome;
use crate::config::grub::interpreter::Interpreter;

const NAMES: [&str; 57] = [
    "acpi",
    "all_functional_test",
    "at_keyboard",
    "background_color",
    "background_image",
    "badram",
    "clear",
    "cls",
    "cryptomount",
    "cutmem",
    "distrust",
    "drivemap",
    "efiemu_loadcore",
    "fakebios",
    "fix_video",
    "gettext",
    "gptsync",
    "hdparm",
    "import",
    "keymap",
    "loadfont",
    "lsmod",
    "macppcbless",
    "mactelbless",
    "menu_color_highlight",
    "menu_color_normal",
    "nativedisk",
    "net_add_addr",
    "net_add_dns",
    "net_add_route",
    "net_bootp",
    "net_dhcp",
    "net_ls_addr",
    "net_nslookup",
    "outb",
    "outl",
    "outw",
    "parttool",
    "password",
    "password_pbkdf2",
    "play",
    "rmmod",
    "serial",
    "setpci",
    "sleep",
    "stall",
    "terminal_input",
    "terminal_output",
    "terminfo",
    "trust",
    "usb_keyboard",
    "verify_detached",
    "videoinfo",
    "videotest",
    "vbeinfo",
    "vbetest",
    "write_byte",
];

pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Succeeds.
pub(super) fn run(_: &mut Interpreter<'_>, _: &Call<'_>) -> Outcome {
    Ok(())
}
