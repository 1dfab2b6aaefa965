//! The command line that is edited, and what was changed in it.

use super::body;
use crate::menu::difference::{Change, difference};
use crate::menu::glyph::Glyph;
use crate::menu::model::Editing;
use crate::menu::screen::{Screen, Style};

/// Draws the line over as many rows as it takes, with those around the cursor if there are too few, and below it
/// what is another than before.
pub(super) fn draw(editing: &Editing, screen: &mut Screen) {
    let body = body(screen.size());
    let text = editing.line.text();
    let (rows, cursor) = rows(&text, editing.line.before().len(), screen);
    let changes = changes(&editing.item.cmdline, &text);
    let below = match changes.len() {
        0 => 0,
        count => count.saturating_add(1).min(body.len() / 3),
    };
    let shown = body.len().saturating_sub(below).max(1);
    let first = cursor.0.saturating_sub(shown.saturating_sub(1));
    for (row, at) in rows.iter().skip(first).take(shown).zip(body.clone()) {
        screen.write(at, 0, row, Style::Plain);
    }
    let row = cursor.0.saturating_sub(first).saturating_add(body.start);
    screen.cursor = (row, cursor.1);
    let used = rows.len().min(shown).saturating_add(body.start);
    let free = used.saturating_add(1)..body.end;
    for (change, row) in changes.iter().zip(free) {
        screen.write(row, 0, change, Style::Bold);
    }
}

/// The text cut into rows, and the row and column of the byte that the cursor is at.
fn rows(text: &str, cursor: usize, screen: &Screen) -> (Vec<String>, (usize, usize)) {
    // One column is for the cursor behind a full row.
    let width = screen.size().width().saturating_sub(1).max(2);
    let mut rows = vec![String::new()];
    let (mut used, mut place) = (0_usize, None);
    for (byte, c) in text.char_indices() {
        let glyph = Glyph::of(c, screen.charset());
        if used.saturating_add(glyph.width()) > width {
            rows.push(String::new());
            used = 0;
        }
        if byte == cursor {
            place = Some((rows.len().saturating_sub(1), used));
        }
        if let Some(row) = rows.last_mut() {
            row.push(glyph.character);
        }
        used = used.saturating_add(glyph.width());
    }
    let end = (rows.len().saturating_sub(1), used);
    (rows, place.unwrap_or(end))
}

/// What was changed, word by word.
fn changes(old: &str, new: &str) -> Vec<String> {
    let Some(changes) = difference(old, new) else {
        return vec!["(too long to be compared)".to_owned()];
    };
    let sign = |change| match change {
        Change::Removed => "- ",
        Change::Added => "+ ",
    };
    let changes = changes.into_iter();
    changes
        .map(|(change, word)| sign(change).to_owned() + word)
        .collect()
}
