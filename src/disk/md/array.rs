//! From the members of an array to its bytes.

use std::sync::Arc;

use super::parity::Parity;
use super::superblock::{Geometry, Role, Superblock};
use crate::disk::mirror::Mirror;
use crate::disk::striped::Striped;
use crate::disk::{Joined, Section, Source};

/// A superblock of version 1 has room for the roles of this many devices.
const MAX_MEMBERS: usize = 1920;
/// Layouts of a RAID0 whose members differ in length (`enum r0layout` in `drivers/md/raid0.h` of Linux).
const ORIGINAL: u32 = 1;
const ALTERNATE: u32 = 2;

/// A device that says that it belongs to the array.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) superblock: &'a Superblock,
    pub(crate) source: &'a Source,
}

/// An array that can be read.
pub(crate) struct Array {
    pub(crate) source: Source,
    /// What is missing of it, in words.
    pub(crate) problem: Option<String>,
    /// Numbers of the members that are not used, and why, in words.
    pub(crate) unused: Vec<(usize, String)>,
    /// How often its state was changed.
    pub(crate) events: u64,
}

/// Puts an array together from the members that are there; all have its UUID.
///
/// The newest superblock says which members are in step. Another one is never read, however much is
/// missing.
///
/// # Errors
/// Why it can't be read, in words.
pub(crate) fn assemble(members: &[Member<'_>]) -> Result<Array, String> {
    // Of equal ones the first: the order is the same each time.
    let newest = members.iter().map(|member| member.superblock);
    let newest = newest.reduce(|best, next| {
        if next.events > best.events {
            next
        } else {
            best
        }
    });
    let newest = newest.ok_or("it has no members")?;
    if let Some(reason) = &newest.hindrance {
        return Err(reason.clone());
    }
    let geometry = &newest.geometry;
    if !(1..=MAX_MEMBERS).contains(&geometry.members) {
        return Err(format!("it has {} members", geometry.members));
    }
    let mut slots: Vec<Option<Member<'_>>> = vec![None; geometry.members];
    let mut unused = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let role = match in_step(member.superblock, newest) {
            Ok(role) => role,
            Err(reason) => {
                unused.push((number, reason));
                continue;
            }
        };
        match slots.get_mut(role) {
            Some(slot) if slot.is_none() => *slot = Some(*member),
            // A mirror is read from one of them; anything else could be mixed from both.
            Some(_) if geometry.level == 1 => {
                let text = "is there twice: the first one is used".to_owned();
                unused.push((number, text));
            }
            Some(_) => return Err(format!("its member {role} is there twice")),
            None => unused.push((number, "has no place in the array".to_owned())),
        }
    }
    let missing = slots.iter().filter(|slot| slot.is_none()).count();
    let problem = format!(
        "{missing} of {} members are missing or out of step",
        slots.len()
    );
    let source = build(geometry, newest.clean, &slots).map_err(|reason| match missing {
        0 => reason.to_owned(),
        _ => format!("{reason}: {problem}"),
    })?;
    Ok(Array {
        source,
        problem: (missing > 0).then(|| format!("{problem}: read without them")),
        unused,
        events: newest.events,
    })
}

/// The role of a member that has all that was written to the array.
fn in_step(member: &Superblock, newest: &Superblock) -> Result<usize, String> {
    if member.geometry != newest.geometry {
        return Err("describes another array of the same UUID".to_owned());
    }
    let behind = newest.events.saturating_sub(member.events);
    if behind > 0 {
        return Err(format!("has missed {behind} changes of the array"));
    }
    if let Some(reason) = member.own_hindrance {
        return Err(reason.to_owned());
    }
    let role = newest.role(member.device);
    match role {
        Role::Active(_) if role != member.role(member.device) => {
            Err("has another role than the array gives it".to_owned())
        }
        Role::Active(role) => Ok(role.into()),
        Role::Spare => Err("is a spare".to_owned()),
        Role::Faulty => Err("has failed".to_owned()),
        Role::Journal => Err("is a journal".to_owned()),
    }
}

fn build(
    geometry: &Geometry,
    clean: bool,
    slots: &[Option<Member<'_>>],
) -> Result<Source, &'static str> {
    const INCOMPLETE: &str = "it can't be read without all of its members";
    const NONSENSE: &str = "its geometry makes no sense";
    const NO_LAYOUT: &str = "its layout is not one that is read";
    /// Data of a member, its length in whole chunks.
    fn data(member: &Member<'_>, chunk: u64) -> Section {
        let Superblock {
            data_offset,
            data_size,
            ..
        } = member.superblock;
        let rest = data_size.checked_rem(chunk).unwrap_or_default();
        let source = member.source.clone();
        Section::new(source, *data_offset, data_size.saturating_sub(rest))
    }
    let Geometry {
        level,
        layout,
        chunk,
        size,
        ..
    } = *geometry;
    let sections = |chunk| {
        let sections = slots
            .iter()
            .map(move |slot| Some(data(slot.as_ref()?, chunk)));
        sections.collect::<Vec<_>>()
    };
    let all = |chunk| sections(chunk).into_iter().collect::<Option<Vec<_>>>();
    let missing = slots.iter().filter(|slot| slot.is_none()).count();
    let has_room = |member: &Member<'_>| member.superblock.data_size >= size;
    if level > 0 && !slots.iter().flatten().all(has_room) {
        return Err("a member is too short");
    }
    let parts = || -> Vec<Option<Source>> {
        sections(0)
            .into_iter()
            .map(|section| Some(Arc::new(section?) as Source))
            .collect()
    };
    Ok(match level {
        -1 => Arc::new(Joined::new(all(chunk).ok_or(INCOMPLETE)?)),
        0 if chunk == 0 => return Err(NONSENSE),
        0 => Arc::new(zones(all(chunk).ok_or(INCOMPLETE)?, layout, chunk)?),
        1 => {
            let mut legs: Vec<Source> = parts().into_iter().flatten().collect();
            if legs.is_empty() {
                return Err("none of its members can be used");
            }
            // After a power cut they may differ, and one alone is consistent.
            legs.truncate(if clean { legs.len() } else { 1 });
            Arc::new(Mirror::new(legs, size))
        }
        4..=6 if missing > 1 => return Err("more than one member is missing"),
        4..=6 if missing == 1 && !clean => {
            return Err("it was not stopped in order, so that its parity is of no use");
        }
        4..=6 => Arc::new(Parity::new(parts(), level, layout, chunk, size).ok_or(NO_LAYOUT)?),
        10 => {
            let near = u64::from(layout & 0xff);
            if layout >> 8 != 1 {
                return Err(NO_LAYOUT);
            }
            let rows = size.checked_div(chunk).ok_or(NONSENSE)?;
            let copies = rows.checked_mul(slots.len() as u64);
            let chunks = copies.and_then(|copies| copies.checked_div(near));
            let size = chunks.and_then(|chunks| chunks.checked_mul(chunk));
            let size = size.ok_or(NONSENSE)?;
            Arc::new(
                Striped::new(parts(), chunk, near, size)
                    .ok_or("all copies of a part are missing")?,
            )
        }
        _ => return Err("its level is not one that is read"),
    })
}

/// A RAID0: members take turns as long as they last, then the longer ones among themselves
/// (`create_strip_zones` in `drivers/md/raid0.c` of Linux).
fn zones(members: Vec<Section>, layout: u32, chunk: u64) -> Result<Joined, &'static str> {
    const NONSENSE: &str = "its geometry makes no sense";
    let members: Vec<Source> = members.into_iter().map(|s| Arc::new(s) as Source).collect();
    let mut lengths: Vec<u64> = members.iter().map(|member| member.size()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    if lengths.len() > 1 && !matches!(layout, ORIGINAL | ALTERNATE) {
        return Err("its members differ in length, and it does not say how it is laid out");
    }
    let mut zones = Vec::new();
    let (mut start, mut before) = (0, 0_u64);
    for length in lengths {
        let longer = members.iter().filter(|member| member.size() >= length);
        let each = length.saturating_sub(start);
        let parts: Vec<Option<Source>> = longer
            .map(|member| Some(Arc::new(Section::new(member.clone(), start, each)) as Source))
            .collect();
        let size = each.checked_mul(parts.len() as u64).ok_or(NONSENSE)?;
        // The original layout goes on with the turn where the zone before ended.
        let turn = match layout {
            ORIGINAL => before
                .checked_div(chunk)
                .and_then(|chunks| chunks.checked_rem(parts.len() as u64)),
            _ => Some(0),
        };
        let zone = Striped::new(parts, chunk, 1, size)
            .zip(turn)
            .ok_or(NONSENSE)?;
        let zone: Source = Arc::new(zone.0.turned(zone.1));
        zones.push(Section::new(zone, 0, size));
        before = before.checked_add(size).ok_or(NONSENSE)?;
        start = length;
    }
    Ok(Joined::new(zones))
}
