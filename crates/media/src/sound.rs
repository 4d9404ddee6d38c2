//! A prompt or a piece of music, ready to be sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::g711::{self, Law};
use crate::resample::{RATE_HZ, WIDE_RATE_HZ, resample};
use crate::tone::FRAME_SAMPLES;
use crate::wav::{self, WavError};

/// A sound in both laws, and as samples for G.722, which must be encoded for each far end anew; filled up with silence to
/// a multiple of 20 ms. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Sound {
    mu_law: Bytes,
    a_law: Bytes,
    wide: Arc<[i16]>,
}

impl Sound {
    /// From samples at 8 kHz.
    pub fn new(samples: &[i16]) -> Sound {
        Sound::at_rate(samples, RATE_HZ)
    }

    /// From a WAV file of any rate that [`wav::read`] reads.
    ///
    /// # Errors
    /// See [`WavError`].
    pub fn from_wav(file: &[u8]) -> Result<Sound, WavError> {
        let read = wav::read(file)?;
        Ok(Sound::at_rate(&read.samples, read.rate_hz))
    }

    fn at_rate(samples: &[i16], rate_hz: u32) -> Sound {
        let mut narrow = resample(samples, rate_hz, RATE_HZ);
        narrow.resize(narrow.len().next_multiple_of(FRAME_SAMPLES), 0);
        let mut wide = resample(samples, rate_hz, WIDE_RATE_HZ);
        wide.resize(2 * narrow.len(), 0);
        let encode = |law| narrow.iter().map(|sample| g711::encode(law, *sample)).collect();
        Sound { mu_law: encode(Law::Mu), a_law: encode(Law::A), wide: wide.into() }
    }

    /// In one of the laws: a byte a tick of 8 kHz.
    pub fn encoded(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.mu_law,
            Law::A => &self.a_law,
        }
    }

    /// The samples at 16 kHz: two a tick of 8 kHz.
    pub fn wide(&self) -> &[[i16; 2]] {
        self.wide.as_chunks().0
    }

    /// How long it lasts, in ticks of 8 kHz.
    pub fn ticks(&self) -> usize {
        self.a_law.len()
    }

    /// How long it lasts.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.ticks() as u64) / RATE_HZ
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_as_long_in_every_form_and_filled_up_with_silence() {
        let sound = Sound::new(&[1000; 200]);
        assert_eq!((sound.ticks(), sound.length()), (320, Duration::from_millis(40)));
        assert_eq!(sound.encoded(Law::A)[199..201], [g711::encode(Law::A, 1000), g711::SILENCE_A]);
        assert_eq!((sound.encoded(Law::Mu).len(), sound.wide().len()), (320, 320));
        assert!(sound.wide()[100].iter().all(|sample| (*sample - 1000).abs() < 10));
    }

    #[test]
    fn a_file_of_another_rate_keeps_its_length() {
        for rate_hz in [8_000, 11_025, 16_000, 44_100, 48_000] {
            let file = wav::write(rate_hz, &vec![0; rate_hz as usize]).expect("short");
            let sound = Sound::from_wav(&file).expect("WAV");
            assert_eq!((sound.length(), sound.wide().len()), (Duration::from_secs(1), 8_000), "{rate_hz}");
        }
    }
}
