//! Who calls, besides From.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of the far end")]
mod endpoint_far;

use endpoint_far::{Far, OFFER, invite};
use sip::Config;
use sip::api::{Event, Identity, Invite};
use sip::message::{HeaderName, Method, Request};

fn calls_as(identity: Identity) -> Request {
    let mut far = Far::new(Config::default());
    let call = Invite {
        flow: far.flow,
        uri: "sip:139@192.0.2.9".to_owned(),
        from_user: "02258834811@pbx.example".to_owned(),
        from_name: None,
        to_uri: "sip:139@192.0.2.9".to_owned(),
        sdp: OFFER.into(),
        credentials: None,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: None,
        identity,
    };
    far.endpoint.invite(far.now, call);
    far.did().one_request(Method::Invite)
}

fn lines(request: &Request) -> [Option<&str>; 4] {
    let names = [
        HeaderName::PAssertedIdentity,
        HeaderName::PPreferredIdentity,
        HeaderName::Privacy,
        HeaderName::Diversion,
    ];
    names.map(|name| request.headers.get(&name))
}

#[test]
fn nothing_is_said_unless_it_is_asked_for() {
    assert_eq!(lines(&calls_as(Identity::default())), [None; 4]);
}

#[test]
fn each_thing_that_is_said_has_its_header() {
    let number = || Some("02258834811@pbx.example".to_owned());
    let all = calls_as(Identity {
        asserted: number(),
        preferred: Some("1001".to_owned()),
        withheld: false,
        diverted_from: Some("01088880000@pbx.example".to_owned()),
    });
    let expected = [
        Some("<sip:02258834811@pbx.example>"),
        Some("<sip:1001@192.0.2.1>"),
        None,
        Some("<sip:01088880000@pbx.example>;reason=unconditional"),
    ];
    assert_eq!(lines(&all), expected);
}

#[test]
fn who_is_withheld_is_named_to_those_that_are_trusted_alone() {
    let asserted = Some("02258834811@pbx.example".to_owned());
    let call = calls_as(Identity { asserted, withheld: true, ..Identity::default() });
    let from = call.headers.from().unwrap();
    assert_eq!(from.uri.to_string(), "sip:anonymous@anonymous.invalid");
    assert_eq!(lines(&call)[..3], [Some("<sip:02258834811@pbx.example>"), None, Some("id")]);
    let shown = call.headers.iter().filter(|(name, _)| **name != HeaderName::PAssertedIdentity);
    for (name, value) in shown {
        assert!(!value.contains("02258834811"), "{name}: {value}");
    }
}

#[test]
fn who_is_withheld_is_not_shown_as_the_one_who_diverted_the_call() {
    let diverted_from = Some("02258834811@pbx.example".to_owned());
    let call = calls_as(Identity { diverted_from, withheld: true, ..Identity::default() });
    let expected = Some("<sip:02258834811@pbx.example>;reason=unconditional;privacy=full");
    assert_eq!(lines(&call)[3], expected);
}

fn heard(lines: &[(HeaderName, &str)]) -> Identity {
    let mut far = Far::new(Config::default());
    let mut call = invite("in");
    for (name, value) in lines {
        call.headers.push(name.clone(), *value);
    }
    let did = far.hears(call);
    let identity = did.events.iter().find_map(|event| match event {
        Event::Incoming { identity, .. } => Some(identity.clone()),
        _ => None,
    });
    *identity.expect("the call came in")
}

#[test]
fn what_callers_say_is_read_and_what_is_malformed_is_not() {
    assert_eq!(heard(&[]), Identity::default());
    let all = heard(&[
        (HeaderName::PAssertedIdentity, "\"Ann\" <sip:+8613900000001@carrier.example;user=phone>"),
        (HeaderName::Privacy, "critical; ID"),
        (HeaderName::Diversion, "<tel:+861088880000;phone-context=x>;reason=user-busy, <sip:1@b>"),
    ]);
    let expected = Identity {
        asserted: Some("+8613900000001".to_owned()),
        preferred: None,
        withheld: true,
        diverted_from: Some("+861088880000".to_owned()),
    };
    assert_eq!(all, expected);
    let bad = heard(&[(HeaderName::PAssertedIdentity, "\"<sip:a@b>"), (HeaderName::Privacy, "none")]);
    assert_eq!(bad, Identity::default());
}
