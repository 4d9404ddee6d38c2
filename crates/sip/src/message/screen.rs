//! The verdict on a datagram that can be given from its bytes alone (RFC 3261 §8.2, §16.3, RFC 4475).

use super::parse::{Draft, is_keep_alive};
use super::{HeaderName, Headers, Malformed, Message, Method, Request, Response, reason_phrase};

/// What to do with a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screened {
    /// A message with readable Via, From, To, Call-ID, CSeq, Contact, Route and Record-Route; a request also has
    /// readable Max-Forwards and Expires, if any, and is for a `sip` or `sips` URI.
    Accept(Message),
    /// A request to refuse: send [`Refusal::response`] to where it came from.
    Answer(Refusal),
    /// Nothing to answer: a broken response or ACK, or no SIP at all.
    Drop(Malformed),
    /// Nothing but empty lines: the sender keeps its path open.
    KeepAlive,
}

/// A request that is refused before anyone looks at what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with, and why.
    pub fault: Malformed,
    /// Via, From, To, Call-ID and CSeq as far as they could be read, unchecked; at least one Via line.
    pub headers: Headers,
}

impl Refusal {
    /// The answer; `received`, `rport` and the To tag are for the caller to put in where they can be.
    pub fn response(&self) -> Response {
        let mut response = Response::from_headers(&self.headers, self.fault.status);
        response.reason = format!("{} ({})", reason_phrase(self.fault.status), self.fault);
        response
    }
}

/// Judges a datagram from the network. What needs more than the message to judge (405, 415, 420, 401, stray
/// responses, …) is for the endpoint.
pub fn screen(data: &[u8]) -> Screened {
    if is_keep_alive(data) {
        return Screened::KeepAlive;
    }
    let fault = match Draft::read(data).finish().and_then(validated) {
        Ok(message) => return Screened::Accept(message),
        Err(fault) => fault,
    };
    // Read once more, since nothing was kept of it: what is right, which is most, should not pay for what is not.
    let draft = Draft::read(data);
    match is_answerable(&draft) {
        true => Screened::Answer(refusal(&draft, fault)),
        false => Screened::Drop(fault),
    }
}

/// Whether it is a request that can be answered, however broken: ACK has no answer, and without Via nobody is there to
/// take one.
pub(super) fn is_answerable(draft: &Draft<'_>) -> bool {
    match draft.request_line_ends() {
        Some((method, _)) => method != Method::Ack.as_str() && draft.headers.has(&HeaderName::Via),
        None => false,
    }
}

/// The refusal of a request because of `fault`.
pub(super) fn refusal(draft: &Draft<'_>, fault: Malformed) -> Refusal {
    Refusal { fault, headers: Response::from_headers(&draft.headers, 400).headers }
}

/// Checks what parsing alone leaves open.
fn validated(message: Message) -> Result<Message, Malformed> {
    let headers = message.headers();
    check_single(headers)?;
    headers.vias()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    let cseq = headers.cseq()?;
    headers.contacts()?;
    headers.routes()?;
    headers.record_routes()?;
    if let Message::Request(request) = &message {
        if cseq.method != request.method {
            return Err(Malformed::new("CSeq", "has another method than the request"));
        }
        headers.max_forwards()?;
        headers.expires_s()?;
        check_uri(request)?;
    }
    Ok(message)
}

/// Headers of which RFC 3261 §7.3.1 allows one line: two of them are a quarrel about what the message says.
fn check_single(headers: &Headers) -> Result<(), Malformed> {
    let single = [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::MaxForwards,
        HeaderName::ContentLength,
        HeaderName::ContentType,
        HeaderName::ContentDisposition,
        HeaderName::Expires,
        HeaderName::MinExpires,
        HeaderName::Event,
        HeaderName::SubscriptionState,
        HeaderName::ReferTo,
        HeaderName::ReferredBy,
        HeaderName::Replaces,
        HeaderName::RSeq,
        HeaderName::RAck,
        HeaderName::SessionExpires,
        HeaderName::MinSe,
    ];
    match single.iter().find(|name| headers.all(name).count() > 1) {
        Some(name) => Err(Malformed::new(name.label(), "is there more than once")),
        None => Ok(()),
    }
}

fn check_uri(request: &Request) -> Result<(), Malformed> {
    let fault = |why: &str| Malformed::new("Request-URI", why);
    if !request.uri.is_sip() {
        return Err(fault("is neither sip nor sips").with_status(416));
    }
    // RFC 3261 §19.1.1: headers have no meaning in a Request-URI.
    match request.uri.headers {
        Some(_) => Err(fault("has headers in it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str =
        "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\n";

    #[test]
    fn a_refusal_says_why_to_the_sender() {
        let Screened::Answer(refusal) =
            screen(format!("BYE sip:a SIP/2.0\r\n{REST}CSeq: x\r\n\r\n").as_bytes())
        else {
            panic!("not answered")
        };
        let response = refusal.response();
        assert_eq!(response.status, 400);
        assert_eq!(response.reason, "Bad Request (CSeq is not a number and a method)");
        assert_eq!(response.headers.call_id(), Ok("1"));
        assert_eq!(response.headers.get(&HeaderName::CSeq), Some("x"));
    }

    #[test]
    fn what_cannot_be_answered_is_dropped() {
        for text in [
            format!("ACK sip:a SIP/2.0\r\n{REST}CSeq: x\r\n\r\n"),
            format!("SIP/2.0 200 OK\r\n{REST}CSeq: x\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{REST}CSeq: 1 GET\r\n\r\n"),
            "BYE sip:a SIP/2.0\r\nCSeq: x\r\n\r\n".to_owned(),
            "\u{1}\u{2}".to_owned(),
        ] {
            assert!(matches!(screen(text.as_bytes()), Screened::Drop(_)), "{text}");
        }
    }

    #[test]
    fn empty_lines_keep_a_path_open() {
        for data in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0"] {
            assert_eq!(screen(data), Screened::KeepAlive);
        }
    }
}
