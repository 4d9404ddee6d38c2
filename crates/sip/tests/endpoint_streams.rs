//! One endpoint over streams: calls and registrations by TCP, and what becomes of them when a connection goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of the far end")]
mod endpoint_far;

use std::time::Duration;

use base::Mono;
use endpoint_far::{Did, Far, OFFER, invite, ok, request, same_branch};
use sip::api::{Aor, Counts, Ended, Event, Flow, Input, Invite, Transport};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Message, Method, Request, Response};
use sip::{Config, ConnectionTimer, Domain, Limits, RegistrarConfig, TimerKind, User};

const STRANGER: &str = "192.0.2.9:40001";

fn far(config: Config) -> Far {
    let mut far = Far::new(config);
    far.flow = Flow { transport: Transport::Tcp, ..far.flow };
    far
}

/// The far end has connected to the endpoint.
fn connected(config: Config) -> Far {
    let mut far = far(config);
    far.flow.remote = STRANGER.parse().unwrap();
    assert!(connect(&mut far).is_silent());
    far
}

fn connect(far: &mut Far) -> Did {
    far.endpoint.handle_input(far.now, Input::Connected { flow: far.flow });
    far.did()
}

fn close(far: &mut Far) -> Did {
    far.endpoint.handle_input(far.now, Input::Closed { flow: far.flow });
    far.did()
}

fn says_bytes(far: &mut Far, data: &[u8]) -> Did {
    far.endpoint.handle_input(far.now, Input::Stream { flow: far.flow, data });
    far.did()
}

fn says(far: &mut Far, message: impl Into<Message>) -> Did {
    says_bytes(far, &message.into().encode())
}

fn calls(far: &mut Far, large: bool) -> sip::api::DialogId {
    calls_within(far, large, None)
}

fn calls_within(far: &mut Far, large: bool, answer_any_within: Option<Duration>) -> sip::api::DialogId {
    let sdp = if large { "a=x\r\n".repeat(300) } else { OFFER.to_owned() };
    let call = Invite {
        flow: far.flow,
        uri: format!("sip:139@{}", far.flow.remote),
        from_user: "1001@pbx.example".to_owned(),
        from_name: None,
        to_uri: "sip:139@192.0.2.9".to_owned(),
        sdp: sdp.into(),
        credentials: None,
        answer_any_within,
        registration: None,
        identity: Default::default(),
        answer_mode: Default::default(),
    };
    far.endpoint.invite(far.now, call)
}

fn by_tcp(mut request: Request) -> Request {
    let mut via = request.headers.top_via().unwrap();
    via.transport = "TCP".to_owned();
    request.headers.replace_top_via(&via).unwrap();
    request
}

fn ends(did: &Did) -> Vec<Ended> {
    let how = |event: &Event| match event {
        Event::Ended { how, .. } => Some(*how),
        _ => None,
    };
    did.events.iter().filter_map(how).collect()
}

#[test]
fn a_call_waits_for_its_connection_and_is_never_repeated() {
    let mut far = far(Config::default());
    calls(&mut far, false);
    let did = far.did();
    assert_eq!((did.connects.as_slice(), did.requests.len()), ([far.flow].as_slice(), 0));
    let invite = connect(&mut far).one_request(Method::Invite);
    assert_eq!(invite.headers.top_via().unwrap().transport, "TCP");
    assert!(invite.headers.get(&HeaderName::Contact).unwrap().contains("transport=tcp"));
    assert!(far.waits(31_000).is_silent(), "a stream repeats by itself");
    let did = far.waits(2_000);
    assert_eq!(ends(&did), [Ended::NoAnswer { rang: false }], "Timer B runs all the same");
}

#[test]
fn a_call_by_a_stream_lives_and_ends_on_it() {
    let mut far = far(Config::default());
    let dialog = calls(&mut far, false);
    let invite = connect(&mut far).one_request(Method::Invite);
    let mut accepted = ok(&invite, "far", &[]);
    accepted.headers.set(HeaderName::Contact, "<sip:139@192.0.2.9:5070;transport=tcp>");
    let did = says(&mut far, accepted);
    assert!(matches!(did.news().as_slice(), [Event::Answered { .. }]), "{did:?}");
    assert_eq!(did.requests[0].0, far.flow, "the ACK");
    far.endpoint.end(far.now, dialog);
    let bye = far.did().one_request(Method::Bye);
    assert!(far.waits(20_000).is_silent(), "no Timer E");
    let did = says(&mut far, endpoint_far::answer(&bye, 200, "far"));
    assert_eq!(ends(&did), [Ended::ByUs]);
    far.waits(1);
    assert_eq!(far.endpoint.counts().client_transactions, 1, "K is over at once; M lets other 2xx through");
}

#[test]
fn a_stream_that_we_opened_is_shown_to_be_alive_and_one_of_others_is_not() {
    let mut far = far(Config::default());
    calls(&mut far, false);
    let invite = connect(&mut far).one_request(Method::Invite);
    says(&mut far, endpoint_far::answer(&invite, 486, "far"));
    assert_eq!(far.waits(94_999).pings, 0);
    let mut pings = 0;
    for _ in 0..20 {
        let did = far.waits(60_000);
        assert!(did.closes.is_empty(), "the far end answers");
        pings += did.pings;
        says_bytes(&mut far, b"\r\n");
    }
    assert!((9..=13).contains(&pings), "{pings} in twenty minutes");
    let did = far.waits(1_000_000);
    assert_eq!(did.closes, [far.flow], "it does not answer any more");
    assert_eq!(far.waits(1_000_000).pings, 0);
    assert_eq!(far.endpoint.counts(), Counts::default());

    let mut theirs = connected(with_registrar());
    assert_eq!(registers(&mut theirs), 200);
    assert_eq!(theirs.waits(3_000_000).pings, 0);
}

#[test]
fn the_stream_of_our_own_registration_stays_open() {
    let mut far = far(Config::default());
    let credentials = sip::api::Credentials { user: "pbx".to_owned(), password: "secret".to_owned() };
    let register = sip::api::Register {
        flow: far.flow,
        uri: "sip:carrier.example".to_owned(),
        aor: "sip:pbx@carrier.example".to_owned(),
        credentials,
        expires: std::time::Duration::from_secs(7200),
        contact_user: None,
        others: Vec::new(),
    };
    far.endpoint.register(far.now, register);
    far.did();
    let asked = connect(&mut far).one_request(Method::Register);
    says(&mut far, endpoint_far::answer(&asked, 200, "far"));
    assert!(far.waits(3_000_000).closes.is_empty(), "calls come by it");
}

#[test]
fn a_connection_that_cannot_be_opened_fails_the_call() {
    let mut far = far(Config::default());
    calls(&mut far, false);
    far.did();
    assert_eq!(ends(&close(&mut far)), [Ended::Refused(503)]);
    calls(&mut far, false);
    far.did();
    let did = far.waits(4_000);
    assert_eq!(ends(&did), [Ended::Refused(503)], "nor one that takes too long");
    assert_eq!(did.closes, [far.flow]);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_connection_that_does_not_open_keeps_nobody_waiting_longer_than_one_that_says_nothing() {
    // What has not left is not waited for: the far end may be there.
    let mut far = far(Config { invites_wait: true, ..Config::default() });
    calls_within(&mut far, false, Some(Duration::from_secs(2)));
    assert_eq!(far.did().connects, [far.flow]);
    assert_eq!(ends(&far.waits(1_999)), []);
    assert_eq!(ends(&far.waits(1)), [Ended::Refused(503)]);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_connection_that_is_lost_fails_what_waits_for_an_answer() {
    let mut far = far(Config::default());
    let dialog = calls(&mut far, false);
    connect(&mut far).one_request(Method::Invite);
    assert_eq!(ends(&close(&mut far)), [Ended::Refused(503)]);
    assert!(far.waits(60_000).is_silent(), "dialog {dialog:?} is over");
    assert_eq!(far.endpoint.counts(), Counts::default());
}

/// A BYE that is lost with its connection has not arrived: a far end with the ACK would wait for it for ever.
#[test]
fn an_unwanted_call_gets_no_ack_when_the_connection_of_its_bye_is_lost() {
    let mut far = far(Config::default());
    let dialog = calls(&mut far, false);
    let invite = connect(&mut far).one_request(Method::Invite);
    says(&mut far, endpoint_far::answer(&invite, 180, "far"));
    far.endpoint.end(far.now, dialog);
    far.did().one_request(Method::Cancel);
    says(&mut far, ok(&invite, "far", &[])).one_request(Method::Bye);
    let did = close(&mut far);
    assert_eq!((did.requests.len(), did.connects.len(), ends(&did)), (0, 0, vec![Ended::ByUs]), "{did:?}");
    far.waits(60_000);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn a_cancel_before_the_connection_is_open_takes_the_call_back() {
    let mut far = far(Config::default());
    let dialog = calls(&mut far, false);
    far.did();
    far.endpoint.end(far.now, dialog);
    assert_eq!(ends(&far.did()), [Ended::ByUs]);
    assert!(connect(&mut far).is_silent(), "nothing of it leaves");
}

#[test]
fn answers_go_back_by_the_connection_and_are_not_repeated() {
    let mut far = connected(Config::default());
    let invite = by_tcp(invite("tcp1"));
    let did = says(&mut far, invite.clone());
    let Some(Event::Incoming { dialog, .. }) = did.news().first().copied().cloned() else {
        panic!("{did:?}")
    };
    assert_eq!(did.responses[0].0, far.flow, "not to the port in Via");
    far.endpoint.reject(far.now, dialog, 486);
    assert_eq!(far.did().status(), 486);
    assert!(far.waits(10_000).is_silent(), "no Timer G");
    says(&mut far, same_branch(&invite, Method::Ack));
    far.waits(1);
    assert_eq!(far.endpoint.counts().server_transactions, 0, "Timer I is zero");
}

#[test]
fn answers_find_another_way_when_the_connection_is_gone() {
    let mut far = connected(Config::default());
    let did = says(&mut far, by_tcp(invite("tcp2")));
    let Some(Event::Incoming { dialog, .. }) = did.news().first().copied().cloned() else {
        panic!("{did:?}")
    };
    close(&mut far);
    far.endpoint.reject(far.now, dialog, 486);
    let named = Flow { remote: "192.0.2.9:5070".parse().unwrap(), ..far.flow };
    assert_eq!(far.did().connects, [named], "to the port in Via (RFC 3261 §18.2.2)");
    far.flow = named;
    assert_eq!(connect(&mut far).status(), 486);
}

#[test]
fn a_call_that_the_far_end_works_on_is_cancelled_by_another_connection_when_its_own_is_lost() {
    for heard in [100, 180] {
        let mut far = far(Config::default());
        calls(&mut far, false);
        far.did();
        let invite = connect(&mut far).one_request(Method::Invite);
        says(&mut far, endpoint_far::answer(&invite, heard, "far"));
        let did = close(&mut far);
        assert_eq!(ends(&did), [Ended::Broken], "no refusal: whoever is called may hear it ring");
        assert_eq!(did.connects, [far.flow]);
        let cancel = connect(&mut far).one_request(Method::Cancel);
        let branch = |request: &Request| request.headers.top_via().unwrap().branch().map(str::to_owned);
        assert_eq!(branch(&cancel), branch(&invite));
        says(&mut far, endpoint_far::answer(&cancel, 200, "far"));
        let acknowledged = says(&mut far, endpoint_far::answer(&invite, 487, "far"));
        assert_eq!(acknowledged.one_request(Method::Ack).uri, invite.uri);
        far.waits(40_000);
        assert_eq!(far.endpoint.counts().dialogs, 0);
    }
    let mut far = far(Config::default());
    calls(&mut far, false);
    let invite = connect(&mut far).one_request(Method::Invite);
    says(&mut far, endpoint_far::answer(&invite, 180, "far"));
    close(&mut far);
    close(&mut far);
    assert_eq!(far.endpoint.counts(), Counts::default(), "nobody can be told");
}

#[test]
fn requests_inside_a_dialog_use_the_connection_that_the_far_end_opened() {
    let mut far = connected(Config::default());
    let mut invite = by_tcp(invite("tcp3"));
    invite.headers.set(HeaderName::Contact, "<sip:139@192.0.2.9:5070;transport=tcp>");
    let did = says(&mut far, invite.clone());
    let Some(Event::Incoming { dialog, .. }) = did.news().first().copied().cloned() else {
        panic!("{did:?}")
    };
    far.endpoint.accept(far.now, dialog, endpoint_far::ANSWER.into());
    let accepted = far.did().responses.pop().unwrap().1;
    says(&mut far, by_tcp(endpoint_far::follow(&invite, &accepted, Method::Ack, 7)));
    far.endpoint.end(far.now, dialog);
    let did = far.did();
    assert_eq!(did.requests[0].0, far.flow);
    assert_eq!(did.requests[0].1.method, Method::Bye);
}

#[test]
fn a_request_too_large_for_a_datagram_goes_by_tcp_and_by_udp_where_there_is_none() {
    let config = || Config { large_by_tcp: true, ..Config::default() };
    let udp = |far: &Far| Flow { transport: Transport::Udp, ..far.flow };
    let mut far = far(config());
    far.flow = udp(&far);
    calls(&mut far, false);
    assert_eq!(far.did().requests[0].0, far.flow, "small enough");

    calls(&mut far, true);
    let did = far.did();
    let stream = Flow { transport: Transport::Tcp, ..far.flow };
    assert_eq!((did.connects.as_slice(), did.requests.len()), ([stream].as_slice(), 0));
    far.endpoint.handle_input(far.now, Input::Closed { flow: stream });
    let did = far.did();
    let invite = did.one_request(Method::Invite);
    assert_eq!((did.requests[0].0, ends(&did)), (far.flow, vec![]));
    assert_eq!(invite.headers.top_via().unwrap().transport, "UDP");
    let repeated = far.waits(500).requests;
    assert!(repeated.iter().any(|(_, again)| *again == invite), "Timer A runs now");

    calls(&mut far, true);
    let did = far.did();
    assert_eq!((did.connects.len(), did.requests[0].0), (0, far.flow), "that is remembered");
    far.waits(600_000);
    calls(&mut far, true);
    assert_eq!(far.did().connects, [stream], "for ten minutes");
    far.endpoint.handle_input(far.now, Input::Connected { flow: stream });
    let did = far.did();
    let invite = did.one_request(Method::Invite);
    assert_eq!(invite.headers.top_via().unwrap().transport, "TCP");
    far.flow = stream;
    assert!(says(&mut far, endpoint_far::answer(&invite, 180, "far")).requests.is_empty());
}

#[test]
fn a_far_end_that_lets_streams_come_to_nothing_gets_its_datagram_within_a_second() {
    let mut far = far(Config { large_by_tcp: true, ..Config::default() });
    let stream = far.flow;
    far.flow.transport = Transport::Udp;
    calls(&mut far, true);
    assert_eq!(far.did().connects, [stream]);
    assert!(far.waits(999).requests.is_empty());
    let did = far.waits(1);
    assert_eq!((did.closes.as_slice(), did.requests[0].0), ([stream].as_slice(), far.flow));
}

#[test]
fn a_cancel_goes_the_way_of_its_invite() {
    let mut far = far(Config { large_by_tcp: true, ..Config::default() });
    let stream = far.flow;
    far.flow.transport = Transport::Udp;
    let dialog = calls(&mut far, true);
    far.did();
    far.flow = stream;
    let invite = connect(&mut far).one_request(Method::Invite);
    says(&mut far, endpoint_far::answer(&invite, 180, "far"));
    far.endpoint.end(far.now, dialog);
    let did = far.did();
    let cancel = did.one_request(Method::Cancel);
    assert_eq!(did.requests[0].0, stream);
    assert_eq!(cancel.headers.get(&HeaderName::Via), invite.headers.get(&HeaderName::Via));
}

#[test]
fn a_phone_that_registered_by_a_stream_is_called_by_it_until_it_is_gone() {
    let mut far = connected(with_registrar());
    assert_eq!(registers(&mut far), 200);
    let bindings = far.endpoint.contacts("example.com", "1001");
    assert_eq!(bindings[0].flow, far.flow);
    assert!(far.waits(3_000_000).closes.is_empty(), "the connection of a registered phone may be idle");
    calls(&mut far, false);
    let did = far.did();
    assert_eq!((did.requests[0].0, did.connects.len()), (far.flow, 0));
    let did = close(&mut far);
    let gone = did.events.iter().any(|event| matches!(event, Event::Registration { registered: false, .. }));
    assert!(gone && ends(&did) == [Ended::Refused(503)], "{did:?}");
    assert!(far.endpoint.contacts("example.com", "1001").is_empty());
    assert_eq!(far.endpoint.counts().connections, 0);
}

#[test]
fn who_is_called_by_its_stream_is_known_by_it() {
    let mut far = connected(with_registrar());
    assert_eq!(registers(&mut far), 200);
    let mut invite = by_tcp(invite("tcp5"));
    invite.headers.set(HeaderName::From, "<sip:1001@example.com>;tag=x");
    let did = says(&mut far, invite);
    let aor = Aor { domain: "example.com".to_owned(), user: "1001".to_owned() };
    let known = did.events.iter().any(
        |event| matches!(event, Event::Incoming { registered: Some(registered), .. } if *registered == aor),
    );
    assert!(known, "{did:?}");
}

#[test]
fn pings_are_answered_and_keep_the_connection() {
    let mut far = connected(Config::default());
    assert_eq!(says_bytes(&mut far, b"\r\n\r\n").empty_lines, 1);
    assert_eq!(says_bytes(&mut far, b"\r\n\r").empty_lines, 0);
    assert_eq!(says_bytes(&mut far, b"\n").empty_lines, 1);
    assert!(far.waits(899_000).closes.is_empty());
    assert_eq!(far.waits(2_000).closes, [far.flow], "idle for too long");
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn who_says_nothing_or_speaks_too_slowly_is_let_go() {
    let mut far = connected(Config::default());
    assert_eq!(far.endpoint.next_timeout().unwrap().1, TimerKind::Connection(ConnectionTimer::Idle));
    assert_eq!(far.waits(32_000).closes, [far.flow], "connected and silent");

    let mut far = connected(Config::default());
    let options = by_tcp(request(Method::Options, "slow")).encode();
    for byte in &options[..31] {
        says_bytes(&mut far, &[*byte]);
        assert!(far.waits(1_000).closes.is_empty());
    }
    let first = far.endpoint.next_timeout().unwrap();
    assert_eq!(first.0, Mono::from_micros(32_000_001));
    assert_eq!(far.waits(1_000).closes, [far.flow], "one byte a second is not enough");
    assert!(says_bytes(&mut far, &options).is_silent(), "nobody listens any more");
}

#[test]
fn half_a_message_that_stays_half_is_refused() {
    let mut far = connected(Config::default());
    let mut options = by_tcp(request(Method::Options, "half"));
    options.body = "half of it is missing".into();
    let bytes = options.encode();
    assert!(says_bytes(&mut far, &bytes[..bytes.len() - 10]).is_silent());
    let did = far.waits(32_000);
    assert_eq!((did.status(), did.closes), (400, vec![far.flow]));
}

#[test]
fn there_are_not_more_connections_than_may_be() {
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let mut far = far(Config { limits, ..Config::default() });
    for port in 40_001..=40_002 {
        far.flow.remote.set_port(port);
        assert!(connect(&mut far).closes.is_empty());
    }
    far.flow.remote.set_port(40_003);
    let closes = connect(&mut far).closes;
    assert!(closes.len() == 1 && closes[0] != far.flow, "one of the others makes room: {closes:?}");
    assert_eq!(says(&mut far, by_tcp(request(Method::Options, "many"))).status(), 200);
    far.flow.remote.set_port(5070);
    calls(&mut far, false);
    assert!(far.did().connects.is_empty(), "none is opened");
    assert_eq!(far.endpoint.counts().connections, 2);
}

/// Whoever opens streams without end does not get in the way of phones that are registered, nor of our calls.
#[test]
fn streams_of_strangers_leave_room_for_phones_and_for_ours() {
    let limits = Limits { connections_max: 16, ..Limits::default() };
    let mut far = far(Config { limits, ..with_registrar() });
    far.flow.remote = STRANGER.parse().unwrap();
    connect(&mut far);
    assert_eq!(registers(&mut far), 200);
    let phone = far.flow;
    for port in 1_000..1_200 {
        far.flow.remote.set_port(port);
        let closes = connect(&mut far).closes;
        assert!(!closes.contains(&far.flow) && !closes.contains(&phone));
        assert_eq!(far.endpoint.counts().connections, 14.min(usize::from(port) - 998));
    }
    far.flow.remote = "192.0.2.9:5070".parse().unwrap();
    calls(&mut far, false);
    assert_eq!(far.did().connects, [far.flow]);
}

#[test]
fn what_many_leave_unfinished_does_not_fill_the_memory() {
    let mut far = far(Config::default());
    let half = format!("OPTIONS sip:a SIP/2.0\r\nSubject: {}", "x".repeat(30_000));
    let mut held = 0;
    for port in 10_000..13_000 {
        far.flow.remote.set_port(port);
        connect(&mut far);
        if says_bytes(&mut far, half.as_bytes()).closes.is_empty() {
            held += half.len();
        }
    }
    assert!(held <= sip::limits::STREAMS_BYTES_MAX && held > sip::limits::STREAMS_BYTES_MAX / 2, "{held}");
}

fn with_registrar() -> Config {
    let users = vec![User { name: "1001".to_owned(), password: "secret".to_owned() }];
    let domains = vec![Domain { name: "example.com".to_owned(), users }];
    Config { registrar: Some(RegistrarConfig { domains, ..RegistrarConfig::default() }), ..Config::default() }
}

/// Answers the challenge; the final status.
fn registers(far: &mut Far) -> u16 {
    let mut register = by_tcp(request(Method::Register, "reg1"));
    register.uri = sip::message::Uri::parse("sip:example.com").unwrap();
    register.headers.set(HeaderName::From, "<sip:1001@example.com>;tag=r");
    register.headers.set(HeaderName::To, "<sip:1001@example.com>");
    register.headers.set(HeaderName::Contact, "<sip:1001@10.0.0.7:5060;transport=tcp>");
    let challenged: Response = says(far, register.clone()).responses.remove(0).1;
    let line = challenged.headers.get(&HeaderName::WwwAuthenticate).unwrap();
    let challenge = Challenge::parse(line).unwrap().unwrap();
    let who = sip::api::Credentials { user: "1001".to_owned(), password: "secret".to_owned() };
    let proof = Authorization::answer(&challenge, &who, &Method::Register, "sip:example.com", 1, "c");
    let mut again = register;
    let mut via = again.headers.top_via().unwrap();
    via.params.set("branch", Some("z9hG4bKreg2"));
    again.headers.replace_top_via(&via).unwrap();
    again.headers.set(HeaderName::CSeq, "8 REGISTER");
    again.headers.push(HeaderName::Authorization, proof.to_string());
    says(far, again).status()
}
