//! One datagram from a stranger: at most one answer, not much larger than what was asked, and nothing is kept but a call.

use base::{Mono, Now, Random, Wall};
use sip::api::{Counts, Event, Flow, Input, Output, Transport};
use sip::message::{HeaderName, Message, parse_datagram};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};

/// What an answer may have more than the request: a challenge for each algorithm, Allow, a tag, a reason.
const ANSWER_EXTRA_BYTES_MAX: usize = 2048;

/// Sends `data` to an endpoint that nobody else talks to.
pub fn check(data: &[u8]) {
    let mut endpoint = endpoint();
    let now = Now { mono: Mono::from_micros(1), wall: Wall::from_millis(1_790_000_000_000) };
    endpoint.handle_input(now, Input::Datagram { flow: flow(), data });
    let (mut answers, mut calls) = (0, 0);
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit(transmit) => {
                answers += 1;
                assert!(transmit.data.len() <= data.len() + ANSWER_EXTRA_BYTES_MAX, "no amplification");
                assert_eq!(transmit.flow.remote.ip(), flow().remote.ip(), "to nobody else");
                is_an_answer(&transmit.data);
            }
            Output::Event(Event::Incoming { .. }) => calls += 1,
            Output::Event(Event::Token { .. }) => {}
            Output::Event(event) => panic!("a stranger did something: {event:?}"),
            Output::Connect { .. } | Output::Close { .. } => panic!("nobody asked for a stream"),
        }
    }
    assert!(answers <= 1 && calls <= answers, "{answers} answers, {calls} calls");
    let kept = Counts { server_transactions: calls, dialogs: calls, timers: calls, ..Counts::default() };
    assert_eq!(endpoint.counts(), kept, "only a call is kept");
}

fn is_an_answer(data: &[u8]) {
    if !crate::message::fits(data) {
        return;
    }
    let Ok(Message::Response(response)) = parse_datagram(data) else { panic!("a stranger was asked") };
    assert!(response.headers.has(&HeaderName::Via));
    let tagged = response.headers.to().is_ok_and(|to| to.tag().is_some());
    let owed = response.status != 100 && response.headers.to().is_ok() && response.headers.top_via().is_ok();
    assert!(tagged || !owed, "a To tag (RFC 3261 §8.2.6.2)");
}

fn endpoint() -> Endpoint {
    let users = vec![User { name: "user".to_owned(), password: "secret".to_owned() }];
    let domains = vec![Domain { name: "example.com".to_owned(), users }];
    let registrar = RegistrarConfig { domains, ..RegistrarConfig::default() };
    Endpoint::new(Config { registrar: Some(registrar), ..Config::default() }, Random::from_number(1))
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "192.0.2.2:5062".parse().expect("an address"),
    }
}
