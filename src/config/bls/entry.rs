//! From the text of an entry file to an entry.

use super::counter::Counter;
use super::file::{MAX_INITRDS, Program, Type1};
use super::group::Place;
use super::variables::Variables;
use super::volume::Sorted;
use crate::config::budget::Budget;
use crate::config::uki::{self, Asked};
use crate::entry::{
    BootEntry, Change, Companion, EntrySource, FileRef, Initrd, Origin, PayloadKind, VolumeId,
};
use crate::fs::{FileKind, Filesystem, FsError, FsPath};
use crate::pe::Machine;

/// Makes entries of the files in one directory.
pub(super) struct Maker<'a> {
    /// Where their files are.
    pub(super) filesystem: &'a dyn Filesystem,
    /// That volume.
    pub(super) id: VolumeId,
    /// What it is.
    pub(super) place: Place,
    /// The directory that holds `loader`: of `/boot/loader/entries` the `/boot`.
    pub(super) boot: FsPath,
    /// Of GRUB.
    pub(super) variables: Variables<'a>,
    /// What its entries may take.
    pub(super) budget: &'a Budget,
}

impl Maker<'_> {
    /// The entry that the file `path` describes, which has this name and text. What the budget is not enough for
    /// can't be started.
    pub(super) fn entry(&self, name: &str, path: FsPath, text: &[u8]) -> Sorted {
        let mut stated = Type1::parse(text);
        let (id, counter) = Counter::split(name, ".conf");
        let kind = match &stated.program {
            Some(Program::Linux(_)) | None => PayloadKind::Linux,
            Some(Program::Uki(_) | Program::UkiUrl(_)) => PayloadKind::Uki,
            Some(Program::Efi(_)) => PayloadKind::Efi,
        };
        let file = FileRef {
            volume: self.id,
            path,
        };
        let origin = Origin { file, line: None };
        let mut entry = BootEntry::new(id, EntrySource::Bls, kind, origin);
        if stated.is_foreign {
            entry.written.add(None);
        }
        match &stated.program {
            Some(Program::Linux(path) | Program::Uki(path) | Program::Efi(path)) => {
                entry.kernel = self.file(path, &mut entry);
            }
            Some(Program::UkiUrl(_)) => {
                entry.block("`uki-url` asks for a network, which is not used");
            }
            None => entry.block("it names nothing to start: `linux` is missing"),
        }
        let is_for_grub = match self.place {
            Place::Esp => false,
            Place::Xbootldr => self.variables.are_kept(),
            Place::Elsewhere => true,
        };
        if is_for_grub {
            self.expand(&mut stated, &mut entry);
        }
        let others = entry.problems.len();
        for initrd in &stated.initrd {
            let file = self.file(initrd, &mut entry);
            entry.initrd.extend(file.map(Initrd::from));
        }
        entry.mark_mendable(others, Change::Initrds);
        if let Some(devicetree) = &stated.devicetree {
            entry.devicetree = self.file(devicetree, &mut entry);
        }
        let mut extra = Vec::new();
        for path in &stated.extra {
            let file = self.file(path, &mut entry);
            match uki::kind_of(path) {
                None => entry.block(format!("{path}: it is not known what that is")),
                Some(kind) => extra.extend(file.map(|file| Companion { kind, file })),
            }
        }
        entry.tries_left = counter.map(|counter| counter.left);
        entry.tries_done = counter.map(|counter| counter.done);
        stated.explain(&mut entry);
        entry.title = stated.title.unwrap_or(entry.title);
        entry.version = stated.version;
        entry.machine_id = stated.machine_id;
        entry.system.clone_from(&stated.sort_key);
        entry.architecture = stated.architecture;
        entry.cmdline = stated.options;
        entry.other_keys = stated.others;
        if let Some(program) = entry.kernel.clone().filter(|_| entry.mendable()) {
            let asked = Asked {
                options: &entry.cmdline,
                // A number that is none has blocked the entry.
                profile: stated.profile.unwrap_or_default(),
                extra: &extra,
                any_kernel: kind == PayloadKind::Linux,
            };
            uki::start(self.filesystem, &program, asked, self.budget).fill(&mut entry);
            let others = entry.problems.len();
            if entry.initrd.len() > MAX_INITRDS {
                entry.block(format!(
                    "it names more than {MAX_INITRDS} initrds, with those of its options"
                ));
                entry.initrd.truncate(MAX_INITRDS);
                entry.mark_mendable(others, Change::Initrds);
            }
        }
        if entry.kind == PayloadKind::Linux && stated.profile.is_some() {
            entry.remark("`profile` means nothing for a kernel: passed over");
        }
        if entry.kind == PayloadKind::Uki && !entry.initrd.is_empty() {
            entry.block("`initrd` does not go with a unified kernel image, which has its own");
        }
        Sorted {
            entry,
            sort_key: stated.sort_key,
            profile_of: None,
        }
    }

    /// The file that `text` means: from the root of the volume, or, where `/boot` is no volume of its
    /// own, from there, as tools write that expect it to be one. A file that is not there is a problem
    /// of the entry. As for EFI programs the names in it may be parted by `\`.
    fn file(&self, text: &str, entry: &mut BootEntry) -> Option<FileRef> {
        let text = text.replace('\\', "/");
        if text.split('/').any(|part| part == "..") {
            entry.block(format!(
                "{text} leads upwards, which the specification forbids"
            ));
            return None;
        }
        let path = match FsPath::new(&text) {
            Ok(path) => path,
            Err(error) => {
                entry.block(format!("{text}: {error}"));
                return None;
            }
        };
        let below_boot = self.boot.join(&text).ok().filter(|below| *below != path);
        let candidates = [Some(&path), below_boot.as_ref()];
        let mut problem = None;
        for candidate in candidates.into_iter().flatten() {
            if let Err(limit) = self.budget.file() {
                problem = Some(limit.to_string());
                break;
            }
            match self.filesystem.metadata(candidate) {
                Ok(metadata) if metadata.kind == FileKind::File => {
                    return Some(FileRef {
                        volume: self.id,
                        path: candidate.clone(),
                    });
                }
                Ok(_) => problem = problem.or(Some(format!("{candidate} is no file"))),
                Err(FsError::NotFound | FsError::NotADirectory) => {}
                Err(error) => problem = Some(format!("{candidate} can't be read: {error}")),
            }
        }
        entry.block(problem.unwrap_or_else(|| format!("{path} is not there")));
        let volume = self.id;
        Some(FileRef { volume, path })
    }

    /// Puts in the values of GRUB's variables. As for GRUB's `blscfg` a line may name several initrds, and one that has
    /// variables may name none.
    fn expand(&self, stated: &mut Type1, entry: &mut BootEntry) {
        let others = entry.problems.len();
        match self.expanded(&stated.options) {
            Ok(options) => stated.options = options,
            Err(reason) => entry.block(format!("its options use {reason}")),
        }
        entry.mark_mendable(others, Change::CommandLine);
        let others = entry.problems.len();
        let mut initrds = Vec::new();
        for initrd in &stated.initrd {
            let room = MAX_INITRDS.saturating_sub(initrds.len()).saturating_add(1);
            let is_list = initrd.contains('$') || names_several(initrd);
            match is_list.then(|| self.expanded(initrd)) {
                None => initrds.push(initrd.clone()),
                Some(Ok(names)) => {
                    let names = names.split_ascii_whitespace().take(room);
                    initrds.extend(names.map(str::to_owned));
                }
                Some(Err(reason)) => entry.block(format!("an initrd uses {reason}")),
            }
            if initrds.len() > MAX_INITRDS {
                entry.block(format!("it names more than {MAX_INITRDS} initrds"));
                initrds.truncate(MAX_INITRDS);
                break;
            }
        }
        entry.mark_mendable(others, Change::Initrds);
        stated.initrd = initrds;
    }

    fn expanded(&self, text: &str) -> Result<String, String> {
        let expanded = self.variables.expand(text)?;
        self.budget.read(expanded.len())?;
        Ok(expanded)
    }
}

/// Is it more than one path? A name with a space in it has no slash behind that.
fn names_several(initrd: &str) -> bool {
    let mut words = initrd.split_ascii_whitespace();
    words.all(|word| word.starts_with('/')) && initrd.contains([' ', '\t'])
}

impl Type1 {
    /// Adds what a person should know, and what keeps the entry from being started as it was meant.
    fn explain(&self, entry: &mut BootEntry) {
        if entry.kind != PayloadKind::Linux && !self.initrd.is_empty() {
            entry.remark("`initrd` goes with `linux` only: not passed on");
            entry.initrd.clear();
        }
        let architecture = self.architecture.as_deref().unwrap_or(Machine::OWN);
        if !architecture.eq_ignore_ascii_case(Machine::OWN) {
            entry.block(format!(
                "it is for {architecture}, and this machine is {}",
                Machine::OWN
            ));
        }
        if self.devicetree.is_some() && cfg!(target_arch = "x86_64") {
            entry.remark("`devicetree` has no meaning on this machine: not passed on");
        }
        match self.overlays {
            false => {}
            true if cfg!(target_arch = "x86_64") => {
                entry.remark("`devicetree-overlay` has no meaning on this machine: not passed on");
            }
            true => entry.block("`devicetree-overlay`: nothing here lays one tree over another"),
        }
        entry.problems.extend(self.problems.iter().cloned());
        if self.unsaid > 0 {
            entry.remark(format!("and {} more remarks", self.unsaid));
        }
    }
}
