use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::command_line::command_line;
use super::setting::SETTINGS;
use super::*;
use crate::config::bls::Pattern;
use crate::disk::Transport;
use crate::efi::{MemoryVariables, Variables, encode};
use crate::ipmi::{BootDevice, BootFlags};
use crate::policy::{Action, Ending};

fn policy(allow: &str) -> Policy {
    let file = match allow.contains("file") {
        true => "volume = \"ESP\"\npath = \"/pilotlight.conf\"\n",
        false => "",
    };
    Policy::parse(&format!("[override]\nallow = [{allow}]\n{file}")).unwrap()
}

fn told(source: Source, pairs: &[(&str, &str)]) -> Vec<Told> {
    let told = pairs.iter().map(|(key, value)| Told {
        source,
        key: (*key).to_owned(),
        value: Ok((*value).to_owned()),
    });
    told.collect()
}

#[test]
fn every_setting_sets() {
    let all = [
        ("menu.timeout", "5"),
        ("menu.hidden", "true"),
        ("boot.default", "debian*"),
        ("boot.prefer", "usb,nvme"),
        ("wait.disks", "60"),
        ("wait.settle", "0"),
        ("failure.then", "poweroff"),
        ("failure.pause", "1"),
        ("failure.rounds", "3"),
        ("failure.finally", "poweroff"),
    ];
    let result = policy("\"cmdline\"").overridden(&told(Source::CommandLine, &all));
    assert_eq!(result.problems, []);
    let keys = result.set.iter().map(|(key, _)| *key);
    assert!(keys.eq(SETTINGS.iter().map(|setting| setting.key)));
    let Policy {
        menu,
        boot,
        wait,
        failure,
        ..
    } = result.policy;
    assert_eq!(menu.timeout.wait, Some(Duration::from_secs(5)));
    assert!(menu.timeout.hidden);
    assert_eq!(boot.default, Pattern::new("debian*"));
    let transports = boot.prefer.iter().map(|rule| rule.place.transport);
    assert!(transports.eq([Some(Transport::Usb), Some(Transport::Nvme)]));
    assert_eq!((wait.disks.as_secs(), wait.settle.as_secs()), (60, 0));
    assert_eq!(failure.then, Action::End(Ending::PowerOff));
    assert_eq!((failure.pause.as_secs(), failure.rounds), (1, 3));
    assert_eq!(failure.finally, Ending::PowerOff);
}

#[test]
fn boot_flags_choose_kinds_of_disks() {
    let prefer = |device| {
        let flags = BootFlags {
            device,
            is_persistent: true,
        };
        let machine = Machine::new("/nowhere".as_ref(), None).flagged(Some(Ok(flags)));
        let policy = policy("\"ipmi\"");
        let result = policy.overridden(&machine.ask(&policy.overrides));
        let removable = result.policy.boot.prefer.first();
        (
            removable.and_then(|rule| rule.place.removable),
            result.problems.len(),
        )
    };
    assert_eq!(prefer(BootDevice::Disk), (Some(false), 0));
    assert_eq!(prefer(BootDevice::Removable), (Some(true), 0));
    assert_eq!(prefer(BootDevice::Network), (None, 1));
    assert_eq!(prefer(BootDevice::Other(4)), (None, 1));
}

#[test]
fn who_wants_a_setup_sees_the_menu_whatever_is_hidden() {
    let text =
        "[menu]\nhidden = true\ntimeout = \"configuration\"\n[override]\nallow = [\"ipmi\"]\n";
    let policy = Policy::parse(text).unwrap();
    let machine = |device| {
        let flags = BootFlags {
            device,
            is_persistent: false,
        };
        Machine::new("/nowhere".as_ref(), None).flagged(Some(Ok(flags)))
    };
    let menu = |device| {
        let told = machine(device).ask(&policy.overrides);
        policy.overridden(&told).policy.menu
    };
    let shown = menu(BootDevice::Setup);
    let hour = Some(Duration::from_secs(3600));
    assert_eq!((shown.timeout.wait, shown.timeout.hidden), (hour, false));
    assert!(!shown.follow_configuration);
    assert_eq!(menu(BootDevice::Disk), policy.menu);
}

#[test]
fn who_is_not_named_sets_nothing() {
    let values = told(Source::Efi, &[("menu.timeout", "5")]);
    for allow in ["", "\"cmdline\", \"vpd\""] {
        let policy = policy(allow);
        let result = policy.overridden(&values);
        assert_eq!(result.policy, policy);
        assert_eq!((result.set, result.problems), (vec![], vec![]));
    }
}

#[test]
fn the_later_of_the_list_counts() {
    let all = [
        told(
            Source::CommandLine,
            &[("menu.timeout", "1"), ("wait.disks", "1")],
        ),
        told(Source::Vpd, &[("menu.timeout", "2"), ("wait.disks", "x")]),
    ]
    .concat();
    for (allow, timeout, by) in [
        ("\"cmdline\", \"vpd\"", 2, Source::Vpd),
        ("\"vpd\", \"cmdline\"", 1, Source::CommandLine),
    ] {
        let result = policy(allow).overridden(&all);
        assert_eq!(
            result.policy.menu.timeout.wait,
            Some(Duration::from_secs(timeout))
        );
        assert!(result.set.contains(&("menu.timeout", by)));
        // What makes no sense leaves what others say.
        assert_eq!(result.policy.wait.disks, Duration::from_secs(1));
        let (source, text) = &result.problems[0];
        assert_eq!(*source, Source::Vpd);
        assert!(
            text.starts_with("vpd: wait.disks: \"x\" is no whole number"),
            "{text}"
        );
    }
}

#[test]
fn nothing_is_loosened() {
    let base = Policy::parse(
        "[override]\nallow = [\"cmdline\", \"efi\"]\n[[boot.refuse]]\nremovable = true\n[menu]\nchoose = \"no\"\n",
    )
    .unwrap();
    for (key, value) in [
        ("trust.mode", "off"),
        ("boot.guess", "true"),
        ("boot.refuse", ""),
        ("menu.edit", "yes"),
        ("menu.password", "x"),
        ("menu.timeout", "never"),
        ("menu.timeout", "-1"),
        ("menu.timeout", "3601"),
        ("efi.variables", "write"),
        ("override.allow", "file"),
        ("failure.then", "shell"),
        ("failure.finally", "shell"),
        ("boot.default", ""),
        ("boot.prefer", "nvme,"),
        ("boot.prefer", ""),
        ("", ""),
    ] {
        let result = base.overridden(&told(Source::CommandLine, &[(key, value)]));
        assert_eq!(result.policy, base, "{key} = {value}");
        assert_eq!(result.problems.len(), 1, "{key} = {value}");
    }
    // Process 1 does not read UEFI variables.
    let result = base.overridden(&told(Source::Efi, &[("failure.rounds", "1")]));
    assert_eq!(result.policy, base);
    assert_eq!(
        result.problems[0].1,
        "efi: failure.rounds is nothing that efi may set"
    );
}

#[test]
fn a_command_line_is_read_as_the_kernel_does() {
    let values = |text: &str| -> Vec<(String, String)> {
        let told = command_line(text).into_iter();
        told.map(|told| (told.key, told.value.unwrap())).collect()
    };
    let is = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    assert_eq!(values("quiet console=ttyS0\n"), is(&[]));
    assert_eq!(
        values("quiet pilotlight.menu.timeout=5 x pilotlight.boot.default=\"Debian GNU*\"\n"),
        is(&[("menu.timeout", "5"), ("boot.default", "Debian GNU*")])
    );
    assert_eq!(
        values("\"pilotlight.boot.default=a b\" pilotlight.x"),
        is(&[("boot.default", "a b"), ("x", "")])
    );
    let many = command_line(&"pilotlight.menu.timeout=5 ".repeat(1000));
    let (last, others) = many.split_last().unwrap();
    assert_eq!(others.len(), MAX_VALUES);
    assert!(others.iter().all(|told| told.value.is_ok()));
    // Who has said too much is told.
    assert!(
        last.value
            .as_ref()
            .unwrap_err()
            .contains("64 values are the most")
    );
}

#[test]
fn files_have_lines() {
    let told = lines("# ours\n\n menu.timeout = 5 \nwait.disks\n");
    let values: Vec<(&str, bool)> = told
        .iter()
        .map(|told| (told.key.as_str(), told.value.is_ok()))
        .collect();
    assert_eq!(values, [("menu.timeout", true), ("wait.disks", false)]);
    assert_eq!(told[0].value.as_deref(), Ok("5"));
}

/// A directory with these files, in the place of `/`.
struct Root(PathBuf);

impl Root {
    fn with(name: &str, files: &[(&str, &[u8])]) -> Root {
        let name = format!("pilotlight-overrides-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Root(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_kernel_shows_what_firmware_has() {
    let fw_cfg = "sys/firmware/qemu_fw_cfg/by_name/opt/org.pilotlight";
    let root = Root::with(
        "all",
        &[
            (
                "proc/cmdline",
                // Others may have anything in it.
                b"other=\xff pilotlight.menu.timeout=1 pilotlight.odd=1\n",
            ),
            (&format!("{fw_cfg}/menu.timeout/raw"), b"2\0"),
            (&format!("{fw_cfg}/wait.disks/raw"), b"\xff\xfe"),
            ("sys/firmware/vpd/ro/pilotlight_menu_timeout", b"3"),
            ("sys/firmware/vpd/ro/pilotlight_failure_rounds", b"4\n"),
            ("sys/firmware/vpd/rw/pilotlight_menu_timeout", b"5"),
        ],
    );
    let variables = MemoryVariables::new();
    variables
        .write(VENDOR, "menu.timeout", &encode("6"))
        .unwrap();
    variables.write(VENDOR, "boot.default", b"odd").unwrap();
    let machine = Machine::new(&root.0, Some(&variables));
    let timeout = |allow: &str| {
        let policy = policy(allow);
        let result = policy.overridden(&machine.ask(&policy.overrides));
        let timeout = result.policy.menu.timeout.wait.unwrap().as_secs();
        let problems = result.problems.into_iter().map(|(_, text)| text);
        (timeout, problems.collect::<Vec<String>>())
    };
    assert_eq!(timeout(""), (0, vec![]));
    let odd = "cmdline: odd is nothing that can be set from there".to_owned();
    assert_eq!(timeout("\"cmdline\""), (1, vec![odd]));
    let (seconds, problems) = timeout("\"fw_cfg\"");
    assert_eq!((seconds, problems.len()), (2, 1));
    assert!(
        problems[0].starts_with("fw_cfg: wait.disks: holds no text"),
        "{problems:?}"
    );
    assert_eq!(timeout("\"vpd\""), (5, vec![]));
    let odd = "efi: boot.default: holds no text".to_owned();
    assert_eq!(timeout("\"efi\""), (6, vec![odd]));
    for (flags, expected) in [
        (None, (0, vec![])),
        (
            Some(Err("no answer".to_owned())),
            (0, vec!["ipmi: boot.prefer: no answer".to_owned()]),
        ),
        (
            Some(Ok(BootFlags {
                device: BootDevice::Setup,
                is_persistent: false,
            })),
            (3600, vec![]),
        ),
    ] {
        let machine = Machine::new(&root.0, None).flagged(flags);
        let policy = policy("\"ipmi\"");
        let result = policy.overridden(&machine.ask(&policy.overrides));
        let timeout = result.policy.menu.timeout.wait.unwrap().as_secs();
        let problems = result.problems.into_iter().map(|(_, text)| text);
        assert_eq!((timeout, problems.collect::<Vec<String>>()), expected);
    }
    let nowhere = Machine::new("/nowhere".as_ref(), None);
    let all = policy("\"cmdline\", \"fw_cfg\", \"vpd\", \"efi\", \"file\"");
    assert_eq!(nowhere.ask(&all.overrides), []);
}

#[test]
fn mistakes_are_told() {
    for (text, error) in [
        (
            "allow = [\"bios\"]",
            "line 2: `allow`: \"bios\" is none of cmdline, fw_cfg",
        ),
        (
            "allow = [\"file\"]",
            "line 1: \"file\" in `allow`, `volume` and `path` belong together",
        ),
        ("volume = \"ESP\"\npath = \"/x\"", "belong together"),
        (
            "allow = [\"file\"]\nvolume = \"ESP\"\npath = \"x\"",
            "is no path from the root",
        ),
        ("deny = []", "line 2: `deny` is no key of override"),
    ] {
        let found = Policy::parse(&format!("[override]\n{text}\n")).unwrap_err();
        assert!(found.to_string().contains(error), "{text}: {found}");
    }
}

proptest! {
    #[test]
    fn any_text_sets_only_what_may_be_set(text in "(pilotlight\\.)?[a-z.=\" \n#0-9]{0,80}", value: String) {
        let base = policy("\"cmdline\", \"file\"");
        let told = [lines(&text), command_line(&text)].concat();
        let mut result = base.overridden(&told);
        for setting in &SETTINGS {
            let _ = (setting.set)(&mut result.policy, &value);
        }
        result.policy.boot = base.boot.clone();
        result.policy.wait = base.wait.clone();
        result.policy.failure = base.failure.clone();
        result.policy.menu.timeout = base.menu.timeout;
        result.policy.menu.follow_configuration = base.menu.follow_configuration;
        prop_assert_eq!(result.policy, base);
    }
}
