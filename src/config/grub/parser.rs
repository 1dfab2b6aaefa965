//! The parser: the grammar of `grub-core/script/parser.y` of GRUB 2.06, by recursive descent.

use std::rc::Rc;

use super::lexer::{Keyword, Lexeme, Lexer, Token};
use super::source::Source;
use super::syntax::{
    Block, Command, Function, List, Part, Script, Simple, SyntaxError, Unit, Word,
};

/// Blocks, loops and conditions may stand in each other so deep.
const MAX_DEPTH: usize = 64;

impl Script {
    /// Reads a script. There is no script that can't be read: a mistake is in its unit. It ends early where
    /// the tree would take more than `room` bytes, and then its [`size`](Script::size) is larger.
    pub fn parse(source: &Rc<Source>, room: usize) -> Script {
        let mut lexer = Lexer::new(source.text());
        let lookahead = lexer.next();
        let mut parser = Parser {
            source,
            lexer,
            lookahead,
            end: 0,
            depth: 0,
            size: 0,
            room,
        };
        let mut units = Vec::new();
        while parser.lookahead.token != Token::End && parser.size <= room {
            units.push(parser.unit());
        }
        let is_empty = |unit: &Unit| {
            unit.functions.is_empty() && unit.commands.as_ref().is_ok_and(|list| list.is_empty())
        };
        units.retain(|unit| !is_empty(unit));
        let size = parser.size;
        Script { units, size }
    }
}

struct Parser<'a> {
    source: &'a Rc<Source>,
    lexer: Lexer<'a>,
    lookahead: Lexeme,
    /// Where the last token ended that was taken.
    end: usize,
    depth: usize,
    /// Bytes that the tree takes.
    size: usize,
    /// Bytes that it may take.
    room: usize,
}

/// What was expected in the place of the next token.
struct Expected(String);

type Parsed<T> = Result<T, Expected>;

fn expected<T>(what: &str) -> Parsed<T> {
    Err(Expected(what.to_owned()))
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        &self.lookahead.token
    }

    fn is(&self, keyword: Keyword) -> bool {
        *self.token() == Token::Keyword(keyword)
    }

    fn take(&mut self) -> Lexeme {
        let next = self.lexer.next();
        let taken = std::mem::replace(&mut self.lookahead, next);
        self.end = taken.range.end;
        taken
    }

    /// Takes the token if it is this one.
    fn eat(&mut self, token: &Token) -> bool {
        let found = self.token() == token;
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, token: &Token, what: &str) -> Parsed<()> {
        match self.eat(token) {
            true => Ok(()),
            false => expected(what),
        }
    }

    fn keyword(&mut self, keyword: Keyword) -> Parsed<()> {
        self.expect(&Token::Keyword(keyword), &format!("`{}`", keyword.text()))
    }

    fn newlines(&mut self) {
        while self.eat(&Token::Newline) {}
    }

    /// One `;` or line end, and further line ends. Is what follows on another line?
    fn delimiters(&mut self) -> Parsed<bool> {
        let semicolon = self.eat(&Token::Semicolon);
        let ends_line = *self.token() == Token::Newline;
        if !semicolon && !ends_line {
            return expected("`;` or the end of the line");
        }
        self.newlines();
        Ok(ends_line)
    }

    /// Something of this type becomes part of the tree.
    fn grow<T>(&mut self) {
        // Counters of references, and what the allocator adds.
        self.size = self.size.saturating_add(size_of::<T>()).saturating_add(16);
    }

    /// Statements up to the first line end outside of everything.
    fn unit(&mut self) -> Unit {
        let mut functions = Vec::new();
        let mut commands = Vec::new();
        let commands = match self.statements(&mut functions, &mut commands) {
            Ok(()) => Ok(commands.into()),
            Err(expected) => Err(self.recover(expected)),
        };
        self.grow::<Unit>();
        Unit {
            functions,
            commands,
        }
    }

    fn statements(
        &mut self,
        functions: &mut Vec<Rc<Function>>,
        commands: &mut Vec<Command>,
    ) -> Parsed<()> {
        loop {
            match self.token() {
                Token::End => return Ok(()),
                Token::Newline => {
                    self.take();
                    return Ok(());
                }
                Token::Keyword(Keyword::Function) => functions.push(Rc::new(self.function()?)),
                _ => commands.push(self.command()?),
            }
            match self.token() {
                Token::Semicolon => {
                    self.take();
                }
                Token::Newline => {}
                _ => return expected("`;` or the end of the line"),
            }
        }
    }

    /// Leaves out what GRUB has read by now: the lines up to that of the token that does not fit.
    fn recover(&mut self, expected: Expected) -> SyntaxError {
        let start = self.lookahead.range.start;
        let position = self.source.position(start);
        let text = match self.token() {
            Token::Bad(problem) => (*problem).to_owned(),
            Token::End => format!("the script ends where {} should stand", expected.0),
            Token::Reserved => {
                let sign = self.source.text().get(self.lookahead.range.clone());
                format!("`{}` has no meaning in GRUB", sign.unwrap_or_default())
            }
            _ => format!("{} should stand here", expected.0),
        };
        let last = match self.token() {
            Token::Newline => start,
            _ => self.lookahead.range.end,
        };
        if *self.token() != Token::End {
            self.lexer.skip_line(last);
            self.lookahead = self.lexer.next();
        }
        self.depth = 0;
        SyntaxError { position, text }
    }

    /// Commands with delimiters between them, up to a word that ends the list. Given `units`, each line
    /// becomes one of them, and what is left over is returned.
    fn commands(
        &mut self,
        ends: &dyn Fn(&Token) -> bool,
        mut units: Option<&mut Vec<Unit>>,
    ) -> Parsed<List> {
        let mut commands = Vec::new();
        self.newlines();
        loop {
            commands.push(self.command()?);
            if *self.token() == Token::CloseBrace && ends(&Token::CloseBrace) {
                break;
            }
            let is_on_next_line = self.delimiters()?;
            if let Some(units) = units.as_deref_mut().filter(|_| is_on_next_line) {
                self.grow::<Unit>();
                units.push(Unit::of(std::mem::take(&mut commands)));
            }
            if ends(self.token()) {
                break;
            }
        }
        Ok(commands.into())
    }

    fn list_until(&mut self, keywords: &'static [Keyword]) -> Parsed<List> {
        let ends = |token: &Token| matches!(token, Token::Keyword(k) if keywords.contains(k));
        self.commands(&ends, None)
    }

    fn command(&mut self) -> Parsed<Command> {
        if self.depth >= MAX_DEPTH {
            return expected("something that is not nested so deep");
        }
        if self.size > self.room {
            return expected("the end of a script that is already so large");
        }
        self.grow::<Command>();
        self.depth = self.depth.saturating_add(1);
        let command = match self.token() {
            Token::Keyword(Keyword::If) => self.condition(),
            Token::Keyword(Keyword::For) => self.for_loop(),
            Token::Keyword(Keyword::While) => self.while_loop(false),
            Token::Keyword(Keyword::Until) => self.while_loop(true),
            Token::Name(_) | Token::Word(_) => self.simple().map(Command::Simple),
            _ => expected("a command"),
        };
        self.depth = self.depth.saturating_sub(1);
        command
    }

    fn simple(&mut self) -> Parsed<Simple> {
        let position = self.source.position(self.lookahead.range.start);
        let words = self.words();
        let block = match self.token() {
            Token::OpenBrace => Some(self.block()?),
            _ => None,
        };
        Ok(Simple {
            position,
            words,
            block,
        })
    }

    /// Arguments, among which reserved words are words like others.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        let plain = |text: String| Word(vec![Part::Text(text)]);
        while self.size <= self.room
            && matches!(
                self.token(),
                Token::Name(_) | Token::Keyword(_) | Token::Word(_)
            )
        {
            let word = match self.take().token {
                Token::Name(name) => plain(name),
                Token::Keyword(keyword) => plain(keyword.text().to_owned()),
                Token::Word(word) => word,
                _ => break,
            };
            self.size = self.size.saturating_add(word.size());
            words.push(word);
        }
        words.shrink_to_fit();
        words
    }

    fn block(&mut self) -> Parsed<Block> {
        self.take();
        let start = self.end;
        let mut units = Vec::new();
        let last = self.commands(&|token| *token == Token::CloseBrace, Some(&mut units))?;
        if !last.is_empty() {
            self.grow::<Unit>();
            units.push(Unit::of(last));
        }
        let end = self.lookahead.range.start;
        self.expect(&Token::CloseBrace, "`}`")?;
        Ok(Block {
            source: self.source.clone(),
            range: start..end,
            units: units.into(),
        })
    }

    fn function(&mut self) -> Parsed<Function> {
        self.take();
        let name = self.name()?;
        self.newlines();
        self.expect(&Token::OpenBrace, "`{`")?;
        let body = self.commands(&|token| *token == Token::CloseBrace, None)?;
        // In a function, and only there, the brace stands behind a `;` or on a line of its own.
        let before = self.source.text().get(..self.lookahead.range.start);
        let before = before.unwrap_or_default().trim_end_matches([' ', '\t']);
        if !before.ends_with([';', '\n']) {
            return expected("`;` or the end of the line");
        }
        self.take();
        self.grow::<Function>();
        Ok(Function {
            name,
            body,
            source: self.source.clone(),
        })
    }

    fn name(&mut self) -> Parsed<String> {
        let Token::Name(name) = self.token() else {
            return expected("a name");
        };
        let name = name.clone();
        self.take();
        Ok(name)
    }

    fn condition(&mut self) -> Parsed<Command> {
        self.take();
        let mut branches = Vec::new();
        let mut otherwise = None;
        loop {
            let condition = self.list_until(&[Keyword::Then])?;
            self.keyword(Keyword::Then)?;
            let body = self.list_until(&[Keyword::Elif, Keyword::Else, Keyword::Fi])?;
            branches.push((condition, body));
            if self.is(Keyword::Elif) {
                self.take();
                continue;
            }
            if self.is(Keyword::Else) {
                self.take();
                otherwise = Some(self.list_until(&[Keyword::Fi])?);
            }
            self.keyword(Keyword::Fi)?;
            return Ok(Command::If {
                branches,
                otherwise,
            });
        }
    }

    fn for_loop(&mut self) -> Parsed<Command> {
        self.take();
        let name = self.name()?;
        self.keyword(Keyword::In)?;
        let words = self.words();
        self.delimiters()?;
        self.keyword(Keyword::Do)?;
        let body = self.list_until(&[Keyword::Done])?;
        self.keyword(Keyword::Done)?;
        Ok(Command::For { name, words, body })
    }

    fn while_loop(&mut self, until: bool) -> Parsed<Command> {
        self.take();
        let condition = self.list_until(&[Keyword::Do])?;
        self.keyword(Keyword::Do)?;
        let body = self.list_until(&[Keyword::Done])?;
        self.keyword(Keyword::Done)?;
        Ok(Command::While {
            condition,
            until,
            body,
        })
    }
}

impl Unit {
    /// Commands of one line.
    fn of(commands: impl Into<List>) -> Unit {
        Unit {
            functions: Vec::new(),
            commands: Ok(commands.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Script {
        let source = Rc::new(Source::of_file("x", None, text.as_bytes()));
        Script::parse(&source, usize::MAX)
    }

    /// For each unit how many commands it has, or what is wrong.
    fn summary(text: &str) -> Vec<Result<usize, String>> {
        let script = parse(text);
        let units = script.units.iter();
        units
            .map(|unit| match &unit.commands {
                Ok(commands) => Ok(commands.len()),
                Err(error) => Err(format!("{}: {}", error.position.line, error.text)),
            })
            .collect()
    }

    #[test]
    fn what_grub_accepts() {
        for text in [
            "a\n",
            "a b; c\n",
            "a;\n",
            "if a; then b; fi",
            "if a\nthen\n\nb\nelif c; d; then e\nelse\nf\nfi",
            "for i in; do a; done",
            "for i in if then 1 \"2\"; do\na; break\ndone",
            "while a; do b; done; until c; do d; done",
            "menuentry 'x' --id y { a }",
            "menuentry x {\n\n a\n b; }",
            "a { b { c }; d }",
            "function f { a; }",
            "function f\n{\na\n}",
            "a if then fi done",
            "a # b ' { \n",
            "[ a = b ]",
        ] {
            let expected = usize::from(!text.starts_with("function"));
            let units = parse(text).units;
            let unit = &units[0];
            assert_eq!(units.len(), 1, "{text}");
            let count = unit.commands.as_ref().unwrap().len();
            assert!(count >= expected, "{text}");
            assert_eq!(unit.functions.len(), 1 - expected, "{text}");
        }
    }

    #[test]
    fn what_grub_refuses() {
        for text in [
            "; a",
            "a;; b",
            "a ; ; b",
            "a && b",
            "a > b",
            "a {}",
            "a { }",
            "a { b } c",
            "function f { a }",
            "function if { a; }",
            "if a; then; b; fi",
            "if a; then b fi; c",
            "for 1 in a; do b; done",
            "while a; b; done",
            "a }",
            "menuentry x { function f { a; }; }",
            "case a in b) c;; esac",
            "if a; then b;",
            "a 'b",
            "a $( b",
        ] {
            let units = parse(text).units;
            assert!(units[0].commands.is_err(), "{text}");
        }
    }

    #[test]
    fn a_mistake_costs_the_lines_that_were_read() {
        assert_eq!(
            summary("a\nb && c; d\ne\nmenuentry x {\n f\n g |\n h\n}\ni"),
            [
                Ok(1),
                Err("2: `&&` has no meaning in GRUB".to_owned()),
                Ok(1),
                Err("6: `|` has no meaning in GRUB".to_owned()),
                Ok(1),
                Err("8: a command should stand here".to_owned()),
                Ok(1),
            ]
        );
        assert_eq!(
            summary("a\nb 'c\nd\ne"),
            [Ok(1), Err("2: a quote is not closed".to_owned())]
        );
    }

    #[test]
    fn functions_exist_even_where_the_line_is_wrong() {
        let script = parse("function f { a; }; )b; |");
        assert_eq!(script.units[0].functions.len(), 1);
        assert!(script.units[0].commands.is_err());
    }

    #[test]
    fn blocks_keep_their_text() {
        let script = parse("menuentry x { a; # b\n c }\n");
        let commands = script.units[0].commands.as_ref().unwrap();
        let Command::Simple(simple) = &commands[0] else {
            panic!("{commands:?}");
        };
        assert_eq!(simple.block.as_ref().unwrap().text(), " a; # b\n c ");
        assert_eq!(simple.words.len(), 2);
    }

    #[test]
    fn a_block_is_a_script_of_lines() {
        let script = parse("menuentry x { a; b # c\n\n d { e\nf; }; g;\n h }\n");
        let commands = script.units[0].commands.as_ref().unwrap();
        let Command::Simple(simple) = &commands[0] else {
            panic!("{commands:?}");
        };
        let lines = simple.block.as_ref().unwrap().units.iter();
        let lines: Vec<usize> = lines.map(|u| u.commands.as_ref().unwrap().len()).collect();
        assert_eq!(lines, [2, 2, 1]);
    }

    #[test]
    fn memory_is_bounded() {
        let text = "a ".repeat(100_000) + "\n" + &"b;c\n".repeat(100_000);
        let source = Rc::new(Source::of_file("x", None, text.as_bytes()));
        for room in [0, 1000, 1_000_000, 10_000_000] {
            let script = Script::parse(&source, room);
            assert!(script.size > room && script.size < room + 1000, "{room}");
        }
        let whole = Script::parse(&source, usize::MAX);
        assert!(whole.size > 20_000_000 && whole.units.len() == 100_001);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "a { ".repeat(100_000);
        assert!(parse(&deep).units[0].commands.is_err());
        let deep = "if ".repeat(100_000);
        assert!(parse(&deep).units[0].commands.is_err());
        let fine = format!("{}b{}", "a { ".repeat(60), " }".repeat(60));
        assert!(parse(&fine).units[0].commands.is_ok());
    }
}
