//! Call progress tones of China: 450 Hz (GF 002-9002), made at compile time. 20 ms are exactly nine periods, so a tone is
//! one packet's worth of bytes that repeats without a seam.

use crate::codec::Codec;
use crate::g711;

/// Samples in one frame: 20 ms.
pub const FRAME_SAMPLES: usize = 160;

/// A frame of encoded sound.
pub type Frame = [u8; FRAME_SAMPLES];

/// A tone with its cadence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// 1 s on, 4 s off.
    RingBack,
    /// 0.35 s on, 0.35 s off.
    Busy,
}

impl Tone {
    /// Frame number `n` of the tone, from 0.
    pub fn frame(self, codec: Codec, n: u64) -> &'static Frame {
        let (on, period) = self.cadence_samples();
        let from = n % (period / FRAME_SAMPLES as u64) * FRAME_SAMPLES as u64;
        let frames = match codec {
            Codec::Pcmu => &MU_LAW,
            Codec::Pcma => &A_LAW,
        };
        match on.saturating_sub(from) {
            0 => &frames.silent,
            rest if rest < FRAME_SAMPLES as u64 => &frames.half,
            _ => &frames.full,
        }
    }

    /// How long the tone sounds, and after how long it begins again. Whole frames, the first also half ones.
    const fn cadence_samples(self) -> (u64, u64) {
        match self {
            Tone::RingBack => (8_000, 40_000),
            Tone::Busy => (2_800, 5_600),
        }
    }
}

struct Frames {
    full: Frame,
    /// Sounds for 10 ms: four and a half periods, so it too ends where the wave crosses zero.
    half: Frame,
    silent: Frame,
}

static A_LAW: Frames = Frames::new(Codec::Pcma);
static MU_LAW: Frames = Frames::new(Codec::Pcmu);

/// −10 dBm0: full scale of both laws is about +3.14 dBm0, so 13.14 dB below 32,768.
const AMPLITUDE: f64 = 7_219.0;
/// Periods in a frame of 20 ms at 450 Hz.
const PERIODS: usize = 9;

impl Frames {
    const fn new(codec: Codec) -> Frames {
        Frames {
            full: frame(codec, FRAME_SAMPLES),
            half: frame(codec, FRAME_SAMPLES / 2),
            silent: frame(codec, 0),
        }
    }
}

const fn frame(codec: Codec, samples: usize) -> Frame {
    let mut frame = [g711::silence(codec); FRAME_SAMPLES];
    let mut n = 0;
    while n < samples {
        frame[n] = g711::encode(codec, (AMPLITUDE * sine(PERIODS * n % FRAME_SAMPLES)) as i16);
        n += 1;
    }
    frame
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

    fn samples(tone: Tone, codec: Codec, frames: u64) -> Vec<f64> {
        let bytes = (0..frames).flat_map(|n| tone.frame(codec, n).iter());
        bytes.map(|byte| f64::from(g711::decode(codec, *byte))).collect()
    }

    fn power(samples: &[f64], hz: f64) -> f64 {
        let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 8000.0;
        let at = |f: fn(f64) -> f64| -> f64 { samples.iter().enumerate().map(|(n, s)| s * f(turn(n))).sum() };
        let (cosine, sine) = (at(f64::cos), at(f64::sin));
        2.0 * (cosine * cosine + sine * sine) / (samples.len() as f64).powi(2)
    }

    #[test]
    fn the_tone_is_450_hz_at_minus_10_dbm0_in_both_laws() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let sound = samples(Tone::RingBack, codec, 50);
            // 0 dBm0 is a sine 3.14 dB below full scale.
            let reference = 32_768f64.powi(2) / 2.0 / 10f64.powf(0.314);
            let level_db = 10.0 * (power(&sound, 450.0) / reference).log10();
            assert!((level_db + 10.0).abs() < 0.2, "{codec:?} {level_db}");
            let all: f64 = sound.iter().map(|s| s * s).sum::<f64>() / sound.len() as f64;
            assert!(power(&sound, 450.0) / all > 0.998, "harmonics in {codec:?}");
        }
    }

    #[test]
    fn the_cadences_are_one_in_five_seconds_and_half_of_seven_tenths() {
        for (tone, on, period) in [(Tone::RingBack, 8_000, 40_000), (Tone::Busy, 2_800, 5_600)] {
            let frames = 3 * period / FRAME_SAMPLES;
            let sound = samples(tone, Codec::Pcma, frames as u64);
            for (n, window) in sound.chunks(80).enumerate() {
                let loud = window.iter().any(|s| s.abs() > 1000.0);
                assert_eq!(loud, n * 80 % period < on, "{tone:?} at sample {}", n * 80);
            }
        }
    }
}
