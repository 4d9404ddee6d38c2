use super::events::Detector;
use super::*;
use crate::g711::{self, Law};
use crate::limits::DIGITS_MAX;
use proptest::prelude::*;

const PACKET: u32 = 160;

/// The event packet of what a keypad plays, and whether it begins an event.
fn event(dialled: Dialled) -> Option<(Event, bool)> {
    let event =
        |code, end, duration| Event { code, end, volume: 10, duration: u16::try_from(duration).unwrap() };
    match dialled {
        Dialled::Down { code, before, duration } => Some((event(code, false, duration), before == 0)),
        Dialled::Up { code, duration } => Some((event(code, true, duration), false)),
        Dialled::Pause => None,
    }
}

/// Dials and returns the packets with their timestamps; `u32::MAX - 1000` makes them wrap.
fn packets(digits: &str) -> Vec<(u32, Event)> {
    let mut keypad = Keypad::default();
    keypad.dial(digits);
    let (mut at, mut start) = (u32::MAX - 1000, 0);
    let mut packets = Vec::new();
    while let Some(dialled) = keypad.next_packet(PACKET) {
        if let Some((event, first)) = event(dialled) {
            start = if first { at } else { start };
            packets.push((start, event));
        }
        at = at.wrapping_add(PACKET);
    }
    assert!(keypad.is_idle());
    packets
}

fn detected(packets: impl IntoIterator<Item = (u32, Event)>) -> String {
    let mut detector = Detector::default();
    packets.into_iter().flat_map(|(at, event)| detector.handle_event(at, event)).flatten().collect()
}

#[test]
fn what_is_dialled_is_detected() {
    assert_eq!(detected(packets("0123456789*#ABCD")), "0123456789*#ABCD");
    assert_eq!(detected(packets("11x2b")), "112B");
    assert_eq!(packets("5").len(), 8);
}

#[test]
fn a_digit_without_its_end_packets_is_reported_by_what_comes_after_it() {
    let without_ends: Vec<_> = packets("12").into_iter().filter(|(_, event)| !event.end).collect();
    assert_eq!(detected(without_ends.clone()), "1");
    let mut detector = Detector::default();
    let (start, _) = without_ends[0];
    for (at, event) in without_ends.into_iter().take(5) {
        assert_eq!(detector.handle_event(at, event), [None, None]);
    }
    assert_eq!(detector.handle_sound(start.wrapping_add(800)), None);
    assert_eq!(detector.handle_sound(start.wrapping_add(1600)), Some('1'));
    assert_eq!(detector.handle_sound(start.wrapping_add(1760)), None);
}

#[test]
fn a_key_held_for_ten_seconds_is_one_digit() {
    let event = |end, duration| Event { code: 7, end, volume: 10, duration };
    let packets = [
        (1000, event(false, 65_440)),
        (1000, event(false, 65_535)),
        (66_535, event(false, 160)),
        (66_535, event(true, 14_465)),
    ];
    assert_eq!(detected(packets), "7");
}

#[test]
fn a_sender_that_begins_anew_is_heard() {
    let event = Event { code: 7, end: true, volume: 10, duration: 800 };
    assert_eq!(detected([(3_000_000, event), (2_999_000, event), (1000, event), (3800, event)]), "777");
}

#[test]
fn more_digits_than_fit_are_left_out() {
    assert_eq!(detected(packets(&"1".repeat(DIGITS_MAX + 9))).len(), DIGITS_MAX);
}

proptest! {
    #[test]
    fn loss_and_duplicates_never_invent_or_repeat_a_digit(
        digits in "[0-9*#]{1,8}", fate in prop::collection::vec(0u8..3, 64),
    ) {
        let sent = packets(&digits);
        let kept = sent.iter().zip(&fate).flat_map(|(packet, fate)| vec![*packet; usize::from(*fate)]);
        let kept: Vec<_> = kept.collect();
        let mut expected = String::new();
        let mut starts: Vec<u32> = kept.iter().map(|(at, _)| *at).collect();
        starts.dedup();
        for (n, start) in starts.iter().enumerate() {
            let of = || kept.iter().filter(|(at, _)| at == start);
            let ended = of().any(|(_, event)| event.end) || n + 1 < starts.len();
            expected.extend(of().next().and_then(|(_, event)| event.digit()).filter(|_| ended));
        }
        prop_assert_eq!(detected(kept), expected);
    }

    #[test]
    fn payloads_are_read_as_written(bytes in any::<[u8; 4]>()) {
        let event = Event::read(&bytes).expect("four bytes");
        let reserved_cleared = [bytes[0], bytes[1] & 0xbf, bytes[2], bytes[3]];
        prop_assert_eq!(event.to_bytes(), reserved_cleared);
    }
}

/// What a keypad plays while the packets of `keys` come, one every 20 ms, and after them.
fn held(keys: &[Option<Key>], ticks: u32) -> Vec<Dialled> {
    let mut keypad = Keypad::default();
    let mut played = Vec::new();
    for keys in keys.chunks((ticks / PACKET) as usize) {
        keys.iter().flatten().for_each(|key| keypad.hold(1, *key));
        played.extend(keypad.next_packet(ticks));
    }
    played.extend(std::iter::from_fn(|| keypad.next_packet(ticks)).take(1000));
    assert!(keypad.is_idle());
    played
}

/// How long each key was down.
fn presses(played: &[Dialled]) -> Vec<(u8, u32)> {
    let mut presses = Vec::new();
    for dialled in played {
        match *dialled {
            Dialled::Down { code, before: 0, duration } => presses.push((code, duration)),
            Dialled::Down { duration, .. } => presses.last_mut().expect("begun").1 = duration,
            Dialled::Up { code, duration } => assert_eq!(presses.last(), Some(&(code, duration))),
            Dialled::Pause => {}
        }
    }
    presses
}

/// A key that is down for so many packets, its end said three times.
fn pressed(code: u8, down_at: u32, packets: u16) -> Vec<Option<Key>> {
    let down = (1..=packets).map(|n| Key { code, down_at, duration: 160 * n, up: false });
    let up = Key { code, down_at, duration: 160 * packets, up: true };
    down.chain([up; 3]).map(Some).collect()
}

#[test]
fn a_key_is_held_as_long_as_elsewhere_but_long_enough() {
    for (packets, expected) in [(1, 640), (5, 800), (50, 8000)] {
        assert_eq!(presses(&held(&pressed(5, 777, packets), PACKET)), [(5, expected)], "{packets} packets");
    }
    let played = held(&[pressed(1, 0, 5), pressed(1, 2400, 5)].concat(), PACKET);
    assert_eq!(presses(&played), [(1, 800), (1, 800)]);
    assert_eq!(presses(&held(&pressed(5, 0, 10), 480)), [(5, 1920)], "in whole packets of 60 ms");
}

#[test]
fn a_key_whose_ends_are_lost_is_let_go_and_late_packets_press_nothing() {
    let mut keys = pressed(9, 1000, 10);
    keys.truncate(10);
    keys.extend([None; 30]);
    let late = Key { code: 9, down_at: 1000, duration: 1600, up: true };
    keys.extend([Some(late), Some(Key { down_at: 200, ..late })]);
    let played = held(&keys, PACKET);
    let presses = presses(&played);
    assert_eq!(presses.len(), 1);
    assert!((1600..=1600 + 1920).contains(&presses[0].1), "{presses:?}");
}

#[test]
fn a_key_held_for_ever_is_one_press_of_some_seconds() {
    let keys = (1..=3000u32).map(|n| {
        let (segments, rest) = (160 * n / 65_535, 160 * n % 65_535);
        Key { code: 3, down_at: 65_535 * segments, duration: rest.try_into().unwrap(), up: false }
    });
    let full = |key: Key| Key { duration: u16::MAX, down_at: key.down_at.wrapping_sub(65_535), ..key };
    let keys = keys.flat_map(|key| match key.duration < 160 && key.down_at > 0 {
        true => vec![Some(full(key)), Some(key)],
        false => vec![Some(key)],
    });
    let played = held(&keys.collect::<Vec<_>>(), PACKET);
    assert_eq!(presses(&played)[0].1, 60_000);
}

/// Tones of so many milliseconds with pauses between them, as packets of 20 ms and `scale` of their level.
struct Line {
    samples: Vec<i16>,
}

impl Line {
    fn new() -> Line {
        Line { samples: vec![0; 777] }
    }

    fn say(mut self, digits: &str, tone_ms: usize, pause_ms: usize) -> Line {
        for digit in digits.chars() {
            let start = self.samples.len();
            self.samples.resize(start + 8 * tone_ms, 0);
            fill(code(digit).unwrap(), 0, &mut self.samples[start..]);
            self.samples.resize(start + 8 * (tone_ms + pause_ms), 0);
        }
        self
    }

    /// Two sines, Hz and dBm0.
    fn sines(mut self, pair: [(f64, f64); 2], ms: usize) -> Line {
        let start = self.samples.len();
        self.samples.resize(start + 8 * ms, 0);
        for (n, sample) in self.samples[start..].iter_mut().enumerate() {
            let wave = pair.map(|(hz, dbm0)| {
                22_827.0 * 10f64.powf(dbm0 / 20.0) * (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin()
            });
            *sample = (wave[0] + wave[1]) as i16;
        }
        self.samples.resize(start + 8 * ms + 800, 0);
        self
    }

    fn noise(mut self, amplitude: i32) -> Line {
        let mut state = 7u32;
        for sample in &mut self.samples {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (i32::from((state >> 16) as u16) - 32_768) * amplitude / 32_768;
            *sample = sample.saturating_add(noise as i16);
        }
        self
    }

    /// The digits that are heard, through A-law, in packets of `packet` samples.
    fn heard(&self, packet: usize) -> String {
        let mut tones = Tones::default();
        let (mut heard, mut at) = (String::new(), u32::MAX - 2000);
        let mut down: Option<Key> = None;
        for samples in self.samples.chunks(packet) {
            let through = samples.iter().map(|sample| g711::decode(Law::A, g711::encode(Law::A, *sample)));
            tones.handle_sound(at, through, |key| {
                assert!(down.is_none_or(|down| (down.code, down.down_at) == (key.code, key.down_at)));
                down = Some(key).filter(|key| !key.up);
                heard.extend(digit(key.code).filter(|_| key.up));
            });
            at = at.wrapping_add(samples.len() as u32);
        }
        heard
    }
}

const ALL: &str = "0123456789*#ABCD";

#[test]
fn tones_are_recognised_in_packets_of_any_length() {
    for packet in [80, 160, 240, 480, 333] {
        assert_eq!(Line::new().say(ALL, 100, 60).heard(packet), ALL, "{packet}");
    }
}

/// Q.24 table A-1: 40 ms of tone, 40 ms of pause.
#[test]
fn forty_milliseconds_are_enough_and_twenty_are_not() {
    for offset in 0..102 {
        let mut line = Line::new();
        line.samples.truncate(offset);
        let line = line.say(ALL, 40, 40).say("", 0, 0);
        let line = Line { samples: [line.samples, vec![0; 400]].concat() };
        assert_eq!(line.heard(160), ALL, "{offset}");
    }
    assert_eq!(Line::new().say(ALL, 12, 60).heard(160), "");
    // The same digit twice, and one with a break of 10 ms.
    assert_eq!(Line::new().say("11", 60, 45).heard(160), "11");
    let broken = Line::new().say("1", 60, 10).say("1", 60, 60);
    assert_eq!(broken.heard(160), "1");
}

#[test]
fn frequencies_levels_and_twist_are_taken_as_far_as_they_must_be() {
    let pair = |low: f64, high: f64, level: [f64; 2]| {
        Line::new().sines([(low, level[0]), (high, level[1])], 60).heard(160)
    };
    for (low, high, digit) in [(697.0, 1209.0, "1"), (941.0, 1633.0, "D"), (770.0, 1477.0, "6")] {
        let at = |low_off: f64, high_off: f64, level| pair(low * low_off, high * high_off, level);
        for off in [0.985, 1.0, 1.015] {
            for level in [[0.0, 0.0], [-3.0, -3.0], [-29.0, -29.0], [-20.0, -24.0], [-24.0, -20.0]] {
                assert_eq!(at(off, off, level), digit, "{digit} off by {off} at {level:?}");
            }
        }
        for off in [0.965, 1.035] {
            assert_eq!(at(off, off, [-10.0; 2]), "", "{digit} off by {off}");
        }
        assert_eq!(at(1.0, 1.0, [-45.0; 2]), "", "too quiet");
        assert_eq!(at(1.0, 1.0, [-5.0, -25.0]), "", "too much twist");
        assert_eq!(at(1.0, 1.0, [-25.0, -5.0]), "", "too much twist");
        assert_eq!(at(1.0, 1.0, [-10.0, -99.0]), "", "one tone alone");
    }
}

#[test]
fn noise_hides_no_digit_and_is_none() {
    // 15 dB below the tones.
    assert_eq!(Line::new().say(ALL, 60, 60).noise(3000).heard(160), ALL);
    let noise = Line { samples: vec![0; 8000 * 60] }.noise(20_000);
    assert_eq!(noise.heard(160), "");
}

/// Vowels: harmonics of a voice that glides, shaped by formants that glide. Six minutes in six voices.
#[test]
fn voices_dial_nothing() {
    let mut heard = String::new();
    for minute in 0..6u32 {
        let mut turns = [0.0f64; 30];
        let samples = (0..8000 * 60).map(|n| {
            let secs = f64::from(n) / 8000.0;
            let pitch =
                140.0 + 30.0 * f64::from(minute) + 40.0 * (secs * 2.3).sin() + 15.0 * (secs * 7.1).sin();
            let formants = [
                (500.0 + 250.0 * (secs * 3.1).sin(), 60.0),
                (1500.0 + 600.0 * (secs * 2.1).cos(), 80.0),
                (2600.0, 120.0),
            ];
            let syllable = (secs * 9.0).sin().max(0.0);
            let mut sum = 0.0;
            for (k, turn) in turns.iter_mut().enumerate() {
                let hz = pitch * (k + 1) as f64;
                *turn = (*turn + hz / 8000.0).fract();
                // Resonances one after the other, and the glottis: 6 dB less in each octave.
                let resonance = |(formant, half_width): &(f64, f64)| {
                    let (f, b) = (hz / formant, 2.0 * half_width / formant);
                    1.0 / ((1.0 - f * f).powi(2) + (b * f).powi(2)).sqrt()
                };
                if hz < 3800.0 {
                    let shape: f64 = formants.iter().map(resonance).product();
                    sum += shape * 100.0 / hz * (std::f64::consts::TAU * *turn).sin();
                }
            }
            (3000.0 * syllable * sum).clamp(-32_000.0, 32_000.0) as i16
        });
        heard += &Line { samples: samples.collect() }.heard(160);
    }
    assert_eq!(heard, "");
}

#[test]
fn a_gap_ends_a_digit_and_a_packet_that_comes_late_is_not_heard() {
    let mut samples = [0; 800];
    fill(5, 0, &mut samples);
    let mut tones = Tones::default();
    let mut keys = Vec::new();
    let mut say =
        |at: u32, samples: &[i16]| tones.handle_sound(at, samples.iter().copied(), |key| keys.push(key));
    say(1000, &samples);
    say(1000, &samples[..160]);
    say(9000, &[0; 160]);
    say(9160, &samples);
    say(100_000, &[0; 160]);
    let [_, first, _, second] = keys[..] else { panic!("{keys:?}") };
    assert_eq!(first, Key { code: 5, down_at: 1000, duration: 800, up: true });
    assert!(second.up && (9160..9262).contains(&second.down_at), "{second:?}");
}
