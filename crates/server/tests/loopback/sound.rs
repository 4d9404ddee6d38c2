//! Listening: is this sound in that one?

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// A prompt is looked for in pieces of a second, one beginning every half second: calls begin and end in the middle of it.
const PIECE: usize = 8_000;
pub(crate) const HOP: usize = 4_000;
/// Pieces of a prompt and windows of a track quieter than this (RMS) are no sound.
const QUIET: f32 = 60.0;
/// From here on a piece is the very sound: what remains is what A-law and a lost packet do.
pub(crate) const SAME: f32 = 0.95;
/// And from here on it is what a codec has drawn anew.
const ALIKE: f32 = 0.8;
/// Up to here two sounds have nothing to do with each other: different words of one voice reach 0.4.
const OTHER: f32 = 0.5;

/// Where a piece was found best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// Normalised correlation: 1 is the very sound, at any loudness; 0 has nothing to do with it.
    pub(crate) height: f32,
    /// The sample of the track.
    pub(crate) at: usize,
}

/// Looks for each piece of `prompt` all over `track`.
pub(crate) fn find(prompt: &[i16], track: &[i16]) -> Vec<Found> {
    let pieces =
        prompt.windows(PIECE).step_by(HOP).filter(|piece| power(piece) > QUIET * QUIET * PIECE as f32);
    let listener = Listener::new(track);
    pieces.map(|piece| listener.best(piece)).collect()
}

/// Asserts that a good part of `prompt` is in `track`: more than a piece could be by chance, and all that fits into the
/// shortest talk of these tests.
#[track_caller]
pub(crate) fn assert_heard(what: &str, prompt: &[i16], track: &[i16]) {
    let found = find(prompt, track);
    let same = found.iter().filter(|found| found.height > SAME).count();
    assert!(same * 3 >= found.len(), "{what} is not heard in {} samples: {found:?}", track.len());
}

/// Asserts that `track` holds what G.729 makes of `prompt`: the same voice, drawn anew.
#[track_caller]
pub(crate) fn assert_drawn(what: &str, prompt: &[i16], track: &[i16]) {
    let found = find(prompt, track);
    let alike = found.iter().filter(|found| found.height > ALIKE).count();
    assert!(alike * 3 >= found.len(), "{what} is not heard in {} samples: {found:?}", track.len());
}

/// Asserts that no piece of `prompt` is anywhere in `track`.
#[track_caller]
pub(crate) fn assert_not_heard(what: &str, prompt: &[i16], track: &[i16]) {
    let found = find(prompt, track);
    assert!(
        !found.is_empty() && found.iter().all(|found| found.height < OTHER),
        "{what} is heard in {} samples: {found:?}",
        track.len()
    );
}

/// The channels of a WAV file of ours (PCM of 16 bits behind 44 bytes of header).
pub(crate) fn channels(file: &[u8]) -> Vec<Vec<i16>> {
    assert_eq!((&file[..4], &file[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    let number = usize::from(u16::from_le_bytes([file[22], file[23]]));
    let rate = u32::from_le_bytes([file[24], file[25], file[26], file[27]]);
    assert_eq!(rate, 8000, "samples per second");
    let samples: Vec<i16> = file[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    (0..number).map(|n| samples.iter().skip(n).step_by(number).copied().collect()).collect()
}

/// A track, ready to be compared with many pieces.
struct Listener {
    spectrum: Vec<Complex<f32>>,
    /// Power of the window of [`PIECE`] samples that begins at each sample.
    powers: Vec<f32>,
}

impl Listener {
    fn new(track: &[i16]) -> Listener {
        let mut spectrum = complex(track, (track.len() + PIECE).next_power_of_two());
        FftPlanner::new().plan_fft_forward(spectrum.len()).process(&mut spectrum);
        let mut sums = vec![0i64];
        for sample in track {
            sums.push(sums[sums.len() - 1] + i64::from(*sample).pow(2));
        }
        let powers = sums.windows(PIECE + 1).map(|sums| (sums[PIECE] - sums[0]) as f32).collect();
        Listener { spectrum, powers }
    }

    /// Correlation by way of the frequency domain: a product there is a sum over all samples here.
    fn best(&self, piece: &[i16]) -> Found {
        let mut product = complex(piece, self.spectrum.len());
        let mut planner = FftPlanner::new();
        planner.plan_fft_forward(product.len()).process(&mut product);
        product.iter_mut().zip(&self.spectrum).for_each(|(piece, track)| *piece = track * piece.conj());
        planner.plan_fft_inverse(product.len()).process(&mut product);
        let scale = product.len() as f32 * power(piece).sqrt();
        let heights = product.iter().zip(&self.powers).enumerate().map(|(at, (sum, power))| {
            let height = sum.re / (scale * power.max(QUIET * QUIET * PIECE as f32).sqrt());
            Found { height, at }
        });
        heights
            .max_by(|one, other| one.height.total_cmp(&other.height))
            .unwrap_or(Found { height: 0.0, at: 0 })
    }
}

fn complex(samples: &[i16], len: usize) -> Vec<Complex<f32>> {
    let mut out: Vec<_> = samples.iter().map(|sample| Complex::new(f32::from(*sample), 0.0)).collect();
    out.resize(len, Complex::default());
    out
}

fn power(samples: &[i16]) -> f32 {
    samples.iter().map(|sample| f32::from(*sample).powi(2)).sum()
}

#[test]
fn a_sound_is_found_where_it_is_and_no_other_words_are() {
    use lab::{Prompt, prompt_samples};
    let spoken = [Prompt::Agent, Prompt::Customer, Prompt::VacantNumber, Prompt::MailboxGreeting];
    for prompt in spoken.map(prompt_samples) {
        let quieter = prompt.iter().map(|sample| sample / 3);
        let track: Vec<i16> = std::iter::repeat_n(0, 777).chain(quieter).collect();
        for other in spoken.map(prompt_samples) {
            if other == prompt {
                assert_heard("itself", &other, &track);
                assert_eq!(find(&other, &track)[1].at, 777 + HOP);
            } else {
                assert_not_heard("another", &other, &track);
            }
        }
    }
}
