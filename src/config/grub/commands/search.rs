//! `search`: finding a device by a UUID, a label or a file (`grub-core/commands/search.c`), with the options
//! that Fedora (`--root-dev-only`) and Flatcar (`--part-uuid`, `--part-label`) add.

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, FILE_NOT_FOUND, INVALID_COMMAND, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::config::grub::platform::Platform;

pub(super) const TABLE: Table = &[
    ("search", search),
    ("search.file", search_directly),
    ("search.fs_label", search_directly),
    ("search.fs_uuid", search_directly),
    ("search.label", search_directly),
    ("search.part_uuid", search_directly),
];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 18] = [
    option('f', "file", Value::None),
    option('l', "label", Value::None),
    option('\0', "fs-label", Value::None),
    option('u', "fs-uuid", Value::None),
    option('s', "set", Value::Optional),
    option('n', "no-floppy", Value::None),
    option('h', "hint", Value::Required),
    option('\0', "hint-ieee1275", Value::Required),
    option('\0', "hint-bios", Value::Required),
    option('\0', "hint-baremetal", Value::Required),
    option('\0', "hint-efi", Value::Required),
    option('\0', "hint-arc", Value::Required),
    option('\0', "root-dev-only", Value::None),
    option('\0', "part-uuid", Value::None),
    option('\0', "part-label", Value::None),
    // Of later versions.
    option('\0', "efidisk-only", Value::None),
    option('\0', "diskfilter", Value::None),
    option('\0', "cryptodisk-only", Value::None),
];

/// What it costs to look at a device, in bytes that are put together: a group may have thousands of volumes.
const DEVICE: usize = 16;

#[derive(Clone, Copy)]
enum By {
    File,
    Label,
    Uuid,
    PartitionUuid,
    PartitionLabel,
}

/// What is looked for.
struct Wanted<'w> {
    by: By,
    key: &'w str,
    /// Only on the disk that `root` is on.
    on_root_disk: bool,
}

fn search(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::AcceptDash, call.arguments)?;
    let mut hints = given.values("hint");
    match state.platform {
        Platform::Efi => hints.extend(given.values("hint-efi")),
        Platform::Pc => hints.extend(given.values("hint-bios")),
        Platform::Emu => {}
    }
    hints.extend(given.values("hint-baremetal"));
    // Hints for platforms of the future.
    let future = |argument: &&&str| argument.starts_with("--hint-");
    let key = given.arguments.iter().find(|argument| !future(argument));
    let (key, variable) = match (key, given.has("set"), given.value("set")) {
        (Some(key), false, _) => (*key, None),
        (Some(key), true, variable) => (*key, Some(variable.unwrap_or("root"))),
        // `--set` took what was meant.
        (None, true, Some(key)) => (key, Some("root")),
        (None, ..) => return fail(BAD_ARGUMENT, "one argument expected"),
    };
    if given.has("cryptodisk-only") {
        return fail(FILE_NOT_FOUND, format!("no such device: {key}"));
    }
    let by = if given.has("label") || given.has("fs-label") {
        By::Label
    } else if given.has("fs-uuid") {
        By::Uuid
    } else if given.has("file") {
        By::File
    } else if given.has("part-uuid") {
        By::PartitionUuid
    } else if given.has("part-label") {
        By::PartitionLabel
    } else {
        return fail(INVALID_COMMAND, "unspecified search type");
    };
    let on_root_disk = given.has("root-dev-only");
    let wanted = Wanted {
        by,
        key,
        on_root_disk,
    };
    run(state, &wanted, variable, &hints)
}

/// `search.fs_uuid KEY [VARIABLE [HINT…]]` and its like.
fn search_directly(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let Some(key) = call.argument(0) else {
        return fail(BAD_ARGUMENT, "one argument expected");
    };
    let by = match call.name {
        "search.file" => By::File,
        "search.fs_uuid" => By::Uuid,
        "search.part_uuid" => By::PartitionUuid,
        _ => By::Label,
    };
    let hints: Vec<&str> = call.arguments.iter().skip(2).map(String::as_str).collect();
    let wanted = Wanted {
        by,
        key,
        on_root_disk: false,
    };
    run(state, &wanted, call.argument(1), &hints)
}

fn run(
    state: &mut Interpreter<'_>,
    wanted: &Wanted<'_>,
    variable: Option<&str>,
    hints: &[&str],
) -> Outcome {
    let devices = state.devices.clone();
    let hinted = hints.iter().flat_map(|hint| {
        // A hint with a comma at its end means the disk with its partitions.
        let name = hint.strip_suffix(',').unwrap_or(hint);
        let itself = devices.find(name).ok().map(|id| (name.to_owned(), id));
        let parts = match hint.ends_with(',') {
            true => devices.partitions_of(name),
            false => Vec::new(),
        };
        itself.into_iter().chain(parts)
    });
    let mut found = Vec::new();
    state.budget.work(devices.count().saturating_mul(DEVICE));
    for (name, volume) in hinted.chain(devices.iter()) {
        if is_it(state, wanted, &name, volume) {
            found.push(name);
            if variable.is_some() {
                break;
            }
        }
    }
    match (found.first(), variable) {
        (None, _) => fail(FILE_NOT_FOUND, format!("no such device: {}", wanted.key)),
        (Some(name), Some(variable)) => {
            state.variables.set(variable, name.as_str());
            Ok(())
        }
        (Some(_), None) => {
            let names: String = found.iter().map(|name| format!(" {name}")).collect();
            state.print(&names);
            Ok(())
        }
    }
}

fn is_it(
    state: &Interpreter<'_>,
    wanted: &Wanted<'_>,
    name: &str,
    volume: Option<crate::entry::VolumeId>,
) -> bool {
    let Some(content) = volume.and_then(|id| state.devices.content(id)) else {
        return false;
    };
    let disk_of = |name: &str| name.split(',').next().map(str::to_owned);
    let root = state.variables.get("root").and_then(disk_of);
    if wanted.on_root_disk && disk_of(name) != root {
        return false;
    }
    let key = wanted.key;
    let same = |text: &str| text.eq_ignore_ascii_case(key);
    match wanted.by {
        By::Uuid => content.uuid.as_deref().is_some_and(same),
        By::Label => content.label.as_deref() == Some(key),
        By::PartitionUuid => {
            let uuid = volume.and_then(|id| state.devices.partition_uuid(id));
            uuid.is_some_and(same)
        }
        By::PartitionLabel => {
            let label = volume.and_then(|id| state.devices.partition_label(id));
            label == Some(key)
        }
        By::File => {
            let file = state.devices.locate(&format!("({name}){key}"), None).ok();
            let file = file.filter(|_| state.budget.file().is_ok());
            file.is_some_and(|file| state.devices.check(&file).is_ok())
        }
    }
}
