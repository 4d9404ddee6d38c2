//! The codecs a stream can agree on.

use crate::g711::Law;

/// Bytes of sound in a millisecond, and ticks of the RTP clock: the same for every codec here. G.722 has two samples in a
/// byte, but its RTP clock says 8,000 all the same (RFC 3551 §4.5.2). So a payload is as long as it lasts, whatever the
/// codec, and transcoding changes neither lengths nor timestamps.
pub const BYTES_PER_MS: usize = 8;

/// Sound codecs that a stream can agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload 0: 8,000 samples a second.
    Pcmu,
    /// G.711 A-law, payload 8: 8,000 samples a second.
    Pcma,
    /// G.722 at 64 kbit/s, payload 9: 16,000 samples a second.
    G722,
}

impl Codec {
    /// Every one of them.
    pub const ALL: [Codec; 3] = [Codec::Pcmu, Codec::Pcma, Codec::G722];

    /// The static RTP payload number (RFC 3551 §6).
    pub const fn payload(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
        }
    }

    /// The encoding name in SDP (RFC 3551 §6).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
        }
    }

    /// The law of its samples, if it is G.711.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcmu => Some(Law::Mu),
            Codec::Pcma => Some(Law::A),
            Codec::G722 => None,
        }
    }

    /// The codec of a static payload number.
    pub const fn of_payload(payload: u8) -> Option<Codec> {
        match payload {
            0 => Some(Codec::Pcmu),
            8 => Some(Codec::Pcma),
            9 => Some(Codec::G722),
            _ => None,
        }
    }

    /// The codec of an encoding name, in any case.
    pub fn of_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }
}
