//! From the codec of one far end to that of another. Between the laws of G.711 a table does it; G.722 and G.729 predict, so
//! each direction of each far end needs a state of its own, made when it is first needed and kept.
//!
//! Where a millisecond has as many bytes there as here sound is changed in place: lengths, timestamps and gaps stay. G.729
//! has frames of 10 ms and other lengths; what fills no frame is held until more comes.

use super::outgoing::{Flow, SourceKey};
use crate::codec::Codec;
use crate::coder::{Decoder, Encoder};
use crate::g711;
use crate::g722;
use crate::g729::FRAME_SAMPLES;
use crate::limits::PACKET_TICKS_MAX;

#[derive(Clone, Debug, Default)]
pub(super) struct Transcoder(Option<Box<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    /// Of the far end that is heard.
    decoder: Decoder,
    /// To our own far end: whatever it hears goes through this one, as its decoder does not know of switches.
    encoder: Encoder,
    held: Held,
    /// Whose sound is held.
    of: Option<SourceKey>,
}

/// Samples that do not fill a frame yet.
#[derive(Clone, Copy, Debug)]
struct Held {
    samples: [i16; FRAME_SAMPLES],
    count: usize,
}

impl Default for Held {
    fn default() -> Held {
        Held { samples: [0; FRAME_SAMPLES], count: 0 }
    }
}

impl Held {
    fn set(&mut self, samples: &[i16]) {
        self.samples[..samples.len()].copy_from_slice(samples);
        self.count = samples.len();
    }
}

impl Transcoder {
    /// Whether a payload changes its length.
    pub(super) fn resizes(from: Codec, to: Codec) -> bool {
        from.frame_ticks() != to.frame_ticks()
    }

    /// Turns a payload of a far end into the codec of ours, which makes as many bytes of it.
    pub(super) fn translate(&mut self, flow: Flow, from: Codec, to: Codec, payload: &mut [u8]) {
        match (from, to) {
            (Codec::Pcmu, Codec::Pcma) | (Codec::Pcma, Codec::Pcmu) => {
                let laws = from.law().zip(to.law());
                if let Some(table) = laws.and_then(|(from, to)| g711::transcoder(from, to)) {
                    g711::translate(table, payload);
                }
            }
            (Codec::Pcmu | Codec::Pcma, Codec::G722) => {
                let (law, encoder) = (from.law().expect("both are G.711"), self.state().encoder.g722());
                payload.iter_mut().for_each(|byte| *byte = encoder.narrow(g711::decode(law, *byte)));
            }
            (Codec::G722, Codec::Pcmu | Codec::Pcma) => {
                let (law, decoder) = (to.law().expect("both are G.711"), self.begin(flow).decoder.g722());
                payload.iter_mut().for_each(|byte| *byte = g711::encode(law, decoder.narrow(*byte)));
            }
            (Codec::Pcmu, Codec::Pcmu)
            | (Codec::Pcma, Codec::Pcma)
            | (Codec::G722, Codec::G722)
            | (Codec::G729, _)
            | (_, Codec::G729) => {}
        }
    }

    /// A payload of this far end, of another length than its sound has in the codec of ours, comes next. What is held of
    /// another is left out.
    pub(super) fn follow(&mut self, key: SourceKey) {
        let state = self.state();
        if state.of != Some(key) {
            (state.of, state.decoder, state.held.count) = (Some(key), Decoder::default(), 0);
        }
    }

    /// Turns a payload of a far end into the codec of ours at the beginning of `into`: how many bytes there are.
    pub(super) fn resize(&mut self, from: Codec, to: Codec, payload: &[u8], into: &mut [u8]) -> usize {
        let State { decoder, encoder, held, of: _ } = self.state();
        let mut samples = [0; FRAME_SAMPLES + PACKET_TICKS_MAX];
        samples[..held.count].copy_from_slice(&held.samples[..held.count]);
        let count = held.count + decoder.decode(from, payload, &mut samples[held.count..]);
        let whole = count - count % to.frame_ticks();
        held.set(&samples[whole..count]);
        encoder.encode(to, &samples[..whole], into)
    }

    /// Samples that are held: they belong before the next payload.
    pub(super) fn held(&self) -> usize {
        self.0.as_ref().map_or(0, |state| state.held.count)
    }

    /// Turns samples at 8 kHz into the codec of our far end at the beginning of `payload`: how many bytes there are.
    pub(super) fn encode(&mut self, to: Codec, samples: &[i16], payload: &mut [u8]) -> usize {
        match to.law() {
            Some(law) => {
                let both = payload.iter_mut().zip(samples);
                both.map(|(byte, sample)| *byte = g711::encode(law, *sample)).count()
            }
            None => self.state().encoder.encode(to, samples, payload),
        }
    }

    /// The encoder to a far end that speaks G.722.
    pub(super) fn g722(&mut self) -> &mut g722::Encoder {
        self.state().encoder.g722()
    }

    fn state(&mut self) -> &mut State {
        self.0.get_or_insert_default()
    }

    /// The state for who is heard. One that begins encodes from the beginning.
    fn begin(&mut self, flow: Flow) -> &mut State {
        let state = self.state();
        match flow {
            Flow::Begins => state.decoder = Decoder::default(),
            Flow::GoesOn => {}
        }
        state
    }
}

/// Recognises tones in what a far end says. Not in G.729: what it makes of two tones at once is a digit nine times in ten, and
/// two digits or none the tenth. They pass as the sound that they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear {
    decoder: g722::Decoder,
    tones: crate::dtmf::Tones,
}

impl Ear {
    /// A packet of sound came; `tell` what is known of each key in it.
    pub(super) fn handle_sound(
        &mut self,
        codec: Codec,
        timestamp: u32,
        payload: &[u8],
        tell: impl FnMut(crate::dtmf::Key),
    ) {
        let Ear { decoder, tones } = self;
        match codec {
            Codec::Pcmu | Codec::Pcma => {
                let law = codec.law().expect("both are G.711");
                tones.handle_sound(timestamp, payload.iter().map(|byte| g711::decode(law, *byte)), tell);
            }
            Codec::G722 => {
                tones.handle_sound(timestamp, payload.iter().map(|byte| decoder.narrow(*byte)), tell);
            }
            Codec::G729 => {}
        }
    }
}
