//! From a track file to sound files, in one pass and in bounded memory: only the last seconds of each track are kept,
//! however long the call was.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use super::mix::Lane;
use super::placement::{DRIFT_MAX, LATE_MAX, LOOK_AHEAD, Placement};
use super::track_file::{Ending, Reader};
use crate::limits::{PACKET_BYTES_MAX, RECORDING_MAX};
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
    /// Packets read, of both tracks.
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
        /// The length asked for.
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

/// Renders a track file. Every file has exactly the given length: silence is added, or what is beyond it is left out.
///
/// # Errors
/// See [`RenderError`]. A torn track file is no error: what is before the tear is rendered.
pub fn render<R: Read, W: Write>(
    mut tracks: Reader<R>,
    length: Duration,
    files: &mut Files<W>,
) -> Result<Rendered, RenderError> {
    let samples = position(u64::try_from(length.as_micros()).unwrap_or(u64::MAX));
    if length > RECORDING_MAX {
        return Err(RenderError::TooLong { length });
    }
    files.begin(samples.unsigned_abs()).ok_or(RenderError::TooLong { length })??;
    let mut mixer = Mixer::new(files, samples);
    let mut packets = [0; 2];
    while let Some(packet) = tracks.next_packet()? {
        let at = position(packet.at_us);
        let Some(count) = packets.get_mut(usize::from(packet.track)) else { continue };
        *count += 1;
        // Nothing that comes so late can belong before the end.
        if at - LATE_MAX <= samples {
            mixer.advance(at)?;
            let placement = &mut mixer.placements[usize::from(packet.track)];
            placement.push(at, packet.timestamp, packet.codec, packet.payload);
        }
    }
    mixer.finish()?;
    let ending = tracks.ending().expect("next_packet gave None");
    Ok(Rendered { packets, samples: samples.unsigned_abs(), ending })
}

/// Samples per channel of a file of this length.
pub fn samples_in(length: Duration) -> u64 {
    position(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)).unsigned_abs()
}

/// Samples in a time, microseconds.
fn position(us: u64) -> i64 {
    i64::try_from(u128::from(us) * u128::from(RATE_HZ) / 1_000_000).unwrap_or(i64::MAX)
}

/// Both tracks on their way into the files.
struct Mixer<'a, W> {
    files: &'a mut Files<W>,
    placements: [Placement; 2],
    lanes: [Lane; 2],
    /// Samples written.
    written: i64,
    /// Samples to be written in all.
    samples: i64,
    bytes: Vec<u8>,
}

impl<'a, W: Write> Mixer<'a, W> {
    fn new(files: &'a mut Files<W>, samples: i64) -> Mixer<'a, W> {
        Mixer {
            files,
            placements: Default::default(),
            lanes: Default::default(),
            written: 0,
            samples,
            bytes: Vec::new(),
        }
    }

    /// The time is `now`: writes what cannot change any more.
    fn advance(&mut self, now: i64) -> io::Result<()> {
        for (placement, lane) in self.placements.iter_mut().zip(&mut self.lanes) {
            while let Some(placed) = placement.pop_ready(now) {
                lane.write(&placed);
            }
        }
        self.write_until(now - SETTLED_AFTER)
    }

    fn finish(&mut self) -> io::Result<()> {
        for (placement, lane) in self.placements.iter_mut().zip(&mut self.lanes) {
            while let Some(placed) = placement.pop() {
                lane.write(&placed);
            }
        }
        self.write_until(self.samples)?;
        self.files.each(W::flush)
    }

    fn write_until(&mut self, end: i64) -> io::Result<()> {
        let end = end.min(self.samples);
        while self.written < end {
            let count = usize::try_from(end - self.written).unwrap_or(BLOCK).min(BLOCK);
            let mut block = [[0; BLOCK]; 2];
            for (lane, samples) in self.lanes.iter_mut().zip(&mut block) {
                lane.take(&mut samples[..count]);
            }
            self.write_block(&block[0][..count], &block[1][..count])?;
            self.written += count as i64;
        }
        Ok(())
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
