//! [`Rules`]: what the owner of the machine wants to be proven before something is booted.

use std::fmt;

use super::digest::{Algorithm, Digest};
use super::key::MIN_RSA_BITS;
use super::parameters::Parameters;
use super::proof::Format;
use super::role::Role;
use super::sbat;
use crate::config::bls::Pattern;

/// What has to be proven, by whom, and what never counts. `docs/policy.md` documents it key by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What follows from a part that is not covered.
    pub mode: Mode,
    /// Which parts have to be covered.
    pub cover: Vec<Role>,
    /// Which formats of signatures count.
    pub formats: Vec<Format>,
    /// How many different anchors have to vouch for each part; at least 1.
    pub threshold: usize,
    /// The least length of an RSA key, in bits.
    pub rsa_bits: usize,
    /// Digests by which signatures may be made.
    pub digests: Vec<Algorithm>,
    /// Do the keys in the machine's UEFI variables count?
    pub platform: bool,
    /// Whose signatures count, and for what.
    pub anchors: Vec<AnchorRule>,
    /// What may stand in a command line.
    pub parameters: Parameters,
    /// What is too old.
    pub floor: Floor,
    /// SHA-256 of files, and Authenticode digests of programs, that count without a signature.
    pub listed: Vec<Digest>,
    /// The same, of what never counts.
    pub revoked: Vec<Digest>,
}

/// What follows from a part that is not covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing: signatures are not looked at.
    Off,
    /// It is told, and booted.
    Warn,
    /// It is not booted.
    Enforce,
}

/// An anchor as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorRule {
    /// What people call it; unique.
    pub name: String,
    /// Its file among the anchors of the board; unique.
    pub file: String,
    /// The parts that it may cover.
    pub roles: Vec<Role>,
    /// Only files of the volume with this UUID or label.
    pub volume: Option<String>,
    /// Only entries whose id this matches.
    pub entry: Option<Pattern>,
}

/// What is too old to be booted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// Generations of the components of EFI programs.
    pub sbat: sbat::Level,
    /// The least version of a manifest.
    pub manifest: u64,
    /// The least version of a kernel, by the name of a system or an anchor. `linux` means every kernel.
    pub versions: Vec<(String, String)>,
}

impl Default for Rules {
    /// Those of a policy that says nothing of trust.
    fn default() -> Rules {
        Rules {
            mode: Mode::Off,
            cover: Role::ALL.to_vec(),
            formats: Format::ALL.to_vec(),
            threshold: 1,
            rsa_bits: MIN_RSA_BITS,
            digests: Algorithm::ALL.to_vec(),
            platform: false,
            anchors: Vec::new(),
            parameters: Parameters::default(),
            floor: Floor::default(),
            listed: Vec::new(),
            revoked: Vec::new(),
        }
    }
}

impl Rules {
    /// Those that hold where the policy can't be read: nothing may be booted.
    pub fn closed() -> Rules {
        Rules {
            mode: Mode::Enforce,
            ..Rules::default()
        }
    }

    /// Why nothing could ever be booted under these rules, if that is so.
    pub fn unusable(&self) -> Option<String> {
        // What the machine's own keys cover is known on the machine only.
        if self.mode != Mode::Enforce || self.platform || !self.listed.is_empty() {
            return None;
        }
        let short = self.cover.iter().find_map(|role| {
            let anchors = self.anchors.iter();
            let count = anchors.filter(|a| a.roles.contains(role)).count();
            (count < self.threshold).then_some((*role, count))
        });
        short.map(|(role, count)| match count {
            0 => format!("no anchor may cover the {role}, and enforce lets nothing else boot: add an anchor"),
            _ => format!(
                "{count} of the anchors may cover the {role}, and {} have to: add anchors, or lower the threshold",
                self.threshold
            ),
        })
    }

    /// The rule of an anchor.
    pub(super) fn anchor(&self, name: &str) -> Option<&AnchorRule> {
        self.anchors.iter().find(|anchor| anchor.name == name)
    }
}

impl Mode {
    /// The word in a policy and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Warn => "warn",
            Mode::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
