//! Decisions that fail: what the public tests cannot bring about.

use std::sync::Arc;

use base::AccountId;

use super::*;
use crate::command::{Choice, DialOut, GroupRule, LoginType};
use crate::config::{
    AccountStatus, Agent, AgentStatus, DialoutRingAt, Edition, RecordingFormat, RecordingMode,
};
use crate::record::CallStatus;
use crate::signal::Failure;

fn fails(_: View<'_>, _: &Stimulus, _: &mut Dice<'_>) -> Decision {
    panic!("the plan met something it did not know");
}

#[test]
fn a_failed_decision_ends_its_call_and_saves_its_inputs() {
    let (mut center, mut ids, now) = in_a_call();
    let call = center.call_of("8000").expect("the agent is in a call");
    let leg = *center.state.legs.keys().next().expect("the agent's leg lives");
    let rings = Stimulus::Signal(Signal::LegRinging { leg, early_media: false });
    center.take(now, None, rings, &mut ids, fails);
    center.check_invariants();

    let outputs: Vec<Output> = std::iter::from_fn(|| center.poll_output()).collect();
    let Output::Diagnostic { call: Some(failed), problem, inputs } = &outputs[0] else {
        panic!("the diagnostic comes first: {outputs:?}");
    };
    assert_eq!((*failed, problem.as_str()), (call, "the plan met something it did not know"));
    assert_eq!(inputs.len(), 2);
    assert!(inputs[0].contains("DialOut") && inputs[1].contains("LegRinging"), "{inputs:?}");
    assert!(outputs.contains(&Output::Action(Action::EndLeg { leg })));

    let record = outputs.iter().find_map(|output| match output {
        Output::Event(Numbered { event: Event::CallRecorded { record }, .. }) => Some(record),
        _ => None,
    });
    let record = record.expect("the call has its record at once");
    assert_eq!((record.failure, record.status), (Failure::Unknown, CallStatus::AgentNoAnswer));
    assert_eq!(center.agent_state("8000"), Some(0));
    assert_eq!(center.calls().count(), 0);
}

#[test]
fn a_failed_command_outside_calls_is_refused_and_changes_nothing() {
    let (mut center, mut ids, now) = signed_in();
    let before = center.state.clone();
    let busy = Stimulus::Command(Command::Busy { agent: "8000".to_owned() });
    center.take(now, Some(CommandId(9)), busy, &mut ids, fails);
    let outputs: Vec<Output> = std::iter::from_fn(|| center.poll_output()).collect();
    assert!(matches!(outputs[0], Output::Diagnostic { call: None, .. }));
    assert_eq!(outputs[1], Output::Reply { id: CommandId(9), result: Err(Refusal::Overloaded) });
    assert_eq!(outputs.len(), 2);
    assert_eq!(center.state, before);
}

#[test]
fn the_inputs_kept_of_a_call_are_bounded() {
    let (mut center, mut ids, now) = in_a_call();
    let leg = *center.state.legs.keys().next().expect("the agent's leg lives");
    for _ in 0..100 {
        center.handle_input(now, Input::Signal(Signal::LegRinging { leg, early_media: false }), &mut ids);
    }
    let ring = Stimulus::Signal(Signal::LegRinging { leg, early_media: false });
    let call = center.call_of("8000");
    assert_eq!(center.history.inputs(call, now.wall, &ring).len(), limits::CALL_INPUTS_KEPT_MAX + 1);
}

fn in_a_call() -> (Center, Snowflake, Now) {
    let (mut center, mut ids, now) = signed_in();
    let dial = DialOut {
        agent: "8000".to_owned(),
        callee: "17319132391".to_owned(),
        agent_ring_max: None,
        customer_ring_max: None,
        agent_shown: None,
        customer_shown: None,
        extras: String::new(),
        group: None,
        group_rule: GroupRule::Random,
        group_area: None,
    };
    let input = Input::Command { id: CommandId(2), command: Command::DialOut(dial) };
    center.handle_input(now, input, &mut ids);
    drain(&mut center);
    (center, ids, now)
}

fn signed_in() -> (Center, Snowflake, Now) {
    let account = Account {
        id: AccountId(2_000_103),
        status: AccountStatus::Enabled,
        utc_offset_s: 0,
        agents: vec![Agent {
            number: "8000".to_owned(),
            name: "agent".to_owned(),
            id: "6094f5aa696609001197e4b9".to_owned(),
            status: AgentStatus::Enabled,
            mobile: Some("13900008000".to_owned()),
            sip_user: None,
            bound_number: None,
            edition: "standard".to_owned(),
            wrap_up: Duration::ZERO,
            supervisor: false,
        }],
        numbers: vec!["02258834811".to_owned()],
        default_number: Some("02258834811".to_owned()),
        groups: Vec::new(),
        editions: vec![Edition { name: "standard".to_owned(), licences: 1, calls: true }],
        busy_reasons: Vec::new(),
        agent_ring: Duration::from_secs(60),
        customer_ring: Duration::from_secs(120),
        call_age_max: Duration::from_secs(3600),
        recording: RecordingMode::Normal,
        inbound: Vec::new(),
        recording_format: RecordingFormat::Mp3,
        dialout_ring_at: DialoutRingAt::Customer,
        calls_max: 10,
        calls_per_s_max: None,
        number_calls_max: Default::default(),
        transfer_sound: Default::default(),
        consult_without_customer: Default::default(),
        conference_without_customer: Default::default(),
        hold_recording: Default::default(),
    };
    let mut center = Center::new(account, Arc::new(NumberPlan::empty()), Random::from_number(1));
    let (mut ids, now) = (Snowflake::new(0, 0), Now::default());
    let online = Command::Online { agent: "8000".to_owned(), login: LoginType::Pstn, choice: Choice::Idle };
    center.handle_input(now, Input::Command { id: CommandId(1), command: online }, &mut ids);
    drain(&mut center);
    (center, ids, now)
}

fn drain(center: &mut Center) {
    while center.poll_output().is_some() {}
}
