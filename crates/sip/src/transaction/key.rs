use crate::message::{Malformed, Method, Request, Response};

/// What an answer is matched to our request by (RFC 3261 §17.1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientKey {
    pub(crate) branch: String,
    pub(crate) method: Method,
}

impl ClientKey {
    /// The key of the request that `response` answers. None: not an answer to anything of ours; more than one Via
    /// says that it went astray (§8.1.3.3).
    pub(crate) fn of(response: &Response) -> Option<ClientKey> {
        let vias = response.headers.vias().ok()?;
        let [via] = vias.as_slice() else { return None };
        let method = response.headers.cseq().ok()?.method;
        Some(ClientKey { branch: via.branch()?.to_owned(), method })
    }
}

/// What a request is recognised by when it comes again, and an ACK or CANCEL is matched to its INVITE by
/// (RFC 3261 §17.2.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServerKey {
    /// From a peer that makes branches by RFC 3261.
    Branch { branch: String, sent_by: String, method: Method },
    /// From a peer of RFC 2543. The To tag is left out: that of an ACK differs from its INVITE's, and a request that
    /// agrees in all the rest is the same request.
    Old { uri: String, from_tag: String, call_id: String, cseq: u32, via: String, method: Method },
}

impl ServerKey {
    /// The key of `request` as it came, before anything was added to its Via. An ACK has the key of its INVITE.
    pub(crate) fn of(request: &Request) -> Result<ServerKey, Malformed> {
        let via = request.headers.top_via()?;
        let method = match &request.method {
            Method::Ack => Method::Invite,
            other => other.clone(),
        };
        if let Some(branch) = via.cookie_branch() {
            let sent_by = format!("{}:{}", via.host, via.port.unwrap_or(5060)).to_ascii_lowercase();
            return Ok(ServerKey::Branch { branch: branch.to_owned(), sent_by, method });
        }
        Ok(ServerKey::Old {
            uri: request.uri.to_string(),
            from_tag: request.headers.from()?.tag().unwrap_or("").to_owned(),
            call_id: request.headers.call_id()?.to_owned(),
            cseq: request.headers.cseq()?.number,
            via: via.to_string(),
            method,
        })
    }

    /// The key of the INVITE that a CANCEL with this key is about (§9.2).
    pub(crate) fn of_invite(mut self) -> ServerKey {
        match &mut self {
            ServerKey::Branch { method, .. } | ServerKey::Old { method, .. } => *method = Method::Invite,
        }
        self
    }
}

/// What tells that a request came a second time by another way (RFC 3261 §8.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MergeKey {
    call_id: String,
    from_tag: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// The key of `request`. None: it is inside a dialog, or of a peer without tags, and cannot be judged.
    pub(crate) fn of(request: &Request) -> Option<MergeKey> {
        if request.headers.to().ok()?.tag().is_some() {
            return None;
        }
        let cseq = request.headers.cseq().ok()?;
        Some(MergeKey {
            call_id: request.headers.call_id().ok()?.to_owned(),
            from_tag: request.headers.from().ok()?.tag()?.to_owned(),
            cseq: cseq.number,
            method: cseq.method,
        })
    }
}
