use std::time::Duration;

use base::Now;

use super::{Dialog, State};
use crate::endpoint::{Core, DialogTimer};
use crate::limits::SESSION_MAX;
use crate::message::{HeaderName, Headers, Method, Refresher, Request, Response, SessionExpires, check};

/// How much before the end of its time a call without a sign of life is given up (RFC 4028 §10).
const MARGIN_MAX: Duration = Duration::from_secs(32);

/// Who gives the signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Us,
    Far,
}

impl Dialog {
    /// Says in an INVITE or UPDATE of ours how long the call may last without a sign of life (RFC 4028 §7.1, §7.4).
    pub(super) fn put_session(&self, core: &Core, headers: &mut Headers) {
        let Some(timers) = core.config.session else { return };
        // What was agreed on is asked for again.
        let wanted = self.session.map_or(timers.interval, |(interval, _)| interval);
        let refresher = self.session.map(|(_, keeper)| match keeper {
            Keeper::Us => Refresher::Uac,
            Keeper::Far => Refresher::Uas,
        });
        let floor = self.session_min.max(timers.interval_min);
        let interval_s = seconds(wanted.max(floor));
        if !headers.has(&HeaderName::Supported) {
            headers.push(HeaderName::Supported, "timer");
        }
        headers.set(HeaderName::SessionExpires, SessionExpires { interval_s, refresher }.to_string());
        headers.set(HeaderName::MinSe, seconds(floor).to_string());
    }

    /// Whether a 422 asks for a longer interval than we did; then the next request asks for that.
    pub(super) fn raise_session(&mut self, core: &Core, response: &Response) -> bool {
        let Some(timers) = core.config.session.filter(|_| response.status == 422) else { return false };
        let Ok(Some(min_s)) = response.headers.min_se_s() else { return false };
        let wanted = Duration::from_secs(min_s.into());
        // Once: who refuses what it asked for would refuse for ever.
        let raised = self.session_min.is_zero() && wanted > timers.interval && wanted <= SESSION_MAX;
        if raised {
            self.session_min = wanted;
        }
        raised
    }

    /// What a 2xx for our INVITE or UPDATE says of it counts (RFC 4028 §7.2).
    pub(super) fn session_answered(&mut self, core: &mut Core, now: Now, headers: &Headers) {
        let floor = core.config.session.map_or(Duration::ZERO, |timers| timers.interval_min);
        let agreed = headers.session_expires().ok().flatten().filter(|_| core.config.session.is_some());
        let agreed = agreed.map(|agreed| {
            let keeper = match agreed.refresher {
                Some(Refresher::Uas) => Keeper::Far,
                Some(Refresher::Uac) | None => Keeper::Us,
            };
            // Who names less than we bear must not keep us busy with it.
            (Duration::from_secs(agreed.interval_s.into()).max(floor), keeper)
        });
        self.keep(core, now, agreed);
    }

    /// Says in our 2xx for `request` what counts from now on (RFC 4028 §9).
    pub(super) fn agree_on_session(
        &mut self,
        core: &mut Core,
        now: Now,
        request: &Request,
        response: &mut Response,
    ) {
        let concerns = matches!(request.method, Method::Invite | Method::Update);
        if !concerns || !matches!(self.state, State::Accepted | State::Up) {
            return;
        }
        let agreed = self.session_for(core, request);
        if let Some((interval, keeper)) = agreed {
            let refresher = match keeper {
                Keeper::Us => Refresher::Uas,
                Keeper::Far => Refresher::Uac,
            };
            if keeper == Keeper::Far {
                response.headers.push(HeaderName::Require, "timer");
            }
            let line = SessionExpires { interval_s: seconds(interval), refresher: Some(refresher) };
            response.headers.push(HeaderName::SessionExpires, line.to_string());
        }
        self.keep(core, now, agreed);
    }

    /// The call's time is up, and nobody gave a sign of life.
    pub(super) fn session_expired(&mut self, core: &mut Core, now: Now) {
        self.lose(core, now);
    }

    fn session_for(&self, core: &Core, request: &Request) -> Option<(Duration, Keeper)> {
        let timers = core.config.session?;
        let asked = request.headers.session_expires().ok().flatten();
        let able = check::knows(request, "timer");
        let too_short = |asked: &SessionExpires| u64::from(asked.interval_s) < timers.interval_min.as_secs();
        // Nobody else is there who knows of it, or what a proxy asks for is more than we bear (a caller's own wish would have
        // been refused with 422).
        if asked.map_or(!able, |asked| too_short(&asked)) {
            return None;
        }
        let min = request
            .headers
            .min_se_s()
            .ok()
            .flatten()
            .map_or(Duration::ZERO, |min_s| Duration::from_secs(min_s.into()));
        // It may be made shorter on the way to us and by us, never longer, and not shorter than anybody bears (§9).
        let interval = match asked {
            Some(asked) => Duration::from_secs(asked.interval_s.into()).min(timers.interval.max(min)),
            None => timers.interval.max(min),
        };
        let keeper = match asked.and_then(|asked| asked.refresher).filter(|_| able) {
            Some(Refresher::Uac) => Keeper::Far,
            Some(Refresher::Uas) | None => Keeper::Us,
        };
        Some((interval, keeper))
    }

    fn keep(&mut self, core: &mut Core, now: Now, agreed: Option<(Duration, Keeper)>) {
        self.stop_timer(core, DialogTimer::SessionRefresh);
        self.stop_timer(core, DialogTimer::SessionExpired);
        self.session = agreed;
        let Some((interval, keeper)) = agreed else { return };
        let end = now.mono + interval.saturating_sub(MARGIN_MAX.min(interval / 3));
        self.set_timer(core, DialogTimer::SessionExpired, end);
        if keeper == Keeper::Us {
            self.set_timer(core, DialogTimer::SessionRefresh, now.mono + interval / 2);
        }
    }
}

fn seconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs()).unwrap_or(u32::MAX)
}
