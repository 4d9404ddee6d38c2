//! Calls that are to take the place of others (RFC 3891).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Far, answer, inside, invite, request};
use sip::Config;
use sip::api::{DialogId, Event};
use sip::message::{HeaderName, Method, Request, Response};

fn replacing_is_known() -> Config {
    Config { replaces: true, ..Config::default() }
}

/// An INVITE of somebody else that is to take the place of the call that `ok` answered.
fn replacing(ok: &Response, branch: &str, more: &str) -> Request {
    let line = |name| ok.headers.get(&name).unwrap().to_owned();
    let tag = |line: &str| line.rsplit_once("tag=").unwrap().1.to_owned();
    // Ours is the From of what we asked.
    let (ours, theirs) = (tag(&line(HeaderName::From)), tag(&line(HeaderName::To)));
    let call_id = line(HeaderName::CallId);
    replacing_with(branch, &format!("{call_id};to-tag={ours};from-tag={theirs}{more}"))
}

fn replacing_with(branch: &str, value: &str) -> Request {
    let mut invite = invite(branch);
    invite.headers.set(HeaderName::CallId, format!("other-{branch}"));
    invite.headers.push(HeaderName::Require, "replaces");
    invite.headers.push(HeaderName::Replaces, value);
    invite
}

fn told(far: &mut Far, invite: Request) -> Option<DialogId> {
    let did = far.hears(invite);
    did.events.iter().find_map(|event| match event {
        Event::Incoming { replaces, .. } => Some(*replaces),
        _ => None,
    })?
}

#[test]
fn the_call_that_is_meant_is_told() {
    let mut far = Far::new(replacing_is_known());
    let (dialog, _, ok) = far.is_in_call();
    let other = replacing(&ok, "a", "");
    assert_eq!(told(&mut far, other), Some(dialog));
    let options = far.hears(request(Method::Options, "o"));
    let supported = options.responses[0].1.headers.get(&HeaderName::Supported).map(str::to_owned);
    assert!(supported.is_some_and(|tags| tags.split(", ").any(|tag| tag == "replaces")));
}

#[test]
fn one_that_rings_by_our_call_may_be_replaced_and_one_that_rings_here_not() {
    let mut far = Far::new(replacing_is_known());
    let (dialog, called) = far.is_called();
    let ringing = answer(&called, 180, "far");
    far.hears(ringing.clone());
    let other = replacing(&ringing, "a", ";early-only");
    assert_eq!(told(&mut far, other), Some(dialog));

    let theirs = invite("b");
    let rings = far.calls(&theirs);
    far.endpoint.ring(far.now, rings, 180, None);
    let ringing = far.did().responses[0].1.clone();
    let ours = ringing.headers.to().unwrap().tag().unwrap().to_owned();
    let value = format!("far-call;to-tag={ours};from-tag=caller");
    assert_eq!(far.hears(replacing_with("c", &value)).status(), 481);
}

#[test]
fn what_cannot_be_replaced_is_refused_with_its_own_status() {
    let mut far = Far::new(replacing_is_known());
    let (_, _, ok) = far.is_in_call();
    assert_eq!(far.hears(replacing(&ok, "a", ";early-only")).status(), 486, "it is established");
    let line = |name| ok.headers.get(&name).unwrap().to_owned();
    let call_id = line(HeaderName::CallId);
    for (branch, value, status) in [
        ("b", "nobody;to-tag=1;from-tag=2".to_owned(), 481),
        ("c", format!("{call_id};to-tag=1;from-tag=far"), 481),
        ("d", "lacks-its-tags".to_owned(), 400),
    ] {
        assert_eq!(far.hears(replacing_with(branch, &value)).status(), status, "{value}");
    }
    let mut twice = replacing(&ok, "e", "");
    twice.headers.push(HeaderName::Replaces, "x;to-tag=1;from-tag=2");
    assert_eq!(far.hears(twice).status(), 400);
    let mut options = request(Method::Options, "f");
    options.headers.push(HeaderName::Replaces, "x;to-tag=1;from-tag=2");
    assert_eq!(far.hears(options).status(), 400, "not an INVITE");

    far.hears(inside(&ok, Method::Bye, 9));
    let status = far.hears(replacing(&ok, "g", "")).status();
    assert!(matches!(status, 603 | 481), "over: {status}");
}

#[test]
fn an_endpoint_that_does_not_replace_says_so() {
    let mut far = Far::new(Config::default());
    let (_, _, ok) = far.is_in_call();
    let did = far.hears(replacing(&ok, "a", ""));
    assert_eq!(did.status(), 420);
    assert_eq!(did.responses[0].1.headers.get(&HeaderName::Unsupported), Some("replaces"));
    let mut ignored = replacing(&ok, "b", "");
    ignored.headers.remove(&HeaderName::Require);
    assert_eq!(told(&mut far, ignored), None, "it rings like any other");
}
