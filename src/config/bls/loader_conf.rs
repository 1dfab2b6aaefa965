//! `loader/loader.conf`, as systemd-boot reads it (loader.conf(5)).

use super::lines::{Line, lines};
use super::pattern::Pattern;
use crate::config::configuration::{MenuWait, OnError};
use crate::efi::{SAVED, Timeout};

/// Words for yes, and as many for no (`parse_boolean` in systemd's `src/boot/util.c`).
const YES_OR_NO: &[&str] = &[
    "1", "yes", "y", "true", "t", "on", "0", "no", "n", "false", "f", "off",
];

/// Keys of systemd-boot that concern its own menu, its firmware or its installation, and the words that they
/// take besides numbers: nothing of that is ours, but a mistake in it is said all the same.
const OTHERS: [(&str, &[&str]); 12] = [
    ("auto-entries", YES_OR_NO),
    ("auto-firmware", YES_OR_NO),
    ("auto-poweroff", YES_OR_NO),
    ("auto-reboot", YES_OR_NO),
    ("beep", YES_OR_NO),
    ("console-mode", &["auto", "max", "keep"]),
    (
        "log-level",
        &[
            "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
        ],
    ),
    ("random-seed-mode", &["off", "with-system-token", "always"]),
    ("reboot-for-bitlocker", YES_OR_NO),
    ("secure-boot-enroll", &["off", "manual", "if-safe", "force"]),
    ("secure-boot-enroll-action", &["reboot", "shutdown"]),
    ("secure-boot-enroll-timeout-sec", &["hidden"]),
];

/// Further problems of one file are left out.
const MAX_PROBLEMS: usize = 16;

/// What a `loader.conf` wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderConf {
    /// `preferred`: the entry that comes before `default`, unless boot counting found it bad.
    pub preferred: Option<Wanted>,
    /// `default`: the entry to start when nobody chooses.
    pub default: Option<Wanted>,
    /// `timeout`: how long a menu is shown.
    pub wait: Option<MenuWait>,
    /// `editor`: may the command line of an entry be changed for a boot?
    pub editor: bool,
    /// `reboot-on-error`: does the machine start anew when an entry can't be loaded?
    pub on_error: Option<OnError>,
    /// What was not understood, with its line, in words.
    pub problems: Vec<String>,
}

/// An entry that a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that a pattern means.
    Pattern(Pattern),
    /// `@saved`, in this line: the one that was started last.
    Saved(u32),
}

impl Wanted {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Wanted::Pattern(pattern) => pattern.as_str(),
            Wanted::Saved(_) => SAVED,
        }
    }
}

/// As without a file.
impl Default for LoaderConf {
    fn default() -> LoaderConf {
        LoaderConf {
            preferred: None,
            default: None,
            wait: None,
            editor: true,
            on_error: None,
            problems: Vec::new(),
        }
    }
}

impl LoaderConf {
    /// Reads the text. There is no wrong text: what makes no sense is among the problems. Of a key that
    /// is repeated the last counts.
    pub fn parse(bytes: &[u8]) -> LoaderConf {
        let mut conf = LoaderConf::default();
        let text = String::from_utf8_lossy(bytes);
        for line in lines(&text) {
            if let Err(problem) = conf.line(&line)
                && conf.problems.len() < MAX_PROBLEMS
            {
                let text = format!("line {}: {problem}", line.number);
                conf.problems.push(text);
            }
        }
        conf
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), String> {
        match line.key {
            "preferred" => choose(&mut self.preferred, line),
            "default" => choose(&mut self.default, line),
            "timeout" => {
                let timeout = Timeout::parse(line.value).ok_or_else(|| {
                    "`timeout` is a number of seconds or `menu-force`, `menu-hidden`, `menu-disabled`"
                        .to_owned()
                })?;
                self.wait = Some(timeout.into());
                Ok(())
            }
            "editor" => {
                self.editor = yes_or_no(line)?;
                Ok(())
            }
            "reboot-on-error" => {
                self.on_error = Some(match line.value.eq_ignore_ascii_case("auto") {
                    true => OnError::RebootIfCounted,
                    false if yes_or_no(line)? => OnError::Reboot,
                    false => OnError::Continue,
                });
                Ok(())
            }
            key => {
                let known = OTHERS.iter().find(|(known, _)| *known == key);
                let (_, words) =
                    known.ok_or_else(|| format!("`{key}` is no key of loader.conf"))?;
                let value = line.value;
                let is_word = words.iter().any(|word| word.eq_ignore_ascii_case(value));
                match is_word || value.parse::<u32>().is_ok() {
                    true => Ok(()),
                    false => Err(not_taken(line)),
                }
            }
        }
    }
}

fn yes_or_no(line: &Line<'_>) -> Result<bool, String> {
    let mut words = YES_OR_NO.iter();
    let place = words.position(|word| word.eq_ignore_ascii_case(line.value));
    let place = place.ok_or_else(|| not_taken(line))?;
    Ok(place < YES_OR_NO.len() / 2)
}

fn not_taken(line: &Line<'_>) -> String {
    format!("`{}` can't be {:?}", line.key, line.value)
}

fn choose(choice: &mut Option<Wanted>, line: &Line<'_>) -> Result<(), String> {
    let Line { number, value, .. } = *line;
    if value.starts_with('@') && !value.eq_ignore_ascii_case(SAVED) {
        return Err(format!(
            "`{value}` has no meaning: of special names there is {SAVED}"
        ));
    }
    if value.starts_with('@') {
        *choice = Some(Wanted::Saved(number));
        return Ok(());
    }
    let pattern = Some(value).filter(|value| !value.is_empty());
    let pattern = pattern.and_then(Pattern::new).ok_or_else(|| {
        let limit = Pattern::MAX_LENGTH;
        format!("the name of an entry has between 1 and {limit} bytes")
    })?;
    *choice = Some(Wanted::Pattern(pattern));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::configuration::WaitStyle;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Option<Wanted> {
        Pattern::new(text).map(Wanted::Pattern)
    }

    #[test]
    fn reads_what_bootctl_writes() {
        let conf = LoaderConf::parse(
            b"#timeout 3\n#console-mode keep\ndefault 0123456789abcdef0123456789abcdef-*\n",
        );
        let expected = LoaderConf {
            default: pattern("0123456789abcdef0123456789abcdef-*"),
            ..LoaderConf::default()
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn the_choices_count_and_the_looks_of_another_menu_do_not() {
        let conf = LoaderConf::parse(
            b"default a\r\ndefault c\r\npreferred b*\r\ntimeout 5\r\neditor No\r\nbeep on\r\n",
        );
        let expected = LoaderConf {
            preferred: pattern("b*"),
            default: pattern("c"),
            wait: Some(MenuWait {
                stated: true,
                seconds: Some(5),
                style: WaitStyle::Menu,
            }),
            editor: false,
            ..LoaderConf::default()
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn what_makes_no_sense_is_said_and_changes_nothing() {
        let conf = LoaderConf::parse(b"default a\ndefault\ntime 1\neditor maybe\nbeep\n");
        assert_eq!(conf.default, pattern("a"));
        assert_eq!(
            conf.problems,
            [
                "line 2: the name of an entry has between 1 and 255 bytes",
                "line 3: `time` is no key of loader.conf",
                "line 4: `editor` can't be \"maybe\"",
                "line 5: `beep` can't be \"\"",
            ]
        );
        let nonsense = LoaderConf::parse("x\n".repeat(1000).as_bytes());
        assert_eq!(nonsense.problems.len(), MAX_PROBLEMS);
    }

    #[test]
    fn every_key_of_systemd_boot_is_known() {
        let conf = LoaderConf::parse(
            b"auto-entries yes\nauto-firmware no\nauto-poweroff 1\nauto-reboot off\nbeep f\n\
              console-mode 2\nconsole-mode max\neditor TRUE\nlog-level debug\n\
              random-seed-mode always\nreboot-for-bitlocker true\n\
              secure-boot-enroll if-safe\nsecure-boot-enroll-action shutdown\n\
              secure-boot-enroll-timeout-sec 15\n",
        );
        assert_eq!(conf, LoaderConf::default());
    }

    #[test]
    fn an_editor_is_there_unless_the_last_word_is_no() {
        for (text, editor, problems) in [
            ("", true, 0),
            ("editor no", false, 0),
            ("editor 0", false, 0),
            ("editor OFF", false, 0),
            ("editor no\neditor y", true, 0),
            ("editor no\neditor 2\neditor", false, 2),
        ] {
            let conf = LoaderConf::parse(text.as_bytes());
            assert_eq!(
                (conf.editor, conf.problems.len()),
                (editor, problems),
                "{text}"
            );
        }
    }

    #[test]
    fn what_follows_an_entry_that_can_not_be_loaded() {
        for (text, on_error, problems) in [
            ("", None, 0),
            ("reboot-on-error auto", Some(OnError::RebootIfCounted), 0),
            ("reboot-on-error Yes", Some(OnError::Reboot), 0),
            ("reboot-on-error 1", Some(OnError::Reboot), 0),
            ("reboot-on-error no", Some(OnError::Continue), 0),
            (
                "reboot-on-error off\nreboot-on-error AUTO",
                Some(OnError::RebootIfCounted),
                0,
            ),
            (
                "reboot-on-error no\nreboot-on-error 2\nreboot-on-error",
                Some(OnError::Continue),
                2,
            ),
        ] {
            let conf = LoaderConf::parse(text.as_bytes());
            assert_eq!(
                (conf.on_error, conf.problems.len()),
                (on_error, problems),
                "{text}"
            );
        }
    }

    #[test]
    fn how_long_the_menu_is_shown() {
        let wait = |text: &str| {
            let conf = LoaderConf::parse(text.as_bytes());
            (
                conf.wait.map(|wait| (wait.seconds, wait.style)),
                conf.problems.len(),
            )
        };
        assert_eq!(wait("timeout 5"), (Some((Some(5), WaitStyle::Menu)), 0));
        assert_eq!(wait("timeout 0"), (Some((Some(0), WaitStyle::Hidden)), 0));
        assert_eq!(wait("timeout menu-hidden"), wait("timeout 0"));
        assert_eq!(
            wait("timeout menu-force"),
            (Some((None, WaitStyle::Menu)), 0)
        );
        assert_eq!(
            wait("timeout menu-disabled"),
            (Some((Some(0), WaitStyle::Menu)), 0)
        );
        assert_eq!(
            wait("timeout 5\ntimeout -1\ntimeout"),
            (Some((Some(5), WaitStyle::Menu)), 2)
        );
        assert_eq!(wait(""), (None, 0));
    }

    #[test]
    fn what_was_started_last_takes_the_place_of_a_name() {
        for text in ["default a\ndefault @saved\n", "\ndefault @SAVED"] {
            let conf = LoaderConf::parse(text.as_bytes());
            assert_eq!(conf.default, Some(Wanted::Saved(2)));
            assert_eq!(conf.problems, [""; 0]);
        }
        let conf = LoaderConf::parse(b"default a\ndefault @last\n");
        assert_eq!(conf.default, pattern("a"));
        assert!(conf.problems[0].starts_with("line 2: `@last`"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = LoaderConf::parse(&bytes);
        }

        #[test]
        fn the_last_valid_line_counts(values in prop::collection::vec("[a-z*]{0,3}", 0..9)) {
            let text: String = values.iter().map(|value| format!("default {value}\n")).collect();
            let last = values.iter().rfind(|value| !value.is_empty());
            let last = last.and_then(|value| pattern(value));
            prop_assert_eq!(LoaderConf::parse(text.as_bytes()).default, last);
        }
    }
}
