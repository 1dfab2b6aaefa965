//! [`Written`]: the configuration files that an entry was made from.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{BootEntry, FileRef, SavePlace};

/// A configuration file as it was read, once: whoever judges it sees the bytes that were evaluated.
#[derive(PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is. A list of blocks only where that is an environment block of GRUB.
    pub place: SavePlace,
    /// All of it.
    pub bytes: Box<[u8]>,
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.place, self.bytes.len())
    }
}

impl ConfigFile {
    /// A file with its bytes.
    pub fn new(file: FileRef, bytes: &[u8]) -> Arc<ConfigFile> {
        ConfigFile::at(SavePlace::File(file), bytes)
    }

    /// The same, wherever it is.
    pub fn at(place: SavePlace, bytes: &[u8]) -> Arc<ConfigFile> {
        let bytes = bytes.into();
        Arc::new(ConfigFile { place, bytes })
    }
}

/// The configuration files that have made an entry what it is, each once, in the order in which they were read.
/// Copies share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    files: Arc<Vec<Arc<ConfigFile>>>,
    is_cut: bool,
    /// What they have chosen, when the entry was complete.
    choice: Option<[u8; 32]>,
}

impl Written {
    /// An entry of more files can't be covered by them.
    pub const MAX_FILES: usize = 64;

    /// Adds a file; nothing stands for one that can't cover what was made of it: there was no room for it, or it is
    /// none of the language that it was read in.
    pub fn add(&mut self, file: Option<&Arc<ConfigFile>>) {
        match file {
            Some(file) if self.files.contains(file) => {}
            Some(file) if self.files.len() < Written::MAX_FILES => {
                Arc::make_mut(&mut self.files).push(file.clone());
            }
            Some(_) | None => self.is_cut = true,
        }
    }

    /// Adds those of another one.
    pub fn extend(&mut self, other: &Written) {
        if self.files.is_empty() {
            self.files.clone_from(&other.files);
        }
        for file in other.files.iter() {
            self.add(Some(file));
        }
        self.is_cut |= other.is_cut;
    }

    /// How many bytes of them are kept for one entry.
    pub fn size(&self) -> usize {
        self.files
            .len()
            .saturating_mul(size_of::<Arc<ConfigFile>>())
    }

    /// The files that are here.
    pub fn files(&self) -> &[Arc<ConfigFile>] {
        &self.files
    }

    /// Are these all?
    pub fn is_complete(&self) -> bool {
        !self.is_cut
    }
}

impl BootEntry {
    /// Says that the entry is now as its configuration files make it.
    pub fn seal(&mut self) {
        self.written.choice = Some(self.choice());
        self.twins.iter_mut().for_each(BootEntry::seal);
    }

    /// Is it still as its configuration files make it? Who edits an entry chooses himself.
    pub fn is_as_written(&self) -> bool {
        self.written.choice == Some(self.choice())
    }

    /// The SHA-256 of what is started.
    fn choice(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(self.kind.name().as_bytes());
        add(self.cmdline.as_bytes());
        let unified = self.unified.as_ref();
        let profile = unified.map_or(0, |unified| unified.profile);
        add(&profile.to_le_bytes());
        let options = unified.and_then(|unified| unified.options.as_deref());
        add(options.unwrap_or_default().as_bytes());
        let mut add_file = |kind: &str, name: &str, file: &FileRef| {
            add(kind.as_bytes());
            add(name.as_bytes());
            add(&file.volume.disk.to_le_bytes());
            add(&file.volume.volume.to_le_bytes());
            add(file.path.as_str().as_bytes());
        };
        if let Some(kernel) = &self.kernel {
            add_file("kernel", "", kernel);
        }
        for initrd in &self.initrd {
            add_file(
                "initrd",
                initrd.name.as_deref().unwrap_or_default(),
                &initrd.file,
            );
        }
        if let Some(tree) = &self.devicetree {
            add_file("devicetree", "", tree);
        }
        for companion in self.unified.iter().flat_map(|unified| &unified.companions) {
            let kind = companion.kind.letter().to_string();
            add_file(&kind, "", &companion.file);
        }
        hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::FsPath;

    fn file(name: &str, bytes: &[u8]) -> Arc<ConfigFile> {
        let volume = crate::entry::VolumeId { disk: 0, volume: 0 };
        let path = FsPath::new(name).unwrap();
        ConfigFile::new(FileRef { volume, path }, bytes)
    }

    #[test]
    fn each_file_counts_once_and_all_have_to_be_there() {
        let mut written = Written::default();
        for _ in 0..2 {
            written.add(Some(&file("/a", b"a")));
        }
        // A file that says something else at another look is another one.
        written.add(Some(&file("/a", b"b")));
        assert_eq!(written.files().len(), 2);
        assert!(written.is_complete());
        let mut more = written.clone();
        more.add(None);
        assert!(!more.is_complete());
        written.extend(&more);
        assert_eq!((written.files().len(), written.is_complete()), (2, false));

        let mut many = Written::default();
        for number in 0..Written::MAX_FILES {
            many.add(Some(&file(&format!("/{number}"), b"")));
        }
        assert!(many.is_complete());
        many.add(Some(&file("/more", b"")));
        assert_eq!(many.files().len(), Written::MAX_FILES);
        assert!(!many.is_complete());
    }

    #[test]
    fn who_edits_breaks_the_seal() {
        let mut entry = BootEntry::on_disk(0, "a");
        assert!(!entry.is_as_written());
        entry.seal();
        // Names for people may change.
        entry.title = "other".to_owned();
        assert!(entry.is_as_written());
        let edits: [fn(&mut BootEntry); 5] = [
            |entry| entry.cmdline = "single".to_owned(),
            |entry| entry.kernel = Some(entry.origin.file.clone()),
            |entry| entry.initrd = vec![entry.origin.file.clone().into()],
            |entry| entry.devicetree = Some(entry.origin.file.clone()),
            |entry| {
                entry.unified = Some(crate::entry::Unified {
                    options: Some("single".to_owned()),
                    ..crate::entry::Unified::default()
                });
            },
        ];
        for edit in edits {
            let mut edited = entry.clone();
            edit(&mut edited);
            assert!(!edited.is_as_written());
        }
        // A companion that is taken for something else is another choice.
        let file = entry.origin.file.clone();
        let with = |kind| {
            let file = file.clone();
            let unified = crate::entry::Unified {
                companions: vec![crate::entry::Companion { kind, file }],
                ..crate::entry::Unified::default()
            };
            let mut entry = entry.clone();
            entry.unified = Some(unified);
            entry
        };
        use crate::entry::CompanionKind::{Addon, Credential};
        let mut sealed = with(Credential);
        sealed.seal();
        sealed.unified = with(Addon).unified;
        assert!(!sealed.is_as_written());
    }
}
