//! The view of an image for people.

use std::io::{self, Write};

use pilotlight::text::Printable;

use super::view::{FileView, ImageView, PieceView, SectionView, VolumeView};

/// The whole tree.
pub(super) fn image(view: &ImageView, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "image, {} bytes", view.size)?;
    for piece in &view.pieces {
        match piece {
            PieceView::Volume(view) => volume(view, 1, output)?,
            PieceView::Other { offset, size } => {
                writeln!(output, "  {offset:#x}: no volume, {size} bytes")?;
            }
        }
    }
    Ok(())
}

/// The room that volumes with files have, those inside of others behind them.
pub(super) fn volumes(view: &ImageView, output: &mut dyn Write) -> io::Result<()> {
    view.pieces.iter().try_for_each(|piece| match piece {
        PieceView::Volume(view) => volume_tree(view, output),
        PieceView::Other { .. } => Ok(()),
    })
}

fn volume_tree(view: &VolumeView, output: &mut dyn Write) -> io::Result<()> {
    if view.free.is_some() {
        writeln!(output, "volume {}", headline(view))?;
    }
    let sections = view.files.iter().flat_map(|file| &file.sections);
    sections
        .into_iter()
        .try_for_each(|one| section_volumes(one, output))
}

fn section_volumes(view: &SectionView, output: &mut dyn Write) -> io::Result<()> {
    view.volume
        .iter()
        .try_for_each(|inner| volume_tree(inner, output))?;
    view.sections
        .iter()
        .try_for_each(|inner| section_volumes(inner, output))
}

fn headline(view: &VolumeView) -> String {
    let name = view.name.as_deref().unwrap_or("without a name");
    let room = view.free.map(|free| {
        let used = view.size.saturating_sub(free);
        format!(", {used} used, {free} free")
    });
    format!(
        "{name}, {}, {} bytes{}",
        view.filesystem,
        view.size,
        room.unwrap_or_default()
    )
}

fn volume(view: &VolumeView, depth: usize, output: &mut dyn Write) -> io::Result<()> {
    indent(depth, output)?;
    writeln!(output, "{:#x}: volume {}", view.offset, headline(view))?;
    problem(view.problem.as_deref(), depth, output)?;
    let deeper = depth.saturating_add(1);
    view.files
        .iter()
        .try_for_each(|one| file(one, deeper, output))
}

fn file(view: &FileView, depth: usize, output: &mut dyn Write) -> io::Result<()> {
    indent(depth, output)?;
    write!(output, "{:#x}: {} {}", view.offset, view.kind, view.guid)?;
    if let Some(name) = &view.name {
        write!(output, " {}", Printable(name))?;
    }
    let deleted = if view.deleted { ", deleted" } else { "" };
    writeln!(output, ", {} bytes{deleted}", view.size)?;
    problem(view.problem.as_deref(), depth, output)?;
    let deeper = depth.saturating_add(1);
    view.sections
        .iter()
        .try_for_each(|one| section(one, deeper, output))
}

fn section(view: &SectionView, depth: usize, output: &mut dyn Write) -> io::Result<()> {
    indent(depth, output)?;
    write!(output, "{:#x}: {}", view.offset, view.kind)?;
    if let Some(guid) = &view.guid {
        write!(output, " {guid}")?;
    }
    if let Some(packed) = view.packed {
        write!(output, " ({packed})")?;
    }
    writeln!(output, ", {} bytes", view.size)?;
    problem(view.problem.as_deref(), depth, output)?;
    let deeper = depth.saturating_add(1);
    view.volume
        .iter()
        .try_for_each(|inner| volume(inner, deeper, output))?;
    view.sections
        .iter()
        .try_for_each(|inner| section(inner, deeper, output))
}

fn problem(text: Option<&str>, depth: usize, output: &mut dyn Write) -> io::Result<()> {
    let Some(text) = text else {
        return Ok(());
    };
    indent(depth.saturating_add(1), output)?;
    writeln!(output, "! {text}")
}

fn indent(depth: usize, output: &mut dyn Write) -> io::Result<()> {
    write!(output, "{:width$}", "", width = depth.saturating_mul(2))
}
