//! RFC 4733 events that come.

use super::Event;
use crate::limits::EVENT_LATE_SAMPLES_MAX;
use crate::rtp::timestamp_distance;

/// Recognises each digit once, when it ended: by its end packet, or, those being lost, by what comes after it.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    newest: Option<Heard>,
}

/// The newest event.
#[derive(Clone, Copy, Debug)]
struct Heard {
    timestamp: u32,
    event: Event,
    reported: bool,
}

/// How long after the last known end of an event sound proves that it is over, samples. Some phones send sound beside
/// the event.
const PROOF_SAMPLES: i32 = 800;

impl Detector {
    /// An event packet came. Returns the digits that ended: two when one packet proves the end of both.
    pub fn handle_event(&mut self, timestamp: u32, event: Event) -> [Option<char>; 2] {
        let mut before = None;
        match &mut self.newest {
            Some(known) if continues(known, timestamp, event) => {
                known.timestamp = timestamp;
                known.event.duration = event.duration;
            }
            Some(known) if is_late(timestamp_distance(known.timestamp, timestamp)) => return [None, None],
            Some(known) if known.timestamp == timestamp => {
                known.event.duration = known.event.duration.max(event.duration);
            }
            newest => {
                before = newest.as_mut().and_then(Heard::report);
                *newest = Some(Heard { timestamp, event, reported: false });
            }
        }
        let ended = self.newest.as_mut().filter(|_| event.end).and_then(Heard::report);
        [before, ended]
    }

    /// A packet of sound came. Returns the digit whose end packets were all lost.
    pub fn handle_sound(&mut self, timestamp: u32) -> Option<char> {
        let known = self.newest.as_mut().filter(|known| !known.reported)?;
        let after_start = timestamp_distance(known.timestamp, timestamp);
        (after_start >= i32::from(known.event.duration) + PROOF_SAMPLES).then(|| known.report())?
    }
}

/// Whether an event that began so many samples after the newest is an earlier one, out of order. Further back lies another
/// clock: the sender began anew.
pub(super) fn is_late(after: i32) -> bool {
    (-EVENT_LATE_SAMPLES_MAX..0).contains(&after)
}

/// A key held longer than a duration can say goes on as a new segment at the end of the last (RFC 4733 §2.5.1.3).
fn continues(known: &Heard, timestamp: u32, event: Event) -> bool {
    let full = u16::MAX;
    known.event.duration == full
        && known.event.code == event.code
        && !known.reported
        && timestamp == known.timestamp.wrapping_add(u32::from(full))
}

impl Heard {
    fn report(&mut self) -> Option<char> {
        let first = !self.reported;
        self.reported = true;
        self.event.digit().filter(|_| first)
    }
}
