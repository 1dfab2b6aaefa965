//! The lexer, by the rules of GRUB's (`grub-core/script/yylex.l` of GRUB 2.06).

use std::ops::Range;

use super::syntax::{Part, Word};

/// A token and the bytes that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) range: Range<usize>,
}

/// What the parser tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Newline,
    Semicolon,
    OpenBrace,
    CloseBrace,
    Keyword(Keyword),
    /// A word that can be the name of a function or of a variable.
    Name(String),
    Word(Word),
    /// Signs that GRUB has reserved and does not use.
    Reserved,
    /// What can't be read; nothing behind it is in the same unit.
    Bad(&'static str),
    End,
}

/// Reserved words. As arguments they are words like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Case,
    Do,
    Done,
    Elif,
    Else,
    Esac,
    Fi,
    For,
    Function,
    If,
    In,
    Select,
    Then,
    Until,
    While,
}

const KEYWORDS: [(&str, Keyword); 15] = [
    ("case", Keyword::Case),
    ("do", Keyword::Do),
    ("done", Keyword::Done),
    ("elif", Keyword::Elif),
    ("else", Keyword::Else),
    ("esac", Keyword::Esac),
    ("fi", Keyword::Fi),
    ("for", Keyword::For),
    ("function", Keyword::Function),
    ("if", Keyword::If),
    ("in", Keyword::In),
    ("select", Keyword::Select),
    ("then", Keyword::Then),
    ("until", Keyword::Until),
    ("while", Keyword::While),
];

impl Keyword {
    /// The word itself.
    pub(super) fn text(self) -> &'static str {
        let found = KEYWORDS.iter().find(|(_, keyword)| *keyword == self);
        found.map_or("", |(text, _)| text)
    }
}

const UNTERMINATED: &str = "a quote is not closed";
const NO_NEXT_LINE: &str = "the file ends after a `\\` that continues the line";
const BAD_VARIABLE: &str = "`$` is not followed by the name of a variable";

/// Reads tokens from a text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// `text` ends with a line end.
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on behind the line in which the byte `at` is: what GRUB has read of a unit with a mistake.
    pub(super) fn skip_line(&mut self, at: usize) {
        let rest = self.text.get(at..).unwrap_or_default();
        let length = rest
            .find('\n')
            .map_or(rest.len(), |end| end.saturating_add(1));
        self.at = at.saturating_add(length);
    }

    pub(super) fn next(&mut self) -> Lexeme {
        let rest = self.rest();
        let blank = rest.find(|c| c != ' ' && c != '\t').unwrap_or(rest.len());
        self.at = self.at.saturating_add(blank);
        if self.rest().starts_with('#') {
            let comment = self.rest().find('\n').unwrap_or(self.rest().len());
            self.at = self.at.saturating_add(comment);
        }
        let start = self.at;
        let (token, length) = token(self.rest());
        self.at = start.saturating_add(length);
        Lexeme {
            token,
            range: start..self.at,
        }
    }
}

/// The token at the beginning of `rest`, and its length in bytes.
fn token(rest: &str) -> (Token, usize) {
    let sign = |token| (token, 1);
    match rest.as_bytes() {
        [] => (Token::End, 0),
        [b'\n', ..] => sign(Token::Newline),
        [b'|', b'|', ..] | [b'&', b'&', ..] | [b';', b';', ..] => (Token::Reserved, 2),
        [b'|' | b'&' | b'<' | b'>', ..] => sign(Token::Reserved),
        [b';', ..] => sign(Token::Semicolon),
        [b'{', ..] => sign(Token::OpenBrace),
        [b'}', ..] => sign(Token::CloseBrace),
        _ => match word_length(rest) {
            Err(problem) => (Token::Bad(problem), rest.len()),
            Ok(0) => (Token::Bad(BAD_VARIABLE), 1),
            Ok(length) => (word(rest.get(..length).unwrap_or_default()), length),
        },
    }
}

fn word(text: &str) -> Token {
    if matches!(text, "[[" | "]]") {
        return Token::Reserved;
    }
    if let Some((_, keyword)) = KEYWORDS.iter().find(|(name, _)| *name == text) {
        return Token::Keyword(*keyword);
    }
    if name_length(text) == Some(text.len()) {
        return Token::Name(text.to_owned());
    }
    match split(text) {
        Some(word) => Token::Word(word),
        None => Token::Bad(BAD_VARIABLE),
    }
}

/// How many bytes belong to the word at the beginning.
fn word_length(text: &str) -> Result<usize, &'static str> {
    let mut at = 0_usize;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match rest.as_bytes() {
            [
                b'{' | b'}' | b'|' | b'&' | b';' | b'<' | b'>' | b' ' | b'\t' | b'\n',
                ..,
            ] => break,
            [b'"', ..] => quoted_length(rest).ok_or(UNTERMINATED)?,
            [b'\'', after @ ..] => {
                let end = after.iter().position(|byte| *byte == b'\'');
                end.ok_or(UNTERMINATED)?.saturating_add(2)
            }
            [b'\\', b'\n'] => return Err(NO_NEXT_LINE),
            [b'\\', ..] => escaped_length(rest),
            [b'$', b'"', ..] => {
                let quoted = quoted_length(rest.get(1..).unwrap_or_default());
                quoted.ok_or(UNTERMINATED)?.saturating_add(1)
            }
            [b'$', ..] => match variable(rest) {
                Some((_, length)) => length,
                None => break,
            },
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at = at.saturating_add(length);
    }
    Ok(at)
}

/// The length of a string in double quotes, with them.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut bytes = text.bytes().enumerate().skip(1);
    let (end, _) = bytes.find(|(_, byte)| match (escaped, byte) {
        (true, _) => {
            escaped = false;
            false
        }
        (false, b'\\') => {
            escaped = true;
            false
        }
        (false, byte) => *byte == b'"',
    })?;
    end.checked_add(1)
}

/// The length of a backslash with what it escapes.
fn escaped_length(text: &str) -> usize {
    text.chars().take(2).map(char::len_utf8).sum()
}

/// The length of the name at the beginning.
fn name_length(text: &str) -> Option<usize> {
    let first = text.bytes().next()?;
    if !first.is_ascii_alphabetic() && first != b'_' {
        return None;
    }
    let other = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'_';
    Some(text.bytes().position(other).unwrap_or(text.len()))
}

/// The name of the variable in `$name` or `${name}` at the beginning, and the length of all that.
fn variable(text: &str) -> Option<(&str, usize)> {
    let after = text.strip_prefix('$')?;
    let (name, braces) = match after.strip_prefix('{') {
        Some(inside) => (inside, true),
        None => (after, false),
    };
    let digits = name
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(name.len());
    let length = match name.bytes().next()? {
        b'?' | b'#' | b'*' | b'@' => 1,
        b'0'..=b'9' => digits,
        _ => name_length(name)?,
    };
    let (name, behind) = name.split_at_checked(length)?;
    if braces && !behind.starts_with('}') {
        return None;
    }
    let around: usize = if braces { 3 } else { 1 };
    Some((name, length.saturating_add(around)))
}

/// Splits a word into its parts; `None` where a `$` in double quotes is no variable.
fn split(text: &str) -> Option<Word> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\\' => {
                let (escape, after) = rest.split_at_checked(escaped_length(rest))?;
                // An escaped line end is none at all.
                if escape != "\\\n" {
                    plain.push_str(escape);
                }
                after
            }
            '\'' => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                let (inside, after) = rest.get(1..)?.split_once('\'')?;
                parts.push(Part::Quoted(inside.to_owned()));
                after
            }
            '"' => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                double_quoted(rest.get(1..)?, &mut parts)?
            }
            '$' if rest.starts_with("$\"") => {
                parts.push(Part::Translated(std::mem::take(&mut plain)));
                translated(rest.get(2..)?, &mut parts)?
            }
            '$' => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                let (name, length) = variable(rest)?;
                parts.push(Part::Variable {
                    name: name.to_owned(),
                    quoted: false,
                });
                rest.get(length..)?
            }
            other => {
                plain.push(other);
                rest.get(other.len_utf8()..)?
            }
        };
    }
    parts.push(Part::Text(plain));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    parts.shrink_to_fit();
    Some(Word(parts))
}

/// Reads up to the closing quote, and gives what is behind it.
fn double_quoted<'a>(mut rest: &'a str, parts: &mut Vec<Part>) -> Option<&'a str> {
    let mut inside = String::new();
    loop {
        rest = match rest.as_bytes() {
            [b'\\', b'\n', ..] => rest.get(2..)?,
            [b'\\', escaped @ (b'$' | b'\\' | b'"'), ..] => {
                inside.push(char::from(*escaped));
                rest.get(2..)?
            }
            [b'"', ..] => {
                parts.push(Part::Quoted(inside));
                return rest.get(1..);
            }
            [b'$', ..] => {
                parts.push(Part::Quoted(std::mem::take(&mut inside)));
                let (name, length) = variable(rest)?;
                parts.push(Part::Variable {
                    name: name.to_owned(),
                    quoted: true,
                });
                rest.get(length..)?
            }
            _ => {
                let other = rest.chars().next()?;
                inside.push(other);
                rest.get(other.len_utf8()..)?
            }
        };
    }
}

/// As [`double_quoted`], for a string that could be translated: variables are replaced later.
fn translated<'a>(mut rest: &'a str, parts: &mut Vec<Part>) -> Option<&'a str> {
    let mut inside = String::new();
    loop {
        rest = match rest.as_bytes() {
            [b'\\', b'\n', ..] => rest.get(2..)?,
            [b'\\', b'\\', ..] => {
                inside.push_str("\\\\");
                rest.get(2..)?
            }
            [b'\\', b'"', ..] => {
                inside.push('"');
                rest.get(2..)?
            }
            [b'"', ..] => {
                parts.push(Part::Translated(inside));
                return rest.get(1..);
            }
            _ => {
                let other = rest.chars().next()?;
                inside.push(other);
                rest.get(other.len_utf8()..)?
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            match lexer.next().token {
                Token::End => return tokens,
                token => tokens.push(token),
            }
        }
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn quoted(text: &str) -> Part {
        Part::Quoted(text.to_owned())
    }

    fn variable(name: &str, quoted: bool) -> Part {
        let name = name.to_owned();
        Part::Variable { name, quoted }
    }

    fn parts(word: &str) -> Vec<Part> {
        match tokens(word).remove(0) {
            Token::Word(Word(parts)) => parts,
            Token::Name(name) => vec![Part::Text(name)],
            other => panic!("{word} is {other:?}"),
        }
    }

    #[test]
    fn words_are_joined_from_parts() {
        assert_eq!(parts("a-b"), [text("a-b")]);
        assert_eq!(parts(r"a\ b\*"), [text(r"a\ b\*")]);
        assert_eq!(
            parts("x'y z'\"$a b\"${c}d"),
            [
                text("x"),
                quoted("y z"),
                quoted(""),
                variable("a", true),
                quoted(" b"),
                variable("c", false),
                text("d"),
            ]
        );
        assert_eq!(parts("$12a"), [variable("12", false), text("a")]);
        assert_eq!(parts("$@$#"), [variable("@", false), variable("#", false)]);
        assert_eq!(parts("\"a\\$b\\\"\\\\\\n\\\nc\""), [quoted("a$b\"\\\\nc")]);
        assert_eq!(
            parts("$\"a $b\\\"\""),
            [
                Part::Translated(String::new()),
                Part::Translated("a $b\"".to_owned())
            ]
        );
        assert_eq!(parts("a\\\nb"), [text("ab")]);
        assert_eq!(parts("'a\nb'"), [quoted("a\nb")]);
        assert_eq!(parts("é\\ü"), [text("é\\ü")]);
        assert_eq!(parts("a#b"), [text("a#b")]);
    }

    #[test]
    fn signs_end_words() {
        assert_eq!(
            tokens("a{b}c;d\n"),
            [
                Token::Name("a".to_owned()),
                Token::OpenBrace,
                Token::Name("b".to_owned()),
                Token::CloseBrace,
                Token::Name("c".to_owned()),
                Token::Semicolon,
                Token::Name("d".to_owned()),
                Token::Newline,
            ]
        );
        assert_eq!(tokens(";; || [[ ]] <"), vec![Token::Reserved; 5]);
        assert_eq!(tokens(" # a 'b\n"), [Token::Newline]);
        assert_eq!(
            tokens("if ifx"),
            [Token::Keyword(Keyword::If), Token::Name("ifx".to_owned())]
        );
    }

    #[test]
    fn what_can_not_be_read() {
        for (text, problem) in [
            ("'a\n", UNTERMINATED),
            ("a\"b\n", UNTERMINATED),
            ("a$\"b\n", UNTERMINATED),
            ("a \\\n", ""),
            ("a\\\n", NO_NEXT_LINE),
            ("$ a", BAD_VARIABLE),
            ("${a", BAD_VARIABLE),
            ("\"cost $ 5\"", BAD_VARIABLE),
        ] {
            let found = tokens(text).into_iter().find_map(|token| match token {
                Token::Bad(problem) => Some(problem),
                _ => None,
            });
            let expected = match problem {
                "" => Some(NO_NEXT_LINE),
                problem => Some(problem),
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
