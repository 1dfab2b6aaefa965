//! [`Store`]: a few bytes that last over a reset and are on no disk.

mod choice;
mod cmos;
mod error;
mod nv;
mod pmsg;
mod variable;

pub use choice::Choice;
pub use cmos::Cmos;
pub use error::StoreError;
pub use nv::Nv;
pub use pmsg::{Pmsg, Reminder};
pub use variable::Variable;

use crate::boot::Starts;

/// A place for [`Starts`].
pub trait Store {
    /// What is kept there; nothing yet, or what something else wrote there, are none.
    ///
    /// # Errors
    /// [`StoreError`]: it can't be read.
    fn read(&self) -> Result<Option<Starts>, StoreError>;

    /// Keeps this from now on.
    ///
    /// # Errors
    /// [`StoreError`]: it can't be written.
    fn write(&self, starts: &Starts) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use crate::boot::Starts;
    use crate::entry::BootEntry;

    pub(super) fn starts() -> Starts {
        let mut starts = Starts::default();
        starts.start(&BootEntry::on_disk(0, "a"), true);
        starts
    }
}
