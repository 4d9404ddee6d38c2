use std::fmt;

use crate::limits::{SDP_BYTES_MAX, SDP_FORMATS_MAX, SDP_MEDIA_MAX};

/// Why a description cannot be used. A verdict: [`SdpError::status`] is what the far end is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SdpError {
    /// Longer than `SDP_BYTES_MAX`.
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// More `m=` lines than `SDP_MEDIA_MAX`.
    TooManyMedia,
    /// More formats on an `m=` line than `SDP_FORMATS_MAX`.
    TooManyFormats,
    /// Not SDP.
    Malformed {
        /// Line number, from 1.
        line: usize,
        /// The field that could not be read.
        field: &'static str,
    },
    /// No audio stream over plain RTP with a port.
    NoAudio,
    /// No codec in common.
    NoCommonCodec,
    /// The address of the audio stream is a name, a multicast or a broadcast address: nothing can be sent there.
    UnusableAddress,
    /// The answer refuses the audio stream (port 0).
    Refused,
}

impl SdpError {
    /// The SIP status of the verdict: 400 not understood, 488 not acceptable here (RFC 3261 §21.4.26).
    pub const fn status(&self) -> u16 {
        match self {
            SdpError::TooLong { .. }
            | SdpError::TooManyMedia
            | SdpError::TooManyFormats
            | SdpError::Malformed { .. } => 400,
            SdpError::NoAudio | SdpError::NoCommonCodec | SdpError::UnusableAddress | SdpError::Refused => {
                488
            }
        }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SdpError::TooLong { bytes } => {
                write!(f, "the description has {bytes} bytes, the limit is {SDP_BYTES_MAX}")
            }
            SdpError::TooManyMedia => write!(f, "more than {SDP_MEDIA_MAX} m= lines"),
            SdpError::TooManyFormats => write!(f, "more than {SDP_FORMATS_MAX} formats on an m= line"),
            SdpError::Malformed { line, field } => write!(f, "line {line}: malformed {field}"),
            SdpError::NoAudio => write!(f, "no m=audio over RTP/AVP with a port"),
            SdpError::NoCommonCodec => write!(f, "m=audio: no codec in common"),
            SdpError::UnusableAddress => write!(f, "c=: not an address that can be sent to"),
            SdpError::Refused => write!(f, "m=audio: refused by port 0"),
        }
    }
}

impl std::error::Error for SdpError {}
