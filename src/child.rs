//! Work in a child process, for system calls that may hang in the kernel: whoever waits for one of those
//! directly waits for ever, and nothing can end it.
#![allow(unsafe_code)] // fork and _exit

use std::ffi::c_int;
use std::fmt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};

/// The first and the longest pause between two looks at the child: a healthy one ends in microseconds.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(50);

/// How long a child may take to die of a signal that can't be refused, before it counts as hanging.
const DEATH: Duration = Duration::from_millis(200);

/// Why work in a child did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildError {
    /// What the work, or starting the child, failed with.
    Errno(Errno),
    /// It did not end in time.
    Timeout,
    /// Something else killed it.
    Killed,
}

impl std::error::Error for ChildError {}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Errno(errno) => write!(f, "{errno}"),
            ChildError::Timeout => f.write_str("it takes too long"),
            ChildError::Killed => f.write_str("the process that did it was killed"),
        }
    }
}

/// Does `work` in a child process, for at most `limit`; `waiting` is told every now and then how long
/// it takes already. A child that hangs in the kernel can't be killed: it is left behind, and process 1
/// collects it one day. It ends with who waits for it: what it does later would be nobody's.
///
/// `work` may make system calls and nothing else: no allocation, no lock.
pub(crate) fn in_child(
    limit: Duration,
    waiting: &mut dyn FnMut(Duration),
    work: impl Fn() -> Result<(), Errno>,
) -> Result<(), ChildError> {
    run(limit, waiting, &work)
}

/// The same, once for all kinds of work: they are many.
fn run(
    limit: Duration,
    waiting: &mut dyn FnMut(Duration),
    work: &dyn Fn() -> Result<(), Errno>,
) -> Result<(), ChildError> {
    let parent = rustix::process::getpid();
    // SAFETY: the child only makes the system calls of `die_with`, of `work` and `_exit`: it touches no lock and no
    // heap that another thread could have held at this moment.
    let pid = match unsafe { libc::fork() } {
        0 => {
            let code: c_int = match die_with(parent).and_then(|()| work()) {
                Ok(()) => 0,
                Err(errno) => errno.raw_os_error(),
            };
            // SAFETY: it ends the child at once, without handlers of the parent's program.
            unsafe { libc::_exit(code) }
        }
        pid => started(pid).ok_or_else(|| ChildError::Errno(last_errno()))?,
    };
    let in_time = wait(pid, limit, waiting)?;
    if in_time.is_none() {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    // Killed, it is gone in a moment, unless it had just succeeded.
    let status = match in_time {
        Some(status) => status,
        None => wait(pid, DEATH, &mut |_| ())?.ok_or(ChildError::Timeout)?,
    };
    match status.exit_status() {
        Some(0) => Ok(()),
        Some(code) => Err(ChildError::Errno(Errno::from_raw_os_error(code))),
        None if in_time.is_none() => Err(ChildError::Timeout),
        None => Err(ChildError::Killed),
    }
}

/// This process, which `parent` has forked, is killed when that ends.
fn die_with(parent: Pid) -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    match rustix::process::getppid() == Some(parent) {
        true => Ok(()),
        // It has ended before.
        false => Err(Errno::CANCELED),
    }
}

/// Looks at the child until it has ended or the time is over: then `None`.
fn wait(
    pid: Pid,
    limit: Duration,
    waiting: &mut dyn FnMut(Duration),
) -> Result<Option<WaitStatus>, ChildError> {
    let start = Instant::now();
    let mut pause = SHORTEST;
    // Its end ends a pause.
    let end = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok();
    let mut end: Vec<PollFd<'_>> = end
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return Ok(Some(status)),
            Ok(None) | Err(Errno::INTR) => {}
            Err(errno) => return Err(ChildError::Errno(errno)),
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        waiting(start.elapsed());
        let timeout = Timespec::try_from(pause.min(left)).map_err(|_| Errno::INVAL);
        let _ = timeout.and_then(|timeout| rustix::event::poll(&mut end, Some(&timeout)));
        pause = pause.saturating_mul(2).min(LONGEST);
    }
}

/// The process that `fork` made; `None` for its -1.
fn started(result: libc::pid_t) -> Option<Pid> {
    (result > 0).then(|| Pid::from_raw(result)).flatten()
}

/// What the last call through libc failed with.
fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn tells_how_it_ended() {
        assert_eq!(in_child(LONG, &mut |_| (), || Ok(())), Ok(()));
        let refused = in_child(LONG, &mut |_| (), || Err(Errno::NODEV));
        assert_eq!(refused, Err(ChildError::Errno(Errno::NODEV)));
        let killed = in_child(LONG, &mut |_| (), || {
            rustix::process::kill_process(rustix::process::getpid(), Signal::KILL)
        });
        assert_eq!(killed, Err(ChildError::Killed));
    }

    #[test]
    fn one_that_hangs_is_given_up_and_watched_meanwhile() {
        let hang = || -> Result<(), Errno> {
            loop {
                let _ = rustix::thread::nanosleep(&rustix::time::Timespec {
                    tv_sec: 3600,
                    tv_nsec: 0,
                });
            }
        };
        let mut told = Vec::new();
        let limit = Duration::from_millis(50);
        let result = in_child(limit, &mut |time| told.push(time), hang);
        assert_eq!(result, Err(ChildError::Timeout));
        assert!(told.is_sorted() && told.len() > 2, "{told:?}");
    }

    #[test]
    fn a_child_ends_with_its_parent() {
        let (ours, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        // The child forks one that sleeps, and ends.
        let work = || {
            let parent = rustix::process::getpid();
            // SAFETY: there is only one thread in here, and both make nothing but system calls.
            if unsafe { libc::fork() } == 0 {
                let _ = die_with(parent);
                let _ = rustix::io::write(&theirs, b"x");
                let _ = rustix::thread::nanosleep(&rustix::time::Timespec {
                    tv_sec: 3600,
                    tv_nsec: 0,
                });
            }
            let mut byte = [0];
            rustix::io::read(&ours, &mut byte).map(|_| ())
        };
        assert_eq!(in_child(LONG, &mut |_| (), work), Ok(()));
        drop(theirs);
        // Nobody has the other end any more.
        let mut end = [PollFd::new(&ours, PollFlags::HUP)];
        let timeout = Timespec::try_from(LONG).unwrap();
        assert_eq!(rustix::event::poll(&mut end, Some(&timeout)), Ok(1));
    }

    #[test]
    fn a_fork_that_fails_is_no_process() {
        assert_eq!(started(-1), None);
        assert_eq!(started(0), None);
        assert_eq!(started(7), Pid::from_raw(7));
    }
}
