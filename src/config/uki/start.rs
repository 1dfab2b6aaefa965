//! [`Start`]: what starting an EFI program comes to.

use super::addon::Extra;
use super::command_line::{command_line, text};
use super::companions::companions;
use super::name::Name;
use super::pinned::{Pinned, PinnedError};
use super::profile::Profile;
use super::program::{Program, content, examine, foreign};
use crate::entry::{BootEntry, FileRef, Initrd, PayloadKind, Problem, Unified};
use crate::fs::{FileKind, Filesystem, FsPath, ReadFile};
use crate::kexec::{BzImage, HEADER_LENGTH, Zboot};
use crate::pe::{Image, Section};

/// Everything that an entry says of the program that it starts.
#[derive(Debug)]
pub(in crate::config) struct Start {
    /// What it is.
    pub(in crate::config) kind: PayloadKind,
    /// The command line that it gets.
    pub(in crate::config) cmdline: String,
    /// The initrds that a kernel gets.
    pub(in crate::config) initrd: Vec<FileRef>,
    /// How a unified kernel image is started.
    pub(in crate::config) unified: Option<Unified>,
    /// What is wrong with it.
    pub(in crate::config) problems: Vec<Problem>,
    /// What it says of itself.
    pub(super) name: Name,
    /// What it is for, in EFI's spelling.
    architecture: Option<&'static str>,
}

/// What starting the EFI program `file` with these options comes to. `profile` is the number of the
/// variant of a unified kernel image.
pub(in crate::config) fn start(
    filesystem: &dyn Filesystem,
    file: &FileRef,
    options: &str,
    profile: usize,
) -> Start {
    let mut starts = Starting::look(filesystem, file, options).starts(Some(profile));
    starts.pop().unwrap_or_else(|| {
        let mut start = Start::new(PayloadKind::Uki);
        start.block(format!("it has no profile {profile}"));
        start
    })
}

/// The same for each profile, without options.
pub(super) fn start_all(filesystem: &dyn Filesystem, file: &FileRef) -> Vec<Start> {
    Starting::look(filesystem, file, "").starts(None)
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

    fn problem(&mut self, blocks: bool, text: impl Into<String>) {
        let text = text.into();
        self.problems.push(Problem { blocks, text });
    }

    /// Makes it the start of an entry.
    pub(in crate::config) fn fill(self, entry: &mut BootEntry) {
        entry.kind = self.kind;
        entry.cmdline = self.cmdline;
        entry.initrd = self.initrd.into_iter().map(Initrd::from).collect();
        entry.unified = self.unified;
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
    options: &'a str,
    open: Option<Box<dyn ReadFile + 'a>>,
    program: Program,
}

impl<'a> Starting<'a> {
    fn look(filesystem: &'a dyn Filesystem, file: &'a FileRef, options: &'a str) -> Starting<'a> {
        let (open, program) = match filesystem.open(&file.path) {
            Ok(mut open) => {
                let program = examine(open.as_mut(), &file.path);
                (Some(open), program)
            }
            Err(error) => (None, Program::Other(format!("it can't be opened: {error}"))),
        };
        Starting {
            filesystem,
            file,
            options,
            open,
            program,
        }
    }

    /// A kernel: its EFI stub reads what `initrd=` names from the volume of the kernel
    /// (`drivers/firmware/efi/libstub/file.c`).
    fn kernel(&self) -> Start {
        let mut start = Start::new(PayloadKind::Linux);
        self.options.trim().clone_into(&mut start.cmdline);
        let words = self.options.split_whitespace();
        let names = words.filter_map(|word| word.strip_prefix("initrd="));
        for name in names.take(MAX_INITRDS) {
            let path = match FsPath::new(&name.replace('\\', "/")) {
                Ok(path) => path,
                Err(error) => {
                    start.block(format!("{name}: {error}"));
                    continue;
                }
            };
            match self.filesystem.metadata(&path) {
                Ok(metadata) if metadata.kind == FileKind::File => {}
                Ok(_) => start.block(format!("{path} is no file")),
                Err(error) => start.block(format!("{path}: {error}")),
            }
            let volume = self.file.volume;
            start.initrd.push(FileRef { volume, path });
        }
        start
    }

    /// One profile, or all of them; a program of another kind is one.
    fn starts(mut self, profile: Option<usize>) -> Vec<Start> {
        let (image, open) = match (&self.program, &mut self.open) {
            (Program::Unified(image), Some(open)) => (image, open),
            (Program::Other(reason), _) => {
                let mut start = Start::new(PayloadKind::Efi);
                self.options.trim().clone_into(&mut start.cmdline);
                start.block(reason);
                return vec![start];
            }
            _ => return vec![self.kernel()],
        };
        // Once for all profiles.
        let found: Result<Vec<Extra>, String> = companions(self.filesystem, self.file).map(|all| {
            let all = all.into_iter();
            all.map(|companion| Extra::look(self.filesystem, companion))
                .collect()
        });
        let uki = Uki {
            filesystem: self.filesystem,
            options: Some(self.options.trim()).filter(|options| !options.is_empty()),
            image,
            extras: found.as_ref().map_or(&[], Vec::as_slice),
        };
        let profiles = Profile::all(image).enumerate();
        let wanted = profiles.filter(|(number, _)| profile.is_none_or(|one| one == *number));
        wanted
            .map(|(number, profile)| {
                let mut start = Start::new(PayloadKind::Uki);
                if let Err(problem) = uki.read(&mut start, open.as_mut(), &profile, number) {
                    start.block(problem);
                }
                if let Err(problem) = &found {
                    start.block(problem);
                }
                start
            })
            .collect()
    }
}

/// A unified kernel image that is being looked at.
struct Uki<'a> {
    filesystem: &'a dyn Filesystem,
    options: Option<&'a str>,
    image: &'a Image,
    extras: &'a [Extra],
}

/// Sections that only mean something with a device tree or another firmware.
const WITHOUT_MEANING: [&str; 3] = [".dtb", ".dtbauto", ".efifw"];

impl Uki<'_> {
    /// Fills in what the sections of a profile say.
    fn read(
        &self,
        start: &mut Start,
        file: &mut dyn ReadFile,
        profile: &Profile<'_>,
        number: usize,
    ) -> Result<(), String> {
        let names = [".osrel", ".profile", ".cmdline", ".uname"];
        let mut texts = names.map(|_| Vec::new());
        for (name, bytes) in names.iter().zip(&mut texts) {
            if let Some(section) = profile.section(name) {
                *bytes = content(file, section)?;
            }
        }
        let [os_release, variant, own, uname] = texts;
        start.architecture = self.image.machine.name();
        start.name = Name::of(&os_release, &variant, number);
        let own = text(&own).map_err(|error| format!("its section .cmdline is {error}"))?;
        let uname = text(&uname).unwrap_or_default();
        let mut addons = Vec::new();
        let mut companions = Vec::new();
        for extra in self.extras {
            match extra.cmdline(&uname) {
                Ok(cmdline) => {
                    addons.extend(cmdline);
                    companions.push(extra.companion.clone());
                }
                Err(reason) => {
                    let path = &extra.companion.file.path;
                    start.problem(false, format!("{path} is left out: {reason}"));
                }
            }
        }
        start.cmdline = command_line(self.options, &own, addons);
        start.unified = Some(Unified {
            profile: number,
            options: self.options.map(str::to_owned),
            companions,
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
            return self.pinned(file, profile);
        }
        let kernel = profile.section(".linux");
        let kernel = kernel.ok_or("there is no kernel in it: its section .linux is missing")?;
        let length = kernel.size().min(HEADER_LENGTH as u64);
        let mut head = vec![0; usize::try_from(length).unwrap_or_default()];
        let n = file
            .read_at(kernel.content.start, &mut head)
            .map_err(|error| format!("the kernel in it can't be read: {error}"))?;
        head.truncate(n);
        let reason = match Zboot::parse(&head) {
            Some(zboot) => zboot.err().map(|reason| reason.to_string()),
            None => BzImage::parse(&head).err().map(|reason| reason.to_string()),
        };
        match reason {
            Some(reason) => Err(format!("the kernel in it can't be started: {reason}")),
            None => Ok(()),
        }
    }

    /// The files that a stub of lanzaboote names must be there. Their hashes are compared when they are read.
    fn pinned(&self, file: &mut dyn ReadFile, profile: &Profile<'_>) -> Result<(), String> {
        let mut read = |section: &Section| content(file, section).map_err(PinnedError::Read);
        let pinned = Pinned::read(profile, &mut read).map_err(|error| error.to_string())?;
        let files = pinned.map(|pinned| std::iter::once(pinned.kernel).chain(pinned.initrd));
        for file in files.into_iter().flatten() {
            let metadata = self.filesystem.metadata(&file.path);
            metadata.map_err(|error| format!("{}, which it names: {error}", file.path))?;
        }
        Ok(())
    }
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
            .file("/EFI/Linux/a.efi.extra.d/x.cred", "")
            .file("/EFI/Linux/a.efi.extra.d/readme", "")
            .file("/EFI/Linux/a.efi.extra.d/x.confext.raw", "")
            .file("/loader/addons/z.addon.efi", addon(b"global", b""))
            .file("/loader/addons/z.cred", "")
            .file("/loader/credentials/y.CRED", "");
        let path = file("/EFI/Linux/a+3.efi");
        let start = start(&filesystem, &path, " ", 0);
        assert_eq!(start.kind, PayloadKind::Uki);
        assert_eq!(start.cmdline, "root=/dev/sda1 ro global first own");
        assert_eq!(start.name.title.as_deref(), Some("Debian 12"));
        assert_eq!(start.architecture, Some("x64"));
        let directory = "/EFI/Linux/a.efi.extra.d";
        assert_eq!(
            texts(&start),
            [
                format!("{directory}/c.addon.efi is left out: it is for another kernel (.uname)"),
                format!("{directory}/d.addon.efi is left out: it is no EFI program: no PE headers"),
                format!(
                    "{directory}/e.addon.efi is left out: it is no add-on, but has a kernel of its own"
                ),
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
            ]
        );
        let other = super::start(&filesystem, &path, "quiet", 0);
        assert_eq!(other.cmdline, "quiet global first own");
        let none = super::start(&filesystem, &path, "", 1);
        assert_eq!(texts(&none), ["it has no profile 1"]);
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
        let starts = start_all(&filesystem, &file("/a.efi"));
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
    fn a_kernel_that_unpacks_itself_is_a_kernel() {
        for method in ["gzip", "zstd22"] {
            let filesystem = MemoryFilesystem::new().file("/k.efi", zboot(method, b""));
            let start = start(&filesystem, &file("/k.efi"), "ro", 0);
            assert_eq!(start.kind, PayloadKind::Linux);
            assert_eq!(texts(&start), [""; 0]);
        }
    }
}
