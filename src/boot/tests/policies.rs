//! Policies and situations, and the plan that must come out.

use super::machine::Machine;
use crate::boot::rules::judge;
use crate::entry::{BootEntry, EntrySource};
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;
use crate::policy::Policy;

/// Situation, policy, plan.
type Row = (&'static str, &'static str, &'static str);

fn compare(rows: &[Row]) {
    for (situation, policy, expected) in rows {
        let plan = Machine::new(situation).plan(policy);
        assert_eq!(plan, *expected, "\n{situation}\n{policy}");
    }
}

#[test]
fn without_rules() {
    compare(&[
        ("", "", ""),
        ("n:", "", ""),
        ("n:a,b,c", "", "a b c"),
        ("n:a,*b,c", "", "b a c"),
        ("n:a,*b+1,c+0", "", "b c a"),
        ("n:a,*!b,c+0", "", "c a"),
        ("n:a,*~b,c+0", "", "c a"),
        ("n:a,*b s:c,*d", "", "b a d c"),
        ("s:a,*b n:c,*d", "", "b a d c"),
        ("u:a n:*b", "", "a b"),
        ("n:a.guess s:b", "", "b"),
        ("n:!a,~b", "", ""),
    ]);
}

#[test]
fn a_default_comes_first_of_what_may_be_started() {
    compare(&[
        ("n:a,*b,c", "boot.default = 'c'", "c b a"),
        ("n:a,*b,c", "boot.default = 'C Linux'", "c b a"),
        ("n:a,*b,c", "boot.default = 'c linux'", "c b a"),
        ("n:a,*b,c", "boot.default = '[ac]'", "a c b"),
        ("n:a,*b,c", "boot.default = '*'", "b a c"),
        ("n:a,*b,c", "boot.default = 'x'", "b a c"),
        ("n:a,*b,!c", "boot.default = 'c'", "b a"),
        ("n:a,*b,~c", "boot.default = 'c'", "b a"),
        ("n:a,*b s:c", "boot.default = 'c'", "c b a"),
        ("n:a s:b.guess", "boot.default = 'b'", "a"),
        (
            "n:a s:b.guess",
            "boot = { default = 'b', guess = true }",
            "b a",
        ),
        (
            "n:a s:b",
            "boot = { default = 'b', refuse = [{ id = 'b' }] }",
            "a [b 1]",
        ),
        (
            "n:a s:b",
            "boot = { default = 'b', prefer = [{ id = 'a' }] }",
            "b a",
        ),
    ]);
}

#[test]
fn configurations_are_followed_or_not() {
    compare(&[
        ("n:a,*b,c", "boot.follow = true", "b a c"),
        ("n:a,*b,c", "boot.follow = false", "a b c"),
        ("n:a,*b,c+0", "boot.follow = false", "a b c"),
        ("n:a,*b s:c,*d", "boot.follow = false", "a b c d"),
        (
            "n:a,*b,c",
            "boot = { follow = false, default = 'c' }",
            "c a b",
        ),
        (
            "n:a,*b s:c,*d",
            "boot = { follow = false, prefer = [{ transport = 'ata' }] }",
            "c d a b",
        ),
    ]);
}

#[test]
fn what_is_preferred_comes_first() {
    compare(&[
        ("u:a n:b", "boot.prefer = [{ transport = 'nvme' }]", "b a"),
        (
            "u:a,*b n:c,*d",
            "boot.prefer = [{ transport = 'nvme' }]",
            "d c b a",
        ),
        (
            "u:a s:b n:c",
            "boot.prefer = [{ transport = 'nvme' }, { transport = 'ata' }]",
            "c b a",
        ),
        (
            "u:a s:b n:c",
            "boot.prefer = [{ transport = 'ata' }, { transport = 'nvme' }]",
            "b c a",
        ),
        (
            "u:a s:b n:c",
            "boot.prefer = [{ transport = 'mmc' }]",
            "a b c",
        ),
        (
            "u:a n:b o:c",
            "boot.prefer = [{ transport = 'nvme' }]",
            "b c a",
        ),
        (
            "u:a c:b n:c",
            "boot.prefer = [{ removable = false }]",
            "c a b",
        ),
        (
            "n:a u:b c:c",
            "boot.prefer = [{ removable = true }]",
            "b c a",
        ),
        ("n:a o:b", "boot.prefer = [{ disk = '2146' }]", "b a"),
        (
            "n:a o:b",
            "boot.prefer = [{ disk = 'WD_Black_2146' }]",
            "b a",
        ),
        ("n:a o:b s:c", "boot.prefer = [{ disk = 'SSD*' }]", "c a b"),
        ("n:a u:b", "boot.prefer = [{ disk = 'disk-1234-*' }]", "b a"),
        ("n:a o:b", "boot.prefer = [{ volume = 'aaaa-0002' }]", "b a"),
        ("n:a s:b", "boot.prefer = [{ volume = 'boot' }]", "b a"),
        ("n:a s:b", "boot.prefer = [{ volume = 'BOOT' }]", "a b"),
        ("v:a n:b", "boot.prefer = [{ partition = 'esp' }]", "b a"),
        (
            "v:a s:b",
            "boot.prefer = [{ partition = 'xbootldr' }]",
            "b a",
        ),
        ("n:a u:b", "boot.prefer = [{ partition = '0x0c' }]", "b a"),
        (
            "n:a v:b",
            "boot.prefer = [{ partition = '0FC63DAF-8483-4772-8E79-3D69D8477DE4' }]",
            "b a",
        ),
        (
            "n:a,b.uki,c.grub",
            "boot.prefer = [{ source = 'grub' }, { source = 'uki' }]",
            "c b a",
        ),
        (
            "n:a,b,c",
            "boot.prefer = [{ id = 'c' }, { title = 'b *' }]",
            "c b a",
        ),
        (
            "n:a@fedora,b,c@debian",
            "boot.prefer = [{ system = 'debian' }]",
            "c a b",
        ),
        (
            "n:a@fedora,b,c@debian",
            "boot.prefer = [{ system = '*' }]",
            "a c b",
        ),
        ("n:a,*b,c", "boot.prefer = [{ title = 'C*' }]", "c b a"),
        (
            "n:a,b u:a1,b1",
            "boot.prefer = [{ id = 'b*', transport = 'usb' }]",
            "b1 a b a1",
        ),
        (
            "n:a,b u:a1,b1",
            "boot.prefer = [{ id = 'b*' }, { transport = 'usb' }]",
            "b b1 a1 a",
        ),
        // What was guessed stays behind what somebody wrote.
        (
            "n:a.guess s:b",
            "boot = { guess = true, prefer = [{ source = 'guess' }] }",
            "b a",
        ),
        (
            "n:a.guess s:b.guess",
            "boot = { guess = true, prefer = [{ transport = 'ata' }] }",
            "b a",
        ),
        // Where it was written counts, not where the kernel is.
        (
            "n:a>u u:b>n",
            "boot.prefer = [{ transport = 'usb' }]",
            "b a",
        ),
    ]);
}

#[test]
fn what_is_refused_is_started_by_nobody() {
    compare(&[
        ("n:a u:b", "boot.refuse = [{ removable = true }]", "a [b 1]"),
        (
            "n:a u:*b c:c",
            "boot.refuse = [{ removable = true }]",
            "a [b 1] [c 1]",
        ),
        (
            "n:a u:b",
            "boot.refuse = [{ transport = 'usb' }]",
            "a [b 1]",
        ),
        ("u:b", "boot.refuse = [{ removable = true }]", "[b 1]"),
        (
            "n:a,b@debian",
            "boot.refuse = [{ system = 'debian' }]",
            "a [b 1]",
        ),
        (
            "n:a,*b.grub",
            "boot.refuse = [{ source = 'grub' }]",
            "a [b 1]",
        ),
        (
            "n:a,b,c",
            "boot.refuse = [{ title = 'b*' }, { id = 'c' }]",
            "a [b 1] [c 1]",
        ),
        (
            "n:a,b,c",
            "[[boot.refuse]]\nid = 'a'\n[[boot.refuse]]\nid = '[ac]'\n",
            "b [a 1] [c 3]",
        ),
        (
            "n:a s:b",
            "boot.refuse = [{ volume = 'EFI', id = 'b' }]",
            "a b",
        ),
        (
            "n:a s:b",
            "boot = { prefer = [{ id = 'a' }], refuse = [{ id = 'a' }] }",
            "b [a 1]",
        ),
        ("n:a,*b,c+0", "boot.refuse = [{ id = 'b' }]", "c a [b 1]"),
        (
            "n:a,c.guess",
            "boot = { guess = true, refuse = [{ source = 'guess' }] }",
            "a [c 1]",
        ),
        // A configuration of the inner disk leads to no kernel of the other one.
        (
            "n:a,b>u u:",
            "boot.refuse = [{ removable = true }]",
            "a [b 1]",
        ),
        (
            "u:a>n n:b",
            "boot.refuse = [{ removable = true }]",
            "b [a 1]",
        ),
        (
            "n:a,b>u u:",
            "boot.refuse = [{ volume = 'STICK' }]",
            "a [b 1]",
        ),
        // Both conditions have to hold for one and the same disk.
        (
            "n:a>s s:",
            "boot.refuse = [{ transport = 'nvme', volume = 'boot' }]",
            "a",
        ),
    ]);
}

#[test]
fn wishes_choose_among_what_is_left() {
    compare(&[
        ("n:a,*b,c once=c", "", "c b a"),
        ("n:a,*b,c once=c", "boot.default = 'a'", "c a b"),
        ("n:a,*b,c always=c", "boot.default = 'a'", "a c b"),
        ("n:a,*b,c preferred=c", "boot.default = 'a'", "a c b"),
        ("n:a,*b,%c preferred=c", "", "b a c"),
        ("n:a,*b,c always=c", "boot.prefer = [{ id = 'a' }]", "c a b"),
        (
            "n:a,*b,c once=c",
            "boot.refuse = [{ id = 'c' }]",
            "b a [c 1]",
        ),
        (
            "n:a u:b once=b",
            "boot.refuse = [{ removable = true }]",
            "a [b 1]",
        ),
        (
            "n:a u:b always=b",
            "boot = { default = 'b', refuse = [{ removable = true }] }",
            "a [b 1]",
        ),
        ("n:a,b,c once=c always=c", "boot.default = 'c'", "c a b"),
        (
            "n:a,b,c once=b always=c",
            "boot = { follow = false, default = 'a' }",
            "b a c",
        ),
        ("n:a s:b.guess once=b", "", "a"),
    ]);
}

#[test]
fn what_resets_the_machine_gives_way_to_others() {
    compare(&[
        ("n:a,b,c started=aaa", "", "a b c"),
        ("n:a,b,c started=aa", "failure.resets = 3", "a b c"),
        ("n:a,b,c started=aaa", "failure.resets = 3", "b c a"),
        ("n:a,b,c started=aaabbb", "failure.resets = 3", "c a b"),
        ("n:a,b,c started=aaabb", "failure.resets = 3", "b c a"),
        // When all are used up, what was started least.
        ("n:a,b,c started=aaabbc", "failure.resets = 1", "c b a"),
        ("n:a started=aaa", "failure.resets = 1", "a"),
        // What was good comes first among the others, and only where something gives way.
        ("n:a,b,c good=c started=aa", "failure.resets = 2", "c b a"),
        ("n:a,b,c good=c started=a", "failure.resets = 2", "a b c"),
        ("n:a,b,c good=bc started=aa", "failure.resets = 2", "c b a"),
        ("n:a,b,c good=c started=aacc", "failure.resets = 2", "b c a"),
        ("n:a,b,c good=a started=ab", "failure.resets = 2", "a b c"),
        ("n:a,b,c good=c started=bb", "failure.resets = 2", "a c b"),
        // Whoever is preferred gives way as well, but not what is asked for at this boot.
        ("n:a,b always=b started=bb", "failure.resets = 2", "a b"),
        ("n:a,b,c once=b started=bbaa", "failure.resets = 2", "b c a"),
        (
            "n:a,b started=bb",
            "failure.resets = 2\nboot.default = 'b'",
            "a b",
        ),
        // It loosens nothing.
        (
            "n:a,b,!c started=aa",
            "failure.resets = 1\nboot.refuse = [{ id = 'b' }]",
            "a [b 2]",
        ),
    ]);
}

#[test]
fn disks_are_wanted() {
    for (disks, policy, expected) in [
        ("n:", "", &[][..]),
        ("n:", "wait.wanted = [{ transport = 'nvme' }]", &[]),
        ("s:", "wait.wanted = [{ transport = 'nvme' }]", &[1]),
        ("", "wait.wanted = [{ removable = false }]", &[1]),
        ("u:", "wait.wanted = [{ removable = false }]", &[1]),
        (
            "n:",
            "wait.wanted = [{ disk = '2145' }, { disk = '2146' }]",
            &[1],
        ),
        (
            "n: o:",
            "wait.wanted = [{ disk = '2145' }, { disk = '2146' }]",
            &[],
        ),
        (
            "n:",
            "[[wait.wanted]]\ndisk = '2145'\n[[wait.wanted]]\ndisk = '2146'\n",
            &[3],
        ),
        (
            "n:",
            "wait.wanted = [{ volume = 'EFI', partition = 'esp' }]",
            &[],
        ),
        (
            "n: s:",
            "wait.wanted = [{ volume = 'boot', transport = 'nvme' }]",
            &[1],
        ),
    ] {
        let missing = Machine::new(disks).missing(policy);
        assert_eq!(missing, expected, "{disks}\n{policy}");
    }
}

#[test]
fn further_disks_are_waited_for_or_not() {
    const UP: &str = "what is still being brought up";
    const WANTED: &str = "the disks that the policy wants";
    let both = "wait = { settle = 4, wanted = [{ transport = 'nvme' }, { transport = 'ata' }] }";
    let late = "wait = { settle = 3600, wanted = [{ volume = 'boot' }] }";
    for (disks, policy, on_their_way, seconds, expected) in [
        // Who wants none waits for those that are on their way.
        ("n:a", "", false, 0, ""),
        ("n:a", "", true, 0, UP),
        ("n:a", "", true, 9, UP),
        ("n:a", "", true, 10, ""),
        ("n:a", "wait.settle = 0", true, 0, ""),
        ("n:a", "wait.settle = 60", true, 59, UP),
        ("n:a", "wait.settle = 60", false, 1, ""),
        // Who wants some waits for these alone.
        ("n:a", both, false, 0, WANTED),
        ("n:a", both, false, 3, WANTED),
        ("n:a", both, false, 4, "1"),
        ("u:a", both, true, 4, "1 1"),
        ("n:a s:b", both, true, 0, ""),
        ("n:a", late, false, 3599, WANTED),
        ("s:a", late, true, 0, ""),
        (
            "n:a",
            "wait = { settle = 0, wanted = [{ transport = 'ata' }] }",
            true,
            0,
            "1",
        ),
    ] {
        let settled = Machine::new(disks).settled(policy, on_their_way, seconds);
        assert_eq!(settled, expected, "{disks}\n{policy}\n{seconds}");
    }
}

/// What a rule refuses does not stand for what it does not refuse.
#[test]
fn what_is_refused_vouches_for_nothing() {
    let twins = |rule: &str| {
        let policy = Policy::parse(&format!("boot.refuse = [{{ {rule} }}]")).unwrap();
        let mut inventory = Inventory::new();
        inventory.add_filesystem("5000", Box::new(MemoryFilesystem::new()));
        let mut entry = BootEntry::on_disk(0, "a");
        let mut twin = BootEntry::on_disk(0, "b");
        twin.source = EntrySource::Grub;
        twin.title = "B".to_owned();
        entry.twins = vec![twin];
        judge(&inventory, &policy.boot, std::slice::from_mut(&mut entry));
        (entry.bootable(), entry.twins.len())
    };
    assert_eq!(twins("source = 'grub'"), (true, 0));
    assert_eq!(twins("title = 'b'"), (true, 0));
    assert_eq!(twins("source = 'syslinux'"), (true, 1));
}
