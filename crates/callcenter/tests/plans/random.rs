//! Whatever comes in whatever order: nothing that cannot be becomes true, and everything comes to rest.

use std::collections::BTreeMap;

use base::{CallId, LegId};
use callcenter::action::Action;
use callcenter::command::{Choice, Command, Forced, LoginType, Monitoring, Party, WebCallee};
use callcenter::config::{
    Account, AccountStatus, AgentStatus, HoldRecording, RecordingMode, TransferSound, WithoutCustomer,
};
use callcenter::event::{CallKind, Event, Place, Role};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, EndedBy, Failure, Signal};
use proptest::prelude::*;

use crate::desk::{CUSTOMER, Desk, SHOWN, dial_out, web_call};
use crate::ears::Ears;

/// How calls are refused that are too many.
const DECLINED: Cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::Decline };
/// How calls to an account are refused that may not act.
const FORBIDDEN: Cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::Forbidden };

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
    /// Which verb, by which agent, about which other one.
    Verb(u8, u8, u8),
    WebCall(Option<u8>),
    Holds(u8, bool),
    Refers(u8, u8, bool),
    PhoneCalls(u8, u8),
    Presses(u8),
    Rings(u8, bool),
    Answers(u8),
    /// Of the legs that are called the newest one.
    AnswersNext,
    /// A dialOut in which both answer at once.
    Linked(u8),
    Ends(u8, Cause),
    RecordingStops(u8),
    Phone(u8, bool),
    Enable(u8, bool),
    /// Another configuration: what is different, and whether it is.
    Reload(u8, bool),
    Wait(u16),
    WallJump(i32),
    Restart,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_run_keeps_its_promises(
        steps in proptest::collection::vec(step(), 1..120),
        is_recorded in any::<bool>(),
        goes_on in any::<bool>(),
    ) {
        let mut desk = desk(is_recorded, goes_on);
        for step in steps {
            take(&mut desk, step);
        }
        come_to_rest(&mut desk)?;
    }

    /// Calls in which agents talk, and then every verb.
    #[test]
    fn every_verb_keeps_its_promises(
        steps in proptest::collection::vec(talking(), 1..60),
        is_recorded in any::<bool>(),
        goes_on in any::<bool>(),
    ) {
        let mut desk = desk(is_recorded, goes_on).and_signed_in(&["8000", "8001", "8005", "8006"]);
        desk.linked("8000");
        for step in steps {
            take(&mut desk, step);
        }
        come_to_rest(&mut desk)?;
    }
}

fn desk(is_recorded: bool, goes_on: bool) -> Desk {
    Desk::with(|account| {
        account.calls_max = 6;
        account.recording = if is_recorded { RecordingMode::Normal } else { RecordingMode::Off };
        (account.agents[0].supervisor, account.agents[6].supervisor) = (true, true);
        if goes_on {
            account.consult_without_customer = WithoutCustomer::GoOn;
            account.conference_without_customer = WithoutCustomer::GoOn;
            account.hold_recording = HoldRecording::Music;
            account.transfer_sound = TransferSound::Music;
        }
    })
}

fn come_to_rest(desk: &mut Desk) -> Result<(), TestCaseError> {
    // Longer than every ring, every call and every wrap-up.
    desk.wait_ms(5 * 3_600_000);
    prop_assert_eq!(desk.center.next_timeout(), None);
    prop_assert_eq!(desk.center.calls().count(), 0);
    for agent in desk.center.agents() {
        let state = desk.center.agent_state(agent).expect("is signed in");
        prop_assert!([0, 1, 8, 9].contains(&state), "agent {} is stuck in {}", agent, state);
    }
    check_log(desk);
    Ok(())
}

/// Steps of a desk at work: agents who are there and talk, phones that answer mostly.
fn talking() -> impl Strategy<Value = Step> {
    let agent = || prop_oneof![0..2_u8, 5..7_u8];
    let verb =
        || (0..17_u8, agent(), agent()).prop_map(|(verb, agent, other)| Step::Verb(verb, agent, other));
    prop_oneof![
        30 => verb(),
        3 => agent().prop_map(Step::Linked),
        1 => proptest::option::of(agent()).prop_map(Step::WebCall),
        1 => any::<bool>().prop_map(Step::IsCalled),
        1 => agent().prop_map(Step::Hangup),
        3 => (0..3_u8, any::<bool>()).prop_map(|(leg, early)| Step::Rings(leg, early)),
        14 => Just(Step::AnswersNext),
        4 => (0..6_u8, cause()).prop_map(|(leg, cause)| Step::Ends(leg, cause)),
        1 => (0..3_u8).prop_map(Step::RecordingStops),
        2 => (0..5_u8, any::<bool>()).prop_map(|(leg, held)| Step::Holds(leg, held)),
        3 => (0..5_u8, agent(), any::<bool>()).prop_map(|(leg, to, replaces)| Step::Refers(leg, to, replaces)),
        3 => (5..7_u8, agent()).prop_map(|(agent, to)| Step::PhoneCalls(agent, to)),
        1 => (0..5_u8).prop_map(Step::Presses),
        2 => (0..6_u8, any::<bool>()).prop_map(|(what, is)| Step::Reload(what, is)),
        3 => (0..8000_u16).prop_map(Step::Wait),
        1 => Just(Step::Wait(u16::MAX)),
        1 => (-5_000..5_000).prop_map(Step::WallJump),
    ]
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
        14 => (0..17_u8, agent(), agent()).prop_map(|(verb, agent, other)| Step::Verb(verb, agent, other)),
        2 => proptest::option::of(agent()).prop_map(Step::WebCall),
        2 => (0..5_u8, any::<bool>()).prop_map(|(leg, held)| Step::Holds(leg, held)),
        2 => (0..5_u8, agent(), any::<bool>()).prop_map(|(leg, to, replaces)| Step::Refers(leg, to, replaces)),
        2 => (agent(), agent()).prop_map(|(agent, to)| Step::PhoneCalls(agent, to)),
        1 => (0..5_u8).prop_map(Step::Presses),
        4 => (0..4_u8, any::<bool>()).prop_map(|(leg, early)| Step::Rings(leg, early)),
        6 => (0..4_u8).prop_map(Step::Answers),
        3 => (0..4_u8, cause()).prop_map(|(leg, cause)| Step::Ends(leg, cause)),
        1 => (0..3_u8).prop_map(Step::RecordingStops),
        3 => (agent(), any::<bool>()).prop_map(|(agent, is_there)| Step::Phone(agent, is_there)),
        1 => (agent(), any::<bool>()).prop_map(|(agent, is_enabled)| Step::Enable(agent, is_enabled)),
        1 => (0..6_u8, any::<bool>()).prop_map(|(what, is)| Step::Reload(what, is)),
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
        Step::Dial(agent) => begin(desk, Command::DialOut(dial_out(&number(agent)))),
        Step::IsCalled(is_known) => is_called(desk, is_known),
        Step::Hangup(agent) => {
            let _ = desk.hangup(&number(agent));
        }
        Step::Verb(verb, agent, other) => {
            let before = (desk.log.len(), desk.actions.len());
            let reply = desk.ask(command(verb, number(agent), number(other)));
            let changed = desk.log.len() > before.0 || desk.actions.len() > before.1;
            assert!(reply.is_ok() || !changed, "what is refused changes nothing");
        }
        Step::WebCall(agent) => {
            let callee =
                agent.map_or(WebCallee::Number("13800138000".to_owned()), |n| WebCallee::Agent(number(n)));
            begin(desk, Command::WebCall(web_call(callee)));
        }
        Step::Holds(leg, held) => of_leg(desk, leg, |leg| Signal::LegHeld { leg, held }),
        Step::Refers(leg, to, replaces) => refers(desk, leg, number(to), replaces),
        Step::PhoneCalls(agent, to) => {
            desk.phone_calls(&number(agent), &number(to));
        }
        Step::Presses(leg) => of_leg(desk, leg, |leg| Signal::KeyPressed { leg, digit: '5' }),
        Step::Rings(leg, early_media) => of_leg(desk, leg, |leg| Signal::LegRinging { leg, early_media }),
        Step::Answers(leg) => of_leg(desk, leg, |leg| Signal::LegAnswered { leg }),
        Step::AnswersNext => answers_next(desk),
        Step::Linked(agent) => {
            if desk.ask(Command::DialOut(dial_out(&number(agent)))).is_ok() {
                desk.answers(Role::Agent);
                desk.answers(Role::Customer);
            }
        }
        Step::Ends(leg, cause) => of_leg(desk, leg, |leg| Signal::LegEnded { leg, cause, gateway: None }),
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
            let number = number(agent);
            desk.reconfigure(|account| {
                account
                    .agents
                    .iter_mut()
                    .filter(|agent| agent.number == number)
                    .for_each(|agent| agent.status = status);
            });
        }
        Step::Reload(what, is) => desk.reconfigure(|account| reload(account, what, is)),
        Step::Wait(ms) => desk.wait_ms(u64::from(ms)),
        Step::WallJump(ms) => {
            let at = desk.now.wall.as_millis() + i64::from(ms);
            desk.now.wall = base::Wall::from_millis(at);
        }
        Step::Restart => desk.restart(),
    }
    check_now(desk);
}

fn reload(account: &mut Account, what: u8, is: bool) {
    let without = if is { WithoutCustomer::GoOn } else { WithoutCustomer::End };
    match what {
        0 => account.status = if is { AccountStatus::Disabled } else { AccountStatus::Enabled },
        1 => account.consult_without_customer = without,
        2 => account.conference_without_customer = without,
        3 => account.hold_recording = if is { HoldRecording::Music } else { HoldRecording::Silence },
        4 => account.transfer_sound = if is { TransferSound::Music } else { TransferSound::RingBack },
        _ => {
            let gone = Desk::new().account.agents.remove(if is { 6 } else { 1 });
            match account.agents.iter().position(|agent| agent.number == gone.number) {
                Some(at) => drop(account.agents.remove(at)),
                None => account.agents.push(gone),
            }
        }
    }
}

/// A call is begun, or refused.
fn begin(desk: &mut Desk, command: Command) {
    let before = desk.log.len();
    let reply = desk.ask(command);
    assert_eq!(reply.is_ok(), desk.log.len() > before, "accepted leads to a change, refused to none");
}

fn is_called(desk: &mut Desk, is_known: bool) {
    let before = (desk.log.len(), desk.actions.len());
    let leg = desk.is_called(SHOWN, is_known.then_some(CUSTOMER));
    let refused = [DECLINED, FORBIDDEN].map(|cause| Action::RefuseLeg { leg, cause });
    let taken = !refused.contains(&desk.actions[before.1]);
    assert_eq!(taken, desk.log.len() > before.0, "what is taken leads to a change, refused to none");
}

/// Says something of one of the legs started last, dead or alive.
fn of_leg(desk: &mut Desk, back: u8, signal: impl FnOnce(LegId) -> Signal) {
    let leg = desk.legs.iter().rev().nth(usize::from(back)).map(|(leg, _)| *leg);
    if let Some(leg) = leg {
        desk.signal(signal(leg));
    }
}

fn refers(desk: &mut Desk, back: u8, to: String, replaces: bool) {
    let legs: Vec<LegId> = desk.legs.iter().rev().map(|(leg, _)| *leg).collect();
    of_leg(desk, back, |leg| {
        let other = legs.into_iter().find(|other| *other != leg).filter(|_| replaces);
        Signal::Referred { leg, to, replaces: other }
    });
}

fn answers_next(desk: &mut Desk) {
    let answered = |leg| {
        desk.log.iter().any(|numbered| match &numbered.event {
            Event::LegAnswered { leg: other, .. } | Event::LegEnded { leg: other, .. } => *other == leg,
            _ => false,
        })
    };
    let next = desk.legs.iter().rev().map(|(leg, _)| *leg).find(|leg| !answered(*leg));
    if let Some(leg) = next {
        desk.signal(Signal::LegAnswered { leg });
    }
}

/// What must be true between any two steps: who hears whom, and what agents show.
fn check_now(desk: &Desk) {
    let ears = Ears::of(desk);
    ears.check();
    for agent in desk.center.agents() {
        let shows = desk.center.agent_state(agent);
        match (ears.state(agent), shows) {
            (Some(state), shows) => assert_eq!(shows, Some(state), "{agent} shows what its call is not"),
            (None, Some(0 | 1 | 5 | 8 | 9)) => {}
            (None, shows) => panic!("{agent} is in no call and shows {shows:?}"),
        }
        let told = desk.log.iter().rev().find_map(|numbered| match &numbered.event {
            Event::AgentChanged { agent: of, state, .. } if of.number == agent => Some(*state),
            _ => None,
        });
        assert_eq!(told, shows, "{agent} shows what was not told");
    }
}

fn command(verb: u8, agent: String, other: String) -> Command {
    let monitor = |how| Command::Monitor { supervisor: other.clone(), agent: agent.clone(), how };
    let force = |what| Command::Force { supervisor: other.clone(), agent: agent.clone(), what };
    match verb {
        0 => Command::Hold { agent },
        1 => Command::Unhold { agent },
        2 => Command::Mute { agent },
        3 => Command::Unmute { agent },
        4 => Command::Transfer { agent, to: Party::Agent(other) },
        5 => Command::Transfer { agent, to: Party::Outline("13800138000".to_owned()) },
        6 => Command::Consult { agent, to: Party::Agent(other) },
        7 => Command::Consult { agent, to: Party::Outline("13800138000".to_owned()) },
        8 => Command::ConsultTransfer { agent },
        9 => Command::ThreeWayCall { agent },
        10 => Command::CancelConsult { agent },
        11 => monitor(Monitoring::Listen),
        12 => monitor(Monitoring::Whisper),
        13 => monitor(Monitoring::Barge),
        14 => monitor(Monitoring::TakeOver),
        15 => force(if agent == "8001" { Forced::Offline } else { Forced::Hangup }),
        _ => Command::Answer { agent },
    }
}

fn number(agent: u8) -> String {
    (8000 + u32::from(agent)).to_string()
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
            Event::LegStarted { leg, role, agent, place, .. } => {
                past.legs.push((*leg, *role, false));
                if !matches!(place, Place::Floor(_) | Place::SecondLine { .. } | Place::Watching { .. }) {
                    past.parties.insert(*leg, 0);
                }
                let own = (*role == Role::Agent).then(|| past.agent.clone());
                let agent = agent.as_ref().map(|agent| agent.agent.number.clone()).or(own);
                let is_second = matches!(place, Place::SecondLine { .. });
                if let Some(agent) = agent.filter(|_| !is_second) {
                    let other = on_phone.insert(agent, *leg);
                    assert_eq!(other, None, "an agent is in at most one living leg");
                }
            }
            Event::LegPlaced { leg, place: Place::Floor(_), .. } => {
                past.parties.entry(*leg).or_default();
            }
            Event::PartyRecorded { record } => {
                *past
                    .parties
                    .get_mut(&LegId(record.id.0))
                    .expect("only parties have a record of their own") += 1;
                check_times(record);
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
                check_times(record);
            }
            _ => {}
        }
    }
    for (id, past) in calls {
        assert_eq!((past.ends, past.records), (1, 1), "{id:?} has one end and one record");
        assert!(past.parties.values().all(|records| *records == 1), "{id:?}: a party has one record");
        assert!(past.legs.iter().all(|(.., is_over)| *is_over), "{id:?} left a leg behind");
        let customers = past.legs.iter().filter(|(_, role, _)| *role == Role::Customer).count();
        assert!(customers <= 1, "{id:?} called its customer {customers} times");
    }
}

/// Of a webcall the customer comes first.
fn check_times(record: &CallRecord) {
    let agent = [record.agent_started, record.agent_answered];
    let customer = [record.customer_started, record.customer_answered];
    let legs = if record.call.kind == CallKind::WebCall { [customer, agent] } else { [agent, customer] };
    let middle = legs.concat().into_iter().flatten();
    let last = [record.bridged, Some(record.hung_up), Some(record.ended), Some(record.created)];
    let times: Vec<_> =
        [record.started].into_iter().chain(middle).chain(last.into_iter().flatten()).collect();
    assert!(times.is_sorted(), "times of a record are in order: {record:?}");
    assert!(record.agent_ring_s >= 0 && record.customer_ring_s >= 0 && record.recording_s >= 0);
    let total = record.ended.as_secs() - record.started.as_secs() - record.left_out_s;
    assert!(record.left_out_s >= 0 && total >= 0, "what is left out is a part of the whole: {record:?}");
}

#[derive(Default)]
struct Past {
    agent: String,
    legs: Vec<(LegId, Role, bool)>,
    /// How many records each party has that was brought in.
    parties: BTreeMap<LegId, u32>,
    ends: u32,
    records: u32,
}
