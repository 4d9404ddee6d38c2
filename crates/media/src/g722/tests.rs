use super::*;
use proptest::prelude::*;

/// Noise that swells and fades, now and then at full scale, from whole numbers alone.
fn noise(count: usize) -> Vec<i16> {
    let mut state = 1u32;
    let sample = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let loudness = n / 160 % 17;
        (i32::from(((state >> 16) as u16).cast_signed()) >> (16 - loudness.min(15))) as i16
    };
    (0..count).map(sample).collect()
}

fn sine(hz: f64, rate_hz: f64, amplitude: f64, count: usize) -> Vec<i16> {
    let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / rate_hz;
    (0..count).map(|n| (amplitude * turn(n).sin()).round() as i16).collect()
}

fn encode_wide(samples: &[i16]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    samples.as_chunks().0.iter().map(|two| encoder.wide(*two)).collect()
}

fn decode_wide(bytes: &[u8]) -> Vec<i16> {
    let mut decoder = Decoder::default();
    bytes.iter().flat_map(|byte| decoder.wide(*byte)).collect()
}

fn sum(samples: &[i16]) -> u32 {
    crc32fast::hash(&samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>())
}

/// Signal to noise, dB, when `output` is delayed by `delay` samples.
fn snr_db(input: &[i16], output: &[i16], delay: usize) -> f64 {
    let skip = 400;
    let pairs =
        || input[skip..].iter().zip(&output[skip + delay..]).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let signal: f64 = pairs().map(|(a, _)| a * a).sum();
    let error: f64 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (signal / error).log10()
}

/// Two other implementations, of which neither knows the other, made the same bytes and samples of this input.
#[test]
fn every_bit_is_as_others_make_it() {
    let input = noise(64_000);
    let bytes = encode_wide(&input);
    assert_eq!(crc32fast::hash(&bytes), 0xe1e7_1d2c);
    assert_eq!(sum(&decode_wide(&bytes)), 0xa3fe_eb3c);
    let mut decoder = Decoder::default();
    let narrow: Vec<i16> = bytes.iter().map(|byte| decoder.narrow(*byte)).collect();
    assert_eq!(sum(&narrow), 0x97c5_43d0);
    let mut encoder = Encoder::default();
    let bytes: Vec<u8> = input.iter().map(|sample| encoder.narrow(*sample)).collect();
    assert_eq!(crc32fast::hash(&bytes), 0xa937_2fa3);
}

#[test]
fn bytes_that_no_encoder_makes_are_decoded_as_others_do() {
    let bytes: Vec<u8> = noise(32_000).iter().map(|sample| (sample >> 3) as u8).collect();
    assert_eq!(sum(&decode_wide(&bytes)), 0x18a4_a762);
}

#[test]
fn tones_of_both_sub_bands_come_through() {
    // The two filters delay by 22 samples.
    for (hz, least) in [(300.0, 35.0), (1000.0, 35.0), (3000.0, 30.0), (5000.0, 15.0), (6500.0, 15.0)] {
        let input = sine(hz, 16_000.0, 8000.0, 16_000);
        let snr = snr_db(&input, &decode_wide(&encode_wide(&input)), 22);
        assert!(snr > least, "{hz} Hz: {snr:.1} dB");
    }
}

#[test]
fn the_lower_sub_band_is_the_sound_of_a_telephone_line() {
    let input = sine(1000.0, 8000.0, 8000.0, 8000);
    let mut encoder = Encoder::default();
    let bytes: Vec<u8> = input.iter().map(|sample| encoder.narrow(*sample)).collect();
    let mut decoder = Decoder::default();
    let narrow: Vec<i16> = bytes.iter().map(|byte| decoder.narrow(*byte)).collect();
    assert!(snr_db(&input, &narrow, 0) > 35.0, "{:.1} dB", snr_db(&input, &narrow, 0));
    // A wide decoder hears the same at twice the rate, half a sample between two.
    let wide = decode_wide(&bytes);
    let expected: Vec<i16> = sine(1000.0, 32_000.0, 8000.0, 32_000).into_iter().skip(1).step_by(2).collect();
    let best = (0..40).map(|delay| snr_db(&expected[..15_000], &wide, delay)).fold(f64::MIN, f64::max);
    assert!(best > 35.0, "{best:.1} dB");
}

#[test]
fn silence_is_silent_and_full_scale_does_not_wrap() {
    assert!(decode_wide(&encode_wide(&[0; 2000])).iter().all(|sample| sample.abs() < 16));
    let square: Vec<i16> = (0..16_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let output = decode_wide(&encode_wide(&square));
    // Away from the edges the sign is that of the input, which comes 22 samples before.
    for n in (400..15_900).filter(|n| (10..30).contains(&(n % 40))) {
        assert_eq!(output[n + 22] < 0, square[n] < 0, "sample {n}");
    }
}

#[test]
fn a_loss_is_forgotten() {
    let input = sine(700.0, 16_000.0, 8000.0, 32_000);
    let bytes = encode_wide(&input);
    let whole = decode_wide(&bytes);
    let torn = [&bytes[..4000], &bytes[4160..]].concat();
    let after = decode_wide(&torn);
    let off = |from: usize| {
        let pairs = whole[from + 320..].iter().zip(&after[from..]).take(1600);
        pairs.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().expect("long enough")
    };
    assert!(off(8000) > 100, "a loss is heard: {}", off(8000));
    assert!(off(8000 + 3200) < 100, "after 200 ms it is not: {}", off(8000 + 3200));
}

proptest! {
    #[test]
    fn no_bytes_and_no_samples_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), samples in prop::collection::vec(any::<i16>(), 0..2000),
    ) {
        let _ = decode_wide(&bytes);
        let _ = encode_wide(&samples);
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        for sample in samples {
            decoder.narrow(encoder.narrow(sample));
        }
    }
}
