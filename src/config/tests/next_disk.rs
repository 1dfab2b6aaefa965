//! Configurations that go on to the next disk when nobody chooses, as media of installers do.

use super::*;
use crate::config::discover::LEFT_TO_PEOPLE;

const INSTALLER: &str = "label install\nlinux /k\nlabel local\nlocalboot 0x80\n";

#[test]
fn what_stands_beside_it_is_left_to_people() {
    for (file, text) in [
        ("/syslinux.cfg", "default local\n"),
        (
            "/syslinux.cfg",
            "ui menu.c32\nontimeout local\ntimeout 50\n",
        ),
        (
            "/syslinux.cfg",
            "default disk\nlabel disk\nkernel chain.c32\nappend hd0\n",
        ),
    ] {
        let text = format!("{text}{INSTALLER}");
        let found = look(&[&[(file, &text), ("/k", "kernel")]]);
        assert!(found.configurations[0].goes_on(&found.entries), "{text}");
        let install = found.entries.iter().find(|entry| entry.id == "install");
        let problems = &install.unwrap().problems;
        assert!(
            problems
                .iter()
                .any(|problem| problem.text == LEFT_TO_PEOPLE)
        );
        assert!(install.unwrap().bootable());
    }
    let text = format!("default disk\nlabel disk\nkernel chain.c32\nappend hd0 2\n{INSTALLER}");
    let found = look(&[&[("/syslinux.cfg", &text), ("/k", "kernel")]]);
    assert!(!found.configurations[0].goes_on(&found.entries));
    let script = "set default=0\nmenuentry disk { exit; }\nmenuentry install { linux /k; }\n";
    let found = look(&[&[("/boot/grub/grub.cfg", script), ("/k", "kernel")]]);
    assert!(found.configurations[0].goes_on(&found.entries));
    // What does nothing else with the machine does not go on.
    for other in [
        script.replace("exit", "fwsetup"),
        script.replace("default=0", "default=1"),
    ] {
        let found = look(&[&[("/boot/grub/grub.cfg", &other), ("/k", "kernel")]]);
        assert!(!found.configurations[0].goes_on(&found.entries), "{other}");
        let problems = found.entries.iter().flat_map(|entry| &entry.problems);
        assert!(
            problems
                .into_iter()
                .all(|problem| problem.text != LEFT_TO_PEOPLE)
        );
    }
}

#[test]
fn a_configuration_that_offers_nothing_does_not_hide_the_next() {
    let empty = ("/boot/extlinux/extlinux.conf", "# moved\n");
    let found = look(&[&[
        empty,
        ("/extlinux/extlinux.conf", "label a\nlinux /k\n"),
        ("/boot/syslinux/syslinux.cfg", "label b\nlinux /k\n"),
        ("/k", "kernel"),
    ]]);
    assert_eq!(ids(&found), ["a"]);
    let told = "/boot/extlinux/extlinux.conf: it offers nothing";
    assert_eq!(found.problems[0].text, told);
    let found = look(&[&[empty]]);
    assert_eq!(ids(&found), [""; 0]);
    assert_eq!(found.problems[0].text, told);
}
