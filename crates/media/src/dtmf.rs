//! Digits as RFC 4733 events: read, recognised once each, and dialled.

use std::collections::VecDeque;

use crate::limits::{DIGITS_MAX, EVENT_LATE_SAMPLES_MAX};
use crate::rtp::timestamp_distance;

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// The payload of an event packet (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What: 0–15 are digits.
    pub code: u8,
    /// The event is over, `duration` is final.
    pub end: bool,
    /// Level below 0 dBm0, dB.
    pub volume: u8,
    /// So far, samples.
    pub duration: u16,
}

impl Event {
    /// Reads the first event of a payload.
    pub fn read(payload: &[u8]) -> Option<Event> {
        let [code, flags, high, low] = *payload.first_chunk()?;
        let duration = u16::from_be_bytes([high, low]);
        Some(Event { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    /// As it goes on the wire.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, if self.end { 0x80 } else { 0 } | self.volume & 0x3f, high, low]
    }

    /// The digit, if it is one.
    pub fn digit(self) -> Option<char> {
        DIGITS.get(usize::from(self.code)).map(|digit| char::from(*digit))
    }
}

/// The event code of a digit.
pub fn code(digit: char) -> Option<u8> {
    let at = DIGITS.iter().position(|known| char::from(*known) == digit.to_ascii_uppercase())?;
    u8::try_from(at).ok()
}

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
fn is_late(after: i32) -> bool {
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

/// Dials digits: 100 ms each, the end sent three times (RFC 4733 §2.5.1.4), 200 ms from digit to digit.
#[derive(Clone, Debug, Default)]
pub struct Dialler {
    waiting: VecDeque<u8>,
    tick: u16,
}

/// What a dialler sends in one frame of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// This event; `first` when it begins with this packet.
    Event {
        /// The payload.
        event: Event,
        /// A new event: new timestamp, marker.
        first: bool,
    },
    /// Nothing, between two digits.
    Pause,
}

const FRAME: u16 = 160;
const TONE_TICKS: u16 = 5;
const END_TICKS: u16 = 3;
const DIGIT_TICKS: u16 = 10;
const VOLUME_DB: u8 = 10;

impl Dialler {
    /// Adds digits; what is not a digit, or does not fit, is left out.
    pub fn dial(&mut self, digits: &str) {
        let room = DIGITS_MAX.saturating_sub(self.waiting.len());
        self.waiting.extend(digits.chars().filter_map(code).take(room));
    }

    /// Whether there is nothing left to send.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What to send in the next frame; `None` when there is nothing left.
    pub fn next_frame(&mut self) -> Option<Dialled> {
        let code = *self.waiting.front()?;
        let tick = self.tick;
        self.tick += 1;
        if self.tick == DIGIT_TICKS {
            self.tick = 0;
            self.waiting.pop_front();
        }
        Some(match tick {
            0..TONE_TICKS => {
                let event = Event { code, end: false, volume: VOLUME_DB, duration: FRAME * (tick + 1) };
                Dialled::Event { event, first: tick == 0 }
            }
            _ if tick < TONE_TICKS + END_TICKS => {
                let event = Event { code, end: true, volume: VOLUME_DB, duration: FRAME * TONE_TICKS };
                Dialled::Event { event, first: false }
            }
            _ => Dialled::Pause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Dials and returns the packets with their timestamps; `u32::MAX - 1000` makes them wrap.
    fn packets(digits: &str) -> Vec<(u32, Event)> {
        let mut dialler = Dialler::default();
        dialler.dial(digits);
        let (mut at, mut start) = (u32::MAX - 1000, 0);
        let mut packets = Vec::new();
        while let Some(dialled) = dialler.next_frame() {
            if let Dialled::Event { event, first } = dialled {
                start = if first { at } else { start };
                packets.push((start, event));
            }
            at = at.wrapping_add(u32::from(FRAME));
        }
        assert!(dialler.is_idle());
        packets
    }

    fn detected(packets: impl IntoIterator<Item = (u32, Event)>) -> String {
        let mut detector = Detector::default();
        packets.into_iter().flat_map(|(at, event)| detector.handle_event(at, event)).flatten().collect()
    }

    #[test]
    fn what_is_dialled_is_detected() {
        assert_eq!(detected(packets("0123456789*#ABCD")), "0123456789*#ABCD");
        assert_eq!(detected(packets("11x2b")), "112B");
        assert_eq!(packets("5").len(), 8);
    }

    #[test]
    fn a_digit_without_its_end_packets_is_reported_by_what_comes_after_it() {
        let without_ends: Vec<_> = packets("12").into_iter().filter(|(_, event)| !event.end).collect();
        assert_eq!(detected(without_ends.clone()), "1");
        let mut detector = Detector::default();
        let (start, _) = without_ends[0];
        for (at, event) in without_ends.into_iter().take(5) {
            assert_eq!(detector.handle_event(at, event), [None, None]);
        }
        assert_eq!(detector.handle_sound(start.wrapping_add(800)), None);
        assert_eq!(detector.handle_sound(start.wrapping_add(1600)), Some('1'));
        assert_eq!(detector.handle_sound(start.wrapping_add(1760)), None);
    }

    #[test]
    fn a_key_held_for_ten_seconds_is_one_digit() {
        let event = |end, duration| Event { code: 7, end, volume: 10, duration };
        let packets = [
            (1000, event(false, 65_440)),
            (1000, event(false, 65_535)),
            (66_535, event(false, 160)),
            (66_535, event(true, 14_465)),
        ];
        assert_eq!(detected(packets), "7");
    }

    #[test]
    fn a_sender_that_begins_anew_is_heard() {
        let event = Event { code: 7, end: true, volume: 10, duration: 800 };
        assert_eq!(detected([(3_000_000, event), (2_999_000, event), (1000, event), (3800, event)]), "777");
    }

    #[test]
    fn more_digits_than_fit_are_left_out() {
        assert_eq!(detected(packets(&"1".repeat(DIGITS_MAX + 9))).len(), DIGITS_MAX);
    }

    proptest! {
        #[test]
        fn loss_and_duplicates_never_invent_or_repeat_a_digit(
            digits in "[0-9*#]{1,8}", fate in prop::collection::vec(0u8..3, 64),
        ) {
            let sent = packets(&digits);
            let kept = sent.iter().zip(&fate).flat_map(|(packet, fate)| vec![*packet; usize::from(*fate)]);
            let kept: Vec<_> = kept.collect();
            let mut expected = String::new();
            let mut starts: Vec<u32> = kept.iter().map(|(at, _)| *at).collect();
            starts.dedup();
            for (n, start) in starts.iter().enumerate() {
                let of = || kept.iter().filter(|(at, _)| at == start);
                let ended = of().any(|(_, event)| event.end) || n + 1 < starts.len();
                expected.extend(of().next().and_then(|(_, event)| event.digit()).filter(|_| ended));
            }
            prop_assert_eq!(detected(kept), expected);
        }

        #[test]
        fn payloads_are_read_as_written(bytes in any::<[u8; 4]>()) {
            let event = Event::read(&bytes).expect("four bytes");
            let reserved_cleared = [bytes[0], bytes[1] & 0xbf, bytes[2], bytes[3]];
            prop_assert_eq!(event.to_bytes(), reserved_cleared);
        }
    }
}
