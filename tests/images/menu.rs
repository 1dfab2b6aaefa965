//! The menu under terminals that tmux makes: what a person sees and what keys do.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::{kernel, make_disk};
use crate::kit::{Image, MIB, TempDir, copy_in, run, run_line, temp_dir, tool};

/// How long something may take to be seen. It is there in a moment; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of some size with something that runs on it.
struct Terminal<'a> {
    dir: &'a TempDir,
    name: &'static str,
}

impl Terminal<'_> {
    /// Runs the command on `disk`, in an environment that begins with `before`, and leaves open what it printed.
    fn menu<'a>(
        dir: &'a TempDir,
        (name, before): (&'static str, &str),
        options: &str,
        disk: &Image,
        (columns, rows): (u16, u16),
    ) -> Terminal<'a> {
        let command = env!("CARGO_BIN_EXE_pilotlight");
        let line = format!(
            "{before} {command} menu {options} {}; echo status $?; stty -a; sleep 1000",
            disk.path()
        );
        Terminal::start(dir, name, &line, (columns, rows))
    }

    fn start<'a>(
        dir: &'a TempDir,
        name: &'static str,
        line: &str,
        (columns, rows): (u16, u16),
    ) -> Terminal<'a> {
        let terminal = Terminal { dir, name };
        dir.file("tmux.conf", b"set -g status off\n");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let size = ["-x", columns.as_str(), "-y", rows.as_str()];
        terminal.tmux(&[&["new-session", "-d"][..], &size, &["sh", "-c", line]].concat());
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let (socket, config) = (path(self.name), path("tmux.conf"));
        let own = ["-S", &socket, "-f", &config];
        run("tmux", [&own[..], arguments].concat())
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let shown = self.shown();
            if is(&shown) {
                return shown;
            }
            assert!(start.elapsed() < PATIENCE, "no {what}:\n{shown}");
            sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        self.wait(text, |shown| shown.contains(text))
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let socket = self.dir.path().join(self.name);
        let mut kill = tool("tmux");
        let _ = kill.arg("-S").arg(socket).arg("kill-server").status();
    }
}

fn titles(shown: &str) -> Vec<&str> {
    let number = |line: &&str| {
        line.get(1..2)
            .is_some_and(|c| matches!(c, "1" | "2" | "3" | "4"))
    };
    shown.lines().filter(number).collect()
}

#[test]
fn an_entry_is_edited_and_tried_out() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let terminal = Terminal::menu(&dir, ("a", "LC_ALL=C"), "", &disk, (80, 24));
    let shown = terminal.wait_for("Enter start");
    assert_eq!(
        titles(&shown),
        [
            ">1 * Debian (6.12)",
            " 2   Debian (6.1)",
            " 3 ! Gone",
            " 4 * Evil \\u{1b}[2J\\u{202e}",
        ]
    );
    assert!(
        shown.contains("/loader/entries/debian-6.12+2-1.conf"),
        "{shown}"
    );
    terminal.press(&["3", "Enter"]);
    terminal.wait_for("it can't be booted: /gone is not there");
    terminal.press(&["Up", "d"]);
    terminal.wait_for("/debian/6.1/initrd (4.8 KiB)");
    terminal.press(&["Escape"]);
    terminal.wait_for("Enter start");
    terminal.press(&["e", "C-w"]);
    terminal.press(&["-l", "rw single"]);
    terminal.wait_for("+ single");
    terminal.press(&["Enter"]);
    let shown = terminal.wait_for("status");
    assert!(
        shown.contains("options root=LABEL=root rw single"),
        "{shown}"
    );
    assert!(shown.contains("dry run: nothing was loaded"), "{shown}");
    assert!(shown.contains("status 0"), "{shown}");
    // The terminal is as it was.
    let shown = terminal.wait_for("echonl");
    assert!(
        shown.contains(" icanon") && shown.contains(" echo "),
        "{shown}"
    );
}

/// History, words, undo and what is another than before, as a terminal sends the keys.
#[test]
fn a_line_is_edited_with_the_keys_of_a_terminal() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let terminal = Terminal::menu(&dir, ("a", "LC_ALL=C"), "", &disk, (80, 24));
    terminal.wait_for("Enter start");
    terminal.press(&["2", "e"]);
    terminal.wait_for("root=LABEL=root ro");
    // A word back with Alt and with Control, and a word is cut there.
    terminal.press(&["M-b", "C-Left", "M-d"]);
    terminal.wait_for("- root=LABEL=root");
    terminal.press(&["C-z"]);
    terminal.wait("line as before", |shown| !shown.contains("- root"));
    terminal.press(&["M-z"]);
    terminal.wait_for("- root=LABEL=root");
    terminal.press(&["C-r", "End", "C-u", "C-y", "Space"]);
    terminal.press(&["-l", "first"]);
    terminal.wait_for("+ first");
    terminal.press(&["Escape"]);
    terminal.wait_for(">2   Debian (6.1)");
    // What was left is in the history, also for another entry.
    terminal.press(&["1", "e"]);
    terminal.wait_for("Edit: Debian (6.12)");
    terminal.press(&["Up"]);
    terminal.wait_for("+ first");
    terminal.press(&["Down"]);
    terminal.wait("own line", |shown| !shown.contains("first"));
    terminal.press(&["Up", "BSpace", "e"]);
    terminal.press(&["F10"]);
    let shown = terminal.wait_for("status");
    assert!(
        shown.contains("options root=LABEL=root ro firse"),
        "{shown}"
    );
}

#[test]
fn other_initrds_are_chosen() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let terminal = Terminal::menu(&dir, ("a", "LC_ALL=C"), "", &disk, (80, 24));
    terminal.wait_for("Enter start");
    terminal.press(&["2", "i"]);
    terminal.wait_for("1 x /debian/6.1/initrd");
    terminal.press(&["Space"]);
    terminal.wait_for("1   /debian/6.1/initrd");
    terminal.press(&["Enter"]);
    terminal.wait_for("2 + Debian (6.1)");
    terminal.press(&["Enter"]);
    let shown = terminal.wait_for("status 0");
    assert!(!shown.contains("/debian/6.1/initrd"), "{shown}");
}

/// Who may edit mends what nothing but the command line, or the initrds, keep from being booted.
#[test]
fn what_is_wrong_with_an_entry_is_mended() {
    let dir = temp_dir();
    let long = "a=b ".repeat(600);
    let entry = format!("title Debian\nlinux /debian/6.1/linux\ninitrd /gone\noptions {long}\n");
    dir.file("esp/loader/entries/debian-6.1.conf", entry.as_bytes());
    dir.file("esp/debian/6.1/linux", &kernel(9));
    let disk = dir.image("esp.img", 48 * MIB);
    run_line("mkfs.vfat -F 32 -s 1 {}", &disk);
    for name in ["loader", "debian"] {
        copy_in(&disk, &dir.path().join("esp").join(name), "");
    }
    let terminal = Terminal::menu(&dir, ("a", "LC_ALL=C"), "", &disk, (80, 24));
    terminal.wait_for("can't be booted: /gone is not there");
    terminal.press(&["i", "Space", "Enter"]);
    terminal
        .wait_for("can't be booted: the command line has 2399 bytes and this kernel takes 2016");
    terminal.press(&["e"]);
    terminal.wait_for("Edit: Debian");
    terminal.press(&["C-u"]);
    terminal.press(&["-l", "single"]);
    terminal.wait_for("single");
    terminal.press(&["Enter"]);
    let shown = terminal.wait_for("status 0");
    assert!(shown.contains("options single"), "{shown}");
}

#[test]
fn a_terminal_may_be_small_and_change() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let terminal = Terminal::menu(&dir, ("a", "LC_ALL=C.UTF-8"), "", &disk, (20, 5));
    let shown = terminal.wait_for("Debian (6.12)");
    assert_eq!(
        shown.lines().take(4).collect::<Vec<_>>(),
        [
            "Pilotlight, 1-3/4",
            ">1 * Debian (6.12)",
            " 2   Debian (6.1)",
            " 3 ! Gone"
        ]
    );
    terminal.press(&["4"]);
    terminal.wait("other page", |shown| {
        shown.contains(">4 * Evil") && !shown.contains("Gone")
    });
    terminal.tmux(&["resize-window", "-x", "100", "-y", "30"]);
    let shown = terminal.wait_for("e edit");
    assert_eq!(titles(&shown).len(), 4);
    assert!(
        shown.lines().nth(29).unwrap().starts_with("Enter start"),
        "{shown}"
    );
    terminal.press(&["C-c"]);
    terminal.wait_for("status 0");
}

#[test]
fn a_terminal_that_knows_nothing_gets_a_list() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let terminal = Terminal::menu(&dir, ("a", "TERM=dumb LC_ALL=C"), "", &disk, (120, 50));
    terminal.wait_for("> 1 Debian (6.12)");
    terminal.press(&["/"]);
    terminal.press(&["-l", "6.1/"]);
    terminal.wait_for("search: 6.1/");
    terminal.press(&["BSpace", "Enter", "2"]);
    terminal.wait_for("> 2 Debian (6.1)");
    // The last line ends where the cursor is.
    terminal.press(&["e", "C-Left"]);
    terminal.wait_for("behind the cursor: ro");
    terminal.press(&["-l", "x "]);
    terminal.wait_for("options: root=LABEL=root x");
    terminal.press(&["Enter"]);
    let shown = terminal.wait_for("status 0");
    assert!(shown.contains("options root=LABEL=root x ro"), "{shown}");
    assert!(!shown.contains("\\u{1b}[H"), "{shown}");
}

#[test]
fn nobody_needs_to_press_a_key() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    for (name, timeout) in [("a", "0"), ("b", "2")] {
        let options = format!("--timeout {timeout}");
        let terminal = Terminal::menu(&dir, (name, ""), &options, &disk, (80, 24));
        let shown = terminal.wait_for("status 0");
        assert!(shown.contains("dry run: nothing was loaded"), "{shown}");
    }
}

#[test]
fn one_menu_is_on_two_terminals() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let second = Terminal::start(&dir, "b", "stty -echo; echo ready; sleep 1000", (60, 12));
    second.wait_for("ready");
    let tty = second.tmux(&["display-message", "-p", "#{pane_tty}"]);
    assert!(Path::new(tty.trim()).exists());
    let options = format!("--terminal {}", tty.trim());
    let first = Terminal::menu(&dir, ("a", ""), &options, &disk, (80, 24));
    first.wait_for(">1 * Debian");
    second.wait_for(">1 * Debian");
    second.press(&["Down"]);
    first.wait_for(">2   Debian (6.1)");
    second.wait_for(">2   Debian (6.1)");
    first.press(&["q"]);
    first.wait_for("status 0");
}

#[test]
fn without_a_terminal_there_is_no_menu() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let command = env!("CARGO_BIN_EXE_pilotlight");
    let output = tool("setsid")
        .arg("-w")
        .args([command, "menu", disk.path()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("pilotlight: /dev/tty: no menu can be shown there: "),
        "{error}"
    );
}
