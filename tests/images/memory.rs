//! Small disks with many volumes, on each of which a short configuration multiplies.

use crate::cli::text;
use crate::kit::{Image, MIB, TempDir, run, run_line, run_with_input, temp_dir, tool};

/// There is a list, and no kernel in it is there.
const NOTHING_BOOTS: i32 = 3;

/// A disk of so many volumes, each with the content of `volume`.
fn disk(directory: &TempDir, volume: &Image, count: u64) -> Image {
    let disk = directory.image("disk.img", 2 * MIB + count * volume.size());
    let sectors = volume.size() / 512;
    let start = |number: u64| 2048 + number * sectors;
    let rows = (0..count).map(|number| format!("start={}, size={sectors}\n", start(number)));
    let table = format!("label: gpt\n{}", rows.collect::<String>());
    run_with_input("sfdisk", ["--quiet", disk.path()], &table);
    for number in 0..count {
        disk.insert(start(number) * 512, volume);
    }
    disk
}

/// What the volumes of a disk say while there are so many bytes for all that is listed, and `list` ends with this
/// status.
pub fn problems_within(disk: &Image, memory: u64, status: i32) -> Vec<String> {
    let output = tool("prlimit")
        .arg(format!("--data={memory}"))
        .args([
            env!("CARGO_BIN_EXE_pilotlight"),
            "list",
            "--json",
            disk.path(),
        ])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    let view: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let volumes = view["disks"][0]["volumes"].as_array().unwrap().iter();
    let problems = volumes.flat_map(|volume| volume["problems"].as_array().unwrap());
    problems
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn menus_of_syslinux_do_not_take_the_memory() {
    let directory = temp_dir();
    let volume = directory.image("volume.img", 512 * 1024);
    run("mkfs.vfat", ["-F", "12", volume.path()]);
    for number in 0..4 {
        let mut config = format!("append {}\n", "p".repeat(4000));
        let menu = format!("menu begin m\nmenu title {}\n", "t".repeat(4000));
        config += &menu.repeat(7);
        for label in 0..1000 {
            config += &format!("label l{number}_{label}\nlinux /v\n");
        }
        config += &"menu end\n".repeat(7);
        let name = match number {
            0 => {
                for other in 1..4 {
                    config += &format!("label q{other}\nconfig c{other}.cfg\n");
                }
                "syslinux.cfg".to_owned()
            }
            number => format!("c{number}.cfg"),
        };
        let file = directory.file(&name, config.as_bytes());
        let file = file.to_str().unwrap();
        run("mcopy", ["-i", volume.path(), file, "::/"]);
    }
    let problems = problems_within(&disk(&directory, &volume, 16), 64 * MIB, NOTHING_BOOTS);
    let limited = problems
        .iter()
        .filter(|problem| problem.contains("entries take more than"));
    assert_eq!(limited.count(), 16, "{problems:?}");
}

#[test]
fn menus_of_grub_do_not_take_the_memory() {
    let directory = temp_dir();
    let numbers = "1 ".repeat(2000);
    let config = format!(
        "set a={}\nset b=$a$a$a$a$a$a$a$a\nset c=$b$b$b$b$b$b$b$b\nset d=$c$c$c$c\n\
         for i in {numbers}; do menuentry \"$d $i\" {{ linux /v $d; }}; done\n",
        "x".repeat(1000)
    );
    directory.file("tree/boot/grub/grub.cfg", config.as_bytes());
    let volume = directory.image("volume.img", 2 * MIB);
    let tree = directory.path().join("tree");
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", tree.display()),
        &volume,
    );
    let problems = problems_within(&disk(&directory, &volume, 8), 256 * MIB, NOTHING_BOOTS);
    let limited = problems
        .iter()
        .filter(|problem| problem.contains("the entries of the configuration take more than"));
    assert_eq!(limited.count(), 8, "{problems:?}");
}
