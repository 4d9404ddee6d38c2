//! The plan of `webcall` (API 2.14), moment by moment.

use std::time::Duration;

use callcenter::command::{Command, Refusal, WebCallee};
use callcenter::event::HangUpSide;
use callcenter::event::Role::{Agent, Customer, Destination};
use callcenter::record::CallStatus;
use callcenter::signal::Failure;

use crate::desk::{Desk, bye, ended_by_us, far, web_call};
use crate::situations::{OUTSIDE, to_agent};

const OTHER: &str = "01081400192";

fn with_agent(desk: &mut Desk) {
    desk.ask(Command::WebCall(web_call(WebCallee::Agent("8005".to_owned())))).expect("may be called");
}

fn with_number(desk: &mut Desk) {
    desk.ask(Command::WebCall(web_call(WebCallee::Number(OUTSIDE.to_owned())))).expect("may be called");
}

#[test]
fn a_customer_is_called_and_then_an_agent() {
    let mut desk = Desk::signed_in(&["8005"]);
    with_agent(&mut desk);
    desk.expect(
        "call 8005 to 17319132391 as 02258834811
         Customer called at 17319132391 as 02258834811
         8005 shows 2 Calling
         -> call 17319132391 as 02258834811
         = accepted, a call",
    );
    desk.rings(Customer);
    desk.expect("Customer rang");
    desk.wait_ms(5000);
    desk.answers(Customer);
    desk.expect(
        "Customer answered
         Agent called at 8005 as 02258834811
         -> call 8005 as 02258834811
         -> Customer hears ring-back",
    );
    desk.rings(Agent);
    desk.expect(
        "8005 shows 3 Ring
         Agent rang, told",
    );
    desk.wait_ms(3000);
    desk.answers(Agent);
    desk.expect(
        "8005 shows 4 Link
         Agent answered, told
         recording
         -> Customer hears Agent
         -> Agent hears Customer
         -> record",
    );
    desk.wait_ms(10_000);
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8005 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent",
    );
    desk.ends(Agent, ended_by_us());
    desk.wait_ms(1000);
    let record = desk.record();
    assert_eq!((record.customer_ring_s, record.agent_ring_s, record.recording_s), (5, 3, 10));
    assert_eq!((record.status, record.side), (CallStatus::Answer, HangUpSide::Customer));
    assert_eq!(record.bills.len(), 2);
}

#[test]
fn a_number_is_called_and_then_another() {
    let mut desk = Desk::new();
    with_number(&mut desk);
    desk.expect(
        "call  to 17319132391 as 02258834811
         Customer called at 17319132391 as 02258834811
         -> call 17319132391 as 02258834811
         = accepted, a call",
    );
    desk.answers(Customer);
    desk.expect(
        "Customer rang
         Customer answered
         Destination called at 13800138000 as 02258834811
         -> call 13800138000 as 02258834811
         -> Customer hears ring-back",
    );
    desk.speaks_early(Destination);
    desk.expect(
        "Destination rang
         -> Customer hears Destination",
    );
    desk.answers(Destination);
    desk.expect(
        "Destination answered, told
         recording
         -> Destination hears Customer
         -> record",
    );
    desk.ends(Destination, bye());
    desk.expect(
        "Destination ended, 200 by Far
         call over by Agent
         -> stop recording
         -> end Customer",
    );
    desk.wait_ms(1000);
    let record = desk.record();
    assert_eq!((record.agent.number.as_str(), record.login), ("", None));
}

#[test]
fn both_phones_show_the_number_that_was_asked_for() {
    for (caller, callee, shown) in [
        (None, None, ["02258834811", "02258834811"]),
        (Some(OTHER), None, [OTHER, OTHER]),
        (None, Some(OTHER), ["02258834811", OTHER]),
        (Some(OTHER), Some("01081400193"), [OTHER, "01081400193"]),
    ] {
        let mut desk = Desk::new();
        let mut call = web_call(WebCallee::Number(OUTSIDE.to_owned()));
        call.caller_shown = caller.map(str::to_owned);
        call.callee_shown = callee.map(str::to_owned);
        desk.ask(Command::WebCall(call)).expect("both are the account's");
        desk.answers(Customer);
        let called = desk.actions.iter().filter_map(|action| match action {
            callcenter::action::Action::StartLeg { shown, .. } => Some(shown.as_str()),
            _ => None,
        });
        assert_eq!(called.collect::<Vec<_>>(), shown);
    }
}

#[test]
fn numbers_of_others_are_not_shown() {
    let mut desk = Desk::signed_in(&["8005"]);
    let mut call = web_call(WebCallee::Agent("8005".to_owned()));
    call.caller_shown = Some("13333333333".to_owned());
    assert_eq!(desk.ask(Command::WebCall(call.clone())), Err(Refusal::CallerDisplayNotOwned));
    call.caller_shown = None;
    call.callee_shown = Some("13333333333".to_owned());
    assert_eq!(desk.ask(Command::WebCall(call)), Err(Refusal::CalleeDisplayNotOwned));
    desk.expect(
        "= refused: CallerDisplayNotOwned
         = refused: CalleeDisplayNotOwned",
    );
}

#[test]
fn phones_ring_as_long_as_was_asked_for_and_120_and_60_s_otherwise() {
    for (asked, ring_s) in [(None, (120, 60)), (Some((10, 20)), (10, 20))] {
        let seconds = |s: u64| Some(Duration::from_secs(s));
        let mut call = web_call(WebCallee::Agent("8005".to_owned()));
        call.caller_ring_max = asked.and_then(|(caller, _)| seconds(caller));
        call.callee_ring_max = asked.and_then(|(_, callee)| seconds(callee));
        let mut desk = Desk::signed_in(&["8005"]);
        desk.ask(Command::WebCall(call.clone())).expect("may be called");
        desk.wait_ms(ring_s.0 * 1000 - 1);
        assert_eq!(desk.center.agent_state("8005"), Some(2));
        desk.wait_ms(1);
        assert_eq!(desk.center.agent_state("8005"), Some(0), "the customer did not answer");
        desk.ask(Command::WebCall(call)).expect("may be called");
        desk.answers(Customer);
        desk.rings(Agent);
        desk.wait_ms(ring_s.1 * 1000 - 1);
        assert_eq!(desk.center.agent_state("8005"), Some(3));
        desk.wait_ms(1);
        assert_eq!(desk.center.agent_state("8005"), Some(0), "the agent did not answer");
        desk.wait_ms(1000);
        let told: Vec<_> = desk.records().iter().map(|r| (r.status, r.side, r.failure)).collect();
        let time_over = |status| (status, HangUpSide::System, Failure::RequestTimeout);
        assert_eq!(told, [time_over(CallStatus::CustomerNoAnswer), time_over(CallStatus::AgentNoAnswer)]);
    }
}

#[test]
fn a_customer_who_does_not_want_it_costs_the_agent_nothing() {
    let mut desk = Desk::signed_in(&["8005"]);
    with_agent(&mut desk);
    desk.look();
    desk.ends(Customer, far(486, Failure::Decline));
    desk.expect(
        "Customer ended, 486 by Far
         call over by Customer
         8005 shows 0 Hangup
         record CustomerNoAnswer Decline by Customer, sip 486",
    );
}

#[test]
fn an_agent_who_does_not_want_it_ends_it() {
    let mut desk = Desk::signed_in(&["8005"]);
    with_agent(&mut desk);
    desk.answers(Customer);
    desk.rings(Agent);
    desk.look();
    desk.ends(Agent, far(486, Failure::Decline));
    desk.expect(
        "Agent ended, 486 by Far
         call over by Agent
         8005 shows 0 Hangup
         -> end Customer",
    );
    desk.ends(Customer, ended_by_us());
    desk.expect(
        "Customer ended, 200 by Us
         record AgentNoAnswer Decline by Agent, sip 200",
    );
}

#[test]
fn the_agents_hang_up_ends_it_before_its_phone_is_called() {
    let mut desk = Desk::signed_in(&["8005"]);
    with_agent(&mut desk);
    desk.rings(Customer);
    desk.look();
    desk.hangup("8005").expect("is in a call from the start");
    desk.expect(
        "call over by Agent
         8005 shows 0 Hangup
         -> end Customer
         = accepted",
    );
    // The answer crossed our CANCEL: nobody is called.
    desk.answers(Customer);
    desk.expect_nothing();
}

#[test]
fn the_customer_hangs_up_while_the_agents_phone_rings() {
    let mut desk = Desk::signed_in(&["8005"]);
    with_agent(&mut desk);
    desk.answers(Customer);
    desk.rings(Agent);
    desk.look();
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8005 shows 0 Hangup
         -> end Agent",
    );
    desk.wait_ms(1000);
    let record = desk.record();
    assert_eq!((record.status, record.failure), (CallStatus::AgentNoAnswer, Failure::Cancel));
}

#[test]
fn every_verb_is_there_for_an_agent_who_was_called_second() {
    let mut desk = Desk::signed_in(&["8000", "8005"]);
    desk.ask(Command::WebCall(web_call(WebCallee::Agent("8000".to_owned())))).expect("may be called");
    desk.answers(Customer);
    desk.answers(Agent);
    desk.look();
    let agent = "8000".to_owned();
    desk.ask(Command::Hold { agent: agent.clone() }).expect("talks");
    desk.expect(
        "Agent holds
         8000 shows 6 Link
         -> Customer hears music
         -> Agent hears nothing
         -> store |Customer
         = accepted",
    );
    desk.ask(Command::Transfer { agent, to: to_agent() }).expect("talks");
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 for Agent's customer
         Agent holds no more
         8000 shows 4 Link
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Customer hears ring-back
         -> Agent hears ring-back
         = accepted",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent2 answered
         8005 shows 4 Link
         Agent2 is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Agent2
         -> referral of Agent Succeeded
         -> end Agent
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2",
    );
}

#[test]
fn it_is_refused_as_a_dial_out_when_there_is_no_room() {
    let mut desk = Desk::with(|account| account.calls_max = 1).and_signed_in(&["8000", "8005"]);
    desk.dial("8000");
    desk.look();
    let refused = Refusal::Full(callcenter::command::Limit::Calls(1));
    let call = web_call(WebCallee::Number(OUTSIDE.to_owned()));
    assert_eq!(desk.ask(Command::WebCall(call)), Err(refused));
    desk.expect("= refused: Full(Calls(1))");
}
