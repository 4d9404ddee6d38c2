//! From the payloads of any codec to samples at 8 kHz, and back. A codec that predicts needs a state for each direction of
//! each far end; it is made when it is first needed.

use crate::codec::Codec;
use crate::g711;
use crate::g722;
use crate::g729;

/// Payloads of one sender to samples.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    g722: Option<Box<g722::Decoder>>,
    g729: Option<Box<g729::Decoder>>,
}

impl Decoder {
    /// Decodes a payload into the first samples of `into`, as far as they have room, and returns how many there are:
    /// [`Codec::ticks`]. Comfort noise is silence.
    pub fn decode(&mut self, codec: Codec, payload: &[u8], into: &mut [i16]) -> usize {
        match codec {
            Codec::Pcmu | Codec::Pcma => {
                let law = codec.law().expect("both are G.711");
                let both = into.iter_mut().zip(payload);
                both.map(|(sample, byte)| *sample = g711::decode(law, *byte)).count()
            }
            Codec::G722 => {
                let decoder = self.g722();
                let both = into.iter_mut().zip(payload);
                both.map(|(sample, byte)| *sample = decoder.narrow(*byte)).count()
            }
            Codec::G729 => {
                let decoder = self.g729.get_or_insert_default();
                let (frames, rest) = payload.as_chunks();
                let noise = (rest.len() >= g729::NOISE_BYTES).then_some([0; g729::FRAME_SAMPLES]);
                let sounds = frames.iter().map(|frame| decoder.frame(*frame)).chain(noise);
                let places = into.as_chunks_mut::<{ g729::FRAME_SAMPLES }>().0.iter_mut();
                places.zip(sounds).map(|(place, sound)| *place = sound).count() * g729::FRAME_SAMPLES
            }
        }
    }

    /// That of G.722.
    pub(crate) fn g722(&mut self) -> &mut g722::Decoder {
        self.g722.get_or_insert_default()
    }
}

/// Samples to payloads for one receiver.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    g722: Option<Box<g722::Encoder>>,
    g729: Option<Box<g729::Encoder>>,
}

impl Encoder {
    /// Encodes samples at 8 kHz into the first bytes of `into`, as far as they have room, and returns how many there are:
    /// [`Codec::bytes`]. Samples that do not fill a frame are left out.
    pub fn encode(&mut self, codec: Codec, samples: &[i16], into: &mut [u8]) -> usize {
        match codec {
            Codec::Pcmu | Codec::Pcma => {
                let law = codec.law().expect("both are G.711");
                let both = into.iter_mut().zip(samples);
                both.map(|(byte, sample)| *byte = g711::encode(law, *sample)).count()
            }
            Codec::G722 => {
                let encoder = self.g722();
                let both = into.iter_mut().zip(samples);
                both.map(|(byte, sample)| *byte = encoder.narrow(*sample)).count()
            }
            Codec::G729 => {
                let encoder = self.g729.get_or_insert_default();
                let places = into.as_chunks_mut::<{ g729::FRAME_BYTES }>().0.iter_mut();
                let both = places.zip(samples.as_chunks().0);
                both.map(|(place, frame)| *place = encoder.frame(frame)).count() * g729::FRAME_BYTES
            }
        }
    }

    /// That of G.722, whose samples may be of 16 kHz.
    pub(crate) fn g722(&mut self) -> &mut g722::Encoder {
        self.g722.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_payload_lasts_as_long_as_it_says(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in Codec::ALL {
                let mut samples = [7; 2000];
                let ticks = Decoder::default().decode(codec, &payload, &mut samples);
                prop_assert_eq!(ticks, codec.ticks(payload.len()));
                let mut again = [0; 2000];
                let bytes = Encoder::default().encode(codec, &samples[..ticks], &mut again);
                prop_assert_eq!(bytes, codec.bytes(ticks));
            }
        }
    }

    #[test]
    fn comfort_noise_at_the_end_of_a_packet_is_silence() {
        let mut samples = [7; 240];
        assert_eq!(Decoder::default().decode(Codec::G729, &[0; 22], &mut samples), 240);
        assert_eq!(samples[160..], [0; 80]);
        assert_eq!(Decoder::default().decode(Codec::G729, &[0; 2], &mut samples), 80);
        assert_eq!(Decoder::default().decode(Codec::G729, &[0; 1], &mut samples), 0);
    }
}
