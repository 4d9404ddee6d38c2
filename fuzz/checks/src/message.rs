//! Messages: what is read is bounded, means one thing, and is read the same when it is written again.

use std::fmt::{Debug, Display};

use sip::digest::{Authorization, Challenge};
use sip::limits::{
    CALL_ID_BYTES_MAX, HEADER_LINE_BYTES_MAX, HEADER_LINES_MAX, HEADER_VALUES_MAX, MESSAGE_BYTES_MAX,
    PARAMS_MAX, START_LINE_BYTES_MAX, URI_BYTES_MAX, VIA_VALUES_MAX,
};
use sip::message::{
    CSeq, Contacts, HeaderName, Headers, Malformed, Message, NameAddr, Params, RAck, Refusal, Replaces,
    Request, Response, Screened, SessionExpires, Uri, Via, check as rules, parse_datagram, screen,
};

/// What an answer may have more than the request: names instead of their compact forms, reason, tag, Content-Length.
const ANSWER_EXTRA_BYTES_MAX: usize = 1024;

/// Reads `data` as a datagram, in every way there is.
pub fn check(data: &[u8]) {
    let parsed = parse_datagram(data);
    if let Ok(message) = &parsed {
        look_into(message);
        survives_writing(message);
    }
    match screen(data) {
        Screened::Accept(message) => {
            assert_eq!(parsed.as_ref(), Ok(&message), "both ways to read it agree");
            accepted(&message);
        }
        Screened::Answer(refusal) => refused(data, &refusal),
        Screened::Drop(fault) => is_a_verdict(&fault),
        Screened::KeepAlive => assert!(data.iter().all(|byte| b"\r\n\0".contains(byte))),
    }
}

/// Whether a message can be written within the limits for reading: names grow when they are not compact any more.
pub(crate) fn fits(data: &[u8]) -> bool {
    let end = data.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(data.len());
    let lines: Vec<&[u8]> = data[..end].split(|byte| *byte == b'\n').collect();
    let long = |line: &&[u8]| line.len() > HEADER_LINE_BYTES_MAX;
    data.len() <= MESSAGE_BYTES_MAX
        && lines[0].len() <= START_LINE_BYTES_MAX
        && lines.len() <= HEADER_LINES_MAX + 1
        && !lines.iter().any(long)
}

fn accepted(message: &Message) {
    let headers = message.headers();
    let vias = headers.vias().expect("screened");
    assert!((1..=VIA_VALUES_MAX).contains(&vias.len()));
    assert_eq!(headers.top_via().as_ref(), Ok(&vias[0]));
    assert!(headers.from().is_ok() && headers.to().is_ok() && headers.cseq().is_ok());
    assert!((1..=CALL_ID_BYTES_MAX).contains(&headers.call_id().expect("screened").len()));
    assert!(headers.contacts().is_ok() && headers.routes().is_ok() && headers.record_routes().is_ok());
    let written = message.encode();
    if fits(&written) {
        let Screened::Accept(again) = screen(&written) else { panic!("what was accepted is accepted again") };
        assert_eq!(without_length(again), without_length(message.clone()));
    }
    if let Message::Request(request) = message {
        assert!(request.uri.is_sip() && request.uri.headers.is_none());
        assert_eq!(headers.cseq().map(|cseq| cseq.method).as_ref(), Ok(&request.method));
        assert!(headers.max_forwards().is_ok() && headers.expires_s().is_ok());
        let answer = Response::to(request, 200).encode();
        let readable = !fits(&answer) || matches!(screen(&answer), Screened::Accept(Message::Response(_)));
        assert!(readable, "an answer to it can be read by whoever asked");
    }
}

fn refused(data: &[u8], refusal: &Refusal) {
    is_a_verdict(&refusal.fault);
    assert!(refusal.headers.has(&HeaderName::Via), "it has a way back");
    let response = refusal.response();
    assert_eq!(response.status, refusal.fault.status);
    let written = response.encode();
    assert!(written.len() <= data.len() + ANSWER_EXTRA_BYTES_MAX, "no amplification");
    if fits(&written) {
        let Ok(Message::Response(again)) = parse_datagram(&written) else { panic!("a refusal can be read") };
        assert_eq!((again.status, &again.reason), (response.status, &response.reason));
        for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq]
        {
            assert!(
                again.headers.all(&name).eq(refusal.headers.all(&name)),
                "{name} comes back as it was sent"
            );
        }
    }
}

fn is_a_verdict(fault: &Malformed) {
    assert!([400, 414, 416, 505, 513].contains(&fault.status), "{fault}");
    let text = fault.to_string();
    assert!(
        text.len() < 160 && !text.contains(char::is_control),
        "it repeats nothing of the message: {text}"
    );
}

fn survives_writing(message: &Message) {
    let written = message.encode();
    if !fits(&written) {
        return;
    }
    let again = parse_datagram(&written).expect("what was read and written can be read");
    assert_eq!(without_length(again.clone()), without_length(message.clone()));
    assert_eq!(again.encode(), written, "it is written the same way again");
}

fn without_length(mut message: Message) -> Message {
    match &mut message {
        Message::Request(request) => request.headers.remove(&HeaderName::ContentLength),
        Message::Response(response) => response.headers.remove(&HeaderName::ContentLength),
    }
    message
}

/// Asks for everything that can be asked of a message, whether it is there or not.
fn look_into(message: &Message) {
    let headers = message.headers();
    assert!(headers.len() <= HEADER_LINES_MAX);
    for (name, value) in headers.iter() {
        assert!(!value.contains(['\r', '\n']) && value.trim_matches([' ', '\t']) == value);
        assert_eq!(HeaderName::parse(name.as_str()).as_ref(), Some(name));
    }
    look_at_lists(headers);
    look_at_numbers(headers);
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        headers.all(&name).for_each(|line| survives(Authorization::parse(line), Authorization::parse));
    }
    for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
        headers.all(&name).for_each(|line| survives(Challenge::parse(line), Challenge::parse));
    }
    if let Message::Request(request) = message {
        look_at_request(request);
    }
}

fn look_at_lists(headers: &Headers) {
    for via in headers.vias().into_iter().flatten() {
        same_again(&via, Via::parse);
        let cookie = via.cookie_branch().map(str::len);
        assert!(cookie.is_none_or(|length| Some(length) == via.branch().map(str::len)));
        let _ = (via.received(), via.rport());
        are_bounded(&via.params);
    }
    if let Ok(top) = headers.top_via() {
        let mut replaced = headers.clone();
        assert_eq!(replaced.replace_top_via(&top), Ok(()));
        assert_eq!(replaced.top_via(), Ok(top));
        assert_eq!(replaced.vias(), headers.vias());
    }
    let lists = [headers.routes(), headers.record_routes()];
    let contacts = headers.contacts().map(|contacts| match contacts {
        Contacts::Star => Vec::new(),
        Contacts::List(list) => list,
    });
    for list in lists.into_iter().chain([contacts]).flatten() {
        assert!(list.len() <= HEADER_VALUES_MAX);
        list.iter().for_each(look_at_address);
    }
    [headers.from(), headers.to()].iter().flatten().for_each(look_at_address);
    for name in [HeaderName::Allow, HeaderName::Supported, HeaderName::Require, HeaderName::Accept] {
        assert!(headers.tokens(&name).len() <= HEADER_VALUES_MAX);
    }
    if let Some(refer_to) = headers.get(&HeaderName::ReferTo)
        && let Ok(address) = NameAddr::parse(refer_to, "Refer-To")
    {
        look_at_address(&address);
        let _ = address.uri.header("Replaces").map(|text| Replaces::parse(&text));
    }
}

fn look_at_numbers(headers: &Headers) {
    if let Ok(cseq) = headers.cseq() {
        same_again(&cseq, CSeq::parse);
    }
    if let Ok(Some(session)) = headers.session_expires() {
        same_again(&session, SessionExpires::parse);
    }
    if let Ok(rack) = headers.rack() {
        same_again(&rack, RAck::parse);
    }
    let _ = (headers.rseq(), headers.min_se_s(), headers.min_expires_s(), headers.expires_s());
    let _ = (headers.content_type(), headers.max_forwards(), headers.call_id().map(str::len));
}

fn look_at_address(address: &NameAddr) {
    let text = address.to_string();
    let again = NameAddr::parse(&text, "test").expect("what was read and written can be read");
    assert_eq!(&again, address);
    look_at_uri(&address.uri);
    are_bounded(&address.params);
    let _ = (address.tag().map(str::len), address.expires_s());
}

fn look_at_uri(uri: &Uri) {
    let text = uri.to_string();
    assert!(text.len() <= URI_BYTES_MAX + 40, "an address may be written longer than it was sent");
    if text.len() <= URI_BYTES_MAX {
        same_again(uri, Uri::parse);
    }
    assert!(uri.same(uri));
    let _ = (uri.user_unescaped(), uri.host.ip(), uri.header("replaces"));
    are_bounded(&uri.params);
}

fn look_at_request(request: &Request) {
    look_at_uri(&request.uri);
    let _ = rules::unsupported_requires(request, &["timer", "100rel"]);
    let _ = (rules::knows(request, "timer"), rules::accepts(request, "application/sdp"));
    let _ = rules::understands_body(request, &["application/sdp"]);
}

fn are_bounded(params: &Params) {
    assert!(params.0.len() <= PARAMS_MAX);
    for (index, (name, _)) in params.0.iter().enumerate() {
        assert!(!params.0[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)), "each once");
    }
}

fn same_again<T: Display + Debug + PartialEq>(value: &T, parse: impl Fn(&str) -> Result<T, Malformed>) {
    assert_eq!(parse(&value.to_string()).as_ref(), Ok(value));
}

/// What was understood means the same when it is written and read again.
fn survives<T: Display + Debug + PartialEq>(
    read: Result<Option<T>, Malformed>,
    parse: impl Fn(&str) -> Result<Option<T>, Malformed>,
) {
    if let Ok(Some(value)) = read {
        assert_eq!(parse(&value.to_string()), Ok(Some(value)));
    }
}
