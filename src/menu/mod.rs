//! The menu: one model, shown on any number of terminals at once.
//!
//! [`Model`] takes events and gives wishes, [`view`] makes of it what a terminal of some size shows, and
//! [`Terminal`] brings that there in the fewest bytes and reads keys. [`Menu`] puts them together for whoever
//! drives it from a loop with `poll`. None of them waits, sleeps or reads a disk.

mod command;
mod countdown;
mod difference;
mod driver;
mod event;
mod glyph;
mod guard;
mod key;
mod keys;
mod line;
mod listing;
mod model;
mod painter;
mod permissions;
mod progress;
mod reader;
mod screen;
mod terminal;
#[cfg(test)]
mod tests;
mod tty;
mod typewriter;
pub mod view;

pub use driver::Menu;
pub use event::{Choice, Event, Wish};
pub use glyph::Charset;
pub use key::{Input, Key};
pub use keys::Keys;
pub use listing::{Field, Item, Listing, describe};
pub use model::Model;
pub use painter::Painter;
pub use permissions::{Access, Permissions, Timeout};
pub use screen::{Cell, Screen, Size, Style};
pub use terminal::{Kind, Port, Terminal};
pub use tty::Tty;
