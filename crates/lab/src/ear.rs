//! What a phone hears: which tones, in every 20 ms of its sound.

use media::codec::Codec;
use media::g711;
use media::rtp::Header;

use crate::tone::{Tone, Tones};

/// Samples in 20 ms.
pub const WINDOW: usize = 160;
const RATE_HZ: f32 = 8_000.0;
/// Ring-back, busy and congestion tones of China.
const NETWORK_HZ: u16 = 450;
/// Below this amplitude nothing is heard.
const QUIET: f32 = 250.0;
/// A tone is one only if what is 50 Hz beside it is so much quieter; the seam where a sound begins or ends is nowhere.
const SHARPNESS: f32 = 2.5;
/// What is not in the tones may be so much of all power: what the laws and transcoding add.
const REST_MAX: f32 = 0.08;
/// So many windows in a row say the same before it is told.
const SURE_AFTER: u32 = 3;

/// What is heard at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Heard {
    /// Which tones.
    pub tones: Tones,
    /// A tone of a network: ring-back and the like.
    pub network: bool,
    /// Something else: speech, music, noise, a seam. Beside it the tones are a guess.
    pub other: bool,
}

impl Heard {
    /// Silence.
    pub const NOTHING: Heard = Heard { tones: Tones::NONE, network: false, other: false };

    /// These tones, and nothing else.
    pub fn only(tones: impl IntoIterator<Item = Tone>) -> Heard {
        Heard { tones: tones.into_iter().collect(), ..Heard::NOTHING }
    }
}

/// What is in 20 ms of sound at 8 kHz.
pub fn listen(window: &[i16]) -> Heard {
    let power = window.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / window.len() as f32;
    let mut explained = 0.0;
    let mut sounds = |hz: u16| {
        let [below, at, above] = [hz - 50, hz, hz + 50].map(|hz| amplitude(window, hz));
        let is = at > QUIET && at > SHARPNESS * below.max(above);
        explained += if is { at * at / 2.0 } else { 0.0 };
        is
    };
    let tones = Tone::all().filter(|tone| sounds(tone.hz())).collect();
    let network = sounds(NETWORK_HZ);
    let rest = (power - explained).max(0.0);
    let other = rest > REST_MAX * power && rest > QUIET * QUIET / 2.0;
    Heard { tones, network, other }
}

/// Of the wave of this height in it (Goertzel).
fn amplitude(window: &[i16], hz: u16) -> f32 {
    let turn = std::f32::consts::TAU * f32::from(hz) / RATE_HZ;
    let twice = 2.0 * turn.cos();
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in window {
        (last, before) = (f32::from(*sample) + twice * last - before, last);
    }
    let power = last * last + before * before - twice * last * before;
    2.0 * power.max(0.0).sqrt() / window.len() as f32
}

/// One phone's ear: says what it hears once that is sure.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    told: Heard,
    heard: Heard,
    times: u32,
    /// The last payload and what is in it: tones that go on are the same bytes again and again.
    last: Vec<u8>,
}

impl Ear {
    /// An RTP packet arrived; what is heard from now on, if that is something else. Digits and codecs other than the laws
    /// are left out.
    pub(crate) fn hear(&mut self, packet: &[u8]) -> Option<Heard> {
        let header = Header::read(packet)?;
        let law = Codec::of_payload(header.payload_number).and_then(Codec::law)?;
        let payload = packet.get(header.payload)?;
        let heard = match payload == self.last {
            true => self.heard,
            false => {
                let samples: Vec<i16> = payload.iter().map(|byte| g711::decode(law, *byte)).collect();
                self.last = payload.to_vec();
                samples.chunks_exact(WINDOW).map(listen).next_back()?
            }
        };
        self.notice(heard)
    }

    /// Nothing arrives any more.
    pub(crate) fn silence(&mut self) -> Option<Heard> {
        self.last.clear();
        (self.heard, self.times) = (Heard::NOTHING, SURE_AFTER);
        self.tell(Heard::NOTHING)
    }

    fn notice(&mut self, heard: Heard) -> Option<Heard> {
        self.times = if heard == self.heard { self.times.saturating_add(1) } else { 1 };
        self.heard = heard;
        if self.times >= SURE_AFTER { self.tell(heard) } else { None }
    }

    fn tell(&mut self, heard: Heard) -> Option<Heard> {
        let before = std::mem::replace(&mut self.told, heard);
        (heard != before).then_some(heard)
    }
}

#[cfg(test)]
mod tests {
    use media::g711::Law;
    use media::tone::Tone as NetworkTone;

    use super::*;

    /// The sum, as it comes by this law.
    fn mix(law: Law, tones: &[Tone]) -> Vec<i16> {
        let sounds: Vec<_> = tones.iter().map(|tone| tone.samples()).collect();
        let sum = |n: usize| sounds.iter().map(|sound| sound[n]).sum();
        (0..2 * WINDOW).map(|n| g711::decode(law, g711::encode(law, sum(n)))).collect()
    }

    #[test]
    fn every_mix_of_tones_is_heard_as_it_is_at_any_place_and_in_both_laws() {
        for law in [Law::A, Law::Mu] {
            for first in 0..23 {
                for count in 0..=5 {
                    let tones: Vec<_> = (0..count).map(|n| Tone::of(first + 5 * n)).collect();
                    let sound = mix(law, &tones);
                    for at in [0, 1, 79, 160] {
                        let heard = listen(&sound[at..at + WINDOW]);
                        assert_eq!(heard, Heard::only(tones.iter().copied()), "{law:?} {tones:?} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_quieter_tone_is_heard_beside_loud_ones() {
        let [loud, quiet] = [Tone::of(2), Tone::of(7)];
        let sound: Vec<i16> =
            loud.samples().iter().zip(quiet.samples()).map(|(a, b)| 2 * a + b / 8).take(WINDOW).collect();
        assert_eq!(listen(&sound), Heard::only([loud, quiet]));
    }

    #[test]
    fn networks_and_speech_are_no_phones() {
        let mut tone = vec![0; WINDOW];
        NetworkTone::RingBack.fill_linear(0, &mut tone);
        assert_eq!(listen(&tone), Heard { network: true, ..Heard::NOTHING });
        let speech = crate::prompt_samples(crate::Prompt::Customer);
        let windows = speech.chunks_exact(WINDOW).map(listen);
        let talks = windows.clone().filter(|heard| heard.other).count();
        let taken_for_tones = windows.filter(|heard| !heard.other && heard.tones != Tones::NONE).count();
        assert!(talks > 50 && taken_for_tones < 3, "{talks} {taken_for_tones}");
    }

    #[test]
    fn a_seam_is_no_tones_alone() {
        let [before, after] = [Tone::of(0), Tone::of(13)].map(|tone| mix(Law::A, &[tone]));
        for seam in (0..WINDOW).step_by(7) {
            let window = [&before[..seam], &after[seam..WINDOW]].concat();
            let heard = listen(&window);
            let others = heard.tones.iter().filter(|tone| ![Tone::of(0), Tone::of(13)].contains(tone));
            assert!(heard.other || others.count() == 0, "{seam} {heard:?}");
        }
    }

    #[test]
    fn an_ear_tells_what_is_sure_and_tells_it_once() {
        use media::rtp::Stamp;
        let packet = |tone: Option<Tone>| {
            let mut packet = Stamp { marker: false, payload_number: 8, sequence: 1, timestamp: 1, ssrc: 1 }
                .to_bytes()
                .to_vec();
            let sample = |n: usize| tone.map_or(0, |tone| tone.samples()[n]);
            packet.extend((0..WINDOW).map(|n| g711::encode(Law::A, sample(n))));
            packet
        };
        let mut ear = Ear::default();
        let mut told = |tone, times| (0..times).filter_map(|_| ear.hear(&packet(tone))).collect::<Vec<_>>();
        let [one, other] = [Tone::of(1), Tone::of(2)];
        assert_eq!(told(Some(one), 2), []);
        assert_eq!(told(Some(one), 5), [Heard::only([one])]);
        assert_eq!(told(Some(other), 2), []);
        assert_eq!(told(Some(one), 5), [], "it was nothing");
        assert_eq!(told(None, 5), [Heard::NOTHING]);
        assert_eq!(told(Some(one), 3), [Heard::only([one])]);
        assert_eq!((ear.silence(), ear.silence()), (Some(Heard::NOTHING), None));
    }
}
