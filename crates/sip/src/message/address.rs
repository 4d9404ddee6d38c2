use std::fmt;

use super::scan::{is_token_byte, quote, quoted_end, trim, unbalanced, unquote};
use super::{Malformed, Params, Uri};

/// `"Display" <uri>;params`, as in From, To, Contact, Route and Record-Route (RFC 3261 §20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The name for people, without quotes and escapes.
    pub display: Option<String>,
    /// Whom.
    pub uri: Uri,
    /// The parameters of the header, outside `<>`.
    pub params: Params,
}

/// The value of Contact (RFC 3261 §10.2.2, §20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: all of them.
    Star,
    /// These; empty when there is no Contact.
    List(Vec<NameAddr>),
}

impl NameAddr {
    /// `<uri>` without display name and parameters.
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::default() }
    }

    /// Reads one value; `field` names the header in the refusal.
    pub fn parse(text: &str, field: &'static str) -> Result<NameAddr, Malformed> {
        let text = trim(text);
        let (display, rest) = match text.starts_with('"') {
            true => {
                let end = quoted_end(text, 0).ok_or_else(|| unbalanced(field))?;
                (Some(unquote(&text[..end])), trim(&text[end..]))
            }
            false => match text.find('<') {
                Some(at) => (plain_display(trim(&text[..at]), field)?, &text[at..]),
                None => return parse_bare(text, field),
            },
        };
        let inside = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (uri, params) = inside.ok_or_else(|| Malformed::new(field, "has no URI in angle brackets"))?;
        let uri = parse_uri(uri, field)?;
        Ok(NameAddr { display, uri, params: Params::parse_header(params, field)? })
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// The `expires` parameter of a Contact in seconds; a malformed one counts as none (RFC 3261 §10.2.1.1), one that
    /// is too large as the largest.
    pub fn expires_s(&self) -> Option<u32> {
        let text = self.params.get("expires")?;
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u32::MAX))
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Without angle brackets parameters belong to the header, and the URI may hold no comma, question mark or semicolon
/// (RFC 3261 §20).
fn parse_bare(text: &str, field: &'static str) -> Result<NameAddr, Malformed> {
    let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
    if uri.contains([',', '?']) {
        return Err(Malformed::new(field, "has a URI that must stand in angle brackets"));
    }
    let uri = parse_uri(trim(uri), field)?;
    Ok(NameAddr { display: None, uri, params: Params::parse_header(params, field)? })
}

/// A display name without quotes: tokens and spaces. Letters beyond ASCII are let through, since many phones send
/// them so.
fn plain_display(text: &str, field: &'static str) -> Result<Option<String>, Malformed> {
    let is_good = |byte: u8| is_token_byte(byte) || byte == b' ' || byte == b'\t' || !byte.is_ascii();
    match text.bytes().all(is_good) {
        true => Ok((!text.is_empty()).then(|| text.to_owned())),
        false => Err(Malformed::new(field, "has a display name that must be quoted")),
    }
}

fn parse_uri(text: &str, field: &'static str) -> Result<Uri, Malformed> {
    // 414 is for the Request-URI alone.
    Uri::parse(text).map_err(|fault| Malformed::new(field, format!("has a URI that {}", fault.why)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NameAddr, Malformed> {
        NameAddr::parse(text, "To")
    }

    #[test]
    fn every_form_is_read() {
        let quoted = parse(r#""A \"B\", C" <sip:a@b;lr> ; tag = 1918 ;x"#).unwrap();
        assert_eq!(quoted.display.as_deref(), Some(r#"A "B", C"#));
        assert_eq!((quoted.tag(), quoted.params.has("x")), (Some("1918"), true));
        assert_eq!(quoted.to_string(), r#""A \"B\", C" <sip:a@b;lr>;tag=1918;x"#);
        let tokens = parse("caller one<sip:a@b>").unwrap();
        assert_eq!(tokens.display.as_deref(), Some("caller one"));
        let bare = parse("sip:a@b;tag=1").unwrap();
        assert_eq!((bare.tag(), bare.uri.params.0.len()), (Some("1"), 0));
        assert_eq!(parse("<sip:a;tag=2@b>").unwrap().tag(), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let bad = [
            "",
            "<>",
            "a",
            "\"open <sip:a@b>",
            "Bell, A <sip:a@b>",
            "< sip:a@b >",
            "<sip:a@b",
            "\"x\" sip:a@b",
        ];
        let worse = ["sip:a@b?x=y", "<sip:a@b> tag=1", "<sip:a@b>;;", "<sip:a@b>;tag=", "<sip:a@b>;tag=a b"];
        for text in bad.into_iter().chain(worse) {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn expires_of_a_contact_never_fails() {
        let expires = |value: &str| parse(&format!("<sip:a@b>;expires={value}")).unwrap().expires_s();
        assert_eq!(expires("60"), Some(60));
        assert_eq!(expires("280297596632815"), Some(u32::MAX));
        assert_eq!(expires("soon"), None);
    }
}
