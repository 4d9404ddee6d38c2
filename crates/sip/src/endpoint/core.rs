use base::{Mono, Random};
use bytes::Bytes;

use super::{Config, Reliability, Streamless, Wire};
use crate::api::{Credentials, Flow, Transport};
use crate::digest::{Authorization, Challenge};
use crate::limits::STALE_TRIES_MAX;
use crate::message::{
    CSeq, HeaderName, Headers, Host, MAGIC_COOKIE, Method, NameAddr, Request, Response, Uri, Via,
};
use crate::transaction::{Back, ClientUser, Table, TransactionId};

/// What we do, for Allow.
pub(crate) const ALLOWED: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, REGISTER";
pub(crate) const SDP: &str = "application/sdp";
/// Max-Forwards of our requests (RFC 3261 §8.1.1.6).
pub(crate) const HOPS_MAX: &str = "70";
/// What the body of an INVITE may be, for Accept.
pub(crate) const BODIES: &str = "application/sdp, multipart/mixed, multipart/alternative";

/// What dialogs and registrations stand on: configuration, chance, transactions and the wire.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) table: Table,
    pub(crate) wire: Wire,
    pub(crate) streamless: Streamless,
}

impl Core {
    pub(crate) fn new(config: Config, mut random: Random) -> Core {
        Core {
            table: Table::new(&config, &mut random),
            wire: Wire::new(&config),
            streamless: Streamless::default(),
            config,
            random,
        }
    }

    /// A tag that no one can guess.
    pub(crate) fn tag(&mut self) -> String {
        self.random.hex(16)
    }

    /// A Via for a new transaction by `flow`.
    pub(crate) fn via(&mut self, flow: Flow) -> String {
        let (host, port) = self.advertised(flow);
        let branch = self.random.hex(16);
        let transport = flow.transport.name();
        format!("SIP/2.0/{transport} {host}:{port};branch={MAGIC_COOKIE}{branch};rport")
    }

    /// Where others reach us when they come by `flow`.
    pub(crate) fn contact(&self, flow: Flow, user: &str) -> String {
        let (host, port) = self.advertised(flow);
        let mut uri = Uri::sip(user, host, Some(port));
        match flow.transport {
            Transport::Udp => {}
            Transport::Tcp => uri.params.set("transport", Some("tcp")),
        }
        NameAddr::new(uri).to_string()
    }

    /// What others are to call our end of `flow`.
    pub(crate) fn advertised(&self, flow: Flow) -> (Host, u16) {
        let known = self.config.listeners.iter().find(|listener| listener.bind == flow.local);
        match known {
            Some(listener) => (listener.advertised_host.clone(), listener.advertised_port),
            None => (Host::from(flow.local.ip()), flow.local.port()),
        }
    }

    /// A request of ours with the headers that every one has, in the usual order.
    pub(crate) fn request(&mut self, method: Method, uri: Uri, flow: Flow) -> Request {
        let mut request = Request::new(method, uri);
        let via = self.via(flow);
        request.headers.push(HeaderName::Via, via);
        request.headers.push(HeaderName::MaxForwards, HOPS_MAX);
        request.headers.push(HeaderName::UserAgent, self.config.user_agent.clone());
        request
    }

    /// Sends a request and keeps at it.
    pub(crate) fn open(
        &mut self,
        now: Mono,
        request: Request,
        flow: Flow,
        user: ClientUser,
    ) -> TransactionId {
        self.table.open_client(now, &mut self.wire, request, flow, user)
    }

    /// The request of transaction `id` once more, with what `response` (401, 407) asks for. None: there is nothing that
    /// we could answer, or it was answered before and did not help. Where it was right and only came too late it is given
    /// anew (`stale`, RFC 7616 §3.3), which `stale_tries` counts.
    pub(crate) fn authorized_again(
        &mut self,
        id: TransactionId,
        response: &Response,
        who: &Credentials,
        stale_tries: &mut u32,
    ) -> Option<Request> {
        let (asked, answer) = match response.status {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            407 => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
            _ => return None,
        };
        let (request, flow) = self.table.request(id).map(|(request, flow)| (request.clone(), flow))?;
        // The server names what it likes best first (RFC 8760 §2.4).
        let challenge =
            response.headers.all(&asked).find_map(|line| Challenge::parse(line).ok().flatten())?;
        if request.headers.has(&answer) {
            if !challenge.stale || *stale_tries >= STALE_TRIES_MAX {
                return None;
            }
            *stale_tries += 1;
        }
        let (mut again, cnonce) = (request, self.random.hex(16));
        let uri = again.uri.to_string();
        let proof = Authorization::answer(&challenge, who, &again.method, &uri, 1, &cnonce);
        let number = again.headers.cseq().ok()?.number.checked_add(1)?;
        let cseq = CSeq { number, method: again.method.clone() };
        again.headers.set(HeaderName::Via, self.via(flow));
        again.headers.set(HeaderName::CSeq, cseq.to_string());
        again.headers.set(answer, proof.to_string());
        Some(again)
    }

    /// An answer to `request`, with our `tag` in To unless it has one, or it is a 100.
    pub(crate) fn response(&self, request: &Request, status: u16, tag: &str) -> Response {
        let mut response = Response::to(request, status);
        if status > 100 {
            put_tag(&mut response.headers, tag);
        }
        response.headers.push(HeaderName::Server, self.config.user_agent.clone());
        response
    }

    /// Answers the request of a server transaction.
    pub(crate) fn answer(&mut self, now: Mono, id: TransactionId, response: &Response) {
        self.table.answer(now, &mut self.wire, id, response);
    }

    /// An answer to OPTIONS: what we can do (RFC 3261 §11.2).
    pub(super) fn can_do(&self, mut response: Response) -> Response {
        response.headers.push(HeaderName::Allow, ALLOWED);
        response.headers.push(HeaderName::Accept, BODIES);
        self.put_supported(&mut response.headers);
        response
    }

    /// The extensions that are in use here.
    pub(crate) fn extensions(&self) -> Vec<&'static str> {
        let reliable = match self.config.reliable {
            Reliability::Never => false,
            Reliability::WhenAsked | Reliability::WhenPossible => true,
        };
        let known = [
            ("100rel", reliable),
            ("replaces", self.config.replaces),
            ("timer", self.config.session.is_some()),
        ];
        known.into_iter().filter(|(_, in_use)| *in_use).map(|(tag, _)| tag).collect()
    }

    /// Says which extensions we know.
    pub(crate) fn put_supported(&self, headers: &mut Headers) {
        let tags = self.extensions();
        if !tags.is_empty() {
            headers.push(HeaderName::Supported, tags.join(", "));
        }
    }

    /// Answers OPTIONS inside a dialog.
    pub(crate) fn answer_options(&mut self, now: Mono, id: TransactionId, request: &Request) {
        let tag = self.tag();
        let response = self.can_do(self.response(request, 200, &tag));
        self.answer(now, id, &response);
    }

    /// Answers with nothing but a status.
    pub(crate) fn answer_plainly(&mut self, now: Mono, id: TransactionId, request: &Request, status: u16) {
        let tag = self.tag();
        let response = self.response(request, status, &tag);
        self.answer(now, id, &response);
    }
}

/// Puts `tag` into To where there is none; the rest stays as it was written.
pub(crate) fn put_tag(headers: &mut Headers, tag: &str) {
    let Ok(mut read) = headers.to() else { return };
    if read.tag().is_none()
        && let Some(written) = headers.get(&HeaderName::To)
    {
        let to = match read.params.has("tag") {
            false => format!("{written};tag={tag}"),
            // One without a value is none, and there must not be two.
            true => {
                read.params.set("tag", Some(tag));
                read.to_string()
            }
        };
        headers.set(HeaderName::To, to);
    }
}

/// Puts SDP into a message.
pub(crate) fn put_sdp(headers: &mut Headers, body: &mut Bytes, sdp: Bytes) {
    headers.set(HeaderName::ContentType, SDP);
    *body = sdp;
}

/// The SDP in a message, if there is any.
pub(crate) fn sdp_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    let is_sdp = headers.content_type().as_deref() == Some(SDP);
    (is_sdp && !body.is_empty()).then(|| body.clone())
}

/// Writes down in the top Via where a request came from (RFC 3261 §18.2.1, RFC 3581 §4), so that the answer and
/// whoever reads it knows; the way back for answers. None: the Via cannot be read.
pub(crate) fn stamp_via(headers: &mut Headers, flow: Flow) -> Option<Back> {
    let mut via = headers.top_via().ok()?;
    let back = Back { flow: way_back(&via, flow), other: other_way_back(&via, flow) };
    let seen = flow.remote.ip();
    let asks = via.rport().is_some();
    if asks {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    if asks || via.host.ip() != Some(seen) {
        via.params.set("received", Some(&seen.to_string()));
        headers.replace_top_via(&via).ok()?;
    }
    Some(back)
}

/// Over a stream, the stream; else to the source address when the sender asks for that (`rport`) or its own idea of its
/// address is not what we see, since then there is a NAT; else to the port it named (RFC 3261 §18.2.2).
fn way_back(via: &Via, flow: Flow) -> Flow {
    let mut back = flow;
    let named = via.rport().is_none() && via.host.ip() == Some(flow.remote.ip());
    match flow.transport {
        Transport::Udp if named => back.remote.set_port(via.port.unwrap_or(5060)),
        Transport::Udp | Transport::Tcp => {}
    }
    back
}

/// When the stream that the request came by is gone: to the port that the sender named (RFC 3261 §18.2.2).
fn other_way_back(via: &Via, flow: Flow) -> Flow {
    let mut back = flow;
    back.remote.set_port(via.port.unwrap_or(5060));
    back
}
