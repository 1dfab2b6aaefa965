//! What a volume carries, told from its bytes alone and named as `blkid` of util-linux names it.
//!
//! Every format has one file, which cites where its layout is published. All of them read few bytes at
//! fixed places, and nothing that the volume says decides how much memory is used.

mod btrfs;
mod ext;
mod fat;
mod iso9660;
mod luks;
mod lvm;
mod md;
mod probe;
mod swap;
mod xfs;

use std::fmt;

use super::ReadAt;
use probe::Probe;

/// What a volume carries, told from its bytes alone. UUID and label are spelled as `blkid` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The format, `None` when nothing was recognised.
    pub format: Option<Format>,
    /// Filesystem UUID or serial (`ABCD-12EF` for FAT, in upper case).
    pub uuid: Option<String>,
    /// Filesystem label.
    pub label: Option<String>,
}

/// Formats that are recognised by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// ext2.
    Ext2,
    /// ext3.
    Ext3,
    /// ext4.
    Ext4,
    /// ISO 9660.
    Iso9660,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// LUKS 1 or 2.
    Luks,
    /// LVM physical volume.
    Lvm,
    /// Linux software RAID member.
    MdRaid,
    /// Swap space.
    Swap,
}

impl Format {
    /// The name that `blkid` prints as `TYPE`, which the JSON view uses.
    pub fn name(self) -> &'static str {
        match self {
            Format::Fat => "vfat",
            Format::Ext2 => "ext2",
            Format::Ext3 => "ext3",
            Format::Ext4 => "ext4",
            Format::Iso9660 => "iso9660",
            Format::Xfs => "xfs",
            Format::Btrfs => "btrfs",
            Format::Luks => "crypto_LUKS",
            Format::Lvm => "LVM2_member",
            Format::MdRaid => "linux_raid_member",
            Format::Swap => "swap",
        }
    }

    /// Does it contain another volume, so that a filesystem seen through it is not to be used?
    fn is_container(self) -> bool {
        matches!(self, Format::MdRaid | Format::Lvm | Format::Luks)
    }

    /// Can it share its place with another format by design? FAT and ISO 9660 leave each other's
    /// first bytes free, and hybrid media use that.
    fn is_tolerant(self) -> bool {
        matches!(self, Format::Fat | Format::Iso9660)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The order decides when several match, and is that of `blkid`: what contains other volumes comes
/// before filesystems, since a mirror's half looks like the filesystem on the mirror.
const FORMATS: [fn(&Probe) -> Option<Content>; 9] = [
    md::probe,
    lvm::probe,
    luks::probe,
    fat::probe,
    swap::probe,
    xfs::probe,
    ext::probe,
    iso9660::probe,
    btrfs::probe,
];

/// Recognises the content of a volume. Read errors, and signatures of more than one format, are told
/// in `problems`.
pub fn identify(source: &dyn ReadAt, problems: &mut Vec<String>) -> Content {
    let probe = Probe::new(source);
    let mut found: Option<(Content, Format)> = None;
    for recognise in FORMATS {
        let Some(content) = recognise(&probe) else {
            continue;
        };
        let Some(format) = content.format else {
            continue;
        };
        match &found {
            None => found = Some((content, format)),
            Some((_, first)) if first.is_tolerant() && format.is_tolerant() => {}
            Some((_, first)) => problems.push(format!(
                "carries the signatures of {first} and {format}: taken for {first}; \
                 `wipefs` removes the one that is left over"
            )),
        }
        if format.is_container() {
            break;
        }
    }
    if let Some(error) = probe.into_error() {
        problems.push(format!("could not be read completely: {error}"));
    }
    found.map(|(content, _)| content).unwrap_or_default()
}
