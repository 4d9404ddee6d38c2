//! `cordboard explain`: a call as the log tells it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use base::{CallId, LegId, Wall};
use callcenter::action::Target;
use callcenter::event::{AgentRef, CallFacts, CallKind, Event, HangUpSide, Moment, Role};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, EndedBy, Failure};
use jiff::Timestamp;
use switch::api::{Body, Quality};

use super::args::ExplainArgs;
use crate::config::Config;
use crate::store;

/// Prints every row of the call. Ends with 1 when there is none.
pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => Config::load_without_secrets(&args.config)?.server.data_dir,
    };
    let rows = store::explain(&dir, CallId(args.call))?;
    let mut roles = BTreeMap::new();
    for (at, entry) in &rows {
        writeln!(out, "{}  {}", utc(*at), told(&entry.body, &mut roles))?;
    }
    Ok(match rows.is_empty() {
        false => ExitCode::SUCCESS,
        true => {
            writeln!(out, "the log has nothing of call {}", args.call)?;
            ExitCode::FAILURE
        }
    })
}

/// What a row says; `roles` are those of the legs so far.
fn told(body: &Body, roles: &mut BTreeMap<LegId, Role>) -> String {
    match body {
        Body::Event(happened) => {
            if let Event::LegStarted { leg, role, .. } = &happened.event {
                roles.insert(*leg, *role);
            }
            event(&happened.event, roles)
        }
        Body::Token { leg, .. } => format!("{} can be ended after a restart, too", side(*leg, roles)),
        Body::TokenDone { leg, .. } => {
            format!("{} has nothing left to be told of its end", side(*leg, roles))
        }
        Body::Measured { leg, quality, .. } => format!("{} was heard: {}", side(*leg, roles), heard(quality)),
        Body::Bindings { user, .. } => format!("phones of {user} are elsewhere"),
    }
}

fn event(event: &Event, roles: &BTreeMap<LegId, Role>) -> String {
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
        Event::LegStarted { leg, target, shown, .. } => {
            let target = match target {
                Target::Number(number) => number.clone(),
                Target::Phone(user) => format!("the phones of {user}"),
                Target::Uri(uri) => uri.clone(),
            };
            let shown = if shown.is_empty() { String::new() } else { format!(", shows {shown}") };
            format!("{} started: {target}{shown}", side(*leg, roles))
        }
        Event::LegRang { leg, .. } => format!("{} rings", side(*leg, roles)),
        Event::LegAnswered { leg, .. } => format!("{} was answered", side(*leg, roles)),
        Event::LegEnded { leg, cause, gateway, .. } => {
            let gateway = gateway.map_or(String::new(), |at| format!(", by {at}"));
            format!("{} ended {}{gateway}", side(*leg, roles), why(cause))
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
        Event::LegPlaced { leg, place, .. } => format!("{} is now {place:?}", side(*leg, roles)),
        Event::LegHeld { leg, held: true, .. } => format!("{} holds", side(*leg, roles)),
        Event::LegHeld { leg, held: false, .. } => format!("{} does not hold any more", side(*leg, roles)),
        Event::LegMuted { leg, muted: true, .. } => format!("{} is muted", side(*leg, roles)),
        Event::LegMuted { leg, muted: false, .. } => format!("{} is not muted any more", side(*leg, roles)),
        Event::LegLeft { leg, .. } => format!("{} has left the call", side(*leg, roles)),
        Event::PartyFailed { leg, target, cause, .. } => {
            format!("{} was not reached: {target}, {}", side(*leg, roles), why(cause))
        }
        Event::PartStarted { leg, .. } => format!("the recording has a part for {}", side(*leg, roles)),
        Event::CallRecorded { record } | Event::PartyRecorded { record } => recorded(record),
        Event::RecordingReady { .. } => "the files of the recording are ready".to_owned(),
    }
}

fn facts(call: &CallFacts) -> String {
    let CallFacts { kind, customer, display, trunk, agent, .. } = call;
    match kind {
        CallKind::DialOut => format!("{} calls {customer}, showing {display}", named(agent)),
        CallKind::Incoming => format!("{customer} calls {trunk}"),
        CallKind::WebCall => format!("{customer} calls from a page, {}", named(agent)),
    }
}

fn recorded(record: &CallRecord) -> String {
    let failure = failure(record.failure).map_or(String::new(), |why| format!(", {why}"));
    let talked = record.bridged.map_or("nobody talked".to_owned(), |bridged| {
        let ms = record.hung_up.as_millis().saturating_sub(bridged.as_millis());
        format!("talked for {} s", tenths(u64::try_from(ms).unwrap_or(0)))
    });
    format!("the record: {:?}, SIP {}{failure}, {talked}", record.status, record.sip_code)
}

fn named(agent: &AgentRef) -> String {
    match agent.name.is_empty() {
        true => format!("agent {}", agent.number),
        false => format!("agent {} ({})", agent.number, agent.name),
    }
}

/// A leg is told by whose it is; one whose start is not in the log any more by its number.
fn side(leg: LegId, roles: &BTreeMap<LegId, Role>) -> String {
    match roles.get(&leg) {
        Some(Role::Agent) => "the agent's leg".to_owned(),
        Some(Role::Customer) => "the customer's leg".to_owned(),
        Some(Role::Destination) => "the destination's leg".to_owned(),
        Some(Role::Outside) => "the leg of who was brought in".to_owned(),
        Some(Role::Supervisor) => "the supervisor's leg".to_owned(),
        None => format!("leg {leg}"),
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
        assert_eq!(told(&done, &mut BTreeMap::new()), "leg 7 has nothing left to be told of its end");
    }
}
