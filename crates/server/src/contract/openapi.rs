//! The API as an OpenAPI 3.1 document, for tools that make clients from one.

use callcenter::limits::DIGITS_MAX;
use serde_json::{Map, Value, json};

use super::codes::{Code, Language};
use super::joined;
use super::limits::{
    ACTION_ID_CHARS_MAX, EXTRAS_BYTES_MAX, PAGE_MAX, PAGE_SIZE_MAX, QUERY_DAYS_MAX, RING_S_MAX,
};
use super::verb::{Echo, Verb};
use super::words::{CALLEE_TYPES, PARTY_MODES};

/// A field of a request body: name, required, schema, example.
type Field = (&'static str, bool, Value, Value);

/// The document. Its server is wherever it was fetched from.
pub fn document() -> Value {
    let mut paths = Map::new();
    for verb in Verb::ALL {
        paths.insert(path(verb), operation(summary(verb), &fields(verb)));
    }
    paths.insert(
        "/openapi/v1/call/cdr/list".to_owned(),
        operation("Finds call records (2.13)", &query_fields()),
    );
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Cordboard call API", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": { "Answer": answer() } },
    })
}

/// Where a verb is asked for.
pub fn path(verb: Verb) -> String {
    format!("/openapi/v1/call/{}", verb.name())
}

fn operation(summary: &str, fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, _, schema, _)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.1).map(|field| field.0).collect();
    let example: Map<String, Value> =
        fields.iter().map(|(name, _, _, example)| ((*name).to_owned(), example.clone())).collect();
    let body =
        json!({ "type": "object", "properties": properties, "required": required, "example": example });
    json!({ "post": {
        "summary": summary,
        "parameters": parameters(),
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": { "200": {
            "description": "Accepted and durable when code is 200, else refused",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Answer" } } },
        } },
    } })
}

/// The headers of contract §1 and §2.
fn parameters() -> Value {
    let header = |name: &str, required: bool, pattern: &str, text: &str| {
        let schema = json!({ "type": "string", "pattern": pattern });
        json!({ "name": name, "in": "header", "required": required, "schema": schema, "description": text })
    };
    let signed = "base64 of HMAC-SHA256 with the secret key over m7-appkey, m7-timestamp and m7-nonce joined";
    json!([
        header("m7-appkey", true, "^[1-9][0-9]*$", "The account"),
        header("m7-timestamp", true, "^[0-9]{10}$", "Unix seconds, at most 300 from the server's time"),
        header("m7-nonce", true, "^[0-9]{6}$", "Never used before with this timestamp"),
        header("m7-sign", true, "^[A-Za-z0-9+/]{43}=$", signed),
        header("Idempotency-Key", false, "^[ -~]{1,128}$", "A repeat within 24 h gets the first answer"),
    ])
}

fn answer() -> Value {
    let codes: Vec<String> =
        Code::ALL.iter().map(|code| format!("{}: {}", code.number(), code.text(Language::English))).collect();
    json!({
        "type": "object",
        "required": ["success", "code", "message", "requestInfo"],
        "properties": {
            "success": { "type": "boolean" },
            "code": { "type": "string", "description": format!("200, or why not. {}", codes.join("; ")) },
            "message": { "type": "string" },
            "data": {},
            "requestInfo": { "type": "object" },
            "actionId": { "type": "string" },
        },
    })
}

fn summary(verb: Verb) -> &'static str {
    match verb {
        Verb::Online => "Signs an agent in (1.1)",
        Verb::Offline => "Signs an agent out (1.2)",
        Verb::Busy => "Takes an agent out of the queue (1.3)",
        Verb::Rest => "Puts an agent back (1.4)",
        Verb::DialOut => "Calls the agent, then a customer (2.1)",
        Verb::Hangup => "Ends the agent's call, or the agent's part in it (2.2)",
        Verb::Hold => "Lets the others hear music (2.3)",
        Verb::Unhold => "Ends it (2.4)",
        Verb::Mute => "Lets the others not hear the agent (2.5)",
        Verb::Unmute => "Ends it (2.6)",
        Verb::Transfer => "Hands the customer on (2.7)",
        Verb::Consult => "Calls somebody while the customer waits (2.8)",
        Verb::ConsultTransfer => "Connects the customer with whom the agent consults (2.9)",
        Verb::ThreeWayCall => "Lets all three talk (2.10)",
        Verb::ResumeConsult => "Ends the consultation and takes the customer back (2.11)",
        Verb::CancelConsult => "The same (2.12)",
        Verb::WebCall => "Calls somebody, then somebody else, and connects them (2.14)",
        Verb::Listen => "Lets a supervisor hear an agent's call",
        Verb::Whisper => "Lets a supervisor hear it, and the agent hear the supervisor (ours)",
        Verb::Barge => "Lets a supervisor join an agent's call (ours)",
        Verb::TakeOver => "Lets a supervisor take an agent's call over (ours)",
        Verb::ForceOffline => "Lets a supervisor sign an agent out, in a call, too (ours)",
        Verb::ForceIdle => "Lets a supervisor put an agent back (ours)",
        Verb::ForceBusy => "Lets a supervisor take an agent out of the queue (ours)",
        Verb::ForceHangup => "Lets a supervisor end an agent's call (ours)",
        Verb::SendDtmf => "Dials digits to those who hear the agent (ours)",
        Verb::Answer => "Lets the agent's ringing phone answer by itself (ours)",
    }
}

fn text() -> Value {
    json!({ "type": ["string", "number"] })
}

fn fields(verb: Verb) -> Vec<Field> {
    let agent = ("agentNumber", true, text(), json!("8000"));
    let mut fields = match verb {
        Verb::Online => vec![
            agent,
            ("loginType", true, json!({ "enum": ["PSTN", "SIP", "WEBRTC"] }), json!("PSTN")),
            ("status", true, json!({ "enum": ["0", "1", 0, 1] }), json!("0")),
        ],
        Verb::DialOut => [vec![agent], dial_out_fields()].concat(),
        Verb::Transfer | Verb::Consult => vec![
            agent,
            ("mode", true, json!({ "enum": PARTY_MODES }), json!("agent")),
            ("number", true, text(), json!("8001")),
        ],
        Verb::WebCall => web_call_fields(),
        Verb::Listen
        | Verb::Whisper
        | Verb::Barge
        | Verb::TakeOver
        | Verb::ForceOffline
        | Verb::ForceIdle
        | Verb::ForceBusy
        | Verb::ForceHangup => vec![("listenAgent", true, text(), json!("8009")), agent],
        Verb::SendDtmf => {
            let keys = json!({ "pattern": format!("^[0-9*#A-D]{{1,{DIGITS_MAX}}}$") });
            vec![agent, ("digits", true, joined([text(), keys]), json!("12#"))]
        }
        Verb::Offline
        | Verb::Busy
        | Verb::Rest
        | Verb::Hangup
        | Verb::Hold
        | Verb::Unhold
        | Verb::Mute
        | Verb::Unmute
        | Verb::ConsultTransfer
        | Verb::ThreeWayCall
        | Verb::ResumeConsult
        | Verb::CancelConsult
        | Verb::Answer => vec![agent],
    };
    match verb.echo() {
        Echo::Nowhere => {}
        Echo::RequestId | Echo::RequestIdAndTop | Echo::Data => {
            let rule =
                json!({ "maxLength": ACTION_ID_CHARS_MAX, "description": "Your name for the request" });
            fields.push(("actionId", false, joined([text(), rule]), json!("437783670040322048")));
        }
    }
    fields
}

fn seconds(default: u32) -> Value {
    let rule = json!({ "description": format!("Seconds, 1 to {RING_S_MAX}; {default} when absent") });
    joined([text(), rule])
}

fn extras() -> Value {
    json!({ "description": format!("Any JSON, at most {EXTRAS_BYTES_MAX} bytes when compact") })
}

fn web_call_fields() -> Vec<Field> {
    vec![
        ("callerNumber", true, text(), json!("17319132391")),
        ("callerTimeout", false, seconds(120), json!(120)),
        ("callerDisplayNumber", false, text(), json!("")),
        ("calleeNumber", true, text(), json!("18381051957")),
        ("calleeType", true, json!({ "enum": CALLEE_TYPES }), json!("number")),
        ("calleeTimeout", false, seconds(60), json!("60")),
        ("calleeDisplayNumber", false, text(), json!("")),
        ("extras", false, extras(), json!({ "name": "zhangsan" })),
    ]
}

fn dial_out_fields() -> Vec<Field> {
    vec![
        ("calleeNumber", true, text(), json!("17319132391")),
        ("agentTimeout", false, seconds(60), json!("60")),
        ("calleeTimeout", false, seconds(120), json!("120")),
        ("agentCallerNumber", false, text(), json!("")),
        ("calleeCallerNumber", false, text(), json!("")),
        ("extras", false, extras(), json!({ "order": "A-17" })),
        ("group", false, text(), json!("")),
        ("groupRule", false, json!({ "enum": ["", "0", "1", 0, 1] }), json!(0)),
        ("groupareaCode", false, text(), json!("")),
    ]
}

fn query_fields() -> Vec<Field> {
    let time = |text: String| json!({ "type": "string", "description": text });
    let page = |max: u32| json!({ "type": ["integer", "string"], "minimum": 1, "maximum": max });
    let kinds = json!({ "type": ["array", "string"], "items": { "type": "string" } });
    vec![
        (
            "startTime",
            false,
            time("yyyy-MM-dd HH:mm:ss; required without uniqueId".to_owned()),
            json!("2021-03-25 00:00:00"),
        ),
        (
            "endTime",
            false,
            time(format!("At most {QUERY_DAYS_MAX} days after startTime")),
            json!("2021-03-26 00:00:00"),
        ),
        ("uniqueId", false, text(), json!("")),
        ("agentNumber", false, text(), json!("")),
        ("displayNumber", false, text(), json!("")),
        ("trunkNumber", false, text(), json!("")),
        ("queueNumber", false, text(), json!("")),
        ("status", false, json!({ "type": "string" }), json!("ANSWER")),
        ("callType", false, kinds, json!(["dialout"])),
        ("page", false, page(PAGE_MAX), json!(1)),
        ("pageSize", false, page(PAGE_SIZE_MAX), json!(100)),
    ]
}

#[cfg(test)]
mod tests {
    use base::AccountId;

    use super::*;
    use crate::contract::query::query;
    use crate::contract::request::read;
    use crate::contract::time::Zone;

    fn example(path: &str) -> Vec<u8> {
        let pointer = "/post/requestBody/content/application~1json/schema/example";
        document()["paths"][path].pointer(pointer).expect("each body has an example").to_string().into_bytes()
    }

    #[test]
    fn every_example_is_a_request_we_take() {
        for verb in Verb::ALL {
            let taken = read(verb, &example(&path(verb)));
            assert!(taken.is_ok(), "{verb:?}: {taken:?}");
        }
        let taken = query(AccountId(1), Zone::default(), &example("/openapi/v1/call/cdr/list"));
        assert!(taken.is_ok(), "{taken:?}");
    }
}
