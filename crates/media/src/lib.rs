//! Sound for a call center, sans-IO: SDP, RTP and RTCP, codecs, tones, recording.

pub mod api;
pub mod codec;
