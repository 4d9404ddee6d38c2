//! How well a leg is heard: the E-model of ITU-T G.107, with its defaults for everything that is not measured here.

use std::time::Duration;

/// Transmission rating of a narrow-band connection with nothing wrong.
const R_BEST: f32 = 93.2;
/// One-way delay from which on talking becomes difficult, ms.
const DELAY_NOTICED_MS: f32 = 177.3;
/// Robustness of G.711 with the concealment that phones have, against loss that does not come in bursts (G.113 appendix I).
const BPL: f32 = 25.1;
/// Sound that is in a packet before it can be sent, ms.
const PACKET_MS: f32 = 20.0;

/// What was measured on one leg, of what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Packets that came after one with a higher number, and were not lost therefore.
    pub late: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Mean interarrival jitter, milliseconds.
    pub jitter_mean_ms: f32,
    /// The largest, milliseconds.
    pub jitter_max_ms: f32,
    /// To the far end and back, as its last report says.
    pub round_trip: Option<Duration>,
    /// What the far end says of what it hears.
    pub far: Option<Far>,
    /// Estimated mean opinion score of what the far end says, as it is heard here: 1.0 to 4.4. `None` when it said nothing.
    pub mos: Option<f32>,
}

/// What a far end reports of what it receives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Far {
    /// Packets it missed.
    pub lost: u32,
    /// Its last interarrival jitter, milliseconds.
    pub jitter_ms: f32,
}

/// The mean opinion score for this loss (0 to 1), mean jitter and round trip. A jitter buffer is taken to hold back twice
/// the mean jitter.
pub fn mos(loss: f32, jitter_mean_ms: f32, round_trip: Option<Duration>) -> f32 {
    let way_ms = round_trip.map_or(0.0, |time| time.as_secs_f32() * 500.0);
    let delay_ms = way_ms + PACKET_MS + 2.0 * jitter_mean_ms;
    let delay_harm = 0.024 * delay_ms + 0.11 * (delay_ms - DELAY_NOTICED_MS).max(0.0);
    let loss_percent = 100.0 * loss.clamp(0.0, 1.0);
    let loss_harm = 95.0 * loss_percent / (loss_percent + BPL);
    let r = (R_BEST - delay_harm - loss_harm).clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_gives_the_known_scores() {
        let score =
            |loss, jitter, ms| (100.0 * mos(loss, jitter, Some(Duration::from_millis(ms)))).round() / 100.0;
        // R = 92.7, 87.9, 76.9 (with 300 ms of delay), 45.6, 28.9.
        assert_eq!(score(0.0, 0.0, 0), 4.4);
        assert!((score(0.0, 0.0, 360) - 4.2).abs() < 0.1);
        assert!((score(0.0, 0.0, 560) - 3.7).abs() < 0.15);
        assert!((score(0.02, 0.0, 0) - 4.2).abs() < 0.1);
        assert!((score(0.2, 0.0, 0) - 2.6).abs() < 0.2);
        assert_eq!(score(1.0, 500.0, 3000), 1.0);
        assert_eq!(mos(f32::INFINITY, 0.0, None), mos(1.0, 0.0, None));
    }

    #[test]
    fn more_of_anything_bad_is_never_better() {
        for n in 0..50_u8 {
            let (part, more) = (f32::from(n) / 50.0, f32::from(n + 1) / 50.0);
            assert!(mos(more, 0.0, None) <= mos(part, 0.0, None));
            assert!(mos(0.0, 500.0 * more, None) <= mos(0.0, 500.0 * part, None));
        }
    }
}
