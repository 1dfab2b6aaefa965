//! The password of the menu: its hash in the policy, and [`check`].

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::trust::{base64, to_base64};

/// The most memory that a hash may ask for, in KiB. The flash kernel has more on every machine that can start a
/// system.
pub const MAX_MEMORY: u32 = 64 * 1024;

/// The most memory that is gone over in all passes together, in KiB: a second on a slow machine.
pub const MAX_WORK: u32 = 256 * 1024;

/// The most lanes. They are worked on one after the other.
pub const MAX_LANES: u32 = 4;

/// A password is no longer than a line that somebody types.
pub const MAX_LENGTH: usize = 256;

/// A password as Argon2id (RFC 9106) has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Hash {
    /// Reads a PHC string: `$argon2id$v=19$m=MEMORY,t=PASSES,p=LANES$SALT$HASH`, as `argon2` and
    /// `pilotlight-sign hash-password` write it.
    ///
    /// # Errors
    /// What is wrong with it, in words that go behind its name.
    pub fn parse(text: &str) -> Result<Hash, String> {
        let wrong = || {
            "is no hash by Argon2id, $argon2id$v=19$m=…,t=…,p=…$SALT$HASH: \
             `pilotlight-sign hash-password` makes one"
                .to_owned()
        };
        let mut parts = text.split('$');
        let mut next = || parts.next().ok_or_else(wrong);
        let begin = [next()?, next()?, next()?];
        let mut costs = next()?.split(',');
        let (salt, output) = (next()?, next()?);
        let mut cost = |name: &str| {
            let number = costs.next()?.strip_prefix(name)?.strip_prefix('=')?;
            let is_digits = !number.starts_with('+');
            number.parse::<u32>().ok().filter(|_| is_digits)
        };
        let numbers = (cost("m"), cost("t"), cost("p"));
        let (Some(memory), Some(passes), Some(lanes)) = numbers else {
            return Err(wrong());
        };
        if begin != ["", "argon2id", "v=19"] || costs.next().is_some() || parts.next().is_some() {
            return Err(wrong());
        }
        let hash = Hash {
            memory,
            passes,
            lanes,
            salt: bytes(salt).ok_or_else(wrong)?,
            output: bytes(output).ok_or_else(wrong)?,
        };
        hash.within_limits()
    }

    /// The hash of a password with a salt of 8 to 64 bytes, at the costs that RFC 9106's readers recommend where
    /// memory is short: 19 MiB, two passes, one lane. `None` where there is no memory for it, or the salt is none.
    pub fn of(password: &str, salt: &[u8]) -> Option<Hash> {
        let hash = Hash {
            memory: 19 * 1024,
            passes: 2,
            lanes: 1,
            salt: salt.to_vec(),
            output: vec![0; 32],
        };
        let hash = hash.within_limits().ok()?;
        let output = hash.output_for(password)?;
        Some(Hash { output, ..hash })
    }

    /// What comes out for a password; `None` where there is no memory to find out.
    fn output_for(&self, password: &str) -> Option<Vec<u8>> {
        let params = self.params()?;
        let mut blocks: Vec<Block> = Vec::new();
        blocks.try_reserve_exact(params.block_count()).ok()?;
        blocks.resize(params.block_count(), Block::new());
        let mut output = vec![0; self.output.len()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let bytes = password.as_bytes();
        let done =
            argon2.hash_password_into_with_memory(bytes, &self.salt, &mut output, &mut blocks);
        done.ok().map(|()| output)
    }

    fn within_limits(self) -> Result<Hash, String> {
        let work = self.memory.saturating_mul(self.passes);
        if self.memory > MAX_MEMORY || work > MAX_WORK || self.lanes > MAX_LANES {
            return Err(format!(
                "asks for more than {MAX_MEMORY} KiB (m), {MAX_WORK} KiB in all passes (m times t) or {MAX_LANES} lanes (p)"
            ));
        }
        let is_long = |bytes: &[u8]| (8..=64).contains(&bytes.len());
        match is_long(&self.salt) && is_long(&self.output) && self.params().is_some() {
            true => Ok(self),
            false => Err("has too short a salt or hash, or costs too little".to_owned()),
        }
    }

    fn params(&self) -> Option<Params> {
        let length = Some(self.output.len());
        Params::new(self.memory, self.passes, self.lanes, length).ok()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hash {
            memory,
            passes,
            lanes,
            salt,
            output,
        } = self;
        let (salt, output) = (to_base64(salt), to_base64(output));
        write!(
            f,
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}"
        )
    }
}

/// Base64 without its padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let padding = match text.len() % 4 {
        2 => "==",
        3 => "=",
        _ => "",
    };
    base64(format!("{text}{padding}").as_bytes())
}

/// Is this the password? Where there is no memory to find out, it is not. Takes as long as the costs in the hash
/// say, at most about a second.
pub fn check(hash: &Hash, typed: &str) -> bool {
    if typed.len() > MAX_LENGTH {
        return false;
    }
    let output = hash.output_for(typed);
    output.is_some_and(|output| is_same(&output, &hash.output))
}

/// Takes the same time wherever they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let pairs = a.iter().zip(b);
    a.len() == b.len() && pairs.fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `printf 'correct horse' | argon2 pilotlight-salt -id -t 2 -k 256 -p 2 -l 32 -e`
    const KNOWN: &str = "$argon2id$v=19$m=256,t=2,p=2$cGlsb3RsaWdodC1zYWx0$nASahXeyghHJgUAQ/LgDN2YjmN2bgEDfYLnTsEktWBI";

    #[test]
    fn what_argon2_writes() {
        let hash = Hash::parse(KNOWN).unwrap();
        assert_eq!(hash.to_string(), KNOWN);
        assert!(check(&hash, "correct horse"));
        for wrong in [
            "",
            "correct",
            "correct horse ",
            "Correct horse",
            "correct horse\0",
        ] {
            assert!(!check(&hash, wrong), "{wrong:?}");
        }
        assert!(!check(&hash, &"x".repeat(MAX_LENGTH + 1)));
    }

    #[test]
    fn what_is_made_is_known_again() {
        let hash = Hash::of("zündung", b"0123456789abcdef").unwrap();
        let hash = Hash::parse(&hash.to_string()).unwrap();
        assert!(check(&hash, "zündung") && !check(&hash, "zundung"));
        assert_eq!(Hash::of("x", b"short"), None);
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much() {
        let with = |from: &str, to: &str| KNOWN.replace(from, to);
        for (text, why) in [
            (String::new(), "is no hash"),
            ("secret".to_owned(), "is no hash"),
            (with("argon2id", "argon2i"), "is no hash"),
            (with("v=19", "v=16"), "is no hash"),
            (with(",p=2", ""), "is no hash"),
            (with(",p=2", ",p=2,x=1"), "is no hash"),
            (with("m=256", "m=-1"), "is no hash"),
            (with("m=256", "m=+256"), "is no hash"),
            (format!("{KNOWN}$"), "is no hash"),
            (format!("{KNOWN}*"), "is no hash"),
            (with("m=256", "m=65537"), "asks for more than 65536 KiB"),
            (with("t=2", "t=1025"), "asks for more than"),
            (with("p=2", "p=5"), "asks for more than"),
            (with("m=256", "m=15"), "costs too little"),
            (with("t=2", "t=0"), "costs too little"),
            (
                "$argon2id$v=19$m=256,t=2,p=2$c2FsdA$c2FsdHNhbHQ".to_owned(),
                "too short a salt",
            ),
        ] {
            let error = Hash::parse(&text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_an_error(text in "[$a-z0-9=,+]{0,60}", at in 0..100_usize, with: char) {
            let _ = Hash::parse(&text);
            let mut damaged: Vec<char> = KNOWN.chars().collect();
            if let Some(place) = damaged.get_mut(at) {
                *place = with;
            }
            let damaged: String = damaged.into_iter().collect();
            if let Ok(hash) = Hash::parse(&damaged) {
                prop_assert!(hash.memory <= MAX_MEMORY && hash.memory * hash.passes <= MAX_WORK);
            }
        }
    }
}
