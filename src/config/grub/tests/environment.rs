//! Environment blocks: what is loaded, and what would be saved.

use super::{KERNELS, listed, problems, summary};
use crate::config::grub::Evaluated;
use crate::entry::{SavePlace, SavedVariables};

#[test]
fn state_of_the_environment_block() {
    let mut block = "# GRUB Environment Block\nsaved_entry=B\nnext_entry=C\n".to_owned();
    block.push_str(&"#".repeat(1024 - block.len()));
    let config = "load_env\n\
                  if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                  save_env next_entry; else set default=\"${saved_entry}\"; fi\n\
                  for x in A B C; do menuentry $x { linux /k1 $1; savedefault; }; done\n";
    let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
    let found = listed(config, &files);
    let defaults: Vec<&str> = found
        .entries
        .iter()
        .filter(|entry| entry.default)
        .map(|entry| entry.id.as_str())
        .collect();
    assert_eq!(defaults, ["C"]);
}

#[test]
fn only_variables_that_are_named_need_no_signature() {
    let block = environment("a=1\n");
    let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
    for (load, is_judged) in [
        ("load_env", true),
        ("load_env a", true),
        ("load_env --skip-sig", true),
        ("load_env --skip-sig a", false),
    ] {
        let found = listed(
            &format!("{load}\nmenuentry A {{ linux /k1 $a; }}\n"),
            &files,
        );
        let written = found.entries[0].written.files();
        let is_block = |place: &SavePlace| match place {
            SavePlace::File(file) => file.path.as_str() == "/boot/grub/grubenv",
            SavePlace::Parts(..) => false,
        };
        let is_there = written.iter().any(|file| is_block(&file.place));
        assert_eq!(is_there, is_judged, "{load}");
    }
}

/// Of each entry: what it saves in which file.
fn saves(found: &Evaluated) -> Vec<Vec<String>> {
    let text = |saved: &SavedVariables| {
        let path = match &saved.place {
            SavePlace::File(file) => file.path.to_string(),
            SavePlace::Parts(_, ranges) => format!("{ranges:?}"),
        };
        let variables = saved.variables.iter();
        let variables: Vec<String> = variables
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => format!("-{name}"),
            })
            .collect();
        format!("{path}: {}", variables.join(" "))
    };
    let entries = found.entries.iter();
    entries
        .map(|entry| entry.saves.iter().map(text).collect())
        .collect()
}

fn environment(lines: &str) -> String {
    let mut block = format!("# GRUB Environment Block\n{lines}");
    block.push_str(&"#".repeat(1024 - block.len()));
    block
}

#[test]
fn an_entry_carries_what_is_saved_before_it_is_started() {
    let block = environment("saved_entry=B\nnext_entry=C\n");
    let config = "load_env\n\
                  if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                  save_env next_entry; fi\n\
                  function savedefault { saved_entry=\"${chosen}\"; save_env saved_entry; }\n\
                  menuentry A { savedefault; linux /k1; }\n\
                  submenu S { recordfail=1; save_env recordfail\n\
                  menuentry C { savedefault; unset recordfail; save_env recordfail other; linux /k1; }\n}\n\
                  menuentry D { linux /k1; }\n\
                  menuentry E { next_entry=x; save_env next_entry; next_entry=y; save_env next_entry; \
                  save_env -f /other next_entry; linux /k1; }\n";
    let other = environment("");
    let files = [
        ("/k1", ""),
        ("/boot/grub/grubenv", block.as_str()),
        ("/other", other.as_str()),
    ];
    let found = listed(config, &files);
    let own = |text: &str| format!("/boot/grub/grubenv: {text}");
    assert_eq!(
        saves(&found),
        [
            vec![own("next_entry= saved_entry=A")],
            vec![own("next_entry= -recordfail saved_entry=S>C -other")],
            vec![own("next_entry=")],
            vec![own("next_entry=y"), "/other: next_entry=y".to_owned()],
        ]
    );
}

#[test]
fn what_was_saved_is_loaded_again_and_has_to_fit() {
    let block = environment("");
    let config = "a=1; b=x; save_env a b; unset b; save_env b; a=2; b=y; load_env\n\
                  long=0123456789012345678901234567890123456789\n\
                  for i in 1 2 3 4 5; do long=$long$long; done\n\
                  save_env long\n\
                  menuentry A { linux /k1 $a $b; }\n";
    let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
    let found = listed(config, &files);
    assert_eq!(summary(&found), ["*A [] BOOT_IMAGE=/k1 1 y"]);
    assert_eq!(saves(&found), [["/boot/grub/grubenv: a=1 -b"]]);
    assert_eq!(
        found.problems,
        ["(hd0,gpt2)/boot/grub/grub.cfg, line 4, column 1: environment block too small"]
    );
}

#[test]
fn a_configuration_without_a_block_saves_nothing() {
    let found = listed("menuentry A { save_env a; linux /k1; }\n", &KERNELS);
    assert_eq!(saves(&found), [[""; 0]]);
    assert_eq!(problems(&found.entries[0]).len(), 1);
}
