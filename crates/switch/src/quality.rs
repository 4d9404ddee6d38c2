//! What the log keeps of how a leg was heard.

use std::time::Duration;

use media::api::Counts;
use serde::{Deserialize, Serialize};

/// How a leg was heard, in whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// RTP packets accepted.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets missing by their number.
    pub lost: u64,
    /// Packets that came after one with a higher number.
    pub late: u64,
    /// Packets that came again.
    pub doubled: u64,
    /// Packets refused: of strangers, malformed, of no payload that was agreed on.
    pub refused: u64,
    /// Mean interarrival jitter (RFC 3550 §6.4.1), microseconds.
    pub jitter_mean_us: u32,
    /// The largest, microseconds.
    pub jitter_max_us: u32,
    /// To the far end and back, microseconds, if it takes part in RTCP.
    pub round_trip_us: Option<u64>,
    /// Packets that the far end says it missed, if it says so.
    pub far_lost: Option<u32>,
    /// Estimated mean opinion score (ITU-T G.107) of what the far end says, in hundredths: 100 to 450.
    pub mos_hundredths: Option<u16>,
}

impl Quality {
    /// What is kept of a stream's final counts. `None` when there was no sound in either direction.
    pub(crate) fn of(counts: &Counts) -> Option<Quality> {
        if counts.received == 0 && counts.sent == 0 {
            return None;
        }
        let quality = &counts.quality;
        Some(Quality {
            received: counts.received,
            sent: counts.sent,
            lost: counts.lost,
            late: quality.late,
            doubled: quality.duplicate,
            refused: counts.refused,
            jitter_mean_us: micros(quality.jitter_mean_ms),
            jitter_max_us: micros(quality.jitter_max_ms),
            round_trip_us: quality.round_trip.map(whole_micros),
            far_lost: quality.far.map(|far| far.lost),
            mos_hundredths: quality.mos.map(|mos| (100.0 * mos).round() as u16),
        })
    }
}

/// What is no number, or not below the largest one, becomes the nearest that is.
fn micros(ms: f32) -> u32 {
    (1000.0 * ms).round() as u32
}

fn whole_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use media::quality::{Far, Quality as Measured};

    use super::*;

    #[test]
    fn counts_become_whole_numbers() {
        let quality = Measured {
            late: 2,
            duplicate: 3,
            jitter_mean_ms: 1.2345,
            jitter_max_ms: f32::INFINITY,
            round_trip: Some(Duration::from_micros(40_500)),
            far: Some(Far { lost: 7, jitter_ms: 0.5 }),
            mos: Some(4.316),
        };
        let counts =
            Counts { received: 100, sent: 90, refused: 4, lost: 5, too_late: 0, jitter_ms: 1.0, quality };
        let expected = Quality {
            received: 100,
            sent: 90,
            lost: 5,
            late: 2,
            doubled: 3,
            refused: 4,
            jitter_mean_us: 1235,
            jitter_max_us: u32::MAX,
            round_trip_us: Some(40_500),
            far_lost: Some(7),
            mos_hundredths: Some(432),
        };
        assert_eq!(Quality::of(&counts), Some(expected));
    }

    #[test]
    fn silence_is_not_measured() {
        assert_eq!(Quality::of(&Counts { refused: 9, ..Counts::default() }), None);
        let one_way = Quality::of(&Counts { sent: 1, ..Counts::default() });
        assert_eq!(one_way, Some(Quality { sent: 1, ..Quality::default() }));
    }
}
