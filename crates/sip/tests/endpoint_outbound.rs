//! Ways to phones: Path, phones that come back by another way, keep-alive through NAT, and a restart in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::time::Duration;

use base::Random;
use bytes::Bytes;
use endpoint_far::{Did, Far, ok, request};
use sip::api::{Credentials, Event, Flow, Input, Invite, Output, Transport};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Response, Uri};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};

fn config() -> Config {
    let users = vec![User { name: "1001".to_owned(), password: "one".to_owned() }];
    let domains = vec![Domain { name: "pbx.example".to_owned(), users }];
    Config { registrar: Some(RegistrarConfig { domains, ..RegistrarConfig::default() }), ..Config::default() }
}

struct Phone {
    far: Far,
    number: u32,
    call_id: String,
}

impl Phone {
    fn new() -> Phone {
        Phone { far: Far::new(config()), number: 0, call_id: "phone".to_owned() }
    }

    fn register(&mut self, contact: &str, more: &[(HeaderName, &str)]) -> Request {
        self.number += 1;
        let number = self.number;
        let mut register = request(Method::Register, &format!("reg{number}"));
        register.uri = Uri::parse("sip:pbx.example").unwrap();
        register.headers.set(HeaderName::From, "<sip:1001@pbx.example>;tag=r");
        register.headers.set(HeaderName::To, "<sip:1001@pbx.example>");
        register.headers.set(HeaderName::CallId, self.call_id.as_str());
        register.headers.set(HeaderName::CSeq, format!("{number} REGISTER"));
        register.headers.set(HeaderName::Contact, contact);
        for (name, value) in more {
            match name {
                HeaderName::Via => register.headers.push_front(HeaderName::Via, format!("{value}{number}")),
                _ => register.headers.push(name.clone(), *value),
            }
        }
        register
    }

    /// Registers; what came of it.
    fn says(&mut self, contact: &str, more: &[(HeaderName, &str)]) -> Did {
        let register = self.register(contact, more);
        let did = self.far.hears(register);
        let Some(line) = did.responses[0].1.headers.get(&HeaderName::WwwAuthenticate) else { return did };
        let challenge = Challenge::parse(line).unwrap().unwrap();
        let mut register = self.register(contact, more);
        let who = Credentials { user: "1001".to_owned(), password: "one".to_owned() };
        let proof = Authorization::answer(&challenge, &who, &Method::Register, "sip:pbx.example", 1, "c");
        register.headers.push(HeaderName::Authorization, proof.to_string());
        self.far.hears(register)
    }

    fn contacts(&self) -> Vec<(String, String)> {
        let bindings = self.far.endpoint.contacts("pbx.example", "1001");
        bindings.into_iter().map(|one| (one.uri, one.flow.remote.to_string())).collect()
    }

    /// The endpoint calls the first contact; its INVITE and the path it goes by.
    fn is_called(&mut self) -> (Flow, Request) {
        let binding = self.far.endpoint.contacts("pbx.example", "1001").remove(0);
        let call = Invite {
            flow: binding.flow,
            uri: binding.uri,
            from_user: "95588".to_owned(),
            from_name: None,
            to_uri: "sip:1001@pbx.example".to_owned(),
            sdp: endpoint_far::OFFER.into(),
            credentials: None,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: Default::default(),
        };
        self.far.endpoint.invite(self.far.now, call);
        let mut did = self.far.did();
        did.one_request(Method::Invite);
        did.requests.remove(0)
    }

    fn from(&mut self, remote: &str) {
        self.far.flow.remote = remote.parse().unwrap();
    }
}

fn answer(did: &Did) -> &Response {
    assert_eq!(did.responses.len(), 1, "{did:?}");
    &did.responses[0].1
}

fn lines(request: &Request, name: &HeaderName) -> Vec<String> {
    request.headers.all(name).map(str::to_owned).collect()
}

const PROXY: (HeaderName, &str) = (HeaderName::Via, "SIP/2.0/UDP proxy.example;branch=z9hG4bKproxy");

#[test]
fn a_phone_behind_a_proxy_is_called_along_its_path() {
    let mut phone = Phone::new();
    let path = "<sip:inner.example;lr>, <sip:edge.example;lr;token=a%2Cb>";
    let more = [PROXY, (HeaderName::Path, path), (HeaderName::Supported, "path")];
    let did = phone.says("<sip:1001@10.0.0.5>", &more);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Path)), (200, Some(path)));
    assert!(answer(&did).headers.tokens(&HeaderName::Supported).contains(&"path"));
    let (flow, invite) = phone.is_called();
    assert_eq!((flow, invite.uri.to_string().as_str()), (phone.far.flow, "sip:1001@10.0.0.5"));
    assert_eq!(lines(&invite, &HeaderName::Route).join(", "), path);
    // The dialog has the route that the answer recorded, not the path.
    let did = phone.far.hears(ok(&invite, "far", &[(HeaderName::RecordRoute, "<sip:edge.example;lr>")]));
    let ack = did.one_request(Method::Ack);
    assert_eq!(lines(&ack, &HeaderName::Route), ["<sip:edge.example;lr>"]);
    assert_eq!(did.requests[0].0, phone.far.flow);
    assert!(phone.far.waits(100_000).requests.is_empty(), "the proxy keeps its own path open");
}

#[test]
fn a_path_that_the_phone_does_not_know_of_is_refused() {
    let mut phone = Phone::new();
    let path = (HeaderName::Path, "<sip:edge.example;lr>");
    let did = phone.says("<sip:1001@10.0.0.5>", &[PROXY, path.clone()]);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Unsupported)), (420, Some("path")));
    let more = [PROXY, path, (HeaderName::Require, "path"), (HeaderName::Require, "gruu")];
    let did = phone.says("<sip:1001@10.0.0.5>", &more);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Unsupported)), (420, Some("gruu")));
    let mut broken = vec![PROXY, (HeaderName::Supported, "path"), (HeaderName::Path, "<sip:edge")];
    assert_eq!(phone.says("<sip:1001@10.0.0.5>", &broken).status(), 400);
    let long = format!("<sip:{};lr>", "a".repeat(1_500));
    broken[2] = (HeaderName::Path, &long);
    broken.push((HeaderName::Path, &long));
    assert_eq!(phone.says("<sip:1001@10.0.0.5>", &broken).status(), 400, "too long");
    assert!(phone.contacts().is_empty());
}

#[test]
fn a_strict_router_in_the_path_gets_itself_as_the_request_uri() {
    let mut phone = Phone::new();
    let more = [PROXY, (HeaderName::Path, "<sip:old.example>"), (HeaderName::Supported, "path")];
    phone.says("<sip:1001@10.0.0.5>", &more);
    let (_, invite) = phone.is_called();
    assert_eq!(invite.uri.to_string(), "sip:old.example");
    assert_eq!(lines(&invite, &HeaderName::Route), ["<sip:1001@10.0.0.5>"]);
}

const SUPPORTS: (HeaderName, &str) = (HeaderName::Supported, "path, outbound");

fn instance(host: &str, reg_id: u32) -> String {
    format!("<sip:1001@{host}>;+sip.instance=\"<urn:uuid:f81d4fae>\";reg-id={reg_id};expires=600")
}

#[test]
fn a_phone_that_comes_back_takes_the_place_of_what_it_was() {
    let mut phone = Phone::new();
    phone.says("<sip:1001@192.0.2.9:5070>;+sip.instance=\"<urn:uuid:other>\";reg-id=1", &[SUPPORTS]);
    for port in [5071, 5072, 5073] {
        phone.from(&format!("192.0.2.9:{port}"));
        phone.call_id = format!("boot{port}");
        let did = phone.says(&instance(&format!("192.0.2.9:{port}"), 1), &[SUPPORTS]);
        assert_eq!(did.status(), 200);
        assert_eq!(answer(&did).headers.get(&HeaderName::Require), Some("outbound"));
        assert_eq!(phone.contacts().len(), 2);
        assert_eq!(phone.contacts()[0].1, format!("192.0.2.9:{port}"));
    }
    // A second flow of the same phone, by the same contact.
    phone.from("192.0.2.9:5074");
    let did = phone.says(&instance("192.0.2.9:5073", 2), &[SUPPORTS]);
    assert_eq!(phone.contacts().len(), 3);
    let shown = lines_of(answer(&did));
    assert!(shown[0].contains(";+sip.instance=\"<urn:uuid:f81d4fae>\";reg-id=2"), "{shown:?}");
}

fn lines_of(response: &Response) -> Vec<String> {
    response.headers.all(&HeaderName::Contact).map(str::to_owned).collect()
}

#[test]
fn outbound_is_agreed_on_only_where_every_hop_knows_of_it() {
    let mut phone = Phone::new();
    let did = phone.says(&instance("192.0.2.9:5070", 1), &[(HeaderName::Supported, "path")]);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Require)), (200, None), "not asked for");
    let did = phone.says("<sip:1001@192.0.2.9:5070>;reg-id=1", &[SUPPORTS]);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Require)), (200, None), "no instance");
    assert_eq!(
        phone.says(&instance("192.0.2.9", 1), &[SUPPORTS, PROXY]).status(),
        439,
        "a proxy without Path"
    );
    let edge = (HeaderName::Path, "<sip:inner.example;lr;ob>, <sip:edge.example;lr>");
    assert_eq!(phone.says(&instance("192.0.2.9", 1), &[SUPPORTS, PROXY, edge]).status(), 439);
    let edge = (HeaderName::Path, "<sip:inner.example;lr>, <sip:edge.example;lr;ob>");
    let did = phone.says(&instance("192.0.2.9", 1), &[SUPPORTS, PROXY, edge]);
    assert_eq!((did.status(), answer(&did).headers.get(&HeaderName::Require)), (200, Some("outbound")));
    let two = format!("{}, <sip:1001@192.0.2.9:9>", instance("192.0.2.9", 1));
    assert_eq!(phone.says(&two, &[SUPPORTS]).status(), 400, "one REGISTER tells of one path");
}

#[test]
fn a_phone_that_asks_by_stun_whether_its_path_is_open_is_answered() {
    let mut far = Far::new(config());
    let ask = [&b"\x00\x01\x00\x00\x21\x12\xa4\x42"[..], b"transaction0"].concat();
    far.endpoint.handle_input(far.now, Input::Datagram { flow: far.flow, data: &ask });
    let Some(Output::Transmit(answer)) = far.endpoint.poll_output() else { panic!("no answer") };
    assert_eq!(
        (answer.flow, &answer.data[..2], &answer.data[8..20]),
        (far.flow, &[1, 1][..], &b"transaction0"[..])
    );
    assert!(far.endpoint.poll_output().is_none());
    for ping in [&b"\r\n\r\n"[..], b"\r\n", b"\0\0\0\0"] {
        let did = far.hears_bytes(ping);
        assert!(did.is_silent() && did.empty_lines == 0, "datagrams that say nothing need no answer");
    }
}

#[test]
fn the_path_to_a_phone_behind_nat_is_kept_open() {
    let mut phone = Phone::new();
    phone.says("<sip:1001@10.0.0.5:5060>;expires=600", &[]);
    let did = phone.far.waits(599_000);
    let pings: Vec<_> = did.requests.iter().filter(|(_, ping)| ping.method == Method::Options).collect();
    assert!((23..=24).contains(&pings.len()), "{} pings", pings.len());
    assert!(
        pings
            .iter()
            .all(|(flow, ping)| *flow == phone.far.flow && ping.uri.to_string() == "sip:1001@10.0.0.5:5060")
    );
    assert_eq!(pings.len(), did.requests.len(), "{did:?}");
    let (_, ping) = pings[0];
    assert!(phone.far.hears(endpoint_far::answer(ping, 200, "far")).is_silent());
    assert!(phone.far.waits(60_000).requests.is_empty(), "it ran out");
    assert_eq!(phone.far.endpoint.counts().timers, 0);
}

#[test]
fn a_refreshed_registration_is_pinged_as_before_and_one_without_nat_is_not() {
    let mut phone = Phone::new();
    let mut pings = 0;
    for _ in 0..60 {
        phone.says("<sip:1001@10.0.0.5:5060>;expires=60", &[]);
        pings += phone.far.waits(10_000).requests.len();
    }
    assert!((23..=24).contains(&pings), "{pings} pings");
    let mut phone = Phone::new();
    phone.says("<sip:1001@192.0.2.9:9999>;expires=600", &[]);
    phone.says("<sip:1001@phone.example>;expires=600", &[]);
    assert!(phone.far.waits(600_000).requests.is_empty());
}

#[test]
fn pings_to_many_phones_do_not_come_at_once() {
    let mut phone = Phone::new();
    let mut per_second = [0; 30];
    for port in 10_000..10_400 {
        phone.from(&format!("192.0.2.9:{port}"));
        phone.call_id = format!("phone{port}");
        phone.says("*", &[(HeaderName::Expires, "0")]);
        phone.says("<sip:1001@10.0.0.5:5060>;expires=600", &[]);
        let before = phone.far.now;
        while phone.far.waits(1_000).requests.is_empty() {}
        let after_s = phone.far.now.mono.since(before.mono).as_secs();
        per_second[usize::try_from(after_s).unwrap()] += 1;
    }
    assert!(per_second.iter().all(|pings| *pings < 40), "{per_second:?}");
}

/// What the log would have of 1001 after all that was told.
fn kept(dids: &[&Did]) -> Bytes {
    let told = dids.iter().flat_map(|did| &did.events);
    let last = told.filter_map(|event| match event {
        Event::Bindings { kept, .. } => Some(kept.clone()),
        _ => None,
    });
    last.last().unwrap()
}

/// The endpoint dies and comes back with what was kept.
fn restart(phone: &mut Phone, kept: &[u8]) -> Did {
    phone.far.endpoint = Endpoint::new(config(), Random::from_number(7));
    phone.far.endpoint.restore(phone.far.now, "pbx.example", "1001", kept);
    phone.far.did()
}

#[test]
fn everything_about_a_binding_survives_a_restart() {
    let mut phone = Phone::new();
    let path = [PROXY, (HeaderName::Path, "<sip:edge.example;lr;ob>"), SUPPORTS];
    let first = phone.says(&instance("10.0.0.5", 1), &path);
    phone.from("192.0.2.9:40001");
    let device = (HeaderName::UserAgent, "Deskphone 3");
    let second = phone.says("<sip:1001@10.0.0.6;x=y>;q=0.5;expires=300", &[device]);
    let before = phone.far.endpoint.contacts("pbx.example", "1001");
    assert_eq!(before.len(), 2);
    phone.far.waits(100_000);
    let did = restart(&mut phone, &kept(&[&first, &second]));
    assert!(matches!(did.events[..], [Event::Registration { registered: true, .. }]), "{did:?}");
    assert_eq!(phone.far.endpoint.contacts("pbx.example", "1001"), before);
    let (_, invite) = phone.is_called();
    assert_eq!(lines(&invite, &HeaderName::Route), ["<sip:edge.example;lr;ob>"]);
    assert!(!phone.far.waits(30_000).requests.is_empty(), "the NAT must not forget it now");
    // An older REGISTER that was under way is still an older one.
    phone.number = 1;
    assert_eq!(phone.says("<sip:1001@10.0.0.6;x=y>;expires=0", &[]).status(), 500);
    phone.number = 10;
    let again = phone.says(&instance("10.0.0.7", 1), &[SUPPORTS]);
    assert_eq!((again.status(), phone.contacts().len()), (200, 2), "and the same phone the same");
    phone.far.waits(180_000);
    assert_eq!(phone.contacts().len(), 1, "what was left of its time has run out");
}

#[test]
fn what_a_restart_finds_untrue_is_told() {
    let mut phone = Phone::new();
    let kept = kept(&[&phone.says("<sip:1001@192.0.2.9:5070>;expires=600", &[])]);
    let told = |did: &Did| match &did.events[..] {
        [Event::Bindings { kept, .. }] => kept.is_empty(),
        [Event::Registration { registered: true, .. }] => false,
        other => panic!("{other:?}"),
    };
    assert!(!told(&restart(&mut phone, &kept)));
    let with = |phone: &mut Phone, change: fn(&mut Config), kept: &[u8]| {
        let mut config = config();
        change(&mut config);
        phone.far.endpoint = Endpoint::new(config, Random::from_number(7));
        phone.far.endpoint.restore(phone.far.now, "pbx.example", "1001", kept);
        told(&phone.far.did())
    };
    assert!(with(&mut phone, |config| config.registrar.as_mut().unwrap().domains[0].users.clear(), &kept));
    assert!(with(
        &mut phone,
        |config| config.registrar.as_mut().unwrap().domains[0].users[0].password = "new".to_owned(),
        &kept
    ));
    assert!(with(
        &mut phone,
        |config| {
            config.listeners = vec![sip::Listener {
                bind: "192.0.2.55:5060".parse().unwrap(),
                advertised_host: sip::message::Host::parse("192.0.2.55").unwrap(),
                advertised_port: 5060,
            }];
        },
        &kept
    ));
    assert!(with(&mut phone, |_| {}, b"garbled"));
    phone.far.now = phone.far.now.later(Duration::from_secs(600));
    assert!(told(&restart(&mut phone, &kept)), "it has run out");
    phone.far.now.wall = phone.far.now.wall - Duration::from_secs(7200);
    assert!(!told(&restart(&mut phone, &kept)));
    phone.far.waits(3_600_000);
    assert!(phone.contacts().is_empty(), "a clock that was set back makes nothing last for ever");
}

#[test]
fn streams_are_not_kept() {
    let mut phone = Phone::new();
    phone.far.flow.transport = Transport::Tcp;
    phone.far.endpoint.handle_input(phone.far.now, Input::Connected { flow: phone.far.flow });
    let mut says = |number: &str, proof: Option<String>| {
        let mut register = phone.register("<sip:1001@192.0.2.9:5070;transport=tcp>", &[]);
        register.headers.set(HeaderName::Via, format!("SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK{number}"));
        if let Some(proof) = proof {
            register.headers.push(HeaderName::Authorization, proof);
        }
        let data = register.encode();
        phone.far.endpoint.handle_input(phone.far.now, Input::Stream { flow: phone.far.flow, data: &data });
        phone.far.did()
    };
    let did = says("1", None);
    let line = answer(&did).headers.get(&HeaderName::WwwAuthenticate).unwrap();
    let challenge = Challenge::parse(line).unwrap().unwrap();
    let who = Credentials { user: "1001".to_owned(), password: "one".to_owned() };
    let proof = Authorization::answer(&challenge, &who, &Method::Register, "sip:pbx.example", 1, "c");
    let did = says("2", Some(proof.to_string()));
    assert!(matches!(did.events[..], [Event::Registration { registered: true, .. }]), "{did:?}");
    assert_eq!(phone.contacts().len(), 1);
}
