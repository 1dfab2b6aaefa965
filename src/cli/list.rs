//! `pilotlight list`: what can be booted.

use std::io::{self, Write};

use super::{CliError, json};
use crate::boot::{unmet, wished};
use crate::config::{Found, discover};
use crate::entry::BootEntry;
use crate::inventory::Inventory;
use crate::text::Printable;

pub(super) fn run(
    inventory: &Inventory,
    as_json: bool,
    output: &mut dyn Write,
) -> Result<(), CliError> {
    let found = discover(inventory);
    if as_json {
        let view = json::view(inventory, &found);
        serde_json::to_writer_pretty(&mut *output, &view).map_err(io::Error::from)?;
        writeln!(output)?;
    } else {
        table(inventory, &found, output)?;
        waits(inventory, &found, output)?;
        wishes(&found, output)?;
        notes(inventory, &found, output)?;
    }
    if found.entries.iter().any(BootEntry::bootable) {
        return Ok(());
    }
    output.flush()?;
    Err(CliError::Nothing(
        "nothing here can be booted: `pilotlight inspect` shows what was looked at".to_owned(),
    ))
}

fn table(inventory: &Inventory, found: &Found, output: &mut dyn Write) -> io::Result<()> {
    for entry in &found.entries {
        let mark = match (entry.bootable(), entry.default) {
            (false, _) => '!',
            (true, true) => '*',
            (true, false) => ' ',
        };
        writeln!(output, "{mark} {}", Printable(&entry.title))?;
        writeln!(output, "    id       {}", Printable(&entry.id))?;
        if !entry.submenu.is_empty() {
            let menus = entry.submenu.join(" > ");
            writeln!(output, "    menu     {}", Printable(&menus))?;
        }
        let origins = std::iter::once(("from", &entry.origin));
        for (word, origin) in origins.chain(entry.also_at.iter().map(|origin| ("also", origin))) {
            let place = inventory.describe(&origin.file).to_string();
            let line = origin.line.map(|line| format!(", line {line}"));
            let line = line.unwrap_or_default();
            writeln!(output, "    {word}     {}{line}", Printable(&place))?;
        }
        if let Some(kernel) = &entry.kernel {
            writeln!(output, "    kernel   {}", Printable(kernel.path.as_str()))?;
        }
        for initrd in &entry.initrd {
            let path = Printable(initrd.file.path.as_str());
            match &initrd.name {
                Some(name) => writeln!(output, "    initrd   {path} as {}", Printable(name))?,
                None => writeln!(output, "    initrd   {path}")?,
            }
        }
        if !entry.cmdline.is_empty() {
            writeln!(output, "    options  {}", Printable(&entry.cmdline))?;
        }
        if let Some(left) = entry.tries_left {
            let done = entry.tries_done.unwrap_or(0);
            writeln!(output, "    tries    {left} left, {done} done")?;
        }
        for problem in &entry.problems {
            let word = if problem.blocks {
                "can't be booted"
            } else {
                "note"
            };
            writeln!(output, "    {word}: {}", Printable(&problem.text))?;
        }
    }
    Ok(())
}

/// What a configuration would do before and instead of its default.
fn waits(inventory: &Inventory, found: &Found, output: &mut dyn Write) -> io::Result<()> {
    for configuration in &found.configurations {
        let mut parts = Vec::new();
        let wait = configuration.wait;
        match wait.seconds {
            Some(0) => {}
            Some(seconds) => parts.push(format!("waits {seconds} s ({})", wait.style.name())),
            None if wait.stated => parts.push("waits for somebody".to_owned()),
            None => {}
        }
        let fallback = configuration.fallback(&found.entries);
        let fallback: Vec<&str> = fallback.map(|entry| entry.id.as_str()).collect();
        if !fallback.is_empty() {
            parts.push(format!("falls back to {}", fallback.join(", ")));
        }
        if !parts.is_empty() && !configuration.is_empty() {
            let file = inventory.describe(&configuration.file).to_string();
            let parts = parts.join(", ");
            writeln!(output, "{}: {}", Printable(&file), Printable(&parts))?;
        }
    }
    Ok(())
}

/// What UEFI variables want instead.
fn wishes(found: &Found, output: &mut dyn Write) -> io::Result<()> {
    for (_, entry) in wished(found, BootEntry::bootable) {
        let id = Printable(&entry.id);
        writeln!(output, "UEFI variables choose {id} before all others")?;
    }
    for text in unmet(found) {
        writeln!(output, "{}", Printable(&text))?;
    }
    Ok(())
}

/// What was found and not used, or used in spite of damage.
fn notes(inventory: &Inventory, found: &Found, output: &mut dyn Write) -> io::Result<()> {
    for (index, scanned) in inventory.disks().iter().enumerate() {
        let path = scanned.disk.path.display().to_string();
        for problem in &scanned.layout.problems {
            writeln!(output, "{}: {}", Printable(&path), Printable(problem))?;
        }
        for (id, volume) in inventory.volumes_of(index) {
            let place = inventory.place(id).to_string();
            for problem in volume.problems.iter().chain(found.problems_of(id)) {
                writeln!(output, "{}: {}", Printable(&place), Printable(problem))?;
            }
        }
    }
    Ok(())
}
