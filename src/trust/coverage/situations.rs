//! Many situations: a policy, the facts of a boot, and the words that come of them.

use proptest::prelude::*;

use super::facts::{Facts, Line, Piece, SignedManifest, VolumeNames, Vouched};
use super::verdict::{State, Verdict};
use super::voucher::Voucher;
use crate::config::bls::Pattern;
use crate::trust::digest::{Algorithm, Digest};
use crate::trust::manifest::{Group, Listed, Manifest};
use crate::trust::parameters::Parameters;
use crate::trust::proof::Format;
use crate::trust::role::Role;
use crate::trust::rules::{AnchorRule, Mode, Rules};
use crate::trust::sbat::{Components, Level};

/// Who signed: names of anchors, with `/` and the format where it is not CMS.
fn vouched(by: &[&str]) -> Vouched {
    let voucher = |by: &&str| {
        let (name, format) = by.split_once('/').unwrap_or((by, "cms"));
        let format = Format::ALL.into_iter().find(|known| known.name() == format);
        Voucher::pretended(name, format.unwrap())
    };
    Vouched {
        vouchers: by.iter().map(voucher).collect(),
        refusals: Vec::new(),
    }
}

/// A file whose hash is its name.
fn file(role: Role, name: &str, by: &[&str]) -> Piece {
    Piece {
        file: name.to_owned(),
        sha256: hash(name),
        volume: volume(),
        own: vouched(by),
        ..Piece::of(role)
    }
}

fn hash(name: &str) -> [u8; 32] {
    let digest = Algorithm::Sha256.digest(name.as_bytes());
    digest.bytes().try_into().unwrap()
}

fn volume() -> VolumeNames {
    VolumeNames {
        uuid: Some("1234-ABCD".to_owned()),
        label: Some("ESP".to_owned()),
    }
}

/// An entry of a kernel, an initrd and a command line, each signed by these.
fn plain(kernel: &[&str], initrd: &[&str], cmdline: &[&str]) -> Facts {
    Facts {
        entry: "debian.conf".to_owned(),
        volume: volume(),
        pieces: vec![
            file(Role::Kernel, "vmlinuz", kernel),
            file(Role::Initrd, "initrd", initrd),
        ],
        cmdline: Line {
            text: "root=/dev/sda2 quiet".to_owned(),
            of_pieces: None,
            is_written: false,
            own: vouched(cmdline),
        },
        manifests: Vec::new(),
        release: Some("6.1.0-40-amd64".to_owned()),
    }
}

/// A unified kernel image with a command line.
fn image(by: &[&str]) -> Facts {
    let image = Piece {
        roles: Piece::image().roles,
        ..file(Role::Kernel, "linux.efi", by)
    };
    let of_pieces = Some("root=/dev/sda2 quiet".to_owned());
    let mut facts = plain(&[], &[], &[]);
    facts.pieces = vec![image];
    facts.cmdline.of_pieces = of_pieces;
    facts
}

/// A stub that names a kernel and an initrd.
fn stub(by: &[&str]) -> Facts {
    let mut facts = image(by);
    facts.pieces = vec![
        file(Role::CommandLine, "stub.efi", by),
        file(Role::Kernel, "vmlinuz", &[]).pinned_by(0),
        file(Role::Initrd, "initrd", &[]).pinned_by(0),
    ];
    facts
}

fn addon(by: &[&str]) -> Piece {
    Piece {
        roles: vec![Role::CommandLine],
        ..file(Role::CommandLine, "debug.addon.efi", by)
    }
    .added()
}

fn credential(by: &[&str]) -> Piece {
    let name = Some(".extra/credentials/a.cred");
    file(Role::Initrd, "a.cred", by).added().named(name)
}

/// What a manifest lists of a kernel `vmlinuz`: words are initrds, `+word` a named file, `=words` the command line.
fn group(words: &str) -> Group {
    let listed = |name: &str, path: &str| Listed {
        sha256: hash(name),
        path: path.to_owned(),
    };
    let (files, cmdline) = match words.split_once('=') {
        Some((files, cmdline)) => (files, Some(cmdline.to_owned())),
        None => (words, None),
    };
    let mut names = files.split_whitespace();
    let kernel = names.next().unwrap();
    let (single, initrds): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with('+'));
    Group {
        kernel: listed(kernel, "/k"),
        initrds: initrds.iter().map(|name| listed(name, "/i")).collect(),
        files: single
            .iter()
            .map(|name| listed(&name[1..], &format!(".extra/credentials/{}", &name[1..])))
            .collect(),
        devicetree: None,
        configurations: Vec::new(),
        cmdline,
    }
}

fn manifest(by: &[&str], groups: &[&str]) -> SignedManifest {
    SignedManifest {
        file: "manifest".to_owned(),
        manifest: Ok(Manifest {
            name: "debian".to_owned(),
            version: 5,
            expires: None,
            groups: groups.iter().map(|words| group(words)).collect(),
        }),
        own: vouched(by),
    }
}

/// A configuration at this path, and a manifest that lists it at `/grub.cfg`.
fn configured(path: Option<&str>) -> Facts {
    let owner = &["owner"][..];
    with(plain(owner, owner, &[]), |f| {
        let mut signed = manifest(owner, &["other"]);
        let group = &mut signed.manifest.as_mut().unwrap().groups[0];
        group.configurations = vec![Listed {
            sha256: hash("grub.cfg"),
            path: "/grub.cfg".to_owned(),
        }];
        f.manifests.push(signed);
        f.pieces.push(Piece {
            path: path.map(str::to_owned),
            ..file(Role::Configuration, "grub.cfg", &[])
        });
        f.cmdline.is_written = true;
    })
}

/// A plain entry without signatures, and a manifest.
fn listed(by: &[&str], groups: &[&str]) -> Facts {
    let mut facts = plain(&[], &[], &[]);
    facts.manifests.push(manifest(by, groups));
    facts
}

const WHOLE: &str = "vmlinuz initrd =root=/dev/sda2 quiet";

fn with(mut facts: Facts, change: impl FnOnce(&mut Facts)) -> Facts {
    change(&mut facts);
    facts
}

fn anchor(name: &str) -> AnchorRule {
    AnchorRule {
        name: name.to_owned(),
        file: name.to_owned(),
        roles: Role::ALL.to_vec(),
        volume: None,
        entry: None,
    }
}

/// Everything has to be covered, and three anchors count.
fn strict() -> Rules {
    Rules {
        mode: Mode::Enforce,
        anchors: ["owner", "debian", "third"].map(anchor).into(),
        ..Rules::default()
    }
}

fn but(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = strict();
    change(&mut rules);
    rules
}

/// Only these parts have to be covered.
fn only(roles: &[Role]) -> Rules {
    but(|rules| rules.cover = roles.to_vec())
}

/// The first anchor is limited.
fn limited(change: impl FnOnce(&mut AnchorRule)) -> Rules {
    but(|rules| change(&mut rules.anchors[0]))
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn sha256(name: &str) -> Digest {
    Digest::from_bytes(Algorithm::Sha256, &hash(name)).unwrap()
}

/// What a row expects: it boots, or it does not and this is said.
type Row = (&'static str, Rules, Facts, Result<(), &'static str>);

fn parts() -> Vec<Row> {
    use Role::{CommandLine, Configuration, Initrd, Kernel};
    let owner = &["owner"][..];
    let unsigned = "nothing that is signed names it";
    let apart = "configuration: not covered: nothing that is signed names kernel, initrds and command line together";
    vec![
        (
            "nothing is signed",
            strict(),
            plain(&[], &[], &[]),
            Err(unsigned),
        ),
        (
            "a kernel alone",
            strict(),
            plain(owner, &[], &[]),
            Err("initrd: not covered: initrd: nothing that"),
        ),
        (
            "no command line",
            strict(),
            plain(owner, owner, &[]),
            Err("command line: not covered"),
        ),
        (
            "one by one",
            strict(),
            plain(owner, owner, owner),
            Err(apart),
        ),
        (
            "one by one, wanted so",
            only(&[Kernel, Initrd, CommandLine]),
            plain(owner, owner, owner),
            Ok(()),
        ),
        (
            "only the kernel is wanted",
            only(&[Kernel]),
            plain(owner, &[], &[]),
            Ok(()),
        ),
        (
            "only the initrd is wanted",
            only(&[Initrd]),
            plain(owner, &[], &[]),
            Err("initrd: not covered"),
        ),
        (
            "no initrd",
            only(&[Kernel, Initrd]),
            with(plain(owner, &[], &[]), |f| drop(f.pieces.pop())),
            Ok(()),
        ),
        (
            "one of two initrds",
            only(&[Initrd]),
            with(plain(&[], owner, &[]), |f| {
                f.pieces.push(file(Initrd, "second", &[]))
            }),
            Err("initrd: not covered: second: "),
        ),
        (
            "no one's signature",
            strict(),
            plain(&["mallory"], owner, owner),
            Err("vmlinuz: \"mallory\" (CMS): it is no anchor"),
        ),
        (
            "a configuration that is signed",
            strict(),
            with(plain(owner, owner, owner), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner))
            }),
            Ok(()),
        ),
        (
            "a command line that a signed configuration makes",
            strict(),
            with(plain(owner, owner, &[]), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner));
                f.cmdline.is_written = true;
            }),
            Ok(()),
        ),
        (
            "a command line that somebody has changed",
            strict(),
            with(plain(owner, owner, &[]), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner))
            }),
            Err("command line: not covered: nothing that is signed names it"),
        ),
        (
            "a command line that two configurations make, and one is not signed",
            strict(),
            with(plain(owner, owner, &[]), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner));
                f.pieces.push(file(Configuration, "custom.cfg", &[]));
                f.cmdline.is_written = true;
            }),
            Err("custom.cfg: nothing that is signed names it"),
        ),
        (
            "a configuration that a manifest lists where it is",
            strict(),
            configured(Some("/grub.cfg")),
            Ok(()),
        ),
        (
            "a configuration that a manifest lists in another place",
            strict(),
            configured(Some("/loader/entries/grub.conf")),
            Err("command line: not covered: no manifest that counts names it so"),
        ),
        (
            "a configuration that a manifest lists, and that is no file",
            strict(),
            configured(None),
            Err("command line: not covered: no manifest that counts names it so"),
        ),
        (
            "an image that a configuration without a signature names",
            strict(),
            with(image(owner), |f| {
                f.pieces.push(file(Configuration, "linux.conf", &[]))
            }),
            Ok(()),
        ),
        (
            "a configuration alone",
            strict(),
            with(plain(&[], &[], &[]), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner))
            }),
            Err("kernel: not covered"),
        ),
        (
            "one configuration of two",
            strict(),
            with(plain(owner, owner, owner), |f| {
                f.pieces.push(file(Configuration, "grub.cfg", owner));
                f.pieces.push(file(Configuration, "custom.cfg", &[]));
            }),
            Err("configuration: not covered"),
        ),
        (
            "a device tree",
            strict(),
            with(listed(owner, &[WHOLE]), |f| {
                f.pieces.push(file(Role::DeviceTree, "board.dtb", &[]))
            }),
            Err("device tree: not covered: board.dtb: no manifest that counts names it so"),
        ),
        (
            "a named file with its own signature",
            only(&[Initrd]),
            with(plain(&[], owner, &[]), |f| {
                f.pieces
                    .push(file(Initrd, "etc", owner).named(Some("init")))
            }),
            Err("its own signature does not say where it is put"),
        ),
        (
            "a file named twice as another",
            strict(),
            with(
                listed(owner, &["vmlinuz initrd +x =root=/dev/sda2 quiet"]),
                |f| {
                    f.pieces
                        .push(file(Initrd, "x", &[]).named(Some(".extra/credentials/y")))
                },
            ),
            Err("initrd: not covered"),
        ),
        (
            "nothing at all",
            only(&[Kernel]),
            Facts::default(),
            Err("kernel: not covered: there is none"),
        ),
        (
            "a refusal is told",
            only(&[Kernel]),
            with(plain(&[], &[], &[]), |f| {
                f.pieces[0]
                    .own
                    .refusals
                    .push("signature 1: it is revoked".to_owned())
            }),
            Err("vmlinuz: signature 1: it is revoked"),
        ),
    ]
}

fn combinations() -> Vec<Row> {
    let owner = &["owner"][..];
    let apart = "nothing that is signed names kernel, initrds and command line together";
    let line = |facts: &mut Facts, text: &str| text.clone_into(&mut facts.cmdline.text);
    vec![
        ("a manifest", strict(), listed(owner, &[WHOLE]), Ok(())),
        (
            "a manifest that is not signed",
            strict(),
            listed(&[], &[WHOLE]),
            Err("; manifest is not signed: put its signature beside it"),
        ),
        (
            "a kernel that is signed by nobody, and another one in the manifest",
            strict(),
            with(
                listed(owner, &["other initrd =root=/dev/sda2 quiet"]),
                |f| {
                    f.pieces[0].own.refusals = vec!["it is not signed".to_owned()];
                },
            ),
            Err(
                "vmlinuz: no manifest that counts names it so; kernel: not covered: vmlinuz: it is not signed",
            ),
        ),
        (
            "the second group",
            strict(),
            listed(owner, &["old initrd =x", WHOLE]),
            Ok(()),
        ),
        (
            "initrds swapped between two groups",
            strict(),
            listed(
                owner,
                &[
                    "vmlinuz other =root=/dev/sda2 quiet",
                    "old initrd =root=/dev/sda2 quiet",
                ],
            ),
            Err(apart),
        ),
        (
            "the command line of another kernel",
            strict(),
            listed(
                owner,
                &["vmlinuz initrd =other", "old initrd =root=/dev/sda2 quiet"],
            ),
            Err("command line: not covered"),
        ),
        (
            "an edited command line",
            strict(),
            with(listed(owner, &[WHOLE]), |f| {
                line(f, "root=/dev/sda2 quiet init=/bin/sh")
            }),
            Err("command line: not covered"),
        ),
        (
            "a space more",
            strict(),
            with(listed(owner, &[WHOLE]), |f| {
                line(f, "root=/dev/sda2  quiet")
            }),
            Err("command line: not covered"),
        ),
        (
            "an initrd less",
            strict(),
            with(listed(owner, &[WHOLE]), |f| drop(f.pieces.pop())),
            Err(apart),
        ),
        (
            "an initrd more",
            strict(),
            with(listed(owner, &[WHOLE, "old more =x"]), |f| {
                f.pieces.push(file(Role::Initrd, "more", &[]))
            }),
            Err(apart),
        ),
        (
            "initrds in another order",
            strict(),
            with(
                listed(owner, &["vmlinuz a initrd =root=/dev/sda2 quiet"]),
                |f| f.pieces.push(file(Role::Initrd, "a", &[])),
            ),
            Err(apart),
        ),
        (
            "initrds in order",
            strict(),
            with(
                listed(owner, &["vmlinuz initrd a =root=/dev/sda2 quiet"]),
                |f| f.pieces.push(file(Role::Initrd, "a", &[])),
            ),
            Ok(()),
        ),
        (
            "a kernel that is listed as an initrd",
            strict(),
            with(
                listed(owner, &["initrd vmlinuz =root=/dev/sda2 quiet"]),
                |_| (),
            ),
            Err("kernel: not covered"),
        ),
        (
            "a manifest without a command line",
            strict(),
            listed(owner, &["vmlinuz initrd"]),
            Err("command line: not covered"),
        ),
        (
            "a manifest that can't be read",
            strict(),
            with(listed(owner, &[WHOLE]), |f| {
                f.manifests[0].manifest = Err("line 3: what".to_owned())
            }),
            Err("manifest: line 3: what"),
        ),
        (
            "an old manifest",
            but(|r| r.floor.manifest = 6),
            listed(owner, &[WHOLE]),
            Err("manifest has the version 5, and those before 6 are too old"),
        ),
        (
            "a manifest that expires later",
            but(|r| r.floor.manifest = 6),
            with(listed(owner, &[WHOLE]), |f| {
                f.manifests[0].manifest.as_mut().unwrap().expires = Some(6)
            }),
            Ok(()),
        ),
        (
            "the floor of a manifest",
            but(|r| r.floor.manifest = 5),
            listed(owner, &[WHOLE]),
            Ok(()),
        ),
        ("an image", strict(), image(owner), Ok(())),
        (
            "an image that is not signed",
            strict(),
            image(&[]),
            Err("kernel: not covered: linux.efi: "),
        ),
        (
            "an image with another command line",
            strict(),
            with(image(owner), |f| line(f, "init=/bin/sh")),
            Err("command line: not covered: it is not the one in the image"),
        ),
        (
            "an image without one, and one from outside",
            strict(),
            with(image(owner), |f| f.cmdline.of_pieces = Some(String::new())),
            Err("it is not the one in the image"),
        ),
        (
            "an image without one, and none",
            strict(),
            with(image(owner), |f| {
                f.cmdline.of_pieces = Some(String::new());
                f.cmdline.text.clear();
            }),
            Ok(()),
        ),
        (
            "a command line from outside that a manifest has",
            strict(),
            with(image(owner), |f| {
                line(f, "x");
                f.manifests.push(manifest(owner, &["linux.efi =x"]));
            }),
            Ok(()),
        ),
        (
            "a command line from outside with a signature",
            strict(),
            with(image(owner), |f| {
                line(f, "x");
                f.cmdline.own = vouched(owner);
            }),
            Err(apart),
        ),
        (
            "an image in a manifest",
            strict(),
            with(image(&[]), |f| {
                f.manifests.push(manifest(owner, &["linux.efi"]))
            }),
            Ok(()),
        ),
        (
            "an image with an initrd beside it",
            strict(),
            with(image(owner), |f| {
                f.pieces.push(file(Role::Initrd, "more", owner))
            }),
            Err(apart),
        ),
        (
            "an add-on that is signed",
            strict(),
            with(image(owner), |f| {
                f.pieces.push(addon(&["debian/authenticode"]))
            }),
            Ok(()),
        ),
        (
            "an add-on that is not signed, with an image that a signed configuration names",
            only(&[Role::Configuration]),
            with(image(owner), |f| {
                f.pieces
                    .push(file(Role::Configuration, "linux.conf", owner));
                f.pieces.push(addon(&[]));
            }),
            Err("not covered: debug.addon.efi: nothing that is signed"),
        ),
        (
            "an add-on that is not",
            strict(),
            with(image(owner), |f| f.pieces.push(addon(&[]))),
            Err("debug.addon.efi: nothing that is signed"),
        ),
        (
            "a credential without a manifest",
            strict(),
            with(image(owner), |f| f.pieces.push(credential(owner))),
            Err("initrd: not covered: a.cred: its own signature"),
        ),
        (
            "a credential in a manifest",
            strict(),
            with(image(owner), |f| {
                f.pieces.push(credential(&[]));
                f.manifests.push(manifest(owner, &["linux.efi +a.cred"]));
            }),
            Ok(()),
        ),
        (
            "a credential in a manifest of another name",
            strict(),
            with(image(owner), |f| {
                f.pieces.push(credential(&[]));
                f.manifests.push(manifest(owner, &["linux.efi +b.cred"]));
            }),
            Err("initrd: not covered: a.cred: "),
        ),
        ("a stub", strict(), stub(owner), Ok(())),
        (
            "a stub that is not signed",
            strict(),
            stub(&[]),
            Err("kernel: not covered: vmlinuz: "),
        ),
        (
            "a stub with an initrd that it does not name",
            strict(),
            with(stub(owner), |f| f.pieces[2].pinned_by = None),
            Err("initrd: not covered: initrd: "),
        ),
        (
            "what a stub names in a manifest",
            strict(),
            with(stub(&[]), |f| f.manifests.push(manifest(owner, &[WHOLE]))),
            Ok(()),
        ),
    ]
}

fn limits() -> Vec<Row> {
    use Role::{CommandLine, Initrd, Kernel};
    let owner = &["owner"][..];
    let whole = || listed(owner, &[WHOLE]);
    let both = || listed(&["owner", "debian/openpgp"], &[WHOLE]);
    vec![
        (
            "an anchor for kernels",
            limited(|a| a.roles = vec![Kernel]),
            whole(),
            Err("it may not cover the initrd"),
        ),
        (
            "an anchor for kernels, which are wanted",
            but(|r| {
                r.anchors[0].roles = vec![Kernel];
                r.cover = vec![Kernel];
            }),
            whole(),
            Ok(()),
        ),
        (
            "an anchor for all but what goes together",
            limited(|a| a.roles = vec![Kernel, Initrd, CommandLine]),
            whole(),
            Err("it may not cover the configuration"),
        ),
        (
            "the volume by its label",
            limited(|a| a.volume = Some("ESP".to_owned())),
            whole(),
            Ok(()),
        ),
        (
            "the volume by its UUID",
            limited(|a| a.volume = Some("1234-abcd".to_owned())),
            whole(),
            Ok(()),
        ),
        (
            "another volume",
            limited(|a| a.volume = Some("USB".to_owned())),
            whole(),
            Err("it counts on the volume USB alone"),
        ),
        (
            "a label in other letters",
            limited(|a| a.volume = Some("esp".to_owned())),
            whole(),
            Err("it counts on the volume esp alone"),
        ),
        (
            "the entry",
            limited(|a| a.entry = Some(pattern("debian*"))),
            whole(),
            Ok(()),
        ),
        (
            "another entry",
            limited(|a| a.entry = Some(pattern("fedora*"))),
            whole(),
            Err("it counts for entries \"fedora*\" alone"),
        ),
        (
            "less than the name of the entry",
            limited(|a| a.entry = Some(pattern("debian"))),
            whole(),
            Err("it counts for entries \"debian\" alone"),
        ),
        (
            "a format that does not count",
            but(|r| r.formats = vec![Format::OpenPgp]),
            whole(),
            Err("signatures of this format do not count"),
        ),
        (
            "two anchors, and one signed",
            but(|r| r.threshold = 2),
            whole(),
            Err("only \"owner\" (CMS) through manifest of 2 anchors that have to"),
        ),
        (
            "two anchors, and two signed",
            but(|r| r.threshold = 2),
            both(),
            Ok(()),
        ),
        (
            "one anchor twice",
            but(|r| r.threshold = 2),
            listed(&["owner", "owner/ssh"], &[WHOLE]),
            Err("of 2 anchors that have to"),
        ),
        (
            "two anchors in two manifests",
            but(|r| r.threshold = 2),
            with(whole(), |f| {
                f.manifests.push(manifest(&["third"], &[WHOLE]))
            }),
            Ok(()),
        ),
        (
            "two of three, one in a format that does not count",
            but(|r| {
                r.threshold = 2;
                r.formats = vec![Format::Cms];
            }),
            both(),
            Err("only \"owner\" (CMS) through manifest of 2"),
        ),
        (
            "two of three, one for the kernel alone",
            but(|r| {
                r.threshold = 2;
                r.anchors[1].roles = vec![Kernel];
            }),
            both(),
            Err("initrd: not covered"),
        ),
        (
            "a threshold that nothing can reach",
            but(|r| r.threshold = 4),
            both(),
            Err("3 of the anchors may cover the kernel, and 4 have to"),
        ),
        (
            "no anchor at all",
            Rules::closed(),
            whole(),
            Err("no anchor may cover the kernel"),
        ),
        (
            "listed files",
            but(|r| {
                r.listed = vec![sha256("vmlinuz"), sha256("initrd")];
                r.cover = vec![Kernel, Initrd];
                r.threshold = 3;
            }),
            plain(&[], &[], &[]),
            Ok(()),
        ),
        (
            "a listed image",
            but(|r| r.listed = vec![sha256("linux.efi")]),
            image(&[]),
            Ok(()),
        ),
        (
            "a listed program",
            but(|r| r.listed = vec![sha256("program")]),
            with(image(&[]), |f| {
                f.pieces[0].programs = vec![sha256("program")]
            }),
            Ok(()),
        ),
        (
            "a listed file under a name",
            but(|r| {
                r.listed = vec![sha256("a.cred")];
                r.cover = vec![Initrd];
            }),
            with(image(owner), |f| f.pieces.push(credential(&[]))),
            Err("initrd: not covered"),
        ),
        (
            "a revoked file",
            but(|r| r.revoked = vec![sha256("initrd")]),
            whole(),
            Err("initrd is revoked"),
        ),
        (
            "a revoked program",
            but(|r| r.revoked = vec![sha256("program")]),
            with(image(owner), |f| {
                f.pieces[0].programs = vec![sha256("program")]
            }),
            Err("linux.efi is revoked"),
        ),
        (
            "a revoked file of a part that is not wanted",
            but(|r| {
                r.revoked = vec![sha256("initrd")];
                r.cover = vec![Kernel];
            }),
            whole(),
            Err("initrd is revoked"),
        ),
        (
            "listed and revoked",
            but(|r| {
                r.listed = vec![sha256("linux.efi")];
                r.revoked = vec![sha256("linux.efi")];
            }),
            image(&[]),
            Err("linux.efi is revoked"),
        ),
        (
            "the firmware's keys",
            but(|r| r.platform = true),
            listed(&["UEFI db/authenticode"], &[WHOLE]),
            Ok(()),
        ),
        (
            "the firmware's keys, which do not count",
            strict(),
            listed(&["UEFI db/authenticode"], &[WHOLE]),
            Err("it is no anchor of the policy"),
        ),
    ]
}

fn floors() -> Vec<Row> {
    let owner = &["owner"][..];
    let whole = || listed(owner, &[WHOLE]);
    let version = |name: &str, version: &str| {
        let floor = (name.to_owned(), version.to_owned());
        but(|r| r.floor.versions = vec![floor])
    };
    let sbat = |rows: &str| {
        let level = Level::read(rows.as_bytes()).unwrap();
        but(|r| r.floor.sbat = level)
    };
    let parameters = |allow: Option<&[&str]>, refuse: &[&str]| {
        let parameters = Parameters {
            allow: allow.map(|all| all.iter().map(|text| pattern(text)).collect()),
            refuse: refuse.iter().map(|text| pattern(text)).collect(),
            add: Vec::new(),
        };
        but(|r| r.parameters = parameters)
    };
    let made_of = |rows: &'static str| {
        with(image(owner), |f| {
            let text = format!("sbat,1,a,b,c,d\n{rows},a,b,c,d\n");
            f.pieces[0].components = Some(Ok(Components::read(text.as_bytes()).unwrap()));
        })
    };
    let too_old =
        "the kernel 6.1.0-40-amd64 is too old: those of debian before 6.1.0-41 do not count";
    vec![
        (
            "a version that is new enough",
            version("linux", "6.1.0-40"),
            whole(),
            Ok(()),
        ),
        (
            "every kernel",
            version("linux", "6.2"),
            whole(),
            Err("is too old: those of linux before 6.2"),
        ),
        (
            "the system of the manifest",
            version("debian", "6.1.0-41"),
            whole(),
            Err(too_old),
        ),
        ("another system", version("fedora", "9"), whole(), Ok(())),
        (
            "the anchor of the kernel",
            version("owner", "6.1.0-41"),
            image(owner),
            Err("is too old: those of owner"),
        ),
        (
            "the system in an image",
            version("debian", "6.1.0-41"),
            with(image(owner), |f| {
                f.pieces[0].system = Some("debian".to_owned())
            }),
            Err(too_old),
        ),
        (
            "no version",
            version("linux", "1"),
            with(whole(), |f| f.release = None),
            Err("the version of the kernel is not known"),
        ),
        (
            "a generation that counts",
            sbat("linux,2"),
            made_of("linux,2"),
            Ok(()),
        ),
        (
            "an old generation",
            sbat("linux,3"),
            made_of("linux,2"),
            Err("linux.efi: its component \"linux\" is of generation 2"),
        ),
        (
            "components that can't be read",
            sbat("linux,3"),
            with(image(owner), |f| {
                f.pieces[0].components = Some(Err("damaged".to_owned()))
            }),
            Err("linux.efi: damaged"),
        ),
        (
            "the same, where nobody asks",
            strict(),
            with(image(owner), |f| {
                f.pieces[0].components = Some(Err("damaged".to_owned()))
            }),
            Ok(()),
        ),
        (
            "a refused parameter",
            parameters(None, &["root=*"]),
            whole(),
            Err("the parameter root=/dev/sda2 is refused"),
        ),
        (
            "a parameter that is not allowed",
            parameters(Some(&["root=*"]), &[]),
            whole(),
            Err("the parameter quiet is none that"),
        ),
        (
            "parameters that are allowed",
            parameters(Some(&["root=*", "quiet"]), &["init=*"]),
            whole(),
            Ok(()),
        ),
        (
            "no parameter is allowed",
            parameters(Some(&[]), &[]),
            whole(),
            Err("is none that the policy allows"),
        ),
    ]
}

fn rows() -> Vec<Row> {
    [parts(), combinations(), limits(), floors()].concat()
}

#[test]
fn each_situation_has_its_words() {
    let rows = rows();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for (name, rules, facts, expected) in rows {
        let verdict = rules.judge(&facts);
        let said = verdict.to_string();
        match expected {
            Ok(()) => {
                assert!(verdict.allows(), "{name}: {said}");
                assert_eq!(said, "nothing speaks against booting it", "{name}");
            }
            Err(words) => {
                assert!(!verdict.allows(), "{name}");
                assert!(said.contains(words), "{name}: {said}");
            }
        }
        assert_eq!(rules.clear((), &facts).is_ok(), expected.is_ok(), "{name}");
        // A warning says the same, and boots.
        let mode = Mode::Warn;
        let warning = Rules {
            mode,
            ..rules.clone()
        }
        .judge(&facts);
        assert!(warning.allows(), "{name}");
        assert_eq!(warning.findings, verdict.findings, "{name}");
        if expected.is_err() {
            assert!(
                warning.to_string().starts_with("it would not boot"),
                "{name}"
            );
        }
        let mode = Mode::Off;
        let off = Rules { mode, ..rules }.judge(&facts);
        assert!(off.allows() && off.findings.is_empty() && off.faults.is_empty());
    }
}

#[test]
fn what_covers_is_told() {
    let said = |verdict: &Verdict| -> Vec<String> {
        verdict.findings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        said(&strict().judge(&stub(&["debian/authenticode"]))),
        [
            "kernel: covered by \"debian\" (Authenticode) through stub.efi",
            "initrd: covered by \"debian\" (Authenticode) through stub.efi",
            "command line: covered by \"debian\" (Authenticode)",
            "device tree: there is none",
            "configuration: covered by \"debian\" (Authenticode)",
        ]
    );
    let both = listed(&["owner", "third/ssh"], &[WHOLE]);
    assert_eq!(
        said(&strict().judge(&both))[0],
        "kernel: covered by \"owner\" (CMS) through manifest and \"third\" (SSH) through manifest"
    );
}

/// Facts out of the table, so that both outcomes are common.
fn any_row() -> impl Strategy<Value = (Rules, Facts)> {
    let rows: Vec<(Rules, Facts)> = rows().into_iter().map(|(_, r, f, _)| (r, f)).collect();
    (
        prop::sample::select(rows.clone()),
        prop::sample::select(rows),
    )
        .prop_map(|((rules, _), (_, facts))| (rules, facts))
}

/// Makes rules stricter, in one way of many.
fn tighten(rules: &mut Rules, way: usize, which: usize) {
    let role = Role::ALL[which % Role::ALL.len()];
    let anchors = rules.anchors.len().max(1);
    let anchor = rules.anchors.get_mut(which % anchors);
    match way {
        0 => rules.threshold += 1,
        1 => rules.cover.push(role),
        2 => rules
            .formats
            .retain(|format| *format != Format::ALL[which % 7]),
        3 => drop(rules.anchors.pop()),
        4 => anchor
            .into_iter()
            .for_each(|a| a.roles.retain(|own| *own != role)),
        5 => anchor
            .into_iter()
            .for_each(|a| a.volume = Some("USB".to_owned())),
        6 => anchor
            .into_iter()
            .for_each(|a| a.entry = Some(pattern("no*"))),
        7 => rules.parameters.refuse.push(pattern("quiet")),
        8 => rules.parameters.allow = Some(Vec::new()),
        9 => rules.floor.manifest += 1,
        10 => rules
            .floor
            .versions
            .push(("linux".to_owned(), "7".to_owned())),
        11 => rules
            .revoked
            .push(sha256(["vmlinuz", "initrd", "linux.efi"][which % 3])),
        12 => rules.listed.clear(),
        13 => rules.floor.sbat.extend(Level::read(b"linux,9").unwrap()),
        _ => rules.platform = false,
    }
}

/// Takes something away from what is known, in one way of many.
fn weaken(facts: &mut Facts, way: usize, which: usize) {
    let count = facts.pieces.len().max(1);
    let Some(piece) = facts.pieces.get_mut(which % count) else {
        return;
    };
    match way {
        0 => piece.own.vouchers.clear(),
        1 => facts.manifests.clear(),
        2 => facts.cmdline.own.vouchers.clear(),
        3 => facts.cmdline.of_pieces = None,
        4 => piece.pinned_by = None,
        5 => piece.sha256 = [0; 32],
        6 => facts
            .manifests
            .iter_mut()
            .for_each(|m| m.own.vouchers.clear()),
        _ => facts.release = None,
    }
}

proptest! {
    /// What is listed for a manifest is what a manifest has to list.
    #[test]
    fn a_manifest_of_everything_covers_everything((_, mut facts) in any_row()) {
        facts.manifests.clear();
        facts.pieces.retain(|piece| !piece.is_addition || piece.name.is_some());
        let mut signed = manifest(&["owner"], &[]);
        let groups: Vec<Group> = facts.group().into_iter().collect();
        // Without a kernel there is nothing to list.
        prop_assume!(!groups.is_empty());
        signed.manifest = signed.manifest.map(|manifest| Manifest { groups, ..manifest });
        facts.manifests.push(signed);
        let verdict = strict().judge(&facts);
        prop_assert!(verdict.allows(), "{verdict}");
    }

    /// The words are never better than what they are made of: a part is covered only by those who count.
    #[test]
    fn nothing_boots_without_proof((mut rules, mut facts) in any_row(), role in prop::sample::select(Role::ALL.to_vec())) {
        rules.mode = Mode::Enforce;
        rules.listed.clear();
        rules.cover = vec![role];
        for piece in &mut facts.pieces {
            piece.own.vouchers.clear();
        }
        facts.cmdline.own.vouchers.clear();
        for manifest in &mut facts.manifests {
            manifest.own.vouchers.clear();
        }
        let verdict = rules.judge(&facts);
        let is_absent = verdict.findings.iter().any(|f| f.role == role && f.state == State::Absent);
        prop_assert_eq!(verdict.allows(), is_absent && verdict.faults.is_empty(), "{}", verdict);
    }

    /// A change of any file that is wanted is seen.
    #[test]
    fn a_changed_file_is_seen((mut rules, mut facts) in any_row(), which: usize) {
        rules.mode = Mode::Enforce;
        rules.cover = Role::ALL.to_vec();
        // What a stub or a configuration says counts by its words: a manifest may say the same.
        let is_file = |role: &Role| *role <= Role::Initrd || *role == Role::DeviceTree;
        let pieces = facts.pieces.iter_mut();
        let mut files: Vec<_> = pieces.filter(|piece| piece.roles.iter().any(is_file)).collect();
        let count = files.len().max(1);
        let Some(piece) = files.get_mut(which % count) else {
            return Ok(());
        };
        // Other bytes have other digests, no signature, and are not what was pinned.
        piece.sha256 = [7; 32];
        piece.programs.clear();
        piece.own.vouchers.clear();
        piece.pinned_by = None;
        prop_assert!(!rules.judge(&facts).allows());
    }

    #[test]
    fn stricter_rules_let_nothing_more_boot(
        (rules, facts) in any_row(),
        ways in prop::collection::vec((0_usize..15, any::<usize>()), 1..4),
    ) {
        let mut stricter = rules.clone();
        for (way, which) in ways {
            tighten(&mut stricter, way, which);
        }
        let (before, after) = (rules.judge(&facts), stricter.judge(&facts));
        prop_assert!(before.allows() || !after.allows(), "{before}\n{after}");
    }

    #[test]
    fn less_proof_lets_nothing_more_boot(
        (mut rules, facts) in any_row(),
        ways in prop::collection::vec((0_usize..8, any::<usize>()), 1..4),
    ) {
        // What is revoked, or has a floor, would be forgotten with the hash or the name.
        rules.revoked.clear();
        rules.floor.versions.clear();
        let mut weaker = facts.clone();
        for (way, which) in ways {
            weaken(&mut weaker, way, which);
        }
        let (before, after) = (rules.judge(&facts), rules.judge(&weaker));
        prop_assert!(before.allows() || !after.allows(), "{before}\n{after}");
    }
}

/// What the example of `docs/policy.md` decides.
#[test]
fn the_example_of_the_document() {
    let owner = &["owner"][..];
    let debian = &["debian/authenticode"][..];
    let good = |kernel: &[&str]| {
        with(plain(kernel, owner, owner), |f| {
            f.pieces.push(file(Role::Configuration, "grub.cfg", owner));
            f.entry = "debian-6".to_owned();
            f.cmdline.text = "root=UUID=12 ro quiet".to_owned();
        })
    };
    let but = |change: fn(&mut Facts)| with(good(debian), change);
    let rows: [(Facts, Result<(), &str>); 9] = [
        (good(owner), Ok(())),
        (good(debian), Ok(())),
        (good(&[]), Err("kernel: not covered")),
        (good(&["owner/minisign"]), Err("vmlinuz: \"owner\"")),
        (
            but(|f| f.entry = "other".to_owned()),
            Err("vmlinuz: \"debian\""),
        ),
        (
            but(|f| f.release = Some("6.1.0-39-amd64".to_owned())),
            Err("6.1.0-40"),
        ),
        (
            but(|f| f.pieces[1].own = vouched(&["debian/authenticode"])),
            Err("initrd: not covered"),
        ),
        (
            but(|f| f.cmdline.text.push_str(" init=/bin/sh")),
            Err("init=/bin/sh"),
        ),
        (but(|f| f.cmdline.text.push_str(" splash")), Err("splash")),
    ];
    let text = crate::policy::examples::example("The owner signs manifests");
    let rules = crate::policy::Policy::parse(text).unwrap().trust;
    for (number, (facts, expected)) in rows.into_iter().enumerate() {
        let verdict = rules.judge(&facts);
        let complaints: Vec<String> = verdict.complaints().collect();
        match expected {
            Ok(()) => assert!(verdict.is_clear(), "{number}: {complaints:?}"),
            Err(text) => {
                assert!(!verdict.is_clear(), "{number}");
                assert!(
                    complaints.join("\n").contains(text),
                    "{number}: {complaints:?}"
                );
            }
        }
    }
}
