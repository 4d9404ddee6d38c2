//! SIP messages: their text, their parts and the verdict on a hostile one (RFC 3261 §7, §19, §20, §25).
//!
//! [`screen`] is the way in for bytes from the network, [`Message::encode`] the way out. What a message carries stays
//! raw text in [`Headers`] until a typed accessor is asked for it, so unknown and unused headers cost nothing.

mod address;
pub mod check;
mod cseq;
pub mod framing;
mod glance;
mod headers;
mod host;
mod method;
mod multipart;
mod name;
mod params;
mod parse;
mod replaces;
#[cfg(test)]
mod round_trip;
mod scan;
mod screen;
mod session;
mod status;
pub(crate) mod stun;
mod uri;
mod via;

use std::fmt;

use bytes::Bytes;

pub use address::{Contacts, NameAddr};
pub use cseq::CSeq;
pub(crate) use glance::glance;
pub use headers::Headers;
pub use host::Host;
pub use method::Method;
pub(crate) use multipart::bring_out_sdp;
pub use name::HeaderName;
pub use params::Params;
pub use parse::parse_datagram;
pub use replaces::Replaces;
pub(crate) use scan::{is_token, quote, split_outside, trim, unquote};
pub use screen::{Refusal, Screened, screen};
pub use session::{RAck, Refresher, SessionExpires};
pub use status::reason_phrase;
pub use uri::{Scheme, Uri};
pub use via::{MAGIC_COOKIE, Via};

/// A SIP message (RFC 3261 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks for something.
    Request(Request),
    /// Answers a request.
    Response(Response),
}

/// A request (RFC 3261 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Whom.
    pub uri: Uri,
    /// Header fields in their order.
    pub headers: Headers,
    /// The body, as long as Content-Length says.
    pub body: Bytes,
}

/// A response (RFC 3261 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100–699.
    pub status: u16,
    /// For people; may be empty.
    pub reason: String,
    /// Header fields in their order.
    pub headers: Headers,
    /// The body, as long as Content-Length says.
    pub body: Bytes,
}

/// Why a text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The part at fault: a header name, `Request-URI`, `start line`, `message`.
    pub field: &'static str,
    /// What is wrong with it, to be read after `field`; holds no part of the message.
    pub why: String,
    /// What a request with this fault is answered with: 400, 414, 416, 505 or 513.
    pub status: u16,
}

impl Malformed {
    /// A fault answered with 400.
    pub(crate) fn new(field: &'static str, why: impl Into<String>) -> Malformed {
        Malformed { field, why: why.into(), status: 400 }
    }

    /// The same fault with another status.
    pub(crate) fn with_status(self, status: u16) -> Malformed {
        Malformed { status, ..self }
    }

    /// The same fault, found in `field`.
    pub(crate) fn within(self, field: &'static str) -> Malformed {
        Malformed { field, ..self }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.why)
    }
}

impl std::error::Error for Malformed {}

impl Message {
    /// The message as it travels: canonical header names, one line each, a Content-Length that is right and last.
    pub fn encode(&self) -> Bytes {
        match self {
            Message::Request(request) => request.encode(),
            Message::Response(response) => response.encode(),
        }
    }

    /// Its header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::default(), body: Bytes::new() }
    }

    /// See [`Message::encode`].
    pub fn encode(&self) -> Bytes {
        let start = format!("{} {} SIP/2.0\r\n", self.method, self.uri);
        encode(start, &self.headers, &self.body)
    }
}

impl Response {
    /// An answer to `request` as RFC 3261 §8.2.6 begins it: Via lines, From, To, Call-ID and CSeq are copied as they
    /// came (`received`, `rport` and the To tag are for the caller to put in); the reason is the usual one.
    pub fn to(request: &Request, status: u16) -> Response {
        Response::from_headers(&request.headers, status)
    }

    /// The same from the headers alone, as far as they are there.
    pub(crate) fn from_headers(of: &Headers, status: u16) -> Response {
        let mut headers = Headers::default();
        for via in of.all(&HeaderName::Via) {
            headers.push(HeaderName::Via, via);
        }
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
            if let Some(value) = of.get(&name) {
                headers.push(name, value);
            }
        }
        Response { status, reason: reason_phrase(status).to_owned(), headers, body: Bytes::new() }
    }

    /// See [`Message::encode`].
    pub fn encode(&self) -> Bytes {
        let start = format!("SIP/2.0 {} {}\r\n", self.status, scan::clean(self.reason.clone()));
        encode(start, &self.headers, &self.body)
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Message {
        Message::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Message {
        Message::Response(response)
    }
}

fn encode(start: String, headers: &Headers, body: &Bytes) -> Bytes {
    let mut out = start.into_bytes();
    out.reserve(body.len() + 1024);
    for (name, value) in headers.iter() {
        if *name != HeaderName::ContentLength {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    Bytes::from(out)
}
