//! Families of hostile input that grow with a number: four times as much of it must not cost much more than four times the
//! work. `tests/work.rs` counts what they take from the allocator, `examples/growth.rs` lets callgrind count instructions.

use base::{Mono, Now, Random, Wall};
use media::sdp::parse;
use sip::api::{Credentials, Flow, Identity, Input, Invite, Output, Transport};
use sip::digest::{Algorithm, Authorization, Challenge};
use sip::message::framing::Framer;
use sip::message::{Message, Method, Response, Uri, parse_datagram};
use sip::{Config, Domain, Endpoint, RegistrarConfig, User};

/// Input of one kind, and how it is taken.
pub struct Family {
    /// What there is much of.
    pub name: &'static str,
    /// How much of it at first; the second time there is four times as much, and still within all limits or far beyond.
    pub n: usize,
    /// Makes so much of it; the result does the work that is measured.
    pub prepare: fn(usize) -> Box<dyn FnOnce()>,
}

/// All of them.
pub const FAMILIES: &[Family] = &[
    Family { name: "message: header lines", n: 25, prepare: |n| datagram("", &"x-y: z\r\n".repeat(n), "") },
    Family {
        name: "message: header lines, too many",
        n: 1_800,
        prepare: |n| datagram("", &"x-y: z\r\n".repeat(n), ""),
    },
    Family {
        name: "message: lines without a colon",
        n: 3_000,
        prepare: |n| datagram("", &"xyz\r\n".repeat(n), ""),
    },
    Family { name: "message: Via lines", n: 16, prepare: |n| datagram("", &via_lines(n), "") },
    Family {
        name: "message: Via values",
        n: 16,
        prepare: |n| datagram(&", SIP/2.0/UDP a;branch=1".repeat(n), "", ""),
    },
    Family { name: "message: routes", n: 32, prepare: |n| datagram("", &list("Route", "<sip:a;lr>", n), "") },
    Family {
        name: "message: contacts",
        n: 32,
        prepare: |n| datagram("", &list("Contact", "<sip:a>;q=1", n), ""),
    },
    Family {
        name: "message: commas",
        n: 2_000,
        prepare: |n| datagram("", &format!("Require: {}\r\n", ",".repeat(n)), ""),
    },
    Family { name: "message: parameters", n: 15, prepare: |n| datagram("", &contact(&params(n), ""), "") },
    Family {
        name: "message: parameters of a URI",
        n: 15,
        prepare: |n| datagram("", &contact("", &params(n)), ""),
    },
    Family {
        name: "message: folded lines",
        n: 1_000,
        prepare: |n| datagram("", &format!("s: x{}\r\n", "\r\n y".repeat(n)), ""),
    },
    Family {
        name: "message: folded lines, too many",
        n: 3_500,
        prepare: |n| datagram("", &format!("s: x{}\r\n", "\r\n y".repeat(n)), ""),
    },
    Family {
        name: "message: escapes in quotes",
        n: 900,
        prepare: |n| datagram("", &format!("m: \"{}\" <sip:a>\r\n", "\\\"".repeat(n)), ""),
    },
    Family {
        name: "message: open quotes",
        n: 900,
        prepare: |n| datagram("", &format!("m: {}\r\n", "\"<".repeat(n)), ""),
    },
    Family {
        name: "message: angle brackets",
        n: 900,
        prepare: |n| datagram("", &format!("m: {}\r\n", "<>".repeat(n)), ""),
    },
    Family {
        name: "message: body",
        n: 15_000,
        prepare: |n| datagram("", "c: application/sdp\r\n", &"x".repeat(n)),
    },
    Family {
        name: "message: empty lines before it",
        n: 7_000,
        prepare: |n| bytes("\r\n".repeat(n) + &head("", "")),
    },
    Family { name: "message: bytes that are none", n: 15_000, prepare: |n| bytes("\u{1}".repeat(n)) },
    Family {
        name: "message: credentials",
        n: 25,
        prepare: |n| datagram("", &"Authorization: Digest a=b, c=d\r\n".repeat(n), ""),
    },
    Family { name: "multipart: lines", n: 2_500, prepare: |n| multipart(&"--c\r\n".repeat(n)) },
    Family { name: "multipart: delimiters", n: 2_500, prepare: |n| multipart(&"--b\r\n".repeat(n)) },
    Family {
        name: "multipart: parts",
        n: 8,
        prepare: |n| multipart(&"--b\r\nc: a/b\r\n\r\nx\r\n".repeat(n)),
    },
    Family {
        name: "stream: messages in one piece",
        n: 60,
        prepare: |n| stream(stream_message("", "").repeat(n), usize::MAX),
    },
    Family {
        name: "stream: messages byte by byte",
        n: 10,
        prepare: |n| stream(stream_message("", "").repeat(n), 1),
    },
    Family {
        name: "stream: empty lines in one piece",
        n: 1_000,
        prepare: |n| stream("\r\n".repeat(n), usize::MAX),
    },
    Family { name: "stream: empty lines byte by byte", n: 1_000, prepare: |n| stream("\r\n".repeat(n), 1) },
    Family { name: "stream: a start line byte by byte", n: 1_000, prepare: |n| stream("x".repeat(n), 1) },
    Family {
        name: "stream: a head byte by byte",
        n: 1_000,
        prepare: |n| stream(stream_message(&"x-y: z\r\n".repeat(n), ""), 1),
    },
    Family {
        name: "stream: a body byte by byte",
        n: 8_000,
        prepare: |n| stream(stream_message("", &"x".repeat(n)), 1),
    },
    Family { name: "sdp: lines", n: 1_000, prepare: |n| sdp("a=x\n".repeat(n)) },
    Family { name: "sdp: streams", n: 8, prepare: |n| sdp("m=audio 9 RTP/AVP 3\n".repeat(n)) },
    Family {
        name: "sdp: formats",
        n: 15,
        prepare: |n| sdp(format!("m=audio 9 RTP/AVP{}\n", " 99".repeat(n))),
    },
    Family {
        name: "sdp: maps",
        n: 30,
        prepare: |n| sdp(format!("m=audio 9 RTP/AVP 3\n{}", "a=rtpmap:99 x/8000\n".repeat(n))),
    },
    Family { name: "endpoint: strangers who ask", n: 500, prepare: |n| strangers("OPTIONS", n) },
    Family { name: "endpoint: strangers who register", n: 500, prepare: |n| strangers("REGISTER", n) },
    Family { name: "endpoint: strangers who call", n: 500, prepare: |n| strangers("INVITE", n) },
    Family { name: "endpoint: calls refused at once", n: 500, prepare: calls_refused_at_once },
    Family { name: "endpoint: forks", n: 200, prepare: forks },
    Family { name: "endpoint: users who register", n: 250, prepare: registrations },
    Family { name: "endpoint: contacts of a user", n: 30, prepare: contacts_of_one },
    Family { name: "endpoint: streams that open and close", n: 1_000, prepare: streams },
    Family { name: "endpoint: calls by streams that close", n: 250, prepare: calls_by_streams },
    Family { name: "endpoint: calls that time out", n: 250, prepare: calls_that_time_out },
];

fn head(more_vias: &str, lines: &str) -> String {
    format!(
        "INVITE sip:95588@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1{more_vias}\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1@b\r\nCSeq: 7 INVITE\r\n{lines}\r\n"
    )
}

fn stream_message(lines: &str, body: &str) -> String {
    head("", &format!("{lines}l: {}\r\n", body.len())) + body
}

fn via_lines(n: usize) -> String {
    "Via: SIP/2.0/UDP a;branch=z9hG4bKx;received=192.0.2.1\r\n".repeat(n)
}

fn list(name: &str, value: &str, n: usize) -> String {
    format!("{name}: {}\r\n", vec![value; n].join(","))
}

fn params(n: usize) -> String {
    (0..n).map(|number| format!(";parameter{number}=x")).collect()
}

fn contact(params: &str, uri_params: &str) -> String {
    format!("Contact: <sip:a@b{uri_params}>{params}\r\n")
}

/// One datagram to a new endpoint.
fn datagram(more_vias: &str, lines: &str, body: &str) -> Box<dyn FnOnce()> {
    bytes(head(more_vias, lines) + body)
}

fn bytes(text: String) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        hear(&mut endpoint, udp(1), &text);
    })
}

fn multipart(parts: &str) -> Box<dyn FnOnce()> {
    datagram("", "c: multipart/mixed;boundary=b\r\n", &format!("{parts}--b--"))
}

/// A stream in pieces of `size`.
fn stream(text: String, size: usize) -> Box<dyn FnOnce()> {
    Box::new(move || {
        let mut framer = Framer::default();
        for piece in text.as_bytes().chunks(size) {
            framer.push(piece);
            while framer.next_frame().is_some() {}
        }
    })
}

fn sdp(lines: String) -> Box<dyn FnOnce()> {
    let text = format!("v=0\n{lines}");
    Box::new(move || {
        if let Ok(read) = parse(text.as_bytes()) {
            assert!(!read.to_string().is_empty());
        }
    })
}

/// `n` strangers, each with a request of its own.
fn strangers(method: &'static str, n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        for number in 0..n {
            hear(&mut endpoint, udp(number), &request(method, number, ""));
        }
    })
}

/// Each call is refused while its user hears of it.
fn calls_refused_at_once(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        for number in 0..n {
            let text = request("INVITE", number, "");
            endpoint.handle_input(now(), Input::Datagram { flow: udp(number), data: text.as_bytes() });
            endpoint.reject(now(), sip::api::DialogId(number as u64 + 1), 486);
            while endpoint.poll_output().is_some() {}
        }
    })
}

/// One INVITE of ours, answered by `n` far ends.
fn forks(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    call(&mut endpoint, udp(1));
    let mut answers = Vec::new();
    while let Some(output) = endpoint.poll_output() {
        if let Output::Transmit(transmit) = output
            && let Ok(Message::Request(invite)) = parse_datagram(&transmit.data)
        {
            answers.extend((0..n).flat_map(|tag| [183, 200].map(|status| fork(&invite, status, tag))));
        }
    }
    Box::new(move || {
        for answer in answers {
            endpoint.handle_input(now(), Input::Datagram { flow: udp(1), data: &answer });
            while endpoint.poll_output().is_some() {}
        }
    })
}

fn fork(invite: &sip::message::Request, status: u16, tag: usize) -> bytes::Bytes {
    let mut response = Response::to(invite, status);
    let mut to = response.headers.to().expect("we wrote it");
    to.params.set("tag", Some(&format!("far{tag}")));
    response.headers.set(sip::message::HeaderName::To, to.to_string());
    response.encode()
}

/// `n` users, each with a phone.
fn registrations(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(n);
    let requests: Vec<String> = (0..n)
        .map(|number| {
            proven(&mut endpoint, number, number, &format!("Contact: <sip:u@{number}.example>\r\n"))
        })
        .collect();
    Box::new(move || {
        for (number, text) in requests.iter().enumerate() {
            hear(&mut endpoint, udp(number), text);
        }
        assert_eq!(endpoint.counts().bindings, requests.len(), "all of them are registered");
    })
}

/// One user with `n` contacts in one request: too many, which is seen at the end.
fn contacts_of_one(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    let contacts: Vec<String> = (0..n).map(|number| format!("<sip:{number}@phone.example>")).collect();
    let text = proven(&mut endpoint, 0, 0, &format!("Contact: {}\r\n", contacts.join(",")));
    Box::new(move || hear(&mut endpoint, udp(1), &text))
}

fn streams(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        for number in 0..n {
            endpoint.handle_input(now(), Input::Connected { flow: tcp(number) });
        }
        for number in 0..n {
            endpoint.handle_input(now(), Input::Closed { flow: tcp(number) });
        }
        while endpoint.poll_output().is_some() {}
    })
}

/// A call of ours by each of `n` streams, which cannot be opened.
fn calls_by_streams(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        for number in 0..n {
            call(&mut endpoint, tcp(number));
        }
        while endpoint.poll_output().is_some() {}
        for number in 0..n {
            endpoint.handle_input(now(), Input::Closed { flow: tcp(number) });
        }
        while endpoint.poll_output().is_some() {}
        assert_eq!(endpoint.counts().dialogs, 0, "all of them have failed");
    })
}

fn calls_that_time_out(n: usize) -> Box<dyn FnOnce()> {
    let mut endpoint = endpoint(1);
    Box::new(move || {
        for number in 0..n {
            call(&mut endpoint, udp(number));
        }
        while let Some((mono, _)) = endpoint.next_timeout() {
            endpoint.handle_input(Now { mono, ..now() }, Input::Timeout);
            while endpoint.poll_output().is_some() {}
        }
    })
}

fn request(method: &str, number: usize, lines: &str) -> String {
    format!(
        "{method} sip:user0@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9:5070;branch=z9hG4bK{number};rport\r\n\
         From: <sip:user{number}@example.com>;tag=1\r\nTo: <sip:user{number}@example.com>\r\nCall-ID: {number}@b\r\n\
         CSeq: 7 {method}\r\n{lines}\r\n"
    )
}

/// A REGISTER with the right password.
fn proven(endpoint: &mut Endpoint, number: usize, user: usize, lines: &str) -> String {
    let text = request("REGISTER", number, "").replace("z9hG4bK", "z9hG4bKask").replace("sip:user0@", "sip:");
    endpoint.handle_input(now(), Input::Datagram { flow: udp(number), data: text.as_bytes() });
    let mut challenge = None;
    while let Some(output) = endpoint.poll_output() {
        if let Output::Transmit(transmit) = output
            && let Ok(Message::Response(response)) = parse_datagram(&transmit.data)
        {
            let line = response.headers.get(&sip::message::HeaderName::WwwAuthenticate);
            challenge = line.and_then(|line| Challenge::parse(line).ok().flatten());
        }
    }
    let credentials = Credentials { user: format!("user{user}"), password: "secret".to_owned() };
    let challenge = challenge.expect("who registers is challenged");
    let uri = Uri::parse("sip:example.com").expect("a URI").to_string();
    let proof = Authorization::answer(&challenge, &credentials, &Method::Register, &uri, 1, "cnonce");
    request("REGISTER", number, &format!("{lines}Authorization: {proof}\r\n"))
        .replace("sip:user0@example.com SIP", "sip:example.com SIP")
}

fn call(endpoint: &mut Endpoint, flow: Flow) {
    let invite = Invite {
        flow,
        uri: "sip:139@198.51.100.9".to_owned(),
        from_user: "1001".to_owned(),
        from_name: None,
        to_uri: "sip:139@198.51.100.9".to_owned(),
        sdp: "v=0".into(),
        credentials: None,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: None,
        identity: Identity::default(),
    };
    endpoint.invite(now(), invite);
}

fn hear(endpoint: &mut Endpoint, flow: Flow, text: &str) {
    endpoint.handle_input(now(), Input::Datagram { flow, data: text.as_bytes() });
    while endpoint.poll_output().is_some() {}
}

fn endpoint(users: usize) -> Endpoint {
    let user = |number| User { name: format!("user{number}"), password: "secret".to_owned() };
    let domains = vec![Domain { name: "example.com".to_owned(), users: (0..users).map(user).collect() }];
    let algorithms = vec![Algorithm::Md5];
    let registrar = RegistrarConfig { domains, algorithms, ..RegistrarConfig::default() };
    Endpoint::new(Config { registrar: Some(registrar), ..Config::default() }, Random::from_number(1))
}

fn now() -> Now {
    Now { mono: Mono::from_micros(1), wall: Wall::from_millis(1_790_000_000_000) }
}

fn udp(number: usize) -> Flow {
    let port = 1024 + u16::try_from(number).expect("fewer far ends than ports");
    let local = "192.0.2.1:5060".parse().expect("an address");
    Flow { transport: Transport::Udp, local, remote: ([198, 51, 100, 9], port).into() }
}

fn tcp(number: usize) -> Flow {
    Flow { transport: Transport::Tcp, ..udp(number) }
}
