//! What files are for (PI 1.8, volume 3, section 2.1.4.1).

/// What a file is for: `EFI_FV_FILETYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileKind(pub u8);

impl FileKind {
    pub(super) const RAW: FileKind = FileKind(0x01);
    pub(super) const PAD: FileKind = FileKind(0xf0);
    pub(super) const DRIVER: FileKind = FileKind(0x07);
    pub(super) const APPLICATION: FileKind = FileKind(0x09);

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            0x01 => "raw",
            0x02 => "freeform",
            0x03 => "security core",
            0x04 => "PEI core",
            0x05 => "DXE core",
            0x06 => "PEI module",
            0x07 => "driver",
            0x08 => "PEI module and driver",
            0x09 => "application",
            0x0a => "MM driver",
            0x0b => "volume image",
            0x0c => "MM and DXE driver",
            0x0d => "MM core",
            0x0e => "standalone MM driver",
            0x0f => "standalone MM core",
            0xc0..=0xdf => "OEM",
            0xe0..=0xef => "debug",
            0xf0 => "pad",
            _ => "unknown",
        }
    }

    /// Is its content a row of sections?
    pub(super) fn has_sections(self) -> bool {
        matches!(self.0, 0x02..=0x0f)
    }

    /// Is every file of this kind run, or found, by the address that it has in the image? What runs before there is
    /// memory is linked to where it stands, and tables of the processor name raw files by their addresses.
    pub(super) fn stays(self) -> bool {
        self == FileKind::RAW || self.runs_in_place()
    }

    /// Is it linked to the address in the flash where it runs?
    pub(super) fn runs_in_place(self) -> bool {
        matches!(self.0, 0x03 | 0x04 | 0x06 | 0x08)
    }
}
