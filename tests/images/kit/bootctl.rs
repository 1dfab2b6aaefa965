//! What `bootctl` says of directories as the EFI system partition and XBOOTLDR, and what it and `kernel-install`
//! write there.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{TempDir, run};

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
    list_both(tree, None)
}

/// The entries of the EFI system partition and of XBOOTLDR beside it.
pub fn list_both(esp: &Path, xbootldr: Option<&Path>) -> Vec<Listed> {
    let printed = bootctl(esp, xbootldr, "--json=short");
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

/// The id of the entry that it takes for the default one: of `loader.conf`, where no variable says more.
pub fn default(esp: &Path, xbootldr: Option<&Path>) -> Option<String> {
    let printed = bootctl(esp, xbootldr, "--no-pager");
    // The title is marked, and the id stands below it.
    let (_, below) = printed.split_once("(default)")?;
    let mut ids = below.lines().filter_map(|line| line.split_once("id: "));
    Some(ids.next()?.1.trim().to_owned())
}

fn bootctl(esp: &Path, xbootldr: Option<&Path>, format: &str) -> String {
    let text = |path: &Path| path.to_str().expect("the path is text").to_owned();
    let script = "
        for tree in \"$@\"; do
            cp -a $tree $tree.copy && mount -t tmpfs tree $tree && cp -r $tree.copy/. $tree || exit
        done
        export SYSTEMD_RELAX_ESP_CHECKS=1 SYSTEMD_RELAX_XBOOTLDR_CHECKS=1
        bootctl --esp-path=$1 ${2:+--boot-path=$2} list $0";
    let mut arguments = ["-rm", "sh", "-c", script, format]
        .map(str::to_owned)
        .to_vec();
    arguments.push(text(esp));
    arguments.extend(xbootldr.map(text));
    let printed = run("unshare", arguments);
    for tree in [Some(esp), xbootldr].into_iter().flatten() {
        let copy = format!("{}.copy", text(tree));
        std::fs::remove_dir_all(copy).expect("the copy was made");
    }
    printed
}

/// Runs a script with an EFI system partition of its own, empty and mounted at `esp` in its directory, and returns
/// the tree that it wrote there.
pub fn installed(directory: &TempDir, script: &str) -> PathBuf {
    let tree = directory.path().join("installed");
    let whole = format!(
        "cd $0 && mkdir esp installed && mount -t tmpfs esp esp
        export SYSTEMD_RELAX_ESP_CHECKS=1
        {script}
        cp -r esp/. installed"
    );
    let path = directory.path().to_str().expect("the path is text");
    run("unshare", ["-rm", "sh", "-ec", &whole, path]);
    tree
}
