//! `cordboard call`: one signed request, its answer printed.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use serde_json::{Map, Value};
use url::Url;

use super::args::{CallArgs, Cli, Command, Identity};
use super::sign::Signed;
use crate::config::{Config, DEMO_APPKEY};

/// Longer than any answer of the server but a page of records takes.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer: a page of 10,000 records has about 30 MB.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request, ready to be sent.
#[derive(Debug, PartialEq)]
struct Request {
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

/// Asks the server at `server` what the words say, in the name of the demo account: `["online", "--agent", "8000"]`.
///
/// # Errors
/// Words that `cordboard call` would not take, a server that cannot be asked, an answer that is not JSON.
pub async fn ask(words: &[&str], server: &str) -> anyhow::Result<Value> {
    let line = [&["cordboard", "call"], words, &["--server", server]].concat();
    let Command::Call(args) = Cli::try_parse_from(line)?.command else {
        unreachable!("the words after \"call\" are those of a call")
    };
    let answer = send(request(&args, &Signed::now(&args.identity)?)?).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Sends the request and prints the answer. Ends with 1 when the server refused.
pub(super) async fn run(args: &CallArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let request = request(args, &Signed::now(&args.identity)?)?;
    let answer = send(request).await.with_context(|| format!("{} could not be asked", args.server))?;
    let Ok(json) = serde_json::from_slice::<Value>(&answer) else {
        out.write_all(&answer)?;
        bail!("the answer is not JSON: is {} a call API?", args.server);
    };
    writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
    Ok(match json["success"] == Value::Bool(true) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn request(args: &CallArgs, signed: &Signed) -> anyhow::Result<Request> {
    let mut headers: Vec<(&str, String)> =
        signed.headers().into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    headers.push(("content-type", "application/json".to_owned()));
    headers.extend(args.key.clone().map(|key| ("idempotency-key", key)));
    Ok(Request { url: url(&args.server, &args.verb)?, headers, body: Value::Object(body(args)?) })
}

/// `verb` below `/openapi/v1/call/`, or `base/…` below `/openapi/v1/`.
fn url(server: &Url, verb: &str) -> anyhow::Result<Url> {
    let plain = verb.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/') && !verb.starts_with('/');
    ensure!(plain && !verb.is_empty(), "\"{verb}\" is no verb: write it like dialOut or cdr/list");
    let service = if verb.starts_with("base/") { "" } else { "call/" };
    let root = server.as_str().trim_end_matches('/');
    Ok(Url::parse(&format!("{root}/openapi/v1/{service}{verb}"))?)
}

fn body(args: &CallArgs) -> anyhow::Result<Map<String, Value>> {
    let mut body = Map::new();
    let mut text = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value));
        }
    };
    let [agent, to, mode] = [&args.agent, &args.to, &args.mode].map(Option::as_deref);
    text("listenAgent", args.supervisor.as_deref());
    text("agentNumber", agent);
    match args.verb.as_str() {
        "online" => {
            text("loginType", Some(args.login.as_deref().unwrap_or_else(|| login_type(args))));
            text("status", Some(args.status.as_deref().unwrap_or("0")));
        }
        _ => {
            text("loginType", args.login.as_deref());
            text("status", args.status.as_deref());
        }
    }
    text("callerNumber", args.from.as_deref());
    match args.verb.as_str() {
        "transfer" | "consult" => {
            text("mode", mode.or(Some("agent")));
            text("number", to);
        }
        "webcall" => {
            text("calleeType", mode.or(Some("number")));
            text("calleeNumber", to);
        }
        _ => {
            text("mode", mode);
            text("calleeNumber", to);
        }
    }
    text("digits", args.digits.as_deref());
    if let Some(extras) = &args.extras {
        let extras = serde_json::from_str(extras).unwrap_or_else(|_| Value::from(extras.as_str()));
        body.insert("extras".to_owned(), extras);
    }
    for field in &args.fields {
        let (name, value) = read_field(field)?;
        body.insert(name, value);
    }
    Ok(body)
}

/// The phone an agent of the demo has; PSTN for anybody else's.
fn login_type(args: &CallArgs) -> &'static str {
    let CallArgs { identity: Identity { appkey, .. }, agent: Some(agent), .. } = args else { return "PSTN" };
    let demo = Config::demo();
    let mut agents = demo.accounts.iter().flat_map(|account| &account.agents).map(|agent| &agent.center);
    let has_phone = agents.any(|known| known.number == *agent && known.sip_user.is_some());
    if appkey == DEMO_APPKEY && has_phone { "SIP" } else { "PSTN" }
}

/// `name:=JSON` or `name=text`.
fn read_field(field: &str) -> anyhow::Result<(String, Value)> {
    let Some((name, value)) = field.split_once('=') else {
        bail!("--field {field} has no \"=\": write name=text or name:=JSON")
    };
    let (name, value) = match name.strip_suffix(':') {
        Some(name) => {
            let json = serde_json::from_str(value);
            (name, json.with_context(|| format!("--field {field}: what follows := is not JSON"))?)
        }
        None => (name, Value::from(value)),
    };
    ensure!(!name.is_empty(), "--field {field} has no name before \"=\"");
    Ok((name.to_owned(), value))
}

async fn send(request: Request) -> anyhow::Result<Vec<u8>> {
    let provider = rustls::crypto::ring::default_provider();
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else in this process may have been first; theirs serves as well.
        let _ = provider.install_default();
    }
    let client =
        reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
    let mut sending = client.post(request.url).body(request.body.to_string());
    for (name, value) in request.headers {
        sending = sending.header(name, value);
    }
    let mut answer = sending.send().await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        ensure!(
            bytes.len() + chunk.len() <= ANSWER_BYTES_MAX,
            "the answer is longer than {ANSWER_BYTES_MAX} bytes"
        );
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn args(words: &[&str]) -> CallArgs {
        let cli = Cli::try_parse_from([&["cordboard", "call"], words].concat()).expect("well formed");
        let Command::Call(args) = cli.command else { panic!("{:?}", cli.command) };
        *args
    }

    fn body_of(words: &[&str]) -> Value {
        Value::Object(body(&args(words)).expect("well formed"))
    }

    #[test]
    fn a_dial_out_is_built_and_signed_like_the_vector() {
        let args =
            args(&["dialOut", "--agent", "8000", "--to", "13900000001", "--extras", r#"{"b":1,"a":1.10}"#]);
        let signed = Signed::new(&args.identity, "1608119594".to_owned(), "123221".to_owned());
        let request = request(&args, &signed).expect("well formed");
        assert_eq!(request.url.as_str(), "http://127.0.0.1:8080/openapi/v1/call/dialOut");
        assert_eq!(
            request.body.to_string(),
            r#"{"agentNumber":"8000","calleeNumber":"13900000001","extras":{"b":1,"a":1.10}}"#
        );
        let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(header("m7-appkey"), Some("2000103"));
        assert_eq!(header("m7-timestamp"), Some("1608119594"));
        assert_eq!(header("m7-nonce"), Some("123221"));
        assert_eq!(header("m7-sign"), Some("ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo="));
        assert_eq!(header("content-type"), Some("application/json"));
    }

    #[test]
    fn each_verb_gets_its_fields() {
        assert_eq!(
            body_of(&["online", "--agent", "8000"]),
            json!({"agentNumber": "8000", "loginType": "PSTN", "status": "0"})
        );
        assert_eq!(body_of(&["online", "--agent", "8007"])["loginType"], "SIP");
        assert_eq!(body_of(&["online", "--agent", "8007", "--appkey", "2000104"])["loginType"], "PSTN");
        assert_eq!(body_of(&["transfer", "--to", "8001"]), json!({"mode": "agent", "number": "8001"}));
        let outline = body_of(&["consult", "--agent", "8000", "--mode", "outline", "--to", "13900000001"]);
        assert_eq!(outline, json!({"agentNumber": "8000", "mode": "outline", "number": "13900000001"}));
        assert_eq!(
            body_of(&["webcall", "--from", "13900000001", "--to", "13900000002"]),
            json!({"callerNumber": "13900000001", "calleeType": "number", "calleeNumber": "13900000002"})
        );
        assert_eq!(
            body_of(&["webcall", "--from", "13900000001", "--mode", "agentNumber", "--to", "8001"])["calleeType"],
            "agentNumber"
        );
        assert_eq!(
            body_of(&["listen", "--supervisor", "8004", "--agent", "8000"]),
            json!({"listenAgent": "8004", "agentNumber": "8000"})
        );
        assert_eq!(body_of(&["sendDtmf", "--digits", "12#"]), json!({"digits": "12#"}));
        assert_eq!(
            body_of(&[
                "dialOut",
                "--extras",
                "not {json",
                "--field",
                "calleeTimeout=30",
                "--field",
                "groupRule:=1"
            ]),
            json!({"extras": "not {json", "calleeTimeout": "30", "groupRule": 1})
        );
    }

    #[test]
    fn paths_stay_below_the_api() {
        let url_of =
            |server: &str, verb: &str| url(&Url::parse(server).expect("a URL"), verb).map(String::from);
        let root = "http://h:1/";
        assert_eq!(url_of(root, "cdr/list").expect("fine"), "http://h:1/openapi/v1/call/cdr/list");
        assert_eq!(url_of(root, "base/queue/list").expect("fine"), "http://h:1/openapi/v1/base/queue/list");
        assert_eq!(url_of("https://h/api/", "online").expect("fine"), "https://h/api/openapi/v1/call/online");
        for wrong in ["", "/online", "../x", "a?b", "a b"] {
            assert!(url_of(root, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_field_is_explained() {
        let error = |field: &str| read_field(field).expect_err("wrong").to_string();
        assert_eq!(error("page"), "--field page has no \"=\": write name=text or name:=JSON");
        assert_eq!(error("page:=x"), "--field page:=x: what follows := is not JSON");
        assert_eq!(error("=1"), "--field =1 has no name before \"=\"");
    }

    /// A server that answers `{success, sign, body}` of what it got.
    async fn echo(success: bool) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("is bound");
        let answer = move |headers: HeaderMap, body: String| async move {
            let sign = headers.get("m7-sign").and_then(|sign| sign.to_str().ok()).map(str::to_owned);
            json!({"success": success, "sign": sign, "body": body}).to_string()
        };
        let router = Router::new().route("/openapi/v1/call/hangup", axum::routing::post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Url::parse(&format!("http://{addr}")).expect("a URL")
    }

    #[tokio::test]
    async fn the_answer_is_printed_and_decides_the_exit_code() {
        for (success, code) in [(true, ExitCode::SUCCESS), (false, ExitCode::FAILURE)] {
            let server = echo(success).await;
            let mut out = Vec::new();
            let words = ["hangup", "--agent", "8000", "--server", server.as_str()];
            assert_eq!(run(&args(&words), &mut out).await.expect("is answered"), code);
            let printed: Value = serde_json::from_slice(&out).expect("JSON");
            assert_eq!(printed["body"], r#"{"agentNumber":"8000"}"#);
            assert_eq!(printed["sign"].as_str().map(str::len), Some(44));
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_not_json_is_shown_and_an_error() {
        let server = echo(true).await;
        let mut out = Vec::new();
        let error = run(&args(&["nowhere", "--server", server.as_str()]), &mut out).await.expect_err("404");
        assert!(error.to_string().starts_with("the answer is not JSON"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        drop(listener);
        let error =
            run(&args(&["online", "--server", &url]), &mut Vec::new()).await.expect_err("nobody listens");
        assert_eq!(error.to_string(), format!("{url}/ could not be asked"));
    }
}
