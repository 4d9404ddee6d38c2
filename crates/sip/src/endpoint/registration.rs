//! Our own registrations with registrars elsewhere (RFC 3261 §10.2): kept up, taken elsewhere when a way fails, taken back.

mod pauses;

use std::collections::BTreeMap;
use std::time::Duration;

use base::Now;

use super::{ALLOWED, Core, TimerName};
use crate::api::{Event, Flow, Register, RegistrationId, Standing};
use crate::limits::{OWN_EXPIRES_MAX, OWN_REGISTRATIONS_MAX, SERVICE_ROUTES_MAX};
use crate::message::{CSeq, Contacts, HeaderName, Malformed, Method, NameAddr, Request, Response, Uri};
use crate::transaction::{ClientUser, TransactionId};

/// How often a longer time is asked for because a registrar wants that (423). More: it counts as a refusal.
const LONGER_TRIES_MAX: u32 = 3;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    last: u64,
    by_id: BTreeMap<RegistrationId, Registration>,
    /// Those whose contact has a user part of its own.
    by_contact: BTreeMap<String, RegistrationId>,
}

#[derive(Debug)]
struct Registration {
    what: Register,
    uri: Uri,
    /// The address of record, for From and To.
    aor: NameAddr,
    call_id: String,
    cseq: u32,
    state: State,
    /// Which way it goes: `what.flow` is 0, `what.others` follow.
    way: usize,
    /// Ways that failed since the last answer that settled something.
    ways_failed: usize,
    /// Times that all ways failed, in a row.
    rounds_failed: u32,
    longer_tries: u32,
    stale_tries: u32,
    /// The way of our requests, as the registrar wants it (RFC 3608).
    service_route: Vec<NameAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for an answer.
    Asking(TransactionId),
    /// Waits for its timer.
    Resting,
    /// Waits for the answer to its end.
    Leaving(TransactionId),
}

impl Registrations {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether one of them goes by `flow`: whoever calls us because of it comes by there.
    pub(super) fn uses(&self, flow: Flow) -> bool {
        self.by_id.values().any(|registration| registration.flow() == flow)
    }

    /// Registers, and keeps it up.
    pub(super) fn begin(&mut self, core: &mut Core, now: Now, what: Register) -> RegistrationId {
        self.last += 1;
        let id = RegistrationId(self.last);
        let contact = what.contact_user.clone();
        let status = match Registration::new(core, what) {
            Ok(_) if self.by_id.len() >= OWN_REGISTRATIONS_MAX => 503,
            Ok(mut registration) => {
                registration.ask(core, now, id);
                self.by_id.insert(id, registration);
                self.by_contact.extend(contact.map(|user| (user, id)));
                return id;
            }
            Err(fault) => fault.status,
        };
        tell(core, id, Standing::Refused(status));
        tell(core, id, Standing::Gone);
        id
    }

    /// Takes a registration back; `Standing::Gone` follows.
    pub(super) fn end(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        match registration.state {
            State::Asking(transaction) => core.table.forget_client(&mut core.wire, transaction),
            State::Resting => {}
            State::Leaving(_) => return,
        }
        core.wire.timers.cancel(&TimerName::Registration(id));
        let request = registration.request(core, Duration::ZERO);
        registration.state = State::Leaving(registration.send(core, now, id, request));
    }

    /// The ways to the registrar are others now. One that is not among them is left at once.
    pub(super) fn reroute(&mut self, core: &mut Core, now: Now, id: RegistrationId, ways: &[Flow]) {
        let Some((first, others)) = ways.split_first() else { return };
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        let before = registration.flow();
        (registration.what.flow, registration.what.others) = (*first, others.to_vec());
        registration.way = ways.iter().position(|way| *way == before).unwrap_or(0);
        registration.ways_failed = 0;
        match registration.state {
            State::Asking(_) | State::Resting if registration.flow() == before => {}
            State::Leaving(_) => {}
            State::Asking(transaction) => {
                core.table.forget_client(&mut core.wire, transaction);
                registration.ask(core, now, id);
            }
            State::Resting => registration.ask(core, now, id),
        }
    }

    /// The way that the registrar wants our requests to go.
    pub(super) fn service_route(&self, id: RegistrationId) -> &[NameAddr] {
        self.by_id.get(&id).map_or(&[], |registration| &registration.service_route)
    }

    /// The registration whose contact has this user part of its own.
    pub(super) fn with_contact(&self, user: &str) -> Option<RegistrationId> {
        self.by_contact.get(user).copied()
    }

    pub(super) fn fire(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        match registration.state {
            State::Resting => registration.ask(core, now, id),
            // There is another way, so this one is not waited for any longer.
            State::Asking(transaction) => {
                core.table.forget_client(&mut core.wire, transaction);
                registration.failed(core, now, id, Standing::NoAnswer, None);
            }
            State::Leaving(_) => {}
        }
    }

    pub(super) fn timed_out(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        match registration.state {
            State::Asking(_) => registration.failed(core, now, id, Standing::NoAnswer, None),
            State::Leaving(_) => self.gone(core, id),
            State::Resting => {}
        }
    }

    pub(super) fn answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: RegistrationId,
        transaction: TransactionId,
        response: &Response,
    ) {
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        if response.status < 200 {
            return;
        }
        let Registration { what, stale_tries, .. } = registration;
        if let Some(again) = core.authorized_again(transaction, response, &what.credentials, stale_tries) {
            registration.cseq += 1;
            let transaction = registration.send(core, now, id, again);
            registration.state = match registration.state {
                State::Asking(_) | State::Resting => State::Asking(transaction),
                State::Leaving(_) => State::Leaving(transaction),
            };
            return;
        }
        match registration.state {
            State::Asking(_) => registration.settled(core, now, id, response),
            State::Leaving(_) => self.gone(core, id),
            State::Resting => {}
        }
    }

    fn gone(&mut self, core: &mut Core, id: RegistrationId) {
        let gone = self.by_id.remove(&id);
        if let Some(user) = gone.and_then(|registration| registration.what.contact_user)
            && self.by_contact.get(&user) == Some(&id)
        {
            self.by_contact.remove(&user);
        }
        tell(core, id, Standing::Gone);
    }
}

impl Registration {
    fn new(core: &mut Core, what: Register) -> Result<Registration, Malformed> {
        let uri = Uri::parse(&what.uri)?;
        let aor = NameAddr::parse(&what.aor, "To")?;
        let call_id = core.random.uuid();
        Ok(Registration {
            what,
            uri,
            aor,
            call_id,
            cseq: 0,
            state: State::Resting,
            way: 0,
            ways_failed: 0,
            rounds_failed: 0,
            longer_tries: 0,
            stale_tries: 0,
            service_route: Vec::new(),
        })
    }

    fn flow(&self) -> Flow {
        match self.way.checked_sub(1) {
            Some(other) => self.what.others.get(other).copied().unwrap_or(self.what.flow),
            None => self.what.flow,
        }
    }

    fn ways(&self) -> usize {
        1 + self.what.others.len()
    }

    fn contact(&self, core: &Core) -> String {
        let of_aor = self.aor.uri.user_unescaped();
        core.contact(self.flow(), self.what.contact_user.as_deref().unwrap_or(&of_aor))
    }

    fn ask(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let request = self.request(core, self.what.expires);
        self.state = State::Asking(self.send(core, now, id, request));
        if self.ways() > 1 {
            core.wire.timers.set(TimerName::Registration(id), now.mono + core.config.times.patience() / 8);
        }
    }

    fn request(&mut self, core: &mut Core, expires: Duration) -> Request {
        self.cseq += 1;
        let contact = self.contact(core);
        let mut request = core.request(Method::Register, self.uri.clone(), self.flow());
        let mut from = self.aor.clone();
        from.params.set("tag", Some(&core.tag()));
        let cseq = CSeq { number: self.cseq, method: Method::Register };
        let headers = &mut request.headers;
        headers.push(HeaderName::From, from.to_string());
        headers.push(HeaderName::To, self.aor.to_string());
        headers.push(HeaderName::CallId, self.call_id.clone());
        headers.push(HeaderName::CSeq, cseq.to_string());
        headers.push(HeaderName::Contact, contact);
        headers.push(HeaderName::Expires, expires.as_secs().to_string());
        headers.push(HeaderName::Allow, ALLOWED);
        request
    }

    fn send(&self, core: &mut Core, now: Now, id: RegistrationId, request: Request) -> TransactionId {
        core.open_fitting(now, request, self.flow(), ClientUser::Registration(id))
    }

    fn rest(&mut self, core: &mut Core, now: Now, id: RegistrationId, pause: Duration) {
        self.state = State::Resting;
        core.wire.timers.set(TimerName::Registration(id), now.mono + pause);
    }

    /// A final answer that is no question.
    fn settled(&mut self, core: &mut Core, now: Now, id: RegistrationId, response: &Response) {
        core.wire.timers.cancel(&TimerName::Registration(id));
        self.stale_tries = 0;
        if let Some(longer) = self.too_brief(response)
            && self.longer_tries < LONGER_TRIES_MAX
        {
            self.longer_tries += 1;
            self.what.expires = longer;
            return self.ask(core, now, id);
        }
        if response.status >= 300 {
            let after = response.headers.retry_after();
            return self.failed(core, now, id, Standing::Refused(response.status), after);
        }
        let expires = self.granted(core, response);
        // It took us in and let us go again.
        if expires.is_zero() {
            return self.failed(core, now, id, Standing::Refused(response.status), None);
        }
        (self.ways_failed, self.rounds_failed, self.longer_tries) = (0, 0, 0);
        self.service_route = service_route(response);
        tell(core, id, Standing::Registered { expires });
        // Half of it leaves time for a second try.
        self.rest(core, now, id, (expires / 2).max(Duration::from_secs(1)));
    }

    /// This way led to nothing: another one is tried, or there is a pause.
    fn failed(
        &mut self,
        core: &mut Core,
        now: Now,
        id: RegistrationId,
        how: Standing,
        again_after: Option<Duration>,
    ) {
        core.wire.timers.cancel(&TimerName::Registration(id));
        self.ways_failed += 1;
        if pauses::is_the_way_s_fault(how) && self.ways_failed < self.ways() {
            self.way = (self.way + 1) % self.ways();
            return self.ask(core, now, id);
        }
        let pause = pauses::pause(how, again_after, self.rounds_failed);
        (self.ways_failed, self.rounds_failed) = (0, self.rounds_failed.saturating_add(1));
        self.way = (self.way + 1) % self.ways();
        tell(core, id, how);
        self.rest(core, now, id, pause);
    }

    /// What a 423 asks for, when that is more than we did.
    fn too_brief(&self, response: &Response) -> Option<Duration> {
        let least = response.headers.min_expires_s().ok().flatten().map(u64::from).map(Duration::from_secs);
        least
            .filter(|least| response.status == 423 && *least > self.what.expires && *least <= OWN_EXPIRES_MAX)
    }

    /// How long the registrar keeps us: it says so at our contact, or for all.
    fn granted(&self, core: &Core, response: &Response) -> Duration {
        let ours = NameAddr::parse(&self.contact(core), "Contact").ok();
        let listed = match response.headers.contacts() {
            Ok(Contacts::List(list)) => list,
            Ok(Contacts::Star) | Err(_) => Vec::new(),
        };
        let at_contact = listed.iter().find(|one| ours.as_ref().is_some_and(|ours| ours.uri.same(&one.uri)));
        let for_all = response.headers.expires_s().ok().flatten();
        let granted_s = at_contact.and_then(NameAddr::expires_s).or(for_all);
        let granted = granted_s.map_or(self.what.expires, |s| Duration::from_secs(u64::from(s)));
        granted.min(OWN_EXPIRES_MAX)
    }
}

/// The Service-Route of a 2xx; one that cannot be read, or is too long, counts as none.
fn service_route(response: &Response) -> Vec<NameAddr> {
    let route = response.headers.service_routes().unwrap_or_default();
    match route.len() <= SERVICE_ROUTES_MAX && route.iter().all(|hop| hop.uri.is_sip()) {
        true => route,
        false => Vec::new(),
    }
}

fn tell(core: &mut Core, registration: RegistrationId, standing: Standing) {
    core.wire.tell(Event::OwnRegistration { registration, standing });
}
