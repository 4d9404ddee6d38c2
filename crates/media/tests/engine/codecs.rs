//! Far ends that speak different codecs, by different numbers.

use std::time::Duration;

use media::api::{Command, Ptime, Signal, Source, Terms};
use media::codec::Codec;
use media::coder::{Decoder, Encoder};
use media::dtmf::Event;
use media::g711::{self, Law};
use media::g722;
use media::rtp::Stamp;
use media::sound::Sound;
use media::tone::Tone;

use crate::bench::*;

/// Sound in a codec, as an encoder that a far end keeps makes it.
#[derive(Default)]
struct Mouth(Encoder);

impl Mouth {
    fn encode(&mut self, codec: Codec, samples: &[i16]) -> Vec<u8> {
        let mut payload = vec![0; samples.len()];
        let len = self.0.encode(codec, samples, &mut payload);
        payload.truncate(len);
        payload
    }
}

/// What a far end hears of packets in a codec, at 8 kHz.
pub(crate) fn heard(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let mut decoder = Decoder::default();
    let decode = |sent: &Sent| {
        let mut samples = vec![0; codec.ticks(sent.payload.len())];
        decoder.decode(codec, &sent.payload, &mut samples);
        samples
    };
    sent.iter().flat_map(decode).collect()
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

/// What is heard is the sine, from sample `at` on: sample by sample, or, where G.729 is on the way, as loud and as pure.
fn assert_like_sine(at: usize, heard: &[i16], codecs: [Codec; 2]) {
    let (expected, wanted) = (sine(at, heard.len()), 8000.0_f64.powi(2) / 2.0);
    if !codecs.contains(&Codec::G729) {
        let snr = snr_db(&expected, heard);
        assert!(snr > 30.0, "{codecs:?}: {snr:.1} dB");
        return;
    }
    for part in heard.chunks_exact(800) {
        let (level, all) = (power(part, 1010.0), mean_square(part));
        assert!((10.0 * (level / wanted).log10()).abs() < 1.0, "{codecs:?}: {level} for {wanted}");
        assert!(all - level < 0.05 * all, "{codecs:?}: not 1,010 Hz alone, {level} of {all}");
    }
}

fn mean_square(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64
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
            assert_like_sine(800, &heard(codec, &sent)[800..], [agent, customer]);
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

/// Packets of other lengths than whole frames: what is over is held until the next comes, and no sequence number is missing.
#[test]
fn packets_of_any_length_fill_the_frames_of_g729() {
    for samples in [40, 120, 160, 200, 240, 37] {
        let mut bench = bridged(Codec::Pcma, Codec::G729);
        let mut mouth = Mouth::default();
        for n in 0..8000 / samples {
            let payload = mouth.encode(Codec::Pcma, &sine(samples * n, samples));
            let (number, at) = (u16::try_from(n).expect("few"), (samples * n) as u32);
            bench.receive(AGENT, far(AGENT), stamp(number, Codec::Pcma.payload(), at), &payload);
            bench.pass(Duration::from_micros(125 * samples as u64));
        }
        let sent = bench.take_sent();
        assert_seamless(&sent);
        assert!(sent.iter().all(|sent| !sent.payload.is_empty() && sent.payload.len() % 10 == 0));
        let heard = heard(Codec::G729, &sent);
        // Of the first frame what came before its last packet is lost.
        assert!((8000 - heard.len()) < 160 + samples, "{samples}: {} are heard", heard.len());
        assert_like_sine(800, &heard[800..], [Codec::Pcma, Codec::G729]);
    }
}

/// What Annex B sends in pauses, to nobody's wish: two bytes, alone or after speech.
#[test]
fn comfort_noise_of_g729_is_silence() {
    let mut bench = bridged(Codec::G729, Codec::Pcmu);
    let mut mouth = Mouth::default();
    let spoken = mouth.encode(Codec::G729, &sine(0, 160));
    bench.receive(AGENT, far(AGENT), stamp(0, 18, 0), &spoken);
    bench.pass(ms(20));
    bench.receive(AGENT, far(AGENT), stamp(1, 18, 160), &[&spoken[..10], &[1, 2]].concat());
    bench.pass(ms(20));
    bench.receive(AGENT, far(AGENT), stamp(2, 18, 320), &[1, 2]);
    bench.receive(AGENT, far(AGENT), stamp(3, 18, 400), &[1]);
    let sent = bench.take_sent();
    let lengths: Vec<usize> = sent.iter().map(|sent| sent.payload.len()).collect();
    assert_eq!(lengths, [160, 160, 80]);
    let heard = heard(Codec::Pcmu, &sent);
    assert!(heard[240..].iter().all(|sample| *sample == 0));
    assert_eq!(bench.close(AGENT).refused, 1);
}

/// A thousand bytes of it would be a second and a half, and that many times the work.
#[test]
fn g729_is_refused_where_it_was_not_agreed_on_and_beyond_a_length() {
    let mut bench = bridged(Codec::Pcma, Codec::G729);
    bench.receive(AGENT, far(AGENT), stamp(0, 18, 0), &[0; 20]);
    bench.receive(CUSTOMER, far(CUSTOMER), stamp(0, 18, 0), &[0; 190]);
    bench.receive(CUSTOMER, far(CUSTOMER), stamp(1, 18, 1520), &[0; 180]);
    assert_eq!(bench.take_sent().len(), 1);
    assert_eq!((bench.close(AGENT).refused, bench.close(CUSTOMER).refused), (1, 1));
}

/// A far end that wants no more than 20 ms in a packet gets no more, whatever it is made of.
#[test]
fn what_is_transcoded_is_cut_too() {
    for (agent, customer) in
        [(Codec::G729, Codec::Pcmu), (Codec::Pcmu, Codec::G729), (Codec::G729, Codec::G729)]
    {
        let mut bench = bridged(agent, customer);
        let terms = Terms { ptime: Ptime::new(Some(20), Some(20)), ..terms(CUSTOMER, customer) };
        bench.command(Command::Agree { stream: CUSTOMER, terms });
        let mut mouth = Mouth::default();
        for n in 0..20u16 {
            let payload = mouth.encode(agent, &sine(480 * usize::from(n), 480));
            bench.receive(AGENT, far(AGENT), stamp(n, agent.payload(), 480 * u32::from(n)), &payload);
            bench.pass(ms(60));
        }
        let sent = bench.take_sent();
        assert_eq!(sent.len(), 60);
        assert_seamless(&sent);
        assert!(sent.iter().all(|sent| customer.ticks(sent.payload.len()) == 160));
        assert_like_sine(800, &heard(customer, &sent)[800..], [agent, customer]);
    }
}

/// Loss, packets out of order, and a second in which nothing is sent: the times of what is transcoded are those of the
/// sender, and its sound is soon itself again.
#[test]
fn what_is_missing_moves_no_time() {
    for (agent, customer) in [
        (Codec::Pcma, Codec::G722),
        (Codec::G722, Codec::Pcmu),
        (Codec::Pcma, Codec::G729),
        (Codec::G729, Codec::G722),
    ] {
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
        assert_like_sine(160 * 180, &heard[heard.len() - 160 * 20..], [agent, customer]);
    }
}

const CHANGES: [(Codec, Codec); 5] = [
    (Codec::Pcma, Codec::Pcmu),
    (Codec::Pcma, Codec::G722),
    (Codec::G729, Codec::G722),
    (Codec::G722, Codec::G729),
    (Codec::G722, Codec::Pcmu),
];

#[test]
fn a_codec_may_change_in_the_middle_of_a_call() {
    let mut bench = bridged(Codec::Pcma, Codec::Pcmu);
    let mut mouth = Mouth::default();
    let mut sent = Vec::new();
    for (part, (agent, customer)) in CHANGES.into_iter().enumerate() {
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
        assert_like_sine(8000 * part + 800, &heard(customer, &now)[800..], [agent, customer]);
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
        let (delay, edge_max, off_max, pure) = match codec {
            Codec::G729 => (40, 100.0, 550.0, 0.95),
            Codec::Pcmu | Codec::Pcma | Codec::G722 => (0, f64::INFINITY, 350.0, 0.98),
        };
        // The work of G.729 is the same in packets of any length.
        let ptimes: &[u16] = if codec == Codec::G729 { &[10, 30] } else { &[10, 20, 30, 40, 50, 60] };
        for ptime in ptimes.iter().copied() {
            for (source, tone) in tones.clone() {
                let mut bench = Bench::new();
                bench.open_with(AGENT, codec, ptime);
                bench.hear(AGENT, source);
                bench.pass(ms(5999));
                let sent = bench.take_sent();
                assert_seamless(&sent);
                let mut heard = heard(codec, &sent);
                assert!(heard.len() >= 48_000);
                // G.729 is 5 ms late.
                heard.drain(..delay);
                let mut expected = vec![0; 48_000];
                tone.fill_linear(0, &mut expected);
                let level = |samples: &[i16]| power(samples, 450.0).sqrt();
                let wanted: Vec<f64> = expected.chunks(400).map(level).collect();
                for (n, heard) in heard.chunks(400).enumerate() {
                    let (level, wanted, before) = (level(heard), wanted[n], wanted[n.saturating_sub(1)]);
                    // Edges smear, a little in G.722, for some 20 ms in G.729.
                    if (wanted - before).abs() > edge_max || (n == 0 && codec == Codec::G729) {
                        continue;
                    }
                    assert!(
                        (level - wanted).abs() < off_max,
                        "{tone:?} {codec:?} {ptime}: {level} at {n} for {wanted}"
                    );
                    let all = heard.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 400.0;
                    assert!(
                        wanted < 5000.0 || level * level > pure * all,
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
        let off_max = if codec == Codec::G729 { 550.0 } else { 100.0 };
        assert!((level - 5000.0).abs() < off_max, "{codec:?}: {level}");
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
