//! Random scripts, the same in every run: a generator that knows the language, with mistakes among what
//! it writes.

use super::oracle::{grub, ours};

/// How many scripts are compared.
const SCRIPTS: usize = 2000;

/// Scripts that share a GRUB, and its variables and functions.
const BATCH: usize = 25;

#[test]
fn random_scripts_print_the_same() {
    let seeds: Vec<u64> = (0..SCRIPTS as u64).collect();
    let batches: Vec<&[u64]> = seeds.chunks(BATCH).collect();
    let halves: Vec<&[&[u64]]> = batches.chunks(batches.len().div_ceil(2)).collect();
    let different: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .into_iter()
            .map(|half| {
                scope.spawn(move || {
                    half.iter()
                        .flat_map(|batch| compare(batch))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let count = different.len();
    let first: Vec<_> = different.into_iter().take(10).collect();
    assert!(count == 0, "{count} differ\n{}", first.join("\n"));
}

fn compare(seeds: &[u64]) -> Vec<String> {
    let scripts: Vec<String> = seeds.iter().map(|seed| Script::new(*seed).text()).collect();
    let (theirs, ours) = (grub(&scripts), ours(&scripts));
    let together = scripts.iter().zip(theirs).zip(ours);
    together
        .filter(|((_, theirs), ours)| theirs.trim_end() != ours.trim_end())
        .map(|((script, theirs), ours)| format!("---\n{script}>>> GRUB\n{theirs}\n>>> we\n{ours}"))
        .collect()
}

/// Writes a script.
pub struct Script {
    state: u64,
    /// In functions nothing calls a function, so that all of them end.
    in_function: bool,
}

impl Script {
    pub fn new(seed: u64) -> Script {
        let state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Script {
            state,
            in_function: false,
        }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as usize % end
    }

    pub fn pick(&mut self, choices: &[&str]) -> String {
        choices[self.below(choices.len())].to_owned()
    }

    /// The whole script. What others before it have left is cleared away.
    fn text(&mut self) -> String {
        let mut text = "unset a; unset b; unset c; unset i\n".to_owned();
        for _ in 0..=self.below(4) {
            text += &self.statement(0);
            text.push('\n');
        }
        text + "echo [$a] [$b] [$c] [$i] $?\n"
    }

    fn list(&mut self, depth: usize) -> String {
        let count = 1 + self.below(2);
        let statements: Vec<String> = (0..count).map(|_| self.statement(depth + 1)).collect();
        let delimiter = self.pick(&["; ", "\n", ";\n"]);
        statements.join(&delimiter) + &self.pick(&["; ", "\n", ";\n"])
    }

    fn statement(&mut self, depth: usize) -> String {
        let kinds = if depth > 2 { 6 } else { 14 };
        match self.below(kinds) {
            0 | 1 => format!("echo {}", self.words()),
            2 => {
                let name = self.pick(&["a", "b", "c"]);
                format!("{}{name}={}", self.pick(&["set ", ""]), self.word())
            }
            3 if self.in_function => self.pick(&["true", "false", "! false", "shift"]),
            3 => self.pick(&[
                "true", "false", "unset a", "! true", "! false", "f x y", "g",
            ]),
            4 => format!("[ {} ]", self.expression()),
            5 => self.pick(&[
                "shift", "break", "continue", "return", "return 2", "$a", "$b x",
            ]),
            6 => {
                let (condition, body) = (self.condition(), self.list(depth));
                let other = match self.below(3) {
                    0 => format!("else {}", self.list(depth)),
                    1 => format!("elif {}; then {}", self.condition(), self.list(depth)),
                    _ => String::new(),
                };
                format!("if {condition}; then {body}{other}fi")
            }
            7 | 8 => {
                let (words, body) = (self.words(), self.list(depth));
                format!("for i in {words}; do {body}done")
            }
            9 => {
                // It ends, whatever the body does: nothing else changes this variable.
                let body = self.list(depth);
                let own = format!("z{}", self.below(1_000_000_000));
                let test = self.pick(&["while [ x$Z != xyyy ]", "until [ x$Z = xyyy ]"]);
                let body = format!("Z=; {test}; do Z=y$Z; {body}done");
                body.replace('Z', &own)
            }
            10 if depth == 0 => {
                let name = self.pick(&["f", "g"]);
                self.in_function = true;
                let body = self.list(1);
                self.in_function = false;
                format!("function {name} {{ {body}}}")
            }
            11 => format!("eval {}", self.word()),
            12 => {
                let command = self.pick(&["menuentry", "menuentry", "submenu"]);
                let (options, words, body) = (self.options(), self.words(), self.list(depth));
                match self.below(8) {
                    0 => format!("{command} {words} {options}"),
                    1 => format!("{command} {options} {words} --source {}", self.word()),
                    2 => format!("{command} {words} {options} {{ {body}}}; echo $?"),
                    _ => format!("{command} {options} {words} {{ {body}}}"),
                }
            }
            _ => self.odd(),
        }
    }

    /// Those of an entry.
    pub fn options(&mut self) -> String {
        let options: Vec<String> = (0..self.below(4)).map(|_| self.option()).collect();
        options.join(" ")
    }

    fn option(&mut self) -> String {
        match self.below(6) {
            0 => format!("--class {}", self.pick(&["linux", "'a b'", "$a", "os"])),
            1 => format!("--users {}", self.pick(&["root", "\"\"", "'a b'", "$b"])),
            2 => "--unrestricted".to_owned(),
            3 => format!("--hotkey {}", self.pick(&["a", "1", "=x", "tab"])),
            4 => format!("--id={}", self.pick(&["one", "$a", "\"$b c\"", "a"])),
            _ => format!("--id {}", self.pick(&["two", "'x>y'", "\"$a$b\"", "2"])),
        }
    }

    pub fn condition(&mut self) -> String {
        match self.below(4) {
            0 => "true".to_owned(),
            1 => "false".to_owned(),
            2 => format!("[ {} ]", self.expression()),
            _ => format!("! [ {} ]", self.expression()),
        }
    }

    fn expression(&mut self) -> String {
        let count = 1 + self.below(3);
        let terms: Vec<String> = (0..count).map(|_| self.term()).collect();
        let joint = self.pick(&[" -a ", " -o ", " "]);
        terms.join(&joint)
    }

    fn term(&mut self) -> String {
        let operators = [
            "=", "==", "!=", "-eq", "-ne", "-lt", "-gt", "-le", "-ge", "-pgt", "-plt", "\"<\"",
            "\">=\"",
        ];
        match self.below(6) {
            0 => format!("-z {}", self.word()),
            1 => format!("-n {}", self.word()),
            2 => self.word(),
            3 => format!(
                "! {} {} {}",
                self.word(),
                self.pick(&operators),
                self.word()
            ),
            _ => format!("{} {} {}", self.word(), self.pick(&operators), self.word()),
        }
    }

    pub fn words(&mut self) -> String {
        let words: Vec<String> = (0..=self.below(3)).map(|_| self.word()).collect();
        words.join(" ")
    }

    pub fn word(&mut self) -> String {
        let parts: Vec<String> = (0..=self.below(2)).map(|_| self.part()).collect();
        parts.concat()
    }

    fn part(&mut self) -> String {
        match self.below(9) {
            0 | 1 => self.pick(&[
                "x", "y", "yy", "1", "2", "10", "0x1f", "-3", "if", "v1.9", "v1.10",
            ]),
            2 | 3 => self.pick(&["$a", "$b", "${c}", "$i", "$1", "$2", "$#", "$?", "$unset"]),
            4 => self.pick(&[
                "\"$a\"",
                "\"$@\"",
                "\"$*\"",
                "\"x $b y\"",
                "\"${c}z\"",
                "\"$1\"",
            ]),
            5 => self.pick(&["$@", "$*", "'$a'", "'a b'", "\"\"", "''", "\"a  b\""]),
            6 => self.pick(&["\\$", "\\\\", "\\a", "\\ ", "\\'", "\\\"", "\\;"]),
            7 => self.pick(&[
                "\"\\$a\"",
                "\"\\\\\"",
                "\"\\x\"",
                "\"'\"",
                "'\"'",
                "$\"t $a\"",
                "?*",
                "?",
            ]),
            _ => self.pick(&[
                "a", "b", "word", "a=b", "#", "!", "[", "]", "(", ")", ",", "=",
            ]),
        }
    }

    /// Mistakes, and what looks like one.
    fn odd(&mut self) -> String {
        self.pick(&[
            ";",
            "echo a ; ; echo b",
            "echo a | echo b",
            "fi",
            "}",
            "echo a && echo b",
            "echo $",
            "if true; then",
            "done",
            "# a comment",
            "echo a # b",
            "nosuchcommand x",
            "echo a \\\nb",
            "{ echo a; }",
            "function { echo a; }",
            "echo a > b",
            "[[ a ]]",
            "",
        ])
    }
}
