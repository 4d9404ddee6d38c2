//! Packets of other lengths than 20 ms.

use media::api::{Command, Ptime, Signal, Source, Terms};
use media::codec::Codec;
use media::g711::{self, Law};

use crate::bench::*;

/// Speaks for `packets` of `bytes` each and returns what the customer gets.
fn relayed(bench: &mut Bench, packets: u16, bytes: usize) -> Vec<Sent> {
    for n in 0..packets {
        let payload: Vec<u8> = (0..bytes).map(|at| (usize::from(n) * bytes + at) as u8).collect();
        bench.receive(AGENT, far(AGENT), stamp(n, 8, u32::from(n) * bytes as u32), &payload);
        bench.pass(std::time::Duration::from_micros(125 * bytes as u64));
    }
    bench.take_sent()
}

fn agree(bench: &mut Bench, ptime: Ptime) {
    let terms = Terms { ptime, ..terms(CUSTOMER, Codec::Pcma) };
    bench.command(Command::Agree { stream: CUSTOMER, terms });
}

fn bytes_of(sent: &[Sent]) -> Vec<u8> {
    sent.iter().flat_map(|sent| sent.payload.clone()).collect()
}

#[test]
fn packets_of_any_length_are_forwarded_and_recorded_as_they_come() {
    for bytes in [80, 240, 320, 480, 111] {
        let mut bench = Bench::bridged();
        agree(&mut bench, Ptime::new(Some(20), None));
        bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
        let sent = relayed(&mut bench, 40, bytes);
        assert!(sent.iter().all(|sent| sent.payload.len() == bytes));
        assert_seamless(&sent);
        let expected: Vec<u8> = (0..40 * bytes).map(|at| at as u8).collect();
        assert_eq!(bytes_of(&sent), expected);
        bench.command(Command::StopRecord { call: CALL });
        let stored: Vec<u8> = bench.stored.iter().flat_map(|(_, packet)| packet.payload.clone()).collect();
        assert_eq!(stored, expected);
    }
}

#[test]
fn longer_packets_than_a_far_end_wants_are_cut_without_a_seam() {
    for (maxptime, bytes, parts) in [
        (20, 480, vec![160; 3]),
        (20, 240, vec![160, 80]),
        (40, 480, vec![160; 3]),
        (60, 480, vec![480]),
        (10, 160, vec![80; 2]),
    ] {
        let mut bench = Bench::bridged();
        agree(&mut bench, Ptime::new(None, Some(maxptime)));
        let sent = relayed(&mut bench, 40, bytes);
        let mut sorted = sent.clone();
        sorted.sort_by_key(|one| one.header.sequence.wrapping_sub(sent[0].header.sequence).cast_signed());
        let lengths: Vec<usize> = sorted.iter().map(|sent| sent.payload.len()).collect();
        assert_eq!(lengths, parts.repeat(40), "maxptime {maxptime}");
        assert_seamless(&sorted);
        assert_eq!(bytes_of(&sorted), (0..40 * bytes).map(|at| at as u8).collect::<Vec<_>>());
        assert_eq!(sorted.iter().filter(|sent| sent.header.marker).count(), 1);
        let counts = bench.close(CUSTOMER);
        assert_eq!(counts.sent, lengths.len() as u64);
    }
}

#[test]
fn a_lost_long_packet_leaves_a_hole_as_long_as_its_parts() {
    let mut bench = Bench::bridged();
    agree(&mut bench, Ptime::new(None, Some(20)));
    for n in [0u16, 1, 3, 2, 20] {
        bench.receive(AGENT, far(AGENT), stamp(n, 8, 480 * u32::from(n)), &[n as u8; 480]);
        bench.pass(ms(60));
    }
    let sent = bench.take_sent();
    let first = &sent.iter().find(|sent| sent.header.marker).expect("it begins").header;
    let mut places: Vec<(u16, u32, u8)> = sent
        .iter()
        .map(|sent| {
            let Sent { header, payload, .. } = sent;
            let sequence = header.sequence.wrapping_sub(first.sequence);
            (sequence, header.timestamp.wrapping_sub(first.timestamp), payload[0])
        })
        .collect();
    places.sort_unstable();
    let expected = [0u16, 1, 2, 3, 20]
        .into_iter()
        .flat_map(|n| (0..3u16).map(move |part| (3 * n + part, 160 * u32::from(3 * n + part), n as u8)));
    assert_eq!(places, expected.collect::<Vec<_>>());
}

#[test]
fn what_is_played_comes_in_the_packets_that_the_far_end_wants_and_in_time() {
    for (ptime, maxptime, expected) in [
        (Some(10), None, 10),
        (None, None, 20),
        (Some(30), None, 30),
        (Some(40), None, 40),
        (Some(60), None, 60),
        (Some(35), None, 30),
        (Some(200), None, 60),
        (Some(3), None, 10),
        (Some(0), None, 20),
        (Some(60), Some(40), 40),
        (None, Some(10), 10),
    ] {
        let mut bench = Bench::bridged();
        agree(&mut bench, Ptime::new(ptime, maxptime));
        bench.hear(CUSTOMER, Source::RingBack);
        bench.pass(ms(1199));
        let sent = bench.take_sent();
        assert_eq!(sent.len(), 1200 / expected, "{ptime:?} {maxptime:?}");
        assert_seamless(&sent);
        for pair in sent.windows(2) {
            assert_eq!(pair[1].at.since(pair[0].at), ms(expected as u64));
        }
        let sounds = |sent: &Sent| sent.payload.iter().any(|byte| g711::decode(Law::A, *byte).abs() > 5000);
        let until = sent.iter().take_while(|sent| sounds(sent)).count();
        assert_eq!(until, 1000usize.div_ceil(expected));
    }
}

/// Far ends of all kinds at a time, one after the other joining.
#[test]
fn each_far_end_keeps_its_own_step() {
    let mut bench = Bench::new();
    let streams = [(AGENT, 20), (CUSTOMER, 30), (LISTENER, 60)];
    for (stream, ptime) in streams {
        bench.open_with(stream, Codec::G722, ptime);
        bench.hear(stream, Source::Sound { sound: 1, looped: true });
        bench.pass(ms(47));
    }
    bench.take_sent();
    bench.pass(ms(3000));
    let sent = bench.take_sent();
    for (stream, ptime) in streams {
        let of: Vec<Sent> = sent.iter().filter(|sent| sent.stream == stream).cloned().collect();
        assert_eq!(of.len(), 3000 / usize::from(ptime), "{ptime} ms");
        assert_seamless(&of);
        assert!(of.windows(2).all(|pair| pair[1].at.since(pair[0].at) == ms(ptime.into())), "{ptime} ms");
    }
    for (stream, _) in streams {
        bench.hear(stream, Source::Nothing);
    }
    bench.pass(ms(100));
    assert_eq!(bench.engine.next_timeout(), None);
    assert!(!bench.signals.iter().any(|signal| matches!(signal, Signal::Played { .. })));
}
