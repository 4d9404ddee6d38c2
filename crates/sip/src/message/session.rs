use std::fmt;

use super::scan::{decimal, trim};
use super::{Malformed, Method, Params};

/// How long a call lasts without a sign of life, and who gives it (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub interval_s: u32,
    /// Who refreshes, if it is said.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a call, by the parts in the request that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// Who asked.
    Uac,
    /// Who answered.
    Uas,
}

/// Which reliable provisional answer a PRACK is for (RFC 3262 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the answer.
    pub rseq: u32,
    /// The CSeq number of the request that was answered.
    pub cseq: u32,
    /// Its method.
    pub method: Method,
}

impl SessionExpires {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<SessionExpires, Malformed> {
        const FIELD: &str = "Session-Expires";
        let (number, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let interval_s = decimal(trim(number), FIELD)?;
        let refresher = match Params::parse_header(params, FIELD)?.get("refresher") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(name) if name.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(Malformed::new(FIELD, "names a refresher that is neither uac nor uas")),
        };
        Ok(SessionExpires { interval_s, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresher = match self.refresher {
            None => "",
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
        };
        write!(f, "{}{refresher}", self.interval_s)
    }
}

impl RAck {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<RAck, Malformed> {
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [rseq, cseq, method] = parts[..] else {
            return Err(Malformed::new("RAck", "is not two numbers and a method"));
        };
        let method = method.parse().map_err(|fault: Malformed| fault.within("RAck"))?;
        Ok(RAck { rseq: decimal(rseq, "RAck")?, cseq: decimal(cseq, "RAck")?, method })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn an_interval_and_perhaps_a_refresher() {
        for (text, canonical) in [
            ("1800", "1800"),
            ("90 ; refresher = UAC", "90;refresher=uac"),
            ("4000;x=y;refresher=uas", "4000;refresher=uas"),
        ] {
            assert_eq!(SessionExpires::parse(text).unwrap().to_string(), canonical);
        }
        for bad in ["", "soon", "-1", "99999999999", "90;refresher=me", "90 refresher=uac"] {
            assert!(SessionExpires::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prack_names_what_it_acknowledges() {
        let rack = RAck { rseq: 776_656, cseq: 1, method: Method::Invite };
        assert_eq!(RAck::parse("776656  1\tINVITE"), Ok(rack.clone()));
        assert_eq!(RAck::parse(&rack.to_string()), Ok(rack));
        for bad in ["", "1 INVITE", "1 2 3 INVITE", "x 1 INVITE", "1 4294967296 INVITE"] {
            assert!(RAck::parse(bad).is_err(), "{bad}");
        }
    }
}
