//! How a call ends, whatever its plan: everyone is told at once; the record follows as soon as the last facts are in.
//!
//! At the hang-up `CallEnded` and what the agent shows are told, and what still lives is ended. The record waits for
//! the last word of each leg (its SIP status, its gateway) and for the length of the recording, 800 ms at most. The
//! agent need not wait: it is free for the next call.

use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Wall};

use super::{Call, Ended, Leg};
use crate::action::Action;
use crate::agent::activity::Activity;
use crate::decide::{Decision, View};
use crate::event::{Event, HangUpSide, Moment, Role};
use crate::record::build;
use crate::signal::{Cause, EndedBy, Failure};

/// A leg is over: so is the call, or this was the last word it waited for.
pub(crate) fn leg_ended(
    view: View<'_>,
    call: &Call,
    leg: LegId,
    cause: Cause,
    gateway: Option<SocketAddr>,
) -> Decision {
    let Some(role) = call.living_leg(leg).map(|leg| leg.role) else { return Decision::default() };
    let ended = vec![Event::LegEnded { leg, id: call.facts.id, cause, gateway }];
    if call.ended.is_some() {
        return settle(view, call, ended);
    }
    let side = match (cause.by, role) {
        (EndedBy::Far, Role::Agent | Role::Destination | Role::Outside | Role::Supervisor) => {
            HangUpSide::Agent
        }
        (EndedBy::Far, Role::Customer) => HangUpSide::Customer,
        (EndedBy::Us | EndedBy::Network, _) => HangUpSide::System,
    };
    end(view, call, ended, side)
}

/// A phone has rung for long enough, or the call lasts too long.
pub(crate) fn time_over(view: View<'_>, call: &Call) -> Decision {
    match call.ended {
        None => end(view, call, Vec::new(), HangUpSide::System),
        Some(_) => Decision::default(),
    }
}

/// Ends a living call. `ended` are the ends of legs that led to it, if any.
pub(crate) fn end(view: View<'_>, call: &Call, ended: Vec<Event>, side: HangUpSide) -> Decision {
    let after = call.after(view.now.wall, &ended);
    let actions = stop(&after, side);
    let mut events = ended;
    events.extend(told(view, &after, side));
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
    let mut events: Vec<Event> = call.living_legs().map(|leg| lost(call, leg)).collect();
    let after = call.after(view.now.wall, &events);
    events.push(build::recorded(view, &after, ended, ended.at));
    Decision::events(events)
}

/// The agent is to be called again: legs of its earlier calls that still owe their last word have ended for it.
pub(crate) fn release_agent(view: View<'_>, agent: &str) -> Decision {
    let mut decision = Decision::default();
    let waiting = view.state.calls.values().filter(|call| call.ended.is_some());
    for call in waiting.filter(|call| call.facts.agent.number == agent) {
        let own = call.living_legs().filter(|leg| leg.role == Role::Agent);
        decision.append(settle(view, call, own.map(|leg| lost(call, leg)).collect()));
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
    Decision { actions: stop(call, HangUpSide::System), ..give_up(view, call, over_since) }
}

/// Whether a call is to be taken could not be decided: it is not.
pub(crate) fn not_decided(caller: LegId) -> Vec<Action> {
    let cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::ServiceUnavailable };
    vec![Action::RefuseLeg { leg: caller, cause }]
}

/// Why a call failed, judged by the leg that ended it (`failureReason`, contract §6).
pub(crate) fn failure(call: &Call, side: HangUpSide) -> Failure {
    let culprit = call.legs.iter().find_map(|leg| leg.ended.as_ref().map(|end| (leg, end.cause)));
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
    let mut events: Vec<Event> = call.living_legs().map(|leg| lost(call, leg)).collect();
    let hung_up = match &call.ended {
        Some(ended) => ended.at,
        None => {
            events.extend(told(view, &call.after(view.now.wall, &events), HangUpSide::System));
            over_since
        }
    };
    let after = call.after(view.now.wall, &events);
    let ended = after.ended.as_ref().expect("the call had ended, or CallEnded is among the events");
    events.push(build::recorded(view, &after, ended, hung_up));
    Decision::events(events)
}

/// What customers are told at the end of a call.
fn told(view: View<'_>, call: &Call, side: HangUpSide) -> Vec<Event> {
    let mut events = vec![Event::CallEnded { call: call.facts.clone(), side }];
    let wrap_up_until = wrap_up_until(view, call);
    let activity = if wrap_up_until.is_some() { Activity::WrapUp } else { Activity::Free };
    events.extend(view.changed_by_call(call, activity, Moment::Hangup, wrap_up_until));
    events
}

/// Only a bridged call leaves something to write down.
fn wrap_up_until(view: View<'_>, call: &Call) -> Option<Wall> {
    call.bridged()?;
    let wrap_up = view.around.agent(&call.facts.agent.number)?.wrap_up;
    (!wrap_up.is_zero()).then(|| view.now.wall + wrap_up)
}

fn stop(call: &Call, side: HangUpSide) -> Vec<Action> {
    let recording =
        call.is_recording().then_some(Action::StopRecording { call: call.facts.id, parts: Vec::new() });
    let end = |leg: &Leg| match call.calls_in(leg) && leg.answered.is_none() {
        true => Action::RefuseLeg { leg: leg.id, cause: why_refused(call, side) },
        false => Action::EndLeg { leg: leg.id },
    };
    recording.into_iter().chain(call.living_legs().map(end)).collect()
}

/// What kept us from answering who calls: the end of another leg, else whatever ended the call.
fn why_refused(call: &Call, side: HangUpSide) -> Cause {
    let other = call.legs.iter().find_map(|leg| leg.ended.as_ref());
    other.map_or(Cause { sip_code: 0, by: EndedBy::Us, failure: failure(call, side) }, |end| end.cause)
}

/// The end of a leg of which nothing more is heard.
fn lost(call: &Call, leg: &Leg) -> Event {
    let (by, failure) = match &call.ended {
        Some(Ended { failure, .. }) => (EndedBy::Us, *failure),
        None => (EndedBy::Network, Failure::Unknown),
    };
    let cause = Cause { sip_code: leg.sip_code(), by, failure };
    Event::LegEnded { leg: leg.id, id: call.facts.id, cause, gateway: None }
}
