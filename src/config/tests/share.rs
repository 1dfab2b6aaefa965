//! What one configuration takes, no other one misses.

use super::{Files, Found, ids, look};

const MANY: &str = "for i in 1 2 3 4 5 6 7 8 9 a b c; do \
                    menuentry $i { while true; do true; done; }; done\n";
const GOOD: &str = "menuentry Good { linux /k; }\n";

/// What is found on two disks among so many others that each may take 125,000 steps.
fn in_a_crowd(first: Files<'_>, second: Files<'_>) -> Found {
    let others = std::iter::repeat_n(&[][..], 126);
    let disks: Vec<Files<'_>> = [first, second].into_iter().chain(others).collect();
    look(&disks)
}

#[test]
fn a_disk_that_loops_is_cut_and_the_next_one_is_not() {
    let files: Vec<(String, String)> = (10..80)
        .map(|i| (format!("/EFI/{i}/grub.cfg"), format!("# {i}\n{MANY}")))
        .collect();
    let mut hostile: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    hostile.push(("/k", "kernel"));
    let found = in_a_crowd(&hostile, &[("/k", "kernel"), ("/boot/grub/grub.cfg", GOOD)]);
    assert_eq!(ids(&found).last().unwrap(), "*Good");
    let said: Vec<&str> = found.problems.iter().map(|p| p.text.as_str()).collect();
    let share = "steps, its share of what the disk may take";
    assert_eq!(said.iter().filter(|text| text.contains(share)).count(), 64);
    assert_eq!(
        said[0],
        "/EFI/10/grub.cfg: the configuration with all its entries takes more than 1953 steps, its share of \
         what the disk may take: `3' and what follows is left out"
    );
    assert!(said.last().unwrap().contains("has over 64 configurations"));
}

#[test]
fn what_is_left_is_for_those_that_follow() {
    let found = in_a_crowd(
        &[
            ("/k", "kernel"),
            (
                "/EFI/a/grub.cfg",
                "menuentry Before { linux /k 1; }\nwhile true; do true; done\n",
            ),
            ("/EFI/b/grub.cfg", GOOD),
            ("/EFI/c/grub.cfg", MANY),
        ],
        &[],
    );
    assert_eq!(&ids(&found)[..2], ["*Before", "*Good"]);
    let said: Vec<&str> = found.problems.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(
        said[0],
        "/EFI/a/grub.cfg: the evaluation was ended: it takes more than 20833 steps, its share of what the disk may take"
    );
    // What the second one did not need.
    assert!(
        said.last().unwrap().contains("takes more than 1041"),
        "{said:?}"
    );
}
