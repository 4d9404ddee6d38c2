//! Digits between far ends that speak of them in different forms.

use std::net::SocketAddr;

use base::StreamId;
use media::api::{Command, Family, Signal, Source, Terms};
use media::codec::Codec;
use media::dtmf::{Event, Tones, digit, fill};
use media::g711::{self, Law};

use crate::bench::*;
use crate::codecs::heard;

/// The agent agreed on events or not, and so did the customer.
fn bridged(agent: (Codec, Option<u8>), customer: (Codec, Option<u8>)) -> Bench {
    let mut bench = Bench::new();
    for (stream, (codec, events)) in [(AGENT, agent), (CUSTOMER, customer)] {
        bench.open(stream, codec);
        bench.command(Command::Agree { stream, terms: Terms { events, ..terms(stream, codec) } });
    }
    bench.hear(AGENT, Source::Stream(CUSTOMER));
    bench.hear(CUSTOMER, Source::Stream(AGENT));
    bench
}

fn digits(bench: &Bench, of: StreamId) -> String {
    let digit = |signal: &Signal| match signal {
        Signal::Digit { stream, digit } if *stream == of => Some(*digit),
        _ => None,
    };
    bench.signals.iter().filter_map(digit).collect()
}

/// The agent says a second, a key being down in it from 400 to 520 ms; from packet `first` on.
fn say_tone(bench: &mut Bench, codec: Codec, first: u16, code: u8) {
    let mut samples = vec![0; 8000];
    fill(code, 0, &mut samples[3200..4160]);
    let mut encoder = media::coder::Encoder::default();
    for (n, samples) in (first..).zip(samples.chunks(160)) {
        let mut payload = [0; 160];
        let len = encoder.encode(codec, samples, &mut payload);
        bench.receive(AGENT, far(AGENT), stamp(n, codec.payload(), 160 * u32::from(n)), &payload[..len]);
        bench.pass(ms(20));
    }
}

/// The agent presses a key for 120 ms, in the middle of silence.
fn press(bench: &mut Bench, first: u16, code: u8, events: u8) {
    for n in 0..50u16 {
        let sequence = first + n;
        match n {
            20..30 => {
                let event = Event { code, end: n > 25, volume: 10, duration: 160 * (n - 19).min(6) };
                let began = 160 * u32::from(first + 20);
                bench.receive(AGENT, far(AGENT), stamp(sequence, events, began), &event.to_bytes());
            }
            _ => bench.speak(AGENT, sequence, Codec::Pcma, g711::SILENCE_A),
        }
        bench.pass(ms(20));
    }
}

#[test]
fn events_are_tones_to_a_far_end_that_knows_no_events() {
    for customer in Codec::ALL {
        let mut bench = bridged((Codec::Pcma, Some(101)), (customer, None));
        for (n, code) in [1, 1, 5, 11].into_iter().enumerate() {
            press(&mut bench, 50 * n as u16, code, 101);
        }
        let sent = bench.take_sent();
        assert!(sent.iter().all(|sent| sent.header.payload_number == customer.payload()));
        let mut tones = Tones::default();
        let (mut dialled, mut lengths) = (String::new(), Vec::new());
        tones.handle_sound(0, heard(customer, &sent).into_iter(), |key| {
            dialled.extend(digit(key.code).filter(|_| key.up));
            lengths.push(key.duration);
        });
        assert_eq!(dialled, "115#", "{customer:?}");
        assert!(lengths.iter().all(|length| (800..1200).contains(length)), "{lengths:?}");
        assert_eq!(digits(&bench, AGENT), "115#");
        for pair in sent.windows(2) {
            assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
            let moved = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
            let passed = pair[1].at.since(pair[0].at).as_millis() as u32 * 8;
            assert!(moved.abs_diff(passed.max(160)) <= 160, "{moved} samples in {passed}");
        }
    }
}

#[test]
fn tones_are_events_to_a_far_end_that_knows_them_and_take_the_place_of_the_sound() {
    for agent in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let mut bench = bridged((agent, None), (Codec::Pcmu, Some(96)));
        for (n, code) in [1, 1, 5, 11].into_iter().enumerate() {
            say_tone(&mut bench, agent, 50 * n as u16, code);
        }
        assert_eq!(digits(&bench, AGENT), "115#", "{agent:?}");
        let sent = bench.take_sent();
        let events: Vec<(u32, Event)> = sent
            .iter()
            .filter(|sent| sent.header.payload_number == 96)
            .map(|sent| (sent.header.timestamp, Event::read(&sent.payload).expect("an event")))
            .collect();
        let ends: Vec<(u32, Event)> = events.iter().copied().filter(|(_, event)| event.end).collect();
        let codes: Vec<u8> = ends.iter().map(|(_, event)| event.code).collect();
        assert_eq!(codes, [1, 1, 1, 1, 1, 1, 5, 5, 5, 11, 11, 11], "{agent:?}");
        // The tone lasts 120 ms, and is known of for the last 80 to 110 of them.
        assert!(ends.iter().all(|(_, event)| (640..=1120).contains(&event.duration)), "{ends:?}");
        // What is heard of each tone itself is too short to be a digit.
        let sound: Vec<Sent> = sent.into_iter().filter(|sent| sent.header.payload_number == 0).collect();
        let loud = heard(Codec::Pcmu, &sound).iter().filter(|sample| sample.abs() > 1000).count();
        assert!(loud < 4 * 320, "{agent:?}: {loud} samples");
        let mut again = String::new();
        Tones::default()
            .handle_sound(0, heard(Codec::Pcmu, &sound).into_iter(), |key| again.extend(digit(key.code)));
        assert_eq!(again, "", "{agent:?}");
    }
}

#[test]
fn tones_in_g729_pass_as_sound() {
    let mut bench = bridged((Codec::G729, None), (Codec::Pcmu, Some(96)));
    say_tone(&mut bench, Codec::G729, 0, 7);
    let sent = bench.take_sent();
    assert_eq!((sent.len(), digits(&bench, AGENT)), (50, String::new()));
    assert!(sent.iter().all(|sent| sent.header.payload_number == 0));
    let loud = heard(Codec::Pcmu, &sent).iter().filter(|sample| sample.abs() > 1000).count();
    assert!(loud > 700, "{loud} samples of 960");
}

/// Between two far ends of the same form nothing is looked for and nothing changed.
#[test]
fn tones_stay_tones_where_nobody_can_use_anything_else() {
    for events in [None, Some(101)] {
        let mut bench = bridged((Codec::Pcma, events), (Codec::Pcma, events));
        say_tone(&mut bench, Codec::Pcma, 0, 7);
        let sent = bench.take_sent();
        assert_eq!((sent.len(), digits(&bench, AGENT).as_str()), (50, ""));
        let mut tones = String::new();
        let sound = heard(Codec::Pcma, &sent);
        Tones::default()
            .handle_sound(0, sound.into_iter(), |key| tones.extend(digit(key.code).filter(|_| key.up)));
        assert_eq!(tones, "7");
    }
}

#[test]
fn whoever_listens_hears_of_tones_and_of_each_digit_once() {
    let mut bench = bridged((Codec::Pcma, None), (Codec::Pcma, None));
    bench.command(Command::Listen { stream: AGENT });
    bench.hear(CUSTOMER, Source::Nothing);
    say_tone(&mut bench, Codec::Pcma, 0, 7);
    assert_eq!(digits(&bench, AGENT), "7");
    // A phone that agreed on events may send the tone beside them.
    let mut bench = bridged((Codec::Pcma, Some(101)), (Codec::Pcma, None));
    bench.command(Command::Listen { stream: AGENT });
    let mut tone = [0; 1600];
    fill(7, 0, &mut tone);
    for n in 0..10u16 {
        let payload: Vec<u8> =
            tone[160 * usize::from(n)..][..160].iter().map(|sample| g711::encode(Law::A, *sample)).collect();
        bench.receive(AGENT, far(AGENT), stamp(2 * n, 8, 160 * u32::from(n)), &payload);
        let event = Event { code: 7, end: n > 6, volume: 10, duration: 160 * (n + 1).min(8) };
        bench.receive(AGENT, far(AGENT), stamp(2 * n + 1, 101, 0), &event.to_bytes());
        bench.pass(ms(20));
    }
    assert_eq!(digits(&bench, AGENT), "7");
}

#[test]
fn a_key_whose_sender_vanishes_does_not_sound_for_ever() {
    let mut bench = bridged((Codec::Pcma, Some(101)), (Codec::Pcma, None));
    let event = Event { code: 7, end: false, volume: 10, duration: 160 };
    bench.receive(AGENT, far(AGENT), stamp(0, 101, 0), &event.to_bytes());
    bench.pass(ms(10_000));
    let sent = bench.take_sent();
    assert!((10..=12).contains(&sent.len()), "{} packets", sent.len());
    assert_eq!(bench.engine.next_timeout(), None);
}

/// Two engines, of which the one is a phone that knows no events: what it dials arrives, in packets of any length.
#[test]
fn what_is_dialled_as_tones_arrives() {
    for (codec, ptime) in [(Codec::Pcma, 20), (Codec::G722, 30), (Codec::Pcmu, 60), (Codec::G722, 10)] {
        let phone = |_: StreamId| SocketAddr::from(([10, 0, 1, 1], 5000));
        let switch = |_: StreamId| SocketAddr::from(([10, 0, 1, 2], 6000));
        let (mut phones, mut relay) = (Bench::seeded(1), Bench::seeded(2));
        for (bench, remote) in [(&mut phones, switch(AGENT)), (&mut relay, phone(AGENT))] {
            bench.command(Command::Open { stream: AGENT, call: CALL, port: 30_000, family: Family::V4 });
            let ptime = media::api::Ptime::new(Some(ptime), None);
            let terms = Terms { remote: Some(remote), events: None, ptime, ..terms(AGENT, codec) };
            bench.command(Command::Agree { stream: AGENT, terms });
            bench.command(Command::Listen { stream: AGENT });
        }
        phones.hear(AGENT, Source::Sound { sound: 1, looped: true });
        phones.command(Command::SendDigits { stream: AGENT, digits: "20#D".to_owned() });
        for _ in 0..2000 {
            carry(&mut phones, &mut relay, phone);
        }
        assert_eq!(digits(&relay, AGENT), "20#D", "{codec:?}, {ptime} ms");
    }
}
