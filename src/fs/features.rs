//! Features of filesystems: bits that have names.

/// The names of the bits that are set, joined; `None` when there are none.
pub(super) fn names(bits: u64, name: &dyn Fn(u32) -> String) -> Option<String> {
    let set = (0..u64::BITS).filter(|bit| bits & 1_u64.rotate_left(*bit) != 0);
    let names: Vec<String> = set.map(name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Of names in the order of the bits the one of this bit; those behind them are numbers.
pub(super) fn name_among(names: &[&str], bit: u32) -> String {
    let name = usize::try_from(bit).ok().and_then(|bit| names.get(bit));
    name.map_or_else(|| format!("incompat bit {bit}"), |name| (*name).to_owned())
}
