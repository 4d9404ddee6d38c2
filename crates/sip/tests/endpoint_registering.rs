//! One endpoint that registers elsewhere, and a registrar that is played by the test, message by message.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of the far end")]
mod endpoint_far;

use std::time::Duration;

use endpoint_far::{Did, Far, OFFER, answer, invite, routes};
use sip::Config;
use sip::api::{
    Credentials, Event, Flow, Identity, Input, Invite, Register, RegistrationId, Standing, Transport,
};
use sip::message::{HeaderName, Method, Request, Response};

fn flow(far: &Far, host: u8) -> Flow {
    Flow { remote: ([192, 0, 2, host], 5060).into(), ..far.flow }
}

/// Registers; the ways are the hosts.
fn registers(far: &mut Far, hosts: &[u8]) -> RegistrationId {
    let flows: Vec<Flow> = hosts.iter().map(|host| flow(far, *host)).collect();
    let register = Register {
        flow: flows[0],
        others: flows[1..].to_vec(),
        contact_user: Some("trunk-7".to_owned()),
        uri: "sip:carrier.example".to_owned(),
        aor: "sip:4711@carrier.example".to_owned(),
        credentials: Credentials { user: "4711".to_owned(), password: "secret".to_owned() },
        expires: Duration::from_secs(600),
    };
    far.endpoint.register(far.now, register)
}

/// The hosts that were asked, each once.
fn asked(did: &Did) -> Vec<u8> {
    let host = |flow: &Flow| match flow.remote.ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    };
    let mut hosts: Vec<u8> = did.requests.iter().map(|(flow, _)| host(flow)).collect();
    hosts.dedup();
    hosts
}

fn standings(did: &Did) -> Vec<Standing> {
    let standing = |event: &Event| match event {
        Event::OwnRegistration { standing, .. } => Some(*standing),
        _ => None,
    };
    did.events.iter().filter_map(standing).collect()
}

fn register_of(did: Did) -> Request {
    did.requests.into_iter().find(|(_, request)| request.method == Method::Register).expect("a REGISTER").1
}

fn granted(register: &Request, lines: &[(HeaderName, &str)]) -> Response {
    let mut response = answer(register, 200, "registrar");
    response.headers.push(HeaderName::Contact, register.headers.get(&HeaderName::Contact).unwrap());
    response.headers.push(HeaderName::Expires, "600");
    for (name, value) in lines {
        response.headers.push(name.clone(), *value);
    }
    response
}

#[test]
fn one_way_that_is_silent_and_one_that_is_busy_are_left_for_the_next() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1, 2, 3]);
    assert_eq!(asked(&far.did()), [1]);
    let did = far.waits(4_000);
    assert_eq!((asked(&did), standings(&did)), (vec![1, 2], vec![]));
    let did = far.hears(answer(&register_of(did_last(did)), 503, "registrar"));
    assert_eq!((asked(&did), standings(&did)), (vec![3], vec![]));
    let did = far.hears(granted(&register_of(did), &[]));
    assert_eq!(standings(&did), [Standing::Registered { expires: Duration::from_secs(600) }]);
    assert_eq!(asked(&far.waits(300_000)), [3], "what works is kept to");
}

/// Only the last request.
fn did_last(mut did: Did) -> Did {
    let last = did.requests.pop().expect("a request");
    Did { requests: vec![last], ..did }
}

#[test]
fn when_no_way_leads_anywhere_pauses_grow_until_one_does() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1, 2]);
    let did = far.waits(8_000);
    assert_eq!(standings(&did), [Standing::NoAnswer], "after all of them, not after each");
    assert!(far.waits(29_000).requests.is_empty());
    assert_eq!(asked(&far.waits(1_000)), [1]);
    assert_eq!(standings(&far.waits(8_000)), [Standing::NoAnswer]);
    assert!(far.waits(59_000).requests.is_empty(), "twice as long");
    let register = register_of(far.waits(1_000));
    assert_eq!(standings(&far.hears(granted(&register, &[]))).len(), 1);
}

#[test]
fn a_refusal_is_not_asked_about_again_soon() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1, 2]);
    let register = register_of(far.did());
    let did = far.hears(answer(&register, 403, "registrar"));
    assert_eq!((standings(&did), asked(&did)), (vec![Standing::Refused(403)], vec![]));
    assert!(far.waits(599_000).requests.is_empty());
    assert_eq!(asked(&far.waits(1_000)).len(), 1);
}

#[test]
fn a_registrar_says_when_to_come_again() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let mut busy = answer(&register_of(far.did()), 503, "registrar");
    busy.headers.push(HeaderName::RetryAfter, "95");
    assert_eq!(standings(&far.hears(busy)), [Standing::Refused(503)]);
    assert!(far.waits(94_000).requests.is_empty());
    assert!(!far.waits(1_000).requests.is_empty());
}

#[test]
fn a_registrar_that_always_wants_longer_is_not_followed_for_ever() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let mut did = far.did();
    for least in 700..703 {
        let mut brief = answer(&register_of(did), 423, "registrar");
        brief.headers.push(HeaderName::MinExpires, least.to_string());
        did = far.hears(brief);
        assert_eq!(did.requests.len(), 1);
    }
    let mut brief = answer(&register_of(did), 423, "registrar");
    brief.headers.push(HeaderName::MinExpires, "703");
    assert_eq!(standings(&far.hears(brief)), [Standing::Refused(423)]);
}

#[test]
fn calls_go_the_way_that_the_registrar_wants() {
    let mut far = Far::new(Config::default());
    let registration = registers(&mut far, &[1]);
    let register = register_of(far.did());
    let route = "<sip:192.0.2.77:5088;lr>, <sip:inner.example;lr>";
    far.hears(granted(&register, &[(HeaderName::ServiceRoute, route)]));
    let call = Invite {
        flow: flow(&far, 1),
        uri: "sip:139@carrier.example".to_owned(),
        from_user: "4711@carrier.example".to_owned(),
        from_name: None,
        to_uri: "sip:139@carrier.example".to_owned(),
        sdp: OFFER.into(),
        credentials: None,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: Some(registration),
        identity: Identity::default(),
    };
    far.endpoint.invite(far.now, call);
    let (to, invite) = far.did().requests.pop().expect("an INVITE");
    assert_eq!(to.remote.to_string(), "192.0.2.77:5088");
    assert_eq!(routes(&invite), ["<sip:192.0.2.77:5088;lr>", "<sip:inner.example;lr>"]);
    assert_eq!(invite.uri.to_string(), "sip:139@carrier.example");
}

#[test]
fn calls_to_the_contact_are_told_apart_and_name_whom_they_want_in_to() {
    let mut far = Far::new(Config::default());
    let registration = registers(&mut far, &[1]);
    far.did();
    let incoming = |far: &mut Far, user: &str| {
        let mut call = invite(user);
        call.headers.set(HeaderName::CallId, user);
        call.uri = sip::message::Uri::parse(&format!("sip:{user}@192.0.2.1")).unwrap();
        let did = far.hears(call);
        did.events.iter().find_map(|event| match event {
            Event::Incoming { to_user, registration, .. } => Some((to_user.clone(), *registration)),
            _ => None,
        })
    };
    assert_eq!(incoming(&mut far, "trunk-7"), Some(("95588".to_owned(), Some(registration))));
    assert_eq!(incoming(&mut far, "trunk-8"), Some(("trunk-8".to_owned(), None)));
}

#[test]
fn when_the_ways_change_a_registration_moves() {
    let mut far = Far::new(Config::default());
    let registration = registers(&mut far, &[1]);
    let register = register_of(far.did());
    far.hears(granted(&register, &[]));
    let same = [flow(&far, 2), flow(&far, 1)];
    far.endpoint.reroute(far.now, registration, &same);
    assert!(far.did().requests.is_empty(), "it is where it was");
    let other = [flow(&far, 2)];
    far.endpoint.reroute(far.now, registration, &other);
    let did = far.did();
    assert_eq!(asked(&did), [2]);
    far.hears(granted(&register_of(did), &[]));
    far.endpoint.unregister(far.now, registration);
    let gone = register_of(far.did());
    assert_eq!(gone.headers.get(&HeaderName::Expires), Some("0"));
    assert_eq!(standings(&far.hears(granted(&gone, &[]))), [Standing::Gone]);
}

fn challenged(register: &Request, nonce: &str, stale: bool) -> Response {
    let mut response = answer(register, 401, "registrar");
    let challenge =
        format!("Digest realm=\"carrier.example\", nonce=\"{nonce}\", stale={stale}, qop=\"auth\"");
    response.headers.push(HeaderName::WwwAuthenticate, challenge);
    response
}

#[test]
fn a_proof_that_came_too_late_is_given_anew_at_once_but_not_for_ever() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let first = register_of(far.did());
    let late = register_of(far.hears(challenged(&first, "one", false)));
    let anew = register_of(far.hears(challenged(&late, "two", true)));
    let proofs: Vec<&str> = anew.headers.all(&HeaderName::Authorization).collect();
    assert!(proofs.len() == 1 && proofs[0].contains("nonce=\"two\""), "{proofs:?}");
    let sequence = [&first, &late, &anew].map(|register| register.headers.cseq().unwrap().number);
    assert_eq!(sequence, [1, 2, 3]);
    let did = far.hears(granted(&anew, &[]));
    assert_eq!(standings(&did), [Standing::Registered { expires: Duration::from_secs(600) }]);

    let mut register = register_of(far.waits(300_000));
    register = register_of(far.hears(challenged(&register, "n", false)));
    for _ in 0..sip::limits::STALE_TRIES_MAX {
        register = register_of(far.hears(challenged(&register, "n", true)));
    }
    let did = far.hears(challenged(&register, "n", true));
    assert_eq!((standings(&did), asked(&did)), (vec![Standing::Refused(401)], vec![]));
}

#[test]
fn a_proof_that_was_wrong_is_not_given_again() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let first = register_of(far.did());
    let second = register_of(far.hears(challenged(&first, "one", false)));
    let did = far.hears(challenged(&second, "two", false));
    assert_eq!((standings(&did), asked(&did)), (vec![Standing::Refused(401)], vec![]));
}

#[test]
fn a_registrar_that_keeps_us_for_no_time_does_not_know_us() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let register = register_of(far.did());
    let mut nothing = answer(&register, 200, "registrar");
    nothing.headers.push(HeaderName::Expires, "0");
    assert_eq!(standings(&far.hears(nothing)), [Standing::Refused(200)]);
    assert!(far.waits(29_000).requests.is_empty(), "it is not asked every second");
    assert_eq!(asked(&far.waits(1_000)), [1]);
}

#[test]
fn no_registrar_keeps_us_from_coming_again_for_ever() {
    let mut far = Far::new(Config::default());
    registers(&mut far, &[1]);
    let mut brief = answer(&register_of(far.did()), 423, "registrar");
    brief.headers.push(HeaderName::MinExpires, u32::MAX.to_string());
    assert_eq!(standings(&far.hears(brief)), [Standing::Refused(423)]);
    let register = register_of(far.waits(30_000));
    let mut long = answer(&register, 200, "registrar");
    long.headers.push(HeaderName::Expires, u32::MAX.to_string());
    let longest = sip::limits::OWN_EXPIRES_MAX;
    assert_eq!(standings(&far.hears(long)), [Standing::Registered { expires: longest }]);
    assert_eq!(asked(&far.waits(43_200_000)), [1]);
}

#[test]
fn the_stream_by_which_a_registration_goes_stays_open_also_when_it_is_not_the_first_way() {
    let mut far = Far::new(Config::default());
    let ways = [1, 2].map(|host| Flow { transport: Transport::Tcp, ..flow(&far, host) });
    let register = Register {
        flow: ways[0],
        others: vec![ways[1]],
        contact_user: None,
        uri: "sip:carrier.example".to_owned(),
        aor: "sip:4711@carrier.example".to_owned(),
        credentials: Credentials { user: "4711".to_owned(), password: "secret".to_owned() },
        expires: Duration::from_secs(86_400),
    };
    far.endpoint.register(far.now, register);
    assert_eq!(far.did().connects, [ways[0]]);
    far.endpoint.handle_input(far.now, Input::Closed { flow: ways[0] });
    assert_eq!(far.did().connects, [ways[1]]);
    far.endpoint.handle_input(far.now, Input::Connected { flow: ways[1] });
    let mut answer = answer(&register_of(far.did()), 200, "registrar");
    answer.headers.push(HeaderName::ContentLength, "0");
    let data = answer.encode();
    far.endpoint.handle_input(far.now, Input::Stream { flow: ways[1], data: &data });
    assert_eq!(standings(&far.did()).len(), 1);
    assert_eq!(far.waits(3_600_000).closes, []);
}
