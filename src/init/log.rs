//! The log of a boot: lines with the time since the kernel started.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustix::time::ClockId;

use super::desk::Desk;
use crate::menu::Event;

/// Bytes of lines that are kept; the oldest go first.
const CAPACITY: usize = 256 * 1024;

/// Bytes of one line that are kept.
const LINE: usize = 4096;

/// What coreboot has logged, its `cbmem` console (`drivers/firmware/google/memconsole.c`).
pub(super) const FIRMWARE: &str = "/sys/firmware/log";

/// Bytes of it that are read.
const FIRMWARE_SIZE: u64 = 1 << 20;

/// Lines of it that are shown, the last ones.
const FIRMWARE_LINES: usize = 400;

/// Where the log is copied for a shell.
pub(super) const LOG: &str = "/run/pilotlight/log";

/// What is kept of the log in the memory of process 1, whatever happens to the loader.
#[derive(Default)]
pub(super) struct Memory {
    lines: VecDeque<String>,
    bytes: usize,
    /// So many of the last lines nobody has seen on a console.
    unseen: usize,
}

impl Memory {
    /// Keeps a line.
    pub(super) fn push(&mut self, line: String) {
        self.bytes = self.bytes.saturating_add(line.len());
        self.lines.push_back(line);
        while self.bytes > CAPACITY
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.len());
        }
    }

    /// The line that was kept last is not on the consoles yet.
    pub(super) fn mark_unseen(&mut self) {
        self.unseen = self.unseen.saturating_add(1);
    }

    /// The last of the lines that are not on the consoles yet, as many as have `room` bytes, and how many are left
    /// out: those that are kept are read elsewhere. All count as seen after this.
    pub(super) fn take_unseen(&mut self, room: usize) -> (Vec<String>, usize) {
        let unseen = std::mem::take(&mut self.unseen);
        let mut used: usize = 0;
        let fits = |line: &&String| {
            // With the end of the line.
            used = used.saturating_add(line.len()).saturating_add(2);
            used <= room
        };
        let last = self.lines.iter().rev().take(unseen).take_while(fits);
        let mut lines: Vec<String> = last.cloned().collect();
        lines.reverse();
        let left_out = unseen.saturating_sub(lines.len());
        (lines, left_out)
    }

    /// Copies it to [`LOG`].
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn copy(&self) -> io::Result<()> {
        if let Some(directory) = Path::new(LOG).parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut file = File::create(LOG)?;
        for line in &self.lines {
            writeln!(file, "{line}")?;
        }
        Ok(())
    }
}

/// Time since the kernel started, printed as it prints its own.
pub(super) struct Uptime {
    seconds: i64,
    nanoseconds: i64,
}

impl Uptime {
    pub(super) fn now() -> Uptime {
        let time = rustix::time::clock_gettime(ClockId::Boottime);
        Uptime {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        }
    }
}

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = self.nanoseconds.checked_div(1000).unwrap_or_default();
        write!(f, "[{:5}.{microseconds:06}]", self.seconds)
    }
}

/// Cuts a stream of bytes into lines of bounded length that can be printed on any console.
#[derive(Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes bytes and gives the lines that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => self.end(line),
                byte if self.partial.len() < LINE => self.partial.push(*byte),
                // The rest of an endless line is dropped.
                _ => {}
            }
        }
    }

    /// Gives what is left without an end of line.
    pub(super) fn end(&mut self, line: &mut dyn FnMut(&str)) {
        if !self.partial.is_empty() {
            line(&printable(&String::from_utf8_lossy(&self.partial)));
            self.partial.clear();
        }
    }
}

/// No text of a disk moves a cursor: control characters become spaces.
fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(visible).collect()
}

/// The last lines of the firmware's log, each with `firmware: ` in front; none where it has left none.
pub(super) fn of_firmware(file: &Path) -> impl Iterator<Item = String> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(file) {
        // What was read before an error is better than nothing.
        let _ = file.take(FIRMWARE_SIZE).read_to_end(&mut bytes);
    }
    let mut last = VecDeque::new();
    let mut keep = |line: &str| {
        if last.len() == FIRMWARE_LINES {
            last.pop_front();
        }
        last.push_back(["firmware: ", line].concat());
    };
    let mut lines = Lines::default();
    lines.feed(&bytes, &mut keep);
    lines.end(&mut keep);
    last.into_iter()
}

/// The sink of [`log`] in the loader: standard error, which process 1 reads, and the menu.
struct ToSupervisor(Arc<Desk>);

impl log::Log for ToSupervisor {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Only what the project itself says: the crates below name neither disk nor file.
        metadata.level() <= log::Level::Info && metadata.target().starts_with("pilotlight")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = record.args().to_string();
            eprintln!("{line}");
            let line = format!("{} {}", Uptime::now(), printable(&line));
            self.0.put(Event::Log(line));
        }
    }

    fn flush(&self) {}
}

/// Sends [`log`] to process 1, and to the menu.
pub(super) fn to_supervisor(desk: Arc<Desk>) {
    // The first sink wins; there is no other in this process.
    let _ = log::set_logger(Box::leak(Box::new(ToSupervisor(desk))));
    log::set_max_level(log::LevelFilter::Info);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut result = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.feed(chunk, &mut |line| result.push(line.to_owned()));
        }
        lines.end(&mut |line| result.push(line.to_owned()));
        result
    }

    #[test]
    fn lines_are_whole_whatever_the_chunks() {
        assert_eq!(lines(&[b"one\ntw", b"o\n\nthree"]), ["one", "two", "three"]);
    }

    #[test]
    fn an_endless_line_and_escapes_do_no_harm() {
        assert_eq!(lines(&[&vec![b'x'; LINE * 3]])[0].len(), LINE);
        assert_eq!(lines(&[b"\x1b[2Jtitle\r\n"]), [" [2Jtitle "]);
    }

    #[test]
    fn what_crates_say_to_their_developers_is_not_told() {
        let is_told = |target: &str| {
            let mut metadata = log::Metadata::builder();
            let metadata = metadata.level(log::Level::Warn).target(target).build();
            let sink = ToSupervisor(Arc::new(Desk::new().unwrap()));
            log::Log::enabled(&sink, &metadata)
        };
        assert!(is_told("pilotlight::boot") && !is_told("fatfs::boot_sector"));
    }

    #[test]
    fn the_end_of_the_log_of_the_firmware() {
        let file = std::env::temp_dir().join(format!("pilotlight-log-{}", std::process::id()));
        let text: String = (0..1000).map(|i| format!("[DEBUG]  {i}\r\n")).collect();
        std::fs::write(&file, text + "\x1b[2Jhalf a l\u{c3}").unwrap();
        let shown: Vec<String> = of_firmware(&file).collect();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(shown.len(), FIRMWARE_LINES);
        assert_eq!(shown[0], "firmware: [DEBUG]  601 ");
        assert_eq!(shown[398], "firmware: [DEBUG]  999 ");
        assert_eq!(shown[399], "firmware:  [2Jhalf a l\u{c3}");
        assert_eq!(of_firmware(&file).count(), 0);
    }

    #[test]
    fn memory_forgets_the_oldest() {
        let mut memory = Memory::default();
        for i in 0..1000 {
            memory.push(format!("{i:01024}"));
        }
        assert_eq!(memory.lines.len(), CAPACITY / 1024);
        let last = memory.lines.back().unwrap();
        assert_eq!(last.trim_start_matches('0'), "999");
    }

    #[test]
    fn what_nobody_has_seen_is_given_once() {
        let mut memory = Memory::default();
        memory.push("seen".to_owned());
        for line in ["a", "b"] {
            memory.push(line.to_owned());
            memory.mark_unseen();
        }
        assert_eq!(
            memory.take_unseen(100),
            (vec!["a".to_owned(), "b".to_owned()], 0)
        );
        assert_eq!(memory.take_unseen(100), (Vec::new(), 0));
    }

    #[test]
    fn what_would_take_too_long_is_left_out_and_counted() {
        let mut memory = Memory::default();
        for i in 0..1000 {
            memory.push(format!("{i:01022}"));
            memory.mark_unseen();
        }
        // Most of them are not even kept.
        let (lines, left_out) = memory.take_unseen(2100);
        let ends: Vec<&str> = lines.iter().map(|line| &line[1019..]).collect();
        assert_eq!((&ends[..], left_out), (&["998", "999"][..], 998));
    }

    #[test]
    fn uptime_looks_like_the_kernels() {
        let (seconds, nanoseconds) = (3, 42_000_999);
        let uptime = Uptime {
            seconds,
            nanoseconds,
        };
        assert_eq!(uptime.to_string(), "[    3.042000]");
    }
}
