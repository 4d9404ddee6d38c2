//! G.729 (ITU-T, 06/2012) at 8 kbit/s: ten milliseconds of sound in ten bytes.
//!
//! A frame does not hold samples but how to make them: ten line spectral frequencies (`lsf`) shape the filter of a mouth
//! (`lp`), which is fed with what the voice did one pitch period ago (`pitch`) and four pulses (`pulses`), each by as much
//! as `gain` says. The encoder tries these against the sound and sends those that come nearest, heard through a filter that
//! hides noise under loud frequencies. The decoder follows, and polishes what comes out (`postfilter`).
//!
//! This is the variant of Annex A, in floating point as Annex C has it: its bits and those of the main body are the same,
//! and it costs half. It is our own, made from the text of the Recommendation: no implementation of a licence that fits was
//! good enough. Decoders that follow the text sample by sample differ from it by rounding only.
//!
//! Comfort noise (Annex B) is not made; what comes of it is taken for silence.

mod decoder;
mod encoder;
mod filter;
mod frame;
mod gain;
mod lp;
mod lsf;
mod pitch;
mod postfilter;
mod pulses;
mod tables;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;

/// Samples of a frame, at 8 kHz.
pub const FRAME_SAMPLES: usize = 80;
/// Bytes of a frame.
pub const FRAME_BYTES: usize = 10;
/// Bytes of a frame of comfort noise (Annex B), which may be the last one of a packet (RFC 3551 §4.5.6).
pub const NOISE_BYTES: usize = 2;

/// Coefficients of the filters that predict a sample from those before it.
const ORDER: usize = 10;
/// Samples of a subframe: each half of a frame has a pitch, pulses and gains of its own.
const SUBFRAME: usize = 40;
/// The longest pitch period, samples.
const LAG_MAX: usize = 143;

type Subframe = [f32; SUBFRAME];
/// A filter, from its coefficient 1: that of the sample itself is one.
type Filter = [f32; ORDER];

/// What samples and excitations are limited to, as the Recommendation's 16 bits do: whatever is decoded stays finite.
const LEVEL_MAX: f32 = 32_767.0;
