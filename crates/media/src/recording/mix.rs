//! The part of a track that may still change: samples from the last written one to the newest.

use std::collections::VecDeque;

use super::placement::Placed;
use crate::coder::Decoder;

#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Position of the first sample kept.
    start: i64,
    samples: VecDeque<i16>,
    decoder: Decoder,
    /// The packet at hand, decoded.
    sound: Vec<i16>,
}

/// Sample number `n` of a sound that is to last for `length` samples: the first and the last stay what they are.
fn drawn_out(sound: &[i16], length: usize, n: usize) -> i16 {
    let (Some(last), true) = (sound.len().checked_sub(1), length > 1) else {
        return sound.first().copied().unwrap_or(0);
    };
    if length == sound.len() {
        return sound[n];
    }
    let place = n * last;
    let (at, between) = (place / (length - 1), (place % (length - 1)) as i64);
    let [from, to] = [at, (at + 1).min(last)].map(|at| i64::from(sound[at]));
    (from + (to - from) * between / (length as i64 - 1)) as i16
}

impl Lane {
    /// An empty one. Before `start` all is written.
    pub(super) fn new(start: i64) -> Lane {
        Lane { start, ..Lane::default() }
    }

    /// Puts a packet at its place. What is before the first sample kept was written already, and is dropped.
    pub(super) fn write(&mut self, placed: &Placed) {
        let mut sound = std::mem::take(&mut self.sound);
        sound.clear();
        sound.resize(placed.codec.ticks(placed.payload.len()), 0);
        self.decoder.decode(placed.codec, &placed.payload, &mut sound);
        for (n, position) in (0..placed.length).zip(placed.position..) {
            let Ok(at) = usize::try_from(position - self.start) else { continue };
            if at >= self.samples.len() {
                self.samples.resize(at + 1, 0);
            }
            self.samples[at] = drawn_out(&sound, placed.length, n);
        }
        self.sound = sound;
    }

    /// Adds the next `sums.len()` samples to what others gave; what nobody wrote is silence.
    pub(super) fn add_to(&mut self, sums: &mut [i32]) {
        let kept = self.samples.len().min(sums.len());
        for (sum, sample) in sums.iter_mut().zip(self.samples.drain(..kept)) {
            *sum += i32::from(sample);
        }
        self.start += sums.len() as i64;
    }

    /// Leaves out the next `count` samples.
    pub(super) fn skip(&mut self, count: usize) {
        self.samples.drain(..count.min(self.samples.len()));
        self.start += count as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::g711::{self, Law};

    #[test]
    fn packets_lie_where_they_belong_and_the_rest_is_silence() {
        let one = g711::encode(Law::A, 1000);
        let sample = g711::decode(Law::A, one);
        let packet = |position| Placed { position, length: 2, codec: Codec::Pcma, payload: vec![one; 2] };
        let mut lane = Lane::default();
        lane.write(&packet(-1));
        lane.write(&packet(3));
        let take = |lane: &mut Lane| {
            let mut sums = [7; 4];
            lane.add_to(&mut sums);
            sums.map(|sum| sum - 7)
        };
        assert_eq!(take(&mut lane), [sample, 0, 0, sample].map(i32::from));
        lane.write(&packet(3));
        assert_eq!(take(&mut lane), [sample, 0, 0, 0].map(i32::from));
        lane.write(&packet(2));
        assert_eq!(take(&mut lane), [0; 4]);
        lane.write(&packet(14));
        lane.skip(3);
        assert_eq!(take(&mut lane), [sample, 0, 0, 0].map(i32::from));
    }

    #[test]
    fn what_is_drawn_out_or_pressed_together_keeps_its_ends_and_its_shape() {
        let ramp: Vec<i16> = (0..160).map(|n| 100 * n).collect();
        for length in [159, 160, 161] {
            let drawn: Vec<i16> = (0..length).map(|n| drawn_out(&ramp, length, n)).collect();
            assert_eq!((drawn[0], drawn[length - 1]), (0, 15_900));
            assert!(drawn.windows(2).all(|pair| (98..=101).contains(&(pair[1] - pair[0]))), "{length}");
        }
        assert_eq!((drawn_out(&[], 1, 0), drawn_out(&[7], 2, 1), drawn_out(&[7, 8], 1, 0)), (0, 7, 7));
    }
}
