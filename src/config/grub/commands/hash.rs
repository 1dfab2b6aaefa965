//! `hashsum`, and the names that it has for one hash (`grub-core/commands/hashsum.c`).

use super::files::{MAX_FILE, read};
use super::{Call, Table};
use crate::config::grub::failure::{
    BAD_ARGUMENT, BAD_FILE_TYPE, FALSE, FILE_NOT_FOUND, FILE_READ_ERROR, Failure, NOT_IMPLEMENTED,
    Outcome, fail,
};
use crate::config::grub::hash::{self, Hash};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::entry::SavePlace;
use crate::fs::{FsError, ReadFile};
use crate::text::hex;

pub(super) const TABLE: Table = &[
    ("hashsum", hashsum),
    ("crc", hashsum),
    ("md5sum", hashsum),
    ("sha1sum", hashsum),
    ("sha256sum", hashsum),
    ("sha512sum", hashsum),
];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 5] = [
    option('h', "hash", Value::Required),
    option('c', "check", Value::Required),
    option('p', "prefix", Value::Required),
    option('k', "keep-going", Value::None),
    option('u', "uncompress", Value::None),
];

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Hashing is so much faster than putting words together.
const SPEED: usize = 16;

/// What files begin with that GRUB decompresses: gzip, xz and lzop.
const COMPRESSED: [&[u8]; 3] = [b"\x1f\x8b", b"\xfd7zXZ\0", b"\x89LZO\0\r\n\x1a\n"];

/// How files are hashed.
struct Job<'n> {
    hash: &'n str,
    uncompress: bool,
    /// Not to stop at the first that is wrong.
    keep_going: bool,
}

fn hashsum(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let own = match call.name {
        "crc" => Some("crc32"),
        name => name.strip_suffix("sum").filter(|hash| *hash != "hash"),
    };
    let Some(hash) = given.value("hash").or(own) else {
        return fail(BAD_ARGUMENT, "no hash specified");
    };
    let job = Job {
        hash,
        uncompress: given.has("uncompress"),
        keep_going: given.has("keep-going"),
    };
    job.begin()?;
    if let Some(list) = given.value("check") {
        if !given.arguments.is_empty() {
            return fail(BAD_ARGUMENT, "--check is incompatible with file list");
        }
        return job.check(state, list, given.value("prefix"));
    }
    let mut unread = 0_usize;
    for name in given.arguments {
        let sum = open(state, name).and_then(|mut file| job.digest(state, name, file.as_mut()));
        match sum {
            Ok(sum) => state.print(&format!("{}  {name}\n", hex(&sum))),
            Err(failure) if !job.keep_going => return Err(failure),
            Err(failure) => {
                state.message(&failure.text);
                unread = unread.saturating_add(1);
            }
        }
    }
    match unread {
        0 => Ok(()),
        _ => Err(Failure::falsehood()),
    }
}

impl Job<'_> {
    fn begin(&self) -> Outcome<Box<dyn Hash>> {
        hash::find(self.hash).ok_or_else(|| Failure::new(BAD_ARGUMENT, "unknown hash"))
    }

    /// Compares files with a list of hashes and names.
    fn check(&self, state: &mut Interpreter<'_>, list: &str, prefix: Option<&str>) -> Outcome {
        let list = read(state, list)?;
        let list = String::from_utf8_lossy(&list);
        let length = self.begin()?.finish().len().saturating_mul(2);
        let mut result = Ok(());
        for line in list.split_terminator('\n') {
            let Some((expected, name)) = parse(line.trim_end_matches('\r'), length) else {
                return fail(BAD_FILE_TYPE, "invalid hash list");
            };
            let path = match prefix {
                Some(prefix) => format!("{prefix}/{name}"),
                None => name.to_owned(),
            };
            // What can't be opened ends it in any case.
            let mut file = open(state, &path)?;
            let (text, failure) = match self.digest(state, &path, file.as_mut()) {
                Ok(sum) if hex(&sum).eq_ignore_ascii_case(expected) => ("OK", None),
                Ok(_) => {
                    let text = format!("hash of '{name}' mismatches");
                    ("HASH MISMATCH", Some(Failure::new(FALSE, text)))
                }
                Err(failure) => ("READ ERROR", Some(failure)),
            };
            drop(file);
            state.print(&format!("{name}: {text}\n"));
            match failure {
                None => {}
                Some(failure) if !self.keep_going => return Err(failure),
                Some(failure) => {
                    if failure.code != FALSE {
                        state.message(&failure.text);
                    }
                    result = Err(Failure::falsehood());
                }
            }
        }
        result
    }

    /// The hash of a file.
    fn digest(
        &self,
        state: &Interpreter<'_>,
        name: &str,
        file: &mut dyn ReadFile,
    ) -> Outcome<Vec<u8>> {
        let mut hash = self.begin()?;
        let mut chunk = vec![0; CHUNK];
        let mut at = 0_u64;
        loop {
            let length = file.read_at(at, &mut chunk).map_err(failed)?;
            let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else {
                break;
            };
            let is_compressed = || COMPRESSED.iter().any(|magic| read.starts_with(magic));
            if self.uncompress && at == 0 && is_compressed() {
                let text = format!("{name}: files are not decompressed to be hashed");
                return fail(NOT_IMPLEMENTED, text);
            }
            hash.update(read);
            at = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            state.budget.work(length / SPEED);
            if let Some(limit) = state.budget.exceeded() {
                return fail(FILE_READ_ERROR, limit.to_string());
            }
        }
        Ok(hash.finish())
    }
}

fn failed(error: FsError) -> Failure {
    Failure::new(FILE_READ_ERROR, error.to_string())
}

fn open<'s>(state: &'s Interpreter<'_>, name: &str) -> Outcome<Box<dyn ReadFile + 's>> {
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let root = state.variables.get("root");
    let file = match state.devices.locate_any(name, root)? {
        SavePlace::File(file) => file,
        sectors => {
            let content = state.devices.read_any(&sectors, MAX_FILE)?;
            return Ok(Box::new(Sectors(content)));
        }
    };
    state.devices.check(&file)?;
    let filesystem = state.devices.filesystem(file.volume)?;
    filesystem.open(&file.path).map_err(failed)
}

/// What is in a block list.
struct Sectors(Vec<u8>);

impl ReadFile for Sectors {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..));
        let bytes = buf.iter_mut().zip(rest.unwrap_or_default());
        Ok(bytes.map(|(to, from)| *to = *from).count())
    }
}

/// Hash, of so many digits, and name of a line.
fn parse(line: &str, digits: usize) -> Option<(&str, &str)> {
    let (hash, rest) = line.trim_start().split_at_checked(digits)?;
    let name = rest.strip_prefix([' ', '\t'])?.strip_prefix([' ', '\t'])?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some((hash, name))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::config::grub::{Platform, execute_scripts};
    use crate::fs::MemoryFilesystem;
    use crate::inventory::Inventory;

    #[test]
    fn compressed_files() {
        let filesystem = MemoryFilesystem::new()
            .file("/list", "29058c4dfdd8b29f3f0a5e1a1e13d9ba  /a.gz\n")
            .file("/a.gz", *b"\x1f\x8b\x08");
        let mut inventory = Inventory::new();
        inventory.add_filesystem("x", Box::new(filesystem));
        let script =
            "root=hd0,gpt2\ncrc /a.gz\nmd5sum -u -k /a.gz; echo $?\nmd5sum -uc /list; echo $?\n";
        let printed = execute_scripts(&inventory, Platform::Efi, &[script.to_owned()]);
        let reason = "error: /a.gz: files are not decompressed to be hashed.";
        assert_eq!(
            printed,
            [format!(
                "3e97f4ed  /a.gz\n{reason}\n1\n/a.gz: READ ERROR\n{reason}\n24\n"
            )]
        );
    }

    #[test]
    fn lists_of_hashes() {
        let hash = "0123456789abcdefABCDEF0123456789".repeat(2);
        let line = |text: &str| text.replace('H', &hash);
        for (text, name) in [
            ("H  /a b", Some("/a b")),
            ("  H\t /a", Some("/a")),
            ("H  ", Some("")),
            ("H /a", None),
            ("H0 /a", None),
            ("", None),
            ("gH", None),
        ] {
            let line = line(text);
            assert_eq!(parse(&line, 64).map(|(_, name)| name), name, "{text}");
        }
    }
}
