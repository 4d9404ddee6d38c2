//! Who may call in, and what callers hear.

use std::time::Duration;

use bytes::Bytes;
use sip::api::Identity;
use switch::api::{CallerShown, Diagnostic, Input, RefusedBecause};

use crate::kit::{self, Bench, PHONE, STRANGER, TRUNK};

fn refused_with(bench: &mut Bench, far: usize) -> u16 {
    refused_for(bench, far, "1001", Identity::default())
}

fn refused_for(bench: &mut Bench, far: usize, called: &str, identity: Identity) -> u16 {
    let sdp: Bytes = media::sdp::offer(bench.fars[far].local(&[media::codec::Codec::Pcma]));
    let invite = sip::api::Invite {
        flow: bench.fars[far].flow(),
        uri: format!("sip:{called}@10.0.0.1"),
        from_user: "someone".to_owned(),
        from_name: None,
        to_uri: format!("sip:{called}@10.0.0.1"),
        sdp,
        credentials: None,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: None,
        identity,
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
    assert_eq!(refused_with(&mut bench, PHONE), 401, "a phone has to say who it is");
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

#[test]
fn a_trunk_learns_whether_the_number_is_an_accounts_however_it_writes_it() {
    let mut bench = Bench::ready();
    for (called, status) in
        [("01088880000", 480), ("+861088880000", 480), ("861088880000", 480), ("01088880001", 404)]
    {
        assert_eq!(refused_for(&mut bench, TRUNK, called, Identity::default()), status, "{called}");
    }
    assert_eq!(refused_for(&mut bench, STRANGER, "01088880000", Identity::default()), 403);
    let because: Vec<RefusedBecause> = bench
        .diagnostics
        .iter()
        .filter_map(|told| match told {
            Diagnostic::IncomingRefused { because, .. } => Some(*because),
            _ => None,
        })
        .collect();
    use RefusedBecause::{NoRoute, NumberUnknown, Stranger};
    assert_eq!(because, [NoRoute, NoRoute, NoRoute, NumberUnknown, Stranger]);
}

#[test]
fn only_trusted_trunks_are_believed_when_they_say_that_a_caller_is_withheld() {
    for (far, trusted, shown) in [
        (TRUNK, true, CallerShown::Withheld),
        (TRUNK, false, CallerShown::NotTold),
        (STRANGER, true, CallerShown::NotTold),
    ] {
        let mut config = kit::config();
        config.trunks[0].trusted = trusted;
        let mut bench = Bench::ready_with(config);
        let asserted = Some("13912345678@carrier.example".to_owned());
        let identity = Identity { asserted, withheld: true, ..Identity::default() };
        refused_for(&mut bench, far, "01088880000", identity);
        let told = |told: &Diagnostic| matches!(told, Diagnostic::IncomingRefused { caller, .. } if *caller == shown);
        assert!(bench.diagnostics.iter().any(told), "{far} {trusted}: {:?}", bench.diagnostics);
    }
}
