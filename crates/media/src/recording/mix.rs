//! The part of a track that may still change: samples from the last written one to the newest.

use std::collections::VecDeque;

use super::placement::Placed;
use crate::g711;
use crate::g722::Decoder;

#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Position of the first sample kept.
    start: i64,
    samples: VecDeque<i16>,
    g722: Decoder,
}

impl Lane {
    /// Puts a packet at its place. What is before the first sample kept was written already, and is dropped.
    pub(super) fn write(&mut self, placed: &Placed) {
        match placed.codec.law() {
            Some(law) => {
                let table = g711::decoder(law);
                self.put(placed, |byte| table[usize::from(byte)]);
            }
            None => {
                let mut decoder = std::mem::take(&mut self.g722);
                self.put(placed, |byte| decoder.narrow(byte));
                self.g722 = decoder;
            }
        }
    }

    fn put(&mut self, placed: &Placed, mut decode: impl FnMut(u8) -> i16) {
        for (position, byte) in (placed.position..).zip(&placed.payload) {
            let sample = decode(*byte);
            let Ok(at) = usize::try_from(position - self.start) else { continue };
            if at >= self.samples.len() {
                self.samples.resize(at + 1, 0);
            }
            self.samples[at] = sample;
        }
    }

    /// Takes the next `into.len()` samples; what nobody wrote is silence.
    pub(super) fn take(&mut self, into: &mut [i16]) {
        let kept = self.samples.len().min(into.len());
        into[kept..].fill(0);
        for (into, sample) in into.iter_mut().zip(self.samples.drain(..kept)) {
            *into = sample;
        }
        self.start += into.len() as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::g711::Law;

    #[test]
    fn packets_lie_where_they_belong_and_the_rest_is_silence() {
        let one = g711::encode(Law::A, 1000);
        let sample = g711::decode(Law::A, one);
        let packet = |position| Placed { position, codec: Codec::Pcma, payload: vec![one; 2] };
        let mut lane = Lane::default();
        lane.write(&packet(-1));
        lane.write(&packet(3));
        let mut taken = [7; 4];
        lane.take(&mut taken);
        assert_eq!(taken, [sample, 0, 0, sample]);
        lane.write(&packet(3));
        lane.take(&mut taken);
        assert_eq!(taken, [sample, 0, 0, 0]);
        lane.write(&packet(2));
        lane.take(&mut taken);
        assert_eq!(taken, [0; 4]);
    }
}
