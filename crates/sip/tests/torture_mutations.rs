//! No bytes make the parser panic, and what it accepts it can read to the end.

mod torture_data;

use proptest::prelude::*;
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Message, NameAddr, Screened, Uri, Via, check, parse_datagram, screen};
use torture_data::{TORTURE, ipv6};

/// One change to a message.
#[derive(Clone, Debug)]
enum Mutation {
    Set { at: usize, byte: u8 },
    Insert { at: usize, bytes: Vec<u8> },
    Remove { at: usize, count: usize },
    Repeat { at: usize, count: usize },
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let sharp = prop::sample::select(&b"\r\n \t:;,\"\\<>@?=%[]/\0\xff0"[..]);
    let byte = prop_oneof![sharp, any::<u8>()];
    let bytes = prop::collection::vec(byte.clone(), 1..8);
    let one = prop_oneof![
        (any::<usize>(), byte).prop_map(|(at, byte)| Mutation::Set { at, byte }),
        (any::<usize>(), bytes).prop_map(|(at, bytes)| Mutation::Insert { at, bytes }),
        (any::<usize>(), 1..60_usize).prop_map(|(at, count)| Mutation::Remove { at, count }),
        (any::<usize>(), 1..60_usize).prop_map(|(at, count)| Mutation::Repeat { at, count }),
    ];
    prop::collection::vec(one, 1..6)
}

fn apply(data: &mut Vec<u8>, mutation: Mutation) {
    let place = |at: usize| at % (data.len() + 1);
    match mutation {
        Mutation::Set { at, byte } => {
            let at = place(at);
            data.splice(at..(at + 1).min(data.len()), [byte]);
        }
        Mutation::Insert { at, bytes } => {
            let at = place(at);
            data.splice(at..at, bytes);
        }
        Mutation::Remove { at, count } => {
            let at = place(at);
            data.drain(at..(at + count).min(data.len()));
        }
        Mutation::Repeat { at, count } => {
            let at = place(at);
            let piece = data[at..(at + count).min(data.len())].to_vec();
            data.splice(at..at, piece);
        }
    }
}

/// Looks at everything; what was accepted must survive its own encoding.
fn read_all(data: &[u8]) {
    match screen(data) {
        Screened::Accept(message) => {
            for (name, value) in message.headers().iter() {
                let _ = (name.as_str(), NameAddr::parse(value, "test"), Via::parse(value), Uri::parse(value));
                let _ = (Challenge::parse(value), Authorization::parse(value));
            }
            if let Message::Request(request) = &message {
                let _ = check::unsupported_requires(request, &[]);
                let _ = (check::accepts(request, "a/b"), check::understands_body(request, &[]));
                let _ = request.uri.user_unescaped();
                assert!(request.uri.same(&request.uri));
            }
            let again = screen(&message.encode());
            let Screened::Accept(again) = again else { panic!("{again:?} of what was accepted") };
            assert_eq!(again.headers().cseq(), message.headers().cseq());
            assert_eq!(again.headers().from(), message.headers().from());
        }
        Screened::Answer(refusal) => {
            let answer = refusal.response().encode();
            assert!(matches!(parse_datagram(&answer), Ok(Message::Response(_))), "{refusal:?}");
            assert!(refusal.headers.has(&HeaderName::Via));
        }
        Screened::Drop(_) | Screened::KeepAlive => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn a_changed_torture_message_is_judged(which in any::<prop::sample::Index>(), changes in mutations()) {
        let v6 = ipv6();
        let index = which.index(TORTURE.len() + v6.len());
        let mut data = match TORTURE.get(index) {
            Some((_, data)) => data.to_vec(),
            None => v6[index - TORTURE.len()].1.clone(),
        };
        for change in changes {
            apply(&mut data, change);
        }
        read_all(&data);
    }

    #[test]
    fn any_bytes_are_judged(data in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&data);
    }

    #[test]
    fn any_text_in_place_of_a_header_is_judged(name in "[A-Za-z-]{1,20}", value in "\\PC{0,80}") {
        let head = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n";
        read_all(format!("{head}To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n{name}: {value}\r\n\r\n").as_bytes());
    }
}
