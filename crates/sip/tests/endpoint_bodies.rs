//! Bodies of several parts: an offer among them is an offer (RFC 5621), and what must be understood and is not is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{ANSWER, Far, OFFER, answer, follow, invite, ok};
use sip::Config;
use sip::api::Event;
use sip::message::{HeaderName, Method, Request, Response};

/// An offer, and a part of a telephone exchange's own.
fn parts(sdp: &str, handling: &str) -> String {
    format!(
        "--unique-1\r\nContent-Type: application/SDP\r\n\r\n{sdp}\r\n--unique-1\r\nContent-Type: application/ISUP;version=nxv3\r\n\
         Content-Disposition: signal;handling={handling}\r\n\r\n\u{1}\u{2}\u{3}\r\n--unique-1--\r\n"
    )
}

fn put_parts(request: &mut Request, handling: &str) {
    request.headers.set(HeaderName::ContentType, "multipart/mixed; boundary=unique-1");
    request.headers.set(HeaderName::MimeVersion, "1.0");
    request.body = parts(OFFER, handling).into();
}

#[test]
fn an_invite_with_several_parts_rings_with_the_offer_among_them() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    put_parts(&mut call, "optional");
    let did = far.hears(call);
    assert_eq!(did.status(), 100);
    let [Event::Incoming { sdp, .. }] = did.news()[..] else { panic!("{did:?}") };
    assert_eq!(sdp.as_deref(), Some(OFFER.as_bytes()));
}

#[test]
fn a_part_that_must_be_understood_and_is_not_is_refused_with_what_would_be() {
    for handling in ["required", "whatever"] {
        let mut far = Far::new(Config::default());
        let mut call = invite("1");
        put_parts(&mut call, handling);
        let did = far.hears(call);
        assert_eq!((did.status(), did.news().len()), (415, 0), "{handling}");
        let accept = did.responses[0].1.headers.get(&HeaderName::Accept).unwrap();
        assert_eq!(accept, "application/sdp, multipart/mixed, multipart/alternative");
    }
}

#[test]
fn an_invite_with_optional_parts_alone_has_no_offer() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    call.headers.set(HeaderName::ContentType, "multipart/mixed;boundary=b");
    call.body = "--b\r\nContent-Type: application/pidf+xml\r\nContent-Disposition: render;handling=optional\r\n\r\n<x/>\r\n--b--"
        .into();
    let did = far.hears(call);
    assert!(matches!(did.news()[..], [Event::Incoming { sdp: None, .. }]), "{did:?}");
}

#[test]
fn offers_and_answers_inside_a_call_may_be_among_parts_too() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, ANSWER.into());
    let accepted = far.did().responses.remove(0).1;
    far.hears(follow(&call, &accepted, Method::Ack, 7));
    for (method, cseq) in [(Method::Update, 8), (Method::Invite, 9)] {
        let mut change = follow(&call, &accepted, method, cseq);
        put_parts(&mut change, "optional");
        let did = far.hears(change);
        let offer = did.events.iter().find_map(|event| match event {
            Event::Reoffered { sdp, .. } => sdp.as_deref(),
            _ => None,
        });
        assert_eq!(offer, Some(OFFER.as_bytes()));
        far.endpoint.answer_offer(far.now, dialog, ANSWER.into());
        far.did();
    }
}

#[test]
fn an_answer_among_parts_is_the_answer_whatever_is_beside_it() {
    let mut far = Far::new(Config::default());
    let (_, call) = far.is_called();
    let with_parts = |mut response: Response| {
        response.headers.set(HeaderName::ContentType, "multipart/mixed;boundary=\"unique-1\"");
        response.body = parts(ANSWER, "required").into();
        response
    };
    let did = far.hears(with_parts(answer(&call, 183, "far")));
    assert!(matches!(did.news()[..], [Event::Progress { sdp: Some(sdp), .. }] if sdp == ANSWER), "{did:?}");
    let did = far.hears(with_parts(ok(&call, "far", &[])));
    assert!(matches!(did.news()[..], [Event::Answered { sdp: Some(sdp), .. }] if sdp == ANSWER), "{did:?}");
}
