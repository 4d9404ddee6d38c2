//! The file of raw tracks: a head, then one frame per packet, in the order of arrival. All numbers are little-endian.
//!
//! ```text
//! head   magic "CORDTRK2" · call u64 · started, ms since 1970 i64 · length of meta u16 · meta · crc32 of all before
//! frame  length of payload u16 · track u8 · codec u8 · at_us u64 · timestamp u32 · sequence u16 · payload · crc32
//! ```
//!
//! A track is one sound of one far end: what it says, or the music that it hears. Tracks of the agent's side have even
//! numbers, those of the customer's odd ones ([`track_number`], [`side_of`]). A number may be given anew to a far end that came when
//! all were in use and another had gone. In a file of the first version (`CORDTRK1`) there are two tracks, 0 and 1; else it
//! is the same, and it is read as well.
//!
//! The file is only ever appended to. A frame that is cut off or whose sum is wrong ends the reading: what is before it is
//! good, what is after it cannot be trusted to begin where it seems to.
//!
//! While a call runs its frames are collected in a [`Block`], which is appended whole: one write for many packets.

use std::fmt;
use std::io::{self, BufReader, Read};

use base::{CallId, Wall};

use crate::api::Side;
use crate::codec::Codec;
use crate::limits::{BLOCK_BYTES, PACKET_BYTES_MAX, TRACK_META_BYTES_MAX};

const MAGIC: &[u8; 8] = b"CORDTRK2";
/// Of files that an older program left.
const MAGIC_BEFORE: &[u8; 8] = b"CORDTRK1";
const HEAD_BYTES: usize = 8 + 8 + 8 + 2;
const FRAME_BYTES: usize = 2 + 1 + 1 + 8 + 4 + 2;
const SUM_BYTES: usize = 4;

/// The number in the file of the `nth` track (from 0) of a recording, which belongs to this side. `nth` is below
/// `limits::RECORDING_TRACKS_MAX`.
pub fn track_number(nth: usize, side: Side) -> u8 {
    let side = match side {
        Side::Agent => 0,
        Side::Customer => 1,
    };
    u8::try_from(2 * nth).unwrap_or(u8::MAX - 1) | side
}

/// To which side a track belongs, by its number in the file.
pub fn side_of(track: u8) -> Side {
    if track.is_multiple_of(2) { Side::Agent } else { Side::Customer }
}

/// What a track file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose recording.
    pub call: CallId,
    /// When it began.
    pub started: Wall,
    /// Anything its writer wants to find again, for example the account; at most `TRACK_META_BYTES_MAX`.
    pub meta: Vec<u8>,
}

/// One stored packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Of which track; see [`track_number`].
    pub track: u8,
    /// Arrival, microseconds since the recording began.
    pub at_us: u64,
    /// The codec of the payload.
    pub codec: Codec,
    /// RTP timestamp, samples.
    pub timestamp: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// Encoded sound.
    pub payload: Vec<u8>,
}

/// One packet that is to be stored; see [`Packet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Of which track; see [`track_number`].
    pub track: u8,
    /// Arrival, microseconds since the recording began.
    pub at_us: u64,
    /// The codec of the payload.
    pub codec: Codec,
    /// RTP timestamp, samples.
    pub timestamp: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// Encoded sound; longer than `PACKET_BYTES_MAX` it is left out.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Bytes in the file.
    pub(crate) fn len(&self) -> usize {
        FRAME_BYTES + self.payload.len() + SUM_BYTES
    }

    /// Appends the frame. Whether it was short enough.
    fn write(&self, to: &mut Vec<u8>) -> bool {
        let Frame { track, at_us, codec, timestamp, sequence, payload } = *self;
        let Some(len) = u16::try_from(payload.len()).ok().filter(|_| payload.len() <= PACKET_BYTES_MAX)
        else {
            return false;
        };
        let mut fixed = [0; FRAME_BYTES];
        fixed[..2].copy_from_slice(&len.to_le_bytes());
        fixed[2..4].copy_from_slice(&[track, codec.payload()]);
        fixed[4..12].copy_from_slice(&at_us.to_le_bytes());
        fixed[12..16].copy_from_slice(&timestamp.to_le_bytes());
        fixed[16..].copy_from_slice(&sequence.to_le_bytes());
        let start = to.len();
        to.extend_from_slice(&fixed);
        to.extend_from_slice(payload);
        seal(to, start);
        true
    }
}

impl Head {
    /// The beginning of a track file.
    ///
    /// # Errors
    /// [`TrackError::MetaTooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrackError> {
        let too_long = TrackError::MetaTooLong { bytes: self.meta.len() };
        let Some(meta_len) =
            u16::try_from(self.meta.len()).ok().filter(|_| self.meta.len() <= TRACK_META_BYTES_MAX)
        else {
            return Err(too_long);
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.call.0.to_le_bytes());
        bytes.extend_from_slice(&self.started.as_millis().to_le_bytes());
        bytes.extend_from_slice(&meta_len.to_le_bytes());
        bytes.extend_from_slice(&self.meta);
        seal(&mut bytes, 0);
        Ok(bytes)
    }
}

/// Consecutive frames of one recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    bytes: Vec<u8>,
    packets: u32,
}

impl Block {
    /// An empty block with room for `BLOCK_BYTES`.
    #[allow(clippy::new_without_default, reason = "a default would be one without room")]
    pub fn new() -> Block {
        Block { bytes: Vec::with_capacity(BLOCK_BYTES), packets: 0 }
    }

    /// Whether a frame still fits in `BLOCK_BYTES`.
    pub fn has_room_for(&self, frame: &Frame<'_>) -> bool {
        self.bytes.len() + frame.len() <= BLOCK_BYTES
    }

    /// Adds a packet. One with a payload longer than any packet is left out.
    pub fn push(&mut self, frame: &Frame<'_>) {
        self.packets += u32::from(frame.write(&mut self.bytes));
    }

    /// How many packets there are.
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// What is to be appended to the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The packets, read again.
    pub fn read(&self) -> impl Iterator<Item = Packet> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let payload_len = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
            let (frame, after) = rest.split_at_checked(FRAME_BYTES + payload_len + SUM_BYTES)?;
            rest = after;
            packet(unseal(frame, FRAME_BYTES + payload_len)?)
        })
    }

    /// Empty again, with its room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets = 0;
    }
}

/// Encodes a whole track file in memory.
#[derive(Clone, Debug)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// Begins a file.
    ///
    /// # Errors
    /// [`TrackError::MetaTooLong`].
    pub fn new(head: &Head) -> Result<Writer, TrackError> {
        Ok(Writer { buffer: head.to_bytes()? })
    }

    /// Adds a packet. One with a payload longer than any packet is left out.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let _left_out = frame.write(&mut self.buffer);
    }

    /// Adds the packets of a block.
    pub fn append(&mut self, block: &Block) {
        self.buffer.extend_from_slice(block.bytes());
    }

    /// The file so far.
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }
}

/// Reads a track file from its beginning.
#[derive(Debug)]
pub struct Reader<R> {
    from: BufReader<R>,
    head: Head,
    ending: Option<Ending>,
    frame: Vec<u8>,
}

/// How a track file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After a whole frame.
    Whole,
    /// In a frame that is cut off or damaged.
    Torn,
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// [`TrackError::NotATrackFile`] when there is no whole head, [`TrackError::Io`].
    pub fn new(from: R) -> Result<Reader<R>, TrackError> {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        fill(&mut from, &mut bytes, HEAD_BYTES)?;
        let Some((fixed, _)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
            return Err(TrackError::NotATrackFile);
        };
        let mut fields = Fields(fixed);
        let magic = fields.take();
        if magic != *MAGIC && magic != *MAGIC_BEFORE {
            return Err(TrackError::NotATrackFile);
        }
        let call = CallId(u64::from_le_bytes(fields.take()));
        let started = Wall::from_millis(i64::from_le_bytes(fields.take()));
        let meta_len = usize::from(u16::from_le_bytes(fields.take()));
        if meta_len > TRACK_META_BYTES_MAX {
            return Err(TrackError::NotATrackFile);
        }
        fill(&mut from, &mut bytes, HEAD_BYTES + meta_len + SUM_BYTES)?;
        let body = unseal(&bytes, HEAD_BYTES + meta_len).ok_or(TrackError::NotATrackFile)?;
        let head = Head { call, started, meta: body[HEAD_BYTES..].to_vec() };
        Ok(Reader { from, head, ending: None, frame: Vec::new() })
    }

    /// What the file says about itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How the file ended; `None` before `next_packet` gave `None`.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The next packet; `None` at the end, also at that of a torn file.
    ///
    /// # Errors
    /// As the reader below has them.
    pub fn next_packet(&mut self) -> io::Result<Option<Packet>> {
        if self.ending.is_some() {
            return Ok(None);
        }
        self.frame.clear();
        fill(&mut self.from, &mut self.frame, FRAME_BYTES)?;
        if self.frame.is_empty() {
            self.ending = Some(Ending::Whole);
            return Ok(None);
        }
        let payload_len = self.frame.first_chunk().map_or(0, |len| usize::from(u16::from_le_bytes(*len)));
        if payload_len <= PACKET_BYTES_MAX {
            fill(&mut self.from, &mut self.frame, FRAME_BYTES + payload_len + SUM_BYTES)?;
        }
        let packet = unseal(&self.frame, FRAME_BYTES + payload_len).and_then(packet);
        if packet.is_none() {
            self.ending = Some(Ending::Torn);
        }
        Ok(packet)
    }
}

/// Why a track file cannot be written or read.
#[derive(Debug)]
pub enum TrackError {
    /// The meta bytes are longer than `TRACK_META_BYTES_MAX`.
    MetaTooLong {
        /// How long.
        bytes: usize,
    },
    /// There is no whole head of this format.
    NotATrackFile,
    /// Reading failed.
    Io(io::Error),
}

impl From<io::Error> for TrackError {
    fn from(error: io::Error) -> TrackError {
        TrackError::Io(error)
    }
}

impl fmt::Display for TrackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrackError::MetaTooLong { bytes } => {
                write!(f, "the meta data has {bytes} bytes, the limit is {TRACK_META_BYTES_MAX}")
            }
            TrackError::NotATrackFile => f.write_str("not a track file, or cut off in its head"),
            TrackError::Io(error) => write!(f, "track file: {error}"),
        }
    }
}

impl std::error::Error for TrackError {}

fn seal(buffer: &mut Vec<u8>, start: usize) {
    let sum = crc32fast::hash(&buffer[start..]);
    buffer.extend_from_slice(&sum.to_le_bytes());
}

/// The first `len` bytes, if they are followed by their sum and nothing else.
fn unseal(bytes: &[u8], len: usize) -> Option<&[u8]> {
    let (body, sum) = bytes.split_at_checked(len)?;
    (crc32fast::hash(body).to_le_bytes() == sum).then_some(body)
}

/// Reads until `bytes` has `len` bytes or the end is reached.
fn fill(from: &mut impl Read, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let missing = len.saturating_sub(bytes.len());
    from.take(missing as u64).read_to_end(bytes).map(|_| ())
}

fn packet(body: &[u8]) -> Option<Packet> {
    let (fixed, payload) = body.split_first_chunk::<FRAME_BYTES>()?;
    let mut fields = Fields(&fixed[2..]);
    let [track, codec] = fields.take();
    Some(Packet {
        track,
        codec: Codec::of_payload(codec)?,
        at_us: u64::from_le_bytes(fields.take()),
        timestamp: u32::from_le_bytes(fields.take()),
        sequence: u16::from_le_bytes(fields.take()),
        payload: payload.to_vec(),
    })
}

/// Takes fields of known sizes from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) =
            self.0.split_first_chunk().expect("the sizes of the fields add up to the bytes read");
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RECORDING_TRACKS_MAX;
    use proptest::prelude::*;

    fn head() -> Head {
        Head { call: CallId(77), started: Wall::from_millis(1_790_000_000_123), meta: b"2000103".to_vec() }
    }

    const PAYLOAD: [u8; 300] = [0x5a; 300];

    fn frame(n: u16) -> Frame<'static> {
        Frame {
            track: u8::from(n % 2 == 1),
            at_us: u64::from(n) * 20_000,
            codec: if n.is_multiple_of(3) { Codec::Pcmu } else { Codec::Pcma },
            timestamp: u32::from(n) * 160,
            sequence: n,
            payload: &PAYLOAD[..usize::from(n) + 1],
        }
    }

    fn file(packets: u16) -> Vec<u8> {
        let mut writer = Writer::new(&head()).expect("short meta");
        (0..packets).for_each(|n| writer.push(&frame(n)));
        writer.pending().to_vec()
    }

    fn read(file: &[u8]) -> (Vec<Packet>, Option<Ending>) {
        let mut reader = Reader::new(file).expect("the head is whole");
        assert_eq!(reader.head(), &head());
        let packets = std::iter::from_fn(|| reader.next_packet().expect("slices have no errors")).collect();
        (packets, reader.ending())
    }

    #[test]
    fn what_was_written_is_read() {
        let (packets, ending) = read(&file(5));
        assert_eq!((packets.len(), ending), (5, Some(Ending::Whole)));
        let last = &packets[4];
        assert_eq!((last.track, last.codec, last.at_us), (0, Codec::Pcma, 80_000));
        assert_eq!((last.timestamp, last.sequence, &last.payload[..]), (640, 4, &PAYLOAD[..5]));
    }

    #[test]
    fn a_file_of_the_first_version_is_read_and_one_of_a_later_is_not() {
        let versions = [1, 3].map(|version| {
            let mut file = file(5);
            let head_bytes = head().to_bytes().expect("short meta").len();
            file[7] = b'0' + version;
            let sum = crc32fast::hash(&file[..head_bytes - SUM_BYTES]);
            file[head_bytes - SUM_BYTES..head_bytes].copy_from_slice(&sum.to_le_bytes());
            file
        });
        assert_eq!(read(&versions[0]), read(&file(5)));
        assert!(matches!(Reader::new(&versions[1][..]), Err(TrackError::NotATrackFile)));
    }

    #[test]
    fn tracks_of_both_sides_have_numbers_of_their_own() {
        let all =
            (0..RECORDING_TRACKS_MAX).flat_map(|nth| [Side::Agent, Side::Customer].map(|side| (nth, side)));
        for (at, (nth, side)) in all.enumerate() {
            assert_eq!((usize::from(track_number(nth, side)), side_of(track_number(nth, side))), (at, side));
        }
    }

    #[test]
    fn blocks_are_the_file_in_parts() {
        let mut writer = Writer::new(&head()).expect("short meta");
        let mut block = Block::new();
        for n in 0..200 {
            if !block.has_room_for(&frame(n)) {
                assert_eq!(block.read().count(), usize::try_from(block.packets()).expect("few"));
                writer.append(&block);
                block.clear();
            }
            block.push(&frame(n));
            assert!(block.bytes().len() <= BLOCK_BYTES);
        }
        block.push(&Frame { payload: &[0; PACKET_BYTES_MAX + 1], ..frame(0) });
        writer.append(&block);
        assert_eq!(writer.pending(), file(200));
    }

    #[test]
    fn a_torn_file_gives_every_packet_before_the_tear() {
        let whole = file(6);
        let starts: Vec<usize> = (0..=6).map(|n| file(n).len()).collect();
        for cut in starts[0]..=whole.len() {
            let (packets, ending) = read(&whole[..cut]);
            let before = starts.iter().filter(|start| **start <= cut).count() - 1;
            let expected = if starts.contains(&cut) { Ending::Whole } else { Ending::Torn };
            assert_eq!((packets.len(), ending), (before, Some(expected)), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_head_is_not_a_track_file() {
        let whole = file(1);
        let head_bytes = file(0).len();
        for at in 0..head_bytes {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(matches!(Reader::new(&damaged[..]), Err(TrackError::NotATrackFile)), "byte {at}");
            assert!(matches!(Reader::new(&whole[..at]), Err(TrackError::NotATrackFile)), "cut at {at}");
        }
        let long = Head { meta: vec![0; TRACK_META_BYTES_MAX + 1], ..head() };
        assert!(matches!(Writer::new(&long), Err(TrackError::MetaTooLong { bytes: 4097 })));
    }

    proptest! {
        #[test]
        fn a_damaged_byte_ends_the_reading_before_it(packets in 1u16..8, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let whole = file(packets);
            let head_bytes = file(0).len();
            let at = head_bytes + at.index(whole.len() - head_bytes);
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let (good, ending) = read(&damaged);
            let before = (1..=packets).filter(|n| file(*n).len() <= at).count();
            prop_assert_eq!((good.len(), ending), (before, Some(Ending::Torn)));
            prop_assert_eq!(good, read(&whole).0[..before].to_vec());
        }
    }
}
