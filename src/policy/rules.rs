//! [`EntryRule`] and [`DiskRule`]: which entries, and which disks, the policy speaks of.

use super::document::Wrong;
use super::keys::Keys;
use crate::config::bls::Pattern;
use crate::disk::{PartitionKind, Transport};
use crate::entry::EntrySource;

/// No policy needs more rules of one kind; each is compared with every entry.
const MAX_RULES: usize = 256;

/// A rule on entries: `[[boot.prefer]]` or `[[boot.refuse]]`. All of its conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryRule {
    /// Where the entry is.
    pub place: DiskRule,
    /// `source`: the language that it was written in.
    pub source: Option<EntrySource>,
    /// `id`: a pattern for one of its ids.
    pub id: Option<Pattern>,
    /// `title`: a pattern for its title.
    pub title: Option<Pattern>,
    /// `system`: a pattern for the `ID` of its operating system.
    pub system: Option<Pattern>,
}

/// A rule on disks: `[[wait.wanted]]`, or part of one on entries. All of its conditions have to hold for the
/// same volume; without conditions it holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskRule {
    /// Its line in the policy, from 1.
    pub line: usize,
    /// `transport`: how the disk is attached.
    pub transport: Option<Transport>,
    /// `removable`: can anybody plug the disk in?
    pub removable: Option<bool>,
    /// `disk`: a pattern for one of the disk's names.
    pub disk: Option<Pattern>,
    /// `volume`: the UUID or the label of a volume.
    pub volume: Option<String>,
    /// `partition`: what the partition is for.
    pub partition: Option<Purpose>,
}

/// What a partition is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An EFI system partition.
    Esp,
    /// An extended boot loader partition.
    Xbootldr,
    /// By its type in the table.
    Kind(PartitionKind),
}

impl DiskRule {
    /// Does it speak of volumes, and not only of the disk as a whole?
    pub fn is_of_volume(&self) -> bool {
        self.volume.is_some() || self.partition.is_some()
    }
}

/// Reads a list of rules on entries.
pub(super) fn entry_rules(
    keys: &mut Keys<'_>,
    name: &'static str,
    rules: &mut Vec<EntryRule>,
) -> Result<(), Wrong> {
    keys.tables(name, |keys| {
        let rule = EntryRule {
            place: place(keys)?,
            source: keys.one_of("source", &SOURCES)?,
            id: keys.text("id", pattern)?,
            title: keys.text("title", pattern)?,
            system: keys.text("system", pattern)?,
        };
        let only_line = DiskRule {
            line: rule.place.line,
            ..DiskRule::default()
        };
        let nothing = EntryRule {
            place: only_line,
            ..EntryRule::default()
        };
        add(keys, name, rules, &nothing, rule)
    })
}

/// Reads a list of rules on disks.
pub(super) fn disk_rules(
    keys: &mut Keys<'_>,
    name: &'static str,
    rules: &mut Vec<DiskRule>,
) -> Result<(), Wrong> {
    keys.tables(name, |keys| {
        let rule = place(keys)?;
        let nothing = DiskRule {
            line: rule.line,
            ..DiskRule::default()
        };
        add(keys, name, rules, &nothing, rule)
    })
}

/// Adds a rule, unless it says nothing: what is meant by one without conditions is not guessed.
fn add<T: PartialEq>(
    keys: &Keys<'_>,
    name: &str,
    rules: &mut Vec<T>,
    nothing: &T,
    rule: T,
) -> Result<(), Wrong> {
    // A misspelt key is told as what it is.
    if rule == *nothing && keys.is_read() {
        return Err(keys.wrong(format!("{name} has no condition")));
    }
    if rules.len() >= MAX_RULES {
        return Err(keys.wrong(format!("more than {MAX_RULES} tables {name}")));
    }
    rules.push(rule);
    Ok(())
}

fn place(keys: &mut Keys<'_>) -> Result<DiskRule, Wrong> {
    let mut removable = false;
    let is_given = keys.has("removable");
    keys.yes_or_no("removable", &mut removable)?;
    Ok(DiskRule {
        line: keys.line(),
        transport: keys.one_of("transport", &TRANSPORTS)?,
        removable: is_given.then_some(removable),
        disk: keys.text("disk", pattern)?,
        volume: keys.text("volume", volume)?,
        partition: keys.text("partition", purpose)?,
    })
}

/// A pattern that is not empty.
pub(super) fn pattern(text: &str) -> Result<Pattern, String> {
    let pattern = Pattern::new(text).filter(|_| !text.is_empty());
    pattern.ok_or_else(|| "is empty, or longer than 255 bytes".to_owned())
}

fn volume(text: &str) -> Result<String, String> {
    match text.is_empty() {
        false => Ok(text.to_owned()),
        true => Err("is neither a UUID nor a label".to_owned()),
    }
}

fn purpose(text: &str) -> Result<Purpose, String> {
    // Not one with a sign.
    let digits = text
        .strip_prefix("0x")
        .filter(|digits| !digits.starts_with('+'));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match (text, byte) {
        ("esp", _) => Ok(Purpose::Esp),
        ("xbootldr", _) => Ok(Purpose::Xbootldr),
        (_, Some(byte)) => Ok(Purpose::Kind(PartitionKind::Mbr(byte))),
        _ if is_guid(text) => Ok(Purpose::Kind(PartitionKind::Gpt(text.to_ascii_lowercase()))),
        _ => Err(
            "is no type of a partition: \"esp\", \"xbootldr\", a GUID, or a byte as in \"0x83\""
                .to_owned(),
        ),
    }
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    let is_digit = |c: char| c == '-' || c.is_ascii_hexdigit();
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(is_digit)
}

/// The words for the buses of disks.
pub(super) const TRANSPORTS: [(&str, Transport); 6] = [
    ("nvme", Transport::Nvme),
    ("ata", Transport::Ata),
    ("scsi", Transport::Scsi),
    ("usb", Transport::Usb),
    ("virtio", Transport::Virtio),
    ("mmc", Transport::Mmc),
];

pub(super) const SOURCES: [(&str, EntrySource); 6] = [
    ("grub", EntrySource::Grub),
    ("bls", EntrySource::Bls),
    ("uki", EntrySource::Uki),
    ("syslinux", EntrySource::Syslinux),
    ("guess", EntrySource::Guess),
    ("firmware", EntrySource::Firmware),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn words_are_those_of_the_json_view() {
        for (word, source) in SOURCES {
            assert_eq!(word, source.name());
        }
        for (word, transport) in TRANSPORTS {
            assert_eq!(word, transport.to_string().to_ascii_lowercase());
        }
    }

    #[test]
    fn a_rule_keeps_its_line_and_all_of_its_conditions() {
        let guid = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
        let text = format!(
            "[boot]\n\n[[boot.refuse]]\ntransport = \"usb\"\nremovable = false\ndisk = \"*S5*\"\n\
             volume = \"ESP\"\npartition = \"{guid}\"\nsource = \"uki\"\nid = \"a*\"\ntitle = \"b\"\n\
             system = \"debian\"\n[[boot.prefer]]\npartition = \"0xEF\"\n"
        );
        let pattern = |text| Pattern::new(text);
        let boot = Policy::parse(&text).unwrap().boot;
        let place = DiskRule {
            line: 3,
            transport: Some(Transport::Usb),
            removable: Some(false),
            disk: pattern("*S5*"),
            volume: Some("ESP".to_owned()),
            partition: Some(Purpose::Kind(PartitionKind::Gpt(guid.to_ascii_lowercase()))),
        };
        let rule = EntryRule {
            place,
            source: Some(EntrySource::Uki),
            id: pattern("a*"),
            title: pattern("b"),
            system: pattern("debian"),
        };
        assert_eq!(boot.refuse, [rule]);
        let [prefer] = &boot.prefer[..] else {
            panic!("{:?}", boot.prefer);
        };
        assert_eq!(prefer.place.line, 13);
        let kind = Purpose::Kind(PartitionKind::Mbr(0xef));
        assert_eq!(prefer.place.partition, Some(kind));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, error) in [
            ("[[boot.refuse]]\n", "line 1: refuse has no condition"),
            ("[[wait.wanted]]\n", "line 1: wanted has no condition"),
            (
                "[[wait.wanted]]\nid = \"a\"\n",
                "line 2: `id` is no key of wanted",
            ),
            (
                "[[boot.prefer]]\nid = \"\"\n",
                "line 2: `id`: \"\" is empty",
            ),
            (
                "[[boot.prefer]]\ntransport = \"sata\"\n",
                "line 2: `transport` is one of \"nvme\"",
            ),
            (
                "[[boot.prefer]]\nremovable = 1\n",
                "line 2: `removable` is true or false",
            ),
            (
                "[[boot.prefer]]\nsource = \"lilo\"\n",
                "line 2: `source` is one of \"grub\"",
            ),
            (
                "[[boot.prefer]]\npartition = \"efi\"\n",
                "is no type of a partition",
            ),
            (
                "[[boot.prefer]]\nvolume = \"\"\n",
                "is neither a UUID nor a label",
            ),
            (
                "[boot]\nprefer = 1\n",
                "line 2: `prefer` is a list of tables",
            ),
        ] {
            let found = Policy::parse(text).unwrap_err().to_string();
            assert!(found.contains(error), "{text}: {found}");
        }
        let many = "[[wait.wanted]]\nremovable = false\n".repeat(MAX_RULES + 1);
        let found = Policy::parse(&many).unwrap_err().to_string();
        assert!(found.ends_with("more than 256 tables wanted"), "{found}");
    }
}
