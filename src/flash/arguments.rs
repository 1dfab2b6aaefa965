//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use lexopt::{Arg, ValueExt};
use pilotlight::firmware::{Guid, Place, SectionKind, Target};

use super::error::FlashError;

/// What `--help` prints.
pub(super) const HELP: &str = "\
Shows what is in an image of UEFI firmware, and changes it.

Usage:
  pilotlight-flash list [--json] IMAGE
      show volumes, files and sections as a tree, and the room that volumes have
  pilotlight-flash extract [--section KIND] IMAGE FILE OUTPUT
      write a file with its header, or what is in its first section of a kind (pe32, te, raw, dxe-depex …)
  pilotlight-flash edit IMAGE OUTPUT CHANGE…
      write the image with changes:
        --remove FILE                  without this file
        --replace FILE=PATH            with this EFI program in the file, or with this file in its place
        --add VOLUME=PATH              with one more file, as `extract` writes it
        --add VOLUME/GUID=PATH         with one more EFI program
        --repack                       with everything made anew, whether it changed or not
  pilotlight-flash first IMAGE FILE VARIABLES OUTPUT
      write the firmware's VARIABLES with FILE of IMAGE as what is started before all else
  pilotlight-flash --help | --version

OUTPUT may be `-` to say only what would happen.
FILE is the name that `list` shows, or the GUID; VOLUME/FILE where several volumes have such a file. VOLUME is
the GUID, or where it begins in the image, as 0x1000; before FILE that means those inside of it, too.
What is not on the way to a change stays as it is, byte by byte. Where the changes do not fit, nothing is
written, and the number of missing bytes is told.
Exit status: 0 done, 1 not done (also: `list` found damage), 2 the command line is wrong.
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Help.
    Help,
    /// The version.
    Version,
    /// `list`
    List {
        /// As JSON.
        json: bool,
        /// The image.
        image: PathBuf,
    },
    /// `extract`
    Extract(Extract),
    /// `edit`
    Edit(Edit),
    /// `first`
    First(First),
}

/// Arguments of `extract`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extract {
    /// Only what is in this section.
    pub section: Option<SectionKind>,
    /// The image.
    pub image: PathBuf,
    /// The file in it.
    pub file: Target,
    /// Where it goes; `None`: nowhere.
    pub output: Option<PathBuf>,
}

/// Arguments of `edit`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// The image.
    pub image: PathBuf,
    /// Where the changed image goes; `None`: nowhere.
    pub output: Option<PathBuf>,
    /// The changes, in order.
    pub changes: Vec<Wanted>,
    /// Make everything anew.
    pub repack: bool,
}

/// Arguments of `first`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct First {
    /// The image.
    pub image: PathBuf,
    /// The file in it.
    pub file: Target,
    /// The image with the variables.
    pub variables: PathBuf,
    /// Where they go; `None`: nowhere.
    pub output: Option<PathBuf>,
}

/// A change, before the files were read that it names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `--remove`
    Remove(Target),
    /// `--replace`
    Replace(Target, PathBuf),
    /// `--add`
    Add(Place, Option<Guid>, PathBuf),
}

/// Reads the arguments, without the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, FlashError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let verb = match parser.next()? {
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
        Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Command::Version),
        Some(Arg::Value(verb)) => verb.string()?,
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(FlashError::Usage("say what to do".to_owned())),
    };
    let mut json = false;
    let mut section = None;
    let mut changes = Vec::new();
    let mut repack = false;
    let mut places = Vec::new();
    while let Some(argument) = parser.next()? {
        match (verb.as_str(), argument) {
            (_, Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
            ("list", Arg::Long("json")) => json = true,
            ("extract", Arg::Long("section")) => {
                let name = parser.value()?.string()?;
                let unknown = || FlashError::Usage(format!("there are no sections {name}"));
                section = Some(SectionKind::named(&name).ok_or_else(unknown)?);
            }
            ("edit", Arg::Long("repack")) => repack = true,
            ("edit", Arg::Long("remove")) => {
                changes.push(Wanted::Remove(target(parser.value()?)?));
            }
            ("edit", Arg::Long("replace")) => {
                let (name, path) = assignment(parser.value()?)?;
                changes.push(Wanted::Replace(target(name)?, path));
            }
            ("edit", Arg::Long("add")) => {
                let (name, path) = assignment(parser.value()?)?;
                let name = name.string()?;
                let (volume, file) = match name.split_once('/') {
                    Some((volume, file)) => (volume, Some(guid(file)?)),
                    None => (name.as_str(), None),
                };
                changes.push(Wanted::Add(place(volume)?, file, path));
            }
            (_, Arg::Value(place)) => places.push(place),
            (_, other) => return Err(other.unexpected().into()),
        }
    }
    let mut places = places.into_iter();
    let mut next = |what: &str| {
        let missing = || FlashError::Usage(format!("{what} is missing"));
        places.next().ok_or_else(missing)
    };
    let command = match verb.as_str() {
        "list" => Command::List {
            json,
            image: next("the image")?.into(),
        },
        "extract" => Command::Extract(Extract {
            section,
            image: next("the image")?.into(),
            file: target(next("the name of the file in the image")?)?,
            output: output(next("the file to write")?),
        }),
        "edit" => Command::Edit(Edit {
            image: next("the image")?.into(),
            output: output(next("the image to write")?),
            changes,
            repack,
        }),
        "first" => Command::First(First {
            image: next("the image")?.into(),
            file: target(next("the name of the file in the image")?)?,
            variables: next("the image with the variables")?.into(),
            output: output(next("the file to write")?),
        }),
        other => return Err(FlashError::Usage(format!("there is no command {other}"))),
    };
    match places.next() {
        Some(more) => Err(Arg::Value(more).unexpected().into()),
        None => Ok(command),
    }
}

/// Where something goes; `None`: nowhere.
fn output(path: OsString) -> Option<PathBuf> {
    (path != "-").then(|| path.into())
}

fn target(name: OsString) -> Result<Target, FlashError> {
    let name = name.string()?;
    name.parse()
        .map_err(|error| FlashError::Usage(format!("{name}: {error}")))
}

fn place(text: &str) -> Result<Place, FlashError> {
    text.parse()
        .map_err(|error| FlashError::Usage(format!("{text}: {error}")))
}

fn guid(text: &str) -> Result<Guid, FlashError> {
    text.parse()
        .map_err(|error| FlashError::Usage(format!("{text}: {error}")))
}

/// The two sides of `NAME=PATH`.
fn assignment(value: OsString) -> Result<(OsString, PathBuf), FlashError> {
    let bytes = value.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=');
    let halves = equals.and_then(|at| Some((bytes.get(..at)?, bytes.get(at..)?.get(1..)?)));
    let (name, path) = halves.ok_or_else(|| {
        let value = value.to_string_lossy();
        FlashError::Usage(format!("{value}: a name, = and a path are wanted"))
    })?;
    let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Ok((owned(name), owned(path).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words = line.split_whitespace().map(OsString::from);
        parse(words).map_err(|error| error.to_string())
    }

    #[test]
    fn changes_keep_their_order() {
        const SHELL: &str = "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1";
        let line = format!(
            "edit in.fd out.fd --replace Shell=a=b --remove {SHELL} --add {SHELL}/{SHELL}=c --add 0x1000=d"
        );
        let Ok(Command::Edit(edit)) = parsed(&line) else {
            panic!("it is an edit");
        };
        let guid: Guid = SHELL.parse().unwrap();
        assert_eq!(edit.output, Some("out.fd".into()));
        assert_eq!(
            edit.changes,
            [
                Wanted::Replace("Shell".parse().unwrap(), "a=b".into()),
                Wanted::Remove(SHELL.parse().unwrap()),
                Wanted::Add(Place::Name(guid), Some(guid), "c".into()),
                Wanted::Add(Place::Offset(0x1000), None, "d".into()),
            ]
        );
    }

    #[test]
    fn what_goes_nowhere() {
        for (path, expected) in [("-", None), ("a", Some(PathBuf::from("a")))] {
            let output = match parsed(&format!("extract in.fd Shell {path}")) {
                Ok(Command::Extract(extract)) => extract.output,
                other => panic!("{other:?}"),
            };
            assert_eq!(output, expected);
            let output = match parsed(&format!("first in.fd Shell vars.fd {path}")) {
                Ok(Command::First(first)) => first.output,
                other => panic!("{other:?}"),
            };
            assert_eq!(output, expected);
        }
    }

    #[test]
    fn help_names_sections_that_there_are() {
        let (_, kinds) = HELP.split_once("of a kind (").unwrap();
        let (kinds, _) = kinds.split_once(" …)").unwrap();
        for kind in kinds.split(", ") {
            assert!(SectionKind::named(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, said) in [
            ("", "say what to do"),
            ("burn in.fd", "there is no command burn"),
            ("list", "the image is missing"),
            ("list a b", "unexpected argument \"b\""),
            ("list a --remove b", "invalid option '--remove'"),
            ("edit a b --replace c", "c: a name, = and a path are wanted"),
            (
                "edit a b --add Shell=c",
                "Shell: a volume is named by its GUID, or",
            ),
            (
                "extract a b c --section sauce",
                "there are no sections sauce",
            ),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.starts_with(said), "{line}: {error}");
        }
    }
}
