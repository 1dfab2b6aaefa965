//! [`Start`]: what starting an EFI program comes to.

use std::ops::ControlFlow;

use super::addon::Extra;
use super::command_line::{command_line, is_cut, text};
use super::companions::companions;
use super::name::Name;
use super::pinned::{Pinned, PinnedError};
use super::profile::{MAX_PROFILES, Profile};
use super::program::{Program, content, examine, foreign, search};
use crate::config::budget::Budget;
use crate::entry::{
    BootEntry, Change, Companion, CompanionKind, FileRef, Initrd, PayloadKind, Problem, Unified,
};
use crate::fs::{FileKind, Filesystem, FsPath, ReadFile};
use crate::kexec::{Kernel, NotBzImage};
use crate::pe::{Image, Section};

/// Everything that an entry says of the program that it starts.
#[derive(Debug)]
pub(in crate::config) struct Start {
    /// What it is.
    pub(in crate::config) kind: PayloadKind,
    /// The command line that it gets.
    pub(in crate::config) cmdline: String,
    /// The initrds that a kernel gets, besides those that the configuration names for it.
    pub(in crate::config) initrd: Vec<FileRef>,
    /// What goes with it, and how a unified kernel image is started.
    pub(in crate::config) unified: Option<Unified>,
    /// What is wrong with it.
    pub(in crate::config) problems: Vec<Problem>,
    /// What it says of itself.
    pub(super) name: Name,
    /// What it is for, in EFI's spelling.
    architecture: Option<&'static str>,
}

/// What a configuration says of a program that it starts.
#[derive(Clone, Copy, Default)]
pub(in crate::config) struct Asked<'a> {
    /// Options, which take the place of those in an image.
    pub(in crate::config) options: &'a str,
    /// The number of the variant of a unified kernel image.
    pub(in crate::config) profile: usize,
    /// Files that are to go with it.
    pub(in crate::config) extra: &'a [Companion],
    /// Is it said to be a kernel, which may be no EFI program?
    pub(in crate::config) any_kernel: bool,
}

/// What starting the program `file` comes to. What `budget` is not enough for can't be started.
pub(in crate::config) fn start(
    filesystem: &dyn Filesystem,
    file: &FileRef,
    asked: Asked<'_>,
    budget: &Budget,
) -> Start {
    let starting = Starting {
        filesystem,
        file,
        asked,
        budget,
    };
    let mut found = None;
    starting.run(Some(asked.profile), &mut |start| {
        found = Some(start);
        ControlFlow::Break(())
    });
    found.unwrap_or_else(|| {
        let mut start = Start::new(PayloadKind::Uki);
        start.block(format!("it has no profile {}", asked.profile));
        start
    })
}

/// The same for each profile, without anything asked, until `each` wants no more.
pub(super) fn start_all(
    filesystem: &dyn Filesystem,
    file: &FileRef,
    budget: &Budget,
    each: &mut dyn FnMut(Start) -> ControlFlow<()>,
) {
    let starting = Starting {
        filesystem,
        file,
        asked: Asked::default(),
        budget,
    };
    starting.run(None, each);
}

impl Start {
    fn new(kind: PayloadKind) -> Start {
        Start {
            kind,
            cmdline: String::new(),
            initrd: Vec::new(),
            unified: None,
            problems: Vec::new(),
            name: Name::default(),
            architecture: None,
        }
    }

    fn block(&mut self, text: impl Into<String>) {
        self.problem(true, text);
    }

    /// Blocks it as long as nobody changes that.
    fn block_until(&mut self, change: Change, text: String) {
        self.problems.push(Problem {
            mended_by: Some(change),
            ..Problem::new(true, text)
        });
    }

    fn problem(&mut self, blocks: bool, text: impl Into<String>) {
        self.problems.push(Problem::new(blocks, text));
    }

    /// Makes it the start of an entry.
    pub(in crate::config) fn fill(self, entry: &mut BootEntry) {
        entry.kind = self.kind;
        entry.cmdline = self.cmdline;
        for file in self.initrd {
            // The kernel would read it once.
            if !entry.initrd.iter().any(|initrd| initrd.file == file) {
                entry.initrd.push(Initrd::from(file));
            }
        }
        entry.unified = self.unified;
        if let Some(system) = self.name.system {
            entry.system = Some(system);
        }
        entry.problems.extend(self.problems);
        if entry.architecture.is_none() {
            entry.architecture = self.architecture.map(str::to_owned);
        }
    }
}

/// More initrds than this are a mistake or an attack: each costs a look at the disk.
const MAX_INITRDS: usize = 64;

/// A program that is being looked at.
struct Starting<'a> {
    filesystem: &'a dyn Filesystem,
    file: &'a FileRef,
    asked: Asked<'a>,
    budget: &'a Budget,
}

impl<'a> Starting<'a> {
    /// One profile, or all of them; a program of another kind is one.
    fn run(&self, profile: Option<usize>, each: &mut dyn FnMut(Start) -> ControlFlow<()>) {
        let opened = match self.budget.file() {
            Ok(()) => self.filesystem.open(&self.file.path),
            Err(limit) => return self.other(limit.into(), each),
        };
        let mut open = match opened {
            Ok(open) => open,
            Err(error) => return self.other(format!("it can't be opened: {error}"), each),
        };
        match examine(open.as_mut(), &self.file.path, self.budget) {
            Program::Unified(image) => self.image(&image, open.as_mut(), profile, each),
            Program::Linux(kernel) => self.kernel(Ok(&kernel), each),
            Program::Unfit(reason) => self.kernel(Err(reason), each),
            Program::Alien(_) if self.asked.any_kernel => {
                self.kernel(Err(NotBzImage::NoHeader.to_string()), each);
            }
            Program::Other(reason) | Program::Alien(reason) => self.other(reason, each),
        }
    }

    /// What can't be started.
    fn other(&self, reason: String, each: &mut dyn FnMut(Start) -> ControlFlow<()>) {
        let mut start = Start::new(PayloadKind::Efi);
        self.set_options(&mut start);
        start.block(reason);
        let _ = each(start);
    }

    /// The command line of what is neither an image nor a kernel.
    fn set_options(&self, start: &mut Start) {
        match command_line(Some(self.asked.options.trim()), "", []) {
            Ok(cmdline) => start.cmdline = cmdline,
            Err(error) => start.block(error.to_string()),
        }
    }

    /// A kernel: its EFI stub reads what `initrd=` names from the volume of the kernel
    /// (`drivers/firmware/efi/libstub/file.c`).
    fn kernel(
        &self,
        kernel: Result<&Kernel, String>,
        each: &mut dyn FnMut(Start) -> ControlFlow<()>,
    ) {
        let mut start = Start::new(PayloadKind::Linux);
        let options = self.asked.options.trim();
        // Who may edit it finds it as it is written, however long that is: the entry counts with all its bytes.
        options.clone_into(&mut start.cmdline);
        let line = command_line(Some(options), "", []).map_err(|error| error.to_string());
        match kernel.map(|kernel| line.and_then(|line| taken(kernel, &line))) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => start.block_until(Change::CommandLine, reason),
            Err(reason) => start.block(reason),
        }
        let words = self.asked.options.split_whitespace();
        let names = words.filter_map(|word| word.strip_prefix("initrd="));
        for (number, name) in names.enumerate() {
            if number >= MAX_INITRDS {
                let reason = format!("its options name more than {MAX_INITRDS} initrds");
                start.block_until(Change::Initrds, reason);
                break;
            }
            if let Err(reason) = self.initrd(name, &mut start) {
                start.block_until(Change::Initrds, reason);
            }
        }
        for companion in self.asked.extra {
            if companion.kind == CompanionKind::Addon {
                start.block(format!(
                    "{}: an add-on goes with a unified kernel image, and this is a kernel alone",
                    companion.file.path
                ));
                continue;
            }
            let unified = start.unified.get_or_insert_default();
            unified.companions.push(companion.clone());
        }
        let _ = each(start);
    }

    fn initrd(&self, name: &str, start: &mut Start) -> Result<(), String> {
        self.budget.file()?;
        let path = FsPath::new(&name.replace('\\', "/"));
        let path = path.map_err(|error| format!("{name}: {error}"))?;
        let found = match self.filesystem.metadata(&path) {
            Ok(metadata) if metadata.kind == FileKind::File => Ok(()),
            Ok(_) => Err(format!("{path} is no file")),
            Err(error) => Err(format!("{path}: {error}")),
        };
        let volume = self.file.volume;
        start.initrd.push(FileRef { volume, path });
        found
    }

    fn image(
        &self,
        image: &'a Image,
        open: &mut dyn ReadFile,
        profile: Option<usize>,
        each: &mut dyn FnMut(Start) -> ControlFlow<()>,
    ) {
        // Once for all profiles.
        let found = companions(self.filesystem, self.file, self.asked.extra, self.budget);
        let options = self.asked.options.trim();
        let uki = Uki {
            filesystem: self.filesystem,
            options: Some(options).filter(|options| !options.is_empty()),
            image,
            extras: found.as_ref().map_or(&[], Vec::as_slice),
            budget: self.budget,
        };
        let profiles = Profile::all(image).enumerate();
        for (number, part) in profiles.filter(|(n, _)| profile.is_none_or(|one| one == *n)) {
            let mut start = Start::new(PayloadKind::Uki);
            if let Err(problem) = uki.read(&mut start, open, &part, number) {
                start.block(problem);
            }
            if let Err(problem) = &found {
                start.block(problem);
            }
            if number == 0 && Profile::has_more(image) {
                let text =
                    format!("it has more than {MAX_PROFILES} profiles: the rest is left out");
                start.problem(false, text);
            }
            if each(start).is_break() {
                return;
            }
        }
    }
}

/// A unified kernel image that is being looked at.
struct Uki<'a> {
    filesystem: &'a dyn Filesystem,
    options: Option<&'a str>,
    image: &'a Image,
    extras: &'a [Extra],
    budget: &'a Budget,
}

/// Sections that only mean something with a device tree or another firmware.
pub(super) const WITHOUT_MEANING: [&str; 4] = [".dtb", ".dtbauto", ".efifw", ".hwids"];

impl Uki<'_> {
    /// Fills in what the sections of a profile say.
    fn read(
        &self,
        start: &mut Start,
        file: &mut dyn ReadFile,
        profile: &Profile<'_>,
        number: usize,
    ) -> Result<(), String> {
        search(profile.sections(), self.budget)?;
        let names = [".osrel", ".profile", ".cmdline", ".uname"];
        let mut texts = names.map(|_| Vec::new());
        for (name, bytes) in names.iter().zip(&mut texts) {
            if let Some(section) = profile.section(name) {
                *bytes = content(file, section)?;
                self.budget.read(bytes.len())?;
            }
        }
        let [os_release, variant, own, uname] = texts;
        start.architecture = self.image.machine.name();
        start.name = Name::of(&os_release, &variant, number);
        if is_cut(&own) {
            let text = "its section .cmdline goes on behind a NUL, and what is there does not count, as for \
                        systemd-stub: it has to be UTF-8, not UTF-16";
            start.problem(false, text);
        }
        let own = text(&own).map_err(|error| format!("its section .cmdline is {error}"))?;
        let uname = text(&uname).unwrap_or_default();
        let companions = self.companions(start, &uname);
        let addons = companions.iter().filter_map(|(_, cmdline)| *cmdline);
        let cmdline = command_line(self.options, &own, addons);
        start.cmdline = cmdline.map_err(|error| error.to_string())?;
        start.unified = Some(Unified {
            profile: number,
            options: self.options.map(str::to_owned),
            companions: companions
                .into_iter()
                .map(|(extra, _)| extra.clone())
                .collect(),
        });
        for name in WITHOUT_MEANING {
            if profile.section(name).is_some() {
                let text = format!("{name} in it has no meaning on this machine: not passed on");
                start.problem(false, text);
            }
        }
        if !self.image.machine.is_own() {
            return Err(foreign(self.image.machine));
        }
        if Pinned::is_in(profile) {
            return self.pinned(file, profile, &start.cmdline);
        }
        let kernel = profile.section(".linux");
        let kernel = kernel.ok_or("there is no kernel in it: its section .linux is missing")?;
        let (at, size) = (kernel.content.start, kernel.size());
        let kernel = self.kernel(file, at, size);
        kernel
            .and_then(|kernel| taken(&kernel, &start.cmdline))
            .map_err(|reason| format!("the kernel in it can't be started: {reason}"))
    }

    /// The kernel of so many bytes that begins there.
    fn kernel(&self, file: &mut dyn ReadFile, at: u64, size: u64) -> Result<Kernel, String> {
        self.budget.read(Kernel::HEAD)?;
        let length = usize::try_from(size).unwrap_or(Kernel::HEAD);
        let mut head = vec![0; length.min(Kernel::HEAD)];
        let n = file
            .read_at(at, &mut head)
            .map_err(|error| format!("it can't be read: {error}"))?;
        head.truncate(n);
        Kernel::examine(&head, size).map_err(|reason| reason.to_string())
    }

    /// What goes with a kernel of this version, with the text for the command line.
    fn companions(&self, start: &mut Start, uname: &str) -> Vec<(&Companion, Option<&str>)> {
        let mut taken = Vec::new();
        for extra in self.extras {
            let path = &extra.companion.file.path;
            match extra.addon(uname) {
                Ok(addon) => {
                    for name in addon.map_or(&[][..], |addon| &addon.ignored) {
                        let text = format!(
                            "{path}: {name} in it has no meaning on this machine: not passed on"
                        );
                        start.problem(false, text);
                    }
                    let cmdline = addon.map(|addon| addon.cmdline.as_str());
                    taken.push((&extra.companion, cmdline));
                }
                Err(reason) => start.problem(false, format!("{path} is left out: {reason}")),
            }
        }
        taken
    }

    /// The files that a stub of lanzaboote names must be there, and the kernel be one. Their hashes are compared when
    /// they are read.
    fn pinned(
        &self,
        file: &mut dyn ReadFile,
        profile: &Profile<'_>,
        cmdline: &str,
    ) -> Result<(), String> {
        let mut read = |section: &Section| content(file, section).map_err(PinnedError::Read);
        let pinned = Pinned::read(profile, &mut read).map_err(|error| error.to_string())?;
        let Some(Pinned { kernel, initrd }) = pinned else {
            return Ok(());
        };
        let named = |path: &FsPath, reason: String| format!("{path}, which it names: {reason}");
        self.budget.file()?;
        let opened = self.filesystem.open(&kernel.path);
        let opened = opened.map_err(|error| error.to_string());
        let kernel_of = |mut opened: Box<dyn ReadFile + '_>| {
            let size = opened.size();
            self.kernel(opened.as_mut(), 0, size)
        };
        opened
            .and_then(kernel_of)
            .and_then(|kernel| taken(&kernel, cmdline))
            .map_err(|reason| named(&kernel.path, reason))?;
        if let Some(initrd) = initrd {
            self.budget.file()?;
            let metadata = self.filesystem.metadata(&initrd.path);
            metadata.map_err(|error| named(&initrd.path, error.to_string()))?;
        }
        Ok(())
    }
}

/// Does a kernel take the command line?
fn taken(kernel: &Kernel, cmdline: &str) -> Result<(), String> {
    kernel.takes(cmdline).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{CompanionKind, VolumeId};
    use crate::fs::MemoryFilesystem;
    use crate::kexec::{least_kernel, zboot};
    use crate::pe::program;

    fn file(path: &str) -> FileRef {
        FileRef {
            volume: VolumeId { disk: 0, volume: 0 },
            path: FsPath::new(path).unwrap(),
        }
    }

    fn start(
        filesystem: &MemoryFilesystem,
        file: &FileRef,
        options: &str,
        profile: usize,
    ) -> Start {
        let asked = Asked {
            options,
            profile,
            ..Asked::default()
        };
        super::start(filesystem, file, asked, &Budget::of_disk(1))
    }

    fn texts(start: &Start) -> Vec<&str> {
        start.problems.iter().map(|p| p.text.as_str()).collect()
    }

    #[test]
    fn what_an_image_says() {
        let kernel = least_kernel();
        let image = program(&[
            (".osrel", b"PRETTY_NAME=\"Debian 12\"\nID=debian\n"),
            (".cmdline", b"root=/dev/sda1 ro\n"),
            (".uname", b"6.1"),
            (".linux", &kernel),
            (".dtb", b"x"),
        ]);
        let addon =
            |cmdline: &[u8], uname: &[u8]| program(&[(".cmdline", cmdline), (".uname", uname)]);
        let filesystem = MemoryFilesystem::new()
            .file("/EFI/Linux/a+3.efi", image)
            .file(
                "/EFI/Linux/a.efi.extra.d/b.addon.efi",
                addon(b"own", b"6.1"),
            )
            .file("/EFI/Linux/a.efi.extra.d/a.addon.efi", addon(b"first", b""))
            .file(
                "/EFI/Linux/a.efi.extra.d/c.addon.efi",
                addon(b"no", b"6.12"),
            )
            .file("/EFI/Linux/a.efi.extra.d/d.addon.efi", "")
            .file(
                "/EFI/Linux/a.efi.extra.d/e.addon.efi",
                program(&[(".linux", b"")]),
            )
            // Stubs of lanzaboote, of each form.
            .file(
                "/EFI/Linux/a.efi.extra.d/f.addon.efi",
                program(&[
                    (".cmdline", b"no"),
                    (".kernelp", b"/k"),
                    (".kernelh", &[0; 32]),
                ]),
            )
            .file(
                "/EFI/Linux/a.efi.extra.d/g.addon.efi",
                program(&[
                    (".cmdline", b"no"),
                    (".initrd", b"/i"),
                    (".initrdh", &[0; 32]),
                ]),
            )
            .file("/EFI/Linux/a.efi.extra.d/x.cred", "")
            .file("/EFI/Linux/a.efi.extra.d/readme", "")
            .file("/EFI/Linux/a.efi.extra.d/x.confext.raw", "")
            .file("/loader/addons/z.addon.efi", addon(b"global", b""))
            .file("/loader/addons/z.cred", "")
            .file("/loader/credentials/y.CRED", "")
            .file("/loader/credentials/y.raw", "")
            .file("/loader/extensions/a.sysext.RAW", "")
            .file("/loader/extensions/b.confext.raw", "")
            .file("/loader/extensions/c.cred", "")
            .file("/loader/extensions/d.raw", "")
            .file("/loader/extensions/e.addon.efi", "");
        let path = file("/EFI/Linux/a+3.efi");
        let start = start(&filesystem, &path, " ", 0);
        assert_eq!(start.kind, PayloadKind::Uki);
        assert_eq!(start.cmdline, "root=/dev/sda1 ro global first own");
        assert_eq!(start.name.title.as_deref(), Some("Debian 12"));
        assert_eq!(start.architecture, Some("x64"));
        let directory = "/EFI/Linux/a.efi.extra.d";
        let other = |name: &str| {
            format!(
                "{directory}/{name}.addon.efi is left out: it is no add-on, but starts a kernel of its own"
            )
        };
        assert_eq!(
            texts(&start),
            [
                format!("{directory}/c.addon.efi is left out: it is for another kernel (.uname)"),
                format!("{directory}/d.addon.efi is left out: it is no EFI program: no PE headers"),
                other("e"),
                other("f"),
                other("g"),
                ".dtb in it has no meaning on this machine: not passed on".to_owned(),
            ]
        );
        assert!(!start.problems.iter().any(|problem| problem.blocks));
        let companions = start.unified.unwrap().companions;
        let names: Vec<(CompanionKind, &str)> = companions
            .iter()
            .map(|companion| (companion.kind, companion.file.path.file_name()))
            .collect();
        assert_eq!(
            names,
            [
                (CompanionKind::Addon, "z.addon.efi"),
                (CompanionKind::Addon, "a.addon.efi"),
                (CompanionKind::Addon, "b.addon.efi"),
                (CompanionKind::Confext, "x.confext.raw"),
                (CompanionKind::Credential, "x.cred"),
                (CompanionKind::GlobalCredential, "y.CRED"),
                (CompanionKind::GlobalSysext, "a.sysext.RAW"),
                (CompanionKind::GlobalConfext, "b.confext.raw"),
            ]
        );
        let other = self::start(&filesystem, &path, "quiet", 0);
        assert_eq!(other.cmdline, "quiet global first own");
        let none = self::start(&filesystem, &path, "", 1);
        assert_eq!(texts(&none), ["it has no profile 1"]);
    }

    #[test]
    fn what_no_kernel_takes_is_not_started() {
        let image = program(&[(".linux", &least_kernel()), (".cmdline", &[b'a'; 4000])]);
        let addon = program(&[(".cmdline", &[b'b'; 96])]);
        let filesystem = MemoryFilesystem::new()
            .file("/a.efi", image)
            .file("/a.efi.extra.d/b.addon.efi", addon);
        let path = file("/a.efi");
        let long = start(&filesystem, &path, "", 0);
        assert_eq!(long.cmdline, "");
        assert!(long.problems[0].blocks);
        assert_eq!(
            texts(&long),
            [
                "its command line has 4097 bytes, and no kernel takes more than 4096: \
              shorten the options or leave add-ons out"
            ]
        );
        assert_eq!(start(&filesystem, &path, "short", 0).cmdline.len(), 102);
        // Who may edit shortens that of a kernel alone, and finds it as it is written.
        let filesystem = MemoryFilesystem::new().file("/k", least_kernel());
        let options = "c".repeat(4097);
        let long = start(&filesystem, &file("/k"), &options, 0);
        assert_eq!(long.cmdline, options);
        let [problem] = &long.problems[..] else {
            panic!("{:?}", long.problems);
        };
        assert!(problem.blocks && problem.mended_by == Some(Change::CommandLine));
    }

    #[test]
    fn profiles_are_variants() {
        let kernel = least_kernel();
        let image = program(&[
            (".osrel", b"NAME=Debian\nID=debian\nVERSION_ID=12\n"),
            (".cmdline", b"ro"),
            (".linux", &kernel),
            (".profile", b"ID=main\n"),
            (".profile", b"ID=safe\nTITLE=Safe mode\n"),
            (".cmdline", b"ro single"),
            (".profile", b""),
        ]);
        let filesystem = MemoryFilesystem::new().file("/a.efi", image);
        let mut starts = Vec::new();
        start_all(
            &filesystem,
            &file("/a.efi"),
            &Budget::of_disk(1),
            &mut |start| {
                starts.push(start);
                ControlFlow::Continue(())
            },
        );
        let found: Vec<_> = starts
            .iter()
            .map(|start| {
                let name = &start.name;
                (
                    name.title.as_deref().unwrap(),
                    name.profile.as_deref(),
                    start.cmdline.as_str(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("Debian (main)", Some("main"), "ro"),
                ("Debian (Safe mode)", Some("safe"), "ro single"),
                ("Debian (Profile #2)", Some("2"), "ro"),
            ]
        );
    }

    #[test]
    fn a_command_line_in_utf_16_ends_after_its_first_letter() {
        let kernel = least_kernel();
        let cmdline: Vec<u8> = "ro quiet".bytes().flat_map(|byte| [byte, 0]).collect();
        let image = program(&[(".cmdline", &cmdline), (".linux", &kernel)]);
        let filesystem = MemoryFilesystem::new().file("/a.efi", image);
        let start = start(&filesystem, &file("/a.efi"), "", 0);
        assert_eq!(start.cmdline, "r");
        let [problem] = &start.problems[..] else {
            panic!("{:?}", start.problems);
        };
        assert!(
            !problem.blocks && problem.text.ends_with("UTF-8, not UTF-16"),
            "{problem:?}"
        );
    }

    #[test]
    fn device_trees_of_other_machines_are_named() {
        let mut image = program(&[
            (".hwids", b"x"),
            (".dtbauto", b"one"),
            (".dtbauto", b"two"),
            (".linux", b"x"),
        ]);
        image[0x44..0x46].copy_from_slice(&0xaa64_u16.to_le_bytes());
        let filesystem = MemoryFilesystem::new().file("/EFI/Linux/a.efi", image);
        let start = start(&filesystem, &file("/EFI/Linux/a.efi"), "", 0);
        assert_eq!(start.architecture, Some("aa64"));
        assert_eq!(
            texts(&start),
            [
                ".dtbauto in it has no meaning on this machine: not passed on",
                ".hwids in it has no meaning on this machine: not passed on",
                "it is for aa64, and this machine is x64",
            ]
        );
    }

    #[test]
    fn what_is_no_image_says_what_it_is() {
        let foreign = |mut file: Vec<u8>| {
            file[0x44..0x46].copy_from_slice(&0xaa64_u16.to_le_bytes());
            file
        };
        let mut zboot = program(&[(".text", b"x")]);
        zboot[2..8].copy_from_slice(b"\0\0zimg");
        zboot[0x18..0x1c].copy_from_slice(b"lzma");
        let foreign_zboot = foreign(zboot.clone());
        let other =
            |what: &str| format!("it is {what}an EFI program, and kexec starts Linux kernels only");
        let sbat = b"sbat,1,SBAT Version,sbat,1,https://x\nshim,4,UEFI shim,shim,15.8,https://y\n";
        let hash = [1; 32];
        let cases = [
            (
                vec![0; 600],
                PayloadKind::Efi,
                "it is no EFI program: no PE headers".to_owned(),
            ),
            (program(&[(".text", b"x")]), PayloadKind::Efi, other("")),
            (
                program(&[("mods", b"x")]),
                PayloadKind::Efi,
                other("GRUB, "),
            ),
            (
                program(&[(".sbat", sbat)]),
                PayloadKind::Efi,
                other("shim 15.8, "),
            ),
            (
                program(&[(".sdmagic", b"#### LoaderInfo: systemd-boot 257 ####\0")]),
                PayloadKind::Efi,
                other("systemd-boot 257, "),
            ),
            (
                foreign(program(&[(".text", b"x")])),
                PayloadKind::Efi,
                "it is for aa64, and this machine is x64".to_owned(),
            ),
            (
                foreign(program(&[(".linux", b"x")])),
                PayloadKind::Uki,
                "it is for aa64, and this machine is x64".to_owned(),
            ),
            (
                zboot,
                PayloadKind::Efi,
                "the kernel in it is packed with lzma, and only gzip and zstd are unpacked here"
                    .to_owned(),
            ),
            (
                foreign_zboot.clone(),
                PayloadKind::Efi,
                "it is for aa64, and only kernels for x64 are started".to_owned(),
            ),
            (
                program(&[(".linux", &foreign_zboot)]),
                PayloadKind::Uki,
                "the kernel in it can't be started: it is for aa64, and only kernels for x64 are started"
                    .to_owned(),
            ),
            (
                program(&[(".linux", b"x")]),
                PayloadKind::Uki,
                "the kernel in it can't be started: it is no x86 Linux kernel: no setup header"
                    .to_owned(),
            ),
            (
                program(&[(".linux", b"\\gone"), (".linuxh", &hash)]),
                PayloadKind::Uki,
                "/gone, which it names: not found".to_owned(),
            ),
            (
                program(&[(".linux", b"x"), (".cmdline", b"\xff")]),
                PayloadKind::Uki,
                "its section .cmdline is no UTF-8 text at byte 0: damaged".to_owned(),
            ),
        ];
        for (content, kind, reason) in cases {
            let filesystem = MemoryFilesystem::new().file("/EFI/x.efi", content);
            let start = start(&filesystem, &file("/EFI/x.efi"), "", 0);
            assert_eq!(texts(&start), [reason.as_str()]);
            assert_eq!(start.kind, kind, "{reason}");
            assert!(start.problems[0].blocks);
        }
        let windows = "/EFI/Microsoft/Boot/bootmgfw.efi";
        let filesystem = MemoryFilesystem::new().file(windows, program(&[(".text", b"x")]));
        let start = start(&filesystem, &file(windows), "", 0);
        assert_eq!(texts(&start), [other("the boot manager of Windows, ")]);
    }

    #[test]
    fn a_kernel_with_a_stub_is_a_kernel() {
        let mut kernel = least_kernel();
        kernel[..2].copy_from_slice(b"MZ");
        let filesystem = MemoryFilesystem::new()
            .file("/k.efi", kernel)
            .file("/EFI/i", "");
        let kernel = file("/k.efi");
        let options = "ro initrd=\\EFI\\i initrd=/gone ";
        let start = start(&filesystem, &kernel, options, 0);
        assert_eq!(start.kind, PayloadKind::Linux);
        assert_eq!(start.cmdline, options.trim());
        assert_eq!(start.initrd, [file("/EFI/i"), file("/gone")]);
        assert_eq!(texts(&start), ["/gone: not found"]);
    }
    #[test]
    fn kernels_in_images_are_whole_and_take_the_command_line() {
        let kernel = least_kernel();
        let cut = "it is cut off: it has 2559 bytes of a kernel of 2560; copy it again";
        let long = "the command line has 2017 bytes and this kernel takes 2016 through kexec: shorten the entry's options";
        let cmdline = [b'a'; 2017];
        let stub = |kernel: &[u8], cmdline: &[u8]| {
            let sections = [
                (".linux", &b"\\k"[..]),
                (".linuxh", &[0; 32]),
                (".initrd", b"\\k"),
                (".initrdh", &[0; 32]),
                (".cmdline", cmdline),
            ];
            let filesystem = MemoryFilesystem::new().file("/k", kernel);
            let filesystem = filesystem.file("/s.efi", program(&sections));
            texts(&start(&filesystem, &file("/s.efi"), "", 0)).concat()
        };
        let image = |kernel: &[u8], cmdline: &[u8]| {
            let image = program(&[(".linux", kernel), (".cmdline", cmdline)]);
            let filesystem = MemoryFilesystem::new().file("/u.efi", image);
            texts(&start(&filesystem, &file("/u.efi"), "", 0)).concat()
        };
        let inside = "the kernel in it can't be started: ";
        let outside = "/k, which it names: ";
        assert_eq!(image(&kernel, &cmdline[1..]), "");
        assert_eq!(image(&kernel, &cmdline), inside.to_owned() + long);
        assert_eq!(image(&kernel[..2559], b""), inside.to_owned() + cut);
        assert_eq!(stub(&kernel, &cmdline[1..]), "");
        assert_eq!(stub(&kernel, &cmdline), outside.to_owned() + long);
        assert_eq!(stub(&kernel[..2559], b""), outside.to_owned() + cut);
    }

    #[test]
    fn a_kernel_that_unpacks_itself_is_a_kernel() {
        for method in ["gzip", "zstd22"] {
            let filesystem = MemoryFilesystem::new().file("/k.efi", zboot(method, b""));
            let start = start(&filesystem, &file("/k.efi"), "ro", 0);
            assert_eq!(start.kind, PayloadKind::Linux);
            assert_eq!(texts(&start), [""; 0]);
        }
    }
}
