//! What follows failures, as policies say.

use crate::config::OnError;
use crate::policy::{Action, Failure, Policy};

/// So many rounds are told at most: some policies never end.
const ROUNDS: u32 = 3;

/// An entry, and what comes of the attempts at it: `-` it can't be read, `!` it is refused, `+` it boots. What comes
/// of the last one comes of all further ones. Behind that may stand `:` and what its configuration wants of errors, and
/// `=` with the number of boots that are left to it.
struct Entry<'a> {
    name: &'a str,
    outcomes: &'a str,
    attempts: usize,
    on_error: OnError,
    left: Option<u32>,
}

impl Entry<'_> {
    fn attempt(&mut self) -> char {
        let outcome = self.outcomes.chars().nth(self.attempts);
        self.attempts += 1;
        outcome.or_else(|| self.outcomes.chars().last()).unwrap()
    }
}

/// How a round ended.
enum Round {
    Booted,
    Failed,
    Stopped,
}

/// The names of what is tried, and between them the seconds for which is waited, up to the end.
pub(super) fn story(situation: &str, policy: &str) -> String {
    let policy = Policy::parse(policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
    let failure = policy.failure;
    let mut entries: Vec<Entry<'_>> = situation
        .split_whitespace()
        .map(|word| {
            let (word, left) = match word.split_once('=') {
                Some((word, left)) => (word, Some(left.parse().unwrap())),
                None => (word, None),
            };
            let (word, on_error) = word.split_once(':').unwrap_or((word, "no"));
            let (name, outcomes) = word.split_at(1);
            let words = [
                ("no", OnError::Continue),
                ("auto", OnError::RebootIfCounted),
                ("yes", OnError::Reboot),
            ];
            let on_error = words.into_iter().find(|(known, _)| *known == on_error);
            Entry {
                name,
                outcomes,
                attempts: 0,
                on_error: on_error.unwrap().1,
                left,
            }
        })
        .collect();
    let mut told = Vec::new();
    for number in 1..=ROUNDS {
        let ending = match round(&failure, &mut entries, &mut told) {
            Round::Booted => return told.join(" "),
            Round::Failed => None,
            Round::Stopped => failure.entry.ending(),
        };
        told.push(failure.pause.as_secs_f64().to_string());
        match ending.map_or_else(|| failure.after(number), Action::End) {
            Action::Retry => told.push("|".to_owned()),
            Action::End(how) => {
                told.push(how.to_string());
                return told.join(" ");
            }
        }
    }
    told.join(" ")
}

fn round(failure: &Failure, entries: &mut [Entry<'_>], told: &mut Vec<String>) -> Round {
    for entry in entries {
        let mut number = 1;
        let may_succeed = loop {
            told.push(entry.name.to_owned());
            let outcome = entry.attempt();
            if outcome == '+' {
                return Round::Booted;
            }
            if !failure.tries_again(number, outcome == '-') {
                break outcome == '-';
            }
            number += 1;
            told.push(failure.between.as_secs_f64().to_string());
        };
        let count = || {
            let left = entry.left.and_then(|left| left.checked_sub(1));
            told.extend(left.map(|left| format!("={left}")));
            left.is_some()
        };
        if failure.entry.ends(entry.on_error, may_succeed, count) {
            return Round::Stopped;
        }
    }
    Round::Failed
}

#[test]
fn what_follows_a_failure() {
    for (situation, policy, expected) in [
        ("a+ b+", "", "a"),
        ("a- b+", "", "a b"),
        ("a! b+", "", "a b"),
        // For ever, without a policy.
        ("a- b!", "", "a b 10 | a b 10 | a b 10 |"),
        ("", "", "10 | 10 | 10 |"),
        ("a--+ b-", "", "a b 10 | a b 10 | a"),
        // Attempts, and what is between them.
        ("a- b+", "failure.attempts = 3", "a 1 a 1 a b"),
        ("a--+ b+", "failure.attempts = 3", "a 1 a 1 a"),
        (
            "a-+ b+",
            "failure = { attempts = 2, between = 0.5 }",
            "a 0.5 a",
        ),
        (
            "a-- b+",
            "failure = { attempts = 2, between = 0 }",
            "a 0 a b",
        ),
        ("a! b-+", "failure.attempts = 2", "a b 1 b"),
        ("a-! b+", "failure.attempts = 9", "a 1 a b"),
        // Each round begins anew.
        (
            "a---+",
            "failure = { attempts = 2, pause = 4 }",
            "a 1 a 4 | a 1 a",
        ),
        // No other entry.
        ("a- b+", "failure.entry = 'reboot'", "a 10 reboot"),
        (
            "a- b+",
            "failure = { entry = 'poweroff', attempts = 2, pause = 0 }",
            "a 1 a 0 power off",
        ),
        (
            "a! b+",
            "failure = { entry = 'shell', pause = 5 }",
            "a 5 shell",
        ),
        ("a+ b+", "failure.entry = 'reboot'", "a"),
        (
            "a- b+",
            "failure = { entry = 'next', then = 'reboot' }",
            "a b",
        ),
        // What configurations want is nothing, unless the policy follows them.
        ("a-:yes=3 b+", "", "a b"),
        ("a-:yes=3 b+", "failure.then = 'reboot'", "a b"),
        (
            "a-:no=3 b+",
            "failure = { entry = 'poweroff', pause = 0 }",
            "a 0 power off",
        ),
        ("a-:no=3 b+", "failure.entry = 'configuration'", "a b"),
        (
            "a-:yes b+",
            "failure.entry = 'configuration'",
            "a 10 reboot",
        ),
        (
            "a-:yes=1 b+",
            "failure.entry = 'configuration'",
            "a =0 10 reboot",
        ),
        ("a!:yes=1 b+", "failure.entry = 'configuration'", "a b"),
        (
            "a-!:auto=2 b+",
            "failure = { entry = 'configuration', attempts = 2 }",
            "a 1 a b",
        ),
        ("a!:auto=2 b+", "failure.entry = 'reboot'", "a 10 reboot"),
        ("a-:auto b+", "failure.entry = 'configuration'", "a b"),
        (
            "a-:auto=3 b+",
            "failure.entry = 'configuration'",
            "a =2 10 reboot",
        ),
        (
            "a-:auto=1 b+",
            "failure = { entry = 'configuration', attempts = 2, pause = 3 }",
            "a 1 a =0 3 reboot",
        ),
        ("a-:auto=0 b+", "failure.entry = 'configuration'", "a b"),
        ("a+:auto=3 b+", "failure.entry = 'configuration'", "a"),
        (
            "a-:no b-:auto=2 c+",
            "failure.entry = 'configuration'",
            "a b =1 10 reboot",
        ),
        (
            "a-:auto b-:auto",
            "failure = { entry = 'configuration', then = 'poweroff' }",
            "a b 10 power off",
        ),
        // Where there is no entry, none has failed.
        (
            "",
            "failure = { entry = 'poweroff', then = 'retry', rounds = 2 }",
            "10 | 10 reboot",
        ),
        // Rounds.
        ("a- b-", "failure.then = 'reboot'", "a b 10 reboot"),
        (
            "a- b-",
            "failure = { then = 'poweroff', pause = 0 }",
            "a b 0 power off",
        ),
        ("a-", "failure = { then = 'shell', pause = 2 }", "a 2 shell"),
        ("a-", "failure.rounds = 1", "a 10 reboot"),
        ("a-", "failure.rounds = 2", "a 10 | a 10 reboot"),
        (
            "a-",
            "failure = { rounds = 2, finally = 'poweroff', pause = 3 }",
            "a 3 | a 3 power off",
        ),
        (
            "a-",
            "failure = { rounds = 1, finally = 'shell' }",
            "a 10 shell",
        ),
        (
            "a-+",
            "failure = { rounds = 2, finally = 'poweroff' }",
            "a 10 | a",
        ),
        // Rounds are counted where something follows them alone.
        (
            "a-",
            "failure = { then = 'poweroff', rounds = 2 }",
            "a 10 power off",
        ),
        (
            "a-",
            "failure = { then = 'retry', finally = 'poweroff' }",
            "a 10 | a 10 | a 10 |",
        ),
    ] {
        assert_eq!(
            story(situation, policy),
            expected,
            "\n{situation}\n{policy}"
        );
    }
}
