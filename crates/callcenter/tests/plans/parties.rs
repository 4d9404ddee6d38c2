//! The records of calls with more than two legs, and of those who were brought into them (contract §6).

use callcenter::action::Action;
use callcenter::command::{Command, LoginType, Monitoring, Party};
use callcenter::config::RecordingMode;
use callcenter::event::Role::{self, Agent, Customer, Outside, Supervisor};
use callcenter::event::{Event, RecordKind};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, Failure, Signal};

use crate::desk::{CUSTOMER, Desk, SHOWN, START, bye, far};
use crate::situations::{IN_CALL, OUTSIDE, Situation, a, desk_in, monitor, obey, to_agent, to_outside};

fn talking(desk: Desk) -> Desk {
    let mut desk = desk.and_signed_in(&["8000", "8002", "8005", "8006"]);
    desk.linked("8000");
    desk
}

fn desk() -> Desk {
    talking(Desk::with(|account| account.agents[2].supervisor = true))
}

fn ask(desk: &mut Desk, command: Command) {
    desk.ask(command).expect("may be asked");
    obey(desk);
}

/// Whoever has just been called answers after so many seconds.
fn answers_after(desk: &mut Desk, role: Role, s: u64) {
    desk.wait_ms(s * 1000);
    desk.answers(role);
    obey(desk);
}

fn hangs_up(desk: &mut Desk, role: Role, cause: Cause) {
    desk.ends(role, cause);
    obey(desk);
    desk.wait_ms(1000);
}

/// Seconds from the start of the call.
fn since_start(at: base::Wall) -> i64 {
    at.as_secs() - START.as_secs()
}

fn total_s(record: &CallRecord) -> i64 {
    record.ended.as_secs() - record.started.as_secs() - record.left_out_s
}

#[test]
fn the_time_of_parties_with_records_of_their_own_is_left_out_of_the_total() {
    // 10 s until linked, and then:
    let mut desk = desk();
    desk.wait_ms(10_000);
    // At 20 s a consultation: 3 s of ringing, 7 s of talk.
    ask(&mut desk, Command::Consult { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 3);
    desk.wait_ms(7000);
    ask(&mut desk, Command::ResumeConsult { agent: a() });
    // At 30 s both alone; at 35 s another, that becomes a three-way call until 50 s.
    desk.wait_ms(5000);
    ask(&mut desk, Command::Consult { agent: a(), to: to_outside() });
    answers_after(&mut desk, Outside, 5);
    ask(&mut desk, Command::ThreeWayCall { agent: a() });
    desk.wait_ms(10_000);
    hangs_up(&mut desk, Outside, bye());
    // At 51 s a transfer that is not taken for 4 s, and at 60 s one that is, and ends at 80 s.
    ask(&mut desk, Command::Transfer { agent: a(), to: Party::Agent("8006".to_owned()) });
    desk.wait_ms(4000);
    hangs_up(&mut desk, Agent, far(486, Failure::Decline));
    desk.wait_ms(4000);
    ask(&mut desk, Command::Transfer { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 2);
    desk.wait_ms(18_000);
    hangs_up(&mut desk, Customer, bye());

    let record = desk.record();
    assert_eq!((since_start(record.started), since_start(record.ended)), (0, 80));
    assert_eq!(record.left_out_s, 10 + 15 + 4 + 20);
    assert_eq!(total_s(&record), 80 - 49);
    assert_eq!((record.agent.number.as_str(), record.bridged.map(since_start)), ("8000", Some(10)));
    let told: Vec<_> = desk
        .party_records()
        .iter()
        .map(|party| {
            let agent = party.agent.number.clone();
            (party.kind, agent, since_start(party.started), since_start(party.ended), party.failure)
        })
        .collect();
    let party = |kind, agent: &str, from, to, failure| (kind, agent.to_owned(), from, to, failure);
    assert_eq!(
        told,
        [
            party(RecordKind::Consult, "8005", 20, 30, Failure::None),
            // A number outside has no agent but who wanted it.
            party(RecordKind::Conference, "8000", 35, 50, Failure::None),
            party(RecordKind::Transfer, "8006", 51, 55, Failure::Decline),
            party(RecordKind::Transfer, "8005", 60, 80, Failure::None),
        ]
    );
}

#[test]
fn two_parties_at_once_are_left_out_once() {
    let mut desk = desk();
    ask(&mut desk, Command::Consult { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 0);
    ask(&mut desk, Command::ThreeWayCall { agent: a() });
    desk.wait_ms(10_000);
    ask(&mut desk, Command::Consult { agent: a(), to: to_outside() });
    desk.wait_ms(10_000);
    ask(&mut desk, Command::CancelConsult { agent: a() });
    hangs_up(&mut desk, Customer, bye());
    assert_eq!((desk.record().left_out_s, total_s(&desk.record())), (20, 10));
}

#[test]
fn each_leg_is_billed_in_one_record() {
    let mut desk = desk();
    ask(&mut desk, Command::Consult { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 1);
    ask(&mut desk, Command::ThreeWayCall { agent: a() });
    ask(&mut desk, monitor(Monitoring::Listen));
    answers_after(&mut desk, Supervisor, 1);
    ask(&mut desk, Command::Transfer { agent: a(), to: to_outside() });
    answers_after(&mut desk, Outside, 1);
    hangs_up(&mut desk, Customer, bye());
    let billed = |record: &CallRecord| -> Vec<(Role, String)> {
        record.bills.iter().map(|bill| (bill.role, bill.dialled.clone())).collect()
    };
    let mine = |role, dialled: &str| (role, dialled.to_owned());
    let record = desk.record();
    // Who listens has no record of its own.
    assert_eq!(
        billed(&record),
        [mine(Agent, "13900008000"), mine(Customer, CUSTOMER), mine(Supervisor, "13900008002")]
    );
    let parties = desk.party_records();
    let [outside, agent] = parties.as_slice() else { panic!("two parties: {parties:?}") };
    let (agent, outside) =
        if agent.kind == RecordKind::Conference { (agent, outside) } else { (outside, agent) };
    assert_eq!(billed(agent), [mine(Agent, "8005")]);
    assert_eq!(billed(outside), [mine(Outside, OUTSIDE)]);
    assert_eq!((agent.bills[0].agent_number.as_str(), agent.bills[0].login), ("8005", Some(LoginType::Sip)));
    assert_eq!((outside.bills[0].agent_number.as_str(), outside.bills[0].login), ("", None));
    assert_eq!((agent.bills[0].shown.as_str(), outside.bills[0].shown.as_str()), (CUSTOMER, SHOWN));
    assert!(parties.iter().all(|party| !party.bills[0].incoming && party.call.id == record.call.id));
}

#[test]
fn a_party_outside_stands_as_the_customer_of_its_record() {
    let mut desk = desk();
    ask(&mut desk, Command::Consult { agent: a(), to: to_outside() });
    desk.wait_ms(4000);
    desk.answers(Outside);
    desk.wait_ms(6000);
    let gateway = Some("192.0.2.8:5060".parse().expect("an address"));
    desk.signal(Signal::LegEnded { leg: desk.leg(Outside), cause: bye(), gateway });
    let [party] = &desk.party_records()[..] else { panic!("one party") };
    assert_eq!((party.call.customer.as_str(), party.call.display.as_str()), (OUTSIDE, SHOWN));
    assert_eq!((party.agent.number.as_str(), party.agent_phone.as_str()), ("8000", ""));
    assert_eq!((party.customer_ring_s, party.agent_ring_s, party.recording_s), (4, 0, 0));
    assert_eq!((party.agent_started, party.agent_answered), (None, None));
    assert_eq!(party.gateway, "192.0.2.8:5060");
    assert_eq!(party.call.extras, "{\"a\":1}", "extras are the call's");
}

#[test]
fn each_later_agent_has_a_part_of_the_recording_named_by_the_same_rule() {
    let mut desk = talking(Desk::with(|account| account.recording = RecordingMode::DualTrack));
    let call = desk.center.call_of("8000").expect("in a call");
    desk.wait_ms(10_000);
    ask(&mut desk, Command::Consult { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 5);
    desk.wait_ms(5000);
    ask(&mut desk, Command::ConsultTransfer { agent: a() });
    desk.wait_ms(30_000);
    hangs_up(&mut desk, Customer, bye());
    let [party] = &desk.party_records()[..] else { panic!("one party") };
    let name = |suffix: &str| {
        Some(format!(
            "2000103/doubleTrack/20210508/2000103-20210508144002-{CUSTOMER}-{SHOWN}-8005-0-{call}-{suffix}.mp3"
        ))
    };
    let files = party.recording.clone().expect("it was recorded");
    assert_eq!(
        files.stereo,
        name("doubleTrack"),
        "from when the agent has the customer: 30 s after the start"
    );
    assert_eq!(
        (files.agent.clone(), files.customer.clone()),
        (name("doubleTrack-out"), name("doubleTrack-in"))
    );
    assert_eq!((files.mixed.clone(), party.dual_track, party.recording_s), (None, true, 30));
    let whole = desk.record().recording.expect("it was recorded");
    assert_ne!(whole.token, files.token, "a link does not lead from the one to the other");
    let stop = desk.actions.iter().find_map(|action| match action {
        Action::StopRecording { parts, .. } => Some(parts.clone()),
        _ => None,
    });
    let [part] = &stop.expect("the recording was stopped")[..] else { panic!("one part") };
    assert_eq!((part.leg, &part.files), (desk.leg(Agent), &files));
    assert_eq!((part.from_ms, part.to_ms), (20_000, u64::MAX), "to the end");
}

#[test]
fn a_part_ends_when_its_agent_leaves() {
    let mut desk = desk();
    desk.wait_ms(4000);
    ask(&mut desk, Command::Consult { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 2);
    ask(&mut desk, Command::ThreeWayCall { agent: a() });
    desk.wait_ms(3000);
    hangs_up(&mut desk, Agent, bye());
    desk.wait_ms(20_000);
    hangs_up(&mut desk, Customer, bye());
    let stop = desk.actions.iter().find_map(|action| match action {
        Action::StopRecording { parts, .. } => Some(parts.clone()),
        _ => None,
    });
    let [part] = &stop.expect("the recording was stopped")[..] else { panic!("one part") };
    assert_eq!((part.from_ms, part.to_ms), (6000, 9000));
    assert_eq!(desk.party_records()[0].recording_s, 3);
}

#[test]
fn nobody_has_a_part_of_what_is_not_recorded() {
    let mut desk = talking(Desk::with(|account| account.recording = RecordingMode::Off));
    ask(&mut desk, Command::Transfer { agent: a(), to: to_agent() });
    answers_after(&mut desk, Agent, 1);
    hangs_up(&mut desk, Customer, bye());
    let [party] = &desk.party_records()[..] else { panic!("one party") };
    assert_eq!((party.recording.clone(), party.recording_s, party.dual_track), (None, 0, false));
    let stores = |action: &Action| matches!(action, Action::Store { .. } | Action::StopRecording { .. });
    assert!(!desk.actions.iter().any(stores));
}

#[test]
fn only_who_talked_with_the_customer_has_something_to_write_down() {
    for (situation, states) in [
        (Situation::Consults, [5, 0]),
        (Situation::CallsToConsult, [5, 0]),
        (Situation::Transfers, [5, 0]),
        (Situation::ThreeTalk, [5, 5]),
    ] {
        let mut desk = desk_in(situation, |_| {});
        desk.hangup("8000").expect("in a call");
        // In a three-way call the other one goes on.
        let _ = desk.hangup("8005");
        let shown = ["8000", "8005"].map(|agent| desk.center.agent_state(agent).expect("signed in"));
        assert_eq!(shown, states, "{situation:?}");
    }
}

/// A start reads the log to wherever it was committed.
#[test]
fn a_crash_at_any_event_leaves_one_record_for_the_call_and_for_each_party() {
    for situation in IN_CALL {
        let mut whole = desk_in(*situation, |_| {});
        whole.ends(Customer, bye());
        obey(&mut whole);
        whole.wait_ms(10_000);
        let begun = whole.log.iter().rposition(|n| matches!(n.event, Event::CallStarted { .. }));
        for committed in begun.expect("a call was begun") + 1..=whole.log.len() {
            let mut desk = desk_in(*situation, |_| {});
            desk.ends(Customer, bye());
            obey(&mut desk);
            desk.wait_ms(10_000);
            desk.crash_after(committed);
            desk.wait_ms(10_000);
            assert_eq!(desk.center.calls().count(), 0, "{situation:?}, {committed}");
            assert_eq!(desk.records().len(), 2, "{situation:?}, {committed}: a record for each call");
            let mut recorded: Vec<u64> = desk.party_records().iter().map(|party| party.id.0).collect();
            let count = recorded.len();
            recorded.sort_unstable();
            recorded.dedup();
            assert_eq!(recorded.len(), count, "{situation:?}, {committed}: one record for each party");
            for agent in ["8000", "8002", "8005"] {
                let shows = desk.center.agent_state(agent);
                assert!(matches!(shows, Some(0 | 8)), "{situation:?}, {committed}: {agent} shows {shows:?}");
            }
        }
    }
}
