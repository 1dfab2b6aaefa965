//! [`Parameters`]: what may stand in a command line, and what always does.

use std::fmt;

use crate::config::bls::Pattern;
use crate::kexec::{is_space, parameters_of};
use crate::text::Printable;

/// What a policy says of the parameters of a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// When given, each parameter has to match one of these.
    pub allow: Option<Vec<Pattern>>,
    /// None may match one of these.
    pub refuse: Vec<Pattern>,
    /// These are added to every command line.
    pub add: Vec<String>,
}

/// Why a command line may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterError {
    /// A parameter matches a pattern that refuses it.
    Refused(String, String),
    /// A parameter matches nothing that is allowed.
    NotAllowed(String),
    /// A quote is not closed: what is added would become a part of the value.
    OpenQuote,
}

impl Parameters {
    /// May this be a command line?
    ///
    /// # Errors
    /// [`ParameterError`]: the first reason why not.
    pub fn check(&self, cmdline: &str) -> Result<(), ParameterError> {
        if *self == Parameters::default() {
            return Ok(());
        }
        if parameters_of(cmdline).is_none() {
            return Err(ParameterError::OpenQuote);
        }
        for word in words(cmdline) {
            let matches = |pattern: &&Pattern| pattern.matches_exactly(&word);
            // A parameter of a module may be written with either (`parameq` in `kernel/params.c`).
            let folded = fold(&word);
            let refuses = |pattern: &&Pattern| {
                matches(pattern)
                    || Pattern::new(&fold(pattern.as_str())).is_some_and(|p| p.matches(&folded))
            };
            if let Some(pattern) = self.refuse.iter().find(refuses) {
                let pattern = pattern.as_str().to_owned();
                return Err(ParameterError::Refused(word, pattern));
            }
            if let Some(allow) = &self.allow
                && word != "--"
                && allow.iter().find(matches).is_none()
            {
                return Err(ParameterError::NotAllowed(word));
            }
        }
        Ok(())
    }

    /// The command line with what is always added. It stands behind all others, since the last one counts, and
    /// in front of `--`, since what follows that is not for the kernel.
    pub fn extend(&self, cmdline: &str) -> String {
        let added = self.add.join(" ");
        let pieces = parameters_of(cmdline).unwrap_or_default();
        let separator = pieces.iter().find(|(_, piece)| *piece == "--");
        let end = separator.map_or(cmdline.len(), |(start, _)| *start);
        let (before, after) = cmdline.split_at_checked(end).unwrap_or((cmdline, ""));
        let parts = [before.trim_end_matches(' '), &added, after];
        match added.is_empty() {
            true => cmdline.to_owned(),
            false => {
                let parts = parts.into_iter().filter(|part| !part.is_empty());
                parts.collect::<Vec<&str>>().join(" ")
            }
        }
    }
}

/// Everything that somebody may read as a parameter: as the kernel divides them, without the quotes that it takes
/// away, and at every space, as the code does that runs before (`arch/x86/lib/cmdline.c`).
fn words(cmdline: &str) -> impl Iterator<Item = String> {
    let pieces = parameters_of(cmdline).unwrap_or_default().into_iter();
    let pieces = pieces.map(|(_, piece)| unquoted(piece));
    let plain = cmdline.split(is_space);
    let plain = plain.map(|word| word.trim_matches('"').to_owned());
    pieces
        .chain(plain.filter(|word| !word.is_empty()))
        .collect::<Vec<String>>()
        .into_iter()
}

/// Without the quotes around all of it or around its value.
fn unquoted(piece: &str) -> String {
    let (name, value) = match piece.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (piece, None),
    };
    let name = name.trim_matches('"');
    match value {
        Some(value) => format!("{name}={}", value.trim_matches('"')),
        None => name.to_owned(),
    }
}

/// With `_` for every `-` in its name.
fn fold(word: &str) -> String {
    match word.split_once('=') {
        Some((name, value)) => format!("{}={value}", name.replace('-', "_")),
        None => word.replace('-', "_"),
    }
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterError::Refused(word, pattern) => write!(
                f,
                "the parameter {} is refused by \"{}\" in the policy: take it away",
                Printable(word),
                Printable(pattern)
            ),
            ParameterError::NotAllowed(word) => write!(
                f,
                "the parameter {} is none that the policy allows: take it away, or allow it",
                Printable(word)
            ),
            ParameterError::OpenQuote => {
                f.write_str("a quote in the command line is not closed: close it")
            }
        }
    }
}

impl std::error::Error for ParameterError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts
            .iter()
            .map(|text| Pattern::new(text).unwrap())
            .collect()
    }

    fn parameters(allow: &[&str], refuse: &[&str], add: &[&str]) -> Parameters {
        Parameters {
            allow: (!allow.is_empty()).then(|| patterns(allow)),
            refuse: patterns(refuse),
            add: add.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn refused_whatever_the_quotes() {
        let parameters = parameters(&[], &["init=*", "module.sig-enforce=0", "nokaslr"], &[]);
        for bad in [
            "quiet init=/bin/sh",
            "\"init=/bin/sh -x\"",
            "init=\"/bin/sh\"",
            "foo=\"a nokaslr b\"",
            "foo=\"a\u{b}nokaslr\"",
            "module.sig_enforce=0",
            "xàinit=/bin/sh",
            "-- init=x",
            "a=\"b",
        ] {
            assert!(parameters.check(bad).is_err(), "{bad}");
        }
        for good in ["", "quiet", "rdinit=/x", "xinit=a", "nokaslr2", "--"] {
            assert_eq!(parameters.check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn each_has_to_be_allowed() {
        let parameters = parameters(&["root=UUID=*", "quiet", "r[ow]"], &[], &[]);
        for good in ["", "quiet ro root=UUID=12", " quiet  rw ", "\"quiet\""] {
            assert_eq!(parameters.check(good), Ok(()), "{good}");
        }
        for bad in [
            "QUIET",
            "root=/dev/sda",
            "quiet x",
            "root=\"UUID=1 x\"",
            "\"\" y",
        ] {
            assert!(parameters.check(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parameters.check("ro debug\x1b").unwrap_err().to_string(),
            "the parameter debug\\u{1b} is none that the policy allows: take it away, or allow it"
        );
    }

    #[test]
    fn added_where_the_kernel_reads_it_last() {
        let parameters = parameters(&[], &[], &["lockdown=integrity", "x"]);
        for (cmdline, expected) in [
            ("", "lockdown=integrity x"),
            ("a lockdown=none", "a lockdown=none lockdown=integrity x"),
            ("a -- b -- c", "a lockdown=integrity x -- b -- c"),
            ("à -- b", "à lockdown=integrity x -- b"),
            ("a=\" -- \" b", "a=\" -- \" b lockdown=integrity x"),
        ] {
            assert_eq!(parameters.extend(cmdline), expected);
        }
        assert_eq!(Parameters::default().extend("a  b "), "a  b ");
    }

    proptest! {
        #[test]
        fn a_word_that_the_kernel_sees_is_seen(cmdline in "[ab\" =-]{0,20}") {
            let parameters = parameters(&[], &["b"], &[]);
            let is_seen = parameters_of(&cmdline).is_none_or(|pieces| pieces.iter().any(|(_, piece)| *piece == "b"));
            if is_seen {
                prop_assert!(parameters.check(&cmdline).is_err());
            }
        }
    }
}
