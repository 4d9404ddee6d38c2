//! How many calls a trunk carries.

use std::time::Duration;

use base::AccountId;
use callcenter::command::{Choice, Command, Limit, LoginType, Refusal, WebCall, WebCallee};
use callcenter::config::{InboundRoute, RecordingMode};
use callcenter::signal::Failure;
use media::codec::Codec;
use switch::api::Diagnostic;
use switch::config::{Config, TrunkChoice};

use crate::kit::{self, Bench, PHONE, STRANGER, TRUNK, TRUNK2};

/// The agent has a mobile: both legs of a call go by trunk.
fn both_legs_by_trunk(config: Config) -> Bench {
    let mut bench = Bench::with(config);
    let online = Command::Online { agent: "1001".into(), login: LoginType::Pstn, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    bench.dial_out();
    bench
}

fn one_channel() -> Config {
    let mut config = kit::config();
    config.trunks[0].channels_max = Some(1);
    config
}

#[test]
fn the_call_after_the_last_channel_takes_the_next_trunk() {
    let mut bench = both_legs_by_trunk(one_channel());
    bench.answer(TRUNK);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 1]);
    bench.answer(TRUNK2);
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::None);
    bench.assert_at_rest();
    bench.dial_out();
    assert_eq!(bench.fars[TRUNK].calls, 2, "the channel is free again");
}

#[test]
fn a_call_has_channels_for_both_its_legs_or_is_refused() {
    let mut config = one_channel();
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    let mut bench = Bench::with(config);
    let online = Command::Online { agent: "1001".into(), login: LoginType::Pstn, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::Full(Limit::Channels(1))));
    assert_eq!(bench.fars[TRUNK].calls, 0);
    bench.sign_in();
    bench.dial_out();
    bench.answer(PHONE);
    assert_eq!(bench.fars[TRUNK].calls, 1, "by its own phone it needs one only");
}

#[test]
fn the_channel_that_a_call_will_want_is_not_given_to_another_account() {
    let mut config = kit::config();
    config.trunks[0].channels_max = Some(1);
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    let mut other = config.accounts[0].clone();
    other.account.id = AccountId(2_000_200);
    other.account.agents[0].mobile = None;
    other.sip_domain = "other.example".to_owned();
    config.accounts.push(other);
    let mut bench = Bench::ready_with(config);
    bench.register_at(STRANGER, "other.example", "secret");
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    assert!(bench.ask_of(AccountId(2_000_200), online).is_ok());
    bench.dial_out();
    let refused = bench.ask_of(AccountId(2_000_200), kit::dial());
    assert_eq!(refused, Err(Refusal::Full(Limit::Channels(1))));
    bench.answer(PHONE);
    bench.answer(TRUNK);
    assert_eq!(bench.switch.trunks(bench.now)[0].channels, 1);
}

#[test]
fn when_all_channels_are_in_use_the_leg_ends_at_once() {
    let mut config = one_channel();
    config.trunks[0].channels_max = Some(2);
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    let mut bench = both_legs_by_trunk(config.clone());
    config.trunks[0].channels_max = Some(1);
    bench.configure(config);
    bench.answer(TRUNK);
    assert!(bench.diagnostics.iter().any(|told| matches!(told, Diagnostic::TrunksFull { .. })));
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 0]);
    bench.assert_at_rest();
}

#[test]
fn a_full_trunk_is_not_tried_even_when_the_others_fail() {
    let mut bench = both_legs_by_trunk(one_channel());
    bench.answer(TRUNK);
    bench.refuse(TRUNK2, 503);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 1]);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
}

#[test]
fn the_channel_of_a_call_is_its_own_also_when_it_goes_to_another_address_of_its_trunk() {
    let mut config = one_channel();
    let other = config.trunks[1].addresses[0].clone();
    config.trunks[0].addresses.push(other);
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    let mut bench = Bench::ready_with(config);
    bench.dial_out();
    bench.answer(PHONE);
    let taken =
        [TRUNK, TRUNK2].into_iter().find(|far| bench.fars[*far].calls == 1).expect("one of them is called");
    bench.refuse(taken, 503);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 1]);
    assert_eq!(bench.switch.trunks(bench.now)[0].channels, 1);
}

#[test]
fn the_channel_that_a_call_will_want_is_not_given_to_who_calls_in() {
    let mut config = one_channel();
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    config.accounts[0].account.inbound = vec![InboundRoute {
        trunk: "first".to_owned(),
        called: "01088880000".to_owned(),
        to: "sip:desk@10.0.1.3:5060".to_owned(),
        recording: RecordingMode::Off,
        ring: Duration::from_secs(20),
    }];
    let mut bench = Bench::ready_with(config);
    bench.dial_out();
    bench.call_in(TRUNK, "01088880000", "13912345678", &[Codec::Pcma]);
    assert_eq!(bench.fars[STRANGER].calls, 0);
    bench.answer(PHONE);
    assert_eq!(bench.fars[TRUNK].calls, 1, "the customer is called");
}

#[test]
fn a_webcall_to_an_agents_phone_wants_one_channel_only() {
    let mut config = one_channel();
    config.trunks[0].channels_max = Some(2);
    config.accounts[0].trunks = TrunkChoice::in_order(["first"]);
    config.accounts[0].account.inbound = vec![InboundRoute {
        trunk: "first".to_owned(),
        called: "01088880000".to_owned(),
        to: "sip:desk@10.0.1.3:5060".to_owned(),
        recording: RecordingMode::Off,
        ring: Duration::from_secs(20),
    }];
    let mut bench = Bench::ready_with(config);
    let web = WebCall {
        caller: "13900000001".to_owned(),
        caller_ring_max: None,
        caller_shown: None,
        callee: WebCallee::Agent("1001".to_owned()),
        callee_ring_max: None,
        callee_shown: None,
        extras: String::new(),
    };
    assert!(bench.ask(Command::WebCall(web)).is_ok());
    bench.call_in(TRUNK, "01088880000", "13912345678", &[Codec::Pcma]);
    assert_eq!(bench.fars[STRANGER].calls, 1, "the agent's phone needs no channel");
}
