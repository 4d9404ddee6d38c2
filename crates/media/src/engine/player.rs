//! What is played to a far end, packet by packet: tones, sounds, mixes.

use std::net::SocketAddr;

use super::mixer::Mixed;
use super::transcoder::Transcoder;
use crate::api::Source;
use crate::codec::{Codec, TICKS_PER_MS};
use crate::g711::{self, Law};
use crate::limits::PTIME_MS;
use crate::rtp::Stamp;
use crate::sound::Sound;
use crate::tone::Tone;

/// Bytes of the longest payload that is made here: one for each tick, or fewer.
pub(super) const PAYLOAD_BYTES_MAX: usize = *PTIME_MS.end() as usize * TICKS_PER_MS;

/// What became of the time until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    /// A packet goes out; its payload is the first `len` bytes of the buffer.
    Packet { to: SocketAddr, stamp: Stamp, len: usize },
    /// Nothing goes out: not due, not agreed yet, on hold, or between two digits.
    Quiet,
    /// The sound is over.
    Ended,
}

/// What a stream's far end hears that is made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Player {
    /// Nothing.
    #[default]
    Idle,
    /// A tone; `at` counts samples without end.
    Tone { tone: Tone, at: u64 },
    /// A loaded sound; `at` is in ticks of 8 kHz.
    Sound { sound: usize, at: usize, looped: bool },
    /// What the mixer makes for it.
    Mix,
}

impl Player {
    pub(super) fn new(source: &Source) -> Player {
        match *source {
            Source::Nothing | Source::Stream(_) | Source::Echo => Player::Idle,
            Source::Mix(_) => Player::Mix,
            Source::RingBack => Player::Tone { tone: Tone::RingBack, at: 0 },
            Source::Busy => Player::Tone { tone: Tone::Busy, at: 0 },
            Source::Congestion => Player::Tone { tone: Tone::Congestion, at: 0 },
            Source::Sound { sound, looped } => Player::Sound { sound, at: 0, looped },
        }
    }

    /// Fills the next payload of so many ticks, and says how many bytes it has. `None` when the sound is over, or there is
    /// no such sound.
    pub(super) fn fill(
        &mut self,
        sounds: &[Sound],
        mixed: Option<&Mixed>,
        codec: Codec,
        transcoder: &mut Transcoder,
        ticks: usize,
        payload: &mut [u8; PAYLOAD_BYTES_MAX],
    ) -> Option<usize> {
        if codec == Codec::G729 {
            let mut samples = [0; PAYLOAD_BYTES_MAX];
            self.fill_linear(sounds, mixed, &mut samples[..ticks])?;
            return Some(transcoder.encode(codec, &samples[..ticks], payload));
        }
        let payload = &mut payload[..ticks];
        match self {
            Player::Idle => None,
            Player::Mix => {
                let mixed = mixed?;
                Some(transcoder.encode(codec, &mixed[mixed.len() - ticks..], payload))
            }
            Player::Tone { tone, at } => {
                match codec.law() {
                    Some(law) => tone.fill(law, *at, payload),
                    None => {
                        let mut samples = [0; PAYLOAD_BYTES_MAX];
                        let samples = &mut samples[..payload.len()];
                        tone.fill_linear(*at, samples);
                        transcoder.encode(codec, samples, payload);
                    }
                }
                *at += ticks as u64;
                Some(ticks)
            }
            Player::Sound { sound, at, looped } => {
                let sound = sounds.get(*sound)?;
                if *looped && *at >= sound.ticks() {
                    *at = 0;
                }
                if *at >= sound.ticks() {
                    return None;
                }
                let mut rest = payload;
                while !rest.is_empty() {
                    let (now, later) = rest.split_at_mut(rest.len().min(sound.ticks() - *at));
                    copy(sound, *at, codec, transcoder, now);
                    *at += now.len();
                    rest = later;
                    match *at == sound.ticks() {
                        true if *looped => *at = 0,
                        // The last packet is filled up.
                        true => {
                            transcoder.encode(codec, &[0; PAYLOAD_BYTES_MAX], rest);
                            break;
                        }
                        false => {}
                    }
                }
                Some(ticks)
            }
        }
    }

    /// The next samples, which are silence until now. `None` when the sound is over, or there is no such sound.
    fn fill_linear(&mut self, sounds: &[Sound], mixed: Option<&Mixed>, samples: &mut [i16]) -> Option<()> {
        match self {
            Player::Idle => None,
            Player::Mix => {
                let mixed = mixed?;
                samples.copy_from_slice(&mixed[mixed.len() - samples.len()..]);
                Some(())
            }
            Player::Tone { tone, at } => {
                tone.fill_linear(*at, samples);
                *at += samples.len() as u64;
                Some(())
            }
            Player::Sound { sound, at, looped } => {
                let bytes = sounds.get(*sound)?.encoded(Law::A);
                if *at >= bytes.len() && !*looped {
                    return None;
                }
                for sample in samples {
                    if *at >= bytes.len() && *looped {
                        *at = 0;
                    }
                    let Some(byte) = bytes.get(*at) else { break };
                    *sample = g711::decode(Law::A, *byte);
                    *at += 1;
                }
                Some(())
            }
        }
    }
}

/// As much of a sound as fits, from tick `at` on.
fn copy(sound: &Sound, at: usize, codec: Codec, transcoder: &mut Transcoder, payload: &mut [u8]) {
    let end = at + payload.len();
    match codec.law() {
        Some(law) => payload.copy_from_slice(&sound.encoded(law)[at..end]),
        None => {
            let encoder = transcoder.g722();
            let samples = payload.iter_mut().zip(&sound.wide()[at..end]);
            samples.for_each(|(byte, two)| *byte = encoder.wide(*two));
        }
    }
}
