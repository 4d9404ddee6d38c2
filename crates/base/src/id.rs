use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Wall;

/// Milliseconds since the Unix epoch at which call numbers begin (contract §3).
const SNOWFLAKE_EPOCH_MS: i64 = 1_524_291_141_000;
const WORKER_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }

        impl Serialize for $name {
            /// A string: readers whose numbers are floating-point would lose the last digits.
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

number_id!(
    /// A customer of the product: the appkey, 7–8 digits (contract §3).
    AccountId
);
number_id!(
    /// One call as the customer sees it: `callUniqueId`, a snowflake (contract §3).
    CallId
);
number_id!(
    /// One leg of a call: a dialog and a media stream. Unique for the life of the store.
    LegId
);
number_id!(
    /// One media stream. The stream of a leg has the leg's number.
    StreamId
);
number_id!(
    /// One request to change something, numbered by whoever passes it in; its answer carries the same number.
    CommandId
);
number_id!(
    /// A position in the one ordered log. Gapless, from 1; 0 is "nothing yet".
    LogNo
);

impl LogNo {
    /// The position after this one.
    pub const fn next(self) -> LogNo {
        LogNo(self.0 + 1)
    }
}

impl From<LegId> for StreamId {
    fn from(leg: LegId) -> StreamId {
        StreamId(leg.0)
    }
}

/// Makes call numbers: `(ms − epoch) << 22 | worker << 12 | sequence` (contract §3).
///
/// Numbers strictly increase even when the wall clock steps back.
#[derive(Clone, Debug)]
pub struct Snowflake {
    worker: u64,
    last: u64,
}

impl Snowflake {
    /// A generator for `worker` (0–1023), which goes on after `last`, the highest number ever given out.
    pub fn new(worker: u16, last: u64) -> Snowflake {
        assert!(u32::from(worker) < (1 << WORKER_BITS), "worker {worker} does not fit {WORKER_BITS} bits");
        Snowflake { worker: u64::from(worker), last }
    }

    /// The next number. More than 4,096 in one millisecond borrow from the next.
    pub fn next(&mut self, now: Wall) -> u64 {
        let at = u64::try_from(now.as_millis() - SNOWFLAKE_EPOCH_MS).unwrap_or(0);
        let step = 1 << SEQUENCE_BITS;
        let (last_at, last_seq) = (self.last >> (WORKER_BITS + SEQUENCE_BITS), self.last % step);
        let (at, seq) = match at > last_at {
            true => (at, 0),
            false if last_seq + 1 < step => (last_at, last_seq + 1),
            false => (last_at + 1, 0),
        };
        self.last = at << (WORKER_BITS + SEQUENCE_BITS) | self.worker << SEQUENCE_BITS | seq;
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snowflake_has_the_documented_shape() {
        let mut ids = Snowflake::new(3, 0);
        let now = Wall::from_millis(SNOWFLAKE_EPOCH_MS + 7);
        assert_eq!(ids.next(now), 7 << 22 | 3 << 12);
        assert_eq!(ids.next(now), 7 << 22 | 3 << 12 | 1);
    }

    #[test]
    fn numbers_increase_when_the_clock_steps_back_and_past_a_full_millisecond() {
        let mut ids = Snowflake::new(0, 0);
        let mut last = ids.next(Wall::from_millis(SNOWFLAKE_EPOCH_MS + 10));
        for _ in 0..5000 {
            let next = ids.next(Wall::from_millis(SNOWFLAKE_EPOCH_MS + 9));
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn todays_number_has_nineteen_digits() {
        let id = Snowflake::new(1, 0).next(Wall::from_millis(1_790_000_000_000));
        assert_eq!(CallId(id).to_string().len(), 19);
    }
}
