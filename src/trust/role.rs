//! [`Role`]: what a part of a boot is for.

use std::fmt;

/// A part of a boot that can be covered by a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The kernel.
    Kernel,
    /// Everything that becomes the first file system: initrds, microcode, credentials, extensions.
    Initrd,
    /// The command line.
    CommandLine,
    /// The device tree.
    DeviceTree,
    /// That these go together: what chose them.
    Configuration,
}

impl Role {
    /// All of them, in the order in which they are told.
    pub const ALL: [Role; 5] = [
        Role::Kernel,
        Role::Initrd,
        Role::CommandLine,
        Role::DeviceTree,
        Role::Configuration,
    ];

    /// The word in a policy and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Role::Kernel => "kernel",
            Role::Initrd => "initrd",
            Role::CommandLine => "cmdline",
            Role::DeviceTree => "devicetree",
            Role::Configuration => "configuration",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::CommandLine => "command line",
            Role::DeviceTree => "device tree",
            role => role.name(),
        })
    }
}
