//! What is still heard of a transaction after its last word, until when, and what is forgotten then (RFC 3261 §17,
//! RFC 6026).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use endpoint_far::{
    Far, answer, branch, follow, inside, invite, ok, put_offer, request, same_branch, to_tag,
};
use sip::api::{Counts, Credentials, Event, Input};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Response};
use sip::{Config, Domain, Limits, RegistrarConfig, TimerKind, User};

/// 64 × T1.
const PATIENCE_MS: u64 = 32_000;
/// How much later than its time something may be forgotten: a tick of the wheel.
const TICK_MS: u64 = 66;

#[test]
fn a_request_inside_a_dialog_gets_the_same_answer_again_and_is_then_forgotten() {
    let (mut far, call, ok) = talking();
    let mut update = follow(&call, &ok, Method::Update, 8);
    put_offer(&mut update);
    let did = far.hears(update.clone());
    let [Event::Reoffered { dialog, .. }] = did.events[..] else { panic!("{did:?}") };
    far.endpoint.answer_offer(far.now, dialog, "v=0 answer".into());
    let first = far.did().responses.remove(0);
    assert_eq!((first.1.status, &first.1.body[..]), (200, &b"v=0 answer"[..]));
    for _ in 0..3 {
        far.waits(10_000);
        let again = far.hears(update.clone());
        assert_eq!((again.responses.as_slice(), again.events.len()), ([first.clone()].as_slice(), 0));
    }
    assert!(matches!(far.endpoint.next_timeout(), Some((_, TimerKind::Lingering))));
    far.waits(2_000 + TICK_MS);
    assert_eq!(far.endpoint.counts().server_transactions, 0);
    assert_eq!(far.hears(update).status(), 500, "to one who has forgotten it, it is out of order");
}

#[test]
fn a_proven_registration_gets_the_same_answer_again() {
    let mut far = Far::new(registrar());
    let register = proven(&mut far, "1", 1);
    let did = far.hears(register.clone());
    let first = did.responses[0].clone();
    assert!(did.status() == 200 && first.1.headers.has(&HeaderName::Contact) && !to_tag(&first.1).is_empty());
    far.waits(PATIENCE_MS - 1);
    assert_eq!(
        far.hears(register.clone()).responses,
        [first],
        "though the contact has less time left by now"
    );
    far.waits(TICK_MS);
    assert_eq!(far.hears(register).status(), 401, "by then it is a replay");
}

/// Phones that count their branches, and call themselves by the same private address behind different NATs, would hear each
/// other's answers.
#[test]
fn a_branch_that_two_phones_have_by_chance_does_not_mix_them_up() {
    let mut far = Far::new(registrar());
    let first = proven(&mut far, "1", 1);
    assert_eq!(far.hears(first.clone()).status(), 200);
    far.flow.remote = "198.51.100.7:5060".parse().unwrap();
    let mut other = first;
    other.headers.set(HeaderName::CallId, "of-another-phone");
    let did = far.hears(other);
    assert_eq!(did.status(), 401, "it has proven nothing: {did:?}");
    assert!(!did.responses[0].1.headers.has(&HeaderName::Contact));
}

/// The way back is that of the repetition: the path of a phone behind NAT may have moved.
#[test]
fn an_answer_is_repeated_by_the_way_that_the_repetition_came() {
    let mut far = Far::new(registrar());
    let mut register = proven(&mut far, "1", 1);
    register.headers.set(HeaderName::Via, "SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKnat;rport");
    assert_eq!(far.hears(register.clone()).status(), 200);
    far.flow.remote = "192.0.2.9:40000".parse().unwrap();
    let did = far.hears(register);
    assert_eq!((did.status(), did.responses[0].0), (200, far.flow));
    assert_eq!(did.responses[0].1.headers.top_via().unwrap().rport(), Some(Some(40_000)));
}

/// RFC 3261 §8.2.2.2: as long as the first is known.
#[test]
fn a_request_is_merged_with_one_that_was_answered_already() {
    let mut far = Far::new(registrar());
    let first = proven(&mut far, "1", 1);
    assert_eq!(far.hears(first.clone()).status(), 200);
    let mut other = first;
    other.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKanotherway");
    far.waits(PATIENCE_MS - 1);
    assert_eq!(far.hears(other.clone()).status(), 482);
    far.waits(TICK_MS);
    assert_eq!(far.hears(other).status(), 401);

    let (mut far, _, _) = talking();
    assert_eq!(far.hears(invite("anotherway")).status(), 482, "accepted is not forgotten");
    let mut far = Far::new(Config::default());
    refuse(&mut far, &invite("1"));
    assert_eq!(far.hears(invite("anotherway")).status(), 482, "nor is refused and acknowledged");
    far.waits(5_000 + TICK_MS);
    assert!(!far.hears(invite("anotherway")).events.is_empty(), "until then");
}

/// RFC 6026 §7.1: Timer L, and the 2xx by its own clock, T1 doubled up to T2 (RFC 3261 §13.3.1.4).
#[test]
fn an_accepted_invite_is_absorbed_for_64_t1_while_the_2xx_is_repeated() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let first = far.did().responses.remove(0).1;
    let mut distances_ms = Vec::new();
    let mut since_ms = 0;
    for _ in 0..310 {
        since_ms += 100;
        let mut did = far.waits(100);
        assert!(far.hears(call.clone()).is_silent());
        if let Some((_, again)) = did.responses.pop() {
            assert_eq!((again, did.responses.len()), (first.clone(), 0));
            distances_ms.push(since_ms);
            since_ms = 0;
        }
    }
    assert_eq!(distances_ms, [500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000]);
    far.waits(1_000 + TICK_MS);
    let did = far.hears(same_branch(&call, Method::Cancel));
    assert_eq!(did.status(), 481, "the INVITE is forgotten");
}

/// RFC 3261 §9.2: a CANCEL has no effect on what was answered, but is answered itself.
#[test]
fn a_cancel_that_comes_too_late_is_answered_as_long_as_its_invite_is_known() {
    let (mut far, call, ok) = talking();
    let cancel = same_branch(&call, Method::Cancel);
    let did = far.hears(cancel.clone());
    assert_eq!((did.status(), to_tag(&did.responses[0].1)), (200, to_tag(&ok)), "by the dialog's tag");
    assert_eq!(far.hears(cancel).responses, did.responses, "and again when it is repeated");
    assert_eq!(far.hears(follow(&call, &ok, Method::Options, 8)).status(), 200, "the call goes on");

    let mut far = Far::new(Config::default());
    let call = invite("1");
    refuse(&mut far, &call);
    assert_eq!(far.hears(same_branch(&call, Method::Cancel)).status(), 200);
    far.waits(PATIENCE_MS + TICK_MS);
    assert_eq!(far.hears(same_branch(&call, Method::Cancel)).status(), 481);
}

/// Timer I.
#[test]
fn a_refused_and_acknowledged_invite_is_absorbed_for_t4() {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    refuse(&mut far, &call);
    far.waits(4_999);
    assert!(far.hears(call.clone()).is_silent());
    assert!(far.hears(same_branch(&call, Method::Ack)).is_silent());
    far.waits(TICK_MS);
    assert_eq!(far.endpoint.counts(), Counts::default());
    assert!(!far.hears(call).events.is_empty(), "then it is another call");
}

/// Timer D: also with routes, and when the refusal of a proxy comes again much later.
#[test]
fn a_refusal_of_our_invite_is_acknowledged_each_time_for_64_t1() {
    let mut far = Far::new(Config::default());
    let (_, call) = far.is_called();
    let busy = answer(&call, 486, "far");
    let did = far.hears(busy.clone());
    let (way, ack) = did.requests[0].clone();
    assert_eq!((&ack.method, branch(&ack), to_tag(&busy).as_str()), (&Method::Ack, branch(&call), "far"));
    for _ in 0..4 {
        let did = far.hears(busy.clone());
        assert_eq!((did.requests.as_slice(), did.events.len()), ([(way, ack.clone())].as_slice(), 0));
        far.waits(7_990);
    }
    far.flow.remote = "192.0.2.66:5060".parse().unwrap();
    assert_eq!(far.hears(busy.clone()).requests[0].0, way, "to where the INVITE went");
    far.waits(40 + TICK_MS);
    assert!(far.hears(busy).is_silent());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

/// Timer M: the dialog of another fork's 2xx is ended and that acknowledged, the first one's is acknowledged again.
#[test]
fn more_2xx_are_heard_for_64_t1() {
    let (mut far, call, first) = {
        let mut far = Far::new(Config::default());
        let (_, call, ok) = far.is_in_call();
        (far, call, ok)
    };
    far.waits(PATIENCE_MS - 1);
    far.hears(first.clone()).one_request(Method::Ack);
    let fork = ok(&call, "fork", &[]);
    let did = far.hears(fork.clone());
    assert_eq!(did.requests.len(), 1, "the BYE first: {did:?}");
    let bye = did.one_request(Method::Bye);
    far.hears(answer(&bye, 200, "")).one_request(Method::Ack);
    far.waits(TICK_MS);
    assert!(far.hears(fork).is_silent() && far.hears(first.clone()).is_silent());
    assert_eq!(far.endpoint.counts().client_transactions, 0);
    assert_eq!(far.hears(inside(&first, Method::Options, 9)).status(), 200, "the call goes on");
}

/// Of a request other than INVITE nothing is left: an answer that comes again is dropped as one to nothing.
#[test]
fn an_answered_bye_leaves_nothing() {
    let mut far = Far::new(Config::default());
    let (dialog, _, _) = far.is_in_call();
    far.waits(PATIENCE_MS + TICK_MS);
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    let done = answer(&bye, 200, "");
    far.hears(done.clone());
    assert_eq!(far.endpoint.counts(), Counts::default());
    assert!(far.hears(done).is_silent());
}

/// RFC 3261 §9.1: whatever becomes of the CANCEL, the INVITE gets its 64 × T1.
#[test]
fn a_cancel_that_is_refused_or_not_answered_leaves_the_invite_its_time() {
    for status in [Some(408), Some(500), None] {
        let mut far = Far::new(Config::default());
        let (dialog, call) = far.is_called();
        far.hears(answer(&call, 180, "far"));
        far.endpoint.end(far.now, dialog);
        let cancel = far.did().one_request(Method::Cancel);
        if let Some(status) = status {
            assert!(far.hears(answer(&cancel, status, "far")).is_silent(), "{status}");
        }
        assert!(far.waits(PATIENCE_MS - 1).events.is_empty());
        let did = far.hears(answer(&call, 487, "far"));
        did.one_request(Method::Ack);
        assert!(matches!(did.events[..], [Event::Ended { .. }]), "{did:?}");
    }
}

#[test]
fn what_lingers_has_a_limit_of_its_own_and_calls_have_room_beyond() {
    let (mut far, call, ok) = {
        let limits = Limits { lingering_max: 2, ..Limits::default() };
        let mut far = Far::new(Config { limits, ..registrar() });
        let call = invite("1");
        let dialog = far.calls(&call);
        far.endpoint.accept(far.now, dialog, "v=0 answer".into());
        let ok = far.did().responses.remove(0).1;
        far.hears(follow(&call, &ok, Method::Ack, 7));
        (far, call, ok)
    };
    let register = proven(&mut far, "1", 1);
    assert_eq!(far.hears(register.clone()).status(), 200, "the second one");
    let did = far.hears(request(Method::Options, "2"));
    assert_eq!((did.status(), did.responses[0].1.headers.has(&HeaderName::RetryAfter)), (503, true));
    assert_eq!(far.hears(register).status(), 200, "it is known");
    for number in 8..10 {
        let did = far.hears(follow(&call, &ok, Method::Info, number));
        assert_eq!(did.status(), 200, "as many again inside dialogs");
    }
    assert_eq!(far.hears(follow(&call, &ok, Method::Info, 10)).status(), 503);
    far.waits(PATIENCE_MS + TICK_MS);
    assert_eq!(far.hears(request(Method::Options, "3")).status(), 200);
}

/// A phone may have contacts of some thousand bytes, which each answer to it shows.
#[test]
fn what_lingers_has_a_limit_in_bytes_too() {
    let limits = Limits { lingering_max: 100, ..Limits::default() };
    let mut far = Far::new(Config { limits, ..registrar() });
    let contact = format!("<sip:{}@192.0.2.9>", "x".repeat(2_000));
    let mut taken = 0;
    while far.hears(request(Method::Options, "room")).status() == 200 {
        taken += 1;
        let mut register = proven(&mut far, &taken.to_string(), 1);
        register.headers.set(HeaderName::CSeq, format!("{} REGISTER", 100 + taken));
        register.headers.set(HeaderName::Contact, contact.as_str());
        assert_eq!(far.hears(register).status(), 200);
    }
    assert!((10..20).contains(&taken), "{taken} answers of 2 kB");
    far.waits(PATIENCE_MS + TICK_MS);
    assert_eq!(far.hears(request(Method::Options, "room")).status(), 200);
    assert_eq!(far.endpoint.counts().server_transactions, 0);
}

/// Virtual time may leap: nothing is left behind, and nothing is done twice.
#[test]
fn a_leap_of_a_day_forgets_all_of_it_at_once() {
    let (mut far, call, ok) = talking();
    far.hears(follow(&call, &ok, Method::Bye, 8));
    assert_eq!(far.endpoint.counts().server_transactions, 2, "INVITE and BYE");
    far.now = far.now.later(Duration::from_secs(86_400));
    far.endpoint.handle_input(far.now, Input::Timeout);
    assert!(far.did().is_silent());
    assert_eq!((far.endpoint.counts(), far.endpoint.next_timeout()), (Counts::default(), None));
}

/// An established call that we were called for.
fn talking() -> (Far, Request, Response) {
    let mut far = Far::new(Config::default());
    let call = invite("1");
    let dialog = far.calls(&call);
    far.endpoint.accept(far.now, dialog, "v=0 answer".into());
    let ok = far.did().responses.remove(0).1;
    far.hears(follow(&call, &ok, Method::Ack, 7));
    (far, call, ok)
}

/// Has a call refused, and acknowledges that.
fn refuse(far: &mut Far, call: &Request) {
    let dialog = far.calls(call);
    far.endpoint.reject(far.now, dialog, 486);
    assert_eq!(far.did().status(), 486);
    far.hears(same_branch(call, Method::Ack));
}

fn registrar() -> Config {
    let users = vec![User { name: "1001".to_owned(), password: "one".to_owned() }];
    let domains = vec![Domain { name: "pbx.example".to_owned(), users }];
    Config { registrar: Some(RegistrarConfig { domains, ..RegistrarConfig::default() }), ..Config::default() }
}

/// A REGISTER with the proof that is asked for.
fn proven(far: &mut Far, branch: &str, nc: u32) -> Request {
    let mut register = request(Method::Register, branch);
    for name in [HeaderName::From, HeaderName::To] {
        let tag = if name == HeaderName::From { ";tag=phone" } else { "" };
        register.headers.set(name, format!("<sip:1001@pbx.example>{tag}"));
    }
    register.headers.set(HeaderName::CallId, "phone");
    let did = far.hears(register.clone());
    let asked = did.responses[0].1.headers.get(&HeaderName::WwwAuthenticate).unwrap();
    let asked = Challenge::parse(asked).unwrap().unwrap();
    let who = Credentials { user: "1001".to_owned(), password: "one".to_owned() };
    let uri = register.uri.to_string();
    let proof = Authorization::answer(&asked, &who, &Method::Register, &uri, nc, "c0ffee");
    register.headers.push(HeaderName::Authorization, proof.to_string());
    register
}
