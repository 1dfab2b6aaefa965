//! Disks that come and go.

use super::loader::Loader;
use super::place::{DiskName, Place};
use super::report::{Counted, LEFT_OUT};
use crate::boot::Stage;
use crate::disk::{Disk, Hardware, Sysfs};
use crate::report::{self, Text};
use crate::text::Printable;

impl Loader {
    /// Adds the disks that came, and says whether any did.
    pub(super) fn add_disks(&mut self) -> bool {
        let mut added = false;
        let disks = Sysfs::system().disks();
        let names: Vec<DiskName> = disks.iter().map(DiskName::found).collect();
        for name in &self.known {
            if !names.contains(name) && !self.gone.contains(name) {
                log::warn!("{} has gone", Place::Disk(name.clone()));
                let disk = Text::name(&name.path);
                self.journal.put(&report::Event::DiskGone { disk });
                self.gone.push(name.clone());
            }
        }
        // Whoever sits at the menu sees what is there. Without a person an entry that has gone fails as any other.
        if self.desk.holds() && self.known.iter().any(|known| !names.contains(known)) {
            log::info!("a disk has gone: looking at all of them again");
            self.forget_disks();
        }
        for found in disks {
            let name = DiskName::found(&found);
            if self.known.contains(&name) {
                continue;
            }
            let place = Place::Disk(name.clone());
            if self.lost.disk(&name) {
                log::warn!("{place}: left out: {LEFT_OUT}");
                self.known.push(name);
                continue;
            }
            self.report.at(place);
            match Disk::open(&found.node) {
                Ok(disk) => {
                    let report = self.report.clone();
                    let hardware = Hardware {
                        // It goes by what it was when it was found, should it be another one by now.
                        sequence: found.sequence,
                        ..disk.hardware
                    };
                    let disk = Disk {
                        path: disk.path,
                        source: Counted::source(disk.source, report),
                        hardware,
                    };
                    let inventory = &mut self.inventory;
                    let index = self.timeline.run(Stage::Disks, || inventory.add(disk));
                    self.known.push(name);
                    added = true;
                    self.show_disk(index);
                }
                Err(error) if error.is_empty_drive() => {}
                // Its node may come a moment after its directory in sysfs: the next look tries again.
                Err(error) => self.once(format!("{error}")),
            }
        }
        self.report.rest();
        added
    }

    fn show_disk(&mut self, index: usize) {
        let Some(scanned) = self.inventory.disks().get(index) else {
            return;
        };
        let disk = &scanned.disk;
        let transport = disk.hardware.transport.map(|t| format!(" ({t})"));
        let path = disk.path.display().to_string();
        let place = format!("{path}{}", transport.unwrap_or_default());
        let model = disk.hardware.model.as_deref();
        self.journal.put(&report::Event::DiskFound {
            disk: Text::name(&path),
            size: disk.source.size(),
            model: model.map(Text::name),
        });
        let table = scanned.layout.table.map(|table| table.to_string());
        let volumes: Vec<String> = scanned
            .layout
            .volumes
            .iter()
            .filter(|volume| volume.assembled.is_none())
            .map(|volume| {
                let format = volume.content.format.map_or("?", |format| format.name());
                match &volume.partition {
                    Some(partition) => format!("{} {format}", partition.number),
                    None => format.to_owned(),
                }
            })
            .collect();
        let table = table.as_deref().unwrap_or("no partitions");
        log::info!("{place}: {table}: {}", volumes.join(", "));
        let problems: Vec<String> = scanned
            .layout
            .problems
            .iter()
            .chain(scanned.layout.volumes.iter().flat_map(|v| &v.problems))
            .map(|problem| format!("{path}: {}", Printable(problem)))
            .collect();
        for problem in problems {
            self.once(problem);
        }
        self.show_assembled();
    }

    /// Says what was put together since the last disk came.
    fn show_assembled(&mut self) {
        for (id, volume) in self.inventory.volumes() {
            let Some(names) = &volume.assembled else {
                continue;
            };
            let Some(format) = volume.content.format else {
                continue;
            };
            let place = self.inventory.place(id).to_string();
            if self.shown.insert(format!("{} {}", names.id, place)) {
                log::info!("{}: {format}", Printable(&place));
            }
        }
    }
}
