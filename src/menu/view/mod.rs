//! The view: what a terminal of some size shows of a [`Model`]. It decides nothing and remembers nothing.
//!
//! A list goes on page by page and not row by row, so that a slow line has little to draw when the choice moves.

mod edit;
mod typed;

use std::ops::Range;

use super::command;
use super::glyph::{Charset, wrap};
use super::listing::Item;
use super::model::{Model, Page as Over, Row, Text};
use super::progress::Progress;
use super::reader::{Page, Reader};
use super::screen::{Screen, Size, Style};
pub use typed::{Typed, typed};

/// From so many rows on there is room for a frame around what is shown.
const FRAMED: usize = 10;

/// Keys in what is read.
const READING: &str = "Space on  b back  Home  End  Escape leave";

/// One more in details.
const PROVING: &str = "v signatures  ";

/// The rows between title and footer.
pub(super) fn body(size: Size) -> Range<usize> {
    match size.rows {
        rows if rows >= FRAMED => 2..rows.saturating_sub(4),
        rows @ 3.. => 1..rows.saturating_sub(1),
        rows => 0..rows,
    }
}

/// What a terminal shows of a text.
pub(super) fn page(size: Size, charset: Charset) -> Page {
    Page {
        width: size.width(),
        rows: body(size).len(),
        charset,
    }
}

/// What is shown below: of the place where something is, of what happened, and of keys.
struct Footer {
    status: String,
    message: String,
    hints: String,
    /// The cursor stands behind the message.
    typing: bool,
}

/// What a terminal of this size shows.
pub fn screen(model: &Model, size: Size, charset: Charset) -> Screen {
    let mut screen = Screen::blank(size, charset);
    let body = body(size);
    let mut footer = Footer {
        status: String::new(),
        message: message(model, |left| format!("in {left:>2} s")),
        hints: String::new(),
        typing: false,
    };
    let mut title = title(model);
    match &model.page {
        None => {
            let whole = title.clone() + &list(model, &mut screen, &mut footer);
            // Half a number would be another one.
            if wrap(&whole, size.width(), charset).len() <= 1 {
                title = whole;
            }
        }
        Some(Over::Details(details)) => {
            read(&details.lines, details.at, &mut screen, &mut footer);
            footer.hints.insert_str(0, PROVING);
            if let Some(proving) = &details.proving {
                let text = proving.text().unwrap_or_default();
                footer.message = format!("Looking at signatures: {text}");
            }
        }
        Some(Over::Text(reading)) => {
            read(
                &model.text(reading.text),
                reading.at,
                &mut screen,
                &mut footer,
            );
        }
        Some(Over::Edit(editing)) => {
            edit::draw(editing, &mut screen);
            footer.status = reason(model.blocked(&editing.item)).unwrap_or_default();
            footer.hints =
                "Enter start  Escape leave  Ctrl-Z undo  Ctrl-R as it was  Up, Down history".into();
        }
        Some(Over::Initrds(initrds)) => {
            let rows = initrds.choices.iter().map(|(initrd, chosen)| {
                let mark = if *chosen { 'x' } else { ' ' };
                (mark, initrd.file.path.to_string())
            });
            rows_of(&mut screen, rows, initrds.choices.len(), initrds.chosen);
            footer.hints = "Space choose or not  Enter done  Escape leave".into();
        }
        Some(Over::Password(prompt)) => {
            let text = prompt_text(model, prompt.checking, |left| format!("in {left} s"));
            let dots = "*".repeat(prompt.line.text().chars().count());
            let end = screen.write(body.start, 0, &(text + &dots), Style::Plain);
            screen.cursor = (body.start, end);
            footer.hints = "Enter done  Escape leave".into();
        }
        Some(Over::Progress(progress)) => bar(progress, &mut screen),
    }
    if size.rows >= 3 {
        screen.write(0, 0, &title, Style::Bold);
        foot(&mut screen, &footer);
    }
    screen
}

fn foot(screen: &mut Screen, footer: &Footer) {
    let Size { rows, .. } = screen.size();
    let row = |from_end| rows.saturating_sub(from_end);
    let message = footer.message.as_str();
    let mut last = (row(1), message);
    if rows >= FRAMED {
        for rule in [1, row(4)] {
            screen.fill(rule, 0, screen.charset().rule(), Style::Plain);
        }
        let width = screen.size().width();
        screen.write(row(1), 0, fitting(&footer.hints, width), Style::Plain);
        // What happened may take both rows: where something is can be seen afterwards, and takes them itself
        // when nothing has happened.
        let long = if message.is_empty() {
            &footer.status
        } else {
            message
        };
        let starts = wrap(long, width, screen.charset());
        let (status, rest) = match starts.get(1) {
            Some(second) => long.split_at_checked(*second).unwrap_or((long, "")),
            None => (footer.status.as_str(), message),
        };
        screen.write(row(3), 0, status, Style::Plain);
        last = (row(2), rest);
    } else if message.is_empty() {
        last.1 = &footer.status;
    }
    let end = screen.write(last.0, 0, last.1, Style::Plain);
    if footer.typing {
        screen.cursor = (last.0, end);
    }
}

/// As many hints as there is room for.
fn fitting(hints: &str, width: usize) -> &str {
    match hints.get(..width) {
        Some(start) => start.rsplit_once("  ").map_or(start, |(whole, _)| whole),
        None => hints,
    }
}

fn title(model: &Model) -> String {
    let chosen = |word: &str| match model.chosen() {
        Some((_, item)) => format!("{word}: {}", item.title),
        None => word.to_owned(),
    };
    let own = match &model.page {
        None => {
            let mut title = model.title.clone();
            for menu in &model.level().path {
                title.push_str(" > ");
                title.push_str(menu);
            }
            return title;
        }
        Some(Over::Details(_)) => chosen("Details"),
        Some(Over::Text(reading)) => match reading.text {
            Text::Log => "Log",
            Text::Disks => "Disks and volumes",
            Text::Notes => "Found, and can't be booted",
            Text::About => "About",
            Text::Help => "Help",
        }
        .to_owned(),
        Some(Over::Edit(editing)) => format!("Edit: {}", editing.item.title),
        Some(Over::Initrds(_)) => chosen("Initrds"),
        Some(Over::Password(_)) => "This needs the password".to_owned(),
        Some(Over::Progress(progress)) => format!("Starting {}", progress.title),
    };
    format!("{}: {own}", model.title)
}

/// What happened, and what will.
fn message(model: &Model, when: impl Fn(u64) -> String) -> String {
    match (&model.message, countdown(model, when)) {
        (Some(message), Some(countdown)) => format!("{message}. {countdown}"),
        (Some(message), None) => message.clone(),
        (None, countdown) => countdown.unwrap_or_default(),
    }
}

/// What is started when nobody presses a key. What comes first is the least that has to be seen.
fn countdown(model: &Model, when: impl Fn(u64) -> String) -> Option<String> {
    let doubted = model.countdown.is_doubted();
    let stop = match doubted {
        true => format!("Type {} to stay.", Model::proof()),
        false => "Any key stops this.".to_owned(),
    };
    let Some(left) = model.countdown.left(model.now) else {
        return doubted.then_some(stop);
    };
    Some(match model.automatic() {
        Some(item) => format!(
            "Starting {}: {}, from {}. {stop}",
            when(left),
            item.title,
            item.place
        ),
        None => match &model.listing.ending {
            Some(ending) => format!("No other entry is tried: {ending} {}. {stop}", when(left)),
            None if doubted => stop,
            None => "Waiting for something that can be started".to_owned(),
        },
    })
}

fn prompt_text(model: &Model, checking: bool, when: impl Fn(u64) -> String) -> String {
    match model.guard.pause(model.now) {
        _ if checking => "Checking".to_owned(),
        0 => "Password: ".to_owned(),
        left => format!("The next password is taken {}", when(left)),
    }
}

/// What a row says of an item besides its title.
fn mark(model: &Model, item: &Item) -> char {
    match item {
        _ if model.blocked(item).is_some() => '!',
        _ if model.is_drafted(item) => '+',
        _ if item.default => '*',
        _ => ' ',
    }
}

/// The mark and the text of a row.
fn row_text(model: &Model, row: &Row) -> (char, String) {
    let key = model.key_of(row).map(|key| format!(" [{key}]"));
    let key = key.unwrap_or_default();
    match row {
        Row::Menu(title, _) => (' ', format!("{title}{key} >")),
        Row::Item(i) => match model.listing.items.get(*i) {
            Some(item) => (mark(model, item), item.title.clone() + &key),
            None => (' ', String::new()),
        },
    }
}

/// Why something can't be started, in a line.
fn reason(blocked: Option<&str>) -> Option<String> {
    blocked.map(|reason| format!("can't be booted: {reason}"))
}

/// What is said of what is chosen.
fn status(model: &Model) -> String {
    match model.chosen() {
        Some((_, item)) => reason(model.blocked(item)).unwrap_or_else(|| item.place.clone()),
        None if model.rows().is_empty() => {
            "nothing here: n tells what was found, r looks again".into()
        }
        None => "a menu of its own".to_owned(),
    }
}

/// Shows the menu; what goes behind its title says which part of it is seen, where that is not all.
fn list(model: &Model, screen: &mut Screen, footer: &mut Footer) -> String {
    let rows = model.rows();
    let texts = rows.iter().map(|row| row_text(model, row));
    rows_of(screen, texts, rows.len(), model.level().chosen);
    footer.status = status(model);
    footer.hints = command::hints(&model.permissions);
    if let Some(query) = model.level().query() {
        if model.level().is_typing() {
            footer.typing = true;
            footer.hints = "Enter done  Escape leave  Up, Down choose".to_owned();
        }
        footer.message = format!("Search: {query}");
    }
    let length = body(screen.size()).len();
    if rows.len() <= length {
        return String::new();
    }
    let first = first_of_page(model.level().chosen, length);
    let last = first.saturating_add(length).min(rows.len());
    format!(", {}-{last}/{}", first.saturating_add(1), rows.len())
}

/// Shows the page of a list that what is chosen is on, and puts the cursor there.
fn rows_of(
    screen: &mut Screen,
    rows: impl Iterator<Item = (char, String)>,
    count: usize,
    chosen: usize,
) {
    let body = body(screen.size());
    let first = first_of_page(chosen, body.len());
    let digits = count.to_string().len();
    let shown = rows.enumerate().skip(first).zip(body.clone());
    for ((index, (mark, text)), row) in shown {
        let is_chosen = index == chosen;
        let (sign, style) = match is_chosen {
            true => ('>', Style::Reverse),
            false => (' ', Style::Plain),
        };
        let number = index.saturating_add(1);
        let end = screen.write(row, 0, &format!("{sign}{number:>digits$}"), style);
        screen.write(row, end, &format!(" {mark} {text}"), Style::Plain);
        if is_chosen {
            screen.cursor = (row, 0);
        }
    }
}

/// The first row of the page that a row is on.
fn first_of_page(row: usize, rows: usize) -> usize {
    let page = row.checked_div(rows).unwrap_or(0);
    page.saturating_mul(rows)
}

fn read(lines: &[String], at: Reader, screen: &mut Screen, footer: &mut Footer) {
    let size = screen.size();
    let page = page(size, screen.charset());
    for (text, row) in at.rows(lines, page).into_iter().zip(body(size)) {
        screen.write(row, 0, text, Style::Plain);
    }
    let end = if at.has_more(lines, page) {
        "more below"
    } else {
        "end"
    };
    footer.status = if lines.is_empty() { "nothing" } else { end }.to_owned();
    footer.hints = READING.to_owned();
}

fn bar(progress: &Progress, screen: &mut Screen) {
    let body = body(screen.size());
    let width = screen.size().width().saturating_sub(2);
    let text = progress.text().unwrap_or_else(|| "Opening".to_owned());
    let full = progress.parts(width).unwrap_or(0);
    let empty = width.saturating_sub(full);
    let bar = format!("[{}{}]", "#".repeat(full), "-".repeat(empty));
    let lines = [&progress.title, &progress.place, &bar, &text];
    // The least rows have the last lines.
    let skipped = lines.len().saturating_sub(body.len());
    for (line, row) in lines.into_iter().skip(skipped).zip(body) {
        screen.write(row, 0, line, Style::Plain);
    }
}
