//! Logical volumes: from what the metadata say to their bytes.

use std::sync::Arc;

use super::group::{Area, Kind, Logical, Segment, VolumeGroup};
use super::leg::{self, Leg};
use crate::disk::mirror::Mirror;
use crate::disk::striped::Striped;
use crate::disk::{Joined, Section, Source};

/// Logical volumes that stand on each other: an image of a mirror, and one more.
const MAX_DEPTH: usize = 4;
/// Pieces of all volumes of a group, each with a stripe for every disk.
const MAX_PIECES: usize = 65_536;

/// Makes the logical volumes of one group.
pub(super) struct Builder<'a> {
    group: &'a VolumeGroup,
    /// Physical volumes in the order of the group, as far as they are there.
    physical: Vec<Option<Source>>,
    pieces: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(group: &'a VolumeGroup, physical: Vec<Option<Source>>) -> Builder<'a> {
        Builder {
            group,
            physical,
            pieces: 0,
        }
    }

    /// The bytes of a logical volume.
    ///
    /// # Errors
    /// Why it can't be read, in words.
    pub(super) fn build(&mut self, volume: &Logical) -> Result<Source, String> {
        self.volume(volume, 0)
    }

    fn volume(&mut self, volume: &Logical, depth: usize) -> Result<Source, String> {
        if let Some(reason) = volume.hindrance {
            return Err(reason.to_owned());
        }
        let mut parts = Vec::new();
        let mut next = 0_u64;
        for segment in &volume.segments {
            if segment.first != next {
                return Err(format!("extent {next} is described nowhere, or twice"));
            }
            let end = segment.first.checked_add(segment.extents);
            next = end.ok_or("it is longer than anything can be")?;
            parts.push(self.segment(segment, depth)?);
        }
        Ok(Arc::new(Joined::new(parts)))
    }

    fn segment(&mut self, segment: &Segment, depth: usize) -> Result<Section, String> {
        let size = self.bytes(segment.extents)?;
        let whole: Source = match &segment.kind {
            Kind::Striped { areas, chunk } => return self.striped(areas, *chunk, segment, depth),
            Kind::Raid1(images) => {
                let (legs, in_step) = self.legs(images, segment.extents, depth)?;
                let one = if in_step { legs.len() } else { 1 };
                Arc::new(Mirror::new(legs.into_iter().take(one).collect(), size))
            }
            Kind::Mirror(areas) => {
                // Which of the others are in step is known to nobody but the driver.
                let first = areas.first().ok_or("it has no images")?;
                return self.area(first, segment.extents, depth);
            }
            Kind::Zero => Joined::zeros(size),
            Kind::Other(kind) => return Err(format!("volumes of the kind `{kind}` are not read")),
        };
        Ok(Section::new(whole, 0, size))
    }

    fn striped(
        &mut self,
        areas: &[Area],
        chunk: u64,
        segment: &Segment,
        depth: usize,
    ) -> Result<Section, String> {
        if let [area] = areas {
            return self.area(area, segment.extents, depth);
        }
        const UNEVEN: &str = "its stripes are not of equal length";
        let count = areas.len() as u64;
        if segment.extents.checked_rem(count) != Some(0) {
            return Err(UNEVEN.to_owned());
        }
        let each = segment.extents.checked_div(count).unwrap_or_default();
        let mut parts = Vec::with_capacity(areas.len());
        for area in areas {
            let part: Source = Arc::new(self.area(area, each, depth)?);
            parts.push(Some(part));
        }
        let size = self.bytes(segment.extents)?;
        let is_even = self.bytes(each)?.checked_rem(chunk) == Some(0);
        let striped = Striped::new(parts, chunk, 1, size).filter(|_| is_even);
        let striped: Source = Arc::new(striped.ok_or(UNEVEN)?);
        Ok(Section::new(striped, 0, size))
    }

    /// Some extents from a place on.
    fn area(&mut self, area: &Area, extents: u64, depth: usize) -> Result<Section, String> {
        let name = area.volume.as_str();
        self.pieces = self.pieces.saturating_add(1);
        if self.pieces > MAX_PIECES {
            return Err(format!("its group has over {MAX_PIECES} pieces"));
        }
        let mut known = self.group.physical.iter().zip(&self.physical);
        let (whole, start) = match known.find(|((known, _), _)| known == name) {
            Some(((_, physical), source)) => {
                let end = area.first.checked_add(extents);
                if end.is_none_or(|end| end > physical.extents) {
                    return Err(format!("it reaches over the end of {}", physical.id));
                }
                let source = source.as_ref().ok_or_else(|| match physical.missing {
                    true => format!(
                        "physical volume {} was away when the group was changed",
                        physical.id
                    ),
                    false => format!("physical volume {} is missing", physical.id),
                })?;
                (source.clone(), physical.start)
            }
            None => (self.inner(name, depth)?, 0),
        };
        let start = self.bytes(area.first)?.checked_add(start);
        let size = self.bytes(extents)?;
        let end = start.and_then(|start| start.checked_add(size));
        match start.zip(end) {
            Some((start, end)) if end <= whole.size() => Ok(Section::new(whole, start, size)),
            _ => Err(format!("it reaches over the end of {name}")),
        }
    }

    fn inner(&mut self, name: &str, depth: usize) -> Result<Source, String> {
        let depth = depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err("too many volumes stand on each other".to_owned());
        }
        let group = self.group;
        let inner = group.find(name);
        let inner = inner.ok_or_else(|| format!("volume {name} is missing in its group"))?;
        self.volume(inner, depth)
    }

    /// The legs of a mirror that hold what was written last, and whether all of them hold the same.
    fn legs(
        &mut self,
        images: &[(String, String)],
        extents: u64,
        depth: usize,
    ) -> Result<(Vec<Source>, bool), String> {
        let size = self.bytes(extents)?;
        let mut legs = Vec::new();
        let mut problem = None;
        for (position, (state, content)) in (0..).zip(images) {
            let leg = self.inner(state, depth).and_then(|state| {
                let content = self.inner(content, depth)?;
                match content.size() >= size {
                    true => Leg::read(position, state.as_ref(), content),
                    false => Err("an image is too short".to_owned()),
                }
            });
            match leg {
                Ok(leg) => legs.push(leg),
                Err(reason) => problem = problem.or(Some(reason)),
            }
        }
        leg::in_step(legs)
            .ok_or_else(|| problem.unwrap_or_else(|| "no image is in step".to_owned()))
    }

    fn bytes(&self, extents: u64) -> Result<u64, String> {
        let bytes = extents.checked_mul(self.group.extent);
        bytes.ok_or_else(|| "it is longer than anything can be".to_owned())
    }
}
