//! The version format of UAPI.10.

use std::cmp::Ordering;

/// Compares two versions as UAPI.10 says: separators and runs of letters and digits from left to right.
///
/// `~` sorts before everything, even the end; then come the end, `-`, `^` and `.`; digits sort after
/// letters. Characters other than letters, digits and `-.~^` are passed over.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = skip(a);
        b = skip(b);
        for separator in [b'~', 0, b'-', b'^', b'.'] {
            // The end of the text takes the place of the 0.
            let has = |text: &[u8]| text.first().copied().unwrap_or(0) == separator;
            match (has(a), has(b)) {
                (true, true) if separator == 0 => return Ordering::Equal,
                (true, true) => {
                    a = skip(a.get(1..).unwrap_or_default());
                    b = skip(b.get(1..).unwrap_or_default());
                }
                (true, false) => return Ordering::Less,
                (false, true) => return Ordering::Greater,
                (false, false) => {}
            }
        }
        let digits = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        let order = if digits(a) || digits(b) {
            let (left, right) = (
                run(&mut a, u8::is_ascii_digit),
                run(&mut b, u8::is_ascii_digit),
            );
            numbers(left, right)
        } else {
            let letter = u8::is_ascii_alphabetic;
            run(&mut a, letter).cmp(run(&mut b, letter))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Passes over what does not count.
fn skip(text: &[u8]) -> &[u8] {
    let counts = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.~^".contains(byte);
    let start = text.iter().position(counts).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// Takes the longest beginning of which every byte is `wanted`.
fn run<'a>(text: &mut &'a [u8], wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| !wanted(byte))
        .unwrap_or(text.len());
    let (taken, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    *text = rest;
    taken
}

/// Compares numbers of any length. No digits at all are less than a zero.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let value = |digits: &[u8]| -> usize {
        digits
            .iter()
            .position(|digit| *digit != b'0')
            .unwrap_or(digits.len())
    };
    let significant = |digits: &[u8]| digits.get(value(digits)..).unwrap_or_default().to_vec();
    let (x, y) = (significant(a), significant(b));
    (a.is_empty().cmp(&b.is_empty()).reverse())
        .then_with(|| x.len().cmp(&y.len()))
        .then_with(|| x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_chain_of_the_specification() {
        let chain = [
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
        ];
        for (i, a) in chain.iter().enumerate() {
            for (j, b) in chain.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn kernels_sort_as_people_expect() {
        for (older, newer) in [
            ("5.9.0-1-amd64", "5.10.0-1-amd64"),
            ("6.1.0-9-amd64", "6.1.0-10-amd64"),
            ("6.12~rc7", "6.12"),
            ("debian-6.1.conf", "debian-6.12.conf"),
            ("1", "01.1"),
            ("", "0"),
            ("~", ""),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} and {newer}");
        }
        // What does not count still ends a number.
        assert_eq!(compare("1_2", "12"), Ordering::Less);
        assert_eq!(compare("001", "1"), Ordering::Equal);
        assert_eq!(compare("a+b", "a b"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in "[0-9ab~^._+: -]{0,8}", b in "[0-9ab~^._+: -]{0,8}", c in "[0-9ab~^._+: -]{0,8}") {
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b) != Ordering::Greater && compare(&b, &c) != Ordering::Greater {
                prop_assert_ne!(compare(&a, &c), Ordering::Greater);
            }
        }

        #[test]
        fn any_text_can_be_compared(a in any::<String>(), b in any::<String>()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }
    }
}
