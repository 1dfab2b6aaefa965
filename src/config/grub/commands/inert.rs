//! Commands for the screen, the keyboard, modules and hardware, and those that are known and not done.

use super::Call;
use crate::config::grub::failure::{NOT_IMPLEMENTED, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;

/// They succeed, and nothing of what they do outlives GRUB.
const WITHOUT_EFFECT: &[&str] = &[
    "all_functional_test",
    "at_keyboard",
    "background_color",
    "background_image",
    "clear",
    "cls",
    "distrust",
    "fix_video",
    "gettext",
    "import",
    "keymap",
    "loadfont",
    "lsmod",
    "menu_color_highlight",
    "menu_color_normal",
    "nativedisk",
    // GRUB leaves its menu by it, when somebody leaves the menu.
    "normal_exit",
    "password",
    "password_pbkdf2",
    "play",
    "rmmod",
    "serial",
    "sleep",
    "stall",
    "terminal_input",
    "terminal_output",
    "terminfo",
    "trust",
    "usb_keyboard",
    "vbeinfo",
    "vbetest",
    "videoinfo",
    "videotest",
];

/// They succeed in GRUB and change what the system finds: that is not carried out, and said.
const EFFECT_IS_LOST: &[&str] = &[
    "acpi",
    "badram",
    "cutmem",
    "drivemap",
    "efiemu_loadcore",
    "fakebios",
    "gptsync",
    "hdparm",
    "macppcbless",
    "mactelbless",
    "net_add_addr",
    "net_add_dns",
    "net_add_route",
    "net_bootp",
    "net_dhcp",
    "outb",
    "outl",
    "outw",
    "parttool",
    "setpci",
    "write_byte",
];

/// They tell something that is not known here, or check something: they fail.
const NOT_SUPPORTED: &[&str] = &[
    "blocklist",
    "cmosclean",
    "cmosdump",
    "cmostest",
    "cryptomount",
    "date",
    "file",
    "hexdump",
    "hwmatch",
    "inb",
    "inl",
    "inw",
    "keystatus",
    "legacy_initrd",
    "legacy_kernel",
    "legacy_password",
    "lsacpi",
    "lsefi",
    "lsmmap",
    "lspci",
    "lssal",
    "net_get_dhcp_option",
    "net_ls_addr",
    "net_nslookup",
    "pcidump",
    "random",
    "rdmsr",
    "read_byte",
    "read_dword",
    "read_word",
    "test_blockarg",
    "time",
    "tr",
    "uppermem",
    "verify_detached",
    "write_dword",
    "write_word",
    "wrmsr",
    "zfs-bootfs",
    "zfsinfo",
    "zfskey",
];

pub(super) fn is_known(name: &str) -> bool {
    let lists = [WITHOUT_EFFECT, EFFECT_IS_LOST, NOT_SUPPORTED];
    lists.iter().any(|names| names.contains(&name))
}

/// Does what the list says that the command is in.
pub(super) fn run(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let name = call.name;
    if NOT_SUPPORTED.contains(&name) {
        return fail(
            NOT_IMPLEMENTED,
            format!("the command `{name}' is not supported"),
        );
    }
    if EFFECT_IS_LOST.contains(&name) {
        state.remark(&format!("`{name}' is not carried out"));
    }
    Ok(())
}
