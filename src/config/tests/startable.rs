//! What is listed as bootable is not refused when it is booted.

use super::{discover, ids, problems};
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;
use crate::kexec::least_kernel;

#[test]
fn kernels_of_menus() {
    let long = "a".repeat(2100);
    let script = format!(
        "menuentry fine {{ linux /k ro; }}\nmenuentry cut {{ linux /cut; }}\n\
         menuentry again {{ linux /cut ro; }}\nmenuentry long {{ linux /k {long}; }}\n\
         menuentry readme {{ linux /readme; }}\n"
    );
    let labels = format!(
        "label l-fine\nlinux /k\nappend quiet\nlabel l-cut\nlinux /cut\nappend quiet\n\
         label l-name\nkernel /vmlinuz-6.0\nlabel l-long\nlinux /k\nappend {long} quiet\n\
         label l-readme\nlinux /readme\nappend quiet\nlabel l-empty\nlinux /empty\n"
    );
    let cut = &least_kernel()[..2559];
    let filesystem = MemoryFilesystem::new()
        .file("/k", least_kernel())
        .file("/cut", cut)
        .file("/vmlinuz-6.0", cut)
        .file("/readme", "hello\n")
        .file("/empty", "")
        .file("/boot/grub/grub.cfg", script)
        .file("/extlinux.conf", labels);
    let mut inventory = Inventory::new();
    inventory.add_filesystem("a", Box::new(filesystem));
    let found = discover(&inventory);
    assert_eq!(
        ids(&found),
        [
            "*fine",
            "!cut",
            "!again",
            "!long",
            "readme",
            "l-fine",
            "!l-cut",
            "!l-name",
            "!l-long",
            "!l-readme",
            "!l-empty",
        ]
    );
    let cut = "/cut can't be started: it is cut off: it has 2559 bytes of a kernel of 2560; copy it again";
    for id in ["cut", "again", "l-cut"] {
        assert_eq!(problems(&found, id), [cut]);
    }
    assert_eq!(
        problems(&found, "l-empty"),
        ["/empty can't be started: it is no x86 Linux kernel: no setup header"]
    );
    let long = problems(&found, "long");
    assert!(long[0].contains("this kernel takes 2016"), "{long:?}");
}
