//! The record of a party that was brought into a call (contract §6): transferred to, consulted, or joined.

use base::{CallId, Wall};

use super::build::{bill, gateway, ring_s, seconds};
use super::{CallRecord, CallStatus};
use crate::call::{Call, Ended, Leg};
use crate::command::LoginType;
use crate::config::RecordingMode;
use crate::decide::View;
use crate::event::{Event, HangUpSide, Role};
use crate::numbers::{Attribution, NumberKind};
use crate::signal::{Cause, EndedBy, Failure};

/// The event that carries the record of the party of `leg`, which is over; nothing for who has none, or has it.
///
/// Of an agent it tells how the customer was talked to, of a number outside how that was: it stands as the customer, and the agent who
/// wanted it as the agent.
pub(crate) fn recorded(view: View<'_>, call: &Call, leg: &Leg) -> Option<Event> {
    let kind = leg.record_kind().filter(|_| !leg.recorded)?;
    let end = leg.ended.as_ref()?;
    let over = leg.left.map_or(end.at, |left| left.min(end.at));
    let plan = &view.around.plan;
    let files = part(call, leg);
    let (is_agent, asker) = (leg.agent.is_some(), asker(call, leg));
    let agent = match &leg.agent {
        Some(agent) => agent.agent.clone(),
        None => asker.map(|number| view.agent_ref(number)).unwrap_or_default(),
    };
    let customer = if is_agent { call.facts.customer.clone() } else { super::build::dialled(leg).to_owned() };
    let display = if is_agent { call.facts.display.clone() } else { leg.shown.clone() };
    let (agent_leg, customer_leg) = if is_agent { (Some(leg), None) } else { (None, Some(leg)) };
    let mut facts = call.facts_about(Some(agent.clone()));
    (facts.customer, facts.display) = (customer, display);
    let mode = call.recording_mode(view.account());
    let record = CallRecord {
        account: view.account().id,
        id: CallId(leg.id.0),
        kind,
        left_out_s: 0,
        agent_id: leg.agent.as_ref().map(|agent| agent.id.clone()).unwrap_or_default(),
        call_uuid: call.details.call_uuid.clone(),
        login: leg.agent.as_ref().map(|agent| agent.login),
        agent_phone: agent_leg.map(|leg| super::build::dialled(leg).to_owned()).unwrap_or_default(),
        agent_place: agent_place(view, leg),
        customer_place: plan.find(&facts.customer),
        started: leg.started,
        agent_started: agent_leg.map(|leg| leg.started),
        agent_answered: agent_leg.and_then(|leg| leg.answered),
        customer_started: customer_leg.map(|leg| leg.started),
        customer_answered: customer_leg.and_then(|leg| leg.answered),
        bridged: leg.answered,
        hung_up: over,
        ended: over,
        created: view.now.wall.max(over),
        agent_ring_s: ring_s(agent_leg, over),
        customer_ring_s: ring_s(customer_leg, over),
        recording_s: part_s(call, leg, over),
        status: status(leg),
        side: side(call, leg, end.cause),
        failure: failure(leg, end.cause),
        sip_code: leg.sip_code(),
        gateway: gateway(customer_leg),
        bills: vec![bill(plan, call, leg, over)],
        dual_track: files.as_ref().map_or(mode == RecordingMode::DualTrack, |files| files.stereo.is_some()),
        recording: files,
        agent,
        call: facts,
    };
    Some(Event::PartyRecorded { record: Box::new(record) })
}

/// Whole seconds of the call in which a party was in it that has a record of its own: `totalDuration` leaves them out.
pub(crate) fn left_out_s(call: &Call, hung_up: Wall) -> i64 {
    let end = |leg: &Leg| {
        let over = leg.left.or(leg.ended.as_ref().map(|end| end.at)).unwrap_or(hung_up);
        over.min(hung_up)
    };
    let with_record = call.legs.iter().filter(|leg| leg.record_kind().is_some());
    let mut stays: Vec<(Wall, Wall)> = with_record.map(|leg| (leg.started, end(leg))).collect();
    stays.sort();
    let mut left_out = 0;
    let mut counted = call.started;
    for (from, to) in stays {
        let from = from.max(counted);
        if to > from {
            left_out += seconds(from, to);
            counted = to;
        }
    }
    left_out
}

/// Who wanted the party in the call.
fn asker<'a>(call: &'a Call, leg: &Leg) -> Option<&'a str> {
    call.leg(leg.brought_by?).and_then(|asker| call.agent_of(asker))
}

fn part(call: &Call, leg: &Leg) -> Option<crate::action::RecordingFiles> {
    let recording = call.recording.as_ref()?;
    recording.parts.iter().find(|part| part.leg == leg.id).map(|part| part.files.clone())
}

fn part_s(call: &Call, leg: &Leg, over: Wall) -> i64 {
    let parts = call.recording.as_ref().into_iter().flat_map(|recording| &recording.parts);
    let part = parts.into_iter().find(|part| part.leg == leg.id);
    part.map_or(0, |part| seconds(part.started, over.max(part.started)))
}

fn agent_place(view: View<'_>, leg: &Leg) -> Attribution {
    match &leg.agent {
        Some(agent) => match agent.login {
            LoginType::Pstn => view.around.plan.find(super::build::dialled(leg)),
            LoginType::Sip | LoginType::WebRtc => {
                Attribution { kind: NumberKind::Sip, ..Attribution::default() }
            }
        },
        None => Attribution::default(),
    }
}

fn status(leg: &Leg) -> CallStatus {
    match (leg.answered, leg.role) {
        (Some(_), _) => CallStatus::Answer,
        (None, Role::Outside | Role::Customer) => CallStatus::CustomerNoAnswer,
        (None, Role::Agent | Role::Destination | Role::Supervisor) => CallStatus::AgentNoAnswer,
    }
}

/// Whoever hung up first, or, when the whole call ended, whoever ended that.
fn side(call: &Call, leg: &Leg, cause: Cause) -> HangUpSide {
    // At the end of a call its later agents are told that they leave.
    let left_before = |ended: &Ended| leg.left.is_some_and(|left| left < ended.at);
    match (cause.by, leg.role, &call.ended) {
        (EndedBy::Far, Role::Outside, _) => HangUpSide::Customer,
        (EndedBy::Far, _, _) => HangUpSide::Agent,
        (EndedBy::Network, _, _) => HangUpSide::System,
        (EndedBy::Us, _, Some(ended)) if !left_before(ended) => ended.side,
        (EndedBy::Us, _, _) => match leg.failed {
            Some(Cause { failure: Failure::RequestTimeout, .. }) => HangUpSide::System,
            // An agent who does not want it, or who gave it up.
            Some(_) | None => HangUpSide::Agent,
        },
    }
}

fn failure(leg: &Leg, cause: Cause) -> Failure {
    match (leg.answered, leg.failed) {
        (Some(_), _) if cause.by == EndedBy::Network => cause.failure,
        (Some(_), _) => Failure::None,
        (None, Some(failed)) => failed.failure,
        // Whatever crossed our CANCEL.
        (None, None) if cause.by == EndedBy::Us => Failure::Cancel,
        (None, None) if cause.failure == Failure::None => Failure::Unknown,
        (None, None) => cause.failure,
    }
}
