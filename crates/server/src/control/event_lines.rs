//! The log an operator reads: one line an event, ids as fields. No customer's number is in it, nor anything a customer wrote.

use callcenter::command::Monitoring;
use callcenter::event::{Event, Joined, Numbered, Place};
use switch::api::{Body, Entry};
use tracing::info;

/// Writes the line of an entry about to be appended; the others have none.
pub(super) fn write(entry: &Entry) {
    let Body::Event(numbered) = &entry.body else { return };
    let Numbered { account, seq, event, .. } = numbered;
    match event {
        Event::AgentSignedIn { agent, login, choice } => {
            info!(%account, seq, agent = agent.number, ?login, ?choice, "an agent signed in");
        }
        Event::AgentSignedOut { agent, how } => {
            info!(%account, seq, agent = agent.number, ?how, "an agent signed out");
        }
        Event::AgentChose { agent, choice } => info!(%account, seq, agent, ?choice, "an agent chose a state"),
        Event::AgentChanged { agent, state, call, .. } => {
            let call = call.as_ref().map(|call| call.id);
            info!(%account, seq, agent = agent.number, state, call = call.map(|c| c.0), "an agent's state changed");
        }
        Event::CallStarted { call, .. } => {
            info!(%account, seq, call = %call.id, kind = ?call.kind, agent = call.agent.number, "a call started");
        }
        Event::LegStarted { leg, id, role, agent, place, .. } => {
            let agent = agent.as_ref().map(|later| later.agent.number.as_str());
            let (place, other) = placed(*place);
            info!(%account, seq, call = %id, %leg, ?role, agent, place, other, "a leg started")
        }
        Event::LegRang { leg, id, .. } => info!(%account, seq, call = %id, %leg, "a phone rings"),
        Event::LegAnswered { leg, id, .. } => info!(%account, seq, call = %id, %leg, "a phone was answered"),
        Event::LegEnded { leg, id, cause, gateway } => {
            let (sip, by, failure) = (cause.sip_code, cause.by, cause.failure);
            let gateway = gateway.map(|at| at.to_string());
            info!(%account, seq, call = %id, %leg, sip, ?by, ?failure, gateway, "a leg ended");
        }
        Event::CallEnded { call, side } => info!(%account, seq, call = %call.id, ?side, "a call ended"),
        Event::RecordingStarted { id, .. } => info!(%account, seq, call = %id, "a recording began"),
        Event::RecordingStopped { id, length_ms } => {
            info!(%account, seq, call = %id, length_ms, "a recording is complete");
        }
        Event::LegPlaced { leg, id, place, .. } => {
            let (place, other) = placed(*place);
            info!(%account, seq, call = %id, %leg, place, other, "a leg was placed")
        }
        Event::LegHeld { leg, id, held, by: _ } => {
            info!(%account, seq, call = %id, %leg, held, "a hold began or ended")
        }
        Event::LegMuted { leg, id, muted } => {
            info!(%account, seq, call = %id, %leg, muted, "a mute began or ended")
        }
        Event::LegLeft { leg, id, .. } => info!(%account, seq, call = %id, %leg, "a party left"),
        Event::PartyFailed { leg, call, kind, cause, .. } => {
            let (sip, failure) = (cause.sip_code, cause.failure);
            info!(%account, seq, call = %call.id, %leg, ?kind, sip, ?failure, "a party was not reached");
        }
        Event::PartStarted { leg, id, .. } => {
            info!(%account, seq, call = %id, %leg, "a recording has a new part")
        }
        Event::PartyRecorded { record } => {
            let (status, failure) = (record.status, record.failure);
            info!(%account, seq, call = %record.call.id, kind = ?record.kind, ?status, ?failure, "a party was recorded");
        }
        Event::CallRecorded { record } => {
            let (status, failure) = (record.status, record.failure);
            info!(%account, seq, call = %record.id, ?status, ?failure, side = ?record.side, "a call was recorded");
        }
        Event::RecordingReady { id, part, .. } => {
            let part = part.map(|leg| leg.0);
            info!(%account, seq, call = %id, part, "a recording can be fetched")
        }
    }
}

/// Where a leg is, in a word, and the leg that it is there for.
fn placed(place: Place) -> (&'static str, Option<u64>) {
    match place {
        Place::Floor(Joined::First) => ("floor", None),
        Place::Floor(Joined::Transfer) => ("floor by transfer", None),
        Place::Floor(Joined::Conference) => ("floor by conference", None),
        Place::Arriving { by } => ("arriving", Some(by.0)),
        Place::Aside { with } => ("aside", Some(with.0)),
        Place::SecondLine { of } => ("second line", Some(of.0)),
        Place::Watching { of, how } => {
            let how = match how {
                Monitoring::Listen => "listening",
                Monitoring::Whisper => "whispering",
                Monitoring::Barge => "barging in",
                Monitoring::TakeOver => "taking over",
            };
            (how, Some(of.0))
        }
    }
}
