//! A prompt or a piece of music, ready to be sent.

use std::time::Duration;

use bytes::Bytes;

use crate::codec::Codec;
use crate::g711;
use crate::resample::{RATE_HZ, to_8_khz};
use crate::tone::FRAME_SAMPLES;
use crate::wav::{self, WavError};

/// A sound in both laws, cut into frames of 20 ms; the last is filled up with silence. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Sound {
    mu_law: Bytes,
    a_law: Bytes,
}

impl Sound {
    /// From samples at 8 kHz.
    pub fn new(samples: &[i16]) -> Sound {
        Sound { mu_law: encode(Codec::Pcmu, samples), a_law: encode(Codec::Pcma, samples) }
    }

    /// From a WAV file of any rate that [`wav::read`] reads.
    ///
    /// # Errors
    /// See [`WavError`].
    pub fn from_wav(file: &[u8]) -> Result<Sound, WavError> {
        let read = wav::read(file)?;
        Ok(Sound::new(&to_8_khz(&read.samples, read.rate_hz)))
    }

    /// Frame number `n`, from 0; `None` past the end.
    pub fn frame(&self, codec: Codec, n: usize) -> Option<&[u8]> {
        let bytes = match codec {
            Codec::Pcmu => &self.mu_law,
            Codec::Pcma => &self.a_law,
        };
        let start = n.checked_mul(FRAME_SAMPLES)?;
        bytes.get(start..start.checked_add(FRAME_SAMPLES)?)
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.a_law.len() / FRAME_SAMPLES
    }

    /// How long it lasts, in whole frames.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.a_law.len() as u64) / RATE_HZ
    }
}

fn encode(codec: Codec, samples: &[i16]) -> Bytes {
    let filled = samples.len().next_multiple_of(FRAME_SAMPLES);
    let mut bytes: Vec<u8> = samples.iter().map(|sample| g711::encode(codec, *sample)).collect();
    bytes.resize(filled, g711::silence(codec));
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let sound = Sound::new(&[1000; 200]);
        assert_eq!((sound.frames(), sound.length()), (2, Duration::from_millis(40)));
        let last = sound.frame(Codec::Pcma, 1).expect("two frames");
        assert_eq!(last[39..41], [g711::encode(Codec::Pcma, 1000), g711::SILENCE_A]);
        assert_eq!(sound.frame(Codec::Pcmu, 2), None);
        assert_eq!(sound.frame(Codec::Pcmu, usize::MAX), None);
    }

    #[test]
    fn a_file_of_another_rate_keeps_its_length() {
        let file = wav::write(44_100, &vec![0; 44_100]).expect("short");
        assert_eq!(Sound::from_wav(&file).expect("WAV").length(), Duration::from_secs(1));
    }
}
