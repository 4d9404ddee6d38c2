//! The fixed codebook (§3.8): four pulses, each on a track of its own of every fifth sample; the last has two tracks.

use super::pitch::dot;
use super::{SUBFRAME, Subframe};

/// Places of a track.
const PLACES: usize = 8;
const TRACKS: usize = 5;
/// How much of the way from the mean to the most that three pulses can explain they must go before all places of the
/// fourth are tried (§3.8.1).
const WORTH: f32 = 0.4;

/// Places and signs as they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pulses {
    /// Three bits for each of three, four for the last.
    pub(super) places: u16,
    /// A bit each: set is positive.
    pub(super) signs: u8,
}

impl Pulses {
    /// Four pulses on silence.
    pub(super) fn vector(self) -> Subframe {
        let mut vector = [0.0; SUBFRAME];
        let row = |shift: u32| usize::from(self.places >> shift) % PLACES * TRACKS;
        let last = 3 + usize::from(self.places >> 9 & 1);
        for (n, place) in [row(0), row(3) + 1, row(6) + 2, row(10) + last].into_iter().enumerate() {
            vector[place] = if self.signs >> n & 1 == 1 { 1.0 } else { -1.0 };
        }
        vector
    }

    fn of_places(places: [usize; 4], signs: &[f32; SUBFRAME]) -> Pulses {
        let [a, b, c, d] = places.map(|place| place / TRACKS);
        let second_track = places[3] % TRACKS - 3;
        let positive = places.iter().enumerate().map(|(n, place)| u8::from(signs[*place] > 0.0) << n);
        Pulses { places: (a | b << 3 | c << 6 | second_track << 9 | d << 10) as u16, signs: positive.sum() }
    }
}

/// Repeats a vector at the pitch period, when that is shorter than it (equation 48).
pub(super) fn sharpen(vector: &mut Subframe, lag: usize, by: f32) {
    for n in lag..SUBFRAME {
        vector[n] += by * vector[n - lag];
    }
}

/// The pulses that come nearest to what is wanted, given what is heard of one. Each has the sign that the track alone
/// would have there, so that places are all that is searched.
pub(super) fn search(wanted: &Subframe, response: &Subframe) -> Pulses {
    let mut agrees: Subframe = std::array::from_fn(|n| dot(&wanted[n..], response));
    let signs = agrees.map(|sum| if sum < 0.0 { -1.0 } else { 1.0 });
    agrees = agrees.map(f32::abs);
    let overlap = overlaps(response, &signs);
    let worth = worth(&agrees);
    let track = |first: usize| (first..SUBFRAME).step_by(TRACKS);
    let mut best = ([0, 1, 2, 3], -1.0, 1.0);
    for a in track(0) {
        for b in track(1) {
            let two = agrees[a] + agrees[b];
            let two_energy = overlap[a][a] + overlap[b][b] + overlap[a][b];
            for c in track(2) {
                let three = two + agrees[c];
                if three < worth {
                    continue;
                }
                let three_energy = two_energy + overlap[c][c] + overlap[a][c] + overlap[b][c];
                for d in track(3).chain(track(4)) {
                    let four = three + agrees[d];
                    let energy = three_energy + overlap[d][d] + overlap[a][d] + overlap[b][d] + overlap[c][d];
                    // A fraction is compared without a division.
                    if four * four * best.2 > best.1 * energy {
                        best = ([a, b, c, d], four * four, energy);
                    }
                }
            }
        }
    }
    Pulses::of_places(best.0, &signs)
}

/// What two pulses have in common in what is heard of them, with their signs; of one with itself half.
fn overlaps(response: &Subframe, signs: &Subframe) -> [Subframe; SUBFRAME] {
    let mut overlap = [[0.0; SUBFRAME]; SUBFRAME];
    for apart in 0..SUBFRAME {
        let mut sum = 0.0;
        for n in 0..SUBFRAME - apart {
            sum += response[n] * response[n + apart];
            let (early, late) = (SUBFRAME - 1 - apart - n, SUBFRAME - 1 - n);
            let signed = sum * signs[early] * signs[late];
            overlap[early][late] = if apart == 0 { signed / 2.0 } else { signed };
            overlap[late][early] = overlap[early][late];
        }
    }
    overlap
}

/// What three pulses must explain.
fn worth(agrees: &Subframe) -> f32 {
    let (mut mean, mut most) = (0.0, 0.0);
    for track in 0..3 {
        let places = || agrees[track..].iter().step_by(TRACKS);
        mean += places().sum::<f32>() / PLACES as f32;
        most += places().fold(0.0, |most: f32, place| most.max(*place));
    }
    mean + WORTH * (most - mean)
}
