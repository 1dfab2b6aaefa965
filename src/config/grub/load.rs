//! [`Loaded`]: what the commands of an entry have prepared to be started.

use crate::entry::{FileRef, Initrd, Module, PayloadKind, Problem, Unified};

/// A program, and what is wrong with it or its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub(super) program: Option<Program>,
    /// It stays when another kernel is loaded.
    pub(super) devicetree: Option<FileRef>,
    pub(super) problems: Vec<Problem>,
    /// Those of the last `initrd`, until there is another one.
    pub(super) initrd_problems: Vec<Problem>,
}

/// A program with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) kind: PayloadKind,
    /// Its own file is not there: GRUB has nothing that it could start.
    pub(super) missing: bool,
    pub(super) kernel: Option<FileRef>,
    pub(super) initrd: Vec<Initrd>,
    pub(super) modules: Vec<Module>,
    pub(super) cmdline: String,
    pub(super) unified: Option<Unified>,
}

impl Program {
    pub(super) fn new(kind: PayloadKind) -> Program {
        Program {
            kind,
            missing: false,
            kernel: None,
            initrd: Vec::new(),
            modules: Vec::new(),
            cmdline: String::new(),
            unified: None,
        }
    }
}

impl Loaded {
    /// How many bytes a copy takes, about.
    pub(super) fn size(&self) -> usize {
        let file = size_of::<FileRef>().saturating_add(64);
        let problems = self.problems().map(|problem| problem.text.len());
        let problems = problems.fold(self.problems.len(), usize::saturating_add);
        let Some(program) = &self.program else {
            return problems;
        };
        let modules = program.modules.iter();
        let modules = modules.map(|module| module.cmdline.len().saturating_add(file));
        let initrds = program.initrd.iter();
        let initrds = initrds.map(|initrd| {
            let name = initrd.name.as_ref().map_or(0, String::len);
            name.saturating_add(file)
        });
        [program.cmdline.len(), problems]
            .into_iter()
            .chain(modules)
            .chain(initrds)
            .fold(file, usize::saturating_add)
    }

    /// Is there something that GRUB would start, and nothing wrong with it?
    pub(super) fn is_ready(&self) -> bool {
        self.program.is_some() && !self.problems().any(|problem| problem.blocks)
    }

    /// Everything that is wrong.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(&self.initrd_problems)
    }

    /// Adds a problem that keeps it from being started.
    pub(super) fn block(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::new(true, text));
    }
}
