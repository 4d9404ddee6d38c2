use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Malformed;
use super::scan::{decimal, trim};
use crate::limits::HOST_BYTES_MAX;

/// A host (RFC 3261 §25.1, RFC 5118).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name, as sent; the case does not count. Empty only in a URI that has no host (`tel:`).
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, in brackets when written.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host: an IPv6 address must stand in brackets.
    pub fn parse(text: &str) -> Result<Host, Malformed> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return parse_v6(inner)
                .map(Host::V6)
                .ok_or_else(|| Malformed::new("host", "is not an IPv6 address"));
        }
        if let Ok(address) = text.parse() {
            return Ok(Host::V4(address));
        }
        match is_hostname(text) {
            true => Ok(Host::Name(text.to_owned())),
            false => Err(Malformed::new("host", "is neither a name nor an address")),
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// Equality as RFC 3261 §19.1.4 wants it: the case of a name does not count.
    pub fn same(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::Name(_) | Host::V4(_) | Host::V6(_), b) => self == b,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Reads `host [":" port]`; spaces may stand around the colon where `sent-by` allows them.
pub(super) fn parse_host_port(text: &str) -> Result<(Host, Option<u16>), Malformed> {
    let colon = match text.find(']') {
        Some(end) => text[end..].find(':').map(|at| end + at),
        None => text.find(':'),
    };
    match colon {
        Some(at) => Ok((Host::parse(trim(&text[..at]))?, Some(decimal(trim(&text[at + 1..]), "port")?))),
        None => Ok((Host::parse(text)?, None)),
    }
}

/// An IPv6 address without brackets; `:::` before an embedded IPv4 address is what a widely copied grammar asks for
/// and means `::` (RFC 5118 §4.10).
pub(super) fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if let Some((front, back)) = text.split_once(":::")
        && back.parse::<Ipv4Addr>().is_ok()
    {
        return format!("{front}::{back}").parse().ok();
    }
    text.parse().ok()
}

/// Letters, digits, `-` and `_` (not in the grammar, but in the names of many networks) in labels joined by dots;
/// the last is not a number, or it would be a broken IPv4 address.
fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or("");
    let label_is_good = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= HOST_BYTES_MAX
        && name.split('.').all(label_is_good)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart() {
        assert_eq!(Host::parse("10.0.0.9"), Ok(Host::V4(Ipv4Addr::new(10, 0, 0, 9))));
        assert_eq!(Host::parse("[::1]"), Ok(Host::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(Host::parse("pbx_1.local."), Ok(Host::Name("pbx_1.local.".to_owned())));
        for bad in ["", "::1", "[::1", "[10.0.0.1]", "10.0.0.999", "a..b", "a b", "1.2.3", "é.example"] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_colons_are_forgiven_only_before_an_ipv4_address() {
        assert_eq!(parse_v6("2001:db8:::192.0.2.1"), "2001:db8::192.0.2.1".parse().ok());
        assert_eq!(parse_v6("2001:db8:::1"), None);
        assert_eq!(parse_v6("1::2:::192.0.2.1"), None);
    }

    #[test]
    fn a_port_is_what_stands_behind_the_bracket() {
        assert_eq!(parse_host_port("[2001:db8::10:5070]").unwrap().1, None);
        assert_eq!(parse_host_port("[2001:db8::10]:5070").unwrap().1, Some(5070));
        assert!(parse_host_port("2001:db8::10").is_err());
        assert!(parse_host_port("a:").is_err());
        assert!(parse_host_port("a:65536").is_err());
    }
}
