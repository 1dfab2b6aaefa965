//! The log of a boot: lines with the time since the kernel started.

use std::collections::VecDeque;
use std::fmt;

use rustix::time::ClockId;

/// Bytes of lines that are kept; the oldest go first.
const CAPACITY: usize = 256 * 1024;

/// Bytes of one line that are kept.
const LINE: usize = 4096;

/// What is kept of the log in the memory of process 1, whatever happens to the loader.
#[derive(Default)]
pub(super) struct Memory {
    lines: VecDeque<String>,
    bytes: usize,
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

    /// The lines, oldest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
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

/// The sink of [`log`] in the loader: standard error, which process 1 reads.
struct ToSupervisor;

impl log::Log for ToSupervisor {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Only what the project itself says: the crates below name neither disk nor file.
        metadata.level() <= log::Level::Info && metadata.target().starts_with("pilotlight")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Sends [`log`] to process 1.
pub(super) fn to_supervisor() {
    // The first sink wins; there is no other in this process.
    let _ = log::set_logger(&ToSupervisor);
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
            log::Log::enabled(&ToSupervisor, &metadata)
        };
        assert!(is_told("pilotlight::boot") && !is_told("fatfs::boot_sector"));
    }

    #[test]
    fn memory_forgets_the_oldest() {
        let mut memory = Memory::default();
        for i in 0..1000 {
            memory.push(format!("{i:01024}"));
        }
        assert_eq!(memory.lines().count(), CAPACITY / 1024);
        assert_eq!(
            memory.lines().last().unwrap().trim_start_matches('0'),
            "999"
        );
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
