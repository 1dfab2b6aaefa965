//! What a loader says to process 1, and how it is written.
//!
//! A message is one packet of ASCII: a word, and fields with one space before each. Texts come from disks
//! and are written with `%XX` for every byte that is not a plain sign, so that no name of a file can end
//! a field or a message, or be taken for another one. The same writing, without the first word, is how a
//! loader is told on its command line what the loaders before it died of.

use super::place::{DiskName, EntryName, Place, VolumeName};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// It touches no disk: it waits for one, or ends.
    Idle,
    /// From now on it is at work here.
    At(Place),
    /// It goes on there: so many bytes are read.
    Alive(u64),
    /// The menu wants the consoles, and gets an [answer](YOURS) when nobody else writes to them any more. They come
    /// back with the end of the loader.
    Menu,
    /// A shell is about to be started: the log is wanted in a file.
    Log,
    /// A kernel is loaded. Only this, and the exit status that goes with it, makes process 1 jump.
    Loaded,
}

/// The only thing that process 1 says to a loader.
pub(super) const YOURS: &[u8] = b"y";

/// No message is longer, in bytes: it has up to three paths, where files are in images, each of at most
/// 4,096 bytes, which may take three each.
pub(super) const LONGEST: usize = 64 * 1024;

impl Message {
    /// What is sent.
    pub(super) fn print(&self) -> String {
        match self {
            Message::Idle => "idle".to_owned(),
            Message::At(place) => format!("at {}", place.print()),
            Message::Alive(bytes) => format!("alive {bytes}"),
            Message::Menu => "menu".to_owned(),
            Message::Log => "log".to_owned(),
            Message::Loaded => "loaded".to_owned(),
        }
    }

    /// Reads what was sent; `None` when nobody of us has written it.
    pub(super) fn parse(text: &str) -> Option<Message> {
        match text.split_once(' ') {
            None if text == "idle" => Some(Message::Idle),
            None if text == "menu" => Some(Message::Menu),
            None if text == "log" => Some(Message::Log),
            None if text == "loaded" => Some(Message::Loaded),
            Some(("alive", bytes)) => Some(Message::Alive(bytes.parse().ok()?)),
            Some(("at", place)) => Some(Message::At(Place::parse(place)?)),
            _ => None,
        }
    }
}

impl Place {
    /// What is written in a message, and on a command line.
    pub(super) fn print(&self) -> String {
        let (word, disk, volume) = match self {
            Place::Disk(disk) => ("disk", disk, None),
            Place::Volume(volume) => ("volume", &volume.disk, Some(volume)),
            Place::Entry(entry) => ("entry", &entry.volume.disk, Some(&entry.volume)),
            Place::Firmware => return "firmware".to_owned(),
        };
        let mut fields = vec![word.to_owned(), escape(&disk.path), optional(disk.sequence)];
        if let Some(volume) = volume {
            let inside = volume.inside.as_deref().map(escape);
            let offset = volume.offset.to_string();
            fields.extend([optional(inside), optional(volume.partition), offset]);
        }
        if let Place::Entry(entry) = self {
            let nth = entry.nth.to_string();
            fields.extend([escape(&entry.path), optional(entry.line), nth]);
        }
        fields.join(" ")
    }

    /// Reads what [`print`](Place::print) has written.
    pub(super) fn parse(text: &str) -> Option<Place> {
        if text.len() > LONGEST {
            return None;
        }
        let fields: Vec<&str> = text.split(' ').collect();
        let disk = |path: &str, sequence: &str| {
            Some(DiskName {
                path: unescape(path)?,
                sequence: number_or_none(sequence)?,
            })
        };
        let volume = |[path, sequence, inside, partition, offset]: [&str; 5]| {
            Some(VolumeName {
                disk: disk(path, sequence)?,
                inside: match inside {
                    "-" => None,
                    inside => Some(unescape(inside)?),
                },
                partition: number_or_none(partition)?,
                offset: offset.parse().ok()?,
            })
        };
        Some(match fields[..] {
            ["firmware"] => Place::Firmware,
            ["disk", path, sequence] => Place::Disk(disk(path, sequence)?),
            ["volume", path, sequence, inside, partition, offset] => {
                Place::Volume(volume([path, sequence, inside, partition, offset])?)
            }
            [
                "entry",
                disk,
                sequence,
                inside,
                partition,
                offset,
                path,
                line,
                nth,
            ] => Place::Entry(EntryName {
                volume: volume([disk, sequence, inside, partition, offset])?,
                path: unescape(path)?,
                line: number_or_none(line)?,
                nth: nth.parse().ok()?,
            }),
            _ => return None,
        })
    }
}

/// A number, or `-`.
fn optional<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn number_or_none<T: std::str::FromStr>(field: &str) -> Option<Option<T>> {
    match field {
        "-" => Some(None),
        number => Some(Some(number.parse().ok()?)),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'+' => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02x}")),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (number, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(number, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;

    fn disk() -> impl Strategy<Value = DiskName> {
        let parts = (any::<String>(), of(any::<u64>()));
        parts.prop_map(|(path, sequence)| DiskName { path, sequence })
    }

    fn volume() -> impl Strategy<Value = VolumeName> {
        let inside = any::<String>().prop_map(|path| format!("/dev/sda: {path}"));
        let parts = (disk(), of(inside), of(any::<u32>()), any::<u64>());
        parts.prop_map(|(disk, inside, partition, offset)| VolumeName {
            disk,
            inside,
            partition,
            offset,
        })
    }

    fn place() -> impl Strategy<Value = Place> {
        let entry = (volume(), any::<String>(), of(any::<u32>()), any::<u32>());
        prop_oneof![
            Just(Place::Firmware),
            disk().prop_map(Place::Disk),
            volume().prop_map(Place::Volume),
            entry.prop_map(|(volume, path, line, nth)| Place::Entry(EntryName {
                volume,
                path,
                line,
                nth
            })),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(place in place(), bytes in any::<u64>()) {
            prop_assert_eq!(Place::parse(&place.print()), Some(place.clone()));
            let plain = [Message::Idle, Message::Menu, Message::Log, Message::Loaded];
            for message in [Message::At(place), Message::Alive(bytes)].into_iter().chain(plain) {
                let text = message.print();
                let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
                prop_assert!(text.bytes().all(plain), "{}", text);
                prop_assert_eq!(Message::parse(&text), Some(message));
            }
        }

        #[test]
        fn any_text_is_a_message_or_none(text in any::<String>()) {
            let _ = Message::parse(&text);
            let _ = Message::parse(&format!("at entry {text}"));
        }
    }

    #[test]
    fn looks_like_this() {
        let disk = DiskName {
            path: "/dev/sda".to_owned(),
            sequence: Some(7),
        };
        let volume = VolumeName {
            disk: disk.clone(),
            inside: None,
            partition: Some(1),
            offset: 1 << 20,
        };
        let entry = EntryName {
            volume,
            path: "/loader/entries/a b\nloaded.conf".to_owned(),
            line: None,
            nth: 0,
        };
        let entry = Place::Entry(entry);
        assert_eq!(
            Message::At(Place::Disk(disk.clone())).print(),
            "at disk /dev/sda 7"
        );
        assert_eq!(
            entry.print(),
            "entry /dev/sda 7 - 1 1048576 /loader/entries/a%20b%0aloaded.conf - 0"
        );
        assert_eq!(
            entry.to_string(),
            "/dev/sda partition 1: /loader/entries/a b\\u{a}loaded.conf"
        );
        let in_image = Place::Volume(VolumeName {
            inside: Some("/dev/sda partition 1: /a.iso".to_owned()),
            partition: Some(2),
            offset: 0,
            disk,
        });
        assert_eq!(
            in_image.print(),
            "volume /dev/sda 7 /dev/sda%20partition%201%3a%20/a.iso 2 0"
        );
        assert_eq!(
            in_image.to_string(),
            "/dev/sda partition 1: /a.iso partition 2"
        );
        let firmware = Message::At(Place::Firmware);
        assert_eq!(firmware.print(), "at firmware");
    }

    #[test]
    fn what_nobody_has_written_is_none() {
        for text in [
            "",
            "loaded ",
            "loaded 1",
            "alive",
            "alive -1",
            "at",
            "at disk",
            "at disk /dev/sda",
            "at disk /dev/sda x",
            "at disk /dev/sd%6 -",
            "at disk /dev/sd%ff -",
            "at disk /dev/sda - ",
            "at firmware -",
            "at volume /dev/sda - - 1 1 1",
        ] {
            assert_eq!(Message::parse(text), None, "{text:?}");
        }
        let endless = format!("at disk {} -", "x".repeat(LONGEST));
        assert_eq!(Message::parse(&endless), None);
    }
}
