//! Asking whether a far end is there: OPTIONS outside a dialog (RFC 3261 §11).

use std::collections::BTreeMap;
use std::time::Duration;

use base::Now;

use super::core::SDP;
use super::{Core, TimerName};
use crate::api::{Event, Flow, ProbeId};
use crate::limits::PROBES_MAX;
use crate::message::{CSeq, HeaderName, Malformed, Method, NameAddr, Request, Response, Uri};
use crate::transaction::{ClientUser, TransactionId};

/// The questions that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Probes {
    last: u64,
    by_id: BTreeMap<ProbeId, TransactionId>,
}

impl Probes {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Asks. None: the URI cannot be read, or too many are being asked.
    pub(super) fn begin(
        &mut self,
        core: &mut Core,
        now: Now,
        flow: Flow,
        uri: &str,
        within: Duration,
    ) -> Option<ProbeId> {
        if self.by_id.len() >= PROBES_MAX {
            return None;
        }
        let request = options(core, flow, uri).ok()?;
        self.last += 1;
        let id = ProbeId(self.last);
        self.by_id.insert(id, core.open(now.mono, request, flow, ClientUser::Probe(id)));
        core.wire.timers.set(TimerName::Probe(id), now.mono + within);
        Some(id)
    }

    /// Nobody answered in time.
    pub(super) fn unanswered(&mut self, core: &mut Core, id: ProbeId) {
        if let Some(transaction) = self.by_id.remove(&id) {
            core.table.forget_client(&mut core.wire, transaction);
            core.wire.timers.cancel(&TimerName::Probe(id));
            core.wire.tell(Event::Probed { probe: id, status: None, retry_after: None });
        }
    }

    pub(super) fn answered(&mut self, core: &mut Core, id: ProbeId, response: &Response) {
        if response.status >= 200 && self.by_id.remove(&id).is_some() {
            core.wire.timers.cancel(&TimerName::Probe(id));
            let retry_after = response.headers.retry_after();
            core.wire.tell(Event::Probed { probe: id, status: Some(response.status), retry_after });
        }
    }
}

fn options(core: &mut Core, flow: Flow, uri: &str) -> Result<Request, Malformed> {
    let uri = Uri::parse(uri)?;
    let (host, _) = core.advertised(flow);
    let mut from = NameAddr::new(Uri::sip("", host, None));
    from.params.set("tag", Some(&core.tag()));
    let (call_id, contact) = (core.random.uuid(), core.contact(flow, ""));
    let mut request = core.request(Method::Options, uri.clone(), flow);
    request.headers.push(HeaderName::From, from.to_string());
    request.headers.push(HeaderName::To, NameAddr::new(uri).to_string());
    request.headers.push(HeaderName::CallId, call_id);
    request.headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Options }.to_string());
    request.headers.push(HeaderName::Contact, contact);
    request.headers.push(HeaderName::Accept, SDP);
    Ok(request)
}
