//! Bodies of several parts (RFC 2046 §5.1, RFC 5621): of all that they may hold, a telephone wants the SDP.

use std::ops::Range;

use bytes::Bytes;

use super::headers::media_type;
use super::parse::read_part;
use super::{HeaderName, Headers, Message, Params, trim};
use crate::limits::{BODY_DEPTH_MAX, BODY_PARTS_MAX};

const SDP: &str = "application/sdp";

/// Puts the SDP of a body of several parts in the place of all of it, so that nobody else need know that there were
/// others. A request whose body has a part that we must understand and do not (RFC 3261 §20.11: `handling=optional` is not
/// said) stays as it is, to be refused with 415; in a response everything but the SDP is passed over.
pub(crate) fn bring_out_sdp(message: &mut Message) {
    let (headers, body, strict) = match message {
        Message::Request(request) => (&mut request.headers, &mut request.body, true),
        Message::Response(response) => (&mut response.headers, &mut response.body, false),
    };
    if body.is_empty() || !headers.content_type().is_some_and(|kind| kind.starts_with("multipart/")) {
        return;
    }
    let found = match find_sdp(headers, body, 1) {
        Found::Sdp(sdp) => Some(sdp),
        Found::Nothing => None,
        Found::SdpBeside(sdp) if !strict => Some(sdp),
        Found::SdpBeside(_) | Found::Unknown => return,
    };
    headers.remove(&HeaderName::ContentDisposition);
    match found {
        Some(range) => {
            headers.set(HeaderName::ContentType, SDP);
            *body = body.slice(range);
        }
        None => {
            headers.remove(&HeaderName::ContentType);
            *body = Bytes::new();
        }
    }
}

/// What there is in a part of a body, or in the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// SDP, and nothing beside it that matters.
    Sdp(Range<usize>),
    /// SDP, and something that we must understand and do not.
    SdpBeside(Range<usize>),
    /// Nothing that matters.
    Nothing,
    /// Something that we must understand and do not.
    Unknown,
}

impl Found {
    /// Both of them, the first with more right to be the SDP.
    fn and(self, next: Found) -> Found {
        match (self, next) {
            (Found::Nothing, found) | (found, Found::Nothing) => found,
            (Found::Sdp(sdp), Found::Sdp(_)) => Found::Sdp(sdp),
            (Found::Sdp(sdp), Found::SdpBeside(_) | Found::Unknown)
            | (Found::SdpBeside(sdp), Found::Sdp(_) | Found::SdpBeside(_) | Found::Unknown)
            | (Found::Unknown, Found::Sdp(sdp) | Found::SdpBeside(sdp)) => Found::SdpBeside(sdp),
            (Found::Unknown, Found::Unknown) => Found::Unknown,
        }
    }

    /// Of two that mean the same, the later one is the better (RFC 2046 §5.1.4), if it is understood.
    fn or(self, next: Found) -> Found {
        match next {
            Found::Sdp(_) => next,
            Found::SdpBeside(_) | Found::Nothing | Found::Unknown => match self {
                Found::Sdp(_) | Found::SdpBeside(_) => self,
                Found::Nothing | Found::Unknown => next,
            },
        }
    }
}

/// Looks for SDP in `data`, which `headers` describe. Positions are those in `data`.
fn find_sdp(headers: &Headers, data: &[u8], depth: usize) -> Found {
    let kind = headers.content_type().unwrap_or_default();
    let unknown = if is_optional(headers) { Found::Nothing } else { Found::Unknown };
    let is_plain = is_identity(headers);
    if kind == SDP && is_plain && is_session(headers) {
        return Found::Sdp(0..data.len());
    }
    let boundary = headers.get(&HeaderName::ContentType).and_then(boundary_of);
    let (Some(boundary), true, true) = (boundary, is_plain, kind.starts_with("multipart/")) else {
        return unknown;
    };
    let Some(parts) = cut(data, &boundary).filter(|_| depth <= BODY_DEPTH_MAX) else { return unknown };
    let look_into = |part: Range<usize>| {
        let Some((inner, start)) = read_part(&data[part.clone()]) else { return Found::Unknown };
        let start = part.start + start;
        match find_sdp(&inner, &data[start..part.end], depth + 1) {
            Found::Sdp(at) => Found::Sdp(at.start + start..at.end + start),
            Found::SdpBeside(at) => Found::SdpBeside(at.start + start..at.end + start),
            nothing @ (Found::Nothing | Found::Unknown) => nothing,
        }
    };
    let found = parts.into_iter().map(look_into);
    let found = match kind == "multipart/alternative" {
        true => found.reduce(Found::or),
        false => found.reduce(Found::and),
    };
    match found {
        Some(Found::Unknown) | None => unknown,
        Some(found) => found,
    }
}

/// Where the parts are between their delimiters. None: it is not closed, or has too many.
fn cut(data: &[u8], boundary: &str) -> Option<Vec<Range<usize>>> {
    let (mut parts, mut begun, mut at) = (Vec::new(), None, 0);
    loop {
        let end = data[at..].windows(2).position(|pair| pair == b"\r\n").map(|length| at + length);
        let line = &data[at..end.unwrap_or(data.len())];
        let after = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
        let after = after.map(<[u8]>::trim_ascii).filter(|after| matches!(*after, b"" | b"--"));
        if let Some(after) = after {
            if let Some(start) = begun {
                // The line break before a delimiter belongs to it.
                parts.push(start..at.saturating_sub(2).max(start));
            }
            if after == b"--" {
                return Some(parts);
            }
            if parts.len() == BODY_PARTS_MAX {
                return None;
            }
            begun = Some(end? + 2);
        }
        at = end? + 2;
    }
}

/// The boundary that a Content-Type names (RFC 2046 §5.1.1).
fn boundary_of(content_type: &str) -> Option<String> {
    let (_, params) = content_type.split_at(content_type.find(';')?);
    let boundary = Params::parse_header(params, "Content-Type").ok()?.unquoted("boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// Whether the bytes are those that are meant.
fn is_identity(headers: &Headers) -> bool {
    let is = |name: &HeaderName, plain: &[&str]| {
        headers.tokens(name).iter().all(|token| plain.iter().any(|plain| token.eq_ignore_ascii_case(plain)))
    };
    is(&HeaderName::ContentEncoding, &["identity"])
        && is(&HeaderName::ContentTransferEncoding, &["binary", "8bit", "7bit"])
}

/// Whether SDP is about the call, as it is when nothing else is said (RFC 3261 §20.11).
fn is_session(headers: &Headers) -> bool {
    headers
        .get(&HeaderName::ContentDisposition)
        .is_none_or(|disposition| media_type(disposition) == "session")
}

/// Whether one who does not understand it may pass over it; if that is not said, no (RFC 3261 §20.11).
fn is_optional(headers: &Headers) -> bool {
    let Some(disposition) = headers.get(&HeaderName::ContentDisposition) else { return false };
    let params = trim(disposition).find(';').map_or("", |at| &disposition[at..]);
    Params::parse_header(params, "Content-Disposition").is_ok_and(|params| {
        params.get("handling").is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::message::{Method, Request, Response, Uri};

    const OPTIONAL: &str = "Content-Disposition: signal;handling=optional\r\n";
    const SDP_PART: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n";

    /// The type and the body that are left of a body of several parts.
    fn left(kind: &str, body: &str) -> (Option<String>, String) {
        let mut request = Request::new(Method::Invite, Uri::parse("sip:a@b").unwrap());
        request.headers.push(HeaderName::ContentType, kind);
        request.body = Bytes::from(body.to_owned());
        let mut message = Message::from(request);
        bring_out_sdp(&mut message);
        let Message::Request(request) = message else { panic!("a request") };
        (request.headers.content_type(), String::from_utf8(request.body.to_vec()).unwrap())
    }

    fn isup(more: &str) -> String {
        format!("--b\r\nContent-Type: application/ISUP;base=itu-t92+\r\n{more}\r\n\u{1}\u{2}\r\n")
    }

    #[test]
    fn sdp_is_found_beside_what_is_optional() {
        for body in [
            format!("{SDP_PART}--b--"),
            format!("preamble\r\n{SDP_PART}--b--\r\nepilogue"),
            format!("{SDP_PART}{}--b--\r\n", isup(OPTIONAL)),
            format!("{}{SDP_PART}--b--\r\n", isup(OPTIONAL)),
            "--b  \r\nc : application/sdp;x=y\r\nContent-Transfer-Encoding: 8BIT\r\n\r\nv=0\r\n\r\n--b-- \r\n".to_owned(),
        ] {
            let wanted = (Some("application/sdp".to_owned()), "v=0\r\n".to_owned());
            assert_eq!(left("Multipart/Mixed; Boundary=\"b\"", &body), wanted, "{body}");
        }
    }

    #[test]
    fn what_must_be_understood_and_is_not_stays() {
        let mixed = "multipart/mixed;boundary=b";
        for body in [
            format!("{SDP_PART}{}--b--", isup("")),
            format!("{}{SDP_PART}--b--", isup("Content-Disposition: signal;handling=required\r\n")),
            SDP_PART.to_owned(),
            "--b\r\nContent-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\nx\r\n--b--".to_owned(),
            "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nx\r\n--b--"
                .to_owned(),
            "--b\r\nno header\r\n\r\nx\r\n--b--".to_owned(),
            format!("{}--b--", SDP_PART.repeat(BODY_PARTS_MAX + 1)),
            "--b--".to_owned(),
        ] {
            assert_eq!(left(mixed, &body), (Some("multipart/mixed".to_owned()), body.clone()), "{body}");
        }
        assert_eq!(left("multipart/mixed", "--\r\n").1, "--\r\n", "without a boundary");
    }

    #[test]
    fn a_body_of_optional_parts_alone_is_none() {
        assert_eq!(
            left("multipart/mixed;boundary=b", &format!("{}--b--", isup(OPTIONAL))),
            (None, String::new())
        );
    }

    #[test]
    fn of_alternatives_the_last_that_is_understood_counts() {
        let (first, second) = (SDP_PART, SDP_PART.replace("v=0", "v=1"));
        let alternative = "multipart/alternative;boundary=b";
        assert_eq!(left(alternative, &format!("{first}{second}{}--b--", isup(""))).1, "v=1\r\n");
        assert_eq!(left(alternative, &format!("{}{first}--b--", isup(""))).1, "v=0\r\n");
    }

    #[test]
    fn parts_may_have_parts() {
        let inner = "--i\r\nc: text/plain\r\n\r\nhi\r\n--i\r\nc: application/sdp\r\n\r\nv=0\r\n\r\n--i--\r\n";
        let nested = format!("--b\r\nc: multipart/alternative;boundary=i\r\n\r\n{inner}\r\n--b--");
        assert_eq!(left("multipart/mixed;boundary=b", &nested).1, "v=0\r\n");
        let deep = (0..=BODY_DEPTH_MAX).fold(SDP_PART.replace("--b", "--b0") + "--b0--", |inner, depth| {
            let outer = depth + 1;
            format!("--b{outer}\r\nc: multipart/mixed;boundary=b{depth}\r\n\r\n{inner}\r\n--b{outer}--")
        });
        let kind = format!("multipart/mixed;boundary=b{}", BODY_DEPTH_MAX + 1);
        assert_eq!(left(&kind, &deep).1, deep, "too deep");
    }

    #[test]
    fn an_answer_is_not_refused_so_its_sdp_is_taken_whatever_is_beside_it() {
        let mut response =
            Response { status: 200, reason: String::new(), headers: Headers::default(), body: Bytes::new() };
        response.headers.push(HeaderName::ContentType, "multipart/mixed;boundary=b");
        response.body = Bytes::from(format!("{}{SDP_PART}--b--", isup("")));
        let mut message = Message::from(response);
        bring_out_sdp(&mut message);
        let Message::Response(response) = message else { panic!("a response") };
        assert_eq!(
            (&response.body[..], response.headers.content_type().as_deref()),
            (&b"v=0\r\n"[..], Some(SDP))
        );
    }
}
