//! `/etc/fstab` (fstab(5)).

/// Further lines are passed over.
const MAX_LINES: usize = 1024;

/// A line of a `fstab`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted: `UUID=…`, `LABEL=…`, `/dev/…`.
    pub source: String,
    /// Where.
    pub target: String,
    /// The type of the filesystem.
    pub kind: String,
    /// The options, with commas between them.
    pub options: String,
}

impl Mount {
    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.split(',');
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The mounts that a `fstab` names.
pub fn mounts(text: &str) -> Vec<Mount> {
    let lines = text.lines().map(str::trim_start).take(MAX_LINES);
    let lines = lines.filter(|line| !line.starts_with('#'));
    let mounts = lines.filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(unescaped);
        Some(Mount {
            source: fields.next()?.replace('"', ""),
            target: fields.next()?,
            kind: fields.next().unwrap_or_default(),
            options: fields.next().unwrap_or_default(),
        })
    });
    mounts.collect()
}

/// A field with its `\040` and the like made what they stand for.
fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                text.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_installers_write() {
        let text = "# /etc/fstab\n\nUUID=ab-cd / btrfs  rw,subvol=/@,ssd 0 0\n\
                    \tLABEL=\"my\\040boot\"\t/boot\text4\n/dev/sda3 none swap sw\nbad\n";
        let found = mounts(text);
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found[0].source.as_str(), found[0].target.as_str()),
            ("UUID=ab-cd", "/")
        );
        assert_eq!(found[0].option("subvol"), Some("/@"));
        assert_eq!(found[0].option("ssd"), None);
        assert_eq!(found[1].source, "LABEL=my boot");
        assert_eq!(unescaped("a\\b\\134\\"), "a\\b\\\\");
    }

    proptest! {
        #[test]
        fn any_text_is_a_fstab(text: String) {
            prop_assert!(mounts(&text).len() <= MAX_LINES);
        }
    }
}
