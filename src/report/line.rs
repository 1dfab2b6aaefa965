//! Lines of JSON, and the document that is made of them.

use std::time::Duration;

use super::Event;

/// Version of the schema: another one when a key changes its meaning.
const VERSION: u32 = 1;

/// No line is longer, in bytes: with what the kernel's log puts in front of it, it is one record there
/// (`PRINTKRB_RECORD_MAX` in `kernel/printk/internal.h` of Linux, 1,024 bytes).
pub const LONGEST: usize = 960;

/// An event as one line of JSON, without an end of line. It is ASCII without control characters, so that no name of a
/// disk moves a cursor wherever it is shown. `uptime` is the time since the flash kernel has started.
pub fn line(event: &Event<'_>, uptime: Duration) -> String {
    // The types of `Event` have no keys that are no strings, which is all that can fail.
    let json = serde_json::to_string(event).unwrap_or_default();
    let keys = json.strip_prefix('{').unwrap_or("}");
    let milliseconds = uptime.as_millis();
    ascii(&format!(
        "{{\"pilotlight\":{VERSION},\"uptime_ms\":{milliseconds},{keys}"
    ))
}

/// Lines as one object of JSON, on as many lines: what is in a file for the system that is started.
pub fn document(lines: &[String]) -> String {
    format!(
        "{{\"pilotlight\":{VERSION},\"events\":[\n{}\n]}}\n",
        lines.join(",\n")
    )
}

/// What is not ASCII stands in strings alone, and JSON escapes every other control character by itself.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~') {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Text, Times};
    use proptest::prelude::*;
    use serde_json::Value;

    fn at(event: &Event<'_>) -> String {
        line(event, Duration::from_millis(3042))
    }

    #[test]
    fn looks_like_this() {
        let version = "0.1.0";
        assert_eq!(
            at(&Event::Started { version }),
            r#"{"pilotlight":1,"uptime_ms":3042,"event":"started","version":"0.1.0"}"#
        );
        let (entry, reason) = (Text::name("a.conf"), Text::reason("it \"is\"\n\u{9b}ö"));
        assert_eq!(
            at(&Event::Failed { entry, reason }),
            r#"{"pilotlight":1,"uptime_ms":3042,"event":"failed","entry":"a.conf","reason":"it \"is\"\n\u009b\u00f6"}"#
        );
        assert_eq!(
            at(&Event::Ending { how: "reboot" }),
            r#"{"pilotlight":1,"uptime_ms":3042,"event":"ending","how":"reboot"}"#
        );
    }

    #[test]
    fn lines_make_a_document() {
        let lines = [1, 2].map(|round| at(&Event::RoundOver { round }));
        let text = document(&lines);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["pilotlight"], 1);
        assert_eq!(value["events"][1]["round"], 2);
        assert_eq!(text.lines().count(), 4);
        let none: Value = serde_json::from_str(&document(&[])).unwrap();
        assert_eq!(none["events"], Value::Array(Vec::new()));
    }

    /// What can become of texts of a disk in the longest events.
    fn lines(texts: &[String; 4], number: u64) -> Vec<String> {
        let [entry, title, origin, kernel] = texts.each_ref().map(|text| Text::name(text));
        let sha256 = "0".repeat(64);
        let events = [
            Event::Booting {
                entry,
                title,
                origin,
                kernel,
                verdict: "covered",
                times: Times::default(),
            },
            Event::Trying {
                entry,
                title,
                origin,
            },
            Event::Refused {
                entry,
                reason: Text::reason(&texts[1]),
            },
            Event::File {
                file: kernel,
                size: number,
                sha256: &sha256,
            },
            Event::DiskFound {
                disk: entry,
                size: number,
                model: Some(title),
            },
        ];
        let uptime = Duration::from_secs(number);
        events.iter().map(|event| line(event, uptime)).collect()
    }

    proptest! {
        #[test]
        fn any_text_is_a_line_of_json(
            texts in any::<[String; 4]>(),
            times in 0_usize..300,
            number in any::<u64>(),
        ) {
            let texts = texts.map(|text| text.repeat(times));
            for line in lines(&texts, number) {
                prop_assert!(line.len() <= LONGEST, "{} {line}", line.len());
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
                let value: Value = serde_json::from_str(&line).unwrap();
                prop_assert_eq!(&value["pilotlight"], 1);
                if times == 1 && texts[0].len() < 20 {
                    prop_assert!(value["entry"].is_null() || value["entry"] == texts[0]);
                }
            }
        }
    }
}
