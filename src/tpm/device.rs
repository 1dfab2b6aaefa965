//! [`Device`]: the TPM behind the kernel's driver.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::{Tpm, TpmError};
use crate::child::in_child;

/// With the kernel's resource manager, which others may use meanwhile, and without (`drivers/char/tpm/`).
const PATHS: [&str; 2] = ["/dev/tpmrm0", "/dev/tpm0"];

/// Firmware tells by them that there is one, of version 2.0 or 1.2 (`Documentation/ABI/testing/sysfs-firmware-acpi`).
const TABLES: [&str; 2] = [
    "/sys/firmware/acpi/tables/TPM2",
    "/sys/firmware/acpi/tables/TCPA",
];

/// After so long a TPM hangs. The kernel waits for two seconds when an index is read (`TPM2_DURATION_LONG` in
/// `include/linux/tpm.h`), and for two minutes with what it knows no time of (`TPM2_DURATION_DEFAULT`), which are all
/// other commands here (`tpm2_ordinal_duration_index` in `drivers/char/tpm/tpm2-cmd.c`): nobody waits for that. It is
/// less than the shortest time in which a loader has to give a sign of life.
const LIMIT: Duration = Duration::from_secs(4);

/// No response is longer (`TPM_BUFSIZE` in `drivers/char/tpm/tpm.h`).
const LONGEST: usize = 4096;

/// The machine's TPM. Each command is one call to the kernel, in a child: process 1 waits for no device without an end.
pub struct Device<'a> {
    file: File,
    limit: Duration,
    waiting: &'a dyn Fn(),
}

impl Device<'_> {
    /// Opens it. `waiting` is told every now and then that a command is being waited for.
    ///
    /// # Errors
    /// [`TpmError::None`], [`TpmError::NoDriver`], or it can't be opened.
    pub fn open(waiting: &dyn Fn()) -> Result<Device<'_>, TpmError> {
        for path in PATHS {
            match File::options().read(true).write(true).open(path) {
                Ok(file) => {
                    return Ok(Device {
                        file,
                        limit: LIMIT,
                        waiting,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        match is_announced() {
            true => Err(TpmError::NoDriver),
            false => Err(TpmError::None),
        }
    }
}

/// Does firmware tell by ACPI that there is one?
pub fn is_announced() -> bool {
    TABLES.iter().any(|table| Path::new(table).exists())
}

impl Tpm for Device<'_> {
    fn ask(&self, command: &[u8]) -> io::Result<Vec<u8>> {
        let send = || rustix::io::write(&self.file, command).map(drop);
        in_child(self.limit, &mut |_| (self.waiting)(), send).map_err(io::Error::other)?;
        let mut response = vec![0; LONGEST];
        let length = (&self.file).read(&mut response)?;
        response.truncate(length);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn who_waits_for_one_that_hangs_is_told_and_waits_no_longer_than_the_limit() {
        // What is full takes nothing more, and gives nothing.
        let (_other, full) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&full, true).unwrap();
        while rustix::io::write(&full, &[0; LONGEST]).is_ok() {}
        rustix::io::ioctl_fionbio(&full, false).unwrap();
        let told = Cell::new(0);
        let tpm = Device {
            file: full.into(),
            limit: Duration::from_millis(50),
            waiting: &|| told.set(told.get() + 1),
        };
        let error = tpm.ask(&[0; 10]).unwrap_err();
        assert_eq!(error.to_string(), "it takes too long");
        assert!(told.get() > 2, "{told:?}");
    }
}
