//! Consultation (API 2.8, 2.9, 2.11, 2.12), moment by moment.

use callcenter::command::{Command, Party, Refusal};
use callcenter::config::WithoutCustomer;
use callcenter::event::HangUpSide;
use callcenter::event::Role::{Agent, Customer, Outside};
use callcenter::signal::{Failure, Signal};

use crate::desk::{Desk, bye, cancelled, ended_by_us, far};
use crate::situations::{a, to_agent, to_outside};

fn talking(mut desk: Desk) -> Desk {
    desk = desk.and_signed_in(&["8000", "8005", "8006"]);
    desk.linked("8000");
    desk
}

fn consult(desk: &mut Desk, to: Party) {
    desk.ask(Command::Consult { agent: a(), to }).expect("talks");
}

fn consulting(mut desk: Desk) -> Desk {
    desk = talking(desk);
    consult(&mut desk, to_agent());
    desk.wait_ms(3000);
    desk.answers(Agent);
    desk.look();
    desk
}

#[test]
fn an_agent_is_consulted_and_the_customer_taken_back() {
    let mut desk = talking(Desk::new());
    consult(&mut desk, to_agent());
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 aside with Agent
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears music
         -> store |Customer
         = accepted",
    );
    desk.rings(Agent);
    desk.expect(
        "8005 shows 3 Ring
         Agent2 rang, told",
    );
    desk.wait_ms(3000);
    desk.answers(Agent);
    desk.expect(
        "Agent2 answered
         8005 shows 4 Link
         -> Agent hears Agent2
         -> Agent2 hears Agent",
    );
    desk.wait_ms(7000);
    desk.ask(Command::ResumeConsult { agent: a() }).expect("consults");
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         -> end Agent2
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
    desk.ends(Agent, ended_by_us());
    desk.expect(
        "Agent2 ended, 200 by Us
         Consult record Answer None by Agent, sip 200",
    );
    desk.wait_ms(5000);
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent",
    );
}

#[test]
fn a_number_outside_is_consulted_and_takes_the_customer() {
    let mut desk = talking(Desk::new());
    consult(&mut desk, to_outside());
    desk.expect(
        "Outside called at 13800138000 as 02258834811 aside with Agent
         -> call 13800138000 as 02258834811
         -> Agent hears ring-back
         -> Customer hears music
         -> store |Customer
         = accepted",
    );
    desk.speaks_early(Outside);
    desk.expect(
        "Outside rang
         -> Agent hears Outside",
    );
    desk.answers(Outside);
    desk.expect(
        "Outside answered
         -> Outside hears Agent",
    );
    desk.ask(Command::ConsultTransfer { agent: a() }).expect("consults");
    desk.expect(
        "Outside is on the floor by Transfer
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         -> end Agent
         -> Customer hears Outside
         -> Outside hears Customer
         -> store |Customer Outside
         = accepted",
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
fn a_consultation_that_rings_is_given_up_by_either_verb() {
    for verb in [Command::CancelConsult { agent: a() }, Command::ResumeConsult { agent: a() }] {
        let mut desk = talking(Desk::new());
        consult(&mut desk, to_agent());
        desk.rings(Agent);
        desk.look();
        desk.ask(verb).expect("consults");
        desk.expect(
            "Agent2 left
             8005 shows 0 Hangup
             -> end Agent2
             -> Agent hears Customer
             -> Customer hears Agent
             -> store Agent |Customer
             = accepted",
        );
        // The answer crossed our CANCEL.
        desk.answers(Agent);
        desk.expect_nothing();
        desk.ends(Agent, ended_by_us());
        desk.expect(
            "Agent2 ended, 200 by Us
             Consult record AgentNoAnswer Cancel by Agent, sip 200",
        );
    }
}

#[test]
fn who_is_consulted_and_does_not_come_is_told() {
    let mut desk = talking(Desk::new());
    consult(&mut desk, to_agent());
    desk.look();
    desk.ends(Agent, far(486, Failure::Decline));
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         Consult of 8000 to 8005 failed, 486 Decline
         Agent2 ended, 486 by Far
         Consult record AgentNoAnswer Decline by Agent, sip 486
         -> referral of Agent Failed { status: 486 }
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    consult(&mut desk, to_outside());
    desk.look();
    desk.wait_ms(120_000);
    desk.expect(
        "Outside left
         Consult of 8000 to 13800138000 failed, 0 RequestTimeout
         -> referral of Agent Failed { status: 480 }
         -> end Outside
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    desk.ends(Outside, cancelled());
    desk.expect(
        "Outside ended, 487 by Us
         Consult record CustomerNoAnswer RequestTimeout by System, sip 487",
    );
}

#[test]
fn who_is_consulted_hangs_up_and_the_customer_is_back() {
    let mut desk = consulting(Desk::new());
    desk.ends(Agent, bye());
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         Agent2 ended, 200 by Far
         Consult record Answer None by Agent, sip 200
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    assert_eq!(desk.ask(Command::ConsultTransfer { agent: a() }), Err(Refusal::NotInCall));
}

#[test]
fn a_consultation_is_handed_over_while_it_rings() {
    let mut desk = talking(Desk::new());
    consult(&mut desk, to_agent());
    desk.rings(Agent);
    desk.look();
    desk.ask(Command::ConsultTransfer { agent: a() }).expect("consults");
    desk.expect(
        "Agent2 is for Agent's customer
         -> Customer hears ring-back
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
fn an_agent_who_was_consulted_takes_the_customer() {
    let mut desk = consulting(Desk::new());
    desk.wait_ms(5000);
    desk.ask(Command::ConsultTransfer { agent: a() }).expect("consults");
    desk.expect(
        "Agent2 is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Agent2
         -> end Agent
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2
         = accepted",
    );
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8005 shows 5 Hangup, wrap-up
         -> stop recording, Agent2 from 8000 ms
         -> end Agent2",
    );
}

#[test]
fn the_customer_hangs_up_and_so_ends_the_consultation() {
    let mut desk = consulting(Desk::new());
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         Agent2 left
         8005 shows 0 Hangup
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Agent2",
    );
}

#[test]
fn the_customer_hangs_up_and_the_agents_go_on() {
    let go_on = Desk::with(|account| account.consult_without_customer = WithoutCustomer::GoOn);
    let mut desk = consulting(go_on);
    desk.ends(Customer, bye());
    desk.expect(
        "Customer left
         Customer ended, 200 by Far
         -> store nothing",
    );
    desk.wait_ms(10_000);
    desk.ends(Agent, bye());
    desk.expect(
        "Agent2 ended, 200 by Far
         Consult record Answer None by Agent, sip 200
         Agent2 left
         8005 shows 0 Hangup
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent",
    );
    desk.wait_ms(1000);
    let record = desk.record();
    assert_eq!((record.side, record.failure), (HangUpSide::Agent, Failure::None));
}

#[test]
fn without_the_customer_there_is_nobody_to_hand_on_or_to_join() {
    let go_on = Desk::with(|account| account.consult_without_customer = WithoutCustomer::GoOn);
    let mut desk = consulting(go_on);
    desk.ends(Customer, bye());
    desk.look();
    assert_eq!(desk.ask(Command::ConsultTransfer { agent: a() }), Err(Refusal::NotInCall));
    assert_eq!(desk.ask(Command::ThreeWayCall { agent: a() }), Err(Refusal::NotInCall));
    desk.expect(
        "= refused: NotInCall
         = refused: NotInCall",
    );
}

#[test]
fn without_the_customer_there_is_nobody_to_take_back() {
    let go_on = Desk::with(|account| account.consult_without_customer = WithoutCustomer::GoOn);
    let mut desk = consulting(go_on);
    desk.ends(Customer, bye());
    desk.look();
    desk.ask(Command::ResumeConsult { agent: a() }).expect("consults");
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Agent2
         = accepted",
    );
}

#[test]
fn without_the_customer_a_consultation_that_is_not_answered_ends_the_call() {
    let go_on = Desk::with(|account| account.consult_without_customer = WithoutCustomer::GoOn);
    let mut desk = talking(go_on);
    consult(&mut desk, to_agent());
    desk.look();
    desk.ends(Customer, bye());
    desk.expect(
        "Customer left
         Customer ended, 200 by Far
         -> store nothing",
    );
    desk.ends(Agent, far(486, Failure::Decline));
    desk.expect(
        "Consult of 8000 to 8005 failed, 486 Decline
         Agent2 ended, 486 by Far
         Consult record AgentNoAnswer Decline by Agent, sip 486
         Agent2 left
         8005 shows 0 Hangup
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> referral of Agent Failed { status: 486 }
         -> stop recording
         -> end Agent",
    );
    desk.wait_ms(1000);
    assert_eq!(desk.record().failure, Failure::None, "agent and customer had talked");
}

#[test]
fn the_agent_hangs_up_and_so_ends_all() {
    let mut desk = consulting(Desk::new());
    desk.signal(Signal::LegEnded { leg: desk.legs[0].0, cause: bye(), gateway: None });
    desk.expect(
        "Agent ended, 200 by Far
         Agent2 left
         8005 shows 0 Hangup
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Customer
         -> end Agent2",
    );
}

#[test]
fn consulting_and_the_customer_leaving_cross() {
    let mut desk = talking(Desk::new());
    desk.ends(Customer, bye());
    assert_eq!(desk.ask(Command::Consult { agent: a(), to: to_agent() }), Err(Refusal::NotInCall));
    let mut desk = talking(Desk::new());
    consult(&mut desk, to_agent());
    desk.look();
    desk.ends(Customer, bye());
    desk.answers(Agent);
    desk.expect(
        "Customer ended, 200 by Far
         Agent2 left
         8005 shows 0 Hangup
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Agent2",
    );
}

#[test]
fn one_consultation_follows_another() {
    let mut desk = consulting(Desk::new());
    let other = Party::Agent("8006".to_owned());
    assert_eq!(desk.ask(Command::Consult { agent: a(), to: other.clone() }), Err(Refusal::InCall));
    desk.ask(Command::CancelConsult { agent: a() }).expect("consults");
    consult(&mut desk, other);
    desk.answers(Agent);
    assert_eq!(desk.center.agent_state("8006"), Some(4));
    assert_eq!(
        desk.center.agent_state("8005"),
        Some(0),
        "who was consulted is free, and has nothing to write down"
    );
    desk.ask(Command::CancelConsult { agent: a() }).expect("consults");
    // The same agent again, before its phone had its last word.
    desk.look();
    consult(&mut desk, to_agent());
    desk.expect(
        "Agent2 ended, 200 by Us
         Consult record Answer None by Agent, sip 200
         Agent4 8005 called at 8005 as 17319132391 aside with Agent
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears music
         -> store |Customer
         = accepted",
    );
}
