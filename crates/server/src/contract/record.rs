//! The JSON of call records (API 2.13 and 3.5, contract §6).

use base::Wall;
use callcenter::action::RecordingFiles;
use callcenter::event::{CallKind, Role};
use callcenter::numbers::{Attribution, NumberKind};
use callcenter::record::{CallRecord, LegBill};
use callcenter::signal::Failure;
use serde_json::{Value, json};

use super::joined;
use super::time::Zone;
use super::words;

/// What a record's JSON needs besides the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// Where recordings are fetched from the outside, without a slash at the end: `https://calls.example.com`.
    pub public_url: String,
    /// The account's zone.
    pub zone: Zone,
}

/// The JSON of the record of a call, or of a party that was brought into one, as `cdr/list` answers it and as the push `cdr` carries it (API 2.13 and 3.5).
///
/// Fields come in the order of the document's push sample. Absent values are `""`; durations and `sipCode` are
/// numbers (contract §6).
pub fn record(record: &CallRecord, settings: &RecordSettings) -> Value {
    let links = Links::new(record, settings);
    let zone = settings.zone;
    joined([
        to_create_time(record, &links, zone),
        to_hang_up(record, &links, zone),
        to_end(record, &links, zone),
    ])
}

/// `callUniqueId` … `createTime`.
fn to_create_time(record: &CallRecord, links: &Links, zone: Zone) -> Value {
    let bills: Vec<String> = record.bills.iter().map(|bill| bill_call(bill, zone)).collect();
    json!({
        "callUniqueId": record.call.id,
        "_id": record.id,
        "uniqueId": record.call.id,
        "id": record.id,
        "accountId": record.account,
        "actionId": "",
        "agentAnswerTime": zone.show_or_empty(record.agent_answered),
        "agentAreaCode": record.agent_place.area_code,
        "agentAreacode": record.agent_place.area_code,
        "agentCity": record.agent_place.city,
        "agentCountry": country(&record.agent_place),
        "agentCountryCode": country_code(&record.agent_place),
        "agentFileUrl": links.agent,
        "agentNumber": record.agent.number,
        "agentProvince": record.agent_place.province,
        "agentRingDuration": record.agent_ring_s,
        "agentStartTime": zone.show_or_empty(record.agent_started),
        "agentTelNumber": record.agent_phone,
        "agentTelType": record.login.map_or("", |_| words::number_type(record.agent_place.kind)),
        "applicationId": "",
        "billCalls": bills,
        "bridgeDuration": record.bridged.map_or(0, |bridged| seconds_between(bridged, record.hung_up)),
        "bridgeTime": zone.show_or_empty(record.bridged),
        "callId": record.call_uuid,
        "callType": words::call_type(record.call.kind),
        "cdrType": words::record_kind(record.kind),
        "createTime": zone.show(record.created),
    })
}

/// `customerAnswerTime` … `hangupTime`.
fn to_hang_up(record: &CallRecord, links: &Links, zone: Zone) -> Value {
    json!({
        "customerAnswerTime": zone.show_or_empty(record.customer_answered),
        "customerAreaCode": record.customer_place.area_code,
        "customerCity": record.customer_place.city,
        "customerCountry": country(&record.customer_place),
        "customerCountryCode": country_code(&record.customer_place),
        "customerFileUrl": links.customer,
        "customerNumber": record.call.customer,
        "customerNumberType": words::number_type(record.customer_place.kind),
        "customerProvince": record.customer_place.province,
        "customerRingDuration": record.customer_ring_s,
        "customerStartTime": zone.show_or_empty(record.customer_started),
        "displayNumber": record.call.display,
        "doubleTrackFileUrl": links.stereo,
        "endTime": zone.show(record.ended),
        "extras": record.call.extras,
        "failureReason": failure_reason(record.failure),
        "gatewayIP": record.gateway,
        "hangUpSide": words::hang_up_side(record.side),
        "hangupTime": zone.show(record.hung_up),
    })
}

/// `hotLineNumber` … `voiceMailUrl`. Queues, IVR, surveys and tasks have no source yet: their fields are absent values.
fn to_end(record: &CallRecord, links: &Links, zone: Zone) -> Value {
    json!({
        "hotLineNumber": "",
        "ivrId": "",
        "ivrTime": "",
        "joinQueueTime": "",
        "keys": [],
        "loginType": record.login.map_or("", words::login_type),
        "playNumberDuration": 0,
        "queueNumber": "",
        "recordFileUrl": links.play,
        "recordType": record_type(record),
        "recordingDuration": record.recording_s,
        "satisfyDuration": 0,
        "satisfyEndTime": "",
        "satisfyIvrId": "",
        "satisfyStartTime": "",
        "sipCode": record.sip_code,
        "startTime": zone.show(record.started),
        "status": words::call_status(record.status),
        "systemAnswerTime": zone.show_or_empty(system_answered(record)),
        "taskId": "",
        "totalDuration": total_s(record),
        "trunkNumber": record.call.trunk,
        "virtualNumber": "",
        "waitDuration": 0,
        "ivrName": "",
        "queueName": "",
        "agentName": record.agent.name,
        "agentId": record.agent_id,
        "matchResult": NO_MATCH,
        "customerId": "",
        "customerName": "",
        "saveTime": zone.show(record.created),
        "groupIdList": record.call.group_ids,
        "groupNameList": record.call.group_names,
        "eventUniqueId": "",
        "satisfyKeys": [],
        "voiceMailUrl": "",
    })
}

/// `matchResult` when no expression was tried, as in every sample of the document.
const NO_MATCH: &str = "000";

/// The addresses of a record's files; `""` for those the account does not want.
pub(super) struct Links {
    /// The file to play.
    pub(super) play: String,
    pub(super) stereo: String,
    pub(super) agent: String,
    pub(super) customer: String,
}

impl Links {
    fn new(record: &CallRecord, settings: &RecordSettings) -> Links {
        let files = record.recording.clone().unwrap_or_default();
        Links::of(&files, settings)
    }

    /// Fixed when the names are; fetching before the files are finished is 404 with Retry-After.
    pub(super) fn of(files: &RecordingFiles, settings: &RecordSettings) -> Links {
        let link = |name: &Option<String>| match name {
            Some(name) => settings.public_url.clone() + &recording_path(&files.token, name),
            None => String::new(),
        };
        let play = if files.stereo.is_some() { &files.stereo } else { &files.mixed };
        Links {
            play: link(play),
            stereo: link(&files.stereo),
            agent: link(&files.agent),
            customer: link(&files.customer),
        }
    }
}

/// The path of a recording's link: `/recordings/<token>/<name>`, the name percent-encoded where it must be.
pub fn recording_path(token: &str, name: &str) -> String {
    format!("/recordings/{token}/{}", in_a_path(name))
}

/// Percent-encodes what may not stand in a path (RFC 3986 §3.3); slashes stay.
fn in_a_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' => {
                path.push(char::from(byte))
            }
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// The sixteen fields of one leg, joined by `|` (contract §6).
fn bill_call(bill: &LegBill, zone: Zone) -> String {
    let direction = match (bill.role, bill.incoming) {
        (Role::Agent | Role::Destination | Role::Supervisor, false) => "out-bound-call-agent",
        (Role::Agent | Role::Destination | Role::Supervisor, true) => "in-bound-call-agent",
        (Role::Customer, true) => "in-bound-customer",
        // Whoever is brought into a call from outside was called, whichever way the call itself came.
        (Role::Customer, false) | (Role::Outside, _) => "out-bound-customer",
    };
    // Whoever talks to the customer is billed as an agent; where an inbound route leads there is no number of one.
    let role = match bill.role {
        Role::Agent | Role::Destination | Role::Supervisor => "agent",
        Role::Customer | Role::Outside => "customer",
    };
    let fields: [&str; 16] = [
        &zone.show(bill.started),
        &zone.show_or_empty(bill.answered),
        &zone.show(bill.ended),
        role,
        &bill.shown,
        &bill.dialled,
        &bill.agent_number,
        words::billed_number_type(bill.dialled_place.kind),
        country_code(&bill.shown_place),
        &bill.shown_place.area_code,
        &bill.shown_place.city,
        country_code(&bill.dialled_place),
        &bill.dialled_place.area_code,
        &bill.dialled_place.city,
        direction,
        bill.login.map_or("null", words::login_type),
    ];
    fields.join("|")
}

/// Differences are of the displayed whole seconds (contract §6); a clock that stepped back gives 0.
fn seconds_between(from: Wall, to: Wall) -> i64 {
    (to.as_secs() - from.as_secs()).max(0)
}

/// A call's time without that of parties who have records of their own (API 2.13: without consultation, transfer, conference).
fn total_s(record: &CallRecord) -> i64 {
    seconds_between(record.started, record.ended).saturating_sub(record.left_out_s).max(0)
}

/// When the system began to serve the caller: in a dialOut, when the agent answered.
fn system_answered(record: &CallRecord) -> Option<Wall> {
    match record.call.kind {
        CallKind::DialOut => record.agent_answered,
        CallKind::WebCall => record.customer_answered,
        CallKind::Incoming => record.customer_answered,
    }
}

fn record_type(record: &CallRecord) -> &'static str {
    match (&record.recording, record.dual_track) {
        (None, _) => "",
        (Some(_), true) => "doubleTrack",
        (Some(_), false) => "normal",
    }
}

/// The number 0 on success, else a word (the document's spelling of "unknown").
pub(super) fn failure_reason(failure: Failure) -> Value {
    match failure {
        Failure::None => Value::from(0),
        Failure::Forbidden => Value::from("forbidden"),
        Failure::ServiceUnavailable => Value::from("serviceUnavailable"),
        Failure::Cancel => Value::from("cancel"),
        Failure::RequestTimeout => Value::from("requestTimeout"),
        Failure::Decline => Value::from("decline"),
        Failure::Unknown => Value::from("unknow"),
    }
}

fn country(place: &Attribution) -> &'static str {
    match place.kind {
        NumberKind::Mobile | NumberKind::Fixed => "中国",
        NumberKind::Sip | NumberKind::Unknown => "",
    }
}

fn country_code(place: &Attribution) -> &'static str {
    match place.kind {
        NumberKind::Mobile | NumberKind::Fixed => "86",
        NumberKind::Sip | NumberKind::Unknown => "",
    }
}
