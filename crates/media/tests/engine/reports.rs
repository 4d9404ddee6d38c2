//! RTCP: what is reported, to whom, and what is believed of what comes.

use std::net::SocketAddr;

use base::{StreamId, Wall};
use media::api::Source;
use media::codec::Codec;
use media::rtcp;

use crate::bench::*;

/// The far end of `stream` reports; `block` is what it says of us.
fn report(bench: &mut Bench, stream: StreamId, ntp_ms: i64, block: Option<rtcp::Block>) {
    let ntp = rtcp::Ntp::of(Wall::from_millis(ntp_ms));
    let sender = Some(rtcp::Sender { ntp, timestamp: 0, packets: 1, octets: 160 });
    let mut bytes = [0; rtcp::REPORT_BYTES_MAX];
    let len = rtcp::Report { ssrc: 7, cname: 1, sender, block, leaves: false }.write(&mut bytes);
    bench.engine.handle_rtcp(bench.now, stream, rtcp_port(stream), &bytes[..len]);
}

fn rtcp_port(stream: StreamId) -> SocketAddr {
    SocketAddr::new(far(stream).ip(), far(stream).port() + 1)
}

#[test]
fn reports_are_sent_and_say_what_came_and_what_the_far_end_said() {
    let mut bench = Bench::new();
    bench.engine.begin_reports();
    bench.open(AGENT, Codec::Pcma);
    bench.hear(AGENT, Source::Echo);
    for n in (0..1000).filter(|n| n % 10 != 9) {
        bench.speak(AGENT, n, Codec::Pcma, 1);
        bench.pass(ms(20));
        if n == 200 {
            report(&mut bench, AGENT, 5_000, None);
        }
    }
    // 18 s at 5 s on average, from 2.05 to 6.2 s apart.
    assert!((3..9).contains(&bench.reports.len()), "{}", bench.reports.len());
    assert!(bench.reports.iter().all(|(to, _)| *to == rtcp_port(AGENT)));
    let ours = bench.take_sent()[0].header.ssrc;
    let last = bench.reports.last().expect("just counted").1.clone();
    assert_eq!(last[4..8], ours.to_be_bytes());
    let about = rtcp::read(&last, 500 + 7).and_then(|heard| heard.about_us);
    assert_eq!(about, None);
    let theirs = u32::from_be_bytes(last[28..32].try_into().unwrap());
    let about = rtcp::read(&last, theirs).and_then(|heard| heard.about_us).expect("a block about it");
    assert!((24..27).contains(&about.fraction_lost) && about.lost > 20, "{about:?}");
    assert_eq!(about.last_report, rtcp::Ntp::of(Wall::from_millis(5_000)).middle());
    assert!(about.since_last_report > 65_536);
}

#[test]
fn a_round_trip_is_measured_against_our_own_report_only() {
    let mut bench = Bench::new();
    bench.engine.begin_reports();
    bench.open(AGENT, Codec::Pcma);
    bench.hear(AGENT, Source::Echo);
    bench.speak(AGENT, 0, Codec::Pcma, 1);
    let ours = bench.take_sent()[0].header.ssrc;
    while bench.reports.is_empty() {
        bench.pass(ms(1));
    }
    let sent = rtcp::read(&bench.reports[0].1, 0).and_then(|heard| heard.sender_report).expect("a sender");
    let block = rtcp::Block { ssrc: ours, lost: 4, jitter: 80, last_report: sent, ..rtcp::Block::default() };
    bench.pass(ms(150));
    report(&mut bench, AGENT, 0, Some(rtcp::Block { since_last_report: rtcp::parts(ms(50)), ..block }));
    // Of another report, and of a time before ours: lies.
    report(&mut bench, AGENT, 0, Some(rtcp::Block { last_report: sent ^ 1, ..block }));
    report(&mut bench, AGENT, 0, Some(rtcp::Block { since_last_report: u32::MAX, ..block }));
    // From a stranger.
    let mut bytes = [0; rtcp::REPORT_BYTES_MAX];
    let lie = rtcp::Report { ssrc: 7, cname: 1, sender: None, block: Some(block), leaves: true };
    let len = lie.write(&mut bytes);
    bench.engine.handle_rtcp(bench.now, AGENT, ATTACKER.into(), &bytes[..len]);
    let reported = bench.reports.len();
    let quality = bench.close(AGENT).quality;
    let trip = quality.round_trip.expect("measured");
    assert!(trip.abs_diff(ms(100)) < ms(1), "{trip:?}");
    assert_eq!(quality.far.map(|far| (far.lost, far.jitter_ms)), Some((4, 10.0)));
    assert_eq!(quality.mos.map(|mos| (10.0 * mos).round()), Some(43.0 + 1.0), "{quality:?}");
    let (to, goodbye) = &bench.reports[reported];
    assert_eq!(
        (*to, &goodbye[goodbye.len() - 8..goodbye.len() - 4]),
        (rtcp_port(AGENT), &[0x81, 203, 0, 1][..])
    );
}

#[test]
fn a_far_end_without_rtcp_is_left_alone_until_it_reports() {
    let mut bench = Bench::new();
    bench.engine.begin_reports();
    bench.open(AGENT, Codec::Pcma);
    bench.pass(ms(120_000));
    assert_eq!(bench.reports.len(), 3);
    report(&mut bench, AGENT, 0, None);
    bench.pass(ms(30_000));
    assert!(bench.reports.len() > 6, "{}", bench.reports.len());
}
