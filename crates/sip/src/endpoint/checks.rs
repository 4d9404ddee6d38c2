//! What an endpoint objects to in a request before it looks at what is asked (RFC 3261 §8.2.1–§8.2.3).

use super::Core;
use super::core::{ALLOWED, BODIES, SDP};
use crate::message::{HeaderName, Method, Request, Response, check};
use crate::transaction::Scope;

/// What a phone may insist on when it registers (RFC 3327, RFC 5626).
const REGISTRAR_EXTENSIONS: &[&str] = &["path", "outbound"];

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objection {
    status: u16,
    /// What the asker needs to know.
    header: Option<(HeaderName, String)>,
}

impl Objection {
    fn plain(status: u16) -> Objection {
        Objection { status, header: None }
    }

    /// The answer to `request` that says it.
    pub(super) fn response(self, request: &Request) -> Response {
        let mut response = Response::to(request, self.status);
        if let Some((name, value)) = self.header {
            response.headers.push(name, value);
        }
        response
    }

    fn with(status: u16, name: HeaderName, value: impl Into<String>) -> Objection {
        Objection { status, header: Some((name, value.into())) }
    }
}

/// The first objection to `request`, if any. Not for ACK and CANCEL.
pub(super) fn object(core: &Core, request: &Request, scope: Scope, merged: bool) -> Option<Objection> {
    object_to_method(request, scope)
        .or_else(|| merged.then(|| Objection::plain(482)))
        .or_else(|| object_to_loop(core, request, scope))
        .or_else(|| object_to_extensions(core, request))
        .or_else(|| object_to_replacing(core, request))
        .or_else(|| object_to_content(request))
        .or_else(|| object_to_session(core, request))
}

fn object_to_method(request: &Request, scope: Scope) -> Option<Objection> {
    let inside = scope == Scope::Inside;
    match request.method {
        Method::Invite | Method::Ack | Method::Cancel | Method::Register | Method::Options => None,
        // Nothing outside a dialog means anything to these.
        Method::Bye | Method::Info | Method::Update | Method::Prack => {
            (!inside).then(|| Objection::plain(481))
        }
        Method::Message | Method::Refer | Method::Notify if inside => None,
        // Nobody is called for a stranger.
        Method::Refer => Some(Objection::plain(603)),
        Method::Message | Method::Notify | Method::Subscribe | Method::Publish => {
            Some(Objection::with(405, HeaderName::Allow, ALLOWED))
        }
        Method::Other(_) => Some(Objection::with(501, HeaderName::Allow, ALLOWED)),
    }
}

/// A call of ours that came back as it was would go round for ever. One that comes back to be taken elsewhere is another
/// matter: whoever is called may be here (RFC 3261 §16.3 step 4).
fn object_to_loop(core: &Core, request: &Request, scope: Scope) -> Option<Objection> {
    let begins = request.method == Method::Invite && scope == Scope::Outside;
    let ours = begins.then(|| core.table.come_back(request)).flatten()?;
    ours.uri.same(&request.uri).then(|| Objection::plain(482))
}

fn object_to_extensions(core: &Core, request: &Request) -> Option<Objection> {
    let registers = request.method == Method::Register;
    let mut known = if registers { REGISTRAR_EXTENSIONS.to_vec() } else { core.extensions() };
    if request.method == Method::Refer {
        known.push("norefersub");
    }
    let mut unknown = check::unsupported_requires(request, &known);
    // A proxy put it in against the phone's will (RFC 3327 §5.3).
    if registers && request.headers.has(&HeaderName::Path) && !check::knows(request, "path") {
        unknown.push("path".to_owned());
    }
    (!unknown.is_empty()).then(|| Objection::with(420, HeaderName::Unsupported, unknown.join(", ")))
}

/// Only an INVITE can take the place of another call (RFC 3891 §3).
fn object_to_replacing(core: &Core, request: &Request) -> Option<Objection> {
    let misplaced = request.method != Method::Invite && request.headers.has(&HeaderName::Replaces);
    (core.config.replaces && misplaced).then(|| Objection::plain(400))
}

fn object_to_content(request: &Request) -> Option<Objection> {
    if !matches!(request.method, Method::Invite | Method::Update) {
        return None;
    }
    if !check::understands_body(request, &[SDP]) {
        return Some(Objection::with(415, HeaderName::Accept, BODIES));
    }
    (!check::accepts(request, SDP)).then(|| Objection::plain(406))
}

/// Only who knows of session timers can do something with a 422 (RFC 4028 §9).
fn object_to_session(core: &Core, request: &Request) -> Option<Objection> {
    let concerns = matches!(request.method, Method::Invite | Method::Update);
    let timers = core.config.session.filter(|_| concerns)?;
    let min_s = timers.interval_min.as_secs();
    let asked = request.headers.session_expires().ok().flatten()?;
    let refused = check::knows(request, "timer") && u64::from(asked.interval_s) < min_s;
    refused.then(|| Objection::with(422, HeaderName::MinSe, min_s.to_string()))
}
