use super::filter::{HighPass, Synthesis};
use super::frame::Frame;
use super::gain::{self, Gains};
use super::lsf;
use super::pitch::{Excitation, Lag};
use super::postfilter::Postfilter;
use super::pulses::sharpen;
use super::{FRAME_BYTES, FRAME_SAMPLES, Filter, LEVEL_MAX, SUBFRAME, Subframe, lp};

/// Bytes to sound.
#[derive(Clone, Debug)]
pub struct Decoder {
    lsf: lsf::Quantizer,
    /// Line spectral pairs of the frame before.
    pairs: Filter,
    excitation: Excitation,
    gain: gain::Quantizer,
    sharpen: f32,
    synthesis: Synthesis,
    postfilter: Postfilter,
    high_pass: HighPass,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            lsf: lsf::Quantizer::default(),
            pairs: lp::PAIRS_FIRST,
            excitation: Excitation::default(),
            gain: gain::Quantizer::default(),
            sharpen: gain::SHARPEN_FIRST,
            synthesis: Synthesis::default(),
            postfilter: Postfilter::default(),
            high_pass: HighPass::AFTER,
        }
    }
}

impl Decoder {
    /// The sound of a frame. Any ten bytes are one.
    pub fn frame(&mut self, bytes: [u8; FRAME_BYTES]) -> [i16; FRAME_SAMPLES] {
        let frame = Frame::of_bytes(bytes);
        let pairs = self.lsf.decode(frame.lsf).map(f32::cos);
        let filters = lp::between(&self.pairs, &pairs);
        self.pairs = pairs;
        let first = Lag::of_code(frame.halves[0].lag);
        let lags = [first, Lag::of_code_near(frame.halves[1].lag, first)];
        let mut sound = [0; FRAME_SAMPLES];
        let halves = sound.chunks_exact_mut(SUBFRAME).zip(frame.halves).zip(filters).zip(lags);
        for (((sound, half), filter), lag) in halves {
            let mut pulses = half.pulses.vector();
            sharpen(&mut pulses, lag.whole(), self.sharpen);
            let gains = self.gain.decode(half.gains, &pulses);
            self.sharpen = gains.sharpen();
            self.excitation.push(&excited(&self.excitation.at(lag), &pulses, gains));
            let speech = self.speech(&filter);
            let polished = self.postfilter.run(&filter, lag.whole(), &speech);
            for (sound, sample) in sound.iter_mut().zip(polished) {
                // The encoder halved it.
                *sound = (2.0 * self.high_pass.next(sample)).round() as i16;
            }
        }
        sound
    }

    /// What a subframe's excitation sounds like. Where it would not fit into 16 bits the excitation, with all its past, is
    /// far too loud: after a loss, say. Left so it would go on as loud for as long as the voice does.
    fn speech(&mut self, filter: &Filter) -> Subframe {
        let before = self.synthesis;
        let mut speech = self.excitation.newest();
        self.synthesis.run(filter, &mut speech);
        if speech.iter().any(|sample| sample.abs() >= LEVEL_MAX) {
            self.excitation.soften();
            self.synthesis = before;
            speech = self.excitation.newest();
            self.synthesis.run(filter, &mut speech);
        }
        speech
    }
}

/// What a subframe is excited with (equation 75).
pub(super) fn excited(pitch: &Subframe, pulses: &Subframe, gains: Gains) -> Subframe {
    std::array::from_fn(|n| (gains.pitch * pitch[n] + gains.pulses * pulses[n]).clamp(-LEVEL_MAX, LEVEL_MAX))
}
