//! Entries of the Boot Loader Specification, in random trees: `bootctl` and `systemd-analyze` put them, and
//! their versions, into the same order.

use std::cmp::Ordering;
use std::os::unix::fs::symlink;

use pilotlight::config::bls::compare;
use pilotlight::config::discover;
use pilotlight::entry::BootEntry;
use pilotlight::fs::MemoryFilesystem;
use pilotlight::inventory::Inventory;

use crate::kit::bootctl::{self, Listed};
use crate::kit::{MIB, filesystem, path, run_line, run_with_input, temp_dir};
use crate::xfs::prototype;

/// How many pairs of versions are compared.
const PAIRS: usize = 600;

/// How many trees are listed, with how many entries each.
const TREES: u64 = 12;
const ENTRIES: u64 = 30;

/// Numbers that look like nothing and are the same each time (Knuth's generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    /// A version of up to seven pieces.
    fn version(&mut self) -> String {
        let pieces = [
            "0", "00", "1", "01", "2", "10", "123", "a", "b", "B", "rc", ".", ".", "-", "~", "^",
            "_", "+",
        ];
        let first = self.one_of(&pieces[..13]).to_owned();
        (0..self.below(7)).fold(first, |version, _| version + self.one_of(&pieces))
    }
}

#[test]
fn versions_compare_as_for_systemd() {
    let mut random = Random(1);
    let mut pairs: Vec<(String, String)> = (0..PAIRS)
        .map(|_| (random.version(), random.version()))
        .collect();
    // What does not count is passed over everywhere, says the specification. systemd forgets it right behind
    // what parts a version.
    let differs = |text: &str| {
        let parts = text.as_bytes().windows(2);
        parts
            .into_iter()
            .any(|pair| b"-.~^".contains(&pair[0]) && b"_+".contains(&pair[1]))
    };
    // Neighbours are where it goes wrong.
    for number in 0..PAIRS / 2 {
        let (version, _) = pairs[number].clone();
        let end = random.one_of(&["0", ".", "~", "^", "-", "a", "-1", "~1", "^1", ".1", "+"]);
        let longer = version.clone() + end;
        pairs.push((version, longer));
    }
    pairs.retain(|(a, b)| !differs(a) && !differs(b));
    assert!(pairs.len() > PAIRS / 2);
    let input: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    let script =
        "while read -r a b; do systemd-analyze compare-versions -- \"$a\" \"$b\"; done; true";
    let printed = run_with_input("sh", ["-c", script], &input);
    let theirs: Vec<&str> = printed.lines().collect();
    assert_eq!(theirs.len(), pairs.len());
    for ((a, b), theirs) in pairs.iter().zip(theirs) {
        let sign = match compare(a, b) {
            Ordering::Less => "<",
            Ordering::Equal => "==",
            Ordering::Greater => ">",
        };
        assert_eq!(format!("{a} {sign} {b}"), theirs);
        assert_eq!(compare(b, a), compare(a, b).reverse(), "{a} {b}");
    }
}

/// The files of a tree.
fn tree(seed: u64) -> Vec<(String, String)> {
    let mut random = Random(seed);
    let mut files = vec![("/linux".to_owned(), String::new())];
    for number in 0..ENTRIES {
        let mut text = "# made up\nlinux /linux\n".to_owned();
        let mut line = |key: &str, value: &str| text += &format!("{key}\t {value} \n");
        if random.below(4) > 0 {
            line("title", random.one_of(&["Debian", "Fedora Linux", "Arch"]));
        }
        if random.below(3) > 0 {
            line(
                "sort-key",
                random.one_of(&["debian", "fedora", "a", "a-b", "B"]),
            );
        }
        if random.below(3) > 0 {
            let machine = random.one_of(&["01234567", "11111111", "a1234567", "a7654321"]);
            line("machine-id", &format!("{machine:f<32}"));
        }
        if random.below(5) > 0 {
            line("version", &random.version());
        }
        for _ in 0..random.below(3) {
            line(
                "options",
                random.one_of(&["quiet", "ro  root=/dev/sda1", "a=\"b c\""]),
            );
        }
        let counter = match random.below(6) {
            0 => "+0-3".to_owned(),
            1 => format!("+{}", random.below(4)),
            2 => format!("+{}-{}", random.below(4), random.below(4)),
            _ => String::new(),
        };
        // systemd-boot orders names without case, as FAT has them, and bootctl with it.
        let name = random.one_of(&["x-1", "x-1.0", "x-10", "y-1-rc1", "y_1", "z"]);
        files.push((
            format!("/loader/entries/{name}.{number}{counter}.conf"),
            text,
        ));
    }
    files
}

#[test]
fn bootctl_reads_odd_names_and_keys_alike() {
    let text = "title T\nlinux /linux\nnonsense x\n# title U\n\tversion\t1\nversion\n";
    let names = "a+3 b+0-3 c+ d+1- e++1 f+-1 h+003-02 j+1-2-3 k+3-x n_1 p+1+2 6.1+deb12 g+b+2";
    let mut files: Vec<(String, String)> = names
        .split(' ')
        .map(|name| (format!("/loader/entries/{name}.conf"), text.to_owned()))
        .collect();
    for (name, text) in [
        ("up.CONF", text),
        (".hidden.conf", text),
        ("no.txt", text),
        (
            "crlf.conf",
            "title C\r\nlinux /linux\r\noptions a\r\noptions  b c \r\n",
        ),
        (
            "twice.conf",
            "title A\ntitle B\nversion 2\nversion 3\nlinux /x\nlinux /linux\noptions x=\"y z\"\n",
        ),
        ("untitled.conf", "linux /linux\nversion 9\nfoo\n"),
        ("nothing.conf", "title Nothing\noptions a\n"),
        (
            "other.conf",
            "title Other\nlinux /linux\narchitecture aa64\n",
        ),
    ] {
        files.push((format!("/loader/entries/{name}"), text.to_owned()));
    }
    files.push(("/linux".to_owned(), String::new()));
    let directory = temp_dir();
    for (path, text) in &files {
        directory.file(&format!("tree{path}"), text.as_bytes());
    }
    let mut theirs = bootctl::list(&directory.path().join("tree"));
    for Listed { tries, .. } in &mut theirs {
        // A counter without it says the same.
        tries.1 = tries.1.or(tries.0.map(|_| 0));
    }
    assert_eq!(listed(&files), theirs);
    assert_eq!(theirs.len(), 19);
}

/// `/boot` may be a link to the root of its own volume, so that entries have one path before and after it is mounted.
#[test]
fn links_to_a_directory_do_not_repeat_its_entries() {
    let dir = temp_dir();
    dir.file("tree/loader/entries/a.conf", b"title A\nlinux /linux\n");
    dir.file("tree/loader/loader.conf", b"default a\nnonsense x\n");
    dir.file("tree/linux", b"");
    let root = dir.path().join("tree");
    symlink(".", root.join("boot")).unwrap();
    dir.file("prototype", prototype(&root).as_bytes());
    let tree = root.to_str().unwrap();
    let prototype = format!("{tree}/../prototype");
    for (size, line) in [
        (8, format!("mke2fs -q -t ext4 -d {tree} {{}}")),
        (300, format!("mkfs.xfs -q -p {prototype} {{}}")),
        (128, format!("mkfs.btrfs -q --rootdir {tree} {{}}")),
        (0, format!("genisoimage -quiet -R -o {{}} {tree}")),
    ] {
        let image = dir.image("image", size * MIB);
        run_line(&line, &image);
        let read = filesystem(&image);
        let same = read.identify(&path("/loader"));
        assert!(same.is_some(), "{line}");
        assert_eq!(read.identify(&path("/boot/loader")), same, "{line}");
        assert_ne!(read.identify(&path("/boot/loader/entries")), same, "{line}");
        let mut inventory = Inventory::new();
        inventory.add(pilotlight::disk::Disk::open(&image.0).unwrap());
        let found = discover(&inventory);
        let ids: Vec<&str> = found
            .entries
            .iter()
            .map(|entry| entry.id.as_str())
            .collect();
        assert_eq!(ids, ["a.conf"], "{line}");
        assert_eq!(found.problems.len(), 1, "{line}: {:?}", found.problems);
        std::fs::remove_file(&image.0).unwrap();
    }
}

fn listed(files: &[(String, String)]) -> Vec<Listed> {
    let entries = ours(files).into_iter();
    let listed = entries.map(|entry| Listed {
        id: entry.id,
        title: entry.title,
        version: entry.version.unwrap_or_default(),
        options: entry.cmdline,
        tries: (
            entry.tries_left.map(u64::from),
            entry.tries_done.map(u64::from),
        ),
    });
    listed.collect()
}

fn ours(files: &[(String, String)]) -> Vec<BootEntry> {
    let filesystem = files
        .iter()
        .fold(MemoryFilesystem::new(), |filesystem, (path, text)| {
            filesystem.file(path, text.clone().into_bytes())
        });
    let mut inventory = Inventory::new();
    inventory.add_filesystem("esp", Box::new(filesystem));
    discover(&inventory).entries
}

#[test]
fn bootctl_lists_random_trees_in_the_same_order() {
    let mut counted = 0;
    for seed in 0..TREES {
        let files = tree(seed);
        let directory = temp_dir();
        for (path, text) in &files {
            directory.file(&format!("tree{path}"), text.as_bytes());
        }
        let mut theirs = bootctl::list(&directory.path().join("tree"));
        for Listed { tries, title, .. } in &mut theirs {
            // A counter without it says the same.
            tries.1 = tries.1.or(tries.0.map(|_| 0));
            // The specification and systemd-boot add the beginning of it, bootctl all.
            *title = title.replace(&"f".repeat(32 - 8), "");
        }
        let ours = listed(&files);
        assert_eq!(theirs.len(), ENTRIES as usize);
        counted += theirs
            .iter()
            .filter(|entry| entry.tries.0 == Some(0))
            .count();
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "tree {seed}, entry {number}");
        }
    }
    assert!(
        counted > 10,
        "too few entries without tries left: {counted}"
    );
}
