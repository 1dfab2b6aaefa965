//! PEM (RFC 7468): bytes as base64 between lines that begin and end them.

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The certificates in a text, in DER; what stands between them is for people. Nothing where one of them is
/// damaged.
pub(crate) fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut base64: Option<Vec<u8>> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        match (&mut base64, line) {
            (None, BEGIN) => base64 = Some(Vec::new()),
            (None, _) => {}
            (Some(_), BEGIN) => return None,
            (Some(text), END) => {
                found.push(decode(text)?);
                base64 = None;
            }
            (Some(text), _) => text.extend_from_slice(line),
        }
    }
    base64.is_none().then_some(found)
}

/// Base64 with its padding (RFC 4648, section 4).
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut groups = text.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let digits = group
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(group.len());
        let (digits, padding) = group.split_at_checked(digits)?;
        let is_last = groups.peek().is_none();
        let is_padded = padding.iter().all(|byte| *byte == b'=') && (padding.is_empty() || is_last);
        if group.len() != 4 || digits.len() < 2 || !is_padded {
            return None;
        }
        let mut bits: u32 = 0;
        for place in 0..4 {
            let value = digits.get(place).map_or(Some(0), |digit| value(*digit))?;
            bits = (bits << 6) | u32::from(value);
        }
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend(three.iter().take(digits.len().saturating_sub(1)));
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let place = DIGITS.iter().position(|known| *known == digit)?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        for bad in [
            "Z",
            "Zg=",
            "Z===",
            "====",
            "Zg==Zg==",
            "Zm9v\0===",
            "Zm-v",
            "Z=m9",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn several_in_one_text() {
        let one = "subject\n-----BEGIN CERTIFICATE-----\r\nZm\n9v\n-----END CERTIFICATE-----\n";
        let other = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let text = [one, other, one].concat();
        assert_eq!(certificates(text.as_bytes()).unwrap(), [b"foo", b"foo"]);
        assert_eq!(certificates(&text.as_bytes()[..60]), None);
        assert_eq!(certificates(b"").unwrap().len(), 0);
    }
}
