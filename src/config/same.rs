//! What two boot loaders offer alike, as media for all kinds of machines do.

use std::collections::BTreeMap;

use crate::entry::{BootEntry, EntrySource, FileRef};

/// The entries of `new` that do not do the same as one of GRUB's in `entries`: that one gets a remark.
pub(super) fn without_known(entries: &mut [BootEntry], new: Vec<BootEntry>) -> Vec<BootEntry> {
    let mut others = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate() {
        if entry.source == EntrySource::Grub && entry.bootable() {
            known.entry(start(entry)).or_insert(i);
        }
    }
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
            None => others.push(entry),
        }
    }
    others
}

/// What an entry starts, as one text: kernel, initrds, and the command line without what each loader puts
/// in by itself.
fn start(entry: &BootEntry) -> String {
    let mut start = String::new();
    for FileRef { volume, path } in entry.kernel.iter().chain(&entry.initrd) {
        start += &format!("{}:{}:{path}\0", volume.disk, volume.volume);
    }
    for word in entry.cmdline.split_ascii_whitespace() {
        if !word.starts_with("BOOT_IMAGE=") && !word.starts_with("initrd=") {
            start.push(' ');
            start.push_str(word);
        }
    }
    start
}
