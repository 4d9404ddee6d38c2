//! A first look at a request: as much of it as it takes to refuse it, and no more.

use super::parse::Lines;
use super::scan::{is_line, quoted_end, trim};
use super::{HeaderName, Method, Request, Uri};
use crate::limits::{
    HEADER_LINE_BYTES_MAX, HEADER_LINES_MAX, MESSAGE_BYTES_MAX, START_LINE_BYTES_MAX, VIA_VALUES_MAX,
};

/// What every answer copies from its request.
const COPIED: [(HeaderName, &str, &str); 5] = [
    (HeaderName::Via, "Via", "v"),
    (HeaderName::From, "From", "f"),
    (HeaderName::To, "To", "t"),
    (HeaderName::CallId, "Call-ID", "i"),
    (HeaderName::CSeq, "CSeq", ""),
];

/// A request outside any dialog other than ACK and CANCEL, with the headers that answers copy and no others, unchecked.
/// None: it is something else, or not as plain as such a thing usually is; then [`super::screen`] has to look at it.
pub(crate) fn glance(data: &[u8]) -> Option<Request> {
    let mut lines = Lines { rest: data.get(..MESSAGE_BYTES_MAX).unwrap_or(data) };
    let (method, uri) = start(lines.next()?)?;
    let mut request = Request::new(method, uri);
    let mut seen = 0;
    loop {
        let line = lines.next()?;
        // A line that goes on in the next one.
        if matches!(line.first(), Some(b' ' | b'\t')) || seen == HEADER_LINES_MAX {
            return None;
        }
        if line.is_empty() {
            break;
        }
        seen += 1;
        if let Some((name, value)) = copied(line) {
            if name != HeaderName::Via && request.headers.has(&name) {
                return None;
            }
            let value = std::str::from_utf8(value).ok().filter(|text| is_line(text))?;
            request.headers.push(name, value);
        }
    }
    let headers = &request.headers;
    let vias = headers.all(&HeaderName::Via).count();
    let complete = headers.len() == vias + COPIED.len() - 1 && (1..=VIA_VALUES_MAX).contains(&vias);
    (complete && is_outside(headers.get(&HeaderName::To)?)).then_some(request)
}

fn start(line: &[u8]) -> Option<(Method, Uri)> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() <= START_LINE_BYTES_MAX)?;
    let (method, rest) = line.split_once(' ')?;
    let method = method.parse().ok().filter(|method| !matches!(method, Method::Ack | Method::Cancel))?;
    let uri = Uri::parse(rest.strip_suffix(" SIP/2.0")?).ok()?;
    Some((method, uri))
}

/// The name and value of a line that answers copy.
fn copied(line: &[u8]) -> Option<(HeaderName, &[u8])> {
    // No other header has such a short name and begins like this; most lines are told by their first letter.
    if !matches!(line.first()?.to_ascii_lowercase(), b'v' | b'f' | b't' | b'i' | b'c')
        || line.len() > HEADER_LINE_BYTES_MAX
    {
        return None;
    }
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let is_it = |text: &str| !text.is_empty() && name.eq_ignore_ascii_case(text.as_bytes());
    let (name, ..) = COPIED.iter().find(|(_, name, compact)| is_it(name) || is_it(compact))?;
    Some((name.clone(), &line[colon + 1..]))
}

/// Whether To has no tag. One that is only in the display name or in the URI is no tag.
fn is_outside(to: &str) -> bool {
    let to = trim(to);
    let after_name = match to.starts_with('"') {
        true => quoted_end(to, 0).unwrap_or(to.len()),
        false => 0,
    };
    let rest = &to[after_name..];
    let params = &rest[rest.find('>').unwrap_or(0)..];
    !params.as_bytes().windows(3).any(|word| word.eq_ignore_ascii_case(b"tag"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::message::{Message, parse_datagram};

    const REST: &str = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nVIA : SIP/2.0/UDP b\r\nMax-Forwards: 70\r\n\
        f: <sip:a@b>;tag=1\r\nCall-Info: x\r\nCall-ID: 1@c\r\nCSeq: 1 INVITE\r\n";

    fn look(to: &str) -> Option<Request> {
        glance(format!("INVITE sip:c@d SIP/2.0\r\n{REST}To: {to}\r\n\r\nbody").as_bytes())
    }

    #[test]
    fn what_an_answer_needs_is_there_and_nothing_else() {
        let text = format!("INVITE sip:c@d SIP/2.0\r\n{REST}t: <sip:c@d>\r\nContent-Length: 0\r\n\r\n");
        let Ok(Message::Request(read)) = parse_datagram(text.as_bytes()) else { panic!("well formed") };
        let seen = glance(text.as_bytes()).unwrap();
        assert_eq!((&seen.method, &seen.uri, seen.body.len()), (&read.method, &read.uri, 0));
        assert_eq!(seen.headers.len(), 6);
        for (name, ..) in &COPIED {
            assert!(seen.headers.all(name).eq(read.headers.all(name)), "{name}");
        }
    }

    #[test]
    fn a_tag_counts_where_it_is_one() {
        for to in ["<sip:c@d>", "sip:c@d", "\"x>;tag=1\" <sip:c@d>", "<sip:c@d;tag=1>;x=y", "Tag <sip:c@d>"] {
            assert!(look(to).is_some(), "{to}");
        }
        for to in
            ["<sip:c@d>;tag=1", "sip:c@d ; TAG = 1", "\"x\" <sip:c@d>;a=\">\";tag=1", "\"<\" <sip:c@d>;tag=x"]
        {
            assert!(look(to).is_none(), "{to}");
        }
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_others() {
        let to = "To: <sip:c@d>\r\n";
        for text in [
            format!("ACK sip:c@d SIP/2.0\r\n{REST}{to}\r\n"),
            format!("CANCEL sip:c@d SIP/2.0\r\n{REST}{to}\r\n"),
            format!("SIP/2.0 200 OK\r\n{REST}{to}\r\n"),
            format!("BYE sip:c@d SIP/2.0\r\n{REST}{to}"),
            format!("BYE sip:c@d SIP/2.0\r\n{REST}{to}{to}\r\n"),
            format!("BYE sip:c@d SIP/2.0\r\n{REST}To: <sip:c@d>\r\n ;tag=1\r\n\r\n"),
            format!("BYE sip:c@d SIP/3.0\r\n{REST}{to}\r\n"),
            format!("BYE sip:c@d SIP/2.0\r\n{to}\r\n"),
            "\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(glance(text.as_bytes()), None, "{text}");
        }
    }
}
