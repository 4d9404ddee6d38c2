//! G.722 (ITU-T, 09/2012) at 64 kbit/s: two sub-bands of 8,000 samples a second each, the lower (0–4 kHz) with six bits a
//! sample, the upper (4–8 kHz) with two. A byte holds one sample of each.
//!
//! The lower sub-band *is* the sound of a telephone line, sample for sample. So the way to G.711 and back leaves the upper
//! one out and needs neither the filters that part the bands nor a change of the sample rate: [`Decoder::narrow`] and
//! [`Encoder::narrow`] cost less than half of [`Decoder::wide`] and [`Encoder::wide`].
//!
//! Both ends predict from what was sent before. After a loss, or when packets of another sender follow, the predictions
//! differ for some ten milliseconds; they leak, and so find to each other again (G.722 §1.5, note).

mod band;
mod qmf;
#[cfg(test)]
mod tests;

use band::{High, Low};
use qmf::{Analysis, Synthesis};

/// The code of the upper sub-band that stands for silence once its step has shrunk: the smaller positive level.
const HIGH_SILENT: u8 = 3;

/// Sound to bytes.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    low: Low,
    high: High,
    analysis: Analysis,
}

impl Encoder {
    /// Two samples at 16 kHz.
    pub fn wide(&mut self, samples: [i16; 2]) -> u8 {
        let (low, high) = self.analysis.part(samples);
        self.high.encode(high) << 6 | self.low.encode(low)
    }

    /// One sample at 8 kHz. Nothing is heard above 4 kHz.
    pub fn narrow(&mut self, sample: i16) -> u8 {
        HIGH_SILENT << 6 | self.low.encode(i32::from(sample) >> 1)
    }
}

/// Bytes to sound.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    low: Low,
    high: High,
    synthesis: Synthesis,
}

impl Decoder {
    /// Two samples at 16 kHz.
    pub fn wide(&mut self, byte: u8) -> [i16; 2] {
        let (low, high) = (self.low.decode(byte & 0x3f), self.high.decode(byte >> 6));
        self.synthesis.join(low, high)
    }

    /// One sample at 8 kHz: the lower sub-band.
    pub fn narrow(&mut self, byte: u8) -> i16 {
        // The sub-band has 15 bits: half of full scale.
        (self.low.decode(byte & 0x3f) << 1) as i16
    }
}
