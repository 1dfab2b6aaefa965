//! The loader's side of the control channel: what it is at work on, and that it goes on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::lost::Lost;
use super::message::Message;
use super::place::{Place, VolumeName};
use crate::disk::{ReadAt, Source};
use crate::entry::VolumeId;
use crate::inventory::{Guard, Inventory};
use crate::seconds;

/// So many bytes are read in one go: what the kernel reads ahead, and what the slowest disk gives within a second.
const PIECE: usize = 128 * 1024;

/// A sign of life is sent at most this often.
const BEAT: Duration = Duration::from_secs(1);

/// How long process 1, which writes to slow consoles, may take to make room for a message.
const ROOM: Timespec = Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

/// Tells process 1. Signs of life come only from work that gets on: there is no thread for them, which
/// would go on for ever beside a loop.
pub(super) struct Report {
    channel: Option<OwnedFd>,
    state: Mutex<State>,
}

struct State {
    at: Option<Place>,
    bytes: u64,
    told: Instant,
    /// Since when nothing more is read, and how long that was allowed before.
    until: Option<(Instant, Duration)>,
}

impl Report {
    /// By a socket of packets. Without one, a crash is only less well explained.
    pub(super) fn new(channel: Option<OwnedFd>) -> Report {
        let state = State {
            at: None,
            bytes: 0,
            told: Instant::now(),
            until: None,
        };
        Report {
            channel,
            state: Mutex::new(state),
        }
    }

    /// The work on `place` begins.
    pub(super) fn at(&self, place: Place) {
        self.change(Some(place));
    }

    /// Does `work` on `place`, and goes on with what was at work before.
    pub(super) fn during<T>(&self, place: Place, work: impl FnOnce() -> T) -> T {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.at.clone();
        drop(state);
        self.at(place);
        let result = work();
        self.change(before);
        result
    }

    /// Nothing is at work; said again while waiting, it is a sign of life.
    pub(super) fn idle(&self) {
        self.change(None);
    }

    /// A kernel is loaded.
    pub(super) fn loaded(&self) {
        self.send(&Message::Loaded);
    }

    /// The work has ended, if there was any: whether it goes on is told by whoever waits.
    pub(super) fn rest(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_working = state.at.is_some();
        drop(state);
        if is_working {
            self.idle();
        }
    }

    /// The menu wants to show something on the consoles.
    pub(super) fn ask_for_consoles(&self) {
        self.send(&Message::Menu);
    }

    /// What to poll for until process 1 has left the consoles.
    pub(super) fn answer(&self) -> Option<BorrowedFd<'_>> {
        self.channel.as_ref().map(AsFd::as_fd)
    }

    /// Has it? Without a channel nobody else knows of them.
    pub(super) fn has_consoles(&self) -> bool {
        let Some(channel) = &self.channel else {
            return true;
        };
        matches!(
            rustix::net::recv(channel, &mut [0; 1][..], RecvFlags::DONTWAIT),
            Ok((_, 1))
        )
    }

    /// A shell is about to be started, and whoever sits there wants to read the log.
    pub(super) fn ask_for_log(&self) {
        self.send(&Message::Log);
    }

    /// From now on disks may be read, and the kernel be asked for something, for so long, or without an end.
    pub(super) fn limit(&self, time: Option<Duration>) {
        let end = time.and_then(|time| Some((Instant::now().checked_add(time)?, time)));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.until = end;
    }

    /// How long it still may take.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`]: no longer, in words.
    pub(super) fn left(&self) -> io::Result<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((end, time)) = state.until else {
            return Ok(Duration::MAX);
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let seconds = seconds::written(time);
            let text = format!("the policy allows {seconds} s for an attempt (failure.limit)");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        Ok(left)
    }

    /// So many more bytes are read.
    pub(super) fn alive(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes = state.bytes.saturating_add(bytes);
        if state.told.elapsed() >= BEAT {
            state.told = Instant::now();
            self.send(&Message::Alive(state.bytes));
        }
    }

    /// A volume is about to be read. While an entry is tried, that is for the entry.
    fn volume(&self, volume: VolumeName) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let in_entry = matches!(state.at, Some(Place::Entry(_)));
        drop(state);
        match in_entry {
            true => self.alive(0),
            false => self.at(Place::Volume(volume)),
        }
    }

    fn change(&self, at: Option<Place>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.at == at {
            drop(state);
            return self.alive(0);
        }
        let message = at.clone().map_or(Message::Idle, Message::At);
        *state = State {
            at,
            bytes: 0,
            told: Instant::now(),
            until: state.until,
        };
        self.send(&message);
    }

    fn send(&self, message: &Message) {
        let Some(channel) = &self.channel else {
            return;
        };
        let text = message.print();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while let Err(Errno::AGAIN | Errno::INTR) =
            rustix::net::send(channel, text.as_bytes(), flags)
        {
            let mut fds = [PollFd::new(channel, PollFlags::OUT)];
            if matches!(rustix::event::poll(&mut fds, Some(&ROOM)), Ok(0)) {
                return;
            }
        }
    }
}

/// Knows what must be left out, and tells of every volume before it is read.
pub(super) struct Watchman {
    pub(super) report: Arc<Report>,
    pub(super) lost: Lost,
}

impl Guard for Watchman {
    fn enter(&self, inventory: &Inventory, volume: VolumeId) -> Result<(), String> {
        let Some(volume) = VolumeName::of(inventory, volume) else {
            return Ok(());
        };
        if self.lost.volume(&volume) {
            return Err(LEFT_OUT.to_owned());
        }
        self.report.volume(volume);
        Ok(())
    }
}

/// Why something is left out.
pub(super) const LEFT_OUT: &str = "a loader before this one died of it in this round";

/// A disk whose reads are signs of life, and end with the time that an attempt may take.
pub(super) struct Counted {
    source: Source,
    report: Arc<Report>,
}

impl Counted {
    /// The same bytes.
    pub(super) fn source(source: Source, report: Arc<Report>) -> Source {
        Arc::new(Counted { source, report })
    }
}

impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done: usize = 0;
        for piece in buf.chunks_mut(PIECE) {
            self.report.left()?;
            let at = offset.saturating_add(done as u64);
            let result = self.source.read_at(at, piece);
            // A read that failed has ended as well.
            self.report.alive(result.as_ref().map_or(0, |n| *n as u64));
            let n = result?;
            done = done.saturating_add(n);
            if n < piece.len() {
                break;
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, Hardware, MemorySource};
    use crate::init::place::{DiskName, EntryName};
    use rustix::net::{AddressFamily, SocketFlags, SocketType};

    fn channel() -> (OwnedFd, Arc<Report>) {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        (ours, Arc::new(Report::new(Some(theirs))))
    }

    fn heard(channel: &OwnedFd) -> Vec<String> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok((_, n)) = rustix::net::recv(channel, &mut buffer, RecvFlags::DONTWAIT) {
            all.push(String::from_utf8(buffer[..n].to_vec()).unwrap());
        }
        all
    }

    /// A FAT filesystem on a whole disk.
    fn disk() -> Disk {
        let mut image = io::Cursor::new(vec![0; 1 << 20]);
        fatfs::format_volume(&mut image, fatfs::FormatVolumeOptions::new()).unwrap();
        Disk {
            path: "/dev/sda".into(),
            source: Arc::new(MemorySource::new(image.into_inner())),
            hardware: Hardware::default(),
        }
    }

    fn volume() -> VolumeName {
        let disk = DiskName {
            path: "/dev/sda".to_owned(),
            sequence: None,
        };
        VolumeName {
            disk,
            inside: None,
            partition: None,
            offset: 0,
        }
    }

    fn inventory(report: &Arc<Report>, lost: Lost) -> Inventory {
        let report = report.clone();
        let mut inventory = Inventory::new().guarded(Box::new(Watchman { report, lost }));
        inventory.add(disk());
        inventory
    }

    #[test]
    fn a_volume_is_told_before_it_is_read() {
        let (channel, report) = channel();
        let inventory = inventory(&report, Lost::default());
        let (id, _) = inventory.volumes().next().unwrap();
        inventory.filesystem(id).unwrap();
        assert_eq!(heard(&channel), ["at volume /dev/sda - - - 0"]);
        report.idle();
        inventory.filesystem(id).unwrap();
        assert_eq!(heard(&channel), ["idle", "at volume /dev/sda - - - 0"]);
    }

    #[test]
    fn work_between_ends_with_what_was_before() {
        let (channel, report) = channel();
        assert_eq!(report.during(Place::Firmware, || 7), 7);
        report.at(Place::Volume(volume()));
        report.during(Place::Firmware, || ());
        let volume = "at volume /dev/sda - - - 0";
        let expected = ["at firmware", "idle", volume, "at firmware", volume];
        assert_eq!(heard(&channel), expected);
    }

    #[test]
    fn while_an_entry_is_tried_the_entry_is_blamed() {
        let (channel, report) = channel();
        let inventory = inventory(&report, Lost::default());
        let entry = EntryName {
            volume: volume(),
            path: "/x".to_owned(),
            line: None,
            nth: 0,
        };
        report.at(Place::Entry(entry));
        let (id, _) = inventory.volumes().next().unwrap();
        inventory.filesystem(id).unwrap();
        assert_eq!(heard(&channel), ["at entry /dev/sda - - - 0 /x - 0"]);
    }

    #[test]
    fn what_was_lost_is_not_opened_and_says_so() {
        let (channel, report) = channel();
        let mut lost = Lost::default();
        lost.add(Place::Volume(volume()));
        let inventory = inventory(&report, lost);
        let (id, _) = inventory.volumes().next().unwrap();
        let error = inventory.filesystem(id).err().unwrap().to_string();
        assert!(error.contains(LEFT_OUT), "{error}");
        assert_eq!(heard(&channel), Vec::<String>::new());
    }

    #[test]
    fn reads_are_signs_of_life_but_not_each_of_them() {
        let (channel, report) = channel();
        let source = Counted::source(disk().source, report.clone());
        for _ in 0..100 {
            source.read_exact_at(0, &mut [0; 512]).unwrap();
        }
        assert_eq!(heard(&channel), Vec::<String>::new());
        let long_ago = || report.state.lock().unwrap().told = Instant::now() - BEAT;
        long_ago();
        source.read_exact_at(0, &mut [0; 512]).unwrap();
        assert_eq!(heard(&channel), ["alive 51712"]);
        // One that takes long is several: what it gives is the same.
        long_ago();
        let mut whole = vec![1; PIECE * 2 + 512];
        source.read_exact_at(0, &mut whole).unwrap();
        assert_eq!(heard(&channel), [format!("alive {}", 51712 + PIECE)]);
        let mut expected = vec![2; whole.len()];
        let direct = disk().source;
        direct.read_exact_at(0, &mut expected).unwrap();
        assert!(whole == expected);
        let end = source.size() - 512;
        assert_eq!(source.read_at(end, &mut whole).unwrap(), 512);
    }

    #[test]
    fn an_attempt_that_takes_too_long_reads_nothing_more() {
        let (_channel, report) = channel();
        let source = Counted::source(disk().source, report.clone());
        let mut buffer = [0; 512];
        report.limit(Some(Duration::from_secs(3600)));
        source.read_exact_at(0, &mut buffer).unwrap();
        report.limit(Some(Duration::ZERO));
        let error = source.read_exact_at(0, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let text = "the policy allows 0 s for an attempt (failure.limit)";
        assert_eq!(error.to_string(), text);
        // Whatever else is told meanwhile.
        report.at(Place::Firmware);
        assert!(source.read_exact_at(0, &mut buffer).is_err());
        report.limit(None);
        source.read_exact_at(0, &mut buffer).unwrap();
    }
}
