//! From text to [`Manifest`], line by line.

use std::fmt;

use super::{FIRST_LINE, Group, Listed, Manifest};
use crate::trust::digest::{Algorithm, Digest};

/// The longest text, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;
/// No manifest has more groups.
const MAX_GROUPS: usize = 256;
/// No group has more files of one kind.
const MAX_FILES: usize = 64;

/// Why a text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what would be right.
    pub text: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for ManifestError {}

pub(super) fn manifest(text: &[u8]) -> Result<Manifest, ManifestError> {
    let at = |line, text: &str| ManifestError {
        line,
        text: text.to_owned(),
    };
    if text.len() > MAX_LENGTH {
        return Err(at(1, "the manifest is too long: divide it"));
    }
    let text = std::str::from_utf8(text).map_err(|_| at(1, "the manifest is no UTF-8 text"))?;
    let lines = text.split_terminator('\n').collect::<Vec<&str>>();
    if !text.ends_with('\n') {
        return Err(at(
            lines.len().max(1),
            "the last line is cut off: it has no end of line",
        ));
    }
    let mut draft = Draft::default();
    for (number, line) in (1_usize..).zip(lines) {
        let result = match number {
            1 if line == FIRST_LINE => Ok(()),
            1 => Err("the first line is \"pilotlight-manifest 1\""),
            _ => draft.line(line),
        };
        result.map_err(|text| at(number, text))?;
    }
    let end = text.lines().count();
    draft.finish().map_err(|text| at(end, text))
}

/// What was read so far.
#[derive(Default)]
struct Draft {
    name: Option<String>,
    version: Option<u64>,
    expires: Option<u64>,
    groups: Vec<Group>,
}

type Wrong = &'static str;

impl Draft {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if line.chars().any(char::is_control) {
            return Err("there is a control character in it");
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" if line.is_empty() => Ok(()),
            "name" | "version" | "expires" if !self.groups.is_empty() => {
                Err("name, version and expires stand in front of the first kernel")
            }
            "name" if rest.is_empty() => Err("the name is empty"),
            "name" => once(&mut self.name, rest.to_owned()),
            "version" => once(&mut self.version, number(rest)?),
            "expires" => once(&mut self.expires, number(rest)?),
            "kernel" => {
                let kernel = file(rest)?;
                if self.groups.len() == MAX_GROUPS {
                    return Err("there are more than 256 kernels: divide the manifest");
                }
                self.end_group()?;
                self.groups.push(Group {
                    kernel,
                    initrds: Vec::new(),
                    files: Vec::new(),
                    devicetree: None,
                    configurations: Vec::new(),
                    cmdline: None,
                });
                Ok(())
            }
            "initrd" | "file" | "devicetree" | "configuration" | "cmdline" => {
                let group = self.groups.last_mut();
                let group =
                    group.ok_or("a kernel stands in front of everything that goes with it")?;
                match word {
                    "initrd" => add(&mut group.initrds, file(rest)?),
                    "file" => add(&mut group.files, file(rest)?),
                    "configuration" => add(&mut group.configurations, file(rest)?),
                    "devicetree" => once(&mut group.devicetree, file(rest)?),
                    _ => once(&mut group.cmdline, rest.to_owned()),
                }
            }
            _ => Err("no line of a manifest begins so"),
        }
    }

    /// The group that was read last is not one that was there before.
    fn end_group(&self) -> Result<(), Wrong> {
        match self.groups.split_last() {
            Some((last, before)) if before.contains(last) => {
                Err("the same files and the same command line are listed twice")
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Manifest, Wrong> {
        self.end_group()?;
        if self.groups.is_empty() {
            return Err("no kernel is listed");
        }
        Ok(Manifest {
            name: self.name.ok_or("the line with the name is missing")?,
            version: self.version.ok_or("the line with the version is missing")?,
            expires: self.expires,
            groups: self.groups,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Wrong> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("this was said before, and counts once"),
    }
}

fn add(files: &mut Vec<Listed>, file: Listed) -> Result<(), Wrong> {
    if files.len() == MAX_FILES {
        return Err("there are more than 64 files of a kind with one kernel");
    }
    files.push(file);
    Ok(())
}

/// A number as it is written without signs and leading zeros, so that each has one form.
fn number(text: &str) -> Result<u64, Wrong> {
    let number = text.parse::<u64>().ok();
    let number = number.filter(|number| number.to_string() == text);
    number.ok_or("a whole number without sign is expected")
}

/// `sha256:` with 64 small hexadecimal digits, and a path.
fn file(text: &str) -> Result<Listed, Wrong> {
    let wrong =
        "\"sha256:\", 64 hexadecimal digits in small letters, a space and a path are expected";
    let (digest, path) = text.split_once(' ').ok_or(wrong)?;
    let digits = digest.strip_prefix("sha256:").ok_or(wrong)?;
    let digest = Digest::from_hex(Algorithm::Sha256, digits).ok_or(wrong)?;
    let is_small = !digits.contains(|c: char| c.is_ascii_uppercase());
    let sha256 = <[u8; 32]>::try_from(digest.bytes()).map_err(|_| wrong)?;
    match is_small && !path.is_empty() {
        true => Ok(Listed {
            sha256,
            path: path.to_owned(),
        }),
        false => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// Parses lines in which `@` is a digest.
    fn parse(lines: &str) -> Result<Manifest, String> {
        let text = lines.replace('@', DIGEST);
        Manifest::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    const HEAD: &str = "pilotlight-manifest 1\nname a b\nversion 7\n";

    #[test]
    fn every_line() {
        let text = format!(
            "{HEAD}expires 9\n\nkernel @ /vmlinuz\ninitrd @ /a b\ninitrd @ /c\nfile @ etc/x\ndevicetree @ /d\n\
             configuration @ /grub.cfg\ncmdline  a  b \n\nkernel @ /vmlinuz\ncmdline\n"
        );
        let manifest = parse(&text).unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.version, manifest.expires),
            ("a b", 7, Some(9))
        );
        let [first, second] = manifest.groups.as_slice() else {
            panic!("{manifest:?}")
        };
        assert_eq!(first.initrds[0].path, "/a b");
        assert_eq!(first.initrds[1].sha256[1], 0x23);
        assert_eq!(first.cmdline.as_deref(), Some(" a  b "));
        assert_eq!(second.cmdline.as_deref(), Some(""));
        assert_eq!(manifest.to_string(), text.replace('@', DIGEST));
        let floors = [0, 7, 9, 10].map(|floor| manifest.counts_at(floor));
        assert_eq!(floors, [true, true, true, false]);
    }

    #[test]
    fn the_document_has_one() {
        let document = include_str!("../../../docs/manifest.md");
        let example = document.split("```text\n").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let manifest = Manifest::parse(example.as_bytes()).unwrap();
        assert_eq!(
            (manifest.groups.len(), manifest.to_string()),
            (2, example.to_owned())
        );
    }

    #[test]
    fn mistakes_have_a_line() {
        let with = |rest: &str| format!("{HEAD}{rest}");
        for (text, line) in [
            (String::new(), 1),
            ("\n".to_owned(), 1),
            ("pilotlight-manifest 2\n".to_owned(), 1),
            (with(""), 3),
            (with("kernel @ /k"), 4),
            (with("kernel @ /k\r\n"), 4),
            (with("kernel @\n"), 4),
            (with("kernel @ \n"), 4),
            (with("kernel sha256:12 /k\n"), 4),
            (with("kernel sha512:12 /k\n"), 4),
            (with("initrd @ /i\n"), 4),
            (with("cmdline x\nkernel @ /k\n"), 4),
            (with("version 8\n"), 4),
            (with("kernel @ /k\nversion 8\n"), 5),
            (with("kernel @ /k\ncmdline a\ncmdline a\n"), 6),
            (with("kernel @ /k\ndevicetree @ /d\ndevicetree @ /d\n"), 6),
            (with("kernel @ /k\nkernel @ /k\n"), 5),
            (with("kernel @ /k\nkernel @ /k\nkernel @ /l\n"), 6),
            (with("kernel @ /k\n# no comments\n"), 5),
            (with("kernel @ /k\n initrd @ /i\n"), 5),
            (with("kernel @ /k\nmodule @ /i\n"), 5),
            (
                "pilotlight-manifest 1\nversion 7\nkernel @ /k\n".to_owned(),
                3,
            ),
            (
                "pilotlight-manifest 1\nname\nversion 7\nkernel @ /k\n".to_owned(),
                2,
            ),
            ("pilotlight-manifest 1\nname a\nversion 07\n".to_owned(), 3),
            ("pilotlight-manifest 1\nname a\nversion +7\n".to_owned(), 3),
            ("pilotlight-manifest 1\nname a\nversion -1\n".to_owned(), 3),
            (with(&"kernel @ /k\n".repeat(400)), 6),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(
                error.starts_with(&format!("line {line}: ")),
                "{text:?}: {error}"
            );
        }
        let upper = DIGEST.replace('a', "A");
        assert!(parse(&with(&format!("kernel {upper} /k\n"))).is_err());
        assert!(Manifest::parse(&[b'\n'; MAX_LENGTH + 1]).is_err());
        let kernels: String = (0..257).map(|n| format!("kernel @ /k{n}\n")).collect();
        assert!(parse(&with(&kernels)).is_err());
    }

    fn listed() -> impl Strategy<Value = Listed> {
        (any::<[u8; 32]>(), "[/a-z ü]{0,8}[a-z]").prop_map(|(sha256, path)| Listed { sha256, path })
    }

    fn group() -> impl Strategy<Value = Group> {
        let some = || prop::collection::vec(listed(), 0..3);
        let devicetree = prop::option::of(listed());
        let cmdline = prop::option::of("[ -~]{0,20}");
        let parts = (listed(), some(), some(), devicetree, some(), cmdline);
        parts.prop_map(
            |(kernel, initrds, files, devicetree, configurations, cmdline)| Group {
                kernel,
                initrds,
                files,
                devicetree,
                configurations,
                cmdline,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            name in "[a-z]{1,5}",
            version: u64,
            expires: Option<u64>,
            groups in prop::collection::vec(group(), 1..4),
        ) {
            let manifest = Manifest { name, version, expires, groups };
            prop_assert_eq!(Manifest::parse(manifest.to_string().as_bytes()), Ok(manifest));
        }

        #[test]
        fn a_changed_byte_changes_what_is_read(at: prop::sample::Index, byte: u8) {
            let text = format!("{HEAD}kernel {DIGEST} /k\ninitrd {DIGEST} /i\ncmdline a b\n");
            let mut changed = text.clone().into_bytes();
            *at.get_mut(&mut changed) = byte;
            if changed != text.as_bytes() && let Ok(read) = Manifest::parse(&changed) {
                prop_assert_ne!(read, Manifest::parse(text.as_bytes()).unwrap());
            }
        }
    }
}
