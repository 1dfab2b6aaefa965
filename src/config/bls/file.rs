//! The text of an entry file.

/// An entry as its file says it, nothing looked up yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Type1 {
    /// `title`
    pub title: Option<String>,
    /// `version`
    pub version: Option<String>,
    /// `machine-id`
    pub machine_id: Option<String>,
    /// `sort-key`
    pub sort_key: Option<String>,
    /// `architecture`
    pub architecture: Option<String>,
    /// `linux`
    pub linux: Option<String>,
    /// `efi`
    pub efi: Option<String>,
    /// `uki`
    pub uki: Option<String>,
    /// `uki-url`
    pub uki_url: Option<String>,
    /// `devicetree`
    pub devicetree: Option<String>,
    /// `initrd`, in order.
    pub initrd: Vec<String>,
    /// `options`, joined with single spaces.
    pub options: String,
    /// Keys that ask for something that is not done, each with its line: the entry would not start as
    /// its author meant.
    pub needed: Vec<(u32, String)>,
    /// Keys that nobody knows, each with its line.
    pub unknown: Vec<(u32, String)>,
}

impl Type1 {
    /// Reads the text of an entry. There is no wrong text: what makes no sense is among the unknown
    /// keys, and what is missing is found when the entry is looked up.
    pub fn parse(text: &str) -> Type1 {
        let mut entry = Type1::default();
        for (line, key, value) in lines(text) {
            let single = |field: &mut Option<String>| *field = Some(value.to_owned());
            match key {
                // Keys without a value say nothing.
                _ if value.is_empty() => {}
                "title" => single(&mut entry.title),
                "version" => single(&mut entry.version),
                "machine-id" => single(&mut entry.machine_id),
                "sort-key" => single(&mut entry.sort_key),
                "architecture" => single(&mut entry.architecture),
                "linux" => single(&mut entry.linux),
                "efi" => single(&mut entry.efi),
                "uki" => single(&mut entry.uki),
                "uki-url" => single(&mut entry.uki_url),
                "devicetree" => single(&mut entry.devicetree),
                "initrd" => entry.initrd.push(value.to_owned()),
                "options" => {
                    if !entry.options.is_empty() {
                        entry.options.push(' ');
                    }
                    entry.options.push_str(value);
                }
                "devicetree-overlay" | "profile" | "extra" => {
                    entry.needed.push((line, key.to_owned()));
                }
                // For GRUB's menu: they change nothing in what is started.
                "grub_users" | "grub_arg" | "grub_class" | "grub_hotkey" | "id" => {}
                _ => entry.unknown.push((line, key.to_owned())),
            }
        }
        entry
    }
}

/// The lines of a text that have a key: number from 1, key, value without white space around it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u32, &str, &str)> {
    text.lines().zip(1..).filter_map(|(line, number)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        Some((number, key, value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_kernel_install_writes() {
        let entry = Type1::parse(
            "# Boot Loader Specification type#1 entry\n\
             title      Debian GNU/Linux 12 (bookworm)\n\
             version    6.1.0-44-amd64\n\
             machine-id 11111111111111111111111111111111\n\
             sort-key   debian\n\
             options    root=UUID=1 ro\n\
             options\tquiet\n\
             linux      /1/6.1.0-44-amd64/linux\r\n\
             initrd     /1/ucode.img\n\
             initrd     /1/initrd.img\n",
        );
        let expected = Type1 {
            title: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            version: Some("6.1.0-44-amd64".to_owned()),
            machine_id: Some("1".repeat(32)),
            sort_key: Some("debian".to_owned()),
            options: "root=UUID=1 ro quiet".to_owned(),
            linux: Some("/1/6.1.0-44-amd64/linux".to_owned()),
            initrd: vec!["/1/ucode.img".to_owned(), "/1/initrd.img".to_owned()],
            ..Type1::default()
        };
        assert_eq!(entry, expected);
    }

    #[test]
    fn unknown_and_needed_keys_have_their_lines() {
        let entry = Type1::parse("\ntitel x\nprofile 2\n  grub_class kernel\nlinux\n");
        assert_eq!(entry.unknown, [(2, "titel".to_owned())]);
        assert_eq!(entry.needed, [(3, "profile".to_owned())]);
        assert_eq!(entry.linux, None);
    }

    proptest! {
        #[test]
        fn any_text_is_an_entry(text in any::<String>()) {
            let _ = Type1::parse(&text);
        }

        #[test]
        fn options_keep_their_order(options in prop::collection::vec("[a-z=0-9]{1,9}", 0..9)) {
            let text: String = options.iter().map(|o| format!("options {o}\n")).collect();
            prop_assert_eq!(Type1::parse(&text).options, options.join(" "));
        }
    }
}
