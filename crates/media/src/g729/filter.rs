//! Filters that keep what they need of the past.

use super::{Filter, LEVEL_MAX, ORDER};

/// Below this a memory is silent: numbers that fade on without end become so small that processors are slow with them.
const FADED: f32 = 1e-15;

/// `A(z/γ)`: each coefficient times a power of `gamma`, which widens the peaks.
pub(super) fn widened(a: &Filter, gamma: f32) -> Filter {
    let mut power = 1.0;
    a.map(|coefficient| {
        power *= gamma;
        coefficient * power
    })
}

/// `A(z)`: what of a sound cannot be predicted. `sound` begins with the `ORDER` samples before it.
pub(super) fn residual(a: &Filter, sound: &[f32], into: &mut [f32]) {
    for (into, window) in into.iter_mut().zip(sound.windows(ORDER + 1)) {
        let (now, before) = (window[ORDER], &window[..ORDER]);
        *into = now + a.iter().zip(before.iter().rev()).map(|(a, sample)| a * sample).sum::<f32>();
    }
}

/// `1/A(z)`: a sound from what cannot be predicted of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Synthesis {
    /// The last samples, newest first.
    memory: [f32; ORDER],
}

impl Synthesis {
    /// With these last samples, oldest first.
    pub(super) fn remember(&mut self, last: &[f32]) {
        for (memory, sample) in self.memory.iter_mut().zip(last.iter().rev()) {
            *memory = if sample.abs() < FADED { 0.0 } else { *sample };
        }
    }

    pub(super) fn run(&mut self, a: &Filter, sound: &mut [f32]) {
        let memory = &mut self.memory;
        for sample in sound.iter_mut() {
            let predicted: f32 = a.iter().zip(memory.iter()).map(|(a, before)| a * before).sum();
            *sample = (*sample - predicted).clamp(-LEVEL_MAX, LEVEL_MAX);
            memory.copy_within(..ORDER - 1, 1);
            memory[0] = *sample;
        }
        for memory in memory {
            *memory = if memory.abs() < FADED { 0.0 } else { *memory };
        }
    }
}

/// Takes away what is too low to be speech: two poles, two zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct HighPass {
    zeros: [f32; 3],
    poles: [f32; 2],
    came: [f32; 2],
    gone: [f32; 2],
}

impl HighPass {
    /// Below 140 Hz, at half the level (§3.1).
    pub(super) const BEFORE: HighPass = HighPass {
        zeros: [0.463_637_18, -0.927_247_05, 0.463_637_18],
        poles: [-1.905_946_5, 0.911_402_4],
        came: [0.0; 2],
        gone: [0.0; 2],
    };
    /// Below 100 Hz (§4.2.5).
    pub(super) const AFTER: HighPass = HighPass {
        zeros: [0.939_805_8, -1.879_583_4, 0.939_805_8],
        poles: [-1.933_073_5, 0.935_892],
        came: [0.0; 2],
        gone: [0.0; 2],
    };

    pub(super) fn next(&mut self, sample: f32) -> f32 {
        let HighPass { zeros, poles, came, gone } = self;
        let out = zeros[0] * sample + zeros[1] * came[0] + zeros[2] * came[1]
            - poles[0] * gone[0]
            - poles[1] * gone[1];
        let out = if out.abs() < FADED { 0.0 } else { out };
        *came = [sample, came[0]];
        *gone = [out, gone[0]];
        out
    }
}
