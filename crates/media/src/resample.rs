//! Any sample rate to 8 or 16 kHz, for prompts: a linear-phase low-pass filter (windowed sinc), evaluated only where an
//! output sample falls.

use std::f64::consts::PI;

/// The rate of everything on a telephone line, and of recordings.
pub const RATE_HZ: u32 = 8_000;
/// The rate of what only G.722 carries.
pub const WIDE_RATE_HZ: u32 = 16_000;

/// Zero crossings of the sinc on each side: more make the edge of the pass band steeper.
const CROSSINGS: f64 = 24.0;
/// The pass band ends here, as a part of half the lower rate; the rest is the filter's edge.
const PASS: f64 = 0.92;
/// Shape of the Kaiser window: about 80 dB in the stop band.
const KAISER: f64 = 8.0;

/// Turns `samples` at the rate `from_hz` into the rate `to_hz` (both above zero). The output begins at the same moment,
/// without delay, and lasts as long as the input, rounded up.
pub fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    assert!(from_hz > 0 && to_hz > 0, "a sample rate is above zero");
    if from_hz == to_hz {
        return samples.to_vec();
    }
    let filters = Filters::new(from_hz, to_hz);
    let count = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz));
    (0..count).map(|n| filters.sample_at(samples, n)).collect()
}

/// One filter per position that an output sample can have between two input samples.
struct Filters {
    /// Input samples per `phases.len()` output samples.
    step: u64,
    /// Input samples on each side of the output sample.
    reach: usize,
    phases: Vec<Vec<f32>>,
}

impl Filters {
    fn new(from_hz: u32, to_hz: u32) -> Filters {
        let divisor = gcd(from_hz, to_hz);
        let (step, count) = (u64::from(from_hz / divisor), to_hz / divisor);
        // Cut-off as a part of half the input rate.
        let cut = PASS * f64::from(to_hz.min(from_hz)) / f64::from(from_hz);
        let reach = (CROSSINGS / cut).ceil();
        let phase = |n: u32| {
            let between = (u64::from(n) * step % u64::from(count)) as f64 / f64::from(count);
            let taps = (0..2 * reach as usize).map(|tap| {
                let x = tap as f64 - (reach - 1.0) - between;
                cut * sinc(cut * x) * window(x / reach)
            });
            let taps: Vec<f64> = taps.collect();
            // Each phase passes a constant unchanged, so the phases do not modulate it.
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|tap| (tap / sum) as f32).collect()
        };
        Filters { step, reach: reach as usize, phases: (0..count).map(phase).collect() }
    }

    fn sample_at(&self, samples: &[i16], n: u64) -> i16 {
        let count = self.phases.len() as u64;
        let before = (n * self.step / count) as usize;
        let taps = &self.phases[(n % count) as usize];
        let sum: f32 =
            taps.iter().enumerate().map(|(tap, weight)| weight * self.input(samples, before, tap)).sum();
        sum.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
    }

    /// Silence before the beginning and after the end.
    fn input(&self, samples: &[i16], before: usize, tap: usize) -> f32 {
        let at = (before + tap + 1).checked_sub(self.reach);
        at.and_then(|at| samples.get(at)).map_or(0.0, |sample| f32::from(*sample))
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Kaiser window; 0 outside −1 … 1.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { bessel(KAISER * (1.0 - x * x).sqrt()) / bessel(KAISER) }
}

/// Modified Bessel function of the first kind, order 0.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let terms = (1..40).map(|k| {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        term
    });
    1.0 + terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate_hz: u32, count: usize) -> Vec<i16> {
        let turn = |n: usize| 2.0 * PI * hz * n as f64 / f64::from(rate_hz);
        (0..count).map(|n| (10_000.0 * turn(n).sin()).round() as i16).collect()
    }

    /// The loudest sample of `a − b` away from the ends.
    fn difference(a: &[i16], b: &[i16]) -> i32 {
        let inner = 200..a.len().min(b.len()) - 200;
        inner.map(|n| (i32::from(a[n]) - i32::from(b[n])).abs()).max().expect("long enough")
    }

    #[test]
    fn speech_passes_unchanged_and_in_place_from_every_rate() {
        for rate in [6_000, 8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
            let input = sine(1_000.0, rate, rate as usize / 2);
            let output = resample(&input, rate, RATE_HZ);
            assert_eq!(output.len(), 4_000, "{rate}");
            let worst = difference(&output, &sine(1_000.0, 8_000, 4_000));
            assert!(worst <= 20, "{rate} Hz: off by {worst} of 10,000");
        }
    }

    #[test]
    fn what_8_khz_cannot_carry_is_gone() {
        for (rate, hz) in [(16_000, 5_000.0), (44_100, 4_500.0), (48_000, 9_000.0), (48_000, 15_000.0)] {
            let output = resample(&sine(hz, rate, rate as usize / 2), rate, RATE_HZ);
            let loudest = output[200..output.len() - 200].iter().map(|s| s.unsigned_abs()).max();
            assert!(loudest < Some(30), "{hz} Hz at {rate}: {loudest:?} of 10,000 is left");
        }
    }

    /// A sweep over all that a file can hold: what the new rate can carry keeps its level, what it cannot is gone, and
    /// nothing of it comes back as another frequency.
    #[test]
    fn a_sweep_leaves_no_alias() {
        for (from, to) in
            [(48_000, 8_000), (44_100, 8_000), (16_000, 8_000), (48_000, 16_000), (44_100, 16_000)]
        {
            let secs = 4.0;
            let top = f64::from(from) / 2.0;
            let count = (secs * f64::from(from)) as usize;
            let turn = |n: usize| {
                let at = n as f64 / f64::from(from);
                2.0 * PI * top * at * at / (2.0 * secs)
            };
            let input: Vec<i16> = (0..count).map(|n| (10_000.0 * turn(n).sin()).round() as i16).collect();
            let output = resample(&input, from, to);
            for (n, window) in output.chunks(to as usize / 50).enumerate() {
                let hz = top * (n as f64 + 0.5) / 50.0 / secs;
                let loudest = window.iter().map(|sample| sample.unsigned_abs()).max().expect("not empty");
                let half = f64::from(to) / 2.0;
                match hz {
                    hz if hz < 0.85 * half => {
                        assert!((9_700..10_300).contains(&loudest) || n == 0, "{hz} Hz: {loudest}")
                    }
                    hz if hz > 1.03 * half => assert!(loudest < 30, "{hz} Hz from {from} to {to}: {loudest}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn twice_the_rate_has_no_image() {
        let output = resample(&sine(3_000.0, 8_000, 4_000), 8_000, 16_000);
        assert!(difference(&output, &sine(3_000.0, 16_000, 8_000)) <= 20);
    }

    #[test]
    fn loud_sound_saturates_and_nothing_stays_nothing() {
        let square: Vec<i16> =
            (0..4_800).map(|n| if n / 24 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        assert!(resample(&square, 48_000, RATE_HZ).contains(&i16::MAX));
        assert_eq!(resample(&[], 44_100, RATE_HZ), []);
    }
}
