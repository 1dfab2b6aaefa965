//! Journals of ext3 and ext4 that debugfs leaves dirty, replayed in memory and compared with what
//! `e2fsck` makes of them.

use crc::{CRC_32_ISCSI, Crc};
use pilotlight::disk::Disk;
use pilotlight::fs::{Filesystem, FsError};

use crate::kit::{Image, MIB, TempDir, debugfs, filesystem, path, run, run_line, temp_dir, tool};

/// What every file has before the journal changes it.
const OLD: u8 = b'o';

/// Where the superblock of a journal has its features, its length, its start and its checksum.
const FEATURES: u64 = 0x28;
const MAX_LENGTH: u64 = 0x10;
const START: u64 = 0x1c;
const CHECKSUM: u64 = 0xfc;

/// A filesystem with a few files of one block, and its journal.
struct Journal {
    dir: TempDir,
    image: Image,
    block_size: u64,
    /// The blocks of the journal.
    blocks: Vec<u64>,
}

impl Journal {
    fn new(options: &str, mebibytes: u64) -> Journal {
        let dir = temp_dir();
        for name in ["first", "second", "third"] {
            dir.file(&format!("tree/{name}"), &[OLD; 4096]);
        }
        let image = dir.image("image", mebibytes * MIB);
        let tree = dir.path().join("tree");
        let line = format!("mke2fs -q {options} -d {} {{}}", tree.display());
        run_line(&line, &image);
        let block_size = 4096 / numbers(&debugfs(&image, "blocks /first")).len() as u64;
        // Where the map has blocks of its own, `blocks` tells of those, too: each has to be asked for.
        let listed = numbers(&debugfs(&image, "blocks <8>"));
        let script: String = (0..listed.len())
            .map(|block| format!("bmap <8> {block}\n"))
            .collect();
        let script = dir.file("bmap", script.as_bytes());
        let printed = run("debugfs", ["-f", script.to_str().unwrap(), image.path()]);
        let found = printed.lines().filter_map(|line| line.trim().parse().ok());
        let blocks = found.filter(|block| *block != 0).collect();
        Journal {
            dir,
            image,
            block_size,
            blocks,
        }
    }

    /// The block with which a file begins.
    fn place(&self, name: &str) -> u64 {
        numbers(&debugfs(&self.image, &format!("blocks /{name}")))[0]
    }

    /// A file with the content of a block, for debugfs.
    fn content(&self, name: &str, begin: &[u8], fill: u8) -> String {
        let mut content = begin.to_vec();
        content.resize(self.block_size as usize, fill);
        self.dir.file(name, &content).display().to_string()
    }

    /// Transactions, each opened with `open`.
    fn write(&self, open: &str, transactions: &[String]) {
        let script: String = transactions
            .iter()
            .map(|requests| format!("{open}\n{requests}\njc\n"))
            .collect();
        let script = self.dir.file("script", script.as_bytes());
        let script = script.to_str().unwrap();
        run("debugfs", ["-w", "-f", script, self.image.path()]);
    }

    /// Where block `at` of the journal is, in bytes.
    fn at(&self, block: usize) -> u64 {
        self.blocks[block] * self.block_size
    }

    /// The blocks of the journal with this type, in order.
    fn of_type(&self, kind: u32) -> Vec<usize> {
        let head = [0xc03b_3998_u32.to_be_bytes(), kind.to_be_bytes()].concat();
        let is = |block: &usize| self.image.read(self.at(*block), 8) == head;
        (0..self.blocks.len()).filter(is).collect()
    }

    fn flip(&self, block: usize, byte: u64) {
        let at = self.at(block) + byte;
        let flipped = self.image.read(at, 1)[0] ^ 1;
        self.image.write(at, &[flipped]);
    }

    /// Changes fields of the superblock, and its checksum where it has one.
    fn set(&self, fields: &[(u64, u32)]) {
        for (at, value) in fields {
            self.image.write(self.at(0) + at, &value.to_be_bytes());
        }
        let mut head = self.image.read(self.at(0), 1024);
        if head[FEATURES as usize + 3] & 0x18 != 0 {
            head[CHECKSUM as usize..][..4].fill(0);
            let sum = !Crc::<u32>::new(&CRC_32_ISCSI).checksum(&head);
            self.image.write(self.at(0) + CHECKSUM, &sum.to_be_bytes());
        }
    }

    fn field(&self, at: u64) -> u32 {
        let bytes = self.image.read(self.at(0) + at, 4);
        u32::from_be_bytes(bytes.try_into().unwrap())
    }

    fn open(&self) -> Result<Box<dyn Filesystem>, FsError> {
        let layout = Disk::open(&self.image.0).unwrap().scan();
        pilotlight::fs::open(&layout.volumes[0], None)
    }

    /// The begin of a file: one block.
    fn read(&self, name: &str) -> Vec<u8> {
        let name = path(&format!("/{name}"));
        let mut content = filesystem(&self.image).read(&name, 8192).unwrap();
        content.truncate(self.block_size as usize);
        content
    }

    /// What e2fsck makes of the journal is the same as what was read before.
    fn agrees_with_e2fsck(&self, what: &str) {
        let ours = filesystem(&self.image);
        let names = ["first", "second", "third"];
        let contents = names.map(|name| ours.read(&path(&format!("/{name}")), 8192).unwrap());
        // Its status 1 says that something was done.
        let mut e2fsck = tool("e2fsck");
        let arguments = ["-fy", "-E", "journal_only", self.image.path()];
        let status = e2fsck.args(arguments).output().unwrap().status;
        assert!(
            status.code().is_some_and(|code| code <= 1),
            "{what}: {status}"
        );
        for (name, content) in names.iter().zip(contents) {
            let theirs = debugfs(&self.image, &format!("cat /{name}"));
            let ours = String::from_utf8_lossy(&content);
            assert!(ours == theirs, "{what}: {name}");
        }
    }
}

fn numbers(printed: &str) -> Vec<u64> {
    let words = printed.split_whitespace();
    words.map(|word| word.parse().unwrap()).collect()
}

#[test]
fn a_dirty_journal_is_replayed_in_memory() {
    for (options, open) in [
        ("-t ext3", "jo"),
        ("-t ext3 -b 1024", "jo"),
        ("-t ext4 -b 4096", "jo"),
        ("-t ext4 -b 4096 -I 128", "jo"),
        ("-t ext4 -b 1024 -O ^64bit,^metadata_csum", "jo"),
        ("-t ext4 -b 1024 -O bigalloc,inline_data", "jo -c"),
        ("-t ext4 -b 4096 -O ^64bit", "jo -c"),
        ("-t ext4 -b 4096", "jo -c"),
        ("-t ext4 -b 4096 -O ^64bit", "jo -c -v 2"),
        ("-t ext4 -b 4096", "jo -c -v 2"),
        ("-t ext4 -b 4096 -O fast_commit", "jo -c"),
    ] {
        let journal = Journal::new(options, 64);
        let places = ["first", "second", "third"].map(|name| journal.place(name));
        let [first, second, third] = places;
        let (old, new) = (
            journal.content("old", b"", b'x'),
            journal.content("new", b"", b'n'),
        );
        let magic = journal.content("magic", &[0xc0, 0x3b, 0x39, 0x98], b'm');
        // The first is written twice and the later content counts. The second begins with the magic
        // number of the journal, which is escaped there. The third is revoked.
        let requests = [
            format!("jw -b {first} {old}\njw -b {third} {old}"),
            format!("jw -r {third}"),
            format!("jw -b {first} {new}\njw -b {second} {magic}"),
        ];
        journal.write(open, &requests);

        let before = std::fs::read(&journal.image.0).unwrap();
        for (name, file) in [("first", new), ("second", magic)] {
            let expected = std::fs::read(file).unwrap();
            assert!(journal.read(name) == expected, "{options}, {open}: {name}");
        }
        let untouched = vec![OLD; journal.block_size as usize];
        assert!(journal.read("third") == untouched, "{options}, {open}");
        let after = std::fs::read(&journal.image.0).unwrap();
        assert!(after == before, "the disk was written to");
        // The journal is why: on its place each block is as it was.
        for place in places {
            let at = place * journal.block_size;
            assert_eq!(
                journal.image.read(at, untouched.len()),
                untouched,
                "{options}"
            );
        }
        journal.agrees_with_e2fsck(options);
    }
}

/// The copy of a superblock does not say that the journal is dirty.
#[test]
fn a_journal_beside_a_torn_superblock_is_replayed() {
    for clean in [true, false] {
        let journal = Journal::new("-t ext4 -b 1024", 32);
        let expected = match clean {
            true => vec![OLD; 1024],
            false => {
                let first = journal.place("first");
                let new = journal.content("new", b"", b'n');
                journal.write("jo -c", &[format!("jw -b {first} {new}")]);
                vec![b'n'; 1024]
            }
        };
        journal.image.write(1024 + 512 + 100, b"torn");
        assert!(filesystem(&journal.image).problem().is_some());
        assert!(journal.read("first") == expected, "clean: {clean}");
    }
}

/// A small journal whose log goes over its end: debugfs always begins at the first block, so what it
/// wrote is moved on, as if other transactions had been before.
#[test]
fn a_log_that_goes_round() {
    for (options, open) in [
        ("-t ext3 -b 1024 -J size=1", "jo"),
        ("-t ext4 -b 1024 -J size=1 -O ^64bit,^metadata_csum", "jo"),
        ("-t ext4 -b 1024 -J size=1", "jo -c"),
    ] {
        let journal = Journal::new(options, 16);
        let first = journal.place("first");
        let requests: Vec<String> = (0..40_u8)
            .map(|i| {
                let content = journal.content(&format!("content-{i}"), &[i], b'w');
                format!("jw -b {first} {content}")
            })
            .collect();
        journal.write(open, &requests);
        assert_eq!(journal.read("first")[..2], [39, b'w'], "{options}");

        let ring = journal.blocks.len() - 1;
        let log: Vec<Vec<u8>> = (1..=ring)
            .map(|i| journal.image.read(journal.at(i), 1024))
            .collect();
        for shift in [ring - 1, ring - 2, ring - 61, 500] {
            for (i, block) in log.iter().enumerate() {
                let moved = (i + shift) % ring + 1;
                journal.image.write(journal.at(moved), block);
            }
            journal.set(&[(START, shift as u32 + 1)]);
            assert_eq!(journal.read("first")[..2], [39, b'w'], "{options}: {shift}");
        }
        journal.agrees_with_e2fsck(options);
    }
}

/// Two transactions with checksums, for damage.
fn two_transactions(open: &str) -> Journal {
    let journal = Journal::new("-t ext4 -b 1024 -J size=1", 16);
    let first = journal.place("first");
    let requests = [b'1', b'2'].map(|fill| {
        let content = journal.content(&format!("content-{fill}"), b"", fill);
        format!("jw -b {first} {content}")
    });
    journal.write(open, &requests);
    assert_eq!(journal.read("first")[0], b'2');
    journal
}

#[test]
fn wrong_checksums_of_what_was_committed_are_damage() {
    for open in ["jo -c", "jo -c -v 2"] {
        // A descriptor, a content, a commit, and what the superblock says.
        for (kind, behind, byte) in [(1, 0, 1000), (1, 1, 5), (2, 0, 500), (4, 0, 0x18)] {
            let journal = two_transactions(open);
            let block = *journal.of_type(kind).last().unwrap() + behind;
            journal.flip(block, byte);
            let error = journal
                .open()
                .err()
                .unwrap_or_else(|| panic!("{open}: {kind}"));
            assert!(
                matches!(error, FsError::Corrupt(_)),
                "{open}, {kind}: {error}"
            );
            assert!(error.to_string().contains("wrong checksum"), "{error}");
        }
    }
}

#[test]
fn what_was_not_committed_never_happened() {
    for open in ["jo", "jo -c", "jo -c -v 2"] {
        let journal = two_transactions(open);
        let commit = *journal.of_type(2).last().unwrap();
        // Another sequence number: left from earlier times.
        journal.flip(commit, 8);
        assert_eq!(journal.read("first")[0], b'1', "{open}");
        // A damaged descriptor before it makes no difference then.
        journal.flip(*journal.of_type(1).last().unwrap(), 1000);
        assert_eq!(journal.read("first")[0], b'1', "{open}");
        journal.agrees_with_e2fsck(open);
    }
}

/// A wrong checksum in a commit with an older time than the one before: the end of the log.
#[test]
fn commits_of_earlier_times_end_the_log() {
    let journal = two_transactions("jo -c");
    let commit = *journal.of_type(2).last().unwrap();
    journal.image.write(journal.at(commit) + 48, &[0; 8]);
    assert_eq!(journal.read("first")[0], b'1');
}

#[test]
fn journals_that_are_not_supported() {
    let unsupported = |journal: &Journal, what: &str| {
        let error = journal.open().err().unwrap_or_else(|| panic!("{what}"));
        assert!(matches!(error, FsError::Unsupported(_)), "{what}: {error}");
        error.to_string()
    };
    // On another disk.
    let journal = two_transactions("jo");
    debugfs(&journal.image, "set_super_value journal_inum 0");
    assert!(unsupported(&journal, "external").contains("on another disk"));

    // With features that nobody knows, which don't matter once it is clean.
    let journal = two_transactions("jo");
    journal.set(&[(FEATURES, journal.field(FEATURES) | 0x4000)]);
    assert!(unsupported(&journal, "unknown").contains("0x4000"));
    journal.set(&[(START, 0)]);
    assert_eq!(journal.read("first")[0], OLD);
}

#[test]
fn fast_commits_are_not_supported_and_an_unused_area_for_them_is() {
    let journal = Journal::new(
        "-t ext4 -b 1024 -J size=4 -O fast_commit,^metadata_csum",
        64,
    );
    let first = journal.place("first");
    let content = journal.content("content", b"", b'1');
    journal.write("jo", &[format!("jw -b {first} {content}")]);
    journal.set(&[(FEATURES, journal.field(FEATURES) | 0x20)]);
    assert_eq!(journal.read("first")[0], b'1');

    let count = match journal.field(0x54) {
        0 => 256,
        count => count,
    };
    let area = (journal.field(MAX_LENGTH) - count + 1) as usize;
    let sequence = journal.field(0x18);
    for (follows, expected) in [(sequence, true), (sequence + 1, false)] {
        let mut head = vec![9, 0, 8, 0, 0, 0, 0, 0];
        head.extend(follows.to_le_bytes());
        journal.image.write(journal.at(area), &head);
        match journal.open() {
            Ok(_) => assert!(expected, "fast commits after {follows} were not seen"),
            Err(error) => assert!(
                !expected && error.to_string().contains("fast commits"),
                "{error}"
            ),
        }
    }
}

#[test]
fn a_journal_that_promises_more_than_it_has() {
    for (at, value) in [
        (MAX_LENGTH, u32::MAX),
        (MAX_LENGTH, 1025),
        (START, 1024),
        (0x14, 0),
        (0xc, 4096),
    ] {
        let journal = two_transactions("jo");
        journal.set(&[(at, value)]);
        let error = journal.open().err().unwrap_or_else(|| panic!("{at:x}"));
        assert!(matches!(error, FsError::Corrupt(_)), "{at:x}: {error}");
    }
}
