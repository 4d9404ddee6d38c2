use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Seeded randomness: the same seed gives the same run. ChaCha12, so good enough for tokens and nonces too
/// when the seed is secret.
#[derive(Clone, Debug)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// From a full seed; in production 32 bytes from the operating system.
    pub fn new(seed: [u8; 32]) -> Random {
        Random(ChaCha12Rng::from_seed(seed))
    }

    /// From a small number, for tests and simulations.
    pub fn from_number(seed: u64) -> Random {
        Random(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A generator of its own, seeded from this one.
    pub fn fork(&mut self) -> Random {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Random::new(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit` (which must not be zero); the bias is below 2⁻³² for limits up to 2³².
    pub fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "no number is below zero");
        let wide = u128::from(self.number()) * u128::from(limit);
        u64::try_from(wide >> 64).expect("the product of two u64 shifted by 64 fits u64")
    }

    /// True in `percent` of cases, 0–100.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// `n` lowercase hex digits.
    pub fn hex(&mut self, n: usize) -> String {
        let mut text = String::with_capacity(n + 16);
        while text.len() < n {
            let number = self.number();
            let digit = |at: u32| char::from(b"0123456789abcdef"[(number >> (60 - 4 * at)) as usize & 0xf]);
            text.extend((0..16).map(digit));
        }
        text.truncate(n);
        text
    }

    /// 32 hex digits of a random (version 4) UUID, as `eventUniqueId` is shown.
    pub fn uuid_simple(&mut self) -> String {
        let bits = (u128::from(self.number()) << 64) | u128::from(self.number());
        let bits = bits & !(0xf << 76) | (0x4 << 76);
        let bits = bits & !(0x3 << 62) | (0x2 << 62);
        format!("{bits:032x}")
    }

    /// A random UUID with dashes, as `callId` is shown.
    pub fn uuid(&mut self) -> String {
        let s = self.uuid_simple();
        format!("{}-{}-{}-{}-{}", &s[..8], &s[8..12], &s[12..16], &s[16..20], &s[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_run_and_a_uuid_says_its_version() {
        let (mut a, mut b) = (Random::from_number(7), Random::from_number(7));
        let id = a.uuid();
        assert_eq!(id, b.uuid());
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn below_reaches_every_value() {
        let mut random = Random::from_number(1);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(6)).expect("below six")] = true;
        }
        assert_eq!(seen, [true; 6]);
    }
}
