use std::fmt;

use super::scan::{decimal, trim};
use super::{Malformed, Method};

/// The number and method of a request within its dialog (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Increases with every request of a dialog but ACK and CANCEL.
    pub number: u32,
    /// That of the request.
    pub method: Method,
}

impl CSeq {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<CSeq, Malformed> {
        let parts = text.split_once([' ', '\t']);
        let (number, method) = parts.ok_or_else(|| Malformed::new("CSeq", "is not a number and a method"))?;
        let method = trim(method).parse().map_err(|fault: Malformed| fault.within("CSeq"))?;
        Ok(CSeq { number: decimal(number, "CSeq")?, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_32_bits_and_a_method() {
        assert_eq!(CSeq::parse("0009 \t INVITE"), Ok(CSeq { number: 9, method: Method::Invite }));
        for bad in ["36893488147419103232 REGISTER", "INVITE", "1", "1 ", "-1 INVITE", "1 INVITE x"] {
            assert!(CSeq::parse(bad).is_err(), "{bad}");
        }
    }
}
