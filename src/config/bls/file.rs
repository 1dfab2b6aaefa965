//! The text of an entry file.

use std::fmt;

use super::lines::{Line, lines};
use crate::entry::Problem;

/// More initrds than this are a mistake or an attack: each costs a look at the disk.
pub(super) const MAX_INITRDS: usize = 64;

/// Of further keys that no entry has, only the number is told.
const MAX_OTHERS: usize = 16;

/// So many bytes of each are kept, and of its value.
const MAX_OTHER_KEY: usize = 64;
const MAX_OTHER_VALUE: usize = 512;

/// Further remarks on one file are only counted.
const MAX_PROBLEMS: usize = 16;

/// Keys that mean nothing without a value, and are written so where there is nothing to say.
const MAY_BE_EMPTY: [&str; 12] = [
    "title",
    "version",
    "machine-id",
    "sort-key",
    "initrd",
    "options",
    "devicetree",
    "grub_users",
    "grub_arg",
    "grub_class",
    "grub_hotkey",
    "id",
];

/// An entry as its file says it, nothing looked up yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Type1 {
    /// `title`: what a menu shows.
    pub title: Option<String>,
    /// `version` of the kernel or of the whole system.
    pub version: Option<String>,
    /// `machine-id` of the installed system, 32 hexadecimal digits.
    pub machine_id: Option<String>,
    /// `sort-key`: entries with the same one belong together.
    pub sort_key: Option<String>,
    /// `architecture` in EFI's spelling (`x64`, `aa64`).
    pub architecture: Option<String>,
    /// What is started: of lines that say it the last, as for systemd-boot.
    pub program: Option<Program>,
    /// `devicetree`: path of a device tree.
    pub devicetree: Option<String>,
    /// Is there a `devicetree-overlay`?
    pub overlays: bool,
    /// `profile`: which variant of a unified kernel image, from 0.
    pub profile: Option<usize>,
    /// `extra`: paths of credentials, extensions and add-ons, in order.
    pub extra: Vec<String>,
    /// `initrd`: paths, in order.
    pub initrd: Vec<String>,
    /// `options` of all lines, joined with single spaces.
    pub options: String,
    /// Lines whose key no entry has, as they are written: key and value, the beginning of long ones.
    pub others: Vec<(String, String)>,
    /// What a person should know of the text, and what keeps the entry from being started as its
    /// author meant it.
    pub problems: Vec<Problem>,
    /// How many more remarks there would be.
    pub unsaid: usize,
    /// Does it have lines that are none of an entry, or that leave open what is started? Such a text may be one of
    /// another language, which says something else than what is read here: who signed it did not mean that.
    pub is_foreign: bool,
}

/// What an entry starts, by the key that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `linux`: path of a kernel, or of a program that is started with initrds as one.
    Linux(String),
    /// `efi`: path of another EFI program.
    Efi(String),
    /// `uki`: path of a unified kernel image.
    Uki(String),
    /// `uki-url`: address of a unified kernel image.
    UkiUrl(String),
}

impl Program {
    fn key(&self) -> &'static str {
        match self {
            Program::Linux(_) => "linux",
            Program::Efi(_) => "efi",
            Program::Uki(_) => "uki",
            Program::UkiUrl(_) => "uki-url",
        }
    }
}

impl Type1 {
    /// Reads the text of an entry. There is no wrong text: what makes no sense is among the problems,
    /// and what is missing is found when the entry is looked up.
    pub fn parse(bytes: &[u8]) -> Type1 {
        let mut entry = Type1::default();
        let text = String::from_utf8_lossy(bytes);
        for line in lines(&text) {
            entry.line(&line);
        }
        entry
    }

    fn line(&mut self, line: &Line<'_>) {
        let Line { number, key, value } = *line;
        if value.is_empty() {
            self.is_foreign |= !MAY_BE_EMPTY.contains(&key);
            self.problem(false, format_args!("`{key}` in line {number} has no value"));
            return;
        }
        match key {
            "title" => self.single(line, |entry| &mut entry.title),
            "version" => self.single(line, |entry| &mut entry.version),
            "machine-id" => self.single(line, |entry| &mut entry.machine_id),
            "sort-key" => self.single(line, |entry| &mut entry.sort_key),
            "architecture" => self.single(line, |entry| &mut entry.architecture),
            "linux" => self.program(line, Program::Linux),
            "efi" => self.program(line, Program::Efi),
            "uki" => self.program(line, Program::Uki),
            "uki-url" => self.program(line, Program::UkiUrl),
            "devicetree" => self.single(line, |entry| &mut entry.devicetree),
            "initrd" if self.initrd.len() < MAX_INITRDS => self.initrd.push(value.to_owned()),
            "initrd" => self.problem(
                true,
                format_args!("it names more than {MAX_INITRDS} initrds (line {number})"),
            ),
            "options" => {
                if !self.options.is_empty() {
                    self.options.push(' ');
                }
                self.options.push_str(value);
            }
            "profile" => {
                let profile = value.parse().ok();
                let before = std::mem::replace(&mut self.profile, profile);
                self.replaced(line, before.is_some());
                if self.profile.is_none() {
                    self.problem(
                        true,
                        format_args!("`profile` in line {number} is no number"),
                    );
                }
            }
            "extra" if self.extra.len() < MAX_INITRDS => self.extra.push(value.to_owned()),
            "extra" => self.problem(
                true,
                format_args!("it names more than {MAX_INITRDS} extra files (line {number})"),
            ),
            "devicetree-overlay" => self.overlays = true,
            // For the menu of GRUB: they change nothing in what is started.
            "grub_users" | "grub_arg" | "grub_class" | "grub_hotkey" | "id" => return,
            _ => {
                self.is_foreign = true;
                self.other(line);
                return;
            }
        }
        if value.contains(['\0', char::REPLACEMENT_CHARACTER]) {
            // A spoilt title is ugly; anything else would be another path or another option.
            let blocks = !matches!(key, "title" | "version" | "machine-id" | "sort-key");
            self.problem(
                blocks,
                format_args!("`{key}` in line {number} is not UTF-8 text: the file is damaged"),
            );
        }
    }

    /// A key that no entry has: somebody may look for it.
    fn other(&mut self, line: &Line<'_>) {
        let Line { number, key, value } = *line;
        let begin = |text: &str, limit| {
            let end = text.floor_char_boundary(limit);
            text.get(..end).unwrap_or(text).to_owned()
        };
        let key = begin(key, MAX_OTHER_KEY);
        self.problem(
            false,
            format_args!("`{key}` in line {number} is no key of an entry: passed over"),
        );
        if self.others.len() < MAX_OTHERS {
            self.others.push((key, begin(value, MAX_OTHER_VALUE)));
        }
    }

    /// A key that counts once: the last one wins, as in systemd-boot.
    fn single(&mut self, line: &Line<'_>, field: fn(&mut Type1) -> &mut Option<String>) {
        let before = field(self).replace(line.value.to_owned());
        self.replaced(line, before.is_some());
    }

    /// A key that excludes others: systemd-boot has one place for all of them.
    fn program(&mut self, line: &Line<'_>, program: fn(String) -> Program) {
        let before = self.program.replace(program(line.value.to_owned()));
        let Line { key, number, .. } = line;
        self.is_foreign |= before.is_some();
        match before.map(|before| before.key()) {
            Some(other) if other != *key => self.problem(
                false,
                format_args!(
                    "`{key}` in line {number} takes the place of `{other}`: an entry starts one program"
                ),
            ),
            same => self.replaced(line, same.is_some()),
        }
    }

    fn replaced(&mut self, line: &Line<'_>, was_there: bool) {
        if was_there {
            self.is_foreign = true;
            let Line { key, number, .. } = line;
            self.problem(
                false,
                format_args!("`{key}` in line {number} takes the place of an earlier one"),
            );
        }
    }

    /// The first that blocks is always kept, since it decides.
    fn problem(&mut self, blocks: bool, text: fmt::Arguments<'_>) {
        let first_block = blocks && !self.problems.iter().any(|problem| problem.blocks);
        if self.problems.len() < MAX_PROBLEMS || first_block {
            self.problems.push(Problem::new(blocks, text.to_string()));
        } else {
            self.unsaid = self.unsaid.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(entry: &Type1) -> Vec<(bool, &str)> {
        let problems = entry.problems.iter();
        problems.map(|p| (p.blocks, p.text.as_str())).collect()
    }

    #[test]
    fn reads_what_kernel_install_writes() {
        let entry = Type1::parse(
            b"# Boot Loader Specification type#1 entry\n\
             # File created by /usr/lib/kernel/install.d/90-loaderentry.install (systemd 252)\n\
             title      Debian GNU/Linux 12 (bookworm)\n\
             version    6.1.0-44-amd64\n\
             machine-id 11111111111111111111111111111111\n\
             sort-key   debian\n\
             options    root=UUID=1 ro\n\
             options\tquiet\n\
             linux      /1/6.1.0-44-amd64/linux\r\n\
             initrd     /1/ucode.img\n\
             initrd     /1/initrd.img\n",
        );
        let expected = Type1 {
            title: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            version: Some("6.1.0-44-amd64".to_owned()),
            machine_id: Some("1".repeat(32)),
            sort_key: Some("debian".to_owned()),
            options: "root=UUID=1 ro quiet".to_owned(),
            program: Some(Program::Linux("/1/6.1.0-44-amd64/linux".to_owned())),
            initrd: vec!["/1/ucode.img".to_owned(), "/1/initrd.img".to_owned()],
            ..Type1::default()
        };
        assert_eq!(entry, expected);
    }

    #[test]
    fn what_is_odd_is_said_with_its_line() {
        let entry = Type1::parse(
            b"\ntitel x\nprofile two\n  grub_class kernel\nlinux\nversion 1\nversion 2\n\
              title \xff\noptions a\0b\n",
        );
        assert_eq!(
            texts(&entry),
            [
                (
                    false,
                    "`titel` in line 2 is no key of an entry: passed over"
                ),
                (true, "`profile` in line 3 is no number"),
                (false, "`linux` in line 5 has no value"),
                (
                    false,
                    "`version` in line 7 takes the place of an earlier one"
                ),
                (
                    false,
                    "`title` in line 8 is not UTF-8 text: the file is damaged"
                ),
                (
                    true,
                    "`options` in line 9 is not UTF-8 text: the file is damaged"
                ),
            ]
        );
        assert_eq!(entry.program, None);
        assert_eq!(entry.version.as_deref(), Some("2"));
        assert_eq!(entry.others, [("titel".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn keys_that_nobody_knows_are_kept_as_far_as_there_is_room() {
        let long = "ä".repeat(1000);
        let text = format!(
            "linux /l\nx-color  dark red\nX-{long} {long}\n{}",
            "a b\na c\n".repeat(9)
        );
        let entry = Type1::parse(text.as_bytes());
        let other = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(entry.others[0], other("x-color", "dark red"));
        assert_eq!(
            entry.others[1],
            other(&format!("X-{}", &long[..62]), &long[..512])
        );
        assert_eq!(entry.others[2..4], [other("a", "b"), other("a", "c")]);
        assert_eq!(entry.others.len(), MAX_OTHERS);
        assert!(entry.problems.iter().all(|problem| !problem.blocks));
        assert!(
            entry
                .problems
                .iter()
                .all(|problem| problem.text.len() < 128)
        );
        assert_eq!(entry.unsaid, 20 - MAX_PROBLEMS);
    }

    #[test]
    fn the_last_line_says_what_is_started() {
        let program = |text: &str| {
            let entry = Type1::parse(text.as_bytes());
            assert!(!entry.problems.iter().any(|problem| problem.blocks));
            let said: Vec<String> = entry.problems.into_iter().map(|p| p.text).collect();
            (entry.program, said.join("; "))
        };
        let own = str::to_owned;
        assert_eq!(
            program("linux /l\nefi /e\n"),
            (
                Some(Program::Efi(own("/e"))),
                own("`efi` in line 2 takes the place of `linux`: an entry starts one program")
            )
        );
        assert_eq!(
            program("uki-url http://x\nuki /u\nlinux /l\nlinux /m"),
            (
                Some(Program::Linux(own("/m"))),
                own(
                    "`uki` in line 2 takes the place of `uki-url`: an entry starts one program; \
                     `linux` in line 3 takes the place of `uki`: an entry starts one program; \
                     `linux` in line 4 takes the place of an earlier one"
                )
            )
        );
        let entry = Type1::parse(b"uki /u\nprofile 1\nprofile 2\n");
        assert_eq!(entry.profile, Some(2));
        assert_eq!(
            texts(&entry),
            [(
                false,
                "`profile` in line 3 takes the place of an earlier one"
            )]
        );
    }

    #[test]
    fn a_file_of_nonsense_makes_few_problems() {
        let text = "x y\n".repeat(10_000) + &"initrd a\n".repeat(70);
        let entry = Type1::parse(text.as_bytes());
        assert_eq!(entry.problems.len(), MAX_PROBLEMS + 1);
        assert!(entry.problems[MAX_PROBLEMS].blocks);
        assert_eq!(entry.unsaid, 10_000 - MAX_PROBLEMS + 70 - MAX_INITRDS - 1);
        assert_eq!(entry.initrd.len(), MAX_INITRDS);
    }

    #[test]
    fn a_text_of_another_language_is_told_apart() {
        for (text, is_foreign) in [
            (
                "title F\nversion 1\nlinux /l\ninitrd /i\ninitrd /j\noptions a\noptions b\n",
                false,
            ),
            (
                "title F\nlinux /l\ninitrd /i $tuned_initrd\noptions $kernelopts $tuned_params\nid f-1\n\
                 grub_users $grub_users\ngrub_arg --unrestricted\ngrub_arg --hotkey\ngrub_class kernel\n",
                false,
            ),
            ("title F\nlinux /l\noptions\nversion\ngrub_users\n", false),
            (
                "uki /u\nprofile 1\nextra /a.cred\nextra /b.cred\narchitecture x64\n",
                false,
            ),
            // Scripts of GRUB, and menus of SYSLINUX.
            ("menuentry A {\nlinux /l ro\n}\n", true),
            ("linux /l\nfi\n", true),
            ("label a\nlinux /l\nappend ro\n", true),
            ("linux /l\nlinux /m\n", true),
            ("linux /l\nuki /u\n", true),
            ("linux /l\ntitle A\ntitle B\n", true),
            ("uki /u\nprofile 0\nprofile 1\n", true),
            ("linux /l\nlinux\n", true),
            ("uki /u\nefi \n", true),
        ] {
            assert_eq!(
                Type1::parse(text.as_bytes()).is_foreign,
                is_foreign,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry(bytes: Vec<u8>) {
            let _ = Type1::parse(&bytes);
        }

        #[test]
        fn lines_of_keys_keep_their_order(
            lines in prop::collection::vec(("options|initrd|extra|#|title|nonsense", "[a-z=0-9\" \\t]{0,9}"), 0..20),
            end in "\n|\r\n|\r",
        ) {
            let text: String = lines.iter().map(|(key, value)| format!("{key} {value}{end}")).collect();
            let entry = Type1::parse(text.as_bytes());
            let values = |wanted: &str| -> Vec<String> {
                let chosen = lines.iter().filter(|(key, _)| key == wanted);
                let values = chosen.map(|(_, value)| value.trim_matches([' ', '\t']));
                let unquoted = values.map(|value| match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
                    Some(inner) if !inner.contains('"') => inner,
                    _ => value,
                });
                unquoted.filter(|value| !value.is_empty()).map(str::to_owned).collect()
            };
            prop_assert_eq!(&entry.initrd, &values("initrd"));
            prop_assert_eq!(entry.options, values("options").join(" "));
            let titles = values("title");
            prop_assert_eq!(entry.title.as_ref(), titles.last());
            prop_assert_eq!(&entry.extra, &values("extra"));
            prop_assert!(!entry.problems.iter().any(|problem| problem.blocks));
        }
    }
}
