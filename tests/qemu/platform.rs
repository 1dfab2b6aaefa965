//! The machine's own keys: a firmware with Secure Boot, of which `db` trusts and `dbx` revokes.

use super::BOOT;
use super::disk::{Image, Variables};
use super::machine::Machine;
use super::signed::{Signed, System};

/// `EFI_GLOBAL_VARIABLE`, `EFI_IMAGE_SECURITY_DATABASE_GUID` and `SHIM_LOCK_GUID`.
pub const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
pub const DATABASE: &str = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
const SHIM: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";

const POLICY: &str = "[wait]\ndisks = 60\n[failure]\nthen = \"poweroff\"\n\
    [trust]\nmode = \"enforce\"\nplatform = true\n";

/// What is not booted: its title, who signs it, and what is said against it.
const REFUSED: [(&str, Option<&str>, &str); 5] = [
    (
        "an image by a key that was revoked",
        Some("revoked"),
        "it is revoked: install a newer version",
    ),
    (
        "an image that was revoked",
        Some("platform"),
        "/EFI/Linux/1.efi is revoked: install a newer version",
    ),
    (
        "an image of a stranger",
        Some("stranger"),
        "it vouches for itself alone, and is no anchor",
    ),
    ("an image that nobody signed", None, "it is not signed"),
    (
        "an image of an old generation",
        Some("platform"),
        "its component \"site\" is of generation 1, and those before 2 are revoked: install a newer version",
    ),
];

#[test]
fn what_the_firmware_trusts_boots_and_what_it_revokes_does_not() {
    let mut signed = Signed::new("platform", &["platform", "revoked", "stranger"]);
    let disk = Image::copy("platform", "esp");
    for (place, (title, key, _)) in REFUSED.into_iter().enumerate() {
        let sbat = title
            .ends_with("generation")
            .then_some("sbat,1,SBAT,sbat,1,-\nsite,1,Site,site,1,-\n");
        signed.image_of(title, place, &signed.system(title, place), sbat);
        if let Some(key) = key {
            signed.sign_program(&format!("/EFI/Linux/{place}.efi"), key);
        }
    }
    let place = REFUSED.len();
    let new = Some("sbat,1,SBAT,sbat,1,-\nsite,2,Site,site,2,-\n");
    signed.image_of("Debian in one", place, &System::of(&disk), new);
    signed.sign_program(&format!("/EFI/Linux/{place}.efi"), "platform");
    disk.put_on_esp(&signed.files);
    let db = signed.lists(&["platform", "revoked"], &[]);
    let dbx = signed.lists(&["revoked"], &["/EFI/Linux/1.efi"]);
    let owner = signed.lists(&["platform"], &[]);
    let variables = Variables::with(
        "platform",
        &[
            (GLOBAL, "PK", &owner),
            (GLOBAL, "KEK", &owner),
            (DATABASE, "db", &db),
            (DATABASE, "dbx", &dbx),
            (SHIM, "SbatLevelRT", b"sbat,1,2026010100\nsite,2\n"),
        ],
    );
    let mut machine = Machine::set_up("platform")
        .firmware(&variables)
        .policy(POLICY)
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect("UEFI Secure Boot is enabled", BOOT);
    for (title, _, words) in REFUSED {
        machine.expect(&format!("trying {title} from"), BOOT);
        machine.expect("refused: ", BOOT);
        machine.expect(words, BOOT);
    }
    machine.expect("trying Debian in one from", BOOT);
    machine.expect("kernel: covered by \"UEFI db\" (Authenticode)", BOOT);
    machine.expect("jumping", BOOT);
    // The next kernel knows of it, too, and finds its initrd.
    machine.expect("secureboot: Secure boot enabled", BOOT);
    machine.expect("Run /init as init process", BOOT);
    let log = machine.transcript();
    assert_eq!(log.matches("] loaded: ").count(), 1, "{log}");
    machine.finish();
}

#[test]
fn a_firmware_without_a_platform_key_lets_nothing_boot() {
    let signed = Signed::new("platform-setup", &["platform"]);
    let db = signed.lists(&["platform"], &[]);
    let variables = Variables::with("platform-setup", &[(DATABASE, "db", &db)]);
    let disk = Image::overlay("platform-setup", "esp");
    let mut machine = Machine::set_up("platform-setup")
        .firmware(&variables)
        .policy(POLICY)
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect("the firmware is in setup mode", BOOT);
    machine.expect("nothing will be booted", BOOT);
    machine.expect("nothing may be booted: no disk is looked at", BOOT);
    machine.expect("power off in", BOOT);
    let log = machine.transcript();
    assert!(
        !log.contains("] trying Debian") && !log.contains(" loaded: "),
        "{log}"
    );
    machine.cut_power();
}
