//! The eighty bits of a frame (§4.1, table 8), most significant bits first.

use super::{FRAME_BYTES, pulses::Pulses};

/// What a frame says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Of the line spectral frequencies: which predictor, and the codes of the quantizer's stages.
    pub(super) lsf: LsfCodes,
    pub(super) halves: [Half; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LsfCodes {
    pub(super) predictor: u8,
    pub(super) first: u8,
    pub(super) lower: u8,
    pub(super) upper: u8,
}

/// What it says of one subframe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) lag: u8,
    pub(super) pulses: Pulses,
    pub(super) gains: [u8; 2],
}

/// Takes and puts fields at the low end of a number.
struct Bits(u128);

impl Bits {
    fn put(&mut self, width: u32, value: u16) {
        self.0 = self.0 << width | u128::from(value);
    }

    fn take(&mut self, width: u32) -> u16 {
        let value = self.0 & ((1 << width) - 1);
        self.0 >>= width;
        value as u16
    }
}

impl Frame {
    pub(super) fn to_bytes(self) -> [u8; FRAME_BYTES] {
        let Frame { lsf: LsfCodes { predictor, first, lower, upper }, halves } = self;
        let mut bits = Bits(0);
        bits.put(1, predictor.into());
        bits.put(7, first.into());
        bits.put(5, lower.into());
        bits.put(5, upper.into());
        for (Half { lag, pulses, gains }, has_parity) in halves.into_iter().zip([true, false]) {
            if has_parity {
                bits.put(8, lag.into());
                bits.put(1, parity(lag).into());
            } else {
                bits.put(5, lag.into());
            }
            bits.put(13, pulses.places);
            bits.put(4, pulses.signs.into());
            bits.put(3, gains[0].into());
            bits.put(4, gains[1].into());
        }
        let mut bytes = [0; FRAME_BYTES];
        bytes.copy_from_slice(&bits.0.to_be_bytes()[16 - FRAME_BYTES..]);
        bytes
    }

    /// Any ten bytes are a frame. The parity bit is not looked at: UDP lets no damaged packet through.
    pub(super) fn of_bytes(bytes: [u8; FRAME_BYTES]) -> Frame {
        let mut wide = [0; 16];
        wide[16 - FRAME_BYTES..].copy_from_slice(&bytes);
        let mut bits = Bits(u128::from_be_bytes(wide));
        let mut frame = Frame::default();
        for (half, has_parity) in frame.halves.iter_mut().zip([true, false]).rev() {
            half.gains[1] = bits.take(4) as u8;
            half.gains[0] = bits.take(3) as u8;
            half.pulses.signs = bits.take(4) as u8;
            half.pulses.places = bits.take(13);
            if has_parity {
                bits.take(1);
                half.lag = bits.take(8) as u8;
            } else {
                half.lag = bits.take(5) as u8;
            }
        }
        frame.lsf.upper = bits.take(5) as u8;
        frame.lsf.lower = bits.take(5) as u8;
        frame.lsf.first = bits.take(7) as u8;
        frame.lsf.predictor = bits.take(1) as u8;
        frame
    }
}

/// Over the six most significant bits of the first lag; odd (§3.7.2).
fn parity(lag: u8) -> u8 {
    u8::from((lag >> 2).count_ones().is_multiple_of(2))
}
