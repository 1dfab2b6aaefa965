//! [`Name`]: how an image is called in a menu.

use super::os_release::Assignments;

/// What the texts in an image say of it (`bootspec_pick_name_version_sort_key` of systemd).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// The title, with that of the profile.
    pub(super) title: Option<String>,
    /// The version of the system.
    pub(super) version: Option<String>,
    /// What it is sorted by.
    pub(super) sort_key: Option<String>,
    /// The id of the system.
    pub(super) system: Option<String>,
    /// What stands behind the `@` in its id.
    pub(super) profile: Option<String>,
}

impl Name {
    /// From the contents of `.osrel` and `.profile`. The first profile is number 0.
    pub(super) fn of(os_release: &[u8], profile: &[u8], number: usize) -> Name {
        let system = Assignments::parse(os_release);
        let variant = Assignments::parse(profile);
        let own = |text: Option<&str>| text.map(str::to_owned);
        let title = own(system.first(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"]));
        let addition = own(variant.first(&["TITLE", "ID"]));
        let addition = addition.or_else(|| (number > 0).then(|| format!("Profile #{number}")));
        let title = match (title, addition) {
            (Some(title), Some(addition)) => Some(format!("{title} ({addition})")),
            (title, addition) => title.or(addition),
        };
        let number = (number > 0).then(|| number.to_string());
        Name {
            title,
            version: own(system.first(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"])),
            sort_key: own(system.first(&["IMAGE_ID", "ID"])),
            system: own(system.first(&["ID"])),
            profile: own(variant.first(&["ID"])).or(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_systemd_picks_them() {
        let texts = |system: &str, profile: &str, number| {
            let name = Name::of(system.as_bytes(), profile.as_bytes(), number);
            [name.title, name.version, name.sort_key, name.profile].map(Option::unwrap_or_default)
        };
        let debian = "PRETTY_NAME=\"Debian 12\"\nNAME=Debian\nID=debian\nVERSION_ID=12\nVERSION=\"12 (x)\"\n";
        assert_eq!(texts(debian, "", 0), ["Debian 12", "12 (x)", "debian", ""]);
        assert_eq!(
            texts(debian, "ID=safe\nTITLE=Safe mode", 1),
            ["Debian 12 (Safe mode)", "12 (x)", "debian", "safe"]
        );
        assert_eq!(
            texts(debian, "ID=main", 0),
            ["Debian 12 (main)", "12 (x)", "debian", "main"]
        );
        assert_eq!(
            texts(debian, "", 2),
            ["Debian 12 (Profile #2)", "12 (x)", "debian", "2"]
        );
        let image = "ID=os\nIMAGE_ID=appliance\nIMAGE_VERSION=7\nVERSION_ID=1\n";
        assert_eq!(texts(image, "", 0), ["appliance", "7", "appliance", ""]);
        assert_eq!(texts("", "", 0), ["", "", "", ""]);
    }
}
