//! The JSON view of `list`: these types are its schema, `docs/list-json.md` its description.
//!
//! Keys are only ever added. Every key is always there, with `null` or `[]` where there is nothing.

use serde::Serialize;

use crate::boot::wished;
use crate::config::{Configuration, Found};
use crate::disk::Volume;
use crate::entry::{BootEntry, FileRef, Origin, VolumeId};
use crate::inventory::{Inventory, ScannedDisk};

#[derive(Serialize)]
pub(super) struct View {
    disks: Vec<DiskView>,
    configurations: Vec<ConfigurationView>,
    entries: Vec<EntryView>,
    wished: Vec<String>,
}

#[derive(Serialize)]
struct DiskView {
    path: String,
    partition_table: Option<String>,
    volumes: Vec<VolumeView>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct VolumeView {
    partition: Option<u32>,
    name: Option<String>,
    offset: u64,
    size: u64,
    filesystem: Option<&'static str>,
    uuid: Option<String>,
    label: Option<String>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct ConfigurationView {
    source: &'static str,
    origin: OriginView,
    timeout: Option<u32>,
    timeout_style: &'static str,
    wanted: Option<String>,
    default: Option<String>,
    fallback: Vec<String>,
}

#[derive(Serialize)]
struct EntryView {
    id: String,
    title: String,
    source: &'static str,
    origin: OriginView,
    origins: Vec<OriginView>,
    kind: &'static str,
    kernel: Option<FileView>,
    initrd: Vec<InitrdView>,
    devicetree: Option<FileView>,
    modules: Vec<ModuleView>,
    cmdline: String,
    submenu: Vec<String>,
    default: bool,
    version: Option<String>,
    machine_id: Option<String>,
    architecture: Option<String>,
    tries_left: Option<u32>,
    tries_done: Option<u32>,
    other_keys: Vec<OtherKeyView>,
    bootable: bool,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct OriginView {
    disk: String,
    volume: Option<String>,
    path: String,
    line: Option<u32>,
}

#[derive(Serialize)]
struct FileView {
    volume: Option<String>,
    path: String,
}

#[derive(Serialize)]
struct InitrdView {
    #[serde(flatten)]
    file: FileView,
    name: Option<String>,
}

#[derive(Serialize)]
struct OtherKeyView {
    key: String,
    value: String,
}

#[derive(Serialize)]
struct ModuleView {
    #[serde(flatten)]
    file: FileView,
    cmdline: String,
}

/// Makes the view of what was found.
pub(super) fn view(inventory: &Inventory, found: &Found) -> View {
    let disks = inventory.disks().iter().enumerate();
    let wished = wished(found, BootEntry::bootable).into_iter();
    View {
        disks: disks
            .map(|(i, scanned)| disk(inventory, i, scanned, found))
            .collect(),
        configurations: found
            .configurations
            .iter()
            .map(|c| configuration(inventory, c, &found.entries))
            .collect(),
        entries: found.entries.iter().map(|e| entry(inventory, e)).collect(),
        wished: wished.map(|(_, entry)| entry.id.clone()).collect(),
    }
}

fn disk(inventory: &Inventory, index: usize, scanned: &ScannedDisk, found: &Found) -> DiskView {
    let volumes = inventory.volumes_of(index);
    DiskView {
        path: scanned.disk.path.to_string_lossy().into_owned(),
        partition_table: scanned.layout.table.map(|table| table.to_string()),
        volumes: volumes.map(|(id, v)| volume(id, v, found)).collect(),
        problems: scanned.layout.problems.clone(),
    }
}

fn volume(id: VolumeId, volume: &Volume, found: &Found) -> VolumeView {
    let problems = volume.problems.iter().chain(found.problems_of(id));
    VolumeView {
        partition: volume.partition.as_ref().map(|partition| partition.number),
        name: volume.assembled.as_ref().map(|names| names.name.clone()),
        offset: volume.offset,
        size: volume.size,
        filesystem: volume.content.format.map(|format| format.name()),
        uuid: volume.content.uuid.clone(),
        label: volume.content.label.clone(),
        problems: problems.cloned().collect(),
    }
}

fn configuration(
    inventory: &Inventory,
    configuration: &Configuration,
    entries: &[BootEntry],
) -> ConfigurationView {
    let id = |entry: &BootEntry| entry.id.clone();
    let default = configuration.default;
    ConfigurationView {
        source: configuration.source.name(),
        origin: origin(inventory, &configuration.file, None),
        timeout: configuration.wait.seconds,
        timeout_style: configuration.wait.style.name(),
        wanted: configuration.wanted.clone(),
        default: default.and_then(|i| entries.get(i)).map(id),
        fallback: configuration.fallback(entries).map(id).collect(),
    }
}

fn origin(inventory: &Inventory, file: &FileRef, line: Option<u32>) -> OriginView {
    let disk = inventory.disk(file.volume);
    let path = disk.map(|scanned| scanned.disk.path.to_string_lossy().into_owned());
    OriginView {
        disk: path.unwrap_or_default(),
        volume: uuid(inventory, file.volume),
        path: file.path.to_string(),
        line,
    }
}

fn entry(inventory: &Inventory, entry: &BootEntry) -> EntryView {
    let file = |file: &FileRef| FileView {
        volume: uuid(inventory, file.volume),
        path: file.path.to_string(),
    };
    let place = |place: &Origin| origin(inventory, &place.file, place.line);
    let origins = std::iter::once(&entry.origin).chain(&entry.also_at);
    EntryView {
        id: entry.id.clone(),
        title: entry.title.clone(),
        source: entry.source.name(),
        origin: place(&entry.origin),
        origins: origins.map(place).collect(),
        kind: entry.kind.name(),
        kernel: entry.kernel.as_ref().map(file),
        initrd: entry
            .initrd
            .iter()
            .map(|initrd| InitrdView {
                file: file(&initrd.file),
                name: initrd.name.clone(),
            })
            .collect(),
        devicetree: entry.devicetree.as_ref().map(file),
        modules: entry
            .modules
            .iter()
            .map(|module| ModuleView {
                file: file(&module.file),
                cmdline: module.cmdline.clone(),
            })
            .collect(),
        cmdline: entry.cmdline.clone(),
        submenu: entry.submenu.clone(),
        default: entry.default,
        version: entry.version.clone(),
        machine_id: entry.machine_id.clone(),
        architecture: entry.architecture.clone(),
        tries_left: entry.tries_left,
        tries_done: entry.tries_done,
        other_keys: entry
            .other_keys
            .iter()
            .map(|(key, value)| OtherKeyView {
                key: key.clone(),
                value: value.clone(),
            })
            .collect(),
        bootable: entry.bootable(),
        problems: entry
            .problems
            .iter()
            .map(|problem| problem.text.clone())
            .collect(),
    }
}

fn uuid(inventory: &Inventory, volume: VolumeId) -> Option<String> {
    inventory.volume(volume)?.content.uuid.clone()
}
