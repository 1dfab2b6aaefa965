//! The entries of one volume.

use super::counter::Counter;
use super::file::{MAX_INITRDS, Type1};
use super::group::Place;
use super::loader_conf::LoaderConf;
use super::variables::Variables;
use crate::config::uki;
use crate::entry::{
    BootEntry, Companion, CompanionKind, EntrySource, FileRef, Initrd, Origin, PayloadKind,
    VolumeId,
};
use crate::fs::{FileKind, Filesystem, FsError, FsPath};
use crate::pe::Machine;

/// Where entries lie: on an ESP, an XBOOTLDR or a separate `/boot`, and on a root filesystem.
const PLACES: [&str; 2] = ["/loader", "/boot/loader"];

/// A longer file is no entry.
const MAX_SIZE: usize = 64 * 1024;

/// More entries than this in one directory are not read.
const MAX_ENTRIES: usize = 2048;

/// An entry with what only its place in the order needs.
#[derive(Clone, Debug)]
pub(in crate::config) struct Sorted {
    /// The entry.
    pub(in crate::config) entry: BootEntry,
    /// Its `sort-key`.
    pub(in crate::config) sort_key: Option<String>,
    /// For a profile of a unified kernel image: the id of the image, and which profile from 0.
    pub(in crate::config) profile_of: Option<(String, usize)>,
}

impl Sorted {
    /// Its id, or that of the image that it is a profile of.
    pub(super) fn image(&self) -> &str {
        let image = self.profile_of.as_ref().map(|(image, _)| image);
        image.unwrap_or(&self.entry.id)
    }

    /// Which profile it is.
    pub(super) fn profile(&self) -> Option<usize> {
        self.profile_of.as_ref().map(|(_, profile)| *profile)
    }
}

/// What was found on a volume.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Entries in no particular order.
    pub(super) entries: Vec<Sorted>,
    /// Every `loader.conf`; the first that names an entry counts.
    pub(super) confs: Vec<(FsPath, LoaderConf)>,
    /// What was found and can't be offered, in words.
    pub(super) problems: Vec<String>,
}

/// Reads all entries of `filesystem`, which is volume `id`.
pub(super) fn read(filesystem: &dyn Filesystem, id: VolumeId, place: Place) -> Read {
    let reader = Reader {
        filesystem,
        id,
        place,
    };
    let mut result = Read::default();
    for place in PLACES {
        if let Ok(place) = FsPath::new(place) {
            reader.place(&place, &mut result);
        }
    }
    result
}

struct Reader<'a> {
    filesystem: &'a dyn Filesystem,
    id: VolumeId,
    place: Place,
}

impl Reader<'_> {
    fn place(&self, place: &FsPath, result: &mut Read) {
        // Entries may all be on an XBOOTLDR: the file on the ESP counts for them.
        self.loader_conf(place, result);
        let Ok(directory) = place.join("entries") else {
            return;
        };
        let list = match self.filesystem.read_dir(&directory) {
            Ok(list) => list,
            Err(FsError::NotFound | FsError::NotADirectory) => return,
            Err(error) => {
                result
                    .problems
                    .push(format!("{directory} can't be read: {error}"));
                return;
            }
        };
        let boot = place.parent().unwrap_or_else(FsPath::root);
        let variables = Variables::new(self.filesystem, boot);
        let mut read = 0_usize;
        for item in list {
            if item.kind == FileKind::Directory || !is_entry(&item.name) {
                continue;
            }
            let Ok(path) = directory.join(&item.name) else {
                continue;
            };
            if let Some(bad) = item.name.chars().find(|c| !is_allowed(*c)) {
                let text = format!("{path} is passed over: {bad:?} can't be in its name");
                result.problems.push(text);
                continue;
            }
            read = read.saturating_add(1);
            if read > MAX_ENTRIES {
                let text =
                    format!("{directory} has over {MAX_ENTRIES} entries: the rest is left out");
                result.problems.push(text);
                return;
            }
            match self.filesystem.read(&path, MAX_SIZE) {
                Ok(bytes) => result
                    .entries
                    .push(self.entry(&item.name, path, &bytes, &variables)),
                Err(error) => result
                    .problems
                    .push(format!("{path} can't be read: {error}")),
            }
        }
    }

    fn loader_conf(&self, place: &FsPath, result: &mut Read) {
        let Ok(path) = place.join("loader.conf") else {
            return;
        };
        match self.filesystem.read(&path, MAX_SIZE) {
            Ok(bytes) => {
                let conf = LoaderConf::parse(&bytes);
                let problems = conf.problems.iter();
                let problems = problems.map(|problem| format!("{path}, {problem}"));
                result.problems.extend(problems);
                result.confs.push((path, conf));
            }
            Err(FsError::NotFound | FsError::NotADirectory) => {}
            Err(error) => result
                .problems
                .push(format!("{path} can't be read: {error}")),
        }
    }

    fn entry(&self, name: &str, path: FsPath, text: &[u8], variables: &Variables<'_>) -> Sorted {
        let mut stated = Type1::parse(text);
        let (id, counter) = Counter::split(name, ".conf");
        let (kind, program) = stated.program();
        let directory = path.clone();
        let file = FileRef {
            volume: self.id,
            path,
        };
        let origin = Origin { file, line: None };
        let mut entry = BootEntry::new(id, EntrySource::Bls, kind, origin);
        let resolver = Resolver {
            reader: self,
            // Of `/boot/loader/entries/x.conf` the `/boot`.
            boot: directory
                .parent()
                .and_then(|d| d.parent())
                .and_then(|d| d.parent()),
        };
        match program {
            Some(program) => entry.kernel = resolver.file(program, &mut entry),
            None => entry.block("it names nothing to start: `linux` is missing"),
        }
        if self.place == Place::Elsewhere {
            stated.expand(variables, &mut entry);
        }
        for initrd in &stated.initrd {
            let file = resolver.file(initrd, &mut entry);
            entry.initrd.extend(file.map(Initrd::from));
        }
        if let Some(devicetree) = &stated.devicetree {
            entry.devicetree = resolver.file(devicetree, &mut entry);
        }
        entry.tries_left = counter.map(|counter| counter.left);
        entry.tries_done = counter.map(|counter| counter.done);
        stated.explain(&mut entry);
        if let Some(title) = stated.title {
            entry.title = title;
        }
        entry.version = stated.version;
        entry.machine_id = stated.machine_id;
        entry.architecture = stated.architecture;
        entry.cmdline = stated.options;
        let program = entry.kernel.clone().filter(|_| entry.bootable());
        if let Some(file) = program.filter(|_| kind != PayloadKind::Linux) {
            // A number that is none has blocked the entry.
            let profile = stated.profile.unwrap_or_default();
            uki::start(self.filesystem, &file, &entry.cmdline, profile).fill(&mut entry);
        }
        for extra in &stated.extra {
            let file = resolver.file(extra, &mut entry);
            match uki::kind_of(extra) {
                None => entry.block(format!("{extra}: it is not known what that is")),
                Some(CompanionKind::Addon) if kind == PayloadKind::Linux => entry.block(format!(
                    "{extra}: an add-on goes with a unified kernel image, and this is a kernel alone"
                )),
                Some(kind) => {
                    let unified = entry.unified.get_or_insert_default();
                    let companions = file.map(|file| Companion { kind, file });
                    unified.companions.extend(companions);
                }
            }
        }
        Sorted {
            entry,
            sort_key: stated.sort_key,
            profile_of: None,
        }
    }
}

/// Finds the files that an entry names.
struct Resolver<'a> {
    reader: &'a Reader<'a>,
    /// The directory that holds `loader`.
    boot: Option<FsPath>,
}

impl Resolver<'_> {
    /// The file that `text` means: from the root of the volume, or, where `/boot` is no volume of its
    /// own, from there, as tools write that expect it to be one. A file that is not there is a problem
    /// of the entry.
    fn file(&self, text: &str, entry: &mut BootEntry) -> Option<FileRef> {
        if text.split('/').any(|part| part == "..") {
            entry.block(format!(
                "{text} leads upwards, which the specification forbids"
            ));
            return None;
        }
        let path = match FsPath::new(text) {
            Ok(path) => path,
            Err(error) => {
                entry.block(format!("{text}: {error}"));
                return None;
            }
        };
        let below_boot = self.boot.as_ref().and_then(|boot| boot.join(text).ok());
        let candidates = [Some(&path), below_boot.as_ref()];
        let mut problem = None;
        for candidate in candidates.into_iter().flatten() {
            match self.reader.filesystem.metadata(candidate) {
                Ok(metadata) if metadata.kind == FileKind::File => {
                    return Some(FileRef {
                        volume: self.reader.id,
                        path: candidate.clone(),
                    });
                }
                Ok(_) => problem = problem.or(Some(format!("{candidate} is no file"))),
                Err(FsError::NotFound | FsError::NotADirectory) => {}
                Err(error) => problem = Some(format!("{candidate} can't be read: {error}")),
            }
        }
        entry.block(problem.unwrap_or_else(|| format!("{path} is not there")));
        let volume = self.reader.id;
        Some(FileRef { volume, path })
    }
}

impl Type1 {
    /// What the entry starts.
    fn program(&self) -> (PayloadKind, Option<&str>) {
        match (&self.linux, &self.uki, &self.efi) {
            (Some(linux), _, _) => (PayloadKind::Linux, Some(linux)),
            (None, Some(uki), _) => (PayloadKind::Uki, Some(uki)),
            (None, None, Some(efi)) => (PayloadKind::Efi, Some(efi)),
            (None, None, None) => (PayloadKind::Linux, None),
        }
    }

    /// Puts in the values of GRUB's variables. A line that has some may name several initrds, or none.
    fn expand(&mut self, variables: &Variables<'_>, entry: &mut BootEntry) {
        match variables.expand(&self.options) {
            Ok(options) => self.options = options,
            Err(reason) => entry.block(format!("its options use {reason}")),
        }
        let mut initrds = Vec::new();
        for initrd in &self.initrd {
            if !initrd.contains('$') {
                initrds.push(initrd.clone());
                continue;
            }
            match variables.expand(initrd) {
                Ok(names) => initrds.extend(names.split_ascii_whitespace().map(str::to_owned)),
                Err(reason) => entry.block(format!("an initrd uses {reason}")),
            }
        }
        if initrds.len() > MAX_INITRDS {
            entry.block(format!("it names more than {MAX_INITRDS} initrds"));
            initrds.truncate(MAX_INITRDS);
        }
        self.initrd = initrds;
    }

    /// Adds what a person should know, and what keeps the entry from being started as it was meant.
    fn explain(&self, entry: &mut BootEntry) {
        match entry.kind {
            PayloadKind::Linux if self.profile.is_some() => {
                entry.remark("`profile` means nothing for a kernel: passed over");
            }
            PayloadKind::Uki | PayloadKind::Efi if !self.initrd.is_empty() => {
                entry.remark("`initrd` goes with `linux` only: not passed on");
                entry.initrd.clear();
            }
            _ => {}
        }
        if self.uki_url.is_some() {
            entry.block("`uki-url` asks for a network, which is not used");
        }
        let architecture = self.architecture.as_deref().unwrap_or(Machine::OWN);
        if !architecture.eq_ignore_ascii_case(Machine::OWN) {
            entry.block(format!(
                "it is for {architecture}, and this machine is {}",
                Machine::OWN
            ));
        }
        if self.devicetree.is_some() && cfg!(target_arch = "x86_64") {
            entry.remark("`devicetree` has no meaning on this machine: not passed on");
        }
        match self.overlays {
            false => {}
            true if cfg!(target_arch = "x86_64") => {
                entry.remark("`devicetree-overlay` has no meaning on this machine: not passed on");
            }
            true => entry.block("`devicetree-overlay`: nothing here lays one tree over another"),
        }
        entry.problems.extend(self.problems.iter().cloned());
        if self.unsaid > 0 {
            entry.remark(format!("and {} more remarks", self.unsaid));
        }
    }
}

/// Names that are looked at: `*.conf`, neither hidden nor made up by a loader for itself.
fn is_entry(name: &str) -> bool {
    let suffix = name
        .len()
        .checked_sub(5)
        .and_then(|start| name.get(start..));
    suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(".conf"))
        && !name.starts_with('.')
        && !name.to_ascii_lowercase().starts_with("auto-")
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-_.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    const ID: VolumeId = VolumeId { disk: 0, volume: 1 };

    fn one(filesystem: &MemoryFilesystem, place: Place) -> BootEntry {
        let mut read = read(filesystem, ID, place);
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(read.entries.len(), 1);
        read.entries.remove(0).entry
    }

    fn problems(entry: &BootEntry) -> Vec<&str> {
        entry
            .problems
            .iter()
            .map(|problem| problem.text.as_str())
            .collect()
    }

    #[test]
    fn an_entry_with_its_files() {
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/debian+3-1.conf",
                "title Debian\nlinux m/linux\ninitrd /m/initrd\n",
            )
            .file("/m/linux", "")
            .file("/m/initrd", "");
        let entry = one(&filesystem, Place::Esp);
        assert_eq!(
            (entry.id.as_str(), entry.title.as_str()),
            ("debian.conf", "Debian")
        );
        assert_eq!((entry.tries_left, entry.tries_done), (Some(3), Some(1)));
        assert_eq!(entry.kernel.unwrap().path.as_str(), "/m/linux");
        assert_eq!(entry.initrd[0].file.path.as_str(), "/m/initrd");
        assert_eq!(
            entry.origin.file.path.as_str(),
            "/loader/entries/debian+3-1.conf"
        );
        assert_eq!(entry.problems, []);
    }

    #[test]
    fn on_a_root_volume_files_count_from_boot_too() {
        let filesystem = MemoryFilesystem::new()
            .file(
                "/boot/loader/entries/a.conf",
                "linux /m/linux\ninitrd /boot/initrd\n",
            )
            .file("/boot/m/linux", "")
            .file("/boot/initrd", "");
        let entry = one(&filesystem, Place::Elsewhere);
        assert_eq!(
            entry.kernel.as_ref().unwrap().path.as_str(),
            "/boot/m/linux"
        );
        assert_eq!(entry.initrd[0].file.path.as_str(), "/boot/initrd");
        assert!(entry.bootable());
    }

    #[test]
    fn what_is_missing_keeps_its_place_in_the_list() {
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "linux /gone\ninitrd /dir\ninitrd /../up\n",
            )
            .file("/dir/x", "");
        let entry = one(&filesystem, Place::Esp);
        assert!(!entry.bootable());
        assert_eq!(entry.kernel.as_ref().unwrap().path.as_str(), "/gone");
        assert_eq!(
            problems(&entry),
            [
                "/gone is not there",
                "/dir is no file",
                "/../up leads upwards, which the specification forbids",
            ]
        );
    }

    #[test]
    fn what_can_not_be_started_says_why() {
        for (text, reason) in [
            ("title x", "it names nothing to start: `linux` is missing"),
            (
                "linux /l\narchitecture ARM",
                "it is for ARM, and this machine is x64",
            ),
            ("linux /l\nprofile x", "`profile` in line 2 is no number"),
            ("efi /l", "it is no EFI program: no PE headers"),
            ("uki /l", "it is no EFI program: no PE headers"),
            ("linux /l\nextra /l", "/l: it is not known what that is"),
            (
                "linux /l\nuki-url https://a/b",
                "`uki-url` asks for a network, which is not used",
            ),
            (
                "linux /l\nextra /a.addon.efi",
                "/a.addon.efi: an add-on goes with a unified kernel image, and this is a kernel alone",
            ),
            ("linux /l\nextra /gone.cred", "/gone.cred is not there"),
            (
                "linux /l\noptions ro $kernelopts",
                "its options use the variable $kernelopts, whose value only GRUB's configuration knows",
            ),
        ] {
            let filesystem = MemoryFilesystem::new()
                .file("/loader/entries/a.conf", text)
                .file("/a.addon.efi", "")
                .file("/l", "");
            let entry = one(&filesystem, Place::Elsewhere);
            assert!(!entry.bootable(), "{text}");
            assert_eq!(problems(&entry), [reason], "{text}");
        }
    }

    #[test]
    fn remarks_do_not_block() {
        let text = "linux /l\narchitecture X64\nfoo bar\noptions a=$b\ndevicetree-overlay /o\n";
        let filesystem = MemoryFilesystem::new()
            .file("/loader/entries/a.conf", text)
            .file("/l", "");
        let entry = one(&filesystem, Place::Esp);
        assert!(entry.bootable());
        assert_eq!(
            problems(&entry),
            [
                "`devicetree-overlay` has no meaning on this machine: not passed on",
                "`foo` in line 3 is no key of an entry: passed over",
            ]
        );
        assert_eq!(entry.cmdline, "a=$b");
    }

    #[test]
    fn names_decide_what_is_an_entry() {
        let mut filesystem = MemoryFilesystem::new();
        for name in [
            ".a.conf",
            "auto-x.conf",
            "notes.txt",
            "b.conf/x",
            "c d.conf",
            "É.conf",
        ] {
            filesystem = filesystem.file(&format!("/loader/entries/{name}"), "linux /l");
        }
        let filesystem = filesystem
            .file("/loader/entries/OK.CONF", "linux /l")
            .file("/loader/entries/bad.conf", *b"\xff")
            .file("/loader/loader.conf", "default ok*\ntime x")
            .file("/l", "");
        let read = read(&filesystem, ID, Place::Esp);
        let ids: Vec<&str> = read.entries.iter().map(|s| s.entry.id.as_str()).collect();
        assert_eq!(ids, ["OK.CONF", "bad.conf"]);
        let (path, conf) = &read.confs[0];
        assert_eq!(path.as_str(), "/loader/loader.conf");
        assert_eq!(conf.default.as_ref().unwrap().as_str(), "ok*");
        assert_eq!(
            read.problems,
            [
                "/loader/loader.conf, line 2: `time` is no key of loader.conf",
                "/loader/entries/c d.conf is passed over: ' ' can't be in its name",
                "/loader/entries/É.conf is passed over: 'É' can't be in its name",
            ]
        );
    }

    #[test]
    fn variables_are_those_of_the_system() {
        let block = "# GRUB Environment Block\nkernelopts=root=/dev/sda1 ro\n###";
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "linux /l\ninitrd /i $tuned_initrd\noptions $kernelopts $tuned_params quiet\n",
            )
            .file("/grub2/grubenv", block)
            .file("/l", "")
            .file("/i", "");
        let entry = one(&filesystem, Place::Elsewhere);
        assert_eq!(problems(&entry), [""; 0]);
        assert_eq!(entry.cmdline, "root=/dev/sda1 ro  quiet");
        assert_eq!(entry.initrd.len(), 1);
        // Where systemd-boot starts it, a dollar is a dollar.
        let entry = one(&filesystem, Place::Xbootldr);
        assert_eq!(entry.cmdline, "$kernelopts $tuned_params quiet");
        assert!(!entry.bootable());
    }
}
