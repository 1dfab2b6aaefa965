//! What a machine's PCI devices may do, as somebody sees it who holds a probe to the bus.

use super::machine::Machine;

/// Where q35 shows the configuration of all devices in memory, as Linux and OVMF place it.
const WINDOWS: [u32; 3] = [0xe000_0000, 0xb000_0000, 0x8000_0000];
/// The host bridge of q35: device, and vendor.
const HOST: u32 = 0x29c0_8086;

/// Base class, subclass and interface of `PCI Code and ID Assignment Specification`. A source of random numbers has no
/// class of its own.
pub const OTHER: u32 = 0x00_ff00;
pub const SCSI: u32 = 0x01_0000;
pub const AHCI: u32 = 0x01_0601;
pub const NVME: u32 = 0x01_0802;
pub const ETHERNET: u32 = 0x02_0000;
pub const VGA: u32 = 0x03_0000;
pub const XHCI: u32 = 0x0c_0330;
pub const SMBUS: u32 = 0x0c_0500;
/// The base class of bridges.
const BRIDGE: u32 = 0x06;

/// The classes of all functions on the first bus, but bridges, that may read and write memory by themselves: bus
/// master, in their command register. They come in order, and the machine stands still meanwhile.
pub fn masters(machine: &mut Machine) -> Vec<u32> {
    machine.monitor("stop");
    let window = WINDOWS
        .into_iter()
        .find(|window| words(machine, *window).is_some_and(|[first, ..]| first == HOST))
        .expect("a host bridge");
    let functions = (0..256).filter_map(|number| words(machine, window + (number << 12)));
    let masters = functions
        // Somebody is there.
        .filter(|[first, command, ..]| *first != u32::MAX && command & 4 != 0);
    let classes = masters.map(|[_, _, class, _]| class >> 8);
    let mut classes: Vec<u32> = classes.filter(|class| class >> 16 != BRIDGE).collect();
    machine.monitor("cont");
    classes.sort_unstable();
    classes
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
