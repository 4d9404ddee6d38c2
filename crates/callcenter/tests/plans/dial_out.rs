//! The plan of dialOut, moment by moment: the exact events, actions and replies.

use std::time::Duration;

use crate::desk::{Desk, bye, cancelled, dial_out, ended_by_us, far, files};
use base::{CallId, LegId};
use callcenter::command::{Command, Limit, LoginType, Refusal};
use callcenter::config::{DialoutRingAt, RecordingMode};
use callcenter::event::Role::{Agent, Customer};
use callcenter::signal::{Failure, Signal};

#[test]
fn a_call_from_dial_to_record() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.dial("8000");
    desk.expect(
        "call 8000 to 17319132391 as 02258834811
         Agent called at 13900008000 as 02258834811
         8000 shows 2 Calling
         -> call 13900008000 as 02258834811
         = accepted, a call",
    );
    desk.rings(Agent);
    desk.expect(
        "Agent rang
         8000 shows 3 Ring",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent answered
         Customer called at 17319132391 as 02258834811, told
         -> call 17319132391 as 02258834811
         -> Agent hears ring-back",
    );
    desk.speaks_early(Customer);
    desk.expect(
        "Customer rang
         -> Agent hears Customer",
    );
    desk.answers(Customer);
    desk.expect(
        "8000 shows 4 Link
         Customer answered, told
         recording
         -> Customer hears Agent
         -> record",
    );
    desk.wait_ms(60_000);
    desk.ends(Agent, bye());
    desk.expect(
        "Agent ended, 200 by Far
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Customer",
    );
    desk.recording_stops(call, 60_020);
    desk.ends(Customer, ended_by_us());
    desk.expect(
        "recorded 60020 ms
         Customer ended, 200 by Us
         record Answer None by Agent, sip 200",
    );
    desk.wait_ms(5000);
    desk.expect("8000 shows 0");
    desk.signal(Signal::RecordingReady { call, files: files("abc"), part: None });
    desk.expect("files ready abc");
    assert_eq!(desk.center.next_timeout(), None);
}

#[test]
fn ringing_may_be_told_at_the_agents_phone_instead() {
    let mut desk =
        Desk::with(|account| account.dialout_ring_at = DialoutRingAt::Agent).and_signed_in(&["8000"]);
    desk.dial("8000");
    desk.look();
    desk.rings(Agent);
    desk.expect(
        "Agent rang, told
         8000 shows 3 Ring",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent answered
         Customer called at 17319132391 as 02258834811
         -> call 17319132391 as 02258834811
         -> Agent hears ring-back",
    );
}

#[test]
fn a_phone_rings_once_however_often_it_says_so() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.rings(Agent);
    desk.look();
    desk.rings(Agent);
    desk.speaks_early(Agent);
    desk.expect_nothing();
    desk.answers(Agent);
    desk.rings(Customer);
    desk.look();
    desk.rings(Customer);
    desk.expect_nothing();
    desk.speaks_early(Customer);
    desk.expect(
        "Customer rang
         -> Agent hears Customer",
    );
    desk.speaks_early(Customer);
    desk.expect_nothing();
}

#[test]
fn a_phone_answered_at_once_has_rung_for_no_time() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.look();
    desk.answers(Agent);
    desk.expect(
        "Agent rang
         8000 shows 3 Ring
         Agent answered
         Customer called at 17319132391 as 02258834811, told
         -> call 17319132391 as 02258834811
         -> Agent hears ring-back",
    );
    desk.answers(Customer);
    desk.expect(
        "8000 shows 4 Link
         Customer answered, told
         recording
         -> Agent hears Customer
         -> Customer hears Agent
         -> record",
    );
}

#[test]
fn calls_need_not_be_recorded() {
    let mut desk = Desk::with(|account| account.recording = RecordingMode::Off).and_signed_in(&["8000"]);
    desk.linked("8000");
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> end Agent",
    );
    desk.ends(Agent, ended_by_us());
    desk.expect(
        "Agent ended, 200 by Us
         record Answer None by Customer, sip 200",
    );
    assert_eq!(desk.record().recording, None);
    assert_eq!(desk.record().recording_s, 0);
}

#[test]
fn an_unbridged_call_has_no_wrap_up() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.answers(Agent);
    desk.look();
    desk.ends(Customer, far(486, Failure::Decline));
    desk.expect(
        "Customer ended, 486 by Far
         call over by Customer
         8000 shows 0 Hangup
         -> end Agent",
    );
    desk.ends(Agent, ended_by_us());
    desk.expect(
        "Agent ended, 200 by Us
         record CustomerNoAnswer Decline by Customer, sip 486",
    );
}

#[test]
fn an_agent_without_wrap_up_is_free_at_once() {
    let mut desk = Desk::with(|account| account.agents[0].wrap_up = Duration::ZERO).and_signed_in(&["8000"]);
    desk.linked("8000");
    desk.hangup("8000").expect("in a call");
    desk.expect(
        "call over by Agent
         8000 shows 0 Hangup
         -> stop recording
         -> end Agent
         -> end Customer
         = accepted",
    );
}

#[test]
fn the_record_waits_for_missing_facts_but_not_for_long() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.wait_ms(3000);
    desk.ends(Agent, bye());
    desk.look();
    desk.wait_ms(799);
    desk.expect_nothing();
    desk.wait_ms(1);
    desk.expect(
        "Customer ended, 200 by Us
         record Answer None by Agent, sip 200",
    );
    assert_eq!(desk.record().recording_s, 3, "in place of the track's length, the time both talked");
}

#[test]
fn what_comes_after_the_record_changes_nothing() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.linked("8000");
    desk.ends(Agent, bye());
    desk.wait_ms(1000);
    desk.look();
    for role in [Agent, Customer] {
        desk.rings(role);
        desk.speaks_early(role);
        desk.answers(role);
        desk.ends(role, ended_by_us());
    }
    desk.recording_stops(call, 5);
    desk.signal(Signal::LegEnded { leg: LegId(1), cause: bye(), gateway: None });
    desk.recording_stops(CallId(1), 5);
    desk.expect_nothing();
}

#[test]
fn a_recording_that_breaks_off_does_not_end_its_call() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.linked("8000");
    desk.recording_stops(call, 1500);
    desk.expect("recorded 1500 ms");
    desk.recording_stops(call, 9000);
    desk.expect_nothing();
    desk.ends(Agent, bye());
    desk.ends(Customer, ended_by_us());
    assert_eq!(desk.record().recording_s, 1);
}

#[test]
fn a_hang_up_that_crosses_the_customers_answer_stands() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.answers(Agent);
    desk.rings(Customer);
    desk.hangup("8000").expect("in a call");
    desk.look();
    desk.answers(Customer);
    desk.expect_nothing();
    desk.ends(Customer, ended_by_us());
    desk.ends(Agent, ended_by_us());
    desk.expect(
        "Customer ended, 200 by Us
         Agent ended, 200 by Us
         record CustomerNoAnswer Cancel by Agent, sip 200",
    );
}

#[test]
fn both_hanging_up_at_once_is_one_end() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.linked("8000");
    desk.ends(Customer, bye());
    desk.ends(Agent, bye());
    desk.recording_stops(call, 1000);
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         Agent ended, 200 by Far
         recorded 1000 ms
         record Answer None by Customer, sip 200",
    );
}

#[test]
fn the_next_call_need_not_wait_for_the_last_words_of_the_one_before() {
    let mut desk = Desk::signed_in(&["8000"]);
    let first = desk.linked("8000");
    desk.ends(Customer, bye());
    desk.look();
    let old_leg = desk.leg(Agent);
    let second = desk.dial("8000");
    desk.expect(
        "Agent ended, 200 by Us
         call 8000 to 17319132391 as 02258834811
         Agent2 called at 13900008000 as 02258834811
         8000 shows 2 Calling
         -> call 13900008000 as 02258834811
         = accepted, a call",
    );
    desk.recording_stops(first, 2000);
    desk.expect(
        "recorded 2000 ms
         record Answer None by Customer, sip 200",
    );
    desk.signal(Signal::LegEnded { leg: old_leg, cause: ended_by_us(), gateway: None });
    desk.expect_nothing();
    assert_eq!(desk.center.call_of("8000"), Some(second));
}

#[test]
fn a_call_may_start_in_wrap_up_and_ends_it() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.ends(Customer, bye());
    desk.wait_ms(2000);
    assert_eq!(desk.center.agent_state("8000"), Some(5));
    desk.look();
    desk.dial("8000");
    desk.wait_ms(4000);
    assert_eq!(desk.center.agent_state("8000"), Some(2), "the old wrap-up has no timer any more");
    desk.hangup("8000").expect("in a call");
    assert_eq!(desk.center.agent_state("8000"), Some(0));
}

#[test]
fn a_sip_phone_is_called_by_its_user_name() {
    let mut desk = Desk::signed_in(&["8005"]);
    let mut dial = dial_out("8005");
    dial.agent_shown = Some("01081400192".to_owned());
    desk.ask(Command::DialOut(dial)).expect("the agent may call");
    desk.expect(
        "call 8005 to 17319132391 as 02258834811
         Agent called at 8005 as 01081400192
         8005 shows 2 Calling
         -> call 8005 as 01081400192
         = accepted, a call",
    );
    desk.answers(Agent);
    desk.hangup("8005").expect("in a call");
    desk.ends(Agent, ended_by_us());
    desk.ends(Customer, cancelled());
    assert_eq!(desk.record().login, Some(LoginType::Sip));
    assert_eq!(desk.record().agent_phone, "8005");
}

#[test]
fn ring_times_may_be_asked_for() {
    let mut desk = Desk::signed_in(&["8000"]);
    let mut dial = dial_out("8000");
    dial.agent_ring_max = Some(Duration::from_secs(10));
    dial.customer_ring_max = Some(Duration::from_secs(20));
    desk.ask(Command::DialOut(dial)).expect("the agent may call");
    desk.wait_ms(9_999);
    desk.answers(Agent);
    desk.wait_ms(19_999);
    assert_eq!(desk.center.agent_state("8000"), Some(3));
    desk.wait_ms(1);
    assert_eq!(desk.center.agent_state("8000"), Some(0));
}

#[test]
fn one_agent_has_one_call_and_an_account_its_limit() {
    let mut desk = Desk::with(|account| account.calls_max = 1).and_signed_in(&["8000", "8001"]);
    desk.dial("8000");
    assert_eq!(desk.ask(Command::DialOut(dial_out("8000"))), Err(Refusal::InCall));
    assert_eq!(desk.ask(Command::DialOut(dial_out("8001"))), Err(Refusal::Full(Limit::Calls(1))));
    desk.hangup("8000").expect("in a call");
    desk.dial("8001");
}
