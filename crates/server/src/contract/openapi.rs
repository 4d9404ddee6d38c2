//! The API as an OpenAPI 3.1 document, for tools that make clients from one.

use serde_json::{Map, Value, json};

use super::codes::{Code, Language};
use super::joined;
use super::limits::{EXTRAS_BYTES_MAX, PAGE_MAX, PAGE_SIZE_MAX, QUERY_DAYS_MAX, RING_S_MAX};
use super::request::Verb;

/// A field of a request body: name, required, schema, example.
type Field = (&'static str, bool, Value, Value);

/// The document. Its server is wherever it was fetched from.
pub fn document() -> Value {
    let mut paths = Map::new();
    for verb in Verb::ALL {
        paths.insert(format!("/openapi/v1/call/{}", verb.name()), operation(summary(verb), &fields(verb)));
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
        Verb::Hangup => "Ends the agent's call (2.2)",
    }
}

fn text() -> Value {
    json!({ "type": ["string", "number"] })
}

fn fields(verb: Verb) -> Vec<Field> {
    let mut fields = vec![("agentNumber", true, text(), json!("8000"))];
    match verb {
        Verb::Online => fields.extend([
            ("loginType", true, json!({ "enum": ["PSTN", "SIP", "WEBRTC"] }), json!("PSTN")),
            ("status", true, json!({ "enum": ["0", "1", 0, 1] }), json!("0")),
        ]),
        Verb::DialOut => fields.extend(dial_out_fields()),
        Verb::Offline | Verb::Busy | Verb::Rest | Verb::Hangup => {}
    }
    fields
}

fn dial_out_fields() -> Vec<Field> {
    let seconds = |default: u32| {
        let rule = json!({ "description": format!("Seconds, 1 to {RING_S_MAX}; {default} when absent") });
        joined([text(), rule])
    };
    let extras = json!({ "description": format!("Any JSON, at most {EXTRAS_BYTES_MAX} bytes when compact") });
    vec![
        ("calleeNumber", true, text(), json!("17319132391")),
        ("agentTimeout", false, seconds(60), json!("60")),
        ("calleeTimeout", false, seconds(120), json!("120")),
        ("agentCallerNumber", false, text(), json!("")),
        ("calleeCallerNumber", false, text(), json!("")),
        ("extras", false, extras, json!({ "order": "A-17" })),
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
    use crate::contract::request::command;
    use crate::contract::time::Zone;

    fn example(path: &str) -> Vec<u8> {
        let pointer = "/post/requestBody/content/application~1json/schema/example";
        document()["paths"][path].pointer(pointer).expect("each body has an example").to_string().into_bytes()
    }

    #[test]
    fn every_example_is_a_request_we_take() {
        for verb in Verb::ALL {
            let taken = command(verb, &example(&format!("/openapi/v1/call/{}", verb.name())));
            assert!(taken.is_ok(), "{verb:?}: {taken:?}");
        }
        let taken = query(AccountId(1), Zone::default(), &example("/openapi/v1/call/cdr/list"));
        assert!(taken.is_ok(), "{taken:?}");
    }
}
