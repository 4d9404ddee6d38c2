//! Tones by which phones are told apart: what each says, and nothing else does. All are whole numbers of waves in 20 ms,
//! so that any 20 ms of any mix of them say exactly which are in it; none is near a tone of a key or of a network.

use std::fmt;

use media::sound::Sound;

const RATE_HZ: f64 = 8_000.0;
/// Samples of half a second.
const SAMPLES: usize = 4_000;
/// The lowest of them, Hz; the others follow at this distance.
const FIRST_HZ: u16 = 1_000;
const STEP_HZ: u16 = 100;
/// Of music in tests. It has a place of its own, so that no phone says it.
const MUSIC_HZ: u16 = 600;
/// How loud each is: five together are below full scale.
const AMPLITUDE: f64 = 5_000.0;

/// A tone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tone(u8);

impl Tone {
    /// How many there are.
    pub const COUNT: u8 = 24;
    /// What nobody says: for what is played to those who wait.
    pub const MUSIC: Tone = Tone(Tone::COUNT - 1);

    /// The `n`th tone of a phone; they repeat after [`Tone::COUNT`] less one.
    pub const fn of(n: u64) -> Tone {
        Tone((n % (Tone::COUNT as u64 - 1)) as u8)
    }

    /// All of them, [`Tone::MUSIC`] last.
    pub fn all() -> impl Iterator<Item = Tone> {
        (0..Tone::COUNT).map(Tone)
    }

    /// How high it is.
    pub const fn hz(self) -> u16 {
        if self.0 == Tone::MUSIC.0 { MUSIC_HZ } else { FIRST_HZ + STEP_HZ * self.0 as u16 }
    }

    /// Half a second of it at 8 kHz, which can be repeated without a seam.
    pub fn samples(self) -> Vec<i16> {
        let turn = std::f64::consts::TAU * f64::from(self.hz()) / RATE_HZ;
        // Rounded, far below full scale.
        (0..SAMPLES).map(|n| (AMPLITUDE * (turn * n as f64).sin()).round() as i16).collect()
    }

    /// Its place among all.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.hz())
    }
}

/// The sounds of all, in order.
pub(crate) fn sounds() -> impl Iterator<Item = Sound> {
    Tone::all().map(|tone| Sound::new(&tone.samples()))
}

/// Some of them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tones(u32);

impl Tones {
    /// None.
    pub const NONE: Tones = Tones(0);

    /// With one more.
    #[must_use]
    pub const fn and(self, tone: Tone) -> Tones {
        Tones(self.0 | 1 << tone.0)
    }

    /// Whether it is among them.
    pub const fn has(self, tone: Tone) -> bool {
        self.0 & 1 << tone.0 != 0
    }

    /// Each, from the lowest place on.
    pub fn iter(self) -> impl Iterator<Item = Tone> {
        Tone::all().filter(move |tone| self.has(*tone))
    }
}

impl FromIterator<Tone> for Tones {
    fn from_iter<T: IntoIterator<Item = Tone>>(tones: T) -> Tones {
        tones.into_iter().fold(Tones::NONE, Tones::and)
    }
}

impl fmt::Debug for Tones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tone_is_whole_in_20_ms_and_far_from_keys_and_networks() {
        const OTHERS: [u16; 9] = [450, 697, 770, 852, 941, 1209, 1336, 1477, 1633];
        for tone in Tone::all() {
            assert_eq!(tone.hz() % 50, 0, "{tone:?}");
            // A key is a pair, one of them below 1 kHz: it is enough that those are far.
            let far = |other: &u16| *other > 1_000 || tone.hz().abs_diff(*other) > other / 20;
            assert!(OTHERS.iter().all(far), "{tone:?}");
            assert!(tone.hz() < 3_400, "{tone:?}");
        }
        assert_eq!(Tone::of(u64::from(Tone::COUNT) - 1), Tone::of(0));
        assert!((0..100).all(|n| Tone::of(n) != Tone::MUSIC));
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let some: Tones = [Tone::of(3), Tone::of(0), Tone::MUSIC].into_iter().collect();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Tone::of(0), Tone::of(3), Tone::MUSIC]);
        assert!(!some.has(Tone::of(1)) && Tones::NONE.iter().next().is_none());
        assert_eq!(format!("{some:?}"), "{1000 Hz, 1300 Hz, 600 Hz}");
    }
}
