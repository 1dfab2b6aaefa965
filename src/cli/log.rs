//! The sink of `log` on a workstation: standard error.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

struct ToPerson;

impl Log for ToPerson {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Only what the project itself says; the crates below speak to their developers.
        metadata.target().starts_with("pilotlight")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let prefix = if record.level() == Level::Warn {
                "warning: "
            } else {
                ""
            };
            let _ = writeln!(std::io::stderr(), "{prefix}{}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Shows warnings only.
pub(super) fn warnings() {
    install(LevelFilter::Warn);
}

/// Shows what is done as well.
pub(super) fn everything() {
    install(LevelFilter::Info);
}

fn install(level: LevelFilter) {
    // A process has one sink, and this is the only one that a command installs.
    let _ = log::set_logger(&ToPerson);
    log::set_max_level(level);
}
