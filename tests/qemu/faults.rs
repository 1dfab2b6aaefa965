//! Disks that can't be read, that go and that are slow, and machines without anybody to see it: each fault costs an
//! attempt, and what follows boots.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::Duration;

use pilotlight::disk::Disk;
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use super::BOOT;
use super::disk::{Files, Image, directory, pack, run};
use super::machine::{Machine, Setup};

const ENTRY: &str = "/loader/entries/a.conf";
const KERNEL: &str = "/linux";
const INITRD: &str = "/initrd";

/// A small disk with one entry: the flash kernel, which really starts, and another policy for it, under which it boots
/// nothing and switches the machine off. So a machine that ends has booted.
pub struct Small {
    name: String,
    image: Image,
}

impl Small {
    pub fn new(machine: &str, name: &str) -> Small {
        let entry = format!("title {name}\nlinux {KERNEL}\ninitrd {INITRD}\n");
        let initrd = archive(&format!("{machine}-{name}"), SECOND, 4);
        Small::of(machine, name, &entry, Some(initrd))
    }

    /// The kernel has no initrd but the one inside of it, with the board's policy.
    pub fn without_initrd(machine: &str, name: &str) -> Small {
        let entry = format!("title {name}\nlinux {KERNEL}\n");
        Small::of(machine, name, &entry, None)
    }

    fn of(machine: &str, name: &str, entry: &str, initrd: Option<Vec<u8>>) -> Small {
        let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
        let files = [
            (ENTRY, entry.as_bytes().to_vec()),
            (KERNEL, std::fs::read(kernel).unwrap()),
        ];
        let initrd = initrd.map(|initrd| (INITRD, initrd));
        let files = files.into_iter().chain(initrd);
        let files: Files = files
            .map(|(path, bytes)| (path.to_owned(), bytes))
            .collect();
        Small {
            name: name.to_owned(),
            image: Image::of_files(&format!("{machine}-{name}"), &files),
        }
    }

    /// A drive of this name, where the medium is as these options say.
    pub fn drive(&self, options: &str) -> String {
        let (name, path) = (&self.name, self.image.path.display());
        format!("if=none,id={name},driver=raw,file.driver=file,file.filename={path}{options}")
    }

    /// A drive that can be told to stop at anything that it is asked for.
    pub fn stoppable(&self) -> String {
        let (name, path) = (&self.name, self.image.path.display());
        format!(
            "if=none,id={name},driver=raw,file.driver=blkdebug,file.image.driver=file,\
             file.image.filename={path}"
        )
    }

    /// A drive on which one sector in the middle of a file can't be read.
    fn damaged(&self, file: &str) -> String {
        let sector = self.middle(file) / 512;
        let (name, path) = (&self.name, self.image.path.display());
        format!(
            "if=none,id={name},driver=raw,file.driver=blkdebug,file.image.driver=file,\
             file.image.filename={path},file.inject-error.0.event=none,\
             file.inject-error.0.iotype=read,file.inject-error.0.errno=5,\
             file.inject-error.0.sector={sector}"
        )
    }

    /// A drive that gives what finding its entry takes at once, and then so many bytes in a second.
    fn slow(&self, bytes: u32) -> String {
        self.drive(&format!(
            ",throttling.bps-total={bytes},throttling.bps-total-max=3000000"
        ))
    }

    /// Where the middle of a file is on the disk.
    fn middle(&self, file: &str) -> u64 {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&self.image.path).unwrap());
        let (volume, _) = inventory.volumes().next().unwrap();
        let filesystem = inventory.filesystem(volume).unwrap();
        let places = filesystem.locate(&FsPath::new(file).unwrap(), 64 << 20);
        let places = places.unwrap();
        let length: u64 = places.iter().map(|place| place.end - place.start).sum();
        let mut left = length / 2;
        for place in places {
            let here = place.end - place.start;
            if left < here {
                return place.start + left;
            }
            left -= here;
        }
        panic!("{file} is empty");
    }
}

/// The policy for the second start.
const SECOND: &str = "[wait]\ndisks = 0\n[[boot.refuse]]\nid = \"*\"\n\
                      [failure]\nthen = \"poweroff\"\npause = 0\n";

/// An archive with a policy, and so many MiB beside it that reading takes a moment.
pub fn archive(name: &str, policy: &str, size: u32) -> Vec<u8> {
    let tree = directory().join(format!("{name}.tree"));
    let _ = std::fs::remove_dir_all(&tree);
    std::fs::create_dir_all(tree.join("etc/pilotlight")).unwrap();
    std::fs::write(tree.join("etc/pilotlight/policy.toml"), policy).unwrap();
    let filler: Vec<u8> = (0..size << 18).flat_map(u32::to_le_bytes).collect();
    std::fs::write(tree.join("etc/filler"), filler).unwrap();
    pack(&tree)
}

/// The policy of the first start. It never ends by itself.
pub const PATIENT: &str = "[failure]\nthen = \"retry\"\npause = 3600\n";

/// The entry of this name boots, and the machine ends as the one that is booted says.
fn boots(machine: &mut Machine, name: &str) {
    machine.expect(&format!("booting {name} from"), BOOT);
    machine.expect("jumping", BOOT);
    machine.expect("power off", BOOT);
    machine.expect_end(BOOT);
}

#[test]
fn what_can_not_be_read_or_takes_too_long_is_followed_by_the_next() {
    let [configuration, kernel, initrd, slow, good] =
        ["configuration", "kernel", "initrd", "slow", "good"].map(|name| Small::new("read", name));
    let drives = [
        configuration.damaged(ENTRY),
        kernel.damaged(KERNEL),
        initrd.damaged(INITRD),
        slow.slow(100_000),
        // Slow as well, and in time.
        good.slow(2_000_000),
    ];
    let mut setup =
        Machine::set_up("read").policy("[failure]\nlimit = 10\nthen = \"retry\"\npause = 3600\n");
    for (drive, small) in drives
        .iter()
        .zip([&configuration, &kernel, &initrd, &slow, &good])
    {
        let device = format!("virtio-blk-pci,drive={}", small.name);
        setup = setup.arguments(&["-drive", drive, "-device", &device]);
    }
    let mut machine = setup.start();
    machine.expect("/dev/vda: ", BOOT);
    machine.expect("read error: ", BOOT);
    machine.expect("trying kernel from /dev/vdb", BOOT);
    machine.expect("/dev/vdb: /linux can't be read: read error: ", BOOT);
    machine.expect("trying initrd from /dev/vdc", BOOT);
    machine.expect("/dev/vdc: /initrd can't be read: read error: ", BOOT);
    machine.expect("trying slow from /dev/vdd", BOOT);
    machine.expect(
        "can't be read: read error: the policy allows 10 s for an attempt (failure.limit)",
        BOOT,
    );
    machine.expect("trying good from /dev/vde", BOOT);
    boots(&mut machine, "good");
}

#[test]
fn a_disk_that_goes_while_it_is_read_is_followed_by_the_next() {
    // Three are taken out, and the electronics of two fail: they answer, but never again with data.
    let gone = [
        (
            "stick",
            "usb-storage,bus=hub.0",
            "device_del stick-device",
            "/dev/sdb has gone",
        ),
        (
            "card",
            "virtio-blk-pci,bus=slot1",
            "device_del card-device",
            "/dev/vdb has gone",
        ),
        (
            "drive",
            "nvme,serial=1,bus=slot2",
            "device_del drive-device",
            " has gone",
        ),
        ("virtio", "virtio-blk-pci,addr=6", "drive_del virtio", ""),
        ("nvme", "nvme,serial=2,addr=7", "drive_del nvme", ""),
    ];
    let disks = gone.map(|(name, ..)| Small::new("gone", name));
    let good = Small::new("gone", "good");
    let order = gone.map(|(name, ..)| format!("[[boot.prefer]]\ntitle = \"{name}\"\n"));
    let mut setup = Machine::set_up("gone")
        .policy(&format!("{PATIENT}{}", order.concat()))
        .arguments(&["-device", "qemu-xhci,id=hub", "-drive", &good.drive("")])
        .arguments(&["-device", "ide-hd,drive=good,bus=ide.0"]);
    for slot in ["1", "2"] {
        let port = format!("pcie-root-port,id=slot{slot},chassis={slot},slot={slot}");
        setup = setup.arguments(&["-device", &port]);
    }
    for (small, (name, device, ..)) in disks.iter().zip(gone) {
        let device = format!("{device},id={name}-device,drive={name}");
        setup = setup.arguments(&["-drive", &small.slow(100_000), "-device", &device]);
    }
    let mut machine = setup.start();
    for (name, _, go, after) in gone {
        machine.expect(&format!("trying {name} from /dev/"), BOOT);
        std::thread::sleep(Duration::from_secs(1));
        machine.monitor(go);
        machine.expect(" can't be read: read error: ", BOOT);
        machine.expect(after, BOOT);
    }
    boots(&mut machine, "good");
}

/// Nobody can see this one boot, and its clock has lost its battery.
#[test]
fn a_machine_without_any_console_boots() {
    let good = Small::new("blind", "good");
    let setup = Machine::without_console("blind", "none").arguments(&[
        "-vga",
        "none",
        "-append",
        "console=",
        "-rtc",
        "base=1970-01-01T00:00:00",
    ]);
    ends(setup, &good);
}

/// A serial line whose other end holds its flow control: not one byte goes out.
#[test]
fn a_serial_line_that_is_stuck_keeps_nothing_from_booting() {
    let good = Small::new("stuck", "good");
    let pipe = directory().join("stuck.pipe");
    let ends_of_pipe = ["in", "out"].map(|end| pipe.with_extension(format!("pipe.{end}")));
    for end in &ends_of_pipe {
        let _ = std::fs::remove_file(end);
        run(Command::new("mkfifo").arg(end));
    }
    // Held open, filled, and never read.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK);
    let full = options.open(&ends_of_pipe[1]).unwrap();
    while std::io::Write::write(&mut &full, &[0; 4096]).is_ok() {}
    let line = format!("pipe:{}", pipe.display());
    let setup =
        Machine::without_console("stuck", &line).arguments(&["-append", "console=ttyS0,9600r"]);
    ends(setup, &good);
    drop(full);
    for end in &ends_of_pipe {
        std::fs::remove_file(end).unwrap();
    }
}

/// The machine boots from this disk, which is seen by its end.
fn ends(setup: Setup, disk: &Small) {
    let mut machine = setup
        .policy(PATIENT)
        .arguments(&[
            "-drive",
            &disk.drive(""),
            "-device",
            "virtio-blk-pci,drive=good",
        ])
        .start();
    machine.expect_end(BOOT);
}
