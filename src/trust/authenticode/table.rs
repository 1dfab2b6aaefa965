//! The attribute certificate table: `WIN_CERTIFICATE`s, one behind the other.

use crate::trust::error::Problem;

/// `dwLength`, `wRevision` and `wCertificateType`.
const HEADER: usize = 8;
/// `WIN_CERT_REVISION_2_0` and `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const SIGNED_DATA: [u8; 4] = [0, 2, 2, 0];
/// No program has more signatures.
pub(super) const MAX_ENTRIES: usize = 16;

/// What the entries of the table hold. Entries of other kinds are [`Problem::Kind`].
///
/// The next entry begins at a multiple of 8 bytes, with zeros in front of it. Tools that do not pad write it
/// where the one before ends, which is understood, too.
///
/// # Errors
/// [`Problem::Damaged`], [`Problem::TooMany`].
pub(super) fn entries(mut table: &[u8]) -> Result<Vec<Result<&[u8], Problem>>, Problem> {
    const DAMAGED: Problem = Problem::Damaged("the table of signatures is damaged");
    let mut found = Vec::new();
    while !table.is_empty() {
        let (length, rest) = table.split_first_chunk::<4>().ok_or(DAMAGED)?;
        let kind = rest.first_chunk::<4>().ok_or(DAMAGED)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| DAMAGED)?;
        let content = table.get(HEADER..length).ok_or(DAMAGED)?;
        if found.len() == MAX_ENTRIES {
            return Err(Problem::TooMany("signatures"));
        }
        found.push(match *kind == SIGNED_DATA {
            true => Ok(content),
            false => Err(Problem::Kind("no PKCS #7 signature".to_owned())),
        });
        let rest = table.get(length..).unwrap_or_default();
        let padding = length
            .next_multiple_of(8)
            .saturating_sub(length)
            .min(rest.len());
        let (zeros, aligned) = rest.split_at(padding);
        table = match zeros.iter().all(|byte| *byte == 0) {
            true => aligned,
            false => rest,
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(content: &[u8]) -> Vec<u8> {
        let mut entry = ((content.len() + HEADER) as u32).to_le_bytes().to_vec();
        entry.extend(SIGNED_DATA);
        entry.extend(content);
        entry
    }

    fn contents(table: &[u8]) -> Vec<&[u8]> {
        let entries = entries(table).unwrap();
        entries.into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn padded_and_not() {
        let (a, b) = (entry(b"abc"), entry(b"defgh"));
        let padded = [&a[..], &[0; 5], &b[..], &[0; 3]].concat();
        let unpadded = [&a[..], &b[..]].concat();
        for table in [padded, unpadded] {
            assert_eq!(contents(&table), [&b"abc"[..], b"defgh"]);
        }
    }

    #[test]
    fn damage_is_refused() {
        let mut wrong_padding = [&entry(b"abc")[..], &[0; 5]].concat();
        *wrong_padding.last_mut().unwrap() = 1;
        let long = entry(b"abc")[..10].to_vec();
        for table in [
            wrong_padding,
            long,
            vec![0; 8],
            vec![7, 0, 0, 0, 0, 2, 2, 0],
            vec![1],
        ] {
            assert!(entries(&table).is_err(), "{table:?}");
        }
        assert!(entries(&entry(b"12345678").repeat(17)).is_err());
        let mut other = entry(b"12345678");
        other[6] = 1;
        assert!(entries(&other).unwrap()[0].is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(table in proptest::collection::vec(0_u8..12, 0..80)) {
            if let Ok(entries) = entries(&table) {
                prop_assert!(entries.len() <= MAX_ENTRIES);
            }
        }
    }
}
