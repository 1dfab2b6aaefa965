//! `loader/loader.conf`, as systemd-boot reads it (loader.conf(5)).

use super::file::lines;

/// What of it counts here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoaderConf {
    /// A pattern for the id of the entry to start by default.
    pub default: Option<String>,
}

impl LoaderConf {
    /// Reads the text. Keys that are for the screen of another loader are passed over.
    pub fn parse(text: &str) -> LoaderConf {
        let mut conf = LoaderConf::default();
        for (_, key, value) in lines(text) {
            if key == "default" && !value.is_empty() {
                conf.default = Some(value.to_owned());
            }
        }
        conf
    }

    /// Is this the entry that `default` means? `*`, `?` and `[…]` stand for what they do in a shell;
    /// letters are compared without case.
    pub fn chooses(&self, id: &str) -> bool {
        let pattern = self.default.as_deref().unwrap_or_default();
        let lower = |text: &str| text.to_ascii_lowercase().chars().collect::<Vec<char>>();
        !pattern.is_empty() && matches(&lower(pattern), &lower(id))
    }
}

/// Shell patterns in time proportional to the product of both lengths.
fn matches(pattern: &[char], text: &[char]) -> bool {
    // `reached[i]`: the pattern so far matches the first `i` characters.
    let mut reached = vec![false; text.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut rest = pattern;
    while let Some((element, after)) = next_element(rest) {
        rest = after;
        let mut next = vec![false; reached.len()];
        match element {
            Element::Any => {
                let from = reached.iter().position(|r| *r).unwrap_or(reached.len());
                next.iter_mut().skip(from).for_each(|r| *r = true);
            }
            Element::One(set) => {
                let shifted = next.iter_mut().skip(1).zip(&reached).zip(text);
                for ((next, reached), c) in shifted {
                    *next = *reached && set.contains(*c);
                }
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

enum Element<'a> {
    /// `*`
    Any,
    /// One character.
    One(Set<'a>),
}

enum Set<'a> {
    All,
    Literal(char),
    Class { members: &'a [char], negated: bool },
}

impl Set<'_> {
    fn contains(&self, c: char) -> bool {
        match self {
            Set::All => true,
            Set::Literal(literal) => *literal == c,
            Set::Class { members, negated } => in_class(members, c) != *negated,
        }
    }
}

fn in_class(mut members: &[char], c: char) -> bool {
    while let Some((first, rest)) = members.split_first() {
        if let [dash, last, rest @ ..] = rest
            && *dash == '-'
        {
            if (*first..=*last).contains(&c) {
                return true;
            }
            members = rest;
            continue;
        }
        if *first == c {
            return true;
        }
        members = rest;
    }
    false
}

fn next_element(pattern: &[char]) -> Option<(Element<'_>, &[char])> {
    let (first, rest) = pattern.split_first()?;
    Some(match first {
        '*' => (Element::Any, rest),
        '?' => (Element::One(Set::All), rest),
        '\\' => match rest.split_first() {
            Some((escaped, rest)) => (Element::One(Set::Literal(*escaped)), rest),
            None => (Element::One(Set::Literal('\\')), rest),
        },
        '[' => class(rest).unwrap_or((Element::One(Set::Literal('[')), rest)),
        literal => (Element::One(Set::Literal(*literal)), rest),
    })
}

/// What follows a `[`; without its `]` it is an ordinary character.
fn class(pattern: &[char]) -> Option<(Element<'_>, &[char])> {
    let (negated, body) = match pattern.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, pattern),
    };
    // A `]` that comes first is a member.
    let end = body
        .iter()
        .skip(1)
        .position(|c| *c == ']')?
        .checked_add(1)?;
    let members = body.get(..end)?;
    let rest = body.get(end.checked_add(1)?..)?;
    Some((Element::One(Set::Class { members, negated }), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chooses(pattern: &str, id: &str) -> bool {
        LoaderConf::parse(&format!("timeout 3\ndefault {pattern}\n")).chooses(id)
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        assert!(chooses("debian-*", "debian-6.1.conf"));
        assert!(chooses("DEBIAN-6.1.conf", "debian-6.1.conf"));
        assert!(chooses("*.conf", "a.conf"));
        assert!(chooses("*6.?.*", "debian-6.1.conf"));
        assert!(chooses("debian-[5-6].[!0].conf", "debian-6.1.conf"));
        assert!(chooses("[]x]", "]"));
        assert!(chooses("a[b", "a[b"));
        assert!(chooses("a\\*", "a*"));
        assert!(!chooses("a\\*", "ab"));
        assert!(!chooses("debian", "debian-6.1.conf"));
        assert!(!chooses("[^d]*", "debian"));
        assert!(!LoaderConf::default().chooses(""));
    }

    #[test]
    fn the_last_default_counts() {
        let conf = LoaderConf::parse("# default x\n\tdefault  a b \r\ndefault\n");
        assert_eq!(conf.default.as_deref(), Some("a b"));
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[a*?\\[\\]!^\\\\-]{0,40}", id in "[a\\]\\[*-]{0,40}") {
            let _ = chooses(&pattern, &id);
        }

        #[test]
        fn a_text_matches_itself(id in "[a-z0-9.+-]{1,30}") {
            prop_assert!(chooses(&id, &id));
            let pattern = format!("*{id}*");
            prop_assert!(chooses(&pattern, &id));
        }
    }
}
