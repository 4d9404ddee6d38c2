//! Calls by a trunk for which there is an inbound route, from the INVITE to the record.

mod kit;

use std::time::Duration;

use base::StreamId;
use bytes::Bytes;
use callcenter::config::{AccountStatus, InboundRoute, RecordingMode};
use callcenter::event::{Event, HangUpSide};
use callcenter::record::CallStatus;
use callcenter::signal::Failure;
use kit::{Bench, STRANGER, TRUNK};
use media::api::{Command as Media, Signal, Source};
use media::codec::Codec;
use sip::api::{Ended, Identity};
use switch::api::{Diagnostic, Input, RefusedBecause};
use switch::config::Config;

/// Where the route leads: somebody whom the switch knows by the route alone.
const DESK: usize = STRANGER;
const CALLED: &str = "01088880000";
const CALLER: &str = "13912345678";

fn config() -> Config {
    let mut config = kit::config();
    config.accounts[0].account.inbound = vec![InboundRoute {
        trunk: "first".to_owned(),
        called: CALLED.to_owned(),
        to: "sip:desk@10.0.1.3:5060".to_owned(),
        recording: RecordingMode::Normal,
        ring: Duration::from_secs(20),
    }];
    config
}

/// Somebody calls, and the desk is called.
fn called_with(config: Config) -> Bench {
    let mut bench = Bench::with(config);
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcmu, Codec::Pcma]);
    bench
}

fn called() -> Bench {
    called_with(config())
}

fn talking() -> Bench {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.answer(DESK);
    bench
}

/// What the one record says: status, failure, side and SIP code.
fn outcome(bench: &Bench) -> (CallStatus, Failure, HangUpSide, u16) {
    let record = bench.record();
    (record.status, record.failure, record.side, record.sip_code)
}

fn refused(bench: &Bench) -> Option<(u16, RefusedBecause)> {
    bench.diagnostics.iter().rev().find_map(|told| match told {
        Diagnostic::IncomingRefused { status, because, .. } => Some((*status, *because)),
        _ => None,
    })
}

fn text(sdp: &Bytes) -> String {
    String::from_utf8(sdp.to_vec()).expect("SDP is text")
}

fn rest(bench: &mut Bench) {
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
}

#[test]
fn a_call_by_a_trunk_is_put_through_and_recorded() {
    let mut bench = called();
    let invite = bench.fars[DESK].invite_heard();
    assert!(invite.starts_with("INVITE sip:desk@10.0.1.3:5060 SIP/2.0\r\n"), "{invite}");
    assert!(invite.contains(&format!("From: <sip:{CALLER}@")), "{invite}");
    assert!(invite.contains("RTP/AVP 0 8 101"), "the caller's codec comes first: {invite}");
    assert_eq!(bench.fars[TRUNK].progress, []);
    bench.ring(DESK, 180, None);
    assert_eq!(bench.fars[TRUNK].progress, [180]);
    let early = bench.fars[DESK].answer(&[Codec::Pcmu]);
    bench.ring(DESK, 183, Some(early));
    assert_eq!(bench.fars[TRUNK].progress, [180, 183]);
    bench.answer_with(DESK, bench.fars[DESK].answer(&[Codec::Pcmu]));
    let answer = text(bench.fars[TRUNK].answered.as_ref().expect("the caller was answered"));
    assert!(answer.contains("RTP/AVP 0 101"), "nothing needs to be transcoded: {answer}");

    let [caller, desk] = bench.legs()[..] else { panic!("two legs") };
    let (caller, desk): (StreamId, StreamId) = (caller.into(), desk.into());
    let hears = |stream, source| {
        let same = |command: &Media| matches!(command, Media::Hear { stream: s, source: o } if *s == stream && *o == source);
        bench.media.iter().filter(|command| same(command)).count()
    };
    assert_eq!(hears(caller, Source::Stream(desk)), 1, "early, and on after the answer");
    let is_of_caller = |one: &&Media| matches!(one, Media::Agree { stream, .. } if *stream == caller);
    assert_eq!(bench.media.iter().filter(is_of_caller).count(), 2, "early, and when it was answered");
    assert_eq!(hears(desk, Source::Stream(caller)), 1);
    for stream in [caller, desk] {
        let watched = |command: &Media| matches!(command, Media::Watch { stream: s, silence_max: Some(_) } if *s == stream);
        assert!(bench.media.iter().any(watched), "{stream:?} is watched for silence");
    }
    let recorded = |command: &Media| matches!(command, Media::Record { agent, customer, .. } if (*agent, *customer) == (desk, caller));
    assert!(bench.media.iter().any(recorded));

    bench.pass(Duration::from_secs(12));
    bench.hang_up(TRUNK);
    assert_eq!(bench.fars[DESK].ended, [Ended::ByFar]);
    let (call, length) =
        (bench.switch.center(kit::ACCOUNT).unwrap().calls().next().unwrap(), Duration::from_secs(12));
    bench.input(Input::Media(Signal::RecordingStopped { call, length }));
    assert_eq!(outcome(&bench), (CallStatus::Answer, Failure::None, HangUpSide::Customer, 200));
    let record = bench.record();
    assert_eq!((record.call.customer.as_str(), record.call.trunk.as_str()), (CALLER, CALLED));
    assert_eq!(record.gateway, bench.fars[TRUNK].address.to_string());
    assert_eq!((record.recording_s, record.customer_ring_s, record.agent_started), (12, 0, None));
    assert_eq!(bench.finished.len(), 1);
    let files = bench.finished[0].1[0].files.clone();
    bench.input(Input::RecordingReady { account: kit::ACCOUNT, call, files, part: None });
    rest(&mut bench);
}

#[test]
fn whoever_answers_may_hang_up() {
    let mut bench = talking();
    bench.hang_up(DESK);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::ByFar]);
    let call = bench.finished.first().map(|(call, _)| *call);
    assert_eq!(call, None, "the sound is not stored yet");
    bench.pass(Duration::from_secs(1));
    assert_eq!(outcome(&bench).2, HangUpSide::Agent);
}

#[test]
fn a_caller_who_gives_up_is_told_so_and_so_is_the_desk() {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.hang_up(TRUNK);
    assert_eq!((bench.fars[DESK].requests("CANCEL"), &bench.fars[DESK].ended[..]), (1, &[Ended::ByFar][..]));
    assert_eq!(bench.fars[TRUNK].ended, [Ended::ByUs]);
    rest(&mut bench);
    assert_eq!(outcome(&bench), (CallStatus::AgentNoAnswer, Failure::Cancel, HangUpSide::Customer, 487));
    assert!(bench.record().recording.is_none());
}

#[test]
fn a_caller_is_refused_as_the_desk_refuses() {
    for (status, heard, failure) in [
        (486, 486, Failure::Decline),
        (600, 600, Failure::Decline),
        (603, 603, Failure::Decline),
        (403, 403, Failure::Forbidden),
        (404, 404, Failure::Unknown),
        (480, 480, Failure::RequestTimeout),
        (408, 480, Failure::RequestTimeout),
        (487, 480, Failure::Cancel),
        (500, 503, Failure::ServiceUnavailable),
        (503, 503, Failure::ServiceUnavailable),
        (488, 488, Failure::Unknown),
        (415, 488, Failure::Unknown),
        (401, 480, Failure::Unknown),
        (302, 480, Failure::Unknown),
    ] {
        let mut bench = called();
        bench.refuse(DESK, status);
        rest(&mut bench);
        assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(heard)], "{status}");
        let side = if (500..600).contains(&status) || status == 408 {
            HangUpSide::System
        } else {
            HangUpSide::Agent
        };
        assert_eq!(outcome(&bench), (CallStatus::AgentNoAnswer, failure, side, heard), "{status}");
    }
}

#[test]
fn a_desk_that_does_not_answer_in_time_is_given_up() {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.fars[DESK].requests("CANCEL"), 1);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(480)]);
    assert_eq!(
        outcome(&bench),
        (CallStatus::AgentNoAnswer, Failure::RequestTimeout, HangUpSide::System, 480)
    );
    rest(&mut bench);
}

#[test]
fn a_desk_that_is_not_there_is_unavailable() {
    let mut config = config();
    config.accounts[0].account.inbound[0].ring = Duration::from_secs(60);
    let mut bench = Bench::with(config);
    bench.fars[DESK].deaf = true;
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
    bench.pass(Duration::from_secs(80));
    assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(480)]);
    assert_eq!(outcome(&bench).1, Failure::RequestTimeout);
    bench.assert_at_rest();
}

#[test]
fn nothing_is_said_before_the_log_knows_of_the_call() {
    let mut bench = Bench::with(config());
    bench.auto_commit = false;
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
    assert_eq!((bench.fars[TRUNK].received.len(), bench.fars[DESK].calls), (0, 0), "not even 100");
    bench.pass(Duration::from_millis(600));
    assert_eq!(bench.fars[TRUNK].received.len(), 0, "nor when the INVITE comes again");
    bench.commit();
    assert!(bench.fars[TRUNK].received[0].starts_with(b"SIP/2.0 100 "));
    assert_eq!(bench.fars[DESK].calls, 1);
    // From here on nothing waits: what was committed is enough to end the call.
    bench.ring(DESK, 180, None);
    bench.answer(DESK);
    assert_eq!(bench.fars[TRUNK].progress, [180]);
    assert!(bench.fars[TRUNK].answered.is_some());
}

#[test]
fn a_crash_before_the_commit_leaves_the_call_to_the_repeated_invite() {
    let mut bench = Bench::with(config());
    bench.auto_commit = false;
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
    bench.crash();
    bench.auto_commit = true;
    bench.pass(Duration::from_millis(600));
    assert_eq!(bench.fars[DESK].calls, 1);
    bench.answer(DESK);
    assert!(bench.fars[TRUNK].answered.is_some());
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    bench.record();
    bench.assert_at_rest();
}

#[test]
fn a_crash_while_it_rings_refuses_the_caller_and_cancels_the_desk() {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.crash();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(480)]);
    assert_eq!((bench.fars[DESK].requests("CANCEL"), &bench.fars[DESK].ended[..]), (1, &[Ended::ByFar][..]));
    assert_eq!(bench.record().failure, Failure::Unknown);
    bench.assert_at_rest();
}

#[test]
fn a_refusal_that_was_lost_is_said_again_after_a_crash() {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.fars[TRUNK].deaf = true;
    bench.refuse(DESK, 486);
    assert_eq!(outcome(&bench), (CallStatus::AgentNoAnswer, Failure::Decline, HangUpSide::Agent, 486));
    assert_eq!(bench.fars[TRUNK].ended, []);
    bench.crash();
    assert_eq!(bench.switch.counts().resumed, 1, "the caller is still to be told");
    bench.fars[TRUNK].deaf = false;
    rest(&mut bench);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(480)]);
    bench.record();
    bench.crash();
    assert_eq!(bench.switch.counts().resumed, 0);
}

#[test]
fn a_caller_who_never_acknowledges_a_refusal_is_let_go() {
    let mut bench = called();
    bench.fars[TRUNK].deaf = true;
    bench.refuse(DESK, 486);
    bench.pass(Duration::from_secs(31));
    assert_eq!(bench.switch.counts().legs, 1);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.switch.counts().legs, 0);
    bench.crash();
    assert_eq!(bench.switch.counts().resumed, 0);
}

#[test]
fn a_crash_leaves_nobody_on_the_line_however_much_of_the_answer_was_committed() {
    for committed in [true, false] {
        let mut bench = called();
        bench.ring(DESK, 180, None);
        bench.auto_commit = committed;
        bench.answer(DESK);
        assert!(bench.fars[TRUNK].answered.is_some(), "the caller need not wait");
        bench.crash();
        bench.auto_commit = true;
        bench.commit();
        bench.pass(Duration::from_secs(80));
        for far in [TRUNK, DESK] {
            assert_eq!(bench.fars[far].ended, [Ended::ByFar], "{far} {committed}");
            assert_eq!(bench.fars[far].requests("BYE"), 1);
        }
        bench.record();
        assert_eq!(bench.switch.counts().resumed, 0);
        assert_eq!([TRUNK, DESK].map(|far| bench.fars[far].endpoint.counts().dialogs), [0, 0]);
    }
}

#[test]
fn an_invite_without_an_offer_gets_ours_and_must_answer_it() {
    for (answer, failure) in [(true, Failure::None), (false, Failure::Unknown)] {
        let mut bench = Bench::with(config());
        let from = bench.fars[TRUNK].address;
        let head = |method: &str, cseq: u32, to: &str, more: &str| {
            format!(
                "{method} sip:{CALLED}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{method}{cseq}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{CALLER}@{from}>;tag=a\r\nTo: <sip:{CALLED}@10.0.0.1>{to}\r\n\
                 Call-ID: offerless\r\nCSeq: {cseq} {method}\r\nContact: <sip:{CALLER}@{from}>\r\n{more}"
            )
        };
        bench.send_raw(TRUNK, head("INVITE", 1, "", "Content-Length: 0\r\n\r\n"));
        bench.ring(DESK, 180, None);
        bench.answer_with(DESK, bench.fars[DESK].answer(&[Codec::Pcmu]));
        let ok =
            bench.fars[TRUNK].received.iter().find(|data| data.starts_with(b"SIP/2.0 200")).unwrap().clone();
        let ok = String::from_utf8(ok.to_vec()).unwrap();
        assert!(ok.contains("RTP/AVP 0 8 101"), "our offer, what the desk speaks first: {ok}");
        let tag = ok.split(";tag=").nth(2).unwrap().split("\r\n").next().unwrap();
        let body = text(&media::sdp::offer(bench.fars[TRUNK].local(&[Codec::Pcmu])));
        let more = match answer {
            true => format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            false => "Content-Length: 0\r\n\r\n".to_owned(),
        };
        bench.send_raw(TRUNK, head("ACK", 1, &format!(";tag={tag}"), &more));
        let agreed = bench.media.iter().filter(|command| matches!(command, Media::Agree { .. })).count();
        assert_eq!(agreed, if answer { 2 } else { 1 });
        if answer {
            bench.hang_up(DESK);
        }
        bench.pass(Duration::from_secs(80));
        let record = bench.record();
        assert_eq!((record.status, record.failure), (CallStatus::Answer, failure), "{answer}");
    }
}

#[test]
fn an_offer_that_leads_nowhere_begins_nothing() {
    for sdp in [
        "v=0\r\nnonsense",
        "v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 18\r\n",
    ] {
        let mut bench = Bench::with(config());
        let invite = bench.fars[TRUNK].invite(CALLED, CALLER, Bytes::from_static(sdp.as_bytes()));
        let now = bench.now;
        bench.fars[TRUNK].endpoint.invite(now, invite);
        bench.run();
        assert_eq!(refused(&bench), Some((488, RefusedBecause::NoAgreement)));
        assert_eq!(bench.log.len(), 0);
        rest(&mut bench);
    }
}

#[test]
fn what_cannot_be_taken_is_refused_before_anything_begins() {
    let refusal = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        let mut bench = called_with(config);
        assert_eq!((bench.log.len(), bench.fars[DESK].calls), (0, 0));
        let said = bench.fars[TRUNK].received.first().expect("an answer");
        let after = String::from_utf8(said.to_vec()).unwrap().contains("Retry-After: ");
        rest(&mut bench);
        (refused(&bench).expect("told to the operator"), after)
    };
    use RefusedBecause::{ChannelsFull, NoResource, NotWanted};
    assert_eq!(refusal(|config| config.legs_max = 1), ((503, NoResource), true));
    assert_eq!(refusal(|config| config.rtp_port_max = config.rtp_port_min + 1), ((503, NoResource), true));
    assert_eq!(refusal(|config| config.trunks[0].channels_max = Some(0)), ((486, ChannelsFull), false));
    assert_eq!(refusal(|config| config.accounts[0].account.calls_max = 0), ((486, NotWanted), false));
    let disabled = |config: &mut Config| config.accounts[0].account.status = AccountStatus::Disabled;
    assert_eq!(refusal(disabled), ((403, NotWanted), false));
}

#[test]
fn a_log_that_is_behind_takes_no_calls() {
    let mut bench = Bench::with(config());
    bench.input(Input::LogStalled(true));
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
    assert_eq!(refused(&bench), Some((503, RefusedBecause::LogBehind)));
    rest(&mut bench);
}

#[test]
fn a_call_that_came_takes_a_channel_until_it_is_over() {
    let mut config = config();
    config.trunks[0].channels_max = Some(1);
    let mut bench = called_with(config);
    let channels = |bench: &Bench| bench.switch.trunks(bench.now)[0].channels;
    assert_eq!(channels(&bench), 1);
    bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
    assert_eq!(refused(&bench), Some((486, RefusedBecause::ChannelsFull)));
    bench.refuse(DESK, 486);
    assert_eq!(channels(&bench), 0);
    rest(&mut bench);
}

#[test]
fn who_calls_is_shown_only_where_the_caller_wants_that() {
    for (from, identity, shown) in [
        ("+8613912345678", Identity::default(), Some(CALLER)),
        ("anonymous", Identity::default(), None),
        ("a b", Identity::default(), None),
        (
            CALLER,
            Identity { withheld: true, asserted: Some(format!("{CALLER}@x.example")), ..Identity::default() },
            None,
        ),
    ] {
        let mut bench = Bench::with(config());
        let sdp = media::sdp::offer(bench.fars[TRUNK].local(&[Codec::Pcma]));
        let invite = sip::api::Invite { identity, ..bench.fars[TRUNK].invite(CALLED, from, sdp) };
        let now = bench.now;
        bench.fars[TRUNK].call = Some(bench.fars[TRUNK].endpoint.invite(now, invite));
        bench.run();
        let heard = bench.fars[DESK].invite_heard();
        match shown {
            Some(number) => assert!(heard.contains(&format!("From: <sip:{number}@")), "{heard}"),
            None => {
                assert!(heard.contains("anonymous.invalid") && heard.contains("Privacy: id"), "{heard}");
                assert!(!heard.contains(CALLER), "{heard}");
            }
        }
        bench.refuse(DESK, 486);
        rest(&mut bench);
        assert_eq!(bench.record().call.customer, shown.unwrap_or_default());
    }
}

#[test]
fn a_route_is_found_however_the_trunk_writes_the_number_and_only_by_its_trunk() {
    for (far, called, found) in [
        (TRUNK, "01088880000", true),
        (TRUNK, "+861088880000", true),
        (TRUNK, "861088880000", true),
        (TRUNK, "01088880001", false),
        (kit::TRUNK2, "01088880000", false),
    ] {
        let mut bench = Bench::with(config());
        bench.call_in(far, called, CALLER, &[Codec::Pcma]);
        assert_eq!(bench.fars[DESK].calls == 1, found, "{far} {called}");
    }
}

#[test]
fn a_changed_configuration_counts_for_the_next_call() {
    let mut bench = talking();
    let mut without = config();
    without.accounts[0].account.inbound.clear();
    bench.configure(without);
    bench.call_in(kit::TRUNK2, CALLED, CALLER, &[Codec::Pcma]);
    assert_eq!(refused(&bench), Some((480, RefusedBecause::NoRoute)));
    let mut other = config();
    other.accounts[0].account.inbound[0].trunk = "second".to_owned();
    bench.configure(other);
    bench.call_in(kit::TRUNK2, CALLED, CALLER, &[Codec::Pcma]);
    assert_eq!(bench.fars[DESK].calls, 2);
    bench.refuse(DESK, 486);
    assert_eq!(bench.switch.counts().legs_living, 2, "the first call goes on");
}

#[test]
fn both_ends_may_hold() {
    for (holder, other) in [(TRUNK, DESK), (DESK, TRUNK)] {
        let mut bench = talking();
        let dialog = bench.fars[holder].call.unwrap();
        let local = media::sdp::LocalMedia {
            direction: media::sdp::Direction::SendOnly,
            version: 2,
            ..bench.fars[holder].local(&[Codec::Pcmu])
        };
        let (now, hold) = (bench.now, media::sdp::offer(local));
        bench.fars[holder].endpoint.offer(now, dialog, hold);
        bench.run();
        let last = bench.media.iter().rev().find_map(|command| match command {
            Media::Agree { terms, .. } => Some((terms.send, terms.receive)),
            _ => None,
        });
        assert_eq!(last, Some((false, true)), "{holder} does not want to hear");
        bench.hang_up(other);
        bench.pass(Duration::from_secs(1));
        assert_eq!(bench.record().failure, Failure::None);
    }
}

#[test]
fn streams_that_cannot_be_opened_end_the_call() {
    for (leg, heard, desk) in [(0, 503, Ended::ByFar), (1, 503, Ended::ByFar)] {
        let mut bench = called();
        bench.ring(DESK, 180, None);
        let stream = bench.legs()[leg].into();
        bench.input(Input::Media(Signal::OpenFailed { stream }));
        assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(heard)], "{leg}");
        assert_eq!(bench.fars[DESK].ended, [desk]);
        rest(&mut bench);
        assert_eq!(outcome(&bench).1, Failure::ServiceUnavailable);
    }
}

#[test]
fn a_program_that_ends_in_good_order_refuses_who_waits() {
    let mut bench = called();
    bench.ring(DESK, 180, None);
    bench.input(Input::EndCalls);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::Refused(480)]);
    assert_eq!(bench.fars[DESK].requests("CANCEL"), 1);
    rest(&mut bench);
    assert!(bench.events().any(|event| matches!(event, Event::CallRecorded { .. })));
}

/// A request of a caller who knows nothing but what is written here.
fn raw(bench: &mut Bench, method: &str, to: &str, more: &str) {
    let from = bench.fars[TRUNK].address;
    let body = text(&media::sdp::offer(bench.fars[TRUNK].local(&[Codec::Pcma])));
    bench.send_raw(
        TRUNK,
        format!(
            "{method} sip:{CALLED}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKraw\r\nMax-Forwards: 70\r\n\
             From: <sip:{CALLER}@{from}>;tag=a\r\nTo: <sip:{CALLED}@10.0.0.1>{to}\r\nCall-ID: raw\r\n\
             CSeq: 1 {method}\r\nContact: <sip:{CALLER}@{from}>\r\n{more}Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
}

/// How often the caller heard something that begins like this.
fn heard(bench: &Bench, start: &str) -> usize {
    bench.fars[TRUNK].received.iter().filter(|data| data.starts_with(start.as_bytes())).count()
}

#[test]
fn a_caller_who_gives_up_before_the_log_knows_of_it_calls_nobody() {
    let mut bench = Bench::with(config());
    bench.auto_commit = false;
    raw(&mut bench, "INVITE", "", "");
    raw(&mut bench, "CANCEL", "", "");
    bench.pass(Duration::from_secs(5));
    bench.auto_commit = true;
    bench.commit();
    assert_eq!((bench.fars[DESK].calls, heard(&bench, "SIP/2.0 200")), (0, 1), "of the CANCEL");
    assert!(heard(&bench, "SIP/2.0 487") > 0);
    rest(&mut bench);
    assert_eq!(outcome(&bench), (CallStatus::AgentNoAnswer, Failure::Cancel, HangUpSide::Customer, 487));
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut bench = Bench::with(config());
    raw(&mut bench, "INVITE", "", "");
    bench.ring(DESK, 180, None);
    bench.answer(DESK);
    raw(&mut bench, "CANCEL", "", "");
    assert_eq!((heard(&bench, "SIP/2.0 487"), bench.switch.counts().legs_living), (0, 2));
}

#[test]
fn a_caller_who_never_acknowledges_is_given_up() {
    let mut bench = Bench::with(config());
    raw(&mut bench, "INVITE", "", "");
    bench.answer(DESK);
    bench.fars[TRUNK].deaf = true;
    bench.pass(Duration::from_secs(33));
    assert_eq!(bench.fars[DESK].ended, [Ended::ByFar]);
    bench.pass(Duration::from_secs(60));
    bench.record();
    bench.assert_at_rest();
}

#[test]
fn an_invite_that_comes_again_after_a_crash_calls_nobody_twice() {
    let mut bench = Bench::with(config());
    raw(&mut bench, "INVITE", "", "");
    bench.ring(DESK, 180, None);
    bench.crash();
    raw(&mut bench, "INVITE", "", "");
    assert_eq!((bench.fars[DESK].calls, bench.fars[DESK].requests("CANCEL")), (1, 1));
    bench.pass(Duration::from_secs(60));
    assert!(heard(&bench, "SIP/2.0 480") > 0);
    bench.record();
    bench.assert_at_rest();
}

#[test]
fn a_program_that_is_about_to_end_takes_no_call() {
    for said in [|| Input::RefuseCalls, || Input::EndCalls] {
        let mut bench = Bench::with(config());
        bench.input(said());
        bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
        assert_eq!(refused(&bench), Some((503, RefusedBecause::Stopping)));
        assert_eq!((bench.log.len(), bench.fars[DESK].calls), (0, 0));
    }
    let mut bench = talking();
    bench.input(Input::RefuseCalls);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.switch.counts().legs_living, 2, "living calls go on");
}

#[test]
fn no_port_is_lost_however_calls_end() {
    let mut config = config();
    config.rtp_port_max = config.rtp_port_min + 3;
    let mut bench = Bench::with(config);
    let ends: [fn(&mut Bench); 5] = [
        |bench| bench.refuse(DESK, 486),
        |bench| bench.hang_up(TRUNK),
        Bench::crash,
        |bench| (bench.answer(DESK), bench.crash()).1,
        |bench| (bench.answer(DESK), bench.hang_up(TRUNK)).1,
    ];
    for (n, end) in ends.into_iter().enumerate() {
        bench.call_in(TRUNK, CALLED, CALLER, &[Codec::Pcma]);
        assert_eq!(bench.switch.counts().ports_used, 2, "both ports are there for call {n}");
        bench.ring(DESK, 180, None);
        end(&mut bench);
        bench.pass(Duration::from_secs(120));
        bench.assert_at_rest();
    }
}
