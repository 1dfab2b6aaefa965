//! What an EFI program is.

use crate::config::budget::{Budget, Limit};
use crate::fs::{FsPath, ReadFile};
use crate::kexec::{Kernel, NotBzImage, NotStartable};
use crate::pe::{FIRST_READ, Image, Machine, PeError, Section};

/// An EFI program as it matters here.
pub(super) enum Program {
    /// A Linux kernel with an EFI stub, or one that unpacks itself.
    Linux(Kernel),
    /// A Linux kernel that can't be started, and why.
    Unfit(String),
    /// A unified kernel image, or a stub that names its kernel.
    Unified(Image),
    /// Something that can't be started, and why.
    Other(String),
    /// No EFI program at all, and how that is seen.
    Alien(String),
}

/// Sections longer than this are no text.
const MAX_TEXT: u64 = 64 * 1024;

/// Looks at the file that is opened as `file`.
pub(super) fn examine(file: &mut dyn ReadFile, path: &FsPath, budget: &Budget) -> Program {
    if let Err(limit) = budget.read(Kernel::HEAD) {
        return Program::Other(limit.to_string());
    }
    let mut head = vec![0; Kernel::HEAD];
    match file.read_at(0, &mut head) {
        Ok(n) => head.truncate(n),
        Err(error) => return Program::Other(format!("it can't be read: {error}")),
    }
    match Kernel::examine(&head, file.size()) {
        Ok(kernel) => return Program::Linux(kernel),
        Err(NotStartable::Packed(reason)) => return Program::Other(reason.to_string()),
        Err(NotStartable::Plain(NotBzImage::NoHeader)) => {}
        Err(reason) => return Program::Unfit(unfit(file, path, budget, &reason)),
    }
    let image = match image(file, budget) {
        Ok(Ok(image)) => image,
        Ok(Err(error @ PeError::NoHeaders)) if !head.starts_with(b"MZ") => {
            return Program::Alien(error.to_string());
        }
        Ok(Err(error)) => return Program::Other(error.to_string()),
        Err(limit) => return Program::Other(limit.to_string()),
    };
    if [".linux", ".linuxh", ".kernelh"].map(|name| image.section(name).is_some()) != [false; 3] {
        return Program::Unified(image);
    }
    if !image.machine.is_own() {
        return Program::Other(foreign(image.machine));
    }
    let what = match name(file, &image, path) {
        Some(name) => format!("{name}, "),
        None => String::new(),
    };
    Program::Other(format!(
        "it is {what}an EFI program, and kexec starts Linux kernels only"
    ))
}

/// Why what begins as a kernel is not started: memory testers and network loaders do, too, and say so where an EFI
/// program does.
fn unfit(file: &mut dyn ReadFile, path: &FsPath, budget: &Budget, reason: &NotStartable) -> String {
    let image = image(file, budget).ok().and_then(Result::ok);
    match image.and_then(|image| name(file, &image, path)) {
        Some(name) => format!("it is {name}: {reason}"),
        None => reason.to_string(),
    }
}

/// How often a program is searched for a section.
const LOOKS: usize = 16;

/// The headers of a program.
///
/// # Errors
/// [`Limit`]: reading it, or looking for sections in it, takes too long.
pub(super) fn image(
    file: &mut dyn ReadFile,
    budget: &Budget,
) -> Result<Result<Image, PeError>, Limit> {
    budget.read(FIRST_READ)?;
    let image = Image::read(file);
    search(
        image.as_ref().map_or(0, |image| image.sections.len()),
        budget,
    )?;
    Ok(image)
}

/// Searches so many sections for all that is asked of a program.
pub(super) fn search(sections: usize, budget: &Budget) -> Result<(), Limit> {
    budget.work(sections.saturating_mul(LOOKS))
}

/// Why a program for another processor is not started.
pub(super) fn foreign(machine: Machine) -> String {
    format!("it is for {machine}, and this machine is {}", Machine::OWN)
}

/// How the makers of a program call it, where they wrote it into it or its place says it.
fn name(file: &mut dyn ReadFile, image: &Image, path: &FsPath) -> Option<String> {
    let mut text = |name: &str| {
        let bytes = content(file, image.section(name)?).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    // systemd's own mark: `#### LoaderInfo: systemd-boot 252 ####`.
    let magic = text(".sdmagic");
    if let Some(info) = magic.as_deref().and_then(|magic| {
        let (_, rest) = magic.split_once("LoaderInfo: ")?;
        Some(rest.split_once(" ####")?.0)
    }) {
        return printable(info);
    }
    // SBAT: a first line about itself, then one for each component with its generation, vendor, package and
    // version.
    if let Some(row) = text(".sbat")
        .as_deref()
        .and_then(|sbat| sbat.lines().nth(1))
    {
        let mut fields = row.split(',');
        let (component, version) = (fields.next()?, fields.nth(3)?);
        return printable(&format!("{component} {version}"));
    }
    let mut parts = path.components();
    if image.section("mods").is_some() {
        return Some("GRUB".to_owned());
    }
    parts
        .any(|part| part.eq_ignore_ascii_case("Microsoft"))
        .then(|| "the boot manager of Windows".to_owned())
}

/// A short text without surprises.
fn printable(text: &str) -> Option<String> {
    let fine = text.len() <= 64 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    (fine && !text.is_empty()).then(|| text.to_owned())
}

/// Reads what a small section holds.
///
/// # Errors
/// In words: it is too long, or can't be read.
pub(super) fn content(file: &mut dyn ReadFile, section: &Section) -> Result<Vec<u8>, String> {
    let name = &section.name;
    let size = Some(section.size()).filter(|size| *size <= MAX_TEXT);
    let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else {
        let size = section.size();
        return Err(format!(
            "its section {name} has {size} bytes where at most {MAX_TEXT} are read"
        ));
    };
    let mut bytes = vec![0; size];
    let n = file
        .read_at(section.content.start, &mut bytes)
        .map_err(|error| format!("its section {name} can't be read: {error}"))?;
    bytes.truncate(n);
    Ok(bytes)
}
