//! How a call ends, whatever its plan: everyone is told at once; the record follows as soon as the last facts are in.
//!
//! At the hang-up `CallEnded` and what the agent shows are told, and what still lives is ended. The record waits for
//! the last word of each leg (its SIP status, its gateway) and for the length of the recording, 800 ms at most. The
//! agent need not wait: it is free for the next call.

use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Wall};

use super::{Call, Ended, Leg, parties};
use crate::action::{Action, RecordingPart};
use crate::command::Refusal;
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HangUpSide};
use crate::record::{build, party};
use crate::signal::{Cause, EndedBy, Failure};

/// A leg is over: so is the call, or a party of it has gone, or this was the last word it waited for.
pub(crate) fn leg_ended(
    view: View<'_>,
    call: &Call,
    id: LegId,
    (cause, gateway): (Cause, Option<SocketAddr>),
    dice: &mut Dice<'_>,
) -> Decision {
    let Some(leg) = call.living_leg(id) else { return Decision::default() };
    let over = leg_over(view, call, id, (cause, gateway));
    match (&call.ended, leg.left) {
        (Some(_), _) => settle(view, call, over),
        (None, Some(_)) => Decision::events(over),
        (None, None) if call.bridged().is_none() && leg.is_on_floor() => {
            end(view, call, over, parties::side_of(leg.role, cause))
        }
        (None, None) => parties::leg_ended(view, call, leg, (over, cause), dice),
    }
}

/// A leg of a call is over, and with it, perhaps, the record of its party is complete.
fn leg_over(
    view: View<'_>,
    call: &Call,
    leg: LegId,
    (cause, gateway): (Cause, Option<SocketAddr>),
) -> Vec<Event> {
    let mut events = vec![Event::LegEnded { leg, id: call.facts.id, cause, gateway }];
    let after = call.after(view.now.wall, &events);
    events.extend(after.leg(leg).and_then(|leg| party::recorded(view, &after, leg)));
    events
}

/// `hangup`: ends what the agent is doing on the phone (API 2.2, contract §4), and what it began.
pub(crate) fn hang_up(view: View<'_>, agent: &str, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    view.around.acting_agent(agent)?;
    if !view.state.agents.contains_key(agent) {
        return Err(Refusal::AgentOffline);
    }
    let call = view.state.call_of_agent(agent).ok_or(Refusal::NothingToHangUp)?;
    let leg = call.leg_of_agent(agent).filter(|leg| !leg.is_on_floor() || call.bridged().is_some());
    let Some(leg) = leg else { return Ok(end(view, call, Vec::new(), HangUpSide::Agent)) };
    if !leg.is_answered() {
        let cause = Cause { sip_code: leg.sip_code(), by: EndedBy::Us, failure: Failure::Decline };
        return Ok(parties::give_up(view, call, leg, (cause, HangUpSide::Agent), dice));
    }
    let began: Vec<LegId> =
        call.arriving_by(leg.id).map(|arriving| arriving.id).into_iter().chain([leg.id]).collect();
    Ok(parties::leave(view, call, &began, HangUpSide::Agent, dice))
}

/// A phone has rung for long enough.
pub(crate) fn ring_over(view: View<'_>, call: &Call, leg: LegId, dice: &mut Dice<'_>) -> Decision {
    match call.leg(leg).filter(|leg| leg.is_in_call() && call.ended.is_none()) {
        Some(leg) if !leg.is_on_floor() => parties::ring_over(view, call, leg, dice),
        Some(_) => time_over(view, call),
        None => Decision::default(),
    }
}

/// The call lasts too long.
pub(crate) fn time_over(view: View<'_>, call: &Call) -> Decision {
    match call.ended {
        None => end(view, call, Vec::new(), HangUpSide::System),
        Some(_) => Decision::default(),
    }
}

/// Ends a living call. `ended` are the ends of legs that led to it, if any.
pub(crate) fn end(view: View<'_>, call: &Call, ended: Vec<Event>, side: HangUpSide) -> Decision {
    let after = call.after(view.now.wall, &ended);
    let actions = stop(call, &after, side);
    let mut events = ended;
    let told = told(view, call, &events, side);
    events.extend(told);
    Decision { actions, ..settle(view, call, events) }
}

/// `events`, and the record after them if they were the last facts it waited for.
pub(crate) fn settle(view: View<'_>, call: &Call, events: Vec<Event>) -> Decision {
    let after = call.after(view.now.wall, &events);
    let mut decision = Decision::events(events);
    if let (Some(ended), None, false) = (&after.ended, after.living_legs().next(), after.is_recording()) {
        decision.events.push(build::recorded(view, &after, ended, ended.at));
    }
    decision
}

/// All sound is stored. Before the end of the call this is a recording that broke off; the call goes on.
pub(crate) fn recording_stopped(view: View<'_>, call: &Call, length: Duration) -> Decision {
    if !call.is_recording() {
        return Decision::default();
    }
    let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    settle(view, call, vec![Event::RecordingStopped { id: call.facts.id, length_ms }])
}

/// The record has waited long enough: missing facts are assumed.
pub(crate) fn wait_over(view: View<'_>, call: &Call) -> Decision {
    let Some(ended) = &call.ended else { return Decision::default() };
    let mut events = all_lost(view, call);
    let after = call.after(view.now.wall, &events);
    events.push(build::recorded(view, &after, ended, ended.at));
    Decision::events(events)
}

/// The agent is to be called again: legs of its earlier calls that still owe their last word have ended for it.
pub(crate) fn release_agent(view: View<'_>, agent: &str) -> Decision {
    let mut decision = Decision::default();
    for call in view.state.calls.values() {
        let owes = |leg: &&Leg| call.ended.is_some() || leg.left.is_some();
        let own = call.living_legs().filter(owes).filter(|leg| call.agent_of(leg) == Some(agent));
        let over: Vec<Event> = own.flat_map(|leg| lost(view, call, leg)).collect();
        match (&call.ended, over.is_empty()) {
            (_, true) => {}
            (Some(_), false) => decision.append(settle(view, call, over)),
            (None, false) => decision.events.extend(over),
        }
    }
    decision
}

/// The program began anew, and the call's legs are gone. It lasted until its last known fact.
pub(crate) fn died(view: View<'_>, call: &Call) -> Decision {
    give_up(view, call, call.last_fact)
}

/// The call's plan failed: the call ends now, and its legs with it.
pub(crate) fn failed(view: View<'_>, call: &Call) -> Decision {
    let over_since = view.now.wall.max(call.last_fact);
    Decision { actions: stop(call, call, HangUpSide::System), ..give_up(view, call, over_since) }
}

/// Whether a call is to be taken could not be decided: it is not.
pub(crate) fn not_decided(caller: LegId) -> Vec<Action> {
    let cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::ServiceUnavailable };
    vec![Action::RefuseLeg { leg: caller, cause }]
}

/// Why a call failed, judged by the leg that ended it (`failureReason`, contract §6).
pub(crate) fn failure(call: &Call, side: HangUpSide) -> Failure {
    // Of those on the floor that ended, the last to do so; who left before has nothing to do with it.
    let on_floor = call.legs.iter().filter(|leg| leg.left.is_none() && leg.is_on_floor());
    let ended = on_floor.filter_map(|leg| Some((leg, leg.ended.as_ref()?)));
    let culprit = ended.max_by_key(|(_, end)| end.at).map(|(leg, end)| (leg, end.cause));
    // Whom the customer was handed on to did not come, and there is nobody else.
    let mut awaited = call.legs.iter().filter(|leg| leg.left.is_none() && leg.is_arriving());
    if let Some(Cause { failure, .. }) = awaited.find_map(|leg| leg.failed) {
        return failure;
    }
    match (culprit, call.bridged()) {
        // The far end of an answered leg hung up, or we did.
        (Some((_, Cause { by: EndedBy::Far, .. })) | None, Some(_)) => Failure::None,
        (Some((Leg { answered: Some(_), .. }, Cause { by: EndedBy::Far, .. })), None) => Failure::Cancel,
        (Some((_, cause)), Some(_)) => cause.failure,
        (Some((_, Cause { failure: Failure::None, .. })), None) => Failure::Unknown,
        (Some((_, cause)), None) => cause.failure,
        (None, None) => match side {
            HangUpSide::Agent | HangUpSide::Customer => Failure::Cancel,
            HangUpSide::System => Failure::RequestTimeout,
        },
    }
}

/// Ends a call without waiting for anything; it was over at `over_since`, unless it had ended before.
fn give_up(view: View<'_>, call: &Call, over_since: Wall) -> Decision {
    let mut events = all_lost(view, call);
    let hung_up = match &call.ended {
        Some(ended) => ended.at,
        None => {
            let told = told(view, call, &events, HangUpSide::System);
            events.extend(told);
            over_since
        }
    };
    let after = call.after(view.now.wall, &events);
    let ended = after.ended.as_ref().expect("the call had ended, or CallEnded is among the events");
    events.push(build::recorded(view, &after, ended, hung_up));
    Decision::events(events)
}

/// What customers are told at the end of a call, after `events` of it: each of its agents, the first one last.
fn told(view: View<'_>, call: &Call, events: &[Event], side: HangUpSide) -> Vec<Event> {
    let after = call.after(view.now.wall, events);
    let has_left = |leg: &Leg| after.leg(leg.id).is_some_and(|leg| leg.left.is_some());
    let is_there = |number: &&str| !call.leg_of_agent(number).is_some_and(has_left);
    let agents: Vec<&str> = call.agents().into_iter().filter(is_there).collect();
    let mut told = Vec::new();
    // Those who have just been told that they left show it, too.
    for number in call.agents().into_iter().filter(|number| !agents.contains(number)) {
        told.extend(parties::leaves(view, call, number));
    }
    for number in agents.iter().skip(1) {
        told.extend(call.leg_of_agent(number).map(|leg| parties::left(call, leg, view)));
        told.extend(parties::leaves(view, call, number));
    }
    let first = agents.first();
    let facts = call.facts_about(first.map(|number| view.agent_ref(number)));
    told.push(Event::CallEnded { call: facts, side });
    told.extend(first.and_then(|number| parties::leaves(view, call, number)));
    told
}

/// Ends what lives, but for legs that had left before and are being ended already.
fn stop(before: &Call, call: &Call, side: HangUpSide) -> Vec<Action> {
    let id = call.facts.id;
    let recording = call.is_recording().then(|| Action::StopRecording { call: id, parts: parts(call) });
    let end = |leg: &Leg| match call.calls_in(leg) && leg.answered.is_none() {
        true => Action::RefuseLeg { leg: leg.id, cause: why_refused(call, side) },
        false => Action::EndLeg { leg: leg.id },
    };
    let had_left = |leg: &&Leg| before.leg(leg.id).is_some_and(|leg| leg.left.is_some());
    recording.into_iter().chain(call.living_legs().filter(|leg| !had_left(leg)).map(end)).collect()
}

/// What later agents have of the recording. One who is still there has it to its end.
fn parts(call: &Call) -> Vec<RecordingPart> {
    let Some(recording) = &call.recording else { return Vec::new() };
    let since =
        |at: Wall| u64::try_from(at.as_millis().saturating_sub(recording.started.as_millis())).unwrap_or(0);
    let part = |part: &super::Part| {
        let leg = call.leg(part.leg);
        let over = leg.and_then(|leg| leg.left.or(leg.ended.as_ref().map(|end| end.at)));
        RecordingPart {
            leg: part.leg,
            files: part.files.clone(),
            from_ms: since(part.started),
            to_ms: over.map_or(u64::MAX, since),
        }
    };
    recording.parts.iter().map(part).collect()
}

/// What kept us from answering who calls: the end of another leg, else whatever ended the call.
pub(crate) fn why_refused(call: &Call, side: HangUpSide) -> Cause {
    let other = call.legs.iter().find_map(|leg| leg.ended.as_ref());
    other.map_or(Cause { sip_code: 0, by: EndedBy::Us, failure: failure(call, side) }, |end| end.cause)
}

/// The ends of all legs of which nothing more is heard, and the records that ended ones owe: the log may have ended before.
fn all_lost(view: View<'_>, call: &Call) -> Vec<Event> {
    let owed = |leg: &Leg| match leg.ended {
        Some(_) => party::recorded(view, call, leg).into_iter().collect(),
        None => lost(view, call, leg),
    };
    call.legs.iter().flat_map(owed).collect()
}

/// The end of a leg of which nothing more is heard.
fn lost(view: View<'_>, call: &Call, leg: &Leg) -> Vec<Event> {
    let (by, failure) = match (&call.ended, leg.left) {
        (Some(Ended { failure, .. }), _) => (EndedBy::Us, *failure),
        (None, Some(_)) => (EndedBy::Us, Failure::None),
        (None, None) => (EndedBy::Network, Failure::Unknown),
    };
    leg_over(view, call, leg.id, (Cause { sip_code: leg.sip_code(), by, failure }, None))
}
