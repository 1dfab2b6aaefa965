//! `gptprio.next`, which the GRUB of Container Linux and Flatcar adds: which of two systems to start.
//!
//! Partitions of one type have in their GPT attributes a priority, how often they may still be tried, and
//! whether they were started successfully.

use super::{Call, Table};
use crate::config::grub::failure::{
    BAD_DEVICE, Failure, INVALID_COMMAND, Outcome, UNKNOWN_DEVICE, fail,
};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::disk::{Partition, PartitionKind};

pub(super) const TABLE: Table = &[("gptprio.next", next)];

/// The type of the partitions that are chosen from: `/usr` of Container Linux.
const USR: &str = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6";

const OPTIONS: [Spec; 2] = [
    Spec {
        short: 'd',
        long: "set-device",
        value: Value::Required,
    },
    Spec {
        short: 'u',
        long: "set-uuid",
        value: Value::Required,
    },
];

/// What the attributes of a partition say.
struct Priority {
    priority: u64,
    tries_left: u64,
    successful: bool,
}

impl Priority {
    fn of(partition: &Partition) -> Option<Priority> {
        let is_usr = matches!(&partition.kind, PartitionKind::Gpt(guid) if guid == USR);
        is_usr.then_some(Priority {
            priority: (partition.attributes >> 48) & 0xf,
            tries_left: (partition.attributes >> 52) & 0xf,
            successful: (partition.attributes >> 56) & 1 != 0,
        })
    }
}

/// `gptprio.next -d VARIABLE -u VARIABLE`: the partition with the highest priority that was successful or has
/// tries left; of several the first.
fn next(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let (Some(device), Some(uuid)) = (given.value("set-device"), given.value("set-uuid")) else {
        return fail(INVALID_COMMAND, "-d and -u are required");
    };
    let Some(root) = state.variables.get("root") else {
        return fail(BAD_DEVICE, "variable `root' isn't set");
    };
    let disk = root.split(',').next().unwrap_or_default();
    let devices = state.devices.clone();
    let mut best: Option<(String, &Partition, Priority)> = None;
    for (name, id) in devices.partitions_of(disk) {
        let partition = id.and_then(|id| devices.partition(id));
        let found = partition.and_then(|p| Some((p, Priority::of(p)?)));
        let Some((partition, priority)) = found else {
            continue;
        };
        let highest = best.as_ref().map_or(0, |(.., best)| best.priority);
        if priority.priority > highest && (priority.successful || priority.tries_left > 0) {
            best = Some((name, partition, priority));
        }
    }
    let (name, partition, priority) =
        best.ok_or_else(|| Failure::new(UNKNOWN_DEVICE, "no such partition"))?;
    state.variables.set(device, name.as_str());
    let own = partition.uuid.as_deref().unwrap_or_default();
    state.variables.set(uuid, own);
    if priority.tries_left > 0 {
        state.remark(&format!(
            "`{}' chooses {name} and does not count the try: partition tables are not written",
            call.name
        ));
    }
    Ok(())
}
