//! Outputs in words, so that a test reads as a story. Legs are called by their role; actions begin with `->`,
//! replies with `=`.

use base::LegId;
use callcenter::Output;
use callcenter::action::{Action, Heard, LegSound, RecordingPart, Side, Target, Track};
use callcenter::event::{CallKind, Event, Joined, Place, Role};

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
        Event::LegStarted { leg, role, target, shown, call, agent, place, .. } => {
            legs.push((*leg, *role));
            let agent = agent.as_ref().map(|agent| format!(" {}", agent.agent.number)).unwrap_or_default();
            let place = match place {
                Place::Floor(Joined::First) => String::new(),
                place => format!(" {}", self::place(*place, legs)),
            };
            format!(
                "{}{agent} called at {} as {shown}{place}{}",
                name(*leg, legs),
                whom(target),
                told(call.is_some())
            )
        }
        Event::LegRang { leg, call, .. } => format!("{} rang{}", name(*leg, legs), told(call.is_some())),
        Event::LegAnswered { leg, call, .. } => {
            format!("{} answered{}", name(*leg, legs), told(call.is_some()))
        }
        Event::LegEnded { leg, cause, .. } => {
            format!("{} ended, {} by {:?}", name(*leg, legs), cause.sip_code, cause.by)
        }
        Event::LegPlaced { leg, place, call, .. } => {
            format!("{} is {}{}", name(*leg, legs), self::place(*place, legs), told(call.is_some()))
        }
        Event::LegHeld { leg, held, .. } => {
            format!("{} {}", name(*leg, legs), if *held { "holds" } else { "holds no more" })
        }
        Event::LegMuted { leg, muted, .. } => {
            format!("{} {}", name(*leg, legs), if *muted { "is muted" } else { "is muted no more" })
        }
        Event::LegLeft { leg, call, .. } => format!("{} left{}", name(*leg, legs), told(call.is_some())),
        Event::PartyFailed { call, kind, target, cause, .. } => {
            format!(
                "{kind:?} of {} to {target} failed, {} {:?}",
                call.agent.number, cause.sip_code, cause.failure
            )
        }
        Event::PartyRecorded { record } => format!(
            "{:?} record {:?} {:?} by {:?}, sip {}",
            record.kind, record.status, record.failure, record.side, record.sip_code
        ),
        Event::PartStarted { leg, .. } => format!("part of {}", name(*leg, legs)),
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
        Action::LetAnswer { leg } => format!("let answer {}", name(*leg, legs)),
        Action::AnswerReferral { leg, standing } => format!("referral of {} {standing:?}", name(*leg, legs)),
        Action::SendDigits { leg, digits } => format!("dial {digits} to {}", name(*leg, legs)),
        Action::Store { tracks, .. } => format!("store {}", self::tracks(tracks, legs)),
        Action::EndLeg { leg } => format!("end {}", name(*leg, legs)),
        Action::Hear { leg, source } => format!("{} hears {}", name(*leg, legs), heard(source, legs)),
        Action::StartRecording { .. } => "record".to_owned(),
        Action::StopRecording { parts, .. } => {
            let part = |part: &RecordingPart| format!(", {} from {} ms", name(part.leg, legs), part.from_ms);
            format!("stop recording{}", parts.iter().map(part).collect::<String>())
        }
    }
}

/// What a leg hears.
pub(crate) fn heard(source: &Heard, legs: &[(LegId, Role)]) -> String {
    match source {
        Heard::Nothing => "nothing".to_owned(),
        Heard::Leg(leg) => name(*leg, legs),
        Heard::Mix(others) => others.iter().map(|leg| name(*leg, legs)).collect::<Vec<_>>().join(" + "),
        Heard::RingBack => "ring-back".to_owned(),
        Heard::Music => "music".to_owned(),
    }
}

/// What is stored; the customer's side after a line.
pub(crate) fn tracks(tracks: &[Track], legs: &[(LegId, Role)]) -> String {
    let track = |track: &Track| match (track.side, track.sound) {
        (_, LegSound::Music) => "music".to_owned(),
        (Side::Agent, LegSound::Said) => name(track.leg, legs),
        (Side::Customer, LegSound::Said) => format!("|{}", name(track.leg, legs)),
    };
    match tracks {
        [] => "nothing".to_owned(),
        tracks => tracks.iter().map(track).collect::<Vec<_>>().join(" "),
    }
}

pub(crate) fn name(leg: LegId, legs: &[(LegId, Role)]) -> String {
    let (_, role) = legs.iter().find(|(id, _)| *id == leg).expect("a leg is started before anything else");
    // Of several in a role all but the first have their number.
    let same: Vec<LegId> = legs.iter().filter(|(_, of)| of == role).map(|(id, _)| *id).collect();
    match same.iter().position(|id| *id == leg) {
        Some(0) | None => format!("{role:?}"),
        Some(n) => format!("{role:?}{}", n + 1),
    }
}

fn place(place: Place, legs: &[(LegId, Role)]) -> String {
    match place {
        Place::Floor(Joined::First) => "on the floor".to_owned(),
        Place::Floor(joined) => format!("on the floor by {joined:?}"),
        Place::Arriving { by } => format!("for {}'s customer", name(by, legs)),
        Place::Aside { with } => format!("aside with {}", name(with, legs)),
        Place::SecondLine { of } => format!("second line of {}", name(of, legs)),
        Place::Watching { of, how } => format!("watching {}: {how:?}", name(of, legs)),
    }
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
