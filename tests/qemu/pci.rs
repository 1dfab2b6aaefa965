//! What a machine's PCI devices may do, as somebody sees it who holds a probe to the bus.

use super::machine::Machine;

/// Where q35 shows the configuration of all devices in memory, as Linux and OVMF place it.
const WINDOWS: [u32; 3] = [0xe000_0000, 0xb000_0000, 0x8000_0000];
/// The host bridge of q35: device, and vendor.
const HOST: u32 = 0x29c0_8086;

/// A function on the first bus.
#[derive(Debug)]
pub struct Function {
    /// Base class, subclass and interface of `PCI Code and ID Assignment Specification`.
    pub class: u32,
    /// Whether it may read and write memory by itself: bus master, in its command register.
    pub is_master: bool,
}

/// NVMe, AHCI and XHCI.
pub const NVME: u32 = 0x01_0802;
pub const AHCI: u32 = 0x01_0601;
pub const XHCI: u32 = 0x0c_0330;

/// All functions but bridges, of a machine that stands still meanwhile.
pub fn functions(machine: &mut Machine) -> Vec<Function> {
    machine.monitor("stop");
    let window = WINDOWS
        .into_iter()
        .find(|window| words(machine, *window).is_some_and(|[first, ..]| first == HOST))
        .expect("a host bridge");
    let functions = (0..256).filter_map(|number| words(machine, window + (number << 12)));
    let functions = functions
        // Nobody is there, and a header of a bridge.
        .filter(|[first, .., kind]| *first != u32::MAX && (kind >> 16) & 0x7f == 0)
        .map(|[_, command, class, _]| Function {
            class: class >> 8,
            is_master: command & 4 != 0,
        })
        .collect();
    machine.monitor("cont");
    functions
}

/// The first four words of a configuration, where there is memory.
fn words(machine: &mut Machine, at: u32) -> Option<[u32; 4]> {
    let dump = machine.monitor(&format!("xp /4wx {at:#x}"));
    let (_, line) = dump.split_once(": 0x")?;
    let words = line.split_whitespace();
    let words = words.map(|word| u32::from_str_radix(word.trim_start_matches("0x"), 16));
    let words: Result<Vec<u32>, _> = words.take(4).collect();
    words.unwrap().try_into().ok()
}
