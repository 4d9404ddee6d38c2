//! Whether the control thread keeps up with what comes by SIP.

use std::time::Duration;

use base::Mono;

/// How long the socket may have more than can be taken before strangers are turned away: a burst, such as all phones at
/// once after a power cut, is shorter; and a call bears that its messages are so late.
const BEHIND_AFTER: Duration = Duration::from_millis(200);
/// How long the socket must be emptied again and again before everybody is served: turning away is quick, so that it can
/// be emptied does not yet say that there is less to do.
const AHEAD_AFTER: Duration = Duration::from_secs(3);

/// Judges by whether the socket could be emptied each time that it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// The socket was empty when it was read last.
    #[default]
    Ahead,
    /// It has not been empty since then.
    Falling(Mono),
    /// For too long.
    Behind,
    /// It has been emptied each time since then.
    Recovering(Mono),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    FellBehind,
    CaughtUp,
}

impl Pace {
    /// The socket was read, or looked at; `emptied`: nothing more was in it.
    pub(super) fn read(&mut self, now: Mono, emptied: bool) -> Option<Change> {
        let change = self.look(now);
        let next = match (*self, emptied) {
            (Pace::Ahead | Pace::Falling(_), true) => Pace::Ahead,
            (Pace::Ahead, false) => Pace::Falling(now),
            (Pace::Falling(since), false) if now.since(since) < BEHIND_AFTER => Pace::Falling(since),
            (Pace::Falling(_), false) => {
                *self = Pace::Behind;
                return Some(Change::FellBehind);
            }
            (Pace::Behind, true) => Pace::Recovering(now),
            (Pace::Recovering(since), true) => Pace::Recovering(since),
            (Pace::Behind | Pace::Recovering(_), false) => Pace::Behind,
        };
        *self = next;
        change
    }

    /// Time has passed, perhaps without anything to read.
    fn look(&mut self, now: Mono) -> Option<Change> {
        if self.next_timeout().is_none_or(|at| at > now) {
            return None;
        }
        *self = Pace::Ahead;
        Some(Change::CaughtUp)
    }

    /// When to look again though there may be nothing to read.
    pub(super) fn next_timeout(&self) -> Option<Mono> {
        match *self {
            Pace::Recovering(since) => Some(since + AHEAD_AFTER),
            Pace::Ahead | Pace::Falling(_) | Pace::Behind => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_no_overload() {
        let mut pace = Pace::default();
        for ms in (0..10_000).step_by(100) {
            assert_eq!(pace.read(at(ms), false), None);
            assert_eq!(pace.read(at(ms + 99), false), None);
            assert_eq!(pace.read(at(ms + 99), true), None, "emptied in time");
        }
    }

    #[test]
    fn who_never_sees_the_socket_empty_is_behind_and_says_so_once() {
        let mut pace = Pace::default();
        let changes: Vec<_> =
            (0..5_000).filter_map(|ms| pace.read(at(ms), false).map(|change| (ms, change))).collect();
        assert_eq!(changes, [(200, Change::FellBehind)]);
    }

    #[test]
    fn it_takes_some_time_of_empty_sockets_to_have_caught_up() {
        let mut pace = Pace::Behind;
        assert_eq!(pace.read(at(0), true), None);
        assert_eq!(pace.read(at(2_900), true), None);
        assert_eq!(pace.read(at(2_950), false), None, "not yet after all");
        assert_eq!(pace.read(at(3_000), true), None);
        assert_eq!(pace.read(at(5_999), true), None);
        assert_eq!(pace.read(at(6_000), true), Some(Change::CaughtUp));
        assert_eq!(pace, Pace::Ahead);
    }

    #[test]
    fn when_nothing_comes_any_more_it_has_caught_up_too() {
        let mut pace = Pace::Behind;
        pace.read(at(0), true);
        assert_eq!(pace.next_timeout(), Some(at(3_000)));
        assert_eq!(pace.read(at(2_999), true), None);
        assert_eq!(pace.read(at(3_000), true), Some(Change::CaughtUp));
        assert_eq!((pace.next_timeout(), pace.read(at(9_000), true)), (None, None));
    }

    #[test]
    fn who_caught_up_while_nobody_looked_may_fall_behind_again() {
        let mut pace = Pace::Recovering(at(0));
        assert_eq!(pace.read(at(4_000), false), Some(Change::CaughtUp));
        assert_eq!(pace, Pace::Falling(at(4_000)));
    }
}
