//! What the switch has to say to the operator.

use base::Mono;
use switch::api::Diagnostic;

/// Lines a second about what strangers do: how much of it there is is for them to decide.
const LINES_PER_SECOND_MAX: u32 = 10;

/// Writes the log, and less of it when strangers would fill it.
#[derive(Debug, Default)]
pub(super) struct Reports {
    refusals: Rate,
    bans: Rate,
}

/// Lines of one sort.
#[derive(Debug, Default)]
struct Rate {
    second: u64,
    lines: u32,
    /// What no line was written about.
    untold: u64,
}

impl Reports {
    /// One line an event, ids as fields; nothing in a diagnostic is a customer's number.
    pub(super) fn tell(&mut self, now: Mono, diagnostic: &Diagnostic) {
        match diagnostic {
            Diagnostic::IncomingRefused { remote, trunk, status, because, caller } => {
                metrics::counter!("cordboard_calls_refused_total").increment(1);
                if let Some(untold) = self.refusals.may_tell(now) {
                    tracing::info!(%remote, trunk, status, ?because, ?caller, untold, "a call from outside was refused");
                }
            }
            Diagnostic::SourceBanned { source, lasts } => {
                metrics::counter!("cordboard_sip_bans_total").increment(1);
                if let Some(untold) = self.bans.may_tell(now) {
                    let seconds = lasts.as_secs();
                    tracing::warn!(%source, seconds, untold, "too many wrong passwords: an address is banned");
                }
            }
            Diagnostic::TrunkFailedOver { leg, from, to, status } => {
                tracing::warn!(%leg, from, to, status, "a trunk did not take a call, the next one is tried");
            }
            Diagnostic::TrunkOutOfOrder { trunk, remote, fault, rest } => {
                let rest_s = rest.as_secs();
                metrics::counter!("cordboard_trunk_failures_total", "trunk" => trunk.clone()).increment(1);
                tracing::warn!(trunk, %remote, ?fault, rest_s, "a trunk is out of order and passed over");
            }
            Diagnostic::TrunkInOrder { trunk, remote } => {
                tracing::info!(trunk, %remote, "a trunk is in order again");
            }
            Diagnostic::TrunkRegistered { trunk } => {
                tracing::info!(trunk, "registered with a trunk");
            }
            Diagnostic::TrunkNotRegistered { trunk, status } => {
                tracing::warn!(trunk, status, "a trunk does not register us, and is passed over");
            }
            Diagnostic::TrunksFull { leg } => {
                tracing::warn!(%leg, "all channels of the account's trunks are in use");
            }
            Diagnostic::NoTrunk { leg } => {
                tracing::error!(%leg, "the account has no trunk that can be called by")
            }
            Diagnostic::NoPort { leg } => tracing::error!(%leg, "no RTP port is free"),
            Diagnostic::NoAgreement { leg, reason } => {
                tracing::warn!(%leg, reason, "offer and answer do not agree")
            }
            Diagnostic::PortUnusable { leg, port } => {
                tracing::error!(%leg, port, "an RTP port cannot be opened")
            }
            Diagnostic::Silent { leg } => tracing::warn!(%leg, "no sound for too long, the leg is ended"),
            Diagnostic::Full { queue } => tracing::error!(queue, "a queue is full"),
            Diagnostic::TokenUnreadable { leg } => tracing::error!(%leg, "a resume token cannot be read"),
            Diagnostic::DecisionFailed { account, call, problem, inputs } => {
                tracing::error!(%account, ?call, problem, "deciding about a call failed; it was ended");
                tracing::debug!(%account, ?call, ?inputs, "the inputs of the call that failed");
            }
            Diagnostic::StreamClosed { leg, counts } => tracing::info!(%leg, counts, "a stream was closed"),
        }
    }
}

impl Rate {
    /// Whether there is a line now; then how many before it there were not.
    fn may_tell(&mut self, now: Mono) -> Option<u64> {
        let second = now.as_micros() / 1_000_000;
        if self.second != second {
            (self.second, self.lines) = (second, 0);
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines > LINES_PER_SECOND_MAX {
            self.untold += 1;
            return None;
        }
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_fill_the_log_and_none_is_forgotten() {
        let mut rate = Rate::default();
        let told = (0..1000).filter_map(|_| rate.may_tell(Mono::ZERO)).count();
        assert_eq!(told, 10);
        let next = Mono::from_micros(1_000_000);
        assert_eq!((rate.may_tell(next), rate.may_tell(next)), (Some(990), Some(0)));
    }
}
