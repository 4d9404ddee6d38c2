//! What has to be looked at now and then: the log's health, the figures for `/metrics`, old rows.

use std::time::Duration;

use base::Now;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::{LOOK_EVERY, PRUNE_EVERY};
use crate::clock::Clock;
use crate::control::Control;
use crate::sound::Recorder;
use crate::store::limits::PRUNE_ROWS_MAX;
use crate::store::{LogState, Store, WriterHandle};

/// Starts both tasks; they end when `stopped` becomes true.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    store: &Store,
    recorder: &Recorder,
    control: &Control,
    clock: Clock,
    journal_keep: watch::Receiver<Duration>,
    stopped: watch::Receiver<bool>,
) {
    tasks.spawn(look(store.writer(), recorder.clone(), control.clone(), stopped.clone()));
    tasks.spawn(prune(store.writer(), journal_keep, clock, stopped));
}

/// A commit that hangs cannot report itself, so its writer is looked at from outside.
async fn look(
    writer: WriterHandle,
    recorder: Recorder,
    control: Control,
    mut stopped: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut last = LogState::Working;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let state = writer.state();
        if state != last {
            tracing::warn!(?state, "the log changed its state");
            control.log_stalled(state == LogState::Stalled);
            last = state;
        }
        show_trunks(&control).await;
        let backlog = recorder.backlog();
        metrics::gauge!("cordboard_recordings_waiting_oldest_seconds").set(backlog.oldest.as_secs_f64());
        show_limits(&control).await;
        let counts = control.counts().await;
        for (name, value) in [
            ("cordboard_recordings_waiting", backlog.waiting),
            ("cordboard_calls", counts.calls),
            ("cordboard_legs", counts.legs),
            ("cordboard_rtp_ports_used", counts.ports_used),
            ("cordboard_outputs_gated", counts.gated),
            ("cordboard_sip_dialogs", counts.dialogs),
            ("cordboard_log_backlog_entries", writer.backlog()),
        ] {
            metrics::gauge!(name).set(float(value));
        }
    }
}

/// The figures of each trunk.
async fn show_trunks(control: &Control) {
    for trunk in control.trunks().await {
        for (name, value) in [
            ("cordboard_trunk_channels", trunk.channels),
            ("cordboard_trunk_addresses", trunk.addresses),
            ("cordboard_trunk_addresses_working", trunk.working),
        ] {
            metrics::gauge!(name, "trunk" => trunk.name.clone()).set(float(value));
        }
        if let Some(max) = trunk.channels_max {
            metrics::gauge!("cordboard_trunk_channels_max", "trunk" => trunk.name).set(float(max));
        }
    }
}

/// How much of each limit is in use, and how much there may be.
async fn show_limits(control: &Control) {
    for one in control.limits().await {
        let account = one.account.map(|account| account.to_string()).unwrap_or_default();
        let labels =
            [("limit", one.limit.to_owned()), ("account", account), ("of", one.of.unwrap_or_default())];
        metrics::gauge!("cordboard_limit_used", &labels).set(float(one.used));
        metrics::gauge!("cordboard_limit_max", &labels).set(float(one.max));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; these counts are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

async fn prune(
    writer: WriterHandle,
    keep: watch::Receiver<Duration>,
    clock: Clock,
    mut stopped: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        loop {
            let Now { wall, .. } = clock.now();
            let keep = *keep.borrow();
            match writer.prune(wall, keep).await {
                Ok(deleted) if deleted >= PRUNE_ROWS_MAX => {}
                Ok(_) => break,
                Err(_) => {
                    tracing::warn!("old log rows cannot be deleted now");
                    break;
                }
            }
        }
    }
}
