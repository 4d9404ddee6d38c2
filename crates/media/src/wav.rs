//! WAV files: read (PCM of 8 to 32 bits, floats, G.711; one or two channels) and written (PCM of 16 bits).

use std::fmt;

use crate::g711::{self, Law};
use crate::limits::{WAV_BYTES_MAX, WAV_RATE_HZ};

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The real format is in the first bytes of a GUID.
const EXTENSIBLE: u16 = 0xfffe;

/// Bytes of the header that [`header`] makes.
pub const HEADER_BYTES: usize = 44;

/// Sound of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples per second.
    pub rate_hz: u32,
    /// Samples; of two channels the mean.
    pub samples: Vec<i16>,
}

/// Why a WAV file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WavError {
    /// More than `WAV_BYTES_MAX`.
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// Not a RIFF file of type WAVE, or without a `fmt ` chunk before its `data` chunk.
    NotWav,
    /// A format other than PCM of 8, 16, 24 or 32 bits, floats of 32 or 64, A-law or µ-law.
    Format {
        /// The format tag.
        format: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// More than two channels, or none.
    Channels(u16),
    /// A rate outside `WAV_RATE_HZ`.
    Rate {
        /// Samples per second.
        hz: u32,
    },
}

/// Reads a file. A `data` chunk longer than the file (as writers that stream leave it) ends with the file.
///
/// # Errors
/// See [`WavError`].
pub fn read(file: &[u8]) -> Result<Wav, WavError> {
    if file.len() > WAV_BYTES_MAX {
        return Err(WavError::TooLong { bytes: file.len() });
    }
    let Some((b"RIFF", rest)) = file.split_first_chunk::<4>() else { return Err(WavError::NotWav) };
    let Some(mut rest) = rest.get(4..).and_then(|rest| rest.strip_prefix(b"WAVE")) else {
        return Err(WavError::NotWav);
    };
    let mut format = None;
    loop {
        let Some((name, after)) = rest.split_first_chunk::<4>() else { return Err(WavError::NotWav) };
        let Some((len, after)) = after.split_first_chunk::<4>() else { return Err(WavError::NotWav) };
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        let chunk = &after[..len.min(after.len())];
        match (name, format) {
            (b"fmt ", _) => format = Some(Format::read(chunk)?),
            (b"data", Some(format)) => return Ok(format.samples(chunk)),
            (_, _) => {}
        }
        // Chunks begin at even bytes.
        rest = after.get(len.saturating_add(len % 2)..).ok_or(WavError::NotWav)?;
    }
}

/// The header of a file of PCM with 16 bits and `samples` samples per channel; the samples follow it, little-endian, of
/// two channels in turn. `None` when the sizes do not fit its 32 bits.
pub fn header(rate_hz: u32, channels: u16, samples: u64) -> Option<[u8; HEADER_BYTES]> {
    let frame_bytes = u32::from(channels) * 2;
    let data_bytes = u32::try_from(samples.checked_mul(u64::from(frame_bytes))?).ok()?;
    let file_bytes = data_bytes.checked_add(HEADER_BYTES as u32 - 8)?;
    let mut header = [0; HEADER_BYTES];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &file_bytes.to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        &PCM.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate_hz.to_le_bytes(),
        &(rate_hz * frame_bytes).to_le_bytes(),
        &(channels * 2).to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &data_bytes.to_le_bytes(),
    ];
    let mut at = 0;
    for field in fields {
        header[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
    Some(header)
}

/// A whole file of one channel. `None` when it is too long for a WAV file.
pub fn write(rate_hz: u32, samples: &[i16]) -> Option<Vec<u8>> {
    let mut file = header(rate_hz, 1, samples.len() as u64)?.to_vec();
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Some(file)
}

#[derive(Clone, Copy)]
struct Format {
    encoding: Encoding,
    channels: u16,
    rate_hz: u32,
}

#[derive(Clone, Copy)]
enum Encoding {
    /// Whole numbers of so many bytes; those of one byte are without sign (127 is −1).
    Linear(u8),
    Float32,
    Float64,
    G711(Law),
}

impl Encoding {
    fn of(format: u16, bits: u16) -> Option<Encoding> {
        match (format, bits) {
            (PCM, 8) => Some(Encoding::Linear(1)),
            (PCM, 16) => Some(Encoding::Linear(2)),
            (PCM, 24) => Some(Encoding::Linear(3)),
            (PCM, 32) => Some(Encoding::Linear(4)),
            (FLOAT, 32) => Some(Encoding::Float32),
            (FLOAT, 64) => Some(Encoding::Float64),
            (A_LAW, 8) => Some(Encoding::G711(Law::A)),
            (MU_LAW, 8) => Some(Encoding::G711(Law::Mu)),
            (_, _) => None,
        }
    }

    /// Samples of 16 bits: what has more is cut off.
    fn samples(self, data: &[u8]) -> Vec<i16> {
        match self {
            Encoding::Linear(1) => data.iter().map(|byte| i16::from_be_bytes([byte ^ 0x80, 0])).collect(),
            // The upper two bytes come last.
            Encoding::Linear(bytes) => data
                .chunks_exact(usize::from(bytes))
                .filter_map(|sample| sample.last_chunk().map(|upper| i16::from_le_bytes(*upper)))
                .collect(),
            Encoding::Float32 => {
                let floats = data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                floats.map(|sample| of_float(sample.into())).collect()
            }
            Encoding::Float64 => {
                data.as_chunks().0.iter().map(|bytes| of_float(f64::from_le_bytes(*bytes))).collect()
            }
            Encoding::G711(law) => data.iter().map(|byte| g711::decode(law, *byte)).collect(),
        }
    }
}

/// Full scale is ±1; louder is full scale, and what is no number is silence.
fn of_float(sample: f64) -> i16 {
    (sample * 32_768.0).round() as i16
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Format, WavError> {
        let Some(([t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1], more)) =
            chunk.split_first_chunk::<16>()
        else {
            return Err(WavError::NotWav);
        };
        let word = |low: &u8, high: &u8| u16::from_le_bytes([*low, *high]);
        let format = match (word(t0, t1), more) {
            (EXTENSIBLE, [_, _, _, _, _, _, _, _, low, high, ..]) => word(low, high),
            (format, _) => format,
        };
        let bits = word(b0, b1);
        let encoding = Encoding::of(format, bits).ok_or(WavError::Format { format, bits })?;
        let channels = word(c0, c1);
        if !(1..=2).contains(&channels) {
            return Err(WavError::Channels(channels));
        }
        let rate_hz = u32::from_le_bytes([*r0, *r1, *r2, *r3]);
        if !WAV_RATE_HZ.contains(&rate_hz) {
            return Err(WavError::Rate { hz: rate_hz });
        }
        Ok(Format { encoding, channels, rate_hz })
    }

    fn samples(self, data: &[u8]) -> Wav {
        let all = self.encoding.samples(data);
        let samples = match self.channels {
            2 => all.as_chunks::<2>().0.iter().map(|[left, right]| i16::midpoint(*left, *right)).collect(),
            _ => all,
        };
        Wav { rate_hz: self.rate_hz, samples }
    }
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WavError::TooLong { bytes } => {
                write!(f, "the file has {bytes} bytes, the limit is {WAV_BYTES_MAX}")
            }
            WavError::NotWav => f.write_str("not a WAV file, or cut off"),
            WavError::Format { format, bits } => {
                write!(
                    f,
                    "format {format} with {bits} bits: only PCM of 8, 16, 24 and 32 bits, floats and G.711 can be read"
                )
            }
            WavError::Channels(channels) => write!(f, "{channels} channels: only one or two can be read"),
            WavError::Rate { hz } => {
                write!(f, "{hz} Hz: the limits are {} and {} Hz", WAV_RATE_HZ.start(), WAV_RATE_HZ.end())
            }
        }
    }
}

impl std::error::Error for WavError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file from format tag, channels, bits and data, with another chunk of odd length before the data.
    fn file(format: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = header(16_000, channels, 0).expect("short")[..36].to_vec();
        file[20..22].copy_from_slice(&format.to_le_bytes());
        file[34..36].copy_from_slice(&bits.to_le_bytes());
        file.extend_from_slice(b"LIST\x03\0\0\0abc\0data");
        file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend_from_slice(data);
        file
    }

    #[test]
    fn every_kind_is_read() {
        let samples = |format, channels, bits, data: &[u8]| {
            let wav = read(&file(format, channels, bits, data)).expect("well formed");
            assert_eq!(wav.rate_hz, 16_000);
            wav.samples
        };
        assert_eq!(samples(PCM, 1, 16, &[0x00, 0x10, 0x00, 0xf0]), [4096, -4096]);
        assert_eq!(samples(PCM, 2, 16, &[0x00, 0x10, 0x00, 0xf0]), [0]);
        assert_eq!(samples(PCM, 1, 8, &[0x90, 0x80, 0x70, 0x00, 0xff]), [4096, 0, -4096, i16::MIN, 0x7f00]);
        assert_eq!(samples(PCM, 1, 24, &[0xff, 0x00, 0x10, 0x00, 0x00, 0xf0, 0xff]), [4096, -4096]);
        assert_eq!(samples(PCM, 1, 32, &[0xff, 0xff, 0x00, 0x10, 0x00, 0x00, 0x00, 0xf0]), [4096, -4096]);
        let floats = [0.125f32, -0.125, 9.0, -9.0, f32::NAN].map(f32::to_le_bytes).concat();
        assert_eq!(samples(FLOAT, 1, 32, &floats), [4096, -4096, i16::MAX, i16::MIN, 0]);
        let floats = [0.125f64, -0.125].map(f64::to_le_bytes).concat();
        assert_eq!(samples(FLOAT, 2, 64, &floats), [0]);
        assert_eq!(samples(A_LAW, 1, 8, &[0xaa]), [32_256]);
        assert_eq!(samples(MU_LAW, 1, 8, &[0x80]), [32_124]);
    }

    #[test]
    fn an_extensible_header_names_its_format_later() {
        let mut file = header(8_000, 1, 0).expect("short")[..36].to_vec();
        file[16] = 40;
        file[20..22].copy_from_slice(&EXTENSIBLE.to_le_bytes());
        file.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
        file.extend_from_slice(&[0; 14]);
        file.extend_from_slice(b"data\xff\xff\xff\xff\x05\0");
        assert_eq!(read(&file).expect("PCM").samples, [5]);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        assert_eq!(read(b"RIFF"), Err(WavError::NotWav));
        assert_eq!(read(&file(PCM, 1, 16, &[])[..40]), Err(WavError::NotWav));
        assert_eq!(read(&file(PCM, 1, 12, &[])), Err(WavError::Format { format: 1, bits: 12 }));
        assert_eq!(read(&file(0x55, 1, 0, &[])), Err(WavError::Format { format: 0x55, bits: 0 }));
        assert_eq!(read(&file(PCM, 6, 16, &[])), Err(WavError::Channels(6)));
        let mut fast = file(PCM, 1, 16, &[]);
        fast[24..28].copy_from_slice(&200_000u32.to_le_bytes());
        assert_eq!(read(&fast), Err(WavError::Rate { hz: 200_000 }));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(samples in prop::collection::vec(any::<i16>(), 0..200)) {
            let file = write(8000, &samples).expect("short");
            prop_assert_eq!(read(&file), Ok(Wav { rate_hz: 8000, samples }));
        }

        #[test]
        fn a_damaged_file_never_makes_it_panic(at in 0usize..60, byte in any::<u8>(), cut in 0usize..60) {
            let mut file = file(PCM, 1, 16, &[1, 2, 3, 4]);
            let at = at % file.len();
            file[at] = byte;
            let _ = read(&file);
            let _ = read(&file[..cut.min(file.len())]);
        }
    }
}
