//! What the loader does for its menu.

use super::loader::{Loader, names};
use super::shell;
use super::trying::Failed;
use crate::menu::{Access, Choice, Event, Listing, Permissions, Wish, describe};
use crate::policy::Policy;
use crate::report;
use crate::text::Printable;
use crate::trust::Mode;

impl Loader {
    /// Tells the menu what was found, and when there is something to start the first time, how long somebody may
    /// choose.
    pub(super) fn tell_found(&mut self) {
        if !self.desk.has_menu() {
            return;
        }
        // After an entry that has failed, the policy may want no other one.
        let plan = match self.ended {
            false => self.plan(),
            true => Vec::new(),
        };
        let first = plan.first().and_then(|(i, _)| self.found.entries.get(*i));
        let id = first.map(|entry| entry.id.as_str());
        let mut listing = Listing::new(&self.inventory, &self.found, id);
        let ending = self.policy.failure.entry.ending();
        let ending = ending.filter(|_| self.ended);
        listing.ending = ending.map(|ending| ending.to_string());
        self.desk.tell(Event::Found(listing));
        if let (Some(first), false) = (first, self.begun) {
            let timeout = self.policy.menu.timeout_before(&self.found, first);
            self.desk.tell(Event::Begin(timeout));
            self.begun = true;
        }
    }

    /// Does what the menu wishes for; `true` when a kernel is loaded.
    pub(super) fn serve(&mut self) -> bool {
        let mut wishes = self.desk.wishes().into_iter();
        while let Some(wish) = wishes.next() {
            let answer = match wish {
                Wish::Start(Choice {
                    by_person: false, ..
                }) => match self.try_all() {
                    true => return true,
                    false => continue,
                },
                Wish::Start(choice) => match self.start(&choice) {
                    Ok(()) => return true,
                    Err(failed) => Event::Failed(failed.reason, None),
                },
                Wish::Describe(id) => {
                    let entry = self.found.entries.iter().find(|entry| entry.id == id);
                    let fields = entry
                        .map(|entry| describe(&self.inventory, entry, &self.known_verdict(entry)));
                    Event::Described(fields.unwrap_or_default())
                }
                // Who wants something else by now is not kept waiting.
                Wish::Prove(_) if wishes.len() != 0 => continue,
                Wish::Prove(id) => {
                    let Some(verdict) = self.prove(&id) else {
                        self.report.rest();
                        continue;
                    };
                    let entry = self.found.entries.iter().find(|entry| entry.id == id);
                    let fields = entry.map(|entry| describe(&self.inventory, entry, &verdict));
                    Event::Described(fields.unwrap_or_default())
                }
                Wish::Rescan => {
                    self.forget_disks();
                    // A person wants to begin anew. A disk that goes away lifts nothing.
                    self.ended = false;
                    Event::Say("looking at all disks again".to_owned())
                }
                Wish::Report(what) => {
                    self.journal.put(&report::Event::Measured { what });
                    continue;
                }
                Wish::Once(id) => {
                    let done = self.firmware.wish_once(&id);
                    said(done, &id, "is for the next boot")
                }
                Wish::SetDefault(id) => {
                    let done = self.firmware.wish_always(&id);
                    said(done, &id, "is the default from now on")
                }
                // Nobody asks the work for these.
                Wish::Leave | Wish::Check(_) | Wish::Shell | Wish::Quit => continue,
            };
            self.report.rest();
            self.desk.tell(answer);
        }
        false
    }

    /// What a person may do, under the policy as it is now.
    pub(super) fn permissions(&self) -> Permissions {
        permissions(&self.policy, shell::is_there(), self.firmware.can_confirm())
    }

    /// Starts what a person has chosen, as it was changed.
    fn start(&mut self, choice: &Choice) -> Result<(), Failed> {
        let names = names(&self.inventory, &self.found.entries);
        let mut named = self.found.entries.iter().zip(names);
        let Some((entry, name)) = named.find(|(entry, _)| entry.id == choice.id) else {
            return Err(Failed::new("the entry has gone with its disk"));
        };
        let entry = choice.apply(entry);
        // The disks were looked at again since it was chosen.
        if !entry.bootable() {
            return Err(Failed::new("it can't be booted any more"));
        }
        if choice.cmdline.is_some() || choice.initrd.is_some() {
            log::info!("{} was changed at the menu", Printable(&entry.title));
        }
        self.attempt(&entry, name, true)
    }
}

/// What a wish came to.
fn said(done: Result<(), String>, id: &str, what: &str) -> Event {
    let text = match done {
        Ok(()) => format!("{} {what}", Printable(id)),
        Err(error) => error,
    };
    log::info!("{text}");
    Event::Say(text)
}

/// Who may do what. What is proven is not changed by anybody, there is no shell where none is in the image, and where
/// no variables are written nothing is chosen for later.
fn permissions(policy: &Policy, has_shell: bool, remembers: bool) -> Permissions {
    let mut permissions = Permissions {
        quit: false,
        ..policy.menu.permissions.clone()
    };
    let closed = policy.trust.mode == Mode::Enforce;
    if closed {
        permissions.edit = Access::No;
    }
    if closed || !has_shell {
        permissions.shell = Access::No;
    }
    if !remembers {
        (permissions.once, permissions.default) = (Access::No, Access::No);
    }
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Policy {
        let mut policy = Policy::default();
        policy.menu.permissions = Permissions {
            choose: Access::Yes,
            edit: Access::Yes,
            once: Access::Yes,
            default: Access::Password,
            shell: Access::Yes,
            quit: true,
            password: true,
            attempts: 3,
        };
        policy
    }

    #[test]
    fn what_can_not_be_is_nobodys() {
        let policy = all();
        let own = &policy.menu.permissions;
        let allowed = permissions(&policy, true, true);
        assert_eq!(
            allowed,
            Permissions {
                quit: false,
                ..own.clone()
            }
        );
        let without = permissions(&policy, false, false);
        assert_eq!(
            [without.once, without.default, without.shell],
            [Access::No; 3]
        );
        assert_eq!([without.choose, without.edit], [Access::Yes; 2]);
    }

    #[test]
    fn what_is_proven_is_changed_by_nobody() {
        let mut policy = all();
        policy.trust.mode = Mode::Enforce;
        let permissions = permissions(&policy, true, true);
        assert_eq!([permissions.edit, permissions.shell], [Access::No; 2]);
        assert_eq!(permissions.choose, Access::Yes);
    }
}
