//! What a block copies from before (RFC 8878, sections 3.1.1.3.2 and 3.1.1.4).

use super::bits::Backward;
use super::fse::{State, Table};

/// Bits behind each code of a length; what codes begin with follows from them.
const LITERAL_BITS: [u8; 36] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16,
];
const MATCH_BITS: [u8; 53] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
const SHORTEST_MATCH: usize = 3;

/// Codes of offsets have as many bits behind them as they are high.
const OFFSETS: usize = 32;

/// How often codes are when a block does not say it.
const LITERALS: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
];
const MATCHES: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
const DISTANCES: [i16; 29] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];

/// The tables of one block, which the next may use again.
#[derive(Default)]
pub(super) struct Tables {
    literals: Option<Table>,
    offsets: Option<Table>,
    matches: Option<Table>,
}

/// Bytes to take, and then to copy.
pub(super) struct Sequence {
    /// How many of the bytes that appear first.
    pub(super) literals: usize,
    /// From where to copy, in a code of its own.
    pub(super) offset: usize,
    /// How many to copy.
    pub(super) length: usize,
}

/// The sequences of a block.
pub(super) struct Sequences<'a> {
    left: usize,
    input: Backward<'a>,
    literals: (&'a Table, State),
    offsets: (&'a Table, State),
    matches: (&'a Table, State),
}

/// Reads how many there are, and the tables. `None` when there are none.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    tables: &'a mut Tables,
) -> Result<Option<Sequences<'a>>, ()> {
    let byte = |at: usize| bytes.get(at).copied().map(usize::from).ok_or(());
    let (count, head) = match byte(0)? {
        0 => return Ok(None),
        few @ 1..=127 => (few, 1),
        255 => (
            byte(1)?
                .saturating_add(byte(2)? << 8)
                .saturating_add(0x7f00),
            3,
        ),
        high => (byte(1)?.saturating_add(high.saturating_sub(128) << 8), 2),
    };
    let modes = byte(head)?;
    let mut rest = bytes.get(head.saturating_add(1)..).ok_or(())?;
    for (table, mode, symbols, most, usual, usual_bits) in [
        (
            &mut tables.literals,
            modes >> 6,
            LITERALS.len(),
            9,
            &LITERALS[..],
            6,
        ),
        (
            &mut tables.offsets,
            modes >> 4,
            OFFSETS,
            8,
            &DISTANCES[..],
            5,
        ),
        (
            &mut tables.matches,
            modes >> 2,
            MATCHES.len(),
            9,
            &MATCHES[..],
            6,
        ),
    ] {
        match mode & 3 {
            0 => *table = Some(Table::new(usual, usual_bits)?),
            1 => {
                let (symbol, after) = rest.split_first().ok_or(())?;
                *table = Some(Table::of_symbol(*symbol));
                rest = after;
            }
            2 => {
                let (new, after) = Table::read(rest, symbols, most)?;
                *table = Some(new);
                rest = after;
            }
            _ => {}
        }
    }
    let mut input = Backward::new(rest)?;
    let mut start = |table: &'a Option<Table>| {
        let table = table.as_ref().ok_or(())?;
        Ok((table, table.start(&mut input)))
    };
    let (literals, offsets, matches) = (
        start(&tables.literals)?,
        start(&tables.offsets)?,
        start(&tables.matches)?,
    );
    Ok(Some(Sequences {
        left: count,
        input,
        literals,
        offsets,
        matches,
    }))
}

impl Sequences<'_> {
    /// The next one; `None` when there are no more, which has to be the end of the bytes, too.
    pub(super) fn next(&mut self) -> Result<Option<Sequence>, ()> {
        let Some(left) = self.left.checked_sub(1) else {
            return self.input.is_at_end().then_some(None).ok_or(());
        };
        self.left = left;
        let input = &mut self.input;
        let symbol = |(table, state): (&Table, State)| table.symbol(state).map(usize::from);
        let code = symbol(self.offsets)?;
        let bits = u32::try_from(code)
            .ok()
            .filter(|_| code < OFFSETS)
            .ok_or(())?;
        let base = 1_usize.checked_shl(bits).ok_or(())?;
        let offset = base.saturating_add(usize::try_from(input.read(bits)).map_err(drop)?);
        let copied = length(&MATCH_BITS, symbol(self.matches)?, input)?;
        let literals = length(&LITERAL_BITS, symbol(self.literals)?, input)?;
        if left > 0 {
            for state in [&mut self.literals, &mut self.matches, &mut self.offsets] {
                state.1 = state.0.next(state.1, input)?;
            }
        }
        if input.is_overdrawn() {
            return Err(());
        }
        Ok(Some(Sequence {
            literals,
            offset,
            length: copied.saturating_add(SHORTEST_MATCH),
        }))
    }
}

/// What a code of a length and the bits behind it stand for.
fn length(bits: &[u8], code: usize, input: &mut Backward<'_>) -> Result<usize, ()> {
    let (before, own) = bits.split_at_checked(code).ok_or(())?;
    let own = u32::from(*own.first().ok_or(())?);
    let parts = before
        .iter()
        .map(|bits| 1_usize.checked_shl((*bits).into()));
    let base: usize = parts.flatten().fold(0, usize::saturating_add);
    Ok(base.saturating_add(usize::try_from(input.read(own)).map_err(drop)?))
}
