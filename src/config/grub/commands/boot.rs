//! What loads a program to be started, and `boot`.

use super::{Call, Table};
use crate::config::budget::Budget;
use crate::config::grub::failure::{
    BAD_ARGUMENT, BAD_FILENAME, FILE_NOT_FOUND, Failure, NO_KERNEL, Outcome, fail,
};
use crate::config::grub::interpreter::{End, Interpreter};
use crate::config::grub::load::{Loaded, Program};
use crate::config::uki::{self, Asked};
use crate::entry::{Change, FileRef, Initrd, Module, PayloadKind};

pub(super) const TABLE: Table = &[
    ("linux", linux),
    ("linux16", linux),
    ("linuxefi", linux),
    ("initrd", initrd),
    ("initrd16", initrd),
    ("initrdefi", initrd),
    ("devicetree", devicetree),
    ("fdt", devicetree),
    ("multiboot", multiboot),
    ("multiboot2", multiboot),
    ("xen_hypervisor", multiboot),
    ("module", module),
    ("module2", module),
    ("xen_module", module),
    ("xen_linux", module),
    ("xen_initrd", module),
    ("xen_xsm", module),
    ("chainloader", chainloader),
    ("appleloader", foreign),
    ("freedos", foreign),
    ("kfreebsd", foreign),
    ("knetbsd", foreign),
    ("kopenbsd", foreign),
    ("loadbios", foreign),
    ("ntldr", foreign),
    ("plan9", foreign),
    ("pxechainloader", foreign),
    ("truecrypt", foreign),
    ("xnu_kernel", foreign),
    ("xnu_kernel64", foreign),
    ("boot", boot),
];

const NOT_LOADED: &str = "you need to load the kernel first";

/// The file that an argument names. One that is not there is a problem of the entry, and it is still
/// known which one was meant.
struct Named {
    file: Option<FileRef>,
    failure: Option<Failure>,
}

fn named(state: &Interpreter<'_>, name: &str) -> Named {
    let located = state.devices.locate(name, state.variables.get("root"));
    match located {
        Ok(file) => Named {
            failure: match state.budget.file() {
                Ok(()) => state.devices.check(&file).err(),
                Err(limit) => Some(Failure::new(FILE_NOT_FOUND, limit.to_string())),
            },
            file: Some(file),
        },
        Err(failure) => Named {
            file: None,
            failure: Some(match failure.text.contains(name) {
                true => failure,
                false => Failure::new(failure.code, format!("{name}: {}", failure.text)),
            }),
        },
    }
}

impl Named {
    /// Reports what is wrong with the file.
    fn or_fail(self, loaded: &mut Loaded) -> (Option<FileRef>, Outcome) {
        let outcome = match self.failure {
            Some(failure) => {
                loaded.block(failure.text.clone());
                Err(failure)
            }
            None => Ok(()),
        };
        (self.file, outcome)
    }
}

/// The command line as GRUB writes it (`grub-core/lib/cmdline.c`): an argument with a space gets double
/// quotes, and a quote or backslash in one gets a backslash.
fn command_line(arguments: &[String]) -> String {
    let words = arguments.iter().map(|argument| {
        let quote = if argument.contains(' ') { "\"" } else { "" };
        let mut word = quote.to_owned();
        for c in argument.chars() {
            if matches!(c, '\\' | '\'' | '"') {
                word.push('\\');
            }
            word.push(c);
        }
        word + quote
    });
    words.collect::<Vec<_>>().join(" ")
}

fn linux(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    // What failed before there was a kernel is missing all the same.
    let problems = match state.loaded.program {
        None => std::mem::take(&mut state.loaded.problems),
        Some(_) => Vec::new(),
    };
    state.loaded.program = None;
    state.loaded.problems = problems;
    state.loaded.initrd_problems.clear();
    let Some(name) = call.argument(0) else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    if state.variables.get("check_signatures") == Some("enforce") {
        state.remark(
            "`check_signatures' is `enforce': the signatures that GRUB would check are not checked",
        );
    }
    let (kernel, outcome) = named(state, name).or_fail(&mut state.loaded);
    let cmdline = format!("BOOT_IMAGE={}", command_line(call.arguments));
    state.loaded.program = Some(Program {
        missing: outcome.is_err(),
        kernel,
        cmdline,
        ..Program::new(PayloadKind::Linux)
    });
    outcome
}

/// A second `initrd` takes the place of the first, with what was wrong with that.
fn initrd(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let others = std::mem::take(&mut state.loaded.problems);
    let outcome = initrds(state, call);
    let mut own = std::mem::replace(&mut state.loaded.problems, others);
    if state.loaded.program.is_some() {
        let changed = Some(Change::Initrds);
        own.iter_mut()
            .for_each(|problem| problem.mended_by = changed);
    }
    if state.loaded.program.is_none() || call.arguments.is_empty() {
        state.loaded.problems.extend(own);
        return outcome;
    }
    state.loaded.initrd_problems = own;
    kernel_is_there(state).and(outcome)
}

fn initrds(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    if call.arguments.is_empty() {
        state
            .loaded
            .block("`initrd` names no file: a variable of it is not set");
        return fail(BAD_ARGUMENT, "filename expected");
    }
    if state.loaded.program.is_none() {
        return too_early(state, call);
    }
    let mut files = Vec::new();
    let mut result = Ok(());
    for argument in call.arguments {
        let (name, file) = match single_file(argument) {
            Some((name, file)) => (Some(name), file),
            None => (None, argument.as_str()),
        };
        let (file, mut outcome) = named(state, file).or_fail(&mut state.loaded);
        if name.is_some_and(|name| name.len() > MAX_NAME || name.matches('/').count() > MAX_LEVELS)
        {
            let text = format!(
                "{argument}: the name of a file in an initrd has at most {MAX_NAME} bytes and \
                 {MAX_LEVELS} directories"
            );
            state.loaded.block(text.clone());
            outcome = fail(BAD_FILENAME, text);
        }
        let name = name.map(str::to_owned);
        files.extend(file.map(|file| Initrd { file, name }));
        result = result.and(outcome);
    }
    if let Some(program) = &mut state.loaded.program {
        program.initrd = files;
    }
    result
}

/// A longer name of a file in an archive is passed over by Linux (`PATH_MAX`), in bytes.
const MAX_NAME: usize = 4095;

/// Directories in each other around such a file: each takes room in the archive.
const MAX_LEVELS: usize = 64;

/// Name and file of `newc:NAME:FILE`: a file that is put into an archive. Without the second colon it is the
/// name of a file, which GRUB does not find either.
fn single_file(argument: &str) -> Option<(&str, &str)> {
    let rest = argument.strip_prefix("newc:")?;
    rest.trim_start_matches('/').split_once(':')
}

fn devicetree(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    // Without a file the one of the firmware is used; of several only the first is looked at.
    state.loaded.devicetree = None;
    let Some(name) = call.argument(0) else {
        return Ok(());
    };
    let (file, outcome) = named(state, name).or_fail(&mut state.loaded);
    state.loaded.devicetree = file;
    outcome
}

/// GRUB says the same of a kernel whose file is not there; here its entry names all files, and why it can't be
/// started is said already.
fn kernel_is_there(state: &mut Interpreter<'_>) -> Outcome {
    if state
        .loaded
        .program
        .as_ref()
        .is_some_and(|program| program.missing)
    {
        state.print(&format!("error: {NOT_LOADED}.\n"));
        return fail(BAD_ARGUMENT, "");
    }
    Ok(())
}

/// A file that belongs to a kernel, before there is one: GRUB would start the kernel without it.
fn too_early(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.loaded.block(format!("`{}': {NOT_LOADED}", call.name));
    fail(BAD_ARGUMENT, NOT_LOADED)
}

fn multiboot(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.loaded = Loaded::default();
    let mut arguments = call.arguments;
    while let [first, rest @ ..] = arguments
        && matches!(
            first.as_str(),
            "--quirk-bad-kludge" | "--quirk-modules-after-kernel"
        )
    {
        arguments = rest;
    }
    let [name, parameters @ ..] = arguments else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    let (kernel, outcome) = named(state, name).or_fail(&mut state.loaded);
    let kind = match call.name {
        "multiboot" => PayloadKind::Multiboot,
        _ => PayloadKind::Multiboot2,
    };
    state.loaded.program = Some(Program {
        missing: outcome.is_err(),
        kernel,
        cmdline: command_line(parameters),
        ..Program::new(kind)
    });
    state
        .loaded
        .block("Multiboot kernels can't be started yet: kexec starts Linux kernels only");
    outcome
}

fn module(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let arguments = match call.arguments {
        [first, rest @ ..] if first == "--nounzip" => rest,
        arguments => arguments,
    };
    let [name, parameters @ ..] = arguments else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    if state.loaded.program.is_none() {
        return too_early(state, call);
    }
    let (file, outcome) = named(state, name).or_fail(&mut state.loaded);
    if let (Some(program), Some(file)) = (&mut state.loaded.program, file) {
        let cmdline = command_line(parameters);
        program.modules.push(Module { file, cmdline });
    }
    kernel_is_there(state).and(outcome)
}

/// An EFI program that is a Linux kernel or holds one is started as one; others can't be.
fn chainloader(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.loaded = Loaded::default();
    let arguments = match call.arguments {
        [first, rest @ ..] if matches!(first.as_str(), "--force" | "--bpb") => rest,
        arguments => arguments,
    };
    let [name, parameters @ ..] = arguments else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    let is_sector = name.starts_with('+') || name.contains(")+");
    if is_sector {
        state.loaded.program = Some(Program::new(PayloadKind::Efi));
        let text = format!("{name} is the boot sector of another system: only a BIOS starts that");
        state.loaded.block(text);
        return Ok(());
    }
    let (kernel, outcome) = named(state, name).or_fail(&mut state.loaded);
    let mut program = Program::new(PayloadKind::Efi);
    program.cmdline = command_line(parameters);
    let there = kernel.as_ref().filter(|_| outcome.is_ok());
    let filesystem = there.and_then(|file| state.devices.filesystem(file.volume).ok());
    if let Some((file, filesystem)) = there.zip(filesystem) {
        let budget = Budget::of_program();
        let asked = Asked {
            options: &program.cmdline,
            ..Asked::default()
        };
        let start = uki::start(filesystem, file, asked, &budget);
        state.budget.work(budget.worth());
        program.kind = start.kind;
        program.cmdline = start.cmdline;
        program.initrd = start.initrd.into_iter().map(Initrd::from).collect();
        program.unified = start.unified;
        state.loaded.problems.extend(start.problems);
    }
    program.kernel = kernel;
    state.loaded.program = Some(program);
    outcome
}

fn foreign(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.loaded = Loaded::default();
    let kernel = call.arguments.iter().find(|a| !a.starts_with('-'));
    let kernel = kernel.and_then(|name| named(state, name).file);
    state.loaded.program = Some(Program {
        kernel,
        ..Program::new(PayloadKind::Efi)
    });
    let text = format!(
        "`{}' starts a system that is not Linux, and kexec starts Linux kernels only",
        call.name
    );
    state.loaded.block(text);
    Ok(())
}

fn boot(state: &mut Interpreter<'_>, _: &Call<'_>) -> Outcome {
    match &state.loaded.program {
        Some(program) if !program.missing => {
            state.end(End::Boot);
            Ok(())
        }
        _ => fail(NO_KERNEL, NOT_LOADED),
    }
}
