//! What a far end hears changes in the middle of a call: without a click, without a lost second.

use base::StreamId;
use media::api::{Command, Source};
use media::codec::Codec;

use crate::bench::*;
use crate::conference::*;

const LISTENER: StreamId = StreamId(9);
const A: StreamId = StreamId(1);
const B: StreamId = StreamId(2);
const HZ: [f64; 2] = [310.0, 430.0];
const MUSIC_HZ: f64 = 620.0;

fn conference(codec: Codec, packet_ms: u16) -> Conference {
    let mut speakers = [(A, HZ[0]), (B, HZ[1])].map(|(stream, hz)| Speaker::new(stream, Codec::Pcma, hz));
    speakers.iter_mut().for_each(|speaker| speaker.packet_ms = packet_ms);
    let mut conference = Conference::new(speakers.into());
    conference.bench.open_with(LISTENER, codec, packet_ms);
    conference
}

fn levels(heard: &[i16]) -> [f64; 3] {
    [HZ[0], HZ[1], MUSIC_HZ].map(|hz| (level(heard, hz) / 3000.0).round())
}

/// Two tones and music, switched at every phase of the packets.
#[test]
fn every_switch_is_smooth_and_soon_heard() {
    let mix = || Source::Mix(vec![A, B]);
    let music = || Source::Sound { sound: 0, looped: true };
    let rows = [
        (Source::Stream(A), [1.0, 0.0, 0.0]),
        (mix(), [1.0, 1.0, 0.0]),
        (Source::Stream(A), [1.0, 0.0, 0.0]),
        (music(), [0.0, 0.0, 1.0]),
        (mix(), [1.0, 1.0, 0.0]),
        (Source::Mix(vec![B]), [0.0, 1.0, 0.0]),
        (mix(), [1.0, 1.0, 0.0]),
        (music(), [0.0, 0.0, 1.0]),
        (Source::Stream(B), [0.0, 1.0, 0.0]),
        (Source::Mix(vec![B]), [0.0, 1.0, 0.0]),
    ];
    for codec in [Codec::Pcma, Codec::Pcmu] {
        for phase_ms in 0..20 {
            let mut conference = conference(codec, 20);
            conference.pass(ms(500 + phase_ms));
            let mut sent = Vec::new();
            for (source, expected) in rows.clone() {
                conference.bench.hear(LISTENER, source);
                conference.pass(ms(301));
                let part = conference.take_sent_to(LISTENER);
                let heard = wave(codec, &part);
                assert_eq!(levels(&heard[heard.len() - 800..]), expected, "at {phase_ms} ms");
                sent.extend(part);
            }
            let heard = wave(codec, &sent);
            let steepest = steepest(&heard);
            assert!(steepest < slopes(&[HZ[0], HZ[1], 110.0]), "{codec:?}, {phase_ms} ms: {steepest}");
            let silence = longest_silence(&heard) / 8;
            assert!(silence <= 40, "{silence} ms of silence at {phase_ms} ms");
            let marked = sent.iter().filter(|sent| sent.header.marker).count();
            assert_eq!(marked, rows.len() - 2, "a mix goes on when somebody joins or leaves");
        }
    }
}

/// What of one far end fills no frame of G.729 is not put before what another says, nor taken for a packet that was lost.
#[test]
fn short_packets_of_others_leave_no_hole_in_g729() {
    for phase_ms in [0, 5, 10, 15] {
        let mut conference = conference(Codec::Pcma, 5);
        conference.command(Command::Agree { stream: LISTENER, terms: terms(LISTENER, Codec::G729) });
        let mut sent = Vec::new();
        for source in [A, B, A, B] {
            conference.bench.hear(LISTENER, Source::Stream(source));
            conference.pass(ms(200 + phase_ms));
            sent.extend(conference.take_sent_to(LISTENER));
        }
        for (n, pair) in sent.windows(2).enumerate() {
            let next = pair[0].header.sequence.wrapping_add(1);
            assert_eq!(pair[1].header.sequence, next, "packet {n} of phase {phase_ms}");
        }
        let marked = sent.iter().filter(|sent| sent.header.marker).count();
        assert_eq!(marked, 4, "each begins with a mark, phase {phase_ms}");
    }
}
