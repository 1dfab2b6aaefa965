//! [`Pulse`]: whether a loader gets on, by what it says.

use std::time::{Duration, Instant};

use super::message::Message;
use super::place::Place;

/// How long a loader may do what. No policy changes them: they are for what nobody has planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Without a sign of life. A disk that answers at all does so within the kernel's own time-outs, most
    /// of them 30 s; the longest wait of the loader itself is for a kernel mount, 15 s.
    pub(super) silence: Duration,
    /// With signs of life: for everything between two rests, but for an entry. A GiB from a disk on
    /// USB 1.1 takes a quarter of an hour.
    pub(super) work: Duration,
    /// For one entry, with signs of life.
    pub(super) entry: Duration,
    /// From the signal that ends it to its end. A process that hangs in the kernel takes it later or never.
    pub(super) death: Duration,
}

impl Limits {
    /// Those that hold.
    pub(super) const NORMAL: Limits = Limits {
        silence: Duration::from_secs(60),
        work: WORK,
        entry: WORK.saturating_add(GRACE),
        death: Duration::from_secs(5),
    };

    /// Those under a policy in which an attempt may take so long.
    pub(super) fn of(attempt: Duration) -> Limits {
        Limits {
            entry: attempt.saturating_add(GRACE),
            ..Limits::NORMAL
        }
    }

    /// Those of a machine that is reset after so much time without progress: a loader that hangs is ended before.
    pub(super) fn within(self, reset: Option<Duration>) -> Limits {
        let halved = |time: Duration| time.checked_div(2).unwrap_or(time);
        let half = halved(reset.unwrap_or(Duration::MAX));
        Limits {
            silence: self.silence.min(half),
            death: self.death.min(halved(half)),
            ..self
        }
    }
}

const WORK: Duration = Duration::from_secs(20 * 60);

/// An attempt that takes too long ends by itself at its next read. One that does not is ended so much later.
const GRACE: Duration = Duration::from_secs(10);

/// From when on silence is shown, and how often.
const SHOW: Duration = Duration::from_secs(10);

/// What is known of a loader from what it says.
#[derive(Debug)]
pub(super) struct Pulse {
    /// What it is at work on.
    place: Option<Place>,
    /// How many bytes it has read there.
    bytes: u64,
    loaded: bool,
    heard: Instant,
    /// When the work began that may take [`Limits::work`].
    began: Instant,
    shown: Instant,
}

/// What to do with a loader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Wait,
    /// Nothing but to say this.
    Say(String),
    /// End it, and say this.
    End(String),
}

impl Pulse {
    /// Of a loader that starts now.
    pub(super) fn new(now: Instant) -> Pulse {
        Pulse {
            place: None,
            bytes: 0,
            loaded: false,
            heard: now,
            began: now,
            shown: now,
        }
    }

    /// It has said this.
    pub(super) fn hear(&mut self, message: Message, now: Instant) {
        // What the menu asks for says nothing of the work.
        if matches!(message, Message::Menu | Message::Log) {
            return;
        }
        self.heard = now;
        self.shown = now;
        self.loaded = message == Message::Loaded;
        match message {
            Message::Alive(bytes) => self.bytes = bytes,
            Message::Loaded | Message::Menu | Message::Log => {}
            Message::Idle => self.turn(None, now),
            Message::At(place) => self.turn(Some(place), now),
        }
    }

    /// From one volume to the next is no new beginning: a loop may lead through several.
    fn turn(&mut self, place: Option<Place>, now: Instant) {
        let entry = matches!(place, Some(Place::Entry(_))) && self.place != place;
        if self.place.is_none() || place.is_none() || entry {
            self.began = now;
        }
        self.bytes = 0;
        self.place = place;
    }

    /// Has it gone on for long enough, under these limits?
    pub(super) fn verdict(&mut self, limits: Limits, now: Instant) -> Verdict {
        let silent = now.saturating_duration_since(self.heard);
        let working = now.saturating_duration_since(self.began);
        if silent >= limits.silence {
            let seconds = silent.as_secs();
            return Verdict::End(format!("the loader gave no sign of life for {seconds} s"));
        }
        let limit = match self.place {
            Some(Place::Entry(_)) => limits.entry,
            _ => limits.work,
        };
        if self.place.is_some() && working >= limit {
            let seconds = working.as_secs();
            return Verdict::End(format!("the loader is at work for {seconds} s"));
        }
        if now.saturating_duration_since(self.shown) < SHOW {
            return Verdict::Wait;
        }
        self.shown = now;
        let during = self.during().unwrap_or_default();
        let seconds = silent.as_secs();
        let left = limits.silence.saturating_sub(silent).as_secs();
        Verdict::Say(format!(
            "no sign of life from the loader{during} for {seconds} s, it is ended in {left} s"
        ))
    }

    /// Has it said that a kernel is loaded, and nothing since?
    pub(super) fn loaded(&self) -> bool {
        self.loaded
    }

    /// What it is at work on, in words.
    pub(super) fn during(&self) -> Option<String> {
        let bytes = self.bytes;
        let read = (bytes != 0).then(|| format!(" ({bytes} bytes read)"));
        let place = self.place.as_ref()?;
        Some(format!(" while at {place}{}", read.unwrap_or_default()))
    }

    /// What it is at work on.
    pub(super) fn into_place(self) -> Option<Place> {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::place::{DiskName, EntryName, VolumeName};

    const SECOND: Duration = Duration::from_secs(1);

    fn volume(number: u32) -> VolumeName {
        let disk = DiskName {
            path: "/dev/sda".to_owned(),
            sequence: None,
        };
        VolumeName {
            disk,
            inside: None,
            partition: Some(number),
            offset: 0,
        }
    }

    fn entry(nth: u32) -> Message {
        Message::At(Place::Entry(EntryName {
            volume: volume(1),
            path: "/x".to_owned(),
            line: None,
            nth,
        }))
    }

    fn pulse() -> (Pulse, Instant) {
        let start = Instant::now();
        (Pulse::new(start), start)
    }

    /// Lets it say `message` every second for `seconds`, and returns when it would have been ended.
    fn ended_after(seconds: u32, message: impl Fn(u32) -> Message) -> Option<u32> {
        let (mut pulse, start) = pulse();
        (1..=seconds).find(|second| {
            let now = start + SECOND * *second;
            pulse.hear(message(*second), now);
            matches!(pulse.verdict(Limits::NORMAL, now), Verdict::End(_))
        })
    }

    #[test]
    fn silence_is_shown_and_has_an_end() {
        let (mut pulse, start) = pulse();
        pulse.hear(Message::At(Place::Volume(volume(2))), start);
        pulse.hear(Message::Alive(4096), start);
        let said: Vec<(u32, Verdict)> = (1..=60)
            .map(|second| {
                let now = start + SECOND * second;
                (second, pulse.verdict(Limits::NORMAL, now))
            })
            .filter(|(_, verdict)| *verdict != Verdict::Wait)
            .collect();
        let times: Vec<u32> = said.iter().map(|(second, _)| *second).collect();
        assert_eq!(times, [10, 20, 30, 40, 50, 60]);
        assert_eq!(
            said[1].1,
            Verdict::Say(
                "no sign of life from the loader while at /dev/sda partition 2 (4096 bytes read) \
                 for 20 s, it is ended in 40 s"
                    .to_owned()
            )
        );
        assert!(matches!(said[5].1, Verdict::End(_)));
    }

    #[test]
    fn work_that_never_ends_has_an_end_and_rest_has_none() {
        let limit = 20 * 60;
        let reads = |second: u32| match second {
            1 => Message::At(Place::Volume(volume(1))),
            second => Message::Alive(second.into()),
        };
        assert_eq!(ended_after(2 * limit, reads), Some(limit + 1));
        let between_two = |second: u32| Message::At(Place::Volume(volume(second % 2)));
        assert_eq!(ended_after(2 * limit, between_two), Some(limit + 1));
        assert_eq!(ended_after(2 * limit, |_| Message::Idle), None);
        // Each entry is a beginning.
        assert_eq!(ended_after(2 * limit, |second| entry(second / 600)), None);
        assert_eq!(ended_after(2 * limit, |_| entry(0)), Some(limit + 10 + 1));
    }

    #[test]
    fn an_entry_may_take_what_the_policy_says() {
        let start = Instant::now();
        let limits = Limits::of(SECOND * 30);
        let mut pulse = Pulse::new(start);
        for second in 1..=40 {
            pulse.hear(entry(0), start + SECOND * second);
        }
        assert_eq!(pulse.verdict(limits, start + SECOND * 40), Verdict::Wait);
        let ended = pulse.verdict(limits, start + SECOND * 41);
        let text = "the loader is at work for 40 s".to_owned();
        assert_eq!(ended, Verdict::End(text));
    }

    #[test]
    fn a_loader_that_hangs_is_ended_before_the_machine_is_reset() {
        let normal = Limits::NORMAL;
        for (reset, silence) in [(None, 60), (Some(3600), 60), (Some(120), 60), (Some(10), 5)] {
            let limits = normal.within(reset.map(Duration::from_secs));
            assert_eq!(limits.silence.as_secs(), silence);
            assert_eq!(limits.work, normal.work);
            let reset = Duration::from_secs(reset.unwrap_or(u64::MAX));
            assert!(limits.silence + limits.death < reset && limits.death <= normal.death);
        }
    }

    #[test]
    fn loaded_is_what_was_said_last() {
        let (mut pulse, now) = pulse();
        assert!(!pulse.loaded());
        pulse.hear(entry(0), now);
        pulse.hear(Message::Loaded, now);
        assert!(pulse.loaded());
        pulse.hear(Message::Idle, now);
        assert!(!pulse.loaded());
        assert_eq!(pulse.into_place(), None);
    }
}
