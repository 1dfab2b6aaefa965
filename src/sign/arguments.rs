//! Commands and flags: each is named and described in one table, from which the help is made.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write};
use std::path::PathBuf;

use lexopt::Arg;

use crate::error::SignError;
use crate::file::By;
use crate::key::{self, Key};
use crate::siglist::{self, Guid};
use crate::signer::Signer;
use crate::{file, image, keys, manifest};

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Help on everything, or on one command.
    Help(Option<&'static Description>),
    /// The version.
    Version,
    /// `keys`
    Keys(keys::Options),
    /// `image`
    Image(image::Options),
    /// `file`
    File(file::Options),
    /// `list`
    List {
        /// As JSON.
        json: bool,
        /// What to look at.
        files: Vec<PathBuf>,
    },
    /// `manifest`
    Manifest(manifest::Options),
    /// `siglist`
    Siglist(siglist::Options),
    /// `hash-password`
    HashPassword,
}

/// By whom to sign, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    /// The private key.
    pub(crate) key: Key,
    /// The file with its certificate.
    pub(crate) certificate: PathBuf,
    /// The file with issuers that go along.
    pub(crate) chain: Option<PathBuf>,
}

impl Signing {
    /// Reads the certificates.
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub(crate) fn signer(&self) -> Result<Signer, SignError> {
        Signer::new(&self.key, &self.certificate, self.chain.as_deref())
    }
}

/// A command, for its users.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Description {
    name: &'static str,
    usage: &'static str,
    summary: &'static str,
    details: &'static str,
    flags: &'static [Flag],
}

/// A flag, for its users.
#[derive(Debug, PartialEq, Eq)]
struct Flag {
    name: &'static str,
    value: &'static str,
    summary: &'static str,
}

const KEY: Flag = Flag {
    name: "key",
    value: "KEY",
    summary: "the private key: a file in PEM, or a pkcs11: URI of a token",
};
const CERT: Flag = Flag {
    name: "cert",
    value: "CERT",
    summary: "its certificate, in PEM or DER",
};
const CHAIN: Flag = Flag {
    name: "chain",
    value: "FILE",
    summary: "issuers of the certificate that go along with it",
};
const PASS: Flag = Flag {
    name: "pass",
    value: "SOURCE",
    summary: "the pass phrase: env:NAME, file:PATH or fd:NUMBER, instead of the terminal",
};
const OUTPUT: Flag = Flag {
    name: "output",
    value: "OUT",
    summary: "write the result here (-o)",
};

const COMMANDS: [Description; 7] = [
    Description {
        name: "keys",
        usage: "[--name NAME] [--ed25519] [--encrypt [--pass SOURCE]] DIR",
        summary: "make a key for a test or for a small site",
        details: "An RSA key of 3072 bits and its certificate, which signs kernels and other EFI programs,\n\
                  manifests and files: signing.key, signing.pem, and signing.der for a board. Nothing is overwritten.",
        flags: &[
            Flag {
                name: "name",
                value: "NAME",
                summary: "what the certificate says whose it is",
            },
            Flag {
                name: "ed25519",
                value: "",
                summary: "an Ed25519 pair for bare signatures: ed25519.key and ed25519.pub",
            },
            Flag {
                name: "encrypt",
                value: "",
                summary: "with a pass phrase, which openssl asks for",
            },
            PASS,
        ],
    },
    Description {
        name: "image",
        usage: "--key KEY --cert CERT [--chain FILE] [-o OUT] PROGRAM",
        summary: "sign an EFI program: a kernel, a unified kernel image, a boot loader",
        details: "The signature is added behind those that are there. A program that the certificate has signed\n\
                  already stays as it is. Without -o the program itself is replaced, in one step.",
        flags: &[
            KEY,
            CERT,
            CHAIN,
            PASS,
            OUTPUT,
            Flag {
                name: "remove",
                value: "",
                summary: "take all signatures away instead",
            },
        ],
    },
    Description {
        name: "file",
        usage: "--key KEY [--cert CERT [--chain FILE]] FILE…",
        summary: "sign files of any kind, in a file beside each",
        details: "With a certificate: CMS, in FILE.p7s. With the key alone: the bare RSA, ECDSA or Ed25519\n\
                  signature, in FILE.sig.",
        flags: &[KEY, CERT, CHAIN, PASS],
    },
    Description {
        name: "manifest",
        usage: "--key KEY [--cert CERT [--chain FILE]] [--name NAME] [--number N] [--expires N] [--configuration] -o OUT [DISK…]",
        summary: "list what can be booted with its files and command lines, and sign the list",
        details: "Everything that `pilotlight list` shows and that can be booted is read and listed. Without a DISK all\n\
                  disks of the machine are meant. OUT belongs onto the volume of the kernels, as\n\
                  /pilotlight/manifest or /boot/pilotlight/manifest, with the signature beside it.",
        flags: &[
            KEY,
            CERT,
            CHAIN,
            PASS,
            OUTPUT,
            Flag {
                name: "name",
                value: "NAME",
                summary: "of which system; otherwise as before, or the machine's name",
            },
            Flag {
                name: "number",
                value: "N",
                summary: "its number, for floors; otherwise one more than before when something changed",
            },
            Flag {
                name: "expires",
                value: "N",
                summary: "it counts under floors up to this one",
            },
            Flag {
                name: "configuration",
                value: "",
                summary: "list configuration files, too: they may choose anything that is signed",
            },
        ],
    },
    Description {
        name: "list",
        usage: "[--json] FILE…",
        summary: "show signatures, certificates, digests and SBAT, and what a manifest lists",
        details: "FILE is an EFI program, a manifest or a CMS signature (.p7s), which is checked against its file.\n\
                  Whether a signature counts on a machine, the policy of its board decides.",
        flags: &[Flag {
            name: "json",
            value: "",
            summary: "print the documented JSON view",
        }],
    },
    Description {
        name: "siglist",
        usage: "[--owner GUID] -o OUT FILE…",
        summary: "list certificates and digests of programs for the UEFI variables db and dbx",
        details: "",
        flags: &[
            OUTPUT,
            Flag {
                name: "owner",
                value: "GUID",
                summary: "who put it there; otherwise zeros",
            },
        ],
    },
    Description {
        name: "hash-password",
        usage: "",
        summary: "make the hash of a password for the menu of a policy",
        details: "The password is a line of the standard input; on a terminal it is asked for twice and not shown.\n\
                  The hash is printed: it is the value of `password` in the table [menu].",
        flags: &[],
    },
];

const INTRODUCTION: &str = "\
Makes the signatures that Pilotlight checks. `openssl` does what needs a private key.
";

/// The help on everything, or on one command.
pub(crate) fn help(topic: Option<&Description>) -> String {
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
        writeln!(text, "  pilotlight-sign {} {}", command.name, command.usage)?;
    }
    writeln!(text, "\nCommands:")?;
    for command in &COMMANDS {
        writeln!(text, "  {:15}{}", command.name, command.summary)?;
    }
    writeln!(
        text,
        "\n`pilotlight-sign COMMAND --help` tells more. `--version` prints the version.\n\n\
         Exit status: 0 done, 1 failed, 2 wrong usage."
    )
}

impl Description {
    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "pilotlight-sign {} {}\n", self.name, self.usage)?;
        writeln!(text, "{}", self.summary)?;
        if !self.details.is_empty() {
            writeln!(text, "\n{}", self.details)?;
        }
        writeln!(text)?;
        for flag in self.flags {
            let name = format!("--{} {}", flag.name, flag.value);
            writeln!(text, "  {name:16}{}", flag.summary)?;
        }
        Ok(())
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known.name == flag)
    }
}

/// What was given, before it is known what it means.
#[derive(Default)]
struct Given {
    key: Option<OsString>,
    cert: Option<PathBuf>,
    chain: Option<PathBuf>,
    pass: Option<OsString>,
    output: Option<PathBuf>,
    name: Option<String>,
    owner: Option<Guid>,
    number: Option<u64>,
    expires: Option<u64>,
    switches: Vec<&'static str>,
    paths: Vec<PathBuf>,
}

/// Reads the arguments, without the name of the program.
///
/// # Errors
/// [`SignError::Usage`].
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, SignError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command: Option<&'static Description> = None;
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match (argument, command) {
            (Arg::Long("help") | Arg::Short('h'), _) => return Ok(Command::Help(command)),
            (Arg::Long("version") | Arg::Short('V'), _) => return Ok(Command::Version),
            (Arg::Value(name), None) => {
                let known = COMMANDS.iter().find(|known| name == known.name);
                let name = name.to_string_lossy();
                command =
                    Some(known.ok_or_else(|| usage(&format!("there is no command {name:?}")))?);
            }
            (Arg::Value(path), Some(_)) => given.paths.push(PathBuf::from(path)),
            (Arg::Short('o'), Some(command)) if command.has("output") => {
                given.output = Some(parser.value()?.into());
            }
            (Arg::Long(flag), Some(command)) if command.has(flag) => {
                let flag = command.flags.iter().find(|known| known.name == flag);
                flag.map_or(Ok(()), |flag| given.take(flag.name, &mut parser))?;
            }
            (argument, _) => return Err(argument.unexpected().into()),
        }
    }
    let command = command.ok_or_else(|| usage("a command is missing"))?;
    given.command(command.name)
}

impl Given {
    fn take(&mut self, flag: &'static str, parser: &mut lexopt::Parser) -> Result<(), SignError> {
        match flag {
            "key" => self.key = Some(parser.value()?),
            "cert" => self.cert = Some(parser.value()?.into()),
            "chain" => self.chain = Some(parser.value()?.into()),
            "pass" => self.pass = Some(key::pass(&parser.value()?)?),
            "output" => self.output = Some(parser.value()?.into()),
            "name" => {
                let name = parser.value()?.to_string_lossy().into_owned();
                let wrong = "a name has up to 64 letters, digits, blanks and . , : _ - @ ( )";
                self.name = Some(name).filter(|name| keys::is_name(name));
                self.name.as_ref().ok_or_else(|| usage(wrong))?;
            }
            "owner" => {
                let text = parser.value()?.to_string_lossy().into_owned();
                let wrong = "an owner is a GUID, as `uuidgen` prints it";
                self.owner = Some(siglist::guid(&text).ok_or_else(|| usage(wrong))?);
            }
            "number" => self.number = Some(number(&parser.value()?)?),
            "expires" => self.expires = Some(number(&parser.value()?)?),
            switch => self.switches.push(switch),
        }
        Ok(())
    }

    fn command(mut self, name: &str) -> Result<Command, SignError> {
        Ok(match name {
            "keys" => Command::Keys(keys::Options {
                is_ed25519: self.switches.contains(&"ed25519"),
                is_encrypted: self.switches.contains(&"encrypt"),
                pass: self.pass.take(),
                name: self
                    .name
                    .take()
                    .unwrap_or_else(|| "Pilotlight signing key".to_owned()),
                directory: self.one("a directory")?,
            }),
            "image" => Command::Image(image::Options {
                signing: match self.switches.contains(&"remove") {
                    true => None,
                    false => Some(self.signing()?),
                },
                output: self.output.take(),
                input: self.one("a program")?,
            }),
            "file" => Command::File(file::Options {
                by: self.by()?,
                files: self.all()?,
            }),
            "manifest" => Command::Manifest(manifest::Options {
                by: self.by()?,
                name: self.name.take(),
                number: self.number,
                expires: self.expires,
                configuration: self.switches.contains(&"configuration"),
                output: self.output()?,
                disks: self.paths,
            }),
            "siglist" => Command::Siglist(siglist::Options {
                owner: self.owner.unwrap_or_default(),
                output: self.output()?,
                files: self.all()?,
            }),
            "hash-password" if self.paths.is_empty() => Command::HashPassword,
            "hash-password" => {
                return Err(usage(
                    "everybody on the machine could read a password here: it is a line of the standard input",
                ));
            }
            _ => Command::List {
                json: self.switches.contains(&"json"),
                files: self.all()?,
            },
        })
    }

    fn key(&mut self) -> Result<Key, SignError> {
        let place = self
            .key
            .take()
            .ok_or_else(|| usage("--key KEY is missing"))?;
        let pass = self.pass.take();
        Ok(Key { place, pass })
    }

    fn signing(&mut self) -> Result<Signing, SignError> {
        let certificate = self
            .cert
            .take()
            .ok_or_else(|| usage("--cert CERT is missing"))?;
        Ok(Signing {
            key: self.key()?,
            certificate,
            chain: self.chain.take(),
        })
    }

    fn by(&mut self) -> Result<By, SignError> {
        Ok(match self.cert.is_some() {
            true => By::Signer(self.signing()?),
            false => By::Key(self.key()?),
        })
    }

    fn output(&mut self) -> Result<PathBuf, SignError> {
        let output = self.output.take();
        output.ok_or_else(|| usage("-o OUT is missing"))
    }

    fn one(self, what: &str) -> Result<PathBuf, SignError> {
        let one = <[PathBuf; 1]>::try_from(self.paths).map(|[path]| path);
        one.map_err(|_| usage(&format!("{what} has to be named, and only one")))
    }

    fn all(self) -> Result<Vec<PathBuf>, SignError> {
        match self.paths.is_empty() {
            true => Err(usage("a file has to be named")),
            false => Ok(self.paths),
        }
    }
}

fn number(text: &OsStr) -> Result<u64, SignError> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| usage("a whole number is expected"))
}

fn usage(what: &str) -> SignError {
    SignError::Usage(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_command_and_flag_is_understood() {
        let signing = Signing {
            key: Key {
                place: "pkcs11:object=x".into(),
                pass: Some("env:PIN".into()),
            },
            certificate: "c.pem".into(),
            chain: Some("d.pem".into()),
        };
        let line = "--key pkcs11:object=x --pass env:PIN --cert c.pem --chain d.pem";
        let image = image::Options {
            input: "in".into(),
            output: Some("out".into()),
            signing: Some(signing.clone()),
        };
        assert_eq!(
            parsed(&format!("image in {line} -o out")),
            Ok(Command::Image(image))
        );
        let files = file::Options {
            files: vec!["a".into(), "b".into()],
            by: By::Signer(signing),
        };
        assert_eq!(
            parsed(&format!("file a {line} b")),
            Ok(Command::File(files))
        );
        assert_eq!(parsed("hash-password"), Ok(Command::HashPassword));
        assert!(parsed("hash-password secret").is_err());
        assert!(matches!(
            parsed("image --remove x"),
            Ok(Command::Image(image::Options { signing: None, .. }))
        ));
        for command in &COMMANDS {
            let asked = parsed(&format!("{} --help", command.name));
            assert_eq!(asked, Ok(Command::Help(Some(command))));
            assert!(help(None).contains(command.summary));
            for flag in command.flags {
                assert!(help(Some(command)).contains(&format!("--{}", flag.name)));
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (line, message) in [
            ("", "a command is missing"),
            ("sing", "there is no command \"sing\""),
            ("image x --cert c", "--key KEY is missing"),
            ("image x --key k", "--cert CERT is missing"),
            ("image --remove", "a program has to be named, and only one"),
            (
                "image --remove x y",
                "a program has to be named, and only one",
            ),
            ("file --key k", "a file has to be named"),
            ("file --key k -o x y", "invalid option '-o'"),
            ("siglist x", "-o OUT is missing"),
            (
                "siglist --owner x",
                "an owner is a GUID, as `uuidgen` prints it",
            ),
            (
                "keys --name a/b x",
                "a name has up to 64 letters, digits, blanks and . , : _ - @ ( )",
            ),
            (
                "file --key k --pass pass:secret x",
                "--pass takes env:NAME, file:PATH or fd:NUMBER; without it openssl asks on the terminal",
            ),
        ] {
            let said = parsed(line).unwrap_err();
            assert_eq!(
                said,
                format!("{message} (see `pilotlight-sign --help`)"),
                "{line}"
            );
        }
    }
}
