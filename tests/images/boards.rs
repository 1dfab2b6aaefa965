//! The scripts that put a board's kernel where it goes, with the real tools, and `docs/new-board.md`, whose commands
//! are run. Kernels are those of Debian's installer; whole boots are in `tests/qemu`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::text;
use crate::kit::{TempDir, run, temp_dir, tool};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PILOTLIGHT: &str = env!("CARGO_BIN_EXE_pilotlight");
const KERNEL: &str = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux";

fn kernel() -> Vec<u8> {
    fs::read(KERNEL).unwrap_or_else(|error| {
        panic!("{KERNEL} (Debian's package debian-installer-12-netboot-amd64): {error}")
    })
}

/// Runs a script of `boards`: whether it succeeds, and everything that it says.
fn script(name: &str, arguments: &[&str]) -> (bool, String) {
    let path = std::env::var("PATH").unwrap();
    let output = Command::new(Path::new(ROOT).join("boards").join(name))
        .args(arguments)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output()
        .unwrap();
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    (output.status.success(), said)
}

/// A board with this `board.toml`, by its path.
fn board(dir: &TempDir, text: &str) -> String {
    let file = dir.file("board/board.toml", text.as_bytes());
    file.parent().unwrap().display().to_string()
}

fn at(dir: &TempDir, name: &str) -> String {
    dir.path().join(name).display().to_string()
}

#[test]
fn every_board_says_what_it_is_and_has_a_policy() {
    let document = fs::read_to_string(Path::new(ROOT).join("docs/new-board.md")).unwrap();
    let mut boards = 0;
    for item in fs::read_dir(Path::new(ROOT).join("boards")).unwrap() {
        let item = item.unwrap();
        let name = item.file_name().into_string().unwrap();
        // Those of the kernel's source are for all of them.
        if !item.file_type().unwrap().is_dir() || name == "patches" {
            continue;
        }
        let said = fs::read_to_string(item.path().join("board.toml")).unwrap();
        for key in ["description", "target"] {
            assert!(said.contains(&format!("\n{key} = \"")), "{name}: {key}");
        }
        assert!(document.contains(&format!("| `{name}` |")), "{name}");
        let (is_fine, policy) = script("setting", &[&name, "--policy"]);
        assert!(is_fine, "{policy}");
        run(PILOTLIGHT, ["check-policy", policy.trim()]);
        let (is_fine, options) = script("options", &[&name, "list", "keys"]);
        assert!(is_fine, "{options}");
        let names: Vec<&str> = options
            .lines()
            .map(|line| {
                line.trim_start_matches("# ")
                    .split(['=', ' '])
                    .next()
                    .unwrap()
            })
            .collect();
        assert!(
            names.iter().all(|name| name.starts_with("CONFIG_")),
            "{options}"
        );
        for (number, name) in names.iter().enumerate() {
            assert!(!names[..number].contains(name), "{name} twice");
        }
        boards += 1;
    }
    assert!(boards >= 4);
}

/// Behind an option that is set stands what it costs, and before a group of them, or of those that are not set, why.
#[test]
fn every_option_says_why_it_is_there_and_what_it_costs() {
    let boards = Path::new(ROOT).join("boards");
    let directories = fs::read_dir(&boards).unwrap();
    let files = directories.map(|item| item.unwrap().path().join("linux.config"));
    let files = files.filter(|file| file.exists());
    let mut options = 0;
    for file in files.chain([boards.join("locked.config")]) {
        let mut is_explained = false;
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let place = format!("{}, line {}: {line}", file.display(), number + 1);
            let is_unset = line.starts_with("# CONFIG_") && line.ends_with(" is not set");
            if line.starts_with("CONFIG_") {
                let cost = line
                    .rsplit_once("  # ")
                    .map(|(_, cost)| cost.replace(',', ""));
                let is_told = cost.is_some_and(|cost| cost.parse::<u32>().is_ok());
                assert!(is_told, "{place}: `make option-costs` tells what it costs");
                options += 1;
            }
            if is_unset || line.starts_with("CONFIG_") {
                assert!(is_explained, "{place}: a comment above has to say why");
            } else {
                is_explained = line.starts_with("# ");
            }
        }
    }
    assert!(options > 150);
}

#[test]
fn the_last_word_of_boards_that_are_like_each_other_counts() {
    let dir = temp_dir();
    let parent = board(&dir, "[kernel]\npackage = \"linux\"\ncmdline = \"quiet\"\n");
    dir.file(
        "board/linux.config",
        b"CONFIG_A=y\n# why\nCONFIG_B=3  # 1,234\n# CONFIG_C is not set\n",
    );
    let child = dir.file(
        "child/board.toml",
        format!("[kernel]\nlike = \"{parent}\"\ncmdline = \"loud\"\n").as_bytes(),
    );
    dir.file(
        "child/linux.config",
        b"# CONFIG_A is not set\nCONFIG_C=\"x # 1 y\"   # 5\n",
    );
    let child = child.parent().unwrap().display().to_string();
    let (_, options) = script("options", &[&child, "list", "keys"]);
    let expected = "CONFIG_B=3\n# CONFIG_A is not set\nCONFIG_C=\"x # 1 y\"\nCONFIG_CMDLINE=\"loud\"\n\
                    CONFIG_INITRAMFS_SOURCE=\"list\"\nCONFIG_INITRAMFS_COMPRESSION_NONE=y\n";
    assert_eq!(options, expected);
    let (_, package) = script("setting", &[&child, "kernel", "package"]);
    assert_eq!(package, "linux\n");

    // What the kernel has to have, and what nobody would miss before the first boot.
    for (line, says) in [
        ("  CONFIG_D=y\n", "3:  CONFIG_D=y"),
        ("#CONFIG_D is not set\n", "3:#CONFIG_D"),
    ] {
        let file = format!("# why\n\n{line}");
        dir.file("child/linux.config", file.as_bytes());
        let (is_fine, said) = script("options", &[&child, "list", "keys"]);
        assert!(!is_fine && said.contains(says), "{said}");
    }
    for (more, key) in [
        ("[kernl]\ncmdline = \"\"\n", "kernl.cmdline"),
        ("like = \"x\"\n", "like"),
    ] {
        let (is_fine, said) = script("setting", &[&board(&dir, more), "kernel", "package"]);
        assert!(
            !is_fine && said.contains(&format!("nobody knows the key {key}:")),
            "{said}"
        );
    }

    let itself = board(&dir, &format!("[kernel]\nlike = \"{parent}\"\n"));
    let (is_fine, said) = script("setting", &[&itself, "kernel", "package"]);
    assert!(!is_fine && said.contains("is like itself"), "{said}");
}

/// One of them says where the kernel goes.
#[test]
fn a_kernel_goes_where_the_nearest_board_says() {
    let dir = temp_dir();
    let like = |parent: &str, more: &str| {
        let said = format!("[kernel]\nlike = \"{parent}\"\n{more}");
        board(&dir, &said)
    };
    let places = |board: &str| {
        let has = |table: &&str| script("setting", &[board, "--has", table]).0;
        let tables = ["flash", "esp", "coreboot"].into_iter();
        tables.filter(has).collect::<Vec<_>>()
    };
    let image = dir.file("disk.raw", b"").display().to_string();
    let steps = |what: &str, board: &str, more: &[&str]| {
        let mut make = tool("make");
        make.args([
            "-n",
            what,
            &format!("BOARD={board}"),
            &format!("DISK={image}"),
        ]);
        let output = make.args(more).current_dir(ROOT).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(places("qemu-x86_64"), [""; 0]);
    assert_eq!(places("qemu-ovmf"), ["flash"]);
    // It is like one that starts from a partition.
    assert_eq!(places("coreboot-x86_64"), ["coreboot"]);

    let flash = like("qemu-ovmf", "");
    assert_eq!(places(&flash), ["flash"]);
    let said = steps("run", &flash, &[]);
    assert!(said.contains("/flash.fd "), "{said}");
    let said = steps("size", &flash, &[]);
    assert!(said.contains("--flash "), "{said}");
    let other = like("qemu-ovmf", "[flash]\npayload = \"UiApp\"\n");
    let ask = |board: &str, key: &str| script("setting", &[board, "flash", key]).1;
    assert_eq!(ask(&other, "payload"), "UiApp\n");
    assert_eq!(ask(&other, "remove"), ask("qemu-ovmf", "remove"));

    let partition = like("qemu-ovmf", "[esp]\npath = \"a.efi\"\n");
    assert_eq!(places(&partition), ["esp"]);
    assert_eq!(ask(&partition, "payload"), "");
    let said = steps("run", &partition, &[]);
    assert!(said.contains("/esp.img "), "{said}");

    // The image that is named is there, or it is an error.
    let said = steps("size", "coreboot-x86_64", &["COREBOOT=absent.rom"]);
    assert!(said.contains(" absent.rom "), "{said}");
}

#[test]
fn the_payload_of_coreboot() {
    tool("cbfstool");
    let dir = temp_dir();
    let image = |name: &str, size: &str| {
        let path = at(&dir, name);
        let block = dir.file("bootblock", &[0; 4096]);
        let block = block.display().to_string();
        run(
            "cbfstool",
            [&path, "create", "-m", "x86", "-s", size, "-B", &block],
        );
        path
    };
    let rom = image("coreboot.rom", "16M");
    let old = dir
        .file("old", b"what was started before")
        .display()
        .to_string();
    run(
        "cbfstool",
        [
            &rom,
            "add",
            "-f",
            &old,
            "-n",
            "fallback/payload",
            "-t",
            "raw",
        ],
    );
    let before = fs::read(&rom).unwrap();
    let made = at(&dir, "made.rom");
    let (is_fine, said) = script("build-coreboot", &["coreboot-x86_64", KERNEL, &rom, &made]);
    assert!(is_fine, "{said}");
    assert_eq!(fs::read(&rom).unwrap(), before);
    let list = run("cbfstool", [&made, "print", "-k"]);
    let line = list
        .lines()
        .find(|line| line.starts_with("fallback/payload\t"));
    let fields: Vec<&str> = line.unwrap().split('\t').collect();
    assert_eq!(fields[2], "simple elf", "{list}");
    // What `make size` shows of it: all of the file system, and as free what one more file finds.
    let (is_fine, said) = script(
        "flash-use",
        &[
            &old,
            KERNEL,
            "--coreboot",
            &made,
            "fallback/payload",
            KERNEL,
        ],
    );
    assert!(is_fine, "{said}");
    let numbers = said.lines().map(|line| {
        let numbers = line.split_whitespace();
        numbers.filter_map(|word| {
            word.trim_end_matches(',')
                .replace(',', "")
                .parse::<usize>()
                .ok()
        })
    });
    let numbers: Vec<Vec<usize>> = numbers.map(Iterator::collect).collect();
    let parts: Vec<usize> = numbers[1..5].iter().map(|line| line[0]).collect();
    assert_eq!(parts.iter().sum::<usize>(), numbers[0][0], "{said}");
    let length = |field: &str| usize::from_str_radix(field.trim_start_matches("0x"), 16).unwrap();
    let empty = list.lines().find(|line| line.starts_with("(empty)\t"));
    let free = length(empty.unwrap().rsplit('\t').next().unwrap());
    assert_eq!(parts[3], free, "{said}");
    assert_eq!(
        parts[1] + parts[2],
        length(fields.last().unwrap()),
        "{said}"
    );
    let other = numbers.last().unwrap();
    let length = fs::metadata(KERNEL).unwrap().len();
    assert_eq!(u64::try_from(other[0]).unwrap(), length, "{said}");
    assert_eq!(other[0] + other[1], parts[1] + parts[2] + free, "{said}");
    // What is behind the boot sector and the setup code.
    let kernel = kernel();
    let protected = &kernel[(usize::from(kernel[0x1f1]) + 1) * 512..][..1 << 20];
    let made = fs::read(&made).unwrap();
    assert!(
        made.windows(protected.len())
            .any(|window| window == protected)
    );

    let small = image("small.rom", "4M");
    let none = at(&dir, "none.rom");
    let (is_fine, said) = script(
        "build-coreboot",
        &["coreboot-x86_64", KERNEL, &small, &none],
    );
    assert!(!is_fine && said.contains("does not fit into"), "{said}");
    assert!(!Path::new(&none).exists());
    let (is_fine, said) = script(
        "build-coreboot",
        &["coreboot-x86_64", KERNEL, "absent", &none],
    );
    assert!(!is_fine && said.contains("there is no absent"), "{said}");
    let (is_fine, said) = script("build-coreboot", &["coreboot-x86_64", KERNEL, &old, &none]);
    assert!(
        !is_fine && said.contains("old is no image of coreboot"),
        "{said}"
    );
    assert!(!Path::new(&format!("{none}.part")).exists());
}

/// What may make way is nothing, too.
#[test]
fn the_flash_of_a_board_that_removes_nothing() {
    let dir = temp_dir();
    let cargo = dir.file(
        "bin/cargo",
        b"#!/bin/sh -e\nprintf '%s\\n' \"$@\"\n: >\"$9\"\n",
    );
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", at(&dir, "bin"), std::env::var("PATH").unwrap());
    let (kernel, image) = (dir.file("kernel", b"MZ"), at(&dir, "image.fd"));
    let changes = |more: &str| {
        let said = format!("[flash]\nimage = \"ovmf.fd\"\npayload = \"Shell\"\n{more}");
        dir.file("board/ovmf.fd", b"");
        let output = Command::new(Path::new(ROOT).join("boards/build-flash"))
            .args([&board(&dir, &said), &kernel.display().to_string()])
            .args([&image, &at(&dir, "variables.fd")])
            .env("PATH", &path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        said.lines().skip(9).map(str::to_owned).collect::<Vec<_>>()
    };
    let replace = format!("--replace=Shell={}", kernel.display());
    assert_eq!(changes(""), [replace.as_str()]);
    let both = changes("remove = [\"Fat\", \"Tls Dxe\"]\n");
    assert_eq!(both, ["--remove=Fat", "--remove=Tls Dxe", &replace]);
}

#[test]
fn the_partition_that_firmware_starts_from() {
    for needed in ["mkfs.vfat", "mmd", "mcopy", "openssl", "sbsign", "sbverify"] {
        tool(needed);
    }
    let dir = temp_dir();
    let (program, image) = (at(&dir, "BOOTX64.EFI"), at(&dir, "esp.img"));
    let (is_fine, said) = script("build-esp", &["generic-uefi", KERNEL, &program, &image]);
    assert!(is_fine, "{said}");
    assert_eq!(fs::read(&program).unwrap(), kernel());
    let inside = at(&dir, "inside");
    run(
        "mcopy",
        ["-n", "-i", &image, "::/EFI/BOOT/BOOTX64.EFI", &inside],
    );
    assert_eq!(fs::read(&inside).unwrap(), kernel());
    let first = fs::read(&image).unwrap();
    script("build-esp", &["generic-uefi", KERNEL, &program, &image]);
    assert!(fs::read(&image).unwrap() == first, "the same from the same");

    // Signed by the key that the board names, beside it.
    let signing = board(
        &dir,
        "[esp]\npath = \"EFI/a/b.efi\"\nkey = \"db.key\"\ncertificate = \"db.pem\"\n",
    );
    let words = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=db -keyout db.key -out db.pem 2>/dev/null";
    let shell = tool("sh")
        .args(["-c", words])
        .current_dir(&signing)
        .status();
    assert!(shell.unwrap().success());
    let (is_fine, said) = script("build-esp", &[&signing, KERNEL, &program, &image]);
    assert!(is_fine, "{said}");
    let certificate = format!("{signing}/db.pem");
    run("sbverify", ["--cert", &certificate, &program]);
    run("mcopy", ["-o", "-i", &image, "::/EFI/a/b.efi", &inside]);
    assert_eq!(fs::read(&inside).unwrap(), fs::read(&program).unwrap());

    // However its path is written.
    for path in ["'\\EFI\\a\\b.efi'", "'/EFI/a/b.efi'", "'b.efi'"] {
        let board = board(&dir, &format!("[esp]\npath = {path}\n"));
        let (is_fine, said) = script("build-esp", &[&board, KERNEL, &program, &image]);
        assert!(is_fine, "{said}");
        let listed = run("mdir", ["-/", "-b", "-i", &image, "::"]);
        let wanted = if path.len() > 7 {
            "::/EFI/a/b.efi"
        } else {
            "::/b.efi"
        };
        assert!(listed.lines().any(|line| line == wanted), "{listed}");
    }

    let program = dir.file("program", b"no MZ").display().to_string();
    let (is_fine, said) = script("build-esp", &["generic-uefi", &program, &image, &image]);
    assert!(!is_fine && said.contains("CONFIG_EFI_STUB"), "{said}");
    for other in ["qemu-ovmf", "coreboot-x86_64"] {
        let (is_fine, said) = script("build-esp", &[other, KERNEL, &program, &image]);
        assert!(!is_fine && said.contains("has no table [esp]"), "{said}");
    }
    let (is_fine, said) = script("build-flash", &["generic-uefi", KERNEL, &image, &image]);
    assert!(!is_fine && said.contains("has no table [flash]"), "{said}");
}

#[test]
fn a_shell_where_the_board_asks_for_one_and_nothing_is_enforced() {
    tool("busybox");
    let dir = temp_dir();
    let inside = at(&dir, "inside");
    let lay_out = |shell: &str, policy: &str| {
        let board = board(&dir, &format!("[initramfs]\nshell = \"{shell}\"\n"));
        dir.file("board/policy.toml", policy.as_bytes());
        script("lay-out", &[&board, PILOTLIGHT, &inside])
    };
    let (is_fine, said) = lay_out("busybox", "");
    assert!(is_fine, "{said}");
    let list = fs::read_to_string(Path::new(&inside).join("list")).unwrap();
    let line = list.lines().find(|line| line.starts_with("file /bin/sh "));
    let program = line.unwrap().split(' ').nth(2).unwrap();
    assert!(fs::read(program).unwrap() == fs::read("/bin/busybox").unwrap());
    assert_eq!(
        fs::read_to_string(Path::new(&inside).join("board")).unwrap(),
        "board\n"
    );

    let (is_fine, said) = lay_out("busybox", "[trust]\nmode = \"enforce\"\n");
    assert!(!is_fine && said.contains("enforces signatures"), "{said}");
    let (is_fine, said) = lay_out("zsh", "");
    assert!(!is_fine && said.contains("is the only one"), "{said}");
}

/// What a reader has: the sources. Installing, compiling and QEMU have stand-ins; the kernel is configured.
fn desk() -> TempDir {
    let dir = temp_dir();
    let link = |to: &Path, name: &str| symlink(to, dir.path().join(name)).unwrap();
    for name in ["Makefile", "initramfs/list"] {
        fs::create_dir_all(dir.path().join("initramfs")).unwrap();
        link(&Path::new(ROOT).join(name), name);
    }
    let boards = Path::new(ROOT).join("boards").display().to_string();
    run("cp", ["-r", &boards, &at(&dir, "boards")]);
    for (name, script) in [
        ("bin/cargo", "echo cargo \"$@\" >>log".to_owned()),
        ("qemu/setup", String::new()),
        ("qemu/run", "echo run \"$@\" >>log".to_owned()),
        ("initramfs/build-binary", format!("cp {PILOTLIGHT} \"$2\"")),
        (
            "boards/build-kernel",
            format!("mkdir -p \"${{3%/*}}\"; cp {KERNEL} \"$3\""),
        ),
    ] {
        let path = dir.file(name, format!("#!/bin/sh -e\n{script}\n").as_bytes());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir_all(dir.path().join("target/debug")).unwrap();
    link(Path::new(PILOTLIGHT), "target/debug/pilotlight");
    dir
}

#[test]
fn a_new_board_as_its_document_says() {
    for needed in ["make", "mkfs.vfat", "mcopy"] {
        tool(needed);
    }
    let desk = desk();
    desk.file("disk.raw", b"");
    let document = fs::read_to_string(Path::new(ROOT).join("docs/new-board.md")).unwrap();
    let blocks: Vec<&str> = document
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert!(blocks.len() > 4, "{blocks:?}");
    let path = format!("{}:{}", at(&desk, "bin"), std::env::var("PATH").unwrap());
    // The source of Linux is unpacked there once.
    let cache = std::env::var("XDG_CACHE_HOME")
        .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap()));
    let mut said = String::new();
    for block in blocks {
        let mut shell = tool("sh");
        shell.args(["-e", "-c", block]).current_dir(desk.path());
        shell.env("PATH", &path).env("HOME", desk.path());
        let output = shell.env("XDG_CACHE_HOME", &cache).output();
        let output = output.unwrap();
        let error = text(&output.stderr);
        assert!(output.status.success(), "{block}\n{error}");
        said.push_str(&text(&output.stdout));
    }

    // What goes inside, as it was shown.
    for line in ["file /init ", "file /etc/pilotlight/policy.toml "] {
        let line = said.lines().find(|one| one.starts_with(line)).unwrap();
        let file = PathBuf::from(line.split(' ').nth(2).unwrap());
        assert!(file.exists(), "{line}");
    }
    let inside = desk.path().join("target/boards/rack/initramfs");
    let policy = fs::read_to_string(inside.join("policy.toml")).unwrap();
    assert!(document.contains(&policy) && policy.contains("disks = 120"));
    // The kernel: what the board says, and what those say that it is like.
    let options = run(&at(&desk, "boards/options"), ["rack", "list", "keys"]);
    for line in [
        "CONFIG_SCSI_MPI3MR=y",
        "# CONFIG_MMC is not set",
        "CONFIG_SMP=y",
        "CONFIG_KEXEC_FILE=y",
        "CONFIG_CMDLINE=\"console=tty0 console=ttyS0,57600 panic=10 loglevel=6 sysctl.kernel.printk=4 \
         watchdog.stop_on_reboot=0\"",
    ] {
        assert_eq!(options.matches(&format!("{line}\n")).count(), 1, "{line}");
    }
    // The partition, and what QEMU is started from.
    let image = at(&desk, "target/boards/rack/esp.img");
    let program = at(&desk, "program");
    run(
        "mcopy",
        ["-n", "-i", &image, "::/EFI/BOOT/BOOTX64.EFI", &program],
    );
    assert_eq!(fs::read(program).unwrap(), kernel());
    let log = fs::read_to_string(desk.path().join("log")).unwrap();
    assert!(
        log.ends_with("run target/boards/rack/esp.img disk.raw\n"),
        "{log}"
    );
}
