use std::collections::BTreeMap;
use std::time::Duration;

use base::Now;

use super::{ALLOWED, Core, TimerName};
use crate::api::{Event, Flow, Register, RegistrationId, Standing};
use crate::limits::OWN_REGISTRATIONS_MAX;
use crate::message::{CSeq, Contacts, HeaderName, Malformed, Method, NameAddr, Request, Response, Uri};
use crate::transaction::{ClientUser, TransactionId};

/// After a failure.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Our own registrations with registrars elsewhere (RFC 3261 §10.2).
#[derive(Debug, Default)]
pub(super) struct Registrations {
    last: u64,
    by_id: BTreeMap<RegistrationId, Registration>,
}

#[derive(Debug)]
struct Registration {
    what: Register,
    uri: Uri,
    /// The address of record, for From and To.
    aor: NameAddr,
    contact: String,
    call_id: String,
    cseq: u32,
    state: State,
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
        self.by_id.values().any(|registration| registration.what.flow == flow)
    }

    /// Registers, and keeps it up.
    pub(super) fn begin(&mut self, core: &mut Core, now: Now, what: Register) -> RegistrationId {
        self.last += 1;
        let id = RegistrationId(self.last);
        let status = match Registration::new(core, what) {
            Ok(_) if self.by_id.len() >= OWN_REGISTRATIONS_MAX => 503,
            Ok(mut registration) => {
                registration.ask(core, now, id);
                self.by_id.insert(id, registration);
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
            State::Resting => core.wire.timers.cancel(&TimerName::Registration(id)),
            State::Leaving(_) => return,
        }
        let request = registration.request(core, Duration::ZERO);
        registration.state = State::Leaving(registration.send(core, now, id, request));
    }

    pub(super) fn fire(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        if let Some(registration) = self.by_id.get_mut(&id)
            && registration.state == State::Resting
        {
            registration.ask(core, now, id);
        }
    }

    pub(super) fn timed_out(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let Some(registration) = self.by_id.get_mut(&id) else { return };
        match registration.state {
            State::Asking(_) => {
                tell(core, id, Standing::NoAnswer);
                registration.rest(core, now, id, RETRY_AFTER);
            }
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
        if let Some(again) = core.authorized_again(transaction, response, &registration.what.credentials) {
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
        self.by_id.remove(&id);
        tell(core, id, Standing::Gone);
    }
}

impl Registration {
    fn new(core: &mut Core, what: Register) -> Result<Registration, Malformed> {
        let uri = Uri::parse(&what.uri)?;
        let aor = NameAddr::parse(&what.aor, "To")?;
        let contact = core.contact(what.flow, &aor.uri.user_unescaped());
        let call_id = core.random.uuid();
        Ok(Registration { what, uri, aor, contact, call_id, cseq: 0, state: State::Resting })
    }

    fn ask(&mut self, core: &mut Core, now: Now, id: RegistrationId) {
        let request = self.request(core, self.what.expires);
        self.state = State::Asking(self.send(core, now, id, request));
    }

    fn request(&mut self, core: &mut Core, expires: Duration) -> Request {
        self.cseq += 1;
        let mut request = core.request(Method::Register, self.uri.clone(), self.what.flow);
        let mut from = self.aor.clone();
        from.params.set("tag", Some(&core.tag()));
        let cseq = CSeq { number: self.cseq, method: Method::Register };
        let headers = &mut request.headers;
        headers.push(HeaderName::From, from.to_string());
        headers.push(HeaderName::To, self.aor.to_string());
        headers.push(HeaderName::CallId, self.call_id.clone());
        headers.push(HeaderName::CSeq, cseq.to_string());
        headers.push(HeaderName::Contact, self.contact.clone());
        headers.push(HeaderName::Expires, expires.as_secs().to_string());
        headers.push(HeaderName::Allow, ALLOWED);
        request
    }

    fn send(&self, core: &mut Core, now: Now, id: RegistrationId, request: Request) -> TransactionId {
        core.open_fitting(now, request, self.what.flow, ClientUser::Registration(id))
    }

    fn rest(&mut self, core: &mut Core, now: Now, id: RegistrationId, pause: Duration) {
        self.state = State::Resting;
        core.wire.timers.set(TimerName::Registration(id), now.mono + pause);
    }

    /// A final answer that is no question.
    fn settled(&mut self, core: &mut Core, now: Now, id: RegistrationId, response: &Response) {
        if let Some(longer) = self.too_brief(response) {
            self.what.expires = longer;
            return self.ask(core, now, id);
        }
        if response.status >= 300 {
            tell(core, id, Standing::Refused(response.status));
            return self.rest(core, now, id, RETRY_AFTER);
        }
        let expires = self.granted(response);
        tell(core, id, Standing::Registered { expires });
        // Half of it leaves time for a second try.
        self.rest(core, now, id, (expires / 2).max(Duration::from_secs(1)));
    }

    /// What a 423 asks for, when that is more than we did.
    fn too_brief(&self, response: &Response) -> Option<Duration> {
        let least = response.headers.min_expires_s().ok().flatten().map(u64::from).map(Duration::from_secs);
        least.filter(|least| response.status == 423 && *least > self.what.expires)
    }

    /// How long the registrar keeps us: it says so at our contact, or for all.
    fn granted(&self, response: &Response) -> Duration {
        let ours = NameAddr::parse(&self.contact, "Contact").ok();
        let listed = match response.headers.contacts() {
            Ok(Contacts::List(list)) => list,
            Ok(Contacts::Star) | Err(_) => Vec::new(),
        };
        let at_contact = listed.iter().find(|one| ours.as_ref().is_some_and(|ours| ours.uri.same(&one.uri)));
        let for_all = response.headers.expires_s().ok().flatten();
        let granted_s = at_contact.and_then(NameAddr::expires_s).or(for_all);
        granted_s.map_or(self.what.expires, |s| Duration::from_secs(u64::from(s)))
    }
}

fn tell(core: &mut Core, registration: RegistrationId, standing: Standing) {
    core.wire.tell(Event::OwnRegistration { registration, standing });
}
