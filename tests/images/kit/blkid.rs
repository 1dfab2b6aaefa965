//! What `blkid` of util-linux says of an image.

use super::{Image, tool};

/// The answer of `blkid -p`; all empty when it recognises nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Blkid {
    pub format: Option<String>,
    pub uuid: Option<String>,
    pub label: Option<String>,
    /// The label in the boot sector of a FAT, which counts when its root directory has none.
    pub boot_label: Option<String>,
}

/// Asks `blkid` what the image is.
pub fn blkid(image: &Image) -> Blkid {
    Blkid {
        format: value(image, "TYPE"),
        uuid: value(image, "UUID"),
        label: value(image, "LABEL"),
        boot_label: value(image, "LABEL_FATBOOT"),
    }
}

/// One value. Asked for alone it is printed as it is; with others it gets backslashes for a shell.
fn value(image: &Image, key: &str) -> Option<String> {
    let arguments = ["-p", "-o", "value", "-s", key, image.path()];
    let output = tool("blkid")
        .args(arguments)
        .output()
        .expect("blkid starts");
    // 2: nothing recognised.
    assert!(
        matches!(output.status.code(), Some(0 | 2)),
        "blkid failed: {output:?}"
    );
    let value = String::from_utf8_lossy(&output.stdout);
    let value = value.strip_suffix('\n')?;
    (!value.is_empty()).then(|| value.to_owned())
}
