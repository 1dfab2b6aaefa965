//! The variables of the firmware, through the kernel's efivarfs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::IFlags;
use rustix::io::Errno;

use super::variables::{MAX_SIZE, VariableError, Variables};

/// Before the value stand the attributes, 32 bits.
const ATTRIBUTES: usize = 4;

/// `EFI_VARIABLE_NON_VOLATILE`, `EFI_VARIABLE_BOOTSERVICE_ACCESS` and `EFI_VARIABLE_RUNTIME_ACCESS` (UEFI
/// specification, 8.2): once the firmware has handed over, no others can be written.
const LASTING: u32 = 0x7;

/// A directory in which efivarfs is mounted (`Documentation/filesystems/efivarfs.rst`).
pub struct Efivarfs {
    directory: PathBuf,
}

impl Efivarfs {
    /// Where systems mount it.
    pub const DIRECTORY: &'static str = "/sys/firmware/efi/efivars";

    /// The variables in `directory`; `None` if nothing is mounted there, as on machines without UEFI.
    pub fn open(directory: &Path) -> Option<Efivarfs> {
        let mut names = directory.read_dir().ok()?;
        // Firmware always has some. Without them the directory is only the place for the mount.
        names.next()?.ok()?;
        let directory = directory.to_owned();
        Some(Efivarfs { directory })
    }

    fn path(&self, vendor: &str, name: &str) -> PathBuf {
        self.directory.join(format!("{name}-{vendor}"))
    }

    fn read_all(&self, vendor: &str, name: &str) -> io::Result<Option<(u32, Vec<u8>)>> {
        let file = match File::open(self.path(vendor, name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let limit = MAX_SIZE.saturating_add(ATTRIBUTES);
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1) as u64)
            .read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // A variable that is being made is empty.
        let Some((attributes, value)) = bytes.split_first_chunk::<ATTRIBUTES>() else {
            return Ok(None);
        };
        Ok(Some((u32::from_le_bytes(*attributes), value.to_vec())))
    }

    fn write_all(&self, vendor: &str, name: &str, value: &[u8]) -> io::Result<()> {
        let known = self.read_all(vendor, name)?;
        if known.as_ref().is_some_and(|(_, known)| known == value) {
            return Ok(());
        }
        // A variable keeps its attributes: with others the firmware refuses.
        let attributes = known.map_or(LASTING, |(attributes, _)| attributes);
        let path = self.path(vendor, name);
        make_changeable(&path)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        // One variable is one call.
        let bytes = [&attributes.to_le_bytes(), value].concat();
        if file.write(&bytes)? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    fn remove_file(&self, vendor: &str, name: &str) -> io::Result<()> {
        let path = self.path(vendor, name);
        make_changeable(&path)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The kernel marks most variables as immutable, since there is firmware that does not start without some of
/// them.
fn make_changeable(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let flags = match rustix::fs::ioctl_getflags(&file) {
        Ok(flags) => flags,
        // A filesystem without such marks.
        Err(Errno::NOTTY | Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    if flags.contains(IFlags::IMMUTABLE) {
        rustix::fs::ioctl_setflags(&file, flags.difference(IFlags::IMMUTABLE))?;
    }
    Ok(())
}

impl Variables for Efivarfs {
    fn read(&self, vendor: &str, name: &str) -> Result<Option<Vec<u8>>, VariableError> {
        let all = self.read_all(vendor, name).map_err(about(name, "read"))?;
        Ok(all.map(|(_, value)| value))
    }

    fn write(&self, vendor: &str, name: &str, value: &[u8]) -> Result<(), VariableError> {
        self.write_all(vendor, name, value)
            .map_err(about(name, "write"))
    }

    fn remove(&self, vendor: &str, name: &str) -> Result<(), VariableError> {
        self.remove_file(vendor, name)
            .map_err(about(name, "remove"))
    }

    fn writable(&self) -> bool {
        use rustix::fs::{StatVfsMountFlags, statvfs};
        let mount = statvfs(&self.directory);
        mount.is_ok_and(|mount| !mount.f_flag.contains(StatVfsMountFlags::RDONLY))
    }
}

fn about(name: &str, action: &'static str) -> impl FnOnce(io::Error) -> VariableError {
    let name = name.to_owned();
    move |error| VariableError {
        name,
        action,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::LOADER;

    /// A directory that stands for efivarfs, with one variable in it.
    fn store(name: &str) -> (PathBuf, Efivarfs) {
        let directory = format!("pilotlight-efivarfs-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("Known-{LOADER}"));
        std::fs::write(path, [6, 0, 0, 0, 1, 2]).unwrap();
        let variables = Efivarfs::open(&directory).unwrap();
        (directory, variables)
    }

    #[test]
    fn attributes_stand_before_the_value() {
        let (directory, variables) = store("attributes");
        assert_eq!(variables.read(LOADER, "Known").unwrap(), Some(vec![1, 2]));
        variables.write(LOADER, "Known", b"three").unwrap();
        variables.write(LOADER, "New", b"four").unwrap();
        let bytes = |name: &str| std::fs::read(directory.join(format!("{name}-{LOADER}"))).unwrap();
        assert_eq!(bytes("Known"), b"\x06\0\0\0three");
        assert_eq!(bytes("New"), b"\x07\0\0\0four");
        variables.remove(LOADER, "New").unwrap();
        variables.remove(LOADER, "New").unwrap();
        assert_eq!(variables.read(LOADER, "New").unwrap(), None);
        assert!(variables.writable());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_there_already_is_not_written() {
        let (directory, variables) = store("same");
        let path = directory.join(format!("Known-{LOADER}"));
        let time = || path.metadata().unwrap().modified().unwrap();
        let past = std::time::SystemTime::UNIX_EPOCH;
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(past).unwrap();
        variables.write(LOADER, "Known", &[1, 2]).unwrap();
        assert_eq!(time(), past);
        variables.write(LOADER, "Known", &[1, 3]).unwrap();
        assert_ne!(time(), past);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn without_uefi_there_is_nothing() {
        let (directory, variables) = store("none");
        let nothing = directory.join("efivars");
        assert!(Efivarfs::open(&nothing).is_none());
        std::fs::create_dir(&nothing).unwrap();
        assert!(Efivarfs::open(&nothing).is_none());
        assert!(variables.read(LOADER, "Other").unwrap().is_none());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn values_have_a_limit() {
        let (directory, variables) = store("limit");
        let path = directory.join(format!("Known-{LOADER}"));
        std::fs::write(&path, vec![0; MAX_SIZE + ATTRIBUTES]).unwrap();
        assert!(variables.read(LOADER, "Known").is_ok());
        std::fs::write(&path, vec![0; MAX_SIZE + ATTRIBUTES + 1]).unwrap();
        let error = variables.read(LOADER, "Known").unwrap_err();
        assert!(error.to_string().contains("UEFI variable Known"), "{error}");
        std::fs::write(&path, [7, 0]).unwrap();
        assert!(variables.read(LOADER, "Known").unwrap().is_none());
        std::fs::remove_dir_all(directory).unwrap();
    }
}
