//! [`Lost`]: what the loaders of a round died of, which the next one leaves out.

use super::place::{DiskName, EntryName, Place, VolumeName};

/// A disk on which loaders died in as many volumes as this is left out as a whole: it may have 256.
const VOLUMES: usize = 3;

/// So many loaders may die at work on nothing before there is no menu any more: noise on a line must not keep a
/// machine from booting by what it does to a terminal.
const MENUS: usize = 2;

/// So many may die at all: a menu that dies while something is read is not to blame for all that is read.
const DEATHS: usize = 3;

/// The word for one of them.
const MENU: &str = "menu";

/// Places where loaders died.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost {
    places: Vec<Place>,
    menus: usize,
}

impl Lost {
    /// From the words on a command line; what can't be read is left out.
    pub(super) fn parse(words: impl IntoIterator<Item = String>) -> Lost {
        let mut lost = Lost::default();
        for word in words {
            match Place::parse(&word) {
                Some(place) => lost.add(place),
                None if word == MENU => lost.add_menu(),
                None => {}
            }
        }
        lost
    }

    /// The words for a command line.
    pub(super) fn print(&self) -> impl Iterator<Item = String> {
        let menus = std::iter::repeat_n(MENU.to_owned(), self.menus);
        self.places.iter().map(Place::print).chain(menus)
    }

    /// A loader died there.
    pub(super) fn add(&mut self, place: Place) {
        self.places.push(place);
    }

    /// A loader died that was at work on nothing: it may have been its menu.
    pub(super) fn add_menu(&mut self) {
        self.menus = self.menus.saturating_add(1);
    }

    /// Is there no menu?
    pub(super) fn menu(&self) -> bool {
        self.menus >= MENUS || self.menus.saturating_add(self.places.len()) >= DEATHS
    }

    /// Is this disk left out?
    pub(super) fn disk(&self, disk: &DiskName) -> bool {
        let volumes = self.places.iter().filter(|place| match place {
            Place::Volume(volume) => volume.disk == *disk,
            _ => false,
        });
        volumes.count() >= VOLUMES || self.places.contains(&Place::Disk(disk.clone()))
    }

    /// Is this volume left out?
    pub(super) fn volume(&self, volume: &VolumeName) -> bool {
        self.disk(&volume.disk) || self.places.contains(&Place::Volume(volume.clone()))
    }

    /// Is this entry left out?
    pub(super) fn entry(&self, entry: &EntryName) -> bool {
        self.volume(&entry.volume) || self.places.contains(&Place::Entry(entry.clone()))
    }

    /// Has a loader died of anything on this disk? Then the others come first.
    pub(super) fn suspects(&self, disk: &DiskName) -> bool {
        self.places.iter().any(|place| place.disk() == Some(disk))
    }

    /// Is what the firmware remembers left out?
    pub(super) fn firmware(&self) -> bool {
        self.places.contains(&Place::Firmware)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(sequence: u64) -> DiskName {
        DiskName {
            path: "/dev/sda".to_owned(),
            sequence: Some(sequence),
        }
    }

    fn volume(number: u32) -> VolumeName {
        VolumeName {
            disk: disk(1),
            inside: (number == 9).then(|| "md/a b".to_owned()),
            partition: Some(number),
            offset: u64::from(number) << 20,
        }
    }

    fn entry(nth: u32) -> EntryName {
        EntryName {
            volume: volume(9),
            path: "/boot/grub/grub.cfg".to_owned(),
            line: Some(7),
            nth,
        }
    }

    #[test]
    fn only_what_was_lost_is_left_out() {
        let mut lost = Lost::default();
        lost.add(Place::Entry(entry(1)));
        assert!(lost.entry(&entry(1)) && !lost.entry(&entry(0)));
        assert!(!lost.volume(&volume(9)) && !lost.disk(&disk(1)));
        lost.add(Place::Volume(volume(9)));
        assert!(lost.entry(&entry(0)) && lost.volume(&volume(9)));
        assert!(!lost.volume(&volume(8)) && !lost.disk(&disk(1)));
        lost.add(Place::Disk(disk(1)));
        assert!(lost.volume(&volume(8)) && lost.disk(&disk(1)));
    }

    #[test]
    fn another_medium_in_the_same_socket_is_not_blamed() {
        let mut lost = Lost::default();
        lost.add(Place::Disk(disk(1)));
        assert!(!lost.disk(&disk(2)));
        assert!(lost.suspects(&disk(1)) && !lost.suspects(&disk(2)));
    }

    #[test]
    fn a_disk_of_bad_volumes_goes_as_a_whole() {
        let mut lost = Lost::default();
        for number in [1, 2] {
            lost.add(Place::Volume(volume(number)));
        }
        assert!(!lost.disk(&disk(1)));
        lost.add(Place::Volume(volume(3)));
        assert!(lost.disk(&disk(1)) && !lost.disk(&disk(2)));
    }

    #[test]
    fn the_next_loader_is_told_all_of_it() {
        let mut lost = Lost::default();
        lost.add(Place::Entry(entry(1)));
        lost.add(Place::Disk(disk(1)));
        assert!(!lost.firmware());
        lost.add(Place::Firmware);
        let words = lost.print().chain(["nonsense".to_owned()]);
        let parsed = Lost::parse(words);
        assert_eq!(parsed.places, lost.places);
        assert!(parsed.firmware());
        let mut lost = Lost::default();
        lost.add_menu();
        assert!(!Lost::parse(lost.print()).menu());
        lost.add_menu();
        assert!(Lost::parse(lost.print()).menu());
    }

    #[test]
    fn a_menu_may_die_beside_anything() {
        let mut lost = Lost::default();
        for number in [1, 2] {
            lost.add(Place::Volume(volume(number)));
            assert!(!lost.menu());
        }
        lost.add(Place::Disk(disk(2)));
        assert!(lost.menu());
    }
}
