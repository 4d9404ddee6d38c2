//! Calls that the endpoint makes, against a far end that does what real ones do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use base::Random;
use endpoint_far::{Far, answer, branch, inside, ok, put_offer, routes, with_sdp};
use sip::api::{Counts, Credentials, Ended, Event, Gate, Input, Invite, Output};
use sip::digest::Authorization;
use sip::message::{HeaderName, Message, Method, NameAddr, Request, Response};
use sip::{Config, Endpoint};

const CHALLENGE: &str = r#"Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth""#;

#[test]
fn a_challenge_is_answered_once_with_a_new_branch_and_cseq() {
    for (status, asks, answers) in [
        (401, HeaderName::WwwAuthenticate, HeaderName::Authorization),
        (407, HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
    ] {
        let mut far = Far::new(Config::default());
        let (_, first) = far.is_called();
        let mut challenge = answer(&first, status, "p");
        challenge.headers.push(asks.clone(), r#"Digest realm="x", nonce="n", algorithm=UNKNOWN"#);
        challenge.headers.push(asks, CHALLENGE);
        let did = far.hears(challenge.clone());
        assert_eq!(branch(&did.one_request(Method::Ack)), branch(&first));
        let second = did.one_request(Method::Invite);
        assert_ne!(branch(&second), branch(&first));
        assert_eq!(second.headers.cseq().unwrap().number, 2);
        assert_eq!(second.headers.call_id(), first.headers.call_id());
        assert_eq!(second.body, first.body);
        let proof = Authorization::parse(second.headers.get(&answers).unwrap()).unwrap().unwrap();
        assert!(proof.is_by(&Method::Invite, "secret") && proof.uri == "sip:139@192.0.2.9:5070");
        let token = did.events.iter().find(|event| matches!(event, Event::Token { .. }));
        assert!(token.is_some(), "the new branch is in a new token");
        // The challenge that comes again is acknowledged again, no more.
        let did = far.hears(challenge.clone());
        assert!(did.requests.len() == 1 && did.events.is_empty());
        let mut again = answer(&second, status, "p");
        again.headers.push(challenge.headers.iter().last().unwrap().0.clone(), CHALLENGE);
        let did = far.hears(again);
        assert!(
            matches!(did.news()[..], [Event::Ended { how: Ended::Refused(refused), .. }] if *refused == status)
        );
        assert_eq!(did.one_request(Method::Ack).headers.cseq().unwrap().number, 2);
    }
}

/// Were we to die before the log has the dialog, and its BYE be lost, a far end with its ACK would wait for ever.
#[test]
fn an_ack_waits_for_the_log_until_the_bye_has_arrived() {
    let mut far = Far::new(Config::default());
    let (dialog, _, ok) = far.is_in_call();
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    assert_eq!(gate_of_ack(&mut far, &ok), Some(Gate::Ack(dialog)));
    far.hears(answer(&bye, 200, ""));
    assert_eq!(gate_of_ack(&mut far, &ok), None);
}

/// What the ACK waits for that a 2xx gets when it comes again.
fn gate_of_ack(far: &mut Far, ok: &Response) -> Option<Gate> {
    let data = Message::from(ok.clone()).encode();
    far.endpoint.handle_input(far.now, Input::Datagram { flow: far.flow, data: &data });
    let Some(Output::Transmit(transmit)) = far.endpoint.poll_output() else { panic!("nothing is sent") };
    assert!(transmit.data.starts_with(b"ACK ") && far.did().is_silent());
    transmit.gate
}

#[test]
fn requests_inside_the_dialog_follow_the_recorded_route() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    let record = [(HeaderName::RecordRoute, "<sip:192.0.2.7:5080;lr>, <sip:192.0.2.8;lr>")];
    let did = far.hears(ok(&invite, "far", &record));
    let expected = ["<sip:192.0.2.8;lr>", "<sip:192.0.2.7:5080;lr>"];
    let (flow, ack) = did.requests[0].clone();
    assert_eq!((flow.remote.to_string().as_str(), ack.method.clone()), ("192.0.2.8:5060", Method::Ack));
    assert_eq!(routes(&ack), expected);
    assert_eq!(ack.headers.cseq().unwrap().number, 1);
    far.endpoint.end(far.now, dialog);
    let (flow, bye) = far.did().requests[0].clone();
    assert_eq!((bye.method.clone(), bye.uri.to_string()), (Method::Bye, "sip:139@192.0.2.9:5070".to_owned()));
    assert_eq!(
        (flow.remote.to_string().as_str(), routes(&bye)),
        ("192.0.2.8:5060", expected.map(str::to_owned).to_vec())
    );
    let did = far.hears(answer(&bye, 200, ""));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
}

#[test]
fn a_cancel_waits_for_a_provisional_answer_and_settles_a_crossing_2xx() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.endpoint.end(far.now, dialog);
    assert!(far.did().is_silent(), "too early to cancel");
    assert_eq!(far.waits(500).requests.len(), 1, "the INVITE goes on until someone has it");
    let did = far.hears(answer(&invite, 100, ""));
    let cancel = did.one_request(Method::Cancel);
    assert_eq!(branch(&cancel), branch(&invite));
    assert_eq!((cancel.uri.clone(), cancel.headers.to().unwrap().tag()), (invite.uri.clone(), None));
    assert!(did.events.is_empty());
    assert!(far.hears(answer(&cancel, 200, "far")).is_silent());
    let did = far.hears(ok(&invite, "far", &[]));
    assert_eq!(did.requests.len(), 1, "no ACK before the BYE has arrived");
    assert!(did.events.is_empty(), "nobody is told of the answer");
    let bye = did.one_request(Method::Bye);
    assert!(far.hears(ok(&invite, "far", &[])).is_silent(), "the BYE is repeated by itself");
    let did = far.hears(answer(&bye, 200, ""));
    did.one_request(Method::Ack);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert_eq!(far.hears(ok(&invite, "far", &[])).requests.len(), 1, "the ACK again, for the 2xx came again");
    assert!(far.waits(100_000).events.is_empty());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_far_end_that_knows_no_call_before_its_ack_hears_the_bye_twice() {
    for fork in [false, true] {
        let mut far = Far::new(Config::default());
        let (dialog, invite) = far.is_called();
        let did = match fork {
            true => {
                far.hears(ok(&invite, "first", &[]));
                far.hears(ok(&invite, "second", &[]))
            }
            false => {
                far.hears(answer(&invite, 180, "second"));
                far.endpoint.end(far.now, dialog);
                far.did();
                far.hears(ok(&invite, "second", &[]))
            }
        };
        let bye = did.one_request(Method::Bye);
        let mut asked = answer(&bye, 407, "");
        asked.headers.push(HeaderName::ProxyAuthenticate, "Digest realm=\"a\", nonce=\"b\"");
        let did = far.hears(asked);
        assert_eq!(did.requests.len(), 1, "still no ACK");
        let did = far.hears(answer(&did.one_request(Method::Bye), 481, ""));
        did.one_request(Method::Ack);
        let again = did.one_request(Method::Bye);
        assert!(again.headers.cseq().unwrap().number > bye.headers.cseq().unwrap().number);
        assert_eq!(again.headers.to().unwrap().tag(), Some("second"));
        let did = far.hears(answer(&again, 481, ""));
        assert!(did.requests.is_empty(), "twice is enough: {did:?}");
        assert_eq!(did.events.len(), usize::from(!fork));
        far.endpoint.end(far.now, dialog);
        far.waits(100_000);
        assert_eq!(far.endpoint.counts(), Counts::default());
    }
}

#[test]
fn a_cancelled_invite_ends_with_487() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.hears(answer(&invite, 180, "far"));
    far.endpoint.end(far.now, dialog);
    far.did().one_request(Method::Cancel);
    let did = far.hears(answer(&invite, 487, "far"));
    did.one_request(Method::Ack);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
}

#[test]
fn a_cancel_that_leads_to_nothing_is_given_up() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.hears(answer(&invite, 180, "far"));
    far.endpoint.end(far.now, dialog);
    let did = far.waits(31_999);
    assert!(did.events.is_empty());
    let did = far.waits(1);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn the_first_of_several_phones_that_answers_wins_with_its_own_early_offer() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    let mut progress = |status, tag, sdp: Option<&'static str>| {
        let response = answer(&invite, status, tag);
        let did = far.hears(match sdp {
            Some(sdp) => with_sdp(response, sdp),
            None => response,
        });
        did.news().len()
    };
    assert_eq!(progress(180, "one", None), 1);
    assert_eq!(progress(180, "one", None), 0, "a repetition is no news");
    assert_eq!(progress(183, "two", Some("v=0 two")), 1);
    assert_eq!(progress(183, "three", Some("v=0 three")), 1);
    let did = far.hears(answer(&invite, 200, "two"));
    let told = did.news();
    let [Event::Answered { dialog: answered, sdp: Some(sdp) }] = told[..] else { panic!("{did:?}") };
    assert_eq!((*answered, &sdp[..]), (dialog, &b"v=0 two"[..]));
    let did = far.hears(ok(&invite, "one", &[]));
    assert!(did.events.is_empty());
    let bye = did.one_request(Method::Bye);
    assert_eq!(bye.headers.to().unwrap().tag(), Some("one"));
    assert!(far.hears(ok(&invite, "one", &[])).is_silent(), "one BYE is enough");
    far.hears(answer(&bye, 200, "")).one_request(Method::Ack);
}

#[test]
fn a_2xx_that_comes_after_all_hope_is_turned_away() {
    let mut far = Far::new(Config::default());
    let (_, invite) = patient_for(&mut far, Duration::from_secs(3));
    let did = far.waits(3_000);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::NoAnswer { rang: false }, .. }]));
    assert!(far.waits(4_000).requests.is_empty(), "the INVITE is sent no more");
    let did = far.hears(answer(&invite, 180, "far"));
    did.one_request(Method::Cancel);
    let did = far.hears(ok(&invite, "far", &[]));
    did.one_request(Method::Bye);
    assert!(did.events.is_empty() && far.waits(200_000).events.is_empty());
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn an_answer_in_time_stops_the_clock() {
    let mut far = Far::new(Config::default());
    let (_, invite) = patient_for(&mut far, Duration::from_secs(3));
    far.hears(answer(&invite, 100, ""));
    assert!(far.waits(60_000).is_silent());
}

#[test]
fn a_bye_may_be_challenged_and_may_go_unanswered() {
    let mut far = Far::new(Config::default());
    let (dialog, ..) = far.is_in_call();
    far.endpoint.end(far.now, dialog);
    let first = far.did().one_request(Method::Bye);
    let mut challenge = answer(&first, 407, "");
    challenge.headers.push(HeaderName::ProxyAuthenticate, CHALLENGE);
    let second = far.hears(challenge).one_request(Method::Bye);
    assert!(second.headers.has(&HeaderName::ProxyAuthorization));
    assert_eq!(second.headers.cseq().unwrap().number, first.headers.cseq().unwrap().number + 1);
    let did = far.waits(32_000);
    assert_eq!(did.requests.len(), 10);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
}

#[test]
fn the_far_end_may_change_the_media_and_move() {
    let mut far = Far::new(Config::default());
    let (dialog, _, ok) = far.is_in_call();
    let mut reinvite = inside(&ok, Method::Invite, 20);
    put_offer(&mut reinvite);
    reinvite.headers.set(HeaderName::Contact, "<sip:moved@192.0.2.44:5099>");
    let did = far.hears(reinvite.clone());
    assert_eq!(did.status(), 100);
    assert!(
        did.events.iter().any(|event| matches!(event, Event::Token { .. })),
        "the target is in the token"
    );
    assert!(did.news().iter().any(|event| matches!(event, Event::Reoffered { sdp: Some(_), .. })));
    // One at a time.
    let mut update = inside(&ok, Method::Update, 21);
    put_offer(&mut update);
    let did = far.hears(update);
    assert_eq!((did.status(), did.responses[0].1.headers.has(&HeaderName::RetryAfter)), (500, true));
    far.endpoint.answer_offer(far.now, dialog, "v=0 new".into());
    let did = far.did();
    assert_eq!((did.status(), &did.responses[0].1.body[..]), (200, &b"v=0 new"[..]));
    assert_eq!(far.waits(1_500).responses.len(), 2, "again and again until the ACK");
    let ack = inside(&ok, Method::Ack, 20);
    assert!(matches!(far.hears(ack).events[..], [Event::Acknowledged { .. }]));
    assert!(far.waits(100_000).is_silent());
    far.endpoint.end(far.now, dialog);
    let did = far.did();
    assert_eq!(did.requests[0].0.remote.to_string(), "192.0.2.44:5099");
    assert_eq!(did.one_request(Method::Bye).uri.to_string(), "sip:moved@192.0.2.44:5099");
}

#[test]
fn an_offer_may_be_refused_taken_back_or_forgotten() {
    let mut far = Far::new(Config::default());
    let (dialog, _, ok) = far.is_in_call();
    let offer = |method: Method, cseq| {
        let mut request = inside(&ok, method, cseq);
        put_offer(&mut request);
        request
    };
    far.hears(offer(Method::Invite, 30));
    far.endpoint.refuse_offer(far.now, dialog, 488);
    assert_eq!(far.did().status(), 488);
    far.hears(offer(Method::Invite, 31));
    let cancel = endpoint_far::same_branch(&offer(Method::Invite, 31), Method::Cancel);
    let did = far.hears(cancel);
    assert_eq!(did.responses.iter().map(|(_, response)| response.status).collect::<Vec<_>>(), [200, 487]);
    far.hears(offer(Method::Update, 32));
    let did = far.waits(16_000);
    assert!(did.responses.iter().any(|(_, response)| response.status == 500), "nobody answers for 16 s");
    far.hears(offer(Method::Update, 33));
    far.endpoint.answer_offer(far.now, dialog, "v=0 new".into());
    assert_eq!(far.did().status(), 200);
    assert_eq!(far.hears(inside(&ok, Method::Update, 34)).status(), 200, "a refresh without an offer");
    let without = inside(&ok, Method::Invite, 35);
    let did = far.hears(without);
    assert!(matches!(did.news()[..], [Event::Reoffered { sdp: None, .. }]), "we are to make the offer");
}

#[test]
fn other_requests_inside_the_dialog_are_answered() {
    let mut far = Far::new(Config::default());
    let (_, _, ok) = far.is_in_call();
    let with_body = |method: Method, cseq, kind: &str| {
        let mut request = inside(&ok, method, cseq);
        request.headers.set(HeaderName::ContentType, kind);
        request.body = "Signal=1".into();
        request
    };
    assert_eq!(far.hears(with_body(Method::Info, 40, "application/dtmf-relay")).status(), 200);
    assert_eq!(far.hears(with_body(Method::Info, 41, "application/other")).status(), 415);
    assert_eq!(far.hears(inside(&ok, Method::Info, 42)).status(), 200);
    assert_eq!(far.hears(with_body(Method::Message, 43, "text/plain")).status(), 200);
    assert_eq!(far.hears(inside(&ok, Method::Options, 44)).status(), 200);
    assert_eq!(far.hears(inside(&ok, Method::Refer, 45)).status(), 400, "to whom?");
    assert_eq!(far.hears(inside(&ok, Method::Options, 41)).status(), 500, "out of order");
    let mut stranger = inside(&ok, Method::Bye, 50);
    stranger.headers.set(HeaderName::From, "<sip:x@192.0.2.9>;tag=stranger");
    let did = far.hears(stranger);
    assert_eq!((did.status(), did.events.len()), (481, 0));
    let bye = inside(&ok, Method::Bye, 51);
    let did = far.hears(bye.clone());
    assert!(did.status() == 200 && matches!(did.events[..], [Event::Ended { how: Ended::ByFar, .. }]));
    let did = far.hears(bye);
    assert!(did.status() == 200 && did.events.is_empty(), "the same BYE again");
}

#[test]
fn a_call_that_cannot_be_made_ends_at_once() {
    let mut far = Far::new(Config::default());
    let flow = far.flow;
    let call = |uri: &str, far: &mut Far| {
        let invite = Invite { uri: uri.to_owned(), ..plain(flow) };
        far.endpoint.invite(far.now, invite);
        far.did()
    };
    let did = call("sip:", &mut far);
    assert!(
        matches!(did.events[..], [Event::Ended { how: Ended::Refused(400), .. }]) && did.requests.is_empty()
    );
    let config =
        Config { limits: sip::Limits { dialogs_max: 1, ..sip::Limits::default() }, ..Config::default() };
    let mut far = Far::new(config);
    assert_eq!(call("sip:a@192.0.2.9", &mut far).requests.len(), 1);
    let did = call("sip:a@192.0.2.9", &mut far);
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::Refused(503), .. }]));
}

#[test]
fn an_answer_to_nothing_is_dropped() {
    let mut far = Far::new(Config::default());
    let (_, invite) = far.is_called();
    let mut other: Request = invite.clone();
    other.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother");
    assert!(far.hears(ok(&other, "far", &[])).is_silent());
    let mut astray = ok(&invite, "far", &[]);
    astray.headers.push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKhop");
    assert!(far.hears(astray).is_silent(), "two hops are left on it");
}

#[test]
fn from_and_contact_name_the_advertised_address() {
    let listener = sip::Listener {
        bind: "192.0.2.1:5060".parse().unwrap(),
        advertised_host: sip::message::Host::parse("pbx.example").unwrap(),
        advertised_port: 5566,
    };
    let mut far = Far::new(Config { listeners: vec![listener], ..Config::default() });
    let (_, invite) = far.is_called();
    let via = invite.headers.top_via().unwrap();
    assert_eq!((via.host.to_string().as_str(), via.port), ("pbx.example", Some(5566)));
    assert_eq!(invite.headers.get(&HeaderName::Contact), Some("<sip:1001@pbx.example:5566>"));
    let from: NameAddr = invite.headers.from().unwrap();
    assert_eq!(from.uri.to_string(), "sip:1001@pbx.example");
}

#[test]
fn a_damaged_token_is_not_understood() {
    let mut far = Far::new(Config::default());
    let (_, invite) = far.is_called();
    far.hears(answer(&invite, 180, "far"));
    let token = token_of(&far.hears(ok(&invite, "far", &[])));
    let fresh = || Endpoint::new(Config::default(), Random::from_number(9));
    assert!(fresh().resume(far.now, &token).is_some());
    for bad in [
        &b""[..],
        b"\r\n",
        b"cordboard-dialog/1 talking routed udp x y\r\n",
        &token[..token.len() - 4],
        &token[3..],
    ] {
        assert_eq!(fresh().resume(far.now, bad), None);
    }
    let mut random = Random::from_number(10);
    for _ in 0..3_000 {
        let mut damaged = token.to_vec();
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(damaged.len() as u64)).unwrap();
            damaged[at] = u8::try_from(random.below(256)).unwrap();
        }
        // Whatever it says: no panic, and it ends.
        let mut endpoint = fresh();
        endpoint.resume(far.now, &damaged);
    }
}

#[test]
fn a_resumed_call_that_rings_is_cancelled_and_a_late_2xx_turned_away() {
    let mut far = Far::new(Config::default());
    far.endpoint.invite(far.now, plain(far.flow));
    let did = far.did();
    let (invite, token) = (did.one_request(Method::Invite), token_of(&did));
    far.endpoint = Endpoint::new(Config::default(), Random::from_number(99));
    far.endpoint.resume(far.now, &token).unwrap();
    let cancel = far.did().one_request(Method::Cancel);
    assert_eq!(branch(&cancel), branch(&invite));
    let did = far.hears(answer(&cancel, 481, "far"));
    assert!(matches!(did.events[..], [Event::Ended { how: Ended::ByUs, .. }]));
    let bye = far.hears(ok(&invite, "late", &[])).one_request(Method::Bye);
    let did = far.hears(answer(&bye, 200, ""));
    did.one_request(Method::Ack);
    assert!(did.events.is_empty());
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_cancel_that_came_too_early_is_sent_again_when_the_invite_is_answered_after_all() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.hears(answer(&invite, 100, ""));
    far.endpoint.end(far.now, dialog);
    let first = far.did().one_request(Method::Cancel);
    let did = far.hears(answer(&first, 481, "far"));
    assert!(did.requests.is_empty() && did.events.len() == 1, "nothing to cancel yet: {did:?}");
    let second = far.hears(answer(&invite, 180, "far")).one_request(Method::Cancel);
    assert_eq!((branch(&second), &second.headers), (branch(&invite), &first.headers));
    // The first one is forgotten meanwhile; the second is still one that must be answered.
    assert!(far.waits(6_000).requests.iter().all(|(_, request)| request.method == Method::Cancel));
    assert!(far.hears(answer(&second, 200, "far")).is_silent());
    assert!(far.waits(4_000).is_silent(), "answered: not repeated");
    far.hears(answer(&invite, 487, "far")).one_request(Method::Ack);
    far.waits(100_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_provisional_answer_that_came_before_the_481_is_cancelled_too() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.hears(answer(&invite, 100, ""));
    far.endpoint.end(far.now, dialog);
    let first = far.did().one_request(Method::Cancel);
    assert!(far.hears(answer(&invite, 180, "far")).is_silent());
    far.hears(answer(&first, 481, "far")).one_request(Method::Cancel);
    far.hears(ok(&invite, "far", &[])).one_request(Method::Bye);
}

#[test]
fn a_far_end_that_rings_on_whatever_it_hears_is_given_up() {
    let mut far = Far::new(Config::default());
    let (dialog, invite) = far.is_called();
    far.endpoint.end(far.now, dialog);
    let mut cancels = 0;
    for _ in 0..40 {
        let did = far.hears(answer(&invite, 180, "far"));
        for (_, cancel) in &did.requests {
            cancels += 1;
            far.hears(answer(cancel, 481, "far"));
        }
        far.waits(1_000);
    }
    assert_eq!(cancels, sip::limits::CANCELS_MAX);
    far.waits(40_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

fn patient_for(far: &mut Far, patience: Duration) -> (sip::api::DialogId, Request) {
    let invite = Invite { answer_any_within: Some(patience), ..plain(far.flow) };
    let dialog = far.endpoint.invite(far.now, invite);
    (dialog, far.did().one_request(Method::Invite))
}

fn plain(flow: sip::api::Flow) -> Invite {
    Invite {
        flow,
        uri: "sip:139@192.0.2.9:5070".to_owned(),
        from_user: "1001".to_owned(),
        from_name: None,
        to_uri: "sip:139@192.0.2.9".to_owned(),
        sdp: endpoint_far::OFFER.into(),
        credentials: None::<Credentials>,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: None,
        identity: Default::default(),
    }
}

fn token_of(did: &endpoint_far::Did) -> bytes::Bytes {
    let token = |event: &Event| match event {
        Event::Token { token, .. } => Some(token.clone()),
        _ => None,
    };
    did.events.iter().find_map(token).unwrap()
}
