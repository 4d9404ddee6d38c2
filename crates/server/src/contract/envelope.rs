//! Answers: `{ success, code, message, data?, requestInfo }` (contract §2).

use base::{AccountId, CallId, Wall};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::codes::{Code, Fault, Language};
use super::fields::depth;
use super::limits::BODY_DEPTH_MAX;
use super::time::Zone;
use super::verb::{Echo, Verb};

/// `version` of the media verbs' answers: that of the API we speak.
const API_VERSION: &str = "2020102501";
const SUCCESS: &str = "requestSuccess";
const MEDIA_OK: &str = "call-api-server-ok";

/// What was asked and how long it took.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The system's id of the request, 32 hex digits.
    pub id: String,
    /// `actionId`: the client's own name for it, where the verb knows one and the client gave it.
    pub action_id: Option<String>,
    /// The path.
    pub url: String,
    /// Where the call service stands behind the border, without a slash at the end.
    pub proxy_base: String,
    /// The body, when it was read and is JSON.
    pub body: Option<Box<RawValue>>,
    /// The headers to echo, in the order they came; `None` leaves `headers` out.
    pub headers: Option<Vec<(String, String)>>,
    /// Who asked; `None` when the request does not say.
    pub account: Option<AccountId>,
    /// When it was what.
    pub span: Span,
}

impl RequestInfo {
    /// The client's name for the request, else the system's.
    fn named(&self) -> &str {
        self.action_id.as_deref().unwrap_or(&self.id)
    }
}

/// The times of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The request arrived.
    pub begun: Wall,
    /// It went on to the call service.
    pub passed_on: Wall,
    /// The call service answered.
    pub answered: Wall,
    /// The answer left.
    pub ended: Wall,
}

/// A body as `requestInfo` shows it: when it is JSON, and not deeper than we would read it ourselves.
pub fn echoed(body: &[u8]) -> Option<Box<RawValue>> {
    if depth(body) > BODY_DEPTH_MAX { None } else { serde_json::from_slice(body).ok() }
}

/// The `data` of an accepted command; `busy` and `rest` have none.
pub fn data(
    verb: Verb,
    call: Option<CallId>,
    info: &RequestInfo,
    media_server: &str,
    zone: Zone,
) -> Option<Value> {
    match verb {
        Verb::Online => Some(Value::from("座席上线成功")),
        Verb::Offline => Some(Value::from("座席下线成功")),
        Verb::Busy | Verb::Rest => None,
        Verb::DialOut
        | Verb::Hangup
        | Verb::Hold
        | Verb::Unhold
        | Verb::Mute
        | Verb::Unmute
        | Verb::Transfer
        | Verb::Consult
        | Verb::ConsultTransfer
        | Verb::ThreeWayCall
        | Verb::ResumeConsult
        | Verb::CancelConsult
        | Verb::WebCall
        | Verb::Listen
        | Verb::Whisper
        | Verb::Barge
        | Verb::TakeOver
        | Verb::ForceOffline
        | Verb::ForceIdle
        | Verb::ForceBusy
        | Verb::ForceHangup
        | Verb::SendDtmf
        | Verb::Answer => Some(media_answer(verb.echo(), call, info, media_server, zone)),
    }
}

/// The `data` of the media verbs. `callUniqueId` is ours: the document has clients correlate by `extras`.
fn media_answer(
    echo: Echo,
    call: Option<CallId>,
    info: &RequestInfo,
    media_server: &str,
    zone: Zone,
) -> Value {
    let mut data = json!({ "mediaServer": media_server });
    if let Some(call) = call {
        data["callUniqueId"] = json!(call);
    }
    let request_id = match echo {
        Echo::Nowhere | Echo::Data => &info.id,
        Echo::RequestId | Echo::RequestIdAndTop => info.named(),
    };
    let mut answer = json!({
        "code": 200,
        "startTime": zone.show_ms(info.span.passed_on),
        "endTime": zone.show_ms(info.span.answered),
        "timezone": zone.to_string(),
        "version": API_VERSION,
        "request": { "requestId": request_id },
        "response": { "data": data, "message": MEDIA_OK },
        "message": MEDIA_OK,
    });
    match echo {
        Echo::Data => answer["actionId"] = json!(info.named()),
        Echo::Nowhere | Echo::RequestId | Echo::RequestIdAndTop => {}
    }
    answer
}

/// The answer to a request that succeeded.
pub fn success(verb: Verb, data: Option<Value>, info: &RequestInfo) -> String {
    written(&Envelope {
        success: true,
        code: "200",
        message: SUCCESS,
        data,
        request_info: InfoJson::new(info),
        action_id: match verb.echo() {
            Echo::RequestIdAndTop => Some(info.named()),
            Echo::Nowhere | Echo::RequestId | Echo::Data => None,
        },
    })
}

/// The answer to a refused request. It has the client's `actionId`, when there was one to read (ours).
pub fn refusal(fault: &Fault, language: Language, info: &RequestInfo) -> String {
    let (code, message) = (fault.code.number().to_string(), fault.message(language));
    written(&Envelope {
        success: false,
        code: &code,
        message: &message,
        data: None,
        request_info: InfoJson::new(info),
        action_id: info.action_id.as_deref(),
    })
}

/// What stands before the records of a list that is written as it is read.
pub fn list_head() -> String {
    format!(r#"{{"success":true,"code":"200","message":"{SUCCESS}","data":{{"list":["#)
}

/// What stands after them.
pub fn list_tail(count: u64, info: &RequestInfo) -> String {
    format!(r#"],"count":{count}}},"requestInfo":{}}}"#, written(&InfoJson::new(info)))
}

/// The code of an answer written earlier, when it was a refusal.
pub fn refused(answer: &str) -> Option<Code> {
    #[derive(Deserialize)]
    struct Head<'a> {
        code: &'a str,
    }
    let head: Head<'_> = serde_json::from_str(answer).ok()?;
    Code::ALL.iter().copied().find(|code| code.number().to_string() == head.code)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    request_info: InfoJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InfoJson<'a> {
    request_id: &'a str,
    url: &'a str,
    proxy_url: String,
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<String, Value>>,
    span: Value,
}

impl<'a> InfoJson<'a> {
    fn new(info: &'a RequestInfo) -> InfoJson<'a> {
        InfoJson {
            request_id: &info.id,
            url: &info.url,
            proxy_url: format!("{}{}", info.proxy_base, info.url),
            body: info.body.as_deref(),
            headers: info.headers.as_ref().map(|headers| headers_json(headers, info)),
            span: span_json(info.span),
        }
    }
}

/// The request's headers, the repeated ones joined, and two of ours.
fn headers_json(headers: &[(String, String)], info: &RequestInfo) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let joined = match all.get(name) {
            Some(Value::String(before)) => format!("{before}, {value}"),
            _ => value.clone(),
        };
        all.insert(name.clone(), Value::from(joined));
    }
    all.insert("traceId".to_owned(), Value::from(info.id.as_str()));
    all.insert(
        "accountId".to_owned(),
        Value::from(info.account.map(|id| id.to_string()).unwrap_or_default()),
    );
    all
}

/// `bizSpan` is the call service's time, `latency` everything else.
fn span_json(span: Span) -> Value {
    let ms = |from: Wall, to: Wall| (to.as_millis() - from.as_millis()).max(0);
    let business = ms(span.passed_on, span.answered);
    json!({
        "requestStartTime": span.begun.as_millis(),
        "proxyStartTime": span.passed_on.as_millis(),
        "proxyEndTime": span.answered.as_millis(),
        "reqEndTime": span.ended.as_millis(),
        "bizSpan": format!("{business}ms"),
        "latency": format!("{}ms", (ms(span.begun, span.ended) - business).max(0)),
    })
}

fn written(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("strings, numbers and raw JSON are always written")
}
