//! Whatever comes in whatever order: nothing that cannot be becomes true, and everything comes to rest.

use std::collections::BTreeMap;

use base::{CallId, LegId};
use callcenter::action::Action;
use callcenter::command::{Choice, Command, LoginType};
use callcenter::config::{AgentStatus, RecordingMode};
use callcenter::event::{Event, Role};
use callcenter::signal::{Cause, EndedBy, Failure, Signal};
use proptest::prelude::*;

use crate::desk::{CUSTOMER, Desk, SHOWN, dial_out};

/// How calls are refused that are too many.
const REFUSED: Cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::Decline };

/// One thing that happens; small numbers choose among what exists then.
#[derive(Clone, Debug)]
enum Step {
    Online(u8, LoginType, Choice),
    Offline(u8),
    Busy(u8),
    Rest(u8),
    Dial(u8),
    /// Whether it is known who calls.
    IsCalled(bool),
    Hangup(u8),
    Rings(u8, bool),
    Answers(u8),
    Ends(u8, Cause),
    RecordingStops(u8),
    Phone(u8, bool),
    Enable(u8, bool),
    Wait(u16),
    WallJump(i32),
    Restart,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_run_keeps_its_promises(
        steps in proptest::collection::vec(step(), 1..80),
        is_recorded in any::<bool>(),
    ) {
        let mut desk = Desk::with(|account| {
            account.calls_max = 6;
            account.recording = if is_recorded { RecordingMode::Normal } else { RecordingMode::Off };
        });
        for step in steps {
            take(&mut desk, step);
        }
        // Longer than every ring, every call and every wrap-up.
        desk.wait_ms(5 * 3_600_000);
        prop_assert_eq!(desk.center.next_timeout(), None);
        prop_assert_eq!(desk.center.calls().count(), 0);
        for agent in desk.center.agents() {
            let state = desk.center.agent_state(agent).expect("is signed in");
            prop_assert!([0, 1, 8, 9].contains(&state), "agent {} is stuck in {}", agent, state);
        }
        check_log(&desk);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let agent = || prop_oneof![0..2_u8, 5..7_u8];
    let login = prop_oneof![Just(LoginType::Pstn), Just(LoginType::Sip)];
    let choice = prop_oneof![Just(Choice::Idle), Just(Choice::Busy)];
    prop_oneof![
        4 => (agent(), login, choice).prop_map(|(agent, login, choice)| Step::Online(agent, login, choice)),
        1 => agent().prop_map(Step::Offline),
        1 => agent().prop_map(Step::Busy),
        1 => agent().prop_map(Step::Rest),
        6 => agent().prop_map(Step::Dial),
        4 => any::<bool>().prop_map(Step::IsCalled),
        1 => agent().prop_map(Step::Hangup),
        4 => (0..4_u8, any::<bool>()).prop_map(|(leg, early)| Step::Rings(leg, early)),
        6 => (0..4_u8).prop_map(Step::Answers),
        3 => (0..4_u8, cause()).prop_map(|(leg, cause)| Step::Ends(leg, cause)),
        1 => (0..3_u8).prop_map(Step::RecordingStops),
        3 => (agent(), any::<bool>()).prop_map(|(agent, is_there)| Step::Phone(agent, is_there)),
        1 => (agent(), any::<bool>()).prop_map(|(agent, is_enabled)| Step::Enable(agent, is_enabled)),
        4 => any::<u16>().prop_map(Step::Wait),
        1 => (-100_000..100_000).prop_map(Step::WallJump),
        1 => Just(Step::Restart),
    ]
}

fn cause() -> impl Strategy<Value = Cause> {
    let by = prop_oneof![Just(EndedBy::Far), Just(EndedBy::Us), Just(EndedBy::Network)];
    let verdict = prop_oneof![
        Just((200, Failure::None)),
        Just((486, Failure::Decline)),
        Just((503, Failure::ServiceUnavailable)),
        Just((0, Failure::Unknown)),
    ];
    (by, verdict).prop_map(|(by, (sip_code, failure))| Cause { sip_code, by, failure })
}

fn take(desk: &mut Desk, step: Step) {
    match step {
        Step::Online(agent, login, choice) => {
            let _ = desk.online(&number(agent), login, choice);
        }
        Step::Offline(agent) => {
            let _ = desk.offline(&number(agent));
        }
        Step::Busy(agent) => {
            let _ = desk.busy(&number(agent));
        }
        Step::Rest(agent) => {
            let _ = desk.rest(&number(agent));
        }
        Step::Dial(agent) => {
            let before = desk.log.len();
            let reply = desk.ask(Command::DialOut(dial_out(&number(agent))));
            assert_eq!(reply.is_ok(), desk.log.len() > before, "accepted leads to a change, refused to none");
        }
        Step::IsCalled(is_known) => {
            let before = (desk.log.len(), desk.actions.len());
            let leg = desk.is_called(SHOWN, is_known.then_some(CUSTOMER));
            let taken = Action::RefuseLeg { leg, cause: REFUSED } != desk.actions[before.1];
            assert_eq!(taken, desk.log.len() > before.0, "what is taken leads to a change, refused to none");
        }
        Step::Hangup(agent) => {
            let _ = desk.hangup(&number(agent));
        }
        Step::Rings(leg, early_media) => {
            if let Some(leg) = recent_leg(desk, leg) {
                desk.signal(Signal::LegRinging { leg, early_media });
            }
        }
        Step::Answers(leg) => {
            if let Some(leg) = recent_leg(desk, leg) {
                desk.signal(Signal::LegAnswered { leg });
            }
        }
        Step::Ends(leg, cause) => {
            if let Some(leg) = recent_leg(desk, leg) {
                desk.signal(Signal::LegEnded { leg, cause, gateway: None });
            }
        }
        Step::RecordingStops(call) => {
            let call = desk.center.calls().nth(usize::from(call));
            if let Some(call) = call {
                desk.recording_stops(call, 1234);
            }
        }
        Step::Phone(agent, is_there) => {
            let user = number(agent);
            desk.signal(match is_there {
                true => Signal::PhoneRegistered { user },
                false => Signal::PhoneUnregistered { user },
            });
        }
        Step::Enable(agent, is_enabled) => {
            let status = if is_enabled { AgentStatus::Enabled } else { AgentStatus::Disabled };
            desk.reconfigure(|account| account.agents[usize::from(agent)].status = status);
        }
        Step::Wait(ms) => desk.wait_ms(u64::from(ms)),
        Step::WallJump(ms) => {
            let at = desk.now.wall.as_millis() + i64::from(ms);
            desk.now.wall = base::Wall::from_millis(at);
        }
        Step::Restart => desk.restart(),
    }
}

fn number(agent: u8) -> String {
    (8000 + u32::from(agent)).to_string()
}

/// One of the legs started last, dead or alive.
fn recent_leg(desk: &Desk, back: u8) -> Option<LegId> {
    desk.legs.iter().rev().nth(usize::from(back)).map(|(leg, _)| *leg)
}

/// What must be true of a log after everything came to rest.
fn check_log(desk: &Desk) {
    let mut calls: BTreeMap<CallId, Past> = BTreeMap::new();
    let mut on_phone: BTreeMap<String, LegId> = BTreeMap::new();
    for numbered in &desk.log {
        let event = &numbered.event;
        let Some(id) = event.call() else { continue };
        if let Event::CallStarted { call, .. } = event {
            let past = Past { agent: call.agent.number.clone(), ..Past::default() };
            assert!(calls.insert(id, past).is_none(), "a call starts once");
        }
        let past = calls.get_mut(&id).expect("a call starts before anything else");
        assert_eq!(past.records, 0, "nothing follows the record: {event:?}");
        match event {
            Event::LegStarted { leg, role, .. } => {
                past.legs.push((*leg, *role, false));
                if *role == Role::Agent {
                    let other = on_phone.insert(past.agent.clone(), *leg);
                    assert_eq!(other, None, "an agent is in at most one living leg");
                }
            }
            Event::LegEnded { leg, .. } => {
                let ended =
                    past.legs.iter_mut().find(|(id, ..)| id == leg).expect("a leg starts before it ends");
                assert!(!ended.2, "a leg ends once");
                ended.2 = true;
                on_phone.retain(|_, on| on != leg);
            }
            Event::CallEnded { .. } => past.ends += 1,
            Event::CallRecorded { record } => {
                past.records += 1;
                let times = [
                    Some(record.started),
                    record.agent_started,
                    record.agent_answered,
                    record.customer_started,
                    record.customer_answered,
                    record.bridged,
                    Some(record.hung_up),
                    Some(record.ended),
                    Some(record.created),
                ];
                let times: Vec<_> = times.into_iter().flatten().collect();
                assert!(times.is_sorted(), "times of a record are in order: {record:?}");
                assert!(record.agent_ring_s >= 0 && record.customer_ring_s >= 0 && record.recording_s >= 0);
            }
            _ => {}
        }
    }
    for (id, past) in calls {
        assert_eq!((past.ends, past.records), (1, 1), "{id:?} has one end and one record");
        assert!(past.legs.iter().all(|(.., is_over)| *is_over), "{id:?} left a leg behind");
        let customers = past.legs.iter().filter(|(_, role, _)| *role == Role::Customer).count();
        assert!(customers <= 1, "{id:?} called its customer {customers} times");
    }
}

#[derive(Default)]
struct Past {
    agent: String,
    legs: Vec<(LegId, Role, bool)>,
    ends: u32,
    records: u32,
}
