//! [`Device`]: the TPM behind the kernel's driver.

use std::fs::File;
use std::io::{self, Read, Write};

use super::{Tpm, TpmError};

/// With the kernel's resource manager, which others may use meanwhile, and without (`drivers/char/tpm/`).
const PATHS: [&str; 2] = ["/dev/tpmrm0", "/dev/tpm0"];

/// No response is longer (`TPM_BUFSIZE` in `drivers/char/tpm/tpm.h`).
const LONGEST: usize = 4096;

/// The machine's TPM. Each command is one call to the kernel, which knows how long each may take.
pub struct Device {
    file: File,
}

impl Device {
    /// Opens it.
    ///
    /// # Errors
    /// [`TpmError::None`], or it can't be opened.
    pub fn open() -> Result<Device, TpmError> {
        for path in PATHS {
            match File::options().read(true).write(true).open(path) {
                Ok(file) => return Ok(Device { file }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TpmError::None)
    }
}

impl Tpm for Device {
    fn ask(&self, command: &[u8]) -> io::Result<Vec<u8>> {
        (&self.file).write_all(command)?;
        let mut response = vec![0; LONGEST];
        let length = (&self.file).read(&mut response)?;
        response.truncate(length);
        Ok(response)
    }
}
