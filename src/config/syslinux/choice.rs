//! What is started when nobody chooses, and how long somebody may.

use super::command::{Context, Lead, Program};
use super::tree::{Item, Label, Tree};
use crate::config::configuration::{MenuWait, WaitStyle};

/// What is started when nobody chooses.
pub(super) enum Choice<'t> {
    Nothing,
    /// One of the labels.
    Label(&'t Label),
    /// A command that is no label.
    Command(String),
    /// Other configurations, whose menu is shown instead.
    Lead(Lead),
}

/// What is started when nobody chooses, and how long somebody may.
///
/// `in_menu` says that a menu shows this configuration already.
pub(super) fn choose<'t>(context: &Context<'t>, in_menu: bool) -> (Choice<'t>, MenuWait) {
    let tree = context.tree;
    let command = tree.ui.as_deref().or(tree.default.as_deref());
    let command = command.filter(|command| !command.is_empty());
    let command = command.map(|command| (command, context.command(command)));
    let shows = command.as_ref();
    let shows_menu = in_menu || shows.is_some_and(|(_, program)| is_menu(tree, program));
    let wait = wait(tree, shows_menu, command.is_some());
    let choice = match command {
        _ if shows_menu => in_the_menu(context),
        None => marked(tree).map_or(Choice::Nothing, Choice::Label),
        Some((_, Program::Menu(lead))) if !lead.files.is_empty() => Choice::Lead(lead),
        Some((command, _)) => {
            let command = in_time(tree).filter(|_| tree.prompt).unwrap_or(command);
            of_command(context, command)
        }
    };
    (choice, wait)
}

/// What a menu starts: `ontimeout`, the label of `default`, or what is chosen beforehand.
fn in_the_menu<'t>(context: &Context<'t>) -> Choice<'t> {
    let tree = context.tree;
    if let Some(command) = in_time(tree) {
        return of_command(context, command);
    }
    let default = tree.default.as_deref();
    let stated = default.and_then(|default| tree.find(default));
    let stated = stated.map(|(label, _)| label).filter(|label| !label.hidden);
    let label = stated.or_else(|| preselected(tree, tree.start));
    label.map_or(Choice::Nothing, Choice::Label)
}

/// `ontimeout`, where a waiting ends.
fn in_time(tree: &Tree) -> Option<&str> {
    tree.limit().and(tree.ontimeout.as_deref())
}

/// How long somebody may choose (`com32/menu/menumain.c`, `com32/elflink/ldlinux/cli.c`), in a menu, or at a prompt:
/// that is there, too, where nothing is to be started.
fn wait(tree: &Tree, in_menu: bool, starts: bool) -> MenuWait {
    let asks = match in_menu {
        true => !tree.shift_key,
        false => tree.prompt || !starts,
    };
    if !asks {
        return MenuWait {
            stated: true,
            seconds: Some(0),
            style: WaitStyle::Hidden,
        };
    }
    let seconds = tree.limit().map(|tenths| tenths.div_ceil(10));
    let style = match in_menu && tree.hidden && seconds.is_some() {
        true => WaitStyle::Countdown,
        false => WaitStyle::Menu,
    };
    MenuWait {
        stated: tree.timeout.is_some() || seconds.is_some(),
        seconds,
        style,
    }
}

/// Does a command show the menu of the configuration that it is in?
fn is_menu(tree: &Tree, program: &Program) -> bool {
    match program {
        Program::Menu(lead) => lead.files.is_empty(),
        _ => tree.ui.is_some(),
    }
}

/// A command, which may be a label, or do what one does.
fn of_command<'t>(context: &Context<'t>, command: &str) -> Choice<'t> {
    let tree = context.tree;
    if let Some((label, "")) = tree.find(command) {
        return Choice::Label(label);
    }
    let program = context.command(command);
    let mut labels = tree.labels.iter();
    let same = labels.find(|label| !label.hidden && context.label(label, "") == program);
    same.map_or_else(|| Choice::Command(command.to_owned()), Choice::Label)
}

/// The label that `menu default` marks, where nothing else says what is started.
fn marked(tree: &Tree) -> Option<&Label> {
    tree.labels
        .iter()
        .rfind(|label| label.default && !label.hidden)
}

/// What is chosen beforehand in a menu: what `menu default` says, or the first that can be chosen.
fn preselected(tree: &Tree, menu: usize) -> Option<&Label> {
    // Menus in each other have rising numbers.
    let found = tree.menus.get(menu)?;
    let stated = found.default.and_then(|item| found.items.get(item));
    let stated = stated.and_then(|item| startable(tree, menu, *item));
    stated.or_else(|| {
        let mut items = found.items.iter();
        items.find_map(|item| startable(tree, menu, *item))
    })
}

fn startable(tree: &Tree, outer: usize, item: Item) -> Option<&Label> {
    match item {
        Item::Menu(inner) if inner > outer => preselected(tree, inner),
        Item::Menu(_) => None,
        Item::Label(label) => {
            let label = tree.labels.get(label);
            label.filter(|label| !label.disabled && !label.navigates)
        }
    }
}
