use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use base::Random;
use callcenter::numbers::NumberPlan;
use switch::config::{Config, SipListener};

use super::*;

/// Nothing leaves.
struct Nowhere;

impl Outside for Nowhere {
    fn append(&mut self, _entries: Vec<Entry>) -> Vec<Entry> {
        Vec::new()
    }

    fn bind_key(&mut self, _account: AccountId, _key: &str, _command: CommandId) -> bool {
        true
    }

    fn media(&mut self, _command: media::api::Command) {}

    fn finish(&mut self, _account: AccountId, _call: CallId, _pieces: Vec<Piece>) {}
}

fn idle() -> (Control, Running, SocketAddr) {
    let sockets = SipSockets::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let sip_local = sockets.local_addr().expect("bound");
    let config = Config {
        accounts: Vec::new(),
        trunks: Vec::new(),
        sip_listeners: vec![SipListener::at(sip_local)],
        media_addresses: vec![sip_local.ip()],
        rtp_port_min: 20_000,
        rtp_port_max: 20_001,
        rtp_ports_foreign: std::collections::BTreeSet::new(),
        phone_digests: vec![switch::config::Algorithm::Md5],
        phone_codecs: vec![switch::config::Codec::Pcma],
        bans: switch::config::Bans::default(),
        nat_keep_alive: None,
        user_agent: "test".to_owned(),
        silence_max: None,
        trunk_answer_any_max: std::time::Duration::from_secs(4),
        log_backlog_max: 10,
        legs_max: 2,
        legs_reserved: 0,
        worker: 1,
    };
    let switch = Switch::new(config, Random::from_number(1), LogNo(0), 0, Arc::new(NumberPlan::empty()));
    let (control, seat) = seat().expect("an eventfd");
    let running =
        start((control.clone(), seat), vec![sockets], switch, CommandId(1), Nowhere, Clock::start())
            .expect("a thread");
    (control, running, sip_local)
}

/// More than are taken in one turn: the thread rings for itself.
#[tokio::test]
async fn every_message_gets_its_turn() {
    let (control, running, _) = idle();
    let counts = (0..3 * MESSAGE_BURST_MAX).map(|_| control.counts());
    let answered = futures::future::join_all(counts);
    let answered = tokio::time::timeout(std::time::Duration::from_secs(20), answered).await;
    assert_eq!(answered.expect("all are answered").len(), 3 * MESSAGE_BURST_MAX);
    running.stop();
}

/// Who asks for nothing but an answer is answered while messages come without end.
#[tokio::test]
async fn messages_do_not_starve_the_socket() {
    let (control, running, sip) = idle();
    let flood = control.clone();
    let (stop, stopped) = channel::<()>();
    let flooding = std::thread::spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            flood.log_stalled(false);
        }
    });
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    phone.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a time-out");
    let options = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1;rport\r\n\
                   From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
    phone.send_to(options.as_bytes(), sip).expect("sent");
    let mut answer = [0; 2048];
    let len = phone.recv(&mut answer).expect("an answer");
    assert!(answer[..len].starts_with(b"SIP/2.0 200 "));
    drop(stop);
    flooding.join().expect("no panic");
    running.stop();
}

/// By a stream everybody is heard, in pieces too; who speaks no SIP is not listened to.
#[tokio::test]
async fn streams_are_answered_and_closed() {
    let (_control, running, sip) = idle();
    let options = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\n\
                   From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let mut phone = connect(sip);
    for piece in options.as_bytes().chunks(100) {
        phone.write_all(piece).expect("sent");
    }
    let mut answer = [0; 2048];
    let len = phone.read(&mut answer).expect("an answer");
    assert!(answer[..len].starts_with(b"SIP/2.0 200 "));
    phone.write_all(b"\r\n\r\n").expect("sent");
    assert_eq!(phone.read(&mut answer).expect("a pong"), 2);

    let mut stranger = connect(sip);
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    assert_eq!(stranger.read(&mut answer).expect("the end"), 0);
    running.stop();
    assert_eq!(phone.read(&mut answer).expect("the end"), 0);
}

fn connect(sip: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(sip).expect("someone listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a time-out");
    stream
}
