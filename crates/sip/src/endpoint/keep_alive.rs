//! Keeps the paths to phones behind NAT open: an OPTIONS now and then, which the phone answers. Some NATs forget a path
//! that is only sent along from outside, so an answer is what it takes; nobody waits for it, and one that does not come
//! says nothing.

use base::Mono;

use super::{Core, Endpoint};
use crate::api::Flow;
use crate::message::{CSeq, HeaderName, Method, NameAddr, Uri};

impl Endpoint {
    pub(super) fn keep_alive(&mut self, now: Mono) {
        let Some(registrar) = &mut self.registrar else { return };
        for ping in registrar.due_pings(now, &mut self.core.wire) {
            self.core.ping(ping.flow, &ping.uri);
        }
    }
}

impl Core {
    /// Sends one OPTIONS and forgets it: its answer belongs to nothing.
    fn ping(&mut self, flow: Flow, contact: &str) {
        let Ok(uri) = Uri::parse(contact) else { return };
        let to = NameAddr::new(uri.clone()).to_string();
        let mut from = NameAddr::new(Uri::sip("", self.advertised(flow).0, None));
        from.params.set("tag", Some(&self.tag()));
        let call_id = self.random.hex(16);
        let mut options = self.request(Method::Options, uri, flow);
        options.headers.push(HeaderName::From, from.to_string());
        options.headers.push(HeaderName::To, to);
        options.headers.push(HeaderName::CallId, call_id);
        options.headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Options }.to_string());
        self.wire.send(flow, options.encode());
    }
}
