//! [`ManifestListing`]: what a manifest lists.

use pilotlight::trust::manifest::{Group, Listed, Manifest};
use serde::Serialize;

/// A manifest.
#[derive(Debug, Serialize)]
pub(super) struct ManifestListing {
    pub(super) name: String,
    /// Its number among those of this name.
    pub(super) version: u64,
    pub(super) expires: Option<u64>,
    pub(super) groups: Vec<GroupListing>,
}

/// What is booted together.
#[derive(Debug, Serialize)]
pub(super) struct GroupListing {
    /// In the order of the manifest.
    pub(super) files: Vec<FileListing>,
    pub(super) cmdline: Option<String>,
}

/// A file.
#[derive(Debug, Serialize)]
pub(super) struct FileListing {
    /// What it is for.
    pub(super) role: &'static str,
    pub(super) path: String,
    pub(super) sha256: String,
}

impl ManifestListing {
    pub(super) fn of(manifest: &Manifest) -> ManifestListing {
        ManifestListing {
            name: manifest.name.clone(),
            version: manifest.version,
            expires: manifest.expires,
            groups: manifest.groups.iter().map(GroupListing::of).collect(),
        }
    }
}

impl GroupListing {
    fn of(group: &Group) -> GroupListing {
        let named = |role, files: &[Listed]| -> Vec<FileListing> {
            files
                .iter()
                .map(|file| FileListing::of(role, file))
                .collect()
        };
        let mut files = vec![FileListing::of("kernel", &group.kernel)];
        files.extend(named("initrd", &group.initrds));
        files.extend(named("file", &group.files));
        files.extend(named("devicetree", group.devicetree.as_slice()));
        files.extend(named("configuration", &group.configurations));
        GroupListing {
            files,
            cmdline: group.cmdline.clone(),
        }
    }
}

impl FileListing {
    fn of(role: &'static str, file: &Listed) -> FileListing {
        FileListing {
            role,
            path: file.path.clone(),
            sha256: file
                .sha256
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }
}
