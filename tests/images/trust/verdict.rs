//! What a detached signature proves, and that nothing can change in it unseen.

use pilotlight::trust::{Anchor, Proof, Trusted, detached};

/// Trust in a file of anchors.
pub fn trust(file: &[u8]) -> Trusted {
    Trusted {
        anchors: Anchor::read("anchor", file).unwrap_or_else(|error| panic!("{error}")),
        ..Trusted::default()
    }
}

/// What the signatures prove, in pieces that fit nothing; or why not, one reason a line.
pub fn proofs(signature: &[u8], content: &[u8], trusted: &Trusted) -> Result<Vec<Proof>, String> {
    let mut check = detached::Check::new(signature, trusted).map_err(|error| error.to_string())?;
    content.chunks(77).for_each(|bytes| check.update(bytes));
    let results = check.finish();
    let reasons: Vec<String> = results
        .iter()
        .filter_map(|result| Some(result.as_ref().err()?.to_string()))
        .collect();
    let proofs: Vec<Proof> = results.into_iter().flatten().collect();
    match proofs.is_empty() {
        true => Err(reasons.join("\n")),
        false => Ok(proofs),
    }
}

pub fn is_proven(signature: &[u8], content: &[u8], trusted: &Trusted) -> bool {
    proofs(signature, content, trusted).is_ok()
}

/// Why the signature does not count.
pub fn refusal(signature: &[u8], content: &[u8], trusted: &Trusted) -> String {
    match proofs(signature, content, trusted) {
        Ok(proofs) => panic!("{proofs:?}"),
        Err(reasons) => reasons,
    }
}

/// Changes every byte of signature and content once, in three ways. `is_open` says which bytes of the
/// signature nobody signs; all others have to be covered.
pub fn no_byte_changes_unseen(
    signature: &[u8],
    content: &[u8],
    trusted: &Trusted,
    is_open: impl Fn(usize) -> bool,
) {
    assert!(is_proven(signature, content, trusted));
    let both = [signature, content].concat();
    for at in 0..both.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut changed = both.clone();
            changed[at] ^= change;
            let (changed, content) = changed.split_at(signature.len());
            assert!(
                !is_proven(changed, content, trusted) || at < signature.len() && is_open(at),
                "byte {at} ^ {change:#x} of {}",
                signature.len()
            );
        }
    }
    for end in 0..content.len() {
        assert!(!is_proven(signature, &content[..end], trusted), "{end}");
    }
    assert!(!is_proven(signature, &[content, &[0]].concat(), trusted));
}
