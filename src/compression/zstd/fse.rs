//! Finite state entropy (RFC 8878, section 4.1).

use super::bits::{Backward, Forward};

/// How often symbols are, in parts of a power of two; -1 is less than one part.
const LESS_THAN_ONE: i16 = -1;

/// What each state stands for.
#[derive(Clone, Default)]
pub(super) struct Table {
    states: Vec<Entry>,
    bits: u32,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    symbol: u8,
    /// The next state is this and so many bits.
    base: u16,
    bits: u8,
}

impl Table {
    /// The table of one symbol, which takes no bits.
    pub(super) fn of_symbol(symbol: u8) -> Table {
        let entry = Entry {
            symbol,
            ..Entry::default()
        };
        Table {
            states: vec![entry],
            bits: 0,
        }
    }

    /// Reads how often each of up to `symbols` symbols is, in parts of at most 2 to the `most`, and makes
    /// the table of it. Returns what is behind, too (section 4.1.1).
    pub(super) fn read(bytes: &[u8], symbols: usize, most: u32) -> Result<(Table, &[u8]), ()> {
        let mut input = Forward::new(bytes);
        let bits = input.read(4)?.saturating_add(5);
        if bits > most {
            return Err(());
        }
        let mut remaining = 1_u32.checked_shl(bits).ok_or(())?;
        let mut counts = Vec::new();
        while remaining > 0 {
            if counts.len() >= symbols {
                return Err(());
            }
            // The lower ones of the numbers up to `remaining` + 1 take one bit less.
            let top = remaining.saturating_add(1);
            let length = top.checked_ilog2().ok_or(())?.saturating_add(1);
            let half = 1_u32.checked_shl(length.saturating_sub(1)).ok_or(())?;
            let short = half.saturating_mul(2).saturating_sub(1).saturating_sub(top);
            let value = input.read(length)?;
            let low = value & half.saturating_sub(1);
            let value = if low < short {
                input.unread(1);
                low
            } else if value >= half {
                value.saturating_sub(short)
            } else {
                value
            };
            let count = i16::try_from(value).map_err(drop)?.saturating_sub(1);
            let parts = u32::from(count.unsigned_abs());
            remaining = remaining.checked_sub(parts).ok_or(())?;
            counts.push(count);
            // A zero is followed by how many more there are; three say that it goes on.
            let mut more = if count == 0 { 3 } else { 0 };
            while more == 3 {
                more = input.read(2)?;
                counts.extend((0..more).map(|_| 0));
                if counts.len() > symbols {
                    return Err(());
                }
            }
        }
        Ok((Table::new(&counts, bits)?, input.rest()))
    }

    /// Makes the table of how often each symbol is, in parts of 2 to the `bits`.
    pub(super) fn new(counts: &[i16], bits: u32) -> Result<Table, ()> {
        let size = 1_usize.checked_shl(bits).ok_or(())?;
        let mut states = vec![Entry::default(); size];
        // The rarest ones have one state each, from the end.
        let mut end = size;
        for (symbol, count) in (0..=u8::MAX).zip(counts) {
            if *count == LESS_THAN_ONE {
                end = end.checked_sub(1).ok_or(())?;
                states.get_mut(end).ok_or(())?.symbol = symbol;
            }
        }
        // The others are spread over what is left.
        let step = (size >> 1).saturating_add(size >> 3).saturating_add(3);
        let mask = size.saturating_sub(1);
        let mut at = 0_usize;
        for (symbol, count) in (0..=u8::MAX).zip(counts) {
            for _ in 0..(*count).max(0) {
                states.get_mut(at).ok_or(())?.symbol = symbol;
                // The step is odd: so it comes to every place, and soon to one that is free.
                loop {
                    at = at.saturating_add(step) & mask;
                    if at < end || end == 0 {
                        break;
                    }
                }
            }
        }
        if at != 0 {
            return Err(());
        }
        let mut next: Vec<u16> = counts.iter().map(|count| count.unsigned_abs()).collect();
        for entry in &mut states {
            let next = next.get_mut(usize::from(entry.symbol)).ok_or(())?;
            let number = *next;
            *next = number.saturating_add(1);
            let shift = bits
                .checked_sub(number.checked_ilog2().ok_or(())?)
                .ok_or(())?;
            entry.bits = u8::try_from(shift).map_err(drop)?;
            let base = usize::from(number).checked_shl(shift).ok_or(())?;
            let base = base.checked_sub(size).ok_or(())?;
            entry.base = u16::try_from(base).map_err(drop)?;
        }
        Ok(Table { states, bits })
    }

    /// The first state of a stream.
    pub(super) fn start(&self, input: &mut Backward<'_>) -> State {
        State(input.read(self.bits))
    }

    /// What a state stands for.
    pub(super) fn symbol(&self, state: State) -> Result<u8, ()> {
        Ok(self.entry(state)?.symbol)
    }

    /// The state that follows.
    pub(super) fn next(&self, state: State, input: &mut Backward<'_>) -> Result<State, ()> {
        let entry = self.entry(state)?;
        let bits = input.read(entry.bits.into());
        Ok(State(u32::from(entry.base).saturating_add(bits)))
    }

    fn entry(&self, State(state): State) -> Result<Entry, ()> {
        let state = usize::try_from(state).map_err(drop)?;
        self.states.get(state).copied().ok_or(())
    }
}

/// A place in a table.
#[derive(Clone, Copy, Default)]
pub(super) struct State(u32);
