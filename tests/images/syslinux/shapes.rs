//! What distributions, installers and boards write, as far as its shape matters, and the whole list that
//! comes of it. The form is told in `disk.rs`.

use crate::grub::corpus::split;

use super::disk::list;

#[test]
fn what_is_written() {
    let shapes = split(include_str!("shapes.txt"));
    assert!(shapes.len() >= 11, "{}", shapes.len());
    let mut different = String::new();
    for (name, text) in shapes {
        let (files, expected) = text.split_once("\n>>>\n").unwrap();
        let found = list(files);
        if found.trim_end() != expected.trim_end() {
            different += &format!("=== {name}\n{found}");
        }
    }
    assert!(different.is_empty(), "{different}");
}
