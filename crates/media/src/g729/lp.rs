//! Linear prediction (§3.2): the filter that fits a stretch of sound, and its line spectral pairs, the cosines of line
//! spectral frequencies: they can be quantized and mixed, and the filter stays stable.

use std::f32::consts::PI;

use super::tables::WINDOW;
use super::{Filter, ORDER};

/// Samples that are looked at: 120 before the frame, the frame, and 40 after it.
pub(super) const LOOKED_AT: usize = WINDOW.len();
/// Steps in which roots are looked for.
const GRID: usize = 60;
/// Halvings of a step in which there is one.
const HALVINGS: usize = 4;
/// How wide peaks are at least, Hz: (§3.2.1, equation 6).
const WIDTH_HZ: f32 = 60.0;
/// Noise that is taken to be there, 40 dB down: keeps pure tones from a filter that rings for ever.
const NOISE: f32 = 1.0001;

/// The pairs before the first frame.
pub(super) const PAIRS_FIRST: Filter = [
    0.915_527_3,
    0.793_457,
    0.640_869_14,
    0.457_763_67,
    0.244_140_63,
    0.0,
    -0.244_140_63,
    -0.457_763_67,
    -0.640_869_14,
    -0.793_457,
];

/// The filter that fits best (§3.2.1 and §3.2.2).
pub(super) fn analyse(sound: &[f32; LOOKED_AT]) -> Filter {
    let mut windowed = [0.0; LOOKED_AT];
    for ((into, sample), weight) in windowed.iter_mut().zip(sound).zip(WINDOW) {
        *into = sample * f32::from(weight) / 32_768.0;
    }
    let mut correlation = [0.0_f32; ORDER + 1];
    for (lag, sum) in correlation.iter_mut().enumerate() {
        *sum = windowed[lag..].iter().zip(&windowed).map(|(a, b)| a * b).sum();
    }
    correlation[0] = correlation[0].max(1.0) * NOISE;
    for (lag, sum) in correlation.iter_mut().enumerate().skip(1) {
        let turn = 2.0 * PI * WIDTH_HZ * lag as f32 / 8000.0;
        *sum *= (-0.5 * turn * turn).exp();
    }
    levinson(&correlation)
}

/// Solves for the filter whose output has these correlations.
fn levinson(correlation: &[f32; ORDER + 1]) -> Filter {
    let mut a = [0.0; ORDER];
    let mut error = correlation[0];
    for order in 0..ORDER {
        let predicted: f32 = (0..order).map(|n| a[n] * correlation[order - n]).sum();
        let reflection = -(correlation[order + 1] + predicted) / error;
        let before = a;
        for n in 0..order {
            a[n] += reflection * before[order - 1 - n];
        }
        a[order] = reflection;
        error *= 1.0 - reflection * reflection;
        if error <= 0.0 {
            break;
        }
    }
    a
}

/// The line spectral pairs of a filter, falling; `None` when not all are found: the filter is on the edge (§3.2.3).
pub(super) fn pairs(a: &Filter) -> Option<Filter> {
    let mut sums = [[1.0_f32; 6]; 2];
    for n in 0..5 {
        let (low, high) = (a[n], a[ORDER - 1 - n]);
        sums[0][n + 1] = low + high - sums[0][n];
        sums[1][n + 1] = low - high + sums[1][n];
    }
    let mut found = [0.0; ORDER];
    let mut count = 0;
    let (mut high, mut step) = (1.0, 1);
    let mut at_high = chebyshev(high, &sums[0]);
    while count < ORDER && step <= GRID {
        let low = (PI * step as f32 / GRID as f32).cos();
        let at_low = chebyshev(low, &sums[count % 2]);
        if at_low * at_high > 0.0 {
            (high, at_high, step) = (low, at_low, step + 1);
            continue;
        }
        // The roots of both polynomials alternate: the next one of the other lies below, perhaps in the same step.
        let root = root([low, high], [at_low, at_high], &sums[count % 2]);
        found[count] = root;
        count += 1;
        (high, at_high) = (root, chebyshev(root, &sums[count % 2]));
    }
    (count == ORDER).then_some(found)
}

/// The root between two places where the polynomial has opposite signs.
fn root([mut low, mut high]: [f32; 2], [mut at_low, mut at_high]: [f32; 2], sums: &[f32; 6]) -> f32 {
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        let at_middle = chebyshev(middle, sums);
        if at_low * at_middle <= 0.0 {
            (high, at_high) = (middle, at_middle);
        } else {
            (low, at_low) = (middle, at_middle);
        }
    }
    let rise = at_high - at_low;
    if rise == 0.0 { low } else { low - at_low * (high - low) / rise }
}

fn chebyshev(x: f32, sums: &[f32; 6]) -> f32 {
    let (mut before, mut now) = (1.0, 2.0 * x + sums[1]);
    for coefficient in &sums[2..5] {
        (before, now) = (now, 2.0 * x * now - before + coefficient);
    }
    x * now - before + sums[5] / 2.0
}

/// The filter of line spectral pairs (§3.2.6).
pub(super) fn filter(pairs: &Filter) -> Filter {
    let product = |first: usize| {
        let mut product = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        for pair in pairs[first..].iter().step_by(2) {
            for n in (1..6).rev() {
                product[n] += -2.0 * pair * product[n - 1] + if n > 1 { product[n - 2] } else { 0.0 };
            }
        }
        product
    };
    let (sum, difference) = (product(0), product(1));
    let mut a = [0.0; ORDER];
    for n in 1..6 {
        let (plus, minus) = (sum[n] + sum[n - 1], difference[n] - difference[n - 1]);
        a[n - 1] = (plus + minus) / 2.0;
        a[ORDER - n] = (plus - minus) / 2.0;
    }
    a
}

/// The filters of both subframes: that of the second is the frame's, the first lies between it and the frame before.
pub(super) fn between(before: &Filter, now: &Filter) -> [Filter; 2] {
    let mut middle = *now;
    for (middle, before) in middle.iter_mut().zip(before) {
        *middle = (*middle + before) / 2.0;
    }
    [filter(&middle), filter(now)]
}
