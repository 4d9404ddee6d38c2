//! The endpoint: everything a SIP element at the end of the line does, without a socket or a clock.
//!
//! `handle_input` and the wishes (`invite`, `end`, …) each make one change; then `poll_output` is drained.

mod checks;
mod config;
mod connections;
mod core;
mod events;
mod keep_alive;
mod overload;
mod probe;
mod registration;
mod replacing;
mod requests;
mod strangers;
mod streamless;
mod streams;
mod timer;
mod wire;

use std::time::Duration;

use base::{Mono, Now, Random};
use bytes::Bytes;

pub(crate) use self::core::{ALLOWED, Core, HOPS_MAX, SDP, put_sdp, put_tag, sdp_of, stamp_via};
use crate::api::{
    Aor, Binding, Counts, DialogId, Ended, Event, Flow, Input, Invite, Output, ProbeId, Register,
    RegistrationId,
};
use crate::dialog::{Dialog, Dialogs, Path, Token};
use crate::message::{HeaderName, Headers, NameAddr};
use crate::registrar::Registrar;
pub use config::{
    Bans, Config, Domain, Limits, Listener, Registrar as RegistrarConfig, Reliability, SessionTimers, User,
};
use overload::Load;
pub(crate) use overload::put_retry_after;
use probe::Probes;
use registration::Registrations;
pub(crate) use requests::fingerprint;
pub(crate) use streamless::Streamless;
pub(crate) use timer::TimerName;
pub use timer::{ConnectionTimer, DialogTimer, TimerKind};
pub(crate) use wire::Wire;

/// A user agent, registrar included. See [`crate::api`] for the words.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    dialogs: Dialogs,
    registrar: Option<Registrar>,
    registrations: Registrations,
    probes: Probes,
    load: Load,
    intake: Intake,
}

/// Whether phones may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    /// Yes.
    Open,
    /// Not now: what they say could not be stored.
    Paused,
}

impl Endpoint {
    /// An endpoint at rest. `random` makes tags, branches and nonces: its seed must be secret.
    pub fn new(config: Config, mut random: Random) -> Endpoint {
        let registrar =
            config.registrar.clone().map(|registrar| Registrar::new(registrar, config.limits, &mut random));
        Endpoint {
            core: Core::new(config, random),
            dialogs: Dialogs::default(),
            registrar,
            registrations: Registrations::default(),
            load: Load::default(),
            intake: Intake::Open,
            probes: Probes::default(),
        }
    }

    /// Takes what came in. Nothing that the far end says can be an error here.
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Datagram { flow, data } => self.message(now, flow, data),
            Input::Connected { flow } => self.connected(now, flow),
            Input::Stream { flow, data } => self.stream(now, flow, data),
            Input::Closed { flow } => self.closed(now, flow),
            Input::Overloaded(overloaded) => self.load.set(overloaded),
            Input::Timeout => self.timeout(now),
        }
        while let Some((dialog, transaction)) = self.core.table.poll_refused() {
            self.with(dialog, |dialog, core| dialog.refusal_done(core, transaction));
        }
    }

    /// What goes out next. Empty again after each drain; changes only by the calls that take `&mut self`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.table.tidy();
        self.core.wire.poll()
    }

    /// When `Input::Timeout` is due next, and why.
    pub fn next_timeout(&self) -> Option<(Mono, TimerKind)> {
        let named = self.core.wire.timers.next().map(|(at, name)| (at, name.kind()));
        let lingering = self.core.table.next_due().map(|at| (at, TimerKind::Lingering));
        named.into_iter().chain(lingering).min()
    }

    /// Calls someone. `Ended` follows also when nothing could be sent: `Refused(400)` when a URI cannot be read,
    /// `Refused(503)` when there are too many dialogs.
    pub fn invite(&mut self, now: Now, invite: Invite) -> DialogId {
        let id = self.dialogs.new_id();
        let bound = self.registrar.as_ref().filter(|registrar| registrar.is_bound(invite.flow));
        let path = if bound.is_some() { Path::Pinned } else { Path::Routed };
        // The path that the phone registered by (RFC 3327 §5.3), or that our registrar wants (RFC 3608 §6.1).
        let path_of_phone = bound.and_then(|registrar| registrar.path_to(invite.flow, &invite.uri));
        let route = match path_of_phone {
            Some(text) => path_of(text),
            None => invite.registration.map_or(&[][..], |id| self.registrations.service_route(id)).to_vec(),
        };
        let full = self.dialogs.len() >= self.core.config.limits.dialogs_max;
        let dialog = match full {
            true => Err(503),
            false => Dialog::invite(&mut self.core, now, id, path, route, invite).map_err(|_| 400),
        };
        match dialog {
            Ok(dialog) => self.dialogs.insert(dialog),
            Err(status) => {
                let how = Ended::Refused(status);
                self.core.wire.tell(Event::Ended { dialog: id, how, retry_after: None });
            }
        }
        id
    }

    /// The INVITE of a dialog, which was held back, has left for the first time (`Config::invites_wait`): it is repeated and
    /// waited for from now on.
    pub fn invite_left(&mut self, now: Now, dialog: DialogId) {
        self.with(dialog, |dialog, core| dialog.invite_left(core, now));
    }

    /// Ends a dialog in whatever way its state needs. `Ended` follows, unless it came already.
    pub fn end(&mut self, now: Now, dialog: DialogId) {
        self.with(dialog, |dialog, core| dialog.end(core, now));
    }

    /// Tells a caller that it rings. `status` is 101–199.
    pub fn ring(&mut self, now: Now, dialog: DialogId, status: u16, sdp: Option<Bytes>) {
        assert!((101..200).contains(&status), "{status} is no provisional status");
        self.with(dialog, |dialog, core| dialog.ring(core, now, status, sdp));
    }

    /// Answers a caller with 200. `Acknowledged` follows, or `Ended`.
    pub fn accept(&mut self, now: Now, dialog: DialogId, sdp: Bytes) {
        self.with(dialog, |dialog, core| dialog.accept(core, now, sdp));
    }

    /// Answers a caller with two 200s that have different To tags, as if the INVITE had forked. The second dialog lives
    /// and ends like any other. None: it is too late for that.
    pub fn accept_twice(&mut self, now: Now, dialog: DialogId, sdp: Bytes, other: Bytes) -> Option<DialogId> {
        let id = self.dialogs.new_id();
        let mut fork = self.dialogs.get(dialog)?.fork(&mut self.core, now, id)?;
        self.accept(now, dialog, sdp);
        fork.accept(&mut self.core, now, other);
        self.dialogs.insert(fork);
        Some(id)
    }

    /// Refuses a caller. `status` is 300–699. `Ended` follows once the caller knows, or has not said so for 64 × T1.
    pub fn reject(&mut self, now: Now, dialog: DialogId, status: u16) {
        assert!((300..700).contains(&status), "{status} is no refusal");
        self.with(dialog, |dialog, core| dialog.reject(core, now, status));
    }

    /// Answers `Reoffered`.
    pub fn answer_offer(&mut self, now: Now, dialog: DialogId, sdp: Bytes) {
        self.with(dialog, |dialog, core| dialog.answer_offer(core, now, sdp));
    }

    /// Refuses `Reoffered`, for example with 488; nothing changes. `status` is 300–699.
    pub fn refuse_offer(&mut self, now: Now, dialog: DialogId, status: u16) {
        assert!((300..700).contains(&status), "{status} is no refusal");
        self.with(dialog, |dialog, core| dialog.refuse_offer(core, now, status));
    }

    /// Offers to change the media of an established call, by re-INVITE. `OfferAnswered`, `OfferRefused` or `Ended` follows,
    /// perhaps after a while: where both ends offer at once, both wait and try again (RFC 3261 §14.1). One at a time: a
    /// second one, and one for a call that is not established, is refused with 491.
    pub fn offer(&mut self, now: Now, dialog: DialogId, sdp: Bytes) {
        self.with(dialog, |dialog, core| dialog.offer(core, now, sdp));
    }

    /// Agrees to a `Referred`; then tell how the new call goes with `notify_refer`.
    pub fn accept_refer(&mut self, now: Now, dialog: DialogId) {
        self.with(dialog, |dialog, core| dialog.accept_refer(core, now));
    }

    /// Refuses a `Referred`, for example with 603. `status` is 300–699.
    pub fn refuse_refer(&mut self, now: Now, dialog: DialogId, status: u16) {
        assert!((300..700).contains(&status), "{status} is no refusal");
        self.with(dialog, |dialog, core| dialog.refuse_refer(core, now, status));
    }

    /// Tells who asked for a call how it goes; a status from 200 on is the last word.
    pub fn notify_refer(&mut self, now: Now, dialog: DialogId, status: u16) {
        assert!((100..700).contains(&status), "{status} is no status");
        self.with(dialog, |dialog, core| dialog.notify_refer(core, now, status));
    }

    /// Has the far end of an established call call someone (REFER): `to`, a URI without parameters of its own, and, if
    /// `replaces` is given, in the place of that call of ours (RFC 3891). `ReferralTold` follows. One at a time: a second
    /// one is refused with 491.
    pub fn refer(&mut self, now: Now, dialog: DialogId, to: &str, replaces: Option<DialogId>) {
        let replaces = replaces.and_then(|other| self.dialogs.get(other)?.as_replaced());
        self.with(dialog, |dialog, core| dialog.refer(core, now, to, replaces.as_deref()));
    }

    /// Tells the far end of an established call of a key by INFO: `0`–`9`, `*`, `#`, `A`–`D`.
    pub fn press(&mut self, now: Now, dialog: DialogId, key: char) {
        self.with(dialog, |dialog, core| dialog.press(core, now, key));
    }

    /// Takes up a dialog from before a restart by its token, only to end it: BYE, CANCEL, or 480 and BYE for one
    /// who calls us, and ACK and BYE for a 2xx that comes late. `Ended` follows. None: the token is none, or the dialog lives.
    pub fn resume(&mut self, now: Now, token: &[u8]) -> Option<DialogId> {
        let token = Token::read(token)?;
        let (call_id, tag) = token.tags()?;
        if self.dialogs.find(&call_id, &tag).is_some() {
            return None;
        }
        let id = self.dialogs.new_id();
        let dialog = Dialog::resume(&mut self.core, now, id, token)?;
        self.dialogs.insert(dialog);
        self.dialogs.settle(id);
        Some(id)
    }

    /// Takes up a user's bindings of before a restart, told by `Event::Bindings`, as far as they still hold: they have not
    /// run out, and the user is there with the same password. `Event::Registration` follows when one is left, and
    /// `Event::Bindings` when others are left than were kept.
    pub fn restore(&mut self, now: Now, domain: &str, user: &str, kept: &[u8]) {
        let listeners = &self.core.config.listeners;
        let ours =
            |flow: Flow| listeners.is_empty() || listeners.iter().any(|listener| listener.bind == flow.local);
        if let Some(registrar) = &mut self.registrar {
            let aor = Aor { domain: domain.to_ascii_lowercase(), user: user.to_owned() };
            registrar.restore(now, &mut self.core.wire, &aor, kept, ours);
        }
    }

    /// Says whether phones may register now. While they may not, because nothing can be stored, they are asked to come
    /// again a little later (503); those that are registered stay so.
    pub fn pause_registrations(&mut self, paused: bool) {
        self.intake = if paused { Intake::Paused } else { Intake::Open };
    }

    /// Where to call a registered user of a domain: what its phones would rather have first (`q`), then the most recent.
    pub fn contacts(&self, domain: &str, user: &str) -> Vec<Binding> {
        self.registrar.as_ref().map_or_else(Vec::new, |registrar| registrar.contacts(domain, user))
    }

    /// Replaces the domains and the users who may register. Bindings of users who are not among them any more, or have
    /// another password, are dropped.
    pub fn set_domains(&mut self, domains: Vec<Domain>) {
        if let Some(registrar) = &mut self.registrar {
            registrar.set_domains(&mut self.core.wire, domains);
        }
    }

    /// Registers with a registrar elsewhere and keeps it up. `OwnRegistration` follows, time and again.
    pub fn register(&mut self, now: Now, what: Register) -> RegistrationId {
        self.registrations.begin(&mut self.core, now, what)
    }

    /// The ways to the registrar of such a registration are others now; at least one.
    pub fn reroute(&mut self, now: Now, registration: RegistrationId, ways: &[Flow]) {
        self.registrations.reroute(&mut self.core, now, registration, ways);
    }

    /// Takes such a registration back. `Standing::Gone` follows.
    pub fn unregister(&mut self, now: Now, registration: RegistrationId) {
        self.registrations.end(&mut self.core, now, registration);
    }

    /// Asks a far end whether it is there, by OPTIONS to `uri`. `Probed` follows, at the latest after `within`. None: the
    /// URI cannot be read, or too many are being asked; nothing follows.
    pub fn probe(&mut self, now: Now, flow: Flow, uri: &str, within: Duration) -> Option<ProbeId> {
        self.probes.begin(&mut self.core, now, flow, uri, within)
    }

    /// How much is held.
    pub fn counts(&self) -> Counts {
        let (client_transactions, server_transactions) = self.core.table.counts();
        Counts {
            client_transactions,
            server_transactions,
            dialogs: self.dialogs.len(),
            bindings: self.registrar.as_ref().map_or(0, Registrar::len),
            registrations: self.registrations.len(),
            probes: self.probes.len(),
            connections: self.core.wire.connections.len(),
            timers: self.core.wire.timers.len() + self.core.table.lingering(),
        }
    }

    /// How many requests were turned away because of [`Input::Overloaded`], ever.
    pub fn turned_away(&self) -> u64 {
        self.load.turned_away()
    }

    /// Does something with a dialog, if there is one, and forgets it when it is not needed after that.
    fn with(&mut self, id: DialogId, change: impl FnOnce(&mut Dialog, &mut Core)) {
        if let Some(dialog) = self.dialogs.get_mut(id) {
            change(dialog, &mut self.core);
            self.dialogs.settle(id);
        }
    }
}

/// A path as it is kept with a binding.
fn path_of(text: &str) -> Vec<NameAddr> {
    let mut headers = Headers::default();
    headers.push(HeaderName::Path, text);
    headers.paths().unwrap_or_default()
}
