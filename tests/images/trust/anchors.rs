//! Files of anchors, in all their forms.

use pilotlight::trust::Anchor;

use super::keys::Keys;
use crate::kit::tool;

/// How many anchors are in a file.
fn count(file: &[u8]) -> usize {
    Anchor::read("name", file)
        .unwrap_or_else(|error| panic!("{error}"))
        .len()
}

fn refusal(file: &[u8]) -> String {
    match Anchor::read("name", file) {
        Ok(anchors) => panic!("{anchors:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn files_of_openssl() {
    let keys = Keys::three();
    keys.run("openssl x509 -in {}/root.pem -text -out {}/text.pem");
    keys.run("openssl pkey -in {}/root.key -pubout -out {}/root.pub");
    keys.run("openssl pkey -in {}/root.key -pubout -outform DER -out {}/root.spki");
    let both = [
        keys.read("text.pem"),
        keys.read("signer.pem"),
        keys.read("root.pub"),
    ]
    .concat();
    assert_eq!(count(&both), 3);
    for name in ["root.pem", "root.der", "root.pub", "root.spki"] {
        assert_eq!(count(&keys.read(name)), 1, "{name}");
    }
    assert!(refusal(&keys.read("root.key")).contains("a private key"));
    keys.run("openssl rsa -in {}/root.key -RSAPublicKey_out -out {}/pkcs1");
    assert!(refusal(&keys.read("pkcs1")).contains("RSA PUBLIC KEY"));
    for (how, reason) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "1024 bits"),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "another curve than P-256",
        ),
        ("-algorithm X25519", "no RSA, P-256 or Ed25519 key"),
    ] {
        keys.run(&format!("openssl genpkey {how} -out {{}}/bad.key"));
        keys.run("openssl pkey -in {}/bad.key -pubout -out {}/bad.pub");
        let refused = refusal(&keys.read("bad.pub"));
        assert!(refused.contains(reason), "{refused}");
    }
    keys.run("openssl req -x509 -newkey ed25519 -nodes -batch -config {}/kinds -subj /CN=x -keyout {}/x -out {}/x.pem");
    assert!(refusal(&keys.read("x.pem")).contains("Ed25519 keys count alone"));
    let damaged = [&keys.read("root.der")[..], &[0]].concat();
    assert!(refusal(&damaged).contains("can't be read"));
    for cut in [0, 1, 30, 400] {
        refusal(&keys.read("root.der")[..cut]);
        refusal(&keys.read("root.spki")[..cut.min(200)]);
    }
    assert!(refusal(b"hello").contains("neither a certificate nor a public key"));
}

#[test]
fn files_of_openssh() {
    let keys = Keys::new();
    for (name, how) in [
        ("a", "ed25519"),
        ("b", "rsa"),
        ("c", "ecdsa"),
        ("d", "dsa"),
        ("e", "ecdsa"),
    ] {
        let bits = if name == "e" { &["-b", "384"][..] } else { &[] };
        let mut command = tool("ssh-keygen");
        command
            .args(["-q", "-N", "", "-t", how])
            .args(bits)
            .arg("-f")
            .arg(keys.path(name));
        assert!(command.status().unwrap().success());
    }
    let line = |name: &str| String::from_utf8(keys.read(&format!("{name}.pub"))).unwrap();
    assert_eq!(
        count(format!("# all\n{}{}{}", line("a"), line("b"), line("c")).as_bytes()),
        3
    );
    for name in ["d", "e"] {
        assert!(
            refusal(line(name).as_bytes()).contains("no SSH key of the kind"),
            "{name}"
        );
    }
    for (before, reason) in [
        ("me cert-authority ", "other options"),
        ("cert-authority ", "other options"),
        ("command=\"x\" ", "other options"),
        ("me namespaces=\"git\" ", "does not name the namespace"),
        (
            "me namespaces=\"file\",valid-after=\"20200101\" ",
            "other options",
        ),
        ("me and you ", "damaged"),
    ] {
        let refused = refusal(format!("{before}{}", line("a")).as_bytes());
        assert!(refused.contains(reason), "{before}: {refused}");
    }
    assert!(refusal(b"ssh-ed25519\n").contains("damaged"));
    assert!(refusal(b"ssh-ed25519 AAAA\n").contains("damaged"));
    assert!(refusal(line("a").replace("ssh-ed25519", "ssh-rsa").as_bytes()).contains("damaged"));
    assert!(refusal(&keys.read("a")).contains("a private key"));
}

#[test]
fn files_of_minisign() {
    let keys = Keys::new();
    keys.run("minisign -G -W -p {}/pub -s {}/key");
    assert_eq!(count(&keys.read("pub")), 1);
    let text = String::from_utf8(keys.read("pub")).unwrap();
    for damaged in [
        text.replace("RW", "RX"),
        text.clone() + "more",
        text[..text.len() - 9].to_owned(),
    ] {
        refusal(damaged.as_bytes());
    }
    refusal(&keys.read("key"));
}

/// The keyring by which everything in Debian is signed, with some keys of each kind.
#[test]
fn the_keyring_of_debian() {
    let path = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let file = std::fs::read(path).unwrap_or_else(|error| {
        panic!("{path}: {error}: install the Debian package `debian-archive-keyring`")
    });
    let mut command = tool("gpg");
    command.args(["--batch", "--with-colons", "--show-keys", path]);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let keys = printed
        .lines()
        .filter(|line| line.starts_with("pub:"))
        .count();
    assert_eq!(count(&file), keys);
    assert!(keys > 3, "{printed}");
}
