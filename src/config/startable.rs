//! Whether the kernels that entries name can be started.

use std::collections::BTreeMap;

use super::budget::Budget;
use crate::entry::{BootEntry, Change, EntrySource, FileRef, PayloadKind};
use crate::inventory::Inventory;
use crate::kexec::{Kernel, NotStartable};

/// Blocks the entries of GRUB and SYSLINUX whose kernels can't be started, or not with their command lines; those of
/// other languages are made from what their kernels say. Each file is looked at once. Where the budget ends, nothing
/// is said: what is no kernel is refused when it is booted.
pub(super) fn check(inventory: &Inventory, entries: &mut [BootEntry], budget: &Budget) {
    let mut known = BTreeMap::new();
    for entry in entries {
        let is_theirs = matches!(entry.source, EntrySource::Grub | EntrySource::Syslinux);
        let is_asked = is_theirs && entry.kind == PayloadKind::Linux && entry.mendable();
        let Some(file) = entry.kernel.as_ref().filter(|_| is_asked) else {
            continue;
        };
        if !known.contains_key(file) {
            known.insert(file.clone(), examine(inventory, file, budget));
        }
        match known.get(file) {
            Some(Some(Ok(kernel))) => {
                if let Err(error) = kernel.takes(&entry.cmdline) {
                    let others = entry.problems.len();
                    entry.block(error.to_string());
                    entry.mark_mendable(others, Change::CommandLine);
                }
            }
            Some(Some(Err(reason))) => {
                let problem = format!("{} can't be started: {reason}", file.path);
                entry.block(problem);
            }
            Some(None) | None => {}
        }
    }
}

/// What a file is; `None` where that is not found out.
fn examine(
    inventory: &Inventory,
    file: &FileRef,
    budget: &Budget,
) -> Option<Result<Kernel, NotStartable>> {
    budget
        .file()
        .and_then(|()| budget.read(Kernel::HEAD))
        .ok()?;
    let filesystem = inventory.filesystem(file.volume).ok()?;
    let mut opened = filesystem.open(&file.path).ok()?;
    let mut head = vec![0; Kernel::HEAD];
    let length = opened.read_at(0, &mut head).ok()?;
    head.truncate(length);
    Some(Kernel::examine(&head, opened.size()))
}
