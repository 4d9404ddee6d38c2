//! What the decoder does against the noise of coding (§4.2, annex A.4.2): it deepens the valleys between the harmonics of
//! a voice and between its formants, where noise is heard, and keeps the level.

use super::filter::{Synthesis, residual, widened};
use super::pitch::dot;
use super::{Filter, LAG_MAX, ORDER, SUBFRAME, Subframe};

/// How far the filter is widened below and above the line.
const VALLEYS: f32 = 0.55;
const PEAKS: f32 = 0.7;
/// How much of the sound of a period ago is added, at most.
const HARMONICS: f32 = 0.5;
/// How much of the tilt of all this is taken away.
const TILT: f32 = 0.8;
/// Samples of its response that show the tilt.
const RESPONSE: usize = 22;
/// How slowly the level follows.
const SLOWNESS: f32 = 0.9;

#[derive(Clone, Debug)]
pub(super) struct Postfilter {
    /// The last samples that came in.
    speech: [f32; ORDER],
    unexplained: [f32; LAG_MAX + SUBFRAME],
    synthesis: Synthesis,
    before_tilt: f32,
    level: f32,
}

impl Default for Postfilter {
    fn default() -> Postfilter {
        Postfilter {
            speech: [0.0; ORDER],
            unexplained: [0.0; LAG_MAX + SUBFRAME],
            synthesis: Synthesis::default(),
            before_tilt: 0.0,
            level: 1.0,
        }
    }
}

impl Postfilter {
    /// A subframe of decoded speech, its filter and its period.
    pub(super) fn run(&mut self, filter: &Filter, lag: usize, speech: &Subframe) -> Subframe {
        let (valleys, peaks) = (widened(filter, VALLEYS), widened(filter, PEAKS));
        let mut line = [0.0; ORDER + SUBFRAME];
        line[..ORDER].copy_from_slice(&self.speech);
        line[ORDER..].copy_from_slice(speech);
        self.speech.copy_from_slice(&line[SUBFRAME..]);
        self.unexplained.copy_within(SUBFRAME.., 0);
        residual(&valleys, &line, &mut self.unexplained[LAG_MAX..]);

        let mut polished = self.harmonics(lag);
        let tilt = tilt(&valleys, &peaks);
        for sample in &mut polished {
            let before = std::mem::replace(&mut self.before_tilt, *sample);
            *sample -= tilt * before;
        }
        self.synthesis.run(&peaks, &mut polished);
        self.keep_level(speech, &mut polished);
        polished
    }

    /// Adds the sound of a period ago, when it is like that of now (annex A.4.2.1).
    fn harmonics(&self, lag: usize) -> Subframe {
        let now = &self.unexplained[LAG_MAX..];
        let before = |lag: usize| &self.unexplained[LAG_MAX - lag..][..SUBFRAME];
        let low = lag.saturating_sub(3).min(LAG_MAX - 6);
        let mut best = (low, f32::NEG_INFINITY);
        for lag in low..=low + 6 {
            let agrees = dot(now, before(lag));
            if agrees > best.1 {
                best = (lag, agrees);
            }
        }
        let (lag, agrees) = best;
        let (energy, energy_before) = (dot(now, now), dot(before(lag), before(lag)));
        // Less than 3 dB to gain: not a voice.
        let share = if agrees <= 0.0 || agrees * agrees < 0.5 * energy * energy_before {
            0.0
        } else {
            HARMONICS * (agrees / energy_before).min(1.0)
        };
        std::array::from_fn(|n| (now[n] + share * before(lag)[n]) / (1.0 + share))
    }

    fn keep_level(&mut self, speech: &Subframe, polished: &mut Subframe) {
        let (came, goes) = (dot(speech, speech), dot(polished, polished));
        let wanted = if goes > 0.0 { (came / goes).sqrt() } else { 0.0 };
        for sample in polished {
            self.level = SLOWNESS * self.level + (1.0 - SLOWNESS) * wanted;
            *sample *= self.level;
        }
    }
}

/// The tilt of the response of both filters (annex A.4.2.3).
fn tilt(valleys: &Filter, peaks: &Filter) -> f32 {
    let mut response = [0.0; RESPONSE];
    response[0] = 1.0;
    response[1..=ORDER].copy_from_slice(valleys);
    Synthesis::default().run(peaks, &mut response);
    let falls = dot(&response, &response[1..]);
    if falls <= 0.0 { 0.0 } else { TILT * falls / dot(&response, &response) }
}
