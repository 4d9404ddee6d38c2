//! What happens to packets, whatever is in them.

use std::net::SocketAddr;

use base::StreamId;
use media::api::{Command, Family, Side, Signal, Source, Terms};
use media::codec::Codec;
use media::dtmf::Event;
use media::engine::TimerKind;
use media::g711::{self, Law};
use media::limits::BLOCK_AGE_MAX;
use media::recording::{Packet, track_number};
use media::rtp::Stamp;

use crate::bench::*;

#[test]
fn sound_goes_both_ways_at_once_in_the_law_of_the_listener() {
    let mut bench = Bench::bridged();
    let (a, u) = (g711::encode(Law::A, 5000), g711::encode(Law::Mu, -700));
    bench.speak(AGENT, 0, Codec::Pcma, a);
    bench.speak(CUSTOMER, 0, Codec::Pcmu, u);
    let [to_customer, to_agent] = &bench.take_sent()[..] else { panic!("two packets") };
    assert_eq!(
        (to_customer.stream, to_customer.to, to_customer.header.payload_number),
        (CUSTOMER, far(CUSTOMER), 0)
    );
    assert_eq!(to_customer.payload, [g711::encode(Law::Mu, g711::decode(Law::A, a)); 160]);
    assert_eq!((to_agent.stream, to_agent.to, to_agent.header.payload_number), (AGENT, far(AGENT), 8));
    assert_eq!(to_agent.payload, [g711::encode(Law::A, g711::decode(Law::Mu, u)); 160]);
    assert_ne!(to_customer.header.ssrc, 0x1111);
    assert_eq!(bench.signals, [Signal::Heard { stream: AGENT }, Signal::Heard { stream: CUSTOMER }]);
}

#[test]
fn through_every_switch_the_far_end_sees_one_source() {
    let mut bench = Bench::bridged();
    bench.hear(AGENT, Source::RingBack);
    bench.pass(ms(3000));
    bench.hear(AGENT, Source::Stream(CUSTOMER));
    for n in 0..20 {
        bench.pass(ms(20));
        bench.speak(CUSTOMER, n, Codec::Pcmu, 0x42);
    }
    bench.hear(AGENT, Source::Nothing);
    bench.pass(ms(777));
    bench.hear(AGENT, Source::Sound { sound: 0, looped: false });
    bench.pass(ms(500));
    bench.hear(AGENT, Source::Stream(CUSTOMER));
    bench.speak(CUSTOMER, 90, Codec::Pcmu, 0x42);
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 151 + 20 + 3 + 1);
    assert_one_source(&sent);
    let marked: Vec<usize> = (0..sent.len()).filter(|n| sent[*n].header.marker).collect();
    assert_eq!(marked, [0, 151, 171, 174]);
}

#[test]
fn packets_of_a_stranger_go_nowhere_and_change_nothing() {
    let mut bench = Bench::bridged();
    bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    bench.speak(CUSTOMER, 0, Codec::Pcmu, 1);
    bench.take_sent();
    bench.pass(BLOCK_AGE_MAX);
    bench.stored.clear();
    bench.receive(AGENT, ATTACKER.into(), stamp(1, 8, 160), &[9; 160]);
    bench.receive(AGENT, ATTACKER.into(), stamp(2, 102, 160), &[1, 0x80, 0, 160]);
    bench.pass(BLOCK_AGE_MAX);
    assert_eq!((bench.sent.len(), bench.stored.len()), (0, 0));
    assert!(bench.signals.iter().all(|signal| !matches!(signal, Signal::Digit { .. })));
    bench.speak(CUSTOMER, 1, Codec::Pcmu, 1);
    assert_eq!(bench.take_sent()[0].to, far(AGENT));
    let counts = bench.close(AGENT);
    assert_eq!((counts.received, counts.refused, counts.lost), (1, 2, 0));
}

#[test]
fn a_phone_behind_a_nat_is_heard_and_answered_where_it_is() {
    let mut bench = Bench::bridged();
    bench.receive(AGENT, ATTACKER.into(), stamp(1, 8, 160), &[9; 160]);
    bench.receive(AGENT, NAT, stamp(0, 8, 0), &[1; 160]);
    bench.receive(AGENT, ATTACKER.into(), stamp(1, 8, 160), &[9; 160]);
    bench.speak(CUSTOMER, 0, Codec::Pcmu, 1);
    let sent = bench.take_sent();
    assert_eq!(sent.iter().map(|sent| sent.to).collect::<Vec<_>>(), [far(CUSTOMER), NAT]);
}

#[test]
fn digits_pass_with_the_number_of_the_listener_and_are_reported_once() {
    let mut bench = Bench::bridged();
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    for (n, end) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
        let event = Event { code: 11, end, volume: 10, duration: 160 * n };
        bench.pass(ms(20));
        bench.receive(AGENT, far(AGENT), stamp(n, 101, 160), &event.to_bytes());
    }
    bench.pass(ms(20));
    bench.speak(AGENT, 6, Codec::Pcma, 1);
    let sent = bench.take_sent();
    assert_eq!(sent[1..6].iter().map(|sent| sent.header.payload_number).collect::<Vec<_>>(), [102; 5]);
    let event_began = sent[0].header.timestamp.wrapping_add(160);
    assert!(sent[1..6].iter().all(|sent| sent.header.timestamp == event_began));
    assert_eq!(sent[6].header.timestamp, event_began.wrapping_add(5 * 160));
    let digits = bench.signals.iter().filter(|signal| matches!(signal, Signal::Digit { .. }));
    assert_eq!(digits.collect::<Vec<_>>(), [&Signal::Digit { stream: AGENT, digit: '#' }]);
}

#[test]
fn what_was_not_agreed_on_is_left_out_without_a_hole() {
    let mut bench = Bench::bridged();
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    bench.pass(ms(20));
    bench.receive(AGENT, far(AGENT), stamp(1, 13, 160), &[40]);
    bench.pass(ms(20));
    bench.receive(AGENT, far(AGENT), stamp(2, 97, 320), &[40; 33]);
    bench.pass(ms(20));
    bench.speak(AGENT, 3, Codec::Pcma, 1);
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 2);
    assert_one_source(&sent);
    let counts = bench.close(AGENT);
    assert_eq!((counts.received, counts.refused), (3, 1));
}

#[test]
fn everyone_who_listens_gets_the_packet() {
    let mut bench = Bench::bridged();
    bench.open(LISTENER, Codec::Pcma);
    bench.hear(LISTENER, Source::Stream(AGENT));
    bench.speak(AGENT, 0, Codec::Pcma, 7);
    let mut sent = bench.take_sent();
    sent.sort_by_key(|sent| sent.stream);
    assert_eq!(sent.iter().map(|sent| sent.to).collect::<Vec<_>>(), [far(CUSTOMER), far(LISTENER)]);
    assert_eq!(sent[1].payload, [7; 160]);
    assert_eq!(sent[0].payload, [g711::transcoder(Law::A, Law::Mu).expect("two laws")[7]; 160]);
}

#[test]
fn a_row_may_name_a_stream_that_opens_later_and_a_closed_one_is_not_heard() {
    let mut bench = Bench::new();
    bench.open(AGENT, Codec::Pcma);
    bench.hear(AGENT, Source::Stream(CUSTOMER));
    bench.open(CUSTOMER, Codec::Pcmu);
    bench.speak(CUSTOMER, 0, Codec::Pcmu, 1);
    assert_eq!(bench.take_sent().len(), 1);
    let slot = bench.engine.slot(CUSTOMER).expect("open");
    bench.close(CUSTOMER);
    bench.open(LISTENER, Codec::Pcma);
    let mut packet = [&stamp(1, 0, 160).to_bytes()[..], &[1; 160]].concat();
    assert_eq!(bench.engine.handle_rtp_slot(bench.now, slot, far(CUSTOMER), &mut packet), None);
    bench.speak(LISTENER, 0, Codec::Pcma, 1);
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.engine.streams(), 2);
}

#[test]
fn hold_stops_what_we_send_and_the_end_of_it_begins_anew() {
    let mut bench = Bench::bridged();
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    let held = Terms { remote: None, send: false, ..terms(CUSTOMER, Codec::Pcmu) };
    bench.command(Command::Agree { stream: CUSTOMER, terms: held });
    bench.pass(ms(40));
    bench.speak(AGENT, 2, Codec::Pcma, 1);
    bench.command(Command::Agree { stream: CUSTOMER, terms: terms(CUSTOMER, Codec::Pcmu) });
    bench.pass(ms(20));
    bench.speak(AGENT, 3, Codec::Pcma, 1);
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].header.marker);
    assert_one_source(&sent);
}

#[test]
fn ring_back_keeps_its_step_and_its_cadence() {
    let mut bench = Bench::bridged();
    bench.hear(AGENT, Source::RingBack);
    bench.pass(ms(9_999));
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 500);
    assert_one_source(&sent);
    for (n, sent) in sent.iter().enumerate() {
        let loud = sent.payload.iter().any(|byte| g711::decode(Law::A, *byte).abs() > 5000);
        assert_eq!(loud, n % 250 < 50, "frame {n}");
    }
}

#[test]
fn after_a_long_stop_the_lost_frames_are_skipped() {
    let mut bench = Bench::bridged();
    bench.hear(AGENT, Source::Busy);
    bench.pass(ms(10));
    bench.now = bench.now.later(ms(500));
    bench.engine.handle_timeout(bench.now);
    bench.drain();
    bench.pass(ms(20));
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 3);
    assert_one_source(&sent);
}

#[test]
fn a_sound_ends_and_says_so_a_looped_one_goes_on() {
    let mut bench = Bench::bridged();
    bench.hear(AGENT, Source::Sound { sound: 0, looped: false });
    bench.hear(CUSTOMER, Source::Sound { sound: 1, looped: true });
    bench.pass(ms(199));
    let sent = bench.take_sent();
    assert_eq!(sent.iter().filter(|sent| sent.stream == AGENT).count(), 3);
    assert_eq!(sent.iter().filter(|sent| sent.stream == CUSTOMER).count(), 10);
    assert_eq!(bench.signals, [Signal::Played { stream: AGENT }]);
    bench.hear(CUSTOMER, Source::Nothing);
    bench.pass(ms(100));
    assert_eq!(bench.engine.next_timeout(), None);
    assert_eq!(bench.signals.len(), 1);
    bench.hear(AGENT, Source::Sound { sound: 0, looped: false });
    bench.pass(ms(100));
    assert_eq!((bench.take_sent().len(), bench.signals.len()), (3, 2));
    bench.hear(CUSTOMER, Source::Sound { sound: 99, looped: true });
    bench.pass(ms(20));
    assert_eq!(bench.signals.last(), Some(&Signal::Played { stream: CUSTOMER }));
}

#[test]
fn what_is_played_waits_for_the_agreement() {
    let mut bench = Bench::new();
    bench.command(Command::Open { stream: AGENT, call: CALL, port: 30_000, family: Family::V4 });
    bench.hear(AGENT, Source::Sound { sound: 0, looped: false });
    bench.pass(ms(200));
    bench.command(Command::Agree { stream: AGENT, terms: terms(AGENT, Codec::Pcmu) });
    bench.pass(ms(200));
    assert_eq!(bench.take_sent().len(), 3);
}

#[test]
fn an_echo_comes_back() {
    let mut bench = Bench::bridged();
    bench.hear(AGENT, Source::Echo);
    bench.speak(AGENT, 0, Codec::Pcma, 0x33);
    let sent = bench.take_sent();
    let back = sent.iter().find(|sent| sent.stream == AGENT).expect("echoed");
    assert_eq!((back.to, &back.payload[..]), (far(AGENT), &[0x33; 160][..]));
}

#[test]
fn silence_is_reported_once_until_packets_come_again() {
    let mut bench = Bench::bridged();
    bench.command(Command::Watch { stream: AGENT, silence_max: Some(ms(30_000)) });
    bench.pass(ms(20_000));
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    bench.pass(ms(29_999));
    assert_eq!(bench.signals, [Signal::Heard { stream: AGENT }]);
    bench.pass(ms(1));
    bench.pass(ms(200_000));
    assert_eq!(bench.signals[1..], [Signal::Silent { stream: AGENT }]);
    bench.speak(AGENT, 1, Codec::Pcma, 1);
    bench.pass(ms(29_999));
    assert_eq!(bench.signals.len(), 2);
    bench.pass(ms(1));
    assert_eq!(bench.signals.len(), 3);
    bench.command(Command::Watch { stream: AGENT, silence_max: None });
    assert_eq!(bench.engine.next_timeout(), None);
}

#[test]
fn reports_of_the_far_host_are_a_sign_of_life_and_those_of_a_stranger_are_not() {
    let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
    for (from, silent) in [(far(AGENT), false), (ATTACKER.into(), true)] {
        let mut bench = Bench::bridged();
        bench.command(Command::Watch { stream: AGENT, silence_max: Some(ms(30_000)) });
        for _ in 0..10 {
            bench.pass(ms(10_000));
            let from = SocketAddr::new(from.ip(), 4001);
            bench.engine.handle_rtcp(bench.now, AGENT, from, &report);
        }
        assert_eq!(!bench.signals.is_empty(), silent, "{from}");
    }
}

#[test]
fn a_far_end_that_may_not_speak_is_not_watched() {
    let mut bench = Bench::bridged();
    bench.command(Command::Watch { stream: AGENT, silence_max: Some(ms(30_000)) });
    let held = Terms { receive: false, ..terms(AGENT, Codec::Pcma) };
    bench.command(Command::Agree { stream: AGENT, terms: held });
    bench.pass(ms(600_000));
    assert_eq!(bench.signals, []);
    bench.command(Command::Agree { stream: AGENT, terms: terms(AGENT, Codec::Pcma) });
    assert_eq!(bench.engine.next_timeout(), Some((bench.now.mono + ms(30_000), TimerKind::Silence(AGENT))));
}

#[test]
fn recorded_streams_are_stored_as_they_came_and_the_length_is_measured() {
    let mut bench = Bench::bridged();
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    bench.pass(ms(15));
    bench.speak(CUSTOMER, 0, Codec::Pcmu, 0x42);
    bench.pass(ms(5));
    bench.speak(AGENT, 1, Codec::Pcma, 0x43);
    bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    bench.pass(ms(1980));
    bench.command(Command::StopRecord { call: CALL });
    bench.speak(AGENT, 2, Codec::Pcma, 1);
    let packet = |track, at_us, codec, n: u16, byte: u8| {
        let (timestamp, sequence) = (160 * u32::from(n), 500 + n);
        (CALL, Packet { track, at_us, codec, timestamp, sequence, payload: vec![byte; 160] })
    };
    let customer = track_number(1, Side::Customer);
    let expected = [packet(customer, 15_000, Codec::Pcmu, 0, 0x42), packet(0, 20_000, Codec::Pcma, 1, 0x43)];
    assert_eq!(bench.stored, expected);
    assert_eq!(bench.signals.last(), Some(&Signal::RecordingStopped { call: CALL, length: ms(2000) }));
    let before = bench.signals.len();
    bench.command(Command::StopRecord { call: CALL });
    assert_eq!(bench.signals.len(), before);
}

#[test]
fn stored_packets_are_handed_over_in_time_and_when_a_block_is_full() {
    let mut bench = Bench::bridged();
    bench.command(Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    for n in 0..500 {
        let begun = bench.stored.len();
        bench.speak(AGENT, n, Codec::Pcma, 1);
        bench.pass(ms(20));
        let waiting = usize::from(n) + 1 - bench.stored.len();
        assert!(waiting <= 20, "{waiting} packets wait at packet {n}");
        assert!(bench.stored.len() == begun || bench.stored.len() - begun >= 17, "{begun} before packet {n}");
    }
    bench.pass(BLOCK_AGE_MAX);
    assert_eq!(bench.stored.len(), 500);
    assert_eq!(bench.engine.next_timeout(), None, "nothing is left to be handed over");
    for n in 500..600 {
        bench.speak(AGENT, n, Codec::Pcma, 1);
    }
    let handed_over = bench.stored.len();
    assert!((544..600).contains(&handed_over), "{handed_over} after a burst");
    bench.command(Command::StopRecord { call: CALL });
    assert_eq!(bench.stored.len(), 600);
    assert_eq!(bench.engine.next_timeout(), None);
    assert!(bench.stored.iter().zip(500..).all(|((_, packet), sequence)| packet.sequence == sequence));
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let mut bench = Bench::new();
    for stream in [AGENT, CUSTOMER, LISTENER, StreamId(4)] {
        bench.command(Command::Open { stream, call: CALL, port: 30_000, family: Family::V4 });
    }
    assert_eq!(bench.signals, [Signal::OpenFailed { stream: StreamId(4) }]);
}

/// Two engines, as a switch and the phones it talks to: digits dialled by one phone arrive at the switch and at the other
/// phone, between the sounds it plays.
#[test]
fn two_engines_back_to_back_understand_each_other() {
    let phone =
        |stream: StreamId| SocketAddr::from(([10, 0, 1, 1], 5000 + u16::try_from(stream.0).expect("small")));
    let switch =
        |stream: StreamId| SocketAddr::from(([10, 0, 1, 2], 6000 + u16::try_from(stream.0).expect("small")));
    let (mut phones, mut relay) = (Bench::seeded(1), Bench::seeded(2));
    for (stream, codec) in [(AGENT, Codec::Pcma), (CUSTOMER, Codec::Pcmu)] {
        for (bench, remote) in [(&mut phones, switch(stream)), (&mut relay, phone(stream))] {
            bench.command(Command::Open { stream, call: CALL, port: 30_000, family: Family::V4 });
            let terms = Terms { remote: Some(remote), ..terms(stream, codec) };
            bench.command(Command::Agree { stream, terms });
        }
    }
    relay.hear(AGENT, Source::Stream(CUSTOMER));
    relay.hear(CUSTOMER, Source::Stream(AGENT));
    phones.hear(AGENT, Source::Sound { sound: 1, looped: true });
    phones.hear(CUSTOMER, Source::Echo);
    phones.command(Command::SendDigits { stream: AGENT, digits: "20#".to_owned() });
    for _ in 0..2000 {
        carry(&mut phones, &mut relay, phone);
        carry(&mut relay, &mut phones, switch);
    }
    let digits = |bench: &Bench, of: StreamId| -> String {
        let digit = |signal: &Signal| match signal {
            Signal::Digit { stream, digit } if *stream == of => Some(*digit),
            _ => None,
        };
        bench.signals.iter().filter_map(digit).collect()
    };
    assert_eq!(digits(&relay, AGENT), "20#");
    assert_eq!(digits(&phones, CUSTOMER), "20#");
    for bench in [&mut phones, &mut relay] {
        let counts = [bench.close(AGENT), bench.close(CUSTOMER)];
        assert!(
            counts.iter().all(|counts| counts.received > 80 && counts.refused == 0 && counts.lost == 0),
            "{counts:?}"
        );
    }
}

#[test]
fn a_call_of_an_hour_is_heard_to_its_end() {
    let mut bench = Bench::bridged();
    let packets = 180_000u32;
    for n in 0..packets {
        bench.pass(ms(20));
        let sequence = (n & 0xffff) as u16;
        let stamp = Stamp { sequence, ..stamp(0, Codec::Pcma.payload(), 160 * n) };
        bench.receive(AGENT, far(AGENT), stamp, &[0x55; 160]);
        assert_eq!(bench.take_sent().len(), 1, "packet {n}");
    }
    assert_eq!(bench.close(AGENT).lost, 0);
    assert_eq!(bench.close(CUSTOMER).sent, u64::from(packets));
}

#[test]
fn a_far_end_that_floods_is_cut_to_a_pace_and_counted() {
    let mut bench = Bench::bridged();
    for n in 0..5000 {
        bench.speak(AGENT, n, Codec::Pcma, 0x55);
    }
    assert_eq!(bench.take_sent().len(), 500);
    assert_eq!(bench.close(AGENT).refused, 4500);
}

/// Two far ends whose SDP names the port of the other stream: what goes out comes in again.
#[test]
fn streams_that_are_made_to_send_to_each_other_do_not_loop() {
    let mut bench = Bench::bridged();
    bench.speak(AGENT, 0, Codec::Pcma, 0x55);
    let sent = bench.take_sent().remove(0);
    let stamp = Stamp {
        marker: false,
        payload_number: sent.header.payload_number,
        sequence: sent.header.sequence,
        timestamp: sent.header.timestamp,
        ssrc: sent.header.ssrc,
    };
    bench.receive(AGENT, far(AGENT), stamp, &sent.payload);
    assert_eq!(bench.take_sent(), []);
}
