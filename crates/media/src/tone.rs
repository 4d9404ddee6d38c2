//! Call progress tones of China: 450 Hz (GF 002-9002), made at compile time. 20 ms are exactly nine periods, so a tone is
//! 160 samples that repeat without a seam.

use crate::g711::{self, Law};

/// Samples in 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;

/// A tone with its cadence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// 1 s on, 4 s off.
    RingBack,
    /// 0.35 s on, 0.35 s off.
    Busy,
    /// 0.7 s on, 0.7 s off.
    Congestion,
}

impl Tone {
    /// Every one of them.
    pub const ALL: [Tone; 3] = [Tone::RingBack, Tone::Busy, Tone::Congestion];

    /// Fills `into` with the tone, from its sample number `at` on.
    pub fn fill(self, law: Law, at: u64, into: &mut [u8]) {
        let wave = match law {
            Law::A => &A_LAW,
            Law::Mu => &MU_LAW,
        };
        self.fill_from(wave, g711::silence(law), at, into);
    }

    /// [`Tone::fill`] with linear samples at 8 kHz.
    pub fn fill_linear(self, at: u64, into: &mut [i16]) {
        self.fill_from(&LINEAR, 0, at, into);
    }

    fn fill_from<T: Copy>(self, wave: &[T; FRAME_SAMPLES], silence: T, at: u64, into: &mut [T]) {
        let (on, period) = self.cadence_samples();
        let mut at = (at % period as u64) as usize;
        let mut rest = into;
        while !rest.is_empty() {
            let phase = at % FRAME_SAMPLES;
            let end = if at < on { on.min(at - phase + FRAME_SAMPLES) } else { period };
            let (now, later) = rest.split_at_mut(rest.len().min(end - at));
            match at < on {
                true => now.copy_from_slice(&wave[phase..phase + now.len()]),
                false => now.fill(silence),
            }
            at = (at + now.len()) % period;
            rest = later;
        }
    }

    /// How long the tone sounds, and after how long it begins again: halves of [`FRAME_SAMPLES`], so that it ends where the
    /// wave crosses zero, and wholes.
    const fn cadence_samples(self) -> (usize, usize) {
        match self {
            Tone::RingBack => (8_000, 40_000),
            Tone::Busy => (2_800, 5_600),
            Tone::Congestion => (5_600, 11_200),
        }
    }
}

static LINEAR: [i16; FRAME_SAMPLES] = linear();
static A_LAW: [u8; FRAME_SAMPLES] = encoded(Law::A);
static MU_LAW: [u8; FRAME_SAMPLES] = encoded(Law::Mu);

/// −10 dBm0: full scale of both laws is about +3.14 dBm0, so 13.14 dB below 32,768.
const AMPLITUDE: f64 = 7_219.0;
/// Periods in a frame of 20 ms at 450 Hz.
const PERIODS: usize = 9;

const fn linear() -> [i16; FRAME_SAMPLES] {
    let mut wave = [0; FRAME_SAMPLES];
    let mut n = 0;
    while n < FRAME_SAMPLES {
        wave[n] = (AMPLITUDE * sine(PERIODS * n % FRAME_SAMPLES)) as i16;
        n += 1;
    }
    wave
}

const fn encoded(law: Law) -> [u8; FRAME_SAMPLES] {
    let (wave, mut bytes) = (linear(), [0; FRAME_SAMPLES]);
    let mut n = 0;
    while n < FRAME_SAMPLES {
        bytes[n] = g711::encode(law, wave[n]);
        n += 1;
    }
    bytes
}

/// Sine of `n` 160ths of a turn. A Taylor series, because `f64::sin` is not for constants; the angle is at most π, where
/// the first term left out is below 10⁻⁶.
const fn sine(n: usize) -> f64 {
    let half = FRAME_SAMPLES / 2;
    let (sign, n) = if n >= half { (-1.0, n - half) } else { (1.0, n) };
    let x = n as f64 * std::f64::consts::PI / half as f64;
    let (mut sum, mut term, mut k) = (x, x, 1.0);
    while k < 10.0 {
        term *= -x * x / ((2.0 * k) * (2.0 * k + 1.0));
        sum += term;
        k += 1.0;
    }
    sign * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(tone: Tone, law: Law, count: usize) -> Vec<f64> {
        let mut bytes = vec![0; count];
        tone.fill(law, 0, &mut bytes);
        bytes.iter().map(|byte| f64::from(g711::decode(law, *byte))).collect()
    }

    fn power(samples: &[f64], hz: f64) -> f64 {
        let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 8000.0;
        let at = |f: fn(f64) -> f64| -> f64 { samples.iter().enumerate().map(|(n, s)| s * f(turn(n))).sum() };
        let (cosine, sine) = (at(f64::cos), at(f64::sin));
        2.0 * (cosine * cosine + sine * sine) / (samples.len() as f64).powi(2)
    }

    #[test]
    fn the_tone_is_450_hz_at_minus_10_dbm0_in_both_laws() {
        for law in [Law::A, Law::Mu] {
            let sound = samples(Tone::RingBack, law, 8000);
            // 0 dBm0 is a sine 3.14 dB below full scale.
            let reference = 32_768f64.powi(2) / 2.0 / 10f64.powf(0.314);
            let level_db = 10.0 * (power(&sound, 450.0) / reference).log10();
            assert!((level_db + 10.0).abs() < 0.2, "{law:?} {level_db}");
            let all: f64 = sound.iter().map(|s| s * s).sum::<f64>() / sound.len() as f64;
            assert!(power(&sound, 450.0) / all > 0.998, "harmonics in {law:?}");
        }
    }

    #[test]
    fn the_cadences_are_those_of_china() {
        let cadences =
            [(Tone::RingBack, 8_000, 40_000), (Tone::Busy, 2_800, 5_600), (Tone::Congestion, 5_600, 11_200)];
        for (tone, on, period) in cadences {
            let sound = samples(tone, Law::A, 3 * period);
            for (n, window) in sound.chunks(80).enumerate() {
                let loud = window.iter().any(|s| s.abs() > 1000.0);
                assert_eq!(loud, n * 80 % period < on, "{tone:?} at sample {}", n * 80);
            }
        }
    }

    #[test]
    fn pieces_of_any_length_are_the_whole() {
        for tone in Tone::ALL {
            let mut whole = vec![0; 50_000];
            tone.fill_linear(0, &mut whole);
            for piece in [80, 240, 480, 77] {
                let mut pieces = vec![1; 50_000];
                for (n, samples) in pieces.chunks_mut(piece).enumerate() {
                    tone.fill_linear((n * piece) as u64, samples);
                }
                assert!(pieces == whole, "{tone:?} in pieces of {piece}");
            }
        }
    }
}
