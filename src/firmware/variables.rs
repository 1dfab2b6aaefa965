//! The variables of a firmware, and what it starts first by them.
//!
//! EDK II keeps them one behind the other in a volume of their own (`MdeModulePkg/Include/Guid/VariableFormat.h`). What
//! a boot option is made of says the UEFI Specification 2.10, sections 3.1.3 and 10.3.5.

use super::find::not_found;
use super::span::Span;
use super::{Damage, FileSystem, FirmwareError, Guid, Image};
use crate::efi::encode;

/// `EFI_GLOBAL_VARIABLE`
const GLOBAL: Guid = Guid::new(
    0x8be4_df61,
    0x93ca,
    0x11d2,
    [0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c],
);
/// `gEfiAuthenticatedVariableGuid`: the format of a store whose variables may have signatures.
const AUTHENTICATED: Guid = Guid::new(
    0xaaf3_2c78,
    0x947b,
    0x439a,
    [0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92],
);
/// `VARIABLE_STORE_HEADER`, and the format and state of a store in use.
const STORE_HEADER: usize = 28;
const IN_USE: [u8; 2] = [0x5a, 0xfe];
/// `AUTHENTICATED_VARIABLE_HEADER`, what it begins with, and where fields stand in it.
const HEADER: usize = 60;
const START: u16 = 0x55aa;
const STATE: usize = 2;
const NAME_SIZE: usize = 36;
const DATA_SIZE: usize = 40;
const VENDOR: usize = 44;
/// The state of a variable, and of one that counts as long as nothing has taken its place; and what deletes either.
const ADDED: u8 = 0x3f;
const BEING_REPLACED: u8 = 0x3e;
const DELETED: u8 = 0xfd;
/// `NON_VOLATILE`, `BOOTSERVICE_ACCESS` and `RUNTIME_ACCESS`.
const LASTING: u32 = 7;

/// The name of the boot option, as people see it.
const TITLE: &str = "Pilotlight";

/// A file in a volume of the flash, as firmware finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FvFile {
    /// The volume's name.
    pub volume: Guid,
    /// The file's name.
    pub file: Guid,
}

impl FvFile {
    /// The boot option that leads to it (`EFI_LOAD_OPTION`), an active one.
    fn option(self) -> Vec<u8> {
        /// `PIWG Firmware Volume`, `PIWG Firmware File`, and the end: type, subtype, and length of the node.
        const NODES: [[u8; 4]; 3] = [[4, 7, 20, 0], [4, 6, 20, 0], [0x7f, 0xff, 4, 0]];
        let [volume, file, end] = NODES;
        let (in_volume, in_file) = (self.volume.bytes(), self.file.bytes());
        let path = [&volume[..], &in_volume, &file, &in_file, &end].concat();
        let title = encode(TITLE);
        let length = [u8::try_from(path.len()).unwrap_or(u8::MAX), 0];
        [&[1, 0, 0, 0], &length[..], &title, &path].concat()
    }
}

/// The name of a boot option.
fn option_name(number: u16) -> String {
    format!("Boot{number:04X}")
}

/// Makes a file of the flash what the firmware starts first: returns the variables with a boot option for it in front
/// of all others, and the number of that option. `variables` is an image with them, of which nothing else changes but
/// `BootNext`, which would come before it once: it is deleted.
pub fn start_first(variables: &[u8], file: FvFile) -> Result<(Vec<u8>, u16), FirmwareError> {
    let mut store = Store::read(variables)?;
    let option = file.option();
    let before = store.get("BootOrder").map(|variable| &variable.data[..]);
    let (numbers, _) = before.unwrap_or_default().as_chunks();
    let order: Vec<u16> = numbers.iter().copied().map(u16::from_le_bytes).collect();
    let is_there = |number: &u16| store.get(&option_name(*number)).is_some();
    let ours = |variable: &&Variable| variable.data == option;
    let there = store.variables.iter().filter(ours);
    let there = there.filter_map(Variable::number).next();
    let number = match there {
        Some(number) => number,
        None => {
            let is_free = |number: &u16| !order.contains(number) && !is_there(number);
            let free = (0..=u16::MAX).find(is_free);
            free.ok_or(store.wrong("there is no number left for a boot option"))?
        }
    };
    let others = order.iter().filter(|other| **other != number);
    let wanted: Vec<u16> = [&number].into_iter().chain(others).copied().collect();
    if there.is_none() {
        store.set(&option_name(number), &option)?;
    }
    if wanted != order {
        let numbers = wanted.into_iter().flat_map(u16::to_le_bytes);
        store.set("BootOrder", &numbers.collect::<Vec<u8>>())?;
    }
    store.delete("BootNext");
    Ok((store.bytes, number))
}

/// A variable of UEFI's own, which counts.
struct Variable {
    /// Where its header begins, in bytes of the image.
    at: usize,
    state: u8,
    name: String,
    data: Vec<u8>,
}

impl Variable {
    /// The number of a boot option.
    fn number(&self) -> Option<u16> {
        let number = u16::from_str_radix(self.name.strip_prefix("Boot")?, 16).ok()?;
        (self.name == option_name(number)).then_some(number)
    }
}

/// The variables in an image.
struct Store {
    bytes: Vec<u8>,
    variables: Vec<Variable>,
    /// Where the next one comes, where all of them end, and how many bytes they have in all.
    free: usize,
    end: usize,
    size: usize,
}

impl Store {
    fn read(bytes: &[u8]) -> Result<Store, FirmwareError> {
        let image = Image::read(bytes.to_vec())?;
        let mut volumes = image.volumes();
        let volume = volumes.find(|volume| volume.header.filesystem == FileSystem::Variables);
        let none = || not_found(&image, "volume with variables".to_owned());
        let volume = volume.ok_or_else(none)?;
        let start = volume.offset.saturating_add(volume.header.first_file);
        let wrong = |what| Damage::new(start, what);
        let span = Span::new(bytes.to_vec());
        let known = span.guid(start) == Some(AUTHENTICATED)
            && span.array(start.saturating_add(20)) == Some(IN_USE);
        if !known {
            return Err(wrong("these variables are in no format that is known").into());
        }
        let size = span.u32(start.saturating_add(16)).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let behind = volume.offset.saturating_add(volume.header.size);
        let end = start.checked_add(size).filter(|end| *end <= behind);
        let mut store = Store {
            bytes: bytes.to_vec(),
            variables: Vec::new(),
            free: start.saturating_add(STORE_HEADER),
            end: end.ok_or(wrong("the variables are longer than their volume"))?,
            size,
        };
        while let Some(next) = store.next(&span)? {
            store.free = next;
        }
        Ok(store)
    }

    /// Reads the variable that stands where the next one would come, and returns where it ends.
    fn next(&mut self, span: &Span) -> Result<Option<usize>, FirmwareError> {
        let at = self.free;
        let field = |offset: usize| at.saturating_add(offset);
        let left = self.end.saturating_sub(at);
        if left < HEADER || span.u16(at) == Some(u16::MAX) {
            return Ok(None);
        }
        if span.u16(at) != Some(START) {
            return Err(self.wrong("there is something that is no variable"));
        }
        let size = |offset| usize::try_from(span.u32(field(offset))?).ok();
        let (name, data) = (size(NAME_SIZE), size(DATA_SIZE));
        let (Some(name), Some(data)) = (name, data) else {
            return Ok(None);
        };
        let length = HEADER.saturating_add(name).saturating_add(data);
        if length > left {
            return Err(self.wrong("a variable is longer than the volume"));
        }
        let name_at = field(HEADER);
        let cut = |start, length| span.cut(start, length).map(|cut| cut.bytes().to_vec());
        let state = span.u8(field(STATE)).unwrap_or_default();
        let counts = state == ADDED || state == BEING_REPLACED;
        if let Some(name_bytes) = cut(name_at, name)
            && let Some(data) = cut(name_at.saturating_add(name), data)
            && counts
            && span.guid(field(VENDOR)) == Some(GLOBAL)
        {
            let (units, _) = name_bytes.as_chunks();
            let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
            let name = String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units));
            self.variables.push(Variable {
                at,
                state,
                name,
                data,
            });
        }
        Ok(Some(field(length).next_multiple_of(4)))
    }

    fn wrong(&self, what: &'static str) -> FirmwareError {
        Damage::new(self.free, what).into()
    }

    fn get(&self, name: &str) -> Option<&Variable> {
        let named = || self.variables.iter().filter(|one| one.name == name);
        let added = named().find(|one| one.state == ADDED);
        added.or_else(|| named().next())
    }

    /// Puts a variable behind the others, in the place of all that have its name.
    fn set(&mut self, name: &str, data: &[u8]) -> Result<(), FirmwareError> {
        let name_bytes = encode(name);
        let sizes =
            [name_bytes.len(), data.len()].map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        let mut record = START.to_le_bytes().to_vec();
        record.extend([ADDED, 0]);
        record.extend(LASTING.to_le_bytes());
        // No count, no time and no key: nobody has signed it.
        record.resize(NAME_SIZE, 0);
        record.extend(sizes.into_iter().flat_map(u32::to_le_bytes));
        record.extend(GLOBAL.bytes());
        record.extend([&name_bytes, data].concat());
        record.resize(record.len().next_multiple_of(4), u8::MAX);
        let end = self.free.saturating_add(record.len());
        let full = FirmwareError::DoesNotFit {
            volume: None,
            size: self.size,
            missing: end.saturating_sub(self.end),
        };
        let wrong = self.wrong("there is something behind the last variable");
        let room = self.bytes.get_mut(self.free..self.end);
        let room = room.filter(|room| room.len() >= record.len()).ok_or(full)?;
        // Neither firmware nor the next one here could go on behind it.
        if room.iter().any(|byte| *byte != u8::MAX) {
            return Err(wrong);
        }
        for (byte, new) in room.iter_mut().zip(record) {
            *byte = new;
        }
        self.delete(name);
        self.free = end;
        Ok(())
    }

    /// Deletes all variables of a name that were there when the store was read.
    fn delete(&mut self, name: &str) {
        for variable in self.variables.iter().filter(|one| one.name == name) {
            let state = self.bytes.get_mut(variable.at.saturating_add(STATE));
            state.into_iter().for_each(|state| *state &= DELETED);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksum::sum16;
    use super::*;

    const SIZE: u16 = 1024;
    /// The store begins behind the header of the volume.
    const STORE: u16 = 72;

    /// A volume with these variables: vendor, state, name and content.
    fn volume(variables: &[(Guid, u8, &str, &[u8])]) -> Vec<u8> {
        let mut image = vec![0; 16];
        image.extend(*b"\x8d\x2b\xf1\xff\x96\x76\x8b\x4c\xa9\x85\x27\x47\x07\x5b\x4f\x50");
        image.extend(u64::from(SIZE).to_le_bytes());
        image.extend(*b"_FVH\xff\xfe\x04\0\x48\0\0\0\0\0\0\x02");
        image.extend([1, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let sum = sum16(&image);
        image[50..52].copy_from_slice(&sum.to_le_bytes());
        image.extend(AUTHENTICATED.bytes());
        image.extend(u32::from(SIZE - STORE).to_le_bytes());
        image.extend([0x5a, 0xfe, 0, 0, 0, 0, 0, 0]);
        for (vendor, state, name, data) in variables {
            let name = encode(name);
            image.extend([0xaa, 0x55, *state, 0, 7, 0, 0, 0]);
            image.extend([0; 28]);
            for size in [name.len(), data.len()] {
                image.extend(u32::try_from(size).unwrap().to_le_bytes());
            }
            image.extend([&vendor.bytes(), &name[..], data].concat());
            image.resize(image.len().next_multiple_of(4), 0xff);
        }
        image.resize(SIZE.into(), 0xff);
        image
    }

    fn payload() -> FvFile {
        let [volume, file] = [0x11, 0x22].map(|byte| Guid::from_bytes([byte; 16]));
        FvFile { volume, file }
    }

    /// What the variables say, in the order of their names.
    fn said(image: &[u8]) -> Vec<(String, Vec<u8>)> {
        let store = Store::read(image).unwrap();
        let names: std::collections::BTreeSet<_> =
            store.variables.iter().map(|one| &one.name).collect();
        let content = |name: &String| (name.clone(), store.get(name).unwrap().data.clone());
        names.into_iter().map(content).collect()
    }

    fn named(name: &str, data: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), data.to_vec())
    }

    #[test]
    fn an_empty_store_gets_its_first_option() {
        let option = b"\x01\0\0\0\x2c\0P\0i\0l\0o\0t\0l\0i\0g\0h\0t\0\0\0\
                       \x04\x07\x14\0\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\
                       \x04\x06\x14\0\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\
                       \x7f\xff\x04\0";
        let (image, number) = start_first(&volume(&[]), payload()).unwrap();
        assert_eq!(number, 0);
        let expected = [("Boot0000", &option[..]), ("BootOrder", &[0, 0])];
        // As if firmware had written them.
        let written = expected.map(|(name, data)| (GLOBAL, ADDED, name, data));
        assert_eq!(image, volume(&written));
        assert_eq!(start_first(&image, payload()), Ok((image, 0)));
    }

    #[test]
    fn other_options_come_behind() {
        let before = volume(&[
            (GLOBAL, 0x3c, "BootOrder", &[9, 0]),
            (GLOBAL, ADDED, "Boot0000", b"setup"),
            (GLOBAL, BEING_REPLACED, "BootOrder", &[5, 0]),
            (payload().file, ADDED, "Boot0002", b"of somebody else"),
            (GLOBAL, ADDED, "Boot000a", b"no option"),
            // An option that it leads to is gone.
            (GLOBAL, ADDED, "BootOrder", &[1, 0, 0, 0]),
        ]);
        let (after, number) = start_first(&before, payload()).unwrap();
        assert_eq!(number, 2);
        let order = [2, 0, 1, 0, 0, 0];
        let expected = [
            named("Boot0000", b"setup"),
            named("Boot0002", &payload().option()),
            named("Boot000a", b"no option"),
            named("BootOrder", &order),
        ];
        assert_eq!(said(&after), expected);
        // Nothing comes before it once.
        let next = volume(&[
            (GLOBAL, BEING_REPLACED, "BootNext", &[8, 0]),
            (GLOBAL, ADDED, "BootNext", &[7, 0]),
            (payload().file, ADDED, "BootNext", b"of somebody else"),
        ]);
        let (after, _) = start_first(&next, payload()).unwrap();
        let somebody = (payload().file, ADDED, "BootNext", &b"of somebody else"[..]);
        let option = payload().option();
        let written = volume(&[
            (GLOBAL, BEING_REPLACED & DELETED, "BootNext", &[8, 0]),
            (GLOBAL, ADDED & DELETED, "BootNext", &[7, 0]),
            somebody,
            (GLOBAL, ADDED, "Boot0000", &option),
            (GLOBAL, ADDED, "BootOrder", &[0, 0]),
        ]);
        assert_eq!(after, written);
        // The firmware puts a network card in front of it.
        let order = [0, 0, 2, 0];
        let option = payload().option();
        let moved = volume(&[
            (GLOBAL, ADDED, "Boot0002", &option),
            (GLOBAL, BEING_REPLACED, "BootOrder", &order),
        ]);
        let (after, number) = start_first(&moved, payload()).unwrap();
        assert_eq!(number, 2);
        let expected = [
            named("Boot0002", &option),
            named("BootOrder", &[2, 0, 0, 0]),
        ];
        assert_eq!(said(&after), expected);
    }

    #[test]
    fn what_has_no_room_is_refused_with_the_number() {
        // Header of the store, header, name of two units, and what both variables take.
        let (option, order) = (60 + 18 + 72 + 2, 60 + 20 + 2 + 2);
        let room = usize::from(SIZE - STORE) - 28 - 64 - option - order;
        let filled = |size| volume(&[(GLOBAL, ADDED, "A", &vec![7; size])]);
        assert!(start_first(&filled(room), payload()).is_ok());
        let refused = start_first(&filled(room + 1), payload()).unwrap_err();
        let (volume, size) = (None, usize::from(SIZE - STORE));
        let missing = 4;
        let expected = FirmwareError::DoesNotFit {
            volume,
            size,
            missing,
        };
        assert_eq!(refused, expected);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let good = volume(&[(GLOBAL, ADDED, "A", b"a")]);
        for (at, bytes, told) in [
            (16, &b"\xff\xff"[..], "damaged at 0x0: the checksum"),
            (72, b"\x16\x36", "in no format that is known"),
            (72 + 20, b"\x00", "in no format that is known"),
            (72 + 16, b"\xff\x03", "longer than their volume"),
            (
                100,
                b"\xab",
                "damaged at 0x64: there is something that is no",
            ),
            (100 + DATA_SIZE, b"\xff\x03", "a variable is longer"),
            (
                100 + 72,
                b"\xff\xff\x3f",
                "something behind the last variable",
            ),
        ] {
            let mut bad = good.clone();
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            let error = start_first(&bad, payload()).unwrap_err().to_string();
            assert!(error.contains(told), "{at}: {error}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_kept(
            at in 0..usize::from(SIZE),
            bytes in proptest::collection::vec(any::<u8>(), 1..8),
        ) {
            let option = payload().option();
            let mut image = volume(&[
                (GLOBAL, ADDED, "Boot0001", &option),
                (GLOBAL, ADDED, "BootOrder", &[3, 0, 1, 0]),
            ]);
            let end = image.len().min(at + bytes.len());
            image[at..end].copy_from_slice(&bytes[..end - at]);
            if let Ok((after, number)) = start_first(&image, payload()) {
                prop_assert_eq!(start_first(&after, payload()), Ok((after, number)));
            }
        }
    }
}
