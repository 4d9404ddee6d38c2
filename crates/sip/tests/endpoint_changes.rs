//! Changes of an established call that the endpoint asks for, and the signs of life in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use endpoint_far::{Far, answer, branch, follow, inside, invite, ok, put_offer};
use sip::api::{Counts, DialogId, Ended, Event};
use sip::message::{HeaderName, Method, Request, Response};
use sip::{Config, SessionTimers};

const NEW: &str = "v=0 new offer";

#[test]
fn an_offer_goes_out_in_a_reinvite_and_its_answer_comes_once() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    assert_eq!((&reinvite.body[..], reinvite.headers.cseq().unwrap().number), (NEW.as_bytes(), 2));
    assert_eq!(reinvite.headers.to().unwrap().tag(), Some("far"));
    assert!(reinvite.headers.has(&HeaderName::Contact) && reinvite.headers.has(&HeaderName::Allow));
    assert!(far.hears(answer(&reinvite, 100, "")).is_silent());
    let did = far.hears(ok(&reinvite, "far", &[]));
    let ack = did.one_request(Method::Ack);
    assert_eq!(ack.headers.cseq().unwrap().number, 2);
    let [Event::OfferAnswered { sdp: Some(sdp), .. }] = did.news()[..] else { panic!("{did:?}") };
    assert_eq!(&sdp[..], endpoint_far::ANSWER.as_bytes());
    let did = far.hears(ok(&reinvite, "far", &[]));
    assert!(did.events.is_empty() && did.requests.len() == 1, "the ACK again: {did:?}");
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    assert_eq!(bye.headers.cseq().unwrap().number, 3);
    far.hears(answer(&bye, 200, ""));
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn an_answer_that_names_another_place_moves_the_far_end_and_the_token() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    let mut moved = ok(&reinvite, "far", &[]);
    moved.headers.set(HeaderName::Contact, "<sip:139@192.0.2.77:5099>");
    let did = far.hears(moved);
    assert_eq!(did.requests[0].0.remote.to_string(), "192.0.2.77:5099");
    assert!(did.events.iter().any(|event| matches!(event, Event::Token { .. })));
}

#[test]
fn a_refused_offer_changes_nothing_and_another_may_follow() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    let did = far.hears(answer(&reinvite, 488, "far"));
    assert_eq!(branch(&did.one_request(Method::Ack)), branch(&reinvite));
    assert!(matches!(did.news()[..], [Event::OfferRefused { status: 488, .. }]));
    offers(&mut far, dialog);
    far.endpoint.offer(far.now, dialog, NEW.into());
    let did = far.did();
    assert!(matches!(did.news()[..], [Event::OfferRefused { status: 491, .. }]), "one at a time");
}

#[test]
fn where_both_offer_both_wait_as_long_as_the_standard_says() {
    // We made the Call-ID.
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    let mut theirs = inside(&ok(&reinvite, "far", &[]), Method::Invite, 50);
    put_offer(&mut theirs);
    assert_eq!(far.hears(theirs.clone()).status(), 491);
    let mut update = inside(&ok(&reinvite, "far", &[]), Method::Update, 51);
    put_offer(&mut update);
    assert_eq!(far.hears(update).status(), 491);
    far.hears(answer(&reinvite, 491, "far")).one_request(Method::Ack);
    assert!(far.waits(2_099).requests.is_empty());
    let again = far.waits(1_901).requests[0].1.clone();
    assert_eq!((again.headers.cseq().unwrap().number, &again.body[..]), (3, NEW.as_bytes()));

    // They made it.
    let (mut far, dialog) = talking_to();
    let reinvite = offers(&mut far, dialog);
    far.hears(answer(&reinvite, 491, "caller"));
    let again = far.waits(2_000).requests[0].1.clone();
    assert_eq!((again.headers.cseq().unwrap().number, &again.body[..]), (2, NEW.as_bytes()));
}

#[test]
fn a_far_end_that_never_has_time_is_asked_a_few_times_only() {
    let (mut far, dialog) = talking();
    let mut reinvite = offers(&mut far, dialog);
    let mut asked = 1;
    loop {
        let did = far.hears(answer(&reinvite, 491, "far"));
        if did.news().iter().any(|event| matches!(event, Event::OfferRefused { status: 491, .. })) {
            break;
        }
        reinvite = far.waits(4_000).requests[0].1.clone();
        asked += 1;
    }
    assert_eq!(asked, sip::limits::CHANGE_TRIES_MAX);
}

#[test]
fn an_offer_waits_for_theirs_and_for_the_ack() {
    let (mut far, dialog) = talking();
    let mut theirs = inside(&established(), Method::Invite, 50);
    put_offer(&mut theirs);
    let did = far.hears(theirs.clone());
    assert!(did.news().iter().any(|event| matches!(event, Event::Reoffered { .. })));
    far.endpoint.offer(far.now, dialog, NEW.into());
    assert!(far.did().is_silent());
    far.endpoint.answer_offer(far.now, dialog, "v=0 a".into());
    let did = far.did();
    assert!(did.status() == 200 && did.requests.is_empty(), "{did:?}");
    let mut ack = theirs.clone();
    ack.method = Method::Ack;
    ack.body = Default::default();
    ack.headers.set(HeaderName::CSeq, "50 ACK");
    ack.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKack50");
    far.hears(ack).one_request(Method::Invite);
}

#[test]
fn a_far_end_that_lost_the_call_or_is_gone_breaks_it() {
    for status in [481, 408] {
        let (mut far, dialog) = talking();
        let reinvite = offers(&mut far, dialog);
        let did = far.hears(answer(&reinvite, status, "far"));
        did.one_request(Method::Bye);
        assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]), "{status}");
        assert!(far.waits(200_000).events.is_empty());
        assert_eq!(far.endpoint.counts(), Counts::default());
    }
    let (mut far, dialog) = talking();
    offers(&mut far, dialog);
    let did = far.waits(32_000);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]));
}

#[test]
fn a_reinvite_that_is_only_tried_is_taken_back_and_then_given_up() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    far.hears(answer(&reinvite, 180, "far"));
    assert!(far.waits(63_999).is_silent());
    let cancel = far.waits(1).one_request(Method::Cancel);
    assert_eq!(branch(&cancel), branch(&reinvite));
    far.hears(answer(&cancel, 200, "far"));
    let did = far.waits(32_000);
    did.one_request(Method::Bye);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]));
    far.waits(200_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_call_that_ends_while_it_is_changed_leaves_nothing_behind() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    far.hears(answer(&reinvite, 180, "far"));
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    far.hears(ok(&reinvite, "far", &[])).one_request(Method::Ack);
    let did = far.hears(answer(&bye, 200, ""));
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::ByUs, .. }]));
    far.waits(200_000);
    assert_eq!(far.endpoint.counts(), Counts::default());

    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    far.hears(answer(&reinvite, 180, "far"));
    let did = far.hears(inside(&established(), Method::Bye, 60));
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::ByFar, .. }]));
    far.waits(200_000);
    assert_eq!(far.endpoint.counts(), Counts::default(), "no answer ever came");
}

#[test]
fn a_reinvite_is_challenged_like_an_invite() {
    let (mut far, dialog) = talking();
    let reinvite = offers(&mut far, dialog);
    let mut challenge = answer(&reinvite, 407, "far");
    challenge.headers.push(HeaderName::ProxyAuthenticate, r#"Digest realm="c", nonce="n", qop="auth""#);
    let again = far.hears(challenge).one_request(Method::Invite);
    assert!(again.headers.has(&HeaderName::ProxyAuthorization));
    assert_eq!(again.headers.cseq().unwrap().number, 3);
    let did = far.hears(ok(&again, "far", &[]));
    assert!(did.one_request(Method::Ack).headers.has(&HeaderName::ProxyAuthorization));
}

#[test]
fn we_refresh_by_update_where_the_far_end_takes_it_and_tell_nobody() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    assert_eq!(first.headers.get(&HeaderName::SessionExpires), Some("1800"));
    assert_eq!(first.headers.get(&HeaderName::MinSe), Some("90"));
    assert!(first.headers.tokens(&HeaderName::Supported).contains(&"timer"));
    let more = [(HeaderName::SessionExpires, "300;refresher=uac"), (HeaderName::Allow, "INVITE, UPDATE")];
    far.hears(ok(&first, "far", &more));
    assert!(far.waits(149_999).is_silent());
    let update = far.waits(1).one_request(Method::Update);
    assert!(update.body.is_empty());
    assert_eq!(update.headers.get(&HeaderName::SessionExpires), Some("300;refresher=uac"));
    let mut fine = answer(&update, 200, "far");
    fine.headers.push(HeaderName::SessionExpires, "300;refresher=uac");
    assert!(far.hears(fine).is_silent());
    far.waits(150_000).one_request(Method::Update);
}

#[test]
fn we_refresh_by_reinvite_with_what_we_said_before_where_there_is_no_update() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    far.hears(ok(&first, "far", &[(HeaderName::SessionExpires, "300;refresher=uac")]));
    let reinvite = far.waits(150_000).one_request(Method::Invite);
    assert_eq!(reinvite.body, first.body);

    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    let more = [(HeaderName::SessionExpires, "300;refresher=uac"), (HeaderName::Allow, "UPDATE")];
    far.hears(ok(&first, "far", &more));
    let update = far.waits(150_000).one_request(Method::Update);
    far.hears(answer(&update, 501, "far")).one_request(Method::Invite);
}

#[test]
fn a_call_without_a_sign_of_life_is_ended() {
    // The far end was to give it.
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    far.hears(ok(&first, "far", &[(HeaderName::SessionExpires, "300;refresher=uas")]));
    assert!(far.waits(267_999).is_silent());
    let did = far.waits(1);
    did.one_request(Method::Bye);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]));
    assert!(far.waits(200_000).events.is_empty());
    assert_eq!(far.endpoint.counts(), Counts::default());

    // We gave it, and it was not liked.
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    far.hears(ok(&first, "far", &[(HeaderName::SessionExpires, "300;refresher=uac")]));
    let reinvite = far.waits(150_000).one_request(Method::Invite);
    assert!(far.hears(answer(&reinvite, 488, "far")).news().is_empty());
    let did = far.waits(118_000);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]), "{did:?}");
}

#[test]
fn a_far_end_without_session_timers_is_left_in_peace() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    far.hears(ok(&first, "far", &[]));
    assert!(far.waits(10_000_000).is_silent());
    let (mut far, _) = talking_to();
    assert!(far.waits(10_000_000).is_silent());
}

#[test]
fn who_bears_only_longer_intervals_is_asked_again_once() {
    let mut far = Far::new(Config::default());
    let (_, first) = far.is_called();
    let mut small = answer(&first, 422, "far");
    small.headers.push(HeaderName::MinSe, "3600;x=y");
    let second = far.hears(small.clone()).one_request(Method::Invite);
    assert_eq!(second.headers.get(&HeaderName::SessionExpires), Some("3600"));
    assert_eq!(second.headers.get(&HeaderName::MinSe), Some("3600"));
    assert_eq!(second.headers.cseq().unwrap().number, 2);
    assert_ne!(branch(&second), branch(&first));
    assert_eq!(second.headers.call_id(), first.headers.call_id());
    let mut more = answer(&second, 422, "far");
    more.headers.push(HeaderName::MinSe, "7200");
    let did = far.hears(more);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Refused(422), .. }]));
}

#[test]
fn who_asks_for_too_many_signs_of_life_is_told_what_we_bear() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    call.headers.push(HeaderName::SessionExpires, "89");
    call.headers.push(HeaderName::Supported, "timer");
    let did = far.hears(call.clone());
    assert_eq!(did.status(), 422);
    assert_eq!(did.responses[0].1.headers.get(&HeaderName::MinSe), Some("90"));
    // A proxy asks, whose caller knows nothing of it: that one could do nothing with a 422.
    call.headers.remove(&HeaderName::Supported);
    call.headers.set(HeaderName::CallId, "other");
    call.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKother");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0".into());
    assert!(!far.did().responses[0].1.headers.has(&HeaderName::SessionExpires));
}

#[test]
fn what_counts_is_said_in_our_2xx() {
    for (asked, known, min, said, required) in [
        (Some("600;refresher=uac"), true, None, Some("600;refresher=uac"), true),
        (Some("600;refresher=uas"), true, None, Some("600;refresher=uas"), false),
        (Some("600"), true, None, Some("600;refresher=uas"), false),
        (Some("600"), false, None, Some("600;refresher=uas"), false),
        (Some("7200;refresher=uac"), true, Some("90"), Some("1800;refresher=uac"), true),
        (Some("7200;refresher=uac"), true, Some("3600"), Some("3600;refresher=uac"), true),
        (None, true, None, Some("1800;refresher=uas"), false),
        (None, false, None, None, false),
    ] {
        let mut far = Far::new(Config::default());
        let mut call = invite("1");
        let lines = [
            (HeaderName::SessionExpires, asked),
            (HeaderName::Supported, known.then_some("timer")),
            (HeaderName::MinSe, min),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                call.headers.push(name, value);
            }
        }
        let dialog = far.calls(&call);
        far.endpoint.accept(far.now, dialog, "v=0".into());
        let ok = far.did().responses.remove(0).1;
        assert_eq!(ok.headers.get(&HeaderName::SessionExpires), said, "{asked:?} {known}");
        assert_eq!(ok.headers.tokens(&HeaderName::Require).contains(&"timer"), required, "{asked:?} {known}");
    }
}

#[test]
fn their_sign_of_life_gives_the_call_its_time_again() {
    let mut far = Far::new(Config::default());
    let mut call = invite("1");
    call.headers.push(HeaderName::SessionExpires, "300;refresher=uac");
    call.headers.push(HeaderName::Supported, "timer");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0".into());
    let ok = far.did().responses.remove(0).1;
    far.hears(follow(&call, &ok, Method::Ack, 7));
    for cseq in 8..12 {
        assert!(far.waits(200_000).is_silent());
        let did = far.hears(follow(&call, &ok, Method::Update, cseq));
        let fine = &did.responses[0].1;
        assert_eq!(fine.headers.get(&HeaderName::SessionExpires), Some("300;refresher=uac"));
    }
    let did = far.waits(300_000);
    assert!(matches!(did.news()[..], [Event::Ended { how: Ended::Broken, .. }]));
}

#[test]
fn session_timers_may_be_switched_off_or_set() {
    let mut far = Far::new(Config { session: None, ..Config::default() });
    let (_, first) = far.is_called();
    assert!(!first.headers.has(&HeaderName::SessionExpires));
    assert_eq!(first.headers.get(&HeaderName::Supported), Some("100rel"));
    let mut call = invite("1");
    call.headers.push(HeaderName::Require, "timer");
    assert_eq!(far.hears(call).status(), 420);
    let timers = SessionTimers { interval: Duration::from_secs(120), interval_min: Duration::from_secs(100) };
    let mut far = Far::new(Config { session: Some(timers), ..Config::default() });
    let (_, first) = far.is_called();
    assert_eq!(first.headers.get(&HeaderName::SessionExpires), Some("120"));
    assert_eq!(first.headers.get(&HeaderName::MinSe), Some("100"));
}

#[test]
fn after_a_restart_the_bye_is_newer_than_all_that_was_asked() {
    let (mut far, dialog) = talking();
    let mut last = 0;
    let mut token = None;
    for _ in 0..200 {
        far.endpoint.offer(far.now, dialog, NEW.into());
        let did = far.did();
        let reinvite = did.one_request(Method::Invite);
        last = reinvite.headers.cseq().unwrap().number;
        let news = did.events.iter().filter_map(|event| match event {
            Event::Token { token, .. } => Some(token.clone()),
            _ => None,
        });
        token = news.last().or(token);
        far.hears(answer(&reinvite, 488, "far"));
    }
    far.endpoint = sip::Endpoint::new(Config::default(), base::Random::from_number(7));
    far.endpoint.resume(far.now, &token.expect("so many requests need new tokens")).unwrap();
    assert!(far.did().one_request(Method::Bye).headers.cseq().unwrap().number > last);
}

fn talking() -> (Far, DialogId) {
    let mut far = Far::new(Config::default());
    let (dialog, ..) = far.is_in_call();
    (far, dialog)
}

/// A call that came to the endpoint.
fn talking_to() -> (Far, DialogId) {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let ok = far.did().responses.remove(0).1;
    far.hears(follow(&call, &ok, Method::Ack, 7));
    (far, dialog)
}

fn offers(far: &mut Far, dialog: DialogId) -> Request {
    far.endpoint.offer(far.now, dialog, NEW.into());
    far.did().one_request(Method::Invite)
}

/// An answer of ours from which requests inside the dialog of `talking` can be made.
fn established() -> Response {
    // The same seed makes the same tags.
    let (_, _, ok) = Far::new(Config::default()).is_in_call();
    ok
}
