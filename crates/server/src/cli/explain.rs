//! `cordboard explain`: a call as the log tells it.

mod legs;

use std::io::Write;
use std::process::ExitCode;

use base::{CallId, LegId, Wall};
use callcenter::event::{AgentRef, CallFacts, CallKind, Event, HangUpSide, Moment, RecordKind};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, EndedBy, Failure};
use jiff::Timestamp;
use switch::api::{Body, Quality};

use super::args::ExplainArgs;
use crate::config::Config;
use crate::store;
use legs::Legs;

/// Prints every row of the call. Ends with 1 when there is none.
pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => Config::load_without_secrets(&args.config)?.server.data_dir,
    };
    let rows = store::explain(&dir, CallId(args.call))?;
    let legs = Legs::of(rows.iter().filter_map(|(_, entry)| match &entry.body {
        Body::Event(happened) => Some(&happened.event),
        Body::Token { .. } | Body::TokenDone { .. } | Body::Measured { .. } | Body::Bindings { .. } => None,
    }));
    for (at, entry) in &rows {
        writeln!(out, "{}  {}", utc(*at), told(&entry.body, &legs))?;
    }
    Ok(match rows.is_empty() {
        false => ExitCode::SUCCESS,
        true => {
            writeln!(out, "the log has nothing of call {}", args.call)?;
            ExitCode::FAILURE
        }
    })
}

/// What a row says.
fn told(body: &Body, legs: &Legs) -> String {
    match body {
        Body::Event(happened) => event(&happened.event, legs),
        Body::Token { leg, .. } => format!("{} can be ended after a restart, too", legs.name(*leg)),
        Body::TokenDone { leg, .. } => {
            format!("{} has nothing left to be told of its end", legs.name(*leg))
        }
        Body::Measured { leg, quality, .. } => format!("{} was heard: {}", legs.name(*leg), heard(quality)),
        Body::Bindings { user, .. } => format!("phones of {user} are elsewhere"),
    }
}

fn event(event: &Event, legs: &Legs) -> String {
    match event {
        Event::AgentSignedIn { agent, .. } => format!("{} signed in", named(agent)),
        Event::AgentSignedOut { agent, .. } => format!("{} signed out", named(agent)),
        Event::AgentChose { agent, choice } => format!("agent {agent} chose {choice:?}"),
        Event::AgentChanged { agent, state, moment, .. } => {
            let moment = moment.map_or("", |moment| match moment {
                Moment::Calling => " (calling)",
                Moment::Ring => " (ringing)",
                Moment::Link => " (talking)",
                Moment::Hangup => " (hung up)",
            });
            format!("{} shows state {state}{moment}", named(agent))
        }
        Event::CallStarted { call, .. } => format!("the call started: {}", facts(call)),
        Event::LegStarted { leg, target, shown, place, .. } => {
            let shown = if shown.is_empty() { String::new() } else { format!(", shows {shown}") };
            let place = legs.unless_first(*place).map_or(String::new(), |place| format!("; it {place}"));
            format!("{} started: {}{shown}{place}", legs.name(*leg), legs::dialled(target))
        }
        Event::LegRang { leg, .. } => format!("{} rings", legs.name(*leg)),
        Event::LegAnswered { leg, .. } => format!("{} was answered", legs.name(*leg)),
        Event::LegEnded { leg, cause, gateway, .. } => {
            let gateway = gateway.map_or(String::new(), |at| format!(", by {at}"));
            format!("{} ended {}{gateway}", legs.name(*leg), why(cause))
        }
        Event::CallEnded { side, .. } => {
            let by = match side {
                HangUpSide::Agent => "the agent's side",
                HangUpSide::Customer => "the customer",
                HangUpSide::System => "the system",
            };
            format!("the call ended, by {by}")
        }
        Event::RecordingStarted { .. } => "the recording began".to_owned(),
        Event::RecordingStopped { length_ms, .. } => {
            format!("the recording is complete: {} s", tenths(*length_ms))
        }
        Event::LegPlaced { leg, place, .. } => format!("{} {}", legs.name(*leg), legs.place(*place)),
        Event::LegHeld { leg, held: true, .. } => format!("{} holds", legs.name(*leg)),
        Event::LegHeld { leg, held: false, .. } => format!("{} does not hold any more", legs.name(*leg)),
        Event::LegMuted { leg, muted: true, .. } => format!("{} is muted", legs.name(*leg)),
        Event::LegMuted { leg, muted: false, .. } => format!("{} is not muted any more", legs.name(*leg)),
        Event::LegLeft { leg, .. } => format!("{} has left the call, which goes on", legs.name(*leg)),
        Event::PartyFailed { target, kind, cause, .. } => {
            format!("{target} was not reached {}: ended {}", purpose(*kind), why(cause))
        }
        Event::PartStarted { leg, .. } => {
            format!("{} has a part of the recording from here", legs.name(*leg))
        }
        Event::CallRecorded { record } | Event::PartyRecorded { record } => recorded(record, legs),
        Event::RecordingReady { part: None, .. } => "the files of the recording are ready".to_owned(),
        Event::RecordingReady { part: Some(leg), .. } => {
            format!("the files of the part of {} are ready", legs.whose(*leg))
        }
    }
}

fn purpose(party: RecordKind) -> &'static str {
    match party {
        RecordKind::Transfer => "for the transfer",
        RecordKind::Consult => "for the consultation",
        RecordKind::Conference | RecordKind::Call => "to join",
    }
}

fn facts(call: &CallFacts) -> String {
    let CallFacts { kind, customer, display, trunk, agent, .. } = call;
    match kind {
        CallKind::DialOut => format!("{} calls {customer}, showing {display}", named(agent)),
        CallKind::Incoming => format!("{customer} calls {trunk}"),
        CallKind::WebCall if agent.number.is_empty() => format!("{customer} is to be called back"),
        CallKind::WebCall => format!("{customer} and {} are to be connected", named(agent)),
    }
}

fn recorded(record: &CallRecord, legs: &Legs) -> String {
    let party = || legs.whose(LegId(record.id.0));
    let what = match record.kind {
        RecordKind::Call => "the record".to_owned(),
        RecordKind::Transfer => format!("the record of the transfer to {}", party()),
        RecordKind::Consult => format!("the record of the consultation of {}", party()),
        RecordKind::Conference => format!("the record of {}, who joined", party()),
    };
    let failure = failure(record.failure).map_or(String::new(), |why| format!(", {why}"));
    let talked = record.bridged.map_or("nobody talked".to_owned(), |bridged| {
        let ms = record.hung_up.as_millis().saturating_sub(bridged.as_millis());
        format!("talked for {} s", tenths(u64::try_from(ms).unwrap_or(0)))
    });
    format!("{what}: {:?}, SIP {}{failure}, {talked}", record.status, record.sip_code)
}

fn named(agent: &AgentRef) -> String {
    match agent.name.is_empty() {
        true => format!("agent {}", agent.number),
        false => format!("agent {} ({})", agent.number, agent.name),
    }
}

fn why(cause: &Cause) -> String {
    let by = match cause.by {
        EndedBy::Far => "by its far end",
        EndedBy::Us => "by us",
        EndedBy::Network => "by the network",
    };
    let failure = failure(cause.failure).map_or(String::new(), |why| format!(", {why}"));
    match cause.sip_code {
        0 => format!("{by}{failure}"),
        code => format!("{by}, SIP {code}{failure}"),
    }
}

fn failure(failure: Failure) -> Option<&'static str> {
    match failure {
        Failure::None => None,
        Failure::Forbidden => Some("forbidden"),
        Failure::ServiceUnavailable => Some("service unavailable"),
        Failure::Cancel => Some("cancelled"),
        Failure::RequestTimeout => Some("no answer in time"),
        Failure::Decline => Some("declined"),
        Failure::Unknown => Some("for a reason without a name"),
    }
}

fn heard(quality: &Quality) -> String {
    let Quality { received, sent, lost, late, doubled, refused, .. } = quality;
    let all = received.saturating_add(*lost);
    // Thousandths of all packets: percents with one decimal.
    let loss = lost.saturating_mul(1000).saturating_add(all / 2).checked_div(all).unwrap_or(0);
    let mut text = format!(
        "received {received} packets, sent {sent}, lost {lost} ({}.{} %), late {late}, doubled {doubled}, refused {refused}",
        loss / 10,
        loss % 10
    );
    if *received > 0 {
        let (mean, max) = (quality.jitter_mean_us.into(), quality.jitter_max_us.into());
        text += &format!(", jitter {} ms (at most {})", tenths(mean), tenths(max));
    }
    if let Some(trip) = quality.round_trip_us {
        text += &format!(", round trip {} ms", tenths(trip));
    }
    if let Some(lost) = quality.far_lost {
        text += &format!(", the far end missed {lost}");
    }
    if let Some(mos) = quality.mos_hundredths {
        text += &format!(", MOS {}.{:02}", mos / 100, mos % 100);
    }
    text
}

/// Thousands with one decimal: milliseconds of microseconds, seconds of milliseconds.
fn tenths(thousandths: u64) -> String {
    let tenths = thousandths.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn utc(at: Wall) -> String {
    Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.as_millis().to_string(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_told() {
        let one_way = Quality { sent: 7, ..Quality::default() };
        assert_eq!(
            heard(&one_way),
            "received 0 packets, sent 7, lost 0 (0.0 %), late 0, doubled 0, refused 0"
        );
    }

    #[test]
    fn legs_whose_start_is_forgotten_are_told_by_number() {
        let done = Body::TokenDone { leg: LegId(7), call: CallId(1) };
        assert_eq!(told(&done, &Legs::of([])), "leg 7 has nothing left to be told of its end");
    }
}
