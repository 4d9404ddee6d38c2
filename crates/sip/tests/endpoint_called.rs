//! Calls that come to the endpoint, and requests that come to nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Far, answer, follow, invite, request, same_branch, to_tag};
use sip::api::{Counts, Ended, Event, Input, Output};
use sip::message::{HeaderName, Method, Request, Response, Uri};
use sip::{Config, Limits};

#[test]
fn a_call_is_answered_until_the_ack_comes() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    call.uri = Uri::parse("sip:%2B86139@pbx.example;user=phone").unwrap();
    call.headers.push(HeaderName::RecordRoute, "<sip:192.0.2.7;lr>");
    let did = far.hears(call.clone());
    assert_eq!((did.status(), to_tag(&did.responses[0].1)), (100, String::new()));
    let [Event::Incoming { dialog, to_user, to_host, from_user, registered, sdp, .. }] = did.news()[..]
    else {
        panic!("{did:?}")
    };
    assert_eq!((to_user.as_str(), to_host.as_str(), from_user.as_str()), ("+86139", "pbx.example", "139"));
    assert_eq!((registered, sdp.as_deref()), (&None, Some(&b"v=0 offer"[..])));
    let dialog = *dialog;
    far.endpoint.ring(far.now, dialog, 180, None);
    let ringing = far.did().responses.remove(0).1;
    assert_eq!((ringing.status, ringing.headers.has(&HeaderName::RecordRoute)), (180, true));
    let repeated = far.hears(call.clone());
    assert_eq!((repeated.status(), repeated.events.len()), (180, 0), "rings once");
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let ok = far.did().responses.remove(0).1;
    assert_eq!((ok.status, to_tag(&ok)), (200, to_tag(&ringing)));
    assert!(far.hears(call.clone()).is_silent(), "the 2xx has its own clock");
    assert_eq!(far.waits(1_500).responses.len(), 2);
    let did = far.hears(follow(&call, &ok, Method::Ack, 7));
    assert!(matches!(did.events[..], [Event::Acknowledged { sdp: None, .. }]));
    assert!(far.waits(60_000).is_silent());
    far.endpoint.end(far.now, dialog);
    let did = far.did();
    let bye = did.one_request(Method::Bye);
    assert_eq!(endpoint_far::routes(&bye), ["<sip:192.0.2.7;lr>"]);
    assert_eq!(did.requests[0].0.remote.to_string(), "192.0.2.7:5060");
    assert_eq!(bye.headers.from().unwrap().tag(), Some(to_tag(&ok).as_str()));
    let did = far.hears(answer(&bye, 200, ""));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    far.waits(60_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn who_is_refused_at_once_and_asks_again_gets_the_same_answer() {
    let mut far = Far::new(Config::default());
    let mut refused = || {
        let data = sip::message::Message::from(invite("1")).encode();
        far.endpoint.handle_input(far.now, Input::Datagram { flow: far.flow, data: &data });
        let dialog = loop {
            match far.endpoint.poll_output().unwrap() {
                Output::Event(Event::Incoming { dialog, .. }) => break dialog,
                Output::Event(_) => {}
                other => panic!("something left before anybody was asked: {other:?}"),
            }
        };
        far.endpoint.reject(far.now, dialog, 486);
        far.did().responses.remove(0).1
    };
    let (first, second) = (refused(), refused());
    assert_eq!(first, second, "also the tag");
    assert_eq!((first.status, to_tag(&first).is_empty()), (486, false));
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn without_an_ack_the_call_is_broken() {
    let (mut far, _, _) = accepted();
    let did = far.waits(31_999);
    assert_eq!((did.responses.len(), did.events.len()), (10, 0));
    let did = far.waits(1);
    did.one_request(Method::Bye);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::Broken, .. }]));
    assert!(far.waits(60_000).events.is_empty());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn our_bye_waits_for_the_ack_and_theirs_does_not() {
    let (mut far, call, ok) = accepted();
    far.endpoint.end(far.now, sip::api::DialogId(1));
    assert!(far.did().is_silent());
    let did = far.hears(follow(&call, &ok, Method::Ack, 7));
    did.one_request(Method::Bye);
    assert!(did.events.is_empty(), "nobody is told of the ACK any more");

    let (mut far, call, ok) = accepted();
    let did = far.hears(follow(&call, &ok, Method::Bye, 8));
    assert!(did.status() == 200 && matches!(did.events[..], [Event::Ended { how: Ended::ByFar, .. }]));
    assert!(far.hears(follow(&call, &ok, Method::Ack, 7)).is_silent(), "a stray ACK");
}

#[test]
fn a_number_that_jumped_does_not_keep_a_call_up() {
    let (mut far, call, ok) = accepted();
    far.hears(follow(&call, &ok, Method::Ack, 7));
    assert_eq!(far.hears(follow(&call, &ok, Method::Options, u32::MAX)).status(), 200);
    assert_eq!(far.hears(follow(&call, &ok, Method::Info, 8)).status(), 500, "out of order");
    let did = far.hears(follow(&call, &ok, Method::Bye, 9));
    assert!(did.status() == 200 && matches!(did.events[..], [Event::Ended { how: Ended::ByFar, .. }]));
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.reject(far.now, dialog, 486);
    let did = far.did();
    assert!(did.status() == 486 && did.events.is_empty(), "the token is good until the caller knows");
    let did = far.waits(1_500);
    assert_eq!((did.responses.len(), did.events.len()), (2, 0));
    let did = far.hears(same_branch(&call, Method::Ack));
    assert!(did.responses.is_empty() && matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert!(far.hears(same_branch(&call, Method::Ack)).is_silent());
    assert!(far.waits(60_000).is_silent());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_refusal_that_nobody_acknowledges_is_over_after_64_t1() {
    let mut far = Far::new(Config::default());
    let dialog = far.calls(&invite("1"));
    far.endpoint.reject(far.now, dialog, 486);
    assert!(far.waits(31_999).events.is_empty());
    assert!(matches!(far.waits(1).events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert!(far.waits(60_000).is_silent());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn who_cancelled_is_not_waited_for() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    far.calls(&call);
    let did = far.hears(same_branch(&call, Method::Cancel));
    assert_eq!(did.responses.iter().map(|(_, response)| response.status).collect::<Vec<_>>(), [200, 487]);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByFar, .. }]));
    assert!(far.hears(same_branch(&call, Method::Ack)).is_silent());
}

#[test]
fn a_cancel_ends_a_ringing_call_and_no_other() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.ring(far.now, dialog, 180, None);
    let tag = to_tag(&far.did().responses[0].1);
    assert_eq!(far.hears(same_branch(&invite("other"), Method::Cancel)).status(), 481);
    let did = far.hears(same_branch(&call, Method::Cancel));
    let answers: Vec<(u16, String)> =
        did.responses.iter().map(|(_, response)| (response.status, to_tag(response))).collect();
    assert_eq!(answers, [(200, tag.clone()), (487, tag)]);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByFar, .. }]));
    far.endpoint.accept(far.now, dialog, "v=0".into());
    assert!(far.did().is_silent(), "too late");

    let (mut far, call, _) = accepted();
    let did = far.hears(same_branch(&call, Method::Cancel));
    assert!(did.status() == 200 && did.events.is_empty(), "too late to cancel");
}

#[test]
fn a_call_of_ours_that_comes_back_is_a_loop_unless_it_is_for_somebody_else() {
    let mut far = Far::new(Config::default());
    let (_, invite) = far.is_called();
    let mut back = invite.clone();
    let ours = invite.headers.get(&HeaderName::Via).unwrap().to_owned();
    back.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKproxy");
    back.headers.push(HeaderName::Via, ours);
    let did = far.hears(back.clone());
    assert!(did.status() == 482 && did.events.is_empty(), "{did:?}");
    back.uri = sip::message::Uri::parse("sip:1001@192.0.2.1").unwrap();
    back.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKproxy2");
    let ours = invite.headers.get(&HeaderName::Via).unwrap().to_owned();
    back.headers.push(HeaderName::Via, ours);
    let did = far.hears(back);
    assert!(did.events.iter().any(|event| matches!(event, Event::Incoming { .. })), "{did:?}");
}

#[test]
fn a_request_that_came_by_two_ways_is_merged() {
    let mut far = Far::new(Config::default());
    far.calls(&invite("oneway"));
    let did = far.hears(invite("another"));
    assert!(did.status() == 482 && did.events.is_empty());
}

#[test]
fn what_belongs_to_no_dialog_is_refused_or_dropped() {
    let mut far = Far::new(Config::default());
    for (method, status) in [
        (Method::Bye, 481),
        (Method::Info, 481),
        (Method::Update, 481),
        (Method::Message, 405),
        (Method::Subscribe, 405),
        (Method::Prack, 481),
        (Method::Other("DANCE".to_owned()), 501),
        (Method::Options, 200),
        // No registrar is configured.
        (Method::Register, 405),
    ] {
        let did = far.hears(request(method.clone(), method.as_str()));
        assert_eq!(did.status(), status, "{method}");
    }
    let mut lost = request(Method::Invite, "lost");
    lost.headers.set(HeaderName::To, "<sip:a@b>;tag=gone");
    assert_eq!(far.hears(lost).status(), 481);
    assert!(far.hears(request(Method::Ack, "stray")).is_silent());
    far.waits(60_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn an_overloaded_endpoint_says_so_without_remembering() {
    let limits = Limits { dialogs_max: 1, ..Limits::default() };
    let mut far = Far::new(Config { limits, ..Config::default() });
    far.calls(&invite("1"));
    let mut second = invite("2");
    second.headers.set(HeaderName::CallId, "another");
    let before = far.endpoint.counts();
    let did = far.hears(second.clone());
    assert_eq!((did.status(), did.responses[0].1.headers.has(&HeaderName::RetryAfter)), (503, true));
    assert_eq!(far.endpoint.counts(), before);
    let tag = to_tag(&did.responses[0].1);
    assert_eq!(to_tag(&far.hears(second).responses[0].1), tag, "a repetition gets the same answer");
    assert!(!tag.is_empty());
    assert_eq!(far.hears(request(Method::Options, "3")).status(), 200, "this one needs no dialog");

    let limits = Limits { server_transactions_max: 1, ..Limits::default() };
    let mut far = Far::new(Config { limits, ..Config::default() });
    let call = invite("1");
    far.calls(&call);
    assert_eq!(far.hears(request(Method::Options, "2")).status(), 503);
    assert_eq!(far.hears(call).status(), 100, "the first again");
}

#[test]
fn strangers_take_no_room_and_get_one_small_answer_for_each_request() {
    let mut far = Far::new(Config { registrar: Some(sip::RegistrarConfig::default()), ..Config::default() });
    let mut lost = request(Method::Bye, "lost");
    lost.headers.set(HeaderName::To, "<sip:a@b>;tag=gone");
    let mut odd = invite("odd");
    odd.headers.push(HeaderName::Require, "telepathy");
    let asked = [
        (request(Method::Options, "1"), 200),
        (request(Method::Register, "2"), 401),
        (request(Method::Cancel, "3"), 481),
        (request(Method::Subscribe, "4"), 405),
        (lost, 481),
        (odd, 420),
    ];
    for (request, status) in asked {
        let size = request.encode().len();
        let did = far.hears(request.clone());
        assert_eq!((did.status(), did.responses.len()), (status, 1), "{}", request.method);
        let answer = &did.responses[0].1;
        assert!(answer.encode().len() < size + 350, "{} of {size} bytes: {answer:?}", request.method);
        assert_eq!(to_tag(&far.hears(request).responses[0].1), to_tag(answer), "the same again");
    }
    assert_eq!(far.endpoint.counts(), Counts::default());
    assert!(far.waits(60_000).is_silent());
}

/// As a caller who is not wanted is refused: by one answer, and again should it be lost. Who only pretends to be where
/// the request says has no use of it.
#[test]
fn a_call_refused_before_its_100_leaves_no_trace() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    for _ in 0..2 {
        let data = call.encode();
        far.endpoint.handle_input(far.now, sip::api::Input::Datagram { flow: far.flow, data: &data });
        let Some(sip::api::Output::Event(Event::Incoming { dialog, .. })) = far.endpoint.poll_output() else {
            panic!("the event comes first")
        };
        far.endpoint.reject(far.now, dialog, 403);
        let did = far.did();
        assert_eq!((did.responses.len(), did.status()), (1, 403));
        assert!(matches!(did.events.last(), Some(Event::Ended { how: Ended::ByUs, .. })));
        assert_eq!(far.endpoint.counts(), Counts::default());
        assert!(far.hears(same_branch(&call, Method::Ack)).is_silent());
    }
    assert!(far.waits(60_000).is_silent());
}

#[test]
fn a_peer_of_the_older_standard_is_understood() {
    let mut far = Far::new(Config::default());
    let mut call = invite("x");
    call.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070");
    let dialog = far.calls(&call);
    assert_eq!(far.hears(call.clone()).status(), 100, "a repetition");
    far.endpoint.reject(far.now, dialog, 486);
    let refusal = far.did().responses.remove(0).1;
    let mut ack = same_branch(&call, Method::Ack);
    ack.headers.set(HeaderName::To, refusal.headers.get(&HeaderName::To).unwrap());
    assert!(matches!(far.hears(ack).events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert!(far.waits(4_000).is_silent(), "acknowledged");

    let dialog = {
        call.headers.set(HeaderName::CallId, "second");
        far.calls(&call)
    };
    far.endpoint.accept(far.now, dialog, "v=0".into());
    let ok = far.did().responses.remove(0).1;
    let mut ack = same_branch(&call, Method::Ack);
    ack.headers.set(HeaderName::To, ok.headers.get(&HeaderName::To).unwrap());
    assert!(matches!(far.hears(ack).events[..], [Event::Acknowledged { .. }]));
}

#[test]
fn answers_go_where_the_request_came_from_when_there_is_a_nat() {
    let way = |via: &str| {
        let mut far = Far::new(Config::default());
        let mut options = request(Method::Options, "x");
        options.headers.set(HeaderName::Via, via);
        let (flow, response) = far.hears(options).responses.remove(0);
        (flow.remote.to_string(), response.headers.get(&HeaderName::Via).unwrap().to_owned())
    };
    let (to, via) = way("SIP/2.0/UDP 10.1.1.1:5099;branch=z9hG4bKa;rport");
    assert_eq!(to, "192.0.2.9:5070");
    assert!(via.contains("rport=5070") && via.contains("received=192.0.2.9"), "{via}");
    assert_eq!(way("SIP/2.0/UDP 10.1.1.1:5099;branch=z9hG4bKa").0, "192.0.2.9:5070");
    assert_eq!(way("SIP/2.0/UDP 192.0.2.9:5099;branch=z9hG4bKa").0, "192.0.2.9:5099");
    assert_eq!(way("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa").0, "192.0.2.9:5060");
}

#[test]
fn a_resumed_call_that_rang_here_is_refused_and_left_and_one_that_talked_is_left() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let did = far.hears(call.clone());
    let ringing = token_of(&did.events);
    far.endpoint.accept(far.now, sip::api::DialogId(1), "v=0".into());
    let talking = token_of(&far.did().events);

    far.endpoint = sip::Endpoint::new(Config::default(), base::Random::from_number(5));
    far.endpoint.resume(far.now, &ringing).unwrap();
    // It may have been accepted after that token: then the BYE counts, and nothing acknowledges the refusal.
    let did = far.did();
    assert_eq!(did.status(), 480);
    let bye = did.one_request(Method::Bye);
    assert_eq!(bye.headers.to().unwrap().tag(), Some("caller"));
    assert_eq!(bye.headers.from().unwrap().tag(), did.responses[0].1.headers.to().unwrap().tag());
    let did = far.waits(500);
    assert_eq!((did.responses.len(), did.requests.len()), (1, 1), "both are repeated until they are heard");
    assert!(far.hears(same_branch(&call, Method::Ack)).is_silent());
    let did = far.hears(answer(&bye, 481, ""));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert!(far.waits(60_000).is_silent());

    // One who was only called knows nothing of a dialog: the refusal is what counts.
    far.endpoint = sip::Endpoint::new(Config::default(), base::Random::from_number(6));
    far.endpoint.resume(far.now, &ringing).unwrap();
    let bye = far.did().one_request(Method::Bye);
    assert!(far.hears(answer(&bye, 481, "")).is_silent());
    let did = far.hears(same_branch(&call, Method::Ack));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));

    // One who was answered minds the BYE.
    far.endpoint = sip::Endpoint::new(Config::default(), base::Random::from_number(7));
    far.endpoint.resume(far.now, &ringing).unwrap();
    let bye = far.did().one_request(Method::Bye);
    let did = far.hears(answer(&bye, 200, ""));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    far.waits(60_000);

    far.endpoint.resume(far.now, &talking).unwrap();
    let bye = far.did().one_request(Method::Bye);
    assert_eq!(bye.headers.to().unwrap().tag(), Some("caller"));
    let did = far.hears(answer(&bye, 200, ""));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    far.waits(60_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn an_invite_without_an_offer_gets_one_and_the_ack_brings_the_answer() {
    let mut far = Far::new(Config::default());
    let call = request(Method::Invite, "1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0 our offer".into());
    let ok = far.did().responses.remove(0).1;
    let mut ack = follow(&call, &ok, Method::Ack, 7);
    ack.headers.set(HeaderName::ContentType, "application/sdp");
    ack.body = "v=0 their answer".into();
    let did = far.hears(ack);
    assert!(
        matches!(&did.events[..], [Event::Acknowledged { sdp: Some(sdp), .. }] if sdp == "v=0 their answer")
    );
}

fn accepted() -> (Far, Request, Response) {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let ok = far.did().responses.remove(0).1;
    (far, call, ok)
}

fn token_of(events: &[Event]) -> bytes::Bytes {
    let token = |event: &Event| match event {
        Event::Token { token, .. } => Some(token.clone()),
        _ => None,
    };
    events.iter().find_map(token).unwrap()
}

/// A tag without a value is none.
#[test]
fn a_tag_that_says_nothing_is_not_left_beside_ours() {
    for to in ["<sip:95588@192.0.2.1>;tag", "sip:95588@192.0.2.1;TAG;x=y"] {
        let mut far = Far::new(Config::default());
        let mut options = request(Method::Options, "tagless");
        options.headers.set(HeaderName::To, to);
        let did = far.hears(options);
        let to = did.responses[0].1.headers.to();
        assert!(to.is_ok_and(|to| to.tag().is_some_and(|tag| !tag.is_empty())), "{did:?}");
    }
}
