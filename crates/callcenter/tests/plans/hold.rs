//! Hold and mute (API 2.3–2.6, contract §4), moment by moment.

use callcenter::command::{Command, Refusal};
use callcenter::config::HoldRecording;
use callcenter::event::Role::{Agent, Customer};

use crate::desk::{Desk, bye};
use crate::situations::{a, to_agent};

fn hold(desk: &mut Desk) {
    desk.ask(Command::Hold { agent: a() }).expect("talks");
}

fn unhold(desk: &mut Desk) {
    desk.ask(Command::Unhold { agent: a() }).expect("talks");
}

fn mute(desk: &mut Desk) {
    desk.ask(Command::Mute { agent: a() }).expect("talks");
}

fn unmute(desk: &mut Desk) {
    desk.ask(Command::Unmute { agent: a() }).expect("talks");
}

fn talking() -> Desk {
    let mut desk = Desk::signed_in(&["8000", "8005"]);
    desk.linked("8000");
    desk
}

#[test]
fn the_customer_hears_music_while_the_agent_holds() {
    let mut desk = talking();
    hold(&mut desk);
    desk.expect(
        "Agent holds
         8000 shows 6 Link
         -> Agent hears nothing
         -> Customer hears music
         -> store |Customer
         = accepted",
    );
    unhold(&mut desk);
    desk.expect(
        "Agent holds no more
         8000 shows 4 Link
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}

#[test]
fn nobody_hears_an_agent_who_is_muted_and_the_agent_hears_on() {
    let mut desk = talking();
    mute(&mut desk);
    desk.expect(
        "Agent is muted
         8000 shows 7 Link
         -> Customer hears nothing
         -> store |Customer
         = accepted",
    );
    unmute(&mut desk);
    desk.expect(
        "Agent is muted no more
         8000 shows 4 Link
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}

#[test]
fn hold_and_mute_are_undone_in_any_order_and_hold_is_shown_before_mute() {
    let mut desk = talking();
    mute(&mut desk);
    hold(&mut desk);
    assert_eq!(desk.center.agent_state("8000"), Some(6));
    desk.look();
    unhold(&mut desk);
    desk.expect(
        "Agent holds no more
         8000 shows 7 Link
         -> Agent hears Customer
         -> Customer hears nothing
         = accepted",
    );
    hold(&mut desk);
    desk.look();
    unmute(&mut desk);
    desk.expect(
        "Agent is muted no more
         = accepted",
    );
    unhold(&mut desk);
    desk.expect(
        "Agent holds no more
         8000 shows 4 Link
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}

#[test]
fn asking_for_what_already_is_is_accepted_and_nothing_follows() {
    let mut desk = talking();
    unhold(&mut desk);
    unmute(&mut desk);
    desk.expect(
        "= accepted
         = accepted",
    );
    hold(&mut desk);
    mute(&mut desk);
    desk.look();
    hold(&mut desk);
    mute(&mut desk);
    desk.expect(
        "= accepted
         = accepted",
    );
}

#[test]
fn two_programs_that_hold_at_once_hold_once() {
    let mut desk = talking();
    hold(&mut desk);
    hold(&mut desk);
    unhold(&mut desk);
    assert_eq!(desk.center.agent_state("8000"), Some(4), "holds are not counted");
}

#[test]
fn a_recording_goes_on_through_a_hold_with_silence_or_with_the_music() {
    let mut desk =
        Desk::with(|account| account.hold_recording = HoldRecording::Music).and_signed_in(&["8000"]);
    desk.linked("8000");
    hold(&mut desk);
    desk.expect(
        "Agent holds
         8000 shows 6 Link
         -> Agent hears nothing
         -> Customer hears music
         -> store |Customer music
         = accepted",
    );
    unhold(&mut desk);
    desk.expect(
        "Agent holds no more
         8000 shows 4 Link
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}

#[test]
fn a_call_on_hold_ends_as_any_other() {
    let mut desk = talking();
    hold(&mut desk);
    desk.look();
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent",
    );
    assert_eq!(desk.ask(Command::Unhold { agent: a() }), Err(Refusal::NotInCall));
}

#[test]
fn the_next_call_is_neither_held_nor_muted() {
    let mut desk = talking();
    hold(&mut desk);
    mute(&mut desk);
    desk.hangup("8000").expect("in a call");
    desk.linked("8000");
    assert_eq!(desk.center.agent_state("8000"), Some(4));
}

#[test]
fn who_consults_holds_the_one_who_is_consulted() {
    let mut desk = talking();
    desk.ask(Command::Consult { agent: a(), to: to_agent() }).expect("talks");
    desk.answers(Agent);
    desk.look();
    hold(&mut desk);
    desk.expect(
        "Agent holds
         8000 shows 6 Link
         -> Agent hears nothing
         -> Agent2 hears music
         = accepted",
    );
    desk.ask(Command::ResumeConsult { agent: a() }).expect("consults");
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         Agent holds no more
         8000 shows 4 Link
         -> end Agent2
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}
