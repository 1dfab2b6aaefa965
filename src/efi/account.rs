//! [`Account`]: what a boot loader tells the system that it starts.

use std::time::Duration;

use super::strings::encode;
use super::variables::{LOADER, VariableError, Variables};
use crate::fs::FsPath;

/// Who we are, in `LoaderInfo`.
const INFO: &str = concat!("pilotlight ", env!("CARGO_PKG_VERSION"));

/// Bits of `LoaderFeatures`: what of the interface we do. Their numbers are systemd's
/// (`src/fundamental/efivars-fundamental.h`).
///
/// Which menu may be shown is decided by policy alone: the bit of `menu-disabled` would promise what is not there.
const FEATURES: [u32; 8] = [
    2,  // default entry
    3,  // entry for one boot
    5,  // XBOOTLDR
    8,  // sort-key
    9,  // @saved
    14, // profiles of unified kernel images
    16, // the key `uki`
    19, // preferred entry
];

/// The time that a menu waits, at every boot and at one, where the policy follows it.
const TIMEOUTS: [u32; 2] = [0, 1];

/// Automatic boot assessment, where boots are counted.
const BOOT_COUNTING: u32 = 4;

/// More than this of the list of entries is not written: firmware has little room.
const MAX_ENTRIES: usize = 8 * 1024;

/// What happened, for the system that is started now.
#[derive(Clone, Debug, Default)]
pub struct Account<'a> {
    /// Ids of the entries that could have been chosen, in the order of the menu.
    pub entries: Vec<&'a str>,
    /// Id of the one that is started.
    pub selected: &'a str,
    /// The file of a counted entry as it is named now, after its count was changed.
    pub counted: Option<&'a FsPath>,
    /// Unique GUID of the partition from which it is started.
    pub partition: Option<&'a str>,
    /// When the loader began to run and when it started the system, counted from the start of the flash kernel.
    pub times: Option<(Duration, Duration)>,
    /// Are boots counted?
    pub counting: bool,
    /// Does a menu wait as long as variables say?
    pub timeouts: bool,
    /// What becomes of the entry that is remembered for `@saved`.
    pub memory: Memory,
}

/// What becomes of the entry that is remembered for `@saved`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// It stays: what is started now was asked for once.
    #[default]
    Keep,
    /// The one that is started now takes its place.
    Remember,
    /// Nothing says `@saved`: none is remembered.
    Forget,
}

impl Memory {
    /// Writes the variable that remembers, if it has to change for `selected`.
    ///
    /// # Errors
    /// The variable can't be written.
    pub fn write(
        self,
        variables: &dyn Variables,
        selected: &str,
    ) -> Option<Result<(), VariableError>> {
        match self {
            Memory::Keep => None,
            Memory::Remember => Some(variables.write(LOADER, LAST_BOOTED, &encode(selected))),
            Memory::Forget => Some(variables.remove(LOADER, LAST_BOOTED)),
        }
    }
}

const LAST_BOOTED: &str = "LoaderEntryLastBooted";

impl Account<'_> {
    /// Writes it. A variable that says something of an earlier boot and nothing of this one is taken away.
    /// What could not be written is returned in words.
    pub fn write(&self, variables: &dyn Variables) -> Vec<String> {
        let features = FEATURES.iter().copied();
        let counting = self.counting.then_some(BOOT_COUNTING);
        let timeouts = TIMEOUTS.into_iter().filter(|_| self.timeouts);
        let features = features
            .chain(counting)
            .chain(timeouts)
            .fold(0_u64, |bits, bit| bits | 1_u64.wrapping_shl(bit));
        let text = |text: &str| Some(encode(text));
        // systemd reads decimal numbers of microseconds (systemd.io/BOOT_LOADER_INTERFACE).
        let time =
            |time: Option<Duration>| time.and_then(|time| text(&time.as_micros().to_string()));
        let (began, ended) = self.times.unzip();
        // In the spelling of the firmware.
        let counted = self.counted.map(|path| path.as_str().replace('/', "\\"));
        let values = [
            ("LoaderInfo", text(INFO)),
            ("LoaderFeatures", Some(features.to_le_bytes().to_vec())),
            ("LoaderEntries", Some(self.list())),
            ("LoaderEntrySelected", text(self.selected)),
            ("LoaderBootCountPath", counted.and_then(|path| text(&path))),
            ("LoaderDevicePartUUID", self.partition.and_then(text)),
            ("LoaderTimeInitUSec", time(began)),
            ("LoaderTimeExecUSec", time(ended)),
        ];
        let results = values.into_iter().map(|(name, value)| match value {
            Some(value) => variables.write(LOADER, name, &value),
            None => variables.remove(LOADER, name),
        });
        let results = results.chain(self.memory.write(variables, self.selected));
        results
            .filter_map(|result| result.err().map(|error| error.to_string()))
            .collect()
    }

    /// The ids, each with its NUL. Only what systemd takes for an id: other names would make it refuse the
    /// whole list.
    fn list(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for id in self.entries.iter().filter(|id| is_id(id)) {
            let id = encode(id);
            if list.len().saturating_add(id.len()) > MAX_ENTRIES {
                break;
            }
            list.extend(id);
        }
        list
    }
}

/// Letters, digits and `+-_.@` (`efi_loader_entry_name_valid` in systemd's `src/shared/efi-loader.c`).
fn is_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-_.@".contains(c);
    !id.is_empty() && id != "." && id != ".." && id.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::MemoryVariables;

    fn text(variables: &MemoryVariables, name: &str) -> Option<String> {
        let value = variables.read(LOADER, name).unwrap()?;
        crate::efi::strings::decode(&value)
    }

    #[test]
    fn what_systemd_reads() {
        let path = FsPath::new("/loader/entries/a+2-1.conf").unwrap();
        let account = Account {
            entries: vec!["a.conf", "advanced>b", "c.conf"],
            selected: "a.conf",
            counted: Some(&path),
            partition: Some("0f0c1a9e-0000-4000-8000-000000000001"),
            times: Some((
                Duration::from_millis(1500),
                Duration::from_micros(2_000_001),
            )),
            counting: true,
            timeouts: true,
            memory: Memory::Remember,
        };
        let variables = MemoryVariables::new();
        assert_eq!(account.write(&variables), [""; 0]);
        let is = |name: &str, expected: &str| {
            assert_eq!(text(&variables, name).as_deref(), Some(expected), "{name}");
        };
        is("LoaderInfo", INFO);
        is("LoaderEntrySelected", "a.conf");
        is("LoaderEntryLastBooted", "a.conf");
        is("LoaderBootCountPath", "\\loader\\entries\\a+2-1.conf");
        is(
            "LoaderDevicePartUUID",
            "0f0c1a9e-0000-4000-8000-000000000001",
        );
        is("LoaderTimeInitUSec", "1500000");
        is("LoaderTimeExecUSec", "2000001");
        let list = variables.read(LOADER, "LoaderEntries").unwrap().unwrap();
        assert_eq!(list, [encode("a.conf"), encode("c.conf")].concat());
        let features = variables.read(LOADER, "LoaderFeatures").unwrap().unwrap();
        assert_eq!(features, 0x9_433f_u64.to_le_bytes());
    }

    #[test]
    fn nothing_is_left_of_the_boot_before() {
        let variables = MemoryVariables::new();
        let path = FsPath::new("/a+1.conf").unwrap();
        let before = Account {
            selected: "a.conf",
            counted: Some(&path),
            partition: Some("x"),
            times: Some((Duration::ZERO, Duration::ZERO)),
            memory: Memory::Remember,
            ..Account::default()
        };
        before.write(&variables);
        let now = Account {
            selected: "b",
            ..Account::default()
        };
        now.write(&variables);
        let last = text(&variables, "LoaderEntryLastBooted");
        assert_eq!(last.as_deref(), Some("a.conf"));
        let now = Account {
            memory: Memory::Forget,
            ..now
        };
        now.write(&variables);
        assert_eq!(
            variables.names(),
            [
                "LoaderEntries",
                "LoaderEntrySelected",
                "LoaderFeatures",
                "LoaderInfo"
            ]
        );
    }

    #[test]
    fn the_list_has_an_end_and_failures_are_said() {
        let id = "x".repeat(1000);
        let account = Account {
            entries: vec![&id; 100],
            ..Account::default()
        };
        assert_eq!(account.list().len(), 4 * 2002);
        let problems = account.write(&MemoryVariables::new().read_only());
        assert_eq!(problems.len(), 8, "{problems:?}");
    }
}
