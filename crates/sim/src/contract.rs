//! What the record of a call to each magic number must say (contract §6), and what must have been heard, when nothing
//! came in between.

use std::net::SocketAddr;
use std::time::Duration;

use callcenter::event::HangUpSide;
use callcenter::record::{CallRecord, CallStatus};
use callcenter::signal::Failure;

use crate::calls::Call;
use crate::knobs::Knobs;

/// Endings of numbers that do something of their own. Every other number answers.
pub(crate) const ENDINGS: &[&str] = &[
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013",
    "0014", "0015",
];
/// For all others.
pub(crate) const OTHER: &str = "other";
/// Number 0010 rings for 20 s; this is more, with all that may delay it.
const SLOW: Duration = Duration::from_secs(28);
/// Who talks for so long must have been heard, and stored.
const HEARD_AFTER: Duration = Duration::from_secs(2);
/// Number 0008 talks for so long.
const TALK: Duration = Duration::from_secs(5);
/// How much longer or shorter anything may take than it should: datagrams and signals are under way.
const SLACK: Duration = Duration::from_secs(2);
/// After this, number 0011 has pressed all its keys.
const PRESSED_AFTER: Duration = Duration::from_secs(9);
/// The keys of number 0011.
pub(crate) const KEYS: &str = "123#";

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    status: CallStatus,
    failure: Failure,
    sip_code: u16,
    side: HangUpSide,
}

/// Holds a record, and what was heard, against the contract.
pub(crate) fn judge(call: &Call, record: &CallRecord, knobs: &Knobs, carrier: SocketAddr) {
    let number = call.customer.as_str();
    assert_eq!(outcome(record), expected(number, knobs), "the record of a call to {number}: {record:?}");
    assert_eq!(record.gateway, carrier.to_string(), "a call to {number} went another way");
    let answered = record.status == CallStatus::Answer;
    assert_eq!(record.recording.is_some(), answered, "what is recorded of a call to {number}");
    assert_eq!(call.linked.is_some(), answered, "a call to {number} was linked, or was not");
    heard(call);
    lasted(call, knobs);
}

/// Whether a call came to the end that it should, whatever was lost on its way. The one 180 of a phone that is never
/// answered may be lost for good, since only 100 is said again: nobody knows its status then.
pub(crate) fn is_unharmed(call: &Call, record: &CallRecord, knobs: &Knobs) -> bool {
    let expected = expected(&call.customer, knobs);
    let unheard = Outcome { sip_code: 0, ..expected };
    outcome(record) == expected || (expected.sip_code == 487 && outcome(record) == unheard)
}

fn outcome(record: &CallRecord) -> Outcome {
    Outcome { status: record.status, failure: record.failure, sip_code: record.sip_code, side: record.side }
}

fn expected(number: &str, knobs: &Knobs) -> Outcome {
    let unanswered =
        |failure, sip_code, side| Outcome { status: CallStatus::CustomerNoAnswer, failure, sip_code, side };
    let answered = |side| Outcome { status: CallStatus::Answer, failure: Failure::None, sip_code: 200, side };
    let not_in_time = unanswered(Failure::RequestTimeout, 487, HangUpSide::System);
    match ending(number) {
        "0002" => unanswered(Failure::Decline, 486, HangUpSide::Customer),
        "0003" => not_in_time,
        "0004" => unanswered(Failure::Decline, 603, HangUpSide::Customer),
        "0005" => unanswered(Failure::Unknown, 404, HangUpSide::Customer),
        "0006" => unanswered(Failure::RequestTimeout, 480, HangUpSide::Customer),
        "0007" => unanswered(Failure::Decline, 486, HangUpSide::Customer),
        "0008" => answered(HangUpSide::Customer),
        "0009" => unanswered(Failure::ServiceUnavailable, 503, HangUpSide::System),
        "0010" if knobs.customer_ring < SLOW => not_in_time,
        // They talk until the call is too old, or, with 0013, until somebody was silent for too long.
        _ => answered(HangUpSide::System),
    }
}

/// Whether everyone was heard who should be.
fn heard(call: &Call) {
    let number = call.customer.as_str();
    let (agent, customer) = (&call.of_agent, &call.of_customer);
    let ending = ending(number);
    // The others refuse or speak so soon that there may be no time for it.
    let rings = !matches!(ending, "0002" | "0005" | "0006" | "0007" | "0009");
    assert!(!rings || agent.ring_back > 0, "no ring-back was heard on the way to {number}");
    if matches!(ending, "0005" | "0006" | "0007" | "0014") {
        assert!(agent.speech_early > 0, "the network of {number} was not heard");
    }
    let (Some(linked), Some(over)) = (call.linked, call.over) else { return };
    let talk = over.since(linked);
    if talk > HEARD_AFTER {
        assert!(customer.speech > 0, "{number} did not hear the agent");
        assert!(agent.stored > 0, "of a call to {number} the agent was not stored");
        let speaks = ending != "0013";
        assert_eq!(agent.speech > 0, speaks, "whether the agent heard {number}");
        assert_eq!(customer.stored > 0, speaks, "whether {number} was stored");
    }
    if ending == "0011" && talk > PRESSED_AFTER {
        assert!(agent.digits.contains(KEYS), "the keys of {number} were heard as {:?}", agent.digits);
    }
}

/// Whether an answered call went on for as long as it should, and no longer.
fn lasted(call: &Call, knobs: &Knobs) {
    let (Some(linked), Some(over)) = (call.linked, call.over) else { return };
    let (number, talk, age) = (call.customer.as_str(), over.since(linked), over.since(call.started));
    match ending(number) {
        "0008" => assert!(talk.abs_diff(TALK) < SLACK, "{number} talked for {talk:?}"),
        "0013" => assert!(talk < knobs.silence_max + SLACK, "{number} was silent for {talk:?}"),
        _ => assert_eq!(age, knobs.call_age_max, "the age of a call to {number}"),
    }
}

/// The ending that says what a number does; `other` when it says nothing.
pub(crate) fn ending(number: &str) -> &'static str {
    ENDINGS.iter().find(|ending| number.ends_with(**ending)).copied().unwrap_or(OTHER)
}
