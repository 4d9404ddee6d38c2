//! Provisional answers that must arrive (RFC 3262), ours and theirs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Far, answer, follow, invite, request, with_sdp};
use sip::api::{Counts, DialogId, Ended, Event};
use sip::message::{HeaderName, Method, Request, Response};
use sip::{Config, Reliability};

#[test]
fn theirs_are_acknowledged_in_their_order_and_once() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    assert!(first.headers.tokens(&HeaderName::Supported).contains(&"100rel"));
    let did = far.hears(reliable(&first, 183, "far", 776));
    let prack = did.one_request(Method::Prack);
    assert_eq!(prack.headers.get(&HeaderName::RAck), Some("776 1 INVITE"));
    assert_eq!(
        (prack.headers.cseq().unwrap().number, prack.uri.to_string().as_str()),
        (2, "sip:139@192.0.2.9:5070")
    );
    assert_eq!(prack.headers.to().unwrap().tag(), Some("far"));
    assert!(matches!(did.news()[..], [Event::Progress { status: 183, sdp: Some(_), .. }]));
    assert!(far.hears(answer(&prack, 200, "far")).is_silent());
    assert!(far.hears(reliable(&first, 183, "far", 776)).is_silent(), "repeated");
    assert!(far.hears(reliable(&first, 180, "far", 778)).is_silent(), "one is missing before it");
    let did = far.hears(reliable(&first, 180, "far", 777));
    assert_eq!(did.one_request(Method::Prack).headers.get(&HeaderName::RAck), Some("777 1 INVITE"));
    assert!(matches!(did.news()[..], [Event::Progress { status: 180, .. }]));
    // Another phone counts for itself.
    let other = far.hears(reliable(&first, 180, "other", 5)).one_request(Method::Prack);
    assert_eq!(other.headers.to().unwrap().tag(), Some("other"));

    let did = far.hears(answer(&first, 200, "far"));
    assert_eq!(did.one_request(Method::Ack).headers.cseq().unwrap().number, 1);
    let [Event::Answered { sdp: Some(sdp), .. }] = did.news()[..] else { panic!("{did:?}") };
    assert_eq!(&sdp[..], b"v=0 early", "the answer was in the provisional one");
    far.endpoint.end(far.now, DialogId(1));
    let bye = far.did().one_request(Method::Bye);
    assert!(bye.headers.cseq().unwrap().number > 4);
    far.hears(answer(&bye, 200, ""));
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_prack_is_repeated_and_may_be_challenged() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    let prack = far.hears(reliable(&first, 180, "far", 1)).one_request(Method::Prack);
    assert_eq!(far.waits(500).requests.len(), 1);
    let mut challenge = answer(&prack, 407, "far");
    challenge.headers.push(HeaderName::ProxyAuthenticate, r#"Digest realm="c", nonce="n", qop="auth""#);
    let again = far.hears(challenge).one_request(Method::Prack);
    assert!(again.headers.has(&HeaderName::ProxyAuthorization));
    assert_eq!(again.headers.get(&HeaderName::RAck), Some("1 1 INVITE"));
    assert!(again.headers.cseq().unwrap().number > prack.headers.cseq().unwrap().number);
    assert!(far.hears(answer(&again, 481, "far")).is_silent());
}

#[test]
fn ours_are_repeated_until_the_prack_and_only_where_that_is_wanted() {
    for (config, asked, is_reliable) in [
        (Reliability::WhenAsked, HeaderName::Require, true),
        (Reliability::WhenAsked, HeaderName::Supported, false),
        (Reliability::WhenPossible, HeaderName::Supported, true),
        (Reliability::Never, HeaderName::Supported, false),
    ] {
        let mut far = Far::new(Config { reliable: config, ..Config::default() });
        let (dialog, call) = calls(&mut far, asked.clone());
        let ringing = rings(&mut far, dialog, 180, None);
        assert_eq!(ringing.headers.has(&HeaderName::RSeq), is_reliable, "{config:?} {asked}");
        assert_eq!(ringing.headers.tokens(&HeaderName::Require).contains(&"100rel"), is_reliable);
        // At 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
        assert_eq!(far.waits(10_000).responses.len(), if is_reliable { 4 } else { 0 });
        if is_reliable {
            let mut wrong = acknowledges(&call, &ringing, 8);
            wrong.headers.set(HeaderName::RAck, "1 1 INVITE");
            assert_eq!(far.hears(wrong).status(), 481);
            assert_eq!(far.hears(acknowledges(&call, &ringing, 9)).status(), 200);
            assert_eq!(far.hears(acknowledges(&call, &ringing, 10)).status(), 481, "it was acknowledged");
        }
        assert!(far.waits(60_000).is_silent());
    }
    let mut far = Far::new(Config { reliable: Reliability::Never, ..Config::default() });
    let mut call = invite("1");
    call.headers.push(HeaderName::Require, "100rel");
    assert_eq!(far.hears(call).status(), 420);
}

#[test]
fn a_caller_who_never_acknowledges_is_given_up() {
    let mut far = Far::new(Config::default());
    let (dialog, _) = calls(&mut far, HeaderName::Require);
    rings(&mut far, dialog, 180, None);
    let did = far.waits(31_999);
    assert!(did.events.is_empty() && did.responses.iter().all(|(_, ringing)| ringing.status == 180));
    let did = far.waits(1);
    assert_eq!(did.status(), 504);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::Broken, .. }]));
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn what_is_said_meanwhile_waits_for_the_prack_and_sdp_is_said_once() {
    let mut far = Far::new(Config::default());
    let (dialog, call) = calls(&mut far, HeaderName::Require);
    let first = rings(&mut far, dialog, 183, Some("v=0 early answer"));
    assert_eq!(&first.body[..], b"v=0 early answer");
    far.endpoint.ring(far.now, dialog, 180, None);
    assert!(far.did().is_silent(), "one at a time");
    let did = far.hears(acknowledges(&call, &first, 8));
    let second = did.responses[1].1.clone();
    assert_eq!((did.responses[0].1.status, second.status), (200, 180));
    let number = |response: &Response| response.headers.rseq().unwrap().unwrap();
    assert_eq!(number(&second), number(&first) + 1);
    // Nothing is said of media in it, so the 2xx need not wait.
    far.endpoint.accept(far.now, dialog, "v=0 other".into());
    let ok = far.did().responses.remove(0).1;
    assert_eq!((ok.status, ok.body.len()), (200, 0), "the answer was given before");
    let did = far.waits(499);
    assert!(did.responses.is_empty(), "the 180 is repeated no more: {did:?}");
    assert!(matches!(far.hears(follow(&call, &ok, Method::Ack, 7)).events[..], [Event::Acknowledged { .. }]));
}

#[test]
fn a_2xx_waits_for_the_prack_of_the_answer_before_it() {
    let mut far = Far::new(Config::default());
    let (dialog, call) = calls(&mut far, HeaderName::Require);
    let first = rings(&mut far, dialog, 183, Some("v=0 early answer"));
    far.endpoint.accept(far.now, dialog, "v=0 early answer".into());
    assert!(far.did().is_silent());
    let did = far.hears(acknowledges(&call, &first, 8));
    let statuses: Vec<u16> = did.responses.iter().map(|(_, response)| response.status).collect();
    assert_eq!(statuses, [200, 200]);
    assert_eq!(did.responses[1].1.headers.cseq().unwrap().method, Method::Invite);

    // Whoever hangs up meanwhile is not answered.
    let mut far = Far::new(Config::default());
    let (dialog, call) = calls(&mut far, HeaderName::Require);
    let first = rings(&mut far, dialog, 183, Some("v=0 early answer"));
    far.endpoint.accept(far.now, dialog, "v=0 early answer".into());
    let did = far.hears(endpoint_far::same_branch(&call, Method::Cancel));
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::ByFar, .. }]));
    assert_eq!(far.hears(acknowledges(&call, &first, 8)).status(), 481);
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_prack_may_bring_the_answer_to_our_offer_or_an_offer() {
    let mut far = Far::new(Config::default());
    let mut call = request(Method::Invite, "1");
    call.headers.push(HeaderName::Require, "100rel");
    let dialog = far.calls(&call);
    let first = rings(&mut far, dialog, 183, Some("v=0 our offer"));
    assert_eq!(far.hears(with_body(acknowledges(&call, &first, 8), "v=0 their answer")).status(), 200);
    far.endpoint.accept(far.now, dialog, "v=0 our offer".into());
    let ok = far.did().responses.remove(0).1;
    let did = far.hears(follow(&call, &ok, Method::Ack, 7));
    let [Event::Acknowledged { sdp: Some(sdp), .. }] = did.news()[..] else { panic!("{did:?}") };
    assert_eq!(&sdp[..], b"v=0 their answer");

    let mut far = Far::new(Config::default());
    let (dialog, call) = calls(&mut far, HeaderName::Require);
    let first = rings(&mut far, dialog, 183, Some("v=0 early answer"));
    let did = far.hears(with_body(acknowledges(&call, &first, 8), "v=0 their next offer"));
    assert!(matches!(did.news()[..], [Event::Reoffered { sdp: Some(_), .. }]));
    far.endpoint.accept(far.now, dialog, "v=0".into());
    assert!(far.did().is_silent(), "their offer comes first");
    far.endpoint.answer_offer(far.now, dialog, "v=0 our next answer".into());
    let did = far.did();
    assert_eq!(&did.responses[0].1.body[..], b"v=0 our next answer");
    assert_eq!((did.responses[0].1.status, did.responses[1].1.status), (200, 200));
}

fn reliable(invite: &Request, status: u16, tag: &str, rseq: u32) -> Response {
    let mut response = answer(invite, status, tag);
    response.headers.push(HeaderName::Require, "100rel");
    response.headers.push(HeaderName::RSeq, rseq.to_string());
    match status {
        183 => with_sdp(response, "v=0 early"),
        _ => response,
    }
}

fn calls(far: &mut Far, asked: HeaderName) -> (DialogId, Request) {
    let mut call = invite("1");
    call.headers.push(asked, "100rel");
    (far.calls(&call), call)
}

fn rings(far: &mut Far, dialog: DialogId, status: u16, sdp: Option<&'static str>) -> Response {
    far.endpoint.ring(far.now, dialog, status, sdp.map(Into::into));
    far.did().responses.remove(0).1
}

fn acknowledges(call: &Request, ringing: &Response, cseq: u32) -> Request {
    let mut prack = follow(call, ringing, Method::Prack, cseq);
    let rseq = ringing.headers.get(&HeaderName::RSeq).unwrap();
    prack.headers.set(HeaderName::RAck, format!("{rseq} 7 INVITE"));
    prack.headers.remove(&HeaderName::Require);
    prack.headers.remove(&HeaderName::ContentType);
    prack
}

fn with_body(mut request: Request, sdp: &'static str) -> Request {
    request.headers.set(HeaderName::ContentType, "application/sdp");
    request.body = sdp.into();
    request
}
