//! From a track file to sound files, in one pass and in bounded memory: only the last seconds of each track are kept,
//! however long the call was. The tracks of a side are put together here, each as loud as it was.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::time::Duration;

use super::mix::Lane;
use super::placement::{DRIFT_MAX, LATE_MAX, LOOK_AHEAD, Placement};
use super::track_file::{Ending, Packet, Reader, side_of};
use crate::api::Side;
use crate::limits::{PACKET_BYTES_MAX, RECORDING_MAX, RECORDING_TRACKS_MAX};
use crate::resample::RATE_HZ;
use crate::wav;

/// Behind this, against the arrival of the newest packet, nothing changes any more.
const SETTLED_AFTER: i64 = LOOK_AHEAD + LATE_MAX + DRIFT_MAX + PACKET_BYTES_MAX as i64;
/// Samples that are written at a time.
const BLOCK: usize = 2048;

/// Where the sound files go; those that are not wanted are `None`. All are WAV, 8 kHz, PCM of 16 bits.
#[derive(Debug, Default)]
pub struct Files<W> {
    /// Both sides in one channel.
    pub mixed: Option<W>,
    /// Agent left, customer right.
    pub stereo: Option<W>,
    /// The agent alone.
    pub agent: Option<W>,
    /// The customer alone.
    pub customer: Option<W>,
}

/// What was rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Packets read, of the agent's side and of the customer's.
    pub packets: [u64; 2],
    /// Samples per channel of every file.
    pub samples: u64,
    /// How the track file ended.
    pub ending: Ending,
}

/// Why nothing, or not all, was rendered.
#[derive(Debug)]
pub enum RenderError {
    /// Longer than `RECORDING_MAX`, or than a WAV header can say.
    TooLong {
        /// Of the recording, up to the end of what was asked for.
        length: Duration,
    },
    /// Reading or writing failed.
    Io(io::Error),
}

impl From<io::Error> for RenderError {
    fn from(error: io::Error) -> RenderError {
        RenderError::Io(error)
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RenderError::TooLong { length } => {
                write!(f, "length {} s: the limit is {} s", length.as_secs(), RECORDING_MAX.as_secs())
            }
            RenderError::Io(error) => write!(f, "recording: {error}"),
        }
    }
}

impl std::error::Error for RenderError {}

/// Renders a track file, or the piece of it between two times. Every file has exactly the length of the piece: silence is
/// added, or what is beyond it is left out.
///
/// # Errors
/// See [`RenderError`]. A torn track file is no error: what is before the tear is rendered.
pub fn render<R: Read, W: Write>(
    mut tracks: Reader<R>,
    piece: Range<Duration>,
    files: &mut Files<W>,
) -> Result<Rendered, RenderError> {
    let length = piece.end;
    let end = position(micros(length));
    let begin = position(micros(piece.start)).min(end);
    let samples = (end - begin).unsigned_abs();
    if length > RECORDING_MAX {
        return Err(RenderError::TooLong { length });
    }
    files.begin(samples).ok_or(RenderError::TooLong { length })??;
    let mut mixer = Mixer { files, strands: BTreeMap::new(), done: 0, begin, end, bytes: Vec::new() };
    let mut packets = [0; 2];
    while let Some(packet) = tracks.next_packet()? {
        if usize::from(packet.track) >= 2 * RECORDING_TRACKS_MAX {
            continue;
        }
        packets[place(side_of(packet.track))] += 1;
        let at = position(packet.at_us);
        // Nothing that comes so late can belong before the end.
        if at - LATE_MAX <= end {
            mixer.advance(at)?;
            mixer.take(at, packet);
        }
    }
    mixer.finish()?;
    let ending = tracks.ending().expect("next_packet gave None");
    Ok(Rendered { packets, samples, ending })
}

/// Samples per channel of a file of this length.
pub fn samples_in(length: Duration) -> u64 {
    position(micros(length)).unsigned_abs()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Samples in a time, microseconds.
fn position(us: u64) -> i64 {
    i64::try_from(u128::from(us) * u128::from(RATE_HZ) / 1_000_000).unwrap_or(i64::MAX)
}

/// Where a side is among two.
fn place(side: Side) -> usize {
    match side {
        Side::Agent => 0,
        Side::Customer => 1,
    }
}

/// All tracks on their way into the files.
struct Mixer<'a, W> {
    files: &'a mut Files<W>,
    /// By track, from its first packet on.
    strands: BTreeMap<u8, Strand>,
    /// Up to here, samples since the recording began, all is written or left out.
    done: i64,
    /// Where the piece begins that is wanted.
    begin: i64,
    /// Where it ends.
    end: i64,
    bytes: Vec<u8>,
}

/// A track.
struct Strand {
    placement: Placement,
    lane: Lane,
}

impl<W: Write> Mixer<'_, W> {
    /// A packet came at `at`, which is now.
    fn take(&mut self, at: i64, packet: Packet) {
        let strand = self
            .strands
            .entry(packet.track)
            .or_insert_with(|| Strand { placement: Placement::default(), lane: Lane::new(self.done) });
        strand.placement.push(at, packet.timestamp, packet.codec, packet.payload);
    }

    /// The time is `now`: writes what cannot change any more.
    fn advance(&mut self, now: i64) -> io::Result<()> {
        for strand in self.strands.values_mut() {
            while let Some(placed) = strand.placement.pop_ready(now) {
                strand.lane.write(&placed);
            }
        }
        self.write_until(now - SETTLED_AFTER)
    }

    fn finish(&mut self) -> io::Result<()> {
        for strand in self.strands.values_mut() {
            while let Some(placed) = strand.placement.pop() {
                strand.lane.write(&placed);
            }
        }
        self.write_until(self.end)?;
        self.files.each(W::flush)
    }

    fn write_until(&mut self, until: i64) -> io::Result<()> {
        self.skip_until(until.min(self.begin));
        let until = until.min(self.end);
        while self.done < until {
            let count = usize::try_from(until - self.done).unwrap_or(BLOCK).min(BLOCK);
            let mut sums = [[0; BLOCK]; 2];
            for (track, strand) in &mut self.strands {
                strand.lane.add_to(&mut sums[place(side_of(*track))][..count]);
            }
            let sides = sums.map(|side| side.map(loudest));
            self.write_block(&sides[0][..count], &sides[1][..count])?;
            self.done += count as i64;
        }
        Ok(())
    }

    /// Leaves out what is before the piece.
    fn skip_until(&mut self, until: i64) {
        let Some(count) = usize::try_from(until - self.done).ok().filter(|count| *count > 0) else { return };
        self.strands.values_mut().for_each(|strand| strand.lane.skip(count));
        self.done = until;
    }

    fn write_block(&mut self, agent: &[i16], customer: &[i16]) -> io::Result<()> {
        let both = || agent.iter().copied().zip(customer.iter().copied());
        let bytes = &mut self.bytes;
        write(&mut self.files.mixed, bytes, both().map(|(left, right)| left.saturating_add(right)))?;
        write(&mut self.files.stereo, bytes, both().flat_map(|(left, right)| [left, right]))?;
        write(&mut self.files.agent, bytes, agent.iter().copied())?;
        write(&mut self.files.customer, bytes, customer.iter().copied())
    }
}

/// As near as a sample can come.
fn loudest(sum: i32) -> i16 {
    sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

fn write<W: Write>(
    file: &mut Option<W>,
    bytes: &mut Vec<u8>,
    samples: impl Iterator<Item = i16>,
) -> io::Result<()> {
    let Some(file) = file else { return Ok(()) };
    bytes.clear();
    bytes.extend(samples.flat_map(i16::to_le_bytes));
    file.write_all(bytes)
}

impl<W: Write> Files<W> {
    /// Writes the headers. `None` when a size does not fit.
    fn begin(&mut self, samples: u64) -> Option<io::Result<()>> {
        let mono = wav::header(RATE_HZ, 1, samples)?;
        let stereo = wav::header(RATE_HZ, 2, samples)?;
        let written = [&mut self.mixed, &mut self.agent, &mut self.customer]
            .into_iter()
            .flatten()
            .try_for_each(|file| file.write_all(&mono));
        Some(written.and_then(|()| self.stereo.iter_mut().try_for_each(|file| file.write_all(&stereo))))
    }

    fn each(&mut self, mut f: impl FnMut(&mut W) -> io::Result<()>) -> io::Result<()> {
        [&mut self.mixed, &mut self.stereo, &mut self.agent, &mut self.customer]
            .into_iter()
            .flatten()
            .try_for_each(&mut f)
    }
}
