//! What messages of one transaction have in common, as fingerprints.
//!
//! A fingerprint is a keyed hash of 128 bits: nobody who does not know the endpoint's secret can find two texts with the
//! same one, so the texts themselves need not be kept, however long a stranger makes them.

use std::fmt::{self, Display, Write};
use std::hash::Hasher;
use std::num::NonZeroU64;

use base::Random;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::message::{Malformed, Method, Request, Response};

/// Ends a part of what is hashed: a byte that no text holds.
const END: u8 = 0xff;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fingerprint(u64, u64);

/// What an answer is matched to our request by (RFC 3261 §17.1.3): branch and method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientKey(Fingerprint);

/// What a request is recognised by when it comes again, and an ACK or CANCEL is matched to its INVITE by
/// (RFC 3261 §17.2.3, and the Call-ID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerKey(Fingerprint);

/// What tells that a request came a second time by another way (RFC 3261 §8.2.2.2): Call-ID, From tag and CSeq. Half a
/// fingerprint will do: two alike by chance cost someone a 482, not an answer that is not theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MergeKey(NonZeroU64);

/// Makes the keys of one endpoint.
#[derive(Clone)]
pub(crate) struct Keys {
    secret: SipHasher24,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// With a secret drawn from `random`.
    pub(crate) fn new(random: &mut Random) -> Keys {
        Keys { secret: SipHasher24::new_with_keys(random.number(), random.number()) }
    }

    /// The key of the request that `response` answers. None: not an answer to anything of ours; more than one Via says
    /// that it went astray (§8.1.3.3).
    pub(crate) fn answered(&self, response: &Response) -> Option<ClientKey> {
        let vias = response.headers.vias().ok()?;
        let [via] = vias.as_slice() else { return None };
        Some(self.client(via.branch()?, &response.headers.cseq().ok()?.method))
    }

    /// The key of a request of ours.
    pub(crate) fn client(&self, branch: &str, method: &Method) -> ClientKey {
        ClientKey(self.print("client").text(branch).text(method.as_str()).finish())
    }

    /// The key of `request` as it came, before anything was added to its Via. An ACK has the key of its INVITE.
    pub(crate) fn server(&self, request: &Request) -> Result<ServerKey, Malformed> {
        match &request.method {
            Method::Ack => self.server_as(request, &Method::Invite),
            method => self.server_as(request, method),
        }
    }

    /// The key of the INVITE that a CANCEL is about (§9.2).
    pub(crate) fn cancelled(&self, cancel: &Request) -> Result<ServerKey, Malformed> {
        self.server_as(cancel, &Method::Invite)
    }

    /// What a request outside dialogs has in common with itself come by another way. None: it is of a peer without tags, and
    /// cannot be judged.
    pub(crate) fn merge(&self, request: &Request) -> Option<MergeKey> {
        let cseq = request.headers.cseq().ok()?;
        let from = request.headers.from().ok()?;
        let print = self.print("merge").text(request.headers.call_id().ok()?).text(from.tag()?);
        let Fingerprint(half, _) = print.text(cseq.method.as_str()).number(cseq.number).finish();
        Some(MergeKey(NonZeroU64::new(half).unwrap_or(NonZeroU64::MIN)))
    }

    fn server_as(&self, request: &Request, method: &Method) -> Result<ServerKey, Malformed> {
        let via = request.headers.top_via()?;
        if let Some(branch) = via.cookie_branch() {
            // The Call-ID is that of its INVITE in an ACK and a CANCEL too. Not every phone makes branches that nobody else
            // has, and then many are at one private address, each behind a NAT of its own.
            let call_id = request.headers.call_id()?;
            let print = self.print("branch").text(branch).text(method.as_str()).text(call_id);
            return Ok(ServerKey(print.host(&via.host).number(via.port.unwrap_or(5060).into()).finish()));
        }
        // From a peer of RFC 2543. The To tag is left out: that of an ACK differs from its INVITE's, and a request that agrees
        // in all the rest is the same request.
        let print = self.print("old").text(method.as_str()).shown(&request.uri).shown(&via);
        let print = print.text(request.headers.from()?.tag().unwrap_or("")).text(request.headers.call_id()?);
        Ok(ServerKey(print.number(request.headers.cseq()?.number).finish()))
    }

    fn print(&self, kind: &str) -> Print {
        Print(self.secret).text(kind)
    }
}

/// A fingerprint in the making.
struct Print(SipHasher24);

impl Print {
    fn text(mut self, text: &str) -> Print {
        self.0.write(text.as_bytes());
        self.end()
    }

    fn number(mut self, number: u32) -> Print {
        self.0.write(&number.to_be_bytes());
        self
    }

    /// As it is written.
    fn shown(mut self, value: &impl Display) -> Print {
        // Hashing cannot fail.
        let _ = write!(Written(&mut self.0), "{value}");
        self.end()
    }

    /// In any case.
    fn host(mut self, host: &impl Display) -> Print {
        let _ = write!(Lowered(&mut self.0), "{host}");
        self.end()
    }

    fn end(mut self) -> Print {
        self.0.write(&[END]);
        self
    }

    fn finish(self) -> Fingerprint {
        let hash = self.0.finish128();
        Fingerprint(hash.h1, hash.h2)
    }
}

struct Written<'a>(&'a mut SipHasher24);

impl Write for Written<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

struct Lowered<'a>(&'a mut SipHasher24);

impl Write for Lowered<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0.write(&[byte.to_ascii_lowercase()]);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::message::{HeaderName, Uri};

    fn keys() -> Keys {
        Keys::new(&mut Random::from_number(1))
    }

    fn request(method: Method, via: &str, from: &str) -> Request {
        let mut request = Request::new(method.clone(), Uri::parse("sip:a@b").unwrap());
        request.headers.push(HeaderName::Via, via);
        request.headers.push(HeaderName::From, from);
        request.headers.push(HeaderName::To, "<sip:a@b>");
        request.headers.push(HeaderName::CallId, "call");
        request.headers.push(HeaderName::CSeq, format!("1 {method}"));
        request
    }

    #[test]
    fn a_branch_its_sender_and_the_method_tell_transactions_apart() {
        let key = |method, via: &str| keys().server(&request(method, via, "<sip:c@d>;tag=1")).unwrap();
        let first = key(Method::Invite, "SIP/2.0/UDP a;branch=z9hG4bK1");
        assert_eq!(key(Method::Invite, "SIP/2.0/UDP A:5060;rport;branch=z9hG4bK1"), first);
        assert_eq!(key(Method::Ack, "SIP/2.0/UDP a;branch=z9hG4bK1"), first, "an ACK is its INVITE's");
        for (method, via) in [
            (Method::Cancel, "SIP/2.0/UDP a;branch=z9hG4bK1"),
            (Method::Invite, "SIP/2.0/UDP a:5061;branch=z9hG4bK1"),
            (Method::Invite, "SIP/2.0/UDP b;branch=z9hG4bK1"),
            (Method::Invite, "SIP/2.0/UDP a;branch=z9hG4bK2"),
        ] {
            assert_ne!(key(method, via), first, "{via}");
        }
        let mut other = request(Method::Invite, "SIP/2.0/UDP a;branch=z9hG4bK1", "<sip:c@d>;tag=1");
        other.headers.set(HeaderName::CallId, "another");
        assert_ne!(keys().server(&other).unwrap(), first, "the same branch by chance");
        let cancel = request(Method::Cancel, "SIP/2.0/UDP a;branch=z9hG4bK1", "<sip:c@d>;tag=1");
        assert_eq!(keys().cancelled(&cancel).unwrap(), first);
    }

    #[test]
    fn a_peer_without_cookie_is_known_by_all_the_rest() {
        let key = |via: &str, from: &str| keys().server(&request(Method::Bye, via, from)).unwrap();
        let first = key("SIP/2.0/UDP a;branch=1", "<sip:c@d>;tag=1");
        assert_eq!(key("SIP/2.0/UDP a;branch=1", "<sip:c@d>;tag=1"), first);
        assert_ne!(key("SIP/2.0/UDP a;branch=2", "<sip:c@d>;tag=1"), first);
        assert_ne!(key("SIP/2.0/UDP a;branch=1", "<sip:c@d>;tag=2"), first);
    }

    #[test]
    fn a_fingerprint_is_of_its_endpoint_and_parts_do_not_run_together() {
        let key = |keys: Keys, branch: &str| keys.client(branch, &Method::Bye);
        let other = Keys::new(&mut Random::from_number(2));
        assert_ne!(key(keys(), "z9hG4bK1"), key(other, "z9hG4bK1"));
        assert_ne!(keys().print("a").text("bc").finish(), keys().print("ab").text("c").finish());
    }
}
