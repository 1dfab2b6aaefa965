//! Reading a unified kernel image: its file once, in order, the kernel in it to one place and the initrds to
//! another, with what is made for the system in it around them.
//!
//! systemd-stub does the same on EFI. The order of the initrd is: microcode of the add-ons, the last of them
//! first, since the kernel takes the first that fits; microcode and initrd of the image; archives with
//! credentials, extensions and what the image tells of itself; initrds of the add-ons.

use super::attempt::{AttemptError, Parts};
use super::cpio::Archive;
use super::payload::{Draft, PayloadError};
use super::reading::{Reading, Source};
use super::stream::{Route, Target};
use crate::config::uki::{
    PIN_SECTIONS, Pinned, PinnedFile, Profile, TextError, command_line, starts_something, text,
};
use crate::entry::{CompanionKind, FileRef, Unified};
use crate::pe::{Image, Section};
use crate::trust::Role;
use crate::trust::coverage::Piece;

/// The stub is the first file that is read, as what is in it names the others.
const STUB: usize = 0;

/// Longer sections are not kept as text, in bytes.
const MAX_TEXT: u64 = 64 * 1024;

/// Reads the image `file` with everything that goes with it.
pub(super) fn read(
    file: &FileRef,
    unified: &Unified,
    reading: &mut Reading<'_>,
) -> Result<Parts, AttemptError> {
    let mut source = reading.open(file)?;
    let mut addons = reading.open_all(unified.companions(CompanionKind::Addon))?;
    let extras = open_extras(unified, reading)?;
    let image = reading.image(&mut source)?;
    let images = addons.iter_mut().map(|addon| reading.image(addon));
    let images = images.collect::<Result<Vec<Image>, _>>()?;
    // The files were looked at before, and may be other ones by now.
    let mut other = addons.iter().zip(&images);
    if let Some((addon, _)) = other.find(|(_, image)| starts_something(image)) {
        let reason = "it is no add-on, but starts a kernel of its own";
        return Err(reading.bad(&addon.file, reason.to_owned()));
    }
    let mut profiles = Profile::all(&image);
    let profile = profiles.nth(unified.profile).ok_or_else(|| {
        let number = unified.profile;
        reading.bad(file, format!("it has no profile {number}"))
    })?;

    let (own_text, stub) = match Pinned::is_in(&profile) {
        true => {
            let stub = Stub::read(source, &profile, reading)?;
            (stub.cmdline, Ok((stub.kernel, stub.initrd)))
        }
        false => (Vec::new(), Err(source)),
    };
    let (kernel, initrd) = (reading.draft(file)?, reading.draft(file)?);
    let outside = stub.as_ref().ok().and_then(|(_, initrd)| initrd.as_ref());
    let outside = outside.map(|initrd| &initrd.source);
    let layout = Layout::make(&kernel, &initrd, &profile, &images, outside, &extras);
    let layout = layout.map_err(|error| reading.error(file, error))?;

    let mut own_text = own_text;
    match stub {
        Err(source) => {
            let mut routes = layout.own;
            routes.extend(kept(&profile, ".cmdline", &mut own_text));
            reading.read(source, &mut routes, Piece::image())?;
        }
        Ok((pinned_kernel, pinned_initrd)) => {
            let whole = kernel.whole(&pinned_kernel.source.stream);
            pinned_kernel.read(whole, Role::Kernel, file, reading)?;
            for (initrd, route) in pinned_initrd.into_iter().zip(layout.outside) {
                initrd.read(route, Role::Initrd, file, reading)?;
            }
        }
    }
    let mut cmdlines = vec![own_text];
    for ((addon, image), mut routes) in addons.into_iter().zip(&images).zip(layout.addons) {
        let mut bytes = Vec::new();
        let section = image.section(".cmdline");
        routes.extend(section.map(|section| keep(section, &mut bytes)));
        reading.read(addon, &mut routes, addon_of(image))?;
        cmdlines.push(bytes);
    }
    read_routed(extras, layout.extras, reading)?;
    let cmdlines = cmdlines.iter().map(|bytes| text(bytes));
    let cmdlines = cmdlines.collect::<Result<Vec<String>, TextError>>();
    let cmdlines =
        cmdlines.map_err(|error| reading.bad(file, format!("a command line is {error}")))?;
    let mut texts = cmdlines.iter().map(String::as_str);
    let own = texts.next().unwrap_or_default();
    let of_pieces = command_line(None, own, texts.clone());
    let cmdline = command_line(unified.options.as_deref(), own, texts);
    let cmdline = cmdline.map_err(|error| reading.bad(file, error.to_string()))?;
    // One that is too long is nobody's command line, and covers nothing.
    reading.evidence.facts.cmdline.of_pieces = of_pieces.ok();
    let (kernel, image) = reading.kernel(file, kernel)?;
    Ok(Parts {
        kernel,
        image,
        initrd,
        cmdline,
    })
}

/// Files of one kind, in one archive.
struct Group {
    kind: CompanionKind,
    directory: &'static str,
    /// Rights of the directory and of the files in it: credentials are for root alone.
    modes: (u32, u32),
}

impl Group {
    /// Where a file of it is put.
    fn place(&self, source: &Source<'_>) -> String {
        format!("{}/{}", self.directory, source.file.path.file_name())
    }
}

/// In the order of the archives (`INITRD_CREDENTIAL` and what follows in systemd's `src/boot/stub.c`).
const GROUPS: [Group; 6] = [
    Group {
        kind: CompanionKind::Credential,
        directory: ".extra/credentials",
        modes: (0o500, 0o400),
    },
    Group {
        kind: CompanionKind::GlobalCredential,
        directory: ".extra/global_credentials",
        modes: (0o500, 0o400),
    },
    Group {
        kind: CompanionKind::Sysext,
        directory: ".extra/sysext",
        modes: (0o555, 0o444),
    },
    Group {
        kind: CompanionKind::GlobalSysext,
        directory: ".extra/global_sysext",
        modes: (0o555, 0o444),
    },
    Group {
        kind: CompanionKind::Confext,
        directory: ".extra/confext",
        modes: (0o555, 0o444),
    },
    Group {
        kind: CompanionKind::GlobalConfext,
        directory: ".extra/global_confext",
        modes: (0o555, 0o444),
    },
];

/// Sections that become files in `.extra`, each in an archive of its own.
const FILES: [(&str, &str); 4] = [
    (".pcrsig", ".extra/tpm2-pcr-signature.json"),
    (".pcrpkey", ".extra/tpm2-pcr-public-key.pem"),
    (".osrel", ".extra/os-release"),
    (".profile", ".extra/profile"),
];

/// Where the bytes of each file go. Lengths are known from headers and directories, so that all places are
/// known before the first file is read.
struct Layout<'d> {
    /// Of the image.
    own: Vec<Route<'d>>,
    /// Of each add-on.
    addons: Vec<Vec<Route<'d>>>,
    /// Of the initrd that a stub names.
    outside: Option<Route<'d>>,
    /// Of each file of each group.
    extras: Vec<Route<'d>>,
}

impl<'d> Layout<'d> {
    fn make(
        kernel: &'d Draft,
        initrd: &'d Draft,
        profile: &Profile<'_>,
        addons: &[Image],
        outside: Option<&Source<'_>>,
        extras: &[Vec<Source<'_>>],
    ) -> Result<Layout<'d>, PayloadError> {
        let mut layout = Layout {
            own: Vec::new(),
            addons: addons.iter().map(|_| Vec::new()).collect(),
            outside: None,
            extras: Vec::new(),
        };
        let append = |section: Option<&Section>| {
            let section = section.filter(|section| section.size() > 0)?;
            let at = initrd.reserve(section.size());
            Some(send(section, initrd, at))
        };
        for (addon, routes) in addons.iter().zip(&mut layout.addons).rev() {
            routes.extend(append(addon.section(".ucode")));
        }
        layout.own.extend(append(profile.section(".ucode")));
        let is_stub = Pinned::is_in(profile);
        if !is_stub {
            let section = profile.section(".linux");
            layout.own.extend(section.map(|section| {
                let at = kernel.reserve(section.size());
                send(section, kernel, at)
            }));
            layout.own.extend(append(profile.section(".initrd")));
        }
        layout.outside = outside.map(|outside| initrd.whole(&outside.stream));
        layout.extras = archives(initrd, extras)?;
        for (name, path) in FILES {
            // A stub has been read by now; what it tells of itself is not needed by its system.
            let section = profile.section(name).filter(|_| !is_stub);
            if let Some(section) = section.filter(|section| section.size() > 0) {
                let mut archive = Archive::new(initrd);
                archive.directory(".extra", 0o555)?;
                let at = archive.file(path, 0o444, section.size())?;
                archive.finish()?;
                layout.own.push(send(section, initrd, at));
            }
        }
        for (addon, routes) in addons.iter().zip(&mut layout.addons) {
            routes.extend(append(addon.section(".initrd")));
        }
        Ok(layout)
    }
}

/// Opens the files of each group.
pub(super) fn open_extras<'a>(
    unified: &Unified,
    reading: &mut Reading<'a>,
) -> Result<Vec<Vec<Source<'a>>>, AttemptError> {
    let groups = GROUPS.iter();
    let files = groups.map(|group| reading.open_all(unified.companions(group.kind)));
    files.collect()
}

/// Reads the files of each group into archives behind what `initrd` has already.
pub(super) fn read_extras(
    kernel: &FileRef,
    extras: Vec<Vec<Source<'_>>>,
    initrd: &Draft,
    reading: &mut Reading<'_>,
) -> Result<(), AttemptError> {
    let routes = archives(initrd, &extras).map_err(|error| reading.error(kernel, error))?;
    read_routed(extras, routes, reading)
}

fn read_routed(
    extras: Vec<Vec<Source<'_>>>,
    routes: Vec<Route<'_>>,
    reading: &mut Reading<'_>,
) -> Result<(), AttemptError> {
    let groups = GROUPS.iter().zip(extras);
    let extras = groups.flat_map(|(group, files)| files.into_iter().map(move |file| (group, file)));
    for ((group, extra), route) in extras.zip(routes) {
        let place = group.place(&extra);
        let piece = Piece::of(Role::Initrd).named(Some(&place)).added();
        reading.read(extra, &mut [route], piece)?;
    }
    Ok(())
}

/// What an add-on is for, by what is in it.
fn addon_of(image: &Image) -> Piece {
    let has = |names: &[&str]| names.iter().any(|name| image.section(name).is_some());
    let mut roles = Vec::new();
    roles.extend(has(&[".cmdline"]).then_some(Role::CommandLine));
    roles.extend(has(&[".initrd", ".ucode"]).then_some(Role::Initrd));
    let piece = Piece {
        roles,
        ..Piece::default()
    };
    piece.added()
}

/// Makes the archives of all groups, with room for their files.
fn archives<'d>(
    initrd: &'d Draft,
    extras: &[Vec<Source<'_>>],
) -> Result<Vec<Route<'d>>, PayloadError> {
    let mut routes = Vec::new();
    for (group, files) in GROUPS.iter().zip(extras) {
        if !files.is_empty() {
            routes.extend(archive(initrd, group, files)?);
        }
    }
    Ok(routes)
}

/// Makes the archive of a group, with room for its files.
fn archive<'d>(
    initrd: &'d Draft,
    group: &Group,
    files: &[Source<'_>],
) -> Result<Vec<Route<'d>>, PayloadError> {
    let (directory_mode, file_mode) = group.modes;
    let mut archive = Archive::new(initrd);
    archive.directory(".extra", 0o555)?;
    archive.directory(group.directory, directory_mode)?;
    let mut routes = Vec::new();
    for source in files {
        let size = source.stream.size();
        let at = archive.file(&group.place(source), file_mode, size)?;
        routes.push(Route {
            range: 0..size,
            target: Target::Draft(initrd, at),
        });
    }
    archive.finish()?;
    Ok(routes)
}

fn send<'d>(section: &Section, draft: &'d Draft, at: u64) -> Route<'d> {
    Route {
        range: section.content.clone(),
        target: Target::Draft(draft, at),
    }
}

/// Keeps a section, or the beginning of one that is too long for a text.
fn keep<'k>(section: &Section, bytes: &'k mut Vec<u8>) -> Route<'k> {
    let start = section.content.start;
    let end = start.saturating_add(MAX_TEXT);
    Route {
        range: start..section.content.end.min(end),
        target: Target::Kept(bytes),
    }
}

fn kept<'k>(profile: &Profile<'_>, name: &str, bytes: &'k mut Vec<u8>) -> Option<Route<'k>> {
    profile.section(name).map(|section| keep(section, bytes))
}

/// What a stub of lanzaboote names.
struct Stub<'a> {
    cmdline: Vec<u8>,
    kernel: PinnedSource<'a>,
    initrd: Option<PinnedSource<'a>>,
}

/// A file and the hash that it must have.
struct PinnedSource<'a> {
    source: Source<'a>,
    sha256: [u8; 32],
}

impl<'a> Stub<'a> {
    /// Reads the stub and opens what it names.
    fn read(
        source: Source<'_>,
        profile: &Profile<'_>,
        reading: &mut Reading<'a>,
    ) -> Result<Stub<'a>, AttemptError> {
        let file = source.file.clone();
        let mut cmdline = Vec::new();
        let mut pins = PIN_SECTIONS.map(|name| (name, Vec::new()));
        let mut routes: Vec<Route<'_>> = kept(profile, ".cmdline", &mut cmdline)
            .into_iter()
            .chain(
                pins.iter_mut()
                    .filter_map(|(name, bytes)| kept(profile, name, bytes)),
            )
            .collect();
        reading.read(source, &mut routes, Piece::of(Role::CommandLine))?;
        drop(routes);
        let pinned = Pinned::read(profile, &mut |section| {
            let pin = pins.iter().find(|(name, _)| *name == section.name);
            Ok(pin.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
        });
        let pinned = pinned.map_err(|error| reading.bad(&file, error.to_string()))?;
        let pinned = pinned.ok_or_else(|| reading.bad(&file, "it is no stub".to_owned()))?;
        let mut open = |pinned: PinnedFile| {
            let path = pinned.path;
            let volume = file.volume;
            let source = reading.open(&FileRef { volume, path })?;
            let sha256 = pinned.sha256;
            Ok::<_, AttemptError>(PinnedSource { source, sha256 })
        };
        Ok(Stub {
            cmdline,
            kernel: open(pinned.kernel)?,
            initrd: pinned.initrd.map(open).transpose()?,
        })
    }
}

impl PinnedSource<'_> {
    fn read(
        self,
        route: Route<'_>,
        role: Role,
        stub: &FileRef,
        reading: &mut Reading<'_>,
    ) -> Result<(), AttemptError> {
        let file = self.source.file.clone();
        let piece = Piece::of(role).pinned_by(STUB);
        let sha256 = reading.read(self.source, &mut [route], piece)?;
        match sha256 == self.sha256 {
            true => Ok(()),
            false => Err(reading.other_than_pinned(&file, stub)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::boot::{Attempt, Timeline};
    use crate::entry::{
        BootEntry, Companion, CompanionKind, EntrySource, FileRef, Origin, PayloadKind, Unified,
    };
    use crate::fs::{FsPath, MemoryFilesystem};
    use crate::inventory::Inventory;
    use crate::kexec::{DryRun, least_kernel};
    use crate::pe::program;
    use crate::trust::Authority;

    #[test]
    fn a_program_that_has_become_another_one_is_no_add_on() {
        let kernel = least_kernel();
        let image = program(&[(".cmdline", b"ro"), (".linux", &kernel)]);
        let start = |sections: &[(&str, &[u8])]| {
            let filesystem = MemoryFilesystem::new()
                .file("/a.efi", image.clone())
                .file("/b.addon.efi", program(sections));
            let mut inventory = Inventory::new();
            let volume = inventory.add_filesystem("1", Box::new(filesystem));
            let file = |name: &str| FileRef {
                volume,
                path: FsPath::new(name).unwrap(),
            };
            let origin = Origin {
                file: file("/a.efi"),
                line: None,
            };
            let kind = PayloadKind::Uki;
            let mut entry = BootEntry::new("a".to_owned(), EntrySource::Uki, kind, origin);
            entry.kernel = Some(file("/a.efi"));
            entry.cmdline = "ro more".to_owned();
            entry.unified = Some(Unified {
                companions: vec![Companion {
                    kind: CompanionKind::Addon,
                    file: file("/b.addon.efi"),
                }],
                ..Unified::default()
            });
            let attempt = Attempt {
                inventory: &inventory,
                kexec: &DryRun,
                memory: 1 << 20,
                authority: &Authority::off(),
                summary: None,
            };
            let loaded = attempt.run(&entry, &mut Timeline::start(), &mut |_, _| ());
            loaded.map(|_| ()).map_err(|error| error.to_string())
        };
        let line = (".cmdline", &b"more"[..]);
        assert_eq!(start(&[line, (".initrd", b"x")]), Ok(()));
        for more in [".linux", ".kernelp", ".kernelh", ".initrdh"] {
            let error = start(&[line, (more, b"x")]).unwrap_err();
            let reason = "it is no add-on, but starts a kernel of its own";
            assert!(error.ends_with(reason), "{more}: {error}");
        }
    }
}
