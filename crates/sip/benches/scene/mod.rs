//! What both benchmarks play: phones that register with digest, and calls that are set up and ended.
//!
//! Everything that phones do (proofs, answers) is made between the measured parts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base::{Mono, Now, Random, Wall};
use bytes::Bytes;
use sip::api::{Credentials, DialogId, Event, Flow, Input, Invite, Output, Transport};
use sip::digest::{Authorization, Challenge};
use sip::message::{CSeq, HeaderName, Message, Method, Request, Response, parse_datagram};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};

pub(crate) const SDP: &str = "v=0\r\no=- 3724394400 3724394405 IN IP4 192.0.2.33\r\ns=-\r\nc=IN IP4 192.0.2.33\r\n\
    t=0 0\r\nm=audio 20002 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// An endpoint, its clock, and what it did last.
pub(crate) struct Desk {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Now,
}

/// What the endpoint sent and said.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) sent: Vec<(Flow, Bytes)>,
    pub(crate) events: Vec<Event>,
}

impl Desk {
    /// With so many users who may register.
    pub(crate) fn new(users: u32) -> Desk {
        let users = (0..users).map(|n| User { name: name(n), password: password(n) }).collect();
        let domain = Domain { name: "pbx.example.com".to_owned(), users };
        let registrar = Some(RegistrarConfig { domains: vec![domain], ..RegistrarConfig::default() });
        let config = Config { registrar, ..Config::default() };
        let now = Now { mono: Mono::from_micros(1), wall: Wall::from_millis(1_790_000_000_000) };
        Desk { endpoint: Endpoint::new(config, Random::from_number(3261)), now }
    }

    /// Takes each datagram and does what is due, some time after the one before: all of it in less than Timer A.
    pub(crate) fn hears(&mut self, datagrams: &[(Flow, Bytes)], said: &mut Said) {
        for (flow, data) in datagrams {
            self.now = self.now.later(Duration::from_micros(40));
            self.due(said);
            self.endpoint.handle_input(self.now, Input::Datagram { flow: *flow, data });
            self.drain(said);
        }
    }

    /// Lets time pass.
    pub(crate) fn waits(&mut self, s: u64, said: &mut Said) {
        let end = self.now.later(Duration::from_secs(s));
        while let Some((at, _)) = self.endpoint.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.due(said);
        }
        self.now = end;
    }

    pub(crate) fn drain(&mut self, said: &mut Said) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => said.sent.push((transmit.flow, transmit.data)),
                Output::Event(event) => said.events.push(event),
                Output::Connect { .. } | Output::Close { .. } => {}
            }
        }
    }

    fn due(&mut self, said: &mut Said) {
        if self.endpoint.next_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
            self.endpoint.handle_input(self.now, Input::Timeout);
            self.drain(said);
        }
    }
}

impl Said {
    pub(crate) fn with_room(n: usize) -> Said {
        Said { sent: Vec::with_capacity(n), events: Vec::with_capacity(n) }
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = (Flow, Request)> {
        self.sent.iter().filter_map(|(flow, data)| match parse_datagram(data) {
            Ok(Message::Request(request)) => Some((*flow, request)),
            Ok(Message::Response(_)) | Err(_) => None,
        })
    }

    pub(crate) fn responses(&self) -> impl Iterator<Item = (Flow, Response)> {
        self.sent.iter().filter_map(|(flow, data)| match parse_datagram(data) {
            Ok(Message::Response(response)) => Some((*flow, response)),
            Ok(Message::Request(_)) | Err(_) => None,
        })
    }
}

pub(crate) fn name(n: u32) -> String {
    format!("{}", 100_000 + n)
}

fn password(n: u32) -> String {
    format!("secret of {n}")
}

/// Every phone has an address of its own.
pub(crate) fn flow(n: u32) -> Flow {
    let [_, a, b, c] = n.to_be_bytes();
    let remote = SocketAddr::from((Ipv4Addr::new(10, a, b, c), 5060));
    Flow { transport: Transport::Udp, local: SocketAddr::from(([192, 0, 2, 1], 5060)), remote }
}

/// The first request of each of so many phones; `round` tells one time from the next.
pub(crate) fn registers(users: u32, round: u32) -> Vec<(Flow, Bytes)> {
    (0..users).map(|n| (flow(n), register(n, round).encode())).collect()
}

/// The same with the proof that each phone was asked for.
pub(crate) fn proofs(users: u32, round: u32, said: &Said) -> Vec<(Flow, Bytes)> {
    let answers = said.responses().zip(0..users);
    answers
        .map(|((to, response), n)| {
            assert_eq!((response.status, to), (401, flow(n)), "everybody is challenged in turn");
            let asked = response.headers.get(&HeaderName::WwwAuthenticate).expect("a challenge");
            let asked = Challenge::parse(asked).expect("well formed").expect("digest");
            let mut request = register(n, round);
            let who = Credentials { user: name(n), password: password(n) };
            let uri = request.uri.to_string();
            let proof = Authorization::answer(&asked, &who, &Method::Register, &uri, 1, "0a4f113b5d6e7f80");
            request.headers.set(HeaderName::CSeq, cseq(2 * round + 2, Method::Register));
            let via = format!("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKproof{n:08x}{round:04x};rport");
            request.headers.set(HeaderName::Via, via);
            request.headers.push(HeaderName::Authorization, proof.to_string());
            (to, request.encode())
        })
        .collect()
}

fn register(n: u32, round: u32) -> Request {
    let host = flow(n).remote;
    let text = format!(
        "REGISTER sip:pbx.example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP {host};branch=z9hG4bKfirst{n:08x}{round:04x};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Desk {n}\" <sip:{name}@pbx.example.com>;tag=3f2a{n:08x}\r\n\
         To: \"Desk {n}\" <sip:{name}@pbx.example.com>\r\n\
         Call-ID: 4b1f7d5c-{n:08x}@{host}\r\n\
         CSeq: {number} REGISTER\r\n\
         Contact: <sip:{name}@{host};transport=udp>;expires=3600\r\n\
         User-Agent: Yealink SIP-T31P 124.86.0.75\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY\r\n\
         Supported: path, outbound\r\n\
         Content-Length: 0\r\n\r\n",
        name = name(n),
        number = 2 * round + 1,
    );
    request(&text)
}

/// An INVITE of a carrier, with an offer.
pub(crate) fn invite(n: u32) -> Request {
    let host = flow(n).remote;
    let length = SDP.len();
    let text = format!(
        "INVITE sip:95588@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {host};branch=z9hG4bKinvite{n:08x};rport\r\n\
         Max-Forwards: 69\r\n\
         From: <sip:13900000001@carrier.example.net>;tag=gK0c{n:08x}\r\n\
         To: <sip:95588@192.0.2.1>\r\n\
         Call-ID: 1089232214_{n}@{host}\r\n\
         CSeq: 81342 INVITE\r\n\
         Contact: <sip:13900000001@{host}>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS\r\n\
         Supported: timer, 100rel\r\n\
         Session-Expires: 1800\r\n\
         Min-SE: 90\r\n\
         P-Asserted-Identity: <sip:+8613900000001@carrier.example.net>\r\n\
         User-Agent: Carrier SBC 9.2\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n{SDP}"
    );
    request(&text)
}

/// A request of the caller inside the call that `ok` answers.
pub(crate) fn follow(n: u32, ok: &Response, method: Method, number: u32) -> Request {
    let mut follow = invite(n);
    follow.body = Bytes::new();
    let line = |name: &HeaderName| ok.headers.get(name).expect("every answer has it").to_owned();
    let via = format!("SIP/2.0/UDP {};branch=z9hG4bK{method}{n:08x};rport", flow(n).remote);
    follow.headers.set(HeaderName::Via, via);
    follow.headers.set(HeaderName::To, line(&HeaderName::To));
    follow.headers.set(HeaderName::CSeq, cseq(number, method.clone()));
    for name in [HeaderName::ContentType, HeaderName::SessionExpires, HeaderName::MinSe] {
        follow.headers.remove(&name);
    }
    follow.method = method;
    follow
}

/// An answer of a phone to our request.
pub(crate) fn answer(request: &Request, status: u16, n: u32) -> Response {
    let mut response = Response::to(request, status);
    let mut to = response.headers.to().expect("well formed");
    if to.tag().is_none() && status > 100 {
        to.params.set("tag", Some(&format!("as5{n:08x}")));
        response.headers.set(HeaderName::To, to.to_string());
    }
    response.headers.push(HeaderName::Contact, format!("<sip:1001@{}>", flow(n).remote));
    response.headers.push(HeaderName::Server, "Yealink SIP-T31P 124.86.0.75");
    if request.method == Method::Invite && status == 200 {
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = SDP.into();
    }
    response
}

/// A call of ours to phone `n`.
pub(crate) fn call(n: u32) -> Invite {
    Invite {
        flow: flow(n),
        uri: format!("sip:{}@{}", name(n), flow(n).remote),
        from_user: "13900000001@pbx.example.com".to_owned(),
        from_name: None,
        to_uri: format!("sip:{}@pbx.example.com", name(n)),
        sdp: SDP.into(),
        credentials: None,
        answer_any_within: Some(Duration::from_secs(4)),
        answer_mode: Default::default(),
        registration: None,
        identity: Default::default(),
    }
}

/// The dialogs of the calls that came in.
pub(crate) fn incoming(said: &Said) -> Vec<DialogId> {
    let dialog = |event: &Event| match event {
        Event::Incoming { dialog, .. } => Some(*dialog),
        _ => None,
    };
    said.events.iter().filter_map(dialog).collect()
}

pub(crate) fn request(text: &str) -> Request {
    match parse_datagram(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn cseq(number: u32, method: Method) -> String {
    CSeq { number, method }.to_string()
}
