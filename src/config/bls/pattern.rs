//! Shell patterns, as `default` in `loader.conf` has them.

/// What very old versions of systemd-boot left out of an id.
const SUFFIXES: [&str; 2] = [".conf", ".efi"];

/// A pattern for the id of an entry: `*`, `?`, `[…]` and `\` mean what they do in a shell; letters are
/// compared without case, since FAT keeps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// How near an id comes to what is meant, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// It is what was written, whatever that would match as a pattern: titles serve as ids.
    Same,
    /// The pattern matches it.
    Matched,
    /// The one or the other, if its suffix is left out.
    Stem,
}

impl Pattern {
    /// Longer ones are refused: no file name is longer, and time grows with the length.
    pub const MAX_LENGTH: usize = 255;

    /// Takes a pattern of at most [`Pattern::MAX_LENGTH`] bytes.
    pub fn new(text: &str) -> Option<Pattern> {
        let text = text.to_owned();
        (text.len() <= Pattern::MAX_LENGTH).then_some(Pattern { text })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Does it match the whole of `id`?
    pub fn matches(&self, id: &str) -> bool {
        let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
        matches(&lower(&self.text), &lower(id))
    }

    /// Does it match the whole of `text`, with every letter as it is written?
    pub fn matches_exactly(&self, text: &str) -> bool {
        let characters = |text: &str| text.chars().collect::<Vec<char>>();
        matches(&characters(&self.text), &characters(text))
    }

    /// Is this the entry that is meant, and how nearly?
    pub fn nearness(&self, id: &str) -> Option<Nearness> {
        if self.is_same(id) {
            return Some(Nearness::Same);
        }
        if self.matches(id) {
            return Some(Nearness::Matched);
        }
        let at = SUFFIXES.map(|suffix| id.len().checked_sub(suffix.len()).map(|at| (at, suffix)));
        let split = |(at, suffix)| {
            let (stem, end) = id.split_at_checked(at)?;
            end.eq_ignore_ascii_case(suffix).then_some(stem)
        };
        let stem = at.into_iter().flatten().find_map(split)?;
        (self.is_same(stem) || self.matches(stem)).then_some(Nearness::Stem)
    }

    /// Is this an entry that may be meant?
    pub fn means(&self, id: &str) -> bool {
        self.nearness(id).is_some()
    }

    fn is_same(&self, id: &str) -> bool {
        self.text.to_lowercase() == id.to_lowercase()
    }
}

/// Takes at most time proportional to the product of both lengths, and mostly to their sum: only the last `*` is tried
/// with more characters.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let mut rest = pattern;
    let elements = std::iter::from_fn(|| {
        let (element, after) = next_element(rest)?;
        rest = after;
        Some(element)
    });
    let elements: Vec<Element<'_>> = elements.collect();
    let (mut pattern, mut text) = (elements.as_slice(), text);
    // What follows the last `*`, and the text that it was tried with.
    let mut retry: Option<(&[Element<'_>], &[char])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((Element::Any, after)), _) => {
                retry = Some((after, text));
                pattern = after;
                continue;
            }
            (Some((Element::One(set), after)), Some((c, rest))) if set.contains(*c) => {
                (pattern, text) = (after, rest);
                continue;
            }
            _ => {}
        }
        let Some((after, [_, rest @ ..])) = retry else {
            return false;
        };
        retry = Some((after, rest));
        (pattern, text) = (after, rest);
    }
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

    fn matched(pattern: &str, id: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(id)
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, id) in [
            ("debian-*", "debian-6.1.conf"),
            ("DEBIAN-6.1.conf", "debian-6.1.conf"),
            ("*.conf", "a.conf"),
            ("*6.?.*", "debian-6.1.conf"),
            ("debian-[5-6].[!0].conf", "debian-6.1.conf"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            ("a[b", "a[b"),
            ("a\\*", "a*"),
            ("**", ""),
        ] {
            assert!(matched(pattern, id), "{pattern} and {id}");
        }
        for (pattern, id) in [
            ("a\\*", "ab"),
            ("debian", "debian-6.1.conf"),
            ("[^d]*", "debian"),
            ("?", ""),
            ("", "a"),
        ] {
            assert!(!matched(pattern, id), "{pattern} and {id}");
        }
        assert_eq!(Pattern::new(&"*".repeat(256)), None);
    }

    #[test]
    fn a_choice_may_leave_the_suffix_out() {
        let choice = Pattern::new("debian-6.1").unwrap();
        assert!(choice.means("debian-6.1.conf"));
        assert!(choice.means("debian-6.1.EFI"));
        assert!(!choice.means("debian-6.1-x.conf"));
        // Other dots are parts of versions.
        assert!(!choice.means("debian-6.1.10"));
        assert!(!choice.means("é.c"));
    }

    #[test]
    fn the_name_itself_is_nearest() {
        for (text, id, nearness) in [
            ("Debian [rescue]", "Debian [Rescue]", Some(Nearness::Same)),
            ("a\\b*", "a\\b*", Some(Nearness::Same)),
            ("a*", "ab", Some(Nearness::Matched)),
            ("ENTRÉE*", "entrée 1", Some(Nearness::Matched)),
            ("a [x]", "a [x].conf", Some(Nearness::Stem)),
            ("Debian [rescue]", "Debian r", Some(Nearness::Matched)),
            ("a", "b", None),
        ] {
            let pattern = Pattern::new(text).unwrap();
            assert_eq!(pattern.nearness(id), nearness, "{text} and {id}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[a*?\\[\\]!^\\\\-]{0,40}", id in "[a\\]\\[*-]{0,40}") {
            let _ = matched(&pattern, &id);
        }

        #[test]
        fn a_text_matches_itself(id in "[a-z0-9.+-]{1,30}", other in "[a-z0-9.+-]{0,30}") {
            prop_assert!(matched(&id, &id));
            prop_assert_eq!(matched(&id, &other), id == other);
            let around = format!("*{id}*");
            let longer = format!("{other}{id}{other}");
            prop_assert!(matched(&around, &longer));
            prop_assert_eq!(matched(&around, &other), other.contains(&id));
        }
    }
}
