//! Handing the customer on (API 2.7), moment by moment.

use callcenter::command::{Command, LoginType, Party};
use callcenter::config::{HoldRecording, TransferSound};
use callcenter::event::HangUpSide;
use callcenter::event::Role::{Agent, Customer, Outside};
use callcenter::record::CallStatus;
use callcenter::signal::{Failure, Signal};

use crate::desk::{CUSTOMER, Desk, SHOWN, bye, cancelled, ended_by_us, far};
use crate::situations::{OUTSIDE, a, to_agent, to_outside};

fn talking() -> Desk {
    let mut desk = Desk::signed_in(&["8000", "8001", "8005", "8006"]);
    desk.linked("8000");
    desk
}

fn transfer(desk: &mut Desk, agent: &str, to: Party) {
    desk.ask(Command::Transfer { agent: agent.to_owned(), to }).expect("talks");
}

/// The phone of the first agent hangs up.
fn first_agent_hangs_up(desk: &mut Desk) {
    desk.signal(Signal::LegEnded { leg: desk.legs[0].0, cause: bye(), gateway: None });
}

#[test]
fn an_agent_takes_a_customer_from_the_verb_to_the_records() {
    let mut desk = talking();
    let call = desk.center.call_of("8000").expect("in a call");
    desk.wait_ms(10_000);
    transfer(&mut desk, "8000", to_agent());
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 for Agent's customer
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears ring-back
         -> store |Customer
         = accepted",
    );
    desk.wait_ms(1000);
    desk.rings(Agent);
    desk.expect(
        "8005 shows 3 Ring
         Agent2 rang, told",
    );
    desk.wait_ms(4000);
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
    first_agent_hangs_up(&mut desk);
    desk.expect("Agent ended, 200 by Far");
    desk.wait_ms(5000);
    desk.expect("8000 shows 0");
    desk.wait_ms(15_000);
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8005 shows 5 Hangup, wrap-up
         -> stop recording, Agent2 from 15000 ms
         -> end Agent2",
    );
    desk.recording_stops(call, 35_000);
    desk.ends(Agent, ended_by_us());
    desk.expect(
        "recorded 35000 ms
         Agent2 ended, 200 by Us
         Transfer record Answer None by Customer, sip 200
         record Answer None by Customer, sip 200",
    );
}

#[test]
fn a_number_outside_takes_a_customer_and_the_agent_is_free() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_outside());
    desk.expect(
        "Outside called at 13800138000 as 02258834811 for Agent's customer
         -> call 13800138000 as 02258834811
         -> Agent hears ring-back
         -> Customer hears ring-back
         -> store |Customer
         = accepted",
    );
    desk.speaks_early(Outside);
    desk.expect(
        "Outside rang
         -> Agent hears Outside
         -> Customer hears Outside",
    );
    desk.answers(Outside);
    desk.expect(
        "Outside answered
         Outside is on the floor by Transfer
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         -> referral of Agent Succeeded
         -> end Agent
         -> Outside hears Customer
         -> store |Customer Outside",
    );
    desk.ends(Outside, bye());
    desk.expect(
        "Outside ended, 200 by Far
         Transfer record Answer None by Customer, sip 200
         call over by Agent
         -> stop recording
         -> end Customer",
    );
}

#[test]
fn a_mobile_is_shown_a_number_of_the_account_and_a_sip_phone_the_customer() {
    let mut desk = talking();
    transfer(&mut desk, "8000", Party::Agent("8001".to_owned()));
    desk.expect(
        "Agent2 8001 called at 13900008001 as 02258834811 for Agent's customer
         8001 shows 2 Calling
         -> call 13900008001 as 02258834811
         -> Agent hears ring-back
         -> Customer hears ring-back
         -> store |Customer
         = accepted",
    );
}

#[test]
fn the_display_number_of_a_number_outside_is_that_of_the_agent_who_hands_on() {
    let mut desk = Desk::with(|account| account.agents[0].bound_number = Some("01081400192".to_owned()));
    desk = desk.and_signed_in(&["8000"]);
    desk.linked("8000");
    transfer(&mut desk, "8000", to_outside());
    desk.answers(Outside);
    desk.ends(Outside, bye());
    desk.wait_ms(1000);
    let party = &desk.party_records()[0];
    assert_eq!((party.call.customer.as_str(), party.call.display.as_str()), (OUTSIDE, "01081400192"));
    assert_eq!((party.agent.number.as_str(), party.login), ("8000", None));
}

#[test]
fn a_customer_who_waits_hears_music_where_the_account_has_it() {
    let mut desk = Desk::with(|account| {
        account.transfer_sound = TransferSound::Music;
        account.hold_recording = HoldRecording::Music;
    });
    desk = desk.and_signed_in(&["8000", "8005"]);
    desk.linked("8000");
    transfer(&mut desk, "8000", to_agent());
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 for Agent's customer
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears music
         -> store |Customer music
         = accepted",
    );
}

#[test]
fn a_transfer_that_fails_gives_the_customer_back() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    desk.rings(Agent);
    desk.look();
    desk.ends(Agent, far(486, Failure::Decline));
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         Transfer of 8000 to 8005 failed, 486 Decline
         Agent2 ended, 486 by Far
         Transfer record AgentNoAnswer Decline by Agent, sip 486
         -> referral of Agent Failed { status: 486 }
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    transfer(&mut desk, "8000", to_agent());
    desk.look();
    desk.wait_ms(60_000);
    desk.expect(
        "Agent3 left
         8005 shows 0 Hangup
         Transfer of 8000 to 8005 failed, 0 RequestTimeout
         -> referral of Agent Failed { status: 480 }
         -> end Agent3
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    desk.ends(Agent, cancelled());
    desk.expect(
        "Agent3 ended, 487 by Us
         Transfer record AgentNoAnswer RequestTimeout by System, sip 487",
    );
    assert_eq!(desk.center.agent_state("8000"), Some(4));
}

#[test]
fn a_transfer_takes_the_customer_out_of_a_hold() {
    let mut desk = talking();
    desk.ask(Command::Hold { agent: a() }).expect("talks");
    desk.look();
    transfer(&mut desk, "8000", to_agent());
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 for Agent's customer
         Agent holds no more
         8000 shows 4 Link
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears ring-back
         = accepted",
    );
    desk.ends(Agent, far(603, Failure::Decline));
    assert_eq!(desk.center.agent_state("8000"), Some(4));
}

#[test]
fn whoever_hands_on_may_hang_up_before_it_is_answered() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    desk.look();
    first_agent_hangs_up(&mut desk);
    desk.expect(
        "Agent left, told
         8000 shows 5 Hangup, wrap-up
         Agent ended, 200 by Far",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent2 answered
         8005 shows 4 Link
         Agent2 is on the floor by Transfer, told
         part of Agent2
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2",
    );
}

#[test]
fn the_call_ends_when_nobody_comes_and_nobody_is_left() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    first_agent_hangs_up(&mut desk);
    desk.look();
    desk.ends(Agent, far(480, Failure::RequestTimeout));
    desk.expect(
        "Transfer of 8000 to 8005 failed, 480 RequestTimeout
         Agent2 ended, 480 by Far
         Transfer record AgentNoAnswer RequestTimeout by Agent, sip 480
         call over by Agent
         8005 shows 0 Hangup
         -> stop recording
         -> end Customer",
    );
    desk.ends(Customer, ended_by_us());
    desk.wait_ms(1000);
    let record = desk.record();
    assert_eq!((record.status, record.side), (CallStatus::Answer, HangUpSide::Agent));
    assert_eq!(record.failure, Failure::RequestTimeout);
}

#[test]
fn the_hang_up_of_who_hands_on_ends_what_it_began() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    desk.look();
    desk.hangup("8000").expect("in a call");
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Customer
         -> end Agent2
         = accepted",
    );
}

#[test]
fn a_customer_who_hangs_up_while_it_rings_ends_the_call() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_outside());
    desk.look();
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Outside",
    );
    // The answer crossed our CANCEL.
    desk.answers(Outside);
    desk.expect_nothing();
    desk.ends(Outside, ended_by_us());
    desk.expect(
        "Outside ended, 200 by Us
         Transfer record CustomerNoAnswer Cancel by Customer, sip 200",
    );
}

#[test]
fn an_answer_that_crosses_the_hang_up_of_the_agent_stands() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    desk.answers(Agent);
    desk.look();
    first_agent_hangs_up(&mut desk);
    desk.expect("Agent ended, 200 by Far");
    assert_eq!(desk.center.agent_state("8005"), Some(4));
}

#[test]
fn a_customer_may_be_handed_on_again_and_back() {
    let mut desk = talking();
    transfer(&mut desk, "8000", to_agent());
    desk.answers(Agent);
    first_agent_hangs_up(&mut desk);
    desk.wait_ms(2000);
    desk.look();
    transfer(&mut desk, "8005", Party::Agent("8000".to_owned()));
    desk.expect(
        "Agent3 8000 called at 13900008000 as 02258834811 for Agent2's customer
         8000 shows 2 Calling
         -> call 13900008000 as 02258834811
         -> Customer hears ring-back
         -> Agent2 hears ring-back
         -> store |Customer
         = accepted",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent3 answered
         8000 shows 4 Link
         Agent3 is on the floor by Transfer, told
         Agent2 left, told
         8005 shows 5 Hangup, wrap-up
         part of Agent3
         -> referral of Agent2 Succeeded
         -> end Agent2
         -> Customer hears Agent3
         -> Agent3 hears Customer
         -> store |Customer Agent3",
    );
    assert_eq!(desk.center.agent_state("8000"), Some(4));
    desk.hangup("8000").expect("in a call");
    desk.wait_ms(10_000);
    let parties: Vec<String> = desk.party_records().into_iter().map(|record| record.agent.number).collect();
    assert_eq!(parties, ["8005", "8000"]);
    assert_eq!(desk.record().agent.number, "8000", "the record of the call is of who began it");
}

#[test]
fn who_handed_on_may_begin_another_call_while_the_first_one_goes_on() {
    let mut desk = talking();
    let first = desk.center.call_of("8000").expect("in a call");
    transfer(&mut desk, "8000", to_agent());
    desk.answers(Agent);
    let second = desk.dial("8000");
    assert_eq!((desk.center.call_of("8000"), desk.center.call_of("8005")), (Some(second), Some(first)));
    // The first call's leg of 8000 has its last word late: nobody takes it for the second's.
    desk.look();
    first_agent_hangs_up(&mut desk);
    desk.expect_nothing();
}

#[test]
fn the_record_of_an_agent_who_took_a_customer() {
    let mut desk = talking();
    desk.wait_ms(10_000);
    transfer(&mut desk, "8000", to_agent());
    desk.wait_ms(4000);
    desk.answers(Agent);
    desk.wait_ms(20_000);
    desk.ends(Customer, bye());
    desk.ends(Agent, ended_by_us());
    let call = desk.center.calls().next().expect("its record waits");
    let [party] = &desk.party_records()[..] else { panic!("one party") };
    assert_eq!((party.call.id, party.id.0), (call, desk.leg(Agent).0));
    assert_eq!((party.call.customer.as_str(), party.call.display.as_str()), (CUSTOMER, SHOWN));
    assert_eq!((party.agent.number.as_str(), party.login), ("8005", Some(LoginType::Sip)));
    assert_eq!((party.agent_phone.as_str(), &party.agent_id), ("8005", &desk.account.agents[5].id));
    assert_eq!((party.agent_ring_s, party.recording_s, party.left_out_s), (4, 20, 0));
    assert_eq!((party.bridged, party.hung_up), (party.agent_answered, desk.now.wall));
    assert_eq!((party.customer_started, party.customer_answered), (None, None));
    assert_eq!(party.bills.len(), 1);
}
