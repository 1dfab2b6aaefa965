//! The environment block: a file of fixed size in which GRUB keeps variables between boots
//! (`grub-core/lib/envblk.c`).

const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// A block. Its length never changes, so that it can be written in the place of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentBlock {
    bytes: Vec<u8>,
}

/// Why a variable can't be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall;

impl EnvironmentBlock {
    /// A longer file is none, in bytes; GRUB makes them of 1024.
    pub const MAX_SIZE: usize = 64 * 1024;

    /// Takes the content of a file; `None` if it does not begin as a block does.
    pub fn parse(bytes: &[u8]) -> Option<EnvironmentBlock> {
        bytes.starts_with(SIGNATURE).then(|| EnvironmentBlock {
            bytes: bytes.to_vec(),
        })
    }

    /// The content of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names and values in order. What comes behind a line that is not finished is left out.
    pub fn iter(&self) -> impl Iterator<Item = (String, String)> {
        self.lines().filter_map(|line| {
            let line = self.bytes.get(line)?;
            // A comment: grub-editenv writes one at the beginning.
            if line.starts_with(b"#") {
                return None;
            }
            let at = line.iter().position(|byte| *byte == b'=')?;
            let (name, value) = line.split_at_checked(at)?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((text(name), text(&unescape(value.get(1..)?))))
        })
    }

    /// Sets a variable, or removes it. Comments stay.
    ///
    /// # Errors
    /// [`TooSmall`] when it does not fit; then nothing is changed.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), TooSmall> {
        let mut key = name.as_bytes().to_vec();
        key.push(b'=');
        let line = value.map(|value| {
            let mut line = key.clone();
            line.extend(escape(value));
            line.push(b'\n');
            line
        });
        let mut next = SIGNATURE.to_vec();
        let mut line = line;
        for range in self.lines() {
            let old = self.bytes.get(range).unwrap_or_default();
            match old.starts_with(&key) {
                false => {
                    next.extend(old);
                    next.push(b'\n');
                }
                // The first of several counts; the others would hide it.
                true => next.extend(line.take().unwrap_or_default()),
            }
        }
        next.extend(line.unwrap_or_default());
        if next.len() > self.bytes.len() {
            return Err(TooSmall);
        }
        next.resize(self.bytes.len(), b'#');
        self.bytes = next;
        Ok(())
    }

    /// The finished lines, without their ends: variables and comments. What fills the rest has no end.
    fn lines(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut at = SIGNATURE.len();
        std::iter::from_fn(move || {
            let length = line_length(self.bytes.get(at..)?)?;
            let range = at..at.saturating_add(length);
            at = range.end.saturating_add(1);
            Some(range)
        })
    }
}

/// Up to the line end that is not escaped; `None` where there is none.
fn line_length(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    bytes.iter().position(|byte| {
        let end = *byte == b'\n' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end
    })
}

fn unescape(value: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let kept = value.iter().filter(|byte| {
        escaped = **byte == b'\\' && !escaped;
        !escaped
    });
    kept.copied().collect()
}

fn escape(value: &str) -> Vec<u8> {
    let escaped = value.bytes().flat_map(|byte| {
        let backslash = matches!(byte, b'\\' | b'\n').then_some(b'\\');
        backslash.into_iter().chain([byte])
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(lines: &str) -> EnvironmentBlock {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(lines.as_bytes());
        bytes.resize(1024, b'#');
        EnvironmentBlock::parse(&bytes).unwrap()
    }

    fn all(block: &EnvironmentBlock) -> Vec<(String, String)> {
        block.iter().collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn reads_what_grub_writes() {
        let block = block("saved_entry=a>b\nnext_entry=\nodd=x\\\\y\\\nz\n");
        assert_eq!(
            all(&block),
            [
                pair("saved_entry", "a>b"),
                pair("next_entry", ""),
                pair("odd", "x\\y\nz")
            ]
        );
        assert_eq!(EnvironmentBlock::parse(b"# GRUB"), None);
        assert_eq!(
            all(&EnvironmentBlock::parse(b"# GRUB Environment Block\na=b\nc=d").unwrap()),
            [pair("a", "b")]
        );
    }

    #[test]
    fn comments_stay() {
        let mut changed = block("# WARNING: a=x\na=1\n#\nb=2\n");
        assert_eq!(all(&changed), [pair("a", "1"), pair("b", "2")]);
        changed.set("a", None).unwrap();
        changed.set("b", Some("3")).unwrap();
        assert_eq!(changed, block("# WARNING: a=x\n#\nb=3\n"));
    }

    #[test]
    fn the_length_stays() {
        let mut block = block("a=1\nb=2\n");
        block.set("a", Some("longer")).unwrap();
        block.set("c", Some("x\\y")).unwrap();
        block.set("b", None).unwrap();
        block.set("nothing", None).unwrap();
        assert_eq!(all(&block), [pair("a", "longer"), pair("c", "x\\y")]);
        assert_eq!(block.as_bytes().len(), 1024);
        let before = block.clone();
        assert_eq!(block.set("d", Some(&"x".repeat(1000))), Err(TooSmall));
        assert_eq!(block, before);
    }

    proptest! {
        #[test]
        fn what_is_set_is_read(
            changes in prop::collection::vec(("[a-d]", prop::option::of("[a-z=#\\\\\n]{0,9}")), 0..20),
        ) {
            let mut block = block("");
            let mut expected = std::collections::BTreeMap::new();
            for (name, value) in &changes {
                block.set(name, value.as_deref()).unwrap();
                match value {
                    Some(value) => expected.insert(name.clone(), value.clone()),
                    None => expected.remove(name),
                };
            }
            let found: std::collections::BTreeMap<_, _> = block.iter().collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, name in "[a-z]{1,5}") {
            let mut block = block("");
            block.bytes = [SIGNATURE, &bytes].concat();
            let length = block.bytes.len();
            let _ = all(&block);
            let _ = block.set(&name, Some("1"));
            prop_assert_eq!(block.bytes.len(), length);
        }
    }
}
