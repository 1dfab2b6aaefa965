//! The menu of the flash kernel, on its serial line and on its screen.

use std::time::Duration;

use super::BOOT;
use super::disk::{Image, Variables};
use super::interface::entries_of;
use super::machine::{Machine, Setup};
use super::progress::{Shown, rows};

/// What the menu shows of the demo system.
const DEBIAN: &str = "Debian GNU/Linux 12 (bookworm)";

/// What a policy of these tests begins with.
const WAIT: &str = "[wait]\ndisks = 20\n[failure]\npause = 3\nrounds = 1\nfinally = \"poweroff\"\n";

const DISK: [&str; 2] = ["-device", "virtio-blk-pci,drive=disk"];

/// A copy of the demo disk with a second entry.
fn image(name: &str) -> Image {
    let image = Image::copy(name, "esp");
    image.add_entries(entries_of(&[("other.conf", "sort-key z")]));
    image
}

fn machine(name: &str, image: &Image) -> Setup {
    Machine::set_up(name).drive(image).arguments(&DISK)
}

/// Holds the space bar of the serial terminal from the start until there is a menu with both entries.
fn menu(machine: &mut Machine) {
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.until("2   other", BOOT, |machine| machine.press(" "));
}

/// What process 1 and its loader have written to the serial line.
fn written(machine: &Machine) -> String {
    let text = machine.transcript();
    let (_, text) = text.split_once("pilotlight 0.1.0").unwrap();
    let (text, _) = text.split_once("jumping").unwrap();
    text.to_owned()
}

#[test]
fn nobody_sees_a_menu_that_nobody_wants() {
    let image = image("menu-none");
    let mut machine = machine("menu-none", &image).start();
    machine.expect("pilotlight 0.1.0", BOOT);
    // Noise is nobody.
    machine.press("x\r\n");
    machine.expect(&format!("booting {DEBIAN} from"), BOOT);
    machine.expect("jumping", BOOT);
    let log = written(&machine);
    assert!(
        !log.contains('\x1b') && !log.contains("Enter start"),
        "{log}"
    );
    machine.finish();
}

#[test]
fn a_held_key_brings_it_and_the_second_entry_is_booted() {
    let image = image("menu-second");
    let mut machine = machine("menu-second", &image).without_services().start();
    menu(&mut machine);
    machine.press("d");
    machine.expect("kernel", BOOT);
    machine.press("\x1b[D2\r");
    machine.expect("Starting other", BOOT);
    // What was logged meanwhile stands in the log behind the menu.
    machine.expect("booting other from", BOOT);
    machine.expect("loaded:", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("entry=other"), "{cmdline}");
    machine.finish();
}

#[test]
fn a_countdown_is_seen_and_ends() {
    let image = image("menu-countdown");
    let policy = format!("{WAIT}[menu]\ntimeout = 5\n");
    let mut machine = machine("menu-countdown", &image).policy(&policy).start();
    machine.expect("Starting in  5 s", BOOT);
    machine.expect(&format!("{DEBIAN}, from"), BOOT);
    machine.expect(&format!("Starting {DEBIAN}"), BOOT);
    // A second of it is a digit, and the way there and back.
    let seconds = machine.transcript();
    let (_, seconds) = seconds.split_once("Enter start").unwrap();
    let (seconds, _) = seconds.split_once("Starting").unwrap();
    assert!(seconds.len() < 200, "{} bytes: {seconds:?}", seconds.len());
    machine.expect(&format!("booting {DEBIAN} from"), BOOT);
    machine.expect("jumping", BOOT);
    machine.finish();
}

/// A serial line has no size: the terminal behind it is asked, and asked again with Ctrl-L.
fn resize(machine: &mut Machine, rows: usize, columns: usize) {
    let rule = format!("\x1b[m{}\r", "-".repeat(columns - 1));
    for _ in 0..20 {
        machine.press("\x0c");
        machine.expect("\x1b[6n", BOOT);
        let before = machine.transcript().len();
        machine.press(&format!("\x1b[{rows};{columns}R"));
        machine.expect("Enter start", BOOT);
        if machine.transcript()[before..].contains(&rule) {
            return;
        }
    }
    panic!("it never becomes {columns} columns wide");
}

/// What lacks an initrd boots with the others, and with another command line.
#[test]
fn an_edited_command_line_is_what_the_system_sees() {
    let image = Image::copy("menu-edit", "esp");
    image.add_entries(entries_of(&[("other.conf", "sort-key z\ninitrd /gone")]));
    let policy = format!("{WAIT}[menu]\ntimeout = 600\nedit = \"yes\"\n");
    let mut machine = machine("menu-edit", &image)
        .policy(&policy)
        .without_services()
        .start();
    machine.expect("2 ! other", BOOT);
    resize(&mut machine, 10, 40);
    resize(&mut machine, 24, 80);
    machine.press("2\r");
    machine.expect("it can't be booted: /gone is not there", BOOT);
    machine.press("i2");
    machine.expect("x /gone", BOOT);
    machine.press(" \r");
    machine.expect("other initrds are chosen", BOOT);
    machine.press("e");
    machine.expect("Edit: other", BOOT);
    // Words are cut, and a step is undone.
    machine.press("\x05 edited=no wrong");
    // It may be painted before the last letters come.
    machine.expect("+ w", BOOT);
    machine.press("\x17\x17edited=yes \x0bmore\x1a");
    // Only what is another letter is painted.
    machine.expect("yes", BOOT);
    // F10 of a VT220.
    machine.press("\x1b[21~");
    machine.expect("other was changed at the menu", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("entry=other edited=yes"), "{cmdline}");
    machine.finish();
}

#[test]
fn what_has_to_be_signed_is_neither_changed_nor_started_by_who_chooses_it() {
    let image = image("menu-signed");
    let nothing = "0".repeat(64);
    let policy = format!("{WAIT}[trust]\nmode = \"enforce\"\nsha256 = [\"{nothing}\"]\n");
    let mut machine = machine("menu-signed", &image).policy(&policy).start();
    menu(&mut machine);
    machine.press("2e");
    machine.expect("the policy does not allow this", BOOT);
    // All files are read to know what would become of it.
    machine.press("d");
    machine.expect("not looked at yet", BOOT);
    machine.press("v");
    machine.expect("kernel: not covered", BOOT);
    machine.press("\x1b[D");
    machine.expect("other\x1b[K", BOOT);
    for _ in 0..2 {
        machine.press("\r");
        machine.expect("Starting other", BOOT);
        // The menu comes back, and below it the reason.
        machine.expect("other\x1b[K", BOOT);
        machine.expect("refused: ", BOOT);
    }
    // The log is that of process 1, from its beginning.
    machine.press("l");
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.press("\x1b[4~");
    machine.expect("refused: ", BOOT);
    machine.press("\x1b[Da");
    machine.expect("policy: sha256 ", BOOT);
    assert!(!machine.transcript().contains("jumping"));
    machine.finish();
}

/// On a terminal that types lines; the choices are UEFI variables.
#[test]
fn what_is_chosen_for_later_boots_is_booted_then() {
    let image = image("menu-later");
    let variables = Variables::new("menu-later");
    let menu = "timeout = 600\nplain = true\nonce = \"yes\"\ndefault = \"yes\"\n";
    let policy = format!("{WAIT}[efi]\nvariables = \"write\"\n[menu]\n{menu}");
    let start = |name: &str, policy: &str| {
        let machine = machine(name, &image).firmware(&variables);
        machine.policy(policy).start()
    };
    let mut machine = start("menu-later-1", &policy);
    machine.expect("  2   other", BOOT);
    machine.press("2s");
    machine.expect("other.conf is the default from now on", BOOT);
    machine.press("1o");
    machine.expect("is for the next boot", BOOT);
    let transcript = machine.transcript();
    let (_, lines) = transcript.split_once("  2   other").unwrap();
    assert!(!lines.contains('\x1b'), "{lines:?}");
    machine.cut_power();
    for (name, title) in [("menu-later-2", DEBIAN), ("menu-later-3", "other")] {
        let policy = policy.replace("timeout = 600", "timeout = 0");
        let mut machine = start(name, &policy);
        machine.expect(&format!("booting {title} from"), BOOT);
        machine.expect("jumping", BOOT);
        machine.cut_power();
    }
}

/// So many bytes in a second the disk of the next test gives.
const SLOW: f64 = 6e6;

/// How far the reading is, on the serial line and on the screen of a machine that stands still meanwhile.
fn progress(machine: &mut Machine) -> [Option<Shown>; 2] {
    machine.monitor("stop");
    let screen = machine.screen_text();
    let sent = machine.transcript();
    machine.monitor("cont");
    let (_, sent) = sent.rsplit_once("\x1b[J").unwrap_or_default();
    let line = rows(sent);
    let screen: Vec<char> = screen.chars().collect();
    let screen: Vec<String> = screen.chunks(80).map(String::from_iter).collect();
    [line, screen].map(|rows| Shown::of(rows.iter().map(String::as_str)))
}

#[test]
fn the_screen_shows_it_and_has_keys_and_tells_how_far_the_reading_is() {
    let image = image("menu-screen");
    let (format, path) = (image.format, image.path.display());
    let drive = format!(
        "if=none,id=disk,format={format},file={path},cache=unsafe,throttling.bps-total={SLOW}"
    );
    let mut machine = Machine::set_up("menu-screen")
        .arguments(&["-drive", &drive])
        .arguments(&DISK)
        .start();
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.until("2   other", BOOT, |machine| {
        machine.monitor("sendkey spc");
    });
    // The serial line was painted; the screen takes no longer.
    std::thread::sleep(Duration::from_secs(1));
    let screen = machine.screen_text();
    for text in ["Pilotlight  ", "2   other ", "Enter start"] {
        assert!(
            screen.contains(text),
            "no {text:?} on the screen:\n{screen}"
        );
    }
    assert!(machine.bright_pixels() > 1000);
    machine.monitor("sendkey down");
    machine.monitor("sendkey ret");
    machine.expect("Starting other", BOOT);
    let mut told: [Vec<Shown>; 2] = Default::default();
    while !machine.transcript().contains("] jumping") {
        // What was just being painted is another one a moment later.
        let [first, second] = [0; 2].map(|_| progress(&mut machine));
        for ((told, first), second) in told.iter_mut().zip(first).zip(second) {
            told.extend(first.filter(|_| first == second));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    for told in &mut told {
        told.dedup();
        assert!(told.len() >= 4, "{told:?}");
        for shown in told.iter() {
            assert!(shown.is_true() && shown.rate > SLOW / 20.0, "{shown:?}");
            // While the machine stands still, its disk gathers what it may give later.
            assert!(shown.rate < SLOW * 5.0, "the disk is slower: {shown:?}");
        }
        for pair in told.windows(2) {
            assert!(
                pair[0].done <= pair[1].done && pair[0].all == pair[1].all,
                "{pair:?}"
            );
        }
    }
    machine.expect("booting other from", BOOT);
    machine.expect("jumping", BOOT);
    machine.finish();
}

#[test]
fn a_shell_comes_back_to_the_menu() {
    let image = image("menu-shell");
    let policy = format!("{WAIT}[menu]\ntimeout = 600\nidle = 12\nshell = \"yes\"\n");
    let machine = machine("menu-shell", &image);
    let mut machine = machine.policy_and_shell(&policy).start();
    machine.expect("2   other", BOOT);
    machine.press("c");
    machine.expect("# ", BOOT);
    machine.type_line(
        "echo $((6 * 7)) $PPID; while read line; do echo \"$line\"; done </run/pilotlight/log",
    );
    machine.expect("42 ", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    // Who presses keys is not interrupted.
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(9));
        machine.type_line("echo $((6 * 9))");
        machine.expect("54", BOOT);
    }
    machine.type_line("exit");
    machine.expect("2   other", BOOT);
    // Who leaves a shell behind, and what it runs, is not waited for.
    machine.press("c");
    machine.expect("# ", BOOT);
    machine.type_line("sleep 1000");
    machine.expect("nobody has pressed a key", BOOT);
    machine.press("c");
    machine.expect("# ", BOOT);
    machine.type_line("pidof sleep || echo no''body");
    machine.expect("nobody", BOOT);
    machine.type_line("exit");
    machine.expect("2   other", BOOT);
    machine.press("2\r");
    machine.expect("Starting other", BOOT);
    machine.expect("jumping", BOOT);
    machine.finish();
}

#[test]
fn who_stays_sees_disks_come_and_go() {
    let image = image("menu-hot-plug");
    let mut machine = Machine::set_up("menu-hot-plug")
        .drive(&image)
        .arguments(&["-device", "qemu-xhci,id=usb"])
        .start();
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.until("nothing here", BOOT, |machine| machine.press(" "));
    // The policy of the board gives up after 20 s, but not while somebody is here.
    std::thread::sleep(Duration::from_secs(25));
    machine.monitor("device_add usb-storage,id=stick,drive=disk,bus=usb.0");
    machine.expect("other", BOOT);
    machine.monitor("device_del stick");
    machine.expect("nothing here", BOOT);
    assert!(!machine.transcript().contains("nothing could be booted"));
    machine.finish();
}
