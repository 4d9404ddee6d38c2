//! Three-way calls (API 2.10), moment by moment.

use callcenter::command::{Command, Limit, Party, Refusal};
use callcenter::config::WithoutCustomer;
use callcenter::event::HangUpSide;
use callcenter::event::Role::{Agent, Customer, Outside};
use callcenter::signal::{Failure, Signal};

use crate::desk::{Desk, bye, ended_by_us, lost};
use crate::situations::{a, to_agent, to_outside};

fn three(mut desk: Desk, to: Party) -> Desk {
    desk = desk.and_signed_in(&["8000", "8005", "8006", "8007", "8008", "8009", "8001", "8002"]);
    desk.linked("8000");
    join(&mut desk, to);
    desk.look();
    desk
}

/// 8000 consults somebody, who answers, and lets all talk.
fn join(desk: &mut Desk, to: Party) {
    let role = if matches!(to, Party::Outline(_)) { Outside } else { Agent };
    desk.ask(Command::Consult { agent: a(), to }).expect("talks");
    desk.wait_ms(1000);
    desk.answers(role);
    desk.look();
    desk.ask(Command::ThreeWayCall { agent: a() }).expect("consults");
}

#[test]
fn all_three_talk_and_two_go_on_when_the_agent_leaves() {
    let mut desk = Desk::signed_in(&["8000", "8005"]);
    let call = desk.linked("8000");
    desk.wait_ms(9000);
    join(&mut desk, to_agent());
    desk.expect(
        "Agent2 is on the floor by Conference, told
         part of Agent2
         -> Agent hears Customer + Agent2
         -> Customer hears Agent + Agent2
         -> Agent2 hears Agent + Customer
         -> store Agent |Customer Agent2
         = accepted",
    );
    desk.ask(Command::Hold { agent: a() }).expect("talks");
    desk.expect(
        "Agent holds
         8000 shows 6 Link
         -> Agent hears nothing
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2
         = accepted",
    );
    desk.ask(Command::Unhold { agent: a() }).expect("talks");
    desk.look();
    desk.wait_ms(10_000);
    desk.hangup("8000").expect("in a call");
    desk.expect(
        "Agent left, told
         8000 shows 5 Hangup, wrap-up
         -> end Agent
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2
         = accepted",
    );
    desk.wait_ms(10_000);
    desk.look();
    desk.hangup("8005").expect("in a call");
    desk.expect(
        "call over by Agent
         8005 shows 5 Hangup, wrap-up
         -> stop recording, Agent2 from 10000 ms
         -> end Customer
         -> end Agent2
         = accepted",
    );
    desk.recording_stops(call, 30_000);
    for (leg, _) in desk.legs.clone() {
        desk.signal(Signal::LegEnded { leg, cause: ended_by_us(), gateway: None });
    }
    desk.expect(
        "recorded 30000 ms
         Agent ended, 200 by Us
         Customer ended, 200 by Us
         Agent2 ended, 200 by Us
         Conference record Answer None by Agent, sip 200
         record Answer None by Agent, sip 200",
    );
}

#[test]
fn the_one_who_joined_leaves_and_the_two_of_before_go_on() {
    let mut desk = three(Desk::new(), to_agent());
    desk.ends(Agent, bye());
    desk.expect(
        "Agent2 left, told
         8005 shows 5 Hangup, wrap-up
         Agent2 ended, 200 by Far
         Conference record Answer None by Agent, sip 200
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    let mut desk = three(Desk::new(), to_outside());
    desk.ends(Outside, bye());
    desk.expect(
        "Outside left
         Outside ended, 200 by Far
         Conference record Answer None by Customer, sip 200
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
}

#[test]
fn the_customer_leaves_and_it_ends() {
    let mut desk = three(Desk::new(), to_agent());
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         Agent2 left, told
         8005 shows 5 Hangup, wrap-up
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording, Agent2 from 1000 ms
         -> end Agent
         -> end Agent2",
    );
}

#[test]
fn the_customer_leaves_and_the_others_go_on() {
    let go_on = Desk::with(|account| account.conference_without_customer = WithoutCustomer::GoOn);
    let mut desk = three(go_on, to_agent());
    desk.ends(Customer, bye());
    desk.expect(
        "Customer left
         Customer ended, 200 by Far
         -> Agent hears Agent2
         -> Agent2 hears Agent
         -> store Agent Agent2",
    );
    desk.wait_ms(5000);
    desk.hangup("8000").expect("in a call");
    desk.expect(
        "Agent2 left, told
         8005 shows 5 Hangup, wrap-up
         call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording, Agent2 from 1000 ms
         -> end Agent
         -> end Agent2
         = accepted",
    );
    desk.wait_ms(1000);
    assert_eq!((desk.record().side, desk.record().failure), (HangUpSide::Agent, Failure::None));
}

#[test]
fn a_number_outside_and_the_customer_go_on_without_an_agent() {
    let mut desk = three(Desk::new(), to_outside());
    desk.hangup("8000").expect("in a call");
    desk.expect(
        "Agent left, told
         8000 shows 5 Hangup, wrap-up
         -> end Agent
         -> Customer hears Outside
         -> Outside hears Customer
         -> store |Customer Outside
         = accepted",
    );
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         -> stop recording
         -> end Outside",
    );
}

#[test]
fn while_it_rings_there_is_nobody_to_join() {
    let mut desk = Desk::signed_in(&["8000", "8005"]);
    desk.linked("8000");
    desk.ask(Command::Consult { agent: a(), to: to_agent() }).expect("talks");
    desk.rings(Agent);
    desk.look();
    assert_eq!(desk.ask(Command::ThreeWayCall { agent: a() }), Err(Refusal::NotInCall));
    desk.expect("= refused: NotInCall");
}

#[test]
fn a_fourth_may_be_consulted_while_the_others_talk() {
    let mut desk = three(Desk::new(), to_agent());
    desk.ask(Command::Consult { agent: a(), to: Party::Agent("8006".to_owned()) }).expect("talks");
    desk.expect(
        "Agent3 8006 called at 8006 as 17319132391 aside with Agent
         8006 shows 2 Calling
         -> call 8006 as 17319132391
         -> Agent hears ring-back
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2
         = accepted",
    );
    desk.answers(Agent);
    desk.look();
    desk.ask(Command::ConsultTransfer { agent: a() }).expect("consults");
    desk.expect(
        "Agent3 is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Agent3
         -> end Agent
         -> Customer hears Agent2 + Agent3
         -> Agent2 hears Customer + Agent3
         -> Agent3 hears Customer + Agent2
         -> store |Customer Agent2 Agent3
         = accepted",
    );
}

#[test]
fn who_joined_may_hand_its_place_on() {
    let mut desk = three(Desk::new(), to_agent());
    desk.ask(Command::Transfer { agent: "8005".to_owned(), to: to_outside() }).expect("talks");
    desk.expect(
        "Outside called at 13800138000 as 02258834811 for Agent2's customer
         -> call 13800138000 as 02258834811
         -> Agent hears Customer
         -> Customer hears Agent
         -> Agent2 hears ring-back
         -> store Agent |Customer
         = accepted",
    );
    desk.answers(Outside);
    desk.expect(
        "Outside answered
         Outside is on the floor by Transfer
         Agent2 left, told
         8005 shows 5 Hangup, wrap-up
         -> referral of Agent2 Succeeded
         -> end Agent2
         -> Agent hears Customer + Outside
         -> Customer hears Agent + Outside
         -> Outside hears Agent + Customer
         -> store Agent |Customer Outside",
    );
}

#[test]
fn who_leaves_takes_along_whom_it_had_begun_to_call() {
    for command in [
        Command::Transfer { agent: a(), to: to_outside() },
        Command::Consult { agent: a(), to: to_outside() },
    ] {
        let mut desk = three(Desk::new(), to_agent());
        desk.ask(command).expect("talks");
        desk.look();
        desk.hangup("8000").expect("in a call");
        let told = desk.look();
        let ends = told.iter().filter(|line| line.starts_with("-> end")).cloned().collect::<Vec<_>>();
        assert_eq!(ends, ["-> end Agent", "-> end Outside"]);
        assert_eq!(desk.center.agent_state("8005"), Some(4), "the two others go on");
    }
}

#[test]
fn a_transfer_out_of_a_three_way_call_fails_and_its_agent_is_back() {
    let mut desk = three(Desk::new(), to_agent());
    desk.ask(Command::Transfer { agent: a(), to: to_outside() }).expect("talks");
    desk.look();
    desk.ends(Outside, lost(503, Failure::ServiceUnavailable));
    desk.expect(
        "Outside left
         Transfer of 8000 to 13800138000 failed, 503 ServiceUnavailable
         Outside ended, 503 by Network
         Transfer record CustomerNoAnswer ServiceUnavailable by System, sip 503
         -> referral of Agent Failed { status: 503 }
         -> Agent hears Customer + Agent2
         -> Customer hears Agent + Agent2
         -> Agent2 hears Agent + Customer
         -> store Agent |Customer Agent2",
    );
}

#[test]
fn without_the_customer_a_place_is_still_handed_on() {
    let go_on = Desk::with(|account| account.conference_without_customer = WithoutCustomer::GoOn);
    let mut desk = three(go_on, to_agent());
    desk.ends(Customer, bye());
    desk.ask(Command::Transfer { agent: a(), to: Party::Agent("8006".to_owned()) }).expect("talks");
    desk.answers(Agent);
    desk.look();
    let states = ["8000", "8005", "8006"].map(|agent| desk.center.agent_state(agent));
    assert_eq!(states, [Some(5), Some(4), Some(4)]);
    desk.ends(Agent, bye());
    assert_eq!(desk.center.calls().filter(|call| desk.center.call_of("8005") == Some(*call)).count(), 0);
}

#[test]
fn there_are_no_more_parties_than_may_be() {
    let mut desk = three(Desk::new(), to_agent());
    for agent in ["8006", "8007", "8008", "8009", "8001"] {
        join(&mut desk, Party::Agent(agent.to_owned()));
    }
    desk.look();
    let one_more = Command::Consult { agent: a(), to: Party::Agent("8002".to_owned()) };
    assert_eq!(desk.ask(one_more), Err(Refusal::Full(Limit::Parties(8))));
    desk.expect("= refused: Full(Parties(8))");
}
