//! [`System`]: an installed system, by its root filesystem.

use super::command_line::CommandLine;
use super::kernels::Kernel;
use super::mounts::{Mount, mounts};
use super::offered::names;
use super::settings::Settings;
use crate::entry::VolumeId;
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;

/// A larger file is none of those that are read here.
const MAX_FILE: usize = 64 * 1024;

/// Where the root directory is: that of the filesystem, or a subvolume of btrfs under a usual name.
const ROOTS: [&str; 4] = ["/", "/@", "/@rootfs", "/root"];

/// An installed system.
#[derive(Debug)]
pub(super) struct System {
    /// Its root filesystem.
    pub(super) volume: VolumeId,
    /// Its root directory there.
    pub(super) root: FsPath,
    /// How it calls itself.
    pub(super) name: String,
    pub(super) machine_id: Option<String>,
    /// The `ID` in its `os-release`.
    pub(super) id: Option<String>,
    /// What it mounts.
    pub(super) mounts: Vec<Mount>,
    pub(super) command_line: CommandLine,
}

impl System {
    /// The system whose root filesystem is on a volume.
    pub(super) fn on(inventory: &Inventory, volume: VolumeId) -> Option<System> {
        let filesystem = inventory.filesystem(volume).ok()?;
        ROOTS.iter().find_map(|root| {
            let root = FsPath::new(root).ok()?;
            let release = read(filesystem, &root, "etc/os-release")
                .or_else(|| read(filesystem, &root, "usr/lib/os-release"))?;
            let mut settings = Settings::default();
            settings.read(&release);
            let name = ["PRETTY_NAME", "NAME", "ID"].iter();
            let mut name = name.filter_map(|name| settings.get(name).ok());
            let name = name.find(|name| !name.is_empty()).unwrap_or("Linux");
            let machine_id = read(filesystem, &root, "etc/machine-id");
            let machine_id = machine_id.map(|text| text.trim().to_owned());
            let is_id = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
            let fstab = read(filesystem, &root, "etc/fstab").unwrap_or_default();
            let mut system = System {
                volume,
                name: name.to_owned(),
                machine_id: machine_id.filter(is_id),
                id: settings.get("ID").ok().map(str::to_owned),
                mounts: mounts(&fstab),
                command_line: CommandLine::default(),
                root,
            };
            system.command_line = CommandLine::of(inventory, filesystem, &system);
            Some(system)
        })
    }

    /// The system that a kernel on `volume` belongs to, of those on its disk. One that is `offered` already counts
    /// where anything speaks for it.
    ///
    /// # Errors
    /// Why that is not clear, in words.
    pub(super) fn of_kernel<'s>(
        inventory: &Inventory,
        systems: &[(&'s System, bool)],
        volume: VolumeId,
        kernel: &Kernel,
    ) -> Result<(&'s System, bool), &'static str> {
        let fit = |(system, _): &(&System, bool)| system.fit(inventory, volume, kernel);
        let fits = systems.iter().map(|system| (fit(system), *system));
        let fits = fits.filter(|(fit, (_, offered))| !offered || fit.contains(&true));
        let fits: Vec<_> = fits.collect();
        let best = fits.iter().map(|(fit, _)| fit).max();
        let mut best = fits.iter().filter(|(fit, _)| Some(fit) == best);
        match (best.next(), best.next()) {
            (Some((_, system)), None) => Ok(*system),
            (None, _) => Err("there is no root filesystem on its disk that it could belong to"),
            _ => Err("it could belong to several systems of its disk"),
        }
    }

    /// What speaks for it as the system of a kernel on `volume`, the weightiest first. A `/boot` that is mounted is one
    /// system's more often than an EFI system partition, and each kernel has its own modules.
    fn fit(&self, inventory: &Inventory, volume: VolumeId, kernel: &Kernel) -> [bool; 5] {
        let is_at = |places: &[&str]| {
            let mut mounts = self.mounts.iter();
            mounts.any(|mount| {
                places.contains(&mount.target.trim_end_matches('/'))
                    && names(inventory, &mount.source, volume) == Some(true)
            })
        };
        let is_boot = is_at(&["/boot"]);
        let is_mounted = is_boot || is_at(&["/boot/efi", "/efi"]);
        let filesystem = inventory.filesystem(self.volume).ok();
        let has_modules =
            filesystem.is_some_and(|filesystem| self.has_modules(filesystem, &kernel.version));
        let is_own = self.volume == volume;
        [
            is_own,
            is_mounted && has_modules,
            is_boot,
            has_modules,
            is_mounted,
        ]
    }

    fn has_modules(&self, filesystem: &dyn Filesystem, version: &str) -> bool {
        let mut places = ["usr/lib/modules", "lib/modules"].iter();
        places.any(|place| {
            let path = self.root.join(place).and_then(|path| path.join(version));
            let metadata = path.ok().and_then(|path| filesystem.metadata(&path).ok());
            metadata.is_some_and(|metadata| metadata.kind == FileKind::Directory)
        })
    }
}

/// A text of a system; bytes that are no UTF-8 become signs that are refused where they matter.
pub(super) fn read(filesystem: &dyn Filesystem, root: &FsPath, name: &str) -> Option<String> {
    let bytes = filesystem.read(&root.join(name).ok()?, MAX_FILE).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
