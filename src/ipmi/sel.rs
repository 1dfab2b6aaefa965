//! [`SelEntry`]: what is written into the System Event Log of the controller (IPMI specification 2.0, 31.6 and 32.1).

use super::{Bmc, IpmiError};

/// Network function of storage, and the command `Add SEL Entry`.
const STORAGE: u8 = 0x0a;
const ADD_SEL_ENTRY: u8 = 0x44;

/// A system event record, which the controller gives its number and its time.
const SYSTEM_EVENT: u8 = 0x02;
/// Software of the machine's firmware (table 5-4), by its own channel.
const GENERATOR: [u8; 2] = [0x01, 0x00];
/// Version of the format of events.
const VERSION: u8 = 0x04;
/// The sensor is none that could be asked.
const SENSOR: u8 = 0x00;
/// Something was asserted that only sensors of this type know (table 42-1).
const SENSOR_SPECIFIC: u8 = 0x6f;

/// Something that is worth an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelEntry {
    /// A system is started.
    Booting,
    /// An entry could not be started.
    Failed,
    /// An entry may not be started.
    Refused,
    /// There is nothing that could be started.
    Nothing,
}

impl SelEntry {
    /// The type of its sensor, and the three bytes of what has happened (table 42-3). A byte that is not ours is
    /// unspecified.
    fn bytes(self) -> (u8, [u8; 3]) {
        match self {
            // System Firmware Progress, 02h, with the extension 13h: starting the boot process of an operating system.
            SelEntry::Booting => (0x0f, [0xc2, 0x13, 0xff]),
            // Boot Error, 03h, the boot sector is invalid; the second byte is our own.
            SelEntry::Failed => (0x1e, [0x83, 0x01, 0xff]),
            SelEntry::Refused => (0x1e, [0x83, 0x02, 0xff]),
            // Boot Error, 00h, no bootable media.
            SelEntry::Nothing => (0x1e, [0x00, 0xff, 0xff]),
        }
    }

    /// Adds it to the log.
    ///
    /// # Errors
    /// [`IpmiError`].
    pub fn record(self, bmc: &dyn Bmc) -> Result<(), IpmiError> {
        let (kind, [first, second, third]) = self.bytes();
        let [low, high] = GENERATOR;
        // Number and time are the controller's.
        let record = [
            0,
            0,
            SYSTEM_EVENT,
            0,
            0,
            0,
            0,
            low,
            high,
            VERSION,
            kind,
            SENSOR,
            SENSOR_SPECIFIC,
            first,
            second,
            third,
        ];
        bmc.ask(STORAGE, ADD_SEL_ENTRY, &record).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// Keeps what it is told.
    #[derive(Default)]
    struct Log(RefCell<Vec<Vec<u8>>>);

    impl Bmc for Log {
        fn ask(&self, function: u8, command: u8, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
            assert_eq!((function, command), (0x0a, 0x44));
            self.0.borrow_mut().push(data.to_vec());
            Ok(vec![1, 0])
        }
    }

    #[test]
    fn an_entry_is_sixteen_bytes() {
        let log = Log::default();
        for entry in [SelEntry::Booting, SelEntry::Refused] {
            entry.record(&log).unwrap();
        }
        let record = |kind, data: [u8; 3]| {
            let head = [0, 0, 2, 0, 0, 0, 0, 1, 0, 4, kind, 0, 0x6f];
            [&head[..], &data].concat()
        };
        assert_eq!(
            *log.0.borrow(),
            [
                record(0x0f, [0xc2, 0x13, 0xff]),
                record(0x1e, [0x83, 2, 0xff])
            ]
        );
    }
}
