//! The marks of the generator in a recording: each packet begins with `CLmk`, the number of its leg and its own, eight
//! hexadecimal digits each, as if they were u-law. They survive u-law → PCM, which is undone here.

use std::collections::HashMap;

/// Samples of a packet.
const PACKET: usize = 160;
const MARK: &[u8] = b"CLmk";

/// The marks of one channel, in order: leg, packet, and the sample where they begin.
pub struct Marks(Vec<(usize, usize, usize)>);

impl Marks {
    /// The leg that every mark is of.
    #[track_caller]
    pub fn only_leg(&self, channel: &str) -> usize {
        let (leg, ..) = *self.0.first().unwrap_or_else(|| panic!("nothing is on the {channel}"));
        let others = self.0.iter().filter(|(other, ..)| *other != leg).count();
        assert_eq!(others, 0, "somebody else is on the {channel}, too");
        leg
    }

    /// None is missing between the first and the last, and each is where it belongs.
    #[track_caller]
    pub fn assert_whole(&self) {
        for pair in self.0.windows(2) {
            let [(leg, one, here), (_, next, there)] = pair else { unreachable!("windows of two") };
            assert_eq!((*next, *there), (one + 1, here + PACKET), "after packet {one} of leg {leg}");
        }
    }
}

/// The marks of both channels of a stereo file.
pub fn find(file: &[u8]) -> [Marks; 2] {
    assert_eq!((&file[..4], &file[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    assert_eq!(u16::from_le_bytes([file[22], file[23]]), 2, "channels");
    assert_eq!(u32::from_le_bytes([file[24], file[25], file[26], file[27]]), 8000, "samples per second");
    let samples: Vec<i16> = file[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    [0, 1].map(|channel| {
        let track: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
        of_track(&track)
    })
}

fn of_track(track: &[i16]) -> Marks {
    let codes: HashMap<i16, u8> = (0..=255).map(|code| (ulaw(code), code)).collect();
    // A sample that is no value of u-law belongs to no mark.
    let bytes: Vec<u8> = track.iter().map(|sample| codes.get(sample).copied().unwrap_or(0)).collect();
    let at = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK));
    let read = |at: usize| Some((hex(&bytes, at + 4)?, hex(&bytes, at + 12)?, at));
    Marks(at.filter_map(read).collect())
}

/// The sample that a code of u-law means, of 16 bits (ITU-T G.711, table 2).
fn ulaw(code: u8) -> i16 {
    let code = !code;
    let (exponent, mantissa) = (code >> 4 & 7, i16::from(code & 15));
    let size = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if code & 0x80 == 0 { size } else { -size }
}

fn hex(bytes: &[u8], at: usize) -> Option<usize> {
    usize::from_str_radix(std::str::from_utf8(bytes.get(at..at + 8)?).ok()?, 16).ok()
}
