//! Accounts, agents and phones come, go and change while calls go on.

mod kit;

use std::time::Duration;

use base::AccountId;
use callcenter::command::{Choice, Command, LoginType, Refusal};
use callcenter::config::{AgentStatus, RecordingMode};
use callcenter::event::Event as Happened;
use kit::{ACCOUNT, Bench, PHONE, STRANGER, TRUNK};
use switch::api::Body;
use switch::config::Config;

const OTHER: AccountId = AccountId(2_000_200);

/// What the agent shows now, and how often it was told.
fn shown(bench: &Bench) -> (u16, usize) {
    let told = bench.events().filter_map(|event| match event {
        Happened::AgentChanged { state, .. } => Some(*state),
        _ => None,
    });
    let told: Vec<u16> = told.collect();
    (*told.last().expect("the agent signed in"), told.len())
}

fn without_agents(mut config: Config) -> Config {
    config.accounts[0].account.agents.clear();
    config.accounts[0].users.clear();
    config
}

/// The kit's account, and another one that is new.
fn with_another(mut config: Config) -> Config {
    let mut other = config.accounts[0].clone();
    other.account.id = OTHER;
    other.sip_domain = "other.example".to_owned();
    other.users[0].password = "another".to_owned();
    config.accounts.push(other);
    config
}

fn sign_in(bench: &mut Bench, account: AccountId) -> Result<(), Refusal> {
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    bench.ask_of(account, online).map(|_| ())
}

#[test]
fn what_is_the_same_as_before_changes_nothing() {
    let (mut bench, _) = Bench::talking();
    let (entries, sent) = (bench.log.len(), bench.fars[PHONE].received.len());
    bench.configure(kit::config());
    assert_eq!((bench.log.len(), bench.fars[PHONE].received.len()), (entries, sent));
    assert_eq!(bench.switch.counts().legs_living, 2);
}

#[test]
fn an_agent_who_is_taken_out_finishes_the_call_and_shows_invalid_after_it() {
    let (mut bench, _) = Bench::talking();
    bench.configure(without_agents(kit::config()));
    assert_eq!((shown(&bench).0, bench.switch.counts().legs_living), (4, 2));
    assert_eq!(bench.ask(kit::hangup()), Err(Refusal::AgentUnknown));
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    assert!(bench.record().bridged.is_some());
    assert_eq!(shown(&bench).0, 9);
    bench.assert_at_rest();
    bench.configure(kit::config());
    assert_eq!(shown(&bench).0, 8, "valid again, but its phone has to come again");
    bench.register();
    assert_eq!(shown(&bench).0, 0);
}

#[test]
fn an_agent_who_is_disabled_shows_it_at_once() {
    let mut bench = Bench::ready();
    let mut config = kit::config();
    config.accounts[0].account.agents[0].status = AgentStatus::Disabled;
    bench.configure(config);
    assert_eq!(shown(&bench).0, 9);
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::AgentDisabled));
}

#[test]
fn what_is_said_of_recordings_counts_from_the_next_call_on() {
    let (mut bench, _) = Bench::talking();
    let mut config = kit::config();
    config.accounts[0].account.recording = RecordingMode::Off;
    bench.configure(config);
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    bench.dial_out();
    bench.answer(PHONE);
    bench.answer(TRUNK);
    let started = bench.events().filter(|event| matches!(event, Happened::RecordingStarted { .. }));
    assert_eq!(started.count(), 1);
}

#[test]
fn a_phone_with_another_password_has_to_come_again() {
    let mut bench = Bench::ready();
    let mut config = kit::config();
    config.accounts[0].users[0].password = "new secret".to_owned();
    bench.configure(config);
    assert_eq!(shown(&bench).0, 8);
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::PhoneNotRegistered));
    bench.register_at(PHONE, "pbx.example", "new secret");
    assert_eq!(shown(&bench).0, 0);
    bench.dial_out();
    assert_eq!(bench.fars[PHONE].calls, 1);
}

#[test]
fn the_calls_of_an_account_that_is_taken_out_go_on_to_their_end() {
    for answered in [true, false] {
        let (mut bench, _) = if answered { Bench::talking() } else { (Bench::ready(), base::CallId(0)) };
        if !answered {
            bench.dial_out();
        }
        let mut config = with_another(kit::config());
        config.accounts.remove(0);
        bench.configure(config);
        assert_eq!(bench.ask(kit::dial()), Err(Refusal::AccountRemoved));
        if !answered {
            // Its customer is called all the same.
            bench.answer(PHONE);
            bench.answer(TRUNK);
        }
        assert_eq!(bench.switch.counts().legs_living, 2);
        bench.hang_up(TRUNK);
        bench.pass(Duration::from_secs(40));
        assert!(bench.record().bridged.is_some());
        bench.assert_at_rest();
        let kept = bench.log.iter().rev().find_map(|entry| match &entry.body {
            Body::Bindings { kept, .. } if entry.account == ACCOUNT => Some(kept.len()),
            _ => None,
        });
        assert_eq!(kept, Some(0), "where its phones were is forgotten");
        let last = bench.switch.center(ACCOUNT).expect("it is remembered").last_seq();
        bench.configure(kit::config());
        bench.sign_in();
        let after = bench.switch.center(ACCOUNT).expect("it is back").last_seq();
        assert!(after > last, "its events go on from {last}");
    }
}

#[test]
fn a_new_account_can_sign_in_and_call() {
    let (mut bench, _) = Bench::talking();
    assert_eq!(bench.ask_of(OTHER, kit::dial()), Err(Refusal::AccountRemoved));
    bench.configure(with_another(kit::config()));
    bench.register_at(STRANGER, "other.example", "another");
    assert_eq!(sign_in(&mut bench, OTHER), Ok(()));
    assert!(bench.ask_of(OTHER, kit::dial()).is_ok());
    assert_eq!(bench.fars[STRANGER].calls, 1);
    assert_eq!(bench.switch.counts().legs_living, 3);
}

#[test]
fn a_domain_that_goes_to_another_account_takes_no_phone_along() {
    let mut bench = Bench::ready();
    let mut config = with_another(kit::config());
    config.accounts.remove(0);
    config.accounts[0].sip_domain = "pbx.example".to_owned();
    config.accounts[0].users = kit::config().accounts[0].users.clone();
    bench.configure(config);
    assert_eq!(sign_in(&mut bench, OTHER), Ok(()));
    assert_eq!(bench.ask_of(OTHER, kit::dial()), Err(Refusal::PhoneNotRegistered));
    bench.register();
    assert!(bench.ask_of(OTHER, kit::dial()).is_ok());
}

#[test]
fn a_restart_ends_the_calls_of_an_account_that_is_not_configured_any_more() {
    let (mut bench, _) = Bench::talking();
    bench.config.accounts.clear();
    bench.crash();
    bench.pass(Duration::from_secs(40));
    bench.record();
    bench.assert_at_rest();
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::AccountRemoved));
}

#[test]
fn a_lower_limit_of_legs_ends_none() {
    let (mut bench, _) = Bench::talking();
    let mut config = kit::config();
    config.legs_max = 1;
    bench.configure(config);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.switch.counts().legs_living, 2);
}
