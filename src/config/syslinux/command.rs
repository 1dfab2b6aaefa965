//! From a command to the program that it starts: labels, kinds of files, and the modules of SYSLINUX.

use super::files::Files;
use super::line::{split, words};
use super::listing::Medium;
use super::tree::{Kind, Label, Tree};

/// Commands that lead to each other beyond this lead nowhere.
const MAX_DEPTH: usize = 4;

/// What a command starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A Linux kernel, by name, with its arguments.
    Linux { kernel: String, arguments: String },
    /// A Multiboot kernel and its modules: names with their arguments.
    Multiboot(Vec<(String, String)>),
    /// VMware's loader with the file that says what to load.
    Esx(String),
    /// Other configurations; without any, the menu of the one that is being read.
    Menu(Lead),
    /// Nothing here: the next disk is asked. In words, with the module that does it.
    NextDisk {
        program: Option<String>,
        reason: &'static str,
    },
    /// What can't be started, and why.
    Other {
        program: Option<String>,
        reason: String,
    },
}

/// Configurations that are read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) files: Vec<String>,
    /// The directory to work in, where it is another one.
    pub(super) directory: Option<String>,
    /// Does a menu show them, whatever they say? If not, they are read as the first one is.
    pub(super) in_menu: bool,
    /// Is a password asked for on the way to them?
    pub(super) password: bool,
}

/// What commands are understood with.
pub(super) struct Context<'a> {
    pub(super) tree: &'a Tree,
    pub(super) files: &'a Files<'a>,
    pub(super) medium: Medium,
}

impl Context<'_> {
    /// What a label starts, with further arguments.
    pub(super) fn label(&self, label: &Label, arguments: &str) -> Program {
        self.label_within(label, arguments, MAX_DEPTH)
    }

    /// What a command starts as somebody would type it: a label, or a file, with arguments.
    pub(super) fn command(&self, command: &str) -> Program {
        self.command_within(command, MAX_DEPTH)
    }

    fn label_within(&self, label: &Label, arguments: &str, depth: usize) -> Program {
        let implied = || (Kind::Kernel, split(&label.name).0.to_owned());
        let (kind, text) = label.command.clone().unwrap_or_else(implied);
        let initrd = label.initrd.as_ref().map(|name| format!("initrd={name}"));
        let parts = [label.append.as_deref(), initrd.as_deref(), Some(arguments)];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let whole = parts.fold(text, |whole, part| whole + " " + part);
        match self.run(kind, &whole, depth) {
            Program::Menu(mut lead) => {
                lead.password |= label.password;
                Program::Menu(lead)
            }
            program => program,
        }
    }

    fn command_within(&self, command: &str, depth: usize) -> Program {
        let Some(depth) = depth.checked_sub(1) else {
            return other(None, "its commands lead to each other without an end");
        };
        let names = self.tree.labels.iter().map(|label| label.name.len());
        if let Err(limit) = self.files.budget.read(names.sum()) {
            return other(None, limit);
        }
        if let Some((label, arguments)) = self.tree.find(command) {
            return self.label_within(label, arguments, depth);
        }
        let (name, arguments) = split(command);
        if !self.tree.implicit {
            return other(None, format!("there is no label `{name}`"));
        }
        // SYSLINUX tries extensions for a name that has none; only modules are worth that here.
        let is_module = is_known_module(name) && self.files.find(name).1.is_err();
        let kind = if is_module {
            Kind::Module
        } else {
            Kind::Kernel
        };
        // What stands in `append` outside of labels is for such commands.
        let append = self.tree.append.as_deref().filter(|_| !is_module);
        let append = append.filter(|append| *append != "-").unwrap_or_default();
        self.run(kind, &format!("{name} {append} {arguments}"), depth)
    }

    fn run(&self, kind: Kind, command: &str, depth: usize) -> Program {
        let (name, arguments) = split(command);
        let linux = || Program::Linux {
            kernel: name.to_owned(),
            arguments: arguments.trim_end().to_owned(),
        };
        let kind = match kind {
            Kind::Kernel => kind_of(name),
            kind => kind,
        };
        // A version may end like the name of a boot sector: `vmlinuz-6.1.0`.
        let kind = match kind {
            Kind::Bios if self.files.is_linux(name) => Kind::Linux,
            kind => kind,
        };
        match kind {
            Kind::Linux if file_name(name).eq_ignore_ascii_case("memdisk") => other(
                Some(name),
                "memdisk gives a disk image to a BIOS, and kexec starts Linux kernels only",
            ),
            Kind::Kernel | Kind::Linux => linux(),
            Kind::Module => self.module(name, arguments, depth),
            Kind::Configuration => menu(command),
            Kind::LocalBoot => Program::NextDisk {
                program: None,
                reason: "`localboot` goes on to the next disk of a BIOS: choose an entry of that disk",
            },
            Kind::Bios => other(
                Some(name),
                "it is code for a BIOS, and kexec starts Linux kernels only",
            ),
        }
    }

    /// What a module of SYSLINUX would do.
    fn module(&self, name: &str, arguments: &str, depth: usize) -> Program {
        match module(name).as_str() {
            "menu" | "vesamenu" => Program::Menu(Lead {
                files: words(arguments)
                    .filter(|file| *file != "~" && !file.starts_with("initrd="))
                    .map(str::to_owned)
                    .collect(),
                directory: None,
                in_menu: true,
                password: false,
            }),
            "gfxboot" | "gfxmenu" => menu(""),
            "config" => menu(arguments),
            "linux" => self.run(Kind::Linux, arguments, depth),
            "mboot" => multiboot(arguments),
            "ifcpu64" => {
                // The first of the commands is for processors with 64 bits.
                let command = arguments.split(" -- ").next().unwrap_or_default();
                self.command_within(command, depth)
            }
            "whichsys" => match self.medium.choose(arguments) {
                Some(command) => self.command_within(&command, depth),
                None => other(None, "`whichsys.c32` has no command for this medium"),
            },
            "chain" if is_whole_disk(arguments) => Program::NextDisk {
                program: Some(name.to_owned()),
                reason: CHAIN,
            },
            "chain" => other(Some(name), CHAIN),
            name_of_module => other(
                Some(name),
                format!("`{name_of_module}.c32` is a program for SYSLINUX, which is not running"),
            ),
        }
    }
}

/// Why `chain.c32` starts nothing here.
const CHAIN: &str =
    "`chain.c32` starts another boot loader by a BIOS, and kexec starts Linux kernels only";

/// Does `chain.c32` start a disk as a BIOS would, and no partition of one?
fn is_whole_disk(arguments: &str) -> bool {
    let mut words = words(arguments);
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let disk = words.next().and_then(|word| word.strip_prefix("hd"));
    disk.is_some_and(is_number) && !words.next().is_some_and(is_number)
}

fn other(program: Option<&str>, reason: impl Into<String>) -> Program {
    Program::Other {
        program: program.map(str::to_owned),
        reason: reason.into(),
    }
}

/// A configuration, and the directory to work in.
fn menu(arguments: &str) -> Program {
    let mut words = words(arguments).map(str::to_owned);
    Program::Menu(Lead {
        files: words.next().into_iter().collect(),
        directory: words.next().filter(|word| !word.starts_with("initrd=")),
        in_menu: false,
        password: false,
    })
}

/// `mboot.c32`: a kernel with arguments, and behind each `---` a module with arguments.
fn multiboot(arguments: &str) -> Program {
    let mut all: Vec<&str> = words(arguments).collect();
    let is_option =
        |word: &&&str| matches!(**word, "-solaris" | "-nosolaris" | "-aout" | "-noaout");
    let options = all.iter().take_while(is_option).count();
    all.drain(..options);
    if let ["-c", file, ..] = all.as_slice() {
        return Program::Esx((*file).to_owned());
    }
    let parts = all.split(|word| *word == "---");
    let files = parts.filter_map(|part| {
        let (name, arguments) = part.split_first()?;
        Some(((*name).to_owned(), arguments.join(" ")))
    });
    Program::Multiboot(files.collect())
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The name of a module, without directory and `.c32`.
fn module(name: &str) -> String {
    let name = file_name(name).to_ascii_lowercase();
    name.strip_suffix(".c32").unwrap_or(&name).to_owned()
}

fn is_known_module(name: &str) -> bool {
    let known = [
        "chain", "config", "gfxboot", "ifcpu64", "linux", "mboot", "menu", "vesamenu", "whichsys",
    ];
    known.contains(&module(name).as_str())
}

/// What the extension of a file says that it is (`file_extensions` in `ldlinux.c`).
fn kind_of(name: &str) -> Kind {
    let name = file_name(name);
    let is = |extension: &&str| {
        let start = name.len().checked_sub(extension.len());
        let end = start.and_then(|start| name.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(extension))
    };
    if is(&".c32") {
        Kind::Module
    } else if [".bin", ".bs", ".bss", ".0", ".img", ".com", ".cbt"]
        .iter()
        .any(is)
    {
        Kind::Bios
    } else {
        Kind::Linux
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_what_a_file_is() {
        for (name, kind) in [
            ("vmlinuz-6.1.0", Kind::Bios),
            ("vmlinuz-6.1", Kind::Linux),
            ("/boot/VESAMENU.C32", Kind::Module),
            ("ipxe.lkrn", Kind::Linux),
            ("grub.img", Kind::Bios),
            ("a.bin/linux", Kind::Linux),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }

    #[test]
    fn kernels_with_modules() {
        let Program::Multiboot(files) = multiboot("-solaris xen.gz a b --- vmlinuz ro --- i")
        else {
            panic!("no multiboot");
        };
        let files: Vec<_> = files
            .iter()
            .map(|(n, a)| (n.as_str(), a.as_str()))
            .collect();
        assert_eq!(files, [("xen.gz", "a b"), ("vmlinuz", "ro"), ("i", "")]);
        assert_eq!(
            multiboot("-c boot.cfg"),
            Program::Esx("boot.cfg".to_owned())
        );
    }
}
