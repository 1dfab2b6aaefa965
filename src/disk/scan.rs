//! From a disk to its [`Layout`].

use std::sync::Arc;

use super::identify::identify;
use super::mbr::Mbr;
use super::{Disk, Format, Layout, Partition, Section, Source, TableKind, Volume, Window, gpt};

/// Sector sizes to try where the device does not tell its own.
const SECTOR_SIZES: [u32; 2] = [512, 4096];

type Partitions = Vec<(Partition, u64, u64)>;

impl Disk {
    /// Reads the partition table and identifies every volume. Damage never fails the scan: it is
    /// among the problems.
    pub fn scan(&self) -> Layout {
        // The structures of a disk stand close together.
        let source: Source = Arc::new(Window::new(self.source.clone()));
        let mut layout = Layout {
            sector_size: self.hardware.sector_size.unwrap_or(SECTOR_SIZES[0]),
            ..Layout::default()
        };
        if source.size() > 0
            && let Err(error) = source.read_exact_at(0, &mut [0])
        {
            layout
                .problems
                .push(format!("the disk can't be read: {error}"));
            return layout;
        }
        let partitions = self.partitions(&source, &mut layout);
        for (partition, start, size) in partitions {
            let volume = self.volume(Some(partition), start, size);
            layout.volumes.push(volume);
        }
        // A filesystem on the whole disk: without partitions, or a hybrid image of optical media.
        let whole = self.volume(None, 0, self.source.size());
        if layout.volumes.is_empty() || whole.content.format == Some(Format::Iso9660) {
            layout.volumes.push(whole);
        }
        layout
    }

    fn partitions(&self, source: &Source, layout: &mut Layout) -> Partitions {
        let mbr = Mbr::read(source);
        let protective = mbr.as_ref().and_then(Mbr::protective_size);
        let own_size = self.hardware.sector_size;
        let sizes = own_size.map_or(SECTOR_SIZES.to_vec(), |size| vec![size]);
        let found = sizes
            .into_iter()
            .find_map(|size| gpt::read(source, size, protective).map(|table| (size, table)));
        if let Some((size, table)) = found {
            match (table, &mbr) {
                (Ok(_), Some(_)) if protective.is_none() => layout.problems.push(
                    "there is a GPT, but the MBR does not announce it: the MBR is used".to_owned(),
                ),
                (Ok(table), mbr) => {
                    layout.table = Some(TableKind::Gpt);
                    layout.sector_size = size;
                    layout.problems.extend(table.problems);
                    if mbr.is_none() {
                        let text = "the protective MBR is missing: Linux finds this GPT only with \
                                    `gpt` on its command line";
                        layout.problems.push(text.to_owned());
                    }
                    if mbr.as_ref().is_some_and(Mbr::is_hybrid) {
                        let text = "a hybrid MBR stands beside the GPT: the GPT is used";
                        layout.problems.push(text.to_owned());
                    }
                    return table.partitions;
                }
                (Err(problems), _) => layout.problems.extend(problems),
            }
        }
        let Some(mbr) = mbr else {
            return Vec::new();
        };
        let table = mbr.table(source, layout.sector_size);
        if protective.is_some() && layout.problems.is_empty() {
            let text = "the MBR announces a GPT, and there is none";
            layout.problems.push(text.to_owned());
        }
        if !table.partitions.is_empty() {
            layout.table = Some(TableKind::Mbr);
        }
        layout.problems.extend(table.problems);
        table.partitions
    }

    fn volume(&self, partition: Option<Partition>, offset: u64, size: u64) -> Volume {
        let source: Source = match partition {
            Some(_) => Arc::new(Section::new(self.source.clone(), offset, size)),
            None => self.source.clone(),
        };
        let size = source.size();
        let probe: Source = Arc::new(Window::new(source.clone()));
        let mut problems = Vec::new();
        let content = match identify(&probe) {
            Ok(content) => content,
            Err(error) => {
                problems.push(format!("the volume can't be read: {error}"));
                Default::default()
            }
        };
        let device = self.device_of(partition.as_ref(), offset);
        Volume {
            partition,
            offset,
            size,
            content,
            problems,
            source,
            device,
        }
    }
}
