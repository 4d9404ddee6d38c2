//! Digits that are dialled to a far end: ours, and those of another far end that speaks of digits in another form.
//!
//! A digit of ours lasts 100 ms. A key that another far end holds down is held here from when it is known until it is let
//! go, but no shorter than it was down there, nor than 80 ms, which every exchange recognises (Q.24: 40 ms). Should nothing
//! be heard of it any more it is let go after 200 ms. A pause of 40 ms follows every digit.

use std::collections::VecDeque;

use super::events::is_late;
use super::{Key, code};
use crate::limits::{DIGITS_MAX, MIX_STREAMS_MAX};
use crate::rtp::timestamp_distance;

const DIALLED_TICKS: u32 = 800;
const HELD_TICKS_MIN: u32 = 640;
const HELD_TICKS_MAX: u32 = 60_000;
const UNHEARD_TICKS_MAX: u32 = 1600;
const PAUSE_TICKS: u32 = 320;
/// How often the end of an event is sent (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;

/// Keys on their way to one far end.
#[derive(Clone, Debug, Default)]
pub struct Keypad {
    waiting: VecDeque<Press>,
    phase: Phase,
    /// When the newest key of each other far end went down, of those heard last.
    newest: VecDeque<Newest>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    down_at: u32,
    way: Way,
}

/// How a key of another far end gets to this one. It does not change while the key is down: it would be two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is dialled here.
    Dialled,
    /// The other far end's own packets are passed on.
    Passed,
}

#[derive(Clone, Debug)]
struct Press {
    code: u8,
    length: Length,
}

#[derive(Clone, Debug)]
enum Length {
    /// Chosen here.
    Dialled,
    /// As long as somebody else holds the key.
    Held { ssrc: u32, key: Key, unheard: u32 },
}

/// What becomes of the first press.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Down {
        played: u32,
    },
    /// Its end is said so many times more.
    Up {
        left: u8,
        duration: u32,
    },
    Pause {
        left: u32,
    },
}

impl Default for Phase {
    fn default() -> Phase {
        Phase::Down { played: 0 }
    }
}

/// What a keypad plays in the time of one packet. Times in ticks of 8 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// A key is down.
    Down {
        /// Which.
        code: u8,
        /// How long it was down before this packet.
        before: u32,
        /// And with it.
        duration: u32,
    },
    /// The key was let go: said three times.
    Up {
        /// Which.
        code: u8,
        /// How long it was down.
        duration: u32,
    },
    /// Nothing, between two digits.
    Pause,
}

impl Keypad {
    /// Dials digits; what is not a digit, or does not fit, is left out.
    pub fn dial(&mut self, digits: &str) {
        let room = DIGITS_MAX.saturating_sub(self.waiting.len());
        let presses = digits.chars().filter_map(code).map(|code| Press { code, length: Length::Dialled });
        self.waiting.extend(presses.take(room));
    }

    /// What became known of a key of another far end, which sends as `ssrc`. The first word of it is a press; one that does
    /// not fit is left out.
    pub fn hold(&mut self, ssrc: u32, key: Key) {
        if let Some(held) = self.waiting.iter_mut().find_map(|press| press.held_as(ssrc, key)) {
            let (known, unheard) = held;
            let duration = known.duration.max(key.duration);
            *known = Key { duration, up: known.up || key.up, ..key };
            *unheard = 0;
            self.note(ssrc, key.down_at, Way::Dialled);
            return;
        }
        let newest = self.newest.iter().find(|newest| newest.ssrc == ssrc);
        let after = newest.map(|newest| timestamp_distance(newest.down_at, key.down_at));
        if after.is_some_and(|after| after == 0 || is_late(after)) || self.waiting.len() >= DIGITS_MAX {
            return;
        }
        self.note(ssrc, key.down_at, Way::Dialled);
        self.waiting.push_back(Press { code: key.code, length: Length::Held { ssrc, key, unheard: 0 } });
    }

    /// Whether what a far end's own packet says of a key may be passed on: not when the key was dialled here.
    pub fn may_pass(&mut self, ssrc: u32, key: Key) -> bool {
        let same = |newest: &&Newest| newest.ssrc == ssrc && newest.down_at == key.down_at;
        match self.newest.iter().find(same) {
            Some(newest) => newest.way == Way::Passed,
            None => {
                self.note(ssrc, key.down_at, Way::Passed);
                true
            }
        }
    }

    /// This is the newest key of a far end.
    fn note(&mut self, ssrc: u32, down_at: u32, way: Way) {
        match self.newest.iter_mut().find(|newest| newest.ssrc == ssrc) {
            Some(newest) => (newest.down_at, newest.way) = (down_at, way),
            None => {
                if self.newest.len() >= MIX_STREAMS_MAX {
                    self.newest.pop_front();
                }
                self.newest.push_back(Newest { ssrc, down_at, way });
            }
        }
    }

    /// Whether there is nothing left to play.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What to play in the next packet, which lasts `ticks`; `None` when there is nothing left.
    pub fn next_packet(&mut self, ticks: u32) -> Option<Dialled> {
        let press = self.waiting.front_mut()?;
        let code = press.code;
        if let Phase::Down { played } = self.phase {
            if !press.is_over(played, ticks) {
                let duration = played + ticks;
                self.phase = Phase::Down { played: duration };
                return Some(Dialled::Down { code, before: played, duration });
            }
            self.phase = Phase::Up { left: ENDS, duration: played };
        }
        let dialled = match self.phase {
            Phase::Down { played: duration } | Phase::Up { left: _, duration } => {
                Dialled::Up { code, duration }
            }
            Phase::Pause { .. } => Dialled::Pause,
        };
        self.phase = match self.phase {
            Phase::Down { .. } | Phase::Up { left: 0..=1, duration: _ } => Phase::Pause { left: PAUSE_TICKS },
            Phase::Up { left, duration } => Phase::Up { left: left - 1, duration },
            Phase::Pause { left } if left > ticks => Phase::Pause { left: left - ticks },
            Phase::Pause { .. } => {
                self.waiting.pop_front();
                Phase::default()
            }
        };
        Some(dialled)
    }
}

impl Press {
    /// What is known of the key, if it is this one. A key held longer than a duration can say goes on as a new segment at
    /// the end of the last (RFC 4733 §2.5.1.3).
    fn held_as(&mut self, ssrc: u32, key: Key) -> Option<(&mut Key, &mut u32)> {
        let Length::Held { ssrc: by, key: known, unheard } = &mut self.length else { return None };
        if *by != ssrc {
            return None;
        }
        let next = known.down_at.wrapping_add(u32::from(known.duration));
        let goes_on = known.duration == u16::MAX && !known.up && next == key.down_at;
        (known.code == key.code && (known.down_at == key.down_at || goes_on)).then_some((known, unheard))
    }

    /// Whether it is over, having been played for `duration`. If not, `ticks` more pass.
    fn is_over(&mut self, duration: u32, ticks: u32) -> bool {
        match &mut self.length {
            Length::Dialled => duration >= DIALLED_TICKS,
            Length::Held { ssrc: _, key, unheard } => {
                let known = u32::from(key.duration).max(HELD_TICKS_MIN);
                let let_go = (key.up && duration >= known) || *unheard > UNHEARD_TICKS_MAX;
                *unheard += ticks;
                let_go || duration >= HELD_TICKS_MAX
            }
        }
    }
}
