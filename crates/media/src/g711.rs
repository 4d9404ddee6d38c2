//! G.711 (ITU-T, 11/1988): A-law, µ-law, linear 16-bit samples, and the way between the two laws. All by table.

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// A-law: PCMA.
    A,
    /// µ-law: PCMU.
    Mu,
}

/// A byte of silence in A-law.
pub const SILENCE_A: u8 = 0xd5;
/// A byte of silence in µ-law.
pub const SILENCE_U: u8 = 0xff;

/// µ-law to linear.
static LINEAR_U: [i16; 256] = table(Law::Mu);
/// A-law to linear.
static LINEAR_A: [i16; 256] = table(Law::A);
/// µ-law to A-law, by way of the linear sample.
static U_TO_A: [u8; 256] = between(&table(Law::Mu), Law::A);
/// A-law to µ-law, by way of the linear sample.
static A_TO_U: [u8; 256] = between(&table(Law::A), Law::Mu);

/// One byte to a linear sample.
pub fn decode(law: Law, byte: u8) -> i16 {
    decoder(law)[usize::from(byte)]
}

/// The table from bytes to linear samples.
pub fn decoder(law: Law) -> &'static [i16; 256] {
    match law {
        Law::Mu => &LINEAR_U,
        Law::A => &LINEAR_A,
    }
}

/// One linear sample to a byte.
pub const fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::Mu => encode_u(sample),
        Law::A => encode_a(sample),
    }
}

/// A byte of silence.
pub const fn silence(law: Law) -> u8 {
    match law {
        Law::Mu => SILENCE_U,
        Law::A => SILENCE_A,
    }
}

/// The table that turns bytes of `from` into bytes of `to`; `None` when they are the same.
pub fn transcoder(from: Law, to: Law) -> Option<&'static [u8; 256]> {
    match (from, to) {
        (Law::Mu, Law::A) => Some(&U_TO_A),
        (Law::A, Law::Mu) => Some(&A_TO_U),
        (Law::Mu, Law::Mu) | (Law::A, Law::A) => None,
    }
}

/// Turns every byte by `table`.
pub fn translate(table: &[u8; 256], bytes: &mut [u8]) {
    for byte in bytes {
        *byte = table[usize::from(*byte)];
    }
}

/// Magnitude without the asymmetry of two's complement: −1 is as far from zero as 0.
const fn magnitude(sample: i16) -> u16 {
    (if sample < 0 { !sample } else { sample }).cast_unsigned()
}

/// 14-bit magnitude plus 33 puts the segment borders on powers of two (G.711 table 2).
const fn encode_u(sample: i16) -> u8 {
    let shifted = (magnitude(sample) >> 2) + 33;
    let shifted = if shifted > 0x1fff { 0x1fff } else { shifted };
    let segment = shifted.ilog2() - 5;
    let level = (segment << 4) as u8 | (shifted >> (segment + 1) & 0x0f) as u8;
    // All bits are inverted; bit 7 says positive.
    !level & if sample < 0 { 0x7f } else { 0xff }
}

/// 12-bit magnitude, the two lowest segments of equal step (G.711 table 1); even bits are inverted.
const fn encode_a(sample: i16) -> u8 {
    let shifted = magnitude(sample) >> 4;
    let level = if shifted < 32 {
        shifted as u8
    } else {
        let segment = shifted.ilog2() - 3;
        (segment << 4) as u8 | (shifted >> (segment - 1) & 0x0f) as u8
    };
    (level | if sample < 0 { 0 } else { 0x80 }) ^ 0x55
}

const fn decode_u(byte: u8) -> i16 {
    let level = !byte;
    let segment = level >> 4 & 0x07;
    let value = ((((level & 0x0f) as i16) * 2 + 33) << segment) - 33;
    if level & 0x80 != 0 { -value * 4 } else { value * 4 }
}

const fn decode_a(byte: u8) -> i16 {
    let level = byte ^ 0x55;
    let (segment, step) = (level >> 4 & 0x07, (level & 0x0f) as i16);
    let value = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    if level & 0x80 != 0 { value * 8 } else { -value * 8 }
}

const fn table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match law {
            Law::Mu => decode_u(byte as u8),
            Law::A => decode_a(byte as u8),
        };
        byte += 1;
    }
    table
}

const fn between(linear: &[i16; 256], to: Law) -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = encode(to, linear[byte]);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decision values of one polarity as G.711 lists them (table 1a, 2a): level n begins at the n-th.
    fn decision_values(law: Law) -> Vec<i32> {
        let segments = 0..8;
        let levels = segments.flat_map(|segment| (0..16).map(move |step| (segment, step)));
        match law {
            // 12-bit: 0, 2, 4 … 62, 64, 68 …: in 16 bits eight times that.
            Law::A => levels
                .map(|(segment, step)| match segment {
                    0 => 2 * step * 8,
                    _ => ((2 * step + 32) << (segment - 1)) * 8,
                })
                .collect(),
            // 14-bit: 0, 1, 3, 5 … 31, 35 …: in 16 bits four times that.
            Law::Mu => levels.map(|(segment, step)| (((2 * step + 32) << segment) - 33).max(0) * 4).collect(),
        }
    }

    fn level(law: Law, byte: u8) -> usize {
        usize::from(match law {
            Law::A => (byte ^ 0x55) & 0x7f,
            Law::Mu => !byte & 0x7f,
        })
    }

    #[test]
    fn every_sample_goes_to_the_level_whose_decision_values_enclose_it() {
        for law in [Law::A, Law::Mu] {
            let values = decision_values(law);
            for sample in i16::MIN..=i16::MAX {
                let byte = encode(law, sample);
                // Bit 7 set says positive in both laws: A-law inverts even bits, µ-law all of a negative sign bit.
                assert_eq!(byte & 0x80 != 0, sample >= 0, "{law:?} {sample}");
                let magnitude = i32::from(if sample < 0 { !sample } else { sample });
                let expected = values.iter().filter(|value| **value <= magnitude).count() - 1;
                assert_eq!(level(law, byte), expected, "{law:?} {sample}");
            }
        }
    }

    #[test]
    fn every_level_is_decoded_to_the_middle_between_its_decision_values() {
        for law in [Law::A, Law::Mu] {
            let values = decision_values(law);
            for byte in 0..=255 {
                let at = level(law, byte);
                // The last level ends at the virtual decision value: 4096 × 8 and 8159 × 4.
                let last = if law == Law::A { 4096 * 8 } else { 8159 * 4 };
                let next = values.get(at + 1).copied().unwrap_or(last);
                let middle = match (law, at) {
                    (Law::Mu, 0) => 0,
                    _ => i32::midpoint(values[at], next),
                };
                assert_eq!(i32::from(decode(law, byte)).abs(), middle, "{law:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn the_known_ends_of_both_laws_are_where_the_recommendation_puts_them() {
        assert_eq!((decode(Law::Mu, 0x80), decode(Law::Mu, 0x00)), (32_124, -32_124));
        assert_eq!((decode(Law::A, 0xaa), decode(Law::A, 0x2a)), (32_256, -32_256));
        assert_eq!((encode(Law::Mu, 0), encode(Law::A, 0)), (SILENCE_U, SILENCE_A));
    }

    #[test]
    fn bytes_survive_decoding_and_encoding() {
        for byte in 0..=255 {
            assert_eq!(encode(Law::A, decode(Law::A, byte)), byte);
            // µ-law has two zeros, which are the same sample.
            if byte != 0x7f {
                assert_eq!(encode(Law::Mu, decode(Law::Mu, byte)), byte);
            }
        }
    }

    #[test]
    fn between_the_laws_every_byte_goes_to_the_level_that_encloses_it_and_a_second_way_back_costs_nothing() {
        for (from, to) in [(Law::Mu, Law::A), (Law::A, Law::Mu)] {
            let there = transcoder(from, to).expect("two laws");
            let back = transcoder(to, from).expect("two laws");
            let values = decision_values(to);
            for byte in 0..=255u8 {
                let sample = i32::from(decode(from, byte));
                let other = there[usize::from(byte)];
                let at = level(to, other);
                let next = values.get(at + 1).copied().unwrap_or(i32::MAX);
                // A negative sample on a decision value is one's complement below it.
                let magnitude = if sample < 0 { !sample } else { sample };
                assert!((values[at]..next).contains(&magnitude), "{from:?} {byte:#x}");
                assert_eq!(other & 0x80 != 0, sample >= 0, "{from:?} {byte:#x}");
                let once = back[usize::from(other)];
                let twice = back[usize::from(there[usize::from(once)])];
                assert_eq!(once, twice, "{from:?} {byte:#x}");
            }
        }
        assert_eq!(transcoder(Law::A, Law::A), None);
    }
}
