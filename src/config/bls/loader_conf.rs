//! `loader/loader.conf`, as systemd-boot reads it (loader.conf(5)).

use std::fmt;

use super::lines::{Line, lines};
use super::pattern::Pattern;

/// Keys of systemd-boot that concern its own screen, its firmware or its installation: nothing of that
/// is ours.
const OTHERS: [&str; 11] = [
    "auto-entries",
    "auto-firmware",
    "auto-poweroff",
    "auto-reboot",
    "beep",
    "console-mode",
    "log-level",
    "random-seed-mode",
    "reboot-for-bitlocker",
    "reboot-on-error",
    "secure-boot-enroll",
];

/// Further problems of one file are left out.
const MAX_PROBLEMS: usize = 16;

/// What a `loader.conf` wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoaderConf {
    /// `preferred`: the entry that comes before every other choice.
    pub preferred: Option<Choice>,
    /// `default`: the entry to start when nobody chooses.
    pub default: Option<Choice>,
    /// `timeout`: how long to show the menu.
    pub timeout: Option<Timeout>,
    /// `editor`: may a person change the command line in the menu?
    pub editor: Option<bool>,
    /// What was not understood, with its line, in words.
    pub problems: Vec<String>,
}

/// Which entry is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `@saved`: the one that was started last.
    Saved,
    /// The first whose id matches.
    Matching(Pattern),
}

/// How long a menu is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// For so many seconds; 0 shows it only when a key is held down.
    Seconds(u32),
    /// `menu-force`: until somebody chooses.
    Force,
    /// `menu-hidden`: only when a key is held down.
    Hidden,
    /// `menu-disabled`: never.
    Disabled,
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
        let Line { key, value, .. } = *line;
        match key {
            "preferred" => self.preferred = Some(Choice::parse(value)?),
            "default" => self.default = Some(Choice::parse(value)?),
            "timeout" => self.timeout = Some(Timeout::parse(value)?),
            "editor" => self.editor = Some(boolean(value)?),
            _ if OTHERS.contains(&key) => {}
            _ => return Err(format!("`{key}` is no key of loader.conf")),
        }
        Ok(())
    }
}

impl Choice {
    fn parse(value: &str) -> Result<Choice, String> {
        if value == "@saved" {
            return Ok(Choice::Saved);
        }
        let pattern = Some(value).filter(|value| !value.is_empty());
        let pattern = pattern.and_then(Pattern::new).ok_or_else(|| {
            let limit = Pattern::MAX_LENGTH;
            format!("the name of an entry has between 1 and {limit} bytes")
        })?;
        Ok(Choice::Matching(pattern))
    }

    /// Is this the entry that is meant? The suffix may be left out, as very old versions wrote it.
    pub fn means(&self, id: &str) -> bool {
        let stem = id.rsplit_once('.').map_or(id, |(stem, _)| stem);
        match self {
            Choice::Saved => false,
            Choice::Matching(pattern) => pattern.matches(id) || pattern.matches(stem),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Choice::Saved => "@saved",
            Choice::Matching(pattern) => pattern.as_str(),
        })
    }
}

impl Timeout {
    fn parse(value: &str) -> Result<Timeout, String> {
        Ok(match value {
            "menu-force" => Timeout::Force,
            "menu-hidden" => Timeout::Hidden,
            "menu-disabled" => Timeout::Disabled,
            _ => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let seconds = digits.then(|| value.parse().ok()).flatten();
                let wrong = || format!("`timeout {value}` is no number of seconds");
                Timeout::Seconds(seconds.ok_or_else(wrong)?)
            }
        })
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timeout::Seconds(seconds) => write!(f, "{seconds} s"),
            Timeout::Force => f.write_str("menu-force"),
            Timeout::Hidden => f.write_str("menu-hidden"),
            Timeout::Disabled => f.write_str("menu-disabled"),
        }
    }
}

/// The words that systemd-boot knows, without case.
fn boolean(value: &str) -> Result<bool, String> {
    let lower = value.to_ascii_lowercase();
    match lower.as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Ok(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Ok(false),
        _ => Err(format!("`{value}` is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matching(pattern: &str) -> Option<Choice> {
        Some(Choice::Matching(Pattern::new(pattern).unwrap()))
    }

    #[test]
    fn reads_what_bootctl_writes() {
        let conf = LoaderConf::parse(
            b"#timeout 3\n#console-mode keep\ndefault 0123456789abcdef0123456789abcdef-*\n",
        );
        let expected = LoaderConf {
            default: matching("0123456789abcdef0123456789abcdef-*"),
            ..LoaderConf::default()
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn everything_has_its_type() {
        let conf = LoaderConf::parse(
            b"default a\r\ndefault @saved\r\npreferred b*\r\ntimeout 5\r\neditor No\r\nbeep on\r\n",
        );
        let expected = LoaderConf {
            preferred: matching("b*"),
            default: Some(Choice::Saved),
            timeout: Some(Timeout::Seconds(5)),
            editor: Some(false),
            problems: Vec::new(),
        };
        assert_eq!(conf, expected);
        for (text, timeout) in [
            ("timeout menu-force", Timeout::Force),
            ("timeout menu-hidden", Timeout::Hidden),
            ("timeout menu-disabled", Timeout::Disabled),
            ("timeout 0", Timeout::Seconds(0)),
        ] {
            assert_eq!(LoaderConf::parse(text.as_bytes()).timeout, Some(timeout));
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_and_changes_nothing() {
        let conf = LoaderConf::parse(b"timeout 3\ntimeout +4\neditor perhaps\ndefault\ntime 1\n");
        assert_eq!(conf.timeout, Some(Timeout::Seconds(3)));
        assert_eq!(
            conf.problems,
            [
                "line 2: `timeout +4` is no number of seconds",
                "line 3: `perhaps` is neither yes nor no",
                "line 4: the name of an entry has between 1 and 255 bytes",
                "line 5: `time` is no key of loader.conf",
            ]
        );
        let nonsense = LoaderConf::parse("x\n".repeat(1000).as_bytes());
        assert_eq!(nonsense.problems.len(), MAX_PROBLEMS);
    }

    #[test]
    fn a_choice_may_leave_the_suffix_out() {
        let choice = matching("debian-6.1").unwrap();
        assert!(choice.means("debian-6.1.conf"));
        assert!(!choice.means("debian-6.1-x.conf"));
        assert!(!Choice::Saved.means("@saved"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = LoaderConf::parse(&bytes);
        }

        #[test]
        fn the_last_valid_line_counts(values in prop::collection::vec("[0-9]{1,12}|menu-force|x", 0..9)) {
            let text: String = values.iter().map(|value| format!("timeout {value}\n")).collect();
            let valid = |value: &&String| Timeout::parse(value).is_ok();
            let last = values.iter().rfind(valid);
            let last = last.map(|value| Timeout::parse(value).unwrap());
            prop_assert_eq!(LoaderConf::parse(text.as_bytes()).timeout, last);
        }
    }
}
