//! The table `[trust]`: every key of it is named here once.

use super::document::Wrong;
use super::keys::Keys;
use super::rules::pattern;
use crate::trust::sbat::Level;
use crate::trust::{
    Algorithm, AnchorRule, Digest, Floor, Format, MAX_RSA_BITS, MIN_RSA_BITS, Mode, Parameters,
    Role, Rules,
};

/// No policy needs more anchors.
const MAX_ANCHORS: usize = 64;

const MODES: [(&str, Mode); 3] = [
    ("off", Mode::Off),
    ("warn", Mode::Warn),
    ("enforce", Mode::Enforce),
];

/// Reads the table.
pub(super) fn trust(keys: &mut Keys<'_>) -> Result<Rules, Wrong> {
    let mut rules = Rules::default();
    let mode = keys.text("mode", |text| one_of(text, &MODES))?;
    // What is meant by a table of rules without it is not guessed.
    rules.mode = mode.ok_or_else(|| keys.wrong("`mode` of trust is missing"))?;
    keys.list("cover", &mut rules.cover, role)?;
    keys.list("formats", &mut rules.formats, |text| {
        one_of(text, &Format::ALL.map(|format| (format.name(), format)))
    })?;
    rules.threshold = keys.limited("threshold", 1, MAX_ANCHORS, rules.threshold)?;
    rules.rsa_bits = keys.limited("rsa-bits", MIN_RSA_BITS, MAX_RSA_BITS, rules.rsa_bits)?;
    keys.list("digests", &mut rules.digests, |text| {
        one_of(text, &Algorithm::ALL.map(|digest| (digest.name(), digest)))
    })?;
    keys.yes_or_no("platform", &mut rules.platform)?;
    keys.list("sha256", &mut rules.listed, sha256)?;
    keys.list("revoked", &mut rules.revoked, sha256)?;
    keys.tables("anchor", |keys| {
        let anchor = anchor(keys)?;
        let twice = |known: &AnchorRule| known.name == anchor.name || known.file == anchor.file;
        if rules.anchors.iter().any(twice) {
            return Err(keys.wrong("another anchor has this name or this file: each is one anchor"));
        }
        if rules.anchors.len() == MAX_ANCHORS {
            return Err(keys.wrong(format!("more than {MAX_ANCHORS} anchors")));
        }
        rules.anchors.push(anchor);
        Ok(())
    })?;
    keys.table("cmdline", |keys| parameters(keys, &mut rules.parameters))?;
    keys.table("floor", |keys| floor(keys, &mut rules.floor))?;
    let empty = [
        ("cover", rules.cover.is_empty()),
        ("formats", rules.formats.is_empty()),
        ("digests", rules.digests.is_empty()),
    ];
    if let Some((name, _)) = empty.iter().find(|(_, is_empty)| *is_empty) {
        return Err(keys.wrong(format!(
            "`{name}` of trust is empty: leave it out, or say `mode = \"off\"`"
        )));
    }
    match rules.unusable() {
        Some(why) => Err(keys.wrong(why)),
        None => Ok(rules),
    }
}

fn anchor(keys: &mut Keys<'_>) -> Result<AnchorRule, Wrong> {
    let name = keys.text("name", name)?;
    let file = keys.text("file", file)?;
    let mut roles = Role::ALL.to_vec();
    keys.list("for", &mut roles, role)?;
    if roles.is_empty() {
        return Err(keys.wrong("`for` of an anchor is empty: leave it out, or the anchor"));
    }
    Ok(AnchorRule {
        name: name.ok_or_else(|| keys.wrong("`name` of an anchor is missing"))?,
        file: file.ok_or_else(|| keys.wrong("`file` of an anchor is missing"))?,
        roles,
        volume: keys.text("volume", |text| Ok(text.to_owned()))?,
        entry: keys.text("entry", pattern)?,
    })
}

fn parameters(keys: &mut Keys<'_>, parameters: &mut Parameters) -> Result<(), Wrong> {
    let mut allow = Vec::new();
    let is_given = keys.has("allow");
    keys.list("allow", &mut allow, pattern)?;
    parameters.allow = is_given.then_some(allow);
    keys.list("refuse", &mut parameters.refuse, pattern)?;
    keys.list("add", &mut parameters.add, |text| {
        let is_one = |c: char| c.is_ascii_graphic() && c != '"';
        match !text.is_empty() && text != "--" && text.chars().all(is_one) {
            true => Ok(text.to_owned()),
            false => Err("is not one parameter without spaces and quotes".to_owned()),
        }
    })
}

fn floor(keys: &mut Keys<'_>, floor: &mut Floor) -> Result<(), Wrong> {
    let mut rows = Vec::new();
    keys.list("sbat", &mut rows, |text| {
        let row = Level::read(text.as_bytes()).ok();
        let row = row.filter(|row| !row.is_empty() && !text.contains('\n'));
        row.map(|_| text.to_owned())
            .ok_or_else(|| "is not a component and a generation: \"linux,2\"".to_owned())
    })?;
    let level = Level::read(rows.join("\n").as_bytes());
    floor.sbat = level.map_err(|error| keys.wrong(error.to_string()))?;
    let mut manifest = 0;
    keys.number("manifest", &mut manifest)?;
    floor.manifest = manifest.into();
    keys.table("version", |keys| keys.texts(&mut floor.versions))
}

fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("is none of {}", words.join(", "))
    })
}

fn role(text: &str) -> Result<Role, String> {
    one_of(text, &Role::ALL.map(|role| (role.name(), role)))
}

/// A name that people can read and that `gen_init_cpio` and the shell of a build take as one word.
fn file(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match text.chars().all(is_plain) && !text.is_empty() && !text.starts_with(['.', '-']) {
        true => Ok(text.to_owned()),
        false => Err(
            "is no name of a file in the directory of anchors: letters, digits, `.`, `_` and `-`"
                .to_owned(),
        ),
    }
}

/// The machine's own keys go by names that begin with `UEFI `.
fn name(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) || text.is_empty() || text.starts_with("UEFI ") {
        false => Ok(text.to_owned()),
        true => Err("is no name for an anchor".to_owned()),
    }
}

fn sha256(text: &str) -> Result<Digest, String> {
    Digest::from_hex(Algorithm::Sha256, text)
        .ok_or_else(|| "is no SHA-256: 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::bls::Pattern;
    use crate::policy::Policy;

    fn rules(text: &str) -> Result<Rules, String> {
        let policy = Policy::parse(text).map_err(|error| error.to_string());
        policy.map(|policy| policy.trust)
    }

    #[test]
    fn reads_every_key() {
        let one = "1".repeat(64);
        let text = format!(
            "[trust]\nmode = \"enforce\"\ncover = [\"kernel\", \"cmdline\"]\nformats = [\"cms\", \"openpgp\"]\n\
             threshold = 2\nrsa-bits = 3072\ndigests = [\"sha512\"]\nplatform = true\nsha256 = [\"{one}\"]\n\
             revoked = [\"{one}\"]\n\
             [[trust.anchor]]\nname = \"owner\"\nfile = \"owner.der\"\n\
             [[trust.anchor]]\nname = \"debian\"\nfile = \"debian.der\"\nfor = [\"kernel\"]\nvolume = \"ESP\"\n\
             entry = \"debian-*\"\n\
             [trust.cmdline]\nallow = [\"quiet\"]\nrefuse = [\"init=*\"]\nadd = [\"lockdown=integrity\"]\n\
             [trust.floor]\nsbat = [\"linux,2\"]\nmanifest = 7\nversion = {{ debian = \"6.1.0-40\" }}\n"
        );
        let pattern = |text| Pattern::new(text).unwrap();
        let digest = Digest::from_bytes(Algorithm::Sha256, &[0x11; 32]).unwrap();
        let anchor = AnchorRule {
            name: "owner".to_owned(),
            file: "owner.der".to_owned(),
            roles: Role::ALL.to_vec(),
            volume: None,
            entry: None,
        };
        let limited = AnchorRule {
            name: "debian".to_owned(),
            file: "debian.der".to_owned(),
            roles: vec![Role::Kernel],
            volume: Some("ESP".to_owned()),
            entry: Some(pattern("debian-*")),
        };
        let expected = Rules {
            mode: Mode::Enforce,
            cover: vec![Role::Kernel, Role::CommandLine],
            formats: vec![Format::Cms, Format::OpenPgp],
            threshold: 2,
            rsa_bits: 3072,
            digests: vec![Algorithm::Sha512],
            platform: true,
            anchors: vec![anchor, limited],
            parameters: Parameters {
                allow: Some(vec![pattern("quiet")]),
                refuse: vec![pattern("init=*")],
                add: vec!["lockdown=integrity".to_owned()],
            },
            floor: Floor {
                sbat: Level::read(b"linux,2").unwrap(),
                manifest: 7,
                versions: vec![("debian".to_owned(), "6.1.0-40".to_owned())],
            },
            listed: vec![digest.clone()],
            revoked: vec![digest],
        };
        assert_eq!(rules(&text), Ok(expected));
    }

    #[test]
    fn without_the_table_nothing_is_looked_at() {
        assert_eq!(rules(""), Ok(Rules::default()));
        assert_eq!(Rules::default().mode, Mode::Off);
    }

    #[test]
    fn mistakes_are_told() {
        const OWNER: &str = "[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\n";
        for (text, error) in [
            ("[trust]\n", "line 1: `mode` of trust is missing"),
            (
                "[trust]\nmode = \"on\"\n",
                "line 2: `mode`: \"on\" is none of \"off\", \"warn\", \"enforce\"",
            ),
            ("[trust]\nmode = true\n", "line 2: `mode` is a text"),
            (
                "[trust]\nmode = \"off\"\ncovers = []\n",
                "line 3: `covers` is no key of trust",
            ),
            (
                "[trust]\nmode = \"off\"\ncover = []\n",
                "`cover` of trust is empty",
            ),
            (
                "[trust]\nmode = \"off\"\ncover = \"kernel\"\n",
                "line 3: `cover` is a list of texts",
            ),
            (
                "[trust]\nmode = \"off\"\ncover = [1]\n",
                "line 3: `cover` is a list of texts",
            ),
            (
                "[trust]\nmode = \"off\"\ncover = [\"kernels\"]\n",
                "line 3: `cover`: \"kernels\" is none of \"kernel\"",
            ),
            (
                "[trust]\nmode = \"off\"\ndigests = [\"sha1\"]\n",
                "\"sha1\" is none of \"sha256\"",
            ),
            (
                "[trust]\nmode = \"off\"\nrsa-bits = 1024\n",
                "`rsa-bits` of trust is a number from 2048 to 8192",
            ),
            (
                "[trust]\nmode = \"off\"\nthreshold = 0\n",
                "`threshold` of trust is a number from 1",
            ),
            (
                "[trust]\nmode = \"off\"\nsha256 = [\"12\"]\n",
                "is no SHA-256",
            ),
            (
                "[trust]\nmode = \"enforce\"\n",
                "no anchor may cover the kernel",
            ),
            (
                "[trust]\nmode = \"enforce\"\nthreshold = 2\n[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\n",
                "1 of the anchors may cover the kernel, and 2 have to",
            ),
            (
                "[trust]\nmode = \"enforce\"\n[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\nfor = [\"kernel\"]\n",
                "no anchor may cover the initrd",
            ),
            (
                "[trust]\nmode = \"warn\"\nanchor = 1\n",
                "line 3: `anchor` is a list of tables",
            ),
            (
                "[trust]\nmode = \"warn\"\n[[trust.anchor]]\nfile = \"a\"\n",
                "`name` of an anchor is missing",
            ),
            (
                "[trust]\nmode = \"warn\"\n[[trust.anchor]]\nname = \"a\"\n",
                "`file` of an anchor is missing",
            ),
            (
                "[trust]\nmode = \"warn\"\n[[trust.anchor]]\nname = \"a\"\nfile = \"../a\"\n",
                "is no name of a file",
            ),
            (
                "[trust]\nmode = \"warn\"\n[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\nfor = []\n",
                "`for` of an anchor",
            ),
            (
                "[trust]\nmode = \"warn\"\n[[trust.anchor]]\nname = \"a\"\nfile = \"a\"\nbits = 1\n",
                "`bits` is no key of anchor",
            ),
            (
                "[trust]\nmode = \"off\"\n[trust.cmdline]\nadd = [\"a b\"]\n",
                "is not one parameter",
            ),
            (
                "[trust]\nmode = \"off\"\n[trust.cmdline]\nrefuse = [\"\"]\n",
                "is empty, or longer",
            ),
            (
                "[trust]\nmode = \"off\"\n[trust.floor]\nsbat = [\"linux\"]\n",
                "is not a component and a generation",
            ),
            (
                "[trust]\nmode = \"off\"\n[trust.floor]\nversion = { a = 1 }\n",
                "`a` is a text",
            ),
        ] {
            let found = rules(text).unwrap_err();
            assert!(found.contains(error), "{text}: {found}");
        }
        let twice = format!("[trust]\nmode = \"warn\"\n{OWNER}{OWNER}");
        assert!(rules(&twice).unwrap_err().contains("another anchor"));
        for door in [
            "[boot]\nguess = true\n",
            "[failure]\nthen = \"shell\"\n",
            "[failure]\nfinally = \"shell\"\n",
            "[failure]\nentry = \"shell\"\n",
        ] {
            for (mode, is_open) in [("warn", true), ("enforce", false)] {
                let text = format!("{door}[trust]\nmode = \"{mode}\"\n{OWNER}");
                assert_eq!(rules(&text).is_ok(), is_open, "{text}");
            }
        }
    }
}
