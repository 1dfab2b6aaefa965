//! [`Settings`]: the policy in the flash, with what is set from outside of it.

use std::path::Path;

use super::mounts;
use crate::efi::{Efivarfs, Variables};
use crate::entry::VolumeId;
use crate::inventory::Inventory;
use crate::ipmi::{BootFlags, Device, IpmiError};
use crate::policy::overrides::{MAX_SIZE, Machine, Source, Told, lines};
use crate::policy::{self, Policy};
use crate::text::Printable;

/// The policy in the flash, and what sources say that it listens to.
pub(super) struct Settings {
    base: Policy,
    told: Vec<Told>,
    /// Where the file on a volume was found.
    file: Seen,
    /// What the management controller wants, until an attempt is made.
    flags: Option<BootFlags>,
}

/// Where a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Nowhere yet.
    Nowhere,
    /// On a disk that anybody may plug in: one on a disk that comes later, and stays, counts more.
    Removable,
    /// On a disk that stays; or there is none to look for.
    Fixed,
}

impl Settings {
    /// What process 1 goes by: it asks neither firmware nor disks. Says what was set, and what could not be.
    pub(super) fn early(say: &mut dyn FnMut(&str)) -> Settings {
        let (base, complaint) = Policy::read_or_closed(policy::PATH.as_ref());
        if let Some(complaint) = complaint {
            say(&complaint);
        }
        let mut early = base.overrides.clone();
        early.allow.retain(|source| !source.is_late());
        let told = Machine::new(Path::new("/"), None).ask(&early);
        let settings = Settings {
            base,
            told,
            file: Seen::Fixed,
            flags: None,
        };
        settings.say(false, say);
        settings
    }

    /// What the loader goes by, without the firmware where a loader has died of that. Process 1 has said what it has
    /// read, too.
    pub(super) fn all(is_lost: bool) -> Settings {
        let (base, _) = Policy::read_or_closed(policy::PATH.as_ref());
        let allow = &base.overrides.allow;
        let is_asked = |source| allow.contains(&source) && !is_lost;
        let variables = match is_asked(Source::Efi) {
            true => variables(),
            false => None,
        };
        let variables = variables.as_ref().map(|found| found as &dyn Variables);
        let flags = match is_asked(Source::Ipmi) {
            true => flags().map_err(|error| error.to_string()).transpose(),
            false => None,
        };
        let machine = Machine::new(Path::new("/"), variables).flagged(flags.clone());
        let settings = Settings {
            told: machine.ask(&base.overrides),
            file: match base.overrides.file {
                Some(_) => Seen::Nowhere,
                None => Seen::Fixed,
            },
            flags: flags.and_then(Result::ok),
            base,
        };
        settings.say(true, &mut |text| log::info!("{text}"));
        settings
    }

    /// The policy as it is now.
    pub(super) fn policy(&self) -> Policy {
        self.base.overridden(&self.told).policy
    }

    /// The keys that sources have set that are read late, or early.
    pub(super) fn set(&self, late: bool) -> Vec<(&'static str, Source)> {
        let set = self.base.overridden(&self.told).set.into_iter();
        set.filter(|(_, source)| source.is_late() == late).collect()
    }

    /// Those that the file on a volume has set.
    pub(super) fn set_by_file(&self) -> Vec<(&'static str, Source)> {
        let set = self.set(true).into_iter();
        set.filter(|(_, source)| *source == Source::File).collect()
    }

    /// Takes away what is for one boot only: an attempt is about to be made.
    pub(super) fn consume(&mut self) {
        let Some(flags) = self.flags.take() else {
            return;
        };
        let consumed = match Device::open(Device::PATH.as_ref()) {
            Ok(Some(bmc)) => flags.consume(&bmc),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = consumed {
            log::warn!("boot flags for one boot stay, and count again: {error}");
        }
    }

    /// Looks for the file that the policy names: is there one, for the first time, or one that counts more?
    pub(super) fn look_for_file(&mut self, inventory: &Inventory) -> bool {
        if self.file == Seen::Fixed {
            return false;
        }
        let Some((seen, told)) = file(inventory, &self.base) else {
            return false;
        };
        if seen == self.file {
            return false;
        }
        self.file = seen;
        self.told.retain(|told| told.source != Source::File);
        self.told.extend(told);
        self.say(true, &mut |text| log::info!("{text}"));
        true
    }

    /// Says what sources have set that are read late, or early.
    fn say(&self, late: bool, say: &mut dyn FnMut(&str)) {
        for (key, source) in self.set(late) {
            say(&format!("policy: {key} is set by {}", source.name()));
        }
        for (source, problem) in self.base.overridden(&self.told).problems {
            if source.is_late() == late {
                say(&format!("policy: passed over: {}", Printable(&problem)));
            }
        }
    }
}

fn flags() -> Result<Option<BootFlags>, IpmiError> {
    match Device::open(Device::PATH.as_ref())? {
        Some(bmc) => BootFlags::read(&bmc),
        None => Ok(None),
    }
}

fn variables() -> Option<Efivarfs> {
    if let Err(error) = mounts::mount_efivars() {
        log::warn!("{error}");
    }
    Efivarfs::open(Efivarfs::DIRECTORY.as_ref())
}

/// What the file says that the policy names: on the first volume that is called so and has one, on a disk that
/// stays before one that anybody may plug in. Who can name a volume so could set what the file may.
fn file(inventory: &Inventory, policy: &Policy) -> Option<(Seen, Vec<Told>)> {
    let (name, path) = policy.overrides.file.as_ref()?;
    let is_called = |uuid: &Option<String>, label: &Option<String>| {
        let uuid = uuid.as_ref();
        uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(name)) || label.as_ref() == Some(name)
    };
    let volumes = inventory.volumes();
    let volumes =
        volumes.filter(|(_, volume)| is_called(&volume.content.uuid, &volume.content.label));
    let texts = volumes.filter_map(|(id, _)| {
        let filesystem = inventory.filesystem(id).ok()?;
        Some((id, filesystem.read(path, MAX_SIZE).ok()?))
    });
    let texts: Vec<(VolumeId, Vec<u8>)> = texts.collect();
    let is_fixed = |(id, _): &&(VolumeId, Vec<u8>)| {
        let scanned = inventory.disk(*id);
        scanned.is_some_and(|scanned| !scanned.disk.is_removable())
    };
    let fixed = texts.iter().find(is_fixed);
    let seen = fixed.map_or(Seen::Removable, |_| Seen::Fixed);
    let (id, text) = fixed.or(texts.first())?;
    if texts.len() > 1 {
        let place = inventory.place(*id);
        log::warn!(
            "policy: several volumes are called {name:?}: the file {path} on {place} counts"
        );
    }
    Some((seen, lines(&String::from_utf8_lossy(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Hardware;
    use crate::fs::MemoryFilesystem;
    use std::time::Duration;

    fn settings() -> Settings {
        let base = Policy::parse(
            "[override]\nallow = [\"file\"]\nvolume = \"AB12\"\npath = \"/pilotlight.conf\"\n",
        );
        Settings {
            base: base.unwrap(),
            told: Vec::new(),
            file: Seen::Nowhere,
            flags: None,
        }
    }

    fn add(inventory: &mut Inventory, uuid: &str, file: &str, text: &str) {
        let filesystem = MemoryFilesystem::new().file(file, text);
        inventory.add_filesystem(uuid, Box::new(filesystem));
    }

    #[test]
    fn the_file_counts_where_the_policy_names_it() {
        let mut settings = settings();
        let mut inventory = Inventory::new();
        add(
            &mut inventory,
            "other",
            "/pilotlight.conf",
            "wait.disks=1\n",
        );
        add(&mut inventory, "ab12", "/other.conf", "wait.disks=2\n");
        assert!(!settings.look_for_file(&inventory));
        assert_eq!(settings.policy(), settings.base);
        let text = "wait.disks=3\nfailure.rounds=4\ntrust.mode=off\n";
        add(&mut inventory, "ab12", "/pilotlight.conf", text);
        assert!(settings.look_for_file(&inventory));
        let policy = settings.policy();
        assert_eq!(policy.wait.disks, Duration::from_secs(3));
        assert_eq!(policy.failure, settings.base.failure);
        // Disks that come later change nothing more.
        assert!(!settings.look_for_file(&inventory));
    }

    #[test]
    fn a_disk_that_stays_comes_before_a_stick() {
        let mut inventory = Inventory::new();
        let mut settings = settings();
        for (disk, seconds) in [3, 4, 5].into_iter().enumerate() {
            let text = format!("wait.disks={seconds}\n");
            add(&mut inventory, "ab12", "/pilotlight.conf", &text);
            let hardware = Hardware {
                removable: disk == 0,
                ..Hardware::default()
            };
            inventory.set_hardware(disk, hardware);
            // However late it comes, and none of those behind it.
            assert_eq!(settings.look_for_file(&inventory), disk < 2);
        }
        assert_eq!(settings.policy().wait.disks, Duration::from_secs(4));
        assert_eq!(settings.set_by_file().len(), 1);
    }
}
