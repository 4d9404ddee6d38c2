//! Digits that are not sound (`sendDtmf`, INFO), and phones that are to answer by themselves (`answer`).

use callcenter::command::{Command, Monitoring};
use callcenter::event::Role::{Agent, Customer, Supervisor};
use callcenter::signal::Signal;

use crate::desk::Desk;
use crate::situations::{Situation, a, desk_in, leg, to_agent};

fn dial(desk: &mut Desk, agent: &str) -> Vec<String> {
    desk.look();
    desk.ask(Command::SendDtmf { agent: agent.to_owned(), digits: "12#".to_owned() }).expect("talks");
    desk.look()
}

fn talking() -> Desk {
    let mut desk = Desk::with(|account| account.agents[2].supervisor = true);
    desk = desk.and_signed_in(&["8000", "8002", "8005"]);
    desk.linked("8000");
    desk
}

#[test]
fn digits_are_dialled_to_those_who_hear_the_agent() {
    let mut desk = talking();
    assert_eq!(dial(&mut desk, "8000"), ["-> dial 12# to Customer", "= accepted"]);
    desk.ask(Command::Consult { agent: a(), to: to_agent() }).expect("talks");
    assert_eq!(dial(&mut desk, "8000"), ["= accepted"], "nobody has answered");
    desk.answers(Agent);
    assert_eq!(dial(&mut desk, "8000"), ["-> dial 12# to Agent2", "= accepted"]);
    assert_eq!(dial(&mut desk, "8005"), ["-> dial 12# to Agent", "= accepted"]);
    desk.ask(Command::ThreeWayCall { agent: a() }).expect("consults");
    let all = ["-> dial 12# to Customer", "-> dial 12# to Agent2", "= accepted"];
    assert_eq!(dial(&mut desk, "8000"), all);
}

#[test]
fn an_agent_who_is_muted_or_holds_dials_all_the_same() {
    let mut desk = talking();
    desk.ask(Command::Mute { agent: a() }).expect("talks");
    assert_eq!(dial(&mut desk, "8000"), ["-> dial 12# to Customer", "= accepted"]);
    desk.ask(Command::Hold { agent: a() }).expect("talks");
    assert_eq!(dial(&mut desk, "8000"), ["-> dial 12# to Customer", "= accepted"]);
}

#[test]
fn who_listens_hears_no_digits() {
    let mut desk = talking();
    let (supervisor, how) = ("8002".to_owned(), Monitoring::Listen);
    desk.ask(Command::Monitor { supervisor, agent: a(), how }).expect("talks");
    desk.answers(Supervisor);
    assert_eq!(dial(&mut desk, "8000"), ["-> dial 12# to Customer", "= accepted"]);
}

#[test]
fn a_key_pressed_in_signalling_reaches_those_who_would_have_heard_it() {
    let mut desk = talking();
    for (role, to) in [(Agent, "-> dial 5 to Customer"), (Customer, "-> dial 5 to Agent")] {
        let leg = desk.leg(role);
        desk.signal(Signal::KeyPressed { leg, digit: '5' });
        assert_eq!(desk.look(), [to]);
    }
    desk.ask(Command::Consult { agent: a(), to: to_agent() }).expect("talks");
    desk.look();
    let customer = desk.leg(Customer);
    desk.signal(Signal::KeyPressed { leg: customer, digit: '5' });
    desk.expect_nothing();
}

#[test]
fn keys_of_a_call_that_is_over_or_has_not_begun_reach_nobody() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.look();
    let agent = desk.leg(Agent);
    desk.signal(Signal::KeyPressed { leg: agent, digit: '5' });
    desk.expect_nothing();
    desk.answers(Agent);
    desk.look();
    desk.signal(Signal::KeyPressed { leg: agent, digit: '5' });
    desk.expect_nothing();
    desk.answers(Customer);
    desk.hangup("8000").expect("in a call");
    desk.look();
    desk.signal(Signal::KeyPressed { leg: agent, digit: '5' });
    desk.expect_nothing();
}

#[test]
fn a_phone_that_rings_is_let_answer_by_itself() {
    for (situation, agent, role, n) in [
        (Situation::AgentCalled, "8000", Agent, 1),
        (Situation::AgentRings, "8000", Agent, 1),
        (Situation::Transfers, "8005", Agent, 2),
        (Situation::CallsToConsult, "8005", Agent, 2),
        (Situation::SupervisorRings, "8002", Supervisor, 1),
    ] {
        let mut desk = desk_in(situation, |_| {});
        let before = desk.actions.len();
        desk.ask(Command::Answer { agent: agent.to_owned() }).expect("its phone rings");
        let leg = leg(&desk, role, n);
        let let_answer = callcenter::action::Action::LetAnswer { leg };
        assert_eq!(desk.actions[before..], [let_answer], "{situation:?}");
        desk.signal(Signal::LegAnswered { leg });
    }
}
