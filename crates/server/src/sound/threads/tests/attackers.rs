//! Strangers who spray RTP and RTCP at every port while calls run: nothing of theirs is forwarded or recorded, no stream
//! turns to them, and no call hears another.

use std::fs::File;

use media::api::Counts;
use media::recording::Reader;

use super::*;
use crate::sound::RecorderConfig;

const CALLS: u64 = 3;
/// Fewer than what rests in a socket, so that none is lost.
const ROUNDS: u16 = 100;
const STRANGER: u8 = 0xee;

/// A phone and the stream that it talks to.
struct Phone {
    stream: StreamId,
    port: u16,
    socket: UdpSocket,
    /// What it says, in every byte.
    mark: u8,
}

fn phone_of(stream: u64) -> Phone {
    let (port, odd) = pair();
    drop(odd);
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("it can have one");
    Phone { stream: StreamId(stream), port, socket, mark: u8::try_from(stream).expect("few") }
}

fn rtp(number: u16, ssrc: u32, byte: u8) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut packet = vec![0x80, 8, high, low];
    packet.extend((160 * u32::from(number)).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([byte; 160]);
    packet
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn bridge(threads: &mut Threads, call: CallId, phones: &[Phone]) {
    for phone in phones {
        let (stream, port) = (phone.stream, phone.port);
        threads.send(Command::Open { stream, call, port, family: Family::V4 });
        agree(threads, phone, true);
    }
    for (listens, speaks) in [(0, 1), (1, 0)] {
        let source = Source::Stream(phones[speaks].stream);
        threads.send(Command::Hear { stream: phones[listens].stream, source });
    }
    threads.send(Command::Record { call, agent: phones[0].stream, customer: phones[1].stream });
}

fn agree(threads: &mut Threads, phone: &Phone, speaks: bool) {
    let terms = Terms {
        remote: Some(phone.socket.local_addr().expect("bound")),
        peer: Some(Ipv4Addr::new(127, 0, 0, 2).into()),
        codec: Codec::Pcma,
        payload: 8,
        events: Some(101),
        ptime: Ptime::default(),
        send: speaks,
        receive: speaks,
    };
    threads.send(Command::Agree { stream: phone.stream, terms });
}

/// Everything a stranger can think of, at every port: from other hosts, and from the phones' own with another port; with
/// the sequence numbers and the SSRC of the phone; reports that say goodbye, or make us believe in great losses.
fn spray(strangers: &[UdpSocket], phones: &[Phone], number: u16) {
    let goodbye = [0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 1, 0, 0, 0, 1];
    for stranger in strangers {
        for phone in phones {
            for ssrc in [u32::from(phone.mark), 0xbad_cafe] {
                stranger.send_to(&rtp(number, ssrc, STRANGER), here(phone.port)).expect("sent");
            }
            stranger.send_to(&goodbye, here(phone.port)).expect("sent");
            stranger.send_to(&goodbye, here(phone.port + 1)).expect("sent");
        }
    }
}

/// Says one packet from every phone and checks that each hears its partner, and nothing else.
fn talk(phones: &[Phone], number: u16) {
    for phone in phones {
        phone.socket.send_to(&rtp(number, phone.mark.into(), phone.mark), here(phone.port)).expect("sent");
    }
    for (n, phone) in phones.iter().enumerate() {
        let mut packet = [0; 2048];
        let (len, from) = phone.socket.recv_from(&mut packet).expect("its partner is heard");
        let partner = phones[n ^ 1].mark;
        assert!(
            packet[12..len].iter().all(|byte| *byte == partner),
            "phone {n} hears {:02x?}",
            &packet[..len]
        );
        assert_eq!(from, here(phone.port), "by its own port");
    }
}

/// The final counts of so many streams.
fn closed(told: &Receiver<Signal>, streams: usize) -> Vec<Counts> {
    let counts = std::iter::from_fn(|| told.recv_timeout(PATIENCE).ok());
    let counts = counts.filter_map(|signal| match signal {
        Signal::Closed { counts, .. } => Some(counts),
        _ => None,
    });
    counts.take(streams).collect()
}

#[test]
fn a_spray_of_strangers_is_refused_everywhere_at_all_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = RecorderConfig {
        raw: folder.path().join("raw"),
        files: folder.path().join("files"),
        disk_free_min_bytes: 0,
        encoder: None,
        workers: 1,
    };
    let recorder = Recorder::start(settings, |_| {}).expect("it starts");
    let (tell, told) = channel();
    let config = ThreadsConfig {
        threads: 2,
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        engine: EngineConfig { sounds: Vec::new(), streams_max: 100 },
        recorder: Some(recorder.clone()),
        reports: Reports::On,
    };
    let report = move |signal| drop(tell.send(signal));
    let mut threads =
        Threads::start(config, Clock::start(), Random::from_number(1), report).expect("it starts");
    let strangers =
        [66, 67, 2].map(|host| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).expect("a free port"));
    let mut phones: Vec<Phone> = (1..=2 * CALLS).map(phone_of).collect();
    for (call, pair) in (1..).map(CallId).zip(phones.chunks(2)) {
        bridge(&mut threads, call, pair);
    }
    settle(&phones, &told);
    for number in 1..ROUNDS {
        spray(&strangers, &phones, number);
        talk(&phones, number);
    }
    // On hold nobody is learned either, and a stranger is not heard after it.
    agree(&mut threads, &phones[0], false);
    spray(&strangers, &phones, ROUNDS);
    agree(&mut threads, &phones[0], true);
    synchronize(&phones);
    talk(&phones, ROUNDS);
    let port = phones[0].port;
    for call in 1..=CALLS {
        threads.send(Command::StopRecord { call: CallId(call) });
    }
    for phone in &phones {
        threads.send(Command::Close { stream: phone.stream });
    }
    let counts = closed(&told, phones.len());
    for counts in &counts {
        let sprayed = u64::from(ROUNDS - 1) * 3 * 3;
        assert!(counts.refused >= sprayed, "{counts:?}");
        assert_eq!(counts.quality.far, None, "a stranger's report is believed");
    }
    // The port is used again: the old phone is a stranger now.
    let old = std::mem::replace(&mut phones[0], phone_of(0x21));
    phones[0].port = port;
    phones[1].stream = StreamId(0x22);
    bridge(&mut threads, CallId(9), &phones[..2]);
    settle(&phones[..2], &told);
    for number in 1..10 {
        old.socket.send_to(&rtp(number, old.mark.into(), STRANGER), here(port)).expect("sent");
        spray(&strangers, &phones[..2], number);
        talk(&phones[..2], number);
    }
    drop(threads);
    recorder.stop();
    for call in (1..=CALLS).chain([9]) {
        let file =
            File::open(folder.path().join("raw").join(format!("{}.tracks", CallId(call)))).expect("recorded");
        let mut reader = Reader::new(file).expect("a track file");
        let mut packets = 0;
        while let Some(packet) = reader.next_packet().expect("readable") {
            assert!(
                packet.payload.iter().all(|byte| *byte != STRANGER),
                "call {call} has a stranger's sound"
            );
            packets += 1;
        }
        assert!(packets >= 18, "{packets} packets of call {call}");
    }
}

/// Until the streams are open nobody listens; the first packet that is heard of each phone settles where it is.
fn settle(phones: &[Phone], told: &Receiver<Signal>) {
    for phone in phones {
        let first = rtp(0, phone.mark.into(), phone.mark);
        let heard = (0..2000).any(|_| {
            phone.socket.send_to(&first, here(phone.port)).expect("sent");
            matches!(told.recv_timeout(Duration::from_millis(10)), Ok(Signal::Heard { .. }))
        });
        assert!(heard, "phone {} is heard", phone.mark);
    }
    synchronize(phones);
}

/// Repeats itself until the partner hears it, and then until nothing of before is on its way.
fn synchronize(phones: &[Phone]) {
    const AGAIN: u8 = 0x77;
    const LAST: u8 = 0x78;
    for (n, phone) in phones.iter().enumerate() {
        let partner = &phones[n ^ 1].socket;
        let say = |byte| {
            phone.socket.send_to(&rtp(0, phone.mark.into(), byte), here(phone.port)).expect("sent");
        };
        let mut packet = [0; 2048];
        partner.set_read_timeout(Some(Duration::from_millis(10))).expect("it can have one");
        let heard = (0..2000).any(|_| {
            say(AGAIN);
            partner.recv(&mut packet).is_ok_and(|_| packet[12] == AGAIN)
        });
        assert!(heard, "phone {n} comes through");
        partner.set_read_timeout(Some(PATIENCE)).expect("it can have one");
        say(LAST);
        while packet[12] != LAST {
            partner.recv(&mut packet).expect("the last comes, too");
        }
    }
}
