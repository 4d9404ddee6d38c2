use base::{Mono, Wall};

use super::Reply;
use crate::api::{Binding, Flow, Transport};
use crate::limits::{DEVICE_BYTES_MAX, INSTANCE_BYTES_MAX};
use crate::message::{HeaderName, NameAddr, Request, Uri};

/// The `q` of a contact that has none, and the highest there is (RFC 3261 §20.10), in thousandths.
const Q_MAX: u16 = 1000;

/// A contact of a user, with all that is known of it. Texts are as short as can be: there are many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// As the phone wrote it.
    pub(super) uri: Box<str>,
    pub(super) flow: Flow,
    pub(super) call_id: Box<str>,
    pub(super) cseq: u32,
    /// In thousandths.
    pub(super) q: u16,
    /// Which registration of which phone it is, where it says so (RFC 5626).
    pub(super) instance: Option<Instance>,
    /// The way from here to the phone (RFC 3327), as a value of Route.
    pub(super) path: Option<Box<str>>,
    pub(super) device: Option<Box<str>>,
    pub(super) reach: Reach,
    pub(super) refreshed_at: Wall,
    pub(super) expires_at: Mono,
    pub(super) expires_at_wall: Wall,
}

/// One of the registrations that a phone keeps up at once (RFC 5626 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    /// `+sip.instance` without its quotes.
    pub(super) id: Box<str>,
    pub(super) reg_id: u32,
}

/// What is between a phone and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing that forgets.
    Open,
    /// A NAT that forgets the path when it is not used.
    Nat,
}

impl Bound {
    /// Whether `contact` is this one again: the same registration of the same phone, or the same address.
    pub(super) fn is_of(&self, contact: &NameAddr, instance: Option<&Instance>) -> bool {
        match (&self.instance, instance) {
            (Some(known), Some(instance)) => known == instance,
            (Some(_) | None, _) => self.is_at(&contact.uri),
        }
    }

    /// Whether it outlives a restart: a stream does not.
    pub(super) fn is_kept(&self) -> bool {
        match self.flow.transport {
            Transport::Udp => true,
            Transport::Tcp => false,
        }
    }

    /// As users of the endpoint see it.
    pub(super) fn shown(&self) -> Binding {
        Binding {
            flow: self.flow,
            uri: self.uri.to_string(),
            device: self.device.as_deref().map(str::to_owned),
            refreshed_at: self.refreshed_at,
            expires_at: self.expires_at_wall,
        }
    }

    /// As the 200 shows it.
    pub(super) fn contact_line(&self, now: Mono) -> String {
        let mut line = format!("<{}>;expires={}", self.uri, self.expires_at.since(now).as_secs());
        if self.q < Q_MAX {
            line += &format!(";q=0.{:03}", self.q);
        }
        if let Some(Instance { id, reg_id }) = &self.instance {
            line += &format!(";+sip.instance={};reg-id={reg_id}", crate::message::quote(id));
        }
        line
    }

    fn is_at(&self, uri: &Uri) -> bool {
        // Most phones write the same every time.
        *self.uri == *uri.to_string() || Uri::parse(&self.uri).is_ok_and(|known| known.same(uri))
    }
}

impl Instance {
    /// What a Contact says of its phone; both or nothing (RFC 5626 §6). One that is too long is refused.
    pub(super) fn of(contact: &NameAddr) -> Result<Option<Instance>, Reply> {
        let reg_id = contact.params.get("reg-id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
        let (Some(id), Some(reg_id)) = (contact.params.unquoted("+sip.instance"), reg_id) else {
            return Ok(None);
        };
        match id.len() <= INSTANCE_BYTES_MAX {
            true => Ok(Some(Instance { id: id.into(), reg_id })),
            false => Err(Reply::plain(400)),
        }
    }
}

/// The `q` of a Contact in thousandths; a malformed one counts as none.
pub(super) fn q_of(contact: &NameAddr) -> u16 {
    contact.params.get("q").and_then(parse_q).unwrap_or(Q_MAX)
}

/// `0`, `1`, or either with up to three digits behind the point (RFC 3261 §25.1).
fn parse_q(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_good = matches!(whole, "0" | "1" | "")
        && digits.len() <= 3
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{digits:0<3}").parse().ok().filter(|_| is_good)?;
    let q = if whole == "1" { Q_MAX + thousandths } else { thousandths };
    (q <= Q_MAX).then_some(q)
}

/// `User-Agent`, not more of it than is worth keeping.
pub(super) fn device_of(request: &Request) -> Option<Box<str>> {
    let text = request.headers.get(&HeaderName::UserAgent)?;
    let end = text.floor_char_boundary(DEVICE_BYTES_MAX);
    Some(text[..end].into())
}

/// Whether a phone that registers is behind NAT: it calls itself by another address than that which is seen. What is
/// behind a proxy is the proxy's to reach.
pub(super) fn reach_of(request: &Request, contact: &NameAddr, flow: Flow) -> Reach {
    let direct = request.headers.vias().is_ok_and(|vias| vias.len() == 1);
    let via = request.headers.top_via().ok().and_then(|via| via.host.ip());
    let other = [via, contact.uri.host.ip()].into_iter().flatten().any(|ip| ip != flow.remote.ip());
    match (flow.transport, direct && other) {
        (Transport::Udp, true) => Reach::Nat,
        // A phone keeps its stream open itself, and notices when it is gone.
        (Transport::Udp | Transport::Tcp, _) => Reach::Open,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_q_is_read_in_thousandths_and_a_strange_one_counts_as_none() {
        let q = |text: &str| q_of(&NameAddr::parse(&format!("<sip:a@b>{text}"), "Contact").unwrap());
        let read = [";q=0", ";q=0.5", ";q=.25", ";q=0.001", ";q=1", ";q=1.000"].map(q);
        assert_eq!(read, [0, 500, 250, 1, 1000, 1000]);
        for strange in ["", ";q", ";q=2", ";q=1.1", ";q=0.5000", ";q=-1", ";q=0.a"] {
            assert_eq!(q(strange), 1000, "{strange}");
        }
    }
}
