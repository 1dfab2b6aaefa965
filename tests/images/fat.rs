//! FAT filesystems as mkfs.vfat and mtools make them, compared with the files that went in.

use pilotlight::disk::Source;
use pilotlight::fs::{FileKind, FsError};

use crate::kit::{MIB, copy_in, filesystem, noise, path, run_line, temp_dir};

/// Options of mkfs.vfat for every width of the table and several sizes of clusters, and the size of the
/// image in MiB.
const KINDS: [(&str, u64); 7] = [
    ("-F 12", 4),
    ("-F 12 -s 8", 12),
    ("-F 16", 64),
    ("-F 16 -s 64", 300),
    ("-F 32 -s 1", 300),
    ("-F 32 -s 8", 300),
    ("-F 32 -S 4096 -s 1", 300),
];

/// `mkfs.vfat -F 32` makes them where somebody asks for it, and mtools take them for a FAT16: these are cut.
#[test]
fn a_fat32_may_have_fewer_clusters_than_it_should() {
    for (clusters, sectors) in [(1, 61_440_u32), (8, 131_072)] {
        let dir = temp_dir();
        let image = dir.image("image", 300 * MIB);
        run_line(&format!("mkfs.vfat -F 32 -s {clusters} {{}}"), &image);
        run_line("mmd -i {} ::loader", &image);
        let content = noise(1_000_000, 1);
        copy_in(&image, &dir.file("in", &content), "loader/A long name.conf");
        let mut bytes = std::fs::read(&image.0).unwrap();
        bytes.truncate(sectors as usize * 512);
        let (small, large) = match u16::try_from(sectors) {
            Ok(small) => (small, 0),
            Err(_) => (0, sectors),
        };
        bytes[19..21].copy_from_slice(&small.to_le_bytes());
        bytes[32..36].copy_from_slice(&large.to_le_bytes());
        std::fs::write(&image.0, &bytes).unwrap();
        let filesystem = filesystem(&image);
        let file = path("/loader/a LONG name.conf");
        assert!(filesystem.read(&file, 64 << 20).unwrap() == content);
        assert!(whole(&filesystem.image(&file).unwrap()) == content);
    }
}

/// All bytes of a file that is read as a disk.
fn whole(source: &Source) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(source.size()).unwrap()];
    source.read_exact_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn contents_are_what_went_in() {
    for (options, mebibytes) in KINDS {
        let dir = temp_dir();
        let image = dir.image("image", mebibytes * MIB);
        run_line(&format!("mkfs.vfat {options} {{}}"), &image);
        run_line("mmd -i {} ::EFI ::loader ::loader/entries", &image);
        let mut files = Vec::new();
        for (i, name) in [
            "KERNEL.BIN",
            "lower.txt",
            "A name that is rather long, with spaces.conf",
            "Überraschung.conf",
            "70696c6f746c696768740000000000d0-6.1.0-56-amd64+3-1.conf",
        ]
        .into_iter()
        .enumerate()
        {
            let content = noise(100_000 + i * 333_333, i as u64);
            let file = dir.file(&format!("in/{i}"), &content);
            copy_in(&image, &file, &format!("loader/entries/{name}"));
            files.push((name.to_owned(), content));
        }
        let filesystem = filesystem(&image);
        for (name, content) in &files {
            for spelling in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
                let file = path(&format!("/LOADER/Entries/{spelling}"));
                let read = filesystem.read(&file, 64 << 20);
                assert!(read.unwrap() == *content, "{options}: {spelling}");
            }
            let image = filesystem.image(&path(&format!("/loader/entries/{name}")));
            assert!(whole(&image.unwrap()) == *content, "{options}: {name}");
        }
        let list = filesystem.read_dir(&path("/loader/entries")).unwrap();
        let names: Vec<&str> = list.iter().map(|entry| entry.name.as_str()).collect();
        let mut expected: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(names, expected, "{options}");
        assert!(list.iter().all(|entry| entry.kind == FileKind::File));
    }
}

#[test]
fn what_is_not_there_is_said() {
    let dir = temp_dir();
    let image = dir.image("image", 64 * MIB);
    run_line("mkfs.vfat {}", &image);
    run_line("mmd -i {} ::efi", &image);
    copy_in(&image, &dir.file("file", b"content"), "efi/file");
    let filesystem = filesystem(&image);
    let open = |name: &str| filesystem.open(&path(name)).err();
    assert!(matches!(open("/gone"), Some(FsError::NotFound)));
    assert!(matches!(open("/efi/file/x"), Some(FsError::NotADirectory)));
    assert!(matches!(open("/efi"), Some(FsError::NotAFile)));
    assert!(matches!(
        filesystem.read_dir(&path("/efi/file")),
        Err(FsError::NotADirectory)
    ));
    assert!(matches!(
        filesystem.read(&path("/efi/file"), 6),
        Err(FsError::TooLarge(_))
    ));
    assert_eq!(
        filesystem.metadata(&path("/efi")).unwrap().kind,
        FileKind::Directory
    );
    let metadata = filesystem.metadata(&path("/efi/file")).unwrap();
    assert_eq!((metadata.kind, metadata.size), (FileKind::File, 7));
    assert!(metadata.modified.unwrap() > 1_700_000_000);
    assert_eq!(filesystem.read_dir(&path("/")).unwrap().len(), 1);
}

#[test]
fn a_directory_with_many_names_and_files_in_pieces() {
    let dir = temp_dir();
    let image = dir.image("image", 24 * MIB);
    run_line("mkfs.vfat -F 16 -s 1 {}", &image);
    run_line("mmd -i {} ::many", &image);
    for i in 0..1500 {
        dir.file(
            &format!("in/a file with a long name {i:04}"),
            format!("{i}").as_bytes(),
        );
    }
    copy_in(&image, &dir.path().join("in"), "many");
    // Every second one goes: what is written next lies between the others.
    run_line("mdel -i {} ::many/in/a?file*[02468]", &image);
    let content = noise(1_200_000, 7);
    copy_in(&image, &dir.file("pieces", &content), "pieces");
    let filesystem = filesystem(&image);
    assert!(filesystem.read(&path("/pieces"), 64 << 20).unwrap() == content);
    assert!(whole(&filesystem.image(&path("/pieces")).unwrap()) == content);
    let ranges = filesystem.locate(&path("/pieces"), 64 << 20).unwrap();
    assert!(ranges.len() > 100, "{} pieces", ranges.len());
    let list = filesystem.read_dir(&path("/many/in")).unwrap();
    assert_eq!(list.len(), 750);
    assert_eq!(list[3].name, "a file with a long name 0007");
    let one = filesystem.read(&path("/many/in/A FILE WITH A LONG NAME 1499"), 10);
    assert_eq!(one.unwrap(), b"1499");
    let mut file = filesystem.open(&path("/pieces")).unwrap();
    for (offset, length) in [
        (1_199_990, 100),
        (0, 5),
        (511, 2),
        (600_000, 300_000),
        (513, 511),
    ] {
        let mut buffer = vec![0; length];
        let n = file.read_at(offset as u64, &mut buffer).unwrap();
        let expected = &content[offset..content.len().min(offset + length)];
        assert_eq!(&buffer[..n], expected, "{length} at {offset}");
    }
}
