//! Variables of GRUB in entries that Fedora and its relatives write for it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::grub::EnvironmentBlock;
use crate::entry::{ConfigFile, FileRef, VolumeId, Written};
use crate::fs::{Filesystem, FsPath};

/// Where the block of a system is, from the directory that holds `loader`.
const BLOCKS: [&str; 2] = ["grub2/grubenv", "grub/grubenv"];

/// Variables that `tuned` and others set where they are installed: elsewhere they are empty.
const OPTIONAL: [&str; 3] = ["early_initrd", "tuned_initrd", "tuned_params"];

/// What grows beyond an entry file is refused, in bytes.
const MAX_SIZE: usize = 64 * 1024;

/// The variables that a system keeps in GRUB's environment block; it is read when the first is asked for.
pub(super) struct Variables<'a> {
    filesystem: &'a dyn Filesystem,
    volume: VolumeId,
    /// The directory that holds `loader`.
    boot: FsPath,
    block: OnceCell<Block>,
}

/// A block of many names, each of which an entry may use many times.
#[derive(Default)]
struct Block {
    /// Where the value of each name is.
    numbers: BTreeMap<String, usize>,
    values: Vec<String>,
    /// The file that says so.
    file: Option<Arc<ConfigFile>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(
        filesystem: &'a dyn Filesystem,
        volume: VolumeId,
        boot: FsPath,
    ) -> Variables<'a> {
        Variables {
            filesystem,
            volume,
            boot,
            block: OnceCell::new(),
        }
    }

    fn block(&self) -> &Block {
        self.block.get_or_init(|| self.read())
    }

    /// Is there an environment block, as where GRUB reads the entries?
    pub(super) fn are_kept(&self) -> bool {
        self.block().file.is_some()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let block = self.block();
        let number = block.numbers.get(name);
        let value = number
            .and_then(|number| block.values.get(*number))
            .map(String::as_str);
        value.or_else(|| OPTIONAL.contains(&name).then_some(""))
    }

    fn read(&self) -> Block {
        let paths = BLOCKS.iter().filter_map(|path| self.boot.join(path).ok());
        let limit = EnvironmentBlock::MAX_SIZE;
        let mut blocks = paths.filter_map(|path| {
            let bytes = self.filesystem.read(&path, limit).ok()?;
            let block = EnvironmentBlock::parse(&bytes)?;
            let volume = self.volume;
            Some((ConfigFile::new(FileRef { volume, path }, &bytes), block))
        });
        let mut known = Block::default();
        let Some((file, block)) = blocks.next() else {
            return known;
        };
        for (name, value) in block.iter() {
            // Of a name that is there twice the first counts.
            known.numbers.entry(name).or_insert(known.values.len());
            known.values.push(value);
        }
        known.file = Some(file);
        known
    }

    /// Adds the file to those that an entry with variables is made from, if any was asked for.
    pub(super) fn tell(&self, written: &mut Written) {
        if let Some(file) = self.block.get().and_then(|block| block.file.as_ref()) {
            written.add(Some(file));
        }
    }

    /// Replaces `$name` and `${name}` by their values; `\$` is a dollar.
    ///
    /// # Errors
    /// Why that can't be done, in words.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            if let Some(before) = before.strip_suffix('\\') {
                expanded.push_str(before);
                expanded.push('$');
                rest = after;
                continue;
            }
            expanded.push_str(before);
            let (name, after) = name(after);
            match name {
                "" => expanded.push('$'),
                name => expanded.push_str(self.get(name).ok_or_else(|| {
                    format!("the variable ${name}, whose value only GRUB's configuration knows")
                })?),
            }
            if expanded.len() > MAX_SIZE {
                return Err(format!("variables with more than {MAX_SIZE} bytes in them"));
            }
            rest = after;
        }
        Ok(expanded + rest)
    }
}

/// The name behind a `$`, with or without braces, and what follows it; an empty name if it is none.
fn name(text: &str) -> (&str, &str) {
    let braced = text.strip_prefix('{');
    let inner = braced.unwrap_or(text);
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let parts = inner.split_at_checked(end.unwrap_or(inner.len()));
    let (name, after) = parts.unwrap_or(("", inner));
    match (braced, after.strip_prefix('}')) {
        (None, _) => (name, after),
        (Some(_), Some(after)) if !name.is_empty() => (name, after),
        _ => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;
    use proptest::prelude::*;

    fn expanded(block: &str, text: &str) -> Result<String, String> {
        let block = format!("# GRUB Environment Block\n{block}####");
        let filesystem = MemoryFilesystem::new().file("/boot/grub2/grubenv", block.into_bytes());
        let boot = FsPath::new("/boot").unwrap();
        Variables::new(&filesystem, VolumeId { disk: 0, volume: 0 }, boot).expand(text)
    }

    #[test]
    fn values_come_from_the_block() {
        let block = "kernelopts=root=/dev/sda1 ro\nempty=\n";
        for (text, result) in [
            ("$kernelopts $tuned_params", "root=/dev/sda1 ro "),
            ("a${kernelopts}b", "aroot=/dev/sda1 rob"),
            ("$empty.", "."),
            ("no variable\\n", "no variable\\n"),
            (
                "\\$kernelopts $ $$ ${ ${} ${x",
                "$kernelopts $ $$ ${ ${} ${x",
            ),
        ] {
            assert_eq!(expanded(block, text).as_deref(), Ok(result), "{text}");
        }
        let unknown = expanded(block, "ro $other").unwrap_err();
        assert_eq!(
            unknown,
            "the variable $other, whose value only GRUB's configuration knows"
        );
        let long = format!("long={}\n", "x".repeat(1000));
        let many = "$long".repeat(100);
        assert!(expanded(&long, &many).unwrap_err().contains("more than"));
        assert_eq!(expanded(&long, "$long$long").unwrap().len(), 2000);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[$\\\\{}a_ é]{0,40}") {
            let _ = expanded("a=$a\n_=b\n", &text);
        }
    }
}
