//! The filters that part 16 kHz into two sub-bands and join them again (G.722 §3.1 and §4.4): quadrature mirrors of 24 taps,
//! symmetric, so twelve weights do.

const TAPS: usize = 24;
/// Table 11, for every other tap; the taps between have them in the opposite order.
static WEIGHTS: [i32; TAPS / 2] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The last samples of every other tap, newest last.
type Line = [i32; TAPS / 2];

fn push(line: &mut Line, value: i32) {
    line.copy_within(1.., 0);
    line[TAPS / 2 - 1] = value;
}

fn sum(line: &Line) -> i32 {
    line.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum()
}

fn sum_backwards(line: &Line) -> i32 {
    line.iter().zip(WEIGHTS.iter().rev()).map(|(value, weight)| value * weight).sum()
}

fn sat(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Two samples at 16 kHz to one of each sub-band.
#[derive(Clone, Debug, Default)]
pub(super) struct Analysis {
    first: Line,
    second: Line,
}

impl Analysis {
    pub(super) fn part(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        push(&mut self.first, i32::from(first));
        push(&mut self.second, i32::from(second));
        let (odd, even) = (sum(&self.first), sum_backwards(&self.second));
        ((even + odd) >> 14, (even - odd) >> 14)
    }
}

/// One sample of each sub-band to two at 16 kHz.
#[derive(Clone, Debug, Default)]
pub(super) struct Synthesis {
    sums: Line,
    differences: Line,
}

impl Synthesis {
    pub(super) fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        push(&mut self.sums, low + high);
        push(&mut self.differences, low - high);
        [sat(sum_backwards(&self.differences) >> 11), sat(sum(&self.sums) >> 11)]
    }
}
