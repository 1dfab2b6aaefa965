//! `pilotlight inspect`: disks, partitions and volumes as a tree.

use std::io::{self, Write};

use crate::config::{Found, discover};
use crate::disk::{PartitionKind, Volume};
use crate::entry::VolumeId;
use crate::inventory::{Inventory, ScannedDisk};
use crate::size::Size;
use crate::text::Printable;

pub(super) fn run(inventory: &Inventory, output: &mut dyn Write) -> io::Result<()> {
    let found = discover(inventory);
    for (index, scanned) in inventory.disks().iter().enumerate() {
        disk(scanned, output)?;
        for (id, volume) in inventory.volumes_of(index) {
            describe(volume, output)?;
            contents(inventory, &found, id, output)?;
        }
    }
    Ok(())
}

fn disk(scanned: &ScannedDisk, output: &mut dyn Write) -> io::Result<()> {
    let disk = &scanned.disk;
    let path = disk.path.display().to_string();
    write!(output, "{}  {}", Printable(&path), Size(disk.source.size()))?;
    if let Some(table) = scanned.layout.table {
        write!(output, ", {table}")?;
    }
    write!(output, ", sectors of {}", scanned.layout.sector_size)?;
    let hardware = &disk.hardware;
    if let Some(transport) = hardware.transport {
        write!(output, ", {transport}")?;
    }
    for text in [&hardware.model, &hardware.serial].into_iter().flatten() {
        write!(output, ", {}", Printable(text))?;
    }
    for (is, word) in [
        (hardware.removable, "removable"),
        (hardware.read_only, "read-only"),
    ] {
        if is {
            write!(output, ", {word}")?;
        }
    }
    writeln!(output)?;
    for problem in &scanned.layout.problems {
        writeln!(output, "  ! {}", Printable(problem))?;
    }
    Ok(())
}

fn describe(volume: &Volume, output: &mut dyn Write) -> io::Result<()> {
    if let Some(names) = &volume.assembled {
        write!(output, "  {}", Printable(&names.name))?;
    }
    match &volume.partition {
        None if volume.assembled.is_some() => {}
        None => write!(output, "  whole disk")?,
        Some(partition) => {
            let space = if volume.assembled.is_some() { "" } else { " " };
            write!(output, " {space}partition {}", partition.number)?;
            let kind = match &partition.kind {
                _ if partition.is_esp() => "EFI system partition".to_owned(),
                _ if partition.is_xbootldr() => "extended boot loader partition".to_owned(),
                PartitionKind::Gpt(guid) => format!("type {guid}"),
                PartitionKind::Mbr(byte) => format!("type 0x{byte:02x}"),
            };
            write!(output, ", {kind}")?;
            if let Some(name) = &partition.name {
                write!(output, ", named {}", Printable(name))?;
            }
        }
    }
    writeln!(
        output,
        ", {} from byte {}",
        Size(volume.size),
        volume.offset
    )?;
    let content = &volume.content;
    match content.format {
        None => write!(output, "    nothing that is known")?,
        Some(format) => write!(output, "    {format}")?,
    }
    if let Some(uuid) = &content.uuid {
        write!(output, ", UUID {}", Printable(uuid))?;
    }
    if let Some(label) = &content.label {
        write!(output, ", label {}", Printable(label))?;
    }
    writeln!(output)?;
    for problem in &volume.problems {
        writeln!(output, "    ! {}", Printable(problem))?;
    }
    Ok(())
}

fn contents(
    inventory: &Inventory,
    found: &Found,
    id: VolumeId,
    output: &mut dyn Write,
) -> io::Result<()> {
    for problem in found.problems_of(id) {
        writeln!(output, "    ! {}", Printable(problem))?;
    }
    let mut has_entries = false;
    for entry in &found.entries {
        let mut origins = std::iter::once(&entry.origin).chain(&entry.also_at);
        let Some(origin) = origins.find(|origin| origin.file.volume == id) else {
            continue;
        };
        has_entries = true;
        let path = &origin.file.path;
        writeln!(
            output,
            "    {}: {}",
            Printable(path.as_str()),
            Printable(&entry.title)
        )?;
        for problem in &entry.problems {
            writeln!(output, "      ! {}", Printable(&problem.text))?;
        }
    }
    let readable = inventory.filesystem(id).is_ok();
    if readable && !has_entries {
        writeln!(output, "    no boot configuration")?;
    }
    Ok(())
}
