//! POSIX extended regular expressions, matched in time proportional to pattern times text.

use std::ops::Range;

/// A regular expression (IEEE Std 1003.1, chapter 9.4).
pub(super) struct Pattern {
    program: Vec<Step>,
    groups: usize,
}

/// A pattern that makes no sense, or is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// The whole match, then each group in parentheses that took part in it.
pub(super) type Groups = Vec<Option<Range<usize>>>;

/// Repetitions multiply what they repeat; more steps than this are refused.
const MAX_STEPS: usize = 5000;

/// Parentheses in each other.
const MAX_DEPTH: usize = 50;

/// Signs of repetition behind one thing.
const MAX_REPEATS: usize = 4;

/// Longer patterns are refused.
const MAX_LENGTH: usize = 1024;

#[derive(Clone, Debug)]
enum Step {
    Match(Class),
    Start,
    End,
    /// Goes on at both places, the first one preferred.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    Accept,
}

#[derive(Clone, Debug)]
enum Class {
    Any,
    One(char),
    Set { items: Vec<Item>, negated: bool },
}

#[derive(Clone, Debug)]
enum Item {
    Range(char, char),
    Named(fn(char) -> bool),
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    Class(Class),
    Start,
    End,
    Group(usize, Box<Node>),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat(Box<Node>, usize, Option<usize>),
}

impl Class {
    fn contains(&self, c: char) -> bool {
        match self {
            Class::Any => true,
            Class::One(own) => *own == c,
            Class::Set { items, negated } => {
                let found = items.iter().any(|item| match item {
                    Item::Range(first, last) => (*first..=*last).contains(&c),
                    Item::Named(is) => is(c),
                });
                found != *negated
            }
        }
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Pattern, BadPattern> {
        if text.len() > MAX_LENGTH {
            return Err(BadPattern);
        }
        let mut parser = Parser {
            rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
            groups: 0,
            depth: 0,
        };
        let node = parser.choice()?;
        if parser.rest.next().is_some() {
            return Err(BadPattern);
        }
        let mut compiler = Compiler {
            steps: Vec::new(),
            nodes: 0,
        };
        compiler.compile(&node)?;
        compiler.push(Step::Accept)?;
        Ok(Pattern {
            program: compiler.steps,
            groups: parser.groups,
        })
    }

    /// How much is moved to and fro to find it in `text`, in bytes, about.
    pub(super) fn work(&self, text: &str) -> usize {
        // Where groups begin and end is kept for every step that may come next.
        let slots = self.groups.saturating_add(1).saturating_mul(2);
        let each = text.len().saturating_mul(self.program.len());
        each.saturating_mul(slots)
    }

    /// The leftmost match, and of those that begin there the longest. It takes [`work`](Pattern::work).
    pub(super) fn find(&self, text: &str) -> Option<Groups> {
        let ends = std::iter::once((text.len(), None));
        let places = text.char_indices().map(|(at, c)| (at, Some(c))).chain(ends);
        let slots = self.groups.saturating_add(1).saturating_mul(2);
        let mut best: Option<Vec<Option<usize>>> = None;
        let mut threads = Threads::new(self.program.len());
        for (at, c) in places {
            if best.is_none() {
                let mut fresh = vec![None; slots];
                if let Some(start) = fresh.first_mut() {
                    *start = Some(at);
                }
                self.follow(&mut threads, 0, fresh, at, text.len());
            }
            if threads.list.is_empty() {
                break;
            }
            let mut next = Threads::new(self.program.len());
            for (step, saved) in std::mem::take(&mut threads.list) {
                match self.program.get(step) {
                    Some(Step::Accept) => {
                        let start = |saved: &Vec<Option<usize>>| saved.first().copied().flatten();
                        // Threads stand in the order of their preference; a later end is better.
                        let longer = best.as_ref().is_none_or(|best| {
                            start(best) >= start(&saved) && best.get(1) < Some(&Some(at))
                        });
                        if longer {
                            let mut saved = saved;
                            if let Some(end) = saved.get_mut(1) {
                                *end = Some(at);
                            }
                            best = Some(saved);
                        }
                    }
                    Some(Step::Match(class)) => {
                        if let Some(c) = c.filter(|c| class.contains(*c)) {
                            let after = at.saturating_add(c.len_utf8());
                            let step = step.saturating_add(1);
                            self.follow(&mut next, step, saved, after, text.len());
                        }
                    }
                    _ => {}
                }
            }
            threads = next;
        }
        let best = best?;
        let pairs = best.as_chunks::<2>().0.iter();
        let groups = pairs.map(|[start, end]| start.zip(*end).map(|(start, end)| start..end));
        Some(groups.collect())
    }

    /// Adds the steps that need a character, reached from `step` without one.
    fn follow(
        &self,
        threads: &mut Threads,
        step: usize,
        saved: Vec<Option<usize>>,
        at: usize,
        length: usize,
    ) {
        let mut stack = vec![(step, saved)];
        while let Some((step, mut saved)) = stack.pop() {
            match threads.seen.get_mut(step) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let next = step.saturating_add(1);
            match self.program.get(step) {
                Some(Step::Jump(target)) => stack.push((*target, saved)),
                Some(Step::Split(first, second)) => {
                    stack.push((*second, saved.clone()));
                    stack.push((*first, saved));
                }
                Some(Step::Save(slot)) => {
                    if let Some(slot) = saved.get_mut(*slot) {
                        *slot = Some(at);
                    }
                    stack.push((next, saved));
                }
                Some(Step::Start) if at == 0 => stack.push((next, saved)),
                Some(Step::End) if at == length => stack.push((next, saved)),
                Some(Step::Match(_) | Step::Accept) => threads.list.push((step, saved)),
                _ => {}
            }
        }
    }
}

/// The places in the program that are reached, in the order of their preference.
struct Threads {
    list: Vec<(usize, Vec<Option<usize>>)>,
    seen: Vec<bool>,
}

impl Threads {
    fn new(length: usize) -> Threads {
        Threads {
            list: Vec::new(),
            seen: vec![false; length],
        }
    }
}

struct Compiler {
    steps: Vec<Step>,
    /// What was compiled, also where it became nothing.
    nodes: usize,
}

impl Compiler {
    fn push(&mut self, step: Step) -> Result<usize, BadPattern> {
        let at = self.steps.len();
        if at >= MAX_STEPS {
            return Err(BadPattern);
        }
        self.steps.push(step);
        Ok(at)
    }

    fn set(&mut self, at: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    fn compile(&mut self, node: &Node) -> Result<(), BadPattern> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_STEPS {
            return Err(BadPattern);
        }
        match node {
            Node::Empty => {}
            Node::Class(class) => {
                self.push(Step::Match(class.clone()))?;
            }
            Node::Start => {
                self.push(Step::Start)?;
            }
            Node::End => {
                self.push(Step::End)?;
            }
            Node::Group(number, inside) => {
                let slot = number.saturating_mul(2);
                self.push(Step::Save(slot))?;
                self.compile(inside)?;
                self.push(Step::Save(slot.saturating_add(1)))?;
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.compile(node)?;
                }
            }
            Node::Choice(nodes) => {
                let mut jumps = Vec::new();
                let Some((last, others)) = nodes.split_last() else {
                    return Ok(());
                };
                for node in others {
                    let split = self.push(Step::Accept)?;
                    self.compile(node)?;
                    jumps.push(self.push(Step::Accept)?);
                    let (first, second) = (split.saturating_add(1), self.steps.len());
                    self.set(split, Step::Split(first, second));
                }
                self.compile(last)?;
                let end = self.steps.len();
                jumps
                    .into_iter()
                    .for_each(|at| self.set(at, Step::Jump(end)));
            }
            Node::Repeat(inside, least, most) => self.repeat(inside, *least, *most)?,
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        inside: &Node,
        least: usize,
        most: Option<usize>,
    ) -> Result<(), BadPattern> {
        for _ in 0..least {
            self.compile(inside)?;
        }
        match most {
            None => {
                let split = self.push(Step::Accept)?;
                self.compile(inside)?;
                self.push(Step::Jump(split))?;
                let (first, second) = (split.saturating_add(1), self.steps.len());
                self.set(split, Step::Split(first, second));
            }
            Some(most) => {
                let mut splits = Vec::new();
                for _ in least..most {
                    splits.push(self.push(Step::Accept)?);
                    self.compile(inside)?;
                }
                let end = self.steps.len();
                for split in splits {
                    self.set(split, Step::Split(split.saturating_add(1), end));
                }
            }
        }
        Ok(())
    }
}

struct Parser {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    groups: usize,
    depth: usize,
}

impl Parser {
    fn choice(&mut self) -> Result<Node, BadPattern> {
        let mut choices = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            choices.push(self.sequence()?);
        }
        match choices.len() {
            1 => Ok(choices.remove(0)),
            _ => Ok(Node::Choice(choices)),
        }
    }

    fn sequence(&mut self) -> Result<Node, BadPattern> {
        let mut nodes = Vec::new();
        while let Some(next) = self.rest.peek() {
            if *next == '|' || (*next == ')' && self.depth > 0) {
                break;
            }
            let mut node = self.atom()?;
            let mut repeats = 0_usize;
            loop {
                repeats = repeats.saturating_add(1);
                if repeats > MAX_REPEATS.saturating_add(1) {
                    return Err(BadPattern);
                }
                node = match self.rest.peek() {
                    Some('*') => self.repeated(node, 0, None),
                    Some('+') => self.repeated(node, 1, None),
                    Some('?') => self.repeated(node, 0, Some(1)),
                    Some('{') => match self.bounds()? {
                        Some((least, most)) => Node::Repeat(Box::new(node), least, most),
                        None => {
                            nodes.push(node);
                            Node::Class(Class::One('{'))
                        }
                    },
                    _ => break,
                };
            }
            nodes.push(node);
        }
        match nodes.len() {
            0 => Ok(Node::Empty),
            _ => Ok(Node::Sequence(nodes)),
        }
    }

    fn repeated(&mut self, node: Node, least: usize, most: Option<usize>) -> Node {
        self.rest.next();
        Node::Repeat(Box::new(node), least, most)
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; another `{` means itself.
    fn bounds(&mut self) -> Result<Option<(usize, Option<usize>)>, BadPattern> {
        let mut ahead = self.rest.clone();
        ahead.next();
        let inside: String = ahead.by_ref().take_while(|c| *c != '}').collect();
        let number = |text: &str| text.parse::<usize>().ok();
        let bounds = match inside.split_once(',') {
            None => number(&inside).map(|count| (count, Some(count))),
            Some(("", "")) => None,
            Some(("", most)) => number(most).map(|most| (0, Some(most))),
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some((least, most)) => number(least).zip(number(most)).map(|(l, m)| (l, Some(m))),
        };
        match bounds {
            Some((least, Some(most))) if most < least => Err(BadPattern),
            Some((least, most)) if least.max(most.unwrap_or(0)) > 255 => Err(BadPattern),
            Some(bounds) => {
                self.rest = ahead;
                Ok(Some(bounds))
            }
            None => {
                self.rest.next();
                Ok(None)
            }
        }
    }

    fn atom(&mut self) -> Result<Node, BadPattern> {
        let Some(c) = self.rest.next() else {
            return Err(BadPattern);
        };
        Ok(match c {
            '.' => Node::Class(Class::Any),
            '^' => Node::Start,
            '$' => Node::End,
            '(' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > MAX_DEPTH {
                    return Err(BadPattern);
                }
                self.groups = self.groups.saturating_add(1);
                let number = self.groups;
                let inside = self.choice()?;
                self.rest.next_if_eq(&')').ok_or(BadPattern)?;
                self.depth = self.depth.saturating_sub(1);
                Node::Group(number, Box::new(inside))
            }
            '[' => Node::Class(self.set()?),
            '*' | '+' | '?' => return Err(BadPattern),
            '\\' => Node::Class(Class::One(self.rest.next().ok_or(BadPattern)?)),
            c => Node::Class(Class::One(c)),
        })
    }

    /// What is behind a `[`.
    fn set(&mut self) -> Result<Class, BadPattern> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut items = Vec::new();
        loop {
            let first = self.rest.next().ok_or(BadPattern)?;
            if first == ']' && !items.is_empty() {
                return Ok(Class::Set { items, negated });
            }
            if first == '[' && self.rest.next_if_eq(&':').is_some() {
                items.push(Item::Named(self.named()?));
                continue;
            }
            let mut ahead = self.rest.clone();
            let range = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
            let last = match range {
                true => {
                    self.rest.next();
                    self.rest.next().ok_or(BadPattern)?
                }
                false => first,
            };
            if last < first {
                return Err(BadPattern);
            }
            items.push(Item::Range(first, last));
        }
    }

    /// `alpha:]` and its like.
    fn named(&mut self) -> Result<fn(char) -> bool, BadPattern> {
        let name: String = self.rest.by_ref().take_while(|c| *c != ':').collect();
        self.rest.next_if_eq(&']').ok_or(BadPattern)?;
        Ok(match name.as_str() {
            "alnum" => |c| c.is_ascii_alphanumeric(),
            "alpha" => |c| c.is_ascii_alphabetic(),
            "blank" => |c| matches!(c, ' ' | '\t'),
            "cntrl" => |c| c.is_ascii_control(),
            "digit" => |c| c.is_ascii_digit(),
            "graph" => |c| c.is_ascii_graphic(),
            "lower" => |c| c.is_ascii_lowercase(),
            "print" => |c| c.is_ascii_graphic() || c == ' ',
            "punct" => |c| c.is_ascii_punctuation(),
            "space" => |c| c.is_ascii_whitespace() || c == '\u{b}',
            "upper" => |c| c.is_ascii_uppercase(),
            "xdigit" => |c| c.is_ascii_hexdigit(),
            _ => return Err(BadPattern),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn groups(pattern: &str, text: &str) -> Option<Vec<Option<String>>> {
        let found = Pattern::new(pattern).unwrap().find(text)?;
        let texts = found
            .into_iter()
            .map(|range| range.map(|r| text[r].to_owned()));
        Some(texts.collect())
    }

    #[test]
    fn matches_and_groups() {
        for (pattern, text, expected) in [
            ("a+b*", "xaab", &[Some("aab")][..]),
            (
                "^(.*)/(.*)$",
                "(hd0,gpt2)/boot/x",
                &[
                    Some("(hd0,gpt2)/boot/x"),
                    Some("(hd0,gpt2)/boot"),
                    Some("x"),
                ],
            ),
            (
                "([^,]*),?(.*)",
                "hd0,gpt2",
                &[Some("hd0,gpt2"), Some("hd0"), Some("gpt2")],
            ),
            ("a|ab|abc", "abc", &[Some("abc")]),
            ("(a|b)*c|x", "abac", &[Some("abac"), Some("a")]),
            ("x*", "", &[Some("")]),
            ("[[:digit:]]{2,3}", "a1b1234", &[Some("123")]),
            ("[]a-c^-]+", "x]b-^d", &[Some("]b-^")]),
            ("a{,2}$", "aaa", &[Some("aa")]),
            ("\\.\\*", "a.*", &[Some(".*")]),
            ("(x)?y", "y", &[Some("y"), None]),
            ("a{b", "a{b", &[Some("a{b")]),
            ("é.", "aéü", &[Some("éü")]),
        ] {
            let expected: Vec<Option<String>> =
                expected.iter().map(|g| g.map(str::to_owned)).collect();
            assert_eq!(groups(pattern, text), Some(expected), "{pattern} {text}");
        }
        assert_eq!(groups("^b", "ab"), None);
        assert_eq!(groups("a$", "ab"), None);
    }

    #[test]
    fn what_makes_no_sense() {
        for pattern in [
            "(", "[", "[a", "*a", "a{3,2}", "a{999}", "[b-a]", "\\", "[[:x:]]",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new(&"(".repeat(100_000)).is_err());
        assert!(Pattern::new("((a{200}){200}){200}").is_err());
        assert!(Pattern::new(&format!("a{}", "+".repeat(300_000))).is_err());
        assert!(Pattern::new(&format!("a{}", "+".repeat(900))).is_err());
        assert!(Pattern::new("a{0}{255}{255}{255}").is_err());
        assert!(Pattern::new("a**").is_ok());
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[a-c.*+?|(){}^$\\[\\]\\\\0-9,-]{0,25}", text in "[a-c]{0,60}") {
            let found = Pattern::new(&pattern).ok().and_then(|pattern| pattern.find(&text));
            for range in found.into_iter().flatten().flatten() {
                prop_assert!(text.get(range).is_some());
            }
        }

        #[test]
        fn stars_do_not_explode(n in 1..40_usize) {
            let pattern = format!("({}){{1,3}}$", "a*".repeat(n));
            prop_assert!(Pattern::new(&pattern).unwrap().find(&"a".repeat(100)).is_some());
        }
    }
}
