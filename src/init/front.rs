//! The menu in the loader: a thread that has the terminals, and nothing to do with disks.
//!
//! The consoles are those of process 1 until something is to be shown. Then it is asked for them, and writes no line
//! until this process has ended.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::console;
use super::desk::Desk;
use super::log::LOG;
use super::report::Report;
use super::shell::Shell;
use crate::measure::{self, Measured};
use crate::menu::{Charset, Event, Kind, Menu, Model, Permissions, Terminal, Tty, Wish};
use crate::policy;
use crate::text::Printable;

/// After so long without an answer process 1 is asked again.
const ASK: Duration = Duration::from_secs(1);

/// How often progress is painted, and a shell looked at.
const SHOW: Duration = Duration::from_millis(100);

/// Who writes to the consoles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consoles {
    /// Process 1.
    Theirs,
    /// It was asked for them then.
    Asked(Instant),
    /// The menu.
    Ours,
}

/// The thread of the menu.
struct Front {
    desk: Arc<Desk>,
    report: Arc<Report>,
    menu: Menu,
    /// The devices of the terminals, in the order in which the menu has them.
    devices: Vec<String>,
    start: Instant,
    consoles: Consoles,
    /// An attempt is being made, or files are read to be judged.
    attempt: bool,
    shell: Option<Shell>,
    /// After so long without a key, who had a shell has gone.
    idle: Option<Duration>,
}

/// Starts the menu on all consoles. Where none can be opened it ends by itself.
pub(super) fn start(
    desk: &Arc<Desk>,
    report: &Arc<Report>,
    policy: policy::Menu,
    permissions: Permissions,
    about: Vec<String>,
) {
    let (its, report) = (desk.clone(), report.clone());
    let run = move || {
        let mut front = Front::new(its, report, permissions, about, &policy);
        front.open(console::active(), &policy);
        front.run();
    };
    if let Err(error) = std::thread::Builder::new().spawn(run) {
        desk.close();
        log::warn!("no menu: {error}");
    }
}

impl Front {
    fn new(
        desk: Arc<Desk>,
        report: Arc<Report>,
        permissions: Permissions,
        about: Vec<String>,
        policy: &policy::Menu,
    ) -> Front {
        let title = "Pilotlight".to_owned();
        let model = Model::new(title, about, permissions, None, Duration::ZERO)
            .with_limits(policy.timeout.idle, policy.timeout.stay);
        let own = policy.clone();
        let mut menu = Menu::new(model, Box::new(move |text| own.is_password(text)));
        menu.set_quiet(true);
        // What was before this loader.
        for line in std::fs::read_to_string(LOG).unwrap_or_default().lines() {
            menu.tell(Event::Log(line.to_owned()));
        }
        Front {
            desk,
            report,
            menu,
            devices: Vec::new(),
            start: Instant::now(),
            consoles: Consoles::Theirs,
            attempt: false,
            shell: None,
            idle: policy.timeout.idle,
        }
    }

    /// Opens the consoles. None waits for a carrier or for what it has to send.
    fn open(&mut self, names: Vec<String>, policy: &policy::Menu) {
        for name in names {
            let device = format!("/dev/{name}");
            let kind = match console::knows_sequences(&name, policy) {
                true => Kind::Vt100,
                false => Kind::Lines,
            };
            if let Ok(tty) = Tty::open(Path::new(&device)) {
                let terminal = Terminal::new(Box::new(tty), kind, Charset::Ascii);
                self.menu.add(terminal);
                self.devices.push(device);
            }
        }
    }

    /// Shows and listens until there is no terminal any more.
    fn run(&mut self) {
        while self.menu.has_terminals() {
            self.turn();
            self.wait();
        }
        self.desk.close();
    }

    /// Does what there is to do, and does not wait.
    fn turn(&mut self) {
        let (events, call) = self.desk.events();
        let now = self.start.elapsed();
        // What is told has happened now, and not when a key was pressed last.
        self.menu.clock(now);
        let mut wishes = Vec::new();
        for event in events {
            self.attempt &= !matches!(event, Event::Failed(..) | Event::Described(_));
            wishes.extend(self.menu.tell(event));
        }
        self.look_at_consoles();
        self.look_at_shell();
        // The keys are the shell's, as long as there is one.
        if self.shell.is_none() {
            if let (true, Some(step)) = (self.attempt, self.desk.step()) {
                self.menu.tell(Event::Progress(step));
            }
            wishes.extend(self.menu.turn(now));
        }
        self.ask_for_consoles();
        if wishes.contains(&Wish::Shell) {
            wishes.retain(|wish| *wish != Wish::Shell);
            wishes.extend(self.start_shell());
        }
        let reads = |wish: &Wish| matches!(wish, Wish::Start(_) | Wish::Prove(_));
        if wishes.iter().any(reads) {
            // What another attempt has come to is no step of this one.
            self.desk.set_step(None);
            self.attempt = true;
        }
        self.attempt &= !wishes.contains(&Wish::Leave);
        let holds = self.menu.holds() || self.shell.is_some();
        self.desk.turn(call, wishes, holds);
    }

    /// Asks process 1 for the consoles where something is to be shown, and again where no answer has come.
    fn ask_for_consoles(&mut self) {
        let waits = match self.consoles {
            Consoles::Theirs => false,
            Consoles::Asked(then) => then.elapsed() < ASK,
            Consoles::Ours => true,
        };
        if !self.menu.is_hidden() && !waits {
            self.report.ask_for_consoles();
            self.consoles = Consoles::Asked(Instant::now());
        }
    }

    /// Begins to show when process 1 has left the consoles.
    fn look_at_consoles(&mut self) {
        if matches!(self.consoles, Consoles::Asked(_)) && self.report.has_consoles() {
            self.consoles = Consoles::Ours;
            self.menu.set_quiet(self.shell.is_some());
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) {
        let mut timeout = self.menu.timeout(self.start.elapsed());
        let shows = self.attempt && self.consoles == Consoles::Ours;
        if shows || self.shell.is_some() {
            timeout = Some(timeout.map_or(SHOW, |timeout| timeout.min(SHOW)));
        }
        let mut fds = vec![PollFd::from_borrowed_fd(self.desk.told(), PollFlags::IN)];
        if matches!(self.consoles, Consoles::Asked(_)) {
            timeout = Some(timeout.map_or(ASK, |timeout| timeout.min(ASK)));
            let answer = self.report.answer();
            fds.extend(answer.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        }
        if self.shell.is_none() {
            fds.extend(self.menu.fds().map(|(fd, writes)| {
                let flags = match writes {
                    true => PollFlags::IN | PollFlags::OUT,
                    false => PollFlags::IN,
                };
                PollFd::from_borrowed_fd(fd, flags)
            }));
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // An error means that nothing was waited for, and the next turn comes early.
        let _ = rustix::event::poll(&mut fds, timeout.as_ref());
    }

    /// Gives the terminal that asks for it to a shell. Nothing is shown on the others meanwhile. What was measured is
    /// to be written down.
    fn start_shell(&mut self) -> Option<Wish> {
        let device = self.menu.asker().and_then(|i| self.devices.get(i))?;
        let measured = match Measured::shell(&|| self.desk.stay()) {
            Ok(measured) => measured,
            Err(error) => {
                let text = format!("{}: {error}", measure::UNTOLD);
                log::warn!("{text}");
                self.menu.tell(Event::Say(text));
                return None;
            }
        };
        let words = measured.words();
        log::info!("{words}");
        self.menu.tell(Event::About(words.to_owned()));
        self.report.ask_for_log();
        self.menu.release(true);
        match Shell::start(device, measured) {
            Ok(shell) => {
                log::info!("a shell on {}", Printable(device));
                self.shell = Some(shell);
                self.menu.set_quiet(true);
            }
            Err(error) => {
                self.menu.release(false);
                self.menu.tell(Event::Say(format!("no shell: {error}")));
            }
        }
        Some(Wish::Report(words))
    }

    fn look_at_shell(&mut self) {
        let Some(shell) = &mut self.shell else {
            return;
        };
        if !shell.has_ended() {
            return shell.limit(self.idle);
        }
        // What it has started, and left behind, goes with it.
        shell.end();
        if shell.is_forgotten() {
            log::info!("nobody has pressed a key in the shell for long: it was ended");
        } else {
            log::info!("the shell has ended");
            self.menu.stay(self.start.elapsed());
        }
        self.shell = None;
        self.menu.release(false);
        self.menu.set_quiet(self.consoles != Consoles::Ours);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::Step;
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};
    use std::rc::Rc;

    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

    use crate::config::Found;
    use crate::entry::BootEntry;
    use crate::fs::MemoryFilesystem;
    use crate::init::message::YOURS;
    use crate::inventory::Inventory;
    use crate::menu::{Access, Choice, Listing, Port, Size, Timeout};

    /// What was typed at a terminal, and what was sent there.
    #[derive(Clone, Default)]
    struct Line(Rc<RefCell<(VecDeque<u8>, Vec<u8>)>>);

    impl Line {
        fn press(&self, keys: &str) {
            self.0.borrow_mut().0.extend(keys.bytes());
        }

        fn sent(&self) -> String {
            let sent = std::mem::take(&mut self.0.borrow_mut().1);
            String::from_utf8(sent).unwrap()
        }
    }

    impl Port for Line {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(byte) = self.0.borrow_mut().0.pop_front() else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            buffer[0] = byte;
            Ok(1)
        }
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().1.extend(bytes);
            Ok(bytes.len())
        }
        fn is_writable(&self) -> bool {
            true
        }
        fn size(&self) -> Option<Size> {
            Some(Size::VT100)
        }
        fn fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }
        fn set_raw(&mut self, _: bool) {}
    }

    /// A menu with one terminal, process 1 at the other end of the channel, and the work at the desk.
    struct Machine {
        front: Front,
        desk: Arc<Desk>,
        line: Line,
        channel: OwnedFd,
    }

    impl Machine {
        fn new() -> Machine {
            let (channel, theirs) = rustix::net::socketpair(
                AddressFamily::UNIX,
                SocketType::SEQPACKET,
                SocketFlags::CLOEXEC,
                None,
            )
            .unwrap();
            let desk = Arc::new(Desk::new().unwrap());
            desk.open();
            let permissions = Permissions {
                choose: Access::Yes,
                shell: Access::Yes,
                ..Permissions::default()
            };
            let report = Arc::new(Report::new(Some(theirs)));
            let policy = policy::Menu::default();
            let mut front = Front::new(desk.clone(), report, permissions, Vec::new(), &policy);
            let line = Line::default();
            let terminal = Terminal::new(Box::new(line.clone()), Kind::Vt100, Charset::Ascii);
            front.menu.add(terminal);
            Machine {
                front,
                desk,
                line,
                channel,
            }
        }

        /// The disks have these entries, of which the first is started without a person.
        fn find(&self, ids: &[&str]) {
            let mut inventory = Inventory::new();
            inventory.add_filesystem("uuid", Box::new(MemoryFilesystem::new()));
            let entries = ids.iter().map(|id| BootEntry::on_disk(0, id));
            let found = Found {
                entries: entries.collect(),
                ..Found::default()
            };
            let listing = Listing::new(&inventory, &found, ids.first().copied());
            self.desk.tell(Event::Found(listing));
        }

        /// There is something to start.
        fn begin(&self, seconds: u64) {
            self.desk.tell(Event::Begin(Timeout {
                wait: Some(Duration::from_secs(seconds)),
                ..Timeout::default()
            }));
        }

        fn turn(&mut self) -> Vec<Wish> {
            self.front.turn();
            self.desk.wishes()
        }

        /// What process 1 was told.
        fn asked(&self) -> String {
            let mut buffer = [0; 64];
            match rustix::net::recv(&self.channel, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, length)) => String::from_utf8(buffer[..length].to_vec()).unwrap(),
                Err(_) => String::new(),
            }
        }

        fn give_consoles(&self) {
            rustix::net::send(&self.channel, YOURS, SendFlags::empty()).unwrap();
        }
    }

    /// As the policy has it where it says nothing.
    const IDLE: Duration = Duration::from_secs(300);

    fn is_start(wishes: &[Wish], wanted: &str, person: bool) -> bool {
        matches!(wishes, [Wish::Start(Choice { id, by_person, .. })] if id == wanted && *by_person == person)
    }

    #[test]
    fn without_a_time_and_a_key_it_starts_and_shows_nothing() {
        let mut machine = Machine::new();
        machine.line.press("x\r");
        assert_eq!(machine.turn(), []);
        assert_eq!(machine.turn(), []);
        machine.find(&["a", "b"]);
        machine.begin(0);
        assert!(is_start(&machine.turn(), "a", false));
        machine.desk.set_step(Some(Step::Read(1, 2)));
        assert_eq!(machine.turn(), []);
        assert!(!machine.desk.holds());
        // It fails, and so does what is tried then; a disk that comes later is started at once.
        machine.find(&[]);
        let failed = Event::Failed("unreadable".to_owned(), Some(Duration::ZERO));
        machine.desk.tell(failed);
        assert_eq!(machine.turn(), []);
        assert!(!machine.desk.holds());
        machine.find(&["c"]);
        assert!(is_start(&machine.turn(), "c", false));
        assert_eq!((machine.line.sent(), machine.asked()), Default::default());
    }

    #[test]
    fn it_shows_itself_when_process_1_has_left_the_consoles() {
        let mut machine = Machine::new();
        machine.line.press(" ");
        machine.find(&["a", "b"]);
        machine.begin(0);
        assert_eq!(machine.turn(), []);
        assert!(machine.desk.holds());
        assert_eq!(machine.asked(), "menu");
        assert_eq!((machine.turn(), machine.line.sent()), Default::default());
        machine.give_consoles();
        machine.turn();
        assert!(machine.line.sent().contains("2   b"));
        assert_eq!(machine.asked(), "");
    }

    #[test]
    fn a_question_for_the_consoles_that_was_lost_is_asked_again() {
        let mut machine = Machine::new();
        machine.line.press(" ");
        machine.turn();
        assert_eq!(machine.asked(), "menu");
        machine.turn();
        assert_eq!(machine.asked(), "");
        let Consoles::Asked(then) = &mut machine.front.consoles else {
            panic!("it was not asked for them");
        };
        *then = then.checked_sub(ASK).unwrap();
        machine.turn();
        assert_eq!(machine.asked(), "menu");
    }

    #[test]
    fn progress_is_painted_and_what_was_chosen_and_fails_comes_back() {
        let mut machine = Machine::new();
        machine.line.press(" ");
        machine.find(&["a", "b"]);
        machine.turn();
        machine.give_consoles();
        machine.line.press("2");
        machine.turn();
        machine.line.press("\r");
        assert!(is_start(&machine.turn(), "b", true));
        machine.desk.set_step(Some(Step::Read(10 << 20, 40 << 20)));
        machine.line.sent();
        machine.turn();
        let sent = machine.line.sent();
        assert!(sent.contains("10.0 MiB of 40.0 MiB"), "{sent:?}");
        machine
            .desk
            .tell(Event::Failed("unreadable".to_owned(), None));
        machine.turn();
        let sent = machine.line.sent();
        assert!(
            sent.contains("unreadable") && sent.contains("   b"),
            "{sent:?}"
        );
        assert!(machine.desk.holds());
        // Nobody starts anything by himself.
        machine.begin(0);
        assert_eq!(machine.turn(), []);
    }

    #[test]
    fn a_countdown_is_shown_and_any_key_stops_it() {
        let mut machine = Machine::new();
        machine.find(&["a"]);
        machine.begin(600);
        machine.give_consoles();
        machine.turn();
        machine.turn();
        assert!(machine.line.sent().contains("Starting in 600 s: a"));
        assert!(machine.desk.holds());
        machine.line.press("x");
        machine.turn();
        assert!(!machine.line.sent().contains("Starting"));
        assert!(machine.desk.holds());
    }

    /// Noise that looks like somebody, on a machine with nothing to start.
    #[test]
    fn who_came_before_there_is_anything_and_has_gone_holds_nothing_up() {
        let mut machine = Machine::new();
        machine.line.press(" ");
        machine.turn();
        assert!(machine.desk.holds());
        machine.front.start = machine.front.start.checked_sub(IDLE).unwrap();
        machine.turn();
        assert!(!machine.desk.holds());
        // What comes later is started at once, and a key still brings the menu.
        machine.find(&["a"]);
        machine.begin(0);
        assert!(is_start(&machine.turn(), "a", false));
    }

    #[test]
    fn a_countdown_begins_when_it_is_told_and_not_with_the_last_key() {
        let mut machine = Machine::new();
        machine.turn();
        machine.front.start = machine.front.start.checked_sub(IDLE).unwrap();
        machine.find(&["a"]);
        machine.begin(60);
        assert_eq!(machine.turn(), []);
        assert!(machine.desk.holds());
    }
}
