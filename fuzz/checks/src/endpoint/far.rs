//! What far ends say.

use sip::api::{Credentials, Flow, Transport};
use sip::digest::{Authorization, Challenge};
use sip::message::{CSeq, HeaderName, Method, Request, Response, Uri};

use super::script::Script;

pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n\
                              m=audio 4000 RTP/AVP 8 0 101\r\n";
const MULTIPART: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b\r\nContent-Type: text/plain\r\n\
                         Content-Disposition: render;handling=optional\r\n\r\nhello\r\n--b--\r\n";

/// The two ends of a dialog as a far end knows them.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) call_id: String,
    /// The far end's, with its tag.
    pub(super) far: String,
    /// The endpoint's, with its tag.
    pub(super) ours: String,
}

const METHODS: [Method; 14] = [
    Method::Invite,
    Method::Bye,
    Method::Update,
    Method::Register,
    Method::Refer,
    Method::Info,
    Method::Options,
    Method::Prack,
    Method::Ack,
    Method::Cancel,
    Method::Message,
    Method::Notify,
    Method::Subscribe,
    Method::Publish,
];

/// What may stand in a request, beside what must.
const EXTRAS: [(HeaderName, &str); 16] = [
    (HeaderName::Supported, "100rel, timer, replaces"),
    (HeaderName::Require, "100rel"),
    (HeaderName::SessionExpires, "20"),
    (HeaderName::SessionExpires, "1800;refresher=uac"),
    (HeaderName::RecordRoute, "<sip:198.51.100.7;lr>, <sip:198.51.100.8:5090;transport=tcp>"),
    (HeaderName::Expires, "0"),
    (HeaderName::Contact, "*"),
    (HeaderName::Contact, "<sip:a@198.51.100.9:5070;transport=tcp>;expires=60;q=0.1"),
    (HeaderName::ReferTo, "<sip:1003@example.com?Replaces=far0%3Bto-tag%3Da%3Bfrom-tag%3Db>"),
    (HeaderName::RAck, "1 1 INVITE"),
    (HeaderName::Event, "refer"),
    (HeaderName::MinSe, "4000"),
    (HeaderName::Allow, "INVITE, ACK, BYE, UPDATE"),
    (HeaderName::Route, "<sip:192.0.2.1;lr>"),
    (HeaderName::Accept, "application/sdp"),
    (HeaderName::UserAgent, "far end"),
];

/// What may stand in an answer.
const ANSWER_EXTRAS: [(HeaderName, &str); 12] = [
    (HeaderName::Require, "100rel"),
    (HeaderName::RSeq, "1"),
    (HeaderName::RSeq, "2"),
    (HeaderName::RecordRoute, "<sip:198.51.100.7;lr>"),
    (HeaderName::SessionExpires, "90;refresher=uac"),
    (HeaderName::SessionExpires, "100;refresher=uas"),
    (HeaderName::Allow, "INVITE, UPDATE"),
    (HeaderName::MinSe, "3600"),
    (HeaderName::RetryAfter, "3"),
    (HeaderName::Expires, "1"),
    (HeaderName::MinExpires, "7200"),
    (
        HeaderName::WwwAuthenticate,
        "Digest realm=\"far\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"",
    ),
];

const STATUSES: [u16; 24] = [
    200, 180, 183, 100, 486, 401, 407, 422, 423, 481, 491, 500, 503, 202, 302, 408, 199, 487, 415, 420, 600,
    699, 299, 101,
];

/// A request outside any dialog.
pub(super) fn request(script: &mut Script<'_>, flow: Flow, serial: usize) -> Request {
    let method = script.pick(&METHODS_INDEX.map(usize::from));
    let method = METHODS[method].clone();
    let target =
        script.pick(&["sip:95588@192.0.2.1", "sip:user@example.com", "sip:example.com", "sips:x@192.0.2.1"]);
    let mut request = Request::new(method.clone(), Uri::parse(target).expect("a URI"));
    // Now and then one that came before: merged, or to be matched.
    let number = if script.rarely() { serial.saturating_sub(1) } else { serial };
    let user = script.pick(&["sip:user@example.com", "sip:139@198.51.100.9"]);
    let headers = &mut request.headers;
    headers.push(HeaderName::Via, via(flow, script, number));
    headers.push(HeaderName::From, format!("<{user}>;tag=t{}", script.below(3)));
    headers.push(HeaderName::To, format!("<{user}>"));
    headers.push(HeaderName::CallId, format!("far{number}"));
    headers.push(HeaderName::CSeq, CSeq { number: 1, method }.to_string());
    headers.push(HeaderName::MaxForwards, "70");
    dress(&mut request, script, flow);
    request
}

/// A request inside a dialog.
pub(super) fn inside(script: &mut Script<'_>, flow: Flow, known: &Known, serial: usize) -> Request {
    let method = METHODS[script.below(METHODS.len())].clone();
    let mut request = Request::new(method.clone(), Uri::parse("sip:x@192.0.2.1").expect("a URI"));
    let number = match script.byte() {
        255 => u32::MAX,
        254 => 0,
        other => u32::try_from(serial).unwrap_or(1).saturating_add(u32::from(other & 3)).saturating_sub(2),
    };
    let headers = &mut request.headers;
    headers.push(HeaderName::Via, via(flow, script, serial));
    headers.push(HeaderName::From, known.far.clone());
    headers.push(HeaderName::To, known.ours.clone());
    headers.push(HeaderName::CallId, known.call_id.clone());
    headers.push(HeaderName::CSeq, CSeq { number, method }.to_string());
    dress(&mut request, script, flow);
    request
}

/// The ACK or the CANCEL of a request that the endpoint answers.
pub(super) fn follow(script: &mut Script<'_>, invite: &Request, answer: Option<&Response>) -> Request {
    let method = script.pick(&[0, 1]);
    let method = if method == 0 { Method::Ack } else { Method::Cancel };
    let mut follow = invite.clone();
    follow.method = method.clone();
    let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
    follow.headers.set(HeaderName::CSeq, CSeq { number, method: method.clone() }.to_string());
    if let Some(to) = answer.and_then(|answer| answer.headers.get(&HeaderName::To))
        && method == Method::Ack
    {
        follow.headers.set(HeaderName::To, to);
    }
    if script.byte() & 1 == 0 {
        follow.body = Default::default();
    }
    follow
}

/// An answer to a request of the endpoint.
pub(super) fn answer(script: &mut Script<'_>, request: &Request) -> Response {
    let mut response = Response::to(request, script.pick(&STATUSES));
    let tag = script.pick(&["far1", "far1", "far2", "far3", ""]);
    if let Ok(mut to) = response.headers.to()
        && to.tag().is_none()
        && !tag.is_empty()
    {
        to.params.set("tag", Some(tag));
        response.headers.set(HeaderName::To, to.to_string());
    }
    let contact = script.pick(&[
        "<sip:a@198.51.100.9:5070>",
        "<sip:a@198.51.100.9;transport=tcp>",
        "<sip:phone.example>",
    ]);
    response.headers.push(HeaderName::Contact, contact);
    let extras = u16::from_le_bytes([script.byte(), script.byte()]);
    for (bit, (name, value)) in ANSWER_EXTRAS.iter().enumerate() {
        if extras & (1 << bit) != 0 {
            response.headers.push(name.clone(), *value);
        }
    }
    if script.byte() & 1 == 0 {
        response.headers.set(HeaderName::ContentType, "application/sdp");
        response.body = SDP.into();
    }
    response
}

/// Puts the proof into a REGISTER that was challenged.
pub(super) fn prove(request: &mut Request, challenge: &Challenge) {
    let credentials = Credentials { user: "user".to_owned(), password: "secret".to_owned() };
    let uri = request.uri.to_string();
    let proof = Authorization::answer(challenge, &credentials, &request.method, &uri, 1, "cnonce");
    request.headers.push(HeaderName::Authorization, proof.to_string());
}

/// Weights: INVITE and REGISTER come more often than the rest.
const METHODS_INDEX: [u8; 20] = [0, 0, 0, 0, 3, 3, 3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0];

fn via(flow: Flow, script: &mut Script<'_>, number: usize) -> String {
    let transport = match flow.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    match script.byte() {
        // A peer of RFC 2543.
        255 => format!("SIP/2.0/{transport} {};rport", flow.remote),
        254 => format!("SIP/2.0/{transport} 203.0.113.77:9;branch=z9hG4bKfar{number}"),
        byte if byte & 1 == 0 => {
            format!("SIP/2.0/{transport} {};branch=z9hG4bKfar{number};rport", flow.remote)
        }
        _ => format!("SIP/2.0/{transport} {};branch=z9hG4bKfar{number}", flow.remote),
    }
}

/// Adds what is not the same in all of them.
fn dress(request: &mut Request, script: &mut Script<'_>, flow: Flow) {
    let extras = u16::from_le_bytes([script.byte(), script.byte()]);
    for (bit, (name, value)) in EXTRAS.iter().enumerate() {
        if extras & (1 << bit) != 0 {
            request.headers.push(name.clone(), *value);
        }
    }
    if !request.headers.has(&HeaderName::Contact) {
        request.headers.push(HeaderName::Contact, format!("<sip:far@{}>", flow.remote));
    }
    let (kind, body) = match script.byte() % 8 {
        0..4 => return,
        4 | 5 => ("application/sdp", SDP),
        6 => ("multipart/mixed;boundary=b", MULTIPART),
        _ => ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    };
    request.headers.push(HeaderName::ContentType, kind);
    request.body = body.into();
}
