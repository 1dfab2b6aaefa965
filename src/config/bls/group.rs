//! Volumes whose entries belong together.

use std::fmt;
use std::sync::Arc;

use super::loader_conf::{LoaderConf, Wanted};
use super::order::order;
use super::pattern::Pattern;
use super::volume::{Read, Sorted, read};
use crate::config::budget::Budget;
use crate::config::configuration::{MenuWait, OnError, WaitStyle};
use crate::config::uki;
use crate::disk::Partition;
use crate::efi::Wishes;
use crate::entry::{BootEntry, ConfigFile, FileRef, VolumeId};
use crate::fs::{Filesystem, FsPath};

/// What the partition type says of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// EFI system partition.
    Esp,
    /// Extended boot loader partition; where GRUB has its variables there, entries may be written for it.
    Xbootldr,
    /// Anything else: entries may be written for GRUB, with its variables.
    Elsewhere,
}

impl Place {
    /// The place that a partition is, or a whole disk, which has none.
    pub fn of(partition: Option<&Partition>) -> Place {
        match partition {
            Some(partition) if partition.is_esp() => Place::Esp,
            Some(partition) if partition.is_xbootldr() => Place::Xbootldr,
            _ => Place::Elsewhere,
        }
    }
}

/// Where nothing is stated, systemd-boot shows its menu only when a key is held.
const UNSTATED: MenuWait = MenuWait {
    stated: false,
    seconds: Some(0),
    style: WaitStyle::Hidden,
};

/// Entries that are sorted together, with one default.
#[derive(Default)]
pub struct Group {
    entries: Vec<Sorted>,
    confs: Vec<Conf>,
    /// Is a `loader.conf` there that can't be read?
    may_forbid: bool,
    problems: Vec<(VolumeId, String)>,
}

/// A `loader.conf` and where it lies.
struct Conf {
    place: Place,
    volume: VolumeId,
    path: FsPath,
    /// The same as it was read.
    file: Arc<ConfigFile>,
    conf: LoaderConf,
}

/// What a group offers.
pub struct Offered {
    /// Its entries in order, one of which is the default.
    pub entries: Vec<BootEntry>,
    /// What was not understood on which volume.
    pub problems: Vec<(VolumeId, String)>,
    /// The `loader.conf` that counts most, otherwise the directory of the first entry; `None` where there
    /// is neither.
    pub file: Option<FileRef>,
    /// How long systemd-boot would show its menu.
    pub wait: MenuWait,
    /// What systemd-boot would do when an entry can't be loaded.
    pub on_error: OnError,
    /// What a `loader.conf` prefers, or its default.
    pub wanted: Option<String>,
}

impl Group {
    /// Reads the entries of volume `volume`: those of files and those that are images. They have their share of
    /// what all of its disk may take.
    pub fn read(
        &mut self,
        filesystem: &dyn Filesystem,
        volume: VolumeId,
        place: Place,
        disk: &Budget,
    ) {
        let Read {
            entries,
            confs,
            may_forbid,
            problems,
        } = disk.share(|budget| read(filesystem, volume, place, budget));
        let (images, more) = disk.share(|budget| uki::read(filesystem, volume, budget));
        self.entries.extend(entries.into_iter().chain(images));
        self.may_forbid |= may_forbid;
        self.confs
            .extend(confs.into_iter().map(|(file, path, conf)| Conf {
                place,
                volume,
                path,
                file,
                conf,
            }));
        let problems = problems.into_iter().chain(more);
        let problems = problems.map(|problem| (volume, problem));
        self.problems.extend(problems);
    }

    /// Takes out what counting boots has left on `volume`, which is a FAT, where it was cut short: files with a counter
    /// and nothing in them, beside one with the same name but for that which is not empty.
    pub fn forget_left(&mut self, filesystem: &dyn Filesystem, volume: VolumeId) {
        let is_empty = |sorted: &Sorted| {
            let file = &sorted.entry.origin.file;
            file.volume == volume
                && !sorted.entry.bootable()
                && filesystem
                    .metadata(&file.path)
                    .is_ok_and(|file| file.size == 0)
        };
        let entries = std::mem::take(&mut self.entries).into_iter();
        let (empty, mut entries): (Vec<_>, Vec<_>) = entries.partition(is_empty);
        let whole = entries.len();
        for sorted in empty {
            let mut others = entries.iter().take(whole);
            let is_counted = sorted.entry.tries_left.is_some();
            if !(is_counted && others.any(|other| sorted.is_beside(other))) {
                entries.push(sorted);
            }
        }
        self.entries = entries;
    }

    /// Puts the entries in order.
    ///
    /// The default is what a `loader.conf` means, otherwise the first entry that can be booted. What
    /// can't be booted is chosen only where no other choice was made. Of `wishes` counts what a file can't
    /// say by itself: which entry was started last, and other times than those in the files.
    pub fn finish(mut self, wishes: &Wishes) -> Offered {
        order(&mut self.entries);
        let mut entries: Vec<BootEntry> = self.entries.into_iter().map(|s| s.entry).collect();
        // One that forbids it is enough, or that nobody knows.
        let fixed = self.may_forbid || self.confs.iter().any(|conf| !conf.conf.editor);
        entries.iter_mut().for_each(|entry| entry.fixed = fixed);
        // Of several files the one on the ESP counts first, wherever that stands on the disk.
        self.confs.sort_by_key(|conf| conf.place);
        let last = wishes.last_booted.as_deref().and_then(Pattern::new);
        let mut choices = Vec::new();
        for key in [Key::Preferred, Key::Default] {
            for choice in Choice::all(key, &self.confs, last.as_ref()) {
                match choice {
                    Ok(choice) => {
                        choices.push(choice);
                        break;
                    }
                    Err(problem) => self.problems.push(problem),
                }
            }
        }
        // What is bad is not preferred, but it is there.
        let mut meant = Vec::new();
        for choice in &choices {
            let named = entries.iter().zip(0..);
            let mut named = named
                .filter(|(entry, _)| choice.pattern.means(&entry.id))
                .peekable();
            if named.peek().is_none() {
                let text = format!("{choice} means no entry that is there");
                self.problems.push((choice.conf.volume, text));
            }
            let allowed = named.filter(|(entry, _)| !choice.spares(entry));
            meant.extend(allowed.map(|(_, number): (_, usize)| (number, &choice.conf.file)));
        }
        let bootable = |i: usize| entries.get(i).is_some_and(BootEntry::bootable);
        let chosen = meant.iter().find(|(i, _)| bootable(*i));
        let chosen = chosen.or(meant.first()).map(|(i, file)| (*i, Some(*file)));
        let first = || entries.iter().position(BootEntry::bootable);
        let chosen = chosen.or_else(|| Some((first()?, None)));
        if let Some((i, chooser)) = chosen
            && let Some(entry) = entries.get_mut(i)
        {
            entry.default = true;
            // That it was chosen says nothing of what an image without a file of its own consists of.
            if chooser.is_some() && !entry.written.files().is_empty() {
                entry.written.add(chooser);
            }
        }
        let wanted = |key: Key| self.confs.iter().find_map(move |conf| key.of(&conf.conf));
        let wanted = wanted(Key::Preferred).or_else(|| wanted(Key::Default));
        let wanted = wanted.map(|wanted| wanted.as_str().to_owned());
        let conf = self.confs.first().map(|conf| FileRef {
            volume: conf.volume,
            path: conf.path.clone(),
        });
        let directory = || {
            let FileRef { volume, path } = &entries.first()?.origin.file;
            let path = path.parent()?;
            Some(FileRef {
                volume: *volume,
                path,
            })
        };
        let waits = self.confs.iter().find_map(|conf| conf.conf.wait);
        let on_error = self.confs.iter().find_map(|conf| conf.conf.on_error);
        Offered {
            file: conf.or_else(directory),
            wait: wishes
                .timeout()
                .map(MenuWait::from)
                .or(waits)
                .unwrap_or(UNSTATED),
            on_error: on_error.unwrap_or(OnError::RebootIfCounted),
            wanted,
            entries,
            problems: self.problems,
        }
    }
}

/// Keys of `loader.conf` that choose an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Preferred,
    Default,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Key::Preferred => "preferred",
            Key::Default => "default",
        }
    }

    /// What it says in a file.
    fn of(self, conf: &LoaderConf) -> Option<&Wanted> {
        match self {
            Key::Preferred => conf.preferred.as_ref(),
            Key::Default => conf.default.as_ref(),
        }
    }
}

/// An entry that a `loader.conf` chooses.
struct Choice<'a> {
    key: Key,
    wanted: &'a Wanted,
    /// What that comes to.
    pattern: &'a Pattern,
    conf: &'a Conf,
}

impl<'a> Choice<'a> {
    /// The choices that the files make, or why one can't be followed. `last` was started last.
    fn all(
        key: Key,
        confs: &'a [Conf],
        last: Option<&'a Pattern>,
    ) -> impl Iterator<Item = Result<Choice<'a>, (VolumeId, String)>> {
        confs.iter().filter_map(move |conf| {
            let wanted = key.of(&conf.conf)?;
            let pattern = match wanted {
                Wanted::Pattern(pattern) => Ok(pattern),
                Wanted::Saved(line) => last.ok_or(line),
            };
            Some(match pattern {
                Ok(pattern) => Ok(Choice { key, wanted, pattern, conf }),
                Err(line) => Err((
                    conf.volume,
                    format!(
                        "{}, line {line}: `{} @saved` is passed over: which entry was started last is not known",
                        conf.path,
                        key.name()
                    ),
                )),
            })
        })
    }

    /// What has used up its tries is not preferred; a default it may be.
    fn spares(&self, entry: &BootEntry) -> bool {
        self.key == Key::Preferred && entry.tries_left == Some(0)
    }
}

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, wanted) = (self.key.name(), self.wanted.as_str());
        write!(f, "{}: `{key} {wanted}`", self.conf.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::Timeout;
    use crate::fs::MemoryFilesystem;

    /// A volume with entries of these names, which start `/l`, and this `loader.conf`.
    fn volume(names: &[&str], conf: &str) -> MemoryFilesystem {
        let filesystem = MemoryFilesystem::new()
            .file("/l", crate::kexec::least_kernel())
            .file("/loader/loader.conf", conf);
        names.iter().fold(filesystem, |filesystem, name| {
            filesystem.file(&format!("/loader/entries/{name}"), "linux /l")
        })
    }

    fn offered(volumes: &[(Place, MemoryFilesystem)]) -> Offered {
        let mut group = Group::default();
        for (i, (place, filesystem)) in volumes.iter().enumerate() {
            group.read(
                filesystem,
                VolumeId { disk: 0, volume: i },
                *place,
                &Budget::of_disk(1),
            );
        }
        group.finish(&Wishes::default())
    }

    /// The defaults of a group, and its problems.
    fn finished(volumes: &[(Place, MemoryFilesystem)]) -> (Vec<String>, Vec<String>) {
        let Offered {
            entries, problems, ..
        } = offered(volumes);
        let defaults = entries.into_iter().filter(|entry| entry.default);
        let problems = problems
            .into_iter()
            .map(|(id, text)| format!("{} {text}", id.volume));
        (defaults.map(|entry| entry.id).collect(), problems.collect())
    }

    fn default_of(names: &[&str], conf: &str) -> String {
        let (defaults, problems) = finished(&[(Place::Esp, volume(names, conf))]);
        assert_eq!(problems, Vec::<String>::new());
        defaults.join(" ")
    }

    /// The files of the entries of a volume with these entries and empty files besides, as a FAT and otherwise.
    fn beside_empty(names: &[&str], empty: &[&str]) -> [Vec<String>; 2] {
        [true, false].map(|is_fat| {
            let filesystem = empty.iter().fold(volume(names, ""), |filesystem, name| {
                filesystem.file(&format!("/{name}"), "")
            });
            let id = VolumeId { disk: 0, volume: 0 };
            let mut group = Group::default();
            group.read(&filesystem, id, Place::Esp, &Budget::of_disk(1));
            if is_fat {
                group.forget_left(&filesystem, VolumeId { disk: 0, volume: 1 });
                group.forget_left(&filesystem, id);
            }
            let entries = group.finish(&Wishes::default()).entries;
            let chosen = entries.iter().find(|entry| entry.default);
            assert!(chosen.unwrap().bootable(), "{names:?} {empty:?}");
            let files = entries.iter().map(|entry| &entry.origin.file.path);
            files.map(|path| path.file_name().to_owned()).collect()
        })
    }

    #[test]
    fn what_a_cut_has_left_of_a_name_is_no_entry() {
        for [whole, left] in [
            ["a+3.conf", "a+2-1.conf"],
            ["a+2-1.conf", "a+3.conf"],
            // Blessed by a system that another loader has started.
            ["a.conf", "a+3.conf"],
        ] {
            let path = format!("loader/entries/{left}");
            let [fat, other] = beside_empty(&[whole], &[&path]);
            assert_eq!(fat, [whole]);
            assert_eq!(other, [whole, left]);
        }
        // Of an entry that is not there, in another directory, without a counter, or with another name.
        let others = [
            "loader/entries/0+3.conf",
            "loader/entries/0+2-1.conf",
            "boot/loader/entries/a+2-1.conf",
            "loader/entries/a.conf",
            "loader/entries/A+1-2.conf",
            "EFI/Linux/a+2-1.efi",
        ];
        let [fat, other] = beside_empty(&["a+3.conf"], &others);
        assert_eq!(fat.len(), 1 + others.len(), "{fat:?}");
        assert_eq!(fat, other);
    }

    #[test]
    fn preferred_comes_before_default() {
        let names = ["a.conf", "b.conf", "c.conf"];
        assert_eq!(default_of(&names, ""), "c.conf");
        assert_eq!(default_of(&names, "default b*"), "b.conf");
        assert_eq!(default_of(&names, "default b*\npreferred a"), "a.conf");
        // One that was tried too often is not preferred.
        let names = ["a+0-3.conf", "b.conf", "c.conf"];
        assert_eq!(default_of(&names, "default b*\npreferred a"), "b.conf");
        assert_eq!(default_of(&names, "default a"), "a.conf");
    }

    #[test]
    fn what_stands_for_the_group() {
        let stated = |esp: MemoryFilesystem| {
            let xbootldr = volume(&["a.conf"], "default a\ntimeout 5");
            let found = offered(&[(Place::Xbootldr, xbootldr), (Place::Esp, esp)]);
            let file = found.file.unwrap();
            let wanted = found.wanted.unwrap_or_default();
            let place = format!("{} {}", file.volume.volume, file.path);
            (place, found.wait.seconds, wanted)
        };
        let of =
            |place: &str, seconds, wanted: &str| (place.to_owned(), seconds, wanted.to_owned());
        assert_eq!(
            stated(MemoryFilesystem::new()),
            of("0 /loader/loader.conf", Some(5), "a")
        );
        assert_eq!(
            stated(volume(&[], "timeout menu-force\npreferred b")),
            of("1 /loader/loader.conf", None, "b")
        );
        let entries = MemoryFilesystem::new().file("/loader/entries/a.conf", "linux /l");
        let found = offered(&[(Place::Esp, entries)]);
        assert_eq!(found.file.unwrap().path.as_str(), "/loader/entries");
        assert_eq!((found.wait, found.wanted), (UNSTATED, None));
        assert_eq!(offered(&[(Place::Esp, MemoryFilesystem::new())]).file, None);
    }

    #[test]
    fn what_can_not_be_booted_is_the_last_choice() {
        let broken = |conf| {
            let filesystem = volume(&["a.conf", "b.conf"], conf);
            filesystem.file("/loader/entries/z.conf", "linux /gone")
        };
        let defaults = |conf| finished(&[(Place::Esp, broken(conf))]).0;
        assert_eq!(defaults(""), ["b.conf"]);
        assert_eq!(defaults("default *"), ["b.conf"]);
        assert_eq!(defaults("preferred z\ndefault a"), ["a.conf"]);
        assert_eq!(defaults("default z"), ["z.conf"]);
    }

    #[test]
    fn one_file_that_forbids_changes_forbids_them_in_all_of_the_group() {
        let fixed = |first, second| {
            let group = [
                (Place::Esp, volume(&["a.conf"], first)),
                (Place::Xbootldr, volume(&["b.conf"], second)),
            ];
            let entries = offered(&group).entries;
            entries.iter().map(|entry| entry.fixed).collect::<Vec<_>>()
        };
        assert_eq!(fixed("", "editor yes"), [false, false]);
        assert_eq!(fixed("editor yes", "editor no"), [true, true]);
        assert_eq!(fixed("editor no", ""), [true, true]);
    }

    #[test]
    fn a_file_that_can_not_be_read_forbids_changes() {
        let long = format!("editor yes\n{}", "#".repeat(1 << 16));
        for conf in [long.as_str(), "editor yes\n# short"] {
            let group = [
                (Place::Esp, volume(&["a.conf"], "editor yes")),
                (Place::Xbootldr, volume(&["b.conf"], conf)),
            ];
            let Offered {
                entries, problems, ..
            } = offered(&group);
            let is_long = conf.len() > 1 << 16;
            assert!(entries.iter().all(|entry| entry.fixed == is_long));
            let said: Vec<&str> = problems.iter().map(|(_, text)| text.as_str()).collect();
            let expected = [
                "/loader/loader.conf can't be read: too large: 65547 bytes where at most 65536 are read: it counts as `editor no`",
            ];
            assert_eq!(said, &expected[..usize::from(is_long)]);
        }
    }

    #[test]
    fn who_says_what_follows_an_error() {
        let on_error = |esp: &str, xbootldr: &str| {
            let group = [
                (Place::Xbootldr, volume(&["a.conf"], xbootldr)),
                (Place::Esp, volume(&["b.conf"], esp)),
            ];
            offered(&group).on_error
        };
        assert_eq!(on_error("", ""), OnError::RebootIfCounted);
        assert_eq!(on_error("", "reboot-on-error yes"), OnError::Reboot);
        assert_eq!(
            on_error("reboot-on-error no", "reboot-on-error yes"),
            OnError::Continue
        );
    }

    #[test]
    fn every_file_counts_and_the_one_on_the_esp_most() {
        let group = [
            (
                Place::Xbootldr,
                volume(&["a.conf", "b.conf", "c.conf"], "default a\npreferred b"),
            ),
            // It has no entries of its own, and chooses all the same.
            (Place::Esp, volume(&[], "default c")),
        ];
        assert_eq!(finished(&group).0, ["b.conf"]);
        let group = [
            (
                Place::Xbootldr,
                volume(&["a.conf", "b.conf", "c.conf"], "default a"),
            ),
            (Place::Esp, volume(&[], "default b")),
        ];
        assert_eq!(finished(&group).0, ["b.conf"]);
        // Of two files on one volume the first.
        let filesystem = volume(&["a.conf", "b.conf", "c.conf"], "default a");
        let filesystem = filesystem.file("/boot/loader/loader.conf", "default b");
        assert_eq!(finished(&[(Place::Elsewhere, filesystem)]).0, ["a.conf"]);
    }

    #[test]
    fn variables_say_what_files_do_not() {
        let wishing = |conf: &str, wishes: &Wishes| {
            let mut group = Group::default();
            let id = VolumeId { disk: 0, volume: 0 };
            let names = ["a.conf", "b.conf", "c.conf"];
            group.read(&volume(&names, conf), id, Place::Esp, &Budget::of_disk(1));
            let offered = group.finish(wishes);
            let default = offered.entries.into_iter().find(|entry| entry.default);
            (default.unwrap().id, offered.wait.seconds, offered.wanted)
        };
        let of = |default: &str, seconds, wanted: Option<&str>| {
            (default.to_owned(), seconds, wanted.map(str::to_owned))
        };
        let wishes = Wishes {
            last_booted: Some("a.conf".to_owned()),
            timeout: Some(Timeout::Seconds(7)),
            ..Wishes::default()
        };
        let saved = Some("@saved");
        let conf = "default @saved\ntimeout 3";
        assert_eq!(wishing(conf, &wishes), of("a.conf", Some(7), saved));
        let wishes = Wishes {
            timeout_once: Some(Timeout::MenuForce),
            last_booted: None,
            ..wishes
        };
        assert_eq!(wishing(conf, &wishes), of("c.conf", None, saved));
        assert_eq!(wishing("", &Wishes::default()), of("c.conf", Some(0), None));
    }

    #[test]
    fn a_choice_without_its_entry_is_reported() {
        let filesystem = volume(&["a.conf"], "default gone*\npreferred @saved");
        let esp = MemoryFilesystem::new();
        let (defaults, problems) = finished(&[(Place::Esp, esp), (Place::Xbootldr, filesystem)]);
        assert_eq!(defaults, ["a.conf"]);
        assert_eq!(
            problems,
            [
                "1 /loader/loader.conf, line 2: `preferred @saved` is passed over: \
                 which entry was started last is not known",
                "1 /loader/loader.conf: `default gone*` means no entry that is there",
            ]
        );
    }
}
