//! The music that ships with the program, as far ends hear it.

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId};
use media::api::{Command, Family, Ptime, Source, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::rtp::Header;
use media::sound::Sound;
use media::{g711, g722};

const MUSIC: &[u8] = include_bytes!("../../server/assets/music.wav");
const STREAM: StreamId = StreamId(1);

/// Two rounds of it, as a far end with this codec hears them.
fn heard(codec: Codec, sound: &Sound) -> Vec<i16> {
    let config = EngineConfig { sounds: vec![sound.clone()], streams_max: 1 };
    let mut engine = Engine::new(config, Random::from_number(1));
    let mut now = Now::default();
    let terms = Terms {
        remote: Some(SocketAddr::from(([10, 0, 0, 1], 4000))),
        peer: None,
        codec,
        payload: codec.payload(),
        events: None,
        ptime: Ptime::default(),
        send: true,
        receive: true,
    };
    let open = Command::Open { stream: STREAM, call: CallId(1), port: 30_000, family: Family::V4 };
    let hear = Command::Hear { stream: STREAM, source: Source::Sound { sound: 0, looped: true } };
    for command in [open, Command::Agree { stream: STREAM, terms }, hear] {
        engine.handle_command(now, command);
    }
    let (mut heard, mut decoder) = (Vec::new(), g722::Decoder::default());
    while heard.len() < 2 * sound.ticks() {
        engine.handle_timeout(now);
        while let Some(output) = engine.poll_output() {
            let Output::Send { data, .. } = output else { panic!("{output:?}") };
            let payload = &data[Header::read(&data).expect("RTP").payload];
            match codec.law() {
                Some(law) => heard.extend(payload.iter().map(|byte| g711::decode(law, *byte))),
                None => heard.extend(payload.iter().map(|byte| decoder.narrow(*byte))),
            }
        }
        now = now.later(Duration::from_millis(20));
    }
    heard
}

#[test]
fn it_is_small_and_as_loud_as_a_voice() {
    let file = media::wav::read(MUSIC).expect("WAV");
    assert!(MUSIC.len() <= 350_000 && file.rate_hz == 8000);
    let length = Duration::from_secs(file.samples.len() as u64) / 8000;
    assert!((10..=20).contains(&length.as_secs()));
    let power: f64 = file.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    // Against a sine of 0 dBm0, which is 3.14 dB below full scale.
    let level = 10.0 * (2.0 * power / file.samples.len() as f64 / 22_827f64.powi(2)).log10();
    assert!((-18.0..-12.0).contains(&level), "{level} dBm0");
    assert!(file.samples.iter().all(|sample| sample.unsigned_abs() < 32_768 / 2), "nothing is clipped");
}

#[test]
fn its_end_leads_into_its_beginning() {
    let sound = Sound::from_wav(MUSIC).expect("WAV");
    let length = media::wav::read(MUSIC).expect("WAV").samples.len();
    assert_eq!(sound.ticks(), length, "not a sample of silence is put in");
    // To G.729 the same samples go; what its bits make of them is another sound, and later.
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let heard = heard(codec, &sound);
        let step = |n: usize| (i32::from(heard[n + 1]) - i32::from(heard[n])).abs();
        let steepest = |at: std::ops::Range<usize>| at.map(step).max().expect("not empty");
        let at_the_seam = steepest(length - 9..length + 8);
        assert!(at_the_seam < 200, "{codec:?}: {at_the_seam}");
        assert!(steepest(length - 80..length + 80) < steepest(800..length - 800), "{codec:?}");
        // It does not stop there either.
        let quiet = |n: &usize| heard[*n].abs() < 50;
        assert!((length - 4000..length + 4000).filter(quiet).count() < 1600, "{codec:?}");
    }
}
