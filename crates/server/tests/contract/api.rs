//! The API as a client sees it: the router with fake parts behind it and a fake clock.

use super::fakes::{BEGIN_S, Core, SECRET, World, code, json, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base::CallId;
use callcenter::command::{Accepted, Choice, Command, LoginType, Refusal};
use callcenter::config::AccountStatus;
use serde_json::{Value, json};
use server::contract::auth::sign;
use server::contract::codes::{Code, Language};
use server::http::ports::{Begun, HeaderEcho, HttpStatus, RequestLimits, UseError};

const BUSY: &str = "/openapi/v1/call/busy";
const DIAL: &str = "/openapi/v1/call/dialOut";
const BODY: &str = r#"{ "agentNumber": "8000" }"#;
const DIAL_BODY: &str = r#"{"agentNumber":"8000","calleeNumber":"17319132391","extras":{"test":"额外参数"}}"#;

fn accepted(call: u64) -> Result<Accepted, Refusal> {
    Ok(Accepted { call: Some(CallId(call)) })
}

#[tokio::test]
async fn a_command_reaches_the_core_as_asked() {
    let world = World::new();
    world.ask("/openapi/v1/call/online", r#"{"agentNumber":8000,"loginType":"SIP","status":1}"#).await;
    let asked = world.asked.lock().unwrap().remove(0);
    let wanted = Command::Online { agent: "8000".to_owned(), login: LoginType::Sip, choice: Choice::Busy };
    assert_eq!((asked.command, asked.key, asked.request.len()), (wanted, None, 32));
}

#[tokio::test]
async fn the_order_of_checks_is_the_contract_s() {
    let world = World::new();
    let stamp = BEGIN_S.to_string();
    let good = sign(SECRET, "2000103", &stamp, "000042");
    let nobody = sign(SECRET, "2000104", &stamp, "000042");
    let wrong = sign("wrong", "2000103", &stamp, "000042");
    // Each row mends what the row before it was refused for.
    let rows: [(&[(&str, &str)], Code); 9] = [
        (&[], Code::AppkeyInvalid),
        (&[("m7-appkey", "2000104")], Code::TimestampMissing),
        (&[("m7-appkey", "2000104"), ("m7-timestamp", "1609226863021")], Code::TimestampInvalid),
        (&[("m7-appkey", "2000104"), ("m7-timestamp", "1609226863")], Code::TimestampStale),
        (&[("m7-appkey", "2000104"), ("m7-timestamp", &stamp)], Code::NonceInvalid),
        (&[("m7-appkey", "2000104"), ("m7-timestamp", &stamp), ("m7-nonce", "000042")], Code::SignInvalid),
        (
            &[
                ("m7-appkey", "2000104"),
                ("m7-timestamp", &stamp),
                ("m7-nonce", "000042"),
                ("m7-sign", &nobody),
            ],
            Code::NoSecret,
        ),
        (
            &[
                ("m7-appkey", "2000103"),
                ("m7-timestamp", &stamp),
                ("m7-nonce", "000042"),
                ("m7-sign", &wrong),
            ],
            Code::SignatureWrong,
        ),
        (
            &[("m7-appkey", "2000103"), ("m7-timestamp", &stamp), ("m7-nonce", "000042"), ("m7-sign", &good)],
            Code::NoAgentNumber,
        ),
    ];
    for (headers, wanted) in rows {
        let request =
            headers.iter().fold(Request::post(BUSY), |request, (name, value)| request.header(*name, *value));
        let answer = world.answer(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(code(&answer), wanted.number().to_string(), "{headers:?}");
        assert_eq!(answer["success"], false);
    }
    assert_eq!(world.used.lock().unwrap().len(), 1, "only the verified use is remembered");
    assert!(world.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unknown_paths_come_before_everything() {
    let world = World::new();
    let post = |path: &str| Request::post(path).body(Body::empty()).unwrap();
    assert_eq!(code(&world.answer(post("/openapi/v1/call/nothing")).await), "50001");
    assert_eq!(code(&world.answer(post("/openapi/v1/mail/send")).await), "50006");
    let get = Request::get(BUSY).body(Body::empty()).unwrap();
    assert_eq!(code(&world.answer(get).await), "50001");
    let elsewhere = Request::get("/favicon.ico").body(Body::empty()).unwrap();
    assert_eq!(world.response(elsewhere).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_use_is_remembered_once_verified_whatever_comes_later() {
    let world = World::new();
    let request = |body: &'static str| {
        let stamp = BEGIN_S.to_string();
        Request::post(BUSY)
            .header("m7-appkey", "2000103")
            .header("m7-timestamp", &stamp)
            .header("m7-nonce", "123221")
            .header("m7-sign", "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo=")
            .body(Body::from(body))
            .unwrap()
    };
    assert_eq!(code(&world.answer(request("not JSON")).await), "40000");
    assert_eq!(code(&world.answer(request(BODY)).await), "50002");
    assert!(world.asked.lock().unwrap().is_empty());
    for error in [UseError::Full, UseError::Unavailable] {
        *world.use_error.lock().unwrap() = Some(error);
        assert_eq!(code(&world.ask(BUSY, BODY).await), "6700");
    }
}

#[tokio::test]
async fn limits_come_after_the_signature_and_before_the_call_service() {
    let world = World::new();
    {
        let mut access = world.access.lock().unwrap();
        access.limits = RequestLimits { per_minute: Some(3), per_route_per_minute: Some(2) };
        access.status = AccountStatus::Disabled;
    }
    let mut codes = Vec::new();
    for path in [BUSY, BUSY, BUSY, DIAL, DIAL] {
        codes.push(code(&world.ask(path, "{}").await).to_owned());
    }
    assert_eq!(codes, ["6718", "6718", "50020", "6718", "50010"]);
    assert_eq!(world.used.lock().unwrap().len(), 5);
    world.access.lock().unwrap().status = AccountStatus::Removed;
    world.later(60_000);
    assert_eq!(code(&world.ask(BUSY, "{}").await), "6717");
}

#[test]
fn every_code_has_its_texts_and_its_status() {
    let row = |code: &Code| {
        let (chinese, english) = (code.text(Language::Chinese), code.text(Language::English));
        format!("{} | {} | {chinese} | {english}\n", code.number(), code.semantic_status())
    };
    insta::assert_snapshot!("codes", Code::ALL.iter().map(row).collect::<String>());
}

#[tokio::test]
async fn a_refusal_speaks_the_client_s_language() {
    let world = World::new();
    let body = r#"{"agentNumber":"8000","calleeNumber":"1","agentTimeout":"soon"}"#;
    insta::assert_snapshot!("refusal_chinese", pretty(&world.ask(DIAL, body).await));
    let english =
        world.signed(DIAL).header("accept-language", "en-GB,en;q=0.9").body(Body::from(body)).unwrap();
    let answer = world.answer(english).await;
    assert_eq!(answer["message"], "param error: agentTimeout must be a number from 1 to 300");
}

#[tokio::test]
async fn a_refusal_is_an_http_status_too_when_wanted() {
    let world = World::new();
    world.access.lock().unwrap().http_status = HttpStatus::Semantic;
    let status = async |body: &'static str| {
        world.response(world.signed(BUSY).body(Body::from(body)).unwrap()).await.status().as_u16()
    };
    assert_eq!(status(BODY).await, 200);
    assert_eq!(status("{}").await, 400);
    *world.core.lock().unwrap() = Core::Panics;
    assert_eq!(status(BODY).await, 500);
}

#[tokio::test]
async fn an_account_s_form_of_refusals_is_that_of_every_check() {
    let world = World::new();
    {
        let mut access = world.access.lock().unwrap();
        access.http_status = HttpStatus::Semantic;
        access.limits = RequestLimits { per_minute: Some(1), per_route_per_minute: None };
    }
    let status = async |request: Request<Body>| world.response(request).await.status().as_u16();
    let unsigned =
        |path: &str| Request::post(path).header("m7-appkey", "2000103").body(Body::from(BODY)).unwrap();
    assert_eq!(status(unsigned(BUSY)).await, 401);
    assert_eq!(status(unsigned("/openapi/v1/call/nothing")).await, 404);
    assert_eq!(code(&world.ask(BUSY, BODY).await), "200");
    let limited = world.response(world.signed(BUSY).body(Body::from(BODY)).unwrap()).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(json(limited).await["requestInfo"]["headers"]["accountId"], "2000103");
    let nobody = Request::post(BUSY).header("m7-appkey", "2000104").body(Body::from(BODY)).unwrap();
    assert_eq!(status(nobody).await, 200, "the border's own form");
}

#[tokio::test]
async fn headers_are_echoed_as_the_account_wants() {
    let world = World::new();
    let headers = async || world.ask(BUSY, BODY).await["requestInfo"].get("headers").cloned();
    let echoed = headers().await.expect("echoed");
    assert_eq!(echoed["m7-appkey"], "2000103");
    assert!(echoed.get("m7-sign").is_none());
    assert_eq!(echoed["accountId"], "2000103");
    world.access.lock().unwrap().header_echo = HeaderEcho::WithSign;
    assert!(headers().await.expect("echoed").get("m7-sign").is_some());
    world.access.lock().unwrap().header_echo = HeaderEcho::Omit;
    assert_eq!(headers().await, None);
}

#[tokio::test]
async fn a_body_has_a_size_and_a_form() {
    let world = World::new();
    let large = format!(r#"{{"agentNumber":"8000","padding":"{}"}}"#, "x".repeat(64 * 1024));
    let answer = world.ask(BUSY, &large).await;
    assert_eq!((code(&answer), &answer["message"]), ("40000", &json!("参数异常: body 最多 65536 字节")));
    let answer = world.ask(BUSY, "[1]").await;
    assert_eq!((code(&answer), &answer["message"]), ("40000", &json!("参数异常: body 必须是 JSON 对象")));
    let deep = format!(r#"{{"agentNumber":"8000","deep":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(code(&world.ask(BUSY, &deep).await), "40000");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let world = World::new();
    let never = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let answer = world.answer(world.signed(BUSY).body(never).unwrap()).await;
    assert_eq!((code(&answer), &answer["message"]), ("40000", &json!("参数异常: body 必须在 10 秒内到达")));
}

#[tokio::test(start_paused = true)]
async fn a_core_that_does_not_answer_or_breaks_has_its_codes() {
    let world = World::new();
    *world.core.lock().unwrap() = Core::SaysNothing;
    assert_eq!(code(&world.ask(BUSY, BODY).await), "50007");
    *world.core.lock().unwrap() = Core::Panics;
    assert_eq!(code(&world.ask(BUSY, BODY).await), "50009");
    world.says(Ok(Accepted::default()));
    assert_eq!(code(&world.ask(BUSY, BODY).await), "200");
}

async fn with_key(world: &std::sync::Arc<World>, key: &str, path: &str, body: &'static str) -> (bool, Value) {
    let request = world.signed(path).header("idempotency-key", key).body(Body::from(body)).unwrap();
    let response = world.response(request).await;
    (response.headers().contains_key("idempotent-replayed"), json(response).await)
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer_and_no_second_effect() {
    let world = World::new();
    world.says(accepted(42));
    let (replayed, first) = with_key(&world, "k", DIAL, DIAL_BODY).await;
    assert!(!replayed);
    world.says(Err(Refusal::InCall));
    let (replayed, again) = with_key(&world, "k", DIAL, DIAL_BODY).await;
    assert_eq!((replayed, &again), (true, &first));
    assert_eq!(first["data"]["response"]["data"]["callUniqueId"], "42");
    assert_eq!(world.asked.lock().unwrap().len(), 1);
    assert_eq!(world.asked.lock().unwrap()[0].key.as_deref(), Some("k"));

    let other = r#"{"agentNumber":"8000","calleeNumber":"1"}"#;
    let (_, conflict) = with_key(&world, "k", DIAL, other).await;
    assert_eq!(
        (code(&conflict), &conflict["message"]),
        ("40000", &json!("参数异常: Idempotency-Key 已用于另一个请求体"))
    );
    assert_eq!(
        code(&with_key(&world, "k", "/openapi/v1/call/hangup", DIAL_BODY).await.1),
        "40000",
        "another verb"
    );
    assert_eq!(
        code(&with_key(&world, "k2", DIAL, DIAL_BODY).await.1),
        "6713",
        "another key is another request"
    );
    assert_eq!(code(&with_key(&world, "k2", DIAL, DIAL_BODY).await.1), "6713", "a refusal is an answer too");
    assert_eq!(world.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_is_given_back_when_nothing_was_done() {
    let world = World::new();
    world.says(Err(Refusal::LogUnavailable));
    assert_eq!(code(&with_key(&world, "k", DIAL, DIAL_BODY).await.1), "6700");
    world.says(accepted(42));
    assert_eq!(code(&with_key(&world, "k", DIAL, DIAL_BODY).await.1), "200");
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_in_a_crash_is_written_again() {
    let world = World::new();
    let lost = Begun::Accepted(Accepted { call: Some(CallId(42)) });
    world.keys.lock().unwrap().insert("k".to_owned(), lost);
    let (replayed, answer) = with_key(&world, "k", DIAL, DIAL_BODY).await;
    assert!(replayed);
    assert_eq!(answer["data"]["response"]["data"]["callUniqueId"], "42");
    assert!(world.asked.lock().unwrap().is_empty());
    world.keys.lock().unwrap().insert("k".to_owned(), Begun::InProgress);
    assert_eq!(code(&with_key(&world, "k", DIAL, DIAL_BODY).await.1), "50007");
}

#[tokio::test]
async fn keys_have_limits() {
    let world = World::new();
    let long = "k".repeat(129);
    assert_eq!(code(&with_key(&world, &long, BUSY, BODY).await.1), "40000");
    assert_eq!(code(&with_key(&world, &long[1..], BUSY, BODY).await.1), "200");
}

#[tokio::test]
async fn records_are_listed_as_they_are_read() {
    let world = World::new();
    let path = "/openapi/v1/call/cdr/list";
    let body = r#"{"startTime":"2020-12-16 00:00:00","endTime":"2020-12-16 23:59:59","page":2,"pageSize":2}"#;
    *world.records.lock().unwrap() = vec![Ok(r#"{"_id":"2"}"#.to_owned()), Ok(r#"{"_id":"1"}"#.to_owned())];
    insta::assert_snapshot!("answer_cdr_list", pretty(&world.ask(path, body).await));
    let query = world.queries.lock().unwrap().remove(0);
    assert_eq!((query.page, query.page_size), (2, 2));
    world.records.lock().unwrap().clear();
    let empty = world.ask(path, r#"{"uniqueId":"403344537650466816"}"#).await;
    assert_eq!((&empty["data"]["list"], &empty["data"]["count"]), (&json!([]), &json!(40)));
    assert_eq!(code(&world.ask(path, "{}").await), "6733");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_breaks_the_list_off() {
    use http_body_util::BodyExt;
    let world = World::new();
    *world.records.lock().unwrap() = vec![Ok("{}".to_owned()), Err(server::http::ports::Unavailable)];
    let request = world.signed("/openapi/v1/call/cdr/list").body(Body::from(r#"{"uniqueId":"1"}"#)).unwrap();
    assert!(world.response(request).await.into_body().collect().await.is_err());
}

#[tokio::test]
async fn health_is_told() {
    let world = World::new();
    let get = async |path: &str| {
        let response = world.response(Request::get(path).body(Body::empty()).unwrap()).await;
        (response.status().as_u16(), text(response).await)
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
    *world.warnings.lock().unwrap() = vec!["calls are not recorded".to_owned()];
    assert_eq!(get("/readyz").await, (200, "ready\nwarning: calls are not recorded\n".to_owned()));
    assert_eq!(get("/metrics").await, (200, "calls_open 0\n".to_owned()));
    *world.not_ready.lock().unwrap() = vec!["the log is stalled".to_owned()];
    assert_eq!(get("/readyz").await, (503, "the log is stalled\n".to_owned()));
}

#[tokio::test]
async fn the_api_describes_itself() {
    let world = World::new();
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let document: Value = serde_json::from_str(&text(world.response(request).await).await).unwrap();
    insta::assert_snapshot!("openapi", pretty(&document));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("values are written")
}
