//! [`Choice`]: which store is meant.

use super::Cmos;
use crate::tpm::Index;

/// A store, as a policy or a command line chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A UEFI variable.
    #[default]
    Variable,
    /// The memory of the clock, from this byte on.
    Cmos(u32),
    /// The index of the TPM with this number.
    Tpm(u32),
    /// Memory that a reset leaves as it is.
    Pstore,
}

impl Choice {
    /// The index that is taken where none is named: in the range that is the owner's, and "PL" in its last bytes.
    pub const INDEX: u32 = 0x0180_504c;

    /// The one with this name, with its byte or its index, of which one alone says the name, too.
    ///
    /// # Errors
    /// In words: they contradict each other, or something is missing or out of range.
    pub fn of(
        name: Option<&str>,
        byte: Option<u32>,
        index: Option<u32>,
    ) -> Result<Choice, &'static str> {
        let name = name.unwrap_or(match (byte, index) {
            (Some(_), _) => "cmos",
            (None, Some(_)) => "tpm",
            (None, None) => "efi",
        });
        if byte.is_some() && name != "cmos" {
            return Err("`cmos` is for the store \"cmos\" alone");
        }
        if index.is_some() && name != "tpm" {
            return Err("`tpm` is for the store \"tpm\" alone");
        }
        match name {
            "efi" => Ok(Choice::Variable),
            "pstore" => Ok(Choice::Pstore),
            "tpm" => match index.unwrap_or(Choice::INDEX) {
                index @ Index::FIRST..=Index::LAST => Ok(Choice::Tpm(index)),
                _ => Err("`tpm` is a number from 0x01800000 to 0x01bfffff"),
            },
            "cmos" => match byte {
                Some(byte @ Cmos::FIRST..=Cmos::LAST) => Ok(Choice::Cmos(byte)),
                Some(_) => Err("`cmos` is a number from 14 to 224"),
                None => Err("the store \"cmos\" needs `cmos`, its first byte"),
            },
            _ => Err("the store is one of \"efi\", \"cmos\", \"tpm\", \"pstore\""),
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Choice::Variable => "efi",
            Choice::Cmos(_) => "cmos",
            Choice::Tpm(_) => "tpm",
            Choice::Pstore => "pstore",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_or_known_by_what_belongs_to_it() {
        for (name, byte, index, expected) in [
            (None, None, None, Choice::Variable),
            (Some("efi"), None, None, Choice::Variable),
            (None, Some(14), None, Choice::Cmos(14)),
            (Some("cmos"), Some(224), None, Choice::Cmos(224)),
            (Some("tpm"), None, None, Choice::Tpm(Choice::INDEX)),
            (None, None, Some(0x0180_0000), Choice::Tpm(0x0180_0000)),
            (Some("pstore"), None, None, Choice::Pstore),
        ] {
            assert_eq!(Choice::of(name, byte, index), Ok(expected));
            assert!(name.is_none_or(|name| name == expected.name()));
        }
    }

    #[test]
    fn what_contradicts_itself_is_none() {
        for (name, byte, index, word) in [
            (Some("efi"), Some(96), None, "`cmos` is for"),
            (Some("tpm"), Some(96), None, "`cmos` is for"),
            (None, Some(96), Some(0x0180_0000), "`tpm` is for"),
            (Some("pstore"), None, Some(0x0180_0000), "`tpm` is for"),
            (Some("cmos"), None, None, "needs `cmos`"),
            (None, Some(13), None, "from 14 to 224"),
            (None, Some(225), None, "from 14 to 224"),
            (None, None, Some(0x017f_ffff), "from 0x01800000"),
            (None, None, Some(0x01c0_0000), "to 0x01bfffff"),
            (Some("disk"), None, None, "one of \"efi\""),
        ] {
            let error = Choice::of(name, byte, index).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
