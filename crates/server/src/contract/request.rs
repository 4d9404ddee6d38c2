//! Request bodies of the verbs, as commands (API chapters 1 and 2, contract §9; order of checks: contract §2).

use std::time::Duration;

use callcenter::command::{
    Choice, Command, DialOut, Forced, GroupRule, Monitoring, Party, WebCall, WebCallee,
};
use callcenter::limits::DIGITS_MAX;

use super::codes::{Code, Fault, Wrong};
use super::extras;
use super::fields::Fields;
use super::limits::{ACTION_ID_CHARS_MAX, RING_S_MAX};
use super::verb::{Echo, Verb};
use super::words::{self, CALLEE_TYPES, PARTY_MODES};

/// What a body asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub command: Command,
    /// `actionId`: the client's own name for the request, where the verb knows one and the client gave it.
    pub action_id: Option<String>,
}

/// What `body` asks for, or the first thing that is wrong with it.
pub fn read(verb: Verb, body: &[u8]) -> Result<Request, Fault> {
    let body = &Fields::read(body)?;
    let agent = || body.scalar("agentNumber")?.ok_or(Fault::from(Code::NoAgentNumber));
    let command = match verb {
        Verb::Online => online(agent()?, body)?,
        Verb::Offline => Command::Offline { agent: agent()? },
        Verb::Busy => Command::Busy { agent: agent()? },
        Verb::Rest => Command::Rest { agent: agent()? },
        Verb::DialOut => Command::DialOut(dial_out(agent()?, body)?),
        Verb::Hangup => Command::Hangup { agent: agent()? },
        Verb::Hold => Command::Hold { agent: agent()? },
        Verb::Unhold => Command::Unhold { agent: agent()? },
        Verb::Mute => Command::Mute { agent: agent()? },
        Verb::Unmute => Command::Unmute { agent: agent()? },
        Verb::Transfer => Command::Transfer { agent: agent()?, to: party(body)? },
        Verb::Consult => Command::Consult { agent: agent()?, to: party(body)? },
        Verb::ConsultTransfer => Command::ConsultTransfer { agent: agent()? },
        Verb::ThreeWayCall => Command::ThreeWayCall { agent: agent()? },
        Verb::ResumeConsult => Command::ResumeConsult { agent: agent()? },
        Verb::CancelConsult => Command::CancelConsult { agent: agent()? },
        Verb::WebCall => Command::WebCall(web_call(body)?),
        Verb::Listen => monitor(agent()?, Monitoring::Listen, body)?,
        Verb::Whisper => monitor(agent()?, Monitoring::Whisper, body)?,
        Verb::Barge => monitor(agent()?, Monitoring::Barge, body)?,
        Verb::TakeOver => monitor(agent()?, Monitoring::TakeOver, body)?,
        Verb::ForceOffline => force(agent()?, Forced::Offline, body)?,
        Verb::ForceIdle => force(agent()?, Forced::Idle, body)?,
        Verb::ForceBusy => force(agent()?, Forced::Busy, body)?,
        Verb::ForceHangup => force(agent()?, Forced::Hangup, body)?,
        Verb::SendDtmf => Command::SendDtmf { agent: agent()?, digits: digits(body)? },
        Verb::Answer => Command::Answer { agent: agent()? },
    };
    let action_id = match verb.echo() {
        Echo::Nowhere => None,
        Echo::RequestId | Echo::RequestIdAndTop | Echo::Data => action_id(body)?,
    };
    Ok(Request { command, action_id })
}

fn action_id(body: &Fields<'_>) -> Result<Option<String>, Fault> {
    let id = body.scalar("actionId")?;
    match &id {
        Some(text) if text.chars().count() > ACTION_ID_CHARS_MAX => {
            Err(Fault::field("actionId", Wrong::LongerThan(ACTION_ID_CHARS_MAX)))
        }
        Some(_) | None => Ok(id),
    }
}

fn required(body: &Fields<'_>, name: &'static str) -> Result<String, Fault> {
    body.scalar(name)?.ok_or_else(|| Fault::field(name, Wrong::Missing))
}

fn required_number(body: &Fields<'_>, name: &'static str) -> Result<String, Fault> {
    body.number(name)?.ok_or_else(|| Fault::field(name, Wrong::Missing))
}

/// `mode` and `number` of 2.7 and 2.8.
fn party(body: &Fields<'_>) -> Result<Party, Fault> {
    match required(body, "mode")?.as_str() {
        "agent" => required(body, "number").map(Party::Agent),
        "outline" => required_number(body, "number").map(Party::Outline),
        "ivr" => required(body, "number").map(Party::Ivr),
        "queue" => required(body, "number").map(Party::Queue),
        _ => Err(Fault::field("mode", Wrong::NotOneOf(&PARTY_MODES))),
    }
}

/// Who does it is checked by the core: whether it is a supervisor is no matter of form.
fn monitor(agent: String, how: Monitoring, body: &Fields<'_>) -> Result<Command, Fault> {
    Ok(Command::Monitor { supervisor: required(body, "listenAgent")?, agent, how })
}

fn force(agent: String, what: Forced, body: &Fields<'_>) -> Result<Command, Fault> {
    Ok(Command::Force { supervisor: required(body, "listenAgent")?, agent, what })
}

fn digits(body: &Fields<'_>) -> Result<String, Fault> {
    let digits = required(body, "digits")?;
    if !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')) {
        return Err(Fault::field("digits", Wrong::NotDigits));
    }
    if digits.len() > DIGITS_MAX {
        return Err(Fault::field("digits", Wrong::LongerThan(DIGITS_MAX)));
    }
    Ok(digits)
}

/// Fields are looked at in the order of their codes, as those of `dialOut`.
fn web_call(body: &Fields<'_>) -> Result<WebCall, Fault> {
    // Its 40000 comes before what `extras` are refused with.
    action_id(body)?;
    let callee = match required(body, "calleeType")?.as_str() {
        "number" => WebCallee::Number(required_number(body, "calleeNumber")?),
        "agentNumber" => WebCallee::Agent(required(body, "calleeNumber")?),
        "ivrId" => WebCallee::Ivr(required(body, "calleeNumber")?),
        _ => return Err(Fault::field("calleeType", Wrong::NotOneOf(&CALLEE_TYPES))),
    };
    Ok(WebCall {
        caller: required_number(body, "callerNumber")?,
        caller_ring_max: ring_time(body, "callerTimeout")?,
        caller_shown: body.scalar("callerDisplayNumber")?,
        callee,
        callee_ring_max: ring_time(body, "calleeTimeout")?,
        callee_shown: body.scalar("calleeDisplayNumber")?,
        extras: canonical_extras(body)?,
    })
}

fn canonical_extras(body: &Fields<'_>) -> Result<String, Fault> {
    Ok(body.raw("extras").map(extras::canonical).transpose()?.unwrap_or_default())
}

fn online(agent: String, body: &Fields<'_>) -> Result<Command, Fault> {
    let login = body.scalar("loginType").ok().flatten();
    let login = login.and_then(|text| words::read_login_type(&text)).ok_or(Code::LoginTypeInvalid)?;
    let choice = match body.scalar("status")?.as_deref() {
        Some("0") => Choice::Idle,
        Some("1") => Choice::Busy,
        Some(_) => return Err(Fault::field("status", Wrong::NotOneOf(&["0", "1"]))),
        None => return Err(Fault::field("status", Wrong::Missing)),
    };
    Ok(Command::Online { agent, login, choice })
}

/// Fields are looked at in the order of their codes (contract §2): 40000, 6724, 6725, 2017.
fn dial_out(agent: String, body: &Fields<'_>) -> Result<DialOut, Fault> {
    Ok(DialOut {
        agent,
        callee: required_number(body, "calleeNumber")?,
        agent_ring_max: ring_time(body, "agentTimeout")?,
        customer_ring_max: ring_time(body, "calleeTimeout")?,
        agent_shown: body.scalar("agentCallerNumber")?,
        customer_shown: body.scalar("calleeCallerNumber")?,
        group: body.scalar("group")?,
        group_area: body.scalar("groupareaCode")?,
        group_rule: group_rule(body)?,
        extras: canonical_extras(body)?,
    })
}

/// Empty is the default, above 300 s is 300 s, below 1 s or not a number is refused; fractions are cut off.
fn ring_time(body: &Fields<'_>, name: &'static str) -> Result<Option<Duration>, Fault> {
    let Some(text) = body.scalar(name)? else { return Ok(None) };
    let in_figures = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let seconds = if in_figures { text.parse::<f64>().ok() } else { None };
    match seconds.filter(|seconds| *seconds >= 1.0) {
        None => Err(Fault::field(name, Wrong::OutOf(1, RING_S_MAX))),
        Some(seconds) => Ok(Some(Duration::from_secs_f64(seconds.min(RING_S_MAX.into()).floor()))),
    }
}

fn group_rule(body: &Fields<'_>) -> Result<GroupRule, Fault> {
    match body.scalar("groupRule").map_err(|_| Code::GroupRuleInvalid)?.as_deref() {
        None | Some("0") => Ok(GroupRule::Random),
        Some("1") => Ok(GroupRule::Strategy),
        Some(_) => Err(Code::GroupRuleInvalid.into()),
    }
}

#[cfg(test)]
mod tests;
