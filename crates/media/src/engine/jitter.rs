//! A jitter buffer: the sound of one far end, which comes in packets of any length and order, leaves in even steps.
//!
//! Samples lie in a ring, each at the place of its timestamp, with a bit that says whether it is there. So packets may
//! overlap, come twice or in any order; what comes after its moment is left out and counted.
//!
//! **Delay.** `delay` says how far behind its timestamps the sound should be heard. The buffer follows it by a sample in
//! 100 ms, by up to 10 ms in a step in which nothing is heard, and by a jump when it is too far behind. Clocks that drift are
//! followed in the same way.
//!
//! **Gaps.** What is missing is covered by the last 20 ms, backwards and forwards in turns, so that there is no step in the
//! wave, and fades within 40 ms. When later sound is there, what is missing is lost, and time goes on. When none is, the
//! sound may just be late: time stands still as long as something is heard, so that a far end whose packets become later is
//! waited for, by as much as they are. After that the next packet is a new beginning. A far end that pauses says so
//! ([`JitterBuffer::pause`]) and is not covered.
//!
//! All is bounded: by the ring, whoever sends whatever.

use std::ops::Range;

use super::delay::Delay;
use super::seam::Seam;
use crate::limits::MIX_STEP_SAMPLES_MAX;
use crate::rtp::timestamp_distance;

/// Samples of the ring: 256 ms. A power of two, as timestamps wrap.
const RING: usize = 2048;
/// Samples that may be there before they are wanted.
const AHEAD_MAX: usize = RING - 1;
/// What was heard last, and is heard again in a gap: 20 ms.
const COVER: usize = 160;
/// After so many samples without sound there is silence: 40 ms.
const FADE: usize = 2 * COVER;
/// Samples that were heard last: as many as a gap needs, and a step.
const HEARD: usize = COVER + FADE + MIX_STEP_SAMPLES_MAX;
/// How much more than is wanted the delay may be without anything being done: 10 ms.
const BAND: i32 = 80;
/// How far it may be off before sound is left out at once: 60 ms.
const JUMP_MIN: i32 = 480;
/// It changes by a sample in so many, while something is heard: by 1,250 ppm. More would be heard as another pitch.
const CHANGE_EVERY: usize = 800;
/// The most by which the delay changes in a step in which nothing is heard: 10 ms.
const QUIET_CHANGE_MAX: i32 = 80;
/// Sound below this level is nothing: −54 dB of full scale.
const QUIET: u16 = 64;
/// The most samples of which a step is made.
const TAKEN_MAX: usize = MIX_STEP_SAMPLES_MAX + QUIET_CHANGE_MAX as usize;

#[derive(Clone, Debug)]
pub(super) struct JitterBuffer {
    state: State,
    delay: Delay,
    samples: Box<[i16; RING]>,
    there: [u64; RING / 64],
    /// Timestamp of the sample that is heard next. Only from here on samples are there.
    next: u32,
    /// Of that after the newest.
    end: u32,
    /// What was heard, the newest last.
    heard: [i16; HEARD],
    /// Samples heard since the last that was there; those after `FADE` are silent.
    covered: usize,
    /// Of these, while time stood still.
    waited: usize,
    /// Samples since the delay changed.
    unchanged: usize,
    seam: Seam,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    InTime,
    TooLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is there. The next packet is a beginning.
    Dry,
    /// The first packets are there; the next step decides when they are heard.
    Begins,
    /// Sound comes.
    Flows,
    /// No more comes for a while.
    Ends,
}

impl JitterBuffer {
    /// For a far end whose packets are known to have so much jitter (RFC 3550), samples.
    pub(super) fn new(jitter: u32) -> JitterBuffer {
        JitterBuffer {
            state: State::Dry,
            delay: Delay::new(jitter),
            samples: Box::new([0; RING]),
            there: [0; RING / 64],
            next: 0,
            end: 0,
            heard: [0; HEARD],
            covered: FADE,
            waited: 0,
            unchanged: 0,
            seam: Seam::default(),
        }
    }

    /// Another far end, or another clock: nothing of what was there is heard any more.
    pub(super) fn restart(&mut self) {
        self.delay.restart();
        self.empty();
    }

    /// The sound of a packet that came at `now`, which counts samples.
    pub(super) fn push(&mut self, now: u32, timestamp: u32, sound: &[i16]) -> Placed {
        let lateness = now.wrapping_sub(timestamp);
        if self.delay.is_other_clock(lateness) {
            self.restart();
        }
        match self.state {
            State::Dry => {
                if self.delay.is_beyond(lateness) {
                    self.delay.restart();
                }
                (self.next, self.end) = (timestamp, timestamp);
                self.state = State::Begins;
            }
            State::Begins if timestamp_distance(timestamp, self.next) > 0 => {
                let room = AHEAD_MAX as i32 - timestamp_distance(self.next, self.end);
                let earlier = timestamp_distance(timestamp, self.next).min(room.max(0));
                self.next = self.next.wrapping_sub(earlier as u32);
            }
            State::Ends => self.state = State::Flows,
            State::Begins | State::Flows => {}
        }
        self.delay.note(lateness);
        self.place(timestamp, sound)
    }

    /// The far end pauses: what is not there is not missing.
    pub(super) fn pause(&mut self) {
        if self.state == State::Flows {
            self.state = State::Ends;
        }
    }

    /// The next step, of so many samples at `now`, which counts samples.
    pub(super) fn step(&mut self, now: u32, count: usize) {
        self.heard.copy_within(count.., 0);
        let step = HEARD - count..HEARD;
        match self.state {
            State::Dry => {
                self.heard[step.clone()].fill(0);
                self.seam.pass(&mut self.heard[step]);
            }
            State::Begins => {
                let first = now.wrapping_sub(self.delay.wanted());
                let earliest = self.end.wrapping_sub(AHEAD_MAX as u32);
                self.skip_to(if timestamp_distance(earliest, first) < 0 { earliest } else { first });
                self.state = State::Flows;
                self.play(step);
            }
            State::Flows | State::Ends => self.follow(now, step),
        }
        self.delay.pass(count);
        self.unchanged = self.unchanged.saturating_add(count);
    }

    /// What is heard in the last step, which had so many samples.
    pub(super) fn heard(&self, count: usize) -> &[i16] {
        &self.heard[HEARD - count..]
    }

    /// A step in which the delay comes nearer to what is wanted.
    fn follow(&mut self, now: u32, step: Range<usize>) {
        let excess = now.wrapping_sub(self.delay.wanted()).wrapping_sub(self.next).cast_signed();
        if excess > JUMP_MIN && timestamp_distance(self.next, self.end) > 0 {
            self.skip_to(self.next.wrapping_add_signed(excess));
        } else if self.covered == 0 && !(0..=BAND).contains(&excess) {
            let most = match self.is_quiet(step.len()) {
                true => QUIET_CHANGE_MAX,
                false => i32::from(self.unchanged >= CHANGE_EVERY),
            };
            let taken = step.len().saturating_add_signed(excess.clamp(-most, most) as isize);
            // Two more, between whose neighbours the last may lie.
            if most > 0 && self.run(self.next, taken + 2) == (Run::There, taken + 2) {
                return self.stretch(taken, step);
            }
        }
        self.play(step);
    }

    /// The next samples as they are, and what covers those that are missing.
    fn play(&mut self, step: Range<usize>) {
        let mut at = step.start;
        while at < step.end {
            let (run, count) = self.run(self.next, step.end - at);
            let part = at..at + count;
            match run {
                Run::There => {
                    self.copy(part);
                    at += count;
                }
                Run::Missing if self.is_lost() && self.waited > 0 => {
                    // It was not late, and its time has passed already.
                    let (_, missing) = self.run(self.next, self.waited);
                    self.advance(missing);
                    self.waited -= missing;
                }
                Run::Missing => {
                    self.cover(part);
                    at += count;
                }
            }
        }
    }

    /// The next samples, which are there.
    fn copy(&mut self, part: Range<usize>) {
        let count = part.len();
        let sound = &mut self.heard[part];
        for (n, sample) in (0..).zip(sound.iter_mut()) {
            *sample = self.samples[place(self.next.wrapping_add(n))];
        }
        if self.covered > 0 {
            self.seam.begin(sound[0]);
            (self.covered, self.waited) = (0, 0);
        }
        self.seam.pass(sound);
        self.advance(count);
    }

    /// What is heard instead of the next samples.
    fn cover(&mut self, part: Range<usize>) {
        let is_lost = self.is_lost();
        if !is_lost && self.state == State::Ends && self.covered < FADE {
            self.covered = FADE;
            self.seam.begin(0);
        }
        for at in part.clone() {
            self.heard[at] = match FADE - self.covered {
                0 => 0,
                left => {
                    let back = self.covered.min(FADE - 1 - self.covered);
                    let sample = i32::from(self.heard[at - self.covered - 1 - back]);
                    (sample * left as i32 / FADE as i32) as i16
                }
            };
            self.covered = FADE.min(self.covered + 1);
        }
        let count = part.len();
        self.seam.pass(&mut self.heard[part]);
        match is_lost {
            true => self.advance(count),
            false if self.covered == FADE => self.state = State::Dry,
            false => self.waited += count,
        }
    }

    /// Whether later samples are there.
    fn is_lost(&self) -> bool {
        timestamp_distance(self.next, self.end) > 0
    }

    /// A step made of `taken` samples, which are there: by cubic interpolation, so that nothing but the pitch changes, for
    /// a moment.
    fn stretch(&mut self, taken: usize, step: Range<usize>) {
        let mut from = [0f32; TAKEN_MAX + 3];
        for (n, sample) in (0..).zip(&mut from[..taken + 3]) {
            *sample = self.samples[place(self.next.wrapping_sub(1).wrapping_add(n))].into();
        }
        let ratio = taken as f32 / step.len() as f32;
        let sound = &mut self.heard[step];
        for (n, sample) in sound.iter_mut().enumerate() {
            let at = n as f32 * ratio;
            let (whole, part) = (at as usize, at.fract());
            let [a, b, c, d] = [from[whole], from[whole + 1], from[whole + 2], from[whole + 3]];
            let curve = (3.0 * (b - c) + d - a) * part + (2.0 * a - 5.0 * b + 4.0 * c - d);
            *sample = (b + 0.5 * part * (curve * part + (c - a))).round() as i16;
        }
        self.seam.pass(sound);
        self.advance(taken);
        self.unchanged = 0;
    }

    /// Whether the next samples that are there are too quiet to be heard.
    fn is_quiet(&self, count: usize) -> bool {
        let count = count + QUIET_CHANGE_MAX as usize;
        (0..count as u32).all(|n| self.samples[place(self.next.wrapping_add(n))].unsigned_abs() < QUIET)
    }

    fn place(&mut self, timestamp: u32, sound: &[i16]) -> Placed {
        let end = timestamp.wrapping_add(sound.len() as u32);
        let ahead = timestamp_distance(self.next, end) - AHEAD_MAX as i32;
        if ahead > 0 {
            self.skip_to(self.next.wrapping_add(ahead as u32));
        }
        let gone = timestamp_distance(timestamp, self.next).max(0) as usize;
        if gone >= sound.len() {
            return Placed::TooLate;
        }
        for (at, sample) in (0..).map(|n| timestamp.wrapping_add(n)).zip(sound).skip(gone) {
            let place = place(at);
            self.samples[place] = *sample;
            self.there[place / 64] |= 1 << (place % 64);
        }
        if timestamp_distance(self.end, end) > 0 {
            self.end = end;
        }
        Placed::InTime
    }

    /// What comes before this timestamp is not heard.
    fn skip_to(&mut self, timestamp: u32) {
        let skipped = timestamp_distance(self.next, timestamp);
        self.advance(skipped.clamp(0, RING as i32) as usize);
        self.next = timestamp;
        (self.covered, self.waited) = (FADE, 0);
        self.seam.begin(0);
    }

    /// So many samples from the next on were heard, or are left out.
    fn advance(&mut self, count: usize) {
        let mut at = self.next;
        let end = at.wrapping_add(count as u32);
        while at != end {
            let place = place(at);
            let bits = (64 - place % 64).min(timestamp_distance(at, end) as usize);
            self.there[place / 64] &= !(mask(bits) << (place % 64));
            at = at.wrapping_add(bits as u32);
        }
        self.next = end;
    }

    /// How many of the samples from `at` on, at most `count`, are like the first.
    fn run(&self, at: u32, count: usize) -> (Run, usize) {
        let bits_at = |at: u32| self.there[place(at) / 64] >> (place(at) % 64);
        let first = bits_at(at) & 1;
        let mut length = 0;
        while length < count {
            let at = at.wrapping_add(length as u32);
            let left = 64 - place(at) % 64;
            let bits = bits_at(at);
            let alike = if first == 1 { bits.trailing_ones() } else { bits.trailing_zeros() } as usize;
            length += alike.min(left);
            if alike < left {
                break;
            }
        }
        (if first == 1 { Run::There } else { Run::Missing }, length.min(count))
    }

    fn empty(&mut self) {
        self.there = [0; RING / 64];
        self.state = State::Dry;
        (self.covered, self.waited) = (FADE, 0);
        self.seam.begin(0);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    There,
    Missing,
}

/// Where the sample of a timestamp lies.
fn place(timestamp: u32) -> usize {
    timestamp as usize % RING
}

/// The lowest `bits`, 1 to 64.
fn mask(bits: usize) -> u64 {
    u64::MAX >> (64 - bits)
}
