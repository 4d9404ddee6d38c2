use super::decoder::excited;
use super::filter::{HighPass, Synthesis, residual, widened};
use super::frame::{Frame, Half};
use super::pitch::{Contribution, Excitation, Lag, Search, Taming, WEIGHTED, heard};
use super::pulses::{self, sharpen};
use super::{FRAME_BYTES, FRAME_SAMPLES, Filter, LAG_MAX, ORDER, SUBFRAME, Subframe, gain, lp, lsf, pitch};

/// How much the filter through which the encoder listens is widened (annex A.3.3).
const WEIGHT: f32 = 0.75;
/// The pole that takes the high sounds away before a period is looked for (annex A.3.4).
const LOW_PASS: f32 = 0.7;
/// Where the frame at hand begins in the samples that are kept: it is looked ahead of by 5 ms.
const NOW: usize = lp::LOOKED_AT - SUBFRAME - FRAME_SAMPLES;

/// Sound to bytes, 5 ms later.
#[derive(Clone, Debug)]
pub struct Encoder {
    high_pass: HighPass,
    speech: [f32; lp::LOOKED_AT],
    lsf: lsf::Quantizer,
    /// Line spectral pairs of the frame before, as they were and as they were quantized.
    found: Filter,
    pairs: Filter,
    weighted: [f32; WEIGHTED],
    weighting: Synthesis,
    low_pass: f32,
    excitation: Excitation,
    /// Remembers what was not reached, as it is heard.
    missed: Synthesis,
    gain: gain::Quantizer,
    sharpen: f32,
    taming: Taming,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder {
            high_pass: HighPass::BEFORE,
            speech: [0.0; lp::LOOKED_AT],
            lsf: lsf::Quantizer::default(),
            found: lp::PAIRS_FIRST,
            pairs: lp::PAIRS_FIRST,
            weighted: [0.0; WEIGHTED],
            weighting: Synthesis::default(),
            low_pass: 0.0,
            excitation: Excitation::default(),
            missed: Synthesis::default(),
            gain: gain::Quantizer::default(),
            sharpen: gain::SHARPEN_FIRST,
            taming: Taming::default(),
        }
    }
}

impl Encoder {
    /// The frame of a sound at 8 kHz.
    pub fn frame(&mut self, sound: &[i16; FRAME_SAMPLES]) -> [u8; FRAME_BYTES] {
        self.speech.copy_within(FRAME_SAMPLES.., 0);
        for (speech, sample) in self.speech[lp::LOOKED_AT - FRAME_SAMPLES..].iter_mut().zip(sound) {
            *speech = self.high_pass.next(f32::from(*sample));
        }
        let mut frame = Frame::default();
        self.found = lp::pairs(&lp::analyse(&self.speech)).unwrap_or(self.found);
        frame.lsf = self.lsf.encode(&self.found.map(f32::acos));
        let pairs = self.lsf.decode(frame.lsf).map(f32::cos);
        let filters = lp::between(&self.pairs, &pairs);
        self.pairs = pairs;
        let residuals = [0, 1].map(|half| {
            let mut unexplained = [0.0; SUBFRAME];
            residual(&filters[half], &self.speech[NOW + half * SUBFRAME - ORDER..], &mut unexplained);
            unexplained
        });
        let open = self.period(&filters, &residuals);
        let mut first = None;
        for ((half, filter), residual) in frame.halves.iter_mut().zip(&filters).zip(&residuals) {
            let (lag, coded) = self.half(filter, residual, open, first);
            (*half, first) = (coded, Some(lag));
        }
        frame.to_bytes()
    }

    /// The period of the frame, roughly.
    fn period(&mut self, filters: &[Filter; 2], residuals: &[Subframe; 2]) -> usize {
        self.weighted.copy_within(FRAME_SAMPLES.., 0);
        let now = self.weighted[LAG_MAX..].chunks_exact_mut(SUBFRAME);
        for ((weighted, filter), residual) in now.zip(filters).zip(residuals) {
            weighted.copy_from_slice(residual);
            self.weighting.run(&widened(filter, WEIGHT), weighted);
            for sample in weighted {
                self.low_pass = *sample + LOW_PASS * self.low_pass;
                *sample = self.low_pass;
            }
        }
        pitch::open(&self.weighted)
    }

    /// One half: what is wanted of it, by which lag and pulses, and how much of each. `first` is the lag of the first.
    fn half(&mut self, filter: &Filter, residual: &Subframe, open: usize, first: Option<Lag>) -> (Lag, Half) {
        let weighting = widened(filter, WEIGHT);
        let mut wanted = *residual;
        self.missed.clone().run(&weighting, &mut wanted);
        let mut response = [0.0; SUBFRAME];
        response[0] = 1.0;
        Synthesis::default().run(&weighting, &mut response);

        let search = Search { excitation: &self.excitation, wanted: &wanted, response: &response };
        let (lag, periodic) = first.map_or_else(|| search.first(open), |first| search.second(first));
        let code = first.map_or_else(|| lag.code(), |first| lag.code_near(first));

        let tamed = self.taming.is_needed(lag);
        let most = if tamed { gain::TAMED } else { gain::PITCH_MAX };
        let share = gain::alone(&wanted, &periodic.heard).clamp(0.0, most);
        let rest: Subframe = std::array::from_fn(|n| wanted[n] - share * periodic.heard[n]);
        let mut repeated = response;
        sharpen(&mut repeated, lag.whole(), self.sharpen);
        let found = pulses::search(&rest, &repeated);
        let mut vector = found.vector();
        let heard = heard(&vector, &repeated);
        sharpen(&mut vector, lag.whole(), self.sharpen);
        let pulsed = Contribution { vector, heard };

        let codes = self.gain.encode(&wanted, &periodic, &pulsed, tamed);
        let gains = self.gain.decode(codes, &pulsed.vector);
        self.sharpen = gains.sharpen();
        self.taming.push(lag, gains.pitch);
        self.excitation.push(&excited(&periodic.vector, &pulsed.vector, gains));
        let missed: Subframe = std::array::from_fn(|n| {
            wanted[n] - gains.pitch * periodic.heard[n] - gains.pulses * pulsed.heard[n]
        });
        self.missed.remember(&missed[SUBFRAME - ORDER..]);
        (lag, Half { lag: code, pulses: found, gains: codes })
    }
}
