//! The keys of the machine: what its firmware and shim trust and revoke.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::signature_list::{MAX_VARIABLE, SignatureLists};
use crate::trust::anchor::Trusted;
use crate::trust::error::Problem;
use crate::trust::sbat::Level;

/// `EFI_GLOBAL_VARIABLE`, `EFI_IMAGE_SECURITY_DATABASE_GUID` of the firmware, and `SHIM_LOCK_GUID`.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const FIRMWARE: &str = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
const SHIM: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";

/// `EFI_VARIABLE_NON_VOLATILE` and `EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS`.
const LASTING: u8 = 0x01;
const AUTHENTICATED: u8 = 0x20;

/// Adds what the variables in a directory of efivarfs trust and revoke, and returns the level of SBAT. Variables
/// that are not there say nothing.
///
/// Whoever is root in an installed system can write variables. So `db` counts only where the firmware asks for a
/// signature to change it, which without a platform key it does not, and `MokListRT` only where it does not outlast a
/// boot, as shim makes it. What revokes counts in any case.
///
/// # Errors
/// [`PlatformError`]: what is revoked, or trusted, can't be known.
pub(in crate::trust) fn platform(
    directory: &Path,
    trusted: &mut Trusted,
) -> Result<Level, PlatformError> {
    let wrong = |name: &'static str| move |problem| PlatformError::Content(name, problem);
    for (name, vendor, needed, forbidden, anchor) in [
        ("db", FIRMWARE, AUTHENTICATED, 0, "UEFI db"),
        ("MokListRT", SHIM, 0, LASTING, "UEFI MokListRT"),
    ] {
        let Some(file) = read(directory, name, vendor)? else {
            continue;
        };
        let attributes = file.first().copied().unwrap_or_default();
        if attributes & needed != needed || attributes & forbidden != 0 {
            return Err(PlatformError::Unguarded(name));
        }
        // Section 32.3: in setup mode the firmware asks nobody for a signature.
        if vendor == FIRMWARE {
            let mode = read(directory, "SetupMode", GLOBAL)?;
            if mode.is_none_or(|mode| mode.get(4) != Some(&0)) {
                return Err(PlatformError::SetupMode);
            }
        }
        let lists = SignatureLists::from_efivarfs(&file).map_err(wrong(name))?;
        lists.trust(anchor, trusted);
    }
    for (name, vendor) in [("dbx", FIRMWARE), ("MokListXRT", SHIM)] {
        if let Some(file) = read(directory, name, vendor)? {
            let lists = SignatureLists::from_efivarfs(&file).map_err(wrong(name))?;
            if lists.unknown > 0 {
                let unknown = lists.unknown;
                log::warn!(
                    "{unknown} entries of the UEFI variable {name} can't be read: what they revoke counts"
                );
            }
            lists.revoke(&mut trusted.revoked);
        }
    }
    let name = "SbatLevelRT";
    match read(directory, name, SHIM)? {
        None => Ok(Level::default()),
        Some(file) => Level::read(file.get(4..).unwrap_or_default()).map_err(wrong(name)),
    }
}

fn read(
    directory: &Path,
    name: &'static str,
    vendor: &str,
) -> Result<Option<Vec<u8>>, PlatformError> {
    let failed = |error| PlatformError::Read(name, error);
    let file = match File::open(directory.join(format!("{name}-{vendor}"))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    let limit = MAX_VARIABLE.saturating_add(5) as u64;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Why the machine's keys can't be known.
#[derive(Debug)]
pub enum PlatformError {
    /// A variable can't be read.
    Read(&'static str, io::Error),
    /// A variable makes no sense.
    Content(&'static str, Problem),
    /// A variable that trusts something could have been written by anyone.
    Unguarded(&'static str),
    /// So could all, for the firmware has no platform key.
    SetupMode,
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlatformError::Read(name, error) => {
                write!(f, "the UEFI variable {name} can't be read: {error}")
            }
            PlatformError::Content(name, problem) => {
                write!(f, "the UEFI variable {name} can't be used: {problem}")
            }
            PlatformError::Unguarded(name) => write!(
                f,
                "the UEFI variable {name} could have been written by anyone: delete it"
            ),
            PlatformError::SetupMode => f.write_str(
                "the firmware is in setup mode, in which anyone can write the UEFI variable db: enrol a platform key",
            ),
        }
    }
}

impl std::error::Error for PlatformError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlatformError::Read(_, error) => Some(error),
            PlatformError::Content(..) | PlatformError::Unguarded(_) | PlatformError::SetupMode => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A directory with variables, each with its attributes.
    fn variables(files: &[(&str, &str, u8, &[u8])]) -> Result<(usize, usize, bool), String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pilotlight-platform-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        for (name, vendor, attributes, value) in files {
            let bytes = [&[*attributes, 0, 0, 0], *value].concat();
            std::fs::write(directory.join(format!("{name}-{vendor}")), bytes).unwrap();
        }
        let mut trusted = Trusted::default();
        let level = platform(&directory, &mut trusted);
        std::fs::remove_dir_all(&directory).unwrap();
        let level = level.map_err(|error| error.to_string())?;
        Ok((
            trusted.programs.len(),
            trusted.revoked.programs.len(),
            !level.is_empty(),
        ))
    }

    #[test]
    fn what_anyone_can_write_is_not_trusted() {
        let mut list = vec![
            0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93,
            0x43, 0x28,
        ];
        list.extend([76, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0]);
        list.extend([1; 48]);
        let list = list.as_slice();
        assert_eq!(variables(&[]), Ok((0, 0, false)));
        let all = [
            ("SetupMode", GLOBAL, 0x06, &[0][..]),
            ("db", FIRMWARE, 0x27, list),
            ("MokListRT", SHIM, 0x06, list),
            ("dbx", FIRMWARE, 0x27, list),
            ("MokListXRT", SHIM, 0x07, list),
            ("SbatLevelRT", SHIM, 0x06, b"sbat,1,2024\nlinux,2\n"),
        ];
        assert_eq!(variables(&all), Ok((2, 2, true)));
        for (name, vendor, attributes, value) in [
            ("db", FIRMWARE, 0x07, list),
            ("MokListRT", SHIM, 0x07, list),
            ("dbx", FIRMWARE, 0x27, &list[..40]),
            ("SbatLevelRT", SHIM, 0x06, b"sbat"),
        ] {
            let error = variables(&[(name, vendor, attributes, value)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
        // Without a platform key, anyone is the firmware's owner.
        for mode in [&[("SetupMode", GLOBAL, 0x06, &[1][..])][..], &[]] {
            let error = variables(&[mode, &[("db", FIRMWARE, 0x27, list)]].concat()).unwrap_err();
            assert!(error.contains("in setup mode"), "{error}");
            let revoked = variables(&[mode, &[("dbx", FIRMWARE, 0x27, list)]].concat());
            assert_eq!(revoked, Ok((0, 1, false)));
        }
    }
}
