//! The record of a call, read from the fold of its events (contract §6).

use base::Wall;

use super::{CallRecord, CallStatus, LegBill, party};
use crate::action::Target;
use crate::call::{Call, Ended, Leg};
use crate::command::LoginType;
use crate::config::{Account, RecordingMode};
use crate::decide::View;
use crate::event::{CallFacts, CallKind, Event, RecordKind, Role};
use crate::numbers::{Attribution, NumberKind, NumberPlan};

/// The event that carries the record of `call`, over since `hung_up`, which no time of the record is later than.
pub(crate) fn recorded(view: View<'_>, call: &Call, ended: &Ended, hung_up: Wall) -> Event {
    let plan = &view.around.plan;
    let agent = call.first_agent();
    let customer = call.leg_of(Role::Customer);
    let files = call.recording.as_ref().map(|recording| recording.files.clone());
    let dual_track = match &files {
        Some(files) => files.stereo.is_some(),
        None => call.recording_mode(view.account()) == RecordingMode::DualTrack,
    };
    let record = CallRecord {
        account: view.account().id,
        id: call.facts.id,
        kind: RecordKind::Call,
        left_out_s: party::left_out_s(call, hung_up),
        call: with_all_groups(view.account(), call.facts.clone()),
        agent_id: call.details.agent_id.clone(),
        call_uuid: call.details.call_uuid.clone(),
        login: call.details.login,
        agent: call.facts.agent.clone(),
        agent_phone: call.details.agent_phone.clone(),
        agent_place: agent_place(plan, call),
        customer_place: plan.find(&call.facts.customer),
        started: call.started,
        agent_started: agent.map(|leg| leg.started),
        agent_answered: agent.and_then(|leg| leg.answered),
        customer_started: customer.map(|leg| leg.started),
        customer_answered: customer.and_then(|leg| leg.answered),
        bridged: call.bridged(),
        hung_up,
        ended: hung_up,
        created: view.now.wall.max(hung_up),
        agent_ring_s: ring_s(agent, hung_up),
        customer_ring_s: match call.facts.kind {
            CallKind::DialOut | CallKind::WebCall => ring_s(customer, hung_up),
            CallKind::Incoming => 0,
        },
        recording_s: recording_s(call, hung_up),
        status: status(call),
        side: ended.side,
        failure: ended.failure,
        sip_code: customer.or(agent).map_or(0, Leg::sip_code),
        gateway: gateway(customer),
        // Whoever was brought in is billed by its own record.
        bills: call
            .legs
            .iter()
            .filter(|leg| leg.record_kind().is_none())
            .map(|leg| bill(plan, call, leg, hung_up))
            .collect(),
        recording: files,
        dual_track,
    };
    Event::CallRecorded { record: Box::new(record) }
}

/// A record names every group the shown number is in, the one it was asked from first: a number is reported under all
/// its groups, as the document's sample of 3.5 shows, whether or not the call asked for one.
fn with_all_groups(account: &Account, mut facts: CallFacts) -> CallFacts {
    for group in account.groups.iter().filter(|group| group.numbers.contains(&facts.display)) {
        if !facts.group_ids.contains(&group.id) {
            facts.group_ids.push(group.id.clone());
            facts.group_names.push(group.name.clone());
        }
    }
    facts
}

/// Whoever was to talk to the customer counts as its agent.
fn status(call: &Call) -> CallStatus {
    let agent = call.first_agent().or(call.leg_of(Role::Destination));
    let agent_answered = agent.is_some_and(|leg| leg.answered.is_some());
    let customer_answered = call.leg_of(Role::Customer).is_some_and(Leg::is_answered);
    match (call.bridged(), agent_answered) {
        (Some(_), _) => CallStatus::Answer,
        (None, true) => CallStatus::CustomerNoAnswer,
        // A webcall calls the customer first.
        (None, false) if call.facts.kind == CallKind::WebCall && !customer_answered => {
            CallStatus::CustomerNoAnswer
        }
        (None, false) => CallStatus::AgentNoAnswer,
    }
}

pub(super) fn gateway(customer: Option<&Leg>) -> String {
    let end = customer.and_then(|leg| leg.ended.as_ref());
    end.and_then(|end| end.gateway).map(|gateway| gateway.to_string()).unwrap_or_default()
}

/// Answer − start; of an unanswered leg end − start.
pub(super) fn ring_s(leg: Option<&Leg>, hung_up: Wall) -> i64 {
    leg.map_or(0, |leg| seconds(leg.started, leg.answered.unwrap_or_else(|| end_of(leg, hung_up))))
}

/// The length of the track, or, when it was not told in time, the time the call was bridged.
fn recording_s(call: &Call, hung_up: Wall) -> i64 {
    let Some(recording) = &call.recording else { return 0 };
    match (recording.length_ms, call.bridged()) {
        (Some(length_ms), _) => i64::try_from(length_ms / 1000).unwrap_or(i64::MAX),
        (None, Some(bridged)) => seconds(bridged, hung_up),
        (None, None) => 0,
    }
}

pub(super) fn bill(plan: &NumberPlan, call: &Call, leg: &Leg, hung_up: Wall) -> LegBill {
    let dialled_place = match &leg.target {
        Target::Number(number) => plan.find(number),
        Target::Phone(_) | Target::Uri(_) => sip_phone(),
    };
    let agent_number = call.agent_of(leg).unwrap_or_default().to_owned();
    let login = match (&leg.agent, leg.role) {
        (Some(agent), _) => Some(agent.login),
        (None, Role::Agent) => call.details.login,
        (None, Role::Customer | Role::Destination | Role::Outside | Role::Supervisor) => None,
    };
    LegBill {
        started: leg.started,
        answered: leg.answered,
        ended: end_of(leg, hung_up),
        role: leg.role,
        shown: leg.shown.clone(),
        dialled: dialled(leg).to_owned(),
        agent_number,
        shown_place: plan.find(&leg.shown),
        dialled_place,
        login,
        // Who is brought in is called by us, whoever began the call.
        incoming: match call.facts.kind {
            CallKind::DialOut | CallKind::WebCall => leg.is_second_line(),
            CallKind::Incoming => leg.record_kind().is_none(),
        },
    }
}

/// What was dialled: a number, the user of a phone, an address.
pub(super) fn dialled(leg: &Leg) -> &str {
    match &leg.target {
        Target::Number(text) | Target::Phone(text) | Target::Uri(text) => text,
    }
}

fn agent_place(plan: &NumberPlan, call: &Call) -> Attribution {
    match call.details.login {
        Some(LoginType::Pstn) => plan.find(&call.details.agent_phone),
        Some(LoginType::Sip | LoginType::WebRtc) => sip_phone(),
        None => Attribution::default(),
    }
}

fn sip_phone() -> Attribution {
    Attribution { kind: NumberKind::Sip, ..Attribution::default() }
}

/// A leg's last word may come after the hang-up that ended it; it was over by then.
fn end_of(leg: &Leg, hung_up: Wall) -> Wall {
    let end = leg.ended.as_ref().map_or(hung_up, |end| end.at.min(hung_up));
    leg.left.map_or(end, |left| left.min(end))
}

/// Difference of the displayed whole seconds.
pub(super) fn seconds(from: Wall, to: Wall) -> i64 {
    to.as_secs() - from.as_secs()
}
