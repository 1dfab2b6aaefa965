use proptest::prelude::*;

use super::builder::{
    Builder, CRC32, DRIVER, FFS3, LZMA_F86, PEIM, driver, file, guid, guided, join, module, nested,
    section,
};
use super::checksum::crc32;
use super::*;

fn read(bytes: &[u8]) -> Image {
    Image::read(bytes.to_vec()).unwrap()
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn changed(bytes: &[u8], change: &Change) -> Result<Vec<u8>, FirmwareError> {
    let mut image = read(bytes);
    image.apply(change)?;
    image.encode()
}

fn replace(name: &str, with: &[u8]) -> Change {
    Change::Replace {
        target: target(name),
        with: with.to_vec(),
    }
}

/// The names of all files that have one, with what is in their programs.
fn programs(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let image = read(bytes);
    let volumes = find::all_volumes(&image);
    let files = volumes.iter().flat_map(|volume| volume.files());
    let program = |file: &File| {
        let section = file
            .sections()
            .iter()
            .find(|one| one.kind == SectionKind::PE32)?;
        Some((file.name()?, section.bytes().to_vec()))
    };
    files.filter_map(program).collect()
}

#[test]
fn what_is_not_changed_stays() {
    let image = nested();
    assert_eq!(read(&image).encode().unwrap(), image);
    assert!(matches!(
        read(&image).pieces[1],
        Piece::Other {
            offset: 0x800,
            size: 64
        }
    ));
}

#[test]
fn what_is_made_anew_says_the_same() {
    let image = nested();
    let mut touched = read(&image);
    touched.touch();
    let again = touched.encode().unwrap();
    assert_eq!(again.len(), image.len());
    assert_eq!(programs(&again), programs(&image));
    // All but the packed section is the same, byte by byte.
    assert_eq!(again[0x800..], image[0x800..]);
    let inner = |bytes: &[u8]| {
        let image = read(bytes);
        find::all_volumes(&image)[1].original.bytes().to_vec()
    };
    assert_eq!(inner(&again), inner(&image));
}

#[test]
fn a_file_goes_and_only_its_volumes_change() {
    let image = nested();
    let after = changed(&image, &Change::Remove(target("Network"))).unwrap();
    let names: Vec<String> = programs(&after).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Shell", "Other"]);
    assert_eq!(after[0x800..], image[0x800..]);
    let free = |bytes: &[u8]| find::all_volumes(&read(bytes))[1].free().unwrap();
    assert_eq!(
        free(&after) - free(&image),
        driver(2, "Network", b"MZ the network")
            .len()
            .next_multiple_of(8)
    );
}

#[test]
fn a_program_takes_the_place_of_another() {
    let after = changed(
        &nested(),
        &replace("Shell", b"MZ the payload, which is longer"),
    )
    .unwrap();
    let shell = (
        String::from("Shell"),
        b"MZ the payload, which is longer".to_vec(),
    );
    assert_eq!(programs(&after)[0], shell);
    assert_eq!(programs(&after).len(), 3);
    // By its GUID in its volume, which is in another one.
    let name = format!("{}/{}", guid(0x11), guid(1));
    assert_eq!(
        changed(
            &nested(),
            &replace(&name, b"MZ the payload, which is longer")
        ),
        Ok(after)
    );
}

#[test]
fn a_whole_file_takes_the_place_of_another() {
    let new = driver(0x42, "New", b"MZ new");
    let after = changed(&nested(), &replace("Shell", &new)).unwrap();
    assert_eq!(
        programs(&after)[0],
        (String::from("New"), b"MZ new".to_vec())
    );
}

/// As `extract` writes it of an image that is damaged, or as somebody has copied it.
#[test]
fn a_file_that_is_not_whole_is_no_content() {
    let good = file([2; 16], 0x01, 0x40, b"content", 0xff);
    let raw = file([5; 16], 0x01, 0, b"raw", 0xff);
    let image = Builder::new(0x400, vec![raw]).build();
    let name = guid(5).to_string();
    let with =
        |bytes: &[u8]| [add(bytes), replace(&name, bytes)].map(|change| changed(&image, &change));
    assert!(with(&good).iter().all(Result::is_ok));
    let mut wrong_sum = good.clone();
    wrong_sum[SUM] ^= 1;
    let longer = [&good[..], &[0]].concat();
    for (bytes, why) in [
        (&wrong_sum, "the checksum of a file's content is wrong"),
        (&longer, "there is more behind the file in it"),
        (&good[..30].to_vec(), "the file in it is cut off"),
    ] {
        let expected = [
            FirmwareError::NotAddable(why),
            FirmwareError::NoPlace(name.clone(), why),
        ];
        assert_eq!(with(bytes).map(Result::unwrap_err), expected);
    }
    // Without the header of a file it is anybody's content.
    let mut other = longer;
    other[0] ^= 1;
    let [added, replaced] = with(&other);
    assert!(added.is_err());
    let image = read(&replaced.unwrap());
    assert_eq!(target(&name).find(&image).unwrap().bytes()[24..], other);
}

#[test]
fn a_whole_file_is_looked_into() {
    // A later change finds what is in it.
    let volume = |name, files| {
        Builder {
            name,
            ..Builder::new(0x400, files)
        }
        .build()
    };
    let inner = volume(0x33, vec![driver(5, "In", b"MZ"), driver(6, "More", b"MZ")]);
    let whole = |byte, inner: &[u8]| file([byte; 16], 0x0b, 0, &section(0x17, inner), 0xff);
    let image = Builder::new(0x1000, vec![driver(1, "A", b"MZ")]).build();
    for first in [add(&whole(9, &inner)), replace("A", &whole(9, &inner))] {
        let mut image = read(&image);
        image.apply(&first).unwrap();
        let done = image.apply(&Change::Remove(target("In"))).unwrap();
        assert_eq!(done.name.as_deref(), Some("In"));
        let after = image.made().unwrap();
        assert!(target("In").find(&after).is_err());
        assert!(target("More").find(&after).is_ok());
    }
    // What runs in it stays where the file was that it takes the place of.
    let peim = file([4; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let whole = whole(9, &volume(0x33, vec![peim]));
    let files = vec![driver(1, "A", &[b'M'; 100]), whole.clone()];
    let mut image = read(&Builder::new(0x1000, files).build());
    let name = guid(9).to_string();
    let place = |image: &Image| target(&name).find(image).unwrap().offset;
    let before = place(&image);
    for change in [replace(&name, &whole), Change::Remove(target("A"))] {
        image.apply(&change).unwrap();
    }
    assert_eq!(place(&image.made().unwrap()), before);
}

#[test]
fn what_has_no_place_is_refused() {
    let refused = |name: &str, with: &[u8]| changed(&nested(), &replace(name, with)).unwrap_err();
    assert!(matches!(
        refused("Shell", b"#!/bin/sh"),
        FirmwareError::NoPlace(..)
    ));
    let freeform = guid(3).to_string();
    assert!(matches!(
        refused(&freeform, b"MZ program"),
        FirmwareError::NoPlace(..)
    ));
    assert!(changed(&nested(), &replace(&freeform, b"other data")).is_ok());
    assert!(matches!(
        refused("Nobody", b"MZ"),
        FirmwareError::NotFound(..)
    ));
}

#[test]
fn only_what_can_be_started_comes_first() {
    let kinds = [
        (0x02, false),
        (0x05, false),
        (PEIM, false),
        (DRIVER, true),
        (0x09, true),
    ];
    for (kind, is_startable) in kinds {
        let file = file([1; 16], kind, 0, &module("A", b"MZ"), 0xff);
        let image = read(&Builder::new(0x400, vec![file]).build());
        let found = target("A").fv_file(&image);
        assert_eq!(found.is_ok(), is_startable, "{kind}");
        let text = found.err().map(|error| error.to_string());
        assert!(text.is_none_or(|text| text.starts_with("A can't be started: it is neither")));
    }
}

#[test]
fn files_are_added_behind_the_others() {
    let mut program = vec![0; 256];
    program[..2].copy_from_slice(b"MZ");
    program[0x3c] = 0x80;
    program[0x80..0x84].copy_from_slice(b"PE\0\0");
    program[0x80 + 24 + 68] = 10;
    let add = |guid, content: &[u8]| Change::Add {
        volume: Place::Name(builder::guid(0x11)),
        guid,
        name: "Added".to_owned(),
        content: content.to_vec(),
    };
    let after = changed(&nested(), &add(Some(guid(0x55)), &program)).unwrap();
    assert_eq!(
        programs(&after)[2],
        (String::from("Added"), program.clone())
    );
    let image = read(&after);
    let file = target("Added").find(&image).unwrap();
    assert_eq!(file.kind.name(), "application");
    // What `extract` gives comes back in.
    let file = file.bytes().to_vec();
    let removed = changed(&after, &Change::Remove(target("Added"))).unwrap();
    assert_eq!(changed(&removed, &add(None, &file)), Ok(after));
    for (guid, content) in [(None, &program[..]), (Some(guid(1)), b"no program")] {
        let error = changed(&nested(), &add(guid, content)).unwrap_err();
        assert!(matches!(error, FirmwareError::NotAddable(_)), "{error}");
    }
}

#[test]
fn no_volume_gets_two_files_of_a_name() {
    let mut deleted = driver(3, "Deleted", b"MZ");
    deleted[23] = 0xff ^ 0x17;
    let files = vec![driver(1, "A", b"MZ"), driver(2, "B", b"MZ"), deleted];
    let image = Builder::new(0x400, files).build();
    for (change, is_refused) in [
        (add(&driver(1, "C", b"MZ")), true),
        (add(&driver(3, "C", b"MZ")), false),
        (replace("B", &driver(1, "C", b"MZ")), true),
        (replace("A", &driver(1, "C", b"MZ")), false),
        (replace("A", &driver(3, "C", b"MZ")), false),
    ] {
        let expected = FirmwareError::Twice(guid(1), Some(guid(0x77)));
        assert_eq!(
            changed(&image, &change).err(),
            is_refused.then_some(expected)
        );
    }
    // Pad files have all the same.
    let pad = file([0xff; 16], 0xf0, 0, b"table", 0xff);
    let after = changed(&image, &add(&pad)).unwrap();
    assert!(changed(&after, &add(&pad)).is_ok());
}

#[test]
fn a_whole_file_is_added_by_its_own_name_alone() {
    let image = Builder::new(0x400, vec![]).build();
    let as_named = |name| Change::Add {
        volume: Place::Name(guid(0x77)),
        guid: Some(name),
        name: String::new(),
        content: driver(1, "A", b"MZ"),
    };
    let error = changed(&image, &as_named(guid(2))).unwrap_err();
    assert!(matches!(error, FirmwareError::NotAddable(_)), "{error}");
    assert!(changed(&image, &as_named(guid(1))).is_ok());
}

#[test]
fn names_that_mean_several_files_are_refused() {
    let twice = [
        nested(),
        Builder::new(0x400, vec![driver(1, "Shell", b"MZ 2")]).build(),
    ]
    .concat();
    let error = changed(&twice, &Change::Remove(target("Shell"))).unwrap_err();
    let FirmwareError::Ambiguous(_, places) = error else {
        panic!("{error}");
    };
    assert_eq!(
        places,
        [0x11, 0x77].map(|name| format!("{}/{}", guid(name), guid(1)))
    );
    for place in places {
        assert!(
            changed(&twice, &Change::Remove(target(&place))).is_ok(),
            "{place}"
        );
    }
}

/// Two volumes with a driver A each.
fn pair(name: Option<u8>) -> Vec<u8> {
    let mut volume = Builder::new(0x400, vec![driver(1, "A", b"MZ"), driver(2, "B", b"MZ")]);
    volume.name = name.unwrap_or(0x77);
    let mut volume = volume.build();
    if name.is_none() {
        // No extended header: what was around it is a pad file that nothing leads to.
        volume[52] = 0;
        let sum = u16::from_le_bytes([volume[50], volume[51]]).wrapping_add(96);
        volume[50..52].copy_from_slice(&sum.to_le_bytes());
    }
    [volume.clone(), volume].concat()
}

#[test]
fn volumes_without_a_name_of_their_own_go_by_where_they_begin() {
    for name in [Some(0x77), None] {
        let image = pair(name);
        let error = changed(&image, &Change::Remove(target("A"))).unwrap_err();
        let a = guid(1);
        let expected = format!("there are several files A: one of them is 0x0/{a}, or 0x400/{a}");
        assert_eq!(error.to_string(), expected);
        let after = changed(&image, &Change::Remove(target("0x400/A"))).unwrap();
        assert_eq!(after[..0x400], image[..0x400]);
        assert_eq!(programs(&after).len(), 3);
        let add = |volume| Change::Add {
            volume,
            guid: None,
            name: String::new(),
            content: driver(3, "C", b"MZ"),
        };
        let after = changed(&image, &add(Place::Offset(0x400))).unwrap();
        assert_eq!(after[..0x400], image[..0x400]);
        assert_eq!(programs(&after)[4].0, "C");
        let error = changed(&image, &add(Place::Offset(0x200))).unwrap_err();
        assert!(
            error.to_string().starts_with("there is no volume 0x200"),
            "{error}"
        );
    }
    let error = changed(&pair(Some(0x77)), &add(&driver(3, "C", b"MZ"))).unwrap_err();
    let expected = format!(
        "there are several volumes {}: one of them is 0x0, or 0x400",
        guid(0x77)
    );
    assert_eq!(error.to_string(), expected);
    // Those inside are meant, too.
    let image = [nested(), nested()].concat();
    assert!(changed(&image, &Change::Remove(target("Network"))).is_err());
    assert!(changed(&image, &Change::Remove(target("0x0/Network"))).is_ok());
    for text in ["", "1000", "0x", "0xg", "Shell"] {
        assert_eq!(text.parse::<Place>(), Err(ParsePlaceError), "{text}");
    }
}

/// A volume whose only driver has a program of this length.
fn filled(length: usize) -> Result<Vec<u8>, FirmwareError> {
    let image = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    let program = [b"MZ".to_vec(), vec![b'.'; length - 2]].concat();
    changed(&image, &replace("A", &program))
}

#[test]
fn one_byte_too_much_is_refused_with_the_number() {
    // Headers of volume, extended header, file and section; a section with the name behind the program.
    let most = 0x400 - 0x78 - 24 - 4 - 8;
    let full = filled(most).unwrap();
    assert_eq!(read(&full).volumes().next().unwrap().free(), Some(0));
    for (more, missing) in [(1, 4), (4, 4), (5, 8), (100, 100)] {
        assert_eq!(
            filled(most + more),
            Err(FirmwareError::DoesNotFit {
                volume: Some(guid(0x77)),
                size: 0x400,
                missing,
            }),
            "{more} bytes more"
        );
    }
    // Without anything that is aligned behind it, the number is exact.
    let raw = file([5; 16], 0x01, 0, b"raw", 0xff);
    let image = Builder::new(0x400, vec![raw]).build();
    let room = 0x400 - 0x78 - 24;
    assert!(changed(&image, &replace(&guid(5).to_string(), &vec![1; room])).is_ok());
    let error = changed(&image, &replace(&guid(5).to_string(), &vec![1; room + 1]));
    assert!(matches!(
        error,
        Err(FirmwareError::DoesNotFit { missing: 1, .. })
    ));
}

/// Whatever lengths the files have behind the one that is too long.
#[test]
fn the_number_counts_what_comes_behind() {
    let data = |byte, length| file([byte; 16], 0x02, 0, &section(0x19, &vec![1; length]), 0xff);
    let behind = (2..12).map(|byte| data(byte, 90 + usize::from(byte)));
    let image = Builder::new(0x800, [data(1, 1)].into_iter().chain(behind).collect()).build();
    let name = guid(1).to_string();
    let with = |length| changed(&image, &replace(&name, &vec![1; length]));
    for length in [0x700, 0x7f9, 0x800, 0x804, 0x1000] {
        let Err(FirmwareError::DoesNotFit { missing, .. }) = with(length) else {
            panic!("{length} bytes are too many");
        };
        // What comes next begins at a multiple of eight.
        assert!(with(length - missing - 7).is_ok(), "{length}");
        assert!(with(length - missing + 8).is_err(), "{length}");
    }
}

/// Also where content is aligned beyond the end of the volume.
#[test]
fn the_number_counts_alignment() {
    let data = section(0x19, &[1; 5000]);
    // 7 << 3: 64 KiB. Behind it comes what is aligned to 512 bytes.
    let aligned = file([9; 16], 0x02, 7 << 3, &data, 0xff);
    let behind = file([8; 16], 0x02, 3 << 3, &section(0x19, b"data"), 0xff);
    let mut image = read(&Builder::new(0x1000, vec![driver(1, "A", b"MZ")]).build());
    for (file, end) in [(&aligned, 0x1_0000 + 5004), (&behind, 0x1_1400 + 8)] {
        image.apply(&add(file)).unwrap();
        let expected = FirmwareError::DoesNotFit {
            volume: Some(guid(0x77)),
            size: 0x1000,
            missing: end - 0x1000,
        };
        assert_eq!(image.encode(), Err(expected));
    }
}

#[test]
fn what_runs_in_place_stays_in_place() {
    let peim = |byte, name: &str| file([byte; 16], PEIM, 0, &module(name, b"MZ peim"), 0xff);
    let files = vec![
        peim(1, "First"),
        driver(2, "Between", &[b'M'; 100]),
        peim(3, "Second"),
    ];
    let image = Builder::new(0x800, files).build();
    let place = |bytes: &[u8], name: &str| target(name).find(&read(bytes)).unwrap().offset;
    let before = place(&image, "Second");
    for name in ["First", "Between"] {
        let after = changed(&image, &Change::Remove(target(name))).unwrap();
        assert_eq!(place(&after, "Second"), before, "without {name}");
        assert_eq!(after.len(), image.len());
    }
    let grown = [b'M'; 101 + 8];
    let grown = [b"MZ", &grown[..]].concat();
    let error = changed(&image, &replace("Between", &grown)).unwrap_err();
    assert!(
        matches!(error, FirmwareError::MustStay(stays, _) if stays == guid(3)),
        "{error}"
    );
}

/// Nothing here relocates it.
#[test]
fn what_runs_in_place_is_told_when_it_is_new() {
    let peim = |byte| file([byte; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let image = Builder::new(0x800, vec![driver(1, "A", b"MZ"), peim(3)]).build();
    for (change, is_told) in [
        (add(&peim(4)), true),
        (replace("Peim", b"MZ other"), true),
        (replace("A", &peim(4)), true),
        (replace("A", b"MZ other"), false),
        (Change::Remove(target("Peim")), false),
    ] {
        let done = read(&image).apply(&change).unwrap().to_string();
        let told = "; it runs where it is, and has to be linked to that place";
        assert_eq!(done.ends_with(told), is_told, "{done}");
    }
}

#[test]
fn a_gap_that_no_pad_file_fills_is_told() {
    let peim = file([3; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let image = Builder::new(0x800, vec![driver(1, "A", &[b'M'; 100]), peim]).build();
    let with = |length: usize| {
        changed(
            &image,
            &replace("A", &[b"MZ", &vec![0; length - 2][..]].concat()),
        )
    };
    for (length, expected) in [
        (100, None),
        (92, Some(FirmwareError::SmallGap(guid(3), 8, 24))),
        (84, Some(FirmwareError::SmallGap(guid(3), 16, 24))),
        (76, None),
        (108, Some(FirmwareError::MustStay(guid(3), 8))),
    ] {
        assert_eq!(with(length).err(), expected, "{length}");
    }
}

/// Where a file is, after a driver in front of it went that has a place in between.
fn place_without_first(file: Vec<u8>, name: Guid) -> (usize, usize) {
    let image = Builder::new(0x1000, vec![driver(1, "First", &[b'M'; 100]), file]).build();
    let place = |bytes: &[u8]| {
        let image = read(bytes);
        let files = image.volumes().next().unwrap().files().iter();
        files.rev().find(|file| file.guid == name).unwrap().offset
    };
    let after = changed(&image, &Change::Remove(target("First"))).unwrap();
    (place(&image), place(&after))
}

#[test]
fn what_is_found_by_its_address_stays() {
    let table = file([0xff; 16], 0xf0, 0, b"_FIT_   ", 0xff);
    let (before, after) = place_without_first(table, guid(0xff));
    assert_eq!(before, after);
}

#[test]
fn what_runs_in_a_volume_in_a_file_stays() {
    let peim = file([3; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let with = |inner: Vec<u8>, pack: fn(&[u8]) -> Vec<u8>| {
        let inner = Builder {
            name: 0x11,
            ..Builder::new(0x400, vec![inner])
        };
        let sections = join(&[section(0x19, &[0; 12]), section(0x17, &inner.build())]);
        place_without_first(file([9; 16], 0x0b, 0, &pack(&sections), 0xff), guid(9))
    };
    let signed =
        |sections: &[u8]| guided("a7717414-c616-4977-9420-844712a735bf", 2, b"sign", sections);
    let summed = |sections: &[u8]| guided(CRC32, 2, &crc32(sections).to_le_bytes(), sections);
    for pack in [<[u8]>::to_vec, summed, signed] {
        let (before, after) = with(peim.clone(), pack);
        assert_eq!(before, after);
        assert!(with(driver(3, "Driver", b"MZ"), pack).1 < before);
    }
    // What is unpacked to memory first runs there.
    let (before, after) = with(peim, builder::lzma);
    assert!(after < before);
}

#[test]
fn a_volume_that_can_not_be_read_stays() {
    let inner = Builder::new(0x400, vec![driver(3, "Driver", b"MZ")]);
    let (good, damaged) = (inner.build(), |at: usize| {
        let mut volume = inner.build();
        volume[at] ^= 1;
        volume
    });
    // The first file system had another GUID.
    let mut unknown = damaged(16);
    let sum = u16::from_le_bytes([unknown[50], unknown[51]]);
    unknown[50..52].copy_from_slice(&sum.wrapping_sub(1).to_le_bytes());
    let volume = |inner: &[u8]| section(0x17, inner);
    let wrong_sum = |inner: &[u8]| guided(CRC32, 2, &[0; 4], &volume(inner));
    let cut_off = |inner: &[u8]| join(&[volume(inner), vec![1, 0, 0, 0x19]]);
    // The sum, the signature.
    for sections in [
        volume(&unknown),
        volume(&damaged(50)),
        volume(&damaged(40)),
        wrong_sum(&good),
        cut_off(&good),
    ] {
        let file = file([9; 16], 0x0b, 0, &sections, 0xff);
        let (before, after) = place_without_first(file, guid(9));
        assert_eq!(before, after);
    }
    // What can't be read and has no volume moves, and so does what is packed.
    for sections in [
        volume(&good),
        guided(CRC32, 2, &[0; 4], &section(0x19, b"data")),
        cut_off(&[]),
        builder::lzma(&volume(&damaged(50))),
    ] {
        let file = file([9; 16], 0x0b, 0, &sections, 0xff);
        let (before, after) = place_without_first(file, guid(9));
        assert!(after < before);
    }
}

/// A file with a program and behind it a volume with these files, packed so.
fn program_and_volume(inner: Vec<u8>, pack: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let inner = Builder {
        name: 0x11,
        ..Builder::new(0x400, vec![inner])
    };
    let sections = join(&[
        section(0x10, &[b"MZ", &[0; 10][..]].concat()),
        section(0x17, &inner.build()),
    ]);
    let image = file([9; 16], 0x0b, 0, &pack(&sections), 0xff);
    Builder::new(0x1000, vec![image]).build()
}

/// The image whose file begins with a program of another length.
fn with_program(image: &[u8], length: usize) -> Result<Vec<u8>, FirmwareError> {
    let program = [b"MZ".to_vec(), vec![1; length - 2]].concat();
    changed(image, &replace(&guid(9).to_string(), &program))
}

#[test]
fn what_runs_in_a_volume_stays_behind_what_is_in_front() {
    let peim = file([3; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let image = program_and_volume(peim, <[u8]>::to_vec);
    assert!(with_program(&image, 12).is_ok());
    // Neither to where its volume would have its alignment.
    for (length, place) in [(13, 20), (28, 32)] {
        let expected = FirmwareError::SectionMustStay(16, place);
        assert_eq!(with_program(&image, length), Err(expected));
    }
}

/// The volumes that the builder makes begin at multiples of 16 bytes.
#[test]
fn volumes_keep_their_alignment() {
    let summed = |sections: &[u8]| guided(CRC32, 2, &crc32(sections).to_le_bytes(), sections);
    for pack in [<[u8]>::to_vec, summed, builder::lzma] {
        let image = program_and_volume(driver(3, "Driver", b"MZ"), pack);
        let expected = FirmwareError::SectionMustStay(16, 20);
        assert_eq!(with_program(&image, 13), Err(expected));
        assert!(with_program(&image, 28).is_ok());
    }
}

/// What is in front of a volume only aligns it.
#[test]
fn bytes_do_not_take_the_place_of_a_volume() {
    let inner = Builder::new(0x400, vec![driver(1, "Shell", b"MZ")]).build();
    for pack in [<[u8]>::to_vec, builder::lzma] {
        let sections = join(&[section(0x19, &[0; 12]), section(0x17, &inner)]);
        let image = file([9; 16], 0x0b, 0, &pack(&sections), 0xff);
        let image = Builder::new(0x1000, vec![image]).build();
        let error = changed(&image, &replace(&guid(9).to_string(), &[1; 12])).unwrap_err();
        let expected = "the file holds a volume: change the files in it, or give a whole file";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn padding_behind_sections_is_no_section() {
    for pack in [<[u8]>::to_vec, builder::lzma] {
        for fill in [0, 0xff] {
            let padded = [module("A", b"MZ 1234"), vec![fill; 17]].concat();
            let file = file([1; 16], DRIVER, 0, &pack(&padded), 0xff);
            let image = Builder::new(0x400, vec![file]).build();
            assert!(target("A").find(&read(&image)).is_ok(), "{fill}");
            let after = changed(&image, &replace("A", b"MZ 5678")).unwrap();
            assert!(target("A").find(&read(&after)).is_ok(), "{fill}");
        }
    }
    let other = [module("A", b"MZ 1234"), vec![0, 0, 0, 0, 1]].concat();
    let image = Builder::new(0x400, vec![file([1; 16], DRIVER, 0, &other, 0xff)]).build();
    assert_eq!(read(&image).damage().len(), 1);
}

#[test]
fn content_keeps_its_alignment() {
    // 3 << 3: 512 bytes.
    let aligned = file([7; 16], DRIVER, 3 << 3, &module("Aligned", b"MZ"), 0xff);
    let pad = |size: usize| file([0xff; 16], 0xf0, 0, &vec![0xff; size - 24], 0xff);
    // 0x78 and the first file of 0x30, then pad up to the header before 0x200.
    let first = driver(1, "First", b"MZ 12");
    let behind = 0x78 + first.len().next_multiple_of(8);
    let image = Builder::new(0x1000, vec![first, pad(0x200 - 24 - behind), aligned]).build();
    let place = |bytes: &[u8]| target("Aligned").find(&read(bytes)).unwrap().offset + 24;
    assert_eq!(place(&image), 0x200);
    let after = changed(&image, &Change::Remove(target("First"))).unwrap();
    assert_eq!(place(&after), 0x200);
    let program = [b"MZ".to_vec(), vec![b'.'; 0x200]].concat();
    let after = changed(&image, &replace("First", &program)).unwrap();
    assert_eq!(place(&after), 0x400);
    // Back again, it is what it was.
    assert_eq!(changed(&after, &replace("First", b"MZ 12")).unwrap(), image);
}

#[test]
fn the_file_at_the_top_keeps_its_end() {
    let top = file(builder::bytes(TOP), 0x01, 0, b"reset vector", 0xff);
    let first = driver(1, "First", b"MZ");
    let gap = 0x400 - 0x78 - first.len().next_multiple_of(8) - top.len();
    // Only its end is the volume's, its length is no multiple of eight.
    let top = file(
        builder::bytes(TOP),
        0x01,
        0,
        &[b"reset vector".to_vec(), vec![0; 8 - (24 + 12) % 8]].concat(),
        0xff,
    );
    let gap = gap - (8 - (24 + 12) % 8);
    let pad = file([0xff; 16], 0xf0, 0, &vec![0xff; gap - 24], 0xff);
    let image = Builder::new(0x400, vec![first, pad, top]).build();
    let after = changed(&image, &Change::Remove(target("First"))).unwrap();
    assert_eq!(after[0x3d8..], image[0x3d8..]);
}

/// The GUID of the file at the top.
const TOP: &str = "1ba0062e-c779-4582-8566-336ae8f78f09";

#[test]
fn the_file_at_the_top_begins_at_a_multiple_of_eight() {
    let top = |length: usize| file(builder::bytes(TOP), 0x01, 0, &vec![1; length], 0xff);
    // It did not end the volume.
    let mut image = read(&Builder::new(0x400, vec![top(11)]).build());
    image.touch();
    assert_eq!(image.made().err(), Some(FirmwareError::UnalignedTop(35)));
    let image = Builder::new(0x400, vec![top(16)]).build();
    let error = changed(&image, &replace(TOP, &[1; 13])).unwrap_err();
    assert_eq!(error, FirmwareError::UnalignedTop(37));
    let after = changed(&image, &replace(TOP, &[1; 24])).unwrap();
    assert_eq!(target(TOP).find(&read(&after)).unwrap().offset, 0x400 - 48);
}

fn add(content: &[u8]) -> Change {
    Change::Add {
        volume: Place::Name(guid(0x77)),
        guid: None,
        name: String::new(),
        content: content.to_vec(),
    }
}

#[test]
fn what_was_made_has_no_new_damage() {
    let image = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    let broken = file([2; 16], DRIVER, 0, &section(0x10, b"MZ")[..5], 0xff);
    let mut before = read(&image);
    before.apply(&add(&broken)).unwrap();
    let error = before.made().err().unwrap();
    assert!(matches!(error, FirmwareError::Worse(_)), "{error}");
    // What was damaged before is kept.
    let image = Builder::new(0x400, vec![driver(1, "A", b"MZ"), broken]).build();
    let mut before = read(&image);
    before.apply(&Change::Remove(target("A"))).unwrap();
    assert_eq!(before.made().unwrap().damage().len(), 1);
}

#[test]
fn a_large_header_comes_only_where_it_is_read() {
    let large = file([5; 16], DRIVER, 1, &module("Large", b"MZ large"), 0xff);
    let image = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    for change in [add(&large), replace("A", &large)] {
        let after = changed(&image, &change).unwrap();
        let expected = (String::from("Large"), b"MZ large".to_vec());
        assert!(programs(&after).contains(&expected));
    }
    let program = [b"MZ".to_vec(), vec![b'.'; 0x100_0000]].concat();
    let long = [
        &b"\xff\xff\xff\x10"[..],
        &0x100_000a_u32.to_le_bytes(),
        &program,
    ]
    .concat();
    let large = file([5; 16], DRIVER, 1, &long, 0xff);
    let error = changed(&Builder::new(0x200_0000, vec![]).build(), &add(&large)).unwrap_err();
    assert!(
        matches!(error, FirmwareError::TooLargeForVolume(..)),
        "{error}"
    );
    // Where it stays, content is aligned behind it: 3 << 3 are 512 bytes.
    let aligned = file([7; 16], DRIVER, 3 << 3 | 1, &module("Aligned", b"MZ"), 0xff);
    let builder = Builder {
        filesystem: FFS3,
        ..Builder::new(0x1000, vec![driver(1, "First", b"MZ"), aligned])
    };
    let after = changed(&builder.build(), &Change::Remove(target("First"))).unwrap();
    let image = read(&after);
    assert_eq!(target("Aligned").find(&image).unwrap().offset + 32, 0x200);
}

/// The byte of a file's header that would be a sum over its content.
const SUM: usize = 17;

#[test]
fn volumes_of_the_first_revision() {
    let mut old = driver(1, "A", b"MZ");
    old[SUM] = 0x5a;
    let builder = Builder {
        revision: 1,
        ..Builder::new(0x400, vec![old])
    };
    let image = builder.build();
    assert_eq!(programs(&image)[0].0, "A");
    for change in [replace("A", b"MZ 2"), add(&driver(2, "B", b"MZ"))] {
        let after = changed(&image, &change).unwrap();
        let image = read(&after);
        let files = image.volumes().next().unwrap().files();
        assert!(files.iter().all(|file| file.bytes()[SUM] == 0x5a));
    }
}

#[test]
fn how_much_is_used_is_told_anew() {
    // A GUID's entry in front, and the one with the size behind it.
    let entry = |length: u16, kind: u16, body: &[u8]| {
        [&length.to_le_bytes()[..], &kind.to_le_bytes(), body].concat()
    };
    let entries = [entry(6, 2, &[0; 2]), entry(8, 3, &[0; 4])].concat();
    let builder = Builder {
        entries: entries.clone(),
        ..Builder::new(0x400, vec![driver(1, "A", b"MZ"), driver(2, "B", b"MZ")])
    };
    let after = changed(&builder.build(), &Change::Remove(target("A"))).unwrap();
    let image = read(&after);
    let free = image.volumes().next().unwrap().free().unwrap();
    let field = 96 + 20 + 6 + 4;
    let used = u32::from_le_bytes(after[field..][..4].try_into().unwrap());
    assert_eq!(used as usize, 0x400 - free);
    // With a sum in the pad file around: from the end of the volume's header on.
    let mut summed = builder.build();
    let pad = |image: &[u8]| image[72..][..24 + 20 + entries.len()].to_vec();
    let content = pad(&summed)[24..].to_vec();
    let with_sum = file([0xff; 16], 0xf0, 0x40, &content, 0xff);
    summed[72..][..with_sum.len()].copy_from_slice(&with_sum);
    let after = pad(&changed(&summed, &Change::Remove(target("A"))).unwrap());
    assert_ne!(after, with_sum);
    assert_eq!(after, file([0xff; 16], 0xf0, 0x40, &after[24..], 0xff));
    // Entries that lead nowhere.
    for length in [0, 3, 7, 9, 0xffff] {
        let builder = Builder {
            entries: [entry(length, 2, &[0; 2]), entry(8, 3, &[0; 4])].concat(),
            ..Builder::new(0x400, vec![driver(1, "A", b"MZ")])
        };
        let image = builder.build();
        assert_eq!(changed(&image, &replace("A", b"MZ")).unwrap(), image);
    }
}

#[test]
fn a_file_that_is_being_updated_stays_so() {
    let mut updated = driver(1, "A", b"MZ");
    updated[23] = 0xff ^ 0x0f;
    let image = Builder::new(0x400, vec![updated.clone(), driver(2, "B", b"MZ")]).build();
    let after = changed(&image, &Change::Remove(target("B"))).unwrap();
    assert_eq!(target("A").find(&read(&after)).unwrap().bytes(), updated);
    // The new one is not whole yet.
    let mut new = driver(1, "A", b"MZ new");
    new[23] = 0xff ^ 0x03;
    let with = |new: &[u8]| Builder::new(0x400, vec![updated.clone(), new.to_vec()]).build();
    assert_eq!(
        target("A").find(&read(&with(&new))).unwrap().bytes(),
        updated
    );
    // It is, and nobody came to delete the old one.
    let image = with(&driver(1, "A", b"MZ new"));
    assert_eq!(read(&image).encode().unwrap(), image);
    let after = changed(&image, &replace("A", b"MZ newer")).unwrap();
    let only = Builder::new(0x400, vec![driver(1, "A", b"MZ newer")]).build();
    assert!(after == only);
}

#[test]
fn a_gap_of_more_than_a_file_has_several_pads() {
    let top = file(builder::bytes(TOP), 0x01, 0, &[1; 16], 0xff);
    for more in [0, 8, 16, 24] {
        let size = 0x78 + 0xff_fff8 * 2 + more + top.len();
        let mut image = read(&Builder::new(size, vec![top.clone()]).build());
        image.touch();
        let after = image.made().unwrap();
        let place = target(TOP).find(&after).unwrap().offset;
        assert_eq!(place + top.len(), size);
    }
}

/// From 16 MiB on a header has eight bytes more, and the pad file has to be as long as the gap with either.
#[test]
fn a_gap_of_16_mib_is_filled_whole() {
    for (name, attributes) in [(guid(2).to_string(), 4), (TOP.to_owned(), 0)] {
        let content = section(0x19, &[1; 20]);
        let fixed = file(builder::bytes(&name), 0x02, attributes, &content, 0xff);
        for gap in [0xff_fff8, 0x100_0000, 0x100_0008, 0x100_0010] {
            let is_large = gap >= 0x100_0000;
            let body = vec![1; gap - if is_large { 32 } else { 24 }];
            let first = file([1; 16], 0x01, is_large.into(), &body, 0xff);
            let builder = Builder {
                filesystem: FFS3,
                ..Builder::new(0x78 + gap + fixed.len(), vec![first, fixed.clone()])
            };
            let mut image = read(&builder.build());
            let first = Change::Remove(target(&guid(1).to_string()));
            image.apply(&first).unwrap();
            let after = image.made().unwrap();
            let place = target(&name).find(&after).unwrap().offset;
            assert_eq!(place, 0x78 + gap, "{name}");
        }
    }
}

#[test]
fn a_file_that_moved_and_must_not_is_found() {
    let peim = |byte| file([byte; 16], PEIM, 0, &module("Peim", b"MZ peim"), 0xff);
    let image = |first: &[u8]| {
        let files = vec![driver(1, "First", first), peim(2), driver(3, "C", b"MZ")];
        read(&Builder::new(0x400, files).build())
    };
    let before = image(b"MZ");
    assert_eq!(made::moved(&before, &image(b"MZ")), None);
    assert_eq!(made::moved(&before, &image(b"MZ longer")), Some(guid(2)));
    let top = |more| {
        let top = file(builder::bytes(TOP), 0x01, 0, &[1; 16], 0xff);
        read(&Builder::new(0x78 + top.len() + more, vec![top]).build())
    };
    assert_eq!(made::moved(&top(0), &top(0)), None);
    assert_eq!(made::moved(&top(0), &top(8)), TOP.parse().ok());
}

#[test]
fn sums_over_content_are_made_anew() {
    let file = file([1; 16], DRIVER, 0x40, &module("Summed", b"MZ before"), 0xff);
    let image = Builder::new(0x400, vec![file]).build();
    let after = changed(&image, &replace("Summed", b"MZ after")).unwrap();
    assert_eq!(programs(&after)[0].1, b"MZ after");
}

#[test]
fn large_files_and_sections_have_their_own_headers() {
    let mut builder = Builder::new(0x200_0000, vec![driver(1, "Large", b"MZ")]);
    builder.filesystem = FFS3;
    let program = [b"MZ".to_vec(), vec![b'.'; 0x100_0000]].concat();
    let after = changed(&builder.build(), &replace("Large", &program)).unwrap();
    assert!(programs(&after)[0].1 == program);
    assert_eq!(
        changed(&after, &replace("Large", b"MZ")).unwrap(),
        builder.build()
    );
    builder.filesystem = builder::FFS2;
    let error = changed(&builder.build(), &replace("Large", &program));
    let expected = FirmwareError::TooLargeForVolume(Some(guid(0x77)), guid(1), 0x100_0000 + 52);
    assert_eq!(error, Err(expected));
}

/// Where the volume is smaller than the file, how much is missing tells more than that its header can't say its size.
#[test]
fn the_number_is_told_of_a_file_of_any_size() {
    let raw = file([5; 16], 0x01, 0, b"raw", 0xff);
    let image = Builder::new(0x400, vec![raw, driver(1, "Large", b"MZ")]).build();
    let full = |with: &[u8]| {
        let images = ["Large".to_owned(), guid(5).to_string()].map(|name| replace(&name, with));
        images.map(|change| match changed(&image, &change) {
            Err(FirmwareError::DoesNotFit { missing, .. }) => missing,
            other => panic!("{other:?}"),
        })
    };
    let [less, more] =
        [0x80_0000, 0x180_0000].map(|size| full(&[b"MZ", &vec![1; size][..]].concat()));
    // The long header of the program's section has four bytes more.
    assert_eq!(more, [less[0] + 0x100_0004, less[1] + 0x100_0000]);
}

#[test]
fn flash_that_is_erased_to_zeros() {
    let mut builder = Builder::new(
        0x400,
        vec![file([1; 16], DRIVER, 0, &module("A", b"MZ 1"), 0)],
    );
    builder.erased = 0;
    let image = builder.build();
    let after = changed(&image, &replace("A", b"MZ 2")).unwrap();
    assert_eq!(programs(&after)[0].1, b"MZ 2");
    assert_eq!(after.last(), Some(&0));
    assert_eq!(changed(&after, &replace("A", b"MZ 1")).unwrap(), image);
}

#[test]
fn every_way_of_packing_that_is_known() {
    let content = module("Packed", b"MZ before");
    let plain = [&(content.len() as u32).to_le_bytes()[..], &[0], &content].concat();
    let f86 = {
        let mut before = Vec::new();
        before.extend([0x5d, 0, 0, 0, 1]);
        before.extend((content.len() as u64).to_le_bytes());
        guided(
            LZMA_F86,
            1,
            &[],
            &lzma::pack(&before, true, &content).unwrap(),
        )
    };
    for packed in [
        section(0x01, &plain),
        section(0x03, &content),
        guided(CRC32, 2, &crc32(&content).to_le_bytes(), &content),
        builder::lzma(&content),
        f86,
    ] {
        let file = file([1; 16], DRIVER, 0, &packed, 0xff);
        let image = Builder::new(0x400, vec![file]).build();
        let file = read(&image);
        assert_eq!(target("Packed").find(&file).unwrap().guid, guid(1));
        let after = changed(&image, &replace("Packed", b"MZ afterwards")).unwrap();
        let image = read(&after);
        let file = target("Packed").find(&image).unwrap();
        let inner = &file.sections()[0].sections()[0];
        assert_eq!(inner.bytes(), b"MZ afterwards");
    }
}

#[test]
fn a_dictionary_may_have_any_size() {
    let mut packed = builder::lzma(&module("Packed", b"MZ before"));
    for size in [0_u32, 1 << 12, u32::MAX - 15, u32::MAX] {
        packed[25..29].copy_from_slice(&size.to_le_bytes());
        let file = file([1; 16], DRIVER, 0, &packed, 0xff);
        let image = Builder::new(0x400, vec![file]).build();
        assert_eq!(read(&image).damage(), Vec::<&Damage>::new());
        let after = changed(&image, &replace("Packed", b"MZ after")).unwrap();
        assert!(target("Packed").find(&read(&after)).is_ok(), "{size}");
    }
}

/// An image with as many packed sections, each with these bytes of LZMA.
fn packed_streams(streams: &[Vec<u8>]) -> Vec<u8> {
    let sections = streams.iter().map(|one| guided(builder::LZMA, 1, &[], one));
    let files = sections.map(|one| file([1; 16], 0x0b, 0, &one, 0xff));
    Builder::new(0x10_0000, files.collect()).build()
}

/// Zeros, packed as well as LZMA can, in a raw section.
fn zeros(size: usize) -> Vec<u8> {
    let header = [0x5d, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let content = [&[0xff, 0xff, 0xff, 0x19][..], &(size as u32).to_le_bytes()].concat();
    let content = [content, vec![0; size - 8]].concat();
    lzma::pack(&header, false, &content).unwrap()
}

#[test]
fn nothing_packs_too_well() {
    let size = 6 << 20;
    let stream = zeros(size);
    assert!(size / stream.len() > 8 * 273, "{}", stream.len());
    let image = read(&packed_streams(&[stream]));
    assert_eq!(image.damage(), Vec::<&Damage>::new());
}

#[test]
fn damaged_streams_are_counted_before_they_are_unpacked() {
    // Each says that it has 100 MiB, and is damaged from its beginning.
    let header = [&[0x5d, 0, 0, 1, 0][..], &(100_u64 << 20).to_le_bytes()].concat();
    let stream = [header, vec![0xff; 0x4000]].concat();
    let image = read(&packed_streams(&vec![stream; 3]));
    let whats: Vec<&str> = image.damage().iter().map(|damage| damage.what).collect();
    let damaged = "a section's LZMA stream is damaged";
    assert_eq!(
        whats,
        [damaged, damaged, "there is too much in packed sections"]
    );
}

#[test]
fn what_is_packed_otherwise_is_kept() {
    let unknown = guided("a31280ad-481e-41b6-95e8-127f4c984779", 1, &[], b"packed");
    let signed = guided(
        "a7717414-c616-4977-9420-844712a735bf",
        2,
        b"sign",
        &module("S", b"MZ"),
    );
    let files = [unknown, signed].map(|body| file([1; 16], DRIVER, 0, &body, 0xff));
    let [unknown, signed] = files.map(|file| Builder::new(0x400, vec![file]).build());
    let image = read(&unknown);
    let volume = image.volumes().next().unwrap();
    assert!(matches!(
        volume.files()[0].sections()[0].inside,
        Inside::Packed(Some(_))
    ));
    // Also when it moves.
    let body = guided("a31280ad-481e-41b6-95e8-127f4c984779", 1, &[], b"packed");
    let kept = file([2; 16], DRIVER, 0, &body, 0xff);
    let image = Builder::new(0x400, vec![driver(1, "A", b"MZ"), kept.clone()]).build();
    let after = changed(&image, &replace("A", &[b"MZ", &[1; 64][..]].concat())).unwrap();
    let name = guid(2).to_string();
    assert_eq!(target(&name).find(&read(&after)).unwrap().bytes(), kept);
    let error = changed(&signed, &replace("S", b"MZ 2")).unwrap_err();
    assert!(matches!(error, FirmwareError::Sealed(_)), "{error}");
}

#[test]
fn damage_is_told_where_it_is_and_kept() {
    let mut image = Builder::new(0x400, vec![driver(1, "A", b"MZ"), driver(2, "B", b"MZ")]).build();
    image[0x78 + 3] ^= 1;
    let damaged = read(&image);
    let volume = damaged.volumes().next().unwrap();
    let Content::Damaged(_, damage) = &volume.content else {
        panic!("the header of the first file is wrong");
    };
    assert_eq!(
        damage.to_string(),
        "at 0x78: the checksum of a file's header is wrong"
    );
    assert_eq!(damaged.encode().unwrap(), image);
    let error = changed(&image, &add(&driver(3, "C", b"MZ"))).unwrap_err();
    assert!(matches!(error, FirmwareError::NotUnderstood(..)), "{error}");
}

/// As the list shows it, whatever is wrong in it.
#[test]
fn damage_of_a_section_is_told_where_the_section_begins() {
    let wrong_sum = guided(CRC32, 2, &[0; 4], &section(0x19, b"data"));
    let short = section(0x02, &guided(CRC32, 2, &[], &[])[4..20]);
    let mut packed = builder::lzma(&section(0x19, b"data"));
    packed[24] = 0xff;
    for damaged in [wrong_sum, section(0x17, b"none"), short, packed] {
        let sections = join(&[section(0x19, &[0; 0x64]), damaged]);
        let file = file([9; 16], 0x02, 0, &sections, 0xff);
        let image = read(&Builder::new(0x400, vec![file]).build());
        let offsets: Vec<usize> = image.damage().iter().map(|damage| damage.offset).collect();
        assert_eq!(offsets, [0x68]);
    }
}

#[test]
fn a_damaged_header_of_a_volume_ends_the_image() {
    let good = nested();
    let last = 0x800 + 64;
    let wrong = "the checksum of a volume's header is wrong";
    let nonsense = "a volume's header makes no sense";
    // In the vector, the size, the length of the header, the map's runs and its end.
    for (at, value, why) in [
        (0, 1, wrong),
        (33, 5, wrong),
        (48, 76, wrong),
        (48, 2, nonsense),
        (49, 2, wrong),
        (56, 5, wrong),
        (64, 1, nonsense),
        (66, 1, nonsense),
    ] {
        for start in [0, last] {
            let mut image = good.clone();
            image[start + at] = value;
            let error = Image::read(image).err().unwrap();
            assert_eq!(
                error.to_string(),
                format!("it is damaged at {start:#x}: {why}"),
                "{at}"
            );
        }
    }
    // A volume in it must not be taken for one of the image.
    let inner = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    let outer = file([9; 16], 0x0b, 0, &section(0x17, &inner), 0xff);
    let mut image = Builder::new(0x1000, vec![outer]).build();
    image[40] = 0;
    let error = Image::read(image.clone()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "it is damaged at 0x0: the signature of a volume is damaged"
    );
    // With anything else damaged it is no header.
    image[41] = 0;
    assert!(Image::read(image.clone()).is_err());
    image[44] ^= 1;
    assert_eq!(read(&image).volumes().next().unwrap().header.size, 0x400);
    // An unknown format may be an accident, where nothing says the size once more.
    let mut image = good.clone();
    image[last + 16] ^= 1;
    assert!(Image::read(image.clone()).is_err());
    image[last + 56] ^= 1;
    assert_eq!(read(&image).volumes().count(), 1);
}

#[test]
fn a_volume_behind_the_header_of_a_capsule() {
    let image = [vec![0; 28], nested()].concat();
    assert_eq!(read(&image).volumes().next().unwrap().offset, 28);
    let one_behind_the_other = [vec![0; 28], pair(None)].concat();
    assert_eq!(read(&one_behind_the_other).volumes().count(), 2);
    let after = changed(&image, &Change::Remove(target("Network"))).unwrap();
    assert_eq!(
        after[28..],
        changed(&nested(), &Change::Remove(target("Network"))).unwrap()
    );
}

/// As the stores of variables in images for ARM: the map covers all of the flash part.
#[test]
fn a_volume_whose_map_is_that_of_its_flash_part() {
    let mut image = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    image[56] = 16;
    let sum = u16::from_le_bytes([image[50], image[51]]);
    image[50..52].copy_from_slice(&(sum - 12).to_le_bytes());
    image.resize(0x1000, 0);
    let found = read(&image);
    assert_eq!(found.volumes().next().unwrap().header.size, 0x400);
    assert_eq!(found.pieces.len(), 2);
    assert_eq!(programs(&image)[0].0, "A");
    // Its sum has to be right like any other.
    image[56] = 17;
    assert!(matches!(
        Image::read(image).err(),
        Some(FirmwareError::Damaged(_))
    ));
}

#[test]
fn what_is_before_damage_is_shown() {
    let files = vec![
        driver(1, "A", b"MZ"),
        driver(2, "B", b"MZ"),
        driver(3, "C", b"MZ"),
    ];
    let good = Builder::new(0x400, files).build();
    let second = 0x78 + driver(1, "A", b"MZ").len().next_multiple_of(8);
    let mut image = good.clone();
    image[second] ^= 1;
    assert_eq!(programs(&image).len(), 1);
    assert_eq!(read(&image).encode().unwrap(), image);
    let error = changed(&image, &Change::Remove(target("A"))).unwrap_err();
    assert!(matches!(error, FirmwareError::NotUnderstood(..)), "{error}");
    let error = changed(&image, &Change::Remove(target("C"))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("that not all could be read (at "),
        "{error}"
    );
    // Content that is not what it was: only the file is damaged, and the volume stays as it is with it.
    let mut image = good.clone();
    image[second + SUM] = 0;
    let names: Vec<String> = programs(&image).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["A", "C"]);
    assert_eq!(read(&image).damage()[0].offset, second);
    let error = changed(&image, &Change::Remove(target("A"))).unwrap_err();
    assert!(matches!(error, FirmwareError::NotUnderstood(..)), "{error}");
    let without = changed(&image, &Change::Remove(target(&guid(2).to_string()))).unwrap();
    assert_eq!(
        without,
        changed(&good, &Change::Remove(target("B"))).unwrap()
    );
    let mut touched = read(&image);
    touched.touch();
    assert_eq!(touched.encode().unwrap(), image);
}

#[test]
fn headers_that_were_never_completed_are_skipped() {
    for state in [0x01, 0x21, 0x27] {
        let mut slot = file([9; 16], DRIVER, 0, &[], 0xff);
        slot[16] ^= 1;
        slot[23] = 0xff ^ state;
        let files = |slots: Vec<Vec<u8>>| {
            let files = [
                vec![driver(1, "A", b"MZ")],
                slots,
                vec![driver(2, "B", b"MZ")],
            ];
            Builder::new(0x400, files.concat()).build()
        };
        let image = files(vec![slot]);
        assert_eq!(programs(&image).len(), 2);
        assert_eq!(read(&image).encode().unwrap(), image);
        let gone = |image: &[u8]| changed(image, &Change::Remove(target("A"))).unwrap();
        assert_eq!(gone(&image), gone(&files(vec![])));
    }
}

#[test]
fn bytes_behind_the_files_are_not_lost() {
    let mut image = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    image[0x3ff] = 0;
    assert!(matches!(
        changed(&image, &Change::Remove(target("A"))),
        Err(FirmwareError::NotUnderstood(..))
    ));
    let image = read(&image);
    let volume = image.volumes().next().unwrap();
    assert!(
        matches!(&volume.content, Content::Damaged(_, damage) if damage.what.contains("behind"))
    );
}

#[test]
fn volumes_in_volumes_end_somewhere() {
    let mut volume = Builder::new(0x400, vec![driver(1, "A", b"MZ")]).build();
    for size in 2..40 {
        let body = join(&[section(0x17, &volume)]);
        let image = file([1; 16], 0x0b, 0, &body, 0xff);
        volume = Builder::new(size * 0x400, vec![image]).build();
    }
    let image = read(&volume);
    assert!(find::all_volumes(&image).len() < 40);
    assert_eq!(image.encode().unwrap(), volume);
}

proptest! {
    /// Damage anywhere is an error, or is kept as it is; a change never makes the image longer.
    #[test]
    fn damaged_images(at in 0..0xc40_usize, bytes in proptest::collection::vec(any::<u8>(), 1..8)) {
        let mut image = nested();
        let end = image.len().min(at + bytes.len());
        image[at..end].copy_from_slice(&bytes[..end - at]);
        if let Ok(mut read) = Image::read(image.clone()) {
            prop_assert_eq!(read.encode().unwrap(), image.clone());
            read.touch();
            match read.made() {
                Ok(again) => prop_assert_eq!(again.size(), image.len()),
                Err(error) => prop_assert!(!matches!(error, FirmwareError::Worse(_)), "{}", error),
            }
        }
    }

    /// Whatever is in a volume with a good header, it is kept.
    #[test]
    fn any_bytes(at in 0..8_usize, bytes in proptest::collection::vec(any::<u8>(), 0..0x300)) {
        let mut image = Builder::new(0x400, vec![]).build();
        // From the header of the first file on, or in it.
        let file = file([1; 16], DRIVER, 0, &bytes, 0xff);
        let content = if at == 0 { &bytes } else { &file };
        image[0x78..][..content.len()].copy_from_slice(content);
        let mut read = read(&image);
        prop_assert_eq!(read.encode().unwrap(), image);
        read.touch();
        if let Err(error) = read.made() {
            prop_assert!(!matches!(error, FirmwareError::Worse(_)), "{}", error);
        }
    }

    /// However long a file becomes: what stays is where it was, all others come behind each other with their
    /// alignment, and where they do not fit, the number is right.
    #[test]
    fn changed_volumes(
        files in proptest::collection::vec((0..5_u8, 0..200_usize), 0..8),
        length in 0..0x1000_usize,
    ) {
        let data = |byte, alignment: u8, length| {
            let content = section(0x19, &vec![byte; length]);
            file([byte; 16], 0x02, alignment << 3, &content, 0xff)
        };
        let others = files.iter().zip(2..).map(|((kind, length), byte)| match kind {
            // It runs in place, or moves with an alignment of 1 to 512 bytes.
            4 => file([byte; 16], PEIM, 0, &module("Peim", &vec![byte; *length]), 0xff),
            alignment => data(byte, *alignment, *length),
        });
        let others: Vec<_> = others.collect();
        let all = [vec![data(1, 0, 0x100)], others.clone()].concat();
        let image = Builder::new(0xc00, all).build();
        let with = |length| {
            let mut image = read(&image);
            image.apply(&replace(&guid(1).to_string(), &vec![1; length])).unwrap();
            image.made()
        };
        match with(length) {
            Ok(after) => {
                let files = after.volumes().next().unwrap().files();
                let files: Vec<&File> = files.iter().filter(|file| !file.is_empty_pad()).collect();
                prop_assert_eq!(files.len(), others.len() + 1);
                prop_assert_eq!(files[0].sections()[0].bytes().len(), length);
                let before = read(&image);
                let before = &before.volumes().next().unwrap().files()[1..];
                for (file, old) in files[1..].iter().zip(before) {
                    prop_assert_eq!(file.bytes(), old.bytes());
                    if file.stays() {
                        prop_assert_eq!(file.offset, old.offset);
                    } else {
                        prop_assert!((file.offset + 24).is_multiple_of(file.alignment()));
                    }
                }
            }
            Err(FirmwareError::DoesNotFit { missing, .. }) => {
                if files.iter().all(|(kind, _)| *kind == 0) {
                    prop_assert!(with(length - missing - 7).is_ok());
                    prop_assert!(with(length - missing + 8).is_err());
                }
            }
            Err(error) => {
                let fixed = matches!(error, FirmwareError::MustStay(..) | FirmwareError::SmallGap(..));
                prop_assert!(fixed, "{}", error);
            }
        }
    }

    #[test]
    fn guids(bytes in any::<[u8; 16]>()) {
        let guid = Guid::from_bytes(bytes);
        prop_assert_eq!(guid.to_string().parse(), Ok(guid));
    }
}
