use std::time::Duration;

use super::scan::{clean, decimal, split_outside, trim};
use super::{CSeq, Contacts, HeaderName, Malformed, NameAddr, RAck, SessionExpires, Via};
use crate::limits::{CALL_ID_BYTES_MAX, HEADER_VALUES_MAX, VIA_VALUES_MAX};

/// The header fields of a message in their order, values unfolded and trimmed.
///
/// A value never holds a line break, whoever put it in: it becomes a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, String)>);

impl Headers {
    /// The value of the first line of `name`.
    pub fn get(&self, name: &HeaderName) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all lines of `name`; each may hold several, separated by commas.
    pub fn all<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is such a line.
    pub fn has(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// All lines in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.0.iter().map(|(name, value)| (name, value.as_str()))
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a line at the end.
    pub fn push(&mut self, name: HeaderName, value: impl Into<String>) {
        self.0.push((name, clean(value.into())));
    }

    /// Adds a line before all others.
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<String>) {
        self.0.insert(0, (name, clean(value.into())));
    }

    /// Removes all lines of `name`.
    pub fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|(key, _)| key != name);
    }

    /// Makes `value` the only line of `name`: in the place of the first, or at the end.
    pub fn set(&mut self, name: HeaderName, value: impl Into<String>) {
        match self.0.iter().position(|(key, _)| *key == name) {
            Some(at) => {
                self.0[at].1 = clean(value.into());
                let mut index = 0..;
                self.0.retain(|(key, _)| index.next() == Some(at) || *key != name);
            }
            None => self.push(name, value),
        }
    }

    /// All Via values, the latest hop first; at least one.
    pub fn vias(&self) -> Result<Vec<Via>, Malformed> {
        let mut vias = Vec::new();
        for value in self.values(&HeaderName::Via)? {
            if vias.len() == VIA_VALUES_MAX {
                return Err(Malformed::new("Via", format!("has more than {VIA_VALUES_MAX} values")));
            }
            vias.push(Via::parse(value)?);
        }
        match vias.is_empty() {
            true => Err(missing(&HeaderName::Via)),
            false => Ok(vias),
        }
    }

    /// The Via of the latest hop.
    pub fn top_via(&self) -> Result<Via, Malformed> {
        let line = self.required(&HeaderName::Via)?;
        let values = split_outside(line, b',', "Via")?;
        Via::parse(values.first().copied().unwrap_or(""))
    }

    /// Puts `via` in the place of the latest hop's.
    pub fn replace_top_via(&mut self, via: &Via) -> Result<(), Malformed> {
        let line = self.0.iter_mut().find(|(key, _)| *key == HeaderName::Via);
        let (_, line) = line.ok_or_else(|| missing(&HeaderName::Via))?;
        let mut values: Vec<String> =
            split_outside(line, b',', "Via")?.into_iter().map(str::to_owned).collect();
        if let Some(first) = values.first_mut() {
            *first = via.to_string();
        }
        *line = clean(values.join(", "));
        Ok(())
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, Malformed> {
        NameAddr::parse(self.required(&HeaderName::From)?, "From")
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, Malformed> {
        NameAddr::parse(self.required(&HeaderName::To)?, "To")
    }

    /// Call-ID, an opaque text.
    pub fn call_id(&self) -> Result<&str, Malformed> {
        let text = self.required(&HeaderName::CallId)?;
        if text.len() > CALL_ID_BYTES_MAX {
            return Err(Malformed::new("Call-ID", format!("is longer than {CALL_ID_BYTES_MAX} bytes")));
        }
        match text.is_empty() || text.contains([' ', '\t']) {
            true => Err(Malformed::new("Call-ID", "is empty or has a space in it")),
            false => Ok(text),
        }
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, Malformed> {
        CSeq::parse(self.required(&HeaderName::CSeq)?)
    }

    /// Contact, over all its lines.
    pub fn contacts(&self) -> Result<Contacts, Malformed> {
        let values = self.values(&HeaderName::Contact)?;
        if values == ["*"] {
            return Ok(Contacts::Star);
        }
        let list: Result<_, _> = values.into_iter().map(|value| NameAddr::parse(value, "Contact")).collect();
        Ok(Contacts::List(list?))
    }

    /// Route, the next hop first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, Malformed> {
        self.addresses(&HeaderName::Route)
    }

    /// Record-Route, as received.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, Malformed> {
        self.addresses(&HeaderName::RecordRoute)
    }

    /// Path, the hop next to the registrar first (RFC 3327).
    pub fn paths(&self) -> Result<Vec<NameAddr>, Malformed> {
        self.addresses(&HeaderName::Path)
    }

    /// Service-Route, the next hop first (RFC 3608).
    pub fn service_routes(&self) -> Result<Vec<NameAddr>, Malformed> {
        self.addresses(&HeaderName::ServiceRoute)
    }

    /// Max-Forwards, 0–255; RFC 2543 peers send none.
    pub fn max_forwards(&self) -> Result<Option<u8>, Malformed> {
        self.number(&HeaderName::MaxForwards)
    }

    /// Content-Length in bytes as it was sent; the body has its own length.
    pub fn content_length(&self) -> Result<Option<usize>, Malformed> {
        self.number(&HeaderName::ContentLength)
    }

    /// Expires in seconds.
    pub fn expires_s(&self) -> Result<Option<u32>, Malformed> {
        self.number(&HeaderName::Expires)
    }

    /// Min-Expires in seconds.
    pub fn min_expires_s(&self) -> Result<Option<u32>, Malformed> {
        self.number(&HeaderName::MinExpires)
    }

    /// Retry-After: when to come again. Comments and parameters are let be; one that is malformed counts as none, one that
    /// is too large as the largest.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = trim(self.get(&HeaderName::RetryAfter)?);
        let digits = text.split(|c: char| !c.is_ascii_digit()).next().filter(|digits| !digits.is_empty())?;
        Some(Duration::from_secs(u64::from(digits.parse().unwrap_or(u32::MAX))))
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, Malformed> {
        self.get(&HeaderName::SessionExpires).map(SessionExpires::parse).transpose()
    }

    /// Min-SE in seconds, without its parameters.
    pub fn min_se_s(&self) -> Result<Option<u32>, Malformed> {
        let line = self.get(&HeaderName::MinSe).map(|line| trim(line.split(';').next().unwrap_or("")));
        line.map(|text| decimal(text, "Min-SE")).transpose()
    }

    /// RSeq.
    pub fn rseq(&self) -> Result<Option<u32>, Malformed> {
        self.number(&HeaderName::RSeq)
    }

    /// RAck.
    pub fn rack(&self) -> Result<RAck, Malformed> {
        RAck::parse(self.required(&HeaderName::RAck)?)
    }

    /// Type and subtype of the body in lower case, without parameters and spaces: `application/sdp`.
    pub fn content_type(&self) -> Option<String> {
        self.get(&HeaderName::ContentType).map(media_type)
    }

    /// All comma-separated values of `name` over all its lines, trimmed; empty ones of a list are left out.
    /// For headers whose values are tokens: Require, Supported, Allow, Accept, ….
    pub fn tokens(&self, name: &HeaderName) -> Vec<&str> {
        let values = self.all(name).flat_map(|line| line.split(',')).map(trim);
        values.filter(|value| !value.is_empty()).take(HEADER_VALUES_MAX).collect()
    }

    /// All comma-separated values of `name` over all its lines; commas in quotes and `<>` do not count.
    pub(super) fn values(&self, name: &HeaderName) -> Result<Vec<&str>, Malformed> {
        let mut values = Vec::new();
        for line in self.all(name) {
            values.extend(split_outside(line, b',', name.label())?);
            if values.len() > HEADER_VALUES_MAX {
                return Err(Malformed::new(
                    name.label(),
                    format!("has more than {HEADER_VALUES_MAX} values"),
                ));
            }
        }
        Ok(values)
    }

    /// The addresses of all lines of `name`.
    pub(crate) fn addresses(&self, name: &HeaderName) -> Result<Vec<NameAddr>, Malformed> {
        self.values(name)?.into_iter().map(|value| NameAddr::parse(value, name.label())).collect()
    }

    fn number<T: std::str::FromStr>(&self, name: &HeaderName) -> Result<Option<T>, Malformed> {
        self.get(name).map(|text| decimal(text, name.label())).transpose()
    }

    fn required(&self, name: &HeaderName) -> Result<&str, Malformed> {
        self.get(name).ok_or_else(|| missing(name))
    }
}

/// `type/subtype` of a Content-Type or Accept value.
pub(crate) fn media_type(value: &str) -> String {
    let range = value.split(';').next().unwrap_or("");
    range.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

fn missing(name: &HeaderName) -> Malformed {
    Malformed::new(name.label(), "is missing")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in lines {
            headers.push(name.clone(), *value);
        }
        headers
    }

    #[test]
    fn a_list_is_read_over_all_its_lines() {
        let via = headers(&[
            (HeaderName::Via, "SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b"),
            (HeaderName::CallId, "x"),
            (HeaderName::Via, "SIP/2.0/TLS c"),
        ]);
        let transports: Vec<String> = via.vias().unwrap().into_iter().map(|via| via.transport).collect();
        assert_eq!(transports, ["UDP", "TCP", "TLS"]);
        assert_eq!(via.top_via().unwrap().branch(), Some("1"));
    }

    #[test]
    fn only_the_top_via_is_replaced() {
        let mut via = headers(&[(HeaderName::Via, "SIP/2.0/UDP a;rport, SIP/2.0/TCP b")]);
        let mut top = via.top_via().unwrap();
        top.params.set("rport", Some("5062"));
        via.replace_top_via(&top).unwrap();
        assert_eq!(via.get(&HeaderName::Via), Some("SIP/2.0/UDP a;rport=5062, SIP/2.0/TCP b"));
    }

    #[test]
    fn set_leaves_one_line_in_the_first_place() {
        let mut some = headers(&[(HeaderName::To, "a"), (HeaderName::From, "b"), (HeaderName::To, "c")]);
        some.set(HeaderName::To, "d");
        assert_eq!(some, headers(&[(HeaderName::To, "d"), (HeaderName::From, "b")]));
    }

    #[test]
    fn a_value_cannot_smuggle_in_a_line() {
        let some = headers(&[(HeaderName::Subject, "x\r\nVia: y\0 ")]);
        assert_eq!(some.get(&HeaderName::Subject), Some("x  Via: y"));
    }

    #[test]
    fn when_to_come_again_is_read_whatever_follows() {
        let after = |text| headers(&[(HeaderName::RetryAfter, text)]).retry_after().map(|d| d.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("120 (I'm in a meeting)"), Some(120));
        assert_eq!(after("18000;duration=3600"), Some(18_000));
        assert_eq!(after("99999999999"), Some(u64::from(u32::MAX)));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn a_star_stands_alone() {
        assert_eq!(headers(&[(HeaderName::Contact, "*")]).contacts(), Ok(Contacts::Star));
        assert!(headers(&[(HeaderName::Contact, "*, <sip:a@b>")]).contacts().is_err());
        assert_eq!(headers(&[]).contacts(), Ok(Contacts::List(vec![])));
    }

    #[test]
    fn numbers_and_lists_keep_their_limits() {
        assert!(headers(&[(HeaderName::MaxForwards, "300")]).max_forwards().is_err());
        assert!(headers(&[(HeaderName::Expires, "1E10")]).expires_s().is_err());
        assert!(headers(&[(HeaderName::CallId, &"x".repeat(CALL_ID_BYTES_MAX + 1))]).call_id().is_err());
        let hops = vec!["SIP/2.0/UDP a"; VIA_VALUES_MAX + 1].join(",");
        assert!(headers(&[(HeaderName::Via, &hops)]).vias().unwrap_err().why.contains("70"));
        let routes = vec!["<sip:a>"; HEADER_VALUES_MAX + 1].join(",");
        assert!(headers(&[(HeaderName::Route, &routes)]).routes().is_err());
    }
}
