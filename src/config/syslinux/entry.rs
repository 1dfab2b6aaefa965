//! From a program to a [`BootEntry`].

use super::command::Program;
use super::esx;
use super::files::Files;
use super::line::words;
use super::sysappend::Known;
use super::tree::Label;
use crate::entry::{
    BootEntry, Change, EntrySource, FileRef, Initrd, Module, Origin, Password, PayloadKind, Problem,
};

/// A larger file is no `boot.cfg`.
const MAX_BOOT_CFG: usize = 64 * 1024;

/// Further problems of an entry are counted.
const MAX_PROBLEMS: usize = 16;

/// More initrds or modules than this are a mistake or an attack: each costs a look at the disk.
const MAX_FILES: usize = 64;

/// The entry of a label, or of a command that is none. `known` is what `sysappend` asks for.
pub(super) fn entry(
    files: &Files<'_>,
    known: Known<'_>,
    id: &str,
    origin: Origin,
    label: Option<&Label>,
    program: Program,
) -> BootEntry {
    let kind = match &program {
        Program::Multiboot(_) | Program::Esx(_) => PayloadKind::Multiboot,
        // What is not Linux would be another program; EFI is not asked for, and there is no better word.
        Program::Other { .. } | Program::NextDisk { .. } => PayloadKind::Efi,
        Program::Linux { .. } | Program::Menu(_) => PayloadKind::Linux,
    };
    let mut found = BootEntry::new(id.to_owned(), EntrySource::Syslinux, kind, origin);
    if let Some(label) = label {
        found.title = label.title();
        found.hot_key = label.hot_key();
        found.problems.extend(label.problems.iter().cloned());
    }
    match program {
        Program::Linux { kernel, arguments } => {
            linux(files, label, &kernel, &arguments, &mut found);
            append(label.map_or(0, |label| label.sysappend), known, &mut found);
        }
        Program::Multiboot(modules) => multiboot(files, modules, &mut found),
        Program::Esx(name) => match read_boot_cfg(files, &name) {
            Ok(modules) => multiboot(files, modules, &mut found),
            Err(problem) => found.block(problem),
        },
        Program::Menu(_) => found.block("it leads back to a menu that it is in"),
        Program::NextDisk { program, reason } => {
            found.goes_on = true;
            found.kernel = program.and_then(|name| files.find(&name).0);
            found.block(reason);
        }
        Program::Other { program, reason } => {
            found.kernel = program.and_then(|name| files.find(&name).0);
            found.block(reason);
        }
    }
    if let Some(label) = label {
        explain(label, &mut found);
    }
    if found.cmdline.contains(['\0', char::REPLACEMENT_CHARACTER]) {
        found.block("its command line is not UTF-8 text: the configuration is damaged");
    }
    limit(label.map_or(0, |label| label.unsaid), &mut found.problems);
    found
}

/// Keeps the first problems, and that which decides whether it can be booted or mended, and says how many there are
/// besides, with those that were not even remembered.
fn limit(unsaid: usize, problems: &mut Vec<Problem>) {
    let mut left = problems.split_off(problems.len().min(MAX_PROBLEMS));
    let mut count = left.len().saturating_add(unsaid);
    for decides in [Problem::lasts, |problem: &Problem| problem.blocks] {
        if !problems.iter().any(decides)
            && let Some(first) = left.iter().position(decides)
        {
            problems.push(left.swap_remove(first));
            count = count.saturating_sub(1);
        }
    }
    if count > 0 {
        problems.push(Problem::new(false, format!("and {count} more remarks")));
    }
}

/// Adds what `sysappend` asks for, as far as it is known.
fn append(mask: u32, known: Known<'_>, entry: &mut BootEntry) {
    let (texts, unknown) = known.texts(mask);
    entry.cmdline += &texts;
    if !unknown.is_empty() {
        entry.remark(format!(
            "`sysappend {mask:#x}`: what only the network or the machine itself knows is left out: {}",
            unknown.join(", ")
        ));
    }
}

/// A kernel with the command line that SYSLINUX makes (`com32/elflink/ldlinux/kernel.c`): `BOOT_IMAGE=`
/// with the kernel as it is written, then all arguments, `initrd=` among them.
fn linux(
    files: &Files<'_>,
    label: Option<&Label>,
    kernel: &str,
    arguments: &str,
    entry: &mut BootEntry,
) {
    let is_implied = label.is_some_and(|label| label.command.is_none());
    let (file, found) = files.find(kernel);
    if let Err(problem) = found {
        entry.block(match is_implied {
            true => format!("it names no kernel, and {problem}"),
            false => problem,
        });
    }
    entry.kernel = file;
    entry.cmdline = format!("BOOT_IMAGE={kernel} {arguments}")
        .trim_end()
        .to_owned();
    let mut lists = words(arguments).filter_map(|word| word.strip_prefix("initrd="));
    let known = entry.problems.len();
    for name in lists.next().into_iter().flat_map(|list| list.split(',')) {
        if entry.initrd.len() >= MAX_FILES {
            entry.block(format!("it names more than {MAX_FILES} initrds"));
            break;
        }
        let file = named(files, name, "initrd=", entry);
        entry.initrd.extend(file.map(Initrd::from));
    }
    entry.mark_mendable(known, Change::Initrds);
    for list in lists {
        entry.remark(format!(
            "{list} is not loaded: of several `initrd=` the first counts in SYSLINUX"
        ));
    }
    if let Some(devicetree) = label.and_then(|label| label.devicetree.as_deref()) {
        entry.devicetree = named(files, devicetree, "fdt", entry);
        entry.remark("`fdt` has no meaning on this machine: not passed on");
    }
    if arguments.contains("${") {
        entry.remark("it holds `${`: no variables are filled in, as U-Boot would");
    }
}

/// The file that `name` means; one that is not there keeps the entry from being started.
fn named(files: &Files<'_>, name: &str, asked_by: &str, entry: &mut BootEntry) -> Option<FileRef> {
    if name.is_empty() {
        entry.block(format!("`{asked_by}` names no file"));
        return None;
    }
    let (file, found) = files.find(name);
    if let Err(problem) = found {
        entry.block(problem);
    }
    file
}

fn multiboot(files: &Files<'_>, modules: Vec<(String, String)>, entry: &mut BootEntry) {
    if modules.len() > MAX_FILES {
        entry.block(format!("it names more than {MAX_FILES} modules"));
    }
    let mut modules = modules.into_iter().take(MAX_FILES);
    if let Some((kernel, arguments)) = modules.next() {
        entry.kernel = named(files, &kernel, "mboot.c32", entry);
        entry.cmdline = arguments;
    }
    for (name, cmdline) in modules {
        if let Some(file) = named(files, &name, "mboot.c32", entry) {
            entry.modules.push(Module { file, cmdline });
        }
    }
    entry.block("Multiboot kernels can't be started yet: kexec starts Linux kernels only");
}

fn read_boot_cfg(files: &Files<'_>, name: &str) -> Result<Vec<(String, String)>, String> {
    let path = files.locate(name).map_err(|e| format!("{name}: {e}"))?;
    let bytes = files.read(&path, MAX_BOOT_CFG)?;
    Ok(esx::modules(&String::from_utf8_lossy(&bytes)))
}

/// What a person should know of a label, and what keeps it from being started as it was meant.
fn explain(label: &Label, entry: &mut BootEntry) {
    if label.disabled {
        entry.block("`menu disable` says that it is not to be chosen");
    }
    if label.password {
        protect(entry, Password::Start);
    }
}

/// Gives an entry the password that SYSLINUX asks for on the way to it, or for changing it, unless it has one for
/// more. One that SYSLINUX would not start without is kept from being started.
pub(super) fn protect(entry: &mut BootEntry, password: Password) {
    if password == Password::Start && entry.password != password {
        entry.block("SYSLINUX starts it only with a password");
    }
    entry.password = entry.password.max(password);
}
