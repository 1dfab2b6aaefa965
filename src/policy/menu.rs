//! [`Menu`]: what a person at the machine may do, and how long somebody is waited for.

use std::time::Duration;

use super::document::Wrong;
use super::keys::Keys;
use super::password::{self, Hash};
use crate::menu::{Access, Permissions, Timeout};

/// Table `[menu]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// `choose`, `edit`, `once`, `default`, `shell` and `attempts`.
    pub permissions: Permissions,
    /// `timeout`, `hidden`, `idle` and `stay`. Where configurations are followed, this is for those that say nothing.
    pub timeout: Timeout,
    /// `timeout = "configuration"`: how long a menu waits is what the configuration of the entry that would be
    /// started says, or UEFI variables.
    pub follow_configuration: bool,
    /// `plain`: consoles that are no screen get numbered lines: what is behind them understands no sequences of a
    /// VT100.
    pub plain: bool,
    /// `password`: what somebody has to know.
    pub password: Option<Hash>,
}

/// Who pressed no key for so long has gone.
const IDLE: Duration = Duration::from_secs(300);

/// Who has been here for so long has to show that it is a person.
const STAY: Duration = Duration::from_secs(3600);

/// What is shorter would send away who reads, or types an answer.
const LEAST_IDLE: Duration = Duration::from_secs(10);
const LEAST_STAY: Duration = Duration::from_secs(60);

impl Default for Menu {
    /// Starts at once. Who presses a key in time may start another entry, and change nothing; noise on a line that
    /// looks like somebody holds a machine for some minutes, and not for ever.
    fn default() -> Menu {
        Menu {
            permissions: Permissions {
                choose: Access::Yes,
                attempts: 5,
                ..Permissions::default()
            },
            timeout: Timeout {
                wait: Some(Duration::ZERO),
                hidden: false,
                idle: Some(IDLE),
                stay: Some(STAY),
            },
            follow_configuration: false,
            plain: false,
            password: None,
        }
    }
}

impl Menu {
    /// Is this the password? Takes as long as its hash says.
    pub fn is_password(&self, text: &str) -> bool {
        let hash = self.password.as_ref();
        hash.is_some_and(|hash| password::check(hash, text))
    }

    /// Reads the table.
    pub(super) fn read(&mut self, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        self.timeout(keys)?;
        let permissions = &mut self.permissions;
        keys.word("choose", &mut permissions.choose, &ACCESS)?;
        keys.word("edit", &mut permissions.edit, &ACCESS)?;
        keys.word("once", &mut permissions.once, &ACCESS)?;
        keys.word("default", &mut permissions.default, &ACCESS)?;
        keys.word("shell", &mut permissions.shell, &ACCESS)?;
        permissions.attempts = keys.limited("attempts", 1, 1000, permissions.attempts)?;
        self.password = keys.text("password", Hash::parse)?;
        permissions.password = self.password.is_some();
        if permissions.password {
            return Ok(());
        }
        match self
            .permissions_by_name()
            .find(|(_, access)| *access == Access::Password)
        {
            Some((name, _)) => Err(keys.wrong(format!(
                "`{name} = \"password\"`, and `password` of menu is missing: nobody could know it"
            ))),
            None => Ok(()),
        }
    }

    fn timeout(&mut self, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        let timeout = &mut self.timeout;
        keys.yes_or_no("hidden", &mut timeout.hidden)?;
        keys.yes_or_no("plain", &mut self.plain)?;
        for (key, limit, least) in [
            ("idle", &mut timeout.idle, LEAST_IDLE),
            ("stay", &mut timeout.stay, LEAST_STAY),
        ] {
            if keys.seconds_or(key, limit, &NEVER)?.is_some() {
                *limit = None;
            }
            if limit.is_some_and(|limit| limit < least) {
                let least = least.as_secs();
                return Err(keys.wrong(format!(
                    "`{key}` of menu is at least {least} seconds, or \"never\""
                )));
            }
        }
        match keys.seconds_or("timeout", &mut timeout.wait, &WAITS)? {
            Some(TimeoutWord::Configuration) => self.follow_configuration = true,
            Some(TimeoutWord::Never) => timeout.wait = None,
            None => {}
        }
        Ok(())
    }

    fn permissions_by_name(&self) -> impl Iterator<Item = (&'static str, Access)> {
        let Permissions {
            choose,
            edit,
            once,
            default,
            shell,
            ..
        } = self.permissions;
        [
            ("choose", choose),
            ("edit", edit),
            ("once", once),
            ("default", default),
            ("shell", shell),
        ]
        .into_iter()
    }

    /// What leads around signatures, if somebody may do it: whoever changes a command line, or has a shell, starts
    /// what nobody has signed.
    pub(super) fn open_door(&self) -> Option<&'static str> {
        let Permissions { edit, shell, .. } = self.permissions;
        let doors = [("edit", edit), ("shell", shell)];
        let open = doors.into_iter().find(|(_, access)| *access != Access::No);
        open.map(|(name, _)| name)
    }
}

/// Words in the place of `timeout`.
#[derive(Clone, Copy)]
enum TimeoutWord {
    Configuration,
    Never,
}

const WAITS: [(&str, TimeoutWord); 2] = [
    ("configuration", TimeoutWord::Configuration),
    ("never", TimeoutWord::Never),
];

const NEVER: [(&str, TimeoutWord); 1] = [("never", TimeoutWord::Never)];

pub(super) const ACCESS: [(&str, Access); 3] = [
    ("no", Access::No),
    ("password", Access::Password),
    ("yes", Access::Yes),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    const HASH: &str = "$argon2id$v=19$m=256,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA";

    fn menu(text: &str) -> Result<Menu, String> {
        let policy = Policy::parse(&format!("[menu]\n{text}\n"));
        policy.map(|p| p.menu).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_every_key() {
        let text = format!(
            "timeout = 2.5\nhidden = true\nplain = true\nidle = 60\nstay = 600\nchoose = \"no\"\nedit = \"password\"\nonce = \"yes\"\n\
             default = \"password\"\nshell = \"password\"\nattempts = 3\npassword = \"{HASH}\""
        );
        let expected = Menu {
            permissions: Permissions {
                choose: Access::No,
                edit: Access::Password,
                once: Access::Yes,
                default: Access::Password,
                shell: Access::Password,
                quit: false,
                password: true,
                attempts: 3,
            },
            timeout: Timeout {
                wait: Some(Duration::from_millis(2500)),
                hidden: true,
                idle: Some(Duration::from_secs(60)),
                stay: Some(Duration::from_secs(600)),
            },
            follow_configuration: false,
            plain: true,
            password: Hash::parse(HASH).ok(),
        };
        assert_eq!(menu(&text), Ok(expected));
    }

    #[test]
    fn by_default_nothing_is_waited_for_and_nothing_changed() {
        let menu = menu("").unwrap();
        assert_eq!(menu, Menu::default());
        assert_eq!(menu.timeout.wait, Some(Duration::ZERO));
        assert_eq!(menu.open_door(), None);
        let Permissions {
            once,
            default,
            quit,
            ..
        } = menu.permissions;
        assert_eq!((once, default, quit), (Access::No, Access::No, false));
    }

    #[test]
    fn words_in_the_place_of_a_time() {
        let wait = |text: &str| {
            let menu = menu(&format!("timeout = {text}")).unwrap();
            (menu.timeout.wait, menu.follow_configuration)
        };
        assert_eq!(wait("\"never\""), (None, false));
        assert_eq!(wait("\"configuration\""), (Some(Duration::ZERO), true));
        assert_eq!(wait("0"), (Some(Duration::ZERO), false));
        let idle = |text: &str| menu(text).unwrap().timeout.idle;
        assert_eq!(idle(""), Some(IDLE));
        assert_eq!(idle("idle = \"never\""), None);
        assert_eq!(idle("idle = 10"), Some(LEAST_IDLE));
        let stay = |text: &str| menu(text).unwrap().timeout.stay;
        assert_eq!([stay(""), stay("stay = \"never\"")], [Some(STAY), None]);
        assert_eq!(stay("stay = 60"), Some(LEAST_STAY));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, error) in [
            (
                "timeout = \"none\"",
                "line 2: `timeout` is one of \"configuration\", \"never\"",
            ),
            ("timeout = true", "line 2: `timeout` is a number of seconds"),
            (
                "attempts = 0",
                "line 1: `attempts` of menu is a number from 1 to 1000",
            ),
            (
                "idle = 0",
                "line 1: `idle` of menu is at least 10 seconds, or \"never\"",
            ),
            ("idle = 9.9", "line 1: `idle` of menu is at least 10"),
            (
                "stay = 59",
                "line 1: `stay` of menu is at least 60 seconds, or \"never\"",
            ),
            (
                "edit = true",
                "line 2: `edit` is one of \"no\", \"password\", \"yes\"",
            ),
            (
                "edit = \"password\"",
                "line 1: `edit = \"password\"`, and `password` of menu is missing",
            ),
            (
                "password = \"secret\"",
                "line 2: `password`: \"secret\" is no hash by Argon2id",
            ),
            ("tmeout = 1", "line 2: `tmeout` is no key of menu"),
        ] {
            let found = menu(text).unwrap_err();
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }

    #[test]
    fn enforcement_leaves_no_door_open() {
        const TRUST: &str = "[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\n[trust]\n";
        for (door, is_open) in [
            ("choose = \"yes\"\nonce = \"yes\"\ndefault = \"yes\"", false),
            ("edit = \"yes\"", true),
            ("edit = \"password\"", true),
            ("shell = \"password\"", true),
        ] {
            for mode in ["enforce", "warn"] {
                let text = format!("password = \"{HASH}\"\n{door}\n{TRUST}mode = \"{mode}\"");
                let is_refused = mode == "enforce" && is_open;
                assert_eq!(menu(&text).is_err(), is_refused, "{text}");
            }
        }
    }
}
