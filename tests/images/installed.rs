//! Whole disks as installed systems leave them that do not start from a script of GRUB alone: with systemd-boot,
//! or entries of the specification in GRUB. In `installed/` stands the whole list beside each description (see
//! [`Machine`](crate::grub::machine::Machine)).

use std::path::{Path, PathBuf};

use crate::grub::systems::difference;

#[test]
fn each_list_is_the_known_one() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/installed");
    let files = std::fs::read_dir(directory).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_description = |path: &PathBuf| path.extension().is_some_and(|e| e == "machine");
    let descriptions: Vec<PathBuf> = files.filter(is_description).collect();
    assert!(descriptions.len() >= 6, "{} systems", descriptions.len());
    let wrong: Vec<String> = descriptions
        .iter()
        .filter_map(|path| difference(path))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
