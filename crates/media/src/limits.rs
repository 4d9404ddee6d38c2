//! Every limit of this crate, and what happens when it is reached.

use std::time::Duration;

/// An SDP body, bytes. Longer ones are refused (400).
pub const SDP_BYTES_MAX: usize = 16 * 1024;
/// `m=` lines of a description. More are refused (400).
pub const SDP_MEDIA_MAX: usize = 32;
/// Formats of an `m=` line. More are refused (400).
pub const SDP_FORMATS_MAX: usize = 64;

/// An RTP or RTCP packet, bytes. Longer ones are refused and counted.
pub const PACKET_BYTES_MAX: usize = 1500;
/// Sound in an RTP packet, ticks of 8 kHz: 186 ms. Only frames as small as those of G.729 could hold more; packets that do are
/// refused and counted, as each would take the time of many.
pub const PACKET_TICKS_MAX: usize = PACKET_BYTES_MAX - crate::rtp::HEADER_BYTES;
/// Milliseconds of sound in a packet that is made here, in steps of ten. What a far end asks for is taken to the nearest
/// of these below it.
pub const PTIME_MS: std::ops::RangeInclusive<u16> = 10..=60;
/// Digits waiting to be dialled on one stream. Further ones are left out.
pub const DIGITS_MAX: usize = 64;
/// Outputs waiting in the engine. When it is reached packets to send or store are dropped and counted; signals are
/// kept, their number is bounded by the commands and the streams.
pub const OUTPUTS_MAX: usize = 65_536;

/// RTP packets of one far end per second. Sound comes at 50 a second, at 200 when packets are as short as they may be.
/// Further ones are refused and counted: a far end must not fill the recorder, or keep a loop of its making alive.
pub const PACKETS_PER_SECOND_MAX: u32 = 400;
/// Seconds of sound of one far end in a second: as much as there is in so many packets of 20 ms. A longer packet counts as
/// several, for decoding and encoding take their time by the sound, however few packets it is in.
pub const SOUND_PER_SECOND_MAX: u64 = 8;
/// So many may come at once, as after a moment in which the network held them back.
pub const PACKETS_BURST_MAX: u32 = 500;
/// How long after an agreement a source other than the agreed address may be learned (`engine::far`).
pub const LEARN_WINDOW: Duration = Duration::from_secs(5);
/// How late a packet of an RFC 4733 event may come, samples. One that is earlier than this is of another clock.
pub const EVENT_LATE_SAMPLES_MAX: i32 = 5 * 8000;
/// Mean time between RTCP reports (RFC 3550 §6.2): the least allowed; with two members it never has to be longer.
pub const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Reports to a far end that never sends any. Further ones are left out until it does: it knows no RTCP.
pub const REPORTS_UNANSWERED_MAX: u32 = 3;
/// A longer round trip that a report speaks of is not believed.
pub const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);
/// The shortest silence that can be watched for; shorter ones are taken as this.
pub const SILENCE_MIN: Duration = Duration::from_millis(100);
/// How late the pacing of tones and sounds may run before lost frames are skipped instead of sent in a burst.
pub const PACE_LATE_MAX: Duration = Duration::from_millis(100);

/// Streams that one far end hears mixed. Those named after them are left out. There are as many mixes as streams.
pub const MIX_STREAMS_MAX: usize = 8;
/// How far behind its arrival the sound of a stream that is heard in mixes may be heard, milliseconds, as its jitter asks
/// for. What comes later is left out and counted. A stream keeps 256 ms of sound for this, 6 kB in all; of more that comes
/// at once the oldest is left out.
pub const MIX_DELAY_MS: std::ops::RangeInclusive<u16> = 20..=120;
/// Samples of the longest step in which is mixed.
pub const MIX_STEP_SAMPLES_MAX: usize = 160;

/// A WAV file to be read, bytes. Longer ones are refused.
pub const WAV_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Sample rates that can be turned into 8 and 16 kHz. Others are refused.
pub const WAV_RATE_HZ: std::ops::RangeInclusive<u32> = 4_000..=96_000;

/// A block of recorded packets, bytes. A full one is handed over; it holds 0.45 s of both sides in G.711.
pub const BLOCK_BYTES: usize = 8 * 1024;
/// A block is handed over when it is this old, though it is not full.
pub const BLOCK_AGE_MAX: Duration = Duration::from_millis(400);
/// Empty blocks that an engine keeps beyond half as many as it has recordings. Further ones are given up.
pub const BLOCKS_FREE_MAX: usize = 16;
/// Sounds of which a recording is made at a time. Further ones are not stored, which signalling says. Of those that a
/// recording has had before, any number.
pub const RECORDING_TRACKS_MAX: usize = 16;
/// The meta bytes of a track file. Longer ones are refused when written, and end the reading.
pub const TRACK_META_BYTES_MAX: usize = 4096;
/// A recording to be rendered. Longer ones are refused; the sizes in a WAV header have 32 bits.
pub const RECORDING_MAX: Duration = Duration::from_secs(24 * 3600);
/// Packets of one track that wait to be placed while rendering. When it is reached the oldest is placed at once.
pub const RENDER_PACKETS_MAX: usize = 1024;
