//! The verdicts on the messages of RFC 4475 and RFC 5118 that an endpoint gives, and that it lives on after each.
//!
//! Where the RFC leaves a choice, ours stands beside the verdict.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod torture_data;

use base::{Mono, Now, Random, Wall};
use sip::api::{Event, Flow, Input, Output, Transport};
use sip::message::{HeaderName, Message, Response, parse_datagram};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};
use torture_data::{TORTURE, ipv6};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Rings: 100 and `Incoming`.
    Rings,
    /// One final answer.
    Is(u16),
    /// Nothing.
    Dropped,
}

use Verdict::{Dropped, Is, Rings};

const VERDICTS: [(&str, Verdict); 49] = [
    // §3.1.1, valid messages.
    ("wsinv", Is(481)), // it has a To tag, and there is no such dialog
    ("intmeth", Is(501)),
    ("esc01", Rings),
    ("escnull", Is(401)),
    ("esc02", Is(501)), // the method is RE%47IST%45R and must not be taken for REGISTER
    ("lwsdisp", Is(200)),
    ("longreq", Rings),
    ("dblreq", Is(401)), // the second request in the datagram is not answered
    ("semiuri", Is(200)),
    ("transports", Is(200)),
    ("mpart01", Is(405)),  // MESSAGE outside a dialog
    ("unreason", Dropped), // a response to nothing of ours, like all here
    ("noreason", Dropped),
    // §3.1.2, invalid messages.
    ("badinv01", Is(400)),
    ("clerr", Is(400)),
    ("ncl", Is(400)),
    ("scalar02", Is(400)),
    ("scalarlg", Dropped),
    ("quotbal", Is(400)), // choice: no guess where the quote ends
    ("ltgtruri", Is(400)),
    ("lwsruri", Is(400)),
    ("lwsstart", Is(400)),
    ("trws", Is(400)),
    ("escruri", Is(400)),
    ("baddate", Rings),    // choice: nobody here reads Date
    ("regbadct", Is(400)), // choice: what the sender meant is not guessed
    ("badaspec", Is(400)), // choice: likewise
    ("baddn", Is(400)),    // choice: likewise
    ("badvers", Is(505)),
    ("mismatch01", Is(400)),
    ("mismatch02", Is(400)), // choice: 400 before 501
    ("bigcode", Dropped),
    // §3.2: matched by the rules of RFC 2543.
    ("badbranch", Is(200)),
    // §3.3, the application.
    ("insuf", Is(400)),
    ("unkscm", Is(416)),
    ("novelsc", Is(416)),
    ("unksm2", Is(401)), // choice: first of all, who asks?
    ("bext01", Is(420)),
    ("invut", Is(415)),
    ("regaut01", Is(401)), // the scheme NoOneKnowsThisScheme is passed over
    ("multi01", Is(400)),
    ("mcl01", Is(400)),
    ("bcast", Dropped),
    ("zeromf", Is(200)), // we are the final element: Max-Forwards does not concern us
    ("cparam01", Is(401)),
    ("cparam02", Is(401)),
    ("regescrt", Is(401)),
    ("sdp01", Is(406)),
    // §3.4, an RFC 2543 peer.
    ("inv2543", Rings),
];

/// RFC 5118.
const IPV6_VERDICTS: [(&str, Verdict); 12] = [
    ("ipv6-good", Is(401)),
    ("ipv6-bad", Is(400)),
    ("port-ambiguous", Is(401)),
    ("port-unambiguous", Is(401)),
    ("via-received-param-with-delim", Is(481)),
    ("via-received-param-no-delim", Is(200)),
    ("ipv6-in-sdp", Rings),
    ("mult-ip-in-header", Is(481)),
    ("mult-ip-in-sdp", Rings),
    ("ipv4-mapped-ipv6", Rings),
    ("ipv6-bug-abnf-3-colons", Is(200)),
    ("ipv6-correct-abnf-2-colons", Is(200)),
];

#[test]
fn every_message_gets_its_verdict_and_the_next_options_an_answer() {
    let mut endpoint = endpoint();
    for (round, (name, data)) in TORTURE.iter().enumerate() {
        let (_, verdict) = VERDICTS.iter().find(|(known, _)| known == name).unwrap();
        assert_eq!(judge(&feed(&mut endpoint, data)), *verdict, "{name}");
        assert_eq!(judge(&feed(&mut endpoint, options(round).as_bytes())), Is(200), "after {name}");
    }
}

#[test]
fn the_messages_with_ipv6_get_theirs() {
    let mut endpoint = endpoint();
    for (round, (name, data)) in ipv6().iter().enumerate() {
        let outputs = feed(&mut endpoint, data);
        let (_, verdict) = IPV6_VERDICTS.iter().find(|(known, _)| known == name).unwrap();
        assert_eq!(judge(&outputs), *verdict, "{name}");
        assert_eq!(judge(&feed(&mut endpoint, options(round).as_bytes())), Is(200), "after {name}");
    }
}

#[test]
fn a_refusal_says_what_would_do() {
    let mut endpoint = endpoint();
    let mut answer = |name: &str| {
        let (_, data) = TORTURE.iter().find(|(known, _)| *known == name).unwrap();
        responses(&feed(&mut endpoint, data)).pop().unwrap()
    };
    assert_eq!(
        answer("bext01").headers.get(&HeaderName::Unsupported),
        Some("nothingSupportsThis, nothingSupportsThisEither")
    );
    assert_eq!(
        answer("invut").headers.get(&HeaderName::Accept),
        Some("application/sdp, multipart/mixed, multipart/alternative")
    );
    assert!(answer("mpart01").headers.get(&HeaderName::Allow).unwrap().contains("INVITE"));
    let challenges = answer("cparam01");
    let lines: Vec<&str> = challenges.headers.all(&HeaderName::WwwAuthenticate).collect();
    assert!(lines.len() == 1 && lines[0].contains("MD5"), "{lines:?}");
}

#[test]
fn it_comes_to_rest_after_all_of_them() {
    let mut endpoint = endpoint();
    for (_, data) in TORTURE {
        feed(&mut endpoint, data);
    }
    for (_, data) in ipv6() {
        feed(&mut endpoint, &data);
    }
    while let Some((at, _)) = endpoint.next_timeout() {
        endpoint.handle_input(Now { mono: at, wall: Wall::default() }, Input::Timeout);
        while endpoint.poll_output().is_some() {}
    }
    assert_eq!(endpoint.counts(), sip::api::Counts::default());
}

#[test]
fn damaged_messages_do_no_harm() {
    let mut random = Random::from_number(49);
    let mut endpoint = endpoint();
    for round in 0..10_000 {
        let (_, data) = TORTURE[round % TORTURE.len()];
        let mut damaged = data.to_vec();
        for _ in 0..=random.below(4) {
            let at = usize::try_from(random.below(damaged.len() as u64)).unwrap();
            match random.below(3) {
                0 => damaged[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(damaged.drain(at..(at + 9).min(damaged.len() - 1).max(at))),
                _ => damaged.insert(at, b"\r\n,;:<>\"0@"[at % 10]),
            }
        }
        feed(&mut endpoint, &damaged);
    }
    assert_eq!(judge(&feed(&mut endpoint, options(0).as_bytes())), Is(200));
}

fn endpoint() -> Endpoint {
    let users = vec![User { name: "user".to_owned(), password: "secret".to_owned() }];
    let domains = vec![Domain { name: "example.com".to_owned(), users }];
    let registrar = RegistrarConfig { domains, ..RegistrarConfig::default() };
    Endpoint::new(Config { registrar: Some(registrar), ..Config::default() }, Random::from_number(4475))
}

fn feed(endpoint: &mut Endpoint, data: &[u8]) -> Vec<Output> {
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "192.0.2.2:5062".parse().unwrap(),
    };
    let now = Now { mono: Mono::ZERO, wall: Wall::default() };
    endpoint.handle_input(now, Input::Datagram { flow, data });
    std::iter::from_fn(|| endpoint.poll_output()).collect()
}

fn judge(outputs: &[Output]) -> Verdict {
    let rings = outputs.iter().any(|output| matches!(output, Output::Event(Event::Incoming { .. })));
    let statuses: Vec<u16> = responses(outputs).iter().map(|response| response.status).collect();
    match (rings, statuses.as_slice()) {
        (true, [100]) => Rings,
        (false, [status]) => Is(*status),
        (false, []) => Dropped,
        _ => panic!("no verdict: {outputs:?}"),
    }
}

fn responses(outputs: &[Output]) -> Vec<Response> {
    let read = |output: &Output| match output {
        Output::Transmit(transmit) => {
            match parse_datagram(&transmit.data).expect("we write what can be read") {
                Message::Response(response) => Some(response),
                Message::Request(request) => panic!("nothing was to be asked: {request:?}"),
            }
        }
        Output::Event(_) | Output::Connect { .. } | Output::Close { .. } => None,
    };
    outputs.iter().filter_map(read).collect()
}

fn options(round: usize) -> String {
    format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKo{round}\r\n\
         From: <sip:a@example.com>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: options{round}\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
}
