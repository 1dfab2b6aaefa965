//! How long a menu waits for a person: the policy, and configurations and UEFI variables where it follows them.

use std::time::Duration;

use super::Menu;
use crate::config::{Found, MenuWait, WaitStyle};
use crate::entry::{BootEntry, EntrySource};
use crate::menu::Timeout;

impl Menu {
    /// How long somebody may choose when `first` is what is started without a person.
    ///
    /// Where the policy follows configurations, that is what `LoaderConfigTimeoutOneShot` says, otherwise
    /// `LoaderConfigTimeout`, otherwise the configuration that offers `first`, such as a GRUB script or a
    /// `loader.conf`, and in the end the policy itself. `menu-hidden` and `menu-disabled` are no time at all, and a key
    /// that was pressed before brings the menu all the same: what a person may do is the matter of the policy alone.
    pub fn timeout_before(&self, found: &Found, first: &BootEntry) -> Timeout {
        let wished = found.wishes.timeout().map(MenuWait::from);
        let wait = wished.or_else(|| configured(found, first));
        match wait.filter(|_| self.follow_configuration) {
            Some(MenuWait { seconds, style }) => Timeout {
                wait: seconds.map(|seconds| Duration::from_secs(seconds.into())),
                hidden: style == WaitStyle::Hidden,
                ..self.timeout
            },
            None => self.timeout,
        }
    }
}

/// The wait of the configuration that chooses `first`, or has it in its menu.
fn configured(found: &Found, first: &BootEntry) -> Option<MenuWait> {
    let configuration = found.configuration_of(first)?;
    // A kernel alone says nothing of waiting, whoever has found it.
    let alone = matches!(configuration.source, EntrySource::Guess | EntrySource::Uki);
    (!alone).then_some(configuration.wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Configuration;
    use crate::efi;

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
                wait: MenuWait { seconds, style },
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

    #[test]
    fn a_kernel_alone_says_nothing() {
        let mut found = found([(None, WaitStyle::Menu), (None, WaitStyle::Menu)]);
        found.configurations[0].source = EntrySource::Guess;
        let policy = Menu {
            follow_configuration: true,
            ..Menu::default()
        };
        let first = |i: usize| words(policy.timeout_before(&found, &found.entries[i]));
        let expected = ["0 idle 300 stay 3600", "for ever idle 300 stay 3600"];
        assert_eq!([first(0), first(1)], expected);
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
