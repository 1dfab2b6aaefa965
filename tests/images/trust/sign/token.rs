//! Keys in tokens: SoftHSM, through OpenSSL's engine.

use std::fs;
use std::process::Command;

use pilotlight::trust::authenticode::Verdict;

use super::SIGN;
use crate::kit::tool;
use crate::trust::authenticode::{chain, small, verdict};
use crate::trust::keys::Keys;

const URI: &str = "pkcs11:token=site;object=signer;type=private";

/// A token with the key of the signer, and how to run something with it.
fn token(keys: &Keys) -> impl Fn(&str, &[&str]) -> Command {
    fs::create_dir(keys.path("tokens")).unwrap();
    let tokens = format!("directories.tokendir = {}\n", keys.path("tokens").display());
    let configuration = keys.0.file("softhsm.conf", tokens.as_bytes());
    let with = move |name: &str, arguments: &[&str]| {
        let mut command = if name == SIGN {
            Command::new(SIGN)
        } else {
            tool(name)
        };
        command.args(arguments).env("SOFTHSM2_CONF", &configuration);
        command
    };
    keys.run("openssl pkcs8 -topk8 -nocrypt -in {}/signer.key -out {}/pkcs8");
    let key = keys.path("pkcs8").to_str().unwrap().to_owned();
    for arguments in [
        &[
            "--init-token",
            "--free",
            "--label",
            "site",
            "--pin",
            "1234",
            "--so-pin",
            "5678",
        ][..],
        &[
            "--import", &key, "--token", "site", "--label", "signer", "--id", "01", "--pin", "1234",
        ],
    ] {
        let output = with("softhsm2-util", arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    with
}

#[test]
fn a_key_in_a_token_signs() {
    let keys = Keys::three();
    let with = token(&keys);
    keys.0.file("program", &small("pinned"));
    keys.0.file("initrd", b"initrd");
    let pin = keys.0.file("pin", b"1234");
    let key = format!("{URI}?pin-source=file:{}", pin.display());
    let certificate = keys.path("signer.pem");
    let path = |name: &str| keys.path(name).to_str().unwrap().to_owned();
    let certificate = certificate.to_str().unwrap();
    for arguments in [
        &[
            "image",
            "--key",
            &key,
            "--cert",
            certificate,
            "-o",
            &path("signed"),
            &path("program"),
        ][..],
        &[
            "file",
            "--key",
            &key,
            "--cert",
            certificate,
            &path("initrd"),
        ],
        &["file", "--key", &key, &path("initrd")],
    ] {
        let output = with(SIGN, arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let verdict: Verdict = verdict(&keys.read("signed"), &keys.trust(&["signer"]));
    assert_eq!(chain(&verdict), ["signer"]);
    keys.run("openssl pkeyutl -verify -rawin -digest sha256 -inkey {}/signer.key -in {}/initrd -sigfile {}/initrd.sig");

    // A wrong PIN is told, and what is told does not name the right one.
    let arguments = [
        "file",
        "--key",
        &format!("{URI}?pin-value=9999"),
        &path("initrd"),
    ];
    let output = with(SIGN, &arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let start = format!("pilotlight-sign: openssl can't sign with the key {URI}. It says: ");
    assert!(said.starts_with(&start) && !said.contains("9999"), "{said}");
}

/// Where OpenSSL has the newer provider, it is asked through that. This one is made up: it says how it was called.
#[test]
fn a_provider_is_preferred() {
    let keys = Keys::three();
    let log = keys.path("log");
    let script = format!("#!/bin/sh\necho \"$@\" >>{}\n", log.display());
    let openssl = keys.0.file("bin/openssl", script.as_bytes());
    crate::trust::sign::make_executable(&openssl);
    let initrd = keys.0.file("initrd", b"initrd");
    let output = Command::new(SIGN)
        .args(["file", "--key", URI])
        .arg(&initrd)
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", keys.path("bin").display()),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = format!(
        "list -providers -provider pkcs11\n\
         pkeyutl -sign -rawin -in /dev/stdin -provider pkcs11 -provider default -inkey {URI}\n"
    );
    assert_eq!(fs::read_to_string(log).unwrap(), expected);
}

#[test]
fn without_openssl_it_says_what_to_install() {
    let keys = Keys::new();
    keys.0.file("initrd", b"initrd");
    let output = Command::new(SIGN)
        .args(["file", "--key", "key"])
        .arg(keys.path("initrd"))
        .env("PATH", keys.path("none"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("can't start `openssl`") && said.ends_with("install the package openssl\n"),
        "{said}"
    );
}
