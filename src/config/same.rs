//! What two boot loaders offer alike, as media for all kinds of machines do.

use std::collections::BTreeMap;

use crate::entry::{BootEntry, EntrySource, FileRef};

/// What an entry starts: kernel, initrds, and the command line without what each loader puts in by itself.
type Start = (Option<FileRef>, Vec<FileRef>, Vec<String>);

/// Adds entries to a list, but for those that do the same as one of GRUB's: that one gets a remark.
pub(super) fn add_new(entries: &mut Vec<BootEntry>, new: Vec<BootEntry>) {
    let known: BTreeMap<Start, usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.source == EntrySource::Grub && entry.bootable())
        .map(|(i, entry)| (start(entry), i))
        .rev()
        .collect();
    for entry in new {
        let same = known.get(&start(&entry)).filter(|_| entry.bootable());
        match same.and_then(|same| entries.get_mut(*same)) {
            Some(same) => {
                let line = entry.origin.line.map(|line| format!(", line {line}"));
                same.remark(format!(
                    "{}{} offers the same",
                    entry.origin.file.path,
                    line.unwrap_or_default()
                ));
            }
            None => entries.push(entry),
        }
    }
}

fn start(entry: &BootEntry) -> Start {
    let words = entry.cmdline.split_ascii_whitespace();
    let own = |word: &&str| word.starts_with("BOOT_IMAGE=") || word.starts_with("initrd=");
    let words = words.filter(|word| !own(word)).map(str::to_owned);
    (entry.kernel.clone(), entry.initrd.clone(), words.collect())
}
