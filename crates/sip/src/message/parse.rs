//! From the bytes of a datagram to a message: lines, start line, body (RFC 3261 §7, §18.3).

use std::borrow::Cow;

use bytes::Bytes;

use super::scan::{is_line, trim};
use super::{HeaderName, Headers, Malformed, Message, Request, Response, Uri};
use crate::limits::{HEADER_LINE_BYTES_MAX, HEADER_LINES_MAX, MESSAGE_BYTES_MAX, START_LINE_BYTES_MAX};

/// Reads one message that fills a datagram. Bytes beyond Content-Length are discarded (RFC 3261 §18.3).
///
/// This judges syntax only: start line, header lines, Content-Length. Whether the headers belong together and are what
/// they should be is for [`super::screen`].
pub fn parse_datagram(data: &[u8]) -> Result<Message, Malformed> {
    Draft::read(data).finish()
}

/// What could be read of a datagram, to the end even after a fault, so that a broken request can still be answered.
pub(super) struct Draft<'a> {
    /// The start line; empty when it is not text.
    pub(super) start: &'a str,
    /// The header lines that could be read.
    pub(super) headers: Headers,
    body: &'a [u8],
    fault: Option<Malformed>,
}

impl<'a> Draft<'a> {
    pub(super) fn read(data: &'a [u8]) -> Draft<'a> {
        let mut draft = Draft { start: "", headers: Headers::default(), body: &[], fault: None };
        let data = skip_empty_lines(data);
        if data.len() > MESSAGE_BYTES_MAX {
            let why = format!("is longer than {MESSAGE_BYTES_MAX} bytes");
            draft.blame(Malformed::new("message", why).with_status(513));
        }
        let mut lines = Lines { rest: &data[..data.len().min(MESSAGE_BYTES_MAX)] };
        match lines.next().map(std::str::from_utf8) {
            Some(Ok(start)) if is_line(start) => draft.start = start,
            Some(Ok(_)) => draft.blame(Malformed::new("start line", "has a control character in it")),
            Some(Err(_)) => draft.blame(Malformed::new("start line", "is not UTF-8")),
            None => draft.blame(Malformed::new("start line", "does not end")),
        }
        draft.read_headers(&mut lines);
        draft.body = lines.rest;
        draft
    }

    /// Whether the start line is that of a response.
    pub(super) fn is_response(&self) -> bool {
        is_sip_word(self.start)
    }

    /// Whether the start line is anything of SIP's at all.
    pub(super) fn is_sip(&self) -> bool {
        self.is_response() || self.request_line_ends().is_some()
    }

    /// The method and the version of a Request-Line, if that is what it looks like.
    pub(super) fn request_line_ends(&self) -> Option<(&'a str, &'a str)> {
        let (method, rest) = self.start.split_once([' ', '\t']).filter(|_| !self.is_response())?;
        let version = trim(rest).rsplit([' ', '\t']).next()?;
        is_sip_word(version).then_some((method, version))
    }

    pub(super) fn finish(mut self) -> Result<Message, Malformed> {
        if let Some((_, version)) = self.request_line_ends()
            && !version.eq_ignore_ascii_case("SIP/2.0")
        {
            return Err(Malformed::new("start line", "has another version than SIP/2.0").with_status(505));
        }
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let body = self.take_body()?;
        if self.start.len() > START_LINE_BYTES_MAX {
            let why = format!("is longer than {START_LINE_BYTES_MAX} bytes");
            return Err(Malformed::new("start line", why).with_status(414));
        }
        match self.is_response() {
            true => self.into_response(body).map(Message::Response),
            false => self.into_request(body).map(Message::Request),
        }
    }

    fn blame(&mut self, fault: Malformed) {
        self.fault.get_or_insert(fault);
    }

    /// Reads up to and with the empty line, or to the limit; skips what cannot be read.
    fn read_headers(&mut self, lines: &mut Lines<'a>) {
        loop {
            match lines.next() {
                None => return self.blame(Malformed::new("message", "ends before an empty line")),
                Some([]) => return,
                Some(_) if self.headers.len() == HEADER_LINES_MAX => {
                    let why = format!("has more than {HEADER_LINES_MAX} headers");
                    return self.blame(Malformed::new("message", why));
                }
                Some(first) => match read_header(first, lines) {
                    Ok((name, value)) => self.headers.push(name, value),
                    Err(fault) => self.blame(fault),
                },
            }
        }
    }

    fn take_body(&self) -> Result<Bytes, Malformed> {
        let fault = |why: &str| Malformed::new("Content-Length", why);
        if self.headers.all(&HeaderName::ContentLength).count() > 1 {
            return Err(fault("is there more than once"));
        }
        let length = self.headers.content_length()?.unwrap_or(self.body.len());
        let body = self.body.get(..length).ok_or_else(|| fault("is more than there is"))?;
        Ok(Bytes::copy_from_slice(body))
    }

    fn into_request(self, body: Bytes) -> Result<Request, Malformed> {
        // One space each, no more: other spaces are a sign of an attack or of a broken sender (RFC 4475 §3.1.2.8).
        let mut words = self.start.split(' ');
        let (Some(method), Some(uri), Some(_version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Malformed::new("start line", "is not method, URI and version with single spaces"));
        };
        let uri = Uri::parse(uri).map_err(|fault| fault.within("Request-URI"))?;
        Ok(Request { method: method.parse()?, uri, headers: self.headers, body })
    }

    fn into_response(self, body: Bytes) -> Result<Response, Malformed> {
        let fault = |why: &str| Malformed::new("start line", why);
        let (version, rest) = self.start.split_once(' ').ok_or_else(|| fault("has no status"))?;
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            return Err(fault("has another version than SIP/2.0"));
        }
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let three_digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        let status = status.parse().ok().filter(|status| three_digits && (100..700).contains(status));
        let status = status.ok_or_else(|| fault("has a status that is not 100–699"))?;
        Ok(Response { status, reason: trim(reason).to_owned(), headers: self.headers, body })
    }
}

/// Whether `text` is nothing but what keeps a path open: empty lines (RFC 5626 §4.4.1), or zero bytes as some phones
/// send.
pub(super) fn is_keep_alive(data: &[u8]) -> bool {
    data.iter().all(|byte| b"\r\n\0".contains(byte))
}

/// Lines that end in CRLF, without it. What follows the last CRLF stays in `rest`.
pub(super) struct Lines<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let mut from = 0;
        loop {
            let end = from + self.rest[from..].iter().position(|byte| *byte == b'\r')?;
            if self.rest.get(end + 1) == Some(&b'\n') {
                let line = &self.rest[..end];
                self.rest = &self.rest[end + 2..];
                return Some(line);
            }
            from = end + 1;
        }
    }

    /// The next line if it goes on with the one before it (RFC 3261 §7.3.1).
    fn next_folded(&mut self) -> Option<&'a [u8]> {
        match self.rest.first() {
            Some(b' ' | b'\t') => self.next(),
            _ => None,
        }
    }
}

fn skip_empty_lines(mut data: &[u8]) -> &[u8] {
    while let Some(rest) = data.strip_prefix(b"\r\n") {
        data = rest;
    }
    data
}

/// The header lines of a part of a body, and where its content begins. None: they cannot be read.
pub(super) fn read_part(data: &[u8]) -> Option<(Headers, usize)> {
    let (mut headers, mut lines) = (Headers::default(), Lines { rest: data });
    while let Some(first) = lines.next() {
        if first.is_empty() {
            return Some((headers, data.len() - lines.rest.len()));
        }
        if headers.len() == HEADER_LINES_MAX {
            return None;
        }
        let (name, value) = read_header(first, &mut lines).ok()?;
        headers.push(name, value);
    }
    // Where nothing follows, the empty line may be missing (RFC 2046 §5.1.1).
    lines.rest.is_empty().then_some((headers, data.len()))
}

/// Whether `text` begins like a SIP version.
fn is_sip_word(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"))
}

/// One header field: `first` and the lines folded under it, which are taken even when it is at fault.
fn read_header(first: &[u8], lines: &mut Lines<'_>) -> Result<(HeaderName, String), Malformed> {
    let mut field = Cow::Borrowed(first);
    let mut length = first.len();
    while let Some(folded) = lines.next_folded() {
        length += folded.len();
        if length <= HEADER_LINE_BYTES_MAX {
            field.to_mut().push(b' ');
            field.to_mut().extend_from_slice(folded.trim_ascii());
        }
    }
    if length > HEADER_LINE_BYTES_MAX {
        return Err(Malformed::new("header", format!("is longer than {HEADER_LINE_BYTES_MAX} bytes")));
    }
    // A line is folded behind its colon, not before (RFC 3261 §25.1, HCOLON).
    if !first.contains(&b':') {
        return Err(Malformed::new("header", "has no colon"));
    }
    let field = std::str::from_utf8(&field).map_err(|_| Malformed::new("header", "is not UTF-8"))?;
    if !is_line(field) {
        return Err(Malformed::new("header", "has a control character in it"));
    }
    let (name, value) = field.split_once(':').ok_or_else(|| Malformed::new("header", "has no colon"))?;
    // Space before the colon is in the grammar, space before the name would be a folded line.
    let name = HeaderName::parse(name.trim_end_matches([' ', '\t']));
    let name = name.ok_or_else(|| Malformed::new("header", "has a name that is not a token"))?;
    Ok((name, trim(value).to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn fault(text: &str) -> Malformed {
        parse_datagram(text.as_bytes()).expect_err("a malformed message")
    }

    #[test]
    fn a_request_is_read_and_what_follows_its_body_is_discarded() {
        let text = "\r\nMESSAGE sip:a@b SIP/2.0\r\ni: 1\r\nSubject:\r\n  x\r\n\ty\r\nl: 2\r\n\r\nhidden";
        let Message::Request(request) = parse_datagram(text.as_bytes()).unwrap() else {
            panic!("not a request")
        };
        assert_eq!(request.headers.get(&HeaderName::Subject), Some("x y"));
        assert_eq!(request.headers.call_id(), Ok("1"));
        assert_eq!(&request.body[..], b"hi");
    }

    #[test]
    fn a_reason_may_look_like_a_version() {
        assert!(matches!(parse_datagram(b"SIP/2.0 400 no SIP/3.0\r\n\r\n"), Ok(Message::Response(_))));
    }

    #[test]
    fn a_reason_is_read_without_the_space_around_it() {
        let Ok(Message::Response(response)) = parse_datagram(b"SIP/2.0 200  O K \r\n\r\n") else {
            panic!("a response")
        };
        assert_eq!(response.reason, "O K");
    }

    #[test]
    fn without_content_length_the_datagram_is_the_body() {
        let message = parse_datagram(b"SIP/2.0 200\r\n\r\nall").unwrap();
        let expected =
            Response { status: 200, reason: String::new(), headers: Headers::default(), body: "all".into() };
        assert_eq!(message, Message::Response(expected));
    }

    #[test]
    fn each_limit_has_its_refusal() {
        let long = "x".repeat(MESSAGE_BYTES_MAX);
        assert_eq!(fault(&format!("OPTIONS sip:a SIP/2.0\r\n\r\n{long}")).status, 513);
        assert_eq!(fault(&format!("OPTIONS sip:{} SIP/2.0\r\n\r\n", "x".repeat(3000))).status, 414);
        assert_eq!(fault(&format!("OPTIONS sip:{} SIP/2.0\r\n\r\n", "x".repeat(5000))).status, 414);
        let lines = "a: b\r\n".repeat(HEADER_LINES_MAX + 1);
        assert!(fault(&format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n")).why.contains("128"));
        let line = "x".repeat(HEADER_LINE_BYTES_MAX);
        assert!(fault(&format!("OPTIONS sip:a SIP/2.0\r\na: {line}\r\n\r\n")).why.contains("8192"));
        let folds = "\r\n x".repeat(HEADER_LINE_BYTES_MAX);
        assert!(fault(&format!("OPTIONS sip:a SIP/2.0\r\na: {folds}\r\n\r\n")).why.contains("8192"));
    }

    #[test]
    fn lines_end_in_crlf_and_hold_no_control_characters() {
        for text in [
            "OPTIONS sip:a SIP/2.0\n\n",
            "OPTIONS sip:a SIP/2.0\r\na: b\nc: d\r\n\r\n",
            "OPTIONS sip:a SIP/2.0\r\na: b\rc\r\n\r\n",
            "OPTIONS sip:a SIP/2.0\r\na: \0\r\n\r\n",
            "OPTIONS sip:a SIP/2.0\r\n folded: under nothing\r\n\r\n",
            "OPTIONS sip:a SIP/2.0\r\na: b\r\n",
            "OPTIONS sip:a SIP/2.0\r\n: b\r\n\r\n",
            "OPTIONS sip:a SIP/2.0\r\na\r\n : b\r\n\r\n",
        ] {
            assert_eq!(fault(text).status, 400, "{text:?}");
        }
    }
}
