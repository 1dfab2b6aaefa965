//! The syntax tree of a script.
//!
//! GRUB reads a line, and further ones as long as a quote, a block or a loop is open; that is a
//! [`Unit`]. It is executed before the next one is read, and a mistake costs one unit.

use std::ops::Range;
use std::rc::Rc;

use super::source::{Position, Source};

/// A whole script.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// The units in order.
    pub units: Vec<Unit>,
    /// How many bytes the tree takes in memory, about. A script that takes more than it may is not read to
    /// its end.
    pub size: usize,
}

/// What GRUB reads at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    /// Functions come to be when they are read, before anything in the unit is executed.
    pub functions: Vec<Rc<Function>>,
    /// What is executed; nothing of it where a mistake is.
    pub commands: Result<List, SyntaxError>,
}

/// A mistake in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it is.
    pub position: Position,
    /// What is wrong, in words.
    pub text: String,
}

/// Commands that are executed one after the other.
pub type List = Rc<[Command]>;

/// A function: its name and its body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The name.
    pub name: String,
    /// The body.
    pub body: List,
    /// Where it is defined.
    pub source: Rc<Source>,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// A command with its arguments.
    Simple(Simple),
    /// `if`
    If {
        /// Condition and body of `if` and each `elif`.
        branches: Vec<(List, List)>,
        /// `else`
        otherwise: Option<List>,
    },
    /// `for`
    For {
        /// The variable.
        name: String,
        /// What it goes through.
        words: Vec<Word>,
        /// The body.
        body: List,
    },
    /// `while` and `until`
    While {
        /// The condition.
        condition: List,
        /// It ends the loop when it is true.
        until: bool,
        /// The body.
        body: List,
    },
}

/// A command with its arguments: the first word, when it is evaluated, is its name.
#[derive(Debug, PartialEq, Eq)]
pub struct Simple {
    /// Where it begins.
    pub position: Position,
    /// The words.
    pub words: Vec<Word>,
    /// The block behind them, in braces.
    pub block: Option<Block>,
}

/// A block in braces. GRUB keeps its text, and reads it again when it is executed: line by line, as a script
/// of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The script that it is part of.
    pub source: Rc<Source>,
    /// The bytes between the braces.
    pub range: Range<usize>,
    /// What is executed, if it is.
    pub units: Rc<[Unit]>,
}

/// A word that is joined from parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(pub Vec<Part>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text without quotes; its backslashes are still there.
    Text(String),
    /// `'…'`, or `"…"` between variables; without its backslashes.
    Quoted(String),
    /// `$"…"`: variables in it are replaced late, since it could be translated.
    Translated(String),
    /// `$name`
    Variable {
        /// The name.
        name: String,
        /// Does it stand in double quotes?
        quoted: bool,
    },
}

impl Block {
    /// The text between the braces.
    pub fn text(&self) -> &str {
        self.source
            .text()
            .get(self.range.clone())
            .unwrap_or_default()
    }
}

impl Word {
    /// How many bytes it takes in memory, about.
    pub fn size(&self) -> usize {
        let text = |part: &Part| match part {
            Part::Text(text) | Part::Quoted(text) | Part::Translated(text) => text.capacity(),
            Part::Variable { name, .. } => name.capacity(),
        };
        let texts = self.0.iter().map(text).sum::<usize>();
        let parts = self.0.capacity().saturating_mul(size_of::<Part>());
        size_of::<Word>()
            .saturating_add(parts)
            .saturating_add(texts)
    }
}
