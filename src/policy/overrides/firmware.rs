//! [`Machine`]: what the kernel shows of the machine and its firmware.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::command_line::command_line;
use super::{MAX_SIZE, Overrides, Setting, Source, Told};
use crate::efi::{Variables, decode};
use crate::ipmi::{BootDevice, BootFlags};

/// Vendor of the UEFI variables that set values: `KEY-VENDOR`, each a text in UTF-16.
pub const VENDOR: &str = "46f6e889-4925-4165-87fa-2a6e6d7f1f21";

/// The command line of the running kernel.
const COMMAND_LINE: &str = "proc/cmdline";
/// What QEMU was given (`drivers/firmware/qemu_fw_cfg.c`).
const FW_CFG: &str = "sys/firmware/qemu_fw_cfg/by_name/opt/org.pilotlight";
/// Vital product data, what may be written in the field first (`drivers/firmware/google/vpd.c`). The kernel shows no
/// keys with other characters than letters, digits and `_`.
const VPD: [&str; 2] = ["sys/firmware/vpd/rw", "sys/firmware/vpd/ro"];

/// Where values are read.
pub struct Machine<'a> {
    root: PathBuf,
    variables: Option<&'a dyn Variables>,
    flags: Option<Result<BootFlags, String>>,
}

impl<'a> Machine<'a> {
    /// The one whose `/proc` and `/sys` are in `root`, with its UEFI variables, if it has any.
    pub fn new(root: &Path, variables: Option<&'a dyn Variables>) -> Machine<'a> {
        let root = root.to_owned();
        Machine {
            root,
            variables,
            flags: None,
        }
    }

    /// The same, with what its management controller wants, or why that is not known.
    #[must_use]
    pub fn flagged(self, flags: Option<Result<BootFlags, String>>) -> Machine<'a> {
        Machine { flags, ..self }
    }

    /// What the sources say that the policy listens to. A file on a volume is read by who knows volumes.
    pub fn ask(&self, overrides: &Overrides) -> Vec<Told> {
        let sources = overrides.allow.iter();
        sources.flat_map(|source| self.told_by(*source)).collect()
    }

    fn told_by(&self, source: Source) -> Vec<Told> {
        let each = |read: &dyn Fn(&str) -> Option<Result<String, String>>| {
            let told = Setting::all().filter_map(|setting| {
                let key = setting.key.to_owned();
                let value = read(&key)?;
                Some(Told { source, key, value })
            });
            told.collect()
        };
        match source {
            Source::CommandLine => match self.bytes(COMMAND_LINE.as_ref()) {
                // What others have in it may be no text.
                Some(Ok(bytes)) => command_line(&String::from_utf8_lossy(&bytes)),
                Some(Err(_)) | None => Vec::new(),
            },
            Source::FwCfg => each(&|key| self.read(&Path::new(FW_CFG).join(key).join("raw"))),
            Source::Vpd => each(&|key| {
                let name = format!("pilotlight_{}", key.replace('.', "_"));
                let mut places = VPD.iter();
                places.find_map(|place| self.read(&Path::new(place).join(&name)))
            }),
            Source::Efi => each(&|key| self.variable(key)),
            Source::Ipmi => self.flags.iter().flat_map(told_by_bmc).collect(),
            Source::File => Vec::new(),
        }
    }

    fn variable(&self, key: &str) -> Option<Result<String, String>> {
        let value = self.variables?.read(VENDOR, key);
        let value = value.map_err(|error| error.to_string()).transpose()?;
        Some(value.and_then(|value| decode(&value).ok_or_else(|| "holds no text".to_owned())))
    }

    /// The text of a file, without what stands at the end of a line or of a string in C; `None` if there is none.
    fn read(&self, path: &Path) -> Option<Result<String, String>> {
        let text = self.bytes(path)?.and_then(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| "holds no text".to_owned())?;
            Ok(text.trim_end_matches(['\n', '\0']).to_owned())
        });
        Some(text)
    }

    fn bytes(&self, path: &Path) -> Option<Result<Vec<u8>, String>> {
        let limit = u64::try_from(MAX_SIZE).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let read = File::open(self.root.join(path))
            .and_then(|file| file.take(limit).read_to_end(&mut bytes));
        match read {
            Ok(_) => Some(Ok(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(format!("can't be read: {error}"))),
        }
    }
}

/// What boot flags mean in our words. Who wants a setup gets the menu, for as long as can be set, whatever the policy
/// hides from others.
fn told_by_bmc(flags: &Result<BootFlags, String>) -> Vec<Told> {
    const MENU: [(&str, Result<&str, &str>); 2] =
        [("menu.timeout", Ok("3600")), ("menu.hidden", Ok("false"))];
    let prefer = |value| vec![("boot.prefer", value)];
    let told = match flags {
        Ok(flags) => match flags.device {
            BootDevice::Disk => prefer(Ok("fixed")),
            BootDevice::Removable => prefer(Ok("removable")),
            BootDevice::Setup => MENU.to_vec(),
            BootDevice::Network => prefer(Err("nothing is booted from a network")),
            BootDevice::Other(_) => prefer(Err("the boot flags name no device that is known")),
        },
        Err(why) => prefer(Err(why.as_str())),
    };
    let told = told.into_iter().map(|(key, value)| Told {
        source: Source::Ipmi,
        key: key.to_owned(),
        value: value.map(str::to_owned).map_err(str::to_owned),
    });
    told.collect()
}
