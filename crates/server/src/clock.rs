//! The clocks of the process.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::{Mono, Now, Wall};
use rustix::event::Timespec;

/// The process's two clocks. Copies agree with each other: `mono` counts from the same moment in all.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
}

impl Clock {
    /// A clock whose `mono` begins now.
    pub fn start() -> Clock {
        Clock { begin: Instant::now() }
    }

    /// Both clocks, read once.
    pub fn now(&self) -> Now {
        Now { mono: self.mono(), wall: wall() }
    }

    /// The monotonic clock alone.
    pub fn mono(&self) -> Mono {
        Mono::from_micros(u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment of `mono` as the runtime's timers want it.
    pub fn instant(&self, at: Mono) -> Instant {
        self.begin + at.since(Mono::ZERO)
    }
}

impl crate::http::ports::Clock for Clock {
    fn now(&self) -> Now {
        Clock::now(self)
    }
}

fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A wait as epoll wants it.
pub(crate) fn timespec(wait: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait.subsec_nanos()),
    }
}
