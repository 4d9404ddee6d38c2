//! What a restart keeps, ends and goes on with.

use base::LegId;
use callcenter::command::{Choice, Command, LoginType, Party};
use callcenter::event::{Event, Role};
use callcenter::signal::{Failure, Signal};

use crate::desk::{Desk, bye, dial_out, ended_by_us, far, files};

#[test]
fn presence_survives() {
    let mut desk = Desk::signed_in(&["8000", "8001"]);
    desk.busy("8001").expect("may be busy");
    desk.look();
    desk.restart();
    desk.expect_nothing();
    assert_eq!(desk.center.agent_state("8000"), Some(0));
    assert_eq!(desk.center.agent_state("8001"), Some(1));
    assert_eq!(desk.center.agent_state("8002"), None);
}

#[test]
fn phones_must_register_again() {
    let mut desk = Desk::signed_in(&["8005"]);
    desk.restart();
    desk.expect("8005 shows 8");
    desk.signal(Signal::PhoneRegistered { user: "8005".to_owned() });
    desk.expect("8005 shows 0");
}

#[test]
fn a_linked_call_dies_at_its_last_known_fact() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    let last_fact = desk.now.wall;
    desk.wait_ms(30_000);
    desk.restart();
    desk.expect(
        "Agent ended, 200 by Network
         Customer ended, 200 by Network
         call over by System
         8000 shows 5 Hangup, wrap-up
         record Answer Unknown by System, sip 200",
    );
    let record = desk.record();
    assert_eq!((record.hung_up, record.ended, record.created), (last_fact, last_fact, desk.now.wall));
    assert!(record.bills.iter().all(|bill| bill.ended == last_fact));
}

#[test]
fn a_call_that_was_over_keeps_its_verdict() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.wait_ms(4000);
    desk.ends(Role::Agent, bye());
    let hung_up = desk.now.wall;
    desk.wait_ms(500);
    desk.look();
    desk.restart();
    desk.expect(
        "Customer ended, 200 by Us
         record Answer None by Agent, sip 200",
    );
    assert_eq!((desk.record().hung_up, desk.record().recording_s), (hung_up, 4));
}

#[test]
fn a_wrap_up_goes_on_and_never_longer_than_configured() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.ends(Role::Agent, bye());
    desk.wait_ms(2000);
    desk.restart();
    assert_eq!(desk.center.agent_state("8000"), Some(5));
    desk.wait_ms(2999);
    desk.look();
    desk.wait_ms(1);
    desk.expect("8000 shows 0");

    desk.linked("8000");
    desk.ends(Role::Agent, bye());
    desk.wait_ms(1000);
    desk.now.wall = base::Wall::from_millis(0);
    desk.restart();
    desk.wait_ms(5000);
    assert_eq!(desk.center.agent_state("8000"), Some(0));
}

#[test]
fn a_wrap_up_that_passed_meanwhile_is_over_at_once() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.ends(Role::Agent, bye());
    desk.wait_ms(1000);
    desk.now = desk.now.later(std::time::Duration::from_secs(60));
    desk.restart();
    desk.wait_ms(0);
    assert_eq!(desk.center.agent_state("8000"), Some(0));
}

#[test]
fn files_that_are_ready_after_a_restart_are_told() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.linked("8000");
    desk.hangup("8000").expect("in a call");
    desk.wait_ms(1000);
    desk.restart();
    desk.look();
    desk.signal(Signal::RecordingReady { call, files: files("abc"), part: None });
    desk.expect("files ready abc");
}

#[test]
fn legs_of_before_are_unknown() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.restart();
    desk.look();
    desk.ends(Role::Agent, bye());
    desk.ends(Role::Customer, bye());
    desk.expect_nothing();
}

#[test]
fn a_part_of_the_log_is_enough() {
    let mut desk = Desk::signed_in(&["8000", "8001"]);
    desk.linked("8000");
    desk.hangup("8000").expect("in a call");
    desk.wait_ms(10_000);
    desk.dial("8001");
    // What the store keeps: the agents' presence and the calls without a record.
    let open = desk.center.call_of("8001");
    let mut kept = desk.log.clone();
    kept.retain(|numbered| match &numbered.event {
        Event::AgentSignedIn { .. } => true,
        Event::AgentChanged { agent, .. } => agent.number == "8001",
        event => event.call().is_some() && event.call() == open,
    });
    let seq = desk.center.last_seq();
    desk.restart_from(kept, seq);
    assert_eq!(desk.center.last_seq(), seq + 5, "leg, call, 8001, record; and 8000 shows what nobody kept");
    let Some(Event::CallRecorded { record }) = last_of(&desk, open) else {
        panic!("the open call has its record")
    };
    assert_eq!(record.failure, Failure::Unknown);
    assert_eq!(desk.center.agent_state("8000"), Some(0));
    assert_eq!(desk.center.agent_state("8001"), Some(0));
    desk.online("8001", LoginType::Pstn, Choice::Busy).expect("may move");
    desk.rest("8001").expect("may rest");
    desk.ask(callcenter::command::Command::DialOut(dial_out("8001"))).expect("may call");
}

fn last_of(desk: &Desk, call: Option<base::CallId>) -> Option<&Event> {
    desk.log.iter().rev().map(|numbered| &numbered.event).find(|event| event.call() == call)
}

#[test]
fn a_shutdown_ends_every_call_and_both_its_phones() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.wait_ms(4000);
    desk.look();
    desk.signal(Signal::ShutDownBegan);
    desk.expect(
        "call over by System
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Customer",
    );
}

/// The log may end between any two events, also of those that were decided together.
#[test]
fn whoever_was_brought_in_has_one_record_wherever_the_log_ends() {
    let log = |desk: &mut Desk| {
        desk.linked("8000");
        let (a, b) = (|| "8000".to_owned(), || "8005".to_owned());
        desk.ask(Command::Consult { agent: a(), to: Party::Outline("13800138000".to_owned()) })
            .expect("talks");
        desk.ends(Role::Outside, far(486, Failure::Decline));
        desk.ask(Command::Consult { agent: a(), to: Party::Agent(b()) }).expect("talks");
        desk.answers(Role::Agent);
        desk.ask(Command::ThreeWayCall { agent: a() }).expect("consults");
        desk.wait_ms(2000);
        desk.hangup("8005").expect("talks");
        desk.ends(Role::Agent, ended_by_us());
        desk.ask(Command::Transfer { agent: a(), to: Party::Agent("8006".to_owned()) }).expect("talks");
        desk.answers(Role::Agent);
        desk.ends(Role::Customer, bye());
        desk.wait_ms(1000);
    };
    let begun = || Desk::signed_in(&["8000", "8005", "8006"]);
    let (mut whole, before) = (begun(), begun().log.len());
    log(&mut whole);
    for events in before..=whole.log.len() {
        let mut desk = begun();
        log(&mut desk);
        desk.crash_after(events);
        desk.wait_ms(1000);
        let parties: Vec<LegId> = desk
            .log
            .iter()
            .filter_map(|numbered| match &numbered.event {
                Event::LegStarted { leg, agent, role, .. } if agent.is_some() || *role == Role::Outside => {
                    Some(*leg)
                }
                _ => None,
            })
            .collect();
        let recorded: Vec<LegId> = desk.party_records().iter().map(|record| LegId(record.id.0)).collect();
        let mut sorted = recorded.clone();
        sorted.sort();
        assert_eq!(sorted, parties, "after {events} events");
        assert_eq!(desk.center.calls().count(), 0);
    }
}
