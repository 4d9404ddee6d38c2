use std::str;

use super::{Connection, Description, Direction, Map, Media, SdpError};
use crate::limits::{SDP_BYTES_MAX, SDP_FORMATS_MAX, SDP_MEDIA_MAX};

/// Reads a session description.
///
/// Strict where a wrong reading would send sound to the wrong place (`v=`, `c=`, `m=`, `a=rtpmap`), tolerant of the rest:
/// bare LF, missing `o=`, `s=` and `t=`, unknown lines and attributes, text that is not UTF-8 in lines that are not read.
pub fn parse(text: &[u8]) -> Result<Description, SdpError> {
    if text.len() > SDP_BYTES_MAX {
        return Err(SdpError::TooLong { bytes: text.len() });
    }
    let mut description = Description::default();
    let mut version_seen = false;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let reader = Line { number: index + 1 };
        let (kind, value) = reader.split(line)?;
        match (kind, version_seen) {
            (b'v', false) if value == b"0" => version_seen = true,
            (b'v', _) | (_, false) => return Err(reader.malformed("v=")),
            (_, true) => reader.read(kind, value, &mut description)?,
        }
    }
    match version_seen {
        true => Ok(description),
        false => Err(SdpError::Malformed { line: 1, field: "v=" }),
    }
}

/// Reads one line; knows its number for the error.
struct Line {
    number: usize,
}

impl Line {
    fn malformed(&self, field: &'static str) -> SdpError {
        SdpError::Malformed { line: self.number, field }
    }

    fn split<'a>(&self, line: &'a [u8]) -> Result<(u8, &'a [u8]), SdpError> {
        match line {
            [kind, b'=', value @ ..]
                if kind.is_ascii_lowercase() && !value.contains(&0) && !value.contains(&b'\r') =>
            {
                Ok((*kind, value))
            }
            _ => Err(self.malformed("line")),
        }
    }

    fn text<'a>(&self, value: &'a [u8], field: &'static str) -> Result<&'a str, SdpError> {
        str::from_utf8(value).map_err(|_| self.malformed(field))
    }

    fn read(&self, kind: u8, value: &[u8], into: &mut Description) -> Result<(), SdpError> {
        match kind {
            b'o' => into.origin = self.text(value, "o=")?.to_owned(),
            b'c' => {
                let connection = self.connection(self.text(value, "c=")?)?;
                match into.media.last_mut() {
                    // A stream may list several addresses (RFC 8866 §5.7); the first is as good as any.
                    Some(media) => media.connection = media.connection.take().or(Some(connection)),
                    None => into.connection = Some(connection),
                }
            }
            b'm' if into.media.len() == SDP_MEDIA_MAX => return Err(SdpError::TooManyMedia),
            b'm' => into.media.push(self.media(self.text(value, "m=")?)?),
            b'a' => {
                if let Ok(attribute) = str::from_utf8(value) {
                    self.attribute(attribute, into)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&self, value: &str) -> Result<Connection, SdpError> {
        let mut words = value.split_ascii_whitespace();
        let (Some(network), Some(kind), Some(address), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(self.malformed("c="));
        };
        // Multicast addresses have "/ttl" or "/count" behind them (RFC 8866 §5.7).
        let bare = address.split('/').next().unwrap_or(address);
        let parsed = match kind {
            _ if network != "IN" => None,
            "IP4" => bare.parse().ok().map(std::net::IpAddr::V4),
            "IP6" => bare.parse().ok().map(std::net::IpAddr::V6),
            _ => None,
        };
        Ok(parsed.map_or_else(|| Connection::Other(value.to_owned()), Connection::Address))
    }

    fn media(&self, value: &str) -> Result<Media, SdpError> {
        let mut words = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Err(self.malformed("m="));
        };
        // "port/count" is a hierarchical encoding of several ports; the first is the one that counts.
        let port = port.split('/').next().unwrap_or(port);
        let port = decimal(port).ok_or_else(|| self.malformed("m= port"))?;
        let formats: Vec<String> = words.map(str::to_owned).collect();
        if formats.is_empty() {
            return Err(self.malformed("m= formats"));
        }
        if formats.len() > SDP_FORMATS_MAX {
            return Err(SdpError::TooManyFormats);
        }
        Ok(Media { kind: kind.to_owned(), port, protocol: protocol.to_owned(), formats, ..Media::default() })
    }

    fn attribute(&self, attribute: &str, into: &mut Description) -> Result<(), SdpError> {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        if let Some(direction) = Direction::of_name(attribute) {
            match into.media.last_mut() {
                Some(media) => media.direction = Some(direction),
                None => into.direction = Some(direction),
            }
            return Ok(());
        }
        let Some(media) = into.media.last_mut() else { return Ok(()) };
        match name {
            "rtpmap" if media.maps.len() < 2 * SDP_FORMATS_MAX => media.maps.push(self.map(value)?),
            "fmtp" if media.parameters.len() < 2 * SDP_FORMATS_MAX => {
                if let Some((payload, parameters)) = value.trim_start().split_once(' ')
                    && let Some(payload) = payload_number(payload)
                {
                    media.parameters.push((payload, parameters.to_owned()));
                }
            }
            "ptime" => media.packet_ms = decimal(value.trim()),
            "maxptime" => media.packet_ms_max = decimal(value.trim()),
            "rtcp" => media.rtcp_port = value.split_ascii_whitespace().next().and_then(decimal),
            _ => {}
        }
        Ok(())
    }

    fn map(&self, value: &str) -> Result<Map, SdpError> {
        let bad = || self.malformed("a=rtpmap");
        let (payload, encoding) = value.trim().split_once(' ').ok_or_else(bad)?;
        let payload = payload_number(payload).ok_or_else(bad)?;
        let mut parts = encoding.trim().split('/');
        let name = parts.next().filter(|name| !name.is_empty()).ok_or_else(bad)?;
        let clock_hz = parts.next().and_then(|rate| rate.parse().ok()).ok_or_else(bad)?;
        Ok(Map { payload, encoding: name.to_owned(), clock_hz })
    }
}

/// A decimal number without a sign.
fn decimal(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// An RTP payload number, 0–127.
fn payload_number(text: &str) -> Option<u8> {
    decimal(text).and_then(|number| u8::try_from(number).ok()).filter(|number| *number < 128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn malformed(text: &str) -> &'static str {
        match parse(text.as_bytes()) {
            Err(SdpError::Malformed { field, .. }) => field,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn what_is_not_sdp_is_named_by_its_field() {
        assert_eq!(malformed(""), "v=");
        assert_eq!(malformed("v=1\r\n"), "v=");
        assert_eq!(malformed("m=audio 4 RTP/AVP 0\r\nv=0\r\n"), "v=");
        assert_eq!(malformed("v=0\r\nhello\r\n"), "line");
        assert_eq!(malformed("v=0\r\ns=a\0b\r\n"), "line");
        assert_eq!(malformed("v=0\r\nc=IN IP4\r\n"), "c=");
        assert_eq!(malformed("v=0\r\nm=audio 70000 RTP/AVP 0\r\n"), "m= port");
        assert_eq!(malformed("v=0\r\nm=audio +9 RTP/AVP 0\r\n"), "m= port");
        assert_eq!(malformed("v=0\r\nm=audio 9 RTP/AVP\r\n"), "m= formats");
        assert_eq!(malformed("v=0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:300 PCMA/8000\r\n"), "a=rtpmap");
        assert_eq!(malformed("v=0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA\r\n"), "a=rtpmap");
    }

    #[test]
    fn limits_hold() {
        let long = format!("v=0\r\ns={}\r\n", "x".repeat(SDP_BYTES_MAX));
        assert_eq!(parse(long.as_bytes()), Err(SdpError::TooLong { bytes: long.len() }));
        let line = "m=audio 9 RTP/AVP 0\r\n";
        let full = format!("v=0\r\n{}", line.repeat(SDP_MEDIA_MAX));
        assert_eq!(parse(full.as_bytes()).map(|found| found.media.len()), Ok(SDP_MEDIA_MAX));
        assert_eq!(parse(format!("{full}{line}").as_bytes()), Err(SdpError::TooManyMedia));
        let formats = format!("v=0\r\nm=audio 9 RTP/AVP{}\r\n", " 0".repeat(SDP_FORMATS_MAX + 1));
        assert_eq!(parse(formats.as_bytes()), Err(SdpError::TooManyFormats));
    }

    #[test]
    fn session_text_that_is_not_utf8_and_unknown_lines_do_no_harm() {
        let text = b"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=\xff\xfe\nz=0 0\na=\xff\nm=audio 9/2 RTP/AVP 8\na=rtcp:99 IN IP4 10.0.0.1\n";
        let description = parse(text).expect("well formed");
        assert_eq!((description.media[0].port, description.media[0].rtcp_port), (9, Some(99)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_was_read_is_printed_and_read_again_the_same(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "c=IN IP4 10.0.0.7", "c=IN IP6 2001:db8::7", "c=IN IP4 phone.example", "a=sendonly", "a=inactive",
                    "m=audio 4000 RTP/AVP 8 0 101", "m=video 0 RTP/SAVP 96", "a=rtpmap:101 telephone-event/8000",
                    "a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:40", "a=rtcp:4001", "a=rtpmap:8 pcma/8000/1", "b=AS:64", "a=x:y",
                ]), 0..24),
        ) {
            let text = format!("v=0\r\no=- 1 2 IN IP4 10.0.0.7\r\ns=-\r\nt=0 0\r\n{}\r\n", lines.join("\r\n"));
            let read = parse(text.as_bytes()).expect("made of good lines");
            prop_assert_eq!(parse(read.to_string().as_bytes()), Ok(read));
        }
    }
}
