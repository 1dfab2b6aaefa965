//! The report of a boot: what happened on the way to a system, each event as one line of JSON.
//!
//! [`Event`] is what may happen, [`line`] writes it, and [`document`] puts lines together for the system that is
//! started. `docs/report.md` is the schema; keys are only ever added.

mod event;
mod line;
mod text;

pub use event::{Event, Times};
pub use line::{LONGEST, document, line};
pub use text::Text;
