//! Commands for the screen, the keyboard, modules and hardware, and those that are known and not done.

use super::Call;
use crate::config::grub::failure::{
    Failure, INVALID_COMMAND, NET_NO_CARD, NOT_IMPLEMENTED, Outcome, fail,
};
use crate::config::grub::interpreter::Interpreter;

/// What becomes of a command that is not carried out.
#[derive(Clone, Copy)]
enum Fate {
    /// It succeeds, and nothing of what it does outlives GRUB, or it only shows something.
    NoEffect,
    /// It succeeds in GRUB and changes what the system finds: that is said.
    EffectIsLost,
    /// It belongs to a system that is not started, whose entry says why.
    OtherSystem,
    /// It asks for something of which only a person at the machine could say that it is so.
    No,
    /// It tells something that is not known here, or checks something: it fails.
    NotSupported,
    /// It opens an encrypted disk.
    Encrypted,
    /// It uses a network.
    Network,
}

const FATES: &[(Fate, &[&str])] = &[
    (
        Fate::NoEffect,
        &[
            "all_functional_test",
            "at_keyboard",
            "background_color",
            "background_image",
            "boottime",
            "cacheinfo",
            "clear",
            "cls",
            "cmosdump",
            "distrust",
            "efitextmode",
            "fix_video",
            "functional_test",
            "gettext",
            "help",
            "import",
            "keymap",
            "list_trusted",
            "loadfont",
            "lsacpi",
            "lsapm",
            "lsefi",
            "lsefimmap",
            "lsefisystab",
            "lsfonts",
            "lsmmap",
            "lsmod",
            "lspci",
            "lssal",
            "menu_color_highlight",
            "menu_color_normal",
            "nativedisk",
            "net_ls_addr",
            "net_ls_cards",
            "net_ls_dns",
            "net_ls_routes",
            // GRUB leaves its menu by it, when somebody leaves the menu.
            "normal_exit",
            "pcidump",
            "play",
            "rmmod",
            "serial",
            "sleep",
            "stall",
            "terminal_input",
            "terminal_output",
            "terminfo",
            "trust",
            "usb",
            "usb_keyboard",
            "vbeinfo",
            "vbetest",
            "version",
            "videoinfo",
            "videotest",
        ],
    ),
    (
        Fate::EffectIsLost,
        &[
            "acpi",
            "badram",
            "cmosclean",
            "cmosset",
            "cutmem",
            "date",
            "drivemap",
            "efiemu_loadcore",
            "efiemu_prepare",
            "efiemu_unload",
            "fakebios",
            "gptsync",
            "hdparm",
            "macppcbless",
            "mactelbless",
            "outb",
            "outl",
            "outw",
            "parttool",
            "sendkey",
            "setpci",
            "tpm_record_pcrs",
            "write_byte",
            "write_dword",
            "write_word",
            "wrmsr",
        ],
    ),
    (
        Fate::OtherSystem,
        &[
            "kfreebsd_loadenv",
            "kfreebsd_module",
            "kfreebsd_module_elf",
            "knetbsd_module",
            "knetbsd_module_elf",
            "kopenbsd_ramdisk",
            "xnu_devprop_load",
            "xnu_kext",
            "xnu_kextdir",
            "xnu_mkext",
            "xnu_ramdisk",
            "xnu_splash",
            "xnu_uuid",
        ],
    ),
    (Fate::No, &["hwmatch", "keystatus"]),
    (
        Fate::NotSupported,
        &[
            "blocklist",
            "cmostest",
            "getenv",
            "hexdump",
            "inb",
            "inl",
            "inw",
            "legacy_check_password",
            "legacy_initrd",
            "legacy_initrd_nounzip",
            "legacy_kernel",
            "legacy_password",
            "random",
            "rdmsr",
            "read_byte",
            "read_dword",
            "read_word",
            "test_blockarg",
            "uppermem",
            "verify_detached",
            "zfs-bootfs",
            "zfsinfo",
            "zfskey",
        ],
    ),
    (
        Fate::Encrypted,
        &[
            "cryptocheck",
            "cryptomount",
            "plainmount",
            "tpm2_key_protector_clear",
            "tpm2_key_protector_init",
        ],
    ),
    (
        Fate::Network,
        &[
            "net_add_addr",
            "net_add_dns",
            "net_add_route",
            "net_bootp",
            "net_bootp6",
            "net_del_addr",
            "net_del_dns",
            "net_del_route",
            "net_dhcp",
            "net_get_dhcp_option",
            "net_ipv6_autoconf",
            "net_nslookup",
        ],
    ),
];

fn fate(name: &str) -> Option<Fate> {
    let mut fates = FATES.iter();
    let found = fates.find(|(_, names)| names.contains(&name));
    found.map(|(fate, _)| *fate)
}

pub(super) fn is_known(name: &str) -> bool {
    fate(name).is_some()
}

/// Does what the list says that the command is in.
pub(super) fn run(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let name = call.name;
    match fate(name) {
        Some(Fate::NoEffect | Fate::OtherSystem) => Ok(()),
        Some(Fate::EffectIsLost) => {
            state.remark(&format!("`{name}' is not carried out"));
            Ok(())
        }
        Some(Fate::No) => Err(Failure::falsehood()),
        Some(Fate::NotSupported) => fail(
            NOT_IMPLEMENTED,
            format!("the command `{name}' is not supported"),
        ),
        Some(Fate::Encrypted) => fail(
            NOT_IMPLEMENTED,
            format!("`{name}': encrypted disks can't be opened"),
        ),
        Some(Fate::Network) => fail(NET_NO_CARD, format!("`{name}': networks are not used")),
        None => fail(INVALID_COMMAND, format!("can't find command `{name}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_command_is_there_once() {
        let mut names = BTreeSet::new();
        for name in FATES.iter().flat_map(|(_, names)| *names) {
            assert!(names.insert(name), "{name} has several fates");
            let own = crate::config::grub::commands::carried_out(name);
            assert!(own.is_none(), "{name} is a command of its own");
        }
    }
}
