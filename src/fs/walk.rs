//! From a path to what it leads to, name by name.

use super::{FileKind, FsError, FsPath};

/// Links that are followed on one way, as in Linux (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// The longest target of a link in bytes (`PATH_MAX`).
pub(super) const MAX_TARGET: u64 = 4096;

/// A filesystem whose directories can be asked for one name.
pub(super) trait Tree {
    /// A file of any kind.
    type Node;
    /// What is kept of the directories on the way.
    type Id: Copy;

    /// Where every path begins.
    fn root(&self) -> Self::Id;

    /// # Errors
    /// What reading says.
    fn node(&self, id: Self::Id) -> Result<Self::Node, FsError>;

    /// The name under which [`Tree::node`] finds it again.
    fn id(&self, node: &Self::Node) -> Self::Id;

    /// What it is.
    fn kind(&self, node: &Self::Node) -> FileKind;

    /// # Errors
    /// [`FsError::NotFound`], and what reading says.
    fn child(&self, directory: &Self::Node, name: &[u8]) -> Result<Self::Node, FsError>;

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// What reading says.
    fn target(&self, link: Self::Node) -> Result<Vec<u8>, FsError>;
}

/// What `path` leads to. Links begin at the root of this filesystem or where they are, and `..` of the
/// root is the root: no way leads out.
///
/// # Errors
/// [`FsError::NotFound`], [`FsError::NotADirectory`], [`FsError::Corrupt`] for too many links, and what
/// reading says.
pub(super) fn find<T: Tree>(tree: &T, path: &FsPath) -> Result<T::Node, FsError> {
    let mut above: Vec<T::Id> = Vec::new();
    let mut here = tree.node(tree.root())?;
    // What is still to be looked up, the next one at the end.
    let mut names: Vec<Vec<u8>> = path
        .components()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    names.reverse();
    let mut links = MAX_LINKS;
    while let Some(name) = names.pop() {
        if tree.kind(&here) != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                if let Some(id) = above.pop() {
                    here = tree.node(id)?;
                }
                continue;
            }
            _ => {}
        }
        let next = tree.child(&here, &name)?;
        if tree.kind(&next) != FileKind::Symlink {
            above.push(tree.id(&here));
            here = next;
            continue;
        }
        links = links.checked_sub(1).ok_or_else(|| {
            FsError::Corrupt(format!("more than {MAX_LINKS} symbolic links on the way"))
        })?;
        let target = tree.target(next)?;
        if target.first() == Some(&b'/') {
            above.clear();
            here = tree.node(tree.root())?;
        }
        names.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
    }
    Ok(here)
}
