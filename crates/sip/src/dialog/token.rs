//! Resume tokens: what has to be sent after a restart so that nobody is left on the line.
//!
//! A token is text: one line that says which kind it is and which way it goes, then a SIP message without body. Of a
//! call that we make that is its INVITE, of one that rings here the INVITE that came, with our tag in To, of an
//! established one the BYE.

use std::net::SocketAddr;

use base::Now;
use bytes::Bytes;

use super::{Dialog, Ended, Far, Outgoing, Path, State, Verdict};
use crate::api::{DialogId, Flow, Transport};
use crate::endpoint::Core;
use crate::limits::{TOKEN_BYTES_MAX, TOKEN_CSEQ_ROOM};
use crate::message::{HeaderName, Message, Method, Request, Screened, screen};
use crate::transaction::{Asked, Back, ClientUser, Scope};

const VERSION: &str = "cordboard-dialog/1";
const CALLING: &str = "calling";
const RINGING: &str = "ringing";
const TALKING: &str = "talking";
const ROUTED: &str = "routed";
const PINNED: &str = "pinned";

/// A token that was understood.
#[derive(Debug)]
pub(crate) struct Token {
    kind: Kind,
    path: Path,
    flow: Flow,
    request: Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Calling,
    Ringing,
    Talking,
}

impl Token {
    /// Reads a token. None: it is none of ours, or damaged.
    pub(crate) fn read(token: &[u8]) -> Option<Token> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let end = token.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&token[..end]).ok()?;
        let [version, kind, path, transport, local, remote] =
            line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let kind = match kind {
            CALLING => Kind::Calling,
            RINGING => Kind::Ringing,
            TALKING => Kind::Talking,
            _ => return None,
        };
        let path = match path {
            ROUTED => Path::Routed,
            PINNED => Path::Pinned,
            _ => return None,
        };
        let transport = match transport {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => return None,
        };
        let flow = Flow { transport, local: address(local)?, remote: address(remote)? };
        let Screened::Accept(Message::Request(request)) = screen(&token[end + 2..]) else { return None };
        let wanted = match kind {
            Kind::Calling | Kind::Ringing => Method::Invite,
            Kind::Talking => Method::Bye,
        };
        let token = Token { kind, path, flow, request };
        let usable = version == VERSION && token.request.method == wanted && token.tags().is_some();
        usable.then_some(token)
    }

    /// Our Call-ID and tag.
    pub(crate) fn tags(&self) -> Option<(String, String)> {
        let headers = &self.request.headers;
        let local = match self.kind {
            Kind::Calling | Kind::Talking => headers.from().ok()?,
            Kind::Ringing => headers.to().ok()?,
        };
        // The branch is what answers are found by.
        headers.top_via().ok()?.branch()?;
        Some((headers.call_id().ok()?.to_owned(), local.tag()?.to_owned()))
    }
}

impl Dialog {
    /// Takes up a dialog from before a restart, only to end it.
    pub(crate) fn resume(core: &mut Core, now: Now, id: DialogId, token: Token) -> Option<Dialog> {
        let (call_id, local_tag) = token.tags()?;
        let Token { kind, path, flow, request } = token;
        let mut dialog = Dialog::new(id, flow, path, call_id);
        dialog.local_tag = local_tag;
        dialog.verdict = Verdict::Owed(Ended::ByUs);
        let local = if kind == Kind::Ringing { HeaderName::To } else { HeaderName::From };
        dialog.local = request.headers.get(&local)?.to_owned();
        dialog.local_cseq = request.headers.cseq().ok()?.number;
        match kind {
            Kind::Calling => {
                let transaction = core.table.reopen_invite(request.clone(), flow, ClientUser::Invite(id));
                dialog.outgoing = Some(Outgoing::resumed(request, transaction));
                dialog.send_cancel(core, now);
            }
            Kind::Ringing => {
                let key = core.table.keys.server(&request).ok()?;
                if core.table.is_known(&key) {
                    return None;
                }
                let back = Back { flow, other: flow };
                // Our tag is in it already.
                let asked = Asked { key, scope: Scope::Inside, merge: None, back };
                let transaction = core.table.open_server(asked, &Method::Invite);
                core.table.set_dialog(transaction, id);
                let refusal = core.response(&request, 480, &dialog.local_tag);
                core.answer(now.mono, transaction, &refusal);
                dialog.refused = Some(transaction).filter(|id| core.table.waits_for_ack(*id));
                // It may have been accepted since: a caller who has the 2xx minds the BYE alone.
                (dialog.far, dialog.local_cseq) = (Far::asking(&request), 0);
                dialog.leave(core, now, Ended::ByUs);
            }
            Kind::Talking => {
                core.open(now.mono, request, flow, ClientUser::Bye(id));
                dialog.state = State::Leaving;
            }
        }
        Some(dialog)
    }

    pub(super) fn calling_token(&self, invite: &Request) -> Bytes {
        let mut invite = Request { body: Bytes::new(), ..invite.clone() };
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            invite.headers.remove(&name);
        }
        self.write_token(CALLING, self.flow, &invite)
    }

    pub(super) fn tell_ringing_token(&self, core: &mut Core) {
        let State::Incoming(pending) = &self.state else { return };
        let flow = core.table.way_back(pending.transaction).unwrap_or(self.flow);
        let token = self.write_token(RINGING, flow, &pending.request);
        self.tell_token(core, token);
    }

    pub(super) fn tell_talking_token(&mut self, core: &mut Core) {
        // Numbers may be left out (RFC 3261 §12.2.2): not every request of ours needs a new token.
        let cseq = self.local_cseq.saturating_add(TOKEN_CSEQ_ROOM);
        let Some(bye) = self.request(core, Method::Bye, cseq) else { return };
        self.token_cseq = cseq;
        let token = self.write_token(TALKING, self.next_hop(core), &bye);
        self.tell_token(core, token);
    }

    fn write_token(&self, kind: &str, flow: Flow, request: &Request) -> Bytes {
        let path = match self.path {
            Path::Routed => ROUTED,
            Path::Pinned => PINNED,
        };
        let transport = match flow.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let mut request = request.clone();
        request.headers.remove(&HeaderName::ContentType);
        let line = format!("{VERSION} {kind} {path} {transport} {} {}\r\n", flow.local, flow.remote);
        let mut token = line.into_bytes();
        token.extend_from_slice(&request.encode());
        Bytes::from(token)
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}
