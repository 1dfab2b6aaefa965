//! [`VolumeGroup`]: what the metadata of LVM2 say (`lib/format_text/import_vsn1.c` of LVM2).

use super::text::{Section, Value};

/// LVM counts in sectors of this many bytes, whatever the disk has.
const SECTOR: u64 = 512;
/// Sources of one segment that are looked at. LVM allows 128 stripes.
const MAX_AREAS: usize = 256;
/// Physical volumes of one group; those behind are missing.
const MAX_PHYSICAL: usize = 1024;

/// A volume group as one of its physical volumes describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VolumeGroup {
    pub(super) name: String,
    /// UUID with dashes.
    pub(super) id: String,
    /// Grows with every change.
    pub(super) seqno: u64,
    /// It was made ready to be taken to another machine.
    pub(super) exported: bool,
    /// Bytes in an extent.
    pub(super) extent: u64,
    /// Physical volumes under the names that segments use.
    pub(super) physical: Vec<(String, Physical)>,
    /// Logical volumes, the inner ones of mirrors included, in the order of the text.
    pub(super) logical: Vec<Logical>,
    /// Indices in `logical` in the order of names.
    by_name: Vec<usize>,
}

/// A physical volume as its group knows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Physical {
    pub(super) id: String,
    /// Where its first extent begins, in bytes.
    pub(super) start: u64,
    /// How many extents it has.
    pub(super) extents: u64,
    /// It was away when the group was changed: what is on it may be old.
    pub(super) missing: bool,
}

/// A logical volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Logical {
    pub(super) name: String,
    pub(super) id: String,
    /// It is there for people, not for another logical volume.
    pub(super) visible: bool,
    pub(super) segments: Vec<Segment>,
    /// Why its extents are not what it holds.
    pub(super) hindrance: Option<&'static str>,
}

/// Extents of a logical volume that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) extents: u64,
    pub(super) kind: Kind,
}

/// Where the extents of a segment are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In turns on these, in chunks of so many bytes.
    Striped { areas: Vec<Area>, chunk: u64 },
    /// On each of these, which a driver keeps in step: state and content.
    Raid1(Vec<(String, String)>),
    /// On each of these: the older kind of mirror.
    Mirror(Vec<Area>),
    /// Nowhere: zeros.
    Zero,
    /// Something that is not read, by its name.
    Other(String),
}

/// A place on a physical or logical volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) volume: String,
    /// The extent there.
    pub(super) first: u64,
}

impl VolumeGroup {
    /// Reads a description.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn parse(text: &str) -> Result<VolumeGroup, String> {
        let whole = Section::parse(text).map_err(|error| format!("metadata of LVM, {error}"))?;
        let found = whole.sections().next();
        let group = found.and_then(|(name, section)| VolumeGroup::read(name, section));
        group.ok_or_else(|| "metadata of LVM that describe no volume group".to_owned())
    }

    fn read(name: &str, section: &Section) -> Option<VolumeGroup> {
        let extent = section.number("extent_size")?.checked_mul(SECTOR)?;
        let physical = section.section("physical_volumes").into_iter();
        let physical = physical.flat_map(Section::sections).map(|(name, section)| {
            let volume = Physical::read(section)?;
            Some((name.to_owned(), volume))
        });
        let sections: Vec<(&str, &Section)> = section
            .section("logical_volumes")
            .into_iter()
            .flat_map(Section::sections)
            .collect();
        let mut logical = Vec::with_capacity(sections.len());
        for (name, section) in &sections {
            logical.push(Logical::read(name, section)?);
        }
        let mut by_name: Vec<usize> = (0..logical.len()).collect();
        by_name.sort_unstable_by_key(|index| logical.get(*index).map(|volume| &volume.name));
        let mut group = VolumeGroup {
            name: known_name(name)?,
            id: known_id(section)?,
            seqno: section.number("seqno")?,
            exported: section.has("status", "EXPORTED"),
            extent: Some(extent).filter(|extent| *extent > 0)?,
            physical: physical.take(MAX_PHYSICAL).collect::<Option<_>>()?,
            by_name,
            logical,
        };
        for (_, section) in sections {
            group.read_snapshots(section);
        }
        Some(group)
    }

    /// A logical volume by its name.
    pub(super) fn find(&self, name: &str) -> Option<&Logical> {
        self.logical.get(self.index(name)?)
    }

    fn index(&self, name: &str) -> Option<usize> {
        let name_of = |index: &usize| self.logical.get(*index).map(|volume| volume.name.as_str());
        let found = self.by_name.binary_search_by_key(&Some(name), name_of);
        self.by_name.get(found.ok()?).copied()
    }

    /// A snapshot is a logical volume without a place, which names its origin and where differences go.
    fn read_snapshots(&mut self, section: &Section) {
        for (_, segment) in section.sections() {
            let places = [
                ("cow_store", "cow_store", "holds what a snapshot changed"),
                (
                    "merging_store",
                    "origin",
                    "a snapshot is being merged into it",
                ),
                (
                    "merging_store",
                    "merging_store",
                    "holds what a snapshot changed",
                ),
            ];
            for (key, volume, reason) in places {
                let hindered = segment.text(key).and(segment.text(volume));
                let place = hindered.and_then(|name| self.index(name));
                if let Some(volume) = place.and_then(|i| self.logical.get_mut(i)) {
                    volume.hindrance = Some(reason);
                    // People know the snapshot by the name of what it changed.
                    volume.visible = true;
                }
            }
        }
    }
}

impl Physical {
    fn read(section: &Section) -> Option<Physical> {
        Some(Physical {
            id: known_id(section)?,
            start: section.number("pe_start")?.checked_mul(SECTOR)?,
            extents: section.number("pe_count")?,
            missing: section.has("flags", "MISSING"),
        })
    }
}

impl Logical {
    fn read(name: &str, section: &Section) -> Option<Logical> {
        let segments = section.sections();
        let segments = segments.filter(|(name, _)| name.starts_with("segment"));
        let segments: Vec<Segment> = segments
            .map(|(_, segment)| Segment::read(segment))
            .collect::<Option<_>>()?;
        let is_snapshot =
            |segment: &Segment| matches!(&segment.kind, Kind::Other(k) if k == "snapshot");
        Some(Logical {
            name: known_name(name)?,
            id: known_id(section)?,
            visible: section.has("status", "VISIBLE") && !segments.iter().any(is_snapshot),
            segments,
            hindrance: None,
        })
    }
}

impl Segment {
    fn read(section: &Section) -> Option<Segment> {
        Some(Segment {
            first: section.number("start_extent")?,
            extents: section.number("extent_count")?,
            kind: Kind::read(section)?,
        })
    }
}

impl Kind {
    fn read(section: &Section) -> Option<Kind> {
        let kind = section.text("type")?;
        // A kind may come with remarks (`striped+…`), which change what it means.
        Some(match kind {
            "striped" | "linear" => Kind::Striped {
                areas: areas(section.list("stripes"))?,
                chunk: section
                    .number("stripe_size")
                    .unwrap_or_default()
                    .checked_mul(SECTOR)?,
            },
            "mirror" => Kind::Mirror(areas(section.list("mirrors"))?),
            "raid1" => {
                let names = section.list("raids").iter().map(Value::as_text);
                let names: Vec<&str> = names.take(MAX_AREAS).collect::<Option<_>>()?;
                let (pairs, rest) = names.as_chunks();
                let pair = |[state, content]: &[&str; 2]| (state.to_string(), content.to_string());
                match rest {
                    [] => Kind::Raid1(pairs.iter().map(pair).collect()),
                    _ => return None,
                }
            }
            "zero" => Kind::Zero,
            other => Kind::Other(other.to_owned()),
        })
    }
}

/// Pairs of a name and an extent.
fn areas(list: &[Value]) -> Option<Vec<Area>> {
    let (pairs, rest) = list.as_chunks();
    let area = |pair: &[Value; 2]| match pair {
        [Value::Text(volume), Value::Number(first)] => Some(Area {
            volume: volume.clone(),
            first: *first,
        }),
        _ => None,
    };
    let areas: Option<Vec<Area>> = pairs.iter().take(MAX_AREAS).map(area).collect();
    areas.filter(|areas| rest.is_empty() && !areas.is_empty())
}

/// Names as LVM allows them (lvm(8)): nothing in them has a meaning for GRUB or for a terminal.
fn known_name(name: &str) -> Option<String> {
    let is_known = |b: u8| b.is_ascii_alphanumeric() || b"+_.-".contains(&b);
    let known = (1..=127).contains(&name.len()) && name.bytes().all(is_known);
    known.then(|| name.to_owned())
}

/// A UUID as LVM writes it: it becomes a part of names.
fn known_id(section: &Section) -> Option<String> {
    let id = section.text("id")?;
    let known =
        (1..=38).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    known.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        vg {
            id = "VG"
            seqno = 3
            status = ["RESIZEABLE", "READ", "WRITE"]
            extent_size = 8
            physical_volumes {
                pv0 { id = "P0" pe_start = 2048 pe_count = 7 }
                pv1 { id = "P1" pe_start = 128 pe_count = 9 flags = ["MISSING"] }
            }
            logical_volumes {
                root {
                    id = "L0"
                    status = ["READ", "VISIBLE"]
                    segment_count = 2
                    segment1 { start_extent = 0 extent_count = 4 type = "striped" stripes = ["pv0", 0] }
                    segment2 { start_extent = 4 extent_count = 2 type = "striped" stripe_count = 2
                        stripe_size = 16 stripes = [ "pv0", 4, "pv1", 0 ] }
                }
                store { id = "L1" status = ["READ"]
                    segment1 { start_extent = 0 extent_count = 1 type = "linear" stripes = ["pv0", 6] } }
                snapshot0 { id = "L2" status = ["VISIBLE"]
                    segment1 { start_extent = 0 extent_count = 1 type = "snapshot" chunk_size = 8
                        origin = "root" cow_store = "store" } }
                mirror { id = "L3"
                    segment1 { start_extent = 0 extent_count = 1 type = "raid1"
                        raids = ["m0", "i0", "m1", "i1"] } }
            }
        }
        contents = "Text Format Volume Group"
    "#;

    #[test]
    fn a_group_is_read() {
        let group = VolumeGroup::parse(TEXT).unwrap();
        assert_eq!((group.name.as_str(), group.id.as_str()), ("vg", "VG"));
        assert_eq!(
            (group.seqno, group.extent, group.exported),
            (3, 4096, false)
        );
        let (name, pv1) = &group.physical[1];
        assert_eq!(name, "pv1");
        assert_eq!((pv1.start, pv1.extents, pv1.missing), (65_536, 9, true));
        let root = group.find("root").unwrap();
        assert!(root.visible && root.hindrance.is_none());
        let Kind::Striped { areas, chunk } = &root.segments[1].kind else {
            panic!("{root:?}");
        };
        assert_eq!((root.segments[1].first, *chunk, areas.len()), (4, 8192, 2));
        assert_eq!((areas[1].volume.as_str(), areas[0].first), ("pv1", 4));
        let store = group.find("store").unwrap();
        assert_eq!(store.hindrance, Some("holds what a snapshot changed"));
        assert!(!group.find("snapshot0").unwrap().visible);
        let Kind::Raid1(images) = &group.find("mirror").unwrap().segments[0].kind else {
            panic!();
        };
        assert_eq!(images[1], ("m1".to_owned(), "i1".to_owned()));
        let merging = TEXT.replace("cow_store", "merging_store");
        let merging = VolumeGroup::parse(&merging).unwrap();
        assert_eq!(
            merging.find("root").unwrap().hindrance,
            Some("a snapshot is being merged into it")
        );
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        for (from, to) in [
            ("extent_size = 8", "extent_size = 0"),
            ("extent_size = 8", "extent_size = 18446744073709551615"),
            ("seqno = 3", ""),
            ("id = \"P0\"", ""),
            ("\"pv1\", 0", "\"pv1\""),
            ("vg {", "v:g {"),
            ("\"i1\"]", "]"),
            ("type = \"raid1\"", ""),
        ] {
            assert!(TEXT.contains(from));
            let text = TEXT.replacen(from, to, 1);
            assert!(VolumeGroup::parse(&text).is_err(), "{from}");
        }
        assert!(VolumeGroup::parse("").is_err());
    }
}
