//! Asking the ways of trunks whether they are there (OPTIONS), so that customers need not find out.

use std::time::Duration;

use base::{Mono, Now, Random};
use sip::api::ProbeId;

use super::{TrunkNo, TrunkWay, Trunks};
use crate::api::{Diagnostic, TrunkFault};
use crate::cause::UNAVAILABLE;
use crate::limits::TRUNK_PING_ANSWER_MAX;
use crate::switch::Switch;

/// Somebody on the way waited in vain for who is asked.
const TIMED_OUT: u16 = 408;

impl Switch {
    /// Asks the ways whose time has come.
    pub(crate) fn ping_trunks(&mut self, now: Now) {
        while let Some(way) = self.trunks.pings.pop_due(now.mono) {
            // Neither is asked that was taken out, nor who is not to be asked any more.
            if !self.trunks.has(way) || self.trunks.config(way.trunk).health_check.is_none() {
                continue;
            }
            let uri = format!("sip:{}", self.trunks.domain(way));
            let flow = self.flow_to(way);
            if let Some(probe) = self.endpoint.probe(now, flow, &uri, TRUNK_PING_ANSWER_MAX) {
                self.trunks.probes.insert(probe, way);
            }
            self.trunks.plan_ping(now.mono, way);
        }
    }

    /// A question was answered, or nobody answered it.
    pub(crate) fn pinged(
        &mut self,
        now: Now,
        probe: ProbeId,
        status: Option<u16>,
        again_after: Option<Duration>,
    ) {
        let Some(way) = self.trunks.probes.remove(&probe) else { return };
        let news = self.trunks.ping_told(now.mono, way, status, again_after);
        news.into_iter().for_each(|news| self.tell_operator(news));
    }
}

impl Trunks {
    /// What a new way needs: its first ping, at any moment of the first interval.
    pub(super) fn begin_pings(&mut self, now: Mono, trunk: TrunkNo) {
        let Some(every) = self.config(trunk).health_check else { return };
        let ways: Vec<_> = self.line(trunk).ways.iter().map(|(at, _)| at.remote).collect();
        for way in ways.into_iter().map(|remote| TrunkWay { trunk, remote }) {
            if self.pings.get(&way).is_none() {
                let first = now + part_of(every, &mut self.random);
                self.pings.set(way, first);
            }
        }
    }

    /// The next ping comes after the usual interval, a little more or less.
    fn plan_ping(&mut self, now: Mono, way: TrunkWay) {
        let Some(every) = self.config(way.trunk).health_check else { return };
        let next = now + every * 9 / 10 + part_of(every / 5, &mut self.random);
        self.pings.set(way, next);
    }

    /// A way that is out of order is asked when its rest is over.
    pub(super) fn ping_after_rest(&mut self, now: Mono, way: TrunkWay, rest: Duration) {
        if self.config(way.trunk).health_check.is_some() {
            self.pings.set(way, now + rest);
        }
    }

    fn ping_told(
        &mut self,
        now: Mono,
        way: TrunkWay,
        status: Option<u16>,
        again_after: Option<Duration>,
    ) -> Option<Diagnostic> {
        let line = self.lines.get_mut(way.trunk.0)?;
        let health = line.health_mut(way.remote)?;
        let (fault, rest) = match status {
            None | Some(TIMED_OUT) => (TrunkFault::Silent, health.ping_unanswered(now)),
            // Nobody need have said so: a stream that cannot be opened counts as this too.
            Some(UNAVAILABLE) => {
                (TrunkFault::Unavailable, health.failed(now, TrunkFault::Unavailable, again_after))
            }
            Some(_) => {
                let was_out_of_order = health.ping_answered();
                let trunk = line.config.name.clone();
                return was_out_of_order.then_some(Diagnostic::TrunkInOrder { trunk, remote: way.remote });
            }
        };
        self.rests(now, way, fault, rest?)
    }
}

/// Any part of a time.
fn part_of(time: Duration, random: &mut Random) -> Duration {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.below(micros.max(1)))
}
