//! [`BootFlags`]: the boot flags among the system boot options (IPMI specification 2.0, 28.12 and 28.13).

use super::{Bmc, IpmiError};

/// Network function of the chassis.
const CHASSIS: u8 = 0x00;
const SET_SYSTEM_BOOT_OPTIONS: u8 = 0x08;
const GET_SYSTEM_BOOT_OPTIONS: u8 = 0x09;
/// The parameter with the boot flags (table 28-14).
const BOOT_FLAGS: u8 = 5;
/// In the byte that names the parameter: what it holds is not valid, or locked.
const INVALID: u8 = 0x80;
/// Version of the parameters.
const VERSION: u8 = 1;

/// What to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootFlags {
    /// From where.
    pub device: BootDevice,
    /// At every boot, not only at the next one.
    pub is_persistent: bool,
}

/// From where to boot (the boot device selector).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootDevice {
    /// The network.
    Network,
    /// The disk of the machine.
    Disk,
    /// A medium that can be taken out, or that is far away: CD, floppy, a remote disk.
    Removable,
    /// Nothing: somebody wants to choose.
    Setup,
    /// What means nothing here, by its number.
    Other(u8),
}

impl BootFlags {
    /// Asks for them. `None` where there are none: they are not valid, or leave the device as it is. Whether they
    /// are meant for a BIOS or for UEFI is not looked at: this is neither.
    ///
    /// # Errors
    /// [`IpmiError`].
    pub fn read(bmc: &dyn Bmc) -> Result<Option<BootFlags>, IpmiError> {
        let answer = bmc.ask(CHASSIS, GET_SYSTEM_BOOT_OPTIONS, &[BOOT_FLAGS, 0, 0])?;
        let &[version, parameter, first, second, ..] = answer.as_slice() else {
            return Err(IpmiError::Odd);
        };
        if version & 0x0f != VERSION || parameter & !INVALID != BOOT_FLAGS {
            return Err(IpmiError::Odd);
        }
        let is_valid = parameter & INVALID == 0 && first & 0x80 != 0;
        let device = match second >> 2 & 0x0f {
            0 => return Ok(None),
            1 => BootDevice::Network,
            2 | 3 => BootDevice::Disk,
            5 | 7 | 8 | 9 | 0x0b | 0x0f => BootDevice::Removable,
            6 => BootDevice::Setup,
            other => BootDevice::Other(other),
        };
        let is_persistent = first & 0x40 != 0;
        Ok(is_valid.then_some(BootFlags {
            device,
            is_persistent,
        }))
    }

    /// Takes them away where they are for one boot: an attempt is about to be made.
    ///
    /// # Errors
    /// [`IpmiError`]; they would count again.
    pub fn consume(self, bmc: &dyn Bmc) -> Result<(), IpmiError> {
        if self.is_persistent {
            return Ok(());
        }
        let none = [BOOT_FLAGS, 0, 0, 0, 0, 0];
        bmc.ask(CHASSIS, SET_SYSTEM_BOOT_OPTIONS, &none).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::RefCell;

    /// A controller with these five bytes of flags.
    struct Fake {
        parameter: u8,
        flags: RefCell<[u8; 5]>,
    }

    impl Fake {
        fn new(flags: [u8; 5]) -> Fake {
            Fake {
                parameter: BOOT_FLAGS,
                flags: RefCell::new(flags),
            }
        }
    }

    impl Bmc for Fake {
        fn ask(&self, function: u8, command: u8, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
            match (function, command, data) {
                (0, 9, [5, 0, 0]) => {
                    let head = [VERSION, self.parameter];
                    Ok([&head[..], &self.flags.borrow()[..]].concat())
                }
                (0, 8, [5, flags @ ..]) => {
                    *self.flags.borrow_mut() = flags.try_into().unwrap();
                    Ok(Vec::new())
                }
                _ => Err(IpmiError::Refused(0xc1)),
            }
        }
    }

    #[test]
    fn what_ipmitool_sets() {
        for (flags, expected) in [
            // chassis bootdev none|pxe|disk|safe|diag|cdrom|bios|floppy
            ([0x80, 0x00, 0, 0, 0], None),
            ([0x80, 0x04, 0, 0, 0], Some(BootDevice::Network)),
            ([0x80, 0x08, 0, 0, 0], Some(BootDevice::Disk)),
            ([0x80, 0x0c, 0, 0, 0], Some(BootDevice::Disk)),
            ([0x80, 0x10, 0, 0, 0], Some(BootDevice::Other(4))),
            ([0x80, 0x14, 0, 0, 0], Some(BootDevice::Removable)),
            ([0x80, 0x18, 0, 0, 0], Some(BootDevice::Setup)),
            ([0x80, 0x3c, 0, 0, 0], Some(BootDevice::Removable)),
            // options=efiboot, and other bits beside the device
            ([0xa0, 0x08, 0, 0, 0], Some(BootDevice::Disk)),
            ([0x80, 0xcb, 0xff, 0xff, 0xff], Some(BootDevice::Disk)),
            // not valid
            ([0x00, 0x08, 0, 0, 0], None),
            ([0x40, 0x08, 0, 0, 0], None),
        ] {
            let found = BootFlags::read(&Fake::new(flags)).unwrap();
            assert_eq!(found.map(|found| found.device), expected, "{flags:x?}");
            assert!(found.is_none_or(|found| !found.is_persistent));
        }
        let locked = Fake {
            parameter: BOOT_FLAGS | INVALID,
            ..Fake::new([0x80, 0x08, 0, 0, 0])
        };
        assert_eq!(BootFlags::read(&locked).unwrap(), None);
    }

    #[test]
    fn what_is_for_one_boot_is_taken_away() {
        for (first, left) in [(0x80, [0; 5]), (0xc0, [0xc0, 0x14, 0, 0, 0])] {
            let bmc = Fake::new([first, 0x14, 0, 0, 0]);
            let flags = BootFlags::read(&bmc).unwrap().unwrap();
            flags.consume(&bmc).unwrap();
            assert_eq!(*bmc.flags.borrow(), left);
        }
    }

    struct Says(Vec<u8>);

    impl Bmc for Says {
        fn ask(&self, _: u8, _: u8, _: &[u8]) -> Result<Vec<u8>, IpmiError> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn odd_answers_are_errors() {
        for answer in [&[][..], &[1, 5, 0x80], &[2, 5, 0x80, 8], &[1, 4, 0x80, 8]] {
            let found = BootFlags::read(&Says(answer.to_vec()));
            assert!(matches!(found, Err(IpmiError::Odd)), "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_flags_or_an_error(answer: Vec<u8>) {
            let _ = BootFlags::read(&Says(answer));
        }
    }
}
