//! The registrar, against phones that are endpoints themselves and against some that are not so honest.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use base::Random;
use endpoint_far::{Did, Far, invite, request};
use sip::api::{
    Aor, Counts, Credentials, Event, Flow, Input, Output, Register, RegistrationId, Standing, Transport,
};
use sip::digest::{Algorithm, Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Response};
use sip::{Config, Domain, Endpoint, Limits, RegistrarConfig, User};

fn user(name: &str, password: &str) -> User {
    User { name: name.to_owned(), password: password.to_owned() }
}

fn domain(name: &str, users: &[(&str, &str)]) -> Domain {
    Domain {
        name: name.to_owned(),
        users: users.iter().map(|(name, password)| user(name, password)).collect(),
    }
}

fn config() -> Config {
    serving(vec![domain("pbx.example", &[("1001", "one"), ("1002", "two")])])
}

fn serving(domains: Vec<Domain>) -> Config {
    let algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    let registrar = RegistrarConfig { domains, algorithms, ..RegistrarConfig::default() };
    Config { registrar: Some(registrar), ..Config::default() }
}

/// A REGISTER with the CSeq that the branch says.
fn register(number: u32, contact: Option<&str>) -> Request {
    let mut register = request(Method::Register, &number.to_string());
    register.headers.set(HeaderName::From, "<sip:1001@pbx.example>;tag=phone");
    register.headers.set(HeaderName::To, "<sip:1001@pbx.example>");
    register.headers.set(HeaderName::CallId, "phone");
    register.headers.set(HeaderName::CSeq, format!("{number} REGISTER"));
    register.headers.remove(&HeaderName::Contact);
    if let Some(contact) = contact {
        register.headers.push(HeaderName::Contact, contact);
    }
    register
}

fn challenge_in(response: &Response, algorithm: Algorithm) -> Challenge {
    let lines = response.headers.all(&HeaderName::WwwAuthenticate);
    let mut challenges = lines.map(|line| Challenge::parse(line).unwrap().unwrap());
    challenges.find(|challenge| challenge.algorithm == algorithm).unwrap()
}

fn prove(request: &mut Request, challenge: &Challenge, user: &str, password: &str, nc: u32) {
    let who = Credentials { user: user.to_owned(), password: password.to_owned() };
    let uri = request.uri.to_string();
    let proof = Authorization::answer(challenge, &who, &Method::Register, &uri, nc, "c0ffee");
    request.headers.set(HeaderName::Authorization, proof.to_string());
}

fn only(did: &Did) -> &Response {
    assert_eq!(did.responses.len(), 1, "{did:?}");
    &did.responses[0].1
}

/// Registers by hand and returns the final answer.
struct Phone {
    far: Far,
    cseq: u32,
    nc: u32,
    challenge: Challenge,
}

impl Phone {
    fn new(config: Config) -> Phone {
        let mut far = Far::new(config);
        let did = far.hears(register(1, None));
        assert_eq!(did.status(), 401);
        let challenge = challenge_in(only(&did), Algorithm::Sha256);
        Phone { far, cseq: 1, nc: 0, challenge }
    }

    fn says(&mut self, contact: Option<&str>, more: &[(HeaderName, &str)]) -> Did {
        self.cseq += 1;
        self.nc += 1;
        let mut register = register(self.cseq, contact);
        for (name, value) in more {
            register.headers.set(name.clone(), *value);
        }
        prove(&mut register, &self.challenge, "1001", "one", self.nc);
        self.far.hears(register)
    }

    fn contacts(&self) -> Vec<String> {
        self.far.endpoint.contacts("pbx.example", "1001").into_iter().map(|binding| binding.uri).collect()
    }
}

#[test]
fn a_registration_keeps_the_path_it_came_by_and_runs_out() {
    let mut phone = Phone::new(config());
    let device = [(HeaderName::UserAgent, "Deskphone 3"), (HeaderName::Expires, "120")];
    let did = phone.says(Some("<sip:1001@10.9.9.9:5066;ob>"), &device);
    assert_eq!(did.status(), 200);
    assert_eq!(only(&did).headers.get(&HeaderName::Contact), Some("<sip:1001@10.9.9.9:5066;ob>;expires=120"));
    assert!(
        matches!(did.news()[..], [Event::Registration { domain, user, registered: true }] if domain == "pbx.example" && user == "1001")
    );
    let binding = phone.far.endpoint.contacts("pbx.example", "1001").remove(0);
    assert_eq!((binding.flow, binding.device.as_deref()), (phone.far.flow, Some("Deskphone 3")));
    assert_eq!(binding.expires_at, phone.far.now.wall + Duration::from_secs(120));
    assert!(phone.far.waits(119_999).events.is_empty());
    let did = phone.far.waits(1);
    assert!(
        matches!(did.news()[..], [Event::Registration { user, registered: false, .. }] if user == "1001")
    );
    assert_eq!(phone.contacts(), [] as [&str; 0]);
    assert_eq!(phone.far.endpoint.counts(), Counts::default());
}

#[test]
fn several_phones_of_a_user_come_by_q_then_the_most_recent_first() {
    let mut phone = Phone::new(config());
    let a = "<sip:1001@10.0.0.1>;expires=100;q=0.9";
    let preferred = "<sip:1001@10.0.0.1>;expires=100;q=1.0";
    assert_eq!(phone.says(Some(a), &[]).news().len(), 1);
    assert_eq!(
        phone.says(Some("<sip:1001@10.0.0.2>;expires=200"), &[]).news().len(),
        0,
        "only the first is told"
    );
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.2", "sip:1001@10.0.0.1"]);
    phone.says(Some(preferred), &[]);
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.1", "sip:1001@10.0.0.2"], "now it is the more recent");
    phone.says(Some(a), &[]);
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.2", "sip:1001@10.0.0.1"], "q counts for more");
    let did = phone.says(None, &[]);
    assert_eq!(only(&did).headers.all(&HeaderName::Contact).count(), 2, "a question changes nothing");
    assert!(phone.says(Some("<sip:1001@10.0.0.1>;expires=0"), &[]).news().is_empty());
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.2"]);
    assert_eq!(phone.says(Some("*"), &[]).status(), 400, "a star needs Expires: 0");
    let did = phone.says(Some("*"), &[(HeaderName::Expires, "0")]);
    assert!(did.status() == 200 && did.news().len() == 1 && phone.contacts().is_empty());
}

#[test]
fn what_a_registrar_must_refuse_changes_nothing() {
    let limits = Limits { bindings_per_user_max: 2, ..Limits::default() };
    let mut phone = Phone::new(Config { limits, ..config() });
    let good = "<sip:1001@10.0.0.1>;expires=100";
    phone.says(Some(good), &[]);
    let did = phone.says(Some("<sip:1001@10.0.0.2>;expires=59"), &[]);
    assert_eq!((did.status(), only(&did).headers.get(&HeaderName::MinExpires)), (423, Some("60")));
    let both = "<sip:1001@10.0.0.2>;expires=100, <sip:1001@10.0.0.3>;expires=100";
    assert_eq!(phone.says(Some(both), &[]).status(), 403, "one too many");
    assert_eq!(phone.says(Some("<mailto:1001@pbx.example>"), &[]).status(), 400);
    phone.far.waits(40_000);
    phone.cseq = 1;
    assert_eq!(
        phone.says(Some(good), &[(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKlate")]).status(),
        500
    );
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.1"]);
    let long = phone.says(Some(good), &[(HeaderName::CallId, "rebooted"), (HeaderName::Expires, "99999")]);
    assert_eq!(long.status(), 200, "a new Call-ID begins anew");
    let longer =
        phone.says(Some("<sip:1001@10.0.0.7>"), &[(HeaderName::CallId, "r"), (HeaderName::Expires, "99999")]);
    let granted = only(&longer).headers.get(&HeaderName::Contact).unwrap();
    assert!(granted.ends_with("expires=3600"), "{granted}");
}

/// RFC 3261 §10.2.2, §10.3 steps 6 and 7.
#[test]
fn a_star_stands_alone_and_takes_all_that_is_not_newer() {
    let mut phone = Phone::new(config());
    phone.says(Some("<sip:1001@10.0.0.1>, <sip:1001@10.0.0.2>"), &[]);
    let newest = phone.cseq;
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.1", "sip:1001@10.0.0.2"], "as they were listed");
    let zero = (HeaderName::Expires, "0");
    assert_eq!(phone.says(Some("*, <sip:1001@10.0.0.1>"), std::slice::from_ref(&zero)).status(), 400);
    assert_eq!(phone.says(Some("*"), &[(HeaderName::Expires, "1")]).status(), 400);
    phone.says(Some("<sip:1001@10.0.0.3>"), &[(HeaderName::CallId, "another")]);
    phone.far.waits(40_000);
    phone.cseq = newest - 1;
    let late = (HeaderName::Via, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKlate");
    assert_eq!(phone.says(Some("*"), &[zero.clone(), late]).status(), 500, "it was sent before the other");
    assert_eq!(phone.contacts().len(), 3);
    phone.cseq = newest + 10;
    let did = phone.says(Some("*"), &[zero]);
    assert_eq!((did.status(), phone.contacts().len()), (200, 0), "also what another Call-ID made");
    assert!(!only(&did).headers.has(&HeaderName::Contact));
}

/// RFC 3261 §10.2.1.1: the parameter, then the header, then what the registrar thinks fit; a malformed one counts as none.
#[test]
fn a_contact_says_how_long_before_the_header_does() {
    let mut phone = Phone::new(config());
    let granted = |did: &Did| {
        let line = only(did).headers.get(&HeaderName::Contact).unwrap().to_owned();
        line.rsplit_once("expires=").unwrap().1.to_owned()
    };
    let header = (HeaderName::Expires, "300");
    for (contact, with_header, expected) in [
        ("<sip:1001@10.0.0.1>;expires=120", true, "120"),
        ("<sip:1001@10.0.0.1>", true, "300"),
        ("<sip:1001@10.0.0.1>;expires=soon", true, "300"),
        ("<sip:1001@10.0.0.1>;expires=soon", false, "3600"),
        ("<sip:1001@10.0.0.1>;expires=4294967296", false, "3600"),
        ("<sip:1001@10.0.0.1>", false, "3600"),
    ] {
        let more = if with_header { vec![header.clone()] } else { vec![] };
        assert_eq!(granted(&phone.says(Some(contact), &more)), expected, "{contact}");
    }
    let mixed = "<sip:1001@10.0.0.1>;expires=0, <sip:1001@10.0.0.2>;expires=1";
    assert_eq!(phone.says(Some(mixed), &[]).status(), 423, "all of it or nothing");
    assert_eq!(phone.contacts(), ["sip:1001@10.0.0.1"]);
    let did = phone.says(Some("<sip:1001@10.0.0.1>;q=0.25"), &[]);
    assert!(only(&did).headers.get(&HeaderName::Contact).unwrap().contains(";q=0.250"));
}

#[test]
fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let answer_to = |user: &str, password: &str| {
        let mut far = Far::new(config());
        let did = far.hears(register(1, None));
        let mut second = register(2, Some("<sip:x@10.0.0.1>"));
        prove(&mut second, &challenge_in(only(&did), Algorithm::Md5), user, password, 1);
        let did = far.hears(second);
        assert_eq!(did.events.is_empty(), did.status() != 200);
        String::from_utf8(only(&did).encode().to_vec()).unwrap()
    };
    let wrong = answer_to("1001", "wrong");
    assert!(wrong.starts_with("SIP/2.0 401") && !wrong.contains("stale"));
    assert_eq!(wrong, answer_to("nobody", "wrong"));
    assert_eq!(wrong, answer_to("nobody", "nobody has this password"));
    assert!(answer_to("1001", "one").starts_with("SIP/2.0 200"));
    assert!(answer_to("1002", "two").starts_with("SIP/2.0 403"), "not for another user");
}

#[test]
fn only_the_algorithms_that_were_asked_for_prove_anything() {
    let mut config = config();
    config.registrar.as_mut().unwrap().algorithms = vec![Algorithm::Md5];
    let mut far = Far::new(config);
    let did = far.hears(register(1, None));
    assert_eq!(only(&did).headers.all(&HeaderName::WwwAuthenticate).count(), 1);
    let asked = challenge_in(only(&did), Algorithm::Md5);
    let other = Challenge { algorithm: Algorithm::Sha256, ..asked.clone() };
    for (number, challenge, status) in [(2, other, 401), (3, asked, 200)] {
        let mut register = register(number, Some("<sip:1001@10.0.0.1>"));
        prove(&mut register, &challenge, "1001", "one", 1);
        assert_eq!(far.hears(register).status(), status, "{:?}", challenge.algorithm);
    }
}

#[test]
fn a_proof_cannot_be_used_again_nor_elsewhere() {
    let mut phone = Phone::new(config());
    assert_eq!(phone.says(Some("<sip:1001@10.0.0.1>"), &[]).status(), 200);
    phone.nc = 0;
    let did = phone.says(Some("<sip:evil@10.6.6.6>"), &[]);
    assert!(
        did.status() == 401 && challenge_in(only(&did), Algorithm::Md5).stale,
        "the count did not increase"
    );
    phone.challenge = challenge_in(only(&did), Algorithm::Sha256);
    assert_eq!(phone.says(Some("<sip:1001@10.0.0.1>"), &[]).status(), 200, "the fresh one counts from 1");
    phone.far.waits(4_100_000);
    let did = phone.says(Some("<sip:1001@10.0.0.1>"), &[]);
    assert!(did.status() == 401 && challenge_in(only(&did), Algorithm::Md5).stale, "too old");
    let mut elsewhere = register(90, None);
    prove(&mut elsewhere, &challenge_in(only(&did), Algorithm::Md5), "1001", "one", 1);
    elsewhere.uri = sip::message::Uri::parse("sip:other.example").unwrap();
    assert_eq!(phone.far.hears(elsewhere).status(), 401, "made for another Request-URI");
}

#[test]
fn dropped_users_have_no_place() {
    let mut phone = Phone::new(config());
    phone.says(Some("<sip:1001@10.0.0.1>"), &[]);
    phone.far.endpoint.set_domains(vec![domain("pbx.example", &[("1001", "one"), ("1003", "three")])]);
    assert!(phone.far.did().is_silent(), "1001 stays as it was");
    phone.far.endpoint.set_domains(vec![domain("pbx.example", &[("1001", "changed")])]);
    assert!(matches!(phone.far.did().news()[..], [Event::Registration { registered: false, .. }]));
    assert_eq!(phone.says(Some("<sip:1001@10.0.0.1>"), &[]).status(), 401);
}

#[test]
fn a_call_from_a_registered_phone_says_whose_it_is() {
    let mut phone = Phone::new(config());
    let caller = |did: &Did| match did.news()[..] {
        [Event::Incoming { registered, .. }] => registered.clone(),
        _ => panic!("{did:?}"),
    };
    assert_eq!(caller(&phone.far.hears(invite("1"))), None);
    phone.says(Some("<sip:1001@10.0.0.1>"), &[]);
    let mut second = invite("2");
    second.headers.set(HeaderName::CallId, "second");
    let whose = Aor { domain: "pbx.example".to_owned(), user: "1001".to_owned() };
    assert_eq!(caller(&phone.far.hears(second)), Some(whose));
    phone.far.flow.remote.set_port(9999);
    let mut third = invite("3");
    third.headers.set(HeaderName::CallId, "third");
    assert_eq!(caller(&phone.far.hears(third)), None, "from another port");
}

/// A phone behind NAT and the registrar, joined by hand: what one sends, the other hears.
struct Pair {
    now: base::Now,
    phone: Endpoint,
    pbx: Endpoint,
    events: Vec<Event>,
    calls: Vec<Event>,
}

fn inner() -> Flow {
    flow("10.0.0.5:5060", "192.0.2.1:5060")
}

/// Also private: the phone's own idea of its address looks as good as what is seen, and is wrong.
fn outer() -> Flow {
    flow("192.0.2.1:5060", "192.168.7.8:40123")
}

fn flow(local: &str, remote: &str) -> Flow {
    Flow { transport: Transport::Udp, local: local.parse().unwrap(), remote: remote.parse().unwrap() }
}

impl Pair {
    fn new(password: &str, pbx: Config) -> (Pair, RegistrationId) {
        let now = base::Now { mono: base::Mono::from_micros(1), wall: base::Wall::default() };
        let phone = Endpoint::new(Config::default(), Random::from_number(1));
        let pbx = Endpoint::new(pbx, Random::from_number(2));
        let mut pair = Pair { now, phone, pbx, events: Vec::new(), calls: Vec::new() };
        let what = Register {
            flow: inner(),
            others: Vec::new(),
            contact_user: None,
            uri: "sip:pbx.example".to_owned(),
            aor: "sip:1001@pbx.example".to_owned(),
            credentials: Credentials { user: "1001".to_owned(), password: password.to_owned() },
            expires: Duration::from_secs(100),
        };
        let registration = pair.phone.register(now, what);
        pair.talk();
        (pair, registration)
    }

    fn talk(&mut self) {
        loop {
            let (phone, pbx) = (self.phone.poll_output(), self.pbx.poll_output());
            if phone.is_none() && pbx.is_none() {
                return;
            }
            match phone {
                Some(Output::Transmit(transmit)) => {
                    let input = Input::Datagram { flow: outer(), data: &transmit.data };
                    self.pbx.handle_input(self.now, input);
                }
                Some(Output::Event(event)) => self.events.push(event),
                Some(Output::Connect { .. } | Output::Close { .. }) => panic!("there are no streams here"),
                None => {}
            }
            match pbx {
                Some(Output::Transmit(transmit)) => {
                    assert_eq!(transmit.flow, outer(), "everything goes back along the path");
                    let input = Input::Datagram { flow: inner(), data: &transmit.data };
                    self.phone.handle_input(self.now, input);
                }
                Some(Output::Event(Event::Bindings { .. })) => {}
                Some(Output::Event(event)) => self.calls.push(event),
                Some(Output::Connect { .. } | Output::Close { .. }) => panic!("there are no streams here"),
                None => {}
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now.later(Duration::from_millis(ms));
        loop {
            let next = [self.phone.next_timeout(), self.pbx.next_timeout()].into_iter().flatten().min();
            let Some((at, _)) = next.filter(|(at, _)| *at <= end.mono) else { break };
            self.now = self.now.later(at.since(self.now.mono));
            self.phone.handle_input(self.now, Input::Timeout);
            self.pbx.handle_input(self.now, Input::Timeout);
            self.talk();
        }
        self.now = end;
    }

    fn standings(&self) -> Vec<Standing> {
        let standing = |event: &Event| match event {
            Event::OwnRegistration { standing, .. } => Some(*standing),
            _ => None,
        };
        self.events.iter().filter_map(standing).collect()
    }
}

#[test]
fn our_own_registration_is_kept_up_and_taken_back() {
    let (mut pair, registration) = Pair::new("one", config());
    let granted = Standing::Registered { expires: Duration::from_secs(100) };
    assert_eq!(pair.standings(), [granted]);
    pair.wait(500_000);
    assert_eq!(pair.standings(), [granted; 11]);
    assert_eq!(pair.calls.len(), 1, "registered once, never lost: {:?}", pair.calls);
    pair.phone.unregister(pair.now, registration);
    pair.talk();
    assert_eq!(pair.standings().last(), Some(&Standing::Gone));
    assert!(matches!(pair.calls[..], [_, Event::Registration { registered: false, .. }]));
    pair.wait(100_000);
    assert_eq!((pair.phone.counts(), pair.pbx.counts()), (Counts::default(), Counts::default()));
}

#[test]
fn a_registration_that_is_refused_or_too_brief_is_tried_again() {
    let (mut pair, _) = Pair::new("wrong", config());
    assert_eq!(pair.standings(), [Standing::Refused(401)]);
    pair.wait(30_000);
    assert_eq!(pair.standings(), [Standing::Refused(401); 2]);
    let mut slow = config();
    slow.registrar.as_mut().unwrap().expires_min = Duration::from_secs(300);
    let (pair, _) = Pair::new("one", slow);
    assert_eq!(pair.standings(), [Standing::Registered { expires: Duration::from_secs(300) }]);
}

impl Pair {
    /// Calls the phone along its path until it rings: the dialogs of both.
    fn ring(&mut self) -> (sip::api::DialogId, sip::api::DialogId) {
        let binding = self.pbx.contacts("pbx.example", "1001").remove(0);
        assert_eq!((binding.flow, binding.uri.as_str()), (outer(), "sip:1001@10.0.0.5:5060"));
        let call = sip::api::Invite {
            flow: binding.flow,
            uri: binding.uri,
            from_user: "95588".to_owned(),
            from_name: None,
            to_uri: "sip:1001@pbx.example".to_owned(),
            sdp: endpoint_far::OFFER.into(),
            credentials: None,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: Default::default(),
        };
        let dialog = self.pbx.invite(self.now, call);
        self.talk();
        let rings = self.events.iter().find_map(|event| match event {
            Event::Incoming { dialog, to_user, .. } if to_user == "1001" => Some(*dialog),
            _ => None,
        });
        (dialog, rings.unwrap())
    }

    fn phone_ended(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Ended { .. }))
    }
}

#[test]
fn a_phone_behind_nat_is_called_along_its_path() {
    let (mut pair, _) = Pair::new("one", config());
    let (dialog, ringing) = pair.ring();
    pair.phone.accept(pair.now, ringing, endpoint_far::ANSWER.into());
    pair.talk();
    assert!(matches!(pair.events.last(), Some(Event::Acknowledged { .. })));
    pair.pbx.end(pair.now, dialog);
    pair.talk();
    assert!(pair.phone_ended());
}

#[test]
fn the_path_survives_a_restart_though_the_registration_does_not() {
    let (mut pair, _) = Pair::new("one", config());
    let (_, ringing) = pair.ring();
    let token = pair.calls.iter().find_map(|event| match event {
        Event::Token { token, .. } => Some(token.clone()),
        _ => None,
    });
    pair.pbx = Endpoint::new(config(), Random::from_number(3));
    pair.pbx.resume(pair.now, &token.unwrap()).unwrap();
    // The phone is picked up while the CANCEL is on its way: ACK and BYE follow, not to the phone's inner address.
    pair.phone.accept(pair.now, ringing, endpoint_far::ANSWER.into());
    pair.talk();
    assert!(pair.phone_ended());
    assert!(matches!(pair.calls.last(), Some(Event::Ended { .. })));
}
