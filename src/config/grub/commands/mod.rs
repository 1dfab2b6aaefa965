//! The commands of GRUB, in one table.

mod blscfg;
mod boot;
mod control;
mod environment;
mod file_type;
mod files;
mod gptprio;
mod hash;
mod inert;
mod machine;
mod menu;
mod probe;
mod regexp;
mod search;
mod syslinux;
mod text;
mod translate;
mod variables;

pub(super) use files::{MAX_SCRIPT, run_script};

use super::failure::Outcome;
use super::interpreter::Interpreter;
use super::syntax::Block;

/// A command as it is called.
pub(super) struct Call<'c> {
    pub(super) name: &'c str,
    pub(super) arguments: &'c [String],
    pub(super) block: Option<&'c Block>,
}

/// What a command does.
pub(super) type Run = for<'a, 'c> fn(&mut Interpreter<'a>, &Call<'c>) -> Outcome;

impl Call<'_> {
    fn argument(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(String::as_str)
    }
}

/// The command of this name.
pub(super) fn find(name: &str) -> Option<Run> {
    carried_out(name).or_else(|| inert::is_known(name).then_some(inert::run as Run))
}

/// The same, if it does what it does in GRUB.
fn carried_out(name: &str) -> Option<Run> {
    let tables = [
        blscfg::TABLE,
        boot::TABLE,
        control::TABLE,
        environment::TABLE,
        file_type::TABLE,
        files::TABLE,
        gptprio::TABLE,
        hash::TABLE,
        machine::TABLE,
        menu::TABLE,
        probe::TABLE,
        regexp::TABLE,
        search::TABLE,
        syslinux::TABLE,
        text::TABLE,
        translate::TABLE,
        variables::TABLE,
    ];
    let mut all = tables.into_iter().flatten();
    all.find(|(known, _)| *known == name).map(|(_, run)| *run)
}

/// Does this command load something to be started, or a part of it?
pub(super) fn loads(name: &str) -> bool {
    name != "boot" && boot::TABLE.iter().any(|(known, _)| *known == name)
}

/// Names and what they do.
type Table = &'static [(&'static str, Run)];
