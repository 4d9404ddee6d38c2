//! MP3 files of telephone sound (ISO/IEC 11172-3 and 13818-3, Layer III, and what everybody calls MPEG 2.5: 8 kHz): how much
//! sound is in one. Nothing is decoded.

use std::io::{self, Read};

use crate::resample::RATE_HZ;

/// Samples per channel of a frame at this rate.
pub const FRAME_SAMPLES: u64 = 576;

const HEADER_BYTES: usize = 4;
/// Of a frame, by the four bits of its header, kbit/s. 0: free format; the last is forbidden.
const KBPS: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// The longest frame: 160 kbit/s and padding.
const FRAME_BYTES_MAX: usize = 72 * 160_000 / RATE_HZ as usize + 1;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// 1 or 2.
    pub channels: u16,
    /// Samples per channel, those that encoders add before and behind included.
    pub samples: u64,
}

/// Walks from frame to frame to the end. `None` when it is anything but whole frames of Layer III at 8 kHz, all with the
/// same number of channels, at least one.
///
/// # Errors
/// As the reader has them.
pub fn measure(mut from: impl Read) -> io::Result<Option<Measured>> {
    let mut measured: Option<Measured> = None;
    let mut frame = [0; FRAME_BYTES_MAX];
    loop {
        match fill(&mut from, &mut frame[..HEADER_BYTES])? {
            0 => return Ok(measured),
            HEADER_BYTES => {}
            _ => return Ok(None),
        }
        let Some(header) = Header::read(&frame) else { return Ok(None) };
        let body = &mut frame[HEADER_BYTES..header.bytes];
        if fill(&mut from, body)? < body.len() {
            return Ok(None);
        }
        let before = measured.unwrap_or(Measured { channels: header.channels, samples: 0 });
        if before.channels != header.channels {
            return Ok(None);
        }
        let is_sound = measured.is_some() || !header.is_info(&frame);
        let samples = before.samples + if is_sound { FRAME_SAMPLES } else { 0 };
        measured = Some(Measured { samples, ..before });
    }
}

struct Header {
    channels: u16,
    /// The whole frame, this header included.
    bytes: usize,
}

impl Header {
    fn read(frame: &[u8]) -> Option<Header> {
        let &[sync, kind, rates, mode, ..] = frame else { return None };
        // Eleven bits of sync, version 2.5 (00), Layer III (01); the last bit says whether a checksum follows.
        if sync != 0xff || kind & 0xfe != 0xe2 {
            return None;
        }
        // The rate: 11.025 (0), 12 (1) or 8 kHz (2).
        let kbps = *KBPS.get(usize::from(rates >> 4))?;
        if kbps == 0 || (rates >> 2) & 3 != 2 {
            return None;
        }
        let padding = usize::from((rates >> 1) & 1);
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        Some(Header { channels, bytes: 72 * kbps * 1000 / RATE_HZ as usize + padding })
    }

    /// The first frame may hold facts about the file instead of sound, behind the side information of an empty frame.
    fn is_info(&self, frame: &[u8]) -> bool {
        let at = HEADER_BYTES + if self.channels == 1 { 9 } else { 17 };
        matches!(frame.get(at..at + 4), Some(b"Info" | b"Xing"))
    }
}

/// Reads until `into` is full or the end; returns how many bytes came.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame of 24 kbit/s at 8 kHz: 216 bytes.
    fn frame(mode: u8, tag: &[u8]) -> Vec<u8> {
        let mut frame = vec![0xff, 0xe3, 0x38, mode];
        frame.resize(216, 0);
        let at = if mode == 0xc4 { 13 } else { 21 };
        frame[at..at + tag.len()].copy_from_slice(tag);
        frame
    }

    #[test]
    fn frames_are_counted_but_not_the_one_that_tells_of_them() {
        for (mode, channels) in [(0xc4, 1), (0x04, 2)] {
            let file = [frame(mode, b"Info"), frame(mode, b""), frame(mode, b"Info")].concat();
            assert_eq!(measure(&file[..]).unwrap(), Some(Measured { channels, samples: 2 * FRAME_SAMPLES }));
        }
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_not_measured() {
        let whole = [frame(0xc4, b""), frame(0xc4, b"")].concat();
        for cut in [1, 3, 4, 215, 217, 431] {
            assert_eq!(measure(&whole[..cut]).unwrap(), None, "{cut} bytes");
        }
        assert_eq!(measure(&whole[..0]).unwrap(), None);
        assert_eq!(measure(&b"RIFF\0\0\0\0WAVE"[..]).unwrap(), None);
        assert_eq!(measure(&[frame(0xc4, b""), frame(0x04, b"")].concat()[..]).unwrap(), None);
        let mut another_rate = whole;
        another_rate[2] = 0x30;
        assert_eq!(measure(&another_rate[..]).unwrap(), None, "11.025 kHz");
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_measure_or_none(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let framed: Vec<u8> = [0xff, 0xe3, 0x38, 0xc4].into_iter().chain(bytes.iter().copied()).collect();
            for file in [&bytes, &framed] {
                let most = (file.len() / 72) as u64 * FRAME_SAMPLES;
                prop_assert!(measure(&file[..]).unwrap().is_none_or(|measured| measured.samples <= most));
            }
        }
    }
}
