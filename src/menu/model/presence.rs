//! Is somebody here? Noise on a line looks like keys, and a line that is closed to a loop sends back what is shown.

use std::time::Duration;

use super::Model;
use super::page::Page;
use crate::menu::key::Key;

/// Nobody presses more keys in a second, second after second: keyboards repeat a key that is held 30 times.
const MOST: u32 = 50;

/// How many keys came lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The second that is counted,
    second: u64,
    /// and the keys in it, and in the one before.
    keys: u32,
    before: u32,
}

impl Pace {
    /// Counts a key; `true` when nobody presses keys as fast as they come. A text that is pasted is not taken for
    /// noise at once.
    pub(super) fn is_noise(&mut self, now: Duration) -> bool {
        let second = now.as_secs();
        match second.saturating_sub(self.second) {
            0 => {}
            1 => self.before = std::mem::take(&mut self.keys),
            _ => (self.before, self.keys) = (0, 0),
        }
        self.second = second;
        self.keys = self.keys.saturating_add(1);
        self.before > MOST
    }
}

/// What a person types to stay. It is shown with blanks, so that a line which sends back what is shown does not type
/// it.
const PROOF: [char; 4] = ['7', '3', '9', '1'];

/// How much of it was typed in a row.
#[derive(Debug, Default)]
pub(super) struct Proof(usize);

impl Proof {
    /// Takes a key; `true` with the last one.
    fn press(&mut self, key: Key) -> bool {
        let expects = |at: usize| PROOF.get(at).map(|c| Key::Char(*c));
        let first = usize::from(expects(0) == Some(key));
        self.0 = match expects(self.0) == Some(key) {
            true => self.0.saturating_add(1),
            false => first,
        };
        let whole = self.0 == PROOF.len();
        if whole {
            self.0 = 0;
        }
        whole
    }
}

impl Model {
    /// Takes a key of whoever has to show that it is a person.
    pub(super) fn prove(&mut self, key: Key) {
        if self.proof.press(key) {
            self.countdown.believe(self.now);
        }
    }

    /// What is to be typed.
    pub(in crate::menu) fn proof() -> String {
        PROOF.map(String::from).join(" ")
    }

    /// Does a key mean anything here?
    pub(super) fn means(&self, key: Key) -> bool {
        let moves = matches!(
            key,
            Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End
        );
        let leads = matches!(key, Key::Enter | Key::Escape | Key::Left);
        match &self.page {
            _ if moves || leads || key == Key::Ctrl('c') => true,
            None if self.level().is_typing() => true,
            None => match key {
                Key::Char(c) => c.is_ascii_digit() || self.letter(c).is_some(),
                Key::Ctrl(c) => matches!(c, 'p' | 'n'),
                Key::Right | Key::Backspace | Key::Function(1) => true,
                key => self.is_hot(key),
            },
            Some(Page::Details(_) | Page::Text(_)) => {
                matches!(key, Key::Char(' ' | 'b' | 'q' | 'v'))
            }
            Some(Page::Initrds(_)) => matches!(key, Key::Char(' ' | '1'..='9')),
            Some(Page::Edit(_) | Page::Password(_) | Page::Progress(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::Timeout;
    use crate::menu::tests::Machine;

    const S: Duration = Duration::from_secs(1);

    /// One that waits 10 s, and as long for who was here.
    fn machine() -> Machine {
        let timeout = Timeout {
            wait: Some(S * 10),
            hidden: false,
            idle: Some(S * 10),
            stay: Some(S * 1000),
        };
        Machine::new(&["*a", "b"], timeout)
    }

    #[test]
    fn keys_that_mean_nothing_keep_nobody_here() {
        for (key, stays) in [('j', true), ('x', false), ('\u{e9}', false)] {
            let mut machine = machine();
            // Any key stops it all the same.
            machine.press(&[Key::Char('x')]);
            assert!(machine.model.holds());
            machine.tick(9);
            machine.press(&[Key::Char(key)]);
            machine.tick(10);
            let waits = machine.model.countdown.left(machine.model.now).is_none();
            assert_eq!(waits, stays, "{key}");
        }
    }

    #[test]
    fn noise_without_an_end_ends_as_silence_does() {
        let mut machine = machine();
        let mut wishes = Vec::new();
        for second in 0..40 {
            wishes.extend(machine.tick(second));
            for _ in 0..960 {
                machine.press(&[Key::Down]);
            }
        }
        assert!(matches!(&wishes[..], [crate::menu::Wish::Start(choice)] if !choice.by_person));
    }

    /// Ten keys in a second, each of which means something, for ever.
    #[test]
    fn a_line_that_babbles_for_ever_keeps_no_machine_from_booting() {
        let mut machine = machine();
        let mut wishes = Vec::new();
        for second in 0..1100 {
            wishes.extend(machine.tick(second));
            for key in "\u{8}73 91739 jkjk".chars() {
                machine.press(&[Key::Char(key)]);
            }
            // What it shows comes back.
            for key in Model::proof().chars() {
                machine.press(&[Key::Char(key)]);
            }
            let doubted = machine.model.countdown.is_doubted();
            assert_eq!(doubted, second >= 1000, "{second}");
        }
        assert!(matches!(&wishes[..], [crate::menu::Wish::Start(choice)] if !choice.by_person));
        // It goes on failing without anybody, and the next one follows.
        let event = crate::menu::Event::Failed("no".to_owned(), Some(Duration::ZERO));
        machine.model.handle(event);
        machine.press(&[Key::Down]);
        assert!(matches!(
            &machine.tick(1101)[..],
            [crate::menu::Wish::Start(_)]
        ));
    }

    #[test]
    fn a_person_types_what_is_asked_for_and_goes_on() {
        let mut machine = machine();
        machine.press(&[Key::Char('e'), Key::Char('x')]);
        for second in (0..=1000).step_by(5) {
            machine.tick(second);
            machine.press(&[Key::Char('y')]);
        }
        assert_eq!(machine.model.countdown.left(S * 1000), Some(60));
        for key in "737391".chars() {
            machine.press(&[Key::Char(key)]);
        }
        assert!(machine.model.holds() && !machine.model.countdown.is_doubted());
        // What was begun is still there.
        assert!(matches!(&machine.model.page, Some(Page::Edit(_))));
        assert!(machine.tick(1009).is_empty());
    }

    #[test]
    fn only_what_goes_on_and_on_is_noise() {
        let mut pace = Pace::default();
        let at = Duration::from_millis;
        // Somebody pastes a long text, and goes on typing.
        let pasted = (0..960).any(|key| pace.is_noise(at(key)));
        assert!(!pasted);
        assert!(!pace.is_noise(at(2500)));
        // A line that sends for ever.
        let noise: Vec<bool> = (0..9600).map(|key| pace.is_noise(at(5000 + key))).collect();
        assert!(!noise[999] && noise[1000..].iter().all(|is| *is));
        // A key that is held is none.
        let held = (0..300).any(|key| pace.is_noise(at(20_000 + key * 33)));
        assert!(!held);
    }
}
