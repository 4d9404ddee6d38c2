//! The verdicts on the messages of RFC 4475 and RFC 5118 that come by a stream.
//!
//! They are those for datagrams (`endpoint_torture`), but where Content-Length does not say where the message ends: then
//! the stream is closed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod torture_data;

use base::{Mono, Now, Random, Wall};
use sip::api::{Counts, Event, Flow, Input, Output, Transport};
use sip::message::{Message, parse_datagram};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};
use torture_data::{TORTURE, ipv6};

/// What an endpoint did with a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Did {
    rang: bool,
    statuses: Vec<u16>,
    closed: bool,
}

/// What is different in a stream: the answers, at once or after 32 s, and whether it rings. Closed are all of them.
const DIFFERENT: [(&str, &[u16], bool); 6] = [
    ("clerr", &[400], false), // choice: more is waited for, as long as any message may take, then refused
    ("baddn", &[400], false), // choice: likewise, its headers do not end
    ("ncl", &[400], false),   // a negative length
    ("mcl01", &[400], false), // two lengths
    ("inv2543", &[400], false), // choice: no length is no length, also from a peer of RFC 2543 (§20.14 says MUST)
    ("dblreq", &[401, 100], true), // both are answered; what follows the second one's length is no SIP
];

#[test]
fn each_message_gets_its_verdict_and_only_lost_borders_close_the_stream() {
    for (name, data) in all() {
        let by_stream = stream(&data, data.len());
        let wanted = match DIFFERENT.iter().find(|(known, _, _)| *known == name) {
            Some((_, statuses, rang)) => Did { rang: *rang, statuses: statuses.to_vec(), closed: true },
            None => datagram(&data),
        };
        assert_eq!(by_stream, wanted, "{name}");
    }
}

#[test]
fn the_verdict_does_not_depend_on_how_the_stream_is_cut() {
    for (name, data) in all() {
        let whole = stream(&data, data.len());
        for size in [1, 2, 19, 536] {
            assert_eq!(stream(&data, size), whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn damaged_messages_do_no_harm() {
    let mut random = Random::from_number(5118);
    let mut endpoint = endpoint();
    for round in 0..5_000u16 {
        let (_, data) = TORTURE[usize::from(round) % TORTURE.len()];
        let mut damaged = data.to_vec();
        for _ in 0..=random.below(4) {
            let at = usize::try_from(random.below(damaged.len() as u64)).unwrap();
            match random.below(3) {
                0 => damaged[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(damaged.remove(at)),
                _ => damaged.insert(at, b"\r\n,;:<>\"0@"[at % 10]),
            }
        }
        let flow = flow(10_000 + round);
        endpoint.handle_input(now(), Input::Connected { flow });
        for piece in damaged.chunks(1 + usize::try_from(random.below(700)).unwrap()) {
            endpoint.handle_input(now(), Input::Stream { flow, data: piece });
        }
        endpoint.handle_input(now(), Input::Closed { flow });
        while endpoint.poll_output().is_some() {}
    }
    while let Some((at, _)) = endpoint.next_timeout() {
        endpoint.handle_input(Now { mono: at, wall: Wall::default() }, Input::Timeout);
        while let Some(output) = endpoint.poll_output() {
            if let Output::Connect { flow } = output {
                endpoint.handle_input(Now { mono: at, wall: Wall::default() }, Input::Closed { flow });
            }
        }
    }
    assert_eq!(endpoint.counts(), Counts::default(), "it comes to rest");
}

fn all() -> Vec<(&'static str, Vec<u8>)> {
    TORTURE.iter().map(|(name, data)| (*name, data.to_vec())).chain(ipv6()).collect()
}

/// In pieces of `size`; when nothing comes of it, after the time that a message may take.
fn stream(data: &[u8], size: usize) -> Did {
    let (mut endpoint, mut did) = (endpoint(), Did::default());
    let flow = flow(5062);
    endpoint.handle_input(now(), Input::Connected { flow });
    for piece in data.chunks(size) {
        endpoint.handle_input(now(), Input::Stream { flow, data: piece });
        did.note(&mut endpoint, flow);
    }
    if did == Did::default() {
        let late = Now { mono: Mono::from_micros(32_000_000), wall: Wall::default() };
        endpoint.handle_input(late, Input::Timeout);
        did.note(&mut endpoint, flow);
    }
    did
}

fn datagram(data: &[u8]) -> Did {
    let (mut endpoint, mut did) = (endpoint(), Did::default());
    let flow = Flow { transport: Transport::Udp, ..flow(5062) };
    endpoint.handle_input(now(), Input::Datagram { flow, data });
    did.note(&mut endpoint, flow);
    did
}

impl Did {
    fn note(&mut self, endpoint: &mut Endpoint, flow: Flow) {
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Event(Event::Incoming { .. }) => self.rang = true,
                Output::Event(_) => {}
                Output::Connect { flow } => panic!("{flow:?}: nobody is to be called"),
                Output::Close { flow: closed } => {
                    assert_eq!(closed, flow);
                    self.closed = true;
                }
                Output::Transmit(transmit) => {
                    assert!(!self.closed, "nothing is said after the end");
                    match parse_datagram(&transmit.data).unwrap() {
                        Message::Response(response) => self.statuses.push(response.status),
                        Message::Request(request) => panic!("nothing was to be asked: {request:?}"),
                    }
                }
            }
        }
    }
}

fn endpoint() -> Endpoint {
    let users = vec![User { name: "user".to_owned(), password: "secret".to_owned() }];
    let domains = vec![Domain { name: "example.com".to_owned(), users }];
    let registrar = RegistrarConfig { domains, ..RegistrarConfig::default() };
    Endpoint::new(Config { registrar: Some(registrar), ..Config::default() }, Random::from_number(4475))
}

fn now() -> Now {
    Now { mono: Mono::ZERO, wall: Wall::default() }
}

fn flow(port: u16) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: ([192, 0, 2, 2], port).into(),
    }
}
