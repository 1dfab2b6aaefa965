//! Asking for a password.

use super::page::{Page, Prompt};
use super::{Action, Model};
use crate::menu::event::Wish;
use crate::menu::key::Key;
use crate::menu::line::Line;

impl Model {
    pub(super) fn prompt(&mut self, action: Action) {
        if self.guard.is_shut(self.permissions.attempts) {
            return self.say("no more passwords are taken");
        }
        let item = self.chosen().map(|(_, item)| item.clone());
        self.page = Some(Page::Password(Prompt {
            line: Line::default(),
            action,
            item,
            checking: false,
        }));
    }

    pub(super) fn password_key(&mut self, mut prompt: Prompt, key: Key) -> Option<Page> {
        match key {
            _ if prompt.checking => {}
            Key::Escape => return None,
            _ if self.guard.pause(self.now) > 0 => {}
            Key::Enter => {
                prompt.checking = true;
                self.wishes.push(Wish::Check(prompt.line.text()));
                prompt.line = Line::default();
            }
            // Nobody sees what is typed: where a cursor would be is not told either.
            Key::Char(_) | Key::Backspace | Key::Ctrl('u') => {
                prompt.line.press(key);
            }
            _ => {}
        }
        Some(Page::Password(prompt))
    }

    pub(super) fn checked(&mut self, right: bool) {
        let Some(Page::Password(prompt)) = &mut self.page else {
            return;
        };
        if !prompt.checking {
            return;
        }
        prompt.checking = false;
        let (action, item) = (prompt.action, prompt.item.clone());
        self.guard.judge(right, self.now);
        if !right {
            if self.guard.is_shut(self.permissions.attempts) {
                self.page = None;
            }
            return self.say("this is not the password");
        }
        self.page = None;
        // The listing may be another one by now.
        let chosen = self.chosen().map(|(_, item)| item);
        if chosen
            .zip(item.as_ref())
            .is_none_or(|(now, then)| now.id == then.id)
        {
            self.ask(action);
        }
    }
}
