//! Signing in and out, busy and rest, and what agents show (contract §4).

use callcenter::command::{Choice, Command, LoginType, Refusal};
use callcenter::config::{Account, AccountStatus, AgentStatus};
use callcenter::event::Role;
use callcenter::signal::Signal;

use crate::desk::{Desk, bye, dial_out};

#[test]
fn an_agent_signs_in_chooses_and_signs_out() {
    let mut desk = Desk::new();
    desk.online("8000", LoginType::Pstn, Choice::Busy).expect("may sign in");
    desk.expect(
        "8000 signed in, Pstn, Busy
         8000 shows 1
         = accepted",
    );
    desk.rest("8000").expect("may rest");
    desk.expect(
        "8000 chose Idle
         8000 shows 0
         = accepted",
    );
    desk.busy("8000").expect("may be busy");
    desk.expect(
        "8000 chose Busy
         8000 shows 1
         = accepted",
    );
    desk.offline("8000").expect("may leave");
    desk.expect(
        "8000 signed out, Normal
         = accepted",
    );
    assert_eq!(desk.center.agent_state("8000"), None);
}

#[test]
fn asking_for_what_already_is_succeeds_without_an_event() {
    let mut desk = Desk::new();
    desk.offline("8000").expect("is offline");
    desk.expect("= accepted");
    desk.online("8000", LoginType::Pstn, Choice::Idle).expect("may sign in");
    desk.look();
    desk.rest("8000").expect("is idle");
    desk.expect("= accepted");
}

#[test]
fn signing_in_again_moves_the_agent_to_the_new_phone_and_state() {
    let mut desk =
        Desk::with(|account| account.agents[0].sip_user = Some("8000".to_owned())).and_signed_in(&["8000"]);
    desk.online("8000", LoginType::Sip, Choice::Busy).expect("may move");
    desk.expect(
        "8000 signed in, Sip, Busy
         8000 shows 8
         = accepted",
    );
    desk.signal(Signal::PhoneRegistered { user: "8000".to_owned() });
    desk.expect("8000 shows 1");
}

#[test]
fn a_login_type_needs_its_phone() {
    let mut desk = Desk::new();
    assert_eq!(desk.online("8005", LoginType::Pstn, Choice::Idle), Err(Refusal::NoPhone));
    assert_eq!(desk.online("8000", LoginType::Sip, Choice::Idle), Err(Refusal::NoPhone));
    assert_eq!(desk.online("8005", LoginType::WebRtc, Choice::Idle), Err(Refusal::NoPhone));
    assert!(desk.log.is_empty());
}

#[test]
fn licences_are_taken_and_given_back() {
    let mut desk = Desk::with(|account| account.editions[0].licences = 1).and_signed_in(&["8000"]);
    assert_eq!(desk.online("8001", LoginType::Pstn, Choice::Idle), Err(Refusal::NoLicence));
    desk.online("8000", LoginType::Pstn, Choice::Busy).expect("keeps its licence");
    desk.offline("8000").expect("may leave");
    desk.online("8001", LoginType::Pstn, Choice::Idle).expect("a licence is free");
}

#[test]
fn editions_may_have_no_calls_or_not_exist() {
    let mut desk = Desk::with(|account| {
        account.agents[0].edition = "mute".to_owned();
        account.agents[1].edition = "of old".to_owned();
    });
    assert_eq!(desk.online("8000", LoginType::Pstn, Choice::Idle), Err(Refusal::EditionWithoutCalls));
    assert_eq!(desk.online("8001", LoginType::Pstn, Choice::Idle), Err(Refusal::NoLicence));
}

#[test]
fn an_agent_who_may_not_act_is_refused_whatever_it_asks() {
    let refusals = [
        (AgentStatus::Deleted, Refusal::AgentDeleted),
        (AgentStatus::Disabled, Refusal::AgentDisabled),
        (AgentStatus::Locked, Refusal::AgentLocked),
    ];
    for (status, refusal) in refusals {
        let mut desk = Desk::with(|account| account.agents[0].status = status);
        for command in all_commands("8000") {
            assert_eq!(desk.ask(command), Err(refusal));
        }
    }
    let mut desk = Desk::new();
    for command in all_commands("7999") {
        assert_eq!(desk.ask(command), Err(Refusal::AgentUnknown));
    }
}

#[test]
fn an_account_that_may_not_act_is_refused_before_its_agents_are_looked_at() {
    let refusals = [
        (AccountStatus::Disabled, Refusal::AccountDisabled),
        (AccountStatus::Removed, Refusal::AccountRemoved),
    ];
    for (status, refusal) in refusals {
        let mut desk = Desk::with(|account| account.status = status);
        for command in all_commands("7999") {
            assert_eq!(desk.ask(command), Err(refusal));
        }
    }
}

#[test]
fn who_is_not_signed_in_can_only_sign_in_or_out() {
    let mut desk = Desk::new();
    assert_eq!(desk.busy("8000"), Err(Refusal::AgentOffline));
    assert_eq!(desk.rest("8000"), Err(Refusal::AgentOffline));
    assert_eq!(desk.hangup("8000"), Err(Refusal::AgentOffline));
    assert_eq!(desk.ask(Command::DialOut(dial_out("8000"))), Err(Refusal::AgentOffline));
}

#[test]
fn in_a_call_nothing_changes_and_outside_there_is_nothing_to_hang_up() {
    let mut desk = Desk::signed_in(&["8000"]);
    assert_eq!(desk.hangup("8000"), Err(Refusal::NothingToHangUp));
    desk.dial("8000");
    for role in [Role::Agent, Role::Customer] {
        assert_refused_in_call(&mut desk);
        desk.rings(role);
        assert_refused_in_call(&mut desk);
        desk.answers(role);
    }
    assert_refused_in_call(&mut desk);
    desk.ends(Role::Agent, bye());
    assert_eq!(desk.hangup("8000"), Err(Refusal::NothingToHangUp), "wrap-up is not a call");
}

#[test]
fn busy_and_rest_end_a_wrap_up() {
    let mut desk = Desk::signed_in(&["8000"]);
    in_wrap_up(&mut desk);
    desk.rest("8000").expect("may rest");
    desk.expect(
        "8000 shows 0
         = accepted",
    );
    in_wrap_up(&mut desk);
    desk.busy("8000").expect("may be busy");
    desk.expect(
        "8000 chose Busy
         8000 shows 1
         = accepted",
    );
    assert_eq!(desk.center.next_timeout(), None, "no wrap-up is left to end");
}

#[test]
fn signing_in_or_out_ends_a_wrap_up_too() {
    let mut desk = Desk::signed_in(&["8000"]);
    in_wrap_up(&mut desk);
    desk.online("8000", LoginType::Pstn, Choice::Idle).expect("may move");
    assert_eq!(desk.center.agent_state("8000"), Some(0));
    in_wrap_up(&mut desk);
    desk.offline("8000").expect("may leave");
    assert_eq!(desk.center.next_timeout(), None);
}

#[test]
fn after_wrap_up_the_agent_is_what_it_had_chosen() {
    let mut desk = Desk::new();
    desk.online("8000", LoginType::Pstn, Choice::Busy).expect("may sign in");
    in_wrap_up(&mut desk);
    desk.wait_ms(10_000);
    desk.expect("8000 shows 1");
}

#[test]
fn a_sip_agent_shows_whether_its_phone_is_there() {
    let mut desk = Desk::new();
    desk.online("8005", LoginType::Sip, Choice::Idle).expect("may sign in");
    assert_eq!(desk.center.agent_state("8005"), Some(8));
    assert_eq!(desk.ask(Command::DialOut(dial_out("8005"))), Err(Refusal::PhoneNotRegistered));
    desk.look();
    desk.signal(Signal::PhoneRegistered { user: "8005".to_owned() });
    desk.expect("8005 shows 0");
    desk.signal(Signal::PhoneRegistered { user: "8005".to_owned() });
    desk.expect_nothing();
    desk.signal(Signal::PhoneUnregistered { user: "8005".to_owned() });
    desk.expect("8005 shows 8");
}

#[test]
fn a_phone_that_goes_in_a_call_is_told_after_it() {
    let mut desk = Desk::signed_in(&["8005"]);
    desk.linked("8005");
    desk.signal(Signal::PhoneUnregistered { user: "8005".to_owned() });
    desk.expect_nothing();
    desk.ends(Role::Customer, bye());
    assert_eq!(desk.look()[2], "8005 shows 8 Hangup, wrap-up");
    desk.wait_ms(2000);
    desk.look();
    // The wall clock steps back; what is told again keeps its deadline.
    desk.now.wall = base::Wall::from_millis(desk.now.wall.as_millis() - 60_000);
    desk.signal(Signal::PhoneRegistered { user: "8005".to_owned() });
    desk.expect("8005 shows 5, wrap-up");
    desk.wait_ms(2999);
    desk.expect_nothing();
    desk.wait_ms(1);
    desk.expect("8005 shows 0");
}

#[test]
fn an_agent_disabled_while_signed_in_is_invalid_until_enabled() {
    let mut desk = Desk::signed_in(&["8000", "8001"]);
    desk.reconfigure(|account| account.agents[0].status = AgentStatus::Locked);
    desk.expect("8000 shows 9");
    assert_eq!(desk.busy("8000"), Err(Refusal::AgentLocked));
    desk.look();
    desk.reconfigure(|account| account.agents[0].status = AgentStatus::Enabled);
    desk.expect("8000 shows 0");
    let remove = |account: &mut Account| {
        account.agents.remove(0);
    };
    desk.reconfigure(remove);
    desk.expect("8000 shows 9");
}

#[test]
fn an_agent_disabled_in_a_call_is_invalid_after_it() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.reconfigure(|account| account.agents[0].status = AgentStatus::Disabled);
    desk.expect_nothing();
    desk.ends(Role::Customer, bye());
    desk.wait_ms(10_000);
    assert_eq!(desk.center.agent_state("8000"), Some(9));
    assert_eq!(desk.records().len(), 1);
}

fn all_commands(agent: &str) -> Vec<Command> {
    let agent = agent.to_owned();
    vec![
        Command::Online { agent: agent.clone(), login: LoginType::Pstn, choice: Choice::Idle },
        Command::Offline { agent: agent.clone() },
        Command::Busy { agent: agent.clone() },
        Command::Rest { agent: agent.clone() },
        Command::DialOut(dial_out(&agent)),
        Command::Hangup { agent },
    ]
}

#[track_caller]
fn assert_refused_in_call(desk: &mut Desk) {
    let events = desk.log.len();
    let online = desk.online("8000", LoginType::Pstn, Choice::Idle);
    assert_eq!(online, Err(Refusal::InCallNoChange));
    assert_eq!(desk.offline("8000"), Err(Refusal::InCallNoChange));
    assert_eq!(desk.busy("8000"), Err(Refusal::InCallNoChange));
    assert_eq!(desk.rest("8000"), Err(Refusal::InCallNoChange));
    assert_eq!(desk.ask(Command::DialOut(dial_out("8000"))), Err(Refusal::InCall));
    assert_eq!(desk.log.len(), events, "a refusal is no event");
}

/// Brings 8000 into wrap-up, its call recorded.
fn in_wrap_up(desk: &mut Desk) {
    desk.linked("8000");
    desk.ends(Role::Customer, bye());
    desk.wait_ms(1000);
    assert_eq!(desk.center.agent_state("8000"), Some(5));
    desk.look();
}
