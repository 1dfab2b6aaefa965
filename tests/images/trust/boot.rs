//! What a policy lets boot from a disk: signed entries, and every change of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::Output;
use std::rc::Rc;

use pilotlight::boot::{Attempt, Timeline, plan};
use pilotlight::config::discover;
use pilotlight::fs::{DirEntry, Filesystem, FsError, FsPath, MemoryFilesystem, Metadata, ReadFile};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{Handover, Kexec, LoadError};
use pilotlight::policy::{self, Policy};
use pilotlight::trust::coverage::Cleared;
use pilotlight::trust::manifest::{Group, Listed, Manifest};
use pilotlight::trust::{Algorithm, Authority};
use serde_json::Value;

use super::authenticode::sbsign;
use super::keys::Keys;
use crate::cli::{pilotlight, text};
use crate::kit::{Image, noise, run};
use crate::uki::{kernel, uki, volume};

pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Two anchors, of which `vendor` may cover kernels alone.
pub(super) const ANCHORS: &str = "\
[[trust.anchor]]\nname = \"owner\"\nfile = \"owner.der\"\n\
[[trust.anchor]]\nname = \"vendor\"\nfile = \"vendor.der\"\nfor = [\"kernel\"]\n";

/// A disk on the way: its files, and who signs them.
pub(super) struct Machine {
    pub(super) keys: Keys,
    pub(super) files: Files,
}

impl Machine {
    /// Nothing on the disk.
    pub(super) fn empty() -> Machine {
        let keys = Keys::new();
        for name in ["owner", "vendor", "mallory"] {
            keys.issue(name, "rsa:2048", "signer", name, "");
        }
        let files = Files::new();
        Machine { keys, files }
    }

    /// Two entries that a signed manifest lists, of which the first is the default, and a signed image.
    fn new() -> Machine {
        let mut machine = Machine::empty();
        for (name, seed) in [("new", 1), ("old", 2)] {
            let mut kernel = kernel();
            kernel[9000] = seed as u8;
            machine.file(&format!("/{name}/linux"), &kernel);
            machine.file(&format!("/{name}/initrd"), &noise(5000, seed));
            let entry = format!(
                "title {name}\nsort-key a-{name}\nlinux /{name}/linux\ninitrd /{name}/initrd\noptions root={name} ro\n"
            );
            machine.file(&format!("/loader/entries/{name}.conf"), entry.as_bytes());
            machine.list(name, "owner", 5);
        }
        let kernel = kernel();
        let sections = [
            (".osrel", &b"ID=debian\nPRETTY_NAME=Image\n"[..]),
            (".cmdline", b"root=image ro"),
            (".initrd", b"initrd"),
            (".linux", &kernel),
        ];
        let image = uki(&machine.keys.0, &sections);
        machine.file("/EFI/Linux/unsigned", &image);
        let image = sbsign(&machine.keys, &image, "owner", "");
        machine.file("/EFI/Linux/image.efi", &image);
        machine
    }

    pub(super) fn file(&mut self, name: &str, content: &[u8]) {
        self.files.insert(name.to_owned(), content.to_vec());
    }

    fn change(&mut self, name: &str, at: usize) {
        self.files.get_mut(name).unwrap()[at] ^= 1;
    }

    /// Lists an entry as it is in a manifest beside its kernel.
    fn list(&mut self, name: &str, by: &str, version: u64) {
        let listed = |path: String| Listed {
            sha256: sha256(&self.files[&path]),
            path,
        };
        let group = Group {
            kernel: listed(format!("/{name}/linux")),
            initrds: vec![listed(format!("/{name}/initrd"))],
            files: Vec::new(),
            devicetree: None,
            configurations: Vec::new(),
            cmdline: Some(format!("root={name} ro")),
        };
        let manifest = Manifest {
            name: name.to_owned(),
            version,
            expires: None,
            groups: vec![group],
        };
        let path = format!("/{name}/linux.manifest");
        self.file(&path, manifest.to_string().as_bytes());
        self.sign(&path, ".p7s", by);
    }

    /// Signs a file with CMS.
    pub(super) fn sign(&mut self, name: &str, suffix: &str, by: &str) {
        let signature = self.cms(&self.files[name].clone(), by);
        self.file(&format!("{name}{suffix}"), &signature);
    }

    fn cms(&self, content: &[u8], by: &str) -> Vec<u8> {
        self.keys.0.file("content", content);
        self.keys.run(&format!(
            "openssl cms -sign -binary -in {{}}/content -signer {{}}/{by}.pem -inkey {{}}/{by}.key \
             -outform DER -out {{}}/signature"
        ));
        self.keys.read("signature")
    }

    /// A board with this policy, and with the anchors beside it.
    fn board(&self, mode: &str, rest: &str) -> String {
        let text = format!("[trust]\nmode = \"{mode}\"\n{rest}");
        self.keys.0.file("board/policy.toml", text.as_bytes());
        for name in ["owner.der", "vendor.der"] {
            self.keys
                .0
                .file(&format!("board/anchors/{name}"), &self.keys.read(name));
        }
        self.keys.path("board").display().to_string()
    }

    pub(super) fn authority(&self, mode: &str, rest: &str) -> Authority {
        self.board(mode, rest);
        let file = self.keys.path("board/policy.toml");
        let policy = Policy::read(&file).unwrap();
        Authority::load(policy.trust, &policy::anchors(&file), None).unwrap()
    }

    fn disk(&self) -> Image {
        let files: Vec<(&str, Vec<u8>)> = self
            .files
            .iter()
            .map(|(name, content)| (name.as_str(), content.clone()))
            .collect();
        let _ = std::fs::remove_dir_all(self.keys.path("tree"));
        volume(&self.keys.0, &files)
    }

    fn verify(&self, mode: &str, rest: &str, more: &[&str]) -> Output {
        let board = self.board(mode, rest);
        let arguments = [&["verify", "--board", &board], more].concat();
        pilotlight(&arguments, &[&self.disk()])
    }

    fn json(&self, mode: &str, rest: &str) -> (Value, Option<i32>) {
        let output = self.verify(mode, rest, &["--json"]);
        let code = output.status.code();
        let json = serde_json::from_slice(&output.stdout);
        (
            json.unwrap_or_else(|_| panic!("{}", text(&output.stderr))),
            code,
        )
    }

    /// Whether each entry boots, and all that is said against it.
    pub(super) fn verdicts(&self, mode: &str, rest: &str) -> BTreeMap<String, (bool, String)> {
        let (json, _) = self.json(mode, rest);
        let entries = json["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let parts = entry["parts"].as_array().unwrap().iter();
                let open = parts.filter(|part| part["state"] == "open");
                let mut words: Vec<String> = open
                    .map(|part| format!("{}: {}", part["part"], part["reasons"]))
                    .collect();
                words.push(entry["manifests"].to_string());
                words.push(entry["faults"].to_string());
                words.push(entry["error"].to_string());
                let id = entry["id"].as_str().unwrap().to_owned();
                (id, (entry["boots"] == true, words.join("\n")))
            })
            .collect()
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Algorithm::Sha256.digest(bytes).bytes().try_into().unwrap()
}

#[test]
fn what_is_signed_boots_and_says_by_whom() {
    let machine = Machine::new();
    let output = machine.verify("enforce", ANCHORS, &[]);
    let out = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{out}{}",
        text(&output.stderr)
    );
    let disk = machine.keys.path("esp.img").display().to_string();
    let out = out.replace(&disk, "DISK");
    let listed = |mark: &str, name: &str| {
        let through = format!("\"owner\" (CMS) through DISK: /{name}/linux.manifest");
        format!(
            "{mark} {name}\n    id {name}.conf\n    kernel: covered by {through}\n    initrd: covered by {through}\n    \
             command line: covered by {through}\n    device tree: there is none\n    configuration: covered by {through}\n    \
             boots\n"
        )
    };
    let own = "\"owner\" (Authenticode)";
    let image = format!(
        "  Image\n    id image.efi\n    kernel: covered by {own}\n    initrd: covered by {own}\n    command line: covered by {own}\n    \
         device tree: there is none\n    configuration: covered by {own}\n    boots\n"
    );
    for expected in [listed("*", "new"), listed(" ", "old"), image] {
        assert!(out.contains(&expected), "{out}\n{expected}");
    }
    let (json, code) = machine.json("enforce", ANCHORS);
    assert_eq!((code, json["mode"].as_str()), (Some(0), Some("enforce")));
    let first = json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["first"] == true);
    let kernel = &first.unwrap()["parts"][0];
    assert_eq!(kernel["part"], "kernel");
    assert_eq!(kernel["covered_by"][0]["anchor"], "owner");
    assert_eq!(kernel["covered_by"][0]["format"], "cms");
}

type Change = fn(&mut Machine);

#[test]
fn every_change_is_refused_in_words() {
    let changes: [(&str, Change, &str, &str); 15] = [
        (
            "the kernel",
            |m| m.change("/new/linux", 9001),
            "new.conf",
            "\"kernel\": ",
        ),
        (
            "the initrd",
            |m| m.change("/new/initrd", 9),
            "new.conf",
            "\"initrd\": ",
        ),
        (
            "the command line",
            |m| {
                let entry = String::from_utf8(m.files["/loader/entries/new.conf"].clone()).unwrap();
                m.file(
                    "/loader/entries/new.conf",
                    entry.replace(" ro", " rw").as_bytes(),
                );
            },
            "new.conf",
            "\"cmdline\": [\"no manifest that counts names it so\"]",
        ),
        (
            "swapped initrds",
            |m| {
                let entry = String::from_utf8(m.files["/loader/entries/new.conf"].clone()).unwrap();
                m.file(
                    "/loader/entries/new.conf",
                    entry.replace("/new/initrd", "/old/initrd").as_bytes(),
                );
                let both = [m.files["/new/linux.manifest"].clone(), {
                    let old = String::from_utf8(m.files["/old/linux.manifest"].clone()).unwrap();
                    old.as_bytes()[old.find("kernel").unwrap()..].to_vec()
                }];
                m.file("/pilotlight/manifest", &both.concat());
                m.sign("/pilotlight/manifest", ".sig", "owner");
            },
            "new.conf",
            "\"configuration\": [\"nothing that is signed names kernel, initrds and command line together\"]",
        ),
        (
            "the manifest",
            |m| m.change("/new/linux.manifest", 30),
            "new.conf",
            "it is for other bytes",
        ),
        (
            "no signature",
            |m| drop(m.files.remove("/new/linux.manifest.p7s")),
            "new.conf",
            "nothing",
        ),
        (
            "a damaged signature",
            |m| m.file("/new/linux.manifest.p7s", b"none"),
            "new.conf",
            "linux.manifest.p7s: ",
        ),
        (
            "a stranger's manifest",
            |m| m.list("new", "mallory", 9),
            "new.conf",
            "it vouches for itself alone, and is no anchor",
        ),
        (
            "a vendor's manifest",
            |m| m.list("new", "vendor", 9),
            "new.conf",
            "it may not cover the initrd",
        ),
        (
            "the signature of another manifest",
            |m| {
                let other = m.files["/old/linux.manifest.p7s"].clone();
                m.file("/new/linux.manifest.p7s", &other);
            },
            "new.conf",
            "it is for other bytes",
        ),
        (
            "a byte of the image",
            |m| m.change("/EFI/Linux/image.efi", 4096),
            "image.efi",
            "\"kernel\": ",
        ),
        (
            "an image without signature",
            |m| {
                let image = m.files["/EFI/Linux/unsigned"].clone();
                m.file("/EFI/Linux/image.efi", &image);
            },
            "image.efi",
            "it is not signed",
        ),
        (
            "an image of a stranger",
            |m| {
                let image = sbsign(
                    &m.keys,
                    &m.files["/EFI/Linux/unsigned"].clone(),
                    "mallory",
                    "",
                );
                m.file("/EFI/Linux/image.efi", &image);
            },
            "image.efi",
            "it vouches for itself alone, and is no anchor",
        ),
        (
            "an add-on of a stranger",
            |m| {
                let addon = uki(&m.keys.0, &[(".cmdline", b"init=/bin/sh")]);
                let addon = sbsign(&m.keys, &addon, "mallory", "");
                m.file("/EFI/Linux/image.efi.extra.d/x.addon.efi", &addon);
            },
            "image.efi",
            "x.addon.efi: ",
        ),
        (
            "a credential",
            |m| m.file("/EFI/Linux/image.efi.extra.d/a.cred", b"secret"),
            "image.efi",
            "a.cred: ",
        ),
    ];
    let mut machine = Machine::new();
    let files = machine.files.clone();
    for (name, change, id, words) in changes {
        machine.files.clone_from(&files);
        change(&mut machine);
        let verdicts = machine.verdicts("enforce", ANCHORS);
        let (boots, said) = &verdicts[id];
        assert!(!boots && said.contains(words), "{name}: {said}");
        for (other, (boots, said)) in &verdicts {
            assert!(*boots || other == id, "{name}, {other}: {said}");
        }
        let (boots, said) = &machine.verdicts("warn", ANCHORS)[id];
        assert!(*boots && said.contains(words), "{name}: {said}");
        assert!(machine.verdicts("off", ANCHORS)[id].0);
    }
}

#[test]
fn floors_lists_and_parameters() {
    let mut machine = Machine::new();
    let with = |rest: &str| format!("{rest}\n{ANCHORS}");
    let linux = sha256(&machine.files["/new/linux"]);
    let linux: String = linux.iter().map(|byte| format!("{byte:02x}")).collect();
    for (policy, id, words) in [
        (
            format!("{ANCHORS}[trust.floor]\nmanifest = 6\n"),
            "new.conf",
            "has the version 5, and those before 6 are too old",
        ),
        (
            format!("{ANCHORS}[trust.floor]\nversion = {{ new = \"6\" }}\n"),
            "new.conf",
            "the version of the kernel is not known",
        ),
        (
            format!("{ANCHORS}[trust.floor]\nversion = {{ debian = \"6\" }}\n"),
            "image.efi",
            "the version of the kernel is not known",
        ),
        (
            format!("{ANCHORS}[trust.floor]\nsbat = [\"systemd,99\"]\n"),
            "image.efi",
            "is of generation 1",
        ),
        (
            with(&format!("revoked = [\"{linux}\"]")),
            "new.conf",
            "is revoked",
        ),
        (
            with("formats = [\"authenticode\"]"),
            "new.conf",
            "signatures of this format do not count",
        ),
        (
            with("formats = [\"cms\"]"),
            "image.efi",
            "signatures of this format do not count",
        ),
        (
            with("digests = [\"sha512\"]"),
            "image.efi",
            "it is by SHA-256, which the policy does not count",
        ),
        (
            format!("{ANCHORS}[trust.cmdline]\nrefuse = [\"root=new\"]\n"),
            "new.conf",
            "the parameter root=new is refused",
        ),
    ] {
        let (boots, said) = &machine.verdicts("enforce", &policy)[id];
        assert!(!boots && said.contains(words), "{policy}: {said}");
    }
    // The vendor signs kernels, the owner the rest.
    for name in ["linux.manifest", "linux.manifest.p7s"] {
        machine.files.remove(&format!("/new/{name}"));
    }
    machine.sign("/new/linux", ".sig", "vendor");
    machine.sign("/new/initrd", ".p7s", "owner");
    let cmdline = machine.cms(b"root=new ro\n", "owner");
    machine.file("/new/linux.cmdline.sig", &cmdline);
    let cover = with("cover = [\"kernel\", \"initrd\", \"cmdline\"]");
    let (boots, said) = &machine.verdicts("enforce", &cover)["new.conf"];
    assert!(boots, "{said}");
    let (boots, said) = &machine.verdicts("enforce", ANCHORS)["new.conf"];
    assert!(!boots && said.contains("\"configuration\""), "{said}");
}

#[test]
fn files_are_signed_one_by_one_in_any_format() {
    let mut machine = Machine::new();
    machine
        .keys
        .run("openssl x509 -in {}/owner.pem -pubkey -noout -out {}/raw.pem");
    let ssh = machine.keys.path("ssh").display().to_string();
    let words = ["-q", "-t", "ed25519", "-N", "", "-C", "owner", "-f", &ssh];
    run("ssh-keygen", words);
    for name in ["linux.manifest", "linux.manifest.p7s"] {
        machine.files.remove(&format!("/new/{name}"));
    }
    let raw = |machine: &Machine, content: &[u8]| {
        machine.keys.0.file("content", content);
        machine
            .keys
            .run("openssl dgst -sha256 -sign {}/owner.key -out {}/signature {}/content");
        machine.keys.read("signature")
    };
    let kernel = raw(&machine, &machine.files["/new/linux"]);
    machine.file("/new/linux.sig", &kernel);
    let cmdline = raw(&machine, b"root=new ro");
    machine.file("/new/linux.cmdline.sig", &cmdline);
    machine.keys.0.file("initrd", &machine.files["/new/initrd"]);
    machine
        .keys
        .run("ssh-keygen -q -Y sign -f {}/ssh -n file {}/initrd");
    let initrd = machine.keys.read("initrd.sig");
    machine.file("/new/initrd.sshsig", &initrd);
    machine.board("enforce", "");
    for name in ["raw.pem", "ssh.pub"] {
        machine
            .keys
            .0
            .file(&format!("board/anchors/{name}"), &machine.keys.read(name));
    }
    let policy = "cover = [\"kernel\", \"initrd\", \"cmdline\"]\n\
        [[trust.anchor]]\nname = \"raw\"\nfile = \"raw.pem\"\n[[trust.anchor]]\nname = \"ssh\"\nfile = \"ssh.pub\"\n";
    let out = text(&machine.verify("enforce", policy, &[]).stdout);
    let covered = "    kernel: covered by \"raw\" (raw)\n    initrd: covered by \"ssh\" (SSH)\n    \
        command line: covered by \"raw\" (raw)\n";
    assert!(out.contains(covered), "{out}");
    machine.change("/new/initrd", 2000);
    let (boots, said) = &machine.verdicts("enforce", policy)["new.conf"];
    assert!(
        !boots && said.contains("initrd.sshsig: signature 1: "),
        "{said}"
    );
}

#[test]
fn a_policy_that_can_not_be_used_fails() {
    let machine = Machine::new();
    for (policy, words) in [
        ("", "no anchor may cover the kernel"),
        (
            "[[trust.anchor]]\nname = \"a\"\nfile = \"gone.der\"\n",
            "the anchor gone.der can't be read",
        ),
        (
            "[[trust.anchor]]\nname = \"a\"\nfile = \"bad.der\"\n",
            "the anchor bad.der can't be used",
        ),
        (
            &format!("rsa-bits = 4096\n{ANCHORS}"),
            "the anchor owner.der can't be used",
        ),
        (
            "[[trust.anchor]]\nname = \"a\"\n",
            "`file` of an anchor is missing",
        ),
    ] {
        machine.keys.0.file("board/anchors/bad.der", b"no anchor");
        let output = machine.verify("enforce", policy, &[]);
        assert_eq!(output.status.code(), Some(1), "{policy}");
        assert_eq!(text(&output.stdout), "");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{policy}: {said}");
        let file = machine.keys.path("board/policy.toml").display().to_string();
        let output = pilotlight(&["check-policy", &file], &[]);
        assert!(
            !output.status.success() && text(&output.stderr) == said,
            "{policy}"
        );
    }
    let mut broken = Machine::new();
    broken.change("/new/initrd", 1);
    let output = broken.verify("enforce", ANCHORS, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "pilotlight: new.conf is what would be started first, and can't be\n"
    );
}

/// `boot` with a policy decides as the flash does.
#[test]
fn a_boot_from_a_workstation_asks_the_policy() {
    let mut machine = Machine::new();
    machine.change("/new/initrd", 1);
    let boot = |machine: &Machine, mode: &str, more: &[&str]| {
        let board = machine.board(mode, ANCHORS);
        let arguments = [&["boot", "--dry-run", "--board", &board], more].concat();
        let output = pilotlight(&arguments, &[&machine.disk()]);
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (code, said) = boot(&machine, "enforce", &[]);
    assert_eq!(code, Some(0), "{said}");
    let (refused, loaded) = said.split_once("\nold\n").expect("the next entry");
    assert!(
        refused.contains("the policy does not let it boot: initrd: not covered: "),
        "{said}"
    );
    assert!(
        loaded.contains("  kernel: covered by \"owner\" (CMS) through "),
        "{said}"
    );
    let (code, said) = boot(&machine, "enforce", &["--entry", "new.conf"]);
    assert!(
        code == Some(1) && said.contains("the policy does not let it boot"),
        "{said}"
    );
    let (code, said) = boot(&machine, "warn", &["--entry", "new.conf"]);
    assert!(
        code == Some(0) && said.contains("  initrd: not covered: "),
        "{said}"
    );
}

/// Takes what is cleared, and remembers its command line.
#[derive(Default)]
pub(super) struct Taken(RefCell<Vec<String>>);

impl Kexec for Taken {
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        let cmdline = what.payload().cmdline.as_c_str().to_str().unwrap();
        self.0.borrow_mut().push(cmdline.to_owned());
        Ok(())
    }
}

#[test]
fn the_next_entry_that_counts_is_loaded() {
    let mut machine = Machine::new();
    machine.change("/new/initrd", 1);
    let policy = format!("{ANCHORS}[trust.cmdline]\nadd = [\"lockdown=integrity\"]\n");
    for (mode, loaded) in [
        ("enforce", "root=old ro lockdown=integrity"),
        ("warn", "root=new ro lockdown=integrity"),
    ] {
        let authority = machine.authority(mode, &policy);
        let inventory = crate::uki::inventory(&machine.disk());
        let found = discover(&inventory);
        let taken = Taken::default();
        let attempt = Attempt {
            inventory: &inventory,
            kexec: &taken,
            memory: 1 << 30,
            authority: &authority,
            summary: None,
        };
        let order = plan(&found, &[], &policy::Boot::default());
        let run = |entry| attempt.run(entry, &mut Timeline::start(), &mut |_, _| ());
        let first = order.into_iter().find_map(|entry| run(entry).ok()).unwrap();
        assert_eq!(*taken.0.borrow(), [loaded]);
        assert_eq!(first.cmdline, loaded);
        assert_eq!(first.verdict.complaints().next().is_some(), mode == "warn");
    }
}

/// Files that are other ones when they are opened again.
pub(super) struct Fickle {
    files: MemoryFilesystem,
    /// What was opened, in order.
    pub(super) opened: Rc<RefCell<Vec<String>>>,
    evil: MemoryFilesystem,
}

impl Fickle {
    /// Once these files, and then those.
    pub(super) fn new(files: &Files, evil: &Files) -> Fickle {
        let [files, evil] = [files, evil].map(in_memory);
        let opened = Rc::default();
        Fickle {
            files,
            opened,
            evil,
        }
    }

    /// An inventory with this alone.
    pub(super) fn inventory(self) -> Inventory {
        let mut inventory = Inventory::new();
        inventory.add_filesystem("1", Box::new(self));
        inventory
    }
}

pub(super) fn in_memory(files: &Files) -> MemoryFilesystem {
    let files = files.iter();
    files.fold(MemoryFilesystem::new(), |filesystem, (name, content)| {
        filesystem.file(name, content.clone())
    })
}

impl Filesystem for Fickle {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        self.files.metadata(path)
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        self.files.read_dir(path)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        let name = path.as_str().to_owned();
        let is_known = self.opened.borrow().contains(&name);
        self.opened.borrow_mut().push(name);
        match is_known {
            false => self.files.open(path),
            true => self.evil.open(path),
        }
    }

    /// So that nobody has to open a file to know which one it is.
    fn locate(&self, path: &FsPath, _: u64) -> Result<Vec<Range<u64>>, FsError> {
        let digest = sha256(path.as_str().as_bytes());
        let start = u64::from(u32::from_le_bytes(digest[..4].try_into().unwrap()));
        Ok(std::iter::once(start..start + 1).collect())
    }
}

#[test]
fn nothing_is_read_twice() {
    let machine = Machine::new();
    let authority = machine.authority("enforce", ANCHORS);
    let mut evil = machine.files.clone();
    evil.values_mut().for_each(|content| content.fill(0));
    // What the configuration says was read before.
    let known = discover(&{
        let mut inventory = Inventory::new();
        inventory.add_filesystem("1", Box::new(in_memory(&machine.files)));
        inventory
    });
    let fickle = Fickle::new(&machine.files, &evil);
    let opened = fickle.opened.clone();
    let inventory = fickle.inventory();
    for id in ["new.conf", "image.efi"] {
        let entry = known.entries.iter().find(|entry| entry.id == id).unwrap();
        let attempt = |inventory: &Inventory| {
            let attempt = Attempt {
                inventory,
                kexec: &Taken::default(),
                memory: 1 << 30,
                authority: &authority,
                summary: None,
            };
            attempt
                .run(entry, &mut Timeline::start(), &mut |_, _| ())
                .map(|_| ())
        };
        opened.borrow_mut().clear();
        attempt(&inventory).unwrap();
        // Kernels, manifests, signatures: whatever decides was opened once.
        let mut names = opened.borrow().clone();
        assert!(names.len() >= 2, "{names:?}");
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        // Now everything is another one.
        assert!(attempt(&inventory).is_err(), "{id}");
    }
}
