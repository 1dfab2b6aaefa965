//! `probe`: questions about a device.

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, Failure, Outcome, UNKNOWN_FS, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::disk::Format;

pub(super) const TABLE: Table = &[("probe", probe)];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 7] = [
    option('s', "set", Value::Required),
    option('d', "driver", Value::None),
    option('p', "partmap", Value::None),
    option('f', "fs", Value::None),
    option('u', "fs-uuid", Value::None),
    option('l', "label", Value::None),
    option('\0', "part-uuid", Value::None),
];

fn probe(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let Some(name) = given.arguments.first() else {
        return fail(BAD_ARGUMENT, "device name required");
    };
    let inside = name.strip_prefix('(').and_then(|n| n.strip_suffix(')'));
    let volume = state.devices.find(inside.unwrap_or(name))?;
    let content = volume.and_then(|id| state.devices.content(id)).cloned();
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let value = if given.has("driver") {
        let driver = match volume {
            Some(id) if state.devices.is_image(id) => "loopback",
            _ if name.contains("cd") => "cdrom",
            _ => state.platform.disk_driver(),
        };
        driver.to_owned()
    } else if given.has("partmap") {
        let is_part = name.contains(',');
        let table = volume.and_then(|id| state.devices.partition_table(id));
        text(table.filter(|_| is_part).map(str::to_owned))
    } else if given.has("part-uuid") {
        let uuid = volume.and_then(|id| state.devices.partition_uuid(id));
        text(uuid.map(str::to_owned))
    } else {
        let content = content.ok_or_else(|| Failure::new(UNKNOWN_FS, "unknown filesystem"))?;
        if given.has("fs") {
            text(content.format.map(|format| name_of(format).to_owned()))
        } else if given.has("fs-uuid") {
            text(content.uuid)
        } else if given.has("label") {
            text(content.label)
        } else {
            return fail(BAD_ARGUMENT, "unrecognised target");
        }
    };
    match given.value("set") {
        Some(variable) => state.variables.set(variable, value),
        None => state.print(&value),
    }
    Ok(())
}

/// GRUB's name of a filesystem.
fn name_of(format: Format) -> &'static str {
    match format {
        Format::Fat => "fat",
        Format::Ext2 | Format::Ext3 | Format::Ext4 => "ext2",
        other => other.name(),
    }
}
