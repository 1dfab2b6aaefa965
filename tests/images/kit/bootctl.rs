//! What `bootctl` says of a directory as the EFI system partition.

use std::path::Path;

use serde_json::Value;

use super::run;

/// An entry as `bootctl list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// With what makes it unique.
    pub title: String,
    pub version: String,
    pub options: String,
    pub tries: (Option<u64>, Option<u64>),
}

/// The entries of a tree, which is in memory meanwhile: `bootctl` wants a filesystem of its own.
pub fn list(tree: &Path) -> Vec<Listed> {
    let printed = run(
        "unshare",
        [
            "-rm",
            "sh",
            "-c",
            "cp -a $0 $0.copy && mount -t tmpfs esp $0 && cp -r $0.copy/. $0 && \
             SYSTEMD_RELAX_ESP_CHECKS=1 bootctl --esp-path=$0 list --json=short",
            tree.to_str().expect("the path is text"),
        ],
    );
    // One object after the other, or a list of them, by version.
    let stream = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
    stream
        .map(|value| value.expect("bootctl prints JSON"))
        .flat_map(|value| match value {
            Value::Array(list) => list,
            value => vec![value],
        })
        .map(|value| {
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            Listed {
                id: text("id"),
                title: text("showTitle"),
                version: text("version"),
                options: text("options"),
                tries: (value["triesLeft"].as_u64(), value["triesDone"].as_u64()),
            }
        })
        .collect()
}
