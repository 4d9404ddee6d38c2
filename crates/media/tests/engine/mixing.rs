//! Far ends that hear several others at once.

use base::StreamId;
use media::api::{Command, Ptime, Signal, Source, Terms};
use media::codec::Codec;
use media::dtmf::{Detector, Event, Tones, digit};

use crate::bench::*;
use crate::codecs::heard;
use crate::conference::*;

/// Frequencies that are 100 periods and more in a second, and no sums or multiples of each other.
const HZ: [f64; 8] = [310.0, 430.0, 590.0, 710.0, 970.0, 1130.0, 1390.0, 1570.0];

fn conference(codecs: &[Codec]) -> Conference {
    let speakers = (1..).zip(codecs).zip(HZ);
    Conference::new(speakers.map(|((n, codec), hz)| Speaker::new(StreamId(n), *codec, hz)).collect())
}

#[test]
fn everybody_hears_all_others_and_nothing_else() {
    for codecs in [
        vec![Codec::Pcma; 3],
        vec![Codec::G722; 3],
        vec![Codec::Pcma, Codec::Pcmu, Codec::G722],
        [Codec::Pcmu, Codec::Pcma, Codec::G722].repeat(2),
        [vec![Codec::Pcma; 6], vec![Codec::Pcmu; 2]].concat(),
    ] {
        let mut conference = conference(&codecs);
        conference.all_hear_all();
        conference.pass(ms(3000));
        let sent = conference.bench.take_sent();
        for (n, codec) in codecs.iter().enumerate() {
            let stream = conference.speakers[n].stream;
            let of: Vec<Sent> = sent.iter().filter(|sent| sent.stream == stream).cloned().collect();
            assert!((150..=151).contains(&of.len()));
            assert_seamless(&of);
            let heard = &wave(*codec, &of)[16_000..];
            for (other, hz) in HZ[..codecs.len()].iter().enumerate() {
                let (level, wanted) = (level(heard, *hz), if other == n { 0.0 } else { 3000.0 });
                assert!((level - wanted).abs() < 60.0, "{codecs:?}: {n} hears {level} of {other}");
            }
            let all = f64::sqrt(codecs.len() as f64 - 1.0) * 3000.0;
            assert!((loudness(heard) / all - 1.0).abs() < 0.02, "{n} hears more: {}", loudness(heard));
        }
    }
}

/// G.729 draws mouths: a tone comes through it as loud as it was, two at a time nearly so.
#[test]
fn g729_takes_part_in_a_mix() {
    let codecs = [Codec::G729, Codec::Pcma, Codec::G722];
    let mut conference = conference(&codecs);
    conference.all_hear_all();
    conference.pass(ms(3000));
    let sent = conference.bench.take_sent();
    for (n, codec) in codecs.iter().enumerate() {
        let stream = conference.speakers[n].stream;
        let of: Vec<Sent> = sent.iter().filter(|sent| sent.stream == stream).cloned().collect();
        assert!((150..=151).contains(&of.len()));
        assert_seamless(&of);
        let heard = &wave(*codec, &of)[16_000..];
        for (other, hz) in HZ[..codecs.len()].iter().enumerate() {
            let (level, wanted) = (level(heard, *hz), if other == n { 0.0 } else { 3000.0 });
            let off_max = if *codec == Codec::G729 { 900.0 } else { 300.0 };
            assert!((level - wanted).abs() < off_max, "{n} hears {level} of {other}");
        }
    }
}

#[test]
fn a_listener_may_hear_any_of_them_and_eight_at_most() {
    let mut conference = conference(&[Codec::Pcma; 8]);
    let listener = StreamId(9);
    conference.bench.open(listener, Codec::Pcma);
    conference.bench.hear(listener, Source::Mix([9, 2, 7, 2].map(StreamId).to_vec()));
    conference.pass(ms(1500));
    let heard = wave(Codec::Pcma, &conference.take_sent_to(listener));
    let loud = |heard: &[i16]| HZ.map(|hz| level(&heard[heard.len() - 8000..], hz) > 2900.0);
    assert_eq!(loud(&heard), [false, true, false, false, false, false, true, false]);
    conference.bench.hear(listener, Source::Mix((0..20).map(StreamId).collect()));
    conference.pass(ms(1500));
    let heard = wave(Codec::Pcma, &conference.take_sent_to(listener));
    assert_eq!(
        loud(&heard),
        [true, true, true, true, true, true, true, false],
        "stream 0 is one of the eight"
    );
}

/// Nobody speaks, or nobody is named: packets come all the same, as long as the far end wants them.
#[test]
fn whoever_hears_nobody_gets_silence() {
    for (ptime, row) in
        [(10, vec![]), (20, vec![StreamId(2)]), (30, vec![StreamId(77)]), (60, vec![StreamId(2)])]
    {
        let mut conference = conference(&[]);
        conference.bench.open_with(StreamId(1), Codec::Pcma, ptime);
        conference.bench.open(StreamId(2), Codec::Pcmu);
        conference.bench.hear(StreamId(1), Source::Mix(row));
        conference.pass(ms(1199));
        let sent = conference.take_sent_to(StreamId(1));
        assert_eq!(sent.len(), 1200 / usize::from(ptime));
        assert_seamless(&sent);
        assert_eq!(sent.iter().filter(|sent| sent.header.marker).count(), 1);
        assert!(wave(Codec::Pcma, &sent).iter().all(|sample| sample.abs() <= 8));
    }
}

#[test]
fn packets_are_as_long_as_each_listener_and_each_speaker_likes() {
    for (codec, spoken, ptime) in
        [(Codec::Pcma, 10, 60), (Codec::Pcmu, 60, 10), (Codec::G722, 30, 50), (Codec::Pcma, 40, 30)]
    {
        let mut conference = conference(&[codec; 3]);
        conference.speakers.iter_mut().for_each(|speaker| speaker.packet_ms = spoken);
        for n in 1..4 {
            let terms = Terms { ptime: Ptime::new(Some(ptime), None), ..terms(StreamId(n), codec) };
            conference.command(Command::Agree { stream: StreamId(n), terms });
        }
        conference.all_hear_all();
        conference.pass(ms(3000));
        let sent = conference.take_sent_to(StreamId(1));
        assert_seamless(&sent);
        assert!(sent.iter().all(|sent| sent.payload.len() == 8 * usize::from(ptime)));
        assert!(sent.windows(2).all(|pair| pair[1].at.since(pair[0].at) == ms(ptime.into())));
        let heard = &wave(codec, &sent)[14_000..22_000];
        let levels = [0, 1, 2].map(|n| level(heard, HZ[n]).round());
        assert!(
            levels[0] < 60.0 && levels[1..].iter().all(|level| (level - 3000.0).abs() < 60.0),
            "{levels:?}"
        );
    }
}

#[test]
fn a_listener_on_hold_gets_nothing_and_then_what_is_said() {
    let mut conference = conference(&[Codec::Pcma; 3]);
    conference.all_hear_all();
    conference.pass(ms(1000));
    let held = Terms { send: false, ..terms(StreamId(1), Codec::Pcma) };
    conference.command(Command::Agree { stream: StreamId(1), terms: held });
    conference.take_sent_to(StreamId(1));
    conference.pass(ms(1000));
    assert_eq!(conference.take_sent_to(StreamId(1)), []);
    conference.command(Command::Agree { stream: StreamId(1), terms: terms(StreamId(1), Codec::Pcma) });
    conference.pass(ms(1000));
    let sent = conference.take_sent_to(StreamId(1));
    assert!((49..=50).contains(&sent.len()));
    assert_seamless(&sent);
    assert!((level(&wave(Codec::Pcma, &sent), HZ[1]) - 3000.0).abs() < 60.0);
}

/// Two clocks as far apart as clocks of phones are, for an hour: the delay stays, nothing is lost, nothing clicks.
#[test]
fn clocks_that_drift_are_followed_for_an_hour() {
    let mut conference = conference(&[Codec::Pcma, Codec::Pcmu]);
    for (speaker, ppm) in conference.speakers.iter_mut().zip([200, -200]) {
        speaker.ppm = ppm;
    }
    let listener = StreamId(9);
    conference.bench.open(listener, Codec::Pcma);
    conference.bench.hear(listener, Source::Mix([1, 2].map(StreamId).to_vec()));
    conference.pass(ms(1000));
    conference.take_sent_to(listener);
    for second in 0..3600 {
        conference.pass(ms(1000));
        let heard = wave(Codec::Pcma, &conference.take_sent_to(listener));
        assert_eq!(heard.len(), 8000);
        let slopes = std::f64::consts::TAU * 3000.0 * (HZ[0] + HZ[1]) / 8000.0;
        assert!(f64::from(steepest(&heard)) < 1.1 * slopes, "a click in second {second}");
        // A sample more or less moves the phase: a whole second would be the sum of two that differ.
        for part in heard.chunks(800) {
            let levels = [HZ[0], HZ[1]].map(|hz| level(part, hz));
            assert!(
                levels.iter().all(|level| (level - 3000.0).abs() < 90.0),
                "{levels:?} in second {second}"
            );
        }
    }
    for stream in [1, 2] {
        let counts = conference.bench.close(StreamId(stream));
        assert_eq!((counts.lost, counts.too_late), (0, 0));
    }
}

/// After some seconds the delay is what the network makes necessary, and no packet comes too late.
#[test]
fn jitter_is_learned() {
    for (jitter_ms, codec) in [(5, Codec::Pcma), (30, Codec::G722), (60, Codec::Pcmu), (90, Codec::Pcma)] {
        let mut conference = conference(&[codec; 2]);
        // Packets do not overtake each other there: G.722 needs them in order.
        let packet_ms = if codec == Codec::G722 { 40 } else { 20 };
        for speaker in &mut conference.speakers {
            (speaker.jitter_us, speaker.packet_ms) = (1000 * jitter_ms, packet_ms);
        }
        let listener = StreamId(9);
        conference.bench.open(listener, codec);
        conference.bench.hear(listener, Source::Mix([1, 2].map(StreamId).to_vec()));
        conference.pass(ms(15_000));
        conference.take_sent_to(listener);
        conference.pass(ms(10_000));
        let heard = wave(codec, &conference.take_sent_to(listener));
        for (n, part) in heard.chunks(800).enumerate().skip(2) {
            let level = level(part, HZ[0]);
            assert!((level - 3000.0).abs() < 150.0, "{codec:?}, {jitter_ms} ms: {level} in part {n}");
        }
        let too_late = conference.bench.close(StreamId(1)).too_late;
        assert!(too_late < 20, "{too_late}: more than what was learned from");
    }
}

/// A key pressed in a mix for 120 ms, its end said three times: in packets of 20 ms instead of the sound.
fn press(conference: &mut Conference, speaker: usize, code: u8) {
    press_for(conference, speaker, code, 6, |_, _| {});
}

/// A key pressed for so many packets of 20 ms, its end said three times; before each `meanwhile` is done.
fn press_for(
    conference: &mut Conference,
    speaker: usize,
    code: u8,
    packets: u16,
    mut meanwhile: impl FnMut(&mut Conference, u16),
) {
    let stream = conference.speakers[speaker].stream;
    let events = terms(stream, Codec::Pcma).events.expect("agreed");
    let began = conference.speakers[speaker].timestamp;
    for n in 1..=packets + 3 {
        meanwhile(conference, n);
        let stamp = conference.speakers[speaker].instead(events, began);
        let event = Event { code, end: n > packets, volume: 10, duration: 160 * n.min(packets) };
        conference.bench.receive(stream, far(stream), stamp, &event.to_bytes());
        conference.pass(ms(20));
    }
}

/// Somebody joins or leaves while a key is down: what was said of it by then must not make it two, nor lose the next.
#[test]
fn a_key_that_is_down_through_a_switch_is_one_digit() {
    let (relayed, mixed) = (Source::Stream(StreamId(2)), Source::Mix([2, 3].map(StreamId).to_vec()));
    for (before, after) in [(&relayed, &mixed), (&mixed, &relayed)] {
        for (packets, switched) in (1..9).map(|n| (6, n)).chain((1..40).step_by(3).map(|n| (40, n))) {
            let mut conference = conference(&[Codec::Pcma; 3]);
            conference.bench.hear(StreamId(1), before.clone());
            conference.pass(ms(200));
            conference.bench.take_sent();
            press_for(&mut conference, 1, 5, packets, |conference, n| {
                if n == switched {
                    conference.bench.hear(StreamId(1), after.clone());
                }
            });
            press(&mut conference, 1, 6);
            conference.pass(ms(1500));
            let sent = conference.take_sent_to(StreamId(1));
            assert_eq!(dialled(&sent, 101), "56", "{before:?}, then {after:?} at {switched} of {packets}");
        }
    }
}

/// The digits that were sent as events, each once.
fn dialled(sent: &[Sent], number: u8) -> String {
    let mut detector = Detector::default();
    let events = sent.iter().filter(|sent| sent.header.payload_number == number);
    let digits = events.flat_map(|sent| {
        let event = Event::read(&sent.payload).expect("an event");
        detector.handle_event(sent.header.timestamp, event)
    });
    digits.flatten().collect()
}

fn sounded(codec: Codec, sent: &[Sent]) -> String {
    let mut digits = String::new();
    let sound: Vec<Sent> =
        sent.iter().filter(|sent| sent.header.payload_number == codec.payload()).cloned().collect();
    Tones::default().handle_sound(0, heard(codec, &sound).into_iter(), |key| {
        digits.extend(digit(key.code).filter(|_| key.up));
    });
    digits
}

#[test]
fn digits_of_anybody_reach_everybody_once_in_the_form_that_each_understands() {
    let mut conference = conference(&[Codec::Pcma, Codec::Pcma, Codec::G722, Codec::Pcmu]);
    for stream in [3, 4] {
        let codec = conference.speakers[stream as usize - 1].codec;
        let terms = Terms { events: None, ..terms(StreamId(stream), codec) };
        conference.command(Command::Agree { stream: StreamId(stream), terms });
    }
    conference.all_hear_all();
    conference.pass(ms(500));
    conference.bench.take_sent();
    conference.speakers.iter_mut().for_each(|speaker| speaker.amplitude = 0.0);
    for (speaker, code) in [(0, 1), (1, 2), (0, 2), (0, 2), (1, 11)] {
        press(&mut conference, speaker, code);
        conference.pass(ms(200));
    }
    let sent = conference.bench.take_sent();
    let of =
        |n: u64| -> Vec<Sent> { sent.iter().filter(|sent| sent.stream == StreamId(n)).cloned().collect() };
    assert_eq!(dialled(&of(1), 101), "2#");
    assert_eq!(dialled(&of(2), 102), "122");
    assert_eq!(sounded(Codec::G722, &of(3)), "1222#");
    assert_eq!(sounded(Codec::Pcmu, &of(4)), "1222#");
    for n in 1..5 {
        let of = of(n);
        assert!(of.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1)));
    }
    let reported = conference.bench.signals.iter().filter(|signal| matches!(signal, Signal::Digit { .. }));
    assert_eq!(reported.count(), 5);
}

#[test]
fn digits_are_dialled_to_a_listener_and_tones_of_a_speaker_are_sound() {
    let mut conference = conference(&[Codec::Pcma; 3]);
    conference.all_hear_all();
    conference.pass(ms(500));
    conference.bench.take_sent();
    conference.command(Command::SendDigits { stream: StreamId(1), digits: "57*".to_owned() });
    conference.pass(ms(2000));
    let sent = conference.take_sent_to(StreamId(1));
    assert_eq!(dialled(&sent, 101), "57*");
    let heard = wave(Codec::Pcma, &sent[sent.len() - 50..]);
    assert!((level(&heard, HZ[1]) - 3000.0).abs() < 60.0, "then the mix goes on");
    // A far end that agreed on no events dials a tone.
    let terms = Terms { events: None, ..terms(StreamId(2), Codec::Pcma) };
    conference.command(Command::Agree { stream: StreamId(2), terms });
    conference.speakers.iter_mut().for_each(|speaker| speaker.amplitude = 0.0);
    conference.pass(ms(500));
    conference.bench.take_sent();
    conference.speakers[1].key = Some(9);
    conference.pass(ms(100));
    conference.speakers[1].key = None;
    conference.pass(ms(500));
    for stream in [1, 3] {
        let sent: Vec<Sent> =
            conference.bench.sent.iter().filter(|sent| sent.stream == StreamId(stream)).cloned().collect();
        assert_eq!(sounded(Codec::Pcma, &sent), "9");
        assert_eq!(dialled(&sent, 100 + stream as u8), "");
    }
}

/// A phone that begins its numbers anew with the same SSRC, as some do after a hold, is heard on.
#[test]
fn who_begins_its_numbers_anew_is_heard_in_every_codec() {
    for codec in Codec::ALL {
        let mut conference = conference(&[codec, Codec::Pcma, Codec::Pcma]);
        conference.all_hear_all();
        conference.pass(ms(2000));
        conference.speakers[0].sequence = 40_000;
        conference.speakers[0].timestamp = 77;
        conference.pass(ms(1000));
        conference.take_sent_to(StreamId(2));
        conference.pass(ms(1000));
        let heard = wave(Codec::Pcma, &conference.take_sent_to(StreamId(2)));
        assert!(level(&heard, HZ[0]) > 2500.0, "{codec:?}: {}", level(&heard, HZ[0]));
    }
}
