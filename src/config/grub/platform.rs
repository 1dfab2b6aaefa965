//! [`Platform`]: which GRUB it is that a configuration believes to run in.

use super::variables::Variables;

/// The firmware and the processor that the installed GRUB was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// `x86_64-efi`
    Efi,
    /// `i386-pc`: a BIOS.
    Pc,
    /// `x86_64-emu`: GRUB as a program, against which the evaluation is tested.
    Emu,
}

/// What GRUB 2.06 can do, as it says itself (`grub-core/normal/main.c`).
const FEATURES: [&str; 9] = [
    "feature_200_final",
    "feature_all_video_module",
    "feature_chainloader_bpb",
    "feature_default_font_path",
    "feature_menuentry_id",
    "feature_menuentry_options",
    "feature_nativedisk_cmd",
    "feature_ntldr",
    "feature_platform_search_hint",
];

impl Platform {
    /// `$grub_platform`
    pub(super) fn name(self) -> &'static str {
        match self {
            Platform::Efi => "efi",
            Platform::Pc => "pc",
            Platform::Emu => "emu",
        }
    }

    /// What `probe --driver` says of a disk.
    pub(super) fn disk_driver(self) -> &'static str {
        match self {
            Platform::Efi => "efidisk",
            Platform::Pc => "biosdisk",
            Platform::Emu => "hostdisk",
        }
    }

    fn cpu(self) -> &'static str {
        match self {
            Platform::Efi | Platform::Emu => "x86_64",
            Platform::Pc => "i386",
        }
    }

    /// Sets the variables with which GRUB begins.
    pub(super) fn describe(self, variables: &mut Variables) {
        variables.set("grub_platform", self.name());
        variables.set("grub_cpu", self.cpu());
        variables.export("grub_platform");
        variables.export("grub_cpu");
        for feature in FEATURES {
            variables.set(feature, "y");
            variables.export(feature);
        }
        variables.set("feature_timeout_style", "y");
        variables.export("feature_timeout_style");
        for (name, value) in [
            ("color_normal", "light-gray/black"),
            ("color_highlight", "black/light-gray"),
            ("pager", ""),
        ] {
            variables.set(name, value);
            variables.export(name);
        }
    }
}
