//! How late the packets of one far end come, and how far behind them its sound should be heard.
//!
//! A packet's *lateness* is its arrival less its timestamp, both in samples: the offset of the far end's clock, which
//! nobody knows, plus the time that the packet was on its way. The least of the last seconds shows the offset, the most what
//! the network does to the unlucky. Sound is heard a step behind the unluckiest packet, so that each is there when it is
//! wanted; but no more than [`SPREAD_MAX`] is waited for anybody. Both follow a clock that drifts.

use crate::limits::MIX_DELAY_MS;

/// Samples of a step: what is heard in it must be there when it begins.
const STEP: i32 = 8 * *MIX_DELAY_MS.start() as i32;
/// That much earlier, so that the delay can grow in time when packets become later: 2 ms.
const MARGIN: i32 = 16;
/// What packets may be later than the luckiest and still be waited for.
const SPREAD_MAX: i32 = 8 * *MIX_DELAY_MS.end() as i32 - STEP - MARGIN;
/// The most that is waited at first because of what was measured before: a switch must not be heard as a pause.
const GUESS_MAX: i32 = 8 * 30;
/// A packet whose lateness is so far from that of the one before is of another clock: 1 s.
const CLOCK_JUMP: i32 = 8000;
/// What came in the last two of such spans is remembered: 2 s.
const SPAN: u32 = 16_000;

/// All latenesses are relative to the first of the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delay {
    first: u32,
    last: i32,
    /// Of this span and of the one before.
    spans: [Option<Span>; 2],
    passed: u32,
    /// How far apart they were before.
    guess: i32,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    least: i32,
    most: i32,
}

impl Delay {
    /// Of a far end whose packets are known to have so much jitter (RFC 3550), samples.
    pub(super) fn new(jitter: u32) -> Delay {
        let guess = i32::try_from(jitter).map_or(GUESS_MAX, |jitter| jitter.saturating_mul(3).min(GUESS_MAX));
        Delay { guess, ..Delay::default() }
    }

    /// Whether a packet is of another clock than those before.
    pub(super) fn is_other_clock(&self, lateness: u32) -> bool {
        self.known().is_some() && self.relative(lateness).abs_diff(self.last) > CLOCK_JUMP as u32
    }

    /// Whether a packet is so late that nobody would have waited for it.
    pub(super) fn is_beyond(&self, lateness: u32) -> bool {
        self.known().is_some_and(|known| self.relative(lateness) > known.least + SPREAD_MAX)
    }

    /// Nothing of what was holds any more but how much packets differ.
    pub(super) fn restart(&mut self) {
        self.guess = self.spread().min(GUESS_MAX);
        self.spans = [None; 2];
        self.passed = 0;
    }

    /// A packet came.
    pub(super) fn note(&mut self, lateness: u32) {
        if self.known().is_none() {
            self.first = lateness;
        }
        let relative = self.relative(lateness);
        self.last = relative;
        let span = self.spans[0].get_or_insert(Span { least: relative, most: relative });
        span.least = span.least.min(relative);
        span.most = span.most.max(relative);
    }

    /// So many samples of time passed.
    pub(super) fn pass(&mut self, samples: usize) {
        self.passed += samples as u32;
        if self.passed >= SPAN {
            self.passed = 0;
            if let Some(Span { least, most }) = self.spans[0] {
                self.guess = (most - least).min(SPREAD_MAX);
            }
            self.spans = [None, self.spans[0]];
        }
    }

    /// How far sound should be heard behind its timestamps: as a lateness.
    pub(super) fn wanted(&self) -> u32 {
        let least = self.known().map_or(0, |known| known.least);
        self.first.wrapping_add_signed(least + self.spread() + MARGIN + STEP)
    }

    fn spread(&self) -> i32 {
        let measured = self.known().map_or(0, |known| known.most - known.least);
        let guess = if self.spans[1].is_none() { self.guess } else { 0 };
        measured.max(guess).min(SPREAD_MAX)
    }

    fn known(&self) -> Option<Span> {
        let [now, before] = self.spans;
        match (now, before) {
            (Some(a), Some(b)) => Some(Span { least: a.least.min(b.least), most: a.most.max(b.most) }),
            (one, None) | (None, one) => one,
        }
    }

    fn relative(&self, lateness: u32) -> i32 {
        lateness.wrapping_sub(self.first).cast_signed()
    }
}
