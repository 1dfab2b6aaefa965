//! Time that was computed: what else a workstation does is not in it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What this thread has computed so far.
pub(crate) fn computed() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}
