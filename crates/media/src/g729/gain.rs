//! The gains of both codebooks (§3.9): that of the pitch as it is, that of the pulses as a correction of what four subframes
//! before let expect; both in seven bits.

use super::pitch::{Contribution, dot};
use super::tables::{GAIN_FIRST, GAIN_FIRST_CODE, GAIN_SECOND, GAIN_SECOND_CODE};
use super::{SUBFRAME, Subframe};

/// What is taken away before prediction, and what is predicted from the last four subframes, newest first.
const MEAN_DB: f32 = 30.0;
const PREDICTOR: [f32; 4] = [0.68, 0.58, 0.34, 0.19];
const FLOOR_DB: f32 = -14.0;
/// The most that the pitch may have before the pulses are looked for, and that while the encoder tames.
pub(super) const PITCH_MAX: f32 = 1.2;
pub(super) const TAMED: f32 = 0.95;
/// Quantized it stays below this then.
const TAMED_MAX: f32 = 0.9999;
/// Between these the pulses are repeated at the pitch period.
const SHARPEN: std::ops::RangeInclusive<f32> = 0.2..=0.794_5;

/// By how much of each codebook a subframe is excited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gains {
    pub(super) pitch: f32,
    pub(super) pulses: f32,
}

impl Gains {
    /// How much of a pulse is repeated in the subframe after this.
    pub(super) fn sharpen(self) -> f32 {
        self.pitch.clamp(*SHARPEN.start(), *SHARPEN.end())
    }
}

/// Before the first subframe.
pub(super) const SHARPEN_FIRST: f32 = *SHARPEN.start();

#[derive(Clone, Debug)]
pub(super) struct Quantizer {
    /// Corrections of the last subframes, dB, newest first.
    past_db: [f32; 4],
}

impl Default for Quantizer {
    fn default() -> Quantizer {
        Quantizer { past_db: [FLOOR_DB; 4] }
    }
}

/// How much of a contribution alone comes nearest to what is wanted.
pub(super) fn alone(wanted: &Subframe, heard: &Subframe) -> f32 {
    dot(wanted, heard) / (dot(heard, heard) + 0.01)
}

/// What rows of both stages give: the pitch gain, and the correction.
fn row(first: usize, second: usize) -> (f32, f32) {
    let ([pitch, correction], [more_pitch, more]) = (GAIN_FIRST[first], GAIN_SECOND[second]);
    let sum = |a: i16, b: i16, one: f32| (f32::from(a) + f32::from(b)) / one;
    (sum(pitch, more_pitch, 16_384.0), sum(correction, more, 8192.0))
}

impl Quantizer {
    /// The gains of codes.
    pub(super) fn decode(&mut self, codes: [u8; 2], pulses: &Subframe) -> Gains {
        let place = |codes: &[u8], code: u8| codes.iter().position(|of_row| *of_row == code).unwrap_or(0);
        let first = place(&GAIN_FIRST_CODE, codes[0] & 7);
        let second = place(&GAIN_SECOND_CODE, codes[1] & 15);
        let (pitch, correction) = row(first, second);
        let gains = Gains { pitch, pulses: correction * self.expected(pulses) };
        self.past_db.copy_within(..3, 1);
        self.past_db[0] = 20.0 * correction.log10();
        gains
    }

    /// The codes that come nearest to what is wanted.
    pub(super) fn encode(
        &self,
        wanted: &Subframe,
        pitch: &Contribution,
        pulses: &Contribution,
        tamed: bool,
    ) -> [u8; 2] {
        let expected = self.expected(&pulses.vector);
        let (y, z) = (&pitch.heard, &pulses.heard);
        let (yy, zz, yz) = (dot(y, y), dot(z, z), dot(y, z));
        let (xy, xz) = (dot(wanted, y), dot(wanted, z));
        let mut best = ([0, 0], f32::INFINITY);
        for (first, first_code) in GAIN_FIRST_CODE.iter().enumerate() {
            for (second, second_code) in GAIN_SECOND_CODE.iter().enumerate() {
                let (p, correction) = row(first, second);
                if tamed && p >= TAMED_MAX {
                    continue;
                }
                let c = correction * expected;
                let error = p * p * yy + c * c * zz + 2.0 * (p * c * yz - p * xy - c * xz);
                if error < best.1 {
                    best = ([*first_code, *second_code], error);
                }
            }
        }
        best.0
    }

    /// The gain of the pulses that the subframes before let expect (equation 71).
    fn expected(&self, pulses: &Subframe) -> f32 {
        let energy_db = 10.0 * (dot(pulses, pulses) / SUBFRAME as f32).log10();
        let db = dot(&PREDICTOR, &self.past_db) + MEAN_DB - energy_db;
        10.0_f32.powf(db / 20.0)
    }
}
