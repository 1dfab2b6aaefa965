//! `pilotlight confirm`: tells the boot loader that the system which it has started runs.

use std::io::{self, Write};
use std::path::PathBuf;

use super::CliError;
use crate::boot::Starts;
use crate::efi::Efivarfs;
use crate::store::{Choice, Cmos, Nv, Pmsg, Store, StoreError, Variable};
use crate::tpm::Device;

/// Options of `confirm`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConfirmOptions {
    /// The counts of all entries are taken away.
    pub forget: bool,
    /// Where they are.
    pub store: Choice,
    /// Where UEFI variables are.
    pub efivars: Option<PathBuf>,
}

pub(super) fn run(options: &ConfirmOptions, output: &mut dyn Write) -> Result<(), CliError> {
    match options.store {
        Choice::Cmos(byte) => confirm(&Cmos::new(byte), options.forget, output),
        Choice::Tpm(index) => {
            let tpm = Device::open(&|| ());
            let tpm = tpm.map_err(|error| CliError::Boot(format!("the TPM: {error}")))?;
            confirm(&Nv::new(&tpm, index), options.forget, output)
        }
        Choice::Pstore => confirm(&Pmsg::new(), options.forget, output),
        Choice::Variable => {
            let directory = options.efivars.clone();
            let directory = directory.unwrap_or_else(|| PathBuf::from(Efivarfs::DIRECTORY));
            let none = || CliError::NoVariables(directory.display().to_string());
            let variables = Efivarfs::open(&directory).ok_or_else(none)?;
            confirm(&Variable(&variables), options.forget, output)
        }
    }
}

fn confirm(store: &dyn Store, forget: bool, output: &mut dyn Write) -> Result<(), CliError> {
    let wrong = |error: StoreError| CliError::Boot(error.to_string());
    let Some(mut starts) = store.read().map_err(wrong)? else {
        writeln!(output, "no start was counted")?;
        return Ok(());
    };
    if forget {
        starts = Starts::default();
    } else {
        starts.confirm();
    }
    match store.write(&starts) {
        // The kernel has emptied the memory as it took what was there.
        Err(StoreError::Pmsg(error)) if error.kind() == io::ErrorKind::NotFound => {
            writeln!(
                output,
                "what was counted of all entries is forgotten: this kernel has no /dev/pmsg0 to keep it"
            )?;
            Ok(())
        }
        written => written.map_err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::MemoryVariables;
    use crate::entry::BootEntry;

    #[test]
    fn what_was_started_last_is_good_and_all_is_forgotten() {
        let variables = MemoryVariables::new();
        let store = Variable(&variables);
        let mut output = Vec::new();
        confirm(&store, false, &mut output).unwrap();
        assert_eq!(output, b"no start was counted\n");
        assert_eq!(variables.names(), [""; 0]);
        let (a, b) = (BootEntry::on_disk(0, "a"), BootEntry::on_disk(0, "b"));
        let mut starts = Starts::default();
        starts.start(&a, true);
        starts.start(&b, true);
        store.write(&starts).unwrap();
        let counts = || {
            let starts = store.read().unwrap().unwrap();
            [&a, &b].map(|entry| starts.unconfirmed(entry))
        };
        confirm(&store, false, &mut output).unwrap();
        assert_eq!(counts(), [1, 0]);
        confirm(&store, true, &mut output).unwrap();
        assert_eq!(counts(), [0, 0]);
    }
}
