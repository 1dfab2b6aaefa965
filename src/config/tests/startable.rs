//! What is listed as bootable is not refused when it is booted.

use super::{discover, ids, problems};
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;
use crate::kexec::least_kernel;
use crate::pe::program;

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
            "!readme",
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
    for (id, file) in [
        ("readme", "/readme"),
        ("l-readme", "/readme"),
        ("l-empty", "/empty"),
    ] {
        let problem =
            format!("{file} can't be started: it is no x86 Linux kernel: no setup header");
        assert_eq!(problems(&found, id), [problem]);
    }
    let long = problems(&found, "long");
    assert!(long[0].contains("this kernel takes 2016"), "{long:?}");
}

/// memtest86+ is an EFI program with the setup header of a kernel of 32 bits.
#[test]
fn what_only_looks_like_a_kernel_is_named() {
    let sbat =
        b"sbat,1,SBAT Version,sbat,1,x\nmemtest86+,1,Memtest86+,6.10,v6.10,https://memtest.org\n";
    let kernel = least_kernel();
    let mut tester = program(&[(".setup", &kernel[0x200..]), (".sbat", sbat)]);
    tester[0x1fe..0x200].copy_from_slice(&kernel[0x1fe..0x200]);
    tester[0x236..0x238].fill(0);
    let filesystem = MemoryFilesystem::new()
        .file("/memtest.efi", tester)
        .file("/loader/entries/m.conf", "title m\nefi /memtest.efi\n");
    let mut inventory = Inventory::new();
    inventory.add_filesystem("a", Box::new(filesystem));
    let found = discover(&inventory);
    let [problem] = &problems(&found, "m.conf")[..] else {
        panic!("{:?}", found.entries);
    };
    assert!(
        problem.ends_with("it is memtest86+ v6.10: it is no 64-bit kernel"),
        "{problem}"
    );
}
