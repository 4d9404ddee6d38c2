//! An endpoint whose carrier cannot keep up: strangers are turned away, calls go on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Far, answer, follow, invite, ok, request, same_branch, to_tag};
use sip::api::{Event, Flow, Input, Transport};
use sip::message::{HeaderName, Message, Method, NameAddr, Uri};
use sip::{Config, RegistrarConfig};

fn overloaded(far: &mut Far, overloaded: bool) {
    far.endpoint.handle_input(far.now, Input::Overloaded(overloaded));
    assert!(far.did().is_silent());
}

#[test]
fn what_begins_something_new_is_turned_away_and_nothing_is_kept_of_it() {
    let registrar = Some(RegistrarConfig::default());
    let mut far = Far::new(Config { registrar, ..Config::default() });
    overloaded(&mut far, true);
    let before = far.endpoint.counts();
    let methods = [Method::Invite, Method::Register, Method::Options, Method::Subscribe, Method::Message];
    for method in methods.into_iter().chain([Method::Bye, Method::Other("DANCE".to_owned())]) {
        let mut asked = request(method.clone(), method.as_str());
        asked.headers.push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.88");
        asked.headers.push(HeaderName::Require, "telepathy");
        let did = far.hears(asked.clone());
        assert_eq!((did.status(), did.events.len()), (503, 0), "{method}");
        let (way, refusal) = &did.responses[0];
        assert_eq!(way.remote.to_string(), "192.0.2.9:5070");
        for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
            assert!(refusal.headers.all(&name).eq(asked.headers.all(&name)), "{method} {name}");
        }
        let after_s: u32 = refusal.headers.get(&HeaderName::RetryAfter).unwrap().parse().unwrap();
        assert!((5..15).contains(&after_s) && !to_tag(refusal).is_empty());
        assert_eq!(far.hears(asked).responses, did.responses, "the same again");
    }
    assert_eq!((far.endpoint.counts(), far.endpoint.turned_away()), (before, 14));
    overloaded(&mut far, false);
    assert_eq!(far.hears(request(Method::Options, "OPTIONS")).status(), 200);
    far.calls(&invite("later"));
    assert_eq!(far.endpoint.turned_away(), 14);
}

#[test]
fn a_call_that_began_before_goes_on_to_its_end() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    overloaded(&mut far, true);
    assert_eq!(far.hears(call.clone()).status(), 100, "it is known");
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let accepted = far.did().responses.remove(0).1;
    assert!(far.hears(call.clone()).is_silent(), "still known");
    let did = far.hears(follow(&call, &accepted, Method::Ack, 7));
    assert!(matches!(did.events[..], [Event::Acknowledged { .. }]));
    assert_eq!(far.hears(follow(&call, &accepted, Method::Info, 8)).status(), 200);
    assert_eq!(far.hears(same_branch(&call, Method::Cancel)).status(), 200);
    let did = far.hears(follow(&call, &accepted, Method::Bye, 9));
    assert!(did.status() == 200 && matches!(did.events[..], [Event::Ended { .. }]));
    let mut lost = request(Method::Bye, "lost");
    lost.headers.set(HeaderName::To, "<sip:a@b>;tag=gone");
    assert_eq!(far.hears(lost).status(), 481, "that there is no such call is worth knowing");
    assert_eq!(far.endpoint.turned_away(), 0);
}

#[test]
fn our_own_calls_go_on() {
    let mut far = Far::new(Config::default());
    overloaded(&mut far, true);
    let (dialog, call) = far.is_called();
    let did = far.hears(ok(&call, "far", &[]));
    assert!(matches!(did.events.last(), Some(Event::Answered { .. })));
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    assert!(matches!(far.hears(answer(&bye, 200, "")).events[..], [Event::Ended { .. }]));
}

#[test]
fn a_ringing_call_can_be_cancelled() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    far.calls(&call);
    overloaded(&mut far, true);
    let did = far.hears(same_branch(&call, Method::Cancel));
    assert_eq!(did.responses.iter().map(|(_, response)| response.status).collect::<Vec<_>>(), [200, 487]);
}

/// Peers of RFC 2543 too: without the cookie their requests are told apart by all the rest.
#[test]
fn a_peer_of_the_older_standard_is_recognised() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    call.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=1");
    far.calls(&call);
    overloaded(&mut far, true);
    assert_eq!(far.hears(call.clone()).status(), 100);
    call.uri = Uri::parse("sip:other@192.0.2.1").unwrap();
    assert_eq!(far.hears(call).status(), 503);
}

#[test]
fn what_is_not_plain_is_judged_as_ever() {
    let mut far = Far::new(Config::default());
    overloaded(&mut far, true);
    let text = |to: &str| {
        format!(
            "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1\r\n\
             From: <sip:a@b>;tag=1\r\n{to}Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )
    };
    assert_eq!(far.hears_bytes(text("To: <sip:a@b>\r\n").as_bytes()).status(), 503);
    assert_eq!(
        far.hears_bytes(text("To: <sip:a@b>\r\n ;tag=gone\r\n").as_bytes()).status(),
        481,
        "a folded tag"
    );
    assert_eq!(far.hears_bytes(text("").as_bytes()).status(), 400);
    assert_eq!(far.hears_bytes(text("To: <sip:a@b>\r\nTo: <sip:a@b>\r\n").as_bytes()).status(), 400);
}

#[test]
fn by_a_stream_it_is_the_same() {
    let mut far = Far::new(Config::default());
    far.flow = Flow { transport: Transport::Tcp, ..far.flow };
    far.endpoint.handle_input(far.now, Input::Connected { flow: far.flow });
    overloaded(&mut far, true);
    let options = Message::from(request(Method::Options, "1")).encode();
    far.endpoint.handle_input(far.now, Input::Stream { flow: far.flow, data: &options });
    let did = far.did();
    assert_eq!((did.status(), did.responses[0].0, did.closes.len()), (503, far.flow, 0));
}

/// The tag that is put in must not spoil the address.
#[test]
fn the_callee_of_a_refusal_is_that_of_the_request() {
    let mut far = Far::new(Config::default());
    overloaded(&mut far, true);
    let mut asked = request(Method::Options, "1");
    let to = "\"Ann;tag=x\" <sip:ann@192.0.2.1;user=phone>;x=y";
    asked.headers.set(HeaderName::To, to);
    let did = far.hears(asked);
    let mut named = did.responses[0].1.headers.to().unwrap();
    assert_eq!(did.status(), 503);
    named.params.remove("tag");
    assert_eq!(named, NameAddr::parse(to, "To").unwrap());
}
