//! Who may call in, and what callers hear.

use std::time::Duration;

use bytes::Bytes;
use switch::api::Input;

use crate::kit::{Bench, PHONE, STRANGER, TRUNK};

fn refused_with(bench: &mut Bench, far: usize) -> u16 {
    let sdp: Bytes = media::sdp::offer(bench.fars[far].local(&[media::codec::Codec::Pcma]));
    let invite = sip::api::Invite {
        flow: bench.fars[far].flow(),
        uri: "sip:1001@10.0.0.1".to_owned(),
        from_user: "someone".to_owned(),
        from_name: None,
        to_uri: "sip:1001@10.0.0.1".to_owned(),
        sdp,
        credentials: None,
        answer_any_within: None,
        registration: None,
        identity: Default::default(),
    };
    let now = bench.now;
    bench.fars[far].endpoint.invite(now, invite);
    bench.run();
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
    match bench.fars[far].ended.last() {
        Some(sip::api::Ended::Refused(status)) => *status,
        other => panic!("the call was not refused: {other:?}"),
    }
}

#[test]
fn nobody_may_call_in_and_only_trunks_learn_that_there_is_no_route() {
    let mut bench = Bench::ready();
    assert_eq!(refused_with(&mut bench, STRANGER), 403);
    assert_eq!(refused_with(&mut bench, PHONE), 403);
    assert_eq!(refused_with(&mut bench, TRUNK), 404);
    assert!(bench.events().all(|event| !matches!(event, callcenter::event::Event::CallStarted { .. })));
}

#[test]
fn a_stalled_log_is_no_secret_to_trunks_but_to_strangers() {
    let mut bench = Bench::ready();
    bench.input(Input::LogStalled(true));
    assert_eq!(refused_with(&mut bench, TRUNK), 503);
    assert_eq!(refused_with(&mut bench, STRANGER), 403);
}

#[test]
fn who_calls_in_while_sip_is_overloaded_is_turned_away_unread() {
    let mut bench = Bench::ready();
    bench.input(Input::SipOverloaded(true));
    for far in [TRUNK, STRANGER] {
        assert_eq!(refused_with(&mut bench, far), 503);
    }
    assert!(bench.diagnostics.is_empty(), "nobody looked at the calls");
    assert_eq!(bench.switch.sip_turned_away(), 2);
    bench.input(Input::SipOverloaded(false));
    assert_eq!(refused_with(&mut bench, TRUNK), 404);
}
