//! G.711 (ITU-T, 11/1988): A-law, µ-law, linear 16-bit samples, and the way between the two laws. All by table.

use crate::codec::Codec;

/// A byte of silence in A-law.
pub const SILENCE_A: u8 = 0xd5;
/// A byte of silence in µ-law.
pub const SILENCE_U: u8 = 0xff;

/// µ-law to linear.
static LINEAR_U: [i16; 256] = table(Codec::Pcmu);
/// A-law to linear.
static LINEAR_A: [i16; 256] = table(Codec::Pcma);
/// µ-law to A-law, by way of the linear sample.
static U_TO_A: [u8; 256] = between(&table(Codec::Pcmu), Codec::Pcma);
/// A-law to µ-law, by way of the linear sample.
static A_TO_U: [u8; 256] = between(&table(Codec::Pcma), Codec::Pcmu);

/// One byte to a linear sample.
pub fn decode(codec: Codec, byte: u8) -> i16 {
    decoder(codec)[usize::from(byte)]
}

/// The table from bytes to linear samples.
pub fn decoder(codec: Codec) -> &'static [i16; 256] {
    match codec {
        Codec::Pcmu => &LINEAR_U,
        Codec::Pcma => &LINEAR_A,
    }
}

/// One linear sample to a byte.
pub const fn encode(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => encode_u(sample),
        Codec::Pcma => encode_a(sample),
    }
}

/// A byte of silence.
pub const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => SILENCE_U,
        Codec::Pcma => SILENCE_A,
    }
}

/// The table that turns bytes of `from` into bytes of `to`; `None` when they are the same.
pub fn transcoder(from: Codec, to: Codec) -> Option<&'static [u8; 256]> {
    match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => Some(&U_TO_A),
        (Codec::Pcma, Codec::Pcmu) => Some(&A_TO_U),
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => None,
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

const fn table(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match codec {
            Codec::Pcmu => decode_u(byte as u8),
            Codec::Pcma => decode_a(byte as u8),
        };
        byte += 1;
    }
    table
}

const fn between(linear: &[i16; 256], to: Codec) -> [u8; 256] {
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
    fn decision_values(codec: Codec) -> Vec<i32> {
        let segments = 0..8;
        let levels = segments.flat_map(|segment| (0..16).map(move |step| (segment, step)));
        match codec {
            // 12-bit: 0, 2, 4 … 62, 64, 68 …: in 16 bits eight times that.
            Codec::Pcma => levels
                .map(|(segment, step)| match segment {
                    0 => 2 * step * 8,
                    _ => ((2 * step + 32) << (segment - 1)) * 8,
                })
                .collect(),
            // 14-bit: 0, 1, 3, 5 … 31, 35 …: in 16 bits four times that.
            Codec::Pcmu => {
                levels.map(|(segment, step)| (((2 * step + 32) << segment) - 33).max(0) * 4).collect()
            }
        }
    }

    fn level(codec: Codec, byte: u8) -> usize {
        usize::from(match codec {
            Codec::Pcma => (byte ^ 0x55) & 0x7f,
            Codec::Pcmu => !byte & 0x7f,
        })
    }

    #[test]
    fn every_sample_goes_to_the_level_whose_decision_values_enclose_it() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let values = decision_values(codec);
            for sample in i16::MIN..=i16::MAX {
                let byte = encode(codec, sample);
                // Bit 7 set says positive in both laws: A-law inverts even bits, µ-law all of a negative sign bit.
                assert_eq!(byte & 0x80 != 0, sample >= 0, "{codec:?} {sample}");
                let magnitude = i32::from(if sample < 0 { !sample } else { sample });
                let expected = values.iter().filter(|value| **value <= magnitude).count() - 1;
                assert_eq!(level(codec, byte), expected, "{codec:?} {sample}");
            }
        }
    }

    #[test]
    fn every_level_is_decoded_to_the_middle_between_its_decision_values() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let values = decision_values(codec);
            for byte in 0..=255 {
                let at = level(codec, byte);
                // The last level ends at the virtual decision value: 4096 × 8 and 8159 × 4.
                let last = if codec == Codec::Pcma { 4096 * 8 } else { 8159 * 4 };
                let next = values.get(at + 1).copied().unwrap_or(last);
                let middle = match (codec, at) {
                    (Codec::Pcmu, 0) => 0,
                    _ => i32::midpoint(values[at], next),
                };
                assert_eq!(i32::from(decode(codec, byte)).abs(), middle, "{codec:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn the_known_ends_of_both_laws_are_where_the_recommendation_puts_them() {
        assert_eq!((decode(Codec::Pcmu, 0x80), decode(Codec::Pcmu, 0x00)), (32_124, -32_124));
        assert_eq!((decode(Codec::Pcma, 0xaa), decode(Codec::Pcma, 0x2a)), (32_256, -32_256));
        assert_eq!((encode(Codec::Pcmu, 0), encode(Codec::Pcma, 0)), (SILENCE_U, SILENCE_A));
    }

    #[test]
    fn bytes_survive_decoding_and_encoding() {
        for byte in 0..=255 {
            assert_eq!(encode(Codec::Pcma, decode(Codec::Pcma, byte)), byte);
            // µ-law has two zeros, which are the same sample.
            if byte != 0x7f {
                assert_eq!(encode(Codec::Pcmu, decode(Codec::Pcmu, byte)), byte);
            }
        }
    }

    #[test]
    fn between_the_laws_every_byte_goes_to_the_level_that_encloses_it_and_a_second_way_back_costs_nothing() {
        for (from, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu)] {
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
        assert_eq!(transcoder(Codec::Pcma, Codec::Pcma), None);
    }
}
