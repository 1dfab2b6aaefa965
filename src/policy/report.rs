//! [`Report`]: where it is written down what happens, for machines.

use super::document::Wrong;
use super::keys::Keys;

/// Table `[report]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `console`: the terminal below `/dev` that gets every line, if any does.
    pub console: Option<String>,
    /// `kmsg`: does the kernel's log get every line, and `/dev/pmsg0` where there is one?
    pub kmsg: bool,
    /// `sel`: does the log of the management controller get an entry for what matters there?
    pub sel: bool,
    /// `summary`: does the system that is started get it, behind its initrd?
    pub summary: bool,
}

impl Default for Report {
    /// What costs nothing and leaves nothing behind.
    fn default() -> Report {
        Report {
            console: None,
            kmsg: true,
            sel: false,
            summary: false,
        }
    }
}

impl Report {
    /// Reads the table.
    pub(super) fn read(&mut self, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        self.console = keys.text("console", console)?;
        keys.yes_or_no("kmsg", &mut self.kmsg)?;
        keys.yes_or_no("sel", &mut self.sel)?;
        keys.yes_or_no("summary", &mut self.summary)
    }
}

/// The name of a terminal, which does not leave `/dev`.
fn console(name: &str) -> Result<String, String> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_name {
        true => Ok(name.to_owned()),
        false => Err("is no name of a terminal, such as \"ttyS1\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn report(text: &str) -> Result<Report, String> {
        let policy = Policy::parse(&format!("[report]\n{text}\n"));
        let policy = policy.map_err(|error| error.to_string());
        policy.map(|policy| policy.report)
    }

    #[test]
    fn reads_every_key() {
        let text = "console = \"ttyS1\"\nkmsg = false\nsel = true\nsummary = true";
        let expected = Report {
            console: Some("ttyS1".to_owned()),
            kmsg: false,
            sel: true,
            summary: true,
        };
        assert_eq!(report(text), Ok(expected));
        assert_eq!(report(""), Ok(Report::default()));
    }

    #[test]
    fn a_console_is_a_name() {
        for name in ["", "/dev/ttyS1", "../sda", "tty S1"] {
            let error = report(&format!("console = \"{name}\"")).unwrap_err();
            assert!(error.contains("is no name of a terminal"), "{error}");
        }
        assert!(report("console = true").is_err());
    }
}
