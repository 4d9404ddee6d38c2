//! Line spectral frequencies in eighteen bits (§3.2.4): what four frames before do not predict, quantized in two stages,
//! the second in halves. There are two predictors, one for steady sounds, one for others; the encoder tries both.

use std::f32::consts::PI;

use super::frame::LsfCodes;
use super::tables::{LSF_FIRST, LSF_NEW, LSF_PREDICTOR, LSF_SECOND};
use super::{Filter, ORDER};

/// How far frequencies are set apart before prediction, in two rounds, radians.
const APART: [f32; 2] = [0.0012, 0.0006];
/// The least distance of two frequencies that are used, and where the first and last may lie.
const DISTANCE_MIN: f32 = 0.0391;
const FIRST_MIN: f32 = 0.005;
const LAST_MAX: f32 = 3.135;

/// What was quantized before, newest first.
#[derive(Clone, Debug)]
pub(super) struct Quantizer {
    past: [Filter; 4],
}

impl Default for Quantizer {
    fn default() -> Quantizer {
        Quantizer { past: [std::array::from_fn(|n| (n + 1) as f32 * PI / 11.0); 4] }
    }
}

fn q13(value: i16) -> f32 {
    f32::from(value) / 8192.0
}

fn q15(value: i16) -> f32 {
    f32::from(value) / 32_768.0
}

impl Quantizer {
    /// The codes that come nearest to these frequencies, radians.
    pub(super) fn encode(&self, wanted: &Filter) -> LsfCodes {
        let weights = weights(wanted);
        let [(steady, error), (other, other_error)] =
            [0, 1].map(|predictor| self.nearest(predictor, wanted, &weights));
        if error <= other_error { steady } else { other }
    }

    /// The nearest codes with one of the predictors, and how far they are off.
    fn nearest(&self, predictor: usize, wanted: &Filter, weights: &Filter) -> (LsfCodes, f32) {
        let new = LSF_NEW[predictor].map(q15);
        let predicted = self.predicted(predictor);
        let target: Filter = std::array::from_fn(|n| (wanted[n] - predicted[n]) / new[n]);
        let first = least(&LSF_FIRST, |row| {
            target.iter().zip(row).map(|(target, code)| (target - q13(*code)).powi(2)).sum()
        });
        let weighted = |row: &[i16; ORDER], n: usize| {
            let off = target[n] - q13(LSF_FIRST[first][n]) - q13(row[n]);
            weights[n] * (new[n] * off).powi(2)
        };
        let lower = least(&LSF_SECOND, |row| (0..5).map(|n| weighted(row, n)).sum());
        let upper = least(&LSF_SECOND, |row| (5..ORDER).map(|n| weighted(row, n)).sum());
        let codes = LsfCodes {
            predictor: predictor as u8,
            first: first as u8,
            lower: lower as u8,
            upper: upper as u8,
        };
        let quantized = quantized(codes);
        let off = |n: usize| weights[n] * (new[n] * (target[n] - quantized[n])).powi(2);
        (codes, (0..ORDER).map(off).sum())
    }

    /// The frequencies of codes, radians, rising.
    pub(super) fn decode(&mut self, codes: LsfCodes) -> Filter {
        let predictor = usize::from(codes.predictor & 1);
        let quantized = quantized(codes);
        let predicted = self.predicted(predictor);
        let mut lsf: Filter =
            std::array::from_fn(|n| q15(LSF_NEW[predictor][n]) * quantized[n] + predicted[n]);
        self.past.copy_within(..3, 1);
        self.past[0] = quantized;
        lsf.sort_by(f32::total_cmp);
        lsf[0] = lsf[0].max(FIRST_MIN);
        for n in 1..ORDER {
            lsf[n] = lsf[n].max(lsf[n - 1] + DISTANCE_MIN);
        }
        lsf[ORDER - 1] = lsf[ORDER - 1].min(LAST_MAX);
        lsf
    }

    fn predicted(&self, predictor: usize) -> Filter {
        std::array::from_fn(|n| {
            self.past.iter().zip(&LSF_PREDICTOR[predictor]).map(|(past, share)| q15(share[n]) * past[n]).sum()
        })
    }
}

fn quantized(codes: LsfCodes) -> Filter {
    let first = &LSF_FIRST[usize::from(codes.first & 0x7f)];
    let second = [codes.lower, codes.upper].map(|code| &LSF_SECOND[usize::from(code & 0x1f)]);
    let mut lsf: Filter = std::array::from_fn(|n| q13(first[n]) + q13(second[n / 5][n]));
    for apart in APART {
        for n in 1..ORDER {
            let overlap = lsf[n - 1] - lsf[n] + apart;
            if overlap > 0.0 {
                lsf[n - 1] -= overlap / 2.0;
                lsf[n] += overlap / 2.0;
            }
        }
    }
    lsf
}

/// Frequencies with near neighbours make peaks, and are heard most (equation 22).
fn weights(lsf: &Filter) -> Filter {
    std::array::from_fn(|n| {
        let room = match n {
            0 => lsf[1] - 0.04 * PI,
            9 => 0.92 * PI - lsf[8],
            _ => lsf[n + 1] - lsf[n - 1],
        } - 1.0;
        let weight = if room > 0.0 { 1.0 } else { 10.0 * room * room + 1.0 };
        if n == 4 || n == 5 { 1.2 * weight } else { weight }
    })
}

/// The row of least cost.
fn least(rows: &[[i16; ORDER]], cost: impl Fn(&[i16; ORDER]) -> f32) -> usize {
    let mut best = (0, f32::INFINITY);
    for (n, row) in rows.iter().enumerate() {
        let cost = cost(row);
        if cost < best.1 {
            best = (n, cost);
        }
    }
    best.0
}
