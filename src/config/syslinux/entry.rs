//! From a program to a [`BootEntry`].

use super::command::Program;
use super::esx;
use super::files::Files;
use super::line::words;
use super::tree::Label;
use crate::entry::{
    BootEntry, EntrySource, FileRef, Initrd, Module, Origin, Password, PayloadKind,
};

/// A larger file is no `boot.cfg`.
const MAX_BOOT_CFG: usize = 64 * 1024;

/// More initrds or modules than this are a mistake or an attack: each costs a look at the disk.
const MAX_FILES: usize = 64;

/// The entry of a label, or of a command that is none.
pub(super) fn entry(
    files: &Files<'_>,
    id: &str,
    origin: Origin,
    label: Option<&Label>,
    program: Program,
) -> BootEntry {
    let kind = match &program {
        Program::Multiboot(_) | Program::Esx(_) => PayloadKind::Multiboot,
        // What is not Linux would be another program; EFI is not asked for, and there is no better word.
        Program::Other { .. } => PayloadKind::Efi,
        Program::Linux { .. } | Program::Menu(_) => PayloadKind::Linux,
    };
    let mut found = BootEntry::new(id.to_owned(), EntrySource::Syslinux, kind, origin);
    if let Some(label) = label {
        found.title = label.title();
        found.problems.extend(label.problems.iter().cloned());
    }
    match program {
        Program::Linux { kernel, arguments } => {
            linux(files, label, &kernel, &arguments, &mut found)
        }
        Program::Multiboot(modules) => multiboot(files, modules, &mut found),
        Program::Esx(name) => match read_boot_cfg(files, &name) {
            Ok(modules) => multiboot(files, modules, &mut found),
            Err(problem) => found.block(problem),
        },
        Program::Menu(_) => found.block("it leads back to a menu that it is in"),
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
    found
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
    for name in lists.next().into_iter().flat_map(|list| list.split(',')) {
        if entry.initrd.len() >= MAX_FILES {
            entry.block(format!("it names more than {MAX_FILES} initrds"));
            break;
        }
        let file = named(files, name, "initrd=", entry);
        entry.initrd.extend(file.map(Initrd::from));
    }
    for list in lists {
        entry.remark(format!(
            "{list} is not loaded: of several `initrd=` the first counts in SYSLINUX"
        ));
    }
    if let Some(devicetree) = label.and_then(|label| label.devicetree.as_deref()) {
        entry.devicetree = named(files, devicetree, "fdt", entry);
        if cfg!(target_arch = "x86_64") {
            entry.remark("`fdt` has no meaning on this machine: not passed on");
        }
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
    let bytes = files.read(&path, MAX_BOOT_CFG);
    let bytes = bytes.map_err(|error| format!("{path} can't be read: {error}"))?;
    Ok(esx::modules(&String::from_utf8_lossy(&bytes)))
}

/// What a person should know of a label, and what keeps it from being started as it was meant.
fn explain(label: &Label, entry: &mut BootEntry) {
    if label.disabled {
        entry.block("`menu disable` says that it is not to be chosen");
    }
    if label.password {
        lock(entry);
    }
    if label.sysappend != 0 {
        entry.remark(format!(
            "`sysappend {:#x}`: what SYSLINUX would add of the network and the machine is left out",
            label.sysappend
        ));
    }
}

/// Keeps an entry from being started for which SYSLINUX would ask for a password.
pub(super) fn lock(entry: &mut BootEntry) {
    if entry.password != Password::Start {
        entry.password = Password::Start;
        entry.block("SYSLINUX starts it only with a password");
    }
}
