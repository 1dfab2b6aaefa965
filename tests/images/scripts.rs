//! What the scripts of the build say when something is missing or wrong. The programs that they call are
//! made up, except the shell's own.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::kit::{TempDir, temp_dir};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A machine with nothing but these programs: names and what they do, as lines of a shell script.
fn machine(dir: &TempDir, programs: &[(&str, &str)]) {
    let bin = dir.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in [
        "awk", "bash", "cut", "dirname", "grep", "head", "realpath", "sed", "sh", "sort",
    ] {
        let real = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(name));
        let real = real.iter().find(|path| path.exists()).unwrap();
        symlink(real, bin.join(name)).unwrap();
    }
    for (name, script) in programs {
        let text = format!("#!/bin/sh\n{script}\n");
        let path = dir.file(&format!("bin/{name}"), text.as_bytes());
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
}

/// The exit status of a script on that machine, and everything that it said.
fn run(dir: &TempDir, script: impl AsRef<Path>, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(script.as_ref())
        .args(arguments)
        .env_clear()
        .env("PATH", dir.path().join("bin"))
        .env("HOME", dir.path())
        .output()
        .unwrap();
    let mut said = output.stdout;
    said.extend(output.stderr);
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

/// All packages but one are installed, `user` is who asks, and apt finds version `candidate` of it.
fn without(package: &str, user: u32, candidate: &str) -> Vec<(&'static str, String)> {
    let query = format!("[ \"$4\" = {package} ] || echo install ok installed");
    vec![
        ("dpkg-query", query),
        ("id", format!("echo {user}")),
        ("apt-cache", format!("echo \"  Candidate: {candidate}\"")),
        ("apt-get", "echo apt-get \"$@\"".to_owned()),
    ]
}

fn setup_without(
    package: &str,
    user: u32,
    candidate: &str,
    rust: &[(&str, &str)],
) -> (i32, String) {
    let dir = temp_dir();
    let programs = without(package, user, candidate);
    let mut programs: Vec<(&str, &str)> = programs.iter().map(|(n, s)| (*n, s.as_str())).collect();
    programs.extend(rust);
    machine(&dir, &programs);
    run(&dir, Path::new(ROOT).join("qemu/setup"), &["build"])
}

/// Rust as it should be.
const RUST: [(&str, &str); 3] = [
    ("cargo", ""),
    ("rustc", "echo rustc 1.99.0 '(x)'"),
    ("rustup", "echo x86_64-unknown-linux-musl; echo rust-src"),
];

#[test]
fn setup_installs_what_is_missing() {
    let (status, said) = setup_without("nothing", 0, "1", &RUST);
    assert_eq!((status, said.as_str()), (0, ""));
    let (status, said) = setup_without("flex", 0, "1", &RUST);
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("apt-get install") && said.ends_with(" flex\n"),
        "{said}"
    );
    let (_, said) = setup_without("qemu-system-x86", 0, "7.2", &RUST);
    assert!(
        said.ends_with(" qemu-system-x86 qemu-utils=7.2\n"),
        "{said}"
    );
}

#[test]
fn setup_says_which_suite_is_missing() {
    let (status, said) = setup_without("linux-source-6.12", 0, "(none)", &RUST);
    assert_eq!(status, 1);
    assert!(
        said.contains("setup: apt finds no package linux-source-6.12\n"),
        "{said}"
    );
    assert!(
        said.contains("the suite bookworm-security of Debian's security archive"),
        "{said}"
    );
    assert!(!said.contains("apt-get install"), "{said}");
}

#[test]
fn setup_needs_root_for_packages_only() {
    // Whoever is not root needs user namespaces besides.
    for package in ["flex", "uidmap"] {
        let (status, said) = setup_without(package, 1000, "1", &RUST);
        assert_eq!(status, 1);
        let message = format!("only root can install them: {package}\n");
        assert!(said.contains(&message), "{said}");
    }
    assert_eq!(setup_without("nothing", 1000, "1", &RUST).0, 0);
    assert_eq!(setup_without("uidmap", 0, "1", &RUST).0, 0);
}

#[test]
fn setup_says_how_rust_is_installed() {
    let debian = [("cargo", ""), ("rustc", "")];
    let old = [RUST[0], ("rustc", "echo rustc 1.63.0 '(x)'"), RUST[2]];
    for (rust, message) in [
        (&[][..], "setup: rustup is missing"),
        (&debian, "setup: rustup is missing"),
        (&old, "setup: Rust 1.63.0 is too old"),
    ] {
        let (status, said) = setup_without("nothing", 0, "1", rust);
        assert_eq!(status, 1);
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn a_board_with_a_wrong_policy_is_not_built() {
    let dir = temp_dir();
    // Nothing else that building needs is there: it does not come that far.
    let path = std::env::var("PATH").unwrap();
    machine(
        &dir,
        &[("python3", &format!("PATH='{path}' exec python3 \"$@\""))],
    );
    let boards = dir.path().join("boards");
    std::fs::create_dir_all(&boards).unwrap();
    for name in ["build-kernel", "setting"] {
        let script = Path::new(ROOT).join("boards").join(name);
        std::fs::copy(script, boards.join(name)).unwrap();
    }
    let copy = boards.join("build-kernel");
    // It has the policy of the board that it is like.
    dir.file("boards/test/board.toml", b"");
    dir.file("boards/child/board.toml", b"[kernel]\nlike = \"test\"\n");
    let policy = dir.file("boards/test/policy.toml", b"[wait]\nbisks = 1\n");
    let expected = format!(
        "pilotlight: {}: line 2: `bisks` is no key of wait\n",
        policy.canonicalize().unwrap().display()
    );
    // By its name, by the path of its directory, and for a board that is like it.
    let path = dir.path().join("boards/test").display().to_string();
    for board in ["test", &path, "child"] {
        let arguments = [board, env!("CARGO_BIN_EXE_pilotlight"), "image"];
        assert_eq!(run(&dir, &copy, &arguments), (1, expected.clone()));
    }
}

#[test]
fn a_board_whose_keys_are_missing_is_not_built() {
    let dir = temp_dir();
    let path = std::env::var("PATH").unwrap();
    let python = format!("PATH='{path}' exec python3 \"$@\"");
    machine(&dir, &[("python3", &python)]);
    let board =
        b"[kernel]\npackage = \"linux\"\ncmdline = \"quiet\"\ntrusted-keys = \"keys.pem\"\n";
    dir.file("board/board.toml", board);
    dir.file("board/policy.toml", b"");
    let board = dir.path().join("board").display().to_string();
    let arguments = [&board, env!("CARGO_BIN_EXE_pilotlight"), "image"];
    let script = Path::new(ROOT).join("boards/build-kernel");
    let (status, said) = run(&dir, script, &arguments);
    let expected = "/board/keys.pem is missing, which board.toml names as trusted-keys\n";
    assert!(status == 1 && said.ends_with(expected), "{said}");
}

#[test]
fn a_benchmark_that_is_ended_leaves_no_machine_and_no_disk() {
    let dir = temp_dir();
    let last = "for last; do :; done";
    let program = format!("{last}; case $last in */program) : >$last ;; esac");
    let copy = format!("{last}; : >$last");
    let programs = [
        // It says its number, and boots nothing.
        (
            "qemu-system-x86_64",
            "echo $$ >$HOME/machine; exec /bin/sleep 1000",
        ),
        ("mmd", ""),
        ("mcopy", program.as_str()),
        ("cp", copy.as_str()),
    ];
    machine(&dir, &programs);
    symlink("/usr/bin/python3", dir.path().join("bin/python3")).unwrap();
    let disks = dir.path().join("disks");
    std::fs::create_dir(&disks).unwrap();
    let mut benchmark = Command::new(Path::new(ROOT).join("qemu/bench-boot"))
        .args([Path::new("flash.fd"), &disks])
        .env_clear()
        .env("PATH", dir.path().join("bin"))
        .env("HOME", dir.path())
        .spawn()
        .unwrap();
    let number = loop {
        let said = std::fs::read_to_string(dir.path().join("machine"));
        if let Some(number) = said.ok().filter(|said| said.ends_with('\n')) {
            break number;
        }
        let has_ended = benchmark.try_wait().unwrap();
        assert!(has_ended.is_none(), "no machine was started");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(std::fs::read_dir(&disks).unwrap().count(), 1);
    let process = rustix::process::Pid::from_child(&benchmark);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(benchmark.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(std::fs::read_dir(&disks).unwrap().count(), 0);
    assert!(!Path::new("/proc").join(number.trim()).exists());
}
