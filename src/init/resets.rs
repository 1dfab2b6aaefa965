//! [`Resets`]: starts that no system has confirmed, counted over resets of the machine where the policy wants it.

use super::firmware::Firmware;
use super::mounts;
use super::report::LEFT_OUT;
use crate::boot::Starts;
use crate::entry::BootEntry;
use crate::policy::Failure;
use crate::store::{Choice, Cmos, Nv, Pmsg, Store, StoreError, Variable};
use crate::text::Printable;
use crate::tpm::Device;

/// The counts, and after how many an entry is passed over.
pub(super) struct Resets {
    limit: u32,
    store: Choice,
    /// A loader has died of the firmware, or of what stands beside it.
    is_lost: bool,
    starts: Starts,
}

impl Resets {
    /// Reads them, unless a loader has died of that. Where that fails nothing was counted.
    pub(super) fn read(policy: &Failure, firmware: &Firmware, is_lost: bool) -> Resets {
        let mut resets = Resets {
            limit: policy.resets,
            store: policy.store,
            is_lost,
            starts: Starts::default(),
        };
        if resets.limit != 0
            && resets.store == Choice::Pstore
            && let Err(error) = mounts::mount_pstore()
        {
            log::warn!("{error}");
        }
        let read = resets.with_store(firmware, |store| store.read());
        match read {
            Some(Ok(Some(starts))) => resets.starts = starts,
            Some(Ok(None)) => log::info!("no start was counted yet"),
            Some(Err(error)) => log::warn!("starts were not counted: {error}"),
            None if resets.limit == 0 => {}
            None if is_lost => log::warn!("starts are not counted: {LEFT_OUT}"),
            None => log::warn!("starts are not counted: no UEFI variables are written here"),
        }
        resets
    }

    fn with_store<T>(
        &self,
        firmware: &Firmware,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        if self.limit == 0 {
            return None;
        }
        match self.store {
            Choice::Variable => firmware.written(|variables| call(&Variable(variables))),
            Choice::Cmos(byte) => Some(call(&Cmos::new(byte))),
            Choice::Pstore => Some(call(&Pmsg::new())),
            Choice::Tpm(_) if self.is_lost => None,
            Choice::Tpm(index) => Some(firmware.during(|| {
                let waiting = || firmware.waits();
                let tpm = Device::open(&waiting).map_err(|error| StoreError::Tpm {
                    index,
                    action: "open",
                    error,
                })?;
                call(&Nv::new(&tpm, index))
            })),
        }
    }

    /// Puts what was started too often behind the others.
    pub(super) fn order(&self, plan: &mut [&BootEntry], is_asked_for: impl Fn(&BootEntry) -> bool) {
        self.starts.order(plan, self.limit, is_asked_for);
    }

    /// What there is to say of an entry that is passed over.
    pub(super) fn complaint(&self, entry: &BootEntry) -> Option<String> {
        let count = self.starts.unconfirmed(entry);
        (self.limit != 0 && count >= self.limit).then(|| {
            let title = Printable(&entry.title);
            format!("{title}: started {count} times and not confirmed, others come first")
        })
    }

    /// An entry is about to be started. What can't be written keeps it from nothing.
    pub(super) fn start(&mut self, firmware: &Firmware, entry: &BootEntry, counted: bool) {
        if self.limit == 0 {
            return;
        }
        self.starts.start(entry, counted);
        let starts = &self.starts;
        let written = self.with_store(firmware, |store| store.write(starts));
        if let Some(Err(error)) = written {
            log::warn!("this start is not counted: {error}");
        } else if let (Some(_), true) = (written, counted) {
            let count = starts.unconfirmed(entry);
            log::info!("start {count} of {} without being confirmed", self.limit);
        }
    }
}
