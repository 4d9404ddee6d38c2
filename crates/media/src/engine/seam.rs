//! Where one sound follows another in mid-wave: the step between them, which would be heard as a click, is spread over the
//! first 5 ms of what follows.
//!
//! What follows begins where the sound before it ended, and comes to itself while the difference fades. So a seam needs of
//! the past its last sample alone, and nothing of it that would have had to be sent already.

use std::time::Duration;

use base::Mono;

use crate::codec::Codec;
use crate::g711::{self, Law};

/// Samples over which a step is spread: 5 ms.
const FADE_SAMPLES: usize = 40;
/// A far end that got nothing for so long has faded its own sound out: there is no step.
const PAUSE_MIN: Duration = Duration::from_millis(70);

/// The end of a sound of samples that goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seam {
    last: i16,
    /// The step, and the samples that still have a part of it.
    step: i32,
    left: usize,
}

impl Seam {
    /// Another sound follows, whose first sample is this.
    pub(super) fn begin(&mut self, first: i16) {
        self.step = i32::from(self.last) - i32::from(first);
        self.left = FADE_SAMPLES;
    }

    /// The next samples of the sound.
    pub(super) fn pass(&mut self, samples: &mut [i16]) {
        for sample in samples.iter_mut().take(self.left) {
            *sample = faded(*sample, self.step, self.left);
            self.left -= 1;
        }
        self.last = samples.last().copied().unwrap_or(self.last);
    }
}

/// The end of what was sent to a far end by packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PacketSeam(Option<Sent>);

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Mono,
    law: Law,
    last: u8,
}

impl PacketSeam {
    /// This payload is sent next. Between packets of G.722 the encoders' predictions do what can be done.
    pub(super) fn pass(&mut self, now: Mono, codec: Codec, payload: &[u8]) {
        self.0 = match (codec.law(), payload.last()) {
            (Some(law), Some(last)) => Some(Sent { at: now, law, last: *last }),
            (None, _) | (_, None) => None,
        };
    }

    /// This payload is sent next, and its sound is not that of the packet before.
    pub(super) fn join(&mut self, now: Mono, codec: Codec, payload: &mut [u8]) {
        if let (Some(sent), Some(law), Some(first)) = (self.0, codec.law(), payload.first())
            && now.since(sent.at) < PAUSE_MIN
        {
            let step = i32::from(g711::decode(sent.law, sent.last)) - i32::from(g711::decode(law, *first));
            for (byte, left) in payload.iter_mut().zip((1..=FADE_SAMPLES).rev()) {
                *byte = g711::encode(law, faded(g711::decode(law, *byte), step, left));
            }
        }
        self.pass(now, codec, payload);
    }
}

/// A sample with its part of a step, `left` samples before the step has faded.
fn faded(sample: i16, step: i32, left: usize) -> i16 {
    let part = step * left as i32 / FADE_SAMPLES as i32;
    (i32::from(sample) + part).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steepest(samples: &[i16]) -> u16 {
        samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().expect("more than one")
    }

    #[test]
    fn a_step_is_spread_over_five_milliseconds_in_pieces_of_any_length() {
        for piece in [1, 7, 39, 160] {
            let mut seam = Seam::default();
            let mut samples = vec![8000; 80];
            seam.pass(&mut samples);
            seam.begin(-8000);
            let mut after = vec![-8000; 80];
            after.chunks_mut(piece).for_each(|piece| seam.pass(piece));
            assert_eq!((after[0], after[39], after[40], after[79]), (8000, -7600, -8000, -8000), "{piece}");
            samples.extend(after);
            assert_eq!(steepest(&samples), 400);
        }
    }

    #[test]
    fn what_begins_while_a_step_fades_begins_where_that_is() {
        let mut seam = Seam::default();
        seam.pass(&mut [10_000]);
        seam.begin(0);
        let mut first = [0; 20];
        seam.pass(&mut first);
        seam.begin(-4000);
        let mut second = [-4000; 41];
        seam.pass(&mut second);
        assert_eq!((second[0], second[40]), (first[19], -4000));
    }

    #[test]
    fn packets_join_whatever_their_laws_unless_there_was_a_pause() {
        let at = |ms| Mono::ZERO + Duration::from_millis(ms);
        for (pause_ms, is_joined) in [(20, true), (69, true), (70, false)] {
            let mut seam = PacketSeam::default();
            seam.join(at(0), Codec::Pcma, &mut [g711::encode(Law::A, 8000); 160]);
            let mut payload = [g711::encode(Law::Mu, -8000); 160];
            seam.join(at(pause_ms), Codec::Pcmu, &mut payload);
            let first = g711::decode(Law::Mu, payload[0]);
            assert_eq!((first - 8000).abs() < 600, is_joined, "{first} after {pause_ms} ms");
            assert!(payload[40..].iter().all(|byte| *byte == payload[159]));
        }
    }
}
