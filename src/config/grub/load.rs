//! [`Loaded`]: what the commands of an entry have prepared to be started.

use crate::entry::{FileRef, Module, PayloadKind, Problem, Unified};

/// A program, and what is wrong with it or its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub(super) program: Option<Program>,
    pub(super) problems: Vec<Problem>,
}

/// A program with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) kind: PayloadKind,
    pub(super) kernel: Option<FileRef>,
    pub(super) initrd: Vec<FileRef>,
    pub(super) devicetree: Option<FileRef>,
    pub(super) modules: Vec<Module>,
    pub(super) cmdline: String,
    pub(super) unified: Option<Unified>,
}

impl Program {
    pub(super) fn new(kind: PayloadKind) -> Program {
        Program {
            kind,
            kernel: None,
            initrd: Vec::new(),
            devicetree: None,
            modules: Vec::new(),
            cmdline: String::new(),
            unified: None,
        }
    }
}

impl Loaded {
    /// Adds a problem that keeps it from being started.
    pub(super) fn block(&mut self, text: impl Into<String>) {
        self.problems.push(Problem {
            blocks: true,
            text: text.into(),
        });
    }
}
