//! `pilotlight-flash` on Debian's OVMF, compared with UEFIExtract of Debian's `uefitool-cli`, and with `virt-fw-dump`
//! of PyPI's `virt-firmware`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const STOCK: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";

/// The images that Debian has, with the package and the least that is in them: rows of a listing. Builds with Secure
/// Boot and System Management Mode have other volumes; those for ARM a volume that is not the first thing, files that
/// lie in it unpacked, and a flash part that is mostly empty; and there are variables alone, and beside the code.
const IMAGES: [(&str, &str, usize); 11] = [
    ("ovmf", STOCK, 500),
    ("ovmf", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", 500),
    ("ovmf", "/usr/share/OVMF/OVMF_CODE.fd", 500),
    ("ovmf", "/usr/share/OVMF/OVMF_CODE.secboot.fd", 500),
    ("ovmf", "/usr/share/ovmf/OVMF.fd", 500),
    ("ovmf", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", 1),
    (
        "ovmf-ia32",
        "/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd",
        500,
    ),
    ("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", 300),
    (
        "qemu-efi-aarch64",
        "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
        300,
    ),
    ("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_VARS.ms.fd", 2),
    ("qemu-efi-arm", "/usr/share/AAVMF/AAVMF32_CODE.fd", 300),
];

/// A directory of a test's own.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("firmware-{name}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotlight-flash"));
    command.args(arguments).output().unwrap()
}

/// What the command says when it does what it was asked to.
fn done(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says when it does not.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn stock() -> Vec<u8> {
    let read = std::fs::read(STOCK);
    read.unwrap_or_else(|error| panic!("{STOCK} (Debian's package ovmf): {error}"))
}

/// Volumes, files, sections and free space in the order of the image: what, bytes, name.
type Row = (&'static str, u64, String);

fn ours(image: &str) -> Vec<Row> {
    rows(&view(image))
}

fn view(image: &str) -> Value {
    serde_json::from_str(&done(&["list", "--json", image])).unwrap()
}

fn rows(view: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for piece in view["pieces"].as_array().unwrap() {
        match piece["kind"].as_str() {
            Some("volume") => volume(piece, &mut rows),
            _ => rows.push(("padding", piece["size"].as_u64().unwrap(), String::new())),
        }
    }
    rows
}

fn volume(view: &Value, rows: &mut Vec<Row>) {
    // One without a name goes by what is in it.
    let name = view["name"].as_str();
    let name = name.unwrap_or(match view["filesystem"].as_str().unwrap() {
        "FFS2" => "8c8ce578-8a3d-4f1c-9935-896185c32dd3",
        "variables" => "fff12b8d-7696-4c8b-a985-2747075b4f50",
        other => other,
    });
    rows.push(("volume", view["size"].as_u64().unwrap(), name.to_owned()));
    for file in view["files"].as_array().unwrap() {
        let is_pad = file["kind"] == "pad";
        let name = match (is_pad, file["name"].as_str()) {
            (true, _) => String::new(),
            (false, Some(name)) => format!("{} {name}", file["guid"].as_str().unwrap()),
            (false, None) => file["guid"].as_str().unwrap().to_owned(),
        };
        rows.push(("file", file["size"].as_u64().unwrap(), name));
        sections(&file["sections"], rows);
    }
    // UEFIExtract does not count what is too short for a file's header.
    if let Some(free @ 24..) = view["free"].as_u64() {
        rows.push(("free", free, String::new()));
    }
}

fn sections(list: &Value, rows: &mut Vec<Row>) {
    for section in list.as_array().unwrap() {
        let guid = section["guid"].as_str().unwrap_or_default().to_owned();
        rows.push(("section", section["size"].as_u64().unwrap(), guid));
        if !section["volume"].is_null() {
            volume(&section["volume"], rows);
        }
        sections(&section["sections"], rows);
    }
}

/// What UEFIExtract says of an image in a directory that it may write to.
fn theirs(image: &Path) -> Vec<Row> {
    let output = Command::new("UEFIExtract")
        .arg(image)
        .arg("report")
        .output();
    output.expect("UEFIExtract (Debian's package uefitool-cli) starts");
    let mut report = image.as_os_str().to_owned();
    report.push(".report.txt");
    let report = std::fs::read_to_string(report).unwrap();
    // What is in a volume with variables is kept as it is.
    let mut is_variables = false;
    let lines = report.lines().skip(1).filter(|line| {
        let is_inside = line.rsplit('|').any(|name| name.starts_with(" --"));
        if !is_inside {
            is_variables = line.contains("| NVRAM ");
        }
        !(is_inside && is_variables)
    });
    lines.filter_map(row).collect()
}

/// A line of its report: type, subtype, base, size, CRC-32, name.
fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.splitn(6, '|').map(str::trim).collect();
    let size = u64::from_str_radix(fields[3], 16).unwrap();
    let name = fields[5].trim_start_matches(['-', ' ']);
    let guid = |text: &str| text.get(..36).unwrap_or_default().to_lowercase();
    Some(match fields[0] {
        "Volume" => ("volume", size, guid(name)),
        "File" if fields[1] == "Pad" => ("file", size, String::new()),
        "File" => {
            let text = name.split_once(" | ").map(|(_, text)| text);
            // It has names of its own for files that have none.
            let text = text.filter(|text| !text.contains("apriori") && *text != "Volume Top File");
            let name = text.map_or(guid(name), |text| format!("{} {text}", guid(name)));
            ("file", size, name)
        }
        "Section" => {
            let guid = if fields[1] == "GUID defined" {
                guid(name)
            } else {
                String::new()
            };
            ("section", size, guid)
        }
        "Free space" => ("free", size, String::new()),
        "Padding" => ("padding", size, String::new()),
        "Image" => return None,
        other => panic!("UEFIExtract says {other}: {line}"),
    })
}

/// A program of virt-firmware, where `qemu/setup` has put it.
fn virt_firmware(program: &str) -> Command {
    let home = || std::env::var("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = std::env::var("XDG_CACHE_HOME").map_or_else(|_| home().unwrap(), PathBuf::from);
    Command::new(cache.join("pilotlight/virt-firmware/bin").join(program))
}

/// Takes away what virt-fw-dump does not look into, and what pads: for it the extended header of a volume lies in such
/// a file.
fn strip(view: &mut Value) {
    match view {
        Value::Array(items) => {
            items.retain(|item| item["kind"] != "pad" && item["kind"] != "other");
            items.iter_mut().for_each(strip);
        }
        Value::Object(fields) => {
            if fields.get("kind").is_some_and(|kind| kind == "freeform") {
                fields.insert("sections".to_owned(), Value::Array(Vec::new()));
            }
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// What virt-fw-dump says of an image: volumes, files by their GUIDs where it has no words for them, and sections.
fn theirs_by_virt_firmware(image: &str) -> Vec<Row> {
    let output = virt_firmware("virt-fw-dump").args(["-i", image]).output();
    let output = output
        .expect("virt-fw-dump (PyPI's virt-firmware, which `make setup-test` installs) starts");
    let said = String::from_utf8(output.stdout).unwrap();
    let lines = said.lines().skip(1);
    let rows = lines.filter_map(|line| {
        let (what, rest) = line.trim_start().split_once(['=', ' '])?;
        if line.ends_with(" type=padding") {
            return None;
        }
        let field = |name: &str| {
            let (_, field) = line.split_once(&format!("{name}="))?;
            field.split(' ').next()
        };
        let size = field(" size").and_then(|size| u64::from_str_radix(&size[2..], 16).ok());
        let name = match what {
            "volume" | "section" => String::new(),
            // It has words for what it knows.
            "ffsfile" if rest.starts_with("guid:") => "known".to_owned(),
            "ffsfile" => rest[..36].to_owned(),
            _ => return None,
        };
        let what = ["volume", "section", "file"]
            .into_iter()
            .find(|one| what.ends_with(one))?;
        Some((what, size?, name))
    });
    rows.collect()
}

fn assert_same(image: &Path) -> Vec<Row> {
    let (ours, theirs) = (ours(image.to_str().unwrap()), theirs(image));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{}", image.display());
    }
    assert_eq!(ours.len(), theirs.len(), "{}", image.display());
    ours
}

#[test]
fn listing_is_that_of_uefiextract() {
    let directory = directory("list");
    for (package, source, least) in IMAGES {
        let image = directory.join("image.fd");
        std::fs::copy(source, &image)
            .unwrap_or_else(|error| panic!("{source} (Debian's package {package}): {error}"));
        let rows = assert_same(&image);
        assert!(rows.len() >= least, "{source}: {} rows", rows.len());
    }
}

#[test]
fn listing_is_that_of_virt_firmware() {
    let mut number = 0;
    for (_, source, _) in IMAGES {
        let mut view = view(source);
        strip(&mut view);
        let mut ours = rows(&view);
        ours.retain(|(what, ..)| *what != "free");
        let theirs = theirs_by_virt_firmware(source);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(
                (ours.0, ours.1),
                (theirs.0, theirs.1),
                "{source}: {ours:?}, {theirs:?}"
            );
            let is_named = theirs.0 == "file" && theirs.2 != "known";
            assert!(
                !is_named || ours.2.starts_with(&theirs.2),
                "{source}: {ours:?}, {theirs:?}"
            );
        }
        assert_eq!(ours.len(), theirs.len(), "{source}");
        number += theirs.len();
    }
    assert!(number > 4000, "{number} rows");
}

#[test]
fn changed_images_are_understood_by_uefiextract() {
    let directory = directory("edit");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (image, shell, fat) = (path("image.fd"), path("shell.efi"), path("Fat.ffs"));
    done(&["extract", "--section", "pe32", STOCK, "BdsDxe", &shell]);
    assert!(std::fs::read(&shell).unwrap().starts_with(b"MZ"));
    done(&["extract", STOCK, "Fat", &fat]);
    let said = done(&[
        "edit",
        STOCK,
        &image,
        "--remove=Fat",
        "--remove=TlsDxe",
        &format!("--replace=Shell={shell}"),
        &format!(
            "--add=763bed0d-de9f-48f5-81f1-3e90e1b1a015/{}={shell}",
            "11111111-2222-3333-4444-555555555555"
        ),
    ]);
    assert!(
        said.contains("removed 961578fe-b6b7-44c3-af35-6bc705cd2b1f Fat: 22838 bytes\n"),
        "{said}"
    );
    assert!(said.contains("Shell: 876758 bytes, 77"), "{said}");
    let names = |rows: &[Row]| rows.iter().map(|row| row.2.clone()).collect::<Vec<_>>();
    let rows = names(&assert_same(Path::new(&image)));
    assert!(
        !rows
            .iter()
            .any(|name| name.ends_with(" Fat") || name.ends_with(" TlsDxe"))
    );
    // And back in, behind all others.
    let again = path("again.fd");
    done(&[
        "edit",
        &image,
        &again,
        &format!("--add=7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1={fat}"),
    ]);
    let rows = names(&assert_same(Path::new(&again)));
    assert!(rows.iter().any(|name| name.ends_with(" Fat")));
    // The volume with the reset vector was asked for once, and not the second time.
    let read = |path: &str| std::fs::read(path).unwrap();
    assert_eq!(read(&image)[0x34_8000..], read(&again)[0x34_8000..]);
    assert_ne!(read(&image)[0x34_8000..], stock()[0x34_8000..]);
    assert_eq!(
        read(&image)[0x37_ba88..],
        stock()[0x37_ba88..],
        "the reset vector"
    );
}

/// For another processor: its volume is not the first thing in the image, and has little room.
#[test]
fn a_changed_image_of_other_firmware_is_understood_by_uefiextract() {
    const OTHER: &str = "/usr/share/AAVMF/AAVMF_CODE.fd";
    let path = directory("edit-other").join("image.fd");
    let image = path.to_str().unwrap();
    let program = directory("edit-program").join("program.efi");
    let program = program.to_str().unwrap();
    done(&["extract", "--section", "pe32", OTHER, "BdsDxe", program]);
    let replace = format!("--replace=Shell={program}");
    done(&["edit", OTHER, image, "--remove=Fat", &replace]);
    let before = ours(OTHER);
    let after = assert_same(&path);
    let names = |rows: &[Row]| -> BTreeSet<String> {
        let files = rows.iter().filter(|row| row.0 == "file");
        files.map(|row| row.2.clone()).collect()
    };
    let gone: Vec<String> = names(&before).difference(&names(&after)).cloned().collect();
    let [gone] = &gone[..] else {
        panic!("{gone:?}")
    };
    assert!(gone.ends_with(" Fat"), "{gone}");
}

#[test]
fn without_a_change_the_image_is_the_same() {
    let image = directory("same").join("image.fd");
    done(&["edit", STOCK, image.to_str().unwrap()]);
    assert!(std::fs::read(image).unwrap() == stock());
}

#[test]
fn the_image_that_was_read_is_written_whole() {
    let directory = directory("whole");
    let [image, other, kept] = ["image.fd", "other.fd", "kept.fd"].map(|name| directory.join(name));
    std::fs::write(&image, stock()).unwrap();
    // The same file by another name: what is written takes the place of the one name alone.
    std::fs::hard_link(&image, &other).unwrap();
    std::fs::hard_link(&image, &kept).unwrap();
    // Whoever may not read it may not read it afterwards either.
    std::fs::set_permissions(&image, Permissions::from_mode(0o600)).unwrap();
    let path = image.to_str().unwrap();
    done(&[
        "edit",
        path,
        path,
        "--remove=0x348000/df1ccef6-f301-4a63-9661-fc6030dcc880",
    ]);
    assert!(std::fs::read(&image).unwrap() != stock());
    assert!(std::fs::read(&other).unwrap() == stock());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&image), 0o600);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 3);
    // So is what is extracted.
    done(&["extract", STOCK, "Fat", other.to_str().unwrap()]);
    assert!(std::fs::read(&other).unwrap() != stock());
    assert!(std::fs::read(&kept).unwrap() == stock());
    done(&["edit", path, "/dev/null"]);
    assert!(!Path::new("/dev/null").is_file());
}

#[test]
fn what_is_larger_than_any_image_is_refused() {
    let directory = directory("too-large");
    let large = directory.join("large");
    let file = std::fs::File::create(&large).unwrap();
    file.set_len((256 << 20) + 1).unwrap();
    let replace = format!("--replace=Shell={}", large.display());
    let error = refused(&["edit", STOCK, "-", &replace]);
    assert!(error.contains("no image has more than 256 MiB"), "{error}");
}

#[test]
fn what_can_not_come_into_the_image_is_named() {
    let file = directory("no-file").join("script");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    let script = file.to_str().unwrap();
    for change in [
        "--replace=SecMain",
        "--add=763bed0d-de9f-48f5-81f1-3e90e1b1a015",
    ] {
        let error = refused(&["edit", STOCK, "-", &format!("{change}={script}")]);
        let start = format!("pilotlight-flash: {script}: ");
        assert!(
            error.starts_with(&start) && error.contains("it is n"),
            "{error}"
        );
    }
}

#[test]
fn made_anew_every_volume_is_as_edk_makes_it() {
    let mut image = pilotlight::firmware::Image::read(stock()).unwrap();
    let unpacked = |image: &pilotlight::firmware::Image| {
        let section = &image.volumes().next().unwrap().files()[0].sections()[0];
        let inner = section.sections().iter().map(|one| one.bytes().to_vec());
        (section.size(), inner.collect::<Vec<_>>())
    };
    let (size, before) = unpacked(&image);
    image.touch();
    let made = image.encode().unwrap();
    // The last volume is not packed: it is the same, where each file is included.
    assert!(made[0x34_8000..] == stock()[0x34_8000..]);
    let (again, after) = unpacked(&pilotlight::firmware::Image::read(made).unwrap());
    assert!(before == after, "what was packed comes out as it was");
    assert!(
        again <= size,
        "EDK II packs it into {size} bytes, we into {again}"
    );
}

#[test]
fn packing_is_as_good_as_that_of_xz() {
    let directory = directory("xz");
    let mut image = pilotlight::firmware::Image::read(stock()).unwrap();
    image.touch();
    let made = pilotlight::firmware::Image::read(image.encode().unwrap()).unwrap();
    let packed = &made.volumes().next().unwrap().files()[0].sections()[0];
    let stream = directory.join("stream.lzma");
    std::fs::write(&stream, packed.bytes()).unwrap();
    let script = "xz -dc --format=lzma stream.lzma | xz -9e --format=lzma -c | wc -c";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(&directory)
        .output();
    let best = String::from_utf8(output.unwrap().stdout).unwrap();
    let best: usize = best.trim().parse().expect("xz (Debian's package xz-utils)");
    assert!(best > 1_000_000, "{best}");
    let most = best + best / 500;
    assert!(
        packed.bytes().len() <= most,
        "{} bytes, xz makes {best}",
        packed.bytes().len()
    );
}

#[test]
fn what_does_not_fit_is_refused_with_the_number() {
    let directory = directory("large");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    // Numbers that nobody can pack (xorshift64).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut payload = b"MZ".to_vec();
    while payload.len() < 3_400_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        payload.extend(state.to_le_bytes());
    }
    let (image, kernel) = (path("image.fd"), path("kernel"));
    std::fs::write(&kernel, &payload).unwrap();
    let replace = format!("--replace=Shell={kernel}");
    let error = refused(&["edit", STOCK, &image, &replace]);
    let (_, numbers) = error.split_once("does not fit: volume ").unwrap();
    let missing = numbers
        .split(' ')
        .rev()
        .find_map(|word| word.parse::<usize>().ok())
        .unwrap();
    assert!(numbers.contains("has 3440640 bytes"), "{error}");
    assert!(!Path::new(&image).exists());
    // So much less is enough: only what surrounds it is packed a little otherwise.
    payload.truncate(payload.len() - missing - 1000);
    std::fs::write(&kernel, &payload).unwrap();
    done(&["edit", STOCK, &image, &replace]);
    assert_eq!(std::fs::read(&image).unwrap().len(), stock().len());
    payload.truncate(100);
    std::fs::write(&kernel, &payload).unwrap();
}

/// A file with data of anybody's, as long as this with its header.
fn data_file(size: usize) -> Vec<u8> {
    let length = |size: usize| size.to_le_bytes()[..3].to_vec();
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    // EFI_FV_FILETYPE_FREEFORM, and no sum over the content.
    let head = [&[0x11; 16][..], &[2, 0], &length(size)].concat();
    let mut file = [&head[..16], &[sum(&head).wrapping_neg(), 0xaa], &head[16..]].concat();
    // All of its states up to EFI_FILE_DATA_VALID, and an EFI_SECTION_RAW.
    file.extend([&[0xf8][..], &length(size - 24), &[0x19]].concat());
    file.resize(size, 0);
    file
}

/// In a volume that is not packed the number is exact.
#[test]
fn one_byte_too_much_is_refused() {
    let directory = directory("one-byte");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (image, file) = (path("image.fd"), path("file"));
    let main_volume = |image: &str| {
        let view: Value = serde_json::from_str(&done(&["list", "--json", image])).unwrap();
        let volume = &view["pieces"][0];
        let name = volume["name"].as_str().unwrap().to_owned();
        (name, volume["free"].as_u64().unwrap())
    };
    let (name, free) = main_volume(STOCK);
    let room = usize::try_from(free).unwrap();
    let edit = ["edit", STOCK, &image, &format!("--add={name}={file}")];

    std::fs::write(&file, data_file(room + 1)).unwrap();
    let error = refused(&edit);
    let expected = format!("volume {name} has 3440640 bytes, and 1 more are needed");
    assert!(error.contains(&expected), "{error}");
    assert!(!Path::new(&image).exists());

    std::fs::write(&file, data_file(room)).unwrap();
    done(&edit);
    assert_eq!(main_volume(&image), (name, 0));
    assert_same(Path::new(&image));
}

#[test]
fn damage_is_told_and_ends_the_list() {
    let directory = directory("damage");
    let image = directory.join("image.fd");
    let mut bytes = stock();
    // In the packed section.
    bytes[0x1000] ^= 1;
    std::fs::write(&image, &bytes).unwrap();
    let error = refused(&["list", image.to_str().unwrap()]);
    assert!(error.contains("not all of it can be read"), "{error}");
    std::fs::write(&image, &bytes[..1000]).unwrap();
    let error = refused(&["list", image.to_str().unwrap()]);
    assert!(
        error.contains("a volume is longer than what it is in"),
        "{error}"
    );
    std::fs::write(&image, b"no firmware").unwrap();
    let error = refused(&["list", image.to_str().unwrap()]);
    assert!(error.contains("there is no volume in it"), "{error}");
}

/// Some are empty, and others have options for the setup, a disk and the shell, which nothing has put in order, and
/// keys.
#[test]
fn variables_that_start_a_file_first_are_understood_by_virt_firmware() {
    const OURS: &str = "title=\"Pilotlight\" devpath=FvName(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/\
                        FvFileName(7c04a583-9e3e-4f1c-ad65-e05268d0b4d1)";
    let variables = directory("first").join("variables.fd");
    let path = variables.to_str().unwrap();
    let print = |path: &str| {
        let mut print = virt_firmware("virt-fw-vars");
        let output = print.args(["--print", "-i", path]).output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    for (factory, number) in [("OVMF_VARS_4M.fd", "0000"), ("OVMF_VARS_4M.ms.fd", "0003")] {
        let factory = format!("/usr/share/OVMF/{factory}");
        let said = done(&["first", STOCK, "Shell", &factory, path]);
        assert_eq!(said, format!("Boot{number} comes first: Shell\n"));
        let (theirs, ours) = (print(&factory), print(path));
        let added = [
            format!("Boot{number}            : boot entry: {OURS}"),
            format!("BootOrder           : boot order: {number}"),
        ];
        assert!(ours.difference(&theirs).eq(&added), "{ours:#?}");
        assert!(theirs.is_subset(&ours), "{theirs:#?}");
        // It is there already.
        let bytes = std::fs::read(path).unwrap();
        done(&["first", STOCK, "Shell", path, path]);
        assert!(std::fs::read(path).unwrap() == bytes);
    }
    let error = refused(&["first", STOCK, "Nothing", path, path]);
    assert!(error.contains("there is no file Nothing"), "{error}");
    let error = refused(&["first", STOCK, "Shell", STOCK, path]);
    assert!(error.contains("no volume with variables"), "{error}");
}
