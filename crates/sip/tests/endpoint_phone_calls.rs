//! Registered phones that call by themselves: they prove who they are each time (RFC 3261 §22.2).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Did, Far, invite, request};
use sip::api::{Aor, Credentials, Event};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Response};
use sip::{Config, Domain, RegistrarConfig, User};

fn config(callers_proven: bool) -> Config {
    let user = |name: &str, password: &str| User { name: name.to_owned(), password: password.to_owned() };
    let domain = |name: &str, users| Domain { name: name.to_owned(), users };
    let domains = vec![
        domain("pbx.example", vec![user("1001", "one"), user("1002", "two")]),
        domain("other.example", vec![user("1001", "other")]),
    ];
    let registrar = RegistrarConfig { domains, callers_proven, ..RegistrarConfig::default() };
    Config { registrar: Some(registrar), ..Config::default() }
}

/// An endpoint with which 1001 of `pbx.example` is registered by the far end's path.
fn registered(config: Config) -> Far {
    let mut far = Far::new(config);
    let mut register = request(Method::Register, "1");
    register.headers.set(HeaderName::From, "<sip:1001@pbx.example>;tag=phone");
    register.headers.set(HeaderName::To, "<sip:1001@pbx.example>");
    let challenge = challenge_in(&far.hears(register.clone()));
    prove(&mut register, &challenge, ("1001", "one"), 1);
    register.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKproven");
    assert_eq!(far.hears(register).status(), 200);
    far
}

fn call(branch: &str) -> Request {
    let mut invite = invite(branch);
    invite.headers.set(HeaderName::From, "<sip:1001@pbx.example>;tag=phone");
    invite
}

fn prove(request: &mut Request, challenge: &Challenge, (user, password): (&str, &str), nc: u32) {
    let who = Credentials { user: user.to_owned(), password: password.to_owned() };
    let (method, uri) = (request.method.clone(), request.uri.to_string());
    let proof = Authorization::answer(challenge, &who, &method, &uri, nc, "c0ffee");
    request.headers.set(HeaderName::Authorization, proof.to_string());
}

fn challenge_in(did: &Did) -> Challenge {
    assert_eq!(did.status(), 401);
    let response: &Response = &did.responses[0].1;
    Challenge::parse(response.headers.get(&HeaderName::WwwAuthenticate).unwrap()).unwrap().unwrap()
}

/// Who called, as the endpoint's user is told; none: nobody did.
fn caller(did: &Did) -> Option<Option<Aor>> {
    did.events.iter().find_map(|event| match event {
        Event::Incoming { registered, .. } => Some(registered.clone()),
        _ => None,
    })
}

fn aor(user: &str) -> Option<Option<Aor>> {
    Some(Some(Aor { domain: "pbx.example".to_owned(), user: user.to_owned() }))
}

#[test]
fn a_phone_that_calls_is_asked_for_its_password_each_time() {
    let mut far = registered(config(true));
    let mut first = call("1");
    let did = far.hears(first.clone());
    let challenge = challenge_in(&did);
    assert_eq!((challenge.realm.as_str(), caller(&did)), ("pbx.example", None));
    assert_eq!(far.endpoint.counts().dialogs, 0, "nothing is remembered of it");
    prove(&mut first, &challenge, ("1001", "one"), 1);
    first.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKagain");
    let did = far.hears(first.clone());
    assert_eq!((did.status(), caller(&did)), (100, aor("1001")));
    assert_eq!(caller(&far.hears(first.clone())), None, "repeated");

    // The same proof is good for one request; a later one with the same nonce counts on.
    let mut second = call("2");
    second.headers.set(HeaderName::CallId, "second");
    second.headers.set(HeaderName::Authorization, first.headers.get(&HeaderName::Authorization).unwrap());
    let did = far.hears(second.clone());
    assert!(challenge_in(&did).stale && caller(&did).is_none());
    prove(&mut second, &challenge, ("1001", "one"), 2);
    second.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKthird");
    assert_eq!(caller(&far.hears(second)), aor("1001"));
}

#[test]
fn who_proves_to_be_another_is_that_one() {
    let mut far = registered(config(true));
    let mut both = call("1");
    let challenge = challenge_in(&far.hears(both.clone()));
    prove(&mut both, &challenge, ("1002", "two"), 1);
    both.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKagain");
    assert_eq!(caller(&far.hears(both)), aor("1002"));
}

#[test]
fn a_wrong_proof_calls_nobody() {
    for who in [("1001", "two"), ("1001", "other"), ("1003", "one")] {
        let mut far = registered(config(true));
        let mut wrong = call("1");
        let challenge = challenge_in(&far.hears(wrong.clone()));
        prove(&mut wrong, &challenge, who, 1);
        wrong.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKagain");
        let did = far.hears(wrong);
        challenge_in(&did);
        assert_eq!((caller(&did), far.endpoint.counts().dialogs), (None, 0), "{who:?}");
    }
}

#[test]
fn who_is_not_registered_is_not_asked_and_is_nobody() {
    let mut far = Far::new(config(true));
    assert_eq!(caller(&far.hears(call("1"))), Some(None));
    let mut far = registered(config(false));
    assert_eq!(caller(&far.hears(call("1"))), aor("1001"), "where its path is enough");
}

#[test]
fn a_phone_cannot_take_the_place_of_a_call_where_that_is_not_known() {
    let mut far = registered(config(false));
    let mut replacing = call("1");
    replacing.headers.push(HeaderName::Replaces, "x;to-tag=1;from-tag=2");
    let did = far.hears(replacing);
    assert_eq!((did.status(), caller(&did)), (481, None));
}
