//! How long a menu waits for a person: the policy, and configurations and UEFI variables where it follows them.

use std::time::Duration;

use super::Menu;
use crate::config::{Found, MenuWait, WaitStyle};
use crate::entry::BootEntry;
use crate::menu::Timeout;

impl Menu {
    /// How long somebody may choose when `first` is what is started without a person.
    ///
    /// Where the policy follows configurations, that is what `LoaderConfigTimeoutOneShot` says, otherwise
    /// `LoaderConfigTimeout`, otherwise the configuration that offers `first`, such as a GRUB script or a
    /// `loader.conf`, if it says anything, and in the end the policy itself: no machine waits for ever for want of a
    /// line. `menu-hidden` and `menu-disabled` are no time at all, and a key that was pressed before brings the menu
    /// all the same: what a person may do is the matter of the policy alone.
    pub fn timeout_before(&self, found: &Found, first: &BootEntry) -> Timeout {
        let wished = found.wishes.timeout().map(MenuWait::from);
        let wait = wished.or_else(|| configured(found, first));
        match wait.filter(|_| self.follow_configuration) {
            Some(MenuWait { seconds, style, .. }) => Timeout {
                wait: seconds.map(|seconds| Duration::from_secs(seconds.into())),
                hidden: style == WaitStyle::Hidden,
                ..self.timeout
            },
            None => self.timeout,
        }
    }
}

/// What the configuration says that chooses `first`, or has it in its menu.
fn configured(found: &Found, first: &BootEntry) -> Option<MenuWait> {
    let wait = found.configuration_of(first)?.wait;
    wait.stated.then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Configuration, discover};
    use crate::efi;
    use crate::entry::EntrySource;
    use crate::fs::MemoryFilesystem;
    use crate::inventory::Inventory;

    /// What two configurations want, of which the second one has a default.
    fn found(waits: [(Option<u32>, WaitStyle); 2]) -> Found {
        let mut found = Found::default();
        for (disk, (seconds, style)) in waits.into_iter().enumerate() {
            let mut entry = BootEntry::on_disk(disk, ["a", "b"][disk]);
            entry.default = disk == 1;
            let file = entry.origin.file.clone();
            found.entries.push(entry);
            let configuration =
                Configuration::new(EntrySource::Grub, file, disk..disk + 1, &found.entries);
            found.configurations.push(Configuration {
                wait: MenuWait {
                    stated: true,
                    seconds,
                    style,
                },
                ..configuration
            });
        }
        found
    }

    fn words(timeout: Timeout) -> String {
        let wait = timeout
            .wait
            .map_or("for ever".to_owned(), |wait| wait.as_secs().to_string());
        let hidden = if timeout.hidden { " hidden" } else { "" };
        let limit = |name: &str, limit: Option<Duration>| {
            limit.map_or(String::new(), |limit| {
                format!(" {name} {}", limit.as_secs())
            })
        };
        wait + hidden + &limit("idle", timeout.idle) + &limit("stay", timeout.stay)
    }

    #[test]
    fn who_says_how_long_it_takes() {
        use efi::Timeout::{MenuDisabled, MenuForce, MenuHidden, Seconds};
        let waits = [(Some(5), WaitStyle::Hidden), (None, WaitStyle::Menu)];
        // Of the policy: its own seconds, and whether anything is followed. The entry. Variables: for every boot, and
        // for one.
        for (own, follows, first, always, once, expected) in [
            (0, false, 0, None, None, "0"),
            (7, false, 0, Some(Seconds(3)), Some(MenuForce), "7"),
            (7, true, 0, None, None, "5 hidden"),
            (7, true, 1, None, None, "for ever"),
            (7, true, 0, Some(Seconds(3)), None, "3"),
            (7, true, 0, Some(Seconds(3)), Some(MenuForce), "for ever"),
            (0, true, 0, None, Some(Seconds(9)), "9"),
            (7, true, 0, Some(MenuHidden), None, "0 hidden"),
            (7, true, 0, Some(MenuDisabled), None, "0"),
            (7, true, 0, Some(MenuForce), Some(Seconds(0)), "0 hidden"),
        ] {
            let policy = Menu {
                timeout: Timeout {
                    wait: Some(Duration::from_secs(own)),
                    ..Timeout::default()
                },
                follow_configuration: follows,
                ..Menu::default()
            };
            let mut found = self::found(waits);
            found.wishes.timeout = always;
            found.wishes.timeout_once = once;
            let timeout = policy.timeout_before(&found, &found.entries[first]);
            assert_eq!(words(timeout), expected, "{policy:?} {:?}", found.wishes);
        }
    }

    /// What is silent would wait for ever in its own boot loader, or is no more than a kernel.
    #[test]
    fn who_says_nothing_leaves_it_to_the_policy() {
        let mut found = found([(None, WaitStyle::Menu), (None, WaitStyle::Menu)]);
        found.configurations[0].wait = MenuWait::default();
        let policy = Menu {
            follow_configuration: true,
            ..Menu::default()
        };
        let first = |i: usize| words(policy.timeout_before(&found, &found.entries[i]));
        let expected = ["0 idle 300 stay 3600", "for ever idle 300 stay 3600"];
        assert_eq!([first(0), first(1)], expected);
    }

    /// From the file to the wait.
    #[test]
    fn what_scripts_and_files_say_of_waiting() {
        const LABEL: &str = "label a\nlinux /k\n";
        const ENTRY: &str = "menuentry a { linux /k; }\n";
        let policy = Menu {
            follow_configuration: true,
            ..Menu::default()
        };
        for (path, begin, entries, expected) in [
            ("/boot/grub/grub.cfg", "", ENTRY, "0"),
            ("/boot/grub/grub.cfg", "set timeout=soon\n", ENTRY, "0"),
            ("/boot/grub/grub.cfg", "set timeout=-1\n", ENTRY, "for ever"),
            ("/boot/grub/grub.cfg", "set timeout=5\n", ENTRY, "5"),
            ("/syslinux.cfg", "default a\nprompt 1\n", LABEL, "0"),
            ("/syslinux.cfg", "ui menu.c32\n", LABEL, "0"),
            ("/syslinux.cfg", "ui menu.c32\ntimeout soon\n", LABEL, "0"),
            (
                "/syslinux.cfg",
                "ui menu.c32\ntimeout 0\n",
                LABEL,
                "for ever",
            ),
            ("/syslinux.cfg", "ui menu.c32\ntimeout 50\n", LABEL, "5"),
            ("/loader/loader.conf", "", "", "0"),
            (
                "/loader/loader.conf",
                "timeout menu-force\n",
                "",
                "for ever",
            ),
        ] {
            let mut files = MemoryFilesystem::new().file("/k", "");
            if entries.is_empty() {
                files = files.file("/loader/entries/a.conf", "linux /k");
            }
            let files = files.file(path, format!("{begin}{entries}"));
            let mut inventory = Inventory::new();
            inventory.add_filesystem("uuid", Box::new(files));
            let found = discover(&inventory);
            let first = found.entries.first().unwrap();
            let timeout = Timeout {
                idle: None,
                stay: None,
                ..policy.timeout_before(&found, first)
            };
            assert_eq!(words(timeout), expected, "{path}: {begin}");
        }
    }

    #[test]
    fn who_has_gone_is_the_matter_of_the_policy() {
        let found = found([(Some(5), WaitStyle::Menu), (None, WaitStyle::Menu)]);
        let policy = Menu {
            timeout: Timeout {
                idle: Some(Duration::from_secs(60)),
                stay: Some(Duration::from_secs(90)),
                ..Timeout::default()
            },
            follow_configuration: true,
            ..Menu::default()
        };
        assert_eq!(
            words(policy.timeout_before(&found, &found.entries[0])),
            "5 idle 60 stay 90"
        );
    }
}
