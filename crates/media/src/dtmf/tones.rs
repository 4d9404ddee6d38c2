//! Digits as pairs of tones in the sound (ITU-T Q.23), recognised and made.
//!
//! The sound is cut into blocks of 12.75 ms. In each the powers at the eight frequencies are measured (Goertzel's
//! algorithm); a block is a digit's when one low and one high frequency stand out and make up nearly all of its power,
//! which speech does for a moment at most. Two blocks in a row that are equally loud begin a digit, two without it end it. So tones of 40 ms and
//! more are recognised, pauses of 40 ms and more part digits, and neither 20 ms of tone nor a break of 10 ms counts
//! (Q.24 §2).

use super::Key;

const ROWS_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The digit of each row and column, as event codes.
const CODES: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];
const RATE_HZ: f64 = 8000.0;

/// A packet that begins further back is of another clock: the sender began anew.
const LATE_SAMPLES_MAX: i32 = 8000;
/// Samples in a block. Fewer would not tell the frequencies apart by the 3.5 % that Q.24 wants.
const BLOCK: usize = 102;
/// Blocks in a row that begin a digit, or end it.
const BLOCKS_MIN: u8 = 2;
/// The amplitude of a sine of 0 dBm0: full scale is 3.14 dB above it.
const AMPLITUDE_0_DBM0: f64 = 22_827.0;
/// The quietest tone that counts: −32 dBm0 (Q.24 wants −29 at most).
const AMPLITUDE_MIN: f32 = 573.0;
/// How much weaker the high tone may be than the low one, and how much stronger, as ratios of power: 10 dB and 6 dB.
const TWIST: std::ops::RangeInclusive<f32> = 0.1..=4.0;
/// Other frequencies of a group are weaker than its strongest by this ratio of power: 8 dB.
const STANDS_OUT: f32 = 6.3;
/// The part that both tones have of a block's power. A frequency that is 1.5 % off still leaves 0.84, 3.5 % at most 0.53.
const PART_MIN: f32 = 0.7;
/// How much the power of a tone may change from one block of a beginning digit to the next, as a ratio: 3 dB. A voice that
/// glides through the right frequencies swells and fades.
const CHANGE_MAX: f32 = 2.0;

/// Recognises digits in sound at 8 kHz.
#[derive(Clone, Debug)]
pub struct Tones {
    factors: [f32; 8],
    block: Block,
    /// Timestamp of the next sample.
    next: Option<u32>,
    state: State,
}

/// The running sums of a block.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    samples: usize,
    energy: f32,
    last: [f32; 8],
    before_last: [f32; 8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// No digit; the last blocks may have been the beginning of one.
    Quiet { heard: Option<Pair>, blocks: u8 },
    /// A digit; the last blocks may have been its end.
    Down { code: u8, since: u32, without: u8 },
}

/// A digit in one block, with the powers of its two tones.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    code: u8,
    powers: [f32; 2],
}

impl Pair {
    fn goes_on_with(self, next: Pair) -> bool {
        let steady = |n: usize| {
            let (a, b) = (self.powers[n], next.powers[n]);
            a <= b * CHANGE_MAX && b <= a * CHANGE_MAX
        };
        self.code == next.code && steady(0) && steady(1)
    }
}

const QUIET: State = State::Quiet { heard: None, blocks: 0 };

impl Default for Tones {
    fn default() -> Tones {
        let mut factors = [0.0; 8];
        for (factor, hz) in factors.iter_mut().zip(ROWS_HZ.iter().chain(&COLUMNS_HZ)) {
            *factor = (2.0 * (std::f64::consts::TAU * hz / RATE_HZ).cos()) as f32;
        }
        Tones { factors, block: Block::default(), next: None, state: QUIET }
    }
}

impl Tones {
    /// A packet of sound came; `tell` what is known of each key in it. A packet from before the last one is not heard; a
    /// gap ends what was heard before it.
    pub fn handle_sound(
        &mut self,
        timestamp: u32,
        samples: impl ExactSizeIterator<Item = i16>,
        mut tell: impl FnMut(Key),
    ) {
        let gap = self.next.map_or(0, |next| timestamp.wrapping_sub(next).cast_signed());
        if (-LATE_SAMPLES_MAX..0).contains(&gap) {
            return;
        }
        if gap != 0 {
            self.block = Block::default();
            if let State::Down { code, since, without: _ } = self.state {
                tell(key(code, since, self.next.unwrap_or(timestamp), true));
            }
            self.state = QUIET;
        }
        self.next = Some(timestamp.wrapping_add(samples.len() as u32));
        let mut at = timestamp;
        for sample in samples {
            at = at.wrapping_add(1);
            if self.block.push(&self.factors, f32::from(sample)) {
                let heard = self.block.digit(&self.factors);
                self.block = Block::default();
                if let Some(up) = self.handle_block(at, heard) {
                    tell(up);
                }
            }
        }
        if let (State::Down { code, since, without: _ }, Some(next)) = (self.state, self.next) {
            tell(key(code, since, next, false));
        }
    }

    /// A block ended at `end`. Returns the key that was let go.
    fn handle_block(&mut self, end: u32, heard: Option<Pair>) -> Option<Key> {
        let blocks = |count: u8| end.wrapping_sub(u32::from(count) * BLOCK as u32);
        match self.state {
            State::Quiet { heard: before, blocks: count } => {
                let goes_on = before.zip(heard).is_some_and(|(before, heard)| before.goes_on_with(heard));
                let count = if goes_on { count + 1 } else { 1 };
                self.state = match heard {
                    Some(Pair { code, powers: _ }) if count >= BLOCKS_MIN => {
                        State::Down { code, since: blocks(count), without: 0 }
                    }
                    Some(_) | None => State::Quiet { heard, blocks: count },
                };
                None
            }
            State::Down { code, since, without } => {
                let without = if heard.is_some_and(|pair| pair.code == code) { 0 } else { without + 1 };
                if without < BLOCKS_MIN {
                    self.state = State::Down { code, since, without };
                    return None;
                }
                self.state = State::Quiet { heard, blocks: 1 };
                Some(key(code, since, blocks(without), true))
            }
        }
    }
}

fn key(code: u8, since: u32, end: u32, up: bool) -> Key {
    let duration = u16::try_from(end.wrapping_sub(since)).unwrap_or(u16::MAX);
    Key { code, down_at: since, duration, up }
}

impl Block {
    /// Adds a sample. True when the block is full.
    fn push(&mut self, factors: &[f32; 8], sample: f32) -> bool {
        for ((last, before), factor) in self.last.iter_mut().zip(&mut self.before_last).zip(factors) {
            let now = factor * *last - *before + sample;
            *before = *last;
            *last = now;
        }
        self.energy += sample * sample;
        self.samples += 1;
        self.samples == BLOCK
    }

    /// The digit of a full block, if it is one's.
    fn digit(&self, factors: &[f32; 8]) -> Option<Pair> {
        let mut powers = [0.0; 8];
        for (n, power) in powers.iter_mut().enumerate() {
            let (last, before) = (self.last[n], self.before_last[n]);
            *power = last * last + before * before - factors[n] * last * before;
        }
        let [r0, r1, r2, r3, c0, c1, c2, c3] = powers;
        let (row, low) = strongest([r0, r1, r2, r3])?;
        let (column, high) = strongest([c0, c1, c2, c3])?;
        // A sine of amplitude A has the power (A·N/2)² here, and the energy N·A²/2.
        let least = (AMPLITUDE_MIN * BLOCK as f32 / 2.0).powi(2);
        let all = self.energy * BLOCK as f32 / 2.0;
        let is_digit =
            low >= least && high >= least && TWIST.contains(&(high / low)) && low + high >= PART_MIN * all;
        is_digit.then_some(Pair { code: CODES[row][column], powers: [low, high] })
    }
}

/// The strongest of a group, when it stands out.
fn strongest(powers: [f32; 4]) -> Option<(usize, f32)> {
    let (at, power) = powers.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let stands_out = |(n, other): (usize, &f32)| n == at || power > other * STANDS_OUT;
    powers.iter().enumerate().all(stands_out).then_some((at, power))
}

/// Fills `into` with the tones of a digit at 8 kHz, which began `before` samples ago: −9 dBm0 the low, −7 dBm0 the high.
pub fn fill(code: u8, before: u32, into: &mut [i16]) {
    let place = CODES
        .iter()
        .enumerate()
        .find_map(|(row, codes)| Some((row, codes.iter().position(|known| *known == code)?)));
    let Some((row, column)) = place else { return into.fill(0) };
    let turns = [ROWS_HZ[row], COLUMNS_HZ[column]].map(|hz| std::f64::consts::TAU * hz / RATE_HZ);
    let levels = [-9.0, -7.0].map(|dbm0: f64| AMPLITUDE_0_DBM0 * 10f64.powf(dbm0 / 20.0));
    for (n, sample) in (before..).zip(into) {
        let wave = |tone: usize| levels[tone] * (turns[tone] * f64::from(n)).sin();
        *sample = (wave(0) + wave(1)) as i16;
    }
}
