use std::fmt;

use super::host::parse_host_port;
use super::params::is_escaped;
use super::{Host, Malformed, Params};
use crate::limits::URI_BYTES_MAX;

/// What comes before the first colon of a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other, as sent.
    Other(String),
}

/// A URI (RFC 3261 §19.1).
///
/// Only `sip` and `sips` URIs are taken apart. Of any other, what follows the colon stands in `user` as sent, `host` is
/// an empty name and nothing else is there; see [`Uri::is_sip`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    /// `sip`, `sips` or another.
    pub scheme: Scheme,
    /// Raw, as sent; see [`Uri::user_unescaped`].
    pub user: Option<String>,
    /// Raw, as sent.
    pub password: Option<String>,
    /// Whom to ask.
    pub host: Host,
    /// None: the default of the transport.
    pub port: Option<u16>,
    /// `;name=value`
    pub params: Params,
    /// What follows `?`, raw.
    pub headers: Option<String>,
}

impl Uri {
    /// `sip:user@host:port`; `user` is escaped as needed and may be empty for none.
    pub fn sip(user: &str, host: Host, port: Option<u16>) -> Uri {
        let user = (!user.is_empty()).then(|| escape_user(user));
        Uri {
            scheme: Scheme::Sip,
            user,
            password: None,
            host,
            port,
            params: Params::default(),
            headers: None,
        }
    }

    /// Reads a URI; spaces, `<` and `>` are not part of one.
    pub fn parse(text: &str) -> Result<Uri, Malformed> {
        if text.len() > URI_BYTES_MAX {
            return Err(
                Malformed::new("URI", format!("is longer than {URI_BYTES_MAX} bytes")).with_status(414)
            );
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| Malformed::new("URI", "has no scheme"))?;
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => parse_sip(Scheme::Sip, rest),
            "sips" => parse_sip(Scheme::Sips, rest),
            "tel" => parse_opaque(Scheme::Tel, rest),
            _ if is_scheme(scheme) => parse_opaque(Scheme::Other(scheme.to_owned()), rest),
            _ => Err(Malformed::new("URI", "has a malformed scheme")),
        }
    }

    /// Whether it is a `sip` or `sips` URI and so has a host.
    pub fn is_sip(&self) -> bool {
        match self.scheme {
            Scheme::Sip | Scheme::Sips => true,
            Scheme::Tel | Scheme::Other(_) => false,
        }
    }

    /// The user with its escapes resolved; empty when there is none. Bytes that are not UTF-8 become U+FFFD.
    pub fn user_unescaped(&self) -> String {
        self.user.as_deref().map_or_else(String::new, unescape)
    }

    /// The value of the header `name` that a request to this URI is to have, with its escapes resolved (RFC 3261 §19.1.1).
    pub fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.headers.as_deref()?.split('&').filter_map(|header| header.split_once('='));
        headers.find(|(key, _)| unescape(key).eq_ignore_ascii_case(name)).map(|(_, value)| unescape(value))
    }

    /// Whether both name the same resource (RFC 3261 §19.1.4).
    pub fn same(&self, other: &Uri) -> bool {
        self.scheme == other.scheme
            && same_escaped(self.user.as_deref(), other.user.as_deref())
            && same_escaped(self.password.as_deref(), other.password.as_deref())
            && self.host.same(&other.host)
            && self.port == other.port
            && same_params(&self.params, &other.params)
            && sorted_headers(self.headers.as_deref()) == sorted_headers(other.headers.as_deref())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(name) => name,
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
        }
        if !self.is_sip() {
            return Ok(());
        }
        if let Some(password) = &self.password {
            write!(f, ":{password}")?;
        }
        if self.user.is_some() {
            f.write_str("@")?;
        }
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

fn parse_sip(scheme: Scheme, rest: &str) -> Result<Uri, Malformed> {
    // Neither host, parameters nor headers hold an unescaped @, while the user may hold ; and ?.
    let (user_info, rest) = match rest.split_once('@') {
        Some((user_info, rest)) => (Some(user_info), rest),
        None => (None, rest),
    };
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    let (host_port, params) = match rest.split_once(';') {
        Some((host_port, params)) => (host_port, Params::parse_uri(params)?),
        None => (rest, Params::default()),
    };
    if host_port.contains([' ', '\t']) {
        return Err(Malformed::new("URI", "has a space in it"));
    }
    let (host, port) = parse_host_port(host_port).map_err(|fault| fault.within("URI"))?;
    let (user, password) = match user_info {
        Some(info) => parse_user_info(info)?,
        None => (None, None),
    };
    if !headers.is_none_or(|text| is_escaped(text, |byte| b"[]/?:+$&=".contains(&byte))) {
        return Err(Malformed::new("URI", "has malformed headers"));
    }
    Ok(Uri { scheme, user, password, host, port, params, headers: headers.map(str::to_owned) })
}

fn parse_user_info(info: &str) -> Result<(Option<String>, Option<String>), Malformed> {
    let (user, password) = match info.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (info, None),
    };
    if !is_escaped(user, is_user_byte) {
        return Err(Malformed::new("URI", "has a malformed user"));
    }
    let is_password = |text: &str| text.is_empty() || is_escaped(text, |byte| b"&=+$,".contains(&byte));
    if !password.is_none_or(is_password) {
        return Err(Malformed::new("URI", "has a malformed password"));
    }
    Ok((Some(user.to_owned()), password.map(str::to_owned)))
}

fn parse_opaque(scheme: Scheme, rest: &str) -> Result<Uri, Malformed> {
    // RFC 3986 characters; `[` and `]` stand in the address of an `absoluteURI` too.
    if !is_escaped(rest, |byte| b";/?:@&=+$,[]#".contains(&byte)) {
        return Err(Malformed::new("URI", "is empty or has a character that no URI holds"));
    }
    let host = Host::Name(String::new());
    Ok(Uri {
        scheme,
        user: Some(rest.to_owned()),
        password: None,
        host,
        port: None,
        params: Params::default(),
        headers: None,
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `user-unreserved`
fn is_user_byte(byte: u8) -> bool {
    b"&=+$,;?/".contains(&byte)
}

fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) || is_user_byte(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Resolves `%HH`; what is no escape stays.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    for_each_byte(text, |byte, _| out.push(byte));
    String::from_utf8(out).unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned())
}

/// Walks over the bytes of `text` and says of each whether it was escaped.
fn for_each_byte(text: &str, mut see: impl FnMut(u8, bool)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        see(escaped.unwrap_or(bytes[at]), escaped.is_some());
        at += if escaped.is_some() { 3 } else { 1 };
    }
}

/// An escaped character equals itself, unless it belongs to the `reserved` set: there the escape has a meaning.
fn same_escaped(a: Option<&str>, b: Option<&str>) -> bool {
    let plain = |text: &str| {
        let mut out = Vec::with_capacity(text.len());
        for_each_byte(text, |byte, escaped| out.push((byte, escaped && b";/?:@&=+$,%".contains(&byte))));
        out
    };
    a.map(plain) == b.map(plain)
}

/// Those in both must match; these five also count when only one has them.
fn same_params(a: &Params, b: &Params) -> bool {
    const ALWAYS: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    let covers = |a: &Params, b: &Params| {
        a.0.iter().all(|(name, value)| match b.find(name) {
            Some(found) => match (value.as_deref(), found) {
                (Some(a), Some(b)) => {
                    same_escaped(Some(&a.to_ascii_lowercase()), Some(&b.to_ascii_lowercase()))
                }
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            },
            None => !ALWAYS.iter().any(|must| name.eq_ignore_ascii_case(must)),
        })
    };
    covers(a, b) && covers(b, a)
}

fn sorted_headers(headers: Option<&str>) -> Vec<&str> {
    let mut parts: Vec<&str> = headers.map_or_else(Vec::new, |text| text.split('&').collect());
    parts.sort_unstable();
    parts
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn a_uri_is_taken_apart_and_written_back() {
        let all = "sip:alice;day=tue?x:secret@[2001:db8::1]:5080;transport=udp;lr?subject=x&priority=urgent";
        let parsed = uri(all);
        assert_eq!(parsed.user.as_deref(), Some("alice;day=tue?x"));
        assert_eq!(parsed.password.as_deref(), Some("secret"));
        assert_eq!(parsed.port, Some(5080));
        assert_eq!(parsed.params.get("Transport"), Some("udp"));
        assert!(parsed.params.has("LR"));
        assert_eq!(parsed.to_string(), all);
        for text in ["tel:+86-10-6552;ext=1", "isbn:2983792873", "SIPS:a.example", "http://www.example.com/"]
        {
            assert!(uri(text).to_string().eq_ignore_ascii_case(text));
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        let bad = [
            "",
            "sip:",
            "sip:@host",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:a@b;;x",
            "sip:a@b;x=",
            "sip:a@b;x;X=1",
            "sip:%4@b",
        ];
        let worse =
            ["<sip:a@b>", "sip:a@b?", "1x:y", "x:", "sip:2001:db8::10", "sip:a@b:port", "sip:a@b :5060"];
        for text in bad.into_iter().chain(worse) {
            assert!(Uri::parse(text).is_err(), "{text}");
        }
        let long = format!("sip:{}@b", "a".repeat(URI_BYTES_MAX));
        assert_eq!(Uri::parse(&long).unwrap_err().status, 414);
    }

    #[test]
    fn a_user_is_escaped_and_unescaped() {
        let made = Uri::sip("张 三@x%", Host::Name("b".to_owned()), None);
        assert_eq!(uri(&made.to_string()).user_unescaped(), "张 三@x%");
        assert_eq!(uri("sip:null-%00-%ff@b").user_unescaped(), "null-\0-\u{fffd}");
        assert_eq!(uri("sip:b").user_unescaped(), "");
    }

    /// The lists of RFC 3261 §19.1.4.
    #[test]
    fn equality_is_that_of_the_standard() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:a@c", "sips:a@c"),
        ];
        for (a, b) in same {
            assert!(uri(a).same(&uri(b)) && uri(b).same(&uri(a)), "{a} {b}");
        }
        for (a, b) in different {
            assert!(!uri(a).same(&uri(b)) && !uri(b).same(&uri(a)), "{a} {b}");
        }
    }
}
