//! [`Typed`]: the menu on a terminal that can only type lines one after the other.

use super::{body, first_of_page, message, prompt_text, reason, row_text, status, title};
use crate::menu::command;
use crate::menu::glyph::Charset;
use crate::menu::model::{Model, Page as Over};
use crate::menu::screen::Size;

/// What there is to be typed. Each part is typed again when it is another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The list, or the text; `None` while something is entered, which must not be torn apart.
    pub(in crate::menu) block: Option<Vec<String>>,
    /// What is chosen.
    pub(in crate::menu) status: String,
    /// What happened.
    pub(in crate::menu) message: String,
    /// What is asked for,
    pub(in crate::menu) prompt: String,
    /// and what was answered so far.
    pub(in crate::menu) input: String,
}

/// What a terminal that types lines shows.
pub fn typed(model: &Model, size: Size, charset: Charset) -> Typed {
    let when = |left| format!("within {} s", coarse(left));
    let mut typed = Typed {
        message: message(model, when),
        ..Typed::default()
    };
    let mut lines = vec![title(model)];
    match &model.page {
        None if model.level().is_typing() => {
            typed.prompt = "search: ".to_owned();
            typed.input = model.level().query().unwrap_or_default();
            return typed;
        }
        None => {
            list(model, size, &mut lines);
            let chosen = model
                .rows()
                .get(model.level().chosen)
                .map(|row| row_text(model, row));
            let number = model.level().chosen.saturating_add(1);
            let status = status(model);
            typed.status = match chosen {
                Some((_, text)) => format!("> {number} {text} ({status})"),
                None => status,
            };
        }
        Some(Over::Details(details)) => {
            let page = super::page(size, charset);
            lines.extend(
                details
                    .at
                    .rows(&details.lines, page)
                    .into_iter()
                    .map(str::to_owned),
            );
            lines.push(super::PROVING.to_owned() + super::READING);
            if let Some(proving) = &details.proving {
                typed.message = format!("Looking at signatures: {}", proving.told());
            }
        }
        Some(Over::Text(reading)) => {
            let page = super::page(size, charset);
            let text = model.text(reading.text);
            lines.extend(reading.at.rows(&text, page).into_iter().map(str::to_owned));
            lines.push(super::READING.to_owned());
        }
        Some(Over::Edit(editing)) => {
            lines.extend(reason(model.blocked(&editing.item)));
            lines.push(editing.item.cmdline.clone());
            typed.prompt = "options: ".to_owned();
            // The cursor stands at the end of a line: what is behind it has a line of its own.
            typed.input = editing.line.before();
            let text = editing.line.text();
            let behind = text.get(typed.input.len()..).unwrap_or_default();
            if !behind.is_empty() {
                typed.status = format!("behind the cursor: {behind}");
            }
        }
        Some(Over::Initrds(initrds)) => {
            lines.push("Space choose or not, Enter done, Escape leave".to_owned());
            for (i, (initrd, is)) in initrds.choices.iter().enumerate() {
                let sign = if i == initrds.chosen { '>' } else { ' ' };
                let mark = if *is { 'x' } else { ' ' };
                lines.push(format!(
                    "{sign}{} {mark} {}",
                    i.saturating_add(1),
                    initrd.file.path
                ));
            }
        }
        Some(Over::Password(prompt)) => {
            typed.prompt = prompt_text(model, prompt.checking, when);
            typed.input = "*".repeat(prompt.line.text().chars().count());
        }
        Some(Over::Progress(progress)) => {
            lines.push(progress.place.clone());
            progress.told().clone_into(&mut typed.status);
        }
    }
    typed.block = Some(lines);
    typed
}

fn list(model: &Model, size: Size, lines: &mut Vec<String>) {
    let rows = model.rows();
    let length = body(size).len();
    let first = first_of_page(model.level().chosen, length);
    for (i, row) in rows.iter().enumerate().skip(first).take(length) {
        let (mark, text) = row_text(model, row);
        lines.push(format!("{:>3} {mark} {text}", i.saturating_add(1)));
    }
    if rows.len() > length {
        lines.push(format!(
            "{} in all: PageDown or a number shows others",
            rows.len()
        ));
    }
    lines.push("number choose  ".to_owned() + &command::hints(&model.permissions));
}

/// Seconds in steps: a line for each of them would be too many.
fn coarse(left: u64) -> u64 {
    match left {
        0..=5 => 5,
        6..=10 => 10,
        _ => left.div_ceil(10).saturating_mul(10),
    }
}
