//! The entries of one volume.

use std::sync::Arc;

use super::entry::Maker;
use super::group::Place;
use super::loader_conf::LoaderConf;
use super::variables::Variables;
use crate::config::budget::{Budget, Limit};
use crate::config::home::is_in_home;
use crate::entry::{BootEntry, ConfigFile, FileRef, VolumeId};
use crate::fs::{FileKind, Filesystem, FsError, FsPath};

/// Where entries lie: on an ESP, an XBOOTLDR or a separate `/boot`, and on a root filesystem.
const PLACES: [&str; 3] = ["/loader", "/boot/loader", "/root/boot/loader"];

/// A longer file is no entry.
const MAX_SIZE: usize = 64 * 1024;

/// More entries than this in one directory are not read.
const MAX_ENTRIES: usize = 2048;

/// Further problems of one volume are only counted: each may be a name in a directory.
const MAX_PROBLEMS: usize = 64;

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

    /// Do the files of both have the same name but for a counter, in the same directory?
    pub(super) fn is_beside(&self, other: &Sorted) -> bool {
        let file = |sorted: &Sorted| {
            let FileRef { volume, path } = &sorted.entry.origin.file;
            (*volume, path.parent())
        };
        self.image() == other.image() && file(self) == file(other)
    }

    /// How many bytes it takes, about.
    pub(in crate::config) fn size(&self) -> usize {
        let Sorted {
            entry,
            sort_key,
            profile_of,
        } = self;
        let key = sort_key.as_ref().map_or(0, String::len);
        let image = profile_of.as_ref().map_or(0, |(image, _)| image.len());
        let texts = [size_of::<Sorted>(), key, image].into_iter();
        texts.fold(entry.size(), usize::saturating_add)
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
    pub(super) confs: Vec<(Arc<ConfigFile>, FsPath, LoaderConf)>,
    /// Is there a `loader.conf` that can't be read? It may forbid to change command lines.
    pub(super) may_forbid: bool,
    /// What was found and can't be offered, in words.
    pub(super) problems: Vec<String>,
}

/// Reads all entries of `filesystem`, which is volume `id`, as far as they fit into the budget.
pub(super) fn read(
    filesystem: &dyn Filesystem,
    id: VolumeId,
    place: Place,
    budget: &Budget,
) -> Read {
    let mut reader = Reader {
        filesystem,
        id,
        place,
        budget,
        seen: Vec::new(),
        found: Read::default(),
        unsaid: 0,
    };
    for place in PLACES {
        if is_in_home(filesystem, place) {
            continue;
        }
        if let Ok(place) = FsPath::new(place) {
            reader.place(&place);
        }
    }
    let Reader {
        mut found, unsaid, ..
    } = reader;
    if unsaid > 0 {
        found.problems.push(format!("and {unsaid} more problems"));
    }
    found
}

struct Reader<'a> {
    filesystem: &'a dyn Filesystem,
    id: VolumeId,
    place: Place,
    budget: &'a Budget,
    /// Directories that were read.
    seen: Vec<[u64; 2]>,
    found: Read,
    /// How many problems are not told.
    unsaid: usize,
}

impl Reader<'_> {
    fn place(&mut self, place: &FsPath) {
        // Links like `/boot -> .` lead to one directory by several paths.
        if self.is_seen(place) {
            return;
        }
        // Entries may all be on an XBOOTLDR: the file on the ESP counts for them.
        self.loader_conf(place);
        let directory = place.join("entries");
        if let Some(directory) = directory.ok().filter(|path| !self.is_seen(path)) {
            let boot = place.parent().unwrap_or_else(FsPath::root);
            if let Err(problem) = self.entries(&directory, boot) {
                self.problem(problem);
            }
        }
    }

    /// Reads the files in a directory, below the one that holds `loader`.
    ///
    /// # Errors
    /// Why it is not read, or not all of it, in words.
    fn entries(&mut self, directory: &FsPath, boot: FsPath) -> Result<(), String> {
        let list = match self.filesystem.read_dir(directory) {
            Ok(list) => list,
            Err(FsError::NotFound | FsError::NotADirectory) => return Ok(()),
            Err(error) => return Err(format!("{directory} can't be read: {error}")),
        };
        let maker = Maker {
            filesystem: self.filesystem,
            id: self.id,
            place: self.place,
            variables: Variables::new(self.filesystem, self.id, boot.clone()),
            boot,
            budget: self.budget,
        };
        let mut read = 0_usize;
        for item in list {
            if item.kind == FileKind::Directory || !is_entry(&item.name) {
                continue;
            }
            let Ok(path) = directory.join(&item.name) else {
                continue;
            };
            if let Some(bad) = item.name.chars().find(|c| c.is_control()) {
                let text = format!("{path} is passed over: {bad:?} can't be in its name");
                self.problem(text);
                continue;
            }
            read = read.saturating_add(1);
            if read > MAX_ENTRIES {
                return Err(format!(
                    "{directory} has over {MAX_ENTRIES} entries: the rest is left out"
                ));
            }
            self.entry(&maker, &item.name, &path)
                .map_err(|limit| format!("{path}: {limit}: it and what follows is left out"))?;
        }
        Ok(())
    }

    /// Reads one file.
    ///
    /// # Errors
    /// [`Limit`]: there is no room for it.
    fn entry(&mut self, maker: &Maker<'_>, name: &str, path: &FsPath) -> Result<(), Limit> {
        self.budget.file()?;
        let bytes = match self.filesystem.read(path, MAX_SIZE) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problem(format!("{path} can't be read: {error}"));
                return Ok(());
            }
        };
        self.budget.read(bytes.len())?;
        let mut sorted = maker.entry(name, path.clone(), &bytes);
        remark_on_name(&mut sorted.entry, name);
        self.budget.exceeded().map_or(Ok(()), Err)?;
        self.budget.keep(sorted.size())?;
        let kept = self.budget.spare(bytes.len());
        let kept = kept.then(|| self.config_file(path, &bytes));
        let written = &mut sorted.entry.written;
        written.add(kept.as_ref());
        if bytes.contains(&b'$') {
            maker.variables.tell(written);
        }
        self.found.entries.push(sorted);
        Ok(())
    }

    fn config_file(&self, path: &FsPath, bytes: &[u8]) -> Arc<ConfigFile> {
        let (volume, path) = (self.id, path.clone());
        ConfigFile::new(FileRef { volume, path }, bytes)
    }

    /// Was this directory read before, by another path? From now on it was.
    fn is_seen(&mut self, directory: &FsPath) -> bool {
        let identity = self.filesystem.identify(directory);
        let is_seen = identity.is_some_and(|identity| self.seen.contains(&identity));
        self.seen.extend(identity);
        is_seen
    }

    fn problem(&mut self, text: String) {
        match self.found.problems.len() < MAX_PROBLEMS {
            true => self.found.problems.push(text),
            false => self.unsaid = self.unsaid.saturating_add(1),
        }
    }

    fn loader_conf(&mut self, place: &FsPath) {
        let Ok(path) = place.join("loader.conf") else {
            return;
        };
        match self.filesystem.read(&path, MAX_SIZE) {
            Ok(bytes) => {
                let conf = LoaderConf::parse(&bytes);
                for problem in &conf.problems {
                    self.problem(format!("{path}, {problem}"));
                }
                let file = self.config_file(&path, &bytes);
                self.found.confs.push((file, path, conf));
            }
            Err(FsError::NotFound | FsError::NotADirectory) => {}
            Err(error) => {
                self.found.may_forbid = true;
                self.problem(format!(
                    "{path} can't be read: {error}: it counts as `editor no`"
                ));
            }
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

/// Says of an entry whose file has a name that the specification does not have. systemd-boot takes it, and
/// kernel-install writes it where the version of a kernel has a tilde.
pub(in crate::config) fn remark_on_name(entry: &mut BootEntry, name: &str) {
    if let Some(odd) = name.chars().find(|c| !is_allowed(*c)) {
        entry.remark(format!(
            "`bootctl` passes it over: {odd:?} is in the name of its file"
        ));
    }
}

/// What the specification has in names, and `bootctl` takes.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-_.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::PayloadKind;
    use crate::fs::{DirEntry, MemoryFilesystem, Metadata, ReadFile};
    use crate::kexec::least_kernel;
    use crate::pe::program;

    const ID: VolumeId = VolumeId { disk: 0, volume: 1 };

    fn one(filesystem: &MemoryFilesystem, place: Place) -> BootEntry {
        let mut read = read(filesystem, ID, place, &Budget::of_disk(1));
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
            .file("/m/linux", least_kernel())
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
            .file("/boot/m/linux", least_kernel())
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
    fn root_is_a_subvolume_where_there_is_no_other_boot() {
        let subvolume = MemoryFilesystem::new()
            .file("/root/boot/loader/entries/a.conf", "linux /linux\n")
            .file("/root/boot/linux", least_kernel());
        let entry = one(&subvolume, Place::Elsewhere);
        assert_eq!(entry.kernel.unwrap().path.as_str(), "/root/boot/linux");
        let home = subvolume.file("/boot/linux", least_kernel());
        let found = read(&home, ID, Place::Elsewhere, &Budget::of_disk(1));
        assert_eq!(found.entries.len(), 0);
    }

    #[test]
    fn initrds_of_lines_and_of_options_have_one_limit() {
        let blocked = |own: usize| {
            let lines: String = (0..own).map(|i| format!("initrd /i{i}\n")).collect();
            let text = format!("linux /l\noptions ro initrd=/other\n{lines}");
            let filesystem = MemoryFilesystem::new()
                .file("/loader/entries/a.conf", text)
                .file("/l", least_kernel())
                .file("/other", "");
            let filesystem = (0..own).fold(filesystem, |filesystem, i| {
                filesystem.file(&format!("/i{i}"), "")
            });
            let entry = one(&filesystem, Place::Esp);
            assert_eq!(entry.initrd.len(), 64);
            problems(&entry).join(" ")
        };
        assert_eq!(blocked(63), "");
        assert_eq!(
            blocked(64),
            "it names more than 64 initrds, with those of its options"
        );
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
        let long = format!("linux /l\noptions {}", "a".repeat(2017));
        for (text, reason) in [
            ("title x", "it names nothing to start: `linux` is missing"),
            (
                "linux /l\narchitecture ARM",
                "it is for ARM, and this machine is x64",
            ),
            ("linux /l\nprofile x", "`profile` in line 2 is no number"),
            ("efi /empty", "it is no EFI program: no PE headers"),
            ("uki /empty", "it is no EFI program: no PE headers"),
            ("linux /l\nextra /l", "/l: it is not known what that is"),
            (
                "uki-url https://a/b",
                "`uki-url` asks for a network, which is not used",
            ),
            (
                "linux /program.efi",
                "it is an EFI program, and kexec starts Linux kernels only",
            ),
            (
                "linux /cut.efi",
                "its PE headers are damaged: they do not end before the file does",
            ),
            (
                "linux /u.efi\ninitrd /l",
                "`initrd` does not go with a unified kernel image, which has its own",
            ),
            ("linux /l\noptions initrd=\\m\\gone", "/m/gone: not found"),
            (
                "linux /l\nextra /a.addon.efi",
                "/a.addon.efi: an add-on goes with a unified kernel image, and this is a kernel alone",
            ),
            ("linux /l\nextra /gone.cred", "/gone.cred is not there"),
            ("linux /empty", "it is no x86 Linux kernel: no setup header"),
            (
                "linux /readme",
                "it is no x86 Linux kernel: no setup header",
            ),
            (
                "linux /cut",
                "it is cut off: it has 2559 bytes of a kernel of 2560; copy it again",
            ),
            (
                "efi /cut",
                "it is cut off: it has 2559 bytes of a kernel of 2560; copy it again",
            ),
            (
                &long,
                "the command line has 2017 bytes and this kernel takes 2016 through kexec: shorten the entry's options",
            ),
            (
                "linux /l\noptions ro $kernelopts",
                "its options use the variable $kernelopts, whose value only GRUB's configuration knows",
            ),
        ] {
            let filesystem = MemoryFilesystem::new()
                .file("/loader/entries/a.conf", text)
                .file("/a.addon.efi", "")
                .file("/program.efi", program(&[(".text", b"x")]))
                .file("/cut.efi", "MZ")
                .file("/empty", "")
                .file("/readme", "hello\n")
                .file("/cut", &least_kernel()[..2559])
                .file("/u.efi", program(&[(".linux", &least_kernel())]))
                .file("/l", least_kernel());
            let entry = one(&filesystem, Place::Elsewhere);
            assert!(!entry.bootable(), "{text}");
            assert_eq!(problems(&entry), [reason], "{text}");
        }
    }

    #[test]
    fn names_in_paths_are_parted_by_either_slash() {
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "linux \\m\\linux\ninitrd m\\initrd\nextra \\m/x.cred\n",
            )
            .file("/m/linux", least_kernel())
            .file("/m/initrd", "")
            .file("/m/x.cred", "");
        let entry = one(&filesystem, Place::Esp);
        assert_eq!(problems(&entry), [""; 0]);
        assert_eq!(entry.kernel.unwrap().path.as_str(), "/m/linux");
        assert_eq!(entry.initrd[0].file.path.as_str(), "/m/initrd");
        let companions = &entry.unified.unwrap().companions;
        assert_eq!(companions[0].file.path.as_str(), "/m/x.cred");
        let up = MemoryFilesystem::new().file("/loader/entries/a.conf", "linux \\..\\l");
        assert_eq!(
            problems(&one(&up, Place::Esp)),
            ["/../l leads upwards, which the specification forbids"]
        );
    }

    #[test]
    fn options_name_initrds_as_for_the_stub_of_the_kernel() {
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "linux /l\ninitrd /first\noptions initrd=\\second ro initrd=/first\n\
                 options initrd=third\n",
            )
            .file("/l", least_kernel())
            .file("/first", "")
            .file("/second", "")
            .file("/third", "");
        let entry = one(&filesystem, Place::Esp);
        assert_eq!(problems(&entry), [""; 0]);
        let initrds: Vec<&str> = entry.initrd.iter().map(|i| i.file.path.as_str()).collect();
        assert_eq!(initrds, ["/first", "/second", "/third"]);
        assert_eq!(
            entry.cmdline,
            "initrd=\\second ro initrd=/first initrd=third"
        );
        let many = "initrd=/l ".repeat(65);
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                format!("linux /l\noptions {many}"),
            )
            .file("/l", least_kernel());
        assert_eq!(
            problems(&one(&filesystem, Place::Esp)),
            ["its options name more than 64 initrds"]
        );
    }

    #[test]
    fn a_program_is_what_it_is() {
        let image = program(&[(".linux", &least_kernel()), (".cmdline", b"own")]);
        let mut stub = least_kernel();
        stub[..2].copy_from_slice(b"MZ");
        let filesystem = |text: &str| {
            MemoryFilesystem::new()
                .file("/loader/entries/a.conf", text)
                .file("/u.efi", image.clone())
                .file("/k.efi", stub.clone())
                .file("/x.cred", "")
        };
        let entry = one(&filesystem("linux /u.efi\nextra /x.cred"), Place::Esp);
        assert_eq!(problems(&entry), [""; 0]);
        assert_eq!(
            (entry.kind, entry.cmdline.as_str()),
            (PayloadKind::Uki, "own")
        );
        assert_eq!(entry.unified.unwrap().companions.len(), 1);
        let entry = one(&filesystem("linux /u.efi\noptions other"), Place::Esp);
        assert_eq!(entry.cmdline, "other");
        let entry = one(
            &filesystem("efi /k.efi\nprofile 1\nextra /x.cred"),
            Place::Esp,
        );
        assert_eq!(entry.kind, PayloadKind::Linux);
        assert_eq!(
            problems(&entry),
            ["`profile` means nothing for a kernel: passed over"]
        );
        assert_eq!(entry.unified.unwrap().companions.len(), 1);
    }

    #[test]
    fn add_ons_are_one_thing_wherever_they_are_named() {
        let addon = |cmdline: &[u8]| program(&[(".cmdline", cmdline)]);
        let mut foreign = addon(b"no");
        foreign[0x44..0x46].copy_from_slice(&0xaa64_u16.to_le_bytes());
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "uki /u.efi\noptions opt\nextra /x/foreign.addon.efi\nextra /x/b.addon.efi\n\
                 extra /x/damaged.addon.efi\nextra /x/tree.addon.efi\nextra /x/both.addon.efi\n\
                 extra /u.efi.extra.d/own.addon.efi\nextra /x/a.addon.efi\n",
            )
            .file("/u.efi", program(&[(".linux", &least_kernel())]))
            .file("/u.efi.extra.d/own.addon.efi", addon(b"own"))
            .file("/loader/addons/all.addon.efi", addon(b"all"))
            .file("/x/a.addon.efi", addon(b"a"))
            .file("/x/b.addon.efi", addon(b"b"))
            .file("/x/damaged.addon.efi", "MZ")
            .file("/x/foreign.addon.efi", foreign)
            .file(
                "/x/tree.addon.efi",
                program(&[(".dtb", b"x"), (".dtbauto", b"x")]),
            )
            .file(
                "/x/both.addon.efi",
                program(&[(".dtb", b"x"), (".cmdline", b"both")]),
            );
        let entry = one(&filesystem, Place::Esp);
        assert!(entry.bootable());
        assert_eq!(entry.cmdline, "opt all own b both a");
        assert_eq!(
            problems(&entry),
            [
                "/x/foreign.addon.efi is left out: it is for aa64, and this machine is x64",
                "/x/damaged.addon.efi is left out: its PE headers are damaged: \
                 they do not end before the file does",
                "/x/tree.addon.efi is left out: it holds only .dtb and .dtbauto, without meaning on this machine",
                "/x/both.addon.efi: .dtb in it has no meaning on this machine: not passed on",
            ]
        );
        let companions = &entry.unified.unwrap().companions;
        let names: Vec<&str> = companions.iter().map(|c| c.file.path.file_name()).collect();
        assert_eq!(
            names,
            [
                "all.addon.efi",
                "own.addon.efi",
                "b.addon.efi",
                "both.addon.efi",
                "a.addon.efi"
            ]
        );
    }

    #[test]
    fn variables_name_no_more_initrds_than_lines_may() {
        let block = format!("# GRUB Environment Block\nmany={}\n", "/l ".repeat(20_000));
        let filesystem = MemoryFilesystem::new()
            .file(
                "/loader/entries/a.conf",
                "linux /l\n".to_owned() + &"initrd $many\n".repeat(64),
            )
            .file("/grub2/grubenv", block)
            .file("/l", least_kernel());
        let budget = Budget::of_disk(1);
        let found = read(&filesystem, ID, Place::Elsewhere, &budget);
        assert_eq!(found.problems, [""; 0]);
        let entry = &found.entries[0].entry;
        assert_eq!(problems(entry), ["it names more than 64 initrds"]);
        assert_eq!(entry.initrd.len(), 64);
        // One line was enough to know.
        assert!(budget.worth() / 16 < 20_000, "{budget:?}");
    }

    #[test]
    fn bad_names_are_counted() {
        let filesystem = (0..100).fold(MemoryFilesystem::new(), |filesystem, number| {
            filesystem.file(&format!("/loader/entries/{number}\nx.conf"), "linux /l")
        });
        let found = read(&filesystem, ID, Place::Esp, &Budget::of_disk(1));
        assert_eq!(found.problems.len(), 65);
        assert_eq!(found.problems[64], "and 36 more problems");
    }

    /// A filesystem on which one directory has two paths.
    struct Linked(MemoryFilesystem);

    impl Linked {
        fn path(path: &FsPath) -> FsPath {
            let text = path.as_str();
            FsPath::new(text.strip_prefix("/boot").unwrap_or(text)).unwrap()
        }
    }

    impl Filesystem for Linked {
        fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
            self.0.metadata(&Linked::path(path))
        }
        fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
            self.0.read_dir(&Linked::path(path))
        }
        fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
            self.0.open(&Linked::path(path))
        }
        fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
            let path = Linked::path(path);
            self.0.metadata(&path).ok()?;
            Some([0, path.as_str().len() as u64])
        }
    }

    #[test]
    fn a_directory_with_two_paths_is_read_once() {
        let filesystem = MemoryFilesystem::new()
            .file("/loader/entries/a.conf", "linux /l")
            .file("/loader/loader.conf", "nonsense x")
            .file("/l", least_kernel());
        let read = read(&Linked(filesystem), ID, Place::Esp, &Budget::of_disk(1));
        assert_eq!((read.entries.len(), read.confs.len()), (1, 1));
        assert_eq!(read.problems.len(), 1);
    }

    #[test]
    fn remarks_do_not_block() {
        let text = "linux /l\narchitecture X64\nfoo bar\noptions a=$b\ndevicetree-overlay /o\n";
        let filesystem = MemoryFilesystem::new()
            .file("/loader/entries/a.conf", text)
            .file("/l", least_kernel());
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
            "c\nd.conf",
        ] {
            filesystem = filesystem.file(&format!("/loader/entries/{name}"), "linux /l");
        }
        let filesystem = filesystem
            .file("/loader/entries/OK.CONF", "linux /l")
            .file("/loader/entries/bad.conf", *b"\xff")
            .file("/loader/entries/c d.conf", "linux /l")
            .file("/loader/entries/É~1.conf", "linux /l")
            .file("/loader/loader.conf", "default ok*\ntime x")
            .file("/l", least_kernel());
        let read = read(&filesystem, ID, Place::Esp, &Budget::of_disk(1));
        let ids: Vec<&str> = read.entries.iter().map(|s| s.entry.id.as_str()).collect();
        assert_eq!(ids, ["OK.CONF", "bad.conf", "c d.conf", "É~1.conf"]);
        let odd = |i: usize| problems(&read.entries[i].entry);
        assert_eq!(odd(0), [""; 0]);
        let passed_over = "`bootctl` passes it over: ' ' is in the name of its file";
        assert_eq!(odd(2), [passed_over]);
        assert_eq!(odd(3), [passed_over.replace("' '", "'É'")]);
        let (_, path, conf) = &read.confs[0];
        assert_eq!(path.as_str(), "/loader/loader.conf");
        assert_eq!(conf.default.as_ref().unwrap().as_str(), "ok*");
        assert_eq!(
            read.problems,
            [
                "/loader/loader.conf, line 2: `time` is no key of loader.conf",
                "/loader/entries/c\nd.conf is passed over: '\\n' can't be in its name",
            ]
        );
    }

    #[test]
    fn a_file_of_another_language_covers_nothing() {
        for (text, is_complete) in [
            ("title a\nlinux /l\noptions ro\ngrub_class a\n", true),
            (
                "set timeout=5\nmenuentry a {\nlinux /k ro\n}\nmenuentry b {\nlinux /l\n}\n",
                false,
            ),
        ] {
            let filesystem = MemoryFilesystem::new()
                .file("/loader/entries/a.conf", text)
                .file("/l", least_kernel());
            let entry = one(&filesystem, Place::Esp);
            assert!(entry.bootable(), "{text}");
            assert_eq!(entry.written.is_complete(), is_complete, "{text}");
        }
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
            .file("/l", least_kernel())
            .file("/i", "");
        let entry = one(&filesystem, Place::Elsewhere);
        assert_eq!(problems(&entry), [""; 0]);
        assert_eq!(entry.cmdline, "root=/dev/sda1 ro  quiet");
        assert_eq!(entry.initrd.len(), 1);
        // The type of its partition says nothing where GRUB has its variables.
        let other = one(&filesystem, Place::Xbootldr);
        assert_eq!(problems(&other), [""; 0]);
        assert_eq!(
            (&other.cmdline, &other.initrd),
            (&entry.cmdline, &entry.initrd)
        );
        assert_eq!(other.written.files().len(), 2, "the block, too");
        // Where systemd-boot starts it, a dollar is a dollar.
        let text = "linux /l\ninitrd /i $tuned_initrd\noptions $kernelopts $tuned_params quiet\n";
        let alone = MemoryFilesystem::new()
            .file("/loader/entries/a.conf", text)
            .file("/l", least_kernel())
            .file("/i", "");
        for (filesystem, place) in [(&filesystem, Place::Esp), (&alone, Place::Xbootldr)] {
            let entry = one(filesystem, place);
            assert_eq!(entry.cmdline, "$kernelopts $tuned_params quiet");
            assert!(!entry.bootable());
        }
        // A line without variables is a list, too.
        let entry = "linux /l\ninitrd /i /l\ninitrd /a b\n";
        let filesystem = MemoryFilesystem::new()
            .file("/loader/entries/a.conf", entry)
            .file("/l", least_kernel())
            .file("/i", "")
            .file("/a b", "");
        let entry = one(&filesystem, Place::Elsewhere);
        assert_eq!(problems(&entry), [""; 0]);
        let paths = entry.initrd.iter().map(|initrd| initrd.file.path.as_str());
        assert_eq!(paths.collect::<Vec<_>>(), ["/i", "/l", "/a b"]);
        assert!(!one(&filesystem, Place::Esp).bootable());
    }
}
