//! What phones do by themselves is what the verbs do: hold, REFER, a second line.

use base::LegId;
use callcenter::command::{Command, Party};
use callcenter::config::AccountStatus;
use callcenter::event::Role::{Agent, Customer, Outside};
use callcenter::signal::{Failure, Signal};
use callcenter::{Left, Room};

use crate::desk::{Desk, bye, ended_by_us, far};
use crate::situations::OUTSIDE;

/// 8005 talks, by its SIP phone; the number of its leg.
fn talking() -> (Desk, LegId) {
    let mut desk = Desk::signed_in(&["8000", "8005", "8006"]);
    desk.linked("8005");
    let leg = desk.leg(Agent);
    (desk, leg)
}

/// 8005's phone has called 8006 by its second line, 8006 has answered. The numbers of 8005's lines.
fn on_two_lines() -> (Desk, LegId, LegId) {
    let (mut desk, first) = talking();
    let second = desk.phone_calls("8005", "8006");
    desk.signal(Signal::LegHeld { leg: first, held: true });
    desk.answers(Agent);
    desk.look();
    (desk, first, second)
}

fn refers(desk: &mut Desk, leg: LegId, to: &str, replaces: Option<LegId>) {
    desk.signal(Signal::Referred { leg, to: to.to_owned(), replaces });
}

#[test]
fn a_phone_holds_and_takes_back() {
    let (mut desk, leg) = talking();
    desk.signal(Signal::LegHeld { leg, held: true });
    desk.expect(
        "Agent holds
         8005 shows 6 Link
         -> Agent hears nothing
         -> Customer hears music
         -> store |Customer",
    );
    desk.signal(Signal::LegHeld { leg, held: true });
    desk.expect_nothing();
    desk.signal(Signal::LegHeld { leg, held: false });
    desk.expect(
        "Agent holds no more
         8005 shows 4 Link
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
}

#[test]
fn a_phone_takes_back_what_a_program_held() {
    let (mut desk, leg) = talking();
    desk.ask(Command::Hold { agent: "8005".to_owned() }).expect("talks");
    desk.signal(Signal::LegHeld { leg, held: false });
    assert_eq!(desk.center.agent_state("8005"), Some(4));
}

#[test]
fn a_customer_who_holds_changes_nothing() {
    let (mut desk, _) = talking();
    let leg = desk.leg(Customer);
    desk.signal(Signal::LegHeld { leg, held: true });
    desk.expect_nothing();
}

#[test]
fn a_phone_that_holds_before_the_customer_answers_holds_then() {
    let mut desk = Desk::signed_in(&["8005"]);
    desk.dial("8005");
    desk.answers(Agent);
    desk.look();
    let leg = desk.leg(Agent);
    desk.signal(Signal::LegHeld { leg, held: true });
    desk.expect(
        "Agent holds
         -> Agent hears nothing",
    );
    desk.answers(Customer);
    desk.expect(
        "8005 shows 6 Link
         Customer answered, told
         recording
         -> Customer hears music
         -> record
         -> store |Customer",
    );
}

#[test]
fn a_blind_refer_is_a_transfer() {
    let (mut desk, leg) = talking();
    refers(&mut desk, leg, "8006", None);
    desk.expect(
        "Agent2 8006 called at 8006 as 17319132391 for Agent's customer
         8006 shows 2 Calling
         -> referral of Agent Accepted
         -> call 8006 as 17319132391
         -> Agent hears ring-back
         -> Customer hears ring-back
         -> store |Customer",
    );
    desk.rings(Agent);
    desk.look();
    desk.answers(Agent);
    desk.expect(
        "Agent2 answered
         8006 shows 4 Link
         Agent2 is on the floor by Transfer, told
         Agent left, told
         8005 shows 5 Hangup, wrap-up
         part of Agent2
         -> referral of Agent Succeeded
         -> end Agent
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2",
    );
    desk.signal(Signal::LegEnded { leg, cause: ended_by_us(), gateway: None });
    desk.expect("Agent ended, 200 by Us");
}

#[test]
fn a_refer_whose_target_does_not_come_gives_the_call_back() {
    let (mut desk, leg) = talking();
    refers(&mut desk, leg, OUTSIDE, None);
    desk.look();
    desk.ends(Outside, far(486, Failure::Decline));
    desk.expect(
        "Outside left
         Transfer of 8005 to 13800138000 failed, 486 Decline
         Outside ended, 486 by Far
         Transfer record CustomerNoAnswer Decline by Customer, sip 486
         -> referral of Agent Failed { status: 486 }
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
}

#[test]
fn a_phone_that_hangs_up_after_its_refer_is_told_nothing_more() {
    let (mut desk, leg) = talking();
    refers(&mut desk, leg, OUTSIDE, None);
    desk.look();
    desk.signal(Signal::LegEnded { leg, cause: bye(), gateway: None });
    desk.expect(
        "Agent left, told
         8005 shows 5 Hangup, wrap-up
         Agent ended, 200 by Far",
    );
    desk.answers(Outside);
    desk.expect(
        "Outside answered
         Outside is on the floor by Transfer
         -> Customer hears Outside
         -> Outside hears Customer
         -> store |Customer Outside",
    );
}

#[test]
fn a_refer_to_nobody_is_refused() {
    let (mut desk, leg) = talking();
    for to in ["", "*98", "a name", "8005", "8001", "123456789012345678901234567890123"] {
        refers(&mut desk, leg, to, None);
        assert_eq!(desk.look(), ["-> referral of Agent Refused"], "to {to:?}");
    }
    let customer = desk.leg(Customer);
    refers(&mut desk, customer, "8006", None);
    desk.expect("-> referral of Customer Refused");
    refers(&mut desk, leg, "8006", Some(customer));
    desk.expect("-> referral of Agent Refused");
}

#[test]
fn a_second_line_is_a_consultation_and_a_refer_that_joins_both_hands_the_customer_over() {
    let (mut desk, first) = talking();
    let second = desk.phone_calls("8005", "8006");
    desk.expect(
        "Agent2 8005 called at 8006 as 8005 second line of Agent
         Agent3 8006 called at 8006 as 17319132391 aside with Agent
         8006 shows 2 Calling
         -> take Agent2
         -> call 8006 as 17319132391
         -> Agent hears nothing
         -> Customer hears music
         -> store |Customer",
    );
    desk.signal(Signal::LegHeld { leg: first, held: true });
    desk.expect("Agent holds");
    desk.rings(Agent);
    desk.expect(
        "8006 shows 3 Ring
         Agent3 rang, told
         -> let ring Agent2",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent3 answered
         Agent2 answered
         8006 shows 4 Link
         -> answer Agent2
         -> Agent2 hears Agent3
         -> Agent3 hears Agent2",
    );
    refers(&mut desk, first, "8006", Some(second));
    desk.expect(
        "Agent3 is on the floor by Transfer, told
         Agent left, told
         8005 shows 5 Hangup, wrap-up
         Agent2 left
         part of Agent3
         -> referral of Agent Accepted
         -> referral of Agent Succeeded
         -> end Agent
         -> end Agent2
         -> Customer hears Agent3
         -> Agent3 hears Customer
         -> store |Customer Agent3",
    );
    for leg in [first, second] {
        desk.signal(Signal::LegEnded { leg, cause: ended_by_us(), gateway: None });
    }
    desk.expect(
        "Agent ended, 200 by Us
         Agent2 ended, 200 by Us",
    );
}

#[test]
fn the_second_line_may_send_the_refer() {
    let (mut desk, first, second) = on_two_lines();
    refers(&mut desk, second, "anybody", Some(first));
    desk.expect(
        "Agent3 is on the floor by Transfer, told
         Agent left, told
         8005 shows 5 Hangup, wrap-up
         Agent2 left
         part of Agent3
         -> referral of Agent2 Accepted
         -> referral of Agent2 Succeeded
         -> end Agent
         -> end Agent2
         -> Customer hears Agent3
         -> Agent3 hears Customer
         -> store |Customer Agent3",
    );
}

#[test]
fn a_refer_that_joins_both_may_come_before_the_answer() {
    let (mut desk, first) = talking();
    let second = desk.phone_calls("8005", "8006");
    desk.rings(Agent);
    desk.look();
    refers(&mut desk, first, "8006", Some(second));
    desk.expect(
        "Agent3 is for Agent's customer
         Agent2 left
         -> referral of Agent Accepted
         -> refuse 0 None
         -> Agent hears ring-back
         -> Customer hears ring-back",
    );
    desk.answers(Agent);
    desk.expect(
        "Agent3 answered
         8006 shows 4 Link
         Agent3 is on the floor by Transfer, told
         Agent left, told
         8005 shows 5 Hangup, wrap-up
         part of Agent3
         -> referral of Agent Succeeded
         -> end Agent
         -> Customer hears Agent3
         -> Agent3 hears Customer
         -> store |Customer Agent3",
    );
}

#[test]
fn the_second_line_hangs_up_and_the_customer_is_taken_back() {
    let (mut desk, first, second) = on_two_lines();
    desk.signal(Signal::LegEnded { leg: second, cause: bye(), gateway: None });
    desk.expect(
        "Agent2 left
         Agent3 left
         8006 shows 0 Hangup
         Agent2 ended, 200 by Far
         8005 shows 6 Link
         -> end Agent3",
    );
    desk.signal(Signal::LegHeld { leg: first, held: false });
    desk.expect(
        "Agent holds no more
         8005 shows 4 Link
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
}

#[test]
fn who_is_consulted_by_a_second_line_hangs_up_and_so_does_that() {
    let (mut desk, ..) = on_two_lines();
    desk.ends(Agent, bye());
    desk.expect(
        "Agent3 left
         8006 shows 0 Hangup
         Agent3 ended, 200 by Far
         Consult record Answer None by Agent, sip 200
         Agent2 left
         8005 shows 6 Link
         -> end Agent2",
    );
}

#[test]
fn a_second_line_that_is_refused_is_told_why() {
    let (mut desk, first) = talking();
    desk.phone_calls("8005", "8006");
    desk.look();
    desk.ends(Agent, far(486, Failure::Decline));
    desk.expect(
        "Agent3 left
         8006 shows 0 Hangup
         Consult of 8005 to 8006 failed, 486 Decline
         Agent3 ended, 486 by Far
         Consult record AgentNoAnswer Decline by Agent, sip 486
         Agent2 left
         -> referral of Agent Failed { status: 486 }
         -> refuse 486 Decline
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
    assert_eq!(desk.center.call_of("8005"), desk.center.calls().next());
    desk.signal(Signal::LegHeld { leg: first, held: false });
    assert_eq!(desk.center.agent_state("8005"), Some(4));
}

#[test]
fn the_second_line_gives_up_while_it_rings() {
    let (mut desk, _) = talking();
    let second = desk.phone_calls("8005", OUTSIDE);
    desk.look();
    desk.signal(Signal::LegEnded { leg: second, cause: far(487, Failure::Cancel), gateway: None });
    desk.expect(
        "Agent2 left
         Outside left
         Agent2 ended, 487 by Far
         -> end Outside
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer",
    );
}

#[test]
fn the_verbs_are_there_for_who_consults_from_a_second_line() {
    let (mut desk, first, _) = on_two_lines();
    let agent = "8005".to_owned();
    desk.ask(Command::Mute { agent: agent.clone() }).expect("talks");
    desk.expect(
        "Agent is muted
         8005 shows 7 Link
         -> Agent3 hears nothing
         = accepted",
    );
    desk.ask(Command::ThreeWayCall { agent }).expect("consults");
    desk.expect(
        "Agent3 is on the floor by Conference, told
         Agent2 left
         part of Agent3
         8005 shows 6 Link
         -> end Agent2
         -> Customer hears Agent3
         -> Agent3 hears Customer
         -> store |Customer Agent3
         = accepted",
    );
    desk.signal(Signal::LegHeld { leg: first, held: false });
    desk.expect(
        "Agent holds no more
         8005 shows 7 Link
         -> Agent hears Customer + Agent3",
    );
}

#[test]
fn the_customer_hangs_up_and_both_lines_end() {
    let (mut desk, ..) = on_two_lines();
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         Agent3 left
         8006 shows 0 Hangup
         call over by Customer
         8005 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Agent2
         -> end Agent3",
    );
}

#[test]
fn a_phone_whose_agent_is_in_no_call_calls_nobody() {
    let mut desk = Desk::signed_in(&["8000", "8005", "8006"]);
    for (user, called, answer) in [
        ("8005", "8006", "-> refuse 0 Forbidden"),
        ("8005", OUTSIDE, "-> refuse 0 Forbidden"),
        ("8007", "8006", "-> refuse 0 Forbidden"),
        ("nobody", "8006", "-> refuse 0 Forbidden"),
    ] {
        desk.phone_calls(user, called);
        assert_eq!(desk.look(), [answer], "{user} calls {called}");
    }
}

#[test]
fn a_second_line_calls_whom_a_consultation_could() {
    let (mut desk, _) = talking();
    for (called, answer) in [
        ("8001", "-> refuse 0 RequestTimeout"),
        ("8005", "-> refuse 0 Decline"),
        ("*98", "-> refuse 0 Unknown"),
        ("", "-> refuse 0 Unknown"),
    ] {
        desk.phone_calls("8005", called);
        assert_eq!(desk.look(), [answer], "calls {called:?}");
    }
    desk.phone_calls("8005", "8006");
    desk.look();
    desk.phone_calls("8005", OUTSIDE);
    desk.expect("-> refuse 0 Decline");
}

#[test]
fn an_account_that_may_not_act_has_no_call_handed_on() {
    for status in [AccountStatus::Disabled, AccountStatus::Removed] {
        let (mut desk, leg) = talking();
        desk.reconfigure(|account| account.status = status);
        desk.look();
        for to in [OUTSIDE, "8006"] {
            refers(&mut desk, leg, to, None);
            desk.expect("-> referral of Agent Refused");
        }
    }
    let (mut desk, first, second) = on_two_lines();
    desk.reconfigure(|account| account.status = AccountStatus::Disabled);
    desk.look();
    refers(&mut desk, first, "8006", Some(second));
    desk.expect("-> referral of Agent Refused");
}

/// Phones hold before they ask.
#[test]
fn a_phone_that_held_before_its_refer_holds_still_when_the_customer_is_back() {
    let (mut desk, leg) = talking();
    desk.signal(Signal::LegHeld { leg, held: true });
    refers(&mut desk, leg, OUTSIDE, None);
    desk.look();
    desk.ends(Outside, far(486, Failure::Decline));
    assert_eq!(desk.center.agent_state("8005"), Some(6));
    assert!(desk.look().contains(&"-> Customer hears music".to_owned()));
    desk.signal(Signal::LegHeld { leg, held: false });
    assert_eq!(desk.center.agent_state("8005"), Some(4));
}

/// What a program ends is its own hold.
#[test]
fn a_phone_that_holds_goes_on_doing_so_whatever_a_program_asks_for() {
    let (mut desk, leg) = talking();
    let agent = || "8005".to_owned();
    desk.signal(Signal::LegHeld { leg, held: true });
    desk.ask(Command::Consult { agent: agent(), to: Party::Outline(OUTSIDE.to_owned()) }).expect("talks");
    desk.answers(Outside);
    desk.ask(Command::ResumeConsult { agent: agent() }).expect("consults");
    assert_eq!(desk.center.agent_state("8005"), Some(6));
    desk.ask(Command::Hold { agent: agent() }).expect("talks");
    desk.signal(Signal::LegHeld { leg, held: false });
    assert_eq!(desk.center.agent_state("8005"), Some(4));
}

/// It is a leg more, beside that of whom it calls.
#[test]
fn a_second_line_needs_room_for_itself() {
    let (mut desk, _) = talking();
    let left = Some(Left { free: 1, of: 10 });
    desk.center.set_room(Room { legs: left, channels: None });
    desk.phone_calls("8005", "8006");
    desk.expect("-> refuse 0 ServiceUnavailable");
    desk.center.set_room(Room { legs: Some(Left { free: 2, of: 10 }), channels: None });
    desk.phone_calls("8005", "8006");
    assert_eq!(desk.look().len(), 8);
}

#[test]
fn a_second_line_is_not_told_what_became_of_the_one_before() {
    let (mut desk, _) = talking();
    desk.phone_calls("8005", "8006");
    desk.ends(Agent, far(486, Failure::Decline));
    desk.phone_calls("8005", "8006");
    desk.rings(Agent);
    desk.look();
    desk.wait_ms(60_000);
    assert!(desk.look().contains(&"-> refuse 180 RequestTimeout".to_owned()));
}

#[test]
fn a_trunk_hands_nothing_on_for_an_agents_mobile() {
    let mut desk = Desk::signed_in(&["8000", "8001"]);
    desk.linked("8000");
    let leg = desk.leg(Agent);
    desk.signal(Signal::Referred { leg, to: "13800138000".to_owned(), replaces: None });
    desk.expect("-> referral of Agent Refused");
}
