//! [`Told`]: how much of a kind stands in the log one by one.

/// So much is told: a disk may hold thousands of entries that fail, and a serial line takes a hundredth of a second for
/// each line.
const MOST: usize = 32;

/// Counts what there is to tell.
#[derive(Default)]
pub(super) struct Told(usize);

impl Told {
    /// Counts one more. Is it told?
    pub(super) fn one_more(&mut self) -> bool {
        self.0 = self.0.saturating_add(1);
        self.0 <= MOST
    }

    /// How many were not.
    pub(super) fn left_out(&self) -> usize {
        self.0.saturating_sub(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_are_told() {
        let mut told = Told::default();
        let count = (0..200).filter(|_| told.one_more()).count();
        assert_eq!((count, told.left_out()), (MOST, 200 - MOST));
        assert_eq!(Told::default().left_out(), 0);
    }
}
