//! Metrics of how well legs are heard, noted when a leg's stream is closed.

use media::api::Counts;

/// Notes the final counts of a leg. One that said nothing has no quality.
pub(super) fn note(counts: &Counts) {
    let quality = &counts.quality;
    for (name, packets) in [
        ("cordboard_rtp_packets_received_total", counts.received),
        ("cordboard_rtp_packets_sent_total", counts.sent),
        ("cordboard_rtp_packets_refused_total", counts.refused),
        ("cordboard_rtp_packets_lost_total", counts.lost),
        ("cordboard_rtp_packets_late_total", quality.late),
        ("cordboard_rtp_packets_duplicate_total", quality.duplicate),
    ] {
        metrics::counter!(name).increment(packets);
    }
    let Some(mos) = quality.mos else { return };
    metrics::histogram!("cordboard_leg_mos").record(mos);
    metrics::histogram!("cordboard_leg_jitter_ms").record(quality.jitter_mean_ms);
    metrics::histogram!("cordboard_leg_loss_ratio")
        .record(counts.lost as f64 / (counts.received + counts.lost).max(1) as f64);
    if let Some(trip) = quality.round_trip {
        metrics::histogram!("cordboard_leg_round_trip_seconds").record(trip);
    }
}
