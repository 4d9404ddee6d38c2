//! From the codec of one far end to that of another. Between the laws of G.711 a table does it; G.722 predicts, so each
//! direction of each far end needs a state of its own, made when it is first needed and kept.
//!
//! A millisecond has eight bytes in every codec, so sound is changed in place: lengths, timestamps and gaps stay.

use super::outgoing::Flow;
use crate::codec::Codec;
use crate::g711;
use crate::g722::{Decoder, Encoder};

#[derive(Clone, Debug, Default)]
pub(super) struct Transcoder(Option<Box<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    /// Of the far end that is heard.
    decoder: Decoder,
    /// To our own far end: whatever it hears goes through this one, as its decoder does not know of switches.
    encoder: Encoder,
}

impl Transcoder {
    /// Turns a payload of a far end into the codec of ours.
    pub(super) fn translate(&mut self, flow: Flow, from: Codec, to: Codec, payload: &mut [u8]) {
        match (from.law(), to.law()) {
            (Some(from), Some(to)) => {
                if let Some(table) = g711::transcoder(from, to) {
                    g711::translate(table, payload);
                }
            }
            (None, None) => {}
            (Some(law), None) => {
                let encoder = self.encoder();
                payload.iter_mut().for_each(|byte| *byte = encoder.narrow(g711::decode(law, *byte)));
            }
            (None, Some(law)) => {
                let decoder = self.decoder(flow);
                payload.iter_mut().for_each(|byte| *byte = g711::encode(law, decoder.narrow(*byte)));
            }
        }
    }

    /// Turns samples at 8 kHz into the codec of our far end.
    pub(super) fn encode(&mut self, to: Codec, samples: &[i16], payload: &mut [u8]) {
        let both = payload.iter_mut().zip(samples);
        match to.law() {
            Some(law) => both.for_each(|(byte, sample)| *byte = g711::encode(law, *sample)),
            None => {
                let encoder = self.encoder();
                both.for_each(|(byte, sample)| *byte = encoder.narrow(*sample));
            }
        }
    }

    /// The encoder to our far end.
    pub(super) fn encoder(&mut self) -> &mut Encoder {
        &mut self.0.get_or_insert_default().encoder
    }

    /// The decoder of who is heard. One that begins encodes from the beginning.
    fn decoder(&mut self, flow: Flow) -> &mut Decoder {
        let state = self.0.get_or_insert_default();
        match flow {
            Flow::Begins { .. } => state.decoder = Decoder::default(),
            Flow::GoesOn => {}
        }
        &mut state.decoder
    }
}

/// Recognises tones in what a far end says, whatever the codec.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear {
    decoder: Decoder,
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
        match codec.law() {
            Some(law) => {
                tones.handle_sound(timestamp, payload.iter().map(|byte| g711::decode(law, *byte)), tell)
            }
            None => tones.handle_sound(timestamp, payload.iter().map(|byte| decoder.narrow(*byte)), tell),
        }
    }
}
