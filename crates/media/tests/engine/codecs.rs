//! Far ends that speak different codecs, by different numbers.

use media::api::{Command, Signal, Source, Terms};
use media::codec::Codec;
use media::dtmf::Event;
use media::g711::{self, Law};
use media::g722;
use media::rtp::Stamp;
use media::sound::Sound;
use media::tone::Tone;

use crate::bench::*;

/// Sound in a codec, as an encoder that a far end keeps makes it.
#[derive(Default)]
struct Mouth(g722::Encoder);

impl Mouth {
    fn encode(&mut self, codec: Codec, samples: &[i16]) -> Vec<u8> {
        let encode = |sample: &i16| match codec.law() {
            Some(law) => g711::encode(law, *sample),
            None => self.0.narrow(*sample),
        };
        samples.iter().map(encode).collect()
    }
}

/// What a far end hears of packets in a codec, at 8 kHz.
pub(crate) fn heard(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let mut decoder = g722::Decoder::default();
    let bytes = sent.iter().flat_map(|sent| &sent.payload);
    match codec.law() {
        Some(law) => bytes.map(|byte| g711::decode(law, *byte)).collect(),
        None => bytes.map(|byte| decoder.narrow(*byte)).collect(),
    }
}

/// A sine of 1,010 Hz from sample `at` on.
fn sine(at: usize, count: usize) -> Vec<i16> {
    let turn = |n: usize| std::f64::consts::TAU * 1010.0 * n as f64 / 8000.0;
    (at..at + count).map(|n| (8000.0 * turn(n).sin()) as i16).collect()
}

fn snr_db(expected: &[i16], heard: &[i16]) -> f64 {
    assert_eq!(expected.len(), heard.len());
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let signal = power(&mut expected.iter().map(|sample| f64::from(*sample)));
    let noise = power(&mut expected.iter().zip(heard).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (signal / noise).log10()
}

fn bridged(agent: Codec, customer: Codec) -> Bench {
    let mut bench = Bench::new();
    bench.open(AGENT, agent);
    bench.open(CUSTOMER, customer);
    bench.hear(AGENT, Source::Stream(CUSTOMER));
    bench.hear(CUSTOMER, Source::Stream(AGENT));
    bench
}

#[test]
fn any_two_codecs_understand_each_other_in_both_directions() {
    for (agent, customer) in
        Codec::ALL.into_iter().flat_map(|agent| Codec::ALL.map(|customer| (agent, customer)))
    {
        let mut bench = bridged(agent, customer);
        let mut mouths = [Mouth::default(), Mouth::default()];
        for n in 0..50u16 {
            let samples = sine(160 * usize::from(n), 160);
            for (mouth, (stream, codec)) in mouths.iter_mut().zip([(AGENT, agent), (CUSTOMER, customer)]) {
                let payload = mouth.encode(codec, &samples);
                bench.receive(stream, far(stream), stamp(n, codec.payload(), 160 * u32::from(n)), &payload);
            }
            bench.pass(ms(20));
        }
        let sent = bench.take_sent();
        for (stream, codec) in [(AGENT, agent), (CUSTOMER, customer)] {
            let sent: Vec<Sent> = sent.iter().filter(|sent| sent.stream == stream).cloned().collect();
            assert_eq!(sent.len(), 50);
            assert_one_source(&sent);
            assert!(sent.iter().all(|sent| sent.header.payload_number == codec.payload()));
            let snr = snr_db(&sine(800, 7200), &heard(codec, &sent)[800..]);
            assert!(snr > 30.0, "{agent:?} and {customer:?}, in {codec:?}: {snr:.1} dB");
        }
    }
}

#[test]
fn between_equal_codecs_no_byte_changes() {
    let mut bench = bridged(Codec::G722, Codec::G722);
    for byte in 0..=255 {
        bench.speak(AGENT, u16::from(byte), Codec::G722, byte);
        bench.pass(ms(20));
    }
    let payloads: Vec<Vec<u8>> = bench.take_sent().into_iter().map(|sent| sent.payload).collect();
    assert_eq!(payloads, (0..=255).map(|byte| vec![byte; 160]).collect::<Vec<_>>());
}

/// Loss, packets out of order, and a second in which nothing is sent: the times of what is transcoded are those of the
/// sender, and its sound is soon itself again.
#[test]
fn what_is_missing_moves_no_time() {
    for (agent, customer) in [(Codec::Pcma, Codec::G722), (Codec::G722, Codec::Pcmu)] {
        let mut bench = bridged(agent, customer);
        let mut mouth = Mouth::default();
        let mut sequence = 0;
        for n in 0..200u32 {
            let payload = mouth.encode(agent, &sine(160 * n as usize, 160));
            let is_silent = (50..100).contains(&n);
            sequence += u16::from(!is_silent);
            // One packet is lost.
            if !is_silent && n != 120 {
                bench.receive(AGENT, far(AGENT), stamp(sequence, agent.payload(), 160 * n), &payload);
            }
            bench.pass(ms(20));
        }
        let sent = bench.take_sent();
        assert_eq!(sent.len(), 149);
        let (first_sequence, first_timestamp) = (sent[0].header.sequence, sent[0].header.timestamp);
        let places: Vec<(u16, u32)> = sent
            .iter()
            .map(|sent| {
                let Sent { header, .. } = sent;
                (header.sequence.wrapping_sub(first_sequence), header.timestamp.wrapping_sub(first_timestamp))
            })
            .collect();
        let expected = (0..200u32).filter(|n| !(50..100).contains(n) && *n != 120).map(|n| {
            let sequence = if n < 50 { n } else { n - 50 };
            (u16::try_from(sequence).expect("few"), 160 * n)
        });
        assert_eq!(places, expected.collect::<Vec<_>>());
        let heard = heard(customer, &sent);
        let snr = snr_db(&sine(160 * 180, 160 * 20), &heard[heard.len() - 160 * 20..]);
        assert!(snr > 30.0, "{agent:?} to {customer:?}: {snr:.1} dB");
    }
}

#[test]
fn a_codec_may_change_in_the_middle_of_a_call() {
    let mut bench = bridged(Codec::Pcma, Codec::Pcmu);
    let mut mouth = Mouth::default();
    let mut sent = Vec::new();
    for (part, (agent, customer)) in
        [(Codec::Pcma, Codec::Pcmu), (Codec::Pcma, Codec::G722), (Codec::G722, Codec::Pcmu)]
            .into_iter()
            .enumerate()
    {
        bench.command(Command::Agree { stream: AGENT, terms: terms(AGENT, agent) });
        bench.command(Command::Agree { stream: CUSTOMER, terms: terms(CUSTOMER, customer) });
        for n in 50 * part..50 * (part + 1) {
            let payload = mouth.encode(agent, &sine(160 * n, 160));
            let n = u16::try_from(n).expect("few");
            bench.receive(AGENT, far(AGENT), stamp(n, agent.payload(), 160 * u32::from(n)), &payload);
            bench.pass(ms(20));
        }
        let now = bench.take_sent();
        assert_eq!(now.len(), 50);
        let snr = snr_db(&sine(8000 * part + 800, 7200), &heard(customer, &now)[800..]);
        assert!(snr > 30.0, "{agent:?} to {customer:?}: {snr:.1} dB");
        sent.extend(now);
    }
    assert_one_source(&sent);
}

/// Each far end has numbers of its own for the same things, and may change them.
#[test]
fn payload_numbers_are_those_of_each_far_end() {
    let numbered =
        |stream, codec, payload, events| Terms { payload, events: Some(events), ..terms(stream, codec) };
    let mut bench = bridged(Codec::Pcma, Codec::Pcmu);
    let event = Event { code: 1, end: true, volume: 10, duration: 800 }.to_bytes();
    let rounds = [([8, 101], [0, 96]), ([98, 127], [0, 96]), ([98, 127], [97, 98]), ([8, 101], [118, 101])];
    for (round, (agent, customer)) in (0u16..).zip(rounds) {
        bench.command(Command::Agree {
            stream: AGENT,
            terms: numbered(AGENT, Codec::Pcma, agent[0], agent[1]),
        });
        let theirs = numbered(CUSTOMER, Codec::Pcmu, customer[0], customer[1]);
        bench.command(Command::Agree { stream: CUSTOMER, terms: theirs });
        for (stream, ours, theirs, [from, to]) in
            [(AGENT, agent, customer, [Law::A, Law::Mu]), (CUSTOMER, customer, agent, [Law::Mu, Law::A])]
        {
            let (spoken, silence) = (0x33, g711::transcoder(from, to).expect("two laws")[0x33]);
            let at = 1600 * u32::from(round);
            bench.receive(stream, far(stream), stamp(2 * round, ours[0], at), &[spoken; 160]);
            bench.receive(stream, far(stream), stamp(2 * round + 1, ours[1], at + 160), &event);
            let sent = bench.take_sent();
            let packets: Vec<_> =
                sent.iter().map(|sent| (sent.header.payload_number, &sent.payload[..])).collect();
            assert_eq!(packets, [(theirs[0], &[silence; 160][..]), (theirs[1], &event[..])], "round {round}");
        }
        bench.pass(ms(200));
    }
    let digits = bench.signals.iter().filter(|signal| matches!(signal, Signal::Digit { .. })).count();
    assert_eq!(digits, 2 * rounds.len());
    assert_eq!(bench.close(AGENT).refused, 0);
}

/// RFC 3389, and its number before: the far end pauses, and says how its room sounds.
#[test]
fn comfort_noise_is_a_pause_and_no_loss() {
    let mut bench = bridged(Codec::Pcma, Codec::G722);
    bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    bench.command(Command::Watch { stream: AGENT, silence_max: Some(ms(30_000)) });
    let noise = |bench: &mut Bench, n: u16, number: u8, at: u32| {
        bench.receive(AGENT, far(AGENT), stamp(n, number, at), &[60]);
    };
    bench.speak(AGENT, 0, Codec::Pcma, 0x33);
    let mut at = 160;
    for n in 1..=100u16 {
        bench.pass(ms(20));
        noise(&mut bench, n, [13, 19][usize::from(n % 2)], at);
        bench.pass(ms(1480));
        at += 12_000;
    }
    let spoken = Stamp { marker: true, ..stamp(101, Codec::Pcma.payload(), at) };
    bench.pass(ms(20));
    bench.receive(AGENT, far(AGENT), spoken, &[0x33; 160]);
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].header.marker);
    assert_eq!(sent[1].header.sequence, sent[0].header.sequence.wrapping_add(1));
    assert_eq!(sent[1].header.timestamp.wrapping_sub(sent[0].header.timestamp), at);
    assert!(!bench.signals.contains(&Signal::Silent { stream: AGENT }));
    bench.command(Command::StopRecord { call: CALL });
    let times: Vec<u64> = bench.stored.iter().map(|(_, packet)| packet.at_us / 1000).collect();
    assert_eq!(times, [0, 150_020]);
    let counts = bench.close(AGENT);
    assert_eq!((counts.received, counts.lost, counts.refused), (102, 0, 0));
}

fn power(samples: &[i16], hz: f64) -> f64 {
    let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 8000.0;
    let at = |f: fn(f64) -> f64| -> f64 {
        samples.iter().enumerate().map(|(n, sample)| f64::from(*sample) * f(turn(n))).sum()
    };
    2.0 * (at(f64::cos).powi(2) + at(f64::sin).powi(2)) / (samples.len() as f64).powi(2)
}

#[test]
fn tones_have_their_frequency_level_and_cadence_in_every_codec_and_packet() {
    let tones = [
        (Source::RingBack, Tone::RingBack),
        (Source::Busy, Tone::Busy),
        (Source::Congestion, Tone::Congestion),
    ];
    for codec in Codec::ALL {
        for ptime in [10, 20, 30, 40, 50, 60] {
            for (source, tone) in tones.clone() {
                let mut bench = Bench::new();
                bench.open_with(AGENT, codec, ptime);
                bench.hear(AGENT, source);
                bench.pass(ms(5999));
                let sent = bench.take_sent();
                assert_seamless(&sent);
                let heard = heard(codec, &sent);
                assert!(heard.len() >= 48_000);
                let mut expected = vec![0; 48_000];
                tone.fill_linear(0, &mut expected);
                for (n, (heard, expected)) in heard.chunks(400).zip(expected.chunks(400)).enumerate() {
                    // Edges smear a little in G.722.
                    let (level, wanted) = (power(heard, 450.0).sqrt(), power(expected, 450.0).sqrt());
                    assert!(
                        (level - wanted).abs() < 350.0,
                        "{tone:?} {codec:?} {ptime}: {level} at {n} for {wanted}"
                    );
                    let all = heard.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 400.0;
                    assert!(
                        wanted < 5000.0 || level * level > 0.98 * all,
                        "{tone:?} {codec:?}: not 450 Hz alone"
                    );
                }
            }
        }
    }
}

#[test]
fn a_sound_is_heard_in_every_codec_and_by_g722_up_to_8_khz() {
    let file = {
        let turn = |hz: f64, n: usize| (std::f64::consts::TAU * hz * n as f64 / 48_000.0).sin();
        let samples: Vec<i16> =
            (0..48_000).map(|n| (5000.0 * (turn(1010.0, n) + turn(6000.0, n))) as i16).collect();
        media::wav::write(48_000, &samples).expect("short")
    };
    let sound = Sound::from_wav(&file).expect("WAV");
    for codec in Codec::ALL {
        let mut bench = Bench::with_sounds(vec![sound.clone()]);
        bench.open_with(AGENT, codec, 30);
        bench.hear(AGENT, Source::Sound { sound: 0, looped: false });
        bench.pass(ms(2000));
        assert_eq!(bench.signals, [Signal::Played { stream: AGENT }]);
        let sent = bench.take_sent();
        assert_eq!(sent.len(), 34, "a second, the last packet filled up");
        let level = power(&heard(codec, &sent)[800..7200], 1010.0).sqrt() * f64::sqrt(2.0);
        assert!((level - 5000.0).abs() < 100.0, "{codec:?}: {level}");
        if codec == Codec::G722 {
            let mut decoder = g722::Decoder::default();
            let bytes = sent.iter().flat_map(|sent| &sent.payload);
            let wide: Vec<i16> = bytes.flat_map(|byte| decoder.wide(*byte)).collect();
            // At 16 kHz 6,000 Hz turns as 3,000 does at 8.
            let level = power(&wide[1600..14_400], 3000.0).sqrt() * f64::sqrt(2.0);
            assert!((level - 5000.0).abs() < 500.0, "6 kHz: {level}");
        }
    }
}
