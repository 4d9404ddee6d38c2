//! The health of one way: what is passed over, and when it is tried again.
//!
//! ```text
//!          failure                                   any answer
//! Working ────────▶ Resting (10 s, 20 s … 300 s) ─────────────▶ Working
//!                      │ the rest is over                          ▲
//!                      └──▶ asked by a ping; where pings say ──────┘
//!                           nothing, tried by the next call
//! ```

use std::time::Duration;

use base::Mono;

use crate::api::TrunkFault;
use crate::limits::{TRUNK_REST_MAX, TRUNK_REST_MIN};

/// The shortest rest, also for a far end that wants to be tried again at once; each failure in a row doubles it.
const REST_LEAST: Duration = Duration::from_secs(1);

/// How one way does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    state: State,
    /// Failures since the last good answer: each makes the next rest longer.
    failures: u32,
    pings: Pings,
}

/// How long a way is passed over from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) time: Duration,
    pub(super) news: News,
}

/// Whether that is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was in order until now.
    New,
    /// It was tried again after a rest.
    Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    Resting { until: Mono, fault: TrunkFault },
}

/// What pings say of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pings {
    /// Nothing: none is sent, or none was ever answered well. Many carriers take calls and answer no OPTIONS.
    Silent,
    /// One was answered well: when they are not any more, nobody is there.
    Heard,
}

impl Health {
    /// In order until something else is known.
    pub(super) fn new() -> Health {
        Health { state: State::Working, failures: 0, pings: Pings::Silent }
    }

    /// Whether calls had better go this way.
    pub(super) fn is_working(&self, now: Mono) -> bool {
        match (self.state, self.pings) {
            (State::Working, _) => true,
            // No call need find out what a ping does.
            (State::Resting { .. }, Pings::Heard) => false,
            (State::Resting { until, .. }, Pings::Silent) => until <= now,
        }
    }

    /// Whether it is out of order because nobody is heard there.
    pub(super) fn is_silent(&self) -> bool {
        match self.state {
            State::Resting { fault: TrunkFault::Silent, .. } => true,
            State::Resting { fault: TrunkFault::Unavailable, .. } | State::Working => false,
        }
    }

    /// A call was answered, whatever the answer was. True when the way was out of order.
    pub(super) fn answered(&mut self) -> bool {
        self.failures = 0;
        std::mem::replace(&mut self.state, State::Working) != State::Working
    }

    /// A ping was answered well. True when the way was out of order.
    pub(super) fn ping_answered(&mut self) -> bool {
        self.pings = Pings::Heard;
        self.answered()
    }

    /// A ping was not answered. Some: the way is passed over for so long.
    pub(super) fn ping_unanswered(&mut self, now: Mono) -> Option<Rest> {
        match self.pings {
            Pings::Silent => None,
            Pings::Heard => self.failed(now, TrunkFault::Silent, None),
        }
    }

    /// It failed; for how long it is passed over, unless it is already. `again_after` is what it asked for itself.
    pub(super) fn failed(
        &mut self,
        now: Mono,
        fault: TrunkFault,
        again_after: Option<Duration>,
    ) -> Option<Rest> {
        let news = match self.state {
            State::Working => News::New,
            // Calls that were on their way together say the same thing once.
            State::Resting { until, .. } if until > now => return None,
            State::Resting { .. } => News::Again,
        };
        let doubled = 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let asked_for = match fault {
            TrunkFault::Unavailable => again_after,
            TrunkFault::Silent => None,
        };
        let time = asked_for.map_or(TRUNK_REST_MIN * doubled, |asked| asked.max(REST_LEAST * doubled));
        let time = time.min(TRUNK_REST_MAX);
        self.state = State::Resting { until: now + time, fault };
        Some(Rest { time, news })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(seconds)
    }

    fn rest(health: &mut Health, now: Mono) -> Option<u64> {
        health.failed(now, TrunkFault::Silent, None).map(|rest| rest.time.as_secs())
    }

    #[test]
    fn rests_grow_to_a_ceiling_and_any_answer_ends_them() {
        let mut health = Health::new();
        let mut now = at(0);
        let mut rests = Vec::new();
        for _ in 0..8 {
            let seconds = rest(&mut health, now).expect("the rest before is over");
            assert!(!health.is_working(now + Duration::from_secs(seconds - 1)));
            now = now + Duration::from_secs(seconds);
            assert!(health.is_working(now), "tried again");
            rests.push(seconds);
        }
        assert_eq!(rests, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert!(health.answered(), "that is news");
        assert!(!health.answered(), "that is not");
        assert_eq!(rest(&mut health, now), Some(10));
    }

    #[test]
    fn what_fails_together_counts_once() {
        let mut health = Health::new();
        assert_eq!(rest(&mut health, at(0)), Some(10));
        assert_eq!(rest(&mut health, at(1)), None);
        assert!(health.is_working(at(10)));
    }

    #[test]
    fn a_far_end_says_itself_when_to_come_again_within_bounds() {
        for (asked, granted) in [(0, 1), (7, 7), (86_400, 300)] {
            let after = Some(Duration::from_secs(asked));
            let rest = Health::new().failed(at(0), TrunkFault::Unavailable, after);
            assert_eq!(rest, Some(Rest { time: Duration::from_secs(granted), news: News::New }));
        }
    }

    #[test]
    fn who_wants_to_be_tried_at_once_time_after_time_is_tried_less_and_less() {
        let mut health = Health::new();
        let mut now = at(0);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300] {
            let rest = health.failed(now, TrunkFault::Unavailable, Some(Duration::ZERO));
            assert_eq!(rest.map(|rest| rest.time.as_secs()), Some(seconds));
            now = now + Duration::from_secs(seconds);
        }
    }

    #[test]
    fn where_pings_are_answered_only_an_answer_ends_a_rest() {
        let mut health = Health::new();
        assert!(!health.ping_answered(), "it was in order");
        assert!(health.ping_unanswered(at(0)).is_some());
        assert!(!health.is_working(at(100)));
        assert!(health.ping_answered());
        assert!(health.is_working(at(100)));
    }

    #[test]
    fn who_never_answered_a_ping_is_judged_by_calls_alone() {
        let mut health = Health::new();
        assert_eq!(health.ping_unanswered(at(0)), None);
        assert!(health.is_working(at(0)));
        assert!(rest(&mut health, at(1)).is_some());
        assert!(!health.is_working(at(10)));
        assert!(health.is_working(at(11)), "a call finds out");
    }
}
