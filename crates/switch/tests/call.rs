//! A dialOut from the command to the files of its recording.

mod kit;

use std::time::Duration;

use base::StreamId;
use callcenter::event::{Event, HangUpSide};
use callcenter::record::CallStatus;
use callcenter::signal::Failure;
use kit::{Bench, PHONE, TRUNK, hangup};
use media::api::{Command as Media, Signal, Source};
use media::codec::Codec;
use sip::api::Ended;
use switch::api::{Input, Piece};
use switch::config::Config;

#[test]
fn both_phones_ring_talk_and_are_recorded() {
    let mut bench = Bench::ready();
    let call = bench.dial_out();
    assert_eq!((bench.fars[PHONE].calls, bench.fars[TRUNK].calls), (1, 0));
    bench.ring(PHONE, 180, None);
    bench.answer(PHONE);
    assert_eq!(bench.fars[TRUNK].calls, 1);
    let early = bench.fars[TRUNK].answer(&[Codec::Pcma]);
    bench.ring(TRUNK, 183, Some(early));
    bench.answer(TRUNK);

    let legs = bench.legs();
    let [agent, customer] = legs[..] else { panic!("two legs: {legs:?}") };
    let (agent, customer): (StreamId, StreamId) = (agent.into(), customer.into());
    let hears = |stream, source| {
        let same = |command: &Media| matches!(command, Media::Hear { stream: s, source: o } if *s == stream && *o == source);
        bench.media.iter().any(same)
    };
    assert!(hears(agent, Source::RingBack), "the agent hears ring-back before the customer's network speaks");
    assert!(hears(agent, Source::Stream(customer)));
    assert!(hears(customer, Source::Stream(agent)));
    for stream in [agent, customer] {
        let watched = |command: &Media| matches!(command, Media::Watch { stream: s, silence_max: Some(_) } if *s == stream);
        assert!(bench.media.iter().any(watched), "{stream:?} is watched for silence");
    }
    assert!(bench.media.iter().any(|command| matches!(command, Media::Record { call: c, .. } if *c == call)));

    bench.pass(Duration::from_secs(65));
    bench.hang_up(TRUNK);
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar], "the agent's phone is told");
    let length = Duration::from_secs(65);
    bench.input(Input::Media(Signal::RecordingStopped { call, length }));
    let record = bench.record();
    assert_eq!(
        (record.status, record.side, record.failure),
        (CallStatus::Answer, HangUpSide::Customer, Failure::None)
    );
    assert_eq!((record.recording_s, record.sip_code), (65, 200));
    assert_eq!(record.gateway, bench.fars[TRUNK].address.to_string());

    let [(finished, pieces)] = &bench.finished[..] else {
        panic!("files are made once: {:?}", bench.finished)
    };
    assert_eq!(*finished, call);
    let [piece @ Piece { part: None, from_ms: 0, to_ms: None, .. }] = &pieces[..] else {
        panic!("{pieces:?}")
    };
    let ready = Input::RecordingReady { account: kit::ACCOUNT, call, files: piece.files.clone(), part: None };
    bench.input(ready);
    assert!(bench.events().any(|event| matches!(event, Event::RecordingReady { id, .. } if *id == call)));
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
}

#[test]
fn the_customer_is_offered_the_agents_codec_first() {
    let mut bench = Bench::ready();
    bench.dial_out();
    let only_pcmu = bench.fars[PHONE].answer(&[Codec::Pcmu]);
    bench.answer_with(PHONE, only_pcmu);
    let offer = bench.fars[TRUNK].offer.clone().expect("the customer is called");
    let offer = String::from_utf8(offer.to_vec()).expect("SDP is text");
    assert!(offer.contains("RTP/AVP 0 8 101"), "{offer}");
}

/// A phone that speaks G.722 and a trunk that does not: both are told what they said, the engine does the rest.
#[test]
fn ends_that_agree_on_different_codecs_are_joined_all_the_same() {
    let mut config = kit::config();
    config.phone_codecs = vec![Codec::G722, Codec::Pcma];
    let mut bench = Bench::ready_with(config);
    bench.dial_out();
    let offer = String::from_utf8(bench.fars[PHONE].offer.clone().expect("the phone is called").to_vec());
    assert!(offer.expect("SDP is text").contains("RTP/AVP 9 8 101"));
    let wide = bench.fars[PHONE].answer(&[Codec::G722]);
    bench.answer_with(PHONE, wide);
    let narrow = bench.fars[TRUNK].answer(&[Codec::Pcmu]);
    bench.answer_with(TRUNK, narrow);
    let agreed: Vec<Codec> = bench
        .media
        .iter()
        .filter_map(|command| match command {
            Media::Agree { terms, .. } => Some(terms.codec),
            _ => None,
        })
        .collect();
    assert_eq!(agreed, [Codec::G722, Codec::Pcmu]);
}

/// A phone is offered G.729 only when its account allows it, a trunk only when its list names it; and last, whatever the other
/// end speaks.
#[test]
fn g729_is_offered_only_where_it_is_allowed() {
    let offered = |config: Config, answer: &[Codec]| {
        let mut bench = Bench::ready_with(config);
        bench.dial_out();
        let phone = bench.fars[PHONE].answer(answer);
        bench.answer_with(PHONE, phone);
        [PHONE, TRUNK].map(|far| {
            let offer = bench.fars[far].offer.clone().expect("both are called");
            String::from_utf8(offer.to_vec()).expect("SDP is text")
        })
    };
    for offer in offered(kit::config(), &[Codec::Pcma]) {
        assert!(offer.contains("RTP/AVP 8 0 101") && !offer.contains("G729"), "{offer}");
    }
    let mut config = kit::config();
    config.accounts[0].g729 = true;
    let [phone, trunk] = offered(config.clone(), &[Codec::G729]);
    assert!(phone.contains("RTP/AVP 8 0 18 101") && phone.contains("a=fmtp:18 annexb=no\r\n"), "{phone}");
    assert!(trunk.contains("RTP/AVP 8 0 101"), "{trunk}");
    config.trunks[0].codecs = vec![Codec::Pcma, Codec::G729];
    let [_, trunk] = offered(config, &[Codec::G729]);
    assert!(trunk.contains("RTP/AVP 18 8 101"), "the codec of the other end comes first: {trunk}");
}

#[test]
fn a_number_is_shown_and_called_on_the_trunk() {
    let (bench, _) = Bench::ready_to_customer();
    let invite = bench.fars[TRUNK].received.iter().find(|data| data.starts_with(b"INVITE")).expect("called");
    let invite = String::from_utf8(invite.to_vec()).expect("our messages are text");
    assert!(
        invite.starts_with(&format!("INVITE sip:{}@first.example SIP/2.0\r\n", kit::CUSTOMER)),
        "{invite}"
    );
    assert!(invite.contains("sip:01088880000@"), "{invite}");
}

#[test]
fn early_media_later_than_the_first_180_is_told_and_agreed() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.ring(TRUNK, 180, None);
    let agreed = |bench: &Bench| bench.media.iter().filter(|c| matches!(c, Media::Agree { .. })).count();
    let before = agreed(&bench);
    let early = bench.fars[TRUNK].answer(&[Codec::Pcma]);
    bench.ring(TRUNK, 183, Some(early));
    assert_eq!(agreed(&bench), before + 1);
    let [agent, customer] = bench.legs()[..] else { panic!("two legs") };
    let last = bench.media.iter().rev().find_map(|command| match command {
        Media::Hear { stream, source } if *stream == agent.into() => Some(source.clone()),
        _ => None,
    });
    assert_eq!(last, Some(Source::Stream(customer.into())));
}

/// A phone behind a NAT may be silent until it is answered; where it is must be learned then.
#[test]
fn an_answer_that_repeats_early_media_is_agreed_on_again() {
    let (mut bench, _) = Bench::ready_to_customer();
    let early = bench.fars[TRUNK].answer(&[Codec::Pcma]);
    bench.ring(TRUNK, 183, Some(early.clone()));
    bench.ring(TRUNK, 183, Some(early.clone()));
    bench.pass(Duration::from_secs(20));
    bench.answer_with(TRUNK, early);
    let [_, customer] = bench.legs()[..] else { panic!("two legs") };
    let is_of_customer =
        |one: &&Media| matches!(one, Media::Agree { stream, .. } if *stream == customer.into());
    assert_eq!(bench.media.iter().filter(is_of_customer).count(), 2, "early, and when it answered");
}

#[test]
fn a_busy_customer_is_declined_and_the_agent_is_let_go() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.ring(TRUNK, 180, None);
    bench.refuse(TRUNK, 486);
    bench.pass(Duration::from_secs(40));
    let record = bench.record();
    assert_eq!((record.status, record.failure), (CallStatus::CustomerNoAnswer, Failure::Decline));
    assert_eq!(record.sip_code, 486);
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    bench.assert_at_rest();
}

#[test]
fn hanging_up_by_command_cancels_a_ringing_customer() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.ring(TRUNK, 180, None);
    assert!(bench.ask(hangup()).is_ok());
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[TRUNK].requests("CANCEL"), 1);
    let record = bench.record();
    assert_eq!((record.failure, record.sip_code), (Failure::Cancel, 487));
    bench.assert_at_rest();
}

#[test]
fn an_agent_who_does_not_answer_in_time_is_no_longer_called() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.ring(PHONE, 180, None);
    bench.pass(Duration::from_secs(100));
    assert_eq!(bench.fars[PHONE].requests("CANCEL"), 1);
    let record = bench.record();
    assert_eq!((record.status, record.failure), (CallStatus::AgentNoAnswer, Failure::RequestTimeout));
    bench.assert_at_rest();
}

#[test]
fn an_answer_that_agrees_on_nothing_ends_the_leg() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.answer_with(TRUNK, bytes::Bytes::from_static(b"v=0\r\nnonsense\r\n"));
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[TRUNK].requests("BYE"), 1);
    assert_eq!(bench.record().failure, Failure::Unknown);
    bench.assert_at_rest();
}

#[test]
fn silence_ends_the_call() {
    let (mut bench, _) = Bench::talking();
    let customer = bench.legs()[1];
    bench.input(Input::Media(Signal::Silent { stream: customer.into() }));
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().side, HangUpSide::System);
    assert_eq!((bench.fars[PHONE].requests("BYE"), bench.fars[TRUNK].requests("BYE")), (1, 1));
    bench.assert_at_rest();
}
