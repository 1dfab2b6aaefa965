//! What was changed in a command line, word by word.

/// Longer lines are not compared word by word.
const WORDS: usize = 256;

/// What happened to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was there, and is gone.
    Removed,
    /// It is new.
    Added,
}

/// The words that `new` lacks and has, compared to `old`, in order: the fewest that explain it (longest common
/// subsequence). `None` for lines with more than 256 words.
pub(super) fn difference<'a>(old: &'a str, new: &'a str) -> Option<Vec<(Change, &'a str)>> {
    let old: Vec<&str> = old.split_whitespace().collect();
    let new: Vec<&str> = new.split_whitespace().collect();
    if old.len() > WORDS || new.len() > WORDS {
        return None;
    }
    // For each pair of ends, how many words both have in common.
    let width = new.len().saturating_add(1);
    let place = |i: usize, j: usize| i.saturating_mul(width).saturating_add(j);
    let mut common = vec![0_u16; place(old.len().saturating_add(1), 0)];
    let at = |common: &[u16], i, j| common.get(place(i, j)).copied().unwrap_or(0);
    for (i, before) in old.iter().enumerate().rev() {
        for (j, word) in new.iter().enumerate().rev() {
            let (down, right) = (i.saturating_add(1), j.saturating_add(1));
            let longest = match before == word {
                true => at(&common, down, right).saturating_add(1),
                false => at(&common, down, j).max(at(&common, i, right)),
            };
            if let Some(cell) = common.get_mut(place(i, j)) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j): (usize, usize) = (0, 0);
    let mut changes = Vec::new();
    loop {
        let (down, right) = (i.saturating_add(1), j.saturating_add(1));
        match (old.get(i), new.get(j)) {
            (None, None) => return Some(changes),
            (Some(before), Some(word)) if before == word => (i, j) = (down, right),
            (Some(before), word)
                if word.is_none() || at(&common, down, j) >= at(&common, i, right) =>
            {
                changes.push((Change::Removed, *before));
                i = down;
            }
            (_, word) => {
                changes.extend(word.map(|word| (Change::Added, *word)));
                j = right;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changes(old: &str, new: &str) -> String {
        let changes = difference(old, new).unwrap();
        let sign = |change| match change {
            Change::Removed => '-',
            Change::Added => '+',
        };
        let words = changes
            .iter()
            .map(|(change, word)| format!("{}{word}", sign(*change)));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_that_came_and_went() {
        assert_eq!(changes("ro quiet", "ro  quiet"), "");
        assert_eq!(changes("ro quiet", "ro single"), "-quiet +single");
        assert_eq!(changes("a b c d", "b c x d e"), "-a +x +e");
        assert_eq!(changes("", "a"), "+a");
        assert_eq!(changes("a", ""), "-a");
        assert_eq!(difference(&"a ".repeat(WORDS + 1), ""), None);
    }

    proptest! {
        #[test]
        fn the_changes_lead_from_one_to_the_other(old in "[ab c]{0,30}", new in "[ab c]{0,30}") {
            let changes = difference(&old, &new).unwrap();
            let of = |kind| {
                let mut words: Vec<&str> =
                    changes.iter().filter(|(c, _)| *c == kind).map(|(_, word)| *word).collect();
                words.sort_unstable();
                words
            };
            // As multisets: old without what was removed is new without what was added.
            let sorted = |text: &str, other: Vec<&str>| {
                let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                words.extend(other.iter().map(|word| (*word).to_owned()));
                words.sort_unstable();
                words
            };
            prop_assert_eq!(sorted(&old, of(Change::Added)), sorted(&new, of(Change::Removed)));
        }
    }
}
