//! [`Wishes`]: what the Boot Loader Interface asks of a boot loader.

use super::strings::{decode, encode};
use super::variables::{LOADER, VariableError, Variables};

/// What to boot and how long to wait, as `bootctl`, `systemctl reboot --boot-loader-entry=` and others have
/// written it into variables (The Boot Loader Interface, systemd.io/BOOT_LOADER_INTERFACE).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The entry for the next boot only.
    pub one_shot: Option<String>,
    /// The entry that comes before the default, unless boot counting found it bad; may be a pattern.
    pub preferred: Option<String>,
    /// The entry for every boot; may be a pattern, or `@saved`.
    pub default: Option<String>,
    /// The entry that was started last: what `@saved` means.
    pub last_booted: Option<String>,
    /// How long the menu waits at every boot.
    pub timeout: Option<Timeout>,
    /// How long it waits at the next boot only.
    pub timeout_once: Option<Timeout>,
}

/// The word that stands for the entry that was started last.
pub const SAVED: &str = "@saved";

/// An entry that a variable wishes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The name of the variable.
    pub variable: &'static str,
    /// The pattern that it holds, or the id that `@saved` stands for.
    pub pattern: &'a str,
    /// Is an entry passed over that boot counting found bad?
    pub spares_bad: bool,
}

impl Wish<'_> {
    /// Is it for one boot only?
    pub fn is_one_shot(&self) -> bool {
        self.variable == ONE_SHOT
    }
}

/// How long a menu waits (loader.conf(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Seconds; with 0 there is no menu unless a key is held.
    Seconds(u32),
    /// The menu stays until somebody chooses.
    MenuForce,
    /// No menu unless a key is held.
    MenuHidden,
    /// No menu, whatever is held.
    MenuDisabled,
}

impl Timeout {
    /// Reads seconds or one of the three words.
    pub fn parse(text: &str) -> Option<Timeout> {
        Some(match text {
            "menu-force" => Timeout::MenuForce,
            "menu-hidden" => Timeout::MenuHidden,
            "menu-disabled" => Timeout::MenuDisabled,
            _ => Timeout::Seconds(text.parse().ok()?),
        })
    }
}

const ONE_SHOT: &str = "LoaderEntryOneShot";
const PREFERRED: &str = "LoaderEntryPreferred";
const DEFAULT: &str = "LoaderEntryDefault";
const TIMEOUT_ONCE: &str = "LoaderConfigTimeoutOneShot";

impl Wishes {
    /// Reads them. What can't be read or understood is no wish, and returned in words.
    pub fn read(variables: &dyn Variables) -> (Wishes, Vec<String>) {
        let mut problems = Vec::new();
        let mut text = |name: &str| match variables.read(LOADER, name) {
            Ok(value) => {
                let value = value?;
                let text = decode(&value);
                if text.is_none() {
                    problems.push(format!("the UEFI variable {name} holds no text"));
                }
                text.filter(|text| !text.is_empty())
            }
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        let one_shot = text(ONE_SHOT);
        let preferred = text(PREFERRED);
        let default = text(DEFAULT);
        let last_booted = text("LoaderEntryLastBooted");
        let timeouts = ["LoaderConfigTimeout", TIMEOUT_ONCE].map(|name| (name, text(name)));
        let [timeout, timeout_once] = timeouts.map(|(name, text)| {
            let text = text?;
            let timeout = Timeout::parse(&text);
            if timeout.is_none() {
                problems.push(format!("the UEFI variable {name} is no time: {text}"));
            }
            timeout
        });
        let wishes = Wishes {
            one_shot,
            preferred,
            default,
            last_booted,
            timeout,
            timeout_once,
        };
        (wishes, problems)
    }

    /// The entries that are wished for, in the order in which they are tried
    /// (`config_select_default_entry` in systemd's `src/boot/boot.c`).
    pub fn entries(&self) -> impl Iterator<Item = Wish<'_>> {
        let wishes = [
            (ONE_SHOT, &self.one_shot, false),
            (PREFERRED, &self.preferred, true),
            (DEFAULT, &self.default, false),
        ];
        wishes
            .into_iter()
            .filter_map(|(variable, text, spares_bad)| {
                let pattern = match text.as_deref()? {
                    SAVED => self.last_booted.as_deref()?,
                    pattern => pattern,
                };
                Some(Wish {
                    variable,
                    pattern,
                    spares_bad,
                })
            })
    }

    /// Is the entry that is started now to be remembered for `@saved`?
    pub fn want_saved(&self) -> bool {
        let choices = [&self.preferred, &self.default];
        choices.contains(&&Some(SAVED.to_owned()))
    }

    /// How long a menu waits, if a variable says it.
    pub fn timeout(&self) -> Option<Timeout> {
        self.timeout_once.or(self.timeout)
    }

    /// Wishes for an entry at the next boot only.
    ///
    /// # Errors
    /// [`VariableError`].
    pub fn set_one_shot(variables: &dyn Variables, id: &str) -> Result<(), VariableError> {
        variables.write(LOADER, ONE_SHOT, &encode(id))
    }

    /// Wishes for an entry at every boot.
    ///
    /// # Errors
    /// [`VariableError`].
    pub fn set_default(variables: &dyn Variables, id: &str) -> Result<(), VariableError> {
        variables.write(LOADER, DEFAULT, &encode(id))
    }

    /// Takes away what is for one boot only: before the first attempt, whichever entry that is of, so that one
    /// that hangs the machine is not tried for ever. What can't be taken away is returned in words, and would
    /// count again.
    pub fn consume(&self, variables: &dyn Variables) -> Vec<String> {
        let names = [
            (self.one_shot.is_some(), ONE_SHOT),
            (self.timeout_once.is_some(), TIMEOUT_ONCE),
        ];
        let names = names.into_iter().filter(|(is_set, _)| *is_set);
        let results = names.map(|(_, name)| variables.remove(LOADER, name));
        results
            .filter_map(|result| result.err().map(|error| error.to_string()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::MemoryVariables;
    use proptest::prelude::*;

    fn store(values: &[(&str, &[u8])]) -> MemoryVariables {
        let variables = MemoryVariables::new();
        for (name, value) in values {
            variables.write(LOADER, name, value).unwrap();
        }
        variables
    }

    #[test]
    fn what_systemd_writes() {
        let variables = store(&[
            ("LoaderEntryOneShot", &encode("debian-6.1.conf")),
            ("LoaderEntryDefault", &encode("@saved")),
            ("LoaderEntryLastBooted", &encode("arch.conf")),
            ("LoaderConfigTimeout", &encode("5")),
            ("LoaderConfigTimeoutOneShot", &encode("menu-force")),
        ]);
        let (wishes, problems) = Wishes::read(&variables);
        assert_eq!(problems, [""; 0]);
        let expected = Wishes {
            one_shot: Some("debian-6.1.conf".to_owned()),
            preferred: None,
            default: Some("@saved".to_owned()),
            last_booted: Some("arch.conf".to_owned()),
            timeout: Some(Timeout::Seconds(5)),
            timeout_once: Some(Timeout::MenuForce),
        };
        assert_eq!(wishes, expected);
        assert_eq!(wishes.consume(&variables), [""; 0]);
        assert_eq!(
            variables.names(),
            [
                "LoaderConfigTimeout",
                "LoaderEntryDefault",
                "LoaderEntryLastBooted"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_wishes_or_problems(values in prop::collection::vec(any::<Vec<u8>>(), 6)) {
            let names = [ONE_SHOT, PREFERRED, DEFAULT, "LoaderEntryLastBooted", "LoaderConfigTimeout", TIMEOUT_ONCE];
            let values: Vec<(&str, &[u8])> = names.into_iter().zip(values.iter().map(Vec::as_slice)).collect();
            let (wishes, problems) = Wishes::read(&store(&values));
            prop_assert!(problems.len() <= 6);
            prop_assert!(wishes.entries().count() <= 3);
        }
    }

    #[test]
    fn saved_stands_for_what_was_started_last() {
        let wishes = Wishes {
            one_shot: Some("a".to_owned()),
            preferred: Some("p*".to_owned()),
            default: Some(SAVED.to_owned()),
            ..Wishes::default()
        };
        let patterns = |wishes: &Wishes| -> Vec<(String, bool)> {
            let wishes = wishes.entries();
            wishes
                .map(|wish| (wish.pattern.to_owned(), wish.spares_bad))
                .collect()
        };
        let is = |pattern: &str, spares_bad| (pattern.to_owned(), spares_bad);
        assert_eq!(patterns(&wishes), [is("a", false), is("p*", true)]);
        assert!(wishes.want_saved());
        let wishes = Wishes {
            last_booted: Some("b".to_owned()),
            ..wishes
        };
        assert_eq!(
            patterns(&wishes),
            [is("a", false), is("p*", true), is("b", false)]
        );
    }

    #[test]
    fn nothing_is_wished_where_nothing_is_written() {
        let (wishes, problems) = Wishes::read(&MemoryVariables::new().read_only());
        assert_eq!((wishes.clone(), problems), (Wishes::default(), Vec::new()));
        assert_eq!(wishes.consume(&MemoryVariables::new().read_only()), [""; 0]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let variables = store(&[
            ("LoaderEntryOneShot", b"odd"),
            ("LoaderEntryDefault", &encode("")),
            ("LoaderConfigTimeout", &encode("soon")),
        ]);
        let (wishes, problems) = Wishes::read(&variables);
        assert_eq!(wishes, Wishes::default());
        assert_eq!(
            problems,
            [
                "the UEFI variable LoaderEntryOneShot holds no text",
                "the UEFI variable LoaderConfigTimeout is no time: soon",
            ]
        );
    }

    #[test]
    fn what_can_not_be_taken_away_is_said() {
        let wishes = Wishes {
            one_shot: Some("a".to_owned()),
            ..Wishes::default()
        };
        let problems = wishes.consume(&MemoryVariables::new().read_only());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("remove the UEFI variable LoaderEntryOneShot"));
    }
}
