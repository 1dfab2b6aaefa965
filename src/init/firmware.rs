//! The machine's UEFI variables, or a file that stands in for them, as far as the policy lets us use them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::mounts;
use super::place::Place;
use super::report::{LEFT_OUT, Report};
use super::stand_in::StandIn;
use crate::boot::is_one_shot;
use crate::config::Found;
use crate::efi::{Account, Efivarfs, Memory, SAVED, VariableError, Variables, Wishes};
use crate::entry::{BootEntry, EntrySource, VolumeId};
use crate::fs::FsPath;
use crate::inventory::Inventory;
use crate::policy::{Counting, Efi, Policy, VariableAccess};
use crate::text::Printable;

/// The variables, and what they wished for when the loader began.
pub(super) struct Firmware {
    variables: Option<Box<dyn Variables>>,
    /// What is there instead.
    stand_in: Option<StandIn>,
    may_stand_in: bool,
    writable: bool,
    wishes: Wishes,
    /// When that was.
    began: Duration,
    /// Firmware that hangs is to blame itself, and no entry and no disk.
    report: Arc<Report>,
}

impl Firmware {
    /// Reads what is wished for, as far as policy says, unless a loader has died of that. What can't be read is
    /// logged.
    pub(super) fn open(policy: &Efi, report: Arc<Report>, is_lost: bool) -> Firmware {
        let variables = match policy.variables {
            VariableAccess::None => None,
            _ if is_lost => {
                log::warn!("UEFI variables: left out: {LEFT_OUT}");
                // Nothing stands in for what is there.
                return Firmware::of(None, &Efi::default(), report);
            }
            _ => match mounts::mount_efivars() {
                Ok(()) => Efivarfs::open(Path::new(Efivarfs::DIRECTORY)),
                Err(error) => {
                    log::warn!("{error}");
                    None
                }
            },
        };
        let variables = variables.map(|found| -> Box<dyn Variables> { Box::new(found) });
        Firmware::of(variables, policy, report)
    }

    fn of(variables: Option<Box<dyn Variables>>, policy: &Efi, report: Arc<Report>) -> Firmware {
        let read = variables.as_ref().map(|v| Wishes::read(v.as_ref()));
        let (wishes, problems) = read.unwrap_or_default();
        warn(problems);
        let writable = variables.as_ref().is_some_and(|v| v.writable());
        Firmware {
            may_stand_in: variables.is_none() && policy.stand_in,
            variables,
            stand_in: None,
            writable: writable && policy.variables >= VariableAccess::Write,
            wishes,
            began: now(),
            report,
        }
    }

    /// Looks for a file that stands in for the variables, where policy says that one may: is there a new one?
    pub(super) fn look_for_file(&mut self, inventory: &Inventory) -> bool {
        if !self.may_stand_in || self.stand_in.is_some() {
            return false;
        }
        let Some(found) = StandIn::find(inventory) else {
            return false;
        };
        let (wishes, problems) = Wishes::read(&found);
        warn(problems);
        self.wishes = wishes;
        self.stand_in = Some(found);
        true
    }

    /// What is wished for. What is for one boot only counts where it can be taken away: it would come again at
    /// every boot otherwise.
    pub(super) fn wishes(&self) -> Wishes {
        let mut wishes = self.wishes.clone();
        if self.writable || self.stand_in.is_some() {
            return wishes;
        }
        wishes.timeout_once = None;
        if let Some(entry) = wishes.one_shot.take() {
            let entry = Printable(&entry);
            log::warn!(
                "{entry}, wished for one boot, is passed over: UEFI variables are not written"
            );
        }
        wishes
    }

    /// Can what is started confirm that it is good?
    pub(super) fn can_confirm(&self) -> bool {
        self.writable
    }

    /// Wishes for an entry at the next boot, in the place of what was wished for this one.
    ///
    /// # Errors
    /// In words: the variable can't be written.
    pub(super) fn wish_once(&mut self, id: &str) -> Result<(), String> {
        self.wish(|variables| Wishes::set_one_shot(variables, id))?;
        // Not to be taken away by what is started now.
        self.wishes.one_shot = None;
        Ok(())
    }

    /// Wishes for an entry at every boot.
    ///
    /// # Errors
    /// In words: the variable can't be written.
    pub(super) fn wish_always(&self, id: &str) -> Result<(), String> {
        self.wish(|variables| Wishes::set_default(variables, id))
    }

    fn wish(
        &self,
        write: impl Fn(&dyn Variables) -> Result<(), VariableError>,
    ) -> Result<(), String> {
        let written = self.written(write);
        let written = written.ok_or("no UEFI variables are written here")?;
        written.map_err(|error| error.to_string())
    }

    /// Takes away what is wished for one boot only: an attempt is about to be made.
    pub(super) fn consume(&mut self, inventory: &Inventory) {
        if self.wishes.one_shot.is_none() && self.wishes.timeout_once.is_none() {
            return;
        }
        warn(self.written(|v| self.wishes.consume(v)).unwrap_or_default());
        if let Some(file) = &self.stand_in {
            warn(self.wishes.consume(file));
            file.store(inventory);
        }
        self.wishes.one_shot = None;
        self.wishes.timeout_once = None;
    }

    /// Tells the system in `entry` what has happened. `counted` is the file of the entry as it is named now, if
    /// its counter says that it is being tried.
    pub(super) fn tell(
        &self,
        inventory: &Inventory,
        found: &Found,
        entry: &BootEntry,
        counted: Option<&FsPath>,
        policy: &Policy,
    ) {
        let memory = memory(found, entry);
        if let Some(file) = &self.stand_in {
            // The system has no use for the rest.
            let _ = memory.write(file, &entry.id);
            file.store(inventory);
        }
        if !self.writable {
            return;
        }
        let entries = found.entries.iter().filter(|entry| entry.bootable());
        let account = Account {
            entries: entries.map(|entry| entry.id.as_str()).collect(),
            selected: &entry.id,
            counted,
            partition: partition(inventory, entry.origin.file.volume),
            times: Some((self.began, now())),
            counting: policy.boot.count != Counting::Never,
            timeouts: policy.menu.follow_configuration,
            memory,
        };
        warn(self.written(|v| account.write(v)).unwrap_or_default());
    }

    /// Does `write`, where something may be written.
    pub(super) fn written<T>(&self, write: impl FnOnce(&dyn Variables) -> T) -> Option<T> {
        let variables = self.variables.as_deref().filter(|_| self.writable)?;
        Some(self.during(|| write(variables)))
    }

    /// Does what may hang as firmware does.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.report.during(Place::Firmware, work)
    }

    /// Something like firmware is still being waited for, which has an end.
    pub(super) fn waits(&self) {
        self.report.alive(0);
    }
}

fn warn(problems: Vec<String>) {
    for problem in problems {
        log::warn!("{}", Printable(&problem));
    }
}

/// The time since the flash kernel has started: what the firmware took before is known to nobody here.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// The partition from which the system thinks that it was started: its disk is where it looks for others of its
/// own. That is the EFI system partition of the disk that `volume` is on, as it would be for a boot loader that
/// is installed there, otherwise the one that holds the entry. Only GPT has such names.
fn partition(inventory: &Inventory, volume: VolumeId) -> Option<&str> {
    let guid = |id: VolumeId| {
        let partition = inventory.volume(id)?.partition.as_ref()?;
        let uuid = partition.uuid.as_deref()?;
        (uuid.len() == 36).then_some((partition, uuid))
    };
    let mut esps = inventory
        .volumes_of(volume.disk)
        .filter_map(|(id, _)| guid(id));
    let esp = esps.find(|(partition, _)| partition.is_esp());
    esp.or_else(|| guid(volume)).map(|(_, uuid)| uuid)
}

/// As systemd-boot does it (`save_selected_entry` in `src/boot/boot.c`): what was asked for once is not
/// remembered, and a memory that nothing asks for is given up.
fn memory(found: &Found, entry: &BootEntry) -> Memory {
    if is_one_shot(found, entry) {
        return Memory::Keep;
    }
    let mut confs = found.configurations.iter();
    let in_file = confs.any(|configuration| {
        configuration.source == EntrySource::Bls && configuration.wanted.as_deref() == Some(SAVED)
    });
    match found.wishes.want_saved() || in_file {
        true => Memory::Remember,
        false => Memory::Forget,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use crate::config::Configuration;
    use crate::efi::{LOADER, MemoryVariables};
    use crate::fs::MemoryFilesystem;

    /// Variables that are looked at after the boot.
    struct Shared(Rc<MemoryVariables>);

    impl Variables for Shared {
        fn read(&self, vendor: &str, name: &str) -> Result<Option<Vec<u8>>, VariableError> {
            self.0.read(vendor, name)
        }
        fn write(&self, vendor: &str, name: &str, value: &[u8]) -> Result<(), VariableError> {
            self.0.write(vendor, name, value)
        }
        fn remove(&self, vendor: &str, name: &str) -> Result<(), VariableError> {
            self.0.remove(vendor, name)
        }
        fn writable(&self) -> bool {
            self.0.writable()
        }
    }

    fn utf16(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().chain([0]);
        units.flat_map(u16::to_le_bytes).collect()
    }

    fn store(values: &[(&str, &str)]) -> Rc<MemoryVariables> {
        let variables = MemoryVariables::new();
        for (name, value) in values {
            variables.write(LOADER, name, &utf16(value)).unwrap();
        }
        Rc::new(variables)
    }

    fn firmware(store: &Rc<MemoryVariables>, access: VariableAccess) -> Firmware {
        let policy = Efi {
            variables: access,
            ..Efi::default()
        };
        let report = Arc::new(Report::new(None));
        Firmware::of(Some(Box::new(Shared(store.clone()))), &policy, report)
    }

    /// One volume with two entries, the first of which is the default.
    fn machine(wishes: Wishes, wanted: Option<&str>) -> (Inventory, Found) {
        let mut inventory = Inventory::new();
        inventory.add_filesystem("uuid", Box::new(MemoryFilesystem::new()));
        let mut entries = vec![
            BootEntry::on_disk(0, "a.conf"),
            BootEntry::on_disk(0, "b.conf"),
        ];
        entries[1].also_called = vec!["image.efi@x".to_owned()];
        let file = entries[0].origin.file.clone();
        let configuration = Configuration {
            wanted: wanted.map(str::to_owned),
            ..Configuration::new(EntrySource::Bls, file, 0..2, &entries)
        };
        let found = Found {
            entries,
            configurations: vec![configuration],
            wishes,
            ..Found::default()
        };
        (inventory, found)
    }

    /// Boots the entry with this number; what is remembered then.
    fn remembered(values: &[(&str, &str)], wanted: Option<&str>, number: usize) -> Option<String> {
        let store = store(values);
        let mut firmware = firmware(&store, VariableAccess::Write);
        let (inventory, found) = machine(firmware.wishes(), wanted);
        firmware.consume(&inventory);
        firmware.tell(
            &inventory,
            &found,
            &found.entries[number],
            None,
            &Policy::default(),
        );
        let selected = store.read(LOADER, "LoaderEntrySelected").unwrap();
        assert_eq!(selected, Some(utf16(&found.entries[number].id)));
        assert!(!store.names().contains(&"LoaderEntryOneShot".to_owned()));
        Wishes::read(store.as_ref()).0.last_booted
    }

    #[test]
    fn what_was_started_is_remembered_where_somebody_asks() {
        let last = ("LoaderEntryLastBooted", "x.conf");
        let saved = ("LoaderEntryDefault", "@saved");
        let once = ("LoaderEntryOneShot", "b.conf");
        let is = |id: &str| Some(id.to_owned());
        assert_eq!(remembered(&[last], None, 0), None);
        assert_eq!(remembered(&[last, saved], None, 0), is("a.conf"));
        assert_eq!(remembered(&[last], Some("@saved"), 0), is("a.conf"));
        assert_eq!(remembered(&[last, saved, once], None, 1), is("x.conf"));
        assert_eq!(remembered(&[last, saved, once], None, 0), is("a.conf"));
        // However it was wished for.
        for wish in ["b*", "B", "image.efi@x", "[!a]*.conf"] {
            let once = ("LoaderEntryOneShot", wish);
            assert_eq!(
                remembered(&[last, saved, once], None, 1),
                is("x.conf"),
                "{wish}"
            );
            assert_eq!(
                remembered(&[last, saved, once], None, 0),
                is("a.conf"),
                "{wish}"
            );
        }
    }

    #[test]
    fn policy_says_what_is_done() {
        let store = store(&[
            ("LoaderEntryOneShot", "b.conf"),
            ("LoaderEntryDefault", "b.conf"),
        ]);
        let names = store.names();
        let example = crate::policy::examples::example("nothing is written to them");
        let access = Policy::parse(example).unwrap().efi.variables;
        let mut firmware = firmware(&store, access);
        // What could not be taken away is not followed.
        assert_eq!(firmware.wishes().one_shot, None);
        assert_eq!(firmware.wishes().default.as_deref(), Some("b.conf"));
        assert!(!firmware.can_confirm());
        let (inventory, found) = machine(firmware.wishes(), None);
        firmware.consume(&inventory);
        firmware.tell(
            &inventory,
            &found,
            &found.entries[0],
            None,
            &Policy::default(),
        );
        assert_eq!(store.names(), names);
        let none = Efi {
            variables: VariableAccess::None,
            stand_in: true,
        };
        let stand_in = Efi {
            stand_in: true,
            ..Efi::default()
        };
        for (policy, is_lost) in [(none, false), (stand_in, true)] {
            let report = Arc::new(Report::new(None));
            let nothing = Firmware::open(&policy, report, is_lost);
            assert_eq!(nothing.wishes(), Wishes::default());
            assert!(!nothing.can_confirm());
            assert_eq!(nothing.may_stand_in, !is_lost);
        }
    }

    #[test]
    fn a_person_wishes_for_the_next_boot_and_not_for_this_one() {
        let store = store(&[("LoaderEntryOneShot", "a.conf")]);
        let mut firmware = firmware(&store, VariableAccess::Write);
        let (inventory, _) = machine(firmware.wishes(), None);
        firmware.wish_once("b.conf").unwrap();
        firmware.wish_always("c.conf").unwrap();
        firmware.consume(&inventory);
        let (wishes, _) = Wishes::read(store.as_ref());
        assert_eq!(wishes.one_shot.as_deref(), Some("b.conf"));
        assert_eq!(wishes.default.as_deref(), Some("c.conf"));
        let mut reads = self::firmware(&store, VariableAccess::Read);
        assert!(reads.wish_once("x").is_err() && reads.wish_always("x").is_err());
    }

    #[test]
    fn without_an_esp_the_partition_of_the_entry_counts() {
        let mut inventory = Inventory::new();
        let filesystem = Box::new(MemoryFilesystem::new());
        let guid = "0f0c1a9e-0000-4000-8000-0000001";
        let id = inventory.add_filesystem(guid, filesystem);
        assert_eq!(partition(&inventory, id).unwrap(), format!("part-{guid}"));
        let filesystem = Box::new(MemoryFilesystem::new());
        let id = inventory.add_filesystem("short", filesystem);
        assert_eq!(partition(&inventory, id), None);
    }
}
