//! One sub-band: ADPCM with a step that adapts itself and a predictor of two poles and six zeros (G.722 §3 and §4).
//!
//! Everything is computed in whole numbers just as the recommendation says, as both ends must come to the same numbers:
//! saturated to 16 bits where it saturates, cut off where it cuts off. Names of its blocks stand beside their code.

/// Decision levels of the lower band for a step of one (G.722 table 3), the first 29 of them; beyond the last is the last
/// level.
static LOW_DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Levels of the lower band by their codes of six bits.
static LOW_LEVELS: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
/// Levels of the lower band by the upper four bits of their codes: what the prediction is made from, so that the lower two
/// may be lost.
static LOW_COARSE_LEVELS: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// How the logarithm of the step changes, by the same four bits.
static LOW_STEPS: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// Levels of the upper band by their codes of two bits.
static HIGH_LEVELS: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How the logarithm of its step changes, by the same two bits.
static HIGH_STEPS: [i32; 4] = [798, -214, 798, -214];
/// The decision level of the upper band for a step of one.
const HIGH_DECISION: i32 = 564;
/// The logarithm of the step leaks by 127/128.
const LEAK: i32 = 127;
/// The mantissas of the step: 2^(n/32) in 11 bits.
static MANTISSAS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Saturates to 16 bits.
const fn sat(value: i32) -> i32 {
    if value > 32_767 {
        32_767
    } else if value < -32_768 {
        -32_768
    } else {
        value
    }
}

/// A decoded sample of a sub-band has 15 bits (LIMIT).
const fn limit(value: i32) -> i32 {
    if value > 16_383 {
        16_383
    } else if value < -16_384 {
        -16_384
    } else {
        value
    }
}

/// The lower sub-band.
#[derive(Clone, Debug)]
pub(super) struct Low {
    predictor: Predictor,
    log_step: i32,
    step: i32,
}

impl Default for Low {
    fn default() -> Low {
        Low { predictor: Predictor::default(), log_step: 0, step: 32 }
    }
}

impl Low {
    /// A sample of 15 bits to a code of six (blocks 1L–3L).
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = sat(sample - self.predictor.next);
        let magnitude = if error < 0 { !error } else { error };
        // How many decision levels it reaches: they are in order, so the search halves.
        let reached = LOW_DECISIONS.partition_point(|level| (level * self.step) >> 12 <= magnitude) as u8;
        // Codes 61…32 say positive, 63, 62, 31…4 negative; 0 is no code (table 4).
        let code = match (error < 0, reached) {
            (false, reached) => 61 - reached,
            (true, reached @ 0..=1) => 63 - reached,
            (true, reached) => 33 - reached,
        };
        self.adapt(code);
        code
    }

    /// A code of six bits to a sample of 15 (blocks 5L, 6L).
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let difference = (self.step * LOW_LEVELS[usize::from(code & 0x3f)]) >> 15;
        let sample = limit(self.predictor.next + difference);
        self.adapt(code);
        sample
    }

    fn adapt(&mut self, code: u8) {
        let coarse = usize::from(code >> 2 & 0x0f);
        let difference = (self.step * LOW_COARSE_LEVELS[coarse]) >> 15;
        self.log_step = (((self.log_step * LEAK) >> 7) + LOW_STEPS[coarse]).clamp(0, 18_432);
        self.step = step(self.log_step, 8);
        self.predictor.follow(difference);
    }
}

/// The upper sub-band.
#[derive(Clone, Debug)]
pub(super) struct High {
    predictor: Predictor,
    log_step: i32,
    step: i32,
}

impl Default for High {
    fn default() -> High {
        High { predictor: Predictor::default(), log_step: 0, step: 8 }
    }
}

impl High {
    /// A sample of 15 bits to a code of two (blocks 1H–3H).
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = sat(sample - self.predictor.next);
        let magnitude = if error < 0 { !error } else { error };
        let is_far = magnitude >= (HIGH_DECISION * self.step) >> 12;
        let code = match (error < 0, is_far) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.adapt(code);
        code
    }

    /// A code of two bits to a sample of 15 (block 5H).
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let before = self.predictor.next;
        limit(before + self.adapt(code))
    }

    fn adapt(&mut self, code: u8) -> i32 {
        let at = usize::from(code & 3);
        let difference = (self.step * HIGH_LEVELS[at]) >> 15;
        self.log_step = (((self.log_step * LEAK) >> 7) + HIGH_STEPS[at]).clamp(0, 22_528);
        self.step = step(self.log_step, 10);
        self.predictor.follow(difference);
        difference
    }
}

/// From its logarithm (SCALEL, SCALEH).
fn step(log: i32, exponent: i32) -> i32 {
    let mantissa = MANTISSAS[(log >> 6 & 31) as usize];
    let shift = exponent - (log >> 11);
    (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2
}

/// What comes next, from what came before (block 4).
#[derive(Clone, Debug, Default)]
struct Predictor {
    /// The prediction.
    next: i32,
    /// Its part by the zeros.
    by_zeros: i32,
    /// Weights of the two poles.
    poles: [i32; 2],
    /// Weights of the six zeros.
    zeros: [i32; 6],
    /// The last two samples as both ends know them.
    samples: [i32; 2],
    /// The last two samples without the part of the poles.
    partial: [i32; 2],
    /// The last six differences.
    differences: [i32; 6],
}

impl Predictor {
    /// The sample was off the prediction by `difference`.
    fn follow(&mut self, difference: i32) {
        let sample = sat(self.next + difference);
        let partial = sat(self.by_zeros + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        self.samples = [sample, self.samples[0]];
        self.partial = [partial, self.partial[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.predict();
    }

    /// UPPOL2, UPPOL1: by the signs of what came before. The poles stay where the filter is stable.
    fn adapt_poles(&mut self, partial: i32) {
        let same = |before: i32| (partial < 0) == (before < 0);
        let [first, second] = self.poles;
        let towards = if same(self.partial[0]) { -sat(first << 2) } else { sat(first << 2) };
        let step = if same(self.partial[1]) { 128 } else { -128 };
        let second = (towards.min(32_767) >> 7) + step + ((second * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let step = if same(self.partial[0]) { 192 } else { -192 };
        let reach = 15_360 - second;
        let first = sat(step + ((first * 32_640) >> 15)).clamp(-reach, reach);
        self.poles = [first, second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            let step = if (difference < 0) == (before < 0) { step } else { -step };
            *zero = sat(step + ((*zero * 32_640) >> 15));
        }
    }

    /// FILTEP, FILTEZ, PREDIC.
    fn predict(&mut self) {
        let part = |weight: i32, value: i32| (weight * sat(value + value)) >> 15;
        let by_poles = sat(part(self.poles[0], self.samples[0]) + part(self.poles[1], self.samples[1]));
        let zeros = self.zeros.iter().zip(self.differences);
        self.by_zeros = sat(zeros.map(|(weight, value)| part(*weight, value)).sum());
        self.next = sat(by_poles + self.by_zeros);
    }
}
