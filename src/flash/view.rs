//! The view of `list`: these types are the schema of its JSON, which `docs/flash.md` describes. Keys are only ever
//! added, and every key is always there.

use pilotlight::firmware::{
    Content, File, FileSystem, Image, Inside, Piece, Section, SectionKind, Volume,
};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ImageView {
    pub size: usize,
    pub pieces: Vec<PieceView>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum PieceView {
    Volume(VolumeView),
    Other { offset: usize, size: usize },
}

#[derive(Serialize)]
pub(super) struct VolumeView {
    pub offset: usize,
    pub size: usize,
    pub name: Option<String>,
    pub filesystem: String,
    pub free: Option<usize>,
    pub files: Vec<FileView>,
    pub problem: Option<String>,
}

#[derive(Serialize)]
pub(super) struct FileView {
    pub offset: usize,
    pub size: usize,
    pub guid: String,
    pub name: Option<String>,
    pub kind: &'static str,
    pub deleted: bool,
    pub sections: Vec<SectionView>,
    pub problem: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SectionView {
    pub offset: usize,
    pub size: usize,
    pub kind: &'static str,
    pub guid: Option<String>,
    pub packed: Option<&'static str>,
    pub sections: Vec<SectionView>,
    pub volume: Option<Box<VolumeView>>,
    pub problem: Option<String>,
}

impl ImageView {
    pub(super) fn of(image: &Image) -> ImageView {
        let piece = |piece: &Piece| match piece {
            Piece::Volume(one) => PieceView::Volume(volume(one)),
            Piece::Other { offset, size } => PieceView::Other {
                offset: *offset,
                size: *size,
            },
        };
        ImageView {
            size: image.size(),
            pieces: image.pieces.iter().map(piece).collect(),
        }
    }

    /// The first thing that can't be read.
    pub(super) fn problem(&self) -> Option<String> {
        self.pieces.iter().find_map(|piece| match piece {
            PieceView::Volume(volume) => volume.first_problem(),
            PieceView::Other { .. } => None,
        })
    }
}

impl VolumeView {
    fn first_problem(&self) -> Option<String> {
        let inner = || {
            self.files.iter().find_map(|file| {
                let inner = || file.sections.iter().find_map(SectionView::first_problem);
                file.problem.clone().or_else(inner)
            })
        };
        self.problem.clone().or_else(inner)
    }
}

impl SectionView {
    fn first_problem(&self) -> Option<String> {
        let volume = || {
            self.volume
                .as_ref()
                .and_then(|volume| volume.first_problem())
        };
        let sections = || self.sections.iter().find_map(SectionView::first_problem);
        self.problem.clone().or_else(volume).or_else(sections)
    }
}

fn volume(volume: &Volume) -> VolumeView {
    VolumeView {
        offset: volume.offset,
        size: volume.header.size,
        name: volume.header.name.map(|name| name.to_string()),
        filesystem: match volume.header.filesystem {
            FileSystem::Ffs2 => "FFS2".to_owned(),
            FileSystem::Ffs3 => "FFS3".to_owned(),
            FileSystem::Variables => "variables".to_owned(),
            FileSystem::Other(guid) => guid.to_string(),
        },
        free: volume.free(),
        files: volume.files().iter().map(file).collect(),
        problem: match &volume.content {
            Content::Damaged(_, damage) => Some(damage.to_string()),
            Content::Files(_) | Content::Unknown => None,
        },
    }
}

fn file(file: &File) -> FileView {
    FileView {
        offset: file.offset,
        size: file.size(),
        guid: file.guid.to_string(),
        name: file.name(),
        kind: file.kind.name(),
        deleted: file.is_deleted(),
        sections: file.sections().iter().map(section).collect(),
        problem: file.body.damage().map(ToString::to_string),
    }
}

fn section(one: &Section) -> SectionView {
    let (packed, sections, inner, problem) = match &one.inside {
        Inside::Bytes => (None, Vec::new(), None, None),
        Inside::Sections(codec, sections) => {
            let sections = sections.iter().map(section).collect();
            (Some(codec.name()), sections, None, None)
        }
        Inside::Packed(_) => (Some("unknown"), Vec::new(), None, None),
        Inside::Volume(inner) => (None, Vec::new(), Some(Box::new(volume(inner))), None),
        Inside::Damaged(damage) => (None, Vec::new(), None, Some(damage.to_string())),
    };
    SectionView {
        offset: one.offset,
        size: one.size(),
        kind: SectionKind::name(one.kind),
        guid: one.guid().map(|guid| guid.to_string()),
        packed,
        sections,
        volume: inner,
        problem,
    }
}
