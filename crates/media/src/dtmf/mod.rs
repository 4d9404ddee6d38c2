//! Digits: as RFC 4733 events and as tones (ITU-T Q.23, Q.24), recognised, dialled, and carried from one form into the
//! other.
//!
//! Whatever its form, a key that is held down is a [`Key`]: `events` and `tones` make them of what comes, `keypad` plays
//! them to a far end in the form that it understands.

mod events;
mod keypad;
#[cfg(test)]
mod tests;
mod tones;

pub use events::Detector;
pub use keypad::{Dialled, Keypad};
pub use tones::{Tones, fill};

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
        digit(self.code)
    }
}

/// What is known of a key that a far end holds down, or has let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which: 0–15.
    pub code: u8,
    /// When it went down, as RTP timestamp: tells one press from the next.
    pub down_at: u32,
    /// How long it is down, or was, samples.
    pub duration: u16,
    /// It was let go.
    pub up: bool,
}

impl Key {
    /// What an event packet with this timestamp says, if it is about a digit.
    pub fn of_event(timestamp: u32, event: Event) -> Option<Key> {
        let Event { code, end, volume: _, duration } = event;
        digit(code).map(|_| Key { code, down_at: timestamp, duration, up: end })
    }
}

/// The event code of a digit.
pub fn code(digit: char) -> Option<u8> {
    let at = DIGITS.iter().position(|known| char::from(*known) == digit.to_ascii_uppercase())?;
    u8::try_from(at).ok()
}

/// The digit of an event code.
pub fn digit(code: u8) -> Option<char> {
    DIGITS.get(usize::from(code)).map(|digit| char::from(*digit))
}
