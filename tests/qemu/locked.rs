//! The second wall: a flash kernel that is locked down and starts only what a key inside of it has signed.
//!
//! `make qemu-test` builds it, and names the directory of its board in `PILOTLIGHT_LOCKED`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::BOOT;
use super::bmc::Bmc;
use super::disk::Image;
use super::machine::Machine;
use super::signed::{Signed, System, directory_of};

/// What the policy lets pass, for a manifest names it so: its title, who signed the kernel, and what is said of that.
const REFUSED: [(&str, Option<&str>, &str); 3] = [
    (
        "a kernel that nobody signed",
        None,
        "it is not signed, and the running kernel demands a signature in the file itself",
    ),
    (
        "a kernel of a stranger",
        Some("stranger"),
        "its first signature, which alone counts, is by a key that the running kernel does not have",
    ),
    (
        "a kernel that was changed later",
        Some("kernel"),
        "its signature is not over these bytes",
    ),
];

#[test]
fn what_the_policy_lets_pass_and_the_kernel_does_not() {
    let board = std::env::var("PILOTLIGHT_LOCKED").expect("run this by `make qemu-test`");
    let board = PathBuf::from(board);
    let mut signed = Signed::new("locked", &["owner", "stranger"]);
    signed.adopt(
        "kernel",
        &board.join("kernel.key"),
        &board.join("kernel.pem"),
    );
    let disk = Image::copy("locked", "esp");
    let mut systems = Vec::new();
    for (place, (title, key, _)) in REFUSED.into_iter().enumerate() {
        systems.push((title, key, signed.system(title, place)));
    }
    systems.push(("Debian, signed twice", Some("kernel"), System::of(&disk)));
    for (place, (title, key, system)) in systems.iter().enumerate() {
        signed.entry_of(title, place, system);
        let kernel = format!("{}/linux", directory_of(place));
        if let Some(key) = key {
            signed.sign_program(&kernel, key);
        }
        if title.contains("changed") {
            signed.change(&kernel);
        }
        let group = signed.group(place);
        signed.manifest(place, "locked", 1, &[group], "owner");
    }
    disk.put_on_esp(&signed.files);
    let policy = "[wait]\ndisks = 60\n[override]\nallow = [\"ipmi\"]\n[report]\nsel = true\n[trust]\nmode = \"enforce\"\n\
        [[trust.anchor]]\nname = \"owner\"\nfile = \"owner.der\"\n";
    // Once, and for UEFI: fixed disks.
    let bmc = Bmc::start("locked", [0xa0, 0x08, 0, 0, 0]);
    let mut machine = Machine::set_up_with("locked", &board.join("bzImage"))
        .policy_with(policy, &[("owner.der", &signed.anchor("owner"))])
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .arguments(&bmc.arguments().each_ref().map(String::as_str))
        // It listens to no command line but its own.
        .arguments(&["-append", "rdinit=/nothing lockdown=none"])
        .start();
    machine.expect("policy: boot.prefer is set by ipmi", BOOT);
    for (place, (title, _, words)) in REFUSED.into_iter().enumerate() {
        machine.expect(&format!("trying {title} from"), BOOT);
        let kernel = format!("/dev/vda partition 1: {}/linux: ", directory_of(place));
        machine.expect(
            &format!("{kernel}the kernel refused to load it: {words}"),
            BOOT,
        );
    }
    machine.expect("booting Debian, signed twice from", BOOT);
    machine.expect("loaded: ", BOOT);
    machine.expect("jumping", BOOT);
    machine.expect("Run /init as init process", BOOT);
    let log = machine.transcript();
    assert!(!log.contains("] refused: "), "{log}");
    // What was for one boot is taken away, and what has happened is in the log.
    assert_eq!(bmc.flags(), [0; 5]);
    let failed = (0x1e, [0x83, 1, 0xff]);
    let booting = (0x0f, [0xc2, 0x13, 0xff]);
    assert_eq!(bmc.log(), [failed, failed, failed, booting]);
    machine.finish();
}

/// `ipmitool chassis bootdev bios options=persistent`, on a machine that hides its menu, and whose board has a shell.
#[test]
fn who_wants_a_setup_gets_the_menu_and_a_shell() {
    const POLICY: &str = "[menu]\nhidden = true\nshell = \"yes\"\n[override]\nallow = [\"ipmi\"]\n\
                          [report]\nsel = true\n[wait]\ndisks = 60\n";
    let board = std::env::var("PILOTLIGHT_LOCKED").expect("run this by `make qemu-test`");
    let flags = [0xc0, 0x18, 0, 0, 0];
    let bmc = Bmc::start("setup", flags);
    let disk = Image::overlay("setup", "esp");
    let mut machine = Machine::set_up_with("setup", &PathBuf::from(board).join("bzImage"))
        .policy(POLICY)
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .arguments(&bmc.arguments().each_ref().map(String::as_str))
        .start();
    machine.expect("policy: menu.hidden is set by ipmi", BOOT);
    machine.expect("Starting in 3", BOOT);
    machine.press("c");
    machine.expect("built-in shell (ash)", BOOT);
    machine.expect("# ", BOOT);
    machine.type_line("echo $((6 * 7)); head -n 1 /run/pilotlight/log");
    machine.expect("42", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.type_line("exit");
    machine.expect("Enter start", BOOT);
    machine.press("\r");
    // Nobody has signed it for this kernel. What is for every boot stays.
    let end = Instant::now() + BOOT;
    while bmc.log().is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(bmc.flags(), flags);
    assert_eq!(bmc.log(), [(0x1e, [0x83, 1, 0xff])]);
    machine.finish();
}
