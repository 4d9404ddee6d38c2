//! What a phone asks of its far end: to call someone (RFC 3515, RFC 3891), to take note of a key (RFC 6086).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Far, answer, follow, inside, invite};
use sip::Config;
use sip::api::{Counts, DialogId, Ended, Event, Referral};
use sip::message::{HeaderName, Method, NameAddr, Replaces, Request, Response};

#[test]
fn a_far_end_calls_someone_and_tells_how_it_goes() {
    let (mut far, dialog, ok) = talking();
    let refer = asks(&mut far, dialog, None);
    assert_eq!(refer.headers.get(&HeaderName::ReferTo), Some("<sip:200@192.0.2.1>"));
    far.endpoint.refer(far.now, dialog, "sip:201@192.0.2.1", None);
    assert_eq!(told(&far.did().events), [Referral::Done { status: 491 }], "one at a time");
    assert_eq!(told(&far.hears(answer(&refer, 202, "far")).events), [Referral::Trying]);
    let did = far.hears(notify(&ok, 60, "SIP/2.0 100 Trying\r\n"));
    assert_eq!((did.status(), told(&did.events)), (200, vec![Referral::Trying]));
    let did = far.hears(notify(&ok, 61, "SIP/2.0 486 Busy Here\r\n"));
    assert_eq!((did.status(), told(&did.events)), (200, vec![Referral::Done { status: 486 }]));
    assert_eq!(far.hears(notify(&ok, 62, "SIP/2.0 200 OK\r\n")).status(), 405, "nobody asked");
    let again = asks(&mut far, dialog, None);
    assert!(
        told(&far.hears(notify(&ok, 63, "SIP/2.0 200 OK\r\n")).events) == [Referral::Done { status: 200 }]
    );
    assert_eq!(told(&far.hears(answer(&again, 202, "far")).events), [], "it came too late");
}

#[test]
fn a_refusal_and_silence_are_told() {
    let (mut far, dialog, _) = talking();
    let refer = asks(&mut far, dialog, None);
    assert_eq!(told(&far.hears(answer(&refer, 603, "far")).events), [Referral::Done { status: 603 }]);
    asks(&mut far, dialog, None);
    assert_eq!(told(&far.waits(32_000).events), [Referral::Done { status: 408 }]);
    far.endpoint.end(far.now, dialog);
    far.endpoint.refer(far.now, dialog, "sip:200@192.0.2.1", None);
    let bye = far.did().one_request(Method::Bye);
    let did = far.hears(answer(&bye, 200, "far"));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]), "{did:?}");
    far.waits(300_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn the_other_call_is_named_as_its_far_end_knows_it() {
    let (mut far, dialog, _) = talking();
    let mut call = invite("1");
    call.headers.set(HeaderName::CallId, "con@sult");
    let other = far.calls(&call);
    far.endpoint.accept(far.now, other, "v=0".into());
    let accepted = far.did().responses.remove(0).1;
    far.hears(follow(&call, &accepted, Method::Ack, 7));
    let ours = accepted.headers.to().unwrap().tag().unwrap().to_owned();
    let refer = asks(&mut far, dialog, Some(other));
    let line = refer.headers.get(&HeaderName::ReferTo).unwrap();
    let uri = NameAddr::parse(line, "Refer-To").unwrap().uri;
    let replaces = Replaces::parse(&uri.header("Replaces").unwrap()).unwrap();
    assert_eq!(
        replaces,
        Replaces { call_id: "con@sult".into(), to_tag: "caller".into(), from_tag: ours, early_only: false }
    );
}

#[test]
fn keys_go_out_by_info_whatever_becomes_of_them() {
    let (mut far, dialog, _) = talking();
    for key in ['5', '#'] {
        far.endpoint.press(far.now, dialog, key);
        let info = far.did().one_request(Method::Info);
        assert_eq!(info.headers.content_type().as_deref(), Some("application/dtmf-relay"));
        assert_eq!(info.body, format!("Signal={key}\r\nDuration=160\r\n"));
        assert!(far.hears(answer(&info, 415, "far")).is_silent());
    }
}

#[test]
fn a_caller_may_ask_for_an_answer_by_itself() {
    for (line, wanted) in [(Some("<sip:x@y>;answer-after=0"), Some(0)), (None, None)] {
        let mut far = Far::new(Config::default());
        let mut call = invite("1");
        if let Some(line) = line {
            call.headers.push(HeaderName::parse("Call-Info").unwrap(), line);
        }
        let did = far.hears(call);
        let asked = did.events.iter().find_map(|event| match event {
            Event::Incoming { answer_after_s, .. } => Some(*answer_after_s),
            _ => None,
        });
        assert_eq!(asked, Some(wanted));
    }
}

fn talking() -> (Far, DialogId, Response) {
    let mut far = Far::new(Config::default());
    let (dialog, _, ok) = far.is_in_call();
    (far, dialog, ok)
}

fn asks(far: &mut Far, dialog: DialogId, replaces: Option<DialogId>) -> Request {
    far.endpoint.refer(far.now, dialog, "sip:200@192.0.2.1", replaces);
    far.did().one_request(Method::Refer)
}

fn notify(ok: &Response, cseq: u32, body: &'static str) -> Request {
    let mut notify = inside(ok, Method::Notify, cseq);
    notify.headers.set(HeaderName::ContentType, "message/sipfrag;version=2.0");
    notify.body = body.into();
    notify
}

fn told(events: &[Event]) -> Vec<Referral> {
    let told = |event: &Event| match event {
        Event::ReferralTold { standing, .. } => Some(*standing),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}
