//! Signatures that are appended to kernels, made as the kernel's `scripts/sign-file` makes them.

use std::fs;
use std::process::Stdio;

use pilotlight::trust::{Format, Trusted, appended};

use super::authenticode::{self, NETBOOT, netboot};
use super::keys::{Keys, find_certificate};
use crate::kit::{noise, tool};

const MAGIC: &[u8] = b"~Module signature appended~\n";

/// A signed file, and how long its content is.
fn sign(keys: &Keys, content: &[u8], more: &str) -> Vec<u8> {
    keys.0.file("content", content);
    keys.run(&format!(
        "openssl cms -sign -binary -noattr -nocerts -in {{}}/content -signer {{}}/signer.pem -inkey {{}}/signer.key \
         -outform DER -out {{}}/signature {more}"
    ));
    append(content, &keys.read("signature"))
}

fn append(content: &[u8], signature: &[u8]) -> Vec<u8> {
    let length = (signature.len() as u32).to_be_bytes();
    [
        content,
        signature,
        &[0, 0, 2, 0, 0, 0, 0, 0],
        &length,
        MAGIC,
    ]
    .concat()
}

/// The anchors that the signers lead to, `None` where no signature is.
fn verify(file: &[u8], piece: usize, trusted: &Trusted) -> Result<Option<Vec<String>>, String> {
    let tail = &file[file.len().saturating_sub(appended::MAX_TAIL)..];
    let check = appended::Check::new(tail, file.len() as u64, trusted);
    let Some(mut check) = check.map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    file.chunks(piece).for_each(|bytes| check.update(bytes));
    let signers = check.finish().map_err(|error| error.to_string())?;
    let mut anchors = Vec::new();
    for signer in signers {
        let proof = signer.map_err(|error| error.to_string())?;
        assert_eq!(proof.format(), Format::Appended);
        anchors.push(proof.anchor().to_owned());
    }
    Ok(Some(anchors))
}

#[test]
fn as_the_kernel_signs() {
    let keys = Keys::three();
    let trusted = keys.trust(&["signer"]);
    for size in [0, 1000, 200_000] {
        let content = noise(size, 1);
        for more in ["", "-keyid", "-md sha512"] {
            let file = sign(&keys, &content, more);
            for piece in [61, 4096, 1 << 20] {
                assert_eq!(
                    verify(&file, piece, &trusted),
                    Ok(Some(vec!["signer".to_owned()])),
                    "{size} {more} {piece}"
                );
            }
            let refused = verify(&file, 4096, &keys.trust(&["root"])).unwrap_err();
            assert!(refused.contains("certificate of the signer"), "{refused}");
        }
        assert_eq!(verify(&content, 4096, &trusted), Ok(None));
    }
}

#[test]
fn no_byte_changes() {
    let keys = Keys::three();
    let trusted = keys.trust(&["signer"]);
    let file = sign(&keys, &noise(300, 2), "");
    // The version of the CMS, and its set of digest algorithms, which the signer says again.
    let version = 300 + 4 + 11 + 4 + 4;
    assert_eq!(file[version..version + 2], [2, 1]);
    let open = version + 2..version + 5 + usize::from(file[version + 4]);
    for at in 0..file.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[at] ^= change;
            match verify(&changed, 4096, &trusted) {
                Ok(Some(_)) => assert!(open.contains(&at), "{at} ^ {change:#x}"),
                // Without the line at its end it is a file without a signature.
                Ok(None) => assert!(at >= file.len() - MAGIC.len(), "{at}"),
                Err(_) => {}
            }
        }
    }
    assert_eq!(verify(&file[1..], 4096, &trusted).ok(), None);
}

#[test]
fn files_that_change_while_they_are_read() {
    let keys = Keys::three();
    let trusted = keys.trust(&["signer"]);
    let file = sign(&keys, &noise(300, 3), "");
    let run = |given: &[u8]| {
        let mut check = appended::Check::new(&file, file.len() as u64, &trusted)
            .unwrap()
            .unwrap();
        assert_eq!(check.content_size(), 300);
        check.update(given);
        check
            .finish()
            .is_ok_and(|signers| signers.iter().all(Result::is_ok))
    };
    assert!(run(&file));
    for at in [0, 299, 300, 320, file.len() - 1] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(!run(&changed), "{at}");
    }
    assert!(!run(&file[..file.len() - 1]));
    assert!(!run(&[&file[..], &[0]].concat()));
}

#[test]
fn damaged_ends() {
    let keys = Keys::three();
    let trusted = keys.trust(&["signer"]);
    let file = sign(&keys, &noise(300, 4), "");
    let signature = keys.read("signature");
    for (file, reason) in [
        (append(b"", &signature[1..]), "signature"),
        (append(b"", &[]), "CMS"),
        (MAGIC.to_vec(), "damaged"),
        (file[file.len() - 40..].to_vec(), "damaged"),
        (append(&[], &vec![0; appended::MAX_TAIL + 1]), "too many"),
    ] {
        let refused = verify(&file, 4096, &trusted).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
}

/// The certificate in `vmlinux` by whose key Debian's build has signed the modules.
fn key_of_the_build(keys: &Keys, kernel: &[u8]) -> Vec<u8> {
    let packed = kernel.windows(6).position(|bytes| bytes == b"\xfd7zXZ\0");
    keys.0.file(
        "packed",
        &kernel[packed.expect("a kernel that is packed by xz")..],
    );
    // Behind it stand bytes that are not xz's.
    let unpacked = tool("xz")
        .args(["-dc", "--single-stream"])
        .arg(keys.path("packed"))
        .output();
    let vmlinux = unpacked.unwrap().stdout;
    find_certificate(&vmlinux, b"Build time autogenerated kernel key")
}

/// Debian's own modules, in the initrd of its installer, say what `modinfo` and `openssl` say.
#[test]
fn modules_of_debian() {
    let keys = Keys::new();
    let kernel = netboot("linux");
    let certificate = key_of_the_build(&keys, &kernel);
    keys.0.file("build.der", &certificate);
    keys.run("openssl x509 -inform DER -in {}/build.der -out {}/build.pem");
    let trusted = keys.trust(&["build"]);
    // The kernel itself is signed as a program, and by another key.
    assert_eq!(verify(&kernel, 1 << 20, &trusted), Ok(None));
    assert!(authenticode::verdict(&kernel, &trusted).proofs.is_empty());

    let mut unpacked = tool("gzip")
        .args(["-dc", &format!("{NETBOOT}/initrd.gz")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = tool("cpio")
        .args([
            "-id",
            "--quiet",
            "--no-absolute-filenames",
            "lib/modules/*/kernel/crypto/*.ko",
        ])
        .current_dir(keys.0.path())
        .stdin(unpacked.stdout.take().unwrap())
        .status();
    assert!(status.unwrap().success() && unpacked.wait().unwrap().success());
    let versions = fs::read_dir(keys.path("lib/modules")).unwrap();
    let modules = versions.flat_map(|version| {
        let directory = version.unwrap().path().join("kernel/crypto");
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    });
    let modules: Vec<_> = modules.collect();
    assert!(modules.len() >= 5, "{modules:?}");
    for path in modules {
        let told = |field: &str| {
            let output = tool("modinfo")
                .args(["-F", field])
                .arg(&path)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(
            (told("sig_id"), told("signer")),
            (
                "PKCS#7".to_owned(),
                "Build time autogenerated kernel key".to_owned()
            )
        );
        let mut module = fs::read(&path).unwrap();
        assert_eq!(
            verify(&module, 4096, &trusted),
            Ok(Some(vec!["build".to_owned()]))
        );

        // `struct module_signature` and the line are behind the signature.
        let end = module.len() - MAGIC.len() - 12;
        let length = module[end + 8..end + 12].try_into().unwrap();
        let start = end - usize::try_from(u32::from_be_bytes(length)).unwrap();
        keys.0.file("content", &module[..start]);
        keys.0.file("signature", &module[start..end]);
        keys.run(
            "openssl cms -verify -binary -noverify -nointern -certfile {}/build.pem -inform DER -in {}/signature \
             -content {}/content -out /dev/null",
        );
        module[start / 2] ^= 1;
        assert!(verify(&module, 4096, &trusted).is_err());
        let stranger = Keys::three();
        assert!(
            verify(
                &fs::read(&path).unwrap(),
                4096,
                &stranger.trust(&["signer"])
            )
            .is_err()
        );
    }
}
