use super::*;
use proptest::prelude::*;

/// A second and a half of speech: frames of another encoder, and what a third program, FFmpeg, hears in them.
const SPEECH_FRAMES: &[u8] = include_bytes!("fixtures/speech.g729");
const SPEECH: &[u8] = include_bytes!("fixtures/speech.s16le");

fn speech_frames() -> &'static [[u8; FRAME_BYTES]] {
    SPEECH_FRAMES.as_chunks().0
}

fn speech() -> Vec<i16> {
    SPEECH.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

fn encode(samples: &[i16]) -> Vec<[u8; FRAME_BYTES]> {
    let mut encoder = Encoder::default();
    samples.as_chunks().0.iter().map(|frame| encoder.frame(frame)).collect()
}

fn decode(frames: &[[u8; FRAME_BYTES]]) -> Vec<i16> {
    let mut decoder = Decoder::default();
    frames.iter().flat_map(|frame| decoder.frame(*frame)).collect()
}

fn sine(hz: f64, amplitude: f64, count: usize) -> Vec<i16> {
    let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 8000.0;
    (0..count).map(|n| (amplitude * turn(n).sin()).round() as i16).collect()
}

/// Power of a frequency, that of a full sine of amplitude one being one half.
fn power(samples: &[i16], hz: f64) -> f64 {
    let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 8000.0;
    let sum = |f: fn(f64) -> f64| -> f64 {
        samples.iter().enumerate().map(|(n, sample)| f64::from(*sample) * f(turn(n))).sum()
    };
    2.0 * (sum(f64::cos).powi(2) + sum(f64::sin).powi(2)) / (samples.len() as f64).powi(2)
}

fn energy(samples: impl IntoIterator<Item = f64>) -> f64 {
    samples.into_iter().map(|sample| sample * sample).sum()
}

/// Signal to noise, dB, of each 20 ms in which somebody speaks, and their mean.
fn segmental_snr_db(expected: &[i16], heard: &[i16]) -> f64 {
    let parts = expected.chunks_exact(160).zip(heard.chunks_exact(160));
    let ratios: Vec<f64> = parts
        .map(|(a, b)| {
            let signal = energy(a.iter().map(|sample| f64::from(*sample)));
            let noise = energy(a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
            (signal, 10.0 * (signal / noise.max(1.0)).log10())
        })
        .filter(|(signal, _)| *signal > 160.0 * 100.0 * 100.0)
        .map(|(_, ratio)| ratio)
        .collect();
    assert!(!ratios.is_empty(), "somebody speaks");
    ratios.iter().sum::<f64>() / ratios.len() as f64
}

/// FFmpeg polishes in another way, that of the main body: more than that is not between us.
#[test]
fn frames_of_another_encoder_are_heard_as_another_decoder_hears_them() {
    let (heard, expected) = (decode(speech_frames()), speech());
    assert_eq!(heard.len(), expected.len());
    let both = expected.iter().zip(&heard).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let noise = energy(both.clone().map(|(a, b)| a - b));
    let snr = 10.0 * (energy(both.map(|(a, _)| a)) / noise).log10();
    assert!(snr > 20.0, "{snr:.1} dB");
}

/// A codec that draws mouths does not keep samples: other encoders reach no more.
#[test]
fn speech_comes_out_like_it_went_in_5_ms_later() {
    let speech = speech();
    let heard = decode(&encode(&speech));
    let snr = segmental_snr_db(&speech[..speech.len() - 40], &heard[40..]);
    assert!(snr > 3.5, "{snr:.2} dB");
    let level = |samples: &[i16]| energy(samples.iter().map(|sample| f64::from(*sample)));
    let louder = 10.0 * (level(&heard) / level(&speech)).log10();
    assert!(louder.abs() < 1.0, "{louder:.2} dB");
}

#[test]
fn tones_keep_their_level() {
    for hz in [400.0, 450.0, 697.0, 1010.0, 1633.0, 2500.0, 3100.0] {
        for amplitude in [800.0, 8000.0, 20_000.0] {
            let heard = decode(&encode(&sine(hz, amplitude, 16_000)));
            for part in heard[4000..].chunks_exact(4000) {
                let off = 10.0 * (2.0 * power(part, hz) / (amplitude * amplitude)).log10();
                assert!(off.abs() < 1.0, "{hz} Hz at {amplitude}: {off:.2} dB");
            }
        }
    }
}

#[test]
fn silence_stays_silent_and_full_scale_does_not_turn_over() {
    let heard = decode(&encode(&[0; 8000]));
    assert!(heard.iter().all(|sample| sample.abs() <= 8), "{:?}", heard.iter().max());
    // What an idle A-law line sends.
    let heard = decode(&encode(&[8; 8000]));
    assert!(heard.iter().all(|sample| sample.abs() <= 16), "{:?}", heard.iter().max());
    let square: Vec<i16> = (0..8000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let heard = decode(&encode(&square));
    let agrees: i64 = square.iter().zip(&heard[40..]).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
    assert!(agrees > 0, "the sign is kept");
}

/// Both ends predict from what was sent before; after a loss they find to each other again, and no tone swells. A tone goes
/// on as the decoder has it, so that what the loss has changed stays longer than in speech.
#[test]
fn after_a_loss_speech_and_tones_are_soon_themselves_again() {
    let tones = [(sine(450.0, 8000.0, 12_000), 3.0), (sine(1010.0, 12_000.0, 12_000), 3.0)];
    for (sound, off_max) in [(speech(), 1.0)].into_iter().chain(tones) {
        let frames = encode(&sound);
        let whole = decode(&frames);
        let (lost, kept) = (30..33, 40..60);
        let mut decoder = Decoder::default();
        let heard: Vec<i16> = frames
            .iter()
            .enumerate()
            .filter(|(n, _)| !lost.contains(n))
            .flat_map(|(_, frame)| decoder.frame(*frame))
            .collect();
        let samples = kept.start * FRAME_SAMPLES..kept.end * FRAME_SAMPLES;
        let moved = samples.start - lost.len() * FRAME_SAMPLES..samples.end - lost.len() * FRAME_SAMPLES;
        let level = |samples: &[i16]| energy(samples.iter().map(|sample| f64::from(*sample)));
        let off = 10.0 * (level(&heard[moved]) / level(&whole[samples])).log10();
        assert!(off.abs() < off_max, "{off:.2} dB");
    }
}

#[test]
fn a_frame_says_what_was_put_into_it() {
    for frame in speech_frames() {
        // The parity bit is computed again: another encoder has the same.
        assert_eq!(frame::Frame::of_bytes(*frame).to_bytes(), *frame);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Nothing that a far end sends makes a decoder fail, or keeps it from hearing what comes afterwards.
    #[test]
    fn any_bytes_are_sound(frames in prop::collection::vec(any::<[u8; FRAME_BYTES]>(), 1..100)) {
        let mut decoder = Decoder::default();
        for frame in frames.iter().cycle().take(200) {
            decoder.frame(*frame);
        }
        let heard: Vec<i16> = speech_frames().iter().flat_map(|frame| decoder.frame(*frame)).collect();
        let (from, whole) = (8000, decode(speech_frames()));
        let off = whole[from..].iter().zip(&heard[from..]).map(|(a, b)| f64::from(*a) - f64::from(*b));
        let snr = 10.0 * (energy(whole[from..].iter().map(|a| f64::from(*a))) / energy(off).max(1.0)).log10();
        prop_assert!(snr > 10.0, "{snr:.2} dB");
    }

    #[test]
    fn any_samples_are_encoded(samples in prop::collection::vec(any::<i16>(), 800)) {
        let frames = encode(&samples);
        prop_assert_eq!(frames.len(), 10);
        decode(&frames);
    }
}
