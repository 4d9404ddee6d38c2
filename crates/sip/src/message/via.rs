use std::fmt;
use std::net::IpAddr;

use super::host::{parse_host_port, parse_v6};
use super::scan::{decimal, is_token, trim};
use super::{Host, Malformed, Params};

/// Begins every branch made by RFC 3261's rules (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One step of the way a request came, and its answer goes back (RFC 3261 §20.42).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, … as sent.
    pub transport: String,
    /// Where the sender says it is.
    pub host: Host,
    /// None: the default of the transport.
    pub port: Option<u16>,
    /// branch, received, rport and others.
    pub params: Params,
}

impl Via {
    /// Reads one value.
    pub fn parse(text: &str) -> Result<Via, Malformed> {
        let fault = |why: &str| Malformed::new("Via", why);
        let mut parts = text.splitn(3, '/').map(trim);
        let protocol = (parts.next(), parts.next());
        if !matches!(protocol, (Some(name), Some("2.0")) if name.eq_ignore_ascii_case("SIP")) {
            return Err(fault("does not begin with SIP/2.0/"));
        }
        let rest = parts.next().ok_or_else(|| fault("names no transport"))?;
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or_else(|| fault("names no host"))?;
        if !is_token(transport) {
            return Err(fault("names a transport that is not a token"));
        }
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = parse_host_port(trim(sent_by)).map_err(|fault| fault.within("Via"))?;
        let params = Params::parse_header(params, "Via")?;
        let via = Via { transport: transport.to_owned(), host, port, params };
        via.check_params()?;
        Ok(via)
    }

    /// The branch as sent.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// The branch when it identifies a transaction: it has the magic cookie and something after it (RFC 3261 §17.2.3,
    /// RFC 4475 §3.2.1). Otherwise the peer speaks RFC 2543 and other rules match.
    pub fn cookie_branch(&self) -> Option<&str> {
        let branch = self.branch()?;
        let cookie = branch.get(..MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && branch.len() > cookie.len()).then_some(branch)
    }

    /// The address the request was seen to come from; an IPv6 address with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        if let Ok(v4) = text.parse() {
            return Some(IpAddr::V4(v4));
        }
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        parse_v6(inner.unwrap_or(text)).map(IpAddr::V6)
    }

    /// The port the request was seen to come from (RFC 3581): `Some(None)` asks to be told.
    pub fn rport(&self) -> Option<Option<u16>> {
        Some(self.params.find("rport")?.and_then(|port| port.parse().ok()))
    }

    /// What others read out of it must be readable.
    fn check_params(&self) -> Result<(), Malformed> {
        if self.params.has("received") && self.received().is_none() {
            return Err(Malformed::new("Via", "has a malformed received"));
        }
        match self.params.get("rport") {
            Some(port) => decimal::<u16>(port, "Via").map(|_| ()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn spaces_may_stand_nearly_everywhere() {
        let via =
            Via::parse("SIP  / 2.0  / TCP     a.example : 5061  ; branch  =   z9hG4bK9ikj8 ;rport").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/TCP a.example:5061;branch=z9hG4bK9ikj8;rport");
        assert_eq!((via.cookie_branch(), via.rport()), (Some("z9hG4bK9ikj8"), Some(None)));
    }

    #[test]
    fn received_holds_ipv6_with_and_without_brackets() {
        for text in ["[2001:db8::9:255]", "2001:db8::9:255"] {
            let via =
                Via::parse(&format!("SIP/2.0/UDP [2001:db8::9:1];received={text};branch=z9hG4bKas3-111"));
            assert_eq!(via.unwrap().received(), "2001:db8::9:255".parse().ok());
        }
    }

    #[test]
    fn a_bare_cookie_or_none_identifies_nothing() {
        for branch in ["z9hG4bK", "1", "390skdjuw"] {
            let via = Via::parse(&format!("SIP/2.0/UDP a;branch={branch}")).unwrap();
            assert_eq!((via.branch(), via.cookie_branch()), (Some(branch), None));
        }
    }

    #[test]
    fn what_is_no_via_is_refused() {
        let bad =
            ["", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/3.0/UDP a", "SIP/2.0/U@P a", "SIP/2.0/UDP a;;x", "a"];
        let worse = ["SIP/2.0/UDP 2001:db8::1", "SIP/2.0/UDP a;received=x.y", "SIP/2.0/UDP a;rport=70000"];
        for text in bad.into_iter().chain(worse) {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }
}
