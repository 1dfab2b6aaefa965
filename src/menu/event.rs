//! [`Event`] and [`Wish`]: what the menu is told, and what it wants to be done.

use std::time::Duration;

use super::glyph::Charset;
use super::key::Key;
use super::listing::{Field, Listing};
use super::permissions::{Permissions, Timeout};
use super::screen::Size;
use crate::boot::Step;
use crate::entry::{BootEntry, Change, Initrd};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody pressed a key at a terminal of this size.
    Key(Key, Size, Charset),
    /// Time goes on, from any point, the same in each event.
    Tick(Duration),
    /// The disks were looked at again.
    Found(Listing),
    /// There is something to start now: so long somebody may still choose. Only the first one begins the wait.
    Begin(Timeout),
    /// What a person may do from now on.
    Allow(Permissions),
    /// A line of the log.
    Log(String),
    /// One more line about the machine.
    About(String),
    /// The answer to [`Wish::Describe`], and to [`Wish::Prove`] when that is over.
    Described(Vec<Field>),
    /// The answer to [`Wish::Check`].
    Checked(bool),
    /// What a wish came to, in words, or anything else that is to be seen.
    Say(String),
    /// An attempt began: what is started, and from where.
    Attempt(String, String),
    /// It, or [`Wish::Prove`], is at this step.
    Progress(Step),
    /// It failed, for this reason. With a time, the entry that is started without a person by now is started
    /// then, unless somebody has pressed a key or does. Without one, the menu waits for somebody.
    Failed(String, Option<Duration>),
}

/// Something that is to be done by whoever drives the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Start an entry.
    Start(Choice),
    /// Tell what is known of the entry with this id: [`Event::Described`].
    Describe(String),
    /// Read all files of the entry with this id, and tell what is known of its signatures: [`Event::Described`]. Any
    /// other wish may end that.
    Prove(String),
    /// Prove nothing any more.
    Leave,
    /// Is this the password? [`Event::Checked`] tells.
    Check(String),
    /// The entry with this id is for the next boot, once.
    Once(String),
    /// The entry with this id is the default from now on.
    SetDefault(String),
    /// Look at all disks again.
    Rescan,
    /// Start a shell on the terminal, and come back.
    Shell,
    /// A shell was measured in these words, which belong into the report.
    Report(&'static str),
    /// End the menu.
    Quit,
}

/// An entry that was chosen, and what was changed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its id.
    pub id: String,
    /// Another command line.
    pub cmdline: Option<String>,
    /// Other initrds.
    pub initrd: Option<Vec<Initrd>>,
    /// A person chose it, and not the countdown.
    pub by_person: bool,
}

impl Choice {
    /// The entry as it was changed, without the problems of what it was before. Whether what it is now can be loaded is
    /// found out by an attempt.
    pub fn apply(&self, entry: &BootEntry) -> BootEntry {
        let mut entry = entry.clone();
        if let Some(cmdline) = &self.cmdline {
            entry.cmdline.clone_from(cmdline);
        }
        if let Some(initrd) = &self.initrd {
            entry.initrd.clone_from(initrd);
        }
        let changes = self.changes();
        entry
            .problems
            .retain(|problem| !problem.is_mended_by(&changes));
        entry
    }

    /// What was changed.
    pub(super) fn changes(&self) -> Vec<Change> {
        let cmdline = self.cmdline.as_ref().map(|_| Change::CommandLine);
        let initrds = self.initrd.as_ref().map(|_| Change::Initrds);
        cmdline.into_iter().chain(initrds).collect()
    }
}
