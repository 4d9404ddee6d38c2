use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the monotonic clock, in microseconds since the process (or the simulation) began.
///
/// Compared, never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

/// A point of civil time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Shown and stored, never compared to decide anything: it may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(i64);

/// The two clocks, read once at the border for each input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and durations.
    pub mono: Mono,
    /// For everything that is shown or stored.
    pub wall: Wall,
}

impl Mono {
    /// The moment the clock began.
    pub const ZERO: Mono = Mono(0);

    /// A point `us` microseconds after the clock began.
    pub const fn from_micros(us: u64) -> Mono {
        Mono(us)
    }

    /// Microseconds since the clock began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Mono) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, d: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Wall {
    /// A point `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: i64) -> Wall {
        Wall(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as they are displayed.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, d: Duration) -> Wall {
        Wall(self.0.saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Wall {
    type Output = Wall;

    fn sub(self, d: Duration) -> Wall {
        Wall(self.0.saturating_sub(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Now {
    /// Both clocks moved on by the same amount.
    pub fn later(self, d: Duration) -> Now {
        Now { mono: self.mono + d, wall: self.wall + d }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displayed_seconds_round_down_before_the_epoch_too() {
        assert_eq!(Wall::from_millis(1999).as_secs(), 1);
        assert_eq!(Wall::from_millis(-1).as_secs(), -1);
    }

    #[test]
    fn an_earlier_point_is_no_time_ago() {
        assert_eq!(Mono::from_micros(5).since(Mono::from_micros(9)), Duration::ZERO);
    }
}
