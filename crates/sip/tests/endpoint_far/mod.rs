//! One endpoint and a far end that is played by the test, message by message.

use std::time::Duration;

use base::{Mono, Now, Random, Wall};
use sip::api::{Credentials, DialogId, Event, Flow, Input, Invite, Output, Transport};
use sip::message::{CSeq, HeaderName, Message, Method, NameAddr, Request, Response, parse_datagram};
use sip::{Config, Endpoint};

pub(crate) const OFFER: &str = "v=0 offer";
pub(crate) const ANSWER: &str = "v=0 answer";

pub(crate) struct Far {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Now,
    pub(crate) flow: Flow,
}

/// What the endpoint did.
#[derive(Debug, Default)]
pub(crate) struct Did {
    pub(crate) events: Vec<Event>,
    pub(crate) requests: Vec<(Flow, Request)>,
    pub(crate) responses: Vec<(Flow, Response)>,
    /// Pongs.
    pub(crate) empty_lines: usize,
    pub(crate) pings: usize,
    pub(crate) connects: Vec<Flow>,
    pub(crate) closes: Vec<Flow>,
}

impl Far {
    pub(crate) fn new(config: Config) -> Far {
        let now = Now { mono: Mono::from_micros(1), wall: Wall::from_millis(1_790_000_000_000) };
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:5070".parse().unwrap(),
        };
        Far { endpoint: Endpoint::new(config, Random::from_number(3261)), now, flow }
    }

    pub(crate) fn hears(&mut self, message: impl Into<Message>) -> Did {
        self.hears_bytes(&message.into().encode())
    }

    pub(crate) fn hears_bytes(&mut self, data: &[u8]) -> Did {
        self.endpoint.handle_input(self.now, Input::Datagram { flow: self.flow, data });
        self.did()
    }

    /// What it did of its own in the next `ms`.
    pub(crate) fn waits(&mut self, ms: u64) -> Did {
        let end = self.now.later(Duration::from_millis(ms));
        let mut all = Did::default();
        while let Some((at, _)) = self.endpoint.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.endpoint.handle_input(self.now, Input::Timeout);
            let did = self.did();
            all.events.extend(did.events);
            all.requests.extend(did.requests);
            all.responses.extend(did.responses);
            all.connects.extend(did.connects);
            all.closes.extend(did.closes);
            all.pings += did.pings;
        }
        self.now = end;
        all
    }

    pub(crate) fn did(&mut self) -> Did {
        let mut did = Did::default();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Event(event) => did.events.push(event),
                Output::Connect { flow } => did.connects.push(flow),
                Output::Close { flow } => did.closes.push(flow),
                Output::Transmit(transmit) if *transmit.data == *b"\r\n" => did.empty_lines += 1,
                Output::Transmit(transmit) if *transmit.data == *b"\r\n\r\n" => did.pings += 1,
                Output::Transmit(transmit) => match parse_datagram(&transmit.data).expect("well formed") {
                    Message::Request(request) => did.requests.push((transmit.flow, request)),
                    Message::Response(response) => did.responses.push((transmit.flow, response)),
                },
            }
        }
        did
    }

    /// The endpoint calls; its INVITE.
    pub(crate) fn is_called(&mut self) -> (DialogId, Request) {
        let credentials = Credentials { user: "trunk".to_owned(), password: "secret".to_owned() };
        let dialog = self.endpoint.invite(
            self.now,
            Invite {
                flow: self.flow,
                uri: "sip:139@192.0.2.9:5070".to_owned(),
                from_user: "1001@pbx.example".to_owned(),
                from_name: None,
                to_uri: "sip:139@192.0.2.9".to_owned(),
                sdp: OFFER.into(),
                credentials: Some(credentials),
                answer_any_within: None,
                answer_mode: Default::default(),
                registration: None,
                identity: Default::default(),
            },
        );
        (dialog, self.did().one_request(Method::Invite))
    }

    /// The endpoint is called; its dialog.
    pub(crate) fn calls(&mut self, invite: &Request) -> DialogId {
        let did = self.hears(invite.clone());
        let incoming = did.events.iter().find_map(|event| match event {
            Event::Incoming { dialog, .. } => Some(*dialog),
            _ => None,
        });
        incoming.expect("it rings")
    }

    /// A call that the endpoint made and we answered; with the INVITE and our 200.
    pub(crate) fn is_in_call(&mut self) -> (DialogId, Request, Response) {
        let (dialog, invite) = self.is_called();
        let ok = ok(&invite, "far", &[]);
        let did = self.hears(ok.clone());
        assert!(matches!(did.events.last(), Some(Event::Answered { .. })), "{did:?}");
        (dialog, invite, ok)
    }
}

impl Did {
    pub(crate) fn one_request(&self, method: Method) -> Request {
        let found: Vec<_> = self.requests.iter().filter(|(_, request)| request.method == method).collect();
        assert_eq!(found.len(), 1, "one {method} in {self:?}");
        found[0].1.clone()
    }

    pub(crate) fn status(&self) -> u16 {
        assert_eq!(self.responses.len(), 1, "one answer in {self:?}");
        self.responses[0].1.status
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.events.is_empty()
            && self.requests.is_empty()
            && self.responses.is_empty()
            && self.connects.is_empty()
            && self.closes.is_empty()
    }

    /// The events but those that are for a restart only.
    pub(crate) fn news(&self) -> Vec<&Event> {
        let is_news = |event: &&Event| !matches!(event, Event::Token { .. } | Event::Bindings { .. });
        self.events.iter().filter(is_news).collect()
    }
}

/// An answer to a request of the endpoint, with a To tag unless that is empty.
pub(crate) fn answer(request: &Request, status: u16, tag: &str) -> Response {
    let mut response = Response::to(request, status);
    let mut to = response.headers.to().unwrap();
    if to.tag().is_none() && !tag.is_empty() {
        to.params.set("tag", Some(tag));
        response.headers.set(HeaderName::To, to.to_string());
    }
    response.headers.push(HeaderName::Contact, "<sip:139@192.0.2.9:5070>");
    response
}

/// 200 with an answer in it, and more headers.
pub(crate) fn ok(request: &Request, tag: &str, more: &[(HeaderName, &str)]) -> Response {
    let mut response = with_sdp(answer(request, 200, tag), ANSWER);
    for (name, value) in more {
        response.headers.push(name.clone(), *value);
    }
    response
}

pub(crate) fn with_sdp(mut response: Response, sdp: &'static str) -> Response {
    response.headers.set(HeaderName::ContentType, "application/sdp");
    response.body = sdp.into();
    response
}

/// A request of ours outside any dialog.
pub(crate) fn request(method: Method, branch: &str) -> Request {
    let mut request = Request::new(method.clone(), sip::message::Uri::parse("sip:95588@192.0.2.1").unwrap());
    let headers = &mut request.headers;
    headers.push(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{branch}"));
    headers.push(HeaderName::From, "<sip:139@192.0.2.9>;tag=caller");
    headers.push(HeaderName::To, "<sip:95588@192.0.2.1>");
    headers.push(HeaderName::CallId, "far-call");
    headers.push(HeaderName::CSeq, CSeq { number: 7, method }.to_string());
    headers.push(HeaderName::MaxForwards, "70");
    headers.push(HeaderName::Contact, "<sip:139@192.0.2.9:5070>");
    request
}

/// An INVITE of ours with an offer.
pub(crate) fn invite(branch: &str) -> Request {
    let mut invite = request(Method::Invite, branch);
    put_offer(&mut invite);
    invite
}

pub(crate) fn put_offer(request: &mut Request) {
    request.headers.set(HeaderName::ContentType, "application/sdp");
    request.body = OFFER.into();
}

/// A request of ours inside a dialog whose INVITE was the endpoint's and `ok` our answer.
pub(crate) fn inside(ok: &Response, method: Method, cseq: u32) -> Request {
    let mut inside = request(method.clone(), &format!("in{cseq}{method}"));
    let line = |name: &HeaderName| ok.headers.get(name).unwrap().to_owned();
    inside.headers.set(HeaderName::From, line(&HeaderName::To));
    inside.headers.set(HeaderName::To, line(&HeaderName::From));
    inside.headers.set(HeaderName::CallId, line(&HeaderName::CallId));
    inside.headers.set(HeaderName::CSeq, CSeq { number: cseq, method }.to_string());
    inside
}

/// A request of ours inside a dialog whose INVITE was ours and `ok` the endpoint's answer.
pub(crate) fn follow(invite: &Request, ok: &Response, method: Method, cseq: u32) -> Request {
    let mut follow = invite.clone();
    follow.method = method.clone();
    follow.body = Default::default();
    let via = format!("SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKfollow{cseq}{method}");
    follow.headers.set(HeaderName::Via, via);
    follow.headers.set(HeaderName::To, ok.headers.get(&HeaderName::To).unwrap());
    follow.headers.set(HeaderName::CSeq, CSeq { number: cseq, method }.to_string());
    follow
}

/// The ACK for a refusal of ours, or the CANCEL: same branch.
pub(crate) fn same_branch(invite: &Request, method: Method) -> Request {
    let mut same = invite.clone();
    same.method = method.clone();
    same.body = Default::default();
    let number = invite.headers.cseq().unwrap().number;
    same.headers.set(HeaderName::CSeq, CSeq { number, method }.to_string());
    same
}

pub(crate) fn branch(request: &Request) -> String {
    request.headers.top_via().unwrap().branch().unwrap().to_owned()
}

pub(crate) fn to_tag(response: &Response) -> String {
    response.headers.to().unwrap().tag().unwrap_or_default().to_owned()
}

pub(crate) fn routes(request: &Request) -> Vec<String> {
    request.headers.routes().unwrap().iter().map(NameAddr::to_string).collect()
}
