//! The codecs a stream can agree on.

use crate::g711::Law;
use crate::g729;

/// Ticks of the RTP clock in a millisecond: the same for every codec here. G.722 has two samples in a byte, but its RTP
/// clock says 8,000 all the same (RFC 3551 §4.5.2). So transcoding changes no timestamps.
pub const TICKS_PER_MS: usize = 8;

/// Sound codecs that a stream can agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload 0: 8,000 samples a second.
    Pcmu,
    /// G.711 A-law, payload 8: 8,000 samples a second.
    Pcma,
    /// G.722 at 64 kbit/s, payload 9: 16,000 samples a second.
    G722,
    /// G.729 at 8 kbit/s, payload 18: frames of 10 ms. Only where it is asked for: it costs a hundred times as much as the
    /// others, and sounds worse.
    G729,
}

impl Codec {
    /// Every one of them.
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::G729];

    /// The static RTP payload number (RFC 3551 §6).
    pub const fn payload(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::G729 => 18,
        }
    }

    /// The encoding name in SDP (RFC 3551 §6).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::G729 => "G729",
        }
    }

    /// What its `a=fmtp` says, if it has one: no comfort noise (RFC 4856 §2.1.9; without it there would be).
    pub const fn parameters(self) -> Option<&'static str> {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => None,
            Codec::G729 => Some("annexb=no"),
        }
    }

    /// The law of its samples, if it is G.711.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcmu => Some(Law::Mu),
            Codec::Pcma => Some(Law::A),
            Codec::G722 | Codec::G729 => None,
        }
    }

    /// The codec of a static payload number.
    pub const fn of_payload(payload: u8) -> Option<Codec> {
        match payload {
            0 => Some(Codec::Pcmu),
            8 => Some(Codec::Pcma),
            9 => Some(Codec::G722),
            18 => Some(Codec::G729),
            _ => None,
        }
    }

    /// The codec of an encoding name, in any case.
    pub fn of_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// Ticks of a frame: less cannot be encoded.
    pub const fn frame_ticks(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 1,
            Codec::G729 => g729::FRAME_SAMPLES,
        }
    }

    /// How long a payload of so many bytes lasts, ticks. One of G.729 may end with a frame of comfort noise.
    pub const fn ticks(self, bytes: usize) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => bytes,
            Codec::G729 => {
                let noise = (bytes % g729::FRAME_BYTES >= g729::NOISE_BYTES) as usize;
                (bytes / g729::FRAME_BYTES + noise) * g729::FRAME_SAMPLES
            }
        }
    }

    /// How many bytes a sound of so many ticks has, as far as they fill frames.
    pub const fn bytes(self, ticks: usize) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => ticks,
            Codec::G729 => ticks / g729::FRAME_SAMPLES * g729::FRAME_BYTES,
        }
    }
}
