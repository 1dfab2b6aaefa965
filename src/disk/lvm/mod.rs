//! Volume groups of LVM2, put together in user space.

mod group;
mod label;
mod leg;
mod logical;
mod text;

pub(super) use label::PhysicalVolume;

use self::group::VolumeGroup;
use self::logical::Builder;
use super::Source;

/// Logical volumes of one group that are offered.
const MAX_VOLUMES: usize = 1024;

/// A device that carries the label of LVM.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) volume: &'a PhysicalVolume,
    pub(super) source: &'a Source,
}

/// What could be made of a volume group.
pub(super) struct Group {
    /// Its logical volumes that can be read.
    pub(super) volumes: Vec<LogicalVolume>,
    /// Why others can't, in words.
    pub(super) problems: Vec<String>,
    /// Numbers of the members that are not used, and why, in words.
    pub(super) unused: Vec<(usize, String)>,
    /// How often the group was changed.
    pub(super) seqno: u64,
}

/// A logical volume that can be read.
pub(super) struct LogicalVolume {
    /// GRUB's name of it.
    pub(super) name: String,
    /// GRUB's name that has the UUIDs instead.
    pub(super) id: String,
    /// Its place in GRUB's order, whichever of the others can be read.
    pub(super) place: usize,
    pub(super) source: Source,
}

impl PhysicalVolume {
    /// The UUID of the physical volume itself.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// UUID of the group that it describes.
    pub(super) fn group_id(&self) -> Option<&str> {
        self.group.as_ref().map(|group| group.id.as_str())
    }

    /// Does its description of the group name this physical volume?
    pub(super) fn knows(&self, id: &str) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| group.physical.iter().any(|(_, physical)| physical.id == id))
    }

    /// What can't be read of it, in words.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// Makes the logical volumes of the group `id` from the members that are there, which may be more.
///
/// # Errors
/// Why none of them can be read, in words.
pub(super) fn assemble(id: &str, members: &[Member<'_>]) -> Result<Group, String> {
    let group = newest(id, members)?;
    if group.exported {
        return Err(format!(
            "volume group {} was exported: `vgimport` takes it into use",
            group.name
        ));
    }
    let mut made = Group {
        volumes: Vec::new(),
        problems: Vec::new(),
        unused: Vec::new(),
        seqno: group.seqno,
    };
    let mut physical = Vec::with_capacity(group.physical.len());
    for (_, described) in &group.physical {
        let is_it = |(_, member): &(usize, &Member<'_>)| member.volume.id == described.id;
        let mut found = members.iter().enumerate().filter(is_it);
        let Some((_, first)) = found.next() else {
            physical.push(None);
            continue;
        };
        for (number, _) in found {
            if group.physical.len() > 1 {
                return Err(format!(
                    "physical volume {} is there twice, and volume group {} has others, which could be \
                     of either: one of the two has to be taken away",
                    described.id, group.name
                ));
            }
            let text = format!(
                "physical volume {} is there twice: the first one is used",
                described.id
            );
            made.unused.push((number, text));
        }
        let source = (!described.missing).then(|| first.source.clone());
        physical.push(source);
    }
    for (number, member) in members.iter().enumerate() {
        let is_known = group.physical.iter().any(|(_, p)| p.id == member.volume.id);
        if !is_known && member.volume.group_id() == Some(id) {
            let text = format!("was taken out of volume group {}", group.name);
            made.unused.push((number, text));
        }
    }
    let mut builder = Builder::new(group, physical);
    let visible = group.logical.iter().filter(|volume| volume.visible);
    // GRUB has the last one first.
    for (place, volume) in visible.rev().enumerate() {
        let name = format!("lvm/{}-{}", doubled(&group.name), doubled(&volume.name));
        if place >= MAX_VOLUMES {
            let text = format!("volume group {} has over {MAX_VOLUMES} volumes", group.name);
            made.problems.push(text);
            break;
        }
        match builder.build(volume) {
            Ok(source) => made.volumes.push(LogicalVolume {
                name,
                id: format!("lvmid/{}/{}", group.id, volume.id),
                place,
                source,
            }),
            Err(reason) => made
                .problems
                .push(format!("{name} can't be read: {reason}")),
        }
    }
    Ok(made)
}

/// The newest description of a group.
fn newest<'a>(id: &str, members: &[Member<'a>]) -> Result<&'a VolumeGroup, String> {
    let described = members
        .iter()
        .filter_map(|member| member.volume.group.as_ref());
    let described = described.filter(|group| group.id == id);
    let newest = described.clone().max_by_key(|group| group.seqno);
    let newest = newest.ok_or("no description of the volume group can be read")?;
    let mut equal = described.filter(|group| group.seqno == newest.seqno);
    match equal.all(|group| group == newest) {
        true => Ok(newest),
        false => Err(format!(
            "volume group {} is described in two ways, both of change {}",
            newest.name, newest.seqno
        )),
    }
}

/// A dash stands between the names of group and volume, so one in a name is written twice.
fn doubled(name: &str) -> String {
    name.replace('-', "--")
}
