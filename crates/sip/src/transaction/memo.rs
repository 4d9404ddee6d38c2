//! The little that must be remembered to say a thing again: the rest is in the message that asks for it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::Scope;
use crate::api::{Flow, Gate};
use crate::endpoint::{put_tag, stamp_via};
use crate::message::{CSeq, HeaderName, Method, Request, Response, Uri};

/// How a request other than INVITE was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    status: u16,
    /// Our tag, a header on each line, an empty line, the body. Nothing at all when all of that is empty.
    rest: Box<[u8]>,
}

/// What every answer begins with, and is not worth remembering: copied from the request, or the same each time.
const IMPLIED: [HeaderName; 6] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Server,
];

impl Answered {
    /// How `response` answers; the tag is ours only outside dialogs.
    pub(super) fn by(response: &Response, scope: Scope) -> Answered {
        let to = response.headers.to().ok().filter(|_| scope == Scope::Outside);
        let mut rest = to.as_ref().and_then(|to| to.tag()).unwrap_or("").as_bytes().to_vec();
        rest.extend_from_slice(b"\r\n");
        for (name, value) in response.headers.iter().filter(|(name, _)| !IMPLIED.contains(name)) {
            rest.extend([name.as_str(), ":", value, "\r\n"].map(str::as_bytes).concat());
        }
        rest.extend_from_slice(b"\r\n");
        rest.extend_from_slice(&response.body);
        if rest == b"\r\n\r\n" {
            rest.clear();
        }
        Answered { status: response.status, rest: rest.into_boxed_slice() }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.rest.len()
    }

    /// What the log must say before the answer leaves again.
    pub(super) fn gate(&self, request: &Request) -> Option<Gate> {
        (request.method == Method::Register && self.status == 200).then_some(Gate::Registered)
    }

    /// The answer to the same request, come again by `flow`, and its way.
    pub(super) fn again(&self, request: &Request, flow: Flow, server: &str) -> (Flow, Response) {
        let mut response = Response::to(request, self.status);
        let way = stamp_via(&mut response.headers, flow).map_or(flow, |back| back.flow);
        let (tag, mut rest) = split_line(&self.rest);
        if !tag.is_empty() {
            put_tag(&mut response.headers, tag);
        }
        response.headers.push(HeaderName::Server, server);
        loop {
            let (line, after) = split_line(rest);
            rest = after;
            let Some((name, value)) = line.split_once(':') else { break };
            if let Some(name) = HeaderName::parse(name) {
                response.headers.push(name, value);
            }
        }
        response.body = Bytes::copy_from_slice(rest);
        (way, response)
    }
}

/// The first line and what follows it.
fn split_line(text: &[u8]) -> (&str, &[u8]) {
    let end = text.windows(2).position(|pair| pair == b"\r\n").unwrap_or(text.len());
    let rest = text.get(end + 2..).unwrap_or_default();
    (std::str::from_utf8(&text[..end]).unwrap_or_default(), rest)
}

/// An INVITE of ours that was refused, in a datagram.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    to: SocketAddr,
    /// The Request-URI and the routes, one on each line.
    way: Box<str>,
}

impl Refused {
    /// What is left of `invite`, which went by `flow`.
    pub(super) fn of(invite: &Request, flow: Flow) -> Refused {
        let mut way = invite.uri.to_string();
        for route in invite.headers.all(&HeaderName::Route) {
            way.push('\n');
            way.push_str(route);
        }
        Refused { to: flow.remote, way: way.into_boxed_str() }
    }

    /// The ACK for a refusal that came again by `flow`, and its way. None: the refusal is not well formed.
    pub(super) fn acknowledge(&self, refusal: &Response, flow: Flow) -> Option<(Flow, Request)> {
        let mut way = self.way.lines();
        let uri = Uri::parse(way.next()?).ok()?;
        let headers = &refusal.headers;
        // As it was sent, before the far end wrote into it where it came from.
        let mut via = headers.top_via().ok()?;
        via.params.remove("received");
        via.params.set("rport", None);
        let mut ack = Request::new(Method::Ack, uri);
        ack.headers.push(HeaderName::Via, via.to_string());
        for route in way {
            ack.headers.push(HeaderName::Route, route);
        }
        for name in [HeaderName::From, HeaderName::CallId] {
            ack.headers.push(name.clone(), headers.get(&name)?);
        }
        ack.headers.push(HeaderName::MaxForwards, crate::endpoint::HOPS_MAX);
        ack.headers.push(HeaderName::To, headers.get(&HeaderName::To)?);
        let number = headers.cseq().ok()?.number;
        ack.headers.push(HeaderName::CSeq, CSeq { number, method: Method::Ack }.to_string());
        Some((Flow { remote: self.to, ..flow }, ack))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::api::Transport;

    fn flow() -> Flow {
        let [local, remote] = ["192.0.2.1:5060", "192.0.2.9:5070"].map(|address| address.parse().unwrap());
        Flow { transport: Transport::Udp, local, remote }
    }

    fn request(method: Method, to: &str) -> Request {
        let mut request = Request::new(method.clone(), Uri::parse("sip:a@b").unwrap());
        request.headers.push(HeaderName::Via, "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1;rport");
        request.headers.push(HeaderName::From, "<sip:c@d>;tag=1");
        request.headers.push(HeaderName::To, to);
        request.headers.push(HeaderName::CallId, "call");
        request.headers.push(HeaderName::CSeq, format!("7 {method}"));
        request
    }

    /// As the endpoint makes it.
    fn answer(request: &Request, tag: &str) -> Response {
        let mut response = Response::to(request, 200);
        stamp_via(&mut response.headers, flow());
        put_tag(&mut response.headers, tag);
        response.headers.push(HeaderName::Server, "Us");
        response
    }

    #[test]
    fn an_answer_is_given_again_to_the_letter() {
        let asked = request(Method::Update, "<sip:a@b>");
        let mut response = answer(&asked, "ours");
        response.headers.push(HeaderName::Contact, "<sip:a@192.0.2.1>;expires=60");
        response.headers.push(HeaderName::Other("X-Colon".to_owned()), "a: b");
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = "v=0\r\n\r\na=b: c\r\n".into();
        let again = Answered::by(&response, Scope::Outside).again(&asked, flow(), "Us").1;
        assert_eq!(again.encode(), response.encode());
    }

    #[test]
    fn a_plain_answer_inside_a_dialog_takes_no_room() {
        let asked = request(Method::Bye, "<sip:a@b>;tag=theirs");
        let response = answer(&asked, "");
        let memo = Answered::by(&response, Scope::Inside);
        assert!(memo.rest.is_empty());
        assert_eq!(memo.again(&asked, flow(), "Us").1.encode(), response.encode());
    }

    #[test]
    fn a_refusal_is_acknowledged_as_the_invite_was_sent() {
        let mut invite = request(Method::Invite, "<sip:a@b>");
        invite.headers.push(HeaderName::Route, "<sip:first;lr>, <sip:second;lr>");
        invite.headers.push(HeaderName::Route, "<sip:third;lr>");
        let mut refusal = answer(&invite, "far");
        refusal.status = 486;
        let (to, ack) = Refused::of(&invite, flow()).acknowledge(&refusal, flow()).unwrap();
        assert_eq!((to, ack.uri), (flow(), invite.uri.clone()));
        for name in [HeaderName::Via, HeaderName::Route, HeaderName::From, HeaderName::CallId] {
            let [ours, first] = [&ack.headers, &invite.headers]
                .map(|headers| headers.all(&name).map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(ours, first);
        }
        assert_eq!(ack.headers.get(&HeaderName::To), refusal.headers.get(&HeaderName::To));
        assert_eq!(ack.headers.get(&HeaderName::CSeq), Some("7 ACK"));
    }
}
