//! Wishes of a far end that someone be called (RFC 3515, RFC 3891), and keys told by INFO.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use endpoint_far::{Far, answer, follow, inside, invite, request};
use sip::Config;
use sip::api::{Counts, DialogId, Ended, Event, Replaced};
use sip::message::{HeaderName, Method, Request, Response};

#[test]
fn a_refer_that_is_taken_up_is_told_how_it_goes() {
    let (mut far, dialog, ok) = talking();
    let did = far.hears(refer(&ok, 50, "\"B\" <sip:200@192.0.2.1;method=INVITE>"));
    assert!(did.responses.is_empty(), "our user is asked");
    let [Event::Referred { refer_to, replaces: None, .. }] = did.news()[..] else { panic!("{did:?}") };
    assert_eq!(refer_to, "sip:200@192.0.2.1");
    assert!(far.hears(refer(&ok, 50, "<sip:200@192.0.2.1>")).is_silent(), "repeated");
    assert_eq!(far.hears(refer(&ok, 51, "<sip:201@192.0.2.1>")).status(), 500, "one at a time");
    far.endpoint.accept_refer(far.now, dialog);
    let did = far.did();
    assert_eq!(did.status(), 202);
    let trying = did.one_request(Method::Notify);
    assert_eq!(trying.headers.get(&HeaderName::Event), Some("refer"));
    assert_eq!(trying.headers.get(&HeaderName::SubscriptionState), Some("active;expires=360"));
    assert_eq!(trying.headers.content_type().as_deref(), Some("message/sipfrag"));
    assert_eq!(&trying.body[..], b"SIP/2.0 100 Trying\r\n");
    assert!(far.hears(answer(&trying, 200, "far")).is_silent());
    far.endpoint.notify_refer(far.now, dialog, 200);
    let last = far.did().one_request(Method::Notify);
    assert_eq!(last.headers.get(&HeaderName::SubscriptionState), Some("terminated;reason=noresource"));
    assert_eq!(&last.body[..], b"SIP/2.0 200 OK\r\n");
    assert_eq!(last.headers.cseq().unwrap().number, trying.headers.cseq().unwrap().number + 1);
    far.hears(answer(&last, 200, "far"));
    far.endpoint.notify_refer(far.now, dialog, 486);
    assert!(far.did().is_silent(), "that was the last word");

    far.hears(refer(&ok, 52, "<sip:200@192.0.2.1>"));
    far.endpoint.accept_refer(far.now, dialog);
    let second = far.did().one_request(Method::Notify);
    assert_eq!(second.headers.get(&HeaderName::Event), Some("refer;id=52"));
    far.hears(answer(&second, 200, "far"));
    let did = far.waits(360_000);
    assert_eq!(&did.requests[0].1.body[..], b"SIP/2.0 408 Request Timeout\r\n");
}

#[test]
fn a_refer_is_refused_by_our_user_or_by_the_clock() {
    let (mut far, dialog, ok) = talking();
    far.hears(refer(&ok, 50, "<sip:200@192.0.2.1>"));
    far.endpoint.refuse_refer(far.now, dialog, 603);
    assert_eq!(far.did().status(), 603);
    far.hears(refer(&ok, 51, "<sip:200@192.0.2.1>"));
    assert!(far.waits(15_999).is_silent());
    assert_eq!(far.waits(1).status(), 603);
    far.endpoint.accept_refer(far.now, dialog);
    assert!(far.did().is_silent(), "too late");
    assert_eq!(far.hears(refer(&ok, 52, "nonsense")).status(), 400);
    let mut two = refer(&ok, 53, "<sip:200@192.0.2.1>");
    two.headers.push(HeaderName::ReferTo, "<sip:201@192.0.2.1>");
    assert_eq!(far.hears(two).status(), 400);
    let mut stranger = request(Method::Refer, "stranger");
    stranger.headers.push(HeaderName::ReferTo, "<sip:200@192.0.2.1>");
    assert_eq!(far.hears(stranger).status(), 603);
}

#[test]
fn who_does_not_want_to_know_is_told_no_more() {
    let (mut far, dialog, ok) = talking();
    far.hears(refer(&ok, 50, "<sip:200@192.0.2.1>"));
    far.endpoint.accept_refer(far.now, dialog);
    let trying = far.did().one_request(Method::Notify);
    far.hears(answer(&trying, 481, "far"));
    far.endpoint.notify_refer(far.now, dialog, 200);
    assert!(far.did().is_silent());
}

#[test]
fn a_call_that_ends_takes_its_wishes_with_it() {
    let (mut far, dialog, ok) = talking();
    far.hears(refer(&ok, 50, "<sip:200@192.0.2.1>"));
    far.endpoint.end(far.now, dialog);
    let did = far.did();
    assert_eq!(did.status(), 487);
    let bye = did.one_request(Method::Bye);
    far.hears(answer(&bye, 200, "far"));
    assert!(far.waits(400_000).is_silent());
    assert_eq!(far.endpoint.counts(), Counts::default());

    let (mut far, dialog, ok) = talking();
    far.hears(refer(&ok, 50, "<sip:200@192.0.2.1>"));
    far.endpoint.accept_refer(far.now, dialog);
    far.did();
    let did = far.hears(inside(&ok, Method::Bye, 51));
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::ByFar, .. }]));
    far.endpoint.notify_refer(far.now, dialog, 200);
    assert!(far.did().is_silent());
    far.waits(400_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn an_attended_transfer_names_the_other_call_by_both_its_tags() {
    let (mut far, _, ok) = talking();
    let mut call = invite("1");
    call.headers.set(HeaderName::CallId, "con@sult");
    let other = far.calls(&call);
    far.endpoint.accept(far.now, other, "v=0".into());
    let accepted = far.did().responses.remove(0).1;
    far.hears(follow(&call, &accepted, Method::Ack, 7));
    let ours = accepted.headers.to().unwrap().tag().unwrap().to_owned();
    for (cseq, to_tag, from_tag, wanted) in [
        (50, ours.as_str(), "caller", Replaced::Ours(other)),
        (51, ours.as_str(), "guessed", Replaced::Unknown),
        (52, "guessed", "caller", Replaced::Unknown),
        // It is established already.
        (53, ours.as_str(), "caller%3Bearly-only", Replaced::Unknown),
    ] {
        let line = format!(
            "<sip:200@192.0.2.1?Replaces=con%40sult%3Bto-tag%3D{to_tag}%3Bfrom-tag%3D{from_tag}&X=y>"
        );
        let did = far.hears(refer(&ok, cseq, &line));
        let [Event::Referred { refer_to, replaces, .. }] = did.news()[..] else { panic!("{did:?}") };
        assert_eq!((refer_to.as_str(), *replaces), ("sip:200@192.0.2.1", Some(wanted)));
        far.endpoint.refuse_refer(far.now, DialogId(1), 603);
        assert_eq!(far.did().status(), 603);
    }
}

/// RFC 4488.
#[test]
fn who_wants_no_subscription_is_told_nothing_but_the_answer() {
    let (mut far, dialog, ok) = talking();
    let mut quiet = refer(&ok, 50, "<sip:200@192.0.2.1>");
    quiet.headers.push(HeaderName::ReferSub, "False ;x=y");
    quiet.headers.push(HeaderName::Require, "norefersub");
    assert_eq!(far.hears(quiet).news().len(), 1);
    far.endpoint.accept_refer(far.now, dialog);
    let did = far.did();
    assert_eq!((did.status(), did.requests.len()), (202, 0));
    assert_eq!(did.responses[0].1.headers.get(&HeaderName::ReferSub), Some("false"));
    far.endpoint.notify_refer(far.now, dialog, 200);
    assert!(far.did().is_silent());
    assert!(far.waits(400_000).requests.iter().all(|(_, request)| request.method != Method::Notify));

    let mut wanted = refer(&ok, 51, "<sip:200@192.0.2.1>");
    wanted.headers.push(HeaderName::ReferSub, "true");
    far.hears(wanted);
    far.endpoint.accept_refer(far.now, dialog);
    let did = far.did();
    assert!(!did.responses[0].1.headers.has(&HeaderName::ReferSub));
    assert_eq!(did.one_request(Method::Notify).headers.get(&HeaderName::Event), Some("refer;id=51"));
}

#[test]
fn keys_told_by_info_are_heard_once() {
    let (mut far, _, ok) = talking();
    for (cseq, kind, body, wanted) in [
        (50, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some(('5', Some(160)))),
        (51, "application/dtmf-relay", "signal= # \n", Some(('#', None))),
        (52, "application/dtmf", "a", Some(('A', None))),
        (53, "application/dtmf-relay", "Signal=55", None),
        (54, "application/dtmf-relay", "Duration=1", None),
        (55, "application/dtmf", "", None),
        (56, "application/media_control+xml", "5", None),
    ] {
        let mut info = inside(&ok, Method::Info, cseq);
        info.headers.set(HeaderName::ContentType, kind);
        info.body = body.into();
        let did = far.hears(info.clone());
        assert_eq!(did.status(), 200, "{body}");
        let told = did.events.iter().find_map(|event| match event {
            Event::KeyPressed { key, duration, .. } => Some((*key, *duration)),
            _ => None,
        });
        let wanted = wanted.map(|(key, ms): (char, Option<u64>)| (key, ms.map(Duration::from_millis)));
        assert_eq!(told, wanted, "{body}");
        assert!(far.hears(info).events.is_empty(), "repeated");
    }
}

fn talking() -> (Far, DialogId, Response) {
    let mut far = Far::new(Config::default());
    let (dialog, _, ok) = far.is_in_call();
    (far, dialog, ok)
}

fn refer(ok: &Response, cseq: u32, to: &str) -> Request {
    let mut refer = inside(ok, Method::Refer, cseq);
    refer.headers.push(HeaderName::ReferTo, to);
    refer
}
