//! `hashsum` and `sha256sum` (`grub-core/commands/hashsum.c`). SHA-256 is the only hash that is known.

use sha2::{Digest, Sha256};

use super::files::read;
use super::{Call, Table};
use crate::config::grub::failure::{
    BAD_ARGUMENT, BAD_FILE_TYPE, FALSE, FILE_NOT_FOUND, FILE_READ_ERROR, Failure, NOT_IMPLEMENTED,
    Outcome, fail,
};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};

pub(super) const TABLE: Table = &[("hashsum", hashsum), ("sha256sum", hashsum)];

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

fn hashsum(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let own = (call.name == "sha256sum").then_some("sha256");
    let Some(hash) = given.value("hash").or(own) else {
        return fail(BAD_ARGUMENT, "no hash specified");
    };
    if !hash.eq_ignore_ascii_case("sha256") {
        let text = format!("the hash `{hash}' is not supported");
        return fail(BAD_ARGUMENT, text);
    }
    if given.has("uncompress") {
        return fail(NOT_IMPLEMENTED, "files are not decompressed to be hashed");
    }
    let keep_going = given.has("keep-going");
    if let Some(list) = given.value("check") {
        if !given.arguments.is_empty() {
            return fail(BAD_ARGUMENT, "--check is incompatible with file list");
        }
        return check(state, list, given.value("prefix"), keep_going);
    }
    let mut unread = 0_usize;
    for name in given.arguments {
        match digest(state, name) {
            Ok(sum) => state.print(&format!("{sum}  {name}\n")),
            Err(failure) if !keep_going => return Err(failure),
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

/// Compares files with a list of hashes and names.
fn check(
    state: &mut Interpreter<'_>,
    list: &str,
    prefix: Option<&str>,
    keep_going: bool,
) -> Outcome {
    let list = read(state, list)?;
    let list = String::from_utf8_lossy(&list);
    let mut same = true;
    for line in list.strip_suffix('\n').unwrap_or(&list).split('\n') {
        let Some((expected, name)) = parse(line.trim_end_matches('\r')) else {
            return fail(BAD_FILE_TYPE, "invalid hash list");
        };
        let path = match prefix {
            Some(prefix) => format!("{prefix}/{name}"),
            None => name.to_owned(),
        };
        let text = if digest(state, &path)?.eq_ignore_ascii_case(expected) {
            "OK"
        } else {
            same = false;
            "HASH MISMATCH"
        };
        state.print(&format!("{name}: {text}\n"));
        if !same && !keep_going {
            return fail(FALSE, format!("hash of '{name}' mismatches"));
        }
    }
    match same {
        true => Ok(()),
        false => Err(Failure::falsehood()),
    }
}

/// Hash and name of a line.
fn parse(line: &str) -> Option<(&str, &str)> {
    let (hash, rest) = line.trim_start().split_at_checked(64)?;
    let name = rest.strip_prefix([' ', '\t'])?.strip_prefix([' ', '\t'])?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some((hash, name))
}

/// The hash of a file, in hexadecimal digits.
fn digest(state: &Interpreter<'_>, name: &str) -> Outcome<String> {
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let file = state.devices.locate(name, state.variables.get("root"))?;
    state.devices.check(&file)?;
    let filesystem = state.devices.filesystem(file.volume)?;
    let failed = |error: crate::fs::FsError| Failure::new(FILE_READ_ERROR, error.to_string());
    let mut opened = filesystem.open(&file.path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut at = 0_u64;
    loop {
        let length = opened.read_at(at, &mut chunk).map_err(failed)?;
        let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        at = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        state.budget.work(length / SPEED);
        if let Some(limit) = state.budget.exceeded() {
            return fail(FILE_READ_ERROR, limit.to_string());
        }
    }
    let sum = hash.finalize();
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::parse;

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
            assert_eq!(parse(&line).map(|(_, name)| name), name, "{text}");
        }
    }
}
