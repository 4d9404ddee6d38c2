//! The far end changes its media in the middle of a call: hold, another address, an offer asked of us.

mod kit;

use kit::{Bench, TRUNK};
use media::api::{Command as Media, Terms};

/// A request inside the customer's dialog, written by hand: the far end is the one that was called.
fn request(bench: &Bench, method: &str, cseq: u32, sdp: &str) -> String {
    let text = |data: &bytes::Bytes| String::from_utf8(data.to_vec()).expect("our messages are text");
    let far = &bench.fars[TRUNK];
    let invite =
        far.received.iter().find(|data| data.starts_with(b"INVITE")).map(text).expect("it was called");
    let ok = far.sent.iter().find(|data| data.starts_with(b"SIP/2.0 200")).map(text).expect("it answered");
    let header = |message: &str, name: &str| {
        let line = message
            .lines()
            .find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())));
        line.expect("the header is there").split_once(':').expect("it has a colon").1.trim().to_owned()
    };
    let target =
        header(&invite, "Contact").split(['<', '>']).nth(1).expect("a contact has brackets").to_owned();
    let content = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKhand{method}{cseq}\r\nMax-Forwards: 70\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:far@{}>\r\n{content}\
         Content-Length: {}\r\n\r\n{sdp}",
        far.address,
        header(&ok, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
        far.address,
        sdp.len(),
    )
}

fn offer(address: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=- 9 9 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 41000 RTP/AVP 0 8\r\n\
         a={direction}\r\n"
    )
}

fn last_terms(bench: &Bench) -> Terms {
    let customer = bench.legs()[1];
    let agreed = bench.media.iter().rev().find_map(|command| match command {
        Media::Agree { stream, terms } if *stream == customer.into() => Some(terms.clone()),
        _ => None,
    });
    agreed.expect("the customer's stream has terms")
}

/// The last answer with this status and CSeq that the far end received.
fn answered(bench: &Bench, status: u16, cseq: u32) -> Option<String> {
    let start = format!("SIP/2.0 {status} ");
    let texts =
        bench.fars[TRUNK].received.iter().rev().map(|data| String::from_utf8_lossy(data).into_owned());
    texts.into_iter().find(|text| text.starts_with(&start) && text.contains(&format!("{cseq} INVITE")))
}

#[test]
fn hold_and_resume_are_answered_and_obeyed() {
    let (mut bench, _) = Bench::talking();
    let hold = request(&bench, "INVITE", 1, &offer("10.0.1.1", "sendonly"));
    bench.send_raw(TRUNK, hold);
    let answer = answered(&bench, 200, 1).expect("the hold is answered");
    assert!(answer.contains("a=recvonly"), "{answer}");
    assert!(!last_terms(&bench).send && last_terms(&bench).receive);
    let ack = request(&bench, "ACK", 1, "");
    bench.send_raw(TRUNK, ack);

    let resume = request(&bench, "INVITE", 2, &offer("10.0.1.77", "sendrecv"));
    bench.send_raw(TRUNK, resume);
    let answer = answered(&bench, 200, 2).expect("the resumption is answered");
    assert!(answer.contains("a=sendrecv"), "{answer}");
    let terms = last_terms(&bench);
    assert!(terms.send && terms.receive);
    assert_eq!(terms.remote, Some(([10, 0, 1, 77], 41_000).into()));
}

#[test]
fn the_version_of_our_description_grows() {
    let (mut bench, _) = Bench::talking();
    let hold = request(&bench, "INVITE", 1, &offer("10.0.1.1", "sendonly"));
    bench.send_raw(TRUNK, hold);
    let answer = answered(&bench, 200, 1).expect("the hold is answered");
    let origin = answer.lines().find(|line| line.starts_with("o=")).expect("SDP has an origin");
    assert_eq!(origin.split(' ').nth(2), Some("2"), "{origin}");
}

#[test]
fn an_offer_we_cannot_accept_changes_nothing() {
    let (mut bench, _) = Bench::talking();
    let before = last_terms(&bench);
    let video =
        "v=0\r\no=- 9 9 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=video 41000 RTP/AVP 99\r\n";
    let reinvite = request(&bench, "INVITE", 1, video);
    bench.send_raw(TRUNK, reinvite);
    assert!(answered(&bench, 488, 1).is_some());
    assert_eq!(last_terms(&bench), before);
    assert_eq!(bench.switch.counts().legs_living, 2);
}

#[test]
fn sound_is_learned_only_from_where_the_signalling_comes() {
    let (bench, _) = Bench::talking();
    assert_eq!(last_terms(&bench).peer, Some(bench.fars[TRUNK].address.ip()));
}

#[test]
fn a_far_end_cannot_have_its_sound_sent_to_a_stream_of_ours() {
    let (mut bench, _) = Bench::talking();
    let before = last_terms(&bench);
    let ports = bench.media.iter().filter_map(|command| match command {
        Media::Open { port, .. } => Some(*port),
        _ => None,
    });
    for (cseq, port) in (1..).zip(ports.collect::<Vec<_>>()) {
        let ours = kit::config().media_addresses[0].to_string();
        let loopback = offer(&ours, "sendrecv").replace("41000", &port.to_string());
        let reinvite = request(&bench, "INVITE", cseq, &loopback);
        bench.send_raw(TRUNK, reinvite);
        assert!(answered(&bench, 488, cseq).is_some(), "port {port}");
    }
    assert_eq!(last_terms(&bench), before);
}

#[test]
fn we_make_the_offer_when_asked_and_take_the_answer_from_the_ack() {
    let (mut bench, _) = Bench::talking();
    let asking = request(&bench, "INVITE", 1, "");
    bench.send_raw(TRUNK, asking);
    let ours = answered(&bench, 200, 1).expect("we make an offer");
    assert!(ours.contains("m=audio ") && ours.contains("RTP/AVP 8 0 101"), "{ours}");
    let ack = request(&bench, "ACK", 1, &offer("10.0.1.78", "sendrecv"));
    bench.send_raw(TRUNK, ack);
    assert_eq!(last_terms(&bench).remote, Some(([10, 0, 1, 78], 41_000).into()));
}

#[test]
fn a_reinvite_wakes_nobody_once_the_leg_is_over() {
    let (mut bench, _) = Bench::talking();
    let late = request(&bench, "INVITE", 1, &offer("10.0.1.1", "sendrecv"));
    bench.fars[TRUNK].deaf = true;
    assert!(bench.ask(kit::hangup()).is_ok());
    let entries = bench.log.len();
    let agreed = bench.media.len();
    bench.fars[TRUNK].deaf = false;
    bench.send_raw(TRUNK, late);
    assert!(answered(&bench, 200, 1).is_none());
    assert_eq!((bench.log.len(), bench.media.len()), (entries, agreed));
}
