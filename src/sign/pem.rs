//! PEM (RFC 7468): bytes as base64 between lines that begin and end them.

use pilotlight::trust::base64;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The certificates in a text, in DER; what stands between them is for people. Nothing where one of them is
/// damaged.
pub(crate) fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        match (&mut open, line) {
            (None, BEGIN) => open = Some(Vec::new()),
            (None, _) => {}
            (Some(_), BEGIN) => return None,
            (Some(text), END) => {
                found.push(base64(text)?);
                open = None;
            }
            (Some(text), _) => text.extend_from_slice(line),
        }
    }
    open.is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

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
