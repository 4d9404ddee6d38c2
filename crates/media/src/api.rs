//! What the media engine is told and what it reports. One engine serves one media thread; it owns no socket.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{CallId, StreamId};

use crate::codec::Codec;
use crate::limits::PTIME_MS;
use crate::quality::Quality;
use crate::recording::Block;

/// A change to the engine, compiled from the hearing plan by `switch`.
#[derive(Clone, Debug)]
pub enum Command {
    /// A stream begins. Its sockets (RTP on `port`, RTCP on `port + 1`) are opened by the thread that runs the engine.
    Open {
        /// Which; commands about unknown streams are ignored.
        stream: StreamId,
        /// The call it belongs to: streams of one call live in the same engine.
        call: CallId,
        /// Local RTP port, even.
        port: u16,
        /// Of the address that the far end is told.
        family: Family,
    },
    /// What offer and answer agreed on, first or anew.
    Agree {
        /// Which.
        stream: StreamId,
        /// The agreement.
        terms: Terms,
    },
    /// One row of the patch table: what is sent to the far end of `stream`.
    Hear {
        /// The stream whose far end listens.
        stream: StreamId,
        /// What it hears.
        source: Source,
    },
    /// Begin to report silence: `Signal::Silent` when neither RTP nor RTCP came for so long. `None` stops watching.
    Watch {
        /// Which.
        stream: StreamId,
        /// How long.
        silence_max: Option<Duration>,
    },
    /// Store what both streams receive, as it comes.
    Record {
        /// Whose recording.
        call: CallId,
        /// First track (left).
        agent: StreamId,
        /// Second track (right).
        customer: StreamId,
    },
    /// From now on this is stored of a call whose recording runs, and nothing else of it. Ignored without one.
    Store {
        /// Whose recording.
        call: CallId,
        /// In order of streams; none: nothing is, and time goes on.
        tracks: Vec<Track>,
    },
    /// The recording is complete: answered by `Signal::RecordingStopped`.
    StopRecord {
        /// Whose recording.
        call: CallId,
    },
    /// Report digits that the far end dials as tones in its sound, too, should it not have agreed on events. Without this
    /// they are looked for only while somebody hears it who did agree on events.
    Listen {
        /// Which.
        stream: StreamId,
    },
    /// Dial these digits to the far end (used by lab phones): as RFC 4733 events, or as tones when those were not agreed
    /// on. What the far end hears otherwise pauses meanwhile. Past `limits::DIGITS_MAX` digits are left out, and so are
    /// all before an agreement.
    SendDigits {
        /// Which.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`; anything else is left out.
        digits: String,
    },
    /// The stream is over; its sockets are closed.
    Close {
        /// Which.
        stream: StreamId,
    },
}

/// Which Internet Protocol a stream's packets travel by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// What offer and answer agreed on for one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Where to send, as the far end's SDP says; `None` while it asks for no packets (0.0.0.0, port 0).
    pub remote: Option<SocketAddr>,
    /// The host that signalling comes from. A phone behind a NAT sends its sound from there and not from `remote`; sound
    /// from any third host is a stranger's. `None`: only the host of `remote` is believed.
    pub peer: Option<IpAddr>,
    /// Sound in both directions.
    pub codec: Codec,
    /// RTP payload number of that codec, as the far end wants to receive it.
    pub payload: u8,
    /// RTP payload number of RFC 4733 events at the far end, if agreed.
    pub events: Option<u8>,
    /// How much sound the far end wants in a packet.
    pub ptime: Ptime,
    /// Whether the far end wants to receive (false: it put us on hold).
    pub send: bool,
    /// Whether the far end may send.
    pub receive: bool,
}

/// How much sound a far end wants in a packet (RFC 8866 §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ptime {
    /// In packets made here, milliseconds: one of 10, 20, … 60.
    pub ms: u16,
    /// In any packet, milliseconds; `None`: as much as comes.
    pub ms_max: Option<u16>,
}

impl Ptime {
    /// From `a=ptime` and `a=maxptime`: the nearest that can be done. A zero says nothing.
    pub fn new(ptime: Option<u16>, maxptime: Option<u16>) -> Ptime {
        let [ptime, maxptime] = [ptime, maxptime].map(|ms| ms.filter(|ms| *ms > 0));
        let wanted = ptime.unwrap_or(20).min(maxptime.unwrap_or(u16::MAX));
        let ms = wanted.clamp(*PTIME_MS.start(), *PTIME_MS.end()) / 10 * 10;
        Ptime { ms, ms_max: maxptime.map(|most| most.max(ms)) }
    }
}

impl Default for Ptime {
    /// 20 ms, and as much as comes (RFC 3551 §4.2).
    fn default() -> Ptime {
        Ptime::new(None, None)
    }
}

/// One of the sounds that a recording is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Track {
    /// Of which stream.
    pub stream: StreamId,
    /// Which of its sounds.
    pub sound: StreamSound,
    /// To which side of the recording it belongs.
    pub side: Side,
}

/// A sound of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamSound {
    /// What its far end says, as it comes.
    Said,
    /// The [`Source::Sound`] that its far end hears, while it hears one.
    Played,
}

/// A side of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Left.
    Agent,
    /// Right.
    Customer,
}

/// What a stream's far end hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nothing.
    #[default]
    Nothing,
    /// What another stream receives, forwarded on arrival.
    Stream(StreamId),
    /// What these streams receive, mixed: in ascending order, the stream itself not among them.
    Mix(Vec<StreamId>),
    /// Ring-back tone of China: 450 Hz, 1 s on, 4 s off.
    RingBack,
    /// Busy tone of China: 450 Hz, 0.35 s on, 0.35 s off.
    Busy,
    /// Congestion tone of China: 450 Hz, 0.7 s on, 0.7 s off.
    Congestion,
    /// A sound loaded into the engine, played once or in a loop (used by lab phones).
    Sound {
        /// Index of the sound.
        sound: usize,
        /// Begin again at its end.
        looped: bool,
    },
    /// What the stream itself receives (lab phones that echo).
    Echo,
}

/// What the engine reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// The first packet that passed the source check arrived.
    Heard {
        /// Which stream.
        stream: StreamId,
    },
    /// Neither RTP nor RTCP for the watched time. Once until packets come again.
    Silent {
        /// Which stream.
        stream: StreamId,
    },
    /// A digit ended: an RFC 4733 event, or, from a far end that did not agree on those, a tone. See [`Command::Listen`].
    Digit {
        /// Which stream.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The sockets could not be opened (reported by the thread, not by the engine).
    OpenFailed {
        /// Which stream.
        stream: StreamId,
    },
    /// A looped-out sound ended (not looped).
    Played {
        /// Which stream.
        stream: StreamId,
    },
    /// The recording is complete; `length` runs from the first `Record` to `StopRecord`.
    RecordingStopped {
        /// Whose.
        call: CallId,
        /// Length.
        length: Duration,
    },
    /// Final counts of a closed stream.
    Closed {
        /// Which stream.
        stream: StreamId,
        /// Its counts.
        counts: Counts,
    },
}

/// Packet counts of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// RTP packets accepted.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets refused: wrong source, malformed, unknown payload, or sent while the far end may not send.
    pub refused: u64,
    /// Packets missing by sequence number.
    pub lost: u64,
    /// Packets that came too late for the mixes in which the stream was heard.
    pub too_late: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), milliseconds.
    pub jitter_ms: f32,
    /// How well it was heard.
    pub quality: Quality,
}

/// Packets of one recording, for its file (`recording`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whose recording.
    pub call: CallId,
    /// The packets. To be given back when it is written: `Engine::take_back`.
    pub block: Block,
}
