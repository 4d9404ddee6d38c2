//! The codecs a stream can agree on.

/// Sound codecs that a stream can agree on. Both have 8,000 samples per second and one byte per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload 0.
    Pcmu,
    /// G.711 A-law, payload 8.
    Pcma,
}

impl Codec {
    /// The static RTP payload number (RFC 3551 §6).
    pub const fn payload(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name in SDP (RFC 3551 §6).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The codec of a static payload number.
    pub const fn of_payload(payload: u8) -> Option<Codec> {
        match payload {
            0 => Some(Codec::Pcmu),
            8 => Some(Codec::Pcma),
            _ => None,
        }
    }

    /// The codec of an encoding name, in any case.
    pub fn of_name(name: &str) -> Option<Codec> {
        [Codec::Pcmu, Codec::Pcma].into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }
}
