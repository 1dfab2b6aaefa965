//! What a person asks for: whether it is allowed, and what comes of it.

use super::page::{Details, Page, Reading, Text};
use super::{Action, Model};
use crate::entry::Password;
use crate::menu::command::Command;
use crate::menu::event::{Choice, Wish};
use crate::menu::permissions::Access;
use crate::menu::progress::Progress;
use crate::menu::reader::Reader;

/// What is said where nobody may do what was asked for.
const NOT_ALLOWED: &str = "the policy does not allow this";

impl Model {
    /// Does what is asked for if it is allowed, perhaps after a password.
    pub(super) fn ask(&mut self, action: Action) {
        let own = match action {
            Action::Command(command) => command.access(&self.permissions),
            Action::Start => Access::Yes,
        };
        // What starts another entry, now or later, is choosing as well.
        let access = match (action, self.chosen()) {
            (
                Action::Start
                | Action::Command(
                    Command::Edit | Command::Initrds | Command::Once | Command::Default,
                ),
                Some((i, _)),
            ) => own.min(self.choosing(i)),
            _ => own,
        };
        let changes = matches!(action, Action::Command(Command::Edit | Command::Initrds));
        let mut guarded = access == Access::Password;
        if let (true, Some((_, item))) = (changes && access != Access::No, self.chosen()) {
            if let Some(why) = item.fixed {
                return self.say(&format!("{why}: nothing of it can be changed"));
            }
            // Its own configuration asks for a password, which only the owner of the machine overrules.
            guarded |= item.password != Password::None;
        }
        if access == Access::No || guarded && !self.permissions.password {
            let text = match changes && guarded {
                true => {
                    "its configuration wants a password before it is changed, and the policy has none"
                }
                false => NOT_ALLOWED,
            };
            return self.say(text);
        }
        if guarded && !self.guard.is_open() {
            return self.prompt(action);
        }
        self.act(action);
    }

    /// Who may choose an item: what is started without a person may be started by everybody.
    fn choosing(&self, index: usize) -> Access {
        match self.listing.automatic == Some(index) {
            true => Access::Yes,
            false => self.permissions.effective(self.permissions.choose),
        }
    }

    /// May a person start this item as it was changed? Since the change was allowed, another item may have become the
    /// one that is started without a person.
    fn may_start(&self, index: usize, choice: &Choice) -> bool {
        let permissions = &self.permissions;
        let edit = match choice.changes().is_empty() {
            true => Access::Yes,
            false => permissions.effective(permissions.edit),
        };
        match self.choosing(index).min(edit) {
            Access::No => false,
            Access::Password => self.guard.is_open(),
            Access::Yes => true,
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.message = Some(text.to_owned());
    }

    /// Does what is allowed.
    fn act(&mut self, action: Action) {
        let chosen = self.chosen().map(|(i, item)| (i, item.clone()));
        let command = match (action, chosen) {
            (Action::Start, Some((i, _))) => return self.start(i, None, true),
            (Action::Start, None) => return,
            (Action::Command(command), Some((_, item))) => match command {
                Command::Edit => return self.edit(item),
                Command::Initrds => return self.choose_initrds(item),
                Command::Details => {
                    self.wishes.push(Wish::Describe(item.id.clone()));
                    self.page = Some(Page::Details(Details {
                        item,
                        lines: Vec::new(),
                        at: Reader::default(),
                        proving: None,
                    }));
                    return;
                }
                Command::Once => return self.wishes.push(Wish::Once(item.id)),
                Command::Default => return self.wishes.push(Wish::SetDefault(item.id)),
                other => other,
            },
            (Action::Command(command), None) => command,
        };
        let text = match command {
            Command::Search => {
                if let Some(level) = self.levels.last_mut() {
                    level.search();
                }
                return;
            }
            Command::Rescan => return self.wishes.push(Wish::Rescan),
            Command::Shell => return self.wishes.push(Wish::Shell),
            Command::Quit => return self.wishes.push(Wish::Quit),
            Command::Notes => Text::Notes,
            Command::Log => Text::Log,
            Command::Disks => Text::Disks,
            Command::About => Text::About,
            Command::Help => Text::Help,
            _ => return self.say("choose an entry first"),
        };
        let at = Reader::default();
        self.page = Some(Page::Text(Reading { text, at }));
    }

    /// Starts an item, with what was changed of it.
    pub(super) fn start(&mut self, index: usize, cmdline: Option<String>, by_person: bool) {
        let Some(item) = self.listing.items.get(index) else {
            return;
        };
        let draft = self.draft.as_ref().filter(|_| by_person);
        let draft = draft.filter(|draft| self.listing.find(&draft.item) == Some(index));
        let choice = Choice {
            id: item.id.clone(),
            cmdline,
            initrd: draft.map(|draft| draft.initrd.clone()),
            by_person,
        };
        if by_person && !self.may_start(index, &choice) {
            return self.say(NOT_ALLOWED);
        }
        if let Some(reason) = item.blocked(&choice.changes()) {
            self.message = Some(format!("it can't be booted: {reason}"));
            return;
        }
        let progress = Progress::new(item.title.clone(), item.place.clone(), self.now);
        self.draft = None;
        self.wishes.push(Wish::Start(choice));
        match by_person {
            true => self.countdown.stop(self.now),
            false => self.countdown.fire(),
        }
        self.page = Some(Page::Progress(progress));
    }
}
