//! Random configurations, the same in every run: each entry of their menus, what it starts, and what is started by
//! itself.

use std::ops::Range;

use pilotlight::config::grub::{Platform, evaluate};
use pilotlight::disk::Disk;
use pilotlight::entry::{BootEntry, FileRef, VolumeId};
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use super::menus::disk_of_tree;
use super::random::Script;
use super::systems::choices;
use super::walk;
use crate::kit::{Image, temp_dir};

/// How many configurations are compared.
const CONFIGURATIONS: usize = 160;

/// Files that they read.
const PARTS: usize = 8;

/// So deep in menus, loops and conditions there are only entries.
const INNERMOST: usize = 2;

/// Seeds that no other random script has.
const SEEDS: u64 = 1_000_000;

/// What is behind each configuration: no waiting, and the entry that is asked for.
const LEAD: &str = "\nset timeout=0\nset timeout_style=menu\n\
                    if [ -n \"$walk\" ]; then set default=\"$walk\"; unset fallback; fi\n";

/// GRUB's own program has no command `linux`: these say what was asked for, and `initrd` ends it.
const START: &str = "function linux { echo \"%%linux $chosen | $*%%\"; }\n\
                     function initrd { echo \"%%initrd $chosen | $*%%\"; exit; }\n\
                     set root=hd0,gpt1\nset prefix=(hd0,gpt1)/menus\nset cmdpath=$prefix\n\
                     export root\nexport prefix\nexport cmdpath\nexport walk\necho @@BEGIN@@\n";

#[test]
fn random_menus_are_the_same() {
    let dir = temp_dir();
    for i in 0..PARTS {
        let text = Menu::new(i).items(1..3, INNERMOST);
        dir.file(&format!("tree/menus/part{i}.cfg"), text.as_bytes());
    }
    let texts = (0..CONFIGURATIONS).map(|i| Menu::new(PARTS + i).text());
    let texts: Vec<String> = texts.collect();
    for (i, text) in texts.iter().enumerate() {
        dir.file(&format!("tree/menus/{i}.cfg"), text.as_bytes());
    }
    let disk = disk_of_tree(&dir);
    let compare = |range: Range<usize>| -> Vec<(usize, String)> {
        let inventory = inventory(&disk);
        let each = range.map(|i| differences(&disk, &inventory, i, &texts[i]));
        each.collect()
    };
    let half = CONFIGURATIONS / 2;
    let results = std::thread::scope(|scope| {
        let second = scope.spawn(|| compare(half..CONFIGURATIONS));
        let mut results = compare(0..half);
        results.extend(second.join().unwrap());
        results
    });
    let compared: usize = results.iter().map(|(count, _)| count).sum();
    assert!(compared >= 4 * CONFIGURATIONS, "{compared} entries");
    let different = results.into_iter().map(|(_, text)| text);
    let different: Vec<String> = different.filter(|text| !text.is_empty()).collect();
    let first = different
        .iter()
        .take(5)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(different.is_empty(), "{} differ\n{first}", different.len());
}

fn inventory(disk: &Image) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    inventory
}

/// How many entries of a configuration were compared, and what is different.
fn differences(disk: &Image, inventory: &Inventory, i: usize, text: &str) -> (usize, String) {
    let path = format!("/menus/{i}.cfg");
    let file = FileRef {
        volume: VolumeId { disk: 0, volume: 0 },
        path: FsPath::new(&path).unwrap(),
    };
    let entries = evaluate(inventory, &file, Platform::Emu).entries;
    let choices = choices(&entries);
    let count = choices.len();
    let mut different = String::new();
    for (choice, entry) in choices {
        let theirs = comparable(&grub(disk, choice.as_deref(), &path));
        let (theirs, ours) = match &choice {
            Some(_) => (theirs, walk::started(entry)),
            None => {
                let first = by_itself(&entries);
                let ours = first.map(walk::started).unwrap_or_default();
                // The menus on the way to the one that starts are of those that did not.
                let (theirs, ours) = (commands(&theirs), commands(&ours));
                // What the default has set before it failed is not seen in another entry here.
                match first.is_none_or(|entry| entry.default) {
                    true => (theirs, ours),
                    false => (id(&theirs), id(&ours)),
                }
            }
        };
        let ours = comparable(&ours);
        if theirs != ours {
            let choice = choice.as_deref().unwrap_or("by default");
            different += &format!("{choice}:\n    GRUB {theirs}\n    we   {ours}\n");
        }
    }
    match different.is_empty() {
        true => (count, different),
        false => (count, format!("--- {path}\n{text}>>>\n{different}")),
    }
}

/// What is started when nobody chooses.
fn by_itself(entries: &[BootEntry]) -> Option<&BootEntry> {
    let starts = |entry: &&BootEntry| entry.bootable();
    let default = entries.iter().filter(|entry| entry.default);
    let nth = (0..32).filter_map(|n| entries.iter().find(|entry| entry.fallback == Some(n)));
    default.chain(nth).find(starts)
}

fn commands(text: &str) -> String {
    text.find("[linux")
        .map_or(String::new(), |at| text[at..].to_owned())
}

/// The id of the entry in them.
fn id(commands: &str) -> String {
    commands.split('|').next().unwrap_or_default().to_owned()
}

/// Quotes are those of GRUB's own command `linux`, as well.
fn comparable(text: &str) -> String {
    text.replace(['"', '\'', '\\'], "")
}

fn grub(disk: &Image, choice: Option<&str>, path: &str) -> String {
    let dir = temp_dir();
    dir.file("device.map", format!("(hd0) {}\n", disk.path()).as_bytes());
    let choice = choice.unwrap_or_default();
    let main = format!("set walk='{choice}'\n{START}configfile (hd0,gpt1){path}\n");
    dir.file("grub.cfg", main.as_bytes());
    walk::summary(&walk::start(&dir))
}

/// Writes a configuration.
struct Menu {
    script: Script,
    /// How many submenus it has.
    menus: usize,
}

impl Menu {
    fn new(number: usize) -> Menu {
        let script = Script::new(SEEDS + number as u64);
        Menu { script, menus: 0 }
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for name in ["a", "b", "c"] {
            if self.script.below(2) == 0 {
                text += &format!("set {name}={}\n", self.script.word());
            }
            if self.script.below(3) == 0 {
                text += &format!("export {name}\n");
            }
        }
        let body = self.body();
        text += "function load { linux /k2 of $# \"$1\" $chosen; initrd /i; }\n";
        text += &format!("function define {{ menuentry \"$1\" --id \"$2\" $3 $4 {{ {body}}}; }}\n");
        text += &self.entry();
        text += &self.items(1..5, 0);
        if self.script.below(2) == 0 {
            let default = self.script.pick(&[
                "0",
                "1",
                "2",
                "9",
                "one",
                "two",
                "a",
                "A",
                "'The second'",
                "1>0",
                "'one>a'",
                "'Menu 1>1'",
                "'0>two>b'",
                "'a>>b'",
                "\"$a\"",
                "-1",
                "1x",
                "''",
            ]);
            text += &format!("set default={default}\n");
        }
        if self.script.below(2) == 0 {
            let fallback = self.script.pick(&[
                "1",
                "'2 1'",
                "'0 1 2 3'",
                "' 1  0'",
                "9",
                "''",
                "'1 9 2'",
                "'3 2'",
            ]);
            text += &format!("set fallback={fallback}\n");
        }
        if self.script.below(3) == 0 {
            text += &format!(
                "set timeout={}\n",
                self.script.pick(&["5", "-1", "''", "x"])
            );
        }
        text.replace(" #", " h") + LEAD
    }

    fn items(&mut self, count: Range<usize>, depth: usize) -> String {
        let count = count.start + self.script.below(count.len());
        let items = (0..count).map(|_| self.item(depth));
        // A comment would hide the end of a block, and what is behind it.
        items.collect::<String>().replace(" #", " h")
    }

    fn item(&mut self, depth: usize) -> String {
        match self.script.below(if depth >= INNERMOST { 7 } else { 12 }) {
            0..=3 => self.entry(),
            4 => format!(
                "define {} {} {}\n",
                self.title(),
                self.id(),
                self.script.words()
            ),
            5 => format!(
                "{}={}\n",
                self.script.pick(&["a", "b", "c"]),
                self.script.word()
            ),
            6 => {
                let (title, options) = (self.title(), self.script.options());
                format!(
                    "menuentry {title} {options} --source 'linux /k1 source $a $1 $b; initrd /i'\n"
                )
            }
            7 | 8 => {
                // In a list two menus with one title that follow each other look like one.
                self.menus += 1;
                let (title, options) = (format!("'Menu {}'", self.menus), self.script.options());
                let (words, inner) = (self.words(), self.items(1..4, depth + 1));
                format!("submenu {title} {options} {words} {{\n{inner}}}\n")
            }
            9 => {
                let (words, inner) = (self.script.words(), self.items(1..2, INNERMOST));
                format!("for i in {words}; do\n{inner}done\n")
            }
            10 => {
                let condition = self.script.condition();
                let (one, other) = (self.items(1..2, depth + 1), self.items(1..2, depth + 1));
                format!("if {condition}; then\n{one}else\n{other}fi\n")
            }
            _ if self.script.below(3) > 0 => {
                format!("source /menus/part{}.cfg\n", self.script.below(PARTS))
            }
            _ => format!("export {}\n", self.script.pick(&["a", "b", "c"])),
        }
    }

    fn entry(&mut self) -> String {
        let (title, options) = (self.title(), self.script.options());
        let (words, body) = (self.words(), self.body());
        match self.script.below(3) {
            0 => format!("menuentry {options} {title} {words} {{ {body}}}\n"),
            1 => format!("menuentry {title} {options} {words} {{\n{body}}}\n"),
            _ => format!("menuentry {title} {words} {options} {{ {body}}}\n"),
        }
    }

    fn words(&mut self) -> String {
        match self.script.below(2) {
            0 => String::new(),
            _ => self.script.words(),
        }
    }

    /// Never empty: where an option takes the block, GRUB writes in front of an empty one.
    fn title(&mut self) -> String {
        self.script.pick(&[
            "A",
            "'The second'",
            "\"of $i\"",
            "S",
            "\"for $a\"",
            "'a>b'",
            "1st",
            "\"it's\"",
            "B$b",
            "' '",
        ])
    }

    fn id(&mut self) -> String {
        self.script
            .pick(&["one", "two", "a", "'b>c'", "\"$a\"", "2"])
    }

    fn body(&mut self) -> String {
        let mut body = String::new();
        for _ in 0..self.script.below(3) {
            body += &match self.script.below(5) {
                0 => format!(
                    "{}={}; ",
                    self.script.pick(&["a", "b", "c"]),
                    self.script.word()
                ),
                1 => format!("export {}; ", self.script.pick(&["a", "b"])),
                2 => format!("shift; echo {}; ", self.script.words()),
                3 => format!("setparams {}; ", self.script.words()),
                _ => format!("if {}; then b=yes; fi; ", self.script.condition()),
            };
        }
        let load = format!(
            "linux /k1 {} [$a] [$b] $1 \"$2\" $#; initrd /i; ",
            self.script.words()
        );
        body + &match self.script.below(8) {
            0 => "true; ".to_owned(),
            1 => format!("load {}; ", self.script.words()),
            2 => format!("if {}; then {load}fi; ", self.script.condition()),
            3 => format!("if {}; then true; else {load}fi; ", self.script.condition()),
            4 => format!("for i in {}; do {load}break; done; ", self.script.words()),
            _ => load,
        }
    }
}
