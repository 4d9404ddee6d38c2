use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use media::api::{Family, Ptime, Source, Terms};
use media::codec::Codec;

use super::*;

mod attackers;

const CALL: CallId = CallId(1);
const PATIENCE: Duration = Duration::from_secs(20);

fn threads() -> (Threads, Receiver<Signal>) {
    let (tell, told) = channel();
    let config = ThreadsConfig {
        threads: 1,
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        engine: EngineConfig { sounds: Vec::new(), streams_max: 2 },
        recorder: None,
        reports: Reports::Off,
    };
    let report = move |signal| drop(tell.send(signal));
    (Threads::start(config, Clock::start(), Random::from_number(1), report).expect("it starts"), told)
}

/// An even port whose odd neighbour is free, too, and the neighbour's socket.
fn pair() -> (u16, UdpSocket) {
    let found = (0..1000).find_map(|_| {
        let even = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = even.local_addr().ok()?.port();
        let odd = UdpSocket::bind((Ipv4Addr::LOCALHOST, port.checked_add(1)?)).ok()?;
        (port % 2 == 0).then_some((port, odd))
    });
    found.expect("a free pair")
}

#[test]
fn a_port_in_use_is_told_and_nothing_of_the_pair_is_kept() {
    let (mut threads, told) = threads();
    let (port, taken) = pair();
    threads.send(Command::Open { stream: StreamId(1), call: CALL, port, family: Family::V4 });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Signal::OpenFailed { stream: StreamId(1) }));
    threads.send(Command::Close { stream: StreamId(1) });
    drop(taken);
    threads.send(Command::Open { stream: StreamId(2), call: CALL, port, family: Family::V4 });
    threads.send(Command::Close { stream: StreamId(2) });
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Signal::Closed { stream: StreamId(2), .. })));
    assert_eq!((threads.owners.len(), threads.calls.len(), threads.threads[0].streams), (0, 0, 0));
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "a closed stream gives its ports back");
}

#[test]
fn calls_are_spread_evenly_and_their_streams_live_together() {
    let (tell, _told) = channel();
    let config = ThreadsConfig {
        threads: 3,
        addresses: Vec::new(),
        engine: EngineConfig { sounds: Vec::new(), streams_max: 100 },
        recorder: None,
        reports: Reports::Off,
    };
    let report = move |signal| drop(tell.send(signal));
    let mut threads =
        Threads::start(config, Clock::start(), Random::from_number(1), report).expect("it starts");
    let open = |call: u64, leg: u64| Command::Open {
        stream: StreamId(10 * call + leg),
        call: CallId(call),
        port: 2,
        family: Family::V4,
    };
    let place = |threads: &mut Threads, command: Command| threads.owner(&command).expect("it has a place");
    // All calls have the same remainder by 3, and each keeps its place.
    for call in (3..=90).step_by(3) {
        let thread = place(&mut threads, open(call, 0));
        assert_eq!(place(&mut threads, open(call, 1)), thread);
        let record = Command::Record {
            call: CallId(call),
            agent: StreamId(10 * call),
            customer: StreamId(10 * call + 1),
        };
        assert_eq!(place(&mut threads, record), thread);
    }
    assert!(threads.threads.iter().all(|handle| handle.streams == 20));
    for call in (3..=90).step_by(3) {
        let streams = [StreamId(10 * call), StreamId(10 * call + 1)];
        for stream in streams {
            place(&mut threads, Command::Close { stream });
        }
        assert!(
            threads.owner(&Command::StopRecord { call: CallId(call) }).is_some(),
            "told after the streams"
        );
    }
    assert_eq!((threads.owners.len(), threads.calls.len()), (0, 0));
    assert!(threads.threads.iter().all(|handle| handle.streams == 0));
}

/// Two streams whose far ends are said to be at each other's port: what gets in does not go round.
#[test]
fn streams_pointed_at_each_other_come_to_rest() {
    let (mut threads, told) = threads();
    let (ports, sockets): (Vec<u16>, Vec<UdpSocket>) = [pair(), pair()].into_iter().unzip();
    drop(sockets);
    let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let streams = [StreamId(1), StreamId(2)];
    for (here, there) in [(0, 1), (1, 0)] {
        threads.send(Command::Open {
            stream: streams[here],
            call: CALL,
            port: ports[here],
            family: Family::V4,
        });
        let terms = Terms {
            remote: Some(at(ports[there])),
            peer: None,
            codec: Codec::Pcma,
            payload: 8,
            events: None,
            ptime: Ptime::default(),
            send: true,
            receive: true,
        };
        threads.send(Command::Agree { stream: streams[here], terms });
        threads.send(Command::Hear { stream: streams[here], source: Source::Stream(streams[there]) });
    }
    let attacker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let mut packet = [0xd5; 172];
    packet[..12].copy_from_slice(&[0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    // Until the streams are open nobody listens.
    let heard = (0..2000).any(|_| {
        attacker.send_to(&packet, at(ports[0])).expect("sent");
        matches!(told.recv_timeout(Duration::from_millis(10)), Ok(Signal::Heard { .. }))
    });
    assert!(heard, "the first to speak is learned");
    for stream in streams {
        threads.send(Command::Close { stream });
    }
    let sent: u64 = told
        .iter()
        .filter_map(|signal| match signal {
            Signal::Closed { counts, .. } => Some(counts.sent),
            _ => None,
        })
        .take(2)
        .sum();
    assert!(sent <= 2100, "{sent} packets from at most 2000");
}
