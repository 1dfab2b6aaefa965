//! The values of a policy as texts, and where in its file they are.

use std::fmt::{self, Write};

use std::time::Duration;

use super::document::{self, Data};
use super::keys::line;
use super::menu::ACCESS as WHO;
use super::reader::{ACCESS, ACTIONS, AFTER_ENTRY, COUNTING, ENDINGS, PolicyError};
use super::rules::{SOURCES, TRANSPORTS};
use super::watchdog::KERNEL;
use super::{DiskRule, EntryRule, Policy, Purpose};
use crate::config::bls::Pattern;
use crate::disk::PartitionKind;
use crate::seconds;
use crate::store::Choice;
use crate::text::is_harmless;

/// A key with its table, and its value as it would be written.
type Value = (&'static str, String);

impl Policy {
    /// All values, but for what is in `[trust]` besides its mode.
    pub fn values(&self) -> Vec<Value> {
        let Policy {
            wait,
            boot,
            efi,
            failure,
            watchdog,
            menu,
            report,
            overrides,
            trust,
        } = self;
        let who = &menu.permissions;
        let default = boot.default.as_ref().map(|pattern| pattern.as_str());
        let timeout = match (menu.follow_configuration, menu.timeout.wait) {
            (true, _) => quoted("configuration"),
            (false, None) => quoted("never"),
            (false, Some(time)) => seconds::written(time),
        };
        let allow = overrides.allow.iter().map(|source| quoted(source.name()));
        let file = overrides.file.as_ref();
        vec![
            ("wait.disks", seconds::written(wait.disks)),
            ("wait.settle", seconds::written(wait.settle)),
            ("wait.wanted", list(wait.wanted.iter().map(disk_rule))),
            ("boot.default", optional(default)),
            ("boot.follow", boot.follow.to_string()),
            ("boot.prefer", list(boot.prefer.iter().map(entry_rule))),
            ("boot.refuse", list(boot.refuse.iter().map(entry_rule))),
            ("boot.guess", boot.guess.to_string()),
            ("boot.count", word(&COUNTING, boot.count)),
            ("efi.variables", word(&ACCESS, efi.variables)),
            ("efi.stand_in", efi.stand_in.to_string()),
            ("failure.attempts", failure.attempts.to_string()),
            ("failure.limit", seconds::written(failure.limit)),
            ("failure.between", seconds::written(failure.between)),
            ("failure.entry", word(&AFTER_ENTRY, failure.entry)),
            ("failure.then", word(&ACTIONS, failure.then)),
            ("failure.pause", seconds::written(failure.pause)),
            ("failure.rounds", failure.rounds.to_string()),
            ("failure.finally", word(&ENDINGS, failure.finally)),
            ("failure.resets", failure.resets.to_string()),
            ("failure.store", quoted(failure.store.name())),
            (
                "failure.cmos",
                match failure.store {
                    Choice::Cmos(byte) => byte.to_string(),
                    _ => String::new(),
                },
            ),
            (
                "failure.tpm",
                match failure.store {
                    Choice::Tpm(index) => format!("0x{index:08x}"),
                    _ => String::new(),
                },
            ),
            ("watchdog.timeout", watchdog.timeout.to_string()),
            ("watchdog.kernel", word(&KERNEL, watchdog.armed)),
            ("watchdog.boot", watchdog.boot.to_string()),
            ("menu.timeout", timeout),
            ("menu.hidden", menu.timeout.hidden.to_string()),
            ("menu.idle", or_never(menu.timeout.idle)),
            ("menu.stay", or_never(menu.timeout.stay)),
            ("menu.plain", menu.plain.to_string()),
            ("menu.choose", word(&WHO, who.choose)),
            ("menu.edit", word(&WHO, who.edit)),
            ("menu.once", word(&WHO, who.once)),
            ("menu.default", word(&WHO, who.default)),
            ("menu.shell", word(&WHO, who.shell)),
            // Its hash is nobody's business.
            (
                "menu.password",
                optional(menu.password.as_ref().map(|_| "…")),
            ),
            ("menu.attempts", who.attempts.to_string()),
            ("report.console", optional(report.console.as_deref())),
            ("report.kmsg", report.kmsg.to_string()),
            ("report.sel", report.sel.to_string()),
            ("report.summary", report.summary.to_string()),
            ("override.allow", list(allow)),
            (
                "override.volume",
                optional(file.map(|(volume, _)| volume.as_str())),
            ),
            (
                "override.path",
                optional(file.map(|(_, path)| path.as_str())),
            ),
            ("trust.mode", quoted(trust.mode.name())),
        ]
    }

    /// The keys that the text of a policy sets, with their tables and the line of each.
    ///
    /// # Errors
    /// It is no policy.
    pub fn lines(text: &str) -> Result<Vec<(String, usize)>, PolicyError> {
        Policy::parse(text)?;
        let mut lines = Vec::new();
        // What is a policy is TOML.
        let Ok(root) = document::read(text) else {
            return Ok(lines);
        };
        for (table, value) in root {
            let Data::Table(keys) = value.data else {
                continue;
            };
            for (key, _) in keys {
                lines.push((format!("{}.{}", table.name, key.name), line(text, key.span)));
            }
        }
        Ok(lines)
    }
}

/// A basic string of TOML 1.0, in which nothing moves the cursor.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_harmless(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn optional(text: Option<&str>) -> String {
    text.map_or(String::new(), quoted)
}

fn word<T: PartialEq>(words: &[(&str, T)], value: T) -> String {
    let found = words.iter().find(|(_, known)| *known == value);
    found.map_or(String::new(), |(word, _)| quoted(word))
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    format!("[{}]", values.join(", "))
}

/// An inline table that grows by its keys.
struct Inline(String);

impl Inline {
    fn add(&mut self, key: &str, value: Option<impl fmt::Display>) {
        let comma = if self.0.is_empty() { "" } else { ", " };
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{comma}{key} = {value}");
        }
    }
}

fn disk_rule(rule: &DiskRule) -> String {
    let mut inline = Inline(String::new());
    conditions(rule, &mut inline);
    format!("{{ {} }}", inline.0)
}

fn entry_rule(rule: &EntryRule) -> String {
    let mut inline = Inline(String::new());
    conditions(&rule.place, &mut inline);
    let pattern = |pattern: &Option<Pattern>| {
        let pattern = pattern.as_ref();
        pattern.map(|pattern| quoted(pattern.as_str()))
    };
    inline.add("source", rule.source.map(|source| word(&SOURCES, source)));
    inline.add("id", pattern(&rule.id));
    inline.add("title", pattern(&rule.title));
    inline.add("system", pattern(&rule.system));
    format!("{{ {} }}", inline.0)
}

fn conditions(rule: &DiskRule, inline: &mut Inline) {
    inline.add("transport", rule.transport.map(|t| word(&TRANSPORTS, t)));
    inline.add("removable", rule.removable);
    inline.add("disk", rule.disk.as_ref().map(|disk| quoted(disk.as_str())));
    inline.add("volume", rule.volume.as_deref().map(quoted));
    let purpose = rule.partition.as_ref().map(|purpose| match purpose {
        Purpose::Esp => quoted("esp"),
        Purpose::Xbootldr => quoted("xbootldr"),
        Purpose::Kind(PartitionKind::Gpt(guid)) => quoted(guid),
        Purpose::Kind(PartitionKind::Mbr(byte)) => format!("\"0x{byte:02x}\""),
    });
    inline.add("partition", purpose);
}

fn or_never(limit: Option<Duration>) -> String {
    limit.map_or("\"never\"".to_owned(), seconds::written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::examples::examples;

    /// What is shown of any policy is a policy with the same values.
    #[test]
    fn what_is_shown_can_be_read() {
        for text in examples().chain([""]) {
            let policy = Policy::parse(text).unwrap();
            let shown = policy.values();
            let written = shown.iter().filter(|(key, value)| {
                !value.is_empty() && *key != "menu.password" && !key.starts_with("trust.")
            });
            let written: String = written
                .filter(|(_, value)| *value != "\"password\"")
                .map(|(key, value)| format!("{key} = {value}\n"))
                .collect();
            let again = Policy::parse(&written).unwrap_or_else(|e| panic!("{written}: {e}"));
            for (shown, again) in shown.iter().zip(again.values()) {
                let is_left_out = shown.1 == "\"password\"" || shown.1 == "\"…\"";
                let is_of_trust = shown.0 == "trust.mode";
                assert!(*shown == again || is_left_out || is_of_trust, "{shown:?}");
            }
        }
    }

    #[test]
    fn any_text_is_shown_as_toml() {
        let text = "a\\ \"b\" 'c' ü\u{1b}[H\0\n\u{202e}";
        let shown = quoted(text);
        assert_eq!(
            shown,
            r#""a\\ \"b\" 'c' ü\U0000001B[H\U00000000\U0000000A\U0000202E""#
        );
        let policy = Policy::parse(&format!("boot.default = {shown}\n")).unwrap();
        assert_eq!(policy.boot.default, Pattern::new(text));
    }

    #[test]
    fn keys_have_lines() {
        let text = "[wait]\ndisks = 1\n[[boot.prefer]]\nid = \"a\"\n[[boot.prefer]]\nid = \"b\"\n";
        let mut lines = Policy::lines(text).unwrap();
        lines.sort();
        assert_eq!(
            lines,
            [("boot.prefer".to_owned(), 3), ("wait.disks".to_owned(), 2)]
        );
        assert!(Policy::lines("[wait").is_err());
    }
}
