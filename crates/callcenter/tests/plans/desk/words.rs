//! Outputs in words, so that a test reads as a story. Legs are called by their role; actions begin with `->`,
//! replies with `=`.

use base::LegId;
use callcenter::Output;
use callcenter::action::{Action, Heard, Target};
use callcenter::event::{CallKind, Event, Role};

pub(crate) fn output(output: &Output, legs: &mut Vec<(LegId, Role)>) -> String {
    match output {
        Output::Event(numbered) => event(&numbered.event, legs),
        Output::Action(action) => format!("-> {}", self::action(action, legs)),
        Output::Reply { result: Ok(accepted), .. } => match accepted.call {
            Some(_) => "= accepted, a call".to_owned(),
            None => "= accepted".to_owned(),
        },
        Output::Reply { result: Err(refusal), .. } => format!("= refused: {refusal:?}"),
        Output::Diagnostic { problem, .. } => format!("failed: {problem}"),
    }
}

fn event(event: &Event, legs: &mut Vec<(LegId, Role)>) -> String {
    match event {
        Event::AgentSignedIn { agent, login, choice } => {
            format!("{} signed in, {login:?}, {choice:?}", agent.number)
        }
        Event::AgentSignedOut { agent, how } => format!("{} signed out, {how:?}", agent.number),
        Event::AgentChose { agent, choice } => format!("{agent} chose {choice:?}"),
        Event::AgentChanged { agent, state, call, moment, wrap_up_until } => {
            assert_eq!(call.is_some(), moment.is_some(), "a call is told with its moment");
            let moment = moment.map(|moment| format!(" {moment:?}")).unwrap_or_default();
            let wrap_up = if wrap_up_until.is_some() { ", wrap-up" } else { "" };
            format!("{} shows {state}{moment}{wrap_up}", agent.number)
        }
        Event::CallStarted { call, .. } => match call.kind {
            CallKind::Incoming => format!("call of {} to {}", call.customer, call.trunk),
            CallKind::DialOut | CallKind::WebCall => {
                format!("call {} to {} as {}", call.agent.number, call.customer, call.display)
            }
        },
        Event::LegStarted { leg, role, target, shown, call, .. } => {
            legs.push((*leg, *role));
            format!("{role:?} called at {} as {shown}{}", whom(target), told(call.is_some()))
        }
        Event::LegRang { leg, call, .. } => format!("{} rang{}", name(*leg, legs), told(call.is_some())),
        Event::LegAnswered { leg, call, .. } => {
            format!("{} answered{}", name(*leg, legs), told(call.is_some()))
        }
        Event::LegEnded { leg, cause, .. } => {
            format!("{} ended, {} by {:?}", name(*leg, legs), cause.sip_code, cause.by)
        }
        Event::CallEnded { side, .. } => format!("call over by {side:?}"),
        Event::RecordingStarted { .. } => "recording".to_owned(),
        Event::RecordingStopped { length_ms, .. } => format!("recorded {length_ms} ms"),
        Event::CallRecorded { record } => format!(
            "record {:?} {:?} by {:?}, sip {}",
            record.status, record.failure, record.side, record.sip_code
        ),
        Event::RecordingReady { files, .. } => format!("files ready {}", files.token),
    }
}

fn action(action: &Action, legs: &[(LegId, Role)]) -> String {
    match action {
        Action::StartLeg { target, shown, .. } => format!("call {} as {shown}", whom(target)),
        Action::TakeLeg { leg, .. } => format!("take {}", name(*leg, legs)),
        Action::LetRing { leg, early_media: false } => format!("let ring {}", name(*leg, legs)),
        Action::LetRing { leg, early_media: true } => format!("let hear {}", name(*leg, legs)),
        Action::AnswerLeg { leg } => format!("answer {}", name(*leg, legs)),
        Action::RefuseLeg { cause, .. } => format!("refuse {} {:?}", cause.sip_code, cause.failure),
        Action::EndLeg { leg } => format!("end {}", name(*leg, legs)),
        Action::Hear { leg, source } => {
            let source = match source {
                Heard::Nothing => "nothing".to_owned(),
                Heard::Leg(leg) => name(*leg, legs),
                Heard::RingBack => "ring-back".to_owned(),
            };
            format!("{} hears {source}", name(*leg, legs))
        }
        Action::StartRecording { .. } => "record".to_owned(),
        Action::StopRecording { .. } => "stop recording".to_owned(),
    }
}

fn name(leg: LegId, legs: &[(LegId, Role)]) -> String {
    let (_, role) = legs.iter().find(|(id, _)| *id == leg).expect("a leg is started before anything else");
    format!("{role:?}")
}

fn whom(target: &Target) -> &str {
    match target {
        Target::Number(number) => number,
        Target::Phone(user) => user,
        Target::Uri(uri) => uri,
    }
}

fn told(is_told: bool) -> &'static str {
    if is_told { ", told" } else { "" }
}
