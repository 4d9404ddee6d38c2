//! What is heard of those who are banned: what belongs to calls that are going on, and nothing else. Everything else is
//! dropped before it is looked at closely, and without an answer.

use base::Now;

use super::Endpoint;
use crate::api::Flow;
use crate::message::{Method, Request};

/// What is heard of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// Everything.
    All,
    /// What belongs to calls.
    Calls,
    /// Not even this.
    Nothing,
}

impl Endpoint {
    /// Whether the sender is banned.
    pub(super) fn is_banned(&self, now: Now, flow: Flow) -> bool {
        self.registrar.as_ref().is_some_and(|registrar| registrar.is_banned(now.mono, flow.remote.ip()))
    }

    /// What is heard of the sender of `data`.
    pub(super) fn hearing(&self, now: Now, flow: Flow, data: &[u8]) -> Hearing {
        match self.is_banned(now, flow) {
            false => Hearing::All,
            true if may_be_of_a_call(data) => Hearing::Calls,
            true => Hearing::Nothing,
        }
    }

    /// Whether a request belongs to a call that we know of.
    pub(super) fn is_of_a_call(&self, request: &Request) -> bool {
        let table = &self.core.table;
        let key = match request.method == Method::Cancel {
            true => table.keys.cancelled(request),
            false => table.keys.server(request),
        };
        key.is_ok_and(|key| table.is_known(&key)) || self.find(request).is_some()
    }
}

/// Whether a message could belong to a call: an answer, what goes with the INVITE of its transaction, or a request whose
/// To has a tag. A look, not a reading.
fn may_be_of_a_call(data: &[u8]) -> bool {
    let begins = |word: &[u8]| data.starts_with(word);
    if begins(b"REGISTER ") {
        return false;
    }
    begins(b"SIP/2.0 ") || begins(b"ACK ") || begins(b"CANCEL ") || has_to_tag(data)
}

fn has_to_tag(data: &[u8]) -> bool {
    let mut lines =
        data.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    lines.any(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        let is_to = name.eq_ignore_ascii_case(b"to") || name.eq_ignore_ascii_case(b"t");
        is_to && line.windows(4).any(|word| word.eq_ignore_ascii_case(b"tag="))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_of_a_call_is_told_by_a_look() {
        let with =
            |start: &str, to: &str| format!("{start}\r\nVia: x;tag=1\r\n{to}\r\n\r\nTo: <sip:a>;tag=1");
        for (start, to, expected) in [
            ("REGISTER sip:a SIP/2.0", "To: <sip:a>;tag=1", false),
            ("INVITE sip:a SIP/2.0", "To: <sip:a>", false),
            ("INVITE sip:a SIP/2.0", "To: <sip:a>;tag=1", true),
            ("BYE sip:a SIP/2.0", "t : <sip:a> ; TAG=1", true),
            ("SIP/2.0 200 OK", "To: <sip:a>", true),
            ("CANCEL sip:a SIP/2.0", "To: <sip:a>", true),
            ("\u{0}\u{1}", "", false),
        ] {
            assert_eq!(may_be_of_a_call(with(start, to).as_bytes()), expected, "{start} {to}");
        }
    }
}
