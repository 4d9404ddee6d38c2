//! The adaptive codebook (§3.7): what the excitation was one pitch period ago, in steps of a third of a sample.

use super::tables::BETWEEN;
use super::{LAG_MAX, LEVEL_MAX, SUBFRAME, Subframe};

/// Samples of the past that a lag reaches, its filter included.
const PAST: usize = LAG_MAX + 11;
const LAG_MIN: usize = 20;
/// Beyond this whole samples are near enough.
const LAG_THIRDS_MAX: usize = 84;
/// Lags that the second subframe can name, whole samples.
const NEAR: usize = 9;

/// A pitch period, in thirds of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lag(usize);

impl Lag {
    pub(super) fn of_samples(samples: usize) -> Lag {
        Lag(3 * samples)
    }

    /// The nearest whole number of samples.
    pub(super) fn whole(self) -> usize {
        (self.0 + 1) / 3
    }

    /// The whole samples that it is not longer than.
    fn up(self) -> usize {
        self.0.div_ceil(3)
    }

    /// Eight bits, in the first subframe: thirds from 19 1/3 to 84 2/3, whole samples from there to 143.
    pub(super) fn code(self) -> u8 {
        let code =
            if self.whole() <= LAG_THIRDS_MAX + 1 && self.0 < 255 { self.0 - 58 } else { self.whole() + 112 };
        code as u8
    }

    pub(super) fn of_code(code: u8) -> Lag {
        match usize::from(code) {
            code if code < 197 => Lag(code + 58),
            code => Lag::of_samples(code - 112),
        }
    }

    /// Five bits, in the second: thirds, near the lag of the first.
    pub(super) fn code_near(self, first: Lag) -> u8 {
        (self.0 + 2 - 3 * first.near()) as u8
    }

    pub(super) fn of_code_near(code: u8, first: Lag) -> Lag {
        Lag(usize::from(code & 0x1f) + 3 * first.near() - 2)
    }

    /// The shortest whole lag that is near.
    fn near(self) -> usize {
        self.whole().saturating_sub(5).clamp(LAG_MIN, LAG_MAX - NEAR)
    }
}

/// The excitation of the past, and then of the subframe at hand.
#[derive(Clone, Debug)]
pub(super) struct Excitation([f32; PAST + SUBFRAME]);

impl Default for Excitation {
    fn default() -> Excitation {
        Excitation([0.0; PAST + SUBFRAME])
    }
}

impl Excitation {
    /// What the past gives at a lag. One shorter than a subframe repeats what it gives.
    pub(super) fn at(&self, lag: Lag) -> Subframe {
        let mut line = self.0;
        let (back, phase) = (lag.up(), 3 * lag.up() - lag.0);
        for n in PAST..PAST + SUBFRAME {
            let at = n - back;
            let sum = |i: usize| {
                line[at - i] * f32::from(BETWEEN[phase + 3 * i])
                    + line[at + 1 + i] * f32::from(BETWEEN[3 - phase + 3 * i])
            };
            line[n] = (0..10).map(sum).sum::<f32>() / 32_768.0;
        }
        std::array::from_fn(|n| line[PAST + n])
    }

    /// What the subframe was excited with.
    pub(super) fn push(&mut self, excitation: &Subframe) {
        self.0.copy_within(SUBFRAME.., 0);
        let last = &mut self.0[PAST - SUBFRAME..PAST];
        for (last, sample) in last.iter_mut().zip(excitation) {
            *last = sample.clamp(-LEVEL_MAX, LEVEL_MAX);
        }
    }

    /// What was pushed last.
    pub(super) fn newest(&self) -> Subframe {
        std::array::from_fn(|n| self.0[PAST - SUBFRAME + n])
    }

    /// All of it, at a quarter.
    pub(super) fn soften(&mut self) {
        self.0.iter_mut().for_each(|sample| *sample /= 4.0);
    }
}

/// What a codebook contributes, before and after the filter through which the encoder listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contribution {
    pub(super) vector: Subframe,
    pub(super) heard: Subframe,
}

/// Finds the lag that comes nearest to what is wanted.
pub(super) struct Search<'a> {
    pub(super) excitation: &'a Excitation,
    pub(super) wanted: &'a Subframe,
    /// What is heard of one pulse.
    pub(super) response: &'a Subframe,
}

impl Search<'_> {
    /// Near the period of a whole frame.
    pub(super) fn first(&self, open: usize) -> (Lag, Contribution) {
        let low = open.saturating_sub(3).clamp(LAG_MIN, LAG_MAX - 6);
        let whole = self.best((low..=low + 6).map(Lag::of_samples));
        if whole.0.whole() > LAG_THIRDS_MAX {
            return (whole.0, whole.1);
        }
        self.refine(whole)
    }

    /// Near the lag of the first subframe.
    pub(super) fn second(&self, first: Lag) -> (Lag, Contribution) {
        let low = first.near();
        self.refine(self.best((low..=low + NEAR).map(Lag::of_samples)))
    }

    fn refine(&self, whole: Scored) -> (Lag, Contribution) {
        let thirds = [1, 2].into_iter().flat_map(|third| [whole.0.0 - third, whole.0.0 + third]);
        let finer = self.best(thirds.map(Lag));
        if finer.2 > whole.2 { (finer.0, finer.1) } else { (whole.0, whole.1) }
    }

    fn best(&self, lags: impl Iterator<Item = Lag>) -> Scored {
        let scored = lags.map(|lag| self.score(lag));
        scored
            .reduce(|best, next| if next.2 > best.2 { next } else { best })
            .expect("ranges of lags have some")
    }

    /// How much of what is wanted a lag explains (equation 37).
    fn score(&self, lag: Lag) -> Scored {
        let vector = self.excitation.at(lag);
        let heard = heard(&vector, self.response);
        let (agrees, energy) = (dot(self.wanted, &heard), dot(&heard, &heard));
        (lag, Contribution { vector, heard }, agrees / (energy + 0.01).sqrt())
    }
}

type Scored = (Lag, Contribution, f32);

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What is heard of an excitation.
pub(super) fn heard(vector: &Subframe, response: &Subframe) -> Subframe {
    let mut heard = [0.0; SUBFRAME];
    for (n, sample) in vector.iter().enumerate().filter(|(_, sample)| **sample != 0.0) {
        for (heard, response) in heard[n..].iter_mut().zip(response) {
            *heard += sample * response;
        }
    }
    heard
}

/// Samples of weighted speech that the search for a frame's period looks at.
pub(super) const WEIGHTED: usize = LAG_MAX + 2 * SUBFRAME;

/// The period of a frame, roughly, from its weighted speech and that before it (§3.4, annex A.3.4). A longer one must be
/// clearly better: it may be twice or three times the true one.
pub(super) fn open(weighted: &[f32; WEIGHTED]) -> usize {
    let agreement = |lag: usize| {
        let now = weighted[LAG_MAX..].iter().step_by(2);
        let before = weighted[LAG_MAX - lag..WEIGHTED - lag].iter().step_by(2);
        now.zip(before).fold((0.0, 0.01), |(agrees, energy), (now, before)| {
            (agrees + now * before, energy + before * before)
        })
    };
    let best = |lags: std::ops::RangeInclusive<usize>| {
        let mut best = (*lags.start(), f32::NEG_INFINITY, 1.0);
        for lag in lags {
            let (agrees, energy) = agreement(lag);
            if agrees > best.1 {
                best = (lag, agrees, energy);
            }
        }
        (best.0, best.1 / best.2.sqrt())
    };
    let mut found = best(80..=LAG_MAX);
    for shorter in [best(40..=79), best(LAG_MIN..=39)] {
        if shorter.1 >= 0.85 * found.1 {
            found = shorter;
        }
    }
    found.0
}

/// Foresees how an error of the decoder would grow (§3.10, "taming"): a lost packet must not make a steady tone swell.
#[derive(Clone, Debug)]
pub(super) struct Taming([f32; 4]);

/// An error that has grown by this much is one too many.
const GROWN_MAX: f32 = 60_000.0;

impl Default for Taming {
    fn default() -> Taming {
        Taming([1.0; 4])
    }
}

impl Taming {
    /// Whether the gain at a lag must stay below one.
    pub(super) fn is_needed(&self, lag: Lag) -> bool {
        let up = lag.up();
        let (newest, oldest) = (up.saturating_sub(50) / SUBFRAME, (up + 8) / SUBFRAME);
        self.0[newest..=oldest.min(3)].iter().any(|grown| *grown > GROWN_MAX)
    }

    pub(super) fn push(&mut self, lag: Lag, gain: f32) {
        let whole = lag.whole();
        let grown = |before: f32| 1.0 + gain * before;
        let worst = match whole.checked_sub(SUBFRAME) {
            None => grown(self.0[0]).max(grown(grown(self.0[0]))),
            Some(newest) => {
                let zones = newest / SUBFRAME..=((whole - 1) / SUBFRAME).min(3);
                self.0[zones].iter().map(|before| grown(*before)).fold(0.0, f32::max)
            }
        };
        self.0.copy_within(..3, 1);
        self.0[0] = worst;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_lag_and_every_lag_has_its_code() {
        for code in 0..=255 {
            let lag = Lag::of_code(code);
            assert_eq!(lag.code(), code);
            assert!((19..=LAG_MAX).contains(&lag.whole()));
            for near in 0..32 {
                let second = Lag::of_code_near(near, lag);
                assert_eq!(second.code_near(lag), near);
                assert!(second.up() <= LAG_MAX + 1 && second.0 >= 58, "{second:?}");
            }
        }
    }
}
