//! Supervisors, moment by moment: `listen`, `whisper`, `barge`, `takeOver`, and what they do to agents.

use callcenter::command::{Command, Forced, Monitoring, Refusal};
use callcenter::event::Role::{Agent, Customer, Supervisor};
use callcenter::signal::{Failure, Signal};

use crate::desk::{Desk, bye, ended_by_us, far};
use crate::situations::{a, monitor, to_agent};

/// 8000 talks; 8002 and 8003 are supervisors.
fn talking() -> Desk {
    let desk = Desk::with(|account| {
        (account.agents[2].supervisor, account.agents[3].supervisor) = (true, true);
    });
    let mut desk = desk.and_signed_in(&["8000", "8002", "8003", "8005"]);
    desk.linked("8000");
    desk
}

fn watching(how: Monitoring) -> Desk {
    let mut desk = talking();
    desk.ask(monitor(how)).expect("talks");
    desk.answers(Supervisor);
    desk.look();
    desk
}

fn force(desk: &mut Desk, agent: &str, what: Forced) -> Result<(), Refusal> {
    let supervisor = "8002".to_owned();
    desk.ask(Command::Force { supervisor, agent: agent.to_owned(), what }).map(|_| ())
}

#[test]
fn a_supervisor_listens_whispers_joins_and_takes_over() {
    let mut desk = talking();
    desk.ask(monitor(Monitoring::Listen)).expect("talks");
    desk.expect(
        "Supervisor 8002 called at 13900008002 as 02258834811 watching Agent: Listen
         8002 shows 2 Calling
         -> call 13900008002 as 02258834811
         = accepted",
    );
    desk.rings(Supervisor);
    desk.expect(
        "Supervisor rang
         8002 shows 3 Ring",
    );
    desk.answers(Supervisor);
    desk.expect(
        "Supervisor answered
         8002 shows 4 Link
         -> Supervisor hears Agent + Customer",
    );
    desk.ask(monitor(Monitoring::Whisper)).expect("listens");
    desk.expect(
        "Supervisor is watching Agent: Whisper
         -> Agent hears Customer + Supervisor
         = accepted",
    );
    desk.ask(monitor(Monitoring::Barge)).expect("whispers");
    desk.expect(
        "Supervisor is watching Agent: Barge
         Supervisor is on the floor by Conference, told
         part of Supervisor
         -> Customer hears Agent + Supervisor
         -> store Agent |Customer Supervisor
         = accepted",
    );
    assert_eq!(desk.ask(monitor(Monitoring::Listen)), Err(Refusal::InCall), "it talks already");
    desk.look();
    desk.hangup("8002").expect("in a call");
    desk.expect(
        "Supervisor left, told
         8002 shows 5 Hangup, wrap-up
         -> end Supervisor
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
    desk.ends(Supervisor, ended_by_us());
    desk.expect(
        "Supervisor ended, 200 by Us
         Conference record Answer None by Agent, sip 200",
    );
}

#[test]
fn a_supervisor_takes_a_call_over() {
    let mut desk = watching(Monitoring::Listen);
    desk.ask(monitor(Monitoring::TakeOver)).expect("listens");
    desk.expect(
        "Supervisor is watching Agent: TakeOver
         Supervisor is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Supervisor
         -> end Agent
         -> Customer hears Supervisor
         -> Supervisor hears Customer
         -> store |Customer Supervisor
         = accepted",
    );
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         8002 shows 5 Hangup, wrap-up
         -> stop recording, Supervisor from 0 ms
         -> end Supervisor",
    );
}

#[test]
fn a_call_is_taken_over_as_soon_as_the_supervisor_answers() {
    let mut desk = talking();
    desk.ask(monitor(Monitoring::TakeOver)).expect("talks");
    desk.rings(Supervisor);
    desk.expect(
        "Supervisor 8002 called at 13900008002 as 02258834811 watching Agent: TakeOver
         8002 shows 2 Calling
         -> call 13900008002 as 02258834811
         = accepted
         Supervisor rang
         8002 shows 3 Ring",
    );
    desk.answers(Supervisor);
    desk.expect(
        "Supervisor answered
         8002 shows 4 Link
         Supervisor is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Supervisor
         -> end Agent
         -> Customer hears Supervisor
         -> Supervisor hears Customer
         -> store |Customer Supervisor",
    );
}

#[test]
fn what_a_supervisor_is_to_do_may_change_while_its_phone_rings() {
    let mut desk = talking();
    desk.ask(monitor(Monitoring::Listen)).expect("talks");
    desk.look();
    desk.ask(monitor(Monitoring::Barge)).expect("rings");
    desk.expect(
        "Supervisor is watching Agent: Barge
         = accepted",
    );
    desk.answers(Supervisor);
    desk.expect(
        "Supervisor answered
         8002 shows 4 Link
         Supervisor is on the floor by Conference, told
         part of Supervisor
         -> Agent hears Customer + Supervisor
         -> Customer hears Agent + Supervisor
         -> Supervisor hears Agent + Customer
         -> store Agent |Customer Supervisor",
    );
}

#[test]
fn who_listens_leaves_no_record_and_has_nothing_to_write_down() {
    for (how, agent_hears) in
        [(Monitoring::Listen, None), (Monitoring::Whisper, Some("-> Agent hears Customer"))]
    {
        let mut desk = watching(how);
        desk.ends(Supervisor, bye());
        let leaves = ["Supervisor left", "8002 shows 0 Hangup", "Supervisor ended, 200 by Far"];
        let told: Vec<&str> = leaves.into_iter().chain(agent_hears).collect();
        assert_eq!(desk.look(), told, "{how:?}");
        desk.ends(Customer, bye());
        desk.wait_ms(1000);
        assert_eq!(desk.party_records(), []);
        assert_eq!(desk.record().left_out_s, 0);
    }
}

#[test]
fn a_supervisor_whose_phone_is_not_answered_disturbs_nobody() {
    let mut desk = talking();
    desk.ask(monitor(Monitoring::Listen)).expect("talks");
    desk.look();
    desk.ends(Supervisor, far(486, Failure::Decline));
    desk.expect(
        "Supervisor left
         8002 shows 0 Hangup
         Supervisor ended, 486 by Far",
    );
    desk.ask(monitor(Monitoring::Listen)).expect("talks");
    desk.look();
    desk.wait_ms(60_000);
    desk.expect(
        "Supervisor2 left
         8002 shows 0 Hangup
         -> end Supervisor2",
    );
}

#[test]
fn the_agent_leaves_and_its_supervisor_with_it() {
    let mut desk = watching(Monitoring::Whisper);
    desk.ask(Command::Transfer { agent: a(), to: to_agent() }).expect("talks");
    desk.answers(Agent);
    desk.expect(
        "Agent2 8005 called at 8005 as 17319132391 for Agent's customer
         8005 shows 2 Calling
         -> call 8005 as 17319132391
         -> Agent hears ring-back
         -> Customer hears ring-back
         -> Supervisor hears ring-back
         -> store |Customer
         = accepted
         Agent2 answered
         8005 shows 4 Link
         Agent2 is on the floor by Transfer, told
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         Supervisor left
         8002 shows 0 Hangup
         part of Agent2
         -> referral of Agent Succeeded
         -> end Agent
         -> end Supervisor
         -> Customer hears Agent2
         -> Agent2 hears Customer
         -> store |Customer Agent2",
    );
}

#[test]
fn two_supervisors_listen_to_one_agent() {
    let mut desk = watching(Monitoring::Listen);
    let second = Command::Monitor { supervisor: "8003".to_owned(), agent: a(), how: Monitoring::Listen };
    desk.ask(second).expect("talks");
    desk.answers(Supervisor);
    desk.expect(
        "Supervisor2 8003 called at 13900008003 as 02258834811 watching Agent: Listen
         8003 shows 2 Calling
         -> call 13900008003 as 02258834811
         = accepted
         Supervisor2 answered
         8003 shows 4 Link
         -> Supervisor2 hears Agent + Customer",
    );
}

#[test]
fn who_has_barged_in_takes_over() {
    let mut desk = talking();
    desk.ask(monitor(Monitoring::Barge)).expect("talks");
    desk.answers(Supervisor);
    desk.look();
    desk.ask(monitor(Monitoring::TakeOver)).expect("has barged in");
    desk.expect(
        "Supervisor is on the floor by Transfer
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         -> end Agent
         -> Customer hears Supervisor
         -> Supervisor hears Customer
         -> store |Customer Supervisor
         = accepted",
    );
}

#[test]
fn a_take_over_ends_what_the_agent_had_begun() {
    let mut desk = watching(Monitoring::Listen);
    desk.ask(Command::Transfer { agent: a(), to: to_agent() }).expect("talks");
    desk.look();
    desk.ask(monitor(Monitoring::TakeOver)).expect("listens");
    desk.expect(
        "Supervisor is watching Agent: TakeOver
         Supervisor is on the floor by Transfer, told
         Agent2 left
         8005 shows 0 Hangup
         Agent left, told
         8000 shows 5 Hangup, wrap-up
         part of Supervisor
         -> end Agent
         -> end Agent2
         -> Customer hears Supervisor
         -> Supervisor hears Customer
         -> store |Customer Supervisor
         = accepted",
    );
}

#[test]
fn a_supervisor_sets_what_an_agent_shows_also_for_after_its_call() {
    let mut desk = talking();
    force(&mut desk, "8000", Forced::Busy).expect("is signed in");
    desk.expect(
        "8000 chose Busy
         = accepted",
    );
    desk.ends(Customer, bye());
    desk.look();
    desk.wait_ms(5000);
    desk.expect(
        "Agent ended, 200 by Us
         record Answer None by Customer, sip 200
         8000 shows 1",
    );
    force(&mut desk, "8000", Forced::Idle).expect("is signed in");
    desk.expect(
        "8000 chose Idle
         8000 shows 0
         = accepted",
    );
}

#[test]
fn a_supervisor_ends_an_agents_wrap_up() {
    let mut desk = talking();
    desk.ends(Customer, bye());
    desk.look();
    force(&mut desk, "8000", Forced::Idle).expect("is signed in");
    desk.expect(
        "8000 shows 0
         = accepted",
    );
}

#[test]
fn a_supervisor_hangs_up_for_an_agent() {
    let mut desk = talking();
    force(&mut desk, "8000", Forced::Hangup).expect("in a call");
    desk.expect(
        "call over by Agent
         8000 shows 5 Hangup, wrap-up
         -> stop recording
         -> end Agent
         -> end Customer
         = accepted",
    );
    assert_eq!(force(&mut desk, "8000", Forced::Hangup), Err(Refusal::NothingToHangUp));
}

#[test]
fn a_supervisor_signs_an_agent_out_of_a_call() {
    let mut desk = talking();
    force(&mut desk, "8000", Forced::Offline).expect("is signed in");
    desk.expect(
        "call over by Agent
         8000 shows 5 Hangup, wrap-up
         8000 signed out, Normal
         -> stop recording
         -> end Agent
         -> end Customer
         = accepted",
    );
    for (leg, _) in desk.legs.clone() {
        desk.signal(Signal::LegEnded { leg, cause: ended_by_us(), gateway: None });
    }
    desk.wait_ms(1000);
    desk.expect(
        "Agent ended, 200 by Us
         Customer ended, 200 by Us
         record Answer None by Agent, sip 200",
    );
    assert_eq!(desk.center.agent_state("8000"), None);
}

#[test]
fn an_agent_who_is_signed_out_while_it_rings_gives_that_up() {
    let mut desk = talking();
    desk.ask(Command::Transfer { agent: a(), to: to_agent() }).expect("talks");
    desk.look();
    force(&mut desk, "8005", Forced::Offline).expect("is signed in");
    desk.expect(
        "Agent2 left
         8005 shows 0 Hangup
         Transfer of 8000 to 8005 failed, 0 Decline
         8005 signed out, Normal
         -> referral of Agent Failed { status: 480 }
         -> end Agent2
         -> Agent hears Customer
         -> Customer hears Agent
         -> store Agent |Customer
         = accepted",
    );
}
