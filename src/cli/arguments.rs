//! Commands and flags: each is named and described in one table, from which the help is made.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::path::PathBuf;

use lexopt::{Arg, ValueExt};

use super::confirm::ConfirmOptions;
use crate::policy;
use crate::store::Choice;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Help on everything, or on one command.
    Help(Option<&'static Description>),
    /// The version.
    Version,
    /// `list`
    List {
        /// As JSON.
        json: bool,
        /// Where UEFI variables are.
        efivars: Option<PathBuf>,
        /// Disks; none means all of the machine.
        disks: Vec<PathBuf>,
    },
    /// `inspect`
    Inspect {
        /// Disks; none means all of the machine.
        disks: Vec<PathBuf>,
    },
    /// `boot`
    Boot(BootOptions),
    /// `verify`
    Verify(VerifyOptions),
    /// `menu`
    Menu(MenuOptions),
    /// `policy`
    Policy(PolicyOptions),
    /// `confirm`
    Confirm(ConfirmOptions),
    /// `check-policy`
    CheckPolicy {
        /// The policy.
        file: PathBuf,
    },
}

/// Options of `boot`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BootOptions {
    /// Do all but load.
    pub dry_run: bool,
    /// The entry to start, by its id.
    pub entry: Option<String>,
    /// The policy that decides; without one, everything may be loaded.
    pub policy: Option<PathBuf>,
    /// Where UEFI variables are.
    pub efivars: Option<PathBuf>,
    /// Disks; none means all of the machine.
    pub disks: Vec<PathBuf>,
}

/// Options of `verify`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct VerifyOptions {
    /// As JSON.
    pub json: bool,
    /// The policy.
    pub policy: PathBuf,
    /// Where UEFI variables are.
    pub efivars: Option<PathBuf>,
    /// Disks; none means all of the machine.
    pub disks: Vec<PathBuf>,
}

/// Options of `menu`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MenuOptions {
    /// Seconds until the default entry is chosen; without them, somebody has to.
    pub timeout: Option<u32>,
    /// Terminals that show it, besides the own one.
    pub terminals: Vec<PathBuf>,
    /// Where UEFI variables are.
    pub efivars: Option<PathBuf>,
    /// Disks; none means all of the machine.
    pub disks: Vec<PathBuf>,
}

/// Options of `policy`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PolicyOptions {
    /// As JSON.
    pub json: bool,
    /// Where `/proc` and `/sys` are.
    pub root: PathBuf,
    /// The policy.
    pub file: PathBuf,
}

/// A command, for its users.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    usage: &'static str,
    /// What it does, in a line.
    summary: &'static str,
    /// The rest of what there is to know.
    details: &'static str,
    /// Its flags.
    flags: &'static [Flag],
}

/// A flag, for its users.
#[derive(Debug, PartialEq, Eq)]
struct Flag {
    name: &'static str,
    value: &'static str,
    summary: &'static str,
}

/// Of `list`, `boot`, `menu` and `verify`.
const EFIVARS: Flag = Flag {
    name: "efivars",
    value: "DIR",
    summary: "follow the UEFI variables in this directory, as in /sys/firmware/efi/efivars",
};

/// Of `boot` and `verify`.
const POLICY: Flag = Flag {
    name: "policy",
    value: "FILE",
    summary: "the policy",
};

/// Of `boot` and `verify`.
const BOARD: Flag = Flag {
    name: "board",
    value: "DIR",
    summary: "the policy of this board",
};

/// All commands.
pub(super) const COMMANDS: [Description; 8] = [
    Description {
        name: "list",
        usage: "[--json] [--efivars DIR] [DISK…]",
        summary: "show what can be booted, and what can't and why",
        details: "Entries are shown in the order of the menu. The default has a star; what can't be \
                  booted has its reason below it.\nExit status 3 says that nothing can be booted.",
        flags: &[
            Flag {
                name: "json",
                value: "",
                summary: "print the documented JSON view",
            },
            EFIVARS,
        ],
    },
    Description {
        name: "boot",
        usage: "[--dry-run] [--entry ID] [--policy FILE | --board DIR] [--efivars DIR] [DISK…]",
        summary: "read, check and load the default entry, or the one that is named",
        details: "The kernel is loaded and not started: `systemctl kexec` stops the running system in \
                  order and then jumps. Entries are tried one after the other until one is loaded; a \
                  named entry is the only one. With a policy, it decides as in the flash.\n\
                  Exit status 3 says that nothing can be booted.",
        flags: &[
            Flag {
                name: "dry-run",
                value: "",
                summary: "do all but load, and print where the time went",
            },
            Flag {
                name: "entry",
                value: "ID",
                summary: "start this entry, as `list` names it",
            },
            POLICY,
            BOARD,
            EFIVARS,
        ],
    },
    Description {
        name: "menu",
        usage: "[--timeout SECONDS] [--terminal TTY]… [--efivars DIR] [DISK…]",
        summary: "show the menu of the boot loader, and what would be booted",
        details: "What is chosen is read and checked as with `boot --dry-run`, and nothing is loaded. On a \
                  terminal whose TERM is `dumb` or not known, the menu is a list that is typed.",
        flags: &[
            Flag {
                name: "timeout",
                value: "SECONDS",
                summary: "choose the default entry then; 0 shows no menu unless Space was pressed",
            },
            Flag {
                name: "terminal",
                value: "TTY",
                summary: "show it on this terminal, too",
            },
            EFIVARS,
        ],
    },
    Description {
        name: "inspect",
        usage: "[DISK…]",
        summary: "show disks, partitions and volumes, with what was passed over and why",
        details: "",
        flags: &[],
    },
    Description {
        name: "verify",
        usage: "(--policy FILE | --board DIR) [--json] [--efivars DIR] [DISK…]",
        summary: "show what a policy would let boot, what is covered by whose signature, and why not",
        details: "The anchors are those in the directory `anchors` beside the policy.\n\
                  Exit status 1 says that the policy does not let boot what would be started first.",
        flags: &[
            POLICY,
            BOARD,
            Flag {
                name: "json",
                value: "",
                summary: "print the documented JSON view",
            },
            EFIVARS,
        ],
    },
    Description {
        name: "policy",
        usage: "[--json] [--root DIR] [FILE]",
        summary: "show the values of a policy, and who has set each",
        details: "Without FILE it is that of the running boot loader. What the machine says that the policy listens \
                  to is asked for; a file on a volume is not read.",
        flags: &[
            Flag {
                name: "json",
                value: "",
                summary: "print the documented JSON view",
            },
            Flag {
                name: "root",
                value: "DIR",
                summary: "ask the machine whose /proc and /sys are there",
            },
        ],
    },
    Description {
        name: "confirm",
        usage: "[--store STORE] [--cmos BYTE] [--tpm INDEX] [--forget] [--efivars DIR]",
        summary: "tell the boot loader that the system which it has started runs",
        details: "For policies that count starts; where the count is, is said as in `[failure]` of the policy.",
        flags: &[
            Flag {
                name: "store",
                value: "STORE",
                summary: "where the count is: efi (where nothing else is said), cmos, tpm or pstore",
            },
            Flag {
                name: "cmos",
                value: "BYTE",
                summary: "its first byte in the memory of the clock",
            },
            Flag {
                name: "tpm",
                value: "INDEX",
                summary: "its index in the TPM",
            },
            Flag {
                name: "forget",
                value: "",
                summary: "forget what was counted of all entries",
            },
            Flag {
                name: "efivars",
                value: "DIR",
                summary: "where UEFI variables are, in the place of /sys/firmware/efi/efivars",
            },
        ],
    },
    Description {
        name: "check-policy",
        usage: "FILE",
        summary: "check the policy of a board before it goes into the flash",
        details: "Says nothing when the file is right; a mistake is told with its line.",
        flags: &[],
    },
];

const INTRODUCTION: &str = "\
A boot loader: it finds what installed systems left on disks, decides, and starts it.
As process 1 it boots the machine; as a command it does the same on block devices and
image files, up to the jump.
";

const STATUS: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing can be booted.
";

/// The help on everything, or on one command.
pub(super) fn help(topic: Option<&Description>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match topic {
        None => general(&mut text),
        Some(command) => command.write(&mut text),
    };
    text
}

fn general(text: &mut String) -> fmt::Result {
    writeln!(text, "{INTRODUCTION}\nUsage:")?;
    for command in &COMMANDS {
        writeln!(text, "  pilotlight {} {}", command.name, command.usage)?;
    }
    writeln!(text, "\nCommands:")?;
    for command in &COMMANDS {
        writeln!(text, "  {:14}{}", command.name, command.summary)?;
    }
    writeln!(
        text,
        "\nDISK is a block device or an image file; without one, all disks of the machine are meant.\n\
         `pilotlight COMMAND --help` tells more. `--version` prints the version.\n\n{}",
        STATUS.trim_end()
    )
}

impl Description {
    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "pilotlight {} {}\n", self.name, self.usage)?;
        writeln!(text, "{}", self.summary)?;
        if !self.details.is_empty() {
            writeln!(text, "\n{}", self.details)?;
        }
        if !self.flags.is_empty() {
            writeln!(text)?;
        }
        for flag in self.flags {
            let name = format!("--{} {}", flag.name, flag.value);
            writeln!(text, "  {name:17} {}", flag.summary)?;
        }
        Ok(())
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known.name == flag)
    }
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> UsageError {
        UsageError(error.to_string())
    }
}

/// Reads the arguments, without the name of the program.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command: Option<&'static Description> = None;
    let mut json = false;
    let mut options = BootOptions::default();
    let mut menu = MenuOptions::default();
    let mut root = PathBuf::from("/");
    let mut confirm = ConfirmOptions::default();
    let (mut store, mut byte, mut index) = (None, None, None);
    let mut paths = Vec::new();
    while let Some(argument) = parser.next()? {
        match (argument, command) {
            (Arg::Long("help") | Arg::Short('h'), _) => return Ok(Command::Help(command)),
            (Arg::Long("version") | Arg::Short('V'), _) => return Ok(Command::Version),
            (Arg::Value(name), None) => {
                let known = COMMANDS.iter().find(|known| name == known.name);
                let name = name.to_string_lossy();
                let unknown = || UsageError(format!("there is no command {name:?}"));
                command = Some(known.ok_or_else(unknown)?);
            }
            (Arg::Value(path), Some(_)) => paths.push(PathBuf::from(path)),
            (Arg::Long(flag), Some(command)) if command.has(flag) => match flag {
                "json" => json = true,
                "dry-run" => options.dry_run = true,
                "policy" => options.policy = Some(PathBuf::from(parser.value()?)),
                "board" => {
                    options.policy = Some(PathBuf::from(parser.value()?).join("policy.toml"));
                }
                "store" => store = Some(parser.value()?.to_string_lossy().into_owned()),
                "cmos" => byte = Some(number(&parser.value()?)?),
                "tpm" => index = Some(number(&parser.value()?)?),
                "forget" => confirm.forget = true,
                "root" => root = PathBuf::from(parser.value()?),
                "timeout" => menu.timeout = Some(seconds(&parser.value()?)?),
                "terminal" => menu.terminals.push(PathBuf::from(parser.value()?)),
                "efivars" => options.efivars = Some(PathBuf::from(parser.value()?)),
                _ => {
                    let id = parser.value()?.into_string();
                    let id = id.map_err(|_| UsageError("an id is UTF-8 text".to_owned()))?;
                    options.entry = Some(id);
                }
            },
            (argument, _) => return Err(argument.unexpected().into()),
        }
    }
    match command.map(|command| command.name) {
        None => Err(UsageError("a command is missing".to_owned())),
        Some("list") => Ok(Command::List {
            json,
            efivars: options.efivars,
            disks: paths,
        }),
        Some("menu") => Ok(Command::Menu(MenuOptions {
            efivars: options.efivars,
            disks: paths,
            ..menu
        })),
        Some("inspect") => Ok(Command::Inspect { disks: paths }),
        Some("verify") => Ok(Command::Verify(VerifyOptions {
            json,
            policy: options
                .policy
                .ok_or_else(|| UsageError("a policy is missing".to_owned()))?,
            efivars: options.efivars,
            disks: paths,
        })),
        Some("policy") => match &paths[..] {
            [] | [_] => Ok(Command::Policy(PolicyOptions {
                json,
                root,
                file: paths.pop().unwrap_or_else(|| PathBuf::from(policy::PATH)),
            })),
            _ => Err(UsageError("one policy is shown at a time".to_owned())),
        },
        Some("confirm") => match &paths[..] {
            [] => Ok(Command::Confirm(ConfirmOptions {
                store: Choice::of(store.as_deref(), byte, index)
                    .map_err(|why| UsageError(why.to_owned()))?,
                efivars: options.efivars,
                ..confirm
            })),
            _ => Err(UsageError("no disk is asked to confirm".to_owned())),
        },
        Some("check-policy") => match <[PathBuf; 1]>::try_from(paths) {
            Ok([file]) => Ok(Command::CheckPolicy { file }),
            Err(_) => Err(UsageError("one policy is checked at a time".to_owned())),
        },
        Some(_) => {
            options.disks = paths;
            Ok(Command::Boot(options))
        }
    }
}

/// A number, which may be written as one in hexadecimal digits.
fn number(value: &OsString) -> Result<u32, UsageError> {
    let text = value.to_string_lossy();
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| UsageError(format!("{text:?} is no number")))
}

fn seconds(value: &OsString) -> Result<u32, UsageError> {
    let wrong = |_| UsageError("a time is a number of seconds".to_owned());
    value.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_command_and_flag_is_understood() {
        let disks = vec![PathBuf::from("a"), PathBuf::from("b")];
        let json = true;
        let efivars = Some(PathBuf::from("c"));
        let expected = Command::List {
            json,
            efivars,
            disks,
        };
        assert_eq!(parsed("list a --json --efivars c b"), Ok(expected));
        let disks = Vec::new();
        assert_eq!(parsed("inspect"), Ok(Command::Inspect { disks }));
        let expected = BootOptions {
            dry_run: true,
            entry: Some("x.conf".to_owned()),
            policy: Some(PathBuf::from("b/policy.toml")),
            efivars: None,
            disks: vec![PathBuf::from("-d")],
        };
        assert_eq!(
            parsed("boot --dry-run --entry=x.conf --board b -- -d"),
            Ok(Command::Boot(expected))
        );
        let expected = MenuOptions {
            timeout: Some(7),
            terminals: vec![PathBuf::from("t"), PathBuf::from("u")],
            efivars: None,
            disks: vec![PathBuf::from("a")],
        };
        assert_eq!(
            parsed("menu --terminal t --timeout 7 a --terminal=u"),
            Ok(Command::Menu(expected))
        );
        let file = PathBuf::from("policy.toml");
        assert_eq!(
            parsed("policy --json --root r policy.toml"),
            Ok(Command::Policy(PolicyOptions {
                json: true,
                root: "r".into(),
                file: file.clone(),
            }))
        );
        assert_eq!(
            parsed("check-policy policy.toml"),
            Ok(Command::CheckPolicy { file })
        );
        let expected = ConfirmOptions {
            forget: true,
            store: Choice::Cmos(96),
            efivars: None,
        };
        assert_eq!(
            parsed("confirm --cmos 96 --forget"),
            Ok(Command::Confirm(expected))
        );
        let expected = ConfirmOptions {
            store: Choice::Tpm(0x0180_0001),
            ..ConfirmOptions::default()
        };
        assert_eq!(
            parsed("confirm --store tpm --tpm 0x1800001"),
            Ok(Command::Confirm(expected))
        );
        let expected = VerifyOptions {
            json: true,
            policy: PathBuf::from("b/policy.toml"),
            efivars: None,
            disks: vec![PathBuf::from("d")],
        };
        assert_eq!(
            parsed("verify --board b --json d"),
            Ok(Command::Verify(expected))
        );
        assert_eq!(parsed("--version"), Ok(Command::Version));
        for command in &COMMANDS {
            let asked = parsed(&format!("{} --help", command.name));
            assert_eq!(asked, Ok(Command::Help(Some(command))));
            for flag in command.flags {
                let policy = if command.name == "verify" {
                    " --policy p"
                } else {
                    ""
                };
                let value = flag.value.replace("SECONDS", "7").replace("BYTE", "96");
                let value = value.replace("STORE", "tpm").replace("INDEX", "0x1800000");
                let line = format!("{} --{} {value}{policy}", command.name, flag.name);
                assert!(parsed(&line).is_ok(), "{line}");
                let line = format!("--{} {}", flag.name, flag.value);
                let line = format!("  {line} ");
                let lines = help(Some(command));
                let line = lines.lines().find(|known| known.starts_with(&line));
                assert!(
                    line.is_some_and(|line| line.ends_with(flag.summary)),
                    "{lines}"
                );
            }
            assert!(help(None).contains(command.summary));
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (line, message) in [
            ("", "a command is missing"),
            ("lsit", "there is no command \"lsit\""),
            ("list --dry-run", "invalid option '--dry-run'"),
            ("--json list", "invalid option '--json'"),
            ("verify d", "a policy is missing"),
            ("policy a b", "one policy is shown at a time"),
            ("check-policy", "one policy is checked at a time"),
            ("check-policy a b", "one policy is checked at a time"),
            ("confirm a", "no disk is asked to confirm"),
            ("confirm --cmos 9", "`cmos` is a number from 14 to 224"),
            ("confirm --cmos x", "\"x\" is no number"),
            (
                "confirm --store tpm --cmos 96",
                "`cmos` is for the store \"cmos\" alone",
            ),
            ("menu --timeout x", "a time is a number of seconds"),
            ("boot --entry", "missing argument for option '--entry'"),
        ] {
            assert_eq!(parsed(line), Err(UsageError(message.to_owned())), "{line}");
        }
    }
}
