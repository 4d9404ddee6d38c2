//! What is played to a far end, frame by frame: tones, sounds, digits.

use std::net::SocketAddr;
use std::time::Duration;

use crate::api::Source;
use crate::codec::Codec;
use crate::rtp::Stamp;
use crate::sound::Sound;
use crate::tone::Tone;

/// The time between two frames.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// What became of one frame's time.
#[derive(Debug)]
pub(super) enum Played<'a> {
    /// A packet goes out.
    Frame { to: SocketAddr, stamp: Stamp, payload: Payload<'a> },
    /// Nothing goes out: not agreed yet, on hold, or between two digits.
    Quiet,
    /// The sound is over.
    Ended,
}

/// The payload of a packet.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    Sound(&'a [u8]),
    Event([u8; 4]),
}

impl AsRef<[u8]> for Payload<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Payload::Sound(bytes) => bytes,
            Payload::Event(bytes) => bytes,
        }
    }
}

/// What a stream's far end hears that is made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Player {
    /// Nothing.
    #[default]
    Idle,
    /// A tone; `frame` counts without end.
    Tone { tone: Tone, frame: u64 },
    /// A loaded sound.
    Sound { sound: usize, frame: usize, looped: bool },
}

impl Player {
    pub(super) fn new(source: Source) -> Player {
        match source {
            Source::Nothing | Source::Stream(_) | Source::Echo => Player::Idle,
            Source::RingBack => Player::Tone { tone: Tone::RingBack, frame: 0 },
            Source::Busy => Player::Tone { tone: Tone::Busy, frame: 0 },
            Source::Sound { sound, looped } => Player::Sound { sound, frame: 0, looped },
        }
    }

    /// The next frame; `None` when the sound is over, or there is no such sound.
    pub(super) fn next_frame<'a>(&mut self, sounds: &'a [Sound], codec: Codec) -> Option<&'a [u8]> {
        match self {
            Player::Idle => None,
            Player::Tone { tone, frame } => {
                let bytes = tone.frame(codec, *frame);
                *frame += 1;
                Some(bytes)
            }
            Player::Sound { sound, frame, looped } => {
                let sound = sounds.get(*sound)?;
                if *looped && *frame >= sound.frames() {
                    *frame = 0;
                }
                let bytes = sound.frame(codec, *frame)?;
                *frame += 1;
                Some(bytes)
            }
        }
    }
}
