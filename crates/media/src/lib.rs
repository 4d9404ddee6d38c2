//! Sound for a call center, sans-IO: SDP, RTP and RTCP, codecs, tones, recording.
//!
//! `sdp` agrees with the far end, `engine` moves packets between streams, `recording` turns what was stored into
//! files. The rest are their tools. Nothing here owns a socket, a file, a clock or a thread.

pub mod api;
pub mod codec;
pub mod coder;
pub mod dtmf;
pub mod engine;
pub mod g711;
pub mod g722;
pub mod g729;
pub mod limits;
pub mod mp3;
pub mod quality;
pub mod recording;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sound;
pub mod tone;
pub mod wav;
