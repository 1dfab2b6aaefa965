//! [`Profile`]: the sections of an image as one of its variants sees them.

use crate::pe::{Image, Section};

/// More profiles in one image are not looked at; systemd-boot has the same limit.
pub(super) const MAX_PROFILES: usize = 256;

/// One variant of a unified kernel image: the sections behind its `.profile`, and those in front of the
/// first `.profile`, which all variants share. An image without `.profile` is one variant.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    base: &'a [Section],
    own: &'a [Section],
}

impl<'a> Profile<'a> {
    /// The profiles of an image, at least one.
    pub fn all(image: &'a Image) -> impl Iterator<Item = Profile<'a>> {
        let mut parts = image
            .sections
            .chunk_by(|_, next| next.name != ".profile")
            .peekable();
        let starts = |part: &&'a [Section]| part.first().is_some_and(|s| s.name == ".profile");
        let base = parts.next_if(|part| !starts(part)).unwrap_or_default();
        let alone = parts.peek().is_none().then_some(&[][..]);
        let profiles = alone.into_iter().chain(parts.take(MAX_PROFILES));
        profiles.map(move |own| Profile { base, own })
    }

    /// Are there more than those?
    pub fn has_more(image: &Image) -> bool {
        let names = image.sections.iter().map(|section| section.name.as_str());
        names.filter(|name| *name == ".profile").count() > MAX_PROFILES
    }

    /// How many sections it has, with the shared ones.
    pub fn sections(&self) -> usize {
        self.own.len().saturating_add(self.base.len())
    }

    /// The section of this name: of the profile itself, otherwise the shared one. Of several the first.
    pub fn section(&self, name: &str) -> Option<&'a Section> {
        let mut sections = self.own.iter().chain(self.base);
        sections.find(|section| section.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::Machine;

    fn image(names: &[&str]) -> Image {
        let sections = names.iter().zip(0..).map(|(name, start)| Section {
            name: (*name).to_owned(),
            content: start..start + 1,
        });
        Image {
            machine: Machine(0x8664),
            sections: sections.collect(),
            certificates: None,
        }
    }

    fn starts(names: &[&str], wanted: &str) -> Vec<Option<u64>> {
        let image = image(names);
        let profiles = Profile::all(&image);
        profiles
            .map(|profile| profile.section(wanted).map(|s| s.content.start))
            .collect()
    }

    #[test]
    fn own_sections_come_before_shared_ones() {
        let one = [".linux", ".cmdline", ".cmdline"];
        assert_eq!(starts(&one, ".cmdline"), [Some(1)]);
        assert_eq!(starts(&one, ".initrd"), [None]);
        let two = [
            ".linux", ".cmdline", ".profile", ".profile", ".cmdline", ".initrd",
        ];
        assert_eq!(starts(&two, ".cmdline"), [Some(1), Some(4)]);
        assert_eq!(starts(&two, ".initrd"), [None, Some(5)]);
        assert_eq!(starts(&two, ".profile"), [Some(2), Some(3)]);
        assert_eq!(starts(&[".profile"], ".profile"), [Some(0)]);
        assert_eq!(starts(&[], ".linux"), [None]);
        assert_eq!(starts(&[".profile"; 300], ".profile").len(), MAX_PROFILES);
        assert!(Profile::has_more(&image(&[".profile"; 257])));
        assert!(!Profile::has_more(&image(&[".profile"; 256])));
    }
}
